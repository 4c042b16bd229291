/*
 * The Base Filtering Engine in process: who may change the policy, when, and what then holds.
 *
 * Model      Sessions call; each call runs inside the session's explicit transaction or an implicit
 *            one of its own. Objects (providers, provider contexts, sublayers, callouts, filters)
 *            are immutable and reference counted: what a get or an enumeration returned stays
 *            readable whatever happens to the policy. One writer or many readers hold the
 *            transaction lock; commit hands the difference to the engine.
 * Lifetime   A `struct wfp_bfe` outlives its sessions; the engine outlives it.
 * Not here   Windows' names and structures: policy/fwpm. Matching and arbitration: core/engine.
 * Ref        win32 FWP/object-management
 */
#ifndef WFP_POLICY_BFE_BFE_H
#define WFP_POLICY_BFE_BFE_H

#include <stdatomic.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/model/filter.h"

struct wfp_engine;
struct wfp_bfe;
struct wfp_bfe_session;

enum wfp_bfe_kind {
    WFP_BFE_PROVIDER,
    WFP_BFE_CONTEXT, /* provider context */
    WFP_BFE_SUBLAYER,
    WFP_BFE_CALLOUT,
    WFP_BFE_FILTER,
    WFP_BFE_TABLE_COUNT, /* kinds that live in tables; the rest only enumerate */
    WFP_BFE_LAYER = WFP_BFE_TABLE_COUNT,
    WFP_BFE_SESSION,
    WFP_BFE_EVENT,         /* network events */
    WFP_BFE_CONNECTION,    /* IPsec connections: there are none, but their container has security */
    WFP_BFE_VSWITCH_EVENT, /* the same */
    WFP_BFE_ENDPOINT,      /* sockets: the stack lists them, their container has security */
    WFP_BFE_KIND_COUNT,
};

/** Lifetimes in ascending order: an object may refer only to one that lives as long. */
enum wfp_bfe_lifetime {
    WFP_BFE_DYNAMIC,
    WFP_BFE_STATIC,
    WFP_BFE_PERSISTENT,
    WFP_BFE_BUILTIN,
};

/* FWPM_*_FLAG_*; filters have theirs in core/model/filter.h */
#define WFP_PROVIDER_FLAG_PERSISTENT           0x00000001u
#define WFP_PROVIDER_FLAG_DISABLED             0x00000010u
#define WFP_CONTEXT_FLAG_PERSISTENT            0x00000001u
#define WFP_CONTEXT_FLAG_DOWNLEVEL             0x00000002u
#define WFP_SUBLAYER_FLAG_PERSISTENT           0x00000001u
#define WFP_CALLOUT_FLAG_PERSISTENT            0x00010000u
#define WFP_CALLOUT_FLAG_USES_PROVIDER_CONTEXT 0x00020000u
#define WFP_CALLOUT_FLAG_REGISTERED            0x00040000u
#define WFP_SESSION_FLAG_DYNAMIC               0x00000001u
#define WFP_TXN_FLAG_READ_ONLY                 0x00000001u

/** FWPM_PROVIDER_CONTEXT_TYPE. */
enum wfp_context_type {
    WFP_CONTEXT_IPSEC_KEYING,
    WFP_CONTEXT_IPSEC_IKE_QM_TRANSPORT,
    WFP_CONTEXT_IPSEC_IKE_QM_TUNNEL,
    WFP_CONTEXT_IPSEC_AUTHIP_QM_TRANSPORT,
    WFP_CONTEXT_IPSEC_AUTHIP_QM_TUNNEL,
    WFP_CONTEXT_IPSEC_IKE_MM,
    WFP_CONTEXT_IPSEC_AUTHIP_MM,
    WFP_CONTEXT_CLASSIFY_OPTIONS,
    WFP_CONTEXT_GENERAL,
    WFP_CONTEXT_IPSEC_IKEV2_QM_TUNNEL,
    WFP_CONTEXT_IPSEC_IKEV2_MM,
    WFP_CONTEXT_IPSEC_DOSP,
    WFP_CONTEXT_IPSEC_IKEV2_QM_TRANSPORT,
    WFP_CONTEXT_NETWORK_CONNECTION_POLICY,
    WFP_CONTEXT_TYPE_MAX,
};

/** One setting of a classify-options or network-connection-policy context. */
struct wfp_context_setting {
    uint32_t type;
    struct wfp_value value;
};

/**
 * Any object but a filter. Immutable; reference counted; shares one block with its strings.
 */
struct wfp_bfe_object {
    atomic_uint references;
    enum wfp_bfe_kind kind;
    uint64_t id; /* run-time id of contexts and callouts; an internal number of the others */
    struct wfp_guid key;
    uint16_t *name_utf16;
    uint16_t *description_utf16; /* may be NULL */
    uint32_t flags;
    bool has_provider;
    struct wfp_guid provider_key;
    struct wfp_blob provider_data;
    uint16_t *service_name_utf16; /* providers; may be NULL */
    uint16_t weight;              /* sublayers: the effective, unique weight */
    struct wfp_guid layer_key;    /* callouts: applicable layer */
    enum wfp_context_type context_type;
    struct wfp_blob context_data; /* general contexts */
    uint32_t setting_count;       /* classify options, network connection policy */
    struct wfp_context_setting *settings;
    void (*payload_free)(void *payload); /* frees context_payload with the object */
    void *context_payload;               /* IPsec contexts: opaque to BFE */
};

struct wfp_bfe_object *wfp_bfe_object_ref(struct wfp_bfe_object *object);
void wfp_bfe_object_unref(struct wfp_bfe_object *object);
DEFINE_FREEP(struct wfp_bfe_object, wfp_bfe_object_unref)

/** What every add says. All pointers are borrowed for the call. */
struct wfp_object_spec {
    struct wfp_guid key; /* zero: BFE makes one */
    const uint16_t *name_utf16;
    const uint16_t *description_utf16;
    uint32_t flags;
    const struct wfp_guid *provider_key; /* NULL: none */
    struct wfp_blob provider_data;
};

struct wfp_provider_spec {
    struct wfp_object_spec common; /* provider_key unused */
    const uint16_t *service_name_utf16;
};

struct wfp_sublayer_spec {
    struct wfp_object_spec common;
    uint16_t weight;
};

struct wfp_callout_spec {
    struct wfp_object_spec common;
    struct wfp_guid layer_key;
};

struct wfp_context_spec {
    struct wfp_object_spec common;
    uint32_t type;               /* enum wfp_context_type */
    const struct wfp_blob *data; /* general */
    uint32_t setting_count;
    const struct wfp_context_setting *settings;
    /** Taken over on success (IPsec types). */
    void *payload;
    void (*payload_free)(void *payload);
};

struct wfp_filter_spec {
    struct wfp_object_spec common;
    struct wfp_guid layer_key;
    struct wfp_guid sublayer_key; /* zero: the layer's default */
    struct wfp_value weight;      /* EMPTY, UINT8 0..15 or UINT64 */
    uint32_t condition_count;
    const struct wfp_condition *conditions;
    uint32_t action;
    struct wfp_guid callout_key; /* callout actions; else the filter type */
    uint64_t raw_context;
    struct wfp_guid provider_context_key; /* with WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT */
};

/** A self-relative security descriptor. */
struct wfp_bfe_sd {
    atomic_uint references;
    uint32_t size;
    uint8_t bytes[];
};

struct wfp_bfe_sd *wfp_bfe_sd_ref(struct wfp_bfe_sd *sd);
void wfp_bfe_sd_unref(struct wfp_bfe_sd *sd);
DEFINE_FREEP(struct wfp_bfe_sd, wfp_bfe_sd_unref)

/* ---- the engine -------------------------------------------------------------------------- */

/** @return 0 or -WFP_ERR_NO_MEMORY. The built-in objects are there. */
int wfp_bfe_new(struct wfp_engine *engine, struct wfp_bfe **ret_bfe);
/** Sessions that are still open are closed; the engine's policy stays as it is. */
void wfp_bfe_free(struct wfp_bfe *bfe);
DEFINE_FREEP(struct wfp_bfe, wfp_bfe_free)
/**
 * How a provider context looks to a callout that uses it: one malloc'ed block, or NULL when memory is
 * out. Without a renderer callouts see none.
 */
typedef void *wfp_bfe_context_renderer(const struct wfp_bfe_object *context);
void wfp_bfe_set_context_renderer(struct wfp_bfe *bfe, wfp_bfe_context_renderer *render);
/** A hash of every object, its ids, references and security: equal states have equal hashes. */
uint64_t wfp_bfe_state_hash(struct wfp_bfe *bfe);
/** Objects of @p kind, committed or of the running transaction. */
uint32_t wfp_bfe_count(struct wfp_bfe *bfe, enum wfp_bfe_kind kind);
/** Bytes that BFE itself holds for objects of @p kind beside the objects: tables and entries. */
size_t wfp_bfe_overhead(struct wfp_bfe *bfe, enum wfp_bfe_kind kind);

/** Has a driver registered code for the callout? */
bool wfp_bfe_callout_is_registered(struct wfp_bfe *bfe, uint32_t callout_id);
/** FWPM_SUBLAYER_UNIVERSAL, the default sublayer of every layer. */
extern const struct wfp_guid wfp_bfe_default_sublayer;

/* ---- what outlives BFE ------------------------------------------------------------------- */

/** A persistent object, or a boot-time filter. */
struct wfp_bfe_stored {
    enum wfp_bfe_kind kind;
    const struct wfp_bfe_object *object; /* NULL for filters */
    const struct wfp_filter *filter;
    const struct wfp_bfe_sd *sd; /* NULL: inherited */
};

/**
 * Where persistent objects are kept: called with each commit that changes any, before it is published,
 * begin .. put and remove .. commit or rollback. Errors are -WFP_ERR_*: the transaction is undone.
 */
struct wfp_bfe_store_ops {
    int (*begin)(void *context);
    int (*put)(void *context, const struct wfp_bfe_stored *stored); /* also in place of an older */
    int (*remove)(void *context, enum wfp_bfe_kind kind, const struct wfp_guid *key);
    int (*commit)(void *context);
    void (*rollback)(void *context);
};

/**
 * BFE is about to start: from here to wfp_bfe_start() boot-time filters are in force, and no others.
 * What is added now was persistent already: it goes into no store and may carry DISABLED flags.
 * Context: before the first session.
 */
void wfp_bfe_hold(struct wfp_bfe *bfe);
/**
 * Boot-time filters go out of force, all others come in, at once. @p ops (NULL: none) is told of
 * changes from here on.
 * @return 0 or -WFP_ERR_NO_MEMORY, then it is still held
 */
int wfp_bfe_start(struct wfp_bfe *bfe, const struct wfp_bfe_store_ops *ops, void *context);

/* ---- sessions ---------------------------------------------------------------------------- */

struct wfp_session_spec {
    struct wfp_guid key; /* zero: BFE makes one */
    const uint16_t *name_utf16;
    const uint16_t *description_utf16;
    uint32_t flags;               /* WFP_SESSION_FLAG_DYNAMIC */
    uint32_t txn_wait_timeout_ms; /* 0: 15 s; 0xFFFFFFFF: for ever */
    bool kernel;                  /* a driver: access is not checked */
    /** Who calls: access is checked against it. NULL: this process, which owns the engine. */
    const struct wfp_token_information *token;
};

#define WFP_SESSION_WAIT_DEFAULT_MS 15000u
#define WFP_SESSION_WAIT_INFINITE   0xFFFFFFFFu
#define WFP_SESSION_HOLD_LIMIT_MS   3600000u /* user mode; kernel mode has none */

/**
 * Open a session, with one reference for the caller.
 *
 * @param spec  NULL: a static kernel session with defaults
 * @return 0, -WFP_ERR_NO_MEMORY, -WFP_ERR_INVALID_FLAGS, -WFP_ERR_ALREADY_EXISTS
 */
int wfp_bfe_session_open(struct wfp_bfe *bfe, const struct wfp_session_spec *spec,
                         struct wfp_bfe_session **ret_session);
/**
 * Abort the transaction, delete what a dynamic session added, and end the session; the caller's
 * reference goes too. Waits for a running call and for the transaction lock.
 *
 * @return 0, -WFP_ERR_INVALID_HANDLE if already closed (the reference stays), -WFP_ERR_NO_MEMORY:
 *         still open, try again
 */
int wfp_bfe_session_close(struct wfp_bfe_session *session);
/** A number that stands for the session as a handle does; never reused. */
uint64_t wfp_bfe_session_handle(const struct wfp_bfe_session *session);
/** The open session of @p handle with a reference, or NULL. */
struct wfp_bfe_session *wfp_bfe_session_find(struct wfp_bfe *bfe, uint64_t handle);
void wfp_bfe_session_unref(struct wfp_bfe_session *session);
DEFINE_FREEP(struct wfp_bfe_session, wfp_bfe_session_unref)

/* ---- transactions ------------------------------------------------------------------------ */

/**
 * Begin an explicit transaction.
 *
 * @param flags  0 or WFP_TXN_FLAG_READ_ONLY
 * @return 0, -WFP_ERR_TXN_IN_PROGRESS, -WFP_ERR_TIMEOUT, -WFP_ERR_INVALID_FLAGS
 */
int wfp_bfe_txn_begin(struct wfp_bfe_session *session, uint32_t flags);
/**
 * Make all changes of the transaction visible at once. On failure the transaction has been
 * aborted and nothing changed.
 *
 * @return 0, -WFP_ERR_NO_TXN_IN_PROGRESS, -WFP_ERR_TXN_ABORTED, -WFP_ERR_NO_MEMORY
 */
int wfp_bfe_txn_commit(struct wfp_bfe_session *session);
int wfp_bfe_txn_abort(struct wfp_bfe_session *session);

/* ---- objects ----------------------------------------------------------------------------- */

/**
 * Add an object. @p sd may be NULL (inherited). @p ret_id and @p ret_key may be NULL.
 *
 * @return 0 or the documented error; a failed add leaves no trace
 */
int wfp_bfe_provider_add(struct wfp_bfe_session *session, const struct wfp_provider_spec *spec,
                         const struct wfp_blob *sd);
int wfp_bfe_context_add(struct wfp_bfe_session *session, const struct wfp_context_spec *spec,
                        const struct wfp_blob *sd, uint64_t *ret_id);
int wfp_bfe_sublayer_add(struct wfp_bfe_session *session, const struct wfp_sublayer_spec *spec,
                         const struct wfp_blob *sd);
int wfp_bfe_callout_add(struct wfp_bfe_session *session, const struct wfp_callout_spec *spec,
                        const struct wfp_blob *sd, uint32_t *ret_id);
int wfp_bfe_filter_add(struct wfp_bfe_session *session, const struct wfp_filter_spec *spec,
                       const struct wfp_blob *sd, uint64_t *ret_id);

/** @return 0, -WFP_ERR_<KIND>_NOT_FOUND, -WFP_ERR_IN_USE, -WFP_ERR_BUILTIN_OBJECT, ... */
int wfp_bfe_delete_by_key(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                          const struct wfp_guid *key);
/** The same by run-time id: contexts, callouts and filters have one. */
int wfp_bfe_delete_by_id(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t id);

/** The object with a reference for the caller. @return 0 or -WFP_ERR_<KIND>_NOT_FOUND */
int wfp_bfe_object_get(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                       const struct wfp_guid *key, struct wfp_bfe_object **ret_object);
int wfp_bfe_object_get_by_id(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t id,
                             struct wfp_bfe_object **ret_object);
/** Is there such an object, and was it there from the start? */
bool wfp_bfe_object_is_builtin(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                               const struct wfp_guid *key);
int wfp_bfe_filter_get(struct wfp_bfe_session *session, const struct wfp_guid *key,
                       struct wfp_filter **ret_filter);
int wfp_bfe_filter_get_by_id(struct wfp_bfe_session *session, uint64_t id,
                             struct wfp_filter **ret_filter);

#endif
