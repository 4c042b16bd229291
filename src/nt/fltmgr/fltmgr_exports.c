/*
 * The export table of fltmgr.sys.
 */
#define WFP_EXPORT_MODULE "fltmgr.sys"
#define WFP_EXPORT_DEF    "nt/fltmgr/fltmgr.def"
#define WFP_EXPORT_TABLE  nt_fltmgr_exports
#include "base/export_rows.h"
