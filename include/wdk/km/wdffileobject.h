/* Framework file objects. */
#ifndef _WDFFILEOBJECT_H_
#define _WDFFILEOBJECT_H_

#include "wdfobject.h"

EXTERN_C_START

WDF_FUNCTION(PUNICODE_STRING, WdfFileObjectGetFileName, WDFFILEOBJECTGETFILENAME,
             (WDFFILEOBJECT FileObject), (FileObject));
WDF_FUNCTION(ULONG, WdfFileObjectGetFlags, WDFFILEOBJECTGETFLAGS, (WDFFILEOBJECT FileObject),
             (FileObject));
WDF_FUNCTION(WDFDEVICE, WdfFileObjectGetDevice, WDFFILEOBJECTGETDEVICE, (WDFFILEOBJECT FileObject),
             (FileObject));
WDF_FUNCTION(ULONG, WdfFileObjectGetInitiatorProcessId, WDFFILEOBJECTGETINITIATORPROCESSID,
             (WDFFILEOBJECT FileObject), (FileObject));
WDF_FUNCTION(PFILE_OBJECT, WdfFileObjectWdmGetFileObject, WDFFILEOBJECTWDMGETFILEOBJECT,
             (WDFFILEOBJECT FileObject), (FileObject));

EXTERN_C_END

#endif
