/* The framework driver object. */
#ifndef _WDFDRIVER_H_
#define _WDFDRIVER_H_

#include "wdfobject.h"

EXTERN_C_START

typedef enum _WDF_DRIVER_INIT_FLAGS {
    WdfDriverInitNonPnpDriver = 0x00000001,
    WdfDriverInitNoDispatchOverride = 0x00000002,
    WdfVerifyOn = 0x00000004,
    WdfVerifierOn = 0x00000008,
    WdfDriverInitCompanion = 0x00000010
} WDF_DRIVER_INIT_FLAGS;
typedef NTSTATUS NTAPI EVT_WDF_DRIVER_DEVICE_ADD(WDFDRIVER Driver, PWDFDEVICE_INIT DeviceInit);
typedef EVT_WDF_DRIVER_DEVICE_ADD *PFN_WDF_DRIVER_DEVICE_ADD;
typedef VOID NTAPI EVT_WDF_DRIVER_UNLOAD(WDFDRIVER Driver);
typedef EVT_WDF_DRIVER_UNLOAD *PFN_WDF_DRIVER_UNLOAD;
typedef VOID NTAPI EVT_WDF_TRACE_CALLBACK(PVOID Driver, PVOID TraceInfo);
typedef EVT_WDF_TRACE_CALLBACK *PFN_WDF_TRACE_CALLBACK;

typedef struct _WDF_DRIVER_CONFIG {
    ULONG Size;
    PFN_WDF_DRIVER_DEVICE_ADD EvtDriverDeviceAdd;
    PFN_WDF_DRIVER_UNLOAD EvtDriverUnload;
    ULONG DriverInitFlags;
    ULONG DriverPoolTag;
} WDF_DRIVER_CONFIG, *PWDF_DRIVER_CONFIG;
NT_INLINE VOID
WDF_DRIVER_CONFIG_INIT(PWDF_DRIVER_CONFIG Config, PFN_WDF_DRIVER_DEVICE_ADD EvtDriverDeviceAdd)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->EvtDriverDeviceAdd = EvtDriverDeviceAdd;
}
typedef struct _WDF_DRIVER_VERSION_AVAILABLE_PARAMS {
    ULONG Size;
    ULONG MajorVersion;
    ULONG MinorVersion;
} WDF_DRIVER_VERSION_AVAILABLE_PARAMS, *PWDF_DRIVER_VERSION_AVAILABLE_PARAMS;
NT_INLINE VOID
WDF_DRIVER_VERSION_AVAILABLE_PARAMS_INIT(PWDF_DRIVER_VERSION_AVAILABLE_PARAMS Params,
                                         ULONG MajorVersion, ULONG MinorVersion)
{
    Params->Size = sizeof(*Params);
    Params->MajorVersion = MajorVersion;
    Params->MinorVersion = MinorVersion;
}

WDF_FUNCTION(NTSTATUS, WdfDriverCreate, WDFDRIVERCREATE,
             (PDRIVER_OBJECT DriverObject, PCUNICODE_STRING RegistryPath,
              PWDF_OBJECT_ATTRIBUTES DriverAttributes, PWDF_DRIVER_CONFIG DriverConfig,
              WDFDRIVER *Driver),
             (DriverObject, RegistryPath, DriverAttributes, DriverConfig, Driver));
WDF_FUNCTION(PWSTR, WdfDriverGetRegistryPath, WDFDRIVERGETREGISTRYPATH, (WDFDRIVER Driver),
             (Driver));
WDF_FUNCTION(PDRIVER_OBJECT, WdfDriverWdmGetDriverObject, WDFDRIVERWDMGETDRIVEROBJECT,
             (WDFDRIVER Driver), (Driver));
WDF_FUNCTION(NTSTATUS, WdfDriverOpenParametersRegistryKey, WDFDRIVEROPENPARAMETERSREGISTRYKEY,
             (WDFDRIVER Driver, ACCESS_MASK DesiredAccess, PWDF_OBJECT_ATTRIBUTES KeyAttributes,
              WDFKEY *Key),
             (Driver, DesiredAccess, KeyAttributes, Key));
WDF_FUNCTION(NTSTATUS, WdfDriverOpenPersistentStateRegistryKey,
             WDFDRIVEROPENPERSISTENTSTATEREGISTRYKEY,
             (WDFDRIVER Driver, ACCESS_MASK DesiredAccess, PWDF_OBJECT_ATTRIBUTES KeyAttributes,
              WDFKEY *Key),
             (Driver, DesiredAccess, KeyAttributes, Key));
WDF_FUNCTION(WDFDRIVER, WdfWdmDriverGetWdfDriverHandle, WDFWDMDRIVERGETWDFDRIVERHANDLE,
             (PDRIVER_OBJECT DriverObject), (DriverObject));
WDF_FUNCTION(NTSTATUS, WdfDriverRegisterTraceInfo, WDFDRIVERREGISTERTRACEINFO,
             (PDRIVER_OBJECT DriverObject, PFN_WDF_TRACE_CALLBACK EvtTraceCallback,
              PVOID ControlBlock),
             (DriverObject, EvtTraceCallback, ControlBlock));
WDF_FUNCTION(NTSTATUS, WdfDriverRetrieveVersionString, WDFDRIVERRETRIEVEVERSIONSTRING,
             (WDFDRIVER Driver, WDFSTRING String), (Driver, String));
WDF_FUNCTION(BOOLEAN, WdfDriverIsVersionAvailable, WDFDRIVERISVERSIONAVAILABLE,
             (WDFDRIVER Driver, PWDF_DRIVER_VERSION_AVAILABLE_PARAMS VersionAvailableParams),
             (Driver, VersionAvailableParams));
WDF_FUNCTION(VOID, WdfDriverMiniportUnload, WDFDRIVERMINIPORTUNLOAD, (WDFDRIVER Driver), (Driver));

#if !WDK_HOST
NT_INLINE WDFDRIVER
WdfGetDriver(VOID)
{
    return WdfDriverGlobals->Driver;
}
#endif

EXTERN_C_END

#endif
