/*
 * `wfp run`: drivers, packets, verdicts, a report.
 *
 * Model      options -> machine (engine, BFE, driver host) -> drivers -> plane pulls frames ->
 *            stack decides -> counters, -v lines, written capture -> drivers stop -> report.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "nt/fwps/fwps_host.h"
#include "nt/loader/fault.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_host.h"
#include "plane/nfqueue/nfqueue.h"
#include "plane/owner/owner_find.h"
#include "plane/replay/replay.h"
#include "programs/control.h"
#include "programs/machine.h"
#include "programs/run_live.h"
#include "programs/run_options.h"
#include "programs/run_packets.h"
#include "programs/run_report.h"
#include "programs/run_watch.h"
#include "programs/verbs.h"

#define PROGRESS_EVERY 65536 /* packets between looks at the clock */

struct run {
    const struct run_options *options;
    struct machine machine;
    struct wfp_plane *plane; /* borrowed */
    struct run_report report;
    struct name_cache *names;
    struct wfp_replay_writer *writer;
    struct control *control; /* NULL: no program takes part */
    uint64_t start_100ns;
    struct timespec started, progress_at;
    bool show_progress;
    bool is_busy; /* a packet is on its way: the stack cannot take another */
    _Atomic bool is_counted;
    int write_error;
};

static volatile sig_atomic_t stop_requested;

static void
on_signal(int number)
{
    stop_requested = number;
    if (!run_watch_begin()) /* it is ending, or was asked before: at once */
        _exit(WFP_EXIT_FINDING);
}

static double
seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

/* ---- drivers ---- */

static void
set_params(const struct run_options *options, const char *service)
{
    for (uint32_t i = 0; i < options->param_count; i++) {
        const struct run_param *param = &options->params[i];
        if (!param->driver || strcmp(param->driver, service) == 0)
            nt_registry_set_param(service, param->name, param->value);
    }
}

/* A driver built with sanitizers needs their runtime first in the process: start over with it. */
static void
restart_with_sanitizer(const struct machine *machine, char **argv)
{
    const char *preload = getenv("LD_PRELOAD");

    if (!machine->sanitizer_runtime || (preload && strstr(preload, machine->sanitizer_runtime)))
        return;
    setenv("LD_PRELOAD", machine->sanitizer_runtime, 1);
    execv("/proc/self/exe", argv);
}

static char **restart_argv;

static int
start_drivers(struct run *run)
{
    char error[MACHINE_ERROR_SIZE];

    for (uint32_t i = 0; i < run->options->driver_count; i++) {
        const char *path = run->options->drivers[i];
        _cleanup_(freep) char *service = machine_service_name(path);
        if (service)
            set_params(run->options, service);
        int code = machine_start_driver(&run->machine, path, run->options->stub_missing, error);
        if (code) {
            restart_with_sanitizer(&run->machine, restart_argv);
            fprintf(stderr, "wfp run: %s\n", error);
            return code;
        }
    }
    return 0;
}

/* ---- packets ---- */

static void
show_progress(struct run *run)
{
    if (seconds_since(&run->progress_at) < 0.5)
        return;
    clock_gettime(CLOCK_MONOTONIC, &run->progress_at);
    fprintf(stderr, "\r%" PRIu64 " packets, %" PRIu64 " blocked, %.1f s ", run->report.packets,
            run->report.blocked, seconds_since(&run->started));
}

/* What a packet costs beyond its decision: only when somebody wants to see it. */
static void
tell(struct run *run, const struct wfp_frame *frame, const struct wfp_decision *decision)
{
    char verdict[320], path[512], comment[900];

    if (run->options->verbose)
        run_packets_print(run->names, run->report.packets, frame, run->start_100ns, decision,
                          run->options->json ? stderr : stdout);
    if (run->writer && run->write_error == 0) {
        snprintf(comment, sizeof(comment), "%s\npath: %s",
                 run_packets_describe(run->names, decision, verdict, sizeof(verdict)),
                 run_packets_path(decision, path, sizeof(path)));
        run->write_error = wfp_replay_writer_put(run->writer, frame, decision, comment);
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

/* What drivers injected and completed, until nothing more comes of it. */
static void
drain(void *context)
{
    struct run *run = context;

    run->is_busy = true;
    do
        wfp_stack_resume(run->machine.stack, take_resumed, run);
    while (nt_fwps_drain(take_injected, run));
    run->is_busy = false;
}

/* The same for a driver's thread that waits for it; in the middle of a packet it comes later. */
static void
serve(void *context)
{
    struct run *run = context;

    if (!run->is_busy)
        drain(run);
}

/* In a replay programs and worker threads work until they rest: what they do belongs to this moment. */
static void
take_drivers_packets(struct run *run)
{
    drain(run);
    while (run->control && wfp_clock_is_virtual() && control_settle(run->control))
        drain(run);
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

static void
take_packet(void *context, struct wfp_frame *frame, struct wfp_decision *ret_decision)
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
    take_drivers_packets(run);
    if (UNLIKELY(run->names != NULL)) {
        tell(run, frame, ret_decision);
        run_events_poll(&run->report.events);
    }
    if (UNLIKELY(run->show_progress && run->report.packets % PROGRESS_EVERY == 0))
        show_progress(run);
}

static void
take_idle(void *context)
{
    struct run *run = context;

    take_drivers_packets(run);
    wfp_stack_advance(run->machine.stack, wfp_clock_now());
    if (run->show_progress)
        show_progress(run);
}

/* ---- programs that use the drivers' devices ---- */

static int
open_control(struct run *run)
{
    char error[256];

    if (!run->options->control_path)
        return 0;
    if (control_open(run->options->control_path, !run->options->live, &run->control, error) == 0)
        return 0;
    fprintf(stderr, "wfp run: %s\n", error);
    return WFP_EXIT_ENVIRONMENT;
}

/* Before drivers stop, and before the report: what programs still do is part of it. */
static void
close_control(struct run *run)
{
    control_close(TAKE_PTR(run->control), drain, run);
    nt_time_settle(); /* what the last packet woke */
    drain(run);
}

/* ---- a run ---- */

static int
print_report(struct run *run)
{
    if (run->options->json)
        return run_report_print_json(&run->report, &run->machine, stdout);
    run_report_print_table(&run->report, &run->machine, stdout);
    return 0;
}

/* Driver code keeps the stack's thread from ending the run. On the watch's thread. */
static int
give_up(void *context)
{
    struct run *run = context;
    struct machine_driver *driver = run->machine.stopping;

    nt_finding_for(driver ? driver->name : "", NT_FINDING_HANG,
                   "%s did not return within %g s of the end of the run",
                   driver ? "its unload" : "driver code", run->options->stop_timeout_s);
    if (run->is_counted)
        (void)print_report(run);
    else
        fprintf(stderr, "wfp run: ended without a report\n");
    fflush(NULL);
    return WFP_EXIT_FINDING;
}

static int
prepare(struct run *run, const struct run_options *options)
{
    run->options = options;
    run->show_progress = !options->quiet && !options->verbose && isatty(STDERR_FILENO);
    nt_finding_enable(!options->no_verifier);
    /* as under a debugger with the default filter: errors are shown, the rest on request */
    wfp_log_set_level(options->debug_print ? WFP_LOG_DEBUG : WFP_LOG_WARNING);
    if (machine_init(&run->machine) < 0) {
        fprintf(stderr, "wfp run: out of memory\n");
        return WFP_EXIT_ENVIRONMENT;
    }
    nt_fault_set_describe(run_packets_held);
    if (options->verbose || options->write_path || options->events)
        run->names = name_cache_new(&run->machine);
    if (options->events && run->names)
        run_events_init(&run->report.events, &run->machine, run->names, options->json);
    (void)run_watch_start(options->stop_timeout_s, give_up, run); /* without it: for ever */
    return 0;
}

static int
conclude(struct run *run, int code)
{
    const struct run_options *options = run->options;

    run->report.elapsed_s = seconds_since(&run->started);
    if (run->show_progress)
        fputs("\r\033[K", stderr);
    run_events_poll(&run->report.events);
    run_report_collect(&run->report, &run->machine);
    run->is_counted = true;
    run_watch_begin();
    machine_stop_drivers(&run->machine);
    run_watch_finish();
    nt_host_set_service(NULL, NULL);
    if (run->writer && wfp_replay_writer_close(run->writer) < 0)
        run->write_error = -WFP_ERR_IO;
    run->writer = NULL;
    if (run->write_error < 0) {
        fprintf(stderr, "wfp run: %s: could not be written completely\n", options->write_path);
        code = WFP_EXIT_ENVIRONMENT;
    }
    if (print_report(run) < 0)
        code = WFP_EXIT_ENVIRONMENT;
    if (code == 0 && nt_finding_count() > 0)
        code = WFP_EXIT_FINDING;
    return code;
}

static void
finish(struct run *run)
{
    if (run->control) /* the run did not come to that */
        close_control(run);
    run_watch_begin();
    machine_stop_drivers(&run->machine);
    nt_host_set_service(NULL, NULL);
    run_events_fini(&run->report.events);
    name_cache_free(run->names);
    run_report_fini(&run->report);
    machine_fini(&run->machine);
    run_watch_finish();
}

/* Late joining: from here on drivers may send. */
static int
start(struct run *run, struct wfp_plane *plane, const struct wfp_local_prefix *local,
      uint32_t local_count)
{
    run->plane = plane;
    if (machine_add_stack(&run->machine, local, local_count) < 0)
        return WFP_EXIT_ENVIRONMENT;
    nt_host_set_service(serve, run);
    return start_drivers(run);
}

static int
replay_packets(struct run *run, struct wfp_plane *plane)
{
    struct wfp_plane_handler handler = {.context = run, .packet = take_packet};
    int code = 0;

    if (run->control)
        control_gather(run->control, run->options->clients, run->options->quiet, &stop_requested);
    drain(run);
    clock_gettime(CLOCK_MONOTONIC, &run->started);
    run->progress_at = run->started;
    if (plane->ops->run(plane, &handler, &stop_requested) < 0) {
        run->report.trouble = plane->error;
        fprintf(stderr, "wfp run: %s\n", plane->error);
        code = WFP_EXIT_ENVIRONMENT;
    }
    close_control(run);
    return code;
}

static int
replay(const struct run_options *options)
{
    struct run run = {0};
    struct wfp_plane *plane = NULL;
    struct wfp_replay_local local = {0};
    char error[256];
    int code = prepare(&run, options);

    if (code)
        return code;
    if (wfp_replay_open(options->read_path, &plane, error) < 0) {
        fprintf(stderr, "wfp run: %s\n", error);
        finish(&run);
        return WFP_EXIT_ENVIRONMENT;
    }
    wfp_clock_set_virtual(wfp_replay_first_time(plane));
    if (options->local_count == 0)
        wfp_replay_infer_local(options->read_path, &local);
    code = start(&run, plane, options->local_count ? options->local : local.prefixes,
                 options->local_count ? options->local_count : local.count);
    if (code == 0 && options->write_path &&
        wfp_replay_writer_open(options->write_path, plane, &run.writer, error) < 0) {
        fprintf(stderr, "wfp run: %s\n", error);
        code = WFP_EXIT_ENVIRONMENT;
    }
    if (code == 0)
        code = open_control(&run);
    if (code == 0) {
        run.report.source = options->read_path;
        run.report.local_text = options->local_count ? "as given" : local.text;
        code = conclude(&run, replay_packets(&run, plane));
    }
    finish(&run);
    plane->ops->close(plane);
    return code;
}

static void
wake_plane(void *context)
{
    uint64_t once = 1;
    int *fd = context;

    if (write(*fd, &once, sizeof(once)) < 0)
        return; /* it is awake: the counter is full */
}

static void
note_losses(struct run_report *report, struct wfp_plane *plane)
{
    struct wfp_nfqueue_losses losses;

    wfp_nfqueue_losses(plane, &losses);
    report->lost = losses.queue_full + losses.not_copied;
    for (int i = 0; i < WFP_NFQUEUE_INJECT_REASONS; i++) {
        report->not_injected[i].count = losses.not_injected[i];
        report->not_injected[i].text =
            wfp_nfqueue_inject_reason_text((enum wfp_nfqueue_inject_reason)i);
    }
}

/* Whose sockets: a run goes on without knowing, and says so. */
static struct wfp_owner_finder *
find_owners(struct machine *machine)
{
    struct wfp_owner_finder *finder = NULL;
    char error[256] = "out of memory";

    if (wfp_owner_finder_new(&finder, error) < 0) {
        fprintf(stderr, "wfp run: %s; processes and users of sockets stay unknown\n", error);
        return NULL;
    }
    machine->find_owner = wfp_owner_find;
    machine->find_owner_context = finder;
    return finder;
}

static int
live_worker(const struct run_options *options, const struct run_live_link *link)
{
    struct run run = {0};
    struct wfp_plane *plane = NULL;
    struct wfp_owner_finder *owners;
    char error[256], source[64];
    struct wfp_nfqueue_config config = {.queue = options->queue,
                                        .fail_open = !options->fail_closed};
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = prepare(&run, options);

    if (code)
        return code;
    if (wfp_nfqueue_open(&config, &plane, error) < 0) {
        fprintf(stderr, "wfp run: %s\n", error);
        finish(&run);
        return WFP_EXIT_ENVIRONMENT;
    }
    owners = find_owners(&run.machine);
    code = start(&run, plane, options->local, options->local_count);
    if (code == 0 && options->write_path &&
        wfp_replay_writer_open(options->write_path, plane, &run.writer, error) < 0) {
        fprintf(stderr, "wfp run: %s\n", error);
        code = WFP_EXIT_ENVIRONMENT;
    }
    if (code == 0)
        code = open_control(&run);
    if (code == 0) {
        enum wfp_nfqueue_backend backend = run_live_ready(link);
        struct wfp_plane_handler handler = {
            .context = &run, .packet = take_packet, .idle = take_idle, .wake_fd = MAX(wake_fd, 0)};
        if (wake_fd >= 0)
            nt_fwps_set_wake(wake_plane, &wake_fd);
        snprintf(source, sizeof(source), "live (%s)", wfp_nfqueue_backend_name(backend));
        run.report.source = source;
        run.report.local_text = "by the hook each packet passed";
        clock_gettime(CLOCK_MONOTONIC, &run.started);
        run.progress_at = run.started;
        if (backend == WFP_NFQUEUE_NONE) {
            code = WFP_EXIT_ENVIRONMENT;
        } else {
            if (plane->ops->run(plane, &handler, &stop_requested) < 0) {
                fprintf(stderr, "wfp run: %s\n", plane->error);
                code = WFP_EXIT_ENVIRONMENT;
            }
            close_control(&run);
            note_losses(&run.report, plane);
            code = conclude(&run, code);
        }
    }
    nt_fwps_set_wake(NULL, NULL);
    finish(&run);
    plane->ops->close(plane);
    wfp_owner_finder_free(owners);
    run_live_finish(link);
    if (wake_fd >= 0)
        close(wake_fd);
    return code;
}

int
wfp_run_main(int argc, char **argv)
{
    struct run_options options;
    struct sigaction action = {.sa_handler = on_signal};
    int code = run_options_parse(argc, argv, &options);

    if (code)
        return code == RUN_HELPED ? WFP_EXIT_FINE : code;
    restart_argv = argv - 1; /* "wfp" "run" ... */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    code = options.live ? run_live_supervise(&options, live_worker) : replay(&options);
    run_options_fini(&options);
    return code;
}
