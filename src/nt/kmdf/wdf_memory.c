/*
 * Memory objects, lookaside lists, strings, collections.
 *
 * Ref        wdf/using-memory-buffers, wdf/framework-object-collections
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdlib.h>

#include "nt/ntos/nt_pool.h"

/* --- memory --- */

struct wdf_lookaside {
    struct wdf_object object;
    size_t size;
    ULONG tag;
    WDF_OBJECT_ATTRIBUTES memory_attributes;
    bool has_attributes;
};

static void
finish_memory(struct wdf_object *object)
{
    struct wdf_memory *memory = (struct wdf_memory *)object;

    if (memory->mdl)
        IoFreeMdl(memory->mdl);
    if (memory->owns_buffer)
        nt_pool_free(memory->buffer, memory->tag);
}

NTSTATUS
wdf_memory_new(struct wdf_driver *driver, const WDF_OBJECT_ATTRIBUTES *attributes,
               struct wdf_object *parent, struct wdf_memory **ret_memory)
{
    static const struct wdf_operations operations = {.name = "memory", .finish = finish_memory};

    return wdf_object_new(driver, WDF_TYPE_MEMORY, &operations, sizeof(struct wdf_memory),
                          attributes, parent, ret_memory);
}

static NTSTATUS
new_owned(struct wdf_driver *driver, const WDF_OBJECT_ATTRIBUTES *attributes,
          struct wdf_object *parent, size_t size, ULONG tag, uintptr_t caller,
          struct wdf_memory **ret_memory)
{
    struct wdf_memory *memory;

    if (!size)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = wdf_memory_new(driver, attributes, parent, &memory);
    if (!NT_SUCCESS(status))
        return status;
    memory->tag = tag ? tag : driver->globals.DriverTag;
    memory->buffer = nt_pool_allocate(size, memory->tag, false, caller);
    memory->size = size;
    memory->owns_buffer = memory->buffer != NULL;
    if (!memory->buffer) {
        wdf_object_delete(&memory->object);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *ret_memory = memory;
    return STATUS_SUCCESS;
}

/** @p Buffer may be NULL. IRQL: <= DISPATCH_LEVEL. Ref: wdfmemory/nf-wdfmemory-wdfmemorycreate. */
WDF_API(NTSTATUS, WdfMemoryCreate, PWDF_OBJECT_ATTRIBUTES Attributes, POOL_TYPE PoolType,
        ULONG PoolTag, size_t BufferSize, WDFMEMORY *Memory, PVOID *Buffer)
{
    struct wdf_memory *memory;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    *Memory = NULL;
    NTSTATUS status = new_owned(wdf_driver_of(globals), Attributes, NULL, BufferSize, PoolTag,
                                NT_CALLER, &memory);
    if (!NT_SUCCESS(status))
        return status;
    *Memory = (WDFMEMORY)memory;
    if (Buffer)
        *Buffer = memory->buffer;
    return STATUS_SUCCESS;
}

/** Over a buffer of the driver's. IRQL: <= DISPATCH_LEVEL. Ref: wdfmemory. */
WDF_API(NTSTATUS, WdfMemoryCreatePreallocated, PWDF_OBJECT_ATTRIBUTES Attributes, PVOID Buffer,
        size_t BufferSize, WDFMEMORY *Memory)
{
    struct wdf_memory *memory;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    *Memory = NULL;
    if (!Buffer || !BufferSize)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = wdf_memory_new(wdf_driver_of(globals), Attributes, NULL, &memory);
    if (!NT_SUCCESS(status))
        return status;
    memory->buffer = Buffer;
    memory->size = BufferSize;
    *Memory = (WDFMEMORY)memory;
    return STATUS_SUCCESS;
}

/** @p BufferSize may be NULL. IRQL: <= DISPATCH_LEVEL. Ref: wdfmemory/nf-wdfmemory-wdfmemorygetbuffer. */
WDF_API(PVOID, WdfMemoryGetBuffer, WDFMEMORY Memory, size_t *BufferSize)
{
    struct wdf_memory *memory = WDF_GET(Memory, MEMORY);
    if (BufferSize)
        *BufferSize = memory->size;
    return memory->buffer;
}

/** Another buffer for a preallocated memory object. IRQL: <= DISPATCH_LEVEL. Ref: wdfmemory. */
WDF_API(NTSTATUS, WdfMemoryAssignBuffer, WDFMEMORY Memory, PVOID Buffer, size_t BufferSize)
{
    struct wdf_memory *memory = WDF_GET(Memory, MEMORY);

    if (memory->owns_buffer || !Buffer || !BufferSize)
        return STATUS_INVALID_PARAMETER;
    memory->buffer = Buffer;
    memory->size = BufferSize;
    return STATUS_SUCCESS;
}

/** @return STATUS_BUFFER_TOO_SMALL beyond its end. IRQL: <= DISPATCH_LEVEL. Ref: wdfmemory. */
WDF_API(NTSTATUS, WdfMemoryCopyToBuffer, WDFMEMORY SourceMemory, size_t SourceOffset, PVOID Buffer,
        size_t NumBytesToCopyTo)
{
    struct wdf_memory *memory = WDF_GET(SourceMemory, MEMORY);

    if (!NumBytesToCopyTo)
        return STATUS_INVALID_PARAMETER;
    if (SourceOffset > memory->size || NumBytesToCopyTo > memory->size - SourceOffset)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(Buffer, (char *)memory->buffer + SourceOffset, NumBytesToCopyTo);
    return STATUS_SUCCESS;
}

/** @return STATUS_BUFFER_TOO_SMALL beyond its end. IRQL: <= DISPATCH_LEVEL. Ref: wdfmemory. */
WDF_API(NTSTATUS, WdfMemoryCopyFromBuffer, WDFMEMORY DestinationMemory, size_t DestinationOffset,
        PVOID Buffer, size_t NumBytesToCopyFrom)
{
    struct wdf_memory *memory = WDF_GET(DestinationMemory, MEMORY);

    if (!NumBytesToCopyFrom)
        return STATUS_INVALID_PARAMETER;
    if (DestinationOffset > memory->size || NumBytesToCopyFrom > memory->size - DestinationOffset)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy((char *)memory->buffer + DestinationOffset, Buffer, NumBytesToCopyFrom);
    return STATUS_SUCCESS;
}

/** Fixed-size memory objects; nothing is cached, so that sanitizers see each. Ref: wdfmemory. */
WDF_API(NTSTATUS, WdfLookasideListCreate, PWDF_OBJECT_ATTRIBUTES LookasideAttributes,
        size_t BufferSize, POOL_TYPE PoolType, PWDF_OBJECT_ATTRIBUTES MemoryAttributes,
        ULONG PoolTag, WDFLOOKASIDE *Lookaside)
{
    static const struct wdf_operations operations = {.name = "lookaside"};
    struct wdf_lookaside *lookaside;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    *Lookaside = NULL;
    if (!BufferSize)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = wdf_object_new(wdf_driver_of(globals), WDF_TYPE_LOOKASIDE, &operations,
                                     sizeof(*lookaside), LookasideAttributes, NULL, &lookaside);
    if (!NT_SUCCESS(status))
        return status;
    lookaside->size = BufferSize;
    lookaside->tag = PoolTag;
    lookaside->has_attributes = MemoryAttributes != NULL;
    if (MemoryAttributes)
        lookaside->memory_attributes = *MemoryAttributes;
    *Lookaside = (WDFLOOKASIDE)lookaside;
    return STATUS_SUCCESS;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfmemory/nf-wdfmemory-wdfmemorycreatefromlookaside. */
WDF_API(NTSTATUS, WdfMemoryCreateFromLookaside, WDFLOOKASIDE Lookaside, WDFMEMORY *Memory)
{
    struct wdf_lookaside *lookaside = WDF_GET(Lookaside, LOOKASIDE);
    struct wdf_memory *memory = NULL;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    NTSTATUS status = new_owned(
        lookaside->object.driver, lookaside->has_attributes ? &lookaside->memory_attributes : NULL,
        &lookaside->object, lookaside->size, lookaside->tag, NT_CALLER, &memory);
    *Memory = (WDFMEMORY)memory;
    return status;
}

/* --- strings --- */

struct wdf_string {
    struct wdf_object object;
    UNICODE_STRING text;
};

static void
finish_string(struct wdf_object *object)
{
    free(((struct wdf_string *)object)->text.Buffer);
}

NTSTATUS
wdf_string_assign(WDFSTRING handle, const UNICODE_STRING *text)
{
    struct wdf_string *string = wdf_object_get(handle, WDF_TYPE_STRING, "a framework string");
    USHORT length = text ? text->Length : 0;
    WCHAR *copy = calloc(1, length + sizeof(WCHAR));

    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (length)
        memcpy(copy, text->Buffer, length);
    free(string->text.Buffer);
    string->text = (UNICODE_STRING){length, (USHORT)(length + sizeof(WCHAR)), copy};
    return STATUS_SUCCESS;
}

NTSTATUS
wdf_string_new(struct wdf_driver *driver, const UNICODE_STRING *text,
               const WDF_OBJECT_ATTRIBUTES *attributes, WDFSTRING *ret_string)
{
    static const struct wdf_operations operations = {.name = "string", .finish = finish_string};
    struct wdf_string *string;

    NTSTATUS status = wdf_object_new(driver, WDF_TYPE_STRING, &operations, sizeof(*string),
                                     attributes, NULL, &string);
    if (!NT_SUCCESS(status))
        return status;
    status = wdf_string_assign((WDFSTRING)string, text);
    if (!NT_SUCCESS(status)) {
        wdf_object_delete(&string->object);
        return status;
    }
    *ret_string = (WDFSTRING)string;
    return STATUS_SUCCESS;
}

/** @p UnicodeString may be NULL: empty. IRQL: PASSIVE_LEVEL. Ref: wdfstring/nf-wdfstring-wdfstringcreate. */
WDF_API(NTSTATUS, WdfStringCreate, PCUNICODE_STRING UnicodeString,
        PWDF_OBJECT_ATTRIBUTES StringAttributes, WDFSTRING *String)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    *String = NULL;
    return wdf_string_new(wdf_driver_of(globals), UnicodeString, StringAttributes, String);
}

/** The string's own buffer. IRQL: PASSIVE_LEVEL. Ref: wdfstring/nf-wdfstring-wdfstringgetunicodestring. */
WDF_API(VOID, WdfStringGetUnicodeString, WDFSTRING String, PUNICODE_STRING UnicodeString)
{
    *UnicodeString = ((struct wdf_string *)WDF_GET(String, STRING))->text;
}

/** "1.33". IRQL: PASSIVE_LEVEL. Ref: wdfdriver/nf-wdfdriver-wdfdriverretrieveversionstring. */
WDF_API(NTSTATUS, WdfDriverRetrieveVersionString, WDFDRIVER Driver, WDFSTRING String)
{
    UNICODE_STRING text;
    RtlInitUnicodeString(&text, u"1.33");
    return wdf_string_assign(String, &text);
}

/** "\Device\Name". @return STATUS_INVALID_DEVICE_REQUEST without a name. Ref: wdfdevice. */
WDF_API(NTSTATUS, WdfDeviceRetrieveDeviceName, WDFDEVICE Device, WDFSTRING String)
{
    struct wdf_device *device = WDF_GET(Device, DEVICE);
    return device->init.name.Buffer ? wdf_string_assign(String, &device->init.name)
                                    : STATUS_INVALID_DEVICE_REQUEST;
}

/* --- collections: each item is referenced --- */

struct wdf_collection {
    struct wdf_object object;
    pthread_mutex_t lock;
    struct wdf_object **items;
    size_t count, room;
};

static void
dispose_collection(struct wdf_object *object)
{
    struct wdf_collection *collection = (struct wdf_collection *)object;

    while (collection->count)
        wdf_object_unref(collection->items[--collection->count]);
}

static void
finish_collection(struct wdf_object *object)
{
    struct wdf_collection *collection = (struct wdf_collection *)object;
    free(collection->items);
    pthread_mutex_destroy(&collection->lock);
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfcollection/nf-wdfcollection-wdfcollectioncreate. */
WDF_API(NTSTATUS, WdfCollectionCreate, PWDF_OBJECT_ATTRIBUTES CollectionAttributes,
        WDFCOLLECTION *Collection)
{
    static const struct wdf_operations operations = {
        .name = "collection", .dispose = dispose_collection, .finish = finish_collection};
    struct wdf_collection *collection;

    *Collection = NULL;
    NTSTATUS status = wdf_object_new(wdf_driver_of(globals), WDF_TYPE_COLLECTION, &operations,
                                     sizeof(*collection), CollectionAttributes, NULL, &collection);
    if (!NT_SUCCESS(status))
        return status;
    pthread_mutex_init(&collection->lock, NULL);
    *Collection = (WDFCOLLECTION)collection;
    return STATUS_SUCCESS;
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfcollection/nf-wdfcollection-wdfcollectiongetcount. */
WDF_API(ULONG, WdfCollectionGetCount, WDFCOLLECTION Collection)
{
    return (ULONG)((struct wdf_collection *)WDF_GET(Collection, COLLECTION))->count;
}

/** Append. IRQL: <= DISPATCH_LEVEL. Ref: wdfcollection/nf-wdfcollection-wdfcollectionadd. */
WDF_API(NTSTATUS, WdfCollectionAdd, WDFCOLLECTION Collection, WDFOBJECT Object)
{
    struct wdf_collection *collection = WDF_GET(Collection, COLLECTION);
    struct wdf_object *object = wdf_object_any(Object, "WdfCollectionAdd");
    NTSTATUS status = STATUS_SUCCESS;

    if (!object)
        return STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&collection->lock);
    if (collection->count == collection->room) {
        size_t room = collection->room ? 2 * collection->room : 8;
        void *items = realloc(collection->items, room * sizeof(*collection->items));
        if (items) {
            collection->items = items;
            collection->room = room;
        } else {
            status = STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    if (NT_SUCCESS(status)) {
        wdf_object_ref(object);
        collection->items[collection->count++] = object;
    }
    pthread_mutex_unlock(&collection->lock);
    return status;
}

static void
remove_at(struct wdf_collection *collection, size_t index)
{
    struct wdf_object *object = NULL;

    pthread_mutex_lock(&collection->lock);
    if (index < collection->count) {
        object = collection->items[index];
        collection->count--;
        memmove(collection->items + index, collection->items + index + 1,
                (collection->count - index) * sizeof(*collection->items));
    }
    pthread_mutex_unlock(&collection->lock);
    if (object)
        wdf_object_unref(object);
}

/** Remove the first occurrence. IRQL: <= DISPATCH_LEVEL. Ref: wdfcollection. */
WDF_API(VOID, WdfCollectionRemove, WDFCOLLECTION Collection, WDFOBJECT Item)
{
    struct wdf_collection *collection = WDF_GET(Collection, COLLECTION);

    for (size_t i = 0; i < collection->count; i++)
        if ((WDFOBJECT)collection->items[i] == Item) {
            remove_at(collection, i);
            return;
        }
}

/** IRQL: <= DISPATCH_LEVEL. Ref: wdfcollection/nf-wdfcollection-wdfcollectionremoveitem. */
WDF_API(VOID, WdfCollectionRemoveItem, WDFCOLLECTION Collection, ULONG Index)
{
    remove_at(WDF_GET(Collection, COLLECTION), Index);
}

/** @return NULL past the end. IRQL: <= DISPATCH_LEVEL. Ref: wdfcollection. */
WDF_API(WDFOBJECT, WdfCollectionGetItem, WDFCOLLECTION Collection, ULONG Index)
{
    struct wdf_collection *collection = WDF_GET(Collection, COLLECTION);
    return Index < collection->count ? (WDFOBJECT)collection->items[Index] : NULL;
}

/** @return NULL when empty. IRQL: <= DISPATCH_LEVEL. Ref: wdfcollection. */
WDF_API(WDFOBJECT, WdfCollectionGetFirstItem, WDFCOLLECTION Collection)
{
    return imp_WdfCollectionGetItem(globals, Collection, 0);
}

/** @return NULL when empty. IRQL: <= DISPATCH_LEVEL. Ref: wdfcollection. */
WDF_API(WDFOBJECT, WdfCollectionGetLastItem, WDFCOLLECTION Collection)
{
    struct wdf_collection *collection = WDF_GET(Collection, COLLECTION);
    return collection->count ? (WDFOBJECT)collection->items[collection->count - 1] : NULL;
}
