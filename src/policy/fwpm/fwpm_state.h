/*
 * Inside policy/fwpm: the service's state changed.
 */
#ifndef WFP_POLICY_FWPM_FWPM_STATE_H
#define WFP_POLICY_FWPM_FWPM_STATE_H

/** Tell everyone who subscribed. Context: no locks. */
void wfp_fwpm_state_changed(int new_state);

#endif
