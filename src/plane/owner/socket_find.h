/*
 * Which socket a packet belongs to, asked of the kernel: sock_diag for TCP and UDP, /proc/net for
 * ping and raw sockets.
 */
#ifndef WFP_PLANE_OWNER_SOCKET_FIND_H
#define WFP_PLANE_OWNER_SOCKET_FIND_H

#include "core/packet/packet.h"

struct mnl_socket;

struct wfp_socket_found {
    uint32_t inode; /* names the socket in /proc/PID/fd */
    uint32_t uid;
};

/** @return an open sock_diag socket, or NULL with errno */
struct mnl_socket *wfp_socket_find_open(void);
/**
 * The socket at the packet's local end: its source, or its destination if @p is_inbound.
 * @return false where there is none that a process holds
 */
bool wfp_socket_find(struct mnl_socket *diag, const struct wfp_packet *packet, bool is_inbound,
                     struct wfp_socket_found *ret_found);
/** A socket that waits for connections or datagrams. */
struct wfp_socket_waiting {
    struct wfp_socket_found found;
    uint8_t version, protocol;
    uint8_t local[16];   /* network order; all zero: any */
    uint16_t local_port; /* host order */
    bool is_dual;        /* IPv6, and takes IPv4 as well */
};
typedef void wfp_socket_take(void *context, const struct wfp_socket_waiting *socket);
/** All TCP sockets that listen and UDP sockets that aren't connected. Context: 4 dumps of sock_diag. */
void wfp_socket_list(struct mnl_socket *diag, wfp_socket_take *take, void *context);
/** Does an inbound TCP or UDP packet find a socket, the kernel's own included? True if unsure. */
bool wfp_socket_exists(struct mnl_socket *diag, const struct wfp_packet *packet);

#endif
