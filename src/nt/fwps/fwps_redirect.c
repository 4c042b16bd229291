/*
 * Redirect handles: who redirects connections, so that a proxy's own are told apart.
 *
 * Not here   the redirect layers: nothing indicates them yet, so no connection has records and none is
 *            ever found redirected.
 * Ref        windows-driver-docs network/using-bind-or-connect-redirection
 */
#include <pthread.h>
#include <stdlib.h>

#include "nt/fwps/fwps_internal.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

struct redirect_handle {
    struct redirect_handle *next;
    GUID provider;
    struct nt_driver *owner;
};

static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static struct redirect_handle *handles;

static void
check_driver(struct nt_driver *driver)
{
    unsigned left = 0;

    pthread_mutex_lock(&handles_lock);
    for (struct redirect_handle **at = &handles; *at;) {
        struct redirect_handle *handle = *at;
        if (handle->owner != driver) {
            at = &handle->next;
            continue;
        }
        *at = handle->next;
        free(handle);
        left++;
    }
    pthread_mutex_unlock(&handles_lock);
    if (left)
        nt_finding_for(nt_driver_name(driver), NT_FINDING_HANDLE_LEAK,
                       "%u redirect handles were not destroyed", left);
}

/**
 * Make a redirect handle; one per driver is enough.
 *
 * @param providerGuid  copied
 * @param flags         0
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_INVALID_PARAMETER,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: = PASSIVE_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsredirecthandlecreate0
 */
NTSTATUS NTAPI
FwpsRedirectHandleCreate0(const GUID *providerGuid, UINT32 flags, HANDLE *redirectHandle)
{
    static bool checking;
    struct redirect_handle *handle;

    nt_cpu_require_max("FwpsRedirectHandleCreate", NT_APC_LEVEL);
    if (!providerGuid || !redirectHandle)
        return STATUS_FWP_NULL_POINTER;
    if (flags)
        return STATUS_INVALID_PARAMETER;
    handle = calloc(1, sizeof(*handle));
    if (!handle)
        return STATUS_INSUFFICIENT_RESOURCES;
    handle->provider = *providerGuid;
    handle->owner = nt_driver_current();
    pthread_mutex_lock(&handles_lock);
    if (!checking)
        nt_driver_add_check(check_driver);
    checking = true;
    handle->next = handles;
    handles = handle;
    pthread_mutex_unlock(&handles_lock);
    *redirectHandle = handle;
    return STATUS_SUCCESS;
}

/** Destroy it. IRQL: = PASSIVE_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsredirecthandledestroy0 */
void NTAPI
FwpsRedirectHandleDestroy0(HANDLE redirectHandle)
{
    struct redirect_handle *found = NULL;

    nt_cpu_require_max("FwpsRedirectHandleDestroy", NT_APC_LEVEL);
    pthread_mutex_lock(&handles_lock);
    for (struct redirect_handle **at = &handles; *at && !found; at = &(*at)->next)
        if (*at == redirectHandle) {
            found = *at;
            *at = found->next;
            break;
        }
    pthread_mutex_unlock(&handles_lock);
    if (!found)
        nt_finding(NT_FINDING_OBJECT_BAD, "FwpsRedirectHandleDestroy: %p is no redirect handle",
                   redirectHandle);
    free(found);
}

/**
 * Was this connection redirected, and by whom?
 *
 * @param redirectRecords  from the metadata; NULL where there are none
 * @param redirectContext  receives NULL; may be NULL
 * @return FWPS_CONNECTION_NOT_REDIRECTED: see the top of the file
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsqueryconnectionredirectstate0
 */
FWPS_CONNECTION_REDIRECT_STATE NTAPI
FwpsQueryConnectionRedirectState0(HANDLE redirectRecords, HANDLE redirectHandle,
                                  void **redirectContext)
{
    if (redirectContext)
        *redirectContext = NULL;
    if (redirectRecords)
        nt_finding(NT_FINDING_OBJECT_BAD,
                   "FwpsQueryConnectionRedirectState: %p are no redirect records", redirectRecords);
    return FWPS_CONNECTION_NOT_REDIRECTED;
}
