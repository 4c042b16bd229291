/*
 * Lists ALE endpoints when a socket connects to port 7: inside classify, and in a work item, where the endpoint
 * of port 80 is asked for, too.
 */
#include "common.h"

struct Job {
    PIO_WORKITEM Item;
};

#define TAG 'pdnE'

static UINT32 Count(const FWPS_ALE_ENDPOINT_ENUM_TEMPLATE *wanted, FWPS_ALE_ENDPOINT_PROPERTIES *last)
{
    FWPS_ALE_ENDPOINT_PROPERTIES **entries;
    UINT32 count = 0, n;
    HANDLE handle;

    if (!NT_SUCCESS(FwpsAleEndpointCreateEnumHandle(TestEngine, wanted, &handle))) {
        return 1000;
    }
    /* By twos, so that the last call gives fewer. */
    do {
        if (!NT_SUCCESS(FwpsAleEndpointEnum(TestEngine, handle, 2, &entries, &n))) {
            return 2000;
        }
        if (n && last) {
            *last = *entries[n - 1];
            last->appId.data = NULL;
        }
        FwpmFreeMemory((void **)&entries);
        count += n;
    } while (n == 2);
    FwpsAleEndpointDestroyEnumHandle(TestEngine, handle);
    return count;
}

static VOID NTAPI Work(PDEVICE_OBJECT device, PVOID parameter)
{
    FWPS_ALE_ENDPOINT_ENUM_TEMPLATE wanted = {0};
    FWPS_ALE_ENDPOINT_PROPERTIES found = {0}, *same = NULL;
    FWP_V4_ADDR_AND_MASK here = {0x0a000000, 0xff000000}, elsewhere = {0x0b000000, 0xff000000};
    struct Job *job = (struct Job *)parameter;
    UINT32 all = Count(NULL, NULL), udp, local, none, tcp;

    UNREFERENCED_PARAMETER(device);
    wanted.ipProtocol.type = FWP_UINT8;
    wanted.ipProtocol.uint8 = 17;
    udp = Count(&wanted, NULL);
    wanted.ipProtocol.type = FWP_EMPTY;
    wanted.localSubNet.type = FWP_V4_ADDR_MASK;
    wanted.localSubNet.v4AddrMask = &here;
    local = Count(&wanted, NULL);
    wanted.localSubNet.v4AddrMask = &elsewhere;
    none = Count(&wanted, NULL);
    wanted.localSubNet.type = FWP_EMPTY;
    wanted.remotePort.type = FWP_UINT16;
    wanted.remotePort.uint16 = 80;
    tcp = Count(&wanted, &found);
    Report("endpoints: all %u udp %u local %u elsewhere %u tcp %u\n", all, udp, local, none, tcp);
    Report("endpoints: %08x:%u > %08x:%u protocol %u\n", found.localV4Address, found.localPort,
           found.remoteV4Address, found.remotePort, found.ipProtocol);
    if (NT_SUCCESS(FwpsAleEndpointGetById(TestEngine, found.endpointId, &same))) {
        Report("endpoints: by id: port %u, %u bytes of %S\n", same->remotePort, same->appId.size,
               (wchar_t *)same->appId.data);
        FwpmFreeMemory((void **)&same);
    }
    wanted.remotePort.type = FWP_UINT64;
    if (FwpsAleEndpointGetById(TestEngine, 12345, &same) == STATUS_FWP_NOT_FOUND && Count(&wanted, NULL) == 1000) {
        Report("endpoints: others refused\n");
    }
    IoFreeWorkItem(job->Item);
    ExFreePoolWithTag(job, TAG);
}

static VOID NTAPI Connect(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                          void *layerData, const void *context, const FWPS_FILTER *filter,
                          UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    struct Job *job;

    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_CONTINUE;
    if (values->incomingValue[FWPS_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_PORT].value.uint16 != 7) {
        return;
    }
    Report("endpoints: inside %u\n", Count(NULL, NULL));
    job = (struct Job *)ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*job), TAG);
    if (job == NULL) {
        return;
    }
    job->Item = IoAllocateWorkItem(TestDevice);
    IoQueueWorkItem(job->Item, Work, DelayedWorkQueue, job);
}

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7005, {0x80, 1}}, &FWPM_LAYER_ALE_AUTH_CONNECT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Connect, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
