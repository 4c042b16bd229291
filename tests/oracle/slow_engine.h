/*
 * A plain, slow filter engine, written from the rules alone: the twin that the real one is compared
 * with. No index, no words, no sharing of code with src/core/engine or condition.c.
 */
#ifndef TESTS_ORACLE_SLOW_ENGINE_H
#define TESTS_ORACLE_SLOW_ENGINE_H

#include "core/engine/engine.h"
#include "core/model/layer.h"

/** What a callout leaves in classifyOut. action 0: as found. */
struct slow_answer {
    uint32_t action;
    bool clears_right, sets_right, absorbs;
};

/** One call of a callout: what it was given. */
struct slow_call {
    uint64_t filter_id;
    uint32_t action_in, rights_in;
};

#define SLOW_CALLS_MAX 1024

struct slow_world {
    struct wfp_filter **filters; /* in force */
    uint32_t filter_count;
    bool (*is_registered)(uint32_t callout_id);
    struct slow_answer (*answer)(uint64_t filter_id);
    /* Whether the descriptor admits the token: the world made both, so it knows. */
    bool (*admits)(const struct wfp_value *descriptor, const struct wfp_value *token);
};

struct slow_result {
    struct wfp_verdict verdict;
    struct slow_call calls[SLOW_CALLS_MAX];
    uint32_t call_count;
};

/** Is one filter's every field satisfied? */
bool slow_matches(const struct slow_world *world, const struct wfp_filter *filter,
                  const struct wfp_value *values, uint32_t value_count);
void slow_classify(const struct slow_world *world, uint16_t layer_id,
                   const struct wfp_value *values, uint32_t value_count,
                   struct slow_result *ret_result);

#endif
