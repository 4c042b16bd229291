/*
 * Classify options without a callout of its own: provider contexts, and filters that refer the built-in
 * callouts to them. By the remote port of UDP:
 *
 *   1001, 1004  a flow idles 5 s, to a group 10 s     1002  loose source mapping
 *   1003        no answers to what goes to a group    1006  answers from near only
 *   1007        a list of options that flows don't have, or can't have
 */
#include "common.h"

#define OPTION(type_, value) {type_, {FWP_UINT32, {.uint32 = value}}}

static FWPM_CLASSIFY_OPTION Lifetimes[] = {OPTION(FWP_CLASSIFY_OPTION_UNICAST_LIFETIME, 5),
                                           OPTION(FWP_CLASSIFY_OPTION_MCAST_BCAST_LIFETIME, 10)};
static FWPM_CLASSIFY_OPTION Loose[] = {
    OPTION(FWP_CLASSIFY_OPTION_LOOSE_SOURCE_MAPPING, FWP_OPTION_VALUE_ENABLE_LOOSE_SOURCE)};
static FWPM_CLASSIFY_OPTION Deny[] = {
    OPTION(FWP_CLASSIFY_OPTION_MULTICAST_STATE, FWP_OPTION_VALUE_DENY_MULTICAST_STATE)};
static FWPM_CLASSIFY_OPTION Near[] = {
    OPTION(FWP_CLASSIFY_OPTION_MULTICAST_STATE, FWP_OPTION_VALUE_ALLOW_MULTICAST_STATE)};
static FWPM_CLASSIFY_OPTION Odd[] = {OPTION(FWP_CLASSIFY_OPTION_MULTICAST_STATE, 77),
                                     OPTION(FWP_CLASSIFY_OPTION_UNICAST_LIFETIME, 0),
                                     OPTION(FWP_CLASSIFY_OPTION_SECURE_SOCKET_SECURITY_FLAGS, 1)};

/* Where the filters go, with the built-in callout of each layer. */
static const struct {
    const GUID *Layer, *Callout;
} Places[] = {
    {&FWPM_LAYER_ALE_AUTH_CONNECT_V4, &FWPM_CALLOUT_SET_OPTIONS_AUTH_CONNECT_LAYER_V4},
    {&FWPM_LAYER_ALE_AUTH_CONNECT_V6, &FWPM_CALLOUT_SET_OPTIONS_AUTH_CONNECT_LAYER_V6},
    {&FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4, &FWPM_CALLOUT_SET_OPTIONS_AUTH_RECV_ACCEPT_LAYER_V4},
    {&FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6, &FWPM_CALLOUT_SET_OPTIONS_AUTH_RECV_ACCEPT_LAYER_V6},
};

static NTSTATUS Add(UINT16 port, FWPM_CLASSIFY_OPTION *list, UINT32 count)
{
    FWPM_CLASSIFY_OPTIONS options = {count, list};
    FWPM_PROVIDER_CONTEXT context = {0};
    FWPM_FILTER_CONDITION conditions[2] = {{{0}}};
    FWPM_FILTER filter = {0};
    NTSTATUS status;
    ULONG i;

    context.providerContextKey.Data1 = 0x6f707400u + port;
    context.displayData.name = (wchar_t *)L"options";
    context.type = FWPM_CLASSIFY_OPTIONS_CONTEXT;
    context.classifyOptions = &options;
    status = FwpmProviderContextAdd(TestEngine, &context, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    conditions[0].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
    conditions[0].matchType = FWP_MATCH_EQUAL;
    conditions[0].conditionValue.type = FWP_UINT8;
    conditions[0].conditionValue.uint8 = 17;
    conditions[1].fieldKey = FWPM_CONDITION_IP_REMOTE_PORT;
    conditions[1].matchType = FWP_MATCH_EQUAL;
    conditions[1].conditionValue.type = FWP_UINT16;
    conditions[1].conditionValue.uint16 = port;
    filter.displayData.name = (wchar_t *)L"set options";
    filter.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    filter.providerContextKey = context.providerContextKey;
    filter.subLayerKey = TEST_SUBLAYER;
    filter.weight.type = FWP_EMPTY;
    filter.action.type = FWP_ACTION_CALLOUT_INSPECTION;
    filter.numFilterConditions = 2;
    filter.filterCondition = conditions;
    for (i = 0; NT_SUCCESS(status) && i < ARRAYSIZE(Places); i++) {
        filter.layerKey = *Places[i].Layer;
        filter.action.calloutKey = *Places[i].Callout;
        status = FwpmFilterAdd(TestEngine, &filter, NULL, NULL);
    }
    return status;
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(NULL, 0);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = Unload;
    status = TestStart(driver, NULL, 0);
    if (NT_SUCCESS(status)) {
        status = Add(1001, Lifetimes, ARRAYSIZE(Lifetimes));
    }
    if (NT_SUCCESS(status)) {
        status = Add(1004, Lifetimes, ARRAYSIZE(Lifetimes));
    }
    if (NT_SUCCESS(status)) {
        status = Add(1002, Loose, ARRAYSIZE(Loose));
    }
    if (NT_SUCCESS(status)) {
        status = Add(1003, Deny, ARRAYSIZE(Deny));
    }
    if (NT_SUCCESS(status)) {
        status = Add(1006, Near, ARRAYSIZE(Near));
    }
    if (NT_SUCCESS(status)) {
        status = Add(1007, Odd, ARRAYSIZE(Odd));
    }
    Report("options: 0x%08x\n", status);
    return STATUS_SUCCESS;
}
