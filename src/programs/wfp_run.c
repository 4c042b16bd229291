/*
 * `wfp run`: drivers, packets, verdicts, a report.
 *
 * Model      options -> machine (engine, BFE, driver host) -> drivers -> plane pulls frames ->
 *            stack decides -> counters, -v lines, written capture -> drivers stop -> report.
 *            What depends on where packets come from is a struct run_source (run.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"
#include "nt/fwps/fwps_host.h"
#include "nt/loader/fault.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_host.h"
#include "programs/run.h"
#include "programs/control_client.h"
#include "programs/run_watch.h"
#include "programs/verbs.h"

volatile sig_atomic_t run_stop_requested;

static void
on_signal(int number)
{
    run_stop_requested = number;
    if (!run_watch_begin()) /* it is ending, or was asked before: at once */
        _exit(WFP_EXIT_FINDING);
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

void
run_close_control(struct run *run)
{
    control_close(TAKE_PTR(run->control), run_decide_drain, run);
    nt_time_settle(); /* what the last packet woke */
    run_decide_drain(run);
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

/* What driver code was given when it faulted: a program's request, or a packet. */
static const char *
describe_work(void)
{
    const char *request = control_client_held();
    return request ? request : run_packets_held();
}

static int
prepare(struct run *run)
{
    const struct run_options *options = run->options;
    char error[MACHINE_ERROR_SIZE];

    run->show_progress = !options->quiet && !options->verbose && isatty(STDERR_FILENO);
    nt_finding_enable(!options->no_verifier);
    /* as under a debugger with the default filter: errors are shown, the rest on request */
    wfp_log_set_level(options->debug_print ? WFP_LOG_DEBUG : WFP_LOG_WARNING);
    if (machine_init(&run->machine) < 0) {
        fprintf(stderr, "wfp run: out of memory\n");
        return WFP_EXIT_ENVIRONMENT;
    }
    if (options->store_path && machine_add_store(&run->machine, options->store_path, error) < 0) {
        fprintf(stderr, "wfp run: %s\n", error);
        machine_fini(&run->machine);
        return WFP_EXIT_ENVIRONMENT;
    }
    nt_fault_set_describe(describe_work);
    if (options->verbose || options->write_path || options->events)
        run->names = name_cache_new(&run->machine);
    if (options->events && run->names)
        run_events_init(&run->report.events, &run->machine, run->names, options->json);
    (void)run_watch_start(options->stop_timeout_s, give_up, run); /* without it: for ever */
    return 0;
}

/* Late joining: from here on drivers may send. */
static int
start(struct run *run)
{
    struct wfp_local_prefix found[WFP_RUN_MAX_LOCAL];

    run->machine.subnets = run->options->subnets;
    run->machine.subnet_count = run->options->subnet_count;
    run->machine.groups_fragments = run->options->groups_fragments;
    if (run->options->live && run->machine.subnet_count == 0) {
        run->machine.subnets = found;
        run->machine.subnet_count = wfp_nfqueue_subnets(found, ELEMENTSOF(found));
    }
    if (machine_add_stack(&run->machine, run->local, run->local_count) < 0) {
        fprintf(stderr, "wfp run: out of memory\n");
        return WFP_EXIT_ENVIRONMENT;
    }
    nt_host_set_service(run_decide_serve, run);
    return start_drivers(run);
}

static int
open_writer(struct run *run)
{
    const char *path = run->options->write_path;
    char error[256];

    if (!path || wfp_replay_writer_open(path, run->plane, &run->writer, error) == 0)
        return 0;
    fprintf(stderr, "wfp run: %s\n", error);
    return WFP_EXIT_ENVIRONMENT;
}

int
run_plane(struct run *run, const struct wfp_plane_handler *handler)
{
    if (run->plane->ops->run(run->plane, handler, &run_stop_requested) == 0)
        return 0;
    run->report.trouble = run->plane->error;
    fprintf(stderr, "wfp run: %s\n", run->plane->error);
    return WFP_EXIT_ENVIRONMENT;
}

static void
close_writer(struct run *run)
{
    uint64_t left_out;

    if (wfp_replay_writer_close(TAKE_PTR(run->writer), &left_out) < 0)
        run->write_error = -WFP_ERR_IO;
    if (left_out && !run->options->quiet)
        fprintf(stderr,
                "wfp run: %s: %" PRIu64 " blocks or options of the capture were left out: only "
                "those who know them may copy them\n",
                run->options->write_path, left_out);
}

static int
conclude(struct run *run, int code)
{
    const struct run_options *options = run->options;

    run->report.elapsed_s = run_seconds_since(&run->started);
    if (run->show_progress)
        fputs("\r\033[K", stderr);
    run_events_poll(&run->report.events);
    run_report_collect(&run->report, &run->machine);
    run->is_counted = true;
    run_watch_begin();
    machine_stop_drivers(&run->machine);
    run_watch_finish();
    nt_host_set_service(NULL, NULL);
    close_writer(run);
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
        run_close_control(run);
    run_watch_begin();
    machine_stop_drivers(&run->machine);
    nt_host_set_service(NULL, NULL);
    close_writer(run);
    run_events_fini(&run->report.events);
    name_cache_free(run->names);
    run_report_fini(&run->report);
    machine_fini(&run->machine);
    run_watch_finish();
}

static int
run(const struct run_options *options, const struct run_source *source,
    const struct run_live_link *link)
{
    struct run run = {.options = options,
                      .source = source,
                      .link = link,
                      .local = options->local,
                      .local_count = options->local_count};
    int code = prepare(&run);

    if (code)
        return code;
    code = source->open(&run);
    if (code == 0)
        code = start(&run);
    if (code == 0)
        code = open_writer(&run);
    if (code == 0)
        code = open_control(&run);
    if (code == 0) {
        code = source->decide(&run);
        if (run.report.source) /* it came to that */
            code = conclude(&run, code);
    }
    finish(&run);
    source->close(&run);
    return code;
}

static int
live_worker(const struct run_options *options, const struct run_live_link *link)
{
    return run(options, &run_worker_source, link);
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
    code = options.live ? run_live_supervise(&options, live_worker)
                        : run(&options, &run_replay_source, NULL);
    run_options_fini(&options);
    return code;
}
