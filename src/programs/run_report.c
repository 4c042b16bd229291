/*
 * The report of a run, twice: aligned for people, JSON for programs. Same numbers.
 */
#include "programs/run_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/status.h"
#include "base/utf16.h"
#include "core/model/layer.h"
#include "nt/fwps/fwps_host.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_host.h"
#include "programs/run_flows.h"

/* ---- what the report asks of the machine ---- */

static int
collect_callouts(struct run_report *report, struct machine *machine)
{
    size_t n = nt_fwps_list_callouts(NULL, 0);
    _cleanup_(freep) struct nt_fwps_callout_info *infos = calloc(n + 1, sizeof(*infos));

    report->callouts = calloc(n + 1, sizeof(*report->callouts));
    if (!infos || !report->callouts)
        return -WFP_ERR_NO_MEMORY;
    report->callout_count = MIN(n, nt_fwps_list_callouts(infos, n));
    for (size_t i = 0; i < report->callout_count; i++) {
        const struct nt_fwps_callout_info *info = &infos[i];
        /* the list is newest first; reports read oldest first */
        struct run_callout *row = &report->callouts[report->callout_count - 1 - i];
        *row = (struct run_callout){.driver = info->driver, .id = info->id, .layer = ""};
        wfp_guid_format(info->key, row->key);
        wfp_callout_counters(machine->engine, info->id, &row->counters);
        _cleanup_(wfp_bfe_object_unrefp) struct wfp_bfe_object *object = NULL;
        if (wfp_bfe_object_get(machine->session, WFP_BFE_CALLOUT, info->key, &object) == 0) {
            const struct wfp_layer *layer = wfp_layer_find_key(&object->layer_key);
            row->layer = layer ? layer->name : "";
        }
    }
    return 0;
}

static int
collect_filters(struct run_report *report, struct machine *machine)
{
    struct wfp_filter **filters;
    size_t n;
    int r = machine_list_filters(machine, &filters, &n);

    if (r < 0)
        return r;
    report->filters = calloc(n + 1, sizeof(*report->filters));
    for (size_t i = 0; i < n; i++) {
        struct run_filter *row = report->filters ? &report->filters[i] : NULL;
        if (!row) {
            wfp_filter_unref(filters[i]);
            continue;
        }
        row->filter = filters[i];
        row->name = machine_filter_name(filters[i]);
        wfp_engine_filter_counters(machine->engine, filters[i]->id, &row->counters);
        report->filter_count++;
    }
    free(filters);
    return report->filters ? 0 : -WFP_ERR_NO_MEMORY;
}

int
run_report_collect(struct run_report *report, struct machine *machine)
{
    int r = collect_callouts(report, machine);
    return r < 0 ? r : collect_filters(report, machine);
}

void
run_report_fini(struct run_report *report)
{
    for (size_t i = 0; i < report->filter_count; i++) {
        wfp_filter_unref(report->filters[i].filter);
        free(report->filters[i].name);
    }
    free(report->filters);
    free(report->callouts);
    report->filters = NULL;
    report->callouts = NULL;
    report->filter_count = report->callout_count = 0;
}

/* ---- table ---- */

/* The longest of the names a column has, within reason. */
static int
wider(int width, const char *name)
{
    return name ? MAX(width, (int)MIN(strlen(name), 48)) : width;
}

static void
print_filters(const struct run_report *report, FILE *out)
{
    int width = 16;

    for (size_t i = 0; i < report->filter_count; i++)
        width = wider(width, report->filters[i].name);
    fprintf(out, "\n%-8s %-*s %-26s %12s %12s\n", "FILTER", width, "NAME", "LAYER", "MATCHED",
            "BLOCKED");
    for (size_t i = 0; i < report->filter_count; i++) {
        const struct run_filter *row = &report->filters[i];
        fprintf(out, "%-8" PRIu64 " %-*s %-26s %12" PRIu64 " %12" PRIu64 "\n", row->filter->id,
                width, row->name ? row->name : "", wfp_layer_name(row->filter->layer_id),
                row->counters.matched, row->counters.blocked);
    }
}

static void
print_drivers(const struct run_report *report, struct machine *machine, FILE *out)
{
    int width = 16;

    for (uint32_t d = 0; d < machine->driver_count; d++)
        width = wider(width, machine->drivers[d].name);
    fprintf(out, "\n%-*s %-7s %-26s %12s %12s %12s\n", width, "DRIVER", "CALLOUT", "LAYER",
            "CLASSIFIED", "PERMIT", "BLOCK");
    for (uint32_t d = 0; d < machine->driver_count; d++) {
        const char *name = machine->drivers[d].name;
        bool any = false;
        for (size_t i = 0; i < report->callout_count; i++) {
            const struct run_callout *row = &report->callouts[i];
            if (strcmp(row->driver, name) != 0)
                continue;
            any = true;
            fprintf(out, "%-*s %-7u %-26s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", width, name,
                    row->id, row->layer, row->counters.classified, row->counters.permit,
                    row->counters.block);
        }
        if (!any)
            fprintf(out, "%-*s registered no callout\n", width, name);
    }
}

static void
print_layers(struct machine *machine, FILE *out)
{
    fprintf(out, "\n%-36s %12s %12s %12s\n", "LAYER", "CLASSIFIED", "PERMIT", "BLOCK");
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        struct wfp_layer_counters counters;
        wfp_engine_layer_counters(machine->engine, id, &counters);
        if (counters.classified)
            fprintf(out, "%-36s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", wfp_layer_name(id),
                    counters.classified, counters.permit, counters.block);
    }
}

/* "at driver.c:18, Classify (driver.so+0x1234)", as much as is known. */
static void
print_place(const struct nt_place *place, FILE *out)
{
    char line[sizeof(place->file) + 16];

    if (!place->image[0])
        return;
    nt_place_line_text(place, line, sizeof(line));
    fprintf(out, "%33s at %s%s%s", "", line, line[0] && place->function[0] ? ", " : "",
            place->function);
    if (line[0] || place->function[0])
        fprintf(out, " (%s+0x%" PRIx64 ")\n", place->image, place->offset);
    else
        fprintf(out, "%s+0x%" PRIx64 "\n", place->image, place->offset);
}

static void
print_findings(FILE *out)
{
    struct nt_finding finding;

    if (nt_finding_count() == 0) {
        fprintf(out, "\nfindings: none\n");
        return;
    }
    fprintf(out, "\nFINDINGS\n");
    for (size_t i = 0; nt_finding_get(i, &finding); i++) {
        fprintf(out, "%-20s %-12s %s (%lux)\n", finding.name, finding.driver, finding.message,
                finding.count);
        print_place(&finding.place, out);
        fprintf(out, "%33s fix: %s\n", "", finding.fix);
    }
}

void
run_report_print_table(const struct run_report *report, struct machine *machine, FILE *out)
{
    uint64_t undecodable = 0;

    for (int i = 1; i < WFP_UNDECODABLE_COUNT; i++)
        undecodable += report->undecodable[i];
    fprintf(out, "%s: %" PRIu64 " packets, local: %s\n\n", report->source, report->packets,
            report->local_text);
    fprintf(out, "%12s %12s %12s %12s %12s\n", "PERMITTED", "BLOCKED", "(ABSORBED)", "INJECTED",
            "UNDECODABLE");
    fprintf(out, "%12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n",
            report->permitted, report->blocked, report->absorbed, report->injected, undecodable);
    for (int i = 1; i < WFP_UNDECODABLE_COUNT; i++)
        if (report->undecodable[i])
            fprintf(out, "  undecodable: %" PRIu64 " %s (%s%s%s)\n", report->undecodable[i],
                    wfp_undecodable_name((enum wfp_undecodable)i),
                    wfp_undecodable_text((enum wfp_undecodable)i),
                    i == WFP_UNDECODABLE_LINK_TYPE && report->odd_link ? ": " : "",
                    i == WFP_UNDECODABLE_LINK_TYPE && report->odd_link ? report->odd_link : "");
    if (report->changed)
        fprintf(out, "  changed: %" PRIu64 " packets went on with other bytes\n", report->changed);
    if (report->lost)
        fprintf(out, "  lost: %" PRIu64 " packets the kernel could not hand over\n", report->lost);
    if (report->passed_undecided)
        fprintf(out,
                "  passed undecided: %" PRIu64 " packets, while the queue was full (--fail-closed "
                "drops them)\n",
                report->passed_undecided);
    for (size_t i = 0; i < ELEMENTSOF(report->not_injected); i++)
        if (report->not_injected[i].count)
            fprintf(out, "  injected but not sent: %" PRIu64 " (%s)\n",
                    report->not_injected[i].count, report->not_injected[i].text);
    run_events_print(&report->events, out);
    print_drivers(report, machine, out);
    print_filters(report, out);
    print_layers(machine, out);
    run_flows_print(machine->stack, out);
    print_findings(out);
    if (nt_debug_print_hidden())
        fprintf(out, "driver messages not shown: %lu (-d shows them)\n", nt_debug_print_hidden());
    if (report->trouble)
        fprintf(out, "\n%s\n", report->trouble);
}

/* ---- JSON ---- */

static json_t *
json_counts(uint64_t classified, uint64_t permit, uint64_t block)
{
    return json_pack("{s:I,s:I,s:I}", "classified", (json_int_t)classified, "permit",
                     (json_int_t)permit, "block", (json_int_t)block);
}

static json_t *
json_layers(struct machine *machine)
{
    json_t *layers = json_object();

    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        struct wfp_layer_counters c;
        char name[80];
        wfp_engine_layer_counters(machine->engine, id, &c);
        if (!c.classified)
            continue;
        snprintf(name, sizeof(name), "FWPM_LAYER_%s", wfp_layer_name(id));
        json_object_set_new(layers, name, json_counts(c.classified, c.permit, c.block));
    }
    return layers;
}

/* FWPM_LAYER_<name>, or "" */
static json_t *
json_layer_name(const char *name)
{
    return *name ? json_sprintf("FWPM_LAYER_%s", name) : json_string("");
}

static json_t *
json_callouts(const struct run_report *report, const char *driver)
{
    json_t *callouts = json_array();

    for (size_t i = 0; i < report->callout_count; i++) {
        const struct run_callout *row = &report->callouts[i];
        const struct wfp_callout_counters *c = &row->counters;
        if (strcmp(row->driver, driver) != 0)
            continue;
        json_array_append_new(callouts,
                              json_pack("{s:s,s:I,s:o,s:I,s:I,s:I,s:I}", "key", row->key, "id",
                                        (json_int_t)row->id, "layer", json_layer_name(row->layer),
                                        "classified", (json_int_t)c->classified, "permit",
                                        (json_int_t)c->permit, "block", (json_int_t)c->block,
                                        "other", (json_int_t)c->other));
    }
    return callouts;
}

static json_t *
json_drivers(const struct run_report *report, struct machine *machine)
{
    json_t *drivers = json_array();

    for (uint32_t d = 0; d < machine->driver_count; d++) {
        const struct machine_driver *driver = &machine->drivers[d];
        json_array_append_new(drivers, json_pack("{s:s,s:s,s:s,s:o}", "name", driver->name, "image",
                                                 driver->path, "image_kind", driver->image_kind,
                                                 "callouts", json_callouts(report, driver->name)));
    }
    return drivers;
}

static json_t *
json_filters(const struct run_report *report)
{
    json_t *filters = json_array();
    char key[WFP_GUID_TEXT_SIZE];

    for (size_t i = 0; i < report->filter_count; i++) {
        const struct run_filter *row = &report->filters[i];
        json_array_append_new(
            filters,
            json_pack("{s:I,s:s,s:s,s:o,s:s,s:I,s:I}", "id", (json_int_t)row->filter->id, "key",
                      wfp_guid_format(&row->filter->key, key), "name", row->name ? row->name : "",
                      "layer", json_layer_name(wfp_layer_name(row->filter->layer_id)), "action",
                      wfp_filter_action_name(row->filter->action), "matched",
                      (json_int_t)row->counters.matched, "blocked",
                      (json_int_t)row->counters.blocked));
    }
    return filters;
}

static json_t *
json_known(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *
json_findings(void)
{
    json_t *findings = json_array();
    struct nt_finding f;

    for (size_t i = 0; nt_finding_get(i, &f); i++) {
        const struct nt_place *place = &f.place;
        json_array_append_new(
            findings,
            json_pack("{s:s,s:s,s:s,s:s,s:I,s:o,s:o,s:o,s:o}", "id", f.name, "driver", f.driver,
                      "message", f.message, "fix", f.fix, "count", (json_int_t)f.count, "file",
                      json_known(place->file), "line",
                      place->line ? json_integer(place->line) : json_null(), "function",
                      json_known(place->function), "place",
                      place->image[0] ? json_sprintf("%s+0x%" PRIx64, place->image, place->offset)
                                      : json_null()));
    }
    return findings;
}

int
run_report_print_json(const struct run_report *report, struct machine *machine, FILE *out)
{
    json_t *undecodable = json_object();
    uint64_t not_injected = 0;

    for (size_t i = 0; i < ELEMENTSOF(report->not_injected); i++)
        not_injected += report->not_injected[i].count;
    for (int i = 1; i < WFP_UNDECODABLE_COUNT; i++)
        if (report->undecodable[i])
            json_object_set_new(undecodable, wfp_undecodable_name((enum wfp_undecodable)i),
                                json_integer((json_int_t)report->undecodable[i]));
    json_t *document = json_pack(
        "{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:s?,s:o*,s:f}",
        "source", report->source, "local", report->local_text, "packets",
        (json_int_t)report->packets, "permitted", (json_int_t)report->permitted, "blocked",
        (json_int_t)report->blocked, "absorbed", (json_int_t)report->absorbed, "injected",
        (json_int_t)report->injected, "changed", (json_int_t)report->changed, "undecodable",
        undecodable, "lost", (json_int_t)report->lost, "passed_undecided",
        (json_int_t)report->passed_undecided, "not_injected", (json_int_t)not_injected,
        "messages_hidden", (json_int_t)nt_debug_print_hidden(), "layers", json_layers(machine),
        "drivers", json_drivers(report, machine), "filters", json_filters(report), "findings",
        json_findings(), "trouble", report->trouble, "events", run_events_json(&report->events),
        "elapsed_s", report->elapsed_s);
    if (!document)
        return -WFP_ERR_NO_MEMORY;
    json_t *flows = run_flows_json(machine->stack);
    json_object_update(document, flows); /* an error leaves them out */
    json_decref(flows);
    int r = json_dumpf(document, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(document);
    return r < 0 || ferror(out) ? -WFP_ERR_IO : 0;
}
