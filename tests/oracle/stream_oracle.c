/*
 * Edited streams beside a plain text substitution: what arrives is the same, byte for byte.
 *
 * Model      A client behind the stack and a server talk over a link that loses, doubles and reorders.
 *            Two callouts in two sublayers edit, hold, defer or pass what goes by, one above and one
 *            below them only look. The plain twin replaces text in a buffer. Each end checks every
 *            checksum and sequence number that reaches it, as a host does.
 *
 *              client -- stack [look, edit, edit, look] -- link -- server
 *
 *            Every other conversation is recorded instead: the ends talk undisturbed, and a stack for
 *            captures sees what goes by. What it lets out must be a conversation: no gaps, no
 *            acknowledgement of what was not sent, right checksums, and the edited text.
 *
 * Run        stream_oracle [CONVERSATIONS [SEED [-v]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "core/model/metadata.h"
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/shims/stack.h"
#include "core/stream/stream.h"
#include "sim/sim_link.h"
#include "sim/sim_random.h"
#include "sim/sim_tcp.h"

#define SECOND    10000000ull
#define TEXT_MAX  (1u << 18)
#define STEPS_MAX 200000u
#define HIT       32 /* text has a word to be replaced every so many bytes, roughly */

static uint64_t seed, conversation, dice;

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "conversation %llu, seed %llu: %s (line %d)\n",                \
                            (unsigned long long)conversation, (unsigned long long)seed,            \
                            #condition, __LINE__),                                                 \
                    abort()))

struct text {
    uint8_t bytes[TEXT_MAX];
    uint32_t size;
};

enum mode { PASS, INLINE, OWN_BUFFER, OUT_OF_BAND, DEFERRING, GREEDY, INSPECT, MODES };

/* A callout, and what it knows of each way (0 out, 1 in). */
struct editor {
    enum mode mode;
    uint32_t callout_id;
    const char *from, *to;
    struct {
        struct text seen; /* looked at, or not yet injected */
        uint32_t kept;    /* OWN_BUFFER: bytes of `seen` that went by */
        bool fin_seen, fin_done, deferred;
    } ways[2];
};

enum { ABOVE, FIRST, SECOND_ONE, BELOW, EDITORS };

static struct world {
    uint64_t now;
    struct wfp_engine *engine;
    struct wfp_stack *stack; /* the one in use */
    struct wfp_stack *live, *capture;
    bool is_recorded;
    struct {
        bool has_next, fin;
        uint32_t next;
        struct text text;
    } written[2];
    struct wfp_sim_link *link;
    struct wfp_sim_tcp *client, *server;
    struct parcel {
        struct parcel *next;
        uint32_t length;
        bool outbound;
        uint8_t bytes[];
    } * first, **end;
    uint64_t flow_id;
    struct editor editors[EDITORS];
    struct text sent[2]; /* by the client, by the server */
} world;

static uint32_t
roll(uint32_t limit)
{
    return (uint32_t)(wfp_sim_random(&dice) % limit);
}

/* ---- the plain twin ---- */

static void
substitute(const struct text *in, const char *from, const char *to, struct text *out)
{
    uint32_t size = (uint32_t)strlen(from), by = (uint32_t)strlen(to);

    out->size = 0;
    for (uint32_t i = 0; i < in->size;) {
        bool hit = i + size <= in->size && memcmp(in->bytes + i, from, size) == 0;

        memcpy(out->bytes + out->size, hit ? (const uint8_t *)to : in->bytes + i, hit ? by : 1);
        out->size += hit ? by : 1;
        i += hit ? size : 1;
    }
}

/* ---- callouts ---- */

static void
done(struct wfp_stream_request *request, int status)
{
    CHECK(status == 0);
    free(request->bytes);
    free(request);
}

static void
inject(struct editor *editor, int way, const void *bytes, uint32_t length, bool disconnect)
{
    struct wfp_stream_request *request = calloc(1, sizeof(*request));

    request->flow_id = world.flow_id;
    request->callout_id = editor->callout_id;
    request->is_inbound = way;
    request->disconnect = disconnect;
    request->bytes = malloc(length + 1);
    memcpy(request->bytes, bytes, length);
    request->length = length;
    request->done = done;
    wfp_stream_submit(wfp_stack_streams(world.stack), request);
}

static void
go_on(struct editor *editor)
{
    struct wfp_stream_request *request = calloc(1, sizeof(*request));

    request->flow_id = world.flow_id;
    request->callout_id = editor->callout_id;
    request->is_inbound = request->is_continue = true;
    request->done = done;
    editor->ways[1].deferred = false;
    wfp_stream_submit(wfp_stack_streams(world.stack), request);
}

static void
add(struct text *text, const uint8_t *bytes, uint32_t length)
{
    CHECK(text->size + length <= TEXT_MAX);
    if (length)
        memcpy(text->bytes + text->size, bytes, length);
    text->size += length;
}

/* How much of the end of the bytes may begin a word? */
static uint32_t
open_end(const uint8_t *bytes, uint32_t length, const char *word)
{
    uint32_t size = MIN((uint32_t)strlen(word) - 1, length);

    while (size && memcmp(bytes + length - size, word, size) != 0)
        size--;
    return size;
}

static const uint8_t *
find(const uint8_t *bytes, uint32_t length, const char *word)
{
    return memmem(bytes, length, word, strlen(word));
}

static uint32_t
edit_inline(struct editor *editor, int way, struct wfp_stream_view *view)
{
    const uint8_t *hit = find(view->bytes, view->length, editor->from);
    uint32_t size = (uint32_t)strlen(editor->from), rest;

    if (hit == view->bytes) {
        inject(editor, way, editor->to, (uint32_t)strlen(editor->to), false);
        view->enforced = size;
        return WFP_ACTION_BLOCK;
    }
    rest = hit ? 0 : open_end(view->bytes, view->length, editor->from);
    if (hit) {
        view->enforced = (uint64_t)(hit - view->bytes);
        return WFP_ACTION_PERMIT;
    }
    if (rest && !view->told) {
        if (rest < view->length) {
            view->enforced = view->length - rest;
            return WFP_ACTION_PERMIT;
        }
        view->action = WFP_STREAM_ACTION_NEED_MORE_DATA;
        view->required = size;
        return WFP_ACTION_NONE;
    }
    return WFP_ACTION_PERMIT;
}

/* Replace what is complete in the buffer and inject it; all of it at the end. */
static void
flush(struct editor *editor, int way, bool last)
{
    static struct text whole, out;
    struct text *seen = &editor->ways[way].seen;
    uint32_t rest;

    /* the first hit that the open end could still be part of decides where to stop */
    rest = last ? 0 : open_end(seen->bytes, seen->size, editor->from);
    whole.size = 0;
    add(&whole, seen->bytes, seen->size - rest);
    substitute(&whole, editor->from, editor->to, &out);
    memmove(seen->bytes, seen->bytes + seen->size - rest, rest);
    seen->size = rest;
    if (out.size)
        inject(editor, way, out.bytes, out.size, false);
}

static uint32_t
edit(struct editor *editor, int way, struct wfp_stream_view *view)
{
    bool fin = view->flags & (WFP_STREAM_RECEIVE_DISCONNECT | WFP_STREAM_SEND_DISCONNECT);

    CHECK(!(fin && view->length));
    CHECK(!editor->ways[way].fin_seen);
    editor->ways[way].fin_seen = fin;
    switch (editor->mode) {
    case INLINE:
        return view->length ? edit_inline(editor, way, view) : WFP_ACTION_PERMIT;
    case OWN_BUFFER:
        add(&editor->ways[way].seen, view->bytes, view->length);
        flush(editor, way, fin);
        return fin ? WFP_ACTION_PERMIT : WFP_ACTION_BLOCK;
    case OUT_OF_BAND:
        add(&editor->ways[way].seen, view->bytes, view->length);
        return WFP_ACTION_BLOCK;
    case DEFERRING:
        if (way == 1 && roll(3) == 0) {
            view->action = WFP_STREAM_ACTION_DEFER;
            editor->ways[way].deferred = true;
            editor->ways[way].fin_seen = false;
            return WFP_ACTION_NONE;
        }
        return WFP_ACTION_PERMIT;
    case GREEDY:
        if (view->length && !view->told && roll(2)) {
            view->action = WFP_STREAM_ACTION_NEED_MORE_DATA;
            view->required = view->length + roll(3000);
            return WFP_ACTION_NONE;
        }
        view->enforced = view->length ? roll(view->length) + 1 : 0;
        return WFP_ACTION_PERMIT;
    case INSPECT:
        add(&editor->ways[way].seen, view->bytes, view->length);
        return WFP_ACTION_NONE;
    default:
        view->enforced = view->length && roll(2) ? roll(view->length) + 1 : 0;
        return WFP_ACTION_PERMIT;
    }
}

static void
classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
         uint64_t flow_context, struct wfp_classify_out *out)
{
    struct wfp_stream_view *view = indication->stream;

    world.flow_id = indication->metadata->flow_handle;
    if (view->flags & (WFP_STREAM_RECEIVE_ABORT | WFP_STREAM_SEND_ABORT))
        return;
    out->action = edit(context, view->flags & WFP_STREAM_RECEIVE ? 1 : 0, view);
}

static void
add_editor(int number, struct wfp_filter **filters)
{
    struct wfp_callout_ops ops = {.classify = classify};
    struct wfp_guid key = {.data1 = 100u + (uint32_t)number};
    struct editor *editor = &world.editors[number];

    CHECK(wfp_callout_register(world.engine, &key, 0, &ops, editor, &editor->callout_id) == 0);
    for (int v6 = 0; v6 < 2; v6++) {
        struct wfp_filter *filter = filters[2 * number + v6] = wfp_filter_new();

        filter->id = 10u + 2u * (uint32_t)number + (uint32_t)v6;
        filter->key.data1 = (uint32_t)filter->id;
        filter->layer_id = v6 ? WFP_LAYER_STREAM_V6 : WFP_LAYER_STREAM_V4;
        filter->sublayer_key.data1 = 1u + (uint32_t)number;
        filter->sublayer_weight = (uint16_t)(100 - number);
        filter->weight = 1;
        filter->action = number == ABOVE || number == BELOW ? WFP_ACTION_CALLOUT_INSPECTION
                                                            : WFP_ACTION_CALLOUT_TERMINATING;
        filter->callout_id = editor->callout_id;
    }
}

static void
start(void)
{
    static const struct wfp_local_prefix local[] = {{4, 8, {10}}, {6, 8, {0xfd}}};
    struct wfp_filter *filters[2 * EDITORS];
    struct wfp_policy policy = {filters, 2 * EDITORS};
    struct wfp_stack_config config = {.local = local, .local_count = 2, .flows = true};

    CHECK(wfp_engine_new(&world.engine) == 0);
    wfp_engine_thread_enter(world.engine);
    for (int i = 0; i < EDITORS; i++)
        add_editor(i, filters);
    CHECK(wfp_engine_commit(world.engine, &policy) == 0);
    for (int i = 0; i < 2 * EDITORS; i++)
        wfp_filter_unref(filters[i]);
    config.engine = world.engine;
    CHECK(wfp_stack_new(&config, &world.live) == 0);
    config.has_deaf_ends = true;
    CHECK(wfp_stack_new(&config, &world.capture) == 0);
    world.now = 1000 * SECOND;
    world.end = &world.first;
}

/* ---- the network ---- */

static void
put(const uint8_t *bytes, uint32_t length, bool outbound)
{
    struct parcel *parcel = malloc(sizeof(*parcel) + length);

    parcel->next = NULL;
    parcel->length = length;
    parcel->outbound = outbound;
    memcpy(parcel->bytes, bytes, length);
    *world.end = parcel;
    world.end = &parcel->next;
}

static void
client_emits(void *context, uint8_t *bytes, uint32_t length)
{
    put(bytes, length, true);
}

static void
server_emits(void *context, uint8_t *bytes, uint32_t length)
{
    CHECK(wfp_sim_link_put(world.link, world.now, 0, bytes, length) == 0);
}

static void
deliver(const uint8_t *bytes, uint32_t length, bool outbound)
{
    struct wfp_packet packet = {.data = (uint8_t *)(uintptr_t)bytes, .length = length};

    CHECK(wfp_packet_parse(&packet) == WFP_DECODED);
    if (outbound)
        CHECK(wfp_sim_link_put(world.link, world.now, 1, bytes, length) == 0);
    else
        wfp_sim_tcp_input(world.client, bytes, length, world.now);
}

/* One more packet of the written capture. */
static void
write_packet(struct wfp_frame *frame, bool outbound)
{
    struct wfp_packet packet = {
        .data = frame->data, .length = frame->length, .wire_length = frame->length};
    int way = !outbound;
    uint32_t header, size, skip;
    const uint8_t *tcp;

    CHECK(wfp_packet_parse(&packet) == WFP_DECODED);
    CHECK(wfp_checksum_ip_is_valid(&packet) && wfp_checksum_transport_is_valid(&packet));
    header = (uint32_t)packet.ip_header_size + packet.transport_header_size;
    size = packet.total_length - header;
    tcp = packet.data + packet.ip_header_size;
    if ((packet.tcp_flags & WFP_TCP_ACK) && world.written[!way].has_next)
        CHECK((int32_t)(wfp_bytes_get32(tcp + 8) - world.written[!way].next) <= 0);
    if (packet.tcp_flags & WFP_TCP_SYN) {
        if (!world.written[way].has_next)
            world.written[way].next = packet.tcp_sequence + 1;
        world.written[way].has_next = true;
        return;
    }
    if (size == 0 && !(packet.tcp_flags & WFP_TCP_FIN))
        return;
    skip = world.written[way].next - packet.tcp_sequence;
    CHECK((int32_t)skip >= 0); /* no gap */
    if (skip < size) {
        add(&world.written[way].text, packet.data + header + skip, size - skip);
        world.written[way].next += size - skip;
    }
    if ((packet.tcp_flags & WFP_TCP_FIN) && !world.written[way].fin) {
        CHECK(packet.tcp_sequence + size == world.written[way].next);
        world.written[way].fin = true;
        world.written[way].next++;
    }
}

static void
resumed(void *context, struct wfp_frame *frame, const struct wfp_decision *decision)
{
    CHECK(decision->outcome == WFP_PERMITTED);
    if (world.is_recorded)
        write_packet(frame, frame->hint == WFP_HINT_OUTBOUND);
    else
        deliver(frame->data, frame->length, frame->hint == WFP_HINT_OUTBOUND);
}

static void act_outside(bool always);

static void
through_stack(struct parcel *parcel)
{
    struct wfp_decision decision;
    struct wfp_frame frame = {.data = parcel->bytes,
                              .length = parcel->length,
                              .wire_length = parcel->length,
                              .hint = parcel->outbound ? WFP_HINT_OUTBOUND : WFP_HINT_INBOUND,
                              .time_100ns = world.now,
                              .interface_index = 1};

    if (world.is_recorded)
        deliver(parcel->bytes, parcel->length, parcel->outbound);
    wfp_stack_packet(world.stack, &frame, &decision);
    CHECK(decision.outcome == WFP_PERMITTED || decision.outcome == WFP_ABSORBED);
    if (decision.outcome == WFP_PERMITTED && world.is_recorded)
        write_packet(&frame, parcel->outbound);
    else if (decision.outcome == WFP_PERMITTED)
        deliver(frame.data, frame.length, parcel->outbound);
    wfp_stack_resume(world.stack, resumed, NULL);
    if (world.is_recorded)
        act_outside(true); /* the ends of a capture wait for nobody */
}

static void
drain(void)
{
    struct parcel *parcel;

    while ((parcel = world.first) != NULL) {
        world.first = parcel->next;
        if (!world.first)
            world.end = &world.first;
        through_stack(parcel);
        free(parcel);
    }
}

/* ---- a conversation ---- */

static void
make_text(struct text *text, uint32_t size)
{
    static const char *const words[] = {"needle", "nee", "straw", "sstraww", "needleneedle", "str"};

    text->size = 0;
    while (text->size < size) {
        uint8_t byte = (uint8_t)('a' + roll(26));
        const char *word = words[roll(6)];

        if (roll(HIT) == 0)
            add(text, (const uint8_t *)word, (uint32_t)strlen(word));
        else
            add(text, &byte, 1);
    }
}

static uint32_t
segment(void *context, uint32_t limit)
{
    return roll(3) ? limit : 1 + roll(limit);
}

static uint32_t
any_size(void)
{
    switch (roll(4)) {
    case 0:
        return 0;
    case 1:
        return roll(20);
    case 2:
        return roll(3000);
    default:
        return roll(40000);
    }
}

static void
set_modes(void)
{
    static const char *const targets[] = {"", "pin", "needles", "haystack full of hay", "xxxxxx"};

    for (int i = 0; i < EDITORS; i++) {
        struct editor *editor = &world.editors[i];

        for (int way = 0; way < 2; way++) {
            editor->ways[way].seen.size = editor->ways[way].kept = 0;
            editor->ways[way].fin_seen = editor->ways[way].fin_done = false;
            editor->ways[way].deferred = false;
        }
        editor->mode = i == ABOVE || i == BELOW ? INSPECT : (enum mode)roll(INSPECT);
        editor->from = i == FIRST ? "needle" : "straw";
        editor->to = targets[roll(5)];
        if (editor->mode != INLINE && editor->mode != OWN_BUFFER && editor->mode != OUT_OF_BAND)
            editor->to = editor->from;
    }
}

static void
begin(void)
{
    struct wfp_sim_tcp_config config = {.emit = client_emits,
                                        .segment = segment,
                                        .retry_limit = 100,
                                        .mss = (uint16_t)(roll(2) ? 1460 : 100 + roll(1000)),
                                        .window = (uint16_t)(roll(2) ? 65535 : 2000 + roll(30000)),
                                        .initial_sequence =
                                            roll(4) ? roll(UINT32_MAX) : UINT32_MAX - roll(20000)};
    struct wfp_sim_link_config link = {.delay_100ns = 100 + roll(200000),
                                       .jitter_100ns = roll(2) ? 0 : roll(100000),
                                       .seed = wfp_sim_random(&dice) | 1};
    bool v6 = roll(4) == 0;

    if (roll(2)) {
        link.loss_permille = roll(100);
        link.duplicate_permille = roll(50);
        link.reorder_permille = roll(100);
        link.reorder_100ns = roll(300000);
    }
    config.ends = (struct wfp_sim_ends){.version = v6 ? 6 : 4,
                                        .local = {v6 ? 0xfd : 10, 1, 1, 1},
                                        .remote = {v6 ? 0x20 : 192, 2, 2, 2},
                                        .local_port = (uint16_t)(1024 + conversation % 60000),
                                        .remote_port = 80};
    CHECK(wfp_sim_tcp_new(&config, &world.client) == 0);
    config.ends = wfp_sim_ends_swap(&config.ends);
    config.is_passive = true;
    config.emit = server_emits;
    config.initial_sequence = roll(4) ? roll(UINT32_MAX) : UINT32_MAX - roll(20000);
    CHECK(wfp_sim_tcp_new(&config, &world.server) == 0);
    world.link = wfp_sim_link_new(&link);
    world.is_recorded = (conversation ^ seed ^ 1) & 1;
    world.stack = world.is_recorded ? world.capture : world.live;
    memset(world.written, 0, sizeof(world.written));
    set_modes();
    make_text(&world.sent[0], any_size());
    make_text(&world.sent[1], any_size());
}

static bool
is_over(void)
{
    return wfp_sim_tcp_is_finished(world.client) && wfp_sim_tcp_is_finished(world.server) &&
           wfp_sim_tcp_is_acknowledged(world.client) && wfp_sim_tcp_is_acknowledged(world.server);
}

/* What callouts do of their own accord, now and then. */
static void
act_outside(bool always)
{
    for (int i = 0; i < EDITORS; i++) {
        struct editor *editor = &world.editors[i];

        for (int way = 0; way < 2; way++) {
            if (!always && roll(4))
                continue;
            if (editor->mode == OUT_OF_BAND && !editor->ways[way].fin_done) {
                flush(editor, way, editor->ways[way].fin_seen);
                if (editor->ways[way].fin_seen)
                    inject(editor, way, "", 0, true);
                editor->ways[way].fin_done = editor->ways[way].fin_seen;
            }
            if (editor->ways[way].deferred)
                go_on(editor);
        }
    }
    wfp_stack_resume(world.stack, resumed, NULL);
}

static uint64_t
next_time(void)
{
    uint64_t at = wfp_sim_link_next(world.link);

    at = MIN(at, wfp_sim_tcp_timer(world.client));
    at = MIN(at, wfp_sim_tcp_timer(world.server));
    return MAX(world.now, MIN(at, world.now + SECOND / 20));
}

static void
step(void)
{
    struct wfp_sim_parcel parcel;

    world.now = next_time();
    wfp_stack_advance(world.stack, world.now);
    wfp_stack_resume(world.stack, resumed, NULL);
    drain();
    if (wfp_sim_tcp_timer(world.client) <= world.now)
        wfp_sim_tcp_advance(world.client, world.now);
    if (wfp_sim_tcp_timer(world.server) <= world.now)
        wfp_sim_tcp_advance(world.server, world.now);
    drain();
    while (wfp_sim_link_next(world.link) <= world.now && wfp_sim_link_take(world.link, &parcel)) {
        if (parcel.tag)
            wfp_sim_tcp_input(world.server, parcel.data, parcel.length, world.now);
        else
            put(parcel.data, parcel.length, false);
        free(parcel.data);
        drain();
    }
    act_outside(roll(50) == 0);
    drain();
}

static void
check(int way, struct wfp_sim_tcp *receiver)
{
    static struct text once, twice;
    uint32_t size;
    const uint8_t *received = wfp_sim_tcp_received(receiver, &size);
    const struct text *above = &world.editors[ABOVE].ways[way].seen;
    const struct text *below = &world.editors[BELOW].ways[way].seen;

    substitute(&world.sent[way], world.editors[FIRST].from, world.editors[FIRST].to, &once);
    substitute(&once, world.editors[SECOND_ONE].from, world.editors[SECOND_ONE].to, &twice);
    if (world.is_recorded) {
        received = world.written[way].text.bytes;
        size = world.written[way].text.size;
        CHECK(world.written[way].fin);
    }
    CHECK(size == twice.size && (!size || memcmp(received, twice.bytes, size) == 0));
    CHECK(above->size == world.sent[way].size &&
          memcmp(above->bytes, world.sent[way].bytes, above->size) == 0);
    CHECK(below->size == twice.size && memcmp(below->bytes, twice.bytes, size) == 0);
    CHECK(wfp_sim_tcp_counters(receiver)->bad_checksum == 0);
    CHECK(world.editors[BELOW].ways[way].fin_seen);
}

static void
talk(bool verbose)
{
    uint32_t sent[2] = {0, 0}, steps = 0;
    bool closed[2] = {false, false};

    begin();
    if (verbose)
        fprintf(stderr, "%llu: modes %d %d, %u and %u bytes, '%s' '%s'\n",
                (unsigned long long)conversation, world.editors[FIRST].mode,
                world.editors[SECOND_ONE].mode, world.sent[0].size, world.sent[1].size,
                world.editors[FIRST].to, world.editors[SECOND_ONE].to);
    wfp_sim_tcp_connect(world.client, world.now);
    while (!is_over()) {
        for (int i = 0; i < 2; i++) {
            struct wfp_sim_tcp *end = i ? world.server : world.client;
            uint32_t some = roll(5000), size = MIN(world.sent[i].size - sent[i], some);

            if (wfp_sim_tcp_state(end) != WFP_SIM_TCP_ESTABLISHED || closed[i])
                continue;
            if (size)
                CHECK(wfp_sim_tcp_send(end, world.sent[i].bytes + sent[i], size, world.now) == 0);
            sent[i] += size;
            if (sent[i] == world.sent[i].size && roll(3) == 0) {
                wfp_sim_tcp_close(end, world.now);
                closed[i] = true;
            }
        }
        step();
        CHECK(steps++ < STEPS_MAX);
        CHECK(wfp_sim_tcp_state(world.client) != WFP_SIM_TCP_RESET);
        CHECK(wfp_sim_tcp_state(world.server) != WFP_SIM_TCP_RESET);
    }
    for (int i = 0; i < 100 && world.is_recorded; i++)
        act_outside(true); /* what was deferred by the last packets */
    check(0, world.server);
    check(1, world.client);
    world.now += 300 * SECOND;
    wfp_stack_advance(world.stack, world.now);
    wfp_stack_resume(world.stack, resumed, NULL);
    drain();
    wfp_sim_tcp_free(world.client);
    wfp_sim_tcp_free(world.server);
    wfp_sim_link_free(world.link);
}

int
main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    const struct wfp_stream_counters *counters;

    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    start();
    for (conversation = 0; conversation < count; conversation++) {
        dice = (seed + conversation) * 0x9e3779b97f4a7c15u | 1;
        talk(argc > 3);
    }
    counters = wfp_stream_counters(wfp_stack_streams(world.live));
    CHECK(counters->outside == 0); /* honest ends stay in their windows */
    printf("%llu conversations: %llu split, %llu bytes blocked, %llu injected, %llu sent again\n",
           (unsigned long long)count, (unsigned long long)counters->split,
           (unsigned long long)counters->blocked, (unsigned long long)counters->injected,
           (unsigned long long)counters->retransmits);
    wfp_stack_free(world.live);
    wfp_stack_free(world.capture);
    wfp_engine_thread_leave(world.engine);
    wfp_engine_free(world.engine);
    return 0;
}
