/*
 * Page: win32 FWP/filter-arbitration (with ddi fwpsk nc-fwps_callout_classify_fn1,
 * fwps_classify_out0 and unregisterbyid0 where that page leaves off). A row per rule.
 *
 * A row is a policy of up to six filters at one layer, each in a sublayer of a given weight, and
 * what must come of it: the action, who decided, which callouts were called and what they were
 * shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../unit/core/engine/policy.h"

#define LAYER WFP_LAYER_ALE_AUTH_CONNECT_V4

#define PERMIT      WFP_ACTION_PERMIT
#define BLOCK       WFP_ACTION_BLOCK
#define CONTINUE    WFP_ACTION_CONTINUE
#define NONE        WFP_ACTION_NONE
#define NO_MATCH    WFP_ACTION_NONE_NO_MATCH
#define TERMINATING WFP_ACTION_CALLOUT_TERMINATING
#define INSPECTION  WFP_ACTION_CALLOUT_INSPECTION
#define UNKNOWN     WFP_ACTION_CALLOUT_UNKNOWN
#define CLEAR       WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT
#define IF_MISSING  WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED
#define MAY         WFP_RIGHT_ACTION_WRITE

enum { HARD = 1, ABSORB = 2, MISSING = 4, GIVES_BACK = 8 };

struct rule_filter {
    uint16_t sublayer;
    uint64_t weight;
    uint32_t action;
    uint32_t flags;                /* of the filter */
    uint32_t answer;               /* of its callout; 0: leaves what it found */
    uint32_t manner;               /* HARD: clears the right ... */
    int calls;                     /* expected */
    uint32_t action_in, rights_in; /* expected, where called */
};

struct rule {
    const char *text;
    struct rule_filter filters[6]; /* ids 1, 2, ... */
    uint32_t action;
    uint64_t decider; /* filter id; 0: nobody */
    bool veto, absorb;
};

static const struct rule rules[] = {
    /* Within a sublayer */
    {"a layer without filters permits, and nobody decided", {{0}}, PERMIT, 0},
    {"filters are evaluated from the highest weight", {{9, 1, BLOCK}, {9, 2, PERMIT}}, PERMIT, 2},
    {"weights compare as 64-bit numbers",
     {{9, 0x4fffffffffffffff, BLOCK}, {9, 0x5000000000000000, PERMIT}},
     PERMIT,
     2},
    {"evaluation of a sublayer stops at the first permit or block",
     {{9, 3, PERMIT}, {9, 2, UNKNOWN, 0, BLOCK, 0, 0}, {9, 1, BLOCK}},
     PERMIT,
     1},
    {"a callout that continues falls through to the next filter of its sublayer",
     {{9, 3, UNKNOWN, 0, CONTINUE, 0, 1, NONE, MAY}, {9, 2, BLOCK}},
     BLOCK,
     2},
    {"none falls through as well",
     {{9, 3, UNKNOWN, 0, NONE, 0, 1, NONE, MAY}, {9, 2, BLOCK}},
     BLOCK,
     2},
    {"none-no-match falls through as well",
     {{9, 3, UNKNOWN, 0, NO_MATCH, 0, 1, NONE, MAY}, {9, 2, BLOCK}},
     BLOCK,
     2},
    {"even a terminating callout that does not decide is passed over",
     {{9, 3, TERMINATING, 0, CONTINUE, 0, 1, NONE, MAY}, {9, 2, BLOCK}},
     BLOCK,
     2},
    {"only continuations decide nothing",
     {{9, 3, UNKNOWN, 0, CONTINUE, 0, 1, NONE, MAY}, {5, 3, UNKNOWN, 0, CONTINUE, 0, 1, NONE, MAY}},
     PERMIT,
     0},
    {"a continuation leaves the carried action as it is",
     {{9, 1, TERMINATING, 0, BLOCK, 0, 1, NONE, MAY},
      {5, 1, UNKNOWN, 0, CONTINUE, 0, 1, BLOCK, MAY}},
     BLOCK,
     1},

    /* Across sublayers */
    {"sublayers are evaluated from the highest weight: the later soft decision stands",
     {{5, 1, PERMIT}, {9, 1, TERMINATING, 0, BLOCK, 0, 1, NONE, MAY}},
     PERMIT,
     1},
    {"a filter's permit is soft: a lower block overrides it",
     {{9, 1, PERMIT}, {5, 1, BLOCK}},
     BLOCK,
     2},
    {"a filter's block is hard: a lower permit does not override it",
     {{9, 1, BLOCK}, {5, 1, PERMIT}},
     BLOCK,
     1},
    {"a callout's block is soft: a lower permit overrides it",
     {{9, 1, TERMINATING, 0, BLOCK, 0, 1, NONE, MAY}, {5, 1, PERMIT}},
     PERMIT,
     2},
    {"a callout's block is hard when it clears the right",
     {{9, 1, TERMINATING, 0, BLOCK, HARD, 1, NONE, MAY}, {5, 1, PERMIT}},
     BLOCK,
     1},
    {"a callout's permit is soft",
     {{9, 1, TERMINATING, 0, PERMIT, 0, 1, NONE, MAY}, {5, 1, BLOCK}},
     BLOCK,
     2},
    {"a callout's permit is hard when it clears the right",
     {{9, 1, TERMINATING, 0, PERMIT, HARD, 1, NONE, MAY}, {5, 1, BLOCK}},
     PERMIT,
     1},
    {"a filter's permit is hard when the filter clears the right: a lower block filter loses",
     {{9, 1, PERMIT, CLEAR}, {5, 1, BLOCK}},
     PERMIT,
     1},
    {"on a callout's filter the flag is advice: the callout must clear the right itself",
     {{9, 1, TERMINATING, CLEAR, PERMIT, 0, 1, NONE, MAY}, {5, 1, BLOCK}},
     BLOCK,
     2},
    {"lower sublayers run after a hard block: inspections there see the traffic",
     {{9, 1, BLOCK}, {5, 1, INSPECTION, 0, CONTINUE, 0, 1, BLOCK, 0}},
     BLOCK,
     1},
    {"the last of several soft decisions stands",
     {{9, 1, PERMIT},
      {7, 1, TERMINATING, 0, BLOCK, 0, 1, PERMIT, MAY},
      {5, 1, TERMINATING, 0, PERMIT, 0, 1, BLOCK, MAY}},
     PERMIT,
     3},
    {"rank alone gives no right: three soft permits lose to the lowest block",
     {{9, 1, PERMIT}, {7, 1, PERMIT}, {6, 1, PERMIT}, {5, 1, BLOCK}},
     BLOCK,
     4},

    /* Rights and veto */
    {"a callout is shown the carried action and the right to change it",
     {{9, 1, PERMIT}, {5, 1, UNKNOWN, 0, CONTINUE, 0, 1, PERMIT, MAY}},
     PERMIT,
     1},
    {"after a hard permit a callout is shown that it has no right",
     {{9, 1, PERMIT, CLEAR}, {5, 1, UNKNOWN, 0, CONTINUE, 0, 1, PERMIT, 0}},
     PERMIT,
     1},
    {"a callout's block against a hard permit is a veto",
     {{9, 1, PERMIT, CLEAR}, {5, 1, TERMINATING, 0, BLOCK, 0, 1, PERMIT, 0}},
     BLOCK,
     2,
     true},
    {"a veto is final",
     {{9, 1, PERMIT, CLEAR},
      {7, 1, TERMINATING, 0, BLOCK, 0, 1, PERMIT, 0},
      {5, 1, TERMINATING, 0, PERMIT, 0, 1, BLOCK, 0}},
     BLOCK,
     2,
     true},
    {"a permit written without the right is ignored",
     {{9, 1, BLOCK}, {5, 1, TERMINATING, 0, PERMIT, 0, 1, BLOCK, 0}},
     BLOCK,
     1},
    {"a block written after a hard block changes nothing, and is no veto",
     {{9, 1, BLOCK}, {5, 1, TERMINATING, 0, BLOCK, 0, 1, BLOCK, 0}},
     BLOCK,
     1},
    {"an ignored answer does not end its sublayer (Choice: decision 2)",
     {{9, 1, BLOCK},
      {5, 2, TERMINATING, 0, PERMIT, 0, 1, BLOCK, 0},
      {5, 1, UNKNOWN, 0, CONTINUE, 0, 1, BLOCK, 0}},
     BLOCK,
     1},
    {"a callout cannot give itself the right back",
     {{9, 1, PERMIT, CLEAR}, {7, 1, UNKNOWN, 0, CONTINUE, GIVES_BACK, 1, PERMIT, 0}, {5, 1, BLOCK}},
     PERMIT,
     1},
    {"clearing the right without deciding clears nothing",
     {{9, 1, UNKNOWN, 0, CONTINUE, HARD, 1, NONE, MAY}, {5, 1, PERMIT}, {4, 1, BLOCK}},
     BLOCK,
     3},

    /* Kinds of callout */
    {"an inspection's block is ignored",
     {{9, 2, INSPECTION, 0, BLOCK, HARD, 1, NONE, MAY}, {9, 1, PERMIT}},
     PERMIT,
     2},
    {"an inspection's permit does not end its sublayer",
     {{9, 2, INSPECTION, 0, PERMIT, HARD, 1, NONE, MAY}, {9, 1, BLOCK}},
     BLOCK,
     2},
    {"an inspection cannot veto",
     {{9, 1, PERMIT, CLEAR}, {5, 1, INSPECTION, 0, BLOCK, 0, 1, PERMIT, 0}},
     PERMIT,
     1},
    {"an unknown callout may permit", {{9, 1, UNKNOWN, 0, PERMIT, 0, 1, NONE, MAY}}, PERMIT, 1},
    {"an unknown callout may block", {{9, 1, UNKNOWN, 0, BLOCK, 0, 1, NONE, MAY}}, BLOCK, 1},

    /* Callouts that are not registered */
    {"a terminating callout that is not registered blocks",
     {{9, 1, TERMINATING, 0, 0, MISSING}},
     BLOCK,
     1},
    {"an unknown callout that is not registered blocks, hard",
     {{9, 1, UNKNOWN, 0, 0, MISSING}, {5, 1, PERMIT}},
     BLOCK,
     1},
    {"an inspection that is not registered is skipped",
     {{9, 2, INSPECTION, 0, 0, MISSING}, {9, 1, PERMIT}},
     PERMIT,
     2},
    {"permit-if-unregistered permits instead",
     {{9, 1, TERMINATING, IF_MISSING, 0, MISSING}},
     PERMIT,
     1},
    {"permit-if-unregistered permits softly",
     {{9, 1, UNKNOWN, IF_MISSING, 0, MISSING}, {5, 1, BLOCK}},
     BLOCK,
     2},

    /* Absorb */
    {"a callout's block may absorb",
     {{9, 1, TERMINATING, 0, BLOCK, ABSORB, 1, NONE, MAY}},
     BLOCK,
     1,
     false,
     true},
    {"absorb means nothing with a permit",
     {{9, 1, TERMINATING, 0, PERMIT, ABSORB, 1, NONE, MAY}},
     PERMIT,
     1},
    {"a soft absorbed block that is overridden absorbs nothing",
     {{9, 1, TERMINATING, 0, BLOCK, ABSORB, 1, NONE, MAY}, {5, 1, PERMIT}},
     PERMIT,
     2},
    {"a later plain block does not inherit absorb",
     {{9, 1, TERMINATING, 0, BLOCK, ABSORB, 1, NONE, MAY}, {5, 1, BLOCK}},
     BLOCK,
     2},
    {"a veto may absorb",
     {{9, 1, PERMIT, CLEAR}, {5, 1, TERMINATING, 0, BLOCK, ABSORB, 1, PERMIT, 0}},
     BLOCK,
     2,
     true,
     true},
};

static struct wfp_engine *engine;
static struct scripted scripts[6];

static bool
check(bool truth, const char *rule, const char *what)
{
    if (!truth)
        printf("  \"%s\": %s\n", rule, what);
    return truth;
}

static struct wfp_filter *
make(const struct rule_filter *from, uint32_t i)
{
    struct wfp_filter *filter =
        make_filter(i + 1, LAYER, from->sublayer, from->weight, from->action);
    struct wfp_guid key = {.data1 = 100 + i};

    filter->flags = from->flags;
    if (!(from->action & WFP_ACTION_FLAG_CALLOUT))
        return filter;
    if (from->manner & MISSING) {
        filter->callout_id = wfp_callout_id(engine, &key);
        return filter;
    }
    scripts[i] = (struct scripted){.action = from->answer,
                                   .clear_right = from->manner & HARD,
                                   .give_right = from->manner & GIVES_BACK,
                                   .absorb = from->manner & ABSORB};
    filter->callout_id = register_scripted(engine, key.data1, 0, &scripts[i]);
    return filter;
}

static bool
rule_holds(const struct rule *rule)
{
    struct wfp_value values[WFP_FIELD_MAX] = {0};
    struct wfp_indication indication = {
        .layer_id = LAYER, .values = values, .value_count = wfp_layer_find_id(LAYER)->field_count};
    struct wfp_filter *filters[6];
    struct wfp_verdict verdict;
    uint32_t count = 0;
    bool ok = true;

    memset(scripts, 0, sizeof(scripts));
    assert_int_equal(wfp_engine_new(&engine), 0);
    for (; count < 6 && rule->filters[count].action; count++)
        filters[count] = make(&rule->filters[count], count);
    commit_all(engine, filters, count);
    wfp_classify(engine, &indication, &verdict);
    ok &= check(verdict.action == rule->action, rule->text, "the action");
    ok &= check(verdict.filter_id == rule->decider, rule->text, "who decided");
    ok &= check(verdict.decided == (rule->decider != 0), rule->text, "whether anyone decided");
    ok &= check(verdict.veto == rule->veto, rule->text, "the veto");
    ok &= check(verdict.absorb == rule->absorb, rule->text, "absorb");
    for (uint32_t i = 0; i < count; i++) {
        ok &= check((int)scripts[i].calls == rule->filters[i].calls, rule->text, "the calls");
        if (!scripts[i].calls)
            continue;
        ok &= check(scripts[i].action_in == rule->filters[i].action_in, rule->text,
                    "the action shown to the callout");
        ok &= check(scripts[i].rights_in == rule->filters[i].rights_in, rule->text,
                    "the rights shown to the callout");
    }
    wfp_engine_free(engine);
    return ok;
}

static void
test_every_rule_of_the_page(void **state)
{
    uint32_t held = 0;

    for (size_t i = 0; i < ELEMENTSOF(rules); i++)
        held += rule_holds(&rules[i]);
    printf("filter-arbitration: %u of %zu rules hold\n", held, ELEMENTSOF(rules));
    assert_int_equal(held, ELEMENTSOF(rules));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_rule_of_the_page)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
