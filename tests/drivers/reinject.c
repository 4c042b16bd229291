/*
 * Blocks and absorbs every outbound packet and sends a clone of it instead: each must come back to
 * the callout once, as injected by itself, and complete once.
 */
#include <ntddk.h>
#include <initguid.h>
#include <ndis.h>
#include <fwpsk.h>
#include <fwpmk.h>

DEFINE_GUID(CALLOUT_KEY, 0x7a1d0002, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 6);

static PDEVICE_OBJECT Device;
static HANDLE Engine, Injection;
static UINT32 CalloutId;
static LONG Completed, Seen[4];

static void Complete(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatchLevel)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(dispatchLevel);
    InterlockedIncrement(&Completed);
    FwpsFreeCloneNetBufferList(list, 0);
}

static void Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                     void *layerData, const void *classifyContext, const FWPS_FILTER *filter,
                     UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    FWPS_PACKET_INJECTION_STATE state = FwpsQueryPacketInjectionState(Injection, layerData, NULL);
    NET_BUFFER_LIST *clone;

    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(metadata);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    InterlockedIncrement(&Seen[state]);
    if (!(out->rights & FWPS_RIGHT_ACTION_WRITE)) {
        return;
    }
    if (state == FWPS_PACKET_INJECTED_BY_SELF) {
        out->actionType = FWP_ACTION_PERMIT;
        return;
    }
    out->actionType = FWP_ACTION_BLOCK;
    out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    if (!NT_SUCCESS(FwpsAllocateCloneNetBufferList(layerData, NULL, NULL, 0, &clone))) {
        return;
    }
    if (!NT_SUCCESS(FwpsInjectNetworkSendAsync(Injection, NULL, 0, UNSPECIFIED_COMPARTMENT_ID, clone,
                                               Complete, NULL))) {
        FwpsFreeCloneNetBufferList(clone, 0);
    }
}

static NTSTATUS Notify(FWPS_CALLOUT_NOTIFY_TYPE type, const GUID *key, FWPS_FILTER *filter)
{
    UNREFERENCED_PARAMETER(type);
    UNREFERENCED_PARAMETER(key);
    UNREFERENCED_PARAMETER(filter);
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    FwpmEngineClose(Engine);
    FwpsCalloutUnregisterById(CalloutId);
    FwpsInjectionHandleDestroy(Injection);
    IoDeleteDevice(Device);
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "completed %d, not injected %d, by self %d, other %d\n",
               (int)Completed, (int)Seen[FWPS_PACKET_NOT_INJECTED], (int)Seen[FWPS_PACKET_INJECTED_BY_SELF],
               (int)(Seen[2] + Seen[3]));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    FWPS_CALLOUT registration = {0};
    FWPM_CALLOUT callout = {0};
    FWPM_FILTER filter = {0};
    FWPM_SESSION session = {0};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = FwpsInjectionHandleCreate(AF_INET, FWPS_INJECTION_TYPE_NETWORK, &Injection);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    session.flags = FWPM_SESSION_FLAG_DYNAMIC;
    status = FwpmEngineOpen(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &Engine);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    registration.calloutKey = CALLOUT_KEY;
    registration.classifyFn = Classify;
    registration.notifyFn = Notify;
    status = FwpsCalloutRegister(Device, &registration, &CalloutId);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    callout.calloutKey = CALLOUT_KEY;
    callout.displayData.name = L"reinject";
    callout.applicableLayer = FWPM_LAYER_OUTBOUND_IPPACKET_V4;
    status = FwpmCalloutAdd(Engine, &callout, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    filter.displayData.name = L"reinject";
    filter.layerKey = FWPM_LAYER_OUTBOUND_IPPACKET_V4;
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = CALLOUT_KEY;
    status = FwpmFilterAdd(Engine, &filter, NULL, NULL);

Exit:
    if (!NT_SUCCESS(status)) {
        if (Engine) {
            FwpmEngineClose(Engine);
        }
        if (CalloutId) {
            FwpsCalloutUnregisterById(CalloutId);
        }
        if (Injection) {
            FwpsInjectionHandleDestroy(Injection);
        }
        IoDeleteDevice(Device);
    }
    return status;
}
