/*
 * Slots of the per-list information array of a NET_BUFFER_LIST.
 *
 * How many there are depends on the NDIS version (11, 18, 24, 26 or 27: measured array sizes). The
 * names of a slot that is shared by several directions are aliases.
 * Ref: ddi nblinfo NDIS_NET_BUFFER_LIST_INFO. Choice: docs give no numbers; those above 10 follow
 * from the documented order and the measured array sizes.
 */
#ifndef WDK_NDIS_NBLINFO_H
#define WDK_NDIS_NBLINFO_H

#include <ndis/version.h>

typedef enum _NDIS_NET_BUFFER_LIST_INFO {
    TcpIpChecksumNetBufferListInfo,
    TcpOffloadBytesTransferred = TcpIpChecksumNetBufferListInfo,
    IPsecOffloadV1NetBufferListInfo,
    IPsecOffloadV2NetBufferListInfo = IPsecOffloadV1NetBufferListInfo,
    TcpLargeSendNetBufferListInfo,
    TcpReceiveNoPush = TcpLargeSendNetBufferListInfo,
    ClassificationHandleNetBufferListInfo,
    Ieee8021QNetBufferListInfo,
    NetBufferListCancelId,
    MediaSpecificInformation,
    NetBufferListFrameType,
    NetBufferListProtocolId = NetBufferListFrameType,
    NetBufferListHashValue,
    NetBufferListHashInfo,
    WfpNetBufferListInfo,
#if WDK_NDIS_MINOR >= 20
    IPsecOffloadV2TunnelNetBufferListInfo,
    IPsecOffloadV2HeaderNetBufferListInfo,
    NetBufferListCorrelationId,
    NetBufferListFilteringInfo,
    MediaSpecificInformationEx,
    NblOriginalInterfaceIfIndex,
    NblReAuthWfpFlowContext = NblOriginalInterfaceIfIndex,
    TcpReceiveBytesTransferred,
#elif WDK_NDIS_MINOR >= 1
    /* Documented for 6.1, whose array has been measured only together with 6.0's. */
    IPsecOffloadV2TunnelNetBufferListInfo,
    IPsecOffloadV2HeaderNetBufferListInfo,
#endif
#if WDK_NDIS_MINOR >= 30
    NrtNameResolutionId,
    UdpRecvSegCoalesceOffloadInfo = NrtNameResolutionId,
    SwitchForwardingReserved,
    SwitchForwardingDetail,
    VirtualSubnetInfo,
    IMReserved,
    TcpRecvSegCoalesceInfo,
    UdpSegmentationOffloadInfo = TcpRecvSegCoalesceInfo,
#endif
#if WDK_NDIS_MINOR >= 50
    RscTcpTimestampDelta,
    TcpSendOffloadsSupplementalNetBufferListInfo = RscTcpTimestampDelta,
    GftOffloadInformation,
    GftFlowEntryId = GftOffloadInformation,
#endif
#if WDK_NDIS_MINOR >= 83
    NetBufferListInfoReserved3,
    NetBufferListInfoReserved4 = NetBufferListInfoReserved3,
#endif
    MaxNetBufferListInfo
} NDIS_NET_BUFFER_LIST_INFO,
    *PNDIS_NET_BUFFER_LIST_INFO;

#endif
