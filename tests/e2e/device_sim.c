/*
 * The program of device_program.c on the simulated machine: devices and packets in one test.
 *
 * usage: device_sim DRIVER
 */
#include <openwfp/sim.h>
#include <stdio.h>

#include "device_program.h"

int
main(int argc, char **argv)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct openwfp_host *host;
    int failures = 1;

    if (argc != 2 || !sim)
        return 2;
    wfp_sim_load(sim, argv[1], NULL);
    int32_t status = openwfp_host_connect("local:", &host);
    if (status >= 0) {
        failures = device_program(host);
        openwfp_host_close(host);
    } else {
        fprintf(stderr, "%s: %s\n", openwfp_status_text(status), openwfp_host_error());
    }
    return wfp_sim_finish(sim) || failures;
}
