/*
 * Callouts: what filters may name; the code behind them is registered by a driver.
 *
 * Ref        win32 FWP/callout-management, ddi fwpmk
 */
#include "policy/fwpm/fwpm_kind.h"

/**
 * Add a callout for one layer.
 *
 * @param sd  absolute or self-relative; NULL: inherited
 * @param id  receives the run-time id; may be NULL
 *
 * May come before or after the driver registers its code: the id is the same.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutadd0.
 */
FWPM_STATUS NTAPI
FwpmCalloutAdd0(HANDLE engineHandle, const FWPM_CALLOUT0 *callout, PSECURITY_DESCRIPTOR sd,
                UINT32 *id)
{
    _cleanup_(wfp_fwpm_sd_fini) struct wfp_fwpm_sd security = {0};
    struct wfp_callout_spec spec;
    OPEN_SESSION(session, engineHandle);
    int r;

    if (!callout)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    spec.common = wfp_fwpm_spec_common(&callout->calloutKey, &callout->displayData, callout->flags,
                                       callout->providerKey, &callout->providerData);
    spec.layer_key = *wfp_fwpm_key(&callout->applicableLayer);
    r = wfp_fwpm_sd_init(&security, sd);
    if (r == 0)
        r = wfp_bfe_callout_add(session, &spec, wfp_fwpm_sd_blob(&security), id);
    return wfp_fwpm_status(r);
}

/**
 * Delete by run-time id.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutdeletebyid0.
 */
FWPM_STATUS NTAPI
FwpmCalloutDeleteById0(HANDLE engineHandle, UINT32 id)
{
    return wfp_fwpm_delete_by_id(engineHandle, WFP_FWPM_CALLOUT, id);
}

/**
 * Delete by key.
 *
 * Fails while another object refers to it (IN_USE) and for what is built in (BUILTIN_OBJECT).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutdeletebykey0.
 */
FWPM_STATUS NTAPI
FwpmCalloutDeleteByKey0(HANDLE engineHandle, const GUID *key)
{
    return wfp_fwpm_delete_by_key(engineHandle, WFP_FWPM_CALLOUT, key);
}

/**
 * Retrieve by run-time id.
 *
 * @param callout  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutgetbyid0.
 */
FWPM_STATUS NTAPI
FwpmCalloutGetById0(HANDLE engineHandle, UINT32 id, FWPM_CALLOUT0 **callout)
{
    return wfp_fwpm_get_by_id(engineHandle, WFP_FWPM_CALLOUT, id, callout);
}

/**
 * Retrieve by key.
 *
 * @param callout  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutgetbykey0.
 */
FWPM_STATUS NTAPI
FwpmCalloutGetByKey0(HANDLE engineHandle, const GUID *key, FWPM_CALLOUT0 **callout)
{
    return wfp_fwpm_get_by_key(engineHandle, WFP_FWPM_CALLOUT, key, callout);
}

/**
 * Take a snapshot of the callouts to enumerate.
 *
 * @param enumTemplate  which ones; NULL for all
 * @param enumHandle  destroy it with FwpmCalloutDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutcreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmCalloutCreateEnumHandle0(HANDLE engineHandle, const FWPM_CALLOUT_ENUM_TEMPLATE0 *enumTemplate,
                             HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_CALLOUT, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutenum0.
 */
FWPM_STATUS NTAPI
FwpmCalloutEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                 FWPM_CALLOUT0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_CALLOUT, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutdestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmCalloutDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_CALLOUT, enumHandle);
}
