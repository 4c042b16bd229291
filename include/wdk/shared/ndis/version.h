/*
 * Which NDIS version a driver is written for, as NDIS_SUPPORT_NDISxxx.
 *
 * A driver names it by defining NDISxxx (NDIS630=1, with or without _FILTER_DRIVER,
 * _MINIPORT_DRIVER) before <ndis.h>; otherwise it is the version that belongs to the targeted
 * Windows. Choice: the version per Windows release is that of the docs' table of NDIS versions.
 */
#ifndef WDK_NDIS_VERSION_H
#define WDK_NDIS_VERSION_H

#include <sdkddkver.h>

#if defined(NDIS687) || defined(NDIS687_MINIPORT)
#define WDK_NDIS_MINOR 87
#elif defined(NDIS686) || defined(NDIS686_MINIPORT)
#define WDK_NDIS_MINOR 86
#elif defined(NDIS685) || defined(NDIS685_MINIPORT)
#define WDK_NDIS_MINOR 85
#elif defined(NDIS684) || defined(NDIS684_MINIPORT)
#define WDK_NDIS_MINOR 84
#elif defined(NDIS683) || defined(NDIS683_MINIPORT)
#define WDK_NDIS_MINOR 83
#elif defined(NDIS682) || defined(NDIS682_MINIPORT)
#define WDK_NDIS_MINOR 82
#elif defined(NDIS681) || defined(NDIS681_MINIPORT)
#define WDK_NDIS_MINOR 81
#elif defined(NDIS680) || defined(NDIS680_MINIPORT)
#define WDK_NDIS_MINOR 80
#elif defined(NDIS670) || defined(NDIS670_MINIPORT)
#define WDK_NDIS_MINOR 70
#elif defined(NDIS660) || defined(NDIS660_MINIPORT)
#define WDK_NDIS_MINOR 60
#elif defined(NDIS651) || defined(NDIS651_MINIPORT)
#define WDK_NDIS_MINOR 51
#elif defined(NDIS650) || defined(NDIS650_MINIPORT)
#define WDK_NDIS_MINOR 50
#elif defined(NDIS640) || defined(NDIS640_MINIPORT)
#define WDK_NDIS_MINOR 40
#elif defined(NDIS630) || defined(NDIS630_MINIPORT)
#define WDK_NDIS_MINOR 30
#elif defined(NDIS620) || defined(NDIS620_MINIPORT)
#define WDK_NDIS_MINOR 20
#elif defined(NDIS61) || defined(NDIS61_MINIPORT)
#define WDK_NDIS_MINOR 1
#elif defined(NDIS60) || defined(NDIS60_MINIPORT)
#define WDK_NDIS_MINOR 0
#elif NTDDI_VERSION >= 0x0A00000C
#define WDK_NDIS_MINOR 87
#elif NTDDI_VERSION >= 0x0A00000B
#define WDK_NDIS_MINOR 86
#elif NTDDI_VERSION >= 0x0A00000A
#define WDK_NDIS_MINOR 85
#elif NTDDI_VERSION >= 0x0A000008
#define WDK_NDIS_MINOR 84
#elif NTDDI_VERSION >= 0x0A000007
#define WDK_NDIS_MINOR 83
#elif NTDDI_VERSION >= 0x0A000006
#define WDK_NDIS_MINOR 82
#elif NTDDI_VERSION >= 0x0A000005
#define WDK_NDIS_MINOR 81
#elif NTDDI_VERSION >= 0x0A000004
#define WDK_NDIS_MINOR 80
#elif NTDDI_VERSION >= 0x0A000003
#define WDK_NDIS_MINOR 70
#elif NTDDI_VERSION >= 0x0A000002
#define WDK_NDIS_MINOR 60
#elif NTDDI_VERSION >= 0x0A000001
#define WDK_NDIS_MINOR 51
#elif NTDDI_VERSION >= 0x0A000000
#define WDK_NDIS_MINOR 50
#elif NTDDI_VERSION >= 0x06030000
#define WDK_NDIS_MINOR 40
#elif NTDDI_VERSION >= 0x06020000
#define WDK_NDIS_MINOR 30
#elif NTDDI_VERSION >= 0x06010000
#define WDK_NDIS_MINOR 20
#elif NTDDI_VERSION >= 0x06000100
#define WDK_NDIS_MINOR 1
#else
#define WDK_NDIS_MINOR 0
#endif

#define NDIS_SUPPORT_NDIS6             1
#define NDIS_SUPPORT_60_COMPATIBLE_API 1
#define NDIS_SUPPORT_NDIS61            (WDK_NDIS_MINOR >= 1)
#define NDIS_SUPPORT_NDIS620           (WDK_NDIS_MINOR >= 20)
#define NDIS_SUPPORT_NDIS630           (WDK_NDIS_MINOR >= 30)
#define NDIS_SUPPORT_NDIS640           (WDK_NDIS_MINOR >= 40)
#define NDIS_SUPPORT_NDIS650           (WDK_NDIS_MINOR >= 50)
#define NDIS_SUPPORT_NDIS651           (WDK_NDIS_MINOR >= 51)
#define NDIS_SUPPORT_NDIS660           (WDK_NDIS_MINOR >= 60)
#define NDIS_SUPPORT_NDIS670           (WDK_NDIS_MINOR >= 70)
#define NDIS_SUPPORT_NDIS680           (WDK_NDIS_MINOR >= 80)
#define NDIS_SUPPORT_NDIS681           (WDK_NDIS_MINOR >= 81)
#define NDIS_SUPPORT_NDIS682           (WDK_NDIS_MINOR >= 82)
#define NDIS_SUPPORT_NDIS683           (WDK_NDIS_MINOR >= 83)
#define NDIS_SUPPORT_NDIS684           (WDK_NDIS_MINOR >= 84)
#define NDIS_SUPPORT_NDIS685           (WDK_NDIS_MINOR >= 85)
#define NDIS_SUPPORT_NDIS686           (WDK_NDIS_MINOR >= 86)
#define NDIS_SUPPORT_NDIS687           (WDK_NDIS_MINOR >= 87)

#define NDIS_RUNTIME_VERSION_60  ((6 << 16) | 0)
#define NDIS_RUNTIME_VERSION_61  ((6 << 16) | 1)
#define NDIS_RUNTIME_VERSION_620 ((6 << 16) | 20)
#define NDIS_RUNTIME_VERSION_630 ((6 << 16) | 30)
#define NDIS_RUNTIME_VERSION_640 ((6 << 16) | 40)
#define NDIS_RUNTIME_VERSION_650 ((6 << 16) | 50)
#define NDIS_RUNTIME_VERSION_651 ((6 << 16) | 51)
#define NDIS_RUNTIME_VERSION_660 ((6 << 16) | 60)
#define NDIS_RUNTIME_VERSION_670 ((6 << 16) | 70)
#define NDIS_RUNTIME_VERSION_680 ((6 << 16) | 80)
#define NDIS_RUNTIME_VERSION_681 ((6 << 16) | 81)
#define NDIS_RUNTIME_VERSION_682 ((6 << 16) | 82)
#define NDIS_RUNTIME_VERSION_683 ((6 << 16) | 83)
#define NDIS_RUNTIME_VERSION_684 ((6 << 16) | 84)
#define NDIS_RUNTIME_VERSION_685 ((6 << 16) | 85)
#define NDIS_RUNTIME_VERSION_686 ((6 << 16) | 86)
#define NDIS_RUNTIME_VERSION_687 ((6 << 16) | 87)

#endif
