/* Wait locks, spin locks and interrupt-less synchronisation. */
#ifndef _WDFSYNC_H_
#define _WDFSYNC_H_

#include "wdfobject.h"

EXTERN_C_START

WDF_FUNCTION(NTSTATUS, WdfWaitLockCreate, WDFWAITLOCKCREATE,
             (PWDF_OBJECT_ATTRIBUTES LockAttributes, WDFWAITLOCK *Lock), (LockAttributes, Lock));
WDF_FUNCTION(NTSTATUS, WdfWaitLockAcquire, WDFWAITLOCKACQUIRE,
             (WDFWAITLOCK Lock, PLONGLONG Timeout), (Lock, Timeout));
WDF_FUNCTION(VOID, WdfWaitLockRelease, WDFWAITLOCKRELEASE, (WDFWAITLOCK Lock), (Lock));
WDF_FUNCTION(NTSTATUS, WdfSpinLockCreate, WDFSPINLOCKCREATE,
             (PWDF_OBJECT_ATTRIBUTES SpinLockAttributes, WDFSPINLOCK *SpinLock),
             (SpinLockAttributes, SpinLock));
WDF_FUNCTION(VOID, WdfSpinLockAcquire, WDFSPINLOCKACQUIRE, (WDFSPINLOCK SpinLock), (SpinLock));
WDF_FUNCTION(VOID, WdfSpinLockRelease, WDFSPINLOCKRELEASE, (WDFSPINLOCK SpinLock), (SpinLock));

EXTERN_C_END

#endif
