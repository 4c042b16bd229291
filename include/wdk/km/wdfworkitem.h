/* Framework work items. */
#ifndef _WDFWORKITEM_H_
#define _WDFWORKITEM_H_

#include "wdfobject.h"

EXTERN_C_START

typedef VOID NTAPI EVT_WDF_WORKITEM(WDFWORKITEM WorkItem);
typedef EVT_WDF_WORKITEM *PFN_WDF_WORKITEM;
typedef struct _WDF_WORKITEM_CONFIG {
    ULONG Size;
    PFN_WDF_WORKITEM EvtWorkItemFunc;
    BOOLEAN AutomaticSerialization;
} WDF_WORKITEM_CONFIG, *PWDF_WORKITEM_CONFIG;
NT_INLINE VOID
WDF_WORKITEM_CONFIG_INIT(PWDF_WORKITEM_CONFIG Config, PFN_WDF_WORKITEM EvtWorkItemFunc)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->EvtWorkItemFunc = EvtWorkItemFunc;
    Config->AutomaticSerialization = TRUE;
}

WDF_FUNCTION(NTSTATUS, WdfWorkItemCreate, WDFWORKITEMCREATE,
             (PWDF_WORKITEM_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes,
              WDFWORKITEM *WorkItem),
             (Config, Attributes, WorkItem));
WDF_FUNCTION(VOID, WdfWorkItemEnqueue, WDFWORKITEMENQUEUE, (WDFWORKITEM WorkItem), (WorkItem));
WDF_FUNCTION(WDFOBJECT, WdfWorkItemGetParentObject, WDFWORKITEMGETPARENTOBJECT,
             (WDFWORKITEM WorkItem), (WorkItem));
WDF_FUNCTION(VOID, WdfWorkItemFlush, WDFWORKITEMFLUSH, (WDFWORKITEM WorkItem), (WorkItem));

EXTERN_C_END

#endif
