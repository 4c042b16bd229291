/*
 * A run ends when it is asked to, whatever driver code does.
 */
#ifndef WFP_PROGRAMS_RUN_WATCH_H
#define WFP_PROGRAMS_RUN_WATCH_H

#include <stdbool.h>

/**
 * Watch over the end of this run. @p expired is called on the watch's own thread when the end was
 * begun and run_watch_finish() did not come within @p seconds; the process exits when it returns.
 *
 * @return 0 or -WFP_ERR_NO_MEMORY
 */
int run_watch_start(double seconds, int (*expired)(void *context), void *context);
/** The end begins. Also in a signal handler. @return false when it had begun before */
bool run_watch_begin(void);
/** The end is reached, or there was nothing to watch. */
void run_watch_finish(void);

#endif
