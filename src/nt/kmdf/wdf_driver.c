/*
 * Binding an image to the framework, and the driver object.
 *
 * Model      WdfVersionBind makes the driver record, hands out the function table and the globals;
 *            WdfDriverCreate turns the record into the root of the object tree; unloading calls
 *            EvtDriverUnload and deletes the tree; WdfVersionUnbind frees the record.
 * Ref        windows-driver-docs wdf/creating-device-objects-in-a-function-driver; facts of images
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "nt/exports.h"
#include "nt/ntos/io_device.h"

#define TABLE_MAX 512

/* WDF_BIND_INFO; WDF_BIND_INFO2 begins with it. */
struct bind_info {
    ULONG Size;
    PWCHAR Component;
    ULONG Major, Minor, Build;
    ULONG FuncCount;
    const void **FuncTable; /* 1.15 and later: receives the table's address; before: the table itself */
    PVOID Module;
};
static_assert(sizeof(struct bind_info) == 48, "WDF_BIND_INFO");

#define BIND_INFO2_SIZE 88
#define FIRST_MINOR_WITH_POINTER 15

const struct wdf_class wdf_class_driver = {
    .type = WDF_DRIVER, .name = "WDFDRIVER", .size = sizeof(struct wdf_driver)};

static const void *table[TABLE_MAX];
static ULONG table_count;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void
fill_table(void)
{
    for (size_t i = 0; i < nt_wdf_functions.count && i < TABLE_MAX; i++)
        table[i] = nt_wdf_functions.rows[i].address;
    table_count = (ULONG)MIN(nt_wdf_functions.count, (size_t)TABLE_MAX);
}

bool
wdf_driver_copy_string(PCUNICODE_STRING from, UNICODE_STRING *ret_copy)
{
    USHORT length = from ? from->Length : 0;
    WCHAR *buffer = malloc(length + sizeof(WCHAR));

    if (!buffer)
        return false;
    if (length)
        memcpy(buffer, from->Buffer, length);
    buffer[length / sizeof(WCHAR)] = 0;
    *ret_copy = (UNICODE_STRING){.Length = length, .MaximumLength = (USHORT)(length + sizeof(WCHAR)), .Buffer = buffer};
    return true;
}

NTSTATUS NTAPI WdfVersionBind(PDRIVER_OBJECT driver_object, PUNICODE_STRING registry_path,
                              struct bind_info *info, PWDF_DRIVER_GLOBALS *ret_globals);
NTSTATUS NTAPI WdfVersionUnbind(PUNICODE_STRING registry_path, struct bind_info *info,
                                PWDF_DRIVER_GLOBALS globals);
NTSTATUS NTAPI WdfVersionBindClass(struct bind_info *info, PWDF_DRIVER_GLOBALS globals, void *class_info);
void NTAPI WdfVersionUnbindClass(struct bind_info *info, PWDF_DRIVER_GLOBALS globals, void *class_info);
NTSTATUS NTAPI WdfLdrQueryInterface(void *interface);

/**
 * Bind an image to the framework.
 *
 * @param info  48 bytes, or 88 in images for stub version 25 and later. The table's address is
 *              written to *info->FuncTable; images for KMDF before 1.15 have room for the table there
 *              and get a copy
 * @param ret_globals  the image's WdfDriverGlobals
 * @return STATUS_SUCCESS; STATUS_INVALID_PARAMETER (unknown form or component);
 *         STATUS_REVISION_MISMATCH (asks for more functions than there are)
 * IRQL: = PASSIVE_LEVEL. Observed: an image built with KMDF 1.9 (WinDivert64.sys 2.2: FuncTable is an array
 * of 396 entries, called through directly) and 1.15. Choice: the change is taken to be in 1.15.
 */
NTSTATUS NTAPI
WdfVersionBind(PDRIVER_OBJECT driver_object, PUNICODE_STRING registry_path, struct bind_info *info,
               PWDF_DRIVER_GLOBALS *ret_globals)
{
    struct nt_driver *nt = nt_driver_current();
    struct wdf_driver *driver;
    NTSTATUS status;

    pthread_once(&table_once, fill_table);
    if (!info || !ret_globals || (info->Size != sizeof(*info) && info->Size != BIND_INFO2_SIZE))
        return STATUS_INVALID_PARAMETER;
    if (info->Major != 1 || info->FuncCount > table_count) {
        nt_finding(NT_FINDING_WDF_BAD_CALL,
                   "the image wants KMDF %u.%u with %u functions; OpenWFP has 1.x with %u",
                   info->Major, info->Minor, info->FuncCount, table_count);
        return STATUS_REVISION_MISMATCH;
    }
    status = wdf_object_new(NULL, &wdf_class_driver, NULL, NULL, &driver);
    if (!NT_SUCCESS(status))
        return status;
    if (!wdf_driver_copy_string(registry_path, &driver->registry_path)) {
        wdf_object_unref(&driver->object);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    driver->object.driver = driver;
    driver->nt = nt;
    driver->driver_object = driver_object;
    driver->globals.Driver = (WDFDRIVER)driver;
    driver->globals.DriverTag = 0x46646657u /* "WfdF" */;
    snprintf(driver->globals.DriverName, sizeof(driver->globals.DriverName), "%s", nt_driver_name(nt));
    if (nt)
        nt->framework = driver;
    if (info->Minor < FIRST_MINOR_WITH_POINTER)
        memcpy(info->FuncTable, table, info->FuncCount * sizeof(*table));
    else
        *info->FuncTable = table;
    *ret_globals = &driver->globals;
    return STATUS_SUCCESS;
}

/* Everything goes but the record itself. Children go first, devices among them. */
static void
tear_down(struct wdf_driver *driver)
{
    while (!nt_list_is_empty(&driver->object.children))
        wdf_object_delete(NT_LIST_ITEM(driver->object.children.previous, struct wdf_object, link));
}

static void NTAPI
unload(PDRIVER_OBJECT driver_object)
{
    struct nt_driver *nt = nt_io_device_driver(driver_object);
    struct wdf_driver *driver = nt ? nt->framework : NULL;

    if (!driver || driver->unloaded)
        return;
    driver->unloaded = true;
    if (driver->unload)
        NT_CALLBACK_VOID(driver->nt, NT_PASSIVE_LEVEL, driver->unload((WDFDRIVER)driver));
    tear_down(driver);
}

/** Undo WdfVersionBind; what a failed DriverEntry left in the tree goes, too. */
NTSTATUS NTAPI
WdfVersionUnbind(PUNICODE_STRING registry_path, struct bind_info *info, PWDF_DRIVER_GLOBALS globals)
{
    struct wdf_driver *driver = globals ? wdf_driver_of(globals) : NULL;

    if (!driver)
        return STATUS_INVALID_PARAMETER;
    tear_down(driver);
    if (driver->nt)
        driver->nt->framework = NULL;
    free(driver->registry_path.Buffer);
    wdf_object_delete(&driver->object);
    return STATUS_SUCCESS;
}

/** WFP drivers bind no class extension; there is none to bind. */
NTSTATUS NTAPI
WdfVersionBindClass(struct bind_info *info, PWDF_DRIVER_GLOBALS globals, void *class_info)
{
    nt_finding(NT_FINDING_STUB_CALLED, "WdfVersionBindClass: there are no class extensions");
    return STATUS_NOT_SUPPORTED;
}

void NTAPI
WdfVersionUnbindClass(struct bind_info *info, PWDF_DRIVER_GLOBALS globals, void *class_info)
{
}

/** Asked by tracing start-up code; it copes with a refusal. */
NTSTATUS NTAPI
WdfLdrQueryInterface(void *interface)
{
    return STATUS_NOT_SUPPORTED;
}

/**
 * Make the driver object.
 *
 * @param DriverConfig  EvtDriverUnload and flags; a driver without EvtDriverDeviceAdd must say
 *                      WdfDriverInitNonPnpDriver
 * @return STATUS_SUCCESS, STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_PARAMETER,
 *         STATUS_DRIVER_INTERNAL_ERROR (called twice)
 * IRQL: = PASSIVE_LEVEL. Ref: ddi wdfdriver/nf-wdfdriver-wdfdrivercreate
 */
WDF_EXPORT(NTSTATUS, WdfDriverCreate, PDRIVER_OBJECT DriverObject, PCUNICODE_STRING RegistryPath,
           PWDF_OBJECT_ATTRIBUTES DriverAttributes, PWDF_DRIVER_CONFIG DriverConfig, WDFDRIVER *Driver)
{
    struct wdf_driver *driver = wdf_driver_of(globals);

    if (!DriverConfig || DriverConfig->Size != sizeof(*DriverConfig))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (driver->created)
        return STATUS_DRIVER_INTERNAL_ERROR;
    if (DriverConfig->EvtDriverDeviceAdd && (DriverConfig->DriverInitFlags & WdfDriverInitNonPnpDriver))
        return STATUS_INVALID_PARAMETER;
    if (DriverAttributes && (DriverAttributes->ContextTypeInfo || DriverAttributes->EvtCleanupCallback ||
                             DriverAttributes->EvtDestroyCallback)) {
        NTSTATUS status = wdf_object_add_context(&driver->object, DriverAttributes);
        if (!NT_SUCCESS(status))
            return status;
    }
    driver->created = true;
    driver->unload = DriverConfig->EvtDriverUnload;
    driver->init_flags = DriverConfig->DriverInitFlags;
    if (DriverConfig->DriverPoolTag)
        driver->globals.DriverTag = DriverConfig->DriverPoolTag;
    driver->driver_object = DriverObject;
    /* without an EvtDriverUnload a non-PnP driver cannot be unloaded */
    if (!(driver->init_flags & WdfDriverInitNonPnpDriver) || driver->unload) {
        DriverObject->DriverUnload = unload;
        driver->globals.DisplaceDriverUnload = TRUE;
    }
    if (Driver)
        *Driver = (WDFDRIVER)driver;
    return STATUS_SUCCESS;
}

/** NUL-terminated, lives as long as the driver. Ref: ddi wdfdriver/nf-wdfdriver-wdfdrivergetregistrypath */
WDF_EXPORT(PWSTR, WdfDriverGetRegistryPath, WDFDRIVER Driver)
{
    struct wdf_driver *driver = WDF_CHECK(Driver, wdf_class_driver);
    return driver ? driver->registry_path.Buffer : NULL;
}

/** Ref: ddi wdfdriver/nf-wdfdriver-wdfdriverwdmgetdriverobject */
WDF_EXPORT(PDRIVER_OBJECT, WdfDriverWdmGetDriverObject, WDFDRIVER Driver)
{
    struct wdf_driver *driver = WDF_CHECK(Driver, wdf_class_driver);
    return driver ? driver->driver_object : NULL;
}

/** Ref: ddi wdfdriver/nf-wdfdriver-wdfwdmdrivergetwdfdriverhandle */
WDF_EXPORT(WDFDRIVER, WdfWdmDriverGetWdfDriverHandle, PDRIVER_OBJECT DriverObject)
{
    struct nt_driver *nt = nt_io_device_driver(DriverObject);
    return nt ? (WDFDRIVER)nt->framework : NULL;
}

/** Every 1.x function is there. Ref: ddi wdfdriver/nf-wdfdriver-wdfdriverisversionavailable */
WDF_EXPORT(BOOLEAN, WdfDriverIsVersionAvailable, WDFDRIVER Driver,
           PWDF_DRIVER_VERSION_AVAILABLE_PARAMS VersionAvailableParams)
{
    return VersionAvailableParams->MajorVersion == 1 && VersionAvailableParams->MinorVersion <= 33;
}
