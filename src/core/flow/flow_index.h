/*
 * From a key's hash to the flows that have it: the index of the flow table.
 *
 * Model      Cache lines of seven entries (hash, flow), an entry in its hash's line or, where that is
 *            full, in one that follows. Each line counts the entries that passed it by, so a search
 *            ends at the first line that none passed: one cache miss, almost always.
 *
 *              | hash x 7 | passed | flow + 1 x 7 (0 empty) | - |      64 bytes
 *
 *            It grows by doubling: the old lines stay in use and move over a few at each new flow, so
 *            that no packet waits for all of them. Flows themselves are not touched by it.
 * Lifetime   The stack's thread.
 */
#ifndef WFP_CORE_FLOW_FLOW_INDEX_H
#define WFP_CORE_FLOW_FLOW_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#define WFP_FLOW_LINE 7u

struct wfp_flow_line {
    uint32_t hash[WFP_FLOW_LINE];
    uint32_t passed; /* entries that belong here or before and stand behind */
    uint32_t flow[WFP_FLOW_LINE];
    uint32_t unused;
};

struct wfp_flow_lines {
    struct wfp_flow_line *lines; /* NULL: none */
    uint32_t mask;
};

struct wfp_flow_index {
    struct wfp_flow_lines now, old; /* old: while it moves over */
    uint32_t moved;                 /* lines of old that are empty */
    uint32_t count;
};

/** Where a search stands. */
struct wfp_flow_cursor {
    uint32_t line, slot;
    bool is_old;
};

/** @return 0 or -WFP_ERR_NO_MEMORY */
int wfp_flow_index_init(struct wfp_flow_index *index);
void wfp_flow_index_fini(struct wfp_flow_index *index);
/** Enter a flow. @return 0, or -WFP_ERR_NO_MEMORY when it is full and can't grow */
int wfp_flow_index_add(struct wfp_flow_index *index, uint32_t hash, uint32_t flow);
/** Take out a flow that is in it. */
void wfp_flow_index_remove(struct wfp_flow_index *index, uint32_t hash, uint32_t flow);
/** Bytes it holds. */
uint64_t wfp_flow_index_memory(const struct wfp_flow_index *index);

/** The next flow of @p hash in @p lines from *line and *slot on. @return it, or UINT32_MAX */
static inline uint32_t
wfp_flow_lines_next(const struct wfp_flow_lines *lines, uint32_t hash, uint32_t *line,
                    uint32_t *slot)
{
    for (;;) {
        const struct wfp_flow_line *at = &lines->lines[*line & lines->mask];

        for (uint32_t i = *slot; i < WFP_FLOW_LINE; i++)
            if (at->hash[i] == hash && at->flow[i] != 0) {
                *slot = i + 1;
                return at->flow[i] - 1;
            }
        if (at->passed == 0)
            return UINT32_MAX;
        ++*line;
        *slot = 0;
    }
}

/** Begin a search: wfp_flow_index_next() until UINT32_MAX. */
static inline struct wfp_flow_cursor
wfp_flow_index_find(uint32_t hash)
{
    return (struct wfp_flow_cursor){.line = hash};
}

static inline uint32_t
wfp_flow_index_next(const struct wfp_flow_index *index, uint32_t hash,
                    struct wfp_flow_cursor *cursor)
{
    uint32_t flow;

    if (!cursor->is_old) {
        flow = wfp_flow_lines_next(&index->now, hash, &cursor->line, &cursor->slot);
        if (flow != UINT32_MAX || !index->old.lines)
            return flow;
        *cursor = (struct wfp_flow_cursor){.line = hash, .is_old = true};
    }
    return wfp_flow_lines_next(&index->old, hash, &cursor->line, &cursor->slot);
}

#endif
