/* Packed and spread out again, a condition is what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "core/model/condition_pack.h"
#include "core/model/filter.h"

#define LAYER WFP_LAYER_OUTBOUND_TRANSPORT_V4

static uint64_t wide = 0x1122334455667788;
static int64_t negative = -5;
static double real = 0.5;
static struct wfp_array16 array16 = {"0123456789abcde"};
static struct wfp_array6 array6 = {"01234"};
static uint8_t bytes[] = {1, 2, 3, 4, 5};
static struct wfp_blob blob = {5, bytes}, no_bytes = {0, NULL};
static uint8_t sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
static uint16_t text[] = {'a', 'b', 0};
static struct wfp_v4_mask v4 = {0x0a000000, 0xff000000};
static struct wfp_v6_mask v6 = {{0xfe, 0x80}, 10};
static struct wfp_range ports = {{WFP_UINT16, {.uint16 = 1}}, {WFP_UINT16, {.uint16 = 1024}}};
static uint64_t low = 1, high = UINT64_MAX;
static struct wfp_range wides = {{WFP_UINT64, {.uint64 = &low}}, {WFP_UINT64, {.uint64 = &high}}};
static struct wfp_range addresses = {{WFP_BYTE_ARRAY16, {.array16 = &array16}},
                                     {WFP_BYTE_ARRAY16, {.array16 = &array16}}};
static struct wfp_range blobs = {{WFP_BYTE_BLOB, {.blob = &blob}},
                                 {WFP_BYTE_BLOB, {.blob = &blob}}};

static struct wfp_value values[] = {
    {WFP_EMPTY, {0}},
    {WFP_UINT8, {.uint8 = 200}},
    {WFP_UINT16, {.uint16 = 60000}},
    {WFP_UINT32, {.uint32 = 0xdeadbeef}},
    {WFP_UINT64, {.uint64 = &wide}},
    {WFP_INT8, {.int8 = -1}},
    {WFP_INT16, {.int16 = -300}},
    {WFP_INT32, {.int32 = -70000}},
    {WFP_INT64, {.int64 = &negative}},
    {WFP_FLOAT, {.float32 = 1.5f}},
    {WFP_DOUBLE, {.double64 = &real}},
    {WFP_BYTE_ARRAY16, {.array16 = &array16}},
    {WFP_BYTE_ARRAY6, {.array6 = &array6}},
    {WFP_BYTE_BLOB, {.blob = &blob}},
    {WFP_BYTE_BLOB, {.blob = &no_bytes}},
    {WFP_SECURITY_DESCRIPTOR, {.blob = &blob}},
    {WFP_SID, {.sid = sid}},
    {WFP_UNICODE_STRING, {.string_utf16 = text}},
    {WFP_V4_ADDR_MASK, {.v4_mask = &v4}},
    {WFP_V6_ADDR_MASK, {.v6_mask = &v6}},
    {WFP_RANGE, {.range = &ports}},
    {WFP_RANGE, {.range = &wides}},
    {WFP_RANGE, {.range = &addresses}},
};

static struct wfp_condition
condition_of(size_t i)
{
    return (struct wfp_condition){.field_key =
                                      wfp_layer_find_id(LAYER)->fields[i % 8].condition_key,
                                  .match = (uint32_t)(i % WFP_MATCH_TYPE_MAX),
                                  .value = values[i]};
}

static void
assert_same(const struct wfp_condition *a, const struct wfp_condition *b)
{
    assert_true(wfp_guid_equal(&a->field_key, &b->field_key));
    assert_int_equal(a->match, b->match);
    assert_int_equal(a->value.type, b->value.type);
    assert_true(wfp_value_equal(&a->value, &b->value));
}

static void
test_each_type_survives(void **state)
{
    const struct wfp_layer *layer = wfp_layer_find_id(LAYER);

    for (size_t i = 0; i < ELEMENTSOF(values); i++) {
        struct wfp_condition condition = condition_of(i);
        size_t size = wfp_condition_pack_size(&condition);
        uint8_t *packed = malloc(size); /* exactly, so that sanitizers see a step too far */
        struct wfp_condition_view view;

        assert_true(size >= 4 && size % 4 == 0);
        assert_ptr_equal(wfp_condition_pack(&condition, i % 8, packed), packed + size);
        assert_ptr_equal(wfp_condition_unpack(layer, packed, &view), packed + size);
        assert_int_equal(view.field, i % 8);
        assert_same(&view.condition, &condition);
        free(packed);
    }
}

static void
test_what_cannot_be_packed(void **state)
{
    struct wfp_token_information token = {0};
    struct wfp_condition conditions[] = {
        {.match = WFP_MATCH_RANGE, .value = {WFP_RANGE, {.range = &blobs}}},
        {.match = WFP_MATCH_EQUAL, .value = {WFP_TOKEN_INFORMATION, {.token = &token}}},
        {.match = WFP_MATCH_EQUAL, .value = {WFP_TOKEN_ACCESS_INFORMATION, {.blob = &blob}}},
        {.match = 256, .value = {WFP_UINT8, {.uint8 = 1}}},
    };

    for (size_t i = 0; i < ELEMENTSOF(conditions); i++)
        assert_int_equal(wfp_condition_pack_size(&conditions[i]), 0);
}

static void
test_a_filter_gives_its_conditions_either_way(void **state)
{
    struct wfp_condition conditions[ELEMENTSOF(values)];
    uint8_t packed[1024], *place = packed;
    struct wfp_filter filter = {
        .layer_id = LAYER, .condition_count = ELEMENTSOF(values), .conditions = conditions};

    for (size_t i = 0; i < ELEMENTSOF(values); i++) {
        conditions[i] = condition_of(i);
        place = wfp_condition_pack(&conditions[i], i % 8, place);
    }
    for (int round = 0; round < 2; round++) {
        struct wfp_filter_walk walk = wfp_filter_walk(&filter);
        struct wfp_condition_view view;

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
            assert_same(wfp_filter_next(&walk), &conditions[i]);
            assert_same(wfp_filter_condition(&filter, walk.at, &view), &conditions[i]);
        }
        assert_null(wfp_filter_next(&walk));
        filter.is_packed = true;
        filter.packed_conditions = packed;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_type_survives),
        cmocka_unit_test(test_what_cannot_be_packed),
        cmocka_unit_test(test_a_filter_gives_its_conditions_either_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
