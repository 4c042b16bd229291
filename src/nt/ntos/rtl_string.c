/*
 * Counted strings: initialise, copy, append, compare, change case; UNICODE_STRING and ANSI_STRING.
 *
 * Lengths are bytes. Nothing here needs a terminator, and copies add one only where there is room,
 * as the pages say.
 * Not here   conversions between encodings, numbers and GUIDs: rtl_convert.c
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_case.h"
#include "nt/ntos/nt_pool.h"

#define STRING_TAG 0x67727453u /* "Strg" */

static SIZE_T
units(PCWSTR text)
{
    return text ? wfp_utf16_length(text) : 0;
}

/** @p SourceString may be NULL; it is not copied. IRQL: any. Ref: wdm/nf-wdm-rtlinitunicodestring. */
VOID NTAPI
RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    SIZE_T bytes = MIN(units(SourceString) * sizeof(WCHAR), (SIZE_T)UNICODE_STRING_MAX_BYTES - 2);

    DestinationString->Length = (USHORT)bytes;
    DestinationString->MaximumLength = SourceString ? (USHORT)(bytes + sizeof(WCHAR)) : 0;
    DestinationString->Buffer = (PWCH)SourceString;
}

/** @return STATUS_NAME_TOO_LONG beyond 65532 bytes. IRQL: any. Ref: wdm. */
NTSTATUS NTAPI
RtlInitUnicodeStringEx(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    if (units(SourceString) * sizeof(WCHAR) > UNICODE_STRING_MAX_BYTES - sizeof(WCHAR))
        return STATUS_NAME_TOO_LONG;
    RtlInitUnicodeString(DestinationString, SourceString);
    return STATUS_SUCCESS;
}

/** IRQL: any. Ref: wdm/nf-wdm-rtlinitansistring. */
VOID NTAPI
RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString)
{
    SIZE_T bytes = SourceString ? MIN(strlen(SourceString), (SIZE_T)0xFFFE) : 0;

    DestinationString->Length = (USHORT)bytes;
    DestinationString->MaximumLength = SourceString ? (USHORT)(bytes + 1) : 0;
    DestinationString->Buffer = (PCHAR)SourceString;
}

/** As RtlInitAnsiString. Ref: wdm/nf-wdm-rtlinitstring. */
VOID NTAPI
RtlInitString(PSTRING DestinationString, PCSZ SourceString)
{
    RtlInitAnsiString(DestinationString, SourceString);
}

/** As RtlInitAnsiString. Ref: wdm/nf-wdm-rtlinitutf8string. */
VOID NTAPI
RtlInitUTF8String(PUTF8_STRING DestinationString, PCSZ SourceString)
{
    RtlInitAnsiString(DestinationString, SourceString);
}

/** @return STATUS_NAME_TOO_LONG beyond 65534 bytes. Ref: ntifs. */
NTSTATUS NTAPI
RtlInitAnsiStringEx(PANSI_STRING DestinationString, PCSZ SourceString)
{
    if (SourceString && strlen(SourceString) > 0xFFFE)
        return STATUS_NAME_TOO_LONG;
    RtlInitAnsiString(DestinationString, SourceString);
    return STATUS_SUCCESS;
}

/** Copy as much as fits; a NULL source empties. IRQL: <= DISPATCH_LEVEL (nonpaged). Ref: wdm. */
VOID NTAPI
RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    if (!SourceString) {
        DestinationString->Length = 0;
        return;
    }
    USHORT bytes = MIN(SourceString->Length, DestinationString->MaximumLength);
    if (bytes)
        memmove(DestinationString->Buffer, SourceString->Buffer, bytes);
    DestinationString->Length = bytes;
    if (bytes + sizeof(WCHAR) <= DestinationString->MaximumLength)
        DestinationString->Buffer[bytes / sizeof(WCHAR)] = 0;
}

/** As RtlCopyUnicodeString, without a terminator. Ref: wdm/nf-wdm-rtlcopystring. */
VOID NTAPI
RtlCopyString(PSTRING DestinationString, const STRING *SourceString)
{
    USHORT bytes = SourceString ? MIN(SourceString->Length, DestinationString->MaximumLength) : 0;

    if (bytes)
        memmove(DestinationString->Buffer, SourceString->Buffer, bytes);
    DestinationString->Length = bytes;
}

static NTSTATUS
append(PUNICODE_STRING destination, PCWCH source, SIZE_T bytes)
{
    if (!bytes)
        return STATUS_SUCCESS;
    if (destination->Length + bytes > destination->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    memmove((char *)destination->Buffer + destination->Length, source, bytes);
    destination->Length = (USHORT)(destination->Length + bytes);
    if (destination->Length + sizeof(WCHAR) <= destination->MaximumLength)
        destination->Buffer[destination->Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

/** @return STATUS_BUFFER_TOO_SMALL, then nothing was appended. Ref: wdm/nf-wdm-rtlappendunicodetostring. */
NTSTATUS NTAPI
RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    return append(Destination, Source, units(Source) * sizeof(WCHAR));
}

/** As RtlAppendUnicodeToString. Ref: wdm/nf-wdm-rtlappendunicodestringtostring. */
NTSTATUS NTAPI
RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    return append(Destination, Source->Buffer, Source->Length);
}

/**
 * Compare code unit by code unit.
 *
 * @param String1Length  in WCHARs
 * @return < 0, 0, > 0. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlcompareunicodestrings.
 */
LONG NTAPI
RtlCompareUnicodeStrings(PCWCH String1, SIZE_T String1Length, PCWCH String2, SIZE_T String2Length,
                         BOOLEAN CaseInSensitive)
{
    SIZE_T common = MIN(String1Length, String2Length);

    for (SIZE_T i = 0; i < common; i++) {
        WCHAR a = String1[i], b = String2[i];
        if (a == b)
            continue;
        if (CaseInSensitive) {
            a = nt_case_upper(a);
            b = nt_case_upper(b);
        }
        if (a != b)
            return (LONG)a - (LONG)b;
    }
    return (LONG)String1Length - (LONG)String2Length;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlcompareunicodestring. */
LONG NTAPI
RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    return RtlCompareUnicodeStrings(String1->Buffer, String1->Length / sizeof(WCHAR),
                                    String2->Buffer, String2->Length / sizeof(WCHAR),
                                    CaseInSensitive);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlequalunicodestring. */
BOOLEAN NTAPI
RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    return String1->Length == String2->Length &&
           RtlCompareUnicodeString(String1, String2, CaseInSensitive) == 0;
}

/** @return TRUE when @p String1 begins @p String2. Ref: ntddk/nf-ntddk-rtlprefixunicodestring. */
BOOLEAN NTAPI
RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    SIZE_T length = String1->Length / sizeof(WCHAR);

    return String1->Length <= String2->Length &&
           RtlCompareUnicodeStrings(String1->Buffer, length, String2->Buffer, length,
                                    CaseInSensitive) == 0;
}

/** @return TRUE when @p String1 ends @p String2. Ref: ntddk/nf-ntddk-rtlsuffixunicodestring. */
BOOLEAN NTAPI
RtlSuffixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    SIZE_T length = String1->Length / sizeof(WCHAR);

    return String1->Length <= String2->Length &&
           RtlCompareUnicodeStrings(String1->Buffer, length,
                                    String2->Buffer + (String2->Length / sizeof(WCHAR) - length),
                                    length, CaseInSensitive) == 0;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlupperchar. Gap: ASCII only. */
CHAR NTAPI
RtlUpperChar(CHAR Character)
{
    return Character >= 'a' && Character <= 'z' ? (CHAR)(Character - 32) : Character;
}

static LONG
compare_bytes(const STRING *a, const STRING *b, SIZE_T length, bool ignore_case)
{
    for (SIZE_T i = 0; i < length; i++) {
        UCHAR x = (UCHAR)a->Buffer[i], y = (UCHAR)b->Buffer[i];
        if (ignore_case) {
            x = (UCHAR)RtlUpperChar((CHAR)x);
            y = (UCHAR)RtlUpperChar((CHAR)y);
        }
        if (x != y)
            return (LONG)x - (LONG)y;
    }
    return 0;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlcomparestring. Gap: case of ASCII only. */
LONG NTAPI
RtlCompareString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    LONG r =
        compare_bytes(String1, String2, MIN(String1->Length, String2->Length), CaseInSensitive);
    return r ? r : (LONG)String1->Length - (LONG)String2->Length;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlequalstring. Gap: case of ASCII only. */
BOOLEAN NTAPI
RtlEqualString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    return String1->Length == String2->Length &&
           RtlCompareString(String1, String2, CaseInSensitive) == 0;
}

/** @return TRUE when @p String1 begins @p String2. Ref: ntddk/nf-ntddk-rtlprefixstring. */
BOOLEAN NTAPI
RtlPrefixString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    return String1->Length <= String2->Length &&
           compare_bytes(String1, String2, String1->Length, CaseInSensitive) == 0;
}

/** Copy in upper case. Ref: ntddk/nf-ntddk-rtlupperstring. Gap: ASCII only. */
VOID NTAPI
RtlUpperString(PSTRING DestinationString, const STRING *SourceString)
{
    RtlCopyString(DestinationString, SourceString);
    for (USHORT i = 0; i < DestinationString->Length; i++)
        DestinationString->Buffer[i] = RtlUpperChar(DestinationString->Buffer[i]);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlupcaseunicodechar. */
WCHAR NTAPI
RtlUpcaseUnicodeChar(WCHAR SourceCharacter)
{
    return nt_case_upper(SourceCharacter);
}

/** IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-rtldowncaseunicodechar. */
WCHAR NTAPI
RtlDowncaseUnicodeChar(WCHAR SourceCharacter)
{
    return nt_case_lower(SourceCharacter);
}

static NTSTATUS
map_case(PUNICODE_STRING destination, PCUNICODE_STRING source, bool allocate,
         uint16_t (*map)(uint16_t), uintptr_t caller)
{
    if (allocate) {
        destination->Buffer = nt_pool_allocate(MAX(source->Length, 1), STRING_TAG, false, caller);
        if (!destination->Buffer)
            return STATUS_NO_MEMORY;
        destination->MaximumLength = source->Length;
    } else if (source->Length > destination->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    destination->Length = source->Length;
    for (USHORT i = 0; i < source->Length / sizeof(WCHAR); i++)
        destination->Buffer[i] = map(source->Buffer[i]);
    return STATUS_SUCCESS;
}

/** @return STATUS_BUFFER_OVERFLOW when it does not fit. IRQL: PASSIVE_LEVEL. Ref: wdm. */
NTSTATUS NTAPI
RtlUpcaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString,
                       BOOLEAN AllocateDestinationString)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return map_case(DestinationString, SourceString, AllocateDestinationString, nt_case_upper,
                    NT_CALLER);
}

/** As RtlUpcaseUnicodeString. Ref: ntifs/nf-ntifs-rtldowncaseunicodestring. */
NTSTATUS NTAPI
RtlDowncaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString,
                         BOOLEAN AllocateDestinationString)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return map_case(DestinationString, SourceString, AllocateDestinationString, nt_case_lower,
                    NT_CALLER);
}

/** Free what a Rtl function allocated; empty afterwards. IRQL: PASSIVE_LEVEL. Ref: wdm. */
VOID NTAPI
RtlFreeUnicodeString(PUNICODE_STRING UnicodeString)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (UnicodeString->Buffer)
        nt_pool_free(UnicodeString->Buffer, 0);
    memset(UnicodeString, 0, sizeof(*UnicodeString));
}

/** As RtlFreeUnicodeString. Ref: wdm/nf-wdm-rtlfreeansistring. */
VOID NTAPI
RtlFreeAnsiString(PANSI_STRING AnsiString)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (AnsiString->Buffer)
        nt_pool_free(AnsiString->Buffer, 0);
    memset(AnsiString, 0, sizeof(*AnsiString));
}

/** As RtlFreeUnicodeString. Ref: wdm/nf-wdm-rtlfreeutf8string. */
VOID NTAPI
RtlFreeUTF8String(PUTF8_STRING utf8String)
{
    RtlFreeAnsiString(utf8String);
}

/** Hash with x65599, the default. @return STATUS_INVALID_PARAMETER for another. Ref: wdm. */
NTSTATUS NTAPI
RtlHashUnicodeString(const UNICODE_STRING *String, BOOLEAN CaseInSensitive, ULONG HashAlgorithm,
                     PULONG HashValue)
{
    ULONG hash = 0;

    if (!String || !HashValue || HashAlgorithm > HASH_STRING_ALGORITHM_X65599)
        return STATUS_INVALID_PARAMETER;
    for (USHORT i = 0; i < String->Length / sizeof(WCHAR); i++)
        hash =
            hash * 65599 + (CaseInSensitive ? nt_case_upper(String->Buffer[i]) : String->Buffer[i]);
    *HashValue = hash;
    return STATUS_SUCCESS;
}
