/* GUID text and UTF conversions: what goes in comes out, and nonsense is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/guid.h"
#include "base/status.h"
#include "base/utf16.h"

static void
test_text_round_trips(void **state)
{
    static const char text[] = "c86fd1bf-21cd-497e-a0bb-17425c885c58";
    struct wfp_guid guid;
    char again[WFP_GUID_TEXT_SIZE];

    assert_int_equal(wfp_guid_parse("{C86FD1BF-21CD-497E-A0BB-17425C885C58}", &guid), 0);
    assert_int_equal(guid.data1, 0xc86fd1bf);
    assert_int_equal(guid.data4[7], 0x58);
    assert_string_equal(wfp_guid_format(&guid, again), text);
}

static void
test_nonsense_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "c86fd1bf",
                                      "c86fd1bf-21cd-497e-a0bb-17425c885c5",
                                      "c86fd1bf-21cd-497e-a0bb-17425c885c588",
                                      "{c86fd1bf-21cd-497e-a0bb-17425c885c58"};
    struct wfp_guid guid;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(wfp_guid_parse(bad[i], &guid), -WFP_ERR_INVALID_PARAMETER);
}

static void
test_utf_round_trips_beyond_the_bmp(void **state)
{
    size_t length;
    uint16_t *wide = wfp_utf16_from_utf8("a\xC3\xA9\xF0\x9F\x98\x80", &length);
    assert_int_equal(length, 4);
    char *narrow = wfp_utf16_to_utf8(wide, length);
    assert_string_equal(narrow, "a\xC3\xA9\xF0\x9F\x98\x80");
    free(wide);
    free(narrow);
}

static void
test_malformed_utf8_becomes_replacement(void **state)
{
    size_t length;
    uint16_t *wide = wfp_utf16_from_utf8("\xC0\xAF\xFFz", &length);
    assert_int_equal(wide[length - 1], 'z');
    assert_int_equal(wide[0], 0xFFFD);
    free(wide);
}

static void
test_status_names_symbol_and_number(void **state)
{
    assert_string_equal(wfp_status_name(-WFP_ERR_ALREADY_EXISTS),
                        "FWP_E_ALREADY_EXISTS 0x80320009");
    assert_int_equal((uint32_t)wfp_status_ntstatus(-WFP_ERR_ALREADY_EXISTS), 0xC0220009);
    assert_int_equal(wfp_status_from_ntstatus((int32_t)0xC0220009), -WFP_ERR_ALREADY_EXISTS);
}

static void
test_a_seed_gives_the_same_guids_again(void **state)
{
    struct wfp_guid first[2], again[2], other;

    wfp_guid_seed(7);
    wfp_guid_generate(&first[0]);
    wfp_guid_generate(&first[1]);
    wfp_guid_seed(7);
    wfp_guid_generate(&again[0]);
    wfp_guid_generate(&again[1]);
    assert_memory_equal(first, again, sizeof(first));
    assert_false(wfp_guid_equal(&first[0], &first[1]));
    assert_int_equal(first[0].data3 >> 12, 4); /* the version */
    wfp_guid_seed(0);
    wfp_guid_generate(&other);
    assert_false(wfp_guid_equal(&first[0], &other));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_gives_the_same_guids_again),
        cmocka_unit_test(test_text_round_trips),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_utf_round_trips_beyond_the_bmp),
        cmocka_unit_test(test_malformed_utf8_becomes_replacement),
        cmocka_unit_test(test_status_names_symbol_and_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
