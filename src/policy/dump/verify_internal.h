/*
 * The questions that verifying asks, each in a file of its own.
 */
#ifndef WFP_POLICY_DUMP_VERIFY_INTERNAL_H
#define WFP_POLICY_DUMP_VERIFY_INTERNAL_H

#include "policy/dump/verify.h"

/** Add a difference. @return 0 or -WFP_ERR_NO_MEMORY */
int wfp_verify_note(struct wfp_verify_report *report, const char *kind, unsigned line,
                    const char *format, ...) _printf_(4, 5);
/** verify_weights.c; infers the build of a filters file. */
int wfp_verify_weights(const struct wfp_dump *dump, struct wfp_verify_report *report);
/** verify_layers.c; finds the build of a state file. */
int wfp_verify_layers(const struct wfp_dump *dump, struct wfp_verify_report *report);
/** verify_objects.c: what the import made against what the file says. */
int wfp_verify_objects(struct wfp_bfe_session *session, const struct wfp_dump *dump,
                       struct wfp_verify_report *report);
/** verify_order.c */
int wfp_verify_order(const struct wfp_dump *dump, struct wfp_verify_report *report);

#endif
