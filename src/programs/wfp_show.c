/*
 * `wfp show`: the objects of a policy as tables or JSON.
 *
 * Model      The policy is a BFE in this process: what is built in, and with --from what a netsh wfp
 *            dump holds, rebuilt through the same adds a program would make.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"
#include "base/utf16.h"
#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe_query.h"
#include "policy/dump/import.h"
#include "policy/store/store.h"
#include "programs/run_options.h"
#include "programs/verbs.h"

static const char help[] =
    "usage: wfp show layers|sublayers|filters|callouts|providers|contexts|sessions|state\n"
    "                [--from FILE | --store FILE] [--json]\n"
    "\n"
    "Show a policy: what is built in and, with --from, the objects of a 'netsh wfp show state' or\n"
    "'show filters' file (plain or .xz), rebuilt through BFE, or with --store, those of a policy\n"
    "store. Filters come by effective weight, the greatest first. 'state' shows everything.\n"
    "\n"
    "Exit codes: 0 fine, 1 objects of the file were refused, 2 usage, 3 the file cannot be read.\n";

struct show {
    struct wfp_engine *engine;
    struct wfp_bfe *bfe;
    struct wfp_bfe_session *session;
    struct wfp_store *store;
    uint32_t refused;
};

static char *
utf8(const uint16_t *text_utf16)
{
    static const uint16_t none[1];
    const uint16_t *text = text_utf16 ? text_utf16 : none;
    return wfp_utf16_to_utf8(text, wfp_utf16_length(text));
}

static const char *
layer_name_of(const struct wfp_guid *key)
{
    const struct wfp_layer *layer = wfp_layer_find_key(key);
    return layer ? layer->name : "";
}

static const char *const match_names[WFP_MATCH_TYPE_MAX] = {
    "EQUAL",     "GREATER",       "LESS",          "GREATER_OR_EQUAL", "LESS_OR_EQUAL",
    "RANGE",     "FLAGS_ALL_SET", "FLAGS_ANY_SET", "FLAGS_NONE_SET",   "EQUAL_CASE_INSENSITIVE",
    "NOT_EQUAL", "PREFIX",        "NOT_PREFIX",
};

/* ---- one JSON row per object; the tables are printed from the same rows ---- */

static json_t *
row_of_layer(const void *item)
{
    const struct wfp_layer *layer = item;
    char key[WFP_GUID_TEXT_SIZE];
    json_t *fields = json_array();

    for (uint16_t i = 0; i < layer->field_count; i++)
        json_array_append_new(fields, json_string(layer->fields[i].condition_name));
    return json_pack("{s:i,s:s,s:s,s:i,s:o}", "id", layer->id, "name", layer->name, "key",
                     wfp_guid_format(&layer->key, key), "flags", (int)layer->flags, "fields",
                     fields);
}

static json_t *
row_of_object(const void *item)
{
    const struct wfp_bfe_object *object = item;
    char key[WFP_GUID_TEXT_SIZE], provider[WFP_GUID_TEXT_SIZE];
    _cleanup_(freep) char *name = utf8(object->name_utf16);

    json_t *row =
        json_pack("{s:s,s:s,s:I,s:s}", "key", wfp_guid_format(&object->key, key), "name",
                  name ? name : "", "flags", (json_int_t)object->flags, "provider",
                  object->has_provider ? wfp_guid_format(&object->provider_key, provider) : "");
    if (object->kind == WFP_BFE_SUBLAYER)
        json_object_set_new(row, "weight", json_integer(object->weight));
    if (object->kind == WFP_BFE_CONTEXT)
        json_object_set_new(row, "type", json_integer(object->context_type));
    if (object->kind == WFP_BFE_CALLOUT) {
        json_object_set_new(row, "id", json_integer((json_int_t)object->id));
        json_object_set_new(row, "layer", json_string(layer_name_of(&object->layer_key)));
    }
    return row;
}

static json_t *
conditions_of(const struct wfp_filter *filter)
{
    const struct wfp_layer *layer = wfp_layer_find_id(filter->layer_id);
    struct wfp_filter_walk walk = wfp_filter_walk(filter);
    const struct wfp_condition *condition;
    json_t *conditions = json_array();
    char text[256];

    while (layer && (condition = wfp_filter_next(&walk))) {
        int field = wfp_layer_find_field(layer, &condition->field_key);
        json_array_append_new(
            conditions,
            json_pack("{s:s,s:s,s:s}", "field",
                      field < 0 ? "?" : layer->fields[field].condition_name, "match",
                      condition->match < WFP_MATCH_TYPE_MAX ? match_names[condition->match] : "?",
                      "value",
                      field < 0 ? "?"
                                : wfp_layer_format_value(&layer->fields[field], &condition->value,
                                                         text, sizeof(text))));
    }
    return conditions;
}

static json_t *
row_of_filter(const void *item)
{
    const struct wfp_filter *filter = item;
    char key[WFP_GUID_TEXT_SIZE], sublayer[WFP_GUID_TEXT_SIZE];
    _cleanup_(freep) char *name = utf8(filter->name_utf16);

    return json_pack("{s:I,s:s,s:s,s:s,s:s,s:o,s:s,s:I,s:o}", "id", (json_int_t)filter->id, "key",
                     wfp_guid_format(&filter->key, key), "name", name ? name : "", "layer",
                     wfp_layer_name(filter->layer_id), "sublayer",
                     wfp_guid_format(&filter->sublayer_key, sublayer), "weight",
                     json_sprintf("0x%016" PRIx64, filter->weight), "action",
                     wfp_filter_action_name(filter->action), "flags", (json_int_t)filter->flags,
                     "conditions", conditions_of(filter));
}

static json_t *
row_of_session(const void *item)
{
    const struct wfp_bfe_session_info *info = item;
    char key[WFP_GUID_TEXT_SIZE];
    _cleanup_(freep) char *name = utf8(info->name_utf16);

    return json_pack("{s:s,s:s,s:I,s:b}", "key", wfp_guid_format(&info->key, key), "name",
                     name ? name : "", "flags", (json_int_t)info->flags, "kernel", info->kernel);
}

/* A column of a table: which member, how wide (0: the rest of the line). */
struct column {
    const char *member, *title;
    int width;
};

static const struct kind {
    const char *name;
    enum wfp_bfe_kind kind;
    json_t *(*row)(const void *item);
    struct column columns[6];
} kinds[] = {
    {"layers",
     WFP_BFE_LAYER,
     row_of_layer,
     {{"id", "ID", 4}, {"key", "KEY", 36}, {"name", "NAME", 0}}},
    {"sublayers",
     WFP_BFE_SUBLAYER,
     row_of_object,
     {{"weight", "WEIGHT", 6}, {"key", "KEY", 36}, {"name", "NAME", 0}}},
    {"callouts",
     WFP_BFE_CALLOUT,
     row_of_object,
     {{"id", "ID", 6}, {"key", "KEY", 36}, {"layer", "LAYER", 32}, {"name", "NAME", 0}}},
    {"providers", WFP_BFE_PROVIDER, row_of_object, {{"key", "KEY", 36}, {"name", "NAME", 0}}},
    {"contexts",
     WFP_BFE_CONTEXT,
     row_of_object,
     {{"type", "TYPE", 4}, {"key", "KEY", 36}, {"name", "NAME", 0}}},
    {"filters",
     WFP_BFE_FILTER,
     row_of_filter,
     {{"id", "ID", 8},
      {"weight", "WEIGHT", 18},
      {"layer", "LAYER", 30},
      {"action", "ACTION", 20},
      {"name", "NAME", 0}}},
    {"sessions", WFP_BFE_SESSION, row_of_session, {{"key", "KEY", 36}, {"name", "NAME", 0}}},
};

/* ---- asking BFE ---- */

static int
rows_of(struct show *show, const struct kind *kind, json_t **ret_rows)
{
    static const struct wfp_bfe_template evaluated = {
        .flags =
            WFP_BFE_ENUM_SORTED | WFP_BFE_ENUM_INCLUDE_BOOTTIME | WFP_BFE_ENUM_INCLUDE_DISABLED,
        .action_mask = WFP_BFE_ANY_ACTION,
    };
    uint64_t handle;
    void **items;
    uint32_t count;
    int r = wfp_bfe_enum_create(show->session, kind->kind,
                                kind->kind == WFP_BFE_FILTER ? &evaluated : NULL, &handle);

    if (r < 0)
        return r;
    r = wfp_bfe_enum_next(show->session, kind->kind, handle, UINT32_MAX, &items, &count);
    wfp_bfe_enum_destroy(show->session, kind->kind, handle);
    if (r < 0)
        return r;
    json_t *rows = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(rows, kind->row(items[i]));
    wfp_bfe_enum_free(kind->kind, items, count);
    *ret_rows = rows;
    return 0;
}

static void
print_cell(const json_t *cell, int width)
{
    char number[24];
    const char *text = json_string_value(cell);

    if (!text) {
        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
        text = number;
    }
    if (width)
        printf("%-*s ", width, text);
    else
        printf("%s\n", text);
}

static void
print_table(const struct kind *kind, const json_t *rows)
{
    size_t i;
    json_t *row;

    for (const struct column *c = kind->columns; c->member; c++)
        printf(c->width ? "%-*s " : "%*s\n", c->width, c->title);
    json_array_foreach(rows, i, row)
    {
        for (const struct column *c = kind->columns; c->member; c++)
            print_cell(json_object_get(row, c->member), c->width);
    }
}

static void
note_refusal(void *context, unsigned line, const char *kind, const struct wfp_guid *key, int error)
{
    struct show *show = context;
    char text[WFP_GUID_TEXT_SIZE];

    show->refused++;
    fprintf(stderr, "wfp show: line %u: %s {%s}: %s\n", line, kind, wfp_guid_format(key, text),
            wfp_status_name(error));
}

static int
import(struct show *show, const char *path)
{
    _cleanup_(wfp_dump_freep) struct wfp_dump *dump = NULL;
    struct wfp_dump_error error;
    struct wfp_import_result result;

    if (wfp_dump_read(path, &dump, &error) < 0) {
        fprintf(stderr, "wfp show: %s\n", error.text);
        return WFP_EXIT_ENVIRONMENT;
    }
    int r = wfp_import_run(show->session, dump, note_refusal, show, &result);
    if (r < 0)
        fprintf(stderr, "wfp show: %s: %s\n", path, wfp_status_name(r));
    else if (result.aside || dump->note_count)
        fprintf(stderr,
                "wfp show: %s: %u objects of a newer build are not shown; 'wfp dump verify' "
                "names what is not known\n",
                path, result.aside);
    return r < 0 || show->refused ? WFP_EXIT_FINDING : WFP_EXIT_FINE;
}

static int
boot(struct show *show, const char *path)
{
    char error[WFP_STORE_ERROR_SIZE];
    struct wfp_store_counts counts = {0};
    int r = wfp_store_open(path, &show->store, error);

    if (r < 0) {
        fprintf(stderr, "wfp show: %s\n", error);
        return WFP_EXIT_ENVIRONMENT;
    }
    r = wfp_store_boot(show->store, show->bfe, NULL, NULL, &counts);
    if (r < 0 || counts.refused)
        fprintf(stderr, "wfp show: %s: %s\n", path,
                r < 0 ? wfp_status_name(r) : "some of its objects cannot be held here");
    return r < 0 ? WFP_EXIT_ENVIRONMENT : counts.refused ? WFP_EXIT_FINDING : WFP_EXIT_FINE;
}

static int
show_kinds(struct show *show, const char *what, bool json)
{
    bool all = strcmp(what, "state") == 0;
    json_t *document = json_object();
    int r = 0;

    for (size_t i = 0; i < ELEMENTSOF(kinds) && r == 0; i++) {
        json_t *rows;
        if (!all && strcmp(what, kinds[i].name) != 0)
            continue;
        r = rows_of(show, &kinds[i], &rows);
        if (r < 0)
            break;
        if (!json) {
            if (all)
                printf("%s%s\n", i ? "\n" : "", kinds[i].name);
            print_table(&kinds[i], rows);
        }
        json_object_set_new(document, kinds[i].name, rows);
    }
    if (r < 0)
        fprintf(stderr, "wfp show: %s: %s\n", what, wfp_status_name(r));
    else if (json) {
        json_dumpf(document, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(document);
    return r < 0 ? WFP_EXIT_ENVIRONMENT : WFP_EXIT_FINE;
}

static bool
is_kind(const char *what)
{
    for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
        if (strcmp(what, kinds[i].name) == 0)
            return true;
    return strcmp(what, "state") == 0;
}

int
wfp_show_main(int argc, char **argv)
{
    struct show show = {0};
    const char *what = NULL, *from = NULL, *store = NULL;
    bool json = false;
    int code = WFP_EXIT_FINE;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return WFP_EXIT_FINE;
        }
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
            from = argv[++i];
        else if (strcmp(argv[i], "--store") == 0 && i + 1 < argc)
            store = argv[++i];
        else if (!what && is_kind(argv[i]))
            what = argv[i];
        else {
            fprintf(stderr, "wfp show: '%s' is not understood; see 'wfp show --help'\n", argv[i]);
            return WFP_EXIT_USAGE;
        }
    }
    if (from && store) {
        fprintf(stderr, "wfp show: --from and --store exclude one another\n");
        return WFP_EXIT_USAGE;
    }
    if (!what) {
        fprintf(stderr, "wfp show: say what to show; see 'wfp show --help'\n");
        return WFP_EXIT_USAGE;
    }
    if (wfp_engine_new(&show.engine) < 0 || wfp_bfe_new(show.engine, &show.bfe) < 0 ||
        wfp_bfe_session_open(show.bfe, NULL, &show.session) < 0) {
        fprintf(stderr, "wfp show: out of memory\n");
        return WFP_EXIT_ENVIRONMENT;
    }
    if (store && access(store, F_OK) < 0) { /* showing makes none */
        fprintf(stderr, "wfp show: %s: %s\n", store, strerror(errno));
        code = WFP_EXIT_ENVIRONMENT;
    } else if (store) {
        code = boot(&show, store);
    }
    if (from && code == WFP_EXIT_FINE)
        code = import(&show, from);
    if (code != WFP_EXIT_ENVIRONMENT) {
        int shown = show_kinds(&show, what, json);
        code = shown ? shown : code;
    }
    wfp_bfe_session_close(show.session);
    wfp_bfe_free(show.bfe);
    wfp_engine_free(show.engine);
    wfp_store_close(show.store);
    return code;
}
