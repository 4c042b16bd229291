/* Tutorial: look at the bytes of outbound IP packets, through NdisGetDataBuffer and through the MDLs. */
#include "../common.h"

#define TAG 'tkcP'

static LONG Packets, Bytes, ViaMdl, Differs;

static ULONG SumThroughMdls(NET_BUFFER *buffer)
{
    ULONG offset = NET_BUFFER_CURRENT_MDL_OFFSET(buffer), left = NET_BUFFER_DATA_LENGTH(buffer), sum = 0, i, here;
    MDL *mdl;

    for (mdl = NET_BUFFER_CURRENT_MDL(buffer); mdl != NULL && left > 0; mdl = mdl->Next, offset = 0) {
        UCHAR *bytes = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority | MdlMappingNoExecute);
        if (bytes == NULL) {
            return 0;
        }
        here = min(MmGetMdlByteCount(mdl) - offset, left);
        for (i = 0; i < here; i++) {
            sum += bytes[offset + i];
        }
        left -= here;
        InterlockedIncrement(&ViaMdl);
    }
    return sum;
}

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta, void *list,
                           const void *context, const FWPS_FILTER *filter, UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    NET_BUFFER *buffer;

    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    for (buffer = NET_BUFFER_LIST_FIRST_NB((NET_BUFFER_LIST *)list); buffer != NULL;
         buffer = NET_BUFFER_NEXT_NB(buffer)) {
        ULONG length = NET_BUFFER_DATA_LENGTH(buffer), sum = 0, i;
        UCHAR *storage = ExAllocatePoolWithTag(NonPagedPool, length, TAG);
        UCHAR *bytes = storage != NULL ? NdisGetDataBuffer(buffer, length, storage, 1, 0) : NULL;
        for (i = 0; bytes != NULL && i < length; i++) {
            sum += bytes[i];
        }
        if (sum != SumThroughMdls(buffer)) {
            InterlockedIncrement(&Differs);
        }
        if (storage != NULL) {
            ExFreePoolWithTag(storage, TAG);
        }
        InterlockedIncrement(&Packets);
        InterlockedExchangeAdd(&Bytes, (LONG)length);
    }
    out->actionType = FWP_ACTION_CONTINUE;
}

static TEST_CALLOUT Callouts[] = {
    {{0x7a1d0040, 0x1111, 0x4222, {0x93, 0x33, 1, 2, 3, 4, 5, 1}}, &FWPM_LAYER_OUTBOUND_IPPACKET_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Classify},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    Report("%d packets, %d bytes, %d parts, %d differ\n", (int)Packets, (int)Bytes, (int)ViaMdl, (int)Differs);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
