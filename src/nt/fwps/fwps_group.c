/*
 * Fragment groups: the chain of lists that a classify at IPFORWARD is given, and one list made of it.
 *
 * Model      Each fragment's packet has its list, as any packet has (fwps_nbl.c); they are linked for the
 *            time of the classify. A reassembled list is the driver's: bytes of its own, in one buffer. It
 *            keeps the first fragment's list, whose place in line it takes when it is injected.
 * Ref        ddi fwpsk/nf-fwpsk-fwpsreassembleforwardfragmentgroup0
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/packet/fragment.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_finding.h"

void
nt_fwps_group_link(const struct wfp_indication *indication, NET_BUFFER_LIST *first)
{
    struct wfp_indication one = *indication;
    NET_BUFFER_LIST *last = first;

    while ((one.packet = one.packet->next_fragment) != NULL) {
        NET_BUFFER_LIST *nbl = nt_fwps_packet_nbl(&one);
        if (!nbl)
            break; /* without memory the chain is short */
        last->Next = nbl;
        last = nbl;
    }
}

void
nt_fwps_group_check(const struct wfp_indication *indication, NET_BUFFER_LIST *first,
                    const struct wfp_classify_out *out)
{
    struct wfp_indication one = *indication;
    NET_BUFFER_LIST *nbl = TAKE_PTR(first->Next);

    while (nbl && (one.packet = one.packet->next_fragment) != NULL) {
        NET_BUFFER_LIST *next = TAKE_PTR(nbl->Next);
        nt_fwps_packet_check(&one, nbl, out);
        nbl = next;
    }
}

/** The datagram that the chain's fragments make. @return malloced, after @p back_fill bytes; NULL: none */
static uint8_t *
join(NET_BUFFER_LIST *chain, uint8_t version, ULONG back_fill, ULONG *ret_length)
{
    _cleanup_(wfp_fragment_table_freep) struct wfp_fragment_table *table = wfp_fragment_table_new();
    enum wfp_fragment_result result = WFP_FRAGMENT_HELD;
    struct wfp_packet whole;
    uint8_t *bytes;

    for (NET_BUFFER_LIST *nbl = chain; table && nbl && result == WFP_FRAGMENT_HELD;
         nbl = nbl->Next) {
        struct nt_nbl *header = nt_nbl_find(nbl);

        if (!header || header->origin != NT_NBL_PACKET || !header->packet ||
            !header->packet->is_fragment || header->packet->version != version)
            return NULL;
        result = wfp_fragment_add(table, header->packet, &whole);
    }
    if (result != WFP_FRAGMENT_COMPLETE)
        return NULL;
    bytes = malloc(back_fill + whole.length);
    if (!bytes)
        return NULL;
    memcpy(bytes + back_fill, whole.data, whole.length);
    *ret_length = whole.length;
    return bytes;
}

static NET_BUFFER_LIST *
allocate(NDIS_HANDLE pool, MDL *mdl, ULONG offset, ULONG length)
{
    struct nt_nbl *list;
    NET_BUFFER *nb;

    if (pool)
        return NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, offset, length);
    nb = nt_nb_new(NULL, mdl, offset, length);
    list = nb ? nt_nbl_new(NT_NBL_POOL, NULL, 0) : NULL;
    if (!list) {
        if (nb)
            nt_nb_free(nb);
        return NULL;
    }
    list->nbl.FirstNetBuffer = nb;
    return &list->nbl;
}

/** A list of the driver's over @p bytes, which it takes over. NULL without memory, or with a bad pool. */
static struct nt_nbl *
make_list(NDIS_HANDLE pool, uint8_t *bytes, ULONG back_fill, ULONG length)
{
    MDL *mdl = NdisAllocateMdl(NULL, bytes, back_fill + length);
    NET_BUFFER_LIST *nbl = mdl ? allocate(pool, mdl, back_fill, length) : NULL;

    if (!nbl) {
        if (mdl)
            NdisFreeMdl(mdl);
        return NULL;
    }
    mdl->MdlFlags |= NT_MDL_OWNS_BYTES;
    return CONTAINER_OF(nbl, struct nt_nbl, nbl);
}

/**
 * One packet of the fragments of a group.
 *
 * @param addressFamily                       AF_INET or AF_INET6
 * @param fragmentGroupNetBufferList          what classifyFn was given at IPFORWARD with
 *                                            FWP_CONDITION_FLAG_IS_FRAGMENT_GROUP
 * @param netBufferAndNetBufferListPoolHandle NULL: none
 * @param dataBackFill                        unused bytes before the packet
 * @param flags                               0
 * @param reassembledNetBufferList            receives a list that FwpsFreeNetBufferList0 frees
 * @return STATUS_SUCCESS; STATUS_INVALID_PARAMETER, also with a finding for lists that are no such
 *         group; STATUS_INSUFFICIENT_RESOURCES
 * Context: inside the classify. IRQL: <= DISPATCH_LEVEL.
 * Ref: ddi fwpsk/nf-fwpsk-fwpsreassembleforwardfragmentgroup0
 */
NTSTATUS NTAPI
FwpsReassembleForwardFragmentGroup0(ADDRESS_FAMILY addressFamily,
                                    NET_BUFFER_LIST *fragmentGroupNetBufferList,
                                    NDIS_HANDLE netBufferAndNetBufferListPoolHandle,
                                    ULONG dataBackFill, ULONG flags,
                                    NET_BUFFER_LIST **reassembledNetBufferList)
{
    struct nt_nbl *first, *list;
    ULONG length;
    uint8_t *bytes;

    if ((addressFamily != AF_INET && addressFamily != AF_INET6) || flags ||
        !fragmentGroupNetBufferList || !reassembledNetBufferList || dataBackFill > 65536)
        return STATUS_INVALID_PARAMETER;
    bytes =
        join(fragmentGroupNetBufferList, addressFamily == AF_INET ? 4 : 6, dataBackFill, &length);
    if (!bytes) {
        nt_finding(NT_FINDING_OBJECT_BAD,
                   "FwpsReassembleForwardFragmentGroup: %p is no fragment group of this classify",
                   (void *)fragmentGroupNetBufferList);
        return STATUS_INVALID_PARAMETER;
    }
    list = make_list(netBufferAndNetBufferListPoolHandle, bytes, dataBackFill, length);
    if (!list) {
        free(bytes);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    first = nt_nbl_find(fragmentGroupNetBufferList);
    FwpsReferenceNetBufferList0(fragmentGroupNetBufferList, FALSE);
    list->site = NT_CALLER;
    list->parent = first;
    list->injection_count = first->injection_count;
    list->injected = first->injected;
    memcpy(list->injections, first->injections, sizeof(list->injections));
    *reassembledNetBufferList = &list->nbl;
    return STATUS_SUCCESS;
}

void
nt_fwps_group_free(NET_BUFFER_LIST *nbl)
{
    struct nt_nbl *list = CONTAINER_OF(nbl, struct nt_nbl, nbl), *first = list->parent;
    MDL *mdl = nbl->FirstNetBuffer->MdlChain;

    if (atomic_load(&list->in_flight)) {
        NdisFreeNetBufferList(nbl); /* which says so, and keeps it */
        return;
    }
    list->parent = NULL;
    NdisFreeNetBufferList(nbl);
    while (mdl) {
        MDL *next = mdl->Next;
        NdisFreeMdl(mdl);
        mdl = next;
    }
    nt_fwps_nbl_drop(first);
}
