/*
 * Tutorial: classify hands connections to a system thread through a semaphore; the thread keeps statistics per
 * remote address in a generic table behind a fast mutex, with an executive resource and a rundown for readers.
 * Wide texts, srand and rand, KeDelayExecutionThread, push locks, system time taken apart.
 */
#include "../common.h"
#include <stdlib.h>
#include <ntstrsafe.h>

#define TAG 'ueuQ'

typedef struct _ITEM {
    SLIST_ENTRY Link;
    UINT32 Remote;
} ITEM;

typedef struct _ROW {
    UINT32 Remote;
    ULONG Count;
} ROW;

static DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) SLIST_HEADER Queue;
static KSEMAPHORE Semaphore;
static KEVENT Stop;
static PKTHREAD Thread;
static RTL_GENERIC_TABLE Table;
static FAST_MUTEX TableMutex;
static ERESOURCE Resource;
static EX_RUNDOWN_REF Rundown;
static EX_PUSH_LOCK PushLock;
static LONG Queued, Taken;

static RTL_GENERIC_COMPARE_RESULTS NTAPI Compare(PRTL_GENERIC_TABLE table, PVOID a, PVOID b)
{
    const ROW *left = a, *right = b;

    UNREFERENCED_PARAMETER(table);
    return left->Remote < right->Remote   ? GenericLessThan
           : left->Remote > right->Remote ? GenericGreaterThan
                                          : GenericEqual;
}

static PVOID NTAPI Allocate(PRTL_GENERIC_TABLE table, CLONG size)
{
    UNREFERENCED_PARAMETER(table);
    return ExAllocatePoolWithTag(PagedPool, size, TAG);
}

static VOID NTAPI Release(PRTL_GENERIC_TABLE table, PVOID row)
{
    UNREFERENCED_PARAMETER(table);
    ExFreePoolWithTag(row, TAG);
}

static VOID Count(UINT32 remote)
{
    ROW row = {remote, 0}, *found;

    ExAcquireFastMutex(&TableMutex);
    found = RtlInsertElementGenericTable(&Table, &row, sizeof(row), NULL);
    if (found != NULL) {
        found->Count++;
    }
    ExReleaseFastMutex(&TableMutex);
}

static VOID Work(PVOID context)
{
    PVOID objects[2] = {&Stop, &Semaphore};
    PSLIST_ENTRY entry;
    LARGE_INTEGER pause;

    UNREFERENCED_PARAMETER(context);
    KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
    pause.QuadPart = -10LL * 1000;
    while (KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL) !=
           STATUS_WAIT_0) {
        entry = InterlockedPopEntrySList(&Queue);
        if (entry != NULL && ExAcquireRundownProtection(&Rundown)) {
            KeEnterCriticalRegion();
            ExAcquireResourceSharedLite(&Resource, TRUE);
            Count(CONTAINING_RECORD(entry, ITEM, Link)->Remote);
            ExReleaseResourceLite(&Resource);
            KeLeaveCriticalRegion();
            ExReleaseRundownProtection(&Rundown);
            ExFreePoolWithTag(entry, TAG);
            InterlockedIncrement(&Taken);
        }
        KeDelayExecutionThread(KernelMode, FALSE, &pause);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta, void *list,
                           const void *context, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    ITEM *item = ExAllocatePoolZero(NonPagedPoolNx, sizeof(*item), TAG);

    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(list);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_CONTINUE;
    if (item == NULL) {
        return;
    }
    item->Remote = values->incomingValue[FWPS_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS].value.uint32;
    InterlockedPushEntrySList(&Queue, &item->Link);
    KeReleaseSemaphore(&Semaphore, 0, 1, FALSE);
    InterlockedIncrement(&Queued);
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0043, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 1}}, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Classify},
};

static VOID Tell(void)
{
    DECLARE_UNICODE_STRING_SIZE(text, 400);
    LARGE_INTEGER now;
    TIME_FIELDS fields;
    ROW *row;

    text.Length = 0;
    KeEnterCriticalRegion();
    ExAcquirePushLockExclusive(&PushLock);
    for (row = RtlEnumerateGenericTable(&Table, TRUE); row != NULL; row = RtlEnumerateGenericTable(&Table, FALSE)) {
        WCHAR one[40];
        RtlStringCchPrintfW(one, ARRAYSIZE(one), L"%08x=%u ", row->Remote, row->Count);
        RtlAppendUnicodeToString(&text, one);
    }
    ExReleasePushLockExclusive(&PushLock);
    KeLeaveCriticalRegion();
    KeQuerySystemTimePrecise(&now);
    RtlTimeToTimeFields(&now, &fields);
    srand(7);
    Report("%wZ| queued %d, taken %d, %hd-%02hd, %d\n", &text, (int)Queued, (int)Taken, fields.Year, fields.Month,
           rand());
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    ROW *row;
    PSLIST_ENTRY entry;

    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    KeSetEvent(&Stop, 0, FALSE);
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
    ExWaitForRundownProtectionRelease(&Rundown);
    while ((entry = InterlockedPopEntrySList(&Queue)) != NULL) {
        ExFreePoolWithTag(entry, TAG);
    }
    Tell();
    while ((row = RtlGetElementGenericTable(&Table, 0)) != NULL) {
        ROW key = *row;
        RtlDeleteElementGenericTable(&Table, &key);
    }
    ExDeleteResourceLite(&Resource);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    HANDLE thread;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    InitializeSListHead(&Queue);
    KeInitializeSemaphore(&Semaphore, 0, MAXLONG);
    KeInitializeEvent(&Stop, NotificationEvent, FALSE);
    RtlInitializeGenericTable(&Table, Compare, Allocate, Release, NULL);
    ExInitializeFastMutex(&TableMutex);
    ExInitializeRundownProtection(&Rundown);
    ExInitializePushLock(&PushLock);
    ExInitializeResourceLite(&Resource);
    status = PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Work, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ObReferenceObjectByHandle(thread, SYNCHRONIZE, *PsThreadType, KernelMode, (PVOID *)&Thread, NULL);
    ZwClose(thread);
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
