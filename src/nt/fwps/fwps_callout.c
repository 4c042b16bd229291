/*
 * Callouts of drivers: FwpsCalloutRegister and its versions, and the bridge for each call.
 *
 * Model      core/engine knows a callout by id and ops; `struct driver_callout` holds the driver's
 *            functions. Four versions differ in two points: version 0's classifyFn has no
 *            classifyContext, and filters point at newer provider contexts. Values, metadata and
 *            classifyOut have Windows' own layout in core, so nothing is copied on the way.
 * Ref        ddi fwpsk/ns-fwpsk-fwps_callout0_ and following
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/model/layer.h"
#include "core/model/metadata.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

struct nt_fwps_config nt_fwps;

struct driver_callout {
    struct driver_callout *next;
    struct wfp_guid key;
    uint32_t id;
    int version; /* 0: no classifyContext */
    struct nt_driver *driver;
    char *driver_name; /* outlives the driver, for reports */
    uintptr_t site;    /* of its registration */
    bool is_registered;
    FWPS_CALLOUT_CLASSIFY_FN0 classify0;
    FWPS_CALLOUT_CLASSIFY_FN3 classify3; /* versions 1 to 3 have one shape */
    FWPS_CALLOUT_NOTIFY_FN3 notify;
    FWPS_CALLOUT_FLOW_DELETE_NOTIFY_FN0 flow_delete;
};

_Thread_local const struct wfp_indication *nt_fwps_classified;
static _Thread_local const struct driver_callout *asked;
static pthread_mutex_t callouts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct driver_callout *callouts;

/* Layers at which Windows calls in the context of the calling thread; packet layers run raised. */
static bool
is_passive(uint16_t layer_id)
{
    switch (layer_id) {
    case WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V4:
    case WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V6:
    case WFP_LAYER_ALE_BIND_REDIRECT_V4:
    case WFP_LAYER_ALE_BIND_REDIRECT_V6:
    case WFP_LAYER_ALE_CONNECT_REDIRECT_V4:
    case WFP_LAYER_ALE_CONNECT_REDIRECT_V6:
    case WFP_LAYER_ALE_AUTH_LISTEN_V4:
    case WFP_LAYER_ALE_AUTH_LISTEN_V6:
        return true;
    default:
        return false;
    }
}

static void
call_classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
              uint64_t flow_context, struct wfp_classify_out *out)
{
    struct driver_callout *callout = context;
    FWPS_INCOMING_VALUES0 values = {
        .layerId = indication->layer_id,
        .valueCount = indication->value_count,
        .incomingValue = (FWPS_INCOMING_VALUE0 *)(uintptr_t)indication->values,
    };
    const FWPS_INCOMING_METADATA_VALUES0 *metadata =
        (const FWPS_INCOMING_METADATA_VALUES0 *)indication->metadata;
    FWPS_CLASSIFY_OUT0 *classify_out = (FWPS_CLASSIFY_OUT0 *)out;
    FWPS_FILTER3 *view = nt_fwps_filter_view(filter);
    NET_BUFFER_LIST *nbl = NULL;
    struct nt_fwps_stream_call stream;
    void *layer_data = indication->layer_data;
    uint8_t irql = is_passive(indication->layer_id) ? NT_PASSIVE_LEVEL : NT_DISPATCH_LEVEL;

    const struct wfp_indication *outer = nt_fwps_classified;

    if (!view)
        return; /* out of memory: as if the callout had said nothing */
    if (indication->packet)
        layer_data = nbl = nt_fwps_packet_nbl(indication);
    if (UNLIKELY(nbl && indication->packet->next_fragment))
        nt_fwps_group_link(indication, nbl);
    if (indication->stream) {
        if (!nt_fwps_stream_begin(indication->stream, &stream))
            return;
        layer_data = &stream.packet;
    }
    nt_fwps_classified = indication;
    if (callout->version == 0)
        NT_CALLBACK_VOID(callout->driver, irql,
                         callout->classify0(&values, metadata, layer_data,
                                            (const FWPS_FILTER0 *)view, flow_context,
                                            classify_out));
    else
        NT_CALLBACK_VOID(callout->driver, irql,
                         callout->classify3(&values, metadata, layer_data,
                                            indication->classify_context, view, flow_context,
                                            classify_out));
    nt_fwps_classified = outer;
    asked = callout;
    if (UNLIKELY(nbl && indication->packet->next_fragment))
        nt_fwps_group_check(indication, nbl, out);
    if (nbl)
        nt_fwps_packet_check(indication, nbl, out);
    if (indication->stream)
        nt_fwps_stream_end(indication, &stream, filter, out);
}

const char *
nt_fwps_asked_driver(void)
{
    return asked->driver_name;
}

uintptr_t
nt_fwps_asked_site(void)
{
    return (asked->version == 0 ? (uintptr_t)asked->classify0 : (uintptr_t)asked->classify3) + 1;
}

static int
call_notify(void *context, enum wfp_notify_type type, struct wfp_filter *filter)
{
    struct driver_callout *callout = context;
    FWPS_FILTER3 *view;

    if (!callout->notify)
        return 0;
    view = nt_fwps_filter_view(filter);
    if (!view)
        return -WFP_ERR_NO_MEMORY;
    /* on delete the documented key is NULL: the filter is already gone from the policy */
    const GUID *key = type == WFP_NOTIFY_DELETE_FILTER ? NULL : (const GUID *)&filter->key;
    NTSTATUS status = NT_CALLBACK(callout->driver, NT_PASSIVE_LEVEL,
                                  callout->notify((FWPS_CALLOUT_NOTIFY_TYPE)type, key, view));
    filter->context = view->context;
    return NT_SUCCESS(status) ? 0 : -WFP_ERR_CALLOUT_NOTIFICATION_FAILED;
}

static void
call_flow_delete(void *context, uint16_t layer_id, uint32_t callout_id, uint64_t flow_context)
{
    struct driver_callout *callout = context;

    if (callout->flow_delete)
        NT_CALLBACK_VOID(callout->driver, NT_DISPATCH_LEVEL,
                         callout->flow_delete(layer_id, callout_id, flow_context));
}

static const struct wfp_callout_ops ops_with_flows = {
    .classify = call_classify,
    .notify = call_notify,
    .flow_delete = call_flow_delete,
};

static const struct wfp_callout_ops ops_without_flows = {
    .classify = call_classify,
    .notify = call_notify,
};

/* Registered callouts are kept for ever: a report at the end names those long gone, too. */
static NTSTATUS
register_callout(struct driver_callout callout, UINT32 flags, UINT32 *ret_id)
{
    struct driver_callout *kept;
    int r;

    nt_cpu_require_max("FwpsCalloutRegister", NT_APC_LEVEL);
    if (!callout.classify0 && !callout.classify3)
        return STATUS_FWP_NULL_POINTER;
    callout.driver = nt_driver_current();
    callout.site = nt_place_caller();
    callout.driver_name = strdup(nt_driver_name(callout.driver));
    kept = malloc(sizeof(*kept));
    if (!kept || !callout.driver_name) {
        free(callout.driver_name);
        free(kept);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    callout.is_registered = true;
    *kept = callout;
    r = wfp_callout_register(nt_fwps.engine, &callout.key, flags,
                             callout.flow_delete ? &ops_with_flows : &ops_without_flows, kept,
                             &kept->id);
    if (r < 0) {
        free(kept->driver_name);
        free(kept);
        return wfp_status_ntstatus(r);
    }
    if (ret_id)
        *ret_id = kept->id;
    pthread_mutex_lock(&callouts_lock);
    kept->next = callouts;
    callouts = kept;
    pthread_mutex_unlock(&callouts_lock);
    return STATUS_SUCCESS;
}

static struct wfp_guid
key_of(const GUID *guid)
{
    struct wfp_guid key;
    memcpy(&key, guid, sizeof(key));
    return key;
}

/**
 * Register a callout's functions with the filter engine.
 *
 * @param device_object  the driver's device; may be NULL
 * @param callout        calloutKey, flags and functions; copied
 * @param calloutId      receives the run-time id; may be NULL
 * @return STATUS_SUCCESS, STATUS_FWP_ALREADY_EXISTS, STATUS_INSUFFICIENT_RESOURCES
 *
 * IRQL: = PASSIVE_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpscalloutregister0
 */
NTSTATUS NTAPI
FwpsCalloutRegister0(void *device_object, const FWPS_CALLOUT0 *callout, UINT32 *calloutId)
{
    if (!callout)
        return STATUS_FWP_NULL_POINTER;
    struct driver_callout mine = {
        .key = key_of(&callout->calloutKey),
        .version = 0,
        .classify0 = callout->classifyFn,
        .notify = (FWPS_CALLOUT_NOTIFY_FN3)callout->notifyFn,
        .flow_delete = callout->flowDeleteFn,
    };
    return register_callout(mine, callout->flags, calloutId);
}

/** As version 0, with a classifyContext and FWPS_FILTER1. Ref: ddi fwpsk/nf-fwpsk-fwpscalloutregister1 */
NTSTATUS NTAPI
FwpsCalloutRegister1(void *device_object, const FWPS_CALLOUT1 *callout, UINT32 *calloutId)
{
    if (!callout)
        return STATUS_FWP_NULL_POINTER;
    struct driver_callout mine = {
        .key = key_of(&callout->calloutKey),
        .version = 1,
        .classify3 = (FWPS_CALLOUT_CLASSIFY_FN3)callout->classifyFn,
        .notify = (FWPS_CALLOUT_NOTIFY_FN3)callout->notifyFn,
        .flow_delete = callout->flowDeleteFn,
    };
    return register_callout(mine, callout->flags, calloutId);
}

/** As version 1, with FWPS_FILTER2. Ref: ddi fwpsk/nf-fwpsk-fwpscalloutregister2 */
NTSTATUS NTAPI
FwpsCalloutRegister2(void *device_object, const FWPS_CALLOUT2 *callout, UINT32 *calloutId)
{
    return FwpsCalloutRegister1(device_object, (const FWPS_CALLOUT1 *)callout, calloutId);
}

/** As version 2, with FWPS_FILTER3. Ref: ddi fwpsk/ns-fwpsk-fwps_callout3_ */
NTSTATUS NTAPI
FwpsCalloutRegister3(void *device_object, const FWPS_CALLOUT3 *callout, UINT32 *calloutId)
{
    return FwpsCalloutRegister1(device_object, (const FWPS_CALLOUT1 *)callout, calloutId);
}

static struct driver_callout *
find_callout(uint32_t id)
{
    struct driver_callout *found;

    pthread_mutex_lock(&callouts_lock);
    for (found = callouts; found && (found->id != id || !found->is_registered); found = found->next)
        ;
    pthread_mutex_unlock(&callouts_lock);
    return found;
}

/**
 * Take a callout's functions away.
 *
 * @return STATUS_SUCCESS; STATUS_DEVICE_BUSY while flows carry its contexts (their flowDeleteFn is
 *         being called; try again); STATUS_FWP_CALLOUT_NOT_FOUND
 * IRQL: = PASSIVE_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpscalloutunregisterbyid0
 */
NTSTATUS NTAPI
FwpsCalloutUnregisterById0(const UINT32 calloutId)
{
    struct driver_callout *callout = find_callout(calloutId);
    int r;

    nt_cpu_require_max("FwpsCalloutUnregisterById", NT_APC_LEVEL);
    if (!callout)
        return STATUS_FWP_CALLOUT_NOT_FOUND;
    r = wfp_callout_unregister(nt_fwps.engine, calloutId);
    if (r == -WFP_ERR_IN_USE)
        return STATUS_DEVICE_BUSY;
    if (r == 0)
        callout->is_registered = false;
    return wfp_status_ntstatus(r);
}

/** By key. Ref: ddi fwpsk/nf-fwpsk-fwpscalloutunregisterbykey0 */
NTSTATUS NTAPI
FwpsCalloutUnregisterByKey0(const GUID *calloutKey)
{
    struct wfp_guid key;
    struct driver_callout *found;

    if (!calloutKey)
        return STATUS_FWP_NULL_POINTER;
    key = key_of(calloutKey);
    pthread_mutex_lock(&callouts_lock);
    for (found = callouts; found && (!wfp_guid_equal(&found->key, &key) || !found->is_registered);
         found = found->next)
        ;
    pthread_mutex_unlock(&callouts_lock);
    return found ? FwpsCalloutUnregisterById0(found->id) : STATUS_FWP_CALLOUT_NOT_FOUND;
}

/* A driver that stops with callouts registered: Windows would call unmapped code. */
static void
check_driver(struct nt_driver *driver)
{
    char text[WFP_GUID_TEXT_SIZE];

    for (struct driver_callout *c = callouts; c; c = c->next) {
        if (c->driver != driver)
            continue;
        if (c->is_registered) {
            nt_finding_at(nt_driver_name(driver), c->site, NT_FINDING_CALLOUT_LEAK,
                          "callout {%s} is still registered", wfp_guid_format(&c->key, text));
            c->flow_delete = NULL;
            for (int i = 0;
                 i < 100 && wfp_callout_unregister(nt_fwps.engine, c->id) == -WFP_ERR_IN_USE; i++)
                ;
            c->is_registered = false;
        }
        c->driver = NULL;
    }
}

void
nt_fwps_init(const struct nt_fwps_config *config)
{
    static bool done;

    nt_fwps = *config;
    nt_ndis_init();
    if (!done) {
        nt_driver_add_check(check_driver);
        nt_fwps_token_init();
        nt_fwps_nbl_init();
    }
    done = true;
}

void
nt_fwps_set_flows(struct wfp_flow_table *flows)
{
    nt_fwps.flows = flows;
}

void
nt_fwps_set_stack(struct wfp_stack *stack)
{
    nt_fwps.stack = stack;
}

void
nt_fwps_set_streams(struct wfp_stream_table *streams)
{
    nt_fwps.streams = streams;
}

void
nt_fwps_set_wake(void (*wake)(void *context), void *context)
{
    nt_fwps.wake_context = context;
    nt_fwps.wake = wake;
}

void
nt_fwps_wake(void)
{
    if (nt_fwps.wake)
        nt_fwps.wake(nt_fwps.wake_context);
    nt_dispatcher_request_service();
}

size_t
nt_fwps_list_callouts(struct nt_fwps_callout_info *infos, size_t room)
{
    size_t n = 0;

    pthread_mutex_lock(&callouts_lock);
    for (struct driver_callout *c = callouts; c; c = c->next, n++)
        if (n < room)
            infos[n] = (struct nt_fwps_callout_info){c->id, c->driver_name, &c->key};
    pthread_mutex_unlock(&callouts_lock);
    return n;
}
