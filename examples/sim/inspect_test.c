/*
 * inspect on a simulated machine: what it holds goes on when it permits, and nothing does when it blocks.
 *
 *     ./inspect_test build/drivers/inspect.so
 */
#include <openwfp/sim.h>

/* The SYN waits for its connect to be completed; from then on each packet is taken and sent again. */
static int
permit(const char *driver)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct wfp_sim_socket *client, *server;

    wfp_sim_load(sim, driver, "RemoteAddressToInspect=192.0.2.7");
    wfp_sim_forget(sim);
    client = wfp_sim_connect(sim, "10.0.0.4:50001", "192.0.2.7:80");
    wfp_sim_expect_state(client, "connected");
    wfp_sim_expect_packets(sim,
                           "out tcp S(absorb), out tcp S(absorb)(resumed), out tcp S(injected), "
                           "in tcp SA(absorb), in tcp SA(injected), "
                           "out tcp A(absorb), out tcp A(injected)");
    wfp_sim_send(client, "to the server", WFP_SIM_TEXT);
    wfp_sim_send(wfp_sim_peer(client), "to the client", WFP_SIM_TEXT);
    wfp_sim_expect_received(wfp_sim_peer(client), "to the server", WFP_SIM_TEXT);
    wfp_sim_expect_received(client, "to the client", WFP_SIM_TEXT);

    /* A server's side of it, on IPv4 as well. */
    wfp_sim_listen(sim, "10.0.0.4:80");
    server = wfp_sim_accept(sim, "10.0.0.4:80", "192.0.2.7:4000");
    wfp_sim_expect_state(server, "connected");
    wfp_sim_send(wfp_sim_peer(server), "a request", WFP_SIM_TEXT);
    wfp_sim_expect_received(server, "a request", WFP_SIM_TEXT);

    /* The first datagram is held with its connect, and sent by the driver. */
    wfp_sim_forget(sim);
    wfp_sim_udp_send(sim, "10.0.0.4:50002", "192.0.2.7:53", "query", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "out udp 5(absorb), out udp 5(injected)");
    wfp_sim_forget(sim);
    wfp_sim_udp_receive(sim, "10.0.0.4:50002", "192.0.2.7:53", "answer", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "in udp 6(absorb), in udp 6(injected)");

    /* Nobody else waits. */
    wfp_sim_forget(sim);
    wfp_sim_udp_send(sim, "10.0.0.4:50002", "192.0.2.8:53", "query", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "out udp 5");
    return wfp_sim_finish(sim);
}

static int
block(const char *driver)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct wfp_sim_socket *client;

    wfp_sim_load(sim, driver, "RemoteAddressToInspect=2001:db8::7\nBlockTraffic=1");
    client = wfp_sim_connect(sim, "[fd00::4]:50001", "[2001:db8::7]:80");
    wfp_sim_expect_state(client, "blocked");
    wfp_sim_listen(sim, "[fd00::4]:80");
    client = wfp_sim_accept(sim, "[fd00::4]:80", "[2001:db8::7]:4000");
    wfp_sim_expect(sim, client == NULL);
    wfp_sim_forget(sim);
    wfp_sim_udp_send(sim, "[fd00::4]:50002", "[2001:db8::7]:53", "query", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "out udp 5(absorb)");
    return wfp_sim_finish(sim);
}

int
main(int argc, char **argv)
{
    const char *driver = argc > 1 ? argv[1] : "build/drivers/inspect.so";
    int permitted = permit(driver);

    return permitted | block(driver);
}
