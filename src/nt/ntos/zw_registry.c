/*
 * The registry as drivers call it, over nt_registry.c.
 *
 * Ref        kernel/using-the-registry-in-a-driver
 */
#include "nt/ntos/ob_object.h"

#include <stdio.h>
#include <stdlib.h>

#include "nt/ntos/nt_registry.h"

#define _cleanup_value_ _cleanup_(nt_registry_value_clear)

/** @return STATUS_OBJECT_NAME_NOT_FOUND. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwopenkey. */
NTSTATUS NTAPI
ZwOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_path(ObjectAttributes, &path);
    if (!NT_SUCCESS(status))
        return status;
    if (!nt_registry_has_key(path))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    return nt_ob_object_open_place(NT_OBJECT_KEY, &path, DesiredAccess, KeyHandle);
}

/** As ZwOpenKey. Ref: wdm/nf-wdm-zwopenkeyex. */
NTSTATUS NTAPI
ZwOpenKeyEx(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
            ULONG OpenOptions)
{
    return ZwOpenKey(KeyHandle, DesiredAccess, ObjectAttributes);
}

/** @p Disposition, may be NULL, tells new or opened. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwcreatekey. */
NTSTATUS NTAPI
ZwCreateKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
            ULONG TitleIndex, PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition)
{
    _cleanup_(freep) char *path = NULL;
    bool created = false;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_path(ObjectAttributes, &path);
    if (NT_SUCCESS(status))
        status = nt_registry_create_key(path, &created);
    if (!NT_SUCCESS(status))
        return status;
    if (Disposition)
        *Disposition = created ? REG_CREATED_NEW_KEY : REG_OPENED_EXISTING_KEY;
    return nt_ob_object_open_place(NT_OBJECT_KEY, &path, DesiredAccess, KeyHandle);
}

/** @return STATUS_ACCESS_DENIED while there are keys below. IRQL: PASSIVE_LEVEL. Ref: wdm. */
NTSTATUS NTAPI
ZwDeleteKey(HANDLE KeyHandle)
{
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_place_path(KeyHandle, NT_OBJECT_KEY, &path);
    return NT_SUCCESS(status) ? nt_registry_delete_key(path) : status;
}

/** Nothing to write out. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwflushkey. */
NTSTATUS NTAPI
ZwFlushKey(HANDLE KeyHandle)
{
    return STATUS_SUCCESS;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwsetvaluekey. */
NTSTATUS NTAPI
ZwSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data,
              ULONG DataSize)
{
    _cleanup_(freep) char *path = NULL, *name = nt_wdk_to_utf8(ValueName);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_place_path(KeyHandle, NT_OBJECT_KEY, &path);
    if (!NT_SUCCESS(status))
        return status;
    return name ? nt_registry_set(path, name, Type, Data, DataSize) : STATUS_INSUFFICIENT_RESOURCES;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwdeletevaluekey. */
NTSTATUS NTAPI
ZwDeleteValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName)
{
    _cleanup_(freep) char *path = NULL, *name = nt_wdk_to_utf8(ValueName);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_place_path(KeyHandle, NT_OBJECT_KEY, &path);
    if (!NT_SUCCESS(status))
        return status;
    return name ? nt_registry_delete(path, name) : STATUS_INSUFFICIENT_RESOURCES;
}

/**
 * Fill a caller's structure with one value.
 *
 * @param fixed  bytes before the variable part: below that STATUS_BUFFER_TOO_SMALL
 */
static NTSTATUS
answer(const struct nt_registry_value *value, KEY_VALUE_INFORMATION_CLASS class, PVOID buffer,
       ULONG length, PULONG ret_length)
{
    size_t units;
    _cleanup_(freep) uint16_t *name = wfp_utf16_from_utf8(value->name, &units);
    _cleanup_(freep) unsigned char *full = NULL;
    ULONG name_bytes = (ULONG)(units * sizeof(WCHAR)), needed, fixed;

    if (!name)
        return STATUS_INSUFFICIENT_RESOURCES;
    switch (class) {
    case KeyValueBasicInformation:
        fixed = offsetof(KEY_VALUE_BASIC_INFORMATION, Name);
        needed = fixed + name_bytes;
        break;
    case KeyValueFullInformation:
        fixed = offsetof(KEY_VALUE_FULL_INFORMATION, Name);
        needed = (ULONG)ALIGN_UP(fixed + name_bytes, 8u) + value->size;
        break;
    case KeyValuePartialInformation:
        fixed = offsetof(KEY_VALUE_PARTIAL_INFORMATION, Data);
        needed = fixed + value->size;
        break;
    default:
        return STATUS_INVALID_PARAMETER;
    }
    *ret_length = needed;
    if (length < fixed)
        return STATUS_BUFFER_TOO_SMALL;
    full = calloc(1, needed);
    if (!full)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (class == KeyValuePartialInformation) {
        PKEY_VALUE_PARTIAL_INFORMATION info = (void *)full;
        info->Type = value->type;
        info->DataLength = value->size;
        memcpy(info->Data, value->data, value->size);
    } else if (class == KeyValueFullInformation) {
        PKEY_VALUE_FULL_INFORMATION info = (void *)full;
        info->Type = value->type;
        info->DataOffset = needed - value->size;
        info->DataLength = value->size;
        info->NameLength = name_bytes;
        memcpy(full + fixed, name, name_bytes);
        memcpy(full + info->DataOffset, value->data, value->size);
    } else {
        PKEY_VALUE_BASIC_INFORMATION info = (void *)full;
        info->Type = value->type;
        info->NameLength = name_bytes;
        memcpy(full + fixed, name, name_bytes);
    }
    memcpy(buffer, full, MIN(length, needed));
    return length < needed ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/**
 * Read a value.
 *
 * @return STATUS_OBJECT_NAME_NOT_FOUND; STATUS_BUFFER_TOO_SMALL when not even the fixed part fits,
 *         STATUS_BUFFER_OVERFLOW when the data is cut; @p ResultLength tells bytes in both cases
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwqueryvaluekey.
 */
NTSTATUS NTAPI
ZwQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass, PVOID KeyValueInformation,
                ULONG Length, PULONG ResultLength)
{
    _cleanup_(freep) char *path = NULL, *name = nt_wdk_to_utf8(ValueName);
    _cleanup_value_ struct nt_registry_value value = {0};

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_place_path(KeyHandle, NT_OBJECT_KEY, &path);
    if (!NT_SUCCESS(status))
        return status;
    status = name ? nt_registry_get(path, name, &value) : STATUS_INSUFFICIENT_RESOURCES;
    if (!NT_SUCCESS(status))
        return status;
    return answer(&value, KeyValueInformationClass, KeyValueInformation, Length, ResultLength);
}

/** As ZwQueryValueKey, by index; STATUS_NO_MORE_ENTRIES past the end. Ref: wdm. */
NTSTATUS NTAPI
ZwEnumerateValueKey(HANDLE KeyHandle, ULONG Index,
                    KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass, PVOID KeyValueInformation,
                    ULONG Length, PULONG ResultLength)
{
    _cleanup_(freep) char *path = NULL;
    _cleanup_value_ struct nt_registry_value value = {0};

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_place_path(KeyHandle, NT_OBJECT_KEY, &path);
    if (!NT_SUCCESS(status))
        return status;
    if (!NT_SUCCESS(nt_registry_value_at(path, Index, &value)))
        return STATUS_NO_MORE_ENTRIES;
    return answer(&value, KeyValueInformationClass, KeyValueInformation, Length, ResultLength);
}

/**
 * Name of the @p Index th key below. Gap: KeyBasicInformation only.
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-zwenumeratekey.
 */
NTSTATUS NTAPI
ZwEnumerateKey(HANDLE KeyHandle, ULONG Index, KEY_INFORMATION_CLASS KeyInformationClass,
               PVOID KeyInformation, ULONG Length, PULONG ResultLength)
{
    _cleanup_(freep) char *path = NULL;
    PKEY_BASIC_INFORMATION info = KeyInformation;
    const ULONG fixed = offsetof(KEY_BASIC_INFORMATION, Name);
    size_t units;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_ob_object_place_path(KeyHandle, NT_OBJECT_KEY, &path);
    if (!NT_SUCCESS(status))
        return status;
    if (KeyInformationClass != KeyBasicInformation)
        return STATUS_INVALID_PARAMETER;
    _cleanup_(freep) char *name = nt_registry_key_at(path, Index);
    if (!name)
        return STATUS_NO_MORE_ENTRIES;
    _cleanup_(freep) uint16_t *text = wfp_utf16_from_utf8(name, &units);
    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    *ResultLength = fixed + (ULONG)(units * sizeof(WCHAR));
    if (Length < fixed)
        return STATUS_BUFFER_TOO_SMALL;
    memset(info, 0, fixed);
    info->NameLength = (ULONG)(units * sizeof(WCHAR));
    memcpy((char *)info + fixed, text, MIN(Length - fixed, info->NameLength));
    return Length < *ResultLength ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* --- Rtl registry helpers --- */

static char *
rtl_path(ULONG relative_to, PCWSTR path)
{
    static const char *const roots[] = {
        "",
        NT_REGISTRY_SERVICES,
        "\\Registry\\Machine\\System\\CurrentControlSet\\Control",
        "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion",
        "\\Registry\\Machine\\Hardware\\DeviceMap",
        "\\Registry\\User\\.Default",
    };
    char *full = NULL;

    if (relative_to & RTL_REGISTRY_HANDLE) {
        nt_ob_object_place_path((HANDLE)path, NT_OBJECT_KEY, &full);
        return full;
    }
    ULONG root = relative_to & ~RTL_REGISTRY_OPTIONAL;
    _cleanup_(freep) char *name = wfp_utf16_to_utf8(path, wfp_utf16_length(path));
    if (!name || root >= ELEMENTSOF(roots))
        return NULL;
    if (asprintf(&full, "%s%s%s", roots[root], root && name[0] ? "\\" : "", name) < 0)
        return NULL;
    return full;
}

/** @return STATUS_OBJECT_NAME_NOT_FOUND. IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlcheckregistrykey. */
NTSTATUS NTAPI
RtlCheckRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    _cleanup_(freep) char *path = rtl_path(RelativeTo, Path);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!path)
        return STATUS_INVALID_PARAMETER;
    return nt_registry_has_key(path) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlcreateregistrykey. */
NTSTATUS NTAPI
RtlCreateRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    _cleanup_(freep) char *path = rtl_path(RelativeTo, Path);

    NT_IRQL_MAX(PASSIVE_LEVEL);
    return path ? nt_registry_create_key(path, NULL) : STATUS_INVALID_PARAMETER;
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlwriteregistryvalue. */
NTSTATUS NTAPI
RtlWriteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName, ULONG ValueType,
                      PVOID ValueData, ULONG ValueLength)
{
    _cleanup_(freep) char *path = rtl_path(RelativeTo, Path);
    _cleanup_(freep) char *name = wfp_utf16_to_utf8(ValueName, wfp_utf16_length(ValueName));

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!path || !name)
        return STATUS_INVALID_PARAMETER;
    return nt_registry_set(path, name, ValueType, ValueData, ValueLength);
}

/** IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtldeleteregistryvalue. */
NTSTATUS NTAPI
RtlDeleteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName)
{
    _cleanup_(freep) char *path = rtl_path(RelativeTo, Path);
    _cleanup_(freep) char *name = wfp_utf16_to_utf8(ValueName, wfp_utf16_length(ValueName));

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!path || !name)
        return STATUS_INVALID_PARAMETER;
    return nt_registry_delete(path, name);
}

/** RTL_QUERY_REGISTRY_DIRECT: put the value where EntryContext points. */
static NTSTATUS
store_direct(const RTL_QUERY_REGISTRY_TABLE *entry, ULONG type, const void *data, ULONG size)
{
    ULONG wanted = (entry->DefaultType & RTL_QUERY_REGISTRY_TYPECHECK_MASK) >>
                   RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;

    if ((entry->Flags & RTL_QUERY_REGISTRY_TYPECHECK) && wanted != type)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ) {
        PUNICODE_STRING string = entry->EntryContext;
        if (!string->Buffer) {
            string->Buffer = ExAllocatePoolWithTag(PagedPool, MAX(size, 2), 0x67727453u);
            if (!string->Buffer)
                return STATUS_NO_MEMORY;
            string->MaximumLength = (USHORT)size;
        } else if (size > string->MaximumLength) {
            return STATUS_BUFFER_TOO_SMALL;
        }
        memcpy(string->Buffer, data, size);
        string->Length = (USHORT)(size >= sizeof(WCHAR) ? size - sizeof(WCHAR) : 0);
        return STATUS_SUCCESS;
    }
    if (size <= sizeof(ULONG)) {
        memcpy(entry->EntryContext, data, size);
        return STATUS_SUCCESS;
    }
    /* Longer data: the caller's buffer begins with its size; negative: data only. */
    PLONG room = entry->EntryContext;
    if (*room < 0) {
        if ((ULONG) - *room < size)
            return STATUS_BUFFER_TOO_SMALL;
        memcpy(room, data, size);
    } else {
        if ((ULONG)*room < size + 8)
            return STATUS_BUFFER_TOO_SMALL;
        room[1] = (LONG)type;
        room[0] = (LONG)size;
        memcpy(room + 2, data, size);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS
deliver(const RTL_QUERY_REGISTRY_TABLE *entry, PWSTR name, ULONG type, void *data, ULONG size,
        PVOID context)
{
    if (entry->Flags & RTL_QUERY_REGISTRY_DIRECT)
        return store_direct(entry, type, data, size);
    if (type != REG_MULTI_SZ || (entry->Flags & RTL_QUERY_REGISTRY_NOEXPAND))
        return entry->QueryRoutine(name, type, data, size, context, entry->EntryContext);
    for (PWSTR item = data; (char *)item + sizeof(WCHAR) < (char *)data + size && *item;) {
        ULONG bytes = (ULONG)((wfp_utf16_length(item) + 1) * sizeof(WCHAR));
        NTSTATUS status =
            entry->QueryRoutine(name, REG_SZ, item, bytes, context, entry->EntryContext);
        if (!NT_SUCCESS(status))
            return status;
        item += bytes / sizeof(WCHAR);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS
query_entry(const char *path, const RTL_QUERY_REGISTRY_TABLE *entry, PVOID context)
{
    _cleanup_(freep) char *name = wfp_utf16_to_utf8(entry->Name, wfp_utf16_length(entry->Name));
    _cleanup_value_ struct nt_registry_value value = {0};

    if (!name)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = nt_registry_get(path, name, &value);
    if (NT_SUCCESS(status)) {
        status = deliver(entry, entry->Name, value.type, value.data, value.size, context);
        if (NT_SUCCESS(status) && (entry->Flags & RTL_QUERY_REGISTRY_DELETE))
            nt_registry_delete(path, name);
        return status;
    }
    if (entry->Flags & RTL_QUERY_REGISTRY_REQUIRED)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    ULONG type = entry->DefaultType & ~RTL_QUERY_REGISTRY_TYPECHECK_MASK;
    if (type == REG_NONE || !entry->DefaultData)
        return STATUS_SUCCESS;
    ULONG size = entry->DefaultLength;
    if (!size && (type == REG_SZ || type == REG_EXPAND_SZ))
        size = (ULONG)((wfp_utf16_length(entry->DefaultData) + 1) * sizeof(WCHAR));
    return deliver(entry, entry->Name, type, entry->DefaultData, size, context);
}

/**
 * Read several values through a table, ended by an entry without routine and name.
 *
 * @return what a query routine failed with; STATUS_OBJECT_NAME_NOT_FOUND
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlqueryregistryvalues.
 * Gap: entries without a name (all values of the key) only with RTL_QUERY_REGISTRY_SUBKEY unset.
 */
NTSTATUS NTAPI
RtlQueryRegistryValues(ULONG RelativeTo, PCWSTR Path, PRTL_QUERY_REGISTRY_TABLE QueryTable,
                       PVOID Context, PVOID Environment)
{
    _cleanup_(freep) char *top = rtl_path(RelativeTo, Path);
    _cleanup_(freep) char *path = top ? strdup(top) : NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!top || !path)
        return STATUS_INVALID_PARAMETER;
    if (!nt_registry_has_key(top))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    for (PRTL_QUERY_REGISTRY_TABLE entry = QueryTable;
         entry->QueryRoutine ||
         (entry->Flags & (RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_DIRECT));
         entry++) {
        NTSTATUS status = STATUS_SUCCESS;
        if (entry->Flags & (RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_TOPKEY)) {
            _cleanup_(freep) char *below = NULL;
            free(path);
            path = NULL;
            if (entry->Flags & RTL_QUERY_REGISTRY_SUBKEY) {
                below = wfp_utf16_to_utf8(entry->Name, wfp_utf16_length(entry->Name));
                if (asprintf(&path, "%s\\%s", top, below ? below : "") < 0)
                    path = NULL;
            } else {
                path = strdup(top);
            }
            if (!path)
                return STATUS_INSUFFICIENT_RESOURCES;
            if (entry->Flags & RTL_QUERY_REGISTRY_SUBKEY)
                continue;
        }
        if (entry->Flags & RTL_QUERY_REGISTRY_NOVALUE)
            status = entry->QueryRoutine(NULL, REG_NONE, NULL, 0, Context, entry->EntryContext);
        else if (entry->Name)
            status = query_entry(path, entry, Context);
        else
            for (size_t i = 0; NT_SUCCESS(status); i++) {
                _cleanup_value_ struct nt_registry_value value = {0};
                if (!NT_SUCCESS(nt_registry_value_at(path, i, &value)))
                    break;
                _cleanup_(freep) uint16_t *name = wfp_utf16_from_utf8(value.name, NULL);
                status = deliver(entry, name, value.type, value.data, value.size, Context);
            }
        if (!NT_SUCCESS(status))
            return status;
    }
    return STATUS_SUCCESS;
}
