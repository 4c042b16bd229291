/*
 * Sends IPv6 connections for 2001:db8:113::10 elsewhere: to port 8080 of this machine, or with -DFAR=1 to port
 * 8081 of 2001:db8:100::20. Looks at what ALE_AUTH_CONNECT_V6 tells of it.
 */
#include "common.h"
#include <ws2def.h>
#include <ws2ipdef.h>
#include <mstcpip.h>

#ifndef DISTANT
#define DISTANT 0
#endif

static const UCHAR Here[16] = {0x20, 0x01, 0x0d, 0xb8, 0x01, 0x13, [15] = 0x10};
#if DISTANT
static const UCHAR To[16] = {0x20, 0x01, 0x0d, 0xb8, 0x01, 0x00, [15] = 0x20};
#define PORT 8081
#else
static const UCHAR To[16] = {[15] = 1};
#define PORT 8080
#endif

static HANDLE Redirect;
static LONG Asked, Told, BySelf, OriginalRight, Elsewhere;

static void Connect(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                    void *layerData, const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext,
                    FWPS_CLASSIFY_OUT *out)
{
    const FWP_VALUE *remote = &values->incomingValue[FWPS_FIELD_ALE_CONNECT_REDIRECT_V6_IP_REMOTE_ADDRESS].value;
    FWPS_CONNECT_REQUEST *request;
    UINT64 handle;

    UNREFERENCED_PARAMETER(metadata);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_PERMIT;
    if (!RtlEqualMemory(remote->byteArray16->byteArray16, Here, sizeof(Here)) ||
        !NT_SUCCESS(FwpsAcquireClassifyHandle((void *)classifyContext, 0, &handle))) {
        return;
    }
    Asked++;
    if (NT_SUCCESS(FwpsAcquireWritableLayerDataPointer(handle, filter->filterId, 0, (PVOID *)&request, out))) {
        INETADDR_SET_ADDRESS((PSOCKADDR)&request->remoteAddressAndPort, To);
        INETADDR_SET_PORT((PSOCKADDR)&request->remoteAddressAndPort, RtlUshortByteSwap(PORT));
        request->localRedirectTargetPID = 4711;
        request->localRedirectHandle = Redirect;
        FwpsApplyModifiedLayerData(handle, request, 0);
        out->actionType = FWP_ACTION_PERMIT;
        out->rights |= FWPS_RIGHT_ACTION_WRITE;
    }
    FwpsReleaseClassifyHandle(handle);
}

static void Authorize(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *metadata,
                      void *layerData, const void *classifyContext, const FWPS_FILTER *filter, UINT64 flowContext,
                      FWPS_CLASSIFY_OUT *out)
{
    const FWPS_INCOMING_VALUE *in = values->incomingValue;
    const SOCKADDR_IN6 *was = (const SOCKADDR_IN6 *)metadata->originalDestination;

    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(classifyContext);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    UNREFERENCED_PARAMETER(out);
    if (!(in[FWPS_FIELD_ALE_AUTH_CONNECT_V6_FLAGS].value.uint32 & FWP_CONDITION_FLAG_IS_CONNECTION_REDIRECTED)) {
        return;
    }
    Told++;
    BySelf += FwpsQueryConnectionRedirectState(metadata->redirectRecords, Redirect, NULL) ==
              FWPS_CONNECTION_REDIRECTED_BY_SELF;
    OriginalRight += FWPS_IS_METADATA_FIELD_PRESENT(metadata, FWPS_METADATA_FIELD_ORIGINAL_DESTINATION) &&
                     was->sin6_family == AF_INET6 && RtlEqualMemory(&was->sin6_addr, Here, sizeof(Here));
    Elsewhere += RtlEqualMemory(in[FWPS_FIELD_ALE_AUTH_CONNECT_V6_IP_REMOTE_ADDRESS].value.byteArray16->byteArray16,
                                To, sizeof(To));
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0020, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_CONNECT_REDIRECT_V6,
     FWP_ACTION_CALLOUT_TERMINATING, Connect, NULL, 0},
    {{0x7a1d0021, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}}, &FWPM_LAYER_ALE_AUTH_CONNECT_V6,
     FWP_ACTION_CALLOUT_INSPECTION, Authorize, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    FwpsRedirectHandleDestroy(Redirect);
    Report("asked %d, told %d, by self %d, original %d, elsewhere %d\n", (int)Asked, (int)Told, (int)BySelf,
           (int)OriginalRight, (int)Elsewhere);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    static const GUID provider = {0x7a1d0022, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 6}};
    NTSTATUS status = FwpsRedirectHandleCreate(&provider, 0, &Redirect);

    UNREFERENCED_PARAMETER(registryPath);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    driver->DriverUnload = Unload;
    status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    if (!NT_SUCCESS(status)) {
        FwpsRedirectHandleDestroy(Redirect);
    }
    return status;
}
