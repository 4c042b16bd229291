/*
 * Bounded string functions: inline, always terminated, an NTSTATUS that tells of truncation.
 *
 * One set of workers per character type counts in characters; the Cb names halve bytes first. printf-like
 * ones end in ntoskrnl's _vsnprintf and _vsnwprintf, so they are there for drivers only.
 */
#ifndef _NTSTRSAFE_H_INCLUDED_
#define _NTSTRSAFE_H_INCLUDED_

#include <ntdef.h>
#include <ntstatus.h>
#include <string.h>
#if !WDK_HOST
#include <stdio.h>
#endif

#ifndef NTSTRSAFE_MAX_CCH
#define NTSTRSAFE_MAX_CCH 2147483647
#endif
#define NTSTRSAFE_MAX_LENGTH             (NTSTRSAFE_MAX_CCH - 1)
#define NTSTRSAFE_UNICODE_STRING_MAX_CCH (0xffff / sizeof(WCHAR))
#define STRSAFE_MAX_CCH                  NTSTRSAFE_MAX_CCH
#define NTSTRSAFEDDI                     static __inline NTSTATUS
#define STRSAFE_IGNORE_NULLS             0x00000100
#define STRSAFE_FILL_BEHIND_NULL         0x00000200
#define STRSAFE_FILL_ON_FAILURE          0x00000400
#define STRSAFE_NULL_ON_FAILURE          0x00000800
#define STRSAFE_NO_TRUNCATION            0x00001000

typedef char *NTSTRSAFE_PSTR;
typedef const char *NTSTRSAFE_PCSTR;
typedef WCHAR *NTSTRSAFE_PWSTR;
typedef const WCHAR *NTSTRSAFE_PCWSTR;

EXTERN_C_START

#define WDK_STRSAFE_WORKERS(S, CH)                                                                 \
    /* Characters before the terminator, STATUS_INVALID_PARAMETER when none in reach. */           \
    NT_INLINE NTSTATUS RtlStringCchLength##S(const CH *psz, size_t cchMax, size_t *pcchLength)     \
    {                                                                                              \
        size_t n = 0;                                                                              \
        NTSTATUS status = STATUS_INVALID_PARAMETER;                                                \
                                                                                                   \
        if (psz && cchMax <= NTSTRSAFE_MAX_CCH) {                                                  \
            while (n < cchMax && psz[n])                                                           \
                n++;                                                                               \
            if (n < cchMax)                                                                        \
                status = STATUS_SUCCESS;                                                           \
        }                                                                                          \
        if (pcchLength)                                                                            \
            *pcchLength = status == STATUS_SUCCESS ? n : 0;                                        \
        return status;                                                                             \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbLength##S(const CH *psz, size_t cbMax, size_t *pcbLength)        \
    {                                                                                              \
        size_t n = 0;                                                                              \
        NTSTATUS status = RtlStringCchLength##S(psz, cbMax / sizeof(CH), &n);                      \
                                                                                                   \
        if (pcbLength)                                                                             \
            *pcbLength = n * sizeof(CH);                                                           \
        return status;                                                                             \
    }                                                                                              \
    /* Append at @at at most @cchToCopy characters. */                                             \
    NT_INLINE NTSTATUS WdkStrsafePut##S(CH *pszDest, size_t cchDest, size_t at, const CH *pszSrc,  \
                                        size_t cchToCopy, CH **ppszEnd, size_t *pcchRemaining)     \
    {                                                                                              \
        NTSTATUS status = STATUS_SUCCESS;                                                          \
        size_t i = at;                                                                             \
                                                                                                   \
        while (cchToCopy && *pszSrc && i + 1 < cchDest) {                                          \
            pszDest[i++] = *pszSrc++;                                                              \
            cchToCopy--;                                                                           \
        }                                                                                          \
        if (cchToCopy && *pszSrc)                                                                  \
            status = STATUS_BUFFER_OVERFLOW;                                                       \
        pszDest[i] = 0;                                                                            \
        if (ppszEnd)                                                                               \
            *ppszEnd = pszDest + i;                                                                \
        if (pcchRemaining)                                                                         \
            *pcchRemaining = cchDest - i;                                                          \
        return status;                                                                             \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchCopyNEx##S(CH *pszDest, size_t cchDest, const CH *pszSrc,       \
                                              size_t cchToCopy, CH **ppszDestEnd,                  \
                                              size_t *pcchRemaining, ULONG dwFlags)                \
    {                                                                                              \
        static const CH empty[1] = {0};                                                            \
        NTSTATUS status;                                                                           \
                                                                                                   \
        if (!pszDest || cchDest == 0 || cchDest > NTSTRSAFE_MAX_CCH)                               \
            return STATUS_INVALID_PARAMETER;                                                       \
        if (!pszSrc && (dwFlags & STRSAFE_IGNORE_NULLS))                                           \
            pszSrc = empty;                                                                        \
        status =                                                                                   \
            WdkStrsafePut##S(pszDest, cchDest, 0, pszSrc, cchToCopy, ppszDestEnd, pcchRemaining);  \
        if (!NT_SUCCESS(status) && (dwFlags & (STRSAFE_NULL_ON_FAILURE | STRSAFE_NO_TRUNCATION)))  \
            pszDest[0] = 0;                                                                        \
        return status;                                                                             \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchCopyEx##S(CH *pszDest, size_t cchDest, const CH *pszSrc,        \
                                             CH **ppszDestEnd, size_t *pcchRemaining,              \
                                             ULONG dwFlags)                                        \
    {                                                                                              \
        return RtlStringCchCopyNEx##S(pszDest, cchDest, pszSrc, NTSTRSAFE_MAX_CCH, ppszDestEnd,    \
                                      pcchRemaining, dwFlags);                                     \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchCopyN##S(CH *pszDest, size_t cchDest, const CH *pszSrc,         \
                                            size_t cchToCopy)                                      \
    {                                                                                              \
        return RtlStringCchCopyNEx##S(pszDest, cchDest, pszSrc, cchToCopy, NULL, NULL, 0);         \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchCopy##S(CH *pszDest, size_t cchDest, const CH *pszSrc)          \
    {                                                                                              \
        return RtlStringCchCopyN##S(pszDest, cchDest, pszSrc, NTSTRSAFE_MAX_CCH);                  \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbCopyN##S(CH *pszDest, size_t cbDest, const CH *pszSrc,           \
                                           size_t cbToCopy)                                        \
    {                                                                                              \
        return RtlStringCchCopyN##S(pszDest, cbDest / sizeof(CH), pszSrc, cbToCopy / sizeof(CH));  \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbCopy##S(CH *pszDest, size_t cbDest, const CH *pszSrc)            \
    {                                                                                              \
        return RtlStringCchCopy##S(pszDest, cbDest / sizeof(CH), pszSrc);                          \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbCopyEx##S(CH *pszDest, size_t cbDest, const CH *pszSrc,          \
                                            CH **ppszDestEnd, size_t *pcbRemaining, ULONG dwFlags) \
    {                                                                                              \
        size_t n = 0;                                                                              \
        NTSTATUS status =                                                                          \
            RtlStringCchCopyEx##S(pszDest, cbDest / sizeof(CH), pszSrc, ppszDestEnd, &n, dwFlags); \
                                                                                                   \
        if (pcbRemaining)                                                                          \
            *pcbRemaining = n * sizeof(CH);                                                        \
        return status;                                                                             \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchCatNEx##S(CH *pszDest, size_t cchDest, const CH *pszSrc,        \
                                             size_t cchToAppend, CH **ppszDestEnd,                 \
                                             size_t *pcchRemaining, ULONG dwFlags)                 \
    {                                                                                              \
        size_t at;                                                                                 \
                                                                                                   \
        if (!NT_SUCCESS(RtlStringCchLength##S(pszDest, cchDest, &at)))                             \
            return STATUS_INVALID_PARAMETER;                                                       \
        if (!pszSrc && (dwFlags & STRSAFE_IGNORE_NULLS))                                           \
            pszSrc = pszDest + at;                                                                 \
        return WdkStrsafePut##S(pszDest, cchDest, at, pszSrc, cchToAppend, ppszDestEnd,            \
                                pcchRemaining);                                                    \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchCatN##S(CH *pszDest, size_t cchDest, const CH *pszSrc,          \
                                           size_t cchToAppend)                                     \
    {                                                                                              \
        return RtlStringCchCatNEx##S(pszDest, cchDest, pszSrc, cchToAppend, NULL, NULL, 0);        \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchCatEx##S(CH *pszDest, size_t cchDest, const CH *pszSrc,         \
                                            CH **ppszDestEnd, size_t *pcchRemaining,               \
                                            ULONG dwFlags)                                         \
    {                                                                                              \
        return RtlStringCchCatNEx##S(pszDest, cchDest, pszSrc, NTSTRSAFE_MAX_CCH, ppszDestEnd,     \
                                     pcchRemaining, dwFlags);                                      \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchCat##S(CH *pszDest, size_t cchDest, const CH *pszSrc)           \
    {                                                                                              \
        return RtlStringCchCatN##S(pszDest, cchDest, pszSrc, NTSTRSAFE_MAX_CCH);                   \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbCatN##S(CH *pszDest, size_t cbDest, const CH *pszSrc,            \
                                          size_t cbToAppend)                                       \
    {                                                                                              \
        return RtlStringCchCatN##S(pszDest, cbDest / sizeof(CH), pszSrc, cbToAppend / sizeof(CH)); \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbCat##S(CH *pszDest, size_t cbDest, const CH *pszSrc)             \
    {                                                                                              \
        return RtlStringCchCat##S(pszDest, cbDest / sizeof(CH), pszSrc);                           \
    }

WDK_STRSAFE_WORKERS(A, char)
WDK_STRSAFE_WORKERS(W, WCHAR)
#undef WDK_STRSAFE_WORKERS

#if !WDK_HOST
#define WDK_STRSAFE_PRINTF(S, CH, VPRINTF)                                                         \
    NT_INLINE NTSTATUS RtlStringCchVPrintfEx##S(CH *pszDest, size_t cchDest, CH **ppszDestEnd,     \
                                                size_t *pcchRemaining, ULONG dwFlags,              \
                                                const CH *pszFormat, va_list argList)              \
    {                                                                                              \
        NTSTATUS status = STATUS_SUCCESS;                                                          \
        size_t room;                                                                               \
        int n;                                                                                     \
                                                                                                   \
        (void)dwFlags;                                                                             \
        if (!pszDest || cchDest == 0 || cchDest > NTSTRSAFE_MAX_CCH)                               \
            return STATUS_INVALID_PARAMETER;                                                       \
        room = cchDest - 1;                                                                        \
        n = VPRINTF(pszDest, room, pszFormat, argList);                                            \
        if (n < 0 || (size_t)n > room) {                                                           \
            status = STATUS_BUFFER_OVERFLOW;                                                       \
            n = (int)room;                                                                         \
        }                                                                                          \
        pszDest[n] = 0;                                                                            \
        if (ppszDestEnd)                                                                           \
            *ppszDestEnd = pszDest + n;                                                            \
        if (pcchRemaining)                                                                         \
            *pcchRemaining = cchDest - (size_t)n;                                                  \
        return status;                                                                             \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchVPrintf##S(CH *pszDest, size_t cchDest, const CH *pszFormat,    \
                                              va_list argList)                                     \
    {                                                                                              \
        return RtlStringCchVPrintfEx##S(pszDest, cchDest, NULL, NULL, 0, pszFormat, argList);      \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbVPrintf##S(CH *pszDest, size_t cbDest, const CH *pszFormat,      \
                                             va_list argList)                                      \
    {                                                                                              \
        return RtlStringCchVPrintf##S(pszDest, cbDest / sizeof(CH), pszFormat, argList);           \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchPrintf##S(CH *pszDest, size_t cchDest, const CH *pszFormat,     \
                                             ...)                                                  \
    {                                                                                              \
        NTSTATUS status;                                                                           \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, pszFormat);                                                                 \
        status = RtlStringCchVPrintf##S(pszDest, cchDest, pszFormat, args);                        \
        va_end(args);                                                                              \
        return status;                                                                             \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbPrintf##S(CH *pszDest, size_t cbDest, const CH *pszFormat, ...)  \
    {                                                                                              \
        NTSTATUS status;                                                                           \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, pszFormat);                                                                 \
        status = RtlStringCchVPrintf##S(pszDest, cbDest / sizeof(CH), pszFormat, args);            \
        va_end(args);                                                                              \
        return status;                                                                             \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCchPrintfEx##S(CH *pszDest, size_t cchDest, CH **ppszDestEnd,      \
                                               size_t *pcchRemaining, ULONG dwFlags,               \
                                               const CH *pszFormat, ...)                           \
    {                                                                                              \
        NTSTATUS status;                                                                           \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, pszFormat);                                                                 \
        status = RtlStringCchVPrintfEx##S(pszDest, cchDest, ppszDestEnd, pcchRemaining, dwFlags,   \
                                          pszFormat, args);                                        \
        va_end(args);                                                                              \
        return status;                                                                             \
    }                                                                                              \
    NT_INLINE NTSTATUS RtlStringCbPrintfEx##S(CH *pszDest, size_t cbDest, CH **ppszDestEnd,        \
                                              size_t *pcbRemaining, ULONG dwFlags,                 \
                                              const CH *pszFormat, ...)                            \
    {                                                                                              \
        NTSTATUS status;                                                                           \
        size_t remaining = 0;                                                                      \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, pszFormat);                                                                 \
        status = RtlStringCchVPrintfEx##S(pszDest, cbDest / sizeof(CH), ppszDestEnd, &remaining,   \
                                          dwFlags, pszFormat, args);                               \
        va_end(args);                                                                              \
        if (pcbRemaining)                                                                          \
            *pcbRemaining = remaining * sizeof(CH);                                                \
        return status;                                                                             \
    }

WDK_STRSAFE_PRINTF(A, char, _vsnprintf)
WDK_STRSAFE_PRINTF(W, WCHAR, _vsnwprintf)
#undef WDK_STRSAFE_PRINTF
#endif

/* ---- UNICODE_STRING; not terminated ---- */

NT_INLINE NTSTATUS
RtlUnicodeStringInit(PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszSrc)
{
    size_t n = 0;

    DestinationString->Length = DestinationString->MaximumLength = 0;
    DestinationString->Buffer = NULL;
    if (!pszSrc)
        return STATUS_SUCCESS;
    if (!NT_SUCCESS(RtlStringCchLengthW(pszSrc, NTSTRSAFE_UNICODE_STRING_MAX_CCH, &n)))
        return STATUS_INVALID_PARAMETER;
    DestinationString->Length = (USHORT)(n * sizeof(WCHAR));
    DestinationString->MaximumLength = (USHORT)((n + 1) * sizeof(WCHAR));
    DestinationString->Buffer = (PWCH)pszSrc;
    return STATUS_SUCCESS;
}
NT_INLINE NTSTATUS
RtlUnicodeStringValidate(PCUNICODE_STRING SourceString)
{
    if (SourceString && ((SourceString->Length | SourceString->MaximumLength) % sizeof(WCHAR) ||
                         SourceString->Length > SourceString->MaximumLength ||
                         (!SourceString->Buffer && SourceString->MaximumLength)))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}
/* Put @cchSrc characters at byte offset @at; what does not fit is cut off. */
NT_INLINE NTSTATUS
WdkUnicodeStringPut(PUNICODE_STRING DestinationString, USHORT at, NTSTRSAFE_PCWSTR pszSrc,
                    size_t cchSrc)
{
    size_t room;
    NTSTATUS status = STATUS_SUCCESS;

    if (!NT_SUCCESS(RtlUnicodeStringValidate(DestinationString)))
        return STATUS_INVALID_PARAMETER;
    room = (size_t)(DestinationString->MaximumLength - at) / sizeof(WCHAR);
    if (cchSrc > room) {
        cchSrc = room;
        status = STATUS_BUFFER_OVERFLOW;
    }
    if (cchSrc)
        __builtin_memmove((char *)DestinationString->Buffer + at, pszSrc, cchSrc * sizeof(WCHAR));
    DestinationString->Length = (USHORT)(at + cchSrc * sizeof(WCHAR));
    return status;
}
NT_INLINE NTSTATUS
RtlStringCchCopyUnicodeString(NTSTRSAFE_PWSTR pszDest, size_t cchDest, PCUNICODE_STRING SourceString)
{
    return RtlStringCchCopyNW(pszDest, cchDest, SourceString->Buffer,
                              SourceString->Length / sizeof(WCHAR));
}
NT_INLINE NTSTATUS
RtlStringCbCopyUnicodeString(NTSTRSAFE_PWSTR pszDest, size_t cbDest, PCUNICODE_STRING SourceString)
{
    return RtlStringCchCopyUnicodeString(pszDest, cbDest / sizeof(WCHAR), SourceString);
}
NT_INLINE NTSTATUS
RtlUnicodeStringCopy(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    return WdkUnicodeStringPut(DestinationString, 0, SourceString->Buffer,
                               SourceString->Length / sizeof(WCHAR));
}
NT_INLINE NTSTATUS
RtlUnicodeStringCat(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    return WdkUnicodeStringPut(DestinationString, DestinationString->Length, SourceString->Buffer,
                               SourceString->Length / sizeof(WCHAR));
}
NT_INLINE NTSTATUS
RtlUnicodeStringCopyString(PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszSrc)
{
    size_t n;

    if (!NT_SUCCESS(RtlStringCchLengthW(pszSrc, NTSTRSAFE_MAX_CCH, &n)))
        return STATUS_INVALID_PARAMETER;
    return WdkUnicodeStringPut(DestinationString, 0, pszSrc, n);
}
NT_INLINE NTSTATUS
RtlUnicodeStringCatString(PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszSrc)
{
    size_t n;

    if (!NT_SUCCESS(RtlStringCchLengthW(pszSrc, NTSTRSAFE_MAX_CCH, &n)))
        return STATUS_INVALID_PARAMETER;
    return WdkUnicodeStringPut(DestinationString, DestinationString->Length, pszSrc, n);
}
NT_INLINE NTSTATUS
RtlUnicodeStringCbCopyN(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString,
                        size_t cbToCopy)
{
    size_t n = cbToCopy < SourceString->Length ? cbToCopy : SourceString->Length;

    return WdkUnicodeStringPut(DestinationString, 0, SourceString->Buffer, n / sizeof(WCHAR));
}
NT_INLINE NTSTATUS
RtlUnicodeStringCchCopyN(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString,
                         size_t cchToCopy)
{
    return RtlUnicodeStringCbCopyN(DestinationString, SourceString, cchToCopy * sizeof(WCHAR));
}
#if !WDK_HOST
NT_INLINE NTSTATUS
RtlUnicodeStringVPrintf(PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszFormat,
                        va_list argList)
{
    size_t room = DestinationString->MaximumLength / sizeof(WCHAR);
    int n;

    if (!NT_SUCCESS(RtlUnicodeStringValidate(DestinationString)))
        return STATUS_INVALID_PARAMETER;
    n = _vsnwprintf(DestinationString->Buffer, room, pszFormat, argList);
    DestinationString->Length = (USHORT)((n < 0 ? room : (size_t)n) * sizeof(WCHAR));
    return n < 0 ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}
NT_INLINE NTSTATUS
RtlUnicodeStringPrintf(PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszFormat, ...)
{
    NTSTATUS status;
    va_list args;

    va_start(args, pszFormat);
    status = RtlUnicodeStringVPrintf(DestinationString, pszFormat, args);
    va_end(args);
    return status;
}
#endif

#if defined(UNICODE) || defined(_UNICODE)
#define RtlStringCchCopy   RtlStringCchCopyW
#define RtlStringCbCopy    RtlStringCbCopyW
#define RtlStringCchCat    RtlStringCchCatW
#define RtlStringCbCat     RtlStringCbCatW
#define RtlStringCchPrintf RtlStringCchPrintfW
#define RtlStringCbPrintf  RtlStringCbPrintfW
#define RtlStringCchLength RtlStringCchLengthW
#define RtlStringCbLength  RtlStringCbLengthW
#else
#define RtlStringCchCopy   RtlStringCchCopyA
#define RtlStringCbCopy    RtlStringCbCopyA
#define RtlStringCchCat    RtlStringCchCatA
#define RtlStringCbCat     RtlStringCbCatA
#define RtlStringCchPrintf RtlStringCchPrintfA
#define RtlStringCbPrintf  RtlStringCbPrintfA
#define RtlStringCchLength RtlStringCchLengthA
#define RtlStringCbLength  RtlStringCbLengthA
#endif

EXTERN_C_END

#endif
