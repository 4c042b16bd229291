/*
 * RtlIpv4* and RtlIpv6*: addresses to text and back.
 */
#include "nt/ntos/nt_wdk.h"

#include <mstcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ntos/nt_address.h"

#define TEXT_MAX 128 /* no address is longer; what follows it may be anything */

/* The start of @p wide as ASCII; what is not ASCII ends it. */
static void
narrow(PCWSTR wide, char text[TEXT_MAX])
{
    size_t i = 0;
    for (; i < TEXT_MAX - 1 && wide[i] && wide[i] < 0x80; i++)
        text[i] = (char)wide[i];
    text[i] = 0;
}

static PWSTR
widen(const char *text, PWSTR out)
{
    while (*text)
        *out++ = (WCHAR)(uint8_t)*text++;
    *out = 0;
    return out;
}

/**
 * Parse an IPv4 address.
 *
 * @param Strict      four decimal parts only
 * @param Terminator  receives where parsing ended, also on failure
 * @param Addr        network order
 * @return STATUS_SUCCESS or STATUS_INVALID_PARAMETER
 * Ref: ddi ip2string/nf-ip2string-rtlipv4stringtoaddressw
 */
NTSTATUS NTAPI
RtlIpv4StringToAddressA(PCSTR S, BOOLEAN Strict, PCSTR *Terminator, IN_ADDR *Addr)
{
    size_t length = 0;
    bool ok = nt_address_parse_v4(S, Strict, (uint8_t *)Addr, &length);

    *Terminator = S + length;
    return ok ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/** Ref: ddi ip2string/nf-ip2string-rtlipv4stringtoaddressw */
NTSTATUS NTAPI
RtlIpv4StringToAddressW(PCWSTR S, BOOLEAN Strict, LPCWSTR *Terminator, IN_ADDR *Addr)
{
    char text[TEXT_MAX];
    size_t length = 0;

    narrow(S, text);
    bool ok = nt_address_parse_v4(text, Strict, (uint8_t *)Addr, &length);
    *Terminator = S + length;
    return ok ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/** Ref: ddi ip2string/nf-ip2string-rtlipv6stringtoaddressw */
NTSTATUS NTAPI
RtlIpv6StringToAddressA(PCSTR S, PCSTR *Terminator, IN6_ADDR *Addr)
{
    size_t length = 0;
    bool ok = nt_address_parse_v6(S, (uint8_t *)Addr, &length);

    *Terminator = S + length;
    return ok ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/** Ref: ddi ip2string/nf-ip2string-rtlipv6stringtoaddressw */
NTSTATUS NTAPI
RtlIpv6StringToAddressW(PCWSTR S, PCWSTR *Terminator, IN6_ADDR *Addr)
{
    char text[TEXT_MAX];
    size_t length = 0;

    narrow(S, text);
    bool ok = nt_address_parse_v6(text, (uint8_t *)Addr, &length);
    *Terminator = S + length;
    return ok ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/** @param S  room for 16 characters. @return its end. Ref: ddi ip2string/nf-ip2string-rtlipv4addresstostringw */
PSTR NTAPI
RtlIpv4AddressToStringA(const IN_ADDR *Addr, PSTR S)
{
    char text[NT_ADDRESS_TEXT];
    nt_address_format_v4((const uint8_t *)Addr, text);
    return stpcpy(S, text);
}

/** Ref: ddi ip2string/nf-ip2string-rtlipv4addresstostringw */
PWSTR NTAPI
RtlIpv4AddressToStringW(const IN_ADDR *Addr, PWSTR S)
{
    char text[NT_ADDRESS_TEXT];
    nt_address_format_v4((const uint8_t *)Addr, text);
    return widen(text, S);
}

/** @param S  room for 46 characters. @return its end. Ref: ddi ip2string/nf-ip2string-rtlipv6addresstostringw */
PSTR NTAPI
RtlIpv6AddressToStringA(const IN6_ADDR *Addr, PSTR S)
{
    char text[NT_ADDRESS_TEXT];
    nt_address_format_v6((const uint8_t *)Addr, text);
    return stpcpy(S, text);
}

/** Ref: ddi ip2string/nf-ip2string-rtlipv6addresstostringw */
PWSTR NTAPI
RtlIpv6AddressToStringW(const IN6_ADDR *Addr, PWSTR S)
{
    char text[NT_ADDRESS_TEXT];
    nt_address_format_v6((const uint8_t *)Addr, text);
    return widen(text, S);
}

/* "1.2.3.4:80": text and length with the NUL; the length needed where it does not fit. */
static NTSTATUS
put_wide(const char *text, PWSTR out, PULONG length)
{
    ULONG needed = (ULONG)strlen(text) + 1;

    if (!out || *length < needed) {
        *length = needed;
        return STATUS_INVALID_PARAMETER;
    }
    widen(text, out);
    *length = needed;
    return STATUS_SUCCESS;
}

/** @param Port  network order, 0: none. Ref: ddi ip2string/nf-ip2string-rtlipv4addresstostringexw */
NTSTATUS NTAPI
RtlIpv4AddressToStringExW(const IN_ADDR *Address, USHORT Port, PWSTR AddressString,
                          PULONG AddressStringLength)
{
    char text[NT_ADDRESS_TEXT], whole[NT_ADDRESS_TEXT + 8];

    nt_address_format_v4((const uint8_t *)Address, text);
    if (Port)
        snprintf(whole, sizeof(whole), "%s:%u", text, __builtin_bswap16(Port));
    else
        snprintf(whole, sizeof(whole), "%s", text);
    return put_wide(whole, AddressString, AddressStringLength);
}

/** @param Port  network order. Ref: ddi ip2string/nf-ip2string-rtlipv6addresstostringexw */
NTSTATUS NTAPI
RtlIpv6AddressToStringExW(const IN6_ADDR *Address, ULONG ScopeId, USHORT Port, PWSTR AddressString,
                          PULONG AddressStringLength)
{
    char text[NT_ADDRESS_TEXT], zone[16] = "", port[8] = "", whole[NT_ADDRESS_TEXT + 32];

    nt_address_format_v6((const uint8_t *)Address, text);
    if (ScopeId)
        snprintf(zone, sizeof(zone), "%%%u", ScopeId);
    if (Port)
        snprintf(port, sizeof(port), "]:%u", __builtin_bswap16(Port));
    snprintf(whole, sizeof(whole), "%s%s%s%s", Port ? "[" : "", text, zone, port);
    return put_wide(whole, AddressString, AddressStringLength);
}
