/* A callout that dereferences NULL for the first packet to port 53: what the fault report must name. */
#include <ntddk.h>
#include <initguid.h>
#include <fwpsk.h>
#include <fwpmk.h>

DEFINE_GUID(FAULTY_CALLOUT, 0x0b9c4c3e, 0x4e4e, 0x4a9b, 0x8d, 0x15, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06);

static HANDLE gEngine;
static UINT32 gCalloutId;
static PDEVICE_OBJECT gDevice;
static volatile LONG *volatile gNothing;

DRIVER_INITIALIZE DriverEntry;

__declspec(noinline) static void CountPacket(UINT16 port)
{
    if (port == 53)
        *gNothing += port;
}

static VOID NTAPI ClassifyPacket(const FWPS_INCOMING_VALUES0 *Values,
                                 const FWPS_INCOMING_METADATA_VALUES0 *Metadata, VOID *LayerData,
                                 const VOID *Context, const FWPS_FILTER1 *Filter, UINT64 FlowContext,
                                 FWPS_CLASSIFY_OUT0 *Out)
{
    UNREFERENCED_PARAMETER(Metadata);
    UNREFERENCED_PARAMETER(LayerData);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(FlowContext);
    CountPacket(Values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT].value.uint16);
    Out->actionType = FWP_ACTION_CONTINUE;
}

static NTSTATUS NTAPI NotifyFilter(FWPS_CALLOUT_NOTIFY_TYPE Type, const GUID *Key, FWPS_FILTER1 *Filter)
{
    UNREFERENCED_PARAMETER(Type);
    UNREFERENCED_PARAMETER(Key);
    UNREFERENCED_PARAMETER(Filter);
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    FwpmEngineClose0(gEngine);
    FwpsCalloutUnregisterById0(gCalloutId);
    IoDeleteDevice(gDevice);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    FWPS_CALLOUT1 callout = {FAULTY_CALLOUT, 0, ClassifyPacket, NotifyFilter, NULL};
    FWPM_CALLOUT0 management = {0};
    FWPM_FILTER0 filter = {0};
    FWPM_SESSION0 session = {0};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    status = IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_NETWORK, 0, FALSE, &gDevice);
    if (!NT_SUCCESS(status))
        return status;
    session.flags = FWPM_SESSION_FLAG_DYNAMIC;
    status = FwpsCalloutRegister1(gDevice, &callout, &gCalloutId);
    if (!NT_SUCCESS(status))
        return status;
    status = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &gEngine);
    if (!NT_SUCCESS(status))
        return status;
    management.calloutKey = FAULTY_CALLOUT;
    management.displayData.name = L"faulty";
    management.applicableLayer = FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
    status = FwpmCalloutAdd0(gEngine, &management, NULL, NULL);
    if (!NT_SUCCESS(status))
        return status;
    filter.displayData.name = L"faulty";
    filter.layerKey = FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
    filter.action.type = FWP_ACTION_CALLOUT_INSPECTION;
    filter.action.calloutKey = FAULTY_CALLOUT;
    filter.weight.type = FWP_EMPTY;
    status = FwpmFilterAdd0(gEngine, &filter, NULL, NULL);
    Driver->DriverUnload = Unload;
    return status;
}
