/*
 * Hostile frames through a whole machine: link layer, parser, flows, reassembly, every layer, and drivers
 * that read all they are given, decide, send and keep contexts.
 *
 * Model      An input is byte 0 the plane's word on the direction and the link type, byte 1 seconds
 *            passed and bits, the rest a frame, an exact heap copy: what is read beyond it is the
 *            sanitizers' to see. What must hold: every frame is decided or counted as undecodable with a
 *            reason, no driver code faults, no finding, what was sent completes.
 * Run        machine_fuzz [--capture] DRIVER... [CAPTURE...] [--rounds N] [--seed N]: seeds are the captures' frames
 *            and some made here; mutations as many as asked. With clang -fsanitize=fuzzer
 *            -DWFP_LIBFUZZER a libFuzzer target; WFP_FUZZ_DRIVERS then names the drivers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "nt/fwps/fwps_host.h"
#include "nt/ntos/nt_host.h"
#include "plane/replay/capture.h"
#include "plane/replay/link.h"
#include "programs/machine.h"
#include "sim/sim_packet.h"
#include "sim/sim_random.h"

#define HOLDS(condition) /* also in release builds: it is the test */                              \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

#define SECOND    10000000ull
#define FRAME_MAX 2048u
#define HEAD      2u

static struct machine machine;
static bool is_capture; /* nobody at the ends can be answered */
static uint64_t now = 133801632000000000ull;
static uint64_t outcomes[4], reasons[WFP_UNDECODABLE_COUNT], injected;

static void
count(const struct wfp_decision *decision, bool has_mac)
{
    HOLDS(decision->outcome <= WFP_UNDECODED);
    HOLDS(decision->outcome != WFP_UNDECODED || decision->reason != WFP_DECODED);
    /* only the MAC layers decide over what is no IP packet, and INBOUND_IPPACKET over an IP header */
    HOLDS(decision->reason == WFP_DECODED || decision->outcome == WFP_UNDECODED || has_mac ||
          (decision->reason == WFP_UNDECODABLE_TRANSPORT_HEADER &&
           decision->outcome != WFP_PERMITTED));
    HOLDS(decision->step_count <= WFP_PATH_MAX);
    outcomes[decision->outcome]++;
    reasons[decision->reason]++;
}

static void
take_injected(void *context, struct wfp_frame *frame)
{
    struct wfp_decision decision;

    wfp_stack_packet(machine.stack, frame, &decision);
    injected++;
}

static void
take_resumed(void *context, struct wfp_frame *frame, const struct wfp_decision *decision)
{
}

static void
take_drivers_packets(void)
{
    do
        wfp_stack_resume(machine.stack, take_resumed, NULL);
    while (nt_fwps_drain(take_injected, NULL));
}

static void
start(void)
{
    static const struct wfp_local_prefix local[] = {{4, 8, {10}}, {6, 8, {0xfd}}, {4, 32, {203}}};

    wfp_log_set_level(WFP_LOG_WARNING);
    wfp_clock_set_virtual(now);
    HOLDS(machine_init(&machine) == 0);
    machine.has_deaf_ends = machine.groups_fragments = is_capture;
    HOLDS(machine_add_stack(&machine, local, 3) == 0);
}

static void
load(const char *path)
{
    char error[MACHINE_ERROR_SIZE];

    if (machine_start_driver(&machine, path, false, error) != 0) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
}

/** A frame as the replay plane makes it of a record. */
static void
set_frame(struct wfp_frame *frame, uint8_t *bytes, uint32_t length, uint32_t link_type)
{
    struct wfp_link link = {0};

    frame->link_reason = wfp_link_strip(link_type, bytes, length, &link);
    if (frame->link_reason != WFP_DECODED)
        link.offset = 0;
    frame->data = bytes + link.offset;
    frame->length = length - link.offset;
    frame->headroom = link.offset;
    frame->wire_length = frame->length;
    frame->link_broadcast = link.is_broadcast;
    if (link.is_ethernet)
        frame->mac = bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct wfp_decision decision;
    struct wfp_frame frame = {0};
    uint32_t length = (uint32_t)size - HEAD;
    uint8_t *bytes;

#ifdef WFP_LIBFUZZER
    if (!machine.engine) {
        char *names = strdup(getenv("WFP_FUZZ_DRIVERS") ? getenv("WFP_FUZZ_DRIVERS") : "");

        start();
        for (char *name = strtok(names, " "); name; name = strtok(NULL, " "))
            load(name);
    }
#endif
    if (size < HEAD)
        return 0;
    bytes = malloc(length ? length : 1);
    HOLDS(bytes != NULL);
    memcpy(bytes, input + HEAD, length);
    set_frame(&frame, bytes, length, input[0] & 0x80 ? WFP_LINK_ETHERNET : WFP_LINK_RAW);
    frame.hint = input[0] % 4;
    frame.no_endpoint = (input[0] & 0x70) == 0x70;
    frame.link_broadcast |= (input[1] & 0xf0) == 0xf0;
    frame.wire_length += (input[1] & 0xf0) == 0xe0 ? 100 : 0; /* the capture cut it */
    now += input[1] % 16 == 15 ? 30 * SECOND : input[1] % 16 * SECOND / 100;
    frame.time_100ns = now;
    frame.interface_index = 1 + input[0] / 4 % 2;
    nt_time_run_until(now);
    wfp_stack_packet(machine.stack, &frame, &decision);
    count(&decision, frame.mac != NULL);
    take_drivers_packets();
    free(bytes);
    return 0;
}

#ifndef WFP_LIBFUZZER

static struct seed {
    uint32_t size;
    uint8_t bytes[HEAD + FRAME_MAX];
} * seeds;
static uint32_t seed_count, seed_capacity;
static uint64_t random_state;

static void
add_seed(uint8_t head, const uint8_t *bytes, uint32_t length)
{
    struct seed *seed;

    if (seed_count == seed_capacity) {
        seed_capacity = seed_capacity ? 2 * seed_capacity : 64;
        seeds = realloc(seeds, seed_capacity * sizeof(*seeds));
        HOLDS(seeds != NULL);
    }
    seed = &seeds[seed_count++];
    memset(seed, 0, sizeof(*seed));
    seed->bytes[0] = head;
    seed->size = HEAD + MIN(length, FRAME_MAX);
    memcpy(seed->bytes + HEAD, bytes, MIN(length, FRAME_MAX));
}

static void
add_capture(const char *path)
{
    struct wfp_capture *capture;
    struct wfp_capture_record record;
    char error[256];

    if (wfp_capture_open(path, &capture, error) < 0) {
        fprintf(stderr, "%s\n", error);
        exit(3);
    }
    while (wfp_capture_next(capture, &record) > 0) {
        uint32_t type = capture->interfaces[record.interface].link_type;

        if (type == WFP_LINK_ETHERNET || type == WFP_LINK_RAW)
            add_seed(type == WFP_LINK_ETHERNET ? 0x80 : 0, record.data, record.length);
    }
    wfp_capture_close(capture);
}

/** IPv6 with every extension header, UDP behind. */
static void
add_extensions(const struct wfp_sim_ends *ends)
{
    static const uint8_t upper[] = {
        43, 0, 1, 4, 0, 0,  0, 0,             /* hop by hop: padding */
        60, 0, 0, 0, 0, 0,  0, 0,             /* routing */
        51, 0, 1, 4, 0, 0,  0, 0,             /* destination options */
        44, 4, 0, 0, 0, 0,  0, 1, 0, 0, 0, 2, /* authentication */
        0,  0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 17, 0, 0, 0,
        0,  0, 0, 9, /* a fragment that is whole */
        0,  5, 0, 6, 0, 16, 0, 0, 1, 2, 3, 4, 5,  6, 7, 8,
    };
    uint8_t bytes[FRAME_MAX];

    add_seed(0, bytes,
             wfp_sim_packet_raw(bytes, ends, WFP_PROTOCOL_HOP_BY_HOP, upper, sizeof(upper)));
}

/** A TCP conversation with data, FINs and an RST, so that mutations meet one that is known. */
static void
add_conversation(const struct wfp_sim_ends *ends)
{
    static const struct {
        uint8_t flags;
        bool is_answer;
        uint32_t sequence, acknowledgement;
        const char *data;
    } segments[] = {
        {0x02, false, 100, 0, ""},         {0x12, true, 500, 101, ""},
        {0x10, false, 101, 501, ""},       {0x18, false, 101, 501, "hello"},
        {0x10, true, 501, 106, ""},        {0x18, true, 501, 106, "world"},
        {0x18, false, 111, 506, "later"},  {0x18, false, 106, 506, "gap.."},
        {0x11, false, 116, 506, ""},       {0x11, true, 506, 117, ""},
        {0x10, false, 117, 507, ""},       {0x14, true, 507, 117, ""},
        {0x38, false, 116, 506, "urgent"},
    };
    struct wfp_sim_ends other = wfp_sim_ends_swap(ends);
    uint8_t bytes[FRAME_MAX];

    for (size_t i = 0; i < ELEMENTSOF(segments); i++) {
        struct wfp_sim_segment segment = {
            .flags = segments[i].flags,
            .sequence = segments[i].sequence,
            .acknowledgement = segments[i].acknowledgement,
            .window = 65535,
            .mss = segments[i].flags & 2 ? 1460 : 0,
            .data = (const uint8_t *)segments[i].data,
            .size = (uint32_t)strlen(segments[i].data),
        };

        add_seed(0, bytes,
                 wfp_sim_packet_tcp(bytes, segments[i].is_answer ? &other : ends, &segment));
    }
}

static void
add_others(const struct wfp_sim_ends *ends)
{
    struct wfp_sim_ends other = wfp_sim_ends_swap(ends);
    bool is_v4 = ends->version == 4;
    uint8_t bytes[FRAME_MAX], whole[FRAME_MAX],
        frame[FRAME_MAX] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    uint32_t length = wfp_sim_packet_udp(whole, ends, "a datagram for four fragments ......", 36),
             n;

    add_seed(0, whole, length);
    for (uint32_t at = 0; (n = wfp_sim_packet_fragment(bytes, whole, length, at, 16, 7)) != 0;
         at += 16)
        add_seed(2, bytes, n);
    add_seed(0, bytes, wfp_sim_packet_udp(bytes, &other, "answer", 6));
    add_seed(0, bytes, wfp_sim_packet_icmp(bytes, ends, is_v4 ? 8 : 128, 0, 0x70001, "echo", 4));
    add_seed(0, bytes, wfp_sim_packet_icmp(bytes, &other, is_v4 ? 0 : 129, 0, 0x70001, "echo", 4));
    add_seed(0, bytes, wfp_sim_packet_icmp(bytes, &other, is_v4 ? 3 : 1, 3, 0, whole, 48));
    add_seed(0, bytes, wfp_sim_packet_icmp(bytes, ends, is_v4 ? 11 : 3, 0, 0, whole, 48));
    add_seed(0, bytes, wfp_sim_packet_raw(bytes, ends, 47, whole, length));
    frame[12] = is_v4 ? 8 : 0x86;
    frame[13] = is_v4 ? 0 : 0xdd;
    memcpy(frame + 14, whole, length);
    add_seed(0x80, frame, 14 + length);
    memmove(frame + 16, frame + 12, length + 2); /* a VLAN tag */
    frame[12] = 0x81;
    frame[13] = 0;
    frame[14] = 0;
    frame[15] = 42;
    add_seed(0x80, frame, 18 + length);
}

static void
make_seeds(void)
{
    static const uint8_t hosts[][2][4] = {
        {{10, 0, 0, 1}, {1, 2, 3, 4}},   {{1, 2, 3, 4}, {10, 0, 0, 1}},
        {{10, 0, 0, 1}, {10, 0, 0, 2}},  {{1, 2, 3, 4}, {5, 6, 7, 8}},
        {{10, 0, 0, 1}, {224, 0, 0, 5}}, {{1, 2, 3, 4}, {224, 0, 0, 5}},
    };
    static const uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 4, 10, 0, 0, 4};
    uint8_t frame[42] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 4, 8, 6};

    for (size_t i = 0; i < ELEMENTSOF(hosts); i++)
        for (int v = 4; v <= 6; v += 2) {
            struct wfp_sim_ends ends = {
                .version = (uint8_t)v, .local_port = 1000, .remote_port = 80};

            memcpy(ends.local + (v == 6 ? 12 : 0), hosts[i][0], 4);
            memcpy(ends.remote + (v == 6 ? 12 : 0), hosts[i][1], 4);
            if (v == 6) {
                ends.local[0] = hosts[i][0][0] == 10 ? 0xfd : 0x20;
                ends.remote[0] = hosts[i][1][0] == 10 ? 0xfd : hosts[i][1][0] == 224 ? 0xff : 0x20;
                add_extensions(&ends);
            }
            add_conversation(&ends);
            add_others(&ends);
        }
    memcpy(frame + 14, arp, sizeof(arp));
    add_seed(0x80, frame, sizeof(frame));
}

static uint32_t
below(uint32_t bound)
{
    return wfp_sim_random_below(&random_state, bound);
}

/** A seed with some bytes changed, cut, longer, or crossed with another. Often as it is. */
static uint32_t
mutate(uint8_t *bytes)
{
    static const uint8_t interesting[] = {0,  1,  4,  5,    6,    16,   17,   20,  40,
                                          44, 58, 60, 0x45, 0x60, 0x7f, 0x80, 0xff};
    static uint32_t last;
    /* mostly one after the other: conversations make sense */
    uint32_t pick = last = below(4) ? (last + 1) % seed_count : below(seed_count);
    uint32_t size = seeds[pick].size, other;

    memcpy(bytes, seeds[pick].bytes, size);
    bytes[1] = (uint8_t)below(256);
    for (uint32_t k = below(5); k > 0; k--)
        switch (below(10)) {
        case 0:
            size = HEAD + below(size - HEAD + 1);
            break;
        case 1:
            other = MIN(size + below(64), HEAD + FRAME_MAX);
            memset(bytes + size, (int)below(256), other - size);
            size = other;
            break;
        case 2:
            other = below(seed_count);
            memcpy(bytes + HEAD, seeds[other].bytes + HEAD,
                   MIN(MIN(below(60), size - HEAD), seeds[other].size - HEAD));
            break;
        case 3:
        case 4:
            if (size > HEAD)
                bytes[HEAD + below(MIN(size - HEAD, 80))] = interesting[below(sizeof(interesting))];
            break;
        case 5:
            bytes[0] = (uint8_t)below(256);
            break;
        default:
            if (size > HEAD)
                bytes[HEAD + below(MIN(size - HEAD, 100))] ^= (uint8_t)(1u << below(8));
        }
    return size;
}

static void
finish(void)
{
    struct nt_finding finding;
    bool is_clean = true;

    machine_stop_drivers(&machine);
    for (size_t i = 0; nt_finding_get(i, &finding); i++) {
        if (finding.id == NT_FINDING_CHANGED_IN_PLACE)
            continue; /* one of the drivers does, on purpose */
        fprintf(stderr, "finding %s: %s\n", finding.name, finding.message);
        is_clean = false;
    }
    machine_fini(&machine);
    HOLDS(is_clean);
}

int
main(int argc, char **argv)
{
    unsigned long rounds = 300000;
    struct timespec begin, end;
    uint8_t bytes[HEAD + FRAME_MAX];

    random_state = 42;
    is_capture = argc > 1 && strcmp(argv[1], "--capture") == 0;
    start();
    for (int i = 1 + is_capture; i < argc; i++) {
        size_t length = strlen(argv[i]);

        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            rounds = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            random_state = strtoull(argv[++i], NULL, 10);
        else if (length > 3 && (strcmp(argv[i] + length - 3, ".so") == 0 ||
                                strcmp(argv[i] + length - 3, "sys") == 0))
            load(argv[i]);
        else
            add_capture(argv[i]);
    }
    make_seeds();
    for (uint32_t i = 0; i < seed_count; i++)
        LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].size);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (unsigned long i = 0; i < rounds; i++)
        LLVMFuzzerTestOneInput(bytes, mutate(bytes));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    HOLDS(outcomes[WFP_PERMITTED] > rounds / 8); /* most mutations still get somewhere */
    HOLDS(outcomes[WFP_UNDECODED] > 0);
    wfp_log_set_level(WFP_LOG_INFO); /* what the drivers have to say at the end */
    finish();
    printf("%u seeds, %lu mutations: %lu permitted, %lu blocked, %lu absorbed, %lu undecoded, %lu "
           "injected; "
           "%.0f a second of processor\n",
           seed_count, rounds, outcomes[WFP_PERMITTED], outcomes[WFP_BLOCKED],
           outcomes[WFP_ABSORBED], outcomes[WFP_UNDECODED], injected,
           (double)rounds /
               ((double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9));
    for (int i = WFP_DECODED + 1; i < WFP_UNDECODABLE_COUNT; i++)
        printf("    %-24s %lu\n", wfp_undecodable_name((enum wfp_undecodable)i), reasons[i]);
    free(seeds);
    return 0;
}

#endif
