/*
 * The one clock every driver sees (decision D5): wall time live, capture time in replay.
 *
 * Model      100 ns units since 1601-01-01 UTC, as Windows counts. In virtual mode time moves only by
 *            wfp_clock_advance(), never backwards: a capture's older timestamp leaves it where it is.
 */
#ifndef WFP_BASE_CLOCK_H
#define WFP_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define WFP_CLOCK_UNIX_EPOCH 116444736000000000ull /* 1970 in 100 ns since 1601 */

/** Switch to virtual time starting at @p start_100ns, or (0) back to the wall clock. */
void wfp_clock_set_virtual(uint64_t start_100ns);
bool wfp_clock_is_virtual(void);
/** Move virtual time forward to @p time_100ns; earlier times are ignored. */
void wfp_clock_advance(uint64_t time_100ns);
/** Now, 100 ns since 1601. */
uint64_t wfp_clock_now(void);
/** Monotonic time since the clock's start, 100 ns: interrupt time. */
uint64_t wfp_clock_uptime(void);

#endif
