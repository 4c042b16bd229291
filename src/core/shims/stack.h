/*
 * The model of the TCP/IP stack: packets in, indications at each layer in the documented order out.
 *
 * Model      One stack holds the local addresses, endpoints and flows of a machine and the engine it
 *            asks. A plane (capture, NFQUEUE, test) hands it frames; the answer is one decision.
 *            The shims (a file per layer family) build values and classify.
 * Lifetime   A stack belongs to one thread at a time; flows may be looked up by id from others.
 * Ref        win32 FWP/tcp-packet-flows, FWP/udp-packet-flows
 */
#ifndef WFP_CORE_SHIMS_STACK_H
#define WFP_CORE_SHIMS_STACK_H

#include "core/engine/engine.h"
#include "core/packet/packet.h"

struct wfp_stack;
struct wfp_flow_table;
struct wfp_fragment_counters;
struct wfp_user;

/** What a plane knows of a packet's direction. */
enum wfp_direction_hint { WFP_HINT_NONE, WFP_HINT_OUTBOUND, WFP_HINT_INBOUND, WFP_HINT_FORWARD };

/**
 * Where a frame enters the stack. What drivers inject is classified again by the layers on its way;
 * the direction of such a frame is its entry's, its hint is not looked at.
 */
enum wfp_entry {
    WFP_ENTRY_WIRE,           /* from the plane */
    WFP_ENTRY_SEND_TRANSPORT, /* as a socket's: every outbound layer */
    WFP_ENTRY_SEND_NETWORK,   /* OUTBOUND_IPPACKET only */
    WFP_ENTRY_RECEIVE,        /* as from the wire, inbound: every inbound layer */
    WFP_ENTRY_FORWARD,        /* no layer */
    WFP_ENTRY_MAC_SEND,       /* outbound MAC layers only */
    WFP_ENTRY_MAC_RECEIVE,    /* as from the wire, inbound, MAC layers first */
    WFP_ENTRY_RESUMED,        /* only out of wfp_stack_resume(): from the plane, and waited */
};

/** A packet on its way in or out; bytes start at the IP header (the plane removed the link layer). */
struct wfp_frame {
    uint8_t *data;
    uint8_t *mac; /* its Ethernet header, before `data` in the buffer; NULL: the plane has none */
    uint32_t length;
    uint32_t headroom;
    uint32_t wire_length;
    enum wfp_undecodable link_reason; /* set by the plane when it could not find an IP packet */
    enum wfp_direction_hint hint;
    uint64_t time_100ns;              /* since 1601 */
    uint32_t interface_index;         /* 0 unknown */
    uint32_t forward_interface_index; /* of a packet that passes through: by which it leaves */
    uint8_t interface_type;           /* IANA ifType; 0 means Ethernet */
    bool no_endpoint;                 /* the plane knows that no socket waits for it here */
    bool link_broadcast;              /* the link layer carried it to everyone */
    bool modified;                    /* set when a driver changed the bytes and permitted them */
    /* The socket's owner: given, or found by the stack; then it is good until the next packet. */
    uint64_t process_id;                /* 0 unknown */
    const uint16_t *process_path_utf16; /* an application id, with its NUL; NULL unknown */
    const struct wfp_user *user;        /* whose process it is (user.h); NULL unknown */
    uint32_t path_mtu;                  /* of an outbound packet's way; 0 unknown */
    uint32_t control_data_length;       /* bytes */
    const void *control_data; /* what its socket gave beside it, WSACMSGHDRs; NULL none, unknown */
    enum wfp_entry entry;
    uint64_t
        sender; /* an endpoint handle: the IP header lacks this socket's address and protocol */
    uint64_t plane_id; /* the plane's name of this packet, or of the one it is a clone of; 0 none */
    void
        *adapter; /* becomes the packet's: the view a callout's adapter has of an injected packet */
};

enum wfp_outcome { WFP_PERMITTED, WFP_BLOCKED, WFP_ABSORBED, WFP_UNDECODED };

#define WFP_PATH_MAX 24

/** One layer a packet met. */
struct wfp_step {
    uint16_t layer_id;
    uint32_t action;
    uint64_t filter_id;
    uint32_t callout_id;
};

/** What became of one frame; a packet counts once, whatever the number of layers that saw it. */
struct wfp_decision {
    enum wfp_outcome outcome;
    enum wfp_undecodable reason; /* for WFP_UNDECODED */
    enum wfp_direction direction;
    struct wfp_verdict verdict; /* of the deciding layer */
    bool is_replaced;           /* absorbed, and what goes on instead has been made */
    uint32_t step_count;
    uint32_t steps_lost; /* steps beyond WFP_PATH_MAX: counted, not forgotten */
    struct wfp_step steps[WFP_PATH_MAX];
};

/** An address range that belongs to this machine. */
struct wfp_local_prefix {
    uint8_t version; /* 4 or 6 */
    uint8_t prefix_length;
    uint8_t addr[16]; /* network order */
};

/**
 * Who owns the socket of a packet: fill in process_id, process_path_utf16 and user, or leave them.
 * Asked for a conversation's first packet, while a filter waits at an ALE layer. The path lives
 * until the next call, the user as long as the stack. Context: the stack's thread; may read /proc.
 */
typedef void wfp_stack_find_owner(void *context, struct wfp_packet *packet, bool is_inbound);

struct wfp_socket;
typedef void wfp_stack_take_socket(void *context, const struct wfp_socket *socket);

struct wfp_stack_config {
    struct wfp_engine *engine;
    const struct wfp_local_prefix *local;
    uint32_t local_count;
    /** Networks that are attached: who answers from there, or from a link-local address, is near. */
    const struct wfp_local_prefix *subnets;
    uint32_t subnet_count; /* 0: they are not known, so everyone is */
    /** Fragments that pass through wait for their group (netsh: groupforwardedfragments). */
    bool groups_fragments;
    bool flows; /* keep flows (off only for benchmarks of stateless layers) */
    /** The frames are a recording: whoever was asked answers, whatever a redirection says. */
    bool is_recording;
    /** What this machine sends to itself comes in with it; else the plane shows both ways. */
    bool is_looped;
    /** Nobody hears what streams send: their ends are those of a capture. */
    bool has_deaf_ends;
    /** Packets that drivers inject leave here. May be NULL: then injection fails. */
    int (*emit)(void *context, const struct wfp_frame *frame);
    void *emit_context;
    /**
     * Hears of each indication when it is over, in order, also at layers without filters and of
     * sockets' events, whose @p packet has no bytes. May be NULL; set, every packet costs more.
     */
    void (*step)(void *context, const struct wfp_packet *packet, const struct wfp_step *step);
    void *step_context;
    /** The stack is done with a packet whose `adapter` a callout's adapter has set. May be NULL. */
    void (*packet_release)(void *context, struct wfp_packet *packet);
    void *release_context;
    wfp_stack_find_owner *find_owner; /* NULL: frames say it, or nobody does */
    void *find_owner_context;
    /** A handle on a user's token, as callouts are shown it; 0 none. NULL: nobody has tokens. */
    uint64_t (*token_of)(const struct wfp_user *user);
    /** Does a socket wait for an inbound packet? NULL: frames say it. The context is the same. */
    bool (*is_awaited)(void *context, const struct wfp_packet *packet);
    /**
     * Show the sockets that wait for connections or datagrams: while callouts may move them, where
     * they are has to be known before a packet comes. NULL: packets tell. Owners are left out, and
     * filled in by tell_owner, from the name, where they are needed. The context is the same.
     */
    void (*list_sockets)(void *context, wfp_stack_take_socket *take, void *take_context);
    void (*tell_owner)(void *context, struct wfp_socket *socket);
    /** A socket's event that waited for a callout is decided. Out of wfp_stack_resume(); may be NULL. */
    void (*socket_decided)(void *context, const struct wfp_socket *socket, bool is_permitted);
    void *decided_context;
};

/**
 * Give the built-in callouts of the stack's their code. Once an engine.
 * @return 0, -WFP_ERR_NO_MEMORY, -WFP_ERR_ALREADY_EXISTS
 */
int wfp_stack_add_builtins(struct wfp_engine *engine);

/** @return 0, -WFP_ERR_INVALID_PARAMETER, -WFP_ERR_NO_MEMORY */
int wfp_stack_new(const struct wfp_stack_config *config, struct wfp_stack **ret_stack);
void wfp_stack_free(struct wfp_stack *stack);
DEFINE_FREEP(struct wfp_stack, wfp_stack_free)

/**
 * Take one frame through the layers. Context: the stack's thread, entered into the engine;
 * no lock; allocates only to grow its flow table.
 */
void wfp_stack_packet(struct wfp_stack *stack, struct wfp_frame *frame,
                      struct wfp_decision *ret_decision);

/** What a program does with a socket that is not a connection, before packets tell of it. */
enum wfp_socket_event {
    WFP_SOCKET_BIND,
    WFP_SOCKET_LISTEN, /* TCP; binds it, too */
    WFP_SOCKET_CLOSE,  /* its datagram conversations end with it */
};

struct wfp_socket {
    uint8_t version, protocol;
    uint8_t local[16];   /* network order */
    uint16_t local_port; /* host order */
    bool listens;        /* only when listed: TCP */
    uint64_t name;       /* the plane's: another socket at the same place has another. 0 unknown */
    uint64_t process_id; /* 0 unknown */
    const uint16_t *process_path_utf16;
    const struct wfp_user *user;
};

enum wfp_socket_answer {
    WFP_SOCKET_REFUSED,
    WFP_SOCKET_PERMITTED,
    WFP_SOCKET_WAITS, /* a callout put its bind or listen off: socket_decided() tells */
};

/**
 * A socket's own event. Sockets that nobody told of are taken to exist from their first packet.
 * Context: as wfp_stack_packet()
 */
enum wfp_socket_answer wfp_stack_socket(struct wfp_stack *stack, const struct wfp_socket *socket,
                                        enum wfp_socket_event event);

/** A socket as the stack knows it: of a connection, or one that listens, sends or receives datagrams. */
struct wfp_stack_endpoint {
    uint64_t handle;
    uint8_t version, protocol;
    uint8_t local[16], remote[16];    /* network order; remote is zero but for connections */
    uint16_t local_port, remote_port; /* host order */
    const uint16_t *path_utf16;       /* of its process, with its NUL; NULL unknown */
    const struct wfp_user *user;      /* NULL unknown */
};
typedef void wfp_stack_take_endpoint(void *context, const struct wfp_stack_endpoint *endpoint);
/** Each socket, shared ones first. Context: the stack's thread, also inside classify. */
void wfp_stack_endpoints(const struct wfp_stack *stack, wfp_stack_take_endpoint *take,
                         void *context);
/**
 * Have @p answer called on the stack's thread, when it resumes; once, also when the stack goes first.
 * @return 0, -WFP_ERR_NO_MEMORY, -WFP_ERR_NOT_SUPPORTED without flows. Context: any thread
 */
int wfp_stack_ask(struct wfp_stack *stack, void (*answer)(void *context), void *context);

/** The stack's flows, for those who know them by id from any thread. NULL without flows. */
struct wfp_flow_table *wfp_stack_flows(struct wfp_stack *stack);

/** The streams of watched flows, for those who ask for something from any thread. NULL without flows. */
struct wfp_stream_table *wfp_stack_streams(struct wfp_stack *stack);

/** What became of fragments so far, for reports (core/packet/fragment.h). */
const struct wfp_fragment_counters *wfp_stack_fragments(const struct wfp_stack *stack);

/** A packet that waited for drivers, and what became of it; its entry is WFP_ENTRY_RESUMED. */
typedef void wfp_stack_resumed(void *context, struct wfp_frame *frame,
                               const struct wfp_decision *decision);
/**
 * Take up what waited and was completed (pend.h), in order of completion, and what streams send.
 * @p take gets each packet that is to go on, or is blocked now. Context: the stack's thread, not inside classify.
 */
void wfp_stack_resume(struct wfp_stack *stack, wfp_stack_resumed *take, void *context);

/** Let time pass: idle flows end (their flow_delete runs). */
void wfp_stack_advance(struct wfp_stack *stack, uint64_t time_100ns);

#endif
