/*
 * ALE_RESOURCE_ASSIGNMENT (after ALE_BIND_REDIRECT, shim_redirect.c), ALE_AUTH_LISTEN, ALE_ENDPOINT_CLOSURE, ALE_RESOURCE_RELEASE: sockets.
 *
 * Model      open() comes before a conversation's authorization: a socket not known yet is assigned,
 *            and a TCP server's listens. ended() hears of each flow's end and closes what ended with
 *            it. These events have no packet and add no step unless a filter waits for them.
 *
 *              socket             assigned            closed and released
 *              TCP, connecting    with its flow       with its flow
 *              TCP, accepted      - (its parent was)  closed with its flow, not released
 *              TCP, listening     first SYN           with the stack
 *              other, sending     first datagram      with its last flow
 *              other, receiving   first datagram      with the stack
 *
 * Choice     When a server bound and listened is not in its packets: it is told as late as the first
 *            packet it gets, after INBOUND_TRANSPORT, with the address that packet went to.
 * Ref        windows-driver-docs network/ale-endpoint-lifetime-management; win32 FWP/tcp-packet-flows
 */
#include <stdlib.h>
#include <string.h>

#include "core/shims/shim.h"

#define LOOK_AGAIN_100NS 10000000u /* for sockets that went, and others in their place */

static bool
indicate(struct wfp_shim *shim, uint16_t layer_id)
{
    if (!wfp_shim_is_watched(shim, layer_id))
        return true;
    wfp_shim_ale_prepare(shim, 0);
    return wfp_shim_indicate(shim, layer_id, 0, false);
}

/** A socket's first steps, which may be put off; those before the one that was are not repeated. */
static bool
indicate_opening(struct wfp_shim *shim, uint16_t layer_id, enum wfp_pend_stage stage)
{
    bool is_again = stage == shim->resumed;

    if (stage < shim->resumed || !wfp_shim_is_watched(shim, layer_id))
        return true;
    wfp_shim_ale_prepare(shim, is_again ? WFP_REAUTHORIZE_CLASSIFY_COMPLETION : 0);
    return wfp_shim_indicate_pendable(shim, layer_id, is_again ? WFP_CONDITION_IS_REAUTHORIZE : 0,
                                      false, stage);
}

/** All conversations of the socket are bound as its first was. */
static void
keep_bind(struct wfp_shim *shim, struct wfp_endpoint *endpoint)
{
    if (!shim->redirect.bind || !shim->redirect.is_changed || endpoint->bind)
        return;
    wfp_redirect_ref(shim->redirect.bind);
    endpoint->bind = shim->redirect.bind;
    wfp_shim_moved_enter(shim, shim->plan.endpoint);
}

/** Its bind is over, too. */
static void
end_endpoint(struct wfp_shim *shim, uint32_t number)
{
    struct wfp_endpoint *endpoint = wfp_endpoint_at(shim->endpoints, number);

    wfp_owner_leave(shim->owners, endpoint->owner);
    wfp_shim_moved_leave(shim, number);
    wfp_redirect_unref(TAKE_PTR(endpoint->bind));
    wfp_endpoint_end(shim->endpoints, number);
}

/** A server's or datagram socket: found, or made and announced. @return false if it was refused */
static bool
open_shared(struct wfp_shim *shim)
{
    struct wfp_ale_plan *plan = &shim->plan;
    bool is_tcp = plan->key.protocol == WFP_PROTOCOL_TCP;
    const struct wfp_flow_key key = wfp_shim_moved_app_key(shim);
    struct wfp_endpoint *endpoint;
    bool is_known, is_resumed;

    plan->endpoint = wfp_endpoint_find_taker(shim->endpoints, &key);
    is_known = plan->endpoint != 0;
    if (!is_known)
        plan->endpoint = wfp_endpoint_create(shim->endpoints, &key);
    if (plan->endpoint == 0)
        return true; /* without memory the conversation has no endpoint, but goes on */
    endpoint = wfp_endpoint_at(shim->endpoints, plan->endpoint);
    plan->handle = endpoint->handle;
    is_resumed = shim->resumed && shim->resumed <= WFP_PEND_LISTEN;
    if (is_known && endpoint->bind)
        wfp_shim_redirect_bound(shim, endpoint->bind);
    if (is_known && !is_resumed)
        return !endpoint->is_pended || wfp_shim_pend_wait(shim);
    if (!is_known) {
        endpoint->is_server = !plan->outbound;
        endpoint->owner = wfp_shim_owner_join(shim);
    }
    if (wfp_shim_redirect_bind(shim) &&
        indicate_opening(shim, WFP_SHIM_LAYER(shim, ALE_RESOURCE_ASSIGNMENT), WFP_PEND_ASSIGN) &&
        (!is_tcp ||
         indicate_opening(shim, WFP_SHIM_LAYER(shim, ALE_AUTH_LISTEN), WFP_PEND_LISTEN))) {
        endpoint->is_pended = false;
        keep_bind(shim, endpoint);
        /* It was sent to where the socket is no longer: who repeats it will be told so. */
        return !shim->is_inbound || !shim->redirect.is_changed || shim->is_recording ||
               wfp_shim_refuse(shim, WFP_SHIM_LAYER(shim, ALE_BIND_REDIRECT),
                               endpoint->bind->current->request.bind.modifier_filter_id, 0);
    }
    endpoint->is_pended = shim->is_pended;
    if (!shim->is_pended) {
        end_endpoint(shim, plan->endpoint);
        plan->endpoint = 0;
    }
    return false;
}

bool
wfp_shim_endpoint_open(struct wfp_shim *shim)
{
    struct wfp_ale_plan *plan = &shim->plan;
    uint64_t connection = wfp_endpoint_of_connection(wfp_flow_next_id(shim->flows));

    if (plan->key.protocol == 0)
        return true; /* what comes to a group belongs to no one socket */
    if (plan->key.protocol == WFP_PROTOCOL_TCP && plan->outbound) {
        plan->handle = connection;
        return wfp_shim_redirect_bind(shim) &&
               indicate_opening(shim, WFP_SHIM_LAYER(shim, ALE_RESOURCE_ASSIGNMENT),
                                WFP_PEND_ASSIGN);
    }
    if (!open_shared(shim))
        return false;
    if (plan->key.protocol == WFP_PROTOCOL_TCP) {
        plan->parent = plan->handle;
        plan->handle = connection;
    }
    return true;
}

void
wfp_shim_endpoint_join(struct wfp_shim *shim, struct wfp_flow *flow)
{
    flow->endpoint = shim->plan.endpoint;
    if (flow->endpoint)
        wfp_endpoint_at(shim->endpoints, flow->endpoint)->flows++;
}

uint64_t
wfp_shim_endpoint_handle(const struct wfp_shim *shim, const struct wfp_flow *flow,
                         uint64_t *ret_parent)
{
    uint64_t shared = flow->endpoint ? wfp_endpoint_at(shim->endpoints, flow->endpoint)->handle : 0;

    if (flow->key.protocol != WFP_PROTOCOL_TCP) {
        *ret_parent = 0;
        return shared;
    }
    *ret_parent = shared;
    return wfp_endpoint_of_connection(flow->id);
}

/**
 * Tell that a socket closed; what is known of its packets is its key.
 *
 * @param is_told   a callout put ALE_ENDPOINT_CLOSURE off and has answered
 * @param is_again  a callout put it off
 */
static void
close_endpoint(struct wfp_shim *aside, const struct wfp_closure *closure, bool is_told,
               bool is_again)
{
    const struct wfp_flow_key *key = &closure->key;
    struct wfp_packet packet = {
        .version = key->version,
        .protocol = key->protocol,
        .source = key->local,
        .destination = key->remote,
        .source_port = key->local_port,
        .destination_port = key->remote_port,
    };
    struct wfp_decision decision = {0};

    wfp_shim_owner_tell(aside, closure->owner, &packet);
    wfp_shim_begin(aside, &packet, &decision, false);
    aside->local_type = aside->remote_type = WFP_ADDRESS_UNICAST;
    aside->plan.handle = closure->handle;
    aside->plan.parent = closure->parent;
    if ((is_told || wfp_shim_indicate_closure(aside, WFP_SHIM_LAYER(aside, ALE_ENDPOINT_CLOSURE),
                                              closure, is_again)) &&
        closure->is_released)
        indicate(aside, WFP_SHIM_LAYER(aside, ALE_RESOURCE_RELEASE));
    aside->packet = NULL;
}

void
wfp_shim_endpoint_resume(struct wfp_shim *aside, const struct wfp_pend *pend)
{
    uint32_t answer;
    const struct wfp_closure *closure = wfp_pend_closure(pend, &answer);

    close_endpoint(aside, closure, answer != 0, true);
    wfp_owner_leave(aside->owners, closure->owner);
}

static void
close_shared(struct wfp_shim *aside, uint32_t number)
{
    const struct wfp_endpoint *endpoint = wfp_endpoint_at(aside->endpoints, number);
    struct wfp_closure closure = {.key = {.version = endpoint->version,
                                          .protocol = endpoint->protocol,
                                          .local_port = endpoint->local_port},
                                  .handle = endpoint->handle,
                                  .owner = endpoint->owner,
                                  .is_released = true};

    memcpy(closure.key.local, endpoint->local, sizeof(closure.key.local));
    close_endpoint(aside, &closure, false, false);
    end_endpoint(aside, number);
}

/** Those of a datagram socket end; a connection goes on, but its parent is gone. */
static void
leave_flows(struct wfp_shim *aside, uint32_t number)
{
    for (struct wfp_flow *flow = wfp_flow_next(aside->flows, NULL); flow;
         flow = wfp_flow_next(aside->flows, flow)) {
        if (flow->endpoint != number)
            continue;
        if (flow->key.protocol == WFP_PROTOCOL_TCP)
            flow->endpoint = 0;
        else
            wfp_flow_end(aside->flows, flow);
    }
}

/** Where a callout moved it is where it is, for those who are asked after that. */
static void
show_where_it_is(struct wfp_shim *aside, uint32_t number, struct wfp_flow_key *shown,
                 struct wfp_packet *packet)
{
    const struct wfp_redirect *bind = wfp_endpoint_at(aside->endpoints, number)->bind;

    if (!bind || !bind->current)
        return;
    wfp_shim_redirect_place(bind, shown);
    packet->source_port = shown->local_port;
    aside->is_ready = false;
}

/**
 * A socket's bind and listen, one layer after the other; those before the one that was put off are
 * not repeated.
 * @param pend  what was put off, completed; or NULL
 */
static enum wfp_socket_answer
go_through(struct wfp_shim *aside, const struct wfp_opening *opening, uint32_t number,
           struct wfp_pend *pend)
{
    struct wfp_endpoint *endpoint = wfp_endpoint_at(aside->endpoints, number);
    struct wfp_flow_key shown = opening->key;
    struct wfp_packet packet = {
        .version = shown.version,
        .protocol = shown.protocol,
        .source = shown.local,
        .destination = shown.remote,
        .source_port = shown.local_port,
    };
    struct wfp_decision decision = {0};
    bool is_bound = true, passed;
    bool is_outbound;

    wfp_shim_owner_tell(aside, endpoint->owner, &packet);
    wfp_shim_begin(aside, &packet, &decision, false);
    aside->local_type = WFP_ADDRESS_UNICAST;
    aside->remote_type = WFP_ADDRESS_UNSPECIFIED;
    aside->plan.handle = endpoint->handle;
    aside->opening = opening;
    if (pend) {
        wfp_pend_frame(pend, &aside->resumed, &is_outbound);
        aside->answer = wfp_shim_pend_take(aside, pend);
    }
    if (opening->is_new) {
        is_bound = wfp_shim_redirect_bind_early(aside, number);
        show_where_it_is(aside, number, &shown, &packet);
        is_bound =
            is_bound && indicate_opening(aside, WFP_SHIM_LAYER(aside, ALE_RESOURCE_ASSIGNMENT),
                                         WFP_PEND_ASSIGN);
    }
    if (is_bound)
        show_where_it_is(aside, number, &shown, &packet);
    passed = is_bound &&
             (!opening->listens ||
              indicate_opening(aside, WFP_SHIM_LAYER(aside, ALE_AUTH_LISTEN), WFP_PEND_LISTEN));
    aside->opening = NULL;
    aside->packet = NULL;
    wfp_endpoint_at(aside->endpoints, number)->is_pended = aside->is_pended;
    if (aside->is_pended)
        return WFP_SOCKET_WAITS;
    if (!is_bound)
        end_endpoint(aside, number);
    return passed ? WFP_SOCKET_PERMITTED : WFP_SOCKET_REFUSED;
}

static uint32_t
enter_socket(struct wfp_shim *aside, const struct wfp_socket *socket,
             const struct wfp_flow_key *key)
{
    const struct wfp_owner owner = {socket->process_id, socket->process_path_utf16, socket->user};
    uint32_t number = wfp_endpoint_create(aside->endpoints, key);
    struct wfp_endpoint *endpoint;

    if (number == 0)
        return 0;
    endpoint = wfp_endpoint_at(aside->endpoints, number);
    endpoint->is_server = true; /* it stays until it is closed */
    endpoint->is_listed = socket->name != 0;
    endpoint->name = socket->name;
    endpoint->round = aside->sockets.round;
    endpoint->owner = wfp_owner_join(aside->owners, &owner);
    return number;
}

static enum wfp_socket_answer
open_early(struct wfp_shim *aside, const struct wfp_socket *socket, uint32_t number,
           const struct wfp_flow_key *key, bool listens)
{
    struct wfp_opening opening = {.key = *key, .is_new = number == 0, .listens = listens};

    if (number == 0)
        number = enter_socket(aside, socket, key);
    if (number == 0)
        return WFP_SOCKET_PERMITTED; /* without memory it is told of with its first packet */
    if (wfp_endpoint_at(aside->endpoints, number)->is_pended)
        return WFP_SOCKET_WAITS;
    opening.handle = wfp_endpoint_at(aside->endpoints, number)->handle;
    return go_through(aside, &opening, number, NULL);
}

enum wfp_socket_answer
wfp_shim_endpoint_reopen(struct wfp_shim *aside, struct wfp_pend *pend,
                         struct wfp_socket *ret_socket)
{
    const struct wfp_opening *opening = wfp_pend_opening(pend);
    uint32_t number = wfp_endpoint_by_handle(aside->endpoints, opening->handle);

    *ret_socket = (struct wfp_socket){.version = opening->key.version,
                                      .protocol = opening->key.protocol,
                                      .local_port = opening->key.local_port,
                                      .listens = opening->listens};
    memcpy(ret_socket->local, opening->key.local, sizeof(ret_socket->local));
    return number ? go_through(aside, opening, number, pend) : WFP_SOCKET_REFUSED;
}

static struct wfp_flow_key
key_of(const struct wfp_socket *socket)
{
    struct wfp_flow_key key = {
        .version = socket->version, .protocol = socket->protocol, .local_port = socket->local_port};

    memcpy(key.local, socket->local, socket->version == 4 ? 4 : 16);
    return key;
}

/** What is there, as a look shows it. */
struct shown_sockets {
    struct wfp_socket *sockets;
    size_t count, capacity;
};

static void
take_shown(void *context, const struct wfp_socket *socket)
{
    struct shown_sockets *shown = context;

    if (shown->count == shown->capacity) {
        size_t capacity = MAX(64, 2 * shown->capacity);
        struct wfp_socket *sockets = realloc(shown->sockets, capacity * sizeof(*sockets));

        if (!sockets)
            return; /* without memory it is told of with its first packet */
        shown->sockets = sockets;
        shown->capacity = capacity;
    }
    shown->sockets[shown->count++] = *socket;
}

/** Sockets that are still there. Of several at one place (SO_REUSEPORT) one stands for all. */
static void
mark_shown(struct wfp_shim *aside, const struct shown_sockets *shown)
{
    for (size_t i = 0; i < shown->count; i++) {
        struct wfp_flow_key key = key_of(&shown->sockets[i]);
        uint32_t number = wfp_endpoint_find(aside->endpoints, &key);
        struct wfp_endpoint *endpoint;

        if (number == 0)
            continue;
        endpoint = wfp_endpoint_at(aside->endpoints, number);
        if (!endpoint->is_listed || endpoint->name == shown->sockets[i].name) {
            endpoint->is_listed = endpoint->is_server = true;
            endpoint->name = shown->sockets[i].name;
            endpoint->round = aside->sockets.round;
        }
    }
}

static void
close_gone(struct wfp_shim *aside)
{
    for (uint32_t n = 0; (n = wfp_endpoint_next(aside->endpoints, n)) != 0;) {
        const struct wfp_endpoint *endpoint = wfp_endpoint_at(aside->endpoints, n);

        if (!endpoint->is_listed || endpoint->round == aside->sockets.round)
            continue;
        leave_flows(aside, n);
        if (wfp_endpoint_at(aside->endpoints, n)->version != 0)
            close_shared(aside, n);
    }
}

void
wfp_shim_endpoint_refresh(struct wfp_shim *aside, uint64_t now_100ns, bool is_known)
{
    struct shown_sockets shown = {0};

    if (!aside->sockets.show ||
        (is_known && now_100ns - aside->sockets.last_100ns < LOOK_AGAIN_100NS))
        return;
    aside->sockets.last_100ns = now_100ns;
    aside->sockets.round++;
    aside->sockets.show(aside->sockets.context, take_shown, &shown);
    mark_shown(aside, &shown);
    close_gone(aside);
    for (size_t i = 0; i < shown.count; i++) {
        struct wfp_socket *socket = &shown.sockets[i];
        struct wfp_flow_key key = key_of(socket);

        if (wfp_endpoint_find(aside->endpoints, &key))
            continue;
        if (aside->sockets.tell_owner)
            aside->sockets.tell_owner(aside->sockets.context, socket);
        open_early(aside, socket, 0, &key, socket->listens);
    }
    free(shown.sockets);
}

enum wfp_socket_answer
wfp_shim_endpoint_event(struct wfp_shim *aside, const struct wfp_socket *socket,
                        enum wfp_socket_event event)
{
    struct wfp_flow_key key = key_of(socket);
    uint32_t number;

    number = wfp_endpoint_find(aside->endpoints, &key);
    if (event != WFP_SOCKET_CLOSE)
        return open_early(aside, socket, number, &key, event == WFP_SOCKET_LISTEN);
    if (number) {
        leave_flows(aside, number);
        /* a client's socket may have closed with its last flow */
        number = wfp_endpoint_find(aside->endpoints, &key);
    }
    if (number)
        close_shared(aside, number);
    return WFP_SOCKET_PERMITTED;
}

void
wfp_shim_endpoint_ended(void *context, struct wfp_flow *flow)
{
    struct wfp_shim *aside = context;

    wfp_shim_redirect_ended(aside, flow);
    if (flow->key.protocol == WFP_PROTOCOL_TCP) {
        struct wfp_closure closure = {
            .key = flow->key, .owner = flow->owner, .is_released = flow->outbound};

        closure.handle = wfp_shim_endpoint_handle(aside, flow, &closure.parent);
        close_endpoint(aside, &closure, false, false);
    }
    if (flow->endpoint) {
        struct wfp_endpoint *endpoint = wfp_endpoint_at(aside->endpoints, flow->endpoint);

        endpoint->flows--;
        if (endpoint->flows == 0 && !endpoint->is_server)
            close_shared(aside, flow->endpoint);
        flow->endpoint = 0;
    }
    wfp_owner_leave(aside->owners, flow->owner);
    flow->owner = 0;
}

void
wfp_shim_endpoint_end_all(struct wfp_shim *aside)
{
    enum wfp_pend_stage stage;
    struct wfp_pend *pend;
    bool is_outbound;
    uint32_t number;

    while ((number = wfp_endpoint_next(aside->endpoints, 0)) != 0)
        close_shared(aside, number);
    /* Those whose closure was put off and completed have yet to be released. */
    while ((pend = wfp_pend_take_completed(aside->closures)) != NULL) {
        wfp_pend_frame(pend, &stage, &is_outbound);
        if (stage == WFP_PEND_CLOSURE)
            wfp_shim_endpoint_resume(aside, pend);
        wfp_pend_free(pend);
    }
}

static void
list_shared(const struct wfp_shim *shim, wfp_stack_take_endpoint *take, void *context)
{
    for (uint32_t n = 0; (n = wfp_endpoint_next(shim->endpoints, n)) != 0;) {
        const struct wfp_endpoint *endpoint = wfp_endpoint_at(shim->endpoints, n);
        struct wfp_flow_key at = {.version = endpoint->version, .local_port = endpoint->local_port};
        struct wfp_stack_endpoint told = {
            .handle = endpoint->handle,
            .version = endpoint->version,
            .protocol = endpoint->protocol,
            .path_utf16 = wfp_owner_at(shim->owners, endpoint->owner)->path_utf16,
            .user = wfp_owner_at(shim->owners, endpoint->owner)->user,
        };

        memcpy(at.local, endpoint->local, sizeof(at.local));
        if (endpoint->bind && endpoint->bind->current)
            wfp_shim_redirect_place(endpoint->bind, &at);
        told.local_port = at.local_port;
        memcpy(told.local, at.local, sizeof(told.local));
        take(context, &told);
    }
}

void
wfp_shim_endpoint_list(const struct wfp_shim *shim, wfp_stack_take_endpoint *take, void *context)
{
    list_shared(shim, take, context);
    for (const struct wfp_flow *flow = wfp_flow_next(shim->flows, NULL); flow;
         flow = wfp_flow_next(shim->flows, flow)) {
        struct wfp_stack_endpoint told = {
            .handle = wfp_endpoint_of_connection(flow->id),
            .version = flow->key.version,
            .protocol = flow->key.protocol,
            .local_port = flow->key.local_port,
            .remote_port = flow->key.remote_port,
            .path_utf16 = wfp_owner_at(shim->owners, flow->owner)->path_utf16,
            .user = wfp_owner_at(shim->owners, flow->owner)->user,
        };

        if (flow->key.protocol != WFP_PROTOCOL_TCP || flow->id == 0)
            continue;
        memcpy(told.local, flow->key.local, sizeof(told.local));
        memcpy(told.remote, flow->key.remote, sizeof(told.remote));
        take(context, &told);
    }
}
