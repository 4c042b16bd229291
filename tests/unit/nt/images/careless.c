// Windows habits: case, backslashes, UTF-16, generated headers.
#include "SUB\Types.h"
#include <Config.H>
#include "careless.tmh"
#include "messages.h"

NTSTATUS DriverEntry(long command, void *argument)
{
    WPP_INIT_TRACING(argument, argument);
    TraceEvents(TRACE_LEVEL_ERROR, TRACE_DRIVER, "%!FUNC! got %!STATUS! and 100%%", command);
    DoTraceMessage(TRACE_DRIVER, "plain");
    WPP_CLEANUP(argument);
    return command == 0 ? CONFIGURED : TEST_E_REFUSED;
}
