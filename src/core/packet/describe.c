/*
 * A packet in words, for findings.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "core/packet/packet.h"

const char *
wfp_packet_describe(const struct wfp_packet *packet, char *text, size_t size)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    int family = packet->version == 4 ? AF_INET : AF_INET6;

    inet_ntop(family, packet->source, from, sizeof(from));
    inet_ntop(family, packet->destination, to, sizeof(to));
    snprintf(text, size, "protocol %u, %s port %u to %s port %u", packet->protocol, from,
             packet->source_port, to, packet->destination_port);
    return text;
}
