/*
 * The export tables of ntoskrnl.exe, hal.dll and the small modules beside them.
 */
#define WFP_EXPORT_MODULE "ntoskrnl.exe"
#define WFP_EXPORT_DEF    "nt/ntos/ntoskrnl.def"
#define WFP_EXPORT_TABLE  nt_ntoskrnl_exports
#include "base/export_rows.h"

#define WFP_EXPORT_MODULE "hal.dll"
#define WFP_EXPORT_DEF    "nt/ntos/hal.def"
#define WFP_EXPORT_TABLE  nt_hal_exports
#include "base/export_rows.h"

#define WFP_EXPORT_MODULE "aux_klib.lib"
#define WFP_EXPORT_DEF    "nt/ntos/aux_klib.def"
#define WFP_EXPORT_TABLE  nt_aux_klib_exports
#include "base/export_rows.h"

#define WFP_EXPORT_MODULE "wpprecorder.sys"
#define WFP_EXPORT_DEF    "nt/ntos/wpprecorder.def"
#define WFP_EXPORT_TABLE  nt_wpprecorder_exports
#include "base/export_rows.h"
