/*
 * Values in a dump: <type> names the type, the other element holds the value.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/utf16.h"
#include "policy/dump/dump_internal.h"

#define RANGE_DEPTH 1 /* a range holds two plain values */

static int value_at_depth(struct wfp_dump_reader *reader, const xmlNode *node, int depth,
                          struct wfp_value *ret_value);

static void *
allocate(struct wfp_dump_reader *reader, size_t size)
{
    void *place = wfp_dump_arena_alloc(reader->arena, size);
    if (!place)
        wfp_dump_no_memory(reader);
    return place;
}

/* A number, or four of them with dots between: an address in host order. */
static int
read_uint32(struct wfp_dump_reader *reader, const xmlNode *node, uint32_t *ret_number)
{
    const char *text = wfp_dump_node_text(reader, node);
    struct in_addr addr_be;
    uint64_t number;
    int r;

    if (!text)
        return wfp_dump_no_memory(reader);
    if (strchr(text, '.')) {
        if (inet_pton(AF_INET, text, &addr_be) != 1)
            return wfp_dump_fail(reader, node, "'%.40s' is no IPv4 address", text);
        *ret_number = ntohl(addr_be.s_addr);
        return 0;
    }
    r = wfp_dump_number(reader, node, UINT32_MAX, &number);
    if (r == 0)
        *ret_number = (uint32_t)number;
    return r;
}

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Exactly @p size bytes of hex; ':' and '-' may stand between bytes. */
static bool
read_hex(const char *text, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high, low;
        if (i && (*text == ':' || *text == '-'))
            text++;
        high = hex_digit(text[0]);
        low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return *text == '\0';
}

/* Sixteen bytes: an IPv6 address, a GUID (RPC interfaces), or plain hex. */
static int
read_array16(struct wfp_dump_reader *reader, const xmlNode *node, uint8_t bytes[16])
{
    const char *text = wfp_dump_node_text(reader, node);
    struct wfp_guid guid;

    if (!text)
        return wfp_dump_no_memory(reader);
    if (inet_pton(AF_INET6, text, bytes) == 1 || read_hex(text, bytes, 16))
        return 0;
    if (wfp_guid_parse(text, &guid) == 0) {
        memcpy(bytes, &guid, 16);
        return 0;
    }
    return wfp_dump_fail(reader, node, "'%.60s' is neither an IPv6 address nor 16 bytes", text);
}

static int
read_sid(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_value *value)
{
    const char *text = wfp_dump_node_text(reader, node);
    uint8_t sid[68];
    size_t size;

    if (!text)
        return wfp_dump_no_memory(reader);
    if (wfp_dump_sid_parse(text, strlen(text), sid, &size) < 0)
        return wfp_dump_fail(reader, node, "'%.80s' is no SID", text);
    value->sid = allocate(reader, size);
    if (!value->sid)
        return -WFP_ERR_NO_MEMORY;
    memcpy(value->sid, sid, size);
    return 0;
}

static int
read_descriptor(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_value *value)
{
    const char *text = wfp_dump_node_text(reader, node);
    bool is_partial = false;
    int r;

    if (!text)
        return wfp_dump_no_memory(reader);
    value->blob = allocate(reader, sizeof(*value->blob));
    if (!value->blob)
        return -WFP_ERR_NO_MEMORY;
    r = wfp_dump_sddl_parse(text, reader->arena, value->blob, &is_partial);
    if (r == -WFP_ERR_NO_MEMORY)
        return wfp_dump_no_memory(reader);
    if (r < 0)
        return wfp_dump_fail(reader, node, "'%.120s' is no security descriptor", text);
    reader->dump->partial_descriptors += is_partial;
    return 0;
}

static int
read_v4_mask(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_value *value)
{
    const xmlNode *addr = wfp_dump_first_element(node);
    const xmlNode *mask = addr ? wfp_dump_next_element(addr) : NULL;
    int r;

    if (!mask)
        return wfp_dump_fail(reader, node, "an address and a mask are missing");
    value->v4_mask = allocate(reader, sizeof(*value->v4_mask));
    if (!value->v4_mask)
        return -WFP_ERR_NO_MEMORY;
    r = read_uint32(reader, addr, &value->v4_mask->addr_host);
    return r < 0 ? r : read_uint32(reader, mask, &value->v4_mask->mask_host);
}

static int
read_v6_mask(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_value *value)
{
    const xmlNode *addr = wfp_dump_first_element(node);
    const xmlNode *length = addr ? wfp_dump_next_element(addr) : NULL;
    uint64_t bits;
    int r;

    if (!length)
        return wfp_dump_fail(reader, node, "an address and a prefix length are missing");
    value->v6_mask = allocate(reader, sizeof(*value->v6_mask));
    if (!value->v6_mask)
        return -WFP_ERR_NO_MEMORY;
    r = read_array16(reader, addr, value->v6_mask->addr);
    if (r == 0)
        r = wfp_dump_number(reader, length, 128, &bits);
    if (r == 0)
        value->v6_mask->prefix_length = (uint8_t)bits;
    return r;
}

static int
read_range(struct wfp_dump_reader *reader, const xmlNode *node, int depth, struct wfp_value *value)
{
    const xmlNode *low = wfp_dump_first_element(node);
    const xmlNode *high = low ? wfp_dump_next_element(low) : NULL;
    int r;

    if (!high || depth >= RANGE_DEPTH)
        return wfp_dump_fail(reader, node, "not a range of two plain values");
    value->range = allocate(reader, sizeof(*value->range));
    if (!value->range)
        return -WFP_ERR_NO_MEMORY;
    r = value_at_depth(reader, low, depth + 1, &value->range->low);
    return r < 0 ? r : value_at_depth(reader, high, depth + 1, &value->range->high);
}

static int
read_signed(struct wfp_dump_reader *reader, const xmlNode *node, int64_t *ret_number)
{
    const char *text = wfp_dump_node_text(reader, node);
    char *end;

    if (!text)
        return wfp_dump_no_memory(reader);
    *ret_number = strtoll(text, &end, 10);
    return end == text || *end ? wfp_dump_fail(reader, node, "'%.40s' is no number", text) : 0;
}

static int
read_real(struct wfp_dump_reader *reader, const xmlNode *node, double *ret_number)
{
    const char *text = wfp_dump_node_text(reader, node);
    char *end;

    if (!text)
        return wfp_dump_no_memory(reader);
    *ret_number = strtod(text, &end);
    return end == text || *end ? wfp_dump_fail(reader, node, "'%.40s' is no number", text) : 0;
}

/* Numbers and addresses that fit into the value, or into eight bytes beside it. */
static int
read_number(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_value *value)
{
    static const uint64_t most[] = {
        [WFP_UINT8] = UINT8_MAX, [WFP_UINT16] = UINT16_MAX, [WFP_UINT64] = UINT64_MAX};
    uint64_t number = 0;
    int r;

    if (value->type == WFP_UINT32)
        return read_uint32(reader, node, &value->uint32);
    r = wfp_dump_number(reader, node, most[value->type], &number);
    if (r < 0)
        return r;
    if (value->type == WFP_UINT8)
        value->uint8 = (uint8_t)number;
    else if (value->type == WFP_UINT16)
        value->uint16 = (uint16_t)number;
    else if (!(value->uint64 = allocate(reader, sizeof(number))))
        return -WFP_ERR_NO_MEMORY;
    else
        *value->uint64 = number;
    return 0;
}

static int
read_rare_number(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_value *value)
{
    int64_t number = 0;
    double real = 0;
    int r = value->type == WFP_FLOAT || value->type == WFP_DOUBLE
                ? read_real(reader, node, &real)
                : read_signed(reader, node, &number);

    if (r < 0)
        return r;
    switch (value->type) {
    case WFP_INT8:
        value->int8 = (int8_t)number;
        return 0;
    case WFP_INT16:
        value->int16 = (int16_t)number;
        return 0;
    case WFP_INT32:
        value->int32 = (int32_t)number;
        return 0;
    case WFP_FLOAT:
        value->float32 = (float)real;
        return 0;
    case WFP_DOUBLE:
        if (!(value->double64 = allocate(reader, sizeof(real))))
            return -WFP_ERR_NO_MEMORY;
        *value->double64 = real;
        return 0;
    default:
        if (!(value->int64 = allocate(reader, sizeof(number))))
            return -WFP_ERR_NO_MEMORY;
        *value->int64 = number;
        return 0;
    }
}

static int
read_array6(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_value *value)
{
    const char *text = wfp_dump_node_text(reader, node);

    if (!text)
        return wfp_dump_no_memory(reader);
    if (!(value->array6 = allocate(reader, sizeof(*value->array6))))
        return -WFP_ERR_NO_MEMORY;
    if (!read_hex(text, value->array6->bytes, sizeof(value->array6->bytes)))
        return wfp_dump_fail(reader, node, "'%.40s' is not six bytes", text);
    return 0;
}

static int
read_content(struct wfp_dump_reader *reader, const xmlNode *node, int depth,
             struct wfp_value *value)
{
    const uint16_t *string;
    int r;

    switch (value->type) {
    case WFP_UINT8:
    case WFP_UINT16:
    case WFP_UINT32:
    case WFP_UINT64:
        return read_number(reader, node, value);
    case WFP_BYTE_ARRAY16:
        if (!(value->array16 = allocate(reader, sizeof(*value->array16))))
            return -WFP_ERR_NO_MEMORY;
        return read_array16(reader, node, value->array16->bytes);
    case WFP_BYTE_ARRAY6:
        return read_array6(reader, node, value);
    case WFP_BYTE_BLOB:
    case WFP_TOKEN_ACCESS_INFORMATION:
        if (!(value->blob = allocate(reader, sizeof(*value->blob))))
            return -WFP_ERR_NO_MEMORY;
        return wfp_dump_blob(reader, node, value->blob);
    case WFP_SID:
        return read_sid(reader, node, value);
    case WFP_SECURITY_DESCRIPTOR:
        return read_descriptor(reader, node, value);
    case WFP_UNICODE_STRING:
        r = wfp_dump_string(reader, node, &string);
        value->string_utf16 = (uint16_t *)(uintptr_t)string;
        return r;
    case WFP_V4_ADDR_MASK:
        return read_v4_mask(reader, node, value);
    case WFP_V6_ADDR_MASK:
        return read_v6_mask(reader, node, value);
    case WFP_RANGE:
        return read_range(reader, node, depth, value);
    case WFP_TOKEN_INFORMATION:
        return wfp_dump_fail(reader, node, "a token as a value is not supported");
    default:
        return read_rare_number(reader, node, value);
    }
}

static int
value_at_depth(struct wfp_dump_reader *reader, const xmlNode *node, int depth,
               struct wfp_value *ret_value)
{
    const xmlNode *type = wfp_dump_child(node, "type");
    const xmlNode *content = wfp_dump_first_element(node);
    struct wfp_value value = {0};
    const char *text;
    int r;

    if (!type)
        return wfp_dump_fail(reader, node, "a value without a type");
    text = wfp_dump_node_text(reader, type);
    if (!text)
        return wfp_dump_no_memory(reader);
    r = wfp_dump_enumerator(reader, type, wfp_dump_types, WFP_EMPTY, &value.type);
    if (r < 0)
        return r;
    while (content && content == type)
        content = wfp_dump_next_element(content);
    if (value.type != WFP_EMPTY) {
        if (!content)
            return wfp_dump_fail(reader, node, "a %.60s without a value", text);
        r = read_content(reader, content, depth, &value);
        if (r < 0)
            return r;
    }
    *ret_value = value;
    return 0;
}

int
wfp_dump_value(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_value *ret_value)
{
    return value_at_depth(reader, node, 0, ret_value);
}
