/*
 * A TCP connection through a stack with one STREAM callout, packet by packet, for tests.
 *
 * Model      client 10.1.1.1 (local) -- stack -- server 192.0.2.2. Sequence numbers are counted from each
 *            end's SYN, which is 0, so that its first byte is 1, wherever the numbers really begin.
 *            What leaves the stack is put together as a host would, and its sums are checked.
 */
#ifndef WFP_TESTS_STREAM_CONVERSATION_H
#define WFP_TESTS_STREAM_CONVERSATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "core/model/metadata.h"
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/shims/stack.h"
#include "core/stream/stream.h"

#define SECOND   10000000ull
#define TEXT_MAX (9u << 20)
#define SHOWN    256
#define LEFT     8192
#define PSH      0x08
#define URG      0x20

enum { OUT, IN };

/** What the callout was shown. */
struct shown {
    int way;
    uint32_t flags, length, told;
    uint64_t missed;
    char bytes[64];
};

/** A packet that left the stack, for the end of its way. */
struct left {
    int way;
    bool is_ours; /* a segment of the stack's own */
    uint32_t sequence, ack;
    uint32_t length;
    uint8_t flags;
    uint16_t window;
    uint8_t options[40];
    uint32_t option_size;
};

/** A callout's mind: answers a view. */
typedef uint32_t answer_fn(struct wfp_stream_view *view, int way);

static struct conversation {
    struct wfp_engine *engine;
    struct wfp_stack *stack;
    uint32_t callout_id;
    answer_fn *answer;
    uint64_t now, flow_id;
    uint32_t start[2]; /* of the numbers */
    uint8_t options[2][40];
    uint32_t option_size[2]; /* on every packet of that end */
    uint16_t window[2];
    struct shown shown[SHOWN];
    uint32_t shown_count;
    struct left left[LEFT];
    uint32_t left_count;
    uint8_t text[2][TEXT_MAX]; /* as the receiver has it */
    uint32_t next[2];          /* relative; the receiver's */
    bool fin[2], reset[2];
    uint32_t requests_done, requests_failed;
} talk;

/* ---- the callout ---- */

static inline uint32_t
permit(struct wfp_stream_view *view, int way)
{
    (void)view, (void)way;
    return WFP_ACTION_PERMIT;
}

static inline void
note_shown(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
           uint64_t flow_context, struct wfp_classify_out *out)
{
    struct wfp_stream_view *view = indication->stream;
    struct shown *shown = &talk.shown[talk.shown_count % SHOWN];

    talk.flow_id = indication->metadata->flow_handle;
    *shown = (struct shown){.way = view->flags & WFP_STREAM_RECEIVE ? IN : OUT,
                            .flags = view->flags,
                            .length = view->length,
                            .told = view->told,
                            .missed = view->missed};
    if (view->length)
        memcpy(shown->bytes, view->bytes, MIN(view->length, sizeof(shown->bytes) - 1));
    talk.shown_count++;
    out->action = talk.answer(view, shown->way);
}

static inline void
request_done(struct wfp_stream_request *request, int status)
{
    talk.requests_done++;
    talk.requests_failed += status < 0;
    free(request->bytes);
    free(request);
}

/** FwpsStreamInjectAsync, or with @p go_on FwpsStreamContinue. */
static inline void
ask_stack(int way, const void *bytes, uint32_t length, bool disconnect, bool go_on)
{
    struct wfp_stream_request *request = calloc(1, sizeof(*request));

    request->flow_id = talk.flow_id;
    request->callout_id = talk.callout_id;
    request->is_inbound = way == IN;
    request->disconnect = disconnect;
    request->is_continue = go_on;
    request->bytes = malloc(length + 1);
    if (length)
        memcpy(request->bytes, bytes, length);
    request->length = length;
    request->done = request_done;
    wfp_stream_submit(wfp_stack_streams(talk.stack), request);
}

static inline void
inject(int way, const char *text)
{
    ask_stack(way, text, (uint32_t)strlen(text), false, false);
}

/* ---- the ends ---- */

static inline void
receive(const struct left *left, const uint8_t *payload)
{
    uint32_t skip = talk.next[left->way] - left->sequence;

    if (left->flags & WFP_TCP_RST)
        talk.reset[left->way] = true;
    if ((left->flags & WFP_TCP_SYN) || (int32_t)skip < 0)
        return; /* or a gap: the sender repeats it */
    if (skip < left->length) {
        assert_true(talk.next[left->way] + left->length - skip < TEXT_MAX);
        memcpy(talk.text[left->way] + talk.next[left->way] - 1, payload + skip,
               left->length - skip);
        talk.next[left->way] += left->length - skip;
    }
    if ((left->flags & WFP_TCP_FIN) && left->sequence + left->length == talk.next[left->way]) {
        talk.fin[left->way] = true;
        talk.next[left->way]++;
    }
}

/** A packet leaves the stack. */
static inline void
note_left(const struct wfp_frame *frame, int way, bool is_ours)
{
    struct wfp_packet packet = {
        .data = frame->data, .length = frame->length, .wire_length = frame->length};
    struct left *left = &talk.left[talk.left_count++ % LEFT];
    const uint8_t *tcp;
    uint32_t header;

    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    assert_true(wfp_checksum_ip_is_valid(&packet) && wfp_checksum_transport_is_valid(&packet));
    tcp = packet.data + packet.ip_header_size;
    header = (uint32_t)packet.ip_header_size + packet.transport_header_size;
    *left = (struct left){.way = way,
                          .is_ours = is_ours,
                          .sequence = packet.tcp_sequence - talk.start[way],
                          .ack = wfp_bytes_get32(tcp + 8) - talk.start[!way],
                          .length = packet.total_length - header,
                          .flags = tcp[13],
                          .window = wfp_bytes_get16(tcp + 14),
                          .option_size = packet.transport_header_size - 20u};
    memcpy(left->options, tcp + 20, left->option_size);
    receive(left, packet.data + header);
}

static inline void
take_resumed(void *context, struct wfp_frame *frame, const struct wfp_decision *decision)
{
    assert_int_equal(decision->outcome, WFP_PERMITTED);
    note_left(frame, frame->hint == WFP_HINT_OUTBOUND ? OUT : IN, true);
}

static inline void
work(void)
{
    wfp_stack_resume(talk.stack, take_resumed, NULL);
}

static inline void
pass_time(uint64_t time_100ns)
{
    talk.now += time_100ns;
    wfp_stack_advance(talk.stack, talk.now);
    work();
}

/** One packet of an end's, into the stack; numbers are relative. @return its fate */
static inline enum wfp_outcome
say_with(int way, uint32_t sequence, uint32_t ack, uint8_t flags, const void *payload,
         uint32_t length, const uint8_t *options, uint32_t option_size)
{
    static uint8_t bytes[80 + 65536];
    uint8_t *tcp = bytes + 20;
    static const uint8_t client[] = {10, 1, 1, 1}, server[] = {192, 0, 2, 2};
    struct wfp_packet packet = {.data = bytes};
    struct wfp_decision decision;
    struct wfp_frame frame = {.data = bytes,
                              .hint = way == OUT ? WFP_HINT_OUTBOUND : WFP_HINT_INBOUND,
                              .time_100ns = ++talk.now,
                              .interface_index = 1};

    memset(bytes, 0, 80);
    bytes[0] = 0x45;
    frame.length = frame.wire_length = packet.length = 40 + option_size + length;
    wfp_bytes_put16(bytes + 2, (uint16_t)frame.length);
    bytes[8] = 64;
    bytes[9] = WFP_PROTOCOL_TCP;
    memcpy(bytes + 12, way == OUT ? client : server, 4);
    memcpy(bytes + 16, way == OUT ? server : client, 4);
    wfp_bytes_put16(tcp, way == OUT ? 5000 : 80);
    wfp_bytes_put16(tcp + 2, way == OUT ? 80 : 5000);
    wfp_bytes_put32(tcp + 4, talk.start[way] + sequence);
    if (flags & WFP_TCP_ACK)
        wfp_bytes_put32(tcp + 8, talk.start[!way] + ack);
    tcp[12] = (uint8_t)((20 + option_size) / 4 << 4);
    tcp[13] = flags;
    wfp_bytes_put16(tcp + 14, talk.window[way]);
    if (option_size)
        memcpy(tcp + 20, options, option_size);
    if (length)
        memcpy(tcp + 20 + option_size, payload, length);
    assert_int_equal(wfp_packet_parse(&packet), WFP_DECODED);
    wfp_checksum_write(&packet);
    wfp_stack_packet(talk.stack, &frame, &decision);
    if (decision.outcome == WFP_PERMITTED)
        note_left(&frame, way, false);
    work();
    return decision.outcome;
}

static inline enum wfp_outcome
say(int way, uint32_t sequence, uint32_t ack, uint8_t flags, const char *text)
{
    return say_with(way, sequence, ack, flags, text, (uint32_t)strlen(text), talk.options[way],
                    talk.option_size[way]);
}

#define ACK WFP_TCP_ACK
#define FIN (WFP_TCP_FIN | WFP_TCP_ACK)

/* ---- looking ---- */

/** The newest packet of a way; NULL: none left yet. */
static inline const struct left *
last_left(int way)
{
    for (uint32_t i = talk.left_count; i-- > 0 && i + LEFT > talk.left_count;)
        if (talk.left[i % LEFT].way == way)
            return &talk.left[i % LEFT];
    return NULL;
}

static inline uint32_t
count_left(int way)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < MIN(talk.left_count, (uint32_t)LEFT); i++)
        count += talk.left[i].way == way;
    return count;
}

static inline const struct shown *
last_shown(void)
{
    assert_true(talk.shown_count > 0);
    return &talk.shown[(talk.shown_count - 1) % SHOWN];
}

static inline void
assert_text(int way, const char *text)
{
    uint32_t size = talk.next[way] - 1u - talk.fin[way];

    assert_int_equal(size, strlen(text));
    assert_memory_equal(talk.text[way], text, size);
}

/** Was the n-th last indication this? */
static inline void
assert_shown(uint32_t n, int way, const char *bytes)
{
    const struct shown *shown = &talk.shown[(talk.shown_count - 1 - n) % SHOWN];

    assert_true(talk.shown_count > n);
    assert_int_equal(shown->way, way);
    assert_string_equal(shown->bytes, bytes);
    assert_int_equal(shown->length, strlen(bytes));
}

static inline const struct wfp_stream_counters *
counters(void)
{
    return wfp_stream_counters(wfp_stack_streams(talk.stack));
}

/* ---- from start to end ---- */

struct setting {
    bool is_recorded, only_looks;
    bool server_is_plain; /* its SYN has no options */
    uint32_t start[2];
    const uint8_t *syn_options;
    uint32_t syn_option_size;
};

static inline void
begin(const struct setting *setting, answer_fn *answer)
{
    static const struct wfp_local_prefix local[] = {{4, 8, {10}}};
    struct wfp_filter *filter = wfp_filter_new();
    struct wfp_policy policy = {&filter, 1};
    struct wfp_stack_config config = {
        .local = local, .local_count = 1, .flows = true, .has_deaf_ends = setting->is_recorded};
    struct wfp_callout_ops ops = {.classify = note_shown};
    struct wfp_guid key = {.data1 = 7};

    memset(&talk, 0, offsetof(struct conversation, text));
    talk.next[OUT] = talk.next[IN] = 1;
    talk.fin[OUT] = talk.fin[IN] = talk.reset[OUT] = talk.reset[IN] = false;
    talk.requests_done = talk.requests_failed = 0;
    talk.answer = answer;
    talk.now = 1000 * SECOND;
    memcpy(talk.start, setting->start, sizeof(talk.start));
    talk.window[OUT] = talk.window[IN] = 65535;
    assert_int_equal(wfp_engine_new(&talk.engine), 0);
    wfp_engine_thread_enter(talk.engine);
    assert_int_equal(wfp_callout_register(talk.engine, &key, 0, &ops, NULL, &talk.callout_id), 0);
    filter->id = 9;
    filter->key.data1 = 9;
    filter->layer_id = WFP_LAYER_STREAM_V4;
    filter->sublayer_key.data1 = 1;
    filter->weight = 1;
    filter->action =
        setting->only_looks ? WFP_ACTION_CALLOUT_INSPECTION : WFP_ACTION_CALLOUT_TERMINATING;
    filter->callout_id = talk.callout_id;
    assert_int_equal(wfp_engine_commit(talk.engine, &policy), 0);
    wfp_filter_unref(filter);
    config.engine = talk.engine;
    assert_int_equal(wfp_stack_new(&config, &talk.stack), 0);
    say_with(OUT, 0, 0, WFP_TCP_SYN, NULL, 0, setting->syn_options, setting->syn_option_size);
    say_with(IN, 0, 1, WFP_TCP_SYN | ACK, NULL, 0, setting->syn_options,
             setting->server_is_plain ? 0 : setting->syn_option_size);
    say(OUT, 1, 1, ACK, "");
}

static inline void
end(void)
{
    wfp_stack_free(talk.stack);
    wfp_engine_thread_leave(talk.engine);
    wfp_engine_free(talk.engine);
}

#endif
