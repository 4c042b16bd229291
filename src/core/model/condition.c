/*
 * Legality and truth of single conditions.
 */
#include "core/model/condition.h"

#include <string.h>

#include "base/macros.h"
#include "base/status.h"
#include "base/utf16.h"
#include "core/model/access.h"

enum { FILTER = 1, TEMPLATE = 2 };

static const struct {
    uint16_t field_type, value_type;
    uint8_t match, use;
} rules[] = {
#define MATCH_RULE(field, value, match, use) {WFP_##field, WFP_##value, WFP_MATCH_##match, use},
#include "core/model/match.def"
#undef MATCH_RULE
};

static bool
is_type(uint32_t type)
{
    return type <= WFP_BYTE_ARRAY6 || (type >= WFP_V4_ADDR_MASK && type <= WFP_RANGE);
}

static bool
is_pointer(uint32_t type)
{
    return type == WFP_UINT64 || type == WFP_INT64 || type >= WFP_DOUBLE;
}

static int
check_combination(uint32_t field_type, uint32_t value_type, uint32_t match)
{
    bool type_fits = false;

    if (value_type == WFP_EMPTY)
        return match == WFP_MATCH_EQUAL ? 0 : -WFP_ERR_MATCH_TYPE_MISMATCH;
    for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
        if (rules[i].use != FILTER || rules[i].field_type != field_type ||
            rules[i].value_type != value_type)
            continue;
        if (rules[i].match == match)
            return 0;
        type_fits = true;
    }
    return type_fits ? -WFP_ERR_MATCH_TYPE_MISMATCH : -WFP_ERR_TYPE_MISMATCH;
}

/* -1, 0, 1: the order of two values of one sortable type. */
static int
order_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    size_t common = MIN(a_size, b_size);
    int order = common ? memcmp(a, b, common) : 0;
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int
order_strings(const uint16_t *a, const uint16_t *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (*a > *b) - (*a < *b);
}

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

static int
order(const struct wfp_value *a, const struct wfp_value *b)
{
    switch (a->type) {
    case WFP_UINT8:
        return ORDER(a->uint8, b->uint8);
    case WFP_UINT16:
        return ORDER(a->uint16, b->uint16);
    case WFP_UINT32:
        return ORDER(a->uint32, b->uint32);
    case WFP_UINT64:
        return ORDER(*a->uint64, *b->uint64);
    case WFP_INT8:
        return ORDER(a->int8, b->int8);
    case WFP_INT16:
        return ORDER(a->int16, b->int16);
    case WFP_INT32:
        return ORDER(a->int32, b->int32);
    case WFP_INT64:
        return ORDER(*a->int64, *b->int64);
    case WFP_BYTE_ARRAY16:
        return memcmp(a->array16, b->array16, sizeof(*a->array16));
    case WFP_BYTE_BLOB:
        return order_bytes(a->blob->data, a->blob->size, b->blob->data, b->blob->size);
    case WFP_UNICODE_STRING:
        return order_strings(a->string_utf16, b->string_utf16);
    default:
        return 0;
    }
}

static int
check_operand(const struct wfp_field *field, const struct wfp_value *value)
{
    if (is_pointer(value->type) && !value->pointer)
        return -WFP_ERR_NULL_POINTER;
    switch (value->type) {
    case WFP_BYTE_BLOB:
        return value->blob->size && !value->blob->data ? -WFP_ERR_NULL_POINTER : 0;
    case WFP_SID:
        return wfp_access_sid_is_valid(value->sid) ? 0 : -WFP_ERR_INVALID_PARAMETER;
    case WFP_SECURITY_DESCRIPTOR:
        return wfp_access_descriptor_check(value->blob);
    case WFP_V4_ADDR_MASK: {
        uint32_t inverse = ~value->v4_mask->mask_host;
        return inverse & (inverse + 1) ? -WFP_ERR_INVALID_NET_MASK : 0;
    }
    case WFP_V6_ADDR_MASK:
        return value->v6_mask->prefix_length > 128 ? -WFP_ERR_INVALID_NET_MASK : 0;
    case WFP_RANGE: {
        const struct wfp_range *range = value->range;
        int r;
        if (range->low.type != field->type || range->high.type != field->type)
            return -WFP_ERR_TYPE_MISMATCH;
        r = check_operand(field, &range->low);
        if (r == 0)
            r = check_operand(field, &range->high);
        if (r < 0)
            return r;
        return order(&range->low, &range->high) > 0 ? -WFP_ERR_INVALID_RANGE : 0;
    }
    default:
        return 0;
    }
}

int
wfp_condition_check(const struct wfp_layer *layer, const struct wfp_condition *condition)
{
    int index = wfp_layer_find_field(layer, &condition->field_key);
    const struct wfp_field *field;
    int r;

    if (index < 0)
        return index;
    field = &layer->fields[index];
    if (condition->match >= WFP_MATCH_TYPE_MAX || !is_type(condition->value.type))
        return -WFP_ERR_INVALID_ENUMERATOR;
    r = check_combination(field->type, condition->value.type, condition->match);
    if (r < 0)
        return r;
    return check_operand(field, &condition->value);
}

/* Simple upper case of the alphabets that have one; what RtlUpcaseUnicodeChar does for these. */
static uint16_t
upcase(uint16_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? (uint16_t)(c - 0x20) : c;
    if (c >= 0xE0 && c <= 0xFE)
        return c == 0xF7 ? c : (uint16_t)(c - 0x20);
    if (c == 0xFF)
        return 0x178;
    if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177))
        return c & 0xFFFE;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
        return c & 1 ? c : (uint16_t)(c - 1);
    if (c >= 0x3B1 && c <= 0x3CB)
        return c == 0x3C2 ? 0x3A3 : (uint16_t)(c - 0x20);
    if (c >= 0x430 && c <= 0x44F)
        return (uint16_t)(c - 0x20);
    if (c >= 0x450 && c <= 0x45F)
        return (uint16_t)(c - 0x50);
    if (c >= 0x561 && c <= 0x586)
        return (uint16_t)(c - 0x30);
    if (c >= 0xFF41 && c <= 0xFF5A)
        return (uint16_t)(c - 0x20);
    return c;
}

static bool
equal_without_case(const uint16_t *a, const uint16_t *b)
{
    while (*a && upcase(*a) == upcase(*b))
        a++, b++;
    return upcase(*a) == upcase(*b);
}

/* PREFIX is documented as a test of the value's end. */
static bool
ends_with(const struct wfp_value *value, const struct wfp_value *operand)
{
    if (value->type == WFP_BYTE_BLOB) {
        const struct wfp_blob *whole = value->blob, *end = operand->blob;
        return whole->size >= end->size &&
               (!end->size ||
                memcmp(whole->data + whole->size - end->size, end->data, end->size) == 0);
    }
    size_t whole = wfp_utf16_length(value->string_utf16);
    size_t end = wfp_utf16_length(operand->string_utf16);
    return whole >= end &&
           memcmp(value->string_utf16 + whole - end, operand->string_utf16, 2 * end) == 0;
}

static uint64_t
unsigned_bits(const struct wfp_value *value)
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
    default:
        return 0;
    }
}

static bool
in_v6_prefix(const uint8_t *addr, const struct wfp_v6_mask *mask)
{
    uint32_t whole = mask->prefix_length / 8, rest = mask->prefix_length % 8;

    if (memcmp(addr, mask->addr, whole) != 0)
        return false;
    return !rest || ((addr[whole] ^ mask->addr[whole]) >> (8 - rest)) == 0;
}

/* Operands whose type differs from the field's. */
static bool
match_mixed(const struct wfp_value *value, uint32_t match, const struct wfp_value *operand)
{
    bool inside;

    switch (operand->type) {
    case WFP_V4_ADDR_MASK:
        if (value->type != WFP_UINT32)
            return false;
        inside = ((value->uint32 ^ operand->v4_mask->addr_host) & operand->v4_mask->mask_host) == 0;
        return inside == (match == WFP_MATCH_EQUAL);
    case WFP_V6_ADDR_MASK:
        if (value->type != WFP_BYTE_ARRAY16)
            return false;
        inside = in_v6_prefix(value->array16->bytes, operand->v6_mask);
        return inside == (match == WFP_MATCH_EQUAL);
    case WFP_RANGE:
        return value->type == operand->range->low.type && order(value, &operand->range->low) >= 0 &&
               order(value, &operand->range->high) <= 0;
    case WFP_SECURITY_DESCRIPTOR:
        return match == WFP_MATCH_EQUAL && wfp_access_check(operand->blob, value);
    default:
        return false;
    }
}

bool
wfp_condition_match(const struct wfp_value *value, uint32_t match, const struct wfp_value *operand)
{
    if (value->type == WFP_EMPTY || operand->type == WFP_EMPTY)
        return value->type == operand->type && match == WFP_MATCH_EQUAL;
    if (is_pointer(value->type) && !value->pointer)
        return false;
    if (value->type != operand->type)
        return match_mixed(value, match, operand);
    switch (match) {
    case WFP_MATCH_EQUAL:
        return wfp_value_equal(value, operand);
    case WFP_MATCH_NOT_EQUAL:
        return !wfp_value_equal(value, operand);
    case WFP_MATCH_GREATER:
        return order(value, operand) > 0;
    case WFP_MATCH_LESS:
        return order(value, operand) < 0;
    case WFP_MATCH_GREATER_OR_EQUAL:
        return order(value, operand) >= 0;
    case WFP_MATCH_LESS_OR_EQUAL:
        return order(value, operand) <= 0;
    case WFP_MATCH_FLAGS_ALL_SET:
        return (unsigned_bits(value) & unsigned_bits(operand)) == unsigned_bits(operand);
    case WFP_MATCH_FLAGS_ANY_SET:
        return (unsigned_bits(value) & unsigned_bits(operand)) != 0;
    case WFP_MATCH_FLAGS_NONE_SET:
        return (unsigned_bits(value) & unsigned_bits(operand)) == 0;
    case WFP_MATCH_EQUAL_CASE_INSENSITIVE:
        return equal_without_case(value->string_utf16, operand->string_utf16);
    case WFP_MATCH_PREFIX:
        return ends_with(value, operand);
    case WFP_MATCH_NOT_PREFIX:
        return !ends_with(value, operand);
    default:
        return false;
    }
}
