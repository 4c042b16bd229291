/*
 * Whose conversation it is: asked once, with the first packet, told to every ALE layer until the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../packet/build.h"
#include "base/macros.h"
#include "base/status.h"
#include "core/flow/owner.h"
#include "core/model/user.h"
#include "engine_mock.h"

static const uint16_t curl[] = {'/', 'b', 'i', 'n', '/', 'c', 'u', 'r', 'l', 0};

struct world {
    struct wfp_stack *stack;
    struct wfp_user *user;
    unsigned asked;
    bool is_inbound, is_nobody, is_awaited;
    uint64_t now;
};

static void
find_owner(void *context, struct wfp_packet *packet, bool is_inbound)
{
    static uint16_t path[16]; /* gone with the next call */
    struct world *world = context;

    world->asked++;
    world->is_inbound = is_inbound;
    memset(path, 0, sizeof(path));
    if (world->is_nobody)
        return;
    memcpy(path, curl, sizeof(curl));
    packet->process_id = 41 + world->asked;
    packet->process_path_utf16 = path;
    packet->user = world->user;
}

static bool
is_awaited(void *context, const struct wfp_packet *packet)
{
    return ((struct world *)context)->is_awaited;
}

static int
setup(void **state)
{
    static struct world world;
    struct wfp_local_prefix local = {4, 8, {10}};
    struct wfp_stack_config config = {.engine = (struct wfp_engine *)&mock,
                                      .local = &local,
                                      .local_count = 1,
                                      .flows = true,
                                      .find_owner = find_owner,
                                      .find_owner_context = &world,
                                      .is_awaited = is_awaited};

    mock_reset();
    world = (struct world){.now = 10000000000, .is_awaited = true};
    assert_int_equal(wfp_user_from_linux(1000, NULL, 0, &world.user), 0);
    assert_int_equal(wfp_stack_new(&config, &world.stack), 0);
    *state = &world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;

    wfp_stack_free(world->stack);
    wfp_user_free(world->user);
    return 0;
}

static void
tcp(struct world *world, bool is_out, uint8_t flags, uint32_t sequence)
{
    struct build build;
    struct wfp_decision decision;

    if (is_out)
        build_tcp(&build, "10.0.0.1", 1000, "1.2.3.4", 80, flags, sequence, "");
    else
        build_tcp(&build, "1.2.3.4", 80, "10.0.0.1", 1000, flags, sequence, "");
    struct wfp_frame frame = {.data = build.bytes,
                              .length = build.length,
                              .wire_length = build.length,
                              .hint = is_out ? WFP_HINT_OUTBOUND : WFP_HINT_INBOUND,
                              .time_100ns = world->now};
    mock.count = 0;
    wfp_stack_packet(world->stack, &frame, &decision);
}

/** The process id told at a layer since the last packet; its path and user must agree. 0 unknown */
static uint64_t
process_at(const struct world *world, uint16_t layer_id, int user_field)
{
    for (uint32_t i = 0; i < mock.count; i++) {
        const struct seen *seen = &mock.seen[i];

        if (seen->layer_id != layer_id)
            continue;
        if (!(seen->metadata.present & WFP_METADATA_PROCESS_ID)) {
            assert_int_equal(seen->values[user_field].type, WFP_EMPTY);
            return 0;
        }
        assert_int_equal(seen->values[user_field].type, WFP_TOKEN_ACCESS_INFORMATION);
        assert_ptr_equal(seen->values[user_field].blob, &world->user->access);
        return seen->metadata.process_id;
    }
    fail_msg("layer %u was not indicated", layer_id);
    return 0;
}

#define CONNECT     WFP_LAYER_ALE_AUTH_CONNECT_V4, WFP_FIELD_ALE_AUTH_CONNECT_V4_ALE_USER_ID
#define ACCEPT      WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4, WFP_FIELD_ALE_AUTH_RECV_ACCEPT_V4_ALE_USER_ID
#define ESTABLISHED WFP_LAYER_ALE_FLOW_ESTABLISHED_V4, WFP_FIELD_ALE_FLOW_ESTABLISHED_V4_ALE_USER_ID
#define CLOSURE     WFP_LAYER_ALE_ENDPOINT_CLOSURE_V4, WFP_FIELD_ALE_ENDPOINT_CLOSURE_V4_ALE_USER_ID

static void
test_asked_once_and_told_until_the_end(void **state)
{
    struct world *world = *state;

    tcp(world, true, WFP_TCP_SYN, 100);
    assert_int_equal(process_at(world, CONNECT), 42);
    tcp(world, false, WFP_TCP_SYN | WFP_TCP_ACK, 500);
    assert_int_equal(process_at(world, ESTABLISHED), 42);
    tcp(world, true, WFP_TCP_ACK, 101);
    mock.epoch[WFP_LAYER_ALE_AUTH_CONNECT_V4]++;
    tcp(world, false, WFP_TCP_ACK, 501);
    assert_int_equal(process_at(world, CONNECT), 42);
    tcp(world, false, WFP_TCP_RST, 501);
    assert_int_equal(process_at(world, CLOSURE), 42);
    assert_int_equal(world->asked, 1);
    assert_false(world->is_inbound);
    /* the same ends again: another conversation, perhaps of another process */
    tcp(world, true, WFP_TCP_SYN, 900);
    assert_int_equal(process_at(world, CONNECT), 43);
    assert_int_equal(world->asked, 2);
}

static void
test_the_accepting_side_is_asked_for_the_local_end(void **state)
{
    struct world *world = *state;

    tcp(world, false, WFP_TCP_SYN, 100);
    assert_int_equal(process_at(world, ACCEPT), 42);
    assert_true(world->is_inbound);
}

static bool
was_indicated(uint16_t layer_id)
{
    for (uint32_t i = 0; i < mock.count; i++)
        if (mock.seen[i].layer_id == layer_id)
            return true;
    return false;
}

static void
test_a_connection_that_no_socket_awaits_is_discarded(void **state)
{
    struct world *world = *state;

    world->is_awaited = false;
    tcp(world, false, WFP_TCP_SYN, 100);
    assert_true(was_indicated(WFP_LAYER_INBOUND_TRANSPORT_V4_DISCARD));
    assert_false(was_indicated(WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4));
    /* other segments may be of connections that were there before us */
    tcp(world, false, WFP_TCP_ACK, 200);
    assert_true(was_indicated(WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4));
    /* nobody is asked while no filter waits for the answer */
    mock_watch(WFP_LAYER_INBOUND_TRANSPORT_V4_DISCARD, false);
    tcp(world, false, WFP_TCP_SYN, 900);
    assert_true(was_indicated(WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4));
}

static void
test_nobody_is_nobody(void **state)
{
    struct world *world = *state;

    world->is_nobody = true;
    tcp(world, true, WFP_TCP_SYN, 100);
    assert_int_equal(process_at(world, CONNECT), 0);
    tcp(world, false, WFP_TCP_SYN | WFP_TCP_ACK, 500);
    assert_int_equal(process_at(world, ESTABLISHED), 0);
    assert_int_equal(world->asked, 1);
}

static void
test_not_asked_while_no_filter_could_tell(void **state)
{
    static const uint16_t ale[] = {
        WFP_LAYER_ALE_AUTH_CONNECT_V4,     WFP_LAYER_ALE_AUTH_RECV_ACCEPT_V4,
        WFP_LAYER_ALE_FLOW_ESTABLISHED_V4, WFP_LAYER_ALE_CONNECT_REDIRECT_V4,
        WFP_LAYER_ALE_BIND_REDIRECT_V4,    WFP_LAYER_ALE_RESOURCE_ASSIGNMENT_V4,
        WFP_LAYER_ALE_AUTH_LISTEN_V4,      WFP_LAYER_ALE_ENDPOINT_CLOSURE_V4,
        WFP_LAYER_ALE_RESOURCE_RELEASE_V4};
    struct world *world = *state;

    for (size_t i = 0; i < ELEMENTSOF(ale); i++)
        mock_watch(ale[i], false);
    tcp(world, true, WFP_TCP_SYN, 100);
    assert_int_equal(world->asked, 0);
    mock_watch(WFP_LAYER_ALE_ENDPOINT_CLOSURE_V4, true);
    tcp(world, true, WFP_TCP_SYN, 900);
    assert_int_equal(world->asked, 1);
}

static void
test_equal_owners_are_one_entry_and_the_last_use_frees_it(void **state)
{
    static const uint16_t wget[] = {'/', 'b', 'i', 'n', '/', 'w', 'g', 'e', 't', 0};
    _cleanup_(wfp_owner_table_freep) struct wfp_owner_table *table = wfp_owner_table_new();
    struct wfp_owner owner = {7, curl, NULL}, other = {7, wget, NULL}, nobody = {0};
    uint32_t number = wfp_owner_join(table, &owner);

    assert_int_not_equal(number, 0);
    assert_int_equal(wfp_owner_join(table, &owner), number);
    assert_int_not_equal(wfp_owner_join(table, &other), number);
    assert_int_equal(wfp_owner_join(table, &nobody), 0);
    assert_int_equal(wfp_owner_count(table), 2);
    assert_ptr_not_equal(wfp_owner_at(table, number)->path_utf16, curl);
    assert_memory_equal(wfp_owner_at(table, number)->path_utf16, curl, sizeof(curl));
    wfp_owner_leave(table, number);
    assert_int_equal(wfp_owner_at(table, number)->process_id, 7);
    const uint16_t *path = wfp_owner_at(table, number)->path_utf16;
    wfp_owner_leave(table, number);
    assert_int_equal(wfp_owner_count(table), 1);
    assert_memory_equal(path, curl, sizeof(curl)); /* for whoever still looks */
    assert_int_not_equal(wfp_owner_join(table, &owner), number);
    wfp_owner_purge(table);
    assert_null(wfp_owner_at(table, 0)->path_utf16);
}

static void
test_thousands_of_owners_come_and_go(void **state)
{
    static uint32_t numbers[5000];
    _cleanup_(wfp_owner_table_freep) struct wfp_owner_table *table = wfp_owner_table_new();

    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < ELEMENTSOF(numbers); i++) {
            struct wfp_owner owner = {1000 * round + i + 1, i % 2 ? curl : NULL, NULL};
            numbers[i] = wfp_owner_join(table, &owner);
        }
        assert_int_equal(wfp_owner_count(table), ELEMENTSOF(numbers));
        for (uint32_t i = 0; i < ELEMENTSOF(numbers); i++) {
            assert_int_equal(wfp_owner_at(table, numbers[i])->process_id, 1000 * round + i + 1);
            wfp_owner_leave(table, numbers[i]);
        }
        assert_int_equal(wfp_owner_count(table), 0);
        if (round)
            wfp_owner_purge(table);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_asked_once_and_told_until_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_accepting_side_is_asked_for_the_local_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_connection_that_no_socket_awaits_is_discarded, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nobody_is_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_asked_while_no_filter_could_tell, setup, teardown),
        cmocka_unit_test(test_equal_owners_are_one_entry_and_the_last_use_frees_it),
        cmocka_unit_test(test_thousands_of_owners_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
