/*
 * The state of the base filtering engine, as drivers follow it.
 *
 * Lifetime   A subscription lives until unsubscribed; that waits for a running callback.
 * Locks      One mutex over the list; callbacks run without it.
 * Ref        ddi fwpmk/nf-fwpmk-fwpmbfestatesubscribechanges0
 */
#include "policy/fwpm/fwpm_state.h"

#include <pthread.h>

#include "policy/fwpm/fwpm_call.h"

struct subscription {
    struct subscription *next;
    FWPM_SERVICE_STATE_CHANGE_CALLBACK0 callback;
    void *context;
    uint64_t told; /* the number of the last change it was told */
    bool running;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t callback_returned = PTHREAD_COND_INITIALIZER;
static struct subscription *subscriptions;
static uint64_t change_count;
static wfp_fwpm_state_door *state_door;

void
wfp_fwpm_set_state_door(wfp_fwpm_state_door *door)
{
    pthread_mutex_lock(&mutex);
    state_door = door;
    pthread_mutex_unlock(&mutex);
}

static struct subscription *
find_untold_locked(uint64_t change)
{
    struct subscription *s = subscriptions;

    while (s && (s->told >= change || s->running))
        s = s->next;
    return s;
}

void
wfp_fwpm_state_changed(int new_state)
{
    struct subscription *s;
    uint64_t change;

    pthread_mutex_lock(&mutex);
    change = ++change_count;
    while ((s = find_untold_locked(change))) {
        wfp_fwpm_state_door *door = state_door;
        s->told = change;
        s->running = true;
        pthread_mutex_unlock(&mutex);
        if (door)
            door((void *)s->callback, s->context, new_state);
        else
            s->callback(s->context, (FWPM_SERVICE_STATE)new_state);
        pthread_mutex_lock(&mutex);
        s->running = false;
        pthread_cond_broadcast(&callback_returned);
    }
    pthread_mutex_unlock(&mutex);
}

/**
 * The state of the engine: FWPM_SERVICE_RUNNING or FWPM_SERVICE_STOPPED.
 *
 * IRQL: <= DISPATCH_LEVEL.
 * Ref: ddi fwpmk/nf-fwpmk-fwpmbfestateget0.
 */
FWPM_SERVICE_STATE NTAPI
FwpmBfeStateGet0(void)
{
    return wfp_fwpm_bfe() ? FWPM_SERVICE_RUNNING : FWPM_SERVICE_STOPPED;
}

/**
 * Have @p callback called whenever the state of the engine changes.
 *
 * @param deviceObject  the driver's; must not be NULL
 * @param changeHandle  pass to FwpmBfeStateUnsubscribeChanges0 before the driver unloads
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: ddi fwpmk/nf-fwpmk-fwpmbfestatesubscribechanges0.
 */
NTSTATUS NTAPI
FwpmBfeStateSubscribeChanges0(void *deviceObject, FWPM_SERVICE_STATE_CHANGE_CALLBACK0 callback,
                              void *context, HANDLE *changeHandle)
{
    struct subscription *s;

    if (!deviceObject || !callback || !changeHandle)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    s = calloc(1, sizeof(*s));
    if (!s)
        return wfp_fwpm_status(-WFP_ERR_NO_MEMORY);
    s->callback = callback;
    s->context = context;
    pthread_mutex_lock(&mutex);
    s->told = change_count;
    s->next = subscriptions;
    subscriptions = s;
    pthread_mutex_unlock(&mutex);
    *changeHandle = s;
    return wfp_fwpm_status(0);
}

/**
 * No more calls of the callback; waits for one that runs, so never call it from there.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: ddi fwpmk/nf-fwpmk-fwpmbfestateunsubscribechanges0.
 */
NTSTATUS NTAPI
FwpmBfeStateUnsubscribeChanges0(HANDLE changeHandle)
{
    struct subscription **link = &subscriptions, *found;

    pthread_mutex_lock(&mutex);
    while (*link && *link != changeHandle)
        link = &(*link)->next;
    found = *link;
    if (found) {
        while (found->running)
            pthread_cond_wait(&callback_returned, &mutex);
        for (link = &subscriptions; *link != found;) /* it may have moved while we waited */
            link = &(*link)->next;
        *link = found->next;
    }
    pthread_mutex_unlock(&mutex);
    free(found);
    return wfp_fwpm_status(found ? 0 : -WFP_ERR_INVALID_HANDLE);
}
