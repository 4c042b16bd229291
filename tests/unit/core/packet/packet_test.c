/*
 * Parsing: what well-formed packets yield, and what each kind of lie is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macros.h"
#include "build.h"

static struct wfp_packet
parse(uint8_t *bytes, uint32_t length, uint32_t wire_length, enum wfp_undecodable *ret_reason)
{
    /* An exact heap copy, so that a sanitizer sees any byte read too far. */
    uint8_t *copy = malloc(length ? length : 1);
    struct wfp_packet packet = {.data = copy, .length = length, .wire_length = wire_length};

    memcpy(copy, bytes, length);
    *ret_reason = wfp_packet_parse(&packet);
    packet.data = packet.data == copy ? bytes : packet.data;
    free(copy);
    return packet;
}

static void
test_tcp_v4(void **state)
{
    struct build b;
    enum wfp_undecodable reason;
    struct wfp_packet packet;

    build_tcp(&b, "10.0.0.1", 1234, "10.0.0.2", 80, WFP_TCP_SYN, 77, "hello");
    packet = parse(b.bytes, b.length, 0, &reason);
    assert_int_equal(reason, WFP_DECODED);
    assert_int_equal(packet.version, 4);
    assert_int_equal(packet.protocol, WFP_PROTOCOL_TCP);
    assert_int_equal(packet.ip_header_size, 20);
    assert_int_equal(packet.transport_header_size, 20);
    assert_int_equal(packet.source_port, 1234);
    assert_int_equal(packet.destination_port, 80);
    assert_int_equal(packet.tcp_flags, WFP_TCP_SYN);
    assert_int_equal(packet.tcp_sequence, 77);
    assert_int_equal(packet.total_length, 45);
    assert_false(packet.is_fragment);
}

static void
test_udp_v6_behind_extension_headers(void **state)
{
    uint8_t upper[] = {43, 0,  1, 4,  0, 0, 0, 0, /* hop-by-hop -> routing */
                       60, 0,  0, 0,  0, 0, 0, 0, /* routing -> destination options */
                       17, 0,  1, 4,  0, 0, 0, 0, /* destination options -> UDP */
                       0,  53, 0, 54, 0, 9, 0, 0, 'x'};
    struct build b;
    enum wfp_undecodable reason;
    struct wfp_packet packet;

    build_ip(&b, "fd00::1", "fd00::2", WFP_PROTOCOL_HOP_BY_HOP, upper, sizeof(upper));
    packet = parse(b.bytes, b.length, 0, &reason);
    assert_int_equal(reason, WFP_DECODED);
    assert_int_equal(packet.protocol, WFP_PROTOCOL_UDP);
    assert_int_equal(packet.ip_header_size, 64);
    assert_int_equal(packet.transport_header_size, 8);
    assert_int_equal(packet.source_port, 53);
    assert_int_equal(packet.destination_port, 54);
}

static void
test_icmp_echo_has_type_code_and_id(void **state)
{
    struct build b;
    enum wfp_undecodable reason;
    struct wfp_packet packet;

    build_icmp(&b, "10.0.0.1", "10.0.0.2", 8, 0, 0x1234, 7);
    packet = parse(b.bytes, b.length, 0, &reason);
    assert_int_equal(reason, WFP_DECODED);
    assert_int_equal(packet.source_port, 8);
    assert_int_equal(packet.destination_port, 0);
    assert_int_equal(packet.icmp_id, 0x1234);
    assert_int_equal(packet.icmp_sequence, 7);
    assert_false(wfp_packet_is_icmp_error(&packet));

    build_icmp(&b, "fd00::1", "fd00::2", 1, 4, 0, 0);
    packet = parse(b.bytes, b.length, 0, &reason);
    assert_int_equal(reason, WFP_DECODED);
    assert_true(wfp_packet_is_icmp_error(&packet));
    assert_int_equal(packet.icmp_id, 0);
}

static void
test_later_fragment_has_no_ports(void **state)
{
    struct build b;
    enum wfp_undecodable reason;
    struct wfp_packet packet;

    build_udp(&b, "10.0.0.1", 53, "10.0.0.2", 54, "abcdefgh");
    wfp_bytes_put16(b.bytes + 4, 99);
    wfp_bytes_put16(b.bytes + 6, 0x2000 | 2);
    packet = parse(b.bytes, b.length, 0, &reason);
    assert_int_equal(reason, WFP_DECODED);
    assert_true(packet.is_fragment);
    assert_false(packet.is_first_fragment);
    assert_true(packet.more_fragments);
    assert_int_equal(packet.fragment_offset, 16);
    assert_int_equal(packet.fragment_id, 99);
    assert_int_equal(packet.source_port, 0);
    assert_int_equal(packet.transport_header_size, 0);
}

static void
test_v6_first_fragment_has_ports(void **state)
{
    uint8_t upper[] = {17, 0, 0, 1, 0, 0, 0, 9, /* fragment: offset 0, more, id 9 */
                       0,  5, 0, 6, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct build b;
    enum wfp_undecodable reason;
    struct wfp_packet packet;

    build_ip(&b, "fd00::1", "fd00::2", WFP_PROTOCOL_FRAGMENT, upper, sizeof(upper));
    packet = parse(b.bytes, b.length, 0, &reason);
    assert_int_equal(reason, WFP_DECODED);
    assert_true(packet.is_first_fragment);
    assert_int_equal(packet.fragment_id, 9);
    assert_int_equal(packet.source_port, 5);
    assert_int_equal(packet.ip_header_size, 48);
}

static void
test_padding_is_not_payload_and_snap_length_is_not_a_lie(void **state)
{
    struct build b;
    enum wfp_undecodable reason;
    struct wfp_packet packet;

    build_udp(&b, "10.0.0.1", 53, "10.0.0.2", 54, "abc");
    packet = parse(b.bytes, b.length + 12, 0, &reason);
    assert_int_equal(reason, WFP_DECODED);
    assert_int_equal(packet.total_length, b.length);

    packet = parse(b.bytes, 28, b.length, &reason);
    assert_int_equal(reason, WFP_DECODED);
    assert_int_equal(packet.total_length, 28);

    parse(b.bytes, 27, b.length, &reason);
    assert_int_equal(reason, WFP_UNDECODABLE_TRUNCATED);
    parse(b.bytes, 10, b.length, &reason);
    assert_int_equal(reason, WFP_UNDECODABLE_TRUNCATED);
}

/* Each row changes one thing of a good packet. */
static const struct lie {
    const char *what;
    char kind;       /* 't' tcp v4, 'u' udp v4, 's' udp v6, 'i' icmp v4 */
    uint32_t offset; /* of the change */
    uint32_t value;  /* its big-endian bytes */
    uint32_t width;
    uint32_t length; /* bytes given; 0 = all */
    enum wfp_undecodable reason;
} lies[] = {
    {"version 0", 't', 0, 0x05, 1, 0, WFP_UNDECODABLE_IP_VERSION},
    {"version 15", 't', 0, 0xf5, 1, 0, WFP_UNDECODABLE_IP_VERSION},
    {"no bytes", 't', 0, 0x45, 1, UINT32_MAX, WFP_UNDECODABLE_NOT_IP},
    {"one byte", 't', 0, 0x45, 1, 1, WFP_UNDECODABLE_IP_HEADER},
    {"header length 4 words", 't', 0, 0x44, 1, 0, WFP_UNDECODABLE_IP_HEADER},
    {"header longer than the packet", 'i', 0, 0x4f, 1, 0, WFP_UNDECODABLE_IP_HEADER},
    {"total length below the header", 't', 2, 19, 2, 0, WFP_UNDECODABLE_IP_LENGTH},
    {"total length beyond the frame", 't', 2, 4000, 2, 0, WFP_UNDECODABLE_IP_LENGTH},
    {"odd middle fragment", 't', 6, 0x2000, 2, 0, WFP_UNDECODABLE_IP_LENGTH},
    {"ping of death", 't', 6, 0x1fff, 2, 0, WFP_UNDECODABLE_IP_LENGTH},
    {"tcp header of 4 words", 't', 32, 0x40, 1, 0, WFP_UNDECODABLE_TRANSPORT_HEADER},
    {"tcp header beyond the packet", 't', 32, 0xf0, 1, 0, WFP_UNDECODABLE_TRANSPORT_HEADER},
    {"tcp cut by the IP length", 't', 2, 39, 2, 0, WFP_UNDECODABLE_TRANSPORT_HEADER},
    {"udp length below 8", 'u', 24, 7, 2, 0, WFP_UNDECODABLE_TRANSPORT_HEADER},
    {"udp length 0 over IPv4", 'u', 24, 0, 2, 0, WFP_UNDECODABLE_TRANSPORT_HEADER},
    {"udp length beyond the packet", 'u', 24, 60, 2, 0, WFP_UNDECODABLE_TRANSPORT_HEADER},
    {"icmp of 7 bytes", 'i', 2, 27, 2, 0, WFP_UNDECODABLE_TRANSPORT_HEADER},
    {"v6 header cut", 's', 0, 0x60, 1, 39, WFP_UNDECODABLE_IP_HEADER},
    {"v6 length beyond the frame", 's', 4, 500, 2, 0, WFP_UNDECODABLE_IP_LENGTH},
    {"v6 options run past the end", 's', 6, 60, 1, 0, WFP_UNDECODABLE_IP_OPTION},
    {"v6 hop-by-hop after another", 's', 6, 0, 1, 0, WFP_UNDECODABLE_IP_OPTION},
};

static void
test_lies_are_named(void **state)
{
    for (size_t i = 0; i < ELEMENTSOF(lies); i++) {
        const struct lie *lie = &lies[i];
        struct build b;
        enum wfp_undecodable reason;

        switch (lie->kind) {
        case 't':
            build_tcp(&b, "10.0.0.1", 1, "10.0.0.2", 2, 0, 0, "xyz");
            break;
        case 'u':
            build_udp(&b, "10.0.0.1", 1, "10.0.0.2", 2, "xyz");
            break;
        case 's':
            /* Its port 0x003c, length 0x0000 read as an extension header goes nowhere good. */
            build_udp(&b, "fd00::1", 60, "fd00::2", 0x0505, "xyz");
            if (lie->value == 0)
                wfp_bytes_put16(b.bytes + 40, 0x0000);
            else
                wfp_bytes_put16(b.bytes + 40, 0x3cff);
            break;
        default:
            build_icmp(&b, "10.0.0.1", "10.0.0.2", 8, 0, 1, 1);
        }
        for (uint32_t k = 0; k < lie->width; k++)
            b.bytes[lie->offset + k] = (uint8_t)(lie->value >> (8 * (lie->width - 1 - k)));
        parse(b.bytes,
              lie->length == UINT32_MAX ? 0
              : lie->length             ? lie->length
                                        : b.length,
              0, &reason);
        if (reason != lie->reason)
            fail_msg("%s: %s, wanted %s", lie->what, wfp_undecodable_name(reason),
                     wfp_undecodable_name(lie->reason));
    }
}

static void
test_ipv4_options(void **state)
{
    static const struct {
        uint8_t options[4];
        enum wfp_undecodable reason;
    } rows[] = {
        {{1, 1, 1, 0}, WFP_DECODED},
        {{7, 3, 4, 0}, WFP_DECODED},
        {{7, 0, 0, 0}, WFP_UNDECODABLE_IP_OPTION},
        {{7, 1, 0, 0}, WFP_UNDECODABLE_IP_OPTION},
        {{7, 5, 0, 0}, WFP_UNDECODABLE_IP_OPTION},
        {{1, 1, 1, 7}, WFP_UNDECODABLE_IP_OPTION},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        uint8_t upper[12] = {0, 1, 0, 2, 0, 8, 0, 0};
        struct build b;
        enum wfp_undecodable reason;

        build_ip(&b, "10.0.0.1", "10.0.0.2", WFP_PROTOCOL_UDP, upper, sizeof(upper));
        memmove(b.bytes + 24, b.bytes + 20, 8);
        memcpy(b.bytes + 20, rows[i].options, 4);
        b.bytes[0] = 0x46;
        parse(b.bytes, b.length, 0, &reason);
        assert_int_equal(reason, rows[i].reason);
    }
}

static void
test_extension_chain_is_bounded(void **state)
{
    uint8_t upper[8 * 40];
    struct build b;
    enum wfp_undecodable reason;

    for (size_t i = 0; i < sizeof(upper); i++)
        upper[i] = i % 8 == 0 ? WFP_PROTOCOL_OPTIONS : 0;
    build_ip(&b, "fd00::1", "fd00::2", WFP_PROTOCOL_OPTIONS, upper, sizeof(upper));
    parse(b.bytes, b.length, 0, &reason);
    assert_int_equal(reason, WFP_UNDECODABLE_IP_OPTION);
}

static void
test_checksums(void **state)
{
    static const char *ends[][2] = {{"10.0.0.1", "10.9.8.7"}, {"fd00::1", "fd00::99"}};

    for (size_t i = 0; i < ELEMENTSOF(ends); i++)
        for (int kind = 0; kind < 3; kind++) {
            struct build b;
            struct wfp_packet packet;

            if (kind == 0)
                build_tcp(&b, ends[i][0], 1, ends[i][1], 2, 0, 0, "odd");
            else if (kind == 1)
                build_udp(&b, ends[i][0], 1, ends[i][1], 2, "odd");
            else
                build_icmp(&b, ends[i][0], ends[i][1], i == 0 ? 8 : 128, 0, 1, 2);
            packet = (struct wfp_packet){.data = b.bytes, .length = b.length};
            assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
            assert_true(wfp_checksum_ip_is_valid(&packet));
            assert_true(wfp_checksum_transport_is_valid(&packet));
            b.bytes[packet.ip_header_size + 4] ^= 1;
            assert_false(wfp_checksum_transport_is_valid(&packet));
            if (packet.version == 4) {
                b.bytes[8]--;
                assert_false(wfp_checksum_ip_is_valid(&packet));
            }
        }
}

/* RFC 1071's example sums to ddf2; an increment equals a whole new sum. */
static void
test_checksum_known_answers(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    uint8_t changed[8];

    assert_int_equal(wfp_checksum_fold(wfp_checksum_add(0, bytes, 8)), (uint16_t)~0xddf2);
    memcpy(changed, bytes, 8);
    wfp_bytes_put16(changed + 2, 0x1234);
    assert_int_equal(wfp_checksum_replace((uint16_t)~0xddf2, 0xf203, 0x1234),
                     wfp_checksum_fold(wfp_checksum_add(0, changed, 8)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_v4),
        cmocka_unit_test(test_udp_v6_behind_extension_headers),
        cmocka_unit_test(test_icmp_echo_has_type_code_and_id),
        cmocka_unit_test(test_later_fragment_has_no_ports),
        cmocka_unit_test(test_v6_first_fragment_has_ports),
        cmocka_unit_test(test_padding_is_not_payload_and_snap_length_is_not_a_lie),
        cmocka_unit_test(test_lies_are_named),
        cmocka_unit_test(test_ipv4_options),
        cmocka_unit_test(test_extension_chain_is_bounded),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_checksum_known_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
