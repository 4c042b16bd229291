/*
 * Transactions: every change noted in the session's log; undo backwards, or publish and forget.
 *
 * Model      An explicit transaction spans calls; a call outside one runs in an implicit one of its
 *            own. A failed call undoes its own rows only, so it does not poison the transaction.
 *            notifyFn(ADD) ran when the filter was added; DELETE runs when nobody can classify with
 *            the filter any more: after commit, or when its add is undone.
 * Ref        win32 FWP/object-management, "Transactions"
 */
#include "policy/bfe/bfe_internal.h"

int
wfp_bfe_log_reserve(struct wfp_bfe_session *session)
{
    struct wfp_bfe_log *log = &session->log;
    uint32_t capacity = log->capacity ? 2 * log->capacity : 16;
    struct wfp_bfe_log_row *rows;

    if (log->count < log->capacity)
        return 0;
    rows = realloc(log->rows, (size_t)capacity * sizeof(*rows));
    if (!rows)
        return -WFP_ERR_NO_MEMORY;
    log->rows = rows;
    log->capacity = capacity;
    return 0;
}

static void
note(struct wfp_bfe_session *session, struct wfp_bfe_entry *entry, enum wfp_bfe_change change)
{
    struct wfp_bfe_log *log = &session->log;

    assert(log->count < log->capacity);
    log->rows[log->count++] =
        (struct wfp_bfe_log_row){.entry = entry, .change = change, .kind = entry->kind};
}

/* Sublayer weights are unique: keep the bitmap with the table. */
static void
mark_weight(struct wfp_bfe *bfe, const struct wfp_bfe_entry *entry, bool used)
{
    uint64_t *word, bit;

    if (entry->kind != WFP_BFE_SUBLAYER)
        return;
    word = &bfe->sublayer_weights[entry->object->weight / 64];
    bit = 1ull << (entry->object->weight % 64);
    *word = used ? *word | bit : *word & ~bit;
}

static void
join(struct wfp_bfe *bfe, struct wfp_bfe_entry *entry)
{
    struct wfp_bfe_links links;

    wfp_bfe_links_find(bfe, entry, &links);
    wfp_bfe_links_count(&links, 1);
    mark_weight(bfe, entry, true);
    wfp_bfe_table_insert(&bfe->tables[entry->kind], entry);
}

static void
part(struct wfp_bfe *bfe, struct wfp_bfe_entry *entry)
{
    struct wfp_bfe_links links;

    wfp_bfe_table_remove(&bfe->tables[entry->kind], entry);
    mark_weight(bfe, entry, false);
    wfp_bfe_links_find(bfe, entry, &links);
    wfp_bfe_links_count(&links, -1);
}

void
wfp_bfe_apply_add(struct wfp_bfe_session *session, struct wfp_bfe_entry *entry)
{
    entry->fresh = true;
    join(session->bfe, entry);
    note(session, entry, WFP_BFE_CHANGE_ADD);
}

void
wfp_bfe_apply_delete(struct wfp_bfe_session *session, struct wfp_bfe_entry *entry)
{
    entry->dead = true;
    part(session->bfe, entry);
    note(session, entry, WFP_BFE_CHANGE_DELETE);
}

static bool
has_callout(const struct wfp_bfe_entry *entry)
{
    return entry->kind == WFP_BFE_FILTER && (entry->filter->action & WFP_ACTION_FLAG_CALLOUT);
}

/* The add of @p entry never happened; its callout heard of it, so it hears of the end, too. */
static void
forget_add(struct wfp_bfe *bfe, struct wfp_bfe_entry *entry)
{
    part(bfe, entry);
    if (has_callout(entry))
        wfp_callout_notify(bfe->engine, WFP_NOTIFY_DELETE_FILTER, entry->filter);
    wfp_bfe_entry_free(bfe, entry);
}

static void
undo_to(struct wfp_bfe_session *session, uint32_t savepoint)
{
    struct wfp_bfe_log *log = &session->log;

    while (log->count > savepoint) {
        struct wfp_bfe_log_row *row = &log->rows[--log->count];

        switch (row->change) {
        case WFP_BFE_CHANGE_ADD:
            forget_add(session->bfe, row->entry);
            break;
        case WFP_BFE_CHANGE_DELETE:
            row->entry->dead = false;
            join(session->bfe, row->entry);
            break;
        default:
            wfp_bfe_security_undo(session->bfe, row);
            break;
        }
    }
}

void
wfp_bfe_txn_drop(struct wfp_bfe_session *session)
{
    undo_to(session, 0);
    wfp_bfe_lock_release(session);
}

/* Give the engine the difference: what is new and stays, what was there and goes. */
static int
publish(struct wfp_bfe_session *session)
{
    const struct wfp_bfe_log *log = &session->log;
    _cleanup_(freep) struct wfp_filter **added = NULL;
    _cleanup_(freep) struct wfp_filter **removed = NULL;
    uint32_t added_count = 0, removed_count = 0;

    for (uint32_t i = 0; i < log->count; i++) {
        const struct wfp_bfe_log_row *row = &log->rows[i];
        added_count +=
            row->change == WFP_BFE_CHANGE_ADD && wfp_bfe_is_enforced(session->bfe, row->entry);
        removed_count +=
            row->change == WFP_BFE_CHANGE_DELETE && wfp_bfe_is_enforced(session->bfe, row->entry);
    }
    if (!added_count && !removed_count)
        return 0;
    added = malloc(MAX(added_count, 1u) * sizeof(struct wfp_filter *));
    removed = malloc(MAX(removed_count, 1u) * sizeof(struct wfp_filter *));
    if (!added || !removed)
        return -WFP_ERR_NO_MEMORY;
    added_count = removed_count = 0;
    for (uint32_t i = 0; i < log->count; i++) {
        const struct wfp_bfe_entry *entry = log->rows[i].entry;
        if (!(log->rows[i].change & (WFP_BFE_CHANGE_ADD | WFP_BFE_CHANGE_DELETE)) ||
            !wfp_bfe_is_enforced(session->bfe, entry))
            continue;
        if (log->rows[i].change == WFP_BFE_CHANGE_ADD && !entry->dead)
            added[added_count++] = entry->filter;
        if (log->rows[i].change == WFP_BFE_CHANGE_DELETE && !entry->fresh)
            removed[removed_count++] = entry->filter;
    }
    return wfp_engine_commit_delta(session->bfe->engine, added, added_count, removed,
                                   removed_count);
}

/* The policy is in force: tell callouts, drop what is gone. */
static void
settle(struct wfp_bfe_session *session)
{
    struct wfp_bfe *bfe = session->bfe;

    for (uint32_t i = 0; i < session->log.count; i++) {
        struct wfp_bfe_log_row *row = &session->log.rows[i];
        struct wfp_bfe_entry *entry = row->entry;

        if (row->change == WFP_BFE_CHANGE_ADD && !entry->dead) {
            entry->fresh = false;
            wfp_bfe_subscription_note(session, entry, true);
            if (has_callout(entry))
                wfp_callout_notify(bfe->engine, WFP_NOTIFY_ADD_FILTER_POST_COMMIT, entry->filter);
        } else if (row->change == WFP_BFE_CHANGE_DELETE) {
            if (!entry->fresh)
                wfp_bfe_subscription_note(session, entry, false);
            if (has_callout(entry))
                wfp_callout_notify(bfe->engine, WFP_NOTIFY_DELETE_FILTER, entry->filter);
            wfp_bfe_entry_free(bfe, entry);
        } else if (row->change == WFP_BFE_CHANGE_SD) {
            wfp_bfe_sd_unref(row->old_sd);
        }
    }
    session->log.count = 0;
    if (session->log.capacity > 4096) { /* a large transaction's log is not kept */
        free(session->log.rows);
        session->log = (struct wfp_bfe_log){0};
    }
}

int
wfp_bfe_txn_finish(struct wfp_bfe_session *session)
{
    int r = 0;

    if (session->txn == WFP_BFE_TXN_WRITE) {
        r = wfp_bfe_store_write(session, false);
        if (r == 0) {
            r = publish(session);
            if (r < 0)
                (void)wfp_bfe_store_write(session, true);
        }
    }
    if (r < 0) {
        wfp_bfe_txn_drop(session);
        return r;
    }
    settle(session);
    wfp_bfe_lock_release(session);
    return 0;
}

int
wfp_bfe_call_begin(struct wfp_bfe_session *session, bool write, uint32_t *ret_savepoint)
{
    int r = wfp_bfe_session_enter(session);

    if (r < 0)
        return r;
    r = wfp_bfe_session_check_aborted(session);
    if (r == 0 && session->txn == WFP_BFE_TXN_NONE)
        r = wfp_bfe_lock_acquire(session, write, false, session->wait_timeout_ms);
    else if (r == 0 && write && session->txn == WFP_BFE_TXN_READ)
        r = -WFP_ERR_INCOMPATIBLE_TXN;
    if (r < 0) {
        wfp_bfe_session_leave(session);
        return r;
    }
    *ret_savepoint = session->log.count;
    return 0;
}

int
wfp_bfe_call_end(struct wfp_bfe_session *session, uint32_t savepoint, int r)
{
    if (r < 0)
        undo_to(session, savepoint);
    if (!session->is_explicit) {
        int finished = wfp_bfe_txn_finish(session);
        r = r < 0 ? r : finished;
    }
    wfp_bfe_session_leave(session);
    return r;
}

int
wfp_bfe_txn_begin(struct wfp_bfe_session *session, uint32_t flags)
{
    int r;

    if (flags & ~WFP_TXN_FLAG_READ_ONLY)
        return -WFP_ERR_INVALID_FLAGS;
    r = wfp_bfe_session_enter(session);
    if (r < 0)
        return r;
    r = wfp_bfe_session_check_aborted(session);
    if (r == 0 && session->txn != WFP_BFE_TXN_NONE)
        r = -WFP_ERR_TXN_IN_PROGRESS;
    if (r == 0)
        r = wfp_bfe_security_check_engine(session, flags & WFP_TXN_FLAG_READ_ONLY
                                                       ? WFP_ACTRL_BEGIN_READ_TXN
                                                       : WFP_ACTRL_BEGIN_WRITE_TXN);
    if (r == 0)
        r = wfp_bfe_lock_acquire(session, !(flags & WFP_TXN_FLAG_READ_ONLY), true,
                                 session->wait_timeout_ms);
    wfp_bfe_session_leave(session);
    return r;
}

static int
end_explicit(struct wfp_bfe_session *session, bool commit)
{
    int r = wfp_bfe_session_enter(session);

    if (r < 0)
        return r;
    r = wfp_bfe_session_check_aborted(session);
    if (r == 0 && session->txn == WFP_BFE_TXN_NONE)
        r = -WFP_ERR_NO_TXN_IN_PROGRESS;
    if (r == 0 && commit)
        r = wfp_bfe_txn_finish(session);
    else if (r == 0)
        wfp_bfe_txn_drop(session);
    wfp_bfe_session_leave(session);
    return r;
}

int
wfp_bfe_txn_commit(struct wfp_bfe_session *session)
{
    return end_explicit(session, true);
}

int
wfp_bfe_txn_abort(struct wfp_bfe_session *session)
{
    return end_explicit(session, false);
}
