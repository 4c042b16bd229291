/*
 * Framework devices: the init structure, control devices, names, and the dispatch of their IRPs.
 *
 * Model      Every IRP of every device comes to wdf_device_dispatch(): create, close, cleanup go to
 *            wdf_file.c; reads, writes and controls become requests, are shown to the driver in the
 *            caller's context if it wants that, and go to a queue.
 * Gap        There is no PnP manager: only control devices exist.
 * Ref        wdf/using-control-device-objects
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdlib.h>

#include "nt/ntos/io_device.h"
#include "nt/ntos/io_interface.h"
#include "nt/ntos/nt_object.h"

#define EXTENSION_MAGIC 0x5645446664570000ull

/** The device extension of a framework device. */
struct extension {
    uint64_t magic;
    struct wdf_device *device;
};

static struct wdf_device *
device_of(PDEVICE_OBJECT device_object)
{
    struct extension *extension = device_object->DeviceExtension;
    return extension && extension->magic == EXTENSION_MAGIC ? extension->device : NULL;
}

/* --- WDFDEVICE_INIT --- */

static void
free_init(struct WDFDEVICE_INIT *init)
{
    free(init->name.Buffer);
    free(init);
}

/** @return NULL when memory is out. Access by SDDL text is not checked. IRQL: PASSIVE_LEVEL. Ref: wdfcontrol. */
WDF_API(PWDFDEVICE_INIT, WdfControlDeviceInitAllocate, WDFDRIVER Driver,
        const UNICODE_STRING *SDDLString)
{
    struct WDFDEVICE_INIT *init = calloc(1, sizeof(*init));

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!init)
        return NULL;
    init->driver = ((struct wdf_object *)WDF_GET(Driver, DRIVER))->driver;
    init->is_control = true;
    init->device_type = FILE_DEVICE_UNKNOWN;
    init->characteristics = FILE_DEVICE_SECURE_OPEN;
    init->read_write_io = init->control_io = WdfDeviceIoBuffered;
    return init;
}

/** Needed only when no device was created from it. IRQL: PASSIVE_LEVEL. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceInitFree, PWDFDEVICE_INIT DeviceInit)
{
    free_init(DeviceInit);
}

/** How reads and writes bring their data. IRQL: PASSIVE_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdeviceinitsetiotype. */
WDF_API(VOID, WdfDeviceInitSetIoType, PWDFDEVICE_INIT DeviceInit, WDF_DEVICE_IO_TYPE IoType)
{
    DeviceInit->read_write_io = IoType;
}

/** As WdfDeviceInitSetIoType. The control type only matters to user-mode drivers. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceInitSetIoTypeEx, PWDFDEVICE_INIT DeviceInit,
        PWDF_IO_TYPE_CONFIG IoTypeConfig)
{
    DeviceInit->read_write_io = IoTypeConfig->ReadWriteIoType;
    DeviceInit->control_io = IoTypeConfig->DeviceControlIoType;
}

/** One open file at a time. IRQL: PASSIVE_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdeviceinitsetexclusive. */
WDF_API(VOID, WdfDeviceInitSetExclusive, PWDFDEVICE_INIT DeviceInit, BOOLEAN IsExclusive)
{
    DeviceInit->is_exclusive = IsExclusive;
}

/** No power management here: accepted. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceInitSetPowerNotPageable, PWDFDEVICE_INIT DeviceInit)
{
}

/** No power management here: accepted. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceInitSetPowerPageable, PWDFDEVICE_INIT DeviceInit)
{
}

/** No power management here: accepted. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceInitSetPowerInrush, PWDFDEVICE_INIT DeviceInit)
{
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdeviceinitsetdevicetype. */
WDF_API(VOID, WdfDeviceInitSetDeviceType, PWDFDEVICE_INIT DeviceInit, DEVICE_TYPE DeviceType)
{
    DeviceInit->device_type = DeviceType;
}

/** NULL takes the name away. @return STATUS_INSUFFICIENT_RESOURCES. Ref: wdfdevice/nf-wdfdevice-wdfdeviceinitassignname. */
WDF_API(NTSTATUS, WdfDeviceInitAssignName, PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING DeviceName)
{
    WCHAR *copy = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (DeviceName) {
        copy = malloc(DeviceName->Length + sizeof(WCHAR));
        if (!copy)
            return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(copy, DeviceName->Buffer, DeviceName->Length);
    }
    free(DeviceInit->name.Buffer);
    DeviceInit->name = (UNICODE_STRING){DeviceName ? DeviceName->Length : 0,
                                        DeviceName ? DeviceName->Length : 0, copy};
    return STATUS_SUCCESS;
}

/** Gap: access is not checked against it. Ref: wdfdevice/nf-wdfdevice-wdfdeviceinitassignsddlstring. */
WDF_API(NTSTATUS, WdfDeviceInitAssignSDDLString, PWDFDEVICE_INIT DeviceInit,
        PCUNICODE_STRING SDDLString)
{
    return STATUS_SUCCESS;
}

/** Accepted: there is no class registry. Ref: wdfdevice/nf-wdfdevice-wdfdeviceinitsetdeviceclass. */
WDF_API(VOID, WdfDeviceInitSetDeviceClass, PWDFDEVICE_INIT DeviceInit, const GUID *DeviceClassGuid)
{
}

/** Accepted for a control device too: drivers call it there. Ref: wdfpdo/nf-wdfpdo-wdfpdoinitassignrawdevice. */
WDF_API(NTSTATUS, WdfPdoInitAssignRawDevice, PWDFDEVICE_INIT DeviceInit,
        const GUID *DeviceClassGuid)
{
    return STATUS_SUCCESS;
}

/** @p OrInValues: add to what is set. IRQL: PASSIVE_LEVEL. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceInitSetCharacteristics, PWDFDEVICE_INIT DeviceInit,
        ULONG DeviceCharacteristics, BOOLEAN OrInValues)
{
    DeviceInit->characteristics =
        (OrInValues ? DeviceInit->characteristics : 0) | DeviceCharacteristics;
}

/** Callbacks for open, cleanup and close, and contexts for file objects. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceInitSetFileObjectConfig, PWDFDEVICE_INIT DeviceInit,
        PWDF_FILEOBJECT_CONFIG FileObjectConfig, PWDF_OBJECT_ATTRIBUTES FileObjectAttributes)
{
    DeviceInit->file_config = *FileObjectConfig;
    DeviceInit->has_file_config = true;
    DeviceInit->has_file_attributes = FileObjectAttributes != NULL;
    if (FileObjectAttributes)
        DeviceInit->file_attributes = *FileObjectAttributes;
}

/** Contexts for requests. Ref: wdfdevice/nf-wdfdevice-wdfdeviceinitsetrequestattributes. */
WDF_API(VOID, WdfDeviceInitSetRequestAttributes, PWDFDEVICE_INIT DeviceInit,
        PWDF_OBJECT_ATTRIBUTES RequestAttributes)
{
    DeviceInit->request_attributes = *RequestAttributes;
    DeviceInit->has_request_attributes = true;
}

/**
 * See IRPs before the framework does.
 *
 * @param MinorFunctions  only these; none: all
 * @return STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdeviceinitassignwdmirppreprocesscallback.
 */
WDF_API(NTSTATUS, WdfDeviceInitAssignWdmIrpPreprocessCallback, PWDFDEVICE_INIT DeviceInit,
        PFN_WDFDEVICE_WDM_IRP_PREPROCESS EvtDeviceWdmIrpPreprocess, UCHAR MajorFunction,
        PUCHAR MinorFunctions, ULONG NumMinorFunctions)
{
    if (MajorFunction > IRP_MJ_MAXIMUM_FUNCTION)
        return STATUS_INVALID_PARAMETER;
    if ((NumMinorFunctions && !MinorFunctions) || DeviceInit->preprocess[MajorFunction].callback)
        return STATUS_INVALID_PARAMETER;
    struct wdf_preprocess *preprocess = &DeviceInit->preprocess[MajorFunction];
    preprocess->callback = EvtDeviceWdmIrpPreprocess;
    for (ULONG i = 0; i < NumMinorFunctions; i++)
        preprocess->minors[MinorFunctions[i] / 64] |= 1ull << (MinorFunctions[i] % 64);
    preprocess->has_minors = NumMinorFunctions > 0;
    return STATUS_SUCCESS;
}

/** A look at each request in its sender's context, before any queue. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceInitSetIoInCallerContextCallback, PWDFDEVICE_INIT DeviceInit,
        PFN_WDF_IO_IN_CALLER_CONTEXT EvtIoInCallerContext)
{
    DeviceInit->in_caller_context = EvtIoInCallerContext;
}

/** Called when the program ends. Ref: wdfcontrol/nf-wdfcontrol-wdfcontroldeviceinitsetshutdownnotification. */
WDF_API(VOID, WdfControlDeviceInitSetShutdownNotification, PWDFDEVICE_INIT DeviceInit,
        PFN_WDF_DEVICE_SHUTDOWN_NOTIFICATION Notification, UCHAR Flags)
{
    DeviceInit->shutdown = Notification;
}

/* --- devices --- */

static void
dispose_device(struct wdf_object *object)
{
    struct wdf_device *device = (struct wdf_device *)object;

    if (device->symbolic_link)
        nt_object_unlink(device->symbolic_link);
    if (device->device_object)
        nt_object_unname(device->device_object); /* no new files */
}

static void
finish_device(struct wdf_object *object)
{
    struct wdf_device *device = (struct wdf_device *)object;

    if (device->device_object) {
        struct extension *extension = device->device_object->DeviceExtension;
        extension->device = NULL;
        IoDeleteDevice(device->device_object);
    }
    free(device->symbolic_link);
    free(device->init.name.Buffer);
    pthread_mutex_destroy(&device->lock);
}

static NTSTATUS
create_device_object(struct wdf_device *device)
{
    struct WDFDEVICE_INIT *init = &device->init;
    NTSTATUS status =
        IoCreateDevice(device->object.driver->driver_object, sizeof(struct extension),
                       init->name.Buffer ? &init->name : NULL, init->device_type,
                       init->characteristics, init->is_exclusive, &device->device_object);
    if (!NT_SUCCESS(status))
        return status;
    *(struct extension *)device->device_object->DeviceExtension =
        (struct extension){EXTENSION_MAGIC, device};
    if (init->read_write_io == WdfDeviceIoBuffered)
        device->device_object->Flags |= DO_BUFFERED_IO;
    else if (init->read_write_io == WdfDeviceIoDirect ||
             init->read_write_io == WdfDeviceIoBufferedOrDirect)
        device->device_object->Flags |= DO_DIRECT_IO;
    if (init->shutdown)
        IoRegisterShutdownNotification(device->device_object);
    return STATUS_SUCCESS;
}

/**
 * Make a device; consumes the init structure on success.
 *
 * @return STATUS_OBJECT_NAME_COLLISION, STATUS_INFO_LENGTH_MISMATCH, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicecreate. Gap: control devices only.
 */
WDF_API(NTSTATUS, WdfDeviceCreate, PWDFDEVICE_INIT *DeviceInit,
        PWDF_OBJECT_ATTRIBUTES DeviceAttributes, WDFDEVICE *Device)
{
    static const struct wdf_operations operations = {
        .name = "device", .dispose = dispose_device, .finish = finish_device};
    struct wdf_device *device;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!DeviceInit || !*DeviceInit)
        return STATUS_INVALID_PARAMETER;
    if (DeviceAttributes && DeviceAttributes->ParentObject)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = wdf_object_new((*DeviceInit)->driver, WDF_TYPE_DEVICE, &operations,
                                     sizeof(*device), DeviceAttributes, NULL, &device);
    if (!NT_SUCCESS(status))
        return status;
    pthread_mutex_init(&device->lock, NULL);
    nt_list_init(&device->files);
    nt_list_init(&device->queues);
    device->init = **DeviceInit;
    (*DeviceInit)->name.Buffer = NULL; /* the device's now */
    if (DeviceAttributes &&
        DeviceAttributes->SynchronizationScope == WdfSynchronizationScopeDevice) {
        wdf_sync_init(&device->own_sync, device->object.is_passive);
        device->object.sync = &device->own_sync;
    }
    status = create_device_object(device);
    if (!NT_SUCCESS(status)) {
        (*DeviceInit)->name = device->init.name; /* still the caller's */
        device->init.name.Buffer = NULL;
        wdf_object_delete(&device->object);
        return status;
    }
    free_init(*DeviceInit);
    *DeviceInit = NULL;
    *Device = (WDFDEVICE)device;
    return STATUS_SUCCESS;
}

/** From now on the device can be opened. IRQL: PASSIVE_LEVEL. Ref: wdfcontrol/nf-wdfcontrol-wdfcontrolfinishinitializing. */
WDF_API(VOID, WdfControlFinishInitializing, WDFDEVICE Device)
{
    struct wdf_device *device = WDF_GET(Device, DEVICE);
    device->device_object->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
}

/** @return STATUS_OBJECT_NAME_COLLISION. IRQL: PASSIVE_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicecreatesymboliclink. */
WDF_API(NTSTATUS, WdfDeviceCreateSymbolicLink, WDFDEVICE Device, PCUNICODE_STRING SymbolicLinkName)
{
    struct wdf_device *device = WDF_GET(Device, DEVICE);
    _cleanup_(freep) char *link = nt_wdk_to_utf8(SymbolicLinkName);
    const char *name = nt_object_get_name(device->device_object);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!link)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!name)
        return STATUS_INVALID_DEVICE_STATE;
    NTSTATUS status = nt_object_link(link, name, device->object.driver->nt);
    if (NT_SUCCESS(status)) {
        free(device->symbolic_link);
        device->symbolic_link = TAKE_PTR(link);
    }
    return status;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicewdmgetdeviceobject. */
WDF_API(PDEVICE_OBJECT, WdfDeviceWdmGetDeviceObject, WDFDEVICE Device)
{
    return ((struct wdf_device *)WDF_GET(Device, DEVICE))->device_object;
}

/** A control device lies on no other. @return NULL. Ref: wdfdevice. */
WDF_API(PDEVICE_OBJECT, WdfDeviceWdmGetAttachedDevice, WDFDEVICE Device)
{
    return NULL;
}

/** A control device has none. @return NULL. Ref: wdfdevice. */
WDF_API(PDEVICE_OBJECT, WdfDeviceWdmGetPhysicalDevice, WDFDEVICE Device)
{
    return NULL;
}

/** @return NULL for a device that the framework did not make. Ref: wdfdevice. */
WDF_API(WDFDEVICE, WdfWdmDeviceGetWdfDeviceHandle, PDEVICE_OBJECT DeviceObject)
{
    return (WDFDEVICE)device_of(DeviceObject);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicegetdriver. */
WDF_API(WDFDRIVER, WdfDeviceGetDriver, WDFDEVICE Device)
{
    struct wdf_device *device = WDF_GET(Device, DEVICE);
    return (WDFDRIVER)device->object.driver->root;
}

/** IRQL: <= DISPATCH_LEVEL. @return NULL when there is none. Ref: wdfdevice. */
WDF_API(WDFQUEUE, WdfDeviceGetDefaultQueue, WDFDEVICE Device)
{
    return (WDFQUEUE)((struct wdf_device *)WDF_GET(Device, DEVICE))->default_queue;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicegetcharacteristics. */
WDF_API(ULONG, WdfDeviceGetCharacteristics, WDFDEVICE Device)
{
    return ((struct wdf_device *)WDF_GET(Device, DEVICE))->device_object->Characteristics;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicesetcharacteristics. */
WDF_API(VOID, WdfDeviceSetCharacteristics, WDFDEVICE Device, ULONG DeviceCharacteristics)
{
    ((struct wdf_device *)WDF_GET(Device, DEVICE))->device_object->Characteristics =
        DeviceCharacteristics;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicegetalignmentrequirement. */
WDF_API(ULONG, WdfDeviceGetAlignmentRequirement, WDFDEVICE Device)
{
    return ((struct wdf_device *)WDF_GET(Device, DEVICE))->device_object->AlignmentRequirement;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicesetalignmentrequirement. */
WDF_API(VOID, WdfDeviceSetAlignmentRequirement, WDFDEVICE Device, ULONG AlignmentRequirement)
{
    ((struct wdf_device *)WDF_GET(Device, DEVICE))->device_object->AlignmentRequirement =
        AlignmentRequirement;
}

/** The framework file object of an open file; NULL without one. IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice. */
WDF_API(WDFFILEOBJECT, WdfDeviceGetFileObject, WDFDEVICE Device, PFILE_OBJECT FileObject)
{
    return (WDFFILEOBJECT)wdf_file_find(WDF_GET(Device, DEVICE), FileObject);
}

/* --- dispatch --- */

static NTSTATUS
complete_irp(PIRP irp, NTSTATUS status)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

/** Put a request into the device's queue for its kind. @return NTSTATUS, the request not taken */
static NTSTATUS
enqueue(struct wdf_device *device, struct wdf_request *request)
{
    UCHAR major = IoGetCurrentIrpStackLocation(request->irp)->MajorFunction;
    struct wdf_queue *queue = wdf_queue_for(device, major);

    return queue ? wdf_queue_add(queue, request) : STATUS_INVALID_DEVICE_REQUEST;
}

/** As the dispatch routine must answer: pending, whatever becomes of the request. */
static NTSTATUS
submit(struct wdf_device *device, PIRP irp, bool in_caller_context)
{
    struct wdf_request *request;
    NTSTATUS status = wdf_request_new(device, irp, &request);

    if (!NT_SUCCESS(status))
        return complete_irp(irp, status);
    IoMarkIrpPending(irp);
    if (in_caller_context && device->init.in_caller_context) {
        NT_CALLBACK_VOID(device->object.driver->nt, nt_cpu.irql,
                         device->init.in_caller_context((WDFDEVICE)device, (WDFREQUEST)request));
        return STATUS_PENDING;
    }
    status = enqueue(device, request);
    if (!NT_SUCCESS(status))
        wdf_request_complete(request, status);
    return STATUS_PENDING;
}

static NTSTATUS
dispatch(struct wdf_device *device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);

    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        return wdf_file_create(device, irp);
    case IRP_MJ_CLEANUP:
        return wdf_file_cleanup(device, irp);
    case IRP_MJ_CLOSE:
        return wdf_file_close(device, irp);
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        if (stack->Parameters.Read.Length == 0) {
            struct wdf_queue *queue = wdf_queue_for(device, stack->MajorFunction);
            if (queue && !queue->config.AllowZeroLengthRequests)
                return complete_irp(irp, STATUS_SUCCESS);
        }
        return submit(device, irp, true);
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        return submit(device, irp, true);
    case IRP_MJ_SHUTDOWN:
        if (device->init.shutdown)
            NT_CALLBACK_VOID(device->object.driver->nt, PASSIVE_LEVEL,
                             device->init.shutdown((WDFDEVICE)device));
        return complete_irp(irp, STATUS_SUCCESS);
    default:
        return complete_irp(irp, STATUS_INVALID_DEVICE_REQUEST);
    }
}

NTSTATUS NTAPI
wdf_device_dispatch(PDEVICE_OBJECT device_object, PIRP irp)
{
    struct wdf_device *device = device_of(device_object);

    if (!device)
        return complete_irp(irp, STATUS_INVALID_DEVICE_STATE);
    const IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);
    const struct wdf_preprocess *preprocess = &device->init.preprocess[stack->MajorFunction];
    UCHAR minor = stack->MinorFunction;
    if (preprocess->callback &&
        (!preprocess->has_minors || (preprocess->minors[minor / 64] >> (minor % 64) & 1)))
        return NT_CALLBACK(device->object.driver->nt, nt_cpu.irql,
                           preprocess->callback((WDFDEVICE)device, irp));
    return dispatch(device, irp);
}

/** From a preprocess callback: go on as usual. IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice. */
WDF_API(NTSTATUS, WdfDeviceWdmDispatchPreprocessedIrp, WDFDEVICE Device, PIRP Irp)
{
    /* The callback skipped a stack location for the framework below it: take it back. */
    IoSetNextIrpStackLocation(Irp);
    return dispatch(WDF_GET(Device, DEVICE), Irp);
}

/**
 * From EvtIoInCallerContext: on to the queue.
 *
 * @return STATUS_INVALID_DEVICE_REQUEST without a queue, WDF_STATUS_BUSY: the driver then completes it
 * IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdeviceenqueuerequest.
 */
WDF_API(NTSTATUS, WdfDeviceEnqueueRequest, WDFDEVICE Device, WDFREQUEST Request)
{
    struct wdf_request *request = WDF_GET(Request, REQUEST);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (request->state != WDF_REQUEST_NEW) {
        nt_finding(NT_FINDING_WDF_BAD_CALL,
                   "WdfDeviceEnqueueRequest outside of EvtIoInCallerContext");
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    return enqueue(WDF_GET(Device, DEVICE), request);
}

/** One kind of request goes to @p Queue from now on. IRQL: <= DISPATCH_LEVEL. Ref: wdfdevice. */
WDF_API(NTSTATUS, WdfDeviceConfigureRequestDispatching, WDFDEVICE Device, WDFQUEUE Queue,
        ULONG RequestType)
{
    struct wdf_device *device = WDF_GET(Device, DEVICE);
    struct wdf_queue *queue = WDF_GET(Queue, QUEUE);

    if (queue->device != device || RequestType > IRP_MJ_MAXIMUM_FUNCTION)
        return STATUS_INVALID_PARAMETER;
    if (device->queue_for[RequestType])
        return WDF_STATUS_BUSY;
    device->queue_for[RequestType] = queue;
    return STATUS_SUCCESS;
}

/* --- what only hardware needs --- */

/**
 * Let programs find the device by an interface class; enabled at once, since a control device has no
 * start that would enable it.
 *
 * @return STATUS_INVALID_DEVICE_REQUEST: the reference has a path separator
 * IRQL: PASSIVE_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdevicecreatedeviceinterface.
 * Choice: a control device may have interfaces here; on Windows they are for PnP devices.
 */
WDF_API(NTSTATUS, WdfDeviceCreateDeviceInterface, WDFDEVICE Device, const GUID *InterfaceClassGUID,
        PCUNICODE_STRING ReferenceString)
{
    struct wdf_device *device = WDF_GET(Device, DEVICE);
    _cleanup_(freep) char *name = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status =
        nt_io_interface_register(device->device_object, InterfaceClassGUID, ReferenceString, &name);
    if (NT_SUCCESS(status))
        status = nt_io_interface_set_state(name, true);
    return NT_SUCCESS(status) ? STATUS_SUCCESS : status;
}

/** Let programs open an interface, or no more. IRQL: PASSIVE_LEVEL. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceSetDeviceInterfaceState, WDFDEVICE Device, const GUID *InterfaceClassGUID,
        PCUNICODE_STRING ReferenceString, BOOLEAN IsInterfaceEnabled)
{
    struct wdf_device *device = WDF_GET(Device, DEVICE);
    _cleanup_(freep) char *name =
        nt_io_interface_find(device->device_object, InterfaceClassGUID, ReferenceString);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (name)
        nt_io_interface_set_state(name, IsInterfaceEnabled);
}

/**
 * Does not serve control devices, and there are no others.
 *
 * @return STATUS_INVALID_DEVICE_REQUEST
 * IRQL: PASSIVE_LEVEL. Ref: wdfdevice/nf-wdfdevice-wdfdeviceretrievedeviceinterfacestring.
 */
WDF_API(NTSTATUS, WdfDeviceRetrieveDeviceInterfaceString, WDFDEVICE Device,
        const GUID *InterfaceClassGUID, PCUNICODE_STRING ReferenceString, WDFSTRING String)
{
    WDF_GET(Device, DEVICE);
    return STATUS_INVALID_DEVICE_REQUEST;
}

/** Accepted: there is no PnP manager to tell. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceSetPnpCapabilities, WDFDEVICE Device,
        PWDF_DEVICE_PNP_CAPABILITIES PnpCapabilities)
{
}

/** Accepted: there is no PnP manager to tell. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceSetDeviceState, WDFDEVICE Device, PWDF_DEVICE_STATE DeviceState)
{
}

/** Accepted: there is no PnP manager to tell. Ref: wdfdevice. */
WDF_API(VOID, WdfDeviceSetStaticStopRemove, WDFDEVICE Device, BOOLEAN Stoppable)
{
}
