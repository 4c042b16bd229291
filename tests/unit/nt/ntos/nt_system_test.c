/* What drivers ask the system about itself: processors, version; what they write to its log. */
#include "nt_test.h"

#include <stdio.h>

#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_version.h"

static char logged[1024];

static void
remember(void *context, enum wfp_log_level level, const char *line)
{
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof(logged) - used, "%s\n", line);
}

static void
processor_numbers_and_indexes_agree(void **state)
{
    ULONG count = KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS);
    PROCESSOR_NUMBER here, number;
    KAFFINITY active;

    assert_true(count >= 1);
    assert_true(KeGetCurrentProcessorNumberEx(&here) < count);
    assert_int_equal(KeGetProcessorIndexFromNumber(&here), KeGetCurrentProcessorNumberEx(NULL));
    for (ULONG i = 0; i < count; i++) {
        assert_int_equal(KeGetProcessorNumberFromIndex(i, &number), STATUS_SUCCESS);
        assert_int_equal(KeGetProcessorIndexFromNumber(&number), i);
    }
    assert_int_equal(KeGetProcessorNumberFromIndex(count, &number), STATUS_INVALID_PARAMETER);
    number = (PROCESSOR_NUMBER){.Group = KeQueryActiveGroupCount()};
    assert_int_equal(KeGetProcessorIndexFromNumber(&number), INVALID_PROCESSOR_INDEX);
    assert_int_equal(KeQueryActiveProcessorCountEx(KeQueryActiveGroupCount()), 0);
    count = KeQueryActiveProcessorCount(&active);
    assert_int_equal(count, __builtin_popcountll(active));
    assert_true(KeQueryMaximumProcessorCountEx(0) >= KeQueryActiveProcessorCountEx(0));
}

static void
version_in_both_forms(void **state)
{
    RTL_OSVERSIONINFOEXW info;

    memset(&info, 0xEE, sizeof(info));
    info.dwOSVersionInfoSize = sizeof(RTL_OSVERSIONINFOW);
    assert_int_equal(RtlGetVersion((PRTL_OSVERSIONINFOW)&info), STATUS_SUCCESS);
    assert_int_equal(info.dwMajorVersion, NT_VERSION_MAJOR);
    assert_int_equal(info.dwBuildNumber, NT_VERSION_BUILD);
    assert_int_equal(info.szCSDVersion[0], 0);
    assert_int_equal(info.wServicePackMajor, 0xEEEE); /* beyond the short form */
    info.dwOSVersionInfoSize = sizeof(info);
    assert_int_equal(RtlGetVersion((PRTL_OSVERSIONINFOW)&info), STATUS_SUCCESS);
    assert_int_equal(info.wServicePackMajor, 0);
    assert_int_equal(info.wProductType, VER_NT_WORKSTATION);
    assert_true(RtlIsNtDdiVersionAvailable(NTDDI_WIN7));
    assert_true(RtlIsNtDdiVersionAvailable(NTDDI_WIN10));
    assert_false(RtlIsNtDdiVersionAvailable(0x0B000000));
}

static void
error_log_entries_reach_our_log(void **state)
{
    static const WCHAR strings[] = u"first\0second";
    const UCHAR size = sizeof(IO_ERROR_LOG_PACKET) + sizeof(strings);

    assert_null(IoAllocateErrorLogEntry(NULL, ERROR_LOG_MAXIMUM_SIZE + 1));
    assert_null(IoAllocateErrorLogEntry(NULL, sizeof(IO_ERROR_LOG_PACKET) - 1));
    PIO_ERROR_LOG_PACKET packet = IoAllocateErrorLogEntry(NULL, size);
    assert_non_null(packet);
    IoFreeErrorLogEntry(packet);

    packet = IoAllocateErrorLogEntry(NULL, size);
    assert_non_null(packet);
    packet->ErrorCode = (NTSTATUS)0xC0041234;
    packet->NumberOfStrings = 3; /* one more than there are */
    packet->StringOffset = sizeof(IO_ERROR_LOG_PACKET);
    memcpy((char *)packet + packet->StringOffset, strings, sizeof(strings));
    logged[0] = 0;
    wfp_log_set_sink(remember, NULL);
    IoWriteErrorLogEntry(packet);
    wfp_log_set_sink(NULL, NULL);
    assert_non_null(strstr(logged, "message 0xC0041234"));
    assert_non_null(strstr(logged, "first"));
    assert_non_null(strstr(logged, "second"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processor_numbers_and_indexes_agree),
        cmocka_unit_test(version_in_both_forms),
        cmocka_unit_test(error_log_entries_reach_our_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
