/*
 * The program of tests/e2e/device_program.c: all of device.h, against tests/drivers/device.c.
 */
#ifndef TESTS_DEVICE_PROGRAM_H
#define TESTS_DEVICE_PROGRAM_H

#include <openwfp/device.h>

/** @return 0, or how many expectations were not met (each is told on standard error) */
int device_program(struct openwfp_host *host);

#endif
