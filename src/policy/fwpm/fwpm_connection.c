/*
 * IPsec connections: this host has none, and says so.
 *
 * Ref        win32 FWP/connection-object-management
 */
#include "policy/fwpm/fwpm_kind.h"

/**
 * Retrieve an IPsec connection. There are none: NOT_FOUND.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmconnectiongetbyid0.
 */
FWPM_STATUS NTAPI
FwpmConnectionGetById0(HANDLE engineHandle, UINT64 id, FWPM_CONNECTION0 **connection)
{
    OPEN_SESSION(session, engineHandle);

    (void)id;
    if (!session)
        return wfp_fwpm_status(-WFP_ERR_INVALID_HANDLE);
    return wfp_fwpm_status(connection ? -WFP_ERR_NOT_FOUND : -WFP_ERR_NULL_POINTER);
}

/**
 * Take a snapshot of the IPsec connections: always empty to enumerate.
 *
 * @param enumTemplate  has no members yet; NULL
 * @param enumHandle  destroy it with FwpmConnectionDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmconnectioncreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmConnectionCreateEnumHandle0(HANDLE engineHandle,
                                const FWPM_CONNECTION_ENUM_TEMPLATE0 *enumTemplate,
                                HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_CONNECTION, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmconnectionenum0.
 */
FWPM_STATUS NTAPI
FwpmConnectionEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                    FWPM_CONNECTION0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_CONNECTION, enumHandle, numEntriesRequested,
                         entries, numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmconnectiondestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmConnectionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_CONNECTION, enumHandle);
}
