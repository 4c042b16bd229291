/*
 * What the pages about management share: an engine with its BFE, a session, and ways to say
 * "this is refused with that code and changes nothing".
 *
 * The rows call the Fwpm* functions of fwpmu.h, as a program would.
 */
#ifndef WFP_TESTS_SPEC_MANAGEMENT_H
#define WFP_TESTS_SPEC_MANAGEMENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fwpmu.h>

#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe_query.h"
#include "policy/fwpm/fwpm.h"

#define WIDE(text) ((WCHAR *)u##text)

/* The numbers of win32 FWP/wfp-error-codes. */
enum {
    CALLOUT_NOT_FOUND = (int)0x80320001,
    CONDITION_NOT_FOUND,
    FILTER_NOT_FOUND,
    LAYER_NOT_FOUND,
    PROVIDER_NOT_FOUND,
    PROVIDER_CONTEXT_NOT_FOUND,
    SUBLAYER_NOT_FOUND,
    NOT_FOUND,
    ALREADY_EXISTS,
    IN_USE,
    DYNAMIC_SESSION_IN_PROGRESS,
    WRONG_SESSION,
    NO_TXN_IN_PROGRESS,
    TXN_IN_PROGRESS,
    TXN_ABORTED,
    SESSION_ABORTED,
    INCOMPATIBLE_TXN,
    TIMEOUT,
    NET_EVENTS_DISABLED,
    INCOMPATIBLE_LAYER,
    KM_CLIENTS_ONLY,
    LIFETIME_MISMATCH,
    BUILTIN_OBJECT,
    TOO_MANY_CALLOUTS,
    NOTIFICATION_DROPPED,
    TRAFFIC_MISMATCH,
    INCOMPATIBLE_SA_STATE,
    NULL_POINTER,
    INVALID_ENUMERATOR,
    INVALID_FLAGS,
    INVALID_NET_MASK,
    INVALID_RANGE,
    INVALID_INTERVAL,
    ZERO_LENGTH_ARRAY,
    NULL_DISPLAY_NAME,
    INVALID_ACTION_TYPE,
    INVALID_WEIGHT,
    MATCH_TYPE_MISMATCH,
    TYPE_MISMATCH,
    OUT_OF_BOUNDS,
    RESERVED_NOT_ZERO,
    DUPLICATE_CONDITION,
    NEVER_MATCH = (int)0x80320033,
    INVALID_PARAMETER = (int)0x80320035,
    CALLOUT_NOTIFICATION_FAILED = (int)0x80320037,
    BAD_DESCRIPTOR = (int)0x8007053A,
};

struct world {
    struct wfp_engine *engine;
    struct wfp_bfe *bfe;
    HANDLE session;
};

#define KEY(n)                                                                                     \
    {                                                                                              \
        0x66666666, (n), 0,                                                                        \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
static const GUID provider_key = KEY(1), sublayer_key = KEY(2), callout_key = KEY(3),
                  filter_key = KEY(4), context_key = KEY(5), other_key = KEY(6), zero_key;

static inline HANDLE
open_session(UINT32 flags)
{
    FWPM_SESSION0 session = {.flags = flags, .txnWaitTimeoutInMSec = 20};
    HANDLE handle = NULL;

    assert_int_equal(FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, &session, &handle), 0);
    return handle;
}

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_int_equal(wfp_engine_new(&w->engine), 0);
    assert_int_equal(wfp_bfe_new(w->engine, &w->bfe), 0);
    wfp_fwpm_set_bfe(w->bfe);
    w->session = open_session(0);
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;

    wfp_fwpm_set_bfe(NULL);
    wfp_bfe_free(w->bfe);
    wfp_engine_free(w->engine);
    free(w);
    return 0;
}

/** The call returns exactly this. */
#define GIVES(code, call) assert_int_equal((int)(call), (int)(code))

/** The call is refused with this code, and nothing at all has changed. */
#define REFUSED(w, code, call)                                                                     \
    do {                                                                                           \
        uint64_t before_ = wfp_bfe_state_hash((w)->bfe);                                           \
        GIVES(code, call);                                                                         \
        assert_true(wfp_bfe_state_hash((w)->bfe) == before_);                                      \
    } while (0)

static inline GUID
layer(uint16_t id)
{
    GUID key;

    memcpy(&key, &wfp_layer_find_id(id)->key, sizeof(key));
    return key;
}

static inline GUID
field(uint16_t layer_id, uint16_t index)
{
    GUID key;

    memcpy(&key, &wfp_layer_find_id(layer_id)->fields[index].condition_key, sizeof(key));
    return key;
}

static inline FWPM_FILTER0
a_filter(void)
{
    FWPM_FILTER0 filter = {0};

    filter.displayData.name = WIDE("filter");
    filter.layerKey = layer(WFP_LAYER_OUTBOUND_TRANSPORT_V4);
    filter.action.type = FWP_ACTION_BLOCK;
    return filter;
}

static inline DWORD
add_provider(HANDLE session, const GUID *key, UINT32 flags)
{
    FWPM_PROVIDER0 provider = {
        .providerKey = *key, .displayData = {WIDE("provider"), NULL}, .flags = flags};
    return FwpmProviderAdd0(session, &provider, NULL);
}

static inline DWORD
add_sublayer(HANDLE session, const GUID *key, UINT32 flags, UINT16 weight)
{
    FWPM_SUBLAYER0 sublayer = {.subLayerKey = *key,
                               .displayData = {WIDE("sublayer"), NULL},
                               .flags = flags,
                               .weight = weight};
    return FwpmSubLayerAdd0(session, &sublayer, NULL);
}

static inline DWORD
add_callout(HANDLE session, const GUID *key, UINT32 flags)
{
    FWPM_CALLOUT0 callout = {
        .calloutKey = *key, .displayData = {WIDE("callout"), NULL}, .flags = flags};

    callout.applicableLayer = layer(WFP_LAYER_OUTBOUND_TRANSPORT_V4);
    return FwpmCalloutAdd0(session, &callout, NULL, NULL);
}

static inline DWORD
add_context(HANDLE session, const GUID *key, UINT32 flags)
{
    FWP_BYTE_BLOB blob = {3, (UINT8 *)"abc"};
    FWPM_PROVIDER_CONTEXT0 context = {.providerContextKey = *key,
                                      .displayData = {WIDE("context"), NULL},
                                      .flags = flags,
                                      .type = FWPM_GENERAL_CONTEXT,
                                      .dataBuffer = &blob};
    return FwpmProviderContextAdd0(session, &context, NULL, NULL);
}

#define ROW(text, function)                                                                        \
    {                                                                                              \
        text, function, setup, teardown, NULL                                                      \
    }
#define RUN(rows) _cmocka_run_group_tests(__FILE__, rows, ELEMENTSOF(rows), NULL, NULL)

#endif
