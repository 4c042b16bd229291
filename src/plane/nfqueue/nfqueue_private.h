/*
 * What the files of the live plane share: the open queue, verdicts, packets that are held.
 */
#ifndef WFP_PLANE_NFQUEUE_PRIVATE_H
#define WFP_PLANE_NFQUEUE_PRIVATE_H

#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include "plane/nfqueue/nfqueue.h"

#define NFQUEUE_BATCH       64
#define NFQUEUE_FRAME_BYTES (65536 + 1024)
#define NFQUEUE_HELD        512 /* packets in the kernel that wait for a clone of theirs */

/** A packet that a driver absorbed: its answer may still come. Oldest first in the ring. */
struct nfqueue_held {
    uint32_t id;
    bool is_waiting;
    bool is_unfinished; /* its checksum is left to hardware */
    uint8_t way;        /* enum wfp_direction_hint */
    uint64_t until_100ns;
    uint8_t *super_bytes; /* GSO: what it was, since only that can go on; else NULL */
    uint32_t super_length;
};

/** The packet that the handler decides right now. */
struct nfqueue_current {
    uint32_t id;
    uint8_t way;
    bool super;
    bool is_unfinished; /* its checksum is left to hardware */
    bool is_answered;   /* its clone went on in its place */
    const struct wfp_frame *frame;
    const struct wfp_decision *decision;
};

enum nfqueue_socket { NFQUEUE_SEND, NFQUEUE_RECEIVE, NFQUEUE_SOCKETS };

#define NFQUEUE_MTUS 16

/** What an interface's MTU was when it was last asked for. */
struct nfqueue_mtu {
    uint32_t interface_index, mtu; /* 0 unknown */
    uint64_t asked_100ns;
};

struct nfqueue {
    struct wfp_plane plane;
    struct mnl_socket *socket;
    uint16_t queue;
    bool fail_open;
    uint32_t busy_poll_us;
    uint64_t received, cut, overruns;
    uint8_t *buffers; /* NFQUEUE_BATCH of NFQUEUE_FRAME_BYTES each */
    struct mmsghdr messages[NFQUEUE_BATCH];
    struct iovec vectors[NFQUEUE_BATCH];
    uint8_t *replies; /* verdicts of one batch, sent together */
    size_t replies_used, replies_size;
    bool can_batch; /* `newest` may be accepted with all before it */
    uint32_t newest;

    struct nfqueue_current *current; /* NULL between packets */
    uint32_t held_first, held_count; /* ring; answered ones stay until they are first */
    uint32_t held_waiting;
    struct nfqueue_held held[NFQUEUE_HELD];
    struct nfqueue_mtu mtus[NFQUEUE_MTUS]; /* by interface index */
    int raw[NFQUEUE_SOCKETS][2];           /* [..][is IPv6]; -1 not opened yet */
    uint64_t inject_failed[WFP_NFQUEUE_INJECT_REASONS];
};

/** An interface's MTU, asked for once a second; 0 unknown. */
uint32_t nfqueue_interface_mtu(struct nfqueue *queue, uint32_t interface_index, uint64_t now_100ns);
void nfqueue_put_verdict(struct nfqueue *queue, uint8_t type, uint32_t verdict, uint32_t id,
                         const uint8_t *data, uint32_t length);
/** Send the verdicts put so far. @return 0 or -WFP_ERR_IO */
int nfqueue_send_replies(struct nfqueue *queue);
/** Accept what batch verdicts have been left out so far. */
void nfqueue_flush_batch(struct nfqueue *queue);

/** wfp_plane_ops.inject: send or receive what a driver injected. */
int nfqueue_inject(struct wfp_plane *plane, const struct wfp_frame *frame);
/**
 * Send the frame's bytes through a raw socket, cut into segments where the path takes no more.
 * @param way  enum wfp_direction_hint: inbound ones come in over the loopback device
 * @return 0, or -WFP_ERR_IO: counted by reason
 */
int nfqueue_send(struct nfqueue *queue, const struct wfp_frame *frame, uint8_t way);
/** Keep the packet in the kernel: a clone of it may follow. @return false if it cannot be kept */
bool nfqueue_hold(struct nfqueue *queue, const struct nfqueue_current *current, uint64_t now_100ns);
/** Drop what nobody came for. */
void nfqueue_expire(struct nfqueue *queue, uint64_t now_100ns);
void nfqueue_inject_close(struct nfqueue *queue);
/**
 * Local packets may come with a checksum that hardware would finish: finish it.
 * @param is_unfinished  the kernel said so; else it is looked for
 */
void nfqueue_finish_checksum(uint8_t *bytes, uint32_t length, bool is_unfinished);

#endif
