/*
 * Sessions, transactions and engine options.
 *
 * Ref        win32 FWP/session-management, FWP/transaction-management
 */
#include "policy/fwpm/fwpm_kind.h"

/**
 * Free what an Fwpm* function returned, and clear the pointer.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmfreememory0.
 */
void NTAPI
FwpmFreeMemory0(void **p)
{
    if (!p)
        return;
    free(*p);
    *p = NULL;
}

static int
open_session(const FWPM_SESSION0 *from, struct wfp_bfe_session **ret_session)
{
    struct wfp_session_spec spec = {0};

    if (!wfp_fwpm_bfe())
        return -WFP_ERR_SERVICE_STOPPED;
    if (from) {
        spec.key = *wfp_fwpm_key(&from->sessionKey);
        spec.name_utf16 = (const uint16_t *)from->displayData.name;
        spec.description_utf16 = (const uint16_t *)from->displayData.description;
        spec.flags = from->flags;
        spec.txn_wait_timeout_ms = from->txnWaitTimeoutInMSec;
    }
#ifndef WFP_FWPM_USER
    spec.kernel = true;
#endif
    return wfp_bfe_session_open(wfp_fwpm_bfe(), &spec, ret_session);
}

/**
 * Open a session.
 *
 * @param serverName  must be NULL: this machine
 * @param authnService  RPC_C_AUTHN_WINNT or RPC_C_AUTHN_DEFAULT
 * @param authIdentity  ignored
 * @param session  NULL: a static session with defaults
 *
 * Fails while the service is not running.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmengineopen0.
 */
FWPM_STATUS NTAPI
FwpmEngineOpen0(const WCHAR *serverName, UINT32 authnService,
                struct _SEC_WINNT_AUTH_IDENTITY_W *authIdentity, const FWPM_SESSION0 *session,
                HANDLE *engineHandle)
{
    struct wfp_bfe_session *opened;
    int r;

    (void)authIdentity;
    if (!engineHandle)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    if (serverName) /* other machines are reached by RPC, which is not here */
        return wfp_fwpm_status(-WFP_ERR_NOT_SUPPORTED);
    if (authnService != RPC_C_AUTHN_WINNT && authnService != RPC_C_AUTHN_DEFAULT)
        return wfp_fwpm_status(-WFP_ERR_NOT_SUPPORTED);
    r = open_session(session, &opened);
    if (r < 0)
        return wfp_fwpm_status(r);
    *engineHandle = wfp_fwpm_handle(wfp_bfe_session_handle(opened));
    wfp_bfe_session_unref(opened); /* the list of open sessions holds it */
    return wfp_fwpm_status(0);
}

/**
 * Abort the transaction if one runs, delete the objects of a dynamic session, close.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmengineclose0.
 */
FWPM_STATUS NTAPI
FwpmEngineClose0(HANDLE engineHandle)
{
    struct wfp_bfe_session *session = wfp_fwpm_session(engineHandle);
    int r = session ? wfp_bfe_session_close(session) : -WFP_ERR_INVALID_HANDLE;

    if (r < 0)
        wfp_bfe_session_unref(session);
    return wfp_fwpm_status(r);
}

static void
write_option(struct wfp_fwpm_arena *arena, void *out, const void *item)
{
    wfp_fwpm_write_value(arena, out, item);
}

/**
 * Retrieve an engine option, a UINT32.
 *
 * @param value  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmenginegetoption0.
 */
FWPM_STATUS NTAPI
FwpmEngineGetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option, FWP_VALUE0 **value)
{
    struct wfp_value found = {.type = WFP_UINT32};
    OPEN_SESSION(session, engineHandle);
    int r;

    if (!value)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    r = wfp_bfe_option_get(session, (uint32_t)option, &found.uint32);
    if (r == 0)
        r = wfp_fwpm_arena_build(write_option, &found, sizeof(FWP_VALUE0), (void **)value);
    return wfp_fwpm_status(r);
}

/**
 * Change an engine option.
 *
 * @param newValue  a UINT32
 *
 * Not inside an explicit transaction (TXN_IN_PROGRESS).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmenginesetoption0.
 */
FWPM_STATUS NTAPI
FwpmEngineSetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option, const FWP_VALUE0 *newValue)
{
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(
        wfp_bfe_option_set(session, (uint32_t)option, (const struct wfp_value *)newValue));
}

/**
 * Begin an explicit transaction.
 *
 * @param flags  0 or FWPM_TXN_READ_ONLY
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmtransactionbegin0.
 */
FWPM_STATUS NTAPI
FwpmTransactionBegin0(HANDLE engineHandle, UINT32 flags)
{
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(wfp_bfe_txn_begin(session, flags));
}

/**
 * Make all changes of the transaction visible at once; on failure none is.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmtransactioncommit0.
 */
FWPM_STATUS NTAPI
FwpmTransactionCommit0(HANDLE engineHandle)
{
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(wfp_bfe_txn_commit(session));
}

/**
 * Undo all changes of the transaction.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmtransactionabort0.
 */
FWPM_STATUS NTAPI
FwpmTransactionAbort0(HANDLE engineHandle)
{
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(wfp_bfe_txn_abort(session));
}

/**
 * Take a snapshot of the open sessions to enumerate.
 *
 * @param enumTemplate  has no members yet; NULL
 * @param enumHandle  destroy it with FwpmSessionDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsessioncreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmSessionCreateEnumHandle0(HANDLE engineHandle, const FWPM_SESSION_ENUM_TEMPLATE0 *enumTemplate,
                             HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_SESSION, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsessionenum0.
 */
FWPM_STATUS NTAPI
FwpmSessionEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                 FWPM_SESSION0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_SESSION, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmsessiondestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmSessionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_SESSION, enumHandle);
}
