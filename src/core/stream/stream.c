/*
 * The table of streams: which flows are watched, what drivers ask for, what is to be sent.
 */
#include "core/stream/stream_private.h"

#define LINGER_100NS 1200000000u /* two minutes, as a closed flow is remembered */

int
wfp_stream_table_new(const struct wfp_stream_config *config, struct wfp_stream_table **ret_table)
{
    struct wfp_stream_table *table = calloc(1, sizeof(*table));

    if (!table)
        return -WFP_ERR_NO_MEMORY;
    table->config = *config;
    table->end = &table->first;
    table->done_end = &table->done_first;
    table->requests_end = &table->requests;
    pthread_mutex_init(&table->lock, NULL);
    *ret_table = table;
    return 0;
}

static void
free_stream(struct wfp_stream *stream)
{
    struct wfp_stream_table *table = stream->table;

    wfp_stream_wire_fini(stream);
    for (int way = 0; way < WAYS; way++)
        wfp_stream_order_fini(&stream->ways[way]);
    wfp_stream_rules_fini(stream);
    stream->next = table->free;
    table->free = stream;
    table->count--;
}

void
wfp_stream_table_free(struct wfp_stream_table *table)
{
    struct wfp_stream_segment *segment;

    if (!table)
        return;
    wfp_stream_abandon(table);
    for (uint32_t i = 0; i < table->by_flow_size; i++)
        if (table->by_flow[i])
            free_stream(table->by_flow[i]);
    for (struct wfp_stream *stream = table->free, *next; stream; stream = next) {
        next = stream->next;
        free(stream);
    }
    while ((segment = wfp_stream_take_segment(table)) != NULL)
        free(segment);
    free(table->by_flow);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

const struct wfp_stream_counters *
wfp_stream_counters(const struct wfp_stream_table *table)
{
    return &table->counters;
}

struct wfp_stream *
wfp_stream_find(const struct wfp_stream_table *table, const struct wfp_flow *flow)
{
    struct wfp_stream *stream =
        flow->index < table->by_flow_size ? table->by_flow[flow->index] : NULL;

    return stream && stream->flow_id == flow->id ? stream : NULL;
}

struct wfp_stream *
wfp_stream_find_closed(const struct wfp_stream_table *table, const struct wfp_flow *flow)
{
    struct wfp_stream *stream =
        flow->index < table->by_flow_size ? table->by_flow[flow->index] : NULL;

    return stream && stream->linger_until &&
                   memcmp(&stream->key, &flow->key, sizeof(flow->key)) == 0
               ? stream
               : NULL;
}

void
wfp_stream_schedule(struct wfp_stream_table *table, uint64_t at_100ns)
{
    if (at_100ns && (table->deadline == 0 || at_100ns < table->deadline))
        table->deadline = at_100ns;
}

static bool
grow(struct wfp_stream_table *table, uint32_t index)
{
    uint32_t size = MAX(table->by_flow_size * 2, 1024u);
    struct wfp_stream **by_flow;

    if (index < table->by_flow_size)
        return true;
    while (size <= index)
        size *= 2;
    by_flow = realloc(table->by_flow, size * sizeof(struct wfp_stream *));
    if (!by_flow)
        return false;
    memset(by_flow + table->by_flow_size, 0,
           (size - table->by_flow_size) * sizeof(struct wfp_stream *));
    table->by_flow = by_flow;
    table->by_flow_size = size;
    return true;
}

static void
forget(struct wfp_stream *stream)
{
    stream->table->by_flow[stream->index] = NULL;
    free_stream(stream);
}

static void
copy_values(struct wfp_stream *stream, const struct wfp_value *values)
{
    uint32_t arrays = 0;

    memcpy(stream->values, values, sizeof(stream->values));
    for (uint32_t i = 0; i < WFP_STREAM_VALUES; i++)
        if (values[i].type == WFP_BYTE_ARRAY16 && arrays < ELEMENTSOF(stream->arrays)) {
            memcpy(stream->arrays[arrays], values[i].array16, 16);
            stream->values[i].array16 = (struct wfp_array16 *)(void *)stream->arrays[arrays++];
        }
}

struct wfp_stream *
wfp_stream_open(struct wfp_stream_table *table, struct wfp_flow *flow, uint16_t layer_id,
                const struct wfp_value *values, bool is_mid_stream)
{
    struct wfp_stream *stream;
    bool listed;

    if (!grow(table, flow->index))
        return NULL;
    if (table->by_flow[flow->index]) /* of a flow that had this place before */
        forget(table->by_flow[flow->index]);
    stream = table->free;
    if (stream)
        table->free = stream->next;
    else if (!(stream = malloc(sizeof(*stream))))
        return NULL;
    memset(stream, 0, sizeof(*stream));
    stream->table = table;
    stream->flow = flow;
    stream->flow_id = flow->id;
    stream->key = flow->key;
    stream->index = flow->index;
    stream->layer_id = layer_id;
    stream->version = flow->key.version;
    stream->is_mid_stream = is_mid_stream;
    copy_values(stream, values);
    table->count++;
    wfp_epoch_enter();
    listed = wfp_stream_rules(stream);
    wfp_epoch_leave();
    if (!listed) {
        free_stream(stream);
        return NULL;
    }
    table->by_flow[flow->index] = stream;
    table->counters.streams++;
    return stream;
}

void
wfp_stream_end(struct wfp_stream_table *table, const struct wfp_flow *flow)
{
    struct wfp_stream *stream = wfp_stream_find(table, flow);

    if (!stream)
        return;
    if (flow->state != WFP_FLOW_CLOSED || !stream->is_split) {
        forget(stream);
        return;
    }
    stream->flow = NULL;
    stream->linger_until = table->now_100ns + LINGER_100NS;
    wfp_stream_schedule(table, stream->linger_until);
}

bool
wfp_stream_decider(const struct wfp_stream *stream, struct wfp_verdict *ret_verdict)
{
    if (!stream->is_decided)
        return false;
    *ret_verdict = (struct wfp_verdict){
        .action = stream->has_blocked ? WFP_ACTION_BLOCK : WFP_ACTION_PERMIT,
        .decided = true,
        .filter_id = stream->filter_id,
        .callout_id = stream->callout_id,
        .layer_id = stream->layer_id,
    };
    return true;
}

struct wfp_stream_segment *
wfp_stream_take_segment(struct wfp_stream_table *table)
{
    struct wfp_stream_segment *segment = table->first;

    if (!segment)
        return NULL;
    table->first = segment->next;
    if (!table->first)
        table->end = &table->first;
    return segment;
}

/* ---- requests ---- */

void
wfp_stream_submit(struct wfp_stream_table *table, struct wfp_stream_request *request)
{
    request->next = NULL;
    pthread_mutex_lock(&table->lock);
    *table->requests_end = request;
    table->requests_end = &request->next;
    pthread_mutex_unlock(&table->lock);
}

static struct wfp_stream_request *
take_requests(struct wfp_stream_table *table)
{
    struct wfp_stream_request *first;

    if (LIKELY(__atomic_load_n(&table->requests, __ATOMIC_RELAXED) == NULL))
        return NULL;
    pthread_mutex_lock(&table->lock);
    first = table->requests;
    table->requests = NULL;
    table->requests_end = &table->requests;
    pthread_mutex_unlock(&table->lock);
    return first;
}

static void
run_done(struct wfp_stream_table *table)
{
    struct wfp_stream_request *request;

    while ((request = table->done_first) != NULL) {
        table->done_first = request->next;
        if (!table->done_first)
            table->done_end = &table->done_first;
        if (request->done)
            request->done(request, request->status);
    }
}

/** A connection that is over for reasons of its own: both ends hear of it, its flow is refused. */
static void
drop(struct wfp_stream *stream)
{
    stream->table->counters.dropped++;
    wfp_stream_reset_ends(stream);
    (void)wfp_flow_abort(stream->table->config.flows, stream->flow_id);
}

static void
do_request(struct wfp_stream_table *table, struct wfp_stream_request *request)
{
    struct wfp_flow *flow = wfp_flow_of_id(table->config.flows, request->flow_id);
    struct wfp_stream *stream = flow ? wfp_stream_find(table, flow) : NULL;
    int status = -WFP_ERR_NOT_FOUND;

    if (stream && !stream->is_dropped) {
        wfp_flow_enter(flow);
        wfp_epoch_enter();
        status = wfp_stream_do(stream, request);
        wfp_epoch_leave();
        wfp_flow_leave(table->config.flows, flow);
        if (stream->is_dropped)
            drop(stream);
        else
            wfp_stream_settle(stream);
        wfp_stream_rejoin(stream);
    }
    wfp_stream_finish_request(table, request, status);
}

bool
wfp_stream_has_work(const struct wfp_stream_table *table)
{
    return table->first || table->done_first ||
           __atomic_load_n(&table->requests, __ATOMIC_RELAXED) != NULL;
}

bool
wfp_stream_work(struct wfp_stream_table *table)
{
    struct wfp_stream_request *request, *next;
    bool any = table->done_first != NULL;

    run_done(table);
    while ((request = take_requests(table)) != NULL) {
        any = true;
        for (; request; request = next) {
            next = request->next;
            do_request(table, request);
        }
        run_done(table);
    }
    return any;
}

void
wfp_stream_abandon(struct wfp_stream_table *table)
{
    struct wfp_stream_request *request = take_requests(table), *next;

    for (; request; request = next) {
        next = request->next;
        wfp_stream_finish_request(table, request, -WFP_ERR_NOT_FOUND);
    }
    run_done(table);
}

void
wfp_stream_advance(struct wfp_stream_table *table, uint64_t now_100ns)
{
    struct wfp_stream *next;

    table->now_100ns = MAX(table->now_100ns, now_100ns);
    if (LIKELY(table->deadline == 0 || now_100ns < table->deadline))
        return;
    table->deadline = 0;
    for (struct wfp_stream *stream = table->split; stream; stream = next) {
        next = stream->next;
        if (stream->linger_until && stream->linger_until <= now_100ns) {
            forget(stream);
            continue;
        }
        if (stream->is_dropped)
            continue;
        wfp_stream_timer(stream);
        if (stream->is_dropped && !stream->linger_until)
            drop(stream);
        wfp_stream_schedule(table, stream->linger_until);
        for (int way = 0; way < WAYS && stream->is_split; way++)
            wfp_stream_schedule(table, stream->ways[way].wire->deadline);
    }
}
