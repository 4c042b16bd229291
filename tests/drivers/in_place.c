/*
 * Writes to the packet it is shown (LAYER), without a clone: every "ABCD" becomes "CDAB", which leaves sums right.
 *
 * HOW 0  through NdisGetDataBuffer
 *     1  through the MDL's system address
 *     2  and puts it back: nothing is changed
 *     3  "ABCD" becomes "aBCD": the sums are wrong
 *     4  looks only
 *     5  in a partial MDL
 *     6  and blocks
 */
#include "common.h"
#include <ndis.h>

#ifndef HOW
#define HOW 0
#endif
#ifndef LAYER
#define LAYER FWPM_LAYER_OUTBOUND_TRANSPORT_V4
#endif
#ifndef IS_STREAM
#define IS_STREAM 0
#endif

static LONG Changed;

static VOID Swap(UCHAR *at)
{
    UCHAR first = at[0], second = at[1];

    at[0] = at[2];
    at[1] = at[3];
    at[2] = first;
    at[3] = second;
}

static VOID Edit(UCHAR *bytes, ULONG length)
{
    ULONG i;

    for (i = 0; bytes != NULL && i + 4 <= length; i++) {
        if (RtlCompareMemory(bytes + i, "ABCD", 4) != 4) {
            continue;
        }
        InterlockedIncrement(&Changed);
        if (HOW == 3) {
            bytes[i] = 'a';
        } else if (HOW != 4) {
            Swap(bytes + i);
        }
        if (HOW == 2) {
            Swap(bytes + i);
        }
    }
}

static VOID EditBuffer(NET_BUFFER *nb)
{
    ULONG length = NET_BUFFER_DATA_LENGTH(nb), offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
    MDL *mdl = NET_BUFFER_CURRENT_MDL(nb), *part;

    if (HOW == 1) {
        UCHAR *bytes = (UCHAR *)MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
        Edit(bytes + offset, MmGetMdlByteCount(mdl) - offset);
    } else if (HOW == 5) {
        PCHAR start = (PCHAR)MmGetMdlVirtualAddress(mdl) + offset;
        part = IoAllocateMdl(start, length, FALSE, FALSE, NULL);
        if (part == NULL) {
            return;
        }
        IoBuildPartialMdl(mdl, part, start, length);
        Edit((UCHAR *)MmGetSystemAddressForMdlSafe(part, NormalPagePriority), length);
        IoFreeMdl(part);
    } else {
        Edit((UCHAR *)NdisGetDataBuffer(nb, length, NULL, 1, 0), length);
    }
}

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                           void *layerData, const void *context, const FWPS_FILTER *filter,
                           UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    NET_BUFFER_LIST *list = (NET_BUFFER_LIST *)layerData;
    NET_BUFFER *nb;

    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    out->actionType = HOW == 6 ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
    if (IS_STREAM) {
        list = ((FWPS_STREAM_CALLOUT_IO_PACKET *)layerData)->streamData->netBufferListChain;
    }
    for (; list != NULL; list = NET_BUFFER_LIST_NEXT_NBL(list)) {
        for (nb = NET_BUFFER_LIST_FIRST_NB(list); nb != NULL; nb = NET_BUFFER_NEXT_NB(nb)) {
            EditBuffer(nb);
        }
    }
}

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7090, {0x80, 1}}, &LAYER, FWP_ACTION_CALLOUT_TERMINATING, Classify, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
    Report("in_place: %d\n", Changed);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    return TestStart(driver, Callouts, ARRAYSIZE(Callouts));
}
