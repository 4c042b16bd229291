/* Values: copies own what they hold, equality is by content, text is readable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/model/value.h"

static uint64_t sixty_four = 0x1122334455667788;
static struct wfp_array16 loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
static struct wfp_array6 mac = {{0, 0x11, 0x22, 0x33, 0x44, 0x55}};
static struct wfp_v4_mask net = {0xA83F8100, 0xFFFFFF00};
static struct wfp_v6_mask net6 = {{0xfe, 0x80}, 10};
static uint16_t word[] = {'a', 'b', 0};
static struct wfp_blob blob = {6, (uint8_t *)word};
static uint8_t system_sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
static struct wfp_range ports = {{.type = WFP_UINT16, .uint16 = 443},
                                 {.type = WFP_UINT16, .uint16 = 445}};
static struct wfp_range wide = {{.type = WFP_UINT64, .uint64 = &sixty_four},
                                {.type = WFP_UINT64, .uint64 = &sixty_four}};
static struct wfp_sid_and_attributes groups[] = {{system_sid, 4}};
static struct wfp_token_information token = {1, groups, 0, NULL};

static const struct {
    struct wfp_value value;
    const char *text;
} samples[] = {
    {{.type = WFP_EMPTY}, "empty"},
    {{.type = WFP_UINT8, .uint8 = 6}, "6"},
    {{.type = WFP_UINT16, .uint16 = 443}, "443"},
    {{.type = WFP_UINT32, .uint32 = 0xA83F8110}, "2822734096"},
    {{.type = WFP_UINT64, .uint64 = &sixty_four}, "1234605616436508552"},
    {{.type = WFP_INT32, .int32 = -5}, "-5"},
    {{.type = WFP_BYTE_ARRAY16, .array16 = &loopback}, "::1"},
    {{.type = WFP_BYTE_ARRAY6, .array6 = &mac}, "00-11-22-33-44-55"},
    {{.type = WFP_V4_ADDR_MASK, .v4_mask = &net}, "168.63.129.0/24"},
    {{.type = WFP_V6_ADDR_MASK, .v6_mask = &net6}, "fe80::/10"},
    {{.type = WFP_BYTE_BLOB, .blob = &blob}, "ab"},
    {{.type = WFP_UNICODE_STRING, .string_utf16 = word}, "ab"},
    {{.type = WFP_SID, .sid = system_sid}, "S-1-5-18"},
    {{.type = WFP_RANGE, .range = &ports}, "443-445"},
    {{.type = WFP_RANGE, .range = &wide}, "1234605616436508552-1234605616436508552"},
    {{.type = WFP_TOKEN_INFORMATION, .token = &token}, "token"},
};

static void
test_a_copy_is_equal_and_owns_its_content(void **state)
{
    for (size_t i = 0; i < ELEMENTSOF(samples); i++) {
        struct wfp_value copy;
        assert_int_equal(wfp_value_copy(&samples[i].value, &copy), 0);
        assert_true(wfp_value_equal(&copy, &samples[i].value));
        if (samples[i].value.type == WFP_RANGE)
            assert_ptr_not_equal(copy.range, samples[i].value.range);
        wfp_value_fini(&copy);
        assert_int_equal(copy.type, WFP_EMPTY);
    }
}

static void
test_different_samples_are_not_equal(void **state)
{
    for (size_t i = 0; i < ELEMENTSOF(samples); i++)
        for (size_t j = 0; j < ELEMENTSOF(samples); j++)
            assert_int_equal(wfp_value_equal(&samples[i].value, &samples[j].value), i == j);
}

static void
test_text(void **state)
{
    char text[128];
    for (size_t i = 0; i < ELEMENTSOF(samples); i++)
        assert_string_equal(wfp_value_format(&samples[i].value, text, sizeof(text)),
                            samples[i].text);
    assert_string_equal(wfp_value_format_address(&samples[3].value, text, sizeof(text)),
                        "168.63.129.16");
    assert_string_equal(wfp_value_format(&samples[7].value, text, 9), "00-11");
}

static void
test_bad_values_are_refused(void **state)
{
    struct wfp_blob hollow = {4, NULL};
    struct wfp_range nested = {{.type = WFP_RANGE, .range = &ports}, {.type = WFP_EMPTY}};
    struct wfp_range half = {{.type = WFP_UINT8}, {.type = WFP_UINT64, .uint64 = NULL}};
    const struct {
        struct wfp_value value;
        int error;
    } bad[] = {
        {{.type = WFP_UINT64}, -WFP_ERR_NULL_POINTER},
        {{.type = WFP_SID}, -WFP_ERR_NULL_POINTER},
        {{.type = WFP_BYTE_BLOB, .blob = &hollow}, -WFP_ERR_NULL_POINTER},
        {{.type = WFP_RANGE, .range = &nested}, -WFP_ERR_TYPE_MISMATCH},
        {{.type = WFP_RANGE, .range = &half}, -WFP_ERR_NULL_POINTER},
        {{.type = WFP_SINGLE_DATA_TYPE_MAX}, -WFP_ERR_TYPE_MISMATCH},
        {{.type = 0x12345}, -WFP_ERR_TYPE_MISMATCH},
    };
    struct wfp_value copy = {.type = WFP_UINT8, .uint8 = 7};

    for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
        assert_int_equal(wfp_value_copy(&bad[i].value, &copy), bad[i].error);
        assert_int_equal(copy.uint8, 7); /* written only on success */
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_is_equal_and_owns_its_content),
        cmocka_unit_test(test_different_samples_are_not_equal),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_bad_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
