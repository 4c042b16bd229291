/*
 * Classify handles: a callout keeps hold of a classify, to put it off or to write the layer's data.
 *
 * Model      A classify context is the shim's slot (core/shims/redirect.h), good while its classify
 *            runs. A handle made of it lives until it was released as often as it was acquired; pending
 *            counts as one more. Handles are numbers that are looked up, so that using one too long is
 *            a finding, not a crash.
 *
 *              Acquire -> [Pend ->] AcquireWritable -> Apply -> [Complete ->] Release
 *
 * Not here   what becomes of the packet: core/shims/shim_redirect.c; records: fwps_redirect.c
 * Ref        windows-driver-docs network/using-bind-or-connect-redirection
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/status.h"
#include "core/shims/redirect.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_pool.h"

struct classify_handle {
    struct classify_handle *next;
    UINT64 number;
    unsigned references;
    struct wfp_classify_slot *slot;
    uint64_t serial;               /* of the classify it was made in */
    struct wfp_redirect *redirect; /* NULL: nothing was written so far */
    struct wfp_pend *pend;         /* until it is completed */
    void *to_apply;                /* what the driver was given to write */
    struct nt_driver *owner;
    uintptr_t site, pend_site; /* of the calls that acquired and pended it */
};

static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static struct classify_handle *handles;
static UINT64 last_number;

static struct classify_handle *
find(UINT64 number, const char *function)
{
    struct classify_handle *found;

    pthread_mutex_lock(&handles_lock);
    for (found = handles; found && found->number != number; found = found->next)
        ;
    pthread_mutex_unlock(&handles_lock);
    if (!found)
        nt_finding(NT_FINDING_OBJECT_BAD, "%s: %llu is no classify handle, or was released before",
                   function, (unsigned long long)number);
    return found;
}

static bool
is_in_classify(const struct classify_handle *handle)
{
    return handle->slot->serial == handle->serial;
}

static void
free_handle(struct classify_handle *handle)
{
    if (handle->to_apply)
        nt_finding_at(nt_driver_name(handle->owner), handle->site,
                      NT_FINDING_LAYER_DATA_NOT_APPLIED,
                      "a classify handle was released with writable data not applied");
    wfp_redirect_unref(handle->redirect);
    free(handle);
}

/* Drop one reference. @return the handle, now off the list, when it was the last */
static struct classify_handle *
drop(struct classify_handle *handle)
{
    struct classify_handle **at = &handles;

    pthread_mutex_lock(&handles_lock);
    if (--handle->references) {
        pthread_mutex_unlock(&handles_lock);
        return NULL;
    }
    while (*at != handle)
        at = &(*at)->next;
    *at = handle->next;
    pthread_mutex_unlock(&handles_lock);
    return handle;
}

/* What a driver that goes left: packets that wait for it would wait for ever. */
static void
check_driver(struct nt_driver *driver)
{
    bool any_pended = false;

    pthread_mutex_lock(&handles_lock);
    for (struct classify_handle **at = &handles; *at;) {
        struct classify_handle *handle = *at;
        if (handle->owner != driver) {
            at = &handle->next;
            continue;
        }
        *at = handle->next;
        if (handle->references > (handle->pend != NULL))
            nt_finding_at(nt_driver_name(driver), handle->site, NT_FINDING_CLASSIFY_HANDLE_LEAK,
                          "a classify handle was not released");
        if (handle->pend) {
            nt_finding_at(nt_driver_name(driver), handle->pend_site, NT_FINDING_PEND_LEAK,
                          "a pended classify was not completed");
            wfp_pend_answer(handle->pend, WFP_ACTION_BLOCK);
            wfp_pend_complete(handle->pend, NULL, NULL);
            any_pended = true;
        }
        free_handle(handle);
    }
    pthread_mutex_unlock(&handles_lock);
    if (any_pended && nt_fwps.wake)
        nt_fwps.wake(nt_fwps.wake_context);
}

/**
 * A handle for the classify that runs.
 *
 * @param classifyContext  what classifyFn got, of version 1 or newer
 * @param flags            0
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_FWP_INVALID_PARAMETER outside of the
 *         classify, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsacquireclassifyhandle0
 */
NTSTATUS NTAPI
FwpsAcquireClassifyHandle0(void *classifyContext, UINT32 flags, UINT64 *classifyHandle)
{
    static bool checking;
    struct wfp_classify_slot *slot = classifyContext;
    struct classify_handle *handle;

    if (!classifyContext || !classifyHandle)
        return STATUS_FWP_NULL_POINTER;
    if (flags || !slot->serial)
        return STATUS_FWP_INVALID_PARAMETER;
    handle = calloc(1, sizeof(*handle));
    if (!handle)
        return STATUS_INSUFFICIENT_RESOURCES;
    handle->references = 1;
    handle->slot = slot;
    handle->serial = slot->serial;
    handle->owner = nt_driver_current();
    handle->site = NT_CALLER;
    pthread_mutex_lock(&handles_lock);
    if (!checking)
        nt_driver_add_check(check_driver);
    checking = true;
    *classifyHandle = handle->number = ++last_number;
    handle->next = handles;
    handles = handle;
    pthread_mutex_unlock(&handles_lock);
    return STATUS_SUCCESS;
}

/** Let go of a handle, once for each time it was acquired. Ref: ddi fwpsk/nf-fwpsk-fwpsreleaseclassifyhandle0 */
void NTAPI
FwpsReleaseClassifyHandle0(UINT64 classifyHandle)
{
    struct classify_handle *handle = find(classifyHandle, "FwpsReleaseClassifyHandle");

    if (!handle)
        return;
    if (handle->pend && handle->references == 1) {
        nt_finding(NT_FINDING_OBJECT_BAD,
                   "FwpsReleaseClassifyHandle: the pended classify holds the last reference");
        return;
    }
    handle = drop(handle);
    if (handle)
        free_handle(handle);
}

/**
 * Put the classify off; FwpsCompleteClassify0 takes it up. Takes a reference on the handle.
 *
 * @param classifyOut  classifyFn's: becomes a block that nobody may change
 * @return STATUS_SUCCESS, STATUS_FWP_CANNOT_PEND at layers other than the redirect layers and
 *         ALE_ENDPOINT_CLOSURE, in a re-authorization, or when it is pended already; STATUS_FWP_NULL_POINTER,
 *         STATUS_FWP_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpspendclassify0.
 */
NTSTATUS NTAPI
FwpsPendClassify0(UINT64 classifyHandle, UINT64 filterId, UINT32 flags,
                  FWPS_CLASSIFY_OUT0 *classifyOut)
{
    struct classify_handle *handle;
    int r;

    if (!classifyOut)
        return STATUS_FWP_NULL_POINTER;
    handle = find(classifyHandle, "FwpsPendClassify");
    if (!handle || flags)
        return STATUS_FWP_INVALID_PARAMETER;
    if (!is_in_classify(handle)) {
        nt_finding(NT_FINDING_PEND_BAD, "FwpsPendClassify: the handle's classify is over");
        return STATUS_FWP_INVALID_PARAMETER;
    }
    if (!handle->slot->pend || handle->pend)
        return STATUS_FWP_CANNOT_PEND;
    if (!handle->redirect &&
        wfp_redirect_of_slot(handle->slot, &handle->redirect) == -WFP_ERR_NO_MEMORY)
        return STATUS_INSUFFICIENT_RESOURCES;
    r = wfp_pend_begin(handle->slot->pend, &handle->pend);
    if (r < 0)
        return r == -WFP_ERR_NO_MEMORY ? STATUS_INSUFFICIENT_RESOURCES : STATUS_FWP_CANNOT_PEND;
    pthread_mutex_lock(&handles_lock);
    handle->references++;
    handle->pend_site = NT_CALLER;
    pthread_mutex_unlock(&handles_lock);
    classifyOut->actionType = FWP_ACTION_BLOCK;
    classifyOut->rights &= ~FWPS_RIGHT_ACTION_WRITE;
    classifyOut->flags |= FWPS_CLASSIFY_OUT_FLAG_ABSORB;
    return STATUS_SUCCESS;
}

/**
 * Take up a classify that was pended, and drop the reference that pending took.
 *
 * @param classifyOut  the final decision; NULL: the layer is classified again
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpscompleteclassify0
 */
void NTAPI
FwpsCompleteClassify0(UINT64 classifyHandle, UINT32 flags, FWPS_CLASSIFY_OUT0 *classifyOut)
{
    struct classify_handle *handle = find(classifyHandle, "FwpsCompleteClassify");
    struct wfp_pend *pend;

    if (!handle)
        return;
    pend = handle->pend;
    if (!pend) {
        nt_finding(NT_FINDING_PEND_BAD,
                   "FwpsCompleteClassify: the classify is not pended, or was completed before");
        return;
    }
    if (handle->to_apply)
        nt_finding(NT_FINDING_LAYER_DATA_NOT_APPLIED,
                   "FwpsCompleteClassify: the writable data were not applied");
    handle->to_apply = NULL;
    handle->pend = NULL;
    if (classifyOut)
        wfp_pend_answer(pend, classifyOut->actionType == FWP_ACTION_BLOCK ? WFP_ACTION_BLOCK
                                                                          : WFP_ACTION_PERMIT);
    handle = drop(handle);
    if (handle)
        free_handle(handle);
    wfp_pend_complete(pend, NULL, NULL);
    if (nt_fwps.wake)
        nt_fwps.wake(nt_fwps.wake_context);
}

/**
 * The request of a redirect layer, to be written: FWPS_BIND_REQUEST0 or FWPS_CONNECT_REQUEST0.
 *
 * @param filterId           becomes modifierFilterId
 * @param writableLayerData  receives a version that is the driver's until it is applied
 * @param classifyOut        becomes a block that nobody may change: the callout permits afterwards
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_FWP_INVALID_PARAMETER (also while another
 *         version of the handle's is not applied yet), STATUS_NOT_SUPPORTED at other layers,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsacquirewritablelayerdatapointer0
 */
NTSTATUS NTAPI
FwpsAcquireWritableLayerDataPointer0(UINT64 classifyHandle, UINT64 filterId, UINT32 flags,
                                     PVOID *writableLayerData, FWPS_CLASSIFY_OUT0 *classifyOut)
{
    struct classify_handle *handle;
    int r;

    if (!writableLayerData)
        return STATUS_FWP_NULL_POINTER;
    handle = find(classifyHandle, "FwpsAcquireWritableLayerDataPointer");
    if (!handle || flags || handle->to_apply)
        return STATUS_FWP_INVALID_PARAMETER;
    if (!is_in_classify(handle) && !handle->pend) {
        nt_finding(NT_FINDING_PEND_BAD,
                   "FwpsAcquireWritableLayerDataPointer: the handle's classify "
                   "is over, and was not pended");
        return STATUS_FWP_INVALID_PARAMETER;
    }
    if (!handle->redirect) {
        r = wfp_redirect_of_slot(handle->slot, &handle->redirect);
        if (r < 0)
            return r == -WFP_ERR_NO_MEMORY ? STATUS_INSUFFICIENT_RESOURCES : STATUS_NOT_SUPPORTED;
    }
    handle->to_apply = wfp_redirect_write(handle->redirect, filterId);
    if (!handle->to_apply)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (classifyOut) {
        classifyOut->actionType = FWP_ACTION_BLOCK;
        classifyOut->rights &= ~FWPS_RIGHT_ACTION_WRITE;
    }
    *writableLayerData = handle->to_apply;
    return STATUS_SUCCESS;
}

static void
free_context(void *context)
{
    nt_pool_free(context, 0);
}

/**
 * Put what was written in force. WFP takes over localRedirectContext.
 *
 * @param flags  FWPS_CLASSIFY_FLAG_REAUTHORIZE_IF_MODIFIED_BY_OTHERS or 0
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsapplymodifiedlayerdata0
 */
void NTAPI
FwpsApplyModifiedLayerData0(UINT64 classifyHandle, PVOID modifiedLayerData, UINT32 flags)
{
    struct classify_handle *handle = find(classifyHandle, "FwpsApplyModifiedLayerData");
    struct wfp_connect_request *request = modifiedLayerData;
    int r;

    if (!handle)
        return;
    if (!modifiedLayerData || modifiedLayerData != handle->to_apply) {
        nt_finding(NT_FINDING_OBJECT_BAD, "FwpsApplyModifiedLayerData: this is not what "
                                          "FwpsAcquireWritableLayerDataPointer gave");
        return;
    }
    handle->to_apply = NULL;
    handle->redirect->free_context = free_context;
    if (!handle->redirect->is_bind && request->local_redirect_context)
        nt_pool_disown(request->local_redirect_context);
    r = wfp_redirect_apply(handle->redirect, modifiedLayerData,
                           flags & FWPS_CLASSIFY_FLAG_REAUTHORIZE_IF_MODIFIED_BY_OTHERS,
                           is_in_classify(handle) ? handle->slot : NULL);
    if (r == -WFP_ERR_ACCESS_DENIED)
        nt_finding(NT_FINDING_REDIRECT_REFUSED, "a redirection to this machine without %s",
                   request->local_redirect_target_pid ? "localRedirectHandle"
                                                      : "localRedirectTargetPID");
    else if (r < 0)
        nt_finding(NT_FINDING_REDIRECT_REFUSED, "a redirection to another address family");
}
