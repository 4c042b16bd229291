/*
 * What every Fwpm* function here starts and ends with: the flavour, the session, the status.
 *
 * Model      One set of sources, compiled twice: for drivers (fwpmk.h, NTSTATUS, a session of a kernel
 *            caller) and with WFP_FWPM_USER for programs (fwpmu.h, Win32 codes). Each function
 *            converts, calls BFE and converts back; a handle stands for an open session.
 */
#ifndef WFP_POLICY_FWPM_FWPM_CALL_H
#define WFP_POLICY_FWPM_FWPM_CALL_H

#ifdef WFP_FWPM_USER
#include <fwpmu.h>
#else
#include <fwpmk.h>
#endif

#include "policy/bfe/bfe.h"
#include "policy/bfe/bfe_query.h"
#include "policy/fwpm/fwpm.h"

/** The session of a handle, owned by the scope; NULL (which BFE refuses) when it names none. */
#define OPEN_SESSION(name, handle)                                                                 \
    _cleanup_(wfp_bfe_session_unrefp) struct wfp_bfe_session *name = wfp_fwpm_session(handle)

struct wfp_bfe_session *wfp_fwpm_session(HANDLE engine_handle);
/** Our result in the flavour's numbers. */
FWPM_STATUS wfp_fwpm_status(int r);
/** The BFE that calls reach, or NULL while none runs. */
struct wfp_bfe *wfp_fwpm_bfe(void);

static inline HANDLE
wfp_fwpm_handle(uint64_t number)
{
    return (HANDLE)(uintptr_t)number;
}

static inline uint64_t
wfp_fwpm_number(HANDLE handle)
{
    return (uintptr_t)handle;
}

/* GUID and struct wfp_guid have one layout. */
static inline const struct wfp_guid *
wfp_fwpm_key(const GUID *key)
{
    return (const struct wfp_guid *)key;
}

#endif
