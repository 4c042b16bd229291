// Tutorial: a C++ KMDF driver: precompiled header, classes with their own operator new, framework timer, work item,
// lock, string and registry; blocks TCP to the ports of a registry list.
#include "stdafx.h"

#define TAG 'krwF'

extern "C" DRIVER_INITIALIZE DriverEntry;
#pragma alloc_text(INIT, DriverEntry)

DEFINE_GUID(CALLOUT_KEY, 0x7a1d0042, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 1);
DEFINE_GUID(SUBLAYER_KEY, 0x7a1d0042, 0x1111, 0x4222, 0x93, 0x33, 1, 2, 3, 4, 5, 2);

void *__cdecl operator new(size_t size)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, size, TAG);
}

void __cdecl operator delete(void *p, size_t) noexcept
{
    if (p) {
        ExFreePoolWithTag(p, TAG);
    }
}

namespace {

class Ports {
public:
    virtual ~Ports() = default;
    virtual bool Has(UINT16 port) const = 0;
};

template <int MAX> class FixedPorts : public Ports {
public:
    void Add(UINT16 port)
    {
        if (count_ < MAX) {
            ports_[count_++] = port;
        }
    }
    bool Has(UINT16 port) const override
    {
        for (auto i = 0; i < count_; i++) {
            if (ports_[i] == port) {
                return true;
            }
        }
        return false;
    }
    int Count() const { return count_; }

private:
    UINT16 ports_[MAX];
    int count_ = 0;
};

FixedPorts<8> *g_ports;
HANDLE g_engine;
UINT32 g_callout;
WDFTIMER g_timer;
WDFWORKITEM g_item;
WDFSPINLOCK g_lock;
LONG g_blocked, g_ticks, g_items;

struct Guard {
    explicit Guard(WDFSPINLOCK lock) : lock_(lock) { WdfSpinLockAcquire(lock_); }
    ~Guard() { WdfSpinLockRelease(lock_); }
    WDFSPINLOCK lock_;
};

EVT_WDF_TIMER OnTimer;
VOID OnTimer(WDFTIMER)
{
    Guard guard(g_lock);
    g_ticks++;
    WdfWorkItemEnqueue(g_item);
}

EVT_WDF_WORKITEM OnItem;
VOID OnItem(WDFWORKITEM)
{
    InterlockedIncrement(&g_items);
}

void NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *, void *, const void *,
                    const FWPS_FILTER *, UINT64, FWPS_CLASSIFY_OUT *out)
{
    if (!(out->rights & FWPS_RIGHT_ACTION_WRITE)) {
        return;
    }
    const auto port = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_PORT].value.uint16;
    out->actionType = FWP_ACTION_CONTINUE;
    if (g_ports->Has(port)) {
        out->actionType = FWP_ACTION_BLOCK;
        out->rights &= ~FWPS_RIGHT_ACTION_WRITE;
        InterlockedIncrement(&g_blocked);
    }
}

NTSTATUS NTAPI Notify(FWPS_CALLOUT_NOTIFY_TYPE, const GUID *, FWPS_FILTER *)
{
    return STATUS_SUCCESS;
}

NTSTATUS ReadPorts(WDFDRIVER driver)
{
    WDFKEY key;
    DECLARE_CONST_UNICODE_STRING(name, L"Ports");
    DECLARE_UNICODE_STRING_SIZE(text, 64);
    NTSTATUS status = WdfDriverOpenParametersRegistryKey(driver, KEY_READ, WDF_NO_OBJECT_ATTRIBUTES, &key);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = WdfRegistryQueryUnicodeString(key, &name, nullptr, &text);
    WdfRegistryClose(key);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    for (ULONG i = 0, port = 0; i <= text.Length / sizeof(WCHAR); i++) {
        const WCHAR c = i < text.Length / sizeof(WCHAR) ? text.Buffer[i] : L',';
        if (c == L',') {
            g_ports->Add(static_cast<UINT16>(port));
            port = 0;
        } else {
            port = port * 10 + (c - L'0');
        }
    }
    return STATUS_SUCCESS;
}

NTSTATUS MakeObjects(WDFDEVICE device)
{
    WDF_TIMER_CONFIG timer;
    WDF_WORKITEM_CONFIG item;
    WDF_OBJECT_ATTRIBUTES attributes;

    WDF_OBJECT_ATTRIBUTES_INIT(&attributes);
    attributes.ParentObject = device;
    NTSTATUS status = WdfSpinLockCreate(&attributes, &g_lock);
    if (NT_SUCCESS(status)) {
        WDF_WORKITEM_CONFIG_INIT(&item, OnItem);
        status = WdfWorkItemCreate(&item, &attributes, &g_item);
    }
    if (NT_SUCCESS(status)) {
        WDF_TIMER_CONFIG_INIT_PERIODIC(&timer, OnTimer, 500);
        status = WdfTimerCreate(&timer, &attributes, &g_timer);
    }
    if (NT_SUCCESS(status)) {
        WdfTimerStart(g_timer, WDF_REL_TIMEOUT_IN_MS(500));
    }
    return status;
}

NTSTATUS AddFilters(WDFDEVICE device)
{
    FWPM_SESSION session = {};
    FWPS_CALLOUT callout = {};
    FWPM_CALLOUT object = {};
    FWPM_SUBLAYER sublayer = {};
    FWPM_FILTER filter = {};
    FWPM_FILTER_CONDITION condition = {};

    session.flags = FWPM_SESSION_FLAG_DYNAMIC;
    callout.calloutKey = CALLOUT_KEY;
    callout.classifyFn = Classify;
    callout.notifyFn = Notify;
    object.calloutKey = CALLOUT_KEY;
    object.displayData.name = const_cast<wchar_t *>(L"framework");
    object.applicableLayer = FWPM_LAYER_ALE_AUTH_CONNECT_V4;
    sublayer.subLayerKey = SUBLAYER_KEY;
    sublayer.displayData.name = const_cast<wchar_t *>(L"framework");
    sublayer.weight = 0x100;
    condition.fieldKey = FWPM_CONDITION_IP_PROTOCOL;
    condition.matchType = FWP_MATCH_EQUAL;
    condition.conditionValue.type = FWP_UINT8;
    condition.conditionValue.uint8 = 6;
    filter.displayData.name = const_cast<wchar_t *>(L"TCP connects");
    filter.layerKey = FWPM_LAYER_ALE_AUTH_CONNECT_V4;
    filter.subLayerKey = SUBLAYER_KEY;
    filter.weight.type = FWP_UINT8;
    filter.weight.uint8 = 5;
    filter.numFilterConditions = 1;
    filter.filterCondition = &condition;
    filter.action.type = FWP_ACTION_CALLOUT_UNKNOWN;
    filter.action.calloutKey = CALLOUT_KEY;
    NTSTATUS status = FwpsCalloutRegister(WdfDeviceWdmGetDeviceObject(device), &callout, &g_callout);
    if (NT_SUCCESS(status)) {
        status = FwpmEngineOpen(nullptr, RPC_C_AUTHN_DEFAULT, nullptr, &session, &g_engine);
    }
    if (NT_SUCCESS(status)) {
        status = FwpmSubLayerAdd(g_engine, &sublayer, nullptr);
    }
    if (NT_SUCCESS(status)) {
        status = FwpmCalloutAdd(g_engine, &object, nullptr, nullptr);
    }
    if (NT_SUCCESS(status)) {
        status = FwpmFilterAdd(g_engine, &filter, nullptr, nullptr);
    }
    return status;
}

EVT_WDF_DRIVER_UNLOAD OnUnload;
VOID OnUnload(WDFDRIVER)
{
    WdfTimerStop(g_timer, TRUE);
    WdfWorkItemFlush(g_item);
    FwpmEngineClose(g_engine);
    FwpsCalloutUnregisterById(g_callout);
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "ports %d, blocked %d, ticks %d, items %d\n", g_ports->Count(),
               (int)g_blocked, (int)g_ticks, (int)g_items);
    delete g_ports;
}

} // namespace

extern "C" NTSTATUS DriverEntry(PDRIVER_OBJECT driverObject, PUNICODE_STRING registryPath)
{
    WDF_DRIVER_CONFIG config;
    WDFDRIVER driver;
    WDFDEVICE device;

    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags |= WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = OnUnload;
    NTSTATUS status = WdfDriverCreate(driverObject, registryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, &driver);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    g_ports = new FixedPorts<8>;
    if (!g_ports) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    PWDFDEVICE_INIT init = WdfControlDeviceInitAllocate(driver, &SDDL_DEVOBJ_KERNEL_ONLY);
    status = init ? WdfDeviceCreate(&init, WDF_NO_OBJECT_ATTRIBUTES, &device) : STATUS_INSUFFICIENT_RESOURCES;
    if (NT_SUCCESS(status)) {
        WdfControlFinishInitializing(device);
        status = ReadPorts(driver);
    }
    if (NT_SUCCESS(status)) {
        status = MakeObjects(device);
    }
    if (NT_SUCCESS(status)) {
        status = AddFilters(device);
    }
    if (!NT_SUCCESS(status)) {
        FwpmEngineClose(g_engine);
        FwpsCalloutUnregisterById(g_callout);
        delete g_ports;
    }
    return status;
}
