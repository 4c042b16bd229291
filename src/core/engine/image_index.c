/*
 * The index over a sublayer's rules: which tables, and who goes where.
 *
 * Model      A rule has a shape: per field, how many leading bits its tests fix. A table hashes
 *            some leading bits of some fields; a rule may go to any table that hashes no more than
 *            its shape fixes. Rules are placed best first, each in the first table that fits and
 *            whose chain for its hash is still short; where none is, a new table is opened: a
 *            coarse one for a shape not seen before, an exact one once coarse chains are full.
 *            (TupleMerge: Daly et al., 2019.) If the rules have few shapes, all tables are exact:
 *            neighbours of one network then share no chain. A rule with alternatives goes in once
 *            for each.
 *            Rules that fix nothing worth hashing go to one plain list. Tables too small to pay for
 *            their probe, or beyond the 64 an image may have, are dissolved into others, or the
 *            list. Guides then say, for a few fields, which tables have anything for a value.
 */
#include "core/engine/image_index.h"

#include <string.h>

#define CHAIN_MAX   8u
#define PAYS_FROM   4u /* rules that make a table pay */
#define LIST_UP_TO  3u /* rules of a sublayer that need no tables */
#define EXACT_UP_TO 8u /* shapes that may have a table each */

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void
list_add(struct wfp_image_index *index, uint32_t rule)
{
    if (index->list_count == index->list_room) {
        uint32_t room = index->list_room ? 2 * index->list_room : 16;
        uint32_t *list = realloc(index->list, room * sizeof(*list));
        if (!list) {
            index->failed = true;
            return;
        }
        index->list = list;
        index->list_room = room;
    }
    index->list[index->list_count++] = rule;
}

static struct wfp_image_table *
table_open(struct wfp_image_index *index, const struct wfp_image_shape *shape)
{
    struct wfp_image_table *table;

    if (index->table_count == WFP_IMAGE_TABLES_OPEN)
        return NULL;
    table = &index->tables[index->table_count++];
    memset(table, 0, sizeof(*table));
    for (uint32_t i = 0; i < shape->count; i++)
        table->parts[table->part_count++] =
            (struct wfp_image_part){shape->fixed[i].field, shape->fixed[i].bits,
                                    shape->fixed[i].word_count, shape->fixed[i].word};
    return table;
}

static bool
chains_are_short(const struct wfp_image_table *table, const uint32_t *tags, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (wfp_image_table_chain(table, tags[i]) >= CHAIN_MAX)
            return false;
    return true;
}

/* The table for a rule: the first that fits with room, an exact one without, or a new one. */
static struct wfp_image_table *
choose_table(struct wfp_image_index *index, const struct wfp_image_shape *shape,
             uint32_t tags[WFP_IMAGE_COPIES], uint32_t *ret_count)
{
    struct wfp_image_table *fitting = NULL, *exact = NULL, *opened = NULL;
    struct wfp_image_shape coarse = *shape;

    for (uint32_t i = 0; i < index->table_count; i++) {
        struct wfp_image_table *table = &index->tables[i];
        if (!wfp_image_table_fits(table, shape))
            continue;
        *ret_count = wfp_image_table_tags(table, shape, tags);
        if (chains_are_short(table, tags, *ret_count))
            return table;
        fitting = table;
        if (wfp_image_table_is_exact(table, shape))
            exact = table;
    }
    if (!exact) {
        if (!fitting && index->is_coarse)
            wfp_image_shape_coarsen(&coarse);
        opened = table_open(index, &coarse);
    }
    if (!opened)
        opened = exact ? exact : fitting;
    if (opened)
        *ret_count = wfp_image_table_tags(opened, shape, tags);
    return opened;
}

static void
place_rule(struct wfp_image_index *index, const uint32_t *words, uint32_t rule)
{
    uint32_t tags[WFP_IMAGE_COPIES], count = 0;
    struct wfp_image_shape shape;
    struct wfp_image_table *table = NULL;

    wfp_image_shape_of(index->layer_id, words + rule, &shape);
    if (shape.count)
        table = choose_table(index, &shape, tags, &count);
    if (!table) {
        list_add(index, rule);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!wfp_image_table_add(table, tags[i], rule))
            index->failed = true;
}

/* Do the rules have more shapes than may have a table each? */
static bool
has_many_shapes(const struct wfp_image_index *index, const uint32_t *words, uint32_t begin,
                uint32_t end)
{
    struct wfp_image_shape shapes[EXACT_UP_TO], shape;
    uint32_t count = 0, known;

    for (uint32_t rule = begin; rule < end; rule += WFP_RULE_WORDS(words[rule])) {
        wfp_image_shape_of(index->layer_id, words + rule, &shape);
        for (known = 0; known < count && !wfp_image_shape_is_same(&shapes[known], &shape);)
            known++;
        if (known < count)
            continue;
        if (count == EXACT_UP_TO)
            return true;
        shapes[count++] = shape;
    }
    return false;
}

/* Another table for a rule whose own dissolves: the one where its chains are shortest. */
static struct wfp_image_table *
next_home(struct wfp_image_index *index, const struct wfp_image_table *from,
          const struct wfp_image_shape *shape, uint32_t tags[WFP_IMAGE_COPIES], uint32_t *ret_count)
{
    struct wfp_image_table *home = NULL;
    uint32_t shortest = 2 * CHAIN_MAX;

    for (uint32_t i = 0; i < index->table_count; i++) {
        struct wfp_image_table *table = &index->tables[i];
        uint32_t longest = 0;

        if (table == from || !table->entry_count || !wfp_image_table_fits(table, shape))
            continue;
        *ret_count = wfp_image_table_tags(table, shape, tags);
        for (uint32_t t = 0; t < *ret_count; t++)
            longest = MAX(longest, wfp_image_table_chain(table, tags[t]));
        if (longest < shortest) {
            shortest = longest;
            home = table;
        }
    }
    if (home)
        *ret_count = wfp_image_table_tags(home, shape, tags);
    return home;
}

static void
dissolve(struct wfp_image_index *index, const uint32_t *words, struct wfp_image_table *table)
{
    uint32_t last = 0;

    for (uint32_t e = 0; e < table->entry_count && !index->failed; e++) {
        uint32_t rule = table->entries[e].rule, tags[WFP_IMAGE_COPIES], count;
        struct wfp_image_shape shape;
        struct wfp_image_table *home;

        if (rule == last) /* a copy */
            continue;
        last = rule;
        wfp_image_shape_of(index->layer_id, words + rule, &shape);
        home = next_home(index, table, &shape, tags, &count);
        if (!home)
            list_add(index, rule);
        for (uint32_t i = 0; home && i < count; i++)
            if (!wfp_image_table_add(home, tags[i], rule))
                index->failed = true;
        if (home)
            home->is_unsettled = true;
    }
    wfp_image_table_free(table);
    memset(table, 0, sizeof(*table));
}

/* The smallest table, if it does not pay or there are too many. */
static struct wfp_image_table *
choose_to_dissolve(struct wfp_image_index *index, uint32_t live)
{
    struct wfp_image_table *smallest = NULL;

    for (uint32_t i = 0; i < index->table_count; i++)
        if (index->tables[i].entry_count &&
            (!smallest || index->tables[i].entry_count < smallest->entry_count))
            smallest = &index->tables[i];
    if (smallest && (live > WFP_TABLES_MAX - 1 || smallest->entry_count < PAYS_FROM))
        return smallest;
    return NULL;
}

static void
dissolve_small_tables(struct wfp_image_index *index, const uint32_t *words)
{
    uint32_t live = index->table_count, kept = 0, distinct = 0;
    struct wfp_image_table *table;

    while (!index->failed && (table = choose_to_dissolve(index, live))) {
        dissolve(index, words, table);
        live--;
    }
    for (uint32_t i = 0; i < index->table_count; i++) {
        if (!index->tables[i].entry_count) { /* dissolved, or memory ran out while it was opened */
            wfp_image_table_free(&index->tables[i]);
            memset(&index->tables[i], 0, sizeof(index->tables[i]));
            continue;
        }
        if (index->tables[i].is_unsettled && !wfp_image_table_settle(&index->tables[i]))
            index->failed = true;
        if (kept != i) {
            index->tables[kept] = index->tables[i];
            memset(&index->tables[i], 0, sizeof(index->tables[i]));
        }
        kept++;
    }
    index->table_count = kept;
    if (index->list_count)
        qsort(index->list, index->list_count, sizeof(index->list[0]), by_number);
    for (uint32_t i = 0; i < index->list_count; i++)
        if (!distinct || index->list[i] != index->list[distinct - 1])
            index->list[distinct++] = index->list[i];
    index->list_count = distinct;
}

void
wfp_image_index_append(struct wfp_words *words, uint16_t layer_id, uint32_t sublayer,
                       uint32_t begin, uint32_t end, uint32_t rule_count)
{
    struct wfp_image_index *index = calloc(1, sizeof(*index));

    if (!index) {
        words->failed = true;
        return;
    }
    index->layer_id = layer_id;
    index->is_coarse = has_many_shapes(index, words->data, begin, end);
    for (uint32_t rule = begin; rule < end && !index->failed;
         rule += WFP_RULE_WORDS(words->data[rule])) {
        if (rule_count <= LIST_UP_TO)
            list_add(index, rule);
        else
            place_rule(index, words->data, rule);
    }
    dissolve_small_tables(index, words->data);
    if (!index->failed)
        wfp_image_write_tables(words, index, sublayer, rule_count);
    else
        words->failed = true;
    for (uint32_t i = 0; i < index->table_count; i++)
        wfp_image_table_free(&index->tables[i]);
    free(index->list);
    free(index);
}
