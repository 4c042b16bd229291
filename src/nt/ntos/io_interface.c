/*
 * Device interfaces: symbolic links that programs find by class.
 *
 * Model      An instance is a symbolic link \??\ROOT#driver#0000#{class}[\reference], which exists while
 *            the interface is enabled. It leads to the device by name; a device without one gets one.
 * Lifetime   An instance goes with its device. What Windows keeps in the registry is not kept.
 * Choice     There is no PnP manager, so any device of a driver is as good as a PDO.
 * Ref        install/device-interface-classes
 */
#include "nt/ntos/io_interface.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/guid.h"
#include "nt/ntos/io_device.h"
#include "nt/ntos/nt_list.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"

#define STRING_TAG                        0x73666e49u /* Infs */
#define DEVICE_INTERFACE_INCLUDE_INACTIVE 1u

struct interface {
    struct nt_list link;
    PDEVICE_OBJECT device; /* borrowed: forgotten before it goes */
    GUID guid;
    char *name, *reference; /* reference "" for none */
    unsigned number;        /* of the device among its driver's */
    bool is_enabled;
};

static struct {
    pthread_mutex_t lock;
    struct nt_list interfaces; /* in order of registration */
} registry = {PTHREAD_MUTEX_INITIALIZER, {&registry.interfaces, &registry.interfaces}};

static struct interface *
find_locked(PDEVICE_OBJECT device, const GUID *guid, const char *reference)
{
    for (struct nt_list *i = registry.interfaces.next; i != &registry.interfaces; i = i->next) {
        struct interface *interface = NT_LIST_ITEM(i, struct interface, link);
        if (interface->device == device && memcmp(&interface->guid, guid, sizeof(*guid)) == 0 &&
            strcasecmp(interface->reference, reference) == 0)
            return interface;
    }
    return NULL;
}

static struct interface *
find_name_locked(const char *name)
{
    for (struct nt_list *i = registry.interfaces.next; i != &registry.interfaces; i = i->next) {
        struct interface *interface = NT_LIST_ITEM(i, struct interface, link);
        if (strcasecmp(interface->name, name) == 0)
            return interface;
    }
    return NULL;
}

/** The device's number among those of its driver that have interfaces. */
static unsigned
number_locked(PDEVICE_OBJECT device)
{
    unsigned next = 0;

    for (struct nt_list *i = registry.interfaces.next; i != &registry.interfaces; i = i->next) {
        const struct interface *interface = NT_LIST_ITEM(i, struct interface, link);
        if (interface->device == device)
            return interface->number;
        if (nt_object_owner(interface->device) == nt_object_owner(device))
            next = MAX(next, interface->number + 1);
    }
    return next;
}

static void
free_interface(struct interface *interface)
{
    free(interface->name);
    free(interface->reference);
    free(interface);
}

static struct interface *
new_locked(PDEVICE_OBJECT device, const GUID *guid, const char *reference)
{
    struct interface *interface = calloc(1, sizeof(*interface));
    struct wfp_guid ours;
    char text[WFP_GUID_TEXT_SIZE];

    if (!interface)
        return NULL;
    memcpy(&ours, guid, sizeof(ours));
    interface->device = device;
    interface->guid = *guid;
    interface->number = number_locked(device);
    interface->reference = strdup(reference);
    if (asprintf(&interface->name, "\\??\\ROOT#%s#%04u#{%s}%s%s",
                 nt_driver_name(nt_object_owner(device)), interface->number,
                 wfp_guid_format(&ours, text), *reference ? "\\" : "", reference) < 0)
        interface->name = NULL;
    if (!interface->name || !interface->reference) {
        free_interface(interface);
        return NULL;
    }
    return interface;
}

NTSTATUS
nt_io_interface_register(PDEVICE_OBJECT device, const GUID *guid, const UNICODE_STRING *reference,
                         char **ret_name)
{
    _cleanup_(freep) char *text =
        reference && reference->Length ? nt_wdk_to_utf8(reference) : strdup("");

    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (nt_object_type(device) != NT_OBJECT_DEVICE || strpbrk(text, "/\\"))
        return STATUS_INVALID_DEVICE_REQUEST;
    pthread_mutex_lock(&registry.lock);
    struct interface *interface = find_locked(device, guid, text);
    NTSTATUS status = interface ? STATUS_OBJECT_NAME_EXISTS : STATUS_SUCCESS;
    if (!interface) {
        interface = new_locked(device, guid, text);
        if (interface)
            nt_list_append(&registry.interfaces, &interface->link);
    }
    *ret_name = interface ? strdup(interface->name) : NULL;
    pthread_mutex_unlock(&registry.lock);
    return *ret_name ? status : STATUS_INSUFFICIENT_RESOURCES;
}

char *
nt_io_interface_find(PDEVICE_OBJECT device, const GUID *guid, const UNICODE_STRING *reference)
{
    _cleanup_(freep) char *text =
        reference && reference->Length ? nt_wdk_to_utf8(reference) : strdup("");
    char *name = NULL;

    if (!text)
        return NULL;
    pthread_mutex_lock(&registry.lock);
    const struct interface *interface = find_locked(device, guid, text);
    if (interface)
        name = strdup(interface->name);
    pthread_mutex_unlock(&registry.lock);
    return name;
}

/** A name for the link to lead to; devices of PnP drivers seldom have one. */
static const char *
name_of_device(PDEVICE_OBJECT device)
{
    static unsigned generated;
    char name[48];

    if (!nt_object_get_name(device)) {
        snprintf(name, sizeof(name), "\\Device\\Interface%04x", ++generated);
        if (nt_object_name(device, name) < 0)
            return NULL;
    }
    return nt_object_get_name(device);
}

static NTSTATUS
enable_locked(struct interface *interface)
{
    const char *device = name_of_device(interface->device);
    _cleanup_(freep) char *target = NULL;

    if (!device || asprintf(&target, "%s%s%s", device, *interface->reference ? "\\" : "",
                            interface->reference) < 0)
        return STATUS_INSUFFICIENT_RESOURCES;
    return nt_object_link(interface->name, target,
                          NULL); /* ours to remove, no leak of the driver */
}

NTSTATUS
nt_io_interface_set_state(const char *name, bool enable)
{
    NTSTATUS status = STATUS_SUCCESS;

    pthread_mutex_lock(&registry.lock);
    struct interface *interface = find_name_locked(name);
    if (!interface)
        status = STATUS_OBJECT_NAME_NOT_FOUND;
    else if (interface->is_enabled == enable)
        status = enable ? STATUS_OBJECT_NAME_EXISTS : STATUS_OBJECT_NAME_NOT_FOUND;
    else
        status = enable ? enable_locked(interface) : nt_object_unlink(interface->name);
    if (status == STATUS_SUCCESS)
        interface->is_enabled = enable;
    pthread_mutex_unlock(&registry.lock);
    return status;
}

void
nt_io_interface_forget(PDEVICE_OBJECT device)
{
    pthread_mutex_lock(&registry.lock);
    for (struct nt_list *i = registry.interfaces.next, *next; i != &registry.interfaces; i = next) {
        struct interface *interface = NT_LIST_ITEM(i, struct interface, link);
        next = i->next;
        if (interface->device != device)
            continue;
        if (interface->is_enabled)
            nt_object_unlink(interface->name);
        nt_list_remove(&interface->link);
        free_interface(interface);
    }
    pthread_mutex_unlock(&registry.lock);
}

/* --- the functions drivers import --- */

static NTSTATUS
to_string(const char *text, uintptr_t caller, PUNICODE_STRING string)
{
    size_t length;
    _cleanup_(freep) uint16_t *utf16 = wfp_utf16_from_utf8(text, &length);
    size_t bytes = (length + 1) * sizeof(WCHAR);
    WCHAR *buffer = utf16 ? nt_pool_allocate(bytes, STRING_TAG, true, caller) : NULL;

    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(buffer, utf16, bytes);
    *string = (UNICODE_STRING){(USHORT)(bytes - sizeof(WCHAR)), (USHORT)bytes, buffer};
    return STATUS_SUCCESS;
}

/**
 * Make an instance of an interface class; disabled until IoSetDeviceInterfaceState.
 *
 * @param PhysicalDeviceObject  any device of the driver
 * @param ReferenceString       may be NULL; no path separators
 * @param SymbolicLinkName      allocated; the caller frees it with RtlFreeUnicodeString
 * @return STATUS_OBJECT_NAME_EXISTS (a success) when it was registered, STATUS_INVALID_DEVICE_REQUEST,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-ioregisterdeviceinterface. Gap: nothing outlives the device.
 */
NTSTATUS NTAPI
IoRegisterDeviceInterface(PDEVICE_OBJECT PhysicalDeviceObject, const GUID *InterfaceClassGuid,
                          PUNICODE_STRING ReferenceString, PUNICODE_STRING SymbolicLinkName)
{
    _cleanup_(freep) char *name = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status =
        nt_io_interface_register(PhysicalDeviceObject, InterfaceClassGuid, ReferenceString, &name);
    if (!NT_SUCCESS(status))
        return status;
    NTSTATUS copied = to_string(name, NT_CALLER, SymbolicLinkName);
    return NT_SUCCESS(copied) ? status : copied;
}

/**
 * Let programs open an interface, or no more.
 *
 * @return STATUS_OBJECT_NAME_EXISTS (a success): it was enabled; STATUS_OBJECT_NAME_NOT_FOUND: it was
 *         not, or is not registered
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iosetdeviceinterfacestate.
 */
NTSTATUS NTAPI
IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable)
{
    _cleanup_(freep) char *name = nt_wdk_to_utf8(SymbolicLinkName);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    return name ? nt_io_interface_set_state(name, Enable) : STATUS_INSUFFICIENT_RESOURCES;
}

/**
 * The links of all interfaces of a class, one after another, each with its terminator, then another.
 *
 * @param PhysicalDeviceObject  only of this device; may be NULL
 * @param Flags                 DEVICE_INTERFACE_INCLUDE_NONACTIVE: disabled ones, too
 * @param SymbolicLinkList      allocated; the caller frees it with ExFreePool
 * @return STATUS_INSUFFICIENT_RESOURCES. None found is a success: an empty list
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iogetdeviceinterfaces.
 */
NTSTATUS NTAPI
IoGetDeviceInterfaces(const GUID *InterfaceClassGuid, PDEVICE_OBJECT PhysicalDeviceObject,
                      ULONG Flags, PWSTR *SymbolicLinkList)
{
    _cleanup_(freep) uint16_t *list = calloc(1, sizeof(*list));
    size_t units = 0;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    *SymbolicLinkList = NULL;
    pthread_mutex_lock(&registry.lock);
    for (struct nt_list *i = registry.interfaces.next; i != &registry.interfaces; i = i->next) {
        const struct interface *interface = NT_LIST_ITEM(i, struct interface, link);
        size_t length = 0;
        if (memcmp(&interface->guid, InterfaceClassGuid, sizeof(GUID)) != 0 ||
            (PhysicalDeviceObject && interface->device != PhysicalDeviceObject) ||
            (!interface->is_enabled && !(Flags & DEVICE_INTERFACE_INCLUDE_INACTIVE)))
            continue;
        _cleanup_(freep) uint16_t *name = wfp_utf16_from_utf8(interface->name, &length);
        uint16_t *larger = name ? realloc(list, (units + length + 2) * sizeof(*list)) : NULL;
        if (!larger)
            continue;
        list = larger;
        memcpy(list + units, name, (length + 1) * sizeof(*list));
        units += length + 1;
        list[units] = 0;
    }
    pthread_mutex_unlock(&registry.lock);
    *SymbolicLinkList =
        list ? nt_pool_allocate((units + 1) * sizeof(*list), STRING_TAG, true, NT_CALLER) : NULL;
    if (!*SymbolicLinkList)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(*SymbolicLinkList, list, (units + 1) * sizeof(*list));
    return STATUS_SUCCESS;
}
