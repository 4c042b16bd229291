/*
 * The policy in force, as the engine reads it: immutable, published by one pointer.
 *
 * Lifetime   Made by a writer, freed once replaced and no reader is left. Holds a reference to each
 *            of its filters. Layers that a change leaves alone are shared between snapshots.
 */
#ifndef WFP_CORE_ENGINE_SNAPSHOT_H
#define WFP_CORE_ENGINE_SNAPSHOT_H

#include "core/engine/engine_private.h"

/* The filters of one layer in the order of evaluation. */
struct wfp_layer_policy {
    uint32_t references; /* snapshots that hold it; writers only */
    uint32_t filter_count;
    struct wfp_filter *filters[];
};

struct wfp_snapshot {
    struct wfp_snapshot *next_retired;
    struct wfp_layer_policy *layers[WFP_LAYER_COUNT]; /* NULL where there is no filter */
};

/** Does @p a come before @p b? By sublayer weight, effective weight, then the older id. */
bool wfp_snapshot_outranks(const struct wfp_filter *a, const struct wfp_filter *b);

void wfp_snapshot_free(struct wfp_snapshot *snapshot);
DEFINE_FREEP(struct wfp_snapshot, wfp_snapshot_free)
/** @return 0, -WFP_ERR_NO_MEMORY or -WFP_ERR_LAYER_NOT_FOUND */
int wfp_snapshot_new(const struct wfp_snapshot *old, struct wfp_filter *const *filters,
                     uint32_t filter_count, struct wfp_snapshot **ret_snapshot);

#endif
