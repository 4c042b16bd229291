/*
 * `wfp run --events`: network events as they come, a line each or an array in the JSON report.
 */
#ifndef WFP_PROGRAMS_RUN_EVENTS_H
#define WFP_PROGRAMS_RUN_EVENTS_H

#include <jansson.h>

#include "programs/run_packets.h"

#define RUN_EVENTS_KEPT 10000 /* of a JSON report; the rest is counted */

struct run_events {
    bool is_on;
    struct wfp_bfe *bfe;
    struct name_cache *names; /* borrowed */
    uint64_t start_100ns;     /* lines tell time since then; 0: since the first event */
    uint64_t cursor, seen, missed;
    json_t *kept; /* with --json, else NULL */
};

/** @param json  keep them for run_events_json(); else print a line each to stdout */
void run_events_init(struct run_events *events, struct machine *machine, struct name_cache *names,
                     bool json);
/** Take what verdicts have left since the last time. */
void run_events_poll(struct run_events *events);
/** {"seen", "lost", "list"}; the caller's. NULL without --events or memory. */
json_t *run_events_json(const struct run_events *events);
/** The same numbers in a line, without the list. */
void run_events_print(const struct run_events *events, FILE *out);
void run_events_fini(struct run_events *events);

#endif
