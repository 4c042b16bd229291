/* Accessors of net buffers and their lists. Ref: ddi nblaccessors. */
#ifndef WDK_NDIS_NBLACCESSORS_H
#define WDK_NDIS_NBLACCESSORS_H

#include <ndis/nbl.h>

#define NET_BUFFER_NEXT_NB(_NB)            ((_NB)->Next)
#define NET_BUFFER_FIRST_MDL(_NB)          ((_NB)->MdlChain)
#define NET_BUFFER_DATA_LENGTH(_NB)        ((_NB)->DataLength)
#define NET_BUFFER_DATA_OFFSET(_NB)        ((_NB)->DataOffset)
#define NET_BUFFER_CURRENT_MDL(_NB)        ((_NB)->CurrentMdl)
#define NET_BUFFER_CURRENT_MDL_OFFSET(_NB) ((_NB)->CurrentMdlOffset)
#define NET_BUFFER_LIST_NEXT_NBL(_NBL)     ((_NBL)->Next)
#define NET_BUFFER_LIST_FIRST_NB(_NBL)     ((_NBL)->FirstNetBuffer)

#define NET_BUFFER_PROTOCOL_RESERVED(_NB)         ((_NB)->ProtocolReserved)
#define NET_BUFFER_MINIPORT_RESERVED(_NB)         ((_NB)->MiniportReserved)
#define NET_BUFFER_CHECKSUM_BIAS(_NB)             ((_NB)->ChecksumBias)
#define NET_BUFFER_DATA_PHYSICAL_ADDRESS(_NB)     ((_NB)->DataPhysicalAddress)
#define NET_BUFFER_FIRST_SHARED_MEM_INFO(_NB)     ((_NB)->SharedMemoryInfo)
#define NET_BUFFER_SHARED_MEM_NEXT_SEGMENT(_INFO) ((_INFO)->NextSharedMemorySegment)
#define NET_BUFFER_SHARED_MEM_FLAGS(_INFO)        ((_INFO)->SharedMemoryFlags)
#define NET_BUFFER_SHARED_MEM_HANDLE(_INFO)       ((_INFO)->SharedMemoryHandle)
#define NET_BUFFER_SHARED_MEM_OFFSET(_INFO)       ((_INFO)->SharedMemoryOffset)
#define NET_BUFFER_SHARED_MEM_LENGTH(_INFO)       ((_INFO)->SharedMemoryLength)

#define NET_BUFFER_LIST_FLAGS(_NBL)             ((_NBL)->Flags)
#define NET_BUFFER_LIST_NBL_FLAGS(_NBL)         ((_NBL)->NblFlags)
#define NET_BUFFER_LIST_PROTOCOL_RESERVED(_NBL) ((_NBL)->ProtocolReserved)
#define NET_BUFFER_LIST_MINIPORT_RESERVED(_NBL) ((_NBL)->MiniportReserved)
#define NET_BUFFER_LIST_CONTEXT_DATA_START(_NBL)                                                   \
    ((PUCHAR)(((_NBL)->Context) + 1) + (_NBL)->Context->Offset)
#define NET_BUFFER_LIST_CONTEXT_DATA_SIZE(_NBL)                                                    \
    (((_NBL)->Context)->Size - ((_NBL)->Context)->Offset)
#define NET_BUFFER_LIST_INFO(_NBL, _Id) ((_NBL)->NetBufferListInfo[(_Id)])
#define NET_BUFFER_LIST_STATUS(_NBL)    ((_NBL)->Status)

#define NdisSetNblFlag(_NBL, _F)   ((_NBL)->NblFlags |= (_F))
#define NdisClearNblFlag(_NBL, _F) ((_NBL)->NblFlags &= ~(_F))
#define NdisTestNblFlag(_NBL, _F)  (((_NBL)->NblFlags & (_F)) != 0)
#define NdisTestNblFlags(_NBL, _F) (((_NBL)->NblFlags & (_F)) == (_F))

#define NdisSetNetBufferListProtocolId(_NBL, _ProtocolId)                                          \
    (*((PUCHAR)(&NET_BUFFER_LIST_INFO(_NBL, NetBufferListProtocolId))) = (_ProtocolId))
#define NdisGetNetBufferListProtocolId(_NBL)                                                       \
    (*((PUCHAR)(&NET_BUFFER_LIST_INFO(_NBL, NetBufferListProtocolId))))

#endif
