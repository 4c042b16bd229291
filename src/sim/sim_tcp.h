/*
 * A TCP endpoint, as a host has one: handshake, segments of at most the MSS, windows, acknowledgement,
 * retransmission, FIN and RST, at a virtual time.
 *
 * Model      An endpoint is one end of one connection. It reads IP packets that the caller hands it,
 *            writes IP packets to `emit`, and keeps a retransmission timer the caller must serve. Two
 *            of them, each one's packets brought to the other in whatever way (a link that loses, a
 *            stack that edits), are a conversation; what arrives is told byte for byte.
 *
 *               CLOSED --connect--> SYN_SENT --SYN-ACK--> ESTABLISHED --FIN both ways--> DONE
 *               LISTEN --SYN--> SYN_RECEIVED --ACK-----------^   |--RST, no answer--> RESET, LOST
 *
 * Example    config.emit = to_the_link; wfp_sim_tcp_new(&config, &client); ... &server (is_passive)
 *            wfp_sim_tcp_connect(client, now);
 *            wfp_sim_tcp_send(client, "hello", 5, now); wfp_sim_tcp_close(client, now);
 *            loop: earliest of the link's next packet -> wfp_sim_tcp_input(its end, ...)
 *                  and wfp_sim_tcp_timer(each end)    -> wfp_sim_tcp_advance(that end, now)
 *            wfp_sim_tcp_received(server, &size)
 * Lifetime   One thread. `emit` is called inside the functions that take a time and must not call back
 *            into the endpoint: put the packet on a queue.
 * Choice     No congestion control, no window scale, no SACK, no delayed acknowledgement: each would
 *            only change when packets leave, not what they say. Bytes that arrive twice are taken as
 *            they came first.
 * Ref        RFC 9293
 */
#ifndef WFP_SIM_TCP_H
#define WFP_SIM_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "sim/sim_packet.h"

struct wfp_sim_tcp;

enum wfp_sim_tcp_state {
    WFP_SIM_TCP_CLOSED, /* not begun */
    WFP_SIM_TCP_LISTEN,
    WFP_SIM_TCP_SYN_SENT,
    WFP_SIM_TCP_SYN_RECEIVED,
    WFP_SIM_TCP_ESTABLISHED,
    WFP_SIM_TCP_DONE, /* both ends sent their FIN and saw it acknowledged; still answers stragglers */
    WFP_SIM_TCP_RESET, /* by an RST, the other end's or our own */
    WFP_SIM_TCP_LOST,  /* gave up: nobody answered */
};

struct wfp_sim_tcp_config {
    struct wfp_sim_ends ends;
    bool is_passive; /* waits for the SYN */
    uint32_t initial_sequence;
    uint16_t mss;         /* of payload; 0: 1460 for IPv4, 1440 for IPv6 */
    uint16_t window;      /* bytes this end is ready to receive; 0: 65535 */
    uint32_t retry_limit; /* 0: 15 */
    /** How long the next segment is to be, 1 .. @p limit (the MSS, the window or what is left). NULL:
     *  as long as can be. */
    uint32_t (*segment)(void *context, uint32_t limit);
    /** An IP packet leaves; its bytes are the endpoint's and may be changed until the call returns. */
    void (*emit)(void *context, uint8_t *bytes, uint32_t length);
    void *context;
};

struct wfp_sim_tcp_counters {
    uint64_t sent, received; /* packets */
    uint64_t retransmitted;
    uint64_t bad_checksum; /* dropped, as a host does */
    uint64_t not_ours;     /* other ends, not TCP, malformed, or outside the window: not taken */
};

/** @return 0, -WFP_ERR_INVALID_PARAMETER, -WFP_ERR_NO_MEMORY */
int wfp_sim_tcp_new(const struct wfp_sim_tcp_config *config, struct wfp_sim_tcp **ret_tcp);
void wfp_sim_tcp_free(struct wfp_sim_tcp *tcp);
DEFINE_FREEP(struct wfp_sim_tcp, wfp_sim_tcp_free)

/** Send the SYN. */
void wfp_sim_tcp_connect(struct wfp_sim_tcp *tcp, uint64_t now_100ns);
/**
 * Queue bytes; they leave as soon as the connection and the other end's window allow.
 * @return 0, -WFP_ERR_NO_MEMORY, -WFP_ERR_INVALID_PARAMETER after close or when the connection is gone
 */
int wfp_sim_tcp_send(struct wfp_sim_tcp *tcp, const void *data, uint32_t size, uint64_t now_100ns);
/** The next bytes queued are urgent (MSG_OOB): their last one is what the urgent pointer names. */
int wfp_sim_tcp_send_urgent(struct wfp_sim_tcp *tcp, const void *data, uint32_t size,
                            uint64_t now_100ns);
/** Send a FIN behind what is queued; the other direction goes on. */
void wfp_sim_tcp_close(struct wfp_sim_tcp *tcp, uint64_t now_100ns);
/** Send an RST; the connection is gone. */
void wfp_sim_tcp_abort(struct wfp_sim_tcp *tcp, uint64_t now_100ns);
/** A keep-alive probe: an old byte's worth of nothing, to be acknowledged. */
void wfp_sim_tcp_keep_alive(struct wfp_sim_tcp *tcp, uint64_t now_100ns);
/** What this end is ready to receive from now on; tells the other end. 0 stops it. */
void wfp_sim_tcp_set_window(struct wfp_sim_tcp *tcp, uint16_t window, uint64_t now_100ns);

/** A packet arrived. @return false if it was not for this end (counted) */
bool wfp_sim_tcp_input(struct wfp_sim_tcp *tcp, const uint8_t *bytes, uint32_t length,
                       uint64_t now_100ns);
/** When the endpoint wants wfp_sim_tcp_advance(); UINT64_MAX: never. */
uint64_t wfp_sim_tcp_timer(const struct wfp_sim_tcp *tcp);
void wfp_sim_tcp_advance(struct wfp_sim_tcp *tcp, uint64_t now_100ns);

enum wfp_sim_tcp_state wfp_sim_tcp_state(const struct wfp_sim_tcp *tcp);
/** All bytes received in order since the beginning; the endpoint's, until the next input. */
const uint8_t *wfp_sim_tcp_received(const struct wfp_sim_tcp *tcp, uint32_t *ret_size);
/** Did the other end's FIN arrive, with all before it? */
bool wfp_sim_tcp_is_finished(const struct wfp_sim_tcp *tcp);
/** Is all that was sent, the FIN too, acknowledged? */
bool wfp_sim_tcp_is_acknowledged(const struct wfp_sim_tcp *tcp);
const struct wfp_sim_ends *wfp_sim_tcp_ends(const struct wfp_sim_tcp *tcp);
const struct wfp_sim_tcp_counters *wfp_sim_tcp_counters(const struct wfp_sim_tcp *tcp);

#endif
