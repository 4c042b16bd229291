/*
 * Injection: packets that drivers send or receive themselves, and the question who injected what.
 *
 * Model      A handle names its owner. An injected list is read into a flat frame at once, queued
 *            for the stack (never recursive: drivers inject from inside classify), and completed
 *            exactly once, when its frame has been taken through the stack. The history of
 *            handles travels with the frame, newest first, and clones inherit it.
 *
 *              history []          NOT_INJECTED
 *              history [mine, ..]  INJECTED_BY_SELF
 *              history [x, mine]   PREVIOUSLY_INJECTED_BY_SELF
 *              history [x, ..]     INJECTED_BY_OTHER
 *
 * Ref        windows-driver-docs network/packet-injection-functions
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "nt/fwps/fwps_inject.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

#define LOOP 16 /* injections of one packet, by whomever: nobody needs so many */

static const char *
describe(const struct injected *item, char text[128])
{
    struct wfp_packet packet = {
        .data = item->bytes, .length = item->length, .wire_length = item->length};

    if (item->entry == WFP_ENTRY_MAC_SEND || item->entry == WFP_ENTRY_MAC_RECEIVE ||
        wfp_packet_parse(&packet) != WFP_DECODED)
        return "a frame";
    return wfp_packet_describe(&packet, text, 128);
}

/* The drivers in the packet's history, each once: "a, b". */
static const char *
name_injectors(const struct nt_nbl *view, char text[128])
{
    size_t used = 0;

    text[0] = 0;
    for (uint32_t i = 0; i < view->injection_count; i++) {
        const struct injection_handle *handle =
            nt_fwps_injection_handle_find(view->injections[i].handle);
        const char *name = handle ? nt_driver_name(handle->owner) : "a handle destroyed since";
        if (!strstr(text, name) && used < 128)
            used += (size_t)snprintf(text + used, 128 - used, "%s%s", used ? ", " : "", name);
    }
    return text;
}

/* Put the handle at the head of the history. @return false where it goes round in circles */
static bool
remember(struct injected *item, struct injection_handle *handle, void *context)
{
    struct nt_nbl *view = item->view;
    uint32_t mine = 0;
    char packet[128], drivers[128];

    for (uint32_t i = 0; i < view->injection_count; i++)
        mine += view->injections[i].handle == handle;
    if (mine == NT_NBL_HISTORY || view->injected == LOOP) {
        nt_finding(NT_FINDING_INJECT_LOOP, "a packet was injected %u times, last by %s: %s",
                   view->injected, name_injectors(view, drivers), describe(item, packet));
        return false;
    }
    uint32_t keep = MIN(view->injection_count, (uint32_t)NT_NBL_HISTORY - 1);
    memmove(&view->injections[1], &view->injections[0], keep * sizeof(view->injections[0]));
    view->injections[0] = (struct nt_nbl_injection){handle, context};
    view->injection_count = keep + 1;
    view->injected++;
    return true;
}

/* ---- what a driver hands over ---- */

struct request {
    HANDLE handle, context;
    uint32_t type;   /* FWPS_INJECTION_TYPE_* the handle must have */
    uint16_t family; /* 0: the handle's */
    enum wfp_entry entry;
    uint32_t interface_index;
    const void *control; /* NULL: none */
    uint32_t control_length;
    const uint8_t *header; /* an IP header to put before the data, or NULL */
    uint32_t header_length;
    const uint8_t *remote; /* transport send: where to */
    bool needs_header;     /* data begin at the transport header */
    uint64_t endpoint;     /* whose the data are, when no packet tells */
    NET_BUFFER_LIST *nbl;
    FWPS_INJECT_COMPLETE0 complete;
    void *complete_context;
};

#define IPV4_HEADER_SIZE 20
#define IPV6_HEADER_SIZE 40

#define DEFAULT_TTL 128 /* what Windows sends with */

/* An IP header for a list of the driver's own; the stack adds what only the socket knows. */
static uint32_t
new_header(const struct request *request, size_t data_length, uint8_t *out)
{
    static atomic_uint next_id;

    if (request->family == FAMILY_V4) {
        memset(out, 0, IPV4_HEADER_SIZE);
        out[0] = 0x45;
        wfp_bytes_put16(out + 2, (uint16_t)(IPV4_HEADER_SIZE + data_length));
        wfp_bytes_put16(out + 4, (uint16_t)atomic_fetch_add(&next_id, 1));
        out[8] = DEFAULT_TTL;
        memcpy(out + 16, request->remote, 4);
        return IPV4_HEADER_SIZE;
    }
    memset(out, 0, IPV6_HEADER_SIZE);
    out[0] = 0x60;
    wfp_bytes_put16(out + 4, (uint16_t)data_length);
    out[7] = DEFAULT_TTL;
    memcpy(out + 24, request->remote, 16);
    return IPV6_HEADER_SIZE;
}

/* The IP header of what was cloned, with length and destination made right for the new data. */
static uint32_t
make_header(const struct nt_nbl *list, const struct request *request, size_t data_length,
            uint8_t *out)
{
    uint32_t length;
    const uint8_t *origin = nt_fwps_nbl_origin(list, &length);

    if (!origin || length < IPV4_HEADER_SIZE)
        return 0;
    if (origin[0] >> 4 == 4) {
        uint32_t size = (origin[0] & 15u) * 4;
        if (size > length)
            return 0;
        memcpy(out, origin, size);
        uint16_t total = (uint16_t)(size + data_length);
        out[2] = (uint8_t)(total >> 8);
        out[3] = (uint8_t)total;
        if (request->remote)
            memcpy(out + 16, request->remote, 4);
        out[10] = out[11] = 0;
        uint16_t sum = wfp_checksum_fold(wfp_checksum_add(0, out, size));
        out[10] = (uint8_t)(sum >> 8);
        out[11] = (uint8_t)sum;
        return size;
    }
    if (length < IPV6_HEADER_SIZE)
        return 0;
    memcpy(out, origin, IPV6_HEADER_SIZE);
    out[4] = (uint8_t)(data_length >> 8);
    out[5] = (uint8_t)data_length;
    if (request->remote)
        memcpy(out + 24, request->remote, 16);
    return IPV6_HEADER_SIZE;
}

/* One NET_BUFFER as flat bytes that begin at an IP header. */
static NTSTATUS
flatten(const struct nt_nbl *list, const NET_BUFFER *nb, const struct request *request,
        struct injected *item)
{
    uint8_t made[60];
    const uint8_t *header = request->header;
    uint32_t header_length = request->header ? request->header_length : 0;

    if (request->needs_header && !header) {
        header_length = make_header(list, request, nb->stDataLength, made);
        header = made;
        if (!header_length && request->endpoint && request->remote && request->family) {
            header_length = new_header(request, nb->stDataLength, made);
            item->sender = request->endpoint;
        }
        if (!header_length) {
            nt_finding(NT_FINDING_OBJECT_BAD, "transport send without an IP header: the list is no "
                                              "clone of a packet, and no endpoint handle is given");
            return STATUS_FWP_INVALID_PARAMETER;
        }
    }
    item->length = header_length + (uint32_t)nb->stDataLength;
    item->bytes = malloc(item->length ? item->length : 1);
    if (!item->bytes)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (header_length)
        memcpy(item->bytes, header, header_length);
    nt_nb_read(nb, item->bytes + header_length, nb->stDataLength);
    item->view = nt_fwps_nbl_adopt(item->bytes, item->length, list);
    if (!item->view) {
        free(item->bytes);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS
check_request(const struct request *request, struct injection_handle **ret_handle)
{
    struct injection_handle *handle = nt_fwps_injection_handle_find(request->handle);

    if (!handle || !request->nbl || !request->complete)
        return STATUS_FWP_INVALID_PARAMETER;
    if (!(handle->types & request->type))
        return STATUS_FWP_INJECT_HANDLE_STALE;
    if (request->family && handle->family && request->family != handle->family)
        return STATUS_FWP_INVALID_PARAMETER;
    if (handle->closing)
        return STATUS_FWP_INJECT_HANDLE_CLOSING;
    *ret_handle = handle;
    return STATUS_SUCCESS;
}

static NTSTATUS
inject(const struct request *request)
{
    struct injection_handle *handle;
    NTSTATUS status = check_request(request, &handle);
    struct nt_nbl *list = NT_SUCCESS(status) ? nt_nbl_find(request->nbl) : NULL;
    struct injected *first = NULL, **at = &first, *last = NULL;

    if (!list)
        return NT_SUCCESS(status) ? STATUS_FWP_INVALID_PARAMETER : status;
    for (NET_BUFFER *nb = request->nbl->FirstNetBuffer; nb && NT_SUCCESS(status); nb = nb->Next) {
        struct injected *item = calloc(1, sizeof(*item));
        if (!item) {
            status = STATUS_INSUFFICIENT_RESOURCES;
            break;
        }
        status = flatten(list, nb, request, item);
        if (!NT_SUCCESS(status)) {
            free(item);
            break;
        }
        *at = last = item;
        at = &item->next;
        item->handle = handle;
        item->nbl = request->nbl;
        item->entry = request->entry;
        if (!remember(item, handle, request->context))
            status = STATUS_FWP_INVALID_PARAMETER;
        item->interface_index = request->interface_index;
        item->control = request->control;
        item->control_length = request->control_length;
        item->driver = nt_driver_current();
        item->complete = request->complete;
        item->context = request->complete_context;
    }
    if (NT_SUCCESS(status) && !first)
        status = STATUS_FWP_INVALID_PARAMETER;
    if (!NT_SUCCESS(status)) {
        nt_fwps_inject_drop(first);
        return status;
    }
    last->is_last = true;
    atomic_fetch_add(&list->in_flight, 1);
    atomic_fetch_add(&handle->outstanding, 1);
    nt_fwps_inject_push(first, at);
    return STATUS_SUCCESS;
}

/**
 * Send a packet that begins at its IP header; it is classified again at OUTBOUND_IPPACKET.
 *
 * @param injectionHandle  of type network
 * @param completionFn     runs exactly once if and only if STATUS_SUCCESS is returned
 * @return STATUS_SUCCESS, STATUS_FWP_INVALID_PARAMETER, STATUS_FWP_INJECT_HANDLE_STALE / _CLOSING,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsinjectnetworksendasync0
 */
NTSTATUS NTAPI
FwpsInjectNetworkSendAsync0(HANDLE injectionHandle, HANDLE injectionContext, UINT32 flags,
                            COMPARTMENT_ID compartmentId, NET_BUFFER_LIST *netBufferList,
                            FWPS_INJECT_COMPLETE0 completionFn, HANDLE completionContext)
{
    struct request request = {.handle = injectionHandle,
                              .context = injectionContext,
                              .type = FWPS_INJECTION_TYPE_NETWORK,
                              .entry = WFP_ENTRY_SEND_NETWORK,
                              .nbl = netBufferList,
                              .complete = completionFn,
                              .complete_context = completionContext};
    return inject(&request);
}

/** Receive a packet that begins at its IP header, as from the wire. Ref: ddi fwpsk/nf-fwpsk-fwpsinjectnetworkreceiveasync0 */
NTSTATUS NTAPI
FwpsInjectNetworkReceiveAsync0(HANDLE injectionHandle, HANDLE injectionContext, UINT32 flags,
                               COMPARTMENT_ID compartmentId, IF_INDEX interfaceIndex,
                               IF_INDEX subInterfaceIndex, NET_BUFFER_LIST *netBufferList,
                               FWPS_INJECT_COMPLETE0 completionFn, HANDLE completionContext)
{
    struct request request = {.handle = injectionHandle,
                              .context = injectionContext,
                              .type = FWPS_INJECTION_TYPE_NETWORK,
                              .entry = WFP_ENTRY_RECEIVE,
                              .interface_index = interfaceIndex,
                              .nbl = netBufferList,
                              .complete = completionFn,
                              .complete_context = completionContext};
    return inject(&request);
}

/* A frame: what a plane cannot send is counted there. */
static NTSTATUS
inject_mac(HANDLE handle, HANDLE context, UINT32 flags, IF_INDEX interface_index,
           enum wfp_entry entry, NET_BUFFER_LIST *lists, FWPS_INJECT_COMPLETE0 complete,
           HANDLE complete_context)
{
    struct request request = {.handle = handle,
                              .context = context,
                              .type = FWPS_INJECTION_TYPE_L2,
                              .entry = entry,
                              .interface_index = interface_index,
                              .complete = complete,
                              .complete_context = complete_context};
    NTSTATUS status = flags || !lists ? STATUS_FWP_INVALID_PARAMETER : STATUS_SUCCESS;

    for (NET_BUFFER_LIST *nbl = lists, *next; nbl && NT_SUCCESS(status); nbl = next) {
        next = nbl->Next; /* completed, it may be gone */
        request.nbl = nbl;
        status = inject(&request);
    }
    return status;
}

/**
 * Send a frame that begins at its MAC header; it is classified again at the outbound MAC layers.
 *
 * @param injectionHandle  of type L2
 * @param layerId          an outbound MAC layer
 * @param interfaceIndex, ndisPortNumber  as classify got them
 * @param netBufferLists   a chain; each list is completed by itself
 * @return as FwpsInjectNetworkSendAsync0
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsinjectmacsendasync0. Gap: live traffic has no frames.
 */
NTSTATUS NTAPI
FwpsInjectMacSendAsync0(HANDLE injectionHandle, HANDLE injectionContext, UINT32 flags,
                        UINT16 layerId, IF_INDEX interfaceIndex, NDIS_PORT_NUMBER ndisPortNumber,
                        NET_BUFFER_LIST *netBufferLists, FWPS_INJECT_COMPLETE0 completionFn,
                        HANDLE completionContext)
{
    if (layerId != FWPS_LAYER_OUTBOUND_MAC_FRAME_ETHERNET &&
        layerId != FWPS_LAYER_OUTBOUND_MAC_FRAME_NATIVE)
        return STATUS_FWP_INVALID_PARAMETER;
    return inject_mac(injectionHandle, injectionContext, flags, interfaceIndex, WFP_ENTRY_MAC_SEND,
                      netBufferLists, completionFn, completionContext);
}

/** Receive a frame that begins at its MAC header, as from the wire. Ref: ddi fwpsk/nf-fwpsk-fwpsinjectmacreceiveasync0 */
NTSTATUS NTAPI
FwpsInjectMacReceiveAsync0(HANDLE injectionHandle, HANDLE injectionContext, UINT32 flags,
                           UINT16 layerId, IF_INDEX interfaceIndex, NDIS_PORT_NUMBER ndisPortNumber,
                           NET_BUFFER_LIST *netBufferLists, FWPS_INJECT_COMPLETE0 completionFn,
                           HANDLE completionContext)
{
    if (layerId != FWPS_LAYER_INBOUND_MAC_FRAME_ETHERNET &&
        layerId != FWPS_LAYER_INBOUND_MAC_FRAME_NATIVE)
        return STATUS_FWP_INVALID_PARAMETER;
    return inject_mac(injectionHandle, injectionContext, flags, interfaceIndex,
                      WFP_ENTRY_MAC_RECEIVE, netBufferLists, completionFn, completionContext);
}

/** Forward a packet that begins at its IP header; no layer sees it. Ref: ddi fwpsk/nf-fwpsk-fwpsinjectforwardasync0 */
NTSTATUS NTAPI
FwpsInjectForwardAsync0(HANDLE injectionHandle, HANDLE injectionContext, UINT32 flags,
                        ADDRESS_FAMILY addressFamily, COMPARTMENT_ID compartmentId,
                        IF_INDEX interfaceIndex, NET_BUFFER_LIST *netBufferList,
                        FWPS_INJECT_COMPLETE0 completionFn, HANDLE completionContext)
{
    struct request request = {.handle = injectionHandle,
                              .context = injectionContext,
                              .type = FWPS_INJECTION_TYPE_FORWARD,
                              .family = addressFamily,
                              .entry = WFP_ENTRY_FORWARD,
                              .interface_index = interfaceIndex,
                              .nbl = netBufferList,
                              .complete = completionFn,
                              .complete_context = completionContext};
    return inject(&request);
}

/**
 * Send data that begin at the transport header (or, with headerIncludeHeader or without sendArgs, at
 * the IP header); classified again at every outbound layer.
 *
 * @param endpointHandle  from the metadata; a clone's IP header is that of its packet, a list of the
 *                        driver's own gets one with this socket's address and protocol
 * @param sendArgs        remote address, network order; NULL: data begin at the IP header
 * Ref: ddi fwpsk/nf-fwpsk-fwpsinjecttransportsendasync1.
 * Gap: control data are shown to callouts on the way, and change nothing on the wire.
 */
NTSTATUS NTAPI
FwpsInjectTransportSendAsync1(HANDLE injectionHandle, HANDLE injectionContext,
                              UINT64 endpointHandle, UINT32 flags,
                              FWPS_TRANSPORT_SEND_PARAMS1 *sendArgs, ADDRESS_FAMILY addressFamily,
                              COMPARTMENT_ID compartmentId, NET_BUFFER_LIST *netBufferList,
                              FWPS_INJECT_COMPLETE0 completionFn, HANDLE completionContext)
{
    struct request request = {.handle = injectionHandle,
                              .context = injectionContext,
                              .type = FWPS_INJECTION_TYPE_TRANSPORT,
                              .family = addressFamily,
                              .entry = WFP_ENTRY_SEND_TRANSPORT,
                              .nbl = netBufferList,
                              .complete = completionFn,
                              .complete_context = completionContext,
                              .endpoint = endpointHandle,
                              .needs_header = sendArgs != NULL,
                              .remote = sendArgs ? sendArgs->remoteAddress : NULL};
    if (sendArgs && sendArgs->headerIncludeHeader) {
        request.header = sendArgs->headerIncludeHeader;
        request.header_length = sendArgs->headerIncludeHeaderLength;
    }
    if (sendArgs && sendArgs->controlData && sendArgs->controlDataLength) {
        request.control = sendArgs->controlData;
        request.control_length = sendArgs->controlDataLength;
    }
    return inject(&request);
}

/** Ref: ddi fwpsk/nf-fwpsk-fwpsinjecttransportsendasync0 */
NTSTATUS NTAPI
FwpsInjectTransportSendAsync0(HANDLE injectionHandle, HANDLE injectionContext,
                              UINT64 endpointHandle, UINT32 flags,
                              FWPS_TRANSPORT_SEND_PARAMS0 *sendArgs, ADDRESS_FAMILY addressFamily,
                              COMPARTMENT_ID compartmentId, NET_BUFFER_LIST *netBufferList,
                              FWPS_INJECT_COMPLETE0 completionFn, HANDLE completionContext)
{
    FWPS_TRANSPORT_SEND_PARAMS1 args = {0};

    if (sendArgs) {
        args.remoteAddress = sendArgs->remoteAddress;
        args.remoteScopeId = sendArgs->remoteScopeId;
        args.controlData = sendArgs->controlData;
        args.controlDataLength = sendArgs->controlDataLength;
    }
    return FwpsInjectTransportSendAsync1(injectionHandle, injectionContext, endpointHandle, flags,
                                         sendArgs ? &args : NULL, addressFamily, compartmentId,
                                         netBufferList, completionFn, completionContext);
}

/** Receive data that begin at the IP header. Ref: ddi fwpsk/nf-fwpsk-fwpsinjecttransportreceiveasync0 */
NTSTATUS NTAPI
FwpsInjectTransportReceiveAsync0(HANDLE injectionHandle, HANDLE injectionContext, PVOID reserved,
                                 UINT32 flags, ADDRESS_FAMILY addressFamily,
                                 COMPARTMENT_ID compartmentId, IF_INDEX interfaceIndex,
                                 IF_INDEX subInterfaceIndex, NET_BUFFER_LIST *netBufferList,
                                 FWPS_INJECT_COMPLETE0 completionFn, HANDLE completionContext)
{
    struct request request = {.handle = injectionHandle,
                              .context = injectionContext,
                              .type = FWPS_INJECTION_TYPE_TRANSPORT,
                              .family = addressFamily,
                              .entry = WFP_ENTRY_RECEIVE,
                              .interface_index = interfaceIndex,
                              .nbl = netBufferList,
                              .complete = completionFn,
                              .complete_context = completionContext};
    return inject(&request);
}
