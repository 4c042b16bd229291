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
#include <string.h>

#include "core/engine/image.h"

#define FIELDS_MAX       6u  /* hashed per rule */
#define ALTERNATIVES_MAX 8u  /* of one field */
#define COPIES_MAX       16u /* of one rule */
#define CHAIN_MAX        8u
#define OPEN_MAX         160u /* while building; the smallest are dissolved */
#define PAYS_FROM        4u   /* rules that make a table pay */
#define GUIDES_FROM      4u   /* tables that make guides pay */
#define ADDRESS_BITS     16u  /* of an address that a guide looks at */
#define LIST_UP_TO       3u   /* rules of a sublayer that need no tables */
#define EXACT_UP_TO      8u   /* shapes that may have a table each */

/* What a rule fixes of one field. */
struct fixed {
    uint8_t field, word_count, bits, count;
    bool is_address;
    uint32_t word; /* of the key */
    uint32_t values[ALTERNATIVES_MAX][4];
};

struct shape {
    uint32_t count;
    struct fixed fixed[FIELDS_MAX];
};

struct part {
    uint8_t field, bits, word_count;
    uint32_t word;
};

struct entry {
    uint32_t tag, rule;
};

struct table {
    uint32_t part_count;
    struct part parts[FIELDS_MAX];
    struct entry *entries; /* in order of rank */
    uint32_t entry_count, entry_room;
    struct entry *slots; /* open addressing over tags, for counting chains */
    uint32_t slot_count;
    bool is_unsettled; /* entries out of order */
};

struct index {
    uint16_t layer_id;
    bool failed;
    bool is_coarse; /* too many shapes for a table each */
    uint32_t table_count;
    struct table tables[OPEN_MAX];
    uint32_t *list;
    uint32_t list_count, list_room;
};

static uint32_t
mask_of(uint32_t bits, uint32_t word)
{
    int left = (int)bits - 32 * (int)word;
    return left >= 32 ? UINT32_MAX : left <= 0 ? 0 : UINT32_MAX << (32 - left);
}

/* Leading bits in which a and b agree. */
static uint32_t
common_bits(const uint32_t *a, const uint32_t *b, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        if (a[i] != b[i])
            return 32 * i + (uint32_t)__builtin_clz(a[i] ^ b[i]);
    return 32 * words;
}

/* Leading ones of a mask, if it has no others. */
static uint32_t
mask_bits(const uint32_t *mask, uint32_t words)
{
    uint32_t bits = 0;

    while (bits < 32 * words && mask[bits / 32] >> (31 - bits % 32) & 1)
        bits++;
    for (uint32_t i = 0; i < words; i++)
        if (mask[i] != mask_of(bits, i))
            return 0;
    return bits;
}

/* How many leading bits one test fixes, and to what. */
static uint32_t
test_bits(const uint32_t *test, const uint32_t **ret_value)
{
    uint32_t word = test[0], n = WFP_TEST_COUNT(word);

    if (word & WFP_TEST_NEGATED)
        return 0;
    switch (WFP_TEST_OP(word)) {
    case WFP_TEST_EQUAL:
    case WFP_TEST_HASH:
        *ret_value = test + 1;
        return 32 * n;
    case WFP_TEST_MASK:
        *ret_value = test + 1 + n;
        return mask_bits(test + 1, n);
    case WFP_TEST_RANGE:
        *ret_value = test + 1;
        return common_bits(test + 1, test + 1 + n, n);
    default:
        return 0;
    }
}

/* Few lengths, so that few tables: an address by steps, anything else whole or not at all. */
static uint32_t
round_bits(bool is_address, uint32_t words, uint32_t bits)
{
    static const uint8_t steps[] = {128, 64, 56, 48, 40, 32, 28, 24, 20, 16, 12, 8};

    if (!is_address)
        return bits == 32 * words ? bits : 0;
    for (size_t i = 0; i < ELEMENTSOF(steps); i++)
        if (bits >= steps[i])
            return steps[i];
    return 0;
}

/* Adds a field's alternatives to the shape, if all of them fix something. @return words read */
static void
shape_field(const struct index *index, const uint32_t *test, uint32_t tests, struct shape *shape)
{
    struct fixed fixed = {.field = WFP_TEST_FIELD(test[0]), .word = WFP_TEST_KEY(test[0])};
    const struct wfp_field *field = &wfp_layer_find_id(index->layer_id)->fields[fixed.field];
    uint32_t bits = UINT32_MAX;

    fixed.word_count = WFP_TEST_COUNT(test[0]);
    fixed.is_address = field->kind == WFP_FIELD_IP_ADDRESS;
    for (uint32_t i = 0; i < tests && bits; i++) {
        const uint32_t *value = NULL;

        bits = tests > ALTERNATIVES_MAX ? 0 : MIN(bits, test_bits(test, &value));
        if (bits)
            memcpy(fixed.values[fixed.count++], value, fixed.word_count * sizeof(uint32_t));
        test += wfp_walk_test_words(test[0]);
    }
    bits = round_bits(fixed.is_address, fixed.word_count, bits);
    if (!bits || shape->count == FIELDS_MAX)
        return;
    fixed.bits = (uint8_t)bits;
    shape->fixed[shape->count++] = fixed;
}

/* Fewer copies: the field with most alternatives is no longer hashed. */
static void
limit_copies(struct shape *shape)
{
    for (;;) {
        uint32_t copies = 1, most = 0;

        for (uint32_t i = 0; i < shape->count; i++) {
            copies *= shape->fixed[i].count;
            if (shape->fixed[i].count > shape->fixed[most].count)
                most = i;
        }
        if (copies <= COPIES_MAX)
            return;
        shape->fixed[most] = shape->fixed[--shape->count];
    }
}

static void
shape_rule(const struct index *index, const uint32_t *rule, struct shape *shape)
{
    const uint32_t *test = rule + WFP_RULE_TEST_AT, *first = test;
    uint32_t alternatives = 0;

    shape->count = 0;
    for (uint32_t i = 0; i < rule[1]; i++) {
        alternatives++;
        if (test[0] & WFP_TEST_LAST) {
            shape_field(index, first, alternatives, shape);
            first = test + wfp_walk_test_words(test[0]);
            alternatives = 0;
        }
        test += wfp_walk_test_words(test[0]);
    }
    limit_copies(shape);
}

static const struct fixed *
shape_find(const struct shape *shape, uint32_t field)
{
    for (uint32_t i = 0; i < shape->count; i++)
        if (shape->fixed[i].field == field)
            return &shape->fixed[i];
    return NULL;
}

static bool
table_fits(const struct table *table, const struct shape *shape)
{
    for (uint32_t i = 0; i < table->part_count; i++) {
        const struct fixed *fixed = shape_find(shape, table->parts[i].field);
        if (!fixed || fixed->bits < table->parts[i].bits)
            return false;
    }
    return true;
}

static bool
table_is_exact(const struct table *table, const struct shape *shape)
{
    if (table->part_count != shape->count)
        return false;
    for (uint32_t i = 0; i < table->part_count; i++)
        if (shape_find(shape, table->parts[i].field)->bits != table->parts[i].bits)
            return false;
    return true;
}

/* The tags of a rule in a table, one per distinct combination of alternatives. */
static uint32_t
tags_of(const struct table *table, const struct shape *shape, uint32_t tags[COPIES_MAX])
{
    uint32_t count = 1;

    tags[0] = 0;
    for (uint32_t i = 0; i < table->part_count; i++) {
        const struct part *part = &table->parts[i];
        const struct fixed *fixed = shape_find(shape, part->field);
        uint32_t before[COPIES_MAX], before_count = count;

        memcpy(before, tags, sizeof(before));
        count = 0;
        for (uint32_t a = 0; a < fixed->count; a++) {
            for (uint32_t t = 0; t < before_count; t++) {
                uint32_t tag = before[t], same = 0;
                for (uint32_t w = 0; w < part->word_count && mask_of(part->bits, w); w++)
                    tag = wfp_walk_hash(tag, fixed->values[a][w] & mask_of(part->bits, w));
                while (same < count && tags[same] != tag)
                    same++;
                if (same == count)
                    tags[count++] = tag;
            }
        }
    }
    return count;
}

static uint32_t
chain_length(const struct table *table, uint32_t tag)
{
    uint32_t length = 0, mask = table->slot_count - 1;

    for (uint32_t i = tag & mask; table->slot_count && table->slots[i].rule; i = (i + 1) & mask)
        length += table->slots[i].tag == tag;
    return length;
}

static void
slot_insert(struct entry *slots, uint32_t count, struct entry entry)
{
    uint32_t i = entry.tag & (count - 1);
    while (slots[i].rule)
        i = (i + 1) & (count - 1);
    slots[i] = entry;
}

/* Twice as many slots; entries go in again in order of rank. */
static bool
table_grow(struct table *table)
{
    uint32_t count = table->slot_count ? 2 * table->slot_count : 16;
    struct entry *slots = calloc(count, sizeof(*slots));

    if (!slots)
        return false;
    for (uint32_t i = 0; i < table->entry_count; i++)
        slot_insert(slots, count, table->entries[i]);
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return true;
}

static bool
table_add(struct table *table, uint32_t tag, uint32_t rule)
{
    if (table->entry_count == table->entry_room) {
        uint32_t room = table->entry_room ? 2 * table->entry_room : 16;
        struct entry *entries = realloc(table->entries, room * sizeof(*entries));
        if (!entries)
            return false;
        table->entries = entries;
        table->entry_room = room;
    }
    if (5 * (table->entry_count + 1) > 3 * table->slot_count && !table_grow(table))
        return false;
    table->entries[table->entry_count++] = (struct entry){tag, rule};
    slot_insert(table->slots, table->slot_count, (struct entry){tag, rule});
    return true;
}

static void
list_add(struct index *index, uint32_t rule)
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

/* A coarse table: addresses rounded down, and nothing else where an address says enough. */
static void
coarsen(struct shape *shape)
{
    bool has_address = false;

    for (uint32_t i = 0; i < shape->count; i++) {
        struct fixed *fixed = &shape->fixed[i];
        if (!fixed->is_address)
            continue;
        if (fixed->word_count == 1)
            fixed->bits = fixed->bits >= 24 ? 24 : fixed->bits >= 16 ? 16 : fixed->bits;
        else
            fixed->bits = fixed->bits >= 64 ? 64 : fixed->bits >= 48 ? 48 : fixed->bits;
        has_address |= fixed->bits >= 16;
    }
    for (uint32_t i = 0; has_address && i < shape->count;) {
        if (shape->fixed[i].is_address)
            i++;
        else
            shape->fixed[i] = shape->fixed[--shape->count];
    }
}

static struct table *
table_open(struct index *index, const struct shape *shape)
{
    struct table *table;

    if (index->table_count == OPEN_MAX)
        return NULL;
    table = &index->tables[index->table_count++];
    memset(table, 0, sizeof(*table));
    for (uint32_t i = 0; i < shape->count; i++)
        table->parts[table->part_count++] =
            (struct part){shape->fixed[i].field, shape->fixed[i].bits, shape->fixed[i].word_count,
                          shape->fixed[i].word};
    return table;
}

static bool
chains_are_short(const struct table *table, const uint32_t *tags, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (chain_length(table, tags[i]) >= CHAIN_MAX)
            return false;
    return true;
}

/* The table for a rule: the first that fits with room, an exact one without, or a new one. */
static struct table *
choose_table(struct index *index, const struct shape *shape, uint32_t tags[COPIES_MAX],
             uint32_t *ret_count)
{
    struct table *fitting = NULL, *exact = NULL, *opened = NULL;
    struct shape coarse = *shape;

    for (uint32_t i = 0; i < index->table_count; i++) {
        struct table *table = &index->tables[i];
        if (!table_fits(table, shape))
            continue;
        *ret_count = tags_of(table, shape, tags);
        if (chains_are_short(table, tags, *ret_count))
            return table;
        fitting = table;
        if (table_is_exact(table, shape))
            exact = table;
    }
    if (!exact) {
        if (!fitting && index->is_coarse)
            coarsen(&coarse);
        opened = table_open(index, &coarse);
    }
    if (!opened)
        opened = exact ? exact : fitting;
    if (opened)
        *ret_count = tags_of(opened, shape, tags);
    return opened;
}

static void
place_rule(struct index *index, const uint32_t *words, uint32_t rule)
{
    uint32_t tags[COPIES_MAX], count = 0;
    struct shape shape;
    struct table *table = NULL;

    shape_rule(index, words + rule, &shape);
    if (shape.count)
        table = choose_table(index, &shape, tags, &count);
    if (!table) {
        list_add(index, rule);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!table_add(table, tags[i], rule))
            index->failed = true;
}

static bool
has_same_parts(const struct shape *a, const struct shape *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->fixed[i].field != b->fixed[i].field || a->fixed[i].bits != b->fixed[i].bits)
            return false;
    return true;
}

/* Do the rules have more shapes than may have a table each? */
static bool
has_many_shapes(const struct index *index, const uint32_t *words, uint32_t begin, uint32_t end)
{
    struct shape shapes[EXACT_UP_TO], shape;
    uint32_t count = 0, known;

    for (uint32_t rule = begin; rule < end; rule += WFP_RULE_WORDS(words[rule])) {
        shape_rule(index, words + rule, &shape);
        for (known = 0; known < count && !has_same_parts(&shapes[known], &shape);)
            known++;
        if (known < count)
            continue;
        if (count == EXACT_UP_TO)
            return true;
        shapes[count++] = shape;
    }
    return false;
}

static void
table_free(struct table *table)
{
    free(table->entries);
    free(table->slots);
}

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int
by_rule(const void *a, const void *b)
{
    return by_number(&((const struct entry *)a)->rule, &((const struct entry *)b)->rule);
}

/* Another table for a rule whose own dissolves: the one where its chains are shortest. */
static struct table *
next_home(struct index *index, const struct table *from, const struct shape *shape,
          uint32_t tags[COPIES_MAX], uint32_t *ret_count)
{
    struct table *home = NULL;
    uint32_t shortest = 2 * CHAIN_MAX;

    for (uint32_t i = 0; i < index->table_count; i++) {
        struct table *table = &index->tables[i];
        uint32_t longest = 0;

        if (table == from || !table->entry_count || !table_fits(table, shape))
            continue;
        *ret_count = tags_of(table, shape, tags);
        for (uint32_t t = 0; t < *ret_count; t++)
            longest = MAX(longest, chain_length(table, tags[t]));
        if (longest < shortest) {
            shortest = longest;
            home = table;
        }
    }
    if (home)
        *ret_count = tags_of(home, shape, tags);
    return home;
}

/* Entries came in out of order: sort them and fill the slots again. */
static void
table_settle(struct index *index, struct table *table)
{
    qsort(table->entries, table->entry_count, sizeof(table->entries[0]), by_rule);
    free(table->slots);
    table->slots = calloc(table->slot_count, sizeof(table->slots[0]));
    if (!table->slots) {
        table->slot_count = 0;
        index->failed = true;
        return;
    }
    for (uint32_t i = 0; i < table->entry_count; i++)
        slot_insert(table->slots, table->slot_count, table->entries[i]);
}

static void
dissolve(struct index *index, const uint32_t *words, struct table *table)
{
    uint32_t last = 0;

    for (uint32_t e = 0; e < table->entry_count && !index->failed; e++) {
        uint32_t rule = table->entries[e].rule, tags[COPIES_MAX], count;
        struct shape shape;
        struct table *home;

        if (rule == last) /* a copy */
            continue;
        last = rule;
        shape_rule(index, words + rule, &shape);
        home = next_home(index, table, &shape, tags, &count);
        if (!home)
            list_add(index, rule);
        for (uint32_t i = 0; home && i < count; i++)
            if (!table_add(home, tags[i], rule))
                index->failed = true;
        if (home)
            home->is_unsettled = true;
    }
    table_free(table);
    memset(table, 0, sizeof(*table));
}

/* The smallest table, if it does not pay or there are too many. */
static struct table *
choose_to_dissolve(struct index *index, uint32_t live)
{
    struct table *smallest = NULL;

    for (uint32_t i = 0; i < index->table_count; i++)
        if (index->tables[i].entry_count &&
            (!smallest || index->tables[i].entry_count < smallest->entry_count))
            smallest = &index->tables[i];
    if (smallest && (live > WFP_TABLES_MAX - 1 || smallest->entry_count < PAYS_FROM))
        return smallest;
    return NULL;
}

static void
dissolve_small_tables(struct index *index, const uint32_t *words)
{
    uint32_t live = index->table_count, kept = 0, distinct = 0;
    struct table *table;

    while (!index->failed && (table = choose_to_dissolve(index, live))) {
        dissolve(index, words, table);
        live--;
    }
    for (uint32_t i = 0; i < index->table_count; i++) {
        if (!index->tables[i].entry_count) { /* dissolved, or memory ran out while it was opened */
            table_free(&index->tables[i]);
            memset(&index->tables[i], 0, sizeof(index->tables[i]));
            continue;
        }
        if (index->tables[i].is_unsettled)
            table_settle(index, &index->tables[i]);
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

static int
by_best(const void *a, const void *b)
{
    return by_number(&((const struct table *)a)->entries[0].rule,
                     &((const struct table *)b)->entries[0].rule);
}

static void
write_list(struct wfp_words *words, const struct index *index, uint32_t entry)
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
write_table(struct wfp_words *words, const struct table *table, uint32_t entry)
{
    uint32_t part_at = words->count, slot_at, parts = 0;

    for (uint32_t i = 0; i < table->part_count; i++) {
        const struct part *part = &table->parts[i];
        for (uint32_t w = 0; w < part->word_count && mask_of(part->bits, w); w++, parts++) {
            wfp_words_push(words, part->word + w);
            wfp_words_push(words, mask_of(part->bits, w));
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
guide_for_part(const struct index *index, const struct part *part, struct guide *guide)
{
    const struct wfp_field *field = &wfp_layer_find_id(index->layer_id)->fields[part->field];

    *guide = (struct guide){.word = part->word, .mask = UINT32_MAX};
    if (field->kind == WFP_FIELD_IP_ADDRESS) {
        guide->mask = part->word_count == 1 ? mask_of(ADDRESS_BITS, 0) : UINT32_MAX;
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
choose_guides(const struct index *index, struct guide guides[WFP_FIELD_MAX])
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

static const struct part *
part_guided(const struct index *index, const struct table *table, const struct guide *guide)
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
guide_allow(const struct index *index, struct wfp_words *words, uint32_t at, uint32_t slots,
            const struct guide *guide, const struct table *table, uint32_t bit)
{
    const struct part *part = table ? part_guided(index, table, guide) : NULL;
    uint32_t *data = &words->data[at + bit / 32], flag = 1u << bit % 32, last = 0;

    for (uint32_t i = 0; !part && i < slots; i++)
        data[2 * i] |= flag;
    for (uint32_t e = 0; part && e < table->entry_count; e++) {
        const struct fixed *fixed;
        struct shape shape;

        if (table->entries[e].rule == last)
            continue;
        last = table->entries[e].rule;
        shape_rule(index, words->data + last, &shape);
        fixed = shape_find(&shape, part->field);
        for (uint32_t a = 0; a < fixed->count; a++) {
            uint32_t value = fixed->values[a][guide->word - part->word] & guide->mask;
            data[2 * (wfp_walk_hash(0, value) & (slots - 1))] |= flag;
        }
    }
}

/* @p list_bit is the number of the list among the tables, or WFP_TABLES_MAX. */
static void
write_guides(struct wfp_words *words, const struct index *index, uint32_t sublayer,
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
static void
write_tables(struct wfp_words *words, struct index *index, uint32_t sublayer, uint32_t rule_count)
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

void
wfp_image_index_append(struct wfp_words *words, uint16_t layer_id, uint32_t sublayer,
                       uint32_t begin, uint32_t end, uint32_t rule_count)
{
    struct index *index = calloc(1, sizeof(*index));

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
        write_tables(words, index, sublayer, rule_count);
    else
        words->failed = true;
    for (uint32_t i = 0; i < index->table_count; i++)
        table_free(&index->tables[i]);
    free(index->list);
    free(index);
}
