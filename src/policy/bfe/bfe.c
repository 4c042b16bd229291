/*
 * The Base Filtering Engine's beginning and end, and a hash of all it knows.
 */
#include "policy/bfe/bfe.h"

#include "policy/bfe/bfe_security.h"

/* Filter and context ids start where Windows' do; low numbers stay free for built-in callouts. */
#define FIRST_RUNTIME_ID 65536u

static void
init_locks(struct wfp_bfe *bfe)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&bfe->mutex, NULL);
    pthread_mutex_init(&bfe->event_mutex, NULL);
    pthread_mutex_init(&bfe->drain_mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&bfe->lock_free, &attributes);
    pthread_condattr_destroy(&attributes);
    wfp_bfe_subscription_init(bfe);
}

int
wfp_bfe_new(struct wfp_engine *engine, struct wfp_bfe **ret_bfe)
{
    _cleanup_(wfp_bfe_freep) struct wfp_bfe *bfe = calloc(1, sizeof(*bfe));
    int r;

    if (!bfe)
        return -WFP_ERR_NO_MEMORY;
    init_locks(bfe);
    bfe->engine = engine;
    for (int kind = 0; kind < WFP_BFE_TABLE_COUNT; kind++)
        bfe->tables[kind].pool = &bfe->pool;
    wfp_bfe_option_init(bfe);
    r = wfp_bfe_recorder_new(bfe);
    if (r < 0)
        return r;
    r = wfp_bfe_descriptor_default(&bfe->container_sd[WFP_BFE_KIND_COUNT]);
    if (r < 0)
        return r;
    r = wfp_bfe_builtin_add_all(bfe);
    if (r < 0)
        return r;
    bfe->tables[WFP_BFE_FILTER].next_id = FIRST_RUNTIME_ID;
    bfe->tables[WFP_BFE_CONTEXT].next_id = FIRST_RUNTIME_ID;
    *ret_bfe = TAKE_PTR(bfe);
    return 0;
}

/* Transactions first: closing a dynamic session needs the lock that another may hold. */
static void
close_sessions(struct wfp_bfe *bfe)
{
    for (struct wfp_bfe_session *session = bfe->sessions; session; session = session->next)
        if (session->txn != WFP_BFE_TXN_NONE)
            wfp_bfe_txn_drop(session);
    while (bfe->sessions) {
        struct wfp_bfe_session *session = bfe->sessions;
        atomic_fetch_add(&session->references, 1);
        if (wfp_bfe_session_close(session) < 0) { /* no memory: just let it go */
            wfp_bfe_subscription_remove_all(session);
            wfp_bfe_enum_destroy_all(session);
            bfe->sessions = session->next;
            session->open = false;
            wfp_bfe_session_unref(session);
            wfp_bfe_session_unref(session);
        }
    }
}

void
wfp_bfe_free(struct wfp_bfe *bfe)
{
    if (!bfe)
        return;
    close_sessions(bfe);
    wfp_bfe_subscription_fini(bfe);
    wfp_bfe_recorder_free(bfe);
    wfp_bfe_event_clear(bfe);
    for (int kind = 0; kind < WFP_BFE_TABLE_COUNT; kind++) {
        struct wfp_bfe_entry *entry;
        uint32_t position = 0;

        while ((entry = wfp_bfe_table_next(&bfe->tables[kind], &position)))
            wfp_bfe_entry_free(bfe, entry);
        wfp_bfe_table_fini(&bfe->tables[kind]);
    }
    for (int kind = 0; kind <= WFP_BFE_KIND_COUNT; kind++)
        wfp_bfe_sd_unref(bfe->container_sd[kind]);
    wfp_bfe_pool_fini(&bfe->pool);
    pthread_cond_destroy(&bfe->lock_free);
    pthread_mutex_destroy(&bfe->event_mutex);
    pthread_mutex_destroy(&bfe->drain_mutex);
    pthread_mutex_destroy(&bfe->mutex);
    free(bfe);
}

void
wfp_bfe_set_context_renderer(struct wfp_bfe *bfe, wfp_bfe_context_renderer *render)
{
    bfe->render_context = render;
}

uint32_t
wfp_bfe_count(struct wfp_bfe *bfe, enum wfp_bfe_kind kind)
{
    return kind < WFP_BFE_TABLE_COUNT ? bfe->tables[kind].by_id.count : 0;
}

size_t
wfp_bfe_overhead(struct wfp_bfe *bfe, enum wfp_bfe_kind kind)
{
    const struct wfp_bfe_table *table = &bfe->tables[kind];

    return ((size_t)wfp_index_extent(&table->by_key) + wfp_index_extent(&table->by_id)) *
               sizeof(uint32_t) +
           (size_t)table->by_id.count * sizeof(struct wfp_bfe_entry);
}

static uint64_t
mix(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001B3ull;
    return hash;
}

static uint64_t
hash_entry(const struct wfp_bfe_entry *entry)
{
    uint64_t id = wfp_bfe_entry_id(entry), hash = 0xCBF29CE484222325ull;

    hash = mix(hash, wfp_bfe_entry_key(entry), sizeof(struct wfp_guid));
    hash = mix(hash, &id, sizeof(id));
    hash = mix(hash, &entry->references, sizeof(entry->references));
    hash = mix(hash, &entry->session, sizeof(entry->session));
    hash = mix(hash, &entry->kind, 1);
    hash = mix(hash, &entry->lifetime, 1);
    hash = mix(hash, &entry->any, sizeof(entry->any)); /* immutable: the same object */
    if (entry->sd)
        hash = mix(hash, entry->sd->bytes, entry->sd->size);
    return hash;
}

uint64_t
wfp_bfe_state_hash(struct wfp_bfe *bfe)
{
    uint64_t sum = mix(0, bfe->sublayer_weights, sizeof(bfe->sublayer_weights));

    for (int kind = 0; kind < WFP_BFE_TABLE_COUNT; kind++) {
        const struct wfp_bfe_entry *entry;
        uint32_t position = 0;

        while ((entry = wfp_bfe_table_next(&bfe->tables[kind], &position)))
            sum += hash_entry(entry); /* in no order */
    }
    for (int kind = 0; kind <= WFP_BFE_KIND_COUNT; kind++)
        if (bfe->container_sd[kind])
            sum +=
                mix((uint64_t)kind, bfe->container_sd[kind]->bytes, bfe->container_sd[kind]->size);
    return sum;
}
