/*
 * Owners: the processes whose sockets conversations use, one entry for each that a flow names.
 *
 * Model      A conversation's owner is known at its first packet only; later ones, the end of its
 *            socket, and whoever asks again, find it here. Entries are counted: the last flow or
 *            endpoint that leaves frees one.
 * Lifetime   The stack's thread. Entries are named by index + 1; 0 is the owner that is not known.
 */
#ifndef WFP_CORE_FLOW_OWNER_H
#define WFP_CORE_FLOW_OWNER_H

#include <stdint.h>

#include "base/macros.h"

struct wfp_user;
struct wfp_owner_table;

struct wfp_owner {
    uint64_t process_id;         /* 0 unknown */
    const uint16_t *path_utf16;  /* NULL unknown */
    const struct wfp_user *user; /* NULL unknown; not ours */
};

/** @return NULL without memory */
struct wfp_owner_table *wfp_owner_table_new(void);
void wfp_owner_table_free(struct wfp_owner_table *table);
DEFINE_FREEP(struct wfp_owner_table, wfp_owner_table_free)

/**
 * The entry equal to @p owner, made where there is none; it counts one more use.
 * @return its number; 0 for an owner of whom nothing is known, and without memory
 */
uint32_t wfp_owner_join(struct wfp_owner_table *table, const struct wfp_owner *owner);
/** One more use of an entry. @return @p number */
uint32_t wfp_owner_share(struct wfp_owner_table *table, uint32_t number);
/** One use less, the last of which ends it: its path lives until wfp_owner_purge(). 0 is allowed. */
void wfp_owner_leave(struct wfp_owner_table *table, uint32_t number);
/** Nobody looks at entries that ended any more. */
void wfp_owner_purge(struct wfp_owner_table *table);
/** What @p number names, until its last use ends; all unknown for 0. */
const struct wfp_owner *wfp_owner_at(const struct wfp_owner_table *table, uint32_t number);
/** Entries in use. */
uint32_t wfp_owner_count(const struct wfp_owner_table *table);

#endif
