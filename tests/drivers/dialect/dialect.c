/* Says what it computed with everything that needs cl's patience, and with the kernel's C runtime. */
#ifndef NTDDI_VERSION
#error a WDK project defines NTDDI_VERSION
#endif
#include <NtDDK.h>
#include <STDLIB.h>
#include <stdio.h>
#include "Dialect.h"

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
}

/* A void function may return a value (cl: C4098). */
static void Nothing(int *counter)
{
    ++*counter;
    return STATUS_SUCCESS;
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    SERVICE_BYTE byte = {0};
    char text[16], small[8];
    Cache *cache;
    int rolls[3], i;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    byte.typeOfService = 0xb9;
    CacheCreate(&cache);
    CacheSum(cache, 1, driver); /* cl drops what is too much: C4020 */
    CacheSum(cache, (1), "two", L'3', (4, 5)); i = 0; Nothing(&i); CacheSum(cache, i, i, 6);
    srand(1);
    for (i = 0; i < 3; i++) {
        rolls[i] = rand();
    }
    sprintf_s(text, sizeof(text), "%d-%s", _wtoi(L"-12"), _strupr(_itoa(48879, small, 16)));
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "%x %d, cache %d, %d %d, rand %d %d %d, %s, %d, %d %d %d %d, %d\n",
               byte.typeOfService, byte.congestion, CacheSum(cache, 4), TwiceViaInline(5), FourTimesViaInline(5),
               rolls[0], rolls[1], rolls[2], text, strcpy_s(small, sizeof(small), "too long for it"), CaughtOf(2), CaughtOf(4),
               LeftByFinally(7), LeftByFinally(-9), TextLengthOfNoGuid());
    return STATUS_SUCCESS;
}
