/*
 * Network events in words and in JSON, under the names that Windows gives their parts.
 */
#include "programs/run_events.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "base/utf16.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe_query.h"

void
run_events_init(struct run_events *events, struct machine *machine, struct name_cache *names,
                bool json)
{
    *events = (struct run_events){.is_on = true, .bfe = machine->bfe, .names = names};
    if (json)
        events->kept = json_array();
}

void
run_events_fini(struct run_events *events)
{
    json_decref(events->kept);
    events->kept = NULL;
}

static const char *
direction_name(const struct wfp_bfe_event *event)
{
    switch (event->direction) {
    case WFP_BFE_EVENT_DIRECTION_IN:
        return "IN";
    case WFP_BFE_EVENT_DIRECTION_OUT:
        return "OUT";
    default:
        return "FORWARD";
    }
}

static const char *
type_name(const struct wfp_bfe_event *event)
{
    return event->type == WFP_BFE_EVENT_CLASSIFY_DROP ? "CLASSIFY_DROP" : "CLASSIFY_ALLOW";
}

static const char *
address_text(const struct wfp_bfe_event *event, const uint8_t addr[16], char text[INET6_ADDRSTRLEN])
{
    return inet_ntop(event->is_v6 ? AF_INET6 : AF_INET, addr, text, INET6_ADDRSTRLEN);
}

/* "10.0.0.4:443", "[::1]:53", "10.0.0.4", or "*" where the event does not have it. */
static const char *
endpoint_text(const struct wfp_bfe_event *event, bool local, char text[64])
{
    bool has_addr =
        event->flags & (local ? WFP_BFE_EVENT_HAS_LOCAL_ADDRESS : WFP_BFE_EVENT_HAS_REMOTE_ADDRESS);
    bool has_port =
        event->flags & (local ? WFP_BFE_EVENT_HAS_LOCAL_PORT : WFP_BFE_EVENT_HAS_REMOTE_PORT);
    char addr[INET6_ADDRSTRLEN] = "*";

    if (has_addr)
        address_text(event, local ? event->local_addr : event->remote_addr, addr);
    if (has_port)
        snprintf(text, 64, has_addr && event->is_v6 ? "[%s]:%u" : "%s:%u", addr,
                 local ? event->local_port_host : event->remote_port_host);
    else
        snprintf(text, 64, "%s", addr);
    return text;
}

static void
print_line(struct run_events *events, const struct wfp_bfe_event *event)
{
    char local[64], remote[64];
    uint64_t since = event->time_100ns - MIN(events->start_100ns, event->time_100ns);

    printf("event %11.6f %s at %s %s proto %u %s > %s by filter %" PRIu64 " \"%s\"%s\n",
           (double)since / 1e7, type_name(event), wfp_layer_name(event->layer_id),
           direction_name(event), event->protocol, endpoint_text(event, true, local),
           endpoint_text(event, false, remote), event->filter_id,
           event->filter_id ? name_cache_filter(events->names, event->filter_id) : "",
           event->is_veto ? ", a veto" : "");
}

/* What the event has not is not in the object. */
static void
set_endpoint(json_t *object, const struct wfp_bfe_event *event, bool local)
{
    char text[INET6_ADDRSTRLEN];

    if (event->flags & (local ? WFP_BFE_EVENT_HAS_LOCAL_ADDRESS : WFP_BFE_EVENT_HAS_REMOTE_ADDRESS))
        json_object_set_new(
            object, local ? "localAddr" : "remoteAddr",
            json_string(address_text(event, local ? event->local_addr : event->remote_addr, text)));
    if (event->flags & (local ? WFP_BFE_EVENT_HAS_LOCAL_PORT : WFP_BFE_EVENT_HAS_REMOTE_PORT))
        json_object_set_new(object, local ? "localPort" : "remotePort",
                            json_integer(local ? event->local_port_host : event->remote_port_host));
}

static void
set_process(json_t *object, const struct wfp_bfe_event *event)
{
    if (event->app_id.size >= 2) {
        _cleanup_(freep) uint16_t *path_utf16 = malloc(event->app_id.size);
        _cleanup_(freep) char *path = NULL;

        if (path_utf16) {
            memcpy(path_utf16, event->app_id.data, event->app_id.size);
            path = wfp_utf16_to_utf8(path_utf16, event->app_id.size / 2 - 1); /* with its NUL */
        }
        if (path)
            json_object_set_new(object, "appId", json_string(path));
    }
    if (event->user_sid) {
        struct wfp_value value = {.type = WFP_SID, .sid = event->user_sid};
        char text[256];
        json_object_set_new(object, "userId",
                            json_string(wfp_value_format(&value, text, sizeof(text))));
    }
}

static json_t *
event_json(struct run_events *events, const struct wfp_bfe_event *event)
{
    json_t *object = json_pack(
        "{s:f,s:s,s:o,s:s,s:b,s:b,s:I,s:s}", "time",
        ((double)event->time_100ns - 116444736000000000.0) / 1e7, "type", type_name(event), "layer",
        json_sprintf("FWPM_LAYER_%s", wfp_layer_name(event->layer_id)), "direction",
        direction_name(event), "isLoopback", event->is_loopback, "veto", event->is_veto, "filterId",
        (json_int_t)event->filter_id, "filter",
        event->filter_id ? name_cache_filter(events->names, event->filter_id) : "");

    if (!object)
        return NULL;
    if (event->flags & WFP_BFE_EVENT_HAS_PROTOCOL)
        json_object_set_new(object, "ipProtocol", json_integer(event->protocol));
    if (event->flags & WFP_BFE_EVENT_HAS_REAUTH_REASON)
        json_object_set_new(object, "reauthReason", json_integer(event->reauth_reason));
    set_endpoint(object, event, true);
    set_endpoint(object, event, false);
    set_process(object, event);
    return object;
}

static void
take_event(void *context, const void *item)
{
    struct run_events *events = context;
    const struct wfp_bfe_event *event = item;

    events->seen++;
    if (!events->start_100ns)
        events->start_100ns = event->time_100ns;
    if (!events->kept)
        print_line(events, event);
    else if (json_array_size(events->kept) < RUN_EVENTS_KEPT)
        json_array_append_new(events->kept, event_json(events, event));
}

void
run_events_poll(struct run_events *events)
{
    if (events->is_on)
        events->missed += wfp_bfe_event_poll(events->bfe, &events->cursor, take_event, events);
}

json_t *
run_events_json(const struct run_events *events)
{
    uint64_t recorded, lost;

    if (!events->kept)
        return NULL;
    wfp_bfe_event_counters(events->bfe, &recorded, &lost);
    return json_pack("{s:I,s:I,s:O}", "seen", (json_int_t)events->seen, "lost",
                     (json_int_t)(lost + events->missed), "list", events->kept);
}

void
run_events_print(const struct run_events *events, FILE *out)
{
    uint64_t recorded, lost;

    if (!events->is_on)
        return;
    wfp_bfe_event_counters(events->bfe, &recorded, &lost);
    fprintf(out, "  network events: %" PRIu64 ", lost: %" PRIu64 "\n", events->seen,
            lost + events->missed);
}
