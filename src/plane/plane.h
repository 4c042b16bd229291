/*
 * A plane: where packets come from and where verdicts go. Each backend fills in `struct wfp_plane`.
 *
 * Model      run() pulls frames until the source ends or *stop becomes true, and calls the handler
 *            for each; the handler's decision is the verdict. Captures are the reference:
 *            deterministic, no root. Backends: replay (pcap, pcapng), nfqueue.
 */
#ifndef WFP_PLANE_PLANE_H
#define WFP_PLANE_PLANE_H

#include <signal.h>

#include "core/shims/stack.h"

struct wfp_plane_handler {
    void *context;
    /** Decide one frame. */
    void (*packet)(void *context, struct wfp_frame *frame, struct wfp_decision *ret_decision);
    /** After each batch, and at least every 100 ms when idle: progress, timers. May be NULL. */
    void (*idle)(void *context);
    /** An eventfd that says: idle() has work, now. Live planes look at it; 0 none. */
    int wake_fd;
};

struct wfp_plane;

struct wfp_plane_ops {
    const char *name;
    /** @return 0, or -WFP_ERR_* with a message in wfp_plane_error() */
    int (*run)(struct wfp_plane *plane, const struct wfp_plane_handler *handler,
               const volatile sig_atomic_t *stop);
    /**
     * Send an injected packet; NULL where the plane cannot. Called from inside packet() or idle().
     * @return 0, or -WFP_ERR_*: it did not go on, and the plane counted why
     */
    int (*inject)(struct wfp_plane *plane, const struct wfp_frame *frame);
    void (*close)(struct wfp_plane *plane);
};

/** Every backend's struct begins with this. */
struct wfp_plane {
    const struct wfp_plane_ops *ops;
    char error[256]; /* one clear line: object, rule, next step */
};

#endif
