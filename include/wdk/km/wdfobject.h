/* Framework objects: attributes, typed contexts, references, locks. */
#ifndef _WDFOBJECT_H_
#define _WDFOBJECT_H_

#include "wdftypes.h"

EXTERN_C_START

typedef VOID NTAPI EVT_WDF_OBJECT_CONTEXT_CLEANUP(WDFOBJECT Object);
typedef EVT_WDF_OBJECT_CONTEXT_CLEANUP *PFN_WDF_OBJECT_CONTEXT_CLEANUP;
typedef VOID NTAPI EVT_WDF_OBJECT_CONTEXT_DESTROY(WDFOBJECT Object);
typedef EVT_WDF_OBJECT_CONTEXT_DESTROY *PFN_WDF_OBJECT_CONTEXT_DESTROY;

typedef enum _WDF_EXECUTION_LEVEL {
    WdfExecutionLevelInvalid,
    WdfExecutionLevelInheritFromParent,
    WdfExecutionLevelPassive,
    WdfExecutionLevelDispatch
} WDF_EXECUTION_LEVEL;
typedef enum _WDF_SYNCHRONIZATION_SCOPE {
    WdfSynchronizationScopeInvalid,
    WdfSynchronizationScopeInheritFromParent,
    WdfSynchronizationScopeDevice,
    WdfSynchronizationScopeQueue,
    WdfSynchronizationScopeNone
} WDF_SYNCHRONIZATION_SCOPE;

struct _WDF_OBJECT_CONTEXT_TYPE_INFO;
typedef const struct _WDF_OBJECT_CONTEXT_TYPE_INFO *PCWDF_OBJECT_CONTEXT_TYPE_INFO;
typedef PCWDF_OBJECT_CONTEXT_TYPE_INFO(NTAPI *PFN_GET_UNIQUE_CONTEXT_TYPE)(VOID);
typedef struct _WDF_OBJECT_CONTEXT_TYPE_INFO {
    ULONG Size;
    PCHAR ContextName;
    size_t ContextSize;
    PCWDF_OBJECT_CONTEXT_TYPE_INFO UniqueType;
    PFN_GET_UNIQUE_CONTEXT_TYPE EvtDriverGetUniqueContextType;
} WDF_OBJECT_CONTEXT_TYPE_INFO, *PWDF_OBJECT_CONTEXT_TYPE_INFO;

typedef struct _WDF_OBJECT_ATTRIBUTES {
    ULONG Size;
    PFN_WDF_OBJECT_CONTEXT_CLEANUP EvtCleanupCallback;
    PFN_WDF_OBJECT_CONTEXT_DESTROY EvtDestroyCallback;
    WDF_EXECUTION_LEVEL ExecutionLevel;
    WDF_SYNCHRONIZATION_SCOPE SynchronizationScope;
    WDFOBJECT ParentObject;
    size_t ContextSizeOverride;
    PCWDF_OBJECT_CONTEXT_TYPE_INFO ContextTypeInfo;
} WDF_OBJECT_ATTRIBUTES, *PWDF_OBJECT_ATTRIBUTES;

NT_INLINE VOID
WDF_OBJECT_ATTRIBUTES_INIT(PWDF_OBJECT_ATTRIBUTES Attributes)
{
    RtlZeroMemory(Attributes, sizeof(*Attributes));
    Attributes->Size = sizeof(*Attributes);
    Attributes->ExecutionLevel = WdfExecutionLevelInheritFromParent;
    Attributes->SynchronizationScope = WdfSynchronizationScopeInheritFromParent;
}

/* One type-info object per context type per image; its address identifies the type. */
#define WDF_TYPE_NAME_TO_TYPE_INFO_(type)         _WDF_##type##_TYPE_INFO
#define WDF_TYPE_NAME_TO_TYPE_INFO(type)          WDF_TYPE_NAME_TO_TYPE_INFO_(type)
#define WDF_GET_CONTEXT_TYPE_INFO(type)           (&WDF_TYPE_NAME_TO_TYPE_INFO(type))
#define WDF_TYPE_NAME_POINTER_TYPE(type)          type *
#define WDF_TYPE_NAME_TO_EXTERNAL_TYPE_INFO(type) (&WDF_TYPE_NAME_TO_TYPE_INFO(type))

#define WDF_DECLARE_TYPE_INFO_(type, name)                                                         \
    EXTERN_C const WDF_OBJECT_CONTEXT_TYPE_INFO WDF_TYPE_NAME_TO_TYPE_INFO_(type);                 \
    EXTERN_C const WDF_OBJECT_CONTEXT_TYPE_INFO DECLSPEC_SELECTANY WDF_TYPE_NAME_TO_TYPE_INFO_(    \
        type) = {sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), (PCHAR)name, sizeof(type),                  \
                 &WDF_TYPE_NAME_TO_TYPE_INFO_(type), NULL}

#define WDF_OBJECT_ATTRIBUTES_SET_CONTEXT_TYPE(attributes, type)                                   \
    (attributes)->ContextTypeInfo = WDF_GET_CONTEXT_TYPE_INFO(type)->UniqueType
#define WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(attributes, type)                                  \
    (WDF_OBJECT_ATTRIBUTES_INIT(attributes),                                                       \
     WDF_OBJECT_ATTRIBUTES_SET_CONTEXT_TYPE(attributes, type))

WDF_FUNCTION(PVOID, WdfObjectGetTypedContextWorker, WDFOBJECTGETTYPEDCONTEXTWORKER,
             (WDFOBJECT Handle, PCWDF_OBJECT_CONTEXT_TYPE_INFO TypeInfo), (Handle, TypeInfo));
WDF_FUNCTION(NTSTATUS, WdfObjectAllocateContext, WDFOBJECTALLOCATECONTEXT,
             (WDFOBJECT Handle, PWDF_OBJECT_ATTRIBUTES ContextAttributes, PVOID *Context),
             (Handle, ContextAttributes, Context));
WDF_FUNCTION(WDFOBJECT, WdfObjectContextGetObject, WDFOBJECTCONTEXTGETOBJECT,
             (PVOID ContextPointer), (ContextPointer));
WDF_FUNCTION(VOID, WdfObjectReferenceActual, WDFOBJECTREFERENCEACTUAL,
             (WDFOBJECT Handle, PVOID Tag, LONG Line, PCCH File), (Handle, Tag, Line, File));
WDF_FUNCTION(VOID, WdfObjectDereferenceActual, WDFOBJECTDEREFERENCEACTUAL,
             (WDFOBJECT Handle, PVOID Tag, LONG Line, PCCH File), (Handle, Tag, Line, File));
WDF_FUNCTION(NTSTATUS, WdfObjectCreate, WDFOBJECTCREATE,
             (PWDF_OBJECT_ATTRIBUTES Attributes, WDFOBJECT *Object), (Attributes, Object));
WDF_FUNCTION(VOID, WdfObjectDelete, WDFOBJECTDELETE, (WDFOBJECT Object), (Object));
WDF_FUNCTION(NTSTATUS, WdfObjectQuery, WDFOBJECTQUERY,
             (WDFOBJECT Object, const GUID *Guid, ULONG QueryBufferLength, PVOID QueryBuffer),
             (Object, Guid, QueryBufferLength, QueryBuffer));
WDF_FUNCTION(VOID, WdfObjectAcquireLock, WDFOBJECTACQUIRELOCK, (WDFOBJECT Object), (Object));
WDF_FUNCTION(VOID, WdfObjectReleaseLock, WDFOBJECTRELEASELOCK, (WDFOBJECT Object), (Object));

#define WdfObjectReference(Handle) WdfObjectReferenceActual(Handle, NULL, __LINE__, __FILE__)
#define WdfObjectReferenceWithTag(Handle, Tag)                                                     \
    WdfObjectReferenceActual(Handle, Tag, __LINE__, __FILE__)
#define WdfObjectDereference(Handle) WdfObjectDereferenceActual(Handle, NULL, __LINE__, __FILE__)
#define WdfObjectDereferenceWithTag(Handle, Tag)                                                   \
    WdfObjectDereferenceActual(Handle, Tag, __LINE__, __FILE__)

#define WdfObjectGetTypedContext(handle, type)                                                     \
    ((type *)WdfObjectGetTypedContextWorker((WDFOBJECT)(handle),                                   \
                                            WDF_GET_CONTEXT_TYPE_INFO(type)->UniqueType))
#define WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(type, getter)                                           \
    WDF_DECLARE_TYPE_INFO_(type, #type);                                                           \
    typedef type *WDF_POINTER_TYPE_##type;                                                         \
    NT_INLINE type *getter(WDFOBJECT Handle)                                                       \
    {                                                                                              \
        return (type *)WdfObjectGetTypedContextWorker(                                             \
            Handle, WDF_GET_CONTEXT_TYPE_INFO(type)->UniqueType);                                  \
    }
#define WDF_DECLARE_CONTEXT_TYPE(type) WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(type, WdfObjectGet_##type)

EXTERN_C_END

#endif
