/*
 * Page: win32 FWP/filter-weight-assignment, with fwpmtypes/ns-fwpmtypes-fwpm_filter0 (weight,
 * effectiveWeight). A row per rule. What the automatic number is, bit by bit: decision 4 and
 * tests/unit/core/model/weight_test.c.
 */
#include "management.h"

#define V4 WFP_LAYER_OUTBOUND_TRANSPORT_V4

static FWPM_FILTER_CONDITION0
remote_address(FWP_CONDITION_VALUE0 value)
{
    return (FWPM_FILTER_CONDITION0){
        .fieldKey = field(V4, WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS),
        .matchType = FWP_MATCH_EQUAL,
        .conditionValue = value};
}

static FWPM_FILTER_CONDITION0
remote_port(FWP_MATCH_TYPE match, FWP_CONDITION_VALUE0 value)
{
    return (FWPM_FILTER_CONDITION0){.fieldKey =
                                        field(V4, WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT),
                                    .matchType = match,
                                    .conditionValue = value};
}

static UINT64
add(struct world *w, FWP_VALUE0 weight, UINT32 count, FWPM_FILTER_CONDITION0 *conditions)
{
    FWPM_FILTER0 filter = a_filter();
    UINT64 id = 0;

    filter.weight = weight;
    filter.numFilterConditions = count;
    filter.filterCondition = conditions;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    return id;
}

static UINT64
effective(struct world *w, UINT64 id)
{
    FWPM_FILTER0 *filter = NULL;
    UINT64 weight;

    GIVES(0, FwpmFilterGetById0(w->session, id, &filter));
    assert_int_equal(filter->effectiveWeight.type, FWP_UINT64);
    weight = *filter->effectiveWeight.uint64;
    FwpmFreeMemory0((void **)&filter);
    return weight;
}

static UINT64
weight_of(struct world *w, FWP_VALUE0 weight, UINT32 count, FWPM_FILTER_CONDITION0 *conditions)
{
    return effective(w, add(w, weight, count, conditions));
}

static const FWP_VALUE0 empty = {.type = FWP_EMPTY};

static FWP_VALUE0
range(UINT8 n)
{
    return (FWP_VALUE0){.type = FWP_UINT8, .uint8 = n};
}

static UINT64
decides(struct world *w)
{
    struct wfp_value values[WFP_FIELD_MAX] = {
        [WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS] = {WFP_UINT32, {.uint32 = 0x0A000001}},
        [WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT] = {WFP_UINT16, {.uint16 = 80}},
    };
    struct wfp_verdict verdict;

    wfp_classify(w->engine,
                 &(struct wfp_indication){.layer_id = V4,
                                          .values = values,
                                          .value_count = wfp_layer_find_id(V4)->field_count},
                 &verdict);
    return verdict.filter_id;
}

static void
a_64_bit_weight_is_kept(void **state)
{
    struct world *w = *state;
    UINT64 given[] = {0, 5, 0x123456789ABCDEF0, UINT64_MAX};

    for (size_t i = 0; i < ELEMENTSOF(given); i++) {
        FWP_VALUE0 weight = {.type = FWP_UINT64, .uint64 = &given[i]};
        assert_true(weight_of(w, weight, 0, NULL) == given[i]);
    }
}

static void
an_8_bit_weight_is_the_top_four_bits(void **state)
{
    struct world *w = *state;
    FWPM_FILTER_CONDITION0 condition =
        remote_address((FWP_CONDITION_VALUE0){.type = FWP_UINT32, .uint32 = 1});
    UINT64 automatic = weight_of(w, empty, 1, &condition);

    for (UINT8 n = 0; n <= 15; n++) {
        assert_true(weight_of(w, range(n), 0, NULL) == (UINT64)n << 60);
        assert_true(weight_of(w, range(n), 1, &condition) == ((UINT64)n << 60 | automatic));
    }
}

static void
an_empty_weight_lies_below_every_range_but_the_lowest(void **state)
{
    struct world *w = *state;
    FWPM_FILTER_CONDITION0 conditions[] = {
        remote_address((FWP_CONDITION_VALUE0){.type = FWP_UINT32, .uint32 = 1}),
        remote_port(FWP_MATCH_EQUAL, (FWP_CONDITION_VALUE0){.type = FWP_UINT16, .uint16 = 80}),
    };
    UINT64 weight = weight_of(w, empty, 2, conditions);

    assert_true(weight > 0 && weight < (UINT64)1 << 60);
    assert_true(weight < weight_of(w, range(1), 0, NULL));
}

static void
no_condition_no_weight(void **state)
{
    assert_true(weight_of(*state, empty, 0, NULL) == 0);
}

static void
a_range_number_is_not_a_64_bit_number(void **state)
{
    struct world *w = *state;
    UINT64 five = 5, by_range;

    by_range = add(w, range(5), 0, NULL);
    add(w, (FWP_VALUE0){.type = FWP_UINT64, .uint64 = &five}, 0, NULL); /* newer, and lighter */
    assert_true(decides(w) == by_range);
}

static void
more_conditions_weigh_more(void **state)
{
    struct world *w = *state;
    FWPM_FILTER_CONDITION0 conditions[] = {
        remote_address((FWP_CONDITION_VALUE0){.type = FWP_UINT32, .uint32 = 0x0A000001}),
        remote_port(FWP_MATCH_EQUAL, (FWP_CONDITION_VALUE0){.type = FWP_UINT16, .uint16 = 80}),
    };
    UINT64 both = weight_of(w, empty, 2, conditions);
    UINT64 address = weight_of(w, empty, 1, conditions);
    UINT64 port = weight_of(w, empty, 1, conditions + 1);

    assert_true(both > address && both > port);
    assert_true(both == address + port); /* each field has bits of its own */
}

static void
the_more_specific_condition_weighs_more(void **state)
{
    struct world *w = *state;
    UINT64 last = UINT64_MAX;

    for (int bits = 32; bits >= 0; bits -= 8) {
        FWP_V4_ADDR_AND_MASK net = {0x0A000000, bits ? UINT32_MAX << (32 - bits) : 0};
        FWPM_FILTER_CONDITION0 condition =
            remote_address((FWP_CONDITION_VALUE0){.type = FWP_V4_ADDR_MASK, .v4AddrMask = &net});
        UINT64 weight = weight_of(w, empty, 1, &condition);

        assert_true(weight < last);
        last = weight;
    }
}

static void
a_range_of_ports_weighs_less_than_one(void **state)
{
    struct world *w = *state;
    FWP_RANGE0 ports = {{.type = FWP_UINT16, .uint16 = 1}, {.type = FWP_UINT16, .uint16 = 1024}};
    FWPM_FILTER_CONDITION0 one =
        remote_port(FWP_MATCH_EQUAL, (FWP_CONDITION_VALUE0){.type = FWP_UINT16, .uint16 = 80});
    FWPM_FILTER_CONDITION0 some = remote_port(
        FWP_MATCH_RANGE, (FWP_CONDITION_VALUE0){.type = FWP_RANGE_TYPE, .rangeValue = &ports});

    assert_true(weight_of(w, empty, 1, &some) < weight_of(w, empty, 1, &one));
}

static void
other_weights_are_refused(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    filter.weight = range(16);
    REFUSED(w, INVALID_WEIGHT, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.weight = (FWP_VALUE0){.type = FWP_UINT16, .uint16 = 1};
    REFUSED(w, INVALID_WEIGHT, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.weight = (FWP_VALUE0){.type = FWP_UINT32, .uint32 = 1};
    REFUSED(w, INVALID_WEIGHT, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.weight = (FWP_VALUE0){.type = FWP_UINT64, .uint64 = NULL};
    REFUSED(w, NULL_POINTER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
what_was_given_is_returned(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 *filter = NULL;

    GIVES(0, FwpmFilterGetById0(w->session, add(w, range(7), 0, NULL), &filter));
    assert_int_equal(filter->weight.type, FWP_UINT8);
    assert_int_equal(filter->weight.uint8, 7);
    FwpmFreeMemory0((void **)&filter);
    GIVES(0, FwpmFilterGetById0(w->session, add(w, empty, 0, NULL), &filter));
    assert_int_equal(filter->weight.type, FWP_EMPTY);
    FwpmFreeMemory0((void **)&filter);
}

static void
of_equal_weights_the_newer_is_first(void **state)
{
    struct world *w = *state;

    add(w, range(3), 0, NULL);
    UINT64 newer = add(w, range(3), 0, NULL);
    assert_true(decides(w) == newer);
    GIVES(0, FwpmFilterDeleteById0(w->session, newer));
    assert_true(decides(w) != newer);
}

int
main(void)
{
    const struct CMUnitTest rows[] = {
        ROW("a 64-bit weight is kept", a_64_bit_weight_is_kept),
        ROW("an 8-bit weight is the top four bits", an_8_bit_weight_is_the_top_four_bits),
        ROW("an empty weight lies below every range but the lowest",
            an_empty_weight_lies_below_every_range_but_the_lowest),
        ROW("no condition, no weight", no_condition_no_weight),
        ROW("5 as a range outranks 5 as a number", a_range_number_is_not_a_64_bit_number),
        ROW("more conditions weigh more", more_conditions_weigh_more),
        ROW("the longer prefix weighs more", the_more_specific_condition_weighs_more),
        ROW("a range of ports weighs less than one", a_range_of_ports_weighs_less_than_one),
        ROW("other weights are refused", other_weights_are_refused),
        ROW("what was given is returned", what_was_given_is_returned),
        ROW("of equal weights the newer is first (Choice: decision 5)",
            of_equal_weights_the_newer_is_first),
    };
    return RUN(rows);
}
