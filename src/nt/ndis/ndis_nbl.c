/*
 * NET_BUFFER_LIST and NET_BUFFER pools: allocate, free, and who still holds what.
 */
#include "nt/ndis/ndis_nbl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_pool.h"

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nt_nbl *held; /* lists drivers hold */
static struct nt_nbl_pool *pools;
static size_t held_count;

#define KEPT 64 /* freed lists that are remembered */

struct nt_nbl *
nt_nbl_find(NET_BUFFER_LIST *nbl)
{
    struct nt_nbl *header = nbl ? CONTAINER_OF(nbl, struct nt_nbl, nbl) : NULL;

    if (header && ((uintptr_t)nbl & 15) == 0 && header->magic == NT_NBL_MAGIC)
        return header;
    if (header && ((uintptr_t)nbl & 15) == 0 && header->magic == NT_NBL_FREED)
        nt_finding(NT_FINDING_NBL_FREED, "a net buffer list is used after it was freed");
    else
        nt_finding(NT_FINDING_OBJECT_BAD, "this is no net buffer list that OpenWFP handed out");
    return NULL;
}

/* The latest to be freed stay as they are for a while, so that whoever uses them is told. */
static void
free_later(struct nt_nbl *header)
{
    static struct nt_nbl *kept[KEPT];
    static unsigned next;
    struct nt_nbl *oldest;

    header->magic = NT_NBL_FREED;
    pthread_mutex_lock(&registry_lock);
    oldest = kept[next];
    kept[next] = header;
    next = (next + 1) % KEPT;
    pthread_mutex_unlock(&registry_lock);
    free(oldest);
}

struct nt_nbl *
nt_nbl_new(enum nt_nbl_origin origin, struct nt_nbl_pool *pool, uint16_t context_size)
{
    size_t context =
        context_size ? sizeof(NET_BUFFER_LIST_CONTEXT) + ALIGN_UP(context_size, 16u) : 0;
    struct nt_nbl *header = aligned_alloc(16, ALIGN_UP(sizeof(*header) + context, (size_t)16));

    if (!header)
        return NULL;
    memset(header, 0, sizeof(*header) + context);
    header->magic = NT_NBL_MAGIC;
    header->origin = origin;
    header->pool = pool;
    header->owner = nt_driver_current();
    header->nbl.NdisPoolHandle = pool;
    atomic_init(&header->references, 1);
    if (context) {
        NET_BUFFER_LIST_CONTEXT *area = (NET_BUFFER_LIST_CONTEXT *)(header + 1);
        area->Size = (USHORT)ALIGN_UP(context_size, 16u);
        header->nbl.Context = area;
    }
    if (pool)
        atomic_fetch_add(&pool->outstanding, 1);
    pthread_mutex_lock(&registry_lock);
    header->next = held;
    if (held)
        held->previous = header;
    held = header;
    held_count++;
    pthread_mutex_unlock(&registry_lock);
    return header;
}

void
nt_nbl_free(struct nt_nbl *header)
{
    pthread_mutex_lock(&registry_lock);
    if (header->previous)
        header->previous->next = header->next;
    else
        held = header->next;
    if (header->next)
        header->next->previous = header->previous;
    held_count--;
    pthread_mutex_unlock(&registry_lock);
    if (header->pool)
        atomic_fetch_sub(&header->pool->outstanding, 1);
    free(header->own_bytes);
    header->own_bytes = NULL;
    free_later(header);
}

size_t
nt_nbl_live(void)
{
    return held_count;
}

/* NET_BUFFERs have a small header too, so that freeing finds the pool without the driver's help. */
struct nb_block {
    uint64_t magic;
    struct nt_nbl_pool *pool;
    _Alignas(16) NET_BUFFER nb;
};

NET_BUFFER *
nt_nb_new(struct nt_nbl_pool *pool, MDL *mdl, ULONG data_offset, SIZE_T data_length)
{
    struct nb_block *block = aligned_alloc(16, ALIGN_UP(sizeof(*block), (size_t)16));

    if (!block)
        return NULL;
    memset(block, 0, sizeof(*block));
    block->magic = NT_POOL_MAGIC;
    block->pool = pool;
    NET_BUFFER *nb = &block->nb;
    nb->NdisPoolHandle = pool;
    nb->MdlChain = mdl;
    nb->DataOffset = data_offset;
    nb->stDataLength = data_length;
    /* CurrentMdl is the one in which the data start */
    ULONG offset = data_offset;
    while (mdl && offset >= mdl->ByteCount && mdl->Next) {
        offset -= mdl->ByteCount;
        mdl = mdl->Next;
    }
    nb->CurrentMdl = mdl;
    nb->CurrentMdlOffset = offset;
    if (pool && pool->of_net_buffers)
        atomic_fetch_add(&pool->outstanding, 1);
    return nb;
}

void
nt_nb_free(NET_BUFFER *nb)
{
    struct nb_block *block = nb ? CONTAINER_OF(nb, struct nb_block, nb) : NULL;

    if (!block || block->magic != NT_POOL_MAGIC) {
        nt_finding(NT_FINDING_OBJECT_BAD, "this is no net buffer that OpenWFP handed out");
        return;
    }
    if (block->pool && block->pool->of_net_buffers)
        atomic_fetch_sub(&block->pool->outstanding, 1);
    block->magic = 0;
    free(block);
}

/* ---- pools ---- */

static struct nt_nbl_pool *
pool_new(ULONG tag, USHORT context_size, bool with_nb, bool of_nb, ULONG data_size)
{
    struct nt_nbl_pool *pool = calloc(1, sizeof(*pool));

    if (!pool)
        return NULL;
    pool->magic = NT_POOL_MAGIC;
    pool->tag = tag;
    pool->owner = nt_driver_current();
    pool->site = nt_place_caller();
    pool->context_size = context_size;
    pool->with_net_buffer = with_nb;
    pool->of_net_buffers = of_nb;
    pool->data_size = data_size;
    pthread_mutex_lock(&registry_lock);
    pool->next = pools;
    pools = pool;
    pthread_mutex_unlock(&registry_lock);
    return pool;
}

static struct nt_nbl_pool *
pool_find(NDIS_HANDLE handle, const char *function)
{
    struct nt_nbl_pool *pool = handle;

    if (pool && pool->magic == NT_POOL_MAGIC)
        return pool;
    nt_finding(NT_FINDING_OBJECT_BAD, "%s: this is no pool handle", function);
    return NULL;
}

static void
pool_free(NDIS_HANDLE handle, const char *function)
{
    struct nt_nbl_pool *pool = pool_find(handle, function), **at = &pools;

    if (!pool)
        return;
    if (atomic_load(&pool->outstanding))
        nt_finding(NT_FINDING_NBL_LEAK, "%s: %u lists or buffers of the pool are still out",
                   function, atomic_load(&pool->outstanding));
    pthread_mutex_lock(&registry_lock);
    while (*at && *at != pool)
        at = &(*at)->next;
    if (*at)
        *at = pool->next;
    pthread_mutex_unlock(&registry_lock);
    if (atomic_load(&pool->outstanding))
        return; /* lists still point at it: a leak, said above, is better than a dangling pointer */
    pool->magic = 0;
    free(pool);
}

/**
 * Make a pool of NET_BUFFER_LISTs.
 *
 * @param handle      ignored, as for drivers that are not miniports
 * @param parameters  fAllocateNetBuffer decides whether lists come with a NET_BUFFER
 * @return the pool, or NULL. IRQL: = PASSIVE_LEVEL.
 * Ref: ddi nblapi/nf-nblapi-ndisallocatenetbufferlistpool
 */
NDIS_HANDLE NTAPI
NdisAllocateNetBufferListPool(NDIS_HANDLE handle, PNET_BUFFER_LIST_POOL_PARAMETERS parameters)
{
    return pool_new(parameters->PoolTag, parameters->ContextSize, parameters->fAllocateNetBuffer,
                    false, parameters->DataSize);
}

/** Free a list pool; lists still out are a finding. Ref: ddi nblapi/nf-nblapi-ndisfreenetbufferlistpool */
void NTAPI
NdisFreeNetBufferListPool(NDIS_HANDLE pool)
{
    pool_free(pool, "NdisFreeNetBufferListPool");
}

/** Make a pool of NET_BUFFERs. Ref: ddi nblapi/nf-nblapi-ndisallocatenetbufferpool */
NDIS_HANDLE NTAPI
NdisAllocateNetBufferPool(NDIS_HANDLE handle, PNET_BUFFER_POOL_PARAMETERS parameters)
{
    return pool_new(parameters->PoolTag, 0, false, true, parameters->DataSize);
}

/** Ref: ddi nblapi/nf-nblapi-ndisfreenetbufferpool */
void NTAPI
NdisFreeNetBufferPool(NDIS_HANDLE pool)
{
    pool_free(pool, "NdisFreeNetBufferPool");
}

/* ---- lists and buffers ---- */

/**
 * A list without NET_BUFFERs.
 *
 * @param context_size      bytes of context area, a multiple of the memory alignment
 * @param context_backfill  room before it, counted in the area
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi nblapi/nf-nblapi-ndisallocatenetbufferlist
 */
PNET_BUFFER_LIST NTAPI
NdisAllocateNetBufferList(NDIS_HANDLE handle, USHORT context_size, USHORT context_backfill)
{
    struct nt_nbl_pool *pool = pool_find(handle, "NdisAllocateNetBufferList");
    struct nt_nbl *header =
        pool ? nt_nbl_new(NT_NBL_POOL, pool,
                          (USHORT)(context_size + context_backfill + pool->context_size))
             : NULL;

    if (!header)
        return NULL;
    header->site = NT_CALLER;
    return &header->nbl;
}

/**
 * A list with one NET_BUFFER over @p mdl.
 *
 * @param data_offset  bytes from the chain's start to the data; @param data_length bytes of data
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi nblapi/nf-nblapi-ndisallocatenetbufferandnetbufferlist
 */
PNET_BUFFER_LIST NTAPI
NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE handle, USHORT context_size,
                                      USHORT context_backfill, PMDL mdl, ULONG data_offset,
                                      SIZE_T data_length)
{
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(handle, context_size, context_backfill);

    if (!nbl)
        return NULL;
    CONTAINER_OF(nbl, struct nt_nbl, nbl)->site = NT_CALLER;
    nbl->FirstNetBuffer = nt_nb_new(handle, mdl, data_offset, data_length);
    if (!nbl->FirstNetBuffer) {
        nt_nbl_free(CONTAINER_OF(nbl, struct nt_nbl, nbl));
        return NULL;
    }
    return nbl;
}

/** A NET_BUFFER over @p mdl. Ref: ddi nblapi/nf-nblapi-ndisallocatenetbuffer */
PNET_BUFFER NTAPI
NdisAllocateNetBuffer(NDIS_HANDLE handle, PMDL mdl, ULONG data_offset, SIZE_T data_length)
{
    struct nt_nbl_pool *pool = pool_find(handle, "NdisAllocateNetBuffer");
    return pool ? nt_nb_new(pool, mdl, data_offset, data_length) : NULL;
}

/** Ref: ddi nblapi/nf-nblapi-ndisfreenetbuffer */
void NTAPI
NdisFreeNetBuffer(PNET_BUFFER nb)
{
    nt_nb_free(nb);
}

/**
 * Free a list, and the NET_BUFFER it was allocated with. MDLs stay the caller's.
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi nblapi/nf-nblapi-ndisfreenetbufferlist
 */
void NTAPI
NdisFreeNetBufferList(PNET_BUFFER_LIST nbl)
{
    struct nt_nbl *header = nt_nbl_find(nbl);

    if (!header)
        return;
    if (header->origin == NT_NBL_PACKET) {
        nt_finding(NT_FINDING_OBJECT_BAD, "NdisFreeNetBufferList: this is the stack's own");
        return;
    }
    if (atomic_load(&header->in_flight)) {
        nt_finding(NT_FINDING_NBL_FREED, "a net buffer list is freed while it is being injected");
        return;
    }
    if (nbl->ChildRefCount)
        nt_finding(NT_FINDING_REFERENCE_BAD, "a net buffer list is freed while %d clones use it",
                   (int)nbl->ChildRefCount);
    for (NET_BUFFER *nb = nbl->FirstNetBuffer, *next; nb; nb = next) {
        next = nb->Next;
        if (nb->NdisPoolHandle == nbl->NdisPoolHandle)
            nt_nb_free(nb);
    }
    nt_nbl_free(header);
}

/* ---- what a driver left behind ---- */

/* MDLs that were made with a list go with it: they are no leak of their own. */
static void
disown_mdls(struct nt_nbl *list)
{
    for (NET_BUFFER *nb = list->nbl.FirstNetBuffer; nb; nb = nb->Next)
        for (MDL *mdl = nb->MdlChain; mdl; mdl = mdl->Next)
            nt_pool_disown(mdl);
}

static void
check_driver(struct nt_driver *driver)
{
    pthread_mutex_lock(&registry_lock);
    for (struct nt_nbl *n = held; n; n = n->next) {
        if (n->owner != driver || n->origin == NT_NBL_PACKET)
            continue;
        nt_finding_at(nt_driver_name(driver), n->site, NT_FINDING_NBL_LEAK,
                      "a net buffer list was not freed");
        if (n->origin == NT_NBL_CLONE || n->parent)
            disown_mdls(n);
        n->owner = NULL;
    }
    for (struct nt_nbl_pool *p = pools; p; p = p->next)
        if (p->owner == driver) {
            nt_finding_at(nt_driver_name(driver), p->site, NT_FINDING_NBL_LEAK,
                          "a net buffer pool was not freed");
            p->owner = NULL;
        }
    pthread_mutex_unlock(&registry_lock);
}

void
nt_ndis_init(void)
{
    static bool done;
    if (!done)
        nt_driver_add_check(check_driver);
    done = true;
}
