/*
 * The classic pcap format: one header, then records of sixteen bytes and a packet.
 *
 * Ref        draft-ietf-opsawg-pcap
 */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "plane/replay/capture.h"

#define FILE_HEADER 24u

static const struct variant {
    uint32_t magic;
    uint64_t ticks_per_second;
    uint32_t record_header;
} variants[] = {
    {0xa1b2c3d4, 1000000, 16},
    {0xa1b23c4d, 1000000000, 16},
    {0xa1b2cd34, 1000000, 24}, /* Kuznetzov's: interface, protocol and type follow the lengths */
};

int
wfp_capture_pcap_open(struct wfp_capture *capture)
{
    const uint8_t *header = capture->buffer + capture->start;
    const struct variant *variant = NULL;
    struct wfp_capture_interface *interface;
    uint32_t magic;
    int r;

    memcpy(&magic, header, sizeof(magic));
    for (size_t i = 0; i < ELEMENTSOF(variants); i++)
        if (variants[i].magic == magic || variants[i].magic == __builtin_bswap32(magic)) {
            variant = &variants[i];
            capture->is_swapped = variants[i].magic != magic;
        }
    if (!variant)
        return wfp_capture_fail(capture,
                                "is neither pcap nor pcapng (it begins with %02x %02x %02x %02x)",
                                header[0], header[1], header[2], header[3]);
    r = wfp_capture_need(capture, FILE_HEADER);
    if (r <= 0)
        return r < 0 ? r : wfp_capture_fail(capture, "ends inside the pcap header");
    header = capture->buffer + capture->start;
    if (wfp_capture_get16(capture, header + 4) != 2)
        return wfp_capture_fail(capture, "is pcap version %u.%u; only 2.x is known",
                                wfp_capture_get16(capture, header + 4),
                                wfp_capture_get16(capture, header + 6));
    interface = wfp_capture_add_interface(capture);
    if (!interface)
        return wfp_capture_fail(capture, "out of memory");
    interface->snap_length = wfp_capture_get32(capture, header + 16);
    interface->link_type = wfp_capture_get32(capture, header + 20) & 0x03ffffff;
    interface->ticks_per_second = variant->ticks_per_second;
    interface->resolution = variant->ticks_per_second == 1000000 ? 6 : 9;
    capture->record_header = variant->record_header;
    wfp_capture_skip(capture, FILE_HEADER);
    return 0;
}

int
wfp_capture_pcap_next(struct wfp_capture *capture, struct wfp_capture_record *ret_record)
{
    const struct wfp_capture_interface *interface = capture->interfaces;
    uint32_t header_size = capture->record_header, length, wire_length;
    const uint8_t *header;
    int r = wfp_capture_need(capture, header_size);

    if (r <= 0) {
        if (r < 0 || capture->start == capture->end)
            return r;
        return wfp_capture_fail(capture, "is cut short inside a packet's header");
    }
    header = capture->buffer + capture->start;
    length = wfp_capture_get32(capture, header + 8);
    wire_length = wfp_capture_get32(capture, header + 12);
    if (length > WFP_CAPTURE_RECORD_MAX)
        return wfp_capture_fail(capture, "is corrupt: a packet of %u bytes", length);
    r = wfp_capture_need(capture, header_size + length);
    if (r <= 0)
        return r < 0 ? r : wfp_capture_fail(capture, "is cut short inside a packet");
    header = capture->buffer + capture->start;

    ret_record->ticks = wfp_capture_get32(capture, header) * interface->ticks_per_second +
                        wfp_capture_get32(capture, header + 4);
    ret_record->time_100ns = wfp_capture_time(interface, ret_record->ticks);
    ret_record->data = capture->buffer + capture->start + header_size;
    ret_record->length = length;
    ret_record->wire_length = wire_length > length ? wire_length : length;
    ret_record->headroom = capture->start + header_size;
    ret_record->interface = 0;
    ret_record->way = WFP_CAPTURE_WAY_UNKNOWN;
    ret_record->link_broadcast = false;
    ret_record->process = NULL;
    wfp_capture_skip(capture, header_size + length);
    return 1;
}
