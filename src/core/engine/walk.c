/*
 * The walk over an image; see walk.h for the words. Compiled for user space and for BPF.
 */
#include "core/engine/walk.h"

#define WORD(i) image[(i)&mask]
#define KEY(i)  key[(i) & (WFP_KEY_WORDS - 1)]

/* More than any image has: bounds for loops whose true count is a word of the image. */
#define LOOP_MAX 0x1000000u

/* Is v (n words of the key) at or above the n words at `at`? */
static inline uint32_t
at_least(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t v, uint32_t at,
         uint32_t n)
{
    for (uint32_t i = 0; i < n && i < 4; i++) {
        uint32_t a = KEY(v + i), b = WORD(at + i);
        if (a != b)
            return a > b;
    }
    return 1;
}

static inline uint32_t
at_most(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t v, uint32_t at,
        uint32_t n)
{
    for (uint32_t i = 0; i < n && i < 4; i++) {
        uint32_t a = KEY(v + i), b = WORD(at + i);
        if (a != b)
            return a < b;
    }
    return 1;
}

static inline uint32_t
equal(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t v, uint32_t at,
      uint32_t n)
{
    uint32_t difference = 0;
    for (uint32_t i = 0; i < n && i < 4; i++)
        difference |= KEY(v + i) ^ WORD(at + i);
    return difference == 0;
}

static inline uint32_t
masked_equal(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t v, uint32_t at,
             uint32_t n)
{
    uint32_t difference = 0;
    for (uint32_t i = 0; i < n && i < 4; i++)
        difference |= (KEY(v + i) & WORD(at + i)) ^ WORD(at + n + i);
    return difference == 0;
}

static inline uint32_t
has_bit(const uint32_t *key, uint32_t at, uint32_t field)
{
    return KEY(at + (field >> 5)) >> (field & 31) & 1;
}

static inline uint32_t
test(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t at, uint32_t word)
{
    uint32_t v = WFP_TEST_KEY(word), n = WFP_TEST_COUNT(word), truth;

    if (!has_bit(key, WFP_KEY_PRESENT, WFP_TEST_FIELD(word)))
        return WFP_TEST_OP(word) == WFP_TEST_EMPTY &&
               has_bit(key, WFP_KEY_EMPTY, WFP_TEST_FIELD(word));
    if (n == 1) { /* most fields */
        uint32_t value = KEY(v), first = WORD(at + 1);

        switch (WFP_TEST_OP(word)) {
        case WFP_TEST_EQUAL:
            truth = value == first;
            break;
        case WFP_TEST_MASK:
            truth = (value & first) == WORD(at + 2);
            break;
        case WFP_TEST_RANGE:
            truth = value >= first && value <= WORD(at + 2);
            break;
        default:
            return WFP_TEST_OP(word) == WFP_TEST_SLOW;
        }
        return truth ^ ((word & WFP_TEST_NEGATED) != 0);
    }
    switch (WFP_TEST_OP(word)) {
    case WFP_TEST_EQUAL:
        truth = equal(image, mask, key, v, at + 1, n);
        break;
    case WFP_TEST_MASK:
        truth = masked_equal(image, mask, key, v, at + 1, n);
        break;
    case WFP_TEST_RANGE:
        truth =
            at_least(image, mask, key, v, at + 1, n) && at_most(image, mask, key, v, at + 1 + n, n);
        break;
    case WFP_TEST_HASH:
        return equal(image, mask, key, v, at + 1, 2);
    case WFP_TEST_SLOW:
        return 1;
    default:
        return 0;
    }
    return truth ^ ((word & WFP_TEST_NEGATED) != 0);
}

uint32_t
wfp_walk_test(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t at)
{
    return test(image, mask, key, at, WORD(at));
}

static inline uint32_t
rule_matches(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t rule)
{
    uint32_t tests = WORD(rule + 1), at = rule + WFP_RULE_TEST_AT, any = 0;

    for (uint32_t i = 0; i < tests && i < LOOP_MAX; i++) {
        uint32_t word = WORD(at);

        any |= test(image, mask, key, at, word);
        if (word & WFP_TEST_LAST) {
            if (!any)
                return 0;
            any = 0;
        }
        at += wfp_walk_test_words(word);
    }
    return 1;
}

uint32_t
wfp_walk_rule(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t rule)
{
    return rule_matches(image, mask, key, rule);
}

/* The first of a sorted list of rules that is not below floor. */
static inline uint32_t
list_position(const uint32_t *image, uint32_t mask, uint32_t at, uint32_t count, uint32_t floor)
{
    uint32_t low = 0, high = count;

    for (uint32_t i = 0; i < 32 && low < high; i++) {
        uint32_t middle = low + (high - low) / 2;
        if (WORD(at + middle) < floor)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static inline uint32_t
next_in_list(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t table,
             uint32_t floor, uint32_t best)
{
    uint32_t at = WORD(table + WFP_TABLE_SLOT_AT), count = WORD(table + WFP_TABLE_SLOTS);
    uint32_t from = floor > WORD(at) ? list_position(image, mask, at, count, floor) : 0;

    for (uint32_t i = from; i < count && i < LOOP_MAX; i++) {
        uint32_t rule = WORD(at + i);
        if (rule >= best)
            return best;
        if (rule_matches(image, mask, key, rule))
            return rule;
    }
    return best;
}

static inline uint32_t
next_in_table(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t table,
              uint32_t floor, uint32_t best)
{
    uint32_t parts = WORD(table + WFP_TABLE_PARTS), part = WORD(table + WFP_TABLE_PART_AT);
    uint32_t at = WORD(table + WFP_TABLE_SLOT_AT), slots = WORD(table + WFP_TABLE_SLOTS), tag = 0;

    for (uint32_t i = 0; i < parts && i < WFP_KEY_WORDS; i++)
        tag = wfp_walk_hash(tag, KEY(WORD(part + 2 * i)) & WORD(part + 2 * i + 1));
    for (uint32_t i = tag, n = 0; n <= slots && n < LOOP_MAX; i++, n++) {
        uint32_t slot = at + 2 * (i & slots), rule = WORD(slot + 1);

        if (!rule)
            return best;
        if (WORD(slot) != tag || rule < floor)
            continue;
        if (rule >= best)
            return best; /* those of one tag lie in order */
        if (rule_matches(image, mask, key, rule))
            return rule;
    }
    return best;
}

/* Which tables the guides allow. */
static inline uint64_t
allowed_tables(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t sublayer,
               uint32_t tables)
{
    uint64_t allowed = tables >= WFP_TABLES_MAX ? ~(uint64_t)0 : ((uint64_t)1 << tables) - 1;
    uint32_t guides = WORD(sublayer + WFP_SUBLAYER_GUIDES);
    uint32_t guide = WORD(sublayer + WFP_SUBLAYER_GUIDE_AT);

    for (uint32_t i = 0; i < guides && i < WFP_GUIDES_MAX; i++, guide += WFP_GUIDE_SIZE) {
        uint32_t value = KEY(WORD(guide + WFP_GUIDE_KEY)) & WORD(guide + WFP_GUIDE_MASK);
        uint32_t slot = wfp_walk_hash(0, value) & WORD(guide + WFP_GUIDE_SLOTS);
        uint32_t at = WORD(guide + WFP_GUIDE_SLOT_AT) + 2 * slot;
        allowed &= WORD(at) | (uint64_t)WORD(at + 1) << 32;
    }
    return allowed;
}

static inline uint32_t
lowest_bit(uint64_t bits)
{
#ifdef __BPF__
    uint32_t n = 0;
    for (uint32_t width = 32; width > 0; width /= 2) {
        if (!(bits & (((uint64_t)1 << width) - 1))) {
            bits >>= width;
            n += width;
        }
    }
    return n;
#else
    return (uint32_t)__builtin_ctzll(bits);
#endif
}

uint32_t
wfp_walk_next(const uint32_t *image, uint32_t mask, const uint32_t *key, uint32_t sublayer,
              uint32_t floor)
{
    uint32_t tables = WORD(sublayer + WFP_SUBLAYER_TABLES);
    uint32_t first = WORD(sublayer + WFP_SUBLAYER_TABLE_AT);
    uint32_t none = WORD(sublayer + WFP_SUBLAYER_END), best = none;
    uint64_t allowed = allowed_tables(image, mask, key, sublayer, tables);

    for (uint32_t i = 0; allowed && i < WFP_TABLES_MAX; i++, allowed &= allowed - 1) {
        uint32_t table = first + lowest_bit(allowed) * WFP_TABLE_SIZE;

        if (WORD(table + WFP_TABLE_BEST) >= best)
            break;
        if (WORD(table + WFP_TABLE_LAST) < floor)
            continue;
        best = WORD(table + WFP_TABLE_PARTS) ? next_in_table(image, mask, key, table, floor, best)
                                             : next_in_list(image, mask, key, table, floor, best);
    }
    return best == none ? 0 : best;
}
