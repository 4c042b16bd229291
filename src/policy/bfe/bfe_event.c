/*
 * Network events: a ring of what was dropped (and, when asked for, allowed).
 *
 * Lifetime   An event is one block, immutable; the ring, enumerations and the delivery queue hold
 *            references.
 * Ref        win32 FWP/logging
 */
#include "base/clock.h"
#include "core/model/value.h"
#include "policy/bfe/bfe_security.h"

struct wfp_bfe_event *
wfp_bfe_event_ref(struct wfp_bfe_event *event)
{
    atomic_fetch_add_explicit(&event->references, 1, memory_order_relaxed);
    return event;
}

void
wfp_bfe_event_unref(struct wfp_bfe_event *event)
{
    if (event && atomic_fetch_sub_explicit(&event->references, 1, memory_order_acq_rel) == 1)
        free(event);
}

static struct wfp_bfe_event *
copy_event(const struct wfp_bfe_event *event)
{
    uint32_t sid_size = event->user_sid ? wfp_value_sid_size(event->user_sid) : 0;
    struct wfp_bfe_event *copy = malloc(sizeof(*copy) + event->app_id.size + sid_size);
    uint8_t *place;

    if (!copy)
        return NULL;
    place = (uint8_t *)(copy + 1);
    memcpy(copy, event, sizeof(*copy));
    atomic_init(&copy->references, 1);
    if (!copy->time_100ns)
        copy->time_100ns = wfp_clock_now();
    if (sid_size)
        copy->user_sid = memcpy(place, event->user_sid, sid_size);
    if (event->app_id.size)
        copy->app_id.data = memcpy(place + sid_size, event->app_id.data, event->app_id.size);
    return copy;
}

static bool
is_collected(struct wfp_bfe *bfe, const struct wfp_bfe_event *event)
{
    uint32_t keywords = atomic_load(&bfe->options[WFP_BFE_OPTION_NET_EVENT_KEYWORDS]);

    return atomic_load(&bfe->options[WFP_BFE_OPTION_COLLECT_NET_EVENTS]) &&
           (event->keywords & ~keywords) == 0;
}

void
wfp_bfe_event_report(struct wfp_bfe *bfe, const struct wfp_bfe_event *event)
{
    struct wfp_bfe_event *copy, *old;

    if (!is_collected(bfe, event))
        return;
    copy = copy_event(event);
    if (!copy) {
        pthread_mutex_lock(&bfe->mutex);
        bfe->notifications_dropped++;
        pthread_mutex_unlock(&bfe->mutex);
        return;
    }
    wfp_bfe_event_ref(copy); /* for the subscribers, below */
    pthread_mutex_lock(&bfe->event_mutex);
    old = bfe->events[bfe->event_next % WFP_BFE_EVENT_RING];
    bfe->events[bfe->event_next++ % WFP_BFE_EVENT_RING] = copy;
    pthread_mutex_unlock(&bfe->event_mutex);
    wfp_bfe_event_unref(old);
    wfp_bfe_subscription_note_event(bfe, copy);
    wfp_bfe_event_unref(copy);
}

bool
wfp_bfe_event_match(const struct wfp_bfe_template *template_, const struct wfp_bfe_event *event)
{
    if (!template_)
        return true;
    return (!template_->start_100ns || event->time_100ns >= template_->start_100ns) &&
           (!template_->end_100ns || event->time_100ns <= template_->end_100ns);
}

int
wfp_bfe_event_take(struct wfp_bfe *bfe, const struct wfp_bfe_template *template_,
                   void ***ret_items, uint32_t *ret_count)
{
    void **items = malloc(WFP_BFE_EVENT_RING * sizeof(void *));
    uint32_t count = 0;

    if (!items)
        return -WFP_ERR_NO_MEMORY;
    pthread_mutex_lock(&bfe->event_mutex);
    for (uint32_t i = 0; i < WFP_BFE_EVENT_RING; i++) { /* oldest first */
        struct wfp_bfe_event *event = bfe->events[(bfe->event_next + i) % WFP_BFE_EVENT_RING];
        if (event && wfp_bfe_event_match(template_, event))
            items[count++] = wfp_bfe_event_ref(event);
    }
    pthread_mutex_unlock(&bfe->event_mutex);
    *ret_items = items;
    *ret_count = count;
    return 0;
}

void
wfp_bfe_event_clear(struct wfp_bfe *bfe)
{
    pthread_mutex_lock(&bfe->event_mutex);
    for (uint32_t i = 0; i < WFP_BFE_EVENT_RING; i++) {
        wfp_bfe_event_unref(bfe->events[i]);
        bfe->events[i] = NULL;
    }
    pthread_mutex_unlock(&bfe->event_mutex);
}
