/*
 * Objects: what the import made in our BFE against what the file says, member by member.
 *
 * Model      What is built in here has our names and may have another flag; of the rest everything
 *            is compared. Run-time ids are BFE's own and not compared, nor are sublayer weights of
 *            what is built in, which differ between builds.
 */
#include <string.h>

#include "base/utf16.h"
#include "policy/dump/verify_internal.h"

static bool
same_text(const uint16_t *ours, const uint16_t *theirs)
{
    static const uint16_t unnamed[] = {'-', 0};
    size_t length;

    if (!theirs || !*theirs)
        return !ours || !*ours || memcmp(ours, unnamed, sizeof(unnamed)) == 0;
    length = wfp_utf16_length(theirs);
    return ours && wfp_utf16_length(ours) == length && !memcmp(ours, theirs, 2 * length);
}

static bool
same_blob(const struct wfp_blob *ours, const struct wfp_blob *theirs)
{
    return ours->size == theirs->size &&
           (!ours->size || !memcmp(ours->data, theirs->data, ours->size));
}

/* The first member that differs, or NULL. */
static const char *
compare_common(const struct wfp_bfe_object *ours, const struct wfp_dump_common *theirs)
{
    if (!same_text(ours->name_utf16, theirs->name_utf16))
        return "name";
    if (!same_text(ours->description_utf16, theirs->description_utf16))
        return "description";
    if (ours->has_provider != theirs->has_provider ||
        (ours->has_provider && !wfp_guid_equal(&ours->provider_key, &theirs->provider_key)))
        return "provider";
    return same_blob(&ours->provider_data, &theirs->provider_data) ? NULL : "provider data";
}

static const char *
compare_conditions(const struct wfp_filter *ours, const struct wfp_dump_filter *theirs)
{
    struct wfp_filter_walk walk = wfp_filter_walk(ours);

    if (ours->condition_count != theirs->condition_count)
        return "number of conditions";
    for (uint32_t i = 0; i < ours->condition_count; i++) {
        const struct wfp_condition *a = wfp_filter_next(&walk), *b = &theirs->conditions[i];
        if (!wfp_guid_equal(&a->field_key, &b->field_key) || a->match != b->match ||
            !wfp_value_equal(&a->value, &b->value))
            return "condition";
    }
    return NULL;
}

static const char *
compare_filter(const struct wfp_filter *ours, const struct wfp_dump_filter *theirs)
{
    static const struct wfp_blob nothing;
    const struct wfp_blob *data =
        ours->extra->provider_data ? ours->extra->provider_data : &nothing;
    const struct wfp_layer *layer = wfp_layer_find_id(ours->layer_id);

    if (!same_text(ours->name_utf16, theirs->common.name_utf16) ||
        !same_text(ours->extra->description_utf16, theirs->common.description_utf16))
        return "name or description";
    if (!same_blob(data, &theirs->common.provider_data))
        return "provider data";
    if (!ours->extra->provider_key == theirs->common.has_provider ||
        (ours->extra->provider_key &&
         !wfp_guid_equal(ours->extra->provider_key, &theirs->common.provider_key)))
        return "provider";
    if (!layer || !wfp_guid_equal(&layer->key, &theirs->layer_key))
        return "layer";
    if (!wfp_guid_is_zero(&theirs->sublayer_key) &&
        !wfp_guid_equal(&ours->sublayer_key, &theirs->sublayer_key))
        return "sublayer";
    if (ours->action != theirs->action)
        return "action";
    if ((ours->flags ^ theirs->common.flags) &
        ~(uint32_t)(WFP_FILTER_FLAG_DISABLED | WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT))
        return "flags";
    if (!theirs->has_provider_context && ours->extra->raw_context != theirs->raw_context)
        return "raw context";
    return compare_conditions(ours, theirs);
}

struct comparison {
    struct wfp_bfe_session *session;
    struct wfp_verify_report *report;
};

/* Counts an object of the file, and notes how it differs. */
static int
book(struct comparison *comparison, const char *kind, const struct wfp_dump_common *theirs,
     const char *difference)
{
    char key[WFP_GUID_TEXT_SIZE];

    comparison->report->objects++;
    if (!difference) {
        comparison->report->objects_equal++;
        return 0;
    }
    return wfp_verify_note(comparison->report, "object", theirs->line, "%s {%s}: another %s", kind,
                           wfp_guid_format(&theirs->key, key), difference);
}

static int
compare_object(struct comparison *comparison, enum wfp_bfe_kind kind, const char *kind_name,
               const struct wfp_dump_common *theirs, const uint16_t *weight)
{
    struct wfp_bfe_object *ours;
    const char *difference = NULL;
    bool is_builtin;

    if (wfp_bfe_object_get(comparison->session, kind, &theirs->key, &ours) < 0)
        return 0; /* refused or left aside, which was told */
    is_builtin = wfp_bfe_object_is_builtin(comparison->session, kind, &theirs->key);
    if (!is_builtin)
        difference = compare_common(ours, theirs);
    if (!difference && !is_builtin && weight && ours->weight != *weight)
        difference = "weight";
    /* A provider's tell whether its service starts, too, and a callout's whether its driver runs. */
    if (!difference && !is_builtin && kind != WFP_BFE_CALLOUT &&
        (ours->flags ^ theirs->flags) & ~WFP_PROVIDER_FLAG_DISABLED)
        difference = "flags";
    wfp_bfe_object_unref(ours);
    return book(comparison, kind_name, theirs, difference);
}

int
wfp_verify_objects(struct wfp_bfe_session *session, const struct wfp_dump *dump,
                   struct wfp_verify_report *report)
{
    struct comparison comparison = {session, report};
    int r = 0;

    for (uint32_t i = 0; i < dump->provider_count && r == 0; i++)
        r = compare_object(&comparison, WFP_BFE_PROVIDER, "provider", &dump->providers[i].common,
                           NULL);
    for (uint32_t i = 0; i < dump->context_count && r == 0; i++)
        r = compare_object(&comparison, WFP_BFE_CONTEXT, "provider context",
                           &dump->contexts[i].common, NULL);
    for (uint32_t i = 0; i < dump->sublayer_count && r == 0; i++)
        r = compare_object(&comparison, WFP_BFE_SUBLAYER, "sublayer", &dump->sublayers[i].common,
                           &dump->sublayers[i].weight);
    for (uint32_t i = 0; i < dump->callout_count && r == 0; i++)
        r = compare_object(&comparison, WFP_BFE_CALLOUT, "callout", &dump->callouts[i].common,
                           NULL);
    for (uint32_t i = 0; i < dump->filter_count && r == 0; i++) {
        struct wfp_filter *ours;

        if (wfp_bfe_filter_get(session, &dump->filters[i].common.key, &ours) < 0)
            continue;
        r = book(&comparison, "filter", &dump->filters[i].common,
                 compare_filter(ours, &dump->filters[i]));
        wfp_filter_unref(ours);
    }
    return r;
}
