/*
 * Events without a connection: datagrams, ICMP, packets as they are.
 */
#include <string.h>

#include "programs/sim/sim_world.h"

#define DATA_MAX (WFP_SIM_PACKET_MAX - 68) /* an IPv4 packet is the smaller: 65,507 bytes of UDP */

static int
check_size(struct wfp_sim *sim, const void *data, size_t *size)
{
    if (*size == WFP_SIM_TEXT)
        *size = strlen(data);
    return *size <= DATA_MAX
               ? 0
               : sim_fail(sim, "%zu bytes: a datagram has at most %u", *size, DATA_MAX);
}

static int
go_out(struct wfp_sim *sim, uint32_t length)
{
    sim_send_out(sim, NULL, sim->packet, length);
    sim_settle(sim);
    return 0;
}

/** The network may use the buffer that the packet was made in. */
static int
come_in(struct wfp_sim *sim, uint32_t length)
{
    uint8_t *bytes = malloc(length ? length : 1);

    if (!bytes)
        return sim_fail(sim, "out of memory");
    memcpy(bytes, sim->packet, length);
    sim_send_in(sim, bytes, length);
    free(bytes);
    sim_settle(sim);
    return 0;
}

int
wfp_sim_udp_send(struct wfp_sim *sim, const char *local, const char *remote, const void *data,
                 size_t size)
{
    struct wfp_sim_ends ends;

    if (sim_parse_ends(sim, local, remote, WFP_PROTOCOL_UDP, &ends) < 0 ||
        check_size(sim, data, &size) < 0 || sim_socket_note_sender(sim, &ends) < 0)
        return -1;
    return go_out(sim, wfp_sim_packet_udp(sim->packet, &ends, data, (uint32_t)size));
}

int
wfp_sim_udp_send_control(struct wfp_sim *sim, const char *local, const char *remote,
                         const void *data, size_t size, const void *control, size_t control_size)
{
    int r;

    if (!control || control_size == 0 || control_size > UINT32_MAX)
        return sim_fail(sim, "no control data, or more than %u bytes", UINT32_MAX);
    sim->control = control;
    sim->control_size = (uint32_t)control_size;
    r = wfp_sim_udp_send(sim, local, remote, data, size);
    sim->control = NULL;
    return r;
}

int
wfp_sim_udp_receive(struct wfp_sim *sim, const char *local, const char *remote, const void *data,
                    size_t size)
{
    struct wfp_sim_ends ends;

    if (sim_parse_ends(sim, remote, local, WFP_PROTOCOL_UDP, &ends) < 0 ||
        check_size(sim, data, &size) < 0)
        return -1;
    return come_in(sim, wfp_sim_packet_udp(sim->packet, &ends, data, (uint32_t)size));
}

int
wfp_sim_udp_forward(struct wfp_sim *sim, const char *source, const char *destination,
                    const void *data, size_t size)
{
    struct wfp_sim_ends ends;

    if (sim_parse_ends(sim, source, destination, WFP_PROTOCOL_UDP, &ends) < 0 ||
        check_size(sim, data, &size) < 0)
        return -1;
    sim_send_through(sim, sim->packet,
                     wfp_sim_packet_udp(sim->packet, &ends, data, (uint32_t)size));
    sim_settle(sim);
    return 0;
}

int
wfp_sim_icmp_send(struct wfp_sim *sim, const char *local, const char *remote, uint8_t type,
                  uint8_t code, uint32_t rest, const void *data, size_t size)
{
    struct wfp_sim_ends ends;

    if (sim_parse_ends(sim, local, remote, WFP_PROTOCOL_ICMP, &ends) < 0 ||
        check_size(sim, data, &size) < 0)
        return -1;
    return go_out(sim,
                  wfp_sim_packet_icmp(sim->packet, &ends, type, code, rest, data, (uint32_t)size));
}

int
wfp_sim_icmp_receive(struct wfp_sim *sim, const char *local, const char *remote, uint8_t type,
                     uint8_t code, uint32_t rest, const void *data, size_t size)
{
    struct wfp_sim_ends ends;

    if (sim_parse_ends(sim, remote, local, WFP_PROTOCOL_ICMP, &ends) < 0 ||
        check_size(sim, data, &size) < 0)
        return -1;
    return come_in(sim,
                   wfp_sim_packet_icmp(sim->packet, &ends, type, code, rest, data, (uint32_t)size));
}

static uint8_t
echo_request(const char *address)
{
    return strchr(address, ':') ? 128 : 8;
}

int
wfp_sim_ping(struct wfp_sim *sim, const char *local, const char *remote, uint16_t id)
{
    return wfp_sim_icmp_send(sim, local, remote, echo_request(remote), 0, (uint32_t)id << 16 | 1,
                             "abcdefgh", 8);
}

int
wfp_sim_pinged(struct wfp_sim *sim, const char *local, const char *remote, uint16_t id)
{
    return wfp_sim_icmp_receive(sim, local, remote, echo_request(remote), 0, (uint32_t)id << 16 | 1,
                                "abcdefgh", 8);
}

int
wfp_sim_raw(struct wfp_sim *sim, enum wfp_sim_way way, const void *bytes, size_t size)
{
    if (size > WFP_SIM_PACKET_MAX)
        return sim_fail(sim, "%zu bytes: a packet has at most %u", size, WFP_SIM_PACKET_MAX);
    if (size)
        memcpy(sim->packet, bytes, size);
    if (way == WFP_SIM_OUT)
        return go_out(sim, (uint32_t)size);
    if (way == WFP_SIM_IN)
        return come_in(sim, (uint32_t)size);
    sim_send_through(sim, sim->packet, (uint32_t)size);
    sim_settle(sim);
    return 0;
}
