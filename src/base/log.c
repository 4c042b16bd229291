/*
 * The log: a level, a sink, one line at a time.
 */
#include "base/log.h"

#include <stdio.h>

static struct {
    wfp_log_sink *sink;
    void *context;
    enum wfp_log_level level;
} log_state = {.level = WFP_LOG_INFO};

void
wfp_log_set_sink(wfp_log_sink *sink, void *context)
{
    log_state.sink = sink;
    log_state.context = context;
}

void
wfp_log_set_level(enum wfp_log_level level)
{
    log_state.level = level;
}

bool
wfp_log_is_on(enum wfp_log_level level)
{
    return level <= log_state.level;
}

void
wfp_log(enum wfp_log_level level, const char *format, ...)
{
    static const char *const prefix[] = {"error: ", "warning: ", "", "debug: "};
    char line[1024];
    va_list args;

    if (level > log_state.level)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (log_state.sink)
        log_state.sink(log_state.context, level, line);
    else
        fprintf(stderr, "%s%s\n", prefix[level], line);
}
