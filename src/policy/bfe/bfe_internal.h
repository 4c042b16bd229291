/*
 * What the files of BFE share: entries and tables, the transaction log, the lock, sessions.
 *
 * Model      A table holds entries; an entry says what BFE knows of an object beyond the object:
 *            who refers to it, whose session it belongs to, its security. Every change is applied
 *            at once and noted in the session's log; undoing the log's tail restores what was.
 *            Undo never allocates: tables keep their capacity and the log was reserved first.
 * Lifetime   Lock order: session->call, then bfe->mutex. The transaction lock is no mutex: it is
 *            state under bfe->mutex, held by a session across calls and threads. Callouts and
 *            subscribers run with neither mutex held.
 */
#ifndef WFP_POLICY_BFE_BFE_INTERNAL_H
#define WFP_POLICY_BFE_BFE_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include "base/index.h"
#include "core/engine/engine.h"
#include "core/model/access.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe.h"
#include "policy/bfe/bfe_query.h"

DEFINE_FREEP(struct wfp_filter, wfp_filter_unref)

struct wfp_bfe_entry {
    union {
        struct wfp_bfe_object *object;
        struct wfp_filter *filter;
        void *any;
        struct wfp_bfe_entry *next_free;
    };
    struct wfp_bfe_sd *sd; /* NULL: inherited from the container */
    uint32_t number;       /* its place in the pool, as tables name it */
    uint32_t references;   /* objects that point here */
    uint32_t session;      /* serial of the owning dynamic session, or 0 */
    uint8_t kind;
    uint8_t lifetime;
    bool fresh; /* added by the running transaction */
    bool dead;  /* deleted by the running transaction */
};

#define WFP_BFE_ENTRIES_PER_CHUNK 1024

/** Entries by number: chunks that never move. */
struct wfp_bfe_pool {
    struct wfp_bfe_entry **chunks;
    uint32_t chunk_count;
    struct wfp_bfe_entry *free;
};

/** Two indexes over entries: by key and by id. What they hold is an entry's number + 1. */
struct wfp_bfe_table {
    const struct wfp_bfe_pool *pool;
    struct wfp_index by_key;
    struct wfp_index by_id;
    uint64_t next_id;
};

enum wfp_bfe_change { WFP_BFE_CHANGE_ADD = 1, WFP_BFE_CHANGE_DELETE = 2, WFP_BFE_CHANGE_SD = 4 };

struct wfp_bfe_log_row {
    struct wfp_bfe_entry *entry; /* NULL: the security of the container `kind` */
    struct wfp_bfe_sd *old_sd;   /* CHANGE_SD */
    uint8_t change;
    uint8_t kind;
};

struct wfp_bfe_log {
    struct wfp_bfe_log_row *rows;
    uint32_t count;
    uint32_t capacity;
};

enum wfp_bfe_txn { WFP_BFE_TXN_NONE, WFP_BFE_TXN_READ, WFP_BFE_TXN_WRITE };

struct wfp_bfe_session {
    atomic_uint references;
    struct wfp_bfe *bfe;
    struct wfp_bfe_session *next; /* bfe->sessions, while open */
    uint32_t serial;
    bool kernel;
    bool dynamic;
    bool open;            /* under bfe->mutex */
    pthread_mutex_t call; /* one call at a time */
    atomic_int caller;    /* thread id of the running call, or 0 */
    enum wfp_bfe_txn txn; /* with the next two, written under both mutexes */
    bool is_explicit;
    uint64_t txn_start_ms; /* monotonic, when the lock was taken */
    bool txn_aborted;      /* by force; the next call says so */
    struct wfp_bfe_log log;
    struct wfp_guid key;
    uint16_t *name_utf16;
    uint16_t *description_utf16;
    uint32_t flags;
    uint32_t wait_timeout_ms;
    int process_id;
    struct wfp_token_information *token; /* NULL: access is not checked */
    struct wfp_bfe_enum *enums;
    uint64_t next_enum;
};

/** A snapshot of objects that one enumeration hands out. */
struct wfp_bfe_enum {
    struct wfp_bfe_enum *next;
    uint64_t handle;
    enum wfp_bfe_kind kind;
    uint32_t count;
    uint32_t position;
    void **items; /* a reference each */
};

struct wfp_bfe {
    struct wfp_engine *engine;
    bool is_held;                          /* it has not started: boot-time filters are in force */
    const struct wfp_bfe_store_ops *store; /* NULL: nothing outlives BFE */
    void *store_context;
    wfp_bfe_context_renderer *render_context; /* may be NULL */
    struct wfp_bfe_table tables[WFP_BFE_TABLE_COUNT];
    struct wfp_bfe_pool pool;
    uint64_t sublayer_weights[65536 / 64]; /* bitmap of those in use */
    /* of the containers, NULL: inherited; the last is the engine's, never NULL */
    struct wfp_bfe_sd *container_sd[WFP_BFE_KIND_COUNT + 1];
    atomic_uint options[WFP_BFE_OPTION_MAX];

    pthread_mutex_t mutex; /* the rest */
    pthread_cond_t lock_free;
    struct wfp_bfe_session *writer;
    uint32_t readers;
    uint32_t waiting_writers;
    struct wfp_bfe_session *sessions;
    uint32_t next_session;

    struct wfp_bfe_subscription *subscriptions;
    atomic_uint subscription_count;
    uint64_t next_subscription;
    struct wfp_bfe_queued *queue, **queue_end; /* notifications to deliver */
    uint32_t queued_count;
    uint64_t notifications_dropped;
    struct wfp_bfe_subscription *delivering; /* its callback runs */
    bool is_delivering;
    bool has_deliverer;
    bool stopping;
    pthread_t deliverer;
    pthread_cond_t queue_filled;
    pthread_cond_t delivered;

    struct wfp_bfe_recorder *recorder;
    pthread_mutex_t drain_mutex; /* the next one; taken before the others here */
    uint64_t drained;            /* the recorder's cursor of the ring */

    pthread_mutex_t event_mutex; /* the ring */
    struct wfp_bfe_event *events[WFP_BFE_EVENT_RING];
    uint32_t event_next;
};

/** References an object makes, for counting and for the lifetime rule. */
struct wfp_bfe_links {
    struct wfp_bfe_entry *provider;
    struct wfp_bfe_entry *sublayer;
    struct wfp_bfe_entry *callout;
    struct wfp_bfe_entry *context;
};

/* bfe_table.c */
struct wfp_bfe_entry *wfp_bfe_table_find_key(const struct wfp_bfe_table *table,
                                             const struct wfp_guid *key);
struct wfp_bfe_entry *wfp_bfe_table_find_id(const struct wfp_bfe_table *table, uint64_t id);
/** Room for one more, so that the next insert cannot fail. */
int wfp_bfe_table_reserve(struct wfp_bfe_table *table);
void wfp_bfe_table_insert(struct wfp_bfe_table *table, struct wfp_bfe_entry *entry);
void wfp_bfe_table_remove(struct wfp_bfe_table *table, struct wfp_bfe_entry *entry);
void wfp_bfe_table_fini(struct wfp_bfe_table *table);
/** The next entry at or after *position in no order, or NULL; start with 0. */
struct wfp_bfe_entry *wfp_bfe_table_next(const struct wfp_bfe_table *table, uint32_t *position);
const struct wfp_guid *wfp_bfe_entry_key(const struct wfp_bfe_entry *entry);
uint64_t wfp_bfe_entry_id(const struct wfp_bfe_entry *entry);
/** The owning provider's key, or NULL. */
const struct wfp_guid *wfp_bfe_entry_provider(const struct wfp_bfe_entry *entry);
struct wfp_bfe_entry *wfp_bfe_entry_new(struct wfp_bfe *bfe);
void wfp_bfe_pool_fini(struct wfp_bfe_pool *pool);
/** Drops the object and the security, too. */
void wfp_bfe_entry_free(struct wfp_bfe *bfe, struct wfp_bfe_entry *entry);
/** -WFP_ERR_<KIND>_NOT_FOUND. */
int wfp_bfe_not_found(enum wfp_bfe_kind kind);

/* bfe_lock.c: the session's call mutex is held, bfe->mutex is not */
/** @return 0 or -WFP_ERR_TIMEOUT */
int wfp_bfe_lock_acquire(struct wfp_bfe_session *session, bool write, bool is_explicit,
                         uint32_t timeout_ms);
void wfp_bfe_lock_release(struct wfp_bfe_session *session);

/* bfe_session.c */
/** Become the session's running call. @return 0, -INVALID_HANDLE, -TXN_IN_PROGRESS if re-entered */
int wfp_bfe_session_enter(struct wfp_bfe_session *session);
void wfp_bfe_session_leave(struct wfp_bfe_session *session);
/** Did a waiter abort our transaction? Says so once. */
int wfp_bfe_session_check_aborted(struct wfp_bfe_session *session);
/** What an enumeration shows of a session, with one reference. */
int wfp_bfe_session_describe(const struct wfp_bfe_session *session,
                             struct wfp_bfe_session_info **ret_info);

/* bfe_txn.c */
/**
 * Open a call: serialize with the session's other calls and be inside a transaction.
 *
 * @param ret_savepoint  pass to wfp_bfe_call_end()
 * @return 0, or the error the call must return
 */
int wfp_bfe_call_begin(struct wfp_bfe_session *session, bool write, uint32_t *ret_savepoint);
/** Close it: undo a failed call's changes; commit or undo an implicit transaction. @return @p r */
int wfp_bfe_call_end(struct wfp_bfe_session *session, uint32_t savepoint, int r);
/** Room for one more log row. */
int wfp_bfe_log_reserve(struct wfp_bfe_session *session);
/** Apply a prepared add: everything was reserved, so it cannot fail. */
void wfp_bfe_apply_add(struct wfp_bfe_session *session, struct wfp_bfe_entry *entry);
void wfp_bfe_apply_delete(struct wfp_bfe_session *session, struct wfp_bfe_entry *entry);
/** Undo the transaction and release its lock; the session's call mutex is held. */
void wfp_bfe_txn_drop(struct wfp_bfe_session *session);
/** Publish the transaction and release its lock, or (on failure) drop it. */
int wfp_bfe_txn_finish(struct wfp_bfe_session *session);

/* bfe_store.c */
/** Is the filter part of the policy the engine enforces now? */
bool wfp_bfe_is_enforced(const struct wfp_bfe *bfe, const struct wfp_bfe_entry *entry);
/** Write the transaction's changes of persistent objects, or (@p undo) their opposite. */
int wfp_bfe_store_write(struct wfp_bfe_session *session, bool undo);

/* bfe_security.c */
/** A checked copy. @p blob NULL gives NULL. @return 0, -WFP_ERR_INVALID_SECURITY_DESCR, ... */
int wfp_bfe_sd_new(const struct wfp_blob *blob, struct wfp_bfe_sd **ret_sd);
/* Standard rights, and FWPM_ACTRL_* */
#define WFP_ACTRL_ADD             0x00000001u
#define WFP_ACTRL_ADD_LINK        0x00000002u
#define WFP_ACTRL_BEGIN_READ_TXN  0x00000004u
#define WFP_ACTRL_BEGIN_WRITE_TXN 0x00000008u
#define WFP_ACTRL_CLASSIFY        0x00000010u
#define WFP_ACTRL_ENUM            0x00000020u
#define WFP_ACTRL_OPEN            0x00000040u
#define WFP_ACTRL_READ            0x00000080u
#define WFP_ACTRL_READ_STATS      0x00000100u
#define WFP_ACTRL_SUBSCRIBE       0x00000200u
#define WFP_ACTRL_WRITE           0x00000400u
#define WFP_ACTRL_DELETE          0x00010000u
#define WFP_ACTRL_READ_CONTROL    0x00020000u
#define WFP_ACTRL_WRITE_DAC       0x00040000u
#define WFP_ACTRL_WRITE_OWNER     0x00080000u
/** ADD on the container of @p kind, ADD_LINK on everything linked. */
int wfp_bfe_security_check_add(const struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                               const struct wfp_bfe_links *links);
int wfp_bfe_security_check_entry(const struct wfp_bfe_session *session,
                                 const struct wfp_bfe_entry *entry, uint32_t right);
int wfp_bfe_security_check_container(const struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                                     uint32_t right);
int wfp_bfe_security_check_engine(const struct wfp_bfe_session *session, uint32_t right);
void wfp_bfe_security_undo(struct wfp_bfe *bfe, struct wfp_bfe_log_row *row);

/* bfe_object.c: what adds have in common */
/** Find what an entry of the tables refers to; all of it exists. */
void wfp_bfe_links_find(struct wfp_bfe *bfe, const struct wfp_bfe_entry *entry,
                        struct wfp_bfe_links *ret_links);
void wfp_bfe_links_count(const struct wfp_bfe_links *links, int32_t delta);
/** -WFP_ERR_LIFETIME_MISMATCH unless everything linked lives as long as @p entry. */
int wfp_bfe_links_check(const struct wfp_bfe_entry *entry, const struct wfp_bfe_links *links);
/** Check what every spec has: name, strings, flags, provider data. */
int wfp_bfe_object_check(const struct wfp_object_spec *spec, uint32_t known_flags);
int wfp_bfe_object_new(enum wfp_bfe_kind kind, const struct wfp_object_spec *spec,
                       const uint16_t *service_name_utf16, struct wfp_bfe_object **ret_object);
/**
 * Put a finished object (or filter) into the policy: lifetime, references, access, uniqueness,
 * notification. Taken over on success only.
 */
int wfp_bfe_object_join(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, void *object,
                        bool persistent, const struct wfp_blob *sd);
/** -WFP_ERR_INVALID_PARAMETER for lone surrogates and unprintable characters. */
int wfp_bfe_check_string(const uint16_t *text_utf16);
uint16_t *wfp_bfe_copy_string(const uint16_t *text_utf16);

/* bfe_condition.c */
int wfp_bfe_condition_check_all(const struct wfp_layer *layer, uint32_t count,
                                const struct wfp_condition *conditions);

/* bfe_builtin.c */
int wfp_bfe_builtin_add_all(struct wfp_bfe *bfe);

/* bfe_enum.c */
void wfp_bfe_enum_destroy_all(struct wfp_bfe_session *session);

/* bfe_template.c */
/** May it be used for objects of @p kind? @return 0 or the documented error */
int wfp_bfe_template_check(enum wfp_bfe_kind kind, const struct wfp_bfe_template *template_);
/** @param template_  NULL selects everything that is shown by default */
bool wfp_bfe_template_match(struct wfp_bfe *bfe, const struct wfp_bfe_template *template_,
                            const struct wfp_bfe_entry *entry);
int wfp_bfe_template_copy(const struct wfp_bfe_template *template_,
                          struct wfp_bfe_template **ret_template);
void wfp_bfe_template_free(struct wfp_bfe_template *template_);

/* bfe_subscription.c */
void wfp_bfe_subscription_init(struct wfp_bfe *bfe);
void wfp_bfe_subscription_fini(struct wfp_bfe *bfe);
/** Queue for everyone who wants to hear of it, but not for @p session that made the change. */
void wfp_bfe_subscription_note(struct wfp_bfe_session *session, const struct wfp_bfe_entry *entry,
                               bool added);
void wfp_bfe_subscription_note_event(struct wfp_bfe *bfe, struct wfp_bfe_event *event);
/** The session ends: wait for running callbacks. The session's call mutex must not be held. */
void wfp_bfe_subscription_remove_all(struct wfp_bfe_session *session);

/* bfe_event.c */
/** Is every condition of the template one that events have? */
int wfp_bfe_event_check(const struct wfp_bfe_template *template_);
bool wfp_bfe_event_match(const struct wfp_bfe_template *template_,
                         const struct wfp_bfe_event *event);
int wfp_bfe_event_take(struct wfp_bfe *bfe, const struct wfp_bfe_template *template_,
                       void ***ret_items, uint32_t *ret_count);
void wfp_bfe_event_clear(struct wfp_bfe *bfe);
/** What verdicts left goes to the ring and to subscribers. Context: none of BFE's mutexes. */
void wfp_bfe_event_drain(struct wfp_bfe *bfe);

/* bfe_recorder.c */
int wfp_bfe_recorder_new(struct wfp_bfe *bfe);
void wfp_bfe_recorder_free(struct wfp_bfe *bfe);
/** An option changed: tell the engine which verdicts are wanted. */
void wfp_bfe_recorder_retune(struct wfp_bfe *bfe);

/* bfe_option.c */
void wfp_bfe_option_init(struct wfp_bfe *bfe);

#endif
