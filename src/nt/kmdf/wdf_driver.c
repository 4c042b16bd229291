/*
 * Binding of driver images to the framework, and the driver object.
 *
 * Model      WdfVersionBind hands out the function table and the driver's globals; the image calls
 *            table[index](globals, ...). Unbinding deletes the driver object and all below it.
 * Ref        wdf/framework-driver-objects; facts: kmdf-binding
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "nt/exports.h"
#include "nt/ntos/io_device.h"
#include "nt/ntos/nt_registry.h"

#define STATUS_DRIVER_ERROR      ((NTSTATUS)0xC0000183) /* STATUS_DRIVER_INTERNAL_ERROR */
#define TABLE_SIZE               512
#define FIRST_MINOR_WITH_POINTER 15 /* images for earlier frameworks have room for the table */

/** WDF_BIND_INFO, and WDF_BIND_INFO2 whose first part it is. */
struct bind_info {
    ULONG size;
    PWCHAR component;
    ULONG major, minor, build;
    ULONG function_count;
    const void **function_table; /* receives the table's address; in old images: the table itself */
    PVOID module;
    /* from here on: size 88 */
    ULONG *minimum_version;
    BOOLEAN *client_is_newer;
    ULONG *function_count_out;
    ULONG *struct_count_out;
    PVOID struct_table;
};
static_assert(offsetof(struct bind_info, minimum_version) == 48, "WDF_BIND_INFO");
static_assert(sizeof(struct bind_info) == 88, "WDF_BIND_INFO2");

static const void *function_table[TABLE_SIZE];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void
fill_table(void)
{
    for (size_t i = 0; i < nt_wdf_functions.count && i < TABLE_SIZE; i++)
        function_table[i] = nt_wdf_functions.rows[i].address;
}

static NTSTATUS
check_bind_info(const struct bind_info *info)
{
    if (info->size != 48 && info->size != sizeof(*info))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (info->major != 1 || info->function_count > nt_wdf_functions.count) {
        wfp_log(WFP_LOG_ERROR, "%s: wants framework %u.%u with %u functions; this is 1.33 with %zu",
                nt_driver_name(nt_driver_current()), info->major, info->minor, info->function_count,
                nt_wdf_functions.count);
        return STATUS_REVISION_MISMATCH;
    }
    return STATUS_SUCCESS;
}

void
wdf_driver_release(struct wdf_driver *driver)
{
    free(driver->registry_path);
    free(driver->registry_path_utf16.Buffer);
    free(driver);
}

/**
 * Bind an image to the framework.
 *
 * @param BindInfo          WDF_BIND_INFO (48 bytes) or WDF_BIND_INFO2 (88). Images for KMDF before
 *                          1.15 get a copy of the table, later ones its address
 * @param ComponentGlobals  receives the driver's globals
 * @return STATUS_REVISION_MISMATCH for another major version or more functions than there are
 * IRQL: PASSIVE_LEVEL. Observed: an image built with KMDF 1.9 (FuncTable is an array of 396 entries,
 * called through directly) and 1.15. Choice: the change is taken to be in 1.15.
 */
NTSTATUS NTAPI WdfVersionBind(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath,
                              struct bind_info *BindInfo, PVOID *ComponentGlobals);
NTSTATUS NTAPI
WdfVersionBind(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath,
               struct bind_info *BindInfo, PVOID *ComponentGlobals)
{
    NTSTATUS status = check_bind_info(BindInfo);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!NT_SUCCESS(status))
        return status;
    pthread_once(&table_once, fill_table);
    struct wdf_driver *driver = calloc(1, sizeof(*driver));
    if (!driver)
        return STATUS_INSUFFICIENT_RESOURCES;
    driver->nt = nt_io_device_driver(DriverObject);
    driver->driver_object = DriverObject;
    driver->registry_path = nt_wdk_to_utf8(RegistryPath);
    driver->registry_path_utf16.Buffer = calloc(1, RegistryPath->Length + sizeof(WCHAR));
    if (!driver->registry_path || !driver->registry_path_utf16.Buffer) {
        wdf_driver_release(driver);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    driver->registry_path_utf16.MaximumLength = (USHORT)(RegistryPath->Length + sizeof(WCHAR));
    RtlCopyUnicodeString(&driver->registry_path_utf16, RegistryPath);
    const char *name = nt_driver_name(driver->nt);
    strncpy(driver->globals.DriverName, name, WDF_DRIVER_GLOBALS_NAME_LEN - 1);
    memcpy(&driver->globals.DriverTag, "FxDr", 4);
    if (strlen(name) >= 4)
        memcpy(&driver->globals.DriverTag, name, 4);
    driver->nt->framework = driver;
    if (BindInfo->minor < FIRST_MINOR_WITH_POINTER)
        memcpy(BindInfo->function_table, function_table,
               BindInfo->function_count * sizeof(*function_table));
    else
        *BindInfo->function_table = function_table;
    if (BindInfo->size == sizeof(*BindInfo)) {
        if (BindInfo->client_is_newer)
            *BindInfo->client_is_newer = FALSE;
        if (BindInfo->function_count_out)
            *BindInfo->function_count_out = (ULONG)nt_wdf_functions.count;
    }
    *ComponentGlobals = &driver->globals;
    return STATUS_SUCCESS;
}

/** Unbind: deletes all the driver's objects. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI WdfVersionUnbind(PUNICODE_STRING RegistryPath, struct bind_info *BindInfo,
                                PVOID ComponentGlobals);
NTSTATUS NTAPI
WdfVersionUnbind(PUNICODE_STRING RegistryPath, struct bind_info *BindInfo, PVOID ComponentGlobals)
{
    struct wdf_driver *driver = wdf_driver_of(ComponentGlobals);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (driver->root)
        wdf_object_delete(driver->root);
    driver->nt->framework = NULL;
    long left = atomic_fetch_add(&driver->objects, 1); /* ours, until the end of this function */
    if (left)
        nt_finding_for(driver->nt->name, NT_FINDING_WDF_LEAK,
                       "%ld framework object%s stayed referenced", left, left == 1 ? "" : "s");
    driver->nt = NULL;
    driver->is_unbound = true;
    if (atomic_fetch_sub(&driver->objects, 1) == 1)
        wdf_driver_release(driver);
    return STATUS_SUCCESS;
}

/** Extensions of the framework (USB, network adapters ...) do not exist here. */
NTSTATUS NTAPI WdfVersionBindClass(struct bind_info *BindInfo, PVOID Globals, PVOID ClassBindInfo);
NTSTATUS NTAPI
WdfVersionBindClass(struct bind_info *BindInfo, PVOID Globals, PVOID ClassBindInfo)
{
    wfp_log(WFP_LOG_ERROR, "%s: needs a class extension of the framework; there is none",
            nt_driver_name(nt_driver_current()));
    return STATUS_NOT_SUPPORTED;
}

/** Nothing was bound. */
VOID NTAPI WdfVersionUnbindClass(struct bind_info *BindInfo, PVOID Globals, PVOID ClassBindInfo);
VOID NTAPI
WdfVersionUnbindClass(struct bind_info *BindInfo, PVOID Globals, PVOID ClassBindInfo)
{
}

/** Interfaces of the loader are for the framework's own extensions: none is given. */
NTSTATUS NTAPI WdfLdrQueryInterface(PVOID LoaderInterface);
NTSTATUS NTAPI
WdfLdrQueryInterface(PVOID LoaderInterface)
{
    return STATUS_NOT_SUPPORTED;
}

/* --- the driver object --- */

static VOID NTAPI
unload(PDRIVER_OBJECT driver_object)
{
    struct wdf_driver *driver = nt_io_device_driver(driver_object)->framework;

    if (driver && driver->config.EvtDriverUnload)
        NT_CALLBACK_VOID(driver->nt, PASSIVE_LEVEL,
                         driver->config.EvtDriverUnload((WDFDRIVER)driver->root));
}

/**
 * Make the driver object.
 *
 * @param Driver  may be NULL
 * @return STATUS_DRIVER_INTERNAL_ERROR when there is one, STATUS_INFO_LENGTH_MISMATCH,
 *         STATUS_INVALID_PARAMETER
 * IRQL: PASSIVE_LEVEL. Ref: wdfdriver/nf-wdfdriver-wdfdrivercreate.
 * Gap: EvtDriverDeviceAdd of PnP drivers is never called: there is no PnP manager.
 */
WDF_API(NTSTATUS, WdfDriverCreate, PDRIVER_OBJECT DriverObject, PCUNICODE_STRING RegistryPath,
        PWDF_OBJECT_ATTRIBUTES DriverAttributes, PWDF_DRIVER_CONFIG DriverConfig, WDFDRIVER *Driver)
{
    static const struct wdf_operations operations = {.name = "driver"};
    struct wdf_driver *driver = wdf_driver_of(globals);
    bool is_pnp = !(DriverConfig->DriverInitFlags & WdfDriverInitNonPnpDriver);
    struct wdf_object *root;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (DriverConfig->Size != sizeof(*DriverConfig) && DriverConfig->Size != 24 &&
        DriverConfig->Size != 32)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (driver->root)
        return STATUS_DRIVER_ERROR;
    if (!is_pnp && DriverConfig->EvtDriverDeviceAdd)
        return STATUS_INVALID_PARAMETER;
    if (DriverAttributes && DriverAttributes->ParentObject)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = wdf_object_new(driver, WDF_TYPE_DRIVER, &operations, sizeof(*root),
                                     DriverAttributes, NULL, &root);
    if (!NT_SUCCESS(status))
        return status;
    memcpy(&driver->config, DriverConfig, MIN(DriverConfig->Size, sizeof(driver->config)));
    if (DriverConfig->Size >= sizeof(*DriverConfig) && DriverConfig->DriverPoolTag)
        globals->DriverTag = DriverConfig->DriverPoolTag;
    driver->root = root;
    globals->Driver = (WDFDRIVER)root;
    for (size_t i = 0; i < ELEMENTSOF(DriverObject->MajorFunction); i++)
        DriverObject->MajorFunction[i] = wdf_device_dispatch;
    if (is_pnp || DriverConfig->EvtDriverUnload) {
        DriverObject->DriverUnload = unload;
        globals->DisplaceDriverUnload = TRUE;
    }
    if (Driver)
        *Driver = (WDFDRIVER)root;
    return STATUS_SUCCESS;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfdriver/nf-wdfdriver-wdfdrivergetregistrypath. */
WDF_API(PWSTR, WdfDriverGetRegistryPath, WDFDRIVER Driver)
{
    struct wdf_object *object = WDF_GET(Driver, DRIVER);
    return object->driver->registry_path_utf16.Buffer;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfdriver/nf-wdfdriver-wdfdriverwdmgetdriverobject. */
WDF_API(PDRIVER_OBJECT, WdfDriverWdmGetDriverObject, WDFDRIVER Driver)
{
    struct wdf_object *object = WDF_GET(Driver, DRIVER);
    return object->driver->driver_object;
}

/** @return NULL when the framework did not make it. Ref: wdfdriver/nf-wdfdriver-wdfwdmdrivergetwdfdriverhandle. */
WDF_API(WDFDRIVER, WdfWdmDriverGetWdfDriverHandle, PDRIVER_OBJECT DriverObject)
{
    struct wdf_driver *driver = nt_io_device_driver(DriverObject)->framework;
    return driver ? (WDFDRIVER)driver->root : NULL;
}

/** Obsolete: does nothing. Ref: wdfdriver/nf-wdfdriver-wdfdriverregistertraceinfo. */
WDF_API(NTSTATUS, WdfDriverRegisterTraceInfo, PDRIVER_OBJECT DriverObject,
        PFN_WDF_TRACE_CALLBACK EvtTraceCallback, PVOID ControlBlock)
{
    return STATUS_SUCCESS;
}

/** The framework's version is 1.33. IRQL: <= DISPATCH_LEVEL. Ref: wdfdriver. */
WDF_API(BOOLEAN, WdfDriverIsVersionAvailable, WDFDRIVER Driver,
        PWDF_DRIVER_VERSION_AVAILABLE_PARAMS VersionAvailableParams)
{
    return VersionAvailableParams->MajorVersion == 1 && VersionAvailableParams->MinorVersion <= 33;
}
