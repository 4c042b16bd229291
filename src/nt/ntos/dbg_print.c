/*
 * DbgPrint: a driver's words go to the program's log, a line at a time, under the driver's name.
 *
 * Model      Windows prints text as it comes; a log has lines. A message without a newline is kept
 *            per thread until one comes, or until another driver prints.
 * Ref        wdm/nf-wdm-dbgprint, wdm/nf-wdm-dbgprintex
 */
#include "nt/ntos/nt_wdk.h"

#include <stdatomic.h>

#include "base/log.h"
#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_format.h"
#include "nt/ntos/nt_host.h"

#define MESSAGE_BYTES 512 /* what the kernel transmits of one message */
#define LEVEL_MASK    0x80000000u

struct line {
    const struct nt_driver *driver;
    size_t length;
    char text[1024];
};

static __thread struct line line;

/* DPFLTR_*_LEVEL 0..3 to ours; a level above 3 is a mask, as drivers' own bits are. */
static enum wfp_log_level
log_level(ULONG level)
{
    static const enum wfp_log_level levels[] = {WFP_LOG_ERROR, WFP_LOG_WARNING, WFP_LOG_INFO,
                                                WFP_LOG_INFO};
    return level < ELEMENTSOF(levels) ? levels[level] : WFP_LOG_INFO;
}

static void
flush(enum wfp_log_level level)
{
    while (line.length &&
           (line.text[line.length - 1] == '\r' || line.text[line.length - 1] == '\n'))
        line.length--;
    line.text[line.length] = 0;
    if (line.driver)
        wfp_log(level, "%s: %s", nt_driver_name(line.driver), line.text);
    else
        wfp_log(level, "%s", line.text);
    line.length = 0;
}

static void
print(ULONG level, const char *text, size_t length)
{
    if (line.length && line.driver != nt_driver_current())
        flush(log_level(level));
    line.driver = nt_driver_current();
    for (size_t i = 0; i < length; i++) {
        if (line.length + 1 >= sizeof(line.text))
            flush(log_level(level));
        if (text[i] == '\n')
            flush(log_level(level));
        else
            line.text[line.length++] = text[i];
    }
}

static atomic_ulong hidden;

unsigned long
nt_debug_print_hidden(void)
{
    return atomic_load(&hidden);
}

static ULONG
print_formatted(ULONG level, const char *prefix, const char *format, __builtin_ms_va_list arguments)
{
    char text[MESSAGE_BYTES];
    size_t start = strnlen(prefix, sizeof(text));
    bool truncated;

    if (!wfp_log_is_on(log_level(level))) { /* before formatting: drivers print per packet */
        atomic_fetch_add_explicit(&hidden, 1, memory_order_relaxed);
        return STATUS_SUCCESS;
    }
    memcpy(text, prefix, start);
    size_t length =
        start + nt_format(false, text + start, sizeof(text) - start, format, arguments, &truncated);
    print(level, text, length);
    return STATUS_SUCCESS;
}

/** Print at information level. Messages are cut at 512 bytes, as Windows does. IRQL: <= DIRQL. */
ULONG NTAPI
DbgPrint(PCSTR Format, ...)
{
    __builtin_ms_va_list arguments;

    __builtin_ms_va_start(arguments, Format);
    ULONG status = print_formatted(DPFLTR_INFO_LEVEL, "", Format, arguments);
    __builtin_ms_va_end(arguments);
    return status;
}

/**
 * Print at a level: 0 error, 1 warning, 2 trace, 3 information. The component does not matter: a
 * driver that prints is heard, whatever the registry's filter masks would be.
 * IRQL: <= DIRQL. Ref: wdm/nf-wdm-dbgprintex.
 */
ULONG NTAPI
DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
    __builtin_ms_va_list arguments;

    __builtin_ms_va_start(arguments, Format);
    ULONG status = print_formatted(Level, "", Format, arguments);
    __builtin_ms_va_end(arguments);
    return status;
}

/** As DbgPrintEx, with an argument list. IRQL: <= DIRQL. Ref: wdm/nf-wdm-vdbgprintex. */
ULONG NTAPI
vDbgPrintEx(ULONG ComponentId, ULONG Level, PCCH Format, nt_va_list arglist)
{
    return print_formatted(Level, "", Format, arglist);
}

/** As vDbgPrintEx, with a prefix. IRQL: <= DIRQL. Ref: wdm/nf-wdm-vdbgprintexwithprefix. */
ULONG NTAPI
vDbgPrintExWithPrefix(PCCH Prefix, ULONG ComponentId, ULONG Level, PCCH Format, nt_va_list arglist)
{
    return print_formatted(Level, Prefix, Format, arglist);
}

/** Nobody answers: @return 0 characters. IRQL: <= DIRQL. Ref: wdm/nf-wdm-dbgprompt. */
ULONG NTAPI
DbgPrompt(PCCH Prompt, PCH Response, ULONG Length)
{
    if (Length)
        Response[0] = 0;
    return 0;
}

/** TRUE: every component and level is printed. IRQL: <= DIRQL. Ref: wdm. */
NTSTATUS NTAPI
DbgQueryDebugFilterState(ULONG ComponentId, ULONG Level)
{
    return TRUE;
}

/** Accepted, no effect. Ref: wdm/nf-wdm-dbgsetdebugfilterstate. */
NTSTATUS NTAPI
DbgSetDebugFilterState(ULONG ComponentId, ULONG Level, BOOLEAN State)
{
    return STATUS_SUCCESS;
}

/** No debugger is attached to stop in: logged. IRQL: any. Ref: wdm/nf-wdm-dbgbreakpoint. */
VOID NTAPI
DbgBreakPoint(VOID)
{
    char where[256];
    wfp_log(WFP_LOG_WARNING, "%s: DbgBreakPoint at %s", nt_driver_name(nt_driver_current()),
            nt_driver_describe_address(NT_CALLER, where, sizeof(where)));
}

/** As DbgBreakPoint. Ref: wdm/nf-wdm-dbgbreakpointwithstatus. */
VOID NTAPI
DbgBreakPointWithStatus(ULONG Status)
{
    wfp_log(WFP_LOG_WARNING, "%s: DbgBreakPoint with status 0x%x",
            nt_driver_name(nt_driver_current()), Status);
}

/** A failed ASSERT: logged as an error; the driver goes on, as under a debugger that continues. */
VOID NTAPI
RtlAssert(PVOID VoidFailedAssertion, PVOID VoidFileName, ULONG LineNumber, PSTR MutableMessage)
{
    wfp_log(WFP_LOG_ERROR, "%s: assertion failed: %s%s%s, %s:%u",
            nt_driver_name(nt_driver_current()), MutableMessage ? MutableMessage : "",
            MutableMessage ? ": " : "", (const char *)VoidFailedAssertion,
            (const char *)VoidFileName, LineNumber);
}
