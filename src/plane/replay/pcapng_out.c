/*
 * pcapng blocks into a file, through a buffer.
 *
 * Ref        draft-ietf-opsawg-pcapng
 */
#include "plane/replay/pcapng_out.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"

void
pcapng_out_flush(struct pcapng_out *out)
{
    uint32_t done = 0;

    while (done < out->used && out->error == 0) {
        ssize_t n = write(out->fd, out->buffer + done, out->used - done);

        if (n >= 0)
            done += (uint32_t)n;
        else if (errno != EINTR)
            out->error = -WFP_ERR_IO;
    }
    out->used = 0;
}

void
pcapng_out_put(struct pcapng_out *out, const void *bytes, uint32_t size)
{
    const uint8_t *p = bytes;

    while (size > 0) {
        uint32_t part = MIN(size, PCAPNG_BUFFER_SIZE - out->used);

        memcpy(out->buffer + out->used, p, part);
        out->used += part;
        p += part;
        size -= part;
        if (out->used == PCAPNG_BUFFER_SIZE)
            pcapng_out_flush(out);
    }
}

void
pcapng_out_put32(struct pcapng_out *out, uint32_t value)
{
    pcapng_out_put(out, &value, sizeof(value));
}

void
pcapng_out_put_padded(struct pcapng_out *out, const void *bytes, uint32_t size)
{
    static const uint8_t zeros[4];

    pcapng_out_put(out, bytes, size);
    pcapng_out_put(out, zeros, pcapng_out_padded(size) - size);
}

void
pcapng_out_option(struct pcapng_out *out, uint16_t code, const void *value, uint32_t size)
{
    uint16_t head[2] = {code, (uint16_t)size};

    pcapng_out_put(out, head, sizeof(head));
    pcapng_out_put_padded(out, value, size);
}

void
pcapng_out_end(struct pcapng_out *out, uint32_t size)
{
    pcapng_out_put32(out, PCAPNG_END);
    pcapng_out_put32(out, size);
}

void
pcapng_out_section(struct pcapng_out *out)
{
    static const char application[] = "OpenWFP";
    static const uint16_t version[2] = {1, 0};
    uint64_t unknown_length = UINT64_MAX;
    uint32_t size = 28 + pcapng_out_option_size(sizeof(application) - 1) + 4;

    pcapng_out_put32(out, PCAPNG_SECTION);
    pcapng_out_put32(out, size);
    pcapng_out_put32(out, 0x1a2b3c4d);
    pcapng_out_put(out, version, sizeof(version));
    pcapng_out_put(out, &unknown_length, sizeof(unknown_length));
    pcapng_out_option(out, PCAPNG_USER_APPLICATION, application, sizeof(application) - 1);
    pcapng_out_end(out, size);
}

/* As the capture describes it, where it does in our byte order; else what we know of it. */
void
pcapng_out_interface(struct pcapng_out *out, const struct wfp_capture_interface *interface,
                     const char *description)
{
    uint16_t link_type[2] = {(uint16_t)interface->link_type, 0};
    uint32_t name = (uint32_t)strlen(interface->name), about = (uint32_t)strlen(description);
    uint32_t size = 20 + 4;

    if (interface->options)
        size += interface->options_size;
    else
        size += (name ? pcapng_out_option_size(name) : 0) +
                (about ? pcapng_out_option_size(about) : 0) + pcapng_out_option_size(1) +
                pcapng_out_option_size(8);
    pcapng_out_put32(out, PCAPNG_INTERFACE);
    pcapng_out_put32(out, size);
    pcapng_out_put(out, link_type, sizeof(link_type));
    pcapng_out_put32(out, interface->snap_length);
    if (interface->options) {
        pcapng_out_put(out, interface->options, interface->options_size);
    } else {
        if (name)
            pcapng_out_option(out, PCAPNG_IF_NAME, interface->name, name);
        if (about)
            pcapng_out_option(out, PCAPNG_IF_DESCRIPTION, description, about);
        pcapng_out_option(out, PCAPNG_IF_RESOLUTION, &interface->resolution, 1);
        pcapng_out_option(out, PCAPNG_IF_OFFSET, &interface->offset_seconds, 8);
    }
    pcapng_out_end(out, size);
}

void
pcapng_out_process(struct pcapng_out *out, uint32_t id, const char *name)
{
    uint32_t length = (uint32_t)MIN(strlen(name), UINT16_MAX);
    uint32_t size = 16 + (length ? pcapng_out_option_size(length) : 0) + 4;

    pcapng_out_put32(out, PCAPNG_PROCESS);
    pcapng_out_put32(out, size);
    pcapng_out_put32(out, id);
    if (length)
        pcapng_out_option(out, PCAPNG_PROCESS_NAME, name, length);
    pcapng_out_end(out, size);
}
