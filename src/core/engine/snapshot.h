/*
 * The policy in force, as the engine reads it: immutable, published by one pointer.
 *
 * Model      Per layer up to three segments, each an image: a big one, one of what was added since
 *            it was built, and a small one of what was added last. A commit makes the small one
 *            anew and folds it into its bigger neighbour when it outgrows its share; readers merge
 *            the segments by rank. A removal only marks the filter's slot with the version.
 *
 *               snapshot (version) -> layer policy -> segments -> image -> slot -> filter
 *
 * Lifetime   Snapshots, layer policies and segments are counted by who holds them and freed by the
 *            writer once replaced and no reader is left. What a commit leaves alone is shared.
 */
#ifndef WFP_CORE_ENGINE_SNAPSHOT_H
#define WFP_CORE_ENGINE_SNAPSHOT_H

#include "core/engine/engine_private.h"
#include "core/engine/image.h"
#include "core/engine/slot.h"

#define WFP_SEGMENTS 3u

struct wfp_segment {
    uint32_t references; /* layer policies that hold it */
    uint32_t rule_count;
    struct wfp_image image;
};

struct wfp_layer_policy {
    uint32_t references;    /* snapshots that hold it */
    uint32_t filter_count;  /* in force */
    uint32_t removed_count; /* still in segments, in force no more */
    uint32_t segment_count;
    struct wfp_segment *segments[WFP_SEGMENTS]; /* biggest first */
    struct wfp_key_plan plan;                   /* of all segments */
};

struct wfp_snapshot {
    uint64_t version;
    struct wfp_snapshot *next_retired;
    uint32_t *removed; /* slots whose filter goes with this snapshot: set when it is replaced */
    uint32_t removed_count;
    struct wfp_layer_policy *layers[WFP_LAYER_COUNT]; /* NULL where there is no filter */
};

/** A change: what to add and what to remove, both by slot, and only slots that exist. */
struct wfp_snapshot_change {
    const uint32_t *added, *removed;
    uint32_t added_count, removed_count;
};

/** Does @p a come before @p b? By sublayer weight, effective weight, then the newer id. */
bool wfp_snapshot_outranks(const struct wfp_filter *a, const struct wfp_filter *b);

/**
 * The successor of @p old (NULL at the start) after @p change. Nothing readers see is touched.
 * @return 0 or -WFP_ERR_NO_MEMORY
 */
int wfp_snapshot_new(struct wfp_slot_table *slots, const struct wfp_snapshot *old,
                     const struct wfp_snapshot_change *change, struct wfp_snapshot **ret_snapshot);
/** Also drops the filters it alone kept, and frees the slots no segment names. */
void wfp_snapshot_free(struct wfp_slot_table *slots, struct wfp_snapshot *snapshot);

#endif
