/*
 * Injected packets, live: in place of the packet they were cloned from, or through a raw socket.
 *
 * Model      A packet that a driver absorbed stays in the kernel, undecided, for a second. If a clone
 *            of it is injected the same way, the kernel's packet goes on with the clone's bytes: same
 *            interface, socket and connection tracking, super-packets included. Everything else is
 *            sent raw: out by the routing table, or in over the loopback device.
 *
 *              absorbed pkt 41 --held--+-- clone of 41, same way --> ACCEPT 41 with its bytes
 *                                      +-- a second passes       --> DROP 41
 *              other bytes --out, forward--> raw socket, MARK_SEND
 *                         \--in----------> raw socket on lo, MARK_RECEIVE
 *
 * Choice     docs/decisions/0023-live-injection.md
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "plane/nfqueue/nfqueue_private.h"

#define HOLD_100NS     10000000u /* one second */
#define IPV6_MIN_MTU   1280
#define TCP_FLAGS_BYTE 13
#define TCP_FIN_PSH    0x09
#define TCP_CWR        0x80

const char *
wfp_nfqueue_inject_reason_text(enum wfp_nfqueue_inject_reason reason)
{
    static const char *const texts[] = {
        [WFP_NFQUEUE_INJECT_UNDECODABLE] = "no IP packet",
        [WFP_NFQUEUE_INJECT_NO_SOCKET] = "no raw socket; needs CAP_NET_RAW and CAP_NET_ADMIN",
        [WFP_NFQUEUE_INJECT_NO_ROUTE] = "no route",
        [WFP_NFQUEUE_INJECT_TOO_LONG] = "too long for the path, and no TCP segment",
        [WFP_NFQUEUE_INJECT_REFUSED] = "refused by the kernel",
    };
    return texts[reason];
}

static int
fail(struct nfqueue *queue, enum wfp_nfqueue_inject_reason reason)
{
    queue->inject_failed[reason]++;
    return -WFP_ERR_IO;
}

/* ---- checksums left to hardware ---- */

/* Where the field is behind the IP header; the kernel leaves no others unfinished. @return -1 none */
static int
checksum_offset(const struct wfp_packet *packet)
{
    return packet->protocol == WFP_PROTOCOL_TCP   ? 16
           : packet->protocol == WFP_PROTOCOL_UDP ? 6
                                                  : -1;
}

/*
 * An unfinished checksum holds the sum of the pseudo-header. Where a finished one happens to have
 * that value, writing it anew changes nothing.
 */
void
nfqueue_finish_checksum(uint8_t *bytes, uint32_t length, bool is_unfinished)
{
    struct wfp_packet packet = {.data = bytes, .length = length, .wire_length = length};
    uint32_t size, address_size;
    uint8_t tail[4] = {0};

    if (wfp_packet_parse(&packet) != WFP_DECODED || packet.is_fragment)
        return;
    if (is_unfinished) { /* a driver may have changed the sum that marks it */
        wfp_checksum_write(&packet);
        return;
    }
    int offset = checksum_offset(&packet);
    size = packet.total_length - packet.ip_header_size;
    if (offset < 0 || size < (uint32_t)offset + 2 || size > UINT16_MAX)
        return;
    address_size = packet.version == 4 ? 4 : 16;
    wfp_bytes_put16(tail, packet.protocol);
    wfp_bytes_put16(tail + 2, (uint16_t)size);
    uint64_t sum = wfp_checksum_add(0, packet.source, address_size);
    sum = wfp_checksum_add(sum, packet.destination, address_size);
    sum = wfp_checksum_add(sum, tail, sizeof(tail));
    uint16_t unfinished = (uint16_t)~wfp_checksum_fold(sum);
    if (wfp_bytes_get16(bytes + packet.ip_header_size + offset) == unfinished)
        wfp_checksum_write(&packet);
}

/* ---- held packets ---- */

static struct nfqueue_held *
held_at(struct nfqueue *queue, uint32_t index)
{
    return &queue->held[(queue->held_first + index) % NFQUEUE_HELD];
}

/* Forget answered ones at the front. */
static void
trim_held(struct nfqueue *queue)
{
    while (queue->held_count && !queue->held[queue->held_first].is_waiting) {
        queue->held_first = (queue->held_first + 1) % NFQUEUE_HELD;
        queue->held_count--;
    }
}

static void
answer_held(struct nfqueue *queue, struct nfqueue_held *held, uint32_t verdict, const uint8_t *data,
            uint32_t length)
{
    nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT, verdict, held->id, data, length);
    free(held->super_bytes);
    held->super_bytes = NULL;
    held->is_waiting = false;
    queue->held_waiting--;
}

bool
nfqueue_hold(struct nfqueue *queue, const struct nfqueue_current *current, uint64_t now_100ns)
{
    const struct wfp_frame *frame = current->frame;
    struct nfqueue_held *held;

    trim_held(queue);
    if (queue->held_count == NFQUEUE_HELD) {
        answer_held(queue, held_at(queue, 0), NF_DROP, NULL, 0); /* the oldest waits no longer */
        trim_held(queue);
    }
    nfqueue_flush_batch(queue); /* what came before it; what comes later is accepted one by one */
    held = held_at(queue, queue->held_count);
    *held = (struct nfqueue_held){.id = current->id,
                                  .is_waiting = true,
                                  .is_unfinished = current->is_unfinished,
                                  .way = current->way,
                                  .until_100ns = now_100ns + HOLD_100NS};
    if (current->super) {
        held->super_bytes = malloc(frame->length);
        if (!held->super_bytes)
            return false;
        memcpy(held->super_bytes, frame->data, frame->length);
        held->super_length = frame->length;
    }
    queue->held_count++;
    queue->held_waiting++;
    return true;
}

void
nfqueue_expire(struct nfqueue *queue, uint64_t now_100ns)
{
    for (trim_held(queue); queue->held_count; trim_held(queue)) {
        struct nfqueue_held *held = held_at(queue, 0);
        if (now_100ns < held->until_100ns)
            break;
        answer_held(queue, held, NF_DROP, NULL, 0);
    }
}

static enum wfp_direction_hint
way_of(const struct wfp_frame *frame)
{
    switch (frame->entry) {
    case WFP_ENTRY_RECEIVE:
        return WFP_HINT_INBOUND;
    case WFP_ENTRY_FORWARD:
        return WFP_HINT_FORWARD;
    case WFP_ENTRY_RESUMED:
        return frame->hint;
    default:
        return WFP_HINT_OUTBOUND;
    }
}

/* The packet being decided: it is blocked, and its clone goes on. @return true if it took its place */
static bool
replace_current(struct nfqueue *queue, const struct wfp_frame *frame, uint8_t way)
{
    struct nfqueue_current *current = queue->current;
    enum wfp_outcome outcome;

    if (!current || current->is_answered || frame->plane_id != (uint64_t)current->id + 1 ||
        current->way != way)
        return false;
    outcome = current->decision->outcome;
    if (outcome != WFP_BLOCKED && outcome != WFP_ABSORBED)
        return false;
    if (current->super) {
        const struct wfp_frame *original = current->frame;
        if (original->length != frame->length ||
            memcmp(original->data, frame->data, frame->length) != 0)
            return false;
        nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT, NF_ACCEPT, current->id, NULL, 0);
    } else {
        nfqueue_finish_checksum(frame->data, frame->length, current->is_unfinished);
        nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT, NF_ACCEPT, current->id, frame->data,
                            frame->length);
    }
    current->is_answered = true;
    return true;
}

static bool
replace_held(struct nfqueue *queue, const struct wfp_frame *frame, uint8_t way)
{
    for (uint32_t i = 0; i < queue->held_count; i++) {
        struct nfqueue_held *held = held_at(queue, i);
        if (!held->is_waiting || frame->plane_id != (uint64_t)held->id + 1)
            continue;
        if (held->way != way)
            return false;
        if (!held->super_bytes) {
            nfqueue_finish_checksum(frame->data, frame->length, held->is_unfinished);
            answer_held(queue, held, NF_ACCEPT, frame->data, frame->length);
            return true;
        }
        if (held->super_length != frame->length ||
            memcmp(held->super_bytes, frame->data, frame->length) != 0)
            return false;
        answer_held(queue, held, NF_ACCEPT, NULL, 0);
        return true;
    }
    return false;
}

/* ---- raw sockets ---- */

static int
open_raw(enum nfqueue_socket kind, bool is_v6)
{
    uint32_t mark = kind == NFQUEUE_SEND ? WFP_NFQUEUE_MARK_SEND : WFP_NFQUEUE_MARK_RECEIVE;
    int fd =
        socket(is_v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
    int on = 1;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
        (!is_v6 && setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0) ||
        /* a local IPv6 address is found by its own device, and looped back all the same */
        (kind == NFQUEUE_RECEIVE && !is_v6 &&
         setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

void
nfqueue_inject_close(struct nfqueue *queue)
{
    for (int kind = 0; kind < NFQUEUE_SOCKETS; kind++)
        for (int v6 = 0; v6 < 2; v6++)
            if (queue->raw[kind][v6] >= 0)
                close(queue->raw[kind][v6]);
    for (uint32_t i = 0; i < queue->held_count; i++)
        free(held_at(queue, i)->super_bytes);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t
address_of(const struct wfp_packet *packet, uint32_t interface_index, union address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    if (packet->version == 4) {
        ret_address->v4.sin_family = AF_INET;
        memcpy(&ret_address->v4.sin_addr, packet->destination, 4);
        return sizeof(ret_address->v4);
    }
    ret_address->v6.sin6_family = AF_INET6;
    memcpy(&ret_address->v6.sin6_addr, packet->destination, 16);
    if (IN6_IS_ADDR_LINKLOCAL(&ret_address->v6.sin6_addr))
        ret_address->v6.sin6_scope_id = interface_index;
    return sizeof(ret_address->v6);
}

/* What is received must not leave: IPv4's socket is bound to the loopback device, IPv6's asks. */
static bool
is_own_address(const struct wfp_packet *packet, const union address *address, socklen_t size)
{
    bool is_own;
    int fd;

    if (packet->version == 4)
        return true;
    fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    is_own = bind(fd, &address->any, size) == 0;
    close(fd);
    return is_own;
}

/* What the path to an address takes, asked of the routing table. @return bytes, 0 unknown */
static uint32_t
path_mtu(const union address *address, socklen_t size)
{
    bool is_v6 = address->any.sa_family == AF_INET6;
    union address to = *address;
    socklen_t length = sizeof(int);
    int mtu = 0, fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return 0;
    to.v4.sin_port = htons(9); /* nothing is sent; the port stands at the same place in both */
    if (connect(fd, &to.any, size) < 0 || getsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                                                     is_v6 ? IPV6_MTU : IP_MTU, &mtu, &length) < 0)
        mtu = 0;
    close(fd);
    return mtu > 0 ? (uint32_t)mtu : 0;
}

static int
send_raw(int fd, const uint8_t *bytes, uint32_t length, const union address *address,
         socklen_t size)
{
    return sendto(fd, bytes, length, 0, &address->any, size) < 0 ? -errno : 0;
}

/* One segment of a longer one: headers copied, then made right. */
static int
send_segment(int fd, const struct wfp_packet *whole, uint32_t number, uint32_t from, uint32_t size,
             const union address *address, socklen_t address_size)
{
    uint32_t headers = (uint32_t)whole->ip_header_size + whole->transport_header_size;
    uint32_t length = headers + size;
    bool is_last = headers + from + size == whole->total_length;
    uint8_t bytes[NFQUEUE_FRAME_BYTES];
    struct wfp_packet packet = {.data = bytes, .length = length, .wire_length = length};
    uint8_t *tcp = bytes + whole->ip_header_size;

    memcpy(bytes, whole->data, headers);
    memcpy(bytes + headers, whole->data + headers + from, size);
    if (whole->version == 4) {
        wfp_bytes_put16(bytes + 2, (uint16_t)length);
        wfp_bytes_put16(bytes + 4, (uint16_t)(wfp_bytes_get16(bytes + 4) + number));
    } else {
        wfp_bytes_put16(bytes + 4, (uint16_t)(length - 40));
    }
    wfp_bytes_put32(tcp + 4, whole->tcp_sequence + from);
    if (!is_last)
        tcp[TCP_FLAGS_BYTE] &= (uint8_t)~TCP_FIN_PSH;
    if (from)
        tcp[TCP_FLAGS_BYTE] &= (uint8_t)~TCP_CWR;
    if (wfp_packet_parse(&packet) != WFP_DECODED)
        return -EINVAL;
    wfp_checksum_write(&packet);
    return send_raw(fd, bytes, length, address, address_size);
}

/* Longer than the path takes, as segmentation offload leaves it to hardware: we are the hardware. */
static int
send_segments(int fd, const struct wfp_packet *packet, const union address *address,
              socklen_t address_size)
{
    uint32_t headers = (uint32_t)packet->ip_header_size + packet->transport_header_size;
    uint32_t mtu = path_mtu(address, address_size), size, number = 0;
    int r = 0;

    if (packet->protocol != WFP_PROTOCOL_TCP || packet->is_fragment ||
        packet->transport_header_size == 0 || packet->total_length <= headers)
        return -EMSGSIZE;
    if (mtu <= headers)
        mtu = IPV6_MIN_MTU;
    for (uint32_t from = 0; r == 0 && headers + from < packet->total_length; from += size) {
        size = MIN(mtu - headers, packet->total_length - headers - from);
        r = send_segment(fd, packet, number++, from, size, address, address_size);
    }
    return r;
}

static enum wfp_nfqueue_inject_reason
reason_of_errno(int error)
{
    switch (error) {
    case ENETUNREACH:
    case EHOSTUNREACH:
        return WFP_NFQUEUE_INJECT_NO_ROUTE;
    case EMSGSIZE:
        return WFP_NFQUEUE_INJECT_TOO_LONG;
    default:
        return WFP_NFQUEUE_INJECT_REFUSED;
    }
}

int
nfqueue_send(struct nfqueue *queue, const struct wfp_frame *frame, uint8_t way)
{
    struct wfp_packet packet = {
        .data = frame->data, .length = frame->length, .wire_length = frame->length};
    enum nfqueue_socket kind = way == WFP_HINT_INBOUND ? NFQUEUE_RECEIVE : NFQUEUE_SEND;
    union address address;
    socklen_t size;
    int r, *fd;

    if (wfp_packet_parse(&packet) != WFP_DECODED)
        return fail(queue, WFP_NFQUEUE_INJECT_UNDECODABLE);
    nfqueue_finish_checksum(frame->data, frame->length, false);
    fd = &queue->raw[kind][packet.version == 6];
    if (*fd < 0)
        *fd = open_raw(kind, packet.version == 6);
    if (*fd < 0)
        return fail(queue, WFP_NFQUEUE_INJECT_NO_SOCKET);
    size = address_of(&packet, frame->interface_index, &address);
    if (kind == NFQUEUE_RECEIVE && !is_own_address(&packet, &address, size))
        return fail(queue, WFP_NFQUEUE_INJECT_NO_ROUTE);
    nfqueue_flush_batch(queue); /* what came before it goes before it */
    nfqueue_send_replies(queue);
    r = send_raw(*fd, packet.data, packet.total_length, &address, size);
    if (r == -EMSGSIZE)
        r = send_segments(*fd, &packet, &address, size);
    return r < 0 ? fail(queue, reason_of_errno(-r)) : 0;
}

int
nfqueue_inject(struct wfp_plane *plane, const struct wfp_frame *frame)
{
    struct nfqueue *queue = CONTAINER_OF(plane, struct nfqueue, plane);
    struct wfp_packet packet = {
        .data = frame->data, .length = frame->length, .wire_length = frame->length};
    uint8_t way = (uint8_t)way_of(frame);

    if (wfp_packet_parse(&packet) != WFP_DECODED)
        return fail(queue, WFP_NFQUEUE_INJECT_UNDECODABLE);
    if (frame->plane_id && (replace_current(queue, frame, way) || replace_held(queue, frame, way)))
        return 0;
    return nfqueue_send(queue, frame, way);
}
