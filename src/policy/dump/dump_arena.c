/*
 * An arena: what a dump is made of, freed at once.
 */
#include <stdlib.h>

#include "policy/dump/dump_internal.h"

#define CHUNK_SIZE 65536

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(16) unsigned char bytes[];
};

struct wfp_dump_arena {
    struct chunk *chunks;
};

struct wfp_dump_arena *
wfp_dump_arena_new(void)
{
    return calloc(1, sizeof(struct wfp_dump_arena));
}

void
wfp_dump_arena_free(struct wfp_dump_arena *arena)
{
    struct chunk *next;

    if (!arena)
        return;
    for (struct chunk *chunk = arena->chunks; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

void *
wfp_dump_arena_alloc(struct wfp_dump_arena *arena, size_t size)
{
    struct chunk *chunk = arena->chunks;
    void *place;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = ALIGN_UP(size, 16);
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = MAX(size, CHUNK_SIZE);
        chunk = calloc(1, sizeof(*chunk) + room);
        if (!chunk)
            return NULL;
        chunk->size = room;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    place = chunk->bytes + chunk->used;
    chunk->used += size;
    return place;
}
