/*
 * Values: deep copy, release, equality, text.
 *
 * Model      Everything a value points to is one allocation, except a range, whose two ends own
 *            theirs. Tables say what each type is; the few odd ones have a function.
 */
#include "core/model/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/status.h"
#include "base/utf16.h"

static_assert(sizeof(struct wfp_value) == 16, "FWP_VALUE0 is 16 bytes");
static_assert(sizeof(struct wfp_range) == 32, "FWP_RANGE0 is 32 bytes");
static_assert(sizeof(struct wfp_condition) == 40, "FWPM_FILTER_CONDITION0 is 40 bytes");
static_assert(sizeof(struct wfp_v6_mask) == 17, "FWP_V6_ADDR_AND_MASK is 17 bytes");
static_assert(WFP_V4_ADDR_MASK == 0x100, "FWP_V4_ADDR_MASK follows 0xff");

uint32_t
wfp_value_sid_size(const void *sid)
{
    const uint8_t *bytes = sid;
    return 8u + 4u * bytes[1];
}

uint32_t
wfp_value_fixed_size(uint32_t type)
{
    static const uint8_t sizes[WFP_RANGE + 1] = {
        [WFP_UINT64] = 8,
        [WFP_INT64] = 8,
        [WFP_DOUBLE] = 8,
        [WFP_BYTE_ARRAY16] = sizeof(struct wfp_array16),
        [WFP_BYTE_ARRAY6] = sizeof(struct wfp_array6),
        [WFP_V4_ADDR_MASK] = sizeof(struct wfp_v4_mask),
        [WFP_V6_ADDR_MASK] = sizeof(struct wfp_v6_mask),
    };

    return type < ELEMENTSOF(sizes) ? sizes[type] : 0;
}

static bool
is_blob(uint32_t type)
{
    return type == WFP_BYTE_BLOB || type == WFP_SECURITY_DESCRIPTOR ||
           type == WFP_TOKEN_ACCESS_INFORMATION;
}

static bool
is_inline(uint32_t type)
{
    return type == WFP_EMPTY || (type >= WFP_UINT8 && type <= WFP_UINT32) ||
           (type >= WFP_INT8 && type <= WFP_INT32) || type == WFP_FLOAT;
}

static int
copy_bytes(const void *from, size_t size, void **ret_copy)
{
    void *copy = malloc(size ? size : 1);
    if (!copy)
        return -WFP_ERR_NO_MEMORY;
    memcpy(copy, from, size);
    *ret_copy = copy;
    return 0;
}

static int
copy_blob(const struct wfp_blob *blob, void **ret_copy)
{
    struct wfp_blob *copy;

    if (blob->size && !blob->data)
        return -WFP_ERR_NULL_POINTER;
    copy = malloc(sizeof(*copy) + blob->size);
    if (!copy)
        return -WFP_ERR_NO_MEMORY;
    copy->size = blob->size;
    copy->data = (uint8_t *)(copy + 1);
    if (blob->size)
        memcpy(copy->data, blob->data, blob->size);
    *ret_copy = copy;
    return 0;
}

static size_t
token_list_size(const struct wfp_sid_and_attributes *sids, uint32_t count)
{
    size_t size = (size_t)count * sizeof(*sids);
    for (uint32_t i = 0; i < count; i++)
        size += ALIGN_UP(wfp_value_sid_size(sids[i].sid), 8);
    return size;
}

static struct wfp_sid_and_attributes *
token_list_copy(const struct wfp_sid_and_attributes *sids, uint32_t count, uint8_t **place)
{
    struct wfp_sid_and_attributes *copy = (struct wfp_sid_and_attributes *)*place;

    *place += (size_t)count * sizeof(*sids);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = wfp_value_sid_size(sids[i].sid);
        copy[i].attributes = sids[i].attributes;
        copy[i].sid = memcpy(*place, sids[i].sid, size);
        *place += ALIGN_UP(size, 8);
    }
    return copy;
}

static bool
token_list_is_whole(const struct wfp_sid_and_attributes *sids, uint32_t count)
{
    if (count && !sids)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!sids[i].sid)
            return false;
    return true;
}

static int
copy_token(const struct wfp_token_information *token, void **ret_copy)
{
    struct wfp_token_information *copy;
    uint8_t *place;

    if (!token_list_is_whole(token->sids, token->sid_count) ||
        !token_list_is_whole(token->restricted_sids, token->restricted_sid_count))
        return -WFP_ERR_NULL_POINTER;
    copy = calloc(1, sizeof(*copy) + token_list_size(token->sids, token->sid_count) +
                         token_list_size(token->restricted_sids, token->restricted_sid_count));
    if (!copy)
        return -WFP_ERR_NO_MEMORY;
    place = (uint8_t *)(copy + 1);
    copy->sid_count = token->sid_count;
    copy->sids = token_list_copy(token->sids, token->sid_count, &place);
    copy->restricted_sid_count = token->restricted_sid_count;
    copy->restricted_sids =
        token_list_copy(token->restricted_sids, token->restricted_sid_count, &place);
    *ret_copy = copy;
    return 0;
}

static int
copy_range(const struct wfp_range *range, void **ret_copy)
{
    struct wfp_range *copy;
    int r;

    if (range->low.type == WFP_RANGE || range->high.type == WFP_RANGE)
        return -WFP_ERR_TYPE_MISMATCH;
    copy = malloc(sizeof(*copy));
    if (!copy)
        return -WFP_ERR_NO_MEMORY;
    r = wfp_value_copy(&range->low, &copy->low);
    if (r < 0) {
        free(copy);
        return r;
    }
    r = wfp_value_copy(&range->high, &copy->high);
    if (r < 0) {
        wfp_value_fini(&copy->low);
        free(copy);
        return r;
    }
    *ret_copy = copy;
    return 0;
}

int
wfp_value_copy(const struct wfp_value *value, struct wfp_value *ret_copy)
{
    uint32_t size;
    void *copy;
    int r;

    if (is_inline(value->type)) {
        *ret_copy = *value;
        return 0;
    }
    size = wfp_value_fixed_size(value->type);
    if (!size && !is_blob(value->type) && value->type != WFP_SID && value->type != WFP_RANGE &&
        value->type != WFP_UNICODE_STRING && value->type != WFP_TOKEN_INFORMATION)
        return -WFP_ERR_TYPE_MISMATCH;
    if (!value->pointer)
        return -WFP_ERR_NULL_POINTER;
    if (size)
        r = copy_bytes(value->pointer, size, &copy);
    else if (is_blob(value->type))
        r = copy_blob(value->blob, &copy);
    else if (value->type == WFP_SID)
        r = copy_bytes(value->sid, wfp_value_sid_size(value->sid), &copy);
    else if (value->type == WFP_UNICODE_STRING)
        r = copy_bytes(value->string_utf16, 2 * (wfp_utf16_length(value->string_utf16) + 1), &copy);
    else if (value->type == WFP_TOKEN_INFORMATION)
        r = copy_token(value->token, &copy);
    else
        r = copy_range(value->range, &copy);
    if (r < 0)
        return r;
    memset(ret_copy, 0, sizeof(*ret_copy));
    ret_copy->type = value->type;
    ret_copy->pointer = copy;
    return 0;
}

void
wfp_value_fini(struct wfp_value *value)
{
    if (!is_inline(value->type)) {
        if (value->type == WFP_RANGE && value->range) {
            wfp_value_fini(&value->range->low);
            wfp_value_fini(&value->range->high);
        }
        free(value->pointer);
    }
    memset(value, 0, sizeof(*value));
}

static bool
blob_equal(const struct wfp_blob *a, const struct wfp_blob *b)
{
    return a->size == b->size && (!a->size || memcmp(a->data, b->data, a->size) == 0);
}

static bool
token_list_equal(const struct wfp_sid_and_attributes *a, uint32_t a_count,
                 const struct wfp_sid_and_attributes *b, uint32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint32_t i = 0; i < a_count; i++) {
        uint32_t size = wfp_value_sid_size(a[i].sid);
        if (a[i].attributes != b[i].attributes || size != wfp_value_sid_size(b[i].sid) ||
            memcmp(a[i].sid, b[i].sid, size) != 0)
            return false;
    }
    return true;
}

static bool
pointee_equal(const struct wfp_value *a, const struct wfp_value *b)
{
    uint32_t size = wfp_value_fixed_size(a->type);

    if (size)
        return memcmp(a->pointer, b->pointer, size) == 0;
    if (is_blob(a->type))
        return blob_equal(a->blob, b->blob);
    switch (a->type) {
    case WFP_SID:
        size = wfp_value_sid_size(a->sid);
        return size == wfp_value_sid_size(b->sid) && memcmp(a->sid, b->sid, size) == 0;
    case WFP_UNICODE_STRING:
        size = (uint32_t)wfp_utf16_length(a->string_utf16);
        return size == wfp_utf16_length(b->string_utf16) &&
               memcmp(a->string_utf16, b->string_utf16, 2 * (size_t)size) == 0;
    case WFP_RANGE:
        return wfp_value_equal(&a->range->low, &b->range->low) &&
               wfp_value_equal(&a->range->high, &b->range->high);
    case WFP_TOKEN_INFORMATION: {
        const struct wfp_token_information *x = a->token, *y = b->token;
        return token_list_equal(x->sids, x->sid_count, y->sids, y->sid_count) &&
               token_list_equal(x->restricted_sids, x->restricted_sid_count, y->restricted_sids,
                                y->restricted_sid_count);
    }
    default:
        return false;
    }
}

bool
wfp_value_equal(const struct wfp_value *a, const struct wfp_value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case WFP_EMPTY:
        return true;
    case WFP_UINT8:
    case WFP_INT8:
        return a->uint8 == b->uint8;
    case WFP_UINT16:
    case WFP_INT16:
        return a->uint16 == b->uint16;
    case WFP_UINT32:
    case WFP_INT32:
        return a->uint32 == b->uint32;
    case WFP_FLOAT:
        return a->float32 == b->float32;
    default:
        if (!a->pointer || !b->pointer)
            return a->pointer == b->pointer;
        return pointee_equal(a, b);
    }
}
