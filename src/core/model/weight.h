/*
 * Automatic filter weights: the 64-bit effective weight that Windows gives a filter.
 *
 * Model      A UINT64 weight is kept. Otherwise the top four bits are the given UINT8 (or 0), and
 * the low 60 say how specific the conditions are. They are divided among the layer's fields:
 *
 *              63    60 59                                                             0
 *              +-------+-----------+--+----------+------------+- - - -+--+--+-----------+
 *              | range | addresses |if| protocol | local port |       |  |  | one bit   |
 *              +-------+-----------+--+----------+------------+- - - -+--+--+-----------+
 *
 *            A slot may be shared by fields that mean nearly the same. A field without a condition
 *            leaves its slot 0, one value fills it, a set of values fills it in proportion to
 *            1 - log2(size of the set) / bits of the field.
 *            A plan holds the slots of one layer of one build; it is made once and only read after.
 * Choice     docs/decisions/0004-automatic-weights.md has the rule and the evidence for it.
 * Ref        win32 FWP/filter-weight-assignment
 */
#ifndef WFP_CORE_MODEL_WEIGHT_H
#define WFP_CORE_MODEL_WEIGHT_H

#include "core/model/layer.h"

/** The bits of the effective weight below the given range. */
#define WFP_WEIGHT_AUTOMATIC_BITS 60

/** Fields a plan has room for: more than our layers have, for builds we do not know. */
#define WFP_WEIGHT_FIELD_MAX 96

struct wfp_weight_slot {
    uint8_t shift;
    uint8_t bits;
    uint8_t sharers; /* fields of this layer that share the slot */
};

struct wfp_weight_plan {
    uint16_t field_count;
    uint8_t slot_count;
    bool is_observed; /* the order of the slots was seen on Windows, not inferred from other layers
                       */
    struct wfp_weight_slot slots[WFP_WEIGHT_FIELD_MAX];
    struct {
        struct wfp_guid key;
        uint8_t bits; /* of the values the field delivers; 0 where they are not numbers */
        uint8_t slot;
    } fields[WFP_WEIGHT_FIELD_MAX];
};

/**
 * Divide the low 60 bits among the fields of a layer.
 *
 * @param layer_name  "ALE_AUTH_CONNECT_V4", with or without FWPM_LAYER_
 * @param fields      the field list of the build in question; key, condition_name, kind and type
 * count
 * @return 0, or -WFP_ERR_OUT_OF_BOUNDS for more than WFP_WEIGHT_FIELD_MAX fields
 *
 * Context: any thread; allocates nothing.
 */
int wfp_weight_plan(const char *layer_name, const struct wfp_field *fields, uint32_t count,
                    struct wfp_weight_plan *ret_plan);

/**
 * The effective weight of a filter.
 *
 * @param given  WFP_EMPTY, WFP_UINT8 (0 to 15) or WFP_UINT64
 * @return 0, -WFP_ERR_INVALID_WEIGHT, -WFP_ERR_CONDITION_NOT_FOUND for a key the layer lacks,
 *         -WFP_ERR_INVALID_RANGE for low > high, -WFP_ERR_NULL_POINTER
 *
 * Context: any thread; allocates nothing. Conditions are not validated beyond that.
 */
int wfp_weight_compute(const struct wfp_weight_plan *plan, const struct wfp_value *given,
                       const struct wfp_condition *conditions, uint32_t count,
                       uint64_t *ret_weight);

/** The same at one of our own layers, with all the fields we have. Context: as above. */
int wfp_weight_of(const struct wfp_layer *layer, const struct wfp_value *given,
                  const struct wfp_condition *conditions, uint32_t count, uint64_t *ret_weight);

#endif
