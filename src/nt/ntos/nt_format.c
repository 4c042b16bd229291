/*
 * The formatter behind DbgPrint and sprintf; see nt_format.h.
 */
#include "nt/ntos/nt_format.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"

#define arg(type) __builtin_va_arg(out->arguments, type)

struct output {
    bool wide, truncated;
    void *units;
    size_t count, room;
    __builtin_ms_va_list arguments;
};

/** The layout of UNICODE_STRING and ANSI_STRING. */
struct counted {
    uint16_t length_bytes, maximum;
    void *buffer;
};

struct spec {
    bool left, plus, space, alternate, zero;
    int width, precision; /* precision -1: none given */
    char size;            /* h, l, L (64 bits), w, or 0 */
};

static void
put(struct output *out, uint32_t unit)
{
    if (out->count >= out->room) {
        out->truncated = true;
        return;
    }
    if (out->wide)
        ((uint16_t *)out->units)[out->count++] = (uint16_t)unit;
    else
        ((char *)out->units)[out->count++] = (char)unit;
}

static void
pad(struct output *out, int count, char with)
{
    while (count-- > 0)
        put(out, (uint8_t)with);
}

/** One UTF-16 code point to the output's encoding. @return units of the source taken */
static size_t
put_utf16(struct output *out, const uint16_t *text, size_t left)
{
    uint32_t c = text[0];
    size_t taken = 1;

    if (out->wide) {
        put(out, c);
        return 1;
    }
    if (c >= 0xD800 && c < 0xDC00 && left > 1 && text[1] >= 0xDC00 && text[1] < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (text[1] - 0xDC00u);
        taken = 2;
    } else if (c >= 0xD800 && c < 0xE000) {
        c = 0xFFFD;
    }
    if (c < 0x80) {
        put(out, c);
    } else if (c < 0x800) {
        put(out, 0xC0 | c >> 6), put(out, 0x80 | (c & 63));
    } else if (c < 0x10000) {
        put(out, 0xE0 | c >> 12), put(out, 0x80 | (c >> 6 & 63)), put(out, 0x80 | (c & 63));
    } else {
        put(out, 0xF0 | c >> 18), put(out, 0x80 | (c >> 12 & 63));
        put(out, 0x80 | (c >> 6 & 63)), put(out, 0x80 | (c & 63));
    }
    return taken;
}

static void
put_string(struct output *out, const struct spec *spec, const void *text, bool wide, size_t length)
{
    if (!text) {
        text = wide ? (const void *)u"(null)" : (const void *)"(null)";
        length = 6;
    }
    if (spec->precision >= 0 && length > (size_t)spec->precision)
        length = (size_t)spec->precision;
    int padding = spec->width > (int)length ? spec->width - (int)length : 0;
    if (!spec->left)
        pad(out, padding, spec->zero ? '0' : ' ');
    for (size_t i = 0; i < length;)
        if (wide)
            i += put_utf16(out, (const uint16_t *)text + i, length - i);
        else
            put(out, ((const uint8_t *)text)[i++]);
    if (spec->left)
        pad(out, padding, ' ');
}

static size_t
length_of(const void *text, bool wide, int limit)
{
    size_t most = limit < 0 ? SIZE_MAX : (size_t)limit, n = 0;

    if (!text)
        return 0;
    if (!wide)
        return strnlen(text, most);
    while (n < most && ((const uint16_t *)text)[n])
        n++;
    return n;
}

static void
put_number(struct output *out, const struct spec *spec, uint64_t value, unsigned base, bool upper,
           const char *sign)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[72], prefix[4] = "";
    int n = 0;

    if (!value && spec->precision != 0)
        text[n++] = '0';
    for (uint64_t v = value; v; v /= base)
        text[n++] = digits[v % base];
    strcpy(prefix, sign);
    if (spec->alternate && base == 16 && value)
        strcat(prefix, upper ? "0X" : "0x");
    if (spec->alternate && base == 8 && (!n || text[n - 1] != '0'))
        text[n++] = '0';
    int zeros = spec->precision > n ? spec->precision - n : 0;
    int padding = spec->width - n - zeros - (int)strlen(prefix);
    if (spec->zero && !spec->left && spec->precision < 0 && padding > 0) {
        zeros += padding;
        padding = 0;
    }
    if (!spec->left)
        pad(out, padding, ' ');
    for (const char *p = prefix; *p; p++)
        put(out, (uint8_t)*p);
    pad(out, zeros, '0');
    while (n)
        put(out, (uint8_t)text[--n]);
    if (spec->left)
        pad(out, padding, ' ');
}

static void
put_signed(struct output *out, const struct spec *spec)
{
    int64_t value = spec->size == 'L' ? arg(int64_t) : arg(int32_t);

    if (spec->size == 'h')
        value = (int16_t)value;
    put_number(out, spec, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, false,
               value < 0     ? "-"
               : spec->plus  ? "+"
               : spec->space ? " "
                             : "");
}

static uint64_t
take_unsigned(struct output *out, const struct spec *spec)
{
    uint64_t value = spec->size == 'L' ? arg(uint64_t) : arg(uint32_t);
    return spec->size == 'h' ? (uint16_t)value : value;
}

static void
put_double(struct output *out, const struct spec *spec, char conversion)
{
    char format[32], text[512];
    struct spec plain = {
        .left = spec->left, .zero = spec->zero, .width = spec->width, .precision = -1};

    snprintf(format, sizeof(format), "%%%s%s%s%s.%d%c", spec->plus ? "+" : "",
             spec->space ? " " : "", spec->alternate ? "#" : "", "",
             spec->precision < 0 ? 6 : MIN(spec->precision, 100), conversion);
    snprintf(text, sizeof(text), format, arg(double));
    put_string(out, &plain, text, false, strlen(text));
}

/** Strings: `other` means the width that the function itself does not have. */
static void
put_text(struct output *out, const struct spec *spec, bool other)
{
    bool wide = spec->size == 'h'                                             ? false
                : spec->size == 'l' || spec->size == 'w' || spec->size == 'L' ? true
                                                                              : out->wide != other;
    const void *text = arg(const void *);
    put_string(out, spec, text, wide, length_of(text, wide, spec->precision));
}

static void
put_character(struct output *out, const struct spec *spec, bool other)
{
    bool wide = spec->size == 'h'                        ? false
                : spec->size == 'l' || spec->size == 'w' ? true
                                                         : out->wide != other;
    uint16_t unit = (uint16_t)arg(int32_t);
    char byte = (char)unit;
    put_string(out, spec, wide ? (const void *)&unit : &byte, wide, 1);
}

static void
put_counted(struct output *out, const struct spec *spec)
{
    const struct counted *string = arg(const struct counted *);
    bool wide = spec->size == 'w' || spec->size == 'l';

    if (!string || !string->buffer)
        put_string(out, spec, NULL, false, 0);
    else
        put_string(out, spec, string->buffer, wide,
                   wide ? string->length_bytes / 2u : string->length_bytes);
}

static void
put_conversion(struct output *out, struct spec *spec, uint32_t conversion)
{
    switch (conversion) {
    case 'd':
    case 'i':
        put_signed(out, spec);
        break;
    case 'u':
        put_number(out, spec, take_unsigned(out, spec), 10, false, "");
        break;
    case 'o':
        put_number(out, spec, take_unsigned(out, spec), 8, false, "");
        break;
    case 'x':
    case 'X':
        put_number(out, spec, take_unsigned(out, spec), 16, conversion == 'X', "");
        break;
    case 'p':
        spec->size = 'L';
        spec->precision = 16;
        put_number(out, spec, take_unsigned(out, spec), 16, true, "");
        break;
    case 's':
    case 'S':
        put_text(out, spec, conversion == 'S');
        break;
    case 'c':
    case 'C':
        put_character(out, spec, conversion == 'C');
        break;
    case 'Z':
        put_counted(out, spec);
        break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A':
        put_double(out, spec, (char)conversion);
        break;
    case 'n': /* switched off in Microsoft's runtime; its argument is taken */
        (void)arg(void *);
        break;
    default: /* unknown: printed as it stands */
        put(out, conversion);
        break;
    }
}

static uint32_t
unit_at(const struct output *out, const void *format, size_t i)
{
    return out->wide ? ((const uint16_t *)format)[i] : ((const uint8_t *)format)[i];
}

static int
take_count(struct output *out, const void *format, size_t *i)
{
    int n = 0;

    if (unit_at(out, format, *i) == '*') {
        ++*i;
        return arg(int32_t);
    }
    for (uint32_t c; (c = unit_at(out, format, *i)) >= '0' && c <= '9'; ++*i)
        n = MIN(n * 10 + (int)(c - '0'), 4096);
    return n;
}

static void
take_flags(const struct output *out, const void *format, size_t *i, struct spec *spec)
{
    for (;; ++*i)
        switch (unit_at(out, format, *i)) {
        case '-':
            spec->left = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        case '0':
            spec->zero = true;
            break;
        default:
            return;
        }
}

static void
take_size(const struct output *out, const void *format, size_t *i, struct spec *spec)
{
    uint32_t c = unit_at(out, format, *i);

    if (c == 'I') {
        uint32_t d = unit_at(out, format, *i + 1);
        bool is64 = d == '6' && unit_at(out, format, *i + 2) == '4';
        bool is32 = d == '3' && unit_at(out, format, *i + 2) == '2';
        spec->size = is32 ? 0 : 'L';
        *i += is64 || is32 ? 3 : 1;
        return;
    }
    if (c == 'l' && unit_at(out, format, *i + 1) == 'l') {
        spec->size = 'L';
        *i += 2;
    } else if (c == 'h' || c == 'l' || c == 'w') {
        spec->size = (char)c;
        *i += c == 'h' && unit_at(out, format, *i + 1) == 'h' ? 2 : 1;
    } else if (c == 'z' || c == 'j' || c == 't' || c == 'L') {
        spec->size = 'L';
        ++*i;
    }
}

size_t
nt_format(bool wide, void *units, size_t room, const void *format, __builtin_ms_va_list arguments,
          bool *ret_truncated)
{
    struct output out = {.wide = wide, .units = units, .room = room};
    size_t i = 0;

    __builtin_ms_va_copy(out.arguments, arguments);
    while (unit_at(&out, format, i)) {
        struct spec spec = {.precision = -1};
        uint32_t c = unit_at(&out, format, i++);
        if (c != '%' || unit_at(&out, format, i) == '%') {
            put(&out, c);
            i += c == '%';
            continue;
        }
        take_flags(&out, format, &i, &spec);
        spec.width = take_count(&out, format, &i);
        if (spec.width < 0) {
            spec.left = true;
            spec.width = -spec.width;
        }
        if (unit_at(&out, format, i) == '.') {
            i++;
            spec.precision = take_count(&out, format, &i);
        }
        take_size(&out, format, &i, &spec);
        if (!unit_at(&out, format, i))
            break;
        put_conversion(&out, &spec, unit_at(&out, format, i++));
    }
    __builtin_ms_va_end(out.arguments);
    *ret_truncated = out.truncated;
    return out.count;
}
