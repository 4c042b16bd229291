/*
 * One run of `wfp run`, and what its files share.
 *
 * Model      wfp_run.c is the skeleton, the same for every source of packets; run_replay.c and
 *            run_worker.c are the sources; run_decide.c takes packets through the machine.
 */
#ifndef WFP_PROGRAMS_RUN_H
#define WFP_PROGRAMS_RUN_H

#include <signal.h>
#include <time.h>

#include "plane/plane.h"
#include "plane/replay/replay.h"
#include "programs/control.h"
#include "programs/machine.h"
#include "programs/run_live.h"
#include "programs/run_options.h"
#include "programs/run_packets.h"
#include "programs/run_report.h"

struct run;

/** Where packets come from: what replay and live differ in. */
struct run_source {
    /**
     * Open the plane; set the clock, run->local and what the report says of the source.
     * @return 0 or an exit code, after one line on stderr
     */
    int (*open)(struct run *run);
    /** Drivers run: decide packets until the end. @return 0 or an exit code */
    int (*decide)(struct run *run);
    /** The machine is gone: release what open() made, also half of it. */
    void (*close)(struct run *run);
};

struct run {
    const struct run_options *options;
    const struct run_source *source;
    const struct run_live_link *link; /* live: to the supervisor */
    struct machine machine;
    struct wfp_plane *plane; /* the source's */
    const struct wfp_local_prefix *local;
    uint32_t local_count;
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

    struct wfp_replay_local inferred; /* replay: where the command line says nothing */
    struct wfp_owner_finder *owners;  /* live */
    struct run_process *process;      /* replay: --process, or NULL */
    int wake_fd;                      /* live: drivers' threads have packets; 0 none */
    char source_text[64];
};

extern const struct run_source run_replay_source, run_worker_source;

/** A signal asks for the end. */
extern volatile sig_atomic_t run_stop_requested;

/** What --process says, before the stack is made. @return 0 or an exit code, after one line on stderr */
int run_process_assume(struct run *run);
void run_process_free(struct run_process *process);

/** The clock of a run starts. */
void run_decide_begin(struct run *run);
/** wfp_plane_handler.packet and .idle; the context is the run. */
void run_decide_packet(void *context, struct wfp_frame *frame, struct wfp_decision *ret_decision);
void run_decide_idle(void *context);
/** What drivers injected and completed, until nothing more comes of it. @param context  the run */
void run_decide_drain(void *context);
/** The same for a driver's thread that waits for it; in the middle of a packet it comes later. */
void run_decide_serve(void *context);
double run_seconds_since(const struct timespec *then);

/** Let programs go, before drivers stop and before the report: what they still do is part of it. */
void run_close_control(struct run *run);
/** Run the plane's loop. @return 0 or an exit code, after one line on stderr */
int run_plane(struct run *run, const struct wfp_plane_handler *handler);

#endif
