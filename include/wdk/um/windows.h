/*
 * The part of <windows.h> that programs need around fwpmu.h: types, security types, error codes.
 * Functions of other Windows libraries are not here.
 */
#ifndef WDK_WINDOWS_H
#define WDK_WINDOWS_H

#include <sdkddkver.h>
#include <minwindef.h>
#include <winnt.h>
#include <winerror.h>

#endif
