/*
 * From a rule's tests to its shape; see image_shape.h.
 */
#include "core/engine/image_shape.h"

#include <string.h>

/* Leading bits in which a and b agree. */
static uint32_t
common_bits(const uint32_t *a, const uint32_t *b, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        if (a[i] != b[i])
            return 32 * i + (uint32_t)__builtin_clz(a[i] ^ b[i]);
    return 32 * words;
}

/* Leading ones of a mask, if it has no others. */
static uint32_t
mask_bits(const uint32_t *mask, uint32_t words)
{
    uint32_t bits = 0;

    while (bits < 32 * words && mask[bits / 32] >> (31 - bits % 32) & 1)
        bits++;
    for (uint32_t i = 0; i < words; i++)
        if (mask[i] != wfp_image_shape_mask(bits, i))
            return 0;
    return bits;
}

/* How many leading bits one test fixes, and to what. */
static uint32_t
test_bits(const uint32_t *test, const uint32_t **ret_value)
{
    uint32_t word = test[0], n = WFP_TEST_COUNT(word);

    if (word & WFP_TEST_NEGATED)
        return 0;
    switch (WFP_TEST_OP(word)) {
    case WFP_TEST_EQUAL:
    case WFP_TEST_HASH:
        *ret_value = test + 1;
        return 32 * n;
    case WFP_TEST_MASK:
        *ret_value = test + 1 + n;
        return mask_bits(test + 1, n);
    case WFP_TEST_RANGE:
        *ret_value = test + 1;
        return common_bits(test + 1, test + 1 + n, n);
    default:
        return 0;
    }
}

/* Few lengths, so that few tables: an address by steps, anything else whole or not at all. */
static uint32_t
round_bits(bool is_address, uint32_t words, uint32_t bits)
{
    static const uint8_t steps[] = {128, 64, 56, 48, 40, 32, 28, 24, 20, 16, 12, 8};

    if (!is_address)
        return bits == 32 * words ? bits : 0;
    for (size_t i = 0; i < ELEMENTSOF(steps); i++)
        if (bits >= steps[i])
            return steps[i];
    return 0;
}

/* Adds a field's alternatives to the shape, if all of them fix something. @return words read */
static void
shape_field(uint16_t layer_id, const uint32_t *test, uint32_t tests, struct wfp_image_shape *shape)
{
    struct wfp_image_fixed fixed = {.field = WFP_TEST_FIELD(test[0]),
                                    .word = WFP_TEST_KEY(test[0])};
    const struct wfp_field *field = &wfp_layer_find_id(layer_id)->fields[fixed.field];
    uint32_t bits = UINT32_MAX;

    fixed.word_count = WFP_TEST_COUNT(test[0]);
    fixed.is_address = field->kind == WFP_FIELD_IP_ADDRESS;
    for (uint32_t i = 0; i < tests && bits; i++) {
        const uint32_t *value = NULL;

        bits = tests > WFP_IMAGE_ALTERNATIVES ? 0 : MIN(bits, test_bits(test, &value));
        if (bits)
            memcpy(fixed.values[fixed.count++], value, fixed.word_count * sizeof(uint32_t));
        test += wfp_walk_test_words(test[0]);
    }
    bits = round_bits(fixed.is_address, fixed.word_count, bits);
    if (!bits || shape->count == WFP_IMAGE_SHAPE_FIELDS)
        return;
    fixed.bits = (uint8_t)bits;
    shape->fixed[shape->count++] = fixed;
}

/* Fewer copies: the field with most alternatives is no longer hashed. */
static void
limit_copies(struct wfp_image_shape *shape)
{
    for (;;) {
        uint32_t copies = 1, most = 0;

        for (uint32_t i = 0; i < shape->count; i++) {
            copies *= shape->fixed[i].count;
            if (shape->fixed[i].count > shape->fixed[most].count)
                most = i;
        }
        if (copies <= WFP_IMAGE_COPIES)
            return;
        shape->fixed[most] = shape->fixed[--shape->count];
    }
}

void
wfp_image_shape_of(uint16_t layer_id, const uint32_t *rule, struct wfp_image_shape *shape)
{
    const uint32_t *test = rule + WFP_RULE_TEST_AT, *first = test;
    uint32_t alternatives = 0;

    shape->count = 0;
    for (uint32_t i = 0; i < rule[1]; i++) {
        alternatives++;
        if (test[0] & WFP_TEST_LAST) {
            shape_field(layer_id, first, alternatives, shape);
            first = test + wfp_walk_test_words(test[0]);
            alternatives = 0;
        }
        test += wfp_walk_test_words(test[0]);
    }
    limit_copies(shape);
}

const struct wfp_image_fixed *
wfp_image_shape_find(const struct wfp_image_shape *shape, uint32_t field)
{
    for (uint32_t i = 0; i < shape->count; i++)
        if (shape->fixed[i].field == field)
            return &shape->fixed[i];
    return NULL;
}

bool
wfp_image_shape_is_same(const struct wfp_image_shape *a, const struct wfp_image_shape *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->fixed[i].field != b->fixed[i].field || a->fixed[i].bits != b->fixed[i].bits)
            return false;
    return true;
}

/* A coarse table: addresses rounded down, and nothing else where an address says enough. */
void
wfp_image_shape_coarsen(struct wfp_image_shape *shape)
{
    bool has_address = false;

    for (uint32_t i = 0; i < shape->count; i++) {
        struct wfp_image_fixed *fixed = &shape->fixed[i];
        if (!fixed->is_address)
            continue;
        if (fixed->word_count == 1)
            fixed->bits = fixed->bits >= 24 ? 24 : fixed->bits >= 16 ? 16 : fixed->bits;
        else
            fixed->bits = fixed->bits >= 64 ? 64 : fixed->bits >= 48 ? 48 : fixed->bits;
        has_address |= fixed->bits >= 16;
    }
    for (uint32_t i = 0; has_address && i < shape->count;) {
        if (shape->fixed[i].is_address)
            i++;
        else
            shape->fixed[i] = shape->fixed[--shape->count];
    }
}
