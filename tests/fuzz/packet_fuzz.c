/*
 * Hostile packets through the whole packet path: parser, flows, reassembly, every layer's shim, engine.
 *
 * Model      An inspecting callout sits at every layer and reads all it is given: each value by its
 *            type, the metadata, the packet's bytes from where the layer's data begins. What must hold
 *            is asserted; memory is the sanitizers' to watch (each frame is an exact heap copy).
 * Run        As a test: seeds and a number of random mutations (argument 1, default 300,000; argument
 *            2 is the random seed). With clang -fsanitize=fuzzer -DWFP_LIBFUZZER: a libFuzzer target.
 *
 * An input is: byte 0 the plane's hint, 1 the link broadcast and cut bits, 2 seconds passed, the rest
 * the frame.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/core/packet/build.h"
#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "core/model/metadata.h"
#include "core/shims/stack.h"
#include "core/stream/stream.h"

#undef assert
#define assert(condition) /* also in release builds: it is the test */                             \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

static struct wfp_engine *engine;
static struct wfp_stack *stack;
static uint64_t now = 1000 * 10000000ull;
static volatile uint64_t sink;
static uint64_t classified;

static void
read_bytes(const void *bytes, uint32_t size)
{
    const uint8_t *p = bytes;

    for (uint32_t i = 0; i < size; i++)
        sink += p[i];
}

static void
read_value(const struct wfp_value *value)
{
    switch (value->type) {
    case WFP_UINT64:
        sink += *value->uint64;
        break;
    case WFP_BYTE_ARRAY16:
        read_bytes(value->array16, 16);
        break;
    case WFP_BYTE_ARRAY6:
        read_bytes(value->array6, 6);
        break;
    case WFP_BYTE_BLOB:
        read_bytes(value->blob->data, value->blob->size);
        break;
    default:
        sink += value->uint32;
    }
}

/** Every answer a stream callout can give, by what was seen so far. */
static void
answer_stream(struct wfp_stream_view *view, struct wfp_classify_out *out)
{
    if (view->length)
        read_bytes(view->bytes, view->length);
    view->enforced = sink % 3 ? 0 : sink % 97;
    view->required = (uint32_t)(sink % 5000);
    out->action = sink % 2 ? WFP_ACTION_PERMIT : WFP_ACTION_BLOCK;
    if (sink % 7 == 0)
        view->action = (uint32_t)(sink / 7 % 6);
}

static void
inspect(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
        uint64_t flow_context, struct wfp_classify_out *out)
{
    const struct wfp_layer *layer = wfp_layer_find_id(indication->layer_id);
    const struct wfp_packet *packet = indication->packet;

    classified++;
    if (indication->stream)
        answer_stream(indication->stream, out);
    assert(layer && indication->value_count <= WFP_FIELD_MAX);
    for (uint32_t i = 0; i < indication->value_count && i < layer->field_count; i++) {
        assert(indication->values[i].type == WFP_EMPTY ||
               indication->values[i].type == layer->fields[i].type);
        read_value(&indication->values[i]);
    }
    if (!packet)
        return;
    assert(packet->total_length <= packet->length);
    assert((uint32_t)packet->ip_header_size + packet->transport_header_size <=
           packet->total_length);
    assert(indication->layer_data_offset <= packet->total_length);
    read_bytes(packet->data, packet->length);
    if (indication->flow && flow_context == 0)
        sink += indication->layer_id;
}

static void
start(void)
{
    static const struct wfp_local_prefix local[] = {{4, 8, {10}}, {6, 8, {0xfd}}};
    static struct wfp_filter *filters[WFP_LAYER_COUNT];
    struct wfp_callout_ops ops = {.classify = inspect};
    struct wfp_policy policy = {.filters = filters};
    struct wfp_stack_config config = {.local = local, .local_count = 2, .flows = true};

    assert(wfp_engine_new(&engine) == 0);
    wfp_engine_thread_enter(engine);
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        struct wfp_guid key = {.data1 = id + 1u};
        struct wfp_filter *filter;
        uint32_t callout_id;

        if (!layer || !layer->name)
            continue;
        assert(wfp_callout_register(engine, &key, 0, &ops, NULL, &callout_id) == 0);
        filter = wfp_filter_new();
        assert(filter);
        filter->id = 70000u + id;
        filter->layer_id = id;
        filter->action = id == WFP_LAYER_STREAM_V4 || id == WFP_LAYER_STREAM_V6
                             ? WFP_ACTION_CALLOUT_UNKNOWN
                             : WFP_ACTION_CALLOUT_INSPECTION;
        filter->callout_id = callout_id;
        filters[policy.filter_count++] = filter;
    }
    assert(wfp_engine_commit(engine, &policy) == 0);
    config.engine = engine;
    assert(wfp_stack_new(&config, &stack) == 0);
}

static void
finish(void)
{
    wfp_stack_free(stack);
    wfp_engine_thread_leave(engine);
    wfp_engine_free(engine);
}

static void
ignore(void *context, struct wfp_frame *frame, const struct wfp_decision *decision)
{
    read_bytes(frame->data, frame->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct wfp_decision decision;
    struct wfp_frame frame = {0};

    if (!engine)
        start();
    if (size < 3)
        return 0;
    frame.length = (uint32_t)size - 3;
    frame.wire_length = frame.length + (input[1] & 2 ? input[1] * 8u : 0);
    frame.data = malloc(frame.length ? frame.length : 1);
    memcpy(frame.data, input + 3, frame.length);
    frame.hint = input[0] % 4;
    frame.link_broadcast = input[1] & 1;
    frame.time_100ns = now += input[2] % 16 * 10000000ull;
    frame.interface_index = input[1] >> 6;
    wfp_stack_packet(stack, &frame, &decision);
    wfp_stack_resume(stack, ignore, NULL);
    assert(decision.outcome <= WFP_UNDECODED); /* streams block and absorb */
    assert((decision.outcome == WFP_UNDECODED) == (decision.reason != WFP_DECODED));
    assert(decision.step_count <= WFP_PATH_MAX);
    free(frame.data);
    return 0;
}

#ifndef WFP_LIBFUZZER

static uint64_t random_state;

static uint32_t
next_random(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % bound;
}

#define SEEDS_MAX 64

static struct {
    uint8_t bytes[600];
    uint32_t size;
} seeds[SEEDS_MAX];
static uint32_t seed_count;

static void
add_seed(const struct build *build, uint8_t hint)
{
    seeds[seed_count].bytes[0] = hint;
    memcpy(seeds[seed_count].bytes + 3, build->bytes, build->length);
    seeds[seed_count++].size = 3 + build->length;
}

/** Fragments of @p build: the payload in pieces of @p piece bytes (a multiple of 8). */
static void
add_fragments(const struct build *build, uint32_t piece)
{
    uint32_t size = build->length - 20;

    for (uint32_t at = 0; at < size; at += piece) {
        struct build part = {0};
        uint32_t length = at + piece < size ? piece : size - at;

        memcpy(part.bytes, build->bytes, 20);
        memcpy(part.bytes + 20, build->bytes + 20 + at, length);
        wfp_bytes_put16(part.bytes + 2, (uint16_t)(20 + length));
        wfp_bytes_put16(part.bytes + 4, 77);
        wfp_bytes_put16(part.bytes + 6, (uint16_t)(at / 8 | (at + length < size ? 0x2000 : 0)));
        part.length = 20 + length;
        add_seed(&part, 0);
    }
}

static void
make_seeds(void)
{
    static const char *ends[][2] = {
        {"10.0.0.1", "1.2.3.4"}, {"1.2.3.4", "10.0.0.1"},   {"10.0.0.1", "10.0.0.2"},
        {"1.2.3.4", "5.6.7.8"},  {"10.0.0.1", "224.0.0.5"}, {"1.2.3.4", "224.0.0.5"},
        {"fd00::1", "fe80::2"},  {"fe80::2", "fd00::1"},    {"fd00::1", "ff02::2"},
    };
    uint8_t extensions[] = {43, 0, 1, 4, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 1,
                            0,  0, 0, 9, 0, 5, 0, 6, 0,  0, 0, 0, 1, 2, 3, 4, 5,  6, 7, 8};
    struct build build, inner;
    uint8_t upper[64] = {3, 3};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        build_tcp(&build, ends[i][0], 1000, ends[i][1], 80, WFP_TCP_SYN, 7, "");
        add_seed(&build, 0);
        build_tcp(&build, ends[i][0], 1000, ends[i][1], 80, WFP_TCP_ACK | WFP_TCP_FIN, 8, "data");
        add_seed(&build, 0);
        build_udp(&build, ends[i][0], 1000, ends[i][1], 53, "question");
        add_seed(&build, (uint8_t)(i % 4));
        build_icmp(&build, ends[i][0], ends[i][1], i < 6 ? 8 : 128, 0, 5, 6);
        add_seed(&build, 0);
    }
    build_udp(&inner, "10.0.0.1", 1000, "1.2.3.4", 53, "data");
    memcpy(upper + 8, inner.bytes, 28);
    build_ip(&build, "9.9.9.9", "10.0.0.1", WFP_PROTOCOL_ICMP, upper, 36);
    add_seed(&build, 0);
    build_udp(&build, "1.2.3.4", 53, "10.0.0.1", 1000, "a datagram long enough for four fragments");
    add_fragments(&build, 16);
    build_ip(&build, "fe80::1", "fd00::1", WFP_PROTOCOL_HOP_BY_HOP, extensions, sizeof(extensions));
    add_seed(&build, 0);
}

/** A seed with some bytes changed, cut, doubled or crossed with another. */
static uint32_t
mutate(uint8_t *bytes, uint32_t capacity)
{
    uint32_t pick = next_random(seed_count), size = seeds[pick].size, other;

    memcpy(bytes, seeds[pick].bytes, size);
    bytes[2] = (uint8_t)next_random(256);
    for (uint32_t k = next_random(5); k > 0; k--)
        switch (next_random(8)) {
        case 0:
            size = 3 + next_random(size - 2);
            break;
        case 1:
            size = MIN(size + next_random(64), capacity);
            break;
        case 2:
            other = next_random(seed_count);
            memcpy(bytes + 3, seeds[other].bytes + 3, 3 + next_random(20));
            break;
        case 3: /* interesting numbers where lengths are */
            bytes[3 + next_random(44)] = (uint8_t)(next_random(2) ? 0xff : 0);
            break;
        case 4: /* plane's word */
            bytes[next_random(2)] = (uint8_t)next_random(256);
            break;
        default:
            bytes[3 + next_random(MIN(size - 2, 64))] = (uint8_t)next_random(256);
        }
    return size;
}

int
main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 300000;
    uint8_t bytes[1024];

    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 42;
    make_seeds();
    for (uint32_t i = 0; i < seed_count; i++)
        LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].size);
    memset(bytes, 0, sizeof(bytes));
    for (unsigned long i = 0; i < rounds; i++)
        LLVMFuzzerTestOneInput(bytes, mutate(bytes, sizeof(bytes)));
    assert(classified > rounds); /* most mutations still get somewhere */
    finish();
    printf("%u seeds, %lu mutations, %llu classifies\n", seed_count, rounds,
           (unsigned long long)classified);
    return 0;
}

#endif
