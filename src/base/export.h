/*
 * What a driver can import: one row per function of each kernel module.
 *
 * A `.so` built by wfp-cc and a `.sys` bind to the same rows. Every function has the Windows x64
 * calling convention. The rows come from the modules' .def tables; unknown names are a binding
 * error.
 */
#ifndef WFP_BASE_EXPORT_H
#define WFP_BASE_EXPORT_H

#include <stddef.h>

enum wfp_export_state { WFP_EXPORT_FULL, WFP_EXPORT_PARTIAL, WFP_EXPORT_STUB, WFP_EXPORT_DATA };

struct wfp_export {
    const char *name;
    void *address; /* code, or for DATA the variable itself */
    enum wfp_export_state state;
    const char *doc; /* page of Microsoft's public docs, and for PARTIAL the gap */
};

/** A table for one module ("ntoskrnl.exe"); several tables may name the same module. */
struct wfp_export_table {
    const char *module;
    const struct wfp_export *rows;
    size_t count;
};

/** Log one call of a function that nobody wrote; the generated stubs of export_rows.h come here. */
void wfp_export_stub_called(const char *module, const char *name);
/** How many stub calls there were, in all tables, since the program started. */
unsigned long wfp_export_stub_calls(void);
/** The row called @p name, or NULL. Names compare with case, as Windows' loader does. */
const struct wfp_export *wfp_export_find(const struct wfp_export_table *table, const char *name);

#endif
