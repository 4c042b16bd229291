/*
 * A stack, for the files that are it: stack.c (a frame's way), stack_new.c (its parts) and
 * stack_address.c (who is where).
 */
#ifndef WFP_CORE_SHIMS_STACK_PRIVATE_H
#define WFP_CORE_SHIMS_STACK_PRIVATE_H

#include <string.h>

#include "core/shims/shim.h"

/** A local prefix as it is compared: address & mask, as 64-bit words of network-order bytes. */
struct wfp_stack_prefix {
    uint64_t address[2], mask[2];
    uint8_t version;
};

struct wfp_stack {
    struct wfp_shim shim;
    struct wfp_shim aside; /* for events that happen while a packet is on its way */
    struct wfp_stack_config config;
    struct wfp_stack_prefix *local, *subnets; /* config has their numbers */
    struct wfp_fragment_table *fragments;
};

bool wfp_stack_address_is_valid(const struct wfp_local_prefix *prefixes, uint32_t count);
/** @return malloc'ed, NULL without memory */
struct wfp_stack_prefix *wfp_stack_address_copy(const struct wfp_local_prefix *prefixes,
                                                uint32_t count);

/** An address as two words; IPv4 in the first half of the first. */
static inline void
wfp_stack_address_load(uint8_t version, const uint8_t *address, uint64_t ret_words[2])
{
    uint32_t v4;

    if (version == 4) {
        memcpy(&v4, address, 4);
        ret_words[0] = v4;
        ret_words[1] = 0;
    } else {
        memcpy(ret_words, address, 16);
    }
}

static inline enum wfp_address_type
wfp_stack_address_type(uint8_t version, const uint8_t *address, bool link_broadcast)
{
    uint64_t words[2];

    wfp_stack_address_load(version, address, words);
    if (version == 4 ? (address[0] & 0xf0) == 0xe0 : address[0] == 0xff)
        return WFP_ADDRESS_MULTICAST;
    if (version == 4 && (link_broadcast || words[0] == UINT32_MAX))
        return WFP_ADDRESS_BROADCAST;
    return words[0] | words[1] ? WFP_ADDRESS_UNICAST : WFP_ADDRESS_UNSPECIFIED;
}

#endif
