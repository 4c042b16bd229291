/*
 * Faults in driver code: caught, offered to the driver's __try blocks, else reported; never silent.
 *
 * Model      A signal in driver code becomes a Windows exception on the driver's own stack. What
 * real hardware would have allowed in the kernel (cr8, gs:, the shared user data page) is emulated
 * by ground.c first. An exception that nobody handles is a report and the end of the process: what
 * the driver held cannot be trusted.
 */
#ifndef WFP_NT_FAULT_H
#define WFP_NT_FAULT_H

#include <stdbool.h>

#include "nt/loader/seh_context.h"

enum { NT_FAULT_TEXT_SIZE = 4096 };

/** What a report says; valid during the sink's call. */
struct nt_fault {
    const char *driver; /* service name, or "?" */
    uint32_t bug_check; /* as Windows would stop with */
    const char *bug_check_name;
    uint32_t exception_code; /* NTSTATUS; 0 for a fast fail */
    const char *place;       /* "block_ip.sys+0x1234 (Classify+0x10)" */
    uint8_t irql;
    const struct nt_context *context;
    const char *text; /* the whole report, several lines */
};

/**
 * Receives the report before the process ends; may print the packet in hand and set the exit code.
 *
 * @return the exit code
 *
 * Context: the faulting thread; locks may be held and memory may be damaged: write(2) is safe,
 * little else.
 */
typedef int nt_fault_sink(void *context, const struct nt_fault *fault);

/**
 * Install the signal handlers; what was there before gets the faults that are no driver's. A later
 * call installs them again if another library took them away, else does nothing.
 *
 * @return 0 or -errno
 */
int nt_fault_init(void);
/** Give the calling thread a signal stack, so that a stack overflow is reported too. */
int nt_fault_prepare_thread(void);
/** Free what nt_fault_prepare_thread() gave, before the thread ends. */
void nt_fault_release_thread(void);
/** Replace the sink; the default writes the text to stderr and answers 1. */
void nt_fault_set_sink(nt_fault_sink *sink, void *context);
/** Words about the packet or event in hand, for the report; NULL answers none. Any thread. */
void nt_fault_set_describe(const char *(*describe)(void));

/** Report an exception that nobody handled, and end the process. */
_Noreturn void nt_fault_report(const struct nt_exception_record *record,
                               const struct nt_context *context);
/** Report `int 29h` and KeBugCheckEx. @p code is the bug check, @p parameter its first parameter.
 */
_Noreturn void nt_fault_bug_check(uint32_t code, const uint64_t parameters[4],
                                  const struct nt_context *context);

#endif
