/*
 * Conversations, streams and fragments in a run's report.
 */
#include "programs/run_flows.h"

#include <inttypes.h>
#include <string.h>

#include "base/macros.h"
#include "core/flow/flow.h"
#include "core/packet/fragment.h"
#include "core/stream/stream.h"

/** A counter by its name; those that tell of a loss are shown when there is one. */
struct item {
    const char *name, *text;
    uint64_t value;
};

#define ITEMS_MAX 14

/* The first two are what was seen; the others are said when there are any. */
static size_t
fragment_items(struct wfp_stack *stack, struct item items[ITEMS_MAX])
{
    const struct wfp_fragment_counters *c = wfp_stack_fragments(stack);
    const struct item all[] = {
        {"seen", "seen", c->fragments},
        {"datagrams", "datagrams put together", c->completed},
        {"contradicted", "datagrams given up: fragments overlap or disagree", c->contradicted},
        {"expired", "datagrams given up: the rest did not come in time", c->expired},
        {"crowded_out", "datagrams given up: too many at once", c->crowded_out},
        {"cut", "not put together: the capture cut them", c->cut},
        {"no_memory", "not put together: out of memory", c->no_memory},
    };

    static_assert(ELEMENTSOF(all) <= ITEMS_MAX, "room for all");
    memcpy(items, all, sizeof(all));
    return ELEMENTSOF(all);
}

static size_t
stream_items(struct wfp_stack *stack, struct item items[ITEMS_MAX])
{
    struct wfp_stream_table *table = wfp_stack_streams(stack);

    if (!table)
        return 0;
    const struct wfp_stream_counters *c = wfp_stream_counters(table);
    const struct item all[] = {
        {"watched", "watched", c->streams},
        {"split", "taken over: something was removed, held or sent in", c->split},
        {"removed", "bytes removed", c->blocked},
        {"injected", "bytes sent in", c->injected},
        {"missing", "bytes never seen, and passed over", c->missing},
        {"repeated", "segments that had gone by before", c->repeated},
        {"retransmitted", "segments sent again", c->retransmits},
        {"ahead_full", "segments refused: too many bytes out of order", c->ahead_full},
        {"outside", "segments and resets refused: outside of the window", c->outside},
        {"queue_full", "segments refused: the other end takes nothing", c->queue_full},
        {"dropped", "connections dropped by drivers", c->dropped},
        {"gave_up", "connections whose other end never answered", c->gave_up},
        {"no_memory", "connections dropped: out of memory", c->no_memory},
        {"not_injected", "requests for streams that are no more", c->not_injected},
    };

    static_assert(ELEMENTSOF(all) <= ITEMS_MAX, "room for all");
    memcpy(items, all, sizeof(all));
    return ELEMENTSOF(all);
}

static void
print_items(const char *what, const struct item *items, size_t count, FILE *out)
{
    if (!count || !items[0].value)
        return;
    fprintf(out, "%s: %" PRIu64 ", %" PRIu64 " %s\n", what, items[0].value, items[1].value,
            items[1].text);
    for (size_t i = 2; i < count; i++)
        if (items[i].value)
            fprintf(out, "  %" PRIu64 " %s\n", items[i].value, items[i].text);
}

static json_t *
items_json(const struct item *items, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++)
        json_object_set_new(object, items[i].name, json_integer((json_int_t)items[i].value));
    return object;
}

void
run_flows_print(struct wfp_stack *stack, FILE *out)
{
    struct wfp_flow_table *table = stack ? wfp_stack_flows(stack) : NULL;
    struct item items[ITEMS_MAX];

    if (table && wfp_flow_counters(table)->made) {
        const struct wfp_flow_counters *c = wfp_flow_counters(table);

        fprintf(out,
                "\nflows: %" PRIu64 " made, at most %" PRIu32 " at once, %" PRIu32
                " at the end, %.1f MiB\n",
                c->made, c->most, wfp_flow_count(table),
                (double)wfp_flow_memory(table) / (1 << 20));
        if (c->no_memory)
            fprintf(out, "  out of memory: %" PRIu64 " conversations not remembered\n",
                    c->no_memory);
    }
    if (!stack)
        return;
    print_items("streams", items, stream_items(stack, items), out);
    print_items("fragments", items, fragment_items(stack, items), out);
}

json_t *
run_flows_json(struct wfp_stack *stack)
{
    static const struct wfp_flow_counters none;
    struct wfp_flow_table *table = stack ? wfp_stack_flows(stack) : NULL;
    const struct wfp_flow_counters *c = table ? wfp_flow_counters(table) : &none;
    struct item items[ITEMS_MAX];
    json_t *streams = items_json(items, stack ? stream_items(stack, items) : 0);
    json_t *fragments = items_json(items, stack ? fragment_items(stack, items) : 0);

    return json_pack(
        "{s:{s:I,s:I,s:I,s:I,s:I},s:o,s:o}", "flows", "made", (json_int_t)c->made, "most",
        (json_int_t)c->most, "at_end", (json_int_t)(table ? wfp_flow_count(table) : 0), "no_memory",
        (json_int_t)c->no_memory, "bytes", (json_int_t)(table ? wfp_flow_memory(table) : 0),
        "streams", streams, "fragments", fragments);
}
