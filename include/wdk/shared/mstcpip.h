/*
 * Address helpers: what an IPv4 address is, any socket address as one, text and back.
 */
#ifndef _MSTCPIP_
#define _MSTCPIP_

#include <ws2def.h>
#include <ws2ipdef.h>

union _DL_EUI48;

EXTERN_C_START

/* Addresses are in network byte order; these look at the bytes. */
#define WDK_IN4_B1(a) (((const UCHAR *)(a))[0])
#define WDK_IN4_B2(a) (((const UCHAR *)(a))[1])
#define WDK_IN4_B3(a) (((const UCHAR *)(a))[2])

NT_INLINE BOOLEAN
IN4_ADDR_EQUAL(const IN_ADDR *a, const IN_ADDR *b)
{
    return (BOOLEAN)(a->s_addr == b->s_addr);
}
NT_INLINE BOOLEAN
IN4_UNALIGNED_ADDR_EQUAL(const IN_ADDR *a, const IN_ADDR *b)
{
    return (BOOLEAN)(__builtin_memcmp(a, b, sizeof(IN_ADDR)) == 0);
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_UNSPECIFIED(const IN_ADDR *a)
{
    return (BOOLEAN)(a->s_addr == 0);
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_LOOPBACK(const IN_ADDR *a)
{
    return (BOOLEAN)(WDK_IN4_B1(a) == 127);
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_BROADCAST(const IN_ADDR *a)
{
    return (BOOLEAN)(a->s_addr == 0xffffffff);
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_MULTICAST(const IN_ADDR *a)
{
    return (BOOLEAN)((WDK_IN4_B1(a) & 0xf0) == 0xe0);
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_LINKLOCAL(const IN_ADDR *a)
{
    return (BOOLEAN)(WDK_IN4_B1(a) == 169 && WDK_IN4_B2(a) == 254);
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_SITELOCAL(const IN_ADDR *a)
{
    (void)a;
    return FALSE;
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_RFC1918(const IN_ADDR *a)
{
    return (BOOLEAN)(WDK_IN4_B1(a) == 10 ||
                     (WDK_IN4_B1(a) == 172 && (WDK_IN4_B2(a) & 0xf0) == 16) ||
                     (WDK_IN4_B1(a) == 192 && WDK_IN4_B2(a) == 168));
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_MC_LINKLOCAL(const IN_ADDR *a)
{
    return (BOOLEAN)(WDK_IN4_B1(a) == 224 && WDK_IN4_B2(a) == 0 && WDK_IN4_B3(a) == 0);
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_MC_ADMINLOCAL(const IN_ADDR *a)
{
    return (BOOLEAN)(WDK_IN4_B1(a) == 239 && WDK_IN4_B2(a) == 255);
}
NT_INLINE BOOLEAN
IN4_IS_ADDR_MC_SITELOCAL(const IN_ADDR *a)
{
    return (BOOLEAN)(WDK_IN4_B1(a) == 239 && (WDK_IN4_B2(a) & 0xfc) == 192);
}
NT_INLINE BOOLEAN
IN4ADDR_ISANY(const SOCKADDR_IN *a)
{
    return IN4_IS_ADDR_UNSPECIFIED(&a->sin_addr);
}
NT_INLINE BOOLEAN
IN4ADDR_ISLOOPBACK(const SOCKADDR_IN *a)
{
    return IN4_IS_ADDR_LOOPBACK(&a->sin_addr);
}
NT_INLINE VOID
IN4ADDR_SETANY(PSOCKADDR_IN a)
{
    __builtin_memset(a, 0, sizeof(*a));
    a->sin_family = AF_INET;
}
NT_INLINE VOID
IN4ADDR_SETLOOPBACK(PSOCKADDR_IN a)
{
    IN4ADDR_SETANY(a);
    a->sin_addr.S_un.S_un_b.s_b1 = 127;
    a->sin_addr.S_un.S_un_b.s_b4 = 1;
}
NT_INLINE VOID
IN6_SET_ADDR_V4MAPPED(PIN6_ADDR a6, const IN_ADDR *a4)
{
    *a6 = in6addr_v4mappedprefix;
    __builtin_memcpy(&a6->s6_bytes[12], a4, 4);
}
NT_INLINE const IN_ADDR *
IN6_GET_ADDR_V4MAPPED(const IN6_ADDR *a)
{
    return (const IN_ADDR *)&a->s6_words[6];
}
NT_INLINE const IN_ADDR *
IN6_GET_ADDR_V4COMPAT(const IN6_ADDR *a)
{
    return (const IN_ADDR *)&a->s6_words[6];
}
NT_INLINE VOID
IN6ADDR_SETV4MAPPED(PSOCKADDR_IN6 a6, const IN_ADDR *a4, SCOPE_ID scope, USHORT port)
{
    a6->sin6_family = AF_INET6;
    a6->sin6_port = port;
    a6->sin6_flowinfo = 0;
    IN6_SET_ADDR_V4MAPPED(&a6->sin6_addr, a4);
    a6->sin6_scope_struct = scope;
}

NT_INLINE BOOLEAN
INET_ADDR_EQUAL(ADDRESS_FAMILY af, const VOID *a, const VOID *b)
{
    return (BOOLEAN)(__builtin_memcmp(a, b, af == AF_INET6 ? sizeof(IN6_ADDR) : sizeof(IN_ADDR)) ==
                     0);
}
#define INET_UNALIGNED_ADDR_EQUAL INET_ADDR_EQUAL
NT_INLINE BOOLEAN
INET_IS_ADDR_LOOPBACK(ADDRESS_FAMILY af, const VOID *a)
{
    return af == AF_INET6 ? IN6_IS_ADDR_LOOPBACK((const IN6_ADDR *)a)
                          : IN4_IS_ADDR_LOOPBACK((const IN_ADDR *)a);
}
NT_INLINE BOOLEAN
INET_IS_ADDR_UNSPECIFIED(ADDRESS_FAMILY af, const VOID *a)
{
    return af == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED((const IN6_ADDR *)a)
                          : IN4_IS_ADDR_UNSPECIFIED((const IN_ADDR *)a);
}
NT_INLINE BOOLEAN
INET_IS_ADDR_MULTICAST(ADDRESS_FAMILY af, const VOID *a)
{
    return af == AF_INET6 ? IN6_IS_ADDR_MULTICAST((const IN6_ADDR *)a)
                          : IN4_IS_ADDR_MULTICAST((const IN_ADDR *)a);
}
NT_INLINE BOOLEAN
INET_IS_ADDR_BROADCAST(ADDRESS_FAMILY af, const VOID *a)
{
    return af == AF_INET6 ? FALSE : IN4_IS_ADDR_BROADCAST((const IN_ADDR *)a);
}
NT_INLINE UCHAR *
INETADDR_ADDRESS(const SOCKADDR *a)
{
    if (a->sa_family == AF_INET6)
        return (UCHAR *)&((PSOCKADDR_IN6)a)->sin6_addr;
    return (UCHAR *)&((PSOCKADDR_IN)a)->sin_addr;
}
NT_INLINE USHORT
INETADDR_PORT(const SOCKADDR *a)
{
    return a->sa_family == AF_INET6 ? ((PSOCKADDR_IN6)a)->sin6_port : ((PSOCKADDR_IN)a)->sin_port;
}
NT_INLINE VOID
INETADDR_SET_PORT(PSOCKADDR a, USHORT Port)
{
    if (a->sa_family == AF_INET6)
        ((PSOCKADDR_IN6)a)->sin6_port = Port;
    else
        ((PSOCKADDR_IN)a)->sin_port = Port;
}
NT_INLINE VOID
INETADDR_SET_ADDRESS(PSOCKADDR a, const UCHAR *Address)
{
    __builtin_memcpy(INETADDR_ADDRESS(a), Address,
                     a->sa_family == AF_INET6 ? sizeof(IN6_ADDR) : sizeof(IN_ADDR));
}
NT_INLINE VOID
INETADDR_SETSOCKADDR(ADDRESS_FAMILY af, PSOCKADDR a, const VOID *addr, SCOPE_ID scope, USHORT port)
{
    __builtin_memset(a, 0, af == AF_INET6 ? sizeof(SOCKADDR_IN6) : sizeof(SOCKADDR_IN));
    a->sa_family = af;
    INETADDR_SET_ADDRESS(a, (const UCHAR *)addr);
    INETADDR_SET_PORT(a, port);
    if (af == AF_INET6)
        ((PSOCKADDR_IN6)a)->sin6_scope_struct = scope;
}
NT_INLINE VOID
INETADDR_SETANY(PSOCKADDR a)
{
    if (a->sa_family == AF_INET6)
        IN6ADDR_SETANY((PSOCKADDR_IN6)a);
    else
        IN4ADDR_SETANY((PSOCKADDR_IN)a);
}
NT_INLINE VOID
INETADDR_SETLOOPBACK(PSOCKADDR a)
{
    if (a->sa_family == AF_INET6)
        IN6ADDR_SETLOOPBACK((PSOCKADDR_IN6)a);
    else
        IN4ADDR_SETLOOPBACK((PSOCKADDR_IN)a);
}
NT_INLINE BOOLEAN
INETADDR_ISANY(const SOCKADDR *a)
{
    return INET_IS_ADDR_UNSPECIFIED(a->sa_family, INETADDR_ADDRESS(a));
}
NT_INLINE BOOLEAN
INETADDR_ISLOOPBACK(const SOCKADDR *a)
{
    return INET_IS_ADDR_LOOPBACK(a->sa_family, INETADDR_ADDRESS(a));
}
NT_INLINE SCOPE_ID
INETADDR_SCOPE_ID(const SOCKADDR *a)
{
    SCOPE_ID none = SCOPEID_UNSPECIFIED_INIT;

    return a->sa_family == AF_INET6 ? ((PSOCKADDR_IN6)a)->sin6_scope_struct : none;
}

/* Text; ports are in network byte order. */
PSTR NTAPI RtlIpv4AddressToStringA(const IN_ADDR *Addr, PSTR S);
PWSTR NTAPI RtlIpv4AddressToStringW(const IN_ADDR *Addr, PWSTR S);
NTSTATUS NTAPI RtlIpv4AddressToStringExA(const IN_ADDR *Address, USHORT Port, PSTR AddressString,
                                         PULONG AddressStringLength);
NTSTATUS NTAPI RtlIpv4AddressToStringExW(const IN_ADDR *Address, USHORT Port, PWSTR AddressString,
                                         PULONG AddressStringLength);
NTSTATUS NTAPI RtlIpv4StringToAddressA(PCSTR S, BOOLEAN Strict, PCSTR *Terminator, IN_ADDR *Addr);
NTSTATUS NTAPI RtlIpv4StringToAddressW(PCWSTR S, BOOLEAN Strict, LPCWSTR *Terminator,
                                       IN_ADDR *Addr);
NTSTATUS NTAPI RtlIpv4StringToAddressExA(PCSTR AddressString, BOOLEAN Strict, IN_ADDR *Address,
                                         PUSHORT Port);
NTSTATUS NTAPI RtlIpv4StringToAddressExW(PCWSTR AddressString, BOOLEAN Strict, IN_ADDR *Address,
                                         PUSHORT Port);
PSTR NTAPI RtlIpv6AddressToStringA(const IN6_ADDR *Addr, PSTR S);
PWSTR NTAPI RtlIpv6AddressToStringW(const IN6_ADDR *Addr, PWSTR S);
NTSTATUS NTAPI RtlIpv6AddressToStringExA(const IN6_ADDR *Address, ULONG ScopeId, USHORT Port,
                                         PSTR AddressString, PULONG AddressStringLength);
NTSTATUS NTAPI RtlIpv6AddressToStringExW(const IN6_ADDR *Address, ULONG ScopeId, USHORT Port,
                                         PWSTR AddressString, PULONG AddressStringLength);
NTSTATUS NTAPI RtlIpv6StringToAddressA(PCSTR S, PCSTR *Terminator, IN6_ADDR *Addr);
NTSTATUS NTAPI RtlIpv6StringToAddressW(PCWSTR S, PCWSTR *Terminator, IN6_ADDR *Addr);
NTSTATUS NTAPI RtlIpv6StringToAddressExA(PCSTR AddressString, IN6_ADDR *Address, PULONG ScopeId,
                                         PUSHORT Port);
NTSTATUS NTAPI RtlIpv6StringToAddressExW(PCWSTR AddressString, IN6_ADDR *Address, PULONG ScopeId,
                                         PUSHORT Port);
PSTR NTAPI RtlEthernetAddressToStringA(const union _DL_EUI48 *Addr, PSTR S);
PWSTR NTAPI RtlEthernetAddressToStringW(const union _DL_EUI48 *Addr, PWSTR S);
#if defined(UNICODE) || defined(_UNICODE)
#define RtlIpv4AddressToString   RtlIpv4AddressToStringW
#define RtlIpv4StringToAddress   RtlIpv4StringToAddressW
#define RtlIpv6AddressToString   RtlIpv6AddressToStringW
#define RtlIpv6StringToAddress   RtlIpv6StringToAddressW
#define RtlIpv4AddressToStringEx RtlIpv4AddressToStringExW
#define RtlIpv4StringToAddressEx RtlIpv4StringToAddressExW
#define RtlIpv6AddressToStringEx RtlIpv6AddressToStringExW
#define RtlIpv6StringToAddressEx RtlIpv6StringToAddressExW
#else
#define RtlIpv4AddressToString   RtlIpv4AddressToStringA
#define RtlIpv4StringToAddress   RtlIpv4StringToAddressA
#define RtlIpv6AddressToString   RtlIpv6AddressToStringA
#define RtlIpv6StringToAddress   RtlIpv6StringToAddressA
#define RtlIpv4AddressToStringEx RtlIpv4AddressToStringExA
#define RtlIpv4StringToAddressEx RtlIpv4StringToAddressExA
#define RtlIpv6AddressToStringEx RtlIpv6AddressToStringExA
#define RtlIpv6StringToAddressEx RtlIpv6StringToAddressExA
#endif

EXTERN_C_END

#endif
