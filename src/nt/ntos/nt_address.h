/*
 * Internet addresses as text; the Windows faces are in rtl_net.c, which may not see socket headers.
 */
#ifndef WFP_NT_ADDRESS_H
#define WFP_NT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NT_ADDRESS_TEXT 46

/**
 * Parse the longest IPv4 address at the start of @p text.
 *
 * @param strict  four decimal parts; else one to four parts, also 0x hexadecimal and 0 octal
 * @param ret_length  characters used
 * @return false where there is none. @p addr_be is written only on success
 */
bool nt_address_parse_v4(const char *text, bool strict, uint8_t addr_be[4], size_t *ret_length);
/** The longest IPv6 address at the start of @p text, without zone and brackets. */
bool nt_address_parse_v6(const char *text, uint8_t addr[16], size_t *ret_length);
void nt_address_format_v4(const uint8_t addr_be[4], char text[NT_ADDRESS_TEXT]);
void nt_address_format_v6(const uint8_t addr[16], char text[NT_ADDRESS_TEXT]);

#endif
