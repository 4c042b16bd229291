/* Verifying: what is equal is counted, what is not is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/macros.h"
#include "fixture.h"
#include "policy/dump/verify.h"

#define LAYER  "FWPM_LAYER_ALE_AUTH_LISTEN_V4"
#define KEY(n) "{00000000-0000-0000-0000-00000000000" #n "}"

/* In the order in which Windows sorts them: by weight, then the newer first. */
static const struct fixture_filter filters[] = {
    {KEY(1), LAYER, "<type>FWP_UINT64</type><uint64>9223372036854775808</uint64>", "",
     "FWP_ACTION_BLOCK", 9, UINT64_C(1) << 63},
    {KEY(2), LAYER, "<type>FWP_UINT8</type><uint8>1</uint8>", PORT_CONDITION("1"),
     "FWP_ACTION_PERMIT", 8, UINT64_C(1) << 60 | 0x3fffff00},
    {KEY(3), LAYER, EMPTY_WEIGHT, PORT_CONDITION("2"), "FWP_ACTION_PERMIT", 7, 0x3fffff00},
    {KEY(4), LAYER, EMPTY_WEIGHT, PORT_CONDITION("3"), "FWP_ACTION_PERMIT", 6, 0x3fffff00},
    {KEY(5), LAYER, EMPTY_WEIGHT, "", "FWP_ACTION_BLOCK", 10, 0},
};

static struct wfp_verify_report *
verify(char *text)
{
    struct wfp_dump *dump = NULL;
    struct wfp_dump_error error;
    struct wfp_verify_report *report = NULL;

    assert_int_equal(wfp_dump_parse(text, strlen(text), &dump, &error), 0);
    assert_int_equal(wfp_verify_dump(dump, &report), 0);
    wfp_dump_free(dump);
    free(text);
    return report;
}

static void
test_a_state_that_is_equal(void **state)
{
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report =
        verify(fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, filters, ELEMENTSOF(filters)));

    assert_int_equal(report->filters, 5);
    assert_int_equal(report->weights_equal, 5);
    assert_int_equal(report->weights_inferred, 0);
    assert_int_equal(report->layers, 1);
    assert_int_equal(report->layers_equal, 1);
    assert_int_equal(report->sublayers, 1);
    assert_int_equal(report->sublayers_in_order, 1);
    assert_int_equal(report->import.filters, 5);
    assert_int_equal(report->import.refused, 0);
    /* the only differences: our build has more layers */
    for (uint32_t i = 0; i < report->difference_count; i++)
        assert_non_null(strstr(report->differences[i].text, "ours only"));
}

/* The text with every @p from replaced; it is freed. */
static char *
change_all(char *text, const char *from, const char *to)
{
    char *changed = NULL, *rest = text, *at;
    size_t size;
    FILE *out = open_memstream(&changed, &size);

    for (; (at = strstr(rest, from)); rest = at + strlen(from))
        fprintf(out, "%.*s%s", (int)(at - rest), rest, to);
    assert_ptr_not_equal(rest, text); /* it was there */
    fputs(rest, out);
    fclose(out);
    free(text);
    return changed;
}

static uint32_t
count_of(const struct wfp_verify_report *report, const char *kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < report->difference_count; i++)
        count += strcmp(report->differences[i].kind, kind) == 0;
    return count;
}

/* What netsh has no name for it prints as a GUID; older ones have other names for some fields. */
static void
test_weights_do_not_hang_on_names(void **state)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {LAYER, "{88bb5dad-76d7-4227-9c71-df0a3ed7be7e}"},
        {"FWPM_CONDITION_IP_LOCAL_PORT", "{0c1ba1af-5765-453f-af22-a8f791ac775b}"},
        {"FWPM_CONDITION_IP_LOCAL_PORT", "FWPM_CONDITION_ICMP_TYPE"},
        {"FWPM_CONDITION_IP_LOCAL_INTERFACE", "FWPM_CONDITION_INTERFACE"},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = verify(change_all(
            fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, filters, ELEMENTSOF(filters)),
            rows[i].from, rows[i].to));
        assert_int_equal(report->weights_equal, 5);
        assert_int_equal(report->layers_equal, 1);
        assert_int_equal(report->unknown_names, 0);
        assert_int_equal(report->import.aside, 0);
    }
}

/* A layer we do not know: the weights of its filters follow from the file's own field list. */
static void
test_layers_of_a_newer_build_are_left_aside(void **state)
{
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = verify(
        change_all(fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, filters, ELEMENTSOF(filters)),
                   LAYER, "FWPM_LAYER_OF_TOMORROW_V4"));

    assert_int_equal(report->filters, 5);
    assert_int_equal(report->import.aside, 5 + 1); /* and the callout there */
    assert_int_equal(report->import.refused, 0);
    assert_int_equal(report->unknown_names, 1);
    assert_int_equal(count_of(report, "import") + count_of(report, "order"), 0);
    assert_int_equal(report->objects_equal, report->objects);
    assert_int_equal(report->objects, 3); /* provider, context, sublayer */
}

static void
test_fields_and_match_types_of_a_newer_build_are_left_aside(void **state)
{
    struct fixture_filter changed[ELEMENTSOF(filters)];
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = NULL;

    memcpy(changed, filters, sizeof(filters));
    changed[1].conditions = "<item><fieldKey>FWPM_CONDITION_OF_TOMORROW</fieldKey><matchType>"
                            "FWP_MATCH_EQUAL</matchType><conditionValue><type>FWP_UINT8</type>"
                            "<uint8>1</uint8></conditionValue></item>";
    changed[2].conditions = "<item><fieldKey>FWPM_CONDITION_IP_LOCAL_PORT</fieldKey><matchType>"
                            "FWP_MATCH_ALMOST</matchType><conditionValue><type>FWP_UINT16</type>"
                            "<uint16>1</uint16></conditionValue></item>";
    report =
        verify(fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, changed, ELEMENTSOF(changed)));
    assert_int_equal(report->import.aside, 2);
    assert_int_equal(report->import.refused, 0);
    assert_int_equal(report->import.filters, 3);
    assert_int_equal(report->weights_equal, 4); /* that of the unknown field cannot be told */
    assert_int_equal(report->sublayers_in_order, 1);
}

static void
test_an_item_that_cannot_be_read_is_told(void **state)
{
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report =
        verify(change_all(fixture_filters(filters, ELEMENTSOF(filters)), KEY(4), "{0-0}"));

    assert_int_equal(report->filters, 4);
    assert_int_equal(report->weights_equal, 4);
    assert_int_equal(report->difference_count, 1);
    assert_string_equal(report->differences[0].kind, "read");
}

static void
test_ipsec_contexts_are_kept_as_text(void **state)
{
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = verify(
        change_all(fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, filters, ELEMENTSOF(filters)),
                   "<type>FWPM_GENERAL_CONTEXT</type>\n<dataBuffer>\n<data>0102</data>\n"
                   "<asString>..</asString>\n</dataBuffer>",
                   "<type>FWPM_IPSEC_IKE_MM_CONTEXT</type><ikeMmPolicy><a>1</a></ikeMmPolicy>"));

    assert_int_equal(report->import.contexts, 1);
    assert_int_equal(report->import.aside, 0);
    assert_int_equal(report->objects_equal, report->objects);
}

static void
test_the_build_of_a_filters_file_is_inferred(void **state)
{
    struct fixture_filter old = {KEY(6),
                                 LAYER,
                                 EMPTY_WEIGHT,
                                 "<item><fieldKey>FWPM_CONDITION_ALE_APP_ID</fieldKey><matchType>"
                                 "FWP_MATCH_EQUAL</matchType><conditionValue><type>"
                                 "FWP_BYTE_BLOB_TYPE</type><byteBlob><data>4100</data></byteBlob>"
                                 "</conditionValue></item>",
                                 "FWP_ACTION_PERMIT",
                                 1,
                                 0x40};
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report =
        verify(fixture_filters(&old, 1));

    assert_int_equal(report->weights_equal, 1);
    assert_true(report->level <= WFP_LEVEL_WIN10);
    assert_int_equal(report->difference_count, 0);
    assert_int_equal(report->import.made_up, 1); /* its sublayer */
}

static void
test_a_weight_that_differs(void **state)
{
    struct fixture_filter changed[ELEMENTSOF(filters)];
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = NULL;

    memcpy(changed, filters, sizeof(filters));
    changed[3].effective++;
    report = verify(fixture_filters(changed, ELEMENTSOF(changed)));
    assert_int_equal(report->weights_equal, 4);
    assert_int_equal(report->difference_count, 1);
    assert_string_equal(report->differences[0].kind, "weight");
    assert_non_null(strstr(report->differences[0].text, "0x000000003fffff01"));
    assert_true(report->differences[0].line > 100);
}

static void
test_an_order_that_differs(void **state)
{
    struct fixture_filter changed[ELEMENTSOF(filters)];
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = NULL;

    memcpy(changed, filters, sizeof(filters));
    changed[2] = filters[3];
    changed[3] = filters[2];
    report = verify(fixture_filters(changed, ELEMENTSOF(changed)));
    assert_int_equal(report->weights_equal, 5);
    assert_int_equal(report->sublayers, 1);
    assert_int_equal(report->sublayers_in_order, 0);
    assert_int_equal(report->difference_count, 1);
    assert_string_equal(report->differences[0].kind, "order");
}

static void
test_a_layer_that_differs(void **state)
{
    char *text = fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, filters, 1);
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = NULL;

    memcpy(strstr(text, "<dataType>FWP_UINT8</dataType>"), "<dataType>FWP_INT16</dataType>",
           strlen("<dataType>FWP_INT16</dataType>"));
    report = verify(text);
    assert_int_equal(report->layers_equal, 0);
    assert_string_equal(report->differences[0].kind, "layer");
    assert_non_null(strstr(report->differences[0].text, "field 3"));
}

static void
test_sublayers_that_follow_one_another_differently(void **state)
{
    static const uint16_t name[] = {'s', 0};
    const struct wfp_guid universal = {
        0xeebecc03, 0xced4, 0x4380, {0x81, 0x9a, 0x27, 0x34, 0x39, 0x7b, 0x2b, 0x74}};
    struct wfp_dump_sublayer sublayers[] = {
        {.common =
             {.line = 7, .key = {9, 9, 9, {9}}, .name_utf16 = name, .description_utf16 = name},
         .weight = 60000},
        {.common = {.line = 8, .key = universal, .name_utf16 = name, .description_utf16 = name},
         .weight = 60001},
    };
    struct wfp_dump dump = {.form = WFP_DUMP_FILTERS, .sublayer_count = 2, .sublayers = sublayers};
    struct wfp_verify_report *report = NULL;

    assert_int_equal(wfp_verify_dump(&dump, &report), 0);
    assert_int_equal(report->difference_count, 1);
    assert_string_equal(report->differences[0].kind, "sublayer");
    assert_int_equal(report->differences[0].line, 8);
    wfp_verify_report_free(report);
}

static void
test_an_object_that_is_refused(void **state)
{
    struct fixture_filter lost = filters[2];
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = NULL;

    lost.conditions = "<item><fieldKey>FWPM_CONDITION_IP_LOCAL_PORT</fieldKey><matchType>"
                      "FWP_MATCH_EQUAL</matchType><conditionValue><type>FWP_UINT8</type>"
                      "<uint8>1</uint8></conditionValue></item>"; /* a port is 16 bits */
    report = verify(fixture_filters(&lost, 1));
    assert_int_equal(report->weights_equal, 1);
    assert_int_equal(report->import.refused, 1);
    assert_int_equal(report->sublayers_in_order, 0);
    assert_int_equal(report->difference_count, 1);
    assert_string_equal(report->differences[0].kind, "import");
}

static void
test_exit_codes_and_json(void **state)
{
    char path[] = "/tmp/wfp-verify-test-XXXXXX";
    int fd = mkstemp(path);
    _cleanup_(freep) char *text = fixture_filters(filters, ELEMENTSOF(filters));
    _cleanup_(freep) char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    json_t *document;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(wfp_verify_run(out, path, true), 0);
    fclose(out);
    document = json_loads(printed, 0, NULL);
    assert_non_null(document);
    assert_int_equal(json_integer_value(json_object_get(document, "filters")), 5);
    assert_int_equal(json_integer_value(json_object_get(document, "weights_equal")), 5);
    assert_int_equal(json_integer_value(json_object_get(document, "sublayers_in_order")), 1);
    assert_true(json_is_array(json_object_get(document, "differences")));
    json_decref(document);

    assert_int_equal(ftruncate(fd, 300), 0);
    assert_int_equal(wfp_verify_run(stdout, path, false), 3);
    close(fd);
    unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_state_that_is_equal),
        cmocka_unit_test(test_weights_do_not_hang_on_names),
        cmocka_unit_test(test_layers_of_a_newer_build_are_left_aside),
        cmocka_unit_test(test_fields_and_match_types_of_a_newer_build_are_left_aside),
        cmocka_unit_test(test_an_item_that_cannot_be_read_is_told),
        cmocka_unit_test(test_ipsec_contexts_are_kept_as_text),
        cmocka_unit_test(test_the_build_of_a_filters_file_is_inferred),
        cmocka_unit_test(test_a_weight_that_differs),
        cmocka_unit_test(test_an_order_that_differs),
        cmocka_unit_test(test_a_layer_that_differs),
        cmocka_unit_test(test_sublayers_that_follow_one_another_differently),
        cmocka_unit_test(test_an_object_that_is_refused),
        cmocka_unit_test(test_exit_codes_and_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
