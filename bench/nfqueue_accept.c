/*
 * Peer of the live benchmark: the leanest NFQUEUE loop that accepts everything. Batched receive,
 * one batched verdict per receive, GSO on. Ends on SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define BYTES (65536 + 1024)

static volatile sig_atomic_t stop;

static void
on_term(int signal_number)
{
    stop = signal_number;
}

static struct nlmsghdr *
header_for(void *buffer, int type, uint16_t queue)
{
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
    header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
    header->nlmsg_flags = NLM_F_REQUEST;
    struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
    generic->version = NFNETLINK_V0;
    generic->res_id = htons(queue);
    return header;
}

static uint32_t
id_of(struct nlmsghdr *header)
{
    struct nlattr *attribute;
    mnl_attr_for_each(attribute, header, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attribute) == NFQA_PACKET_HDR)
            return ntohl(
                ((struct nfqnl_msg_packet_hdr *)mnl_attr_get_payload(attribute))->packet_id);
    }
    return 0;
}

int
main(int argc, char **argv)
{
    static char buffers[BATCH][BYTES];
    struct mmsghdr messages[BATCH] = {0};
    struct iovec vectors[BATCH];
    char out[512];
    uint16_t queue = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);
    struct nfqnl_msg_config_cmd bind = {.command = NFQNL_CFG_CMD_BIND};
    struct nfqnl_msg_config_params copy = {htonl(0xFFFF), NFQNL_COPY_PACKET};
    int on = 1, size = 32 << 20;
    unsigned long packets = 0;

    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
    if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
        return perror("nfqueue_accept"), 3;
    struct nlmsghdr *header = header_for(out, NFQNL_MSG_CONFIG, queue);
    mnl_attr_put(header, NFQA_CFG_CMD, sizeof(bind), &bind);
    mnl_socket_sendto(socket, header, header->nlmsg_len);
    header = header_for(out, NFQNL_MSG_CONFIG, queue);
    mnl_attr_put(header, NFQA_CFG_PARAMS, sizeof(copy), &copy);
    mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(8192));
    mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
    mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
    mnl_socket_sendto(socket, header, header->nlmsg_len);
    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    mnl_socket_setsockopt(socket, NETLINK_NO_ENOBUFS, &on, sizeof(on));

    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){buffers[i], BYTES};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    puts("ready");
    fflush(stdout);
    struct pollfd fd = {mnl_socket_get_fd(socket), POLLIN, 0};
    while (!stop) {
        if (poll(&fd, 1, 100) <= 0)
            continue;
        int count = recvmmsg(fd.fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (count <= 0)
            continue;
        uint32_t newest = 0;
        for (int i = 0; i < count; i++) {
            uint32_t id = id_of((struct nlmsghdr *)buffers[i]);
            newest = id > newest ? id : newest;
        }
        packets += (unsigned long)count;
        struct nfqnl_msg_verdict_hdr verdict = {htonl(NF_ACCEPT), htonl(newest)};
        header = header_for(out, NFQNL_MSG_VERDICT_BATCH, queue);
        mnl_attr_put(header, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
        mnl_socket_sendto(socket, header, header->nlmsg_len);
    }
    printf("%lu packets\n", packets);
    return 0;
}
