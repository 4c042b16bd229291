/* MDLs through NDIS. Ref: ddi ndis NdisAllocateMdl, NdisFreeMdl, NdisQueryMdl. */
#ifndef WDK_NDIS_MDLAPI_H
#define WDK_NDIS_MDLAPI_H

#include <wdm.h>
#include <ndis/types.h>

#ifdef __cplusplus
extern "C" {
#endif

PMDL NTAPI NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, ULONG Length);
VOID NTAPI NdisFreeMdl(PMDL Mdl);

#define NdisQueryMdl(_Mdl, _VirtualAddress, _Length, _Priority)                                    \
    do {                                                                                           \
        if ((_VirtualAddress) != NULL)                                                             \
            *(PVOID *)(_VirtualAddress) = MmGetSystemAddressForMdlSafe((_Mdl), (_Priority));       \
        *(_Length) = MmGetMdlByteCount(_Mdl);                                                      \
    } while (0)
#define NdisQueryMdlOffset(_Mdl, _Offset, _Length)                                                 \
    do {                                                                                           \
        *(_Offset) = MmGetMdlByteOffset(_Mdl);                                                     \
        *(_Length) = MmGetMdlByteCount(_Mdl);                                                      \
    } while (0)
#define NdisGetNextMdl(_Mdl, _Next) (*(_Next) = (_Mdl)->Next)
#define NDIS_MDL_LINKAGE(_Mdl)      ((_Mdl)->Next)
#define NDIS_MDL_TO_SPAN_PAGES(_Mdl)                                                               \
    (MmGetMdlByteCount(_Mdl) == 0                                                                  \
         ? 1                                                                                       \
         : ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(_Mdl), MmGetMdlByteCount(_Mdl)))

#ifdef __cplusplus
}
#endif

#endif
