/*
 * Packets as NET_BUFFER_LISTs: the stack's own for indications, and what drivers allocate and clone.
 *
 * Model      One list per packet, made when the first callout asks, shared by all layers. Its single
 *            MDL covers the packet from the IP header on; DataOffset moves to where each layer's
 *            data starts, so a driver may retreat to the IP header in valid memory.
 * Lifetime   The list comes from a small store of the thread and goes back when the stack is done
 *            with the packet. The bytes belong to the plane: before a driver references or clones
 *            the list they are copied once, and packet, list and clones use the copy from then on.
 * Changes    A driver that asks for the address of a packet's bytes may write to them. What it was
 *            shown is remembered then, and compared when it returns: no cost for those who don't look.
 * Ref        windows-driver-docs network/packet-indication-format
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/engine/callout.h"
#include "core/model/layer.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_mdl.h"

/* A packet's list with all its parts in one block. */
struct packet_list {
    struct packet_list *next_free;
    struct packet_list **home; /* the store it came from */
    uint8_t *before;           /* bytes as they were when shown: kept with the list */
    ULONG before_size;
    ULONG shown_from,
        shown_to;       /* what of them a driver may write to; from here on all is cleared */
    unsigned indicated; /* classifies under way */
    bool is_unsure;     /* no memory to remember */
    struct nt_nbl header;
    _Alignas(16) NET_BUFFER nb;
    _Alignas(16) MDL mdl;
};

static __thread struct packet_list *free_lists; /* of this thread; bounded by packets in flight */
static _Atomic(struct packet_list *) returned_lists; /* by threads they don't come from */

static void
describe_bytes(MDL *mdl, uint8_t *bytes, ULONG length)
{
    mdl->Size = sizeof(*mdl);
    mdl->MdlFlags = NT_MDL_WATCHED;
    mdl->MappedSystemVa = bytes;
    mdl->StartVa = (void *)((uintptr_t)bytes & ~(uintptr_t)(PAGE_SIZE - 1));
    mdl->ByteOffset = (ULONG)((uintptr_t)bytes & (PAGE_SIZE - 1));
    mdl->ByteCount = length;
}

static struct packet_list *
take_list(void)
{
    struct packet_list *list = free_lists;

    if (UNLIKELY(!list))
        list = atomic_exchange(&returned_lists, NULL); /* all: no one else has a hand in them */
    if (LIKELY(list != NULL)) {
        free_lists = list->next_free;
    } else {
        list = aligned_alloc(16, ALIGN_UP(sizeof(*list), (size_t)16));
        if (!list)
            return NULL;
        list->before = NULL;
        list->before_size = 0;
    }
    memset(&list->shown_from, 0, sizeof(*list) - offsetof(struct packet_list, shown_from));
    list->home = &free_lists;
    list->header.magic = NT_NBL_MAGIC;
    list->header.origin = NT_NBL_PACKET;
    atomic_init(&list->header.references, 1);
    list->header.nbl.FirstNetBuffer = &list->nb;
    list->nb.MdlChain = &list->mdl;
    return list;
}

static void
give_back(struct packet_list *list)
{
    free(list->header.own_bytes);
    list->header.own_bytes = NULL;
    list->header.magic = 0;
    if (list->home !=
        &free_lists) { /* a driver's thread had the last word: its store goes with it */
        list->next_free = atomic_load(&returned_lists);
        while (!atomic_compare_exchange_weak(&returned_lists, &list->next_free, list))
            ;
        return;
    }
    list->next_free = free_lists;
    free_lists = list;
}

/* ---- what drivers write in place ---- */

/* Room for what was shown. It stays with the list, so that it is seldom asked for. */
static bool
has_room(struct packet_list *list, ULONG size)
{
    uint8_t *before;

    if (LIKELY(size <= list->before_size))
        return true;
    size = MAX(size, 2048u);
    before = realloc(list->before, size);
    if (!before)
        return false;
    list->before = before;
    list->before_size = size;
    return true;
}

/* nt_mdl_watcher: the driver at work is about to get the address of these bytes. */
static void
remember(MDL *mdl, ULONG offset, ULONG length)
{
    struct packet_list *list = CONTAINER_OF(mdl, struct packet_list, mdl);
    const uint8_t *bytes = mdl->MappedSystemVa;
    ULONG from = MIN(offset, mdl->ByteCount), to = from + MIN(length, mdl->ByteCount - from);

    if (list->home != &free_lists || !list->indicated || from == to)
        return; /* a driver kept the list: its packet is decided without it */
    if (!has_room(list, mdl->ByteCount)) {
        list->is_unsure = true;
        return;
    }
    if (list->shown_to == 0)
        list->shown_from = list->shown_to = from;
    if (from < list->shown_from) {
        memcpy(list->before + from, bytes + from, list->shown_from - from);
        list->shown_from = from;
    }
    if (to > list->shown_to) {
        memcpy(list->before + list->shown_to, bytes + list->shown_to, to - list->shown_to);
        list->shown_to = to;
    }
}

/* The driver is back: does the list carry other bytes than it was shown? */
static bool
is_changed(struct packet_list *list)
{
    const uint8_t *now = list->mdl.MappedSystemVa;
    ULONG from = list->shown_from, to = list->shown_to;
    bool is_unsure = list->is_unsure;

    list->shown_from = list->shown_to = 0;
    list->is_unsure = false;
    list->mdl.MdlFlags &= (CSHORT)~MDL_MAPPED_TO_SYSTEM_VA; /* the next one has to ask, too */
    return is_unsure || (to && memcmp(now + from, list->before + from, to - from) != 0);
}

static void
tell_changed(uint16_t layer_id)
{
    NT_FWPS_FINDING(NT_FINDING_CHANGED_IN_PLACE, "data are changed in place at %s",
                    wfp_layer_name(layer_id));
}

/* Other bytes in the packet's own list: they are what goes on, if it does. */
static void
take_changes(struct packet_list *list, const struct wfp_indication *indication,
             const struct wfp_classify_out *out)
{
    bool is_shared = atomic_load(&list->header.references) > 1;

    if (!is_changed(list))
        return;
    if (out->action == WFP_ACTION_BLOCK && is_shared)
        return; /* a clone shares its bytes, was changed and goes instead */
    indication->packet->modified = true;
    if (out->action != WFP_ACTION_BLOCK && !is_shared)
        tell_changed(indication->layer_id);
}

bool
nt_fwps_nbl_returned(struct nt_nbl *header, uint16_t layer_id)
{
    struct packet_list *list = CONTAINER_OF(header, struct packet_list, header);
    bool is_lent = header->is_lent;

    list->indicated--;
    if (LIKELY(list->shown_to == 0 && !list->is_unsure) || !is_changed(list) || !is_lent)
        return false;
    tell_changed(layer_id);
    return true;
}

static void
point_at(struct packet_list *list, const struct wfp_packet *packet, ULONG offset)
{
    list->nb.CurrentMdl = &list->mdl;
    list->nb.DataOffset = list->nb.CurrentMdlOffset = offset;
    list->nb.stDataLength = packet->length - offset;
}

NET_BUFFER_LIST *
nt_fwps_packet_nbl(const struct wfp_indication *indication)
{
    struct wfp_packet *packet = indication->packet;
    struct packet_list *list = packet->adapter;
    ULONG offset = MIN(indication->layer_data_offset, packet->length);

    if (!list) {
        list = take_list();
        if (!list)
            return NULL;
        describe_bytes(&list->mdl, packet->data, packet->length);
        list->header.plane_id = packet->plane_id;
        packet->adapter = list;
    }
    list->header.packet = packet;
    list->indicated++;
    point_at(list, packet, offset);
    return &list->header.nbl;
}

void
nt_fwps_packet_check(const struct wfp_indication *indication, NET_BUFFER_LIST *nbl,
                     const struct wfp_classify_out *out)
{
    struct wfp_packet *packet = indication->packet;
    struct packet_list *list = packet->adapter;
    ULONG offset = MIN(indication->layer_data_offset, packet->length);

    list->indicated--;
    if (UNLIKELY(list->shown_to != 0 || list->is_unsure))
        take_changes(list, indication, out);
    if (LIKELY(list->nb.DataOffset == offset && list->nb.MdlChain == &list->mdl &&
               nbl->FirstNetBuffer == &list->nb))
        return;
    NT_FWPS_FINDING(NT_FINDING_NBL_NOT_RESTORED,
                    "data start is %d bytes from where classify found it",
                    (int)list->nb.DataOffset - (int)offset);
    while (list->nb.MdlChain && list->nb.MdlChain != &list->mdl) {
        MDL *mdl = list->nb.MdlChain;
        list->nb.MdlChain = mdl->Next;
        NdisFreeMdl(mdl);
    }
    list->nb.MdlChain = &list->mdl;
    nbl->FirstNetBuffer = &list->nb;
    point_at(list, packet, offset);
}

static bool
own_lent(struct packet_list *list)
{
    ULONG length = list->mdl.ByteCount;
    uint8_t *bytes = malloc(length ? length : 1);

    if (!bytes)
        return false;
    memcpy(bytes, list->mdl.MappedSystemVa, length);
    list->header.own_bytes = bytes;
    list->header.is_lent = false;
    describe_bytes(&list->mdl, bytes, length);
    return true;
}

/* From now on the bytes are the list's own, whatever the plane does with its buffer. */
static bool
own_bytes(struct packet_list *list)
{
    struct wfp_packet *packet = list->header.packet;

    if (list->header.is_lent)
        return own_lent(list);
    if (list->header.own_bytes || !packet)
        return true;
    uint8_t *bytes = malloc(packet->length ? packet->length : 1);
    if (!bytes)
        return false;
    memcpy(bytes, packet->data, packet->length);
    if (packet->source) { /* a frame that carries no IP has no addresses */
        packet->source = bytes + (packet->source - packet->data);
        packet->destination = bytes + (packet->destination - packet->data);
    }
    packet->data = bytes;
    packet->headroom = 0;
    list->header.own_bytes = bytes;
    describe_bytes(&list->mdl, bytes, packet->length);
    return true;
}

static void
unref_list(struct nt_nbl *header)
{
    if (atomic_fetch_sub(&header->references, 1) == 1)
        give_back(CONTAINER_OF(header, struct packet_list, header));
}

uint64_t
nt_fwps_nbl_plane_id(const struct nt_nbl *header)
{
    while (header && header->origin != NT_NBL_PACKET)
        header = header->parent;
    return header ? header->plane_id : 0;
}

struct nt_nbl *
nt_fwps_nbl_adopt(uint8_t *bytes, uint32_t length, const struct nt_nbl *from)
{
    struct packet_list *list = take_list();

    if (!list)
        return NULL;
    list->header.own_bytes = bytes;
    describe_bytes(&list->mdl, bytes, length);
    list->header.plane_id = nt_fwps_nbl_plane_id(from);
    list->header.injection_count = from->injection_count;
    list->header.injected = from->injected;
    memcpy(list->header.injections, from->injections, sizeof(list->header.injections));
    return &list->header;
}

void *
nt_fwps_nbl_adapter(struct nt_nbl *header)
{
    return CONTAINER_OF(header, struct packet_list, header);
}

NET_BUFFER_LIST *
nt_fwps_nbl_lend(const uint8_t *bytes, uint32_t length)
{
    struct packet_list *list = take_list();

    if (!list)
        return NULL;
    describe_bytes(&list->mdl, (uint8_t *)(uintptr_t)bytes, length);
    list->header.is_lent = true;
    list->indicated = 1;
    list->nb.CurrentMdl = &list->mdl;
    list->nb.stDataLength = length;
    return &list->header.nbl;
}

void
nt_fwps_nbl_drop(struct nt_nbl *header)
{
    if (header)
        unref_list(header);
}

const uint8_t *
nt_fwps_nbl_origin(const struct nt_nbl *header, uint32_t *ret_length)
{
    while (header && header->origin != NT_NBL_PACKET)
        header = header->parent;
    if (!header || !header->own_bytes)
        return NULL;
    *ret_length = CONTAINER_OF(header, struct packet_list, header)->mdl.ByteCount;
    return header->own_bytes;
}

void
nt_fwps_nbl_init(void)
{
    nt_mdl_watcher = remember;
}

void
nt_fwps_packet_release(void *context, struct wfp_packet *packet)
{
    struct packet_list *list = packet->adapter;

    if (!list)
        return;
    packet->adapter = NULL;
    if (UNLIKELY(list->header.contexts != NULL))
        nt_fwps_contexts_end(&list->header, FWPS_NET_BUFFER_LIST_EXIT_NETIO);
    list->header.packet = NULL;
    unref_list(&list->header);
}

/* ---- references ---- */

/**
 * Keep an indicated list valid after classify.
 *
 * @param intendToModify  the driver will change it; accepted, the bytes are its own either way
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsreferencenetbufferlist0
 */
void NTAPI
FwpsReferenceNetBufferList0(NET_BUFFER_LIST *netBufferList, BOOLEAN intendToModify)
{
    struct nt_nbl *header = nt_nbl_find(netBufferList);

    if (!header)
        return;
    if (header->origin == NT_NBL_PACKET &&
        !own_bytes(CONTAINER_OF(header, struct packet_list, header)))
        return;
    atomic_fetch_add(&header->references, 1);
}

/** Undo one FwpsReferenceNetBufferList0. Ref: ddi fwpsk/nf-fwpsk-fwpsdereferencenetbufferlist0 */
void NTAPI
FwpsDereferenceNetBufferList0(NET_BUFFER_LIST *netBufferList, BOOLEAN dispatchLevel)
{
    struct nt_nbl *header = nt_nbl_find(netBufferList);

    if (!header)
        return;
    if (atomic_load(&header->references) <= 1 &&
        (header->packet || header->origin != NT_NBL_PACKET)) {
        nt_finding(NT_FINDING_REFERENCE_BAD, "a net buffer list is dereferenced too often");
        return;
    }
    if (header->origin == NT_NBL_PACKET)
        unref_list(header);
    else
        atomic_fetch_sub(&header->references, 1);
}

/* ---- allocation ---- */

/**
 * A list with one NET_BUFFER over the driver's MDL chain.
 *
 * @param poolHandle  of NdisAllocateNetBufferListPool with fAllocateNetBuffer
 * @param dataOffset, dataLength  bytes
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsallocatenetbufferandnetbufferlist0
 */
NTSTATUS NTAPI
FwpsAllocateNetBufferAndNetBufferList0(NDIS_HANDLE poolHandle, USHORT contextSize,
                                       USHORT contextBackFill, MDL *mdlChain, ULONG dataOffset,
                                       SIZE_T dataLength, NET_BUFFER_LIST **netBufferList)
{
    if (!poolHandle || !netBufferList)
        return STATUS_INVALID_PARAMETER;
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(
        poolHandle, contextSize, contextBackFill, mdlChain, dataOffset, dataLength);
    if (!nbl)
        return STATUS_INSUFFICIENT_RESOURCES;
    CONTAINER_OF(nbl, struct nt_nbl, nbl)->site = NT_CALLER;
    *netBufferList = nbl;
    return STATUS_SUCCESS;
}

/** Free what FwpsAllocateNetBufferAndNetBufferList0 made, or FwpsReassembleForwardFragmentGroup0 with all that belongs to it. Ref: ddi fwpsk/nf-fwpsk-fwpsfreenetbufferlist0 */
void NTAPI
FwpsFreeNetBufferList0(NET_BUFFER_LIST *netBufferList)
{
    struct nt_nbl *header = nt_nbl_find(netBufferList);

    if (header && header->contexts)
        nt_fwps_contexts_end(header, FWPS_NET_BUFFER_LIST_EXIT_NETIO);
    if (header && header->origin == NT_NBL_POOL && header->parent)
        nt_fwps_group_free(netBufferList);
    else
        NdisFreeNetBufferList(netBufferList);
}

/**
 * Clone a list: new structures over the same bytes.
 *
 * @param allocateCloneFlags  0
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsallocateclonenetbufferlist0
 */
NTSTATUS NTAPI
FwpsAllocateCloneNetBufferList0(NET_BUFFER_LIST *originalNetBufferList,
                                NDIS_HANDLE netBufferListPoolHandle,
                                NDIS_HANDLE netBufferPoolHandle, ULONG allocateCloneFlags,
                                NET_BUFFER_LIST **netBufferList)
{
    struct nt_nbl *original = nt_nbl_find(originalNetBufferList), *clone;
    NET_BUFFER_LIST *nbl;

    if (!original || !netBufferList)
        return STATUS_INVALID_PARAMETER;
    if (original->origin == NT_NBL_PACKET &&
        !own_bytes(CONTAINER_OF(original, struct packet_list, header)))
        return STATUS_INSUFFICIENT_RESOURCES;
    nbl = NdisAllocateCloneNetBufferList(originalNetBufferList, netBufferListPoolHandle,
                                         netBufferPoolHandle, allocateCloneFlags);
    if (!nbl)
        return STATUS_INSUFFICIENT_RESOURCES;
    clone = CONTAINER_OF(nbl, struct nt_nbl, nbl);
    clone->site = NT_CALLER;
    clone->parent = original;
    clone->injection_count = original->injection_count;
    clone->injected = original->injected;
    memcpy(clone->injections, original->injections, sizeof(clone->injections));
    atomic_fetch_add(&original->references, 1);
    nt_fwps_contexts_cloned(original, clone);
    *netBufferList = nbl;
    return STATUS_SUCCESS;
}

/** Free a clone; its parent may then go. Ref: ddi fwpsk/nf-fwpsk-fwpsfreeclonenetbufferlist0 */
void NTAPI
FwpsFreeCloneNetBufferList0(NET_BUFFER_LIST *netBufferList, ULONG freeCloneFlags)
{
    struct nt_nbl *clone = nt_nbl_find(netBufferList), *parent;

    if (!clone)
        return;
    if (atomic_load(&clone->in_flight)) {
        nt_finding(NT_FINDING_NBL_FREED, "a net buffer list is freed while it is being injected");
        return;
    }
    parent = clone->parent;
    if (clone->contexts)
        nt_fwps_contexts_end(clone, FWPS_NET_BUFFER_LIST_EXIT_NETIO);
    NdisFreeCloneNetBufferList(netBufferList, freeCloneFlags);
    if (!parent)
        return;
    if (parent->origin == NT_NBL_PACKET)
        unref_list(parent);
    else
        atomic_fetch_sub(&parent->references, 1);
}
