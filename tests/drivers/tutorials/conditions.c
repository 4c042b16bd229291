/*
 * Tutorial: no callout at all. Filters with every common kind of condition, block and permit, several sublayers,
 * in one transaction of a static session; deleted by id when the driver goes. DriverEntry in the `goto Exit` style,
 * the engine opened inside it, the log in KdPrint, paged code, exceptions around what may fail.
 */
#include <ntddk.h>
#include <initguid.h>
#include <fwpmk.h>
#include <fwpsk.h>

DEFINE_GUID(WEAK, 0x7a1d0044, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 1);
DEFINE_GUID(STRONG, 0x7a1d0044, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 2);
DEFINE_GUID(PROVIDER, 0x7a1d0044, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 3);

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#pragma alloc_text(PAGE, Unload)
#endif

static PDEVICE_OBJECT Device;
static HANDLE Engine;
static UINT64 Ids[16];
static ULONG IdCount;

static FWP_V4_ADDR_AND_MASK Subnet = {0xA83F8100, 0xFFFFFF00};
static FWP_RANGE0 Ports = {{FWP_UINT16, {.uint16 = 1}}, {FWP_UINT16, {.uint16 = 52}}};
static FWP_BYTE_ARRAY16 V6 = {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}};

static NTSTATUS Add(const wchar_t *name, const GUID *layer, const GUID *sublayer, FWP_ACTION_TYPE action, UINT8 weight,
                    FWPM_FILTER_CONDITION *conditions, UINT32 count)
{
    FWPM_FILTER filter;
    NTSTATUS status;

    RtlZeroMemory(&filter, sizeof(filter));
    filter.displayData.name = (wchar_t *)name;
    filter.layerKey = *layer;
    filter.subLayerKey = *sublayer;
    filter.providerKey = (GUID *)&PROVIDER;
    filter.weight.type = FWP_UINT8;
    filter.weight.uint8 = weight;
    filter.action.type = action;
    filter.numFilterConditions = count;
    filter.filterCondition = conditions;
    status = FwpmFilterAdd(Engine, &filter, NULL, &Ids[IdCount]);
    if (NT_SUCCESS(status)) {
        IdCount++;
    } else {
        KdPrint(("%ws: 0x%08x\n", name, status));
    }
    return status;
}

static NTSTATUS AddAll(void)
{
    FWPM_FILTER_CONDITION c[3];
    NTSTATUS status;

    RtlZeroMemory(c, sizeof(c));
    c[0].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
    c[0].matchType = FWP_MATCH_EQUAL;
    c[0].conditionValue.type = FWP_V4_ADDR_MASK;
    c[0].conditionValue.v4AddrMask = &Subnet;
    c[1].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
    c[1].matchType = FWP_MATCH_EQUAL;
    c[1].conditionValue.type = FWP_UINT8;
    c[1].conditionValue.uint8 = 17;
    status = Add(L"UDP to the subnet", &FWPM_LAYER_ALE_AUTH_CONNECT_V4, &WEAK, FWP_ACTION_BLOCK, 3, c, 2);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    c[0].fieldKey = FWPM_CONDITION_IP_REMOTE_PORT;
    c[0].matchType = FWP_MATCH_RANGE;
    c[0].conditionValue.type = FWP_RANGE_TYPE;
    c[0].conditionValue.rangeValue = &Ports;
    status = Add(L"low ports", &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, &WEAK, FWP_ACTION_BLOCK, 2, c, 1);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    c[0].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
    c[0].matchType = FWP_MATCH_NOT_EQUAL;
    c[0].conditionValue.type = FWP_BYTE_ARRAY16_TYPE;
    c[0].conditionValue.byteArray16 = &V6;
    status = Add(L"all v6 but one", &FWPM_LAYER_ALE_AUTH_CONNECT_V6, &WEAK, FWP_ACTION_BLOCK, 1, c, 1);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    c[0].fieldKey = FWPM_CONDITION_FLAGS;
    c[0].matchType = FWP_MATCH_FLAGS_ALL_SET;
    c[0].conditionValue.type = FWP_UINT32;
    c[0].conditionValue.uint32 = FWP_CONDITION_FLAG_IS_LOOPBACK;
    status = Add(L"loopback", &FWPM_LAYER_ALE_AUTH_CONNECT_V4, &STRONG, FWP_ACTION_PERMIT, 15, c, 1);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    c[0].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
    c[0].matchType = FWP_MATCH_EQUAL;
    c[0].conditionValue.type = FWP_UINT8;
    c[0].conditionValue.uint8 = 1;
    c[1].fieldKey = FWPM_CONDITION_ICMP_TYPE;
    c[1].matchType = FWP_MATCH_EQUAL;
    c[1].conditionValue.type = FWP_UINT16;
    c[1].conditionValue.uint16 = 8;
    return Add(L"ping", &FWPM_LAYER_ALE_AUTH_CONNECT_V4, &STRONG, FWP_ACTION_BLOCK, 1, c, 2);
}

static VOID Unload(_In_ PDRIVER_OBJECT driver)
{
    ULONG i, gone = 0;

    UNREFERENCED_PARAMETER(driver);
    PAGED_CODE();
    for (i = 0; i < IdCount; i++) {
        gone += NT_SUCCESS(FwpmFilterDeleteById(Engine, Ids[i]));
    }
    FwpmSubLayerDeleteByKey(Engine, &WEAK);
    FwpmSubLayerDeleteByKey(Engine, &STRONG);
    FwpmProviderDeleteByKey(Engine, &PROVIDER);
    FwpmEngineClose(Engine);
    IoDeleteDevice(Device);
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "%lu filters, %lu deleted\n", IdCount, gone);
}

NTSTATUS DriverEntry(_In_ PDRIVER_OBJECT driver, _In_ PUNICODE_STRING registryPath)
{
    FWPM_SUBLAYER sublayer;
    FWPM_PROVIDER provider;
    NTSTATUS status;
    BOOLEAN inTransaction = FALSE;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_NETWORK, FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = FwpmEngineOpen(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &Engine);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = FwpmTransactionBegin(Engine, 0);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    inTransaction = TRUE;
    RtlZeroMemory(&provider, sizeof(provider));
    provider.providerKey = PROVIDER;
    provider.displayData.name = (wchar_t *)L"conditions";
    status = FwpmProviderAdd(Engine, &provider, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    RtlZeroMemory(&sublayer, sizeof(sublayer));
    sublayer.subLayerKey = WEAK;
    sublayer.displayData.name = (wchar_t *)L"weak";
    sublayer.weight = 1;
    status = FwpmSubLayerAdd(Engine, &sublayer, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    sublayer.subLayerKey = STRONG;
    sublayer.displayData.name = (wchar_t *)L"strong";
    sublayer.weight = 0xFFFF;
    status = FwpmSubLayerAdd(Engine, &sublayer, NULL);
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    __try {
        status = AddAll();
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    if (!NT_SUCCESS(status)) {
        goto Exit;
    }
    status = FwpmTransactionCommit(Engine);
    if (NT_SUCCESS(status)) {
        inTransaction = FALSE;
    }

Exit:
    if (!NT_SUCCESS(status)) {
        if (inTransaction) {
            FwpmTransactionAbort(Engine);
        }
        if (Engine != NULL) {
            FwpmEngineClose(Engine);
        }
        if (Device != NULL) {
            IoDeleteDevice(Device);
        }
    }
    return status;
}
