/*
 * Page: win32 FWP/wfp-error-codes. A row per code that management of these objects can return, with
 * the calls that must return it; each leaves the state as it was.
 *
 * Not here   codes of IPsec and IKE, which nothing here can return; those of transactions and
 *            lifetimes have their rows in object_management.c.
 */
#include "management.h"

#define V4   WFP_LAYER_OUTBOUND_TRANSPORT_V4
#define AUTH WFP_LAYER_ALE_AUTH_CONNECT_V4

static void
unknown_keys_and_ids(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter(), *got_filter;
    FWPM_CALLOUT0 *got_callout;
    FWPM_PROVIDER0 *got_provider;
    FWPM_SUBLAYER0 *got_sublayer;
    FWPM_LAYER0 *got_layer;
    FWPM_PROVIDER_CONTEXT0 *got_context;
    FWPM_CALLOUT0 callout = {.displayData = {WIDE("c"), NULL}, .applicableLayer = other_key};

    REFUSED(w, CALLOUT_NOT_FOUND, FwpmCalloutDeleteByKey0(w->session, &other_key));
    REFUSED(w, CALLOUT_NOT_FOUND, FwpmCalloutDeleteById0(w->session, 99999));
    REFUSED(w, CALLOUT_NOT_FOUND, FwpmCalloutGetByKey0(w->session, &other_key, &got_callout));
    REFUSED(w, CALLOUT_NOT_FOUND, FwpmCalloutGetById0(w->session, 99999, &got_callout));
    REFUSED(w, FILTER_NOT_FOUND, FwpmFilterDeleteByKey0(w->session, &other_key));
    REFUSED(w, FILTER_NOT_FOUND, FwpmFilterDeleteById0(w->session, 0));
    REFUSED(w, FILTER_NOT_FOUND, FwpmFilterGetByKey0(w->session, &other_key, &got_filter));
    REFUSED(w, PROVIDER_NOT_FOUND, FwpmProviderDeleteByKey0(w->session, &other_key));
    REFUSED(w, PROVIDER_NOT_FOUND, FwpmProviderGetByKey0(w->session, &other_key, &got_provider));
    REFUSED(w, SUBLAYER_NOT_FOUND, FwpmSubLayerDeleteByKey0(w->session, &other_key));
    REFUSED(w, SUBLAYER_NOT_FOUND, FwpmSubLayerGetByKey0(w->session, &other_key, &got_sublayer));
    REFUSED(w, LAYER_NOT_FOUND, FwpmLayerGetByKey0(w->session, &other_key, &got_layer));
    REFUSED(w, LAYER_NOT_FOUND, FwpmLayerGetById0(w->session, 60000, &got_layer));
    REFUSED(w, PROVIDER_CONTEXT_NOT_FOUND, FwpmProviderContextDeleteByKey0(w->session, &other_key));
    REFUSED(w, PROVIDER_CONTEXT_NOT_FOUND, FwpmProviderContextDeleteById0(w->session, 5));
    REFUSED(w, PROVIDER_CONTEXT_NOT_FOUND,
            FwpmProviderContextGetByKey0(w->session, &other_key, &got_context));
    REFUSED(w, LAYER_NOT_FOUND, FwpmCalloutAdd0(w->session, &callout, NULL, NULL));

    filter.layerKey = other_key;
    REFUSED(w, LAYER_NOT_FOUND, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter = a_filter();
    filter.subLayerKey = other_key;
    REFUSED(w, SUBLAYER_NOT_FOUND, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter = a_filter();
    filter.providerKey = (GUID *)&other_key;
    REFUSED(w, PROVIDER_NOT_FOUND, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter = a_filter();
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    REFUSED(w, CALLOUT_NOT_FOUND, FwpmFilterAdd0(w->session, &filter, NULL, NULL)); /* zero key */
    filter.action.calloutKey = other_key;
    REFUSED(w, CALLOUT_NOT_FOUND, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter = a_filter();
    filter.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    filter.providerContextKey = other_key;
    REFUSED(w, PROVIDER_CONTEXT_NOT_FOUND, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
already_exists(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    filter.filterKey = filter_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    REFUSED(w, ALREADY_EXISTS, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    GIVES(0, FwpmFilterDeleteByKey0(w->session, &filter_key));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
incompatible_layer(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    GIVES(0, add_callout(w->session, &callout_key, 0));
    filter.layerKey = layer(AUTH); /* the callout is for OUTBOUND_TRANSPORT_V4 */
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = callout_key;
    REFUSED(w, INCOMPATIBLE_LAYER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
null_pointers(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    FWPM_PROVIDER_CONTEXT0 context = {.displayData = {WIDE("x"), NULL},
                                      .type = FWPM_GENERAL_CONTEXT};
    FWPM_FILTER_CONDITION0 condition = {.matchType = FWP_MATCH_EQUAL,
                                        .conditionValue = {.type = FWP_V4_ADDR_MASK}};
    HANDLE handle;
    UINT32 count;

    REFUSED(w, NULL_POINTER, FwpmFilterAdd0(w->session, NULL, NULL, NULL));
    REFUSED(w, NULL_POINTER, FwpmProviderAdd0(w->session, NULL, NULL));
    REFUSED(w, NULL_POINTER, FwpmSubLayerAdd0(w->session, NULL, NULL));
    REFUSED(w, NULL_POINTER, FwpmCalloutAdd0(w->session, NULL, NULL, NULL));
    REFUSED(w, NULL_POINTER, FwpmProviderContextAdd0(w->session, NULL, NULL, NULL));
    REFUSED(w, NULL_POINTER, FwpmProviderContextAdd0(w->session, &context, NULL, NULL));
    REFUSED(w, NULL_POINTER, FwpmFilterDeleteByKey0(w->session, NULL));
    REFUSED(w, NULL_POINTER, FwpmProviderDeleteByKey0(w->session, NULL));
    REFUSED(w, NULL_POINTER, FwpmFilterGetById0(w->session, 1, NULL));
    REFUSED(w, NULL_POINTER, FwpmLayerGetById0(w->session, 1, NULL));
    REFUSED(w, NULL_POINTER, FwpmFilterCreateEnumHandle0(w->session, NULL, NULL));
    GIVES(0, FwpmFilterCreateEnumHandle0(w->session, NULL, &handle));
    REFUSED(w, NULL_POINTER, FwpmFilterEnum0(w->session, handle, 1, NULL, &count));
    REFUSED(w, NULL_POINTER, FwpmEngineGetOption0(w->session, FWPM_ENGINE_NAME_CACHE, NULL));
    REFUSED(w, NULL_POINTER, FwpmEngineSetOption0(w->session, FWPM_ENGINE_NAME_CACHE, NULL));

    filter.numFilterConditions = 1; /* and no array */
    REFUSED(w, NULL_POINTER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    condition.fieldKey = field(V4, WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS);
    filter.filterCondition = &condition; /* and no mask */
    REFUSED(w, NULL_POINTER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter = a_filter();
    filter.weight.type = FWP_UINT64;
    REFUSED(w, NULL_POINTER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter = a_filter();
    filter.providerData.size = 4;
    REFUSED(w, NULL_POINTER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
invalid_enumerators(void **state)
{
    struct world *w = *state;
    FWPM_PROVIDER_CONTEXT3 context = {.displayData = {WIDE("x"), NULL},
                                      .type = FWPM_PROVIDER_CONTEXT_TYPE_MAX};
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = {.enumType = FWP_FILTER_ENUM_TYPE_MAX,
                                            .actionMask = 0xFFFFFFFF};
    FWPM_FILTER_CONDITION0 condition = {.matchType = FWP_MATCH_TYPE_MAX,
                                        .conditionValue = {.type = FWP_UINT32}};
    FWPM_FILTER0 filter = a_filter();
    FWP_VALUE0 *value;
    HANDLE handle;

    REFUSED(w, INVALID_ENUMERATOR, FwpmProviderContextAdd3(w->session, &context, NULL, NULL));
    REFUSED(w, INVALID_ENUMERATOR, FwpmFilterCreateEnumHandle0(w->session, &template_, &handle));
    REFUSED(w, INVALID_ENUMERATOR,
            FwpmEngineGetOption0(w->session, FWPM_ENGINE_OPTION_MAX, &value));
    condition.fieldKey = field(V4, WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS);
    filter.numFilterConditions = 1;
    filter.filterCondition = &condition;
    REFUSED(w, INVALID_ENUMERATOR, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    condition.matchType = FWP_MATCH_EQUAL;
    condition.conditionValue.type = (FWP_DATA_TYPE)0x7777;
    REFUSED(w, INVALID_ENUMERATOR, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
invalid_flags(void **state)
{
    struct world *w = *state;
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = {.flags = 0x8000, .actionMask = 0xFFFFFFFF};
    FWPM_SESSION0 session = {.flags = 0x40};
    FWPM_FILTER0 filter = a_filter();
    HANDLE handle;

    REFUSED(w, INVALID_FLAGS, add_provider(w->session, &provider_key, 0x40));
    REFUSED(w, INVALID_FLAGS, add_provider(w->session, &provider_key, FWPM_PROVIDER_FLAG_DISABLED));
    REFUSED(w, INVALID_FLAGS, add_sublayer(w->session, &sublayer_key, 0x40, 0));
    REFUSED(w, INVALID_FLAGS, add_callout(w->session, &callout_key, FWPM_CALLOUT_FLAG_REGISTERED));
    REFUSED(w, INVALID_FLAGS, add_context(w->session, &context_key, 0x40));
    REFUSED(w, INVALID_FLAGS, FwpmTransactionBegin0(w->session, 8));
    REFUSED(w, INVALID_FLAGS, FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, &session, &handle));
    REFUSED(w, INVALID_FLAGS, FwpmFilterCreateEnumHandle0(w->session, &template_, &handle));
    filter.flags = FWPM_FILTER_FLAG_DISABLED; /* only ever returned */
    REFUSED(w, INVALID_FLAGS, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.flags = 0x80000000;
    REFUSED(w, INVALID_FLAGS, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.flags = FWPM_FILTER_FLAG_PERSISTENT | FWPM_FILTER_FLAG_BOOTTIME;
    REFUSED(w, INVALID_FLAGS, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.flags = FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED; /* and no callout */
    REFUSED(w, INVALID_FLAGS, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    GIVES(0, add_callout(w->session, &callout_key, 0));
    filter.action.type = FWP_ACTION_CALLOUT_INSPECTION;
    filter.action.calloutKey = callout_key;
    REFUSED(w, INVALID_FLAGS, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.action.type = FWP_ACTION_CALLOUT_UNKNOWN;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

/* Conditions that are wrong each in its way. */
static FWP_V4_ADDR_AND_MASK hole = {0x0A000000, 0xFF00FF00};
static FWP_V6_ADDR_AND_MASK long_prefix = {{0}, 129};
static FWP_RANGE0 backwards = {{.type = FWP_UINT16, .uint16 = 9},
                               {.type = FWP_UINT16, .uint16 = 1}};
static FWP_RANGE0 mixed = {{.type = FWP_UINT16, .uint16 = 1}, {.type = FWP_UINT32, .uint32 = 9}};
static UINT8 null_sid[12] = {1, 1};
static FWP_BYTE_BLOB absolute_sd = {40, (UINT8[40]){1, 0, 4, 0}};

static void
wrong_conditions(void **state)
{
    static const struct {
        UINT16 layer, field;
        FWP_MATCH_TYPE match;
        FWP_CONDITION_VALUE0 value;
        int result;
    } table[] = {
        {V4,
         WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS,
         FWP_MATCH_EQUAL,
         {.type = FWP_V4_ADDR_MASK, .v4AddrMask = &hole},
         INVALID_NET_MASK},
        {WFP_LAYER_OUTBOUND_TRANSPORT_V6,
         WFP_FIELD_OUTBOUND_TRANSPORT_V6_IP_REMOTE_ADDRESS,
         FWP_MATCH_EQUAL,
         {.type = FWP_V6_ADDR_MASK, .v6AddrMask = &long_prefix},
         INVALID_NET_MASK},
        {V4,
         WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT,
         FWP_MATCH_RANGE,
         {.type = FWP_RANGE_TYPE, .rangeValue = &backwards},
         INVALID_RANGE},
        {V4,
         WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT,
         FWP_MATCH_RANGE,
         {.type = FWP_RANGE_TYPE, .rangeValue = &mixed},
         TYPE_MISMATCH},
        {V4,
         WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT,
         FWP_MATCH_EQUAL,
         {.type = FWP_UINT32, .uint32 = 80},
         TYPE_MISMATCH}, /* no conversion of widths */
        {V4,
         WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT,
         FWP_MATCH_EQUAL,
         {.type = FWP_V4_ADDR_MASK, .v4AddrMask = &hole},
         TYPE_MISMATCH},
        {V4,
         WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT,
         FWP_MATCH_PREFIX,
         {.type = FWP_UINT16, .uint16 = 80},
         MATCH_TYPE_MISMATCH},
        {V4,
         WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT,
         FWP_MATCH_RANGE,
         {.type = FWP_UINT16, .uint16 = 80},
         MATCH_TYPE_MISMATCH},
        {V4,
         WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS,
         FWP_MATCH_NOT_EQUAL,
         {.type = FWP_EMPTY},
         MATCH_TYPE_MISMATCH},
        {AUTH,
         WFP_FIELD_ALE_AUTH_CONNECT_V4_ALE_USER_ID,
         FWP_MATCH_EQUAL,
         {.type = FWP_SECURITY_DESCRIPTOR_TYPE, .sd = &absolute_sd},
         BAD_DESCRIPTOR},
        {AUTH,
         WFP_FIELD_ALE_AUTH_CONNECT_V4_ALE_USER_ID,
         FWP_MATCH_EQUAL,
         {.type = FWP_SID, .sid = (struct _SID *)null_sid},
         TYPE_MISMATCH},
    };
    struct world *w = *state;

    for (size_t i = 0; i < ELEMENTSOF(table); i++) {
        FWPM_FILTER_CONDITION0 condition = {.fieldKey = field(table[i].layer, table[i].field),
                                            .matchType = table[i].match,
                                            .conditionValue = table[i].value};
        FWPM_FILTER0 filter = a_filter();

        filter.layerKey = layer(table[i].layer);
        filter.numFilterConditions = 1;
        filter.filterCondition = &condition;
        REFUSED(w, table[i].result, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    }
}

static void
condition_not_found(void **state)
{
    struct world *w = *state;
    FWPM_FILTER_CONDITION0 condition = {.conditionValue = {.type = FWP_UINT16}};
    FWPM_FILTER0 filter = a_filter();

    filter.layerKey = layer(WFP_LAYER_INBOUND_IPPACKET_V4); /* has no ports */
    condition.fieldKey = field(V4, WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT);
    filter.numFilterConditions = 1;
    filter.filterCondition = &condition;
    REFUSED(w, CONDITION_NOT_FOUND, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    condition.fieldKey = other_key;
    REFUSED(w, CONDITION_NOT_FOUND, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
duplicate_condition(void **state)
{
    struct world *w = *state;
    FWPM_FILTER_CONDITION0 conditions[3] = {{.conditionValue = {.type = FWP_UINT16, .uint16 = 80}},
                                            {.conditionValue = {.type = FWP_UINT8, .uint8 = 6}},
                                            {.conditionValue = {.type = FWP_UINT16, .uint16 = 81}}};
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = {
        .actionMask = 0xFFFFFFFF, .numFilterConditions = 2, .filterCondition = conditions};
    FWPM_FILTER0 filter = a_filter();
    HANDLE handle;

    conditions[0].fieldKey = field(V4, WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT);
    conditions[1].fieldKey = field(V4, WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_PROTOCOL);
    conditions[2].fieldKey = conditions[0].fieldKey;
    filter.numFilterConditions = 3;
    filter.filterCondition = conditions;
    REFUSED(w, DUPLICATE_CONDITION, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    conditions[1] = conditions[2]; /* consecutive ones form an OR group */
    filter.numFilterConditions = 2;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    template_.layerKey = layer(V4); /* in a template they must be distinct */
    REFUSED(w, DUPLICATE_CONDITION, FwpmFilterCreateEnumHandle0(w->session, &template_, &handle));
}

static void
display_names(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    FWPM_SUBLAYER0 sublayer = {0};
    FWPM_PROVIDER0 provider = {0};
    FWPM_CALLOUT0 callout = {.applicableLayer = layer(V4)};
    FWPM_PROVIDER_CONTEXT0 context = {.type = FWPM_GENERAL_CONTEXT};

    filter.displayData.name = NULL;
    REFUSED(w, NULL_DISPLAY_NAME, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    REFUSED(w, NULL_DISPLAY_NAME, FwpmSubLayerAdd0(w->session, &sublayer, NULL));
    REFUSED(w, NULL_DISPLAY_NAME, FwpmProviderAdd0(w->session, &provider, NULL));
    REFUSED(w, NULL_DISPLAY_NAME, FwpmCalloutAdd0(w->session, &callout, NULL, NULL));
    REFUSED(w, NULL_DISPLAY_NAME, FwpmProviderContextAdd0(w->session, &context, NULL, NULL));
    filter.displayData.name = (WCHAR[]){'a', 0xD800, 'b', 0}; /* not Unicode */
    REFUSED(w, INVALID_PARAMETER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.displayData.name = (WCHAR[]){'a', 7, 0}; /* unprintable */
    REFUSED(w, INVALID_PARAMETER, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.displayData.name = (WCHAR[]){0xD83D, 0xDE00, 0};
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
}

static void
action_types(void **state)
{
    static const FWP_ACTION_TYPE bad[] = {0,
                                          FWP_ACTION_CONTINUE,
                                          FWP_ACTION_NONE,
                                          FWP_ACTION_NONE_NO_MATCH,
                                          FWP_ACTION_FLAG_TERMINATING,
                                          FWP_ACTION_FLAG_CALLOUT,
                                          0x1003,
                                          0xFFFFFFFF};
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();

    for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
        filter.action.type = bad[i];
        REFUSED(w, INVALID_ACTION_TYPE, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    }
}

static void
weights(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter(), *got;
    UINT64 number = 0xFFFFFFFFFFFFFFFF, id = 0;

    filter.weight = (FWP_VALUE0){.type = FWP_UINT8, .uint8 = 16};
    REFUSED(w, INVALID_WEIGHT, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.weight = (FWP_VALUE0){.type = FWP_UINT32, .uint32 = 1};
    REFUSED(w, INVALID_WEIGHT, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.weight = (FWP_VALUE0){.type = FWP_UINT16, .uint16 = 1};
    REFUSED(w, INVALID_WEIGHT, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    filter.weight = (FWP_VALUE0){.type = FWP_UINT64, .uint64 = &number};
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    GIVES(0, FwpmFilterGetById0(w->session, id, &got));
    assert_true(*got->effectiveWeight.uint64 == number);
    assert_true(*got->weight.uint64 == number);
    FwpmFreeMemory0((void **)&got);
    filter.weight = (FWP_VALUE0){.type = FWP_UINT8, .uint8 = 15};
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    GIVES(0, FwpmFilterGetById0(w->session, id, &got));
    assert_true(*got->effectiveWeight.uint64 == 0xFull << 60); /* no condition: nothing added */
    FwpmFreeMemory0((void **)&got);
}

static void
engine_options(void **state)
{
    struct world *w = *state;
    FWP_VALUE0 value = {.type = FWP_UINT64};

    REFUSED(w, TYPE_MISMATCH,
            FwpmEngineSetOption0(w->session, FWPM_ENGINE_COLLECT_NET_EVENTS, &value));
    value = (FWP_VALUE0){.type = FWP_UINT32, .uint32 = 2};
    REFUSED(w, OUT_OF_BOUNDS,
            FwpmEngineSetOption0(w->session, FWPM_ENGINE_COLLECT_NET_EVENTS, &value));
    value.uint32 = 0x10000;
    REFUSED(w, OUT_OF_BOUNDS,
            FwpmEngineSetOption0(w->session, FWPM_ENGINE_NET_EVENT_MATCH_ANY_KEYWORDS, &value));
}

static void
never_match(void **state)
{
    struct world *w = *state;
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = {.actionMask = 0};
    HANDLE handle;

    REFUSED(w, NEVER_MATCH, FwpmFilterCreateEnumHandle0(w->session, &template_, &handle));
}

static void
zero_length_array(void **state)
{
    struct world *w = *state;
    FWPM_CLASSIFY_OPTIONS0 none = {0};
    FWPM_PROVIDER_CONTEXT1 context = {.displayData = {WIDE("x"), NULL},
                                      .type = FWPM_CLASSIFY_OPTIONS_CONTEXT,
                                      .classifyOptions = &none};

    REFUSED(w, ZERO_LENGTH_ARRAY, FwpmProviderContextAdd1(w->session, &context, NULL, NULL));
}

static void
security_descriptors(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    UINT8 unknown_revision[40] = {9};

    REFUSED(w, BAD_DESCRIPTOR, FwpmFilterAdd0(w->session, &filter, unknown_revision, NULL));
}

int
main(void)
{
    const struct CMUnitTest rows[] = {
        ROW("FWP_E_*_NOT_FOUND", unknown_keys_and_ids),
        ROW("FWP_E_CONDITION_NOT_FOUND", condition_not_found),
        ROW("FWP_E_ALREADY_EXISTS", already_exists),
        ROW("FWP_E_INCOMPATIBLE_LAYER", incompatible_layer),
        ROW("FWP_E_NULL_POINTER", null_pointers),
        ROW("FWP_E_INVALID_ENUMERATOR", invalid_enumerators),
        ROW("FWP_E_INVALID_FLAGS", invalid_flags),
        ROW("FWP_E_INVALID_NET_MASK, _RANGE, _TYPE_MISMATCH, _MATCH_TYPE_MISMATCH",
            wrong_conditions),
        ROW("FWP_E_DUPLICATE_CONDITION", duplicate_condition),
        ROW("FWP_E_NULL_DISPLAY_NAME, FWP_E_INVALID_PARAMETER", display_names),
        ROW("FWP_E_INVALID_ACTION_TYPE", action_types),
        ROW("FWP_E_INVALID_WEIGHT", weights),
        ROW("FWP_E_TYPE_MISMATCH, FWP_E_OUT_OF_BOUNDS of options", engine_options),
        ROW("FWP_E_NEVER_MATCH", never_match),
        ROW("FWP_E_ZERO_LENGTH_ARRAY", zero_length_array),
        ROW("ERROR_INVALID_SECURITY_DESCR", security_descriptors),
    };
    return RUN(rows);
}
