/*
 * Redirection on the simulated machine: connections to a proxy and to another host, servers elsewhere.
 *
 * usage: redirect_sim connect|moved DRIVER
 */
#include <openwfp/sim.h>
#include <stdio.h>
#include <string.h>

/* redirect.c sends 203.0.113.10 to port 8080 of this machine. */
static void
connect_redirected(struct wfp_sim *sim)
{
    struct wfp_sim_socket *client;

    wfp_sim_listen(sim, "127.0.0.1:8080");
    client = wfp_sim_connect(sim, "10.0.0.4:50001", "203.0.113.10:80");
    wfp_sim_expect_state(client, "connected");
    wfp_sim_send(client, "to the proxy", WFP_SIM_TEXT);
    wfp_sim_expect_received(wfp_sim_peer(client), "to the proxy", WFP_SIM_TEXT);
    wfp_sim_send(wfp_sim_peer(client), "and back", WFP_SIM_TEXT);
    wfp_sim_expect_received(client, "and back", WFP_SIM_TEXT);
    wfp_sim_close(client);
    wfp_sim_close(wfp_sim_peer(client));
    wfp_sim_expect_state(client, "closed");
}

/* move_server.c binds what asks for port 5353 to port 7000. */
static void
server_moved(struct wfp_sim *sim)
{
    struct wfp_sim_socket *server;

    wfp_sim_expect(sim, wfp_sim_listen(sim, "10.0.0.4:5353") == 0);
    wfp_sim_forget(sim);
    server = wfp_sim_accept(sim, "10.0.0.4:7000", "192.0.2.9:4000");
    wfp_sim_expect_layers(sim, "INBOUND_IPPACKET INBOUND_TRANSPORT ALE_AUTH_RECV_ACCEPT,"
                               "OUTBOUND_TRANSPORT OUTBOUND_IPPACKET,"
                               "INBOUND_IPPACKET INBOUND_TRANSPORT ALE_FLOW_ESTABLISHED");
    wfp_sim_expect_state(server, "connected");
    wfp_sim_send(wfp_sim_peer(server), "hello", WFP_SIM_TEXT);
    wfp_sim_expect_received(server, "hello", WFP_SIM_TEXT);
    wfp_sim_send(server, "world", WFP_SIM_TEXT);
    wfp_sim_expect_received(wfp_sim_peer(server), "world", WFP_SIM_TEXT);
    wfp_sim_forget(sim);
    wfp_sim_expect(sim, wfp_sim_accept(sim, "10.0.0.4:5353", "192.0.2.9:4001") == NULL);
    wfp_sim_expect_packets(sim, "in tcp S, out tcp RA");

    wfp_sim_expect(sim, wfp_sim_bind(sim, "10.0.0.5:5353") == 0);
    wfp_sim_forget(sim);
    wfp_sim_udp_receive(sim, "10.0.0.5:7000", "192.0.2.9:4000", "query", WFP_SIM_TEXT);
    wfp_sim_udp_send(sim, "10.0.0.5:5353", "192.0.2.9:4000", "answer", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "in udp 5, out udp 6");
    wfp_sim_udp_receive(sim, "10.0.0.5:5353", "192.0.2.9:4000", "query", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "in udp 5, out icmp 3/3");
    wfp_sim_unlisten(sim, "10.0.0.5:5353");
    wfp_sim_forget(sim);
    wfp_sim_udp_receive(sim, "10.0.0.5:7000", "192.0.2.9:4000", "query", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "in udp 5, out icmp 3/3");
}

int
main(int argc, char **argv)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);

    if (argc != 3 || !sim)
        return 2;
    wfp_sim_load(sim, argv[2], NULL);
    if (strcmp(argv[1], "connect") == 0)
        connect_redirected(sim);
    else
        server_moved(sim);
    return wfp_sim_finish(sim);
}
