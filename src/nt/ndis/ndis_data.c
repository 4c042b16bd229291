/*
 * Moving through a NET_BUFFER's data: advance, retreat, look, copy.
 *
 * Model      Data of a NET_BUFFER are `stDataLength` bytes that begin DataOffset bytes into its MDL
 *            chain; CurrentMdl/CurrentMdlOffset name the same place. Retreat uses the room before
 *            it, and allocates an MDL where there is too little.
 * Ref        windows-driver-docs network/net-buffer-structure
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_mdl.h"

static uint8_t *
mdl_bytes(const MDL *mdl)
{
    return mdl->MappedSystemVa;
}

/* Make CurrentMdl and CurrentMdlOffset agree with DataOffset. */
static void
settle(NET_BUFFER *nb)
{
    MDL *mdl = nb->MdlChain;
    ULONG offset = nb->DataOffset;

    while (mdl && mdl->Next && offset >= mdl->ByteCount) {
        offset -= mdl->ByteCount;
        mdl = mdl->Next;
    }
    nb->CurrentMdl = mdl;
    nb->CurrentMdlOffset = offset;
}

size_t
nt_nb_read(const NET_BUFFER *nb, void *to, size_t length)
{
    size_t left = MIN(length, (size_t)nb->stDataLength), done = 0;
    ULONG offset = nb->CurrentMdlOffset;

    for (const MDL *mdl = nb->CurrentMdl; mdl && left; mdl = mdl->Next, offset = 0) {
        if (offset >= mdl->ByteCount)
            continue;
        size_t n = MIN(left, (size_t)(mdl->ByteCount - offset));
        memcpy((uint8_t *)to + done, mdl_bytes(mdl) + offset, n);
        done += n;
        left -= n;
    }
    return done;
}

/**
 * Move the start of the data @p delta bytes forward.
 *
 * @param free_mdl  also free MDLs before the new start (those that a retreat allocated)
 * @param free_fn   the driver's own way to free them, or NULL
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi nblapi/nf-nblapi-ndisadvancenetbufferdatastart
 */
void NTAPI
NdisAdvanceNetBufferDataStart(PNET_BUFFER nb, ULONG delta, BOOLEAN free_mdl,
                              NET_BUFFER_FREE_MDL_HANDLER free_fn)
{
    if (delta > nb->stDataLength) {
        nt_finding(NT_FINDING_OBJECT_BAD, "NdisAdvanceNetBufferDataStart: %u bytes of %llu", delta,
                   (unsigned long long)nb->stDataLength);
        return;
    }
    nb->DataOffset += delta;
    nb->stDataLength -= delta;
    while (free_mdl && nb->MdlChain && nb->MdlChain->Next &&
           nb->DataOffset >= nb->MdlChain->ByteCount) {
        MDL *mdl = nb->MdlChain;
        nb->DataOffset -= mdl->ByteCount;
        nb->MdlChain = mdl->Next;
        mdl->Next = NULL;
        if (free_fn)
            free_fn(mdl);
        else
            NdisFreeMdl(mdl);
    }
    settle(nb);
}

/* Put an MDL of at least @p size bytes before the chain. */
static NDIS_STATUS
extend(NET_BUFFER *nb, ULONG size, NET_BUFFER_ALLOCATE_MDL_HANDLER allocate)
{
    ULONG length = size;
    MDL *mdl;

    if (allocate) {
        mdl = allocate(&length);
    } else {
        void *bytes = calloc(1, size);
        mdl = bytes ? NdisAllocateMdl(NULL, bytes, size) : NULL;
        if (!mdl)
            free(bytes);
        else
            mdl->MdlFlags |= NT_MDL_OWNS_BYTES;
    }
    if (!mdl)
        return NDIS_STATUS_RESOURCES;
    mdl->Next = nb->MdlChain;
    nb->MdlChain = mdl;
    nb->DataOffset += mdl->ByteCount;
    return NDIS_STATUS_SUCCESS;
}

/**
 * Move the start of the data @p delta bytes back, into the room before it or a new MDL.
 *
 * @param backfill  extra room to allocate when an MDL is needed
 * @return NDIS_STATUS_SUCCESS, NDIS_STATUS_RESOURCES. IRQL: <= DISPATCH_LEVEL.
 * Ref: ddi nblapi/nf-nblapi-ndisretreatnetbufferdatastart
 */
NDIS_STATUS NTAPI
NdisRetreatNetBufferDataStart(PNET_BUFFER nb, ULONG delta, ULONG backfill,
                              NET_BUFFER_ALLOCATE_MDL_HANDLER allocate)
{
    if (delta > nb->DataOffset) {
        NDIS_STATUS status = extend(nb, delta - nb->DataOffset + backfill, allocate);
        if (status != NDIS_STATUS_SUCCESS)
            return status;
    }
    nb->DataOffset -= delta;
    nb->stDataLength += delta;
    settle(nb);
    return NDIS_STATUS_SUCCESS;
}

/** The same for every NET_BUFFER of a list. Ref: ddi nblapi/nf-nblapi-ndisadvancenetbufferlistdatastart */
void NTAPI
NdisAdvanceNetBufferListDataStart(PNET_BUFFER_LIST nbl, ULONG delta, BOOLEAN free_mdl,
                                  NET_BUFFER_FREE_MDL_HANDLER free_fn)
{
    for (NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next)
        NdisAdvanceNetBufferDataStart(nb, delta, free_mdl, free_fn);
}

/** All or none. Ref: ddi nblapi/nf-nblapi-ndisretreatnetbufferlistdatastart */
NDIS_STATUS NTAPI
NdisRetreatNetBufferListDataStart(PNET_BUFFER_LIST nbl, ULONG delta, ULONG backfill,
                                  NET_BUFFER_ALLOCATE_MDL_HANDLER allocate,
                                  NET_BUFFER_FREE_MDL_HANDLER free_fn)
{
    for (NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next) {
        NDIS_STATUS status = NdisRetreatNetBufferDataStart(nb, delta, backfill, allocate);
        if (status == NDIS_STATUS_SUCCESS)
            continue;
        for (NET_BUFFER *undo = nbl->FirstNetBuffer; undo != nb; undo = undo->Next)
            NdisAdvanceNetBufferDataStart(undo, delta, TRUE, free_fn);
        return status;
    }
    return NDIS_STATUS_SUCCESS;
}

/**
 * The first @p needed data bytes in one piece.
 *
 * @param storage  where they are gathered when they are not contiguous; NULL: then NULL is returned
 * @param align_multiple, align_offset  address must be multiple * n + offset, else storage is used
 * @return a pointer, or NULL when there are fewer bytes. IRQL: <= DISPATCH_LEVEL.
 * Ref: ddi nblapi/nf-nblapi-ndisgetdatabuffer
 */
PVOID NTAPI
NdisGetDataBuffer(PNET_BUFFER nb, ULONG needed, PVOID storage, ULONG align_multiple,
                  ULONG align_offset)
{
    if (needed == 0 || needed > nb->stDataLength || !nb->CurrentMdl)
        return NULL;
    MDL *mdl = nb->CurrentMdl;
    if (nb->CurrentMdlOffset <= mdl->ByteCount && mdl->ByteCount - nb->CurrentMdlOffset >= needed) {
        uint8_t *bytes = mdl_bytes(mdl) + nb->CurrentMdlOffset;
        if (align_multiple <= 1 || (uintptr_t)bytes % align_multiple == align_offset) {
            nt_mdl_show(mdl, nb->CurrentMdlOffset, needed);
            return bytes;
        }
    }
    if (!storage || nt_nb_read(nb, storage, needed) != needed)
        return NULL;
    return storage;
}

/**
 * Copy data between NET_BUFFERs. Offsets count from each one's data start.
 *
 * @param ret_copied  bytes copied. IRQL: <= DISPATCH_LEVEL.
 * Ref: ddi nblapi/nf-nblapi-ndiscopyfromnetbuffertonetbuffer
 */
NDIS_STATUS NTAPI
NdisCopyFromNetBufferToNetBuffer(PNET_BUFFER to, ULONG to_offset, ULONG length,
                                 PNET_BUFFER const from, ULONG from_offset, PULONG ret_copied)
{
    MDL *in = from->CurrentMdl, *out = to->CurrentMdl;
    ULONG in_at = from->CurrentMdlOffset + from_offset, out_at = to->CurrentMdlOffset + to_offset;
    ULONG left = length, done = 0;

    if (from_offset > from->stDataLength || to_offset > to->stDataLength)
        left = 0;
    else
        left =
            (ULONG)MIN(left, MIN(from->stDataLength - from_offset, to->stDataLength - to_offset));
    while (left && in && out) {
        if (in_at >= in->ByteCount) {
            in_at -= in->ByteCount;
            in = in->Next;
        } else if (out_at >= out->ByteCount) {
            out_at -= out->ByteCount;
            out = out->Next;
        } else {
            ULONG n = MIN(left, MIN(in->ByteCount - in_at, out->ByteCount - out_at));
            nt_mdl_show(out, out_at, n);
            memmove(mdl_bytes(out) + out_at, mdl_bytes(in) + in_at, n);
            in_at += n;
            out_at += n;
            done += n;
            left -= n;
        }
    }
    *ret_copied = done;
    return NDIS_STATUS_SUCCESS;
}
