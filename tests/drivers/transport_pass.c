/*
 * A driver that lets everything pass: one inspecting callout at each transport layer, v4 and v6, both ways;
 * with FORWARD also at IPFORWARD. What it costs to be there at all, and that nobody notices.
 */
#include <ntddk.h>
#define INITGUID
#include <guiddef.h>
#include <fwpsk.h>
#include <fwpmk.h>

static PDEVICE_OBJECT Device;
static HANDLE Engine;
static volatile LONG64 Seen;

static struct {
    GUID Key;
    const GUID *Layer;
    UINT32 Id;
} Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7002, {0x80, 0, 0, 0, 0, 0, 0, 1}}, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, 0},
    {{0x6f70656e, 0x7766, 0x7002, {0x80, 0, 0, 0, 0, 0, 0, 2}}, &FWPM_LAYER_INBOUND_TRANSPORT_V4, 0},
    {{0x6f70656e, 0x7766, 0x7002, {0x80, 0, 0, 0, 0, 0, 0, 3}}, &FWPM_LAYER_OUTBOUND_TRANSPORT_V6, 0},
    {{0x6f70656e, 0x7766, 0x7002, {0x80, 0, 0, 0, 0, 0, 0, 4}}, &FWPM_LAYER_INBOUND_TRANSPORT_V6, 0},
#ifdef FORWARD
    {{0x6f70656e, 0x7766, 0x7002, {0x80, 0, 0, 0, 0, 0, 0, 5}}, &FWPM_LAYER_IPFORWARD_V4, 0},
    {{0x6f70656e, 0x7766, 0x7002, {0x80, 0, 0, 0, 0, 0, 0, 6}}, &FWPM_LAYER_IPFORWARD_V6, 0},
#endif
};

static VOID NTAPI
Classify(const FWPS_INCOMING_VALUES0 *values, const FWPS_INCOMING_METADATA_VALUES0 *meta,
         VOID *layerData, const VOID *context, const FWPS_FILTER *filter, UINT64 flow,
         FWPS_CLASSIFY_OUT0 *out)
{
    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flow);
    InterlockedIncrement64(&Seen);
    out->actionType = FWP_ACTION_CONTINUE;
}

static NTSTATUS NTAPI
Notify(FWPS_CALLOUT_NOTIFY_TYPE type, const GUID *key, FWPS_FILTER *filter)
{
    UNREFERENCED_PARAMETER(type);
    UNREFERENCED_PARAMETER(key);
    UNREFERENCED_PARAMETER(filter);
    return STATUS_SUCCESS;
}

static NTSTATUS
Add(ULONG i)
{
    FWPS_CALLOUT callout = {0};
    FWPM_CALLOUT object = {0};
    FWPM_FILTER filter = {0};
    NTSTATUS status;

    callout.calloutKey = Callouts[i].Key;
    callout.classifyFn = Classify;
    callout.notifyFn = Notify;
    status = FwpsCalloutRegister(Device, &callout, &Callouts[i].Id);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    object.calloutKey = Callouts[i].Key;
    object.displayData.name = (wchar_t *)L"pass";
    object.applicableLayer = *Callouts[i].Layer;
    status = FwpmCalloutAdd(Engine, &object, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    filter.layerKey = *Callouts[i].Layer;
    filter.displayData.name = (wchar_t *)L"pass";
    filter.action.type = FWP_ACTION_CALLOUT_INSPECTION;
    filter.action.calloutKey = Callouts[i].Key;
    return FwpmFilterAdd(Engine, &filter, NULL, NULL);
}

static VOID NTAPI
Unload(PDRIVER_OBJECT driver)
{
    ULONG i;

    UNREFERENCED_PARAMETER(driver);
    if (Engine != NULL) {
        FwpmEngineClose(Engine);
    }
    for (i = 0; i < ARRAYSIZE(Callouts); i++) {
        if (Callouts[i].Id != 0) {
            FwpsCalloutUnregisterById(Callouts[i].Id);
        }
    }
    if (Device != NULL) {
        IoDeleteDevice(Device);
    }
}

NTSTATUS NTAPI
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    FWPM_SESSION session = {0};
    NTSTATUS status;
    ULONG i;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (NT_SUCCESS(status)) {
        session.flags = FWPM_SESSION_FLAG_DYNAMIC;
        status = FwpmEngineOpen(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &Engine);
    }
    for (i = 0; NT_SUCCESS(status) && i < ARRAYSIZE(Callouts); i++) {
        status = Add(i);
    }
    if (!NT_SUCCESS(status)) {
        Unload(driver);
    }
    return status;
}
