/*
 * Reassembly: any order and any cut gives the datagram back; contradictions give nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"
#include "core/packet/fragment.h"

static struct wfp_fragment_table *table;

static int
setup(void **state)
{
    table = wfp_fragment_table_new();
    return table ? 0 : -1;
}

static int
teardown(void **state)
{
    wfp_fragment_table_free(table);
    return 0;
}

/** Add bytes [at, at + size) of a datagram's payload as a fragment. */
static enum wfp_fragment_result
add(const struct build *datagram, uint16_t id, uint32_t at, uint32_t size, bool more, uint64_t now,
    struct wfp_packet *ret_whole)
{
    struct build part = {0};
    struct wfp_packet packet = {.data = part.bytes, .time_100ns = now};

    memcpy(part.bytes, datagram->bytes, 20);
    memcpy(part.bytes + 20, datagram->bytes + 20 + at, size);
    wfp_bytes_put16(part.bytes + 2, (uint16_t)(20 + size));
    wfp_bytes_put16(part.bytes + 4, id);
    wfp_bytes_put16(part.bytes + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
    packet.length = 20 + size;
    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    return wfp_fragment_add(table, &packet, ret_whole);
}

static void
make_datagram(struct build *datagram)
{
    char payload[1001];

    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (char)('a' + i * 7 % 26);
    payload[1000] = 0;
    build_udp(datagram, "1.2.3.4", 53, "10.0.0.1", 1000, payload);
}

static void
test_any_order_and_any_cut(void **state)
{
    uint32_t random = 7, size;
    struct build datagram;

    make_datagram(&datagram);
    size = datagram.length - 20;
    for (uint16_t round = 1; round < 500; round++) {
        struct {
            uint32_t at, size;
        } parts[200];
        uint32_t count = 0;
        struct wfp_packet whole;

        for (uint32_t at = 0; at < size;) {
            uint32_t piece;

            random = random * 1103515245 + 12345;
            piece = MIN(8 + (random >> 16) % 20 * 8, size - at);
            parts[count].at = at;
            parts[count++].size = piece;
            at += piece;
        }
        for (uint32_t i = count; i > 1; i--) {
            uint32_t k, at, piece;

            random = random * 1103515245 + 12345;
            k = (random >> 16) % i;
            at = parts[k].at, piece = parts[k].size;
            parts[k] = parts[i - 1];
            parts[i - 1].at = at, parts[i - 1].size = piece;
        }
        for (uint32_t i = 0; i < count; i++) {
            bool more = parts[i].at + parts[i].size < size;
            enum wfp_fragment_result result;

            result = add(&datagram, round, parts[i].at, parts[i].size, more, 0, &whole);
            assert_int_equal(result, i + 1 < count ? WFP_FRAGMENT_HELD : WFP_FRAGMENT_COMPLETE);
            if (i == 3 && count > 4) /* a retransmission changes nothing */
                assert_int_equal(add(&datagram, round, parts[i].at, parts[i].size, more, 0, &whole),
                                 WFP_FRAGMENT_HELD);
        }
        assert_int_equal(wfp_packet_parse(&whole), WFP_DECODED);
        assert_false(whole.is_fragment);
        assert_int_equal(whole.total_length, datagram.length);
        assert_memory_equal(whole.data + 20, datagram.bytes + 20, size);
        assert_true(wfp_checksum_ip_is_valid(&whole));
        assert_true(wfp_checksum_transport_is_valid(&whole));
        assert_true(whole.headroom >= 64);
    }
    assert_int_equal(wfp_fragment_counters(table)->completed, 499);
    assert_int_equal(wfp_fragment_counters(table)->contradicted, 0);
}

static void
test_contradictions_give_nothing(void **state)
{
    struct build datagram;
    struct wfp_packet whole;

    make_datagram(&datagram);
    /* overlap with other bytes */
    assert_int_equal(add(&datagram, 1, 0, 80, true, 0, &whole), WFP_FRAGMENT_HELD);
    datagram.bytes[20 + 70] ^= 1;
    assert_int_equal(add(&datagram, 1, 0, 80, true, 0, &whole), WFP_FRAGMENT_FAILED);
    /* overlap in part */
    assert_int_equal(add(&datagram, 2, 0, 80, true, 0, &whole), WFP_FRAGMENT_HELD);
    assert_int_equal(add(&datagram, 2, 40, 80, true, 0, &whole), WFP_FRAGMENT_FAILED);
    /* two ends */
    assert_int_equal(add(&datagram, 3, 80, 80, false, 0, &whole), WFP_FRAGMENT_HELD);
    assert_int_equal(add(&datagram, 3, 160, 80, true, 0, &whole), WFP_FRAGMENT_FAILED);
    assert_int_equal(add(&datagram, 4, 160, 80, true, 0, &whole), WFP_FRAGMENT_HELD);
    assert_int_equal(add(&datagram, 4, 80, 80, false, 0, &whole), WFP_FRAGMENT_FAILED);
    assert_int_equal(wfp_fragment_counters(table)->contradicted, 4);
}

static void
test_datagrams_expire_and_are_crowded_out(void **state)
{
    struct build datagram;
    struct wfp_packet whole;
    uint64_t second = 10000000;

    make_datagram(&datagram);
    assert_int_equal(add(&datagram, 1, 0, 80, true, 0, &whole), WFP_FRAGMENT_HELD);
    assert_int_equal(add(&datagram, 1, 80, 80, false, 61 * second, &whole), WFP_FRAGMENT_HELD);
    assert_int_equal(wfp_fragment_counters(table)->expired, 1);
    for (uint16_t id = 100; id < 164; id++)
        add(&datagram, id, 0, 80, true, 62 * second, &whole);
    assert_int_equal(wfp_fragment_counters(table)->crowded_out, 1);
    /* the newest are all there */
    for (uint16_t id = 100; id < 164; id++)
        assert_int_equal(add(&datagram, id, 80, 80, false, 62 * second, &whole),
                         WFP_FRAGMENT_COMPLETE);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_any_order_and_any_cut),
        TEST(test_contradictions_give_nothing),
        TEST(test_datagrams_expire_and_are_crowded_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
