/*
 * Framework handles, and the way calls reach the framework: through its function table, by index.
 *
 * WdfFunctions and WdfDriverGlobals belong to the driver image; the KMDF entry stub that wfp-cc links
 * fills them with WdfVersionBind before DriverEntry runs.
 */
#ifndef _WDFTYPES_H_
#define _WDFTYPES_H_

#include <wdm.h>

#ifndef KMDF_VERSION_MAJOR
#define KMDF_VERSION_MAJOR 1
#endif
#ifndef KMDF_VERSION_MINOR
#define KMDF_VERSION_MINOR 33
#endif
#define WDF_EXTERN_C       EXTERN_C
#define WDF_EXTERN_C_START EXTERN_C_START
#define WDF_EXTERN_C_END   EXTERN_C_END
#define WDFAPI
#define WDFEXPORT(a) a
#define STDCALL      NTAPI

EXTERN_C_START

#define WDF_NO_OBJECT_ATTRIBUTES (NULL)
#define WDF_NO_EVENT_CALLBACK    (NULL)
#define WDF_NO_HANDLE            (NULL)
#define WDF_NO_CONTEXT           (NULL)
#define WDF_NO_SEND_OPTIONS      (NULL)

typedef enum _WDF_TRI_STATE {
    WdfFalse = FALSE,
    WdfTrue = TRUE,
    WdfUseDefault = 2
} WDF_TRI_STATE,
    *PWDF_TRI_STATE;
typedef PVOID WDFCONTEXT;
typedef HANDLE WDFOBJECT, *PWDFOBJECT;
DECLARE_HANDLE(WDFDRIVER);
DECLARE_HANDLE(WDFDEVICE);
DECLARE_HANDLE(WDFWMIPROVIDER);
DECLARE_HANDLE(WDFWMIINSTANCE);
DECLARE_HANDLE(WDFQUEUE);
DECLARE_HANDLE(WDFREQUEST);
DECLARE_HANDLE(WDFFILEOBJECT);
DECLARE_HANDLE(WDFDPC);
DECLARE_HANDLE(WDFTIMER);
DECLARE_HANDLE(WDFWORKITEM);
DECLARE_HANDLE(WDFINTERRUPT);
DECLARE_HANDLE(WDFWAITLOCK);
DECLARE_HANDLE(WDFSPINLOCK);
DECLARE_HANDLE(WDFMEMORY);
DECLARE_HANDLE(WDFLOOKASIDE);
DECLARE_HANDLE(WDFIOTARGET);
DECLARE_HANDLE(WDFUSBDEVICE);
DECLARE_HANDLE(WDFUSBINTERFACE);
DECLARE_HANDLE(WDFUSBPIPE);
DECLARE_HANDLE(WDFDMAENABLER);
DECLARE_HANDLE(WDFDMATRANSACTION);
DECLARE_HANDLE(WDFCOMMONBUFFER);
DECLARE_HANDLE(WDFKEY);
DECLARE_HANDLE(WDFSTRING);
DECLARE_HANDLE(WDFCOLLECTION);
DECLARE_HANDLE(WDFCHILDLIST);
DECLARE_HANDLE(WDFIORESREQLIST);
DECLARE_HANDLE(WDFIORESLIST);
DECLARE_HANDLE(WDFCMRESLIST);
DECLARE_HANDLE(WDFCOMPANIONTARGET);
typedef struct WDFDEVICE_INIT *PWDFDEVICE_INIT;

#define WDF_DRIVER_GLOBALS_NAME_LEN 32
typedef struct _WDF_DRIVER_GLOBALS {
    WDFDRIVER Driver;
    ULONG DriverFlags;
    ULONG DriverTag;
    CHAR DriverName[WDF_DRIVER_GLOBALS_NAME_LEN];
    BOOLEAN DisplaceDriverUnload;
} WDF_DRIVER_GLOBALS, *PWDF_DRIVER_GLOBALS;

typedef VOID(NTAPI *WDFFUNC)(VOID);

/* What a driver image hands to WdfVersionBind. */
typedef ULONG WDF_MAJOR_VERSION, WDF_MINOR_VERSION, WDF_BUILD_NUMBER;
typedef struct _WDF_VERSION {
    WDF_MAJOR_VERSION Major;
    WDF_MINOR_VERSION Minor;
    WDF_BUILD_NUMBER Build;
} WDF_VERSION, *PWDF_VERSION;
typedef struct _LIBRARY_MODULE *PLIBRARY_MODULE;
typedef struct _WDF_BIND_INFO {
    ULONG Size;
    PWCHAR Component;
    WDF_VERSION Version;
    ULONG FuncCount;
    WDFFUNC *FuncTable;
    PLIBRARY_MODULE Module;
} WDF_BIND_INFO, *PWDF_BIND_INFO;

#include "wdffuncenum.h"

#define WDF_ARGS_(...) __VA_ARGS__
#define WDF_PFN_(result, NAME, params)                                                             \
    typedef result(NTAPI *PFN_##NAME)(PWDF_DRIVER_GLOBALS DriverGlobals, WDF_ARGS_ params)

#if WDK_HOST
/* The host implements the functions; a call from a driver arrives with PFN_NAME's signature. */
#define WDF_FUNCTION(result, name, NAME, params, args) WDF_PFN_(result, NAME, params)
#else
extern const WDFFUNC *WdfFunctions;
extern PWDF_DRIVER_GLOBALS WdfDriverGlobals;
#define WDF_FUNCTION(result, name, NAME, params, args)                                             \
    WDF_PFN_(result, NAME, params);                                                                \
    NT_INLINE result name params                                                                   \
    {                                                                                              \
        return ((PFN_##NAME)WdfFunctions[name##TableIndex])(WdfDriverGlobals, WDF_ARGS_ args);     \
    }                                                                                              \
    extern const WDFFUNC *WdfFunctions
#endif

EXTERN_C_END

#endif
