/* Locks, lists and callbacks as drivers call them, also from several threads; spin locks and IRQL. */
#include "nt_test.h"

#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_host.h"
#include "nt/ntos/nt_wdk.h"

#define THREADS 4
#define ROUNDS  2000

static int
setup(void **state)
{
    wfp_log_set_sink(nt_test_mute, NULL);
    nt_finding_reset();
    wfp_clock_set_virtual(0);
    nt_host_init();
    return 0;
}

static int
teardown(void **state)
{
    nt_host_fini();
    nt_finding_reset();
    return 0;
}

static struct {
    KSPIN_LOCK spin;
    EX_SPIN_LOCK rw;
    FAST_MUTEX fast;
    KGUARDED_MUTEX guarded;
    EX_PUSH_LOCK push;
    ERESOURCE resource;
    KMUTEX mutex;
    long counters[7];
    SLIST_HEADER slist;
    LIST_ENTRY list;
    KSPIN_LOCK list_lock;
} shared;

static VOID NTAPI
hammer(PVOID context)
{
    for (int i = 0; i < ROUNDS; i++) {
        KLOCK_QUEUE_HANDLE handle;
        KIRQL irql;
        KeAcquireInStackQueuedSpinLock(&shared.spin, &handle);
        shared.counters[0]++;
        KeReleaseInStackQueuedSpinLock(&handle);
        irql = ExAcquireSpinLockExclusive(&shared.rw);
        shared.counters[1]++;
        ExReleaseSpinLockExclusive(&shared.rw, irql);
        irql = ExAcquireSpinLockShared(&shared.rw);
        ExReleaseSpinLockShared(&shared.rw, irql);
        ExAcquireFastMutex(&shared.fast);
        shared.counters[2]++;
        ExReleaseFastMutex(&shared.fast);
        KeAcquireGuardedMutex(&shared.guarded);
        shared.counters[3]++;
        KeReleaseGuardedMutex(&shared.guarded);
        KeEnterCriticalRegion();
        ExAcquirePushLockExclusive(&shared.push);
        shared.counters[4]++;
        ExReleasePushLockExclusive(&shared.push);
        ExAcquirePushLockShared(&shared.push);
        ExReleasePushLockShared(&shared.push);
        ExAcquireResourceExclusiveLite(&shared.resource, TRUE);
        ExAcquireResourceSharedLite(&shared.resource, TRUE);
        shared.counters[5]++;
        ExReleaseResourceLite(&shared.resource);
        ExReleaseResourceLite(&shared.resource);
        ExAcquireResourceSharedLite(&shared.resource, TRUE);
        ExReleaseResourceLite(&shared.resource);
        KeLeaveCriticalRegion();
        KeWaitForSingleObject(&shared.mutex, Executive, KernelMode, FALSE, NULL);
        shared.counters[6]++;
        KeReleaseMutex(&shared.mutex, FALSE);
    }
}

static void
run_threads(PKSTART_ROUTINE routine)
{
    PVOID threads[THREADS];
    KWAIT_BLOCK blocks[THREADS];

    for (int i = 0; i < THREADS; i++) {
        HANDLE handle;
        assert_int_equal(
            PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, routine, NULL), 0);
        assert_int_equal(ObReferenceObjectByHandle(handle, SYNCHRONIZE, PsThreadType, KernelMode,
                                                   &threads[i], NULL),
                         0);
        ZwClose(handle);
    }
    assert_int_equal(KeWaitForMultipleObjects(THREADS, threads, WaitAll, Executive, KernelMode,
                                              FALSE, NULL, blocks),
                     0);
    for (int i = 0; i < THREADS; i++)
        ObDereferenceObject(threads[i]);
}

static void
test_every_lock_excludes(void **state)
{
    memset(&shared, 0, sizeof(shared));
    KeInitializeSpinLock(&shared.spin);
    ExInitializeFastMutex(&shared.fast);
    KeInitializeGuardedMutex(&shared.guarded);
    ExInitializePushLock(&shared.push);
    ExInitializeResourceLite(&shared.resource);
    KeInitializeMutex(&shared.mutex, 0);
    run_threads(hammer);
    for (size_t i = 0; i < ELEMENTSOF(shared.counters); i++)
        assert_int_equal(shared.counters[i], THREADS * ROUNDS);
    assert_int_equal(ExDeleteResourceLite(&shared.resource), 0);
    assert_int_equal(nt_finding_count(), 0);
}

struct entry {
    SLIST_ENTRY single;
    LIST_ENTRY link;
};

static VOID NTAPI
push_and_pop(PVOID context)
{
    _Alignas(16) struct entry entries[8];
    int out = 0;

    for (int i = 0; i < 8; i++)
        ExInterlockedPushEntrySList(&shared.slist, &entries[i].single, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        PSLIST_ENTRY entry = ExInterlockedPopEntrySList(&shared.slist, NULL);
        if (entry)
            ExInterlockedPushEntrySList(&shared.slist, entry, NULL);
    }
    /* take as many out as went in; another thread's serve as well, but they live on its stack */
    while (out < 8)
        out += ExInterlockedPopEntrySList(&shared.slist, NULL) != NULL;
    /* wait until all are done before the stack goes */
    __atomic_fetch_add(&shared.counters[0], 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&shared.counters[0], __ATOMIC_SEQ_CST) < THREADS) {
        LARGE_INTEGER delay = {.QuadPart = -1000};
        KeDelayExecutionThread(KernelMode, FALSE, &delay);
    }
}

static void
test_slists_lose_nothing(void **state)
{
    memset(&shared, 0, sizeof(shared));
    ExInitializeSListHead(&shared.slist);
    run_threads(push_and_pop);
    assert_int_equal(ExQueryDepthSList(&shared.slist), 0);
    assert_null(ExInterlockedFlushSList(&shared.slist));
}

static void
test_interlocked_lists(void **state)
{
    LIST_ENTRY head, a, b;
    KSPIN_LOCK lock = 0;

    InitializeListHead(&head);
    assert_null(ExInterlockedInsertTailList(&head, &a, &lock));
    assert_ptr_equal(ExInterlockedInsertHeadList(&head, &b, &lock), &a);
    assert_ptr_equal(ExInterlockedRemoveHeadList(&head, &lock), &b);
    assert_ptr_equal(ExInterlockedRemoveHeadList(&head, &lock), &a);
    assert_null(ExInterlockedRemoveHeadList(&head, &lock));
}

static void
test_lookaside_lists_count_what_is_out(void **state)
{
    LOOKASIDE_LIST_EX list;

    assert_int_equal(
        ExInitializeLookasideListEx(&list, NULL, NULL, NonPagedPoolNx, 0, 100, 0x6b6f6f4c, 0), 0);
    void *a = ExAllocateFromLookasideListEx(&list), *b = ExAllocateFromLookasideListEx(&list);
    ExFreeToLookasideListEx(&list, a);
    ExDeleteLookasideListEx(&list);
    assert_finding(LOOKASIDE_LEAK, 1);
    ExFreePoolWithTag(b, 0x6b6f6f4c);
}

static EX_RUNDOWN_REF rundown;
static int order;

static VOID NTAPI
let_go(PVOID context)
{
    LARGE_INTEGER delay = {.QuadPart = -20000};
    KeDelayExecutionThread(KernelMode, FALSE, &delay);
    order = 1;
    ExReleaseRundownProtection(&rundown);
}

static void
test_rundown_waits_for_the_last_user(void **state)
{
    HANDLE handle;

    ExInitializeRundownProtection(&rundown);
    assert_true(ExAcquireRundownProtection(&rundown));
    order = 0;
    assert_int_equal(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, let_go, NULL), 0);
    ZwClose(handle);
    ExWaitForRundownProtectionRelease(&rundown);
    assert_int_equal(order, 1);
    assert_false(ExAcquireRundownProtection(&rundown));
}

static int called;

static VOID NTAPI
on_notify(PVOID context, PVOID a, PVOID b)
{
    called += (int)(uintptr_t)context + (int)(uintptr_t)a;
}

static void
test_callback_objects_call_everyone(void **state)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    PCALLBACK_OBJECT object, again;

    RtlInitUnicodeString(&name, u"\\Callback\\Test");
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    assert_int_equal(ExCreateCallback(&object, &attributes, FALSE, TRUE),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(ExCreateCallback(&object, &attributes, TRUE, TRUE), 0);
    assert_int_equal(ExCreateCallback(&again, &attributes, FALSE, TRUE), 0);
    assert_ptr_equal(again, object);
    PVOID first = ExRegisterCallback(object, on_notify, (PVOID)1);
    PVOID second = ExRegisterCallback(object, on_notify, (PVOID)10);
    called = 0;
    ExNotifyCallback(object, (PVOID)100, NULL);
    assert_int_equal(called, 211);
    ExUnregisterCallback(first);
    ExNotifyCallback(object, NULL, NULL);
    assert_int_equal(called, 221);
    ExUnregisterCallback(second);
    ObDereferenceObject(object);
    ObDereferenceObject(again);
    assert_int_equal(ExCreateCallback(&object, &attributes, FALSE, TRUE),
                     STATUS_OBJECT_NAME_NOT_FOUND);
}

static jmp_buf stopped;

static void
stop_test(uint32_t code, const char *cause)
{
    longjmp(stopped, (int)code);
}

static void
test_misuse_of_locks_is_found(void **state)
{
    KSPIN_LOCK lock = 0;
    KIRQL irql;
    FAST_MUTEX fast;

    KeAcquireSpinLock(&lock, &irql);
    nt_bugcheck_set_hook(stop_test);
    int code = setjmp(stopped);
    if (!code)
        KeAcquireSpinLockAtDpcLevel(&lock);
    nt_bugcheck_set_hook(NULL);
    assert_int_equal(code, 0x0F);
    ExInitializeFastMutex(&fast);
    ExAcquireFastMutex(&fast); /* at DISPATCH_LEVEL */
    assert_finding(IRQL_TOO_HIGH, 1);
    ExReleaseFastMutex(&fast);
    KeReleaseSpinLock(&lock, irql);
    KeReleaseSpinLockFromDpcLevel(&lock); /* not held, and too low */
    assert_finding(LOCK_NOT_OWNED, 1);
    assert_finding(IRQL_TOO_LOW, 1);
    assert_int_equal(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

/* What excpt.h makes of __try in a native driver. */
int NTAPI _nt_seh_enter(void *frame) __attribute__((returns_twice));
int NTAPI _nt_seh_end(void *frame);
int NTAPI _nt_seh_filter(void *frame, int disposition);
int NTAPI _nt_seh_code(void *frame);
_Noreturn void NTAPI _nt_seh_leave(void *frame);
#define FRAME __builtin_frame_address(0)

static __attribute__((noinline)) int
inner_try(void *address, int disposition)
{
    volatile int result = 0;
    if (_nt_seh_enter(FRAME) == 0) {
        ProbeForRead(address, 8, 1);
        result = 1;
        if (disposition == 2)
            _nt_seh_leave(FRAME);
        result = 2;
    }
    if (_nt_seh_end(FRAME) && _nt_seh_filter(FRAME, disposition))
        result = _nt_seh_code(FRAME);
    return result;
}

static __attribute__((noinline)) int
outer_try(void *address)
{
    volatile int result = 0;
    if (_nt_seh_enter(FRAME) == 0) {
        inner_try(address, 0); /* its filter says: not mine */
        result = 1;
    }
    if (_nt_seh_end(FRAME) && _nt_seh_filter(FRAME, 1))
        result = _nt_seh_code(FRAME) + 1;
    return result;
}

static void
test_a_raise_comes_back_to_the_innermost_try(void **state)
{
    void *bad = (void *)0xFFFF800000000000ull;
    KSEMAPHORE semaphore;

    assert_int_equal(inner_try(&semaphore, 1), 2);
    assert_int_equal(inner_try(&semaphore, 2), 1); /* __leave */
    assert_int_equal(inner_try(bad, 1), STATUS_ACCESS_VIOLATION);
    assert_int_equal(outer_try(bad), STATUS_ACCESS_VIOLATION + 1);
    assert_int_equal(outer_try(&semaphore), 1);
    KeInitializeSemaphore(&semaphore, 0, 1);
    assert_int_equal(KeReleaseSemaphore(&semaphore, 0, 1, FALSE), 0);
    volatile int code = 0;
    if (_nt_seh_enter(FRAME) == 0)
        KeReleaseSemaphore(&semaphore, 0, 1, FALSE);
    if (_nt_seh_end(FRAME) && _nt_seh_filter(FRAME, 1))
        code = _nt_seh_code(FRAME);
    assert_int_equal(code, STATUS_SEMAPHORE_LIMIT_EXCEEDED);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        T(test_every_lock_excludes),
        T(test_slists_lose_nothing),
        T(test_interlocked_lists),
        T(test_lookaside_lists_count_what_is_out),
        T(test_rundown_waits_for_the_last_user),
        T(test_callback_objects_call_everyone),
        T(test_misuse_of_locks_is_found),
        T(test_a_raise_comes_back_to_the_innermost_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
