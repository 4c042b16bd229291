/*
 * Inside BFE: security descriptors and access checks.
 *
 * Ref        win32 FWP/access-control, FWP/access-right-identifiers
 */
#ifndef WFP_POLICY_BFE_BFE_SECURITY_H
#define WFP_POLICY_BFE_BFE_SECURITY_H

#include "policy/bfe/bfe_internal.h"
#include "policy/bfe/bfe_query.h"

/* GENERIC_* as they stand in access control entries */
#define WFP_ACTRL_GENERIC_ALL 0x10000000u
#define WFP_ACTRL_GENERIC_RWX 0xE0000000u

/** What the engine has before anyone sets anything. */
int wfp_bfe_descriptor_default(struct wfp_bfe_sd **ret_sd);

#endif
