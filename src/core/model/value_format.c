/*
 * Values as text for tables and reports.
 *
 * Not here   FWPM names and XML: policy/dump. A plain UINT32 prints as a number; what is an address
 *            only its field knows: wfp_value_format_address().
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/utf16.h"
#include "core/model/value.h"

static void
format_v4(uint32_t addr_host, char *text, uint32_t size)
{
    snprintf(text, size, "%u.%u.%u.%u", addr_host >> 24, addr_host >> 16 & 0xff,
             addr_host >> 8 & 0xff, addr_host & 0xff);
}

static void
format_v4_mask(const struct wfp_v4_mask *mask, char *text, uint32_t size)
{
    uint32_t inverse = ~mask->mask_host;
    char addr[16], bits[16];

    format_v4(mask->addr_host, addr, sizeof(addr));
    if ((inverse & (inverse + 1)) == 0) {
        snprintf(text, size, "%s/%d", addr, __builtin_popcount(mask->mask_host));
        return;
    }
    format_v4(mask->mask_host, bits, sizeof(bits));
    snprintf(text, size, "%s/%s", addr, bits);
}

static void
format_hex(const uint8_t *bytes, uint32_t count, char separator, char *text, uint32_t size)
{
    uint32_t at = 0;

    if (size)
        text[0] = '\0';
    for (uint32_t i = 0; i < count && at + 4 < size; i++) {
        if (i && separator)
            text[at++] = separator;
        at += (uint32_t)snprintf(text + at, size - at, "%02x", bytes[i]);
    }
}

/* An application id reads as the path it is; anything else as hexadecimal. */
static void
format_blob(const struct wfp_blob *blob, char *text, uint32_t size)
{
    uint32_t units = blob->size / 2;
    bool is_text = blob->size >= 4 && blob->size % 2 == 0;

    for (uint32_t i = 0; is_text && i < units; i++) {
        uint16_t unit = (uint16_t)(blob->data[2 * i] | blob->data[2 * i + 1] << 8);
        is_text = i + 1 == units ? unit == 0 : unit >= 0x20;
    }
    if (is_text) {
        char *utf8 = wfp_utf16_to_utf8((const uint16_t *)blob->data, units - 1);
        snprintf(text, size, "%s", utf8 ? utf8 : "");
        free(utf8);
        return;
    }
    format_hex(blob->data, blob->size, 0, text, size);
}

static void
format_sid(const uint8_t *sid, char *text, uint32_t size)
{
    uint64_t authority = 0;
    uint32_t at;

    for (uint32_t i = 2; i < 8; i++)
        authority = authority << 8 | sid[i];
    at = (uint32_t)snprintf(text, size, "S-%u-%" PRIu64, sid[0], authority);
    for (uint32_t i = 0; i < sid[1] && at < size; i++) {
        uint32_t part;
        memcpy(&part, sid + 8 + 4 * i, sizeof(part));
        at += (uint32_t)snprintf(text + at, size - at, "-%u", part);
    }
}

static void
format_range(const struct wfp_range *range, char *text, uint32_t size,
             const char *(*one)(const struct wfp_value *, char *, uint32_t))
{
    char low[64], high[64];

    snprintf(text, size, "%s-%s", one(&range->low, low, sizeof(low)),
             one(&range->high, high, sizeof(high)));
}

static void
format_pointee(const struct wfp_value *value, char *text, uint32_t size)
{
    switch (value->type) {
    case WFP_UINT64:
        snprintf(text, size, "%" PRIu64, *value->uint64);
        break;
    case WFP_INT64:
        snprintf(text, size, "%" PRId64, *value->int64);
        break;
    case WFP_DOUBLE:
        snprintf(text, size, "%g", *value->double64);
        break;
    case WFP_BYTE_ARRAY16:
        inet_ntop(AF_INET6, value->array16->bytes, text, size);
        break;
    case WFP_BYTE_ARRAY6:
        format_hex(value->array6->bytes, 6, '-', text, size);
        break;
    case WFP_V4_ADDR_MASK:
        format_v4_mask(value->v4_mask, text, size);
        break;
    case WFP_V6_ADDR_MASK: {
        char addr[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET6, value->v6_mask->addr, addr, sizeof(addr));
        snprintf(text, size, "%s/%u", addr, value->v6_mask->prefix_length);
        break;
    }
    case WFP_SID:
        format_sid(value->sid, text, size);
        break;
    case WFP_UNICODE_STRING: {
        char *utf8 = wfp_utf16_to_utf8(value->string_utf16, wfp_utf16_length(value->string_utf16));
        snprintf(text, size, "%s", utf8 ? utf8 : "");
        free(utf8);
        break;
    }
    case WFP_BYTE_BLOB:
        format_blob(value->blob, text, size);
        break;
    case WFP_SECURITY_DESCRIPTOR:
        snprintf(text, size, "security descriptor, %u bytes", value->blob->size);
        break;
    case WFP_TOKEN_ACCESS_INFORMATION:
        snprintf(text, size, "token, %u bytes", value->blob->size);
        break;
    case WFP_TOKEN_INFORMATION:
        snprintf(text, size, "token");
        break;
    case WFP_RANGE:
        format_range(value->range, text, size, wfp_value_format);
        break;
    default:
        snprintf(text, size, "type %u", value->type);
    }
}

const char *
wfp_value_format(const struct wfp_value *value, char *text, uint32_t size)
{
    if (!size)
        return text;
    text[0] = '\0';
    switch (value->type) {
    case WFP_EMPTY:
        snprintf(text, size, "empty");
        break;
    case WFP_UINT8:
        snprintf(text, size, "%u", value->uint8);
        break;
    case WFP_UINT16:
        snprintf(text, size, "%u", value->uint16);
        break;
    case WFP_UINT32:
        snprintf(text, size, "%u", value->uint32);
        break;
    case WFP_INT8:
        snprintf(text, size, "%d", value->int8);
        break;
    case WFP_INT16:
        snprintf(text, size, "%d", value->int16);
        break;
    case WFP_INT32:
        snprintf(text, size, "%d", value->int32);
        break;
    case WFP_FLOAT:
        snprintf(text, size, "%g", (double)value->float32);
        break;
    default:
        if (!value->pointer)
            snprintf(text, size, "null");
        else
            format_pointee(value, text, size);
    }
    return text;
}

const char *
wfp_value_format_address(const struct wfp_value *value, char *text, uint32_t size)
{
    if (value->type == WFP_UINT32)
        format_v4(value->uint32, text, size);
    else if (value->type == WFP_RANGE && value->range)
        format_range(value->range, text, size, wfp_value_format_address);
    else
        wfp_value_format(value, text, size);
    return text;
}
