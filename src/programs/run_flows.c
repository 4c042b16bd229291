/*
 * Conversations and fragments in a run's report.
 */
#include "programs/run_flows.h"

#include <inttypes.h>

#include "base/macros.h"
#include "core/flow/flow.h"
#include "core/packet/fragment.h"

/** A counter by its name; those that tell of a loss are shown when there is one. */
struct item {
    const char *name, *text;
    uint64_t value;
};

#define FRAGMENT_ITEMS 7

static void
fragment_items(struct wfp_stack *stack, struct item items[FRAGMENT_ITEMS])
{
    const struct wfp_fragment_counters *c = wfp_stack_fragments(stack);
    const struct item all[FRAGMENT_ITEMS] = {
        {"seen", "seen", c->fragments},
        {"datagrams", "datagrams put together", c->completed},
        {"contradicted", "datagrams given up: fragments overlap or disagree", c->contradicted},
        {"expired", "datagrams given up: the rest did not come in time", c->expired},
        {"crowded_out", "datagrams given up: too many at once", c->crowded_out},
        {"cut", "not put together: the capture cut them", c->cut},
        {"no_memory", "not put together: out of memory", c->no_memory},
    };

    for (size_t i = 0; i < FRAGMENT_ITEMS; i++)
        items[i] = all[i];
}

void
run_flows_print(struct wfp_stack *stack, FILE *out)
{
    struct wfp_flow_table *table = stack ? wfp_stack_flows(stack) : NULL;
    struct item items[FRAGMENT_ITEMS];

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
    if (!stack || wfp_stack_fragments(stack)->fragments == 0)
        return;
    fragment_items(stack, items);
    fprintf(out, "fragments: %" PRIu64 ", %" PRIu64 " datagrams put together\n", items[0].value,
            items[1].value);
    for (size_t i = 2; i < FRAGMENT_ITEMS; i++)
        if (items[i].value)
            fprintf(out, "  %" PRIu64 " %s\n", items[i].value, items[i].text);
}

json_t *
run_flows_json(struct wfp_stack *stack)
{
    static const struct wfp_flow_counters none;
    struct wfp_flow_table *table = stack ? wfp_stack_flows(stack) : NULL;
    const struct wfp_flow_counters *c = table ? wfp_flow_counters(table) : &none;
    struct item items[FRAGMENT_ITEMS];
    json_t *fragments = json_object();

    if (stack) {
        fragment_items(stack, items);
        for (size_t i = 0; i < FRAGMENT_ITEMS; i++)
            json_object_set_new(fragments, items[i].name, json_integer((json_int_t)items[i].value));
    }
    return json_pack("{s:{s:I,s:I,s:I,s:I,s:I},s:o}", "flows", "made", (json_int_t)c->made, "most",
                     (json_int_t)c->most, "at_end", (json_int_t)(table ? wfp_flow_count(table) : 0),
                     "no_memory", (json_int_t)c->no_memory, "bytes",
                     (json_int_t)(table ? wfp_flow_memory(table) : 0), "fragments", fragments);
}
