/*
 * The filter manager's own: which registration belongs to which driver.
 */
#ifndef WFP_NT_FLTMGR_H
#define WFP_NT_FLTMGR_H

#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_wdk.h"

#include <fltkernel.h>

/* Exists from FltRegisterFilter to FltUnregisterFilter. */
struct _FLT_FILTER {
    struct nt_list link;
    struct nt_driver *owner;
    PFLT_FILTER_UNLOAD_CALLBACK unload;
    FLT_REGISTRATION_FLAGS flags;
    FLT_CONTEXT_REGISTRATION *contexts; /* ends with FLT_CONTEXT_END; or NULL */
    bool is_filtering;
};

/** Is @p filter registered? If not, that is a finding against the driver that calls @p function. */
bool flt_filter_check(const struct _FLT_FILTER *filter, const char *function);

#endif
