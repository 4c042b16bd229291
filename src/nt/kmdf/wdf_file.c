/*
 * Framework file objects: create, cleanup, close.
 *
 * Lifetime   A WDFFILEOBJECT lives from IRP_MJ_CREATE (if the driver configured file objects) until
 *            IRP_MJ_CLOSE, or until its creation fails.
 * Ref        wdf/framework-file-objects
 */
#include "nt/kmdf/wdf_internal.h"

#include "nt/ntos/nt_process.h"

static NTSTATUS
complete_irp(PIRP irp, NTSTATUS status)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static void
dispose_file(struct wdf_object *object)
{
    struct wdf_file *file = (struct wdf_file *)object;
    pthread_mutex_lock(&file->device->lock);
    nt_list_remove(&file->link);
    pthread_mutex_unlock(&file->device->lock);
}

struct wdf_file *
wdf_file_find(struct wdf_device *device, PFILE_OBJECT file_object)
{
    struct wdf_file *found = NULL;

    pthread_mutex_lock(&device->lock);
    for (struct nt_list *i = device->files.next; i != &device->files && !found; i = i->next) {
        struct wdf_file *file = NT_LIST_ITEM(i, struct wdf_file, link);
        if (file->file_object == file_object)
            found = file;
    }
    pthread_mutex_unlock(&device->lock);
    return found;
}

static NTSTATUS
new_file(struct wdf_device *device, PFILE_OBJECT file_object, struct wdf_file **ret_file)
{
    static const struct wdf_operations operations = {.name = "file", .dispose = dispose_file};
    const WDF_OBJECT_ATTRIBUTES *attributes =
        device->init.has_file_attributes ? &device->init.file_attributes : NULL;
    struct wdf_file *file;

    NTSTATUS status = wdf_object_new(device->object.driver, WDF_TYPE_FILE, &operations,
                                     sizeof(*file), attributes, &device->object, &file);
    if (!NT_SUCCESS(status))
        return status;
    file->device = device;
    file->file_object = file_object;
    pthread_mutex_lock(&device->lock);
    nt_list_append(&device->files, &file->link);
    pthread_mutex_unlock(&device->lock);
    *ret_file = file;
    return STATUS_SUCCESS;
}

NTSTATUS
wdf_file_create(struct wdf_device *device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    const WDF_FILEOBJECT_CONFIG *config = &device->init.file_config;
    struct wdf_request *request;
    struct wdf_file *file = NULL;
    NTSTATUS status = STATUS_SUCCESS;

    if (device->init.has_file_config && stack->FileObject)
        status = new_file(device, stack->FileObject, &file);
    if (!NT_SUCCESS(status) || !device->init.has_file_config || !config->EvtDeviceFileCreate)
        return complete_irp(irp, status);
    status = wdf_request_new(device, irp, &request);
    if (!NT_SUCCESS(status)) {
        if (file)
            wdf_object_delete(&file->object);
        return complete_irp(irp, status);
    }
    request->created_file = file;
    request->state = WDF_REQUEST_PRESENTED;
    IoMarkIrpPending(irp);
    KIRQL irql = wdf_sync_enter(device->object.sync);
    NT_CALLBACK_VOID(
        device->object.driver->nt, nt_cpu.irql,
        config->EvtDeviceFileCreate((WDFDEVICE)device, (WDFREQUEST)request, (WDFFILEOBJECT)file));
    wdf_sync_leave(device->object.sync, irql);
    return STATUS_PENDING;
}

NTSTATUS
wdf_file_cleanup(struct wdf_device *device, PIRP irp)
{
    PFILE_OBJECT file_object = IoGetCurrentIrpStackLocation(irp)->FileObject;
    struct wdf_file *file = wdf_file_find(device, file_object);

    pthread_mutex_lock(&device->lock);
    for (struct nt_list *i = device->queues.next, *next; i != &device->queues; i = next) {
        struct wdf_queue *queue = NT_LIST_ITEM(i, struct wdf_queue, link);
        next = i->next;
        pthread_mutex_unlock(&device->lock);
        wdf_queue_flush_file(queue, file_object);
        pthread_mutex_lock(&device->lock);
    }
    pthread_mutex_unlock(&device->lock);
    if (file && device->init.file_config.EvtFileCleanup)
        NT_CALLBACK_VOID(device->object.driver->nt, PASSIVE_LEVEL,
                         device->init.file_config.EvtFileCleanup((WDFFILEOBJECT)file));
    return complete_irp(irp, STATUS_SUCCESS);
}

NTSTATUS
wdf_file_close(struct wdf_device *device, PIRP irp)
{
    struct wdf_file *file = wdf_file_find(device, IoGetCurrentIrpStackLocation(irp)->FileObject);

    if (file && device->init.file_config.EvtFileClose)
        NT_CALLBACK_VOID(device->object.driver->nt, PASSIVE_LEVEL,
                         device->init.file_config.EvtFileClose((WDFFILEOBJECT)file));
    if (file)
        wdf_object_delete(&file->object);
    return complete_irp(irp, STATUS_SUCCESS);
}

/** What follows the device's name. IRQL: PASSIVE_LEVEL. Ref: wdffileobject/nf-wdffileobject-wdffileobjectgetfilename. */
WDF_API(PUNICODE_STRING, WdfFileObjectGetFileName, WDFFILEOBJECT FileObject)
{
    return &((struct wdf_file *)WDF_GET(FileObject, FILE))->file_object->FileName;
}

/** FO_* flags. IRQL: <= DISPATCH_LEVEL. Ref: wdffileobject/nf-wdffileobject-wdffileobjectgetflags. */
WDF_API(ULONG, WdfFileObjectGetFlags, WDFFILEOBJECT FileObject)
{
    return ((struct wdf_file *)WDF_GET(FileObject, FILE))->file_object->Flags;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdffileobject/nf-wdffileobject-wdffileobjectgetdevice. */
WDF_API(WDFDEVICE, WdfFileObjectGetDevice, WDFFILEOBJECT FileObject)
{
    return (WDFDEVICE)((struct wdf_file *)WDF_GET(FileObject, FILE))->device;
}

/** Id of the process that opened it. IRQL: <= DISPATCH_LEVEL. Ref: wdffileobject. */
WDF_API(ULONG, WdfFileObjectGetInitiatorProcessId, WDFFILEOBJECT FileObject)
{
    struct wdf_file *file = WDF_GET(FileObject, FILE);
    struct nt_process *process = file->file_object->FileObjectExtension;
    return process ? (ULONG)process->id : 0;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdffileobject/nf-wdffileobject-wdffileobjectwdmgetfileobject. */
WDF_API(PFILE_OBJECT, WdfFileObjectWdmGetFileObject, WDFFILEOBJECT FileObject)
{
    return ((struct wdf_file *)WDF_GET(FileObject, FILE))->file_object;
}
