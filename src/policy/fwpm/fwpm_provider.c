/*
 * Providers: who owns a policy.
 *
 * Ref        win32 FWP/provider-management
 */
#include "policy/fwpm/fwpm_kind.h"

/**
 * Add a provider.
 *
 * @param sd  absolute or self-relative; NULL: inherited
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovideradd0.
 */
FWPM_STATUS NTAPI
FwpmProviderAdd0(HANDLE engineHandle, const FWPM_PROVIDER0 *provider, PSECURITY_DESCRIPTOR sd)
{
    _cleanup_(wfp_fwpm_sd_fini) struct wfp_fwpm_sd security = {0};
    struct wfp_provider_spec spec;
    OPEN_SESSION(session, engineHandle);
    int r;

    if (!provider)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    spec.common = wfp_fwpm_spec_common(&provider->providerKey, &provider->displayData,
                                       provider->flags, NULL, &provider->providerData);
    spec.service_name_utf16 = (const uint16_t *)provider->serviceName;
    r = wfp_fwpm_sd_init(&security, sd);
    if (r == 0)
        r = wfp_bfe_provider_add(session, &spec, wfp_fwpm_sd_blob(&security));
    return wfp_fwpm_status(r);
}

/**
 * Delete by key.
 *
 * Fails while another object refers to it (IN_USE) and for what is built in (BUILTIN_OBJECT).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmproviderdeletebykey0.
 */
FWPM_STATUS NTAPI
FwpmProviderDeleteByKey0(HANDLE engineHandle, const GUID *key)
{
    return wfp_fwpm_delete_by_key(engineHandle, WFP_FWPM_PROVIDER, key);
}

/**
 * Retrieve by key.
 *
 * @param provider  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidergetbykey0.
 */
FWPM_STATUS NTAPI
FwpmProviderGetByKey0(HANDLE engineHandle, const GUID *key, FWPM_PROVIDER0 **provider)
{
    return wfp_fwpm_get_by_key(engineHandle, WFP_FWPM_PROVIDER, key, provider);
}

/**
 * Take a snapshot of the providers to enumerate.
 *
 * @param enumTemplate  has no members yet; NULL
 * @param enumHandle  destroy it with FwpmProviderDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmProviderCreateEnumHandle0(HANDLE engineHandle, const FWPM_PROVIDER_ENUM_TEMPLATE0 *enumTemplate,
                              HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_PROVIDER, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmproviderenum0.
 */
FWPM_STATUS NTAPI
FwpmProviderEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                  FWPM_PROVIDER0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_PROVIDER, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmproviderdestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmProviderDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_PROVIDER, enumHandle);
}
