/*
 * UTF-16 and UTF-8, both ways; what is malformed becomes U+FFFD.
 */
#include "base/utf16.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xFFFDu

size_t
wfp_utf16_length(const uint16_t *text_utf16)
{
    size_t n = 0;
    while (text_utf16[n])
        n++;
    return n;
}

static char *
put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
    *out++ = (char)(lead[more] | c >> (6 * more));
    while (more-- > 0)
        *out++ = (char)(0x80 | ((c >> (6 * more)) & 0x3F));
    return out;
}

char *
wfp_utf16_to_utf8(const uint16_t *text_utf16, size_t length)
{
    char *text = malloc(length * 3 + 1);
    if (!text)
        return NULL;
    char *out = text;
    for (size_t i = 0; i < length; i++) {
        uint32_t c = text_utf16[i];
        if (c >= 0xD800 && c < 0xDC00 && i + 1 < length && (text_utf16[i + 1] & 0xFC00) == 0xDC00)
            c = 0x10000 + ((c & 0x3FF) << 10 | (text_utf16[++i] & 0x3FF));
        else if (c >= 0xD800 && c < 0xE000)
            c = REPLACEMENT;
        out = put_utf8(out, c);
    }
    *out = 0;
    return text;
}

/* Decode one code point; advances by at least one byte. */
static uint32_t
take_utf8(const uint8_t **text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *p = *text;
    uint32_t c = *p++;
    int more = c < 0x80             ? 0
               : (c & 0xE0) == 0xC0 ? 1
               : (c & 0xF0) == 0xE0 ? 2
               : (c & 0xF8) == 0xF0 ? 3
                                    : -1;

    *text = p;
    if (more <= 0)
        return more == 0 ? c : REPLACEMENT;
    c &= 0x3Fu >> more;
    for (int i = 0; i < more; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return REPLACEMENT;
        c = c << 6 | (p[i] & 0x3F);
    }
    *text = p + more;
    if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return REPLACEMENT;
    return c;
}

uint16_t *
wfp_utf16_from_utf8(const char *text, size_t *ret_length)
{
    const uint8_t *in = (const uint8_t *)text;
    uint16_t *out = malloc((strlen(text) + 1) * sizeof(*out));
    size_t n = 0;

    if (!out)
        return NULL;
    while (*in) {
        uint32_t c = take_utf8(&in);
        if (c >= 0x10000) {
            out[n++] = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
            out[n++] = (uint16_t)(0xDC00 + (c & 0x3FF));
        } else {
            out[n++] = (uint16_t)c;
        }
    }
    out[n] = 0;
    if (ret_length)
        *ret_length = n;
    return out;
}
