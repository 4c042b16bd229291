/*
 * The recorder of verdicts: from a classify to an event, with no lock, no wait and no allocation.
 *
 * Model      A ring of records, each with a sequence number: even when it is whole (2n + 2 for the
 *            n-th verdict), odd while someone writes or reads it. Who records takes the oldest record
 *            over; who reads asks for the verdicts since the last one it saw. A record that is busy
 *            is not waited for: that verdict is counted as lost.
 * Lifetime   Made and freed with BFE, which is the engine's event sink between.
 * Gap        A process path longer than the record holds is left out of the event.
 * Ref        win32 FWP/logging; fwpmtypes/ns-fwpmtypes-fwpm_net_event_classify_drop2_
 */
#include "base/clock.h"
#include "core/model/access.h"
#include "core/model/metadata.h"
#include "policy/bfe/bfe_internal.h"

#define APP_ID_ROOM 544 /* bytes: a path of MAX_PATH characters, and some */
#define SID_ROOM    68  /* the longest SID */
#define TRIES       8

#define IS_LOOPBACK      0x00000001u /* FWP_CONDITION_FLAG_IS_LOOPBACK */
#define NL_BROADCAST     4u          /* NlatBroadcast */
#define FWP_DIRECTION_IN 1u

/* What an event takes from the fields of a layer. */
enum what {
    LOCAL_ADDRESS,
    REMOTE_ADDRESS,
    LOCAL_PORT,
    REMOTE_PORT,
    PROTOCOL,
    APP_ID,
    USER_ID,
    FLAGS,
    DIRECTION,
    ADDRESS_TYPE,
    REASON,
    WHAT_COUNT,
};

static const struct {
    const char *name, *other; /* of the field */
} what_names[WHAT_COUNT] = {
    [LOCAL_ADDRESS] = {"IP_LOCAL_ADDRESS", "IP_SOURCE_ADDRESS"},
    [REMOTE_ADDRESS] = {"IP_REMOTE_ADDRESS", "IP_DESTINATION_ADDRESS"},
    [LOCAL_PORT] = {"IP_LOCAL_PORT", NULL},
    [REMOTE_PORT] = {"IP_REMOTE_PORT", NULL},
    [PROTOCOL] = {"IP_PROTOCOL", NULL},
    [APP_ID] = {"ALE_APP_ID", NULL},
    [USER_ID] = {"ALE_USER_ID", NULL},
    [FLAGS] = {"FLAGS", NULL},
    [DIRECTION] = {"DIRECTION", NULL},
    [ADDRESS_TYPE] = {"IP_LOCAL_ADDRESS_TYPE", NULL},
    [REASON] = {"REAUTHORIZE_REASON", NULL},
};

/* Where a layer has them; -1 where it does not. */
struct plan {
    bool is_reported, is_ale;
    uint32_t direction; /* WFP_BFE_EVENT_DIRECTION_*; 0: the field says */
    int8_t fields[WHAT_COUNT];
};

struct record {
    atomic_uint_least64_t sequence;
    struct wfp_bfe_event event;
    uint8_t app_id[APP_ID_ROOM];
    uint8_t sid[SID_ROOM];
};

struct wfp_bfe_recorder {
    struct wfp_event_sink sink;
    struct plan plans[WFP_LAYER_COUNT];
    _Alignas(64) atomic_uint_least64_t next; /* verdict to come */
    atomic_uint_least64_t lost;
    struct record records[WFP_BFE_RECORDER_ROOM];
};

/* ---- what layers have ---- */

static bool
begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* Packets, datagrams, authorizations; not streams, frames, nor what tells of a drop itself. */
static bool
reports(const struct wfp_layer *layer)
{
    static const char *const families[] = {
        "INBOUND_IPPACKET",    "OUTBOUND_IPPACKET",    "IPFORWARD",
        "INBOUND_TRANSPORT_V", "OUTBOUND_TRANSPORT_V", "DATAGRAM_DATA",
        "INBOUND_ICMP_ERROR",  "OUTBOUND_ICMP_ERROR",  "ALE_"};

    for (size_t i = 0; layer->is_kernel_mode && i < ELEMENTSOF(families); i++)
        if (begins(layer->name, families[i]))
            return !strstr(layer->name, "_DISCARD");
    return false;
}

static uint32_t
direction_of(const struct wfp_layer *layer)
{
    if (begins(layer->name, "IPFORWARD"))
        return WFP_BFE_EVENT_DIRECTION_FORWARD;
    if (begins(layer->name, "INBOUND") || begins(layer->name, "ALE_AUTH_RECV") ||
        begins(layer->name, "ALE_AUTH_LISTEN"))
        return WFP_BFE_EVENT_DIRECTION_IN;
    if (begins(layer->name, "DATAGRAM_DATA") || begins(layer->name, "ALE_FLOW_ESTABLISHED"))
        return 0;
    return WFP_BFE_EVENT_DIRECTION_OUT;
}

static int8_t
find_field(const struct wfp_layer *layer, enum what what)
{
    for (uint16_t i = 0; i < layer->field_count; i++) {
        const char *name = layer->fields[i].condition_name;
        if (strcmp(name, what_names[what].name) == 0 ||
            (what_names[what].other && strcmp(name, what_names[what].other) == 0))
            return (int8_t)i;
    }
    return -1;
}

static void
make_plan(const struct wfp_layer *layer, struct plan *plan)
{
    plan->is_reported = reports(layer);
    plan->is_ale = begins(layer->name, "ALE_AUTH");
    plan->direction = direction_of(layer);
    for (int what = 0; what < WHAT_COUNT; what++)
        plan->fields[what] = find_field(layer, (enum what)what);
}

/* ---- recording ---- */

static const struct wfp_value *
value_of(const struct plan *plan, const struct wfp_indication *indication, enum what what)
{
    static const struct wfp_value none = {.type = WFP_EMPTY};
    int field = plan->fields[what];

    return field >= 0 && field < indication->value_count ? &indication->values[field] : &none;
}

static uint32_t
number_of(const struct plan *plan, const struct wfp_indication *indication, enum what what)
{
    const struct wfp_value *value = value_of(plan, indication, what);

    switch (value->type) {
    case WFP_UINT8:
        return value->uint8;
    case WFP_UINT16:
        return value->uint16;
    case WFP_UINT32:
        return value->uint32;
    default:
        return 0;
    }
}

static void
put_address(struct wfp_bfe_event *event, const struct wfp_value *value, uint8_t addr[16],
            uint32_t flag)
{
    if (value->type == WFP_UINT32) {
        uint32_t addr_be = __builtin_bswap32(value->uint32);
        memcpy(addr, &addr_be, sizeof(addr_be));
    } else if (value->type == WFP_BYTE_ARRAY16 && value->array16) {
        memcpy(addr, value->array16, 16);
        event->is_v6 = true;
    } else {
        return;
    }
    event->flags |= flag | WFP_BFE_EVENT_HAS_IP_VERSION;
}

static void
put_port(struct wfp_bfe_event *event, const struct wfp_value *value, uint16_t *port_host,
         uint32_t flag)
{
    if (value->type == WFP_EMPTY)
        return;
    *port_host = value->type == WFP_UINT16 ? value->uint16 : value->uint8;
    event->flags |= flag;
}

static void
put_process(struct record *record, const struct plan *plan, const struct wfp_indication *indication)
{
    const struct wfp_value *app_id = value_of(plan, indication, APP_ID);
    const void *sid = wfp_access_user_sid(value_of(plan, indication, USER_ID));
    struct wfp_bfe_event *event = &record->event;

    if (app_id->type == WFP_BYTE_BLOB && app_id->blob && app_id->blob->size <= APP_ID_ROOM) {
        event->app_id = (struct wfp_blob){app_id->blob->size, record->app_id};
        if (app_id->blob->size)
            memcpy(record->app_id, app_id->blob->data, app_id->blob->size);
        event->flags |= WFP_BFE_EVENT_HAS_APP_ID;
    }
    if (sid) {
        event->user_sid = memcpy(record->sid, sid, wfp_value_sid_size(sid));
        event->flags |= WFP_BFE_EVENT_HAS_USER_ID;
    }
}

/* A packet may go the other way than its layer: one that authorizes a flow anew, for example. */
static uint32_t
direction_at(const struct plan *plan, const struct wfp_indication *indication)
{
    const struct wfp_metadata *metadata = indication->metadata;
    uint32_t direction = number_of(plan, indication, DIRECTION);

    if (plan->direction == WFP_BFE_EVENT_DIRECTION_FORWARD)
        return plan->direction;
    if (metadata && metadata->present & WFP_METADATA_PACKET_DIRECTION)
        direction = metadata->packet_direction;
    else if (plan->direction)
        return plan->direction;
    return direction == FWP_DIRECTION_IN ? WFP_BFE_EVENT_DIRECTION_IN : WFP_BFE_EVENT_DIRECTION_OUT;
}

/* Inbound packets for many are events only when asked for. */
static uint32_t
keywords_of(const struct wfp_bfe_event *event, uint32_t address_type)
{
    const uint8_t *addr = event->local_addr;

    if (event->direction != WFP_BFE_EVENT_DIRECTION_IN ||
        !(event->flags & WFP_BFE_EVENT_HAS_LOCAL_ADDRESS))
        return 0;
    if (event->is_v6)
        return addr[0] == 0xff ? WFP_BFE_KEYWORD_INBOUND_MCAST : 0;
    if (address_type == NL_BROADCAST || memcmp(addr, "\xff\xff\xff\xff", 4) == 0)
        return WFP_BFE_KEYWORD_INBOUND_BCAST;
    return addr[0] >> 4 == 0xe ? WFP_BFE_KEYWORD_INBOUND_MCAST : 0;
}

static void
fill(struct record *record, const struct plan *plan, const struct wfp_indication *indication,
     const struct wfp_verdict *verdict)
{
    struct wfp_bfe_event *event = &record->event;
    const struct wfp_value *protocol = value_of(plan, indication, PROTOCOL);

    memset(event, 0, sizeof(*event));
    event->type = verdict->action == WFP_ACTION_BLOCK ? WFP_BFE_EVENT_CLASSIFY_DROP
                                                      : WFP_BFE_EVENT_CLASSIFY_ALLOW;
    event->time_100ns = wfp_clock_now();
    event->filter_id = verdict->filter_id;
    event->layer_id = indication->layer_id;
    event->is_veto = verdict->veto;
    put_address(event, value_of(plan, indication, LOCAL_ADDRESS), event->local_addr,
                WFP_BFE_EVENT_HAS_LOCAL_ADDRESS);
    put_address(event, value_of(plan, indication, REMOTE_ADDRESS), event->remote_addr,
                WFP_BFE_EVENT_HAS_REMOTE_ADDRESS);
    put_port(event, value_of(plan, indication, LOCAL_PORT), &event->local_port_host,
             WFP_BFE_EVENT_HAS_LOCAL_PORT);
    put_port(event, value_of(plan, indication, REMOTE_PORT), &event->remote_port_host,
             WFP_BFE_EVENT_HAS_REMOTE_PORT);
    if (protocol->type == WFP_UINT8) {
        event->protocol = protocol->uint8;
        event->flags |= WFP_BFE_EVENT_HAS_PROTOCOL;
    }
    put_process(record, plan, indication);
    event->direction = direction_at(plan, indication);
    event->is_loopback = number_of(plan, indication, FLAGS) & IS_LOOPBACK;
    event->reauth_reason = number_of(plan, indication, REASON);
    if (event->reauth_reason)
        event->flags |= WFP_BFE_EVENT_HAS_REAUTH_REASON;
    event->keywords = keywords_of(event, number_of(plan, indication, ADDRESS_TYPE));
    if (event->type == WFP_BFE_EVENT_CLASSIFY_ALLOW)
        event->keywords |= WFP_BFE_KEYWORD_CLASSIFY_ALLOW;
}

/* The record of the verdict to come, for us alone; NULL: all tries met somebody. */
static struct record *
take_record(struct wfp_bfe_recorder *recorder, uint64_t *ret_number)
{
    for (int i = 0; i < TRIES; i++) {
        uint64_t n = atomic_load_explicit(&recorder->next, memory_order_acquire);
        struct record *record = &recorder->records[n % WFP_BFE_RECORDER_ROOM];
        uint64_t before = atomic_load_explicit(&record->sequence, memory_order_relaxed), told = n;

        if (before & 1 ||
            !atomic_compare_exchange_strong_explicit(&record->sequence, &before, 2 * n + 1,
                                                     memory_order_acquire, memory_order_relaxed))
            continue;
        if (atomic_compare_exchange_strong(&recorder->next, &told, n + 1)) {
            *ret_number = n;
            return record;
        }
        atomic_store_explicit(&record->sequence, before, memory_order_release); /* not ours */
    }
    return NULL;
}

static bool
is_wanted(const struct wfp_bfe *bfe, const struct wfp_bfe_event *event)
{
    return !(event->keywords & ~atomic_load(&bfe->options[WFP_BFE_OPTION_NET_EVENT_KEYWORDS]));
}

static void
record_verdict(void *context, const struct wfp_indication *indication,
               const struct wfp_verdict *verdict)
{
    struct wfp_bfe *bfe = context;
    struct wfp_bfe_recorder *recorder = bfe->recorder;
    const struct plan *plan = &recorder->plans[indication->layer_id];
    struct record *record;
    uint64_t n;

    if (!plan->is_reported || (verdict->action != WFP_ACTION_BLOCK && !plan->is_ale))
        return;
    record = take_record(recorder, &n);
    if (!record) {
        atomic_fetch_add_explicit(&recorder->lost, 1, memory_order_relaxed);
        return;
    }
    fill(record, plan, indication, verdict);
    if (!is_wanted(bfe, &record->event))
        record->event.type = 0; /* nobody is to see it */
    atomic_store_explicit(&record->sequence, 2 * n + 2, memory_order_release);
}

/* ---- reading ---- */

/* A copy of the n-th verdict. @return 1; 0 it is gone; -1 it is still being written */
static int
read_record(struct wfp_bfe_recorder *recorder, uint64_t n, struct record *copy)
{
    struct record *record = &recorder->records[n % WFP_BFE_RECORDER_ROOM];
    uint64_t whole = 2 * n + 2, found = whole;

    if (!atomic_compare_exchange_strong_explicit(&record->sequence, &found, whole - 1,
                                                 memory_order_acquire, memory_order_relaxed))
        return found == whole - 1 ? -1 : 0;
    copy->event = record->event;
    memcpy(copy->app_id, record->app_id, sizeof(copy->app_id));
    memcpy(copy->sid, record->sid, sizeof(copy->sid));
    atomic_store_explicit(&record->sequence, whole, memory_order_release);
    if (copy->event.app_id.data)
        copy->event.app_id.data = copy->app_id;
    if (copy->event.user_sid)
        copy->event.user_sid = copy->sid;
    return 1;
}

uint64_t
wfp_bfe_event_poll(struct wfp_bfe *bfe, uint64_t *cursor, wfp_bfe_change_callback *callback,
                   void *context)
{
    struct wfp_bfe_recorder *recorder = bfe->recorder;
    uint64_t end = atomic_load_explicit(&recorder->next, memory_order_acquire), missed = 0;
    struct record copy;

    if (end - *cursor > WFP_BFE_RECORDER_ROOM) {
        missed = end - *cursor - WFP_BFE_RECORDER_ROOM;
        *cursor += missed;
    }
    for (; *cursor < end; (*cursor)++) {
        int r = read_record(recorder, *cursor, &copy);

        if (r < 0)
            break; /* another time, so that they come in order */
        if (r == 0)
            missed++;
        else if (copy.event.type)
            callback(context, &copy.event);
    }
    return missed;
}

void
wfp_bfe_event_counters(struct wfp_bfe *bfe, uint64_t *ret_recorded, uint64_t *ret_lost)
{
    *ret_recorded = atomic_load(&bfe->recorder->next);
    *ret_lost = atomic_load(&bfe->recorder->lost);
}

/* ---- life ---- */

int
wfp_bfe_recorder_new(struct wfp_bfe *bfe)
{
    struct wfp_bfe_recorder *recorder =
        aligned_alloc(64, ALIGN_UP(sizeof(struct wfp_bfe_recorder), 64));

    if (!recorder)
        return -WFP_ERR_NO_MEMORY;
    memset(recorder, 0, offsetof(struct wfp_bfe_recorder, records));
    for (uint32_t i = 0; i < WFP_BFE_RECORDER_ROOM; i++)
        atomic_init(&recorder->records[i].sequence, 0);
    recorder->sink = (struct wfp_event_sink){record_verdict, bfe};
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++)
        if (wfp_layer_find_id(id))
            make_plan(wfp_layer_find_id(id), &recorder->plans[id]);
    bfe->recorder = recorder;
    wfp_engine_set_event_sink(bfe->engine, &recorder->sink);
    wfp_bfe_recorder_retune(bfe);
    return 0;
}

void
wfp_bfe_recorder_retune(struct wfp_bfe *bfe)
{
    uint32_t interest = 0;

    if (atomic_load(&bfe->options[WFP_BFE_OPTION_COLLECT_NET_EVENTS])) {
        interest = WFP_EVENT_DROPS;
        if (atomic_load(&bfe->options[WFP_BFE_OPTION_NET_EVENT_KEYWORDS]) &
            WFP_BFE_KEYWORD_CLASSIFY_ALLOW)
            interest |= WFP_EVENT_ALLOWS;
    }
    wfp_engine_set_event_interest(bfe->engine, interest);
}

void
wfp_bfe_recorder_free(struct wfp_bfe *bfe)
{
    if (!bfe->recorder)
        return;
    wfp_engine_set_event_interest(bfe->engine, 0);
    wfp_engine_set_event_sink(bfe->engine, NULL);
    free(TAKE_PTR(bfe->recorder));
}
