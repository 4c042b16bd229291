/*
 * FwpsPendOperation and FwpsCompleteOperation: a callout takes its time over an authorization.
 *
 * Model      core/shims/pend.h holds what waits; here is who asked for it. A completion context is
 *            looked up before it is used, so that completing twice is a finding, not a crash.
 *            A driver's thread at PASSIVE_LEVEL returns from FwpsCompleteOperation when the stack has
 *            classified again; above it, and inside classify, that happens soon after.
 * Choice     docs/decisions/0040-completion-classifies-before-it-returns.md
 * Ref        windows-driver-docs network/processing-classify-callouts-asynchronously
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/status.h"
#include "core/shims/pend.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ntos/nt_cpu.h"
#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

struct operation {
    struct operation *next;
    struct wfp_pend *pend;
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
};

static pthread_mutex_t operations_lock = PTHREAD_MUTEX_INITIALIZER;
static struct operation *operations;

/* A driver that goes while packets wait for it: on Windows they would wait for ever. */
static void
check_driver(struct nt_driver *driver)
{
    bool any = false;

    pthread_mutex_lock(&operations_lock);
    for (struct operation **at = &operations; *at;) {
        struct operation *operation = *at;
        if (operation->owner != driver) {
            at = &operation->next;
            continue;
        }
        *at = operation->next;
        wfp_pend_complete(operation->pend, NULL, NULL);
        nt_finding_at(nt_driver_name(driver), operation->site, NT_FINDING_PEND_LEAK,
                      "a pended operation was not completed");
        free(operation);
        any = true;
    }
    pthread_mutex_unlock(&operations_lock);
    if (any)
        nt_fwps_wake();
}

/* As the documentation of FwpsPendOperation0 names the cases. */
static NTSTATUS
status_of_begin(int r)
{
    switch (r) {
    case -WFP_ERR_NOT_SUPPORTED:
        return STATUS_FWP_CANNOT_PEND;
    case -WFP_ERR_NO_MEMORY:
        return STATUS_INSUFFICIENT_RESOURCES;
    default:
        nt_finding(NT_FINDING_PEND_BAD,
                   "FwpsPendOperation: the completion handle's classify is over");
        return STATUS_FWP_INVALID_PARAMETER;
    }
}

/**
 * Pend the authorization that is being classified. The callout blocks with
 * FWPS_CLASSIFY_OUT_FLAG_ABSORB and calls FwpsCompleteOperation0 later.
 *
 * @param completionHandle   from the metadata, of the classify that runs
 * @param completionContext  receives what FwpsCompleteOperation0 wants
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_FWP_CANNOT_PEND in a re-authorization,
 *         STATUS_FWP_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpspendoperation0
 */
NTSTATUS NTAPI
FwpsPendOperation0(HANDLE completionHandle, HANDLE *completionContext)
{
    static bool checking;
    struct operation *operation;
    int r;

    if (!completionHandle || !completionContext)
        return STATUS_FWP_NULL_POINTER;
    operation = calloc(1, sizeof(*operation));
    if (!operation)
        return STATUS_INSUFFICIENT_RESOURCES;
    r = wfp_pend_begin(completionHandle, &operation->pend);
    if (r < 0) {
        free(operation);
        return status_of_begin(r);
    }
    operation->owner = nt_driver_current();
    operation->site = NT_CALLER;
    pthread_mutex_lock(&operations_lock);
    if (!checking)
        nt_driver_add_check(check_driver);
    checking = true;
    operation->next = operations;
    operations = operation;
    pthread_mutex_unlock(&operations_lock);
    *completionContext = operation;
    return STATUS_SUCCESS;
}

static void
taken_up(void *event)
{
    nt_dispatcher_set(event, 1);
}

/** Complete, and let the stack classify again before going on: drivers look for its effects. */
static void
complete_and_wait(struct wfp_pend *pend)
{
    struct nt_dispatcher event, *object = &event;

    nt_dispatcher_init(&event, NT_NOTIFICATION_EVENT, 0);
    wfp_pend_complete(pend, taken_up, &event);
    nt_fwps_wake();
    nt_dispatcher_wait(1, &object, false, NULL);
}

/**
 * End the wait: bind, listen and connect are classified again (FWP_CONDITION_FLAG_IS_REAUTHORIZE) by
 * the stack's thread; for recv/accept the driver injects its clone.
 *
 * @param completionContext  of FwpsPendOperation0; used up
 * @param netBufferList      the packet's clone, or NULL; not used, the driver's to inject or free
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpscompleteoperation0
 */
void NTAPI
FwpsCompleteOperation0(HANDLE completionContext, NET_BUFFER_LIST *netBufferList)
{
    struct operation *found = NULL;

    pthread_mutex_lock(&operations_lock);
    for (struct operation **at = &operations; *at; at = &(*at)->next)
        if (*at == completionContext) {
            found = *at;
            *at = found->next;
            break;
        }
    pthread_mutex_unlock(&operations_lock);
    if (!found) {
        nt_finding(NT_FINDING_PEND_BAD,
                   "FwpsCompleteOperation: this is no pended operation, or was completed before");
        return;
    }
    struct wfp_pend *pend = found->pend;
    bool is_stack;
    free(found);
    if (nt_dispatcher_has_service(&is_stack) && !is_stack && nt_cpu.irql == PASSIVE_LEVEL) {
        complete_and_wait(pend);
        return;
    }
    wfp_pend_complete(pend, NULL, NULL);
    nt_fwps_wake();
    if (is_stack && nt_cpu.irql == PASSIVE_LEVEL)
        nt_dispatcher_serve(); /* in an unload; inside classify nothing happens yet */
}
