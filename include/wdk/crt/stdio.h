/* Formatting into memory: all of stdio that a kernel has. */
#ifndef _INC_STDIO
#define _INC_STDIO

#include "crtdefs.h"

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef EOF
#define EOF (-1)
#endif

#ifdef __cplusplus
extern "C" {
#endif

int sprintf(char *dst, const char *format, ...);
int vsprintf(char *dst, const char *format, va_list args);
int _snprintf(char *dst, size_t count, const char *format, ...);
int _vsnprintf(char *dst, size_t count, const char *format, va_list args);
int sprintf_s(char *dst, size_t size, const char *format, ...);
int vsprintf_s(char *dst, size_t size, const char *format, va_list args);
int _snprintf_s(char *dst, size_t size, size_t count, const char *format, ...);
int _vsnprintf_s(char *dst, size_t size, size_t count, const char *format, va_list args);
int sscanf_s(const char *src, const char *format, ...);
int swprintf(wchar_t *dst, const wchar_t *format, ...);
int vswprintf(wchar_t *dst, const wchar_t *format, va_list args);
int _snwprintf(wchar_t *dst, size_t count, const wchar_t *format, ...);
int _vsnwprintf(wchar_t *dst, size_t count, const wchar_t *format, va_list args);
int swprintf_s(wchar_t *dst, size_t size, const wchar_t *format, ...);
int vswprintf_s(wchar_t *dst, size_t size, const wchar_t *format, va_list args);
int _snwprintf_s(wchar_t *dst, size_t size, size_t count, const wchar_t *format, ...);
int _vsnwprintf_s(wchar_t *dst, size_t size, size_t count, const wchar_t *format, va_list args);
int swscanf_s(const wchar_t *src, const wchar_t *format, ...);

#ifdef __cplusplus
}
#endif

#endif
