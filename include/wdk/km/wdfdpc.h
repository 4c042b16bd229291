/* Framework DPCs. */
#ifndef _WDFDPC_H_
#define _WDFDPC_H_

#include "wdfobject.h"

EXTERN_C_START

typedef VOID NTAPI EVT_WDF_DPC(WDFDPC Dpc);
typedef EVT_WDF_DPC *PFN_WDF_DPC;
typedef struct _WDF_DPC_CONFIG {
    ULONG Size;
    PFN_WDF_DPC EvtDpcFunc;
    BOOLEAN AutomaticSerialization;
} WDF_DPC_CONFIG, *PWDF_DPC_CONFIG;
NT_INLINE VOID
WDF_DPC_CONFIG_INIT(PWDF_DPC_CONFIG Config, PFN_WDF_DPC EvtDpcFunc)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->EvtDpcFunc = EvtDpcFunc;
    Config->AutomaticSerialization = TRUE;
}

WDF_FUNCTION(NTSTATUS, WdfDpcCreate, WDFDPCCREATE,
             (PWDF_DPC_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes, WDFDPC *Dpc),
             (Config, Attributes, Dpc));
WDF_FUNCTION(BOOLEAN, WdfDpcEnqueue, WDFDPCENQUEUE, (WDFDPC Dpc), (Dpc));
WDF_FUNCTION(BOOLEAN, WdfDpcCancel, WDFDPCCANCEL, (WDFDPC Dpc, BOOLEAN Wait), (Dpc, Wait));
WDF_FUNCTION(WDFOBJECT, WdfDpcGetParentObject, WDFDPCGETPARENTOBJECT, (WDFDPC Dpc), (Dpc));
WDF_FUNCTION(PKDPC, WdfDpcWdmGetDpc, WDFDPCWDMGETDPC, (WDFDPC Dpc), (Dpc));

EXTERN_C_END

#endif
