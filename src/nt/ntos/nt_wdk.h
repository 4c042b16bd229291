/*
 * The wdk headers as the Windows faces of the runtime see them, and small helpers for those files.
 *
 * Include this instead of a wdk header: no Linux socket header can come together with them.
 */
#ifndef WFP_NT_WDK_H
#define WFP_NT_WDK_H

#include <ntifs.h>

#include "base/macros.h"
#include "base/utf16.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

/** The driver's address that called the present Windows function. */
/** "IRQL: <= level" of the page of the present function. */
#define NT_IRQL_MAX(level) nt_cpu_require_max(__func__, (level))
#define NT_IRQL_MIN(level) nt_cpu_require_min(__func__, (level))

/** A counted string as UTF-8; the caller frees. NULL when memory is out. */
static inline char *
nt_wdk_to_utf8(PCUNICODE_STRING string)
{
    return wfp_utf16_to_utf8(string && string->Buffer ? string->Buffer : (const WCHAR[1]){0},
                             string && string->Buffer ? string->Length / sizeof(WCHAR) : 0);
}

#endif
