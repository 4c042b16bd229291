/*
 * Rebuilding a dump in our own BFE.
 *
 * Model      Objects go in by dependency, filters in the order of their run-time ids, so that ties
 * keep their order. What is built in already is left as it is. A filters file has neither sublayers
 *            nor callouts nor contexts: those its filters need are made up, and counted. What only a
 *            newer build can hold is left aside, and counted; IPsec policies are kept as their text.
 */
#ifndef WFP_POLICY_DUMP_IMPORT_H
#define WFP_POLICY_DUMP_IMPORT_H

#include "policy/bfe/bfe.h"
#include "policy/dump/dump.h"

struct wfp_import_result {
    uint32_t providers, sublayers, callouts, contexts, filters; /* added */
    uint32_t already_there;                                     /* built in */
    uint32_t made_up; /* objects that filters refer to and the file does not hold */
    uint32_t aside;   /* of a newer build: at layers, on fields or of types we do not know */
    uint32_t refused; /* by BFE; each was reported */
};

/** Called for each object BFE refused. */
typedef void wfp_import_refusal(void *context, unsigned line, const char *kind,
                                const struct wfp_guid *key, int error);

/** Can the engine hold such a filter: does it know the layer and the fields? */
bool wfp_import_is_aside(const struct wfp_dump_filter *filter);

/**
 * Add all of @p dump in one transaction of @p session.
 *
 * @return 0 even if BFE refused some objects, or the error of the transaction itself
 */
int wfp_import_run(struct wfp_bfe_session *session, const struct wfp_dump *dump,
                   wfp_import_refusal *on_refusal, void *context,
                   struct wfp_import_result *ret_result);

#endif
