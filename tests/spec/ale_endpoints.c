/*
 * What FwpsAleEndpointEnum tells a driver of the machine's sockets, inside classify and on a thread of
 * its own.
 *
 * Ref        ddi fwpsk/nf-fwpsk-fwpsaleendpointenum0, fwpsk/nf-fwpsk-fwpsaleendpointgetbyid0
 */
#include <stdio.h>
#include <string.h>

#include <openwfp/sim.h>

static struct wfp_sim *sim;

static void
expect_said(const char *text)
{
    if (!wfp_sim_expect(sim, strstr(wfp_sim_printed(sim), text) != NULL))
        fprintf(stderr, "expected \"%s\" in\n%s", text, wfp_sim_printed(sim));
}

int
main(int argc, char **argv)
{
    sim = wfp_sim_new(NULL);
    if (!sim || wfp_sim_load(sim, argc > 1 ? argv[1] : "endpoints.so", NULL) < 0)
        return 1;
    wfp_sim_process(sim, 4711, "\\device\\x\\app.exe", NULL);
    wfp_sim_connect(sim, "10.0.0.1:1000", "192.0.2.1:80");
    wfp_sim_process(sim, 0, NULL, NULL);
    wfp_sim_listen(sim, "10.0.0.1:443");
    wfp_sim_bind(sim, "10.0.0.1:53");
    wfp_sim_bind(sim, "[fd00::1]:53");
    wfp_sim_udp_send(sim, "10.0.0.1:2000", "192.0.2.1:7", "go", WFP_SIM_TEXT);
    wfp_sim_wait(sim, 1000);
    expect_said("inside 5\n");
    expect_said("all 5 udp 3 local 4 elsewhere 0 tcp 1\n");
    expect_said("0a000001:1000 > c0000201:80 protocol 6\n");
    expect_said("by id: port 80, 36 bytes of \\device\\x\\app.exe\n");
    expect_said("others refused\n");
    return wfp_sim_finish(sim);
}
