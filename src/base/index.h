/*
 * An index: from a hash to small numbers, where no single insertion pays for growth.
 *
 * Model      Open addressing over 32-bit numbers (0 is an empty place); what a number stands for,
 *            its hash and its equality are the owner's. To grow, a table twice as big is begun and
 *            every insertion moves a few places of the old one over; until that is done a look-up
 *            asks both. Removal closes the gap, so there are no tombstones: what was removed can be
 *            put back without memory.
 * Lifetime   The owner locks. A zeroed index is an empty one.
 */
#ifndef WFP_BASE_INDEX_H
#define WFP_BASE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

struct wfp_index {
    uint32_t *places, *old; /* old: the smaller table, being moved; or NULL */
    uint32_t size, old_size;
    uint32_t old_moved; /* places of the old table that are done */
    uint32_t count;
};

/** The hash of a number that is in the index. */
typedef uint32_t wfp_index_hash(const void *owner, uint32_t number);

/** Room for @p extra more, so that as many insertions cannot fail. @return false: out of memory */
bool wfp_index_reserve(struct wfp_index *index, uint32_t extra, wfp_index_hash *hash_of,
                       const void *owner);
/** Enter @p number, for which room was reserved. */
void wfp_index_insert(struct wfp_index *index, uint32_t number, wfp_index_hash *hash_of,
                      const void *owner);
/** Take out @p number, which is there. */
void wfp_index_remove(struct wfp_index *index, uint32_t number, wfp_index_hash *hash_of,
                      const void *owner);
void wfp_index_fini(struct wfp_index *index);

/** The number at a position of the whole, 0 if empty: to visit all, from 0 up to the extent. */
static inline uint32_t
wfp_index_at(const struct wfp_index *index, uint32_t position)
{
    return position < index->size ? index->places[position] : index->old[position - index->size];
}

static inline uint32_t
wfp_index_extent(const struct wfp_index *index)
{
    return index->size + index->old_size;
}

/** A look-up: numbers whose hash may be the one asked for. */
struct wfp_index_probe {
    const uint32_t *places;
    uint32_t at, mask;
    const struct wfp_index *index;
    uint32_t hash;
};

static inline struct wfp_index_probe
wfp_index_probe(const struct wfp_index *index, uint32_t hash)
{
    return (struct wfp_index_probe){index->places, hash & (index->size - 1), index->size - 1, index,
                                    hash};
}

/** The next candidate, or 0 after the last. */
static inline uint32_t
wfp_index_next(struct wfp_index_probe *probe)
{
    const struct wfp_index *index = probe->index;

    if (!probe->places)
        return 0;
    for (;;) {
        uint32_t number = probe->places[probe->at];

        probe->at = (probe->at + 1) & probe->mask;
        if (number)
            return number;
        if (!index->old || probe->places == index->old)
            return 0;
        probe->places = index->old;
        probe->mask = index->old_size - 1;
        probe->at = probe->hash & probe->mask;
    }
}

#endif
