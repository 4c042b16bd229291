/* Reading dumps: both forms, every encoding, every type of value; and what is refused, with its
 * line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/status.h"
#include "base/utf16.h"
#include "core/model/filter.h"
#include "fixture.h"
#include "policy/dump/dump.h"

#define LAYER "FWPM_LAYER_ALE_AUTH_LISTEN_V4"

static const struct fixture_filter plain = {
    FILTER_KEY, LAYER, EMPTY_WEIGHT, PORT_CONDITION("53"), "FWP_ACTION_PERMIT", 70000, 0x3fffff00};

static struct wfp_dump *
read_text(const char *text, size_t size)
{
    struct wfp_dump *dump = NULL;
    struct wfp_dump_error error;
    int r = wfp_dump_parse(text, size, &dump, &error);

    if (r < 0)
        print_error("line %u: %s\n", error.line, error.text);
    assert_int_equal(r, 0);
    return dump;
}

static void
check_plain_filter(const struct wfp_dump *dump)
{
    const struct wfp_dump_filter *filter = &dump->filters[0];
    char key[WFP_GUID_TEXT_SIZE];

    assert_int_equal(dump->filter_count, 1);
    assert_string_equal(wfp_guid_format(&filter->common.key, key),
                        "11111111-2222-3333-4444-555555555555");
    assert_int_equal(filter->common.name_utf16[1], 0xE9);
    assert_int_equal(filter->common.description_utf16[2], '&');
    assert_int_equal(filter->common.flags, 0x301);
    assert_int_equal(filter->common.provider_data.size, 2);
    assert_int_equal(filter->common.provider_data.data[1], 0xFF);
    assert_false(filter->common.has_provider);
    assert_ptr_equal(wfp_layer_find_key(&filter->layer_key), wfp_layer_find_name(LAYER));
    assert_int_equal(filter->weight.type, WFP_EMPTY);
    assert_int_equal(filter->effective_weight, 0x3fffff00);
    assert_int_equal(filter->id, 70000);
    assert_int_equal(filter->raw_context, 7);
    assert_int_equal(filter->action, WFP_ACTION_PERMIT);
    assert_int_equal(filter->condition_count, 1);
    assert_int_equal(filter->conditions[0].match, WFP_MATCH_EQUAL);
    assert_int_equal(filter->conditions[0].value.type, WFP_UINT16);
    assert_int_equal(filter->conditions[0].value.uint16, 53);
}

static void
test_state_file(void **state)
{
    _cleanup_(freep) char *text = fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, &plain, 1);
    _cleanup_(wfp_dump_freep) struct wfp_dump *dump = read_text(text, strlen(text));
    const struct wfp_layer *layer = wfp_layer_find_name(LAYER);

    assert_int_equal(dump->form, WFP_DUMP_STATE);
    assert_int_equal(dump->layer_count, 1);
    assert_string_equal(dump->layers[0].key_name, LAYER);
    assert_int_equal(dump->layers[0].id, layer->id);
    assert_int_equal(dump->layers[0].flags, 7);
    assert_int_equal(dump->layers[0].field_count, layer->field_counts[WFP_LEVEL_RS3]);
    assert_string_equal(dump->layers[0].fields[4].condition_name, "IP_LOCAL_PORT");
    assert_int_equal(dump->layers[0].fields[2].kind, WFP_FIELD_IP_ADDRESS);
    check_plain_filter(dump);
    assert_int_equal(dump->callout_count, 1);
    assert_int_equal(dump->callouts[0].id, 300);
    assert_int_equal(dump->provider_count, 1);
    assert_int_equal(dump->providers[0].service_name_utf16[0], 's');
    assert_int_equal(dump->sublayer_count, 1);
    assert_int_equal(dump->sublayers[0].weight, 4711);
    assert_int_equal(dump->context_count, 1);
    assert_int_equal(dump->contexts[0].data.data[1], 2);
    assert_int_equal(dump->contexts[0].id, 5);
    assert_int_equal(dump->unknown_names, 0);
}

static void
test_filters_file(void **state)
{
    _cleanup_(freep) char *text = fixture_filters(&plain, 1);
    _cleanup_(wfp_dump_freep) struct wfp_dump *dump = read_text(text, strlen(text));

    assert_int_equal(dump->form, WFP_DUMP_FILTERS);
    assert_int_equal(dump->layer_count, 0);
    check_plain_filter(dump);
}

/* The text in another guise: with a mark, with CRLF, in UTF-16 of either order. */
static void
test_encodings(void **state)
{
    _cleanup_(freep) char *text = fixture_filters(&plain, 1);
    size_t size = strlen(text), used = 3, units;
    _cleanup_(freep) char *marked = malloc(size * 2 + 3);
    _cleanup_(freep) uint16_t *utf16 = wfp_utf16_from_utf8(text, &units);
    _cleanup_(freep) uint8_t *wide = malloc(units * 2 + 2);

    memcpy(marked, "\xEF\xBB\xBF", 3);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            marked[used++] = '\r';
        marked[used++] = text[i];
    }
    for (int i = 0; i < 5; i++) {
        _cleanup_(wfp_dump_freep) struct wfp_dump *dump = NULL;
        bool big = i == 2 || i == 4, mark = i < 3;
        size_t at = 0;
        if (i == 0) {
            dump = read_text(marked, used);
            check_plain_filter(dump);
            continue;
        }
        if (mark) {
            wide[at++] = big ? 0xFE : 0xFF;
            wide[at++] = big ? 0xFF : 0xFE;
        }
        for (size_t u = 0; u < units; u++) {
            wide[at++] = (uint8_t)(big ? utf16[u] >> 8 : utf16[u]);
            wide[at++] = (uint8_t)(big ? utf16[u] : utf16[u] >> 8);
        }
        dump = read_text((char *)wide, at);
        check_plain_filter(dump);
    }
}

#define CONDITION(type, content)                                                                   \
    "<item><fieldKey>FWPM_CONDITION_FLAGS</fieldKey><matchType>FWP_MATCH_EQUAL</matchType>"        \
    "<conditionValue><type>" type "</type>" content "</conditionValue></item>\n"

static const struct wfp_dump_filter *
read_conditions(const char *conditions, struct wfp_dump **ret_dump)
{
    struct fixture_filter filter = plain;
    char *text;

    filter.conditions = conditions;
    text = fixture_filters(&filter, 1);
    *ret_dump = read_text(text, strlen(text));
    free(text);
    return &(*ret_dump)->filters[0];
}

static void
test_values_of_every_type(void **state)
{
    _cleanup_(wfp_dump_freep) struct wfp_dump *dump = NULL;
    const struct wfp_dump_filter *filter = read_conditions(
        CONDITION("FWP_UINT8", "<uint8>255</uint8>") CONDITION(
            "FWP_UINT32", "<uint32>10.1.2.3</uint32>") CONDITION("FWP_UINT32",
                                                                 "<uint32>4294967295</uint32>")
            CONDITION("FWP_UINT64", "<uint64>18446744073709551615</uint64>") CONDITION(
                "FWP_INT32", "<int32>-5</int32>") CONDITION("FWP_DOUBLE", "<double>0.5</double>")
                CONDITION("FWP_BYTE_ARRAY16_TYPE", "<byteArray16>fe80::1</byteArray16>") CONDITION(
                    "FWP_BYTE_ARRAY6_TYPE", "<byteArray6>00:11:22:aa:bb:cc</byteArray6>")
                    CONDITION("FWP_BYTE_BLOB_TYPE",
                              "<byteBlob><data>41004200</data><asString>A.B.</asString></byteBlob>")
                        CONDITION("FWP_SID", "<sid>S-1-5-32-544</sid>") CONDITION(
                            "FWP_SECURITY_DESCRIPTOR_TYPE",
                            "<sd>O:SYG:SYD:(A;;CCRC;;;S-1-5-80-1-2)</sd>")
                            CONDITION("FWP_UNICODE_STRING_TYPE",
                                      "<unicodeString>h\xC3\xA9</unicodeString>")
                                CONDITION("FWP_V4_ADDR_MASK",
                                          "<v4AddrMask><addr>10.0.0.0</addr><mask>255.0.0.0</"
                                          "mask></v4AddrMask>")
                                    CONDITION("FWP_V6_ADDR_MASK",
                                              "<v6AddrMask><addr>fe80::</addr><prefixLength>10</"
                                              "prefixLength></v6AddrMask>")
                                        CONDITION("FWP_RANGE_TYPE",
                                                  "<rangeValue><valueLow><type>FWP_UINT16</"
                                                  "type><uint16>1</uint16></valueLow>"
                                                  "<valueHigh><type>FWP_UINT16</type><uint16>9</"
                                                  "uint16></valueHigh></rangeValue>")
                                            CONDITION("FWP_EMPTY", ""),
        &dump);
    const struct wfp_condition *c = filter->conditions;
    static const uint8_t sid[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};

    assert_int_equal(filter->condition_count, 16);
    assert_int_equal(c[0].value.uint8, 255);
    assert_int_equal(c[1].value.uint32, 0x0a010203);
    assert_int_equal(c[2].value.uint32, UINT32_MAX);
    assert_int_equal(*c[3].value.uint64, UINT64_MAX);
    assert_int_equal(c[4].value.int32, -5);
    assert_true(*c[5].value.double64 == 0.5);
    assert_int_equal(c[6].value.array16->bytes[0], 0xfe);
    assert_int_equal(c[6].value.array16->bytes[15], 1);
    assert_memory_equal(c[7].value.array6->bytes, "\x00\x11\x22\xaa\xbb\xcc", 6);
    assert_int_equal(c[8].value.blob->size, 4);
    assert_int_equal(c[8].value.blob->data[2], 'B');
    assert_memory_equal(c[9].value.sid, sid, sizeof(sid));
    assert_true(c[10].value.blob->size > 20);
    assert_int_equal(c[11].value.string_utf16[1], 0xE9);
    assert_int_equal(c[12].value.v4_mask->mask_host, 0xff000000);
    assert_int_equal(c[13].value.v6_mask->prefix_length, 10);
    assert_int_equal(c[14].value.range->high.uint16, 9);
    assert_int_equal(c[15].value.type, WFP_EMPTY);
}

static void
test_unknown_names_are_counted_once(void **state)
{
    struct fixture_filter filters[2] = {plain, plain};
    _cleanup_(wfp_dump_freep) struct wfp_dump *dump = NULL;
    _cleanup_(freep) char *text = NULL;

    filters[0].layer = filters[1].layer = "FWPM_LAYER_OF_TOMORROW";
    text = fixture_filters(filters, 2);
    dump = read_text(text, strlen(text));
    assert_int_equal(dump->unknown_names, 1);
    assert_false(wfp_guid_is_zero(&dump->filters[0].layer_key));
    assert_true(wfp_guid_equal(&dump->filters[0].layer_key, &dump->filters[1].layer_key));
}

/* The text with the first @p from replaced. */
static char *
change(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *changed = NULL;

    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    return changed;
}

static void
test_what_is_refused(void **state)
{
    static const struct {
        const char *from, *to; /* a change to the filters file */
        unsigned line;
        const char *complaint;
    } rows[] = {
        {"</wfpdiag>", "", 48, "tag"},
        {"<wfpdiag>", "<!DOCTYPE a [<!ENTITY x \"y\">]><wfpdiag>", 2, "error"},
        {"<wfpdiag>", "<html>", 47, "mismatch"},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        _cleanup_(freep) char *text = fixture_filters(&plain, 1);
        _cleanup_(freep) char *changed = change(text, rows[i].from, rows[i].to);
        struct wfp_dump *dump = NULL;
        struct wfp_dump_error error;

        assert_int_equal(wfp_dump_parse(changed, strlen(changed), &dump, &error),
                         -WFP_ERR_INVALID_PARAMETER);
        if (error.line != rows[i].line || !strcasestr(error.text, rows[i].complaint))
            print_error("row %zu: line %u: %s\n", i, error.line, error.text);
        assert_non_null(strcasestr(error.text, rows[i].complaint));
        assert_int_equal(error.line, rows[i].line);
        assert_null(dump);
    }
}

/* What cannot be read leaves its item out, what is only new keeps it; the rest is there. */
static void
test_what_is_noted(void **state)
{
    static const struct {
        const char *from, *to; /* a change to the first of two filters */
        unsigned line;
        const char *note;
        bool is_kept;
    } rows[] = {
        {FILTER_KEY, "{11111111-2222}", 5, "GUID", false},
        {"<filterKey>" FILTER_KEY "</filterKey>", "", 4, "filterKey", false},
        {"FWP_MATCH_EQUAL", "FWP_MATCH_SOMETIMES", 27, "FWP_MATCH_SOMETIMES", true},
        {"<uint16>53</uint16>", "<uint16>65536</uint16>", 30, "too large", false},
        {"<uint16>53</uint16>", "<uint16>x</uint16>", 30, "no number", false},
        {"<uint16>53</uint16>", "", 28, "without a value", false},
        {"<type>FWP_UINT16</type>", "<type>FWP_UINT17</type>", 29, "FWP_UINT17", true},
        {"<data>0aFF</data>", "<data>0aF</data>", 16, "odd number", false},
        {"<data>0aFF</data>", "<data>0aFg</data>", 16, "hexadecimal", false},
        {"FWP_ACTION_PERMIT", "FWP_ACTION_HOPE", 35, "FWP_ACTION_HOPE", true},
        {"<uint64>1073741568</uint64>", "<uint64>99999999999999999999</uint64>", 43, "too large",
         false},
        {"<effectiveWeight>\n<type>FWP_UINT64</type>\n<uint64>1073741568</uint64>\n"
         "</effectiveWeight>\n",
         "", 4, "effectiveWeight", true},
        {"<layerKey>" LAYER "</layerKey>", "<layerKey/>", 4, "without a layer", false},
        {"FWPM_FILTER_FLAG_PERSISTENT", "FWPM_FILTER_FLAG_NEW", 11, "FWPM_FILTER_FLAG_NEW", true},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        struct fixture_filter filters[2] = {plain, plain};
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) char *changed = NULL;
        _cleanup_(wfp_dump_freep) struct wfp_dump *dump = NULL;

        filters[1].key = "{22222222-2222-3333-4444-555555555555}";
        text = fixture_filters(filters, 2);
        changed = change(text, rows[i].from, rows[i].to);
        dump = read_text(changed, strlen(changed));
        assert_int_equal(dump->note_count, 1);
        if (dump->notes[0].line != rows[i].line || !strcasestr(dump->notes[0].text, rows[i].note))
            print_error("row %zu: line %u: %s\n", i, dump->notes[0].line, dump->notes[0].text);
        assert_non_null(strcasestr(dump->notes[0].text, rows[i].note));
        assert_int_equal(dump->notes[0].line, rows[i].line);
        assert_int_equal(dump->notes[0].is_left_out, !rows[i].is_kept);
        assert_int_equal(dump->filter_count, rows[i].is_kept ? 2 : 1);
        assert_int_equal(dump->filters[dump->filter_count - 1].common.key.data1, 0x22222222);
    }
}

static void
test_files_that_are_no_dumps(void **state)
{
    struct wfp_dump *dump = NULL;
    struct wfp_dump_error error;

    assert_int_equal(wfp_dump_read("/nonexistent/file", &dump, &error), -WFP_ERR_IO);
    assert_int_equal(wfp_dump_parse("", 0, &dump, &error), -WFP_ERR_INVALID_PARAMETER);
    assert_int_equal(wfp_dump_parse("\xFF\xFE<", 3, &dump, &error), -WFP_ERR_INVALID_PARAMETER);
    assert_int_equal(wfp_dump_parse("<netEvents/>", 12, &dump, &error), -WFP_ERR_INVALID_PARAMETER);
    assert_non_null(strstr(error.text, "netsh"));
    assert_true(wfp_dump_parse("\xFD"
                               "7zXZ\0junk",
                               10, &dump, &error) < 0);
    assert_true(error.text[0] != '\0');
    assert_null(dump);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_file),
        cmocka_unit_test(test_filters_file),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_values_of_every_type),
        cmocka_unit_test(test_unknown_names_are_counted_once),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_is_noted),
        cmocka_unit_test(test_files_that_are_no_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
