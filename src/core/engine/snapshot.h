/*
 * The policy in force, as the engine reads it: immutable, published by one pointer.
 *
 * Model      Per layer some segments, each an image: a big one, one of what was added since it was
 *            built, and small ones of what was added last. A commit makes the last one anew; folding
 *            segments together is the work of engine_fold.c, beside the commits. Readers merge the
 *            segments by rank. A removal only marks the filter's slot with the version.
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

/* Most of the time two or three; the rest is for what comes while a fold runs. */
#define WFP_SEGMENTS 32u

struct wfp_segment {
    uint32_t references; /* layer policies that hold it, and a fold */
    uint32_t rule_count;
    bool is_folding; /* commits leave it alone */
    /* A fold has built its successor, which has its slots, except those it left out: these. */
    bool is_succeeded;
    uint32_t *left_out;
    uint32_t left_out_count;
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

/** What a commit removed: these slots' filters go once no reader is left who may see them. */
struct wfp_removal {
    struct wfp_removal *next;
    uint64_t version; /* that has them no more */
    uint32_t count;
    uint32_t slots[];
};

struct wfp_snapshot {
    uint64_t version; /* of the policy: a fold does not change it */
    struct wfp_snapshot *next_retired;
    struct wfp_removal *removal; /* goes with this snapshot: set when it is replaced */
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
/** Also frees the slots no segment names. Its removal is the caller's. */
void wfp_snapshot_free(struct wfp_slot_table *slots, struct wfp_snapshot *snapshot);
/** Drop the filters of a removal, and free it. NULL is allowed. */
void wfp_snapshot_drop_removal(struct wfp_slot_table *slots, struct wfp_removal *removal);

/* ---- folding: segments of one layer into one ---- */

struct wfp_fold {
    uint16_t layer_id;
    uint64_t version; /* of the policy it looks at */
    uint32_t count;
    struct wfp_segment *segments[WFP_SEGMENTS]; /* neighbours; a reference each */
    struct wfp_segment *successor;              /* NULL if nothing of them is in force */
    uint32_t *garbage[WFP_SEGMENTS];            /* their images: big, so freed outside the mutex */
};

/** How much there is to fold: 0 nothing, 1 something, 2 so much that commits may have to do it. */
int wfp_fold_is_due(const struct wfp_snapshot *snapshot);

/**
 * Choose what to fold first; @p is_quiet: commits have ceased. What was chosen is marked and held until wfp_fold_release().
 * @return false: nothing is due. Context: the engine's mutex.
 */
bool wfp_fold_choose(const struct wfp_snapshot *snapshot, bool is_quiet, struct wfp_fold *ret_fold);
/**
 * Build the successor. Context: no mutex, commits may go on; but no filter may be dropped whose
 * removal is newer than the fold's version.
 * @return 0 or -WFP_ERR_NO_MEMORY
 */
int wfp_fold_build(const struct wfp_slot_table *slots, struct wfp_fold *fold);
/**
 * The successor of @p now in which the fold's segments are replaced: the same policy, the same
 * version. Context: the engine's mutex.
 * @return 0, -WFP_ERR_NO_MEMORY or -WFP_ERR_NOT_FOUND: commits have replaced them meanwhile
 */
int wfp_fold_apply(struct wfp_slot_table *slots, struct wfp_fold *fold,
                   const struct wfp_snapshot *now, struct wfp_snapshot **ret_snapshot);
/** Let go of the segments. Context: the engine's mutex. */
void wfp_fold_release(struct wfp_slot_table *slots, struct wfp_fold *fold);
/** Free what is left of them. Context: no mutex. */
void wfp_fold_fini(struct wfp_fold *fold);

/* ---- for the files that build snapshots: under the mutex but for the first ---- */

/** A segment of these filters, with one reference; their slots are not counted yet. */
int wfp_segment_build(uint16_t layer_id, struct wfp_image_source *sources, uint32_t count,
                      struct wfp_segment **ret_segment);
void wfp_segment_unref(struct wfp_slot_table *slots, struct wfp_segment *segment);
void wfp_layer_policy_unref(struct wfp_slot_table *slots, struct wfp_layer_policy *policy);
/** Another segment behind those it has; takes the reference. */
void wfp_layer_policy_push(struct wfp_layer_policy *policy, struct wfp_segment *segment);

#endif
