/*
 * Pools, net buffers, lists, clones and moving the start of data. Ref: ddi nblapi.
 */
#ifndef WDK_NDIS_NBLAPI_H
#define WDK_NDIS_NBLAPI_H

#include <ndis/objectheader.h>
#include <ndis/nbl.h>
#include <ndis/nblaccessors.h>
#include <ndis/mdlapi.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _NET_BUFFER_LIST_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    UCHAR ProtocolId;
    BOOLEAN fAllocateNetBuffer;
    USHORT ContextSize;
    ULONG PoolTag;
    ULONG DataSize;
} NET_BUFFER_LIST_POOL_PARAMETERS, *PNET_BUFFER_LIST_POOL_PARAMETERS;

#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1                                     \
    RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_LIST_POOL_PARAMETERS, DataSize)

typedef struct _NET_BUFFER_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG PoolTag;
    ULONG DataSize;
} NET_BUFFER_POOL_PARAMETERS, *PNET_BUFFER_POOL_PARAMETERS;

#define NET_BUFFER_POOL_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1                                          \
    RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_POOL_PARAMETERS, DataSize)

typedef PMDL(NTAPI NET_BUFFER_ALLOCATE_MDL_HANDLER)(PULONG BufferSize);
typedef NET_BUFFER_ALLOCATE_MDL_HANDLER *PNET_BUFFER_ALLOCATE_MDL_HANDLER;
typedef NET_BUFFER_ALLOCATE_MDL_HANDLER NET_BUFFER_ALLOCATE_MDL;
typedef VOID(NTAPI NET_BUFFER_FREE_MDL_HANDLER)(PMDL Mdl);
typedef NET_BUFFER_FREE_MDL_HANDLER *PNET_BUFFER_FREE_MDL_HANDLER;
typedef NET_BUFFER_FREE_MDL_HANDLER NET_BUFFER_FREE_MDL;

/* NdisAllocateCloneNetBufferList, NdisFreeCloneNetBufferList */
#define NDIS_CLONE_FLAGS_RESERVED          0x00000001
#define NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS 0x00000002

NDIS_HANDLE NTAPI NdisAllocateNetBufferPool(NDIS_HANDLE NdisHandle,
                                            PNET_BUFFER_POOL_PARAMETERS Parameters);
VOID NTAPI NdisFreeNetBufferPool(NDIS_HANDLE PoolHandle);
PNET_BUFFER NTAPI NdisAllocateNetBuffer(NDIS_HANDLE PoolHandle, PMDL MdlChain, ULONG DataOffset,
                                        SIZE_T DataLength);
PNET_BUFFER NTAPI NdisAllocateNetBufferMdlAndData(NDIS_HANDLE PoolHandle);
VOID NTAPI NdisFreeNetBuffer(PNET_BUFFER NetBuffer);

NDIS_HANDLE NTAPI NdisAllocateNetBufferListPool(NDIS_HANDLE NdisHandle,
                                                PNET_BUFFER_LIST_POOL_PARAMETERS Parameters);
VOID NTAPI NdisFreeNetBufferListPool(NDIS_HANDLE PoolHandle);
PNET_BUFFER_LIST NTAPI NdisAllocateNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize,
                                                 USHORT ContextBackFill);
PNET_BUFFER_LIST NTAPI NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE PoolHandle,
                                                             USHORT ContextSize,
                                                             USHORT ContextBackFill, PMDL MdlChain,
                                                             ULONG DataOffset, SIZE_T DataLength);
VOID NTAPI NdisFreeNetBufferList(PNET_BUFFER_LIST NetBufferList);

PNET_BUFFER_LIST NTAPI NdisAllocateCloneNetBufferList(PNET_BUFFER_LIST OriginalNetBufferList,
                                                      NDIS_HANDLE NetBufferListPoolHandle,
                                                      NDIS_HANDLE NetBufferPoolHandle,
                                                      ULONG AllocateCloneFlags);
VOID NTAPI NdisFreeCloneNetBufferList(PNET_BUFFER_LIST CloneNetBufferList, ULONG FreeCloneFlags);
PNET_BUFFER_LIST NTAPI NdisAllocateFragmentNetBufferList(PNET_BUFFER_LIST OriginalNetBufferList,
                                                         NDIS_HANDLE NetBufferListPool,
                                                         NDIS_HANDLE NetBufferPool,
                                                         ULONG StartOffset, ULONG MaximumLength,
                                                         ULONG DataOffsetDelta, ULONG DataBackFill,
                                                         ULONG AllocateFragmentFlags);
VOID NTAPI NdisFreeFragmentNetBufferList(PNET_BUFFER_LIST FragmentNetBufferList,
                                         ULONG DataOffsetDelta, ULONG FreeFragmentFlags);
PNET_BUFFER_LIST NTAPI NdisAllocateReassembledNetBufferList(
    PNET_BUFFER_LIST FragmentNetBufferList, NDIS_HANDLE NetBufferAndNetBufferListPoolHandle,
    ULONG StartOffset, ULONG DataOffsetDelta, ULONG DataBackFill, ULONG AllocateReassembleFlags);
VOID NTAPI NdisFreeReassembledNetBufferList(PNET_BUFFER_LIST ReassembledNetBufferList,
                                            ULONG DataOffsetDelta, ULONG FreeReassembleFlags);

NDIS_STATUS NTAPI NdisAllocateNetBufferListContext(PNET_BUFFER_LIST NetBufferList,
                                                   USHORT ContextSize, USHORT ContextBackFill,
                                                   ULONG PoolTag);
VOID NTAPI NdisFreeNetBufferListContext(PNET_BUFFER_LIST NetBufferList, USHORT ContextSize);

NDIS_STATUS NTAPI
NdisRetreatNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, ULONG DataBackFill,
                              NET_BUFFER_ALLOCATE_MDL_HANDLER *AllocateMdlHandler);
VOID NTAPI NdisAdvanceNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta,
                                         BOOLEAN FreeMdl,
                                         NET_BUFFER_FREE_MDL_HANDLER *FreeMdlHandler);
NDIS_STATUS NTAPI NdisRetreatNetBufferListDataStart(
    PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, ULONG DataBackFill,
    NET_BUFFER_ALLOCATE_MDL_HANDLER *AllocateMdlHandler,
    NET_BUFFER_FREE_MDL_HANDLER *FreeMdlHandler);
VOID NTAPI NdisAdvanceNetBufferListDataStart(PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta,
                                             BOOLEAN FreeMdl,
                                             NET_BUFFER_FREE_MDL_HANDLER *FreeMdlHandler);
VOID NTAPI NdisAdjustNetBufferCurrentMdl(PNET_BUFFER NetBuffer);
PVOID NTAPI NdisGetDataBuffer(PNET_BUFFER NetBuffer, ULONG BytesNeeded, PVOID Storage,
                              ULONG AlignMultiple, ULONG AlignOffset);
NDIS_STATUS NTAPI NdisCopyFromNetBufferToNetBuffer(PNET_BUFFER Destination, ULONG DestinationOffset,
                                                   ULONG BytesToCopy, PNET_BUFFER Source,
                                                   ULONG SourceOffset, PULONG BytesCopied);
VOID NTAPI NdisCopySendNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList,
                                         PNET_BUFFER_LIST SrcNetBufferList);
VOID NTAPI NdisCopyReceiveNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList,
                                            PNET_BUFFER_LIST SrcNetBufferList);
ULONG NTAPI NdisQueryNetBufferPhysicalCount(PNET_BUFFER NetBuffer);
NDIS_HANDLE NTAPI NdisGetPoolFromNetBufferList(PNET_BUFFER_LIST NetBufferList);
NDIS_HANDLE NTAPI NdisGetPoolFromNetBuffer(PNET_BUFFER NetBuffer);

#ifdef __cplusplus
}
#endif

#endif
