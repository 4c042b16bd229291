/*
 * Structured exceptions of native drivers: the records that __try leaves, and raising to them.
 *
 * Model      wdk's excpt.h turns __try into _nt_seh_enter(frame), which remembers the caller's
 *            registers in a record. A raise goes to the innermost record: registers are restored and
 *            _nt_seh_enter returns a second time, with 1. The handler's filter then accepts, or
 *            raises to the next record outside.
 * Not here   Windows images, which unwind by .pdata: loader/seh_*
 */
#ifndef WFP_NT_SEH_H
#define WFP_NT_SEH_H

#include <stdbool.h>
#include <stdint.h>

/** Has this thread a __try of a native driver open, at or outside @p stack_pointer? */
bool nt_seh_has_record(uintptr_t stack_pointer);
/**
 * Continue at the innermost __try that encloses @p stack_pointer. Does not return when there is one.
 *
 * @param record   EXCEPTION_RECORD, copied; may be NULL: then only @p code is known
 * @param context  CONTEXT, copied; may be NULL
 * Context: the faulting thread, on its stack, not inside a signal handler; below the faulting frame.
 */
void nt_seh_raise_native(int32_t code, const void *record, const void *context,
                         uintptr_t stack_pointer);

#endif
