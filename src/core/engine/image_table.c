/*
 * Tables while an index is built; see image_table.h.
 */
#include "core/engine/image_table.h"

#include <string.h>

bool
wfp_image_table_fits(const struct wfp_image_table *table, const struct wfp_image_shape *shape)
{
    for (uint32_t i = 0; i < table->part_count; i++) {
        const struct wfp_image_fixed *fixed = wfp_image_shape_find(shape, table->parts[i].field);
        if (!fixed || fixed->bits < table->parts[i].bits)
            return false;
    }
    return true;
}

bool
wfp_image_table_is_exact(const struct wfp_image_table *table, const struct wfp_image_shape *shape)
{
    if (table->part_count != shape->count)
        return false;
    for (uint32_t i = 0; i < table->part_count; i++)
        if (wfp_image_shape_find(shape, table->parts[i].field)->bits != table->parts[i].bits)
            return false;
    return true;
}

/* The tags of a rule in a table, one per distinct combination of alternatives. */
uint32_t
wfp_image_table_tags(const struct wfp_image_table *table, const struct wfp_image_shape *shape,
                     uint32_t tags[WFP_IMAGE_COPIES])
{
    uint32_t count = 1;

    tags[0] = 0;
    for (uint32_t i = 0; i < table->part_count; i++) {
        const struct wfp_image_part *part = &table->parts[i];
        const struct wfp_image_fixed *fixed = wfp_image_shape_find(shape, part->field);
        uint32_t before[WFP_IMAGE_COPIES], before_count = count;

        memcpy(before, tags, sizeof(before));
        count = 0;
        for (uint32_t a = 0; a < fixed->count; a++) {
            for (uint32_t t = 0; t < before_count; t++) {
                uint32_t tag = before[t], same = 0;
                for (uint32_t w = 0; w < part->word_count && wfp_image_shape_mask(part->bits, w);
                     w++)
                    tag = wfp_walk_hash(tag,
                                        fixed->values[a][w] & wfp_image_shape_mask(part->bits, w));
                while (same < count && tags[same] != tag)
                    same++;
                if (same == count)
                    tags[count++] = tag;
            }
        }
    }
    return count;
}

uint32_t
wfp_image_table_chain(const struct wfp_image_table *table, uint32_t tag)
{
    uint32_t length = 0, mask = table->slot_count - 1;

    for (uint32_t i = tag & mask; table->slot_count && table->slots[i].rule; i = (i + 1) & mask)
        length += table->slots[i].tag == tag;
    return length;
}

static void
slot_insert(struct wfp_image_entry *slots, uint32_t count, struct wfp_image_entry entry)
{
    uint32_t i = entry.tag & (count - 1);
    while (slots[i].rule)
        i = (i + 1) & (count - 1);
    slots[i] = entry;
}

/* Twice as many slots; entries go in again in order of rank. */
static bool
table_grow(struct wfp_image_table *table)
{
    uint32_t count = table->slot_count ? 2 * table->slot_count : 16;
    struct wfp_image_entry *slots = calloc(count, sizeof(*slots));

    if (!slots)
        return false;
    for (uint32_t i = 0; i < table->entry_count; i++)
        slot_insert(slots, count, table->entries[i]);
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return true;
}

bool
wfp_image_table_add(struct wfp_image_table *table, uint32_t tag, uint32_t rule)
{
    if (table->entry_count == table->entry_room) {
        uint32_t room = table->entry_room ? 2 * table->entry_room : 16;
        struct wfp_image_entry *entries = realloc(table->entries, room * sizeof(*entries));
        if (!entries)
            return false;
        table->entries = entries;
        table->entry_room = room;
    }
    if (5 * (table->entry_count + 1) > 3 * table->slot_count && !table_grow(table))
        return false;
    table->entries[table->entry_count++] = (struct wfp_image_entry){tag, rule};
    slot_insert(table->slots, table->slot_count, (struct wfp_image_entry){tag, rule});
    return true;
}

static int
by_rule(const void *a, const void *b)
{
    uint32_t x = ((const struct wfp_image_entry *)a)->rule,
             y = ((const struct wfp_image_entry *)b)->rule;
    return (x > y) - (x < y);
}

/* Entries came in out of order: sort them and fill the slots again. */
bool
wfp_image_table_settle(struct wfp_image_table *table)
{
    qsort(table->entries, table->entry_count, sizeof(table->entries[0]), by_rule);
    free(table->slots);
    table->slots = calloc(table->slot_count, sizeof(table->slots[0]));
    if (!table->slots) {
        table->slot_count = 0;
        return false;
    }
    for (uint32_t i = 0; i < table->entry_count; i++)
        slot_insert(table->slots, table->slot_count, table->entries[i]);
    return true;
}

void
wfp_image_table_free(struct wfp_image_table *table)
{
    free(table->entries);
    free(table->slots);
}
