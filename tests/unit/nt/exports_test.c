/* Export tables: each name once per module, every code row callable, every index of the framework
 * filled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/macros.h"
#include "nt/exports.h"

#define WFP_EXPORT_MODULE "test.sys"
#define WFP_EXPORT_DEF    "exports_test.def"
#define WFP_EXPORT_TABLE  test_exports
#include "base/export_rows.h"

int present_function(void);
int other_symbol(void);
int present_variable = 7;

int
present_function(void)
{
    return 1;
}

int
other_symbol(void)
{
    return 2;
}

static char last_line[256];

static void
keep_line(void *context, enum wfp_log_level level, const char *line)
{
    strncpy(last_line, line, sizeof(last_line) - 1);
}

static void
test_names_are_unique_and_code_has_an_address(void **state)
{
    static const struct wfp_export_table *const tables[] = {
        &nt_ntoskrnl_exports, &nt_hal_exports,    &nt_aux_klib_exports, &nt_wpprecorder_exports,
        &nt_fltmgr_exports,   &nt_cng_exports,    &nt_ndis_exports,     &nt_netio_exports,
        &nt_fwpkclnt_exports, &nt_wdfldr_exports, &nt_wdf_functions};
    for (size_t t = 0; t < ELEMENTSOF(tables); t++) {
        assert_true(tables[t]->count > 0);
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct wfp_export *row = &tables[t]->rows[i];
            assert_non_null(row->name);
            assert_ptr_equal(wfp_export_find(tables[t], row->name), row);
            if (row->state != WFP_EXPORT_DATA)
                assert_non_null(row->address);
        }
    }
}

static void
test_framework_table_is_complete(void **state)
{
    assert_int_equal(nt_wdf_functions.count, 458); /* KMDF 1.33 */
    assert_string_equal(nt_wdf_functions.rows[116].name, "WdfDriverCreate");
}

static void
test_a_stub_names_itself_and_fails(void **state)
{
    const struct wfp_export *row = wfp_export_find(&test_exports, "AbsentStatus");
    uint64_t(__attribute__((ms_abi)) * stub)(void) = (void *)row->address;
    unsigned long before = wfp_export_stub_calls();

    wfp_log_set_sink(keep_line, NULL);
    assert_int_equal(stub(), 0xC0000002u);
    wfp_log_set_sink(NULL, NULL);
    assert_string_equal(last_line, "stub called: test.sys!AbsentStatus (driver may misbehave)");
    assert_int_equal(wfp_export_stub_calls(), before + 1);
    assert_int_equal(row->state, WFP_EXPORT_STUB);
}

static void
test_rows_carry_what_the_def_says(void **state)
{
    assert_ptr_equal(wfp_export_find(&test_exports, "present_function")->address, present_function);
    assert_ptr_equal(wfp_export_find(&test_exports, "Renamed")->address, other_symbol);
    assert_ptr_equal(wfp_export_find(&test_exports, "present_variable")->address,
                     &present_variable);
    assert_string_equal(wfp_export_find(&test_exports, "Renamed")->doc, "page: half of it");
    assert_null(wfp_export_find(&test_exports, "AbsentVariable")->address);
    assert_null(wfp_export_find(&test_exports, "renamed"));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_unique_and_code_has_an_address),
        cmocka_unit_test(test_framework_table_is_complete),
        cmocka_unit_test(test_a_stub_names_itself_and_fails),
        cmocka_unit_test(test_rows_carry_what_the_def_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
