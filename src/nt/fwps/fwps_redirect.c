/*
 * Redirect handles and records: who redirected a connection, so that a proxy's own are told apart.
 *
 * Model      The records a driver gets are the connection's struct wfp_redirect: its applied versions,
 *            newest first, with the handle of each driver that redirected.
 *
 *              newest with a handle is mine      REDIRECTED_BY_SELF
 *              an older one is                   PREVIOUSLY_REDIRECTED_BY_SELF
 *              only others'                      REDIRECTED_BY_OTHER
 *              none                              NOT_REDIRECTED
 *
 * Not here   writing requests: fwps_classify.c; what it does to packets: core/shims/shim_redirect.c
 * Ref        windows-driver-docs network/using-bind-or-connect-redirection
 */
#include <pthread.h>
#include <stdlib.h>

#include "core/shims/redirect.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

struct redirect_handle {
    struct redirect_handle *next;
    GUID provider;
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
};

static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static struct redirect_handle *handles;

static void
check_driver(struct nt_driver *driver)
{
    pthread_mutex_lock(&handles_lock);
    for (struct redirect_handle **at = &handles; *at;) {
        struct redirect_handle *handle = *at;
        if (handle->owner != driver) {
            at = &handle->next;
            continue;
        }
        *at = handle->next;
        nt_finding_at(nt_driver_name(driver), handle->site, NT_FINDING_HANDLE_LEAK,
                      "a redirect handle was not destroyed");
        free(handle);
    }
    pthread_mutex_unlock(&handles_lock);
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
    handle->site = NT_CALLER;
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
        nt_finding(NT_FINDING_OBJECT_BAD, "FwpsRedirectHandleDestroy: this is no redirect handle");
    free(found);
}

/* Our records, or NULL (and a finding). */
static const struct wfp_redirect *
records_of(HANDLE redirect_records, const char *function)
{
    const struct wfp_redirect *redirect = redirect_records;

    if (redirect && redirect->magic != WFP_REDIRECT_MAGIC) {
        nt_finding(NT_FINDING_OBJECT_BAD, "%s: these are no redirect records", function);
        return NULL;
    }
    return redirect;
}

/* The applied request of the newest version with a redirect handle, from @p version on. */
static const struct wfp_connect_request *
next_redirection(const struct wfp_connect_request *request)
{
    while (request && !request->local_redirect_handle)
        request = request->previous;
    return request;
}

static const struct wfp_connect_request *
newest_redirection(const struct wfp_redirect *redirect)
{
    return redirect && !redirect->is_bind && redirect->current
               ? next_redirection(&redirect->current->request.connect)
               : NULL;
}

/**
 * Was this connection redirected, and by whom?
 *
 * @param redirectRecords  from the metadata; NULL where there are none
 * @param redirectHandle   the asking driver's
 * @param redirectContext  receives its localRedirectContext if it redirected, else NULL; may be NULL
 * @return FWPS_CONNECTION_REDIRECT_STATE, see the top of the file
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsqueryconnectionredirectstate0
 */
FWPS_CONNECTION_REDIRECT_STATE NTAPI
FwpsQueryConnectionRedirectState0(HANDLE redirectRecords, HANDLE redirectHandle,
                                  void **redirectContext)
{
    const struct wfp_connect_request *newest =
        newest_redirection(records_of(redirectRecords, "FwpsQueryConnectionRedirectState"));

    if (redirectContext)
        *redirectContext = NULL;
    for (const struct wfp_connect_request *r = newest; r; r = next_redirection(r->previous)) {
        if (r->local_redirect_handle != redirectHandle)
            continue;
        if (redirectContext)
            *redirectContext = r->local_redirect_context;
        return r == newest ? FWPS_CONNECTION_REDIRECTED_BY_SELF
                           : FWPS_CONNECTION_PREVIOUSLY_REDIRECTED_BY_SELF;
    }
    return newest ? FWPS_CONNECTION_REDIRECTED_BY_OTHER : FWPS_CONNECTION_NOT_REDIRECTED;
}

#define SIO_RECORDS_MAGIC 0x31525757u /* "WWR1" */

/* What a proxy gets and gives back; opaque to it. Followed by @c count entries. */
struct sio_records {
    uint32_t magic, count;
    struct wfp_sockaddr original;
    struct sio_entry {
        GUID provider;
        uint64_t filter_id;
        uint32_t target_pid, context_size;
    } entries[];
};

static GUID
provider_of(HANDLE redirect_handle)
{
    GUID provider = {0};

    pthread_mutex_lock(&handles_lock);
    for (const struct redirect_handle *h = handles; h; h = h->next)
        if (h == redirect_handle)
            provider = h->provider;
    pthread_mutex_unlock(&handles_lock);
    return provider;
}

/**
 * The records in the form that SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS takes: opaque bytes.
 *
 * @param OutputBuffer        may be NULL, to learn the size
 * @param OutputBufferSize    bytes
 * @param OutputSizeReturned  receives the bytes written, or needed
 * @return STATUS_SUCCESS, STATUS_BUFFER_TOO_SMALL, STATUS_FWP_NULL_POINTER,
 *         STATUS_NOT_FOUND: the connection was not redirected
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsqueryconnectionsioformatredirectrecords0.
 * Gap: the bytes are ours, not Windows'; sockets of Linux take no such control code.
 */
NTSTATUS NTAPI
FwpsQueryConnectionSioFormatRedirectRecords0(HANDLE RedirectRecords, PVOID OutputBuffer,
                                             SIZE_T OutputBufferSize, SIZE_T *OutputSizeReturned)
{
    const struct wfp_redirect *redirect =
        records_of(RedirectRecords, "FwpsQueryConnectionSioFormatRedirectRecords");
    const struct wfp_connect_request *newest = newest_redirection(redirect);
    struct sio_records *records = OutputBuffer;
    uint32_t count = 0;
    SIZE_T size;

    if (!OutputSizeReturned)
        return STATUS_FWP_NULL_POINTER;
    *OutputSizeReturned = 0;
    if (!newest)
        return STATUS_NOT_FOUND;
    for (const struct wfp_connect_request *r = newest; r; r = next_redirection(r->previous))
        count++;
    size = sizeof(*records) + count * sizeof(*records->entries);
    *OutputSizeReturned = size;
    if (!OutputBuffer || OutputBufferSize < size)
        return STATUS_BUFFER_TOO_SMALL;
    records->magic = SIO_RECORDS_MAGIC;
    records->count = count;
    records->original = redirect->original.connect.remote;
    for (const struct wfp_connect_request *r = newest; r; r = next_redirection(r->previous)) {
        struct sio_entry *entry = &records->entries[records->count - count--];
        entry->provider = provider_of(r->local_redirect_handle);
        entry->filter_id = r->modifier_filter_id;
        entry->target_pid = r->local_redirect_target_pid;
        entry->context_size = (uint32_t)r->local_redirect_context_size;
    }
    return STATUS_SUCCESS;
}
