/*
 * What replay.c, infer.c and replay_writer.c share.
 */
#ifndef WFP_PLANE_REPLAY_REPLAY_PRIVATE_H
#define WFP_PLANE_REPLAY_REPLAY_PRIVATE_H

#include "plane/replay/capture.h"
#include "plane/replay/link.h"
#include "plane/replay/replay.h"

struct wfp_replay {
    struct wfp_plane plane;
    struct wfp_capture *capture;
    struct wfp_capture_record record; /* the one the handler has in hand */
    bool has_first;                   /* `record` was read at open and not yet handed out */
    uint64_t first_100ns;
    bool is_written; /* somebody writes it anew */
    bool has_odd_link;
    uint32_t odd_link; /* the first link type met that is not decoded */
};

extern const struct wfp_plane_ops wfp_replay_ops;

/**
 * @param frame  zeroed before the first
 * @return 1 with the next frame, 0 at the end, or an error (capture->error)
 */
int wfp_replay_next(struct wfp_replay *replay, struct wfp_frame *frame);

#endif
