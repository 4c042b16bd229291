/*
 * Sessions: opening, closing, handles, and one call at a time in each.
 *
 * Lifetime   A session is listed while open and lives while referenced. Closing waits for the
 *            session's running call; a callback that calls back into its own session is refused.
 * Ref        win32 FWP/object-management, "Sessions"
 */
#include "policy/bfe/bfe_internal.h"

#include <unistd.h>

#include "base/utf16.h"

static void
session_free(struct wfp_bfe_session *session)
{
    pthread_mutex_destroy(&session->call);
    wfp_bfe_enum_destroy_all(session);
    free(session->log.rows);
    free(session->token);
    free(session->name_utf16);
    free(session->description_utf16);
    free(session);
}

void
wfp_bfe_session_unref(struct wfp_bfe_session *session)
{
    if (session && atomic_fetch_sub(&session->references, 1) == 1)
        session_free(session);
}

static int
session_new(struct wfp_bfe *bfe, const struct wfp_session_spec *spec,
            struct wfp_bfe_session **ret_session)
{
    _cleanup_(wfp_bfe_session_unrefp) struct wfp_bfe_session *session = calloc(1, sizeof(*session));
    int r;

    if (!session)
        return -WFP_ERR_NO_MEMORY;
    atomic_init(&session->references, 1);
    pthread_mutex_init(&session->call, NULL);
    session->bfe = bfe;
    session->kernel = spec->kernel;
    session->flags = spec->flags;
    session->dynamic = spec->flags & WFP_SESSION_FLAG_DYNAMIC;
    session->wait_timeout_ms = spec->txn_wait_timeout_ms;
    session->process_id = getpid();
    session->key = spec->key;
    if (wfp_guid_is_zero(&session->key))
        wfp_guid_generate(&session->key);
    if (spec->name_utf16 && !(session->name_utf16 = wfp_bfe_copy_string(spec->name_utf16)))
        return -WFP_ERR_NO_MEMORY;
    if (spec->description_utf16 &&
        !(session->description_utf16 = wfp_bfe_copy_string(spec->description_utf16)))
        return -WFP_ERR_NO_MEMORY;
    if (spec->token) {
        struct wfp_value token = {.type = WFP_TOKEN_INFORMATION,
                                  .token = (void *)(uintptr_t)spec->token};
        r = wfp_value_copy(&token, &token);
        if (r < 0)
            return r;
        session->token = token.token;
    }
    *ret_session = TAKE_PTR(session);
    return 0;
}

/* List it: from here it has a handle. */
static int
publish(struct wfp_bfe *bfe, struct wfp_bfe_session *session)
{
    int r = 0;

    pthread_mutex_lock(&bfe->mutex);
    for (struct wfp_bfe_session *s = bfe->sessions; s; s = s->next)
        if (wfp_guid_equal(&s->key, &session->key))
            r = -WFP_ERR_ALREADY_EXISTS;
    if (r == 0) {
        session->serial = ++bfe->next_session;
        session->open = true;
        session->next = bfe->sessions;
        bfe->sessions = session;
        atomic_fetch_add(&session->references, 1);
    }
    pthread_mutex_unlock(&bfe->mutex);
    return r;
}

int
wfp_bfe_session_open(struct wfp_bfe *bfe, const struct wfp_session_spec *spec,
                     struct wfp_bfe_session **ret_session)
{
    static const struct wfp_session_spec default_spec = {.kernel = true};
    _cleanup_(wfp_bfe_session_unrefp) struct wfp_bfe_session *session = NULL;
    int r;

    if (!spec)
        spec = &default_spec;
    if (spec->flags & ~WFP_SESSION_FLAG_DYNAMIC)
        return -WFP_ERR_INVALID_FLAGS;
    if ((spec->name_utf16 && (r = wfp_bfe_check_string(spec->name_utf16)) < 0) ||
        (spec->description_utf16 && (r = wfp_bfe_check_string(spec->description_utf16)) < 0))
        return r;
    r = session_new(bfe, spec, &session);
    if (r == 0)
        r = wfp_bfe_security_check_engine(session, WFP_ACTRL_OPEN);
    if (r < 0)
        return r;
    r = publish(bfe, session);
    if (r < 0)
        return r;
    *ret_session = TAKE_PTR(session);
    return 0;
}

/* Users appear as Samba maps them (S-1-22-1-uid), root as the local system. */
static uint32_t
make_sid(uint8_t sid[16])
{
    static const uint8_t local_system[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
    static const uint8_t unix_user[] = {1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0};
    uint32_t uid = getuid();

    if (uid == 0) {
        memcpy(sid, local_system, sizeof(local_system));
        return sizeof(local_system);
    }
    memcpy(sid, unix_user, sizeof(unix_user));
    memcpy(sid + sizeof(unix_user), &uid, sizeof(uid));
    return 16;
}

static size_t
text_size(const uint16_t *text_utf16)
{
    return text_utf16 ? 2 * (wfp_utf16_length(text_utf16) + 1) : 0;
}

static uint16_t *
carve(uint8_t **place, const uint16_t *text_utf16)
{
    size_t size = text_size(text_utf16);
    uint16_t *copy = size ? memcpy(*place, text_utf16, size) : NULL;

    *place += size;
    return copy;
}

int
wfp_bfe_session_describe(const struct wfp_bfe_session *session,
                         struct wfp_bfe_session_info **ret_info)
{
    static const uint16_t unknown_user[] = {0};
    _cleanup_(freep) uint16_t *user_name_utf16 = wfp_utf16_from_utf8(getenv("USER") ?: "", NULL);
    const uint16_t *user = user_name_utf16 ? user_name_utf16 : unknown_user;
    uint8_t sid[16];
    uint32_t sid_size = make_sid(sid);
    struct wfp_bfe_session_info *info =
        calloc(1, sizeof(*info) + sid_size + text_size(session->name_utf16) +
                      text_size(session->description_utf16) + text_size(user));
    uint8_t *place;

    if (!info)
        return -WFP_ERR_NO_MEMORY;
    place = (uint8_t *)(info + 1);
    atomic_init(&info->references, 1);
    info->key = session->key;
    info->flags = session->flags;
    info->txn_wait_timeout_ms =
        session->wait_timeout_ms ? session->wait_timeout_ms : WFP_SESSION_WAIT_DEFAULT_MS;
    info->process_id = (uint32_t)session->process_id;
    info->kernel = session->kernel;
    info->sid = memcpy(place, sid, sid_size);
    place += sid_size;
    info->name_utf16 = carve(&place, session->name_utf16);
    info->description_utf16 = carve(&place, session->description_utf16);
    info->user_name_utf16 = carve(&place, user);
    *ret_info = info;
    return 0;
}

uint64_t
wfp_bfe_session_handle(const struct wfp_bfe_session *session)
{
    return (uint64_t)session->serial << 2; /* a multiple of four, as Windows' handles are */
}

struct wfp_bfe_session *
wfp_bfe_session_find(struct wfp_bfe *bfe, uint64_t handle)
{
    struct wfp_bfe_session *session;

    pthread_mutex_lock(&bfe->mutex);
    for (session = bfe->sessions; session; session = session->next)
        if (wfp_bfe_session_handle(session) == handle)
            break;
    if (session)
        atomic_fetch_add(&session->references, 1);
    pthread_mutex_unlock(&bfe->mutex);
    return session;
}

int
wfp_bfe_session_enter(struct wfp_bfe_session *session)
{
    bool open;

    if (!session)
        return -WFP_ERR_INVALID_HANDLE;
    if (atomic_load(&session->caller) == gettid())
        return -WFP_ERR_TXN_IN_PROGRESS;
    pthread_mutex_lock(&session->call);
    pthread_mutex_lock(&session->bfe->mutex);
    open = session->open;
    pthread_mutex_unlock(&session->bfe->mutex);
    if (!open) {
        pthread_mutex_unlock(&session->call);
        return -WFP_ERR_INVALID_HANDLE;
    }
    atomic_store(&session->caller, gettid());
    return 0;
}

void
wfp_bfe_session_leave(struct wfp_bfe_session *session)
{
    atomic_store(&session->caller, 0);
    pthread_mutex_unlock(&session->call);
}

int
wfp_bfe_session_check_aborted(struct wfp_bfe_session *session)
{
    bool aborted = session->txn_aborted;

    session->txn_aborted = false;
    return aborted ? -WFP_ERR_TXN_ABORTED : 0;
}

/* Delete what a dynamic session added: who refers before what is referred to. */
static int
delete_dynamic(struct wfp_bfe_session *session)
{
    static const enum wfp_bfe_kind order[] = {WFP_BFE_FILTER, WFP_BFE_CALLOUT, WFP_BFE_CONTEXT,
                                              WFP_BFE_SUBLAYER, WFP_BFE_PROVIDER};
    int r = wfp_bfe_lock_acquire(session, true, false, WFP_SESSION_WAIT_INFINITE);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ELEMENTSOF(order); i++) {
        struct wfp_bfe_table *table = &session->bfe->tables[order[i]];
        struct wfp_bfe_entry *entry;
        uint32_t position = 0;

        while ((entry = wfp_bfe_table_next(table, &position))) {
            if (entry->session != session->serial)
                continue;
            r = wfp_bfe_log_reserve(session);
            if (r < 0) {
                wfp_bfe_txn_drop(session);
                return r;
            }
            wfp_bfe_apply_delete(session, entry);
            position--; /* removal may have shifted another entry into this slot */
        }
    }
    return wfp_bfe_txn_finish(session);
}

static void
unlist(struct wfp_bfe_session *session)
{
    struct wfp_bfe *bfe = session->bfe;
    struct wfp_bfe_session **link = &bfe->sessions;

    pthread_mutex_lock(&bfe->mutex);
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    session->open = false;
    pthread_mutex_unlock(&bfe->mutex);
}

int
wfp_bfe_session_close(struct wfp_bfe_session *session)
{
    int r = wfp_bfe_session_enter(session);

    if (r < 0)
        return r;
    if (session->txn != WFP_BFE_TXN_NONE)
        wfp_bfe_txn_drop(session);
    session->txn_aborted = false;
    if (session->dynamic) {
        r = delete_dynamic(session);
        if (r < 0) {
            wfp_bfe_session_leave(session);
            return r;
        }
    }
    unlist(session);
    wfp_bfe_enum_destroy_all(session);
    wfp_bfe_session_leave(session);
    wfp_bfe_subscription_remove_all(session);
    wfp_bfe_session_unref(session); /* the list's */
    wfp_bfe_session_unref(session);
    return 0;
}
