/*
 * What image_index.c chose, for image_write.c: tables, and a list of what went to none.
 */
#ifndef WFP_CORE_ENGINE_IMAGE_INDEX_H
#define WFP_CORE_ENGINE_IMAGE_INDEX_H

#include "core/engine/image_table.h"

#define WFP_IMAGE_TABLES_OPEN 160u /* while building; the smallest are dissolved */

struct wfp_image_index {
    uint16_t layer_id;
    bool failed;
    bool is_coarse; /* too many shapes for a table each */
    uint32_t table_count;
    struct wfp_image_table tables[WFP_IMAGE_TABLES_OPEN];
    uint32_t *list;
    uint32_t list_count, list_room;
};

/** Append the tables and guides, and fill in the sublayer's entry. */
void wfp_image_write_tables(struct wfp_words *words, struct wfp_image_index *index,
                            uint32_t sublayer, uint32_t rule_count);

#endif
