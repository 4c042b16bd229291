/*
 * A framework driver in this file, which calls the function table by index as an image does: binding,
 * objects, control device, queues of every kind, cancellation, files, timers, registry, unload.
 */
#include "../ntos/nt_test.h"

#include <stdio.h>

#include <wdf.h>

#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_device.h"
#include "nt/ntos/nt_host.h"
#include "nt/ntos/nt_wdk.h"

struct bind_info {
    ULONG size;
    const WCHAR *component;
    ULONG major, minor, build, count;
    const WDFFUNC **table;
    PVOID module;
    ULONG *minimum;
    BOOLEAN *newer;
    ULONG *count_out, *struct_count;
    PVOID structs;
};
NTSTATUS NTAPI WdfVersionBind(PDRIVER_OBJECT, PUNICODE_STRING, struct bind_info *, PVOID *);
NTSTATUS NTAPI WdfVersionUnbind(PUNICODE_STRING, struct bind_info *, PVOID);

static const WDFFUNC *table;
static PWDF_DRIVER_GLOBALS globals;
static struct bind_info info;
#define CALL(name, NAME, ...) ((PFN_##NAME)table[name##TableIndex])(globals, ##__VA_ARGS__)

typedef struct {
    int number;
} CONTEXT_A;
typedef struct {
    char text[100];
} CONTEXT_B;
static const WDF_OBJECT_CONTEXT_TYPE_INFO info_a = {sizeof(info_a), (PCHAR) "A", sizeof(CONTEXT_A),
                                                    &info_a, NULL};
static const WDF_OBJECT_CONTEXT_TYPE_INFO info_b = {sizeof(info_b), (PCHAR) "B", sizeof(CONTEXT_B),
                                                    &info_b, NULL};

static WDFDRIVER driver;
static WDFDEVICE device;
static WDFQUEUE default_queue, manual_queue;
static WDFREQUEST held[8];
static int held_count;
static WDF_IO_QUEUE_DISPATCH_TYPE kind;
static char journal[1024];
static void (*more_setup)(void);

static void
note(const char *text)
{
    strncat(journal, text, sizeof(journal) - strlen(journal) - 1);
}

#define ECHO    CTL_CODE(FILE_DEVICE_UNKNOWN, 1, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define HOLD    CTL_CODE(FILE_DEVICE_UNKNOWN, 2, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define FORWARD CTL_CODE(FILE_DEVICE_UNKNOWN, 3, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define CALLER  CTL_CODE(FILE_DEVICE_UNKNOWN, 4, METHOD_NEITHER, FILE_ANY_ACCESS)

static VOID NTAPI
on_cleanup(WDFOBJECT object)
{
    note("cleanup ");
}

static VOID NTAPI
on_destroy(WDFOBJECT object)
{
    note("destroy ");
}

static VOID NTAPI
on_create(WDFDEVICE d, WDFREQUEST request, WDFFILEOBJECT file)
{
    CONTEXT_A *context =
        CALL(WdfObjectGetTypedContextWorker, WDFOBJECTGETTYPEDCONTEXTWORKER, file, &info_a);
    assert_non_null(context);
    UNICODE_STRING *name = CALL(WdfFileObjectGetFileName, WDFFILEOBJECTGETFILENAME, file);
    context->number = name->Length;
    note("create ");
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request,
         name->Length == 10 ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
}

static VOID NTAPI
on_file_cleanup(WDFFILEOBJECT file)
{
    note("file-cleanup ");
}

static VOID NTAPI
on_close(WDFFILEOBJECT file)
{
    note("close ");
}

static VOID NTAPI
in_caller_context(WDFDEVICE d, WDFREQUEST request)
{
    WDF_REQUEST_PARAMETERS parameters;
    WDFMEMORY memory;
    PVOID input, output;
    size_t length;

    WDF_REQUEST_PARAMETERS_INIT(&parameters);
    CALL(WdfRequestGetParameters, WDFREQUESTGETPARAMETERS, request, &parameters);
    if (parameters.Parameters.DeviceIoControl.IoControlCode == CALLER) {
        assert_int_equal(CALL(WdfRequestRetrieveUnsafeUserInputBuffer,
                              WDFREQUESTRETRIEVEUNSAFEUSERINPUTBUFFER, request, 1, &input, &length),
                         0);
        assert_int_equal(CALL(WdfRequestRetrieveUnsafeUserOutputBuffer,
                              WDFREQUESTRETRIEVEUNSAFEUSEROUTPUTBUFFER, request, 1, &output,
                              &length),
                         0);
        assert_int_equal(CALL(WdfRequestProbeAndLockUserBufferForWrite,
                              WDFREQUESTPROBEANDLOCKUSERBUFFERFORWRITE, request, output, length,
                              &memory),
                         0);
        assert_int_equal(
            CALL(WdfMemoryCopyFromBuffer, WDFMEMORYCOPYFROMBUFFER, memory, 1, input, 2), 0);
        assert_int_equal(
            CALL(WdfMemoryCopyFromBuffer, WDFMEMORYCOPYFROMBUFFER, memory, length - 1, input, 2),
            STATUS_BUFFER_TOO_SMALL);
        CALL(WdfRequestCompleteWithInformation, WDFREQUESTCOMPLETEWITHINFORMATION, request, 0, 3);
        return;
    }
    NTSTATUS status = CALL(WdfDeviceEnqueueRequest, WDFDEVICEENQUEUEREQUEST, d, request);
    if (!NT_SUCCESS(status))
        CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, status);
}

static VOID NTAPI
on_control(WDFQUEUE queue, WDFREQUEST request, size_t out, size_t in, ULONG code)
{
    PVOID from, to;
    size_t length;

    switch (code) {
    case ECHO:
        assert_int_equal(CALL(WdfRequestRetrieveInputBuffer, WDFREQUESTRETRIEVEINPUTBUFFER, request,
                              in + 1, &from, NULL),
                         STATUS_BUFFER_TOO_SMALL);
        assert_int_equal(CALL(WdfRequestRetrieveInputBuffer, WDFREQUESTRETRIEVEINPUTBUFFER, request,
                              1, &from, &length),
                         0);
        assert_int_equal(length, in);
        assert_int_equal(CALL(WdfRequestRetrieveOutputBuffer, WDFREQUESTRETRIEVEOUTPUTBUFFER,
                              request, 1, &to, &length),
                         0);
        assert_int_equal(length, out);
        ((char *)to)[0]++;
        CALL(WdfRequestCompleteWithInformation, WDFREQUESTCOMPLETEWITHINFORMATION, request, 0,
             MIN(in, out));
        return;
    case HOLD:
        held[held_count++] = request;
        return;
    case FORWARD:
        assert_int_equal(
            CALL(WdfRequestForwardToIoQueue, WDFREQUESTFORWARDTOIOQUEUE, request, manual_queue), 0);
        return;
    default:
        CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_INVALID_DEVICE_REQUEST);
    }
}

static VOID NTAPI
on_unload(WDFDRIVER d)
{
    note("unload ");
}

static NTSTATUS
make_device(void)
{
    static const WCHAR device_text[] = u"\\Device\\Wdf", link_text[] = u"\\DosDevices\\Wdf";
    UNICODE_STRING name, link;
    WDF_FILEOBJECT_CONFIG files;
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_IO_QUEUE_CONFIG config;
    PWDFDEVICE_INIT init;

    RtlInitUnicodeString(&name, device_text);
    RtlInitUnicodeString(&link, link_text);
    init = CALL(WdfControlDeviceInitAllocate, WDFCONTROLDEVICEINITALLOCATE, driver, NULL);
    assert_non_null(init);
    assert_int_equal(CALL(WdfDeviceInitAssignName, WDFDEVICEINITASSIGNNAME, init, &name), 0);
    WDF_FILEOBJECT_CONFIG_INIT(&files, on_create, on_close, on_file_cleanup);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ContextTypeInfo = &info_a;
    CALL(WdfDeviceInitSetFileObjectConfig, WDFDEVICEINITSETFILEOBJECTCONFIG, init, &files,
         &attributes);
    CALL(WdfDeviceInitSetIoInCallerContextCallback, WDFDEVICEINITSETIOINCALLERCONTEXTCALLBACK, init,
         in_caller_context);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.EvtCleanupCallback = on_cleanup;
    attributes.EvtDestroyCallback = on_destroy;
    assert_int_equal(CALL(WdfDeviceCreate, WDFDEVICECREATE, &init, &attributes, &device), 0);
    assert_null(init);
    assert_int_equal(CALL(WdfDeviceCreateSymbolicLink, WDFDEVICECREATESYMBOLICLINK, device, &link),
                     0);
    WDF_IO_QUEUE_CONFIG_INIT(&config, WdfIoQueueDispatchManual);
    assert_int_equal(CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, device, &config, NULL, &manual_queue),
                     0);
    WDF_IO_QUEUE_CONFIG_INIT_DEFAULT_QUEUE(&config, kind);
    config.EvtIoDeviceControl = on_control;
    assert_int_equal(
        CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, device, &config, NULL, &default_queue), 0);
    assert_int_equal(CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, device, &config, NULL, NULL),
                     STATUS_UNSUCCESSFUL);
    CALL(WdfControlFinishInitializing, WDFCONTROLFINISHINITIALIZING, device);
    return STATUS_SUCCESS;
}

static VOID(NTAPI *displaced)(PDRIVER_OBJECT object);

static VOID NTAPI
stub_unload(PDRIVER_OBJECT object)
{
    displaced(object);
    assert_int_equal(WdfVersionUnbind(NULL, &info, globals), 0);
}

static NTSTATUS NTAPI
entry(PDRIVER_OBJECT object, PUNICODE_STRING path)
{
    WDF_DRIVER_CONFIG config;

    assert_int_equal(WdfVersionBind(object, path, &info, (PVOID *)&globals), 0);
    WDF_DRIVER_CONFIG_INIT(&config, NULL);
    config.DriverInitFlags = WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = on_unload;
    assert_int_equal(CALL(WdfDriverCreate, WDFDRIVERCREATE, object, path, NULL, &config, &driver),
                     0);
    assert_ptr_equal(globals->Driver, driver);
    assert_true(globals->DisplaceDriverUnload);
    assert_string_equal(globals->DriverName, "wdf");
    displaced = object->DriverUnload;
    object->DriverUnload = stub_unload;
    make_device();
    if (more_setup)
        more_setup();
    return STATUS_SUCCESS;
}

static int
setup(void **state)
{
    wfp_log_set_sink(nt_test_mute, NULL);
    nt_finding_reset();
    wfp_clock_set_virtual(WFP_CLOCK_UNIX_EPOCH);
    nt_host_init();
    info = (struct bind_info){48,   u"KmdfLibrary", 1,    15,   0,    444, &table,
                              NULL, NULL,           NULL, NULL, NULL, NULL};
    journal[0] = 0;
    held_count = 0;
    kind = WdfIoQueueDispatchParallel;
    more_setup = NULL;
    return 0;
}

static int
teardown(void **state)
{
    nt_host_fini();
    wfp_clock_set_virtual(0);
    nt_finding_reset();
    return 0;
}

static struct nt_driver *
start(void)
{
    struct nt_driver *nt = NULL;
    assert_int_equal(nt_driver_start_entry(entry, NULL, 0, "wdf", &nt), 0);
    return nt;
}

static struct nt_device_file *
open_device(void)
{
    struct nt_device_file *file = NULL;
    assert_int_equal(nt_device_open("\\\\.\\Wdf", 0, 0, &file), 0);
    return file;
}

static void
done(void *context, int32_t status, uint64_t information)
{
    *(int32_t *)context = status;
}

static struct nt_device_request *
send_async(struct nt_device_file *file, uint32_t code, int32_t *status)
{
    const struct nt_device_io io = {.operation = NT_DEVICE_IOCTL, .code = code};
    struct nt_device_request *request = NULL;
    *status = STATUS_PENDING;
    assert_int_equal(nt_device_start(file, &io, done, status, &request), STATUS_PENDING);
    return request;
}

static void
test_a_control_device_lives_from_entry_to_unload(void **state)
{
    struct nt_driver *nt = start();
    struct nt_device_file *file = open_device(), *refused;
    char in[] = "abc", out[8] = "";
    uint64_t bytes;

    assert_int_equal(nt_device_open("\\\\.\\Wdf\\deny", 0, 0, &refused), STATUS_ACCESS_DENIED);
    assert_int_equal(nt_device_ioctl(file, ECHO, in, 3, out, 8, &bytes), 0);
    assert_int_equal(bytes, 3);
    assert_memory_equal(out, "bbc", 3);
    assert_int_equal(nt_device_ioctl(file, CALLER, in, 3, out, 4, &bytes), 0);
    assert_memory_equal(out, "bab", 3);
    assert_int_equal(nt_device_ioctl(file, 0x222ffc, in, 3, out, 8, &bytes),
                     STATUS_INVALID_DEVICE_REQUEST);
    nt_device_close(file);
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_string_equal(journal, "create create file-cleanup close unload cleanup destroy ");
    assert_int_equal(nt_finding_count(), 0);
}

static void
test_binding_refuses_what_is_not_there(void **state)
{
    struct nt_driver *nt = start();
    struct bind_info other = info;
    PVOID g;
    BOOLEAN newer = TRUE;
    ULONG count = 0;
    PDRIVER_OBJECT object = CALL(WdfDriverWdmGetDriverObject, WDFDRIVERWDMGETDRIVEROBJECT, driver);
    UNICODE_STRING path;

    RtlInitUnicodeString(&path, u"\\Registry\\x");
    other.count = 500;
    assert_int_equal(WdfVersionBind(object, &path, &other, &g), STATUS_REVISION_MISMATCH);
    other = info;
    other.major = 2;
    assert_int_equal(WdfVersionBind(object, &path, &other, &g), STATUS_REVISION_MISMATCH);
    other.size = 40;
    assert_int_equal(WdfVersionBind(object, &path, &other, &g), STATUS_INFO_LENGTH_MISMATCH);
    assert_int_equal(nt_driver_stop(nt), 0);

    info.size = 88;
    info.newer = &newer;
    info.count_out = &count;
    nt = start();
    assert_false(newer);
    assert_int_equal(count, 458);
    assert_int_equal(nt_driver_stop(nt), 0);
}

static void
test_a_sequential_queue_presents_one_at_a_time(void **state)
{
    int32_t status[3];
    kind = WdfIoQueueDispatchSequential;
    struct nt_driver *nt = start();
    struct nt_device_file *file = open_device();

    for (int i = 0; i < 3; i++)
        nt_device_unref(send_async(file, HOLD, &status[i]));
    assert_int_equal(held_count, 1);
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, held[0], STATUS_SUCCESS);
    assert_int_equal(status[0], STATUS_SUCCESS);
    assert_int_equal(held_count, 2);
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, held[1], STATUS_SUCCESS);
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, held[2], STATUS_UNSUCCESSFUL);
    assert_int_equal(status[2], STATUS_UNSUCCESSFUL);
    nt_device_close(file);
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_int_equal(nt_finding_count(), 0);
}

static VOID NTAPI
on_cancel(WDFREQUEST request)
{
    note("cancel ");
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, request, STATUS_CANCELLED);
}

static void
test_cancellation_of_waiting_and_of_marked_requests(void **state)
{
    int32_t status[3];
    struct nt_device_request *requests[3];
    kind = WdfIoQueueDispatchSequential;
    struct nt_driver *nt = start();
    struct nt_device_file *file = open_device();

    requests[0] = send_async(file, HOLD, &status[0]);
    requests[1] = send_async(file, HOLD, &status[1]); /* waits behind it */
    nt_device_cancel(requests[1]);
    assert_int_equal(status[1], STATUS_CANCELLED);
    nt_device_cancel(requests[0]); /* the driver's, not marked: no effect yet */
    assert_int_equal(status[0], STATUS_PENDING);
    assert_true(CALL(WdfRequestIsCanceled, WDFREQUESTISCANCELED, held[0]));
    assert_int_equal(
        CALL(WdfRequestMarkCancelableEx, WDFREQUESTMARKCANCELABLEEX, held[0], on_cancel),
        STATUS_CANCELLED);
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, held[0], STATUS_CANCELLED);
    requests[2] = send_async(file, HOLD, &status[2]);
    assert_int_equal(
        CALL(WdfRequestMarkCancelableEx, WDFREQUESTMARKCANCELABLEEX, held[1], on_cancel), 0);
    assert_int_equal(CALL(WdfRequestUnmarkCancelable, WDFREQUESTUNMARKCANCELABLE, held[1]), 0);
    CALL(WdfRequestMarkCancelable, WDFREQUESTMARKCANCELABLE, held[1], on_cancel);
    nt_device_cancel(requests[2]);
    assert_int_equal(status[2], STATUS_CANCELLED);
    assert_non_null(strstr(journal, "cancel "));
    for (int i = 0; i < 3; i++)
        nt_device_unref(requests[i]);
    nt_device_close(file);
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_int_equal(nt_finding_count(), 0);
}

static VOID NTAPI
purged(WDFQUEUE queue, WDFCONTEXT context)
{
    note("purged ");
}

static void
test_a_manual_queue_is_retrieved_from_flushed_and_purged(void **state)
{
    int32_t status[3];
    struct nt_driver *nt = start();
    struct nt_device_file *file = open_device(), *other = open_device();
    WDFREQUEST request, found, again;
    ULONG waiting, presented;

    assert_int_equal(
        CALL(WdfIoQueueRetrieveNextRequest, WDFIOQUEUERETRIEVENEXTREQUEST, manual_queue, &request),
        STATUS_NO_MORE_ENTRIES);
    nt_device_unref(send_async(file, FORWARD, &status[0]));
    nt_device_unref(send_async(other, FORWARD, &status[1]));
    nt_device_unref(send_async(file, FORWARD, &status[2]));
    CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, manual_queue, &waiting, &presented);
    assert_int_equal(waiting, 3);
    assert_int_equal(presented, 0);
    CALL(WdfIoQueueGetState, WDFIOQUEUEGETSTATE, default_queue, &waiting, &presented);
    assert_int_equal(presented, 0); /* forwarded ones left it */
    assert_int_equal(
        CALL(WdfIoQueueFindRequest, WDFIOQUEUEFINDREQUEST, manual_queue, NULL, NULL, NULL, &found),
        0);
    assert_int_equal(CALL(WdfIoQueueRetrieveFoundRequest, WDFIOQUEUERETRIEVEFOUNDREQUEST,
                          manual_queue, found, &request),
                     0);
    CALL(WdfObjectDereferenceActual, WDFOBJECTDEREFERENCEACTUAL, found, NULL, 0, "");
    assert_int_equal(CALL(WdfRequestRequeue, WDFREQUESTREQUEUE, request), 0);
    assert_int_equal(
        CALL(WdfIoQueueRetrieveNextRequest, WDFIOQUEUERETRIEVENEXTREQUEST, manual_queue, &again),
        0);
    assert_ptr_equal(again, request); /* in front again */
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, again, STATUS_SUCCESS);
    assert_int_equal(status[0], STATUS_SUCCESS);
    nt_device_close(other); /* its waiting request is cancelled */
    assert_int_equal(status[1], STATUS_CANCELLED);
    assert_int_equal(status[2], STATUS_PENDING);
    CALL(WdfIoQueuePurge, WDFIOQUEUEPURGE, manual_queue, purged, NULL);
    assert_int_equal(status[2], STATUS_CANCELLED);
    assert_non_null(strstr(journal, "purged "));
    nt_device_close(file);
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_int_equal(nt_finding_count(), 0);
}

static void
test_stop_holds_back_and_start_goes_on(void **state)
{
    int32_t status;
    struct nt_driver *nt = start();
    struct nt_device_file *file = open_device();

    CALL(WdfIoQueueStopSynchronously, WDFIOQUEUESTOPSYNCHRONOUSLY, default_queue);
    nt_device_unref(send_async(file, HOLD, &status));
    assert_int_equal(held_count, 0);
    CALL(WdfIoQueueStart, WDFIOQUEUESTART, default_queue);
    assert_int_equal(held_count, 1);
    CALL(WdfIoQueueDrain, WDFIOQUEUEDRAIN, default_queue, purged, NULL);
    assert_null(strstr(journal, "purged "));
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, held[0], STATUS_SUCCESS);
    assert_non_null(strstr(journal, "purged "));
    assert_int_equal(nt_device_ioctl(file, HOLD, NULL, 0, NULL, 0, NULL),
                     STATUS_INVALID_DEVICE_STATE);
    nt_device_close(file);
    assert_int_equal(nt_driver_stop(nt), 0);
}

static VOID NTAPI
on_timer(WDFTIMER timer)
{
    assert_int_equal(KeGetCurrentIrql(), DISPATCH_LEVEL);
    note("tick ");
}

static VOID NTAPI
on_work(WDFWORKITEM item)
{
    assert_int_equal(KeGetCurrentIrql(), PASSIVE_LEVEL);
    note("work ");
}

static void
objects(void)
{
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_TIMER_CONFIG timer_config;
    WDF_WORKITEM_CONFIG work_config;
    WDFOBJECT parent, child;
    WDFTIMER timer;
    WDFWORKITEM item;
    WDFSPINLOCK spin;
    WDFWAITLOCK lock;
    WDFCOLLECTION collection;
    LONGLONG zero = 0;
    CONTEXT_B *b;
    PVOID p;

    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.EvtCleanupCallback = on_cleanup;
    assert_int_equal(CALL(WdfObjectCreate, WDFOBJECTCREATE, &attributes, &parent), 0);
    attributes.ParentObject = parent;
    attributes.EvtDestroyCallback = on_destroy;
    attributes.ContextTypeInfo = &info_a;
    assert_int_equal(CALL(WdfObjectCreate, WDFOBJECTCREATE, &attributes, &child), 0);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ContextTypeInfo = &info_b;
    assert_int_equal(
        CALL(WdfObjectAllocateContext, WDFOBJECTALLOCATECONTEXT, child, &attributes, (PVOID *)&b),
        0);
    assert_int_equal(
        CALL(WdfObjectAllocateContext, WDFOBJECTALLOCATECONTEXT, child, &attributes, &p),
        STATUS_OBJECT_NAME_EXISTS);
    assert_ptr_equal(p, b);
    assert_ptr_equal(CALL(WdfObjectContextGetObject, WDFOBJECTCONTEXTGETOBJECT, b), child);
    assert_null(
        CALL(WdfObjectGetTypedContextWorker, WDFOBJECTGETTYPEDCONTEXTWORKER, parent, &info_a));
    CALL(WdfObjectReferenceActual, WDFOBJECTREFERENCEACTUAL, child, NULL, 0, "");
    journal[0] = 0;
    CALL(WdfObjectDelete, WDFOBJECTDELETE, parent);
    assert_string_equal(journal, "cleanup cleanup ");
    CALL(WdfObjectDereferenceActual, WDFOBJECTDEREFERENCEACTUAL, child, NULL, 0, "");
    assert_string_equal(journal, "cleanup cleanup destroy ");

    journal[0] = 0;
    WDF_TIMER_CONFIG_INIT_PERIODIC(&timer_config, on_timer, 10);
    assert_int_equal(CALL(WdfTimerCreate, WDFTIMERCREATE, &timer_config, NULL, &timer),
                     (NTSTATUS)0xC0200212);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = device;
    assert_int_equal(CALL(WdfTimerCreate, WDFTIMERCREATE, &timer_config, &attributes, &timer), 0);
    assert_false(CALL(WdfTimerStart, WDFTIMERSTART, timer, WDF_REL_TIMEOUT_IN_MS(5)));
    nt_time_run_until(wfp_clock_now() + 20 * 10000);
    assert_string_equal(journal, "tick tick ");
    assert_true(CALL(WdfTimerStop, WDFTIMERSTOP, timer, TRUE));
    nt_time_run_until(wfp_clock_now() + 100 * 10000);
    WDF_WORKITEM_CONFIG_INIT(&work_config, on_work);
    assert_int_equal(CALL(WdfWorkItemCreate, WDFWORKITEMCREATE, &work_config, &attributes, &item),
                     0);
    CALL(WdfWorkItemEnqueue, WDFWORKITEMENQUEUE, item);
    CALL(WdfWorkItemEnqueue, WDFWORKITEMENQUEUE, item);
    CALL(WdfWorkItemFlush, WDFWORKITEMFLUSH, item);
    assert_string_equal(journal, "tick tick work ");

    assert_int_equal(CALL(WdfSpinLockCreate, WDFSPINLOCKCREATE, NULL, &spin), 0);
    CALL(WdfSpinLockAcquire, WDFSPINLOCKACQUIRE, spin);
    assert_int_equal(KeGetCurrentIrql(), DISPATCH_LEVEL);
    CALL(WdfSpinLockRelease, WDFSPINLOCKRELEASE, spin);
    assert_int_equal(CALL(WdfWaitLockCreate, WDFWAITLOCKCREATE, NULL, &lock), 0);
    assert_int_equal(CALL(WdfWaitLockAcquire, WDFWAITLOCKACQUIRE, lock, NULL), 0);
    CALL(WdfWaitLockRelease, WDFWAITLOCKRELEASE, lock);
    assert_int_equal(CALL(WdfWaitLockAcquire, WDFWAITLOCKACQUIRE, lock, &zero), 0);
    CALL(WdfWaitLockRelease, WDFWAITLOCKRELEASE, lock);
    assert_int_equal(CALL(WdfCollectionCreate, WDFCOLLECTIONCREATE, NULL, &collection), 0);
    assert_int_equal(CALL(WdfCollectionAdd, WDFCOLLECTIONADD, collection, lock), 0);
    assert_int_equal(CALL(WdfCollectionAdd, WDFCOLLECTIONADD, collection, spin), 0);
    CALL(WdfCollectionRemove, WDFCOLLECTIONREMOVE, collection, lock);
    assert_ptr_equal(CALL(WdfCollectionGetFirstItem, WDFCOLLECTIONGETFIRSTITEM, collection), spin);
}

static void
test_objects_contexts_timers_work_items_and_locks(void **state)
{
    more_setup = objects;
    struct nt_driver *nt = start();
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_int_equal(nt_finding_count(), 0);
}

static void
read_parameters(void)
{
    UNICODE_STRING name, value;
    WCHAR buffer[32];
    WDFCOLLECTION collection;
    WDFKEY key;
    ULONG number;
    USHORT length;

    assert_int_equal(CALL(WdfDriverOpenParametersRegistryKey, WDFDRIVEROPENPARAMETERSREGISTRYKEY,
                          driver, KEY_READ, NULL, &key),
                     0);
    RtlInitUnicodeString(&name, u"Number");
    assert_int_equal(CALL(WdfRegistryQueryULong, WDFREGISTRYQUERYULONG, key, &name, &number), 0);
    assert_int_equal(number, 42);
    RtlInitEmptyUnicodeString(&value, buffer, sizeof(buffer));
    assert_int_equal(CALL(WdfRegistryQueryUnicodeString, WDFREGISTRYQUERYUNICODESTRING, key, &name,
                          &length, &value),
                     0); /* a --param has no type of its own */
    assert_int_equal(value.Length, 4);
    RtlInitUnicodeString(&name, u"List");
    assert_int_equal(CALL(WdfCollectionCreate, WDFCOLLECTIONCREATE, NULL, &collection), 0);
    assert_int_equal(CALL(WdfRegistryQueryMultiString, WDFREGISTRYQUERYMULTISTRING, key, &name,
                          NULL, collection),
                     0);
    assert_int_equal(CALL(WdfCollectionGetCount, WDFCOLLECTIONGETCOUNT, collection), 2);
    assert_int_equal(CALL(WdfRegistryQueryULong, WDFREGISTRYQUERYULONG, key, &name, &number),
                     STATUS_OBJECT_TYPE_MISMATCH);
    value.MaximumLength = 4;
    assert_int_equal(CALL(WdfRegistryQueryUnicodeString, WDFREGISTRYQUERYUNICODESTRING, key, &name,
                          NULL, &value),
                     STATUS_BUFFER_OVERFLOW);
    RtlInitUnicodeString(&name, u"Absent");
    assert_int_equal(CALL(WdfRegistryQueryULong, WDFREGISTRYQUERYULONG, key, &name, &number),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    CALL(WdfRegistryClose, WDFREGISTRYCLOSE, key);
}

static void
test_parameters_are_read_as_the_driver_wants_them(void **state)
{
    nt_registry_set_param("wdf", "Number", "42");
    nt_registry_set_param("wdf", "List", "one,two");
    more_setup = read_parameters;
    struct nt_driver *nt = start();
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_int_equal(nt_finding_count(), 0);
}

static void
test_an_object_that_stays_referenced_is_found(void **state)
{
    struct nt_driver *nt = start();
    WDFOBJECT object;

    assert_int_equal(CALL(WdfObjectCreate, WDFOBJECTCREATE, NULL, &object), 0);
    CALL(WdfObjectReferenceActual, WDFOBJECTREFERENCEACTUAL, object, NULL, 0, "");
    PWDF_DRIVER_GLOBALS g = globals;
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_finding(WDF_LEAK, 1);
    ((PFN_WDFOBJECTDEREFERENCEACTUAL)table[WdfObjectDereferenceActualTableIndex])(g, object, NULL,
                                                                                  0, "");
}

/* --- interfaces --- */

static const GUID interface_class = {0x5A8F1C2E, 0x77B1, 0x4C55, {0x9E, 0x02, 1, 2, 3, 4, 5, 6}};
#define INTERFACE "\\\\?\\ROOT#wdf#0000#{5a8f1c2e-77b1-4c55-9e02-010203040506}"

static void
interfaces(void)
{
    UNICODE_STRING reference;

    assert_int_equal(CALL(WdfDeviceCreateDeviceInterface, WDFDEVICECREATEDEVICEINTERFACE, device,
                          &interface_class, NULL),
                     0);
    RtlInitUnicodeString(&reference, u"second");
    assert_int_equal(CALL(WdfDeviceCreateDeviceInterface, WDFDEVICECREATEDEVICEINTERFACE, device,
                          &interface_class, &reference),
                     0);
    RtlInitUnicodeString(&reference, u"a\\b");
    assert_int_equal(CALL(WdfDeviceCreateDeviceInterface, WDFDEVICECREATEDEVICEINTERFACE, device,
                          &interface_class, &reference),
                     STATUS_INVALID_DEVICE_REQUEST);
}

static size_t
count_interfaces(ULONG flags)
{
    PWSTR list;
    size_t count = 0;

    assert_int_equal(IoGetDeviceInterfaces(&interface_class, NULL, flags, &list), 0);
    for (PWSTR p = list; *p; p += wfp_utf16_length(p) + 1)
        count++;
    ExFreePool(list);
    return count;
}

static void
test_an_interface_leads_to_its_device_while_enabled(void **state)
{
    UNICODE_STRING reference, name;
    struct nt_device_file *file;

    more_setup = interfaces;
    struct nt_driver *nt = start();
    assert_int_equal(nt_device_open(INTERFACE, 0, 0, &file), 0);
    nt_device_close(file);
    assert_int_equal(nt_device_open(INTERFACE "\\second", 0, 0, &file), 0);
    nt_device_close(file);
    assert_int_equal(count_interfaces(0), 2);
    RtlInitUnicodeString(&reference, u"second");
    CALL(WdfDeviceSetDeviceInterfaceState, WDFDEVICESETDEVICEINTERFACESTATE, device,
         &interface_class, &reference, FALSE);
    assert_int_equal(count_interfaces(0), 1);
    assert_int_equal(count_interfaces(1), 2);
    /* the other one serves the path now: "second" is the rest of the name */
    assert_int_equal(nt_device_open(INTERFACE "\\second", 0, 0, &file), 0);
    nt_device_close(file);
    CALL(WdfDeviceSetDeviceInterfaceState, WDFDEVICESETDEVICEINTERFACESTATE, device,
         &interface_class, NULL, FALSE);
    assert_int_equal(nt_device_open(INTERFACE, 0, 0, &file), STATUS_OBJECT_NAME_NOT_FOUND);

    PDEVICE_OBJECT wdm = CALL(WdfDeviceWdmGetDeviceObject, WDFDEVICEWDMGETDEVICEOBJECT, device);
    assert_int_equal(IoRegisterDeviceInterface(wdm, &interface_class, NULL, &name),
                     STATUS_OBJECT_NAME_EXISTS);
    assert_int_equal(IoSetDeviceInterfaceState(&name, FALSE), STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(IoSetDeviceInterfaceState(&name, TRUE), 0);
    assert_int_equal(IoSetDeviceInterfaceState(&name, TRUE), STATUS_OBJECT_NAME_EXISTS);
    RtlFreeUnicodeString(&name);
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_int_equal(nt_device_open(INTERFACE, 0, 0, &file), STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(count_interfaces(1), 0);
    assert_int_equal(nt_finding_count(), 0);
}

/* --- levels --- */

static VOID NTAPI
on_dpc(WDFDPC dpc)
{
}

static NTSTATUS
make_timer(WDFOBJECT parent, BOOLEAN serialised, WDF_EXECUTION_LEVEL level)
{
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_TIMER_CONFIG config;
    WDFTIMER timer;

    WDF_TIMER_CONFIG_INIT(&config, on_timer);
    config.AutomaticSerialization = serialised;
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = parent;
    attributes.ExecutionLevel = level;
    return CALL(WdfTimerCreate, WDFTIMERCREATE, &config, &attributes, &timer);
}

static NTSTATUS
make_work_item(WDFOBJECT parent, BOOLEAN serialised)
{
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_WORKITEM_CONFIG config;
    WDFWORKITEM item;

    WDF_WORKITEM_CONFIG_INIT(&config, on_work);
    config.AutomaticSerialization = serialised;
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = parent;
    return CALL(WdfWorkItemCreate, WDFWORKITEMCREATE, &config, &attributes, &item);
}

static NTSTATUS
make_dpc(WDFOBJECT parent, BOOLEAN serialised)
{
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_DPC_CONFIG config;
    WDFDPC dpc;

    WDF_DPC_CONFIG_INIT(&config, on_dpc);
    config.AutomaticSerialization = serialised;
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = parent;
    return CALL(WdfDpcCreate, WDFDPCCREATE, &config, &attributes, &dpc);
}

static WDFQUEUE
make_queue_with_lock(WDF_EXECUTION_LEVEL level)
{
    WDF_OBJECT_ATTRIBUTES attributes;
    WDF_IO_QUEUE_CONFIG config;
    WDFQUEUE queue;

    WDF_IO_QUEUE_CONFIG_INIT(&config, WdfIoQueueDispatchManual);
    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.SynchronizationScope = WdfSynchronizationScopeQueue;
    attributes.ExecutionLevel = level;
    assert_int_equal(CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, device, &config, &attributes, &queue),
                     0);
    return queue;
}

static void
levels(void)
{
    const NTSTATUS incompatible = (NTSTATUS)0xC020020C;
    WDFQUEUE passive = make_queue_with_lock(WdfExecutionLevelPassive);
    WDFQUEUE dispatch = make_queue_with_lock(WdfExecutionLevelDispatch);
    WDFOBJECT loose;

    assert_int_equal(make_timer(dispatch, TRUE, WdfExecutionLevelInheritFromParent), 0);
    assert_int_equal(make_timer(passive, TRUE, WdfExecutionLevelInheritFromParent), incompatible);
    assert_int_equal(make_timer(passive, FALSE, WdfExecutionLevelInheritFromParent), 0);
    assert_int_equal(make_timer(passive, TRUE, WdfExecutionLevelPassive), 0);
    assert_int_equal(make_timer(dispatch, TRUE, WdfExecutionLevelPassive), incompatible);
    assert_int_equal(make_work_item(passive, TRUE), 0);
    assert_int_equal(make_work_item(dispatch, TRUE), incompatible);
    assert_int_equal(make_work_item(dispatch, FALSE), 0);
    assert_int_equal(make_work_item(device, TRUE), 0); /* no lock to share */
    assert_int_equal(make_dpc(dispatch, TRUE), 0);
    assert_int_equal(make_dpc(passive, TRUE), incompatible);
    assert_int_equal(CALL(WdfObjectCreate, WDFOBJECTCREATE, NULL, &loose), 0);
    assert_int_equal(make_timer(loose, FALSE, WdfExecutionLevelInheritFromParent),
                     STATUS_INVALID_DEVICE_REQUEST);
    assert_int_equal(make_work_item(driver, FALSE), STATUS_INVALID_DEVICE_REQUEST);
    assert_int_equal(make_dpc(loose, FALSE), STATUS_INVALID_DEVICE_REQUEST);
}

static void
test_callbacks_share_a_lock_only_at_its_level(void **state)
{
    more_setup = levels;
    struct nt_driver *nt = start();
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_int_equal(nt_finding_count(), 0);
}

/* --- queues between them --- */

static WDFREQUEST cancelled_on_queue;

static VOID NTAPI
on_canceled_on_queue(WDFQUEUE queue, WDFREQUEST request)
{
    note("canceled-on-queue ");
    cancelled_on_queue = request;
}

static void
watched_queue(void)
{
    WDF_IO_QUEUE_CONFIG config;

    WDF_IO_QUEUE_CONFIG_INIT(&config, WdfIoQueueDispatchManual);
    config.EvtIoCanceledOnQueue = on_canceled_on_queue;
    assert_int_equal(CALL(WdfIoQueueCreate, WDFIOQUEUECREATE, device, &config, NULL, &manual_queue),
                     0);
}

static void
test_a_request_the_driver_had_comes_back_when_cancelled(void **state)
{
    int32_t status;
    more_setup = watched_queue;
    struct nt_driver *nt = start();
    struct nt_device_file *file = open_device();
    struct nt_device_request *request = send_async(file, FORWARD, &status);

    nt_device_cancel(request);
    assert_non_null(strstr(journal, "canceled-on-queue "));
    assert_int_equal(status, STATUS_PENDING); /* it is the driver's to complete */
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, cancelled_on_queue, STATUS_CANCELLED);
    assert_int_equal(status, STATUS_CANCELLED);
    nt_device_unref(request);
    nt_device_close(file);
    assert_int_equal(nt_driver_stop(nt), 0);
    assert_int_equal(nt_finding_count(), 0);
}

static void
test_a_marked_request_that_is_completed_is_found(void **state)
{
    int32_t status;
    struct nt_driver *nt = start();
    struct nt_device_file *file = open_device();

    nt_device_unref(send_async(file, HOLD, &status));
    assert_int_equal(CALL(WdfRequestUnmarkCancelable, WDFREQUESTUNMARKCANCELABLE, held[0]),
                     STATUS_INVALID_DEVICE_REQUEST); /* it was not marked */
    assert_int_equal(
        CALL(WdfRequestMarkCancelableEx, WDFREQUESTMARKCANCELABLEEX, held[0], on_cancel), 0);
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, held[0], STATUS_SUCCESS);
    assert_int_equal(status, STATUS_SUCCESS);
    assert_finding(WDF_BAD_CALL, 1);
    nt_device_close(file);
    assert_int_equal(nt_driver_stop(nt), 0);
}

static jmp_buf stopped;

static void
stop_test(uint32_t code, const char *cause)
{
    longjmp(stopped, (int)code);
}

static void
test_completing_twice_stops_the_driver(void **state)
{
    int32_t status;
    struct nt_driver *nt = start();
    struct nt_device_file *file = open_device();

    nt_device_unref(send_async(file, HOLD, &status));
    CALL(WdfObjectReferenceActual, WDFOBJECTREFERENCEACTUAL, held[0], NULL, 0, "");
    CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, held[0], STATUS_SUCCESS);
    nt_bugcheck_set_hook(stop_test);
    int code = setjmp(stopped);
    if (!code)
        CALL(WdfRequestComplete, WDFREQUESTCOMPLETE, held[0], STATUS_SUCCESS);
    nt_bugcheck_set_hook(NULL);
    assert_int_equal(code, 0x10D);
    assert_finding(IRP_COMPLETED_TWICE, 1);
    CALL(WdfObjectDereferenceActual, WDFOBJECTDEREFERENCEACTUAL, held[0], NULL, 0, "");
    nt_device_close(file);
    assert_int_equal(nt_driver_stop(nt), 0);
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        T(test_a_control_device_lives_from_entry_to_unload),
        T(test_binding_refuses_what_is_not_there),
        T(test_a_sequential_queue_presents_one_at_a_time),
        T(test_cancellation_of_waiting_and_of_marked_requests),
        T(test_a_manual_queue_is_retrieved_from_flushed_and_purged),
        T(test_stop_holds_back_and_start_goes_on),
        T(test_objects_contexts_timers_work_items_and_locks),
        T(test_parameters_are_read_as_the_driver_wants_them),
        T(test_an_object_that_stays_referenced_is_found),
        T(test_completing_twice_stops_the_driver),
        T(test_an_interface_leads_to_its_device_while_enabled),
        T(test_callbacks_share_a_lock_only_at_its_level),
        T(test_a_request_the_driver_had_comes_back_when_cancelled),
        T(test_a_marked_request_that_is_completed_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
