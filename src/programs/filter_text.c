/*
 * Words to conditions, by the type that the layer's field has.
 */
#include "programs/filter_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/utf16.h"

/* Decimal or 0x, up to @p most, to the end of the text or a '-'. */
static bool
read_number(const char **text, uint64_t most, uint64_t *ret_number)
{
    char *end;
    unsigned long long number;

    if (**text < '0' || **text > '9')
        return false;
    number = strtoull(*text, &end, 0);
    if (end == *text || (*end && *end != '-') || number > most)
        return false;
    *text = end;
    *ret_number = number;
    return true;
}

static bool
set_number(struct wfp_value *value, uint32_t type, uint64_t number, uint64_t *wide)
{
    *value = (struct wfp_value){.type = type};
    switch (type) {
    case WFP_UINT8:
        value->uint8 = (uint8_t)number;
        return number <= UINT8_MAX;
    case WFP_UINT16:
        value->uint16 = (uint16_t)number;
        return number <= UINT16_MAX;
    case WFP_UINT32:
        value->uint32 = (uint32_t)number;
        return number <= UINT32_MAX;
    default:
        *wide = number;
        value->uint64 = wide;
        return true;
    }
}

static int
parse_number(uint32_t type, const char *text, struct filter_text *parsed)
{
    struct wfp_value *value = &parsed->condition.value;
    uint64_t low, high, unused;

    if (!read_number(&text, UINT64_MAX, &low))
        return -WFP_ERR_INVALID_PARAMETER;
    if (!*text)
        return set_number(value, type, low, &parsed->number) ? 0 : -WFP_ERR_INVALID_PARAMETER;
    text++;
    if (type == WFP_UINT64)
        return -WFP_ERR_NOT_SUPPORTED; /* BFE takes them; this reader does not */
    if (!read_number(&text, UINT64_MAX, &high) || *text ||
        !set_number(&parsed->range.low, type, low, &unused) ||
        !set_number(&parsed->range.high, type, high, &unused))
        return -WFP_ERR_INVALID_PARAMETER;
    *value = (struct wfp_value){WFP_RANGE, {.range = &parsed->range}};
    parsed->condition.match = WFP_MATCH_RANGE;
    return 0;
}

static int
parse_address(uint32_t type, const char *text, struct filter_text *parsed)
{
    struct wfp_value *value = &parsed->condition.value;
    unsigned most = type == WFP_UINT32 ? 32 : 128;
    const char *slash = strchr(text, '/'), *rest = slash ? slash + 1 : "";
    char address[64];
    uint64_t bits = most;
    uint8_t bytes[16];

    snprintf(address, sizeof(address), "%.*s", (int)(slash ? (size_t)(slash - text) : strlen(text)),
             text);
    if (inet_pton(type == WFP_UINT32 ? AF_INET : AF_INET6, address, bytes) != 1 ||
        (slash && (!read_number(&rest, most, &bits) || *rest)))
        return -WFP_ERR_INVALID_PARAMETER;
    if (type == WFP_UINT32) {
        uint32_t host = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                        (uint32_t)bytes[2] << 8 | bytes[3];
        parsed->v4 = (struct wfp_v4_mask){host, bits ? UINT32_MAX << (32 - bits) : 0};
        *value = slash ? (struct wfp_value){WFP_V4_ADDR_MASK, {.v4_mask = &parsed->v4}}
                       : (struct wfp_value){WFP_UINT32, {.uint32 = host}};
        return 0;
    }
    memcpy(parsed->v6.addr, bytes, 16);
    memcpy(parsed->address.bytes, bytes, 16);
    parsed->v6.prefix_length = (uint8_t)bits;
    *value = slash ? (struct wfp_value){WFP_V6_ADDR_MASK, {.v6_mask = &parsed->v6}}
                   : (struct wfp_value){WFP_BYTE_ARRAY16, {.array16 = &parsed->address}};
    return 0;
}

/* A program's path, as ALE_APP_ID has it: UTF-16 with its NUL. */
static int
parse_path(const char *text, struct filter_text *parsed)
{
    size_t length;

    parsed->text_utf16 = wfp_utf16_from_utf8(text, &length);
    if (!parsed->text_utf16)
        return -WFP_ERR_NO_MEMORY;
    parsed->blob = (struct wfp_blob){(uint32_t)(2 * (length + 1)), (uint8_t *)parsed->text_utf16};
    parsed->condition.value = (struct wfp_value){WFP_BYTE_BLOB, {.blob = &parsed->blob}};
    return 0;
}

static int
parse_value(const struct wfp_field *field, const char *text, struct filter_text *parsed)
{
    if (field->kind == WFP_FIELD_IP_ADDRESS &&
        (field->type == WFP_UINT32 || field->type == WFP_BYTE_ARRAY16))
        return parse_address(field->type, text, parsed);
    switch (field->type) {
    case WFP_UINT8:
    case WFP_UINT16:
    case WFP_UINT32:
    case WFP_UINT64:
        return parse_number(field->type, text, parsed);
    case WFP_BYTE_BLOB:
        return parse_path(text, parsed);
    default:
        return -WFP_ERR_NOT_SUPPORTED;
    }
}

int
filter_text_parse(const struct wfp_layer *layer, const char *word, struct filter_text *ret_text,
                  char *error)
{
    const char *sign = strchr(word, '=');
    bool is_not = sign && sign > word && sign[-1] == '!';
    char name[80];
    int field, r;

    memset(ret_text, 0, sizeof(*ret_text));
    if (!sign) {
        snprintf(error, FILTER_TEXT_ERROR_SIZE, "'%.60s' is no condition; say FIELD=VALUE", word);
        return -WFP_ERR_INVALID_PARAMETER;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(sign - word - is_not), word);
    field = wfp_layer_find_field_name(layer, name);
    if (field < 0) {
        snprintf(error, FILTER_TEXT_ERROR_SIZE,
                 "%s has no field '%.60s'; 'wfp show layers --json' lists them", layer->name, name);
        return field;
    }
    ret_text->condition.field_key = layer->fields[field].condition_key;
    ret_text->condition.match = WFP_MATCH_EQUAL;
    r = parse_value(&layer->fields[field], sign + 1, ret_text);
    if (r == 0 && is_not) {
        if (ret_text->condition.match == WFP_MATCH_RANGE)
            r = -WFP_ERR_NOT_SUPPORTED;
        ret_text->condition.match = WFP_MATCH_NOT_EQUAL;
    }
    if (r < 0)
        snprintf(error, FILTER_TEXT_ERROR_SIZE, "'%.60s' is no value for %s (%s)", sign + 1, name,
                 wfp_status_text(r));
    return r;
}

void
filter_text_fini(struct filter_text *text)
{
    free(text->text_utf16);
    text->text_utf16 = NULL;
}
