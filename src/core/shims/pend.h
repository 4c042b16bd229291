/*
 * Pended authorizations: a callout wants time, the packet waits, the stack comes back to it.
 *
 * Model      While an ALE layer that may be pended is indicated, the metadata's completion handle
 *            points to a slot. A callout's adapter begins a pend there, and completes it later from
 *            any thread; wfp_stack_resume() then takes up what waited, on the stack's thread.
 *
 *              layer                bytes kept   after completion
 *              redirects            the packet   the callout's answer, or classified again there
 *              bind, listen         the packet   classified again there, then on its way
 *              connect, TCP         the SYN      classified again, then on its way
 *              connect, others      none         classified again; its flow exists, or not
 *              recv/accept          none         nothing: the driver injects its clone
 *              endpoint closure     none         classified again unless answered, then released
 *
 *            Meanwhile packets of the same conversation are absorbed; senders repeat them.
 * Ref        windows-driver-docs network/processing-classify-callouts-asynchronously;
 *            ddi fwpsk/nf-fwpsk-fwpspendoperation0
 */
#ifndef WFP_CORE_SHIMS_PEND_H
#define WFP_CORE_SHIMS_PEND_H

#include <stdbool.h>
#include <stdint.h>

struct wfp_pend;
struct wfp_pend_table;

/** What the completion handle points to; the shim's. */
struct wfp_pend_slot {
    struct wfp_pend_table *table; /* NULL outside of a classify */
    bool is_reauthorize;
    struct wfp_pend *pend;
};

/**
 * Pend the authorization that is being classified.
 * @return 0, -WFP_ERR_NOT_SUPPORTED in a re-authorization or when it is pended already,
 *         -WFP_ERR_INVALID_PARAMETER outside of a classify, -WFP_ERR_NO_MEMORY
 * Context: inside the classify that the handle came with.
 */
int wfp_pend_begin(struct wfp_pend_slot *slot, struct wfp_pend **ret_pend);
/** A completed pend was taken up, what had to be classified again is. On the stack's thread. */
typedef void wfp_pend_taken_up(void *context);
/**
 * End the wait; once. @p pend is the stack's from now on.
 * @param taken_up  called exactly once, also when the stack goes first; may be NULL
 * Context: any thread, also in classify.
 */
void wfp_pend_complete(struct wfp_pend *pend, wfp_pend_taken_up *taken_up, void *context);
/** Before completion: what the callout decides, so that it is not asked again. */
void wfp_pend_answer(struct wfp_pend *pend, uint32_t action);

#endif
