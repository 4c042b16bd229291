/*
 * The Fwpm* functions' joint to the rest of the program: which BFE they reach.
 */
#ifndef WFP_POLICY_FWPM_FWPM_H
#define WFP_POLICY_FWPM_FWPM_H

#include "base/export.h"

struct wfp_bfe;

/**
 * From here on Fwpm* calls reach @p bfe; NULL: the service has stopped. Subscribers to the service's
 * state are called. The caller keeps BFE alive until it has set another or NULL.
 */
void wfp_fwpm_set_bfe(struct wfp_bfe *bfe);

/**
 * How to enter a driver's FWPM_SERVICE_STATE_CHANGE_CALLBACK0. The runtime sets its door, so that a
 * callback runs at the right IRQL and a fault names the driver; the default calls directly.
 */
typedef void wfp_fwpm_state_door(void *callback, void *context, int new_state);
void wfp_fwpm_set_state_door(wfp_fwpm_state_door *door);

/** fwpkclnt.sys, the management side. The callout side has a table of its own. */
extern const struct wfp_export_table policy_fwpm_exports;

#endif
