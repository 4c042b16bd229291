/* Pool blocks, objects, names, handles, findings: the internals below the Windows faces. */
#include "nt_test.h"

#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_status.h"

#define TAG(a, b, c, d)                                                                            \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static int
setup(void **state)
{
    wfp_log_set_sink(nt_test_mute, NULL);
    nt_finding_reset();
    *state = nt_driver_new("tester");
    return 0;
}

static int
teardown(void **state)
{
    nt_driver_free(*state);
    nt_finding_reset();
    nt_pool_fail_after(-1);
    return 0;
}

static void
test_pool_aligns_fills_and_counts(void **state)
{
    char *small = nt_pool_allocate(24, TAG('T', 'e', 's', 't'), true, 0);
    char *large = nt_pool_allocate(4096, TAG('T', 'e', 's', 't'), false, 0);
    struct nt_pool_usage usage[4];

    assert_int_equal((uintptr_t)small % 16, 0);
    assert_int_equal((uintptr_t)large % 4096, 0);
    assert_int_equal(small[23], 0);
    assert_int_not_equal(large[4095], 0);
    assert_int_equal(nt_pool_usage(NULL, usage, 4), 1);
    assert_int_equal(usage[0].blocks, 2);
    assert_int_equal(usage[0].bytes, 4120);
    nt_pool_free(small, TAG('T', 'e', 's', 't'));
    nt_pool_free(large, 0);
    assert_int_equal(nt_finding_count(), 0);
    assert_int_equal(nt_pool_usage(NULL, usage, 4), 0);
}

static void
test_pool_notices_misuse(void **state)
{
    void *block = nt_pool_allocate(8, TAG('A', 'b', 'c', 'd'), true, 0);

    nt_pool_free(block, TAG('W', 'x', 'y', 'z'));
    assert_finding(POOL_WRONG_TAG, 1);
    nt_pool_free(NULL, 0);
    assert_finding(POOL_BAD_FREE, 1);
    nt_pool_fail_after(1);
    block = nt_pool_allocate(8, 1, true, 0);
    assert_non_null(block);
    assert_null(nt_pool_allocate(8, 1, true, 0));
    nt_pool_free(block, 0);
}

static void
test_leaks_are_reported_by_tag_when_a_driver_stops(void **state)
{
    struct nt_driver *driver = *state;
    struct nt_callback saved = nt_callback_enter(driver, NT_PASSIVE_LEVEL);
    struct nt_finding finding;

    nt_pool_allocate(10, TAG('A', 'a', 'a', 'a'), true, 0);
    nt_pool_allocate(20, TAG('B', 'b', 'b', 'b'), true, 0);
    nt_pool_allocate(30, TAG('A', 'a', 'a', 'a'), true, 0);
    nt_pool_allocate(50, TAG('A', 'a', 'a', 'a'), true, (uintptr_t)&setup);
    assert_int_equal(nt_object_link("\\DosDevices\\Left", "\\Device\\Nowhere", driver), 0);
    nt_callback_leave(saved, NT_PASSIVE_LEVEL);
    nt_driver_run_checks(driver);
    assert_finding(POOL_LEAK, 3); /* by tag, and by where it came from */
    assert_finding(SYMLINK_LEAK, 1);
    assert_true(nt_finding_get(1, &finding));
    assert_string_equal(finding.driver, "tester");
    assert_non_null(strstr(finding.message, "40 bytes in 2 blocks of tag 'Aaaa'"));
    assert_null(nt_object_link_target("\\??\\Left"));
}

static void
test_names_resolve_through_links_and_case(void **state)
{
    void *device = nt_object_new(NT_OBJECT_DEVICE, 64, NULL, NULL), *found;
    char *rest;

    assert_int_equal(nt_object_name(device, "\\Device\\Test"), 0);
    assert_int_equal(nt_object_name(device, "no slash"), NT_STATUS_NAME_INVALID);
    assert_int_equal(nt_object_link("\\DosDevices\\T", "\\Device\\Test", NULL), 0);
    assert_int_equal(nt_object_link("\\??\\t", "\\Device\\Test", NULL), NT_STATUS_NAME_COLLISION);
    assert_int_equal(nt_object_open("\\\\.\\T", NT_OBJECT_DEVICE, NULL, &found), 0);
    assert_ptr_equal(found, device);
    assert_int_equal(nt_object_refs(device), 2);
    nt_object_unref(found);
    assert_int_equal(nt_object_open("\\GLOBAL??\\T\\a\\b", NT_OBJECT_DEVICE, &rest, &found), 0);
    assert_string_equal(rest, "\\a\\b");
    free(rest);
    nt_object_unref(found);
    assert_int_equal(nt_object_open("\\Device\\Test\\x", NT_OBJECT_DEVICE, NULL, &found),
                     NT_STATUS_NAME_NOT_FOUND);
    assert_int_equal(nt_object_open("\\Device\\Tes", NT_OBJECT_DEVICE, NULL, &found),
                     NT_STATUS_NAME_NOT_FOUND);
    assert_int_equal(nt_object_open("\\Device\\Test", NT_OBJECT_EVENT, NULL, &found),
                     NT_STATUS_TYPE_MISMATCH);
    assert_int_equal(nt_object_unlink("\\Device\\Test"), NT_STATUS_TYPE_MISMATCH);
    assert_int_equal(nt_object_unlink("\\DosDevices\\T"), 0);
    assert_int_equal(nt_object_unref(device), 0);
    assert_int_equal(nt_object_open("\\Device\\Test", NT_OBJECT_ANY, NULL, &found),
                     NT_STATUS_NAME_NOT_FOUND);
}

static void
test_links_that_lead_to_each_other_end(void **state)
{
    void *found;
    nt_object_link("\\Device\\A", "\\Device\\B", NULL);
    nt_object_link("\\Device\\B", "\\Device\\A", NULL);
    assert_int_equal(nt_object_open("\\Device\\A", NT_OBJECT_ANY, NULL, &found),
                     NT_STATUS_NAME_INVALID);
    nt_object_unlink("\\Device\\A");
    nt_object_unlink("\\Device\\B");
}

static void
test_handles_hold_references(void **state)
{
    void *event = nt_object_new(NT_OBJECT_EVENT, 24, NULL, NULL), *found;
    void *handle = nt_handle_new(event, 7, NULL);

    assert_int_equal(nt_object_refs(event), 2);
    assert_int_equal(nt_handle_access(handle), 7);
    assert_int_equal(nt_handle_resolve(handle, NT_OBJECT_THREAD, &found), NT_STATUS_TYPE_MISMATCH);
    assert_int_equal(nt_handle_resolve(handle, NT_OBJECT_EVENT, &found), 0);
    nt_object_unref(found);
    assert_int_equal(nt_handle_close(handle), 0);
    assert_int_equal(nt_handle_close(handle), NT_STATUS_INVALID_HANDLE);
    assert_int_equal(nt_handle_resolve((void *)0x13, NT_OBJECT_ANY, &found),
                     NT_STATUS_INVALID_HANDLE);
    assert_int_equal(nt_object_unref(event), 0);
}

static void
test_findings_are_counted_not_repeated(void **state)
{
    for (int i = 0; i < 3; i++)
        nt_finding(NT_FINDING_HANG, "message %d", i % 2);
    assert_int_equal(nt_finding_count(), 2);
    assert_finding(HANG, 3);
    nt_finding_enable(false);
    nt_finding(NT_FINDING_HANG, "x");
    nt_finding_enable(true);
    assert_finding(HANG, 3);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        T(test_pool_aligns_fills_and_counts),
        T(test_pool_notices_misuse),
        T(test_leaks_are_reported_by_tag_when_a_driver_stops),
        T(test_names_resolve_through_links_and_case),
        T(test_links_that_lead_to_each_other_end),
        T(test_handles_hold_references),
        T(test_findings_are_counted_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
