/*
 * stream_edit on a simulated machine: what one end sends, and what the other receives.
 *
 *     ./stream_edit_test build/drivers/stream_edit.so
 */
#include <openwfp/sim.h>
#include <stdio.h>
#include <string.h>

/* The same conversation, inline and out-of-band, over a good and a bad network. */
static int
edit(const char *driver, int out_of_band, const struct wfp_sim_network *network)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct wfp_sim_socket *client, *server, *other;
    char parameters[128];

    snprintf(parameters, sizeof(parameters),
             "StringToFind=cat\nStringToReplace=mouse\nPort=80\nOutOfBand=%d", out_of_band);
    wfp_sim_load(sim, driver, parameters);
    wfp_sim_network(sim, network);
    client = wfp_sim_connect(sim, "10.0.0.4:50001", "192.0.2.7:80");
    server = wfp_sim_peer(client);

    /* Whole, cut in two, cut byte by byte; and what only looks like it. */
    wfp_sim_send(client, "a cat and a c", WFP_SIM_TEXT);
    wfp_sim_send(client, "at; c", WFP_SIM_TEXT);
    wfp_sim_send(client, "a", WFP_SIM_TEXT);
    wfp_sim_send(client, "t. ca", WFP_SIM_TEXT);
    wfp_sim_send(client, "car cacat catcat", WFP_SIM_TEXT);
    /* What ends the stream and is no match comes through with the FIN. */
    wfp_sim_send(client, " ca", WFP_SIM_TEXT);
    wfp_sim_close(client);
    wfp_sim_send(server, "no cat here", WFP_SIM_TEXT);
    wfp_sim_close(server);
    wfp_sim_wait(sim, 60 * 1000);
    wfp_sim_expect_received(server, "a mouse and a mouse; mouse. cacar camouse mousemouse ca",
                            WFP_SIM_TEXT);
    wfp_sim_expect_received(client, "no mouse here", WFP_SIM_TEXT);
    wfp_sim_expect_state(client, "closed");

    /* Connections of other ports are none of the driver's business. */
    other = wfp_sim_connect(sim, "10.0.0.4:50002", "192.0.2.7:81");
    wfp_sim_send(other, "a cat", WFP_SIM_TEXT);
    wfp_sim_wait(sim, 60 * 1000);
    wfp_sim_expect_received(wfp_sim_peer(other), "a cat", WFP_SIM_TEXT);

    /* Open connections when the driver is unloaded: the last bytes are not kept back. */
    other = wfp_sim_connect(sim, "[fd00::4]:50003", "[2001:db8::7]:80");
    wfp_sim_send(other, "cat, ca", WFP_SIM_TEXT);
    wfp_sim_wait(sim, 60 * 1000);
    wfp_sim_unload(sim);
    wfp_sim_wait(sim, 60 * 1000);
    if (out_of_band)
        wfp_sim_expect_received(wfp_sim_peer(other), "mouse, ca", WFP_SIM_TEXT);
    return wfp_sim_finish(sim);
}

int
main(int argc, char **argv)
{
    static const struct wfp_sim_network good, bad = {.delay_ms = 20,
                                                     .jitter_ms = 10,
                                                     .loss_permille = 50,
                                                     .reorder_permille = 100,
                                                     .duplicate_permille = 50};
    const char *driver = argc > 1 ? argv[1] : "build/drivers/stream_edit.so";
    int failed = 0;

    for (int out_of_band = 0; out_of_band < 2; out_of_band++) {
        failed |= edit(driver, out_of_band, &good);
        failed |= edit(driver, out_of_band, &bad);
    }
    return failed;
}
