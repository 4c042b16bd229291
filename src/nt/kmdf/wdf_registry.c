/*
 * Registry keys as framework objects.
 *
 * A value that came as --param has an inferred type: the typed readers here convert it, so that
 * `--param Names=a` serves a driver that reads a list, and `--param Id=7` one that reads a string.
 * Ref        wdf/using-the-registry-in-framework-based-drivers
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "nt/ntos/nt_registry.h"

#define _cleanup_value_ _cleanup_(nt_registry_value_clear)

struct wdf_key {
    struct wdf_object object;
    char *path;
    HANDLE handle; /* made for WdfRegistryWdmGetHandle */
};

static void
finish_key(struct wdf_object *object)
{
    struct wdf_key *key = (struct wdf_key *)object;
    if (key->handle)
        ZwClose(key->handle);
    free(key->path);
}

static NTSTATUS
new_key(struct wdf_driver *driver, const char *path, const WDF_OBJECT_ATTRIBUTES *attributes,
        WDFKEY *ret_key)
{
    static const struct wdf_operations operations = {.name = "key", .finish = finish_key};
    struct wdf_key *key;

    *ret_key = NULL;
    NTSTATUS status =
        wdf_object_new(driver, WDF_TYPE_KEY, &operations, sizeof(*key), attributes, NULL, &key);
    if (!NT_SUCCESS(status))
        return status;
    key->path = strdup(path);
    if (!key->path) {
        wdf_object_delete(&key->object);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *ret_key = (WDFKEY)key;
    return STATUS_SUCCESS;
}

/** The service's Parameters key; made if it is missing. IRQL: PASSIVE_LEVEL. Ref: wdfdriver. */
WDF_API(NTSTATUS, WdfDriverOpenParametersRegistryKey, WDFDRIVER Driver, ACCESS_MASK DesiredAccess,
        PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key)
{
    struct wdf_object *object = WDF_GET(Driver, DRIVER);
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (asprintf(&path, "%s\\Parameters", object->driver->registry_path) < 0)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = nt_registry_create_key(path, NULL);
    return NT_SUCCESS(status) ? new_key(object->driver, path, KeyAttributes, Key) : status;
}

/** As WdfDriverOpenParametersRegistryKey: here the same key keeps state. Ref: wdfdriver. */
WDF_API(NTSTATUS, WdfDriverOpenPersistentStateRegistryKey, WDFDRIVER Driver,
        ACCESS_MASK DesiredAccess, PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key)
{
    return imp_WdfDriverOpenParametersRegistryKey(globals, Driver, DesiredAccess, KeyAttributes,
                                                  Key);
}

static NTSTATUS
path_of(WDFKEY parent, PCUNICODE_STRING name, char **ret_path)
{
    _cleanup_(freep) char *text = nt_wdk_to_utf8(name);

    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!parent) {
        *ret_path = TAKE_PTR(text);
        return STATUS_SUCCESS;
    }
    struct wdf_key *key = wdf_object_get(parent, WDF_TYPE_KEY, "WdfRegistryOpenKey");
    return asprintf(ret_path, "%s\\%s", key->path, text) < 0 ? STATUS_INSUFFICIENT_RESOURCES
                                                             : STATUS_SUCCESS;
}

/** @p ParentKey NULL: an absolute path. @return STATUS_OBJECT_NAME_NOT_FOUND. Ref: wdfregistry. */
WDF_API(NTSTATUS, WdfRegistryOpenKey, WDFKEY ParentKey, PCUNICODE_STRING KeyName,
        ACCESS_MASK DesiredAccess, PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key)
{
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = path_of(ParentKey, KeyName, &path);
    if (!NT_SUCCESS(status))
        return status;
    if (!nt_registry_has_key(path))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    return new_key(wdf_driver_of(globals), path, KeyAttributes, Key);
}

/** @p CreateDisposition may be NULL. IRQL: PASSIVE_LEVEL. Ref: wdfregistry. */
WDF_API(NTSTATUS, WdfRegistryCreateKey, WDFKEY ParentKey, PCUNICODE_STRING KeyName,
        ACCESS_MASK DesiredAccess, ULONG CreateOptions, PULONG CreateDisposition,
        PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key)
{
    _cleanup_(freep) char *path = NULL;
    bool created;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = path_of(ParentKey, KeyName, &path);
    if (NT_SUCCESS(status))
        status = nt_registry_create_key(path, &created);
    if (!NT_SUCCESS(status))
        return status;
    if (CreateDisposition)
        *CreateDisposition = created ? REG_CREATED_NEW_KEY : REG_OPENED_EXISTING_KEY;
    return new_key(wdf_driver_of(globals), path, KeyAttributes, Key);
}

static struct wdf_key *
key_of(WDFKEY handle)
{
    return wdf_object_get(handle, WDF_TYPE_KEY, "a registry function");
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryclose. */
WDF_API(VOID, WdfRegistryClose, WDFKEY Key)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    wdf_object_delete(&key_of(Key)->object);
}

/** A handle for the Zw functions, closed with the key. Ref: wdfregistry/nf-wdfregistry-wdfregistrywdmgethandle. */
WDF_API(HANDLE, WdfRegistryWdmGetHandle, WDFKEY Key)
{
    struct wdf_key *key = key_of(Key);
    size_t length;
    _cleanup_(freep) uint16_t *path = wfp_utf16_from_utf8(key->path, &length);
    UNICODE_STRING name = {(USHORT)(length * 2), (USHORT)(length * 2 + 2), path};
    OBJECT_ATTRIBUTES attributes;

    if (key->handle || !path)
        return key->handle;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    ZwOpenKey(&key->handle, KEY_ALL_ACCESS, &attributes);
    return key->handle;
}

/** Remove the key and close it. @return STATUS_ACCESS_DENIED while there are keys below. Ref: wdfregistry. */
WDF_API(NTSTATUS, WdfRegistryRemoveKey, WDFKEY Key)
{
    struct wdf_key *key = key_of(Key);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_registry_delete_key(key->path);
    if (NT_SUCCESS(status))
        wdf_object_delete(&key->object);
    return status;
}

static NTSTATUS
get(WDFKEY key, PCUNICODE_STRING name, struct nt_registry_value *ret_value)
{
    _cleanup_(freep) char *text = nt_wdk_to_utf8(name);

    if (nt_cpu.irql > PASSIVE_LEVEL)
        nt_cpu_irql_too_high("a framework registry function", PASSIVE_LEVEL);
    return text ? nt_registry_get(key_of(key)->path, text, ret_value)
                : STATUS_INSUFFICIENT_RESOURCES;
}

/** @return STATUS_OBJECT_NAME_NOT_FOUND. IRQL: PASSIVE_LEVEL. Ref: wdfregistry. */
WDF_API(NTSTATUS, WdfRegistryRemoveValue, WDFKEY Key, PCUNICODE_STRING ValueName)
{
    _cleanup_(freep) char *text = nt_wdk_to_utf8(ValueName);
    return text ? nt_registry_delete(key_of(Key)->path, text) : STATUS_INSUFFICIENT_RESOURCES;
}

/**
 * Any value as bytes.
 *
 * @param ValueLengthQueried  bytes there are, may be NULL
 * @return STATUS_BUFFER_OVERFLOW when it does not fit, STATUS_OBJECT_NAME_NOT_FOUND
 * IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryqueryvalue.
 */
WDF_API(NTSTATUS, WdfRegistryQueryValue, WDFKEY Key, PCUNICODE_STRING ValueName, ULONG ValueLength,
        PVOID Value, PULONG ValueLengthQueried, PULONG ValueType)
{
    _cleanup_value_ struct nt_registry_value value = {0};

    NTSTATUS status = get(Key, ValueName, &value);
    if (!NT_SUCCESS(status))
        return status;
    if (ValueLengthQueried)
        *ValueLengthQueried = value.size;
    if (ValueType)
        *ValueType = value.type;
    if (Value)
        memcpy(Value, value.data, MIN(ValueLength, value.size));
    return value.size > ValueLength ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/** Any value as a memory object. IRQL: PASSIVE_LEVEL. Ref: wdfregistry. */
WDF_API(NTSTATUS, WdfRegistryQueryMemory, WDFKEY Key, PCUNICODE_STRING ValueName,
        POOL_TYPE PoolType, PWDF_OBJECT_ATTRIBUTES MemoryAttributes, WDFMEMORY *Memory,
        PULONG ValueType)
{
    _cleanup_value_ struct nt_registry_value value = {0};
    PVOID buffer;

    NTSTATUS status = get(Key, ValueName, &value);
    if (!NT_SUCCESS(status))
        return status;
    status = imp_WdfMemoryCreate(globals, MemoryAttributes, PoolType, 0, MAX(value.size, 1), Memory,
                                 &buffer);
    if (!NT_SUCCESS(status))
        return status;
    memcpy(buffer, value.data, value.size);
    ((struct wdf_memory *)*Memory)->size = value.size;
    if (ValueType)
        *ValueType = value.type;
    return STATUS_SUCCESS;
}

/* --- typed readers --- */

/** Turn a --param into the type asked for, where that makes sense. */
static void
convert_param(struct nt_registry_value *value, uint32_t type)
{
    char text[24];

    if (!value->is_param || value->type == type)
        return;
    if ((value->type == NT_REG_DWORD || value->type == NT_REG_QWORD) &&
        (type == NT_REG_SZ || type == NT_REG_MULTI_SZ)) {
        uint64_t number = 0;
        memcpy(&number, value->data, MIN(value->size, 8));
        snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
        size_t length;
        uint16_t *utf16 = wfp_utf16_from_utf8(text, &length);
        if (!utf16)
            return;
        free(value->data);
        value->data = utf16;
        value->size = (uint32_t)((length + 1) * 2);
        value->type = NT_REG_SZ;
    }
    if (value->type == NT_REG_SZ && type == NT_REG_MULTI_SZ) {
        value->size += 2; /* a spare terminator lies behind every copy */
        value->type = NT_REG_MULTI_SZ;
    } else if (value->type == NT_REG_MULTI_SZ && type == NT_REG_SZ) {
        uint16_t *units = value->data; /* items by comma, as they were given */
        uint32_t count = value->size / 2;
        while (count && !units[count - 1])
            count--;
        for (uint32_t i = 0; i < count; i++)
            if (!units[i])
                units[i] = ',';
        value->size = (count + 1) * 2;
        value->type = NT_REG_SZ;
    }
}

/** A string without its terminator, if the value is one. */
static NTSTATUS
as_string(struct nt_registry_value *value, UNICODE_STRING *ret_string)
{
    convert_param(value, NT_REG_SZ);
    if (value->type != NT_REG_SZ && value->type != NT_REG_EXPAND_SZ)
        return STATUS_OBJECT_TYPE_MISMATCH;
    uint32_t bytes = value->size & ~1u;
    while (bytes && !((uint16_t *)value->data)[bytes / 2 - 1])
        bytes -= 2;
    if (bytes > UNICODE_STRING_MAX_BYTES - 2)
        return STATUS_OBJECT_TYPE_MISMATCH;
    *ret_string = (UNICODE_STRING){(USHORT)bytes, (USHORT)(bytes + 2), value->data};
    return STATUS_SUCCESS;
}

/**
 * A REG_SZ into the caller's buffer.
 *
 * @param ValueByteLength  bytes with the terminator, may be NULL
 * @param Value            may be NULL: only ask for the length
 * @return STATUS_BUFFER_OVERFLOW, STATUS_OBJECT_TYPE_MISMATCH, STATUS_OBJECT_NAME_NOT_FOUND
 * IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryqueryunicodestring.
 */
WDF_API(NTSTATUS, WdfRegistryQueryUnicodeString, WDFKEY Key, PCUNICODE_STRING ValueName,
        PUSHORT ValueByteLength, PUNICODE_STRING Value)
{
    _cleanup_value_ struct nt_registry_value value = {0};
    UNICODE_STRING string;

    NTSTATUS status = get(Key, ValueName, &value);
    if (NT_SUCCESS(status))
        status = as_string(&value, &string);
    if (!NT_SUCCESS(status))
        return status;
    if (ValueByteLength)
        *ValueByteLength = string.MaximumLength;
    if (!Value)
        return STATUS_SUCCESS;
    if (string.Length > Value->MaximumLength)
        return STATUS_BUFFER_OVERFLOW;
    RtlCopyUnicodeString(Value, &string);
    return STATUS_SUCCESS;
}

/** A REG_SZ into a string object. IRQL: PASSIVE_LEVEL. Ref: wdfregistry. */
WDF_API(NTSTATUS, WdfRegistryQueryString, WDFKEY Key, PCUNICODE_STRING ValueName, WDFSTRING String)
{
    _cleanup_value_ struct nt_registry_value value = {0};
    UNICODE_STRING string;

    NTSTATUS status = get(Key, ValueName, &value);
    if (NT_SUCCESS(status))
        status = as_string(&value, &string);
    return NT_SUCCESS(status) ? wdf_string_assign(String, &string) : status;
}

/** A REG_MULTI_SZ: a string object per item is added to @p Collection. Ref: wdfregistry. */
WDF_API(NTSTATUS, WdfRegistryQueryMultiString, WDFKEY Key, PCUNICODE_STRING ValueName,
        PWDF_OBJECT_ATTRIBUTES StringsAttributes, WDFCOLLECTION Collection)
{
    _cleanup_value_ struct nt_registry_value value = {0};

    NTSTATUS status = get(Key, ValueName, &value);
    if (!NT_SUCCESS(status))
        return status;
    convert_param(&value, NT_REG_MULTI_SZ);
    if (value.type != NT_REG_MULTI_SZ)
        return STATUS_OBJECT_TYPE_MISMATCH;
    const uint16_t *units = value.data;
    for (uint32_t i = 0, count = value.size / 2; i < count && units[i];) {
        uint32_t length = 0;
        while (i + length < count && units[i + length])
            length++;
        UNICODE_STRING item = {(USHORT)(length * 2), (USHORT)(length * 2), (PWCH)units + i};
        WDFSTRING string;
        status = wdf_string_new(wdf_driver_of(globals), &item, StringsAttributes, &string);
        if (NT_SUCCESS(status))
            status = imp_WdfCollectionAdd(globals, Collection, string);
        if (!NT_SUCCESS(status))
            return status;
        i += length + 1;
    }
    return STATUS_SUCCESS;
}

/** A REG_DWORD. @return STATUS_OBJECT_TYPE_MISMATCH. IRQL: PASSIVE_LEVEL. Ref: wdfregistry. */
WDF_API(NTSTATUS, WdfRegistryQueryULong, WDFKEY Key, PCUNICODE_STRING ValueName, PULONG Value)
{
    _cleanup_value_ struct nt_registry_value value = {0};

    NTSTATUS status = get(Key, ValueName, &value);
    if (!NT_SUCCESS(status))
        return status;
    if (value.type != NT_REG_DWORD || value.size != sizeof(*Value))
        return STATUS_OBJECT_TYPE_MISMATCH;
    memcpy(Value, value.data, sizeof(*Value));
    return STATUS_SUCCESS;
}

/* --- writers --- */

/** IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryassignvalue. */
WDF_API(NTSTATUS, WdfRegistryAssignValue, WDFKEY Key, PCUNICODE_STRING ValueName, ULONG ValueType,
        ULONG ValueLength, PVOID Value)
{
    _cleanup_(freep) char *name = nt_wdk_to_utf8(ValueName);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    return name ? nt_registry_set(key_of(Key)->path, name, ValueType, Value, ValueLength)
                : STATUS_INSUFFICIENT_RESOURCES;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryassignmemory. */
WDF_API(NTSTATUS, WdfRegistryAssignMemory, WDFKEY Key, PCUNICODE_STRING ValueName, ULONG ValueType,
        WDFMEMORY Memory, PWDFMEMORY_OFFSET MemoryOffsets)
{
    struct wdf_memory *memory = WDF_GET(Memory, MEMORY);
    size_t offset = MemoryOffsets ? MemoryOffsets->BufferOffset : 0;
    size_t length = MemoryOffsets ? MemoryOffsets->BufferLength : memory->size;

    if (offset > memory->size || length > memory->size - offset)
        return STATUS_INTEGER_OVERFLOW;
    return imp_WdfRegistryAssignValue(globals, Key, ValueName, ValueType, (ULONG)length,
                                      (char *)memory->buffer + offset);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryassignunicodestring. */
WDF_API(NTSTATUS, WdfRegistryAssignUnicodeString, WDFKEY Key, PCUNICODE_STRING ValueName,
        PCUNICODE_STRING Value)
{
    _cleanup_(freep) WCHAR *text = calloc(1, Value->Length + sizeof(WCHAR));

    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(text, Value->Buffer, Value->Length);
    return imp_WdfRegistryAssignValue(globals, Key, ValueName, REG_SZ,
                                      (ULONG)(Value->Length + sizeof(WCHAR)), text);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryassignstring. */
WDF_API(NTSTATUS, WdfRegistryAssignString, WDFKEY Key, PCUNICODE_STRING ValueName, WDFSTRING String)
{
    UNICODE_STRING text;
    imp_WdfStringGetUnicodeString(globals, String, &text);
    return imp_WdfRegistryAssignUnicodeString(globals, Key, ValueName, &text);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryassignmultistring. */
WDF_API(NTSTATUS, WdfRegistryAssignMultiString, WDFKEY Key, PCUNICODE_STRING ValueName,
        WDFCOLLECTION StringsCollection)
{
    ULONG count = imp_WdfCollectionGetCount(globals, StringsCollection);
    _cleanup_(freep) char *all = NULL;
    size_t size = 0;

    for (ULONG i = 0; i <= count; i++) {
        UNICODE_STRING text = {0};
        if (i < count)
            imp_WdfStringGetUnicodeString(
                globals, (WDFSTRING)imp_WdfCollectionGetItem(globals, StringsCollection, i), &text);
        char *grown = realloc(all, size + text.Length + sizeof(WCHAR));
        if (!grown)
            return STATUS_INSUFFICIENT_RESOURCES;
        all = grown;
        if (text.Length)
            memcpy(all + size, text.Buffer, text.Length);
        memset(all + size + text.Length, 0, sizeof(WCHAR));
        size += text.Length + sizeof(WCHAR);
    }
    return imp_WdfRegistryAssignValue(globals, Key, ValueName, REG_MULTI_SZ, (ULONG)size, all);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdfregistry/nf-wdfregistry-wdfregistryassignulong. */
WDF_API(NTSTATUS, WdfRegistryAssignULong, WDFKEY Key, PCUNICODE_STRING ValueName, ULONG Value)
{
    return imp_WdfRegistryAssignValue(globals, Key, ValueName, REG_DWORD, sizeof(Value), &Value);
}
