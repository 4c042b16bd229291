/*
 * The index's changes: insertion, removal, and growth by and by.
 */
#include "base/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 64u
/* Places of the old table that an insertion moves: more than one, so that it is done in time. */
#define MOVES 8u
/* Room asked for at once that makes it cheaper to move everything at once, too: a part of all. */
#define BULK_PART 4u

static bool
fits(uint32_t count, uint32_t size)
{
    return 5 * (uint64_t)count <= 4 * (uint64_t)size;
}

static void
put(uint32_t *places, uint32_t size, uint32_t hash, uint32_t number)
{
    uint32_t i = hash & (size - 1);

    while (places[i])
        i = (i + 1) & (size - 1);
    places[i] = number;
}

/* Empty a place and move back every later one of the cluster that may sit there. */
static void
close_gap(uint32_t *places, uint32_t size, uint32_t gap, wfp_index_hash *hash_of, const void *owner)
{
    uint32_t mask = size - 1;

    for (uint32_t i = (gap + 1) & mask; places[i]; i = (i + 1) & mask) {
        uint32_t home = hash_of(owner, places[i]) & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            places[gap] = places[i];
            gap = i;
        }
    }
    places[gap] = 0;
}

/* Up to @p count places of the old table; what closes the gap of one is taken with it. */
static void
move_some(struct wfp_index *index, uint32_t count, wfp_index_hash *hash_of, const void *owner)
{
    for (; index->old && count > 0; count--) {
        uint32_t number;

        while ((number = index->old[index->old_moved])) {
            close_gap(index->old, index->old_size, index->old_moved, hash_of, owner);
            put(index->places, index->size, hash_of(owner, number), number);
        }
        if (++index->old_moved == index->old_size) {
            free(index->old);
            index->old = NULL;
            index->old_size = index->old_moved = 0;
        }
    }
}

bool
wfp_index_reserve(struct wfp_index *index, uint32_t extra, wfp_index_hash *hash_of,
                  const void *owner)
{
    uint32_t size = index->size ? index->size : SIZE_MIN, *places;

    if (index->size && fits(index->count + extra, index->size))
        return true;
    while (!fits(index->count + extra, size)) {
        if (size > UINT32_MAX / 4)
            return false;
        size *= 2;
    }
    places = calloc(size, sizeof(*places));
    if (!places)
        return false;
    move_some(index, UINT32_MAX, hash_of, owner); /* from an earlier growth; most often nothing */
    index->old = index->places;
    index->old_size = index->size;
    index->old_moved = 0;
    index->places = places;
    index->size = size;
    if (extra > index->count / BULK_PART)
        move_some(index, UINT32_MAX, hash_of, owner);
    return true;
}

void
wfp_index_insert(struct wfp_index *index, uint32_t number, wfp_index_hash *hash_of,
                 const void *owner)
{
    assert(index->count < index->size); /* reserved */
    move_some(index, MOVES, hash_of, owner);
    put(index->places, index->size, hash_of(owner, number), number);
    index->count++;
}

static bool
take(uint32_t *places, uint32_t size, uint32_t hash, uint32_t number, wfp_index_hash *hash_of,
     const void *owner)
{
    for (uint32_t i = hash & (size - 1); places[i]; i = (i + 1) & (size - 1)) {
        if (places[i] == number) {
            close_gap(places, size, i, hash_of, owner);
            return true;
        }
    }
    return false;
}

void
wfp_index_remove(struct wfp_index *index, uint32_t number, wfp_index_hash *hash_of,
                 const void *owner)
{
    uint32_t hash = hash_of(owner, number);
    bool found = take(index->places, index->size, hash, number, hash_of, owner) ||
                 (index->old && take(index->old, index->old_size, hash, number, hash_of, owner));

    assert(found);
    (void)found;
    index->count--;
}

void
wfp_index_fini(struct wfp_index *index)
{
    free(index->places);
    free(index->old);
    memset(index, 0, sizeof(*index));
}
