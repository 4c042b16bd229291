/*
 * Asking BFE: enumerations, subscriptions to changes, security information, engine options.
 *
 * Model      An enumeration is a snapshot of references taken when its handle was made. A template
 *            says which objects; the same template filters subscriptions.
 * Ref        win32 FWP/change-notifications, FWP/access-control
 */
#ifndef WFP_POLICY_BFE_BFE_QUERY_H
#define WFP_POLICY_BFE_BFE_QUERY_H

#include "policy/bfe/bfe.h"

/* ---- templates --------------------------------------------------------------------------- */

enum wfp_bfe_enum_type {
    WFP_BFE_ENUM_FULLY_CONTAINED, /* filters that contain the template's conditions */
    WFP_BFE_ENUM_OVERLAPPING,
    WFP_BFE_ENUM_TYPE_MAX,
};

/* FWP_FILTER_ENUM_FLAG_* */
#define WFP_BFE_ENUM_BEST_TERMINATING_MATCH 0x01u
#define WFP_BFE_ENUM_SORTED                 0x02u
#define WFP_BFE_ENUM_BOOTTIME_ONLY          0x04u
#define WFP_BFE_ENUM_INCLUDE_BOOTTIME       0x08u
#define WFP_BFE_ENUM_INCLUDE_DISABLED       0x10u
#define WFP_BFE_ENUM_RESERVED1              0x20u

#define WFP_BFE_ANY_ACTION 0xFFFFFFFFu

struct wfp_bfe_context_template {
    const struct wfp_guid *provider_key; /* NULL: any */
    uint32_t type;
};

/** Which objects of a kind. Members that the kind does not have are ignored. */
struct wfp_bfe_template {
    const struct wfp_guid *provider_key; /* NULL: any */
    const struct wfp_guid *layer_key;    /* filters, callouts; NULL or zero: any */
    uint32_t context_type;               /* provider contexts */
    /* filters */
    uint32_t enum_type; /* enum wfp_bfe_enum_type */
    uint32_t flags;
    const struct wfp_bfe_context_template *context; /* NULL: any */
    uint32_t condition_count;
    const struct wfp_condition *conditions;
    uint32_t action_mask; /* bits of the action type; WFP_BFE_ANY_ACTION: any */
    const struct wfp_guid *callout_key;
    /* network events */
    uint64_t start_100ns, end_100ns; /* 0: open; since 1601 */
};

/* ---- enumerations ------------------------------------------------------------------------ */

/** A session as an enumeration shows it. */
struct wfp_bfe_session_info {
    atomic_uint references;
    struct wfp_guid key;
    uint16_t *name_utf16;
    uint16_t *description_utf16;
    uint32_t flags;
    uint32_t txn_wait_timeout_ms;
    uint32_t process_id;
    uint8_t *sid; /* of the user; may be NULL */
    uint16_t *user_name_utf16;
    bool kernel;
};

/**
 * Take a snapshot of the objects of @p kind that @p template_ selects and the caller may read: filters,
 * contexts and callouts by id, others in the order they were added, filters by weight if asked.
 *
 * @param template_  NULL: all, but for filters no boot-time and no disabled ones
 * @param ret_handle valid in this session until destroyed or the session ends
 * @return 0, -WFP_ERR_INVALID_ENUMERATOR, -WFP_ERR_INVALID_FLAGS, -WFP_ERR_LAYER_NOT_FOUND,
 *         -WFP_ERR_CONDITION_NOT_FOUND, -WFP_ERR_DUPLICATE_CONDITION, -WFP_ERR_NEVER_MATCH, ...
 */
int wfp_bfe_enum_create(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                        const struct wfp_bfe_template *template_, uint64_t *ret_handle);
/**
 * The next page: at most @p requested items, fewer at the end, each with a reference for the caller.
 *
 * @param ret_items  struct wfp_filter, wfp_bfe_object, const wfp_layer, wfp_bfe_session_info or
 *                   wfp_bfe_event pointers, by kind; free with wfp_bfe_enum_free()
 */
int wfp_bfe_enum_next(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t handle,
                      uint32_t requested, void ***ret_items, uint32_t *ret_count);
/** Take back the last @p count items of a page that could not be used. */
void wfp_bfe_enum_rewind(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t handle,
                         uint32_t count);
int wfp_bfe_enum_destroy(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, uint64_t handle);
/** Drop the references of a page and the page. */
void wfp_bfe_enum_free(enum wfp_bfe_kind kind, void **items, uint32_t count);

/* ---- subscriptions ----------------------------------------------------------------------- */

#define WFP_BFE_NOTIFY_ON_ADD    0x1u
#define WFP_BFE_NOTIFY_ON_DELETE 0x2u

struct wfp_bfe_change_event {
    enum wfp_bfe_kind kind;
    bool added; /* else deleted */
    struct wfp_guid key;
    uint64_t id;
};

/** @param event  a struct wfp_bfe_change_event, or for WFP_BFE_EVENT a struct wfp_bfe_event */
typedef void wfp_bfe_change_callback(void *context, const void *event);

/**
 * Hear of objects of @p kind added or deleted by other sessions, after their commit. Runs on a
 * thread of BFE's; unreliable by contract: past WFP_BFE_CHANGE_QUEUE_MAX waiting events are dropped.
 *
 * @param flags    WFP_BFE_NOTIFY_ON_*; of no meaning for network events
 * @param release  called with @p context once no callback can run any more; may be NULL
 * @return 0, -WFP_ERR_TXN_IN_PROGRESS, -WFP_ERR_INVALID_FLAGS, -WFP_ERR_NEVER_MATCH (no flag),
 *         -WFP_ERR_NULL_POINTER, or as wfp_bfe_enum_create()
 */
int wfp_bfe_subscribe(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                      const struct wfp_bfe_template *template_, uint32_t flags,
                      wfp_bfe_change_callback *callback, void (*release)(void *context),
                      void *context, uint64_t *ret_handle);
/** No callback runs after this returned (except one that calls it). @return 0, -INVALID_HANDLE */
int wfp_bfe_unsubscribe(struct wfp_bfe_session *session, uint64_t handle);
#define WFP_BFE_CHANGE_QUEUE_MAX 16384
/** One subscription in force, as wfp_bfe_subscriptions_get() lists them. */
struct wfp_bfe_subscription_info {
    enum wfp_bfe_kind kind;
    uint32_t flags;
    struct wfp_guid session_key;
};
/** All subscriptions to @p kind, of all sessions; the caller frees the array. */
int wfp_bfe_subscriptions_get(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                              struct wfp_bfe_subscription_info **ret_infos, uint32_t *ret_count);
/** Wait until every notification queued so far has been delivered. */
void wfp_bfe_subscription_flush(struct wfp_bfe *bfe);

/* ---- security ---------------------------------------------------------------------------- */

/* SECURITY_INFORMATION */
#define WFP_SECURITY_OWNER 0x1u
#define WFP_SECURITY_GROUP 0x2u
#define WFP_SECURITY_DACL  0x4u
#define WFP_SECURITY_SACL  0x8u

/** Pointers to the parts of a descriptor: SIDs and ACLs, NULL where there is none. */
struct wfp_bfe_sd_parts {
    const void *owner, *group, *dacl, *sacl;
    uint16_t control;
};

/**
 * The descriptor of an object, or (@p key NULL or zero) of the container of its kind; of the engine
 * with WFP_BFE_KIND_COUNT. Only the parts asked for are in it. The caller unrefs it.
 */
int wfp_bfe_security_get(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                         const struct wfp_guid *key, uint32_t parts, struct wfp_bfe_sd **ret_sd);
/** Pointers into a valid self-relative descriptor. */
void wfp_bfe_descriptor_split(const uint8_t *sd, struct wfp_bfe_sd_parts *ret_parts);
/** The other way. @return 0 or -WFP_ERR_NO_MEMORY */
int wfp_bfe_descriptor_join(const struct wfp_bfe_sd_parts *parts, struct wfp_bfe_sd **ret_sd);
/**
 * Replace the given parts.
 *
 * @return 0, -WFP_ERR_TXN_IN_PROGRESS inside an explicit transaction,
 *         -WFP_ERR_DYNAMIC_SESSION_IN_PROGRESS from a dynamic session for what is not its own,
 *         -WFP_ERR_INVALID_SECURITY_DESCR, -WFP_ERR_<KIND>_NOT_FOUND
 */
int wfp_bfe_security_set(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                         const struct wfp_guid *key, uint32_t parts,
                         const struct wfp_bfe_sd_parts *sd);

/* ---- network events ---------------------------------------------------------------------- */

/** FWPM_NET_EVENT_TYPE, those we report. */
#define WFP_BFE_EVENT_CLASSIFY_DROP  3u
#define WFP_BFE_EVENT_CLASSIFY_ALLOW 6u

/* FWPM_NET_EVENT_FLAG_*: which members of an event are known */
#define WFP_BFE_EVENT_HAS_PROTOCOL       0x0001u
#define WFP_BFE_EVENT_HAS_LOCAL_ADDRESS  0x0002u
#define WFP_BFE_EVENT_HAS_REMOTE_ADDRESS 0x0004u
#define WFP_BFE_EVENT_HAS_LOCAL_PORT     0x0008u
#define WFP_BFE_EVENT_HAS_REMOTE_PORT    0x0010u
#define WFP_BFE_EVENT_HAS_APP_ID         0x0020u
#define WFP_BFE_EVENT_HAS_USER_ID        0x0040u
#define WFP_BFE_EVENT_HAS_SCOPE_ID       0x0080u
#define WFP_BFE_EVENT_HAS_IP_VERSION     0x0100u
#define WFP_BFE_EVENT_HAS_REAUTH_REASON  0x0200u

/* FWPM_NET_EVENT_KEYWORD_*: what is collected only when asked for */
#define WFP_BFE_KEYWORD_INBOUND_MCAST  0x01u
#define WFP_BFE_KEYWORD_INBOUND_BCAST  0x02u
#define WFP_BFE_KEYWORD_CLASSIFY_ALLOW 0x10u

/* As events carry directions: message numbers of the security log */
#define WFP_BFE_EVENT_DIRECTION_IN      0x3900u
#define WFP_BFE_EVENT_DIRECTION_OUT     0x3901u
#define WFP_BFE_EVENT_DIRECTION_FORWARD 0x3902u

/** What happened to one packet or connection; immutable and reference counted once reported. */
struct wfp_bfe_event {
    atomic_uint references;
    uint32_t type;
    uint64_t time_100ns; /* since 1601; 0: now */
    uint32_t flags;      /* WFP_BFE_EVENT_HAS_* */
    uint32_t keywords;   /* WFP_BFE_KEYWORD_* that must be on; 0: always collected */
    bool is_v6;
    uint8_t protocol;
    uint8_t local_addr[16], remote_addr[16]; /* v6 in network order; v4 in the first 4 bytes */
    uint16_t local_port_host, remote_port_host;
    uint32_t scope_id;
    struct wfp_blob app_id; /* UTF-16 with NUL */
    void *user_sid;
    uint64_t filter_id; /* the terminating filter */
    uint16_t layer_id;
    uint32_t reauth_reason;
    uint32_t direction;
    bool is_loopback;
    bool is_veto; /* a callout blocked against a hard permit */
};

struct wfp_bfe_event *wfp_bfe_event_ref(struct wfp_bfe_event *event);
void wfp_bfe_event_unref(struct wfp_bfe_event *event);
/**
 * Record what the data path saw: a copy goes to the ring and to subscribers. Dropped (and counted) when
 * collection is off, the keyword is not on, or memory is out.
 * Context: any thread; takes a lock and allocates, so not inside a classify.
 */
void wfp_bfe_event_report(struct wfp_bfe *bfe, const struct wfp_bfe_event *event);
/** Events kept at most, as Windows' 128 KB hold some 100 to 150. */
#define WFP_BFE_EVENT_RING 128
/** What verdicts leave before somebody looks; the oldest make room. */
#define WFP_BFE_RECORDER_ROOM 512

/**
 * Call back for every verdict recorded since @p cursor, oldest first. The events are borrowed.
 *
 * @param cursor  0 at the start; moves
 * @return how many had been overwritten by then
 */
uint64_t wfp_bfe_event_poll(struct wfp_bfe *bfe, uint64_t *cursor,
                            wfp_bfe_change_callback *callback, void *context);
/** Verdicts recorded, and those that could not be because the recorder was being read or written. */
void wfp_bfe_event_counters(struct wfp_bfe *bfe, uint64_t *ret_recorded, uint64_t *ret_lost);

/* ---- engine options ---------------------------------------------------------------------- */

/** FWPM_ENGINE_OPTION. */
enum wfp_bfe_option {
    WFP_BFE_OPTION_COLLECT_NET_EVENTS,
    WFP_BFE_OPTION_NET_EVENT_KEYWORDS,
    WFP_BFE_OPTION_NAME_CACHE,
    WFP_BFE_OPTION_MONITOR_IPSEC_CONNECTIONS,
    WFP_BFE_OPTION_PACKET_QUEUING,
    WFP_BFE_OPTION_TXN_WATCHDOG_TIMEOUT_MS,
    WFP_BFE_OPTION_MAX,
};

/** All options are UINT32. @return 0, -WFP_ERR_INVALID_ENUMERATOR */
int wfp_bfe_option_get(struct wfp_bfe_session *session, uint32_t option, uint32_t *ret_value);
/** @return 0, -WFP_ERR_TXN_IN_PROGRESS, -WFP_ERR_TYPE_MISMATCH, -WFP_ERR_OUT_OF_BOUNDS, ... */
int wfp_bfe_option_set(struct wfp_bfe_session *session, uint32_t option,
                       const struct wfp_value *value);

#endif
