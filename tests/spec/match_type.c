/*
 * Page: win32 fwptypes ne-fwp_match_type (with fwpmtypes fwpm_filter_condition0 and
 * fwpmfilteradd0). A row per rule: a condition on a field, a value, and whether it is true; and
 * which combinations are legal. The conditions run through the engine, not through a helper.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../unit/core/engine/policy.h"

#include "core/model/condition.h"

/* Layers by the types their fields have. */
#define TRANSPORT WFP_LAYER_OUTBOUND_TRANSPORT_V4
#define CONNECT4  WFP_LAYER_ALE_AUTH_CONNECT_V4
#define CONNECT6  WFP_LAYER_ALE_AUTH_CONNECT_V6
#define MAC       WFP_LAYER_INBOUND_MAC_FRAME_ETHERNET
#define BIND6     WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V6

#define F4(name) WFP_FIELD_ALE_AUTH_CONNECT_V4_##name
#define F6(name) WFP_FIELD_ALE_AUTH_CONNECT_V6_##name

#define U8(n)                                                                                      \
    {                                                                                              \
        WFP_UINT8,                                                                                 \
        {                                                                                          \
            .uint8 = n                                                                             \
        }                                                                                          \
    }
#define U16(n)                                                                                     \
    {                                                                                              \
        WFP_UINT16,                                                                                \
        {                                                                                          \
            .uint16 = n                                                                            \
        }                                                                                          \
    }
#define U32(n)                                                                                     \
    {                                                                                              \
        WFP_UINT32,                                                                                \
        {                                                                                          \
            .uint32 = n                                                                            \
        }                                                                                          \
    }
#define U64(n)                                                                                     \
    {                                                                                              \
        WFP_UINT64,                                                                                \
        {                                                                                          \
            .uint64 = &(uint64_t)                                                                  \
            {                                                                                      \
                n                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define A16(...)                                                                                   \
    {                                                                                              \
        WFP_BYTE_ARRAY16,                                                                          \
        {                                                                                          \
            .array16 = &(struct wfp_array16)                                                       \
            {                                                                                      \
                {                                                                                  \
                    __VA_ARGS__                                                                    \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define A6(...)                                                                                    \
    {                                                                                              \
        WFP_BYTE_ARRAY6,                                                                           \
        {                                                                                          \
            .array6 = &(struct wfp_array6)                                                         \
            {                                                                                      \
                {                                                                                  \
                    __VA_ARGS__                                                                    \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define BLOB(s)                                                                                    \
    {                                                                                              \
        WFP_BYTE_BLOB,                                                                             \
        {                                                                                          \
            .blob = &(struct wfp_blob)                                                             \
            {                                                                                      \
                sizeof(s) - 1, (uint8_t *)(s)                                                      \
            }                                                                                      \
        }                                                                                          \
    }
#define NET4(a, m)                                                                                 \
    {                                                                                              \
        WFP_V4_ADDR_MASK,                                                                          \
        {                                                                                          \
            .v4_mask = &(struct wfp_v4_mask)                                                       \
            {                                                                                      \
                a, m                                                                               \
            }                                                                                      \
        }                                                                                          \
    }
#define NET6(n, ...)                                                                               \
    {                                                                                              \
        WFP_V6_ADDR_MASK,                                                                          \
        {                                                                                          \
            .v6_mask = &(struct wfp_v6_mask)                                                       \
            {                                                                                      \
                {__VA_ARGS__}, n                                                                   \
            }                                                                                      \
        }                                                                                          \
    }
#define RANGE(a, b)                                                                                \
    {                                                                                              \
        WFP_RANGE,                                                                                 \
        {                                                                                          \
            .range = &(struct wfp_range)                                                           \
            {                                                                                      \
                a, b                                                                               \
            }                                                                                      \
        }                                                                                          \
    }
#define EMPTY                                                                                      \
    {                                                                                              \
        WFP_EMPTY,                                                                                 \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define SID(s)                                                                                     \
    {                                                                                              \
        WFP_SID,                                                                                   \
        {                                                                                          \
            .sid = (void *)(s)                                                                     \
        }                                                                                          \
    }

#define EQUAL     WFP_MATCH_EQUAL
#define NOT_EQUAL WFP_MATCH_NOT_EQUAL

#define SYSTEM  "\1\1\0\0\0\0\0\5\x12\0\0\0"
#define SERVICE "\1\1\0\0\0\0\0\5\x13\0\0\0"

struct truth {
    const char *text;
    uint16_t layer;
    int field;
    uint32_t match;
    struct wfp_value operand, value;
    bool is_true;
};

static const struct truth truths[] = {
    {"equal, 8 bits", CONNECT4, F4(IP_PROTOCOL), EQUAL, U8(6), U8(6), true},
    {"equal, 8 bits, other", CONNECT4, F4(IP_PROTOCOL), EQUAL, U8(6), U8(17), false},
    {"not equal", CONNECT4, F4(IP_PROTOCOL), NOT_EQUAL, U8(6), U8(17), true},
    {"not equal, same", CONNECT4, F4(IP_PROTOCOL), NOT_EQUAL, U8(6), U8(6), false},
    {"greater", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_GREATER, U16(1023), U16(1024), true},
    {"greater is strict", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_GREATER, U16(1023), U16(1023),
     false},
    {"nothing is greater than the greatest", CONNECT4, F4(IP_REMOTE_ADDRESS), WFP_MATCH_GREATER,
     U32(0xffffffff), U32(0xffffffff), false},
    {"less", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_LESS, U16(1024), U16(1023), true},
    {"less is strict", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_LESS, U16(1024), U16(1024), false},
    {"nothing is less than zero", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_LESS, U16(0), U16(0),
     false},
    {"greater or equal", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_GREATER_OR_EQUAL, U16(80), U16(80),
     true},
    {"less or equal", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_LESS_OR_EQUAL, U16(80), U16(80),
     true},
    {"less or equal, above", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_LESS_OR_EQUAL, U16(80),
     U16(81), false},
    {"numbers are unsigned", CONNECT4, F4(IP_REMOTE_ADDRESS), WFP_MATCH_GREATER, U32(0x7fffffff),
     U32(0x80000000), true},
    {"64 bits compare whole", CONNECT4, F4(IP_LOCAL_INTERFACE), WFP_MATCH_GREATER, U64(0x1ffffffff),
     U64(0x200000000), true},
    {"64 bits, equal low halves", CONNECT4, F4(IP_LOCAL_INTERFACE), EQUAL, U64(0x100000007),
     U64(0x200000007), false},
    {"range includes its low end", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE,
     RANGE(U16(80), U16(90)), U16(80), true},
    {"range includes its high end", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE,
     RANGE(U16(80), U16(90)), U16(90), true},
    {"range, above", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE, RANGE(U16(80), U16(90)),
     U16(91), false},
    {"range, below", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE, RANGE(U16(80), U16(90)),
     U16(79), false},
    {"range of one", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE, RANGE(U16(80), U16(80)),
     U16(80), true},
    {"range, 64 bits", CONNECT4, F4(IP_LOCAL_INTERFACE), WFP_MATCH_RANGE,
     RANGE(U64(0x100000000), U64(0x300000000)), U64(0x2ffffffff), true},
    {"flags all set", CONNECT4, F4(FLAGS), WFP_MATCH_FLAGS_ALL_SET, U32(5), U32(7), true},
    {"flags all set, one missing", CONNECT4, F4(FLAGS), WFP_MATCH_FLAGS_ALL_SET, U32(5), U32(3),
     false},
    {"all of no flags are always set", CONNECT4, F4(FLAGS), WFP_MATCH_FLAGS_ALL_SET, U32(0), U32(3),
     true},
    {"flags any set", CONNECT4, F4(FLAGS), WFP_MATCH_FLAGS_ANY_SET, U32(5), U32(4), true},
    {"flags any set, none is", CONNECT4, F4(FLAGS), WFP_MATCH_FLAGS_ANY_SET, U32(5), U32(2), false},
    {"flags none set", CONNECT4, F4(FLAGS), WFP_MATCH_FLAGS_NONE_SET, U32(5), U32(2), true},
    {"flags none set, one is", CONNECT4, F4(FLAGS), WFP_MATCH_FLAGS_NONE_SET, U32(5), U32(6),
     false},
    {"network, inside", CONNECT4, F4(IP_REMOTE_ADDRESS), EQUAL, NET4(0x0a010203, 0xffff0000),
     U32(0x0a01ffff), true},
    {"network, outside", CONNECT4, F4(IP_REMOTE_ADDRESS), EQUAL, NET4(0x0a010203, 0xffff0000),
     U32(0x0a020203), false},
    {"every address is in 0.0.0.0/0", CONNECT4, F4(IP_REMOTE_ADDRESS), EQUAL, NET4(0x0a010203, 0),
     U32(0x01020304), true},
    {"not in the network", CONNECT4, F4(IP_REMOTE_ADDRESS), NOT_EQUAL, NET4(0x0a010203, 0xffff0000),
     U32(0x0a020203), true},
    {"v6 address", CONNECT6, F6(IP_REMOTE_ADDRESS), EQUAL, A16(0xfe, 0x80, [15] = 1),
     A16(0xfe, 0x80, [15] = 1), true},
    {"v6 address, last byte", CONNECT6, F6(IP_REMOTE_ADDRESS), EQUAL, A16(0xfe, 0x80, [15] = 1),
     A16(0xfe, 0x80, [15] = 2), false},
    {"v6 addresses sort by bytes", CONNECT6, F6(IP_REMOTE_ADDRESS), WFP_MATCH_GREATER,
     A16(0xfe, [15] = 0xff), A16(0xfe, 0, 1), true},
    {"v6 prefix", CONNECT6, F6(IP_REMOTE_ADDRESS), EQUAL, NET6(10, 0xfe, 0x80),
     A16(0xfe, 0xbf, [15] = 9), true},
    {"v6 prefix, one bit off", CONNECT6, F6(IP_REMOTE_ADDRESS), EQUAL, NET6(10, 0xfe, 0x80),
     A16(0xfe, 0xc0, [15] = 9), false},
    {"v6 prefix across words", CONNECT6, F6(IP_REMOTE_ADDRESS), EQUAL, NET6(33, 1, 2, 3, 4, 0x80),
     A16(1, 2, 3, 4, 0xff), true},
    {"v6 range", CONNECT6, F6(IP_REMOTE_ADDRESS), WFP_MATCH_RANGE,
     RANGE(A16(0x20), A16(0x3f, 0xff)), A16(0x2a, 1), true},
    {"application id", CONNECT4, F4(ALE_APP_ID), EQUAL, BLOB("a\0b\0\0\0"), BLOB("a\0b\0\0\0"),
     true},
    {"application id, longer", CONNECT4, F4(ALE_APP_ID), EQUAL, BLOB("a\0b\0\0\0"),
     BLOB("a\0b\0\0\0\0"), false},
    {"application id, not equal", CONNECT4, F4(ALE_APP_ID), NOT_EQUAL, BLOB("a\0b\0\0\0"),
     BLOB("a\0c\0\0\0"), true},
    {"blobs sort, shorter first", CONNECT4, F4(ALE_APP_ID), WFP_MATCH_LESS, BLOB("ab"), BLOB("a"),
     true},
    {"prefix tests the end, as the page says", CONNECT4, F4(ALE_APP_ID), WFP_MATCH_PREFIX,
     BLOB(".exe"), BLOB("evil.exe"), true},
    {"prefix, at the beginning only", CONNECT4, F4(ALE_APP_ID), WFP_MATCH_PREFIX, BLOB("evil"),
     BLOB("evil.exe"), false},
    {"not prefix", CONNECT4, F4(ALE_APP_ID), WFP_MATCH_NOT_PREFIX, BLOB(".dll"), BLOB("evil.exe"),
     true},
    {"sid", CONNECT4, F4(ALE_PACKAGE_ID), EQUAL, SID(SYSTEM), SID(SYSTEM), true},
    {"sid, other", CONNECT4, F4(ALE_PACKAGE_ID), EQUAL, SID(SYSTEM), SID(SERVICE), false},
    {"sid, not equal", CONNECT4, F4(ALE_PACKAGE_ID), NOT_EQUAL, SID(SYSTEM), SID(SERVICE), true},
    {"mac address", MAC, WFP_FIELD_INBOUND_MAC_FRAME_ETHERNET_MAC_REMOTE_ADDRESS, EQUAL,
     A6(0, 1, 2, 3, 4, 5), A6(0, 1, 2, 3, 4, 5), true},
    {"mac address, other", MAC, WFP_FIELD_INBOUND_MAC_FRAME_ETHERNET_MAC_REMOTE_ADDRESS, EQUAL,
     A6(0, 1, 2, 3, 4, 5), A6(1, 1, 2, 3, 4, 5), false},

    /* Unknown values */
    {"an unknown address is not 0.0.0.0", CONNECT4, F4(IP_LOCAL_ADDRESS), EQUAL, U32(0), EMPTY,
     false},
    {"not-equal is false of an unknown value too", CONNECT4, F4(IP_LOCAL_ADDRESS), NOT_EQUAL,
     U32(7), EMPTY, false},
    {"no flag is known to be clear", CONNECT4, F4(FLAGS), WFP_MATCH_FLAGS_NONE_SET, U32(7), EMPTY,
     false},
    {"an unknown value is in no network", CONNECT4, F4(IP_LOCAL_ADDRESS), EQUAL, NET4(0, 0), EMPTY,
     false},
    {"an unknown blob has no end", CONNECT4, F4(ALE_APP_ID), WFP_MATCH_NOT_PREFIX, BLOB("x"), EMPTY,
     false},
    {"equal to EMPTY is true of an unknown value", CONNECT4, F4(IP_LOCAL_ADDRESS), EQUAL, EMPTY,
     EMPTY, true},
    {"equal to EMPTY is false of a known one", CONNECT4, F4(IP_LOCAL_ADDRESS), EQUAL, EMPTY, U32(0),
     false},
    {"widths are not converted", CONNECT4, F4(IP_REMOTE_PORT), EQUAL, U16(80), U32(80), false},
};

static bool
ask(uint16_t layer_id, const struct wfp_condition *conditions, const struct wfp_value *values)
{
    struct wfp_engine *engine;
    struct wfp_filter *filter = make_filter(1, layer_id, 1, 1, WFP_ACTION_BLOCK);
    struct wfp_indication indication = {.layer_id = layer_id,
                                        .values = values,
                                        .value_count = wfp_layer_find_id(layer_id)->field_count};
    struct wfp_verdict verdict;

    for (; conditions->match != WFP_MATCH_TYPE_MAX; conditions++)
        add_condition(filter, (int)conditions->field_key.data1, conditions->match,
                      conditions->value);
    assert_int_equal(wfp_engine_new(&engine), 0);
    commit_all(engine, &filter, 1);
    wfp_classify(engine, &indication, &verdict);
    wfp_engine_free(engine);
    return verdict.matched == 1;
}

#define ON(field, match, ...)                                                                      \
    {                                                                                              \
        {.data1 = field}, match, __VA_ARGS__                                                       \
    }
#define DONE                                                                                       \
    {                                                                                              \
        {0}, WFP_MATCH_TYPE_MAX, EMPTY                                                             \
    }

static void
test_truth_of_each_match_type(void **state)
{
    uint32_t held = 0;

    for (size_t i = 0; i < ELEMENTSOF(truths); i++) {
        const struct truth *t = &truths[i];
        struct wfp_value values[WFP_FIELD_MAX] = {0};
        struct wfp_condition conditions[] = {ON((uint32_t)t->field, t->match, t->operand), DONE};

        values[t->field] = t->value;
        if (ask(t->layer, conditions, values) == t->is_true)
            held++;
        else
            printf("  \"%s\" does not hold\n", t->text);
    }
    printf("fwp_match_type: %u of %zu truths hold\n", held, ELEMENTSOF(truths));
    assert_int_equal(held, ELEMENTSOF(truths));
}

static void
test_same_field_is_or_and_fields_are_and(void **state)
{
    const struct wfp_condition conditions[] = {ON(F4(IP_REMOTE_PORT), EQUAL, U16(80)),
                                               ON(F4(IP_REMOTE_PORT), EQUAL, U16(443)),
                                               ON(F4(IP_PROTOCOL), EQUAL, U8(6)), DONE};
    struct wfp_value values[WFP_FIELD_MAX] = {0};

    values[F4(IP_PROTOCOL)] = (struct wfp_value)U8(6);
    values[F4(IP_REMOTE_PORT)] = (struct wfp_value)U16(80);
    assert_true(ask(CONNECT4, conditions, values));
    values[F4(IP_REMOTE_PORT)] = (struct wfp_value)U16(443);
    assert_true(ask(CONNECT4, conditions, values));
    values[F4(IP_REMOTE_PORT)] = (struct wfp_value)U16(81);
    assert_false(ask(CONNECT4, conditions, values));
    values[F4(IP_REMOTE_PORT)] = (struct wfp_value)U16(80);
    values[F4(IP_PROTOCOL)] = (struct wfp_value)U8(17);
    assert_false(ask(CONNECT4, conditions, values));
}

static void
test_repeats_apart_are_still_one_group(void **state)
{
    const struct wfp_condition conditions[] = {ON(F4(IP_REMOTE_PORT), EQUAL, U16(80)),
                                               ON(F4(IP_PROTOCOL), EQUAL, U8(6)),
                                               ON(F4(IP_REMOTE_PORT), EQUAL, U16(443)), DONE};
    struct wfp_value values[WFP_FIELD_MAX] = {0};

    values[F4(IP_PROTOCOL)] = (struct wfp_value)U8(6);
    values[F4(IP_REMOTE_PORT)] = (struct wfp_value)U16(443);
    assert_true(ask(CONNECT4, conditions, values));
}

static void
test_or_of_not_equals_is_nearly_always_true(void **state)
{
    const struct wfp_condition conditions[] = {ON(F4(IP_REMOTE_PORT), NOT_EQUAL, U16(80)),
                                               ON(F4(IP_REMOTE_PORT), NOT_EQUAL, U16(443)), DONE};
    struct wfp_value values[WFP_FIELD_MAX] = {0};

    values[F4(IP_REMOTE_PORT)] = (struct wfp_value)U16(80);
    assert_true(ask(CONNECT4, conditions, values));
    values[F4(IP_REMOTE_PORT)] = (struct wfp_value)EMPTY;
    assert_false(ask(CONNECT4, conditions, values));
}

static void
test_no_conditions_match_everything(void **state)
{
    const struct wfp_condition conditions[] = {DONE};
    struct wfp_value values[WFP_FIELD_MAX] = {0};

    assert_true(ask(CONNECT4, conditions, values));
}

/* Legality. A descriptor in absolute form, and a range upside down, as callers get them wrong. */
static uint8_t absolute_descriptor[40] = {1, 0, 0x04, 0x00};

static const struct {
    const char *text;
    uint16_t layer;
    int field;
    uint32_t match;
    struct wfp_value operand;
    int error;
} legality[] = {
    {"a match type that does not exist", CONNECT4, F4(IP_PROTOCOL), 13, U8(6),
     WFP_ERR_INVALID_ENUMERATOR},
    {"a data type that does not exist",
     CONNECT4,
     F4(IP_PROTOCOL),
     EQUAL,
     {0x80, {0}},
     WFP_ERR_INVALID_ENUMERATOR},
    {"the end marker of data types",
     CONNECT4,
     F4(IP_PROTOCOL),
     EQUAL,
     {0xff, {0}},
     WFP_ERR_INVALID_ENUMERATOR},
    {"another width", CONNECT4, F4(IP_PROTOCOL), EQUAL, U16(6), WFP_ERR_TYPE_MISMATCH},
    {"a string for a number",
     CONNECT4,
     F4(IP_PROTOCOL),
     EQUAL,
     {WFP_UNICODE_STRING, {.string_utf16 = (uint16_t[]){0}}},
     WFP_ERR_TYPE_MISMATCH},
    {"a v6 network on a v4 address", CONNECT4, F4(IP_REMOTE_ADDRESS), EQUAL, NET6(8, 1),
     WFP_ERR_TYPE_MISMATCH},
    {"flags of a blob", CONNECT4, F4(ALE_APP_ID), WFP_MATCH_FLAGS_ALL_SET, BLOB("x"),
     WFP_ERR_MATCH_TYPE_MISMATCH},
    {"greater than a network", CONNECT4, F4(IP_REMOTE_ADDRESS), WFP_MATCH_GREATER, NET4(0, 0),
     WFP_ERR_MATCH_TYPE_MISMATCH},
    {"a range under equal", CONNECT4, F4(IP_REMOTE_PORT), EQUAL, RANGE(U16(1), U16(2)),
     WFP_ERR_MATCH_TYPE_MISMATCH},
    {"a single value under range", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE, U16(2),
     WFP_ERR_MATCH_TYPE_MISMATCH},
    {"case-insensitive blobs", CONNECT4, F4(ALE_APP_ID), WFP_MATCH_EQUAL_CASE_INSENSITIVE,
     BLOB("x"), WFP_ERR_MATCH_TYPE_MISMATCH},
    {"not-equal to EMPTY", CONNECT4, F4(IP_REMOTE_PORT), NOT_EQUAL, EMPTY,
     WFP_ERR_MATCH_TYPE_MISMATCH},
    {"a sid on a token field is for templates", CONNECT4, F4(ALE_USER_ID), EQUAL, SID(SYSTEM),
     WFP_ERR_TYPE_MISMATCH},
    {"a range upside down", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE, RANGE(U16(2), U16(1)),
     WFP_ERR_INVALID_RANGE},
    {"a range of another width", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE,
     RANGE(U32(1), U32(2)), WFP_ERR_TYPE_MISMATCH},
    {"a range of two widths", CONNECT4, F4(IP_REMOTE_PORT), WFP_MATCH_RANGE, RANGE(U16(1), U32(2)),
     WFP_ERR_TYPE_MISMATCH},
    {"a mask with holes", CONNECT4, F4(IP_REMOTE_ADDRESS), EQUAL, NET4(0, 0xff00ff00),
     WFP_ERR_INVALID_NET_MASK},
    {"a prefix beyond 128", CONNECT6, F6(IP_REMOTE_ADDRESS), EQUAL, NET6(129, 1),
     WFP_ERR_INVALID_NET_MASK},
    {"no pointer to 64 bits",
     CONNECT4,
     F4(IP_LOCAL_INTERFACE),
     EQUAL,
     {WFP_UINT64, {0}},
     WFP_ERR_NULL_POINTER},
    {"a blob without bytes",
     CONNECT4,
     F4(ALE_APP_ID),
     EQUAL,
     {WFP_BYTE_BLOB, {.blob = &(struct wfp_blob){4, NULL}}},
     WFP_ERR_NULL_POINTER},
    {"a descriptor in absolute form",
     CONNECT4,
     F4(ALE_USER_ID),
     EQUAL,
     {WFP_SECURITY_DESCRIPTOR, {.blob = &(struct wfp_blob){40, absolute_descriptor}}},
     WFP_ERR_INVALID_SECURITY_DESCR},
    {"a field that the layer lacks", TRANSPORT, -1, EQUAL, U8(6), WFP_ERR_CONDITION_NOT_FOUND},
    {"a legal one", CONNECT4, F4(IP_REMOTE_PORT), EQUAL, U16(443), 0},
    {"a legal range", BIND6, F6(IP_REMOTE_PORT), WFP_MATCH_RANGE, RANGE(U16(1), U16(1)), 0},
    {"EMPTY under equal", CONNECT4, F4(ALE_APP_ID), EQUAL, EMPTY, 0},
};

static void
test_illegal_conditions_get_the_documented_error(void **state)
{
    for (size_t i = 0; i < ELEMENTSOF(legality); i++) {
        const struct wfp_layer *layer = wfp_layer_find_id(legality[i].layer);
        struct wfp_condition condition = {.match = legality[i].match, .value = legality[i].operand};
        int r;

        if (legality[i].field >= 0)
            condition.field_key = layer->fields[legality[i].field].condition_key;
        r = wfp_condition_check(layer, &condition);
        if (r != -legality[i].error)
            printf("  \"%s\": %s\n", legality[i].text, wfp_status_name(r));
        assert_int_equal(r, -legality[i].error);
    }
}

/* Every pair of a field type and a match type: legal exactly if the table has it. */
static void
test_the_table_is_the_whole_truth(void **state)
{
    static const struct {
        uint32_t field, value, match;
    } table[] = {
#define FILTER   1
#define TEMPLATE 0
#define MATCH_RULE(field, value, match, use)                                                       \
    {use ? WFP_##field : ~0u, WFP_##value, WFP_MATCH_##match},
#include "core/model/match.def"
    };
    static uint64_t zero64;
    static struct wfp_array16 zero16;
    static struct wfp_array6 zero6;
    static struct wfp_blob blob;
    uint32_t legal = 0, illegal = 0;

    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        for (int f = 0; f < layer->field_count; f++) {
            for (uint32_t match = 0; match < WFP_MATCH_TYPE_MAX; match++) {
                struct wfp_condition condition = {.field_key = layer->fields[f].condition_key,
                                                  .match = match,
                                                  .value = {.type = layer->fields[f].type}};
                bool expected = false;
                int r;

                switch (layer->fields[f].type) {
                case WFP_UINT64:
                    condition.value.uint64 = &zero64;
                    break;
                case WFP_BYTE_ARRAY16:
                    condition.value.array16 = &zero16;
                    break;
                case WFP_BYTE_ARRAY6:
                    condition.value.array6 = &zero6;
                    break;
                case WFP_BYTE_BLOB:
                    condition.value.blob = &blob;
                    break;
                case WFP_SID:
                    condition.value.sid = (void *)SYSTEM;
                    break;
                }
                for (size_t i = 0; i < ELEMENTSOF(table); i++)
                    expected |= table[i].field == layer->fields[f].type &&
                                table[i].value == condition.value.type && table[i].match == match;
                r = wfp_condition_check(layer, &condition);
                assert_int_equal(r == 0, expected);
                legal += expected;
                illegal += !expected;
            }
        }
    }
    assert_true(legal > 5000 && illegal > 5000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_of_each_match_type),
        cmocka_unit_test(test_same_field_is_or_and_fields_are_and),
        cmocka_unit_test(test_repeats_apart_are_still_one_group),
        cmocka_unit_test(test_or_of_not_equals_is_nearly_always_true),
        cmocka_unit_test(test_no_conditions_match_everything),
        cmocka_unit_test(test_illegal_conditions_get_the_documented_error),
        cmocka_unit_test(test_the_table_is_the_whole_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
