/*
 * Conditions packed: a policy may have a million of them.
 *
 * Model      [field | match | type | type of a range's ends] and the value behind it, in words of four
 *            bytes. The field is its index in the layer instead of its key; what FWP_VALUE0 points to
 *            follows in place. To be read, a condition is spread out again into a view.
 *
 *              numbers of 8 to 32 bits, FLOAT   one word
 *              64 bits                          two
 *              V4_ADDR_MASK                     address, mask
 *              arrays, V6_ADDR_MASK, SID, text  their bytes
 *              blobs, security descriptors      size, their bytes
 *              RANGE                            both ends
 *
 * Not here   Token information, and ranges of what has no fixed size: such filters stay as they are.
 */
#ifndef WFP_CORE_MODEL_CONDITION_PACK_H
#define WFP_CORE_MODEL_CONDITION_PACK_H

#include "core/model/layer.h"

/** A condition spread out: `condition` may point to the rest, or to the packed bytes. */
struct wfp_condition_view {
    struct wfp_condition condition;
    int field; /* its index in the layer; -1 where that is not known */
    union {
        struct wfp_range range;
        struct wfp_blob blob;
    };
    uint64_t numbers[2];
};

/** Bytes it takes, a multiple of 4; 0 if it cannot be packed. */
size_t wfp_condition_pack_size(const struct wfp_condition *condition);
/** @p field is the index of its key in the layer. @return behind it */
uint8_t *wfp_condition_pack(const struct wfp_condition *condition, uint32_t field, uint8_t *place);
/**
 * Spread out the condition at @p packed of a filter at @p layer.
 * @return behind it. The view points into itself: it must not be copied
 */
const uint8_t *wfp_condition_unpack(const struct wfp_layer *layer, const uint8_t *packed,
                                    struct wfp_condition_view *ret_view);

#endif
