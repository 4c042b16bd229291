/*
 * Registry keys: paths into the host's registry (ntos/nt_registry.h).
 *
 * Choice     A value that came as --param has the type its text looked like. A driver that asks for
 *            a string gets "a, b" as one string although commas made it a list, and a number as its
 *            digits: on the command line the driver's expectation is the type.
 */
#include "nt/kmdf/wdf_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "nt/ntos/nt_registry.h"

NTSTATUS NTAPI imp_WdfCollectionAdd(PWDF_DRIVER_GLOBALS globals, WDFCOLLECTION Collection,
                                    WDFOBJECT Object);

struct wdf_key {
    struct wdf_object object;
    char *path;    /* UTF-8 */
    HANDLE handle; /* WdfRegistryWdmGetHandle */
};

static void
destroy(struct wdf_object *object)
{
    struct wdf_key *key = CONTAINER_OF(object, struct wdf_key, object);

    if (key->handle)
        ZwClose(key->handle);
    free(key->path);
}

const struct wdf_class wdf_class_key = {
    .type = WDF_KEY, .name = "WDFKEY", .size = sizeof(struct wdf_key), .destroy = destroy};

static char *
utf8_of(PCUNICODE_STRING text)
{
    return wfp_utf16_to_utf8(text->Buffer, text->Length / sizeof(WCHAR));
}

/* Takes @p path. */
static NTSTATUS
new_key(struct wdf_driver *driver, char *path, PWDF_OBJECT_ATTRIBUTES attributes, WDFKEY *ret_key)
{
    struct wdf_key *key;
    NTSTATUS status = path ? wdf_object_new(driver, &wdf_class_key, attributes, &driver->object, &key)
                           : STATUS_INSUFFICIENT_RESOURCES;

    if (!NT_SUCCESS(status)) {
        free(path);
        return status;
    }
    key->path = path;
    *ret_key = (WDFKEY)key;
    return STATUS_SUCCESS;
}

/**
 * The driver's Parameters key; made if it is not there, as installation would.
 * Ref: ddi wdfdriver/nf-wdfdriver-wdfdriveropenparametersregistrykey
 */
WDF_EXPORT(NTSTATUS, WdfDriverOpenParametersRegistryKey, WDFDRIVER Driver, ACCESS_MASK DesiredAccess,
           PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key)
{
    struct wdf_driver *driver = WDF_CHECK(Driver, wdf_class_driver);
    _cleanup_(freep) char *service = driver ? utf8_of(&driver->registry_path) : NULL;
    char *path = NULL;

    if (!service || asprintf(&path, "%s\\Parameters", service) < 0)
        return STATUS_INSUFFICIENT_RESOURCES;
    nt_registry_create_key(path, NULL);
    return new_key(driver, path, KeyAttributes, Key);
}

/* @return NTSTATUS; @p ret_path is malloced */
static NTSTATUS
child_path(WDFKEY parent, PCUNICODE_STRING name, const char *function, char **ret_path)
{
    struct wdf_key *key = parent ? wdf_object_check(parent, &wdf_class_key, function) : NULL;
    _cleanup_(freep) char *text = utf8_of(name);

    if ((parent && !key) || !text)
        return parent && !key ? STATUS_INVALID_HANDLE : STATUS_INSUFFICIENT_RESOURCES;
    if (asprintf(ret_path, "%s%s%s", key ? key->path : "", key ? "\\" : "", text) < 0)
        return STATUS_INSUFFICIENT_RESOURCES;
    return STATUS_SUCCESS;
}

/** @return STATUS_OBJECT_NAME_NOT_FOUND. Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryopenkey */
WDF_EXPORT(NTSTATUS, WdfRegistryOpenKey, WDFKEY ParentKey, PCUNICODE_STRING KeyName,
           ACCESS_MASK DesiredAccess, PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key)
{
    char *path;
    NTSTATUS status = child_path(ParentKey, KeyName, __func__, &path);

    if (!NT_SUCCESS(status))
        return status;
    if (!nt_registry_has_key(path)) {
        free(path);
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    return new_key(wdf_driver_of(globals), path, KeyAttributes, Key);
}

/** Ref: ddi wdfregistry/nf-wdfregistry-wdfregistrycreatekey */
WDF_EXPORT(NTSTATUS, WdfRegistryCreateKey, WDFKEY ParentKey, PCUNICODE_STRING KeyName,
           ACCESS_MASK DesiredAccess, ULONG CreateOptions, PULONG CreateDisposition,
           PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key)
{
    char *path;
    bool created;
    NTSTATUS status = child_path(ParentKey, KeyName, __func__, &path);

    if (!NT_SUCCESS(status))
        return status;
    status = nt_registry_create_key(path, &created);
    if (!NT_SUCCESS(status)) {
        free(path);
        return status;
    }
    if (CreateDisposition)
        *CreateDisposition = created ? REG_CREATED_NEW_KEY : REG_OPENED_EXISTING_KEY;
    return new_key(wdf_driver_of(globals), path, KeyAttributes, Key);
}

/** Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryclose */
WDF_EXPORT(VOID, WdfRegistryClose, WDFKEY Key)
{
    struct wdf_key *key = WDF_CHECK(Key, wdf_class_key);
    if (key)
        wdf_object_delete(&key->object);
}

/** Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryremovekey */
WDF_EXPORT(NTSTATUS, WdfRegistryRemoveKey, WDFKEY Key)
{
    struct wdf_key *key = WDF_CHECK(Key, wdf_class_key);
    NTSTATUS status = key ? nt_registry_delete_key(key->path) : STATUS_INVALID_HANDLE;

    if (NT_SUCCESS(status))
        wdf_object_delete(&key->object);
    return status;
}

/** Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryremovevalue */
WDF_EXPORT(NTSTATUS, WdfRegistryRemoveValue, WDFKEY Key, PCUNICODE_STRING ValueName)
{
    struct wdf_key *key = WDF_CHECK(Key, wdf_class_key);
    _cleanup_(freep) char *name = key ? utf8_of(ValueName) : NULL;
    return name ? nt_registry_delete(key->path, name) : STATUS_INVALID_HANDLE;
}

static NTSTATUS
get_value(WDFKEY handle, PCUNICODE_STRING value_name, const char *function, struct nt_registry_value *ret_value)
{
    struct wdf_key *key = wdf_object_check(handle, &wdf_class_key, function);
    _cleanup_(freep) char *name = key ? utf8_of(value_name) : NULL;

    if (!key)
        return STATUS_INVALID_HANDLE;
    return name ? nt_registry_get(key->path, name, ret_value) : STATUS_INSUFFICIENT_RESOURCES;
}

/* A --param's list or number as the string it was typed as. */
static NTSTATUS
as_string(struct nt_registry_value *value)
{
    if (value->type == NT_REG_SZ || value->type == NT_REG_EXPAND_SZ)
        return STATUS_SUCCESS;
    if (!value->is_param)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (value->type == NT_REG_MULTI_SZ) {
        WCHAR *text = value->data;
        for (uint32_t i = 0; i + 2 < value->size / sizeof(WCHAR); i++)
            if (text[i] == 0)
                text[i] = ',';
        value->size -= sizeof(WCHAR); /* the list's own terminator */
        return STATUS_SUCCESS;
    }
    if (value->type == NT_REG_DWORD) {
        char digits[16];
        size_t length;
        snprintf(digits, sizeof(digits), "%u", *(uint32_t *)value->data);
        uint16_t *text = wfp_utf16_from_utf8(digits, &length);
        if (!text)
            return STATUS_INSUFFICIENT_RESOURCES;
        free(value->data);
        value->data = text;
        value->size = (uint32_t)((length + 1) * sizeof(WCHAR));
        return STATUS_SUCCESS;
    }
    return STATUS_OBJECT_TYPE_MISMATCH;
}

/* The text of a value without its terminators. */
static UNICODE_STRING
text_of(const struct nt_registry_value *value)
{
    WCHAR *text = value->data;
    USHORT length = 0, most = (USHORT)(value->size / sizeof(WCHAR));

    while (length < most && text[length])
        length++;
    return (UNICODE_STRING){.Length = (USHORT)(length * sizeof(WCHAR)),
                            .MaximumLength = (USHORT)(most * sizeof(WCHAR)),
                            .Buffer = text};
}

/** @return STATUS_OBJECT_TYPE_MISMATCH for what is no REG_DWORD. Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryqueryulong */
WDF_EXPORT(NTSTATUS, WdfRegistryQueryULong, WDFKEY Key, PCUNICODE_STRING ValueName, PULONG Value)
{
    _cleanup_(nt_registry_value_clear) struct nt_registry_value value = {0};
    NTSTATUS status = get_value(Key, ValueName, __func__, &value);

    if (!NT_SUCCESS(status))
        return status;
    if (value.type != NT_REG_DWORD || value.size < sizeof(ULONG))
        return STATUS_OBJECT_TYPE_MISMATCH;
    memcpy(Value, value.data, sizeof(ULONG));
    return STATUS_SUCCESS;
}

/** The string is assigned to the object. Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryquerystring */
WDF_EXPORT(NTSTATUS, WdfRegistryQueryString, WDFKEY Key, PCUNICODE_STRING ValueName, WDFSTRING String)
{
    struct wdf_string *string = WDF_CHECK(String, wdf_class_string);
    _cleanup_(nt_registry_value_clear) struct nt_registry_value value = {0};
    NTSTATUS status = get_value(Key, ValueName, __func__, &value);
    UNICODE_STRING text, copy;

    if (NT_SUCCESS(status))
        status = string ? as_string(&value) : STATUS_INVALID_PARAMETER;
    if (!NT_SUCCESS(status))
        return status;
    text = text_of(&value);
    if (!wdf_driver_copy_string(&text, &copy))
        return STATUS_INSUFFICIENT_RESOURCES;
    free(string->text.Buffer);
    string->text = copy;
    return STATUS_SUCCESS;
}

/**
 * Copy a string value.
 *
 * @param ValueByteLength  receives the bytes needed, with the terminator; may be NULL
 * @param Value            may be NULL to ask for the length
 * @return STATUS_BUFFER_OVERFLOW where it does not fit
 * Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryqueryunicodestring
 */
WDF_EXPORT(NTSTATUS, WdfRegistryQueryUnicodeString, WDFKEY Key, PCUNICODE_STRING ValueName,
           PUSHORT ValueByteLength, PUNICODE_STRING Value)
{
    _cleanup_(nt_registry_value_clear) struct nt_registry_value value = {0};
    NTSTATUS status = get_value(Key, ValueName, __func__, &value);

    if (NT_SUCCESS(status))
        status = as_string(&value);
    if (!NT_SUCCESS(status))
        return status;
    UNICODE_STRING text = text_of(&value);
    if (ValueByteLength)
        *ValueByteLength = (USHORT)(text.Length + sizeof(WCHAR));
    if (!Value)
        return STATUS_BUFFER_OVERFLOW;
    if (Value->MaximumLength < text.Length || !Value->Buffer)
        return STATUS_BUFFER_OVERFLOW;
    memcpy(Value->Buffer, text.Buffer, text.Length);
    Value->Length = text.Length;
    if (Value->MaximumLength >= text.Length + sizeof(WCHAR))
        Value->Buffer[text.Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

/** A string object per string, added to the collection. Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryquerymultistring */
WDF_EXPORT(NTSTATUS, WdfRegistryQueryMultiString, WDFKEY Key, PCUNICODE_STRING ValueName,
           PWDF_OBJECT_ATTRIBUTES StringsAttributes, WDFCOLLECTION Collection)
{
    _cleanup_(nt_registry_value_clear) struct nt_registry_value value = {0};
    NTSTATUS status = get_value(Key, ValueName, __func__, &value);

    if (!NT_SUCCESS(status))
        return status;
    if (value.type != NT_REG_MULTI_SZ && !(value.is_param && value.type == NT_REG_SZ))
        return STATUS_OBJECT_TYPE_MISMATCH;
    WCHAR *at = value.data, *end = at + value.size / sizeof(WCHAR);
    while (at < end && *at) {
        struct wdf_string *string;
        WCHAR *start = at;
        while (at < end && *at)
            at++;
        UNICODE_STRING text = {.Length = (USHORT)((at - start) * (ptrdiff_t)sizeof(WCHAR)), .Buffer = start};
        text.MaximumLength = text.Length;
        status = wdf_string_make(wdf_driver_of(globals), &text, StringsAttributes, &string);
        if (!NT_SUCCESS(status))
            return status;
        status = imp_WdfCollectionAdd(globals, Collection, string);
        if (!NT_SUCCESS(status))
            return status;
        at++;
    }
    return STATUS_SUCCESS;
}

/** The raw value. @return STATUS_BUFFER_OVERFLOW with the length. Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryqueryvalue */
WDF_EXPORT(NTSTATUS, WdfRegistryQueryValue, WDFKEY Key, PCUNICODE_STRING ValueName, ULONG ValueLength,
           PVOID Value, PULONG ValueLengthQueried, PULONG ValueType)
{
    _cleanup_(nt_registry_value_clear) struct nt_registry_value value = {0};
    NTSTATUS status = get_value(Key, ValueName, __func__, &value);

    if (!NT_SUCCESS(status))
        return status;
    if (ValueLengthQueried)
        *ValueLengthQueried = value.size;
    if (ValueType)
        *ValueType = value.type;
    if (!Value || ValueLength < value.size)
        return STATUS_BUFFER_OVERFLOW;
    memcpy(Value, value.data, value.size);
    return STATUS_SUCCESS;
}

static NTSTATUS
set_value(WDFKEY handle, PCUNICODE_STRING value_name, const char *function, uint32_t type,
          const void *data, uint32_t size)
{
    struct wdf_key *key = wdf_object_check(handle, &wdf_class_key, function);
    _cleanup_(freep) char *name = key ? utf8_of(value_name) : NULL;
    return name ? nt_registry_set(key->path, name, type, data, size) : STATUS_INVALID_HANDLE;
}

/** Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryassignvalue */
WDF_EXPORT(NTSTATUS, WdfRegistryAssignValue, WDFKEY Key, PCUNICODE_STRING ValueName, ULONG ValueType,
           ULONG ValueLength, PVOID Value)
{
    return set_value(Key, ValueName, __func__, ValueType, Value, ValueLength);
}

/** Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryassignulong */
WDF_EXPORT(NTSTATUS, WdfRegistryAssignULong, WDFKEY Key, PCUNICODE_STRING ValueName, ULONG Value)
{
    return set_value(Key, ValueName, __func__, NT_REG_DWORD, &Value, sizeof(Value));
}

/** Ref: ddi wdfregistry/nf-wdfregistry-wdfregistryassignunicodestring */
WDF_EXPORT(NTSTATUS, WdfRegistryAssignUnicodeString, WDFKEY Key, PCUNICODE_STRING ValueName,
           PCUNICODE_STRING Value)
{
    UNICODE_STRING copy;

    if (!wdf_driver_copy_string(Value, &copy))
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = set_value(Key, ValueName, __func__, NT_REG_SZ, copy.Buffer, copy.Length + (ULONG)sizeof(WCHAR));
    free(copy.Buffer);
    return status;
}
