/*
 * Flow contexts: one 64-bit value per (flow, layer, callout), owned by the driver.
 *
 * Not here   the flows themselves, and the promise that flowDeleteFn runs once: core/flow.
 */
#include "base/status.h"
#include "core/flow/flow.h"
#include "nt/fwps/fwps_internal.h"

/**
 * Hang a context on a flow.
 *
 * @param flowId       flow handle from the metadata
 * @param layerId, calloutId  where classify will be given the context
 * @param flowContext  not 0
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER (0, or a callout without flowDeleteFn),
 *         STATUS_OBJECT_NAME_EXISTS (there is one already), STATUS_NOT_FOUND
 *
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsflowassociatecontext0
 */
NTSTATUS NTAPI
FwpsFlowAssociateContext0(UINT64 flowId, UINT16 layerId, UINT32 calloutId, UINT64 flowContext)
{
    int r = nt_fwps.flows
                ? wfp_flow_context_set(nt_fwps.flows, flowId, layerId, calloutId, flowContext)
                : -WFP_ERR_NOT_FOUND;

    switch (r) {
    case 0:
        return STATUS_SUCCESS;
    case -WFP_ERR_ALREADY_EXISTS:
        return STATUS_OBJECT_NAME_EXISTS;
    case -WFP_ERR_INVALID_PARAMETER:
        return STATUS_INVALID_PARAMETER;
    case -WFP_ERR_NO_MEMORY:
        return STATUS_INSUFFICIENT_RESOURCES;
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/**
 * Take a context off a flow; its flowDeleteFn runs before this returns, or (STATUS_PENDING) when the
 * classify in progress is over.
 *
 * @return STATUS_SUCCESS, STATUS_PENDING, STATUS_UNSUCCESSFUL where there is no context
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsflowremovecontext0
 */
NTSTATUS NTAPI
FwpsFlowRemoveContext0(UINT64 flowId, UINT16 layerId, UINT32 calloutId)
{
    enum wfp_flow_removal removal;

    if (!nt_fwps.flows ||
        wfp_flow_context_remove(nt_fwps.flows, flowId, layerId, calloutId, &removal) < 0)
        return STATUS_UNSUCCESSFUL;
    return removal == WFP_FLOW_PENDING ? STATUS_PENDING : STATUS_SUCCESS;
}

/**
 * End a flow: its connection is reset, its contexts go.
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsflowabort0
 */
NTSTATUS NTAPI
FwpsFlowAbort0(UINT64 flowId)
{
    return nt_fwps.flows && wfp_flow_abort(nt_fwps.flows, flowId) == 0 ? STATUS_SUCCESS
                                                                       : STATUS_INVALID_PARAMETER;
}
