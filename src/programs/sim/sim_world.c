/*
 * The simulated machine: on and off, packets through its stack, and time.
 */
#include "programs/sim/sim_world.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/utf16.h"
#include "core/model/layer.h"
#include "core/packet/bytes.h"
#include "nt/fwps/fwps_host.h"
#include "nt/ntos/nt_host.h"
#include "programs/control_local.h"
#include "programs/run_options.h"

#define START         133801632000000000ull /* 2025-01-01 */
#define MILLISECOND   10000ull
#define REORDER_LEAST (10 * MILLISECOND)
#define STEPS_MOST    10000000u /* of one event: more is a loop */
#define INTERFACE     2         /* the machine's one network interface */
#define DEFAULT_MTU   1500

static struct wfp_sim *running; /* one per process, as there is one kernel */

struct wfp_sim *
sim_running(void)
{
    return running;
}

int
sim_fail(struct wfp_sim *sim, const char *format, ...)
{
    va_list arguments;

    if (sim)
        sim->failed = true;
    fputs("wfp_sim: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return -1;
}

void *
sim_array_add(struct sim_array *array, size_t size)
{
    if (array->count == array->capacity) {
        size_t capacity = array->capacity ? array->capacity * 2 : 64;
        void *items = realloc(array->items, capacity * size);

        if (!items)
            return NULL;
        array->items = items;
        array->capacity = capacity;
    }
    return memset((char *)array->items + array->count++ * size, 0, size);
}

bool
sim_is_local(const struct wfp_sim *sim, uint8_t version, const uint8_t *address)
{
    static const uint8_t loopback_v6[16] = {[15] = 1};

    if (version == 4 ? address[0] == 127 : memcmp(address, loopback_v6, 16) == 0)
        return true;
    for (uint32_t i = 0; i < sim->local_count; i++) {
        const struct wfp_local_prefix *local = &sim->local[i];
        uint32_t bits = local->prefix_length, whole = bits / 8;
        uint8_t mask = (uint8_t)(0xff00u >> bits % 8);

        if (local->version == version && memcmp(local->addr, address, whole) == 0 &&
            (bits % 8 == 0 || ((local->addr[whole] ^ address[whole]) & mask) == 0))
            return true;
    }
    return false;
}

/* ---- packets through the stack ---- */

/** Where a packet that the layers let through goes. */
static void
route(struct wfp_sim *sim, const struct wfp_frame *frame, const struct wfp_decision *decision)
{
    const uint8_t *to = frame->data + (frame->data[0] >> 4 == 4 ? 16 : 24);

    if (decision->outcome != WFP_PERMITTED || decision->direction == WFP_FORWARD ||
        frame->link_reason != WFP_DECODED)
        return;
    if (decision->direction == WFP_INBOUND || sim_is_local(sim, frame->data[0] >> 4, to))
        sim_socket_deliver(sim, frame->data, frame->length);
    else if (wfp_sim_link_put(sim->network, sim->now, true, frame->data, frame->length) < 0)
        sim_fail(sim, "out of memory");
}

static void
take_injected(void *context, struct wfp_frame *frame)
{
    struct wfp_sim *sim = context;
    struct wfp_decision decision;

    frame->time_100ns = sim->now;
    sim->current = sim_record_begin(sim, frame);
    wfp_stack_packet(sim->machine.stack, frame, &decision);
    sim_record_end(sim, sim->current, frame, &decision);
    sim->current = SIM_NO_PACKET;
    route(sim, frame, &decision);
}

/** A socket whose bind, connect or accept was refused hears of it. */
static void
note_refusal(struct wfp_sim_socket *socket, const struct wfp_decision *decision)
{
    if (!socket || decision->outcome != WFP_BLOCKED)
        return;
    switch (decision->verdict.layer_id) {
    case WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V4:
    case WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V6:
    case WFP_LAYER_ALE_AUTH_CONNECT_V4:
    case WFP_LAYER_ALE_AUTH_CONNECT_V6:
    case WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4:
    case WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V6:
        sim_socket_refused(socket);
    }
}

static void
take_resumed(void *context, struct wfp_frame *frame, const struct wfp_decision *decision)
{
    struct wfp_sim *sim = context;

    sim_record_end(sim, sim_record_begin(sim, frame), frame, decision);
    if (decision->direction == WFP_OUTBOUND)
        note_refusal(sim_socket_sender(sim, frame->data, frame->length), decision);
    route(sim, frame, decision);
}

/** What drivers injected and completed, until nothing more comes of it. */
static void
take_drivers_packets(struct wfp_sim *sim)
{
    sim->is_busy = true;
    do {
        sim->current = SIM_RESUMING;
        wfp_stack_resume(sim->machine.stack, take_resumed, sim);
        sim->current = SIM_NO_PACKET;
    } while (nt_fwps_drain(take_injected, sim));
    sim->is_busy = false;
}

/** For a driver's thread that waits for what the stack has yet to do. */
static void
serve(void *context)
{
    struct wfp_sim *sim = context;

    if (!sim->is_busy)
        take_drivers_packets(sim);
}

static void
advance_to(struct wfp_sim *sim, uint64_t time_100ns)
{
    sim->now = MAX(sim->now, time_100ns);
    nt_time_run_until(sim->now);
    take_drivers_packets(sim);
    wfp_stack_advance(sim->machine.stack, sim->now);
}

static void
take_frame(struct wfp_sim *sim, struct wfp_frame *frame, struct wfp_sim_socket *socket)
{
    struct wfp_decision decision;

    sim_frame_wrap(sim, frame);
    frame->wire_length = frame->length;
    frame->time_100ns = sim->now;
    frame->interface_index = INTERFACE;
    nt_time_run_until(sim->now);
    take_drivers_packets(sim);
    sim->is_busy = true;
    sim->current = sim_record_begin(sim, frame);
    wfp_stack_packet(sim->machine.stack, frame, &decision);
    sim_record_end(sim, sim->current, frame, &decision);
    sim->current = SIM_NO_PACKET;
    sim->is_busy = false;
    note_refusal(socket, &decision);
    route(sim, frame, &decision);
    take_drivers_packets(sim);
}

void
sim_take_frame(struct wfp_sim *sim, struct wfp_frame *frame)
{
    take_frame(sim, frame, NULL);
}

/** A packet that left a socket. Between two local ends it comes in again by itself. */
static void
handle_out(struct wfp_sim *sim, struct wfp_sim_socket *socket, uint8_t *bytes, uint32_t length)
{
    uint8_t version = bytes[0] >> 4;
    const struct sim_owner *owner = socket ? socket->owner : sim->owners;
    struct wfp_frame frame = {.data = bytes,
                              .length = length,
                              .hint = WFP_HINT_OUTBOUND,
                              .path_mtu = sim->net.mtu ? sim->net.mtu : DEFAULT_MTU};

    if (length >= (version == 4 ? 20u : 40u) &&
        sim_is_local(sim, version, bytes + (version == 4 ? 16 : 24)))
        frame.hint = WFP_HINT_NONE;
    if (!socket && sim->control) {
        frame.control_data_length = sim->control_size;
        frame.control_data = TAKE_PTR(sim->control);
    }
    if (owner) {
        frame.process_id = owner->process_id;
        frame.process_path_utf16 = owner->path_utf16;
        frame.user = owner->user;
    }
    take_frame(sim, &frame, socket);
}

static void
handle_in(struct wfp_sim *sim, uint8_t *bytes, uint32_t length)
{
    struct wfp_frame frame = {
        .data = bytes,
        .length = length,
        .hint = WFP_HINT_INBOUND,
        .no_endpoint = !sim_socket_is_awaited(sim, bytes, length),
    };

    take_frame(sim, &frame, NULL);
}

void
sim_send_out(struct wfp_sim *sim, struct wfp_sim_socket *socket, uint8_t *bytes, uint32_t length)
{
    if (wfp_sim_link_put(sim->inside, sim->now, socket ? socket->index : -1, bytes, length) < 0)
        sim_fail(sim, "out of memory");
}

void
sim_send_in(struct wfp_sim *sim, const uint8_t *bytes, uint32_t length)
{
    uint32_t header = length && bytes[0] >> 4 == 4 ? 20 : 40, at = 0, size;
    static uint32_t id;
    uint8_t protocol = header == 20 ? bytes[9] : bytes[6];

    if (sim->net.fragment < 8 || length <= header + sim->net.fragment ||
        protocol == WFP_PROTOCOL_TCP) {
        if (wfp_sim_link_put(sim->network, sim->now, false, bytes, length) < 0)
            sim_fail(sim, "out of memory");
        return;
    }
    for (id++; (size = wfp_sim_packet_fragment(sim->packet, bytes, length, at, sim->net.fragment,
                                               id)) != 0;
         at += sim->net.fragment & ~7u)
        if (wfp_sim_link_put(sim->network, sim->now, false, sim->packet, size) < 0)
            sim_fail(sim, "out of memory");
}

void
sim_send_through(struct wfp_sim *sim, uint8_t *bytes, uint32_t length)
{
    struct wfp_frame frame = {.data = bytes, .length = length, .hint = WFP_HINT_FORWARD};

    take_frame(sim, &frame, NULL);
}

/* ---- time ---- */

/** The next retransmission of any socket. */
static uint64_t
next_timer(const struct wfp_sim *sim)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < sim->sockets.count; i++) {
        const struct wfp_sim_socket *socket = sim_socket_at(sim, (int)i);

        if (!socket->is_blocked)
            next = MIN(next, wfp_sim_tcp_timer(socket->tcp));
    }
    return next;
}

static void
run_timers(struct wfp_sim *sim)
{
    for (size_t i = 0; i < sim->sockets.count; i++) {
        struct wfp_sim_socket *socket = sim_socket_at(sim, (int)i);

        if (!socket->is_blocked)
            wfp_sim_tcp_advance(socket->tcp, sim->now);
    }
}

/** The next thing that happens by @p until. @return false when nothing does */
static bool
step(struct wfp_sim *sim, uint64_t until, bool with_timers)
{
    struct wfp_sim_parcel parcel;
    uint64_t next;

    if (wfp_sim_link_take(sim->inside, &parcel)) {
        handle_out(sim, parcel.tag < 0 ? NULL : sim_socket_at(sim, parcel.tag), parcel.data,
                   parcel.length);
        free(parcel.data);
        return true;
    }
    /* Time stands still until drivers' threads rest; what they send is of this moment. */
    nt_time_settle();
    take_drivers_packets(sim);
    if (wfp_sim_link_next(sim->inside) != UINT64_MAX)
        return true;
    next = wfp_sim_link_next(sim->network);
    if (with_timers)
        next = MIN(next, next_timer(sim));
    if (next == UINT64_MAX || next > until)
        return false;
    advance_to(sim, next);
    if (wfp_sim_link_next(sim->network) <= sim->now && wfp_sim_link_take(sim->network, &parcel)) {
        if (parcel.tag)
            sim_socket_deliver_remote(sim, parcel.data, parcel.length);
        else
            handle_in(sim, parcel.data, parcel.length);
        free(parcel.data);
    }
    if (with_timers)
        run_timers(sim);
    return true;
}

static void
run_until(struct wfp_sim *sim, uint64_t until, bool with_timers)
{
    unsigned steps = 0;

    while (step(sim, until, with_timers))
        if (++steps == STEPS_MOST) {
            sim_fail(sim, "one event does not come to an end: packets go round");
            return;
        }
}

void
sim_settle(struct wfp_sim *sim)
{
    run_until(sim, UINT64_MAX, sim->net.loss_permille != 0);
}

void
wfp_sim_wait(struct wfp_sim *sim, uint64_t ms)
{
    uint64_t until = sim->now + ms * MILLISECOND;

    run_until(sim, until, true);
    advance_to(sim, until);
    sim_settle(sim);
}

uint64_t
wfp_sim_now(struct wfp_sim *sim)
{
    return sim->now;
}

void
wfp_sim_network(struct wfp_sim *sim, const struct wfp_sim_network *network)
{
    uint64_t delay = network->delay_ms * MILLISECOND;

    sim->net = *network;
    wfp_sim_link_configure(sim->network, &(struct wfp_sim_link_config){
                                             .delay_100ns = delay,
                                             .jitter_100ns = network->jitter_ms * MILLISECOND,
                                             .loss_permille = network->loss_permille,
                                             .duplicate_permille = network->duplicate_permille,
                                             .reorder_permille = network->reorder_permille,
                                             .reorder_100ns = MAX(3 * delay, REORDER_LEAST),
                                         });
}

/* ---- on and off ---- */

static int
parse_prefixes(const char *what, const char *given, struct wfp_local_prefix *prefixes,
               uint32_t *count)
{
    _cleanup_(freep) char *text = strdup(given);
    char *at = NULL;

    for (char *word = text ? strtok_r(text, " ,", &at) : NULL; word;
         word = strtok_r(NULL, " ,", &at)) {
        if (*count == SIM_MAX_LOCAL)
            return sim_fail(NULL, "%s: more than %d addresses", what, SIM_MAX_LOCAL);
        if (run_options_parse_prefix(word, &prefixes[(*count)++]) < 0)
            return sim_fail(NULL, "%s '%s': expected an address or a prefix like 10.0.0.0/8", what,
                            word);
    }
    return text ? 0 : sim_fail(NULL, "out of memory");
}

static int
parse_local(struct wfp_sim *sim)
{
    const char *local = sim->options.local ? sim->options.local : "10.0.0.0/8 fd00::/8";
    const char *subnets = sim->options.subnets ? sim->options.subnets : "";

    if (parse_prefixes("local", local, sim->local, &sim->local_count) < 0)
        return -1;
    return parse_prefixes("subnets", subnets, sim->subnets, &sim->subnet_count);
}

static void
free_sim(struct wfp_sim *sim)
{
    control_local_disable();
    nt_host_set_service(NULL, NULL);
    if (sim->machine.engine)
        machine_fini(&sim->machine);
    wfp_log_set_sink(NULL, NULL);
    wfp_log_set_level(WFP_LOG_INFO);
    sim_sockets_free(sim);
    sim_records_free(sim);
    pthread_mutex_destroy(&sim->print_lock);
    wfp_sim_link_free(sim->inside);
    wfp_sim_link_free(sim->network);
    while (sim->owners) {
        struct sim_owner *owner = sim->owners;

        sim->owners = owner->next;
        wfp_user_free(owner->user);
        free(owner->path_utf16);
        free(owner);
    }
    free(sim);
    wfp_guid_seed(0);
    wfp_clock_set_virtual(0);
    running = NULL;
}

/* For programs that use the drivers' devices (openwfp/device.h): what happens while they wait. */
static void
rest(void *context)
{
    sim_settle(context);
}

static void
pass_time(void *context, uint64_t time_100ns)
{
    run_until(context, time_100ns, true);
    advance_to(context, time_100ns);
}

static int
switch_on(struct wfp_sim *sim)
{
    if (parse_local(sim) < 0)
        return -1;
    sim->inside = wfp_sim_link_new(&(struct wfp_sim_link_config){.seed = 1});
    sim->network = wfp_sim_link_new(&(struct wfp_sim_link_config){.seed = sim->random});
    if (!sim->inside || !sim->network)
        return sim_fail(NULL, "out of memory");
    nt_finding_reset();
    nt_finding_enable(!sim->options.no_verifier);
    wfp_log_set_level(WFP_LOG_DEBUG);
    wfp_log_set_sink(sim_record_print, sim);
    wfp_clock_set_virtual(sim->now);
    wfp_guid_seed(sim->random);
    if (machine_init(&sim->machine) < 0)
        return sim_fail(NULL, "out of memory");
    sim->machine.step = sim_record_step;
    sim->machine.step_context = sim;
    sim->machine.is_simulated = true;
    sim->machine.groups_fragments = sim->options.groups_fragments;
    sim->machine.subnets = sim->subnets;
    sim->machine.subnet_count = sim->subnet_count;
    sim->machine.socket_decided = sim_socket_decided;
    sim->machine.decided_context = sim;
    if (machine_add_stack(&sim->machine, sim->local, sim->local_count) < 0)
        return sim_fail(NULL, "out of memory");
    nt_host_set_service(serve, sim);
    control_local_enable(&(struct control_local_world){rest, pass_time, sim});
    return 0;
}

struct wfp_sim *
wfp_sim_new(const struct wfp_sim_options *options)
{
    struct wfp_sim *sim;

    if (running) {
        sim_fail(NULL, "there is a machine already; wfp_sim_finish() it first");
        return NULL;
    }
    sim = calloc(1, sizeof(*sim));
    if (!sim) {
        sim_fail(NULL, "out of memory");
        return NULL;
    }
    running = sim;
    pthread_mutex_init(&sim->print_lock, NULL);
    if (options)
        sim->options = *options;
    sim->now = sim->options.start ? sim->options.start : START;
    sim->random = sim->options.seed ? sim->options.seed : 1;
    sim->current = SIM_NO_PACKET;
    if (switch_on(sim) < 0) {
        free_sim(sim);
        return NULL;
    }
    return sim;
}

static void
set_params(const char *service, const char *params)
{
    _cleanup_(freep) char *text = params ? strdup(params) : NULL;
    char *at = NULL;

    for (char *line = text ? strtok_r(text, "\n", &at) : NULL; line;
         line = strtok_r(NULL, "\n", &at)) {
        char *equals = strchr(line, '=');

        if (equals)
            *equals = 0;
        nt_registry_set_param(service, line, equals ? equals + 1 : "");
    }
}

int
wfp_sim_load(struct wfp_sim *sim, const char *path, const char *params)
{
    _cleanup_(freep) char *service = machine_service_name(path);
    char error[MACHINE_ERROR_SIZE];

    if (!service)
        return sim_fail(sim, "out of memory");
    if (sim->machine.driver_count == MACHINE_MAX_DRIVERS)
        return sim_fail(sim, "%s: more than %d drivers", path, MACHINE_MAX_DRIVERS);
    set_params(service, params);
    if (machine_start_driver(&sim->machine, path, sim->options.stub_missing, error) != 0)
        return sim_fail(sim, "%s", error);
    sim_settle(sim);
    return 0;
}

void
wfp_sim_unload(struct wfp_sim *sim)
{
    machine_stop_drivers(&sim->machine);
    sim_settle(sim);
}

size_t
wfp_sim_findings(struct wfp_sim *sim)
{
    return sim ? nt_finding_count() : 0;
}

int
wfp_sim_finish(struct wfp_sim *sim)
{
    struct nt_finding finding;
    char line[sizeof(finding.place.file) + 16];
    bool failed;

    if (!sim)
        return 1;
    machine_stop_drivers(&sim->machine);
    for (size_t i = 0; nt_finding_get(i, &finding); i++) {
        nt_place_line_text(&finding.place, line, sizeof(line));
        sim_fail(sim, "finding %s, %s: %s%s%s; fix: %s", finding.name, finding.driver,
                 finding.message, line[0] ? ", at " : "", line, finding.fix);
    }
    failed = sim->failed;
    free_sim(sim);
    return failed;
}

/* ---- whose sockets ---- */

/** "S-1-5-32-544" to its bytes. @return their number, 0 for what is no SID */
static size_t
parse_sid(const char *text, uint8_t bytes[68])
{
    char *end;
    uint64_t authority;
    unsigned count = 0;

    if (strncmp(text, "S-1-", 4) != 0)
        return 0;
    authority = strtoull(text + 4, &end, 0);
    bytes[0] = 1;
    wfp_bytes_put16(bytes + 2, (uint16_t)(authority >> 32));
    wfp_bytes_put32(bytes + 4, (uint32_t)authority);
    while (*end == '-' && count < 15) {
        uint32_t part = (uint32_t)strtoull(end + 1, &end, 10);

        memcpy(bytes + 8 + 4 * count++, &part, 4); /* little-endian, as Windows' */
    }
    bytes[1] = (uint8_t)count;
    return *end || count == 0 ? 0 : 8 + 4 * count;
}

int
wfp_sim_process(struct wfp_sim *sim, uint64_t pid, const char *path, const char *user)
{
    struct sim_owner *owner = calloc(1, sizeof(*owner));
    uint8_t sid[68];
    const void *sids[] = {sid};

    if (!owner)
        return sim_fail(sim, "out of memory");
    owner->next = sim->owners;
    sim->owners = owner;
    owner->process_id = pid;
    if (path && !(owner->path_utf16 = wfp_utf16_from_utf8(path, NULL)))
        return sim_fail(sim, "out of memory");
    if (user && (parse_sid(user, sid) == 0 || wfp_user_new(sids, 1, &owner->user) < 0))
        return sim_fail(sim, "user '%s': expected a SID like S-1-5-21-1-2-3-1001", user);
    return 0;
}
