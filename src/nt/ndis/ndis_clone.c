/*
 * Clones: new lists, buffers and MDLs over the same bytes.
 *
 * Model      A clone's MDLs describe the parent's data from its current data start; writing through
 *            them changes the original. The parent cannot go before its clones: ChildRefCount.
 * Ref        windows-driver-docs network/derived-net-buffer-list-structures
 */
#include <stdlib.h>

#include "base/macros.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_finding.h"

static void
free_mdls(MDL *mdl)
{
    while (mdl) {
        MDL *next = mdl->Next;
        NdisFreeMdl(mdl);
        mdl = next;
    }
}

/* MDLs over the data of @p nb, first byte at its data start. */
static MDL *
share_data(const NET_BUFFER *nb)
{
    MDL *first = NULL, **at = &first;
    ULONG offset = nb->CurrentMdlOffset;
    SIZE_T left = nb->stDataLength;

    for (const MDL *mdl = nb->CurrentMdl; mdl && left; mdl = mdl->Next, offset = 0) {
        if (offset >= mdl->ByteCount)
            continue;
        ULONG n = (ULONG)MIN(left, (SIZE_T)(mdl->ByteCount - offset));
        *at = NdisAllocateMdl(NULL, (uint8_t *)mdl->MappedSystemVa + offset, n);
        if (!*at) {
            free_mdls(first);
            return NULL;
        }
        at = &(*at)->Next;
        left -= n;
    }
    return first;
}

static void
free_buffers(NET_BUFFER *nb)
{
    while (nb) {
        NET_BUFFER *next = nb->Next;
        free_mdls(nb->MdlChain);
        nt_nb_free(nb);
        nb = next;
    }
}

/**
 * Clone a list: same bytes, own structures.
 *
 * @param list_pool, buffer_pool  either may be NULL
 * @param flags  NDIS_CLONE_FLAGS_*: accepted; original MDLs are never shared, only their bytes
 * @return NULL when memory is out. IRQL: <= DISPATCH_LEVEL.
 * Ref: ddi nblapi/nf-nblapi-ndisallocateclonenetbufferlist
 */
PNET_BUFFER_LIST NTAPI
NdisAllocateCloneNetBufferList(PNET_BUFFER_LIST original, NDIS_HANDLE list_pool,
                               NDIS_HANDLE buffer_pool, ULONG flags)
{
    struct nt_nbl *clone = nt_nbl_new(NT_NBL_CLONE, list_pool, 0);
    NET_BUFFER **at;

    if (!clone)
        return NULL;
    clone->site = NT_CALLER;
    at = &clone->nbl.FirstNetBuffer;
    for (const NET_BUFFER *nb = original->FirstNetBuffer; nb; nb = nb->Next) {
        MDL *mdl = share_data(nb);
        *at =
            mdl || nb->stDataLength == 0 ? nt_nb_new(buffer_pool, mdl, 0, nb->stDataLength) : NULL;
        if (!*at) {
            free_mdls(mdl);
            free_buffers(clone->nbl.FirstNetBuffer);
            nt_nbl_free(clone);
            return NULL;
        }
        at = &(*at)->Next;
    }
    clone->nbl.ParentNetBufferList = original;
    __atomic_add_fetch(&original->ChildRefCount, 1, __ATOMIC_RELAXED);
    return &clone->nbl;
}

/**
 * Free a clone, its buffers and its MDLs. Ref: ddi nblapi/nf-nblapi-ndisfreeclonenetbufferlist
 * @param flags  as given when it was made
 */
void NTAPI
NdisFreeCloneNetBufferList(PNET_BUFFER_LIST clone, ULONG flags)
{
    struct nt_nbl *header = nt_nbl_find(clone);

    if (!header)
        return;
    if (header->origin != NT_NBL_CLONE) {
        nt_finding(NT_FINDING_OBJECT_BAD, "NdisFreeCloneNetBufferList: this is no clone");
        return;
    }
    if (clone->ParentNetBufferList)
        __atomic_sub_fetch(&clone->ParentNetBufferList->ChildRefCount, 1, __ATOMIC_RELAXED);
    free_buffers(clone->FirstNetBuffer);
    nt_nbl_free(header);
}
