/*
 * IPv6 socket addresses and what an IPv6 address is (IN6_IS_ADDR_*).
 */
#ifndef _WS2IPDEF_
#define _WS2IPDEF_

#include <ws2def.h>
#include <in6addr.h>

typedef struct sockaddr_in6 {
    ADDRESS_FAMILY sin6_family;
    USHORT sin6_port;
    ULONG sin6_flowinfo;
    IN6_ADDR sin6_addr;
    __extension__ union {
        ULONG sin6_scope_id;
        SCOPE_ID sin6_scope_struct;
    };
} SOCKADDR_IN6_LH, *PSOCKADDR_IN6_LH, SOCKADDR_IN6, *PSOCKADDR_IN6, *LPSOCKADDR_IN6;
typedef union _SOCKADDR_INET {
    SOCKADDR_IN Ipv4;
    SOCKADDR_IN6 Ipv6;
    ADDRESS_FAMILY si_family;
} SOCKADDR_INET, *PSOCKADDR_INET;
typedef struct _sockaddr_in6_pair {
    PSOCKADDR_IN6 SourceAddress;
    PSOCKADDR_IN6 DestinationAddress;
} SOCKADDR_IN6_PAIR, *PSOCKADDR_IN6_PAIR;

#define INET_ADDRSTRLEN  22
#define INET6_ADDRSTRLEN 65
#define IP_OPTIONS       1
#define IP_HDRINCL       2
#define IP_TOS           3
#define IP_TTL           4
#define IP_PKTINFO       19
#define IPV6_PKTINFO     19
#define IPV6_HOPLIMIT    21
#define IPV6_TCLASS      39
#define TCP_NODELAY      0x0001

#define IN6ADDR_ANY_INIT                                                                           \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_LOOPBACK_INIT                                                                      \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1                                     \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_ALLNODESONNODE_INIT                                                                \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0xff, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01                            \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_ALLNODESONLINK_INIT                                                                \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01                            \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_ALLROUTERSONLINK_INIT                                                              \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02                            \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_LINKLOCALPREFIX_INIT                                                               \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0xfe, 0x80                                                                         \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_MULTICASTPREFIX_INIT                                                               \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0xff                                                                               \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_V4MAPPEDPREFIX_INIT                                                                \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0                               \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_6TO4PREFIX_INIT                                                                    \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0x20, 0x02                                                                         \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_TEREDOPREFIX_INIT                                                                  \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0x20, 0x01, 0, 0                                                                   \
            }                                                                                      \
        }                                                                                          \
    }
#define IN6ADDR_LINKLOCALPREFIX_LENGTH 64
#define IN6ADDR_MULTICASTPREFIX_LENGTH 8
#define IN6ADDR_V4MAPPEDPREFIX_LENGTH  96
#define IN6ADDR_6TO4PREFIX_LENGTH      16
#define IN6ADDR_TEREDOPREFIX_LENGTH    32

EXTERN_C_START

/* On Windows these are exported by netio.sys and friends; constants here, so nothing to bind. */
#if WDK_HOST
#define WDK_IN6_CONSTANT(name, init) static const IN6_ADDR name __attribute__((unused)) = init
#else
#define WDK_IN6_CONSTANT(name, init)                                                               \
    EXTERN_C const IN6_ADDR name;                                                                  \
    EXTERN_C const DECLSPEC_SELECTANY IN6_ADDR name = init
#endif
WDK_IN6_CONSTANT(in6addr_any, IN6ADDR_ANY_INIT);
WDK_IN6_CONSTANT(in6addr_loopback, IN6ADDR_LOOPBACK_INIT);
WDK_IN6_CONSTANT(in6addr_allnodesonnode, IN6ADDR_ALLNODESONNODE_INIT);
WDK_IN6_CONSTANT(in6addr_allnodesonlink, IN6ADDR_ALLNODESONLINK_INIT);
WDK_IN6_CONSTANT(in6addr_allroutersonlink, IN6ADDR_ALLROUTERSONLINK_INIT);
WDK_IN6_CONSTANT(in6addr_linklocalprefix, IN6ADDR_LINKLOCALPREFIX_INIT);
WDK_IN6_CONSTANT(in6addr_multicastprefix, IN6ADDR_MULTICASTPREFIX_INIT);
WDK_IN6_CONSTANT(in6addr_v4mappedprefix, IN6ADDR_V4MAPPEDPREFIX_INIT);
WDK_IN6_CONSTANT(in6addr_6to4prefix, IN6ADDR_6TO4PREFIX_INIT);
WDK_IN6_CONSTANT(in6addr_teredoprefix, IN6ADDR_TEREDOPREFIX_INIT);

NT_INLINE BOOLEAN
IN6_ADDR_EQUAL(const IN6_ADDR *x, const IN6_ADDR *y)
{
    return (BOOLEAN)(__builtin_memcmp(x, y, sizeof(*x)) == 0);
}
#define IN6_ARE_ADDR_EQUAL IN6_ADDR_EQUAL
NT_INLINE BOOLEAN
IN6_IS_ADDR_UNSPECIFIED(const IN6_ADDR *a)
{
    static const IN6_ADDR any = IN6ADDR_ANY_INIT;

    return IN6_ADDR_EQUAL(a, &any);
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_LOOPBACK(const IN6_ADDR *a)
{
    static const IN6_ADDR loopback = IN6ADDR_LOOPBACK_INIT;

    return IN6_ADDR_EQUAL(a, &loopback);
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_MULTICAST(const IN6_ADDR *a)
{
    return (BOOLEAN)(a->s6_bytes[0] == 0xff);
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_EUI64(const IN6_ADDR *a)
{
    return (BOOLEAN)(((a->s6_bytes[0] & 0xe0) != 0) && !IN6_IS_ADDR_MULTICAST(a));
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_LINKLOCAL(const IN6_ADDR *a)
{
    return (BOOLEAN)((a->s6_bytes[0] == 0xfe) && ((a->s6_bytes[1] & 0xc0) == 0x80));
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_SITELOCAL(const IN6_ADDR *a)
{
    return (BOOLEAN)((a->s6_bytes[0] == 0xfe) && ((a->s6_bytes[1] & 0xc0) == 0xc0));
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_GLOBAL(const IN6_ADDR *a)
{
    ULONG high = a->s6_bytes[0] & 0xf0;

    return (BOOLEAN)((high != 0) && (high != 0xf0));
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_V4MAPPED(const IN6_ADDR *a)
{
    static const IN6_ADDR prefix = IN6ADDR_V4MAPPEDPREFIX_INIT;

    return (BOOLEAN)(__builtin_memcmp(a, &prefix, 12) == 0);
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_V4COMPAT(const IN6_ADDR *a)
{
    return (BOOLEAN)(a->s6_words[0] == 0 && a->s6_words[1] == 0 && a->s6_words[2] == 0 &&
                     a->s6_words[3] == 0 && a->s6_words[4] == 0 && a->s6_words[5] == 0 &&
                     !(a->s6_words[6] == 0 && a->s6_bytes[14] == 0 &&
                       (a->s6_bytes[15] == 0 || a->s6_bytes[15] == 1)));
}
NT_INLINE BOOLEAN
IN6_IS_ADDR_V4TRANSLATED(const IN6_ADDR *a)
{
    return (BOOLEAN)(a->s6_words[0] == 0 && a->s6_words[1] == 0 && a->s6_words[2] == 0 &&
                     a->s6_words[3] == 0 && a->s6_words[4] == 0xffff && a->s6_words[5] == 0);
}
#define WDK_IN6_MC_SCOPE(name, scope)                                                              \
    NT_INLINE BOOLEAN name(const IN6_ADDR *a)                                                      \
    {                                                                                              \
        return (BOOLEAN)(IN6_IS_ADDR_MULTICAST(a) && ((a->s6_bytes[1] & 0xf) == (scope)));         \
    }
WDK_IN6_MC_SCOPE(IN6_IS_ADDR_MC_NODELOCAL, 1)
WDK_IN6_MC_SCOPE(IN6_IS_ADDR_MC_LINKLOCAL, 2)
WDK_IN6_MC_SCOPE(IN6_IS_ADDR_MC_SITELOCAL, 5)
WDK_IN6_MC_SCOPE(IN6_IS_ADDR_MC_ORGLOCAL, 8)
WDK_IN6_MC_SCOPE(IN6_IS_ADDR_MC_GLOBAL, 0xe)
#undef WDK_IN6_MC_SCOPE
NT_INLINE VOID
IN6_SET_ADDR_UNSPECIFIED(PIN6_ADDR a)
{
    __builtin_memset(a, 0, sizeof(*a));
}
NT_INLINE VOID
IN6_SET_ADDR_LOOPBACK(PIN6_ADDR a)
{
    __builtin_memset(a, 0, sizeof(*a));
    a->s6_bytes[15] = 1;
}
NT_INLINE VOID
IN6ADDR_SETANY(PSOCKADDR_IN6 a)
{
    __builtin_memset(a, 0, sizeof(*a));
    a->sin6_family = AF_INET6;
}
NT_INLINE VOID
IN6ADDR_SETLOOPBACK(PSOCKADDR_IN6 a)
{
    IN6ADDR_SETANY(a);
    a->sin6_addr.s6_bytes[15] = 1;
}
NT_INLINE BOOLEAN
IN6ADDR_ISANY(const SOCKADDR_IN6 *a)
{
    return IN6_IS_ADDR_UNSPECIFIED(&a->sin6_addr);
}
NT_INLINE BOOLEAN
IN6ADDR_ISLOOPBACK(const SOCKADDR_IN6 *a)
{
    return IN6_IS_ADDR_LOOPBACK(&a->sin6_addr);
}
NT_INLINE BOOLEAN
IN6ADDR_ISV4MAPPED(const SOCKADDR_IN6 *a)
{
    return IN6_IS_ADDR_V4MAPPED(&a->sin6_addr);
}

typedef struct _ip_mreq {
    IN_ADDR imr_multiaddr;
    IN_ADDR imr_interface;
} IP_MREQ, *PIP_MREQ;
typedef struct in_pktinfo {
    IN_ADDR ipi_addr;
    ULONG ipi_ifindex;
} IN_PKTINFO, *PIN_PKTINFO;
typedef struct in6_pktinfo {
    IN6_ADDR ipi6_addr;
    ULONG ipi6_ifindex;
} IN6_PKTINFO, *PIN6_PKTINFO;

EXTERN_C_END

#endif
