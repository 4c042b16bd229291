/* Framework devices: initialisation, control devices, names, state. */
#ifndef _WDFDEVICE_H_
#define _WDFDEVICE_H_

#include "wdffileobject.h"

EXTERN_C_START

typedef enum _WDF_DEVICE_IO_TYPE {
    WdfDeviceIoUndefined,
    WdfDeviceIoNeither,
    WdfDeviceIoBuffered,
    WdfDeviceIoDirect,
    WdfDeviceIoBufferedOrDirect,
    WdfDeviceIoMaximum
} WDF_DEVICE_IO_TYPE,
    *PWDF_DEVICE_IO_TYPE;
typedef enum _WDF_FILEOBJECT_CLASS {
    WdfFileObjectInvalid,
    WdfFileObjectNotRequired,
    WdfFileObjectWdfCanUseFsContext,
    WdfFileObjectWdfCanUseFsContext2,
    WdfFileObjectWdfCannotUseFsContexts,
    WdfFileObjectCanBeOptional = 0x80000000
} WDF_FILEOBJECT_CLASS,
    *PWDF_FILEOBJECT_CLASS;
typedef enum _WDF_DEVICE_FAILED_ACTION {
    WdfDeviceFailedUndefined,
    WdfDeviceFailedAttemptRestart,
    WdfDeviceFailedNoRestart
} WDF_DEVICE_FAILED_ACTION;
typedef enum _WDF_DISPATCH_IRP_TO_IO_QUEUE_FLAGS {
    WDF_DISPATCH_IRP_TO_IO_QUEUE_NO_FLAGS = 0,
    WDF_DISPATCH_IRP_TO_IO_QUEUE_INVOKE_INCALLERCTX_CALLBACK = 1,
    WDF_DISPATCH_IRP_TO_IO_QUEUE_PREPROCESSED_IRP = 2
} WDF_DISPATCH_IRP_TO_IO_QUEUE_FLAGS;
typedef enum _WDF_RELEASE_HARDWARE_ORDER_ON_FAILURE {
    WdfReleaseHardwareOrderOnFailureInvalid,
    WdfReleaseHardwareOrderOnFailureEarly,
    WdfReleaseHardwareOrderOnFailureAfterDescendants
} WDF_RELEASE_HARDWARE_ORDER_ON_FAILURE;
typedef enum _WDF_POWER_DEVICE_STATE {
    WdfPowerDeviceInvalid,
    WdfPowerDeviceD0,
    WdfPowerDeviceD1,
    WdfPowerDeviceD2,
    WdfPowerDeviceD3,
    WdfPowerDeviceD3Final,
    WdfPowerDevicePrepareForHibernation,
    WdfPowerDeviceMaximum
} WDF_POWER_DEVICE_STATE,
    *PWDF_POWER_DEVICE_STATE;
typedef enum _WDF_SPECIAL_FILE_TYPE {
    WdfSpecialFileUndefined,
    WdfSpecialFilePaging,
    WdfSpecialFileHibernation,
    WdfSpecialFileDump,
    WdfSpecialFileBoot,
    WdfSpecialFilePostDisplay,
    WdfSpecialFileGuestAssigned,
    WdfSpecialFileMax
} WDF_SPECIAL_FILE_TYPE;

typedef VOID NTAPI EVT_WDF_DEVICE_FILE_CREATE(WDFDEVICE Device, WDFREQUEST Request,
                                              WDFFILEOBJECT FileObject);
typedef EVT_WDF_DEVICE_FILE_CREATE *PFN_WDF_DEVICE_FILE_CREATE;
typedef VOID NTAPI EVT_WDF_FILE_CLOSE(WDFFILEOBJECT FileObject);
typedef EVT_WDF_FILE_CLOSE *PFN_WDF_FILE_CLOSE;
typedef VOID NTAPI EVT_WDF_FILE_CLEANUP(WDFFILEOBJECT FileObject);
typedef EVT_WDF_FILE_CLEANUP *PFN_WDF_FILE_CLEANUP;
typedef VOID NTAPI EVT_WDF_IO_IN_CALLER_CONTEXT(WDFDEVICE Device, WDFREQUEST Request);
typedef EVT_WDF_IO_IN_CALLER_CONTEXT *PFN_WDF_IO_IN_CALLER_CONTEXT;
typedef NTSTATUS NTAPI EVT_WDFDEVICE_WDM_IRP_PREPROCESS(WDFDEVICE Device, PIRP Irp);
typedef EVT_WDFDEVICE_WDM_IRP_PREPROCESS *PFN_WDFDEVICE_WDM_IRP_PREPROCESS;

typedef struct _WDF_FILEOBJECT_CONFIG {
    ULONG Size;
    PFN_WDF_DEVICE_FILE_CREATE EvtDeviceFileCreate;
    PFN_WDF_FILE_CLOSE EvtFileClose;
    PFN_WDF_FILE_CLEANUP EvtFileCleanup;
    WDF_TRI_STATE AutoForwardCleanupClose;
    WDF_FILEOBJECT_CLASS FileObjectClass;
} WDF_FILEOBJECT_CONFIG, *PWDF_FILEOBJECT_CONFIG;
NT_INLINE VOID
WDF_FILEOBJECT_CONFIG_INIT(PWDF_FILEOBJECT_CONFIG FileEventCallbacks,
                           PFN_WDF_DEVICE_FILE_CREATE EvtDeviceFileCreate,
                           PFN_WDF_FILE_CLOSE EvtFileClose, PFN_WDF_FILE_CLEANUP EvtFileCleanup)
{
    RtlZeroMemory(FileEventCallbacks, sizeof(*FileEventCallbacks));
    FileEventCallbacks->Size = sizeof(*FileEventCallbacks);
    FileEventCallbacks->EvtDeviceFileCreate = EvtDeviceFileCreate;
    FileEventCallbacks->EvtFileClose = EvtFileClose;
    FileEventCallbacks->EvtFileCleanup = EvtFileCleanup;
    FileEventCallbacks->FileObjectClass = WdfFileObjectWdfCannotUseFsContexts;
    FileEventCallbacks->AutoForwardCleanupClose = WdfUseDefault;
}
typedef struct _WDF_IO_TYPE_CONFIG {
    ULONG Size;
    WDF_DEVICE_IO_TYPE ReadWriteIoType;
    WDF_DEVICE_IO_TYPE DeviceControlIoType;
    ULONG DirectTransferThreshold;
} WDF_IO_TYPE_CONFIG, *PWDF_IO_TYPE_CONFIG;
NT_INLINE VOID
WDF_IO_TYPE_CONFIG_INIT(PWDF_IO_TYPE_CONFIG Config)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->ReadWriteIoType = WdfDeviceIoBuffered;
    Config->DeviceControlIoType = WdfDeviceIoBuffered;
}
typedef struct _WDF_DEVICE_STATE {
    ULONG Size;
    WDF_TRI_STATE Disabled;
    WDF_TRI_STATE DontDisplayInUI;
    WDF_TRI_STATE Failed;
    WDF_TRI_STATE NotDisableable;
    WDF_TRI_STATE Removed;
    WDF_TRI_STATE ResourcesChanged;
} WDF_DEVICE_STATE, *PWDF_DEVICE_STATE;
NT_INLINE VOID
WDF_DEVICE_STATE_INIT(PWDF_DEVICE_STATE PnpDeviceState)
{
    PnpDeviceState->Size = sizeof(*PnpDeviceState);
    PnpDeviceState->Disabled = WdfUseDefault;
    PnpDeviceState->DontDisplayInUI = WdfUseDefault;
    PnpDeviceState->Failed = WdfUseDefault;
    PnpDeviceState->NotDisableable = WdfUseDefault;
    PnpDeviceState->Removed = WdfUseDefault;
    PnpDeviceState->ResourcesChanged = WdfUseDefault;
}
typedef struct _WDF_DEVICE_PNP_CAPABILITIES {
    ULONG Size;
    WDF_TRI_STATE LockSupported;
    WDF_TRI_STATE EjectSupported;
    WDF_TRI_STATE Removable;
    WDF_TRI_STATE DockDevice;
    WDF_TRI_STATE UniqueID;
    WDF_TRI_STATE SilentInstall;
    WDF_TRI_STATE SurpriseRemovalOK;
    WDF_TRI_STATE HardwareDisabled;
    WDF_TRI_STATE NoDisplayInUI;
    ULONG Address;
    ULONG UINumber;
} WDF_DEVICE_PNP_CAPABILITIES, *PWDF_DEVICE_PNP_CAPABILITIES;
NT_INLINE VOID
WDF_DEVICE_PNP_CAPABILITIES_INIT(PWDF_DEVICE_PNP_CAPABILITIES Caps)
{
    Caps->Size = sizeof(*Caps);
    Caps->LockSupported = Caps->EjectSupported = Caps->Removable = Caps->DockDevice = WdfUseDefault;
    Caps->UniqueID = Caps->SilentInstall = Caps->SurpriseRemovalOK = WdfUseDefault;
    Caps->HardwareDisabled = Caps->NoDisplayInUI = WdfUseDefault;
    Caps->Address = (ULONG)-1;
    Caps->UINumber = (ULONG)-1;
}

#define WDF_DEV_(result, name, NAME, params, args)                                                 \
    WDF_FUNCTION(result, WdfDevice##name, WDFDEVICE##NAME, params, args)
WDF_DEV_(NTSTATUS, Create, CREATE,
         (PWDFDEVICE_INIT * DeviceInit, PWDF_OBJECT_ATTRIBUTES DeviceAttributes, WDFDEVICE *Device),
         (DeviceInit, DeviceAttributes, Device));
WDF_DEV_(VOID, InitFree, INITFREE, (PWDFDEVICE_INIT DeviceInit), (DeviceInit));
WDF_DEV_(VOID, InitSetIoType, INITSETIOTYPE,
         (PWDFDEVICE_INIT DeviceInit, WDF_DEVICE_IO_TYPE IoType), (DeviceInit, IoType));
WDF_DEV_(VOID, InitSetIoTypeEx, INITSETIOTYPEEX,
         (PWDFDEVICE_INIT DeviceInit, PWDF_IO_TYPE_CONFIG IoTypeConfig),
         (DeviceInit, IoTypeConfig));
WDF_DEV_(VOID, InitSetExclusive, INITSETEXCLUSIVE,
         (PWDFDEVICE_INIT DeviceInit, BOOLEAN IsExclusive), (DeviceInit, IsExclusive));
WDF_DEV_(VOID, InitSetPowerNotPageable, INITSETPOWERNOTPAGEABLE, (PWDFDEVICE_INIT DeviceInit),
         (DeviceInit));
WDF_DEV_(VOID, InitSetPowerPageable, INITSETPOWERPAGEABLE, (PWDFDEVICE_INIT DeviceInit),
         (DeviceInit));
WDF_DEV_(VOID, InitSetPowerInrush, INITSETPOWERINRUSH, (PWDFDEVICE_INIT DeviceInit), (DeviceInit));
WDF_DEV_(VOID, InitSetDeviceType, INITSETDEVICETYPE,
         (PWDFDEVICE_INIT DeviceInit, DEVICE_TYPE DeviceType), (DeviceInit, DeviceType));
WDF_DEV_(NTSTATUS, InitAssignName, INITASSIGNNAME,
         (PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING DeviceName), (DeviceInit, DeviceName));
WDF_DEV_(NTSTATUS, InitAssignSDDLString, INITASSIGNSDDLSTRING,
         (PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING SDDLString), (DeviceInit, SDDLString));
WDF_DEV_(VOID, InitSetDeviceClass, INITSETDEVICECLASS,
         (PWDFDEVICE_INIT DeviceInit, const GUID *DeviceClassGuid), (DeviceInit, DeviceClassGuid));
WDF_DEV_(VOID, InitSetCharacteristics, INITSETCHARACTERISTICS,
         (PWDFDEVICE_INIT DeviceInit, ULONG DeviceCharacteristics, BOOLEAN OrInValues),
         (DeviceInit, DeviceCharacteristics, OrInValues));
WDF_DEV_(VOID, InitSetFileObjectConfig, INITSETFILEOBJECTCONFIG,
         (PWDFDEVICE_INIT DeviceInit, PWDF_FILEOBJECT_CONFIG FileObjectConfig,
          PWDF_OBJECT_ATTRIBUTES FileObjectAttributes),
         (DeviceInit, FileObjectConfig, FileObjectAttributes));
WDF_DEV_(VOID, InitSetRequestAttributes, INITSETREQUESTATTRIBUTES,
         (PWDFDEVICE_INIT DeviceInit, PWDF_OBJECT_ATTRIBUTES RequestAttributes),
         (DeviceInit, RequestAttributes));
WDF_DEV_(NTSTATUS, InitAssignWdmIrpPreprocessCallback, INITASSIGNWDMIRPPREPROCESSCALLBACK,
         (PWDFDEVICE_INIT DeviceInit, PFN_WDFDEVICE_WDM_IRP_PREPROCESS EvtDeviceWdmIrpPreprocess,
          UCHAR MajorFunction, PUCHAR MinorFunctions, ULONG NumMinorFunctions),
         (DeviceInit, EvtDeviceWdmIrpPreprocess, MajorFunction, MinorFunctions, NumMinorFunctions));
WDF_DEV_(VOID, InitSetIoInCallerContextCallback, INITSETIOINCALLERCONTEXTCALLBACK,
         (PWDFDEVICE_INIT DeviceInit, PFN_WDF_IO_IN_CALLER_CONTEXT EvtIoInCallerContext),
         (DeviceInit, EvtIoInCallerContext));
WDF_DEV_(VOID, GetDeviceState, GETDEVICESTATE, (WDFDEVICE Device, PWDF_DEVICE_STATE DeviceState),
         (Device, DeviceState));
WDF_DEV_(VOID, SetDeviceState, SETDEVICESTATE, (WDFDEVICE Device, PWDF_DEVICE_STATE DeviceState),
         (Device, DeviceState));
WDF_FUNCTION(WDFDEVICE, WdfWdmDeviceGetWdfDeviceHandle, WDFWDMDEVICEGETWDFDEVICEHANDLE,
             (PDEVICE_OBJECT DeviceObject), (DeviceObject));
WDF_DEV_(PDEVICE_OBJECT, WdmGetDeviceObject, WDMGETDEVICEOBJECT, (WDFDEVICE Device), (Device));
WDF_DEV_(PDEVICE_OBJECT, WdmGetAttachedDevice, WDMGETATTACHEDDEVICE, (WDFDEVICE Device), (Device));
WDF_DEV_(PDEVICE_OBJECT, WdmGetPhysicalDevice, WDMGETPHYSICALDEVICE, (WDFDEVICE Device), (Device));
WDF_DEV_(NTSTATUS, WdmDispatchPreprocessedIrp, WDMDISPATCHPREPROCESSEDIRP,
         (WDFDEVICE Device, PIRP Irp), (Device, Irp));
WDF_DEV_(NTSTATUS, WdmDispatchIrp, WDMDISPATCHIRP,
         (WDFDEVICE Device, PIRP Irp, WDFCONTEXT DispatchContext), (Device, Irp, DispatchContext));
WDF_DEV_(NTSTATUS, WdmDispatchIrpToIoQueue, WDMDISPATCHIRPTOIOQUEUE,
         (WDFDEVICE Device, PIRP Irp, WDFQUEUE Queue, ULONG Flags), (Device, Irp, Queue, Flags));
WDF_DEV_(WDFDRIVER, GetDriver, GETDRIVER, (WDFDEVICE Device), (Device));
WDF_DEV_(NTSTATUS, RetrieveDeviceName, RETRIEVEDEVICENAME, (WDFDEVICE Device, WDFSTRING String),
         (Device, String));
WDF_DEV_(WDFIOTARGET, GetIoTarget, GETIOTARGET, (WDFDEVICE Device), (Device));
WDF_DEV_(WDFIOTARGET, GetSelfIoTarget, GETSELFIOTARGET, (WDFDEVICE Device), (Device));
WDF_DEV_(VOID, InitAllowSelfIoTarget, INITALLOWSELFIOTARGET, (PWDFDEVICE_INIT DeviceInit),
         (DeviceInit));
WDF_DEV_(NTSTATUS, OpenRegistryKey, OPENREGISTRYKEY,
         (WDFDEVICE Device, ULONG DeviceInstanceKeyType, ACCESS_MASK DesiredAccess,
          PWDF_OBJECT_ATTRIBUTES KeyAttributes, WDFKEY *Key),
         (Device, DeviceInstanceKeyType, DesiredAccess, KeyAttributes, Key));
WDF_DEV_(VOID, SetCharacteristics, SETCHARACTERISTICS,
         (WDFDEVICE Device, ULONG DeviceCharacteristics), (Device, DeviceCharacteristics));
WDF_DEV_(ULONG, GetCharacteristics, GETCHARACTERISTICS, (WDFDEVICE Device), (Device));
WDF_DEV_(ULONG, GetAlignmentRequirement, GETALIGNMENTREQUIREMENT, (WDFDEVICE Device), (Device));
WDF_DEV_(VOID, SetAlignmentRequirement, SETALIGNMENTREQUIREMENT,
         (WDFDEVICE Device, ULONG AlignmentRequirement), (Device, AlignmentRequirement));
WDF_DEV_(VOID, SetStaticStopRemove, SETSTATICSTOPREMOVE, (WDFDEVICE Device, BOOLEAN Stoppable),
         (Device, Stoppable));
WDF_DEV_(NTSTATUS, CreateDeviceInterface, CREATEDEVICEINTERFACE,
         (WDFDEVICE Device, const GUID *InterfaceClassGUID, PCUNICODE_STRING ReferenceString),
         (Device, InterfaceClassGUID, ReferenceString));
WDF_DEV_(VOID, SetDeviceInterfaceState, SETDEVICEINTERFACESTATE,
         (WDFDEVICE Device, const GUID *InterfaceClassGUID, PCUNICODE_STRING ReferenceString,
          BOOLEAN IsInterfaceEnabled),
         (Device, InterfaceClassGUID, ReferenceString, IsInterfaceEnabled));
WDF_DEV_(NTSTATUS, CreateSymbolicLink, CREATESYMBOLICLINK,
         (WDFDEVICE Device, PCUNICODE_STRING SymbolicLinkName), (Device, SymbolicLinkName));
WDF_DEV_(VOID, SetPnpCapabilities, SETPNPCAPABILITIES,
         (WDFDEVICE Device, PWDF_DEVICE_PNP_CAPABILITIES PnpCapabilities),
         (Device, PnpCapabilities));
WDF_DEV_(VOID, SetFailed, SETFAILED, (WDFDEVICE Device, WDF_DEVICE_FAILED_ACTION FailedAction),
         (Device, FailedAction));
WDF_DEV_(WDFFILEOBJECT, GetFileObject, GETFILEOBJECT, (WDFDEVICE Device, PFILE_OBJECT FileObject),
         (Device, FileObject));
WDF_DEV_(NTSTATUS, EnqueueRequest, ENQUEUEREQUEST, (WDFDEVICE Device, WDFREQUEST Request),
         (Device, Request));
WDF_DEV_(WDFQUEUE, GetDefaultQueue, GETDEFAULTQUEUE, (WDFDEVICE Device), (Device));
WDF_FUNCTION(NTSTATUS, WdfDeviceMiniportCreate, WDFDEVICEMINIPORTCREATE,
             (WDFDRIVER Driver, PWDF_OBJECT_ATTRIBUTES Attributes, PDEVICE_OBJECT DeviceObject,
              PDEVICE_OBJECT AttachedDeviceObject, PDEVICE_OBJECT Pdo, WDFDEVICE *Device),
             (Driver, Attributes, DeviceObject, AttachedDeviceObject, Pdo, Device));

EXTERN_C_END

#endif
