/*
 * Automatic weights: vectors that Windows wrote, and the properties of the rule behind them.
 *
 * Observed: effective weights on running systems, newest field lists unless a row says otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/model/weight.h"

struct clause {
    const char *field;
    enum wfp_match match;
    uint32_t low, high; /* a number, or the ends of a range */
};

struct vector {
    const char *layer;
    enum wfp_level level;
    struct clause clauses[6];
    uint64_t automatic;
};

#define ONE(field, value)                                                                          \
    {                                                                                              \
        field, WFP_MATCH_EQUAL, value, 0                                                           \
    }
#define MATCH(field, match, value)                                                                 \
    {                                                                                              \
        field, WFP_MATCH_##match, value, 0                                                         \
    }
#define RANGE(field, low, high)                                                                    \
    {                                                                                              \
        field, WFP_MATCH_RANGE, low, high                                                          \
    }

static const struct vector vectors[] = {
    /* one bit each for programs and users; packages share the program's bit */
    {"ALE_AUTH_CONNECT_V4", WFP_LEVEL_RS3, {ONE("ALE_APP_ID", 0)}, 0x2000000000},
    {"ALE_AUTH_CONNECT_V4", WFP_LEVEL_RS3, {MATCH("ALE_PACKAGE_ID", NOT_EQUAL, 0)}, 0x2000000000},
    {"ALE_AUTH_CONNECT_V4",
     WFP_LEVEL_RS3,
     {ONE("ALE_APP_ID", 0), ONE("ALE_PACKAGE_ID", 0)},
     0x2000000000},
    {"ALE_AUTH_CONNECT_V4", WFP_LEVEL_RS3, {ONE("ALE_USER_ID", 0)}, 0x1000000000},
    {"ALE_AUTH_CONNECT_V6", WFP_LEVEL_RS3, {ONE("ALE_USER_ID", 0)}, 0x800000000},
    /* every build that adds a field moves the slots above it */
    {"ALE_AUTH_CONNECT_V4", WFP_LEVEL_NEWEST, {ONE("ALE_APP_ID", 0)}, 0x4000000000},
    {"ALE_AUTH_LISTEN_V4", WFP_LEVEL_WIN10, {ONE("ALE_APP_ID", 0)}, 0x40},
    {"ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, {ONE("ALE_APP_ID", 0)}, 0x80},
    {"ALE_AUTH_LISTEN_V4", WFP_LEVEL_NEWEST, {ONE("ALE_APP_ID", 0)}, 0x80},
    {"ALE_AUTH_LISTEN_V4",
     WFP_LEVEL_WIN10,
     {MATCH("ALE_SIO_FIREWALL_SYSTEM_PORT", FLAGS_ALL_SET, 2)},
     0x1},
    /* one value fills a slot ... */
    {"ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, {ONE("IP_LOCAL_PORT", 7250)}, 0x3fffff00},
    {"ALE_AUTH_LISTEN_V6", WFP_LEVEL_RS3, {ONE("IP_LOCAL_PORT", 7250)}, 0x3ffff00},
    /* ... a range fills a part of it */
    {"ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, {RANGE("IP_LOCAL_PORT", 8554, 8558)}, 0x36b65800},
    {"ALE_RESOURCE_ASSIGNMENT_V4",
     WFP_LEVEL_RS3,
     {RANGE("IP_LOCAL_PORT", 5000, 5020)},
     0xb9b000000000000},
    {"ALE_AUTH_CONNECT_V4",
     WFP_LEVEL_NEWEST,
     {RANGE("IP_REMOTE_PORT", 1025, 5000)},
     UINT64_C(2) << 39},
    /* however wide the range, it outranks no condition; all values together do not */
    {"ALE_AUTH_CONNECT_V4",
     WFP_LEVEL_NEWEST,
     {RANGE("IP_REMOTE_PORT", 1, 65535)},
     UINT64_C(1) << 39},
    {"ALE_AUTH_CONNECT_V4", WFP_LEVEL_NEWEST, {RANGE("IP_REMOTE_ADDRESS", 0, UINT32_MAX)}, 0},
    /* fields that share a slot get an equal part of it */
    {"ALE_AUTH_CONNECT_V4", WFP_LEVEL_NEWEST, {ONE("IP_REMOTE_ADDRESS", 1)}, 0x400000000000000},
    {"ALE_AUTH_RECV_ACCEPT_V4", WFP_LEVEL_RS3, {ONE("IP_LOCAL_PORT", 53)}, 0x1000000000000},
    {"ALE_AUTH_RECV_ACCEPT_V4", WFP_LEVEL_RS3, {ONE("ORIGINAL_ICMP_TYPE", 8)}, 0x1000000000000},
    /* alternatives on one field add up */
    {"ALE_AUTH_RECV_ACCEPT_V4",
     WFP_LEVEL_NEWEST,
     {RANGE("IP_REMOTE_ADDRESS", 0xc0a80100, 0xc0a801ff),
      RANGE("IP_REMOTE_ADDRESS", 0xe0000000, 0xefffffff)},
     0x700000000000000},
    /* three of them count as one value, however little each says */
    {"ALE_AUTH_RECV_ACCEPT_V4",
     WFP_LEVEL_NEWEST,
     {RANGE("IP_REMOTE_ADDRESS", 0, 0xc0a80100), RANGE("IP_REMOTE_ADDRESS", 0xc0a801ff, 0xe0000000),
      RANGE("IP_REMOTE_ADDRESS", 0xefffffff, 0xffffffff)},
     0x800000000000000},
    {"ALE_FLOW_ESTABLISHED_V4",
     WFP_LEVEL_WIN10,
     {ONE("DIRECTION", 0), ONE("DIRECTION", 1), ONE("IP_PROTOCOL", 6), ONE("IP_PROTOCOL", 17)},
     0x7e00003ff0},
    {"ALE_FLOW_ESTABLISHED_V4", WFP_LEVEL_RS3, {ONE("IP_PROTOCOL", 6)}, 0x7c00000000},
    {"ALE_FLOW_ESTABLISHED_V4",
     WFP_LEVEL_NEWEST,
     {ONE("IP_PROTOCOL", 6), ONE("DIRECTION", 0)},
     0xfc00007fc0},
    {"OUTBOUND_ICMP_ERROR_V4",
     WFP_LEVEL_RS3,
     {MATCH("FLAGS", FLAGS_NONE_SET, 1), ONE("NEXTHOP_INTERFACE_PROFILE_ID", 2),
      ONE("IP_LOCAL_PORT", 3), RANGE("IP_REMOTE_PORT", 0, 3)},
     0x7fde00000c},
    {"INBOUND_TRANSPORT_V4_DISCARD",
     WFP_LEVEL_WIN10,
     {MATCH("FLAGS", FLAGS_NONE_SET, 3)},
     0x4000000},
    {"ALE_ENDPOINT_CLOSURE_V6", WFP_LEVEL_NEWEST, {ONE("IP_PROTOCOL", 6)}, 0x1fc00000000},
    {"ALE_CONNECT_REDIRECT_V4", WFP_LEVEL_NEWEST, {ONE("IP_PROTOCOL", 6)}, 0x1fc000000},
    {"IPFORWARD_V4", WFP_LEVEL_WIN10, {MATCH("FLAGS", FLAGS_NONE_SET, 786432)}, 0x2},
};

/* A value of the type that the field delivers. */
static struct wfp_value
number(const struct wfp_field *field, uint32_t value)
{
    static uint64_t wide;
    static struct wfp_blob blob;
    static uint8_t sid[12] = {1, 1};

    switch (field->type) {
    case WFP_UINT8:
        return (struct wfp_value){.type = WFP_UINT8, .uint8 = (uint8_t)value};
    case WFP_UINT16:
        return (struct wfp_value){.type = WFP_UINT16, .uint16 = (uint16_t)value};
    case WFP_UINT32:
        return (struct wfp_value){.type = WFP_UINT32, .uint32 = value};
    case WFP_UINT64:
        wide = value;
        return (struct wfp_value){.type = WFP_UINT64, .uint64 = &wide};
    case WFP_SID:
        return (struct wfp_value){.type = WFP_SID, .sid = sid};
    case WFP_TOKEN_ACCESS_INFORMATION:
        return (struct wfp_value){.type = WFP_SECURITY_DESCRIPTOR, .blob = &blob};
    default:
        return (struct wfp_value){.type = WFP_BYTE_BLOB, .blob = &blob};
    }
}

static uint32_t
make_conditions(const struct vector *vector, const struct wfp_layer *layer,
                struct wfp_condition conditions[6], struct wfp_range ranges[6])
{
    uint32_t count = 0;

    for (; count < 6 && vector->clauses[count].field; count++) {
        const struct clause *clause = &vector->clauses[count];
        int index = wfp_layer_find_field_name(layer, clause->field);
        const struct wfp_field *field;

        assert_true(index >= 0);
        field = &layer->fields[index];
        conditions[count].field_key = field->condition_key;
        conditions[count].match = clause->match;
        conditions[count].value = number(field, clause->low);
        if (clause->match != WFP_MATCH_RANGE)
            continue;
        ranges[count].low = number(field, clause->low);
        ranges[count].high = number(field, clause->high);
        conditions[count].value = (struct wfp_value){.type = WFP_RANGE, .range = &ranges[count]};
    }
    return count;
}

static void
test_windows_vectors(void **state)
{
    for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
        const struct wfp_layer *layer = wfp_layer_find_name(vectors[i].layer);
        struct wfp_value given = {.type = WFP_EMPTY};
        struct wfp_weight_plan plan;
        struct wfp_condition conditions[6];
        struct wfp_range ranges[6];
        uint32_t count;
        uint64_t weight = 0;

        assert_non_null(layer);
        assert_int_equal(wfp_weight_plan(layer->name, layer->fields,
                                         (uint32_t)layer->field_counts[vectors[i].level], &plan),
                         0);
        assert_true(plan.is_observed);
        count = make_conditions(&vectors[i], layer, conditions, ranges);
        assert_int_equal(wfp_weight_compute(&plan, &given, conditions, count, &weight), 0);
        if (weight != vectors[i].automatic)
            print_error("row %zu: %s\n", i, vectors[i].layer);
        assert_int_equal(weight, vectors[i].automatic);

        if (vectors[i].level == WFP_LEVEL_NEWEST) {
            assert_int_equal(wfp_weight_of(layer, &given, conditions, count, &weight), 0);
            assert_int_equal(weight, vectors[i].automatic);
        }
        given = (struct wfp_value){.type = WFP_UINT8, .uint8 = 9};
        assert_int_equal(wfp_weight_compute(&plan, &given, conditions, count, &weight), 0);
        assert_int_equal(weight, UINT64_C(9) << 60 | vectors[i].automatic);
    }
}

static void
test_v6_prefixes_add_up_before_they_are_rounded(void **state)
{
    const struct wfp_layer *layer = wfp_layer_find_name("ALE_AUTH_CONNECT_V6");
    struct wfp_v6_mask mask = {.addr = {0xfe, 0x80}, .prefix_length = 10};
    struct wfp_array16 address = {{0xfe, 0x80, [15] = 1}};
    struct wfp_value given = {.type = WFP_EMPTY};
    struct wfp_condition conditions[2] = {
        {.field_key = layer->fields[WFP_FIELD_ALE_AUTH_CONNECT_V6_IP_REMOTE_ADDRESS].condition_key,
         .value = {.type = WFP_BYTE_ARRAY16, .array16 = &address}},
        {.field_key = layer->fields[WFP_FIELD_ALE_AUTH_CONNECT_V6_IP_LOCAL_ADDRESS].condition_key,
         .value = {.type = WFP_V6_ADDR_MASK, .v6_mask = &mask}},
    };
    struct wfp_weight_plan plan;
    uint64_t weight;

    assert_int_equal(wfp_weight_plan(layer->name, layer->fields, layer->field_count, &plan), 0);
    assert_int_equal(wfp_weight_compute(&plan, &given, conditions, 1, &weight), 0);
    assert_int_equal(weight, UINT64_C(512) << 49);
    assert_int_equal(wfp_weight_compute(&plan, &given, conditions, 2, &weight), 0);
    assert_int_equal(weight, UINT64_C(551) << 49);
}

static void
test_slots_of_every_layer_fill_60_bits_without_overlap(void **state)
{
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        for (int level = 0; level < WFP_LEVEL_COUNT; level++) {
            struct wfp_weight_plan plan;
            unsigned bits = 0;
            bool has_wide = false;

            if (layer->field_counts[level] < 0)
                continue;
            assert_int_equal(wfp_weight_plan(layer->name, layer->fields,
                                             (uint32_t)layer->field_counts[level], &plan),
                             0);
            for (uint8_t s = 0; s < plan.slot_count; s++) {
                assert_int_equal(plan.slots[s].shift, bits);
                assert_true(plan.slots[s].sharers > 0);
                bits += plan.slots[s].bits;
                has_wide |= plan.slots[s].bits > 1;
            }
            assert_true(bits <= WFP_WEIGHT_AUTOMATIC_BITS);
            if (has_wide)
                assert_int_equal(bits, WFP_WEIGHT_AUTOMATIC_BITS);
        }
    }
}

static void
test_given_weights(void **state)
{
    uint64_t number = 0xfedcba9876543210;
    struct wfp_value kept = {.type = WFP_UINT64, .uint64 = &number};
    struct wfp_value null = {.type = WFP_UINT64, .uint64 = NULL};
    struct wfp_value large = {.type = WFP_UINT8, .uint8 = 16};
    struct wfp_value top = {.type = WFP_UINT8, .uint8 = 15};
    struct wfp_value wrong = {.type = WFP_UINT32, .uint32 = 1};
    struct wfp_value empty = {.type = WFP_EMPTY};
    const struct wfp_layer *layer = wfp_layer_find_name("STREAM_V4");
    struct wfp_weight_plan plan, fieldless;
    uint64_t weight = 77;

    assert_int_equal(wfp_weight_plan(layer->name, layer->fields, layer->field_count, &plan), 0);
    assert_int_equal(wfp_weight_compute(&plan, &wrong, NULL, 0, &weight), -WFP_ERR_INVALID_WEIGHT);
    assert_int_equal(wfp_weight_compute(&plan, &large, NULL, 0, &weight), -WFP_ERR_INVALID_WEIGHT);
    assert_int_equal(wfp_weight_compute(&plan, &null, NULL, 0, &weight), -WFP_ERR_NULL_POINTER);
    assert_int_equal(weight, 77);
    assert_int_equal(wfp_weight_compute(&plan, &kept, NULL, 0, &weight), 0);
    assert_int_equal(weight, number);
    assert_int_equal(wfp_weight_compute(&plan, &top, NULL, 0, &weight), 0);
    assert_int_equal(weight, UINT64_C(15) << 60);
    assert_int_equal(wfp_weight_compute(&plan, &empty, NULL, 0, &weight), 0);
    assert_int_equal(weight, 0);
    /* a layer without fields */
    assert_int_equal(wfp_weight_plan("INBOUND_TRANSPORT_FAST", NULL, 0, &fieldless), 0);
    assert_int_equal(wfp_weight_compute(&fieldless, &empty, NULL, 0, &weight), 0);
    assert_int_equal(weight, 0x7ffffffffffffff);
}

static void
test_bad_conditions(void **state)
{
    const struct wfp_layer *layer = wfp_layer_find_name("ALE_AUTH_CONNECT_V4");
    struct wfp_value empty = {.type = WFP_EMPTY};
    struct wfp_range range = {{.type = WFP_UINT16, .uint16 = 2}, {.type = WFP_UINT16, .uint16 = 1}};
    struct wfp_condition unknown = {.field_key = {1, 2, 3, {4}}};
    struct wfp_condition backward = {
        .field_key = layer->fields[WFP_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_PORT].condition_key,
        .match = WFP_MATCH_RANGE,
        .value = {.type = WFP_RANGE, .range = &range},
    };
    struct wfp_condition null = backward;
    struct wfp_field many[WFP_WEIGHT_FIELD_MAX + 1] = {0};
    struct wfp_weight_plan plan;
    uint64_t weight;

    null.value.range = NULL;
    for (size_t i = 0; i < ELEMENTSOF(many); i++)
        many[i] = layer->fields[0];
    assert_int_equal(wfp_weight_plan(layer->name, layer->fields, layer->field_count, &plan), 0);
    assert_int_equal(wfp_weight_compute(&plan, &empty, &unknown, 1, &weight),
                     -WFP_ERR_CONDITION_NOT_FOUND);
    assert_int_equal(wfp_weight_compute(&plan, &empty, &backward, 1, &weight),
                     -WFP_ERR_INVALID_RANGE);
    assert_int_equal(wfp_weight_compute(&plan, &empty, &null, 1, &weight), -WFP_ERR_NULL_POINTER);
    assert_int_equal(wfp_weight_plan("X", many, ELEMENTSOF(many), &plan), -WFP_ERR_OUT_OF_BOUNDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_vectors),
        cmocka_unit_test(test_v6_prefixes_add_up_before_they_are_rounded),
        cmocka_unit_test(test_slots_of_every_layer_fill_60_bits_without_overlap),
        cmocka_unit_test(test_given_weights),
        cmocka_unit_test(test_bad_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
