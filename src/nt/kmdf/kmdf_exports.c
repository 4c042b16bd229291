/*
 * The export table of wdfldr.sys, and the framework function table by index.
 */
#define WFP_EXPORT_MODULE "wdfldr.sys"
#define WFP_EXPORT_DEF    "nt/kmdf/wdfldr.def"
#define WFP_EXPORT_TABLE  nt_wdfldr_exports
#include "base/export_rows.h"

#define WFP_EXPORT_MODULE "wdf01000.sys"
#define WFP_EXPORT_DEF    "nt/kmdf/wdf.def"
#define WFP_EXPORT_TABLE  nt_wdf_functions
#define WFP_EXPORT_INDEXED
#include "base/export_rows.h"
