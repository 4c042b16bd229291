/*
 * Internet addresses, parsed and printed.
 */
#include "nt/ntos/nt_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One part of an address. @return characters used, 0 for none or one too large for 32 bits */
static size_t
parse_part(const char *text, bool strict, uint32_t *ret_value)
{
    int base = 10;
    size_t used = 0;
    uint64_t value = 0;

    if (!strict && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
        used = 2;
    } else if (!strict && text[0] == '0' && text[1] >= '0' && text[1] <= '7') {
        base = 8;
    }
    size_t digits = 0;
    for (;; text++, digits++) {
        int c = *text >= '0' && *text <= '9' ? *text - '0'
                : base == 16 && (*text | 0x20) >= 'a' && (*text | 0x20) <= 'f'
                    ? (*text | 0x20) - 'a' + 10
                    : base;
        if (c >= base)
            break;
        value = value * (unsigned)base + (unsigned)c;
        if (value > UINT32_MAX)
            return 0;
    }
    *ret_value = (uint32_t)value;
    return digits ? used + digits : 0;
}

bool
nt_address_parse_v4(const char *text, bool strict, uint8_t addr_be[4], size_t *ret_length)
{
    uint32_t parts[4];
    size_t used = 0;
    int count = 0;

    for (;;) {
        size_t n = parse_part(text + used, strict, &parts[count]);
        if (n == 0)
            return false;
        used += n;
        count++;
        if (count == 4 || text[used] != '.')
            break;
        used++;
    }
    if (strict && count != 4)
        return false;
    /* the last part fills the bytes that are left */
    uint32_t last_most = count == 1 ? UINT32_MAX : 0xFFFFFFFFu >> (8 * (count - 1));
    uint32_t value = 0;
    for (int i = 0; i < count - 1; i++) {
        if (parts[i] > 255)
            return false;
        value |= parts[i] << (24 - 8 * i);
    }
    if (parts[count - 1] > last_most)
        return false;
    value |= parts[count - 1];
    for (int i = 0; i < 4; i++)
        addr_be[i] = (uint8_t)(value >> (24 - 8 * i));
    *ret_length = used;
    return true;
}

bool
nt_address_parse_v6(const char *text, uint8_t addr[16], size_t *ret_length)
{
    char copy[NT_ADDRESS_TEXT];
    size_t length = strspn(text, "0123456789abcdefABCDEF:.");

    if (length >= sizeof(copy))
        length = sizeof(copy) - 1;
    memcpy(copy, text, length);
    for (; length > 1; length--) {
        copy[length] = 0;
        if (inet_pton(AF_INET6, copy, addr) == 1) {
            *ret_length = length;
            return true;
        }
    }
    return false;
}

void
nt_address_format_v4(const uint8_t addr_be[4], char text[NT_ADDRESS_TEXT])
{
    inet_ntop(AF_INET, addr_be, text, NT_ADDRESS_TEXT);
}

void
nt_address_format_v6(const uint8_t addr[16], char text[NT_ADDRESS_TEXT])
{
    inet_ntop(AF_INET6, addr, text, NT_ADDRESS_TEXT);
}
