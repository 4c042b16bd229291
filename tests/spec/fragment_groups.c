/*
 * Fragment grouping at IPFORWARD: each fragment is shown when it arrives, and once more in its group; the group
 * goes on, or not, as one. A driver may put it together and send that instead.
 *
 * Ref        windows-driver-docs network/wfp-layer-requirements-and-restrictions (Forwarding Layer);
 *            ddi fwpsk/nf-fwpsk-fwpsreassembleforwardfragmentgroup0, fwpsk/nf-fwpsk-fwpsinjectforwardasync0
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openwfp/sim.h>

static struct wfp_sim *sim;

static int
start(const char *image, bool groups_fragments)
{
    sim = wfp_sim_new(&(struct wfp_sim_options){.groups_fragments = groups_fragments});
    if (!sim || wfp_sim_load(sim, image, NULL) < 0)
        return -1;
    wfp_sim_forget(sim);
    return 0;
}

static void
expect_said(const char *text)
{
    if (!wfp_sim_expect(sim, strstr(wfp_sim_printed(sim), text) != NULL))
        fprintf(stderr, "expected \"%s\" in\n%s", text, wfp_sim_printed(sim));
}

/** A part of a UDP datagram of 24 bytes of data, by offset in its 32 bytes, to a port. */
static void
pass(bool is_v4, uint16_t id, uint16_t port, uint16_t offset, uint16_t size)
{
    uint8_t datagram[32] = {0x03, 0xe8, (uint8_t)(port >> 8), (uint8_t)port, 0, 32, 0, 0};
    uint8_t v4[20] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1};
    uint8_t v6[48] = {0x60, 0,          0,        0,           0,        0,        44,
                      64,   [8] = 0x20, [23] = 1, [24] = 0x20, [39] = 2, [40] = 17};
    uint8_t packet[96];
    bool more = offset + size < 32;
    uint32_t sum = 0;

    memset(datagram + 8, 'x', 24);
    if (!is_v4) {
        v6[5] = (uint8_t)(8 + size);
        v6[42] = (uint8_t)(offset >> 8);
        v6[43] = (uint8_t)(offset | more);
        v6[47] = (uint8_t)id;
        memcpy(packet, v6, 48);
        memcpy(packet + 48, datagram + offset, size);
        wfp_sim_raw(sim, WFP_SIM_FORWARD, packet, 48u + size);
        return;
    }
    v4[3] = (uint8_t)(20 + size);
    v4[5] = (uint8_t)id;
    v4[6] = more ? 0x20 : 0;
    v4[7] = (uint8_t)(offset / 8);
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)(v4[i] << 8 | v4[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    v4[10] = (uint8_t)(~sum >> 8);
    v4[11] = (uint8_t)~sum;
    memcpy(packet, v4, 20);
    memcpy(packet + 20, datagram + offset, size);
    wfp_sim_raw(sim, WFP_SIM_FORWARD, packet, 20u + size);
}

/** By default a fragment is shown once, and goes on at once. */
static int
without_groups(const char *image)
{
    if (start(image, false) < 0)
        return 1;
    pass(true, 1, 99, 0, 16);
    wfp_sim_expect_layers(sim, "IPFORWARD");
    pass(true, 1, 99, 16, 16);
    wfp_sim_expect_layers(sim, "IPFORWARD");
    wfp_sim_expect_packets(sim, "fwd udp+0, fwd udp+16");
    wfp_sim_expect(sim, strstr(wfp_sim_printed(sim), "group of") == NULL);
    return wfp_sim_finish(sim);
}

static void
check_permit(void)
{
    pass(true, 2, 99, 16, 8); /* in any order */
    pass(true, 2, 99, 0, 16);
    wfp_sim_expect_packets(sim, "fwd udp+16(absorb), fwd udp+0(absorb)");
    wfp_sim_expect_layers(sim, "IPFORWARD IPFORWARD");
    pass(true, 2, 99, 24, 8);
    wfp_sim_expect_layers(sim, "IPFORWARD IPFORWARD");
    wfp_sim_expect_packets(sim, "fwd udp+24, fwd udp+16(resumed), fwd udp+0(resumed)");
    expect_said("group of 3, 92 bytes\n");
    expect_said("whole of 52 bytes, room 16, port 99\n");
    pass(false, 2, 99, 0, 16);
    pass(false, 2, 99, 16, 16);
    expect_said("group of 2, 128 bytes\n");
    expect_said("whole of 72 bytes, room 16, port 99\n");
    wfp_sim_forget(sim);
}

static void
check_block_and_inject(void)
{
    pass(true, 3, 54, 0, 16);
    pass(true, 3, 54, 16, 16);
    wfp_sim_expect_layers(sim, "IPFORWARD IPFORWARD IPFORWARD(block) IPFORWARD_DISCARD");
    wfp_sim_expect_packets(sim, "fwd udp+0(absorb), fwd udp+16(block), fwd udp+0(block)(resumed)");
    pass(true, 4, 53, 0, 16);
    pass(true, 4, 53, 16, 16);
    wfp_sim_expect_packets(sim, "fwd udp+0(absorb), fwd udp+16(absorb), fwd "
                                "udp+0(absorb)(resumed), fwd udp 24(injected)");
    expect_said("sent 0x00000000\n");
    wfp_sim_forget(sim);
}

/** What never becomes whole, or contradicts itself, never goes on. */
static void
check_incomplete(void)
{
    pass(true, 5, 99, 0, 16);
    wfp_sim_wait(sim, 61000);
    pass(true, 5, 99, 16, 16);
    wfp_sim_expect_packets(sim, "fwd udp+0(absorb), fwd udp+16(absorb)");
    pass(true, 6, 99, 0, 16);
    pass(true, 6, 99, 8, 24); /* overlaps */
    pass(true, 6, 99, 16, 16);
    wfp_sim_expect_packets(sim, "fwd udp+0(absorb), fwd udp+8(absorb), fwd udp+16(absorb)");
    pass(true, 7, 99, 0, 32);
    wfp_sim_expect_packets(sim, "fwd udp 24"); /* no fragment */
}

static int
with_groups(const char *image)
{
    if (start(image, true) < 0)
        return 1;
    check_permit();
    check_block_and_inject();
    check_incomplete();
    return wfp_sim_finish(sim);
}

/** What breaks the rules is found. */
static int
badly_behaved(const char *image, const char *said)
{
    size_t found;

    if (start(image, true) < 0)
        return 1;
    pass(true, 1, 99, 0, 16);
    pass(true, 1, 99, 16, 16);
    if (said)
        expect_said(said);
    wfp_sim_unload(sim);
    found = wfp_sim_findings(sim);
    if (found == 0)
        fprintf(stderr, "%s: no findings\n", image);
    return wfp_sim_finish(sim) != 1 || found == 0;
}

int
main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    return without_groups(argv[1]) || with_groups(argv[1]) ||
           badly_behaved(argv[2], "refused 0xc000000d") || badly_behaved(argv[3], NULL);
}
