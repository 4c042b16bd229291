/*
 * block_ip: a callout driver that blocks outbound traffic to a list of addresses.
 *
 * A KMDF control-device driver (non-PnP), as the Windows samples build them. It registers one callout
 * for each of FWPM_LAYER_OUTBOUND_TRANSPORT_V4 and _V6, adds a sublayer and a filter that sends all
 * traffic of the layer to it, and blocks what goes to one of its addresses. Everything else is logged
 * with its 4-tuple and continues.
 *
 * The list is the registry parameter Addresses, REG_SZ or REG_MULTI_SZ: IPv4 and IPv6 addresses
 * or prefixes, separated by blanks, commas or semicolons. Default: 168.63.129.16.
 */
#include <ntddk.h>
#include <wdf.h>
#include <initguid.h>
#include <fwpsk.h>
#include <fwpmk.h>
#include <mstcpip.h>
#include <wdmsec.h>

#define BLOCK_IP_TAG   'pIlB'
#define MAX_PREFIXES   64
#define DEFAULT_TARGET L"168.63.129.16"

#define LOG_ERROR(format, ...)                                                                     \
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "block_ip: " format "\n", ##__VA_ARGS__)
#define LOG_INFO(format, ...)                                                                      \
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, "block_ip: " format "\n", ##__VA_ARGS__)

// {5D0A9F1B-6B8E-4B0B-9C55-0E6C7B3C8A01}
DEFINE_GUID(BLOCK_IP_SUBLAYER, 0x5d0a9f1b, 0x6b8e, 0x4b0b, 0x9c, 0x55, 0x0e, 0x6c, 0x7b, 0x3c, 0x8a, 0x01);
// {5D0A9F1B-6B8E-4B0B-9C55-0E6C7B3C8A04}
DEFINE_GUID(BLOCK_IP_CALLOUT_V4, 0x5d0a9f1b, 0x6b8e, 0x4b0b, 0x9c, 0x55, 0x0e, 0x6c, 0x7b, 0x3c, 0x8a, 0x04);
// {5D0A9F1B-6B8E-4B0B-9C55-0E6C7B3C8A06}
DEFINE_GUID(BLOCK_IP_CALLOUT_V6, 0x5d0a9f1b, 0x6b8e, 0x4b0b, 0x9c, 0x55, 0x0e, 0x6c, 0x7b, 0x3c, 0x8a, 0x06);

typedef struct _V4_PREFIX {
    UINT32 Network; // host order, as FWP_UINT32 fields deliver addresses
    UINT32 Mask;
} V4_PREFIX;

typedef struct _V6_PREFIX {
    UINT8 Network[16];
    UINT8 Length;
} V6_PREFIX;

static V4_PREFIX gV4[MAX_PREFIXES];
static V6_PREFIX gV6[MAX_PREFIXES];
static ULONG gV4Count, gV6Count;

static WDFDEVICE gDevice;
static HANDLE gEngine;
static UINT32 gCalloutIdV4, gCalloutIdV6;

DRIVER_INITIALIZE DriverEntry;
EVT_WDF_DRIVER_UNLOAD EvtDriverUnload;

// ---------------------------------------------------------------- matching

static BOOLEAN IsBlockedV4(UINT32 Address)
{
    for (ULONG i = 0; i < gV4Count; i++) {
        if ((Address & gV4[i].Mask) == gV4[i].Network) {
            return TRUE;
        }
    }
    return FALSE;
}

static BOOLEAN IsBlockedV6(const UINT8 *Address)
{
    for (ULONG i = 0; i < gV6Count; i++) {
        ULONG bytes = gV6[i].Length / 8;
        ULONG bits = gV6[i].Length % 8;
        if (RtlCompareMemory(Address, gV6[i].Network, bytes) != bytes) {
            continue;
        }
        if (bits == 0 || ((Address[bytes] ^ gV6[i].Network[bytes]) >> (8 - bits)) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

// ---------------------------------------------------------------- callouts

static void Decide(BOOLEAN Blocked, FWPS_CLASSIFY_OUT *ClassifyOut)
{
    if (Blocked) {
        ClassifyOut->actionType = FWP_ACTION_BLOCK;
        ClassifyOut->rights &= ~FWPS_RIGHT_ACTION_WRITE;
    } else {
        ClassifyOut->actionType = FWP_ACTION_CONTINUE;
    }
}

static void NTAPI ClassifyV4(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    const FWPS_INCOMING_VALUE *v = Values->incomingValue;
    UINT32 local, remote;

    UNREFERENCED_PARAMETER(Metadata);
    UNREFERENCED_PARAMETER(LayerData);
    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(FlowContext);

    if (!(ClassifyOut->rights & FWPS_RIGHT_ACTION_WRITE)) {
        return;
    }
    local = v[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_LOCAL_ADDRESS].value.uint32;
    remote = v[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].value.uint32;
    if (IsBlockedV4(remote)) {
        Decide(TRUE, ClassifyOut);
        return;
    }
    LOG_INFO("%u.%u.%u.%u:%u -> %u.%u.%u.%u:%u",
             local >> 24, (local >> 16) & 0xFF, (local >> 8) & 0xFF, local & 0xFF,
             v[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_LOCAL_PORT].value.uint16,
             remote >> 24, (remote >> 16) & 0xFF, (remote >> 8) & 0xFF, remote & 0xFF,
             v[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT].value.uint16);
    Decide(FALSE, ClassifyOut);
}

static void LogV6(const UINT8 *Local, UINT16 LocalPort, const UINT8 *Remote, UINT16 RemotePort)
{
    WCHAR local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];

    RtlIpv6AddressToStringW((const struct in6_addr *)Local, local);
    RtlIpv6AddressToStringW((const struct in6_addr *)Remote, remote);
    LOG_INFO("[%ws]:%u -> [%ws]:%u", local, LocalPort, remote, RemotePort);
}

static void NTAPI ClassifyV6(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    const FWPS_INCOMING_VALUE *v = Values->incomingValue;
    const UINT8 *remote;

    UNREFERENCED_PARAMETER(Metadata);
    UNREFERENCED_PARAMETER(LayerData);
    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(FlowContext);

    if (!(ClassifyOut->rights & FWPS_RIGHT_ACTION_WRITE)) {
        return;
    }
    remote = v[FWPS_FIELD_OUTBOUND_TRANSPORT_V6_IP_REMOTE_ADDRESS].value.byteArray16->byteArray16;
    if (IsBlockedV6(remote)) {
        Decide(TRUE, ClassifyOut);
        return;
    }
    LogV6(v[FWPS_FIELD_OUTBOUND_TRANSPORT_V6_IP_LOCAL_ADDRESS].value.byteArray16->byteArray16,
          v[FWPS_FIELD_OUTBOUND_TRANSPORT_V6_IP_LOCAL_PORT].value.uint16, remote,
          v[FWPS_FIELD_OUTBOUND_TRANSPORT_V6_IP_REMOTE_PORT].value.uint16);
    Decide(FALSE, ClassifyOut);
}

static NTSTATUS NTAPI Notify(
    _In_ FWPS_CALLOUT_NOTIFY_TYPE NotifyType,
    _In_ const GUID *FilterKey,
    _Inout_ FWPS_FILTER *Filter)
{
    UNREFERENCED_PARAMETER(NotifyType);
    UNREFERENCED_PARAMETER(FilterKey);
    UNREFERENCED_PARAMETER(Filter);
    return STATUS_SUCCESS;
}

// ---------------------------------------------------------------- the address list

static BOOLEAN IsSeparator(WCHAR c)
{
    return c == L' ' || c == L',' || c == L';' || c == L'\t';
}

static NTSTATUS AddV4(struct in_addr Address, ULONG Length)
{
    V4_PREFIX *prefix = &gV4[gV4Count];

    if (gV4Count == MAX_PREFIXES) {
        return STATUS_BUFFER_OVERFLOW;
    }
    prefix->Mask = Length == 0 ? 0 : 0xFFFFFFFFu << (32 - Length);
    prefix->Network = RtlUlongByteSwap(Address.S_un.S_addr) & prefix->Mask;
    gV4Count++;
    return STATUS_SUCCESS;
}

static NTSTATUS AddV6(const struct in6_addr *Address, ULONG Length)
{
    if (gV6Count == MAX_PREFIXES) {
        return STATUS_BUFFER_OVERFLOW;
    }
    RtlCopyMemory(gV6[gV6Count].Network, Address, 16);
    gV6[gV6Count].Length = (UINT8)Length;
    gV6Count++;
    return STATUS_SUCCESS;
}

// Parse "/NN" or the end of a word. The whole of the word must be used up.
static BOOLEAN ParseLength(PCWSTR Text, ULONG Maximum, ULONG *Length)
{
    ULONG value = 0;

    *Length = Maximum;
    if (*Text == 0) {
        return TRUE;
    }
    if (*Text++ != L'/' || *Text == 0) {
        return FALSE;
    }
    for (; *Text >= L'0' && *Text <= L'9' && value <= 128; Text++) {
        value = value * 10 + (ULONG)(*Text - L'0');
    }
    *Length = value;
    return *Text == 0 && value <= Maximum;
}

static NTSTATUS AddTarget(PCWSTR Word)
{
    struct in_addr v4;
    struct in6_addr v6;
    PCWSTR end;
    ULONG length;

    if (NT_SUCCESS(RtlIpv4StringToAddressW(Word, TRUE, &end, &v4)) && ParseLength(end, 32, &length)) {
        return AddV4(v4, length);
    }
    if (NT_SUCCESS(RtlIpv6StringToAddressW(Word, &end, &v6)) && ParseLength(end, 128, &length)) {
        return AddV6(&v6, length);
    }
    LOG_ERROR("Addresses: '%ws' is not an IPv4 or IPv6 address or prefix", Word);
    return STATUS_INVALID_PARAMETER;
}

static NTSTATUS AddTargets(PCUNICODE_STRING List)
{
    NTSTATUS status = STATUS_SUCCESS;
    WCHAR word[INET6_ADDRSTRLEN + 5];
    ULONG used = 0;
    ULONG count = List->Length / sizeof(WCHAR);

    for (ULONG i = 0; i <= count && NT_SUCCESS(status); i++) {
        WCHAR c = i < count ? List->Buffer[i] : 0;
        if (c != 0 && !IsSeparator(c)) {
            if (used == RTL_NUMBER_OF(word) - 1) {
                return STATUS_INVALID_PARAMETER;
            }
            word[used++] = c;
            continue;
        }
        if (used != 0) {
            word[used] = 0;
            status = AddTarget(word);
            used = 0;
        }
    }
    return status;
}

static NTSTATUS AddTargetStrings(WDFKEY Key, PCUNICODE_STRING Name)
{
    WDFCOLLECTION strings;
    UNICODE_STRING list;
    NTSTATUS status;

    status = WdfCollectionCreate(WDF_NO_OBJECT_ATTRIBUTES, &strings);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = WdfRegistryQueryMultiString(Key, Name, WDF_NO_OBJECT_ATTRIBUTES, strings);
    for (ULONG i = 0; NT_SUCCESS(status) && i < WdfCollectionGetCount(strings); i++) {
        WdfStringGetUnicodeString((WDFSTRING)WdfCollectionGetItem(strings, i), &list);
        status = AddTargets(&list);
    }
    WdfObjectDelete(strings);
    return status;
}

static NTSTATUS ReadTargets(WDFDRIVER Driver)
{
    DECLARE_CONST_UNICODE_STRING(name, L"Addresses");
    DECLARE_CONST_UNICODE_STRING(standard, DEFAULT_TARGET);
    UNICODE_STRING list;
    WDFSTRING string = NULL;
    WDFKEY key;
    NTSTATUS status;

    gV4Count = gV6Count = 0;
    status = WdfDriverOpenParametersRegistryKey(Driver, KEY_READ, WDF_NO_OBJECT_ATTRIBUTES, &key);
    if (!NT_SUCCESS(status)) {
        return AddTargets(&standard);
    }
    status = WdfStringCreate(NULL, WDF_NO_OBJECT_ATTRIBUTES, &string);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = WdfRegistryQueryString(key, &name, string);
    if (NT_SUCCESS(status)) {
        WdfStringGetUnicodeString(string, &list);
        status = AddTargets(&list);
    } else if (status == STATUS_OBJECT_TYPE_MISMATCH) {
        status = AddTargetStrings(key, &name);
    } else {
        status = AddTargets(&standard);
    }

Exit:
    if (string != NULL) {
        WdfObjectDelete(string);
    }
    WdfRegistryClose(key);
    return status;
}

// ---------------------------------------------------------------- set-up

static NTSTATUS RegisterCallout(
    const GUID *Key,
    const GUID *Layer,
    FWPS_CALLOUT_CLASSIFY_FN Classify,
    PWSTR Name,
    UINT32 *CalloutId)
{
    FWPS_CALLOUT registration = {0};
    FWPM_CALLOUT callout = {0};
    FWPM_FILTER filter = {0};
    NTSTATUS status;

    registration.calloutKey = *Key;
    registration.classifyFn = Classify;
    registration.notifyFn = Notify;
    status = FwpsCalloutRegister(WdfDeviceWdmGetDeviceObject(gDevice), &registration, CalloutId);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }

    callout.calloutKey = *Key;
    callout.displayData.name = Name;
    callout.displayData.description = L"Blocks outbound traffic to a list of addresses";
    callout.applicableLayer = *Layer;
    status = FwpmCalloutAdd(gEngine, &callout, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }

    filter.displayData.name = Name;
    filter.displayData.description = L"All outbound transport traffic to the block_ip callout";
    filter.layerKey = *Layer;
    filter.subLayerKey = BLOCK_IP_SUBLAYER;
    filter.weight.type = FWP_EMPTY;
    filter.action.type = FWP_ACTION_CALLOUT_UNKNOWN;
    filter.action.calloutKey = *Key;
    status = FwpmFilterAdd(gEngine, &filter, NULL, NULL);

Exit:
    if (!NT_SUCCESS(status)) {
        LOG_ERROR("%ws: registration failed, status 0x%08x", Name, (ULONG)status);
    }
    return status;
}

static NTSTATUS AddPolicy(void)
{
    FWPM_SUBLAYER sublayer = {0};
    NTSTATUS status;

    status = FwpmTransactionBegin(gEngine, 0);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    sublayer.subLayerKey = BLOCK_IP_SUBLAYER;
    sublayer.displayData.name = L"block_ip";
    sublayer.displayData.description = L"Sublayer of the block_ip driver";
    sublayer.weight = 0x1000;
    status = FwpmSubLayerAdd(gEngine, &sublayer, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = RegisterCallout(&BLOCK_IP_CALLOUT_V4, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, ClassifyV4,
                             L"block_ip outbound IPv4", &gCalloutIdV4);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = RegisterCallout(&BLOCK_IP_CALLOUT_V6, &FWPM_LAYER_OUTBOUND_TRANSPORT_V6, ClassifyV6,
                             L"block_ip outbound IPv6", &gCalloutIdV6);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = FwpmTransactionCommit(gEngine);

Exit:
    if (!NT_SUCCESS(status)) {
        FwpmTransactionAbort(gEngine);
    }
    return status;
}

static NTSTATUS OpenEngine(void)
{
    FWPM_SESSION session = {0};

    // a dynamic session: everything added through it goes when the handle is closed
    session.displayData.name = L"block_ip";
    session.flags = FWPM_SESSION_FLAG_DYNAMIC;
    return FwpmEngineOpen(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &gEngine);
}

static void TearDown(void)
{
    if (gEngine != NULL) {
        FwpmEngineClose(gEngine);
        gEngine = NULL;
    }
    if (gCalloutIdV4 != 0) {
        FwpsCalloutUnregisterById(gCalloutIdV4);
        gCalloutIdV4 = 0;
    }
    if (gCalloutIdV6 != 0) {
        FwpsCalloutUnregisterById(gCalloutIdV6);
        gCalloutIdV6 = 0;
    }
}

static NTSTATUS CreateControlDevice(WDFDRIVER Driver)
{
    DECLARE_CONST_UNICODE_STRING(deviceName, L"\\Device\\BlockIp");
    DECLARE_CONST_UNICODE_STRING(linkName, L"\\DosDevices\\BlockIp");
    PWDFDEVICE_INIT init;
    NTSTATUS status;

    init = WdfControlDeviceInitAllocate(Driver, &SDDL_DEVOBJ_SYS_ALL_ADM_ALL);
    if (init == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    WdfDeviceInitSetDeviceType(init, FILE_DEVICE_NETWORK);
    WdfDeviceInitSetCharacteristics(init, FILE_DEVICE_SECURE_OPEN, FALSE);
    status = WdfDeviceInitAssignName(init, &deviceName);
    if (!NT_SUCCESS(status)) {
        WdfDeviceInitFree(init);
        return status;
    }
    status = WdfDeviceCreate(&init, WDF_NO_OBJECT_ATTRIBUTES, &gDevice);
    if (!NT_SUCCESS(status)) {
        WdfDeviceInitFree(init);
        return status;
    }
    status = WdfDeviceCreateSymbolicLink(gDevice, &linkName);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    WdfControlFinishInitializing(gDevice);
    return STATUS_SUCCESS;
}

void NTAPI EvtDriverUnload(_In_ WDFDRIVER Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    TearDown();
    LOG_INFO("unloaded");
}

NTSTATUS NTAPI DriverEntry(_In_ PDRIVER_OBJECT DriverObject, _In_ PUNICODE_STRING RegistryPath)
{
    WDF_DRIVER_CONFIG config;
    WDFDRIVER driver;
    NTSTATUS status;

    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags |= WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = EvtDriverUnload;
    config.DriverPoolTag = BLOCK_IP_TAG;

    status = WdfDriverCreate(DriverObject, RegistryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, &driver);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = ReadTargets(driver);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = CreateControlDevice(driver);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = OpenEngine();
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = AddPolicy();
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    LOG_INFO("blocking %u IPv4 and %u IPv6 prefixes", gV4Count, gV6Count);

Exit:
    if (!NT_SUCCESS(status)) {
        LOG_ERROR("DriverEntry failed, status 0x%08x", (ULONG)status);
        TearDown();
    }
    return status;
}
