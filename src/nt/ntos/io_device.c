/*
 * Driver objects, device objects, their names and symbolic links.
 *
 * Lifetime   A device object lives until IoDeleteDevice and its last open file. The driver's list
 *            holds one reference.
 * Not here   requests: io_irp.c; opening a device from a program: nt_device.c
 * Ref        kernel/device-objects-and-device-stacks, kernel/introduction-to-ms-dos-device-names
 */
#include "nt/ntos/io_device.h"

#include <stdatomic.h>
#include <stdio.h>

#include <stdlib.h>
#include <time.h>

#include "nt/ntos/io_interface.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_timer.h"

#define CLOSE_MS                                                                                   \
    1000 /* how long files may take to close before a driver is unloaded all the same */

struct driver_extension { /* IoAllocateDriverObjectExtension */
    struct driver_extension *next;
    PVOID id;
    _Alignas(16) unsigned char data[];
};

struct driver_body {
    DRIVER_OBJECT object;
    DRIVER_EXTENSION extension;
    struct driver_extension *extensions;
    char *path_utf8;
};

static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER; /* the drivers' lists of devices */

static NTSTATUS NTAPI
refuse(PDEVICE_OBJECT device, PIRP irp)
{
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS
set_string(PUNICODE_STRING string, const char *text)
{
    size_t length;
    uint16_t *utf16 = wfp_utf16_from_utf8(text, &length);

    if (!utf16)
        return STATUS_INSUFFICIENT_RESOURCES;
    string->Buffer = utf16;
    string->Length = (USHORT)(length * sizeof(WCHAR));
    string->MaximumLength = (USHORT)((length + 1) * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

static void
destroy_driver_object(void *body)
{
    struct driver_body *driver = body;

    for (struct driver_extension *e = driver->extensions, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    free(driver->object.DriverName.Buffer);
    free(driver->object.HardwareDatabase ? driver->object.HardwareDatabase->Buffer : NULL);
    free(driver->object.HardwareDatabase);
    free(driver->extension.ServiceKeyName.Buffer);
}

PDRIVER_OBJECT
nt_io_device_new_driver_object(struct nt_driver *driver)
{
    _cleanup_(nt_object_unrefp) struct driver_body *body =
        nt_object_new(NT_OBJECT_DRIVER, sizeof(*body), driver, destroy_driver_object);
    char name[300];

    if (!body)
        return NULL;
    PDRIVER_OBJECT object = &body->object;
    object->Type = IO_TYPE_DRIVER;
    object->Size = sizeof(*object);
    object->Flags = DRVO_LEGACY_DRIVER;
    object->DriverStart = (PVOID)driver->code_start;
    object->DriverSize = (ULONG)driver->code_size;
    object->DriverExtension = &body->extension;
    body->extension.DriverObject = object;
    for (size_t i = 0; i < ELEMENTSOF(object->MajorFunction); i++)
        object->MajorFunction[i] = refuse;
    object->HardwareDatabase = calloc(1, sizeof(UNICODE_STRING));
    snprintf(name, sizeof(name), "\\Driver\\%s", driver->name);
    if (!object->HardwareDatabase || set_string(&object->DriverName, name) < 0 ||
        set_string(&body->extension.ServiceKeyName, driver->name) < 0 ||
        set_string(object->HardwareDatabase, "\\Registry\\Machine\\Hardware\\Description\\System") <
            0)
        return NULL;
    nt_object_name(body, name);
    TAKE_PTR(body);
    return object;
}

struct nt_driver *
nt_io_device_driver(const void *object)
{
    return nt_object_owner(object);
}

/* --- devices --- */

struct device_body {
    DEVICE_OBJECT object;
    DEVOBJ_EXTENSION extension;
    _Alignas(16) unsigned char driver_part[];
};

static void
link_device(PDEVICE_OBJECT device)
{
    pthread_mutex_lock(&device_lock);
    device->NextDevice = device->DriverObject->DeviceObject;
    device->DriverObject->DeviceObject = device;
    pthread_mutex_unlock(&device_lock);
}

static bool
unlink_device(PDEVICE_OBJECT device)
{
    bool found = false;

    pthread_mutex_lock(&device_lock);
    for (PDEVICE_OBJECT *p = &device->DriverObject->DeviceObject; *p; p = &(*p)->NextDevice)
        if (*p == device) {
            *p = device->NextDevice;
            device->NextDevice = NULL;
            found = true;
            break;
        }
    pthread_mutex_unlock(&device_lock);
    return found;
}

/**
 * Create a device object, named or not.
 *
 * @param DeviceExtensionSize  bytes, zeroed, at DeviceObject->DeviceExtension
 * @param Exclusive            one open file at a time
 * @return STATUS_OBJECT_NAME_COLLISION, STATUS_INSUFFICIENT_RESOURCES, STATUS_OBJECT_NAME_INVALID
 * IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-iocreatedevice.
 */
NTSTATUS NTAPI
IoCreateDevice(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize, PUNICODE_STRING DeviceName,
               DEVICE_TYPE DeviceType, ULONG DeviceCharacteristics, BOOLEAN Exclusive,
               PDEVICE_OBJECT *DeviceObject)
{
    static atomic_uint generated;
    char name[32];

    NT_IRQL_MAX(APC_LEVEL);
    *DeviceObject = NULL;
    _cleanup_(nt_object_unrefp) struct device_body *body =
        nt_object_new(NT_OBJECT_DEVICE, sizeof(*body) + DeviceExtensionSize,
                      nt_io_device_driver(DriverObject), NULL);
    _cleanup_(freep) char *given = DeviceName ? nt_wdk_to_utf8(DeviceName) : NULL;
    if (!body || (DeviceName && !given))
        return STATUS_INSUFFICIENT_RESOURCES;
    PDEVICE_OBJECT device = &body->object;
    device->Type = IO_TYPE_DEVICE;
    device->Size = (USHORT)(sizeof(*device) + DeviceExtensionSize);
    device->DriverObject = DriverObject;
    device->Flags = DO_DEVICE_INITIALIZING | (Exclusive ? DO_EXCLUSIVE : 0);
    device->Characteristics = DeviceCharacteristics;
    device->DeviceExtension = DeviceExtensionSize ? body->driver_part : NULL;
    device->DeviceType = DeviceType;
    device->StackSize = 1;
    device->DeviceObjectExtension = &body->extension;
    body->extension.Type = IO_TYPE_DEVICE_OBJECT_EXTENSION;
    body->extension.DeviceObject = device;
    KeInitializeEvent(&device->DeviceLock, SynchronizationEvent, TRUE);
    if (!given && (DeviceCharacteristics & FILE_AUTOGENERATED_DEVICE_NAME)) {
        snprintf(name, sizeof(name), "\\Device\\%08x", atomic_fetch_add(&generated, 1) + 1);
        given = strdup(name);
    }
    if (given) {
        NTSTATUS status = nt_object_name(body, given);
        if (!NT_SUCCESS(status))
            return status;
        device->Flags |= DO_DEVICE_HAS_NAME;
    }
    link_device(device);
    TAKE_PTR(body);
    *DeviceObject = device;
    return STATUS_SUCCESS;
}

/**
 * As IoCreateDevice. Gap: the SDDL text is accepted; access is not checked against it.
 * IRQL: PASSIVE_LEVEL. Ref: wdmsec/nf-wdmsec-wdmlibiocreatedevicesecure.
 */
NTSTATUS NTAPI WdmlibIoCreateDeviceSecure(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                                          PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                                          ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                                          PCUNICODE_STRING DefaultSDDLString,
                                          const GUID *DeviceClassGuid,
                                          PDEVICE_OBJECT *DeviceObject);
NTSTATUS NTAPI
WdmlibIoCreateDeviceSecure(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                           PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
                           ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                           PCUNICODE_STRING DefaultSDDLString, const GUID *DeviceClassGuid,
                           PDEVICE_OBJECT *DeviceObject)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return IoCreateDevice(DriverObject, DeviceExtensionSize, DeviceName, DeviceType,
                          DeviceCharacteristics, Exclusive, DeviceObject);
}

/** Delete; its memory goes with the last open file. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-iodeletedevice. */
VOID NTAPI
IoDeleteDevice(PDEVICE_OBJECT DeviceObject)
{
    NT_IRQL_MAX(APC_LEVEL);
    if (nt_object_type(DeviceObject) != NT_OBJECT_DEVICE || !unlink_device(DeviceObject)) {
        nt_finding(NT_FINDING_OBJECT_BAD, "IoDeleteDevice of no device, or of a deleted one");
        return;
    }
    IoUnregisterShutdownNotification(DeviceObject);
    nt_io_interface_forget(DeviceObject);
    nt_object_unname(DeviceObject);
    nt_object_unref(DeviceObject);
}

/** @return STATUS_OBJECT_NAME_COLLISION. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iocreatesymboliclink. */
NTSTATUS NTAPI
IoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    _cleanup_(freep) char *name = nt_wdk_to_utf8(SymbolicLinkName);
    _cleanup_(freep) char *target = nt_wdk_to_utf8(DeviceName);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!name || !target)
        return STATUS_INSUFFICIENT_RESOURCES;
    return nt_object_link(name, target, nt_driver_current());
}

/** As IoCreateSymbolicLink. Ref: ntddk/nf-ntddk-iocreateunprotectedsymboliclink. */
NTSTATUS NTAPI
IoCreateUnprotectedSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    return IoCreateSymbolicLink(SymbolicLinkName, DeviceName);
}

/** @return STATUS_OBJECT_NAME_NOT_FOUND. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iodeletesymboliclink. */
NTSTATUS NTAPI
IoDeleteSymbolicLink(PUNICODE_STRING SymbolicLinkName)
{
    _cleanup_(freep) char *name = nt_wdk_to_utf8(SymbolicLinkName);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    return name ? nt_object_unlink(name) : STATUS_INSUFFICIENT_RESOURCES;
}

/* --- stacks of devices --- */

/** @return the device @p SourceDevice now lies upon. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
PDEVICE_OBJECT NTAPI
IoAttachDeviceToDeviceStack(PDEVICE_OBJECT SourceDevice, PDEVICE_OBJECT TargetDevice)
{
    pthread_mutex_lock(&device_lock);
    PDEVICE_OBJECT top = TargetDevice;
    while (top->AttachedDevice)
        top = top->AttachedDevice;
    top->AttachedDevice = SourceDevice;
    SourceDevice->DeviceObjectExtension->AttachedTo = top;
    SourceDevice->StackSize = (CCHAR)(top->StackSize + 1);
    SourceDevice->AlignmentRequirement = top->AlignmentRequirement;
    SourceDevice->SectorSize = top->SectorSize;
    pthread_mutex_unlock(&device_lock);
    return top;
}

/** @p TargetDevice is the lower device. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iodetachdevice. */
VOID NTAPI
IoDetachDevice(PDEVICE_OBJECT TargetDevice)
{
    pthread_mutex_lock(&device_lock);
    if (TargetDevice->AttachedDevice)
        TargetDevice->AttachedDevice->DeviceObjectExtension->AttachedTo = NULL;
    TargetDevice->AttachedDevice = NULL;
    pthread_mutex_unlock(&device_lock);
}

/** The top of the stack, referenced. IRQL: <= DISPATCH_LEVEL. Ref: ntifs. */
PDEVICE_OBJECT NTAPI
IoGetAttachedDeviceReference(PDEVICE_OBJECT DeviceObject)
{
    pthread_mutex_lock(&device_lock);
    while (DeviceObject->AttachedDevice)
        DeviceObject = DeviceObject->AttachedDevice;
    nt_object_ref(DeviceObject);
    pthread_mutex_unlock(&device_lock);
    return DeviceObject;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iogetrelateddeviceobject. */
PDEVICE_OBJECT NTAPI
IoGetRelatedDeviceObject(PFILE_OBJECT FileObject)
{
    PDEVICE_OBJECT device = FileObject->DeviceObject;
    while (device->AttachedDevice)
        device = device->AttachedDevice;
    return device;
}

/* --- per-driver storage --- */

static struct driver_extension *
find_extension(struct driver_body *driver, PVOID id)
{
    for (struct driver_extension *e = driver->extensions; e; e = e->next)
        if (e->id == id)
            return e;
    return NULL;
}

/** @return STATUS_OBJECT_NAME_COLLISION when the id is taken. IRQL: <= APC_LEVEL. Ref: wdm. */
NTSTATUS NTAPI
IoAllocateDriverObjectExtension(PDRIVER_OBJECT DriverObject, PVOID ClientIdentificationAddress,
                                ULONG DriverObjectExtensionSize, PVOID *DriverObjectExtension)
{
    struct driver_body *driver = (struct driver_body *)DriverObject;

    NT_IRQL_MAX(APC_LEVEL);
    *DriverObjectExtension = NULL;
    if (find_extension(driver, ClientIdentificationAddress))
        return STATUS_OBJECT_NAME_COLLISION;
    struct driver_extension *e = calloc(1, sizeof(*e) + DriverObjectExtensionSize);
    if (!e)
        return STATUS_INSUFFICIENT_RESOURCES;
    e->id = ClientIdentificationAddress;
    e->next = driver->extensions;
    driver->extensions = e;
    *DriverObjectExtension = e->data;
    return STATUS_SUCCESS;
}

/** @return NULL when there is none. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iogetdriverobjectextension. */
PVOID NTAPI
IoGetDriverObjectExtension(PDRIVER_OBJECT DriverObject, PVOID ClientIdentificationAddress)
{
    struct driver_extension *e =
        find_extension((struct driver_body *)DriverObject, ClientIdentificationAddress);
    return e ? e->data : NULL;
}

/* --- shutdown --- */

static struct {
    PDEVICE_OBJECT devices[64];
    size_t count;
} shutdown;

/** IRP_MJ_SHUTDOWN comes when the program ends. IRQL: PASSIVE_LEVEL. Ref: wdm. */
NTSTATUS NTAPI
IoRegisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    NTSTATUS status = STATUS_SUCCESS;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    pthread_mutex_lock(&device_lock);
    if (shutdown.count == ELEMENTSOF(shutdown.devices)) {
        status = STATUS_INSUFFICIENT_RESOURCES;
    } else {
        shutdown.devices[shutdown.count++] = nt_object_ref(DeviceObject);
        DeviceObject->Flags |= DO_SHUTDOWN_REGISTERED;
    }
    pthread_mutex_unlock(&device_lock);
    return status;
}

/** As IoRegisterShutdownNotification. Ref: wdm. */
NTSTATUS NTAPI
IoRegisterLastChanceShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    return IoRegisterShutdownNotification(DeviceObject);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iounregistershutdownnotification. */
VOID NTAPI
IoUnregisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    size_t found = 0;

    pthread_mutex_lock(&device_lock);
    for (size_t i = 0; i < shutdown.count;) {
        if (shutdown.devices[i] != DeviceObject) {
            i++;
            continue;
        }
        shutdown.devices[i] = shutdown.devices[--shutdown.count];
        found++;
    }
    DeviceObject->Flags &= ~(ULONG)DO_SHUTDOWN_REGISTERED;
    pthread_mutex_unlock(&device_lock);
    while (found--)
        nt_object_unref(DeviceObject);
}

static NTSTATUS NTAPI
free_shutdown_irp(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

void
nt_io_device_shut_down(void)
{
    while (shutdown.count) {
        PDEVICE_OBJECT device = nt_object_ref(shutdown.devices[shutdown.count - 1]);
        PIRP irp = IoAllocateIrp(device->StackSize, FALSE);
        KEVENT done;
        IoUnregisterShutdownNotification(device);
        if (irp) {
            KeInitializeEvent(&done, NotificationEvent, FALSE);
            IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_SHUTDOWN;
            IoSetCompletionRoutine(irp, free_shutdown_irp, &done, TRUE, TRUE, TRUE);
            IoCallDriver(device, irp);
            KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
            IoFreeIrp(irp);
        }
        nt_object_unref(device);
    }
}

static bool
has_open_files(PDRIVER_OBJECT driver)
{
    bool found = false;

    pthread_mutex_lock(&device_lock);
    for (PDEVICE_OBJECT device = driver->DeviceObject; device && !found;
         device = device->NextDevice)
        found = __atomic_load_n(&device->ReferenceCount, __ATOMIC_ACQUIRE) > 0;
    pthread_mutex_unlock(&device_lock);
    return found;
}

void
nt_io_device_await_close(struct nt_driver *driver)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    /* a file whose last request ended a moment ago is being closed by a worker */
    for (int ms = 0; ms < CLOSE_MS && has_open_files(driver->driver_object); ms++) {
        nt_time_settle();
        nanosleep(&pause, NULL);
    }
}

void
nt_io_device_check_driver(struct nt_driver *driver)
{
    PDRIVER_OBJECT object = driver->driver_object;

    while (object && object->DeviceObject) {
        PDEVICE_OBJECT device = object->DeviceObject;
        const char *name = nt_object_get_name(device);
        nt_finding_at(driver->name, nt_object_site(device), NT_FINDING_DEVICE_LEAK,
                      "device object %s was left", name ? name : "without a name");
        IoDeleteDevice(device);
    }
}
