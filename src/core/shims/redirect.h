/*
 * Redirection: callouts change where a connection goes, or which local end a socket is bound to.
 *
 * Model      At the redirect layers an indication has a classify slot; what a callout writes there
 *            becomes a `struct wfp_redirect`: what the application asked for and each version that was
 *            applied since. A connection whose ends differ from what was asked for has an entry in the
 *            table of redirections: its packets get the other ends on their way out, and the answers
 *            those that the application expects. Drivers and filters below ALE see what is on the wire.
 *
 *              application              layers, wire
 *              L:p -> R:80    ---out--> L':p' -> R':8080
 *              L:p <- R:80    <--in---  L':p' <- R':8080
 *
 * Lifetime   A redirect is counted: the table's entry, a pended classify and a driver's classify handle
 *            each hold a reference. It is also the "redirect records" that drivers see.
 * Choice     docs/decisions/0070-redirection.md
 * Ref        windows-driver-docs network/using-bind-or-connect-redirection;
 *            ddi fwpsk/ns-fwpsk-_fwps_connect_request0
 */
#ifndef WFP_CORE_SHIMS_REDIRECT_H
#define WFP_CORE_SHIMS_REDIRECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "core/flow/flow.h"
#include "core/model/classify_option.h"
#include "core/packet/readdress.h"
#include "core/shims/pend.h"

struct wfp_metadata;
struct wfp_redirect_table;

/** SOCKADDR_STORAGE: family in host order, then port and address where SOCKADDR_IN(6) has them. */
struct wfp_sockaddr {
    _Alignas(8) uint8_t bytes[128];
};

/** FWPS_CONNECT_REQUEST0, member for member. */
struct wfp_connect_request {
    struct wfp_sockaddr local, remote;
    uint64_t port_reservation_token;
    uint32_t local_redirect_target_pid;
    struct wfp_connect_request *previous;
    uint64_t modifier_filter_id;
    void *local_redirect_handle;
    void *local_redirect_context;
    size_t local_redirect_context_size;
};

/** FWPS_BIND_REQUEST0, member for member. */
struct wfp_bind_request {
    struct wfp_sockaddr local;
    uint64_t port_reservation_token;
    struct wfp_bind_request *previous;
    uint64_t modifier_filter_id;
};

static_assert(sizeof(struct wfp_connect_request) == 312, "FWPS_CONNECT_REQUEST0 is 312 bytes");
static_assert(offsetof(struct wfp_connect_request, previous) == 272, "previousVersion");
static_assert(sizeof(struct wfp_bind_request) == 152, "FWPS_BIND_REQUEST0 is 152 bytes");

union wfp_request {
    struct wfp_connect_request connect;
    struct wfp_bind_request bind;
};

/** One version, as a callout got it to write. */
struct wfp_redirect_version {
    union wfp_request request; /* first: what the callout holds points here */
    struct wfp_redirect_version *older;
    uint32_t number; /* order of application; 0 not applied */
    bool reauthorize_if_modified;
};

#define WFP_REDIRECT_MAGIC 0x52444952u

struct wfp_redirect {
    uint32_t magic;
    atomic_uint references;
    bool is_bind;
    uint32_t applied;                      /* versions */
    union wfp_request original;            /* what the application asked for */
    struct wfp_redirect_version *versions; /* newest first, applied or not */
    struct wfp_redirect_version *current;  /* the last applied; NULL none */
    void (*free_context)(void *context);   /* of localRedirectContext; set by who takes them */
};

/** What a classify context points to, for the time of a classify. */
struct wfp_classify_slot {
    uint64_t serial;            /* another for each classify; 0 between them */
    struct wfp_pend_slot *pend; /* NULL: the layer's classify cannot be put off */
    bool is_writable;           /* there is a request to write */
    bool is_bind;
    bool takes_options;                  /* the classify is an authorization */
    struct wfp_classify_options options; /* as the first callout that set each did */
    union wfp_request request;           /* what is asked for */
    struct wfp_redirect *redirect;       /* made at the first need */
    struct wfp_metadata *metadata;       /* shows the records from the first application on */
};

/**
 * The redirect of a running classify. @return 0 with a reference that is the caller's;
 * -WFP_ERR_NOT_SUPPORTED at a layer without, -WFP_ERR_NO_MEMORY
 */
int wfp_redirect_of_slot(struct wfp_classify_slot *slot, struct wfp_redirect **ret_redirect);
void wfp_redirect_ref(struct wfp_redirect *redirect);
/** Takes NULL. The last one frees it, and the contexts of what was applied. */
void wfp_redirect_unref(struct wfp_redirect *redirect);

/** A new version to write, equal to the newest applied. NULL without memory. */
union wfp_request *wfp_redirect_write(struct wfp_redirect *redirect, uint64_t filter_id);
/**
 * Make a version the one in force.
 * @param slot  of the classify that runs, or NULL
 * @return 0; -WFP_ERR_NOT_FOUND: not a version of it, or applied before;
 *         -WFP_ERR_INVALID_PARAMETER: another address family; -WFP_ERR_ACCESS_DENIED: to this machine, without process id or redirect handle
 */
int wfp_redirect_apply(struct wfp_redirect *redirect, union wfp_request *request,
                       bool reauthorize_if_modified, struct wfp_classify_slot *slot);
/** Did someone apply after a version whose writer wants to hear of that? */
bool wfp_redirect_wants_reauthorization(const struct wfp_redirect *redirect);

/** Fill in a sockaddr. @param address  4 or 16 bytes, network order; @param port  host order */
void wfp_sockaddr_set(struct wfp_sockaddr *sockaddr, uint8_t version, const uint8_t *address,
                      uint16_t port);
/** @return the address in it, network order */
const uint8_t *wfp_sockaddr_address(const struct wfp_sockaddr *sockaddr, uint16_t *ret_port);

/* ---- connections that were redirected ---- */

struct wfp_redirection {
    struct wfp_redirection *next_app, *next_wire; /* in the buckets */
    struct wfp_redirection *next_closing;
    struct wfp_flow_key app, wire; /* of the local end's outbound packets */
    uint32_t app_hash, wire_hash;
    struct wfp_redirect *bind, *connect; /* NULL: not redirected there */
    bool has_flow;
    uint64_t gone_100ns; /* 0 while it lives; then when its stragglers are no longer expected */
};

/** @return NULL without memory */
struct wfp_redirect_table *wfp_redirect_table_new(void);
void wfp_redirect_table_free(struct wfp_redirect_table *table);
uint32_t wfp_redirect_table_count(const struct wfp_redirect_table *table);
struct wfp_redirection *wfp_redirection_of_app(const struct wfp_redirect_table *table,
                                               const struct wfp_flow_key *key, uint32_t hash);
struct wfp_redirection *wfp_redirection_of_wire(const struct wfp_redirect_table *table,
                                                const struct wfp_flow_key *key, uint32_t hash);
/** Takes over the references in @p redirection, which is copied. NULL without memory. */
struct wfp_redirection *wfp_redirection_enter(struct wfp_redirect_table *table,
                                              const struct wfp_redirection *redirection);
void wfp_redirection_remove(struct wfp_redirect_table *table, struct wfp_redirection *redirection);
/** Its flow ended: TCP's stragglers are expected until @p gone_100ns; 0 removes it at once. */
void wfp_redirection_close(struct wfp_redirect_table *table, struct wfp_redirection *redirection,
                           uint64_t gone_100ns);
/** It lives after all. */
void wfp_redirection_keep(struct wfp_redirect_table *table, struct wfp_redirection *redirection);
/** A datagram's first fragment, sent with @p from, got the ends @p to: its others show no ports. */
void wfp_redirection_note_fragment(struct wfp_redirect_table *table, const struct wfp_packet *first,
                                   const struct wfp_ends *from, const struct wfp_ends *to);
/** What the first fragment of @p later's datagram was given, or NULL. */
const struct wfp_ends *wfp_redirection_of_fragment(const struct wfp_redirect_table *table,
                                                   const struct wfp_packet *later);
/** Remove those whose time has come. */
void wfp_redirect_table_advance(struct wfp_redirect_table *table, uint64_t now_100ns);

#endif
