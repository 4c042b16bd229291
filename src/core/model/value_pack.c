/*
 * Values packed behind one another in memory that someone else owns.
 *
 * Not here   Copies that own themselves: wfp_value_copy() in value.c.
 */
#include <string.h>

#include "base/macros.h"
#include "base/utf16.h"
#include "core/model/value.h"

/* Bytes behind the pointer, without what those point to in turn. */
static size_t
pointee_size(const struct wfp_value *value)
{
    switch (value->type) {
    case WFP_SID:
        return wfp_value_sid_size(value->sid);
    case WFP_UNICODE_STRING:
        return 2 * (wfp_utf16_length(value->string_utf16) + 1);
    case WFP_BYTE_BLOB:
    case WFP_SECURITY_DESCRIPTOR:
    case WFP_TOKEN_ACCESS_INFORMATION:
        return sizeof(struct wfp_blob);
    case WFP_RANGE:
        return sizeof(struct wfp_range);
    default:
        return wfp_value_fixed_size(value->type);
    }
}

static bool
is_blob(uint32_t type)
{
    return type == WFP_BYTE_BLOB || type == WFP_SECURITY_DESCRIPTOR ||
           type == WFP_TOKEN_ACCESS_INFORMATION;
}

size_t
wfp_value_pack_size(const struct wfp_value *value)
{
    size_t size = ALIGN_UP(pointee_size(value), 8);

    if (is_blob(value->type))
        size += ALIGN_UP((size_t)value->blob->size, 8);
    else if (value->type == WFP_RANGE)
        size += wfp_value_pack_size(&value->range->low) + wfp_value_pack_size(&value->range->high);
    return size;
}

void
wfp_value_pack(const struct wfp_value *value, struct wfp_value *ret_packed, uint8_t **place)
{
    size_t size = pointee_size(value);
    uint8_t *copy = *place;

    *ret_packed = *value;
    if (!size)
        return;
    memcpy(copy, value->pointer, size);
    ret_packed->pointer = copy;
    *place += ALIGN_UP(size, 8);
    if (is_blob(value->type) && value->blob->size) {
        ret_packed->blob->data = memcpy(*place, value->blob->data, value->blob->size);
        *place += ALIGN_UP((size_t)value->blob->size, 8);
    } else if (value->type == WFP_RANGE) {
        wfp_value_pack(&value->range->low, &ret_packed->range->low, place);
        wfp_value_pack(&value->range->high, &ret_packed->range->high, place);
    }
}
