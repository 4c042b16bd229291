/*
 * What tests of redirection share: callouts at the redirect layers that do as they are told, and a stack.
 */
#ifndef WFP_TESTS_SHIMS_REDIRECT_WORLD_H
#define WFP_TESTS_SHIMS_REDIRECT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../packet/build.h"
#include "base/macros.h"
#include "base/status.h"
#include "core/shims/pend.h"
#include "core/shims/redirect.h"
#include "engine_mock.h"

#define NAME(family) WFP_LAYER_##family##_V4

enum what { NOTHING, CHANGE, CHANGE_TWICE, REFUSE, PUT_OFF };

static struct {
    enum what bind, connect;
    const char *local, *remote; /* where to; NULL: as it was */
    uint16_t local_port, remote_port;
    uint32_t process_id;
    void *handle, *context;
    int applied; /* what the last application returned */
    bool wants_to_hear;
    unsigned asked, heard_of; /* connects; records at hand */
    struct wfp_pend *pend;
    struct wfp_redirect *pended;
    unsigned freed;
    struct wfp_socket listed[3]; /* what the plane shows */
    unsigned listed_count, looks, told;
} hook;

static inline void
list_sockets(void *context, wfp_stack_take_socket *take, void *take_context)
{
    hook.looks++;
    for (unsigned i = 0; i < hook.listed_count; i++)
        take(take_context, &hook.listed[i]);
}

static inline void
tell_owner(void *context, struct wfp_socket *socket)
{
    hook.told++;
    socket->process_id = socket->name;
}

static inline void
free_context(void *context)
{
    assert_ptr_equal(context, hook.context);
    hook.freed++;
}

static inline void
set(struct wfp_sockaddr *sockaddr, const char *text, uint16_t port)
{
    uint8_t address[16];
    uint8_t version = build_address(text, address);

    wfp_sockaddr_set(sockaddr, version, address, port);
}

static inline void
change(struct wfp_redirect *redirect, struct wfp_classify_slot *slot, uint64_t filter_id)
{
    union wfp_request *request = wfp_redirect_write(redirect, filter_id);

    assert_non_null(request);
    redirect->free_context = free_context;
    if (redirect->is_bind) {
        if (hook.local)
            set(&request->bind.local, hook.local, hook.local_port);
    } else {
        if (hook.remote)
            set(&request->connect.remote, hook.remote, hook.remote_port);
        request->connect.local_redirect_target_pid = hook.process_id;
        request->connect.local_redirect_handle = hook.handle;
        request->connect.local_redirect_context = hook.context;
    }
    hook.applied =
        wfp_redirect_apply(redirect, request, hook.wants_to_hear && filter_id == 1, slot);
    assert_int_equal(wfp_redirect_apply(redirect, request, false, slot), -WFP_ERR_NOT_FOUND);
}

static inline void
classify(const struct wfp_indication *indication, struct wfp_verdict *verdict)
{
    struct wfp_classify_slot *slot = indication->classify_context;
    bool is_bind = indication->layer_id == NAME(ALE_BIND_REDIRECT);
    enum what what = is_bind ? hook.bind : hook.connect;
    struct wfp_redirect *redirect;

    if (indication->layer_id == WFP_LAYER_ALE_BIND_REDIRECT_V6 ||
        indication->layer_id == WFP_LAYER_ALE_CONNECT_REDIRECT_V6)
        return;
    if (!is_bind && indication->layer_id != NAME(ALE_CONNECT_REDIRECT)) {
        assert_int_equal(wfp_redirect_of_slot(slot, &redirect), -WFP_ERR_NOT_SUPPORTED);
        assert_int_equal(slot->pend != NULL,
                         indication->layer_id == NAME(ALE_ENDPOINT_CLOSURE) ||
                             indication->layer_id == WFP_LAYER_ALE_ENDPOINT_CLOSURE_V6);
        return;
    }
    hook.asked += !is_bind;
    hook.heard_of += (indication->metadata->present & WFP_METADATA_REDIRECT_RECORD_HANDLE) != 0;
    assert_int_equal(slot->is_bind, is_bind);
    if (what == NOTHING || (hook.wants_to_hear && hook.asked > 1))
        return;
    assert_int_equal(wfp_redirect_of_slot(slot, &redirect), 0);
    if (what == PUT_OFF && !hook.pend) {
        assert_int_equal(wfp_pend_begin(slot->pend, &hook.pend), 0);
        hook.pended = redirect; /* with its reference, as a classify handle */
        verdict->action = WFP_ACTION_BLOCK;
        verdict->absorb = verdict->decided = true;
        verdict->filter_id = 9;
        return;
    }
    if (what == REFUSE)
        verdict->action = WFP_ACTION_BLOCK;
    else
        change(redirect, slot, 1);
    if (what == CHANGE_TWICE)
        change(redirect, slot, 2);
    wfp_redirect_unref(redirect);
}

struct world {
    struct wfp_stack *stack;
    struct wfp_decision decision;
    struct build bytes; /* of the last packet, as it left the stack */
    bool modified;
    uint64_t now_100ns;
    unsigned taken;
};

static inline void
start(struct world *world, bool is_recording)
{
    static const struct wfp_local_prefix local[] = {{4, 8, {10}}};
    struct wfp_stack_config config = {.engine = (struct wfp_engine *)&mock,
                                      .local = local,
                                      .local_count = 1,
                                      .flows = true,
                                      .is_recording = is_recording,
                                      .is_looped = is_recording,
                                      .list_sockets = list_sockets,
                                      .tell_owner = tell_owner};

    mock_reset();
    mock_watch_redirects(true);
    mock.hook = classify;
    memset(&hook, 0, sizeof(hook));
    memset(world, 0, sizeof(*world));
    world->now_100ns = 10000000000;
    assert_int_equal(wfp_stack_new(&config, &world->stack), 0);
}

static inline enum wfp_outcome
packet(struct world *world, const struct build *build, enum wfp_direction_hint hint)
{
    world->bytes = *build;
    struct wfp_frame frame = {.data = world->bytes.bytes,
                              .length = build->length,
                              .wire_length = build->length,
                              .hint = hint,
                              .time_100ns = world->now_100ns++};

    mock.count = 0;
    wfp_stack_packet(world->stack, &frame, &world->decision);
    world->modified = frame.modified;
    return world->decision.outcome;
}

static inline enum wfp_outcome
tcp(struct world *world, const char *from, uint16_t from_port, const char *to, uint16_t to_port,
    uint8_t flags, enum wfp_direction_hint hint)
{
    struct build build;

    build_tcp(&build, from, from_port, to, to_port, flags, 1000, "");
    return packet(world, &build, hint);
}

static inline enum wfp_outcome
udp(struct world *world, const char *from, uint16_t from_port, const char *to, uint16_t to_port,
    enum wfp_direction_hint hint)
{
    struct build build;

    build_udp(&build, from, from_port, to, to_port, "data");
    return packet(world, &build, hint);
}

/* The packet left the stack with these ends and good checksums. */
static inline void
expect_ends(struct world *world, const char *from, uint16_t from_port, const char *to,
            uint16_t to_port)
{
    struct wfp_packet packet = {.data = world->bytes.bytes,
                                .length = world->bytes.length,
                                .wire_length = world->bytes.length};
    uint8_t address[16];

    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    assert_true(wfp_checksum_ip_is_valid(&packet));
    assert_true(wfp_checksum_transport_is_valid(&packet));
    build_address(from, address);
    assert_memory_equal(packet.source, address, 4);
    build_address(to, address);
    assert_memory_equal(packet.destination, address, 4);
    assert_int_equal(packet.source_port, from_port);
    assert_int_equal(packet.destination_port, to_port);
}

static inline void
expect_asked(const uint16_t *layers, uint32_t count)
{
    assert_int_equal(mock.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(mock.seen[i].layer_id, layers[i]);
}
#define EXPECT_ASKED(...)                                                                          \
    expect_asked((uint16_t[]){__VA_ARGS__}, ELEMENTSOF(((uint16_t[]){__VA_ARGS__})))

#define APP    "10.0.0.1", 5000
#define SERVER "192.0.2.9", 80
#define PROXY  "192.0.2.77", 8080

#define SOME_DATA "forty-eight bytes of data, in three fragments...."

/* The piece of @p whole (IPv4) from @p offset of its payload. */
static inline struct build
fragment(const struct build *whole, uint16_t offset, uint16_t size)
{
    struct build piece = *whole;
    bool more = 20u + offset + size < whole->length;

    memmove(piece.bytes + 20, whole->bytes + 20 + offset, size);
    piece.length = 20u + size;
    wfp_bytes_put16(piece.bytes + 2, (uint16_t)piece.length);
    wfp_bytes_put16(piece.bytes + 4, 77);
    wfp_bytes_put16(piece.bytes + 6, (uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
    wfp_bytes_put16(piece.bytes + 10, 0);
    wfp_bytes_put16(piece.bytes + 10,
                    (uint16_t)wfp_checksum_fold(wfp_checksum_add(0, piece.bytes, 20)));
    return piece;
}

#endif
