/*
 * What a run's report tells of conversations, streams and fragments: how many, and what was given up, and why.
 */
#ifndef WFP_PROGRAMS_RUN_FLOWS_H
#define WFP_PROGRAMS_RUN_FLOWS_H

#include <jansson.h>
#include <stdio.h>

#include "core/shims/stack.h"

void run_flows_print(struct wfp_stack *stack, FILE *out);
/** {"flows": {...}, "streams": {...}, "fragments": {...}} for the document; NULL without memory. */
json_t *run_flows_json(struct wfp_stack *stack);

#endif
