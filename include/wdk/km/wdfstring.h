/* Framework strings. */
#ifndef _WDFSTRING_H_
#define _WDFSTRING_H_

#include "wdfobject.h"

EXTERN_C_START

WDF_FUNCTION(NTSTATUS, WdfStringCreate, WDFSTRINGCREATE,
             (PCUNICODE_STRING UnicodeString, PWDF_OBJECT_ATTRIBUTES StringAttributes,
              WDFSTRING *String),
             (UnicodeString, StringAttributes, String));
WDF_FUNCTION(VOID, WdfStringGetUnicodeString, WDFSTRINGGETUNICODESTRING,
             (WDFSTRING String, PUNICODE_STRING UnicodeString), (String, UnicodeString));

EXTERN_C_END

#endif
