/* I/O targets: other drivers' devices. */
#ifndef _WDFIOTARGET_H_
#define _WDFIOTARGET_H_

#include "wdfrequest.h"

EXTERN_C_START

typedef enum _WDF_IO_TARGET_STATE {
    WdfIoTargetStateUndefined,
    WdfIoTargetStarted,
    WdfIoTargetStopped,
    WdfIoTargetClosedForQueryRemove,
    WdfIoTargetClosed,
    WdfIoTargetDeleted,
    WdfIoTargetPurged
} WDF_IO_TARGET_STATE,
    *PWDF_IO_TARGET_STATE;
typedef enum _WDF_IO_TARGET_OPEN_TYPE {
    WdfIoTargetOpenUndefined,
    WdfIoTargetOpenUseExistingDevice,
    WdfIoTargetOpenByName,
    WdfIoTargetOpenReopen,
    WdfIoTargetOpenLocalTargetByFile
} WDF_IO_TARGET_OPEN_TYPE;
typedef enum _WDF_IO_TARGET_SENT_IO_ACTION {
    WdfIoTargetSentIoUndefined,
    WdfIoTargetCancelSentIo,
    WdfIoTargetWaitForSentIoToComplete,
    WdfIoTargetLeaveSentIoPending
} WDF_IO_TARGET_SENT_IO_ACTION;
typedef NTSTATUS NTAPI EVT_WDF_IO_TARGET_QUERY_REMOVE(WDFIOTARGET IoTarget);
typedef EVT_WDF_IO_TARGET_QUERY_REMOVE *PFN_WDF_IO_TARGET_QUERY_REMOVE;
typedef VOID NTAPI EVT_WDF_IO_TARGET_REMOVE_CANCELED(WDFIOTARGET IoTarget);
typedef EVT_WDF_IO_TARGET_REMOVE_CANCELED *PFN_WDF_IO_TARGET_REMOVE_CANCELED;
typedef VOID NTAPI EVT_WDF_IO_TARGET_REMOVE_COMPLETE(WDFIOTARGET IoTarget);
typedef EVT_WDF_IO_TARGET_REMOVE_COMPLETE *PFN_WDF_IO_TARGET_REMOVE_COMPLETE;

typedef struct _WDF_IO_TARGET_OPEN_PARAMS {
    ULONG Size;
    WDF_IO_TARGET_OPEN_TYPE Type;
    PFN_WDF_IO_TARGET_QUERY_REMOVE EvtIoTargetQueryRemove;
    PFN_WDF_IO_TARGET_REMOVE_CANCELED EvtIoTargetRemoveCanceled;
    PFN_WDF_IO_TARGET_REMOVE_COMPLETE EvtIoTargetRemoveComplete;
    PDEVICE_OBJECT TargetDeviceObject;
    PFILE_OBJECT TargetFileObject;
    UNICODE_STRING TargetDeviceName;
    ACCESS_MASK DesiredAccess;
    ULONG ShareAccess;
    ULONG FileAttributes;
    ULONG CreateDisposition;
    ULONG CreateOptions;
    PVOID EaBuffer;
    ULONG EaBufferLength;
    PLONGLONG AllocationSize;
    ULONG FileInformation;
    UNICODE_STRING FileName;
} WDF_IO_TARGET_OPEN_PARAMS, *PWDF_IO_TARGET_OPEN_PARAMS;
NT_INLINE VOID
WDF_IO_TARGET_OPEN_PARAMS_INIT_OPEN_BY_NAME(PWDF_IO_TARGET_OPEN_PARAMS Params,
                                            PCUNICODE_STRING TargetDeviceName,
                                            ACCESS_MASK DesiredAccess)
{
    RtlZeroMemory(Params, sizeof(*Params));
    Params->Size = sizeof(*Params);
    Params->Type = WdfIoTargetOpenByName;
    Params->TargetDeviceName = *TargetDeviceName;
    Params->DesiredAccess = DesiredAccess;
    Params->CreateOptions = 0x40; /* FILE_NON_DIRECTORY_FILE */
}
NT_INLINE VOID
WDF_IO_TARGET_OPEN_PARAMS_INIT_EXISTING_DEVICE(PWDF_IO_TARGET_OPEN_PARAMS Params,
                                               PDEVICE_OBJECT DeviceObject)
{
    RtlZeroMemory(Params, sizeof(*Params));
    Params->Size = sizeof(*Params);
    Params->Type = WdfIoTargetOpenUseExistingDevice;
    Params->TargetDeviceObject = DeviceObject;
}

#define WDF_TARGET_(result, name, NAME, params, args)                                              \
    WDF_FUNCTION(result, WdfIoTarget##name, WDFIOTARGET##NAME, params, args)
WDF_TARGET_(NTSTATUS, Create, CREATE,
            (WDFDEVICE Device, PWDF_OBJECT_ATTRIBUTES IoTargetAttributes, WDFIOTARGET *IoTarget),
            (Device, IoTargetAttributes, IoTarget));
WDF_TARGET_(NTSTATUS, Open, OPEN, (WDFIOTARGET IoTarget, PWDF_IO_TARGET_OPEN_PARAMS OpenParams),
            (IoTarget, OpenParams));
WDF_TARGET_(VOID, Close, CLOSE, (WDFIOTARGET IoTarget), (IoTarget));
WDF_TARGET_(NTSTATUS, Start, START, (WDFIOTARGET IoTarget), (IoTarget));
WDF_TARGET_(VOID, Stop, STOP, (WDFIOTARGET IoTarget, WDF_IO_TARGET_SENT_IO_ACTION Action),
            (IoTarget, Action));
WDF_TARGET_(WDF_IO_TARGET_STATE, GetState, GETSTATE, (WDFIOTARGET IoTarget), (IoTarget));
WDF_TARGET_(WDFDEVICE, GetDevice, GETDEVICE, (WDFIOTARGET IoTarget), (IoTarget));
WDF_TARGET_(PDEVICE_OBJECT, WdmGetTargetDeviceObject, WDMGETTARGETDEVICEOBJECT,
            (WDFIOTARGET IoTarget), (IoTarget));
WDF_TARGET_(NTSTATUS, SendIoctlSynchronously, SENDIOCTLSYNCHRONOUSLY,
            (WDFIOTARGET IoTarget, WDFREQUEST Request, ULONG IoctlCode,
             PWDF_MEMORY_DESCRIPTOR InputBuffer, PWDF_MEMORY_DESCRIPTOR OutputBuffer,
             PWDF_REQUEST_SEND_OPTIONS RequestOptions, PULONG_PTR BytesReturned),
            (IoTarget, Request, IoctlCode, InputBuffer, OutputBuffer, RequestOptions,
             BytesReturned));
WDF_TARGET_(NTSTATUS, FormatRequestForIoctl, FORMATREQUESTFORIOCTL,
            (WDFIOTARGET IoTarget, WDFREQUEST Request, ULONG IoctlCode, WDFMEMORY InputBuffer,
             PWDFMEMORY_OFFSET InputBufferOffset, WDFMEMORY OutputBuffer,
             PWDFMEMORY_OFFSET OutputBufferOffset),
            (IoTarget, Request, IoctlCode, InputBuffer, InputBufferOffset, OutputBuffer,
             OutputBufferOffset));

EXTERN_C_END

#endif
