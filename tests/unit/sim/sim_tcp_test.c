/*
 * Two TCP endpoints and the way between them: every byte arrives once and in order, whatever is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "core/packet/checksum.h"
#include "sim/sim_link.h"
#include "sim/sim_random.h"
#include "sim/sim_tcp.h"

#define SECOND 10000000ull

struct world {
    uint64_t now, random;
    struct wfp_sim_link *link;
    struct wfp_sim_tcp *ends[2]; /* the client, the server */
    bool random_segments;
    uint32_t packets;
    uint8_t flags[64]; /* of the first packets */
    uint32_t sizes[64];
};

/* What an endpoint's callbacks know: which end it is. */
struct side {
    struct world *world;
    int end;
};

static void
emit(void *context, uint8_t *bytes, uint32_t length)
{
    struct side *side = context;
    struct world *world = side->world;
    struct wfp_packet packet = {.data = bytes, .length = length};

    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    assert_true(wfp_checksum_ip_is_valid(&packet));
    assert_true(wfp_checksum_transport_is_valid(&packet));
    if (world->packets < 64) {
        world->flags[world->packets] = bytes[packet.ip_header_size + 13];
        world->sizes[world->packets] =
            length - packet.ip_header_size - packet.transport_header_size;
    }
    world->packets++;
    assert_int_equal(wfp_sim_link_put(world->link, world->now, !side->end, bytes, length), 0);
}

static uint32_t
segment(void *context, uint32_t limit)
{
    struct side *side = context;

    return side->world->random_segments ? 1 + wfp_sim_random_below(&side->world->random, limit)
                                        : limit;
}

static struct side sides[2];

static void
begin(struct world *world, uint8_t version, const struct wfp_sim_link_config *link)
{
    struct wfp_sim_tcp_config config = {
        .ends = {.version = version, .local_port = 50000, .remote_port = 80},
        .initial_sequence = 0xfffffff0u, /* wraps soon */
        .mss = 100,
        .segment = segment,
        .emit = emit,
    };

    *world = (struct world){.now = SECOND, .random = link->seed};
    config.ends.local[0] = config.ends.remote[0] = version == 4 ? 10 : 0xfd;
    config.ends.local[version == 4 ? 3 : 15] = 1;
    config.ends.remote[version == 4 ? 3 : 15] = 2;
    world->link = wfp_sim_link_new(link);
    for (int i = 0; i < 2; i++) {
        sides[i] = (struct side){world, i};
        config.context = &sides[i];
        config.is_passive = i == 1;
        assert_int_equal(wfp_sim_tcp_new(&config, &world->ends[i]), 0);
        config.ends = wfp_sim_ends_swap(&config.ends);
        config.initial_sequence = 1000;
    }
}

static void
end(struct world *world)
{
    wfp_sim_tcp_free(world->ends[0]);
    wfp_sim_tcp_free(world->ends[1]);
    wfp_sim_link_free(world->link);
}

/** Until nothing is on its way and nobody waits. */
static void
settle(struct world *world)
{
    for (int steps = 0;; steps++) {
        uint64_t next = wfp_sim_link_next(world->link);
        struct wfp_sim_parcel parcel;

        assert_true(steps < 100000);
        for (int i = 0; i < 2; i++)
            next = MIN(next, wfp_sim_tcp_timer(world->ends[i]));
        if (next == UINT64_MAX)
            return;
        world->now = MAX(world->now, next);
        if (wfp_sim_link_next(world->link) <= world->now) {
            assert_true(wfp_sim_link_take(world->link, &parcel));
            wfp_sim_tcp_input(world->ends[parcel.tag], parcel.data, parcel.length, world->now);
            free(parcel.data);
        }
        for (int i = 0; i < 2; i++)
            wfp_sim_tcp_advance(world->ends[i], world->now);
    }
}

static void
expect_received(struct wfp_sim_tcp *tcp, const void *data, uint32_t size)
{
    uint32_t has;
    const uint8_t *bytes = wfp_sim_tcp_received(tcp, &has);

    assert_int_equal(has, size);
    if (size)
        assert_memory_equal(bytes, data, size);
}

static void
test_handshake_data_and_close_on_a_perfect_wire(void **state)
{
    static const uint8_t versions[] = {4, 6};
    static const struct {
        uint8_t flags;
        uint32_t size;
    } wanted[] = {
        {0x02, 0},   {0x12, 0},  {0x10, 0}, /* SYN, SYN-ACK, ACK */
        {0x10, 100}, {0x18, 20},            /* 120 bytes in segments of 100 */
        {0x10, 0},   {0x10, 0},             /* acknowledged one by one */
        {0x11, 0},   {0x10, 0},             /* the client's FIN */
        {0x18, 3},   {0x10, 0},             /* the server still talks */
        {0x11, 0},   {0x10, 0},
    };
    uint8_t data[120];
    struct world world;

    memset(data, 'x', sizeof(data));
    for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
        begin(&world, versions[v], &(struct wfp_sim_link_config){.delay_100ns = 1000});
        wfp_sim_tcp_connect(world.ends[0], world.now);
        settle(&world);
        assert_int_equal(wfp_sim_tcp_state(world.ends[1]), WFP_SIM_TCP_ESTABLISHED);
        assert_int_equal(wfp_sim_tcp_send(world.ends[0], data, sizeof(data), world.now), 0);
        settle(&world);
        wfp_sim_tcp_close(world.ends[0], world.now);
        settle(&world);
        assert_true(wfp_sim_tcp_is_finished(world.ends[1]));
        assert_int_equal(wfp_sim_tcp_send(world.ends[1], "end", 3, world.now), 0);
        settle(&world);
        wfp_sim_tcp_close(world.ends[1], world.now);
        settle(&world);
        expect_received(world.ends[1], data, sizeof(data));
        expect_received(world.ends[0], "end", 3);
        assert_int_equal(world.packets, ELEMENTSOF(wanted));
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
            assert_int_equal(world.flags[i], wanted[i].flags);
            assert_int_equal(world.sizes[i], wanted[i].size);
        }
        for (int i = 0; i < 2; i++) {
            assert_int_equal(wfp_sim_tcp_state(world.ends[i]), WFP_SIM_TCP_DONE);
            assert_int_equal(wfp_sim_tcp_counters(world.ends[i])->retransmitted, 0);
            assert_int_equal(wfp_sim_tcp_counters(world.ends[i])->not_ours, 0);
        }
        end(&world);
    }
}

static void
test_everything_arrives_under_loss_reordering_and_duplicates(void **state)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct wfp_sim_link_config config = {
            .delay_100ns = 100000,
            .jitter_100ns = seed % 3 * 100000,
            .loss_permille = (uint32_t)(seed % 5) * 50,
            .duplicate_permille = (uint32_t)(seed % 4) * 50,
            .reorder_permille = (uint32_t)(seed % 7) * 50,
            .reorder_100ns = 500000,
            .seed = seed,
        };
        uint64_t random = seed;
        uint8_t data[2][5000];
        uint32_t sizes[2] = {wfp_sim_random_below(&random, 5000),
                             wfp_sim_random_below(&random, 5000)};
        struct world world;

        for (uint32_t i = 0; i < sizeof(data); i++)
            ((uint8_t *)data)[i] = (uint8_t)wfp_sim_random(&random);
        begin(&world, seed & 1 ? 4 : 6, &config);
        world.random_segments = seed & 2;
        wfp_sim_tcp_connect(world.ends[0], world.now);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(wfp_sim_tcp_send(world.ends[i], data[i], sizes[i], world.now), 0);
            wfp_sim_tcp_close(world.ends[i], world.now);
            if (i == 0)
                settle(&world);
        }
        settle(&world);
        for (int i = 0; i < 2; i++) {
            expect_received(world.ends[i], data[!i], sizes[!i]);
            assert_true(wfp_sim_tcp_is_finished(world.ends[i]));
            assert_true(wfp_sim_tcp_is_acknowledged(world.ends[i]));
            assert_int_equal(wfp_sim_tcp_counters(world.ends[i])->bad_checksum, 0);
        }
        end(&world);
    }
}

static void
test_simultaneous_open(void **state)
{
    struct world world;

    begin(&world, 4, &(struct wfp_sim_link_config){.delay_100ns = 1000});
    wfp_sim_tcp_free(world.ends[1]);
    struct wfp_sim_tcp_config config = {.ends = wfp_sim_ends_swap(wfp_sim_tcp_ends(world.ends[0])),
                                        .emit = emit,
                                        .context = &sides[1]};
    assert_int_equal(wfp_sim_tcp_new(&config, &world.ends[1]), 0);
    wfp_sim_tcp_connect(world.ends[0], world.now);
    wfp_sim_tcp_connect(world.ends[1], world.now);
    settle(&world);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wfp_sim_tcp_state(world.ends[i]), WFP_SIM_TCP_ESTABLISHED);
        assert_int_equal(world.flags[i], 0x02);
        assert_int_equal(world.flags[2 + i], 0x12);
    }
    end(&world);
}

static void
test_a_closed_window_stops_and_opens(void **state)
{
    uint8_t data[300] = {1, 2, 3};
    struct world world;
    uint32_t size;

    begin(&world, 4, &(struct wfp_sim_link_config){.delay_100ns = 1000});
    wfp_sim_tcp_connect(world.ends[0], world.now);
    settle(&world);
    wfp_sim_tcp_set_window(world.ends[1], 0, world.now);
    settle(&world);
    assert_int_equal(wfp_sim_tcp_send(world.ends[0], data, sizeof(data), world.now), 0);
    assert_int_equal(wfp_sim_link_next(world.link), UINT64_MAX); /* nothing left */
    world.now = wfp_sim_tcp_timer(world.ends[0]);
    wfp_sim_tcp_advance(world.ends[0], world.now); /* a probe */
    assert_int_not_equal(wfp_sim_link_next(world.link), UINT64_MAX);
    wfp_sim_tcp_received(world.ends[1], &size);
    assert_int_equal(size, 0);
    wfp_sim_tcp_set_window(world.ends[1], 1000, world.now);
    settle(&world);
    expect_received(world.ends[1], data, sizeof(data));
    end(&world);
}

static void
test_reset_keep_alive_and_giving_up(void **state)
{
    struct world world;
    uint8_t damaged[60] = {0};

    begin(&world, 4, &(struct wfp_sim_link_config){.delay_100ns = 1000});
    wfp_sim_tcp_connect(world.ends[0], world.now);
    settle(&world);
    world.packets = 0;
    wfp_sim_tcp_keep_alive(world.ends[0], world.now);
    settle(&world);
    assert_int_equal(world.packets, 2); /* and its answer */
    wfp_sim_tcp_abort(world.ends[0], world.now);
    settle(&world);
    assert_int_equal(wfp_sim_tcp_state(world.ends[1]), WFP_SIM_TCP_RESET);
    assert_int_equal(wfp_sim_tcp_send(world.ends[1], "x", 1, world.now),
                     -WFP_ERR_INVALID_PARAMETER);
    assert_false(wfp_sim_tcp_input(world.ends[1], damaged, sizeof(damaged), world.now));
    end(&world);

    begin(&world, 4, &(struct wfp_sim_link_config){.loss_permille = 1000});
    wfp_sim_tcp_connect(world.ends[0], world.now);
    settle(&world);
    assert_int_equal(wfp_sim_tcp_state(world.ends[0]), WFP_SIM_TCP_LOST);
    assert_int_equal(wfp_sim_tcp_counters(world.ends[0])->retransmitted, 15);
    end(&world);
}

static void
test_damaged_segments_are_not_taken(void **state)
{
    struct wfp_sim_ends ends;
    struct wfp_sim_segment segment_of = {.flags = WFP_TCP_SYN};
    uint8_t bytes[100];
    struct world world;
    uint32_t length;

    begin(&world, 4, &(struct wfp_sim_link_config){0});
    ends = wfp_sim_ends_swap(wfp_sim_tcp_ends(world.ends[1]));
    length = wfp_sim_packet_tcp(bytes, &ends, &segment_of);
    bytes[27] ^= 1;
    assert_false(wfp_sim_tcp_input(world.ends[1], bytes, length, world.now));
    assert_int_equal(wfp_sim_tcp_counters(world.ends[1])->bad_checksum, 1);
    bytes[27] ^= 1;
    assert_true(wfp_sim_tcp_input(world.ends[1], bytes, length, world.now));
    assert_int_equal(wfp_sim_tcp_state(world.ends[1]), WFP_SIM_TCP_SYN_RECEIVED);
    end(&world);
}

static void
test_fragments_and_refusals(void **state)
{
    struct wfp_sim_ends ends = {.version = 6, .local_port = 1, .remote_port = 2};
    uint8_t data[100] = {7}, whole[200], piece[200];
    struct wfp_packet packet;
    uint32_t length, at = 0, pieces = 0;

    ends.local[0] = ends.remote[0] = 0xfd;
    length = wfp_sim_packet_udp(whole, &ends, data, sizeof(data));
    for (uint32_t n; (n = wfp_sim_packet_fragment(piece, whole, length, at, 44, 9)) != 0;
         at += 40) {
        packet = (struct wfp_packet){.data = piece, .length = n};
        assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
        assert_true(packet.is_fragment);
        assert_int_equal(packet.fragment_offset, at);
        assert_int_equal(packet.more_fragments, at < 80);
        pieces++;
    }
    assert_int_equal(pieces, 3);
    packet = (struct wfp_packet){.data = whole, .length = length};
    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    length = wfp_sim_packet_refusal(piece, &packet);
    packet = (struct wfp_packet){.data = piece, .length = length};
    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    assert_int_equal(packet.protocol, WFP_PROTOCOL_ICMPV6);
    assert_true(wfp_packet_is_icmp_error(&packet));
    assert_int_equal(wfp_sim_packet_refusal(whole, &packet), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake_data_and_close_on_a_perfect_wire),
        cmocka_unit_test(test_everything_arrives_under_loss_reordering_and_duplicates),
        cmocka_unit_test(test_simultaneous_open),
        cmocka_unit_test(test_a_closed_window_stops_and_opens),
        cmocka_unit_test(test_reset_keep_alive_and_giving_up),
        cmocka_unit_test(test_damaged_segments_are_not_taken),
        cmocka_unit_test(test_fragments_and_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
