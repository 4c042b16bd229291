/*
 * File objects: one per open handle of a program, while the driver asked to hear of them.
 */
#include "nt/kmdf/wdf_internal.h"

const struct wdf_class wdf_class_file = {
    .type = WDF_FILE, .name = "WDFFILEOBJECT", .size = sizeof(struct wdf_file)};

/* FsContext2 is ours: drivers of this framework keep their state in typed contexts. */
struct wdf_file *
wdf_file_of(PFILE_OBJECT file_object)
{
    return file_object ? file_object->FsContext2 : NULL;
}

NTSTATUS
wdf_file_create(struct wdf_device *device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    struct WDFDEVICE_INIT *setup = &device->setup;
    struct wdf_request *request;
    struct wdf_file *file;
    NTSTATUS status;

    status = wdf_object_new(device->object.driver, &wdf_class_file,
                            setup->has_file_attributes ? &setup->file_attributes : NULL,
                            &device->object, &file);
    if (NT_SUCCESS(status)) {
        file->device = device;
        file->file_object = stack->FileObject;
        if (stack->FileObject)
            stack->FileObject->FsContext2 = file;
        if (setup->has_file_config && setup->file_config.EvtDeviceFileCreate) {
            status = wdf_request_new(device, irp, &request);
            if (NT_SUCCESS(status)) {
                IoMarkIrpPending(irp);
                NT_CALLBACK_VOID(device->object.driver->nt, NT_PASSIVE_LEVEL,
                                 setup->file_config.EvtDeviceFileCreate(
                                     (WDFDEVICE)device, (WDFREQUEST)request, (WDFFILEOBJECT)file));
                return STATUS_PENDING;
            }
        }
    }
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

void
wdf_file_cleanup(struct wdf_device *device, PFILE_OBJECT file_object)
{
    struct wdf_file *file = wdf_file_of(file_object);

    if (file && device->setup.file_config.EvtFileCleanup)
        NT_CALLBACK_VOID(device->object.driver->nt, NT_PASSIVE_LEVEL,
                         device->setup.file_config.EvtFileCleanup((WDFFILEOBJECT)file));
}

void
wdf_file_close(struct wdf_device *device, PFILE_OBJECT file_object)
{
    struct wdf_file *file = wdf_file_of(file_object);

    if (!file)
        return;
    if (device->setup.file_config.EvtFileClose)
        NT_CALLBACK_VOID(device->object.driver->nt, NT_PASSIVE_LEVEL,
                         device->setup.file_config.EvtFileClose((WDFFILEOBJECT)file));
    file_object->FsContext2 = NULL;
    wdf_object_delete(&file->object);
}

/** Ref: ddi wdffileobject/nf-wdffileobject-wdffileobjectgetfilename */
WDF_EXPORT(PUNICODE_STRING, WdfFileObjectGetFileName, WDFFILEOBJECT FileObject)
{
    struct wdf_file *file = WDF_CHECK(FileObject, wdf_class_file);
    return file && file->file_object ? &file->file_object->FileName : NULL;
}

/** Ref: ddi wdffileobject/nf-wdffileobject-wdffileobjectgetflags */
WDF_EXPORT(ULONG, WdfFileObjectGetFlags, WDFFILEOBJECT FileObject)
{
    struct wdf_file *file = WDF_CHECK(FileObject, wdf_class_file);
    return file && file->file_object ? file->file_object->Flags : 0;
}

/** Ref: ddi wdffileobject/nf-wdffileobject-wdffileobjectgetdevice */
WDF_EXPORT(WDFDEVICE, WdfFileObjectGetDevice, WDFFILEOBJECT FileObject)
{
    struct wdf_file *file = WDF_CHECK(FileObject, wdf_class_file);
    return file ? (WDFDEVICE)file->device : NULL;
}

/** Ref: ddi wdffileobject/nf-wdffileobject-wdffileobjectwdmgetfileobject */
WDF_EXPORT(PFILE_OBJECT, WdfFileObjectWdmGetFileObject, WDFFILEOBJECT FileObject)
{
    struct wdf_file *file = WDF_CHECK(FileObject, wdf_class_file);
    return file ? file->file_object : NULL;
}

/** The framework's file object of a WDM one. Ref: ddi wdfdevice/nf-wdfdevice-wdfdevicegetfileobject */
WDF_EXPORT(WDFFILEOBJECT, WdfDeviceGetFileObject, WDFDEVICE Device, PFILE_OBJECT FileObject)
{
    return (WDFFILEOBJECT)wdf_file_of(FileObject);
}
