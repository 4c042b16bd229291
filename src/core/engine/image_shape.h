/*
 * Shapes: what a rule's tests fix of which fields, as far as a table could hash it.
 */
#ifndef WFP_CORE_ENGINE_IMAGE_SHAPE_H
#define WFP_CORE_ENGINE_IMAGE_SHAPE_H

#include "core/engine/image.h"

#define WFP_IMAGE_SHAPE_FIELDS 6u  /* hashed per rule */
#define WFP_IMAGE_ALTERNATIVES 8u  /* of one field */
#define WFP_IMAGE_COPIES       16u /* of one rule */

/** What a rule fixes of one field: its first bits. */
struct wfp_image_fixed {
    uint8_t field, word_count, bits, count;
    bool is_address;
    uint32_t word; /* of the key */
    uint32_t values[WFP_IMAGE_ALTERNATIVES][4];
};

struct wfp_image_shape {
    uint32_t count;
    struct wfp_image_fixed fixed[WFP_IMAGE_SHAPE_FIELDS];
};

/** The part of a field's word number @p word that its first @p bits bits are in. */
static inline uint32_t
wfp_image_shape_mask(uint32_t bits, uint32_t word)
{
    int left = (int)bits - 32 * (int)word;
    return left >= 32 ? UINT32_MAX : left <= 0 ? 0 : UINT32_MAX << (32 - left);
}

/** The shape of the rule at @p rule (walk.h), of a filter at @p layer_id. */
void wfp_image_shape_of(uint16_t layer_id, const uint32_t *rule, struct wfp_image_shape *shape);
/** What it fixes of @p field; NULL nothing. */
const struct wfp_image_fixed *wfp_image_shape_find(const struct wfp_image_shape *shape,
                                                   uint32_t field);
/** Do both fix the same bits of the same fields, in the same order? */
bool wfp_image_shape_is_same(const struct wfp_image_shape *a, const struct wfp_image_shape *b);
/** A coarse one: addresses rounded down, and nothing else where an address says enough. */
void wfp_image_shape_coarsen(struct wfp_image_shape *shape);

#endif
