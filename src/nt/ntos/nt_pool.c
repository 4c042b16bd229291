/*
 * Pool blocks: allocate, free, account, report leaks; see nt_pool.h.
 */
#include "nt/ntos/nt_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_timer.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

#define LIVE_MAGIC  0x4c4f4f50u
#define FREED_MAGIC 0x44414544u
#define GUARD       0xBDBDBDBDBDBDBDBDull
#define GUARD_SIZE  (UNDER_ASAN ? 0 : sizeof(uint64_t))
#define FILL_NEW    0xA5
#define FILL_FREED  0xDF
#define PAGE        4096u

struct block {
    struct nt_list link;
    struct nt_driver *owner;
    uintptr_t caller;
    size_t size;
    void *base; /* what malloc returned */
    uint32_t tag;
    uint32_t magic;
    uint64_t unused;
};
static_assert(sizeof(struct block) % 16 == 0, "blocks stay aligned");

static struct {
    pthread_mutex_t lock;
    struct nt_list blocks; /* of the runtime itself */
    atomic_ulong allocations;
    atomic_long fail_after;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .blocks = {&pool.blocks, &pool.blocks}, .fail_after = -1};

static pthread_mutex_t *
lock_of(struct nt_driver *owner)
{
    return owner ? &owner->pool_lock : &pool.lock;
}

static struct nt_list *
blocks_of(struct nt_driver *owner)
{
    return owner ? &owner->pool_blocks : &pool.blocks;
}

static struct block *
block_of(const void *pointer)
{
    return (struct block *)((char *)pointer - sizeof(struct block));
}

static bool
must_fail(void)
{
    long left = atomic_load_explicit(&pool.fail_after, memory_order_relaxed);
    if (LIKELY(left < 0))
        return false;
    if (left == 0)
        return true;
    atomic_fetch_sub(&pool.fail_after, 1);
    return false;
}

void *
nt_pool_allocate(size_t size, uint32_t tag, bool zero, uintptr_t caller)
{
    struct nt_driver *owner = nt_driver_current();
    size_t align = size >= PAGE ? PAGE : 16, before = align == PAGE ? PAGE : sizeof(struct block);
    void *base;

    if (size > SIZE_MAX / 2 || must_fail())
        return NULL;
    if (align == PAGE)
        base = aligned_alloc(PAGE, ALIGN_UP(before + size + GUARD_SIZE, (size_t)PAGE));
    else
        base = malloc(before + size + GUARD_SIZE);
    if (!base)
        return NULL;
    char *start = (char *)base + before;
    struct block *block = block_of(start);
    *block = (struct block){.owner = owner,
                            .caller = caller,
                            .size = size,
                            .base = base,
                            .tag = tag,
                            .magic = LIVE_MAGIC};
    memset(start, zero ? 0 : FILL_NEW, size);
    if (GUARD_SIZE)
        memcpy(start + size, &(uint64_t){GUARD}, sizeof(uint64_t));
    pthread_mutex_lock(lock_of(owner));
    nt_list_append(blocks_of(owner), &block->link);
    pthread_mutex_unlock(lock_of(owner));
    atomic_fetch_add_explicit(&pool.allocations, 1, memory_order_relaxed);
    return start;
}

void
nt_pool_came_from(void *pointer, uintptr_t caller)
{
    block_of(pointer)->caller = caller;
}

static void
check_guard(const struct block *block, const char *start)
{
    uint64_t guard;
    char tag[5], where[256];

    if (!GUARD_SIZE)
        return;
    memcpy(&guard, start + block->size, sizeof(guard));
    if (guard != GUARD)
        nt_finding(NT_FINDING_POOL_OVERRUN, "%zu bytes of tag '%s' were overrun; they came from %s",
                   block->size, nt_pool_tag_text(block->tag, tag),
                   nt_driver_describe_address(block->caller, where, sizeof(where)));
}

static void
release(struct block *block)
{
    pthread_mutex_lock(lock_of(block->owner));
    nt_list_remove(&block->link);
    pthread_mutex_unlock(lock_of(block->owner));
    block->magic = FREED_MAGIC;
    void *base = block->base;
    if (!UNDER_ASAN)
        memset(block + 1, FILL_FREED, MIN(block->size, (size_t)256));
    free(base);
}

void
nt_pool_free(void *pointer, uint32_t tag)
{
    char given[5], had[5];

    if (!pointer || (uintptr_t)pointer % 16) {
        nt_finding(NT_FINDING_POOL_BAD_FREE, "%s was freed",
                   pointer ? "an unaligned pointer" : "a null pointer");
        return;
    }
    struct block *block = block_of(pointer);
    if (block->magic != LIVE_MAGIC) {
        nt_finding(NT_FINDING_POOL_BAD_FREE, "%s",
                   block->magic == FREED_MAGIC
                       ? "a block was freed twice"
                       : "a pointer was freed that the pool did not return");
        return;
    }
    if (tag && block->tag && tag != block->tag)
        nt_finding(NT_FINDING_POOL_WRONG_TAG, "a block of tag '%s' was freed with tag '%s'",
                   nt_pool_tag_text(block->tag, had), nt_pool_tag_text(tag, given));
    check_guard(block, pointer);
    nt_timer_check_memory(pointer, block->size);
    release(block);
}

void
nt_pool_disown(void *pointer)
{
    struct block *block = block_of(pointer);

    if (block->magic != LIVE_MAGIC || !block->owner)
        return;
    pthread_mutex_lock(lock_of(block->owner));
    nt_list_remove(&block->link);
    pthread_mutex_unlock(lock_of(block->owner));
    block->owner = NULL;
    pthread_mutex_lock(&pool.lock);
    nt_list_append(&pool.blocks, &block->link);
    pthread_mutex_unlock(&pool.lock);
}

size_t
nt_pool_size(const void *pointer)
{
    const struct block *block = block_of(pointer);
    return block->magic == LIVE_MAGIC ? block->size : 0;
}

const char *
nt_pool_tag_text(uint32_t tag, char text[5])
{
    for (int i = 0; i < 4; i++) {
        char c = (char)(tag >> (8 * i));
        text[i] = c >= ' ' && c < 127 ? c : c ? '.' : 0;
    }
    text[4] = 0;
    return text;
}

size_t
nt_pool_usage(struct nt_driver *driver, struct nt_pool_usage *usage, size_t room)
{
    size_t tags = 0;

    pthread_mutex_lock(lock_of(driver));
    for (struct nt_list *i = blocks_of(driver)->next; i != blocks_of(driver); i = i->next) {
        const struct block *block = NT_LIST_ITEM(i, struct block, link);
        size_t t = 0;
        while (t < MIN(tags, room) && usage[t].tag != block->tag)
            t++;
        if (t == tags && t < room)
            usage[tags++] = (struct nt_pool_usage){.tag = block->tag};
        if (t < room) {
            usage[t].blocks++;
            usage[t].bytes += block->size;
        }
    }
    pthread_mutex_unlock(lock_of(driver));
    return tags;
}

unsigned long
nt_pool_allocations(void)
{
    return atomic_load_explicit(&pool.allocations, memory_order_relaxed);
}

void
nt_pool_fail_after(long count)
{
    atomic_store(&pool.fail_after, count);
}

/** One finding per tag and place of allocation that a stopping driver left. */
void
nt_pool_check_driver(struct nt_driver *driver)
{
    struct nt_list *entry;

    while (!nt_list_is_empty(&driver->pool_blocks)) {
        struct block *first = NT_LIST_ITEM(driver->pool_blocks.next, struct block, link);
        size_t blocks = 0, bytes = 0;
        uint32_t tag = first->tag;
        uintptr_t caller = first->caller;
        char text[5];

        for (entry = driver->pool_blocks.next; entry != &driver->pool_blocks;) {
            struct block *block = NT_LIST_ITEM(entry, struct block, link);
            entry = entry->next;
            if (block->tag != tag || block->caller != caller)
                continue;
            blocks++;
            bytes += block->size;
            release(block);
        }
        nt_finding_at(driver->name, caller, NT_FINDING_POOL_LEAK,
                      "%zu bytes in %zu block%s of tag '%s' were left", bytes, blocks,
                      blocks == 1 ? "" : "s", nt_pool_tag_text(tag, text));
    }
}
