/*
 * The command line of `wfp run`.
 */
#ifndef WFP_PROGRAMS_RUN_OPTIONS_H
#define WFP_PROGRAMS_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/shims/stack.h"

/** Exit codes of every program of ours. */
enum wfp_exit {
    WFP_EXIT_FINE = 0,
    WFP_EXIT_FINDING = 1,     /* a finding, a failed check, a driver that did not start */
    WFP_EXIT_USAGE = 2,       /* the command line */
    WFP_EXIT_ENVIRONMENT = 3, /* privileges, missing kernel feature, unreadable file */
};

#define WFP_RUN_MAX_DRIVERS 32
#define WFP_RUN_MAX_PARAMS  64
#define WFP_RUN_MAX_LOCAL   64

/** One --param; `driver` is NULL for every driver, or a service name. */
struct run_param {
    char *driver, *name, *value;
};

struct run_options {
    const char *read_path;
    bool live;
    const char *write_path;
    const char
        *process_path; /* replay: of conversations whose program is not known; NULL: nobody's */
    const char *store_path; /* NULL: nothing is kept */
    bool json, verbose, debug_print, quiet, events;
    bool no_verifier, stub_missing;
    bool fail_closed;
    double busy_poll_us; /* live: look for the next packet that long before sleeping */
    uint16_t queue;
    double duration_s;        /* live: stop by itself; 0 = until a signal */
    double stop_timeout_s;    /* for driver code to return once the run ends */
    const char *ready_path;   /* live: written once traffic is being decided */
    const char *control_path; /* programs reach the drivers' devices here; NULL: nowhere */
    unsigned clients;         /* replay: how many of them to wait for */
    uint32_t local_count;
    struct wfp_local_prefix local[WFP_RUN_MAX_LOCAL];
    bool groups_fragments;
    uint32_t subnet_count; /* 0: live, those of the interfaces; else not known */
    struct wfp_local_prefix subnets[WFP_RUN_MAX_LOCAL];
    uint32_t param_count;
    struct run_param params[WFP_RUN_MAX_PARAMS];
    uint32_t driver_count;
    const char *drivers[WFP_RUN_MAX_DRIVERS];
};

/**
 * Parse. What is wrong is said in one line on stderr.
 * @return 0, or an exit code (WFP_EXIT_USAGE); WFP_EXIT_FINE + 100 after --help was printed
 */
int run_options_parse(int argc, char **argv, struct run_options *ret_options);
void run_options_fini(struct run_options *options);
/** "10.0.0.0/8", "2001:db8::1". @return 0 or -WFP_ERR_INVALID_NET_MASK */
int run_options_parse_prefix(const char *text, struct wfp_local_prefix *ret_prefix);

#define RUN_HELPED 100

#endif
