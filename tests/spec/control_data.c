/*
 * FWPS_METADATA_FIELD_TRANSPORT_CONTROL_DATA and _PATH_MTU: what accompanies data that go out.
 *
 * Ref        ddi fwpsk/ns-fwpsk-fwps_incoming_metadata_values0_; windows-driver-docs
 *            network/metadata-fields-at-each-filtering-layer
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openwfp/sim.h>

static struct wfp_sim *sim;

static void
expect_said(const char *text, bool is_wanted)
{
    if (!wfp_sim_expect(sim, (strstr(wfp_sim_printed(sim), text) != NULL) == is_wanted))
        fprintf(stderr, "%s \"%s\" in\n%s", is_wanted ? "expected" : "unexpected", text,
                wfp_sim_printed(sim));
}

int
main(int argc, char **argv)
{
    /* IP_TTL, as Winsock numbers it: a WSACMSGHDR, and an INT rounded up to 8 bytes */
    struct {
        uint64_t length;
        int32_t level, type, value, padding;
    } control = {20, 0, 4, 77, 0};

    sim = wfp_sim_new(NULL);
    if (!sim || wfp_sim_load(sim, argc > 1 ? argv[1] : "control.so", NULL) < 0)
        return 1;
    wfp_sim_udp_send_control(sim, "10.0.0.1:1000", "192.0.2.1:7", "a", WFP_SIM_TEXT, &control,
                             sizeof(control));
    expect_said("Datagram: 24 bytes, first 20 of level 0 type 4: 77\n", true);
    expect_said("Transport: 24 bytes, first 20 of level 0 type 4: 77\n", true);
    expect_said("Packet: none\n", true); /* that layer doesn't have it */
    expect_said("Packet: mtu 1500\n", true);
    expect_said("Transport: none\n", false);
    wfp_sim_network(sim, &(struct wfp_sim_network){.mtu = 1280});
    wfp_sim_udp_send(sim, "10.0.0.1:1000", "192.0.2.1:7", "b", WFP_SIM_TEXT);
    expect_said("Transport: none\n", true); /* it was the other datagram's */
    expect_said("Packet: mtu 1280\n", true);
    wfp_sim_udp_send_control(sim, "10.0.0.1:1000", "192.0.2.1:9", "d", WFP_SIM_TEXT, &control,
                             sizeof(control));
    expect_said("Transport: 24 bytes, first 20 of level 0 type 4: 78\n", true); /* sent anew */
    wfp_sim_udp_receive(sim, "10.0.0.1:1000", "192.0.2.1:7", "c", WFP_SIM_TEXT);
    expect_said("Arrival: none\n", true);
    expect_said("Arrival: mtu", false);
    return wfp_sim_finish(sim);
}
