/*
 * Values to words.
 */
#include "core/engine/key.h"

#include <string.h>

#include "base/macros.h"

/* Where each field's value lies; filled before main. */
static struct {
    uint8_t word[WFP_FIELD_MAX];
    uint8_t type[WFP_FIELD_MAX];
} places[WFP_LAYER_COUNT];

static const uint8_t type_words[WFP_BYTE_ARRAY6 + 1] = {
    [WFP_UINT8] = 1,        [WFP_UINT16] = 1,    [WFP_UINT32] = 1, [WFP_UINT64] = 2,
    [WFP_INT8] = 1,         [WFP_INT16] = 1,     [WFP_INT32] = 1,  [WFP_INT64] = 2,
    [WFP_BYTE_ARRAY16] = 4, [WFP_BYTE_BLOB] = 2, [WFP_SID] = 2,    [WFP_BYTE_ARRAY6] = 2,
};

uint32_t
wfp_key_type_words(uint32_t type)
{
    return type <= WFP_BYTE_ARRAY6 ? type_words[type] : 0;
}

/* Before main, after layer.c joined its tables (its constructor has a smaller number). */
__attribute__((constructor(102))) static void
place_fields(void)
{
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        uint32_t word = WFP_KEY_VALUES;

        for (uint32_t i = 0; layer && i < layer->field_count; i++) {
            places[id].word[i] = (uint8_t)word;
            places[id].type[i] = layer->fields[i].type;
            word += wfp_key_type_words(layer->fields[i].type);
        }
        assert(word <= WFP_KEY_WORDS);
    }
}

uint32_t
wfp_key_word(uint16_t layer_id, uint32_t field)
{
    return places[layer_id].word[field];
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
hash_bytes(const uint8_t *data, uint32_t size)
{
    uint64_t hash = UINT64_C(0x9E3779B97F4A7C15) ^ size, word;

    for (; size >= 8; data += 8, size -= 8) {
        memcpy(&word, data, 8);
        hash = mix(hash ^ word, UINT64_C(0xA0761D6478BD642F));
    }
    word = 0;
    for (uint32_t i = 0; i < size; i++)
        word |= (uint64_t)data[i] << 8 * i;
    return mix(hash ^ word, UINT64_C(0xE7037ED1A0B428DB));
}

static uint32_t
big_endian(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof(word));
    return __builtin_bswap32(word);
}

static void
put64(uint64_t value, uint32_t *words)
{
    words[0] = (uint32_t)(value >> 32);
    words[1] = (uint32_t)value;
}

void
wfp_key_value(const struct wfp_value *value, uint32_t *ret_words)
{
    switch (value->type) {
    case WFP_UINT8:
        ret_words[0] = value->uint8;
        break;
    case WFP_UINT16:
        ret_words[0] = value->uint16;
        break;
    case WFP_UINT32:
        ret_words[0] = value->uint32;
        break;
    case WFP_UINT64:
        put64(*value->uint64, ret_words);
        break;
    case WFP_INT8:
        ret_words[0] = (uint32_t)(int32_t)value->int8 ^ 0x80000000u;
        break;
    case WFP_INT16:
        ret_words[0] = (uint32_t)(int32_t)value->int16 ^ 0x80000000u;
        break;
    case WFP_INT32:
        ret_words[0] = (uint32_t)value->int32 ^ 0x80000000u;
        break;
    case WFP_INT64:
        put64((uint64_t)*value->int64 ^ UINT64_C(0x8000000000000000), ret_words);
        break;
    case WFP_BYTE_ARRAY16:
        for (uint32_t i = 0; i < 4; i++)
            ret_words[i] = big_endian(value->array16->bytes + 4 * i);
        break;
    case WFP_BYTE_ARRAY6:
        ret_words[0] = (uint32_t)value->array6->bytes[0] << 8 | value->array6->bytes[1];
        ret_words[1] = big_endian(value->array6->bytes + 2);
        break;
    case WFP_BYTE_BLOB:
        put64(hash_bytes(value->blob->data, value->blob->size), ret_words);
        break;
    case WFP_SID:
        put64(hash_bytes(value->sid, wfp_value_sid_size(value->sid)), ret_words);
        break;
    default:
        break;
    }
}

/* Types whose value is in the union itself. */
static bool
is_inline(uint32_t type)
{
    return type - WFP_UINT8 <= WFP_UINT32 - WFP_UINT8 || type - WFP_INT8 <= WFP_INT32 - WFP_INT8 ||
           type == WFP_FLOAT;
}

void
wfp_key_build(const struct wfp_key_plan *plan, const struct wfp_indication *indication,
              uint32_t key[WFP_KEY_WORDS])
{
    uint64_t present = 0, empty = 0;

    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t field = plan->fields[i], type = places[indication->layer_id].type[field];
        uint32_t *words = &key[places[indication->layer_id].word[field]];
        const struct wfp_value *value = &indication->values[field];

        if (field >= indication->value_count || value->type == WFP_EMPTY) {
            empty |= UINT64_C(1) << field;
        } else if (value->type == type && (is_inline(type) || value->pointer)) {
            present |= UINT64_C(1) << field;
            wfp_key_value(value, words);
            continue;
        }
        for (uint32_t w = 0; w < type_words[type]; w++)
            words[w] = 0;
    }
    key[WFP_KEY_PRESENT] = (uint32_t)present;
    key[WFP_KEY_PRESENT + 1] = (uint32_t)(present >> 32);
    key[WFP_KEY_EMPTY] = (uint32_t)empty;
    key[WFP_KEY_EMPTY + 1] = (uint32_t)(empty >> 32);
}
