/*
 * A heap inside memory that the other side sees, too: all bookkeeping stays outside of it.
 *
 * Model      Blocks in order of address, each free or used; the first free one that is large enough is
 *            taken, neighbours that are free are joined. Few, long-lived blocks: no more is needed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "client/device_private.h"

#define ALIGNMENT 64u

struct block {
    struct block *next;
    size_t offset, bytes;
    bool is_used;
};

struct device_memory {
    char *base;
    size_t size;
    struct block *blocks;
};

struct device_memory *
device_memory_new(void *base, size_t size)
{
    struct device_memory *memory = calloc(1, sizeof(*memory));
    struct block *all = calloc(1, sizeof(*all));

    if (!memory || !all) {
        free(memory);
        free(all);
        return NULL;
    }
    all->bytes = size;
    memory->base = base;
    memory->size = size;
    memory->blocks = all;
    return memory;
}

void
device_memory_delete(struct device_memory *memory)
{
    for (struct block *b = memory->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(memory);
}

/** Cut @p block after @p bytes. @return false without memory: it stays whole, and is larger */
static void
split(struct block *block, size_t bytes)
{
    struct block *rest = block->bytes > bytes ? calloc(1, sizeof(*rest)) : NULL;

    if (!rest)
        return;
    *rest = (struct block){block->next, block->offset + bytes, block->bytes - bytes, false};
    block->next = rest;
    block->bytes = bytes;
}

void *
device_memory_alloc(struct device_memory *memory, size_t bytes)
{
    bytes = ALIGN_UP(MAX(bytes, (size_t)1), (size_t)ALIGNMENT);
    for (struct block *b = memory->blocks; b; b = b->next) {
        if (b->is_used || b->bytes < bytes)
            continue;
        split(b, bytes);
        b->is_used = true;
        return memset(memory->base + b->offset, 0, bytes);
    }
    return NULL;
}

void
device_memory_free(struct device_memory *memory, void *p)
{
    struct block *before = NULL, *b = memory->blocks;

    while (b && memory->base + b->offset != (char *)p) {
        before = b;
        b = b->next;
    }
    if (!b)
        return;
    b->is_used = false;
    if (b->next && !b->next->is_used) {
        struct block *gone = b->next;
        b->bytes += gone->bytes;
        b->next = gone->next;
        free(gone);
    }
    if (before && !before->is_used) {
        before->bytes += b->bytes;
        before->next = b->next;
        free(b);
    }
}

bool
device_memory_contains(const struct device_memory *memory, const void *p, size_t bytes)
{
    size_t offset = (size_t)((uintptr_t)p - (uintptr_t)memory->base);
    return offset < memory->size && bytes <= memory->size - offset;
}
