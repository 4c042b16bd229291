/* The C library's memory and string functions that ntoskrnl exports. */
#ifndef _INC_STRING
#define _INC_STRING

#include "crtdefs.h"

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
errno_t memcpy_s(void *dst, rsize_t dst_size, const void *src, rsize_t n);
errno_t memmove_s(void *dst, rsize_t dst_size, const void *src, rsize_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
static __inline size_t
strnlen_s(const char *s, size_t n)
{
    return s ? strnlen(s, n) : 0;
}
char *strcpy(char *dst, const char *src);
char *strncpy(char *dst, const char *src, size_t n);
char *strcat(char *dst, const char *src);
char *strncat(char *dst, const char *src, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *find);
size_t strspn(const char *s, const char *accept);
size_t strcspn(const char *s, const char *reject);
char *strpbrk(const char *s, const char *accept);
char *strtok_s(char *s, const char *delimiters, char **context);
errno_t strcpy_s(char *dst, rsize_t size, const char *src);
errno_t strncpy_s(char *dst, rsize_t size, const char *src, rsize_t n);
errno_t strcat_s(char *dst, rsize_t size, const char *src);
errno_t strncat_s(char *dst, rsize_t size, const char *src, rsize_t n);
int _stricmp(const char *a, const char *b);
int _strnicmp(const char *a, const char *b, size_t n);
char *_strlwr(char *s);
char *_strupr(char *s);
char *_strrev(char *s);
char *_strset(char *s, int c);
char *_strnset(char *s, int c, size_t n);
#define stricmp  _stricmp
#define strnicmp _strnicmp

size_t wcslen(const wchar_t *s);
size_t wcsnlen(const wchar_t *s, size_t n);
static __inline size_t
wcsnlen_s(const wchar_t *s, size_t n)
{
    return s ? wcsnlen(s, n) : 0;
}
wchar_t *wcscpy(wchar_t *dst, const wchar_t *src);
wchar_t *wcsncpy(wchar_t *dst, const wchar_t *src, size_t n);
wchar_t *wcscat(wchar_t *dst, const wchar_t *src);
wchar_t *wcsncat(wchar_t *dst, const wchar_t *src, size_t n);
int wcscmp(const wchar_t *a, const wchar_t *b);
int wcsncmp(const wchar_t *a, const wchar_t *b, size_t n);
wchar_t *wcschr(const wchar_t *s, wchar_t c);
wchar_t *wcsrchr(const wchar_t *s, wchar_t c);
wchar_t *wcsstr(const wchar_t *s, const wchar_t *find);
size_t wcsspn(const wchar_t *s, const wchar_t *accept);
size_t wcscspn(const wchar_t *s, const wchar_t *reject);
errno_t wcscpy_s(wchar_t *dst, rsize_t count, const wchar_t *src);
errno_t wcsncpy_s(wchar_t *dst, rsize_t count, const wchar_t *src, rsize_t n);
errno_t wcscat_s(wchar_t *dst, rsize_t count, const wchar_t *src);
errno_t wcsncat_s(wchar_t *dst, rsize_t count, const wchar_t *src, rsize_t n);
int _wcsicmp(const wchar_t *a, const wchar_t *b);
int _wcsnicmp(const wchar_t *a, const wchar_t *b, size_t n);
wchar_t *_wcslwr(wchar_t *s);
wchar_t *_wcsupr(wchar_t *s);
wchar_t *_wcsrev(wchar_t *s);
#define wcsicmp  _wcsicmp
#define wcsnicmp _wcsnicmp

#ifdef __cplusplus
}
#endif

#endif
