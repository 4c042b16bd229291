/*
 * The modules a driver can import from, and the binding of one name.
 */
#ifndef WFP_NT_IMPORT_H
#define WFP_NT_IMPORT_H

#include <stdbool.h>

#include "base/export.h"

/**
 * Make @p table's rows available to images loaded from now on. Tables add up: several may name one
 * module. Adding a table again has no effect.
 *
 * Context: start-up, one thread. The table must outlive every image.
 * @return 0 or -WFP_ERR_NO_MEMORY when there are too many tables
 */
int nt_import_add_table(const struct wfp_export_table *table);
/** Forget all tables (tests). */
void nt_import_clear_tables(void);

/**
 * The row for @p module!@p name, or NULL. Module names compare without case; hal.dll and
 * ntoskrnl.exe share their names, since functions moved between them.
 */
const struct wfp_export *nt_import_find(const char *module, const char *name);
/** Whether any table has rows for @p module. */
bool nt_import_knows_module(const char *module);

/**
 * Code that stands for a function we lack: it reports its first call, and returns
 * STATUS_NOT_IMPLEMENTED.
 *
 * @return the address to bind, or NULL without memory. It lives until the process ends: a driver
 * may have kept it anywhere.
 */
void *nt_import_make_missing(const char *module, const char *name);

#endif
