/*
 * Packets of a run: decided, counted, told; and those that drivers make of them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "nt/fwps/fwps_host.h"
#include "nt/ntos/nt_host.h"
#include "programs/run.h"

#define PROGRESS_EVERY 65536 /* packets between looks at the clock */

double
run_seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

void
run_decide_begin(struct run *run)
{
    clock_gettime(CLOCK_MONOTONIC, &run->started);
    run->progress_at = run->started;
}

static void
show_progress(struct run *run)
{
    uint64_t done, total = 0;
    char part[16] = "";

    if (run_seconds_since(&run->progress_at) < 0.5)
        return;
    clock_gettime(CLOCK_MONOTONIC, &run->progress_at);
    if (run->source == &run_replay_source)
        wfp_replay_progress(run->plane, &done, &total);
    if (total) /* of a pipe nobody knows */
        snprintf(part, sizeof(part), " (%.0f %%)", 100.0 * (double)done / (double)total);
    fprintf(stderr, "\r%" PRIu64 " packets%s, %" PRIu64 " blocked, %.1f s ", run->report.packets,
            part, run->report.blocked, run_seconds_since(&run->started));
}

/* What a packet costs beyond its decision: only when somebody wants to see it. */
static void
tell(struct run *run, const struct wfp_frame *frame, const struct wfp_decision *decision)
{
    char verdict[400], path[800], process[320];
    const char *comments[4] = {NULL};

    if (run->options->verbose)
        run_packets_print(run->names, run->report.packets, frame, run->start_100ns, decision,
                          run->options->json ? stderr : stdout);
    if (run->writer && run->write_error == 0) {
        size_t count = 0;
        comments[count++] =
            run_packets_comment(run->names, frame, decision, verdict, sizeof(verdict));
        if (decision->outcome != WFP_UNDECODED)
            comments[count++] = run_packets_path("wfp path: ", decision, path, sizeof(path));
        if (frame->process_id)
            comments[count++] =
                run_packets_process("wfp process: ", frame, process, sizeof(process));
        run->write_error = wfp_replay_writer_put(run->writer, frame, decision, comments);
    }
}

/* A driver's packet: through the layers again, and out where they let it. */
static void
take_injected(void *context, struct wfp_frame *frame)
{
    struct run *run = context;
    struct wfp_decision decision;

    wfp_stack_packet(run->machine.stack, frame, &decision);
    run->report.injected++;
    if (decision.outcome == WFP_PERMITTED && run->plane->ops->inject)
        (void)run->plane->ops->inject(run->plane, frame); /* the plane counts what it could not */
    if (run->names)
        tell(run, frame, &decision);
}

/* A packet that waited for a driver: where it is permitted now, it goes on. */
static void
take_resumed(void *context, struct wfp_frame *frame, const struct wfp_decision *decision)
{
    struct run *run = context;

    if (decision->outcome == WFP_PERMITTED && run->plane->ops->inject)
        (void)run->plane->ops->inject(run->plane, frame);
    if (run->names)
        tell(run, frame, decision);
}

void
run_decide_drain(void *context)
{
    struct run *run = context;

    run->is_busy = true;
    do
        wfp_stack_resume(run->machine.stack, take_resumed, run);
    while (nt_fwps_drain(take_injected, run));
    run->is_busy = false;
}

void
run_decide_serve(void *context)
{
    struct run *run = context;

    if (!run->is_busy)
        run_decide_drain(run);
}

/* In a replay programs and worker threads work until they rest: what they do belongs to this moment. */
static void
take_drivers_packets(struct run *run)
{
    run_decide_drain(run);
    while (run->control && wfp_clock_is_virtual() && control_settle(run->control))
        run_decide_drain(run);
}

/* Time up to the next packet, in which programs may have waits that end. */
static void
pass_time(struct run *run, uint64_t time_100ns)
{
    for (uint64_t due;
         run->control && (due = control_next_due(run->control)) && due <= time_100ns;) {
        nt_time_run_until(due);
        control_expire(run->control);
        take_drivers_packets(run);
    }
    nt_time_run_until(time_100ns);
}

void
run_decide_packet(void *context, struct wfp_frame *frame, struct wfp_decision *ret_decision)
{
    struct run *run = context;

    if (run->report.packets == 0)
        run->start_100ns = run->report.events.start_100ns = frame->time_100ns;
    if (wfp_clock_is_virtual())
        pass_time(run, frame->time_100ns);
    take_drivers_packets(run); /* what came of it belongs before this packet */
    run_packets_hold(run->report.packets + 1, frame);
    run->is_busy = true;
    wfp_stack_packet(run->machine.stack, frame, ret_decision);
    run_packets_hold(0, NULL);
    run_report_count(&run->report, ret_decision);
    if (UNLIKELY(frame->modified))
        run->report.changed += ret_decision->outcome == WFP_PERMITTED;
    if (UNLIKELY(run->names != NULL))
        tell(run, frame, ret_decision);
    take_drivers_packets(run);
    if (UNLIKELY(run->names != NULL))
        run_events_poll(&run->report.events);
    if (UNLIKELY(run->show_progress && run->report.packets % PROGRESS_EVERY == 0))
        show_progress(run);
}

void
run_decide_idle(void *context)
{
    struct run *run = context;

    take_drivers_packets(run);
    wfp_stack_advance(run->machine.stack, wfp_clock_now());
    if (run->show_progress)
        show_progress(run);
}
