/*
 * A driver that forgets something: compile with -DLEAVE_POOL, -DLEAVE_CALLOUT ... The test looks for the
 * finding at the line that ends in the flag's name.
 */
#include "common.h"
#include <ndis.h>

static HANDLE Injection, Key;
static KTIMER Timer;
static KDPC Dpc;
static PCALLBACK_OBJECT Callbacks;

static VOID NTAPI Notify(PVOID context, PVOID first, PVOID second)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(first);
    UNREFERENCED_PARAMETER(second);
}

static VOID NTAPI Tick(PKDPC dpc, PVOID context, PVOID first, PVOID second)
{
    UNREFERENCED_PARAMETER(dpc);
    Notify(context, first, second);
}

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                           void *layerData, const void *context, const FWPS_FILTER *filter,
                           UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    NET_BUFFER_LIST *clone = NULL;

    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
#ifdef LEAVE_POOL
    (void)ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, 'tfeL'); /* POOL */
#endif
#ifdef LEAVE_CLONE
    FwpsAllocateCloneNetBufferList(layerData, NULL, NULL, 0, &clone); /* CLONE */
#endif
#ifdef LEAVE_IRQL
    KIRQL irql;
    KeRaiseIrql(HIGH_LEVEL, &irql); /* IRQL */
#endif
#ifdef LEAVE_MDL
    (void)IoAllocateMdl(&Timer, sizeof(Timer), FALSE, FALSE, NULL); /* MDL */
#endif
    out->actionType = layerData == clone ? FWP_ACTION_BLOCK : FWP_ACTION_CONTINUE;
}

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7005, {0x80, 1}}, &FWPM_LAYER_OUTBOUND_IPPACKET_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Classify, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
#ifdef LEAVE_CALLOUT
    Callouts[0].Id = 0;
#endif
#ifdef LEAVE_DEVICE
    TestDevice = NULL;
#endif
    TestStop(Callouts, ARRAYSIZE(Callouts));
}

__declspec(noinline) static NTSTATUS LeaveMore(void)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Callback\\OpenWfpLeaves");
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\OpenWfpLeaves");
    UNICODE_STRING key = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System");
    OBJECT_ATTRIBUTES attributes;
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {0};
    LARGE_INTEGER due;
    NTSTATUS status = STATUS_SUCCESS;

    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    pool.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    pool.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    pool.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    due.QuadPart = -100000000000;
    KeInitializeDpc(&Dpc, Tick, NULL);
    KeInitializeTimer(&Timer);
#ifdef LEAVE_TIMER
    KeSetTimer(&Timer, due, &Dpc); /* TIMER */
#endif
#ifdef LEAVE_INJECTION
    status = FwpsInjectionHandleCreate(AF_INET, FWPS_INJECTION_TYPE_NETWORK, &Injection); /* INJECTION */
#endif
#ifdef LEAVE_POOLS
    Injection = NdisAllocateNetBufferListPool(NULL, &pool); /* POOLS */
#endif
#ifdef LEAVE_CALLBACK
    status = ExCreateCallback(&Callbacks, &attributes, TRUE, TRUE);
    if (NT_SUCCESS(status)) {
        (void)ExRegisterCallback(Callbacks, Notify, NULL); /* CALLBACK */
        ObDereferenceObject(Callbacks);
    }
#endif
#ifdef LEAVE_LINK
    status = IoCreateSymbolicLink(&link, &name); /* LINK */
#endif
#ifdef LEAVE_HANDLE
    attributes.ObjectName = &key;
    status = ZwOpenKey(&Key, KEY_READ, &attributes); /* HANDLE */
#endif
    UNREFERENCED_PARAMETER(key);
    UNREFERENCED_PARAMETER(link);
    return status;
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    return NT_SUCCESS(status) ? LeaveMore() : status;
}
