/*
 * The objects of a policy as the engine and BFE share them: filters, sublayers, callouts.
 *
 * Model      BFE makes objects and never changes them after commit; a change is a new object.
 *            The engine compiles them into a snapshot and keeps references. `weight` and
 *            `sublayer_weight` are what Windows calls effective.
 * Lifetime   Reference counted (atomic); the last unref frees. A snapshot holds one each.
 * Ref        win32 fwpmtypes/ns-fwpmtypes-fwpm_filter0
 */
#ifndef WFP_CORE_MODEL_FILTER_H
#define WFP_CORE_MODEL_FILTER_H

#include <stdatomic.h>
#include <stddef.h>

#include "core/model/classify_option.h"
#include "core/model/condition_pack.h"

enum wfp_action {
    WFP_ACTION_BLOCK = 0x1001,
    WFP_ACTION_PERMIT = 0x1002,
    WFP_ACTION_CALLOUT_TERMINATING = 0x5003,
    WFP_ACTION_CALLOUT_INSPECTION = 0x6004,
    WFP_ACTION_CALLOUT_UNKNOWN = 0x4005,
    WFP_ACTION_CONTINUE = 0x2006,
    WFP_ACTION_NONE = 0x7,
    WFP_ACTION_NONE_NO_MATCH = 0x8,
};

#define WFP_ACTION_FLAG_TERMINATING     0x1000u
#define WFP_ACTION_FLAG_NON_TERMINATING 0x2000u
#define WFP_ACTION_FLAG_CALLOUT         0x4000u

/* FWPM_FILTER_FLAG_* */
#define WFP_FILTER_FLAG_PERSISTENT                     0x0001u
#define WFP_FILTER_FLAG_BOOTTIME                       0x0002u
#define WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT           0x0004u
#define WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT             0x0008u
#define WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED 0x0010u
#define WFP_FILTER_FLAG_DISABLED                       0x0020u
#define WFP_FILTER_FLAG_INDEXED                        0x0040u

/** What few filters have. */
struct wfp_filter_extra {
    uint16_t *description_utf16; /* NULL without one, as all of these */
    const struct wfp_guid *provider_key;
    const struct wfp_guid *callout_key;          /* callout actions; else the filter type */
    const struct wfp_guid *provider_context_key; /* with WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT */
    const struct wfp_blob *provider_data;
    uint64_t raw_context; /* as given, or the provider context's run-time id */
    /** FWPM_PROVIDER_CONTEXT, one malloc'ed block, for callouts that use provider contexts. */
    void *provider_context_view;
    struct wfp_classify_options *options; /* of a context of that type; malloc'ed */
};

/** Nothing of it. */
extern const struct wfp_filter_extra wfp_filter_no_extra;

/*
 * Kept small: a policy may have 100,000 of them. What BFE makes is one block, the pointers leading
 * into it.
 */
struct wfp_filter {
    atomic_uint references;
    uint32_t condition_count;
    uint64_t id; /* run-time id, never 0 */
    struct wfp_guid key;
    struct wfp_guid sublayer_key;
    uint16_t layer_id;        /* run-time layer id (core/model/layer.h) */
    uint16_t sublayer_weight; /* effective */
    uint32_t flags;           /* WFP_FILTER_FLAG_* */
    uint32_t action;          /* enum wfp_action */
    uint32_t callout_id;      /* run-time id of callout_key, 0 without one */
    uint64_t weight;          /* effective */
    uint8_t weight_type;      /* as given: EMPTY, UINT8 (weight >> 60) or UINT64 (weight) */
    bool is_block;            /* all pointers below, but the adapter's, lead into this allocation */
    bool is_packed;           /* its conditions are */
    union {
        struct wfp_condition *conditions;
        const uint8_t *packed_conditions;
    };
    uint16_t *name_utf16;                 /* required */
    const struct wfp_filter_extra *extra; /* never NULL */
    uint64_t
        context; /* the raw context, until a callout's notify writes its own while it is added */
    void *adapter_view; /* the callout adapter's rendering (FWPS_FILTER), built on demand */
    void (*adapter_free)(void *adapter_view);
};

/** A zeroed filter with one reference, or NULL. */
struct wfp_filter *wfp_filter_new(void);
/** The same as one block with @p extra zeroed bytes behind it (aligned to 8): `is_block` is set. */
struct wfp_filter *wfp_filter_new_block(size_t extra, uint8_t **ret_extra);
/**
 * Its conditions one after another, whichever way they are kept:
 *
 *     struct wfp_filter_walk walk = wfp_filter_walk(filter);
 *     while ((condition = wfp_filter_next(&walk)))
 */
struct wfp_filter_walk {
    const struct wfp_filter *filter;
    uint32_t count, next; /* given so far; where the next is */
    uint32_t at;          /* of the one given last: for wfp_filter_condition() */
    struct wfp_condition_view view;
};
static inline struct wfp_filter_walk
wfp_filter_walk(const struct wfp_filter *filter)
{
    return (struct wfp_filter_walk){.filter = filter};
}
/** The next, or NULL; good until the one after it. */
const struct wfp_condition *wfp_filter_next(struct wfp_filter_walk *walk);
/** One that a walk has been at; @p view may hold it. Context: no locks, no allocation. */
const struct wfp_condition *wfp_filter_condition(const struct wfp_filter *filter, uint32_t at,
                                                 struct wfp_condition_view *view);
struct wfp_filter *wfp_filter_ref(struct wfp_filter *filter);
void wfp_filter_unref(struct wfp_filter *filter);
/** "CALLOUT_TERMINATING": an action a filter may carry, as reports name it; "?" for any other. */
const char *wfp_filter_action_name(uint32_t action);

#endif
