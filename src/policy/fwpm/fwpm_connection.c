/*
 * IPsec connections: this host has none, and says so.
 *
 * Ref        win32 FWP/connection-object-management
 */
#include "policy/fwpm/fwpm_convert.h"

/* Never runs: no IPsec connection exists here. */
static void
write_connection(struct wfp_fwpm_arena *arena, void *out, const void *item)
{
    (void)arena;
    (void)out;
    (void)item;
}

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
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(wfp_fwpm_enum_create(session, WFP_BFE_CONNECTION, NULL, enumHandle));
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
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(wfp_fwpm_enum(session, WFP_BFE_CONNECTION, enumHandle,
                                         numEntriesRequested, write_connection,
                                         sizeof(FWPM_CONNECTION0), entries, numEntriesReturned));
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
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(
        wfp_bfe_enum_destroy(session, WFP_BFE_CONNECTION, wfp_fwpm_number(enumHandle)));
}
