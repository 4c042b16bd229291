/*
 * Every allocation of reading and verifying fails in turn: the call says so, and nothing leaks or
 * lies.
 *
 * The linker sends malloc, calloc and realloc here (--wrap); libxml2 has its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/status.h"
#include "fixture.h"
#include "policy/dump/verify.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long countdown = -1; /* allocations still to succeed; negative: none fails */

static bool
fails(void)
{
    return countdown >= 0 && countdown-- == 0;
}

void *
__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

#define CONDITION(key, type, value)                                                                \
    "<item><fieldKey>FWPM_CONDITION_" key "</fieldKey><matchType>FWP_MATCH_EQUAL</matchType>"      \
    "<conditionValue><type>" type "</type>" value "</conditionValue></item>"

static const struct fixture_filter filters[] = {
    {FILTER_KEY, "FWPM_LAYER_ALE_AUTH_LISTEN_V4", "<type>FWP_UINT64</type><uint64>5</uint64>",
     CONDITION("ALE_APP_ID", "FWP_BYTE_BLOB_TYPE", "<byteBlob><data>4100</data></byteBlob>")
         CONDITION("ALE_USER_ID", "FWP_SECURITY_DESCRIPTOR_TYPE",
                   "<sd>O:SYD:(XA;;CC;;;WD;(a Contains \"b\"))</sd>") PORT_CONDITION("7"),
     "FWP_ACTION_BLOCK", 9, 6},
    {"{00000000-0000-0000-0000-000000000002}", "FWPM_LAYER_OF_TOMORROW", EMPTY_WEIGHT, "",
     "FWP_ACTION_PERMIT", 8, 0},
};

static void
test_reading(void **state)
{
    char *text = fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, filters, 2);
    size_t size = strlen(text);
    long n = 0;
    int r;

    do {
        struct wfp_dump *dump = NULL;
        struct wfp_dump_error error;
        countdown = n++;
        r = wfp_dump_parse(text, size, &dump, &error);
        countdown = -1;
        assert_true(r == 0 || r == -WFP_ERR_NO_MEMORY);
        assert_true((r == 0) == (dump != NULL));
        if (r == 0)
            assert_int_equal(dump->partial_descriptors, 0);
        wfp_dump_free(dump);
    } while (r < 0);
    assert_true(n > 5);
    free(text);
}

static void
test_verifying(void **state)
{
    char *text = fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, filters, 2);
    struct wfp_dump *dump = NULL;
    struct wfp_dump_error error;
    uint32_t differences = 0;
    long n = 0;
    int r;

    assert_int_equal(wfp_dump_parse(text, strlen(text), &dump, &error), 0);
    do {
        struct wfp_verify_report *report = NULL;
        countdown = n++;
        r = wfp_verify_dump(dump, &report);
        countdown = -1;
        assert_true(r == 0 || r == -WFP_ERR_NO_MEMORY);
        assert_true((r == 0) == (report != NULL));
        if (r == 0)
            differences = report->difference_count;
        wfp_verify_report_free(report);
    } while (r < 0);
    assert_true(n > 50);
    assert_true(differences >= 3); /* a weight, two refusals: those of the last, whole run */
    wfp_dump_free(dump);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_verifying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
