/*
 * Remove locks, cancel-safe queues, and small questions to the I/O manager.
 */
#include "nt/ntos/nt_wdk.h"

#include <stdio.h>
#include <stdlib.h>

#include "nt/ntos/io_device.h"
#include "nt/ntos/nt_pool.h"

#define PATH_TAG 0x68746150u /* 'Path' */

/* --- remove locks --- */

/** Tag and limits are not kept. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-ioinitializeremovelock. */
VOID NTAPI
IoInitializeRemoveLockEx(PIO_REMOVE_LOCK Lock, ULONG AllocateTag, ULONG MaxLockedMinutes,
                         ULONG HighWatermark, ULONG RemlockSize)
{
    memset(Lock, 0, sizeof(*Lock));
    Lock->Common.IoCount = 1;
    KeInitializeEvent(&Lock->Common.RemoveEvent, SynchronizationEvent, FALSE);
}

/** @return STATUS_DELETE_PENDING once it is being removed. IRQL: <= DISPATCH_LEVEL. Ref: wdm. */
NTSTATUS NTAPI
IoAcquireRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, PCSTR File, ULONG Line,
                      ULONG RemlockSize)
{
    __atomic_fetch_add(&RemoveLock->Common.IoCount, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&RemoveLock->Common.Removed, __ATOMIC_SEQ_CST))
        return STATUS_SUCCESS;
    IoReleaseRemoveLockEx(RemoveLock, Tag, RemlockSize);
    return STATUS_DELETE_PENDING;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-ioreleaseremovelock. */
VOID NTAPI
IoReleaseRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize)
{
    if (__atomic_sub_fetch(&RemoveLock->Common.IoCount, 1, __ATOMIC_SEQ_CST) == 0)
        KeSetEvent(&RemoveLock->Common.RemoveEvent, IO_NO_INCREMENT, FALSE);
}

/** After IoAcquireRemoveLock: no more acquisitions; waits for the others. IRQL: PASSIVE_LEVEL. Ref: wdm. */
VOID NTAPI
IoReleaseRemoveLockAndWaitEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    __atomic_store_n(&RemoveLock->Common.Removed, TRUE, __ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&RemoveLock->Common.IoCount, 1, __ATOMIC_SEQ_CST);
    if (__atomic_sub_fetch(&RemoveLock->Common.IoCount, 1, __ATOMIC_SEQ_CST) > 0)
        KeWaitForSingleObject(&RemoveLock->Common.RemoveEvent, Executive, KernelMode, FALSE, NULL);
}

/* --- cancel-safe queues: the driver's routines keep the list, these get the races right --- */

static VOID NTAPI
csq_cancel(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_CSQ csq = irp->Tail.Overlay.DriverContext[3];
    KIRQL irql;

    IoReleaseCancelSpinLock(irp->CancelIrql);
    if (csq->Type != 1) { /* the IRP's own context names the queue */
        PIO_CSQ_IRP_CONTEXT context = (PIO_CSQ_IRP_CONTEXT)csq;
        csq = context->Csq;
        context->Irp = NULL;
    }
    ((PIO_CSQ_ACQUIRE_LOCK)csq->CsqAcquireLock)(csq, &irql);
    ((PIO_CSQ_REMOVE_IRP)csq->CsqRemoveIrp)(csq, irp);
    ((PIO_CSQ_RELEASE_LOCK)csq->CsqReleaseLock)(csq, irql);
    ((PIO_CSQ_COMPLETE_CANCELED_IRP)csq->CsqCompleteCanceledIrp)(csq, irp);
}

/** @return STATUS_SUCCESS. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iocsqinitialize. */
NTSTATUS NTAPI
IoCsqInitialize(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP CsqInsertIrp, PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp, PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    Csq->Type = 1; /* IO_TYPE_CSQ */
    Csq->CsqInsertIrp = (PVOID)CsqInsertIrp;
    Csq->CsqRemoveIrp = (PVOID)CsqRemoveIrp;
    Csq->CsqPeekNextIrp = (PVOID)CsqPeekNextIrp;
    Csq->CsqAcquireLock = (PVOID)CsqAcquireLock;
    Csq->CsqReleaseLock = (PVOID)CsqReleaseLock;
    Csq->CsqCompleteCanceledIrp = (PVOID)CsqCompleteCanceledIrp;
    Csq->ReservePointer = NULL;
    return STATUS_SUCCESS;
}

/** @p Context may be NULL. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iocsqinsertirp. */
VOID NTAPI
IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context)
{
    KIRQL irql;

    ((PIO_CSQ_ACQUIRE_LOCK)Csq->CsqAcquireLock)(Csq, &irql);
    Irp->Tail.Overlay.DriverContext[3] = Context ? (PVOID)Context : (PVOID)Csq;
    if (Context) {
        Context->Type = 2; /* IO_TYPE_CSQ_IRP_CONTEXT */
        Context->Irp = Irp;
        Context->Csq = Csq;
    }
    IoMarkIrpPending(Irp);
    ((PIO_CSQ_INSERT_IRP)Csq->CsqInsertIrp)(Csq, Irp);
    IoSetCancelRoutine(Irp, csq_cancel);
    bool cancelled = Irp->Cancel && IoSetCancelRoutine(Irp, NULL);
    if (cancelled) {
        ((PIO_CSQ_REMOVE_IRP)Csq->CsqRemoveIrp)(Csq, Irp);
        if (Context)
            Context->Irp = NULL;
    }
    ((PIO_CSQ_RELEASE_LOCK)Csq->CsqReleaseLock)(Csq, irql);
    if (cancelled)
        ((PIO_CSQ_COMPLETE_CANCELED_IRP)Csq->CsqCompleteCanceledIrp)(Csq, Irp);
}

/** @return NULL when there is none. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iocsqremovenextirp. */
PIRP NTAPI
IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext)
{
    PIRP irp = NULL;
    KIRQL irql;

    ((PIO_CSQ_ACQUIRE_LOCK)Csq->CsqAcquireLock)(Csq, &irql);
    while ((irp = ((PIO_CSQ_PEEK_NEXT_IRP)Csq->CsqPeekNextIrp)(Csq, irp, PeekContext)))
        if (IoSetCancelRoutine(irp, NULL)) {
            ((PIO_CSQ_REMOVE_IRP)Csq->CsqRemoveIrp)(Csq, irp);
            break;
        }
    ((PIO_CSQ_RELEASE_LOCK)Csq->CsqReleaseLock)(Csq, irql);
    return irp;
}

/** @return NULL when it is cancelled already. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iocsqremoveirp. */
PIRP NTAPI
IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context)
{
    KIRQL irql;

    ((PIO_CSQ_ACQUIRE_LOCK)Csq->CsqAcquireLock)(Csq, &irql);
    PIRP irp = Context->Irp;
    if (irp && IoSetCancelRoutine(irp, NULL)) {
        ((PIO_CSQ_REMOVE_IRP)Csq->CsqRemoveIrp)(Csq, irp);
        Context->Irp = NULL;
    } else {
        irp = NULL;
    }
    ((PIO_CSQ_RELEASE_LOCK)Csq->CsqReleaseLock)(Csq, irql);
    return irp;
}

/* --- the driver's file, WMI --- */

/**
 * Where the image would lie on Windows: drivers take paths of Windows' form apart.
 *
 * @param FullPath  allocated; the caller frees its buffer with ExFreePool
 * @return STATUS_NOT_FOUND without an image, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: ntddk/nf-ntddk-ioqueryfulldriverpath
 */
NTSTATUS NTAPI
IoQueryFullDriverPath(PDRIVER_OBJECT DriverObject, PUNICODE_STRING FullPath)
{
    struct nt_driver *driver = nt_io_device_driver(DriverObject);
    size_t units;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!driver->image)
        return STATUS_NOT_FOUND;
    _cleanup_(freep) char *path = NULL;
    if (asprintf(&path, "\\Device\\HarddiskVolume1\\Windows\\System32\\drivers\\%s.sys",
                 driver->name) < 0)
        path = NULL;
    _cleanup_(freep) uint16_t *text = path ? wfp_utf16_from_utf8(path, &units) : NULL;
    WCHAR *copy =
        text ? nt_pool_allocate((units + 1) * sizeof(WCHAR), PATH_TAG, true, NT_CALLER) : NULL;
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, text, units * sizeof(WCHAR));
    *FullPath = (UNICODE_STRING){(USHORT)(units * sizeof(WCHAR)),
                                 (USHORT)((units + 1) * sizeof(WCHAR)), copy};
    return STATUS_SUCCESS;
}

/** Accepted: nobody asks for a driver's WMI data here. IRQL: PASSIVE_LEVEL. Ref: wdm. */
NTSTATUS NTAPI
IoWMIRegistrationControl(PDEVICE_OBJECT DeviceObject, ULONG Action)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return STATUS_SUCCESS;
}
