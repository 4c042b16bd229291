/*
 * Ground truth: every dump of a real Windows that is at hand comes out as Windows wrote it.
 *
 * Rows: effective weights, layer and field tables, order within each layer and sublayer; and where
 * one machine was dumped in both forms, the forms agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "policy/dump/verify.h"
#include "shared.h"

static char folder[4096];

struct found {
    char name[256];
    struct wfp_dump *dump;
};
static struct found found[64];
static size_t found_count;

static int
read_all_dumps(void **state)
{
    DIR *list = opendir(folder);
    struct dirent *entry;

    assert_non_null(list);
    while ((entry = readdir(list)) && found_count < ELEMENTSOF(found)) {
        struct found *row = &found[found_count];
        struct wfp_dump_error error;
        char path[4096 + 300];
        if (!strstr(entry->d_name, ".wfpstate.xml") && !strstr(entry->d_name, ".filters.xml"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        snprintf(row->name, sizeof(row->name), "%s", entry->d_name);
        if (wfp_dump_read(path, &row->dump, &error) < 0) {
            print_error("%s:%u: %s\n", row->name, error.line, error.text);
            closedir(list);
            return -1;
        }
        found_count++;
    }
    closedir(list);
    return found_count ? 0 : -1;
}

static int
free_all_dumps(void **state)
{
    for (size_t i = 0; i < found_count; i++)
        wfp_dump_free(found[i].dump);
    return 0;
}

static void
test_weights_tables_and_order_are_those_of_windows(void **state)
{
    for (size_t i = 0; i < found_count; i++) {
        struct wfp_verify_report *report = NULL;
        assert_int_equal(wfp_verify_dump(found[i].dump, &report), 0);
        print_message(
            "%-28s weights %u/%u, layers %u/%u, sublayers in order %u/%u, objects %u/%u\n",
            found[i].name, report->weights_equal, report->filters, report->layers_equal,
            report->layers, report->sublayers_in_order, report->sublayers, report->objects_equal,
            report->objects);
        for (uint32_t d = 0; d < report->difference_count; d++)
            print_error("%s:%u: %s\n", found[i].name, report->differences[d].line,
                        report->differences[d].text);
        assert_true(report->filters > 0);
        assert_int_equal(report->weights_equal, report->filters);
        assert_int_equal(report->layers_equal, report->layers);
        assert_int_equal(report->sublayers_in_order, report->sublayers);
        assert_int_equal(report->import.refused, 0);
        assert_int_equal(report->import.aside, 0);
        assert_int_equal(report->objects_equal, report->objects);
        assert_int_equal(report->difference_count, 0);
        wfp_verify_report_free(report);
    }
}

static const struct wfp_dump_filter *
find_filter(const struct wfp_dump *dump, const struct wfp_guid *key)
{
    for (uint32_t i = 0; i < dump->filter_count; i++)
        if (wfp_guid_equal(&dump->filters[i].common.key, key))
            return &dump->filters[i];
    return NULL;
}

static void
compare_forms(const struct wfp_dump *filters, const struct wfp_dump *whole)
{
    for (uint32_t i = 0; i < filters->filter_count; i++) {
        const struct wfp_dump_filter *a = &filters->filters[i];
        const struct wfp_dump_filter *b = find_filter(whole, &a->common.key);
        if (!b)
            continue; /* it came or went between the two */
        assert_int_equal(a->id, b->id);
        assert_int_equal(a->effective_weight, b->effective_weight);
        assert_true(wfp_guid_equal(&a->layer_key, &b->layer_key));
        assert_true(wfp_guid_equal(&a->sublayer_key, &b->sublayer_key));
        assert_int_equal(a->action, b->action);
        assert_int_equal(a->condition_count, b->condition_count);
        for (uint32_t c = 0; c < a->condition_count; c++)
            assert_true(wfp_value_equal(&a->conditions[c].value, &b->conditions[c].value));
    }
}

static void
test_both_forms_of_one_machine_agree(void **state)
{
    size_t pairs = 0;

    for (size_t i = 0; i < found_count; i++)
        for (size_t j = 0; j < found_count; j++) {
            size_t length = strcspn(found[i].name, ".");
            if (found[i].dump->form != WFP_DUMP_FILTERS || found[j].dump->form != WFP_DUMP_STATE ||
                length != strcspn(found[j].name, ".") ||
                strncmp(found[i].name, found[j].name, length) != 0)
                continue;
            compare_forms(found[i].dump, found[j].dump);
            pairs++;
        }
    if (pairs == 0)
        skip();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_tables_and_order_are_those_of_windows),
        cmocka_unit_test(test_both_forms_of_one_machine_agree),
    };

    shared_path("windows-dumps", folder);
    return cmocka_run_group_tests(tests, read_all_dumps, free_all_dumps);
}
