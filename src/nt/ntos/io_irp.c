/*
 * IRPs: allocate, send down, complete up, cancel.
 *
 * Model      As on Windows: an IRP carries a stack of locations, one per driver. IofCallDriver goes one
 *            down, IofCompleteRequest walks up and calls the completion routines it finds. What
 *            happens at the top depends on who made the IRP:
 *              nt_io_irp_new()                     its function
 *              IoBuildDeviceIoControlRequest ...   status block and event, then freed
 *              IoAllocateIrp                       nothing: its maker's routine had to stop it
 * Ref        kernel/handling-irps, kernel/completing-irps
 */
#include "nt/ntos/io_irp.h"

#include <stdlib.h>

#include "nt/ntos/io_device.h"
#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_spin.h"
#include "nt/ntos/nt_thread.h"

#define OUR_ALLOCATION    0x80 /* in AllocationFlags: a frame lies in front of the IRP */
#define NO_MORE_LOCATIONS 0x35u

/** What lies in front of an IRP we allocated. */
struct frame {
    nt_io_irp_done *done;
    void *context;
    bool is_threaded; /* IoBuild…: completed for its maker, then freed */
    void *output;     /* threaded, buffered: where SystemBuffer goes */
    size_t output_bytes;
    _Alignas(16) IRP irp;
};

static unsigned long long cancel_lock;

static struct frame *
frame_of(PIRP irp)
{
    return irp->AllocationFlags & OUR_ALLOCATION ? CONTAINER_OF(irp, struct frame, irp) : NULL;
}

/** Prepare memory of the driver's own as an IRP. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
VOID NTAPI
IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize)
{
    memset(Irp, 0, PacketSize);
    Irp->Type = IO_TYPE_IRP;
    Irp->Size = PacketSize;
    Irp->StackCount = StackSize;
    Irp->CurrentLocation = (CHAR)(StackSize + 1);
    InitializeListHead(&Irp->ThreadListEntry);
    Irp->Tail.Overlay.CurrentStackLocation = (PIO_STACK_LOCATION)(Irp + 1) + StackSize;
}

static struct frame *
new_frame(CCHAR stack_size)
{
    if (stack_size < 1)
        return NULL;
    size_t size = ALIGN_UP(offsetof(struct frame, irp) + IoSizeOfIrp(stack_size), (size_t)16);
    struct frame *frame = aligned_alloc(16, size);
    if (!frame)
        return NULL;
    memset(frame, 0, size);
    IoInitializeIrp(&frame->irp, IoSizeOfIrp(stack_size), stack_size);
    frame->irp.AllocationFlags = OUR_ALLOCATION;
    return frame;
}

PIRP
nt_io_irp_new(CCHAR stack_size, nt_io_irp_done *done, void *context)
{
    struct frame *frame = new_frame(stack_size);
    if (!frame)
        return NULL;
    frame->done = done;
    frame->context = context;
    return &frame->irp;
}

/** @return NULL when memory is out. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-ioallocateirp. */
PIRP NTAPI
IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return nt_io_irp_new(StackSize, NULL, NULL);
}

/** As IoAllocateIrp; the device makes no difference. Ref: wdm/nf-wdm-ioallocateirpex. */
PIRP NTAPI
IoAllocateIrpEx(PDEVICE_OBJECT DeviceObject, CCHAR StackSize, BOOLEAN ChargeQuota)
{
    return IoAllocateIrp(StackSize, ChargeQuota);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iofreeirp. */
VOID NTAPI
IoFreeIrp(PIRP Irp)
{
    struct frame *frame = frame_of(Irp);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!frame) {
        nt_finding(NT_FINDING_OBJECT_BAD, "IoFreeIrp of an IRP that IoAllocateIrp did not make");
        return;
    }
    free(frame);
}

/** Make an IRP of IoAllocateIrp fresh again. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-ioreuseirp. */
VOID NTAPI
IoReuseIrp(PIRP Irp, NTSTATUS Iostatus)
{
    UCHAR flags = Irp->AllocationFlags;

    IoInitializeIrp(Irp, Irp->Size, Irp->StackCount);
    Irp->AllocationFlags = flags;
    Irp->IoStatus.Status = Iostatus;
}

/**
 * Send an IRP to a device: its driver's dispatch routine runs.
 *
 * @return what the dispatch routine returned
 * IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iofcalldriver.
 */
NTSTATUS NTAPI
IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (--Irp->CurrentLocation <= 0)
        nt_bugcheck(NO_MORE_LOCATIONS, "an IRP has no stack location left for the next driver",
                    (uintptr_t)Irp, 0, 0, 0);
    PIO_STACK_LOCATION stack = --Irp->Tail.Overlay.CurrentStackLocation;
    stack->DeviceObject = DeviceObject;
    PDRIVER_DISPATCH dispatch = DeviceObject->DriverObject->MajorFunction[stack->MajorFunction];
    return NT_CALLBACK(nt_io_device_driver(DeviceObject), nt_cpu.irql, dispatch(DeviceObject, Irp));
}

static void
finish_threaded(struct frame *frame)
{
    PIRP irp = &frame->irp;

    if (frame->output && !NT_ERROR(irp->IoStatus.Status))
        memcpy(frame->output, irp->AssociatedIrp.SystemBuffer,
               MIN(irp->IoStatus.Information, frame->output_bytes));
    free(irp->AssociatedIrp.SystemBuffer);
    for (PMDL mdl = irp->MdlAddress, next; mdl; mdl = next) {
        next = mdl->Next;
        IoFreeMdl(mdl);
    }
    if (irp->UserIosb)
        *irp->UserIosb = irp->IoStatus;
    PKEVENT event = irp->UserEvent;
    free(frame);
    if (event)
        KeSetEvent(event, IO_NO_INCREMENT, FALSE);
}

static bool
wants_to_know(const IO_STACK_LOCATION *stack, const IRP *irp)
{
    return (NT_SUCCESS(irp->IoStatus.Status) && (stack->Control & SL_INVOKE_ON_SUCCESS)) ||
           (!NT_SUCCESS(irp->IoStatus.Status) && (stack->Control & SL_INVOKE_ON_ERROR)) ||
           (irp->Cancel && (stack->Control & SL_INVOKE_ON_CANCEL));
}

/**
 * Complete: walk up the stack, then hand the IRP back to who made it.
 *
 * @param PriorityBoost  accepted
 * IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iocompleterequest.
 */
VOID NTAPI
IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (Irp->CurrentLocation > Irp->StackCount + 1) {
        nt_finding(NT_FINDING_IRP_COMPLETED_TWICE, "an IRP was completed twice");
        nt_bugcheck(NT_BUGCHECK_MULTIPLE_IRP_COMPLETE, "an IRP was completed twice", (uintptr_t)Irp,
                    0, 0, 0);
    }
    if (Irp->IoStatus.Status == STATUS_PENDING)
        nt_finding(NT_FINDING_IRP_BAD_STATUS, "an IRP was completed with STATUS_PENDING");
    if (Irp->CancelRoutine)
        nt_finding(NT_FINDING_IRP_BAD_STATUS, "an IRP was completed with its cancel routine set");
    while (Irp->CurrentLocation <= Irp->StackCount) {
        PIO_STACK_LOCATION stack = Irp->Tail.Overlay.CurrentStackLocation;
        PDEVICE_OBJECT below = stack->DeviceObject;
        Irp->PendingReturned = (stack->Control & SL_PENDING_RETURNED) != 0;
        IoSkipCurrentIrpStackLocation(Irp);
        bool at_top = Irp->CurrentLocation == Irp->StackCount + 1;
        PDEVICE_OBJECT device = at_top ? NULL : IoGetCurrentIrpStackLocation(Irp)->DeviceObject;
        if (stack->CompletionRoutine && wants_to_know(stack, Irp)) {
            struct nt_driver *owner = device ? nt_io_device_driver(device) : nt_driver_current();
            NTSTATUS status = NT_CALLBACK(owner, nt_cpu.irql,
                                          stack->CompletionRoutine(device, Irp, stack->Context));
            if (status == STATUS_MORE_PROCESSING_REQUIRED)
                return;
        } else if (Irp->PendingReturned && !at_top) {
            IoMarkIrpPending(Irp);
        }
        (void)below;
    }
    Irp->CurrentLocation = (CHAR)(Irp->StackCount + 2);
    struct frame *frame = frame_of(Irp);
    if (frame && frame->is_threaded)
        finish_threaded(frame);
    else if (frame && frame->done)
        frame->done(Irp, frame->context);
}

/* --- cancellation --- */

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-ioacquirecancelspinlock. */
VOID NTAPI
IoAcquireCancelSpinLock(PKIRQL Irql)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    *Irql = nt_cpu_raise_at(DISPATCH_LEVEL, NT_CALLER);
    nt_spin_acquire(&cancel_lock);
}

/** IRQL: DISPATCH_LEVEL. Ref: wdm/nf-wdm-ioreleasecancelspinlock. */
VOID NTAPI
IoReleaseCancelSpinLock(KIRQL Irql)
{
    NT_IRQL_MIN(DISPATCH_LEVEL);
    nt_spin_release(&cancel_lock);
    nt_cpu_lower_at(Irql, NT_CALLER);
}

/**
 * Mark an IRP cancelled and call its cancel routine, which releases the cancel spin lock.
 *
 * @return TRUE when there was a routine. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iocancelirp.
 */
BOOLEAN NTAPI
IoCancelIrp(PIRP Irp)
{
    KIRQL irql;

    IoAcquireCancelSpinLock(&irql);
    Irp->Cancel = TRUE;
    PDRIVER_CANCEL routine = IoSetCancelRoutine(Irp, NULL);
    if (!routine) {
        IoReleaseCancelSpinLock(irql);
        return FALSE;
    }
    PDEVICE_OBJECT device = IoGetCurrentIrpStackLocation(Irp)->DeviceObject;
    struct nt_driver *before = nt_cpu.driver;
    Irp->CancelIrql = irql;
    /* Not through the door: the routine returns at another IRQL than it was entered with. */
    nt_cpu.driver = nt_io_device_driver(device);
    routine(device, Irp);
    nt_cpu.driver = before;
    if (nt_cpu.irql != irql) {
        nt_finding(NT_FINDING_IRQL_CHANGED,
                   "a cancel routine did not release the cancel spin lock at CancelIrql");
        nt_cpu_lower(irql);
    }
    return TRUE;
}

/* --- requests that drivers make for other drivers --- */

static PIRP
threaded(PDEVICE_OBJECT device, UCHAR major, PKEVENT event, PIO_STATUS_BLOCK status)
{
    struct frame *frame = new_frame(device->StackSize);
    if (!frame)
        return NULL;
    frame->is_threaded = true;
    frame->irp.UserEvent = event;
    frame->irp.UserIosb = status;
    frame->irp.Tail.Overlay.Thread = (PETHREAD)nt_thread_current();
    IoGetNextIrpStackLocation(&frame->irp)->MajorFunction = major;
    return &frame->irp;
}

/** Buffer in SystemBuffer, copied back to @p output at the end. */
static bool
add_system_buffer(PIRP irp, const void *input, size_t input_bytes, void *output,
                  size_t output_bytes)
{
    struct frame *frame = frame_of(irp);
    void *buffer = calloc(1, MAX(MAX(input_bytes, output_bytes), (size_t)1));

    if (!buffer)
        return false;
    if (input_bytes)
        memcpy(buffer, input, input_bytes);
    irp->AssociatedIrp.SystemBuffer = buffer;
    irp->Flags |= IRP_BUFFERED_IO | (output ? IRP_INPUT_OPERATION : 0);
    frame->output = output;
    frame->output_bytes = output_bytes;
    return true;
}

static bool
add_mdl(PIRP irp, PVOID buffer, ULONG bytes)
{
    PMDL mdl = IoAllocateMdl(buffer, bytes, FALSE, FALSE, irp);
    if (!mdl)
        return false;
    MmBuildMdlForNonPagedPool(mdl);
    return true;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iobuilddeviceiocontrolrequest. */
PIRP NTAPI
IoBuildDeviceIoControlRequest(ULONG IoControlCode, PDEVICE_OBJECT DeviceObject, PVOID InputBuffer,
                              ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength,
                              BOOLEAN InternalDeviceIoControl, PKEVENT Event,
                              PIO_STATUS_BLOCK IoStatusBlock)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    PIRP irp =
        threaded(DeviceObject,
                 InternalDeviceIoControl ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL,
                 Event, IoStatusBlock);
    if (!irp)
        return NULL;
    PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(irp);
    stack->Parameters.DeviceIoControl.IoControlCode = IoControlCode;
    stack->Parameters.DeviceIoControl.InputBufferLength = InputBufferLength;
    stack->Parameters.DeviceIoControl.OutputBufferLength = OutputBufferLength;
    irp->UserBuffer = OutputBuffer;
    bool ok = true;
    switch (IoControlCode & 3) {
    case METHOD_BUFFERED:
        if (InputBufferLength || OutputBufferLength)
            ok = add_system_buffer(irp, InputBuffer, InputBufferLength, OutputBuffer,
                                   OutputBufferLength);
        break;
    case METHOD_NEITHER:
        stack->Parameters.DeviceIoControl.Type3InputBuffer = InputBuffer;
        break;
    default:
        if (InputBufferLength)
            ok = add_system_buffer(irp, InputBuffer, InputBufferLength, NULL, 0);
        if (ok && OutputBufferLength)
            ok = add_mdl(irp, OutputBuffer, OutputBufferLength);
        break;
    }
    if (!ok) {
        irp->UserEvent = NULL;
        irp->UserIosb = NULL;
        finish_threaded(frame_of(irp));
        return NULL;
    }
    return irp;
}

static PIRP
build_transfer(ULONG major, PDEVICE_OBJECT device, PVOID buffer, ULONG length,
               PLARGE_INTEGER offset, PKEVENT event, PIO_STATUS_BLOCK status)
{
    PIRP irp = threaded(device, (UCHAR)major, event, status);
    bool ok = true;

    if (!irp || (major != IRP_MJ_READ && major != IRP_MJ_WRITE))
        return irp;
    PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(irp);
    stack->Parameters.Read.Length = length;
    stack->Parameters.Read.ByteOffset.QuadPart = offset ? offset->QuadPart : 0;
    bool reads = major == IRP_MJ_READ;
    if (device->Flags & DO_BUFFERED_IO)
        ok = add_system_buffer(irp, buffer, reads ? 0 : length, reads ? buffer : NULL,
                               reads ? length : 0);
    else if (device->Flags & DO_DIRECT_IO)
        ok = !length || add_mdl(irp, buffer, length);
    else
        irp->UserBuffer = buffer;
    if (!ok) {
        irp->UserEvent = NULL;
        irp->UserIosb = NULL;
        finish_threaded(frame_of(irp));
        return NULL;
    }
    return irp;
}

/** Read, write, flush, shutdown, PnP. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-iobuildsynchronousfsdrequest. */
PIRP NTAPI
IoBuildSynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject, PVOID Buffer,
                             ULONG Length, PLARGE_INTEGER StartingOffset, PKEVENT Event,
                             PIO_STATUS_BLOCK IoStatusBlock)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return build_transfer(MajorFunction, DeviceObject, Buffer, Length, StartingOffset, Event,
                          IoStatusBlock);
}

/** The caller's completion routine frees it. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
PIRP NTAPI
IoBuildAsynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject, PVOID Buffer,
                              ULONG Length, PLARGE_INTEGER StartingOffset,
                              PIO_STATUS_BLOCK IoStatusBlock)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return build_transfer(MajorFunction, DeviceObject, Buffer, Length, StartingOffset, NULL,
                          IoStatusBlock);
}

/* --- who asks --- */

/** IRQL: <= APC_LEVEL. Ref: ntifs/nf-ntifs-iogetrequestorprocess. */
PEPROCESS NTAPI
IoGetRequestorProcess(PIRP Irp)
{
    PFILE_OBJECT file = Irp->Tail.Overlay.OriginalFileObject;
    return file && file->FileObjectExtension ? file->FileObjectExtension : IoGetCurrentProcess();
}

/** IRQL: <= APC_LEVEL. Ref: ntifs/nf-ntifs-iogetrequestorprocessid. */
ULONG NTAPI
IoGetRequestorProcessId(PIRP Irp)
{
    return (ULONG)(ULONG_PTR)PsGetProcessId(IoGetRequestorProcess(Irp));
}

/** No 32-bit clients exist here. IRQL: any. Ref: wdm/nf-wdm-iois32bitprocess. */
BOOLEAN NTAPI
IoIs32bitProcess(PIRP Irp)
{
    return FALSE;
}
