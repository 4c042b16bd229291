/*
 * From the conditions of a filter to the tests of a rule.
 *
 * Model      Every condition that words can decide becomes one of EQUAL, MASK, RANGE (or its
 *            negation); the rest become HASH or SLOW and mark the rule for verification.
 */
#include <string.h>

#include "core/engine/image.h"

/* A test being made: operands are at most two values of four words. */
struct test {
    uint32_t op, count, operand_count;
    bool negated;
    uint32_t operands[8];
};

static void
equal_to(struct test *test, const struct wfp_value *value)
{
    test->op = WFP_TEST_EQUAL;
    test->operand_count = test->count;
    wfp_key_value(value, test->operands);
}

static void
between(struct test *test, const struct wfp_value *low, const struct wfp_value *high)
{
    test->op = WFP_TEST_RANGE;
    test->operand_count = 2 * test->count;
    memset(test->operands, 0, test->count * sizeof(uint32_t));
    memset(test->operands + test->count, 0xff, test->count * sizeof(uint32_t));
    if (low)
        wfp_key_value(low, test->operands);
    if (high)
        wfp_key_value(high, test->operands + test->count);
}

/* (v & mask) == value; @p mask may be NULL for the value itself. */
static void
masked(struct test *test, const struct wfp_value *mask, bool want_all)
{
    uint32_t bits[4] = {0};

    wfp_key_value(mask, bits);
    test->op = WFP_TEST_MASK;
    test->operand_count = 2 * test->count;
    for (uint32_t i = 0; i < test->count; i++) {
        test->operands[i] = bits[i];
        test->operands[test->count + i] = want_all ? bits[i] : 0;
    }
}

static void
in_v4_net(struct test *test, const struct wfp_v4_mask *net)
{
    test->op = WFP_TEST_MASK;
    test->operand_count = 2;
    test->operands[0] = net->mask_host;
    test->operands[1] = net->addr_host & net->mask_host;
}

static void
in_v6_net(struct test *test, const struct wfp_v6_mask *net)
{
    struct wfp_array16 addr;
    uint32_t words[4];

    memcpy(addr.bytes, net->addr, sizeof(addr.bytes));
    wfp_key_value(&(struct wfp_value){.type = WFP_BYTE_ARRAY16, .array16 = &addr}, words);
    test->op = WFP_TEST_MASK;
    test->operand_count = 8;
    for (uint32_t i = 0; i < 4; i++) {
        int bits = (int)net->prefix_length - 32 * (int)i;
        uint32_t mask = bits >= 32 ? UINT32_MAX : bits <= 0 ? 0 : UINT32_MAX << (32 - bits);
        test->operands[i] = mask;
        test->operands[4 + i] = words[i] & mask;
    }
}

static bool
is_ordered_by_words(uint32_t type)
{
    return (type >= WFP_UINT8 && type <= WFP_INT64) || type == WFP_BYTE_ARRAY16;
}

/* Conditions on a type that words order. @return false if they do not decide it */
static bool
make_ordered(struct test *test, uint32_t match, const struct wfp_value *operand)
{
    switch (match) {
    case WFP_MATCH_EQUAL:
    case WFP_MATCH_NOT_EQUAL:
        equal_to(test, operand);
        test->negated = match == WFP_MATCH_NOT_EQUAL;
        return true;
    case WFP_MATCH_GREATER: /* not (v <= x) */
        between(test, NULL, operand);
        test->negated = true;
        return true;
    case WFP_MATCH_LESS: /* not (v >= x) */
        between(test, operand, NULL);
        test->negated = true;
        return true;
    case WFP_MATCH_GREATER_OR_EQUAL:
        between(test, operand, NULL);
        return true;
    case WFP_MATCH_LESS_OR_EQUAL:
        between(test, NULL, operand);
        return true;
    case WFP_MATCH_FLAGS_ALL_SET:
    case WFP_MATCH_FLAGS_NONE_SET:
    case WFP_MATCH_FLAGS_ANY_SET: /* not none */
        if (operand->type > WFP_UINT64)
            return false;
        masked(test, operand, match == WFP_MATCH_FLAGS_ALL_SET);
        test->negated = match == WFP_MATCH_FLAGS_ANY_SET;
        return true;
    default:
        return false;
    }
}

/* Sets operands and operator; false leaves it to the host. */
static bool
make_test(uint32_t field_type, const struct wfp_condition *condition, struct test *test)
{
    const struct wfp_value *operand = &condition->value;
    uint32_t match = condition->match;
    bool equality = match == WFP_MATCH_EQUAL || match == WFP_MATCH_NOT_EQUAL;

    if (operand->type == WFP_EMPTY) {
        test->op = match == WFP_MATCH_EQUAL ? WFP_TEST_EMPTY : WFP_TEST_NEVER;
        return true;
    }
    if (operand->type == field_type && is_ordered_by_words(field_type))
        return make_ordered(test, match, operand);
    test->negated = match == WFP_MATCH_NOT_EQUAL;
    if (operand->type == WFP_V4_ADDR_MASK && field_type == WFP_UINT32 && equality) {
        in_v4_net(test, operand->v4_mask);
        return true;
    }
    if (operand->type == WFP_V6_ADDR_MASK && field_type == WFP_BYTE_ARRAY16 && equality) {
        in_v6_net(test, operand->v6_mask);
        return true;
    }
    if (operand->type == WFP_BYTE_ARRAY6 && field_type == WFP_BYTE_ARRAY6 && equality) {
        equal_to(test, operand);
        return true;
    }
    test->negated = false;
    if (operand->type == WFP_RANGE && operand->range->low.type == field_type &&
        operand->range->high.type == field_type && is_ordered_by_words(field_type)) {
        between(test, &operand->range->low, &operand->range->high);
        return true;
    }
    return false;
}

static void
make_slow_test(uint32_t field_type, const struct wfp_condition *condition, uint32_t place,
               struct test *test)
{
    test->negated = false;
    test->op = WFP_TEST_SLOW;
    test->operand_count = 0;
    if (condition->match == WFP_MATCH_EQUAL && condition->value.type == field_type &&
        (field_type == WFP_BYTE_BLOB || field_type == WFP_SID)) {
        test->op = WFP_TEST_HASH;
        test->operand_count = 2;
        wfp_key_value(&condition->value, test->operands);
    }
    test->operands[test->operand_count++] = place;
}

/* What is cheap and likely to fail goes first. */
static uint32_t
cost(uint32_t op)
{
    static const uint8_t costs[] = {
        [WFP_TEST_EQUAL] = 0, [WFP_TEST_HASH] = 1,  [WFP_TEST_MASK] = 1, [WFP_TEST_RANGE] = 2,
        [WFP_TEST_EMPTY] = 2, [WFP_TEST_NEVER] = 0, [WFP_TEST_SLOW] = 3,
    };
    return costs[op];
}

static void
plan_add(struct wfp_key_plan *plan, uint32_t field)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->fields[i] == field)
            return;
    plan->fields[plan->count++] = (uint8_t)field;
}

/* Appends one condition's test and returns its first word's offset. */
static uint32_t
append_test(struct wfp_words *words, uint16_t layer_id, const struct wfp_condition *condition,
            uint32_t place, uint32_t field)
{
    uint32_t type = wfp_layer_find_id(layer_id)->fields[field].type, at = words->count;
    struct test test = {.count = wfp_key_type_words(type)};

    if (!make_test(type, condition, &test))
        make_slow_test(type, condition, place, &test);
    wfp_words_push(words, WFP_TEST_MAKE(wfp_key_word(layer_id, field), test.count, test.op, field) |
                              (test.negated ? WFP_TEST_NEGATED : 0));
    for (uint32_t i = 0; i < test.operand_count; i++)
        wfp_words_push(words, test.operands[i]);
    return at;
}

/* The tests of one field: alternatives, the last of them marked. @return flags for the rule */
static uint32_t
append_field(struct wfp_words *words, uint16_t layer_id, const struct wfp_filter *filter,
             uint32_t field)
{
    const struct wfp_guid *key = &wfp_layer_find_id(layer_id)->fields[field].condition_key;
    struct wfp_filter_walk walk = wfp_filter_walk(filter);
    const struct wfp_condition *condition;
    uint32_t flags = 0, at = 0;

    while ((condition = wfp_filter_next(&walk))) {
        if (walk.view.field >= 0 ? walk.view.field != (int)field
                                 : !wfp_guid_equal(&condition->field_key, key))
            continue;
        at = append_test(words, layer_id, condition, walk.at, field);
        if (words->failed)
            return 0;
        if (WFP_TEST_OP(words->data[at]) >= WFP_TEST_HASH)
            flags |= WFP_RULE_VERIFY;
    }
    words->data[at] |= WFP_TEST_LAST;
    return flags;
}

/* The fields a filter tests, cheapest first. @return their number, or -1 if one does not exist */
static int
order_fields(uint16_t layer_id, const struct wfp_filter *filter, uint8_t fields[WFP_FIELD_MAX])
{
    const struct wfp_layer *layer = wfp_layer_find_id(layer_id);
    uint32_t costs[WFP_FIELD_MAX] = {0};
    struct wfp_filter_walk walk = wfp_filter_walk(filter);
    const struct wfp_condition *condition;
    int count = 0, at;

    while ((condition = wfp_filter_next(&walk))) {
        int field = walk.view.field >= 0 ? walk.view.field
                                         : wfp_layer_find_field(layer, &condition->field_key);
        struct test test = {0};

        if (field < 0)
            return -1;
        test.count = wfp_key_type_words(layer->fields[field].type);
        if (!make_test(layer->fields[field].type, condition, &test))
            make_slow_test(layer->fields[field].type, condition, walk.at, &test);
        for (at = 0; at < count && fields[at] != field; at++)
            ;
        if (at == count)
            fields[count++] = (uint8_t)field;
        costs[field] += cost(test.op) + test.negated;
    }
    for (int i = 1; i < count; i++) {
        uint8_t field = fields[i];
        for (at = i; at > 0 && costs[fields[at - 1]] > costs[field]; at--)
            fields[at] = fields[at - 1];
        fields[at] = field;
    }
    return count;
}

void
wfp_image_rule_append(struct wfp_words *words, uint16_t layer_id,
                      const struct wfp_image_source *source, struct wfp_key_plan *plan)
{
    const struct wfp_filter *filter = source->filter;
    uint32_t rule = words->count, flags = 0;
    uint8_t fields[WFP_FIELD_MAX];
    int count = order_fields(layer_id, filter, fields);

    wfp_words_push(words, 0);
    wfp_words_push(words, filter->condition_count);
    for (int i = 0; i < count && !words->failed; i++) {
        flags |= append_field(words, layer_id, filter, fields[i]);
        plan_add(plan, fields[i]);
    }
    if (words->failed)
        return;
    if (count < 0) { /* BFE does not let such a filter in; it matches nothing */
        wfp_words_push(words, WFP_TEST_MAKE(0, 0, WFP_TEST_NEVER, 0) | WFP_TEST_LAST);
        words->data[rule + 1] = 1;
    }
    wfp_words_push(words, source->slot);
    wfp_words_push(words, (filter->action & 0xffffu) | filter->flags << 16);
    wfp_words_push(words, filter->callout_id);
    wfp_words_push(words, (uint32_t)filter->id);
    wfp_words_push(words, (uint32_t)(filter->id >> 32));
    if (!words->failed)
        words->data[rule] = (words->count - rule) | flags;
}
