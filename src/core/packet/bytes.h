/*
 * Network-order integers in unaligned bytes. The caller has checked the bounds.
 */
#ifndef WFP_CORE_PACKET_BYTES_H
#define WFP_CORE_PACKET_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t
wfp_bytes_get16(const uint8_t *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof(value));
    return __builtin_bswap16(value);
}

static inline uint32_t
wfp_bytes_get32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return __builtin_bswap32(value);
}

static inline void
wfp_bytes_put16(uint8_t *bytes, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(bytes, &value, sizeof(value));
}

static inline void
wfp_bytes_put32(uint8_t *bytes, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(bytes, &value, sizeof(value));
}

#endif
