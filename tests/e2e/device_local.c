/*
 * The program of device_program.c in the driver's own process: a machine, the driver, "local:".
 *
 * usage: device_local DRIVER
 */
#include <stdio.h>

#include "base/clock.h"
#include "device_program.h"
#include "nt/ntos/nt_finding.h"
#include "programs/control_local.h"
#include "programs/machine.h"

static int
run(const char *path)
{
    struct machine machine;
    struct openwfp_host *host;
    char error[MACHINE_ERROR_SIZE];
    int failures;

    if (machine_init(&machine) < 0)
        return 1;
    failures = machine_start_driver(&machine, path, false, error);
    if (failures)
        fprintf(stderr, "%s\n", error);
    control_local_enable(NULL);
    if (!failures && openwfp_host_connect("local:", &host) >= 0) {
        failures = device_program(host);
        openwfp_host_close(host);
    }
    control_local_disable();
    machine_fini(&machine);
    return failures + (int)nt_finding_count();
}

int
main(int argc, char **argv)
{
    struct openwfp_host *host;

    if (argc != 2 || openwfp_host_connect("local:", &host) >= 0) /* nobody is there yet */
        return 2;
    int failures = run(argv[1]); /* the wall clock: threads and timers as they come */
    wfp_clock_set_virtual(WFP_CLOCK_UNIX_EPOCH);
    failures += run(argv[1]);
    return failures != 0;
}
