/*
 * Conditions: which are legal, and when one is true.
 *
 * Model      match.def has the legal combinations. A field that is EMPTY (unknown) makes every
 *            condition false but EQUAL to EMPTY. Types are never converted.
 * Not here   AND across fields and OR within one: the engine.
 * Ref        win32 fwptypes/ne-fwptypes-fwp_match_type
 */
#ifndef WFP_CORE_MODEL_CONDITION_H
#define WFP_CORE_MODEL_CONDITION_H

#include "core/model/layer.h"

/**
 * May a filter at @p layer carry @p condition?
 *
 * @return 0, -WFP_ERR_CONDITION_NOT_FOUND (no such field), -WFP_ERR_INVALID_ENUMERATOR (a match or
 *         data type that does not exist), -WFP_ERR_TYPE_MISMATCH (the field is never tested with
 *         such a value), -WFP_ERR_MATCH_TYPE_MISMATCH (nor in this way), -WFP_ERR_NULL_POINTER,
 *         -WFP_ERR_INVALID_RANGE (low above high), -WFP_ERR_INVALID_NET_MASK,
 *         -WFP_ERR_INVALID_SECURITY_DESCR (not self-relative, or broken),
 *         -WFP_ERR_INVALID_PARAMETER (a broken SID)
 */
int wfp_condition_check(const struct wfp_layer *layer, const struct wfp_condition *condition);

/**
 * Is the condition (@p match, @p operand) true of a field's @p value? The operand must have passed
 * wfp_condition_check(). Context: no locks, no allocation.
 */
bool wfp_condition_match(const struct wfp_value *value, uint32_t match,
                         const struct wfp_value *operand);

#endif
