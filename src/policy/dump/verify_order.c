/*
 * Order: a dump rebuilt in our BFE, and its filters and sublayers ranked as our engine ranks them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine.h"
#include "core/engine/snapshot.h"
#include "policy/dump/verify_internal.h"

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
        if (!group[i].ours && wfp_import_is_aside(group[i].theirs))
            continue;
        if (!group[i].ours)
            return 0; /* out of order by absence; the refusal was noted */
        if (last && !wfp_snapshot_outranks(last->ours, group[i].ours)) {
            wfp_guid_format(&last->theirs->common.key, key);
            wfp_guid_format(&group[i].theirs->common.key, next);
            return wfp_verify_note(report, "order", group[i].theirs->common.line,
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
    r = wfp_verify_note(refusals->report, "import", line, "%s {%s} refused: %s (%s)", kind, text,
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
            r = wfp_verify_note(report, "sublayer", order[i]->common.line,
                                "sublayer {%s}: weight %u on Windows, %u here, after one of %d",
                                wfp_guid_format(&order[i]->common.key, key), order[i]->weight,
                                ours->weight, last);
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
        return r; /* cppcheck-suppress memleak ; rows has a destructor */
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
    if (r == 0)
        r = wfp_verify_objects(session, dump, report);
    for (uint32_t i = 0; i < dump->filter_count; i++)
        wfp_filter_unref(rows[i].ours);
    if (wfp_bfe_session_close(session) < 0)
        wfp_bfe_session_unref(session); /* BFE closes it with itself */
    return r;
}

int
wfp_verify_order(const struct wfp_dump *dump, struct wfp_verify_report *report)
{
    _cleanup_(wfp_engine_freep) struct wfp_engine *engine = NULL;
    _cleanup_(wfp_bfe_freep) struct wfp_bfe *bfe = NULL;
    int r = wfp_engine_new(&engine);

    if (r == 0)
        r = wfp_bfe_new(engine, &bfe);
    return r < 0 ? r : verify_in(bfe, dump, report);
}
