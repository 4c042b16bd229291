/*
 * Registrations for events that do not happen here: processes, threads, images, handles, registry,
 * power, devices; and event tracing, to which nobody listens.
 *
 * Model      A registration is recorded, so that a driver that leaves one behind is told; nothing is ever
 *            announced. Drivers that also have callouts load and run with these.
 * Ref        the pages of the functions
 */
#include "nt/ntos/ps_unheard.h"
#include "nt/ntos/nt_wdk.h"

#include <stdlib.h>

struct registration {
    struct nt_list link;
    const char *what;
    const void *routine;
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
};

static struct {
    pthread_mutex_t lock;
    struct nt_list all;
    bool checking;
} book = {.lock = PTHREAD_MUTEX_INITIALIZER, .all = {&book.all, &book.all}};

/** Take out what @p handle, or else (what, routine), or else @p owner names. NULL: nothing does. */
static struct registration *
take(const void *handle, const char *what, const void *routine, const struct nt_driver *owner)
{
    struct registration *found = NULL;

    pthread_mutex_lock(&book.lock);
    for (struct nt_list *i = book.all.next; i != &book.all && !found; i = i->next) {
        struct registration *r = NT_LIST_ITEM(i, struct registration, link);
        if (handle ? r == handle
            : what ? r->what == what && r->routine == routine
                   : r->owner == owner)
            found = r;
    }
    if (found)
        nt_list_remove(&found->link);
    pthread_mutex_unlock(&book.lock);
    return found;
}

static void
check_driver(struct nt_driver *driver)
{
    struct registration *left;

    while ((left = take(NULL, NULL, NULL, driver)) != NULL) {
        nt_finding_at(driver->name, left->site, NT_FINDING_CALLBACK_LEAK,
                      "a registration was left: %s", left->what);
        free(left);
    }
}

static struct registration *
add(const char *what, const void *routine)
{
    struct registration *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->what = what;
    r->routine = routine;
    r->owner = nt_driver_current();
    r->site = nt_place_caller();
    pthread_mutex_lock(&book.lock);
    if (!book.checking)
        nt_driver_add_check(check_driver);
    book.checking = true;
    nt_list_append(&book.all, &r->link);
    pthread_mutex_unlock(&book.lock);
    return r;
}

NTSTATUS
nt_ps_unheard_add(const char *what, PVOID *ret_handle)
{
    *ret_handle = add(what, NULL);
    return *ret_handle ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS
nt_ps_unheard_remove(const void *handle, const char *function)
{
    struct registration *r = handle ? take(handle, NULL, NULL, NULL) : NULL;

    if (!r)
        nt_finding(NT_FINDING_OBJECT_BAD, "%s: this is no registration", function);
    free(r);
    return r ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static NTSTATUS
add_routine(const char *what, const void *routine)
{
    return add(what, routine) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS
remove_routine(const char *what, const void *routine)
{
    struct registration *r = take(NULL, what, routine, NULL);

    free(r);
    return r ? STATUS_SUCCESS : STATUS_PROCEDURE_NOT_FOUND;
}

static const char process_routine[] = "PsSetCreateProcessNotifyRoutine";
static const char thread_routine[] = "PsSetCreateThreadNotifyRoutine";
static const char image_routine[] = "PsSetLoadImageNotifyRoutine";

/** Ref: ntddk/nf-ntddk-pssetcreateprocessnotifyroutine. Gap: not called; the Ex variant is. */
NTSTATUS NTAPI
PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE NotifyRoutine, BOOLEAN Remove)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return Remove ? remove_routine(process_routine, (const void *)NotifyRoutine)
                  : add_routine(process_routine, (const void *)NotifyRoutine);
}

/** Ref: ntddk/nf-ntddk-pssetcreatethreadnotifyroutine. Gap: not called. */
NTSTATUS NTAPI
PsSetCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine)
{
    return add_routine(thread_routine, (const void *)NotifyRoutine);
}

/** Ref: ntddk/nf-ntddk-psremovecreatethreadnotifyroutine. */
NTSTATUS NTAPI
PsRemoveCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine)
{
    return remove_routine(thread_routine, (const void *)NotifyRoutine);
}

/** Ref: ntddk/nf-ntddk-pssetloadimagenotifyroutine. Gap: not called. */
NTSTATUS NTAPI
PsSetLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine)
{
    return add_routine(image_routine, (const void *)NotifyRoutine);
}

/** Ref: ntddk/nf-ntddk-psremoveloadimagenotifyroutine. */
NTSTATUS NTAPI
PsRemoveLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine)
{
    return remove_routine(image_routine, (const void *)NotifyRoutine);
}

/** Ref: wdm/nf-wdm-obregistercallbacks. Gap: not called. */
NTSTATUS NTAPI
ObRegisterCallbacks(POB_CALLBACK_REGISTRATION CallbackRegistration, PVOID *RegistrationHandle)
{
    return nt_ps_unheard_add("ObRegisterCallbacks", RegistrationHandle);
}

/** Ref: wdm/nf-wdm-obunregistercallbacks. */
VOID NTAPI
ObUnRegisterCallbacks(PVOID RegistrationHandle)
{
    (void)nt_ps_unheard_remove(RegistrationHandle, __func__);
}

/** Ref: wdm/nf-wdm-obgetfilterversion. */
USHORT NTAPI
ObGetFilterVersion(VOID)
{
    return 0x0100;
}

/** Ref: wdm/nf-wdm-cmregistercallbackex. Gap: not called. */
NTSTATUS NTAPI
CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION Function, PCUNICODE_STRING Altitude, PVOID Driver,
                     PVOID Context, PLARGE_INTEGER Cookie, PVOID Reserved)
{
    PVOID handle;
    NTSTATUS status = nt_ps_unheard_add("CmRegisterCallback", &handle);

    Cookie->QuadPart = (LONGLONG)(uintptr_t)handle;
    return status;
}

/** Ref: wdm/nf-wdm-cmregistercallback. Gap: not called. */
NTSTATUS NTAPI
CmRegisterCallback(PEX_CALLBACK_FUNCTION Function, PVOID Context, PLARGE_INTEGER Cookie)
{
    return CmRegisterCallbackEx(Function, NULL, NULL, Context, Cookie, NULL);
}

/** Ref: wdm/nf-wdm-cmunregistercallback. */
NTSTATUS NTAPI
CmUnRegisterCallback(LARGE_INTEGER Cookie)
{
    return nt_ps_unheard_remove((const void *)(uintptr_t)Cookie.QuadPart, __func__);
}

/** Ref: wdm/nf-wdm-poregisterpowersettingcallback. Gap: not called. */
NTSTATUS NTAPI
PoRegisterPowerSettingCallback(PDEVICE_OBJECT DeviceObject, LPCGUID SettingGuid,
                               PPOWER_SETTING_CALLBACK Callback, PVOID Context, PVOID *Handle)
{
    return nt_ps_unheard_add("PoRegisterPowerSettingCallback", Handle);
}

/** Ref: wdm/nf-wdm-pounregisterpowersettingcallback. */
NTSTATUS NTAPI
PoUnregisterPowerSettingCallback(PVOID Handle)
{
    return nt_ps_unheard_remove(Handle, __func__);
}

/** Ref: wdm/nf-wdm-ioregisterplugplaynotification. Gap: not called. */
NTSTATUS NTAPI
IoRegisterPlugPlayNotification(IO_NOTIFICATION_EVENT_CATEGORY EventCategory,
                               ULONG EventCategoryFlags, PVOID EventCategoryData,
                               PDRIVER_OBJECT DriverObject,
                               PDRIVER_NOTIFICATION_CALLBACK_ROUTINE CallbackRoutine, PVOID Context,
                               PVOID *NotificationEntry)
{
    return nt_ps_unheard_add("IoRegisterPlugPlayNotification", NotificationEntry);
}

/** Ref: wdm/nf-wdm-iounregisterplugplaynotificationex. */
NTSTATUS NTAPI
IoUnregisterPlugPlayNotificationEx(PVOID NotificationEntry)
{
    return nt_ps_unheard_remove(NotificationEntry, __func__);
}

/* ---- event tracing: providers register, and no session enables them ---- */

/** Ref: wdm/nf-wdm-etwregister. Gap: no session ever enables the provider. */
NTSTATUS NTAPI
EtwRegister(LPCGUID ProviderId, PETWENABLECALLBACK EnableCallback, PVOID CallbackContext,
            PREGHANDLE RegHandle)
{
    PVOID handle;
    NTSTATUS status = nt_ps_unheard_add("EtwRegister", &handle);

    *RegHandle = (REGHANDLE)(uintptr_t)handle;
    return status;
}

/** Ref: wdm/nf-wdm-etwunregister. */
NTSTATUS NTAPI
EtwUnregister(REGHANDLE RegHandle)
{
    return nt_ps_unheard_remove((const void *)(uintptr_t)RegHandle, __func__);
}

/** IRQL: any. Ref: wdm/nf-wdm-etweventenabled. */
BOOLEAN NTAPI
EtwEventEnabled(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor)
{
    return FALSE;
}

/** IRQL: any. Ref: wdm/nf-wdm-etwproviderenabled. */
BOOLEAN NTAPI
EtwProviderEnabled(REGHANDLE RegHandle, UCHAR Level, ULONGLONG Keyword)
{
    return FALSE;
}

/** Succeeds, as on Windows where no session listens. IRQL: any. Ref: wdm/nf-wdm-etwwrite. */
NTSTATUS NTAPI
EtwWrite(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor, LPCGUID ActivityId,
         ULONG UserDataCount, PEVENT_DATA_DESCRIPTOR UserData)
{
    return STATUS_SUCCESS;
}

/** As EtwWrite. Ref: wdm/nf-wdm-etwwritestring. */
NTSTATUS NTAPI
EtwWriteString(REGHANDLE RegHandle, UCHAR Level, ULONGLONG Keyword, LPCGUID ActivityId,
               PCWSTR String)
{
    return STATUS_SUCCESS;
}

/** As EtwWrite. Ref: wdm/nf-wdm-etwwritetransfer. */
NTSTATUS NTAPI
EtwWriteTransfer(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor, LPCGUID ActivityId,
                 LPCGUID RelatedActivityId, ULONG UserDataCount, PEVENT_DATA_DESCRIPTOR UserData)
{
    return STATUS_SUCCESS;
}

/** Accepted: it describes the provider to sessions. Ref: wdm/nf-wdm-etwsetinformation. */
NTSTATUS NTAPI
EtwSetInformation(REGHANDLE RegHandle, ULONG InformationClass, PVOID EventInformation,
                  ULONG InformationLength)
{
    return STATUS_SUCCESS;
}
