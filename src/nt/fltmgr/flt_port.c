/*
 * Communication ports: made and named, and nobody connects.
 *
 * Model      A port is a handle on a named object. Programs cannot reach it yet, so the connect callback is
 *            never called, no client port exists, and FltSendMessage finds it disconnected, as it does on
 *            Windows before the service has connected.
 * Ref        windows-driver-docs ifs/communication-between-user-mode-and-kernel-mode
 */
#include "nt/fltmgr/fltmgr.h"

#include <stdlib.h>

#include "nt/ntos/ob_object.h"

#define DESCRIPTOR_TAG 0x64536c46u /* 'FlSd' */

/* A SECURITY_DESCRIPTOR whose list grants all to administrators and the system, in one block. */
struct default_descriptor {
    SECURITY_DESCRIPTOR descriptor;
    struct {
        ACL header;
        UCHAR entries[64];
    } list;
    UCHAR system[16], administrators[16];
};

static void
make_sid(UCHAR *sid, ULONG count, const ULONG *parts)
{
    SID_IDENTIFIER_AUTHORITY authority = SECURITY_NT_AUTHORITY;

    RtlInitializeSid(sid, &authority, (UCHAR)count);
    for (ULONG i = 0; i < count; i++)
        *RtlSubAuthoritySid(sid, i) = parts[i];
}

/**
 * A descriptor that grants @p DesiredAccess to administrators and the system.
 *
 * @return STATUS_INSUFFICIENT_RESOURCES; the caller frees it with FltFreeSecurityDescriptor
 * IRQL: PASSIVE_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltbuilddefaultsecuritydescriptor.
 */
NTSTATUS FLTAPI
FltBuildDefaultSecurityDescriptor(PSECURITY_DESCRIPTOR *SecurityDescriptor,
                                  ACCESS_MASK DesiredAccess)
{
    static const ULONG system[] = {SECURITY_LOCAL_SYSTEM_RID};
    static const ULONG administrators[] = {SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS};
    struct default_descriptor *made;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    *SecurityDescriptor = NULL;
    made = nt_pool_allocate(sizeof(*made), DESCRIPTOR_TAG, true, NT_CALLER);
    if (!made)
        return STATUS_INSUFFICIENT_RESOURCES;
    make_sid(made->system, ELEMENTSOF(system), system);
    make_sid(made->administrators, ELEMENTSOF(administrators), administrators);
    RtlCreateSecurityDescriptor(&made->descriptor, SECURITY_DESCRIPTOR_REVISION);
    RtlCreateAcl(&made->list.header, sizeof(made->list), ACL_REVISION);
    RtlAddAccessAllowedAce(&made->list.header, ACL_REVISION, DesiredAccess, made->system);
    RtlAddAccessAllowedAce(&made->list.header, ACL_REVISION, DesiredAccess, made->administrators);
    RtlSetDaclSecurityDescriptor(&made->descriptor, TRUE, &made->list.header, FALSE);
    *SecurityDescriptor = &made->descriptor;
    return STATUS_SUCCESS;
}

/** IRQL: PASSIVE_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltfreesecuritydescriptor. */
VOID FLTAPI
FltFreeSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    ExFreePoolWithTag(SecurityDescriptor, DESCRIPTOR_TAG);
}

/**
 * Make a port that programs could connect to.
 *
 * @param ServerPort  a handle; close it with FltCloseCommunicationPort
 * @return STATUS_INVALID_PARAMETER without OBJ_KERNEL_HANDLE, STATUS_OBJECT_NAME_COLLISION,
 *         STATUS_FLT_DELETING_OBJECT, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltcreatecommunicationport. Gap: nobody connects.
 */
NTSTATUS FLTAPI
FltCreateCommunicationPort(PFLT_FILTER Filter, PFLT_PORT *ServerPort,
                           POBJECT_ATTRIBUTES ObjectAttributes, PVOID ServerPortCookie,
                           PFLT_CONNECT_NOTIFY ConnectNotifyCallback,
                           PFLT_DISCONNECT_NOTIFY DisconnectNotifyCallback,
                           PFLT_MESSAGE_NOTIFY MessageNotifyCallback, LONG MaxConnections)
{
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    *ServerPort = NULL;
    if (!flt_filter_check(Filter, "FltCreateCommunicationPort"))
        return STATUS_FLT_DELETING_OBJECT;
    if (!(ObjectAttributes->Attributes & OBJ_KERNEL_HANDLE) || !ConnectNotifyCallback ||
        !DisconnectNotifyCallback || MaxConnections <= 0)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = nt_ob_object_path(ObjectAttributes, &path);
    if (!NT_SUCCESS(status))
        return status;
    _cleanup_(nt_object_unrefp) void *port =
        nt_object_new(NT_OBJECT_PORT, sizeof(ServerPortCookie), Filter->owner, NULL);
    if (!port)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = nt_object_name(port, path);
    if (!NT_SUCCESS(status))
        return status;
    *ServerPort = nt_handle_new(port, FLT_PORT_ALL_ACCESS, Filter->owner);
    return *ServerPort ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/** IRQL: PASSIVE_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltclosecommunicationport. */
VOID FLTAPI
FltCloseCommunicationPort(PFLT_PORT ServerPort)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (nt_handle_close(ServerPort) != STATUS_SUCCESS)
        nt_finding(NT_FINDING_OBJECT_BAD, "FltCloseCommunicationPort: this is no port");
}

/** There is no connection to close. IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltcloseclientport. */
VOID FLTAPI
FltCloseClientPort(PFLT_FILTER Filter, PFLT_PORT *ClientPort)
{
    NT_IRQL_MAX(APC_LEVEL);
    *ClientPort = NULL;
}

/** @return STATUS_PORT_DISCONNECTED. IRQL: <= APC_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltsendmessage. */
NTSTATUS FLTAPI
FltSendMessage(PFLT_FILTER Filter, PFLT_PORT *ClientPort, PVOID SenderBuffer,
               ULONG SenderBufferLength, PVOID ReplyBuffer, PULONG ReplyLength,
               PLARGE_INTEGER Timeout)
{
    NT_IRQL_MAX(APC_LEVEL);
    return STATUS_PORT_DISCONNECTED;
}
