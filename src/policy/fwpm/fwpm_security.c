/*
 * Security information of the engine, of objects and of their containers.
 *
 * Ref        win32 FWP/access-control, FWP/managing-security
 */
#include "policy/fwpm/fwpm_convert.h"

/* fwpsk.h and fwpsu.h declare these two; neither is for both flavours. */
FWPM_STATUS NTAPI FwpsAleEndpointGetSecurityInfo0(HANDLE, SECURITY_INFORMATION, struct _SID **,
                                                  struct _SID **, struct _ACL **, struct _ACL **,
                                                  PSECURITY_DESCRIPTOR *);
FWPM_STATUS NTAPI FwpsAleEndpointSetSecurityInfo0(HANDLE, SECURITY_INFORMATION, const struct _SID *,
                                                  const struct _SID *, const struct _ACL *,
                                                  const struct _ACL *);

static void
put_part(void *place, const void *part)
{
    if (place)
        *(const void **)place = part;
}

/* The functions' own arguments in their order, after which object. Each part may be NULL. */
static FWPM_STATUS
get_security(HANDLE engineHandle, enum wfp_bfe_kind kind, const GUID *key,
             SECURITY_INFORMATION information, struct _SID **owner, struct _SID **group,
             struct _ACL **dacl, struct _ACL **sacl, PSECURITY_DESCRIPTOR *ret_descriptor)
{
    _cleanup_(wfp_bfe_sd_unrefp) struct wfp_bfe_sd *sd = NULL;
    struct wfp_bfe_sd_parts parts;
    OPEN_SESSION(session, engineHandle);
    uint8_t *copy;
    int r;

    if (!ret_descriptor)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    r = wfp_bfe_security_get(session, kind, wfp_fwpm_key(key), information, &sd);
    if (r < 0)
        return wfp_fwpm_status(r);
    copy = malloc(sd->size);
    if (!copy)
        return wfp_fwpm_status(-WFP_ERR_NO_MEMORY);
    memcpy(copy, sd->bytes, sd->size);
    wfp_bfe_descriptor_split(copy, &parts);
    put_part(owner, parts.owner);
    put_part(group, parts.group);
    put_part(dacl, parts.dacl);
    put_part(sacl, parts.sacl);
    *ret_descriptor = copy;
    return wfp_fwpm_status(0);
}

static FWPM_STATUS
set_security(HANDLE engineHandle, enum wfp_bfe_kind kind, const GUID *key,
             SECURITY_INFORMATION information, const struct _SID *owner, const struct _SID *group,
             const struct _ACL *dacl, const struct _ACL *sacl)
{
    struct wfp_bfe_sd_parts parts = {.owner = owner, .group = group, .dacl = dacl, .sacl = sacl};
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(
        wfp_bfe_security_set(session, kind, wfp_fwpm_key(key), information, &parts));
}

/**
 * Retrieve parts of the security descriptor of the engine.
 *
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmenginegetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpmEngineGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                           struct _SID **sidOwner, struct _SID **sidGroup, struct _ACL **dacl,
                           struct _ACL **sacl, PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_KIND_COUNT, NULL, securityInfo, sidOwner, sidGroup,
                        dacl, sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of the engine.
 *
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmenginesetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpmEngineSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                           const struct _SID *sidOwner, const struct _SID *sidGroup,
                           const struct _ACL *dacl, const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_KIND_COUNT, NULL, securityInfo, sidOwner, sidGroup,
                        dacl, sacl);
}

/**
 * Retrieve parts of the security descriptor of a provider.
 *
 * @param key  NULL or zero: the container of all
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidergetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmProviderGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                  SECURITY_INFORMATION securityInfo, struct _SID **sidOwner,
                                  struct _SID **sidGroup, struct _ACL **dacl, struct _ACL **sacl,
                                  PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_PROVIDER, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of a provider.
 *
 * @param key  NULL or zero: the container of all
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidersetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmProviderSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                  SECURITY_INFORMATION securityInfo, const struct _SID *sidOwner,
                                  const struct _SID *sidGroup, const struct _ACL *dacl,
                                  const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_PROVIDER, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl);
}

/**
 * Retrieve parts of the security descriptor of a provider context.
 *
 * @param key  NULL or zero: the container of all
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                         SECURITY_INFORMATION securityInfo, struct _SID **sidOwner,
                                         struct _SID **sidGroup, struct _ACL **dacl,
                                         struct _ACL **sacl,
                                         PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_CONTEXT, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of a provider context.
 *
 * @param key  NULL or zero: the container of all
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextsetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                         SECURITY_INFORMATION securityInfo,
                                         const struct _SID *sidOwner, const struct _SID *sidGroup,
                                         const struct _ACL *dacl, const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_CONTEXT, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl);
}

/**
 * Retrieve parts of the security descriptor of a sublayer.
 *
 * @param key  NULL or zero: the container of all
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayergetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmSubLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                  SECURITY_INFORMATION securityInfo, struct _SID **sidOwner,
                                  struct _SID **sidGroup, struct _ACL **dacl, struct _ACL **sacl,
                                  PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_SUBLAYER, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of a sublayer.
 *
 * @param key  NULL or zero: the container of all
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsublayersetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmSubLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                  SECURITY_INFORMATION securityInfo, const struct _SID *sidOwner,
                                  const struct _SID *sidGroup, const struct _ACL *dacl,
                                  const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_SUBLAYER, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl);
}

/**
 * Retrieve parts of the security descriptor of a layer.
 *
 * @param key  NULL or zero: the container of all
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmlayergetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                               SECURITY_INFORMATION securityInfo, struct _SID **sidOwner,
                               struct _SID **sidGroup, struct _ACL **dacl, struct _ACL **sacl,
                               PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_LAYER, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of a layer.
 *
 * @param key  NULL or zero: the container of all
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmlayersetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                               SECURITY_INFORMATION securityInfo, const struct _SID *sidOwner,
                               const struct _SID *sidGroup, const struct _ACL *dacl,
                               const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_LAYER, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl);
}

/**
 * Retrieve parts of the security descriptor of a callout.
 *
 * @param key  NULL or zero: the container of all
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutgetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmCalloutGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                 SECURITY_INFORMATION securityInfo, struct _SID **sidOwner,
                                 struct _SID **sidGroup, struct _ACL **dacl, struct _ACL **sacl,
                                 PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_CALLOUT, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of a callout.
 *
 * @param key  NULL or zero: the container of all
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmcalloutsetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmCalloutSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                 SECURITY_INFORMATION securityInfo, const struct _SID *sidOwner,
                                 const struct _SID *sidGroup, const struct _ACL *dacl,
                                 const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_CALLOUT, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl);
}

/**
 * Retrieve parts of the security descriptor of a filter.
 *
 * @param key  NULL or zero: the container of all
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfiltergetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmFilterGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                SECURITY_INFORMATION securityInfo, struct _SID **sidOwner,
                                struct _SID **sidGroup, struct _ACL **dacl, struct _ACL **sacl,
                                PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_FILTER, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of a filter.
 *
 * @param key  NULL or zero: the container of all
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfiltersetsecurityinfobykey0.
 */
FWPM_STATUS NTAPI
FwpmFilterSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                SECURITY_INFORMATION securityInfo, const struct _SID *sidOwner,
                                const struct _SID *sidGroup, const struct _ACL *dacl,
                                const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_FILTER, key, securityInfo, sidOwner, sidGroup, dacl,
                        sacl);
}

/**
 * Retrieve parts of the security descriptor of the network events.
 *
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventsgetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpmNetEventsGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                              struct _SID **sidOwner, struct _SID **sidGroup, struct _ACL **dacl,
                              struct _ACL **sacl, PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_EVENT, NULL, securityInfo, sidOwner, sidGroup, dacl,
                        sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of the network events.
 *
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmneteventssetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpmNetEventsSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                              const struct _SID *sidOwner, const struct _SID *sidGroup,
                              const struct _ACL *dacl, const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_EVENT, NULL, securityInfo, sidOwner, sidGroup, dacl,
                        sacl);
}

/**
 * Retrieve parts of the security descriptor of the IPsec connections.
 *
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmconnectiongetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpmConnectionGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                               struct _SID **sidOwner, struct _SID **sidGroup, struct _ACL **dacl,
                               struct _ACL **sacl, PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_CONNECTION, NULL, securityInfo, sidOwner, sidGroup,
                        dacl, sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of the IPsec connections.
 *
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmconnectionsetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpmConnectionSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                               const struct _SID *sidOwner, const struct _SID *sidGroup,
                               const struct _ACL *dacl, const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_CONNECTION, NULL, securityInfo, sidOwner, sidGroup,
                        dacl, sacl);
}

/**
 * Retrieve parts of the security descriptor of the virtual switch events.
 *
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmvswitcheventsgetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpmvSwitchEventsGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                  struct _SID **sidOwner, struct _SID **sidGroup,
                                  struct _ACL **dacl, struct _ACL **sacl,
                                  PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_VSWITCH_EVENT, NULL, securityInfo, sidOwner, sidGroup,
                        dacl, sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of the virtual switch events.
 *
 * @param securityInfo  which of the following count
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmvswitcheventssetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpmvSwitchEventsSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                  const struct _SID *sidOwner, const struct _SID *sidGroup,
                                  const struct _ACL *dacl, const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_VSWITCH_EVENT, NULL, securityInfo, sidOwner, sidGroup,
                        dacl, sacl);
}

/**
 * Retrieve parts of the security descriptor of ALE endpoints: of who may list sockets.
 *
 * @param securityDescriptor  one allocation, free it with FwpmFreeMemory0; the others point into it
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: ddi fwpsk/nf-fwpsk-fwpsaleendpointgetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpsAleEndpointGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                struct _SID **sidOwner, struct _SID **sidGroup, struct _ACL **dacl,
                                struct _ACL **sacl, PSECURITY_DESCRIPTOR *securityDescriptor)
{
    return get_security(engineHandle, WFP_BFE_ENDPOINT, NULL, securityInfo, sidOwner, sidGroup,
                        dacl, sacl, securityDescriptor);
}

/**
 * Replace parts of the security descriptor of ALE endpoints: of who may list sockets.
 *
 * @param securityInfo  which of the following count
 *
 * Drivers are not checked: the kernel may do everything. Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: ddi fwpsk/nf-fwpsk-fwpsaleendpointsetsecurityinfo0.
 */
FWPM_STATUS NTAPI
FwpsAleEndpointSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                const struct _SID *sidOwner, const struct _SID *sidGroup,
                                const struct _ACL *dacl, const struct _ACL *sacl)
{
    return set_security(engineHandle, WFP_BFE_ENDPOINT, NULL, securityInfo, sidOwner, sidGroup,
                        dacl, sacl);
}
