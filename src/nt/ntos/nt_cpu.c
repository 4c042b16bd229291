/*
 * Per-thread processor state, and the slow halves of the IRQL checks and of the callback door.
 */
#include "nt/ntos/nt_cpu.h"

#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

__thread struct nt_cpu nt_cpu __attribute__((tls_model("initial-exec")));

static const char *
irql_name(uint8_t irql)
{
    static const char *const names[] = {"PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL"};
    return irql < ELEMENTSOF(names) ? names[irql] : "above DISPATCH_LEVEL";
}

void
nt_cpu_irql_too_high(const char *function, uint8_t max)
{
    nt_finding(NT_FINDING_IRQL_TOO_HIGH, "%s called at %s; it may be called at %s or below",
               function, irql_name(nt_cpu.irql), irql_name(max));
}

void
nt_cpu_irql_too_low(const char *function, uint8_t min)
{
    nt_finding(NT_FINDING_IRQL_TOO_LOW, "%s called at %s; it must be called at %s or above",
               function, irql_name(nt_cpu.irql), irql_name(min));
}

void
nt_callback_leave_slow(struct nt_callback saved, uint8_t entered)
{
    if (nt_cpu.irql != entered)
        nt_finding_at(nt_driver_name(nt_driver_current()), nt_cpu.irql_site,
                      NT_FINDING_IRQL_CHANGED, "a callback entered at %s returned at %s",
                      irql_name(entered), irql_name(nt_cpu.irql));
    nt_cpu.driver = saved.driver;
    nt_cpu_lower(saved.irql);
}
