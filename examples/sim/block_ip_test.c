/*
 * A driver's test: does block_ip keep the machine from talking to 168.63.129.16, and to nobody else?
 *
 *     wfp-cc -o block_ip.so drivers/block_ip/block_ip.c
 *     cc -o block_ip_test examples/sim/block_ip_test.c $(pkg-config --cflags --libs openwfp-sim)
 *     ./block_ip_test block_ip.so
 */
#include <openwfp/sim.h>

int
main(int argc, char **argv)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct wfp_sim_socket *client;

    wfp_sim_load(sim, argc > 1 ? argv[1] : "build/drivers/block_ip.so", NULL);
    wfp_sim_forget(sim);

    /* The blocked address: the connect fails, nothing leaves. */
    client = wfp_sim_connect(sim, "10.0.0.4:50001", "168.63.129.16:80");
    wfp_sim_expect_state(client, "connecting");
    wfp_sim_expect_packets(sim, "out tcp S(block)");
    wfp_sim_forget(sim);

    /* Any other: a connection as on a machine without the driver. */
    client = wfp_sim_connect(sim, "10.0.0.4:50002", "192.0.2.1:80");
    wfp_sim_expect_layers(sim, "ALE_BIND_REDIRECT ALE_RESOURCE_ASSIGNMENT "
                               "ALE_CONNECT_REDIRECT ALE_AUTH_CONNECT "
                               "OUTBOUND_TRANSPORT OUTBOUND_IPPACKET, "
                               "INBOUND_IPPACKET INBOUND_TRANSPORT ALE_FLOW_ESTABLISHED, "
                               "OUTBOUND_TRANSPORT OUTBOUND_IPPACKET");
    wfp_sim_expect_packets(sim, "out tcp S, in tcp SA, out tcp A");
    wfp_sim_send(client, "hello", WFP_SIM_TEXT);
    wfp_sim_expect_received(wfp_sim_peer(client), "hello", WFP_SIM_TEXT);
    wfp_sim_close(client);
    wfp_sim_close(wfp_sim_peer(client));
    wfp_sim_expect_state(client, "closed");

    /* Nor may the machine answer it. */
    wfp_sim_listen(sim, "10.0.0.4:80");
    wfp_sim_forget(sim);
    client = wfp_sim_accept(sim, "10.0.0.4:80", "168.63.129.16:1234");
    wfp_sim_expect_state(wfp_sim_peer(client), "connecting");
    wfp_sim_expect_packets(sim, "in tcp S, out tcp SA(block)");

    return wfp_sim_finish(sim);
}
