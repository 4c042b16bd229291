/* Conversions, sorting and byte swaps. */
#ifndef _INC_STDLIB
#define _INC_STDLIB

#include "crtdefs.h"
#include <limits.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAND_MAX 0x7fff
#ifndef __cplusplus
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
#ifndef max
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#endif

int abs(int n);
long labs(long n);
long long llabs(long long n);
int atoi(const char *s);
long atol(const char *s);
long long _atoi64(const char *s);
long strtol(const char *s, char **end, int base);
unsigned long strtoul(const char *s, char **end, int base);
unsigned long long _strtoui64(const char *s, char **end, int base);
int _wtoi(const wchar_t *s);
long _wtol(const wchar_t *s);
long wcstol(const wchar_t *s, wchar_t **end, int base);
unsigned long wcstoul(const wchar_t *s, wchar_t **end, int base);
char *_itoa(int value, char *dst, int radix);
errno_t _itoa_s(int value, char *dst, size_t size, int radix);
char *_ultoa(unsigned long value, char *dst, int radix);
wchar_t *_itow(int value, wchar_t *dst, int radix);
wchar_t *_ultow(unsigned long value, wchar_t *dst, int radix);
errno_t _itow_s(int value, wchar_t *dst, size_t size, int radix);
errno_t _ultow_s(unsigned long value, wchar_t *dst, size_t size, int radix);
errno_t _ui64tow_s(unsigned long long value, wchar_t *dst, size_t size, int radix);
int rand(void);
void srand(unsigned int seed);
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
void *bsearch(const void *key, const void *base, size_t count, size_t size,
              int (*compare)(const void *, const void *));
unsigned short _byteswap_ushort(unsigned short value);
unsigned long _byteswap_ulong(unsigned long value);
unsigned long long _byteswap_uint64(unsigned long long value);

#ifdef __cplusplus
}
#endif

#endif
