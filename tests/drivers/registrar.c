/*
 * A client and a provider of one network programming interface, met through the module registrar, and an
 * NDIS reader-writer lock around their calls. The client detaches late, from a work item.
 *   FORGET  the provider is not deregistered
 */
#include <ntddk.h>
#include <ndis.h>
#include <netioddk.h>

#define Report(...) DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, __VA_ARGS__)

static const GUID Interface = {0x7a1d0030, 0x1111, 0x4222, {1, 2, 3, 4, 5, 6, 7, 8}};
static const GUID OtherInterface = {0x7a1d0031, 0x1111, 0x4222, {1, 2, 3, 4, 5, 6, 7, 8}};
static NPI_MODULEID ClientId = {sizeof(NPI_MODULEID), MIT_GUID, {{1}}};
static NPI_MODULEID ProviderId = {sizeof(NPI_MODULEID), MIT_GUID, {{2}}};

typedef struct _DISPATCH {
    int (*Add)(void *context, int n);
} DISPATCH;

static PNDIS_RW_LOCK_EX Lock;
static PDEVICE_OBJECT Device;
static HANDLE Client, Provider, Lonely, Binding;
static void *ProviderContext;
static const DISPATCH *ProviderFunctions;
static int Sum, Attached, Detached, Cleaned;

static int Add(void *context, int n)
{
    LOCK_STATE_EX state, again;
    int sum;

    NdisAcquireRWLockWrite(Lock, &state, 0);
    *(int *)context += n;
    NdisReleaseRWLock(Lock, &state);
    NdisAcquireRWLockRead(Lock, &state, 0);
    NdisAcquireRWLockRead(Lock, &again, NDIS_RWL_AT_DISPATCH_LEVEL);
    sum = *(int *)context;
    NdisReleaseRWLock(Lock, &again);
    NdisReleaseRWLock(Lock, &state);
    return sum;
}

static const DISPATCH Functions = {Add};

static NTSTATUS ClientAttach(HANDLE binding, PVOID context, const NPI_REGISTRATION_INSTANCE *provider)
{
    UNREFERENCED_PARAMETER(provider);
    Binding = binding;
    return NmrClientAttachProvider(binding, context, NULL, &ProviderContext, (const VOID **)&ProviderFunctions);
}

static VOID FinishDetach(PDEVICE_OBJECT device, PVOID item)
{
    UNREFERENCED_PARAMETER(device);
    NmrClientDetachProviderComplete(Binding);
    IoFreeWorkItem(item);
}

static NTSTATUS ClientDetach(PVOID context)
{
    PIO_WORKITEM item = IoAllocateWorkItem(Device);

    UNREFERENCED_PARAMETER(context);
    Detached++;
    if (item == NULL) {
        return STATUS_SUCCESS;
    }
    IoQueueWorkItem(item, FinishDetach, DelayedWorkQueue, item);
    return STATUS_PENDING;
}

static NTSTATUS ProviderAttach(HANDLE binding, PVOID context, const NPI_REGISTRATION_INSTANCE *client,
                               PVOID clientContext, const VOID *clientDispatch, PVOID *providerContext,
                               const VOID **providerDispatch)
{
    UNREFERENCED_PARAMETER(binding);
    UNREFERENCED_PARAMETER(clientContext);
    UNREFERENCED_PARAMETER(clientDispatch);
    if (client->ModuleId->Guid.Data1 != 1) {
        return STATUS_NOINTERFACE;
    }
    Attached++;
    *providerContext = context;
    *providerDispatch = &Functions;
    return STATUS_SUCCESS;
}

static NTSTATUS ProviderDetach(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
    Detached++;
    return STATUS_SUCCESS;
}

static VOID Cleanup(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
    Cleaned++;
}

static const NPI_CLIENT_CHARACTERISTICS ClientCharacteristics = {
    0, sizeof(NPI_CLIENT_CHARACTERISTICS), ClientAttach, ClientDetach, Cleanup,
    {0, sizeof(NPI_REGISTRATION_INSTANCE), &Interface, &ClientId, 0, NULL}};
static const NPI_PROVIDER_CHARACTERISTICS ProviderCharacteristics = {
    0, sizeof(NPI_PROVIDER_CHARACTERISTICS), ProviderAttach, ProviderDetach, Cleanup,
    {0, sizeof(NPI_REGISTRATION_INSTANCE), &Interface, &ProviderId, 0, NULL}};

static VOID Unload(PDRIVER_OBJECT driver)
{
    int sum = ProviderFunctions->Add(ProviderContext, 5);

    UNREFERENCED_PARAMETER(driver);
    if (NmrDeregisterClient(Client) == STATUS_PENDING) {
        NmrWaitForClientDeregisterComplete(Client);
    }
#ifndef FORGET
    if (NmrDeregisterProvider(Provider) == STATUS_PENDING) {
        NmrWaitForProviderDeregisterComplete(Provider);
    }
#endif
    if (NmrDeregisterProvider(Lonely) == STATUS_PENDING) {
        NmrWaitForProviderDeregisterComplete(Lonely);
    }
    NdisFreeRWLock(Lock);
    IoDeleteDevice(Device);
    Report("sum %d, attached %d, detached %d, cleaned %d\n", sum, Attached, Detached, Cleaned);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NPI_PROVIDER_CHARACTERISTICS lonely = ProviderCharacteristics;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Lock = NdisAllocateRWLock(NULL);
    lonely.ProviderRegistrationInstance.NpiId = &OtherInterface;
    status = NmrRegisterProvider(&lonely, NULL, &Lonely);
    if (NT_SUCCESS(status)) {
        status = NmrRegisterClient(&ClientCharacteristics, &Client, &Client);
    }
    if (NT_SUCCESS(status)) {
        status = NmrRegisterProvider(&ProviderCharacteristics, &Sum, &Provider);
    }
    if (NT_SUCCESS(status)) {
        Report("%d\n", ProviderFunctions->Add(ProviderContext, 3));
    }
    return status;
}
