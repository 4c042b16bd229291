/*
 * Structured exceptions in the style drivers use them: prints what it catches, and fails to start if any
 * case goes wrong. Behaves the same as .so and as .sys.
 */
#include <ntddk.h>

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;

static VOID Unload(PDRIVER_OBJECT Driver)
{
    UNREFERENCED_PARAMETER(Driver);
}

static NTSTATUS ReadUserLong(PVOID Address, PLONG Value)
{
    NTSTATUS status = STATUS_SUCCESS;
    __try {
        ProbeForRead(Address, sizeof(LONG), sizeof(LONG));
        *Value = *(volatile LONG *)Address;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    return status;
}

static NTSTATUS Nested(PLONG Order)
{
    __try {
        __try {
            *(volatile LONG *)0x10 = 1;
        } __finally {
            *Order = *Order * 10 + (AbnormalTermination() ? 1 : 2);
        }
    } __except (GetExceptionCode() == STATUS_ACCESS_VIOLATION ? EXCEPTION_EXECUTE_HANDLER
                                                              : EXCEPTION_CONTINUE_SEARCH) {
        *Order = *Order * 10 + 3;
    }
    return STATUS_SUCCESS;
}

/* A raise instead of a fault: the call is the last thing in the inner block. */
static VOID NestedRaise(PLONG Order)
{
    __try {
        __try {
            ExRaiseStatus(STATUS_UNSUCCESSFUL);
        } __finally {
            *Order = *Order * 10 + (AbnormalTermination() ? 1 : 2);
        }
    } __except (GetExceptionCode() == STATUS_UNSUCCESSFUL) {
        *Order = *Order * 10 + 3;
    }
}

/* Out of a block by break and by return: neither leaves a handler behind. */
static LONG JumpOut(BOOLEAN Return)
{
    for (LONG i = 0; i < 3; i++) {
        __try {
            if (Return)
                return 5;
            if (i == 1)
                break;
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            return 6;
        }
    }
    return 7;
}

static LONG LeaveBlock(LONG Value)
{
    LONG result = 0;
    __try {
        if (Value > 1)
            __leave;
        result = 1;
    } __finally {
        result += 10;
    }
    return result;
}

NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    LONG value = 0, order = 0, raise_order = 0;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    Driver->DriverUnload = Unload;
    status = ReadUserLong(NULL, &value);
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "NULL: %08x\n", status);
    if (status != STATUS_ACCESS_VIOLATION)
        return STATUS_UNSUCCESSFUL;
    __try {
        ExRaiseStatus(STATUS_QUOTA_EXCEEDED);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "raised: %08x\n", status);
    if (status != STATUS_QUOTA_EXCEEDED)
        return STATUS_UNSUCCESSFUL;
    Nested(&order);
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "order: %d\n", order);
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "leave: %d %d\n", LeaveBlock(1), LeaveBlock(2));
    NestedRaise(&raise_order);
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "raise order: %d, jumps: %d %d\n", raise_order,
               JumpOut(TRUE), JumpOut(FALSE));
    if (raise_order != 13 || JumpOut(TRUE) != 5 || JumpOut(FALSE) != 7)
        return STATUS_UNSUCCESSFUL;
    return order == 13 && LeaveBlock(1) == 11 && LeaveBlock(2) == 10 ? STATUS_SUCCESS
                                                                     : STATUS_UNSUCCESSFUL;
}
