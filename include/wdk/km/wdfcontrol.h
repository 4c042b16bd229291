/* Control devices: for drivers without hardware. */
#ifndef _WDFCONTROL_H_
#define _WDFCONTROL_H_

#include "wdfdevice.h"

EXTERN_C_START

typedef enum _WDF_DEVICE_SHUTDOWN_FLAGS {
    WdfDeviceShutdown = 0x01,
    WdfDeviceLastChanceShutdown = 0x02
} WDF_DEVICE_SHUTDOWN_FLAGS;
typedef VOID NTAPI EVT_WDF_DEVICE_SHUTDOWN_NOTIFICATION(WDFDEVICE Device);
typedef EVT_WDF_DEVICE_SHUTDOWN_NOTIFICATION *PFN_WDF_DEVICE_SHUTDOWN_NOTIFICATION;

WDF_FUNCTION(PWDFDEVICE_INIT, WdfControlDeviceInitAllocate, WDFCONTROLDEVICEINITALLOCATE,
             (WDFDRIVER Driver, const UNICODE_STRING *SDDLString), (Driver, SDDLString));
WDF_FUNCTION(VOID, WdfControlDeviceInitSetShutdownNotification,
             WDFCONTROLDEVICEINITSETSHUTDOWNNOTIFICATION,
             (PWDFDEVICE_INIT DeviceInit, PFN_WDF_DEVICE_SHUTDOWN_NOTIFICATION Notification,
              UCHAR Flags),
             (DeviceInit, Notification, Flags));
WDF_FUNCTION(VOID, WdfControlFinishInitializing, WDFCONTROLFINISHINITIALIZING, (WDFDEVICE Device),
             (Device));

EXTERN_C_END

#endif
