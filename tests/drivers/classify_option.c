/*
 * Sets classify options at ALE_AUTH_CONNECT_V4, by remote port:
 *
 *   1001  unicast lifetime 5 s          1003  no answers to what goes to a group
 *   1002  answers from anyone           1004  lifetime of what goes to a group 10 s
 */
#include "common.h"

static LONG Set, Twice, Refused;

static NTSTATUS SetOption(const FWPS_INCOMING_METADATA_VALUES *meta, FWP_CLASSIFY_OPTION_TYPE option,
                          FWP_DATA_TYPE type, UINT32 value)
{
    FWP_VALUE newValue = {0};

    newValue.type = type;
    newValue.uint32 = value;
    return FwpsClassifyOptionSet(meta, option, &newValue);
}

static VOID CheckRefusals(const FWPS_INCOMING_METADATA_VALUES *meta)
{
    Refused += SetOption(meta, FWP_CLASSIFY_OPTION_MAX, FWP_UINT32, 1) == STATUS_FWP_INVALID_ENUMERATOR;
    Refused += SetOption(meta, FWP_CLASSIFY_OPTION_MULTICAST_STATE, FWP_UINT32, 3) == STATUS_FWP_OUT_OF_BOUNDS;
    Refused += SetOption(meta, FWP_CLASSIFY_OPTION_UNICAST_LIFETIME, FWP_UINT32, 0) == STATUS_FWP_OUT_OF_BOUNDS;
    Refused += SetOption(meta, FWP_CLASSIFY_OPTION_UNICAST_LIFETIME, FWP_UINT64, 5) == STATUS_OBJECT_TYPE_MISMATCH;
}

static VOID NTAPI Connect(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                          void *layerData, const void *context, const FWPS_FILTER *filter,
                          UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    static const struct {
        FWP_CLASSIFY_OPTION_TYPE Option;
        UINT32 Value;
    } options[] = {
        {FWP_CLASSIFY_OPTION_UNICAST_LIFETIME, 5},
        {FWP_CLASSIFY_OPTION_LOOSE_SOURCE_MAPPING, FWP_OPTION_VALUE_ENABLE_LOOSE_SOURCE},
        {FWP_CLASSIFY_OPTION_MULTICAST_STATE, FWP_OPTION_VALUE_DENY_MULTICAST_STATE},
        {FWP_CLASSIFY_OPTION_MCAST_BCAST_LIFETIME, 10},
    };
    UINT32 i = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_PORT].value.uint16 - 1001u;

    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_CONTINUE;
    CheckRefusals(meta);
    if (i >= ARRAYSIZE(options)) {
        return;
    }
    Set += SetOption(meta, options[i].Option, FWP_UINT32, options[i].Value) == STATUS_SUCCESS;
    Twice += SetOption(meta, options[i].Option, FWP_UINT32, 1) == STATUS_UNSUCCESSFUL;
}

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7003, {0x80, 1}}, &FWPM_LAYER_ALE_AUTH_CONNECT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Connect, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    Report("classify_option: set %d, set twice %d, refused %d\n", Set, Twice, Refused);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
