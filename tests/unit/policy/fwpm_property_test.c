/*
 * Whatever a caller gets wrong in a structure: the call succeeds, or it names an error and nothing has
 * changed. What succeeded can be read back, and deleting it restores what was.
 *
 * Structures start valid; a few members are then replaced: numbers and types by odd ones, pointers by
 * NULL or by a page of zeros (a pointer to nowhere crashes a caller on Windows, too).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fwpmk.h>

#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe_query.h"
#include "policy/fwpm/fwpm.h"

#define ROUNDS     20000
#define WIDE(text) ((WCHAR *)u##text)

static uint64_t random_state = 7;
static UINT64 zeros[64];
static const GUID keys[4] = {{0}, {0x99999999, 1, 0, {0}}, {0x99999999, 2, 0, {0}}, {1, 2, 3, {4}}};
static struct wfp_engine *engine;
static struct wfp_bfe *bfe;
static HANDLE session;

static uint32_t
below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((random_state >> 33) % limit);
}

static UINT32
odd_number(void)
{
    static const UINT32 numbers[] = {
        0,    1,     2,      3,      4,      7,      8,      15,         16,         0x20,
        0xFF, 0x100, 0x1001, 0x1002, 0x5003, 0x6004, 0x4005, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    return numbers[below(ELEMENTSOF(numbers))];
}

static void *
odd_pointer(void)
{
    return below(2) ? NULL : zeros;
}

static GUID
odd_key(void)
{
    GUID key = keys[below(4)];

    if (below(2)) {
        const struct wfp_layer *layer = wfp_layer_find_id((uint16_t)below(WFP_LAYER_COUNT));
        if (layer)
            memcpy(&key, &layer->key, sizeof(key));
    }
    return key;
}

static const struct wfp_layer *
some_layer(void)
{
    const struct wfp_layer *layer = NULL;

    while (!layer)
        layer = wfp_layer_find_id((uint16_t)below(WFP_LAYER_COUNT));
    return layer;
}

static void
spoil_condition(FWPM_FILTER_CONDITION0 *condition, const struct wfp_layer *layer)
{
    memset(condition, 0, sizeof(*condition));
    memcpy(&condition->fieldKey, &layer->fields[below(layer->field_count)].condition_key,
           sizeof(GUID));
    condition->matchType = (FWP_MATCH_TYPE)below(14);
    condition->conditionValue.type = (FWP_DATA_TYPE)(below(3) ? below(20) : 0xFF + below(6));
    condition->conditionValue.uint64 = odd_pointer();
    if (condition->conditionValue.type <= FWP_UINT32)
        condition->conditionValue.uint32 = odd_number();
    if (below(20) == 0)
        condition->fieldKey = odd_key();
}

static void
spoil_filter(FWPM_FILTER0 *filter)
{
    switch (below(10)) {
    case 0:
        filter->flags = odd_number();
        break;
    case 1:
        filter->displayData.name = below(2) ? NULL : (WCHAR *)zeros;
        break;
    case 2:
        filter->layerKey = odd_key();
        break;
    case 3:
        filter->subLayerKey = odd_key();
        break;
    case 4:
        filter->providerKey = odd_pointer();
        break;
    case 5:
        filter->weight.type = (FWP_DATA_TYPE)below(20);
        filter->weight.uint64 = odd_pointer();
        break;
    case 6:
        filter->action.type = odd_number();
        break;
    case 7:
        filter->action.calloutKey = keys[below(4)];
        break;
    case 8:
        filter->providerData = (FWP_BYTE_BLOB){below(64), odd_pointer()};
        break;
    default:
        filter->numFilterConditions = below(2);
        filter->filterCondition = below(2) ? NULL : filter->filterCondition;
        break;
    }
}

static NTSTATUS
add_filter(UINT64 *id)
{
    const struct wfp_layer *layer = some_layer();
    FWPM_FILTER_CONDITION0 conditions[3];
    FWPM_FILTER0 filter = {.displayData = {WIDE("f"), NULL}, .action.type = FWP_ACTION_BLOCK};

    memcpy(&filter.layerKey, &layer->key, sizeof(GUID));
    filter.numFilterConditions = layer->field_count ? below(4) : 0;
    filter.filterCondition = conditions;
    for (uint32_t i = 0; i < filter.numFilterConditions; i++)
        spoil_condition(&conditions[i], layer);
    for (uint32_t i = below(3); i > 0; i--)
        spoil_filter(&filter);
    return FwpmFilterAdd0(session, &filter, NULL, id);
}

static NTSTATUS
add_callout(GUID *key)
{
    FWPM_CALLOUT0 callout = {.calloutKey = keys[2], .displayData = {WIDE("c"), NULL}};

    callout.applicableLayer = odd_key();
    if (below(2))
        callout.flags = odd_number();
    if (below(4) == 0)
        callout.providerKey = odd_pointer();
    *key = callout.calloutKey;
    return FwpmCalloutAdd0(session, &callout, NULL, NULL);
}

static NTSTATUS
add_context(GUID *key)
{
    FWPM_PROVIDER_CONTEXT3 context = {.providerContextKey = keys[2],
                                      .displayData = {WIDE("x"), NULL}};

    context.type = (FWPM_PROVIDER_CONTEXT_TYPE)below(17);
    context.dataBuffer = odd_pointer();
    if (below(3) == 0)
        context.flags = odd_number();
    *key = context.providerContextKey;
    return FwpmProviderContextAdd3(session, &context, NULL, NULL);
}

static NTSTATUS
add_sublayer(GUID *key)
{
    FWPM_SUBLAYER0 sublayer = {.subLayerKey = keys[2], .displayData = {WIDE("s"), NULL}};

    sublayer.weight = (UINT16)odd_number();
    if (below(3) == 0)
        sublayer.flags = odd_number();
    if (below(3) == 0)
        sublayer.providerData = (FWP_BYTE_BLOB){below(64), odd_pointer()};
    if (below(5) == 0)
        sublayer.displayData.name = NULL;
    *key = sublayer.subLayerKey;
    return FwpmSubLayerAdd0(session, &sublayer, NULL);
}

/* One of Windows' errors for these calls, and not a crash's leftover. */
static bool
is_documented(NTSTATUS status)
{
    return ((UINT32)status & 0xFFFF0000) == 0xC0220000 || status == (NTSTATUS)0xC00000BB ||
           status == (NTSTATUS)0xC0000079;
}

static void
test_wrong_structures_change_nothing(void **state)
{
    uint32_t succeeded = 0, refused = 0;
    FWPM_FILTER0 *got = NULL;

    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t before = wfp_bfe_state_hash(bfe);
        uint32_t kind = below(8);
        NTSTATUS status;
        UINT64 id = 0;
        GUID key = {0};

        status = kind == 0   ? add_callout(&key)
                 : kind == 1 ? add_context(&key)
                 : kind == 2 ? add_sublayer(&key)
                             : add_filter(&id);
        if (status < 0) {
            refused++;
            assert_true(is_documented(status));
        } else {
            succeeded++;
            if (kind == 0) {
                assert_int_equal(FwpmCalloutDeleteByKey0(session, &key), 0);
            } else if (kind == 1) {
                assert_int_equal(FwpmProviderContextDeleteByKey0(session, &key), 0);
            } else if (kind == 2) {
                assert_int_equal(FwpmSubLayerDeleteByKey0(session, &key), 0);
            } else {
                assert_int_equal(FwpmFilterGetById0(session, id, &got), 0);
                FwpmFreeMemory0((void **)&got);
                assert_int_equal(FwpmFilterDeleteById0(session, id), 0);
            }
        }
        assert_true(wfp_bfe_state_hash(bfe) == before);
    }
    assert_in_range(succeeded, ROUNDS / 50, ROUNDS); /* both ways were taken */
    assert_in_range(refused, ROUNDS / 50, ROUNDS);
}

static int
setup(void **state)
{
    (void)state;
    assert_int_equal(wfp_engine_new(&engine), 0);
    assert_int_equal(wfp_bfe_new(engine, &bfe), 0);
    wfp_fwpm_set_bfe(bfe);
    return FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &session);
}

static int
teardown(void **state)
{
    (void)state;
    wfp_fwpm_set_bfe(NULL);
    wfp_bfe_free(bfe);
    wfp_engine_free(engine);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wrong_structures_change_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
