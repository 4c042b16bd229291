/*
 * From a socket's inode to the process that made it.
 *
 * Model      Where we look, in this order, each cheaper than the next:
 *
 *              known     inode -> pid and descriptor, seen before: one readlink confirms
 *              probes    the processes found last, where their next socket is likely to be
 *              changed   processes that are new, or hold another number of descriptors than last time:
 *                        one stat each (Linux 6.2 tells the number; before, all may have changed)
 *              all       every other process: a socket may have taken the place of another
 *
 *            Whatever socket a look passes is known from then on, so that what is there when a run
 *            begins costs one walk, not one for each.
 *            A process that inherited the socket is not its owner while its parent holds it too.
 * Ref        proc(5)
 */
#include "plane/owner/process_find.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

#define KNOWN        8192u /* a power of two */
#define RECENT       8u
#define PROBES       4u
#define ANCESTORS    64u /* a longer line of inheritance ends the climb, not the search */
#define ABSENT_NS    1000000000ull
#define INIT         1u /* keeps the sockets it started services for: they are theirs */
#define DELETED_MARK " (deleted)"

struct known {
    uint32_t inode;
    uint32_t pid; /* 0: nobody held it at `at_ns` */
    uint32_t descriptor;
    bool is_owner; /* no ancestor holds it */
    uint64_t at_ns;
};

struct recent {
    uint32_t pid, descriptor; /* of its last socket */
};

struct process {
    uint32_t pid;
    uint32_t looked_in; /* the search that looked at its descriptors last; 0 none */
    int64_t count;      /* of descriptors then */
};

struct wfp_process_finder {
    int proc; /* the folder */
    struct recent recent[RECENT];
    uint32_t search;   /* the number of the current one, from 1 */
    uint32_t last_pid; /* that was given out before the list was made; 0: not told */
    uint32_t process_count, process_capacity;
    struct process *processes; /* as /proc lists them: by pid */
    struct known known[KNOWN];
};

int
wfp_process_finder_new(const char *proc, struct wfp_process_finder **ret_finder)
{
    struct wfp_process_finder *finder = calloc(1, sizeof(*finder));

    if (!finder)
        return -WFP_ERR_NO_MEMORY;
    finder->proc = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (finder->proc < 0) {
        free(finder);
        return -WFP_ERR_IO;
    }
    *ret_finder = finder;
    return 0;
}

void
wfp_process_finder_free(struct wfp_process_finder *finder)
{
    if (!finder)
        return;
    close(finder->proc);
    free(finder->processes);
    free(finder);
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** The number that @p name is, or 0. */
static uint32_t
number_of(const char *name)
{
    char *end;
    unsigned long number = name[0] >= '0' && name[0] <= '9' ? strtoul(name, &end, 10) : 0;

    return number && *end == 0 && number <= INT32_MAX ? (uint32_t)number : 0;
}

/** The inode of the socket that a link in a descriptor folder names, or 0. */
static uint32_t
socket_at(int folder, const char *link)
{
    static const char before[] = "socket:[";
    char target[32], *end;
    ssize_t size = readlinkat(folder, link, target, sizeof(target) - 1);
    unsigned long inode;

    if (size < (ssize_t)sizeof(before) || memcmp(target, before, sizeof(before) - 1) != 0)
        return 0;
    target[size] = 0;
    inode = strtoul(target + sizeof(before) - 1, &end, 10);
    return *end == ']' && inode <= UINT32_MAX ? (uint32_t)inode : 0;
}

static bool
is_at(const struct wfp_process_finder *finder, uint32_t pid, uint32_t descriptor, uint32_t inode)
{
    char name[48];

    snprintf(name, sizeof(name), "%u/fd/%u", pid, descriptor);
    return socket_at(finder->proc, name) == inode;
}

static void
know(struct wfp_process_finder *finder, uint32_t inode, uint32_t pid, uint32_t descriptor)
{
    finder->known[inode % KNOWN] =
        (struct known){.inode = inode, .pid = pid, .descriptor = descriptor};
}

static DIR *
open_folder(const struct wfp_process_finder *finder, const char *name)
{
    int fd = openat(finder->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;

    if (fd >= 0 && !folder)
        close(fd);
    return folder;
}

/**
 * Does the process hold the socket? Then it is known from now on; so are others that are passed.
 * @param passes_all  look at all it holds, also behind the socket
 */
static bool
holds(struct wfp_process_finder *finder, uint32_t pid, uint32_t inode, bool passes_all)
{
    const struct dirent *entry;
    bool is_found = false;
    char name[32];
    DIR *folder;

    snprintf(name, sizeof(name), "%u/fd", pid);
    folder = open_folder(finder, name);
    if (!folder)
        return false;
    while ((!is_found || passes_all) && (entry = readdir(folder)) != NULL) {
        uint32_t passed = entry->d_name[0] != '.' ? socket_at(dirfd(folder), entry->d_name) : 0;
        bool is_it = passed == inode;
        bool is_news = pid != INIT && finder->known[passed % KNOWN].inode != passed &&
                       passed % KNOWN != inode % KNOWN;

        if (passed && (is_it || is_news))
            know(finder, passed, pid, (uint32_t)strtoul(entry->d_name, NULL, 10));
        is_found |= is_it;
    }
    closedir(folder);
    return is_found;
}

/** Read a small file of a process, or of /proc (0). @return false when there is none */
static bool
read_file(const struct wfp_process_finder *finder, uint32_t pid, const char *what, char *text,
          size_t size)
{
    char name[48];
    ssize_t got;
    int fd;

    if (pid)
        snprintf(name, sizeof(name), "%u/%s", pid, what);
    else
        snprintf(name, sizeof(name), "%s", what);
    fd = openat(finder->proc, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    return got > 0;
}

static uint32_t
parent_of(const struct wfp_process_finder *finder, uint32_t pid)
{
    char text[512], *after_name;
    unsigned parent;

    if (!read_file(finder, pid, "stat", text, sizeof(text)))
        return 0;
    after_name = strrchr(text, ')'); /* names may hold anything */
    return after_name && sscanf(after_name + 1, " %*c %u", &parent) == 1 ? parent : 0;
}

static uint32_t
eldest_of(struct wfp_process_finder *finder, uint32_t pid, uint32_t inode)
{
    for (unsigned i = 0; i < ANCESTORS; i++) {
        uint32_t parent = parent_of(finder, pid);

        if (parent <= INIT || !holds(finder, parent, inode, false))
            break;
        pid = parent;
    }
    return pid;
}

/* ---- processes ---- */

/** The last process id given out: while it is the same, no process is new. 0 unknown */
static uint32_t
last_pid(const struct wfp_process_finder *finder)
{
    char text[128], *last;

    if (!read_file(finder, 0, "loadavg", text, sizeof(text)))
        return 0;
    last = strrchr(text, ' ');
    return last ? (uint32_t)strtoul(last + 1, NULL, 10) : 0;
}

static bool
add_process(struct process **processes, uint32_t *capacity, uint32_t count, uint32_t pid)
{
    if (count == *capacity) {
        uint32_t more = MAX(256, 2 * *capacity);
        struct process *grown = realloc(*processes, more * sizeof(*grown));

        if (!grown)
            return false;
        *processes = grown;
        *capacity = more;
    }
    (*processes)[count] = (struct process){.pid = pid};
    return true;
}

/** Which there are now; what is known of those that were there stays known. */
static void
list_processes(struct wfp_process_finder *finder)
{
    struct process *processes = NULL;
    uint32_t capacity = 0, count = 0, old = 0;
    const struct dirent *entry;
    DIR *folder;

    finder->last_pid = last_pid(finder);
    folder = open_folder(finder, ".");
    while (folder && (entry = readdir(folder)) != NULL) {
        uint32_t pid = number_of(entry->d_name);

        if (pid == 0)
            continue;
        if (!add_process(&processes, &capacity, count, pid))
            break;
        while (old < finder->process_count && finder->processes[old].pid < pid)
            old++; /* both are in the order of pids; where they aren't, it is only looked at again */
        if (old < finder->process_count && finder->processes[old].pid == pid)
            processes[count] = finder->processes[old];
        count++;
    }
    if (folder)
        closedir(folder);
    free(finder->processes);
    finder->processes = processes;
    finder->process_count = count;
    finder->process_capacity = capacity;
}

/** How many descriptors it has; 0 where Linux doesn't tell, -1 when it is gone. */
static int64_t
descriptors_of(const struct wfp_process_finder *finder, uint32_t pid)
{
    struct stat stat;
    char name[32];

    snprintf(name, sizeof(name), "%u/fd", pid);
    return fstatat(finder->proc, name, &stat, 0) == 0 ? (int64_t)stat.st_size : -1;
}

/** Look at a process, unless this search did, or unless it has not changed. */
static bool
look_at(struct wfp_process_finder *finder, struct process *process, uint32_t inode,
        bool only_if_changed)
{
    int64_t count;
    bool is_first;

    if (process->looked_in == finder->search || process->pid == INIT)
        return false;
    count = descriptors_of(finder, process->pid);
    if (only_if_changed && process->looked_in && count == process->count && count != 0)
        return false;
    is_first = process->looked_in == 0;
    process->count = count;
    process->looked_in = finder->search;
    return count >= 0 && holds(finder, process->pid, inode, is_first);
}

/** Newest first: a socket's owner has often just started. @return its pid, or 0 */
static uint32_t
look_at_all(struct wfp_process_finder *finder, uint32_t inode, bool only_if_changed)
{
    for (uint32_t i = finder->process_count; i-- > 0;)
        if (look_at(finder, &finder->processes[i], inode, only_if_changed))
            return finder->processes[i].pid;
    return 0;
}

static void
remember_recent(struct wfp_process_finder *finder, uint32_t pid, uint32_t descriptor)
{
    unsigned i = 0;

    while (i < RECENT - 1 && finder->recent[i].pid != pid)
        i++;
    memmove(finder->recent + 1, finder->recent, i * sizeof(*finder->recent));
    finder->recent[0] = (struct recent){pid, descriptor};
}

/** Where processes found lately may have their next: beside the last one, or in its place. */
static uint32_t
probe_recent(struct wfp_process_finder *finder, uint32_t inode)
{
    static const int steps[PROBES] = {1, 0, 2, -1};

    for (unsigned i = 0; i < RECENT && finder->recent[i].pid; i++)
        for (unsigned k = 0; k < PROBES; k++) {
            uint32_t descriptor = finder->recent[i].descriptor + (uint32_t)steps[k];

            if (is_at(finder, finder->recent[i].pid, descriptor, inode)) {
                know(finder, inode, finder->recent[i].pid, descriptor);
                return finder->recent[i].pid;
            }
        }
    return 0;
}

static uint32_t
search(struct wfp_process_finder *finder, uint32_t inode)
{
    bool is_listed = finder->last_pid == 0 || finder->last_pid != last_pid(finder);
    uint32_t pid = probe_recent(finder, inode);

    if (pid)
        return pid;
    finder->search++;
    if (is_listed)
        list_processes(finder);
    pid = look_at_all(finder, inode, true);
    if (!pid && !is_listed) {
        list_processes(finder); /* processes may be there that the last id does not tell of */
        pid = look_at_all(finder, inode, true);
    }
    if (!pid)
        pid = look_at_all(finder, inode, false);
    return pid ? pid : holds(finder, INIT, inode, false) ? INIT : 0;
}

static uint32_t
find_pid(struct wfp_process_finder *finder, uint32_t inode)
{
    struct known *known = &finder->known[inode % KNOWN];
    uint32_t pid = 0;

    if (known->inode == inode && known->pid > INIT &&
        is_at(finder, known->pid, known->descriptor, inode))
        pid = known->pid;
    else if (known->inode == inode && !known->pid && now_ns() - known->at_ns < ABSENT_NS)
        return 0;
    if (pid && known->is_owner)
        return pid;
    if (!pid)
        pid = search(finder, inode);
    if (pid == 0) {
        *known = (struct known){.inode = inode, .at_ns = now_ns()};
        return 0;
    }
    pid = eldest_of(finder, pid, inode);
    known->is_owner = known->inode == inode && known->pid == pid;
    if (pid != INIT)
        remember_recent(finder, pid, known->descriptor);
    return pid;
}

/** "Uid:\t1000\t1000\t1000\t1000": is @p id one of the four? */
static bool
has_id(const char *status, const char *label, uint32_t id, uint32_t *ret_effective)
{
    const char *line = strstr(status, label);
    unsigned ids[4];

    if (!line ||
        sscanf(line + strlen(label), "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
        return false;
    *ret_effective = ids[1];
    return id == ids[0] || id == ids[1] || id == ids[2] || id == ids[3];
}

static void
read_groups(const struct wfp_process_finder *finder, uint32_t uid, struct wfp_process *process)
{
    char status[16384], *at, *end;
    uint32_t effective, gid = 0;

    process->group_count = 0;
    if (!read_file(finder, process->id, "status", status, sizeof(status)) ||
        !has_id(status, "\nUid:", uid, &effective))
        return;
    (void)has_id(status, "\nGid:", 0, &gid);
    process->groups[process->group_count++] = gid;
    at = strstr(status, "\nGroups:");
    if (!at)
        return;
    at += strlen("\nGroups:");
    while (process->group_count < WFP_PROCESS_MAX_GROUPS) {
        while (*at == ' ' || *at == '\t')
            at++;
        gid = (uint32_t)strtoul(at, &end, 10);
        if (end == at || *at == '\n')
            break;
        process->groups[process->group_count++] = gid;
        at = end;
    }
}

static void
read_path(const struct wfp_process_finder *finder, struct wfp_process *process)
{
    size_t mark = strlen(DELETED_MARK);
    char name[32];
    ssize_t size;

    snprintf(name, sizeof(name), "%u/exe", process->id);
    size = readlinkat(finder->proc, name, process->path, sizeof(process->path) - 1);
    process->path[size > 0 ? size : 0] = 0;
    if (size > (ssize_t)mark && strcmp(process->path + size - mark, DELETED_MARK) == 0)
        process->path[(size_t)size - mark] = 0;
}

bool
wfp_process_find(struct wfp_process_finder *finder, uint32_t inode, uint32_t uid,
                 struct wfp_process *ret_process)
{
    uint32_t pid = find_pid(finder, inode);

    if (pid == 0)
        return false;
    ret_process->id = pid;
    read_path(finder, ret_process);
    read_groups(finder, uid, ret_process);
    return true;
}
