/*
 * Protocol headers as they are on the wire (network byte order), and NMR module identities.
 */
#ifndef _NETIODEF_
#define _NETIODEF_

#include <ntdef.h>
#include <inaddr.h>
#include <in6addr.h>
#include <ws2def.h>
#include <ws2ipdef.h>
#include <mstcpip.h>
#include <ifdef.h>

#define IPV4_VERSION 4
#define IPV6_VERSION 6

typedef enum _NPI_MODULEID_TYPE { MIT_GUID = 1, MIT_IF_LUID } NPI_MODULEID_TYPE;
typedef struct _NPI_MODULEID {
    USHORT Length;
    NPI_MODULEID_TYPE Type;
    __extension__ union {
        GUID Guid;
        LUID IfLuid;
    };
} NPI_MODULEID, *PNPI_MODULEID;
typedef const NPI_MODULEID *PCNPI_MODULEID;
NT_INLINE BOOLEAN
NmrIsEqualNpiModuleId(const NPI_MODULEID *a, const NPI_MODULEID *b)
{
    if (a->Type != b->Type)
        return FALSE;
    return (BOOLEAN)(__builtin_memcmp(&a->Guid, &b->Guid,
                                      a->Type == MIT_GUID ? sizeof(GUID) : sizeof(LUID)) == 0);
}

typedef union _DL_OUI {
    UINT8 Byte[3];
    __extension__ struct {
        UINT8 Group : 1;
        UINT8 Local : 1;
    };
} DL_OUI, *PDL_OUI;
typedef union _DL_EI48 {
    UINT8 Byte[3];
} DL_EI48, *PDL_EI48;
typedef union _DL_EUI48 {
    UINT8 Byte[6];
    __extension__ struct {
        DL_OUI Oui;
        DL_EI48 Ei48;
    };
} DL_EUI48, *PDL_EUI48;
typedef union _DL_EI64 {
    UINT8 Byte[5];
} DL_EI64, *PDL_EI64;
typedef union _DL_EUI64 {
    UINT8 Byte[8];
    UINT64 Value;
    __extension__ struct {
        DL_OUI Oui;
        __extension__ union {
            DL_EI64 Ei64;
            __extension__ struct {
                UINT8 Type;
                UINT8 Tse;
                DL_EI48 Ei48;
            };
        };
    };
} DL_EUI64, *PDL_EUI64;
#define ETHERNET_ADDRESS_LENGTH 6
#define ETHERNET_TYPE_MINIMUM   0x0600
#define ETHERNET_TYPE_IPV4      0x0800
#define ETHERNET_TYPE_ARP       0x0806
#define ETHERNET_TYPE_IPV6      0x86dd
#define ETHERNET_TYPE_802_1Q    0x8100
typedef struct _ETHERNET_HEADER {
    DL_EUI48 Destination;
    DL_EUI48 Source;
    __extension__ union {
        UINT16 Type;
        UINT16 Length;
    };
} ETHERNET_HEADER, *PETHERNET_HEADER;
typedef struct _VLAN_TAG {
    __extension__ union {
        UINT16 Tag;
        __extension__ struct {
            UINT16 VlanId : 12;
            UINT16 CanonicalFormatIndicator : 1;
            UINT16 UserPriority : 3;
        };
    };
    UINT16 Type;
} VLAN_TAG, *PVLAN_TAG;
typedef struct _SNAP_HEADER {
    UINT8 Dsap;
    UINT8 Ssap;
    UINT8 Control;
    UINT8 Oui[3];
    UINT16 Type;
} SNAP_HEADER, *PSNAP_HEADER;

typedef struct _IPV4_HEADER {
    __extension__ union {
        UINT8 VersionAndHeaderLength;
        __extension__ struct {
            UINT8 HeaderLength : 4;
            UINT8 Version : 4;
        };
    };
    __extension__ union {
        UINT8 TypeOfServiceAndEcnField;
        __extension__ struct {
            UINT8 EcnField : 2;
            UINT8 TypeOfService : 6;
        };
    };
    UINT16 TotalLength;
    UINT16 Identification;
    __extension__ union {
        UINT16 FlagsAndOffset;
        __extension__ struct {
            UINT16 DontUse1 : 5;
            UINT16 MoreFragments : 1;
            UINT16 DontFragment : 1;
            UINT16 Reserved : 1;
            UINT16 DontUse2 : 8;
        };
    };
    UINT8 TimeToLive;
    UINT8 Protocol;
    UINT16 HeaderChecksum;
    IN_ADDR SourceAddress;
    IN_ADDR DestinationAddress;
} IPV4_HEADER, *PIPV4_HEADER;
#define IPV4_MAX_HEADER_LENGTH         60
#define IPV4_MIN_HEADER_LENGTH         20
#define IP_VER_MASK                    0xF0
#define IPV4_LITTLE_ENDIAN_OFFSET_MASK 0xff1f
#define Ip4HeaderLengthInBytes(h)      ((h)->HeaderLength << 2)

typedef struct _IPV4_OPTION_HEADER {
    __extension__ union {
        UINT8 OptionType;
        __extension__ struct {
            UINT8 OptionNumber : 5;
            UINT8 OptionClass : 2;
            UINT8 CopiedFlag : 1;
        };
    };
    UINT8 OptionLength;
} IPV4_OPTION_HEADER, *PIPV4_OPTION_HEADER;

typedef struct _IPV6_HEADER {
    __extension__ union {
        UINT32 VersionClassFlow;
        __extension__ struct {
            UINT32 : 4;
            UINT32 Version : 4;
            UINT32 : 24;
        };
    };
    UINT16 PayloadLength;
    UINT8 NextHeader;
    UINT8 HopLimit;
    IN6_ADDR SourceAddress;
    IN6_ADDR DestinationAddress;
} IPV6_HEADER, *PIPV6_HEADER;
#define IPV6_TRAFFIC_CLASS_MASK      0x0000C00F
#define IPV6_FULL_TRAFFIC_CLASS_MASK 0x0000F00F
#define IPV6_ECN_MASK                0x00003000
#define IPV6_FLOW_LABEL_MASK         0xFFFF0F00
typedef struct _IPV6_FRAGMENT_HEADER {
    UINT8 NextHeader;
    UINT8 Reserved;
    __extension__ union {
        __extension__ struct {
            UINT16 DontUse1 : 8;
            UINT16 MoreFragments : 1;
            UINT16 ReservedBits : 2;
            UINT16 DontUse2 : 5;
        };
        UINT16 OffsetAndFlags;
    };
    UINT32 Id;
} IPV6_FRAGMENT_HEADER, *PIPV6_FRAGMENT_HEADER;
typedef struct _IPV6_EXTENSION_HEADER {
    UINT8 NextHeader;
    UINT8 Length;
} IPV6_EXTENSION_HEADER, *PIPV6_EXTENSION_HEADER;
typedef struct _IPV6_OPTION_HEADER {
    UINT8 Type;
    UINT8 DataLength;
} IPV6_OPTION_HEADER, *PIPV6_OPTION_HEADER;
typedef struct _IPV6_ROUTING_HEADER {
    UINT8 NextHeader;
    UINT8 Length;
    UINT8 RoutingType;
    UINT8 SegmentsLeft;
    UINT8 Reserved[4];
} IPV6_ROUTING_HEADER, *PIPV6_ROUTING_HEADER;

typedef struct _ICMP_HEADER {
    UINT8 Type;
    UINT8 Code;
    UINT16 Checksum;
} ICMP_HEADER, *PICMP_HEADER, ICMPV4_HEADER, *PICMPV4_HEADER, ICMPV6_HEADER, *PICMPV6_HEADER;
typedef struct _ICMP_MESSAGE {
    ICMP_HEADER Header;
    union {
        UINT32 Data32[1];
        UINT16 Data16[2];
        UINT8 Data8[4];
    } Data;
} ICMP_MESSAGE, *PICMP_MESSAGE;
typedef enum {
    ICMP4_ECHO_REPLY = 0,
    ICMP4_DST_UNREACH = 3,
    ICMP4_SOURCE_QUENCH = 4,
    ICMP4_REDIRECT = 5,
    ICMP4_ECHO_REQUEST = 8,
    ICMP4_ROUTER_ADVERT = 9,
    ICMP4_ROUTER_SOLICIT = 10,
    ICMP4_TIME_EXCEEDED = 11,
    ICMP4_PARAM_PROB = 12,
    ICMP4_TIMESTAMP_REQUEST = 13,
    ICMP4_TIMESTAMP_REPLY = 14,
    ICMP4_MASK_REQUEST = 17,
    ICMP4_MASK_REPLY = 18
} ICMP4_TYPE,
    *PICMP4_TYPE;
typedef enum {
    ICMP6_DST_UNREACH = 1,
    ICMP6_PACKET_TOO_BIG = 2,
    ICMP6_TIME_EXCEEDED = 3,
    ICMP6_PARAM_PROB = 4,
    ICMP6_ECHO_REQUEST = 128,
    ICMP6_ECHO_REPLY = 129,
    ICMP6_MEMBERSHIP_QUERY = 130,
    ICMP6_MEMBERSHIP_REPORT = 131,
    ICMP6_MEMBERSHIP_REDUCTION = 132,
    ND_ROUTER_SOLICIT = 133,
    ND_ROUTER_ADVERT = 134,
    ND_NEIGHBOR_SOLICIT = 135,
    ND_NEIGHBOR_ADVERT = 136,
    ND_REDIRECT = 137,
    ICMP6_V2_MEMBERSHIP_REPORT = 143
} ICMP6_TYPE,
    *PICMP6_TYPE;

typedef UINT32 SEQ_NUM;
#pragma pack(push, 1)
typedef struct tcp_hdr {
    UINT16 th_sport;
    UINT16 th_dport;
    SEQ_NUM th_seq;
    SEQ_NUM th_ack;
    UINT8 th_x2 : 4;
    UINT8 th_len : 4;
    UINT8 th_flags;
    UINT16 th_win;
    UINT16 th_sum;
    UINT16 th_urp;
} TCP_HDR;
#pragma pack(pop)
#define TH_FIN                0x01
#define TH_SYN                0x02
#define TH_RST                0x04
#define TH_PSH                0x08
#define TH_ACK                0x10
#define TH_URG                0x20
#define TH_ECE                0x40
#define TH_CWR                0x80
#define TH_OPT_EOL            0
#define TH_OPT_NOP            1
#define TH_OPT_MSS            2
#define TH_OPT_WS             3
#define TH_OPT_SACK_PERMITTED 4
#define TH_OPT_SACK           5
#define TH_OPT_TS             8

typedef enum _ARP_OPCODE { ARP_REQUEST = 1, ARP_RESPONSE = 2 } ARP_OPCODE;
typedef enum _ARP_HARDWARE_TYPE { ARP_HW_ENET = 1, ARP_HW_802 = 6 } ARP_HARDWARE_TYPE;
typedef struct _ARP_HEADER {
    USHORT HardwareAddressSpace;
    USHORT ProtocolAddressSpace;
    UCHAR HardwareAddressLength;
    UCHAR ProtocolAddressLength;
    USHORT Opcode;
    UCHAR SenderHardwareAddress[1];
} ARP_HEADER, *PARP_HEADER;

#endif
