/*
 * Between encodings, and between text and numbers or GUIDs.
 *
 * Choice: "ANSI" is UTF-8 here, as on a Windows set to code page 65001; ASCII is the same anyway.
 */
#include "nt/ntos/nt_wdk.h"

#include <stdlib.h>

#include "base/guid.h"
#include "nt/ntos/nt_pool.h"

#define STRING_TAG 0x67727453u /* 'Strg' */

/** Bytes that @p text takes as UTF-8. */
static SIZE_T
utf8_bytes(PCWCH text, SIZE_T units)
{
    _cleanup_(freep) char *utf8 = wfp_utf16_to_utf8(text, units);
    return utf8 ? strlen(utf8) : 0;
}

/**
 * Convert to UTF-8, cutting at @p UTF8StringMaxByteCount.
 *
 * @return STATUS_BUFFER_TOO_SMALL when cut. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlunicodetoutf8n.
 */
NTSTATUS NTAPI
RtlUnicodeToUTF8N(PCHAR UTF8StringDestination, ULONG UTF8StringMaxByteCount,
                  PULONG UTF8StringActualByteCount, PCWCH UnicodeStringSource,
                  ULONG UnicodeStringByteCount)
{
    _cleanup_(freep) char *utf8 =
        wfp_utf16_to_utf8(UnicodeStringSource, UnicodeStringByteCount / sizeof(WCHAR));

    if (!utf8)
        return STATUS_NO_MEMORY;
    SIZE_T length = strlen(utf8);
    if (!UTF8StringDestination) {
        *UTF8StringActualByteCount = (ULONG)length;
        return STATUS_SUCCESS;
    }
    SIZE_T fits = MIN(length, (SIZE_T)UTF8StringMaxByteCount);
    while (fits < length && fits > 0 && (utf8[fits] & 0xC0) == 0x80)
        fits--; /* not in the middle of a character */
    memcpy(UTF8StringDestination, utf8, fits);
    if (UTF8StringActualByteCount)
        *UTF8StringActualByteCount = (ULONG)fits;
    return fits < length ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
}

/** @return STATUS_BUFFER_TOO_SMALL when cut. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlutf8tounicoden. */
NTSTATUS NTAPI
RtlUTF8ToUnicodeN(PWSTR UnicodeStringDestination, ULONG UnicodeStringMaxByteCount,
                  PULONG UnicodeStringActualByteCount, PCCH UTF8StringSource,
                  ULONG UTF8StringByteCount)
{
    _cleanup_(freep) char *text = strndup(UTF8StringSource, UTF8StringByteCount);
    size_t length = 0;
    _cleanup_(freep) uint16_t *utf16 = text ? wfp_utf16_from_utf8(text, &length) : NULL;

    if (!utf16)
        return STATUS_NO_MEMORY;
    SIZE_T bytes = length * sizeof(WCHAR), fits = bytes;
    if (UnicodeStringDestination) {
        fits = MIN(bytes, (SIZE_T)UnicodeStringMaxByteCount & ~(SIZE_T)1);
        memcpy(UnicodeStringDestination, utf16, fits);
    }
    if (UnicodeStringActualByteCount)
        *UnicodeStringActualByteCount = (ULONG)fits;
    return fits < bytes ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
}

/** Cuts silently, as documented. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-rtlunicodetomultibyten. */
NTSTATUS NTAPI
RtlUnicodeToMultiByteN(PCHAR MultiByteString, ULONG MaxBytesInMultiByteString,
                       PULONG BytesInMultiByteString, PCWCH UnicodeString,
                       ULONG BytesInUnicodeString)
{
    ULONG bytes = 0;
    NTSTATUS status = RtlUnicodeToUTF8N(MultiByteString, MaxBytesInMultiByteString, &bytes,
                                        UnicodeString, BytesInUnicodeString);
    if (BytesInMultiByteString)
        *BytesInMultiByteString = bytes;
    return status == STATUS_BUFFER_TOO_SMALL ? STATUS_SUCCESS : status;
}

/** Cuts silently. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-rtlmultibytetounicoden. */
NTSTATUS NTAPI
RtlMultiByteToUnicodeN(PWCH UnicodeString, ULONG MaxBytesInUnicodeString,
                       PULONG BytesInUnicodeString, const CHAR *MultiByteString,
                       ULONG BytesInMultiByteString)
{
    ULONG bytes = 0;
    NTSTATUS status = RtlUTF8ToUnicodeN(UnicodeString, MaxBytesInUnicodeString, &bytes,
                                        MultiByteString, BytesInMultiByteString);
    if (BytesInUnicodeString)
        *BytesInUnicodeString = bytes;
    return status == STATUS_BUFFER_TOO_SMALL ? STATUS_SUCCESS : status;
}

/** Bytes with the terminator. Ref: wdm/nf-wdm-rtlunicodestringtoansisize. */
ULONG NTAPI
RtlxUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString)
{
    return (ULONG)utf8_bytes(UnicodeString->Buffer, UnicodeString->Length / sizeof(WCHAR)) + 1;
}

/** Bytes with the terminator. Ref: wdm/nf-wdm-rtlansistringtounicodesize. */
ULONG NTAPI
RtlxAnsiStringToUnicodeSize(PCANSI_STRING AnsiString)
{
    ULONG bytes = 0;
    RtlUTF8ToUnicodeN(NULL, 0, &bytes, AnsiString->Buffer, AnsiString->Length);
    return bytes + (ULONG)sizeof(WCHAR);
}

/**
 * To 16 bits.
 *
 * @return STATUS_BUFFER_OVERFLOW when it does not fit with its terminator, STATUS_INVALID_PARAMETER_2
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlansistringtounicodestring.
 */
NTSTATUS NTAPI
RtlAnsiStringToUnicodeString(PUNICODE_STRING DestinationString, PCANSI_STRING SourceString,
                             BOOLEAN AllocateDestinationString)
{
    ULONG bytes = RtlxAnsiStringToUnicodeSize(SourceString);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (bytes > UNICODE_STRING_MAX_BYTES)
        return STATUS_INVALID_PARAMETER_2;
    if (AllocateDestinationString) {
        DestinationString->Buffer = nt_pool_allocate(bytes, STRING_TAG, true, NT_CALLER);
        if (!DestinationString->Buffer)
            return STATUS_NO_MEMORY;
        DestinationString->MaximumLength = (USHORT)bytes;
    } else if (bytes > DestinationString->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    DestinationString->Length = (USHORT)(bytes - sizeof(WCHAR));
    RtlUTF8ToUnicodeN(DestinationString->Buffer, DestinationString->Length, NULL,
                      SourceString->Buffer, SourceString->Length);
    DestinationString->Buffer[DestinationString->Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

/** To bytes; as RtlAnsiStringToUnicodeString. Ref: wdm/nf-wdm-rtlunicodestringtoansistring. */
NTSTATUS NTAPI
RtlUnicodeStringToAnsiString(PANSI_STRING DestinationString, PCUNICODE_STRING SourceString,
                             BOOLEAN AllocateDestinationString)
{
    ULONG bytes = RtlxUnicodeStringToAnsiSize(SourceString);
    NTSTATUS status = STATUS_SUCCESS;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (bytes > 0xFFFF)
        return STATUS_INVALID_PARAMETER_2;
    if (AllocateDestinationString) {
        DestinationString->Buffer = nt_pool_allocate(bytes, STRING_TAG, true, NT_CALLER);
        if (!DestinationString->Buffer)
            return STATUS_NO_MEMORY;
        DestinationString->MaximumLength = (USHORT)bytes;
    } else if (bytes > DestinationString->MaximumLength) {
        if (!DestinationString->MaximumLength)
            return STATUS_BUFFER_OVERFLOW;
        bytes = DestinationString->MaximumLength;
        status = STATUS_BUFFER_OVERFLOW;
    }
    ULONG written = 0;
    RtlUnicodeToUTF8N(DestinationString->Buffer, bytes - 1, &written, SourceString->Buffer,
                      SourceString->Length);
    DestinationString->Length = (USHORT)written;
    DestinationString->Buffer[written] = 0;
    return status;
}

/** As RtlAnsiStringToUnicodeString. Ref: wdm/nf-wdm-rtlutf8stringtounicodestring. */
NTSTATUS NTAPI
RtlUTF8StringToUnicodeString(PUNICODE_STRING DestinationString, PUTF8_STRING SourceString,
                             BOOLEAN AllocateDestinationString)
{
    return RtlAnsiStringToUnicodeString(DestinationString, SourceString, AllocateDestinationString);
}

/** As RtlUnicodeStringToAnsiString. Ref: wdm/nf-wdm-rtlunicodestringtoutf8string. */
NTSTATUS NTAPI
RtlUnicodeStringToUTF8String(PUTF8_STRING DestinationString, PCUNICODE_STRING SourceString,
                             BOOLEAN AllocateDestinationString)
{
    return RtlUnicodeStringToAnsiString(DestinationString, SourceString, AllocateDestinationString);
}

/* --- numbers --- */

static bool
is_base(ULONG base)
{
    return base == 0 || base == 2 || base == 8 || base == 10 || base == 16;
}

/**
 * Write a number.
 *
 * @param Base  0 (= 10), 2, 8, 10, 16
 * @return STATUS_BUFFER_OVERFLOW when it does not fit, STATUS_INVALID_PARAMETER
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlint64tounicodestring.
 */
NTSTATUS NTAPI
RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String)
{
    WCHAR text[65];
    int at = (int)ELEMENTSOF(text);

    if (!is_base(Base))
        return STATUS_INVALID_PARAMETER;
    if (!Base)
        Base = 10;
    do
        text[--at] = (WCHAR) "0123456789ABCDEF"[Value % Base];
    while (Value /= Base);
    SIZE_T bytes = (ELEMENTSOF(text) - (SIZE_T)at) * sizeof(WCHAR);
    if (bytes > String->MaximumLength)
        return STATUS_BUFFER_OVERFLOW;
    memcpy(String->Buffer, text + at, bytes);
    String->Length = (USHORT)bytes;
    if (bytes + sizeof(WCHAR) <= String->MaximumLength)
        String->Buffer[bytes / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

/** As RtlInt64ToUnicodeString. Ref: wdm/nf-wdm-rtlintegertounicodestring. */
NTSTATUS NTAPI
RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String)
{
    return RtlInt64ToUnicodeString(Value, Base, String);
}

static int
digit_of(uint32_t c)
{
    return c >= '0' && c <= '9'   ? (int)(c - '0')
           : c >= 'a' && c <= 'f' ? (int)(c - 'a' + 10)
           : c >= 'A' && c <= 'F' ? (int)(c - 'A' + 10)
                                  : 99;
}

/**
 * Read spaces, sign, 0x 0o 0b when @p base is 0, digits.
 * @return units taken
 */
static SIZE_T
read_number(PCWCH text, SIZE_T units, ULONG base, ULONGLONG *ret_value)
{
    SIZE_T i = 0;
    bool negative = false;
    ULONGLONG value = 0;

    while (i < units && text[i] <= ' ')
        i++;
    if (i < units && (text[i] == '-' || text[i] == '+'))
        negative = text[i++] == '-';
    if (!base) {
        base = 10;
        if (i + 1 < units && text[i] == '0') {
            ULONG prefix = text[i + 1] == 'x'   ? 16
                           : text[i + 1] == 'o' ? 8
                           : text[i + 1] == 'b' ? 2
                                                : 0;
            base = prefix ? prefix : base;
            i += prefix ? 2 : 0;
        }
    }
    for (; i < units && (ULONG)digit_of(text[i]) < base; i++)
        value = value * base + (ULONG)digit_of(text[i]);
    *ret_value = negative ? 0 - value : value;
    return i;
}

/** Stops at the first non-digit. @return STATUS_INVALID_PARAMETER for a bad base. Ref: wdm. */
NTSTATUS NTAPI
RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value)
{
    ULONGLONG value;

    if (!is_base(Base))
        return STATUS_INVALID_PARAMETER;
    read_number(String->Buffer, String->Length / sizeof(WCHAR), Base, &value);
    *Value = (ULONG)value;
    return STATUS_SUCCESS;
}

/** @p EndPointer, may be NULL, receives where it stopped. Ref: wdm/nf-wdm-rtlunicodestringtoint64. */
NTSTATUS NTAPI
RtlUnicodeStringToInt64(PCUNICODE_STRING String, ULONG Base, PLONG64 Number, PWSTR *EndPointer)
{
    ULONGLONG value;

    if (!is_base(Base))
        return STATUS_INVALID_PARAMETER;
    SIZE_T taken = read_number(String->Buffer, String->Length / sizeof(WCHAR), Base, &value);
    *Number = (LONG64)value;
    if (EndPointer)
        *EndPointer = String->Buffer + taken;
    return STATUS_SUCCESS;
}

/** Bytes to a number. Ref: ntddk/nf-ntddk-rtlchartointeger. */
NTSTATUS NTAPI
RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value)
{
    _cleanup_(freep) uint16_t *text = wfp_utf16_from_utf8(String, NULL);
    ULONGLONG value;

    if (!is_base(Base))
        return STATUS_INVALID_PARAMETER;
    if (!text)
        return STATUS_NO_MEMORY;
    read_number(text, wfp_utf16_length(text), Base, &value);
    *Value = (ULONG)value;
    return STATUS_SUCCESS;
}

/* --- GUIDs --- */

/** Allocates "{...}" with a terminator; free with RtlFreeUnicodeString. Ref: wdm. */
NTSTATUS NTAPI
RtlStringFromGUID(REFGUID Guid, PUNICODE_STRING GuidString)
{
    char text[WFP_GUID_TEXT_SIZE];
    struct wfp_guid guid;
    const USHORT units = WFP_GUID_TEXT_SIZE - 1 + 2;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    memcpy(&guid, Guid, sizeof(guid));
    wfp_guid_format(&guid, text);
    WCHAR *buffer = nt_pool_allocate((units + 1u) * sizeof(WCHAR), STRING_TAG, true, NT_CALLER);
    if (!buffer)
        return STATUS_NO_MEMORY;
    buffer[0] = '{';
    for (int i = 0; text[i]; i++) /* upper case, as Windows writes it */
        buffer[i + 1] = (WCHAR)RtlUpperChar(text[i]);
    buffer[units - 1] = '}';
    GuidString->Buffer = buffer;
    GuidString->Length = (USHORT)(units * sizeof(WCHAR));
    GuidString->MaximumLength = (USHORT)((units + 1u) * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

/** @return STATUS_INVALID_PARAMETER unless it is "{...}". Ref: wdm/nf-wdm-rtlguidfromstring. */
NTSTATUS NTAPI
RtlGUIDFromString(PCUNICODE_STRING GuidString, GUID *Guid)
{
    _cleanup_(freep) char *text = nt_wdk_to_utf8(GuidString);
    struct wfp_guid guid;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!text)
        return STATUS_NO_MEMORY;
    if (text[0] != '{' || wfp_guid_parse(text, &guid) < 0)
        return STATUS_INVALID_PARAMETER;
    memcpy(Guid, &guid, sizeof(guid));
    return STATUS_SUCCESS;
}

/** A random GUID. @return STATUS_SUCCESS. IRQL: PASSIVE_LEVEL. Ref: ntddk/nf-ntddk-exuuidcreate. */
NTSTATUS NTAPI
ExUuidCreate(GUID *Uuid)
{
    struct wfp_guid guid;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    wfp_guid_generate(&guid);
    memcpy(Uuid, &guid, sizeof(guid));
    return STATUS_SUCCESS;
}
