/*
 * stream_edit on a simulated machine: what one end sends, and what the other receives.
 *
 *     ./stream_edit_test build/drivers/stream_edit.so
 */
#include <openwfp/sim.h>
#include <stdio.h>
#include <string.h>

/* The same conversation, inline, out-of-band and with pauses, over a good and a bad network. */
static int
edit(const char *driver, const char *mode, const struct wfp_sim_network *network)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct wfp_sim_socket *client, *server, *other;
    char parameters[128];

    snprintf(parameters, sizeof(parameters), "StringToFind=cat\nStringToReplace=mouse\nPort=80\n%s",
             mode);
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
    wfp_sim_send(server, "no c", WFP_SIM_TEXT);
    wfp_sim_send(server, "at here", WFP_SIM_TEXT); /* put off, where it pauses */
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
    if (strcmp(mode, "OutOfBand=0") != 0)
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
    static const char *const modes[] = {"OutOfBand=0", "OutOfBand=1", "OutOfBand=1\nPauseAfter=4"};
    const char *driver = argc > 1 ? argv[1] : "build/drivers/stream_edit.so";
    int failed = 0;

    for (int mode = 0; mode < 3; mode++) {
        failed |= edit(driver, modes[mode], &good);
        failed |= edit(driver, modes[mode], &bad);
    }
    return failed;
}
