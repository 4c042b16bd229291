/*
 * The conditions of a filter as a whole: each legal at the layer, and groups that hold together.
 *
 * Model      Neighbours on one field form an OR group; groups are ANDed.
 * Choice     A field taken up again after another one is refused as a duplicate: the documentation
 *            describes consecutive conditions only, and no live filter was seen doing it.
 * Not here   The legality of one condition: core/model/condition.h.
 * Ref        win32 fwpmtypes/ns-fwpmtypes-fwpm_filter0, FWP/wfp-error-codes
 */
#include "core/model/condition.h"
#include "policy/bfe/bfe_internal.h"

int
wfp_bfe_condition_check_all(const struct wfp_layer *layer, uint32_t count,
                            const struct wfp_condition *conditions)
{
    uint64_t seen = 0; /* a bit per field */
    int previous = -1;

    static_assert(WFP_FIELD_MAX <= 64, "one bit per field");
    if (count && !conditions)
        return -WFP_ERR_NULL_POINTER;
    for (uint32_t i = 0; i < count; i++) {
        int field = wfp_layer_find_field(layer, &conditions[i].field_key);
        int r;

        if (field < 0)
            return field;
        if (field != previous && (seen & 1ull << field))
            return -WFP_ERR_DUPLICATE_CONDITION;
        seen |= 1ull << field;
        previous = field;
        r = wfp_condition_check(layer, &conditions[i]);
        if (r < 0)
            return r;
    }
    return 0;
}
