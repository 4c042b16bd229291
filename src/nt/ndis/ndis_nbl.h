/*
 * What stands before every NET_BUFFER_LIST and NET_BUFFER that OpenWFP hands out.
 *
 * Model      A header of ours precedes the structure a driver sees:
 *
 *              [struct nt_nbl: pool, owner, origin ...][NET_BUFFER_LIST][context area]
 *
 *            so that every list can be told apart (pool, clone, indicated packet), counted and found
 *            when it leaks. Drivers must never be given arrays: the structure grows with NDIS.
 * Lifetime   Pool lists die by their free function; lists of indicated packets belong to fwps_nbl.c.
 */
#ifndef WFP_NT_NDIS_NBL_H
#define WFP_NT_NDIS_NBL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <ntddk.h>
#include <ndis.h>

#include "nt/ntos/nt_driver.h"

struct wfp_packet;
struct nt_nbl_context;

enum nt_nbl_origin {
    NT_NBL_POOL,   /* NdisAllocateNetBufferList and kin */
    NT_NBL_CLONE,  /* a clone: shares its parent's bytes */
    NT_NBL_PACKET, /* an indicated packet: the stack's own list */
};

#define NT_NBL_MAGIC  0x4C424E57u /* "WNBL" */
#define NT_NBL_FREED  0x46424E57u /* "WNBF": freed, and not yet given back to the heap */
#define NT_POOL_MAGIC 0x4C4F5057u /* "WPOL" */

/** An NBL or NB pool. */
struct nt_nbl_pool {
    uint32_t magic;
    uint32_t tag;
    struct nt_driver *owner;
    uintptr_t site;           /* of the call that made it */
    struct nt_nbl_pool *next; /* all pools, for the leak check */
    uint32_t data_size;
    uint16_t context_size;
    bool with_net_buffer;
    bool of_net_buffers; /* a NET_BUFFER pool */
    atomic_uint outstanding;
};

/** One step of the history by which a list was injected: whose handle, with which context. */
struct nt_nbl_injection {
    void *handle;
    void *context;
};

#define NT_NBL_HISTORY 4

/** An MDL flag of ours: the bytes it describes were malloced for it and go with it. */
#define NT_MDL_OWNS_BYTES 0x4000

struct nt_nbl {
    uint32_t magic;
    enum nt_nbl_origin origin;
    struct nt_nbl_pool *pool;
    struct nt_driver *owner;
    uintptr_t site;                 /* of the driver's call that made it */
    struct nt_nbl *next, *previous; /* lists a driver holds, for the leak check */
    struct wfp_packet *packet;      /* NT_NBL_PACKET: while it is being indicated */
    struct nt_nbl *parent;          /* NT_NBL_CLONE */
    atomic_uint references;         /* FwpsReferenceNetBufferList0 and clones */
    uint64_t plane_id;              /* NT_NBL_PACKET: the plane's name for it */
    bool is_lent;       /* NT_NBL_PACKET: over bytes of somebody else's, for a classify */
    uint8_t *own_bytes; /* the packet's bytes once somebody keeps them */
    struct nt_nbl_context *contexts; /* fwps_context.c */
    uint32_t injection_count;        /* newest first in `injections` */
    uint32_t injected;               /* times, by whomever, clones' parents included */
    atomic_uint in_flight;           /* injections not yet completed */
    struct nt_nbl_injection injections[NT_NBL_HISTORY];
    _Alignas(16) NET_BUFFER_LIST nbl;
};

/** Our header, or NULL (and a finding) when the list is none of ours. */
struct nt_nbl *nt_nbl_find(NET_BUFFER_LIST *nbl);
/** A zeroed list of @p context_size context bytes, counted against the driver at work. */
struct nt_nbl *nt_nbl_new(enum nt_nbl_origin origin, struct nt_nbl_pool *pool,
                          uint16_t context_size);
/** Free the list itself; its NET_BUFFERs and MDLs are the caller's business. */
void nt_nbl_free(struct nt_nbl *nbl);
/** A NET_BUFFER over @p mdl; freed with nt_nb_free(). */
NET_BUFFER *nt_nb_new(struct nt_nbl_pool *pool, MDL *mdl, ULONG data_offset, SIZE_T data_length);
void nt_nb_free(NET_BUFFER *nb);
/** Lists that drivers hold, for tests. */
size_t nt_nbl_live(void);
/** Once, at start: the leak check joins the driver host's. */
void nt_ndis_init(void);

/** Bytes from DataOffset of @p nb to a flat buffer. @return bytes copied */
size_t nt_nb_read(const NET_BUFFER *nb, void *to, size_t length);

#endif
