/* IP helper types that drivers see in metadata. Ref: win32 netioapi. */
#ifndef WDK_NETIOAPI_H
#define WDK_NETIOAPI_H

#include <ws2def.h>
#include <ws2ipdef.h>
#include <ifdef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _IP_ADDRESS_PREFIX {
    SOCKADDR_INET Prefix;
    UINT8 PrefixLength;
} IP_ADDRESS_PREFIX, *PIP_ADDRESS_PREFIX;

#ifdef __cplusplus
}
#endif

#endif
