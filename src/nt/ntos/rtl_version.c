/*
 * Which Windows the runtime plays: the version of nt_version.h, as the shared user data page says
 * too; not in safe mode.
 *
 * Ref        wdm/nf-wdm-rtlgetversion, kernel/determining-whether-the-operating-system-is-running-
 *            in-safe-mode
 */
#include "nt/ntos/nt_wdk.h"

#include <string.h>

#include "nt/ntos/nt_version.h"

#define PLATFORM_NT 2

/** 0 = no safe mode. Drivers declare it as a pointer to this. */
extern const ULONG InitSafeBootMode;
const ULONG InitSafeBootMode = 0;
extern const BOOLEAN nt_kd_debugger_enabled, nt_kd_debugger_not_present;
const BOOLEAN nt_kd_debugger_enabled = FALSE;
const BOOLEAN nt_kd_debugger_not_present = TRUE;

/**
 * The version.
 *
 * @param VersionInformation  its size member chooses the short or the long form
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlgetversion.
 */
NTSTATUS NTAPI
RtlGetVersion(PRTL_OSVERSIONINFOW VersionInformation)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    VersionInformation->dwMajorVersion = NT_VERSION_MAJOR;
    VersionInformation->dwMinorVersion = NT_VERSION_MINOR;
    VersionInformation->dwBuildNumber = NT_VERSION_BUILD;
    VersionInformation->dwPlatformId = PLATFORM_NT;
    memset(VersionInformation->szCSDVersion, 0, sizeof(VersionInformation->szCSDVersion));
    if (VersionInformation->dwOSVersionInfoSize == sizeof(RTL_OSVERSIONINFOEXW)) {
        PRTL_OSVERSIONINFOEXW full = (PRTL_OSVERSIONINFOEXW)VersionInformation;
        full->wServicePackMajor = 0;
        full->wServicePackMinor = 0;
        full->wSuiteMask = 0;
        full->wProductType = VER_NT_WORKSTATION;
        full->wReserved = 0;
    }
    return STATUS_SUCCESS;
}

/**
 * Is the version at least that of the headers' constant?
 *
 * @param Version  NTDDI_WIN10 and its like
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-rtlisntddiversionavailable.
 */
BOOLEAN NTAPI
RtlIsNtDdiVersionAvailable(ULONG Version)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return Version <= NTDDI_WIN10_NI;
}
