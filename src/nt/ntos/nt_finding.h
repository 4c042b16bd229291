/*
 * Findings: what the verifier noticed about a driver (decision D7).
 *
 * Model      one row of finding.def per kind; a finding is a kind, the driver at work, a message, the
 *            place in the driver's code and how often. The same message from the same place is
 *            counted, not repeated.
 * Context    nt_finding() may be called from any thread at any IRQL; a new row allocates, and reads
 *            the image's line numbers.
 */
#ifndef WFP_NT_FINDING_H
#define WFP_NT_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "nt/loader/nt_place.h"

enum nt_finding_id {
#define FINDING(id, name, fix) NT_FINDING_##id,
#include "nt/ntos/finding.def"
#undef FINDING
    NT_FINDING_COUNT,
};

struct nt_finding {
    enum nt_finding_id id;
    const char *name;   /* "pool-leak" */
    const char *driver; /* service name, "" when no driver was at work */
    const char *message;
    const char *fix;
    unsigned long count;
    struct nt_place place; /* image "" when no driver's code was to blame, or it is not known */
};

/** Record a finding against the driver that runs on this thread, at its innermost call on the stack. */
void nt_finding(enum nt_finding_id id, const char *format, ...) _printf_(2, 3);
/** Record a finding against @p driver (a service name), at the return address @p site; 0: unknown. */
void nt_finding_at(const char *driver, uintptr_t site, enum nt_finding_id id, const char *format,
                   ...) _printf_(4, 5);
/** Record a finding against @p driver, without a place. */
void nt_finding_for(const char *driver, enum nt_finding_id id, const char *format, ...)
    _printf_(3, 4);
/** Verifier off: findings are dropped. On by default. */
void nt_finding_enable(bool on);
bool nt_finding_is_enabled(void);
/** Different findings so far. */
size_t nt_finding_count(void);
/** The @p index th finding; strings live until nt_finding_reset(). @return false past the end */
bool nt_finding_get(size_t index, struct nt_finding *ret_finding);
/** How many findings (counting repeats) of one kind. */
unsigned long nt_finding_count_of(enum nt_finding_id id);
void nt_finding_reset(void);

#endif
