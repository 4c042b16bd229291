/*
 * The transaction lock: one writer or many readers, each a session, with a limit on waiting.
 *
 * Model      Waiting writers keep new readers out, so that reading in a loop starves no one. A
 *            waiter that finds an explicit user-mode transaction over its hold limit aborts it.
 * Ref        win32 FWP/object-management, "Transactions"
 */
#include "policy/bfe/bfe_internal.h"

#include <unistd.h>

static uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool
is_free_locked(const struct wfp_bfe *bfe, bool write)
{
    if (bfe->writer)
        return false;
    return write ? bfe->readers == 0 : bfe->waiting_writers == 0;
}

/* The first session over the limit with a reference, or NULL and when the next one will be. */
static struct wfp_bfe_session *
find_overdue_locked(struct wfp_bfe *bfe, uint64_t now, uint64_t *next_ms)
{
    uint32_t limit_ms = atomic_load(&bfe->options[WFP_BFE_OPTION_TXN_WATCHDOG_TIMEOUT_MS]);

    *next_ms = UINT64_MAX;
    for (struct wfp_bfe_session *s = bfe->sessions; s; s = s->next) {
        uint64_t limit = s->txn_start_ms + limit_ms;
        if (s->kernel || !s->is_explicit || s->txn == WFP_BFE_TXN_NONE)
            continue;
        if (limit > now) {
            *next_ms = MIN(*next_ms, limit);
            continue;
        }
        if (pthread_mutex_trylock(&s->call) != 0) {
            *next_ms = MIN(*next_ms, now + 10); /* in a call: look again soon */
            continue;
        }
        atomic_fetch_add(&s->references, 1);
        return s;
    }
    return NULL;
}

static void
wait_until_locked(struct wfp_bfe *bfe, uint64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};

    if (until_ms == UINT64_MAX)
        pthread_cond_wait(&bfe->lock_free, &bfe->mutex);
    else
        pthread_cond_timedwait(&bfe->lock_free, &bfe->mutex, &until);
}

/* Wait for the lock or the deadline; aborts overdue transactions on the way. */
static int
wait_locked(struct wfp_bfe *bfe, bool write, uint64_t deadline_ms)
{
    while (!is_free_locked(bfe, write)) {
        struct wfp_bfe_session *overdue;
        uint64_t now = now_ms(), next_ms;

        overdue = find_overdue_locked(bfe, now, &next_ms);
        if (overdue) {
            pthread_mutex_unlock(&bfe->mutex);
            atomic_store(&overdue->caller, gettid()); /* callouts must not call into it */
            overdue->txn_aborted = true;
            wfp_bfe_txn_drop(overdue);
            wfp_bfe_session_leave(overdue);
            wfp_bfe_session_unref(overdue);
            pthread_mutex_lock(&bfe->mutex);
            continue;
        }
        if (now >= deadline_ms)
            return -WFP_ERR_TIMEOUT;
        wait_until_locked(bfe, MIN(deadline_ms, next_ms));
    }
    return 0;
}

int
wfp_bfe_lock_acquire(struct wfp_bfe_session *session, bool write, bool is_explicit,
                     uint32_t timeout_ms)
{
    struct wfp_bfe *bfe = session->bfe;
    uint64_t deadline_ms = UINT64_MAX;
    int r;

    pthread_mutex_lock(&bfe->mutex);
    if (timeout_ms != WFP_SESSION_WAIT_INFINITE)
        deadline_ms = now_ms() + (timeout_ms ? timeout_ms : WFP_SESSION_WAIT_DEFAULT_MS);
    bfe->waiting_writers += write;
    r = wait_locked(bfe, write, deadline_ms);
    bfe->waiting_writers -= write;
    if (r < 0) {
        pthread_cond_broadcast(&bfe->lock_free);
    } else {
        if (write)
            bfe->writer = session;
        else
            bfe->readers++;
        session->txn = write ? WFP_BFE_TXN_WRITE : WFP_BFE_TXN_READ;
        session->is_explicit = is_explicit;
        session->txn_start_ms = now_ms();
    }
    pthread_mutex_unlock(&bfe->mutex);
    return r;
}

void
wfp_bfe_lock_release(struct wfp_bfe_session *session)
{
    struct wfp_bfe *bfe = session->bfe;

    pthread_mutex_lock(&bfe->mutex);
    if (session->txn == WFP_BFE_TXN_WRITE) {
        assert(bfe->writer == session);
        bfe->writer = NULL;
    } else {
        assert(session->txn == WFP_BFE_TXN_READ && bfe->readers > 0);
        bfe->readers--;
    }
    session->txn = WFP_BFE_TXN_NONE;
    session->is_explicit = false;
    pthread_cond_broadcast(&bfe->lock_free);
    pthread_mutex_unlock(&bfe->mutex);
}
