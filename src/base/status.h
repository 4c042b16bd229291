/*
 * Our errors, and their Windows and errno twins.
 *
 * base, core and policy return 0 or -WFP_ERR_*; nt returns NTSTATUS; convert once, at the border.
 * The numbers live in status.def alone.
 */
#ifndef WFP_BASE_STATUS_H
#define WFP_BASE_STATUS_H

#include <stdint.h>

enum wfp_err {
    WFP_ERR_NONE,
#define WFP_STATUS(name, hresult, ntstatus, error, text, ntname) WFP_ERR_##name,
#include "base/status.def"
#undef WFP_STATUS
    WFP_ERR_COUNT,
};

/** The FWP_E_* / Win32 number of @p r (0 or -WFP_ERR_*), as user-mode Fwpm* functions return it. */
uint32_t wfp_status_hresult(int r);
/** The NTSTATUS of @p r, as kernel-mode Fwpm* functions return it. */
int32_t wfp_status_ntstatus(int r);
/** The errno (positive) of @p r. */
int wfp_status_errno(int r);
/** A short English text, never NULL. */
const char *wfp_status_text(int r);
/** "FWP_E_ALREADY_EXISTS 0x80320009": symbol and number, as every error message prints it. */
const char *wfp_status_name(int r);
/** Our error for an NTSTATUS that status.def knows, else -WFP_ERR_INVALID_PARAMETER. */
int wfp_status_from_ntstatus(int32_t ntstatus);

#endif
