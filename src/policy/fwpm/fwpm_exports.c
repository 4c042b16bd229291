/*
 * The export table of fwpkclnt.sys, management side.
 */
#define WFP_EXPORT_MODULE "fwpkclnt.sys"
#define WFP_EXPORT_DEF    "policy/fwpm/fwpm.def"
#define WFP_EXPORT_TABLE  policy_fwpm_exports
#include "base/export_rows.h"
