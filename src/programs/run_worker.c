/*
 * A live run's worker: the queue, its rules (the supervisor's, run_live.c), sockets' owners.
 */
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/model/layer.h"
#include "nt/fwps/fwps_host.h"
#include "plane/nfqueue/nfqueue.h"
#include "plane/owner/owner_find.h"
#include "programs/run.h"

static void
wake_plane(void *context)
{
    uint64_t once = 1;
    int *fd = context;

    if (write(*fd, &once, sizeof(once)) < 0)
        return; /* it is awake: the counter is full */
}

/* The kernel counts what it dropped; what it let pass undecided (fail-open) only the rules tell. */
static void
note_losses(struct run *run)
{
    struct run_report *report = &run->report;
    struct wfp_nfqueue_losses losses;
    uint64_t matched = 0;

    wfp_nfqueue_losses(run->plane, &losses);
    report->lost = losses.queue_full + losses.not_copied + losses.cut;
    if (run_live_matched(run->link, &matched) && matched > losses.received + report->lost)
        *(run->options->fail_closed ? &report->lost : &report->passed_undecided) +=
            matched - losses.received - report->lost;
    for (int i = 0; i < WFP_NFQUEUE_INJECT_REASONS; i++) {
        report->not_injected[i].count = losses.not_injected[i];
        report->not_injected[i].text =
            wfp_nfqueue_inject_reason_text((enum wfp_nfqueue_inject_reason)i);
    }
}

/* Whose sockets: a run goes on without knowing, and says so. */
static void
find_owners(struct run *run)
{
    char error[256] = "out of memory";

    if (wfp_owner_finder_new(&run->owners, error) < 0) {
        fprintf(stderr, "wfp run: %s; processes and users of sockets stay unknown\n", error);
        return;
    }
    run->machine.find_owner = wfp_owner_find;
    run->machine.find_owner_context = run->owners;
    run->machine.is_awaited = wfp_owner_is_awaited;
    run->machine.list_sockets = wfp_owner_list_sockets;
    run->machine.tell_owner = wfp_owner_tell;
}

static int
open_worker(struct run *run)
{
    struct wfp_nfqueue_config config = {.queue = run->options->queue,
                                        .fail_open = !run->options->fail_closed,
                                        .busy_poll_us = (uint32_t)run->options->busy_poll_us};
    char error[256];

    if (wfp_nfqueue_open(&config, &run->plane, error) < 0) {
        fprintf(stderr, "wfp run: %s\n", error);
        return WFP_EXIT_ENVIRONMENT;
    }
    find_owners(run);
    run->wake_fd = MAX(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 0);
    if (run->wake_fd)
        nt_fwps_set_wake(wake_plane, &run->wake_fd);
    run->report.local_text = "by the hook each packet passed";
    return 0;
}

/* NFQUEUE shows packets, not the frames that carried them: filters there would wait in vain. */
static void
say_what_is_missing(const struct run *run)
{
    static const uint16_t layers[] = {
        WFP_LAYER_INBOUND_MAC_FRAME_ETHERNET, WFP_LAYER_INBOUND_MAC_FRAME_NATIVE,
        WFP_LAYER_OUTBOUND_MAC_FRAME_ETHERNET, WFP_LAYER_OUTBOUND_MAC_FRAME_NATIVE};

    for (size_t i = 0; i < ELEMENTSOF(layers); i++)
        if (!wfp_engine_layer_is_empty(run->machine.engine, layers[i])) {
            fprintf(stderr,
                    "wfp run: live traffic comes without its frames: filters at %s see nothing; "
                    "replay a capture of an Ethernet link\n",
                    wfp_layer_name(layers[i]));
            return;
        }
}

static int
decide(struct run *run)
{
    struct wfp_plane_handler handler = {.context = run,
                                        .packet = run_decide_packet,
                                        .idle = run_decide_idle,
                                        .wake_fd = run->wake_fd};
    enum wfp_nfqueue_backend backend = run_live_ready(run->link);

    if (backend == WFP_NFQUEUE_NONE)
        return WFP_EXIT_ENVIRONMENT; /* the supervisor said why */
    snprintf(run->source_text, sizeof(run->source_text), "live (%s)",
             wfp_nfqueue_backend_name(backend));
    run->report.source = run->source_text;
    say_what_is_missing(run);
    run_decide_begin(run);
    int code = run_plane(run, &handler);
    run_close_control(run);
    note_losses(run);
    return code;
}

static void
close_worker(struct run *run)
{
    nt_fwps_set_wake(NULL, NULL);
    if (run->plane)
        run->plane->ops->close(run->plane);
    wfp_owner_finder_free(run->owners);
    run_live_finish(run->link);
    if (run->wake_fd)
        close(run->wake_fd);
}

const struct run_source run_worker_source = {open_worker, decide, close_worker};
