/*
 * From a packet to a socket's inode and uid.
 *
 * Model      TCP and UDP: one sock_diag request and its answer, the kernel's own look-up, so dual-stack
 *            and wildcard sockets are found as the packet would find them. A connection that nobody
 *            has accepted yet has no inode: then it is the listening socket's.
 *            Ping sockets carry the echo id as their port, raw ones the protocol. A raw socket is
 *            taken for the sender only where it is the only one of its protocol.
 * Ref        sock_diag(7); linux/inet_diag.h
 */
#include "plane/owner/socket_find.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/macros.h"

#define ECHO_REQUEST_V4 8
#define ECHO_REQUEST_V6 128

/** One end of a conversation; all zero is any. */
struct end {
    uint8_t address[16]; /* network order */
    uint16_t port_be;
};

static struct end
end_of(const struct wfp_packet *packet, bool is_source)
{
    struct end end = {.port_be = htons(is_source ? packet->source_port : packet->destination_port)};

    memcpy(end.address, is_source ? packet->source : packet->destination,
           packet->version == 4 ? 4 : 16);
    return end;
}

struct mnl_socket *
wfp_socket_find_open(void)
{
    struct mnl_socket *diag = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
    struct timeval patience = {.tv_usec = 200000}; /* answers come with the request; never hang */

    if (!diag || mnl_socket_bind(diag, 0, MNL_SOCKET_AUTOPID) < 0) {
        if (diag)
            mnl_socket_close(diag);
        return NULL;
    }
    setsockopt(mnl_socket_get_fd(diag), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return diag;
}

static uint32_t sequence; /* of questions; one thread's */

enum answer { NO_SOCKET, NO_ANSWER, SOCKET };

/** @param source, destination  as sock_diag names them, which differs by protocol */
static enum answer
ask(struct mnl_socket *diag, const struct wfp_packet *packet, const struct end *source,
    const struct end *destination, struct wfp_socket_found *ret_found)
{
    uint8_t bytes[8192];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
    struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
    const struct inet_diag_msg *answer;
    ssize_t size;

    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST;
    header->nlmsg_seq = ++sequence;
    request->sdiag_family = packet->version == 4 ? AF_INET : AF_INET6;
    request->sdiag_protocol = packet->protocol;
    request->idiag_states = UINT32_MAX;
    request->id.idiag_if = packet->interface_index;
    request->id.idiag_cookie[0] = request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    memcpy(request->id.idiag_src, source->address, 16);
    memcpy(request->id.idiag_dst, destination->address, 16);
    request->id.idiag_sport = source->port_be;
    request->id.idiag_dport = destination->port_be;
    if (mnl_socket_sendto(diag, header, header->nlmsg_len) < 0)
        return NO_ANSWER;
    do { /* a late answer to a question given up is not ours */
        size = mnl_socket_recvfrom(diag, bytes, sizeof(bytes));
        header = (struct nlmsghdr *)bytes;
    } while (size >= (ssize_t)sizeof(*header) && header->nlmsg_seq != sequence);
    if (size < 0 || !mnl_nlmsg_ok(header, (int)size))
        return NO_ANSWER;
    if (header->nlmsg_type == NLMSG_ERROR &&
        mnl_nlmsg_get_payload_len(header) >= sizeof(struct nlmsgerr))
        return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(header))->error == -ENOENT
                   ? NO_SOCKET
                   : NO_ANSWER;
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        mnl_nlmsg_get_payload_len(header) < sizeof(*answer))
        return NO_ANSWER;
    answer = mnl_nlmsg_get_payload(header);
    *ret_found = (struct wfp_socket_found){answer->idiag_inode, answer->idiag_uid};
    return SOCKET;
}

static bool
is_held(enum answer answer, const struct wfp_socket_found *found)
{
    return answer == SOCKET && found->inode != 0;
}

static bool
find_tcp(struct mnl_socket *diag, const struct wfp_packet *packet, bool is_inbound,
         struct wfp_socket_found *ret_found)
{
    const struct end local = end_of(packet, !is_inbound), remote = end_of(packet, is_inbound);
    const struct end any = {0};

    return is_held(ask(diag, packet, &local, &remote, ret_found), ret_found) ||
           is_held(ask(diag, packet, &local, &any, ret_found), ret_found);
}

/* For UDP the kernel reads source and destination as a packet to the socket has them. */
static bool
find_udp(struct mnl_socket *diag, const struct wfp_packet *packet, bool is_inbound,
         struct wfp_socket_found *ret_found)
{
    const struct end local = end_of(packet, !is_inbound), remote = end_of(packet, is_inbound);

    return is_held(ask(diag, packet, &remote, &local, ret_found), ret_found);
}

/** The only socket of a /proc/net table whose local port is @p port. */
static bool
find_only(const char *table, uint16_t port, struct wfp_socket_found *ret_found)
{
    FILE *file = fopen(table, "re");
    struct wfp_socket_found found;
    unsigned count = 0, local_port;
    char line[512];

    if (!file)
        return false;
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %" SCNu32 " %*d %" SCNu32,
                   &local_port, &found.uid, &found.inode) == 3 &&
            local_port == port && found.inode) {
            *ret_found = found;
            count++;
        }
    fclose(file);
    return count == 1;
}

static bool
find_other(const struct wfp_packet *packet, bool is_inbound, struct wfp_socket_found *ret_found)
{
    bool is_v4 = packet->version == 4;
    bool is_icmp = packet->protocol == WFP_PROTOCOL_ICMP || packet->protocol == WFP_PROTOCOL_ICMPV6;

    if (is_inbound)
        return false; /* any number of raw sockets hear it, and the kernel itself */
    if (is_icmp && packet->source_port != (is_v4 ? ECHO_REQUEST_V4 : ECHO_REQUEST_V6))
        return false; /* the kernel sends these, too */
    if (is_icmp &&
        find_only(is_v4 ? "/proc/net/icmp" : "/proc/net/icmp6", packet->icmp_id, ret_found))
        return true;
    return find_only(is_v4 ? "/proc/net/raw" : "/proc/net/raw6", packet->protocol, ret_found);
}

bool
wfp_socket_find(struct mnl_socket *diag, const struct wfp_packet *packet, bool is_inbound,
                struct wfp_socket_found *ret_found)
{
    switch (packet->protocol) {
    case WFP_PROTOCOL_TCP:
        return find_tcp(diag, packet, is_inbound, ret_found);
    case WFP_PROTOCOL_UDP:
        return find_udp(diag, packet, is_inbound, ret_found);
    default:
        return find_other(packet, is_inbound, ret_found);
    }
}

/* ---- all that wait ---- */

struct list {
    wfp_socket_take *take;
    void *context;
    uint8_t protocol;
};

static int
take_dual(const struct nlattr *attribute, void *context)
{
    struct wfp_socket_waiting *socket = context;

    if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY &&
        mnl_attr_validate(attribute, MNL_TYPE_U8) == 0)
        socket->is_dual = mnl_attr_get_u8(attribute) == 0;
    return MNL_CB_OK;
}

static int
take_listed(const struct nlmsghdr *header, void *context)
{
    const struct list *list = context;
    const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);
    struct wfp_socket_waiting socket = {.protocol = list->protocol};

    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        mnl_nlmsg_get_payload_len(header) < sizeof(*message) || message->idiag_inode == 0 ||
        message->id.idiag_sport == 0)
        return MNL_CB_OK;
    socket.found = (struct wfp_socket_found){message->idiag_inode, message->idiag_uid};
    socket.version = message->idiag_family == AF_INET ? 4 : 6;
    socket.local_port = ntohs(message->id.idiag_sport);
    memcpy(socket.local, message->id.idiag_src, socket.version == 4 ? 4 : 16);
    if (socket.version == 6)
        mnl_attr_parse(header, sizeof(*message), take_dual, &socket);
    list->take(list->context, &socket);
    return MNL_CB_OK;
}

/** A dump that ends early is a shorter list. */
static void
list_family(struct mnl_socket *diag, uint8_t family, uint8_t protocol, uint32_t state,
            wfp_socket_take *take, void *context)
{
    struct list list = {take, context, protocol};
    uint8_t bytes[32768];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
    struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
    uint32_t number = ++sequence;
    ssize_t size;

    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = number;
    request->sdiag_family = family;
    request->sdiag_protocol = protocol;
    request->idiag_states = 1u << state;
    if (mnl_socket_sendto(diag, header, header->nlmsg_len) < 0)
        return;
    do {
        size = mnl_socket_recvfrom(diag, bytes, sizeof(bytes));
        header = (struct nlmsghdr *)bytes;
        if (size >= (ssize_t)sizeof(*header) && header->nlmsg_seq != number)
            continue; /* a late answer to a question given up is not ours */
        if (size <= 0 || mnl_cb_run(bytes, (size_t)size, number, 0, take_listed, &list) <= 0)
            return;
    } while (true);
}

void
wfp_socket_list(struct mnl_socket *diag, wfp_socket_take *take, void *context)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};

    for (size_t i = 0; i < ELEMENTSOF(families); i++) {
        list_family(diag, families[i], WFP_PROTOCOL_TCP, TCP_LISTEN, take, context);
        list_family(diag, families[i], WFP_PROTOCOL_UDP, TCP_CLOSE, take, context);
    }
}

bool
wfp_socket_exists(struct mnl_socket *diag, const struct wfp_packet *packet)
{
    const struct end local = end_of(packet, false), remote = end_of(packet, true);
    struct wfp_socket_found found;

    if (packet->protocol == WFP_PROTOCOL_TCP)
        return ask(diag, packet, &local, &remote, &found) != NO_SOCKET;
    if (packet->protocol == WFP_PROTOCOL_UDP)
        return ask(diag, packet, &remote, &local, &found) != NO_SOCKET;
    return true;
}
