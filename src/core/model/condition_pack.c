/*
 * Packing and spreading out conditions, by type.
 */
#include "core/model/condition_pack.h"

#include <string.h>

#include "base/macros.h"
#include "base/utf16.h"

enum { FIELD, MATCH, TYPE, END_TYPE, HEAD };

/* A type in a byte: those of conditions alone follow the gap in the numbering. */
static uint8_t
code_of(uint32_t type)
{
    return (uint8_t)(type < WFP_SINGLE_DATA_TYPE_MAX ? type : type - WFP_V4_ADDR_MASK + 0x80);
}

static uint32_t
type_of(uint8_t code)
{
    return code < 0x80 ? code : code - 0x80u + WFP_V4_ADDR_MASK;
}

/* Bytes of a value whose size its type tells; 0 for others. */
static size_t
packed_size(uint32_t type)
{
    static const uint8_t sizes[WFP_RANGE + 1] = {
        [WFP_UINT8] = 4,        [WFP_UINT16] = 4,        [WFP_UINT32] = 4,
        [WFP_INT8] = 4,         [WFP_INT16] = 4,         [WFP_INT32] = 4,
        [WFP_FLOAT] = 4,        [WFP_UINT64] = 8,        [WFP_INT64] = 8,
        [WFP_DOUBLE] = 8,       [WFP_BYTE_ARRAY16] = 16, [WFP_BYTE_ARRAY6] = 8,
        [WFP_V4_ADDR_MASK] = 8, [WFP_V6_ADDR_MASK] = 20,
    };
    return type < ELEMENTSOF(sizes) ? sizes[type] : 0;
}

/* Bytes of a value that has any number of them. */
static size_t
byte_count(const struct wfp_value *value)
{
    switch (value->type) {
    case WFP_SID:
        return wfp_value_sid_size(value->sid);
    case WFP_UNICODE_STRING:
        return 2 * (wfp_utf16_length(value->string_utf16) + 1);
    default:
        return value->blob->size;
    }
}

static bool
is_blob(uint32_t type)
{
    return type == WFP_BYTE_BLOB || type == WFP_SECURITY_DESCRIPTOR;
}

size_t
wfp_condition_pack_size(const struct wfp_condition *condition)
{
    const struct wfp_value *value = &condition->value;

    if (condition->match > UINT8_MAX)
        return 0;
    if (value->type == WFP_EMPTY)
        return HEAD;
    if (packed_size(value->type))
        return HEAD + packed_size(value->type);
    if (value->type == WFP_RANGE) {
        uint32_t type = value->range->low.type;
        return type == value->range->high.type && type < WFP_SINGLE_DATA_TYPE_MAX &&
                       packed_size(type)
                   ? HEAD + 2 * packed_size(type)
                   : 0;
    }
    if (value->type == WFP_SID || value->type == WFP_UNICODE_STRING)
        return HEAD + ALIGN_UP(byte_count(value), 4);
    return is_blob(value->type) ? HEAD + 4 + ALIGN_UP(byte_count(value), 4) : 0;
}

static uint8_t *
pack_fixed(const struct wfp_value *value, uint8_t *place)
{
    size_t size = packed_size(value->type), pointee = wfp_value_fixed_size(value->type);

    memset(place, 0, size);
    memcpy(place, pointee ? value->pointer : (const void *)&value->uint32, pointee ? pointee : 4);
    return place + size;
}

uint8_t *
wfp_condition_pack(const struct wfp_condition *condition, uint32_t field, uint8_t *place)
{
    const struct wfp_value *value = &condition->value;
    size_t size;

    place[FIELD] = (uint8_t)field;
    place[MATCH] = (uint8_t)condition->match;
    place[TYPE] = code_of(value->type);
    place[END_TYPE] = 0;
    if (value->type == WFP_RANGE) {
        place[END_TYPE] = code_of(value->range->low.type);
        place = pack_fixed(&value->range->low, place + HEAD);
        return pack_fixed(&value->range->high, place);
    }
    place += HEAD;
    if (value->type == WFP_EMPTY)
        return place;
    if (packed_size(value->type))
        return pack_fixed(value, place);
    size = byte_count(value);
    if (is_blob(value->type)) {
        memcpy(place, &value->blob->size, 4);
        place += 4;
        if (size)
            memcpy(place, value->blob->data, size);
    } else {
        memcpy(place, value->pointer, size);
    }
    return place + ALIGN_UP(size, 4);
}

/* @param number  where 64 bits are put, which must be aligned */
static const uint8_t *
unpack_fixed(uint32_t type, const uint8_t *packed, uint64_t *number, struct wfp_value *ret_value)
{
    size_t pointee = wfp_value_fixed_size(type);

    *ret_value = (struct wfp_value){.type = type};
    if (type == WFP_UINT64 || type == WFP_INT64 || type == WFP_DOUBLE) {
        memcpy(number, packed, sizeof(*number));
        ret_value->uint64 = number;
    } else if (pointee) {
        ret_value->pointer = (void *)(uintptr_t)packed;
    } else {
        memcpy(&ret_value->uint32, packed, 4);
    }
    return packed + packed_size(type);
}

const uint8_t *
wfp_condition_unpack(const struct wfp_layer *layer, const uint8_t *packed,
                     struct wfp_condition_view *view)
{
    struct wfp_value *value = &view->condition.value;
    uint32_t type = type_of(packed[TYPE]), end_type = type_of(packed[END_TYPE]);

    view->field = packed[FIELD];
    view->condition.field_key = layer->fields[view->field].condition_key;
    view->condition.match = packed[MATCH];
    *value = (struct wfp_value){.type = type};
    packed += HEAD;
    if (type == WFP_EMPTY)
        return packed;
    if (type == WFP_RANGE) {
        value->range = &view->range;
        packed = unpack_fixed(end_type, packed, &view->numbers[0], &view->range.low);
        return unpack_fixed(end_type, packed, &view->numbers[1], &view->range.high);
    }
    if (packed_size(type))
        return unpack_fixed(type, packed, &view->numbers[0], value);
    if (is_blob(type)) {
        memcpy(&view->blob.size, packed, 4);
        view->blob.data = (uint8_t *)(uintptr_t)packed + 4;
        value->blob = &view->blob;
        return packed + 4 + ALIGN_UP((size_t)view->blob.size, 4);
    }
    value->pointer = (void *)(uintptr_t)packed;
    return packed + ALIGN_UP(byte_count(value), 4);
}
