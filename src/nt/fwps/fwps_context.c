/*
 * Contexts on packets: a 64-bit value per (list, tag), with a function that hears of the list's fate.
 *
 * Model      Each nt_nbl heads a chain of its contexts, all under one lock that is never held while a
 *            driver is called. A context ends when it is removed, or when the stack is done with its
 *            packet (EXIT_NETIO), or when a driver frees the list it made.
 * Choice     A clone made with FwpsAllocateCloneNetBufferList is told of (CLONED_VIA_WFP_API), but
 *            does not inherit the context: the notify function may associate one with it.
 * Ref        ddi fwpsk/nf-fwpsk-fwpsnetbufferlistassociatecontext1,
 *            fwpsk/nc-fwpsk-fwps_net_buffer_list_notify_fn0
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/macros.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

struct nt_nbl_context {
    struct nt_nbl_context *next; /* of the list */
    struct nt_nbl_context *next_of_all;
    struct nt_nbl *header;
    uint64_t tag, context;
    uint16_t layer_id;
    struct nt_driver *owner;
    uintptr_t site;                         /* of the call that made it */
    FWPS_NET_BUFFER_LIST_NOTIFY_FN0 notify; /* both versions have one shape */
};

static pthread_mutex_t contexts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nt_nbl_context *all_contexts;

static void
notify(const struct nt_nbl_context *context, FWPS_NET_BUFFER_LIST_EVENT_TYPE0 event,
       struct nt_nbl *changed)
{
    if (context->notify)
        NT_CALLBACK_VOID(context->owner, NT_DISPATCH_LEVEL,
                         context->notify(event, &context->header->nbl,
                                         changed ? &changed->nbl : NULL, context->layer_id,
                                         context->context, context->tag));
}

/* Take @p context off both chains. Under the lock. */
static void
unlink_context(struct nt_nbl_context *context)
{
    struct nt_nbl_context **at = &context->header->contexts;

    while (*at != context)
        at = &(*at)->next;
    *at = context->next;
    for (at = &all_contexts; *at != context; at = &(*at)->next_of_all)
        ;
    *at = context->next_of_all;
}

/* The first context of a tag, on a list (NULL: on any), off its chains. */
static struct nt_nbl_context *
take_context(struct nt_nbl *header, uint64_t tag)
{
    struct nt_nbl_context *found = NULL;

    pthread_mutex_lock(&contexts_lock);
    for (struct nt_nbl_context *c = all_contexts; c && !found; c = c->next_of_all)
        if (c->tag == tag && (!header || c->header == header))
            found = c;
    if (found)
        unlink_context(found);
    pthread_mutex_unlock(&contexts_lock);
    return found;
}

void
nt_fwps_contexts_end(struct nt_nbl *header, int event)
{
    struct nt_nbl_context *context;

    for (;;) {
        pthread_mutex_lock(&contexts_lock);
        context = header->contexts;
        if (context)
            unlink_context(context);
        pthread_mutex_unlock(&contexts_lock);
        if (!context)
            return;
        notify(context, (FWPS_NET_BUFFER_LIST_EVENT_TYPE0)event, NULL);
        free(context);
    }
}

void
nt_fwps_contexts_cloned(struct nt_nbl *original, struct nt_nbl *clone)
{
    struct nt_nbl_context copies[8];
    size_t n = 0;

    if (LIKELY(!original->contexts))
        return;
    pthread_mutex_lock(&contexts_lock);
    for (struct nt_nbl_context *c = original->contexts; c && n < ELEMENTSOF(copies); c = c->next)
        copies[n++] = *c;
    pthread_mutex_unlock(&contexts_lock);
    for (size_t i = 0; i < n; i++)
        notify(&copies[i], FWPS_NET_BUFFER_LIST_CLONED_VIA_WFP_API, clone);
}

/* Contexts of a driver that goes: nobody is left to be notified. */
static void
check_driver(struct nt_driver *driver)
{
    pthread_mutex_lock(&contexts_lock);
    for (struct nt_nbl_context *c = all_contexts, *next; c; c = next) {
        next = c->next_of_all;
        if (c->owner != driver)
            continue;
        nt_finding_at(nt_driver_name(driver), c->site, NT_FINDING_OBJECT_LEAK,
                      "a context of a net buffer list was not removed");
        unlink_context(c);
        free(c);
    }
    pthread_mutex_unlock(&contexts_lock);
}

/** A tag that nobody else has; never 0. Ref: ddi fwpsk/nf-fwpsk-fwpsnetbufferlistgettagforcontext0 */
UINT64 NTAPI
FwpsNetBufferListGetTagForContext0(void)
{
    static _Atomic uint64_t last;

    return atomic_fetch_add(&last, 1) + 1;
}

static NTSTATUS
enter(struct nt_nbl *header, struct nt_nbl_context *context)
{
    static bool checking;
    NTSTATUS status = STATUS_SUCCESS;

    pthread_mutex_lock(&contexts_lock);
    if (!checking)
        nt_driver_add_check(check_driver);
    checking = true;
    for (const struct nt_nbl_context *c = header->contexts; c; c = c->next)
        if (c->tag == context->tag)
            status = STATUS_OBJECT_NAME_EXISTS;
    if (status == STATUS_SUCCESS) {
        context->next = header->contexts;
        header->contexts = context;
        context->next_of_all = all_contexts;
        all_contexts = context;
    }
    pthread_mutex_unlock(&contexts_lock);
    return status;
}

/**
 * Hang a context on a list.
 *
 * @param layerId     handed to @p notifyFn
 * @param contextTag  of FwpsNetBufferListGetTagForContext0
 * @param notifyFn    hears of clones, of the context's removal and of the list's end
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_OBJECT_NAME_EXISTS (the tag is on it),
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsnetbufferlistassociatecontext1
 */
NTSTATUS NTAPI
FwpsNetBufferListAssociateContext1(NET_BUFFER_LIST *netBufferList, UINT16 layerId, UINT64 context,
                                   UINT64 contextTag, const GUID *providerGuid, void *deviceObject,
                                   FWPS_NET_BUFFER_LIST_NOTIFY_FN1 notifyFn, UINT32 flags)
{
    struct nt_nbl *header = netBufferList ? nt_nbl_find(netBufferList) : NULL;
    struct nt_nbl_context *made;

    if (!header || !contextTag || !notifyFn || flags)
        return STATUS_INVALID_PARAMETER;
    made = calloc(1, sizeof(*made));
    if (!made)
        return STATUS_INSUFFICIENT_RESOURCES;
    made->header = header;
    made->tag = contextTag;
    made->context = context;
    made->layer_id = layerId;
    made->owner = nt_driver_current();
    made->site = nt_place_caller();
    made->notify = notifyFn;
    NTSTATUS status = enter(header, made);
    if (status != STATUS_SUCCESS)
        free(made);
    return status;
}

/** The same. Ref: ddi fwpsk/nf-fwpsk-fwpsnetbufferlistassociatecontext0 */
NTSTATUS NTAPI
FwpsNetBufferListAssociateContext0(NET_BUFFER_LIST *netBufferList, UINT16 layerId, UINT64 context,
                                   UINT64 contextTag, const GUID *providerGuid, void *deviceObject,
                                   FWPS_NET_BUFFER_LIST_NOTIFY_FN0 notifyFn, UINT32 flags)
{
    return FwpsNetBufferListAssociateContext1(netBufferList, layerId, context, contextTag,
                                              providerGuid, deviceObject,
                                              (FWPS_NET_BUFFER_LIST_NOTIFY_FN1)notifyFn, flags);
}

/**
 * A list's context.
 *
 * @param removeContext  take it off, too; the notify function is not called
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_NOT_FOUND
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsnetbufferlistretrievecontext0
 */
NTSTATUS NTAPI
FwpsNetBufferListRetrieveContext0(NET_BUFFER_LIST *netBufferList, UINT64 contextTag,
                                  BOOLEAN removeContext, UINT32 flags, UINT64 *context)
{
    struct nt_nbl *header = netBufferList ? nt_nbl_find(netBufferList) : NULL;
    struct nt_nbl_context *found = NULL;

    if (!header || !context || flags)
        return STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&contexts_lock);
    for (found = header->contexts; found && found->tag != contextTag; found = found->next)
        ;
    if (found)
        *context = found->context;
    if (found && removeContext) {
        unlink_context(found);
        free(found);
    }
    pthread_mutex_unlock(&contexts_lock);
    return found ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}

/**
 * Take a tag's context off a list, or off every list; the notify function hears of each.
 *
 * @param netBufferList  NULL: all
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_NOT_FOUND
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsnetbufferlistremovecontext0
 */
NTSTATUS NTAPI
FwpsNetBufferListRemoveContext0(NET_BUFFER_LIST *netBufferList, UINT64 contextTag, UINT32 flags)
{
    struct nt_nbl *header = netBufferList ? nt_nbl_find(netBufferList) : NULL;
    NTSTATUS status = STATUS_NOT_FOUND;
    struct nt_nbl_context *context;

    if ((netBufferList && !header) || flags)
        return STATUS_INVALID_PARAMETER;
    while ((context = take_context(header, contextTag)) != NULL) {
        notify(context, FWPS_NET_BUFFER_LIST_CONTEXT_REMOVED, NULL);
        free(context);
        status = STATUS_SUCCESS;
    }
    return status;
}
