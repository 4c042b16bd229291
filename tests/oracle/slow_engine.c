/*
 * The rules, one after the other.
 */
#include "slow_engine.h"

#include <assert.h>
#include <string.h>

#define SLOW_CONDITIONS_MAX 16

/* Any unsigned or signed number as one wide one. */
static __int128
number(const struct wfp_value *value)
{
    switch (value->type) {
    case WFP_UINT8:
        return value->uint8;
    case WFP_UINT16:
        return value->uint16;
    case WFP_UINT32:
        return value->uint32;
    case WFP_UINT64:
        return *value->uint64;
    case WFP_INT8:
        return value->int8;
    case WFP_INT16:
        return value->int16;
    case WFP_INT32:
        return value->int32;
    default:
        return *value->int64;
    }
}

static bool
is_number(uint32_t type)
{
    return type >= WFP_UINT8 && type <= WFP_INT64;
}

/* The bytes of a value that is not a number. */
static uint32_t
bytes_of(const struct wfp_value *value, const uint8_t **ret_bytes)
{
    switch (value->type) {
    case WFP_BYTE_ARRAY16:
        *ret_bytes = value->array16->bytes;
        return 16;
    case WFP_BYTE_ARRAY6:
        *ret_bytes = value->array6->bytes;
        return 6;
    case WFP_BYTE_BLOB:
        *ret_bytes = value->blob->data;
        return value->blob->size;
    default: /* SID: revision, count, authority, count sub-authorities */
        *ret_bytes = value->sid;
        return 8u + 4u * (*ret_bytes)[1];
    }
}

/* <0, 0, >0 for two values of one type. */
static int
compare(const struct wfp_value *a, const struct wfp_value *b)
{
    const uint8_t *x, *y;
    uint32_t x_size, y_size;

    if (is_number(a->type))
        return number(a) < number(b) ? -1 : number(a) > number(b);
    x_size = bytes_of(a, &x);
    y_size = bytes_of(b, &y);
    for (uint32_t i = 0; i < x_size && i < y_size; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return x_size < y_size ? -1 : x_size > y_size;
}

static bool
bits_agree(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
    for (uint32_t i = 0; i < bits; i++)
        if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

static bool
ends_with(const struct wfp_value *value, const struct wfp_value *end)
{
    const uint8_t *x, *y;
    uint32_t x_size = bytes_of(value, &x), y_size = bytes_of(end, &y);

    if (x_size < y_size)
        return false;
    for (uint32_t i = 0; i < y_size; i++)
        if (x[x_size - y_size + i] != y[i])
            return false;
    return true;
}

static bool
condition_holds(const struct slow_world *world, const struct wfp_condition *condition,
                const struct wfp_value *value)
{
    const struct wfp_value *operand = &condition->value;
    uint32_t match = condition->match;

    if (operand->type == WFP_EMPTY)
        return match == WFP_MATCH_EQUAL && value->type == WFP_EMPTY;
    if (value->type == WFP_EMPTY)
        return false;
    if (operand->type == WFP_V4_ADDR_MASK) {
        bool inside = (value->uint32 & operand->v4_mask->mask_host) ==
                      (operand->v4_mask->addr_host & operand->v4_mask->mask_host);
        return match == WFP_MATCH_EQUAL ? inside : !inside;
    }
    if (operand->type == WFP_V6_ADDR_MASK) {
        bool inside = bits_agree(value->array16->bytes, operand->v6_mask->addr,
                                 operand->v6_mask->prefix_length);
        return match == WFP_MATCH_EQUAL ? inside : !inside;
    }
    if (operand->type == WFP_SECURITY_DESCRIPTOR)
        return world->admits(operand, value);
    if (operand->type == WFP_RANGE)
        return compare(value, &operand->range->low) >= 0 &&
               compare(value, &operand->range->high) <= 0;
    if (operand->type != value->type)
        return false;
    switch (match) {
    case WFP_MATCH_EQUAL:
        return compare(value, operand) == 0;
    case WFP_MATCH_NOT_EQUAL:
        return compare(value, operand) != 0;
    case WFP_MATCH_GREATER:
        return compare(value, operand) > 0;
    case WFP_MATCH_LESS:
        return compare(value, operand) < 0;
    case WFP_MATCH_GREATER_OR_EQUAL:
        return compare(value, operand) >= 0;
    case WFP_MATCH_LESS_OR_EQUAL:
        return compare(value, operand) <= 0;
    case WFP_MATCH_FLAGS_ALL_SET:
        return (number(value) & number(operand)) == number(operand);
    case WFP_MATCH_FLAGS_ANY_SET:
        return (number(value) & number(operand)) != 0;
    case WFP_MATCH_FLAGS_NONE_SET:
        return (number(value) & number(operand)) == 0;
    case WFP_MATCH_PREFIX:
        return ends_with(value, operand);
    case WFP_MATCH_NOT_PREFIX:
        return !ends_with(value, operand);
    default:
        return false;
    }
}

/* The value of the field a condition names; EMPTY where the indication has none. */
static struct wfp_value
value_for(const struct wfp_filter *filter, const struct wfp_condition *condition,
          const struct wfp_value *values, uint32_t value_count)
{
    const struct wfp_layer *layer = wfp_layer_find_id(filter->layer_id);

    for (uint32_t i = 0; i < layer->field_count && i < value_count; i++)
        if (wfp_guid_equal(&layer->fields[i].condition_key, &condition->field_key))
            return values[i];
    return (struct wfp_value){.type = WFP_EMPTY};
}

bool
slow_matches(const struct slow_world *world, const struct wfp_filter *filter,
             const struct wfp_value *values, uint32_t value_count)
{
    struct wfp_condition_view views[SLOW_CONDITIONS_MAX];
    const struct wfp_condition *conditions[SLOW_CONDITIONS_MAX];
    struct wfp_filter_walk walk = wfp_filter_walk(filter);

    assert(filter->condition_count <= SLOW_CONDITIONS_MAX);
    for (uint32_t i = 0; wfp_filter_next(&walk); i++)
        conditions[i] = wfp_filter_condition(filter, walk.at, &views[i]);
    for (uint32_t i = 0; i < filter->condition_count; i++) {
        const struct wfp_condition *one = conditions[i];
        struct wfp_value value = value_for(filter, one, values, value_count);
        bool any = false;

        for (uint32_t j = 0; j < filter->condition_count; j++)
            if (wfp_guid_equal(&conditions[j]->field_key, &one->field_key))
                any |= condition_holds(world, conditions[j], &value);
        if (!any)
            return false;
    }
    return true;
}

/* Does a come before b in its sublayer? Of equals the newer: docs/decisions/0005. */
static bool
before(const struct wfp_filter *a, const struct wfp_filter *b)
{
    return a->weight > b->weight || (a->weight == b->weight && a->id > b->id);
}

/* What is carried from sublayer to sublayer. */
struct carried {
    enum { NOTHING, SOFT_PERMIT, HARD_PERMIT, SOFT_BLOCK, HARD_BLOCK } state;
    uint64_t filter_id;
    uint32_t callout_id;
    bool veto, absorb;
};

static bool
is_hard(const struct carried *carried)
{
    return carried->state == HARD_PERMIT || carried->state == HARD_BLOCK;
}

static void
set(struct carried *carried, int state, const struct wfp_filter *filter, bool is_callout,
    bool absorb)
{
    carried->state = state;
    carried->filter_id = filter->id;
    carried->callout_id = is_callout ? filter->callout_id : 0;
    carried->absorb = absorb;
}

/* A plain filter's word: binding for its sublayer, and for the result unless that is hard
 * already. */
static void
plain(struct carried *carried, bool permit, const struct wfp_filter *filter, bool is_callout)
{
    if (is_hard(carried))
        return;
    if (!permit)
        set(carried, HARD_BLOCK, filter, is_callout, false);
    else if (filter->flags & WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT)
        set(carried, HARD_PERMIT, filter, is_callout, false);
    else
        set(carried, SOFT_PERMIT, filter, is_callout, false);
}

static uint32_t
action_of(const struct carried *carried)
{
    switch (carried->state) {
    case SOFT_PERMIT:
    case HARD_PERMIT:
        return WFP_ACTION_PERMIT;
    case SOFT_BLOCK:
    case HARD_BLOCK:
        return WFP_ACTION_BLOCK;
    default:
        return WFP_ACTION_NONE;
    }
}

/* A registered callout is called. @return did it decide its sublayer? */
static bool
call(const struct slow_world *world, struct carried *carried, const struct wfp_filter *filter,
     struct slow_result *result)
{
    struct slow_answer answer = world->answer(filter->id);
    uint32_t action = answer.action ? answer.action : action_of(carried);
    bool right_stays;

    result->calls[result->call_count++] = (struct slow_call){
        filter->id, action_of(carried), is_hard(carried) ? 0 : WFP_RIGHT_ACTION_WRITE};
    if (filter->action == WFP_ACTION_CALLOUT_INSPECTION)
        return false; /* it only watches */
    if (action != WFP_ACTION_PERMIT && action != WFP_ACTION_BLOCK)
        return false;
    if (is_hard(carried)) {
        /* Without the right only a veto counts. */
        if (carried->state == HARD_PERMIT && action == WFP_ACTION_BLOCK) {
            set(carried, HARD_BLOCK, filter, true, answer.absorbs);
            carried->veto = true;
            return true;
        }
        return false;
    }
    right_stays = !answer.clears_right;
    if (action == WFP_ACTION_PERMIT)
        set(carried, right_stays ? SOFT_PERMIT : HARD_PERMIT, filter, true, false);
    else
        set(carried, right_stays ? SOFT_BLOCK : HARD_BLOCK, filter, true, answer.absorbs);
    return true;
}

/* A matching filter's turn. @return is its sublayer decided? */
static bool
turn(const struct slow_world *world, struct carried *carried, const struct wfp_filter *filter,
     struct slow_result *result)
{
    result->verdict.matched++;
    if (filter->action == WFP_ACTION_PERMIT || filter->action == WFP_ACTION_BLOCK) {
        plain(carried, filter->action == WFP_ACTION_PERMIT, filter, false);
        return true;
    }
    if (world->is_registered(filter->callout_id))
        return call(world, carried, filter, result);
    if (filter->action == WFP_ACTION_CALLOUT_INSPECTION)
        return false;
    plain(carried, filter->flags & WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED, filter, true);
    return true;
}

static bool
sublayer_before(const struct wfp_filter *a, const struct wfp_filter *b)
{
    return a->sublayer_weight > b->sublayer_weight ||
           (a->sublayer_weight == b->sublayer_weight &&
            memcmp(&a->sublayer_key, &b->sublayer_key, sizeof(a->sublayer_key)) > 0);
}

void
slow_classify(const struct slow_world *world, uint16_t layer_id, const struct wfp_value *values,
              uint32_t value_count, struct slow_result *ret_result)
{
    struct carried carried = {0};
    const struct wfp_filter *matching[4096];
    uint32_t count = 0;

    ret_result->call_count = 0;
    memset(&ret_result->verdict, 0, sizeof(ret_result->verdict));
    for (uint32_t i = 0; i < world->filter_count; i++)
        if (world->filters[i]->layer_id == layer_id &&
            slow_matches(world, world->filters[i], values, value_count))
            matching[count++] = world->filters[i];
    /* By sublayer, then by rank: the plainest of sorts. */
    for (uint32_t i = 1; i < count; i++) {
        const struct wfp_filter *filter = matching[i];
        uint32_t at = i;
        while (at > 0 &&
               (sublayer_before(filter, matching[at - 1]) ||
                (!sublayer_before(matching[at - 1], filter) && before(filter, matching[at - 1])))) {
            matching[at] = matching[at - 1];
            at--;
        }
        matching[at] = filter;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool decided = turn(world, &carried, matching[i], ret_result);
        while (decided && i + 1 < count && !sublayer_before(matching[i], matching[i + 1]))
            i++;
    }
    ret_result->verdict.action =
        action_of(&carried) == WFP_ACTION_BLOCK ? WFP_ACTION_BLOCK : WFP_ACTION_PERMIT;
    ret_result->verdict.decided = carried.state != NOTHING;
    ret_result->verdict.veto = carried.veto;
    ret_result->verdict.absorb = carried.absorb;
    ret_result->verdict.filter_id = carried.filter_id;
    ret_result->verdict.callout_id = carried.callout_id;
    ret_result->verdict.layer_id = layer_id;
}
