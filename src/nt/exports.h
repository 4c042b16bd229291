/*
 * The export tables of the nt wing; programs joins them with policy_fwpm_exports and hands them to
 * nt_import_add_table().
 */
#ifndef WFP_NT_EXPORTS_H
#define WFP_NT_EXPORTS_H

#include "base/export.h"

extern const struct wfp_export_table nt_ntoskrnl_exports;
extern const struct wfp_export_table nt_hal_exports;
extern const struct wfp_export_table nt_aux_klib_exports;
extern const struct wfp_export_table nt_wpprecorder_exports;
extern const struct wfp_export_table nt_ndis_exports;
extern const struct wfp_export_table nt_netio_exports;
extern const struct wfp_export_table nt_fltmgr_exports;
extern const struct wfp_export_table nt_cng_exports;
extern const struct wfp_export_table nt_fwpkclnt_exports; /* Fwps*; Fwpm* come from policy */
extern const struct wfp_export_table nt_wdfldr_exports;
extern const struct wfp_export_table nt_wdf_functions; /* by index, for WdfVersionBind */

#endif
