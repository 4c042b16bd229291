/*
 * What the sample drivers share: a control device, registry parameters, addresses, callouts with their
 * filters, and a tear-down that leaves nothing behind. What each driver teaches is in its own file.
 *
 * Model      A driver fills in one SAMPLE with its table of callouts. SampleStart() registers them and
 *            adds sublayer, callouts and filters in one transaction of a dynamic session;
 *            SampleStopClassify() ends the session, which deletes the filters; SampleUnregister() takes
 *            the driver's contexts off their flows, and waits until no callout runs or holds one.
 */
#pragma once

#include <ntddk.h>
#include <wdf.h>
#include <fwpsk.h>
#include <fwpmk.h>

#define SAMPLE_TAG 'lpmS'

// Each driver defines SAMPLE_NAME before it includes this file.
#define LOG_ERROR(format, ...)                                                                     \
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, SAMPLE_NAME ": " format "\n", ##__VA_ARGS__)
#define LOG_INFO(format, ...)                                                                      \
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, SAMPLE_NAME ": " format "\n", ##__VA_ARGS__)

typedef struct _SAMPLE_ADDRESS {
    ADDRESS_FAMILY Family; // AF_INET, AF_INET6; 0: none
    union {
        UINT8 Bytes[16]; // network order, as packets and send parameters have them
        FWP_BYTE_ARRAY16 V6;
    };
} SAMPLE_ADDRESS;

// "[2001:db8:ffff:ffff:ffff:ffff:255.255.255.255]:65535" and a little more
typedef struct _SAMPLE_TEXT {
    WCHAR Text[64];
} SAMPLE_TEXT;

typedef struct _SAMPLE_CALLOUT {
    GUID Key;
    const GUID *Layer;
    PWSTR Name;
    FWP_ACTION_TYPE Action; // of its filter
    FWPS_CALLOUT_CLASSIFY_FN Classify;
    FWPS_CALLOUT_FLOW_DELETE_NOTIFY_FN0 FlowDelete;
    UINT32 Flags; // FWP_CALLOUT_FLAG_*
    FWPM_FILTER_CONDITION *Conditions;
    UINT32 ConditionCount;
    BOOLEAN NoFilter; // registered, but nothing is sent to it
    UINT32 Id;        // of the registered callout; 0: none
} SAMPLE_CALLOUT;

typedef struct _SAMPLE {
    PWSTR Name;
    GUID SubLayer;
    SAMPLE_CALLOUT *Callouts;
    ULONG CalloutCount;
    WDFDEVICE Device;
    HANDLE Engine;
    KSPIN_LOCK FlowLock;
    LIST_ENTRY Flows; // of SAMPLE_FLOW
    ULONG FlowPass;
} SAMPLE;

// A context on a flow: the first member of what the driver keeps there.
typedef struct _SAMPLE_FLOW {
    LIST_ENTRY Link;
    UINT64 Flow;
    UINT32 Callout;
    UINT16 Layer;
    ULONG Pass;
} SAMPLE_FLOW;

// ---------------------------------------------------------------- device and callouts

// A control device \Device\NAME with the link \DosDevices\NAME; requests go to IoControl, if there is one.
_IRQL_requires_max_(PASSIVE_LEVEL)
NTSTATUS SampleCreateDevice(
    _Inout_ SAMPLE *Sample,
    _In_ WDFDRIVER Driver,
    _In_opt_ PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL IoControl);

_IRQL_requires_max_(PASSIVE_LEVEL)
_Must_inspect_result_
NTSTATUS SampleStart(_Inout_ SAMPLE *Sample);

// No new classify starts after this, as no filter leads to a callout any more.
_IRQL_requires_max_(PASSIVE_LEVEL)
VOID SampleStopClassify(_Inout_ SAMPLE *Sample);

_IRQL_requires_max_(PASSIVE_LEVEL)
VOID SampleUnregister(_Inout_ SAMPLE *Sample);

// ---------------------------------------------------------------- flow contexts

// Hang Context on a flow. It belongs to the flow then, until flowDeleteFn; else it stays the caller's.
_IRQL_requires_max_(DISPATCH_LEVEL)
_Must_inspect_result_
NTSTATUS SampleFlowAssociate(
    _Inout_ SAMPLE *Sample,
    _Inout_ SAMPLE_FLOW *Context,
    _In_ UINT64 Flow,
    _In_ UINT16 Layer,
    _In_ UINT32 Callout);

// What flowDeleteFn does first.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID SampleFlowDeleted(_Inout_ SAMPLE *Sample, _Inout_ SAMPLE_FLOW *Context);

// ---------------------------------------------------------------- registry parameters

// A missing value leaves *Value as it is and is no error.
_IRQL_requires_max_(PASSIVE_LEVEL)
NTSTATUS SampleReadUlong(_In_ WDFDRIVER Driver, _In_z_ PCWSTR Name, _Inout_ ULONG *Value);

// A REG_SZ of at most Size - 1 characters. A missing value leaves the buffer as it is.
_IRQL_requires_max_(PASSIVE_LEVEL)
NTSTATUS SampleReadString(
    _In_ WDFDRIVER Driver,
    _In_z_ PCWSTR Name,
    _Inout_updates_z_(Size) WCHAR *Buffer,
    _In_ ULONG Size);

// An address that must be there, and be one.
_IRQL_requires_max_(PASSIVE_LEVEL)
NTSTATUS SampleReadAddress(_In_ WDFDRIVER Driver, _In_z_ PCWSTR Name, _Out_ SAMPLE_ADDRESS *Address);

// ---------------------------------------------------------------- addresses

FORCEINLINE ULONG SampleAddressSize(_In_ ADDRESS_FAMILY Family)
{
    return Family == AF_INET ? 4 : 16;
}

// From a classify value of type FWP_UINT32 or FWP_BYTE_ARRAY16_TYPE.
VOID SampleAddressOf(_In_ const FWP_VALUE *Value, _Out_ SAMPLE_ADDRESS *Address);

BOOLEAN SampleSameAddress(_In_ const SAMPLE_ADDRESS *A, _In_ const SAMPLE_ADDRESS *B);

// The address as a condition's value; it must stay where it is while the condition is used.
VOID SampleAddressCondition(
    _In_ const GUID *Field,
    _In_ SAMPLE_ADDRESS *Address,
    _Out_ FWPM_FILTER_CONDITION *Condition);

// "1.2.3.4:80", "[::1]:80". Printing it with %ws also needs PASSIVE_LEVEL.
_IRQL_requires_max_(PASSIVE_LEVEL)
const WCHAR *SampleFormat(_In_ const SAMPLE_ADDRESS *Address, _In_ UINT16 Port, _Out_ SAMPLE_TEXT *Text);

// ---------------------------------------------------------------- threads

// A system thread that the caller waits for with SampleJoinThread().
_IRQL_requires_max_(PASSIVE_LEVEL)
NTSTATUS SampleStartThread(_In_ PKSTART_ROUTINE Routine, _Out_ PKTHREAD *Thread);

_IRQL_requires_max_(PASSIVE_LEVEL)
VOID SampleJoinThread(_In_ PKTHREAD Thread);
