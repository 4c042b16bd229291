/*
 * The supervisor of a live run: rules in, rules out, whatever happens to the worker.
 */
#include "programs/run_live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t supervisor_pid;

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

void
run_live_finish(const struct run_live_link *link)
{
    if (getppid() != supervisor_pid)
        wfp_nfqueue_rules_remove();
}

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
    /* rules first: from here on traffic flows without us */
    wfp_nfqueue_rules_remove();
    if (!ended) {
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
    int up[2], down[2], status;
    sigset_t signals, old;
    uint8_t byte;

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
    sigprocmask(SIG_SETMASK, &old, NULL);
    return r;
}
