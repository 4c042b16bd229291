/*
 * Network events: a ring of what was dropped (and, when asked for, allowed).
 *
 * Model      Verdicts are recorded beside the classify path (bfe_recorder.c); whoever enumerates, and
 *            the deliverer while somebody subscribes, moves them into the ring from there.
 * Lifetime   An event is one block, immutable; the ring, enumerations and the delivery queue hold
 *            references.
 * Gap        Templates test protocol, addresses, ports, application and event type; a condition on
 *            another field is refused (CONDITION_NOT_FOUND).
 * Ref        win32 FWP/logging
 */
#include "base/clock.h"
#include "core/model/condition.h"
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

/* It is wanted: keep a copy, and one for whoever subscribed. */
static void
keep(struct wfp_bfe *bfe, const struct wfp_bfe_event *event)
{
    struct wfp_bfe_event *copy = copy_event(event), *old;

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

void
wfp_bfe_event_report(struct wfp_bfe *bfe, const struct wfp_bfe_event *event)
{
    if (is_collected(bfe, event))
        keep(bfe, event);
}

static void
keep_recorded(void *context, const void *event)
{
    keep(context, event);
}

void
wfp_bfe_event_drain(struct wfp_bfe *bfe)
{
    pthread_mutex_lock(&bfe->drain_mutex);
    wfp_bfe_event_poll(bfe, &bfe->drained, keep_recorded, bfe);
    pthread_mutex_unlock(&bfe->drain_mutex);
}

/* FWPM_CONDITION_NET_EVENT_TYPE: the one field that only events have. */
static const struct wfp_guid type_key = {
    0x206e9996, 0x490e, 0x40cf, {0xb8, 0x31, 0xb3, 0x86, 0x41, 0xeb, 0x6f, 0xcb}};

enum { EVENT_TYPE = WFP_FIELD_MAX }; /* beside the field numbers below */

#define FIELD(name) WFP_FIELD_ALE_AUTH_CONNECT_V4_##name

/*
 * Which field of an event a key means: those a connection has, by the number they have there.
 * @return -WFP_ERR_CONDITION_NOT_FOUND for others
 */
static int
find_field(const struct wfp_guid *key)
{
    int field;

    if (wfp_guid_equal(key, &type_key))
        return EVENT_TYPE;
    field = wfp_layer_find_field(wfp_layer_find_id(WFP_LAYER_ALE_AUTH_CONNECT_V4), key);
    switch (field) {
    case FIELD(IP_PROTOCOL):
    case FIELD(IP_LOCAL_ADDRESS):
    case FIELD(IP_REMOTE_ADDRESS):
    case FIELD(IP_LOCAL_PORT):
    case FIELD(IP_REMOTE_PORT):
    case FIELD(ALE_APP_ID):
        return field;
    default:
        return -WFP_ERR_CONDITION_NOT_FOUND;
    }
}

/* As a filter at a layer of either IP version might carry it. */
static int
check_condition(const struct wfp_condition *condition)
{
    int field = find_field(&condition->field_key), r;

    if (field < 0)
        return field;
    if (field == EVENT_TYPE) {
        if (condition->value.type != WFP_UINT32)
            return -WFP_ERR_TYPE_MISMATCH;
        return condition->match == WFP_MATCH_EQUAL || condition->match == WFP_MATCH_NOT_EQUAL
                   ? 0
                   : -WFP_ERR_MATCH_TYPE_MISMATCH;
    }
    r = wfp_condition_check(wfp_layer_find_id(WFP_LAYER_ALE_AUTH_CONNECT_V4), condition);
    if (r == -WFP_ERR_TYPE_MISMATCH)
        r = wfp_condition_check(wfp_layer_find_id(WFP_LAYER_ALE_AUTH_CONNECT_V6), condition);
    return r;
}

int
wfp_bfe_event_check(const struct wfp_bfe_template *template_)
{
    if (template_->condition_count && !template_->conditions)
        return -WFP_ERR_NULL_POINTER;
    for (uint32_t i = 0; i < template_->condition_count; i++) {
        int r = check_condition(&template_->conditions[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Addresses are numbers for IPv4 and arrays for IPv6, as at the layers. */
static struct wfp_value
address_value(const struct wfp_bfe_event *event, const uint8_t addr[16], uint32_t flag)
{
    struct wfp_value value = {.type = WFP_EMPTY};

    if (!(event->flags & flag))
        return value;
    if (event->is_v6)
        return (struct wfp_value){.type = WFP_BYTE_ARRAY16,
                                  .array16 = (struct wfp_array16 *)(uintptr_t)addr};
    value.type = WFP_UINT32;
    value.uint32 =
        (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
    return value;
}

static struct wfp_value
port_value(const struct wfp_bfe_event *event, uint16_t port_host, uint32_t flag)
{
    struct wfp_value value = {.type = WFP_EMPTY};

    if (event->flags & flag) {
        value.type = WFP_UINT16;
        value.uint16 = port_host;
    }
    return value;
}

/* The field's value; EMPTY, which no condition matches, where the event does not have it. */
static struct wfp_value
value_of(const struct wfp_bfe_event *event, int field)
{
    switch (field) {
    case EVENT_TYPE:
        return (struct wfp_value){.type = WFP_UINT32, .uint32 = event->type};
    case FIELD(IP_LOCAL_ADDRESS):
        return address_value(event, event->local_addr, WFP_BFE_EVENT_HAS_LOCAL_ADDRESS);
    case FIELD(IP_REMOTE_ADDRESS):
        return address_value(event, event->remote_addr, WFP_BFE_EVENT_HAS_REMOTE_ADDRESS);
    case FIELD(IP_LOCAL_PORT):
        return port_value(event, event->local_port_host, WFP_BFE_EVENT_HAS_LOCAL_PORT);
    case FIELD(IP_REMOTE_PORT):
        return port_value(event, event->remote_port_host, WFP_BFE_EVENT_HAS_REMOTE_PORT);
    case FIELD(IP_PROTOCOL):
        if (event->flags & WFP_BFE_EVENT_HAS_PROTOCOL)
            return (struct wfp_value){.type = WFP_UINT8, .uint8 = event->protocol};
        return (struct wfp_value){.type = WFP_EMPTY};
    default:
        if (event->flags & WFP_BFE_EVENT_HAS_APP_ID)
            return (struct wfp_value){.type = WFP_BYTE_BLOB,
                                      .blob = (struct wfp_blob *)(uintptr_t)&event->app_id};
        return (struct wfp_value){.type = WFP_EMPTY};
    }
}

static bool
conditions_match(const struct wfp_bfe_template *template_, const struct wfp_bfe_event *event)
{
    for (uint32_t i = 0; i < template_->condition_count; i++) {
        const struct wfp_condition *condition = &template_->conditions[i];
        struct wfp_value value = value_of(event, find_field(&condition->field_key));
        if (!wfp_condition_match(&value, condition->match, &condition->value))
            return false;
    }
    return true;
}

bool
wfp_bfe_event_match(const struct wfp_bfe_template *template_, const struct wfp_bfe_event *event)
{
    if (!template_)
        return true;
    return conditions_match(template_, event) &&
           (!template_->start_100ns || event->time_100ns >= template_->start_100ns) &&
           (!template_->end_100ns || event->time_100ns <= template_->end_100ns);
}

int
wfp_bfe_event_take(struct wfp_bfe *bfe, const struct wfp_bfe_template *template_, void ***ret_items,
                   uint32_t *ret_count)
{
    void **items = malloc(WFP_BFE_EVENT_RING * sizeof(void *));
    uint32_t count = 0;

    if (!items)
        return -WFP_ERR_NO_MEMORY;
    wfp_bfe_event_drain(bfe);
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
