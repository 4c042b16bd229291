/*
 * Names of NTSTATUS values, from include/wdk/shared/ntstatus.h.
 */
#ifndef WFP_BASE_NTSTATUS_NAME_H
#define WFP_BASE_NTSTATUS_NAME_H

#include <stdint.h>

/** "STATUS_ACCESS_DENIED"; "NTSTATUS" for a value without a name. Static. */
const char *wfp_ntstatus_name(int32_t status);

#endif
