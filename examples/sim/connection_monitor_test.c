/*
 * connection_monitor on a simulated machine: flows of every kind come and go, also while it is unloaded.
 *
 *     ./connection_monitor_test build/drivers/connection_monitor.so
 */
#include <openwfp/sim.h>

int
main(int argc, char **argv)
{
    struct wfp_sim_options options = {.debug_print =
                                          true}; /* the last lines are the driver's report */
    struct wfp_sim *sim = wfp_sim_new(&options);
    struct wfp_sim_socket *client, *kept;

    wfp_sim_load(sim, argc > 1 ? argv[1] : "build/drivers/connection_monitor.so", NULL);
    wfp_sim_process(sim, 1234, "\\device\\harddiskvolume1\\windows\\app.exe",
                    "S-1-5-21-1-2-3-1001");
    client = wfp_sim_connect(sim, "10.0.0.4:50001", "192.0.2.7:80");
    wfp_sim_send(client, "12345", WFP_SIM_TEXT);
    wfp_sim_send(wfp_sim_peer(client), "1234567", WFP_SIM_TEXT);
    wfp_sim_close(client);
    wfp_sim_close(wfp_sim_peer(client));
    wfp_sim_expect_state(client, "closed");

    /* A reset, a datagram flow that idles out, and a connection that outlives the driver. */
    client = wfp_sim_connect(sim, "[fd00::4]:50002", "[2001:db8::7]:80");
    wfp_sim_reset(wfp_sim_peer(client));
    wfp_sim_udp_send(sim, "10.0.0.4:50003", "192.0.2.7:53", "123", WFP_SIM_TEXT);
    wfp_sim_wait(sim, 600 * 1000);
    kept = wfp_sim_connect(sim, "10.0.0.4:50004", "192.0.2.7:80");
    wfp_sim_send(kept, "12", WFP_SIM_TEXT);
    wfp_sim_unload(sim);
    wfp_sim_send(kept, "34", WFP_SIM_TEXT);
    wfp_sim_expect_received(wfp_sim_peer(kept), "1234", WFP_SIM_TEXT);
    wfp_sim_expect(sim, wfp_sim_findings(sim) == 0);
    return wfp_sim_finish(sim);
}
