/*
 * The export table of fwpkclnt.sys, callout side.
 */
#define WFP_EXPORT_MODULE "fwpkclnt.sys"
#define WFP_EXPORT_DEF    "nt/fwps/fwpkclnt.def"
#define WFP_EXPORT_TABLE  nt_fwpkclnt_exports
#include "base/export_rows.h"
