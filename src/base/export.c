/*
 * Export tables: the stubs' log line and the search by name.
 */
#include "base/export.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"

static atomic_ulong stub_calls;

void
wfp_export_stub_called(const char *module, const char *name)
{
    atomic_fetch_add_explicit(&stub_calls, 1, memory_order_relaxed);
    wfp_log(WFP_LOG_WARNING, "stub called: %s!%s (driver may misbehave)", module, name);
}

unsigned long
wfp_export_stub_calls(void)
{
    return atomic_load_explicit(&stub_calls, memory_order_relaxed);
}

const struct wfp_export *
wfp_export_find(const struct wfp_export_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].name && strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    return NULL;
}
