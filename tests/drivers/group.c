/*
 * Fragment groups on their way through: tells of fragments and groups at IPFORWARD, and puts each group together.
 * By the datagram's destination port: 53 goes on reassembled, instead of its fragments; 54 is blocked; others pass.
 *
 *   BAD=1  puts together what is no group   BAD=2  forgets the reassembled list
 */
#include <ntddk.h>
#include <ndis.h>
#include "common.h"

#ifndef BAD
#define BAD 0
#endif

static HANDLE Injection;

static VOID NTAPI Sent(void *context, NET_BUFFER_LIST *list, BOOLEAN dispatch)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(dispatch);
    Report("group: sent 0x%08x\n", list->Status);
    FwpsFreeNetBufferList(list);
}

static VOID Decide(BOOLEAN isV4, NET_BUFFER_LIST *whole, FWPS_CLASSIFY_OUT *out)
{
    NET_BUFFER *buffer = NET_BUFFER_LIST_FIRST_NB(whole);
    ULONG header = isV4 ? 20 : 40;
    UCHAR storage[64];
    const UCHAR *bytes = (const UCHAR *)NdisGetDataBuffer(buffer, header + 8, storage, 1, 0);
    ULONG port = bytes ? (ULONG)bytes[header + 2] << 8 | bytes[header + 3] : 0;

    Report("group: whole of %u bytes, room %u, port %u\n", NET_BUFFER_DATA_LENGTH(buffer),
           NET_BUFFER_DATA_OFFSET(buffer), port);
    if (port == 53 &&
        NT_SUCCESS(FwpsInjectForwardAsync(Injection, NULL, 0, isV4 ? AF_INET : AF_INET6, UNSPECIFIED_COMPARTMENT_ID, 0,
                                          whole, Sent, NULL))) {
        out->actionType = FWP_ACTION_BLOCK;
        out->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
        return;
    }
    if (port == 54) {
        out->actionType = FWP_ACTION_BLOCK;
    }
    if (BAD != 2) {
        FwpsFreeNetBufferList(whole);
    }
}

static VOID Tell(BOOLEAN isV4, UINT32 flags, NET_BUFFER_LIST *list, FWPS_CLASSIFY_OUT *out)
{
    NET_BUFFER_LIST *whole = NULL, *one;
    ULONG count = 0, bytes = 0;
    NTSTATUS status;

    out->actionType = FWP_ACTION_PERMIT;
    for (one = list; one; one = NET_BUFFER_LIST_NEXT_NBL(one)) {
        count++;
        bytes += NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(one));
    }
    Report("group: %s of %u, %u bytes\n", flags & FWP_CONDITION_FLAG_IS_FRAGMENT_GROUP ? "group" : "packet", count,
           bytes);
    if (!(flags & FWP_CONDITION_FLAG_IS_FRAGMENT_GROUP) && BAD != 1) {
        return;
    }
    status = FwpsReassembleForwardFragmentGroup(isV4 ? AF_INET : AF_INET6, list, NULL, 16, 0, &whole);
    if (NT_SUCCESS(status)) {
        Decide(isV4, whole, out);
    } else {
        Report("group: refused 0x%08x\n", status);
    }
}

#define LAYER(name, isV4, field)                                                                                      \
    static VOID NTAPI name(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,             \
                           void *layerData, const void *context, const FWPS_FILTER *filter, UINT64 flowContext,       \
                           FWPS_CLASSIFY_OUT *out)                                                                    \
    {                                                                                                                 \
        UNREFERENCED_PARAMETER(meta);                                                                                 \
        UNREFERENCED_PARAMETER(context);                                                                              \
        UNREFERENCED_PARAMETER(filter);                                                                               \
        UNREFERENCED_PARAMETER(flowContext);                                                                          \
        Tell(isV4, values->incomingValue[field].value.uint32, (NET_BUFFER_LIST *)layerData, out);                     \
    }

LAYER(ForwardV4, TRUE, FWPS_FIELD_IPFORWARD_V4_FLAGS)
LAYER(ForwardV6, FALSE, FWPS_FIELD_IPFORWARD_V6_FLAGS)

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7009, {0x80, 1}}, &FWPM_LAYER_IPFORWARD_V4, FWP_ACTION_CALLOUT_TERMINATING, ForwardV4, NULL,
     0},
    {{0x6f70656e, 0x7766, 0x7009, {0x80, 2}}, &FWPM_LAYER_IPFORWARD_V6, FWP_ACTION_CALLOUT_TERMINATING, ForwardV6, NULL,
     0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    FwpsInjectionHandleDestroy(Injection);
    TestStop(Callouts, ARRAYSIZE(Callouts));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    NTSTATUS status = FwpsInjectionHandleCreate(0, FWPS_INJECTION_TYPE_FORWARD, &Injection);

    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = Unload;
    return NT_SUCCESS(status) ? TestStart(driver, Callouts, ARRAYSIZE(Callouts)) : status;
}
