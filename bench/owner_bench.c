/*
 * Whose socket is it: microseconds to find the process of a socket just made, by the finder of live runs and
 * by a walk over all descriptors of all processes. One line for each of N sockets: "finder walk".
 *
 * usage: owner_bench PROCESSES N
 *
 * Model      Each process holds 20 descriptors, five of them sockets. In turn each makes one more socket,
 *            its first since the finder looked; both look for it, the finder first every other time.
 */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "plane/owner/process_find.h"

struct child {
    pid_t pid;
    int ask, answer; /* pipes */
};

static double
microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static uint32_t
make_socket(void)
{
    struct stat stat;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    return fd >= 0 && fstat(fd, &stat) == 0 ? (uint32_t)stat.st_ino : 0;
}

/** A process that makes a socket for each byte it reads. */
static void
serve(int ask, int answer)
{
    char byte;

    for (int i = 0; i < 15; i++)
        if (open("/dev/null", O_RDONLY) < 0)
            _exit(1);
    for (int i = 0; i < 5; i++)
        make_socket();
    while (read(ask, &byte, 1) == 1) {
        uint32_t inode = make_socket();

        if (write(answer, &inode, sizeof(inode)) != sizeof(inode))
            break;
    }
    _exit(0);
}

static int
start(struct child *child)
{
    int ask[2], answer[2];

    if (pipe2(ask, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0)
        return -1;
    child->pid = fork();
    if (child->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd = 3; fd < 1024; fd++) /* its siblings' pipes */
            if (fd != ask[0] && fd != answer[1])
                close(fd);
        serve(ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    child->ask = ask[1];
    child->answer = answer[0];
    return child->pid < 0 ? -1 : 0;
}

static bool
holds(const char *pid, const char *wanted)
{
    const struct dirent *entry;
    bool is_found = false;
    char path[300], target[64];
    DIR *folder;
    ssize_t size;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    folder = opendir(path);
    while (!is_found && folder && (entry = readdir(folder)) != NULL) {
        size = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
        target[size > 0 ? size : 0] = 0;
        is_found = strcmp(target, wanted) == 0;
    }
    if (folder)
        closedir(folder);
    return is_found;
}

/** The plain twin. */
static uint32_t
walk(uint32_t inode)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    uint32_t pid = 0;
    char wanted[32];

    snprintf(wanted, sizeof(wanted), "socket:[%u]", inode);
    while (!pid && proc && (entry = readdir(proc)) != NULL)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && holds(entry->d_name, wanted))
            pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
    if (proc)
        closedir(proc);
    return pid;
}

static double
time_finder(struct wfp_process_finder *finder, uint32_t inode, pid_t expected)
{
    static struct wfp_process process;
    double from = microseconds();
    bool is_found = wfp_process_find(finder, inode, 0, &process);

    if (!is_found || process.id != (uint32_t)expected)
        return -1;
    return microseconds() - from;
}

static double
time_walk(uint32_t inode, pid_t expected)
{
    double from = microseconds();

    return walk(inode) == (uint32_t)expected ? microseconds() - from : -1;
}

static int
measure(struct child *children, int count, int n)
{
    struct wfp_process_finder *finder;

    if (wfp_process_finder_new("/proc", &finder) < 0)
        return 1;
    for (int i = 0; i < n; i++) {
        struct child *child = &children[(i * 37 + 11) % count];
        double ours = 0, walked = 0;
        uint32_t inode;

        if (write(child->ask, "x", 1) != 1 ||
            read(child->answer, &inode, sizeof(inode)) != sizeof(inode))
            return 1;
        if (i % 2)
            walked = time_walk(inode, child->pid);
        ours = time_finder(finder, inode, child->pid);
        if (i % 2 == 0)
            walked = time_walk(inode, child->pid);
        if (ours < 0 || walked < 0) {
            fprintf(stderr, "socket %u of process %d was not found\n", inode, child->pid);
            return 1;
        }
        printf("%.1f %.1f\n", ours, walked);
    }
    wfp_process_finder_free(finder);
    return 0;
}

int
main(int argc, char **argv)
{
    int count = argc == 3 ? atoi(argv[1]) : 0, r;
    struct child *children = calloc((size_t)count, sizeof(*children));

    if (!children || count < 1)
        return 2;
    for (int i = 0; i < count; i++)
        if (start(&children[i]) < 0)
            return 3;
    usleep(200000);
    r = measure(children, count, atoi(argv[2]));
    for (int i = 0; i < count; i++) {
        close(children[i].ask);
        waitpid(children[i].pid, NULL, 0);
    }
    free(children);
    return r;
}
