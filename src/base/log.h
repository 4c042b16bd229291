/*
 * One log for the whole program: lines to stderr, or to a sink that a test or a program installs.
 *
 * Libraries return errors; only programs, bfe and a driver's DbgPrint write here.
 */
#ifndef WFP_BASE_LOG_H
#define WFP_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/macros.h"

enum wfp_log_level { WFP_LOG_ERROR, WFP_LOG_WARNING, WFP_LOG_INFO, WFP_LOG_DEBUG };

/** Receives whole lines without the newline. May be called from any thread. */
typedef void wfp_log_sink(void *context, enum wfp_log_level level, const char *line);

/** Replace the sink; NULL restores stderr. */
void wfp_log_set_sink(wfp_log_sink *sink, void *context);
/** Lines above @p level are dropped; the default is WFP_LOG_INFO. */
void wfp_log_set_level(enum wfp_log_level level);
/** Would a line at @p level be written? Ask before formatting what is costly. */
bool wfp_log_is_on(enum wfp_log_level level);
/** Write one line. */
void wfp_log(enum wfp_log_level level, const char *format, ...) _printf_(2, 3);

#endif
