/*
 * The replay plane's loop: record, link layer, handler.
 */
#include "plane/replay/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "plane/replay/replay_private.h"

#define PACKETS_PER_BATCH 4096u /* between looks at `stop` and calls of idle() */

static void
set_process(const struct wfp_capture_process *process, struct wfp_frame *frame)
{
    frame->process_id = process ? process->id : 0;
    frame->process_path_utf16 = process ? process->name_utf16 : NULL;
    frame->user = NULL;
}

/** @param frame  the one before, or zero: what seldom changes is left as it is */
static void
set_frame(const struct wfp_capture *capture, struct wfp_capture_record *record,
          struct wfp_frame *frame)
{
    static const enum wfp_direction_hint hints[] = {
        [WFP_CAPTURE_WAY_UNKNOWN] = WFP_HINT_NONE,
        [WFP_CAPTURE_WAY_IN] = WFP_HINT_INBOUND,
        [WFP_CAPTURE_WAY_OUT] = WFP_HINT_OUTBOUND,
    };
    struct wfp_link link;

    frame->link_reason = wfp_link_strip(capture->interfaces[record->interface].link_type,
                                        record->data, record->length, &link);
    frame->data = record->data + link.offset;
    frame->mac = link.is_ethernet ? record->data : NULL;
    frame->length = record->length - link.offset;
    frame->headroom = record->headroom + link.offset;
    frame->wire_length = record->wire_length - link.offset;
    frame->hint = record->way != WFP_CAPTURE_WAY_UNKNOWN ? hints[record->way] : link.hint;
    frame->time_100ns = record->time_100ns;
    frame->interface_index = record->interface + 1;
    frame->interface_type = 0;
    frame->link_broadcast = link.is_broadcast || record->link_broadcast;
    frame->modified = false;
    if (UNLIKELY(record->process != NULL || frame->process_id != 0))
        set_process(record->process, frame);
}

int
wfp_replay_next(struct wfp_replay *replay, struct wfp_frame *frame)
{
    int r = 1;

    if (replay->has_first)
        replay->has_first = false;
    else
        r = wfp_capture_next(replay->capture, &replay->record);
    if (r <= 0)
        return r;
    set_frame(replay->capture, &replay->record, frame);
    if (UNLIKELY(frame->link_reason == WFP_UNDECODABLE_LINK_TYPE) && !replay->has_odd_link) {
        replay->has_odd_link = true;
        replay->odd_link = replay->capture->interfaces[replay->record.interface].link_type;
    }
    return r;
}

static int
run(struct wfp_plane *plane, const struct wfp_plane_handler *handler,
    const volatile sig_atomic_t *stop)
{
    struct wfp_replay *replay = (struct wfp_replay *)plane;
    struct wfp_decision decision;
    struct wfp_frame frame = {0};
    int r = 0;

    if (!replay->is_written)
        wfp_capture_forget(replay->capture, false);
    while (!*stop) {
        for (uint32_t i = 0; i < PACKETS_PER_BATCH; i++) {
            r = wfp_replay_next(replay, &frame);
            if (r <= 0)
                break;
            handler->packet(handler->context, &frame, &decision);
        }
        if (handler->idle)
            handler->idle(handler->context);
        if (r <= 0)
            break;
    }
    if (r < 0)
        snprintf(plane->error, sizeof(plane->error), "%s", replay->capture->error);
    return MIN(r, 0);
}

static void
close_plane(struct wfp_plane *plane)
{
    struct wfp_replay *replay = (struct wfp_replay *)plane;

    wfp_capture_close(replay->capture);
    free(replay);
}

const struct wfp_plane_ops wfp_replay_ops = {
    .name = "replay",
    .run = run,
    .close = close_plane,
};

int
wfp_replay_open(const char *path, struct wfp_plane **ret_plane, char error[256])
{
    _cleanup_(wfp_capture_closep) struct wfp_capture *capture = NULL;
    struct wfp_replay *replay;
    int r = wfp_capture_open(path, &capture, error);

    if (r < 0)
        return r;
    replay = calloc(1, sizeof(*replay));
    if (!replay) {
        snprintf(error, 256, "%s: out of memory", path);
        return -WFP_ERR_NO_MEMORY;
    }
    replay->plane.ops = &wfp_replay_ops;
    replay->capture = TAKE_PTR(capture);
    replay->first_100ns = WFP_CLOCK_UNIX_EPOCH;
    /* The clock drivers see starts with the first packet, so its time is wanted before run(). */
    if (wfp_capture_next(replay->capture, &replay->record) > 0) {
        replay->has_first = true;
        replay->first_100ns = replay->record.time_100ns;
    }
    *ret_plane = &replay->plane;
    return 0;
}

uint64_t
wfp_replay_first_time(struct wfp_plane *plane)
{
    return ((struct wfp_replay *)plane)->first_100ns;
}

void
wfp_replay_progress(struct wfp_plane *plane, uint64_t *ret_done_bytes, uint64_t *ret_total_bytes)
{
    const struct wfp_capture *capture = ((struct wfp_replay *)plane)->capture;

    *ret_done_bytes = capture->offset;
    *ret_total_bytes = capture->size;
}

const char *
wfp_replay_odd_link(struct wfp_plane *plane, char text[64])
{
    const struct wfp_replay *replay = (const struct wfp_replay *)plane;
    const char *name = wfp_link_name(replay->odd_link);

    text[0] = 0;
    if (replay->has_odd_link)
        snprintf(text, 64, "%u%s%s", replay->odd_link, *name ? ", " : "", name);
    return text;
}
