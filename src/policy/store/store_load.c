/*
 * Loading: the rows of the store through the same adds a program would make, into a held BFE.
 *
 * Model      By kind, so that what is referred to comes first, and in the order of adding, so that ties
 *            of weight keep theirs. A row that BFE refuses is counted and stays in the file.
 */
#include <string.h>

#include "base/status.h"
#include "core/model/condition_pack.h"
#include "policy/bfe/bfe_query.h"
#include "policy/store/store_internal.h"

struct load {
    struct wfp_bfe_session *session;
    wfp_store_is_auto_start *is_auto_start;
    void *context;
    struct wfp_store_counts counts;
};

/* ---- columns ---- */

static struct wfp_blob
blob_at(sqlite3_stmt *row, int column)
{
    return (struct wfp_blob){(uint32_t)sqlite3_column_bytes(row, column),
                             (uint8_t *)(uintptr_t)sqlite3_column_blob(row, column)};
}

/* @return does the column hold a GUID? */
static bool
guid_at(sqlite3_stmt *row, int column, struct wfp_guid *ret_guid)
{
    *ret_guid = (struct wfp_guid){0};
    if (sqlite3_column_bytes(row, column) != sizeof(*ret_guid))
        return false;
    memcpy(ret_guid, sqlite3_column_blob(row, column), sizeof(*ret_guid));
    return true;
}

/* SQLite converts text when another column asks for another encoding: copies are safe. */
static uint16_t *
text_at(sqlite3_stmt *row, int column)
{
    const void *text = sqlite3_column_text16(row, column);
    int size = text ? sqlite3_column_bytes16(row, column) : 0;
    uint16_t *copy = text ? calloc(1, (size_t)size + 2) : NULL;

    return copy ? memcpy(copy, text, (size_t)size) : NULL;
}

/* What rows of both tables begin with. */
struct common {
    struct wfp_object_spec spec;
    struct wfp_guid provider;
    struct wfp_blob sd;
    uint16_t *name_utf16, *description_utf16;
};

static void
common_fini(struct common *common)
{
    free(common->name_utf16);
    free(common->description_utf16);
}

#define COMMON_COLUMNS "key, name, description, flags, provider, data, sd"
enum { KEY, NAME, DESCRIPTION, FLAGS, PROVIDER, DATA, SD, COMMON_COUNT };

static void
common_of(sqlite3_stmt *row, struct common *common)
{
    memset(common, 0, sizeof(*common));
    (void)guid_at(row, KEY, &common->spec.key);
    common->spec.name_utf16 = common->name_utf16 = text_at(row, NAME);
    common->spec.description_utf16 = common->description_utf16 = text_at(row, DESCRIPTION);
    common->spec.flags = (uint32_t)sqlite3_column_int64(row, FLAGS);
    if (guid_at(row, PROVIDER, &common->provider))
        common->spec.provider_key = &common->provider;
    common->spec.provider_data = blob_at(row, DATA);
    common->sd = blob_at(row, SD);
}

static const struct wfp_blob *
sd_of(const struct common *common)
{
    return common->sd.size ? &common->sd : NULL;
}

/* ---- lists of values ---- */

/* The longest that a value cut short may seem: a SID. Text ends at the first zero. */
#define SLACK 2048u

/* Is there a whole value in @p size bytes, before SLACK zeros? What a file says is not believed. */
static bool
is_whole(const uint8_t *packed, size_t size, const struct wfp_layer *layer)
{
    struct wfp_condition_view view;
    const uint8_t *end;
    size_t length;

    if (size < 4 || packed[0] != 0)
        return false;
    end = wfp_condition_unpack(layer, packed, &view);
    length = wfp_condition_pack_size(&view.condition);
    return length && length <= size && end == packed + length;
}

struct values {
    uint32_t count;
    struct wfp_condition *conditions;
    struct wfp_condition_view *views;
    uint8_t *bytes; /* a copy, aligned */
};

static void
values_fini(struct values *values)
{
    free(values->conditions);
    free(values->views);
    free(values->bytes);
}

/*
 * @param layer  any that has fields: keys are stored beside the values
 * @return 0, -WFP_ERR_NO_MEMORY, -WFP_ERR_INVALID_PARAMETER for bytes that hold no such list
 */
static int
values_of(const struct wfp_blob *blob, const struct wfp_layer *layer, struct values *values)
{
    uint32_t most = blob->size / (WFP_STORE_ITEM_HEAD + 4) + 1;

    values->conditions = calloc(most, sizeof(*values->conditions));
    values->views = calloc(most, sizeof(*values->views));
    values->bytes = calloc(1, (size_t)blob->size + SLACK);
    if (!values->conditions || !values->views || !values->bytes)
        return -WFP_ERR_NO_MEMORY;
    if (blob->size)
        memcpy(values->bytes, blob->data, blob->size);
    for (uint32_t at = 0; at < blob->size;) {
        const uint8_t *item = values->bytes + at, *value = item + WFP_STORE_ITEM_HEAD;
        struct wfp_condition *condition = &values->conditions[values->count];

        if (blob->size - at < WFP_STORE_ITEM_HEAD + 4 ||
            !is_whole(value, blob->size - at - WFP_STORE_ITEM_HEAD, layer))
            return -WFP_ERR_INVALID_PARAMETER;
        at = (uint32_t)(wfp_condition_unpack(layer, value, &values->views[values->count]) -
                        values->bytes);
        *condition = values->views[values->count++].condition;
        memcpy(&condition->field_key, item, sizeof(condition->field_key));
        memcpy(&condition->match, item + sizeof(condition->field_key), sizeof(condition->match));
    }
    return 0;
}

/* ---- objects ---- */

/* Does the provider name a service that does not start by itself? */
static bool
is_disabled(const struct load *load, const uint16_t *service_utf16)
{
    return service_utf16 && load->is_auto_start &&
           !load->is_auto_start(load->context, service_utf16);
}

static int
load_context(struct load *load, sqlite3_stmt *row, const struct common *common)
{
    struct wfp_context_spec spec = {
        .common = common->spec,
        .type = (uint32_t)sqlite3_column_int(row, COMMON_COUNT + 3),
    };
    struct wfp_blob body = blob_at(row, COMMON_COUNT + 4);
    _cleanup_(values_fini) struct values values = {0};
    _cleanup_(freep) struct wfp_context_setting *settings = NULL;
    int r;

    if (spec.type == WFP_CONTEXT_GENERAL) {
        spec.data = &body;
        return wfp_bfe_context_add(load->session, &spec, sd_of(common), NULL);
    }
    r = values_of(&body, wfp_layer_find_id(0), &values);
    if (r < 0)
        return r;
    settings = calloc(MAX(values.count, 1u), sizeof(*settings));
    if (!settings)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < values.count; i++)
        settings[i] =
            (struct wfp_context_setting){values.conditions[i].match, values.conditions[i].value};
    spec.setting_count = values.count;
    spec.settings = settings;
    return wfp_bfe_context_add(load->session, &spec, sd_of(common), NULL);
}

static int
load_provider(struct load *load, sqlite3_stmt *row, const struct common *common)
{
    _cleanup_(freep) uint16_t *service = text_at(row, COMMON_COUNT);
    struct wfp_provider_spec spec = {.common = common->spec, .service_name_utf16 = service};

    spec.common.flags &= ~WFP_PROVIDER_FLAG_DISABLED;
    if (is_disabled(load, service))
        spec.common.flags |= WFP_PROVIDER_FLAG_DISABLED;
    return wfp_bfe_provider_add(load->session, &spec, sd_of(common));
}

static int
load_object(struct load *load, sqlite3_stmt *row)
{
    _cleanup_(common_fini) struct common common;
    struct wfp_guid layer;

    common_of(row, &common);
    switch (sqlite3_column_int(row, COMMON_COUNT + 5)) {
    case WFP_BFE_PROVIDER:
        return load_provider(load, row, &common);
    case WFP_BFE_CONTEXT:
        return load_context(load, row, &common);
    case WFP_BFE_SUBLAYER:
        return wfp_bfe_sublayer_add(
            load->session,
            &(struct wfp_sublayer_spec){common.spec,
                                        (uint16_t)sqlite3_column_int(row, COMMON_COUNT + 1)},
            sd_of(&common));
    case WFP_BFE_CALLOUT:
        (void)guid_at(row, COMMON_COUNT + 2, &layer);
        return wfp_bfe_callout_add(load->session, &(struct wfp_callout_spec){common.spec, layer},
                                   sd_of(&common), NULL);
    default:
        return -WFP_ERR_INVALID_PARAMETER;
    }
}

/* The provider of a filter may be one whose service does not start: then the filter is disabled. */
static bool
provider_is_disabled(const struct load *load, const struct common *common)
{
    struct wfp_bfe_object *provider;
    bool disabled;

    if (!common->spec.provider_key || wfp_bfe_object_get(load->session, WFP_BFE_PROVIDER,
                                                         common->spec.provider_key, &provider) < 0)
        return false;
    disabled = provider->flags & WFP_PROVIDER_FLAG_DISABLED;
    wfp_bfe_object_unref(provider);
    return disabled;
}

static int
load_filter(struct load *load, sqlite3_stmt *row)
{
    _cleanup_(common_fini) struct common common;
    _cleanup_(values_fini) struct values values = {0};
    struct wfp_blob conditions = blob_at(row, COMMON_COUNT + 8);
    struct wfp_filter_spec spec = {0};
    uint64_t weight = (uint64_t)sqlite3_column_int64(row, COMMON_COUNT + 3);
    int r;

    common_of(row, &common);
    spec.common = common.spec;
    (void)guid_at(row, COMMON_COUNT, &spec.layer_key);
    (void)guid_at(row, COMMON_COUNT + 1, &spec.sublayer_key);
    spec.weight.type = (uint32_t)sqlite3_column_int(row, COMMON_COUNT + 2);
    if (spec.weight.type == WFP_UINT8)
        spec.weight.uint8 = (uint8_t)(weight >> 60);
    else if (spec.weight.type == WFP_UINT64)
        spec.weight.uint64 = &weight;
    spec.action = (uint32_t)sqlite3_column_int64(row, COMMON_COUNT + 4);
    (void)guid_at(row, COMMON_COUNT + 5, &spec.callout_key);
    spec.raw_context = (uint64_t)sqlite3_column_int64(row, COMMON_COUNT + 6);
    (void)guid_at(row, COMMON_COUNT + 7, &spec.provider_context_key);
    r = values_of(&conditions, wfp_layer_find_id(0), &values);
    if (r < 0)
        return r;
    spec.condition_count = values.count;
    spec.conditions = values.conditions;
    if (provider_is_disabled(load, &common))
        spec.common.flags |= WFP_FILTER_FLAG_DISABLED;
    r = wfp_bfe_filter_add(load->session, &spec, sd_of(&common), NULL);
    load->counts.boot_time += r == 0 && spec.common.flags & WFP_FILTER_FLAG_BOOTTIME;
    load->counts.disabled += r == 0 && spec.common.flags & WFP_FILTER_FLAG_DISABLED;
    return r;
}

static int
load_rows(struct load *load, sqlite3 *database, const char *sql,
          int (*load_row)(struct load *, sqlite3_stmt *), uint32_t *count)
{
    sqlite3_stmt *rows = NULL;
    int step, r = wfp_store_error(sqlite3_prepare_v2(database, sql, -1, &rows, NULL));

    while (r == 0 && (step = sqlite3_step(rows)) != SQLITE_DONE) {
        if (step != SQLITE_ROW) {
            r = wfp_store_error(step);
            break;
        }
        r = load_row(load, rows);
        *count += r == 0;
        if (r < 0 && r != -WFP_ERR_NO_MEMORY) {
            load->counts.refused++;
            r = 0;
        }
    }
    sqlite3_finalize(rows);
    return r;
}

int
wfp_store_load(struct wfp_store *store, struct wfp_bfe *bfe, wfp_store_is_auto_start *is_auto_start,
               void *context, struct wfp_store_counts *ret_counts)
{
    struct load load = {.is_auto_start = is_auto_start, .context = context};
    int r;

    wfp_bfe_hold(bfe);
    r = wfp_bfe_session_open(bfe, NULL, &load.session);
    if (r < 0)
        return r;
    r = wfp_bfe_txn_begin(load.session, 0);
    if (r == 0)
        r = load_rows(&load, store->database,
                      "SELECT " COMMON_COLUMNS ", service, weight, layer, type, body, kind"
                      " FROM object ORDER BY kind, seq",
                      load_object, &load.counts.objects);
    if (r == 0)
        r = load_rows(&load, store->database,
                      "SELECT " COMMON_COLUMNS ", layer, sublayer, weight_type, weight, action,"
                      " callout, raw_context, context, conditions FROM filter ORDER BY seq",
                      load_filter, &load.counts.filters);
    if (r == 0)
        r = wfp_bfe_txn_commit(load.session);
    if (wfp_bfe_session_close(load.session) < 0)
        wfp_bfe_session_unref(load.session);
    if (r == 0 && ret_counts)
        *ret_counts = load.counts;
    return r;
}
