/*
 * Kernel pool over malloc, so that sanitizers see every block; accounting per driver and tag.
 *
 * Model      A header of ours precedes each block: owner, tag, size, who allocated. Blocks of a page
 *            or more start on a page, smaller ones on 16 bytes, as on Windows. Without
 *            AddressSanitizer a guard word follows the block and is checked when it is freed.
 * Context    any thread, any IRQL; the owner's pool lock is held for a few instructions.
 */
#ifndef WFP_NT_POOL_H
#define WFP_NT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nt_driver;

/**
 * Allocate for the driver at work.
 *
 * @param zero    clear it; otherwise it is filled with a fixed pattern, so that replays repeat
 * @param caller  return address of the Windows function, for the leak report
 * @return NULL when memory is out, or when nt_pool_fail_after() says so
 */
void *nt_pool_allocate(size_t size, uint32_t tag, bool zero, uintptr_t caller);
/** A block that one of our functions allocated for another: where the driver called that. Not NULL. */
void nt_pool_came_from(void *block, uintptr_t caller);
/** Free; @p tag 0 = any. Bad pointers and tags are findings. NULL is a finding. */
void nt_pool_free(void *block, uint32_t tag);
/** The block is the runtime's from now on, whichever driver allocated it. Not NULL. */
void nt_pool_disown(void *block);
/** Size of a live block; 0 when @p block is none. */
size_t nt_pool_size(const void *block);

/** "Abcd": a tag as people write it. */
const char *nt_pool_tag_text(uint32_t tag, char text[5]);

struct nt_pool_usage {
    uint32_t tag;
    size_t blocks, bytes;
};
/** Live blocks of @p driver (NULL: the runtime) by tag. @return number of tags, may exceed @p room */
size_t nt_pool_usage(struct nt_driver *driver, struct nt_pool_usage *usage, size_t room);
/** Allocations since the program started, all drivers. */
unsigned long nt_pool_allocations(void);
/** Low memory on request: the @p count th next allocation fails, and those after it; -1 = off. */
void nt_pool_fail_after(long count);
/** Report and release the blocks that a stopping driver left, one finding per tag. */
void nt_pool_check_driver(struct nt_driver *driver);

#endif
