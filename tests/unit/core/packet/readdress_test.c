/*
 * Other addresses and ports: checksums follow, whatever state they were in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"
#include "core/packet/readdress.h"

static uint32_t seed = 1;

static uint32_t
next_random(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static void
random_bytes(uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)next_random();
}

static struct wfp_ends
random_ends(void)
{
    struct wfp_ends ends;

    random_bytes(ends.source, 16);
    random_bytes(ends.destination, 16);
    ends.source_port = (uint16_t)next_random();
    ends.destination_port = (uint16_t)next_random();
    return ends;
}

static void
build_some(struct build *build, unsigned kind)
{
    char payload[300];
    uint32_t length = next_random() % 290;

    for (uint32_t i = 0; i < length; i++)
        payload[i] = (char)(1 + next_random() % 255);
    payload[length] = 0;
    switch (kind % 6) {
    case 0:
        build_tcp(build, "10.0.0.1", 5000, "192.0.2.9", 80, 0x18, next_random(), payload);
        break;
    case 1:
        build_tcp(build, "fd00::1", 5000, "fd00::9", 80, 0x18, next_random(), payload);
        break;
    case 2:
        build_udp(build, "10.0.0.1", 5000, "192.0.2.9", 53, payload);
        break;
    case 3:
        build_udp(build, "fd00::1", 5000, "fd00::9", 53, payload);
        break;
    case 4:
        build_icmp(build, "10.0.0.1", "192.0.2.9", 8, 0, 7, 1);
        break;
    default:
        build_icmp(build, "fd00::1", "fd00::9", 128, 0, 7, 1);
    }
}

static struct wfp_packet
parse(struct build *build)
{
    struct wfp_packet packet = {
        .data = build->bytes, .length = build->length, .wire_length = build->length};

    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    return packet;
}

static void
expect_ends(struct build *build, const struct wfp_ends *to)
{
    struct wfp_packet packet = parse(build);
    uint32_t size = packet.version == 4 ? 4 : 16;

    assert_memory_equal(packet.source, to->source, size);
    assert_memory_equal(packet.destination, to->destination, size);
    if (packet.protocol == WFP_PROTOCOL_TCP || packet.protocol == WFP_PROTOCOL_UDP) {
        assert_int_equal(packet.source_port, to->source_port);
        assert_int_equal(packet.destination_port, to->destination_port);
    }
}

static void
test_valid_checksums_stay_valid_and_the_way_back_is_exact(void **state)
{
    for (unsigned i = 0; i < 6000; i++) {
        struct wfp_ends before, to = random_ends();
        struct build build, original;

        build_some(&build, i);
        original = build;
        struct wfp_packet packet = parse(&build);
        wfp_packet_ends(&packet, &before);
        assert_true(wfp_packet_readdress(&packet, &to));
        expect_ends(&build, &to);
        packet = parse(&build);
        assert_true(wfp_checksum_ip_is_valid(&packet));
        assert_true(wfp_checksum_transport_is_valid(&packet));
        assert_true(wfp_packet_readdress(&packet, &before));
        expect_ends(&build, &before);
        packet = parse(&build);
        assert_true(wfp_checksum_transport_is_valid(&packet));
        wfp_checksum_write(&packet); /* 0 and 0xffff are the same number */
        assert_memory_equal(build.bytes, original.bytes, original.length);
        assert_false(wfp_packet_readdress(&packet, &before));
    }
}

static void
test_a_wrong_checksum_stays_wrong(void **state)
{
    for (unsigned i = 0; i < 600; i++) {
        struct wfp_ends to = random_ends();
        struct build build;

        build_some(&build, i % 2); /* TCP */
        build.bytes[build.length - 1] ^= 0x55;
        struct wfp_packet packet = parse(&build);
        assert_false(wfp_checksum_transport_is_valid(&packet));
        wfp_packet_readdress(&packet, &to);
        packet = parse(&build);
        assert_true(wfp_checksum_ip_is_valid(&packet));
        assert_false(wfp_checksum_transport_is_valid(&packet));
    }
}

/* As the kernel leaves it to hardware: the sum of the pseudo-header alone. */
static uint16_t
unfinished(const struct wfp_packet *packet)
{
    uint32_t size = packet->version == 4 ? 4 : 16;
    uint64_t sum = wfp_checksum_add(0, packet->source, size);

    sum = wfp_checksum_add(sum, packet->destination, size);
    return (uint16_t)~wfp_checksum_fold(sum + packet->total_length - packet->ip_header_size +
                                        packet->protocol);
}

static void
test_an_unfinished_checksum_stays_unfinished(void **state)
{
    for (unsigned i = 0; i < 4000; i++) {
        struct wfp_ends to = random_ends();
        struct build build;

        build_some(&build, i % 4);
        struct wfp_packet packet = parse(&build);
        uint8_t *field =
            packet.data + packet.ip_header_size + (packet.protocol == WFP_PROTOCOL_TCP ? 16 : 6);
        wfp_bytes_put16(field, unfinished(&packet));
        if (wfp_checksum_transport_is_valid(&packet))
            continue; /* by chance it is finished */
        wfp_packet_readdress(&packet, &to);
        packet = parse(&build);
        /* the same number has two forms in one's complement */
        assert_int_equal(wfp_bytes_get16(field) % 0xffff, unfinished(&packet) % 0xffff);
    }
}

static void
test_udp_without_a_checksum_goes_without(void **state)
{
    struct wfp_ends to = random_ends();
    struct build build;

    build_udp(&build, "10.0.0.1", 5000, "192.0.2.9", 53, "question");
    wfp_bytes_put16(build.bytes + 26, 0);
    struct wfp_packet packet = parse(&build);
    assert_true(wfp_packet_readdress(&packet, &to));
    assert_int_equal(wfp_bytes_get16(build.bytes + 26), 0);
    expect_ends(&build, &to);
}

static void
test_a_later_fragment_has_no_ports(void **state)
{
    struct wfp_ends to = random_ends();
    struct build build, original;

    build_udp(&build, "10.0.0.1", 5000, "192.0.2.9", 53, "of the middle");
    wfp_bytes_put16(build.bytes + 6, 100);
    original = build;
    struct wfp_packet packet = parse(&build);
    assert_true(wfp_packet_readdress(&packet, &to));
    assert_memory_equal(build.bytes + 20, original.bytes + 20, build.length - 20);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_checksums_stay_valid_and_the_way_back_is_exact),
        cmocka_unit_test(test_a_wrong_checksum_stays_wrong),
        cmocka_unit_test(test_an_unfinished_checksum_stays_unfinished),
        cmocka_unit_test(test_udp_without_a_checksum_goes_without),
        cmocka_unit_test(test_a_later_fragment_has_no_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
