/* A WDM driver in this file: entry, control device, requests by every method, cancel, unload, leaks. */
#include "nt_test.h"

#include "nt/ntos/nt_device.h"
#include "nt/ntos/nt_host.h"
#include "nt/ntos/nt_wdk.h"

#define ECHO_BUFFERED CTL_CODE(FILE_DEVICE_UNKNOWN, 1, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define ECHO_DIRECT   CTL_CODE(FILE_DEVICE_UNKNOWN, 2, METHOD_OUT_DIRECT, FILE_ANY_ACCESS)
#define ECHO_NEITHER  CTL_CODE(FILE_DEVICE_UNKNOWN, 3, METHOD_NEITHER, FILE_ANY_ACCESS)
#define PEND          CTL_CODE(FILE_DEVICE_UNKNOWN, 4, METHOD_BUFFERED, FILE_ANY_ACCESS)

static UNICODE_STRING device_name, link_name;
static PDEVICE_OBJECT device;
static PIRP pending;
static int opened, closed, cleaned;
static bool forget_link;

static NTSTATUS
complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS NTAPI
on_open_close(PDEVICE_OBJECT object, PIRP irp)
{
    UCHAR major = IoGetCurrentIrpStackLocation(irp)->MajorFunction;
    opened += major == IRP_MJ_CREATE;
    closed += major == IRP_MJ_CLOSE;
    cleaned += major == IRP_MJ_CLEANUP;
    return complete(irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI
on_cancel(PDEVICE_OBJECT object, PIRP irp)
{
    IoReleaseCancelSpinLock(irp->CancelIrql);
    pending = NULL;
    complete(irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI
on_control(PDEVICE_OBJECT object, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    ULONG in = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG out = stack->Parameters.DeviceIoControl.OutputBufferLength;
    char *from, *to;

    assert_string_equal(nt_driver_name(nt_driver_current()), "echo");
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case ECHO_BUFFERED:
        return complete(irp, STATUS_SUCCESS, MIN(in, out));
    case ECHO_DIRECT:
        from = irp->AssociatedIrp.SystemBuffer;
        to = MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority);
        break;
    case ECHO_NEITHER:
        from = stack->Parameters.DeviceIoControl.Type3InputBuffer;
        to = irp->UserBuffer;
        break;
    case PEND:
        IoMarkIrpPending(irp);
        pending = irp;
        IoSetCancelRoutine(irp, on_cancel);
        return STATUS_PENDING;
    default:
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    memcpy(to, from, MIN(in, out));
    return complete(irp, STATUS_SUCCESS, MIN(in, out));
}

static VOID NTAPI
on_unload(PDRIVER_OBJECT driver)
{
    if (!forget_link)
        assert_int_equal(IoDeleteSymbolicLink(&link_name), STATUS_SUCCESS);
    if (!forget_link)
        IoDeleteDevice(device);
}

static NTSTATUS NTAPI
entry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNICODE_STRING wanted;

    RtlInitUnicodeString(&wanted,
                         u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\echo");
    assert_true(RtlEqualUnicodeString(path, &wanted, TRUE));
    assert_int_equal(KeGetCurrentIrql(), PASSIVE_LEVEL);
    RtlInitUnicodeString(&device_name, u"\\Device\\Echo");
    RtlInitUnicodeString(&link_name, u"\\DosDevices\\Echo");
    assert_int_equal(
        IoCreateDevice(driver, 16, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device),
        STATUS_SUCCESS);
    assert_int_equal(IoCreateSymbolicLink(&link_name, &device_name), STATUS_SUCCESS);
    driver->MajorFunction[IRP_MJ_CREATE] = on_open_close;
    driver->MajorFunction[IRP_MJ_CLOSE] = on_open_close;
    driver->MajorFunction[IRP_MJ_CLEANUP] = on_open_close;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = on_control;
    driver->DriverUnload = on_unload;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI
failing_entry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    entry(driver, path);
    ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, 0x64636261);
    return STATUS_UNSUCCESSFUL;
}

static int
setup(void **state)
{
    wfp_log_set_sink(nt_test_mute, NULL);
    nt_finding_reset();
    nt_host_init();
    opened = closed = cleaned = 0;
    forget_link = false;
    return 0;
}

static int
teardown(void **state)
{
    nt_host_fini();
    nt_finding_reset();
    return 0;
}

static void
test_requests_by_every_method(void **state)
{
    static const uint32_t codes[] = {ECHO_BUFFERED, ECHO_DIRECT, ECHO_NEITHER};
    struct nt_driver *driver;
    struct nt_device_file *file;
    uint64_t bytes;

    assert_int_equal(nt_driver_start_entry(entry, NULL, 0, "echo", &driver), 0);
    assert_int_equal(nt_device_open("\\\\.\\Echo", 0xC0000000, 0, &file), 0);
    assert_int_equal(opened, 1);
    for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
        char in[] = "0123456789", out[16] = "................";
        assert_int_equal(nt_device_ioctl(file, codes[i], in, 10, out, 6, &bytes), 0);
        assert_int_equal(bytes, 6);
        assert_memory_equal(out, "012345....", 10);
    }
    assert_int_equal(nt_device_ioctl(file, 0x222000 | 0x3ffc, NULL, 0, NULL, 0, NULL),
                     STATUS_INVALID_DEVICE_REQUEST);
    nt_device_close(file);
    assert_int_equal(cleaned, 1);
    assert_int_equal(closed, 1);
    assert_int_equal(nt_driver_stop(driver), 0);
    assert_int_equal(nt_finding_count(), 0);
}

static void
note_status(void *context, int32_t status, uint64_t information)
{
    *(int32_t *)context = status;
}

static void
test_a_pending_request_can_be_cancelled_or_outlive_its_handle(void **state)
{
    const struct nt_device_io io = {.operation = NT_DEVICE_IOCTL, .code = PEND};
    struct nt_device_request *request;
    struct nt_device_file *file;
    struct nt_driver *driver;
    int32_t status = 1;

    assert_int_equal(nt_driver_start_entry(entry, NULL, 0, "echo", &driver), 0);
    assert_int_equal(nt_device_open("\\Device\\Echo", 0, 0, &file), 0);
    assert_int_equal(nt_device_start(file, &io, note_status, &status, &request), STATUS_PENDING);
    nt_device_cancel(request);
    assert_int_equal(status, STATUS_CANCELLED);
    nt_device_cancel(request); /* too late: no effect */
    nt_device_unref(request);
    assert_int_equal(nt_device_start(file, &io, note_status, &status, NULL), STATUS_PENDING);
    nt_device_close(file);
    assert_int_equal(closed, 0); /* the request still holds the file */
    IoSetCancelRoutine(pending, NULL);
    complete(pending, STATUS_SUCCESS, 0);
    assert_int_equal(status, STATUS_SUCCESS);
    assert_int_equal(closed, 1);
    assert_int_equal(nt_driver_stop(driver), 0);
    assert_int_equal(nt_finding_count(), 0);
}

static void
test_what_unload_forgets_is_found_and_released(void **state)
{
    struct nt_device_file *file;
    struct nt_driver *driver;

    forget_link = true;
    assert_int_equal(nt_driver_start_entry(entry, NULL, 0, "echo", &driver), 0);
    assert_int_equal(nt_driver_stop(driver), 0);
    assert_finding(DEVICE_LEAK, 1);
    assert_finding(SYMLINK_LEAK, 1);
    assert_int_equal(nt_device_open("\\\\.\\Echo", 0, 0, &file), STATUS_OBJECT_NAME_NOT_FOUND);
}

static void
test_an_entry_that_fails_half_way_is_undone_and_reported(void **state)
{
    struct nt_driver *driver = NULL;

    assert_int_equal(nt_driver_start_entry(failing_entry, NULL, 0, "echo", &driver),
                     STATUS_UNSUCCESSFUL);
    assert_null(driver);
    assert_finding(POOL_LEAK, 1);
    assert_finding(DEVICE_LEAK, 1);
    assert_finding(ENTRY_FAILED_DIRTY, 1);
    assert_int_equal(nt_driver_start_entry(entry, NULL, 0, "echo", &driver), 0);
    assert_int_equal(nt_driver_stop(driver), 0);
}

static void
test_parameters_get_the_type_they_look_like(void **state)
{
    static const struct {
        const char *text;
        uint32_t type, size;
    } cases[] = {
        {"7", NT_REG_DWORD, 4},
        {"0x10", NT_REG_DWORD, 4},
        {"99999999999", NT_REG_QWORD, 8},
        {"abc", NT_REG_SZ, 8},
        {"a,b,", NT_REG_MULTI_SZ, 10},
        {"sz:a,b", NT_REG_SZ, 8},
        {"multi_sz:abc", NT_REG_MULTI_SZ, 10},
        {"binary:00ff", NT_REG_BINARY, 2},
        {"dword:3", NT_REG_DWORD, 4},
        {"", NT_REG_SZ, 2},
        {"1.2.3.4", NT_REG_SZ, 16},
    };
    struct nt_registry_value value;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        assert_int_equal(nt_registry_set_param("svc", "Name", cases[i].text), 0);
        assert_int_equal(nt_registry_get(NT_REGISTRY_SERVICES "\\SVC\\parameters", "NAME", &value),
                         0);
        assert_int_equal(value.type, cases[i].type);
        assert_int_equal(value.size, cases[i].size);
        nt_registry_value_clear(&value);
    }
    assert_true(nt_registry_set_param("svc", "Name", "dword:zz") < 0);
    assert_true(nt_registry_set_param("svc", "Name", "binary:0") < 0);
    assert_true(nt_registry_set_param("svc", "", "1") < 0);
}

static void
test_zw_registry_functions_tell_sizes(void **state)
{
    UNICODE_STRING path, name;
    OBJECT_ATTRIBUTES attributes;
    HANDLE key, below;
    union {
        KEY_VALUE_PARTIAL_INFORMATION partial;
        unsigned char bytes[64];
    } info;
    ULONG length, disposition, number = 42;

    RtlInitUnicodeString(&path, u"\\Registry\\Machine\\Software\\Test");
    InitializeObjectAttributes(&attributes, &path, OBJ_KERNEL_HANDLE, NULL, NULL);
    assert_int_equal(ZwOpenKey(&key, KEY_READ, &attributes), STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(ZwCreateKey(&key, KEY_ALL_ACCESS, &attributes, 0, NULL, 0, &disposition), 0);
    assert_int_equal(disposition, REG_CREATED_NEW_KEY);
    RtlInitUnicodeString(&name, u"Sub");
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, key, NULL);
    assert_int_equal(ZwCreateKey(&below, KEY_ALL_ACCESS, &attributes, 0, NULL, 0, NULL), 0);
    RtlInitUnicodeString(&name, u"Number");
    assert_int_equal(ZwSetValueKey(below, &name, 0, REG_DWORD, &number, 4), 0);
    assert_int_equal(ZwQueryValueKey(below, &name, KeyValuePartialInformation, NULL, 0, &length),
                     STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(length, 16);
    assert_int_equal(ZwQueryValueKey(below, &name, KeyValuePartialInformation, &info, 12, &length),
                     STATUS_BUFFER_OVERFLOW);
    assert_int_equal(ZwQueryValueKey(below, &name, KeyValuePartialInformation, &info, 64, &length),
                     0);
    assert_int_equal(info.partial.Type, REG_DWORD);
    assert_int_equal(info.partial.DataLength, 4);
    assert_int_equal(*(ULONG *)info.partial.Data, 42);
    assert_int_equal(ZwEnumerateValueKey(below, 1, KeyValuePartialInformation, &info, 64, &length),
                     STATUS_NO_MORE_ENTRIES);
    assert_int_equal(ZwDeleteKey(key), STATUS_ACCESS_DENIED);
    assert_int_equal(ZwDeleteKey(below), 0);
    assert_int_equal(ZwClose(below), 0);
    assert_int_equal(ZwClose(key), 0);
    assert_int_equal(ZwClose(key), STATUS_INVALID_HANDLE);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        T(test_requests_by_every_method),
        T(test_a_pending_request_can_be_cancelled_or_outlive_its_handle),
        T(test_what_unload_forgets_is_found_and_released),
        T(test_an_entry_that_fails_half_way_is_undone_and_reported),
        T(test_parameters_get_the_type_they_look_like),
        T(test_zw_registry_functions_tell_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
