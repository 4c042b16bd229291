/*
 * What every object has: strings, provider, key, lifetime, and the references between objects.
 *
 * Model      An object refers to others by key; BFE counts the references in the entries, so that
 *            what is referred to cannot be deleted, and compares lifetimes when the link is made.
 * Ref        win32 FWP/object-management, "Object Lifetimes", "Object Associations"
 */
#include "policy/bfe/bfe_internal.h"

#include "base/utf16.h"

struct wfp_bfe_object *
wfp_bfe_object_ref(struct wfp_bfe_object *object)
{
    atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
    return object;
}

void
wfp_bfe_object_unref(struct wfp_bfe_object *object)
{
    if (!object || atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < object->setting_count; i++)
        wfp_value_fini(&object->settings[i].value);
    free(object->settings);
    free(object->context_data.data);
    if (object->context_payload)
        object->payload_free(object->context_payload);
    free(object);
}

/* Tab and line breaks appear in descriptions; other control characters are unprintable. */
static bool
is_control(uint16_t unit)
{
    return (unit < 0x20 && unit != '\t' && unit != '\r' && unit != '\n') || unit == 0x7F;
}

int
wfp_bfe_check_string(const uint16_t *text_utf16)
{
    for (; *text_utf16; text_utf16++) {
        if (is_control(*text_utf16))
            return -WFP_ERR_INVALID_PARAMETER;
        if (*text_utf16 < 0xD800 || *text_utf16 > 0xDFFF)
            continue;
        if (*text_utf16 >= 0xDC00 || text_utf16[1] < 0xDC00 || text_utf16[1] > 0xDFFF)
            return -WFP_ERR_INVALID_PARAMETER;
        text_utf16++;
    }
    return 0;
}

static size_t
string_size(const uint16_t *text_utf16)
{
    return text_utf16 ? 2 * (wfp_utf16_length(text_utf16) + 1) : 0;
}

uint16_t *
wfp_bfe_copy_string(const uint16_t *text_utf16)
{
    size_t size = string_size(text_utf16);
    uint16_t *copy = malloc(size);

    return copy ? memcpy(copy, text_utf16, size) : NULL;
}

int
wfp_bfe_object_check(const struct wfp_object_spec *spec, uint32_t known_flags)
{
    int r;

    if (!spec->name_utf16)
        return -WFP_ERR_NULL_DISPLAY_NAME;
    r = wfp_bfe_check_string(spec->name_utf16);
    if (r == 0 && spec->description_utf16)
        r = wfp_bfe_check_string(spec->description_utf16);
    if (r < 0)
        return r;
    if (spec->flags & ~known_flags)
        return -WFP_ERR_INVALID_FLAGS;
    if (spec->provider_data.size && !spec->provider_data.data)
        return -WFP_ERR_NULL_POINTER;
    return 0;
}

static void *
carve(uint8_t **place, const void *from, size_t size)
{
    void *copy = *place;

    if (!size)
        return NULL;
    memcpy(copy, from, size);
    *place += ALIGN_UP(size, 2);
    return copy;
}

int
wfp_bfe_object_new(enum wfp_bfe_kind kind, const struct wfp_object_spec *spec,
                   const uint16_t *service_name_utf16, struct wfp_bfe_object **ret_object)
{
    size_t name_size = string_size(spec->name_utf16);
    size_t description_size = string_size(spec->description_utf16);
    size_t service_size = string_size(service_name_utf16);
    struct wfp_bfe_object *object =
        calloc(1, sizeof(*object) + name_size + description_size + service_size +
                      ALIGN_UP((size_t)spec->provider_data.size, 2));
    uint8_t *place;

    if (!object)
        return -WFP_ERR_NO_MEMORY;
    place = (uint8_t *)(object + 1);
    atomic_init(&object->references, 1);
    object->kind = kind;
    object->key = spec->key;
    if (wfp_guid_is_zero(&object->key))
        wfp_guid_generate(&object->key);
    object->flags = spec->flags;
    object->name_utf16 = carve(&place, spec->name_utf16, name_size);
    object->description_utf16 = carve(&place, spec->description_utf16, description_size);
    object->service_name_utf16 = carve(&place, service_name_utf16, service_size);
    object->provider_data.size = spec->provider_data.size;
    object->provider_data.data = carve(&place, spec->provider_data.data, spec->provider_data.size);
    if (spec->provider_key) {
        object->has_provider = true;
        object->provider_key = *spec->provider_key;
    }
    *ret_object = object;
    return 0;
}

void
wfp_bfe_links_find(struct wfp_bfe *bfe, const struct wfp_bfe_entry *entry,
                   struct wfp_bfe_links *ret_links)
{
    const struct wfp_guid *provider = wfp_bfe_entry_provider(entry);
    const struct wfp_filter *filter = entry->filter;

    memset(ret_links, 0, sizeof(*ret_links));
    if (provider)
        ret_links->provider = wfp_bfe_table_find_key(&bfe->tables[WFP_BFE_PROVIDER], provider);
    if (entry->kind != WFP_BFE_FILTER)
        return;
    ret_links->sublayer =
        wfp_bfe_table_find_key(&bfe->tables[WFP_BFE_SUBLAYER], &filter->sublayer_key);
    if (filter->action & WFP_ACTION_FLAG_CALLOUT)
        ret_links->callout =
            wfp_bfe_table_find_key(&bfe->tables[WFP_BFE_CALLOUT], filter->extra->callout_key);
    if (filter->flags & WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT)
        ret_links->context = wfp_bfe_table_find_key(&bfe->tables[WFP_BFE_CONTEXT],
                                                    filter->extra->provider_context_key);
}

static void
count_link(struct wfp_bfe_entry *entry, int32_t delta)
{
    if (entry)
        entry->references += (uint32_t)delta;
}

void
wfp_bfe_links_count(const struct wfp_bfe_links *links, int32_t delta)
{
    count_link(links->provider, delta);
    count_link(links->sublayer, delta);
    count_link(links->callout, delta);
    count_link(links->context, delta);
}

/* Is what persistent @p entry points to owned by someone else? */
static bool
is_foreign(const struct wfp_bfe_entry *entry, const struct wfp_bfe_entry *link)
{
    const struct wfp_guid *owner = wfp_bfe_entry_provider(link);
    const struct wfp_guid *provider = wfp_bfe_entry_provider(entry);

    return owner && (!provider || !wfp_guid_equal(owner, provider));
}

static bool
may_link(const struct wfp_bfe_entry *entry, const struct wfp_bfe_entry *link)
{
    if (!link || link->lifetime == WFP_BFE_BUILTIN)
        return true;
    switch (entry->lifetime) {
    case WFP_BFE_DYNAMIC:
        return link->lifetime != WFP_BFE_DYNAMIC || link->session == entry->session;
    case WFP_BFE_STATIC:
        return link->lifetime != WFP_BFE_DYNAMIC;
    default:
        return link->lifetime == WFP_BFE_PERSISTENT && !is_foreign(entry, link);
    }
}

int
wfp_bfe_links_check(const struct wfp_bfe_entry *entry, const struct wfp_bfe_links *links)
{
    return may_link(entry, links->provider) && may_link(entry, links->sublayer) &&
                   may_link(entry, links->callout) && may_link(entry, links->context)
               ? 0
               : -WFP_ERR_LIFETIME_MISMATCH;
}

/* Lifetime and owner as the session and the persistent flag say. */
static int
set_lifetime(const struct wfp_bfe_session *session, struct wfp_bfe_entry *entry, bool persistent)
{
    if (persistent && session->dynamic)
        return -WFP_ERR_DYNAMIC_SESSION_IN_PROGRESS;
    entry->lifetime = persistent         ? WFP_BFE_PERSISTENT
                      : session->dynamic ? WFP_BFE_DYNAMIC
                                         : WFP_BFE_STATIC;
    entry->session = session->dynamic ? session->serial : 0;
    return 0;
}

static int
check_entry(struct wfp_bfe_session *session, struct wfp_bfe_entry *entry, bool persistent)
{
    struct wfp_bfe *bfe = session->bfe;
    struct wfp_bfe_links links;
    int r = set_lifetime(session, entry, persistent);

    if (r < 0)
        return r;
    wfp_bfe_links_find(bfe, entry, &links);
    if (wfp_bfe_entry_provider(entry) && !links.provider)
        return -WFP_ERR_PROVIDER_NOT_FOUND;
    r = wfp_bfe_links_check(entry, &links);
    if (r < 0)
        return r;
    if (wfp_bfe_table_find_key(&bfe->tables[entry->kind], wfp_bfe_entry_key(entry)))
        return -WFP_ERR_ALREADY_EXISTS;
    r = wfp_bfe_security_check_add(session, entry->kind, &links);
    if (r < 0)
        return r;
    r = wfp_bfe_table_reserve(&bfe->tables[entry->kind]);
    return r < 0 ? r : wfp_bfe_log_reserve(session);
}

int
wfp_bfe_object_join(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, void *object,
                    bool persistent, const struct wfp_blob *sd)
{
    struct wfp_bfe *bfe = session->bfe;
    struct wfp_bfe_entry *entry = wfp_bfe_entry_new(bfe);
    int r;

    if (!entry)
        return -WFP_ERR_NO_MEMORY;
    entry->kind = (uint8_t)kind;
    entry->any = object;
    r = wfp_bfe_sd_new(sd, &entry->sd);
    if (r == 0)
        r = check_entry(session, entry, persistent);
    if (r == 0 && kind == WFP_BFE_FILTER && (entry->filter->action & WFP_ACTION_FLAG_CALLOUT) &&
        wfp_callout_notify(bfe->engine, WFP_NOTIFY_ADD_FILTER, entry->filter) < 0)
        r = -WFP_ERR_CALLOUT_NOTIFICATION_FAILED;
    if (r < 0) {
        if (kind == WFP_BFE_FILTER) /* the caller keeps what it gave on failure */
            wfp_filter_ref(entry->filter);
        else
            wfp_bfe_object_ref(entry->object);
        wfp_bfe_entry_free(bfe, entry);
        return r;
    }
    wfp_bfe_apply_add(session, entry);
    return 0;
}

static struct wfp_bfe_entry *
find(struct wfp_bfe *bfe, enum wfp_bfe_kind kind, const struct wfp_guid *key, uint64_t id)
{
    return key ? wfp_bfe_table_find_key(&bfe->tables[kind], key)
               : wfp_bfe_table_find_id(&bfe->tables[kind], id);
}

static int
delete_entry(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, const struct wfp_guid *key,
             uint64_t id)
{
    struct wfp_bfe_entry *entry = find(session->bfe, kind, key, id);
    int r;

    if (!entry)
        return wfp_bfe_not_found(kind);
    if (entry->lifetime == WFP_BFE_BUILTIN)
        return -WFP_ERR_BUILTIN_OBJECT;
    r = wfp_bfe_security_check_entry(session, entry, WFP_ACTRL_DELETE);
    if (r < 0)
        return r;
    if (entry->references)
        return -WFP_ERR_IN_USE;
    r = wfp_bfe_log_reserve(session);
    if (r < 0)
        return r;
    wfp_bfe_apply_delete(session, entry);
    return 0;
}

static int
delete_one(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, const struct wfp_guid *key,
           uint64_t id)
{
    uint32_t savepoint;
    int r;

    if (kind == WFP_BFE_LAYER)
        return -WFP_ERR_BUILTIN_OBJECT;
    if (kind >= WFP_BFE_TABLE_COUNT)
        return -WFP_ERR_INVALID_PARAMETER;
    r = wfp_bfe_call_begin(session, true, &savepoint);
    if (r < 0)
        return r;
    return wfp_bfe_call_end(session, savepoint, delete_entry(session, kind, key, id));
}

int
wfp_bfe_delete_by_key(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                      const struct wfp_guid *key)
{
    return key ? delete_one(session, kind, key, 0) : -WFP_ERR_NULL_POINTER;
}

int
wfp_bfe_delete_by_id(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t id)
{
    return delete_one(session, kind, NULL, id);
}

static int
get_one(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, const struct wfp_guid *key,
        uint64_t id, void **ret_object)
{
    struct wfp_bfe_entry *entry;
    uint32_t savepoint;
    int r = wfp_bfe_call_begin(session, false, &savepoint);

    if (r < 0)
        return r;
    entry = find(session->bfe, kind, key, id);
    r = entry ? wfp_bfe_security_check_entry(session, entry, WFP_ACTRL_READ)
              : wfp_bfe_not_found(kind);
    if (r == 0 && kind == WFP_BFE_FILTER)
        *ret_object = wfp_filter_ref(entry->filter);
    else if (r == 0)
        *ret_object = wfp_bfe_object_ref(entry->object);
    return wfp_bfe_call_end(session, savepoint, r);
}

int
wfp_bfe_object_get(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                   const struct wfp_guid *key, struct wfp_bfe_object **ret_object)
{
    if (!key || !ret_object)
        return -WFP_ERR_NULL_POINTER;
    if (kind >= WFP_BFE_FILTER)
        return -WFP_ERR_INVALID_PARAMETER;
    return get_one(session, kind, key, 0, (void **)ret_object);
}

int
wfp_bfe_object_get_by_id(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t id,
                         struct wfp_bfe_object **ret_object)
{
    if (!ret_object)
        return -WFP_ERR_NULL_POINTER;
    if (kind >= WFP_BFE_FILTER)
        return -WFP_ERR_INVALID_PARAMETER;
    return get_one(session, kind, NULL, id, (void **)ret_object);
}

bool
wfp_bfe_object_is_builtin(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                          const struct wfp_guid *key)
{
    const struct wfp_bfe_entry *entry;
    uint32_t savepoint;
    bool is_builtin;

    if (kind >= WFP_BFE_TABLE_COUNT || wfp_bfe_call_begin(session, false, &savepoint) < 0)
        return false;
    entry = wfp_bfe_table_find_key(&session->bfe->tables[kind], key);
    is_builtin = entry && entry->lifetime == WFP_BFE_BUILTIN;
    wfp_bfe_call_end(session, savepoint, 0);
    return is_builtin;
}

int
wfp_bfe_filter_get(struct wfp_bfe_session *session, const struct wfp_guid *key,
                   struct wfp_filter **ret_filter)
{
    if (!key || !ret_filter)
        return -WFP_ERR_NULL_POINTER;
    return get_one(session, WFP_BFE_FILTER, key, 0, (void **)ret_filter);
}

int
wfp_bfe_filter_get_by_id(struct wfp_bfe_session *session, uint64_t id,
                         struct wfp_filter **ret_filter)
{
    if (!ret_filter)
        return -WFP_ERR_NULL_POINTER;
    return get_one(session, WFP_BFE_FILTER, NULL, id, (void **)ret_filter);
}
