/*
 * Flows: what the stack remembers of a conversation between its first packet and its end.
 *
 * Model      One entry per 5-tuple as seen from the local end (ICMP: addresses, type, code and echo
 *            id), so both directions find the same entry and a loopback conversation has two.
 *            Drivers hang one 64-bit context per (layer, callout) on a flow; the context's
 *            flow_delete runs exactly once, whoever ends it, and never under a lock of ours.
 *
 *               NEW --reply / final ACK--> ESTABLISHED --FIN both ways, RST--> CLOSED --2 min--> gone
 *                |  (UDP, ICMP: at once)        |
 *                +--no answer, idle--> gone     +--idle--> gone
 *               BLOCKED: a TCP conversation that was refused; its later packets share its fate
 *
 * Lifetime   The table belongs to the stack's thread. Other threads may use the functions that take
 *            a flow id. Ids are never reused. CLOSED and BLOCKED entries have no id and no contexts.
 * Choice     docs/decisions/0030-conversations-in-captures.md
 * Ref        win32 FWP/ale-stateful-filtering, FWP/ale-multicast-broadcast-traffic;
 *            ddi fwpsk/nf-fwpsk-fwpsflowassociatecontext0
 */
#ifndef WFP_CORE_FLOW_FLOW_H
#define WFP_CORE_FLOW_FLOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

struct wfp_engine;
struct wfp_flow_table;
struct wfp_flow_context_node;

/** Compared as words: unused parts are zero. */
struct wfp_flow_key {
    union {
        struct {
            uint8_t local[16]; /* network order; IPv4 in the first four bytes */
            uint8_t remote[16];
            uint16_t local_port;  /* host order; ICMP: type of the request */
            uint16_t remote_port; /* host order; ICMP: code */
            uint16_t icmp_id;     /* echo only */
            uint8_t version;      /* 4 or 6 */
            uint8_t protocol;
        };
        uint64_t words[5];
    };
};

/** The last word of a key: what is not an address. */
static inline uint64_t
wfp_flow_key_tail(uint16_t local_port, uint16_t remote_port, uint16_t icmp_id, uint8_t version,
                  uint8_t protocol)
{
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the fields' order in the word");
    return local_port | (uint64_t)remote_port << 16 | (uint64_t)icmp_id << 32 |
           (uint64_t)version << 48 | (uint64_t)protocol << 56;
}

enum wfp_flow_state {
    WFP_FLOW_NEW,
    WFP_FLOW_ESTABLISHED,
    WFP_FLOW_CLOSED,
    WFP_FLOW_BLOCKED,
};

struct wfp_flow {
    /* What a lookup touches: one cache line. */
    struct wfp_flow_key key;
    uint32_t hash;
    uint32_t next; /* on the free list */
    uint64_t last_100ns;
    uint8_t state;     /* enum wfp_flow_state */
    uint8_t fin_seen;  /* 1 local end, 2 remote end, 4 and 8: acknowledged */
    bool outbound : 1; /* direction of the first packet: the layer where it was authorized */
    bool is_loopback : 1;
    bool is_multicast : 1; /* to, or from, a group */
    bool has_lifetime : 1; /* idles as long as a callout says (lifetime.seconds) */
    bool is_answered_by_anyone : 1;
    bool is_answered_from_near : 1; /* anyone who is on the link */
    /* Those it was authorized for: the first, and the last one that was new (16 bits tell); 0 none */
    uint16_t interface_index, other_interface_index;

    /* The rest: another. */
    uint64_t id; /* the flow handle drivers see; 0 once closed or blocked */
    _Atomic(struct wfp_flow_context_node *) contexts;
    union {
        struct { /* BLOCKED: what did it */
            uint64_t filter_id;
            uint32_t callout_id;
            uint16_t layer_id;
        } blocked;
        struct {                       /* TCP otherwise */
            uint32_t initial_sequence; /* of the initiator's SYN */
            uint32_t fin_sequence[2];  /* end of the FIN of the local, the remote end */
        } tcp;
        struct {               /* other protocols otherwise */
            uint64_t group_id; /* of the flow for whose answers this entry stands */
            uint32_t seconds;  /* with has_lifetime */
        } lifetime;
    };
    uint32_t auth_epoch; /* of the layer that authorized it, at that time */
    uint32_t owner;      /* of its socket (owner.h); 0 unknown */
    uint32_t timer_next, timer_previous;
    uint32_t index;
    uint32_t endpoint; /* its socket (endpoint.h): a server's for connections it accepted; 0 none */
    uint16_t timer_slot;
    uint16_t icmp_type;  /* of the first packet */
    atomic_bool is_busy; /* a classify for this flow runs */
    bool sees_contexts;  /* ... and may hand contexts to callouts */
    atomic_bool has_deferred;
};

/** @return 0 or -WFP_ERR_NO_MEMORY */
int wfp_flow_table_new(struct wfp_engine *engine, struct wfp_flow_table **ret_table);
/** Ends every flow (flow_delete runs) and frees the table. */
void wfp_flow_table_free(struct wfp_flow_table *table);
DEFINE_FREEP(struct wfp_flow_table, wfp_flow_table_free)

/**
 * Have @p ended called for each flow that ends, is closed or blocked, while its id still lives and
 * before its contexts go. Context: the stack's thread; no lock is held.
 */
void wfp_flow_table_on_end(struct wfp_flow_table *table,
                           void (*ended)(void *context, struct wfp_flow *flow), void *context);
/** The id that the next wfp_flow_create() will give. */
uint64_t wfp_flow_next_id(const struct wfp_flow_table *table);

uint32_t wfp_flow_hash(const struct wfp_flow_table *table, const struct wfp_flow_key *key);
/**
 * The live entry of @p key at @p now_100ns, or NULL; one that idled past its time is ended here, so
 * the answer doesn't depend on when timers ran. Does not refresh it. Context: the stack's thread.
 */
struct wfp_flow *wfp_flow_find(struct wfp_flow_table *table, const struct wfp_flow_key *key,
                               uint32_t hash, uint64_t now_100ns);
/**
 * Enter a new flow in state NEW with a fresh id. @p key must not be in the table.
 * @return 0 or -WFP_ERR_NO_MEMORY. Context: the stack's thread; allocates only to grow.
 */
int wfp_flow_create(struct wfp_flow_table *table, const struct wfp_flow_key *key, uint32_t hash,
                    uint64_t now_100ns, struct wfp_flow **ret_flow);
/** A packet of the flow was seen: its idle time starts anew. */
static inline void
wfp_flow_touch(struct wfp_flow *flow, uint64_t now_100ns)
{
    if (now_100ns > flow->last_100ns)
        flow->last_100ns = now_100ns;
}
/** It may idle for @p seconds, not for its protocol's time. Not for TCP: that lives as its connection. */
void wfp_flow_set_lifetime(struct wfp_flow_table *table, struct wfp_flow *flow, uint32_t seconds);
/** Move to @p state. CLOSED and BLOCKED end the flow for drivers: contexts go, the id dies. */
void wfp_flow_set_state(struct wfp_flow_table *table, struct wfp_flow *flow,
                        enum wfp_flow_state state);
/** Remove the entry; contexts go, the id dies. */
void wfp_flow_end(struct wfp_flow_table *table, struct wfp_flow *flow);
/** End what idled past its time; and what wfp_flow_abort() named. Context: the stack's thread. */
void wfp_flow_advance(struct wfp_flow_table *table, uint64_t now_100ns);
/** The live flow of an id, or NULL. Context: the stack's thread. */
struct wfp_flow *wfp_flow_of_id(struct wfp_flow_table *table, uint64_t flow_id);
/** Each entry in turn, of every state: after NULL the first, NULL after the last. One may be ended. */
struct wfp_flow *wfp_flow_next(struct wfp_flow_table *table, const struct wfp_flow *after);
/** Entries in the table, of every state. */
uint32_t wfp_flow_count(const struct wfp_flow_table *table);
/** For reports. */
struct wfp_flow_counters {
    uint64_t made;
    uint64_t no_memory; /* conversations that could not be remembered: decided like first packets */
    uint32_t most;      /* at once */
};
const struct wfp_flow_counters *wfp_flow_counters(const struct wfp_flow_table *table);
/** Bytes the table holds. */
uint64_t wfp_flow_memory(const struct wfp_flow_table *table);

/** Around each classify that carries @p flow (may be NULL): contexts removed inside are deferred. */
void wfp_flow_enter(struct wfp_flow *flow);
void wfp_flow_leave(struct wfp_flow_table *table, struct wfp_flow *flow);

/** The context of (layer, callout), 0 if none. Context: inside wfp_flow_enter() .. _leave(). */
uint64_t wfp_flow_context(const struct wfp_flow *flow, uint16_t layer_id, uint32_t callout_id);

/**
 * Hang @p context on a flow.
 * @return 0, -WFP_ERR_INVALID_PARAMETER (zero context, callout without flow_delete),
 *         -WFP_ERR_NOT_FOUND (no such flow), -WFP_ERR_ALREADY_EXISTS, -WFP_ERR_NO_MEMORY
 * Context: any thread, also inside classify.
 */
int wfp_flow_context_set(struct wfp_flow_table *table, uint64_t flow_id, uint16_t layer_id,
                         uint32_t callout_id, uint64_t context);

enum wfp_flow_removal {
    WFP_FLOW_REMOVED, /* flow_delete has run */
    WFP_FLOW_PENDING, /* flow_delete runs when the classify in progress is over */
};

/**
 * Take a context off a flow.
 * @return 0 with how, or -WFP_ERR_NOT_FOUND where there is none
 * Context: any thread, also inside classify; the caller may hold locks of its own that its
 * flow_delete does not take.
 */
int wfp_flow_context_remove(struct wfp_flow_table *table, uint64_t flow_id, uint16_t layer_id,
                            uint32_t callout_id, enum wfp_flow_removal *ret_removal);
/** Take the contexts of a callout off every flow. @return how many. Context: any thread. */
uint32_t wfp_flow_context_remove_all(struct wfp_flow_table *table, uint32_t callout_id);
/**
 * Ask for the end of a flow: at the stack's next step it becomes BLOCKED.
 * @return 0, -WFP_ERR_NOT_FOUND, -WFP_ERR_NO_MEMORY. Context: any thread.
 */
int wfp_flow_abort(struct wfp_flow_table *table, uint64_t flow_id);

#endif
