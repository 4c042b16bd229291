/*
 * Tables while an index is built: rules by the hash of some leading bits of some fields.
 */
#ifndef WFP_CORE_ENGINE_IMAGE_TABLE_H
#define WFP_CORE_ENGINE_IMAGE_TABLE_H

#include "core/engine/image_shape.h"

struct wfp_image_part {
    uint8_t field, bits, word_count;
    uint32_t word;
};

struct wfp_image_entry {
    uint32_t tag, rule;
};

struct wfp_image_table {
    uint32_t part_count;
    struct wfp_image_part parts[WFP_IMAGE_SHAPE_FIELDS];
    struct wfp_image_entry *entries; /* in order of rank */
    uint32_t entry_count, entry_room;
    struct wfp_image_entry *slots; /* open addressing over tags, for counting chains */
    uint32_t slot_count;
    bool is_unsettled; /* entries out of order */
};

/** Does the shape fix all that the table hashes? */
bool wfp_image_table_fits(const struct wfp_image_table *table, const struct wfp_image_shape *shape);
/** And nothing else? */
bool wfp_image_table_is_exact(const struct wfp_image_table *table,
                              const struct wfp_image_shape *shape);
/** The tags of a rule in a table that fits, one per distinct combination of alternatives. @return how many */
uint32_t wfp_image_table_tags(const struct wfp_image_table *table,
                              const struct wfp_image_shape *shape, uint32_t tags[WFP_IMAGE_COPIES]);
/** How many rules have the tag. */
uint32_t wfp_image_table_chain(const struct wfp_image_table *table, uint32_t tag);
/** @return false without memory */
bool wfp_image_table_add(struct wfp_image_table *table, uint32_t tag, uint32_t rule);
/** Entries came in out of order: sort them and fill the slots again. @return false without memory */
bool wfp_image_table_settle(struct wfp_image_table *table);
void wfp_image_table_free(struct wfp_image_table *table);

#endif
