/*
 * Stream data as drivers see them: FWPS_STREAM_CALLOUT_IO_PACKET0, and copies and clones of it.
 *
 * Model      Each indication is one NET_BUFFER_LIST over exactly the bytes shown. Its data offset says
 *            where they begin, as a driver must not assume that it is at the front. The end of a
 *            stream is an empty list, so that a driver that clones all it is shown can clone that, too.
 * Lifetime   The bytes are the stream's, for the time of a classify; a clone or a reference makes the
 *            list keep a copy of its own.
 * Ref        ddi fwpsk/ns-fwpsk-fwps_stream_data0_
 */
#include <string.h>

#include "base/macros.h"
#include "core/stream/stream.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/fwps/fwps_stream.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_finding.h"

__thread unsigned nt_fwps_stream_depth;

bool
nt_fwps_stream_begin(const struct wfp_stream_view *view, struct nt_fwps_stream_call *call)
{
    static const uint8_t nothing[1];
    NET_BUFFER_LIST *nbl = nt_fwps_nbl_lend(view->length ? view->bytes : nothing, view->length);

    memset(call, 0, sizeof(*call));
    if (!nbl)
        return false;
    call->data.netBufferListChain = nbl;
    call->data.dataOffset.netBufferList = nbl;
    call->data.dataOffset.netBuffer = nbl->FirstNetBuffer;
    call->data.dataOffset.mdl = nbl->FirstNetBuffer->MdlChain;
    call->data.flags = view->flags;
    call->data.dataLength = view->length;
    call->packet.streamData = &call->data;
    call->packet.missedBytes = view->missed;
    nt_fwps_stream_depth++;
    return true;
}

/* What Windows would ignore, or worse. @return what is wrong, or NULL */
static const char *
find_fault(const struct wfp_stream_view *view, const struct wfp_filter *filter,
           const struct wfp_classify_out *out)
{
    bool inspects = filter->action == WFP_ACTION_CALLOUT_INSPECTION;

    if (view->action > WFP_STREAM_ACTION_ALLOW_CONNECTION)
        return "streamAction is no FWPS_STREAM_ACTION_TYPE";
    if (view->action == WFP_STREAM_ACTION_NEED_MORE_DATA && view->told)
        return view->told & WFP_CLASSIFY_OUT_FLAG_NO_MORE_DATA
                   ? "NEED_MORE_DATA, but classifyOut said that there is no more"
                   : "NEED_MORE_DATA, but classifyOut said that the buffer is full";
    if (view->action == WFP_STREAM_ACTION_NEED_MORE_DATA && view->required == 0)
        return "NEED_MORE_DATA, but countBytesRequired is 0";
    if (view->action == WFP_STREAM_ACTION_NONE && view->enforced > view->length && !inspects)
        return "countBytesEnforced is more than was shown";
    if (view->action == WFP_STREAM_ACTION_DEFER && !(view->flags & WFP_STREAM_RECEIVE))
        return "DEFER of outbound data";
    if (view->action == WFP_STREAM_ACTION_DROP_CONNECTION && inspects)
        return "DROP_CONNECTION by an inspection callout";
    if (view->action == WFP_STREAM_ACTION_NONE && out->action == WFP_ACTION_NONE && !inspects)
        return "neither streamAction nor actionType is set";
    return NULL;
}

void
nt_fwps_stream_end(const struct wfp_indication *indication, struct nt_fwps_stream_call *call,
                   const struct wfp_filter *filter, const struct wfp_classify_out *out)
{
    struct wfp_stream_view *view = indication->stream;
    struct nt_nbl *header;
    const char *fault;

    nt_fwps_stream_depth--;
    view->required = call->packet.countBytesRequired;
    view->enforced = call->packet.countBytesEnforced;
    view->action = (uint32_t)call->packet.streamAction;
    if ((header = nt_nbl_find(call->data.netBufferListChain)) != NULL) {
        view->is_changed = nt_fwps_nbl_returned(header, indication->layer_id);
        nt_fwps_nbl_drop(header);
    }
    fault = find_fault(view, filter, out);
    if (UNLIKELY(fault != NULL))
        NT_FWPS_FINDING(NT_FINDING_STREAM_BAD, "%s (%u bytes, flags 0x%x)", fault, view->length,
                        view->flags);
}

/* Where a walk over stream data stands. */
struct walk {
    NET_BUFFER_LIST *nbl;
    NET_BUFFER *nb;
    MDL *mdl;
    ULONG offset; /* in the MDL */
    ULONG left;   /* of the net buffer's data */
};

static bool
enter_list(struct walk *walk, NET_BUFFER_LIST *nbl)
{
    for (walk->nbl = nbl; walk->nbl; walk->nbl = walk->nbl->Next)
        for (walk->nb = walk->nbl->FirstNetBuffer; walk->nb; walk->nb = walk->nb->Next)
            if (walk->nb->stDataLength) {
                walk->mdl = walk->nb->CurrentMdl;
                walk->offset = walk->nb->CurrentMdlOffset;
                walk->left = (ULONG)walk->nb->stDataLength;
                return true;
            }
    return false;
}

static bool
next_buffer(struct walk *walk)
{
    NET_BUFFER *nb = walk->nb->Next;

    for (; nb; nb = nb->Next)
        if (nb->stDataLength) {
            walk->nb = nb;
            walk->mdl = nb->CurrentMdl;
            walk->offset = nb->CurrentMdlOffset;
            walk->left = (ULONG)nb->stDataLength;
            return true;
        }
    return enter_list(walk, walk->nbl->Next);
}

static size_t
copy_walk(struct walk *walk, uint8_t *to, size_t length)
{
    size_t done = 0;

    while (done < length) {
        ULONG size;

        if (walk->left == 0 || !walk->mdl) {
            if (!next_buffer(walk))
                break;
            continue;
        }
        size =
            (ULONG)MIN((size_t)MIN(walk->left, walk->mdl->ByteCount - walk->offset), length - done);
        memcpy(to + done, (uint8_t *)walk->mdl->MappedSystemVa + walk->offset, size);
        done += size;
        walk->left -= size;
        walk->offset += size;
        if (walk->offset >= walk->mdl->ByteCount) {
            walk->mdl = walk->mdl->Next;
            walk->offset = 0;
        }
    }
    return done;
}

size_t
nt_fwps_stream_read(NET_BUFFER_LIST *chain, uint8_t *to, size_t length)
{
    struct walk walk;

    return enter_list(&walk, chain) ? copy_walk(&walk, to, length) : 0;
}

/**
 * Copy stream data to a flat buffer.
 *
 * @param bytesToCopy  bytes of room; no more than dataLength is copied
 * @param bytesCopied  may be NULL
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpscopystreamdatatobuffer0
 */
void NTAPI
FwpsCopyStreamDataToBuffer0(const FWPS_STREAM_DATA0 *calloutStreamData, PVOID buffer,
                            SIZE_T bytesToCopy, SIZE_T *bytesCopied)
{
    const FWPS_STREAM_DATA_OFFSET0 *offset = &calloutStreamData->dataOffset;
    size_t wanted = MIN(bytesToCopy, calloutStreamData->dataLength), done = 0;
    struct walk walk = {.nbl = offset->netBufferList,
                        .nb = offset->netBuffer,
                        .mdl = offset->mdl,
                        .offset = offset->mdlOffset};

    if (wanted && walk.nbl && walk.nb) {
        walk.left = (ULONG)walk.nb->stDataLength - offset->netBufferOffset;
        done = copy_walk(&walk, buffer, wanted);
    }
    if (bytesCopied)
        *bytesCopied = done;
}

static void
discard(NET_BUFFER_LIST *chain)
{
    for (NET_BUFFER_LIST *next; chain; chain = next) {
        next = chain->Next;
        chain->Next = NULL;
        FwpsFreeCloneNetBufferList0(chain, 0);
    }
}

/* Leave out what the data offset and length leave out. */
static void
trim(NET_BUFFER_LIST *clone, ULONG skip, SIZE_T length)
{
    NET_BUFFER *nb = clone->FirstNetBuffer;

    if (skip && skip < nb->stDataLength)
        NdisAdvanceNetBufferDataStart(nb, skip, FALSE, NULL);
    if (length < nb->stDataLength)
        nb->stDataLength = (ULONG)length;
}

/**
 * Clone stream data, so that they can be injected later.
 *
 * @param netBufferListPoolHandle, netBufferPoolHandle  may be NULL
 * @param netBufferListChain  receives the clones; freed one by one with FwpsFreeCloneNetBufferList0
 *                            after injection, or all with FwpsDiscardClonedStreamData0
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER (no list), STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsclonestreamdata0
 */
NTSTATUS NTAPI
FwpsCloneStreamData0(FWPS_STREAM_DATA0 *calloutStreamData, NDIS_HANDLE netBufferListPoolHandle,
                     NDIS_HANDLE netBufferPoolHandle, ULONG allocateCloneFlags,
                     NET_BUFFER_LIST **netBufferListChain)
{
    NET_BUFFER_LIST *first = NULL, **at = &first, *nbl;
    SIZE_T left;

    if (!calloutStreamData || !netBufferListChain || !calloutStreamData->netBufferListChain)
        return STATUS_INVALID_PARAMETER;
    left = calloutStreamData->dataLength;
    nbl = calloutStreamData->dataOffset.netBufferList;
    for (; nbl && (left || !first); nbl = nbl->Next) {
        NTSTATUS status = FwpsAllocateCloneNetBufferList0(nbl, netBufferListPoolHandle,
                                                          netBufferPoolHandle, 0, at);
        if (!NT_SUCCESS(status)) {
            discard(first);
            return status;
        }
        CONTAINER_OF(*at, struct nt_nbl, nbl)->site = NT_CALLER;
        trim(*at, first == *at ? calloutStreamData->dataOffset.netBufferOffset : 0, left);
        left -= MIN(left, (*at)->FirstNetBuffer->stDataLength);
        at = &(*at)->Next;
    }
    *netBufferListChain = first;
    return STATUS_SUCCESS;
}

/** Free clones that are not to be injected. Ref: ddi fwpsk/nf-fwpsk-fwpsdiscardclonedstreamdata0 */
void NTAPI
FwpsDiscardClonedStreamData0(NET_BUFFER_LIST *netBufferListChain, ULONG allocateCloneFlags,
                             BOOLEAN dispatchLevel)
{
    discard(netBufferListChain);
}
