/*
 * Sockets whose bind or listen a callout puts off: the program waits, and so does whoever wants to reach
 * it, until the callout completes it, at the simulated machine's time.
 *
 * usage: pended_binds WHAT DRIVER
 * Ref    ddi fwpsk/nf-fwpsk-fwpspendoperation0, fwpsk/nf-fwpsk-fwpspendclassify0;
 *        windows-driver-docs network/processing-classify-callouts-asynchronously
 */
#include <stdio.h>
#include <string.h>

#include <openwfp/sim.h>

static struct wfp_sim *sim;

/** pend_bind.c: even ports are let through after 300 ms. */
static void
operations(void)
{
    wfp_sim_expect(sim, wfp_sim_bind(sim, "10.0.0.1:54") == WFP_SIM_WAITS);
    wfp_sim_expect_layers(sim, "ALE_BIND_REDIRECT ALE_RESOURCE_ASSIGNMENT(block)");
    wfp_sim_wait(sim, 200);
    wfp_sim_expect(sim, !wfp_sim_is_bound(sim, "10.0.0.1:54"));
    wfp_sim_udp_receive(sim, "10.0.0.1:54", "192.0.2.9:9", "early", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "in udp 5, out icmp 3/3");
    wfp_sim_forget(sim);
    wfp_sim_wait(sim, 200);
    wfp_sim_expect_layers(sim, "ALE_RESOURCE_ASSIGNMENT");
    wfp_sim_expect(sim, wfp_sim_is_bound(sim, "10.0.0.1:54"));
    wfp_sim_udp_receive(sim, "10.0.0.1:54", "192.0.2.9:9", "in time", WFP_SIM_TEXT);
    wfp_sim_expect_packets(sim, "in udp 7");

    wfp_sim_expect(sim, wfp_sim_bind(sim, "10.0.0.1:55") == WFP_SIM_WAITS);
    wfp_sim_wait(sim, 400);
    wfp_sim_expect(sim, !wfp_sim_is_bound(sim, "10.0.0.1:55")); /* refused */
    wfp_sim_forget(sim);

    wfp_sim_expect(sim, wfp_sim_listen(sim, "10.0.0.1:80") == WFP_SIM_WAITS);
    wfp_sim_expect_layers(sim, "ALE_BIND_REDIRECT ALE_RESOURCE_ASSIGNMENT ALE_AUTH_LISTEN(block)");
    wfp_sim_wait(sim, 400);
    wfp_sim_expect_layers(sim, "ALE_AUTH_LISTEN");
    wfp_sim_expect_state(wfp_sim_accept(sim, "10.0.0.1:80", "192.0.2.9:1"), "connected");
    wfp_sim_expect(sim, wfp_sim_listen(sim, "10.0.0.1:81") == WFP_SIM_WAITS);
    wfp_sim_wait(sim, 400);
    wfp_sim_expect(sim, wfp_sim_accept(sim, "10.0.0.1:81", "192.0.2.9:2") == NULL);

    wfp_sim_expect(sim, wfp_sim_bind(sim, "10.0.0.1:56") == WFP_SIM_WAITS);
    wfp_sim_unload(sim); /* it completes what it put off, and nobody asks again */
    wfp_sim_expect(sim, wfp_sim_is_bound(sim, "10.0.0.1:56"));
    if (!wfp_sim_expect(sim, strstr(wfp_sim_printed(sim), "pended 5, again 4, refused 2") != NULL))
        fprintf(stderr, "%s", wfp_sim_printed(sim));
}

/** move_server.c with HOW=1: a work item binds port 5353 to port 7000 after 300 ms. */
static void
redirections(void)
{
    wfp_sim_expect(sim, wfp_sim_listen(sim, "10.0.0.1:5353") == WFP_SIM_WAITS);
    wfp_sim_expect_layers(sim, "ALE_BIND_REDIRECT(block)");
    wfp_sim_expect(sim, wfp_sim_accept(sim, "10.0.0.1:7000", "192.0.2.9:1") == NULL);
    wfp_sim_wait(sim, 400);
    wfp_sim_expect(sim, wfp_sim_is_bound(sim, "10.0.0.1:5353"));
    wfp_sim_expect_state(wfp_sim_accept(sim, "10.0.0.1:7000", "192.0.2.9:2"), "connected");
    wfp_sim_expect(sim, wfp_sim_accept(sim, "10.0.0.1:5353", "192.0.2.9:3") == NULL);
}

/** move_server.c with HOW=2: a work item refuses at once. */
static void
refusals(void)
{
    wfp_sim_expect(sim, wfp_sim_bind(sim, "10.0.0.1:5353") == -1);
    wfp_sim_expect(sim, !wfp_sim_is_bound(sim, "10.0.0.1:5353"));
    wfp_sim_expect(sim, wfp_sim_bind(sim, "10.0.0.1:5354") == 0);
}

int
main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    sim = wfp_sim_new(NULL);
    if (!sim || wfp_sim_load(sim, argv[2], NULL) < 0)
        return 1;
    if (strcmp(argv[1], "operations") == 0)
        operations();
    else if (strcmp(argv[1], "redirections") == 0)
        redirections();
    else
        refusals();
    return wfp_sim_finish(sim);
}
