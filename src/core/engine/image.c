/*
 * The layout of an image, and its verification on values.
 */
#include "core/engine/image.h"

#include <string.h>

#include "base/status.h"
#include "core/model/condition.h"

void
wfp_words_push(struct wfp_words *words, uint32_t word)
{
    if (words->count == words->room && !words->failed) {
        uint32_t room = words->room ? 2 * words->room : 256;
        uint32_t *data = room ? realloc(words->data, room * sizeof(*data)) : NULL;
        if (data) {
            words->data = data;
            words->room = room;
        } else {
            words->failed = true;
        }
    }
    if (!words->failed)
        words->data[words->count++] = word;
}

static bool
same_sublayer(const struct wfp_filter *a, const struct wfp_filter *b)
{
    return a->sublayer_weight == b->sublayer_weight &&
           wfp_guid_equal(&a->sublayer_key, &b->sublayer_key);
}

static uint32_t
sublayer_end(const struct wfp_image_source *sources, uint32_t count, uint32_t begin)
{
    uint32_t end = begin + 1;
    while (end < count && same_sublayer(sources[begin].filter, sources[end].filter))
        end++;
    return end;
}

static uint32_t
count_sublayers(const struct wfp_image_source *sources, uint32_t count)
{
    uint32_t sublayers = 0;
    for (uint32_t i = 0; i < count; i = sublayer_end(sources, count, i))
        sublayers++;
    return sublayers;
}

static void
append_sublayer(struct wfp_words *words, uint16_t layer_id, uint32_t entry,
                const struct wfp_image_source *sources, uint32_t count, struct wfp_key_plan *plan)
{
    uint32_t begin = words->count;

    for (uint32_t i = 0; i < count; i++)
        wfp_image_rule_append(words, layer_id, &sources[i], plan);
    if (words->failed)
        return;
    words->data[entry + WFP_SUBLAYER_WEIGHT] = sources[0].filter->sublayer_weight;
    memcpy(&words->data[entry + WFP_SUBLAYER_KEY], &sources[0].filter->sublayer_key,
           sizeof(struct wfp_guid));
    words->data[entry + WFP_SUBLAYER_BEGIN] = begin;
    words->data[entry + WFP_SUBLAYER_END] = words->count;
    wfp_image_index_append(words, layer_id, entry, begin, words->count, count);
}

/* To a power of two; the rest is zero, and untouched pages of it cost nothing. */
static int
seal(struct wfp_words *words, struct wfp_image *image)
{
    uint32_t room = 1;

    while (room < words->count)
        room *= 2;
    image->words = calloc(room, sizeof(image->words[0]));
    if (!image->words)
        return -WFP_ERR_NO_MEMORY;
    memcpy(image->words, words->data, words->count * sizeof(words->data[0]));
    image->mask = room - 1;
    return 0;
}

int
wfp_image_build(uint16_t layer_id, const struct wfp_image_source *sources, uint32_t count,
                struct wfp_image *ret_image)
{
    uint32_t sublayers = count_sublayers(sources, count);
    struct wfp_image image = {0};
    struct wfp_words words = {0};
    int r = 0;

    for (uint32_t i = 0; i < WFP_IMAGE_HEADER_SIZE + sublayers * WFP_SUBLAYER_SIZE; i++)
        wfp_words_push(&words, 0);
    for (uint32_t i = 0, s = 0; i < count && !words.failed; s++) {
        uint32_t end = sublayer_end(sources, count, i);
        append_sublayer(&words, layer_id, WFP_IMAGE_HEADER_SIZE + s * WFP_SUBLAYER_SIZE,
                        sources + i, end - i, &image.plan);
        i = end;
    }
    if (words.failed || words.count > 0x40000000u) {
        r = -WFP_ERR_NO_MEMORY;
    } else {
        words.data[WFP_IMAGE_HEADER_MAGIC] = WFP_IMAGE_MAGIC;
        words.data[WFP_IMAGE_WORDS] = words.count;
        words.data[WFP_IMAGE_RULES] = count;
        words.data[WFP_IMAGE_SUBLAYERS] = sublayers;
        words.data[WFP_IMAGE_SUBLAYER_AT] = WFP_IMAGE_HEADER_SIZE;
        r = seal(&words, &image);
    }
    free(words.data);
    if (r == 0)
        *ret_image = image;
    return r;
}

void
wfp_image_fini(struct wfp_image *image)
{
    free(image->words);
    memset(image, 0, sizeof(*image));
}

void
wfp_image_for_each_slot(const struct wfp_image *image, void (*visit)(void *context, uint32_t slot),
                        void *context)
{
    const uint32_t *words = image->words;

    for (uint32_t s = 0; s < words[WFP_IMAGE_SUBLAYERS]; s++) {
        const uint32_t *sublayer = &words[words[WFP_IMAGE_SUBLAYER_AT] + s * WFP_SUBLAYER_SIZE];
        for (uint32_t rule = sublayer[WFP_SUBLAYER_BEGIN]; rule < sublayer[WFP_SUBLAYER_END];
             rule += WFP_RULE_WORDS(words[rule]))
            visit(context, wfp_image_rule_word(image, rule, WFP_RULE_SLOT));
    }
}

bool
wfp_image_verify(const struct wfp_image *image, const uint32_t *key, uint32_t rule,
                 const struct wfp_filter *filter, const struct wfp_indication *indication)
{
    uint32_t tests = image->words[rule + 1], at = rule + WFP_RULE_TEST_AT;
    struct wfp_condition_view view;
    bool any = false;

    for (uint32_t i = 0; i < tests; i++) {
        uint32_t word = image->words[at], op = WFP_TEST_OP(word), field = WFP_TEST_FIELD(word);
        uint32_t number = at + wfp_walk_test_words(word) - 1;

        if (any)
            ;
        else if (op != WFP_TEST_HASH && op != WFP_TEST_SLOW)
            any = wfp_walk_test(image->words, image->mask, key, at);
        else if (field < indication->value_count &&
                 wfp_walk_test(image->words, image->mask, key, at)) {
            const struct wfp_condition *condition =
                wfp_filter_condition(filter, image->words[number], &view);
            any = wfp_condition_match(&indication->values[field], condition->match,
                                      &condition->value);
        }
        if (word & WFP_TEST_LAST) {
            if (!any)
                return false;
            any = false;
        }
        at = number + 1;
    }
    return true;
}
