/*
 * Registrations for what never happens here, kept so that a driver that leaves one behind is told.
 */
#ifndef WFP_NT_PS_UNHEARD_H
#define WFP_NT_PS_UNHEARD_H

#include <stdint.h>

/** @param what  its name in the finding; a literal. @return NTSTATUS: 0, INSUFFICIENT_RESOURCES */
int32_t nt_ps_unheard_add(const char *what, void **ret_handle);
/** @param function  who takes it back, for a finding. @return NTSTATUS: 0, INVALID_PARAMETER */
int32_t nt_ps_unheard_remove(const void *handle, const char *function);

#endif
