/*
 * What the test drivers share: a WDM driver's device, its callouts, and a dynamic session with one filter
 * for each. A file that includes this defines nothing else but its callouts and DriverEntry.
 */
#pragma once
#include <ntddk.h>
#define INITGUID
#include <guiddef.h>
#include <fwpsk.h>
#include <fwpmk.h>

#ifndef SUBLAYER
#define SUBLAYER 1 /* another one where drivers that include this run together */
#endif
DEFINE_GUID(TEST_SUBLAYER, 0x6f70656e, 0x7766, 0x7001, 0x80, 0, 0, 0, 0, 0, 0, SUBLAYER);

#define Report(...) DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, __VA_ARGS__)

typedef struct _TEST_CALLOUT {
    GUID Key;
    const GUID *Layer;
    FWP_ACTION_TYPE Action;
    FWPS_CALLOUT_CLASSIFY_FN Classify;
    FWPS_CALLOUT_FLOW_DELETE_NOTIFY_FN0 FlowDelete;
    UINT32 Id;
} TEST_CALLOUT;

static PDEVICE_OBJECT TestDevice;
static HANDLE TestEngine;

static NTSTATUS TestNotify(FWPS_CALLOUT_NOTIFY_TYPE type, const GUID *key, FWPS_FILTER *filter)
{
    UNREFERENCED_PARAMETER(type);
    UNREFERENCED_PARAMETER(key);
    UNREFERENCED_PARAMETER(filter);
    return STATUS_SUCCESS;
}

static NTSTATUS TestAddOne(TEST_CALLOUT *test)
{
    FWPS_CALLOUT callout = {0};
    FWPM_CALLOUT object = {0};
    FWPM_FILTER filter = {0};
    NTSTATUS status;

    callout.calloutKey = test->Key;
    callout.classifyFn = test->Classify;
    callout.notifyFn = (FWPS_CALLOUT_NOTIFY_FN)TestNotify;
    callout.flowDeleteFn = test->FlowDelete;
    status = FwpsCalloutRegister(TestDevice, &callout, &test->Id);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    object.calloutKey = test->Key;
    object.displayData.name = (wchar_t *)L"test callout";
    object.applicableLayer = *test->Layer;
    status = FwpmCalloutAdd(TestEngine, &object, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    filter.layerKey = *test->Layer;
    filter.subLayerKey = TEST_SUBLAYER;
    filter.displayData.name = (wchar_t *)L"test filter";
    filter.weight.type = FWP_EMPTY;
    filter.action.type = test->Action;
    filter.action.calloutKey = test->Key;
    return FwpmFilterAdd(TestEngine, &filter, NULL, NULL);
}

/* The session is dynamic: closing it removes callouts, filters and the sublayer. */
static VOID TestStop(TEST_CALLOUT *tests, ULONG count)
{
    ULONG i;

    if (TestEngine != NULL) {
        FwpmEngineClose(TestEngine);
    }
    for (i = 0; i < count; i++) {
        if (tests[i].Id != 0) {
            FwpsCalloutUnregisterById(tests[i].Id);
        }
    }
    if (TestDevice != NULL) {
        IoDeleteDevice(TestDevice);
    }
}

static NTSTATUS TestStart(PDRIVER_OBJECT driver, TEST_CALLOUT *tests, ULONG count)
{
    FWPM_SESSION session = {0};
    FWPM_SUBLAYER sublayer = {0};
    NTSTATUS status;
    ULONG i;

    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &TestDevice);
    if (NT_SUCCESS(status)) {
        session.flags = FWPM_SESSION_FLAG_DYNAMIC;
        status = FwpmEngineOpen(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &TestEngine);
    }
    if (NT_SUCCESS(status)) {
        sublayer.subLayerKey = TEST_SUBLAYER;
        sublayer.displayData.name = (wchar_t *)L"test sublayer";
        status = FwpmSubLayerAdd(TestEngine, &sublayer, NULL);
    }
    for (i = 0; NT_SUCCESS(status) && i < count; i++) {
        status = TestAddOne(&tests[i]);
    }
    if (!NT_SUCCESS(status)) {
        TestStop(tests, count);
    }
    return status;
}
