/*
 * Windows versions, and the one this build is for (NTDDI_VERSION, else from _WIN32_WINNT, else
 * Windows 11 22H2, as with the newest kit whose layers and layouts were measured).
 */
#ifndef _INC_SDKDDKVER
#define _INC_SDKDDKVER

#define _WIN32_WINNT_NT4          0x0400
#define _WIN32_WINNT_WIN2K        0x0500
#define _WIN32_WINNT_WINXP        0x0501
#define _WIN32_WINNT_WS03         0x0502
#define _WIN32_WINNT_WIN6         0x0600
#define _WIN32_WINNT_VISTA        0x0600
#define _WIN32_WINNT_WS08         0x0600
#define _WIN32_WINNT_LONGHORN     0x0600
#define _WIN32_WINNT_WIN7         0x0601
#define _WIN32_WINNT_WIN8         0x0602
#define _WIN32_WINNT_WINBLUE      0x0603
#define _WIN32_WINNT_WINTHRESHOLD 0x0A00
#define _WIN32_WINNT_WIN10        0x0A00

#define NTDDI_WIN2K         0x05000000
#define NTDDI_WINXP         0x05010000
#define NTDDI_WINXPSP1      0x05010100
#define NTDDI_WINXPSP2      0x05010200
#define NTDDI_WINXPSP3      0x05010300
#define NTDDI_WS03          0x05020000
#define NTDDI_WS03SP1       0x05020100
#define NTDDI_WS03SP2       0x05020200
#define NTDDI_WIN6          0x06000000
#define NTDDI_WIN6SP1       0x06000100
#define NTDDI_WIN6SP2       0x06000200
#define NTDDI_VISTA         NTDDI_WIN6
#define NTDDI_VISTASP1      NTDDI_WIN6SP1
#define NTDDI_VISTASP2      NTDDI_WIN6SP2
#define NTDDI_LONGHORN      NTDDI_VISTA
#define NTDDI_WS08          NTDDI_WIN6SP1
#define NTDDI_WIN7          0x06010000
#define NTDDI_WIN8          0x06020000
#define NTDDI_WINBLUE       0x06030000
#define NTDDI_WINTHRESHOLD  0x0A000000
#define NTDDI_WIN10         0x0A000000
#define NTDDI_WIN10_TH2     0x0A000001
#define NTDDI_WIN10_RS1     0x0A000002
#define NTDDI_WIN10_RS2     0x0A000003
#define NTDDI_WIN10_RS3     0x0A000004
#define NTDDI_WIN10_RS4     0x0A000005
#define NTDDI_WIN10_RS5     0x0A000006
#define NTDDI_WIN10_19H1    0x0A000007
#define NTDDI_WIN10_VB      0x0A000008
#define NTDDI_WIN10_MN      0x0A000009
#define NTDDI_WIN10_FE      0x0A00000A
#define NTDDI_WIN10_CO      0x0A00000B
#define NTDDI_WIN10_NI      0x0A00000C
#define NTDDI_WIN10_CU      0x0A00000D
#define WDK_NTDDI_VERSION   NTDDI_WIN10_NI

#define OSVERSION_MASK  0xFFFF0000
#define SPVERSION_MASK  0x0000FF00
#define SUBVERSION_MASK 0x000000FF
#define OSVER(version)  ((version) & OSVERSION_MASK)
#define SPVER(version)  (((version) & SPVERSION_MASK) >> 8)
#define SUBVER(version) (((version) & SUBVERSION_MASK))

#define NTDDI_VERSION_FROM_WIN32_WINNT2(ver) ver##0000
#define NTDDI_VERSION_FROM_WIN32_WINNT(ver)  NTDDI_VERSION_FROM_WIN32_WINNT2(ver)

#ifndef NTDDI_VERSION
#if !defined(_WIN32_WINNT) || _WIN32_WINNT >= _WIN32_WINNT_WIN10
#define NTDDI_VERSION WDK_NTDDI_VERSION
#else
#define NTDDI_VERSION (_WIN32_WINNT << 16)
#endif
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT ((NTDDI_VERSION) >> 16)
#endif
#ifndef WINVER
#define WINVER _WIN32_WINNT
#endif
#ifndef _NT_TARGET_VERSION
#define _NT_TARGET_VERSION _WIN32_WINNT
#endif

#endif
