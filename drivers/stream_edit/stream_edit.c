/*
 * stream_edit: replaces a string in TCP streams, both ways, wherever segments cut it.
 *
 * ALE_FLOW_ESTABLISHED chooses the connections: those of one port get a context, and the stream callout
 * is conditional on flow, so that nobody else's data pay. At the stream layer data are edited in one of
 * two ways:
 *
 *   inline       within classify. What lies before a match is permitted (countBytesEnforced), the match
 *                is blocked and its replacement injected at the same point; when the data end inside
 *                what may become a match, more are asked for (FWPS_STREAM_ACTION_NEED_MORE_DATA).
 *   out-of-band  everything, also the FIN, is copied and blocked; a worker thread edits it and injects
 *                the result. What may become a match is carried over to the next piece. With PauseAfter
 *                a received stream is put off (FWPS_STREAM_ACTION_DEFER) when that many bytes came, until
 *                the worker is done with them; its sender's window closes meanwhile.
 *
 * Parameters
 *   StringToFind     REG_SZ     ASCII; must be there
 *   StringToReplace  REG_SZ     ASCII; default: nothing, the string is taken out
 *   Port             REG_DWORD  local or remote port of the connections; default 80, 0: all
 *   OutOfBand        REG_DWORD  0: inline (default), 1: out-of-band
 *   PauseAfter       REG_DWORD  out-of-band: bytes received between two pauses; default 0: no pauses
 */
#include <ntddk.h>
#include <wdf.h>
#include <initguid.h>
#include <fwpsk.h>
#include <fwpmk.h>

#define SAMPLE_NAME "stream_edit"
#include "../shared/sample.h"

#define EDIT_TAG      'tidE'
#define STRING_MAX    256
#define PROTOCOL_TCP  6
#define DRAIN_WAIT_MS 10
#define DRAIN_WAITS   100

typedef enum _WAY { WaySend, WayReceive, WayCount } WAY;

// One direction of an out-of-band connection. The carry is the worker's alone.
typedef struct _STREAM {
    LONG Pending;      // pieces and injections under way
    SIZE_T SincePause; // bytes taken; classify's alone
    ULONG CarryLength;
    UCHAR Carry[STRING_MAX]; // the beginning of what may become a match
} STREAM;

typedef struct _CONNECTION {
    SAMPLE_FLOW Flow; // its context
    LONG References;  // the flow's, and one for each piece and injection
    STREAM Streams[WayCount];
} CONNECTION;

// A piece of a stream, on its way to the worker.
typedef struct _PIECE {
    LIST_ENTRY Link;
    CONNECTION *Connection;
    WAY Way;
    UINT32 Flags;  // FWPS_STREAM_FLAG_*
    BOOLEAN Final; // no more data will come: what is carried is no match
    BOOLEAN GoOn;  // no data: the stream was put off until its turn comes
    SIZE_T Length;
    UCHAR Data[ANYSIZE_ARRAY];
} PIECE;

// Data of our own on their way into a stream.
typedef struct _INJECTION {
    CONNECTION *Connection; // NULL: inline
    WAY Way;
    MDL *Mdl;
    SIZE_T Length;
    UCHAR Data[ANYSIZE_ARRAY];
} INJECTION;

static UCHAR gFind[STRING_MAX], gReplace[STRING_MAX];
static ULONG gFindLength, gReplaceLength;
static ULONG gPort = 80, gOutOfBand, gPauseAfter;

static HANDLE gInjection;
static NDIS_HANDLE gPool;
static KSPIN_LOCK gWorkLock;
static LIST_ENTRY gWork;
static KEVENT gWorkEvent;
static BOOLEAN gStopping, gWorkerEnds;
static PKTHREAD gWorker;
static LONG gPending; // of all streams
static LONG gReplaced, gLost, gPaused;

enum { EstablishedV4, EstablishedV6, StreamV4, StreamV6, CalloutCount };
static SAMPLE_CALLOUT gCallouts[CalloutCount];
static SAMPLE gEditor;

DRIVER_INITIALIZE DriverEntry;
EVT_WDF_DRIVER_UNLOAD EvtDriverUnload;

// ---------------------------------------------------------------- the search

typedef enum _MATCH { MatchNone, MatchFull, MatchPartial } MATCH;

// How many bytes lie before the first match, or before an end that may become one when more data come.
static SIZE_T Scan(
    _In_reads_bytes_(Length) const UCHAR *Data,
    _In_ SIZE_T Length,
    _In_ BOOLEAN Final,
    _Out_ MATCH *Match)
{
    SIZE_T rest, same;

    *Match = MatchNone;
    for (SIZE_T i = 0; i < Length; i++) {
        rest = Length - i;
        same = 0;
        while (same < rest && same < gFindLength && Data[i + same] == gFind[same]) {
            same++;
        }
        if (same == gFindLength) {
            *Match = MatchFull;
            return i;
        }
        if (same == rest && !Final) {
            *Match = MatchPartial;
            return i;
        }
    }
    return Length;
}

// Edit as much of the data as can be decided. Without Output it is only counted.
static SIZE_T Edit(
    _In_reads_bytes_(Length) const UCHAR *Data,
    _In_ SIZE_T Length,
    _In_ BOOLEAN Final,
    _Out_writes_opt_(Length) UCHAR *Output,
    _Out_ SIZE_T *Consumed)
{
    SIZE_T plain, out = 0, in = 0;
    MATCH match;

    do {
        plain = Scan(Data + in, Length - in, Final, &match);
        if (Output != NULL) {
            RtlCopyMemory(Output + out, Data + in, plain);
        }
        in += plain;
        out += plain;
        if (match == MatchFull) {
            if (Output != NULL) {
                RtlCopyMemory(Output + out, gReplace, gReplaceLength);
                InterlockedIncrement(&gReplaced);
            }
            in += gFindLength;
            out += gReplaceLength;
        }
    } while (match == MatchFull);
    *Consumed = in;
    return out;
}

// ---------------------------------------------------------------- connections and what is under way

static VOID Reference(_Inout_ CONNECTION *Connection)
{
    InterlockedIncrement(&Connection->References);
}

static VOID Release(_Inout_ CONNECTION *Connection)
{
    if (InterlockedDecrement(&Connection->References) == 0) {
        ExFreePoolWithTag(Connection, EDIT_TAG);
    }
}

static VOID Begin(_Inout_ CONNECTION *Connection, _In_ WAY Way)
{
    Reference(Connection);
    InterlockedIncrement(&Connection->Streams[Way].Pending);
    InterlockedIncrement(&gPending);
}

static VOID End(_Inout_ CONNECTION *Connection, _In_ WAY Way)
{
    InterlockedDecrement(&gPending);
    InterlockedDecrement(&Connection->Streams[Way].Pending);
    Release(Connection);
}

static VOID NTAPI FlowDelete(_In_ UINT16 LayerId, _In_ UINT32 CalloutId, _In_ UINT64 FlowContext)
{
    CONNECTION *connection = (CONNECTION *)(ULONG_PTR)FlowContext;

    UNREFERENCED_PARAMETER(LayerId);
    UNREFERENCED_PARAMETER(CalloutId);
    SampleFlowDeleted(&gEditor, &connection->Flow);
    Release(connection);
}

// ---------------------------------------------------------------- injection

static VOID FreeInjection(_In_ _Post_invalid_ INJECTION *Injection)
{
    if (Injection->Mdl != NULL) {
        IoFreeMdl(Injection->Mdl);
    }
    if (Injection->Connection != NULL) {
        End(Injection->Connection, Injection->Way);
    }
    ExFreePoolWithTag(Injection, EDIT_TAG);
}

static void NTAPI InjectComplete(_In_ void *Context, _Inout_ NET_BUFFER_LIST *List, _In_ BOOLEAN DispatchLevel)
{
    UNREFERENCED_PARAMETER(DispatchLevel);
    if (!NT_SUCCESS(List->Status)) {
        InterlockedIncrement(&gLost);
    }
    FwpsFreeNetBufferList(List);
    FreeInjection(Context);
}

// Room for data of our own; for a connection it counts as under way from now on.
_Ret_maybenull_
static INJECTION *NewInjection(_Inout_opt_ CONNECTION *Connection, _In_ WAY Way, _In_ SIZE_T Length)
{
    INJECTION *injection;

    injection = ExAllocatePool2(POOL_FLAG_NON_PAGED, FIELD_OFFSET(INJECTION, Data) + Length, EDIT_TAG);
    if (injection != NULL && Connection != NULL) {
        Begin(Connection, Way);
        injection->Connection = Connection;
    }
    if (injection != NULL) {
        injection->Way = Way;
        injection->Length = Length;
    }
    return injection;
}

// What a classify says of its data, for data injected in their place: direction, push, FIN.
static UINT32 InjectionFlags(_In_ UINT32 Flags, _In_ BOOLEAN Disconnect)
{
    UINT32 flags = Flags & (FWPS_STREAM_FLAG_SEND | FWPS_STREAM_FLAG_SEND_NODELAY | FWPS_STREAM_FLAG_RECEIVE |
                            FWPS_STREAM_FLAG_RECEIVE_PUSH);

    if (Disconnect) {
        flags |= Flags & (FWPS_STREAM_FLAG_SEND_DISCONNECT | FWPS_STREAM_FLAG_RECEIVE_DISCONNECT);
    }
    return flags;
}

// The injection is gone in any case: completed later, or freed here.
static NTSTATUS Inject(
    _In_ _Post_invalid_ INJECTION *Injection,
    _In_ UINT64 Flow,
    _In_ UINT32 Callout,
    _In_ UINT16 Layer,
    _In_ UINT32 Flags)
{
    NET_BUFFER_LIST *list = NULL;
    NTSTATUS status = STATUS_SUCCESS;

    if (Injection->Length != 0) {
        Injection->Mdl = IoAllocateMdl(Injection->Data, (ULONG)Injection->Length, FALSE, FALSE, NULL);
        if (Injection->Mdl == NULL) {
            status = STATUS_INSUFFICIENT_RESOURCES;
            goto Exit;
        }
        MmBuildMdlForNonPagedPool(Injection->Mdl);
        status = FwpsAllocateNetBufferAndNetBufferList(gPool, 0, 0, Injection->Mdl, 0, Injection->Length, &list);
        if (!NT_SUCCESS(status)) {
            goto Exit;
        }
    }
    status = FwpsStreamInjectAsync(gInjection, NULL, 0, Flow, Callout, Layer, Flags, list, Injection->Length,
                                   InjectComplete, Injection);
    if (NT_SUCCESS(status) && list != NULL) {
        return status; // the completion frees it
    }
    if (list != NULL) {
        FwpsFreeNetBufferList(list);
    }

Exit:
    if (!NT_SUCCESS(status)) {
        InterlockedIncrement(&gLost);
    }
    FreeInjection(Injection); // a FIN alone has no list, and no completion
    return status;
}

// ---------------------------------------------------------------- inline

static VOID Decide(
    _Inout_ FWPS_STREAM_CALLOUT_IO_PACKET *Packet,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut,
    _In_ FWP_ACTION_TYPE Action,
    _In_ SIZE_T Bytes)
{
    Packet->streamAction = FWPS_STREAM_ACTION_NONE;
    Packet->countBytesRequired = 0;
    Packet->countBytesEnforced = Bytes;
    ClassifyOut->actionType = Action;
}

static VOID Drop(_Inout_ FWPS_STREAM_CALLOUT_IO_PACKET *Packet, _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    Packet->streamAction = FWPS_STREAM_ACTION_DROP_CONNECTION;
    Packet->countBytesRequired = 0;
    Packet->countBytesEnforced = 0;
    ClassifyOut->actionType = FWP_ACTION_NONE;
    InterlockedIncrement(&gLost);
}

static NTSTATUS InjectReplacement(
    _In_ const CONNECTION *Connection,
    _In_ const FWPS_STREAM_DATA *Stream)
{
    INJECTION *injection;

    InterlockedIncrement(&gReplaced);
    if (gReplaceLength == 0) {
        return STATUS_SUCCESS;
    }
    injection = NewInjection(NULL, WaySend, gReplaceLength);
    if (injection == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(injection->Data, gReplace, gReplaceLength);
    return Inject(injection, Connection->Flow.Flow, Connection->Flow.Callout, Connection->Flow.Layer,
                  InjectionFlags(Stream->flags, FALSE));
}

static VOID EditInline(
    _In_ const CONNECTION *Connection,
    _Inout_ FWPS_STREAM_CALLOUT_IO_PACKET *Packet,
    _In_ BOOLEAN Final,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    FWPS_STREAM_DATA *stream = Packet->streamData;
    SIZE_T length = stream->dataLength, plain;
    UCHAR *data;
    MATCH match;

    if (length == 0) { // a FIN or RST alone
        Decide(Packet, ClassifyOut, FWP_ACTION_PERMIT, 0);
        return;
    }
    data = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, length, EDIT_TAG);
    if (data == NULL) {
        Drop(Packet, ClassifyOut);
        return;
    }
    FwpsCopyStreamDataToBuffer(stream, data, length, &length);
    plain = Scan(data, length, Final, &match);
    ExFreePoolWithTag(data, EDIT_TAG);

    if (plain != 0) { // asked again about the rest
        Decide(Packet, ClassifyOut, FWP_ACTION_PERMIT, plain);
    } else if (match == MatchPartial) {
        Packet->streamAction = FWPS_STREAM_ACTION_NEED_MORE_DATA;
        Packet->countBytesRequired = gFindLength - (ULONG)length;
        Packet->countBytesEnforced = 0;
        ClassifyOut->actionType = FWP_ACTION_NONE;
    } else if (NT_SUCCESS(InjectReplacement(Connection, stream))) {
        Decide(Packet, ClassifyOut, FWP_ACTION_BLOCK, gFindLength);
    } else {
        Drop(Packet, ClassifyOut);
    }
}

// ---------------------------------------------------------------- out-of-band

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID QueuePiece(_Inout_ PIECE *Piece)
{
    KLOCK_QUEUE_HANDLE lock;

    KeAcquireInStackQueuedSpinLock(&gWorkLock, &lock);
    InsertTailList(&gWork, &Piece->Link);
    KeReleaseInStackQueuedSpinLock(&lock);
    KeSetEvent(&gWorkEvent, IO_NO_INCREMENT, FALSE);
}

_Ret_maybenull_
static PIECE *NewPiece(_Inout_ CONNECTION *Connection, _In_ WAY Way, _In_ SIZE_T Length)
{
    PIECE *piece;

    piece = ExAllocatePool2(POOL_FLAG_NON_PAGED, FIELD_OFFSET(PIECE, Data) + Length, EDIT_TAG);
    if (piece != NULL) {
        Begin(Connection, Way);
        piece->Connection = Connection;
        piece->Way = Way;
        piece->Length = Length;
    }
    return piece;
}

// Too much was received since the last pause: the worker first. All it has to do is queued before.
static BOOLEAN Pause(
    _Inout_ CONNECTION *Connection,
    _Inout_ FWPS_STREAM_CALLOUT_IO_PACKET *Packet,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    STREAM *stream = &Connection->Streams[WayReceive];
    PIECE *piece;

    if (stream->SincePause < gPauseAfter || (ClassifyOut->flags & FWPS_CLASSIFY_OUT_FLAG_NO_MORE_DATA)) {
        stream->SincePause += Packet->streamData->dataLength;
        return FALSE;
    }
    piece = NewPiece(Connection, WayReceive, 0);
    if (piece == NULL) {
        return FALSE; // then without
    }
    piece->GoOn = TRUE;
    stream->SincePause = 0;
    InterlockedIncrement(&gPaused);
    Packet->streamAction = FWPS_STREAM_ACTION_DEFER;
    Packet->countBytesRequired = 0;
    Packet->countBytesEnforced = 0;
    ClassifyOut->actionType = FWP_ACTION_NONE;
    QueuePiece(piece);
    return TRUE;
}

static VOID TakeOutOfBand(
    _Inout_ CONNECTION *Connection,
    _Inout_ FWPS_STREAM_CALLOUT_IO_PACKET *Packet,
    _In_ BOOLEAN Final,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    FWPS_STREAM_DATA *stream = Packet->streamData;
    WAY way = stream->flags & FWPS_STREAM_FLAG_SEND ? WaySend : WayReceive;
    PIECE *piece;

    // after a reset nothing may be injected; and while the driver stops, an idle stream goes its own way
    if ((stream->flags & (FWPS_STREAM_FLAG_SEND_ABORT | FWPS_STREAM_FLAG_RECEIVE_ABORT)) ||
        (gStopping && Connection->Streams[way].Pending == 0 && Connection->Streams[way].CarryLength == 0)) {
        Decide(Packet, ClassifyOut, FWP_ACTION_PERMIT, stream->dataLength);
        return;
    }
    if (gPauseAfter != 0 && way == WayReceive && stream->dataLength != 0 && !gStopping &&
        Pause(Connection, Packet, ClassifyOut)) {
        return;
    }
    piece = NewPiece(Connection, way, stream->dataLength);
    if (piece == NULL) {
        Drop(Packet, ClassifyOut);
        return;
    }
    piece->Flags = stream->flags;
    piece->Final = Final;
    if (stream->dataLength != 0) {
        FwpsCopyStreamDataToBuffer(stream, piece->Data, stream->dataLength, &piece->Length);
    }
    Decide(Packet, ClassifyOut, FWP_ACTION_BLOCK, stream->dataLength);
    QueuePiece(piece);
}

static VOID KeepCarry(_Inout_ STREAM *Stream, _In_reads_bytes_(Length) const UCHAR *Data, _In_ SIZE_T Length)
{
    NT_ASSERT(Length < gFindLength);
    RtlCopyMemory(Stream->Carry, Data, Length);
    Stream->CarryLength = (ULONG)Length;
}

// Carry and piece in one buffer, edited into an injection.
static NTSTATUS EditPiece(_In_ const PIECE *Piece)
{
    CONNECTION *connection = Piece->Connection;
    STREAM *stream = &connection->Streams[Piece->Way];
    SIZE_T length = stream->CarryLength + Piece->Length, consumed, edited;
    INJECTION *injection;
    UINT32 flags = InjectionFlags(Piece->Flags, Piece->Final);
    BOOLEAN final = Piece->Final || gStopping; // then nothing is carried over any more
    UCHAR *data;

    data = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, length + 1, EDIT_TAG);
    if (data == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(data, stream->Carry, stream->CarryLength);
    RtlCopyMemory(data + stream->CarryLength, Piece->Data, Piece->Length);
    edited = Edit(data, length, final, NULL, &consumed);
    injection = NewInjection(connection, Piece->Way, edited);
    if (injection == NULL) {
        ExFreePoolWithTag(data, EDIT_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Edit(data, length, final, injection->Data, &consumed);
    KeepCarry(stream, data + consumed, length - consumed);
    ExFreePoolWithTag(data, EDIT_TAG);
    if (edited == 0 && !(flags & (FWPS_STREAM_FLAG_SEND_DISCONNECT | FWPS_STREAM_FLAG_RECEIVE_DISCONNECT))) {
        FreeInjection(injection); // all of it is carried
        return STATUS_SUCCESS;
    }
    return Inject(injection, connection->Flow.Flow, connection->Flow.Callout, connection->Flow.Layer, flags);
}

_Ret_maybenull_
static PIECE *TakePiece(void)
{
    KLOCK_QUEUE_HANDLE lock;
    PIECE *piece = NULL;

    KeAcquireInStackQueuedSpinLock(&gWorkLock, &lock);
    if (!IsListEmpty(&gWork)) {
        piece = CONTAINING_RECORD(RemoveHeadList(&gWork), PIECE, Link);
    } else if (!gWorkerEnds) {
        KeClearEvent(&gWorkEvent);
    }
    KeReleaseInStackQueuedSpinLock(&lock);
    return piece;
}

static KSTART_ROUTINE Worker;
static VOID NTAPI Worker(_In_ PVOID Context)
{
    PIECE *piece;

    UNREFERENCED_PARAMETER(Context);
    do {
        KeWaitForSingleObject(&gWorkEvent, Executive, KernelMode, FALSE, NULL);
        while ((piece = TakePiece()) != NULL) {
            if (piece->GoOn) { // never from inside classify
                FwpsStreamContinue(piece->Connection->Flow.Flow, piece->Connection->Flow.Callout,
                                   piece->Connection->Flow.Layer, FWPS_STREAM_FLAG_RECEIVE);
            } else if (!NT_SUCCESS(EditPiece(piece))) {
                // the stream has a hole now, and must not go on as if it had none
                FwpsFlowAbort(piece->Connection->Flow.Flow);
            }
            End(piece->Connection, piece->Way);
            ExFreePoolWithTag(piece, EDIT_TAG);
        }
    } while (!gWorkerEnds);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

// ---------------------------------------------------------------- callouts

static VOID NTAPI ClassifyStream(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    FWPS_STREAM_CALLOUT_IO_PACKET *packet = LayerData;
    CONNECTION *connection = (CONNECTION *)(ULONG_PTR)FlowContext;
    BOOLEAN final;

    UNREFERENCED_PARAMETER(Values);
    UNREFERENCED_PARAMETER(Metadata);
    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(Filter);

    // the right to write the action means nothing at the stream layer
    if (packet == NULL || packet->streamData == NULL) {
        ClassifyOut->actionType = FWP_ACTION_PERMIT;
        return;
    }
    final = (packet->streamData->flags &
             (FWPS_STREAM_FLAG_SEND_DISCONNECT | FWPS_STREAM_FLAG_RECEIVE_DISCONNECT | FWPS_STREAM_FLAG_SEND_ABORT |
              FWPS_STREAM_FLAG_RECEIVE_ABORT)) != 0;
    if (gOutOfBand) {
        TakeOutOfBand(connection, packet, final, ClassifyOut);
        return;
    }
    final |= (ClassifyOut->flags &
              (FWPS_CLASSIFY_OUT_FLAG_NO_MORE_DATA | FWPS_CLASSIFY_OUT_FLAG_BUFFER_LIMIT_REACHED)) != 0;
    EditInline(connection, packet, final, ClassifyOut);
}

static VOID Follow(_In_ UINT64 Flow, _In_ UINT16 Layer, _In_ UINT32 Callout)
{
    CONNECTION *connection;

    connection = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*connection), EDIT_TAG);
    if (connection == NULL) {
        return;
    }
    connection->References = 1;
    if (!NT_SUCCESS(SampleFlowAssociate(&gEditor, &connection->Flow, Flow, Layer, Callout))) {
        Release(connection);
    }
}

static VOID NTAPI ClassifyEstablished(
    _In_ const FWPS_INCOMING_VALUES *Values,
    _In_ const FWPS_INCOMING_METADATA_VALUES *Metadata,
    _Inout_opt_ void *LayerData,
    _In_opt_ const void *ClassifyContext,
    _In_ const FWPS_FILTER *Filter,
    _In_ UINT64 FlowContext,
    _Inout_ FWPS_CLASSIFY_OUT *ClassifyOut)
{
    const FWPS_INCOMING_VALUE *v = Values->incomingValue;
    BOOLEAN v4 = Values->layerId == FWPS_LAYER_ALE_FLOW_ESTABLISHED_V4;
    UINT16 local, remote;

    UNREFERENCED_PARAMETER(LayerData);
    UNREFERENCED_PARAMETER(ClassifyContext);
    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(FlowContext);

    ClassifyOut->actionType = FWP_ACTION_CONTINUE;
    local = v[v4 ? FWPS_FIELD_ALE_FLOW_ESTABLISHED_V4_IP_LOCAL_PORT : FWPS_FIELD_ALE_FLOW_ESTABLISHED_V6_IP_LOCAL_PORT]
                .value.uint16;
    remote =
        v[v4 ? FWPS_FIELD_ALE_FLOW_ESTABLISHED_V4_IP_REMOTE_PORT : FWPS_FIELD_ALE_FLOW_ESTABLISHED_V6_IP_REMOTE_PORT]
            .value.uint16;
    if (gPort != 0 && local != gPort && remote != gPort) {
        return;
    }
    if (FWPS_IS_METADATA_FIELD_PRESENT(Metadata, FWPS_METADATA_FIELD_FLOW_HANDLE)) {
        Follow(Metadata->flowHandle, v4 ? FWPS_LAYER_STREAM_V4 : FWPS_LAYER_STREAM_V6,
               gCallouts[v4 ? StreamV4 : StreamV6].Id);
    }
}

// ---------------------------------------------------------------- set-up

static FWPM_FILTER_CONDITION gTcp;

#define KEY(number) {0xe17c0b5e, 0x3f34, 0x4a0b, {0xb5, 0x7a, 0x1d, 0x88, 0x02, 0xc9, 0x7e, number}}
#define ESTABLISHED(number, layer, name)                                                           \
    {KEY(number), &FWPM_LAYER_##layer, name, FWP_ACTION_CALLOUT_INSPECTION, ClassifyEstablished,   \
     NULL, 0, &gTcp, 1, FALSE, 0}
#define STREAM_CALLOUT(number, layer, name)                                                        \
    {KEY(number), &FWPM_LAYER_##layer, name, FWP_ACTION_CALLOUT_TERMINATING, ClassifyStream,       \
     FlowDelete, FWP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW, NULL, 0, FALSE, 0}

static SAMPLE_CALLOUT gCallouts[CalloutCount] = {
    [EstablishedV4] = ESTABLISHED(1, ALE_FLOW_ESTABLISHED_V4, L"stream_edit established IPv4"),
    [EstablishedV6] = ESTABLISHED(2, ALE_FLOW_ESTABLISHED_V6, L"stream_edit established IPv6"),
    [StreamV4] = STREAM_CALLOUT(3, STREAM_V4, L"stream_edit stream IPv4"),
    [StreamV6] = STREAM_CALLOUT(4, STREAM_V6, L"stream_edit stream IPv6"),
};

static SAMPLE gEditor = {
    .Name = L"StreamEdit",
    .SubLayer = KEY(0),
    .Callouts = gCallouts,
    .CalloutCount = CalloutCount,
};

static NTSTATUS ReadAscii(
    _In_ WDFDRIVER Driver,
    _In_z_ PCWSTR Name,
    _Out_writes_(STRING_MAX) UCHAR *Bytes,
    _Out_ ULONG *Length)
{
    WCHAR text[STRING_MAX] = {0};
    NTSTATUS status;
    ULONG i;

    *Length = 0;
    status = SampleReadString(Driver, Name, text, RTL_NUMBER_OF(text));
    if (!NT_SUCCESS(status)) {
        return status;
    }
    for (i = 0; text[i] != 0; i++) {
        if (text[i] > 0x7F) {
            LOG_ERROR("parameter %ws must be ASCII", Name);
            return STATUS_INVALID_PARAMETER;
        }
        Bytes[i] = (UCHAR)text[i];
    }
    *Length = i;
    return STATUS_SUCCESS;
}

static NTSTATUS ReadParameters(_In_ WDFDRIVER Driver)
{
    NTSTATUS status;

    status = ReadAscii(Driver, L"StringToFind", gFind, &gFindLength);
    if (NT_SUCCESS(status)) {
        status = ReadAscii(Driver, L"StringToReplace", gReplace, &gReplaceLength);
    }
    if (NT_SUCCESS(status)) {
        status = SampleReadUlong(Driver, L"Port", &gPort);
    }
    if (NT_SUCCESS(status)) {
        status = SampleReadUlong(Driver, L"OutOfBand", &gOutOfBand);
    }
    if (NT_SUCCESS(status)) {
        status = SampleReadUlong(Driver, L"PauseAfter", &gPauseAfter);
    }
    if (NT_SUCCESS(status) && gPauseAfter != 0 && gOutOfBand == 0) {
        LOG_ERROR("parameter PauseAfter needs OutOfBand 1");
        status = STATUS_INVALID_PARAMETER;
    }
    if (NT_SUCCESS(status) && gFindLength == 0) {
        LOG_ERROR("parameter StringToFind is missing");
        status = STATUS_INVALID_PARAMETER;
    }
    return status;
}

static NTSTATUS MakePool(void)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {0};

    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    parameters.fAllocateNetBuffer = TRUE;
    parameters.PoolTag = EDIT_TAG;
    gPool = NdisAllocateNetBufferListPool(NULL, &parameters);
    return gPool != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

// A connection of which another stream is not flushed yet, referenced.
_Ret_maybenull_
static CONNECTION *NextConnection(_In_ ULONG Pass)
{
    CONNECTION *found = NULL;
    KLOCK_QUEUE_HANDLE lock;
    SAMPLE_FLOW *flow;

    KeAcquireInStackQueuedSpinLock(&gEditor.FlowLock, &lock);
    for (LIST_ENTRY *e = gEditor.Flows.Flink; e != &gEditor.Flows && found == NULL; e = e->Flink) {
        flow = CONTAINING_RECORD(e, SAMPLE_FLOW, Link);
        if (flow->Pass != Pass) {
            flow->Pass = Pass;
            found = CONTAINING_RECORD(flow, CONNECTION, Flow);
            Reference(found);
        }
    }
    KeReleaseInStackQueuedSpinLock(&lock);
    return found;
}

// Send on what is carried: the rest of those matches will not be edited any more. Then wait, for a while,
// until nothing is under way; what came later than our injections would overtake them.
static VOID DrainStreams(void)
{
    ULONG pass = ++gEditor.FlowPass;
    CONNECTION *connection;
    LARGE_INTEGER interval;
    PIECE *piece;

    interval.QuadPart = -10000LL * DRAIN_WAIT_MS;
    gStopping = TRUE;
    while ((connection = NextConnection(pass)) != NULL) {
        for (WAY way = WaySend; way < WayCount; way++) {
            piece = NewPiece(connection, way, 0);
            if (piece != NULL) {
                piece->Flags = way == WaySend ? FWPS_STREAM_FLAG_SEND : FWPS_STREAM_FLAG_RECEIVE;
                piece->Final = TRUE;
                QueuePiece(piece);
            }
        }
        Release(connection);
    }
    for (ULONG i = 0; i < DRAIN_WAITS && gPending != 0; i++) {
        KeDelayExecutionThread(KernelMode, FALSE, &interval);
    }
}

static VOID TearDown(void)
{
    if (gWorker != NULL) {
        DrainStreams();
    }
    SampleStopClassify(&gEditor);
    SampleUnregister(&gEditor);
    if (gWorker != NULL) {
        gWorkerEnds = TRUE;
        KeSetEvent(&gWorkEvent, IO_NO_INCREMENT, FALSE);
        SampleJoinThread(gWorker);
        gWorker = NULL;
    }
    if (gInjection != NULL) {
        FwpsInjectionHandleDestroy(gInjection);
        gInjection = NULL;
    }
    if (gPool != NULL) {
        NdisFreeNetBufferListPool(gPool);
        gPool = NULL;
    }
}

void NTAPI EvtDriverUnload(_In_ WDFDRIVER Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    TearDown();
    LOG_INFO("%s: replaced %d, lost %d, paused %d", gOutOfBand ? "out-of-band" : "inline", (int)gReplaced,
             (int)gLost, (int)gPaused);
}

static NTSTATUS Start(_In_ WDFDRIVER Driver)
{
    NTSTATUS status;

    gTcp.fieldKey = FWPM_CONDITION_IP_PROTOCOL;
    gTcp.matchType = FWP_MATCH_EQUAL;
    gTcp.conditionValue.type = FWP_UINT8;
    gTcp.conditionValue.uint8 = PROTOCOL_TCP;
    status = SampleCreateDevice(&gEditor, Driver, NULL);
    if (NT_SUCCESS(status)) {
        status = MakePool();
    }
    if (NT_SUCCESS(status)) {
        status = FwpsInjectionHandleCreate(AF_UNSPEC, FWPS_INJECTION_TYPE_STREAM, &gInjection);
    }
    if (NT_SUCCESS(status) && gOutOfBand) {
        status = SampleStartThread(Worker, &gWorker);
    }
    return NT_SUCCESS(status) ? SampleStart(&gEditor) : status;
}

NTSTATUS NTAPI DriverEntry(_In_ PDRIVER_OBJECT DriverObject, _In_ PUNICODE_STRING RegistryPath)
{
    WDF_DRIVER_CONFIG config;
    WDFDRIVER driver;
    NTSTATUS status;

    InitializeListHead(&gWork);
    KeInitializeSpinLock(&gWorkLock);
    KeInitializeEvent(&gWorkEvent, NotificationEvent, FALSE);

    WDF_DRIVER_CONFIG_INIT(&config, WDF_NO_EVENT_CALLBACK);
    config.DriverInitFlags |= WdfDriverInitNonPnpDriver;
    config.EvtDriverUnload = EvtDriverUnload;
    config.DriverPoolTag = EDIT_TAG;
    status = WdfDriverCreate(DriverObject, RegistryPath, WDF_NO_OBJECT_ATTRIBUTES, &config, &driver);
    if (NT_SUCCESS(status)) {
        status = ReadParameters(driver);
    }
    if (NT_SUCCESS(status)) {
        status = Start(driver);
    }
    if (!NT_SUCCESS(status)) {
        LOG_ERROR("DriverEntry failed, status 0x%08x", (ULONG)status);
        TearDown();
    }
    return status;
}
