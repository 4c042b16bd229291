/*
 * From a socket's inode to the process that made it.
 *
 * Model      where we look, in this order, each cheaper than the next:
 *
 *              known     inode -> pid and descriptor, found before: one readlink confirms
 *              recent    the processes found last: a client opens many sockets
 *              all       every process, newest first: a socket's owner has often just started
 *
 *            A process that inherited the socket is not its owner while its parent holds it too.
 * Ref        proc(5)
 */
#include "plane/owner/process_find.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

#define KNOWN        4096u /* a power of two */
#define RECENT       8u
#define ANCESTORS    64u /* a longer line of inheritance ends the climb, not the search */
#define ABSENT_NS    1000000000ull
#define INIT         1u /* keeps the sockets it started services for: they are theirs */
#define DELETED_MARK " (deleted)"

struct known {
    uint32_t inode;
    uint32_t pid; /* 0: nobody held it at `at_ns` */
    uint32_t descriptor;
    uint64_t at_ns;
};

struct wfp_process_finder {
    int proc; /* the folder */
    uint32_t recent[RECENT];
    uint32_t pid_capacity;
    uint32_t *pids; /* of one walk */
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
    free(finder->pids);
    free(finder);
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool
is_socket(int folder, const char *link, uint32_t inode)
{
    char wanted[32], target[32];
    int length = snprintf(wanted, sizeof(wanted), "socket:[%u]", inode);
    ssize_t size = readlinkat(folder, link, target, sizeof(target));

    return size == length && memcmp(wanted, target, (size_t)length) == 0;
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

/** The number that @p name is, or 0. */
static uint32_t
number_of(const char *name)
{
    char *end;
    unsigned long number = name[0] >= '0' && name[0] <= '9' ? strtoul(name, &end, 10) : 0;

    return number && *end == 0 && number <= INT32_MAX ? (uint32_t)number : 0;
}

/** Does the process hold the socket? Then it is known from now on. */
static bool
holds(struct wfp_process_finder *finder, uint32_t pid, uint32_t inode)
{
    struct known *known = &finder->known[inode % KNOWN];
    const struct dirent *entry;
    bool is_found = false;
    char name[32];
    DIR *folder;

    snprintf(name, sizeof(name), "%u/fd", pid);
    folder = open_folder(finder, name);
    if (!folder)
        return false;
    while (!is_found && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.' && is_socket(dirfd(folder), entry->d_name, inode)) {
            *known = (struct known){inode, pid, (uint32_t)strtoul(entry->d_name, NULL, 10), 0};
            is_found = true;
        }
    closedir(folder);
    return is_found;
}

/** Read a small file of a process. @return false when there is none */
static bool
read_file(const struct wfp_process_finder *finder, uint32_t pid, const char *what, char *text,
          size_t size)
{
    char name[48];
    ssize_t got;
    int fd;

    snprintf(name, sizeof(name), "%u/%s", pid, what);
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

        if (parent <= INIT || !holds(finder, parent, inode))
            break;
        pid = parent;
    }
    return pid;
}

static uint32_t
list_processes(struct wfp_process_finder *finder)
{
    const struct dirent *entry;
    DIR *folder = open_folder(finder, ".");
    uint32_t count = 0;

    while (folder && (entry = readdir(folder)) != NULL) {
        uint32_t pid = number_of(entry->d_name);

        if (pid == 0)
            continue;
        if (count == finder->pid_capacity) {
            uint32_t capacity = MAX(256, 2 * finder->pid_capacity);
            uint32_t *pids = realloc(finder->pids, capacity * sizeof(*pids));

            if (!pids)
                break;
            finder->pids = pids;
            finder->pid_capacity = capacity;
        }
        finder->pids[count++] = pid;
    }
    if (folder)
        closedir(folder);
    return count;
}

static void
remember_recent(struct wfp_process_finder *finder, uint32_t pid)
{
    unsigned i = 0;

    while (i < RECENT - 1 && finder->recent[i] != pid)
        i++;
    memmove(finder->recent + 1, finder->recent, i * sizeof(*finder->recent));
    finder->recent[0] = pid;
}

static uint32_t
search(struct wfp_process_finder *finder, uint32_t inode)
{
    uint32_t count;

    for (unsigned i = 0; i < RECENT; i++)
        if (finder->recent[i] && holds(finder, finder->recent[i], inode))
            return finder->recent[i];
    count = list_processes(finder);
    while (count-- > 0)
        if (finder->pids[count] != INIT && holds(finder, finder->pids[count], inode))
            return finder->pids[count];
    return holds(finder, INIT, inode) ? INIT : 0;
}

static uint32_t
find_pid(struct wfp_process_finder *finder, uint32_t inode)
{
    struct known *known = &finder->known[inode % KNOWN];
    uint32_t pid;
    char name[48];

    if (known->inode == inode && known->pid > INIT) {
        snprintf(name, sizeof(name), "%u/fd/%u", known->pid, known->descriptor);
        if (is_socket(finder->proc, name, inode))
            return known->pid;
    } else if (known->inode == inode && !known->pid && now_ns() - known->at_ns < ABSENT_NS) {
        return 0;
    }
    pid = search(finder, inode);
    if (pid == 0) {
        *known = (struct known){.inode = inode, .at_ns = now_ns()};
        return 0;
    }
    pid = eldest_of(finder, pid, inode);
    if (pid != INIT)
        remember_recent(finder, pid);
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
