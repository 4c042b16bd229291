/*
 * Driver code that does not return: whoever runs it must end all the same.
 *   THREAD  a system thread that never waits; the unload routine waits for it
 *   UNLOAD  the unload routine itself
 */
#include <ntddk.h>

static volatile LONG Turning = 1;
static PVOID Thread;

static VOID Turn(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "turning\n");
    while (Turning) {
        YieldProcessor();
    }
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
#ifdef THREAD
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
#else
    Turn(NULL);
#endif
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
#ifdef THREAD
    HANDLE thread;
    NTSTATUS status = PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Turn, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = ObReferenceObjectByHandle(thread, 0, NULL, KernelMode, &Thread, NULL);
    ZwClose(thread);
    return status;
#else
    return STATUS_SUCCESS;
#endif
}
