/*
 * GUID text, hash and generation.
 */
#include "base/guid.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/status.h"

uint64_t
wfp_guid_hash(const struct wfp_guid *guid)
{
    uint64_t half[2];
    memcpy(half, guid, sizeof(half));
    uint64_t h = half[0] ^ (half[1] * 0x9E3779B97F4A7C15u);
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93u;
    return h ^ (h >> 32);
}

const char *
wfp_guid_format(const struct wfp_guid *guid, char text[WFP_GUID_TEXT_SIZE])
{
    const uint8_t *d = guid->data4;
    snprintf(text, WFP_GUID_TEXT_SIZE, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             guid->data1, guid->data2, guid->data3, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
    return text;
}

/* Read exactly @p digits hexadecimal digits. */
static bool
read_hex(const char **text, int digits, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        char c = **text;
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value << 4 | (uint64_t)((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    *ret_value = value;
    return true;
}

int
wfp_guid_parse(const char *text, struct wfp_guid *ret_guid)
{
    static const int digits[] = {8, 4, 4, 4, 12};
    uint64_t part[5];
    bool braces = *text == '{';

    if (braces)
        text++;
    for (int i = 0; i < 5; i++) {
        if (i > 0 && *text++ != '-')
            return -WFP_ERR_INVALID_PARAMETER;
        if (!read_hex(&text, digits[i], &part[i]))
            return -WFP_ERR_INVALID_PARAMETER;
    }
    if (braces && *text++ != '}')
        return -WFP_ERR_INVALID_PARAMETER;
    if (*text)
        return -WFP_ERR_INVALID_PARAMETER;

    ret_guid->data1 = (uint32_t)part[0];
    ret_guid->data2 = (uint16_t)part[1];
    ret_guid->data3 = (uint16_t)part[2];
    for (int i = 0; i < 2; i++)
        ret_guid->data4[i] = (uint8_t)(part[3] >> (8 - 8 * i));
    for (int i = 0; i < 6; i++)
        ret_guid->data4[2 + i] = (uint8_t)(part[4] >> (40 - 8 * i));
    return 0;
}

static uint64_t seed;
static atomic_uint_least64_t drawn;

void
wfp_guid_seed(uint64_t new_seed)
{
    seed = new_seed;
    atomic_store(&drawn, 0);
}

/* SplitMix64: a bijection, so no two draws of a sequence are equal. */
static uint64_t
mix(uint64_t word)
{
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
    return word ^ word >> 31;
}

static void
draw(struct wfp_guid *ret_guid)
{
    uint64_t at = seed + (2 * atomic_fetch_add(&drawn, 1) + 1) * 0x9e3779b97f4a7c15u;
    uint64_t words[2] = {mix(at), mix(at + 0x9e3779b97f4a7c15u)};

    static_assert(sizeof(words) == sizeof(*ret_guid), "all of it");
    memcpy(ret_guid, words, sizeof(words));
}

void
wfp_guid_generate(struct wfp_guid *ret_guid)
{
    /* getrandom() of 16 bytes neither fails nor blocks once the system is up */
    if (seed)
        draw(ret_guid);
    else if (getrandom(ret_guid, sizeof(*ret_guid), 0) != (ssize_t)sizeof(*ret_guid))
        memset(ret_guid, 0x5A, sizeof(*ret_guid));
    ret_guid->data3 = (uint16_t)((ret_guid->data3 & 0x0FFF) | 0x4000);
    ret_guid->data4[0] = (uint8_t)((ret_guid->data4[0] & 0x3F) | 0x80);
}
