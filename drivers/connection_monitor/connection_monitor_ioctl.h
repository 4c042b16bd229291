/*
 * What programs and the connection_monitor driver agree on: one request, that returns the table of
 * connections.
 */
#pragma once

#define CONNECTION_MONITOR_NAME L"\\\\.\\ConnectionMonitor"

// Output: a CONNECTION_TABLE with as many entries as fit. No input.
#define IOCTL_CONNECTION_MONITOR_GET_TABLE                                                         \
    CTL_CODE(FILE_DEVICE_NETWORK, 0x800, METHOD_BUFFERED, FILE_READ_ACCESS)

typedef struct _CONNECTION_ENTRY {
    UINT8 IpVersion; // 4 or 6
    UINT8 Protocol;
    UINT8 Inbound; // 1: the other end began
    UINT8 Reserved;
    UINT16 LocalPort, RemotePort;
    UINT8 LocalAddress[16], RemoteAddress[16]; // network order, IPv4 in the first four
    UINT64 ProcessId;                          // 0 unknown
    UINT64 BytesSent, BytesReceived;           // of payload
    UINT64 PacketsSent, PacketsReceived;
    WCHAR Program[64]; // the end of its path; empty when unknown
} CONNECTION_ENTRY;

typedef struct _CONNECTION_TABLE {
    UINT32 Count; // entries that follow
    UINT32 Total; // connections there are
    CONNECTION_ENTRY Entries[ANYSIZE_ARRAY];
} CONNECTION_TABLE;
