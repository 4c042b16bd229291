/*
 * The rules of arbitration; see arbiter.h for the table.
 */
#include "core/engine/arbiter.h"

static void
decide(struct wfp_arbiter *arbiter, uint32_t action, bool hard, uint64_t filter_id,
       uint32_t callout_id)
{
    arbiter->action = action;
    if (hard)
        arbiter->rights &= ~WFP_RIGHT_ACTION_WRITE;
    arbiter->filter_id = filter_id;
    arbiter->callout_id = callout_id;
    arbiter->absorb = false;
}

void
wfp_arbiter_take_filter(struct wfp_arbiter *arbiter, uint32_t action, uint32_t flags,
                        uint64_t filter_id, uint32_t callout_id)
{
    if (!(arbiter->rights & WFP_RIGHT_ACTION_WRITE))
        return;
    decide(arbiter, action,
           action == WFP_ACTION_BLOCK || flags & WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT, filter_id,
           callout_id);
}

bool
wfp_arbiter_take_callout(struct wfp_arbiter *arbiter, uint32_t kind,
                         const struct wfp_classify_out *out, uint64_t filter_id,
                         uint32_t callout_id)
{
    bool absorb = out->flags & WFP_CLASSIFY_OUT_FLAG_ABSORB;

    if (kind == WFP_ACTION_CALLOUT_INSPECTION)
        return false;
    if (out->action != WFP_ACTION_PERMIT && out->action != WFP_ACTION_BLOCK)
        return false;
    if (arbiter->rights & WFP_RIGHT_ACTION_WRITE) {
        decide(arbiter, out->action, !(out->rights & WFP_RIGHT_ACTION_WRITE), filter_id,
               callout_id);
        arbiter->absorb = absorb && out->action == WFP_ACTION_BLOCK;
        return true;
    }
    if (out->action != WFP_ACTION_BLOCK || arbiter->action != WFP_ACTION_PERMIT)
        return false;
    decide(arbiter, WFP_ACTION_BLOCK, true, filter_id, callout_id);
    arbiter->veto = true;
    arbiter->absorb = absorb;
    return true;
}
