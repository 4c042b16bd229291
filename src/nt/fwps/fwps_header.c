/*
 * IP headers for packets that do not have one yet, and what the stack knows of a packet's past.
 *
 * Model      A list cloned at OUTBOUND_TRANSPORT begins at its transport header. Building the IP
 *            header copies header and data into one MDL of the list's own, put before the others:
 *            its checksums are written without touching the packet that was cloned.
 * Ref        ddi fwpsk/nf-fwpsk-fwpsconstructipheaderfortransportpacket0
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_finding.h"

#define FAMILY_V4        2 /* ws2def.h */
#define FAMILY_V6        23
#define IPV4_HEADER_SIZE 20
#define IPV6_HEADER_SIZE 40
#define DEFAULT_TTL      128 /* what Windows sends with */
#define PACKET_MAX       0xFFFF

struct build {
    bool is_v6;
    const UCHAR *source, *remote; /* network order */
    uint8_t protocol;
    uint32_t old_header; /* bytes of an IP header that the data begin with; 0 none */
};

/* The size the header will have: an IPv4 header keeps its options, IPv6 loses its extensions. */
static uint32_t
header_size(const struct build *build, const uint8_t *data, uint32_t length)
{
    uint32_t size;

    if (build->is_v6)
        return IPV6_HEADER_SIZE;
    if (build->old_header < IPV4_HEADER_SIZE || length < IPV4_HEADER_SIZE)
        return IPV4_HEADER_SIZE;
    size = (data[0] & 15u) * 4;
    return size < IPV4_HEADER_SIZE || size > build->old_header ? IPV4_HEADER_SIZE : size;
}

static void
write_v4(const struct build *build, uint8_t *header, uint32_t size, uint32_t total)
{
    static atomic_uint next_id;

    if (build->old_header == 0) {
        memset(header, 0, size);
        wfp_bytes_put16(header + 4, (uint16_t)atomic_fetch_add(&next_id, 1));
        header[8] = DEFAULT_TTL;
    }
    header[0] = (uint8_t)(0x40 | size / 4);
    wfp_bytes_put16(header + 2, (uint16_t)total);
    header[9] = build->protocol;
    memcpy(header + 12, build->source, 4);
    memcpy(header + 16, build->remote, 4);
}

static void
write_v6(const struct build *build, uint8_t *header, uint32_t total)
{
    if (build->old_header < IPV6_HEADER_SIZE) {
        memset(header, 0, IPV6_HEADER_SIZE);
        header[0] = 0x60;
        header[7] = DEFAULT_TTL;
    }
    wfp_bytes_put16(header + 4, (uint16_t)(total - IPV6_HEADER_SIZE));
    header[6] = build->protocol;
    memcpy(header + 8, build->source, 16);
    memcpy(header + 24, build->remote, 16);
}

/* @return malloced bytes of the whole packet, checksums right; NULL and @p ret_status otherwise */
static uint8_t *
build_packet(const struct build *build, const NET_BUFFER *nb, uint32_t *ret_total,
             NTSTATUS *ret_status)
{
    uint32_t length = (uint32_t)nb->stDataLength, size, payload, total;
    _cleanup_(freep) uint8_t *data = malloc(length ? length : 1), *bytes = NULL;

    *ret_status = STATUS_INSUFFICIENT_RESOURCES;
    if (!data)
        return NULL;
    *ret_status = STATUS_INVALID_PARAMETER;
    if (nt_nb_read(nb, data, length) != length || build->old_header > length)
        return NULL;
    size = header_size(build, data, length);
    payload = length - build->old_header;
    total = size + payload;
    if (total > PACKET_MAX)
        return NULL;
    bytes = malloc(total);
    *ret_status = STATUS_INSUFFICIENT_RESOURCES;
    if (!bytes)
        return NULL;
    memcpy(bytes, data, MIN(size, build->old_header));
    memcpy(bytes + size, data + build->old_header, payload);
    if (build->is_v6)
        write_v6(build, bytes, total);
    else
        write_v4(build, bytes, size, total);
    struct wfp_packet packet = {.data = bytes, .length = total, .wire_length = total};
    *ret_status = STATUS_INVALID_PARAMETER;
    if (wfp_packet_parse(&packet) != WFP_DECODED)
        return NULL;
    wfp_checksum_write(&packet);
    *ret_total = total;
    *ret_status = STATUS_SUCCESS;
    return TAKE_PTR(bytes);
}

static NTSTATUS
rebuild(const struct build *build, NET_BUFFER *nb)
{
    NTSTATUS status;
    uint32_t total;
    uint8_t *bytes = build_packet(build, nb, &total, &status);
    MDL *mdl;

    if (!bytes)
        return status;
    mdl = NdisAllocateMdl(NULL, bytes, total);
    if (!mdl) {
        free(bytes);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    mdl->MdlFlags |= NT_MDL_OWNS_BYTES;
    mdl->Next = nb->MdlChain;
    nb->MdlChain = nb->CurrentMdl = mdl;
    nb->DataOffset = nb->CurrentMdlOffset = 0;
    nb->stDataLength = total;
    return STATUS_SUCCESS;
}

/**
 * Put an IP header before the transport data of a cloned list, or write an existing one anew.
 * Checksums of IP, TCP, UDP and ICMP are computed in full.
 *
 * @param headerIncludeHeaderLength  bytes of the IP header the data begin with; 0: they begin at
 *                                   the transport header
 * @param sourceAddress, remoteAddress  4 or 16 bytes, network order
 * @param endpointHandle, controlData   accepted; packets show no socket options to take over
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsconstructipheaderfortransportpacket0
 */
NTSTATUS NTAPI
FwpsConstructIpHeaderForTransportPacket0(NET_BUFFER_LIST *netBufferList,
                                         ULONG headerIncludeHeaderLength,
                                         ADDRESS_FAMILY addressFamily, const UCHAR *sourceAddress,
                                         const UCHAR *remoteAddress, IPPROTO nextProtocol,
                                         UINT64 endpointHandle, const WSACMSGHDR *controlData,
                                         ULONG controlDataLength, UINT32 flags, PVOID reserved,
                                         IF_INDEX interfaceIndex, IF_INDEX subInterfaceIndex)
{
    struct nt_nbl *header = nt_nbl_find(netBufferList);
    struct build build = {
        .is_v6 = addressFamily == FAMILY_V6,
        .source = sourceAddress,
        .remote = remoteAddress,
        .protocol = (uint8_t)nextProtocol,
        .old_header = headerIncludeHeaderLength,
    };

    if (!header || !sourceAddress || !remoteAddress ||
        (addressFamily != FAMILY_V4 && addressFamily != FAMILY_V6))
        return STATUS_INVALID_PARAMETER;
    if (header->origin == NT_NBL_PACKET) {
        nt_finding(NT_FINDING_OBJECT_BAD,
                   "FwpsConstructIpHeaderForTransportPacket: the list is the "
                   "indicated packet's, not a clone");
        return STATUS_INVALID_PARAMETER;
    }
    for (NET_BUFFER *nb = netBufferList->FirstNetBuffer; nb; nb = nb->Next) {
        NTSTATUS status = rebuild(&build, nb);
        if (!NT_SUCCESS(status))
            return status;
    }
    return STATUS_SUCCESS;
}

/**
 * What happened to a packet before: IPsec (nothing, the stack has none) and injection.
 *
 * @param queryFlags  FWPS_PACKET_LIST_INFORMATION_QUERY_*; IPsec needs INBOUND or OUTBOUND, one of them
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsgetpacketlistsecurityinformation0
 */
NTSTATUS NTAPI
FwpsGetPacketListSecurityInformation0(NET_BUFFER_LIST *packetList, UINT32 queryFlags,
                                      FWPS_PACKET_LIST_INFORMATION0 *packetInformation)
{
    const UINT32 ways =
        FWPS_PACKET_LIST_INFORMATION_QUERY_INBOUND | FWPS_PACKET_LIST_INFORMATION_QUERY_OUTBOUND;
    struct nt_nbl *header = packetList ? nt_nbl_find(packetList) : NULL;
    UINT32 way = queryFlags & ways;

    if (!header || !packetInformation || way == ways ||
        ((queryFlags & FWPS_PACKET_LIST_INFORMATION_QUERY_IPSEC) && !way))
        return STATUS_INVALID_PARAMETER;
    memset(packetInformation, 0, sizeof(*packetInformation));
    if (queryFlags & FWPS_PACKET_LIST_INFORMATION_QUERY_FWP)
        packetInformation->fwpInformation.isReinjected = header->injection_count > 0;
    return STATUS_SUCCESS;
}
