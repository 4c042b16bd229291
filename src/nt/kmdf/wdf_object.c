/*
 * Framework objects: the tree, contexts, references, deletion; WdfObject* functions.
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdlib.h>

#include "nt/ntos/nt_bugcheck.h"
#include "nt/ntos/nt_spin.h"

static pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const type_names[] = {
    "object",      "WDFDRIVER",    "WDFDEVICE",   "WDFFILEOBJECT", "WDFQUEUE", "WDFREQUEST",
    "WDFMEMORY",   "WDFLOOKASIDE", "WDFSTRING",   "WDFCOLLECTION", "WDFKEY",   "WDFSPINLOCK",
    "WDFWAITLOCK", "WDFTIMER",     "WDFWORKITEM", "WDFDPC",
};
static_assert(ELEMENTSOF(type_names) == WDF_TYPE_COUNT, "a name for each type");

/* --- handles --- */

struct wdf_object *
wdf_object_any(WDFOBJECT handle, const char *function)
{
    struct wdf_object *object = handle;

    if (!object || (uintptr_t)object % 16 || object->magic != WDF_OBJECT_MAGIC) {
        nt_finding(NT_FINDING_WDF_BAD_CALL, "%s: not a framework object", function);
        return NULL;
    }
    return object;
}

void *
wdf_object_get(WDFOBJECT handle, enum wdf_type type, const char *function)
{
    struct wdf_object *object = wdf_object_any(handle, function);

    if (!object)
        nt_bugcheck(NT_BUGCHECK_WDF_VIOLATION, "a framework function got an invalid handle",
                    (uintptr_t)handle, 0, 0, 0);
    if (object->type != type) {
        nt_finding(NT_FINDING_WDF_BAD_CALL, "%s: a %s is needed, this is a %s", function,
                   type_names[type], type_names[object->type]);
        nt_bugcheck(NT_BUGCHECK_WDF_VIOLATION, "a framework function got a handle of another type",
                    (uintptr_t)handle, object->type, type, 0);
    }
    return object;
}

/* --- contexts --- */

static NTSTATUS
add_context(struct wdf_object *object, const WDF_OBJECT_ATTRIBUTES *attributes,
            struct wdf_context **ret_context)
{
    PCWDF_OBJECT_CONTEXT_TYPE_INFO type = attributes->ContextTypeInfo;
    size_t size = 0;

    if (type) {
        if (attributes->ContextSizeOverride && attributes->ContextSizeOverride < type->ContextSize)
            return STATUS_INVALID_PARAMETER;
        size =
            attributes->ContextSizeOverride ? attributes->ContextSizeOverride : type->ContextSize;
        type = type->UniqueType ? type->UniqueType : type;
    }
    size_t total = ALIGN_UP(sizeof(struct wdf_context) + size, (size_t)16);
    struct wdf_context *context = aligned_alloc(16, total);
    if (!context)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(context, 0, total);
    context->object = object;
    context->type = type;
    context->cleanup = attributes->EvtCleanupCallback;
    context->destroy = attributes->EvtDestroyCallback;
    pthread_mutex_lock(&tree_lock);
    struct wdf_context **last = &object->contexts;
    for (; *last; last = &(*last)->next)
        if (type && (*last)->type == type)
            break;
    bool exists = *last != NULL;
    if (!exists)
        *last = context;
    *ret_context = *last;
    pthread_mutex_unlock(&tree_lock);
    if (exists)
        free(context);
    return exists ? STATUS_OBJECT_NAME_EXISTS : STATUS_SUCCESS;
}

static NTSTATUS
check_attributes(const WDF_OBJECT_ATTRIBUTES *attributes)
{
    if (!attributes)
        return STATUS_SUCCESS;
    if (attributes->Size != sizeof(*attributes))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (attributes->ContextTypeInfo && !attributes->ContextTypeInfo->ContextName)
        return STATUS_OBJECT_NAME_INVALID;
    return STATUS_SUCCESS;
}

/* --- life --- */

static bool
join_tree(struct wdf_object *object, struct wdf_object *parent)
{
    bool joined = false;

    pthread_mutex_lock(&tree_lock);
    if (!parent->is_deleted) {
        nt_list_append(&parent->children, &object->sibling);
        object->parent = parent;
        atomic_fetch_add(&parent->refs, 1);
        joined = true;
    }
    pthread_mutex_unlock(&tree_lock);
    return joined;
}

static void
inherit(struct wdf_object *object, const WDF_OBJECT_ATTRIBUTES *attributes)
{
    WDF_EXECUTION_LEVEL level =
        attributes ? attributes->ExecutionLevel : WdfExecutionLevelInheritFromParent;

    object->is_passive =
        level == WdfExecutionLevelPassive ||
        (level != WdfExecutionLevelDispatch && object->parent && object->parent->is_passive);
    object->sync = object->parent ? object->parent->sync : NULL;
}

NTSTATUS
wdf_object_new(struct wdf_driver *driver, enum wdf_type type,
               const struct wdf_operations *operations, size_t size,
               const WDF_OBJECT_ATTRIBUTES *attributes, struct wdf_object *parent, void *ret_object)
{
    NTSTATUS status = check_attributes(attributes);
    struct wdf_context *context;

    if (!NT_SUCCESS(status))
        return status;
    size = ALIGN_UP(size, (size_t)16);
    struct wdf_object *object = aligned_alloc(16, size);
    if (!object)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(object, 0, size);
    object->magic = WDF_OBJECT_MAGIC;
    object->type = type;
    object->operations = operations;
    object->driver = driver;
    atomic_init(&object->refs, 1);
    nt_list_init(&object->children);
    nt_list_init(&object->sibling);
    if (attributes && (attributes->ContextTypeInfo || attributes->EvtCleanupCallback ||
                       attributes->EvtDestroyCallback))
        status = add_context(object, attributes, &context);
    if (NT_SUCCESS(status) && attributes && attributes->ParentObject) {
        parent = wdf_object_any(attributes->ParentObject, "a framework object's parent");
        status = parent ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    }
    if (!parent)
        parent = driver->root;
    if (NT_SUCCESS(status) && parent && !join_tree(object, parent))
        status = STATUS_DELETE_PENDING;
    if (!NT_SUCCESS(status)) {
        free(object->contexts);
        free(object);
        return status;
    }
    inherit(object, attributes);
    atomic_fetch_add(&driver->objects, 1);
    *(struct wdf_object **)ret_object = object;
    return STATUS_SUCCESS;
}

void
wdf_object_ref(struct wdf_object *object)
{
    atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);
}

static void
free_object(struct wdf_object *object)
{
    struct wdf_object *parent = object->parent;
    struct wdf_driver *driver = object->driver;

    for (struct wdf_context *c = object->contexts; c; c = c->next)
        if (c->destroy)
            NT_CALLBACK_VOID(driver->nt, nt_cpu.irql, c->destroy(object));
    if (object->operations && object->operations->finish)
        object->operations->finish(object);
    for (struct wdf_context *c = object->contexts, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    object->magic = 0;
    free(object);
    if (parent)
        wdf_object_unref(parent);
    if (atomic_fetch_sub(&driver->objects, 1) == 1 && driver->is_unbound)
        wdf_driver_release(driver);
}

void
wdf_object_unref(struct wdf_object *object)
{
    long left = atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel) - 1;

    if (left == 0)
        free_object(object);
    else if (left < 0)
        nt_finding(NT_FINDING_REFERENCE_BAD, "a %s was dereferenced more often than referenced",
                   type_names[object->type]);
}

static struct wdf_object *
first_child(struct wdf_object *object)
{
    struct wdf_object *child = NULL;

    pthread_mutex_lock(&tree_lock);
    if (!nt_list_is_empty(&object->children)) {
        child = NT_LIST_ITEM(object->children.next, struct wdf_object, sibling);
        nt_list_remove(&child->sibling);
        atomic_fetch_add(&child->refs, 1); /* ours, while it is deleted */
    }
    pthread_mutex_unlock(&tree_lock);
    return child;
}

/** One object below @p object whose callbacks were not stopped yet, referenced; NULL: none. */
static struct wdf_object *
find_unquiet_locked(struct wdf_object *object)
{
    for (struct nt_list *i = object->children.next; i != &object->children; i = i->next) {
        struct wdf_object *child = NT_LIST_ITEM(i, struct wdf_object, sibling);
        if (child->operations && child->operations->quiesce && !child->is_quiet) {
            child->is_quiet = true;
            wdf_object_ref(child);
            return child;
        }
        struct wdf_object *found = find_unquiet_locked(child);
        if (found)
            return found;
    }
    return NULL;
}

/** Timers, work items and DPCs end before anything goes that their callbacks may use. */
static void
quiesce_below(struct wdf_object *object)
{
    for (;;) {
        pthread_mutex_lock(&tree_lock);
        struct wdf_object *found = find_unquiet_locked(object);
        pthread_mutex_unlock(&tree_lock);
        if (!found)
            return;
        found->operations->quiesce(found);
        wdf_object_unref(found);
    }
}

void
wdf_object_delete(struct wdf_object *object)
{
    if ((object->type == WDF_TYPE_DRIVER || object->type == WDF_TYPE_DEVICE) && !object->is_deleted)
        quiesce_below(object);

    pthread_mutex_lock(&tree_lock);
    bool was_deleted = atomic_exchange(&object->is_deleted, true);
    nt_list_remove(&object->sibling);
    pthread_mutex_unlock(&tree_lock);
    if (was_deleted)
        return;
    if (object->operations && object->operations->dispose)
        object->operations->dispose(object);
    for (struct wdf_object *child; (child = first_child(object));) {
        wdf_object_delete(child);
        wdf_object_unref(child);
    }
    for (struct wdf_context *c = object->contexts; c; c = c->next)
        if (c->cleanup)
            NT_CALLBACK_VOID(object->driver->nt, nt_cpu.irql, c->cleanup(object));
    wdf_object_unref(object);
}

/* --- synchronisation of callbacks --- */

void
wdf_sync_init(struct wdf_sync *sync, bool is_passive)
{
    sync->is_on = true;
    sync->is_passive = is_passive;
    KeInitializeMutex(&sync->mutex, 0);
    KeInitializeSpinLock(&sync->spin);
}

KIRQL
wdf_sync_enter(struct wdf_sync *sync)
{
    KIRQL irql = nt_cpu.irql;

    if (!sync || !sync->is_on)
        return irql;
    if (sync->is_passive) {
        KeWaitForSingleObject(&sync->mutex, Executive, KernelMode, FALSE, NULL);
        return irql;
    }
    nt_cpu_raise(DISPATCH_LEVEL);
    if (__atomic_load_n(&sync->spin, __ATOMIC_RELAXED) != nt_spin_self())
        nt_spin_acquire(&sync->spin);
    sync->depth++;
    return irql;
}

void
wdf_sync_leave(struct wdf_sync *sync, KIRQL irql)
{
    if (!sync || !sync->is_on)
        return;
    if (sync->is_passive) {
        KeReleaseMutex(&sync->mutex, FALSE);
        return;
    }
    if (--sync->depth == 0)
        nt_spin_release(&sync->spin);
    nt_cpu_lower(irql);
}

/* --- the functions --- */

/** @return the context of that type, or NULL. IRQL: any. Ref: wdfobject/nf-wdfobject-wdfobjectgettypedcontext. */
WDF_API(PVOID, WdfObjectGetTypedContextWorker, WDFOBJECT Handle,
        PCWDF_OBJECT_CONTEXT_TYPE_INFO TypeInfo)
{
    struct wdf_object *object = wdf_object_any(Handle, "WdfObjectGetTypedContext");

    for (struct wdf_context *c = object ? object->contexts : NULL; c; c = c->next)
        if (c->type && c->type == TypeInfo)
            return c->data;
    return NULL;
}

/** @return STATUS_OBJECT_NAME_EXISTS when it has one of that type. IRQL: <= DISPATCH_LEVEL. Ref: wdfobject. */
WDF_API(NTSTATUS, WdfObjectAllocateContext, WDFOBJECT Handle,
        PWDF_OBJECT_ATTRIBUTES ContextAttributes, PVOID *Context)
{
    struct wdf_object *object = wdf_object_any(Handle, "WdfObjectAllocateContext");
    struct wdf_context *context = NULL;
    NTSTATUS status = object ? check_attributes(ContextAttributes) : STATUS_INVALID_HANDLE;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!NT_SUCCESS(status))
        return status;
    if (!ContextAttributes || !ContextAttributes->ContextTypeInfo)
        return STATUS_OBJECT_NAME_INVALID;
    if (ContextAttributes->ParentObject)
        return STATUS_INVALID_PARAMETER;
    if (object->is_deleted)
        return STATUS_DELETE_PENDING;
    status = add_context(object, ContextAttributes, &context);
    if (context && Context)
        *Context = context->data;
    return status;
}

/** The object a context belongs to. IRQL: any. Ref: wdfobject/nf-wdfobject-wdfobjectcontextgetobject. */
WDF_API(WDFOBJECT, WdfObjectContextGetObject, PVOID ContextPointer)
{
    return CONTAINER_OF(ContextPointer, struct wdf_context, data)->object;
}

/** Tag and place are not kept. IRQL: <= DISPATCH_LEVEL. Ref: wdfobject/nf-wdfobject-wdfobjectreferenceactual. */
WDF_API(VOID, WdfObjectReferenceActual, WDFOBJECT Handle, PVOID Tag, LONG Line, PCCH File)
{
    struct wdf_object *object = wdf_object_any(Handle, "WdfObjectReference");
    if (object)
        wdf_object_ref(object);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfobject/nf-wdfobject-wdfobjectdereferenceactual. */
WDF_API(VOID, WdfObjectDereferenceActual, WDFOBJECT Handle, PVOID Tag, LONG Line, PCCH File)
{
    struct wdf_object *object = wdf_object_any(Handle, "WdfObjectDereference");
    if (object)
        wdf_object_unref(object);
}

/** A general object: contexts and callbacks only. IRQL: <= DISPATCH_LEVEL. Ref: wdfobject. */
WDF_API(NTSTATUS, WdfObjectCreate, PWDF_OBJECT_ATTRIBUTES Attributes, WDFOBJECT *Object)
{
    static const struct wdf_operations operations = {.name = "object"};

    NT_IRQL_MAX(DISPATCH_LEVEL);
    return wdf_object_new(wdf_driver_of(globals), WDF_TYPE_GENERAL, &operations,
                          sizeof(struct wdf_object), Attributes, NULL, Object);
}

/** Delete an object and those below it. Requests from queues and file objects are not the driver's to
 * delete. IRQL: <= DISPATCH_LEVEL. Ref: wdfobject/nf-wdfobject-wdfobjectdelete. */
WDF_API(VOID, WdfObjectDelete, WDFOBJECT Object)
{
    struct wdf_object *object = wdf_object_any(Object, "WdfObjectDelete");

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!object)
        return;
    if (object->type == WDF_TYPE_DRIVER || object->type == WDF_TYPE_FILE ||
        object->type == WDF_TYPE_REQUEST) {
        nt_finding(NT_FINDING_WDF_BAD_CALL, "WdfObjectDelete: a %s cannot be deleted by the driver",
                   type_names[object->type]);
        return;
    }
    wdf_object_delete(object);
}

/** @return STATUS_INVALID_PARAMETER: there is nothing to ask for. Ref: wdfobject/nf-wdfobject-wdfobjectquery. */
WDF_API(NTSTATUS, WdfObjectQuery, WDFOBJECT Object, const GUID *Guid, ULONG QueryBufferLength,
        PVOID QueryBuffer)
{
    return STATUS_INVALID_PARAMETER;
}

/** The lock that serialises the object's callbacks, or its own. IRQL: <= DISPATCH_LEVEL. Ref: wdfsync. */
WDF_API(VOID, WdfObjectAcquireLock, WDFOBJECT Object)
{
    struct wdf_object *object = wdf_object_any(Object, "WdfObjectAcquireLock");

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (!object)
        return;
    if (object->sync) {
        KIRQL irql = wdf_sync_enter(object->sync);
        object->lock_irql = irql;
        return;
    }
    KIRQL irql = nt_cpu_raise(DISPATCH_LEVEL);
    nt_spin_acquire(&object->lock);
    object->lock_irql = irql;
}

/** IRQL: as after WdfObjectAcquireLock. Ref: wdfsync/nf-wdfsync-wdfobjectreleaselock. */
WDF_API(VOID, WdfObjectReleaseLock, WDFOBJECT Object)
{
    struct wdf_object *object = wdf_object_any(Object, "WdfObjectReleaseLock");

    if (!object)
        return;
    KIRQL irql = object->lock_irql;
    if (object->sync) {
        wdf_sync_leave(object->sync, irql);
        return;
    }
    nt_spin_release(&object->lock);
    nt_cpu_lower(irql);
}
