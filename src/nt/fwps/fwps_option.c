/*
 * Classify options: what a callout says of the state that its permit makes.
 *
 * Model      While an authorization is classified, options collect in the shim's slot
 *            (core/shims/redirect.h); the flow that is made, or authorized again, takes them over.
 *
 *              lifetimes            how long the flow may idle: unicast, or to a group
 *              multicast state      may anyone answer what is sent to a group, or those on the link?
 *                                   by default, anyone
 *              loose source mapping may anyone answer what is sent to one address? by default, no
 *
 * Not here   filters that set options without a driver: core/shims/set_options.c
 * Choice     docs/decisions/0071-options-closures-and-lists-of-sockets.md
 * Ref        ddi fwpsk/nf-fwpsk-fwpsclassifyoptionset0; win32 FWP/ale-flow-customization
 */
#include "core/shims/redirect.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ntos/nt_finding.h"

static_assert(FWP_CLASSIFY_OPTION_MULTICAST_STATE == (int)WFP_OPTION_MULTICAST_STATE,
              "one numbering");
static_assert(FWP_CLASSIFY_OPTION_LOOSE_SOURCE_MAPPING == (int)WFP_OPTION_LOOSE_SOURCE,
              "one numbering");
static_assert(FWP_CLASSIFY_OPTION_UNICAST_LIFETIME == (int)WFP_OPTION_UNICAST_LIFETIME,
              "one numbering");
static_assert(FWP_CLASSIFY_OPTION_MCAST_BCAST_LIFETIME == (int)WFP_OPTION_MULTICAST_LIFETIME,
              "one numbering");

/**
 * Say something of the state that this authorization makes if it is permitted.
 *
 * @param inMetadataValues  what classifyFn got
 * @param option            one of the first four of FWP_CLASSIFY_OPTION_TYPE
 * @param newValue          FWP_UINT32: an FWP_OPTION_VALUE_..., or seconds (not 0)
 * @return STATUS_SUCCESS; STATUS_FWP_NULL_POINTER; STATUS_FWP_INVALID_ENUMERATOR: no such option;
 *         STATUS_NOT_SUPPORTED: one of secure sockets, or local mapping; STATUS_OBJECT_TYPE_MISMATCH;
 *         STATUS_FWP_OUT_OF_BOUNDS; STATUS_UNSUCCESSFUL: a callout of more weight set it before, or
 *         the classify is not of ALE_AUTH_CONNECT or ALE_AUTH_RECV_ACCEPT, whose state it would be
 * Context: inside classifyFn. IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsclassifyoptionset0
 */
NTSTATUS NTAPI
FwpsClassifyOptionSet0(const FWPS_INCOMING_METADATA_VALUES0 *inMetadataValues,
                       FWP_CLASSIFY_OPTION_TYPE option, FWP_VALUE0 *newValue)
{
    const struct wfp_indication *indication = nt_fwps_classified;
    struct wfp_classify_slot *slot;

    if (!inMetadataValues || !newValue)
        return STATUS_FWP_NULL_POINTER;
    if ((unsigned)option >= FWP_CLASSIFY_OPTION_MAX)
        return STATUS_FWP_INVALID_ENUMERATOR;
    if ((unsigned)option >= WFP_OPTION_COUNT)
        return STATUS_NOT_SUPPORTED;
    if (newValue->type != FWP_UINT32)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (!wfp_classify_option_allows((enum wfp_classify_option)option, newValue->uint32))
        return STATUS_FWP_OUT_OF_BOUNDS;
    if (!indication) {
        nt_finding(NT_FINDING_OBJECT_BAD, "FwpsClassifyOptionSet: no classify runs on this thread");
        return STATUS_UNSUCCESSFUL;
    }
    slot = indication->classify_context;
    if (!slot || !slot->takes_options || slot->options.set & 1u << option)
        return STATUS_UNSUCCESSFUL;
    slot->options.set |= 1u << option;
    slot->options.values[option] = newValue->uint32;
    return STATUS_SUCCESS;
}
