#include "fake_engine.h"

#include <string.h>

struct fake_engine fake_engine;

/* Ids are given per key and kept, as the engine's registry does. */
static struct wfp_guid keys[256];
static uint32_t key_count;

void
fake_engine_reset(void)
{
    memset(&fake_engine, 0, sizeof(fake_engine));
    key_count = 0;
}

uint32_t
wfp_callout_id(struct wfp_engine *engine, const struct wfp_guid *key)
{
    (void)engine;
    for (uint32_t i = 0; i < key_count; i++)
        if (wfp_guid_equal(&keys[i], key))
            return i + 1;
    if (key_count == ELEMENTSOF(keys))
        return 0;
    keys[key_count] = *key;
    return ++key_count;
}

bool
wfp_callout_is_registered(struct wfp_engine *engine, uint32_t id)
{
    (void)engine;
    return id == fake_engine.registered_id;
}

int
wfp_callout_notify(struct wfp_engine *engine, enum wfp_notify_type type, struct wfp_filter *filter)
{
    (void)engine;
    if (fake_engine.notification_count < FAKE_LOG_SIZE)
        fake_engine.notifications[fake_engine.notification_count++] =
            (struct fake_notification){type, filter->id};
    if (fake_engine.on_notify)
        fake_engine.on_notify(type, filter);
    if (type != WFP_NOTIFY_ADD_FILTER)
        return 0;
    if (fake_engine.context)
        filter->context = fake_engine.context;
    return fake_engine.veto;
}

int
wfp_engine_commit_delta(struct wfp_engine *engine, struct wfp_filter *const *added,
                        uint32_t added_count, struct wfp_filter *const *removed,
                        uint32_t removed_count)
{
    (void)engine;
    if (fake_engine.fail_commit)
        return fake_engine.fail_commit;
    for (uint32_t i = 0; i < added_count; i++)
        fake_engine.filter_id_sum += added[i]->id;
    for (uint32_t i = 0; i < removed_count; i++)
        fake_engine.filter_id_sum -= removed[i]->id;
    fake_engine.filter_count += added_count - removed_count;
    fake_engine.commits++;
    return 0;
}

void
wfp_engine_set_event_sink(struct wfp_engine *engine, const struct wfp_event_sink *sink)
{
    (void)engine;
    (void)sink;
}

void
wfp_engine_set_event_interest(struct wfp_engine *engine, uint32_t interest)
{
    (void)engine;
    (void)interest;
}
