/*
 * Key records: the values of an indication as words, at places fixed per layer.
 *
 * Model      A value takes as many words as its type needs, most significant first, so that
 *            comparing words compares values: 8 to 32 bits one word (signed ones with the sign
 *            flipped), 64 bits and MAC addresses two, IPv6 addresses four, blobs and SIDs two words
 *            of hash. Tokens, strings and floats have none: conditions on them are verified on the
 *            values. Only the fields that some filter of the layer tests are written (the plan).
 */
#ifndef WFP_CORE_ENGINE_KEY_H
#define WFP_CORE_ENGINE_KEY_H

#include "core/engine/engine.h"
#include "core/engine/walk.h"
#include "core/model/layer.h"

/** Fields to write, in order. */
struct wfp_key_plan {
    uint16_t count;
    uint8_t fields[WFP_FIELD_MAX];
};

/** First word of a field's value. */
uint32_t wfp_key_word(uint16_t layer_id, uint32_t field);
/** Words of a value of a type; 0 if conditions on it cannot be decided by words. */
uint32_t wfp_key_type_words(uint32_t type);
/** The words of one value of a type that has words. */
void wfp_key_value(const struct wfp_value *value, uint32_t *ret_words);
/** Write the record. Context: no locks, no allocation. */
void wfp_key_build(const struct wfp_key_plan *plan, const struct wfp_indication *indication,
                   uint32_t key[WFP_KEY_WORDS]);

#endif
