/*
 * Subscriptions to changes of objects, for programs.
 *
 * Ref        win32 FWP/change-notifications
 */
#include "policy/fwpm/fwpm_kind.h"

static int
joint_new(void *function, void *context, struct wfp_fwpm_joint **ret_joint)
{
    struct wfp_fwpm_joint *joint;

    if (!function)
        return -WFP_ERR_NULL_POINTER;
    joint = malloc(sizeof(*joint));
    if (!joint)
        return -WFP_ERR_NO_MEMORY;
    *joint = (struct wfp_fwpm_joint){(void (*)(void))function, context};
    *ret_joint = joint;
    return 0;
}

/* All FWPM_*_SUBSCRIPTION0 have one layout: template, flags, session. */
struct subscription {
    void *template_;
    UINT32 flags;
    GUID session_key;
};
#define SAME_LAYOUT(type)                                                                          \
    static_assert(sizeof(struct subscription) == sizeof(type) &&                                   \
                      offsetof(struct subscription, flags) == offsetof(type, flags) &&             \
                      offsetof(struct subscription, session_key) == offsetof(type, sessionKey),    \
                  "one layout")
SAME_LAYOUT(FWPM_PROVIDER_SUBSCRIPTION0);
SAME_LAYOUT(FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0);
SAME_LAYOUT(FWPM_SUBLAYER_SUBSCRIPTION0);
SAME_LAYOUT(FWPM_CALLOUT_SUBSCRIPTION0);
SAME_LAYOUT(FWPM_FILTER_SUBSCRIPTION0);
SAME_LAYOUT(FWPM_NET_EVENT_SUBSCRIPTION0);

DWORD
wfp_fwpm_subscribe(HANDLE engineHandle, enum wfp_fwpm_kind kind, const void *subscription_,
                   wfp_bfe_change_callback *deliver, void *function, void *context,
                   HANDLE *ret_handle)
{
    const struct subscription *subscription = subscription_;
    struct wfp_fwpm_selection selection;
    OPEN_SESSION(session, engineHandle);
    struct wfp_fwpm_joint *joint;
    uint64_t handle;
    int r;

    if (!subscription || !ret_handle)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    r = joint_new(function, context, &joint);
    if (r < 0)
        return wfp_fwpm_status(r);
    r = wfp_bfe_subscribe(session, wfp_fwpm_bfe_kind(kind),
                          wfp_fwpm_template(kind, subscription->template_, &selection),
                          subscription->flags, deliver, free, joint, &handle);
    if (r < 0)
        free(joint);
    else
        *ret_handle = wfp_fwpm_handle(handle);
    return wfp_fwpm_status(r);
}

DWORD
wfp_fwpm_unsubscribe(HANDLE engineHandle, HANDLE handle)
{
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(wfp_bfe_unsubscribe(session, wfp_fwpm_number(handle)));
}

static void
write_subscription(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_subscription_info *info = item;
    struct subscription *out = out_;

    (void)arena;
    out->flags = info->flags;
    memcpy(&out->session_key, &info->session_key, sizeof(GUID));
}

/* Gap: the templates of other sessions' subscriptions are not shown. */
DWORD
wfp_fwpm_get_subscriptions(HANDLE engineHandle, enum wfp_fwpm_kind kind, void *ret_entries,
                           UINT32 *ret_count)
{
    _cleanup_(freep) struct wfp_bfe_subscription_info *infos = NULL;
    _cleanup_(freep) void **items = NULL;
    OPEN_SESSION(session, engineHandle);
    uint32_t count = 0;
    int r;

    if (!ret_entries || !ret_count)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    r = wfp_bfe_subscriptions_get(session, wfp_fwpm_bfe_kind(kind), &infos, &count);
    if (r < 0)
        return wfp_fwpm_status(r);
    items = malloc(MAX(count, 1u) * sizeof(void *));
    if (!items)
        return wfp_fwpm_status(-WFP_ERR_NO_MEMORY);
    for (uint32_t i = 0; i < count; i++)
        items[i] = &infos[i];
    r = wfp_fwpm_arena_build_array(write_subscription, items, count, sizeof(struct subscription),
                                   ret_entries);
    if (r == 0)
        *ret_count = count;
    return wfp_fwpm_status(r);
}

/* ---- changes ----------------------------------------------------------------------------- */

static FWPM_CHANGE_TYPE
change_type(const struct wfp_bfe_change_event *event)
{
    return event->added ? FWPM_CHANGE_ADD : FWPM_CHANGE_DELETE;
}

static void
deliver_provider(void *context, const void *event_)
{
    const struct wfp_bfe_change_event *event = event_;
    const struct wfp_fwpm_joint *joint = context;
    FWPM_PROVIDER_CHANGE0 change = {.changeType = change_type(event)};

    memcpy(&change.providerKey, &event->key, sizeof(GUID));
    ((FWPM_PROVIDER_CHANGE_CALLBACK0)joint->function)(joint->context, &change);
}

/**
 * Hear of providers that other sessions add or delete.
 *
 * @param subscription  which, and FWPM_SUBSCRIPTION_FLAG_*
 * @param callback  runs on a thread of its own, after the commit; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidersubscribechanges0.
 */
DWORD NTAPI
FwpmProviderSubscribeChanges0(HANDLE engineHandle, const FWPM_PROVIDER_SUBSCRIPTION0 *subscription,
                              FWPM_PROVIDER_CHANGE_CALLBACK0 callback, void *context,
                              HANDLE *changeHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_PROVIDER, subscription, deliver_provider,
                              (void *)callback, context, changeHandle);
}

/**
 * End the subscription; no callback runs after this returned.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmproviderunsubscribechanges0.
 */
DWORD NTAPI
FwpmProviderUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle)
{
    return wfp_fwpm_unsubscribe(engineHandle, changeHandle);
}

/**
 * All subscriptions in force.
 *
 * @param entries  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidersubscriptionsget0.
 */
DWORD NTAPI
FwpmProviderSubscriptionsGet0(HANDLE engineHandle, FWPM_PROVIDER_SUBSCRIPTION0 ***entries,
                              UINT32 *numEntries)
{
    return wfp_fwpm_get_subscriptions(engineHandle, WFP_FWPM_PROVIDER, entries, numEntries);
}

static void
deliver_provider_context(void *context, const void *event_)
{
    const struct wfp_bfe_change_event *event = event_;
    const struct wfp_fwpm_joint *joint = context;
    FWPM_PROVIDER_CONTEXT_CHANGE0 change = {.changeType = change_type(event)};

    memcpy(&change.providerContextKey, &event->key, sizeof(GUID));
    change.providerContextId = (UINT64)event->id;
    ((FWPM_PROVIDER_CONTEXT_CHANGE_CALLBACK0)joint->function)(joint->context, &change);
}

/**
 * Hear of provider contexts that other sessions add or delete.
 *
 * @param subscription  which, and FWPM_SUBSCRIPTION_FLAG_*
 * @param callback  runs on a thread of its own, after the commit; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextsubscribechanges0.
 */
DWORD NTAPI
FwpmProviderContextSubscribeChanges0(HANDLE engineHandle,
                                     const FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0 *subscription,
                                     FWPM_PROVIDER_CONTEXT_CHANGE_CALLBACK0 callback, void *context,
                                     HANDLE *changeHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_CONTEXT, subscription,
                              deliver_provider_context, (void *)callback, context, changeHandle);
}

/**
 * End the subscription; no callback runs after this returned.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextunsubscribechanges0.
 */
DWORD NTAPI
FwpmProviderContextUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle)
{
    return wfp_fwpm_unsubscribe(engineHandle, changeHandle);
}

/**
 * All subscriptions in force.
 *
 * @param entries  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextsubscriptionsget0.
 */
DWORD NTAPI
FwpmProviderContextSubscriptionsGet0(HANDLE engineHandle,
                                     FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0 ***entries,
                                     UINT32 *numEntries)
{
    return wfp_fwpm_get_subscriptions(engineHandle, WFP_FWPM_CONTEXT, entries, numEntries);
}

static void
deliver_sublayer(void *context, const void *event_)
{
    const struct wfp_bfe_change_event *event = event_;
    const struct wfp_fwpm_joint *joint = context;
    FWPM_SUBLAYER_CHANGE0 change = {.changeType = change_type(event)};

    memcpy(&change.subLayerKey, &event->key, sizeof(GUID));
    ((FWPM_SUBLAYER_CHANGE_CALLBACK0)joint->function)(joint->context, &change);
}

/**
 * Hear of sublayers that other sessions add or delete.
 *
 * @param subscription  which, and FWPM_SUBSCRIPTION_FLAG_*
 * @param callback  runs on a thread of its own, after the commit; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayersubscribechanges0.
 */
DWORD NTAPI
FwpmSubLayerSubscribeChanges0(HANDLE engineHandle, const FWPM_SUBLAYER_SUBSCRIPTION0 *subscription,
                              FWPM_SUBLAYER_CHANGE_CALLBACK0 callback, void *context,
                              HANDLE *changeHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_SUBLAYER, subscription, deliver_sublayer,
                              (void *)callback, context, changeHandle);
}

/**
 * End the subscription; no callback runs after this returned.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayerunsubscribechanges0.
 */
DWORD NTAPI
FwpmSubLayerUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle)
{
    return wfp_fwpm_unsubscribe(engineHandle, changeHandle);
}

/**
 * All subscriptions in force.
 *
 * @param entries  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayersubscriptionsget0.
 */
DWORD NTAPI
FwpmSubLayerSubscriptionsGet0(HANDLE engineHandle, FWPM_SUBLAYER_SUBSCRIPTION0 ***entries,
                              UINT32 *numEntries)
{
    return wfp_fwpm_get_subscriptions(engineHandle, WFP_FWPM_SUBLAYER, entries, numEntries);
}

static void
deliver_callout(void *context, const void *event_)
{
    const struct wfp_bfe_change_event *event = event_;
    const struct wfp_fwpm_joint *joint = context;
    FWPM_CALLOUT_CHANGE0 change = {.changeType = change_type(event)};

    memcpy(&change.calloutKey, &event->key, sizeof(GUID));
    change.calloutId = (UINT32)event->id;
    ((FWPM_CALLOUT_CHANGE_CALLBACK0)joint->function)(joint->context, &change);
}

/**
 * Hear of callouts that other sessions add or delete.
 *
 * @param subscription  which, and FWPM_SUBSCRIPTION_FLAG_*
 * @param callback  runs on a thread of its own, after the commit; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutsubscribechanges0.
 */
DWORD NTAPI
FwpmCalloutSubscribeChanges0(HANDLE engineHandle, const FWPM_CALLOUT_SUBSCRIPTION0 *subscription,
                             FWPM_CALLOUT_CHANGE_CALLBACK0 callback, void *context,
                             HANDLE *changeHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_CALLOUT, subscription, deliver_callout,
                              (void *)callback, context, changeHandle);
}

/**
 * End the subscription; no callback runs after this returned.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutunsubscribechanges0.
 */
DWORD NTAPI
FwpmCalloutUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle)
{
    return wfp_fwpm_unsubscribe(engineHandle, changeHandle);
}

/**
 * All subscriptions in force.
 *
 * @param entries  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutsubscriptionsget0.
 */
DWORD NTAPI
FwpmCalloutSubscriptionsGet0(HANDLE engineHandle, FWPM_CALLOUT_SUBSCRIPTION0 ***entries,
                             UINT32 *numEntries)
{
    return wfp_fwpm_get_subscriptions(engineHandle, WFP_FWPM_CALLOUT, entries, numEntries);
}

static void
deliver_filter(void *context, const void *event_)
{
    const struct wfp_bfe_change_event *event = event_;
    const struct wfp_fwpm_joint *joint = context;
    FWPM_FILTER_CHANGE0 change = {.changeType = change_type(event)};

    memcpy(&change.filterKey, &event->key, sizeof(GUID));
    change.filterId = (UINT64)event->id;
    ((FWPM_FILTER_CHANGE_CALLBACK0)joint->function)(joint->context, &change);
}

/**
 * Hear of filters that other sessions add or delete.
 *
 * @param subscription  which, and FWPM_SUBSCRIPTION_FLAG_*
 * @param callback  runs on a thread of its own, after the commit; unreliable by contract
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfiltersubscribechanges0.
 */
DWORD NTAPI
FwpmFilterSubscribeChanges0(HANDLE engineHandle, const FWPM_FILTER_SUBSCRIPTION0 *subscription,
                            FWPM_FILTER_CHANGE_CALLBACK0 callback, void *context,
                            HANDLE *changeHandle)
{
    return wfp_fwpm_subscribe(engineHandle, WFP_FWPM_FILTER, subscription, deliver_filter,
                              (void *)callback, context, changeHandle);
}

/**
 * End the subscription; no callback runs after this returned.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfilterunsubscribechanges0.
 */
DWORD NTAPI
FwpmFilterUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle)
{
    return wfp_fwpm_unsubscribe(engineHandle, changeHandle);
}

/**
 * All subscriptions in force.
 *
 * @param entries  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfiltersubscriptionsget0.
 */
DWORD NTAPI
FwpmFilterSubscriptionsGet0(HANDLE engineHandle, FWPM_FILTER_SUBSCRIPTION0 ***entries,
                            UINT32 *numEntries)
{
    return wfp_fwpm_get_subscriptions(engineHandle, WFP_FWPM_FILTER, entries, numEntries);
}
