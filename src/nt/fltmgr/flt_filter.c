/*
 * Minifilters: registered, and then nothing is mounted.
 *
 * Model      There is no file system, so no volume, no instance and no operation: the callbacks of a
 *            registration are kept apart from the unload callback, which runs before the driver's own
 *            unload routine as for `sc stop`. A driver that is a minifilter and has callouts, too, runs
 *            with its callouts.
 * Ref        windows-driver-docs ifs/when-the-filterunloadcallback-routine-is-called
 */
#include "nt/fltmgr/fltmgr.h"

#include <stdlib.h>

#include "base/log.h"

static pthread_mutex_t filters_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nt_list filters = {&filters, &filters};

/** The one called @p filter, or else the first of @p owner. Caller holds the lock. */
static struct _FLT_FILTER *
find_locked(const struct _FLT_FILTER *filter, const struct nt_driver *owner)
{
    for (struct nt_list *i = filters.next; i != &filters; i = i->next) {
        struct _FLT_FILTER *candidate = NT_LIST_ITEM(i, struct _FLT_FILTER, link);
        if (filter ? candidate == filter : candidate->owner == owner)
            return candidate;
    }
    return NULL;
}

static struct _FLT_FILTER *
take(const struct _FLT_FILTER *filter, const struct nt_driver *owner)
{
    pthread_mutex_lock(&filters_lock);
    struct _FLT_FILTER *found = find_locked(filter, owner);
    if (found)
        nt_list_remove(&found->link);
    pthread_mutex_unlock(&filters_lock);
    return found;
}

static void
filter_free(struct _FLT_FILTER *filter)
{
    free(filter->contexts);
    free(filter);
}

static void
check_driver(struct nt_driver *driver)
{
    struct _FLT_FILTER *left;

    while ((left = take(NULL, driver)) != NULL) {
        filter_free(left);
        nt_finding_for(driver->name, NT_FINDING_HANDLE_LEAK, "FltUnregisterFilter was not called");
    }
}

/* What the filter manager does before the driver's unload routine. @return whether it may be unloaded */
static bool
unload_filter(struct nt_driver *driver)
{
    pthread_mutex_lock(&filters_lock);
    struct _FLT_FILTER *filter = find_locked(NULL, driver);
    PFLT_FILTER_UNLOAD_CALLBACK unload = filter && filter->is_filtering ? filter->unload : NULL;
    bool by_service = filter && !(filter->flags & FLTFL_REGISTRATION_DO_NOT_SUPPORT_SERVICE_STOP);
    pthread_mutex_unlock(&filters_lock);
    if (!unload)
        return false;
    NTSTATUS status =
        NT_CALLBACK(driver, PASSIVE_LEVEL, unload(by_service ? FLTFL_FILTER_UNLOAD_MANDATORY : 0));
    if (!NT_SUCCESS(status))
        wfp_log(WFP_LOG_INFO,
                "%s: its FilterUnloadCallback wants to stay (0x%08X); the run is over",
                driver->name, (unsigned)status);
    return true;
}

bool
flt_filter_check(const struct _FLT_FILTER *filter, const char *function)
{
    pthread_mutex_lock(&filters_lock);
    bool known = filter && find_locked(filter, NULL);
    pthread_mutex_unlock(&filters_lock);
    if (!known)
        nt_finding(NT_FINDING_OBJECT_BAD, "%s: this is no registered filter", function);
    return known;
}

static FLT_CONTEXT_REGISTRATION *
copy_contexts(const FLT_CONTEXT_REGISTRATION *contexts)
{
    size_t count = 1;

    for (const FLT_CONTEXT_REGISTRATION *c = contexts; c->ContextType != FLT_CONTEXT_END; c++)
        count++;
    FLT_CONTEXT_REGISTRATION *copy = calloc(count, sizeof(*copy));
    if (!copy)
        return NULL;
    memcpy(copy, contexts, (count - 1) * sizeof(*copy));
    copy[count - 1].ContextType = FLT_CONTEXT_END;
    return copy;
}

/**
 * Register the driver's minifilter callbacks.
 *
 * @param RetFilter  for FltUnregisterFilter
 * @return STATUS_INVALID_PARAMETER for a version before Windows Vista's, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: ddi fltkernel/nf-fltkernel-fltregisterfilter.
 * Gap: no operation happens; altitude and instances in the registry are not looked at.
 */
NTSTATUS FLTAPI
FltRegisterFilter(PDRIVER_OBJECT Driver, const FLT_REGISTRATION *Registration,
                  PFLT_FILTER *RetFilter)
{
    static bool checking;
    PFLT_FILTER filter;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!Driver || !RetFilter || Registration->Version < FLT_REGISTRATION_VERSION_0200 ||
        Registration->Version > FLT_REGISTRATION_VERSION_0203)
        return STATUS_INVALID_PARAMETER;
    *RetFilter = NULL;
    filter = calloc(1, sizeof(*filter));
    if (!filter)
        return STATUS_INSUFFICIENT_RESOURCES;
    filter->owner = nt_driver_current();
    filter->unload = Registration->FilterUnloadCallback;
    filter->flags = Registration->Flags;
    if (Registration->ContextRegistration &&
        !(filter->contexts = copy_contexts(Registration->ContextRegistration))) {
        free(filter);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    pthread_mutex_lock(&filters_lock);
    if (!checking)
        nt_driver_add_check(check_driver);
    checking = true;
    nt_list_append(&filters, &filter->link);
    pthread_mutex_unlock(&filters_lock);
    if (filter->owner)
        filter->owner->unload_filter = unload_filter;
    wfp_log(WFP_LOG_INFO, "%s: a file system minifilter; OpenWFP has no volumes to attach it to",
            nt_driver_name(filter->owner));
    *RetFilter = filter;
    return STATUS_SUCCESS;
}

/** No instances are torn down: there are none. IRQL: PASSIVE_LEVEL. Ref: ddi fltkernel. */
VOID FLTAPI
FltUnregisterFilter(PFLT_FILTER Filter)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    struct _FLT_FILTER *filter = Filter ? take(Filter, NULL) : NULL;

    if (!filter) {
        nt_finding(NT_FINDING_OBJECT_BAD, "FltUnregisterFilter: this is no registered filter");
        return;
    }
    filter_free(filter);
}

/** @return STATUS_INVALID_PARAMETER the second time. IRQL: <= APC_LEVEL. Ref: ddi fltkernel. */
NTSTATUS FLTAPI
FltStartFiltering(PFLT_FILTER Filter)
{
    NT_IRQL_MAX(APC_LEVEL);
    if (!flt_filter_check(Filter, "FltStartFiltering") || Filter->is_filtering)
        return STATUS_INVALID_PARAMETER;
    Filter->is_filtering = true;
    return STATUS_SUCCESS;
}

/* ---- volumes and instances: there are none ---- */

/** @return STATUS_SUCCESS and no volume. IRQL: <= APC_LEVEL. Ref: ddi fltkernel. */
NTSTATUS FLTAPI
FltEnumerateVolumes(PFLT_FILTER Filter, PFLT_VOLUME *VolumeList, ULONG VolumeListSize,
                    PULONG NumberVolumesReturned)
{
    *NumberVolumesReturned = 0;
    return flt_filter_check(Filter, "FltEnumerateVolumes") ? STATUS_SUCCESS
                                                           : STATUS_FLT_DELETING_OBJECT;
}

/** @return STATUS_SUCCESS and no instance. IRQL: <= APC_LEVEL. Ref: ddi fltkernel. */
NTSTATUS FLTAPI
FltEnumerateInstances(PFLT_VOLUME Volume, PFLT_FILTER Filter, PFLT_INSTANCE *InstanceList,
                      ULONG InstanceListSize, PULONG NumberInstancesReturned)
{
    *NumberInstancesReturned = 0;
    return STATUS_SUCCESS;
}

/** @return STATUS_FLT_VOLUME_NOT_FOUND. IRQL: PASSIVE_LEVEL. Ref: ddi fltkernel. */
NTSTATUS FLTAPI
FltGetVolumeFromName(PFLT_FILTER Filter, PCUNICODE_STRING VolumeName, PFLT_VOLUME *RetVolume)
{
    *RetVolume = NULL;
    return STATUS_FLT_VOLUME_NOT_FOUND;
}
