/*
 * The Fwpm* functions as a driver calls them: handles, NTSTATUS, structures in and out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fwpmk.h>

#include "core/model/layer.h"
#include "fake_engine.h"
#include "policy/bfe/bfe_query.h"
#include "policy/fwpm/fwpm.h"

/* Those of fwpsk.h that this room answers. */
NTSTATUS NTAPI FwpsAleEndpointGetSecurityInfo0(HANDLE, SECURITY_INFORMATION, struct _SID **,
                                               struct _SID **, struct _ACL **, struct _ACL **,
                                               PSECURITY_DESCRIPTOR *);
NTSTATUS NTAPI FwpsAleEndpointSetSecurityInfo0(HANDLE, SECURITY_INFORMATION, const struct _SID *,
                                               const struct _SID *, const struct _ACL *,
                                               const struct _ACL *);

#define WIDE(text)   ((WCHAR *)u##text)
#define STATUS(name) ((NTSTATUS)wfp_status_ntstatus(-WFP_ERR_##name))

static const GUID callout_key = {0x22222222, 1, 0, {0}};
static const GUID sublayer_key = {0x22222222, 2, 0, {0}};
static const GUID provider_key = {0x22222222, 3, 0, {0}};
static const GUID context_key = {0x22222222, 4, 0, {0}};
static const GUID zero_key;

struct fixture {
    struct wfp_bfe *bfe;
    HANDLE engine;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    FWPM_SESSION0 session = {.txnWaitTimeoutInMSec = 20};

    fake_engine_reset();
    assert_int_equal(wfp_bfe_new(FAKE_ENGINE, &f->bfe), 0);
    wfp_fwpm_set_bfe(f->bfe);
    assert_int_equal(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &f->engine), 0);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(FwpmEngineClose0(f->engine), 0);
    wfp_fwpm_set_bfe(NULL);
    wfp_bfe_free(f->bfe);
    free(f);
    return 0;
}

static GUID
layer_key(uint16_t id)
{
    GUID key;

    memcpy(&key, &wfp_layer_find_id(id)->key, sizeof(key));
    return key;
}

static GUID
field_key(uint16_t layer, uint16_t field)
{
    GUID key;

    memcpy(&key, &wfp_layer_find_id(layer)->fields[field].condition_key, sizeof(key));
    return key;
}

static FWPM_FILTER0
block_filter(void)
{
    FWPM_FILTER0 filter = {0};

    filter.displayData.name = WIDE("block");
    filter.layerKey = layer_key(WFP_LAYER_OUTBOUND_TRANSPORT_V4);
    filter.action.type = FWP_ACTION_BLOCK;
    filter.weight.type = FWP_EMPTY;
    return filter;
}

/* What nearly every callout driver does in DriverEntry and undoes in its unload routine. */
static void
test_driver_adds_callout_sublayer_and_filter(void **state)
{
    struct fixture *f = *state;
    FWPM_CALLOUT0 callout = {.calloutKey = callout_key, .displayData = {WIDE("c"), WIDE("d")}};
    FWPM_SUBLAYER0 sublayer = {
        .subLayerKey = sublayer_key, .displayData = {WIDE("s"), NULL}, .weight = 65500};
    FWPM_FILTER0 filter = block_filter();
    UINT32 callout_id = 0;
    UINT64 filter_id = 0;

    callout.applicableLayer = layer_key(WFP_LAYER_OUTBOUND_TRANSPORT_V4);
    filter.subLayerKey = sublayer_key;
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = callout_key;

    assert_int_equal(FwpmTransactionBegin0(f->engine, 0), 0);
    assert_int_equal(FwpmCalloutAdd0(f->engine, &callout, NULL, &callout_id), 0);
    assert_int_equal(FwpmSubLayerAdd0(f->engine, &sublayer, NULL), 0);
    assert_int_equal(FwpmFilterAdd0(f->engine, &filter, NULL, &filter_id), 0);
    assert_int_equal(FwpmTransactionCommit0(f->engine), 0);
    assert_int_not_equal(callout_id, 0);
    assert_int_equal(fake_engine.filter_count, 1);

    assert_int_equal(FwpmCalloutAdd0(f->engine, &callout, NULL, NULL), STATUS(ALREADY_EXISTS));
    assert_int_equal(FwpmCalloutDeleteById0(f->engine, callout_id), STATUS(IN_USE));
    assert_int_equal(FwpmFilterDeleteById0(f->engine, filter_id), 0);
    assert_int_equal(FwpmCalloutDeleteById0(f->engine, callout_id), 0);
    assert_int_equal(FwpmCalloutDeleteByKey0(f->engine, &callout_key), STATUS(CALLOUT_NOT_FOUND));
    assert_int_equal(FwpmSubLayerDeleteByKey0(f->engine, &sublayer_key), 0);
    assert_int_equal(fake_engine.filter_count, 0);
}

static void
test_filter_comes_back_as_it_went_in(void **state)
{
    struct fixture *f = *state;
    FWP_V4_ADDR_AND_MASK network = {0xA83F8110, 0xFFFFFFFF};
    FWP_RANGE0 ports = {{.type = FWP_UINT16, .uint16 = 443}, {.type = FWP_UINT16, .uint16 = 445}};
    FWPM_FILTER_CONDITION0 conditions[2] = {
        {.matchType = FWP_MATCH_EQUAL,
         .conditionValue = {.type = FWP_V4_ADDR_MASK, .v4AddrMask = &network}},
        {.matchType = FWP_MATCH_RANGE,
         .conditionValue = {.type = FWP_RANGE_TYPE, .rangeValue = &ports}},
    };
    UINT8 bytes[] = {1, 2, 3};
    FWPM_PROVIDER0 provider = {.providerKey = provider_key,
                               .displayData = {WIDE("p"), NULL},
                               .serviceName = WIDE("service")};
    FWPM_FILTER0 filter = block_filter(), *got = NULL;
    UINT64 id;

    conditions[0].fieldKey = field_key(WFP_LAYER_OUTBOUND_TRANSPORT_V4,
                                       WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS);
    conditions[1].fieldKey =
        field_key(WFP_LAYER_OUTBOUND_TRANSPORT_V4, WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT);
    filter.displayData.description = WIDE("why");
    filter.numFilterConditions = 2;
    filter.filterCondition = conditions;
    filter.weight = (FWP_VALUE0){.type = FWP_UINT8, .uint8 = 7};
    filter.providerKey = (GUID *)&provider_key;
    filter.providerData = (FWP_BYTE_BLOB){sizeof(bytes), bytes};
    filter.rawContext = 42;
    assert_int_equal(FwpmProviderAdd0(f->engine, &provider, NULL), 0);
    assert_int_equal(FwpmFilterAdd0(f->engine, &filter, NULL, &id), 0);

    assert_int_equal(FwpmFilterGetById0(f->engine, id, &got), 0);
    assert_int_equal(got->filterId, id);
    assert_memory_not_equal(&got->filterKey, &zero_key, sizeof(GUID));
    assert_memory_equal(got->displayData.name, u"block", 12);
    assert_memory_equal(got->displayData.description, u"why", 8);
    assert_memory_equal(got->providerKey, &provider_key, sizeof(GUID));
    assert_int_equal(got->providerData.size, 3);
    assert_memory_equal(got->providerData.data, bytes, 3);
    assert_int_equal(got->rawContext, 42);
    assert_int_equal(got->weight.uint8, 7);
    assert_int_equal(got->effectiveWeight.type, FWP_UINT64);
    assert_int_equal(*got->effectiveWeight.uint64 >> 60, 7);
    assert_int_equal(got->numFilterConditions, 2);
    assert_memory_equal(got->filterCondition[0].conditionValue.v4AddrMask, &network, 8);
    assert_int_equal(got->filterCondition[1].conditionValue.rangeValue->valueHigh.uint16, 445);
    FwpmFreeMemory0((void **)&got);
    assert_null(got);
}

static void
test_enumeration_is_a_snapshot_in_pages(void **state)
{
    struct fixture *f = *state;
    FWPM_FILTER0 filter = block_filter(), **page = NULL;
    UINT64 ids[5];
    HANDLE handle;
    UINT32 count = 0;

    for (int i = 0; i < 5; i++)
        assert_int_equal(FwpmFilterAdd0(f->engine, &filter, NULL, &ids[i]), 0);
    assert_int_equal(FwpmFilterCreateEnumHandle0(f->engine, NULL, &handle), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(FwpmFilterDeleteById0(f->engine, ids[i]), 0);
    assert_int_equal(FwpmFilterEnum0(f->engine, handle, 3, &page, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(page[0]->filterId, ids[0]);
    assert_int_equal(page[2]->filterId, ids[2]);
    FwpmFreeMemory0((void **)&page);
    assert_int_equal(FwpmFilterEnum0(f->engine, handle, 3, &page, &count), 0);
    assert_int_equal(count, 2);
    FwpmFreeMemory0((void **)&page);
    assert_int_equal(FwpmFilterEnum0(f->engine, handle, 3, &page, &count), 0);
    assert_int_equal(count, 0);
    FwpmFreeMemory0((void **)&page);
    assert_int_equal(FwpmLayerDestroyEnumHandle0(f->engine, handle), STATUS(INVALID_HANDLE));
    assert_int_equal(FwpmFilterDestroyEnumHandle0(f->engine, handle), 0);
    assert_int_equal(FwpmFilterDestroyEnumHandle0(f->engine, handle), STATUS(INVALID_HANDLE));
}

static void
test_layers_and_sessions_enumerate(void **state)
{
    struct fixture *f = *state;
    FWPM_LAYER0 **layers = NULL, *layer = NULL;
    FWPM_SESSION0 **sessions = NULL;
    HANDLE handle;
    UINT32 count = 0;

    assert_int_equal(FwpmLayerCreateEnumHandle0(f->engine, NULL, &handle), 0);
    assert_int_equal(FwpmLayerEnum0(f->engine, handle, 1000, &layers, &count), 0);
    assert_in_range(count, 90, 110);
    assert_int_equal(layers[0]->layerId, 0);
    assert_int_equal(layers[0]->numFields, 10);
    assert_non_null(layers[0]->displayData.name);
    FwpmFreeMemory0((void **)&layers);
    assert_int_equal(FwpmLayerGetById0(f->engine, 48, &layer), 0);
    assert_int_equal(layer->layerId, 48);
    FwpmFreeMemory0((void **)&layer);
    assert_int_equal(FwpmLayerGetById0(f->engine, 9999, &layer), STATUS(LAYER_NOT_FOUND));

    assert_int_equal(FwpmSessionCreateEnumHandle0(f->engine, NULL, &handle), 0);
    assert_int_equal(FwpmSessionEnum0(f->engine, handle, 10, &sessions, &count), 0);
    assert_int_equal(count, 1);
    assert_true(sessions[0]->kernelMode);
    assert_int_equal(sessions[0]->txnWaitTimeoutInMSec, 20);
    FwpmFreeMemory0((void **)&sessions);
}

static void
test_provider_context_versions_share_objects(void **state)
{
    struct fixture *f = *state;
    UINT8 bytes[] = {9, 8, 7, 6};
    FWP_BYTE_BLOB blob = {sizeof(bytes), bytes};
    FWPM_PROVIDER_CONTEXT0 context = {.providerContextKey = context_key,
                                      .displayData = {WIDE("x"), NULL},
                                      .type = FWPM_GENERAL_CONTEXT,
                                      .dataBuffer = &blob};
    FWPM_PROVIDER_CONTEXT3 *got = NULL;
    UINT64 id = 0;

    assert_int_equal(FwpmProviderContextAdd0(f->engine, &context, NULL, &id), 0);
    assert_int_equal(FwpmProviderContextGetById3(f->engine, id, &got), 0);
    assert_int_equal(got->dataBuffer->size, 4);
    assert_memory_equal(got->dataBuffer->data, bytes, 4);
    FwpmFreeMemory0((void **)&got);
    context.type = FWPM_IPSEC_IKE_MM_CONTEXT;
    context.providerContextKey = zero_key;
    assert_int_equal(FwpmProviderContextAdd0(f->engine, &context, NULL, &id),
                     STATUS(NOT_SUPPORTED));
    context.type = FWPM_NETWORK_CONNECTION_POLICY_CONTEXT;
    assert_int_equal(FwpmProviderContextAdd0(f->engine, &context, NULL, &id),
                     STATUS(INVALID_ENUMERATOR));
}

static UINT32 seen_size;
static UINT64 seen_context;

static void
look_at_context(enum wfp_notify_type type, struct wfp_filter *filter)
{
    const FWPM_PROVIDER_CONTEXT0 *context = filter->extra->provider_context_view;

    if (type != WFP_NOTIFY_ADD_FILTER)
        return;
    seen_context = filter->context;
    seen_size = context ? context->dataBuffer->size : 0;
}

static void
test_callout_sees_provider_context_if_it_uses_one(void **state)
{
    struct fixture *f = *state;
    FWP_BYTE_BLOB blob = {4, (UINT8 *)"data"};
    FWPM_PROVIDER_CONTEXT0 context = {.providerContextKey = context_key,
                                      .displayData = {WIDE("x"), NULL},
                                      .type = FWPM_GENERAL_CONTEXT,
                                      .dataBuffer = &blob};
    FWPM_CALLOUT0 callout = {.calloutKey = callout_key, .displayData = {WIDE("c"), NULL}};
    FWPM_FILTER0 filter = block_filter();
    UINT64 id = 0;

    callout.applicableLayer = filter.layerKey;
    filter.action.type = FWP_ACTION_CALLOUT_UNKNOWN;
    filter.action.calloutKey = callout_key;
    filter.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    filter.providerContextKey = context_key;
    fake_engine.on_notify = look_at_context;
    assert_int_equal(FwpmProviderContextAdd0(f->engine, &context, NULL, &id), 0);
    for (UINT32 uses = 0; uses < 2; uses++) {
        callout.flags = uses ? FWPM_CALLOUT_FLAG_USES_PROVIDER_CONTEXT : 0;
        assert_int_equal(FwpmCalloutAdd0(f->engine, &callout, NULL, NULL), 0);
        filter.filterKey = callout_key;
        seen_size = 99;
        assert_int_equal(FwpmFilterAdd0(f->engine, &filter, NULL, NULL), 0);
        assert_int_equal(seen_size, uses ? 4 : 0);
        assert_int_equal(seen_context, id); /* the context's run-time id */
        assert_int_equal(FwpmFilterDeleteByKey0(f->engine, &callout_key), 0);
        assert_int_equal(FwpmCalloutDeleteByKey0(f->engine, &callout_key), 0);
    }
}

static void
test_security_info_round_trip(void **state)
{
    struct fixture *f = *state;
    FWPM_SUBLAYER0 sublayer = {.subLayerKey = sublayer_key, .displayData = {WIDE("s"), NULL}};
    static const uint8_t admins[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    struct _SID *owner = NULL;
    struct _ACL *dacl = NULL, *dacl_again = NULL;
    PSECURITY_DESCRIPTOR sd = NULL, sd_again = NULL;

    assert_int_equal(FwpmSubLayerAdd0(f->engine, &sublayer, NULL), 0);
    assert_int_equal(FwpmSubLayerGetSecurityInfoByKey0(f->engine, &sublayer_key, 1 | 4, &owner,
                                                       NULL, &dacl, NULL, &sd),
                     0);
    assert_memory_equal(owner, admins, sizeof(admins));
    assert_non_null(dacl);
    assert_int_equal(
        FwpmSubLayerSetSecurityInfoByKey0(f->engine, &sublayer_key, 4, NULL, NULL, dacl, NULL), 0);
    assert_int_equal(FwpmSubLayerGetSecurityInfoByKey0(f->engine, &sublayer_key, 4, NULL, NULL,
                                                       &dacl_again, NULL, &sd_again),
                     0);
    assert_memory_equal(dacl, dacl_again, ((uint16_t *)dacl)[1]);
    FwpmFreeMemory0(&sd);
    FwpmFreeMemory0(&sd_again);
    assert_int_equal(FwpmTransactionBegin0(f->engine, 0), 0);
    assert_int_equal(
        FwpmSubLayerSetSecurityInfoByKey0(f->engine, &sublayer_key, 4, NULL, NULL, NULL, NULL),
        STATUS(TXN_IN_PROGRESS));
    assert_int_equal(FwpmTransactionAbort0(f->engine), 0);
}

static void
test_the_list_of_sockets_has_a_descriptor(void **state)
{
    static const uint8_t nobody[] = {1, 1, 0, 0, 0, 0, 0, 5, 7, 0, 0, 0},
                         empty[] = {2, 0, 8, 0, 0, 0, 0, 0};
    struct fixture *f = *state;
    struct _SID *owner = NULL, *group = NULL;
    struct _ACL *dacl = NULL, *sacl = NULL;
    PSECURITY_DESCRIPTOR sd = NULL;

    /* It begins as the engine's, and the parts that are set are its own. */
    assert_int_equal(
        FwpsAleEndpointGetSecurityInfo0(f->engine, 1 | 4, &owner, &group, &dacl, &sacl, &sd), 0);
    assert_non_null(owner);
    assert_null(group);
    assert_true(((uint16_t *)dacl)[2] > 1);
    FwpmFreeMemory0(&sd);
    assert_int_equal(FwpsAleEndpointSetSecurityInfo0(f->engine, 1 | 4, (const void *)nobody, NULL,
                                                     (const void *)empty, NULL),
                     0);
    assert_int_equal(
        FwpsAleEndpointGetSecurityInfo0(f->engine, 1 | 2 | 4, &owner, &group, &dacl, &sacl, &sd),
        0);
    assert_memory_equal(owner, nobody, sizeof(nobody));
    assert_non_null(group);
    assert_int_equal(((uint16_t *)dacl)[2], 0);
    FwpmFreeMemory0(&sd);
    /* What is no SID or is not there changes nothing. */
    assert_int_equal(FwpsAleEndpointSetSecurityInfo0(f->engine, 1, NULL, NULL, NULL, NULL),
                     STATUS(INVALID_PARAMETER));
    assert_int_equal(FwpsAleEndpointGetSecurityInfo0(f->engine, 1, NULL, NULL, NULL, NULL, NULL),
                     STATUS(NULL_POINTER));
    assert_int_equal(FwpmEngineGetSecurityInfo0(f->engine, 1, &owner, NULL, NULL, NULL, &sd), 0);
    assert_memory_not_equal(owner, nobody, sizeof(nobody));
    FwpmFreeMemory0(&sd);
}

static FWPM_SERVICE_STATE last_state;

static void NTAPI
on_state(void *context, FWPM_SERVICE_STATE state)
{
    (void)context;
    last_state = state;
}

static void
test_service_state_is_followed(void **state)
{
    struct fixture *f = *state;
    HANDLE change = NULL, engine = NULL;

    assert_int_equal(FwpmBfeStateGet0(), FWPM_SERVICE_RUNNING);
    assert_int_equal(FwpmBfeStateSubscribeChanges0(f, on_state, NULL, &change), 0);
    wfp_fwpm_set_bfe(NULL);
    assert_int_equal(last_state, FWPM_SERVICE_STOPPED);
    assert_int_equal(FwpmBfeStateGet0(), FWPM_SERVICE_STOPPED);
    assert_int_equal(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &engine),
                     STATUS(SERVICE_STOPPED));
    wfp_fwpm_set_bfe(f->bfe);
    assert_int_equal(last_state, FWPM_SERVICE_RUNNING);
    assert_int_equal(FwpmBfeStateUnsubscribeChanges0(change), 0);
    assert_int_equal(FwpmBfeStateUnsubscribeChanges0(change), STATUS(INVALID_HANDLE));
}

static void
test_wrong_handles_and_pointers(void **state)
{
    struct fixture *f = *state;
    FWPM_FILTER0 filter = block_filter(), *got;
    HANDLE bad = (HANDLE)(uintptr_t)0xdeadbeef, handle;
    UINT32 count;

    assert_int_equal(FwpmFilterAdd0(bad, &filter, NULL, NULL), STATUS(INVALID_HANDLE));
    assert_int_equal(FwpmFilterAdd0(NULL, &filter, NULL, NULL), STATUS(INVALID_HANDLE));
    assert_int_equal(FwpmEngineClose0(bad), STATUS(INVALID_HANDLE));
    assert_int_equal(FwpmTransactionBegin0(bad, 0), STATUS(INVALID_HANDLE));
    assert_int_equal(FwpmFilterCreateEnumHandle0(bad, NULL, &handle), STATUS(INVALID_HANDLE));
    assert_int_equal(FwpmSessionCreateEnumHandle0(bad, NULL, &handle), STATUS(INVALID_HANDLE));
    assert_int_equal(FwpmFilterAdd0(f->engine, NULL, NULL, NULL), STATUS(NULL_POINTER));
    assert_int_equal(FwpmFilterGetByKey0(f->engine, NULL, &got), STATUS(NULL_POINTER));
    assert_int_equal(FwpmFilterGetById0(f->engine, 1, NULL), STATUS(NULL_POINTER));
    assert_int_equal(FwpmFilterDeleteByKey0(f->engine, NULL), STATUS(NULL_POINTER));
    assert_int_equal(FwpmFilterCreateEnumHandle0(f->engine, NULL, NULL), STATUS(NULL_POINTER));
    assert_int_equal(FwpmFilterCreateEnumHandle0(f->engine, NULL, &handle), 0);
    assert_int_equal(FwpmFilterEnum0(f->engine, handle, 1, NULL, &count), STATUS(NULL_POINTER));
    assert_int_equal(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, NULL),
                     STATUS(NULL_POINTER));
    FwpmFreeMemory0(NULL);
}

static void
test_engine_options(void **state)
{
    struct fixture *f = *state;
    FWP_VALUE0 *value = NULL, wanted = {.type = FWP_UINT32, .uint32 = 0};

    assert_int_equal(FwpmEngineGetOption0(f->engine, FWPM_ENGINE_COLLECT_NET_EVENTS, &value), 0);
    assert_int_equal(value->uint32, 1);
    FwpmFreeMemory0((void **)&value);
    assert_int_equal(FwpmEngineSetOption0(f->engine, FWPM_ENGINE_COLLECT_NET_EVENTS, &wanted), 0);
    wanted.type = FWP_UINT8;
    assert_int_equal(FwpmEngineSetOption0(f->engine, FWPM_ENGINE_COLLECT_NET_EVENTS, &wanted),
                     STATUS(TYPE_MISMATCH));
    assert_int_equal(FwpmEngineGetOption0(f->engine, FWPM_ENGINE_OPTION_MAX, &value),
                     STATUS(INVALID_ENUMERATOR));
}

static void
test_net_events_reach_the_enumeration(void **state)
{
    struct fixture *f = *state;
    struct wfp_bfe_event event = {.type = WFP_BFE_EVENT_CLASSIFY_DROP,
                                  .flags = WFP_BFE_EVENT_HAS_REMOTE_ADDRESS,
                                  .remote_addr = {168, 63, 129, 16},
                                  .remote_port_host = 80,
                                  .filter_id = 77,
                                  .layer_id = 16};
    FWPM_NET_EVENT2 **events = NULL;
    HANDLE handle;
    UINT32 count = 0;

    wfp_bfe_event_report(f->bfe, &event);
    event.keywords = WFP_BFE_KEYWORD_INBOUND_MCAST; /* off by default */
    wfp_bfe_event_report(f->bfe, &event);
    assert_int_equal(FwpmNetEventCreateEnumHandle0(f->engine, NULL, &handle), 0);
    assert_int_equal(FwpmNetEventEnum2(f->engine, handle, 10, &events, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(events[0]->type, FWPM_NET_EVENT_TYPE_CLASSIFY_DROP);
    assert_int_equal(events[0]->header.remoteAddrV4, 0xA83F8110);
    assert_int_equal(events[0]->classifyDrop->filterId, 77);
    assert_int_equal(events[0]->classifyDrop->layerId, 16);
    FwpmFreeMemory0((void **)&events);
}

static UINT32
count_events(HANDLE engine, UINT16 layer_field, FWP_MATCH_TYPE match, FWP_CONDITION_VALUE0 value)
{
    FWPM_FILTER_CONDITION0 condition = {.fieldKey =
                                            field_key(WFP_LAYER_ALE_AUTH_CONNECT_V4, layer_field),
                                        .matchType = match,
                                        .conditionValue = value};
    FWPM_NET_EVENT_ENUM_TEMPLATE0 template_ = {.numFilterConditions = 1,
                                               .filterCondition = &condition};
    FWPM_NET_EVENT5 **events = NULL;
    UINT32 count = 0;
    HANDLE handle;

    assert_int_equal(FwpmNetEventCreateEnumHandle0(engine, &template_, &handle), 0);
    assert_int_equal(FwpmNetEventEnum5(engine, handle, 100, &events, &count), 0);
    FwpmFreeMemory0((void **)&events);
    return count;
}

static void
test_net_event_templates_select(void **state)
{
    struct fixture *f = *state;
    struct wfp_bfe_event event = {.type = WFP_BFE_EVENT_CLASSIFY_DROP,
                                  .flags = WFP_BFE_EVENT_HAS_REMOTE_ADDRESS |
                                           WFP_BFE_EVENT_HAS_REMOTE_PORT,
                                  .remote_addr = {10, 1, 2, 3}};
    FWP_V4_ADDR_AND_MASK net = {0x0A000000, 0xFF000000};
    FWPM_FILTER_CONDITION0 unknown = {.conditionValue.type = FWP_UINT8};
    FWPM_NET_EVENT_ENUM_TEMPLATE0 bad = {.numFilterConditions = 1, .filterCondition = &unknown};
    HANDLE handle;

    for (uint16_t port = 80; port < 90; port++) {
        event.remote_port_host = port;
        wfp_bfe_event_report(f->bfe, &event);
    }
    event.remote_addr[0] = 11;
    event.flags = WFP_BFE_EVENT_HAS_REMOTE_ADDRESS;
    wfp_bfe_event_report(f->bfe, &event); /* its port is not known */
#define COUNT(name, ...) count_events(f->engine, WFP_FIELD_ALE_AUTH_CONNECT_V4_##name, __VA_ARGS__)
    assert_int_equal(COUNT(IP_REMOTE_PORT, FWP_MATCH_GREATER_OR_EQUAL,
                           (FWP_CONDITION_VALUE0){.type = FWP_UINT16, .uint16 = 85}),
                     5);
    assert_int_equal(COUNT(IP_REMOTE_ADDRESS, FWP_MATCH_EQUAL,
                           (FWP_CONDITION_VALUE0){.type = FWP_V4_ADDR_MASK, .v4AddrMask = &net}),
                     10);
    assert_int_equal(COUNT(IP_LOCAL_PORT, FWP_MATCH_EQUAL,
                           (FWP_CONDITION_VALUE0){.type = FWP_UINT16, .uint16 = 0}),
                     0);
    assert_int_equal(FwpmNetEventCreateEnumHandle0(f->engine, &bad, &handle),
                     STATUS(CONDITION_NOT_FOUND));
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_driver_adds_callout_sublayer_and_filter),
        TEST(test_filter_comes_back_as_it_went_in),
        TEST(test_enumeration_is_a_snapshot_in_pages),
        TEST(test_layers_and_sessions_enumerate),
        TEST(test_provider_context_versions_share_objects),
        TEST(test_callout_sees_provider_context_if_it_uses_one),
        TEST(test_security_info_round_trip),
        TEST(test_the_list_of_sockets_has_a_descriptor),
        TEST(test_service_state_is_followed),
        TEST(test_wrong_handles_and_pointers),
        TEST(test_engine_options),
        TEST(test_net_events_reach_the_enumeration),
        TEST(test_net_event_templates_select),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
