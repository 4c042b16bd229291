/*
 * A driver in the style of the field's tutorials: KMDF, non-PnP, everything in one DriverEntry chain of
 * `goto Exit`, <Ntddk.h> in whatever case, no rights check, one filter at OUTBOUND_TRANSPORT_V4.
 */
#define NDIS61 1
#include <Ntddk.h>
#include <WDF.h>
#pragma warning(push)
#pragma warning(disable : 4201)
#include <Fwpsk.h>
#pragma warning(pop)
#include <fwpmk.h>
#include <ws2ipdef.h>
#include <in6addr.h>
#include <ip2string.h>
#define INITGUID
#include <guiddef.h>

DEFINE_GUID(TUTORIAL_CALLOUT, 0x0a2b3c4d, 0x0001, 0x4aaa, 0x8b, 0xbb, 1, 1, 1, 1, 1, 1);
DEFINE_GUID(TUTORIAL_SUBLAYER, 0x0a2b3c4d, 0x0002, 0x4aaa, 0x8b, 0xbb, 1, 1, 1, 1, 1, 1);

#define TARGET 0xA83F8110 /* 168.63.129.16 */

DRIVER_INITIALIZE DriverEntry;
EVT_WDF_DRIVER_UNLOAD EvtUnload;

WDFDEVICE wdf_device;
HANDLE filter_engine_handle;
UINT32 callout_id;
UINT64 filter_id;

VOID EvtUnload(WDFDRIVER Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    if (filter_engine_handle != NULL) {
        FwpmFilterDeleteById(filter_engine_handle, filter_id);
        FwpmSubLayerDeleteByKey(filter_engine_handle, &TUTORIAL_SUBLAYER);
        FwpmCalloutDeleteByKey(filter_engine_handle, &TUTORIAL_CALLOUT);
        FwpmEngineClose(filter_engine_handle);
    }
    FwpsCalloutUnregisterById(callout_id);
    KdPrint(("unloaded\n"));
}

VOID NTAPI ClassifyFn(_In_ const FWPS_INCOMING_VALUES0 *inFixedValues,
                      _In_ const FWPS_INCOMING_METADATA_VALUES0 *inMetaValues, _Inout_opt_ void *layerData,
                      _In_opt_ const void *classifyContext, _In_ const FWPS_FILTER *filter,
                      _In_ UINT64 flowContext, _Inout_ FWPS_CLASSIFY_OUT *classifyOut)
{
    ULONG remote = inFixedValues->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].value.uint32;
    ULONG swapped = RtlUlongByteSwap(remote);
    WCHAR text[16];

    UNREFERENCED_PARAMETER(inMetaValues);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    RtlIpv4AddressToStringW((PIN_ADDR)&swapped, text);
    DbgPrint("packet to %ws\n", text);
    classifyOut->actionType = remote == TARGET ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
}

NTSTATUS NTAPI NotifyFn(_In_ FWPS_CALLOUT_NOTIFY_TYPE type, _In_ const GUID *key, _Inout_ FWPS_FILTER *filter)
{
    UNREFERENCED_PARAMETER(type);
    UNREFERENCED_PARAMETER(key);
    UNREFERENCED_PARAMETER(filter);
    return STATUS_SUCCESS;
}

static NTSTATUS InitDevice(PDRIVER_OBJECT driverObject, PUNICODE_STRING registryPath)
{
    WDF_DRIVER_CONFIG config;
    WDFDRIVER driver;
    PWDFDEVICE_INIT init = NULL;
    NTSTATUS status;

    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags = WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = EvtUnload;
    status = WdfDriverCreate(driverObject, registryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, &driver);
    if (!NT_SUCCESS(status))
        goto Exit;
    init = WdfControlDeviceInitAllocate(driver, &SDDL_DEVOBJ_KERNEL_ONLY);
    if (!init) {
        status = STATUS_INSUFFICIENT_RESOURCES;
        goto Exit;
    }
    WdfDeviceInitSetDeviceType(init, FILE_DEVICE_NETWORK);
    WdfDeviceInitSetCharacteristics(init, FILE_DEVICE_SECURE_OPEN, FALSE);
    status = WdfDeviceCreate(&init, WDF_NO_OBJECT_ATTRIBUTES, &wdf_device);
    if (!NT_SUCCESS(status)) {
        WdfDeviceInitFree(init);
        goto Exit;
    }
    WdfControlFinishInitializing(wdf_device);
Exit:
    return status;
}

static NTSTATUS AddFilter(void)
{
    FWPS_CALLOUT callout = {0};
    FWPM_CALLOUT mcallout = {0};
    FWPM_SUBLAYER sublayer = {0};
    FWPM_FILTER filter = {0};
    NTSTATUS status;

    callout.calloutKey = TUTORIAL_CALLOUT;
    callout.classifyFn = ClassifyFn;
    callout.notifyFn = NotifyFn;
    status = FwpsCalloutRegister(WdfDeviceWdmGetDeviceObject(wdf_device), &callout, &callout_id);
    if (!NT_SUCCESS(status))
        goto Exit;
    mcallout.calloutKey = TUTORIAL_CALLOUT;
    mcallout.displayData.name = L"tutorial callout";
    mcallout.applicableLayer = FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
    status = FwpmCalloutAdd(filter_engine_handle, &mcallout, NULL, NULL);
    if (!NT_SUCCESS(status))
        goto Exit;
    sublayer.subLayerKey = TUTORIAL_SUBLAYER;
    sublayer.displayData.name = L"tutorial sublayer";
    sublayer.weight = FWPM_WEIGHT_RANGE_MAX;
    status = FwpmSubLayerAdd(filter_engine_handle, &sublayer, NULL);
    if (!NT_SUCCESS(status))
        goto Exit;
    filter.layerKey = FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
    filter.subLayerKey = TUTORIAL_SUBLAYER;
    filter.displayData.name = L"tutorial filter";
    filter.weight.type = FWP_UINT8;
    filter.weight.uint8 = 0xf;
    filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter.action.calloutKey = TUTORIAL_CALLOUT;
    status = FwpmFilterAdd(filter_engine_handle, &filter, NULL, &filter_id);
Exit:
    return status;
}

NTSTATUS DriverEntry(_In_ PDRIVER_OBJECT driverObject, _In_ PUNICODE_STRING registryPath)
{
    FWPM_SESSION session = {0};
    NTSTATUS status = InitDevice(driverObject, registryPath);

    if (!NT_SUCCESS(status))
        goto Exit;
    status = FwpmEngineOpen(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &filter_engine_handle);
    if (!NT_SUCCESS(status))
        goto Exit;
    status = FwpmTransactionBegin(filter_engine_handle, 0);
    if (!NT_SUCCESS(status))
        goto Exit;
    status = AddFilter();
    if (!NT_SUCCESS(status)) {
        FwpmTransactionAbort(filter_engine_handle);
        goto Exit;
    }
    status = FwpmTransactionCommit(filter_engine_handle);
Exit:
    if (!NT_SUCCESS(status)) {
        DbgPrint("tutorial: 0x%x\n", status);
        if (filter_engine_handle)
            FwpmEngineClose(filter_engine_handle);
    }
    return status;
}
