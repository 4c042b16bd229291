/*
 * Arbitration: from the filters that matched at a layer to one verdict.
 *
 * Model      One state per classify: the action carried so far and the right to change it.
 *            Sublayers are evaluated from high weight to low, all of them, also after a block.
 *            Within a sublayer filters are evaluated from high weight to low until one decides.
 *
 *              who            answer     with the right             without it
 *              filter         permit     soft permit (hard if       ends the sublayer,
 *                                        CLEAR_ACTION_RIGHT)        changes nothing
 *              filter         block      hard block                 likewise
 *              callout        permit     soft, or hard if the       ignored, goes on
 *                                        callout clears the right
 *              callout        block      likewise                   veto over a permit, or ignored
 *              callout        other      goes on                    goes on
 *              inspection     any        goes on                    goes on
 *
 *            Nothing decided at the end is a permit.
 * Choice     docs/decisions/0002-arbitration.md
 * Ref        win32 FWP/filter-arbitration; ddi fwpsk/nc-fwpsk-fwps_callout_classify_fn1
 */
#ifndef WFP_CORE_ENGINE_ARBITER_H
#define WFP_CORE_ENGINE_ARBITER_H

#include "core/engine/engine.h"

struct wfp_arbiter {
    uint32_t action; /* WFP_ACTION_PERMIT, _BLOCK, or _NONE while nothing is decided */
    uint32_t rights; /* WFP_RIGHT_ACTION_WRITE while the action may be changed */
    bool veto;
    bool absorb;
    uint32_t callout_id;
    uint64_t filter_id;
};

static inline void
wfp_arbiter_init(struct wfp_arbiter *arbiter)
{
    *arbiter = (struct wfp_arbiter){.action = WFP_ACTION_NONE, .rights = WFP_RIGHT_ACTION_WRITE};
}

/**
 * A filter decided by itself (or stands in for a callout that is not registered).
 *
 * @param action  WFP_ACTION_PERMIT or WFP_ACTION_BLOCK
 * @param flags   WFP_FILTER_FLAG_* of the filter
 */
void wfp_arbiter_take_filter(struct wfp_arbiter *arbiter, uint32_t action, uint32_t flags,
                             uint64_t filter_id, uint32_t callout_id);
/**
 * A callout answered.
 *
 * @param kind  the filter's WFP_ACTION_CALLOUT_*
 * @param out   what it left behind
 * @return true if its sublayer is decided, false to go on with the next filter
 */
bool wfp_arbiter_take_callout(struct wfp_arbiter *arbiter, uint32_t kind,
                              const struct wfp_classify_out *out, uint64_t filter_id,
                              uint32_t callout_id);

#endif
