/*
 * A WDM driver in the older style: IoCreateDevice, DriverUnload, version-0 callout, objects added in a
 * static session and deleted one by one. Blocks UDP to port 53, by a condition on its filter.
 */
#include <ntddk.h>
#define INITGUID
#include <guiddef.h>
#include <fwpsk.h>
#include <fwpmk.h>

DEFINE_GUID(SUBLAYER_KEY, 0x7a1c0001, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 6);
DEFINE_GUID(CALLOUT_KEY, 0x7a1c0002, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 6);
DEFINE_GUID(FILTER_KEY, 0x7a1c0003, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 6);

static PDEVICE_OBJECT Device;
static HANDLE Engine;
static UINT32 CalloutId;
static LONG Notified;

static void Classify(const FWPS_INCOMING_VALUES0 *values, const FWPS_INCOMING_METADATA_VALUES0 *meta,
                     void *layerData, const FWPS_FILTER0 *filter, UINT64 flowContext,
                     FWPS_CLASSIFY_OUT0 *out)
{
    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(flowContext);
    if ((out->rights & FWPS_RIGHT_ACTION_WRITE) == 0) {
        return;
    }
    out->actionType = filter->numFilterConditions == 2 ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
}

static NTSTATUS Notify(FWPS_CALLOUT_NOTIFY_TYPE type, const GUID *key, const FWPS_FILTER0 *filter)
{
    UNREFERENCED_PARAMETER(key);
    UNREFERENCED_PARAMETER(filter);
    if (type == FWPS_CALLOUT_NOTIFY_ADD_FILTER) {
        InterlockedIncrement(&Notified);
    } else if (type == FWPS_CALLOUT_NOTIFY_DELETE_FILTER) {
        InterlockedDecrement(&Notified);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS AddObjects(void)
{
    FWPM_SUBLAYER0 sublayer = {0};
    FWPM_CALLOUT0 callout = {0};
    FWPM_FILTER0 filter = {0};
    FWPM_FILTER_CONDITION0 condition[2] = {0};
    NTSTATUS status;

    sublayer.subLayerKey = SUBLAYER_KEY;
    sublayer.displayData.name = L"wdm_block sublayer";
    sublayer.weight = 100;
    status = FwpmSubLayerAdd0(Engine, &sublayer, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    callout.calloutKey = CALLOUT_KEY;
    callout.displayData.name = L"wdm_block callout";
    callout.applicableLayer = FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
    status = FwpmCalloutAdd0(Engine, &callout, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    condition[0].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
    condition[0].matchType = FWP_MATCH_EQUAL;
    condition[0].conditionValue.type = FWP_UINT8;
    condition[0].conditionValue.uint8 = 17;
    condition[1].fieldKey = FWPM_CONDITION_IP_REMOTE_PORT;
    condition[1].matchType = FWP_MATCH_EQUAL;
    condition[1].conditionValue.type = FWP_UINT16;
    condition[1].conditionValue.uint16 = 53;
    filter.filterKey = FILTER_KEY;
    filter.layerKey = FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
    filter.subLayerKey = SUBLAYER_KEY;
    filter.displayData.name = L"wdm_block filter";
    filter.weight.type = FWP_UINT8;
    filter.weight.uint8 = 15;
    filter.numFilterConditions = 2;
    filter.filterCondition = condition;
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = CALLOUT_KEY;
    return FwpmFilterAdd0(Engine, &filter, NULL, NULL);
}

static void RemoveObjects(void)
{
    FwpmFilterDeleteByKey0(Engine, &FILTER_KEY);
    FwpmCalloutDeleteByKey0(Engine, &CALLOUT_KEY);
    FwpmSubLayerDeleteByKey0(Engine, &SUBLAYER_KEY);
    FwpmEngineClose0(Engine);
    if (Notified != 0) {
        DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "notifications do not balance: %d\n",
                   (int)Notified);
    }
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    RemoveObjects();
    FwpsCalloutUnregisterById0(CalloutId);
    IoDeleteDevice(Device);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    FWPS_CALLOUT0 callout = {0};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    callout.calloutKey = CALLOUT_KEY;
    callout.classifyFn = (FWPS_CALLOUT_CLASSIFY_FN0)Classify;
    callout.notifyFn = (FWPS_CALLOUT_NOTIFY_FN0)Notify;
    status = FwpsCalloutRegister0(Device, &callout, &CalloutId);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &Engine);
    if (!NT_SUCCESS(status)) {
        FwpsCalloutUnregisterById0(CalloutId);
        goto Exit;
    }
    status = AddObjects();
    if (!NT_SUCCESS(status)) {
        FwpmEngineClose0(Engine);
        FwpsCalloutUnregisterById0(CalloutId);
    }

Exit:
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(Device);
    }
    return status;
}
