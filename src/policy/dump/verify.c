/*
 * Verifying a dump: weights, tables, order.
 */
#include "policy/dump/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine.h"
#include "core/engine/snapshot.h"
#include "core/model/weight.h"
#include "policy/dump/dump_internal.h"

/* ---- differences ------------------------------------------------------------------------- */

static int note(struct wfp_verify_report *report, const char *kind, unsigned line,
                const char *format, ...) _printf_(4, 5);

static int
note(struct wfp_verify_report *report, const char *kind, unsigned line, const char *format, ...)
{
    struct wfp_verify_difference *larger;
    va_list arguments;
    char *text = NULL;
    int r;

    va_start(arguments, format);
    r = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (r < 0)
        return -WFP_ERR_NO_MEMORY;
    larger = realloc(report->differences, (report->difference_count + (size_t)1) * sizeof(*larger));
    if (!larger) {
        free(text);
        return -WFP_ERR_NO_MEMORY;
    }
    report->differences = larger;
    larger[report->difference_count++] = (struct wfp_verify_difference){kind, line, text};
    return 0;
}

void
wfp_verify_report_free(struct wfp_verify_report *report)
{
    if (!report)
        return;
    for (uint32_t i = 0; i < report->difference_count; i++)
        free(report->differences[i].text);
    free(report->differences);
    free(report);
}

/* ---- weights ----------------------------------------------------------------------------- */

/* The plans of a dump's layers, found by key. */
struct plans {
    uint32_t count;
    struct plan {
        struct wfp_guid key;
        int error; /* of planning */
        struct wfp_weight_plan plan;
    } * rows;
};

static void
plans_fini(struct plans *plans)
{
    free(plans->rows);
}

static int
plans_of_dump(const struct wfp_dump *dump, struct plans *ret_plans)
{
    struct plan *rows = calloc(MAX(dump->layer_count, 1u), sizeof(*rows));

    if (!rows)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < dump->layer_count; i++) {
        const struct wfp_dump_layer *layer = &dump->layers[i];
        rows[i].key = layer->key;
        rows[i].error =
            wfp_weight_plan(layer->key_name, layer->fields, layer->field_count, &rows[i].plan);
    }
    *ret_plans = (struct plans){dump->layer_count, rows};
    return 0;
}

/* A filters file does not say which fields its layers have: take ours, as of @p level. */
static int
plans_of_level(enum wfp_level level, struct plans *ret_plans)
{
    struct plan *rows = calloc(WFP_LAYER_COUNT, sizeof(*rows));
    uint32_t count = 0;

    if (!rows)
        return -WFP_ERR_NO_MEMORY;
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        if (!layer || layer->field_counts[level] < 0)
            continue;
        rows[count].key = layer->key;
        rows[count].error = wfp_weight_plan(
            layer->name, layer->fields, (uint32_t)layer->field_counts[level], &rows[count].plan);
        count++;
    }
    *ret_plans = (struct plans){count, rows};
    return 0;
}

static const struct plan *
find_plan(const struct plans *plans, const struct wfp_guid *layer_key)
{
    for (uint32_t i = 0; i < plans->count; i++)
        if (plans->rows[i].key.data1 == layer_key->data1 &&
            wfp_guid_equal(&plans->rows[i].key, layer_key))
            return &plans->rows[i];
    return NULL;
}

static int
weigh(const struct plans *plans, const struct wfp_dump_filter *filter, bool *ret_inferred,
      uint64_t *ret_weight)
{
    const struct plan *plan = find_plan(plans, &filter->layer_key);

    *ret_inferred = false;
    if (filter->weight.type == WFP_UINT64) {
        *ret_weight = *filter->weight.uint64;
        return 0;
    }
    if (!plan || plan->error < 0)
        return plan ? plan->error : -WFP_ERR_LAYER_NOT_FOUND;
    *ret_inferred = !plan->plan.is_observed && filter->condition_count > 0;
    return wfp_weight_compute(&plan->plan, &filter->weight, filter->conditions,
                              filter->condition_count, ret_weight);
}

static uint32_t
count_equal(const struct plans *plans, const struct wfp_dump *dump)
{
    uint32_t equal = 0;

    for (uint32_t i = 0; i < dump->filter_count; i++) {
        uint64_t weight = 0;
        bool inferred;
        int r = weigh(plans, &dump->filters[i], &inferred, &weight);
        equal += r == 0 && weight == dump->filters[i].effective_weight;
    }
    return equal;
}

/* The build of a filters file is the newest under whose field lists most weights are equal. */
static int
infer_plans(const struct wfp_dump *dump, enum wfp_level *ret_level, struct plans *ret_plans)
{
    struct plans best = {0};
    uint32_t best_equal = 0;

    for (int level = WFP_LEVEL_COUNT - 1; level >= 0; level--) {
        struct plans plans;
        uint32_t equal;
        int r = plans_of_level((enum wfp_level)level, &plans);

        if (r < 0) {
            plans_fini(&best);
            return r;
        }
        equal = count_equal(&plans, dump);
        if (!best.rows || equal > best_equal) {
            plans_fini(&best);
            best = plans;
            best_equal = equal;
            *ret_level = (enum wfp_level)level;
        } else {
            plans_fini(&plans);
        }
        if (best_equal == dump->filter_count)
            break;
    }
    *ret_plans = best;
    return 0;
}

static int
verify_weights(const struct wfp_dump *dump, const struct plans *plans,
               struct wfp_verify_report *report)
{
    report->filters = dump->filter_count;
    for (uint32_t i = 0; i < dump->filter_count; i++) {
        const struct wfp_dump_filter *filter = &dump->filters[i];
        char key[WFP_GUID_TEXT_SIZE];
        uint64_t weight = 0;
        bool inferred;
        int r = weigh(plans, filter, &inferred, &weight);

        report->weights_inferred += inferred;
        if (r == 0 && weight == filter->effective_weight) {
            report->weights_equal++;
            continue;
        }
        wfp_guid_format(&filter->common.key, key);
        if (r == 0)
            r = note(report, "weight", filter->common.line,
                     "filter {%s} at %s: Windows 0x%016" PRIx64 ", here 0x%016" PRIx64 "%s", key,
                     filter->layer_name, filter->effective_weight, weight,
                     inferred ? " (order of fields inferred)" : "");
        else
            r = note(report, "weight", filter->common.line, "filter {%s} at %s: %s", key,
                     filter->layer_name, wfp_status_text(r));
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- layers and fields ------------------------------------------------------------------- */

const char *
wfp_verify_level_name(enum wfp_level level)
{
    static const char *const names[] = {
        [WFP_LEVEL_WIN7] = "6.1",       [WFP_LEVEL_WIN8] = "6.2",
        [WFP_LEVEL_WIN81] = "6.3",      [WFP_LEVEL_WIN10] = "10.0.10240",
        [WFP_LEVEL_RS3] = "10.0.16299", [WFP_LEVEL_FE] = "10.0.20348",
        [WFP_LEVEL_NI] = "10.0.22621",  [WFP_LEVEL_NEWEST] = "newer than 10.0.22621",
    };
    static_assert(ELEMENTSOF(names) == WFP_LEVEL_COUNT, "a name for each level");
    return names[level];
}

/*
 * A build may have the layers of one SDK and still the field lists of an older one: Windows 10 from
 * 10.0.19041 on has the layers of 10.0.20348 with the fields of 10.0.16299.
 */
struct build {
    enum wfp_level layers, fields;
};

static int
id_at(const struct wfp_layer *layer, struct build build)
{
    return build.layers < WFP_LEVEL_NEWEST          ? layer->ids[build.layers]
           : layer->field_counts[build.layers] >= 0 ? layer->id
                                                    : -1;
}

/*
 * Observed on 10.0.19041, which no SDK describes: where it is neither like the one before nor like
 * the one after.
 */
static bool
is_vibranium(struct build build)
{
    return build.fields == WFP_LEVEL_RS3 && build.layers > WFP_LEVEL_FE;
}

/* A layer newer than the build's field lists has the fields it began with. */
static int
field_count_at(const struct wfp_layer *layer, struct build build)
{
    if (layer->id == WFP_LAYER_INBOUND_RESERVED2 && is_vibranium(build))
        return 16;
    for (int level = build.fields; level <= (int)build.layers; level++)
        if (layer->field_counts[level] >= 0)
            return layer->field_counts[level];
    return -1;
}

/* Its layer for IPv6 connection policy delivered the types of the one for IPv4. */
static uint8_t
type_at(const struct wfp_layer *layer, const struct wfp_field *field, struct build build)
{
    return layer->id == WFP_LAYER_OUTBOUND_NETWORK_CONNECTION_POLICY_V6 &&
                   field->kind == WFP_FIELD_IP_ADDRESS && is_vibranium(build)
               ? WFP_UINT32
               : field->type;
}

static void
compare_fields(const struct wfp_layer *ours, const struct wfp_dump_layer *theirs,
               struct build build, char *text, size_t size)
{
    int count = field_count_at(ours, build);

    for (uint32_t i = 0; i < theirs->field_count && (int)i < count; i++) {
        const struct wfp_field *a = &ours->fields[i], *b = &theirs->fields[i];
        uint8_t type = type_at(ours, a, build);
        if (!wfp_guid_equal(&a->condition_key, &b->condition_key) || a->kind != b->kind ||
            type != b->type) {
            snprintf(text, size, "field %u is %s, kind %u, type %u here, %s, %u, %u there", i,
                     a->condition_name, a->kind, type, b->condition_name, b->kind, b->type);
            return;
        }
    }
    if ((int64_t)theirs->field_count != count)
        snprintf(text, size, "%d fields here, %u there", count, theirs->field_count);
}

/* Where a layer of the dump and ours differ: the first thing, in words; "" if nowhere. */
static void
compare_layer(const struct wfp_dump_layer *theirs, struct build build, char *text, size_t size)
{
    const struct wfp_layer *ours = wfp_layer_find_key(&theirs->key);
    struct wfp_guid universal = {0};

    *text = '\0';
    wfp_dump_name_find(WFP_DUMP_NAME_SUBLAYER, "FWPM_SUBLAYER_UNIVERSAL", &universal);
    if (!ours || id_at(ours, build) < 0)
        snprintf(text, size, "not in our table");
    else if (id_at(ours, build) != theirs->id)
        snprintf(text, size, "id %d here, %u there", id_at(ours, build), theirs->id);
    else if (ours->flags != theirs->flags)
        snprintf(text, size, "flags 0x%x here, 0x%x there", ours->flags, theirs->flags);
    else if (!wfp_guid_equal(&universal, &theirs->default_sublayer_key))
        snprintf(text, size, "another default sublayer");
    else
        compare_fields(ours, theirs, build, text, size);
}

static uint32_t
count_equal_layers(const struct wfp_dump *dump, struct build build)
{
    char text[200];
    uint32_t equal = 0;

    for (uint32_t i = 0; i < dump->layer_count; i++) {
        compare_layer(&dump->layers[i], build, text, sizeof(text));
        equal += *text == '\0';
    }
    return equal;
}

/* The build, newest first, that makes most layers equal. */
static struct build
find_build(const struct wfp_dump *dump, uint32_t *ret_equal)
{
    struct build best = {WFP_LEVEL_NEWEST, WFP_LEVEL_NEWEST};
    uint32_t most = count_equal_layers(dump, best);

    for (int layers = WFP_LEVEL_NEWEST; layers >= 0 && most < dump->layer_count; layers--)
        for (int fields = layers; fields >= 0; fields--) {
            struct build build = {(enum wfp_level)layers, (enum wfp_level)fields};
            uint32_t equal = count_equal_layers(dump, build);
            if (equal > most) {
                most = equal;
                best = build;
            }
        }
    *ret_equal = most;
    return best;
}

static bool
dump_has_layer(const struct wfp_dump *dump, const struct wfp_guid *key)
{
    for (uint32_t i = 0; i < dump->layer_count; i++)
        if (wfp_guid_equal(&dump->layers[i].key, key))
            return true;
    return false;
}

static int
verify_layers(const struct wfp_dump *dump, struct wfp_verify_report *report)
{
    struct build build = find_build(dump, &report->layers_equal);
    char text[200];
    int r = 0;

    report->layers = dump->layer_count;
    report->level = build.fields;
    report->layer_level = build.layers;
    for (uint32_t i = 0; i < dump->layer_count && r == 0; i++) {
        compare_layer(&dump->layers[i], build, text, sizeof(text));
        if (*text)
            r = note(report, "layer", dump->layers[i].line, "%s: %s", dump->layers[i].key_name,
                     text);
    }
    for (uint16_t id = 0; id < WFP_LAYER_COUNT && r == 0; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        if (layer && id_at(layer, build) >= 0 && !dump_has_layer(dump, &layer->key))
            r = note(report, "layer", 0, "%s: ours only", layer->name);
    }
    return r;
}

/* ---- order ------------------------------------------------------------------------------- */

/* A filter as the dump has it, and as our BFE made it (NULL: refused). */
struct ranked {
    const struct wfp_dump_filter *theirs;
    struct wfp_filter *ours;
    uint32_t place; /* in the file */
};

/* Groups first; then as Windows prints them sorted, or would have. */
static int
by_group(const struct ranked *a, const struct ranked *b)
{
    int order = memcmp(&a->theirs->layer_key, &b->theirs->layer_key, sizeof(struct wfp_guid));
    return order ? order
                 : memcmp(&a->theirs->sublayer_key, &b->theirs->sublayer_key,
                          sizeof(struct wfp_guid));
}

static int
by_their_weight(const void *a_, const void *b_)
{
    const struct ranked *a = a_, *b = b_;
    int order = by_group(a, b);

    if (order)
        return order;
    if (a->theirs->effective_weight != b->theirs->effective_weight)
        return a->theirs->effective_weight > b->theirs->effective_weight ? -1 : 1;
    return a->theirs->id > b->theirs->id ? -1 : a->theirs->id < b->theirs->id;
}

static int
by_their_place(const void *a_, const void *b_)
{
    const struct ranked *a = a_, *b = b_;
    int order = by_group(a, b);
    return order ? order : a->place < b->place ? -1 : a->place > b->place;
}

/* In one group: does each filter outrank the next in our engine too? */
static int
verify_group(const struct ranked *group, uint32_t count, struct wfp_verify_report *report)
{
    char key[WFP_GUID_TEXT_SIZE], next[WFP_GUID_TEXT_SIZE];
    const struct ranked *last = NULL;

    report->sublayers++;
    for (uint32_t i = 0; i < count; i++) {
        if (!group[i].ours)
            return 0; /* out of order by absence; the refusal was noted */
        if (last && !wfp_snapshot_outranks(last->ours, group[i].ours)) {
            wfp_guid_format(&last->theirs->common.key, key);
            wfp_guid_format(&group[i].theirs->common.key, next);
            return note(report, "order", group[i].theirs->common.line,
                        "at %s: filter {%s} comes before {%s} on Windows, after it here",
                        last->theirs->layer_name, key, next);
        }
        last = &group[i];
    }
    report->sublayers_in_order++;
    return 0;
}

struct refusals {
    struct wfp_verify_report *report;
    int error; /* of noting one */
};

static void
note_refusal(void *context, unsigned line, const char *kind, const struct wfp_guid *key, int error)
{
    struct refusals *refusals = context;
    char text[WFP_GUID_TEXT_SIZE];
    int r;

    wfp_guid_format(key, text);
    r = note(refusals->report, "import", line, "%s {%s} refused: %s (%s)", kind, text,
             wfp_status_text(error), wfp_status_name(error));
    if (r < 0)
        refusals->error = r;
}

static int
verify_groups(const struct wfp_dump *dump, struct ranked *rows, struct wfp_verify_report *report)
{
    uint32_t from = 0;
    int r = 0;

    qsort(rows, dump->filter_count, sizeof(*rows),
          dump->form == WFP_DUMP_FILTERS ? by_their_place : by_their_weight);
    for (uint32_t i = 1; i <= dump->filter_count && r == 0; i++) {
        if (i < dump->filter_count && by_group(&rows[from], &rows[i]) == 0)
            continue;
        r = verify_group(rows + from, i - from, report);
        from = i;
    }
    return r;
}

static int
by_weight(const void *a_, const void *b_)
{
    const struct wfp_dump_sublayer *a = *(const struct wfp_dump_sublayer *const *)a_;
    const struct wfp_dump_sublayer *b = *(const struct wfp_dump_sublayer *const *)b_;
    return (a->weight > b->weight) - (a->weight < b->weight);
}

/* Do our sublayers follow one another as the dump's do? The numbers may differ where builds do. */
static int
verify_sublayers(struct wfp_bfe_session *session, const struct wfp_dump *dump,
                 struct wfp_verify_report *report)
{
    uint32_t count = dump->sublayer_count;
    _cleanup_(freep) const struct wfp_dump_sublayer **order =
        calloc(MAX(count, 1u), sizeof(*order));
    int last = -1, r = 0;

    if (!order)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        order[i] = &dump->sublayers[i];
    qsort(order, count, sizeof(*order), by_weight);
    for (uint32_t i = 0; i < count && r == 0; i++) {
        struct wfp_bfe_object *ours;
        char key[WFP_GUID_TEXT_SIZE];
        if (wfp_bfe_object_get(session, WFP_BFE_SUBLAYER, &order[i]->common.key, &ours) < 0)
            continue; /* the refusal was noted */
        if (ours->weight <= last)
            r = note(report, "sublayer", order[i]->common.line,
                     "sublayer {%s}: weight %u on Windows, %u here, after one of %d",
                     wfp_guid_format(&order[i]->common.key, key), order[i]->weight, ours->weight,
                     last);
        last = ours->weight;
        wfp_bfe_object_unref(ours);
    }
    return r;
}

static int
verify_in(struct wfp_bfe *bfe, const struct wfp_dump *dump, struct wfp_verify_report *report)
{
    _cleanup_(freep) struct ranked *rows = calloc(MAX(dump->filter_count, 1u), sizeof(*rows));
    struct refusals refusals = {.report = report};
    struct wfp_bfe_session *session;
    int r;

    if (!rows)
        return -WFP_ERR_NO_MEMORY;
    r = wfp_bfe_session_open(bfe, NULL, &session);
    if (r < 0)
        return r;
    r = wfp_import_run(session, dump, note_refusal, &refusals, &report->import);
    if (r == 0)
        r = refusals.error;
    for (uint32_t i = 0; i < dump->filter_count && r == 0; i++) {
        rows[i] = (struct ranked){.theirs = &dump->filters[i], .place = i};
        if (wfp_bfe_filter_get(session, &dump->filters[i].common.key, &rows[i].ours) < 0)
            rows[i].ours = NULL;
    }
    if (r == 0)
        r = verify_groups(dump, rows, report);
    if (r == 0)
        r = verify_sublayers(session, dump, report);
    for (uint32_t i = 0; i < dump->filter_count; i++)
        wfp_filter_unref(rows[i].ours);
    if (wfp_bfe_session_close(session) < 0)
        wfp_bfe_session_unref(session); /* BFE closes it with itself */
    return r;
}

static int
verify_order(const struct wfp_dump *dump, struct wfp_verify_report *report)
{
    _cleanup_(wfp_engine_freep) struct wfp_engine *engine = NULL;
    _cleanup_(wfp_bfe_freep) struct wfp_bfe *bfe = NULL;
    int r = wfp_engine_new(&engine);

    if (r == 0)
        r = wfp_bfe_new(engine, &bfe);
    return r < 0 ? r : verify_in(bfe, dump, report);
}

int
wfp_verify_dump(const struct wfp_dump *dump, struct wfp_verify_report **ret_report)
{
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report =
        calloc(1, sizeof(*report));
    _cleanup_(plans_fini) struct plans plans = {0};
    int r;

    if (!report)
        return -WFP_ERR_NO_MEMORY;
    report->form = dump->form;
    report->unknown_names = dump->unknown_names;
    report->partial_descriptors = dump->partial_descriptors;
    r = dump->form == WFP_DUMP_STATE ? verify_layers(dump, report) : 0;
    if (r == 0)
        r = dump->form == WFP_DUMP_STATE ? plans_of_dump(dump, &plans)
                                         : infer_plans(dump, &report->level, &plans);
    report->layer_level = MAX(report->layer_level, report->level);
    if (r == 0)
        r = verify_weights(dump, &plans, report);
    if (r == 0)
        r = verify_order(dump, report);
    if (r < 0)
        return r;
    *ret_report = TAKE_PTR(report);
    return 0;
}
