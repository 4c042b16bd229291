/*
 * Live runs: a supervisor that owns the queue's rules, and a worker that decides.
 *
 * Model      The rules must go when the worker goes, also when it is killed. So the worker is a child:
 *
 *              supervisor: fork -- wait until the queue is bound -- rules in -- wait -- rules out
 *              worker:           bind queue, start drivers -- told which backend -- decide, report
 *
 *            A killed supervisor is covered too: the worker gets SIGTERM from the kernel, sees that
 *            its parent is gone and takes the rules out itself. Rules of a run in which both were
 *            killed at once are removed by the next run, and never hold packets (fail-open).
 *            A network namespace has one live run at a time: a packet can wait in one queue only.
 */
#ifndef WFP_PROGRAMS_RUN_LIVE_H
#define WFP_PROGRAMS_RUN_LIVE_H

#include "plane/nfqueue/nfqueue.h"
#include "programs/run_options.h"

struct run_live_link {
    int to_supervisor, from_supervisor; /* pipes */
};

/**
 * Supervise: run @p worker in a child, with rules around it.
 * @return the exit code of the run
 */
int run_live_supervise(const struct run_options *options,
                       int (*worker)(const struct run_options *options,
                                     const struct run_live_link *link));
/**
 * Worker: the queue is bound and drivers run; wait for the rules.
 * @return their backend, or WFP_NFQUEUE_NONE when they could not be put in (the worker then ends)
 */
enum wfp_nfqueue_backend run_live_ready(const struct run_live_link *link);
/**
 * Worker, after its loop: how many packets the rules led to the queue.
 * @return false where the supervisor does not say, being gone
 */
bool run_live_matched(const struct run_live_link *link, uint64_t *ret_matched);
/** Worker, at its end: if the supervisor is gone, its duty is ours. */
void run_live_finish(const struct run_live_link *link);

#endif
