/* Registry keys as framework objects. */
#ifndef _WDFREGISTRY_H_
#define _WDFREGISTRY_H_

#include "wdfmemory.h"

EXTERN_C_START

#define WDF_REG_(result, name, NAME, params, args)                                                 \
    WDF_FUNCTION(result, WdfRegistry##name, WDFREGISTRY##NAME, params, args)
WDF_REG_(NTSTATUS, OpenKey, OPENKEY,
         (WDFKEY ParentKey, PCUNICODE_STRING KeyName, ACCESS_MASK DesiredAccess,
          PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key),
         (ParentKey, KeyName, DesiredAccess, KeyAttributes, Key));
WDF_REG_(NTSTATUS, CreateKey, CREATEKEY,
         (WDFKEY ParentKey, PCUNICODE_STRING KeyName, ACCESS_MASK DesiredAccess,
          ULONG CreateOptions, PULONG CreateDisposition, PWDF_OBJECT_ATTRIBUTES KeyAttributes,
          WDFKEY *Key),
         (ParentKey, KeyName, DesiredAccess, CreateOptions, CreateDisposition, KeyAttributes, Key));
WDF_REG_(VOID, Close, CLOSE, (WDFKEY Key), (Key));
WDF_REG_(HANDLE, WdmGetHandle, WDMGETHANDLE, (WDFKEY Key), (Key));
WDF_REG_(NTSTATUS, RemoveKey, REMOVEKEY, (WDFKEY Key), (Key));
WDF_REG_(NTSTATUS, RemoveValue, REMOVEVALUE, (WDFKEY Key, PCUNICODE_STRING ValueName),
         (Key, ValueName));
WDF_REG_(NTSTATUS, QueryValue, QUERYVALUE,
         (WDFKEY Key, PCUNICODE_STRING ValueName, ULONG ValueLength, PVOID Value,
          PULONG ValueLengthQueried, PULONG ValueType),
         (Key, ValueName, ValueLength, Value, ValueLengthQueried, ValueType));
WDF_REG_(NTSTATUS, QueryMemory, QUERYMEMORY,
         (WDFKEY Key, PCUNICODE_STRING ValueName, POOL_TYPE PoolType,
          PWDF_OBJECT_ATTRIBUTES MemoryAttributes, WDFMEMORY *Memory, PULONG ValueType),
         (Key, ValueName, PoolType, MemoryAttributes, Memory, ValueType));
WDF_REG_(NTSTATUS, QueryMultiString, QUERYMULTISTRING,
         (WDFKEY Key, PCUNICODE_STRING ValueName, PWDF_OBJECT_ATTRIBUTES StringsAttributes,
          WDFCOLLECTION Collection),
         (Key, ValueName, StringsAttributes, Collection));
WDF_REG_(NTSTATUS, QueryUnicodeString, QUERYUNICODESTRING,
         (WDFKEY Key, PCUNICODE_STRING ValueName, PUSHORT ValueByteLength, PUNICODE_STRING Value),
         (Key, ValueName, ValueByteLength, Value));
WDF_REG_(NTSTATUS, QueryString, QUERYSTRING,
         (WDFKEY Key, PCUNICODE_STRING ValueName, WDFSTRING String), (Key, ValueName, String));
WDF_REG_(NTSTATUS, QueryULong, QUERYULONG, (WDFKEY Key, PCUNICODE_STRING ValueName, PULONG Value),
         (Key, ValueName, Value));
WDF_REG_(NTSTATUS, AssignValue, ASSIGNVALUE,
         (WDFKEY Key, PCUNICODE_STRING ValueName, ULONG ValueType, ULONG ValueLength, PVOID Value),
         (Key, ValueName, ValueType, ValueLength, Value));
WDF_REG_(NTSTATUS, AssignMemory, ASSIGNMEMORY,
         (WDFKEY Key, PCUNICODE_STRING ValueName, ULONG ValueType, WDFMEMORY Memory,
          struct _WDFMEMORY_OFFSET *MemoryOffsets),
         (Key, ValueName, ValueType, Memory, MemoryOffsets));
WDF_REG_(NTSTATUS, AssignMultiString, ASSIGNMULTISTRING,
         (WDFKEY Key, PCUNICODE_STRING ValueName, WDFCOLLECTION StringsCollection),
         (Key, ValueName, StringsCollection));
WDF_REG_(NTSTATUS, AssignUnicodeString, ASSIGNUNICODESTRING,
         (WDFKEY Key, PCUNICODE_STRING ValueName, PCUNICODE_STRING Value), (Key, ValueName, Value));
WDF_REG_(NTSTATUS, AssignString, ASSIGNSTRING,
         (WDFKEY Key, PCUNICODE_STRING ValueName, WDFSTRING String), (Key, ValueName, String));
WDF_REG_(NTSTATUS, AssignULong, ASSIGNULONG, (WDFKEY Key, PCUNICODE_STRING ValueName, ULONG Value),
         (Key, ValueName, Value));

EXTERN_C_END

#endif
