/*
 * Weights: those of a dump against those our rule gives under the field lists of the dump's build.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/model/weight.h"
#include "policy/dump/verify_internal.h"

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
        const struct wfp_layer *ours = wfp_layer_find_key(&layer->key); /* a dump may say a GUID */

        rows[i].key = layer->key;
        rows[i].error = wfp_weight_plan(ours ? ours->name : layer->key_name, layer->fields,
                                        layer->field_count, &rows[i].plan);
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
        equal += !dump->filters[i].has_effective_weight ||
                 (r == 0 && weight == dump->filters[i].effective_weight);
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
compare_all(const struct wfp_dump *dump, const struct plans *plans,
            struct wfp_verify_report *report)
{
    report->filters = dump->filter_count;
    for (uint32_t i = 0; i < dump->filter_count; i++) {
        const struct wfp_dump_filter *filter = &dump->filters[i];
        char key[WFP_GUID_TEXT_SIZE];
        uint64_t weight = 0;
        bool inferred;
        int r = weigh(plans, filter, &inferred, &weight);

        if (!filter->has_effective_weight) { /* nothing to hold ours against; it was noted */
            report->filters--;
            continue;
        }
        report->weights_inferred += inferred;
        if (r == 0 && weight == filter->effective_weight) {
            report->weights_equal++;
            continue;
        }
        wfp_guid_format(&filter->common.key, key);
        if (r == 0)
            r = wfp_verify_note(report, "weight", filter->common.line,
                                "filter {%s} at %s: Windows 0x%016" PRIx64 ", here 0x%016" PRIx64
                                "%s",
                                key, filter->layer_name, filter->effective_weight, weight,
                                inferred ? " (order of fields inferred)" : "");
        else
            r = wfp_verify_note(report, "weight", filter->common.line, "filter {%s} at %s: %s", key,
                                filter->layer_name, wfp_status_text(r));
        if (r < 0)
            return r;
    }
    return 0;
}

int
wfp_verify_weights(const struct wfp_dump *dump, struct wfp_verify_report *report)
{
    _cleanup_(plans_fini) struct plans plans = {0};
    int r = dump->form == WFP_DUMP_STATE ? plans_of_dump(dump, &plans)
                                         : infer_plans(dump, &report->level, &plans);

    if (dump->form == WFP_DUMP_FILTERS)
        report->layer_level = report->level;
    return r < 0 ? r : compare_all(dump, &plans, report);
}
