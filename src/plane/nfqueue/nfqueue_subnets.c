/*
 * The networks that this network namespace is attached to, as its interfaces' addresses and masks tell.
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "core/shims/stack.h"
#include "plane/nfqueue/nfqueue.h"

static uint8_t
count_ones(const uint8_t *mask, size_t size)
{
    unsigned ones = 0;

    for (size_t i = 0; i < size; i++)
        ones += (unsigned)__builtin_popcount(mask[i]);
    return (uint8_t)ones;
}

/** @return false for what is no IP address with a mask */
static bool
take(const struct ifaddrs *from, struct wfp_local_prefix *prefix)
{
    if (!from->ifa_addr || !from->ifa_netmask || from->ifa_flags & IFF_LOOPBACK)
        return false;
    memset(prefix, 0, sizeof(*prefix));
    if (from->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *address = (const void *)from->ifa_addr;
        const struct sockaddr_in *mask = (const void *)from->ifa_netmask;

        prefix->version = 4;
        memcpy(prefix->addr, &address->sin_addr, 4);
        prefix->prefix_length = count_ones((const uint8_t *)&mask->sin_addr, 4);
        return true;
    }
    if (from->ifa_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *address = (const void *)from->ifa_addr;
        const struct sockaddr_in6 *mask = (const void *)from->ifa_netmask;

        prefix->version = 6;
        memcpy(prefix->addr, &address->sin6_addr, 16);
        prefix->prefix_length = count_ones((const uint8_t *)&mask->sin6_addr, 16);
        return true;
    }
    return false;
}

uint32_t
wfp_nfqueue_subnets(struct wfp_local_prefix *prefixes, uint32_t room)
{
    struct ifaddrs *all;
    uint32_t count = 0;

    if (getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *one = all; one && count < room; one = one->ifa_next)
        count += take(one, &prefixes[count]);
    freeifaddrs(all);
    return count;
}
