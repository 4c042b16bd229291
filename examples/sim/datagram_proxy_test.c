/*
 * datagram_proxy on a simulated machine: what leaves and what arrives, byte by byte.
 *
 *     ./datagram_proxy_test build/drivers/datagram_proxy.so
 */
#include <openwfp/sim.h>
#include <string.h>

/* The only packet since the last look that a driver injected. */
static struct wfp_sim_packet
injected(struct wfp_sim *sim)
{
    struct wfp_sim_packet packet, found = {0};
    int count = 0;

    for (size_t i = 0; i < wfp_sim_packets(sim); i++)
        if (wfp_sim_packet(sim, i, &packet) && packet.injected) {
            found = packet;
            count++;
        }
    wfp_sim_expect(sim, count == 1);
    return found;
}

static uint32_t
sum(const uint8_t *bytes, size_t size)
{
    uint32_t total = 0;

    for (size_t i = 0; i < size; i++)
        total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (total >> 16)
        total = (total & 0xFFFF) + (total >> 16);
    return total;
}

/* An IPv4 or IPv6 UDP packet with these ends and this payload, all checksums right. */
static void
check(struct wfp_sim *sim, const struct wfp_sim_packet *packet, const uint8_t *source,
      const uint8_t *destination, uint16_t source_port, uint16_t port, const char *payload)
{
    const uint8_t *p = packet->bytes;
    size_t header = p && p[0] >> 4 == 6 ? 40 : 20, size = strlen(payload), at, length;
    uint8_t pseudo[4 + 32] = {0};

    wfp_sim_expect(sim, packet->size == header + 8 + size);
    if (packet->size != header + 8 + size)
        return;
    at = header == 40 ? 8 : 12;
    length = header == 40 ? 16 : 4;
    wfp_sim_expect(sim, memcmp(p + at, source, length) == 0);
    wfp_sim_expect(sim, memcmp(p + at + length, destination, length) == 0);
    wfp_sim_expect(sim, p[header] << 8 == (source_port & 0xFF00) &&
                            p[header + 1] == (source_port & 255));
    wfp_sim_expect(sim, p[header + 2] << 8 == (port & 0xFF00) && p[header + 3] == (port & 255));
    wfp_sim_expect(sim, memcmp(p + header + 8, payload, size) == 0);
    wfp_sim_expect(sim, header == 40 || sum(p, header) == 0xFFFF);
    pseudo[1] = 17;
    pseudo[3] = (uint8_t)(8 + size);
    memcpy(pseudo + 4, p + at, 2 * length);
    uint32_t total = sum(pseudo, 4 + 2 * length) + sum(p + header, 8 + size);
    wfp_sim_expect(sim, (total & 0xFFFF) + (total >> 16) == 0xFFFF);
}

static int
ipv4(const char *driver)
{
    static const uint8_t local[] = {10, 0, 0, 4}, original[] = {192, 0, 2, 53},
                         proxy[] = {192, 0, 2, 99};
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct wfp_sim_packet packet;

    wfp_sim_load(sim, driver,
                 "OriginalAddress=192.0.2.53\nProxyAddress=192.0.2.99\nProxyPort=5353");
    for (int i = 0; i < 3; i++) {
        wfp_sim_forget(sim);
        wfp_sim_udp_send(sim, "10.0.0.4:50000", "192.0.2.53:53", "who is it?", WFP_SIM_TEXT);
        packet = injected(sim);
        check(sim, &packet, local, proxy, 50000, 5353, "who is it?");
        wfp_sim_forget(sim);
        wfp_sim_udp_receive(sim, "10.0.0.4:50000", "192.0.2.99:5353", "it is you", WFP_SIM_TEXT);
        packet = injected(sim);
        check(sim, &packet, original, local, 53, 50000, "it is you");
    }
    /* Other ports, other sockets and other addresses are left alone. */
    wfp_sim_forget(sim);
    wfp_sim_udp_send(sim, "10.0.0.4:50000", "192.0.2.53:54", "x", WFP_SIM_TEXT);
    wfp_sim_udp_send(sim, "10.0.0.4:50001", "192.0.2.99:5353", "x", WFP_SIM_TEXT);
    wfp_sim_udp_receive(sim, "10.0.0.4:50001", "192.0.2.99:5353", "y", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "out udp 1, out udp 1, in udp 1");
    /* Flows idle out while the driver holds contexts on them; and one is left at the end. */
    wfp_sim_wait(sim, 600 * 1000);
    wfp_sim_udp_send(sim, "10.0.0.4:50000", "192.0.2.53:53", "again", WFP_SIM_TEXT);
    return wfp_sim_finish(sim);
}

static int
ipv6(const char *driver)
{
    static const uint8_t local[16] = {0xfd, [15] = 4},
                         original[16] = {0x20, 1, 0x0d, 0xb8, [15] = 0x53};
    static const uint8_t proxy[16] = {0x20, 1, 0x0d, 0xb8, [15] = 0x99};
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct wfp_sim_packet packet;

    wfp_sim_load(sim, driver,
                 "OriginalAddress=2001:db8::53\nProxyAddress=2001:db8::99\nOriginalPort=9000");
    wfp_sim_forget(sim);
    wfp_sim_udp_send(sim, "[fd00::4]:50000", "[2001:db8::53]:9000", "odd", WFP_SIM_TEXT);
    packet = injected(sim);
    check(sim, &packet, local, proxy, 50000, 9000, "odd");
    wfp_sim_forget(sim);
    wfp_sim_udp_receive(sim, "[fd00::4]:50000", "[2001:db8::99]:9000", "even", WFP_SIM_TEXT);
    packet = injected(sim);
    check(sim, &packet, original, local, 9000, 50000, "even");
    return wfp_sim_finish(sim);
}

int
main(int argc, char **argv)
{
    const char *driver = argc > 1 ? argv[1] : "build/drivers/datagram_proxy.so";
    int first = ipv4(driver);

    return first | ipv6(driver);
}
