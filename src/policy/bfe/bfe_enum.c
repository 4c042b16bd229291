/*
 * Enumerations: snapshots of references, handed out in pages.
 *
 * Lifetime   An enumeration belongs to its session and dies with it; its objects live on as long as it
 *            does, whatever happens to the policy.
 * Ref        win32 fwpmu/nf-fwpmu-fwpmfilterenum0; FWP/object-management
 */
#include "policy/bfe/bfe_internal.h"

static void *
item_ref(enum wfp_bfe_kind kind, void *item)
{
    switch (kind) {
    case WFP_BFE_FILTER:
        return wfp_filter_ref(item);
    case WFP_BFE_LAYER:
        return item;
    case WFP_BFE_SESSION:
        atomic_fetch_add(&((struct wfp_bfe_session_info *)item)->references, 1);
        return item;
    case WFP_BFE_EVENT:
        return wfp_bfe_event_ref(item);
    default:
        return wfp_bfe_object_ref(item);
    }
}

static void
item_unref(enum wfp_bfe_kind kind, void *item)
{
    switch (kind) {
    case WFP_BFE_FILTER:
        wfp_filter_unref(item);
        break;
    case WFP_BFE_LAYER:
        break;
    case WFP_BFE_SESSION:
        if (atomic_fetch_sub(&((struct wfp_bfe_session_info *)item)->references, 1) == 1)
            free(item);
        break;
    case WFP_BFE_EVENT:
        wfp_bfe_event_unref(item);
        break;
    default:
        wfp_bfe_object_unref(item);
        break;
    }
}

void
wfp_bfe_enum_free(enum wfp_bfe_kind kind, void **items, uint32_t count)
{
    for (uint32_t i = 0; items && i < count; i++)
        item_unref(kind, items[i]);
    free(items);
}

static void
snapshot_free(struct wfp_bfe_enum *e)
{
    wfp_bfe_enum_free(e->kind, e->items, e->count);
    free(e);
}
DEFINE_FREEP(struct wfp_bfe_enum, snapshot_free)

static int
compare_ids(const void *a, const void *b)
{
    const struct wfp_bfe_object *x = *(void *const *)a, *y = *(void *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static int
compare_filter_ids(const void *a, const void *b)
{
    const struct wfp_filter *x = *(void *const *)a, *y = *(void *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Heaviest first; of equals the newest, as the engine evaluates them. */
static int
compare_weights(const void *a, const void *b)
{
    const struct wfp_filter *x = *(void *const *)a, *y = *(void *const *)b;
    int order = (x->weight < y->weight) - (x->weight > y->weight);
    return order ? order : compare_filter_ids(b, a);
}

static void
keep_best_terminating(struct wfp_bfe_enum *e)
{
    struct wfp_filter *best = NULL;

    for (uint32_t i = 0; i < e->count; i++) {
        struct wfp_filter *filter = e->items[i];
        if ((filter->action & WFP_ACTION_FLAG_TERMINATING) &&
            (!best || compare_weights(&filter, &best) < 0))
            best = filter;
    }
    for (uint32_t i = 0; i < e->count; i++)
        if (e->items[i] != best)
            wfp_filter_unref(e->items[i]);
    e->count = best != NULL;
    if (best)
        e->items[0] = best;
}

static void
sort(struct wfp_bfe_enum *e, const struct wfp_bfe_template *template_)
{
    bool by_weight = template_ && (template_->flags & WFP_BFE_ENUM_SORTED);

    if (e->kind != WFP_BFE_FILTER) {
        qsort(e->items, e->count, sizeof(void *), compare_ids);
        return;
    }
    if (template_ && (template_->flags & WFP_BFE_ENUM_BEST_TERMINATING_MATCH))
        keep_best_terminating(e);
    else
        qsort(e->items, e->count, sizeof(void *), by_weight ? compare_weights : compare_filter_ids);
}

static int
take_table(struct wfp_bfe_session *session, const struct wfp_bfe_template *template_,
           struct wfp_bfe_enum *e)
{
    const struct wfp_bfe_table *table = &session->bfe->tables[e->kind];
    const struct wfp_bfe_entry *entry;
    uint32_t position = 0;

    e->items = malloc((table->by_id.count + (size_t)1) * sizeof(void *));
    if (!e->items)
        return -WFP_ERR_NO_MEMORY;
    while ((entry = wfp_bfe_table_next(table, &position)))
        if (wfp_bfe_template_match(session->bfe, template_, entry) &&
            wfp_bfe_security_check_entry(session, entry, WFP_ACTRL_READ) == 0)
            e->items[e->count++] = item_ref(e->kind, entry->any);
    sort(e, template_);
    return 0;
}

static int
take_layers(struct wfp_bfe_enum *e)
{
    e->items = malloc(WFP_LAYER_COUNT * sizeof(void *));
    if (!e->items)
        return -WFP_ERR_NO_MEMORY;
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        if (layer)
            e->items[e->count++] = (void *)layer;
    }
    return 0;
}

static uint32_t
count_sessions_locked(const struct wfp_bfe *bfe)
{
    uint32_t count = 0;

    for (const struct wfp_bfe_session *s = bfe->sessions; s; s = s->next)
        count++;
    return count;
}

static int
take_sessions(struct wfp_bfe *bfe, struct wfp_bfe_enum *e)
{
    int r = 0;

    pthread_mutex_lock(&bfe->mutex);
    e->items = malloc((count_sessions_locked(bfe) + (size_t)1) * sizeof(void *));
    if (!e->items)
        r = -WFP_ERR_NO_MEMORY;
    for (const struct wfp_bfe_session *s = bfe->sessions; s && r == 0; s = s->next) {
        struct wfp_bfe_session_info *info;
        r = wfp_bfe_session_describe(s, &info);
        if (r == 0)
            e->items[e->count++] = info;
    }
    pthread_mutex_unlock(&bfe->mutex);
    for (uint32_t i = 0; i < e->count / 2; i++) { /* the list has the newest first */
        void *swap = e->items[i];
        e->items[i] = e->items[e->count - 1 - i];
        e->items[e->count - 1 - i] = swap;
    }
    return r;
}

static int
take(struct wfp_bfe_session *session, const struct wfp_bfe_template *template_,
     struct wfp_bfe_enum *e)
{
    switch (e->kind) {
    case WFP_BFE_LAYER:
        return take_layers(e);
    case WFP_BFE_SESSION:
        return take_sessions(session->bfe, e);
    case WFP_BFE_CONNECTION:
    case WFP_BFE_VSWITCH_EVENT:
    case WFP_BFE_ENDPOINT:
        return 0; /* there are none, or not here */
    case WFP_BFE_EVENT:
        return wfp_bfe_event_take(session->bfe, template_, &e->items, &e->count);
    default:
        return take_table(session, template_, e);
    }
}

int
wfp_bfe_enum_create(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                    const struct wfp_bfe_template *template_, uint64_t *ret_handle)
{
    _cleanup_(snapshot_freep) struct wfp_bfe_enum *e = NULL;
    uint32_t savepoint;
    int r;

    if (!ret_handle)
        return -WFP_ERR_NULL_POINTER;
    if (kind >= WFP_BFE_KIND_COUNT)
        return -WFP_ERR_INVALID_PARAMETER;
    r = template_ ? wfp_bfe_template_check(kind, template_) : 0;
    if (r < 0)
        return r;
    r = wfp_bfe_call_begin(session, false, &savepoint);
    if (r < 0)
        return r;
    r = kind == WFP_BFE_SESSION ? wfp_bfe_security_check_engine(session, WFP_ACTRL_ENUM)
                                : wfp_bfe_security_check_container(session, kind, WFP_ACTRL_ENUM);
    if (r == 0 && !(e = calloc(1, sizeof(*e))))
        r = -WFP_ERR_NO_MEMORY;
    if (r == 0) {
        e->kind = kind;
        r = take(session, template_, e);
    }
    if (r == 0) {
        e->handle = ++session->next_enum;
        e->next = session->enums;
        session->enums = e;
        *ret_handle = TAKE_PTR(e)->handle;
    }
    return wfp_bfe_call_end(session, savepoint, r);
}

static struct wfp_bfe_enum **
find_link(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t handle)
{
    for (struct wfp_bfe_enum **link = &session->enums; *link; link = &(*link)->next)
        if ((*link)->handle == handle && (*link)->kind == kind)
            return link;
    return NULL;
}

static int
next_page(struct wfp_bfe_enum *e, uint32_t requested, void ***ret_items, uint32_t *ret_count)
{
    uint32_t count = MIN(requested, e->count - e->position);
    void **items = malloc(MAX(count, 1u) * sizeof(void *));

    if (!items)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        items[i] = item_ref(e->kind, e->items[e->position + i]);
    e->position += count;
    *ret_items = items;
    *ret_count = count;
    return 0;
}

int
wfp_bfe_enum_next(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t handle,
                  uint32_t requested, void ***ret_items, uint32_t *ret_count)
{
    struct wfp_bfe_enum **link;
    int r;

    if (!ret_items || !ret_count)
        return -WFP_ERR_NULL_POINTER;
    r = wfp_bfe_session_enter(session);
    if (r < 0)
        return r;
    r = wfp_bfe_session_check_aborted(session);
    link = find_link(session, kind, handle);
    if (r == 0)
        r = link ? next_page(*link, requested, ret_items, ret_count) : -WFP_ERR_INVALID_HANDLE;
    wfp_bfe_session_leave(session);
    return r;
}

void
wfp_bfe_enum_rewind(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t handle,
                    uint32_t count)
{
    struct wfp_bfe_enum **link;

    if (wfp_bfe_session_enter(session) < 0)
        return;
    link = find_link(session, kind, handle);
    if (link)
        (*link)->position -= MIN(count, (*link)->position);
    wfp_bfe_session_leave(session);
}

int
wfp_bfe_enum_destroy(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t handle)
{
    struct wfp_bfe_enum **link;
    int r;

    r = wfp_bfe_session_enter(session);
    if (r < 0)
        return r;
    link = find_link(session, kind, handle);
    if (link) {
        struct wfp_bfe_enum *e = *link;
        *link = e->next;
        snapshot_free(e);
    }
    wfp_bfe_session_leave(session);
    return link ? 0 : -WFP_ERR_INVALID_HANDLE;
}

void
wfp_bfe_enum_destroy_all(struct wfp_bfe_session *session)
{
    while (session->enums) {
        struct wfp_bfe_enum *e = session->enums;
        session->enums = e->next;
        snapshot_free(e);
    }
}
