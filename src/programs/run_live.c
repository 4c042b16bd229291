/*
 * The supervisor of a live run: rules in, rules out, whatever happens to the worker.
 */
#include "programs/run_live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MATCHED_WAIT_MS 2000

static pid_t supervisor_pid;

/* ---- one live run in a network namespace ---- */

/*
 * An abstract socket is a lock that a network namespace has once, and that nobody can leave behind:
 * it goes with the last process of the run, killed or not.
 */
static int
take_namespace(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0openwfp-live"};
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + sizeof("\0openwfp-live") - 1;
    struct ucred holder = {0};
    socklen_t holder_size = sizeof(holder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&name, size) == 0 && listen(fd, 1) == 0)
        return fd;
    if (connect(fd, (struct sockaddr *)&name, size) == 0)
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &holder_size);
    if (holder.pid && holder.pid == getppid())
        return fd; /* our own run, started over with a sanitizer's runtime */
    close(fd);
    fprintf(stderr,
            "wfp run: process %d decides already in this network namespace; end it first, or give "
            "it all drivers\n",
            (int)holder.pid);
    return -1;
}

/* ---- worker's side ---- */

enum wfp_nfqueue_backend
run_live_ready(const struct run_live_link *link)
{
    uint8_t byte = 1, backend = WFP_NFQUEUE_NONE;

    if (write(link->to_supervisor, &byte, 1) != 1)
        return WFP_NFQUEUE_NONE;
    if (read(link->from_supervisor, &backend, 1) != 1)
        return WFP_NFQUEUE_NONE;
    return (enum wfp_nfqueue_backend)backend;
}

bool
run_live_matched(const struct run_live_link *link, uint64_t *ret_matched)
{
    struct pollfd fd = {.fd = link->from_supervisor, .events = POLLIN};

    return poll(&fd, 1, MATCHED_WAIT_MS) > 0 &&
           read(link->from_supervisor, ret_matched, sizeof(*ret_matched)) == sizeof(*ret_matched);
}

void
run_live_finish(const struct run_live_link *link)
{
    if (getppid() != supervisor_pid)
        wfp_nfqueue_rules_remove();
}

/* ---- supervisor ---- */

static void
touch(const char *path)
{
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    if (fd >= 0)
        close(fd);
}

/* Wait for the child's end, a signal to us, or the end of the time. @return true when the child ended */
static bool
wait_for_end(pid_t child, double duration_s, const sigset_t *signals, int *ret_status)
{
    struct timespec now, wait = {.tv_nsec = 200000000};
    double end = 0;

    clock_gettime(CLOCK_MONOTONIC, &now);
    end = (double)now.tv_sec + (double)now.tv_nsec / 1e9 + duration_s;
    for (;;) {
        if (waitpid(child, ret_status, WNOHANG) == child)
            return true;
        int got = sigtimedwait(signals, NULL, &wait);
        if (got == SIGINT || got == SIGTERM || got == SIGHUP)
            return false;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (duration_s > 0 && (double)now.tv_sec + (double)now.tv_nsec / 1e9 >= end)
            return false;
    }
}

static int
exit_code_of(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr,
            "wfp run: the process that decides was ended by signal %d (%s); the rules are out\n",
            WTERMSIG(status), strsignal(WTERMSIG(status)));
    return WFP_EXIT_FINDING;
}

/* The child is up: lead traffic to it, until the end. */
static int
lead_traffic(const struct run_options *options, pid_t child, int to_child, const sigset_t *signals)
{
    struct wfp_nfqueue_rules rules = {.queue = options->queue, .fail_open = !options->fail_closed};
    enum wfp_nfqueue_backend backend = WFP_NFQUEUE_NONE;
    char error[256];
    int status = 0, r;
    bool ended = false;

    r = wfp_nfqueue_rules_install(&rules, &backend, error);
    if (r < 0)
        fprintf(stderr, "wfp run: %s\n", error);
    uint8_t byte = (uint8_t)backend;
    if (write(to_child, &byte, 1) != 1)
        r = -1;
    if (r == 0) {
        if (!options->quiet)
            fprintf(stderr, "deciding live traffic (%s, fail-%s); Ctrl-C ends\n",
                    wfp_nfqueue_backend_name(backend), options->fail_closed ? "closed" : "open");
        touch(options->ready_path);
        ended = wait_for_end(child, options->duration_s, signals, &status);
    }
    bool tells = r == 0 && !ended;
    uint64_t matched = !tells ? 0 : wfp_nfqueue_rules_matched(backend);
    /* rules first: from here on traffic flows without us */
    wfp_nfqueue_rules_remove();
    if (!ended) {
        if (tells && write(to_child, &matched, sizeof(matched)) != sizeof(matched))
            fprintf(stderr, "wfp run: the worker does not listen: %s\n", strerror(errno));
        kill(child, SIGTERM);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    }
    int code = exit_code_of(status);
    return r < 0 ? WFP_EXIT_ENVIRONMENT : code;
}

int
run_live_supervise(const struct run_options *options,
                   int (*worker)(const struct run_options *options,
                                 const struct run_live_link *link))
{
    int up[2], down[2], status, claim = take_namespace();
    sigset_t signals, old;
    uint8_t byte;

    if (claim < 0)
        return WFP_EXIT_ENVIRONMENT;
    if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0) {
        fprintf(stderr, "wfp run: pipe: %s\n", strerror(errno));
        return WFP_EXIT_ENVIRONMENT;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &old);
    supervisor_pid = getpid();
    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "wfp run: fork: %s\n", strerror(errno));
        return WFP_EXIT_ENVIRONMENT;
    }
    if (child == 0) {
        struct run_live_link link = {up[1], down[0]};
        close(up[0]);
        close(down[1]);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        setpgid(0, 0); /* Ctrl-C is the supervisor's: it takes the rules out first */
        sigprocmask(SIG_SETMASK, &old, NULL);
        int code = worker(options, &link);
        fflush(NULL);
        _exit(code);
    }
    close(up[1]);
    close(down[0]);
    signal(SIGPIPE, SIG_IGN); /* a worker that is gone must not take us along: rules are in */
    int r;
    if (read(up[0], &byte, 1) == 1) {
        r = lead_traffic(options, child, down[1], &signals);
    } else {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        r = exit_code_of(status);
    }
    close(up[0]);
    close(down[1]);
    close(claim);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return r;
}
