/*
 * Sockets whose closure a callout puts off: they are released when it is completed, not before.
 *
 * Ref        ddi fwpsk/nf-fwpsk-fwpspendclassify0; windows-driver-docs
 *            network/ale-endpoint-lifetime-management
 */
#include <stdio.h>
#include <string.h>

#include <openwfp/sim.h>

#define PUT_OFF "ALE_ENDPOINT_CLOSURE(block) "

static struct wfp_sim *sim;

/** A connection opens and is reset; the last words of @p closing come when the work item has run. */
static void
connect_and_reset(const char *local, const char *closing)
{
    struct wfp_sim_socket *socket = wfp_sim_connect(sim, local, "192.0.2.1:80");

    wfp_sim_expect_state(socket, "connected");
    wfp_sim_forget(sim);
    wfp_sim_reset(socket);
    wfp_sim_wait(sim, 1000);
    wfp_sim_expect_layers(sim, closing);
}

int
main(int argc, char **argv)
{
    sim = wfp_sim_new(NULL);
    if (!sim || wfp_sim_load(sim, argc > 1 ? argv[1] : "closure.so", NULL) < 0)
        return 1;
    connect_and_reset("10.0.0.1:1",
                      "OUTBOUND_TRANSPORT OUTBOUND_IPPACKET " PUT_OFF "ALE_RESOURCE_RELEASE");
    connect_and_reset("10.0.0.1:2", "OUTBOUND_TRANSPORT OUTBOUND_IPPACKET " PUT_OFF
                                    "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
    wfp_sim_bind(sim, "10.0.0.1:53"); /* a datagram socket */
    wfp_sim_forget(sim);
    wfp_sim_unlisten(sim, "10.0.0.1:53");
    wfp_sim_wait(sim, 1000);
    wfp_sim_expect_layers(sim, PUT_OFF "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE");
    wfp_sim_unload(sim);
    if (!wfp_sim_expect(
            sim, strstr(wfp_sim_printed(sim), "pended 3, again 2, refused 2, released 3") != NULL))
        fprintf(stderr, "%s", wfp_sim_printed(sim));
    return wfp_sim_finish(sim);
}
