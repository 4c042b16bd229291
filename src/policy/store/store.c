/*
 * Opening the store, and writing what a transaction changed.
 */
#include "policy/store/store.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "policy/store/store_internal.h"

int
wfp_store_error(int sqlite_error)
{
    switch (sqlite_error & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_NOMEM:
        return -WFP_ERR_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -WFP_ERR_IN_USE;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return -WFP_ERR_INVALID_PARAMETER;
    default:
        return -WFP_ERR_IO;
    }
}

/* The columns of the two tables, in the order in which they are bound. */
enum object_column {
    OBJECT_KIND = 1,
    OBJECT_KEY,
    OBJECT_NAME,
    OBJECT_DESCRIPTION,
    OBJECT_FLAGS,
    OBJECT_PROVIDER,
    OBJECT_DATA,
    OBJECT_SD,
    OBJECT_SERVICE,
    OBJECT_WEIGHT,
    OBJECT_LAYER,
    OBJECT_TYPE,
    OBJECT_BODY,
};

static const char put_object_sql[] =
    "INSERT INTO object (kind, key, name, description, flags, provider, data, sd, service, weight,"
    " layer, type, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET sd = excluded.sd"; /* all else never changes */

enum filter_column {
    FILTER_KEY = 1,
    FILTER_NAME,
    FILTER_DESCRIPTION,
    FILTER_FLAGS,
    FILTER_PROVIDER,
    FILTER_DATA,
    FILTER_SD,
    FILTER_LAYER,
    FILTER_SUBLAYER,
    FILTER_WEIGHT_TYPE,
    FILTER_WEIGHT,
    FILTER_ACTION,
    FILTER_CALLOUT,
    FILTER_RAW_CONTEXT,
    FILTER_CONTEXT,
    FILTER_CONDITIONS,
};

static const char put_filter_sql[] =
    "INSERT INTO filter (key, name, description, flags, provider, data, sd, layer, sublayer,"
    " weight_type, weight, action, callout, raw_context, context, conditions)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET sd = excluded.sd";

static int
fail(struct wfp_store *store, const char *path, int r, char *error)
{
    if (!error[0])
        snprintf(error, WFP_STORE_ERROR_SIZE, "%s",
                 r == -WFP_ERR_IN_USE ? "another process has it open; end that one first"
                 : store->database    ? sqlite3_errmsg(store->database)
                                      : "out of memory");
    char text[WFP_STORE_ERROR_SIZE];
    snprintf(text, sizeof(text), "%s", error);
    snprintf(error, WFP_STORE_ERROR_SIZE, "%.120s: %.120s", path, text);
    return r;
}

static int
prepare(struct wfp_store *store)
{
    static const char remove_sql[] = "DELETE FROM object WHERE kind = ?1 AND key = ?2";
    int r = sqlite3_prepare_v2(store->database, put_object_sql, -1, &store->put_object, NULL);

    if (r == SQLITE_OK)
        r = sqlite3_prepare_v2(store->database, put_filter_sql, -1, &store->put_filter, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_prepare_v2(store->database, remove_sql, -1, &store->remove_object, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_prepare_v2(store->database, "DELETE FROM filter WHERE key = ?1", -1,
                               &store->remove_filter, NULL);
    return wfp_store_error(r);
}

int
wfp_store_open(const char *path, struct wfp_store **ret_store, char *error)
{
    _cleanup_(wfp_store_closep) struct wfp_store *store = calloc(1, sizeof(*store));
    int r;

    error[0] = '\0';
    if (!store)
        return -WFP_ERR_NO_MEMORY;
    r = wfp_store_error(
        sqlite3_open_v2(path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL));
    if (r == 0) /* the lock is taken with the first read or write, and kept */
        r = wfp_store_error(sqlite3_exec(store->database,
                                         "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT",
                                         NULL, NULL, NULL));
    if (r == -WFP_ERR_INVALID_PARAMETER)
        snprintf(error, WFP_STORE_ERROR_SIZE, "it is no policy store; name another file");
    if (r == 0)
        r = wfp_store_schema_prepare(store->database, error);
    if (r == 0)
        r = prepare(store);
    if (r < 0)
        return fail(store, path, r, error);
    *ret_store = TAKE_PTR(store);
    return 0;
}

void
wfp_store_close(struct wfp_store *store)
{
    if (!store)
        return;
    sqlite3_finalize(store->put_object);
    sqlite3_finalize(store->put_filter);
    sqlite3_finalize(store->remove_object);
    sqlite3_finalize(store->remove_filter);
    sqlite3_close(store->database);
    free(store);
}

/* ---- binding: what is not there is NULL ---- */

static void
bind_guid(sqlite3_stmt *statement, int column, const struct wfp_guid *guid)
{
    if (guid)
        (void)sqlite3_bind_blob(statement, column, guid, sizeof(*guid), SQLITE_TRANSIENT);
}

static void
bind_text(sqlite3_stmt *statement, int column, const uint16_t *text_utf16)
{
    if (text_utf16)
        (void)sqlite3_bind_text16(statement, column, text_utf16, -1, SQLITE_TRANSIENT);
}

static void
bind_bytes(sqlite3_stmt *statement, int column, const void *bytes, uint32_t size)
{
    if (size)
        (void)sqlite3_bind_blob64(statement, column, bytes, size, SQLITE_TRANSIENT);
}

static void
bind_sd(sqlite3_stmt *statement, int column, const struct wfp_bfe_sd *sd)
{
    if (sd)
        bind_bytes(statement, column, sd->bytes, sd->size);
}

/* ---- lists of values ---- */

struct list {
    uint8_t *bytes;
    size_t size;
};

/* @return 0, -WFP_ERR_NO_MEMORY, -WFP_ERR_NOT_SUPPORTED for a value that cannot be packed */
static int
list_add(struct list *list, const struct wfp_guid *key, uint32_t number,
         const struct wfp_condition *condition)
{
    size_t size = wfp_condition_pack_size(condition);
    uint8_t *larger;

    if (!size)
        return -WFP_ERR_NOT_SUPPORTED;
    larger = realloc(list->bytes, list->size + WFP_STORE_ITEM_HEAD + size);
    if (!larger)
        return -WFP_ERR_NO_MEMORY;
    list->bytes = larger;
    larger += list->size;
    memcpy(larger, key, sizeof(*key));
    memcpy(larger + sizeof(*key), &number, sizeof(number));
    wfp_condition_pack(condition, 0, larger + WFP_STORE_ITEM_HEAD);
    list->size += WFP_STORE_ITEM_HEAD + size;
    return 0;
}

static int
list_conditions(struct list *list, const struct wfp_filter *filter)
{
    struct wfp_filter_walk walk = wfp_filter_walk(filter);
    const struct wfp_condition *condition;
    int r = 0;

    while (r == 0 && (condition = wfp_filter_next(&walk)))
        r = list_add(list, &condition->field_key, condition->match, condition);
    return r;
}

static int
list_settings(struct list *list, const struct wfp_bfe_object *context)
{
    static const struct wfp_guid none;
    int r = 0;

    for (uint32_t i = 0; i < context->setting_count && r == 0; i++) {
        struct wfp_condition condition = {.value = context->settings[i].value};
        r = list_add(list, &none, context->settings[i].type, &condition);
    }
    return r;
}

/* ---- a transaction ---- */

static int
run(struct wfp_store *store, const char *sql)
{
    return wfp_store_error(sqlite3_exec(store->database, sql, NULL, NULL, NULL));
}

static int
begin(void *context)
{
    return run(context, "BEGIN IMMEDIATE");
}

static int
commit(void *context)
{
    return run(context, "COMMIT");
}

static void
rollback(void *context)
{
    (void)run(context, "ROLLBACK");
}

static int
step(sqlite3_stmt *statement)
{
    int r = sqlite3_step(statement);

    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return r == SQLITE_DONE ? 0 : wfp_store_error(r);
}

static int
put_context(sqlite3_stmt *statement, const struct wfp_bfe_object *context)
{
    struct list list = {0};
    int r = 0;

    (void)sqlite3_bind_int64(statement, OBJECT_TYPE, context->context_type);
    switch (context->context_type) {
    case WFP_CONTEXT_GENERAL:
        bind_bytes(statement, OBJECT_BODY, context->context_data.data, context->context_data.size);
        return 0;
    case WFP_CONTEXT_CLASSIFY_OPTIONS:
    case WFP_CONTEXT_NETWORK_CONNECTION_POLICY:
        r = list_settings(&list, context);
        if (r == 0)
            bind_bytes(statement, OBJECT_BODY, list.bytes, (uint32_t)list.size);
        free(list.bytes);
        return r;
    default:
        return -WFP_ERR_NOT_SUPPORTED;
    }
}

static int
put_object(struct wfp_store *store, const struct wfp_bfe_stored *stored)
{
    const struct wfp_bfe_object *object = stored->object;
    sqlite3_stmt *statement = store->put_object;
    int r = 0;

    (void)sqlite3_clear_bindings(statement);
    (void)sqlite3_bind_int64(statement, OBJECT_KIND, stored->kind);
    bind_guid(statement, OBJECT_KEY, &object->key);
    bind_text(statement, OBJECT_NAME, object->name_utf16);
    bind_text(statement, OBJECT_DESCRIPTION, object->description_utf16);
    (void)sqlite3_bind_int64(statement, OBJECT_FLAGS, object->flags);
    bind_guid(statement, OBJECT_PROVIDER, object->has_provider ? &object->provider_key : NULL);
    bind_bytes(statement, OBJECT_DATA, object->provider_data.data, object->provider_data.size);
    bind_sd(statement, OBJECT_SD, stored->sd);
    bind_text(statement, OBJECT_SERVICE, object->service_name_utf16);
    if (stored->kind == WFP_BFE_SUBLAYER)
        (void)sqlite3_bind_int64(statement, OBJECT_WEIGHT, object->weight);
    if (stored->kind == WFP_BFE_CALLOUT)
        bind_guid(statement, OBJECT_LAYER, &object->layer_key);
    if (stored->kind == WFP_BFE_CONTEXT)
        r = put_context(statement, object);
    return r < 0 ? r : step(statement);
}

static int
put_filter(struct wfp_store *store, const struct wfp_bfe_stored *stored)
{
    const struct wfp_filter *filter = stored->filter;
    const struct wfp_filter_extra *extra = filter->extra;
    sqlite3_stmt *statement = store->put_filter;
    struct list list = {0};
    int r = list_conditions(&list, filter);

    (void)sqlite3_clear_bindings(statement);
    bind_guid(statement, FILTER_KEY, &filter->key);
    bind_text(statement, FILTER_NAME, filter->name_utf16);
    bind_text(statement, FILTER_DESCRIPTION, extra->description_utf16);
    (void)sqlite3_bind_int64(statement, FILTER_FLAGS,
                             filter->flags & ~(uint32_t)WFP_FILTER_FLAG_DISABLED);
    bind_guid(statement, FILTER_PROVIDER, extra->provider_key);
    if (extra->provider_data)
        bind_bytes(statement, FILTER_DATA, extra->provider_data->data, extra->provider_data->size);
    bind_sd(statement, FILTER_SD, stored->sd);
    bind_guid(statement, FILTER_LAYER, &wfp_layer_find_id(filter->layer_id)->key);
    bind_guid(statement, FILTER_SUBLAYER, &filter->sublayer_key);
    (void)sqlite3_bind_int64(statement, FILTER_WEIGHT_TYPE, filter->weight_type);
    (void)sqlite3_bind_int64(statement, FILTER_WEIGHT, (int64_t)filter->weight);
    (void)sqlite3_bind_int64(statement, FILTER_ACTION, filter->action);
    bind_guid(statement, FILTER_CALLOUT, extra->callout_key);
    (void)sqlite3_bind_int64(statement, FILTER_RAW_CONTEXT,
                             extra->provider_context_key ? 0 : (int64_t)extra->raw_context);
    bind_guid(statement, FILTER_CONTEXT, extra->provider_context_key);
    bind_bytes(statement, FILTER_CONDITIONS, list.bytes, (uint32_t)list.size);
    free(list.bytes);
    return r < 0 ? r : step(statement);
}

static int
put(void *context, const struct wfp_bfe_stored *stored)
{
    return stored->filter ? put_filter(context, stored) : put_object(context, stored);
}

static int
remove_one(void *context, enum wfp_bfe_kind kind, const struct wfp_guid *key)
{
    struct wfp_store *store = context;
    sqlite3_stmt *statement = kind == WFP_BFE_FILTER ? store->remove_filter : store->remove_object;

    if (kind != WFP_BFE_FILTER)
        (void)sqlite3_bind_int64(statement, 1, kind);
    bind_guid(statement, kind == WFP_BFE_FILTER ? 1 : 2, key);
    return step(statement);
}

int
wfp_store_boot(struct wfp_store *store, struct wfp_bfe *bfe, wfp_store_is_auto_start *is_auto_start,
               void *context, struct wfp_store_counts *ret_counts)
{
    static const struct wfp_bfe_store_ops ops = {
        .begin = begin,
        .put = put,
        .remove = remove_one,
        .commit = commit,
        .rollback = rollback,
    };
    int r = wfp_store_load(store, bfe, is_auto_start, context, ret_counts);

    return r < 0 ? r : wfp_bfe_start(bfe, &ops, store);
}
