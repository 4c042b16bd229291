/*
 * The index of the flow table. See flow_index.h.
 */
#include "core/flow/flow_index.h"

#include <string.h>

#include "base/large.h"
#include "base/macros.h"
#include "base/status.h"

#define LINES_MIN  256u
#define MOVE_LINES 8u /* at each new flow: done long before it has to grow again */
#define DROP_LINES 1024u
#define LINE_AIM   4u /* entries a line on average before it grows: one in twenty is full then */
#define LINE_MOST  6u /* ... when it can't */

static_assert(sizeof(struct wfp_flow_line) == 64, "one cache line");

static int
make_lines(struct wfp_flow_lines *lines, uint32_t count)
{
    /* Untouched memory is zero: the kernel makes it so, page by page, as lines are used. */
    void *memory = wfp_large_alloc((uint64_t)count * sizeof(struct wfp_flow_line), false);

    if (!memory)
        return -WFP_ERR_NO_MEMORY;
    *lines = (struct wfp_flow_lines){.lines = memory, .mask = count - 1};
    return 0;
}

static void
free_lines(struct wfp_flow_lines *lines)
{
    if (lines->lines)
        wfp_large_free(lines->lines, ((uint64_t)lines->mask + 1) * sizeof(*lines->lines));
    memset(lines, 0, sizeof(*lines));
}

int
wfp_flow_index_init(struct wfp_flow_index *index)
{
    memset(index, 0, sizeof(*index));
    return make_lines(&index->now, LINES_MIN);
}

void
wfp_flow_index_fini(struct wfp_flow_index *index)
{
    free_lines(&index->now);
    free_lines(&index->old);
}

/** There is room. */
static void
put(struct wfp_flow_lines *lines, uint32_t hash, uint32_t flow)
{
    for (uint32_t at = hash;; at++) {
        struct wfp_flow_line *line = &lines->lines[at & lines->mask];

        for (uint32_t i = 0; i < WFP_FLOW_LINE; i++)
            if (line->flow[i] == 0) {
                line->hash[i] = hash;
                line->flow[i] = flow + 1;
                return;
            }
        line->passed++;
    }
}

/** Take an entry out of line @p at, a count of lines from its hash's. */
static void
drop(struct wfp_flow_lines *lines, uint32_t hash, uint32_t at, uint32_t slot)
{
    lines->lines[at & lines->mask].flow[slot] = 0;
    for (uint32_t i = hash; ((i ^ at) & lines->mask) != 0; i++)
        lines->lines[i & lines->mask].passed--;
}

/** Take a few lines over; the last ones end the move. */
static void
move_some(struct wfp_flow_index *index, uint32_t count)
{
    struct wfp_flow_lines *old = &index->old;

    while (count-- > 0) {
        struct wfp_flow_line *line = &old->lines[index->moved];

        for (uint32_t i = 0; i < WFP_FLOW_LINE; i++)
            if (line->flow[i] != 0) {
                put(&index->now, line->hash[i], line->flow[i] - 1);
                drop(old, line->hash[i], index->moved, i);
            }
        if (index->moved % DROP_LINES == DROP_LINES - 1) /* little by little, it takes its time */
            wfp_large_drop(old->lines, ((uint64_t)old->mask + 1) * sizeof(*line),
                           (index->moved + 1 - DROP_LINES) * sizeof(*line),
                           DROP_LINES * sizeof(*line));
        if (index->moved++ == old->mask) {
            free_lines(old);
            index->moved = 0;
            return;
        }
    }
}

/** Twice the lines. Without memory it stays as it is, until it is really full. */
static void
grow(struct wfp_flow_index *index)
{
    struct wfp_flow_lines wide;

    if (index->old.lines)
        move_some(index, UINT32_MAX);
    if (index->now.mask >= UINT32_MAX >> 6 || make_lines(&wide, (index->now.mask + 1) * 2) < 0)
        return;
    index->old = index->now;
    index->now = wide;
}

int
wfp_flow_index_add(struct wfp_flow_index *index, uint32_t hash, uint32_t flow)
{
    uint64_t lines = (uint64_t)index->now.mask + 1;

    if (UNLIKELY(index->old.lines != NULL))
        move_some(index, MOVE_LINES);
    if (UNLIKELY(index->count >= lines * LINE_AIM)) {
        if (!index->old.lines)
            grow(index);
        if (index->count >= ((uint64_t)index->now.mask + 1) * LINE_MOST)
            return -WFP_ERR_NO_MEMORY;
    }
    put(&index->now, hash, flow);
    index->count++;
    return 0;
}

static bool
remove_from(struct wfp_flow_lines *lines, uint32_t hash, uint32_t flow)
{
    uint32_t line = hash, slot = 0, found;

    while ((found = wfp_flow_lines_next(lines, hash, &line, &slot)) != UINT32_MAX)
        if (found == flow) {
            drop(lines, hash, line, slot - 1);
            return true;
        }
    return false;
}

void
wfp_flow_index_remove(struct wfp_flow_index *index, uint32_t hash, uint32_t flow)
{
    bool is_found = remove_from(&index->now, hash, flow) ||
                    (index->old.lines && remove_from(&index->old, hash, flow));

    assert(is_found);
    (void)is_found;
    index->count--;
}

uint64_t
wfp_flow_index_memory(const struct wfp_flow_index *index)
{
    uint64_t lines = (uint64_t)index->now.mask + 1;

    if (index->old.lines)
        lines += (uint64_t)index->old.mask + 1;
    return lines * sizeof(struct wfp_flow_line);
}
