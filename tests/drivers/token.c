/*
 * Tokens: what the handle that ALE layers deliver tells of the socket's owner, and FwpsOpenToken for one that
 * an endpoint's list names.
 *
 *   BAD=1  keeps the lent handle beyond its classify and closes it   BAD=2  forgets a handle of its own
 */
#include <ntifs.h>
#include "common.h"

#ifndef BAD
#define BAD 0
#endif
#define TAG 'nkoT'

struct Job {
    PIO_WORKITEM Item;
    UINT64 Endpoint;
    HANDLE Lent;
};

static VOID Tell(const char *where, HANDLE handle)
{
    TOKEN_STATISTICS statistics = {0};
    TOKEN_ELEVATION elevation = {0};
    UNICODE_STRING text = {0};
    PACCESS_TOKEN token = NULL;
    TOKEN_USER *user = NULL;
    ULONG size = 0;

    if (ZwQueryInformationToken(handle, TokenUser, NULL, 0, &size) != STATUS_BUFFER_TOO_SMALL) {
        Report("token: %s: no size\n", where);
        return;
    }
    user = (TOKEN_USER *)ExAllocatePoolWithTag(PagedPool, size, TAG);
    if (user == NULL || !NT_SUCCESS(ZwQueryInformationToken(handle, TokenUser, user, size, &size)) ||
        !NT_SUCCESS(RtlConvertSidToUnicodeString(&text, user->User.Sid, TRUE)) ||
        !NT_SUCCESS(ZwQueryInformationToken(handle, TokenStatistics, &statistics, sizeof(statistics), &size)) ||
        !NT_SUCCESS(ZwQueryInformationToken(handle, TokenElevation, &elevation, sizeof(elevation), &size)) ||
        !NT_SUCCESS(ObReferenceObjectByHandle(handle, TOKEN_QUERY, *SeTokenObjectType, KernelMode, &token, NULL))) {
        Report("token: %s: refused\n", where);
    } else {
        Report("token: %s: %wZ, %u groups, type %u, elevated %u, admin %u, modified %d\n", where, &text,
               statistics.GroupCount, SeTokenType(token), elevation.TokenIsElevated, SeTokenIsAdmin(token),
               statistics.ModifiedId.LowPart != 0);
        ObDereferenceObject(token);
    }
    if (text.Buffer) {
        RtlFreeUnicodeString(&text);
    }
    if (user) {
        ExFreePoolWithTag(user, TAG);
    }
}

static VOID NTAPI Work(PDEVICE_OBJECT device, PVOID parameter)
{
    FWPS_ALE_ENDPOINT_PROPERTIES *endpoint = NULL;
    struct Job *job = (struct Job *)parameter;
    LUID id, other = {1, 0};
    HANDLE handle = NULL;

    UNREFERENCED_PARAMETER(device);
    if (NT_SUCCESS(FwpsAleEndpointGetById(TestEngine, job->Endpoint, &endpoint))) {
        id.LowPart = (ULONG)endpoint->localTokenModifiedId;
        id.HighPart = (LONG)(endpoint->localTokenModifiedId >> 32);
        if (NT_SUCCESS(FwpsOpenToken(TestEngine, id, TOKEN_QUERY, &handle))) {
            Tell("opened", handle);
            if (BAD != 2) {
                ZwClose(handle);
            }
        } else {
            Report("token: none of endpoint\n");
        }
        FwpmFreeMemory((void **)&endpoint);
    }
    if (FwpsOpenToken(TestEngine, other, TOKEN_QUERY, &handle) == STATUS_FWP_NOT_FOUND) {
        Report("token: others are not found\n");
    }
    if (BAD == 1) {
        Tell("late", job->Lent);
        ZwClose(job->Lent);
    }
    IoFreeWorkItem(job->Item);
    ExFreePoolWithTag(job, TAG);
}

/* A layer at PASSIVE_LEVEL, where tokens may be looked at. */
static VOID NTAPI Assign(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                         void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,
                         FWPS_CLASSIFY_OUT *out)
{
    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_CONTINUE;
    if (FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_TOKEN)) {
        Tell("lent", (HANDLE)(ULONG_PTR)meta->token);
    } else {
        Report("token: none\n");
    }
}

static VOID NTAPI Connect(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                          void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,
                          FWPS_CLASSIFY_OUT *out)
{
    struct Job *job;

    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = FWP_ACTION_CONTINUE;
    if (!FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_TOKEN)) {
        return;
    }
    job = (struct Job *)ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*job), TAG);
    if (job == NULL) {
        return;
    }
    job->Endpoint = meta->transportEndpointHandle;
    job->Lent = (HANDLE)(ULONG_PTR)meta->token;
    job->Item = IoAllocateWorkItem(TestDevice);
    IoQueueWorkItem(job->Item, Work, DelayedWorkQueue, job);
}

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7006, {0x80, 1}}, &FWPM_LAYER_ALE_RESOURCE_ASSIGNMENT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Assign, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7006, {0x80, 2}}, &FWPM_LAYER_ALE_AUTH_CONNECT_V4,
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
