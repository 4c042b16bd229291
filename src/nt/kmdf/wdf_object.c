/*
 * The object tree: creation, contexts, references, deletion.
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdlib.h>
#include <string.h>

#define OBJECT_MAGIC 0x4A4F4457u /* "WDOJ" */

static pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct wdf_class general_class = {
    .type = WDF_GENERAL, .name = "WDFOBJECT", .size = sizeof(struct wdf_object)};

void *
wdf_object_check(const void *handle, const struct wdf_class *class, const char *function)
{
    struct wdf_object *object = (struct wdf_object *)(uintptr_t)handle;

    if (object && ((uintptr_t)object & 15) == 0 && object->magic == OBJECT_MAGIC &&
        (!class || object->class == class))
        return object;
    nt_finding(NT_FINDING_WDF_BAD_CALL, "%s: %p is no %s", function + strlen("imp_"), handle,
               class ? class->name : "framework object");
    return NULL;
}

static struct wdf_object *
object_of(const void *handle, const char *function)
{
    return wdf_object_check(handle, NULL, function);
}

/* Add what the attributes ask for: a typed context, callbacks, or both. */
static NTSTATUS
add_context(struct wdf_object *object, PWDF_OBJECT_ATTRIBUTES attributes, PVOID *ret_bytes)
{
    PCWDF_OBJECT_CONTEXT_TYPE_INFO type = attributes->ContextTypeInfo;
    size_t size = 0;
    struct wdf_context *context;

    if (type)
        size = attributes->ContextSizeOverride > type->ContextSize ? attributes->ContextSizeOverride
                                                                   : type->ContextSize;
    context = aligned_alloc(16, ALIGN_UP(sizeof(*context) + size, (size_t)16));
    if (!context)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(context, 0, sizeof(*context) + size);
    context->type = type ? type->UniqueType ? type->UniqueType : type : NULL;
    context->object = object;
    context->cleanup = attributes->EvtCleanupCallback;
    context->destroy = attributes->EvtDestroyCallback;
    /* appended: callbacks of contexts run in the order they were added */
    struct wdf_context **at = &object->contexts;
    while (*at)
        at = &(*at)->next;
    *at = context;
    if (ret_bytes)
        *ret_bytes = context->bytes;
    return STATUS_SUCCESS;
}

NTSTATUS
wdf_object_add_context(struct wdf_object *object, PWDF_OBJECT_ATTRIBUTES attributes)
{
    return add_context(object, attributes, NULL);
}

NTSTATUS
wdf_object_new(struct wdf_driver *driver, const struct wdf_class *class,
               PWDF_OBJECT_ATTRIBUTES attributes, struct wdf_object *parent, void *ret_object)
{
    struct wdf_object *object;
    NTSTATUS status;

    if (attributes && attributes->Size != sizeof(*attributes))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (attributes && attributes->ParentObject) {
        parent = object_of(attributes->ParentObject, "imp_ParentObject");
        if (!parent)
            return STATUS_INVALID_PARAMETER;
    }
    object = aligned_alloc(16, ALIGN_UP(class->size, (size_t)16));
    if (!object)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(object, 0, class->size);
    object->magic = OBJECT_MAGIC;
    object->class = class;
    object->driver = driver;
    atomic_init(&object->references, 1);
    nt_list_init(&object->link);
    nt_list_init(&object->children);
    if (attributes &&
        (attributes->ContextTypeInfo || attributes->EvtCleanupCallback || attributes->EvtDestroyCallback)) {
        status = add_context(object, attributes, NULL);
        if (!NT_SUCCESS(status)) {
            object->magic = 0;
            free(object);
            return status;
        }
    }
    if (parent) {
        pthread_mutex_lock(&tree_lock);
        object->parent = parent;
        nt_list_append(&parent->children, &object->link);
        pthread_mutex_unlock(&tree_lock);
    }
    *(struct wdf_object **)ret_object = object;
    return STATUS_SUCCESS;
}

static void
call_back(struct wdf_object *object, bool destroy)
{
    struct nt_driver *nt = object->driver ? object->driver->nt : nt_driver_current();

    for (struct wdf_context *c = object->contexts; c; c = c->next) {
        if (!destroy && c->cleanup) {
            PFN_WDF_OBJECT_CONTEXT_CLEANUP cleanup = c->cleanup;
            c->cleanup = NULL;
            NT_CALLBACK_VOID(nt, nt_cpu.irql, cleanup(object));
        }
        if (destroy && c->destroy)
            NT_CALLBACK_VOID(nt, nt_cpu.irql, c->destroy(object));
    }
}

void
wdf_object_ref(struct wdf_object *object)
{
    atomic_fetch_add(&object->references, 1);
}

void
wdf_object_unref(struct wdf_object *object)
{
    if (atomic_fetch_sub(&object->references, 1) != 1)
        return;
    call_back(object, true);
    if (object->class->destroy)
        object->class->destroy(object);
    for (struct wdf_context *c = object->contexts, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    object->magic = 0;
    free(object);
}

static struct wdf_object *
last_child(struct wdf_object *object)
{
    struct wdf_object *child = NULL;

    pthread_mutex_lock(&tree_lock);
    if (!nt_list_is_empty(&object->children))
        child = NT_LIST_ITEM(object->children.previous, struct wdf_object, link);
    pthread_mutex_unlock(&tree_lock);
    return child;
}

void
wdf_object_delete(struct wdf_object *object)
{
    struct wdf_object *child;

    pthread_mutex_lock(&tree_lock);
    bool again = object->deleted;
    object->deleted = true;
    if (object->parent)
        nt_list_remove(&object->link);
    object->parent = NULL;
    pthread_mutex_unlock(&tree_lock);
    if (again)
        return;
    while ((child = last_child(object)) != NULL)
        wdf_object_delete(child);
    if (object->class->dispose)
        object->class->dispose(object);
    call_back(object, false);
    wdf_object_unref(object);
}

static size_t
count_below(const struct wdf_object *object)
{
    size_t n = 1;
    for (const struct nt_list *at = object->children.next; at != &object->children; at = at->next)
        n += count_below(NT_LIST_ITEM(at, struct wdf_object, link));
    return n;
}

size_t
wdf_object_count(struct wdf_driver *driver)
{
    pthread_mutex_lock(&tree_lock);
    size_t n = count_below(&driver->object);
    pthread_mutex_unlock(&tree_lock);
    return n;
}

/* ---- what drivers call ---- */

/**
 * The context of type @p TypeInfo of an object, or NULL.
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi wdfobject/nf-wdfobject-wdfobjectgettypedcontextworker
 */
WDF_EXPORT(PVOID, WdfObjectGetTypedContextWorker, WDFOBJECT Handle,
           PCWDF_OBJECT_CONTEXT_TYPE_INFO TypeInfo)
{
    struct wdf_object *object = object_of(Handle, __func__);

    for (struct wdf_context *c = object ? object->contexts : NULL; c; c = c->next)
        if (c->type == TypeInfo)
            return c->bytes;
    return NULL;
}

/**
 * Add a context to an existing object.
 * @return STATUS_SUCCESS; STATUS_OBJECT_NAME_EXISTS with the one there is
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi wdfobject/nf-wdfobject-wdfobjectallocatecontext
 */
WDF_EXPORT(NTSTATUS, WdfObjectAllocateContext, WDFOBJECT Handle,
           PWDF_OBJECT_ATTRIBUTES ContextAttributes, PVOID *Context)
{
    struct wdf_object *object = object_of(Handle, __func__);

    if (!object || !ContextAttributes || !ContextAttributes->ContextTypeInfo)
        return STATUS_INVALID_PARAMETER;
    for (struct wdf_context *c = object->contexts; c; c = c->next)
        if (c->type == ContextAttributes->ContextTypeInfo) {
            if (Context)
                *Context = c->bytes;
            return STATUS_OBJECT_NAME_EXISTS;
        }
    return add_context(object, ContextAttributes, Context);
}

/** The object a context belongs to. Ref: ddi wdfobject/nf-wdfobject-wdfobjectcontextgetobject */
WDF_EXPORT(WDFOBJECT, WdfObjectContextGetObject, PVOID ContextPointer)
{
    return CONTAINER_OF(ContextPointer, struct wdf_context, bytes)->object;
}

/** Ref: ddi wdfobject/nf-wdfobject-wdfobjectreferenceactual */
WDF_EXPORT(VOID, WdfObjectReferenceActual, WDFOBJECT Handle, PVOID Tag, LONG Line, PCCH File)
{
    struct wdf_object *object = object_of(Handle, __func__);
    if (object)
        wdf_object_ref(object);
}

/** Ref: ddi wdfobject/nf-wdfobject-wdfobjectdereferenceactual */
WDF_EXPORT(VOID, WdfObjectDereferenceActual, WDFOBJECT Handle, PVOID Tag, LONG Line, PCCH File)
{
    struct wdf_object *object = object_of(Handle, __func__);

    if (!object)
        return;
    if (!object->deleted && atomic_load(&object->references) == 1) {
        nt_finding(NT_FINDING_REFERENCE_BAD, "%s %p is dereferenced more often than referenced",
                   object->class->name, Handle);
        return;
    }
    wdf_object_unref(object);
}

/** A general object. Ref: ddi wdfobject/nf-wdfobject-wdfobjectcreate */
WDF_EXPORT(NTSTATUS, WdfObjectCreate, PWDF_OBJECT_ATTRIBUTES Attributes, WDFOBJECT *Object)
{
    struct wdf_driver *driver = wdf_driver_of(globals);
    return wdf_object_new(driver, &general_class, Attributes, &driver->object, Object);
}

/**
 * Delete an object and its children. Not for drivers, queues' defaults or requests in flight.
 * IRQL: <= DISPATCH_LEVEL (types with passive callbacks: PASSIVE_LEVEL).
 * Ref: ddi wdfobject/nf-wdfobject-wdfobjectdelete
 */
WDF_EXPORT(VOID, WdfObjectDelete, WDFOBJECT Object)
{
    struct wdf_object *object = object_of(Object, __func__);

    if (!object)
        return;
    if (object->deleted || object->class == &wdf_class_driver || object->class == &wdf_class_file) {
        nt_finding(NT_FINDING_WDF_BAD_CALL, "WdfObjectDelete: a %s cannot be deleted%s",
                   object->class->name, object->deleted ? " twice" : " by the driver");
        return;
    }
    wdf_object_delete(object);
}

/** No queries are defined for drivers like these. Ref: ddi wdfobject/nf-wdfobject-wdfobjectquery */
WDF_EXPORT(NTSTATUS, WdfObjectQuery, WDFOBJECT Object, const GUID *Guid, ULONG QueryBufferLength,
           PVOID QueryBuffer)
{
    return STATUS_NOT_FOUND;
}

/** Ref: ddi wdfsync/nf-wdfsync-wdfobjectacquirelock */
WDF_EXPORT(VOID, WdfObjectAcquireLock, WDFOBJECT Object)
{
    struct wdf_object *object = object_of(Object, __func__);
    if (!object)
        return;
    KIRQL irql = KeAcquireSpinLockRaiseToDpc(&object->lock);
    object->lock_irql = irql;
}

/** Ref: ddi wdfsync/nf-wdfsync-wdfobjectreleaselock */
WDF_EXPORT(VOID, WdfObjectReleaseLock, WDFOBJECT Object)
{
    struct wdf_object *object = object_of(Object, __func__);
    if (object)
        KeReleaseSpinLock(&object->lock, object->lock_irql);
}
