/*
 * What `wfp run` tells at its end: one set of numbers, as a table or as JSON.
 *
 * Model      run_report counts decisions as they come; at the end it asks the engine, BFE and the
 *            driver host for theirs. A packet counts once in permitted or blocked; absorbed packets
 *            are blocked ones that left no trace, so they are part of blocked.
 */
#ifndef WFP_PROGRAMS_RUN_REPORT_H
#define WFP_PROGRAMS_RUN_REPORT_H

#include <stdio.h>

#include "core/shims/stack.h"
#include "programs/machine.h"
#include "programs/run_events.h"

/** A filter in force when the traffic ended, and one callout; collected before drivers unload. */
struct run_filter {
    struct wfp_filter *filter; /* referenced */
    char *name;
    struct wfp_filter_counters counters;
};

struct run_callout {
    const char *driver;
    uint32_t id;
    char key[WFP_GUID_TEXT_SIZE];
    const char *layer; /* "" while no policy object names one */
    struct wfp_callout_counters counters;
};

struct run_report {
    uint64_t packets, permitted, blocked, absorbed, injected;
    uint64_t changed; /* of those permitted: with other bytes than they came with */
    uint64_t undecodable[WFP_UNDECODABLE_COUNT];
    uint64_t lost;             /* packets dropped before we saw them whole (live) */
    uint64_t passed_undecided; /* packets that went on unseen: fail-open and a full queue (live) */
    struct {
        const char *text;
        uint64_t count;
    } not_injected[8]; /* packets drivers injected that did not go on (live), by reason */
    double elapsed_s;
    const char *source;     /* file name or "live (xtables NFQUEUE)" */
    const char *local_text; /* which addresses are local and why */
    const char *odd_link;   /* a link type that is not decoded; NULL or "" none */
    const char *trouble;    /* the capture's end was cut, ...; NULL when all was well */
    size_t filter_count, callout_count;
    struct run_filter *filters;
    struct run_callout *callouts;
    struct run_events events;
};

static inline void
run_report_count(struct run_report *report, const struct wfp_decision *decision)
{
    report->packets++;
    switch (decision->outcome) {
    case WFP_PERMITTED:
        report->permitted++;
        break;
    case WFP_ABSORBED:
        report->absorbed++;
        report->blocked++;
        break;
    case WFP_BLOCKED:
        report->blocked++;
        break;
    case WFP_UNDECODED:
        report->undecodable[decision->reason]++;
        break;
    }
}

/**
 * Ask engine and BFE for their part, while drivers are still loaded.
 * @return 0 or -WFP_ERR_NO_MEMORY
 */
int run_report_collect(struct run_report *report, struct machine *machine);
void run_report_fini(struct run_report *report);

void run_report_print_table(const struct run_report *report, struct machine *machine, FILE *out);
/** @return 0 or -WFP_ERR_NO_MEMORY / IO */
int run_report_print_json(const struct run_report *report, struct machine *machine, FILE *out);

#endif
