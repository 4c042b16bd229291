/*
 * Structured exceptions.
 *
 * For a real .sys the compiler does them. For a native .so clang drops them silently, so here
 * __try, __except, __finally and __leave are macros over seven functions of the NT runtime:
 *
 *   int  _nt_seh_enter(void *frame)   Returns like setjmp: 0 at first, then the body runs; nonzero
 *                                     when it comes back because of an exception or __leave. Records
 *                                     the caller's registers for @frame, the caller's frame address.
 *                                     Drops records left behind by bodies that were jumped out of:
 *                                     those with a lower frame (their function has returned) and
 *                                     those of this frame with the same return address.
 *   int  _nt_seh_end(void *frame)     After the body: removes its record; 1 if an exception brought
 *                                     us here, else 0.
 *   int  _nt_seh_filter(void *frame, int disposition)
 *                                     > 0: 1, the handler runs. 0: raises again to the next record
 *                                     outside and does not return. < 0 (continue execution) is not
 *                                     possible here: reported as noncontinuable, does not return.
 *   void _nt_seh_resume(void *frame)  After a __finally body that an exception brought about.
 *   void _nt_seh_leave(void *frame)   Come back to the innermost record of @frame, no exception.
 *   NTSTATUS _nt_seh_code(void *frame), EXCEPTION_POINTERS *_nt_seh_info(void *frame)
 *                                     The exception that last came back to @frame.
 *
 * ExRaiseStatus and kin, and the runtime's SIGSEGV, SIGBUS and SIGFPE handlers, find the innermost
 * record of the thread. Records are the runtime's memory, not the driver's stack.
 *
 * Limits: files that use them must be compiled with -O0, or a handler may see stale locals; filters run
 * after inner __finally bodies; `return`, `goto` and `break` out of a __try body with a __finally
 * do not run it (out of one with __except they are fine).
 */
#ifndef _INC_EXCPT
#define _INC_EXCPT

#include "wdkmode.h"

#define EXCEPTION_EXECUTE_HANDLER    1
#define EXCEPTION_CONTINUE_SEARCH    0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

typedef enum _EXCEPTION_DISPOSITION {
    ExceptionContinueExecution,
    ExceptionContinueSearch,
    ExceptionNestedException,
    ExceptionCollidedUnwind
} EXCEPTION_DISPOSITION;

struct _EXCEPTION_RECORD;
struct _EXCEPTION_POINTERS;
struct _CONTEXT;
struct _DISPATCHER_CONTEXT;

EXTERN_C_START

#if WDK_WINDOWS

EXCEPTION_DISPOSITION __C_specific_handler(struct _EXCEPTION_RECORD *ExceptionRecord,
                                           void *EstablisherFrame, struct _CONTEXT *ContextRecord,
                                           struct _DISPATCHER_CONTEXT *DispatcherContext);
unsigned long __cdecl _exception_code(void);
void *__cdecl _exception_info(void);
int __cdecl _abnormal_termination(void);
#define GetExceptionCode()        _exception_code()
#define exception_code()          _exception_code()
#define GetExceptionInformation() ((struct _EXCEPTION_POINTERS *)_exception_info())
#define exception_info()          ((struct _EXCEPTION_POINTERS *)_exception_info())
#define AbnormalTermination()     _abnormal_termination()
#define abnormal_termination()    _abnormal_termination()

#elif WDK_NATIVE

int _nt_seh_enter(void *frame) __attribute__((returns_twice));
int _nt_seh_end(void *frame);
int _nt_seh_filter(void *frame, int disposition);
void _nt_seh_resume(void *frame);
void _nt_seh_leave(void *frame) __attribute__((noreturn));
int _nt_seh_code(void *frame);
struct _EXCEPTION_POINTERS *_nt_seh_info(void *frame);

/* The formatter takes __except for a statement. */
/* clang-format off */
#define _NT_SEH_FRAME __builtin_frame_address(0)
#define __try if (_nt_seh_enter(_NT_SEH_FRAME) == 0)
#define __except(disposition)                                                                      \
    if (_nt_seh_end(_NT_SEH_FRAME) && _nt_seh_filter(_NT_SEH_FRAME, (disposition)))
#define __finally                                                                                  \
    for (int _nt_seh_abnormal = _nt_seh_end(_NT_SEH_FRAME), _nt_seh_once = 1; _nt_seh_once;        \
         _nt_seh_once = 0, _nt_seh_abnormal ? _nt_seh_resume(_NT_SEH_FRAME) : (void)0)
/* clang-format on */
#define __leave _nt_seh_leave(_NT_SEH_FRAME)
#define GetExceptionCode()        _nt_seh_code(_NT_SEH_FRAME)
#define exception_code()          _nt_seh_code(_NT_SEH_FRAME)
#define GetExceptionInformation() _nt_seh_info(_NT_SEH_FRAME)
#define exception_info()          _nt_seh_info(_NT_SEH_FRAME)
#define _exception_code()         _nt_seh_code(_NT_SEH_FRAME)
#define _exception_info()         _nt_seh_info(_NT_SEH_FRAME)
#define AbnormalTermination()     (_nt_seh_abnormal)
#define abnormal_termination()    (_nt_seh_abnormal)

#endif

#if !WDK_HOST && !defined(__cplusplus)
#define try     __try
#define except  __except
#define finally __finally
#define leave   __leave
#endif

EXTERN_C_END

#endif
