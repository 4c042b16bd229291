/*
 * Callouts at run time: the registry that joins a callout's key to the code a driver registered.
 *
 * Model      nt/fwps registers; the engine calls through `struct wfp_callout_ops`; BFE asks for the
 *            run-time id of a key and delivers notifications. A callout may be registered before or
 *            after its FWPM object is added, and either may go first.
 * Lifetime   A registration lives until unregistered and until no classify or flow context uses it.
 * Ref        windows-driver-docs network/callouts; ddi fwpsk/ns-fwpsk-fwps_callout3_
 */
#ifndef WFP_CORE_ENGINE_CALLOUT_H
#define WFP_CORE_ENGINE_CALLOUT_H

#include "core/model/filter.h"

struct wfp_engine;
struct wfp_indication;

/** FWPS_CALLOUT_FLAG_* that the engine itself honours. */
#define WFP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW      0x00000001u
#define WFP_CALLOUT_FLAG_ALLOW_OFFLOAD            0x00000002u
#define WFP_CALLOUT_FLAG_ENABLE_COMMIT_ADD_NOTIFY 0x00000004u
#define WFP_CALLOUT_FLAG_ALLOW_MID_STREAM         0x00000008u

/** FWPS_CALLOUT_NOTIFY_TYPE. */
enum wfp_notify_type {
    WFP_NOTIFY_ADD_FILTER,
    WFP_NOTIFY_DELETE_FILTER,
    WFP_NOTIFY_ADD_FILTER_POST_COMMIT,
};

#define WFP_RIGHT_ACTION_WRITE       0x1u
#define WFP_CLASSIFY_OUT_FLAG_ABSORB 0x1u
/* stream layers, told to the callout */
#define WFP_CLASSIFY_OUT_FLAG_BUFFER_LIMIT 0x2u
#define WFP_CLASSIFY_OUT_FLAG_NO_MORE_DATA 0x4u

/** FWPS_CLASSIFY_OUT0, member for member. */
struct wfp_classify_out {
    uint32_t action; /* enum wfp_action */
    uint64_t out_context;
    uint64_t filter_id;
    uint32_t rights;
    uint32_t flags;
    uint32_t reserved;
};

/** What a registered callout does. All run without any engine lock held. */
struct wfp_callout_ops {
    /** @param out  pre-filled with the action and rights carried so far */
    void (*classify)(void *context, const struct wfp_indication *indication,
                     struct wfp_filter *filter, uint64_t flow_context,
                     struct wfp_classify_out *out);
    /** @return 0, or an error that vetoes the add (ignored for other types). May be NULL. */
    int (*notify)(void *context, enum wfp_notify_type type, struct wfp_filter *filter);
    /** May be NULL; then flows cannot carry a context for this callout. */
    void (*flow_delete)(void *context, uint16_t layer_id, uint32_t callout_id,
                        uint64_t flow_context);
    /** The last user is gone. May be NULL. */
    void (*release)(void *context);
};

/**
 * Register code for @p key. @return 0, -WFP_ERR_ALREADY_EXISTS, -WFP_ERR_NO_MEMORY
 * Context: any thread, not inside classify; may allocate.
 */
int wfp_callout_register(struct wfp_engine *engine, const struct wfp_guid *key, uint32_t flags,
                         const struct wfp_callout_ops *ops, void *context, uint32_t *ret_id);
/**
 * Unregister; when it returns 0 no classify and no notification of it runs any more.
 * @return 0, -WFP_ERR_CALLOUT_NOT_FOUND, or -WFP_ERR_IN_USE: from inside a callout, or while flow
 *         contexts of it remain. These must be removed first; new ones are refused from now on.
 * Context: waits for readers; not inside classify.
 */
int wfp_callout_unregister(struct wfp_engine *engine, uint32_t id);
/** The run-time id that @p key has or will have: ids are kept per key for the engine's life. */
uint32_t wfp_callout_id(struct wfp_engine *engine, const struct wfp_guid *key);
bool wfp_callout_find_key(struct wfp_engine *engine, uint32_t id, struct wfp_guid *ret_key);
bool wfp_callout_is_registered(struct wfp_engine *engine, uint32_t id);
/** Deliver a notification to the callout of @p filter, if registered. @return 0 or the veto */
int wfp_callout_notify(struct wfp_engine *engine, enum wfp_notify_type type,
                       struct wfp_filter *filter);
/** Count of classify calls, and of permit/block answers, per callout, for reports. */
struct wfp_callout_counters {
    uint64_t classified, permit, block, other;
};
void wfp_callout_counters(struct wfp_engine *engine, uint32_t id,
                          struct wfp_callout_counters *ret_counters);
/** Hold / drop a flow context's claim on a callout (core/flow calls these). */
int wfp_callout_flow_claim(struct wfp_engine *engine, uint32_t id);
void wfp_callout_flow_delete(struct wfp_engine *engine, uint32_t id, uint16_t layer_id,
                             uint64_t flow_context);

#endif
