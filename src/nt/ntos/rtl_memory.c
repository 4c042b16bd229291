/*
 * The C runtime functions that the kernel exports: memory, narrow and wide strings, sprintf.
 *
 * The C library owns the plain names on Linux, so ours are nt_crt_*; the export table gives them
 * their Windows names. `wchar_t` is 16 bits, `long` 32.
 * Ref        MSVC's C runtime reference; ntddk string functions
 */
#include "nt/ntos/nt_wdk.h"

#include <ctype.h>
#include <stdlib.h>

#include "nt/ntos/nt_case.h"
#include "nt/ntos/nt_format.h"

#define CRT(type, name) type NTAPI nt_crt_##name

/* One line each: prototype and body are the C library's, the calling convention is not. */
#define FORWARD(type, name, parameters, call)                                                      \
    CRT(type, name) parameters;                                                                    \
    CRT(type, name) parameters                                                                     \
    {                                                                                              \
        return call;                                                                               \
    }

FORWARD(void *, memcpy, (void *to, const void *from, SIZE_T n), memmove(to, from, n))
FORWARD(void *, memmove, (void *to, const void *from, SIZE_T n), memmove(to, from, n))
FORWARD(void *, memset, (void *to, int c, SIZE_T n), memset(to, c, n))
FORWARD(int, memcmp, (const void *a, const void *b, SIZE_T n), memcmp(a, b, n))
FORWARD(void *, memchr, (const void *s, int c, SIZE_T n), (void *)memchr(s, c, n))
FORWARD(SIZE_T, strlen, (const char *s), strlen(s))
FORWARD(SIZE_T, strnlen, (const char *s, SIZE_T n), strnlen(s, n))
FORWARD(int, strcmp, (const char *a, const char *b), strcmp(a, b))
FORWARD(int, strncmp, (const char *a, const char *b, SIZE_T n), strncmp(a, b, n))
FORWARD(int, stricmp, (const char *a, const char *b), strcasecmp(a, b))
FORWARD(int, strnicmp, (const char *a, const char *b, SIZE_T n), strncasecmp(a, b, n))
FORWARD(char *, strcpy, (char *to, const char *from), strcpy(to, from))
FORWARD(char *, strncpy, (char *to, const char *from, SIZE_T n), strncpy(to, from, n))
FORWARD(char *, strcat, (char *to, const char *from), strcat(to, from))
FORWARD(char *, strncat, (char *to, const char *from, SIZE_T n), strncat(to, from, n))
FORWARD(char *, strchr, (const char *s, int c), (char *)strchr(s, c))
FORWARD(char *, strrchr, (const char *s, int c), (char *)strrchr(s, c))
FORWARD(char *, strstr, (const char *s, const char *t), (char *)strstr(s, t))
FORWARD(SIZE_T, strspn, (const char *s, const char *set), strspn(s, set))
FORWARD(int, atoi, (const char *s), (int)strtol(s, NULL, 10))
FORWARD(int, atol, (const char *s), (int)strtol(s, NULL, 10))
FORWARD(int, tolower, (int c), c >= 'A' && c <= 'Z' ? c + 32 : c)
FORWARD(int, toupper, (int c), c >= 'a' && c <= 'z' ? c - 32 : c)
FORWARD(int, isdigit, (int c), c >= '0' && c <= '9')
FORWARD(int, isspace, (int c), c == ' ' || (c >= 9 && c <= 13))
FORWARD(int, isupper, (int c), c >= 'A' && c <= 'Z')
FORWARD(int, islower, (int c), c >= 'a' && c <= 'z')
FORWARD(int, isxdigit, (int c), c < 128 && c >= 0 && isxdigit(c))
FORWARD(int, isprint, (int c), c >= ' ' && c < 127)
FORWARD(int, abs, (int i), i < 0 ? -i : i)
FORWARD(WCHAR, towlower, (WCHAR c), nt_case_lower(c))
FORWARD(WCHAR, towupper, (WCHAR c), nt_case_upper(c))
FORWARD(SIZE_T, wcslen, (const WCHAR *s), wfp_utf16_length(s))

CRT(SIZE_T, wcsnlen)(const WCHAR *s, SIZE_T n);
CRT(SIZE_T, wcsnlen)(const WCHAR *s, SIZE_T n)
{
    SIZE_T i = 0;
    while (i < n && s[i])
        i++;
    return i;
}

static int
compare_wide(const WCHAR *a, const WCHAR *b, SIZE_T n, bool ignore_case)
{
    for (; n; n--, a++, b++) {
        WCHAR x = ignore_case ? nt_case_lower(*a) : *a, y = ignore_case ? nt_case_lower(*b) : *b;
        if (x != y)
            return x < y ? -1 : 1;
        if (!x)
            break;
    }
    return 0;
}

FORWARD(int, wcscmp, (const WCHAR *a, const WCHAR *b), compare_wide(a, b, SIZE_MAX, false))
FORWARD(int, wcsncmp, (const WCHAR *a, const WCHAR *b, SIZE_T n), compare_wide(a, b, n, false))
FORWARD(int, wcsicmp, (const WCHAR *a, const WCHAR *b), compare_wide(a, b, SIZE_MAX, true))
FORWARD(int, wcsnicmp, (const WCHAR *a, const WCHAR *b, SIZE_T n), compare_wide(a, b, n, true))

CRT(WCHAR *, wcschr)(const WCHAR *s, WCHAR c);
CRT(WCHAR *, wcschr)(const WCHAR *s, WCHAR c)
{
    for (;; s++) {
        if (*s == c)
            return (WCHAR *)s;
        if (!*s)
            return NULL;
    }
}

CRT(WCHAR *, wcsrchr)(const WCHAR *s, WCHAR c);
CRT(WCHAR *, wcsrchr)(const WCHAR *s, WCHAR c)
{
    const WCHAR *last = NULL;
    for (;; s++) {
        if (*s == c)
            last = s;
        if (!*s)
            return (WCHAR *)last;
    }
}

CRT(WCHAR *, wcsstr)(const WCHAR *s, const WCHAR *t);
CRT(WCHAR *, wcsstr)(const WCHAR *s, const WCHAR *t)
{
    SIZE_T n = wfp_utf16_length(t);
    for (;; s++) {
        if (compare_wide(s, t, n, false) == 0)
            return (WCHAR *)s;
        if (!*s)
            return NULL;
    }
}

CRT(WCHAR *, wcscpy)(WCHAR *to, const WCHAR *from);
CRT(WCHAR *, wcscpy)(WCHAR *to, const WCHAR *from)
{
    return memcpy(to, from, (wfp_utf16_length(from) + 1) * sizeof(WCHAR));
}

CRT(WCHAR *, wcsncpy)(WCHAR *to, const WCHAR *from, SIZE_T n);
CRT(WCHAR *, wcsncpy)(WCHAR *to, const WCHAR *from, SIZE_T n)
{
    SIZE_T i = 0;
    for (; i < n && from[i]; i++)
        to[i] = from[i];
    for (; i < n; i++)
        to[i] = 0;
    return to;
}

CRT(WCHAR *, wcscat)(WCHAR *to, const WCHAR *from);
CRT(WCHAR *, wcscat)(WCHAR *to, const WCHAR *from)
{
    nt_crt_wcscpy(to + wfp_utf16_length(to), from);
    return to;
}

/* --- sorting: the comparison is the driver's --- */

struct sort {
    int(NTAPI *compare)(const void *, const void *);
};

static int
compare_for_sort(const void *a, const void *b, void *context)
{
    const struct sort *sort = context;
    return sort->compare(a, b);
}

CRT(void, qsort)
(void *base, SIZE_T n, SIZE_T size, int(NTAPI *compare)(const void *, const void *));
CRT(void, qsort)(void *base, SIZE_T n, SIZE_T size, int(NTAPI *compare)(const void *, const void *))
{
    struct sort sort = {compare};
    qsort_r(base, n, size, compare_for_sort, &sort);
}

CRT(void *, bsearch)
(const void *key, const void *base, SIZE_T n, SIZE_T size,
 int(NTAPI *compare)(const void *, const void *));
CRT(void *, bsearch)
(const void *key, const void *base, SIZE_T n, SIZE_T size,
 int(NTAPI *compare)(const void *, const void *))
{
    SIZE_T low = 0, high = n;
    while (low < high) {
        SIZE_T middle = low + (high - low) / 2;
        const char *item = (const char *)base + middle * size;
        int r = compare(key, item);
        if (r == 0)
            return (void *)item;
        if (r < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* --- sprintf: `_snprintf` returns -1 and leaves no terminator when the text does not fit --- */

static int
print_bounded(bool wide, void *buffer, SIZE_T count, const void *format,
              __builtin_ms_va_list arguments)
{
    bool truncated;
    size_t n = nt_format(wide, buffer, count, format, arguments, &truncated);

    if (n < count) {
        if (wide)
            ((WCHAR *)buffer)[n] = 0;
        else
            ((char *)buffer)[n] = 0;
    }
    return truncated ? -1 : (int)n;
}

CRT(int, vsnprintf)(char *buffer, SIZE_T count, const char *format, nt_va_list arguments);
CRT(int, vsnprintf)(char *buffer, SIZE_T count, const char *format, nt_va_list arguments)
{
    return print_bounded(false, buffer, count, format, arguments);
}

CRT(int, vsnwprintf)(WCHAR *buffer, SIZE_T count, const WCHAR *format, nt_va_list arguments);
CRT(int, vsnwprintf)(WCHAR *buffer, SIZE_T count, const WCHAR *format, nt_va_list arguments)
{
    return print_bounded(true, buffer, count, format, arguments);
}

#define PRINTER(name, unit, wide, parameters, room)                                                \
    CRT(int, name) parameters;                                                                     \
    CRT(int, name) parameters                                                                      \
    {                                                                                              \
        __builtin_ms_va_list arguments;                                                            \
        __builtin_ms_va_start(arguments, format);                                                  \
        int n = print_bounded(wide, buffer, room, format, arguments);                              \
        __builtin_ms_va_end(arguments);                                                            \
        return n;                                                                                  \
    }

PRINTER(snprintf, char, false, (char *buffer, SIZE_T count, const char *format, ...), count)
PRINTER(snwprintf, WCHAR, true, (WCHAR * buffer, SIZE_T count, const WCHAR *format, ...), count)
PRINTER(sprintf, char, false, (char *buffer, const char *format, ...), INT32_MAX)
PRINTER(swprintf, WCHAR, true, (WCHAR * buffer, const WCHAR *format, ...), INT32_MAX)

/* --- Rtl memory --- */

/** @return bytes that are equal from the start. IRQL: any. Ref: wdm/nf-wdm-rtlcomparememory. */
SIZE_T NTAPI
RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    const char *a = Source1, *b = Source2;
    SIZE_T i = 0;
    while (i < Length && a[i] == b[i])
        i++;
    return i;
}

/** @return bytes that repeat @p Pattern from the start. IRQL: any. Ref: ntifs. */
SIZE_T NTAPI
RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern)
{
    SIZE_T i = 0;
    while (i < Length / sizeof(ULONG) && ((PULONG)Source)[i] == Pattern)
        i++;
    return i * sizeof(ULONG);
}

/** On x86-64 also a stack probe that does nothing: Linux grows the stack by itself. */
VOID NTAPI nt_crt_chkstk(VOID);
__attribute__((naked)) VOID NTAPI
nt_crt_chkstk(VOID)
{
    __asm__("ret"); /* rax holds the size and must survive */
}
