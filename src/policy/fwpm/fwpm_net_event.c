/*
 * Network events: what was dropped, and where.
 *
 * Ref        win32 FWP/logging, FWP/event-management
 */
#include "policy/fwpm/fwpm_kind.h"

/*
 * All versions begin alike: the header only grew, and so did what a drop carries. A writer fills the
 * part that its version has.
 */
static_assert(offsetof(FWPM_NET_EVENT_HEADER0, userId) == offsetof(FWPM_NET_EVENT_HEADER1, userId),
              "one beginning");
static_assert(offsetof(FWPM_NET_EVENT_HEADER0, userId) == offsetof(FWPM_NET_EVENT_HEADER3, userId),
              "one beginning");
static_assert(offsetof(FWPM_NET_EVENT_HEADER2, addressFamily) ==
                  offsetof(FWPM_NET_EVENT_HEADER3, addressFamily),
              "one beginning");
static_assert(offsetof(FWPM_NET_EVENT_CLASSIFY_DROP1, isLoopback) ==
                  offsetof(FWPM_NET_EVENT_CLASSIFY_DROP2, isLoopback),
              "one beginning");
static_assert(offsetof(FWPM_NET_EVENT_CLASSIFY_ALLOW0, isLoopback) ==
                  offsetof(FWPM_NET_EVENT_CLASSIFY_DROP2, isLoopback),
              "one beginning");
static_assert(sizeof(FWPM_NET_EVENT3) == sizeof(FWPM_NET_EVENT4) &&
                  sizeof(FWPM_NET_EVENT3) == sizeof(FWPM_NET_EVENT5),
              "one layout");
static_assert(offsetof(FWPM_NET_EVENT3, classifyDrop) == offsetof(FWPM_NET_EVENT4, classifyDrop) &&
                  offsetof(FWPM_NET_EVENT3, classifyDrop) ==
                      offsetof(FWPM_NET_EVENT5, classifyDrop),
              "one layout");

static void
write_address(uint32_t *v4_host, uint8_t v6[16], const struct wfp_bfe_event *event,
              const uint8_t addr[16])
{
    if (event->is_v6)
        memcpy(v6, addr, 16);
    else
        *v4_host =
            (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
}

static void
write_header(struct wfp_fwpm_arena *arena, FWPM_NET_EVENT_HEADER0 *out,
             const struct wfp_bfe_event *event)
{
    out->timeStamp.dwLowDateTime = (DWORD)event->time_100ns;
    out->timeStamp.dwHighDateTime = (DWORD)(event->time_100ns >> 32);
    out->flags = event->flags;
    out->ipVersion = event->is_v6 ? FWP_IP_VERSION_V6 : FWP_IP_VERSION_V4;
    out->ipProtocol = event->protocol;
    write_address(&out->localAddrV4, out->localAddrV6.byteArray16, event, event->local_addr);
    write_address(&out->remoteAddrV4, out->remoteAddrV6.byteArray16, event, event->remote_addr);
    out->localPort = event->local_port_host;
    out->remotePort = event->remote_port_host;
    out->scopeId = event->scope_id;
    wfp_fwpm_write_blob(arena, &out->appId, &event->app_id);
    if (event->user_sid)
        out->userId =
            wfp_fwpm_arena_copy(arena, event->user_sid, wfp_value_sid_size(event->user_sid));
}

/* FWPM_NET_EVENT_CLASSIFY_DROP2, of which all other versions and ALLOW0 are beginnings. */
static void *
write_verdict(struct wfp_fwpm_arena *arena, const struct wfp_bfe_event *event)
{
    FWPM_NET_EVENT_CLASSIFY_DROP2 *out = wfp_fwpm_arena_take(arena, sizeof(*out));

    if (!out)
        return NULL;
    memset(out, 0, sizeof(*out));
    out->filterId = event->filter_id;
    out->layerId = event->layer_id;
    out->reauthReason = event->reauth_reason;
    out->msFwpDirection = event->direction;
    out->isLoopback = event->is_loopback;
    return out;
}

void
wfp_fwpm_write_event0(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_event *event = item;
    FWPM_NET_EVENT0 *out = out_;

    write_header(arena, (FWPM_NET_EVENT_HEADER0 *)&out->header, event);
    out->type = (FWPM_NET_EVENT_TYPE)event->type;
    out->classifyDrop = write_verdict(arena, event);
}

void
wfp_fwpm_write_event1(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_event *event = item;
    FWPM_NET_EVENT1 *out = out_;

    write_header(arena, (FWPM_NET_EVENT_HEADER0 *)&out->header, event);
    out->type = (FWPM_NET_EVENT_TYPE)event->type;
    out->classifyDrop = write_verdict(arena, event);
}

void
wfp_fwpm_write_event2(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_event *event = item;
    FWPM_NET_EVENT2 *out = out_;

    write_header(arena, (FWPM_NET_EVENT_HEADER0 *)&out->header, event);
    out->header.addressFamily = event->is_v6 ? FWP_AF_INET6 : FWP_AF_INET;
    out->type = (FWPM_NET_EVENT_TYPE)event->type;
    out->classifyDrop = write_verdict(arena, event);
}

void
wfp_fwpm_write_event3(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_event *event = item;
    FWPM_NET_EVENT3 *out = out_;

    write_header(arena, (FWPM_NET_EVENT_HEADER0 *)&out->header, event);
    out->header.addressFamily = event->is_v6 ? FWP_AF_INET6 : FWP_AF_INET;
    out->type = (FWPM_NET_EVENT_TYPE)event->type;
    out->classifyDrop = write_verdict(arena, event);
}

/**
 * Take a snapshot of the network events to enumerate.
 *
 * @param enumTemplate  which ones; NULL for all
 * @param enumHandle  destroy it with FwpmNetEventDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventcreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmNetEventCreateEnumHandle0(HANDLE engineHandle,
                              const FWPM_NET_EVENT_ENUM_TEMPLATE0 *enumTemplate, HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_EVENT0, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventenum0.
 */
FWPM_STATUS NTAPI
FwpmNetEventEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                  FWPM_NET_EVENT0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_EVENT0, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventenum1.
 */
FWPM_STATUS NTAPI
FwpmNetEventEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                  FWPM_NET_EVENT1 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_EVENT1, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventenum2.
 */
FWPM_STATUS NTAPI
FwpmNetEventEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                  FWPM_NET_EVENT2 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_EVENT2, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventenum3.
 */
FWPM_STATUS NTAPI
FwpmNetEventEnum3(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                  FWPM_NET_EVENT3 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_EVENT3, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventenum4.
 */
FWPM_STATUS NTAPI
FwpmNetEventEnum4(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                  FWPM_NET_EVENT4 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_EVENT3, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventenum5.
 */
FWPM_STATUS NTAPI
FwpmNetEventEnum5(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                  FWPM_NET_EVENT5 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_EVENT3, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventdestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmNetEventDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_EVENT0, enumHandle);
}

#ifdef WFP_FWPM_USER

/* Build the event of the family's version, hand it over, free it. Lost when memory is out. */
static void *
built(wfp_fwpm_writer *write, const void *event, size_t size)
{
    void *out = NULL;

    return wfp_fwpm_arena_build(write, event, size, &out) == 0 ? out : NULL;
}

static void
deliver0(void *context, const void *event)
{
    const struct wfp_fwpm_joint *joint = context;
    FWPM_NET_EVENT1 *out = built(wfp_fwpm_write_event1, event, sizeof(*out));

    if (out)
        ((FWPM_NET_EVENT_CALLBACK0)joint->function)(joint->context, out);
    free(out);
}

/**
 * Hear of network events as they happen.
 *
 * @param callback  runs on a thread of its own; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventsubscribe0.
 */
DWORD NTAPI
FwpmNetEventSubscribe0(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                       FWPM_NET_EVENT_CALLBACK0 callback, void *context, HANDLE *eventsHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_EVENT1, subscription, deliver0,
                              (void *)callback, context, eventsHandle);
}

static void
deliver1(void *context, const void *event)
{
    const struct wfp_fwpm_joint *joint = context;
    FWPM_NET_EVENT2 *out = built(wfp_fwpm_write_event2, event, sizeof(*out));

    if (out)
        ((FWPM_NET_EVENT_CALLBACK1)joint->function)(joint->context, out);
    free(out);
}

/**
 * Hear of network events as they happen.
 *
 * @param callback  runs on a thread of its own; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventsubscribe1.
 */
DWORD NTAPI
FwpmNetEventSubscribe1(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                       FWPM_NET_EVENT_CALLBACK1 callback, void *context, HANDLE *eventsHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_EVENT2, subscription, deliver1,
                              (void *)callback, context, eventsHandle);
}

static void
deliver2(void *context, const void *event)
{
    const struct wfp_fwpm_joint *joint = context;
    FWPM_NET_EVENT3 *out = built(wfp_fwpm_write_event3, event, sizeof(*out));

    if (out)
        ((FWPM_NET_EVENT_CALLBACK2)joint->function)(joint->context, out);
    free(out);
}

/**
 * Hear of network events as they happen.
 *
 * @param callback  runs on a thread of its own; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventsubscribe2.
 */
DWORD NTAPI
FwpmNetEventSubscribe2(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                       FWPM_NET_EVENT_CALLBACK2 callback, void *context, HANDLE *eventsHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_EVENT3, subscription, deliver2,
                              (void *)callback, context, eventsHandle);
}

static void
deliver3(void *context, const void *event)
{
    const struct wfp_fwpm_joint *joint = context;
    FWPM_NET_EVENT4 *out = built(wfp_fwpm_write_event3, event, sizeof(*out));

    if (out)
        ((FWPM_NET_EVENT_CALLBACK3)joint->function)(joint->context, out);
    free(out);
}

/**
 * Hear of network events as they happen.
 *
 * @param callback  runs on a thread of its own; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventsubscribe3.
 */
DWORD NTAPI
FwpmNetEventSubscribe3(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                       FWPM_NET_EVENT_CALLBACK3 callback, void *context, HANDLE *eventsHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_EVENT3, subscription, deliver3,
                              (void *)callback, context, eventsHandle);
}

static void
deliver4(void *context, const void *event)
{
    const struct wfp_fwpm_joint *joint = context;
    FWPM_NET_EVENT5 *out = built(wfp_fwpm_write_event3, event, sizeof(*out));

    if (out)
        ((FWPM_NET_EVENT_CALLBACK4)joint->function)(joint->context, out);
    free(out);
}

/**
 * Hear of network events as they happen.
 *
 * @param callback  runs on a thread of its own; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventsubscribe4.
 */
DWORD NTAPI
FwpmNetEventSubscribe4(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                       FWPM_NET_EVENT_CALLBACK4 callback, void *context, HANDLE *eventsHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_EVENT3, subscription, deliver4,
                              (void *)callback, context, eventsHandle);
}

/**
 * End the subscription; no callback runs after this returned.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventunsubscribe0.
 */
DWORD NTAPI
FwpmNetEventUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle)
{
    return wfp_fwpm_unsubscribe(engineHandle, eventsHandle);
}

/**
 * All subscriptions in force.
 *
 * @param entries  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventsubscriptionsget0.
 */
DWORD NTAPI
FwpmNetEventSubscriptionsGet0(HANDLE engineHandle, FWPM_NET_EVENT_SUBSCRIPTION0 ***entries,
                              UINT32 *numEntries)
{
    return wfp_fwpm_get_subscriptions(engineHandle, WFP_FWPM_EVENT0, entries, numEntries);
}

#endif
