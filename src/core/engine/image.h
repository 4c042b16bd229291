/*
 * Building images: the filters of a layer, in order of rank, to words.
 *
 * Model      image.c lays out sublayers and rules, image_rule.c turns conditions into tests,
 *            image_index.c chooses tables by the rules' shapes (image_shape.c, image_table.c),
 *            image_write.c writes them. What the words mean is in walk.h.
 * Lifetime   An image owns its words and is never changed once built.
 */
#ifndef WFP_CORE_ENGINE_IMAGE_H
#define WFP_CORE_ENGINE_IMAGE_H

#include "core/engine/key.h"

struct wfp_image {
    uint32_t *words; /* mask + 1 of them, a power of two */
    uint32_t mask;
    struct wfp_key_plan plan; /* the fields its tests need */
};

/** A filter to compile, and the slot that stands for it at run time. */
struct wfp_image_source {
    const struct wfp_filter *filter;
    uint32_t slot;
};

/**
 * @param sources  in order of rank: sublayers by weight, filters by weight, newest first
 * @return 0 or -WFP_ERR_NO_MEMORY
 */
int wfp_image_build(uint16_t layer_id, const struct wfp_image_source *sources, uint32_t count,
                    struct wfp_image *ret_image);
void wfp_image_fini(struct wfp_image *image);
/** Calls @p visit with the slot of every rule. */
void wfp_image_for_each_slot(const struct wfp_image *image,
                             void (*visit)(void *context, uint32_t slot), void *context);

/**
 * Decide a rule that the walk could only call possible (WFP_RULE_VERIFY), on the values themselves.
 * Context: no locks, no allocation.
 */
bool wfp_image_verify(const struct wfp_image *image, const uint32_t *key, uint32_t rule,
                      const struct wfp_filter *filter, const struct wfp_indication *indication);

/* One of a rule's last words. */
static inline uint32_t
wfp_image_rule_word(const struct wfp_image *image, uint32_t rule, enum wfp_rule_word which)
{
    uint32_t end = rule + WFP_RULE_WORDS(image->words[rule & image->mask]);
    return image->words[(end - WFP_RULE_TAIL + which) & image->mask];
}

/* For the files that build: words that grow. `failed` is sticky, so callers check once. */
struct wfp_words {
    uint32_t *data;
    uint32_t count, room;
    bool failed;
};
void wfp_words_push(struct wfp_words *words, uint32_t word);

/* image_rule.c: append the rule of a filter. */
void wfp_image_rule_append(struct wfp_words *words, uint16_t layer_id,
                           const struct wfp_image_source *source, struct wfp_key_plan *plan);
/* image_index.c: append the tables of the rules [begin, end) and fill in the sublayer's entry. */
void wfp_image_index_append(struct wfp_words *words, uint16_t layer_id, uint32_t sublayer,
                            uint32_t begin, uint32_t end, uint32_t rule_count);

#endif
