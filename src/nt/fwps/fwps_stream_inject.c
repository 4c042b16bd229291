/*
 * FwpsStreamInjectAsync and FwpsStreamContinue: what drivers ask of a stream.
 *
 * Model      The bytes are copied at once and queued as a request of the stream's table, in order of
 *            calls. When it is done, each list of the chain is completed: exactly once.
 * Context    Any thread, also inside classify; completion on the stack's thread, outside of classify.
 * Ref        windows-driver-docs network/stream-inspection
 */
#include <stdlib.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/model/layer.h"
#include "core/stream/stream.h"
#include "nt/fwps/fwps_inject.h"
#include "nt/fwps/fwps_stream.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

struct stream_request {
    struct wfp_stream_request request;
    struct injection_handle *handle;
    struct nt_driver *driver;
    NET_BUFFER_LIST *chain;
    FWPS_INJECT_COMPLETE0 complete;
    void *context;
};

/* A list may go in its completion function, so the next is found before. */
static void
complete_next(struct stream_request *mine, NTSTATUS status)
{
    NET_BUFFER_LIST *nbl = mine->chain;

    mine->chain = nbl->Next;
    if (!nt_nbl_find(nbl))
        return; /* freed while it was being injected: a finding */
    nbl->Next = NULL;
    nbl->Status = status;
    NT_CALLBACK_VOID(mine->driver, NT_DISPATCH_LEVEL, mine->complete(mine->context, nbl, TRUE));
}

static void
finish(struct wfp_stream_request *request, int r)
{
    struct stream_request *mine = CONTAINER_OF(request, struct stream_request, request);
    NTSTATUS status = r < 0 ? STATUS_FWP_TCPIP_NOT_READY : STATUS_SUCCESS;

    while (mine->chain)
        complete_next(mine, status);
    if (mine->handle)
        atomic_fetch_sub(&mine->handle->outstanding, 1);
    free(request->bytes);
    free(mine);
}

static NTSTATUS
check_flags(UINT32 flags, bool *ret_inbound, bool *ret_disconnect)
{
    bool in = flags & FWPS_STREAM_FLAG_RECEIVE, out = flags & FWPS_STREAM_FLAG_SEND;
    UINT32 inbound = FWPS_STREAM_FLAG_RECEIVE | FWPS_STREAM_FLAG_RECEIVE_EXPEDITED |
                     FWPS_STREAM_FLAG_RECEIVE_DISCONNECT | FWPS_STREAM_FLAG_RECEIVE_PUSH;
    UINT32 outbound = FWPS_STREAM_FLAG_SEND | FWPS_STREAM_FLAG_SEND_EXPEDITED |
                      FWPS_STREAM_FLAG_SEND_NODELAY | FWPS_STREAM_FLAG_SEND_DISCONNECT;

    if (in == out || (flags & ~(in ? inbound : outbound)))
        return STATUS_FWP_INVALID_PARAMETER;
    *ret_inbound = in;
    *ret_disconnect =
        flags & (in ? FWPS_STREAM_FLAG_RECEIVE_DISCONNECT : FWPS_STREAM_FLAG_SEND_DISCONNECT);
    return STATUS_SUCCESS;
}

static bool
is_stream_layer(UINT16 layer_id)
{
    return layer_id == WFP_LAYER_STREAM_V4 || layer_id == WFP_LAYER_STREAM_V6;
}

static NTSTATUS
check_handle(HANDLE handle, struct injection_handle **ret_handle)
{
    struct injection_handle *found = nt_fwps_injection_handle_find(handle);

    if (!found)
        return STATUS_FWP_INVALID_PARAMETER;
    if (!(found->types & FWPS_INJECTION_TYPE_STREAM))
        return STATUS_FWP_INJECT_HANDLE_STALE;
    if (found->closing)
        return STATUS_FWP_INJECT_HANDLE_CLOSING;
    *ret_handle = found;
    return STATUS_SUCCESS;
}

static NTSTATUS
read_data(struct stream_request *mine, NET_BUFFER_LIST *chain, SIZE_T length)
{
    if (length > WFP_STREAM_HELD_MAX)
        return STATUS_INSUFFICIENT_RESOURCES;
    mine->request.bytes = malloc(length ? length : 1);
    if (!mine->request.bytes)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (NET_BUFFER_LIST *nbl = chain; nbl; nbl = nbl->Next)
        if (!nt_nbl_find(nbl))
            return STATUS_FWP_INVALID_PARAMETER;
    if (nt_fwps_stream_read(chain, mine->request.bytes, length) != length) {
        nt_finding(NT_FINDING_OBJECT_BAD, "FwpsStreamInjectAsync: dataLength %zu, but less data",
                   (size_t)length);
        return STATUS_FWP_INVALID_PARAMETER;
    }
    mine->request.length = (uint32_t)length;
    mine->chain = chain;
    return STATUS_SUCCESS;
}

/**
 * Inject data into a TCP stream, behind what was permitted and injected so far. The callout does not
 * see them again; callouts of sublayers below do.
 *
 * @param injectionHandle  of type stream
 * @param streamFlags      RECEIVE or SEND, and what goes with it; ..._DISCONNECT: a FIN follows
 * @param netBufferList    a chain; NULL only with ..._DISCONNECT
 * @param dataLength       bytes of the chain to inject
 * @param completionFn     runs once for each list, if and only if STATUS_SUCCESS is returned; a
 *                         connection that was gone meanwhile shows in the list's status
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_FWP_INVALID_PARAMETER,
 *         STATUS_FWP_INJECT_HANDLE_STALE / _CLOSING, STATUS_FWP_TCPIP_NOT_READY,
 *         STATUS_INSUFFICIENT_RESOURCES (also for more than 8 MB)
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsstreaminjectasync0
 */
NTSTATUS NTAPI
FwpsStreamInjectAsync0(HANDLE injectionHandle, HANDLE injectionContext, UINT32 flags, UINT64 flowId,
                       UINT32 calloutId, UINT16 layerId, UINT32 streamFlags,
                       NET_BUFFER_LIST *netBufferList, SIZE_T dataLength,
                       FWPS_INJECT_COMPLETE0 completionFn, HANDLE completionContext)
{
    struct injection_handle *handle = NULL;
    bool is_inbound = false, disconnect = false;
    struct stream_request *mine;
    NTSTATUS status;

    if (!completionFn)
        return STATUS_FWP_NULL_POINTER;
    status = check_handle(injectionHandle, &handle);
    if (NT_SUCCESS(status))
        status = check_flags(streamFlags, &is_inbound, &disconnect);
    if (NT_SUCCESS(status) && (!is_stream_layer(layerId) || (!netBufferList && !disconnect)))
        status = STATUS_FWP_INVALID_PARAMETER;
    if (!NT_SUCCESS(status))
        return status;
    if (!nt_fwps.streams)
        return STATUS_FWP_TCPIP_NOT_READY;
    mine = calloc(1, sizeof(*mine));
    if (!mine)
        return STATUS_INSUFFICIENT_RESOURCES;
    mine->request = (struct wfp_stream_request){.flow_id = flowId,
                                                .callout_id = calloutId,
                                                .is_inbound = is_inbound,
                                                .disconnect = disconnect,
                                                .done = finish};
    if (netBufferList)
        status = read_data(mine, netBufferList, dataLength);
    if (!NT_SUCCESS(status)) {
        free(mine->request.bytes);
        free(mine);
        return status;
    }
    mine->handle = handle;
    mine->driver = nt_driver_current();
    mine->complete = completionFn;
    mine->context = completionContext;
    atomic_fetch_add(&handle->outstanding, 1);
    wfp_stream_submit(nt_fwps.streams, &mine->request);
    nt_fwps_wake();
    return STATUS_SUCCESS;
}

/**
 * Go on with an inbound stream that the callout deferred: what waits is indicated again.
 *
 * @return STATUS_SUCCESS (a stream that is not deferred stays as it is),
 *         STATUS_FWP_INVALID_PARAMETER (layer or flags, or from inside classify: also a finding),
 *         STATUS_FWP_TCPIP_NOT_READY, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL, outside of classify. Ref: ddi fwpsk/nf-fwpsk-fwpsstreamcontinue0
 */
NTSTATUS NTAPI
FwpsStreamContinue0(UINT64 flowId, UINT32 calloutId, UINT16 layerId, UINT32 streamFlags)
{
    struct stream_request *mine;

    if (nt_fwps_stream_depth) {
        nt_finding(NT_FINDING_STREAM_BAD, "FwpsStreamContinue is called from inside classify");
        return STATUS_FWP_INVALID_PARAMETER;
    }
    if (!is_stream_layer(layerId) || !(streamFlags & FWPS_STREAM_FLAG_RECEIVE))
        return STATUS_FWP_INVALID_PARAMETER;
    if (!nt_fwps.streams)
        return STATUS_FWP_TCPIP_NOT_READY;
    mine = calloc(1, sizeof(*mine));
    if (!mine)
        return STATUS_INSUFFICIENT_RESOURCES;
    mine->request = (struct wfp_stream_request){.flow_id = flowId,
                                                .callout_id = calloutId,
                                                .is_inbound = true,
                                                .is_continue = true,
                                                .done = finish};
    wfp_stream_submit(nt_fwps.streams, &mine->request);
    nt_fwps_wake();
    return STATUS_SUCCESS;
}
