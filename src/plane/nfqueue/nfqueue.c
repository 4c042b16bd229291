/*
 * NFQUEUE over libmnl: receive up to 64 packets with one system call, answer them with one.
 *
 * Model      Each packet has an id that only grows. Blocked packets get a verdict of their own; one
 *            batch verdict then accepts everything up to the newest id. All of it is one send.
 *
 *              recvmmsg -> [pkt 41][pkt 42][pkt 43] -> DROP 42 | BATCH ACCEPT <= 43 -> sendto
 *
 *            Super-packets (GSO) come whole: a 64 KB TCP segment is one decision.
 * Choice     A packet a driver changed goes back with its new bytes, unless it is a super-packet:
 *            the kernel cannot take those back, so its new bytes are sent raw, cut into segments.
 *            A packet a driver absorbed stays in the kernel for a while: nfqueue_inject.c.
 */
#include "plane/nfqueue/nfqueue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/status.h"
#include "plane/nfqueue/nfqueue_private.h"

#define BATCH       NFQUEUE_BATCH
#define FRAME_BYTES NFQUEUE_FRAME_BYTES
#define IDLE_MS     100
/* at the end: more than the kernel holds */
#define DRAIN_BATCHES 1024

/* Where the hook says the packet is going. */
static const enum wfp_direction_hint hint_of_hook[] = {
    [NF_INET_PRE_ROUTING] = WFP_HINT_INBOUND,   [NF_INET_LOCAL_IN] = WFP_HINT_INBOUND,
    [NF_INET_FORWARD] = WFP_HINT_FORWARD,       [NF_INET_LOCAL_OUT] = WFP_HINT_OUTBOUND,
    [NF_INET_POST_ROUTING] = WFP_HINT_OUTBOUND,
};

static struct nlmsghdr *
put_header(void *buffer, uint8_t type, uint16_t queue)
{
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
    struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));

    header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
    header->nlmsg_flags = NLM_F_REQUEST;
    generic->nfgen_family = AF_UNSPEC;
    generic->version = NFNETLINK_V0;
    generic->res_id = htons(queue);
    return header;
}

int
nfqueue_send_replies(struct nfqueue *queue)
{
    if (queue->replies_used == 0)
        return 0;
    ssize_t n = mnl_socket_sendto(queue->socket, queue->replies, queue->replies_used);
    queue->replies_used = 0;
    return n < 0 ? -WFP_ERR_IO : 0;
}

void
nfqueue_put_verdict(struct nfqueue *queue, uint8_t type, uint32_t verdict, uint32_t id,
                    const uint8_t *data, uint32_t length)
{
    struct nfqnl_msg_verdict_hdr body = {.verdict = htonl(verdict), .id = htonl(id)};

    if (queue->replies_used + length + 256 > queue->replies_size)
        nfqueue_send_replies(queue);
    struct nlmsghdr *header = put_header(queue->replies + queue->replies_used, type, queue->queue);
    mnl_attr_put(header, NFQA_VERDICT_HDR, sizeof(body), &body);
    if (data)
        mnl_attr_put(header, NFQA_PAYLOAD, length, data);
    queue->replies_used += MNL_ALIGN(header->nlmsg_len);
}

/* The parts of one queued packet that we use. */
struct queued {
    uint32_t id;
    bool has_id;
    uint8_t hook;
    bool super;         /* GSO: cannot be written back */
    bool is_unfinished; /* its checksum is left to hardware */
    struct wfp_frame frame;
};

static int
parse_attribute(const struct nlattr *attribute, void *context)
{
    struct queued *queued = context;

    switch (mnl_attr_get_type(attribute)) {
    case NFQA_PACKET_HDR: {
        const struct nfqnl_msg_packet_hdr *header = mnl_attr_get_payload(attribute);
        if (mnl_attr_get_payload_len(attribute) < sizeof(*header))
            return MNL_CB_ERROR;
        queued->id = ntohl(header->packet_id);
        queued->hook = header->hook;
        queued->has_id = true;
        break;
    }
    case NFQA_PAYLOAD:
        queued->frame.data = mnl_attr_get_payload(attribute);
        queued->frame.length = mnl_attr_get_payload_len(attribute);
        break;
    case NFQA_CAP_LEN:
        queued->frame.wire_length = ntohl(mnl_attr_get_u32(attribute));
        break;
    case NFQA_IFINDEX_INDEV:
        queued->frame.interface_index = ntohl(mnl_attr_get_u32(attribute));
        break;
    case NFQA_IFINDEX_OUTDEV:
        queued->frame.forward_interface_index = ntohl(mnl_attr_get_u32(attribute));
        break;
    case NFQA_SKB_INFO:
        queued->super = ntohl(mnl_attr_get_u32(attribute)) & NFQA_SKB_GSO;
        queued->is_unfinished = ntohl(mnl_attr_get_u32(attribute)) & NFQA_SKB_CSUMNOTREADY;
        break;
    }
    return MNL_CB_OK;
}

void
nfqueue_flush_batch(struct nfqueue *queue)
{
    if (queue->can_batch)
        nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT_BATCH, NF_ACCEPT, queue->newest, NULL, 0);
    queue->can_batch = false;
}

static void
accept_packet(struct nfqueue *queue, const struct queued *queued)
{
    const struct wfp_frame *frame = &queued->frame;

    if (frame->modified && frame->length < frame->wire_length) {
        queue->cut++; /* only a part was shown: there is no whole to send */
        nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT, NF_DROP, queued->id, NULL, 0);
    } else if (frame->modified && queued->super) {
        nfqueue_finish_checksum(frame->data, frame->length, queued->is_unfinished);
        (void)nfqueue_send(queue, frame, (uint8_t)frame->hint); /* counts what could not go */
        nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT, NF_DROP, queued->id, NULL, 0);
    } else if (frame->modified) {
        nfqueue_finish_checksum(frame->data, frame->length, queued->is_unfinished);
        nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT, NF_ACCEPT, queued->id, frame->data,
                            frame->length);
    } else if (queue->held_waiting) {
        /* a batch verdict would let the held ones go, too */
        nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT, NF_ACCEPT, queued->id, NULL, 0);
    } else {
        queue->can_batch = true;
        queue->newest = queued->id;
    }
}

static void
decide(struct nfqueue *queue, const struct wfp_plane_handler *handler, struct queued *queued,
       uint64_t now_100ns)
{
    struct wfp_decision decision;
    struct wfp_frame *frame = &queued->frame;
    struct nfqueue_current current = {
        .id = queued->id,
        .super = queued->super,
        .is_unfinished = queued->is_unfinished,
        .frame = frame,
        .decision = &decision,
    };

    frame->time_100ns = now_100ns;
    frame->hint =
        queued->hook < ELEMENTSOF(hint_of_hook) ? hint_of_hook[queued->hook] : WFP_HINT_NONE;
    if (frame->interface_index == 0) /* it goes out, and came from nowhere */
        frame->interface_index = frame->forward_interface_index;
    if (frame->hint == WFP_HINT_OUTBOUND)
        frame->path_mtu = nfqueue_interface_mtu(queue, frame->interface_index, now_100ns);
    frame->plane_id = (uint64_t)queued->id + 1;
    current.way = (uint8_t)frame->hint;
    if (frame->wire_length < frame->length)
        frame->wire_length = frame->length;
    queue->current = &current;
    handler->packet(handler->context, frame, &decision);
    queue->current = NULL;
    if (current.is_answered)
        return;
    if (decision.outcome == WFP_PERMITTED ||
        (decision.outcome == WFP_UNDECODED && queue->fail_open))
        accept_packet(queue, queued);
    else if (decision.outcome != WFP_ABSORBED || decision.is_replaced ||
             !nfqueue_hold(queue, &current, now_100ns))
        nfqueue_put_verdict(queue, NFQNL_MSG_VERDICT, NF_DROP, queued->id, NULL, 0);
}

static int
parse_message(struct nlmsghdr *header, struct queued *queued)
{
    if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_QUEUE ||
        NFNL_MSG_TYPE(header->nlmsg_type) != NFQNL_MSG_PACKET)
        return -WFP_ERR_NOT_FOUND;
    memset(queued, 0, sizeof(*queued));
    if (mnl_attr_parse(header, sizeof(struct nfgenmsg), parse_attribute, queued) < 0 ||
        !queued->has_id)
        return -WFP_ERR_IO;
    return 0;
}

/** @return how many messages came, 0 if none waits, or an error */
static int
receive_batch(struct nfqueue *queue, const struct wfp_plane_handler *handler)
{
    int count =
        recvmmsg(mnl_socket_get_fd(queue->socket), queue->messages, BATCH, MSG_DONTWAIT, NULL);
    if (count < 0) {
        if (errno == ENOBUFS)
            queue->overruns++;
        return errno == ENOBUFS || errno == EAGAIN || errno == EINTR ? 0 : -WFP_ERR_IO;
    }

    uint64_t now_100ns = wfp_clock_now();
    for (int i = 0; i < count; i++) {
        struct nlmsghdr *header = queue->vectors[i].iov_base;
        int length = (int)queue->messages[i].msg_len;
        for (; mnl_nlmsg_ok(header, length); header = mnl_nlmsg_next(header, &length)) {
            struct queued queued;
            if (parse_message(header, &queued) < 0)
                continue;
            queue->received++;
            decide(queue, handler, &queued, now_100ns);
        }
    }
    nfqueue_flush_batch(queue);
    return nfqueue_send_replies(queue) < 0 ? -WFP_ERR_IO : count;
}

static int
explain_loop(struct nfqueue *queue, int r)
{
    if (r < 0)
        snprintf(queue->plane.error, sizeof(queue->plane.error), "packet queue %u: %s",
                 queue->queue, strerror(errno));
    return MIN(r, 0);
}

/* The rules are out, or we must go: what waits already is decided still, not dropped by the kernel. */
static int
drain(struct nfqueue *queue, const struct wfp_plane_handler *handler)
{
    int r = 1;

    for (unsigned batches = 0; r > 0 && batches < DRAIN_BATCHES; batches++)
        r = receive_batch(queue, handler);
    return explain_loop(queue, r);
}

/* Somebody has work for us: forget how often it said so, the work is all done at once. */
static void
clear_wake(int fd)
{
    uint64_t times;

    if (read(fd, &times, sizeof(times)) < 0)
        return; /* another wake-up follows, or there was none */
}

/* Look again and again for a while before sleeping: a wake-up costs more than most decisions. */
static int
wait_for_work(const struct nfqueue *queue, struct pollfd fds[2], uint64_t last_100ns)
{
    int ready = 0;

    if (queue->busy_poll_us && last_100ns)
        do
            ready = poll(fds, 2, 0);
        while (ready == 0 && wfp_clock_now() < last_100ns + 10 * (uint64_t)queue->busy_poll_us);
    return ready ? ready : poll(fds, 2, IDLE_MS);
}

static int
nfqueue_run(struct wfp_plane *plane, const struct wfp_plane_handler *handler,
            const volatile sig_atomic_t *stop)
{
    struct nfqueue *queue = CONTAINER_OF(plane, struct nfqueue, plane);
    struct pollfd poll_fds[2] = {
        {.fd = mnl_socket_get_fd(queue->socket), .events = POLLIN},
        {.fd = handler->wake_fd > 0 ? handler->wake_fd : -1, .events = POLLIN},
    };

    uint64_t last_100ns = 0; /* when packets came */

    while (!*stop) {
        int ready = wait_for_work(queue, poll_fds, last_100ns);
        if (ready < 0 && errno != EINTR)
            return -WFP_ERR_IO;
        if (ready > 0 && (poll_fds[1].revents & POLLIN))
            clear_wake(handler->wake_fd);
        if (ready > 0 && poll_fds[0].revents) {
            int r = receive_batch(queue, handler);
            if (r < 0)
                return explain_loop(queue, r);
            last_100ns = queue->busy_poll_us ? wfp_clock_now() : 0;
        }
        if (handler->idle)
            handler->idle(handler->context);
        nfqueue_expire(queue, wfp_clock_now());
        nfqueue_send_replies(queue);
    }
    return drain(queue, handler);
}

static void
nfqueue_close(struct wfp_plane *plane)
{
    struct nfqueue *queue = CONTAINER_OF(plane, struct nfqueue, plane);

    if (queue->socket)
        mnl_socket_close(queue->socket);
    nfqueue_inject_close(queue);
    free(queue->buffers);
    free(queue->replies);
    free(queue);
}

/* What the kernel says of a queue; the format is one line of numbers per queue. */
struct kernel_queue {
    unsigned number, port, waiting, mode, range, dropped, user_dropped;
};

static bool
read_kernel_queue(uint16_t number, struct kernel_queue *ret_queue)
{
    FILE *file = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
    struct kernel_queue queue;
    bool is_found = false;

    while (file && !is_found &&
           fscanf(file, "%u %u %u %u %u %u %u %*[^\n]", &queue.number, &queue.port, &queue.waiting,
                  &queue.mode, &queue.range, &queue.dropped, &queue.user_dropped) == 7)
        if (queue.number == number) {
            *ret_queue = queue;
            is_found = true;
        }
    if (file)
        fclose(file);
    return is_found;
}

void
wfp_nfqueue_losses(struct wfp_plane *plane, struct wfp_nfqueue_losses *ret_losses)
{
    struct nfqueue *queue = CONTAINER_OF(plane, struct nfqueue, plane);
    struct kernel_queue kernel = {0};

    *ret_losses = (struct wfp_nfqueue_losses){
        .received = queue->received, .cut = queue->cut, .overruns = queue->overruns};
    memcpy(ret_losses->not_injected, queue->inject_failed, sizeof(ret_losses->not_injected));
    if (read_kernel_queue(queue->queue, &kernel)) {
        ret_losses->queue_full = kernel.dropped;
        ret_losses->not_copied = kernel.user_dropped;
    }
}

static int
request(struct nfqueue *queue, struct nlmsghdr *header)
{
    uint8_t reply[4096];

    header->nlmsg_flags |= NLM_F_ACK;
    if (mnl_socket_sendto(queue->socket, header, header->nlmsg_len) < 0)
        return -errno;
    ssize_t n = mnl_socket_recvfrom(queue->socket, reply, sizeof(reply));
    if (n < 0)
        return -errno;
    return mnl_cb_run(reply, (size_t)n, 0, mnl_socket_get_portid(queue->socket), NULL, NULL) < 0
               ? -errno
               : 0;
}

static int
bind_queue(struct nfqueue *queue, const struct wfp_nfqueue_config *config)
{
    uint8_t buffer[512];
    uint32_t wanted = NFQA_CFG_F_GSO | (config->fail_open ? NFQA_CFG_F_FAIL_OPEN : 0u);
    struct nfqnl_msg_config_cmd bind = {.command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_UNSPEC)};
    struct nfqnl_msg_config_params copy = {.copy_range = htonl(0xFFFF),
                                           .copy_mode = NFQNL_COPY_PACKET};

    struct nlmsghdr *header = put_header(buffer, NFQNL_MSG_CONFIG, queue->queue);
    mnl_attr_put(header, NFQA_CFG_CMD, sizeof(bind), &bind);
    int r = request(queue, header);
    if (r < 0)
        return r;
    header = put_header(buffer, NFQNL_MSG_CONFIG, queue->queue);
    mnl_attr_put(header, NFQA_CFG_PARAMS, sizeof(copy), &copy);
    mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(config->length ? config->length : 8192));
    mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(wanted));
    mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
    return request(queue, header);
}

static int
explain(int error, uint16_t number, char text[256])
{
    struct kernel_queue kernel;

    static const struct {
        int error, ours;
        const char *text;
    } rows[] = {
        {EPERM, WFP_ERR_ACCESS_DENIED, "needs CAP_NET_ADMIN; run as root"},
        {EBUSY, WFP_ERR_IN_USE, "has another reader; choose another with --queue"},
        {EPROTONOSUPPORT, WFP_ERR_NOT_SUPPORTED,
         "the kernel has no nfnetlink; enable CONFIG_NETFILTER_NETLINK_QUEUE"},
        {EINVAL, WFP_ERR_NOT_SUPPORTED,
         "the kernel has no nfnetlink_queue; enable CONFIG_NETFILTER_NETLINK_QUEUE"},
    };
    if (error == EPERM && read_kernel_queue(number, &kernel))
        error = EBUSY; /* one word of the kernel's for two things */
    for (size_t i = 0; i < ELEMENTSOF(rows); i++)
        if (rows[i].error == error) {
            snprintf(text, 256, "packet queue %u: %s", number, rows[i].text);
            return -rows[i].ours;
        }
    snprintf(text, 256, "packet queue %u: %s", number, strerror(error));
    return -WFP_ERR_IO;
}

static const struct wfp_plane_ops nfqueue_ops = {
    .name = "nfqueue",
    .run = nfqueue_run,
    .inject = nfqueue_inject,
    .close = nfqueue_close,
};

int
wfp_nfqueue_open(const struct wfp_nfqueue_config *config, struct wfp_plane **ret_plane,
                 char error[256])
{
    struct nfqueue *queue = calloc(1, sizeof(*queue));
    int r, on = 1, size = 32 << 20;

    if (!queue)
        return -WFP_ERR_NO_MEMORY;
    queue->plane.ops = &nfqueue_ops;
    memset(queue->raw, -1, sizeof(queue->raw));
    queue->queue = config->queue;
    queue->fail_open = config->fail_open;
    queue->busy_poll_us = config->busy_poll_us;
    queue->replies_size = 4 * FRAME_BYTES;
    queue->replies = malloc(queue->replies_size);
    queue->buffers = malloc((size_t)BATCH * FRAME_BYTES);
    if (!queue->replies || !queue->buffers) {
        nfqueue_close(&queue->plane);
        return -WFP_ERR_NO_MEMORY;
    }
    for (int i = 0; i < BATCH; i++) {
        queue->vectors[i] = (struct iovec){queue->buffers + (size_t)i * FRAME_BYTES, FRAME_BYTES};
        queue->messages[i].msg_hdr.msg_iov = &queue->vectors[i];
        queue->messages[i].msg_hdr.msg_iovlen = 1;
    }
    queue->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    r = queue->socket && mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
    if (r == 0)
        r = bind_queue(queue, config);
    if (r < 0) {
        r = explain(-r, config->queue, error);
        nfqueue_close(&queue->plane);
        return r;
    }
    /* best effort: without the privilege the kernel's own limit stays, and overruns are counted */
    setsockopt(mnl_socket_get_fd(queue->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    mnl_socket_setsockopt(queue->socket, NETLINK_NO_ENOBUFS, &on, sizeof(on));
    *ret_plane = &queue->plane;
    return 0;
}
