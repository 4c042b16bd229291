/*
 * Memory, string and collection objects.
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdlib.h>
#include <string.h>

#include "nt/ntos/nt_pool.h"

#define CALLER() ((uintptr_t)__builtin_return_address(0))

/* ---- memory ---- */

static void
destroy_memory(struct wdf_object *object)
{
    struct wdf_memory *memory = CONTAINER_OF(object, struct wdf_memory, object);
    if (memory->owned)
        nt_pool_free(memory->bytes, 0);
}

const struct wdf_class wdf_class_memory = {
    .type = WDF_MEMORY, .name = "WDFMEMORY", .size = sizeof(struct wdf_memory), .destroy = destroy_memory};

NTSTATUS
wdf_memory_wrap(struct wdf_driver *driver, struct wdf_object *parent, void *bytes, size_t size,
                struct wdf_memory **ret_memory)
{
    struct wdf_memory *memory;
    NTSTATUS status = wdf_object_new(driver, &wdf_class_memory, NULL, parent, &memory);

    if (!NT_SUCCESS(status))
        return status;
    memory->bytes = bytes;
    memory->size = size;
    *ret_memory = memory;
    return STATUS_SUCCESS;
}

/**
 * Memory that goes with its object.
 * @param PoolTag  0: the driver's. Ref: ddi wdfmemory/nf-wdfmemory-wdfmemorycreate
 */
WDF_EXPORT(NTSTATUS, WdfMemoryCreate, PWDF_OBJECT_ATTRIBUTES Attributes, POOL_TYPE PoolType,
           ULONG PoolTag, size_t BufferSize, WDFMEMORY *Memory, PVOID *Buffer)
{
    struct wdf_driver *driver = wdf_driver_of(globals);
    struct wdf_memory *memory;
    NTSTATUS status;

    if (BufferSize == 0)
        return STATUS_INVALID_PARAMETER;
    status = wdf_object_new(driver, &wdf_class_memory, Attributes, &driver->object, &memory);
    if (!NT_SUCCESS(status))
        return status;
    memory->bytes = nt_pool_allocate(BufferSize, PoolTag ? PoolTag : driver->globals.DriverTag, false, CALLER());
    memory->size = BufferSize;
    memory->owned = memory->bytes != NULL;
    if (!memory->bytes) {
        wdf_object_delete(&memory->object);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Memory = (WDFMEMORY)memory;
    if (Buffer)
        *Buffer = memory->bytes;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfmemory/nf-wdfmemory-wdfmemorycreatepreallocated */
WDF_EXPORT(NTSTATUS, WdfMemoryCreatePreallocated, PWDF_OBJECT_ATTRIBUTES Attributes, PVOID Buffer,
           size_t BufferSize, WDFMEMORY *Memory)
{
    struct wdf_driver *driver = wdf_driver_of(globals);
    struct wdf_memory *memory;
    NTSTATUS status;

    if (!Buffer || BufferSize == 0)
        return STATUS_INVALID_PARAMETER;
    status = wdf_object_new(driver, &wdf_class_memory, Attributes, &driver->object, &memory);
    if (!NT_SUCCESS(status))
        return status;
    memory->bytes = Buffer;
    memory->size = BufferSize;
    *Memory = (WDFMEMORY)memory;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfmemory/nf-wdfmemory-wdfmemorygetbuffer */
WDF_EXPORT(PVOID, WdfMemoryGetBuffer, WDFMEMORY Memory, size_t *BufferSize)
{
    struct wdf_memory *memory = WDF_CHECK(Memory, wdf_class_memory);

    if (!memory)
        return NULL;
    if (BufferSize)
        *BufferSize = memory->size;
    return memory->bytes;
}

/** Ref: ddi wdfmemory/nf-wdfmemory-wdfmemoryassignbuffer */
WDF_EXPORT(NTSTATUS, WdfMemoryAssignBuffer, WDFMEMORY Memory, PVOID Buffer, size_t BufferSize)
{
    struct wdf_memory *memory = WDF_CHECK(Memory, wdf_class_memory);

    if (!memory || memory->owned || BufferSize == 0)
        return STATUS_INVALID_PARAMETER;
    memory->bytes = Buffer;
    memory->size = BufferSize;
    return STATUS_SUCCESS;
}

static bool
within(const struct wdf_memory *memory, size_t offset, size_t size)
{
    return memory && offset <= memory->size && size <= memory->size - offset;
}

/** Ref: ddi wdfmemory/nf-wdfmemory-wdfmemorycopytobuffer */
WDF_EXPORT(NTSTATUS, WdfMemoryCopyToBuffer, WDFMEMORY SourceMemory, size_t SourceOffset, PVOID Buffer,
           size_t NumBytesToCopyTo)
{
    struct wdf_memory *memory = WDF_CHECK(SourceMemory, wdf_class_memory);

    if (!within(memory, SourceOffset, NumBytesToCopyTo))
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(Buffer, (uint8_t *)memory->bytes + SourceOffset, NumBytesToCopyTo);
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfmemory/nf-wdfmemory-wdfmemorycopyfrombuffer */
WDF_EXPORT(NTSTATUS, WdfMemoryCopyFromBuffer, WDFMEMORY DestinationMemory, size_t DestinationOffset,
           PVOID Buffer, size_t NumBytesToCopyFrom)
{
    struct wdf_memory *memory = WDF_CHECK(DestinationMemory, wdf_class_memory);

    if (!within(memory, DestinationOffset, NumBytesToCopyFrom))
        return STATUS_BUFFER_TOO_SMALL;
    memcpy((uint8_t *)memory->bytes + DestinationOffset, Buffer, NumBytesToCopyFrom);
    return STATUS_SUCCESS;
}

/* ---- strings ---- */

static void
destroy_string(struct wdf_object *object)
{
    free(CONTAINER_OF(object, struct wdf_string, object)->text.Buffer);
}

const struct wdf_class wdf_class_string = {
    .type = WDF_STRING, .name = "WDFSTRING", .size = sizeof(struct wdf_string), .destroy = destroy_string};

NTSTATUS
wdf_string_make(struct wdf_driver *driver, PCUNICODE_STRING text, PWDF_OBJECT_ATTRIBUTES attributes,
                struct wdf_string **ret_string)
{
    struct wdf_string *string;
    NTSTATUS status = wdf_object_new(driver, &wdf_class_string, attributes, &driver->object, &string);

    if (!NT_SUCCESS(status))
        return status;
    if (text && !wdf_driver_copy_string(text, &string->text)) {
        wdf_object_delete(&string->object);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *ret_string = string;
    return STATUS_SUCCESS;
}

/** @param UnicodeString  copied; NULL: empty. Ref: ddi wdfstring/nf-wdfstring-wdfstringcreate */
WDF_EXPORT(NTSTATUS, WdfStringCreate, PCUNICODE_STRING UnicodeString,
           PWDF_OBJECT_ATTRIBUTES StringAttributes, WDFSTRING *String)
{
    struct wdf_string *string;
    NTSTATUS status = wdf_string_make(wdf_driver_of(globals), UnicodeString, StringAttributes, &string);

    if (NT_SUCCESS(status))
        *String = (WDFSTRING)string;
    return status;
}

/** Lives as long as the object. Ref: ddi wdfstring/nf-wdfstring-wdfstringgetunicodestring */
WDF_EXPORT(VOID, WdfStringGetUnicodeString, WDFSTRING String, PUNICODE_STRING UnicodeString)
{
    struct wdf_string *string = WDF_CHECK(String, wdf_class_string);
    if (string)
        *UnicodeString = string->text;
}

/* ---- collections ---- */

struct wdf_collection {
    struct wdf_object object;
    struct wdf_object **items; /* each referenced */
    ULONG count, room;
};

static void
destroy_collection(struct wdf_object *object)
{
    struct wdf_collection *collection = CONTAINER_OF(object, struct wdf_collection, object);

    for (ULONG i = 0; i < collection->count; i++)
        wdf_object_unref(collection->items[i]);
    free(collection->items);
}

const struct wdf_class wdf_class_collection = {.type = WDF_COLLECTION,
                                               .name = "WDFCOLLECTION",
                                               .size = sizeof(struct wdf_collection),
                                               .destroy = destroy_collection};

/** Ref: ddi wdfcollection/nf-wdfcollection-wdfcollectioncreate */
WDF_EXPORT(NTSTATUS, WdfCollectionCreate, PWDF_OBJECT_ATTRIBUTES CollectionAttributes,
           WDFCOLLECTION *Collection)
{
    struct wdf_driver *driver = wdf_driver_of(globals);
    return wdf_object_new(driver, &wdf_class_collection, CollectionAttributes, &driver->object, Collection);
}

/** Ref: ddi wdfcollection/nf-wdfcollection-wdfcollectiongetcount */
WDF_EXPORT(ULONG, WdfCollectionGetCount, WDFCOLLECTION Collection)
{
    struct wdf_collection *collection = WDF_CHECK(Collection, wdf_class_collection);
    return collection ? collection->count : 0;
}

/** Takes a reference on the object. Ref: ddi wdfcollection/nf-wdfcollection-wdfcollectionadd */
WDF_EXPORT(NTSTATUS, WdfCollectionAdd, WDFCOLLECTION Collection, WDFOBJECT Object)
{
    struct wdf_collection *collection = WDF_CHECK(Collection, wdf_class_collection);
    struct wdf_object *object = wdf_object_check(Object, NULL, __func__);

    if (!collection || !object)
        return STATUS_INVALID_PARAMETER;
    if (collection->count == collection->room) {
        ULONG room = collection->room ? collection->room * 2 : 8;
        struct wdf_object **items = realloc(collection->items, room * sizeof(*items));
        if (!items)
            return STATUS_INSUFFICIENT_RESOURCES;
        collection->items = items;
        collection->room = room;
    }
    wdf_object_ref(object);
    collection->items[collection->count++] = object;
    return STATUS_SUCCESS;
}

/** Ref: ddi wdfcollection/nf-wdfcollection-wdfcollectionremoveitem */
WDF_EXPORT(VOID, WdfCollectionRemoveItem, WDFCOLLECTION Collection, ULONG Index)
{
    struct wdf_collection *collection = WDF_CHECK(Collection, wdf_class_collection);

    if (!collection || Index >= collection->count)
        return;
    struct wdf_object *object = collection->items[Index];
    memmove(&collection->items[Index], &collection->items[Index + 1],
            (collection->count - Index - 1) * sizeof(*collection->items));
    collection->count--;
    wdf_object_unref(object);
}

/** Ref: ddi wdfcollection/nf-wdfcollection-wdfcollectionremove */
WDF_EXPORT(VOID, WdfCollectionRemove, WDFCOLLECTION Collection, WDFOBJECT Item)
{
    struct wdf_collection *collection = WDF_CHECK(Collection, wdf_class_collection);

    for (ULONG i = 0; collection && i < collection->count; i++)
        if (collection->items[i] == (struct wdf_object *)Item) {
            imp_WdfCollectionRemoveItem(globals, Collection, i);
            return;
        }
}

/** Ref: ddi wdfcollection/nf-wdfcollection-wdfcollectiongetitem */
WDF_EXPORT(WDFOBJECT, WdfCollectionGetItem, WDFCOLLECTION Collection, ULONG Index)
{
    struct wdf_collection *collection = WDF_CHECK(Collection, wdf_class_collection);
    return collection && Index < collection->count ? collection->items[Index] : NULL;
}

/** Ref: ddi wdfcollection/nf-wdfcollection-wdfcollectiongetfirstitem */
WDF_EXPORT(WDFOBJECT, WdfCollectionGetFirstItem, WDFCOLLECTION Collection)
{
    return imp_WdfCollectionGetItem(globals, Collection, 0);
}

/** Ref: ddi wdfcollection/nf-wdfcollection-wdfcollectiongetlastitem */
WDF_EXPORT(WDFOBJECT, WdfCollectionGetLastItem, WDFCOLLECTION Collection)
{
    struct wdf_collection *collection = WDF_CHECK(Collection, wdf_class_collection);
    return collection && collection->count ? collection->items[collection->count - 1] : NULL;
}
