/* I/O queues. */
#ifndef _WDFIO_H_
#define _WDFIO_H_

#include "wdfobject.h"

EXTERN_C_START

typedef enum _WDF_IO_QUEUE_DISPATCH_TYPE {
    WdfIoQueueDispatchInvalid,
    WdfIoQueueDispatchSequential,
    WdfIoQueueDispatchParallel,
    WdfIoQueueDispatchManual,
    WdfIoQueueDispatchMax
} WDF_IO_QUEUE_DISPATCH_TYPE;
typedef enum _WDF_IO_QUEUE_STATE {
    WdfIoQueueAcceptRequests = 0x01,
    WdfIoQueueDispatchRequests = 0x02,
    WdfIoQueueNoRequests = 0x04,
    WdfIoQueueDriverNoRequests = 0x08,
    WdfIoQueuePnpHeld = 0x10
} WDF_IO_QUEUE_STATE;
#define WDF_IO_QUEUE_IDLE(State)                                                                   \
    (((State) & (WdfIoQueueNoRequests | WdfIoQueueDriverNoRequests)) ==                            \
     (WdfIoQueueNoRequests | WdfIoQueueDriverNoRequests))
#define WDF_IO_QUEUE_READY(State)                                                                  \
    (((State) & (WdfIoQueueDispatchRequests | WdfIoQueueAcceptRequests)) ==                        \
     (WdfIoQueueDispatchRequests | WdfIoQueueAcceptRequests))
#define WDF_IO_QUEUE_STOPPED(State)                                                                \
    (((State) & (WdfIoQueueDispatchRequests | WdfIoQueueDriverNoRequests)) ==                      \
     WdfIoQueueDriverNoRequests)
#define WDF_IO_QUEUE_DRAINED(State)                                                                \
    (((State) & (WdfIoQueueAcceptRequests | WdfIoQueueNoRequests | WdfIoQueueDriverNoRequests)) == \
     (WdfIoQueueNoRequests | WdfIoQueueDriverNoRequests))
#define WDF_IO_QUEUE_PURGED(State) WDF_IO_QUEUE_DRAINED(State)
typedef enum _WDF_REQUEST_STOP_ACTION_FLAGS {
    WdfRequestStopActionInvalid = 0,
    WdfRequestStopActionSuspend = 0x01,
    WdfRequestStopActionPurge = 0x2,
    WdfRequestStopRequestCancelable = 0x10000000
} WDF_REQUEST_STOP_ACTION_FLAGS;

typedef VOID NTAPI EVT_WDF_IO_QUEUE_IO_DEFAULT(WDFQUEUE Queue, WDFREQUEST Request);
typedef EVT_WDF_IO_QUEUE_IO_DEFAULT *PFN_WDF_IO_QUEUE_IO_DEFAULT;
typedef VOID NTAPI EVT_WDF_IO_QUEUE_IO_STOP(WDFQUEUE Queue, WDFREQUEST Request, ULONG ActionFlags);
typedef EVT_WDF_IO_QUEUE_IO_STOP *PFN_WDF_IO_QUEUE_IO_STOP;
typedef VOID NTAPI EVT_WDF_IO_QUEUE_IO_RESUME(WDFQUEUE Queue, WDFREQUEST Request);
typedef EVT_WDF_IO_QUEUE_IO_RESUME *PFN_WDF_IO_QUEUE_IO_RESUME;
typedef VOID NTAPI EVT_WDF_IO_QUEUE_IO_READ(WDFQUEUE Queue, WDFREQUEST Request, size_t Length);
typedef EVT_WDF_IO_QUEUE_IO_READ *PFN_WDF_IO_QUEUE_IO_READ;
typedef VOID NTAPI EVT_WDF_IO_QUEUE_IO_WRITE(WDFQUEUE Queue, WDFREQUEST Request, size_t Length);
typedef EVT_WDF_IO_QUEUE_IO_WRITE *PFN_WDF_IO_QUEUE_IO_WRITE;
typedef VOID NTAPI EVT_WDF_IO_QUEUE_IO_DEVICE_CONTROL(WDFQUEUE Queue, WDFREQUEST Request,
                                                      size_t OutputBufferLength,
                                                      size_t InputBufferLength,
                                                      ULONG IoControlCode);
typedef EVT_WDF_IO_QUEUE_IO_DEVICE_CONTROL *PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL;
typedef VOID NTAPI EVT_WDF_IO_QUEUE_IO_INTERNAL_DEVICE_CONTROL(WDFQUEUE Queue, WDFREQUEST Request,
                                                               size_t OutputBufferLength,
                                                               size_t InputBufferLength,
                                                               ULONG IoControlCode);
typedef EVT_WDF_IO_QUEUE_IO_INTERNAL_DEVICE_CONTROL *PFN_WDF_IO_QUEUE_IO_INTERNAL_DEVICE_CONTROL;
typedef VOID NTAPI EVT_WDF_IO_QUEUE_IO_CANCELED_ON_QUEUE(WDFQUEUE Queue, WDFREQUEST Request);
typedef EVT_WDF_IO_QUEUE_IO_CANCELED_ON_QUEUE *PFN_WDF_IO_QUEUE_IO_CANCELED_ON_QUEUE;
typedef VOID NTAPI EVT_WDF_IO_QUEUE_STATE(WDFQUEUE Queue, WDFCONTEXT Context);
typedef EVT_WDF_IO_QUEUE_STATE *PFN_WDF_IO_QUEUE_STATE;

typedef struct _WDF_IO_QUEUE_CONFIG {
    ULONG Size;
    WDF_IO_QUEUE_DISPATCH_TYPE DispatchType;
    WDF_TRI_STATE PowerManaged;
    BOOLEAN AllowZeroLengthRequests;
    BOOLEAN DefaultQueue;
    PFN_WDF_IO_QUEUE_IO_DEFAULT EvtIoDefault;
    PFN_WDF_IO_QUEUE_IO_READ EvtIoRead;
    PFN_WDF_IO_QUEUE_IO_WRITE EvtIoWrite;
    PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL EvtIoDeviceControl;
    PFN_WDF_IO_QUEUE_IO_INTERNAL_DEVICE_CONTROL EvtIoInternalDeviceControl;
    PFN_WDF_IO_QUEUE_IO_STOP EvtIoStop;
    PFN_WDF_IO_QUEUE_IO_RESUME EvtIoResume;
    PFN_WDF_IO_QUEUE_IO_CANCELED_ON_QUEUE EvtIoCanceledOnQueue;
    union {
        struct {
            ULONG NumberOfPresentedRequests;
        } Parallel;
    } Settings;
    WDFDRIVER Driver;
} WDF_IO_QUEUE_CONFIG, *PWDF_IO_QUEUE_CONFIG;
NT_INLINE VOID
WDF_IO_QUEUE_CONFIG_INIT(PWDF_IO_QUEUE_CONFIG Config, WDF_IO_QUEUE_DISPATCH_TYPE DispatchType)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->PowerManaged = WdfUseDefault;
    Config->DispatchType = DispatchType;
    if (DispatchType == WdfIoQueueDispatchParallel)
        Config->Settings.Parallel.NumberOfPresentedRequests = (ULONG)-1;
}
NT_INLINE VOID
WDF_IO_QUEUE_CONFIG_INIT_DEFAULT_QUEUE(PWDF_IO_QUEUE_CONFIG Config,
                                       WDF_IO_QUEUE_DISPATCH_TYPE DispatchType)
{
    WDF_IO_QUEUE_CONFIG_INIT(Config, DispatchType);
    Config->DefaultQueue = TRUE;
}

#define WDF_QUEUE_(result, name, NAME, params, args)                                               \
    WDF_FUNCTION(result, WdfIoQueue##name, WDFIOQUEUE##NAME, params, args)
WDF_QUEUE_(NTSTATUS, Create, CREATE,
           (WDFDEVICE Device, PWDF_IO_QUEUE_CONFIG Config, PWDF_OBJECT_ATTRIBUTES QueueAttributes,
            WDFQUEUE *Queue),
           (Device, Config, QueueAttributes, Queue));
WDF_QUEUE_(WDF_IO_QUEUE_STATE, GetState, GETSTATE,
           (WDFQUEUE Queue, PULONG QueueRequests, PULONG DriverRequests),
           (Queue, QueueRequests, DriverRequests));
WDF_QUEUE_(VOID, Start, START, (WDFQUEUE Queue), (Queue));
WDF_QUEUE_(VOID, Stop, STOP,
           (WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE StopComplete, WDFCONTEXT Context),
           (Queue, StopComplete, Context));
WDF_QUEUE_(VOID, StopSynchronously, STOPSYNCHRONOUSLY, (WDFQUEUE Queue), (Queue));
WDF_QUEUE_(WDFDEVICE, GetDevice, GETDEVICE, (WDFQUEUE Queue), (Queue));
WDF_QUEUE_(NTSTATUS, RetrieveNextRequest, RETRIEVENEXTREQUEST,
           (WDFQUEUE Queue, WDFREQUEST *OutRequest), (Queue, OutRequest));
WDF_QUEUE_(NTSTATUS, RetrieveRequestByFileObject, RETRIEVEREQUESTBYFILEOBJECT,
           (WDFQUEUE Queue, WDFFILEOBJECT FileObject, WDFREQUEST *OutRequest),
           (Queue, FileObject, OutRequest));
struct _WDF_REQUEST_PARAMETERS;
WDF_QUEUE_(NTSTATUS, FindRequest, FINDREQUEST,
           (WDFQUEUE Queue, WDFREQUEST FoundRequest, WDFFILEOBJECT FileObject,
            struct _WDF_REQUEST_PARAMETERS *Parameters, WDFREQUEST *OutRequest),
           (Queue, FoundRequest, FileObject, Parameters, OutRequest));
WDF_QUEUE_(NTSTATUS, RetrieveFoundRequest, RETRIEVEFOUNDREQUEST,
           (WDFQUEUE Queue, WDFREQUEST FoundRequest, WDFREQUEST *OutRequest),
           (Queue, FoundRequest, OutRequest));
WDF_QUEUE_(VOID, DrainSynchronously, DRAINSYNCHRONOUSLY, (WDFQUEUE Queue), (Queue));
WDF_QUEUE_(VOID, Drain, DRAIN,
           (WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE DrainComplete, WDFCONTEXT Context),
           (Queue, DrainComplete, Context));
WDF_QUEUE_(VOID, PurgeSynchronously, PURGESYNCHRONOUSLY, (WDFQUEUE Queue), (Queue));
WDF_QUEUE_(VOID, Purge, PURGE,
           (WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE PurgeComplete, WDFCONTEXT Context),
           (Queue, PurgeComplete, Context));
WDF_QUEUE_(VOID, StopAndPurge, STOPANDPURGE,
           (WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE StopAndPurgeComplete, WDFCONTEXT Context),
           (Queue, StopAndPurgeComplete, Context));
WDF_QUEUE_(VOID, StopAndPurgeSynchronously, STOPANDPURGESYNCHRONOUSLY, (WDFQUEUE Queue), (Queue));
WDF_QUEUE_(NTSTATUS, ReadyNotify, READYNOTIFY,
           (WDFQUEUE Queue, PFN_WDF_IO_QUEUE_STATE QueueReady, WDFCONTEXT Context),
           (Queue, QueueReady, Context));
WDF_FUNCTION(NTSTATUS, WdfDeviceConfigureRequestDispatching, WDFDEVICECONFIGUREREQUESTDISPATCHING,
             (WDFDEVICE Device, WDFQUEUE Queue, ULONG RequestType), (Device, Queue, RequestType));

EXTERN_C_END

#endif
