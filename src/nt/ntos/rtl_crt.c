/*
 * More of the C runtime that the kernel exports: numbers as text, bounded copies, strings in place.
 *
 * Model      The _s functions return EINVAL or ERANGE and leave an empty string; the kernel's have no
 *            handler that would end the caller. _TRUNCATE copies what fits and returns STRUNCATE.
 * Not here   memory, plain strings and sprintf: rtl_memory.c
 * Ref        MSVC's C runtime reference
 */
#include "nt/ntos/nt_wdk.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "nt/ntos/nt_case.h"
#include "nt/ntos/nt_format.h"

#define STRUNCATE    80
#define TRUNCATE     ((SIZE_T)-1)
#define RAND_MAX_CRT 0x7fff

#define CRT(type, name, parameters)                                                                \
    type NTAPI nt_crt_##name parameters;                                                           \
    type NTAPI nt_crt_##name parameters

/* ---- random numbers: the generator every Microsoft C runtime has, one for the whole kernel ---- */

static _Atomic uint32_t random_state = 1;

CRT(void, srand, (unsigned seed))
{
    random_state = seed;
}

CRT(int, rand, (void))
{
    uint32_t state = random_state, next;

    do
        next = state * 214013u + 2531011u;
    while (!atomic_compare_exchange_weak(&random_state, &state, next));
    return (int)(next >> 16 & RAND_MAX_CRT);
}

/* ---- text to numbers ---- */

CRT(LONG64, atoi64, (const char *s))
{
    return strtoll(s, NULL, 10);
}

/* `long` has 32 bits: beyond them the result is the limit, as strtol's. */
CRT(LONG, strtol, (const char *s, char **end, int base))
{
    long long n = strtoll(s, end, base);
    return n > INT32_MAX ? INT32_MAX : n < INT32_MIN ? INT32_MIN : (LONG)n;
}

/* A minus sign negates, in 32 bits. */
CRT(ULONG, strtoul, (const char *s, char **end, int base))
{
    const char *p = s + strspn(s, " \t\n\v\f\r");
    unsigned long long n = strtoull(p, end, base);
    bool negative = *p == '-';
    unsigned long long size = negative ? 0 - n : n;

    if (end && *end == p)
        *end = (char *)(uintptr_t)s;
    if (size > UINT32_MAX)
        return UINT32_MAX;
    return (ULONG)n;
}

CRT(ULONG64, strtoui64, (const char *s, char **end, int base))
{
    return strtoull(s, end, base);
}

/** Wide digits as bytes: what is no ASCII ends the number. @return units, the terminator not counted */
static size_t
narrow(const WCHAR *s, char *text, size_t size)
{
    size_t n = 0;

    while (n + 1 < size && s[n] && s[n] < 0x80) {
        text[n] = (char)s[n];
        n++;
    }
    text[n] = 0;
    return n;
}

CRT(int, wtoi, (const WCHAR *s))
{
    char text[80];

    narrow(s, text, sizeof(text));
    return nt_crt_strtol(text, NULL, 10);
}

CRT(LONG, wtol, (const WCHAR *s))
{
    return nt_crt_wtoi(s);
}

CRT(LONG, wcstol, (const WCHAR *s, WCHAR **end, int base))
{
    char text[160], *stop;

    narrow(s, text, sizeof(text));
    LONG n = nt_crt_strtol(text, &stop, base);
    if (end)
        *end = (WCHAR *)(uintptr_t)s + (stop - text);
    return n;
}

CRT(ULONG, wcstoul, (const WCHAR *s, WCHAR **end, int base))
{
    char text[160], *stop;

    narrow(s, text, sizeof(text));
    ULONG n = nt_crt_strtoul(text, &stop, base);
    if (end)
        *end = (WCHAR *)(uintptr_t)s + (stop - text);
    return n;
}

/* ---- numbers to text ---- */

/** Digits of @p value, most significant first, terminated. @return their count; 0 for a bad radix */
static size_t
digits_of(uint64_t value, bool negative, int radix, char text[66])
{
    char reversed[66];
    size_t n = 0, i = 0;

    if (radix < 2 || radix > 36)
        return 0;
    do
        reversed[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % (unsigned)radix];
    while (value /= (unsigned)radix);
    if (negative)
        reversed[n++] = '-';
    while (n > 0)
        text[i++] = reversed[--n];
    text[i] = 0;
    return i;
}

/** Into @p size units of @p to; 0 = unknown size. @return 0, EINVAL, ERANGE */
static int
put_number(bool wide, void *to, SIZE_T size, uint64_t value, bool negative, int radix)
{
    char text[66];
    size_t n = digits_of(value, negative, radix, text);
    int r = 0;

    if (!to || size == 0)
        return EINVAL;
    if (n == 0 || n >= size) {
        r = n == 0 ? EINVAL : ERANGE;
        n = 0;
    }
    for (size_t i = 0; i < n; i++)
        if (wide)
            ((WCHAR *)to)[i] = (WCHAR)text[i];
        else
            ((char *)to)[i] = text[i];
    if (wide)
        ((WCHAR *)to)[n] = 0;
    else
        ((char *)to)[n] = 0;
    return r;
}

/* A sign is written in base 10 only; in others a negative number shows its bits. */
#define SIGNED(value, radix)                                                                       \
    (radix) == 10 && (value) < 0 ? 0 - (uint64_t)(value)                                           \
    : sizeof(value) == 4         ? (uint32_t)(value)                                               \
                                 : (uint64_t)(value),                                                      \
        (radix) == 10 && (value) < 0, radix

CRT(char *, itoa, (int value, char *to, int radix))
{
    (void)put_number(false, to, 66, SIGNED(value, radix));
    return to;
}

CRT(WCHAR *, itow, (int value, WCHAR *to, int radix))
{
    (void)put_number(true, to, 66, SIGNED(value, radix));
    return to;
}

CRT(char *, ultoa, (ULONG value, char *to, int radix))
{
    (void)put_number(false, to, 66, value, false, radix);
    return to;
}

CRT(WCHAR *, ultow, (ULONG value, WCHAR *to, int radix))
{
    (void)put_number(true, to, 66, value, false, radix);
    return to;
}

CRT(int, itoa_s, (int value, char *to, SIZE_T size, int radix))
{
    return put_number(false, to, size, SIGNED(value, radix));
}

CRT(int, itow_s, (int value, WCHAR *to, SIZE_T size, int radix))
{
    return put_number(true, to, size, SIGNED(value, radix));
}

CRT(int, ultow_s, (ULONG value, WCHAR *to, SIZE_T size, int radix))
{
    return put_number(true, to, size, value, false, radix);
}

CRT(int, ui64tow_s, (ULONG64 value, WCHAR *to, SIZE_T size, int radix))
{
    return put_number(true, to, size, value, false, radix);
}

CRT(LONG, labs, (LONG n))
{
    return n < 0 ? (LONG)(0 - (ULONG)n) : n;
}

CRT(LONG64, llabs, (LONG64 n))
{
    return n < 0 ? (LONG64)(0 - (ULONG64)n) : n;
}

/* ---- character classes, ASCII as in the "C" locale ---- */

#define CLASS(name, type)                                                                          \
    CRT(int, name, (int c))                                                                        \
    {                                                                                              \
        return c >= 0 && c < 128 && type(c);                                                       \
    }

CLASS(isalnum, isalnum)
CLASS(isalpha, isalpha)
CLASS(iscntrl, iscntrl)
CLASS(ispunct, ispunct)
CLASS(iswalnum, isalnum)
CLASS(iswalpha, isalpha)
CLASS(iswdigit, isdigit)
CLASS(iswspace, isspace)

/* ---- what is the same for bytes and for 16-bit units ---- */

#define STRINGS(unit, prefix, lower, upper)                                                        \
    static SIZE_T prefix##_units(const unit *s, SIZE_T most)                                       \
    {                                                                                              \
        SIZE_T n = 0;                                                                              \
        while (n < most && s[n])                                                                   \
            n++;                                                                                   \
        return n;                                                                                  \
    }                                                                                              \
    static bool prefix##_in(unit c, const unit *set)                                               \
    {                                                                                              \
        while (*set && *set != c)                                                                  \
            set++;                                                                                 \
        return *set != 0;                                                                          \
    }                                                                                              \
    /** Append @p n units of @p from behind @p used of @p size; TRUNCATE: what fits. */            \
    static int prefix##_copy(unit *to, SIZE_T size, SIZE_T used, const unit *from, SIZE_T n)       \
    {                                                                                              \
        if (!to || size == 0 || used >= size)                                                      \
            return EINVAL;                                                                         \
        if (!from) {                                                                               \
            to[0] = 0;                                                                             \
            return EINVAL;                                                                         \
        }                                                                                          \
        SIZE_T length = prefix##_units(from, n), room = size - used - 1;                           \
        bool fits = length <= room;                                                                \
        if (!fits && n != TRUNCATE) {                                                              \
            to[0] = 0;                                                                             \
            return ERANGE;                                                                         \
        }                                                                                          \
        memmove(to + used, from, MIN(length, room) * sizeof(unit));                                \
        to[used + MIN(length, room)] = 0;                                                          \
        return fits ? 0 : STRUNCATE;                                                               \
    }                                                                                              \
    CRT(unit *, prefix##lwr, (unit * s))                                                           \
    {                                                                                              \
        for (unit *p = s; *p; p++)                                                                 \
            *p = (unit)lower(*p);                                                                  \
        return s;                                                                                  \
    }                                                                                              \
    CRT(unit *, prefix##upr, (unit * s))                                                           \
    {                                                                                              \
        for (unit *p = s; *p; p++)                                                                 \
            *p = (unit)upper(*p);                                                                  \
        return s;                                                                                  \
    }                                                                                              \
    CRT(unit *, prefix##rev, (unit * s))                                                           \
    {                                                                                              \
        SIZE_T n = prefix##_units(s, TRUNCATE);                                                    \
        for (SIZE_T i = 0; i < n / 2; i++) {                                                       \
            unit c = s[i];                                                                         \
            s[i] = s[n - 1 - i];                                                                   \
            s[n - 1 - i] = c;                                                                      \
        }                                                                                          \
        return s;                                                                                  \
    }

static int
lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static int
upper(int c)
{
    return c >= 'a' && c <= 'z' ? c - 32 : c;
}

STRINGS(char, str, lower, upper)
STRINGS(WCHAR, wcs, nt_case_lower, nt_case_upper)

CRT(char *, strset, (char *s, int c))
{
    memset(s, c, strlen(s));
    return s;
}

CRT(char *, strnset, (char *s, int c, SIZE_T n))
{
    memset(s, c, strnlen(s, n));
    return s;
}

CRT(SIZE_T, strcspn, (const char *s, const char *set))
{
    return strcspn(s, set);
}

CRT(char *, strpbrk, (const char *s, const char *set))
{
    return (char *)(uintptr_t)strpbrk(s, set);
}

CRT(char *, strtok_s, (char *s, const char *delimiters, char **context))
{
    char *token = s ? s : *context;

    while (*token && str_in(*token, delimiters))
        token++;
    if (!*token) {
        *context = token;
        return NULL;
    }
    char *end = token;
    while (*end && !str_in(*end, delimiters))
        end++;
    if (*end)
        *end++ = 0;
    *context = end;
    return token;
}

CRT(SIZE_T, wcsspn, (const WCHAR *s, const WCHAR *set))
{
    SIZE_T n = 0;

    while (s[n] && wcs_in(s[n], set))
        n++;
    return n;
}

CRT(SIZE_T, wcscspn, (const WCHAR *s, const WCHAR *set))
{
    SIZE_T n = 0;

    while (s[n] && !wcs_in(s[n], set))
        n++;
    return n;
}

CRT(WCHAR *, wcsncat, (WCHAR * to, const WCHAR *from, SIZE_T n))
{
    SIZE_T used = wcs_units(to, TRUNCATE), length = wcs_units(from, n);

    memcpy(to + used, from, length * sizeof(*to));
    to[used + length] = 0;
    return to;
}

/* ---- bounded copies ---- */

/* Without a count the source's own end counts, and what does not fit is an error. */
#define WHOLE (TRUNCATE - 1)

CRT(int, strcpy_s, (char *to, SIZE_T size, const char *from))
{
    return str_copy(to, size, 0, from, WHOLE);
}

CRT(int, strncpy_s, (char *to, SIZE_T size, const char *from, SIZE_T n))
{
    return str_copy(to, size, 0, from, n);
}

CRT(int, strcat_s, (char *to, SIZE_T size, const char *from))
{
    return to ? str_copy(to, size, str_units(to, size), from, WHOLE) : EINVAL;
}

CRT(int, strncat_s, (char *to, SIZE_T size, const char *from, SIZE_T n))
{
    return to ? str_copy(to, size, str_units(to, size), from, n) : EINVAL;
}

CRT(int, wcscpy_s, (WCHAR * to, SIZE_T size, const WCHAR *from))
{
    return wcs_copy(to, size, 0, from, WHOLE);
}

CRT(int, wcsncpy_s, (WCHAR * to, SIZE_T size, const WCHAR *from, SIZE_T n))
{
    return wcs_copy(to, size, 0, from, n);
}

CRT(int, wcscat_s, (WCHAR * to, SIZE_T size, const WCHAR *from))
{
    return to ? wcs_copy(to, size, wcs_units(to, size), from, WHOLE) : EINVAL;
}

CRT(int, wcsncat_s, (WCHAR * to, SIZE_T size, const WCHAR *from, SIZE_T n))
{
    return to ? wcs_copy(to, size, wcs_units(to, size), from, n) : EINVAL;
}

CRT(int, memcpy_s, (void *to, SIZE_T size, const void *from, SIZE_T n))
{
    if (n == 0)
        return 0;
    if (!to)
        return EINVAL;
    if (!from || n > size) {
        memset(to, 0, size);
        return from ? ERANGE : EINVAL;
    }
    memcpy(to, from, n);
    return 0;
}

CRT(int, memmove_s, (void *to, SIZE_T size, const void *from, SIZE_T n))
{
    if (n == 0)
        return 0;
    if (!to || !from)
        return EINVAL;
    if (n > size)
        return ERANGE;
    memmove(to, from, n);
    return 0;
}

/* ---- bounded printing: -1 when it does not fit, and then nothing, or with TRUNCATE what fits ---- */

static int
print_safely(bool wide, void *to, SIZE_T size, SIZE_T count, const void *format,
             __builtin_ms_va_list arguments)
{
    bool truncated;

    if (!to || size == 0 || !format)
        return -1;
    SIZE_T room = count < size - 1 ? count + 1 : size;
    size_t n = nt_format(wide, to, room, format, arguments, &truncated);
    if (n >= room) { /* it filled the room and has no terminator */
        n = room - 1;
        truncated = true;
    }
    if (truncated && count != TRUNCATE && count >= size)
        n = 0;
    if (wide)
        ((WCHAR *)to)[n] = 0;
    else
        ((char *)to)[n] = 0;
    return truncated ? -1 : (int)n;
}

#define SAFE(name, wide, unit, counted, count)                                                     \
    CRT(int, v##name, (unit * to, SIZE_T size counted, const unit *format, nt_va_list arguments))  \
    {                                                                                              \
        return print_safely(wide, to, size, count, format, arguments);                             \
    }                                                                                              \
    CRT(int, name, (unit * to, SIZE_T size counted, const unit *format, ...))                      \
    {                                                                                              \
        __builtin_ms_va_list arguments;                                                            \
        __builtin_ms_va_start(arguments, format);                                                  \
        int n = print_safely(wide, to, size, count, format, arguments);                            \
        __builtin_ms_va_end(arguments);                                                            \
        return n;                                                                                  \
    }
#define COUNTED , SIZE_T count
#define UNCOUNTED

SAFE(sprintf_s, false, char, UNCOUNTED, WHOLE)
SAFE(snprintf_s, false, char, COUNTED, count)
SAFE(swprintf_s, true, WCHAR, UNCOUNTED, WHOLE)
SAFE(snwprintf_s, true, WCHAR, COUNTED, count)

CRT(int, vsprintf, (char *to, const char *format, nt_va_list arguments))
{
    return print_safely(false, to, INT32_MAX, WHOLE, format, arguments);
}

CRT(int, vswprintf, (WCHAR * to, const WCHAR *format, nt_va_list arguments))
{
    return print_safely(true, to, INT32_MAX, WHOLE, format, arguments);
}
