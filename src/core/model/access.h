/*
 * Security identifiers, self-relative security descriptors, and the access check that a token
 * condition makes.
 *
 * Model      A condition on a token field is true when the token would be granted
 *            FWP_ACTRL_MATCH_FILTER (1) by the descriptor's DACL. Bytes may come from anyone: every
 *            offset and length is checked.
 * Ref        win32 SecAuthZ/how-dacls-control-access-to-an-object
 */
#ifndef WFP_CORE_MODEL_ACCESS_H
#define WFP_CORE_MODEL_ACCESS_H

#include "core/model/value.h"

#define WFP_ACCESS_MATCH_FILTER 1u /* FWP_ACTRL_MATCH_FILTER */

/** Revision 1 and at most 15 sub-authorities. */
bool wfp_access_sid_is_valid(const void *sid);
/** @return 0, -WFP_ERR_NULL_POINTER or -WFP_ERR_INVALID_SECURITY_DESCR */
int wfp_access_descriptor_check(const struct wfp_blob *descriptor);
/**
 * Does @p token (TOKEN_INFORMATION or TOKEN_ACCESS_INFORMATION) pass? A null DACL admits everyone,
 * an empty one no one. A restricted token must pass with both of its lists.
 * Context: no locks, no allocation.
 */
bool wfp_access_check(const struct wfp_blob *descriptor, const struct wfp_value *token);
/** The user's SID, the first of the token's, or NULL. Borrowed from @p token. */
const void *wfp_access_user_sid(const struct wfp_value *token);

#endif
