/*
 * The simulated machine's insides: what sim_world.c, sim_socket.c, sim_record.c and sim_expect.c share.
 *
 * Model      Packets that sockets of the machine make wait in `inside`, go through the stack one by one,
 *            and where they are let out, over `network` to the peers; those that peers make go the other
 *            way. `now` moves to each arrival. Nothing is handled inside of anything else, so that the
 *            order is that of a real machine's queues.
 * Not here   TCP itself, packets' bytes and the network: src/sim.
 */
#ifndef WFP_PROGRAMS_SIM_WORLD_H
#define WFP_PROGRAMS_SIM_WORLD_H

/* The library's own symbols are its only visible ones. */
#define WFP_SIM_API __attribute__((visibility("default")))

#include <pthread.h>

#include "base/log.h"
#include "core/model/user.h"
#include "openwfp/sim.h"
#include "programs/machine.h"
#include "sim/sim_link.h"
#include "sim/sim_tcp.h"

#define SIM_MAX_LOCAL   32
#define SIM_LINK_HEADER 14

/** Whose sockets; kept until the end, since flows point to it. */
struct sim_owner {
    struct sim_owner *next;
    uint64_t process_id;
    uint16_t *path_utf16;
    struct wfp_user *user;
};

struct wfp_sim_socket {
    struct wfp_sim *sim;
    int index;
    struct wfp_sim_socket *peer; /* the other end, once there is one */
    struct wfp_sim_tcp *tcp;
    const struct sim_owner *owner;
    bool is_remote;  /* a peer's */
    bool is_blocked; /* the machine's, and a layer refused its connection */
};

/** An end of the machine that takes what comes: a TCP listener, a datagram socket. */
struct sim_bound {
    uint8_t version, protocol;
    uint8_t address[16];
    uint16_t port;
};

struct sim_remote {
    struct sim_bound end; /* port 0: all; protocol is not looked at */
    enum wfp_sim_answer answer;
};

struct sim_indication {
    struct wfp_step step;
    size_t packet;
};

/** A growing array of anything. */
struct sim_array {
    void *items;
    size_t count, capacity;
};

struct wfp_sim {
    struct machine machine;
    struct wfp_sim_options options;
    struct wfp_local_prefix local[SIM_MAX_LOCAL];
    uint32_t local_count;
    const void *control; /* of the datagram that is about to be sent; NULL none */
    uint32_t control_size;
    struct wfp_local_prefix subnets[SIM_MAX_LOCAL];
    uint32_t subnet_count;
    bool is_busy; /* a packet is in the stack */
    bool failed;  /* something was expected in vain, or could not be done */
    uint64_t now;
    uint64_t random;

    struct wfp_sim_network net;
    struct wfp_sim_link *inside, *network;
    struct sim_owner *owners; /* the first is whose sockets the next ones are; NULL: nobody's */
    struct sim_array sockets; /* struct wfp_sim_socket * */
    struct sim_array bound;   /* struct sim_bound */
    const struct sim_bound *opening; /* whose bind or listen runs; NULL none */
    int opened;                      /* how it ended: WFP_SIM_WAITS until it has */
    struct sim_array remotes;        /* struct sim_remote */

    struct sim_array layers;          /* struct sim_indication */
    struct sim_array packets;         /* struct wfp_sim_packet; bytes are its own */
    size_t first_layer, first_packet; /* not forgotten */
    size_t current;                   /* the packet whose steps come now */
    pthread_mutex_t print_lock;
    struct sim_array printed; /* char, with a NUL behind */
    char *names[256];         /* of filters, by id modulo: for wfp_sim_layer() */
    uint64_t name_ids[256];

    uint8_t packet[WFP_SIM_PACKET_MAX];                  /* where one is made */
    uint8_t frame[SIM_LINK_HEADER + WFP_SIM_PACKET_MAX]; /* the one in the stack */
};

/** `current` while steps come of no packet, and of one that waited. */
#define SIM_NO_PACKET SIZE_MAX
#define SIM_RESUMING  (SIZE_MAX - 1)

/** Room for one more item of @p size at the end. @return it, or NULL without memory */
void *sim_array_add(struct sim_array *array, size_t size);
/** The machine that is on, or NULL. */
struct wfp_sim *sim_running(void);
/** Say what can't be done; wfp_sim_finish() will fail. Returns -1. */
int sim_fail(struct wfp_sim *sim, const char *format, ...) _printf_(2, 3);

/** "10.0.0.4:50002" and the like. @return 0, or -1 (said) */
int sim_parse_end(struct wfp_sim *sim, const char *text, struct sim_bound *ret_end);
int sim_parse_ends(struct wfp_sim *sim, const char *local, const char *remote, uint8_t protocol,
                   struct wfp_sim_ends *ret_ends);
bool sim_is_local(const struct wfp_sim *sim, uint8_t version, const uint8_t *address);

/* sim_world.c: packets and time */

/** A packet leaves a socket of the machine (NULL: none in particular). */
void sim_send_out(struct wfp_sim *sim, struct wfp_sim_socket *socket, uint8_t *bytes,
                  uint32_t length);
/** A packet comes to the machine, in fragments if the network makes them. */
void sim_send_in(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length);
/** A packet passes through. */
void sim_send_through(struct wfp_sim *sim, uint8_t *bytes, uint32_t length);
/** Until everything that comes of an event has happened. */
void sim_settle(struct wfp_sim *sim);

/** A frame that is no socket's goes through the stack. */
void sim_take_frame(struct wfp_sim *sim, struct wfp_frame *frame);

/* sim_frame.c: the link */

/** Put a packet that comes over the link, or leaves by it, into a frame, if the machine has any. */
void sim_frame_wrap(struct wfp_sim *sim, struct wfp_frame *frame);

/* sim_socket.c: who takes packets */

void sim_sockets_free(struct wfp_sim *sim);
/** A packet came up to the machine's sockets, out to a peer. */
void sim_socket_deliver(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length);
void sim_socket_deliver_remote(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length);
/** Is there anybody to take the packet? */
bool sim_socket_is_awaited(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length);
/** The machine's TCP socket that sent the packet, or NULL. */
struct wfp_sim_socket *sim_socket_sender(struct wfp_sim *sim, const uint8_t *bytes,
                                         uint32_t length);
struct wfp_sim_socket *sim_socket_at(const struct wfp_sim *sim, int index);
/** The layers refused what a socket wanted. */
void sim_socket_refused(struct wfp_sim_socket *socket);
/** Who sends a datagram may be answered. @return 0 or -1 */
int sim_socket_note_sender(struct wfp_sim *sim, const struct wfp_sim_ends *ends);
/** For the stack's config: a bind or listen that a driver put off. */
void sim_socket_decided(void *context, const struct wfp_socket *socket, bool is_permitted);
struct sim_bound *sim_bound_find(const struct wfp_sim *sim, const struct sim_bound *end);

/* sim_record.c: what happened */

/** For the stack's config. */
void sim_record_step(void *context, const struct wfp_packet *packet, const struct wfp_step *step);
/** A packet goes into the stack: its index. */
size_t sim_record_begin(struct wfp_sim *sim, const struct wfp_frame *frame);
void sim_record_end(struct wfp_sim *sim, size_t index, const struct wfp_frame *frame,
                    const struct wfp_decision *decision);
/** For wfp_log_set_sink(). Context: any thread. */
void sim_record_print(void *context, enum wfp_log_level level, const char *line);
void sim_records_free(struct wfp_sim *sim);
/** "out tcp SA 18(block)". Returns @p text. */
const char *sim_record_packet_text(const struct wfp_sim_packet *packet, char *text, size_t size);

#endif
