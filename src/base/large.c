/*
 * Memory for large tables. See large.h.
 */
#include "base/large.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LARGE (128u << 10) /* below it the heap is better */
#define LINE  64u
#define PAGE  4096u

void *
wfp_large_alloc(uint64_t size, bool is_dense)
{
    uint8_t *raw, *aligned;
    void *memory;

    if (size >= LARGE) {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | (is_dense ? MAP_POPULATE : 0), -1, 0);
        return memory == MAP_FAILED ? NULL : memory;
    }
    raw = calloc(1, size + LINE);
    if (!raw)
        return NULL;
    aligned = (uint8_t *)(((uintptr_t)raw + LINE) & ~(uintptr_t)(LINE - 1));
    aligned[-1] = (uint8_t)(aligned - raw); /* 1 .. 64: the heap's alignment is less */
    return aligned;
}

void
wfp_large_free(void *memory, uint64_t size)
{
    uint8_t *aligned = memory;

    if (!aligned)
        return;
    if (size >= LARGE)
        munmap(memory, size);
    else
        free(aligned - aligned[-1]);
}

void
wfp_large_drop(void *memory, uint64_t size, uint64_t from, uint64_t length)
{
    if (size >= LARGE && from % PAGE == 0 && length % PAGE == 0)
        madvise((uint8_t *)memory + from, length, MADV_DONTNEED);
}
