/* Physical device objects of a bus: raw devices, names. */
#ifndef _WDFPDO_H_
#define _WDFPDO_H_

#include "wdfdevice.h"

EXTERN_C_START

WDF_FUNCTION(PWDFDEVICE_INIT, WdfPdoInitAllocate, WDFPDOINITALLOCATE, (WDFDEVICE ParentDevice),
             (ParentDevice));
WDF_FUNCTION(NTSTATUS, WdfPdoInitAssignDeviceID, WDFPDOINITASSIGNDEVICEID,
             (PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING DeviceID), (DeviceInit, DeviceID));
WDF_FUNCTION(NTSTATUS, WdfPdoInitAssignInstanceID, WDFPDOINITASSIGNINSTANCEID,
             (PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING InstanceID), (DeviceInit, InstanceID));
WDF_FUNCTION(NTSTATUS, WdfPdoInitAddHardwareID, WDFPDOINITADDHARDWAREID,
             (PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING HardwareID), (DeviceInit, HardwareID));
WDF_FUNCTION(NTSTATUS, WdfPdoInitAddCompatibleID, WDFPDOINITADDCOMPATIBLEID,
             (PWDFDEVICE_INIT DeviceInit, PCUNICODE_STRING CompatibleID),
             (DeviceInit, CompatibleID));
WDF_FUNCTION(NTSTATUS, WdfPdoInitAssignRawDevice, WDFPDOINITASSIGNRAWDEVICE,
             (PWDFDEVICE_INIT DeviceInit, const GUID *DeviceClassGuid),
             (DeviceInit, DeviceClassGuid));
WDF_FUNCTION(VOID, WdfPdoInitAllowForwardingRequestToParent,
             WDFPDOINITALLOWFORWARDINGREQUESTTOPARENT, (PWDFDEVICE_INIT DeviceInit), (DeviceInit));
WDF_FUNCTION(NTSTATUS, WdfPdoMarkMissing, WDFPDOMARKMISSING, (WDFDEVICE Device), (Device));
WDF_FUNCTION(WDFDEVICE, WdfPdoGetParent, WDFPDOGETPARENT, (WDFDEVICE Device), (Device));

EXTERN_C_END

#endif
