/*
 * Memory for tables that grow to millions: zeroed, aligned to cache lines, from the system by itself.
 *
 * Choice     No huge pages: a third faster to look through, but each may make its first user wait for
 *            the kernel to find one, 10 ms where memory is in pieces.
 */
#ifndef WFP_BASE_LARGE_H
#define WFP_BASE_LARGE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * @param is_dense  all of it will be used soon: pages are made at once, which is cheaper than one by one
 * @return NULL without memory; free with wfp_large_free() and the same size
 */
void *wfp_large_alloc(uint64_t size, bool is_dense);
/** NULL is fine. */
void wfp_large_free(void *memory, uint64_t size);
/** What lies in the piece is not used any more; it reads as zero. Whole pages of it go back. */
void wfp_large_drop(void *memory, uint64_t size, uint64_t from, uint64_t length);

#endif
