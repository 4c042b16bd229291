/*
 * Layers: where filters act. All are built in.
 *
 * Ref        win32 FWP/layer-management
 */
#include "policy/fwpm/fwpm_kind.h"
#include "core/model/layer.h"

/* Layers are built in: only the session must be open. */
static FWPM_STATUS
get_layer(HANDLE engineHandle, const struct wfp_layer *layer, FWPM_LAYER0 **ret_layer)
{
    OPEN_SESSION(session, engineHandle);

    if (!session)
        return wfp_fwpm_status(-WFP_ERR_INVALID_HANDLE);
    if (!ret_layer)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    if (!layer)
        return wfp_fwpm_status(-WFP_ERR_LAYER_NOT_FOUND);
    return wfp_fwpm_status(
        wfp_fwpm_arena_build(wfp_fwpm_write_layer, layer, sizeof(FWPM_LAYER0), (void **)ret_layer));
}

/**
 * Retrieve a layer by run-time id.
 *
 * @param layer  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmlayergetbyid0.
 */
FWPM_STATUS NTAPI
FwpmLayerGetById0(HANDLE engineHandle, UINT16 id, FWPM_LAYER0 **layer)
{
    return get_layer(engineHandle, wfp_layer_find_id(id), layer);
}

/**
 * Retrieve a layer by key.
 *
 * @param layer  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmlayergetbykey0.
 */
FWPM_STATUS NTAPI
FwpmLayerGetByKey0(HANDLE engineHandle, const GUID *key, FWPM_LAYER0 **layer)
{
    if (!key)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    return get_layer(engineHandle, wfp_layer_find_key(wfp_fwpm_key(key)), layer);
}

/**
 * Take a snapshot of the layers to enumerate.
 *
 * @param enumTemplate  has no members yet; NULL
 * @param enumHandle  destroy it with FwpmLayerDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmlayercreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmLayerCreateEnumHandle0(HANDLE engineHandle, const FWPM_LAYER_ENUM_TEMPLATE0 *enumTemplate,
                           HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_LAYER, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmlayerenum0.
 */
FWPM_STATUS NTAPI
FwpmLayerEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
               FWPM_LAYER0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_LAYER, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmlayerdestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmLayerDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_LAYER, enumHandle);
}
