/*
 * The image: the filters of a layer as words, and the walk that finds those that match.
 *
 * Model      An image is an array of 32-bit words, a power of two long. It has offsets and no
 *            pointers, so it may be copied, mapped or read by a program inside the kernel. Every
 *            read is masked and every loop bounded. What the walk knows of an indication is its key
 *            record: the fields' values as words at places fixed per layer (key.h).
 *
 *   header     WFP_IMAGE_*: words used, sublayers, where their entries are
 *   sublayer   WFP_SUBLAYER_*: identity, its rules' extent, its tables; heaviest sublayer first
 *   rule       [words | flags] [tests] test... then WFP_RULE_*: what to do on a match
 *              Rules of a sublayer lie in order of rank, so the smaller offset is the better rule.
 *   test       WFP_TEST_*: one condition; its operands follow. The tests of one field stand
 *              together and are alternatives; the last of them is marked.
 *   table      WFP_TABLE_*: rules that agree on which bits of the key to hash (its parts); slots
 *              of {tag, rule}, probed linearly. A table without parts is a plain list of rules.
 *              Tables are sorted by their best rule; there are at most 64.
 *   guide      WFP_GUIDE_*: for some bits of the key, which tables can have a match: slots of 64
 *              bits. A table is probed only if all guides of the sublayer allow it.
 *
 * Contract   wfp_walk_next() gives the best matching rule at or behind `floor`: a caller gets all
 *            matches lazily in descending order, and a better index never shows. Tests that words
 *            cannot decide (WFP_TEST_SLOW, _HASH) count as true here; such a rule is marked
 *            WFP_RULE_VERIFY and the caller asks verify.c.
 * Not here   image.c builds; this file must also compile for BPF: no libc, no pointers but
 *            arguments.
 */
#ifndef WFP_CORE_ENGINE_WALK_H
#define WFP_CORE_ENGINE_WALK_H

#include <stdint.h>

/* Key records: presence bits of up to 64 fields, EMPTY bits, then values. */
#define WFP_KEY_WORDS   128u
#define WFP_KEY_PRESENT 0u /* 2 words: the field has a value of its type */
#define WFP_KEY_EMPTY   2u /* 2 words: the field is FWP_EMPTY */
#define WFP_KEY_VALUES  4u

#define WFP_IMAGE_MAGIC 0x31504657u /* "WFP1" */

enum wfp_image_word {
    WFP_IMAGE_HEADER_MAGIC,
    WFP_IMAGE_WORDS, /* used */
    WFP_IMAGE_RULES,
    WFP_IMAGE_SUBLAYERS,
    WFP_IMAGE_SUBLAYER_AT,
    WFP_IMAGE_HEADER_SIZE = 8,
};

enum wfp_sublayer_word {
    WFP_SUBLAYER_WEIGHT,
    WFP_SUBLAYER_KEY,       /* 4 words */
    WFP_SUBLAYER_BEGIN = 5, /* first rule */
    WFP_SUBLAYER_END,       /* behind the last */
    WFP_SUBLAYER_TABLES,
    WFP_SUBLAYER_TABLE_AT,
    WFP_SUBLAYER_GUIDES,
    WFP_SUBLAYER_GUIDE_AT,
    WFP_SUBLAYER_SIZE,
};

#define WFP_TABLES_MAX 64u
#define WFP_GUIDES_MAX 5u

enum wfp_guide_word {
    WFP_GUIDE_KEY,     /* word of the key */
    WFP_GUIDE_MASK,    /* bits of it */
    WFP_GUIDE_SLOTS,   /* slots - 1 */
    WFP_GUIDE_SLOT_AT, /* 2 words each: bits of tables 0-31, 32-63 */
    WFP_GUIDE_SIZE,
};

enum wfp_table_word {
    WFP_TABLE_BEST,  /* first rule */
    WFP_TABLE_LAST,  /* last rule */
    WFP_TABLE_SLOTS, /* slots - 1; of a list: its length */
    WFP_TABLE_SLOT_AT,
    WFP_TABLE_PARTS,
    WFP_TABLE_PART_AT, /* pairs {word of the key, mask} */
    WFP_TABLE_SIZE,
};

/* The first word of a rule. */
#define WFP_RULE_WORDS(w) ((w)&0xffffffu)
#define WFP_RULE_VERIFY   0x80000000u
#define WFP_RULE_TEST_AT  2u /* tests begin here; the second word is their number */
/* Its last words, from the end. */
enum wfp_rule_word {
    WFP_RULE_SLOT,
    WFP_RULE_ACTION, /* action | filter flags << 16 */
    WFP_RULE_CALLOUT,
    WFP_RULE_ID_LOW,
    WFP_RULE_ID_HIGH,
    WFP_RULE_TAIL,
};

enum wfp_test_op {
    WFP_TEST_EQUAL, /* operands: n words */
    WFP_TEST_MASK,  /* n masks, n values: (v & mask) == value */
    WFP_TEST_RANGE, /* n low, n high: first word most significant */
    WFP_TEST_EMPTY, /* none */
    WFP_TEST_NEVER, /* none */
    WFP_TEST_HASH,  /* 2 words of hash, the condition's place; equal means perhaps */
    WFP_TEST_SLOW,  /* the condition's place; perhaps */
};

/* A test's first word. */
#define WFP_TEST_KEY(w)   ((w)&0x7fu)       /* first word of the key */
#define WFP_TEST_COUNT(w) ((w) >> 7 & 0x7u) /* words compared: 1, 2 or 4 */
#define WFP_TEST_OP(w)    ((w) >> 10 & 0x7u)
#define WFP_TEST_NEGATED  0x2000u
#define WFP_TEST_LAST     0x4000u /* of its field */
#define WFP_TEST_FIELD(w) ((w) >> 16 & 0x3fu)
#define WFP_TEST_MAKE(key, count, op, field)                                                       \
    ((uint32_t)(key) | (uint32_t)(count) << 7 | (uint32_t)(op) << 10 | (uint32_t)(field) << 16)

/** Words a test takes, with its first. */
static inline uint32_t
wfp_walk_test_words(uint32_t word)
{
    uint32_t n = WFP_TEST_COUNT(word);

    switch (WFP_TEST_OP(word)) {
    case WFP_TEST_EQUAL:
        return 1 + n;
    case WFP_TEST_MASK:
    case WFP_TEST_RANGE:
        return 1 + 2 * n;
    case WFP_TEST_HASH:
        return 4;
    case WFP_TEST_SLOW:
        return 2;
    default:
        return 1;
    }
}

/** One step of the hash over the parts of a key; begin with 0. */
static inline uint32_t
wfp_walk_hash(uint32_t hash, uint32_t word)
{
    hash = (hash ^ word) * 0x9E3779B1u;
    return hash ^ hash >> 15;
}

/** Is the test at @p at true (perhaps, for HASH and SLOW)? */
uint32_t wfp_walk_test(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t at);
/** Does the rule at @p rule match (perhaps, if it is marked WFP_RULE_VERIFY)? */
uint32_t wfp_walk_rule(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t rule);
/**
 * The best matching rule of a sublayer at or behind @p floor.
 *
 * @param image     the words
 * @param mask      their number, a power of two, minus one
 * @param key       WFP_KEY_WORDS words
 * @param sublayer  offset of the sublayer's entry
 * @param floor     0, or one more than the rule found before
 * @return offset of the rule, or 0
 */
uint32_t wfp_walk_next(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t sublayer,
                       uint32_t floor);

#endif
