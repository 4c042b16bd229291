/*
 * The registry of callouts.
 *
 * Model      An entry per key, kept for the engine's life so that the id never changes; code comes
 *            and goes as the entry's registration.
 * Lifetime   A registration is unhooked, then freed once no classify can see it, no notification
 *            runs and no flow context claims it.
 * Locks      The engine's mutex, never held while a driver's code runs.
 */
#include "core/engine/callout.h"

#include <string.h>

#include "base/status.h"
#include "core/engine/engine_private.h"
#include "core/engine/epoch.h"

/* How deep this thread is in a driver's notify function. */
static __thread uint32_t notify_depth;

#define GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                              \
    {                                                                                              \
        a, b, c,                                                                                   \
        {                                                                                          \
            d0, d1, d2, d3, d4, d5, d6, d7                                                         \
        }                                                                                          \
    }
static const struct wfp_guid builtin_keys[] = {
#define BUILTIN_PROVIDER(name, guid)
#define BUILTIN_SUBLAYER(name, guid, weight, provider)
#define BUILTIN_CALLOUT(name, guid, layer, layer_guid, flags) guid,
#include "core/model/builtins.def"
#undef BUILTIN_PROVIDER
#undef BUILTIN_SUBLAYER
#undef BUILTIN_CALLOUT
};

static_assert(ELEMENTSOF(builtin_keys) < WFP_CALLOUT_FIRST_ID, "built-in callouts come first");

/* The slot of an id, made if need be. */
static struct wfp_callout_entry *
make_entry_locked(struct wfp_engine *engine, uint32_t id, const struct wfp_guid *key)
{
    struct wfp_callout_entry *entry = wfp_callout_entry(engine, id);

    if (!entry) {
        struct wfp_callout_chunk *chunk = aligned_alloc(64, sizeof(*chunk));
        if (!chunk)
            return NULL;
        memset(chunk, 0, sizeof(*chunk));
        atomic_store_explicit(&engine->callouts.chunks[id / WFP_CALLOUT_CHUNK], chunk,
                              memory_order_release);
        entry = wfp_callout_entry(engine, id);
    }
    entry->key = *key;
    entry->id = id;
    entry->is_known = true;
    return entry;
}

int
wfp_callout_table_init(struct wfp_engine *engine)
{
    engine->callouts.next_id = WFP_CALLOUT_FIRST_ID;
    pthread_cond_init(&engine->callouts.quiet, NULL);
    for (uint32_t i = 0; i < ELEMENTSOF(builtin_keys); i++)
        if (!make_entry_locked(engine, i + 1, &builtin_keys[i]))
            return -WFP_ERR_NO_MEMORY;
    return 0;
}

void
wfp_callout_table_fini(struct wfp_engine *engine)
{
    for (uint32_t c = 0; c < WFP_CALLOUT_CHUNKS; c++) {
        struct wfp_callout_chunk *chunk = engine->callouts.chunks[c];
        for (uint32_t i = 0; chunk && i < WFP_CALLOUT_CHUNK; i++) {
            struct wfp_registration *registration = chunk->entries[i].registration;
            if (registration && registration->ops.release)
                registration->ops.release(registration->context);
            free(registration);
        }
        free(chunk);
    }
    pthread_cond_destroy(&engine->callouts.quiet);
}

static struct wfp_callout_entry *
find_locked(struct wfp_engine *engine, const struct wfp_guid *key)
{
    for (uint32_t id = 1; id < engine->callouts.next_id; id++) {
        struct wfp_callout_entry *entry = wfp_callout_entry(engine, id);
        if (entry && entry->is_known && wfp_guid_equal(&entry->key, key))
            return entry;
    }
    return NULL;
}

static struct wfp_callout_entry *
find_or_make_locked(struct wfp_engine *engine, const struct wfp_guid *key)
{
    struct wfp_callout_entry *entry = find_locked(engine, key);

    if (entry || engine->callouts.next_id > WFP_CALLOUT_ID_MAX)
        return entry;
    entry = make_entry_locked(engine, engine->callouts.next_id, key);
    if (entry)
        engine->callouts.next_id++;
    return entry;
}

int
wfp_callout_register(struct wfp_engine *engine, const struct wfp_guid *key, uint32_t flags,
                     const struct wfp_callout_ops *ops, void *context, uint32_t *ret_id)
{
    struct wfp_registration *registration;
    struct wfp_callout_entry *entry;
    int r = 0;

    if (!ops->classify)
        return -WFP_ERR_INVALID_PARAMETER;
    registration = calloc(1, sizeof(*registration));
    if (!registration)
        return -WFP_ERR_NO_MEMORY;
    registration->ops = *ops;
    registration->context = context;
    registration->flags = flags;

    pthread_mutex_lock(&engine->mutex);
    entry = find_or_make_locked(engine, key);
    if (!entry)
        r = engine->callouts.next_id > WFP_CALLOUT_ID_MAX ? -WFP_ERR_TOO_MANY_CALLOUTS
                                                          : -WFP_ERR_NO_MEMORY;
    else if (entry->registration)
        r = -WFP_ERR_ALREADY_EXISTS;
    else
        atomic_store_explicit(&entry->registration, registration, memory_order_release);
    pthread_mutex_unlock(&engine->mutex);
    if (r < 0) {
        free(registration);
        return r;
    }
    *ret_id = entry->id;
    return 0;
}

int
wfp_callout_unregister(struct wfp_engine *engine, uint32_t id)
{
    struct wfp_registration *registration = NULL;
    struct wfp_callout_entry *entry;
    int r = 0;

    if (wfp_epoch_is_inside() || notify_depth)
        return -WFP_ERR_IN_USE; /* it would wait for itself */
    pthread_mutex_lock(&engine->mutex);
    entry = wfp_callout_entry(engine, id);
    if (entry)
        registration = entry->registration;
    if (!registration)
        r = -WFP_ERR_CALLOUT_NOT_FOUND;
    else if (atomic_fetch_or(&registration->claims, WFP_CALLOUT_CLOSING) & ~WFP_CALLOUT_CLOSING)
        r = -WFP_ERR_IN_USE;
    if (r == 0) {
        atomic_store_explicit(&entry->registration, NULL, memory_order_release);
        while (registration->notifying)
            pthread_cond_wait(&engine->callouts.quiet, &engine->mutex);
    }
    pthread_mutex_unlock(&engine->mutex);
    if (r < 0)
        return r;
    wfp_epoch_wait();
    if (registration->ops.release)
        registration->ops.release(registration->context);
    free(registration);
    return 0;
}

uint32_t
wfp_callout_id(struct wfp_engine *engine, const struct wfp_guid *key)
{
    struct wfp_callout_entry *entry;

    pthread_mutex_lock(&engine->mutex);
    entry = find_or_make_locked(engine, key);
    pthread_mutex_unlock(&engine->mutex);
    return entry ? entry->id : 0;
}

bool
wfp_callout_find_key(struct wfp_engine *engine, uint32_t id, struct wfp_guid *ret_key)
{
    struct wfp_callout_entry *entry;
    bool known;

    pthread_mutex_lock(&engine->mutex);
    entry = wfp_callout_entry(engine, id);
    known = entry && entry->is_known;
    if (known)
        *ret_key = entry->key;
    pthread_mutex_unlock(&engine->mutex);
    return known;
}

bool
wfp_callout_is_registered(struct wfp_engine *engine, uint32_t id)
{
    struct wfp_callout_entry *entry = wfp_callout_entry(engine, id);
    return entry && atomic_load_explicit(&entry->registration, memory_order_acquire);
}

int
wfp_callout_notify(struct wfp_engine *engine, enum wfp_notify_type type, struct wfp_filter *filter)
{
    struct wfp_registration *registration = NULL;
    struct wfp_callout_entry *entry;
    int r;

    pthread_mutex_lock(&engine->mutex);
    entry = wfp_callout_entry(engine, filter->callout_id);
    if (entry)
        registration = entry->registration;
    if (registration && (!registration->ops.notify ||
                         (type == WFP_NOTIFY_ADD_FILTER_POST_COMMIT &&
                          !(registration->flags & WFP_CALLOUT_FLAG_ENABLE_COMMIT_ADD_NOTIFY))))
        registration = NULL;
    if (registration)
        registration->notifying++;
    pthread_mutex_unlock(&engine->mutex);
    if (!registration)
        return 0;

    notify_depth++;
    r = registration->ops.notify(registration->context, type, filter);
    notify_depth--;

    pthread_mutex_lock(&engine->mutex);
    if (--registration->notifying == 0)
        pthread_cond_broadcast(&engine->callouts.quiet);
    pthread_mutex_unlock(&engine->mutex);
    return type == WFP_NOTIFY_ADD_FILTER ? r : 0;
}

void
wfp_callout_counters(struct wfp_engine *engine, uint32_t id,
                     struct wfp_callout_counters *ret_counters)
{
    struct wfp_callout_entry *entry = wfp_callout_entry(engine, id);

    *ret_counters = (struct wfp_callout_counters){0};
    if (!entry)
        return;
    ret_counters->classified = entry->classified;
    ret_counters->permit = entry->permit;
    ret_counters->block = entry->block;
    ret_counters->other = entry->other;
}

int
wfp_callout_flow_claim(struct wfp_engine *engine, uint32_t id)
{
    struct wfp_callout_entry *entry = wfp_callout_entry(engine, id);
    struct wfp_registration *registration;
    uint32_t claims;
    int r = 0;

    if (!entry)
        return -WFP_ERR_CALLOUT_NOT_FOUND;
    wfp_epoch_enter();
    registration = atomic_load_explicit(&entry->registration, memory_order_acquire);
    if (!registration) {
        r = -WFP_ERR_CALLOUT_NOT_FOUND;
    } else if (!registration->ops.flow_delete) {
        r = -WFP_ERR_INVALID_PARAMETER;
    } else {
        claims = atomic_load(&registration->claims);
        do {
            if (claims & WFP_CALLOUT_CLOSING)
                r = -WFP_ERR_IN_USE;
        } while (r == 0 &&
                 !atomic_compare_exchange_weak(&registration->claims, &claims, claims + 1));
    }
    wfp_epoch_leave();
    return r;
}

void
wfp_callout_flow_delete(struct wfp_engine *engine, uint32_t id, uint16_t layer_id,
                        uint64_t flow_context)
{
    struct wfp_callout_entry *entry = wfp_callout_entry(engine, id);
    struct wfp_registration *registration;

    assert(entry);
    /* The claim keeps it alive. */
    registration = atomic_load_explicit(&entry->registration, memory_order_acquire);
    assert(registration);
    registration->ops.flow_delete(registration->context, layer_id, id, flow_context);
    atomic_fetch_sub(&registration->claims, 1);
}
