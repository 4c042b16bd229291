/*
 * Pages: win32 FWP/logging, FWP/event-management, fwpmtypes/ns-fwpmtypes-fwpm_net_event_classify_drop2_;
 * fwpsk/ns-fwpsk-fwps_classify_out0 for what leaves no event. A row per rule, from a verdict on.
 */
#include "management.h"

#include "core/model/metadata.h"

#define CONNECT   WFP_LAYER_ALE_AUTH_CONNECT_V4
#define ACCEPT    WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4
#define OUT(name) [WFP_FIELD_ALE_AUTH_CONNECT_V4_##name]
#define IN(name)  [WFP_FIELD_ALE_AUTH_RECV_ACCEPT_V4_##name]
#define ADDRESS(v)                                                                                 \
    {                                                                                              \
        .type = WFP_UINT32, .uint32 = (v)                                                          \
    }
#define PORT(v)                                                                                    \
    {                                                                                              \
        .type = WFP_UINT16, .uint16 = (v)                                                          \
    }
#define PROTOCOL(v)                                                                                \
    {                                                                                              \
        .type = WFP_UINT8, .uint8 = (v)                                                            \
    }
#define REMOTE        0xA83F8110u
#define LOCAL         0x0A000004u
#define MULTICAST     0xE00000FBu
#define LIMITED_BCAST 0xFFFFFFFFu

static uint8_t path[] = "\\\0d\0e\0v\0\0";
static struct wfp_blob app_id = {sizeof(path) - 1, path};

static struct wfp_verdict
connects(struct world *w)
{
    struct wfp_value values[WFP_FIELD_MAX] = {
        OUT(IP_LOCAL_ADDRESS) = ADDRESS(LOCAL),
        OUT(IP_REMOTE_ADDRESS) = ADDRESS(REMOTE),
        OUT(IP_LOCAL_PORT) = PORT(50000),
        OUT(IP_REMOTE_PORT) = PORT(80),
        OUT(IP_PROTOCOL) = PROTOCOL(6),
        OUT(ALE_APP_ID) = {WFP_BYTE_BLOB, {.blob = &app_id}},
    };
    struct wfp_verdict verdict;

    wfp_classify(w->engine,
                 &(struct wfp_indication){.layer_id = CONNECT,
                                          .values = values,
                                          .value_count = wfp_layer_find_id(CONNECT)->field_count},
                 &verdict);
    return verdict;
}

static void
receives_at(struct world *w, uint32_t local, const struct wfp_metadata *metadata)
{
    struct wfp_value values[WFP_FIELD_MAX] = {
        IN(IP_LOCAL_ADDRESS) = ADDRESS(local),
        IN(IP_REMOTE_ADDRESS) = ADDRESS(REMOTE),
        IN(IP_PROTOCOL) = PROTOCOL(17),
    };
    struct wfp_verdict verdict;

    wfp_classify(w->engine,
                 &(struct wfp_indication){.layer_id = ACCEPT,
                                          .values = values,
                                          .metadata = metadata,
                                          .value_count = wfp_layer_find_id(ACCEPT)->field_count},
                 &verdict);
}

static UINT64
add_at(struct world *w, UINT16 layer_id, UINT32 action)
{
    FWPM_FILTER0 filter = a_filter();
    UINT64 id;

    filter.layerKey = layer(layer_id);
    filter.action.type = action;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    return id;
}

/* All events; free them with FwpmFreeMemory0. */
static UINT32
events(struct world *w, FWPM_NET_EVENT5 ***entries)
{
    UINT32 count = 0;
    HANDLE handle;

    *entries = NULL;
    GIVES(0, FwpmNetEventCreateEnumHandle0(w->session, NULL, &handle));
    GIVES(0, FwpmNetEventEnum5(w->session, handle, 1000, entries, &count));
    GIVES(0, FwpmNetEventDestroyEnumHandle0(w->session, handle));
    return count;
}

static UINT32
event_count(struct world *w)
{
    FWPM_NET_EVENT5 **entries;
    UINT32 count = events(w, &entries);

    FwpmFreeMemory0((void **)&entries);
    return count;
}

static void
set_option(struct world *w, FWPM_ENGINE_OPTION option, UINT32 value)
{
    FWP_VALUE0 given = {.type = FWP_UINT32, .uint32 = value};
    GIVES(0, FwpmEngineSetOption0(w->session, option, &given));
}

static void
drop_names_layer_filter_and_connection(void **state)
{
    struct world *w = *state;
    UINT64 id = add_at(w, CONNECT, FWP_ACTION_BLOCK);
    FWPM_NET_EVENT5 **entries, *event;

    connects(w);
    assert_int_equal(events(w, &entries), 1);
    event = entries[0];
    assert_int_equal(event->type, FWPM_NET_EVENT_TYPE_CLASSIFY_DROP);
    assert_int_equal(event->classifyDrop->filterId, id);
    assert_int_equal(event->classifyDrop->layerId, CONNECT);
    assert_int_equal(event->classifyDrop->msFwpDirection, WFP_BFE_EVENT_DIRECTION_OUT);
    assert_int_equal(event->header.localAddrV4, LOCAL);
    assert_int_equal(event->header.remoteAddrV4, REMOTE);
    assert_int_equal(event->header.localPort, 50000);
    assert_int_equal(event->header.remotePort, 80);
    assert_int_equal(event->header.ipProtocol, 6);
    assert_int_equal(event->header.appId.size, app_id.size);
    assert_memory_equal(event->header.appId.data, path, app_id.size);
    assert_int_equal(event->header.flags,
                     FWPM_NET_EVENT_FLAG_IP_PROTOCOL_SET | FWPM_NET_EVENT_FLAG_LOCAL_ADDR_SET |
                         FWPM_NET_EVENT_FLAG_REMOTE_ADDR_SET | FWPM_NET_EVENT_FLAG_LOCAL_PORT_SET |
                         FWPM_NET_EVENT_FLAG_REMOTE_PORT_SET | FWPM_NET_EVENT_FLAG_APP_ID_SET |
                         FWPM_NET_EVENT_FLAG_IP_VERSION_SET);
    FwpmFreeMemory0((void **)&entries);
}

static void
permit_leaves_none(void **state)
{
    struct world *w = *state;

    add_at(w, CONNECT, FWP_ACTION_PERMIT);
    connects(w);
    assert_int_equal(event_count(w), 0);
}

static void
allow_needs_its_keyword(void **state)
{
    struct world *w = *state;
    UINT64 id = add_at(w, CONNECT, FWP_ACTION_PERMIT);
    FWPM_NET_EVENT5 **entries;

    set_option(w, FWPM_ENGINE_NET_EVENT_MATCH_ANY_KEYWORDS, FWPM_NET_EVENT_KEYWORD_CLASSIFY_ALLOW);
    connects(w);
    assert_int_equal(events(w, &entries), 1);
    assert_int_equal(entries[0]->type, FWPM_NET_EVENT_TYPE_CLASSIFY_ALLOW);
    assert_int_equal(entries[0]->classifyAllow->filterId, id);
    FwpmFreeMemory0((void **)&entries);
}

static void
collection_may_be_off(void **state)
{
    struct world *w = *state;

    add_at(w, CONNECT, FWP_ACTION_BLOCK);
    set_option(w, FWPM_ENGINE_COLLECT_NET_EVENTS, 0);
    connects(w);
    assert_int_equal(event_count(w), 0);
    set_option(w, FWPM_ENGINE_COLLECT_NET_EVENTS, 1);
    connects(w);
    assert_int_equal(event_count(w), 1);
}

static void
inbound_to_many_needs_its_keyword(void **state)
{
    struct world *w = *state;

    add_at(w, ACCEPT, FWP_ACTION_BLOCK);
    receives_at(w, LOCAL, NULL);
    receives_at(w, MULTICAST, NULL);
    receives_at(w, LIMITED_BCAST, NULL);
    assert_int_equal(event_count(w), 1);
    set_option(w, FWPM_ENGINE_NET_EVENT_MATCH_ANY_KEYWORDS, FWPM_NET_EVENT_KEYWORD_INBOUND_MCAST);
    receives_at(w, MULTICAST, NULL);
    receives_at(w, LIMITED_BCAST, NULL);
    assert_int_equal(event_count(w), 2);
    set_option(w, FWPM_ENGINE_NET_EVENT_MATCH_ANY_KEYWORDS, FWPM_NET_EVENT_KEYWORD_INBOUND_BCAST);
    receives_at(w, LIMITED_BCAST, NULL);
    assert_int_equal(event_count(w), 3);
}

static void
direction_is_the_packets(void **state)
{
    struct world *w = *state;
    struct wfp_metadata metadata = {.present = WFP_METADATA_PACKET_DIRECTION};
    FWPM_NET_EVENT5 **entries;

    add_at(w, ACCEPT, FWP_ACTION_BLOCK);
    receives_at(w, LOCAL, NULL);
    receives_at(w, LOCAL, &metadata); /* an outbound packet authorizes the flow anew */
    assert_int_equal(events(w, &entries), 2);
    assert_int_equal(entries[0]->classifyDrop->msFwpDirection, WFP_BFE_EVENT_DIRECTION_IN);
    assert_int_equal(entries[1]->classifyDrop->msFwpDirection, WFP_BFE_EVENT_DIRECTION_OUT);
    FwpmFreeMemory0((void **)&entries);
}

/* ---- callouts ---- */

static uint32_t answer_flags;

static void
blocks(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
       uint64_t flow_context, struct wfp_classify_out *out)
{
    (void)context;
    (void)indication;
    (void)filter;
    (void)flow_context;
    out->action = WFP_ACTION_BLOCK;
    out->flags |= answer_flags;
}

static UINT64
add_callout_filter(struct world *w)
{
    static const struct wfp_callout_ops ops = {.classify = blocks};
    FWPM_CALLOUT0 callout = {.calloutKey = callout_key,
                             .displayData = {WIDE("callout"), NULL},
                             .applicableLayer = layer(CONNECT)};
    FWPM_FILTER0 filter = a_filter();
    struct wfp_guid key;
    uint32_t id;
    UINT64 filter_id;

    memcpy(&key, &callout_key, sizeof(key));
    assert_int_equal(wfp_callout_register(w->engine, &key, 0, &ops, NULL, &id), 0);
    GIVES(0, FwpmCalloutAdd0(w->session, &callout, NULL, NULL));
    filter.layerKey = layer(CONNECT);
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = callout_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &filter_id));
    return filter_id;
}

static void
absorbed_leaves_none(void **state)
{
    struct world *w = *state;

    add_callout_filter(w);
    answer_flags = WFP_CLASSIFY_OUT_FLAG_ABSORB;
    assert_true(connects(w).absorb);
    assert_int_equal(event_count(w), 0);
    answer_flags = 0;
    connects(w);
    assert_int_equal(event_count(w), 1);
}

static void
veto_names_the_callouts_filter(void **state)
{
    struct world *w = *state;
    UINT64 id = add_callout_filter(w);
    FWPM_FILTER0 permit = a_filter();
    FWPM_NET_EVENT5 **entries;

    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 0xFFFF));
    permit.layerKey = layer(CONNECT);
    permit.subLayerKey = sublayer_key;
    permit.action.type = FWP_ACTION_PERMIT;
    permit.flags = FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT;
    GIVES(0, FwpmFilterAdd0(w->session, &permit, NULL, NULL));
    assert_true(connects(w).veto);
    assert_int_equal(events(w, &entries), 1);
    assert_int_equal(entries[0]->classifyDrop->filterId, id);
    FwpmFreeMemory0((void **)&entries);
}

/* ---- keeping ---- */

static void
newest_are_kept(void **state)
{
    struct world *w = *state;
    FWPM_NET_EVENT5 **entries;
    UINT64 first = add_at(w, CONNECT, FWP_ACTION_BLOCK), last;
    uint64_t recorded, lost;

    for (int i = 0; i < 5 * WFP_BFE_RECORDER_ROOM; i++)
        connects(w);
    GIVES(0, FwpmFilterDeleteById0(w->session, first));
    last = add_at(w, CONNECT, FWP_ACTION_BLOCK);
    connects(w);
    assert_int_equal(events(w, &entries), WFP_BFE_EVENT_RING);
    assert_int_equal(entries[0]->classifyDrop->filterId, first);
    assert_int_equal(entries[WFP_BFE_EVENT_RING - 1]->classifyDrop->filterId, last);
    FwpmFreeMemory0((void **)&entries);
    wfp_bfe_event_counters(w->bfe, &recorded, &lost);
    assert_int_equal(recorded, 5 * WFP_BFE_RECORDER_ROOM + 1);
    assert_int_equal(lost, 0);
}

static void
enumeration_is_a_snapshot(void **state)
{
    struct world *w = *state;
    FWPM_NET_EVENT5 **entries;
    UINT32 count = 0;
    HANDLE handle;

    add_at(w, CONNECT, FWP_ACTION_BLOCK);
    connects(w);
    GIVES(0, FwpmNetEventCreateEnumHandle0(w->session, NULL, &handle));
    connects(w);
    GIVES(0, FwpmNetEventEnum5(w->session, handle, 1000, &entries, &count));
    assert_int_equal(count, 1);
    FwpmFreeMemory0((void **)&entries);
    GIVES(0, FwpmNetEventDestroyEnumHandle0(w->session, handle));
}

static atomic_uint heard;

static void CALLBACK
hear(void *context, const FWPM_NET_EVENT5 *event)
{
    (void)context;
    heard += event->type == FWPM_NET_EVENT_TYPE_CLASSIFY_DROP;
}

static void
subscribers_hear_of_what_comes(void **state)
{
    struct world *w = *state;
    FWPM_NET_EVENT_SUBSCRIPTION0 subscription = {0};
    HANDLE handle;

    heard = 0;
    add_at(w, CONNECT, FWP_ACTION_BLOCK);
    connects(w); /* before its time */
    GIVES(0, FwpmNetEventSubscribe4(w->session, &subscription, hear, NULL, &handle));
    connects(w);
    connects(w);
    wfp_bfe_subscription_flush(w->bfe);
    assert_int_equal(heard, 2);
    GIVES(0, FwpmNetEventUnsubscribe0(w->session, handle));
    connects(w);
    wfp_bfe_subscription_flush(w->bfe);
    assert_int_equal(heard, 2);
}

int
main(void)
{
    const struct CMUnitTest rows[] = {
        ROW("a drop names layer, filter and connection", drop_names_layer_filter_and_connection),
        ROW("a permit leaves no event", permit_leaves_none),
        ROW("allowed connections are events when asked for", allow_needs_its_keyword),
        ROW("collection may be off", collection_may_be_off),
        ROW("inbound multicast and broadcast are events when asked for",
            inbound_to_many_needs_its_keyword),
        ROW("the direction is the packet's, not the layer's", direction_is_the_packets),
        ROW("an absorbed block leaves no event", absorbed_leaves_none),
        ROW("a veto is a drop by the callout's filter", veto_names_the_callouts_filter),
        ROW("the newest events are kept", newest_are_kept),
        ROW("an enumeration is a snapshot", enumeration_is_a_snapshot),
        ROW("subscribers hear of what comes", subscribers_hear_of_what_comes),
    };
    return RUN(rows);
}
