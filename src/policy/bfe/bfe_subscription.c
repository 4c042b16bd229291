/*
 * Subscriptions: other sessions' adds and deletes, told after their commit on a thread of BFE's.
 *
 * Lifetime   A subscription belongs to its session. It is freed when unsubscribed and its callback
 *            is not running; unsubscribing from inside the callback leaves that to the thread.
 * Locks      bfe->mutex guards the list and the queue; callbacks run without it.
 * Ref        win32 FWP/change-notifications
 */
#include "policy/bfe/bfe_security.h"

#define EVENT_WAIT_NS 50000000l

struct wfp_bfe_subscription {
    struct wfp_bfe_subscription *next;
    uint64_t handle;
    struct wfp_bfe_session *session; /* borrowed: the session unsubscribes before it goes */
    enum wfp_bfe_kind kind;
    uint32_t flags;
    struct wfp_bfe_template *template_; /* NULL: all */
    wfp_bfe_change_callback *callback;
    void (*release)(void *context);
    void *context;
};

struct wfp_bfe_queued {
    struct wfp_bfe_queued *next;
    uint64_t handle;
    struct wfp_bfe_change_event change;
    struct wfp_bfe_event *net; /* a network event instead; a reference */
};

static void
queued_free(struct wfp_bfe_queued *queued)
{
    wfp_bfe_event_unref(queued->net);
    free(queued);
}

static void
subscription_free(struct wfp_bfe_subscription *subscription)
{
    if (subscription->template_)
        wfp_bfe_template_free(subscription->template_);
    if (subscription->release)
        subscription->release(subscription->context);
    free(subscription);
}

static struct wfp_bfe_subscription **
find_link_locked(struct wfp_bfe *bfe, uint64_t handle)
{
    struct wfp_bfe_subscription **link = &bfe->subscriptions;

    while (*link && (*link)->handle != handle)
        link = &(*link)->next;
    return *link ? link : NULL;
}

/* Deliver one event. The mutex is held, and dropped around the callback. */
static void
deliver_locked(struct wfp_bfe *bfe, const struct wfp_bfe_queued *queued)
{
    struct wfp_bfe_subscription **link = find_link_locked(bfe, queued->handle);
    struct wfp_bfe_subscription *subscription;

    if (!link)
        return;
    subscription = *link;
    bfe->delivering = subscription;
    pthread_mutex_unlock(&bfe->mutex);
    subscription->callback(subscription->context,
                           queued->net ? (const void *)queued->net : &queued->change);
    pthread_mutex_lock(&bfe->mutex);
    bfe->delivering = NULL;
    if (!find_link_locked(bfe, queued->handle))
        subscription_free(subscription); /* unsubscribed by its own callback */
    pthread_cond_broadcast(&bfe->delivered);
}

static bool
has_event_subscription_locked(const struct wfp_bfe *bfe)
{
    for (const struct wfp_bfe_subscription *s = bfe->subscriptions; s; s = s->next)
        if (s->kind == WFP_BFE_EVENT)
            return true;
    return false;
}

/* The classify path wakes nobody: while somebody waits for events, look for them now and then. */
static void
wait_locked(struct wfp_bfe *bfe)
{
    struct timespec until;

    if (!has_event_subscription_locked(bfe)) {
        pthread_cond_wait(&bfe->queue_filled, &bfe->mutex);
        return;
    }
    pthread_mutex_unlock(&bfe->mutex);
    wfp_bfe_event_drain(bfe);
    pthread_mutex_lock(&bfe->mutex);
    if (bfe->queue || bfe->stopping)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += EVENT_WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000l;
    until.tv_nsec %= 1000000000l;
    pthread_cond_timedwait(&bfe->queue_filled, &bfe->mutex, &until);
}

static void *
deliver_all(void *argument)
{
    struct wfp_bfe *bfe = argument;

    pthread_mutex_lock(&bfe->mutex);
    for (;;) {
        struct wfp_bfe_queued *queued = bfe->queue;
        if (queued) {
            bfe->queue = queued->next;
            if (!bfe->queue)
                bfe->queue_end = &bfe->queue;
            bfe->queued_count--;
            bfe->is_delivering = true;
            deliver_locked(bfe, queued);
            bfe->is_delivering = false;
            queued_free(queued);
            pthread_cond_broadcast(&bfe->delivered);
        } else if (bfe->stopping) {
            break;
        } else {
            wait_locked(bfe);
        }
    }
    pthread_mutex_unlock(&bfe->mutex);
    return NULL;
}

void
wfp_bfe_subscription_init(struct wfp_bfe *bfe)
{
    bfe->queue_end = &bfe->queue;
    pthread_cond_init(&bfe->queue_filled, NULL);
    pthread_cond_init(&bfe->delivered, NULL);
}

void
wfp_bfe_subscription_fini(struct wfp_bfe *bfe)
{
    pthread_mutex_lock(&bfe->mutex);
    bfe->stopping = true;
    pthread_cond_broadcast(&bfe->queue_filled);
    pthread_mutex_unlock(&bfe->mutex);
    if (bfe->has_deliverer)
        pthread_join(bfe->deliverer, NULL);
    pthread_cond_destroy(&bfe->queue_filled);
    pthread_cond_destroy(&bfe->delivered);
}

static struct wfp_bfe_queued *
enqueue_locked(struct wfp_bfe *bfe, uint64_t handle)
{
    struct wfp_bfe_queued *queued = NULL;

    if (bfe->queued_count < WFP_BFE_CHANGE_QUEUE_MAX)
        queued = calloc(1, sizeof(*queued));
    if (!queued) {
        bfe->notifications_dropped++; /* unreliable by contract, but counted */
        return NULL;
    }
    queued->handle = handle;
    *bfe->queue_end = queued;
    bfe->queue_end = &queued->next;
    bfe->queued_count++;
    pthread_cond_signal(&bfe->queue_filled);
    return queued;
}

static void
enqueue_change_locked(struct wfp_bfe *bfe, uint64_t handle, const struct wfp_bfe_entry *entry,
                      bool added)
{
    struct wfp_bfe_queued *queued = enqueue_locked(bfe, handle);

    if (queued)
        queued->change = (struct wfp_bfe_change_event){
            entry->kind, added, *wfp_bfe_entry_key(entry), wfp_bfe_entry_id(entry)};
}

void
wfp_bfe_subscription_note(struct wfp_bfe_session *session, const struct wfp_bfe_entry *entry,
                          bool added)
{
    struct wfp_bfe *bfe = session->bfe;
    uint32_t flag = added ? WFP_BFE_NOTIFY_ON_ADD : WFP_BFE_NOTIFY_ON_DELETE;

    if (atomic_load_explicit(&bfe->subscription_count, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&bfe->mutex);
    for (struct wfp_bfe_subscription *s = bfe->subscriptions; s; s = s->next)
        if (s->kind == entry->kind && (s->flags & flag) && s->session != session &&
            wfp_bfe_template_match(bfe, s->template_, entry) &&
            wfp_bfe_security_check_entry(s->session, entry, WFP_ACTRL_READ) == 0)
            enqueue_change_locked(bfe, s->handle, entry, added);
    pthread_mutex_unlock(&bfe->mutex);
}

void
wfp_bfe_subscription_note_event(struct wfp_bfe *bfe, struct wfp_bfe_event *event)
{
    if (atomic_load_explicit(&bfe->subscription_count, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&bfe->mutex);
    for (struct wfp_bfe_subscription *s = bfe->subscriptions; s; s = s->next) {
        struct wfp_bfe_queued *queued = NULL;
        if (s->kind == WFP_BFE_EVENT && wfp_bfe_event_match(s->template_, event))
            queued = enqueue_locked(bfe, s->handle);
        if (queued)
            queued->net = wfp_bfe_event_ref(event);
    }
    pthread_mutex_unlock(&bfe->mutex);
}

/* The thread starts with the first subscription: most processes never have one. */
static int
start_deliverer_locked(struct wfp_bfe *bfe)
{
    if (bfe->has_deliverer)
        return 0;
    if (pthread_create(&bfe->deliverer, NULL, deliver_all, bfe) != 0)
        return -WFP_ERR_NO_MEMORY;
    bfe->has_deliverer = true;
    return 0;
}

static int
subscribe_in_call(struct wfp_bfe_session *session, struct wfp_bfe_subscription *subscription)
{
    struct wfp_bfe *bfe = session->bfe;
    int r;

    if (session->is_explicit)
        return -WFP_ERR_TXN_IN_PROGRESS;
    r = wfp_bfe_security_check_container(session, subscription->kind, WFP_ACTRL_SUBSCRIBE);
    if (r < 0)
        return r;
    pthread_mutex_lock(&bfe->mutex);
    r = start_deliverer_locked(bfe);
    if (r == 0) {
        subscription->handle = ++bfe->next_subscription;
        subscription->next = bfe->subscriptions;
        bfe->subscriptions = subscription;
        atomic_fetch_add(&bfe->subscription_count, 1);
        pthread_cond_signal(&bfe->queue_filled);
    }
    pthread_mutex_unlock(&bfe->mutex);
    return r;
}

static int
check_arguments(enum wfp_bfe_kind kind, const struct wfp_bfe_template *template_, uint32_t flags)
{
    if (kind >= WFP_BFE_TABLE_COUNT && kind != WFP_BFE_EVENT)
        return -WFP_ERR_INVALID_PARAMETER;
    if (kind == WFP_BFE_EVENT)
        return template_ ? wfp_bfe_template_check(kind, template_) : 0;
    if (flags & ~(WFP_BFE_NOTIFY_ON_ADD | WFP_BFE_NOTIFY_ON_DELETE))
        return -WFP_ERR_INVALID_FLAGS;
    if (!flags)
        return -WFP_ERR_NEVER_MATCH;
    return template_ ? wfp_bfe_template_check(kind, template_) : 0;
}

int
wfp_bfe_subscribe(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                  const struct wfp_bfe_template *template_, uint32_t flags,
                  wfp_bfe_change_callback *callback, void (*release)(void *context), void *context,
                  uint64_t *ret_handle)
{
    struct wfp_bfe_subscription *subscription;
    uint32_t savepoint;
    int r;

    if (!session)
        return -WFP_ERR_INVALID_HANDLE;
    if (!callback || !ret_handle)
        return -WFP_ERR_NULL_POINTER;
    r = check_arguments(kind, template_, flags);
    if (r < 0)
        return r;
    subscription = calloc(1, sizeof(*subscription));
    if (!subscription)
        return -WFP_ERR_NO_MEMORY;
    subscription->session = session;
    subscription->kind = kind;
    subscription->flags = flags;
    subscription->callback = callback;
    subscription->context = context;
    if (template_)
        r = wfp_bfe_template_copy(template_, &subscription->template_);
    if (r == 0)
        r = wfp_bfe_call_begin(session, false, &savepoint);
    if (r == 0) {
        if (kind == WFP_BFE_EVENT)
            wfp_bfe_event_drain(session->bfe); /* what was before it is not for it */
        r = subscribe_in_call(session, subscription);
        if (r == 0) {
            subscription->release = release; /* from here ours to release */
            *ret_handle = subscription->handle;
        }
        wfp_bfe_call_end(session, savepoint, r);
    }
    if (r < 0)
        subscription_free(subscription);
    return r;
}

/* Unlink; free now, or after the callback that runs. */
static void
remove_locked(struct wfp_bfe *bfe, struct wfp_bfe_subscription **link)
{
    struct wfp_bfe_subscription *subscription = *link;

    *link = subscription->next;
    atomic_fetch_sub(&bfe->subscription_count, 1);
    if (bfe->delivering == subscription) {
        if (pthread_equal(bfe->deliverer, pthread_self()))
            return; /* the deliverer frees it */
        /* The deliverer frees it when the callback is back; we only wait for that. */
        while (bfe->delivering == subscription)
            pthread_cond_wait(&bfe->delivered, &bfe->mutex);
        return;
    }
    subscription_free(subscription);
}

int
wfp_bfe_unsubscribe(struct wfp_bfe_session *session, uint64_t handle)
{
    struct wfp_bfe_subscription **link;
    struct wfp_bfe *bfe;
    int r = 0;

    if (!session)
        return -WFP_ERR_INVALID_HANDLE;
    bfe = session->bfe;
    pthread_mutex_lock(&bfe->mutex);
    link = find_link_locked(bfe, handle);
    if (!link)
        r = -WFP_ERR_INVALID_HANDLE;
    else if ((*link)->session != session)
        r = -WFP_ERR_WRONG_SESSION;
    else
        remove_locked(bfe, link);
    pthread_mutex_unlock(&bfe->mutex);
    return r;
}

void
wfp_bfe_subscription_remove_all(struct wfp_bfe_session *session)
{
    struct wfp_bfe *bfe = session->bfe;
    struct wfp_bfe_subscription **link;

    pthread_mutex_lock(&bfe->mutex);
    for (;;) { /* removing may drop the mutex: start over each time */
        link = &bfe->subscriptions;
        while (*link && (*link)->session != session)
            link = &(*link)->next;
        if (!*link)
            break;
        remove_locked(bfe, link);
    }
    pthread_mutex_unlock(&bfe->mutex);
}

int
wfp_bfe_subscriptions_get(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                          struct wfp_bfe_subscription_info **ret_infos, uint32_t *ret_count)
{
    struct wfp_bfe_subscription_info *infos;
    struct wfp_bfe *bfe;
    uint32_t count = 0;

    if (!session)
        return -WFP_ERR_INVALID_HANDLE;
    if (!ret_infos || !ret_count)
        return -WFP_ERR_NULL_POINTER;
    bfe = session->bfe;
    pthread_mutex_lock(&bfe->mutex);
    infos = calloc(atomic_load(&bfe->subscription_count) + (size_t)1, sizeof(*infos));
    for (struct wfp_bfe_subscription *s = bfe->subscriptions; infos && s; s = s->next)
        if (s->kind == kind)
            infos[count++] = (struct wfp_bfe_subscription_info){s->kind, s->flags, s->session->key};
    pthread_mutex_unlock(&bfe->mutex);
    if (!infos)
        return -WFP_ERR_NO_MEMORY;
    *ret_infos = infos;
    *ret_count = count;
    return 0;
}

void
wfp_bfe_subscription_flush(struct wfp_bfe *bfe)
{
    wfp_bfe_event_drain(bfe);
    pthread_mutex_lock(&bfe->mutex);
    while (bfe->queue || bfe->is_delivering)
        pthread_cond_wait(&bfe->delivered, &bfe->mutex);
    pthread_mutex_unlock(&bfe->mutex);
}
