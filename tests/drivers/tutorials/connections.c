/*
 * Tutorial: remember every outbound connection in a list from a lookaside list, and print them once a second from
 * a timer's DPC; the list is guarded by a spin lock, the texts are made with ntstrsafe.
 */
#include "../common.h"
#include <ntstrsafe.h>
#include <ip2string.h>

#define TAG 'nnoC'

typedef struct _CONNECTION {
    LIST_ENTRY Link;
    LARGE_INTEGER Time;
    UINT32 Remote;
    UINT16 Port;
    UINT8 Protocol;
} CONNECTION, *PCONNECTION;

static NPAGED_LOOKASIDE_LIST Lookaside;
static LIST_ENTRY Connections = {&Connections, &Connections};
static KSPIN_LOCK Lock;
static KTIMER Timer;
static KDPC Dpc;
static LONG Seen, Ticks, Printed;

_Function_class_(KDEFERRED_ROUTINE) static VOID Tick(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
    PLIST_ENTRY entry;
    CHAR line[96], address[16];

    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    InterlockedIncrement(&Ticks);
    while ((entry = ExInterlockedRemoveHeadList(&Connections, &Lock)) != NULL) {
        PCONNECTION connection = CONTAINING_RECORD(entry, CONNECTION, Link);
        ULONG remote = RtlUlongByteSwap(connection->Remote);
        RtlIpv4AddressToStringA((const IN_ADDR *)&remote, address);
        if (NT_SUCCESS(RtlStringCbPrintfA(line, sizeof(line), "%s:%hu/%hhu", address, connection->Port,
                                          connection->Protocol))) {
            Report("tick %d: %s\n", (int)Ticks, line);
            InterlockedIncrement(&Printed);
        }
        ExFreeToNPagedLookasideList(&Lookaside, connection);
    }
}

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES0 *values, const FWPS_INCOMING_METADATA_VALUES0 *meta,
                           void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,
                           FWPS_CLASSIFY_OUT0 *out)
{
    PCONNECTION connection = (PCONNECTION)ExAllocateFromNPagedLookasideList(&Lookaside);
    KIRQL irql;

    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    if (connection == NULL) {
        return;
    }
    KeQuerySystemTime(&connection->Time);
    connection->Remote = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_ADDRESS].value.uint32;
    connection->Port = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_PORT].value.uint16;
    connection->Protocol = values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_PROTOCOL].value.uint8;
    KeAcquireSpinLock(&Lock, &irql);
    InsertTailList(&Connections, &connection->Link);
    KeReleaseSpinLock(&Lock, irql);
    InterlockedIncrement(&Seen);
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0041, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 1}}, &FWPM_LAYER_ALE_AUTH_CONNECT_V4,
     FWP_ACTION_CALLOUT_TERMINATING, Classify},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    KeCancelTimer(&Timer);
    KeFlushQueuedDpcs();
    Tick(NULL, NULL, NULL, NULL);
    ExDeleteNPagedLookasideList(&Lookaside);
    Report("seen %d, printed %d, ticks %d\n", (int)Seen, (int)Printed, (int)Ticks);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    LARGE_INTEGER due;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    KeInitializeSpinLock(&Lock);
    ExInitializeNPagedLookasideList(&Lookaside, NULL, NULL, 0, sizeof(CONNECTION), TAG, 0);
    KeInitializeDpc(&Dpc, Tick, NULL);
    KeInitializeTimerEx(&Timer, SynchronizationTimer);
    due.QuadPart = -10LL * 1000 * 1000;
    KeSetTimerEx(&Timer, due, 1000, &Dpc);
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
