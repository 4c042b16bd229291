/*
 * KeBugCheck and KeBugCheckEx: a driver decides that nothing can go on.
 *
 * Ref: ddi wdm/nf-wdm-kebugcheckex, ntddk/nf-ntddk-kebugcheck
 */
#include "nt/loader/fault.h"
#include "nt/loader/seh_dispatch.h"

#define NTAPI __attribute__((ms_abi))

NTAPI void nt_ke_bugcheck_body(struct nt_context *context, uint64_t *frame);
NTAPI void nt_ke_bugcheck_ex_body(struct nt_context *context, uint64_t *frame);

NT_SEH_CAPTURING("KeBugCheck", "nt_ke_bugcheck_body");
NT_SEH_CAPTURING("KeBugCheckEx", "nt_ke_bugcheck_ex_body");

/* KeBugCheck(code) */
NTAPI void
nt_ke_bugcheck_body(struct nt_context *context, uint64_t *frame)
{
    static const uint64_t none[4];
    nt_seh_step_out(context, frame);
    nt_fault_bug_check((uint32_t)frame[1], none, context);
}

/* KeBugCheckEx(code, parameter1, parameter2, parameter3, parameter4) */
NTAPI void
nt_ke_bugcheck_ex_body(struct nt_context *context, uint64_t *frame)
{
    nt_seh_step_out(context, frame);
    nt_fault_bug_check((uint32_t)frame[1], frame + 2, context);
}
