/*
 * Addresses as a stack sees them: this machine's, its networks', anyone's.
 */
#include <stdlib.h>

#include "core/packet/bytes.h"
#include "core/shims/stack_private.h"

struct wfp_stack_prefix *
wfp_stack_address_copy(const struct wfp_local_prefix *prefixes, uint32_t count)
{
    struct wfp_stack_prefix *copies = calloc(count ? count : 1, sizeof(*copies));

    for (uint32_t i = 0; copies && i < count; i++) {
        struct wfp_stack_prefix *copy = &copies[i];
        uint8_t mask[16] = {0};

        for (uint32_t bit = 0; bit < prefixes[i].prefix_length; bit++)
            mask[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
        memcpy(copy->mask, mask, 16);
        memcpy(copy->address, prefixes[i].addr, 16);
        copy->address[0] &= copy->mask[0];
        copy->address[1] &= copy->mask[1];
        copy->version = prefixes[i].version;
    }
    return copies;
}

bool
wfp_stack_address_is_valid(const struct wfp_local_prefix *prefixes, uint32_t count)
{
    if (count && !prefixes)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if ((prefixes[i].version != 4 && prefixes[i].version != 6) ||
            prefixes[i].prefix_length > (prefixes[i].version == 4 ? 32 : 128))
            return false;
    return true;
}

static bool
is_among(const struct wfp_stack_prefix *prefixes, uint32_t count, uint8_t version,
         const uint64_t words[2])
{
    for (uint32_t i = 0; i < count; i++) {
        const struct wfp_stack_prefix *prefix = &prefixes[i];

        if (prefix->version == version &&
            ((words[0] ^ prefix->address[0]) & prefix->mask[0]) == 0 &&
            ((words[1] ^ prefix->address[1]) & prefix->mask[1]) == 0)
            return true;
    }
    return false;
}

bool
wfp_stack_is_local(const struct wfp_stack *stack, uint8_t version, const uint8_t *address)
{
    uint64_t words[2];

    wfp_stack_address_load(version, address, words);
    if (version == 4 ? address[0] == 127
                     : words[0] == 0 && wfp_bytes_get32(address + 8) == 0 &&
                           wfp_bytes_get32(address + 12) == 1)
        return true;
    return is_among(stack->local, stack->config.local_count, version, words);
}

bool
wfp_stack_is_near(const struct wfp_stack *stack, uint8_t version, const uint8_t *address)
{
    uint64_t words[2];

    if (version == 4 ? address[0] == 169 && address[1] == 254
                     : address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
        return true;
    wfp_stack_address_load(version, address, words);
    return stack->config.subnet_count == 0 ||
           is_among(stack->subnets, stack->config.subnet_count, version, words);
}
