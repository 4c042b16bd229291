/*
 * What the interfaces of this network namespace tell: the networks they are attached to, their MTUs.
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/shims/stack.h"
#include "plane/nfqueue/nfqueue_private.h"

#define SECOND_100NS 10000000u

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

static uint32_t
ask_mtu(uint32_t interface_index)
{
    struct ifreq request = {0};
    uint32_t mtu = 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return 0;
    if (if_indextoname(interface_index, request.ifr_name) && ioctl(fd, SIOCGIFMTU, &request) == 0)
        mtu = (uint32_t)request.ifr_mtu;
    close(fd);
    return mtu;
}

uint32_t
nfqueue_interface_mtu(struct nfqueue *queue, uint32_t interface_index, uint64_t now_100ns)
{
    struct nfqueue_mtu *known = &queue->mtus[interface_index % NFQUEUE_MTUS];

    if (interface_index == 0)
        return 0;
    if (known->interface_index != interface_index ||
        now_100ns - known->asked_100ns >= SECOND_100NS) {
        known->interface_index = interface_index;
        known->asked_100ns = now_100ns;
        known->mtu = ask_mtu(interface_index);
    }
    return known->mtu;
}
