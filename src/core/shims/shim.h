/*
 * What the shims share: from a packet and its flow to an indication at one layer.
 *
 * Model      A shim (one per stack, reused for every packet) keeps the facts of the event under the
 *            names that layers' fields have. Indicating at a layer gathers its values from the facts
 *            in field order, sets the metadata the layer may deliver, classifies, and writes a step.
 *            Facts are only filled in once a layer with filters is met.
 * Lifetime   Facts point into the packet and into the shim; both live for the packet's way.
 * Ref        windows-driver-docs network/data-field-identifiers,
 *            network/metadata-fields-at-each-filtering-layer
 */
#ifndef WFP_CORE_SHIMS_SHIM_H
#define WFP_CORE_SHIMS_SHIM_H

#include "core/flow/endpoint.h"
#include "core/flow/flow.h"
#include "core/flow/owner.h"
#include "core/model/layer.h"
#include "core/model/metadata.h"
#include "core/shims/pend.h"
#include "core/shims/redirect.h"
#include "core/shims/stack.h"

enum wfp_fact {
#define FACT(name) WFP_FACT_##name,
#include "core/shims/facts.def"
#undef FACT
    WFP_FACT_COUNT,
};

/* FWP_CONDITION_FLAG_* */
#define WFP_CONDITION_IS_LOOPBACK           0x00000001u
#define WFP_CONDITION_IS_REAUTHORIZE        0x00000004u
#define WFP_CONDITION_IS_FRAGMENT           0x00000020u
#define WFP_CONDITION_IS_FRAGMENT_GROUP     0x00000040u
#define WFP_CONDITION_REQUIRES_ALE_CLASSIFY 0x00000100u
#define WFP_CONDITION_IS_REASSEMBLED        0x00000400u
#define WFP_CONDITION_IS_REDIRECTED         0x00100000u

/* FWP_CONDITION_REAUTHORIZE_REASON_* */
#define WFP_REAUTHORIZE_POLICY_CHANGE           0x001u
#define WFP_REAUTHORIZE_NEW_ARRIVAL_INTERFACE   0x002u
#define WFP_REAUTHORIZE_NEW_NEXTHOP_INTERFACE   0x004u
#define WFP_REAUTHORIZE_CLASSIFY_COMPLETION     0x010u
#define WFP_REAUTHORIZE_NEW_INBOUND_MCAST_BCAST 0x100u

/* NL_ADDRESS_TYPE */
enum wfp_address_type {
    WFP_ADDRESS_UNSPECIFIED,
    WFP_ADDRESS_UNICAST,
    WFP_ADDRESS_ANYCAST,
    WFP_ADDRESS_MULTICAST,
    WFP_ADDRESS_BROADCAST,
};

/** What the ALE layers will do with the packet. */
enum wfp_ale_action {
    WFP_ALE_PASS,        /* a known conversation, or one without state */
    WFP_ALE_AUTHORIZE,   /* a first packet */
    WFP_ALE_REAUTHORIZE, /* the policy changed, another interface, or a group's next packet */
    WFP_ALE_REFUSE,      /* of a conversation that was refused */
    WFP_ALE_WAIT,        /* of a conversation whose authorization is pended */
};

/** Which of a conversation's classifies was pended; in the order they come. */
enum wfp_pend_stage {
    WFP_PEND_NONE,
    WFP_PEND_BIND_REDIRECT,
    WFP_PEND_ASSIGN,
    WFP_PEND_LISTEN,
    WFP_PEND_CONNECT_REDIRECT,
    WFP_PEND_AUTHORIZE,
    WFP_PEND_CLOSURE, /* of a socket, without a packet */
};

struct wfp_moved_table;
/** Whom an inbound packet finds, as far as moved sockets tell. */
enum wfp_arrival {
    WFP_ARRIVAL_UNKNOWN,
    WFP_ARRIVAL_TAKEN,  /* by a socket that was moved there */
    WFP_ARRIVAL_NOBODY, /* it was sent to where one had been bound */
};

/** A socket that closed: what its last layers are told. */
struct wfp_closure {
    struct wfp_flow_key key;
    uint64_t handle, parent; /* 0 none */
    uint32_t owner;          /* owner.h */
    bool is_released;        /* RESOURCE_RELEASE follows */
};

/** A socket's bind or listen, told of before any packet: what goes on when it was put off. */
struct wfp_opening {
    struct wfp_flow_key key;
    uint64_t handle; /* of its endpoint */
    bool is_new;     /* its bind is part of it */
    bool listens;
};

/** What redirect layers made of the packet's conversation; references are the shim's. */
struct wfp_shim_redirect {
    bool is_changed;     /* the packet has other ends than the application gave it */
    struct wfp_ends app; /* those */
    struct wfp_redirect *bind, *connect; /* NULL: nobody asked to change anything */
};

struct wfp_ale_plan {
    enum wfp_ale_action action;
    bool outbound;   /* the flow's direction, hence the layer */
    bool establish;  /* FLOW_ESTABLISHED follows */
    uint32_t reason; /* WFP_REAUTHORIZE_* */
    uint32_t hash;
    struct wfp_flow_key key;
    struct wfp_flow *closed; /* a connection that is over; NULL without one */
    uint32_t endpoint;       /* the shared socket of a new flow; 0 none */
    uint64_t handle;         /* the socket's, before a flow tells it; 0 unknown */
    uint64_t parent;         /* its listening socket's, 0 none */
};

#define WFP_MAC_LEARNED 32 /* interfaces whose own address is remembered */
struct wfp_stream_table;
struct wfp_fragment_table;
struct wfp_group_table;

struct wfp_shim {
    struct wfp_engine *engine;
    struct wfp_flow_table *flows;         /* NULL: stateless */
    struct wfp_endpoint_table *endpoints; /* with flows */
    struct wfp_pend_table *pends;         /* with flows */
    struct wfp_pend_table *closures;      /* where sockets' closures may wait */
    struct wfp_owner_table *owners;       /* with flows */
    wfp_stack_find_owner *find_owner;     /* NULL: the packets say all there is */
    void *find_owner_context;
    uint64_t (*token_of)(const struct wfp_user *user); /* NULL: nobody has tokens */
    struct wfp_redirect_table *redirects;              /* with flows */
    struct wfp_moved_table *moved; /* sockets bound elsewhere by callouts; with flows */
    bool is_recording;             /* as the stack's config has it */
    struct {                       /* the sockets of this machine; the aside's */
        void (*show)(void *context, wfp_stack_take_socket *take, void *take_context);
        void (*tell_owner)(void *context, struct wfp_socket *socket);
        void *context;
        uint64_t last_100ns; /* when they were shown */
        uint32_t round;
    } sockets;
    const struct wfp_stack *stack;
    struct wfp_frame *frame;          /* that is on its way; NULL: no plane's */
    struct wfp_stream_table *streams; /* with flows */
    struct wfp_group_table *groups;   /* NULL: forwarded fragments go as they come */
    struct wfp_packet *packet;
    struct wfp_flow *flow;
    struct wfp_decision *decision;
    bool is_inbound;                   /* the way the packet goes through the layers now */
    bool is_ready;                     /* facts and metadata are this packet's */
    bool requires_ale;                 /* it will visit an ALE layer after the transport layer */
    bool is_pended;                    /* the packet waits for a completion */
    const struct wfp_opening *opening; /* a socket's event goes through the layers, no packet */
    bool is_injected;                  /* by a driver */
    const struct wfp_discard_metadata
        *discard; /* at a _DISCARD layer: why the stack itself drops it */
    void (*step)(void *context, const struct wfp_packet *packet, const struct wfp_step *step);
    void *step_context;          /* the stack's config */
    enum wfp_pend_stage resumed; /* the packet waited there; what came before is not asked again */
    uint32_t answer;             /* to what it waited for, WFP_ACTION_*; 0: ask again */
    struct wfp_pend_slot slot;
    struct wfp_classify_slot classify_slot;
    uint64_t classify_count;
    struct wfp_shim_redirect redirect;
    uint8_t own_mac[WFP_MAC_LEARNED][6]; /* by interface index */
    uint32_t has_own_mac;
    enum wfp_address_type local_type, remote_type;
    uint32_t ip_size_extra; /* what a layer counts to the IP header besides it */
    struct wfp_ale_plan plan;

    struct wfp_metadata metadata;
    uint32_t available;       /* the members of `metadata` that hold something */
    uint32_t facts_interface; /* the interface whose facts are set */
    uint8_t facts_interface_type;
    uint64_t luid;
    uint64_t forward_luid;
    struct wfp_blob process_path;
    struct wfp_value facts[WFP_FACT_COUNT];
    struct wfp_value values[WFP_FIELD_MAX];
};

/** WFP_SHIM_LAYER(shim, OUTBOUND_TRANSPORT): the layer of the family for the packet's version. */
#define WFP_SHIM_LAYER(shim, family)                                                               \
    ((shim)->packet->version == 4 ? WFP_LAYER_##family##_V4 : WFP_LAYER_##family##_V6)

void wfp_shim_init(struct wfp_shim *shim, struct wfp_engine *engine);
/** Turn to a packet and the way it goes; keeps nothing of the packet before. */
void wfp_shim_begin(struct wfp_shim *shim, struct wfp_packet *packet, struct wfp_decision *decision,
                    bool is_inbound);

/**
 * Classify at one layer and note the step. The engine shows a block to the _DISCARD twin.
 *
 * @param flags        WFP_CONDITION_* beyond loopback, which is added
 * @param with_packet  the layer's data is the packet; else it has none
 * @return true if the packet may go on. When false, the decision is final.
 */
bool wfp_shim_indicate(struct wfp_shim *shim, uint16_t layer_id, uint32_t flags, bool with_packet);
/** Block the packet as a decision made earlier says, without classifying. Returns false. */
bool wfp_shim_refuse(struct wfp_shim *shim, uint16_t layer_id, uint64_t filter_id,
                     uint32_t callout_id);

/** Note a step that wfp_shim_indicate() did not make. */
void wfp_shim_note(struct wfp_shim *shim, uint16_t layer_id, uint32_t action, uint64_t filter_id,
                   uint32_t callout_id);
/** The layer's values, in its field order. @param values  WFP_FIELD_MAX of room */
void wfp_shim_gather(const struct wfp_shim *shim, uint16_t layer_id, struct wfp_value *values);
/** Set the facts and metadata of the packet, once. Layers' shims then add to them. */
void wfp_shim_prepare(struct wfp_shim *shim);
/** Does any filter wait at the layer? Then facts must be ready before it is indicated. */
static inline bool
wfp_shim_is_watched(const struct wfp_shim *shim, uint16_t layer_id)
{
    return shim->step || !wfp_engine_layer_is_empty(shim->engine, layer_id);
}

static inline void
wfp_shim_set32(struct wfp_shim *shim, enum wfp_fact fact, uint32_t value)
{
    shim->facts[fact] = (struct wfp_value){.type = WFP_UINT32, .uint32 = value};
}

static inline void
wfp_shim_set16(struct wfp_shim *shim, enum wfp_fact fact, uint16_t value)
{
    shim->facts[fact] = (struct wfp_value){.type = WFP_UINT16, .uint16 = value};
}

static inline void
wfp_shim_set8(struct wfp_shim *shim, enum wfp_fact fact, uint8_t value)
{
    shim->facts[fact] = (struct wfp_value){.type = WFP_UINT8, .uint8 = value};
}

static inline void
wfp_shim_unset(struct wfp_shim *shim, enum wfp_fact fact)
{
    shim->facts[fact] = (struct wfp_value){.type = WFP_EMPTY};
}

/** FWP_EMPTY, but with a pointer to an empty blob for those who don't look at the type. */
void wfp_shim_unset_blob(struct wfp_shim *shim, enum wfp_fact fact);

/* The layer families. Each returns whether the packet may go on. */

bool wfp_shim_ippacket_outbound(struct wfp_shim *shim);
/** @param flags  IS_FRAGMENT, IS_REASSEMBLED or 0 */
bool wfp_shim_ippacket_inbound(struct wfp_shim *shim, uint32_t flags);
bool wfp_shim_transport_outbound(struct wfp_shim *shim);
bool wfp_shim_transport_inbound(struct wfp_shim *shim);
bool wfp_shim_icmp_error_outbound(struct wfp_shim *shim);
bool wfp_shim_icmp_error_inbound(struct wfp_shim *shim);
bool wfp_shim_datagram(struct wfp_shim *shim);
/** @param flags  IS_FRAGMENT_GROUP or 0 */
bool wfp_shim_forward(struct wfp_shim *shim, uint32_t flags);
/** A fragment that passes through waits for its group, where groups are made. @return may it go on? */
bool wfp_shim_group(struct wfp_shim *shim);
/** @return NULL without memory */
struct wfp_group_table *wfp_group_table_new(struct wfp_fragment_table *fragments);
void wfp_group_table_free(struct wfp_group_table *table);
/** The next fragment whose group was decided, or NULL; given up with wfp_group_drop(). */
struct wfp_frame *wfp_group_take(struct wfp_group_table *table, struct wfp_decision *ret_decision);
void wfp_group_drop(struct wfp_frame *frame);
/** Nobody waits for the packet: the transport drops TCP, the network layer anything else. */
bool wfp_shim_discard_no_endpoint(struct wfp_shim *shim);
/** Is the packet the stack's to drop, and can its addresses be read? Then they are. */
bool wfp_shim_discard_takes(struct wfp_packet *packet, enum wfp_undecodable reason);
/** Such a packet, inbound. The decision stays WFP_UNDECODED unless INBOUND_IPPACKET blocks it. */
void wfp_shim_discard_undecodable(struct wfp_shim *shim, enum wfp_undecodable reason);
/** The MAC layers, where the plane has the frame. */
bool wfp_shim_mac(struct wfp_shim *shim, bool is_inbound);
/** The MAC layers for a frame without an IP packet. @return false if nobody saw it */
bool wfp_shim_mac_only(struct wfp_shim *shim, struct wfp_decision *decision);
/** The bytes of TCP segments. @return false also when the stream goes on with segments of its own */
bool wfp_shim_stream(struct wfp_shim *shim);
bool wfp_shim_stream_packet(struct wfp_shim *shim);

/** Find the packet's flow and plan what ALE will do. Comes before the transport layers. */
void wfp_shim_ale_plan(struct wfp_shim *shim);
/** Authorize and establish; makes the flow. */
bool wfp_shim_ale_authorize(struct wfp_shim *shim);
/** The facts that only ALE layers deliver. @param reason  WFP_REAUTHORIZE_* */
void wfp_shim_ale_prepare(struct wfp_shim *shim, uint32_t reason);
/** Refuse the TCP conversation from now on, as the decision's verdict says. */
void wfp_shim_ale_abandon(struct wfp_shim *shim);
/** After the packet passed every layer: what it did to its connection. */
void wfp_shim_ale_finish(struct wfp_shim *shim);

/** As wfp_shim_indicate(), at a layer whose answer a callout may put off. */
bool wfp_shim_indicate_pendable(struct wfp_shim *shim, uint16_t layer_id, uint32_t flags,
                                bool with_packet, enum wfp_pend_stage stage);
/** Does the packet's conversation wait? Then the decision's verdict is what pended it. */
bool wfp_shim_pend_finds(const struct wfp_shim *shim);
/** Absorb the packet of a conversation that waits. Returns false. */
bool wfp_shim_pend_wait(struct wfp_shim *shim);

/**
 * ALE_ENDPOINT_CLOSURE, which a callout may put off; then it keeps the owner, too.
 * @param is_again  after it was. @return false: it waits
 */
bool wfp_shim_indicate_closure(struct wfp_shim *aside, uint16_t layer_id,
                               const struct wfp_closure *closure, bool is_again);
/** What a socket's event that was put off waits with, which is the pend's; or NULL. */
const struct wfp_opening *wfp_pend_opening(const struct wfp_pend *pend);
/** What a pend of stage CLOSURE waits with; it is the pend's. */
const struct wfp_closure *wfp_pend_closure(const struct wfp_pend *pend, uint32_t *ret_answer);

/** The packet is a pend's: take up what was redirected so far. @return the callout's answer, or 0 */
uint32_t wfp_shim_pend_take(struct wfp_shim *shim, struct wfp_pend *pend);

/* ---- redirection ---- */

/** ALE_BIND_REDIRECT, of a socket not known yet. @return false if it was refused, or waits */
bool wfp_shim_redirect_bind(struct wfp_shim *shim);
/** The same when the socket is bound, before any packet: what was changed holds for its packets. */
bool wfp_shim_redirect_bind_early(struct wfp_shim *aside, uint32_t endpoint);
/** Give @p key the local end to which a callout moved a socket: what it left open stays. */
void wfp_shim_redirect_place(const struct wfp_redirect *bind, struct wfp_flow_key *key);
/** The socket was bound elsewhere before: so is this conversation of its. */
void wfp_shim_redirect_bound(struct wfp_shim *shim, struct wfp_redirect *bind);
/** ALE_CONNECT_REDIRECT; then the packet has the ends it will have on the wire, and so has the plan. */
bool wfp_shim_redirect_connect(struct wfp_shim *shim);
/** The conversation's flow was made: it counts for its redirection. */
void wfp_shim_redirect_join(struct wfp_shim *shim);
/** Authorization is over: what wasn't authorized is redirected no longer. Lets go of references. */
void wfp_shim_redirect_settle(struct wfp_shim *shim);
/** At AUTH_CONNECT: say that it was redirected. @return flags for the indication */
uint32_t wfp_shim_redirect_tell(struct wfp_shim *shim);
void wfp_shim_redirect_untell(struct wfp_shim *shim);
/** A flow ended; so does its redirection. */
void wfp_shim_redirect_ended(struct wfp_shim *aside, const struct wfp_flow *flow);
/**
 * Give packets of redirected conversations the ends they have on the wire. In a recording answers
 * come from whom the application asked; live from whom it was sent to.
 * @param is_looped  the stack's: what was changed may be for this machine now
 * @return the hint, if it holds
 */
enum wfp_direction_hint wfp_shim_redirect_take(struct wfp_shim *shim, struct wfp_packet *packet,
                                               enum wfp_direction_hint hint, bool is_looped);

/* Sockets that callouts bound elsewhere (shim_moved.c). */

/** @return NULL without memory */
struct wfp_moved_table *wfp_moved_table_new(void);
void wfp_moved_table_free(struct wfp_moved_table *table);
uint32_t wfp_moved_count(const struct wfp_moved_table *table);
/** Is anything redirected, or moved? */
static inline bool
wfp_shim_redirect_is_used(const struct wfp_shim *shim)
{
    return shim->redirects &&
           (wfp_redirect_table_count(shim->redirects) != 0 || wfp_moved_count(shim->moved) != 0);
}
/** The socket's bind is known now: if a callout moved it, it takes what is sent there from now on. */
void wfp_shim_moved_enter(struct wfp_shim *shim, uint32_t endpoint);
void wfp_shim_moved_leave(struct wfp_shim *shim, uint32_t endpoint);
/** An inbound packet, before the layers: who takes it? Makes its conversation if one does. */
enum wfp_arrival wfp_shim_moved_arrive(struct wfp_shim *shim, struct wfp_shim *aside,
                                       struct wfp_packet *packet, enum wfp_direction_hint hint);
/** Its way is over: a conversation that nothing came of is forgotten. */
void wfp_shim_moved_settle(struct wfp_shim *shim);
/** The place where the application bound the local end of the plan's conversation. */
struct wfp_flow_key wfp_shim_moved_app_key(const struct wfp_shim *shim);
/** Nobody is there: so that this host answers, the packet goes to a port that is never open. */
bool wfp_shim_moved_close(struct wfp_shim *shim, struct wfp_packet *packet);
/** The conversation whose packet was last sent on to port 0 of @p answer's local end, or NULL. */
const struct wfp_flow_key *wfp_moved_closed(const struct wfp_moved_table *table,
                                            const struct wfp_flow_key *answer);
/** The answer comes from where it was sent to. @return were its ends others? */
bool wfp_shim_moved_reopen(struct wfp_shim *shim, struct wfp_packet *packet);
/** Live: an answer that passed every layer reaches the application from whom it asked. */
void wfp_shim_redirect_give_back(struct wfp_shim *shim, struct wfp_frame *frame);

/** The key of a packet's conversation, seen from the local end. */
void wfp_shim_key(const struct wfp_packet *packet, bool is_inbound, struct wfp_flow_key *ret_key);
/** IF_LUID: the type in the upper 16 bits, an index in the next 24. */
static inline uint64_t
wfp_shim_luid(uint8_t type, uint32_t index)
{
    return (uint64_t)type << 48 | (uint64_t)(index & 0xffffff) << 24;
}

/** The facts of the packet's interface. */
void wfp_shim_set_interface(struct wfp_shim *shim);
bool wfp_stack_is_local(const struct wfp_stack *stack, uint8_t version, const uint8_t *address);
/** Is it a link-local address, or one of an attached network? Everyone is while none is known. */
bool wfp_stack_is_near(const struct wfp_stack *stack, uint8_t version, const uint8_t *address);
/** A packet that was made for an indication has been indicated. */
void wfp_stack_release(const struct wfp_stack *stack, struct wfp_packet *packet);
/** The addresses and types of the packet are others now. */
void wfp_stack_reclassify_ends(struct wfp_shim *shim);

/** @return NULL without memory */
struct wfp_pend_table *wfp_pend_table_new(void);
void wfp_pend_table_free(struct wfp_pend_table *table);
/** Is there a completed one? Costs a load. */
bool wfp_pend_has_completed(const struct wfp_pend_table *table);
/** The next completed one, or NULL; the caller frees it. */
struct wfp_pend *wfp_pend_take_completed(struct wfp_pend_table *table);
/** What waited: NULL when nothing is to be taken up. It lives as long as the pend. */
struct wfp_frame *wfp_pend_frame(struct wfp_pend *pend, enum wfp_pend_stage *ret_stage,
                                 bool *ret_outbound);
void wfp_pend_free(struct wfp_pend *pend);

/** The socket of a new conversation: announce it if it is new. @return false if it was refused */
bool wfp_shim_endpoint_open(struct wfp_shim *shim);
/** The conversation's flow was made: it counts for its socket. */
void wfp_shim_endpoint_join(struct wfp_shim *shim, struct wfp_flow *flow);
/** Learn whose conversation a packet belongs to, from its flow or from the plane. */
void wfp_shim_owner_find(struct wfp_shim *shim);
/** The packet's owner, counted once more: for a flow or endpoint that is made. 0 unknown */
uint32_t wfp_shim_owner_join(struct wfp_shim *shim);
/** Say in @p packet who @p owner is. */
void wfp_shim_owner_tell(const struct wfp_shim *shim, uint32_t owner, struct wfp_packet *packet);
/** The handle of a flow's socket, and of the socket it was accepted from; 0 unknown. */
uint64_t wfp_shim_endpoint_handle(const struct wfp_shim *shim, const struct wfp_flow *flow,
                                  uint64_t *ret_parent);
/** A socket's own events, without a packet; @p aside as below. */
enum wfp_socket_answer wfp_shim_endpoint_event(struct wfp_shim *aside,
                                               const struct wfp_socket *socket,
                                               enum wfp_socket_event event);
/** One that was put off is completed: it goes on where it was. A socket that closed is refused. */
enum wfp_socket_answer wfp_shim_endpoint_reopen(struct wfp_shim *aside, struct wfp_pend *pend,
                                                struct wfp_socket *ret_socket);
/** For wfp_flow_table_on_end(). @param context  a shim of its own: another packet may be on its way */
void wfp_shim_endpoint_ended(void *context, struct wfp_flow *flow);
/** A closure that was put off is completed: classified again unless it was answered, then released. */
void wfp_shim_endpoint_resume(struct wfp_shim *aside, const struct wfp_pend *pend);
/**
 * Look which sockets there are: those that came are bound, those that went are closed.
 * @param is_known  the one in question is: the last look may do
 */
void wfp_shim_endpoint_refresh(struct wfp_shim *aside, uint64_t now_100ns, bool is_known);
/** For wfp_stack_endpoints(). */
void wfp_shim_endpoint_list(const struct wfp_shim *shim, wfp_stack_take_endpoint *take,
                            void *context);
/** For wfp_stack_ask(): a pend that nothing waits for. */
int wfp_shim_pend_ask(struct wfp_pend_table *table, wfp_pend_taken_up *answer, void *context);
/** The stack ends: so do the sockets that are left. */
void wfp_shim_endpoint_end_all(struct wfp_shim *aside);

#endif
