/*
 * The filter engine: classify an indication against the policy snapshot in force.
 *
 * Model      BFE hands a `struct wfp_policy` (the objects) to wfp_engine_commit(), which compiles
 *            it to an immutable snapshot (snapshot.h: per layer a flat image of 32-bit words) and
 *            swaps one pointer. wfp_classify() runs inside an epoch on the snapshot it found.
 * Lifetime   The old snapshot is freed after the last reader left (liburcu, memb flavour). Threads
 *            that classify call wfp_engine_thread_enter() once, _leave() at their end.
 *            A thread of the engine's own may fold segments of the snapshot (engine_fold.c): it is
 *            started by the first commit that makes it worth while and ends with the engine.
 * Ref        win32 FWP/filter-arbitration; windows-driver-docs network/filter-engine
 */
#ifndef WFP_CORE_ENGINE_ENGINE_H
#define WFP_CORE_ENGINE_ENGINE_H

#include <stdatomic.h>

#include "base/macros.h"
#include "core/engine/callout.h"
#include "core/model/filter.h"
#include "core/model/layer.h"

struct wfp_metadata; /* core/model/metadata.h: FWPS_INCOMING_METADATA_VALUES0, member for member */
struct wfp_packet;   /* core/packet/packet.h */
struct wfp_flow;     /* core/flow/flow.h */
struct wfp_engine;

/** Filters in force at each layer: what the engine begins with, so that an empty layer costs a load. */
struct wfp_engine_layers {
    atomic_uint filters[WFP_LAYER_COUNT];
};

/** One event at one layer. Everything is borrowed for the time of the call. */
struct wfp_indication {
    uint16_t layer_id;
    uint16_t value_count;
    const struct wfp_value *values; /* in the layer's field order */
    const struct wfp_metadata *metadata;
    struct wfp_packet *packet;      /* NULL where the layer carries none */
    uint32_t layer_data_offset;     /* bytes from packet->data to where the layer's data begins */
    void *layer_data;               /* what is not a packet: stream, connect request, ... */
    struct wfp_stream_view *stream; /* STREAM layers (core/stream/stream.h), else NULL */
    struct wfp_flow *flow;          /* for flow contexts; NULL before a flow exists */
    void *classify_context; /* struct wfp_classify_slot, for callouts' adapters; may be NULL */
    bool from_discard;      /* set by the engine while it indicates to a _DISCARD twin */
};

/** The outcome of one classify. */
struct wfp_verdict {
    uint32_t action;     /* WFP_ACTION_PERMIT or WFP_ACTION_BLOCK */
    bool decided;        /* false: no filter decided, the permit is the default */
    bool veto;           /* a callout blocked against a hard permit */
    bool absorb;         /* blocked silently */
    uint64_t filter_id;  /* the filter that decided, 0 if none */
    uint32_t callout_id; /* its callout, 0 without one */
    uint16_t layer_id;
    uint32_t matched; /* filters that matched and were evaluated */
};

/** The complete policy BFE wants in force: borrowed; the engine takes its own references. */
struct wfp_policy {
    struct wfp_filter *const *filters; /* enabled ones, any order; effective weights set */
    uint32_t filter_count;
};

int wfp_engine_new(struct wfp_engine **ret_engine);
void wfp_engine_free(struct wfp_engine *engine);
DEFINE_FREEP(struct wfp_engine, wfp_engine_free)

void wfp_engine_thread_enter(struct wfp_engine *engine);
void wfp_engine_thread_leave(struct wfp_engine *engine);

/**
 * Compile @p policy and make it the one in force: readers see all of it or none.
 * @return 0 or -WFP_ERR_NO_MEMORY, the old policy then stays. One writer at a time (BFE's lock).
 */
int wfp_engine_commit(struct wfp_engine *engine, const struct wfp_policy *policy);

/**
 * Change the policy in force by a difference, cheap where a full commit is not.
 * The removed come out by identity. Same promises as wfp_engine_commit().
 */
int wfp_engine_commit_delta(struct wfp_engine *engine, struct wfp_filter *const *added,
                            uint32_t added_count, struct wfp_filter *const *removed,
                            uint32_t removed_count);

/**
 * Commits leave small segments behind; a thread of the engine's own folds them together. Not so with
 * @p by_hand: then only wfp_engine_fold() does, for tests and measurements. Say so at the start.
 */
void wfp_engine_fold_by_hand(struct wfp_engine *engine, bool by_hand);
/**
 * Fold all that is due, now, and wait for the thread if it is at it. Decisions do not change by it.
 * @return 0 or -WFP_ERR_NO_MEMORY. Context: not inside an epoch
 */
int wfp_engine_fold(struct wfp_engine *engine);

/**
 * Decide one indication. Context: a thread that entered; takes no lock, allocates nothing, never
 * blocks; callouts run inside.
 */
void wfp_classify(struct wfp_engine *engine, const struct wfp_indication *indication,
                  struct wfp_verdict *ret_verdict);

/** Who wants to hear of verdicts, for events: borrowed until it is replaced. */
struct wfp_event_sink {
    /** Context: inside classify, in an epoch: no lock, no allocation. */
    void (*verdict)(void *context, const struct wfp_indication *indication,
                    const struct wfp_verdict *verdict);
    void *context;
};
#define WFP_EVENT_DROPS  0x1u /* blocks that leave a trace: not absorbed, not at a _DISCARD twin */
#define WFP_EVENT_ALLOWS 0x2u

/** NULL: nobody. Returns once nobody runs in the old one. Context: not inside an epoch. */
void wfp_engine_set_event_sink(struct wfp_engine *engine, const struct wfp_event_sink *sink);
/** Which verdicts: WFP_EVENT_*; none at the start. */
void wfp_engine_set_event_interest(struct wfp_engine *engine, uint32_t interest);

/** Has the layer any filter at all? Shims skip building values where it has none. */
static inline bool
wfp_engine_layer_is_empty(const struct wfp_engine *engine, uint16_t layer_id)
{
    const struct wfp_engine_layers *layers = (const void *)engine;
    return layer_id >= WFP_LAYER_COUNT ||
           atomic_load_explicit(&layers->filters[layer_id], memory_order_relaxed) == 0;
}

/** A number that changes whenever filters of the layer change: flows compare it to reauthorize. */
uint64_t wfp_engine_layer_epoch(struct wfp_engine *engine, uint16_t layer_id);

/** Per layer and per filter counts, for reports. */
struct wfp_layer_counters {
    uint64_t classified, permit, block;
};
void wfp_engine_layer_counters(struct wfp_engine *engine, uint16_t layer_id,
                               struct wfp_layer_counters *ret_counters);
struct wfp_filter_counters {
    uint64_t matched, blocked;
};
bool wfp_engine_filter_counters(struct wfp_engine *engine, uint64_t filter_id,
                                struct wfp_filter_counters *ret_counters);

#endif
