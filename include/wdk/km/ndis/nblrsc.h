/* Receive segment coalescing. Ref: ddi nblrsc. */
#ifndef WDK_NDIS_NBLRSC_H
#define WDK_NDIS_NBLRSC_H

#include <ntdef.h>
#include <ndis/nblaccessors.h>

typedef union _NDIS_RSC_NBL_INFO {
    struct {
        USHORT CoalescedSegCount;
        USHORT DupAckCount;
    } Info;
    PVOID Value;
} NDIS_RSC_NBL_INFO, *PNDIS_RSC_NBL_INFO;

#if WDK_NDIS_MINOR >= 30
#define NET_BUFFER_LIST_COALESCED_SEG_COUNT(_NBL)                                                  \
    (((NDIS_RSC_NBL_INFO *)&((_NBL)->NetBufferListInfo[TcpRecvSegCoalesceInfo]))                   \
         ->Info.CoalescedSegCount)
#define NET_BUFFER_LIST_DUP_ACK_COUNT(_NBL)                                                        \
    (((NDIS_RSC_NBL_INFO *)&((_NBL)->NetBufferListInfo[TcpRecvSegCoalesceInfo]))->Info.DupAckCount)
#endif

#endif
