/*
 * Start and stop of the kernel and of drivers; see nt_host.h.
 */
#include "nt/ntos/nt_host.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ntstatus_name.h"
#include "base/status.h"
#include "nt/loader/nt_image.h"
#include "nt/ntos/io_device.h"
#include "nt/ntos/nt_dpc.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_wdk.h"
#include "nt/ntos/nt_work.h"

void nt_ps_process_check_driver(struct nt_driver *driver);
void nt_ex_callback_check_driver(struct nt_driver *driver);

void
nt_host_init(void)
{
    nt_thread_current();
    nt_driver_add_check(nt_io_device_check_driver);
    nt_driver_add_check(nt_ps_process_check_driver);
    nt_driver_add_check(nt_ex_callback_check_driver);
    if (wfp_clock_is_virtual())
        nt_dispatcher_own_clock();
}

void
nt_host_fini(void)
{
    nt_io_device_shut_down();
    nt_work_fini();
    nt_time_settle();
    nt_timer_fini();
    nt_registry_reset();
}

void
nt_host_set_service(void (*serve)(void *context), void *context)
{
    nt_dispatcher_set_service(serve, context);
}

/** The service's key as an installer leaves it. @return its path, to be freed, or NULL */
static char *
make_service_key(const char *service, const struct nt_image *image)
{
    const uint32_t kernel_driver = 1, demand_start = 3, normal = 1;
    char *path = NULL;

    if (asprintf(&path, "%s\\%s", NT_REGISTRY_SERVICES, service) < 0)
        return NULL;
    nt_registry_set(path, "Type", NT_REG_DWORD, &kernel_driver, sizeof(kernel_driver));
    nt_registry_set(path, "Start", NT_REG_DWORD, &demand_start, sizeof(demand_start));
    nt_registry_set(path, "ErrorControl", NT_REG_DWORD, &normal, sizeof(normal));
    if (image) {
        size_t length;
        _cleanup_(freep) char *file = NULL;
        if (asprintf(&file, "\\SystemRoot\\System32\\drivers\\%s.sys", service) < 0)
            file = NULL;
        _cleanup_(freep) uint16_t *text = file ? wfp_utf16_from_utf8(file, &length) : NULL;
        if (text)
            nt_registry_set(path, "ImagePath", NT_REG_EXPAND_SZ, text,
                            (uint32_t)((length + 1) * sizeof(*text)));
    }
    return path;
}

/** Wait for what runs, report what is left, free the records. */
static int32_t
dismantle(struct nt_driver *driver)
{
    driver->is_stopping = true;
    nt_work_flush(driver);
    nt_dpc_flush();
    nt_time_settle();
    size_t threads = nt_thread_count_of(driver);
    nt_driver_run_checks(driver);
    nt_object_unname(driver->driver_object);
    if (threads) /* they run in the image and name the driver: both stay */
        return NT_STATUS_DEVICE_BUSY;
    nt_object_unref(driver->driver_object);
    nt_driver_free(driver);
    return STATUS_SUCCESS;
}

static NTSTATUS
call_entry(struct nt_driver *driver, PDRIVER_INITIALIZE entry, const char *registry_path)
{
    PDRIVER_OBJECT object = driver->driver_object;
    size_t length;
    _cleanup_(freep) uint16_t *path = wfp_utf16_from_utf8(registry_path, &length);
    UNICODE_STRING string = {(USHORT)(length * 2), (USHORT)(length * 2 + 2), path};

    if (!path)
        return STATUS_INSUFFICIENT_RESOURCES;
    object->DriverInit = entry;
    driver->is_starting = true;
    NTSTATUS status = NT_CALLBACK(driver, PASSIVE_LEVEL, entry(object, &string));
    driver->is_starting = false;
    if (!NT_SUCCESS(status))
        return status;
    for (PDEVICE_OBJECT device = object->DeviceObject; device; device = device->NextDevice)
        device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING; /* the I/O manager does, after the entry */
    object->Flags |= DRVO_INITIALIZED;
    return STATUS_SUCCESS;
}

static int32_t
start(PDRIVER_INITIALIZE entry, const struct nt_image *image, void *base, size_t size,
      const char *service, struct nt_driver **ret_driver)
{
    if (nt_driver_find(service))
        return STATUS_OBJECT_NAME_COLLISION;
    if (wfp_clock_is_virtual())
        nt_dispatcher_own_clock(); /* threads of the entry wait for their turn, too */
    struct nt_driver *driver = nt_driver_new(service);
    if (!driver)
        return STATUS_INSUFFICIENT_RESOURCES;
    driver->image = image;
    driver->code_start = (uintptr_t)base;
    driver->code_size = size;
    driver->driver_object = nt_io_device_new_driver_object(driver);
    _cleanup_(freep) char *key = make_service_key(service, image);
    if (!driver->driver_object || !key) {
        if (driver->driver_object)
            nt_object_unref(driver->driver_object);
        nt_driver_free(driver);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    NTSTATUS status = call_entry(driver, entry, key);
    if (NT_SUCCESS(status)) {
        *ret_driver = driver;
        return status;
    }
    size_t before = nt_finding_count();
    int32_t left = dismantle(driver);
    if (nt_finding_count() > before)
        nt_finding_for(service, NT_FINDING_ENTRY_FAILED_DIRTY,
                       "DriverEntry failed with %s and did not undo everything",
                       nt_status_text(status));
    return left == NT_STATUS_DEVICE_BUSY ? left : status;
}

int32_t
nt_driver_start(const struct nt_image *image, const char *service_name,
                struct nt_driver **ret_driver)
{
    return start((PDRIVER_INITIALIZE)nt_image_entry(image), image, nt_image_base(image),
                 nt_image_size(image), service_name ? service_name : nt_image_name(image),
                 ret_driver);
}

int32_t
nt_driver_start_entry(void *entry, void *base, size_t size, const char *service_name,
                      struct nt_driver **ret_driver)
{
    return start((PDRIVER_INITIALIZE)entry, NULL, base, size, service_name, ret_driver);
}

int32_t
nt_driver_stop(struct nt_driver *driver)
{
    PDRIVER_OBJECT object = driver->driver_object;

    nt_io_device_await_close(driver);
    driver->is_stopping = true;
    object->Flags |= DRVO_UNLOAD_INVOKED;
    bool was_asked = driver->unload_filter && driver->unload_filter(driver);
    if (object->DriverUnload)
        NT_CALLBACK_VOID(driver, PASSIVE_LEVEL, object->DriverUnload(object));
    else if (!was_asked)
        nt_finding_for(driver->name, NT_FINDING_NO_UNLOAD, "the driver cannot be unloaded");
    return dismantle(driver);
}

const char *
nt_status_text(int32_t status)
{
    static __thread char text[80];

    snprintf(text, sizeof(text), "%s 0x%08X", wfp_ntstatus_name(status), (uint32_t)status);
    return text;
}
