/*
 * Endpoints: the sockets behind conversations, as far as packets let one know of them.
 *
 * Model      A TCP connection is an endpoint of its own; its handle comes from its flow's id. Every
 *            other socket, and a TCP socket that listens, is an entry here: one per protocol, local
 *            address and port. Handles are unique for the table's life.
 * Choice     Packets show no bind and no close. A socket is taken to exist from its first packet. One
 *            that was first seen sending ends with its last flow; one that was first seen receiving (a
 *            server's) stays until the table goes.
 * Lifetime   The stack's thread. Entries are named by index + 1, 0 is none.
 * Ref        windows-driver-docs network/ale-endpoint-lifetime-management
 */
#ifndef WFP_CORE_FLOW_ENDPOINT_H
#define WFP_CORE_FLOW_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "core/flow/flow.h"

struct wfp_endpoint_table;
struct wfp_redirect;

struct wfp_endpoint {
    uint8_t local[16];   /* network order; IPv4 in the first four bytes */
    uint16_t local_port; /* host order; 0 for protocols without ports */
    uint8_t version, protocol;
    uint32_t next; /* in the bucket, or on the free list */
    uint64_t handle;
    uint32_t flows;            /* that use it */
    uint32_t owner;            /* owner.h; 0 unknown */
    bool is_server;            /* first seen receiving */
    bool is_pended;            /* its bind or listen waits for a driver */
    bool is_listed;            /* the plane showed it; it ends when it is no longer shown */
    uint32_t round;            /* of lists, when it was last shown */
    uint64_t name;             /* the plane's */
    struct wfp_redirect *bind; /* moved to another local end by a callout; the shims' reference */
};

/** @return NULL without memory */
struct wfp_endpoint_table *wfp_endpoint_table_new(void);
/** Frees the entries; whoever must hear of their end asks for them first. */
void wfp_endpoint_table_free(struct wfp_endpoint_table *table);
DEFINE_FREEP(struct wfp_endpoint_table, wfp_endpoint_table_free)

/** The entry of the local end of @p key, or 0. */
uint32_t wfp_endpoint_find(const struct wfp_endpoint_table *table, const struct wfp_flow_key *key);
/** The same, or one that is bound to any address, or 0. */
uint32_t wfp_endpoint_find_taker(const struct wfp_endpoint_table *table,
                                 const struct wfp_flow_key *key);
/** Enter the local end of @p key. @return its number, 0 without memory */
uint32_t wfp_endpoint_create(struct wfp_endpoint_table *table, const struct wfp_flow_key *key);
struct wfp_endpoint *wfp_endpoint_at(const struct wfp_endpoint_table *table, uint32_t number);
/** The entry that has this handle, or 0. */
uint32_t wfp_endpoint_by_handle(const struct wfp_endpoint_table *table, uint64_t handle);
void wfp_endpoint_end(struct wfp_endpoint_table *table, uint32_t number);
/** The first entry after @p number, 0 at the end; begin with 0. */
uint32_t wfp_endpoint_next(const struct wfp_endpoint_table *table, uint32_t number);

/** The handle of a TCP connection. */
static inline uint64_t
wfp_endpoint_of_connection(uint64_t flow_id)
{
    return flow_id | 1ull << 63;
}

#endif
