/* Receive side scaling hash of a list. Ref: ddi nblhash. */
#ifndef WDK_NDIS_NBLHASH_H
#define WDK_NDIS_NBLHASH_H

#include <ndis/nblaccessors.h>

#define NDIS_HASH_FUNCTION_MASK 0x000000FF
#define NDIS_HASH_TYPE_MASK     0x00FFFF00

#define NET_BUFFER_LIST_GET_HASH_VALUE(_NBL)                                                       \
    (PtrToUlong(NET_BUFFER_LIST_INFO((_NBL), NetBufferListHashValue)))
#define NET_BUFFER_LIST_SET_HASH_VALUE(_NBL, _HashValue)                                           \
    (NET_BUFFER_LIST_INFO((_NBL), NetBufferListHashValue) = UlongToPtr(_HashValue))
#define NET_BUFFER_LIST_GET_HASH_TYPE(_NBL)                                                        \
    (PtrToUlong(NET_BUFFER_LIST_INFO((_NBL), NetBufferListHashInfo)) & NDIS_HASH_TYPE_MASK)
#define NET_BUFFER_LIST_GET_HASH_FUNCTION(_NBL)                                                    \
    (PtrToUlong(NET_BUFFER_LIST_INFO((_NBL), NetBufferListHashInfo)) & NDIS_HASH_FUNCTION_MASK)

#endif
