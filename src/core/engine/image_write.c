/*
 * Writing an index into the image: tables in order of their best rule, and guides over them.
 */
#include <string.h>

#include "core/engine/image_index.h"

#define GUIDES_FROM  4u  /* tables that make guides pay */
#define ADDRESS_BITS 16u /* of an address that a guide looks at */

static int
by_best(const void *a, const void *b)
{
    uint32_t x = ((const struct wfp_image_table *)a)->entries[0].rule;
    uint32_t y = ((const struct wfp_image_table *)b)->entries[0].rule;
    return (x > y) - (x < y);
}

static void
write_list(struct wfp_words *words, const struct wfp_image_index *index, uint32_t entry)
{
    uint32_t at = words->count;

    for (uint32_t i = 0; i < index->list_count; i++)
        wfp_words_push(words, index->list[i]);
    if (words->failed)
        return;
    words->data[entry + WFP_TABLE_BEST] = index->list[0];
    words->data[entry + WFP_TABLE_LAST] = index->list[index->list_count - 1];
    words->data[entry + WFP_TABLE_SLOTS] = index->list_count;
    words->data[entry + WFP_TABLE_SLOT_AT] = at;
}

static void
write_table(struct wfp_words *words, const struct wfp_image_table *table, uint32_t entry)
{
    uint32_t part_at = words->count, slot_at, parts = 0;

    for (uint32_t i = 0; i < table->part_count; i++) {
        const struct wfp_image_part *part = &table->parts[i];
        for (uint32_t w = 0; w < part->word_count && wfp_image_shape_mask(part->bits, w);
             w++, parts++) {
            wfp_words_push(words, part->word + w);
            wfp_words_push(words, wfp_image_shape_mask(part->bits, w));
        }
    }
    if (words->count & 1)
        wfp_words_push(words, 0);
    slot_at = words->count;
    for (uint32_t i = 0; i < table->slot_count; i++) {
        wfp_words_push(words, table->slots[i].tag);
        wfp_words_push(words, table->slots[i].rule);
    }
    if (words->failed)
        return;
    words->data[entry + WFP_TABLE_BEST] = table->entries[0].rule;
    words->data[entry + WFP_TABLE_LAST] = table->entries[table->entry_count - 1].rule;
    words->data[entry + WFP_TABLE_SLOTS] = table->slot_count - 1;
    words->data[entry + WFP_TABLE_SLOT_AT] = slot_at;
    words->data[entry + WFP_TABLE_PARTS] = parts;
    words->data[entry + WFP_TABLE_PART_AT] = part_at;
}

/* ---- guides ---- */

struct guide {
    uint32_t word, mask;
    uint32_t tables; /* that it can rule out */
};

/* What a guide would look at for one part of a table: a whole word, or an address's first bits. */
static bool
guide_for_part(const struct wfp_image_index *index, const struct wfp_image_part *part,
               struct guide *guide)
{
    const struct wfp_field *field = &wfp_layer_find_id(index->layer_id)->fields[part->field];

    *guide = (struct guide){.word = part->word, .mask = UINT32_MAX};
    if (field->kind == WFP_FIELD_IP_ADDRESS) {
        guide->mask = part->word_count == 1 ? wfp_image_shape_mask(ADDRESS_BITS, 0) : UINT32_MAX;
        return part->bits >= (part->word_count == 1 ? ADDRESS_BITS : 32);
    }
    guide->word += part->word_count - 1u; /* the last word varies most */
    return true;
}

static void
sort_guides(struct guide *guides, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct guide guide = guides[i];
        uint32_t at = i;
        for (; at > 0 && guides[at - 1].tables < guide.tables; at--)
            guides[at] = guides[at - 1];
        guides[at] = guide;
    }
}

/* The fields that most tables hash. */
static uint32_t
choose_guides(const struct wfp_image_index *index, struct guide guides[WFP_FIELD_MAX])
{
    uint32_t count = 0;

    if (index->table_count < GUIDES_FROM)
        return 0;
    for (uint32_t t = 0; t < index->table_count; t++) {
        for (uint32_t p = 0; p < index->tables[t].part_count; p++) {
            struct guide guide;
            uint32_t at = 0;

            if (!guide_for_part(index, &index->tables[t].parts[p], &guide))
                continue;
            while (at < count && guides[at].word != guide.word)
                at++;
            if (at == count)
                guides[count++] = guide;
            guides[at].tables++;
        }
    }
    sort_guides(guides, count);
    return MIN(count, WFP_GUIDES_MAX);
}

static const struct wfp_image_part *
part_guided(const struct wfp_image_index *index, const struct wfp_image_table *table,
            const struct guide *guide)
{
    for (uint32_t p = 0; p < table->part_count; p++) {
        struct guide own;
        if (guide_for_part(index, &table->parts[p], &own) && own.word == guide->word)
            return &table->parts[p];
    }
    return NULL;
}

/* Allow table number @p bit for every value that one of its rules has; or for all. */
static void
guide_allow(const struct wfp_image_index *index, struct wfp_words *words, uint32_t at,
            uint32_t slots, const struct guide *guide, const struct wfp_image_table *table,
            uint32_t bit)
{
    const struct wfp_image_part *part = table ? part_guided(index, table, guide) : NULL;
    uint32_t *data = &words->data[at + bit / 32], flag = 1u << bit % 32, last = 0;

    for (uint32_t i = 0; !part && i < slots; i++)
        data[2 * i] |= flag;
    for (uint32_t e = 0; part && e < table->entry_count; e++) {
        const struct wfp_image_fixed *fixed;
        struct wfp_image_shape shape;

        if (table->entries[e].rule == last)
            continue;
        last = table->entries[e].rule;
        wfp_image_shape_of(index->layer_id, words->data + last, &shape);
        fixed = wfp_image_shape_find(&shape, part->field);
        for (uint32_t a = 0; a < fixed->count; a++) {
            uint32_t value = fixed->values[a][guide->word - part->word] & guide->mask;
            data[2 * (wfp_walk_hash(0, value) & (slots - 1))] |= flag;
        }
    }
}

/* @p list_bit is the number of the list among the tables, or WFP_TABLES_MAX. */
static void
write_guides(struct wfp_words *words, const struct wfp_image_index *index, uint32_t sublayer,
             uint32_t rule_count, uint32_t list_bit)
{
    struct guide guides[WFP_FIELD_MAX];
    uint32_t count = choose_guides(index, guides), at = words->count, slots = 64;

    while (slots < 2048 && slots < rule_count)
        slots *= 2;
    for (uint32_t i = 0; i < count * WFP_GUIDE_SIZE; i++)
        wfp_words_push(words, 0);
    for (uint32_t g = 0; g < count; g++) {
        uint32_t slot_at = words->count;

        for (uint32_t i = 0; i < 2 * slots; i++)
            wfp_words_push(words, 0);
        if (words->failed)
            return;
        words->data[at + g * WFP_GUIDE_SIZE + WFP_GUIDE_KEY] = guides[g].word;
        words->data[at + g * WFP_GUIDE_SIZE + WFP_GUIDE_MASK] = guides[g].mask;
        words->data[at + g * WFP_GUIDE_SIZE + WFP_GUIDE_SLOTS] = slots - 1;
        words->data[at + g * WFP_GUIDE_SIZE + WFP_GUIDE_SLOT_AT] = slot_at;
        for (uint32_t t = 0; t < index->table_count; t++)
            guide_allow(index, words, slot_at, slots, &guides[g], &index->tables[t],
                        t + (t >= list_bit));
        if (list_bit < WFP_TABLES_MAX)
            guide_allow(index, words, slot_at, slots, &guides[g], NULL, list_bit);
    }
    if (words->failed)
        return;
    words->data[sublayer + WFP_SUBLAYER_GUIDES] = count;
    words->data[sublayer + WFP_SUBLAYER_GUIDE_AT] = at;
}

/* Entries in order of their best rule, then what they point to. */
void
wfp_image_write_tables(struct wfp_words *words, struct wfp_image_index *index, uint32_t sublayer,
                       uint32_t rule_count)
{
    uint32_t count = index->table_count + (index->list_count != 0), at = words->count, t = 0;
    uint32_t list_bit = WFP_TABLES_MAX;
    bool list_written = index->list_count == 0;

    for (uint32_t i = 0; i < count * WFP_TABLE_SIZE; i++)
        wfp_words_push(words, 0);
    if (index->table_count)
        qsort(index->tables, index->table_count, sizeof(index->tables[0]), by_best);
    for (uint32_t i = 0; i < count && !words->failed; i++) {
        uint32_t entry = at + i * WFP_TABLE_SIZE;

        if (!list_written &&
            (t == index->table_count || index->list[0] < index->tables[t].entries[0].rule)) {
            write_list(words, index, entry);
            list_written = true;
            list_bit = i;
        } else {
            write_table(words, &index->tables[t++], entry);
        }
    }
    if (words->failed)
        return;
    words->data[sublayer + WFP_SUBLAYER_TABLES] = count;
    words->data[sublayer + WFP_SUBLAYER_TABLE_AT] = at;
    write_guides(words, index, sublayer, rule_count, list_bit);
}
