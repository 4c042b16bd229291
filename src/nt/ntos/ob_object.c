/*
 * The object manager as drivers call it: references, handles, types, links.
 *
 * Ref        kernel/managing-kernel-objects; wdm ObReferenceObjectByHandle
 */
#include "nt/ntos/ob_object.h"

#include <stdio.h>
#include <stdlib.h>

#include "nt/ntos/nt_process.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_token.h"

NTSTATUS NTAPI ZwClearEvent(HANDLE EventHandle);

#define CURRENT_PROCESS ((HANDLE)-1)
#define CURRENT_THREAD  ((HANDLE)-2)

/* An object type is a pointer to its number in enum nt_object_type. */
static const enum nt_object_type type_ids[NT_OBJECT_TYPE_COUNT] = {
    NT_OBJECT_ANY,      NT_OBJECT_DRIVER,  NT_OBJECT_DEVICE, NT_OBJECT_FILE,      NT_OBJECT_EVENT,
    NT_OBJECT_THREAD,   NT_OBJECT_PROCESS, NT_OBJECT_KEY,    NT_OBJECT_DIRECTORY, NT_OBJECT_SYMLINK,
    NT_OBJECT_CALLBACK, NT_OBJECT_SECTION, NT_OBJECT_TOKEN,
};
#define TYPE(id) ((POBJECT_TYPE)(uintptr_t)&type_ids[id])
#define TYPE_VARIABLE(name, id)                                                                    \
    POBJECT_TYPE name;                                                                             \
    __attribute__((constructor)) static void init_##name(void)                                     \
    {                                                                                              \
        name = TYPE(id);                                                                           \
    }
TYPE_VARIABLE(CmKeyObjectType, NT_OBJECT_KEY)
TYPE_VARIABLE(IoFileObjectType, NT_OBJECT_FILE)
TYPE_VARIABLE(IoDriverObjectType, NT_OBJECT_DRIVER)
TYPE_VARIABLE(IoDeviceObjectType, NT_OBJECT_DEVICE)
TYPE_VARIABLE(ExEventObjectType, NT_OBJECT_EVENT)
TYPE_VARIABLE(PsProcessType, NT_OBJECT_PROCESS)
TYPE_VARIABLE(PsThreadType, NT_OBJECT_THREAD)
TYPE_VARIABLE(SeTokenObjectType, NT_OBJECT_TOKEN)

static enum nt_object_type
type_id(POBJECT_TYPE type)
{
    return type ? *(const enum nt_object_type *)type : NT_OBJECT_ANY;
}

/** IRQL: <= DISPATCH_LEVEL. @return references, an opaque number. Ref: wdm/nf-wdm-obfreferenceobject. */
LONG_PTR NTAPI
ObfReferenceObject(PVOID Object)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (nt_object_type(Object) == NT_OBJECT_ANY) {
        nt_finding(NT_FINDING_OBJECT_BAD, "ObReferenceObject of something that is no object");
        return 0;
    }
    nt_object_ref(Object);
    return nt_object_refs(Object);
}

/** IRQL: <= DISPATCH_LEVEL. @return references left. Ref: wdm/nf-wdm-obdereferenceobject. */
LONG_PTR NTAPI
ObfDereferenceObject(PVOID Object)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (nt_object_type(Object) == NT_OBJECT_ANY) {
        nt_finding(NT_FINDING_OBJECT_BAD, "ObDereferenceObject of something that is no object");
        return 0;
    }
    if (nt_object_type(Object) == NT_OBJECT_TOKEN)
        return nt_token_unref(Object);
    return nt_object_unref(Object);
}

/** The tag is not kept. Ref: wdm/nf-wdm-obfreferenceobjectwithtag. */
LONG_PTR NTAPI
ObfReferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    return ObfReferenceObject(Object);
}

/** The tag is not kept. Ref: wdm. */
LONG_PTR NTAPI
ObfDereferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    return ObfDereferenceObject(Object);
}

/** As ObDereferenceObject, at once. Ref: wdm/nf-wdm-obdereferenceobjectdeferdelete. */
VOID NTAPI
ObDereferenceObjectDeferDelete(PVOID Object)
{
    ObfDereferenceObject(Object);
}

static NTSTATUS
resolve(HANDLE handle, enum nt_object_type type, PVOID *ret_object)
{
    if (handle == CURRENT_PROCESS || handle == CURRENT_THREAD) {
        void *object =
            handle == CURRENT_PROCESS ? (void *)nt_process_system() : (void *)nt_thread_current();
        if (type != NT_OBJECT_ANY && nt_object_type(object) != type)
            return STATUS_OBJECT_TYPE_MISMATCH;
        *ret_object = nt_object_ref(object);
        return STATUS_SUCCESS;
    }
    return nt_handle_resolve(handle, type, ret_object);
}

/**
 * The object behind a handle, referenced.
 *
 * @return STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-obreferenceobjectbyhandle. Gap: access is not checked.
 */
NTSTATUS NTAPI
ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                          KPROCESSOR_MODE AccessMode, PVOID *Object,
                          POBJECT_HANDLE_INFORMATION HandleInformation)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    *Object = NULL;
    if (HandleInformation) {
        HandleInformation->HandleAttributes = 0;
        HandleInformation->GrantedAccess = nt_handle_access(Handle);
    }
    return resolve(Handle, type_id(ObjectType), Object);
}

/** The tag is not kept. Ref: wdm/nf-wdm-obreferenceobjectbyhandlewithtag. */
NTSTATUS NTAPI
ObReferenceObjectByHandleWithTag(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                 KPROCESSOR_MODE AccessMode, ULONG Tag, PVOID *Object,
                                 POBJECT_HANDLE_INFORMATION HandleInformation)
{
    return ObReferenceObjectByHandle(Handle, DesiredAccess, ObjectType, AccessMode, Object,
                                     HandleInformation);
}

/** @return STATUS_OBJECT_TYPE_MISMATCH. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
NTSTATUS NTAPI
ObReferenceObjectByPointer(PVOID Object, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                           KPROCESSOR_MODE AccessMode)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (ObjectType && nt_object_type(Object) != type_id(ObjectType))
        return STATUS_OBJECT_TYPE_MISMATCH;
    ObfReferenceObject(Object);
    return STATUS_SUCCESS;
}

/** A handle on an object. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-obopenobjectbypointer. */
NTSTATUS NTAPI
ObOpenObjectByPointer(PVOID Object, ULONG HandleAttributes, PACCESS_STATE PassedAccessState,
                      ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                      KPROCESSOR_MODE AccessMode, PHANDLE Handle)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (nt_object_type(Object) == NT_OBJECT_ANY ||
        (ObjectType && nt_object_type(Object) != type_id(ObjectType)))
        return STATUS_OBJECT_TYPE_MISMATCH;
    *Handle = nt_handle_new(Object, DesiredAccess, nt_driver_current());
    return *Handle ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/** IRQL: any. Ref: undocumented companion of ObReferenceObject, used with *PsThreadType. */
PVOID NTAPI
ObGetObjectType(PVOID Object)
{
    return TYPE(nt_object_type(Object));
}

/**
 * The name of an object.
 *
 * @return STATUS_INFO_LENGTH_MISMATCH when @p Length is too small; @p ReturnLength tells bytes
 * IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-obquerynamestring.
 */
NTSTATUS NTAPI
ObQueryNameString(PVOID Object, POBJECT_NAME_INFORMATION ObjectNameInfo, ULONG Length,
                  PULONG ReturnLength)
{
    const char *name = nt_object_get_name(Object);
    size_t units = 0;
    _cleanup_(freep) uint16_t *text = wfp_utf16_from_utf8(name ? name : "", &units);
    ULONG needed = (ULONG)(sizeof(*ObjectNameInfo) + (units ? (units + 1) * sizeof(WCHAR) : 0));

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    *ReturnLength = needed;
    if (Length < needed)
        return STATUS_INFO_LENGTH_MISMATCH;
    memset(&ObjectNameInfo->Name, 0, sizeof(ObjectNameInfo->Name));
    if (units) {
        ObjectNameInfo->Name.Buffer = (PWCH)(ObjectNameInfo + 1);
        ObjectNameInfo->Name.Length = (USHORT)(units * sizeof(WCHAR));
        ObjectNameInfo->Name.MaximumLength = (USHORT)((units + 1) * sizeof(WCHAR));
        memcpy(ObjectNameInfo->Name.Buffer, text, (units + 1) * sizeof(WCHAR));
    }
    return STATUS_SUCCESS;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwclose (ntifs ObCloseHandle). */
NTSTATUS NTAPI
ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode)
{
    return ZwClose(Handle);
}

/** @return STATUS_INVALID_HANDLE. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwclose. */
NTSTATUS NTAPI
ZwClose(HANDLE Handle)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (Handle == CURRENT_PROCESS || Handle == CURRENT_THREAD)
        return STATUS_SUCCESS;
    NTSTATUS status = nt_handle_close(Handle);
    if (status == STATUS_INVALID_HANDLE)
        nt_finding(NT_FINDING_OBJECT_BAD, "ZwClose of a handle that is not open");
    return status;
}

/* --- places: objects that are only a path --- */

static void
destroy_place(void *body)
{
    free(((struct nt_ob_place *)body)->path);
}

NTSTATUS
nt_ob_object_open_place(enum nt_object_type type, char **path, ACCESS_MASK access,
                        PHANDLE ret_handle)
{
    _cleanup_(nt_object_unrefp) struct nt_ob_place *place =
        nt_object_new(type, sizeof(*place), nt_driver_current(), destroy_place);
    if (!place)
        return STATUS_INSUFFICIENT_RESOURCES;
    HANDLE handle = nt_handle_new(place, access, nt_driver_current());
    if (!handle)
        return STATUS_INSUFFICIENT_RESOURCES;
    place->path = TAKE_PTR(*path);
    *ret_handle = handle;
    return STATUS_SUCCESS;
}

NTSTATUS
nt_ob_object_place_path(HANDLE handle, enum nt_object_type type, char **ret_path)
{
    _cleanup_(nt_object_unrefp) struct nt_ob_place *place = NULL;
    NTSTATUS status = nt_handle_resolve(handle, type, (void **)&place);

    if (!NT_SUCCESS(status))
        return status;
    *ret_path = strdup(place->path);
    return *ret_path ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS
nt_ob_object_path(const OBJECT_ATTRIBUTES *attributes, char **ret_path)
{
    _cleanup_(freep) char *name = NULL, *root = NULL;

    if (!attributes || attributes->Length != sizeof(*attributes))
        return STATUS_INVALID_PARAMETER;
    name = nt_wdk_to_utf8(attributes->ObjectName);
    if (!name)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!attributes->RootDirectory) {
        if (name[0] != '\\')
            return STATUS_OBJECT_PATH_SYNTAX_BAD;
        *ret_path = TAKE_PTR(name);
        return STATUS_SUCCESS;
    }
    NTSTATUS status = nt_ob_object_place_path(attributes->RootDirectory, NT_OBJECT_ANY, &root);
    if (!NT_SUCCESS(status))
        return status;
    if (asprintf(ret_path, "%s%s%s", root, name[0] ? "\\" : "", name) < 0)
        return STATUS_INSUFFICIENT_RESOURCES;
    return STATUS_SUCCESS;
}

/* --- symbolic links and directories --- */

/** @return STATUS_OBJECT_NAME_NOT_FOUND. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwopensymboliclinkobject. */
NTSTATUS NTAPI
ZwOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                         POBJECT_ATTRIBUTES ObjectAttributes)
{
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_path(ObjectAttributes, &path);
    if (!NT_SUCCESS(status))
        return status;
    _cleanup_(freep) char *target = nt_object_link_target(path);
    if (!target)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    return nt_ob_object_open_place(NT_OBJECT_SYMLINK, &path, DesiredAccess, LinkHandle);
}

/** @return STATUS_BUFFER_TOO_SMALL. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwquerysymboliclinkobject. */
NTSTATUS NTAPI
ZwQuerySymbolicLinkObject(HANDLE LinkHandle, PUNICODE_STRING LinkTarget, PULONG ReturnedLength)
{
    _cleanup_(freep) char *path = NULL;
    size_t units;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_place_path(LinkHandle, NT_OBJECT_SYMLINK, &path);
    if (!NT_SUCCESS(status))
        return status;
    _cleanup_(freep) char *target = nt_object_link_target(path);
    _cleanup_(freep) uint16_t *text = target ? wfp_utf16_from_utf8(target, &units) : NULL;
    if (!text)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (ReturnedLength)
        *ReturnedLength = (ULONG)(units * sizeof(WCHAR));
    if (units * sizeof(WCHAR) > LinkTarget->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(LinkTarget->Buffer, text, units * sizeof(WCHAR));
    LinkTarget->Length = (USHORT)(units * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

/** Any of the well-known directories. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-zwopendirectoryobject. */
NTSTATUS NTAPI
ZwOpenDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                      POBJECT_ATTRIBUTES ObjectAttributes)
{
    static const char *const known[] = {
        "\\",         "\\Device",   "\\Driver",           "\\DosDevices", "\\??",
        "\\GLOBAL??", "\\Callback", "\\BaseNamedObjects", "\\FileSystem"};
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_path(ObjectAttributes, &path);
    if (!NT_SUCCESS(status))
        return status;
    for (size_t i = 0; i < ELEMENTSOF(known); i++)
        if (strcasecmp(path, known[i]) == 0)
            return nt_ob_object_open_place(NT_OBJECT_DIRECTORY, &path, DesiredAccess,
                                           DirectoryHandle);
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

/* --- events by handle --- */

static void
init_event(void *body, EVENT_TYPE type, BOOLEAN state)
{
    KeInitializeEvent(body, type, state);
}

/** A named or nameless event. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-zwcreateevent. */
NTSTATUS NTAPI
ZwCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
              EVENT_TYPE EventType, BOOLEAN InitialState)
{
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (ObjectAttributes && ObjectAttributes->ObjectName) {
        NTSTATUS status = nt_ob_object_path(ObjectAttributes, &path);
        if (!NT_SUCCESS(status))
            return status;
    }
    _cleanup_(nt_object_unrefp) PKEVENT event =
        nt_object_new(NT_OBJECT_EVENT, sizeof(KEVENT), nt_driver_current(), NULL);
    if (!event)
        return STATUS_INSUFFICIENT_RESOURCES;
    init_event(event, EventType, InitialState);
    if (path) {
        NTSTATUS status = nt_object_name(event, path);
        if (!NT_SUCCESS(status))
            return status;
    }
    *EventHandle = nt_handle_new(event, DesiredAccess, nt_driver_current());
    return *EventHandle ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS
set_event_state(HANDLE handle, PLONG previous, bool signalled)
{
    _cleanup_(nt_object_unrefp) PKEVENT event = NULL;
    NTSTATUS status = nt_handle_resolve(handle, NT_OBJECT_EVENT, (void **)&event);

    if (!NT_SUCCESS(status))
        return status;
    LONG old = signalled ? KeSetEvent(event, IO_NO_INCREMENT, FALSE) : KeResetEvent(event);
    if (previous)
        *previous = old;
    return STATUS_SUCCESS;
}

/** IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-zwsetevent. */
NTSTATUS NTAPI
ZwSetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return set_event_state(EventHandle, PreviousState, true);
}

/** IRQL: PASSIVE_LEVEL. Ref: ntifs. */
NTSTATUS NTAPI
ZwClearEvent(HANDLE EventHandle)
{
    return set_event_state(EventHandle, NULL, false);
}

static PKEVENT
create_named_event(PUNICODE_STRING name, PHANDLE handle, EVENT_TYPE type)
{
    _cleanup_(freep) char *path = nt_wdk_to_utf8(name);
    PKEVENT event = NULL;

    if (path && nt_object_open(path, NT_OBJECT_EVENT, NULL, (void **)&event) == 0) {
        *handle = nt_handle_new(event, EVENT_ALL_ACCESS, nt_driver_current());
        nt_object_unref(event);
        return *handle ? event : NULL;
    }
    event = nt_object_new(NT_OBJECT_EVENT, sizeof(KEVENT), nt_driver_current(), NULL);
    if (!event)
        return NULL;
    init_event(event, type, TRUE);
    *handle = path && nt_object_name(event, path) == 0
                  ? nt_handle_new(event, EVENT_ALL_ACCESS, nt_driver_current())
                  : NULL;
    nt_object_unref(event); /* the handle keeps it */
    return *handle ? event : NULL;
}

/** Make or open "\BaseNamedObjects\…", signalled. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iocreatenotificationevent. */
PKEVENT NTAPI
IoCreateNotificationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return create_named_event(EventName, EventHandle, NotificationEvent);
}

/** As IoCreateNotificationEvent. Ref: wdm/nf-wdm-iocreatesynchronizationevent. */
PKEVENT NTAPI
IoCreateSynchronizationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return create_named_event(EventName, EventHandle, SynchronizationEvent);
}
