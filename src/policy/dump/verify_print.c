/*
 * What `wfp dump verify` prints.
 */
#include <jansson.h>
#include <string.h>

#include "policy/dump/dump_internal.h"
#include "policy/dump/verify.h"

struct line {
    const char *label, *name;
    uint32_t count, of; /* of: 0 where there is nothing to compare with */
    bool has_of;
};

#define LINES 16

static uint32_t
left_out(const struct wfp_dump *dump)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < dump->note_count; i++)
        count += dump->notes[i].is_left_out;
    return count;
}

static size_t
lines_of(const struct wfp_verify_report *report, struct line lines[LINES])
{
    const struct wfp_import_result *import = &report->import;
    const struct line all[] = {
        {"filters", "filters", report->filters, 0, false},
        {"weights equal", "weights_equal", report->weights_equal, report->filters, true},
        {"weights by an inferred order", "weights_inferred", report->weights_inferred, 0, false},
        {"layers", "layers", report->layers, 0, false},
        {"layers equal", "layers_equal", report->layers_equal, report->layers, true},
        {"sublayers", "sublayers", report->sublayers, 0, false},
        {"sublayers in order", "sublayers_in_order", report->sublayers_in_order, report->sublayers,
         true},
        {"objects added", "objects_added",
         import->providers + import->contexts + import->sublayers + import->callouts +
             import->filters,
         0, false},
        {"objects built in", "objects_built_in", import->already_there, 0, false},
        {"objects made up", "objects_made_up", import->made_up, 0, false},
        {"objects equal", "objects_equal", report->objects_equal, report->objects, true},
        {"objects of a newer build", "objects_aside", import->aside, 0, false},
        {"objects refused", "objects_refused", import->refused, 0, false},
        {"names unknown", "names_unknown", report->unknown_names, 0, false},
        {"descriptors in part", "descriptors_partial", report->partial_descriptors, 0, false},
        {"items left out", "items_left_out", left_out(report->dump), 0, false},
    };

    static_assert(ELEMENTSOF(all) == LINES, "room for each line");
    memcpy(lines, all, sizeof(all));
    return ELEMENTSOF(all);
}

static const char *
form_name(enum wfp_dump_form form)
{
    return form == WFP_DUMP_STATE ? "state" : "filters";
}

/* One build, or the fields of one and the layers of a newer one. */
static const char *
build_name(const struct wfp_verify_report *report, char text[96])
{
    snprintf(text, 96, "%s", wfp_verify_level_name(report->level));
    if (report->level == WFP_LEVEL_RS3 && report->layer_level > WFP_LEVEL_FE)
        snprintf(text, 96, "10.0.19041");
    else if (report->layer_level != report->level)
        snprintf(text, 96, "fields of %s, layers of %s", wfp_verify_level_name(report->level),
                 wfp_verify_level_name(report->layer_level));
    return text;
}

/* What is not known, but kept. */
static json_t *
json_notes(const struct wfp_dump *dump)
{
    json_t *notes = json_array();

    for (uint32_t i = 0; i < dump->note_count; i++)
        if (!dump->notes[i].is_left_out)
            json_array_append_new(notes, json_pack("{s:i, s:s}", "line", (int)dump->notes[i].line,
                                                   "text", dump->notes[i].text));
    return notes;
}

static json_t *
json_sections(const struct wfp_dump *dump)
{
    json_t *sections = json_object();

    for (uint32_t i = 0; i < dump->section_count; i++)
        json_object_set_new(sections, dump->sections[i].name,
                            json_integer(dump->sections[i].items));
    return sections;
}

static bool
print_json(FILE *out, const char *path, const struct wfp_verify_report *report)
{
    struct line lines[LINES];
    size_t count = lines_of(report, lines);
    json_t *document = json_object(), *differences = json_array();
    char build[96];
    bool ok;

    json_object_set_new(document, "file", json_string(path));
    json_object_set_new(document, "form", json_string(form_name(report->form)));
    json_object_set_new(document, "build", json_string(build_name(report, build)));
    for (size_t i = 0; i < count; i++)
        json_object_set_new(document, lines[i].name, json_integer(lines[i].count));
    for (uint32_t i = 0; i < report->difference_count; i++) {
        const struct wfp_verify_difference *difference = &report->differences[i];
        json_array_append_new(differences,
                              json_pack("{s:s, s:i, s:s}", "kind", difference->kind, "line",
                                        (int)difference->line, "text", difference->text));
    }
    json_object_set_new(document, "differences", differences);
    json_object_set_new(document, "notes", json_notes(report->dump));
    json_object_set_new(document, "not_policy", json_sections(report->dump));
    ok = document && json_dumpf(document, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
    json_decref(document);
    return ok;
}

static bool
print_table(FILE *out, const char *path, const struct wfp_verify_report *report)
{
    struct line lines[LINES];
    size_t count = lines_of(report, lines);
    char build[96];

    fprintf(out, "%s: %s, build %s\n", path, form_name(report->form), build_name(report, build));
    for (size_t i = 0; i < count; i++) {
        if (lines[i].has_of)
            fprintf(out, "  %-30s %6u of %u\n", lines[i].label, lines[i].count, lines[i].of);
        else
            fprintf(out, "  %-30s %6u\n", lines[i].label, lines[i].count);
    }
    for (uint32_t i = 0; i < report->dump->section_count; i++)
        fprintf(out, "  no policy: %-19s %6u\n", report->dump->sections[i].name,
                report->dump->sections[i].items);
    for (uint32_t i = 0; i < report->dump->note_count; i++)
        if (!report->dump->notes[i].is_left_out)
            fprintf(out, "%s:%u: note: %s\n", path, report->dump->notes[i].line,
                    report->dump->notes[i].text);
    for (uint32_t i = 0; i < report->difference_count; i++) {
        const struct wfp_verify_difference *difference = &report->differences[i];
        if (difference->line)
            fprintf(out, "%s:%u: %s: %s\n", path, difference->line, difference->kind,
                    difference->text);
        else
            fprintf(out, "%s: %s: %s\n", path, difference->kind, difference->text);
    }
    return fflush(out) == 0 && !ferror(out);
}

bool
wfp_verify_print(FILE *out, const char *path, const struct wfp_verify_report *report, bool json)
{
    return json ? print_json(out, path, report) : print_table(out, path, report);
}

int
wfp_verify_run(FILE *out, const char *path, bool json)
{
    _cleanup_(wfp_dump_freep) struct wfp_dump *dump = NULL;
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report = NULL;
    struct wfp_dump_error error;
    int r = wfp_dump_read(path, &dump, &error);

    if (r < 0) {
        if (error.line)
            fprintf(stderr, "%s:%u: %s\n", path, error.line, error.text);
        else
            fprintf(stderr, "%s: %s\n", path, error.text);
        return 3;
    }
    r = wfp_verify_dump(dump, &report);
    if (r < 0) {
        fprintf(stderr, "%s: %s (%s)\n", path, wfp_status_text(r), wfp_status_name(r));
        return 3;
    }
    if (!wfp_verify_print(out, path, report, json))
        return 3;
    return report->difference_count > 0;
}
