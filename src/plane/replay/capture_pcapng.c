/*
 * pcapng: blocks, of which those with packets and interfaces matter.
 *
 * Model      A block is type, length, body, length again. Sections may change byte order and begin
 *            interfaces anew. Blocks of unknown type are stepped over, as the format asks; what a
 *            writer may copy is kept for it (capture_keep.c).
 * Ref        draft-ietf-opsawg-pcapng; block 0x80000001 is Darwin's process information
 */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/utf16.h"
#include "plane/replay/capture.h"

enum block {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET_OLD = 2,
    BLOCK_PACKET_SIMPLE = 3,
    BLOCK_PACKET = 6,
};
#define BLOCK_PROCESS 0x80000001u

#define PROCESSES_MAX (1u << 20)

enum option {
    OPTION_END = 0,
    OPTION_IF_NAME = 2,
    OPTION_IF_RESOLUTION = 9,
    OPTION_IF_OFFSET = 14,
    OPTION_PACKET_FLAGS = 2,
    OPTION_PROCESS_NAME = 2,
    OPTION_PACKET_PROCESS = 32769,
};

#define BLOCK_FRAME 12u /* type and both lengths */

bool
wfp_capture_next_option(const struct wfp_capture *capture, const uint8_t **at, const uint8_t *end,
                        struct wfp_capture_option *ret_option)
{
    uint32_t padded;

    if (end - *at < 4)
        return false;
    ret_option->code = wfp_capture_get16(capture, *at);
    ret_option->length = wfp_capture_get16(capture, *at + 2);
    padded = (ret_option->length + 3u) & ~3u;
    if (ret_option->code == OPTION_END || (uint32_t)(end - *at - 4) < padded)
        return false;
    ret_option->value = *at + 4;
    *at += 4 + padded;
    return true;
}

static bool
set_resolution(struct wfp_capture_interface *interface, uint8_t resolution)
{
    uint32_t exponent = resolution & 0x7f;

    interface->resolution = resolution;
    if (resolution & 0x80) {
        if (exponent > 63)
            return false;
        interface->ticks_per_second = 1ull << exponent;
        return true;
    }
    if (exponent > 19)
        return false;
    for (interface->ticks_per_second = 1; exponent; exponent--)
        interface->ticks_per_second *= 10;
    return true;
}

static int
read_interface(struct wfp_capture *capture, const uint8_t *body, uint32_t size)
{
    struct wfp_capture_interface *interface;
    const uint8_t *at = body + 8, *end = body + size;
    struct wfp_capture_option option;

    if (size < 8)
        return wfp_capture_fail(capture, "is corrupt: an interface block of %u bytes", size);
    interface = wfp_capture_add_interface(capture);
    if (!interface)
        return wfp_capture_fail(capture, "out of memory");
    interface->link_type = wfp_capture_get16(capture, body);
    interface->snap_length = wfp_capture_get32(capture, body + 4);
    while (wfp_capture_next_option(capture, &at, end, &option)) {
        if (option.code == OPTION_IF_NAME)
            snprintf(interface->name, sizeof(interface->name), "%.*s", (int)option.length,
                     (const char *)option.value);
        else if (option.code == OPTION_IF_RESOLUTION && option.length >= 1 &&
                 !set_resolution(interface, option.value[0]))
            return wfp_capture_fail(capture, "has timestamps of an unusable resolution (0x%02x)",
                                    option.value[0]);
        else if (option.code == OPTION_IF_OFFSET && option.length >= 8)
            memcpy(&interface->offset_seconds, option.value, 8);
    }
    if (capture->is_swapped)
        interface->offset_seconds = (int64_t)__builtin_bswap64((uint64_t)interface->offset_seconds);
    else if (capture->kept.is_wanted && at > body + 8)
        interface->options = malloc((size_t)(at - body - 8));
    if (interface->options) {
        interface->options_size = (uint32_t)(at - body - 8);
        memcpy(interface->options, body + 8, interface->options_size);
    }
    return 0;
}

/** A path is an application id as it is. Darwin gives names, in whatever case. */
static uint16_t *
application_id(const struct wfp_capture_option *option)
{
    _cleanup_(freep) char *name = strndup((const char *)option->value, option->length);

    for (char *at = name; name && name[0] != '/' && *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 32);
    return name && name[0] ? wfp_utf16_from_utf8(name, NULL) : NULL;
}

/** Processes are numbered from 0 in each section; packets name theirs by number. */
static int
read_process(struct wfp_capture *capture, const uint8_t *body, uint32_t size)
{
    const uint8_t *at = body + 4, *end = body + size;
    struct wfp_capture_process *process;
    struct wfp_capture_option option;

    if (size < 4 || capture->process_count == PROCESSES_MAX)
        return wfp_capture_fail(capture, "is corrupt: a process block of %u bytes", size);
    if (capture->process_count == capture->process_capacity) {
        uint32_t capacity = capture->process_capacity ? capture->process_capacity * 2 : 16;

        process = realloc(capture->processes, capacity * sizeof(*process));
        if (!process)
            return wfp_capture_fail(capture, "out of memory");
        capture->processes = process;
        capture->process_capacity = capacity;
    }
    process = &capture->processes[capture->process_count++];
    *process = (struct wfp_capture_process){.id = wfp_capture_get32(capture, body)};
    while (wfp_capture_next_option(capture, &at, end, &option))
        if (option.code == OPTION_PROCESS_NAME && !process->name_utf16)
            process->name_utf16 = application_id(&option);
    return 0;
}

/** Take in a section header at the read position and step over it. */
static int
read_section(struct wfp_capture *capture)
{
    const uint8_t *block;
    uint32_t magic, length;
    int r = wfp_capture_need(capture, 28);

    if (r <= 0)
        return r < 0 ? r : wfp_capture_fail(capture, "is cut short inside a section header");
    block = capture->buffer + capture->start;
    memcpy(&magic, block + 8, sizeof(magic));
    if (magic != 0x1a2b3c4d && magic != 0x4d3c2b1a)
        return wfp_capture_fail(capture, "is corrupt: a section without its byte-order mark");
    capture->is_swapped = magic != 0x1a2b3c4d;
    length = wfp_capture_get32(capture, block + 4);
    if (wfp_capture_get16(capture, block + 12) != 1)
        return wfp_capture_fail(capture, "is pcapng version %u; only 1 is known",
                                wfp_capture_get16(capture, block + 12));
    if (length < 28 || length % 4 != 0 || length > WFP_CAPTURE_RECORD_MAX)
        return wfp_capture_fail(capture, "is corrupt: a section header of %u bytes", length);
    r = wfp_capture_need(capture, length);
    if (r <= 0)
        return r < 0 ? r : wfp_capture_fail(capture, "is cut short inside a section header");
    wfp_capture_skip(capture, length);
    capture->section++;
    capture->section_first = capture->interface_count;
    capture->process_first = capture->process_count;
    return 0;
}

int
wfp_capture_pcapng_open(struct wfp_capture *capture)
{
    return read_section(capture);
}

static void
read_packet_options(const struct wfp_capture *capture, const uint8_t *at, const uint8_t *end,
                    struct wfp_capture_record *record)
{
    struct wfp_capture_option option;

    record->options = at;
    record->options_size = (uint32_t)(end - at);
    while (wfp_capture_next_option(capture, &at, end, &option))
        if (option.code == OPTION_PACKET_FLAGS && option.length == 4) {
            uint32_t flags = record->flags = wfp_capture_get32(capture, option.value);

            if ((flags & 3) == 1)
                record->way = WFP_CAPTURE_WAY_IN;
            else if ((flags & 3) == 2)
                record->way = WFP_CAPTURE_WAY_OUT;
            record->link_broadcast = (flags >> 2 & 7) == 3;
        } else if (option.code == OPTION_PACKET_PROCESS && option.length == 4) {
            uint32_t number = wfp_capture_get32(capture, option.value);

            if (number < capture->process_count - capture->process_first)
                record->process = &capture->processes[capture->process_first + number];
        }
}

/** Enhanced packet, and the obsolete one that only differs in the first two words. */
static int
read_packet(struct wfp_capture *capture, uint8_t *body, uint32_t size, bool is_old,
            struct wfp_capture_record *record)
{
    const struct wfp_capture_interface *interface;
    uint32_t number, room;

    if (size < 20)
        return wfp_capture_fail(capture, "is corrupt: a packet block of %u bytes", size);
    number = is_old ? wfp_capture_get16(capture, body) : wfp_capture_get32(capture, body);
    if (number >= capture->interface_count - capture->section_first)
        return wfp_capture_fail(capture, "is corrupt: a packet of interface %u, not described",
                                number);
    record->interface = capture->section_first + number;
    interface = &capture->interfaces[record->interface];
    record->ticks =
        (uint64_t)wfp_capture_get32(capture, body + 4) << 32 | wfp_capture_get32(capture, body + 8);
    record->time_100ns = wfp_capture_time(interface, record->ticks);
    record->length = wfp_capture_get32(capture, body + 12);
    record->wire_length = wfp_capture_get32(capture, body + 16);
    room = size - 20;
    if (record->length > room)
        return wfp_capture_fail(capture, "is corrupt: a packet of %u bytes in a block of %u",
                                record->length, size);
    record->data = body + 20;
    if (room > ((record->length + 3) & ~3u))
        read_packet_options(capture, body + 20 + ((record->length + 3) & ~3u), body + size, record);
    return 1;
}

/** A simple packet has no time of its own and belongs to the section's first interface. */
static int
read_simple_packet(struct wfp_capture *capture, uint8_t *body, uint32_t size,
                   struct wfp_capture_record *record)
{
    const struct wfp_capture_interface *interface;

    if (size < 4 || capture->interface_count == capture->section_first)
        return wfp_capture_fail(capture, "is corrupt: a simple packet block of %u bytes", size);
    interface = &capture->interfaces[capture->section_first];
    record->interface = capture->section_first;
    record->ticks = 0;
    record->time_100ns = wfp_capture_time(interface, 0);
    record->wire_length = wfp_capture_get32(capture, body);
    record->length = MIN(record->wire_length, size - 4);
    if (interface->snap_length)
        record->length = MIN(record->length, interface->snap_length);
    record->data = body + 4;
    return 1;
}

/** @return 1 with the whole block at the read position and its length, 0 at the end, or an error */
static int
next_block(struct wfp_capture *capture, uint32_t *ret_type, uint32_t *ret_length)
{
    const uint8_t *block;
    uint32_t length;
    int r = wfp_capture_need(capture, 8);

    if (r <= 0) {
        if (r < 0 || capture->start == capture->end)
            return r;
        return wfp_capture_fail(capture, "is cut short inside a block");
    }
    block = capture->buffer + capture->start;
    *ret_type = wfp_capture_get32(capture, block);
    length = wfp_capture_get32(capture, block + 4);
    if (*ret_type == BLOCK_SECTION)
        return 1; /* its byte order may be another */
    if (length < BLOCK_FRAME || length % 4 != 0 || length > WFP_CAPTURE_RECORD_MAX)
        return wfp_capture_fail(capture, "is corrupt: a block of %u bytes", length);
    r = wfp_capture_need(capture, length);
    if (r <= 0)
        return r < 0 ? r : wfp_capture_fail(capture, "is cut short inside a block");
    block = capture->buffer + capture->start;
    if (wfp_capture_get32(capture, block + length - 4) != length)
        return wfp_capture_fail(capture, "is corrupt: a block's two lengths differ");
    *ret_length = length;
    return 1;
}

int
wfp_capture_pcapng_next(struct wfp_capture *capture, struct wfp_capture_record *ret_record)
{
    struct wfp_capture_record record = {0};
    uint32_t type = 0, length = 0;
    int r;

    while ((r = next_block(capture, &type, &length)) > 0) {
        uint8_t *body = capture->buffer + capture->start + 8;

        if (type == BLOCK_SECTION) {
            r = read_section(capture);
            if (r < 0)
                return r;
            continue;
        }
        if (type == BLOCK_INTERFACE)
            r = read_interface(capture, body, length - BLOCK_FRAME);
        else if (type == BLOCK_PACKET || type == BLOCK_PACKET_OLD)
            r = read_packet(capture, body, length - BLOCK_FRAME, type == BLOCK_PACKET_OLD, &record);
        else if (type == BLOCK_PACKET_SIMPLE)
            r = read_simple_packet(capture, body, length - BLOCK_FRAME, &record);
        else if (type == BLOCK_PROCESS)
            r = read_process(capture, body, length - BLOCK_FRAME);
        else
            r = wfp_capture_keep(capture, type, body - 8, length);
        if (r < 0)
            return r;
        wfp_capture_skip(capture, length);
        if (r > 0) {
            record.headroom = (uint32_t)(record.data - capture->buffer);
            record.wire_length = MAX(record.wire_length, record.length);
            *ret_record = record;
            return 1;
        }
    }
    return r;
}
