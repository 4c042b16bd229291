/*
 * Which of three compilations these headers are in, and what that changes.
 *
 *   WDK_WINDOWS  driver for a real .sys:  clang --target=x86_64-pc-windows-msvc
 *   WDK_NATIVE   driver for a Linux .so:  clang --target=x86_64-pc-windows-msvc-elf
 *   WDK_HOST     our own runtime: gcc or clang on Linux, LP64, no _WIN32
 *
 * Layouts are the same in all three: `long` is never used on the host, WCHAR is 16 bits everywhere.
 *
 * Imported data: a driver reads kernel variables through the import slot. NT_DATA_IMPORT declares
 * that slot, the symbol __imp_NAME, which an import library (.sys) or wfp-cc's stubs (.so) define
 * and the loader fills with the address of the exported variable. On the host NAME is the variable.
 */
#ifndef WDK_MODE_H
#define WDK_MODE_H

#if defined(_WIN32) && defined(__ELF__)
#define WDK_NATIVE  1
#define WDK_WINDOWS 0
#define WDK_HOST    0
#elif defined(_WIN32)
#define WDK_NATIVE  0
#define WDK_WINDOWS 1
#define WDK_HOST    0
#else
#define WDK_NATIVE  0
#define WDK_WINDOWS 0
#define WDK_HOST    1
#endif

#if !WDK_HOST
#ifndef _AMD64_
#define _AMD64_
#endif
#ifndef AMD64
#define AMD64
#endif
#ifndef _WIN64
#define _WIN64 1
#endif
#endif

#ifdef __cplusplus
#define EXTERN_C       extern "C"
#define EXTERN_C_START extern "C" {
#define EXTERN_C_END   }
#else
#define EXTERN_C extern
#define EXTERN_C_START
#define EXTERN_C_END
#endif

#if WDK_HOST
#define NTAPI __attribute__((ms_abi))
#else
#define NTAPI
#endif

#if WDK_HOST
#define NT_DATA_IMPORT(type, name) extern type name
#else
#define NT_DATA_IMPORT(type, name) extern type *const __imp_##name
#endif

/* A constant in a header that several files may include. */
#if WDK_HOST
#define DECLSPEC_SELECTANY __attribute__((weak))
#else
#define DECLSPEC_SELECTANY __declspec(selectany)
#endif

/* Headers' inline functions may go unused, and must not warn. */
#if WDK_HOST
#define NT_INLINE static __inline __attribute__((unused))
#else
#define NT_INLINE static __inline __attribute__((unused))
#endif

/* Argument lists of functions with a va_list: the host speaks the driver's. */
#if WDK_HOST
typedef __builtin_ms_va_list nt_va_list;
#else
typedef __builtin_va_list nt_va_list;
#endif

#ifdef __cplusplus
#define NT_STATIC_ASSERT(expression, text) static_assert(expression, text)
#else
#define NT_STATIC_ASSERT(expression, text) _Static_assert(expression, text)
#endif

#endif
