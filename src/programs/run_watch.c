/*
 * The watch over a run's end: a thread that sleeps until the end begins, and then not for long.
 *
 * Context    A driver's unload, or a thread it waits for, may never return, and no code of ours can
 *            take over its stack. So what is known is said from here, and the process goes.
 */
#include "programs/run_watch.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

static struct {
    pthread_t thread;
    bool runs;
    atomic_bool is_ending;
    sem_t begun, finished;
    double seconds;
    int (*expired)(void *context);
    void *context;
} watch;

static struct timespec
deadline(double seconds)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    long ns = t.tv_nsec + (long)((seconds - (double)(long)seconds) * 1e9);
    t.tv_sec += (time_t)seconds + ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    return t;
}

static void *
keep_watch(void *unused)
{
    while (sem_wait(&watch.begun) < 0 && errno == EINTR)
        ;
    struct timespec limit = deadline(watch.seconds);
    while (sem_timedwait(&watch.finished, &limit) < 0)
        if (errno == ETIMEDOUT)
            _exit(watch.expired(watch.context));
    return NULL;
}

int
run_watch_start(double seconds, int (*expired)(void *context), void *context)
{
    watch.seconds = seconds;
    watch.expired = expired;
    watch.context = context;
    sem_init(&watch.begun, 0, 0);
    sem_init(&watch.finished, 0, 0);
    watch.runs = pthread_create(&watch.thread, NULL, keep_watch, NULL) == 0;
    return watch.runs ? 0 : -WFP_ERR_NO_MEMORY;
}

bool
run_watch_begin(void)
{
    if (watch.runs)
        sem_post(&watch.begun);
    return !atomic_exchange(&watch.is_ending, true);
}

void
run_watch_finish(void)
{
    if (!watch.runs)
        return;
    sem_post(&watch.finished);
    sem_post(&watch.begun);
    pthread_join(watch.thread, NULL);
    watch.runs = false;
    sem_destroy(&watch.begun);
    sem_destroy(&watch.finished);
}
