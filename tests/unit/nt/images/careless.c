// Windows habits: case, backslashes, UTF-16, generated headers.
#include "SUB\Types.h"
#include <Config.H>
#include "careless.tmh"
#include "messages.h"

static void
increment(long *value)
{
    ++*value;
}

NTSTATUS
DriverEntry(long command, void *argument)
{
    WPP_INIT_TRACING(argument, argument);
    TraceEvents(TRACE_LEVEL_ERROR, TRACE_DRIVER, "%!FUNC! got %!STATUS! and 100%%", command);
    DoTraceMessage(TRACE_DRIVER, "plain");
    WPP_CLEANUP(argument);
    struct {
        unsigned count;
    } counter = {76}, *context = &counter;
    increment(&(long)context->count); /* cl takes a cast for an lvalue */
    if (command == 2)
        return context->count;
    return command == 0 ? CONFIGURED : TEST_E_REFUSED;
}
