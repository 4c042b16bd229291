/* I/O requests. */
#ifndef _WDFREQUEST_H_
#define _WDFREQUEST_H_

#include "wdfmemory.h"

EXTERN_C_START

typedef enum _WDF_REQUEST_TYPE {
    WdfRequestTypeCreate = 0x0,
    WdfRequestTypeCreateNamedPipe = 0x1,
    WdfRequestTypeClose = 0x2,
    WdfRequestTypeRead = 0x3,
    WdfRequestTypeWrite = 0x4,
    WdfRequestTypeQueryInformation = 0x5,
    WdfRequestTypeSetInformation = 0x6,
    WdfRequestTypeQueryEA = 0x7,
    WdfRequestTypeSetEA = 0x8,
    WdfRequestTypeFlushBuffers = 0x9,
    WdfRequestTypeQueryVolumeInformation = 0xa,
    WdfRequestTypeSetVolumeInformation = 0xb,
    WdfRequestTypeDirectoryControl = 0xc,
    WdfRequestTypeFileSystemControl = 0xd,
    WdfRequestTypeDeviceControl = 0xe,
    WdfRequestTypeDeviceControlInternal = 0xf,
    WdfRequestTypeShutdown = 0x10,
    WdfRequestTypeLockControl = 0x11,
    WdfRequestTypeCleanup = 0x12,
    WdfRequestTypeCreateMailSlot = 0x13,
    WdfRequestTypeQuerySecurity = 0x14,
    WdfRequestTypeSetSecurity = 0x15,
    WdfRequestTypePower = 0x16,
    WdfRequestTypeSystemControl = 0x17,
    WdfRequestTypeDeviceChange = 0x18,
    WdfRequestTypeQueryQuota = 0x19,
    WdfRequestTypeSetQuota = 0x1A,
    WdfRequestTypePnp = 0x1B,
    WdfRequestTypeOther = 0x1C,
    WdfRequestTypeUsb = 0x40,
    WdfRequestTypeNoFormat = 0xFF,
    WdfRequestTypeMax
} WDF_REQUEST_TYPE;
typedef enum _WDF_REQUEST_REUSE_FLAGS {
    WDF_REQUEST_REUSE_NO_FLAGS = 0,
    WDF_REQUEST_REUSE_SET_NEW_IRP = 1
} WDF_REQUEST_REUSE_FLAGS;
typedef enum _WDF_REQUEST_SEND_OPTIONS_FLAGS {
    WDF_REQUEST_SEND_OPTION_TIMEOUT = 0x0000001,
    WDF_REQUEST_SEND_OPTION_SYNCHRONOUS = 0x0000002,
    WDF_REQUEST_SEND_OPTION_IGNORE_TARGET_STATE = 0x0000004,
    WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET = 0x0000008,
    WDF_REQUEST_SEND_OPTION_IMPERSONATE_CLIENT = 0x0010000,
    WDF_REQUEST_SEND_OPTION_IMPERSONATION_IGNORE_FAILURE = 0x0020000
} WDF_REQUEST_SEND_OPTIONS_FLAGS;

typedef struct _WDF_REQUEST_PARAMETERS {
    USHORT Size;
    UCHAR MinorFunction;
    WDF_REQUEST_TYPE Type;
    union {
        struct {
            PIO_SECURITY_CONTEXT SecurityContext;
            ULONG Options;
            DECLSPEC_ALIGN(8) USHORT FileAttributes;
            USHORT ShareAccess;
            DECLSPEC_ALIGN(8) ULONG EaLength;
        } Create;
        struct {
            size_t Length;
            DECLSPEC_ALIGN(8) ULONG Key;
            LONGLONG DeviceOffset;
        } Read;
        struct {
            size_t Length;
            DECLSPEC_ALIGN(8) ULONG Key;
            LONGLONG DeviceOffset;
        } Write;
        struct {
            size_t OutputBufferLength;
            size_t InputBufferLength;
            DECLSPEC_ALIGN(8) ULONG IoControlCode;
            PVOID Type3InputBuffer;
        } DeviceIoControl;
        struct {
            PVOID Arg1;
            PVOID Arg2;
            DECLSPEC_ALIGN(8) ULONG IoControlCode;
            PVOID Arg4;
        } Others;
    } Parameters;
} WDF_REQUEST_PARAMETERS, *PWDF_REQUEST_PARAMETERS;
NT_INLINE VOID
WDF_REQUEST_PARAMETERS_INIT(PWDF_REQUEST_PARAMETERS Parameters)
{
    RtlZeroMemory(Parameters, sizeof(*Parameters));
    Parameters->Size = sizeof(*Parameters);
}

typedef struct _WDF_USB_REQUEST_COMPLETION_PARAMS *PWDF_USB_REQUEST_COMPLETION_PARAMS;
typedef struct _WDF_REQUEST_COMPLETION_PARAMS {
    ULONG Size;
    WDF_REQUEST_TYPE Type;
    IO_STATUS_BLOCK IoStatus;
    union {
        struct {
            WDFMEMORY Buffer;
            size_t Length;
            size_t Offset;
        } Write;
        struct {
            WDFMEMORY Buffer;
            size_t Length;
            size_t Offset;
        } Read;
        struct {
            ULONG IoControlCode;
            struct {
                WDFMEMORY Buffer;
                size_t Offset;
            } Input;
            struct {
                WDFMEMORY Buffer;
                size_t Offset;
                size_t Length;
            } Output;
        } Ioctl;
        struct {
            union {
                PVOID Ptr;
                ULONG_PTR Value;
            } Argument1;
            union {
                PVOID Ptr;
                ULONG_PTR Value;
            } Argument2;
            union {
                PVOID Ptr;
                ULONG_PTR Value;
            } Argument3;
            union {
                PVOID Ptr;
                ULONG_PTR Value;
            } Argument4;
        } Others;
        struct {
            PWDF_USB_REQUEST_COMPLETION_PARAMS Completion;
        } Usb;
    } Parameters;
} WDF_REQUEST_COMPLETION_PARAMS, *PWDF_REQUEST_COMPLETION_PARAMS;
NT_INLINE VOID
WDF_REQUEST_COMPLETION_PARAMS_INIT(PWDF_REQUEST_COMPLETION_PARAMS Params)
{
    RtlZeroMemory(Params, sizeof(*Params));
    Params->Size = sizeof(*Params);
    Params->Type = WdfRequestTypeNoFormat;
}

typedef struct _WDF_REQUEST_REUSE_PARAMS {
    ULONG Size;
    ULONG Flags;
    NTSTATUS Status;
    PIRP NewIrp;
} WDF_REQUEST_REUSE_PARAMS, *PWDF_REQUEST_REUSE_PARAMS;
NT_INLINE VOID
WDF_REQUEST_REUSE_PARAMS_INIT(PWDF_REQUEST_REUSE_PARAMS Params, ULONG Flags, NTSTATUS Status)
{
    RtlZeroMemory(Params, sizeof(*Params));
    Params->Size = sizeof(*Params);
    Params->Flags = Flags;
    Params->Status = Status;
}
NT_INLINE VOID
WDF_REQUEST_REUSE_PARAMS_SET_NEW_IRP(PWDF_REQUEST_REUSE_PARAMS Params, PIRP NewIrp)
{
    Params->Flags |= WDF_REQUEST_REUSE_SET_NEW_IRP;
    Params->NewIrp = NewIrp;
}

typedef struct _WDF_REQUEST_SEND_OPTIONS {
    ULONG Size;
    ULONG Flags;
    LONGLONG Timeout;
} WDF_REQUEST_SEND_OPTIONS, *PWDF_REQUEST_SEND_OPTIONS;
NT_INLINE VOID
WDF_REQUEST_SEND_OPTIONS_INIT(PWDF_REQUEST_SEND_OPTIONS Options, ULONG Flags)
{
    RtlZeroMemory(Options, sizeof(*Options));
    Options->Size = sizeof(*Options);
    Options->Flags = Flags;
}
NT_INLINE VOID
WDF_REQUEST_SEND_OPTIONS_SET_TIMEOUT(PWDF_REQUEST_SEND_OPTIONS Options, LONGLONG Timeout)
{
    Options->Flags |= WDF_REQUEST_SEND_OPTION_TIMEOUT;
    Options->Timeout = Timeout;
}

/* Relative times are negative, in units of 100 ns. */
#define WDF_TIMEOUT_TO_SEC           ((LONGLONG)1 * 10 * 1000 * 1000)
#define WDF_TIMEOUT_TO_MS            ((LONGLONG)1 * 10 * 1000)
#define WDF_TIMEOUT_TO_US            ((LONGLONG)1 * 10)
#define WDF_REL_TIMEOUT_IN_SEC(Time) ((Time) * -1 * WDF_TIMEOUT_TO_SEC)
#define WDF_ABS_TIMEOUT_IN_SEC(Time) ((Time)*1 * WDF_TIMEOUT_TO_SEC)
#define WDF_REL_TIMEOUT_IN_MS(Time)  ((Time) * -1 * WDF_TIMEOUT_TO_MS)
#define WDF_ABS_TIMEOUT_IN_MS(Time)  ((Time)*1 * WDF_TIMEOUT_TO_MS)
#define WDF_REL_TIMEOUT_IN_US(Time)  ((Time) * -1 * WDF_TIMEOUT_TO_US)
#define WDF_ABS_TIMEOUT_IN_US(Time)  ((Time)*1 * WDF_TIMEOUT_TO_US)

typedef VOID NTAPI EVT_WDF_REQUEST_CANCEL(WDFREQUEST Request);
typedef EVT_WDF_REQUEST_CANCEL *PFN_WDF_REQUEST_CANCEL;
typedef VOID NTAPI EVT_WDF_REQUEST_COMPLETION_ROUTINE(WDFREQUEST Request, WDFIOTARGET Target,
                                                      PWDF_REQUEST_COMPLETION_PARAMS Params,
                                                      WDFCONTEXT Context);
typedef EVT_WDF_REQUEST_COMPLETION_ROUTINE *PFN_WDF_REQUEST_COMPLETION_ROUTINE;

#define WDF_REQ_(result, name, NAME, params, args)                                                 \
    WDF_FUNCTION(result, WdfRequest##name, WDFREQUEST##NAME, params, args)
WDF_REQ_(NTSTATUS, Create, CREATE,
         (PWDF_OBJECT_ATTRIBUTES RequestAttributes, WDFIOTARGET IoTarget, WDFREQUEST *Request),
         (RequestAttributes, IoTarget, Request));
WDF_REQ_(NTSTATUS, CreateFromIrp, CREATEFROMIRP,
         (PWDF_OBJECT_ATTRIBUTES RequestAttributes, PIRP Irp, BOOLEAN RequestFreesIrp,
          WDFREQUEST *Request),
         (RequestAttributes, Irp, RequestFreesIrp, Request));
WDF_REQ_(NTSTATUS, Reuse, REUSE, (WDFREQUEST Request, PWDF_REQUEST_REUSE_PARAMS ReuseParams),
         (Request, ReuseParams));
WDF_REQ_(NTSTATUS, ChangeTarget, CHANGETARGET, (WDFREQUEST Request, WDFIOTARGET IoTarget),
         (Request, IoTarget));
WDF_REQ_(VOID, FormatRequestUsingCurrentType, FORMATREQUESTUSINGCURRENTTYPE, (WDFREQUEST Request),
         (Request));
WDF_REQ_(VOID, WdmFormatUsingStackLocation, WDMFORMATUSINGSTACKLOCATION,
         (WDFREQUEST Request, PIO_STACK_LOCATION Stack), (Request, Stack));
WDF_REQ_(BOOLEAN, Send, SEND,
         (WDFREQUEST Request, WDFIOTARGET Target, PWDF_REQUEST_SEND_OPTIONS Options),
         (Request, Target, Options));
WDF_REQ_(NTSTATUS, GetStatus, GETSTATUS, (WDFREQUEST Request), (Request));
WDF_REQ_(VOID, MarkCancelable, MARKCANCELABLE,
         (WDFREQUEST Request, PFN_WDF_REQUEST_CANCEL EvtRequestCancel),
         (Request, EvtRequestCancel));
WDF_REQ_(NTSTATUS, MarkCancelableEx, MARKCANCELABLEEX,
         (WDFREQUEST Request, PFN_WDF_REQUEST_CANCEL EvtRequestCancel),
         (Request, EvtRequestCancel));
WDF_REQ_(NTSTATUS, UnmarkCancelable, UNMARKCANCELABLE, (WDFREQUEST Request), (Request));
WDF_REQ_(BOOLEAN, IsCanceled, ISCANCELED, (WDFREQUEST Request), (Request));
WDF_REQ_(BOOLEAN, CancelSentRequest, CANCELSENTREQUEST, (WDFREQUEST Request), (Request));
WDF_REQ_(BOOLEAN, IsFrom32BitProcess, ISFROM32BITPROCESS, (WDFREQUEST Request), (Request));
WDF_REQ_(VOID, SetCompletionRoutine, SETCOMPLETIONROUTINE,
         (WDFREQUEST Request, PFN_WDF_REQUEST_COMPLETION_ROUTINE CompletionRoutine,
          WDFCONTEXT CompletionContext),
         (Request, CompletionRoutine, CompletionContext));
WDF_REQ_(VOID, GetCompletionParams, GETCOMPLETIONPARAMS,
         (WDFREQUEST Request, PWDF_REQUEST_COMPLETION_PARAMS Params), (Request, Params));
WDF_REQ_(NTSTATUS, AllocateTimer, ALLOCATETIMER, (WDFREQUEST Request), (Request));
WDF_REQ_(VOID, Complete, COMPLETE, (WDFREQUEST Request, NTSTATUS Status), (Request, Status));
WDF_REQ_(VOID, CompleteWithPriorityBoost, COMPLETEWITHPRIORITYBOOST,
         (WDFREQUEST Request, NTSTATUS Status, CCHAR PriorityBoost),
         (Request, Status, PriorityBoost));
WDF_REQ_(VOID, CompleteWithInformation, COMPLETEWITHINFORMATION,
         (WDFREQUEST Request, NTSTATUS Status, ULONG_PTR Information),
         (Request, Status, Information));
WDF_REQ_(VOID, GetParameters, GETPARAMETERS,
         (WDFREQUEST Request, PWDF_REQUEST_PARAMETERS Parameters), (Request, Parameters));
WDF_REQ_(NTSTATUS, RetrieveInputMemory, RETRIEVEINPUTMEMORY,
         (WDFREQUEST Request, WDFMEMORY *Memory), (Request, Memory));
WDF_REQ_(NTSTATUS, RetrieveOutputMemory, RETRIEVEOUTPUTMEMORY,
         (WDFREQUEST Request, WDFMEMORY *Memory), (Request, Memory));
WDF_REQ_(NTSTATUS, RetrieveInputBuffer, RETRIEVEINPUTBUFFER,
         (WDFREQUEST Request, size_t MinimumRequiredLength, PVOID *Buffer, size_t *Length),
         (Request, MinimumRequiredLength, Buffer, Length));
WDF_REQ_(NTSTATUS, RetrieveOutputBuffer, RETRIEVEOUTPUTBUFFER,
         (WDFREQUEST Request, size_t MinimumRequiredSize, PVOID *Buffer, size_t *Length),
         (Request, MinimumRequiredSize, Buffer, Length));
WDF_REQ_(NTSTATUS, RetrieveInputWdmMdl, RETRIEVEINPUTWDMMDL, (WDFREQUEST Request, PMDL *Mdl),
         (Request, Mdl));
WDF_REQ_(NTSTATUS, RetrieveOutputWdmMdl, RETRIEVEOUTPUTWDMMDL, (WDFREQUEST Request, PMDL *Mdl),
         (Request, Mdl));
WDF_REQ_(NTSTATUS, RetrieveUnsafeUserInputBuffer, RETRIEVEUNSAFEUSERINPUTBUFFER,
         (WDFREQUEST Request, size_t MinimumRequiredLength, PVOID *InputBuffer, size_t *Length),
         (Request, MinimumRequiredLength, InputBuffer, Length));
WDF_REQ_(NTSTATUS, RetrieveUnsafeUserOutputBuffer, RETRIEVEUNSAFEUSEROUTPUTBUFFER,
         (WDFREQUEST Request, size_t MinimumRequiredLength, PVOID *OutputBuffer, size_t *Length),
         (Request, MinimumRequiredLength, OutputBuffer, Length));
WDF_REQ_(VOID, SetInformation, SETINFORMATION, (WDFREQUEST Request, ULONG_PTR Information),
         (Request, Information));
WDF_REQ_(ULONG_PTR, GetInformation, GETINFORMATION, (WDFREQUEST Request), (Request));
WDF_REQ_(WDFFILEOBJECT, GetFileObject, GETFILEOBJECT, (WDFREQUEST Request), (Request));
WDF_REQ_(NTSTATUS, ProbeAndLockUserBufferForRead, PROBEANDLOCKUSERBUFFERFORREAD,
         (WDFREQUEST Request, PVOID Buffer, size_t Length, WDFMEMORY *MemoryObject),
         (Request, Buffer, Length, MemoryObject));
WDF_REQ_(NTSTATUS, ProbeAndLockUserBufferForWrite, PROBEANDLOCKUSERBUFFERFORWRITE,
         (WDFREQUEST Request, PVOID Buffer, size_t Length, WDFMEMORY *MemoryObject),
         (Request, Buffer, Length, MemoryObject));
WDF_REQ_(KPROCESSOR_MODE, GetRequestorMode, GETREQUESTORMODE, (WDFREQUEST Request), (Request));
WDF_REQ_(ULONG, GetRequestorProcessId, GETREQUESTORPROCESSID, (WDFREQUEST Request), (Request));
WDF_REQ_(NTSTATUS, ForwardToIoQueue, FORWARDTOIOQUEUE,
         (WDFREQUEST Request, WDFQUEUE DestinationQueue), (Request, DestinationQueue));
WDF_REQ_(WDFQUEUE, GetIoQueue, GETIOQUEUE, (WDFREQUEST Request), (Request));
WDF_REQ_(NTSTATUS, Requeue, REQUEUE, (WDFREQUEST Request), (Request));
WDF_REQ_(VOID, StopAcknowledge, STOPACKNOWLEDGE, (WDFREQUEST Request, BOOLEAN Requeue),
         (Request, Requeue));
WDF_REQ_(PIRP, WdmGetIrp, WDMGETIRP, (WDFREQUEST Request), (Request));
WDF_REQ_(BOOLEAN, IsReserved, ISRESERVED, (WDFREQUEST Request), (Request));

EXTERN_C_END

#endif
