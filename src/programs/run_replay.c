/*
 * A run over a capture: its clock, its local addresses, its packets.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/guid.h"
#include "programs/run.h"

#define GUID_SEED                                                                                  \
    1u /* any will do: keys are made from it, so a run can be compared with the next */

static int
open_replay(struct run *run)
{
    const struct run_options *options = run->options;
    char error[256];

    if (wfp_replay_open(options->read_path, &run->plane, error) < 0) {
        fprintf(stderr, "wfp run: %s\n", error);
        return WFP_EXIT_ENVIRONMENT;
    }
    wfp_clock_set_virtual(wfp_replay_first_time(run->plane));
    if (!options->store_path) /* what a store keeps must not be made again by the next run */
        wfp_guid_seed(GUID_SEED);
    run->machine.has_deaf_ends = true;
    run->report.source = options->read_path;
    run->report.local_text = "as given";
    if (options->local_count == 0) {
        wfp_replay_infer_local(options->read_path, &run->inferred);
        run->local = run->inferred.prefixes;
        run->local_count = run->inferred.count;
        run->report.local_text = run->inferred.text;
    }
    return run_process_assume(run);
}

static int
decide(struct run *run)
{
    struct wfp_plane_handler handler = {.context = run, .packet = run_decide_packet};

    if (run->control)
        control_gather(run->control, run->options->clients, run->options->quiet,
                       &run_stop_requested);
    run_decide_drain(run);
    run_decide_begin(run);
    int code = run_plane(run, &handler);
    run_close_control(run);
    run->report.odd_link = wfp_replay_odd_link(run->plane, run->source_text);
    return code;
}

static void
close_replay(struct run *run)
{
    if (run->plane)
        run->plane->ops->close(run->plane);
    run_process_free(run->process);
}

const struct run_source run_replay_source = {open_replay, decide, close_replay};
