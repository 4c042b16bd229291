/*
 * Filters.
 *
 * Ref        win32 FWP/filter-management
 */
#include "policy/fwpm/fwpm_kind.h"

static struct wfp_filter_spec
spec_from(const FWPM_FILTER0 *filter)
{
    struct wfp_filter_spec spec = {
        .common = wfp_fwpm_spec_common(&filter->filterKey, &filter->displayData, filter->flags,
                                       filter->providerKey, &filter->providerData),
        .layer_key = *wfp_fwpm_key(&filter->layerKey),
        .sublayer_key = *wfp_fwpm_key(&filter->subLayerKey),
        .condition_count = filter->numFilterConditions,
        .conditions = (const struct wfp_condition *)filter->filterCondition,
        .action = filter->action.type,
        .callout_key = *wfp_fwpm_key(&filter->action.calloutKey),
    };

    memcpy(&spec.weight, &filter->weight, sizeof(spec.weight));
    if (filter->flags & FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT)
        spec.provider_context_key = *wfp_fwpm_key(&filter->providerContextKey);
    else
        spec.raw_context = filter->rawContext;
    return spec;
}

/**
 * Add a filter.
 *
 * @param sd  absolute or self-relative; NULL: inherited
 * @param id  receives the run-time id; may be NULL
 *
 * The callout it names is notified and may refuse it (CALLOUT_NOTIFICATION_FAILED).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfilteradd0.
 */
FWPM_STATUS NTAPI
FwpmFilterAdd0(HANDLE engineHandle, const FWPM_FILTER0 *filter, PSECURITY_DESCRIPTOR sd, UINT64 *id)
{
    _cleanup_(wfp_fwpm_sd_fini) struct wfp_fwpm_sd security = {0};
    struct wfp_filter_spec spec;
    OPEN_SESSION(session, engineHandle);
    int r;

    if (!filter)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    spec = spec_from(filter);
    r = wfp_fwpm_sd_init(&security, sd);
    if (r == 0)
        r = wfp_bfe_filter_add(session, &spec, wfp_fwpm_sd_blob(&security), (uint64_t *)id);
    return wfp_fwpm_status(r);
}

/**
 * Delete by run-time id.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfilterdeletebyid0.
 */
FWPM_STATUS NTAPI
FwpmFilterDeleteById0(HANDLE engineHandle, UINT64 id)
{
    return wfp_fwpm_delete_by_id(engineHandle, WFP_FWPM_FILTER, id);
}

/**
 * Delete by key.
 *
 * Fails while another object refers to it (IN_USE) and for what is built in (BUILTIN_OBJECT).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfilterdeletebykey0.
 */
FWPM_STATUS NTAPI
FwpmFilterDeleteByKey0(HANDLE engineHandle, const GUID *key)
{
    return wfp_fwpm_delete_by_key(engineHandle, WFP_FWPM_FILTER, key);
}

/**
 * Retrieve by run-time id.
 *
 * @param filter  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfiltergetbyid0.
 */
FWPM_STATUS NTAPI
FwpmFilterGetById0(HANDLE engineHandle, UINT64 id, FWPM_FILTER0 **filter)
{
    return wfp_fwpm_get_by_id(engineHandle, WFP_FWPM_FILTER, id, filter);
}

/**
 * Retrieve by key.
 *
 * @param filter  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfiltergetbykey0.
 */
FWPM_STATUS NTAPI
FwpmFilterGetByKey0(HANDLE engineHandle, const GUID *key, FWPM_FILTER0 **filter)
{
    return wfp_fwpm_get_by_key(engineHandle, WFP_FWPM_FILTER, key, filter);
}

/**
 * Take a snapshot of the filters to enumerate.
 *
 * @param enumTemplate  which ones; NULL for all
 * @param enumHandle  destroy it with FwpmFilterDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfiltercreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmFilterCreateEnumHandle0(HANDLE engineHandle, const FWPM_FILTER_ENUM_TEMPLATE0 *enumTemplate,
                            HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_FILTER, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfilterenum0.
 */
FWPM_STATUS NTAPI
FwpmFilterEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                FWPM_FILTER0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_FILTER, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfilterdestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmFilterDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_FILTER, enumHandle);
}
