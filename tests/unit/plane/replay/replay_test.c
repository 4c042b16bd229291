/*
 * Captures in and out: the reader against libpcap record by record, cut and corrupt files, link
 * layers, and that Wireshark's tools read what we write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <pcap/pcap.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../core/packet/build.h"
#include "base/clock.h"
#include "base/utf16.h"
#include "base/macros.h"
#include "plane/replay/capture.h"
#include "plane/replay/link.h"
#include "plane/replay/replay.h"

static char directory[64];

static char *
path_of(const char *name)
{
    static char paths[4][160];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static int
make_directory(void **state)
{
    snprintf(directory, sizeof(directory), "/tmp/wfp-replay-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int
remove_directory(void **state)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

static void
write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static size_t
read_whole(const char *path, uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t got;

    assert_non_null(file);
    got = fread(bytes, 1, size, file);
    fclose(file);
    return got;
}

/** A pcap by libpcap with UDP packets of growing size; every fourth is cut by a snap length. */
static void
make_pcap(const char *path, int link_type, int precision, int packets)
{
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(link_type, 65535, (u_int)precision);
    pcap_dumper_t *dumper = pcap_dump_open(pcap, path);

    assert_non_null(dumper);
    for (int i = 0; i < packets; i++) {
        uint8_t frame[2200] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1, 8, 0};
        uint32_t head = link_type == DLT_EN10MB ? 14 : 0;
        char payload[1400] = {0};
        struct build build;
        struct pcap_pkthdr header;

        memset(payload, 'x', (size_t)(i * 37 % 1300));
        build_udp(&build, "10.0.0.1", (uint16_t)(1000 + i), i % 2 ? "10.0.0.2" : "10.0.0.3", 53,
                  payload);
        memcpy(frame + head, build.bytes, build.length);
        header.len = header.caplen = head + build.length;
        if (i % 4 == 3)
            header.caplen = MIN(header.caplen, 60u);
        header.ts.tv_sec = 1700000000 + i;
        header.ts.tv_usec =
            precision == PCAP_TSTAMP_PRECISION_NANO ? i * 1234567 % 1000000000 : i * 4567 % 1000000;
        pcap_dump((u_char *)dumper, &header, frame);
    }
    pcap_dump_close(dumper);
    pcap_close(pcap);
}

/** Read with both. @return how many records; fails the test at the first difference. */
static uint32_t
compare_with_libpcap(const char *path)
{
    char error[256], pcap_error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, pcap_error);
    struct wfp_capture *capture = NULL;
    struct wfp_capture_record record;
    struct pcap_pkthdr *header;
    const u_char *bytes;
    uint32_t count = 0;
    int ours = wfp_capture_open(path, &capture, error), theirs;

    if (!pcap) {
        /* libpcap refuses a bad first record at once; we say so at the record. */
        if (ours == 0) {
            assert_int_not_equal(wfp_capture_next(capture, &record), 1);
            wfp_capture_close(capture);
        }
        return 0;
    }
    assert_int_equal(ours, 0);
    for (;;) {
        ours = wfp_capture_next(capture, &record);
        theirs = pcap_next_ex(pcap, &header, &bytes);
        if (ours <= 0 || theirs <= 0)
            break;
        count++;
        assert_int_equal(record.length, header->caplen);
        assert_int_equal(record.wire_length, header->len);
        assert_memory_equal(record.data, bytes, record.length);
        assert_int_equal(record.time_100ns - WFP_CLOCK_UNIX_EPOCH,
                         (uint64_t)header->ts.tv_sec * 10000000 +
                             (uint64_t)header->ts.tv_usec / 100);
        assert_true(record.headroom >= 16);
        memset(record.data - 16, 0xee, 16); /* what a retreat may write stays harmless */
    }
    if (ours == 0)
        assert_int_equal(theirs, PCAP_ERROR_BREAK);
    else
        assert_int_equal(theirs, PCAP_ERROR);
    if (ours < 0)
        assert_non_null(strstr(capture->error, path_of("")));
    wfp_capture_close(capture);
    pcap_close(pcap);
    return count;
}

static void
test_pcap_reads_as_libpcap_reads_it(void **state)
{
    make_pcap(path_of("micro.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 3000);
    assert_int_equal(compare_with_libpcap(path_of("micro.pcap")), 3000);
    make_pcap(path_of("nano.pcap"), DLT_RAW, PCAP_TSTAMP_PRECISION_NANO, 500);
    assert_int_equal(compare_with_libpcap(path_of("nano.pcap")), 500);
}

static void
test_other_byte_order(void **state)
{
    static uint8_t bytes[100000];
    size_t size, at = 24;

    make_pcap(path_of("le.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 50);
    size = read_whole(path_of("le.pcap"), bytes, sizeof(bytes));
#define SWAP32(p)                                                                                  \
    do {                                                                                           \
        uint32_t v_;                                                                               \
        memcpy(&v_, (p), 4);                                                                       \
        v_ = __builtin_bswap32(v_);                                                                \
        memcpy((p), &v_, 4);                                                                       \
    } while (0)
    for (int i = 0; i < 24; i += 4)
        SWAP32(bytes + i);
    memcpy(bytes + 4, "\0\2\0\4", 4);
    while (at < size) {
        uint32_t length;

        memcpy(&length, bytes + at + 8, 4);
        for (int i = 0; i < 16; i += 4)
            SWAP32(bytes + at + (size_t)i);
        at += 16 + length;
    }
    write_file(path_of("be.pcap"), bytes, size);
    assert_int_equal(compare_with_libpcap(path_of("be.pcap")), 50);
}

/* --- a run, and the writer --- */

struct run {
    uint32_t packets, permitted, undecodable[WFP_UNDECODABLE_COUNT];
    enum wfp_direction_hint hints[8];
    struct wfp_replay_writer *writer;
    uint64_t last_time;
    uint32_t idle;
    uint64_t process_id, left_out;
    uint16_t process_name[8];
};

static void
take(void *context, struct wfp_frame *frame, struct wfp_decision *ret_decision)
{
    struct run *run = context;
    char comment[64];
    const char *comments[] = {comment, "wfp path: A > B", NULL};

    if (run->packets < ELEMENTSOF(run->hints))
        run->hints[run->packets] = frame->hint;
    run->last_time = frame->time_100ns;
    run->process_id = frame->process_id;
    if (frame->process_path_utf16)
        memcpy(
            run->process_name, frame->process_path_utf16,
            MIN(sizeof(run->process_name), 2 * (wfp_utf16_length(frame->process_path_utf16) + 1)));
    ret_decision->outcome = frame->link_reason      ? WFP_UNDECODED
                            : run->packets % 3 == 0 ? WFP_BLOCKED
                                                    : WFP_PERMITTED;
    ret_decision->direction = run->packets % 2 ? WFP_INBOUND : WFP_OUTBOUND;
    run->undecodable[frame->link_reason]++;
    snprintf(comment, sizeof(comment), "wfp packet %u", ++run->packets);
    if (run->writer)
        assert_int_equal(wfp_replay_writer_put(run->writer, frame, ret_decision, comments), 0);
}

static void
rest(void *context)
{
    ((struct run *)context)->idle++;
}

static int
replay(const char *path, struct run *run, const char *output, char *ret_error)
{
    struct wfp_plane_handler handler = {.context = run, .packet = take, .idle = rest};
    volatile sig_atomic_t stop = 0;
    struct wfp_plane *plane;
    int r = wfp_replay_open(path, &plane, ret_error);

    if (r < 0)
        return r;
    if (output)
        assert_int_equal(wfp_replay_writer_open(output, plane, &run->writer, ret_error), 0);
    r = plane->ops->run(plane, &handler, &stop);
    snprintf(ret_error, 256, "%s", plane->error);
    if (output)
        assert_int_equal(wfp_replay_writer_close(run->writer, &run->left_out), 0);
    plane->ops->close(plane);
    return r;
}

static void
test_written_capture_holds_the_same_packets(void **state)
{
    char error[256];
    struct run run = {0};

    make_pcap(path_of("in.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_NANO, 1000);
    assert_int_equal(replay(path_of("in.pcap"), &run, path_of("out.pcapng"), error), 0);
    assert_int_equal(run.packets, 1000);
    assert_int_equal(compare_with_libpcap(path_of("out.pcapng")), 1000);

    /* Its own directions come back as hints. */
    memset(&run, 0, sizeof(run));
    assert_int_equal(replay(path_of("out.pcapng"), &run, NULL, error), 0);
    assert_int_equal(run.hints[0], WFP_HINT_OUTBOUND);
    assert_int_equal(run.hints[1], WFP_HINT_INBOUND);
}

static void
test_tshark_reads_comments_and_verdicts(void **state)
{
    static const char *const wanted[] = {"1\twfp packet 1,wfp path: A > B",
                                         "2\twfp packet 2,wfp path: A > B"};
    char command[512], line[512], error[256];
    struct run run = {0};
    FILE *pipe;

    if (system("command -v tshark >/dev/null 2>&1") != 0) {
        print_message("tshark is not installed\n");
        skip();
    }
    make_pcap(path_of("t.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 2);
    assert_int_equal(replay(path_of("t.pcap"), &run, path_of("t.pcapng"), error), 0);
    snprintf(command, sizeof(command),
             "tshark -r %s -T fields -e frame.number -e frame.comment 2>&1", path_of("t.pcapng"));
    pipe = popen(command, "r");
    assert_non_null(pipe);
    for (size_t i = 0; i < 2;) {
        assert_non_null(fgets(line, sizeof(line), pipe));
        if (strstr(line, "as user \"root\""))
            continue;
        line[strcspn(line, "\n")] = 0;
        assert_string_equal(line, wanted[i]);
        i++;
    }
    assert_int_equal(pclose(pipe), 0);

    snprintf(command, sizeof(command),
             "tshark -r %s -T fields -e frame.verdict.ebpf_tc -e frame.packet_flags_direction "
             "2>/dev/null",
             path_of("t.pcapng"));
    pipe = popen(command, "r");
    assert_non_null(fgets(line, sizeof(line), pipe));
    assert_string_equal(line, "2\t0x00000002\n"); /* SHOT, outbound */
    assert_non_null(fgets(line, sizeof(line), pipe));
    assert_string_equal(line, "0\t0x00000001\n"); /* OK, inbound */
    pclose(pipe);
}

static void
test_writing_over_the_input_is_refused(void **state)
{
    struct wfp_replay_writer *writer = NULL;
    struct wfp_plane *plane;
    char error[256];

    make_pcap(path_of("same.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 2);
    assert_int_equal(wfp_replay_open(path_of("same.pcap"), &plane, error), 0);
    assert_true(wfp_replay_writer_open(path_of("same.pcap"), plane, &writer, error) < 0);
    assert_non_null(strstr(error, "same.pcap"));
    assert_null(writer);
    plane->ops->close(plane);
    assert_int_equal(compare_with_libpcap(path_of("same.pcap")), 2);
}

static void
test_full_disk_is_an_error(void **state)
{
    uint64_t left_out;
    char error[256];
    struct wfp_plane *plane;
    struct wfp_replay_writer *writer;

    if (access("/dev/full", W_OK) != 0)
        skip();
    make_pcap(path_of("full.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 2);
    assert_int_equal(wfp_replay_open(path_of("full.pcap"), &plane, error), 0);
    assert_int_equal(wfp_replay_writer_open("/dev/full", plane, &writer, error), 0);
    assert_true(wfp_replay_writer_close(writer, &left_out) < 0);
    plane->ops->close(plane);
}

/* --- bad input --- */

static void
test_every_cut_of_a_file_counts_what_is_whole(void **state)
{
    static const char *const names[] = {"cut.pcap", "cut.pcapng"};
    static uint8_t bytes[100000];
    char error[256];
    struct run run = {0};

    make_pcap(path_of("cut.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 4);
    assert_int_equal(replay(path_of("cut.pcap"), &run, path_of("cut.pcapng"), error), 0);
    for (size_t f = 0; f < ELEMENTSOF(names); f++) {
        size_t size = read_whole(path_of(names[f]), bytes, sizeof(bytes));
        uint32_t last = 0;

        for (size_t cut = 0; cut <= size; cut++) {
            uint32_t count;

            write_file(path_of("cut"), bytes, cut);
            count = compare_with_libpcap(path_of("cut"));
            assert_true(count >= last);
            last = count;
        }
        assert_int_equal(last, 4);
    }
}

static void
test_truncated_file_ends_with_one_line(void **state)
{
    static uint8_t bytes[100000];
    char error[256];
    struct run run = {0};
    size_t size;

    make_pcap(path_of("trunc.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 20);
    size = read_whole(path_of("trunc.pcap"), bytes, sizeof(bytes));
    write_file(path_of("trunc.pcap"), bytes, size - 1);
    assert_true(replay(path_of("trunc.pcap"), &run, NULL, error) < 0);
    assert_int_equal(run.packets, 19);
    assert_non_null(strstr(error, "cut short inside a packet"));
    assert_non_null(strstr(error, "after 19 packets, which count"));
    assert_null(strchr(error, '\n'));
}

static void
test_what_is_not_a_capture_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } rows[] = {
        {"", 0, "the file is empty"},
        {"ab", 2, "too short"},
        {"\x1f\x8b\x08\0\0\0\0\0", 8, "is compressed"},
        {"#!/bin/sh\n", 10, "neither pcap nor pcapng"},
        {"\xd4\xc3\xb2\xa1\2\0", 6, "ends inside the pcap header"},
        {"\xd4\xc3\xb2\xa1\3\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 24, "version 3.4"},
        {"\x0a\x0d\x0d\x0a\x1c\0\0\0\1\2\3\4\1\0\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0", 28,
         "byte-order mark"},
    };
    struct wfp_plane *plane;
    char error[256];

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        write_file(path_of("bad"), rows[i].bytes, rows[i].size);
        assert_true(wfp_replay_open(path_of("bad"), &plane, error) < 0);
        if (!strstr(error, rows[i].words))
            fail_msg("said \"%s\", wanted \"%s\"", error, rows[i].words);
    }
    assert_true(wfp_replay_open(path_of("missing"), &plane, error) < 0);
    assert_non_null(strstr(error, "No such file"));
    assert_true(wfp_replay_open(directory, &plane, error) < 0);
}

/* Whatever bytes a file holds, reading ends and stays inside the buffer (sanitizers watch). */
static void
test_corrupt_files_do_no_harm(void **state)
{
    static uint8_t bytes[100000], copy[100000];
    static const char *const names[] = {"corrupt.pcap", "corrupt.pcapng"};
    uint32_t random = 12345;
    char error[256];
    struct run run = {0};

    make_pcap(path_of("corrupt.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 6);
    assert_int_equal(replay(path_of("corrupt.pcap"), &run, path_of("corrupt.pcapng"), error), 0);
    for (size_t f = 0; f < ELEMENTSOF(names); f++) {
        size_t size = read_whole(path_of(names[f]), bytes, sizeof(bytes));

        for (int round = 0; round < 1500; round++) {
            struct run again = {0};

            memcpy(copy, bytes, size);
            for (int k = 0; k < 1 + round % 4; k++) {
                random = random * 1103515245 + 12345;
                copy[(random >> 8) % (round % 2 ? size : 300)] = (uint8_t)(random >> 3);
            }
            write_file(path_of("corrupted"), copy, size);
            replay(path_of("corrupted"), &again, NULL, error);
            assert_true(again.packets <= size / 16);
        }
    }
}

static void
test_undecodable_links_are_named(void **state)
{
    char error[256];
    struct run run = {0};

    make_pcap(path_of("wifi.pcap"), DLT_IEEE802_11, PCAP_TSTAMP_PRECISION_MICRO, 5);
    assert_int_equal(replay(path_of("wifi.pcap"), &run, NULL, error), 0);
    assert_int_equal(run.undecodable[WFP_UNDECODABLE_LINK_TYPE], 5);
    assert_true(run.idle >= 1);
}

/* Two interfaces of different link layers, one hint each, a block of unknown type between. */
static void
test_pcapng_with_several_interfaces(void **state)
{
    static const uint32_t blocks[] = {
        0x0a0d0d0a, 28, 0x1a2b3c4d, 1,  UINT32_MAX, UINT32_MAX, 28,     /* section */
        1,          20, 1,          0,  20,                             /* interface 0: Ethernet */
        1,          32, 101,        0,  0x00010009, 9,          0,  32, /* interface 1: raw, 1 ns */
        0x0badbad0, 16, 0,          16,                                 /* not ours */
        6,          44, 1,          0,  1500,       0,          0,  0x00040002,
        2,          0,  44, /* empty, outbound */
        6,          44, 0,          0,  77,         0,          0,  0x00040002,
        1,          0,  44,             /* empty, inbound */
        3,          16, 0,          16, /* simple, empty */
    };
    char error[256];
    struct run run = {0};

    write_file(path_of("multi.pcapng"), blocks, sizeof(blocks));
    assert_int_equal(replay(path_of("multi.pcapng"), &run, path_of("multi-out.pcapng"), error), 0);
    assert_int_equal(run.packets, 3);
    assert_int_equal(run.hints[0], WFP_HINT_OUTBOUND);
    assert_int_equal(run.hints[1], WFP_HINT_INBOUND);
    assert_int_equal(run.hints[2], WFP_HINT_NONE);
    assert_int_equal(run.undecodable[WFP_UNDECODABLE_TRUNCATED], 2);

    struct wfp_capture *capture;
    struct wfp_capture_record record;

    assert_int_equal(wfp_capture_open(path_of("multi-out.pcapng"), &capture, error), 0);
    assert_int_equal(wfp_capture_next(capture, &record), 1);
    assert_int_equal(capture->interfaces[record.interface].link_type, 101);
    assert_int_equal(record.ticks, 1500);
    assert_int_equal(record.time_100ns - WFP_CLOCK_UNIX_EPOCH, 15);
    assert_int_equal(wfp_capture_next(capture, &record), 1);
    assert_int_equal(capture->interfaces[record.interface].link_type, 1);
    assert_int_equal(record.time_100ns - WFP_CLOCK_UNIX_EPOCH, 770);
    wfp_capture_close(capture);
}

/* ---- what a capture holds besides packets ---- */

/** Words of 32 bits as a file of the other byte order has them; bytes of text are not words. */
struct word {
    uint32_t value;
    enum { WORD, HALVES, BYTES } kind;
};

static void
write_words(const char *path, const struct word *words, size_t count, bool is_swapped)
{
    uint32_t out[256];

    assert_true(count <= ELEMENTSOF(out));
    for (size_t i = 0; i < count; i++) {
        uint32_t value = words[i].value;
        if (is_swapped && words[i].kind == WORD)
            value = __builtin_bswap32(value);
        else if (is_swapped && words[i].kind == HALVES)
            value = (value & 0xff00ff) << 8 | (value >> 8 & 0xff00ff);
        out[i] = value;
    }
    write_file(path, out, count * 4);
}

#define HEAD(code, length)                                                                         \
    {                                                                                              \
        (code) | (uint32_t)(length) << 16, HALVES                                                  \
    }
#define TEXT(a, b, c, d)                                                                           \
    {                                                                                              \
        (uint32_t)(a) | (b) << 8 | (c) << 16 | (uint32_t)(d) << 24, BYTES                          \
    }

static const struct word rich[] = {
    {0x0a0d0d0a, 0},
    {28, 0},
    {0x1a2b3c4d, 0},
    {1, HALVES},
    {UINT32_MAX, 0},
    {UINT32_MAX, 0},
    {28, 0},
    /* a name: 10.0.0.9 is "host" */
    {4, 0},
    {36, 0},
    HEAD(1, 9),
    TEXT(10, 0, 0, 9),
    TEXT('h', 'o', 's', 't'),
    TEXT(0, 0, 0, 0),
    HEAD(0, 0),
    HEAD(0, 0),
    {36, 0},
    /* decryption secrets "k=v\n" */
    {10, 0},
    {28, 0},
    {0x544c534b, 0},
    {4, 0},
    TEXT('k', '=', 'v', 10),
    HEAD(0, 0),
    {28, 0},
    /* an interface "eth" */
    {1, 0},
    {32, 0},
    {101, HALVES},
    {0, 0},
    HEAD(2, 3),
    TEXT('e', 't', 'h', 0),
    HEAD(0, 0),
    {32, 0},
    /* whose bytes only others know */
    {0x40000bad, 0},
    {16, 0},
    {99, 0},
    {16, 0},
    /* a packet with a comment of the owner's, one of ours, an id, a verdict, a reception type */
    {6, 0},
    {92, 0},
    {0, 0},
    {0, 0},
    {77, 0},
    {0, 0},
    {60, 0},
    HEAD(1, 4),
    TEXT('m', 'i', 'n', 'e'),
    HEAD(1, 8),
    TEXT('w', 'f', 'p', ' '),
    TEXT('p', 'a', 't', 'h'),
    HEAD(5, 8),
    {1, 0},
    {2, 0},
    HEAD(7, 9),
    TEXT(1, 2, 0, 0),
    {0, 0},
    {0, 0},
    HEAD(2, 4),
    {4 | 1, 0},
    HEAD(0, 0),
    {92, 0},
    /* interface statistics at the end */
    {5, 0},
    {24, 0},
    {0, 0},
    {0, 0},
    {99, 0},
    {24, 0},
};

static const char *
tshark_says(const char *options, const char *path)
{
    static char text[512];
    char command[512];
    FILE *pipe;

    snprintf(command, sizeof(command), "tshark -r %s %s 2>/dev/null", path, options);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    text[0] = 0;
    if (!fgets(text, sizeof(text), pipe))
        text[0] = 0;
    text[strcspn(text, "\n")] = 0;
    assert_int_equal(pclose(pipe), 0);
    return text;
}

static void
check_kept(bool is_swapped)
{
    char error[256];
    struct run run = {0};
    uint8_t bytes[1024];
    size_t size;

    write_words(path_of("rich.pcapng"), rich, ELEMENTSOF(rich), is_swapped);
    assert_int_equal(replay(path_of("rich.pcapng"), &run, path_of("rich-out.pcapng"), error), 0);
    assert_int_equal(run.packets, 1);
    /* the custom block that must not be copied; statistics are only taken over in our byte order */
    assert_int_equal(run.left_out, is_swapped ? 2 : 1);
    size = read_whole(path_of("rich-out.pcapng"), bytes, sizeof(bytes));
    assert_non_null(memmem(bytes, size, "host", 5));
    assert_non_null(memmem(bytes, size, "k=v\n", 4));
    assert_non_null(memmem(bytes, size, "eth", 4));
    assert_non_null(memmem(bytes, size, "mine", 4));
    assert_null(memmem(bytes, size, "wfp path\2", 9)); /* an earlier run's */
    assert_non_null(memmem(bytes, size, "wfp packet 1", 12));
    assert_non_null(memmem(bytes, size, "\2\0\4\0\6\0\0\0", 8)); /* outbound, reception kept */
    assert_non_null(memmem(bytes, size, "\5\0\10\0", 4));
    /* a second time nothing is added */
    memset(&run, 0, sizeof(run));
    assert_int_equal(replay(path_of("rich-out.pcapng"), &run, path_of("rich-2.pcapng"), error), 0);
    assert_int_equal(run.left_out, 0);
    uint8_t again[1024];
    assert_int_equal(read_whole(path_of("rich-2.pcapng"), again, sizeof(again)), size);
    assert_memory_equal(bytes, again, size);
    if (system("command -v tshark >/dev/null 2>&1") != 0)
        return;
    assert_string_equal(tshark_says("-T fields -e frame.comment -e frame.packet_flags -e "
                                    "frame.interface_name -e frame.time_epoch",
                                    path_of("rich-out.pcapng")),
                        "mine,wfp packet 1,wfp path: A > B\t0x00000006\teth\t0.000077000");
}

static void
test_what_else_a_capture_holds_is_kept(void **state)
{
    check_kept(false);
}

static void
test_what_else_a_capture_holds_is_kept_from_the_other_byte_order(void **state)
{
    check_kept(true);
}

static void
test_corrupt_files_are_written_anew_without_harm(void **state)
{
    uint8_t bytes[1024], copy[1024];
    uint32_t random = 54321;
    char error[256];

    for (int is_swapped = 0; is_swapped < 2; is_swapped++) {
        write_words(path_of("rich.pcapng"), rich, ELEMENTSOF(rich), is_swapped);
        size_t size = read_whole(path_of("rich.pcapng"), bytes, sizeof(bytes));

        for (int round = 0; round < 1500; round++) {
            struct run run = {0};

            memcpy(copy, bytes, size);
            for (int k = 0; k < 1 + round % 3; k++) {
                random = random * 1103515245 + 12345;
                copy[28 + (random >> 8) % (size - 28)] = (uint8_t)(random >> 3);
            }
            write_file(path_of("corrupted"), copy, size);
            replay(path_of("corrupted"), &run, path_of("corrupted-out.pcapng"), error);
            assert_true(run.packets <= 8);
        }
    }
}

static void
test_processes_are_written_and_read_again(void **state)
{
    static const uint16_t path[] = {'/', 'b', 'i', 'n', '/', 'C', 'u', 0};
    struct wfp_plane *plane;
    struct wfp_replay_writer *writer;
    struct wfp_decision decision = {.outcome = WFP_BLOCKED};
    uint8_t byte = 0x45;
    struct wfp_frame frame = {.data = &byte,
                              .length = 1,
                              .time_100ns = WFP_CLOCK_UNIX_EPOCH,
                              .process_id = 4711,
                              .process_path_utf16 = path,
                              .entry = WFP_ENTRY_SEND_NETWORK};
    struct run run = {0};
    uint64_t left_out;
    char error[256];

    make_pcap(path_of("any.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 1);
    assert_int_equal(wfp_replay_open(path_of("any.pcap"), &plane, error), 0);
    assert_int_equal(wfp_replay_writer_open(path_of("own.pcapng"), plane, &writer, error), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(wfp_replay_writer_put(writer, &frame, &decision, NULL), 0);
    assert_int_equal(wfp_replay_writer_close(writer, &left_out), 0);
    plane->ops->close(plane);
    assert_int_equal(replay(path_of("own.pcapng"), &run, NULL, error), 0);
    assert_int_equal(run.packets, 3);
    assert_int_equal(run.process_id, 4711);
    assert_memory_equal(run.process_name, path, sizeof(path));
}

/* Darwin's files name the process of a packet. */
static void
test_pcapng_with_processes(void **state)
{
    static const uint32_t blocks[] = {
        0x0a0d0d0a, 28, 0x1a2b3c4d, 1,          UINT32_MAX, UINT32_MAX, 28, /* section */
        1,          20, 101,        0,          20,                         /* interface */
        0x80000001, 28, 7,          0x00040002, 0x6c727543, 0,          28, /* process 7 "Curl" */
        6,          40, 0,          0,          1500,       0,          0,
        0x00048001, 0,  40, /* empty, of process 0 */
        6,          40, 0,          0,          1500,       0,          0,
        0x00048001, 1,  40, /* of one not described */
    };
    static const uint16_t name[] = {'c', 'u', 'r', 'l', 0};
    char error[256];
    struct run run = {0};

    write_file(path_of("process.pcapng"), blocks, 7 * 4 + 5 * 4 + 7 * 4 + 10 * 4);
    assert_int_equal(replay(path_of("process.pcapng"), &run, NULL, error), 0);
    assert_int_equal(run.process_id, 7);
    assert_memory_equal(run.process_name, name, sizeof(name));
    write_file(path_of("process.pcapng"), blocks, sizeof(blocks));
    assert_int_equal(replay(path_of("process.pcapng"), &run, NULL, error), 0);
    assert_int_equal(run.process_id, 0);
}

static void
test_time_resolutions(void **state)
{
    static const struct {
        uint64_t per_second, ticks, time_100ns;
    } rows[] = {
        {1, 3, 30000000},
        {1000, 1500, 15000000},
        {1000000, 7, 70},
        {1000000000, 1999, 19},
        {1ull << 32, 1ull << 31, 5000000},
        {10000000000000000000u, 10000000000000000000u, 10000000},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        struct wfp_capture_interface interface = {.ticks_per_second = rows[i].per_second};

        assert_int_equal(wfp_capture_time(&interface, rows[i].ticks) - WFP_CLOCK_UNIX_EPOCH,
                         rows[i].time_100ns);
    }
}

static void
test_links(void **state)
{
#define ETHER "\xff\xff\xff\xff\xff\xff\0\0\0\0\0\1"
    static const struct {
        const char *what;
        uint32_t link_type;
        const char *bytes;
        uint32_t length;
        enum wfp_undecodable reason;
        uint32_t offset;
        enum wfp_direction_hint hint;
    } rows[] = {
        {"ethernet", 1, ETHER "\x08\0", 14, WFP_DECODED, 14, WFP_HINT_NONE},
        {"ethernet v6", 1, ETHER "\x86\xdd", 14, WFP_DECODED, 14, WFP_HINT_NONE},
        {"ethernet cut", 1, ETHER "\x08", 13, WFP_UNDECODABLE_TRUNCATED, 0, WFP_HINT_NONE},
        {"arp", 1, ETHER "\x08\x06", 14, WFP_UNDECODABLE_NOT_IP, 0, WFP_HINT_NONE},
        {"vlan", 1, ETHER "\x81\0\0\7\x08\0", 18, WFP_DECODED, 18, WFP_HINT_NONE},
        {"q-in-q", 1, ETHER "\x88\xa8\0\7\x81\0\0\x8\x86\xdd", 22, WFP_DECODED, 22, WFP_HINT_NONE},
        {"vlan cut", 1, ETHER "\x81\0\0", 15, WFP_UNDECODABLE_TRUNCATED, 0, WFP_HINT_NONE},
        {"vlan without more", 1, ETHER "\x81\0\0\7", 16, WFP_UNDECODABLE_TRUNCATED, 0,
         WFP_HINT_NONE},
        {"pppoe", 1, ETHER "\x88\x64\x11\0\0\1\0\x20\0\x21", 22, WFP_DECODED, 22, WFP_HINT_NONE},
        {"pppoe lcp", 1, ETHER "\x88\x64\x11\0\0\1\0\x20\xc0\x21", 22, WFP_UNDECODABLE_NOT_IP, 0,
         WFP_HINT_NONE},
        {"snap", 1, ETHER "\0\x30\xaa\xaa\3\0\0\0\x08\0", 22, WFP_DECODED, 22, WFP_HINT_NONE},
        {"llc", 1, ETHER "\0\x30\x42\x42\3\0\0\0\x08\0", 22, WFP_UNDECODABLE_NOT_IP, 0,
         WFP_HINT_NONE},
        {"raw", 101, "\x45", 1, WFP_DECODED, 0, WFP_HINT_NONE},
        {"cooked out", 113, "\0\4\0\1\0\6\0\0\0\0\0\0\0\0\x08\0", 16, WFP_DECODED, 16,
         WFP_HINT_OUTBOUND},
        {"cooked in", 113, "\0\0\0\1\0\6\0\0\0\0\0\0\0\0\x86\xdd", 16, WFP_DECODED, 16,
         WFP_HINT_INBOUND},
        {"cooked other", 113, "\0\3\0\1\0\6\0\0\0\0\0\0\0\0\x08\0", 16, WFP_DECODED, 16,
         WFP_HINT_NONE},
        {"cooked nonsense", 113, "\xff\xff\0\1\0\6\0\0\0\0\0\0\0\0\x08\0", 16, WFP_DECODED, 16,
         WFP_HINT_NONE},
        {"cooked2 out", 276, "\x08\0\0\0\0\0\0\2\0\1\4\6\0\0\0\0\0\0\0\0", 20, WFP_DECODED, 20,
         WFP_HINT_OUTBOUND},
        {"null le", 0, "\2\0\0\0", 4, WFP_DECODED, 4, WFP_HINT_NONE},
        {"null be v6", 0, "\0\0\0\x1e", 4, WFP_DECODED, 4, WFP_HINT_NONE},
        {"loop", 108, "\0\0\0\2", 4, WFP_DECODED, 4, WFP_HINT_NONE},
        {"ppp", 9, "\xff\3\0\x21", 4, WFP_DECODED, 4, WFP_HINT_NONE},
        {"wifi", 105, "\x45", 1, WFP_UNDECODABLE_LINK_TYPE, 0, WFP_HINT_NONE},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        uint8_t *copy = malloc(rows[i].length);
        struct wfp_link link;
        enum wfp_undecodable reason;

        memcpy(copy, rows[i].bytes, rows[i].length);
        reason = wfp_link_strip(rows[i].link_type, copy, rows[i].length, &link);
        free(copy);
        if (reason != rows[i].reason || link.hint != rows[i].hint ||
            (reason == WFP_DECODED && link.offset != rows[i].offset))
            fail_msg("%s: %s at %u", rows[i].what, wfp_undecodable_name(reason), link.offset);
    }
}

static void
test_local_address_is_the_most_frequent(void **state)
{
    struct wfp_replay_local local;

    make_pcap(path_of("infer.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 100);
    assert_int_equal(wfp_replay_infer_local(path_of("infer.pcap"), &local), 0);
    assert_int_equal(local.count, 1);
    assert_int_equal(local.prefixes[0].version, 4);
    assert_int_equal(local.prefixes[0].prefix_length, 32);
    assert_memory_equal(local.prefixes[0].addr, "\x0a\0\0\1", 4);
    assert_string_equal(local.text, "10.0.0.1 (in 100 of 100 IPv4 packets)");
    assert_true(wfp_replay_infer_local("-", &local) < 0);
    make_pcap(path_of("infer.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 10001);
    assert_int_equal(wfp_replay_infer_local(path_of("infer.pcap"), &local), 0);
    assert_string_equal(local.text, "10.0.0.1 (in 10000 of the first 10000 IPv4 packets)");
    make_pcap(path_of("infer.pcap"), DLT_IEEE802_11, PCAP_TSTAMP_PRECISION_MICRO, 1);
    assert_int_equal(wfp_replay_infer_local(path_of("infer.pcap"), &local), 0);
    assert_int_equal(local.count, 0);
    assert_string_equal(local.text, "none found");
}

static void
test_local_addresses_by_direction(void **state)
{
    struct wfp_replay_local local;
    struct run run = {0};
    char error[256];

    /* take() calls every second packet inbound: then 10.0.0.2 is local, and 10.0.0.1 sends. */
    make_pcap(path_of("way.pcap"), DLT_EN10MB, PCAP_TSTAMP_PRECISION_MICRO, 10);
    assert_int_equal(replay(path_of("way.pcap"), &run, path_of("way.pcapng"), error), 0);
    assert_int_equal(wfp_replay_infer_local(path_of("way.pcapng"), &local), 0);
    assert_int_equal(local.count, 2);
    assert_non_null(strstr(local.text, "10.0.0.1 (by packet direction)"));
    assert_non_null(strstr(local.text, "10.0.0.2 (by packet direction)"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap_reads_as_libpcap_reads_it),
        cmocka_unit_test(test_other_byte_order),
        cmocka_unit_test(test_written_capture_holds_the_same_packets),
        cmocka_unit_test(test_tshark_reads_comments_and_verdicts),
        cmocka_unit_test(test_writing_over_the_input_is_refused),
        cmocka_unit_test(test_full_disk_is_an_error),
        cmocka_unit_test(test_every_cut_of_a_file_counts_what_is_whole),
        cmocka_unit_test(test_truncated_file_ends_with_one_line),
        cmocka_unit_test(test_what_is_not_a_capture_is_refused),
        cmocka_unit_test(test_corrupt_files_do_no_harm),
        cmocka_unit_test(test_undecodable_links_are_named),
        cmocka_unit_test(test_pcapng_with_several_interfaces),
        cmocka_unit_test(test_pcapng_with_processes),
        cmocka_unit_test(test_what_else_a_capture_holds_is_kept),
        cmocka_unit_test(test_what_else_a_capture_holds_is_kept_from_the_other_byte_order),
        cmocka_unit_test(test_corrupt_files_are_written_anew_without_harm),
        cmocka_unit_test(test_processes_are_written_and_read_again),
        cmocka_unit_test(test_time_resolutions),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_local_address_is_the_most_frequent),
        cmocka_unit_test(test_local_addresses_by_direction),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
