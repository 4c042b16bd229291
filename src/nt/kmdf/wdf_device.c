/*
 * Control devices: what WdfDeviceInit* collect, the device object, and where its IRPs go.
 *
 *     IRP_MJ_CREATE   EvtDeviceFileCreate, or success
 *     READ, WRITE, DEVICE_CONTROL   EvtIoInCallerContext, or the configured queue
 *     CLEANUP, CLOSE  EvtFileCleanup, EvtFileClose
 *
 * Ref        windows-driver-docs wdf/using-control-device-objects
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdlib.h>
#include <string.h>

static void dispose(struct wdf_object *object);

const struct wdf_class wdf_class_device = {
    .type = WDF_DEVICE, .name = "WDFDEVICE", .size = sizeof(struct wdf_device), .dispose = dispose};

/* The device extension is one pointer: to the framework's device. */
static struct wdf_device *
device_of(PDEVICE_OBJECT device_object)
{
    return *(struct wdf_device **)device_object->DeviceExtension;
}

static void
free_init(struct WDFDEVICE_INIT *init)
{
    if (!init)
        return;
    free(init->name.Buffer);
    free(init);
}

/* ---- set-up ---- */

/**
 * Begin a control device.
 * @param SDDLString  who may open it; accepted, access is not checked yet
 * @return NULL when memory is out. Ref: ddi wdfcontrol/nf-wdfcontrol-wdfcontroldeviceinitallocate
 */
WDF_EXPORT(PWDFDEVICE_INIT, WdfControlDeviceInitAllocate, WDFDRIVER Driver,
           const UNICODE_STRING *SDDLString)
{
    struct wdf_driver *driver = WDF_CHECK(Driver, wdf_class_driver);
    struct WDFDEVICE_INIT *init = driver ? calloc(1, sizeof(*init)) : NULL;

    if (!init)
        return NULL;
    init->driver = driver;
    init->is_control = true;
    init->type = FILE_DEVICE_UNKNOWN;
    init->characteristics = FILE_DEVICE_SECURE_OPEN;
    init->io_type = WdfDeviceIoBuffered;
    return init;
}

/** Ref: ddi wdfcontrol/nf-wdfcontrol-wdfcontroldeviceinitsetshutdownnotification */
WDF_EXPORT(VOID, WdfControlDeviceInitSetShutdownNotification, PWDFDEVICE_INIT DeviceInit,
           PFN_WDF_DEVICE_SHUTDOWN_NOTIFICATION Notification, UCHAR Flags)
{
    DeviceInit->shutdown = Notification;
}

/** Only before WdfDeviceCreate took it. Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitfree */
WDF_EXPORT(VOID, WdfDeviceInitFree, PWDFDEVICE_INIT DeviceInit)
{
    free_init(DeviceInit);
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetiotype */
WDF_EXPORT(VOID, WdfDeviceInitSetIoType, PWDFDEVICE_INIT DeviceInit, WDF_DEVICE_IO_TYPE IoType)
{
    DeviceInit->io_type = IoType;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetiotypeex */
WDF_EXPORT(VOID, WdfDeviceInitSetIoTypeEx, PWDFDEVICE_INIT DeviceInit, PWDF_IO_TYPE_CONFIG IoTypeConfig)
{
    DeviceInit->io_type = IoTypeConfig->ReadWriteIoType;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetexclusive */
WDF_EXPORT(VOID, WdfDeviceInitSetExclusive, PWDFDEVICE_INIT DeviceInit, BOOLEAN IsExclusive)
{
    DeviceInit->exclusive = IsExclusive;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetdevicetype */
WDF_EXPORT(VOID, WdfDeviceInitSetDeviceType, PWDFDEVICE_INIT DeviceInit, DEVICE_TYPE DeviceType)
{
    DeviceInit->type = DeviceType;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetcharacteristics */
WDF_EXPORT(VOID, WdfDeviceInitSetCharacteristics, PWDFDEVICE_INIT DeviceInit,
           ULONG DeviceCharacteristics, BOOLEAN OrInValues)
{
    DeviceInit->characteristics =
        DeviceCharacteristics | (OrInValues ? DeviceInit->characteristics : 0);
}

/** @param DeviceName  "\Device\Name"; NULL: none. Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitassignname */
WDF_EXPORT(NTSTATUS, WdfDeviceInitAssignName, PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING DeviceName)
{
    UNICODE_STRING copy = {0};

    if (DeviceName && !wdf_driver_copy_string(DeviceName, &copy))
        return STATUS_INSUFFICIENT_RESOURCES;
    free(DeviceInit->name.Buffer);
    DeviceInit->name = copy;
    return STATUS_SUCCESS;
}

/** Accepted; access is not checked yet. Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitassignsddlstring */
WDF_EXPORT(NTSTATUS, WdfDeviceInitAssignSDDLString, PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING SDDLString)
{
    return STATUS_SUCCESS;
}

/** Accepted; classes carry settings of an installed device. Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetdeviceclass */
WDF_EXPORT(VOID, WdfDeviceInitSetDeviceClass, PWDFDEVICE_INIT DeviceInit, const GUID *DeviceClassGuid)
{
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetfileobjectconfig */
WDF_EXPORT(VOID, WdfDeviceInitSetFileObjectConfig, PWDFDEVICE_INIT DeviceInit,
           PWDF_FILEOBJECT_CONFIG FileObjectConfig, PWDF_OBJECT_ATTRIBUTES FileObjectAttributes)
{
    DeviceInit->file_config = *FileObjectConfig;
    DeviceInit->has_file_config = true;
    if (FileObjectAttributes) {
        DeviceInit->file_attributes = *FileObjectAttributes;
        DeviceInit->has_file_attributes = true;
    }
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetrequestattributes */
WDF_EXPORT(VOID, WdfDeviceInitSetRequestAttributes, PWDFDEVICE_INIT DeviceInit,
           PWDF_OBJECT_ATTRIBUTES RequestAttributes)
{
    DeviceInit->request_attributes = *RequestAttributes;
    DeviceInit->has_request_attributes = true;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceinitsetioincallercontextcallback */
WDF_EXPORT(VOID, WdfDeviceInitSetIoInCallerContextCallback, PWDFDEVICE_INIT DeviceInit,
           PFN_WDF_IO_IN_CALLER_CONTEXT EvtIoInCallerContext)
{
    DeviceInit->in_caller_context = EvtIoInCallerContext;
}

/** For drivers that raise devices of their own on a bus; harmless for control devices. */
WDF_EXPORT(NTSTATUS, WdfPdoInitAssignRawDevice, PWDFDEVICE_INIT DeviceInit, const GUID *DeviceClassGuid)
{
    return STATUS_SUCCESS;
}

/* ---- IRPs ---- */

static NTSTATUS
fail(PIRP irp, NTSTATUS status)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS
start_request(struct wdf_device *device, PIRP irp, UCHAR major)
{
    struct wdf_request *request;
    struct wdf_queue *queue = wdf_queue_for(device, major);
    NTSTATUS status;

    if (!queue && !device->setup.in_caller_context)
        return fail(irp, STATUS_INVALID_DEVICE_REQUEST);
    status = wdf_request_new(device, irp, &request);
    if (!NT_SUCCESS(status))
        return fail(irp, status);
    IoMarkIrpPending(irp);
    if (device->setup.in_caller_context) {
        NT_CALLBACK_VOID(device->object.driver->nt, NT_PASSIVE_LEVEL,
                         device->setup.in_caller_context((WDFDEVICE)device, (WDFREQUEST)request));
        return STATUS_PENDING;
    }
    status = wdf_queue_submit(queue, request);
    if (!NT_SUCCESS(status))
        wdf_request_complete(request, status);
    return STATUS_PENDING;
}

static NTSTATUS
succeed(PIRP irp)
{
    return fail(irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI
dispatch(PDEVICE_OBJECT device_object, PIRP irp)
{
    struct wdf_device *device = device_of(device_object);
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);

    if (!device->initialized)
        return fail(irp, STATUS_INVALID_DEVICE_STATE);
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        return wdf_file_create(device, irp);
    case IRP_MJ_CLEANUP:
        wdf_queue_cancel_file(device, stack->FileObject);
        wdf_file_cleanup(device, stack->FileObject);
        return succeed(irp);
    case IRP_MJ_CLOSE:
        wdf_file_close(device, stack->FileObject);
        return succeed(irp);
    case IRP_MJ_SHUTDOWN:
        if (device->setup.shutdown)
            NT_CALLBACK_VOID(device->object.driver->nt, NT_PASSIVE_LEVEL,
                             device->setup.shutdown((WDFDEVICE)device));
        return succeed(irp);
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        return start_request(device, irp, stack->MajorFunction);
    default:
        return fail(irp, STATUS_INVALID_DEVICE_REQUEST);
    }
}

/**
 * The driver has looked at a request in its caller's context; now it goes to its queue.
 * Ref: ddi wdfdevice/nf-wdfdevice-wdfdeviceenqueuerequest
 */
WDF_EXPORT(NTSTATUS, WdfDeviceEnqueueRequest, WDFDEVICE Device, WDFREQUEST Request)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    struct wdf_request *request = WDF_CHECK(Request, wdf_class_request);

    if (!device || !request)
        return STATUS_INVALID_PARAMETER;
    struct wdf_queue *queue =
        wdf_queue_for(device, IoGetCurrentIrpStackLocation(request->irp)->MajorFunction);
    return queue ? wdf_queue_submit(queue, request) : STATUS_INVALID_DEVICE_REQUEST;
}

/* ---- the device ---- */

static void
dispose(struct wdf_object *object)
{
    struct wdf_device *device = CONTAINER_OF(object, struct wdf_device, object);

    if (device->link.Buffer) {
        IoDeleteSymbolicLink(&device->link);
        free(device->link.Buffer);
        device->link.Buffer = NULL;
    }
    if (device->device_object)
        IoDeleteDevice(device->device_object);
    device->device_object = NULL;
    free(device->setup.name.Buffer);
    device->setup.name.Buffer = NULL;
}

/**
 * Make the device. On success it takes *DeviceInit and clears it.
 *
 * @return STATUS_SUCCESS, STATUS_OBJECT_NAME_COLLISION, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: = PASSIVE_LEVEL. Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicecreate
 */
WDF_EXPORT(NTSTATUS, WdfDeviceCreate, PWDFDEVICE_INIT *DeviceInit,
           PWDF_OBJECT_ATTRIBUTES DeviceAttributes, WDFDEVICE *Device)
{
    struct wdf_driver *driver = wdf_driver_of(globals);
    struct wdf_device *device;
    NTSTATUS status;

    if (!DeviceInit || !*DeviceInit || !Device)
        return STATUS_INVALID_PARAMETER;
    struct WDFDEVICE_INIT *init = *DeviceInit;
    status = wdf_object_new(driver, &wdf_class_device, DeviceAttributes, &driver->object, &device);
    if (!NT_SUCCESS(status))
        return status;
    status = IoCreateDevice(driver->driver_object, sizeof(device),
                            init->name.Length ? &init->name : NULL, init->type,
                            init->characteristics, init->exclusive, &device->device_object);
    if (!NT_SUCCESS(status)) {
        device->device_object = NULL;
        wdf_object_delete(&device->object);
        return status;
    }
    device->setup = *init;
    free(init);
    *DeviceInit = NULL;
    *(struct wdf_device **)device->device_object->DeviceExtension = device;
    if (device->setup.io_type == WdfDeviceIoBuffered)
        device->device_object->Flags |= DO_BUFFERED_IO;
    else if (device->setup.io_type == WdfDeviceIoDirect)
        device->device_object->Flags |= DO_DIRECT_IO;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->driver_object->MajorFunction[i] = dispatch;
    *Device = (WDFDEVICE)device;
    return STATUS_SUCCESS;
}

/** From here on the device takes requests. Ref: ddi wdfcontrol/nf-wdfcontrol-wdfcontrolfinishinitializing */
WDF_EXPORT(VOID, WdfControlFinishInitializing, WDFDEVICE Device)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);

    if (!device)
        return;
    device->initialized = true;
    device->device_object->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
}

/** A name programs can open. Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicecreatesymboliclink */
WDF_EXPORT(NTSTATUS, WdfDeviceCreateSymbolicLink, WDFDEVICE Device, PCUNICODE_STRING SymbolicLinkName)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    UNICODE_STRING link;
    NTSTATUS status;

    if (!device || !SymbolicLinkName)
        return STATUS_INVALID_PARAMETER;
    if (device->setup.name.Length == 0 || device->link.Buffer)
        return STATUS_INVALID_DEVICE_STATE;
    if (!wdf_driver_copy_string(SymbolicLinkName, &link))
        return STATUS_INSUFFICIENT_RESOURCES;
    status = IoCreateSymbolicLink(&link, &device->setup.name);
    if (!NT_SUCCESS(status)) {
        free(link.Buffer);
        return status;
    }
    device->link = link;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicewdmgetdeviceobject */
WDF_EXPORT(PDEVICE_OBJECT, WdfDeviceWdmGetDeviceObject, WDFDEVICE Device)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    return device ? device->device_object : NULL;
}

/** Nothing is attached above a control device. Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicewdmgetattacheddevice */
WDF_EXPORT(PDEVICE_OBJECT, WdfDeviceWdmGetAttachedDevice, WDFDEVICE Device)
{
    return NULL;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfwdmdevicegetwdfdevicehandle */
WDF_EXPORT(WDFDEVICE, WdfWdmDeviceGetWdfDeviceHandle, PDEVICE_OBJECT DeviceObject)
{
    return (WDFDEVICE)device_of(DeviceObject);
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicegetdriver */
WDF_EXPORT(WDFDRIVER, WdfDeviceGetDriver, WDFDEVICE Device)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    return device ? (WDFDRIVER)device->object.driver : NULL;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicegetdefaultqueue */
WDF_EXPORT(WDFQUEUE, WdfDeviceGetDefaultQueue, WDFDEVICE Device)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    return device ? (WDFQUEUE)device->default_queue : NULL;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicegetcharacteristics */
WDF_EXPORT(ULONG, WdfDeviceGetCharacteristics, WDFDEVICE Device)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    return device ? device->device_object->Characteristics : 0;
}

/** Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicesetcharacteristics */
WDF_EXPORT(VOID, WdfDeviceSetCharacteristics, WDFDEVICE Device, ULONG DeviceCharacteristics)
{
    struct wdf_device *device = WDF_CHECK(Device, wdf_class_device);
    if (device)
        device->device_object->Characteristics = DeviceCharacteristics;
}
