/*
 * What outlives BFE: persistent objects and boot-time filters, and what is in force before it runs.
 *
 * Model      BFE is held while it loads what was kept: then boot-time filters are in force, as they are
 *            on Windows from the start of TCP/IP. wfp_bfe_start() swaps them for the rest in one
 *            commit. From there each transaction writes its persistent changes before they are
 *            published; a store that cannot be written fails the transaction.
 * Not here   How they are kept: policy/store.
 * Ref        win32 FWP/object-management, "Object Lifetimes"
 */
#include "policy/bfe/bfe_internal.h"

bool
wfp_bfe_is_enforced(const struct wfp_bfe *bfe, const struct wfp_bfe_entry *entry)
{
    if (entry->kind != WFP_BFE_FILTER || entry->filter->flags & WFP_FILTER_FLAG_DISABLED)
        return false;
    return !(entry->filter->flags & WFP_FILTER_FLAG_BOOTTIME) == !bfe->is_held;
}

/* Does the row change what is kept? A row that came and went in one transaction does not. */
static bool
is_kept(const struct wfp_bfe_log_row *row)
{
    const struct wfp_bfe_entry *entry = row->entry;

    return entry && entry->lifetime == WFP_BFE_PERSISTENT && !(entry->fresh && entry->dead) &&
           !(row->change == WFP_BFE_CHANGE_SD && (entry->fresh || entry->dead));
}

static int
write_row(struct wfp_bfe *bfe, const struct wfp_bfe_log_row *row, bool undo)
{
    const struct wfp_bfe_entry *entry = row->entry;
    bool is_filter = entry->kind == WFP_BFE_FILTER;
    struct wfp_bfe_stored stored = {
        .kind = (enum wfp_bfe_kind)entry->kind,
        .object = is_filter ? NULL : entry->object,
        .filter = is_filter ? entry->filter : NULL,
        .sd = row->change == WFP_BFE_CHANGE_SD && undo ? row->old_sd : entry->sd,
    };

    if (row->change != WFP_BFE_CHANGE_SD && (row->change == WFP_BFE_CHANGE_DELETE) != undo)
        return bfe->store->remove(bfe->store_context, stored.kind, wfp_bfe_entry_key(entry));
    return bfe->store->put(bfe->store_context, &stored);
}

static int
write_rows(struct wfp_bfe_session *session, bool undo)
{
    const struct wfp_bfe_log *log = &session->log;
    int r = 0;

    for (uint32_t i = 0; i < log->count && r == 0; i++) {
        const struct wfp_bfe_log_row *row = &log->rows[undo ? log->count - 1 - i : i];
        if (is_kept(row))
            r = write_row(session->bfe, row, undo);
    }
    return r;
}

int
wfp_bfe_store_write(struct wfp_bfe_session *session, bool undo)
{
    const struct wfp_bfe_log *log = &session->log;
    struct wfp_bfe *bfe = session->bfe;
    bool any = false;
    int r;

    for (uint32_t i = 0; i < log->count && !any; i++)
        any = is_kept(&log->rows[i]);
    if (!bfe->store || !any)
        return 0;
    r = bfe->store->begin(bfe->store_context);
    if (r < 0)
        return r;
    r = write_rows(session, undo);
    if (r == 0)
        r = bfe->store->commit(bfe->store_context);
    if (r < 0)
        bfe->store->rollback(bfe->store_context);
    return r;
}

void
wfp_bfe_hold(struct wfp_bfe *bfe)
{
    bfe->is_held = true;
}

/* The filters that come into force and those that go, by what is enforced now and then. */
static void
sort_filters(struct wfp_bfe *bfe, struct wfp_filter **added, uint32_t *added_count,
             struct wfp_filter **removed, uint32_t *removed_count)
{
    struct wfp_bfe_entry *entry;
    uint32_t position = 0;

    while ((entry = wfp_bfe_table_next(&bfe->tables[WFP_BFE_FILTER], &position))) {
        if (wfp_bfe_is_enforced(bfe, entry))
            removed[(*removed_count)++] = entry->filter;
        else if (!(entry->filter->flags & WFP_FILTER_FLAG_DISABLED))
            added[(*added_count)++] = entry->filter;
    }
}

int
wfp_bfe_start(struct wfp_bfe *bfe, const struct wfp_bfe_store_ops *ops, void *context)
{
    uint32_t room = bfe->tables[WFP_BFE_FILTER].by_id.count + 1, added_count = 0, removed_count = 0;
    _cleanup_(freep) struct wfp_filter **added = calloc(room, sizeof(struct wfp_filter *));
    _cleanup_(freep) struct wfp_filter **removed = calloc(room, sizeof(struct wfp_filter *));
    int r = 0;

    if (!added || !removed)
        return -WFP_ERR_NO_MEMORY;
    if (bfe->is_held) {
        sort_filters(bfe, added, &added_count, removed, &removed_count);
        r = wfp_engine_commit_delta(bfe->engine, added, added_count, removed, removed_count);
    }
    if (r < 0)
        return r;
    bfe->is_held = false;
    bfe->store = ops;
    bfe->store_context = context;
    return 0;
}
