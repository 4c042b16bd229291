/* What every test of the kernel personality includes: cmocka, findings counted per test. */
#ifndef WFP_NT_TEST_H
#define WFP_NT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "nt/ntos/nt_finding.h"

static inline _unused_ void
nt_test_mute(void *context, enum wfp_log_level level, const char *line)
{
}

#define assert_finding(id, times) assert_int_equal(nt_finding_count_of(NT_FINDING_##id), times)

#endif
