/*
 * Sublayers: the order in which policies are asked.
 *
 * Ref        win32 FWP/sub-layer-management
 */
#include "policy/fwpm/fwpm_kind.h"

/**
 * Add a sublayer.
 *
 * @param sd  absolute or self-relative; NULL: inherited
 *
 * A weight already taken moves up to the next free one.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayeradd0.
 */
FWPM_STATUS NTAPI
FwpmSubLayerAdd0(HANDLE engineHandle, const FWPM_SUBLAYER0 *subLayer, PSECURITY_DESCRIPTOR sd)
{
    _cleanup_(wfp_fwpm_sd_fini) struct wfp_fwpm_sd security = {0};
    struct wfp_sublayer_spec spec;
    OPEN_SESSION(session, engineHandle);
    int r;

    if (!subLayer)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    spec.common =
        wfp_fwpm_spec_common(&subLayer->subLayerKey, &subLayer->displayData, subLayer->flags,
                             subLayer->providerKey, &subLayer->providerData);
    spec.weight = subLayer->weight;
    r = wfp_fwpm_sd_init(&security, sd);
    if (r == 0)
        r = wfp_bfe_sublayer_add(session, &spec, wfp_fwpm_sd_blob(&security));
    return wfp_fwpm_status(r);
}

/**
 * Delete by key.
 *
 * Fails while another object refers to it (IN_USE) and for what is built in (BUILTIN_OBJECT).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayerdeletebykey0.
 */
FWPM_STATUS NTAPI
FwpmSubLayerDeleteByKey0(HANDLE engineHandle, const GUID *key)
{
    return wfp_fwpm_delete_by_key(engineHandle, WFP_FWPM_SUBLAYER, key);
}

/**
 * Retrieve by key.
 *
 * @param subLayer  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayergetbykey0.
 */
FWPM_STATUS NTAPI
FwpmSubLayerGetByKey0(HANDLE engineHandle, const GUID *key, FWPM_SUBLAYER0 **subLayer)
{
    return wfp_fwpm_get_by_key(engineHandle, WFP_FWPM_SUBLAYER, key, subLayer);
}

/**
 * Take a snapshot of the sublayers to enumerate.
 *
 * @param enumTemplate  which ones; NULL for all
 * @param enumHandle  destroy it with FwpmSubLayerDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayercreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmSubLayerCreateEnumHandle0(HANDLE engineHandle, const FWPM_SUBLAYER_ENUM_TEMPLATE0 *enumTemplate,
                              HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_SUBLAYER, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayerenum0.
 */
FWPM_STATUS NTAPI
FwpmSubLayerEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                  FWPM_SUBLAYER0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_SUBLAYER, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayerdestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmSubLayerDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_SUBLAYER, enumHandle);
}
