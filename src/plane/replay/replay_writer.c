/*
 * A pcapng file with verdicts: records as they came, and on each what became of it.
 *
 * Model      Section header, interface blocks as interfaces are first used, one enhanced packet block
 *            per packet with the options epb_flags (the direction that was decided), epb_verdict and
 *            opt_comment. Everything goes through one buffer; the first failure sticks.
 * Choice     epb_verdict has no number for WFP. Its Linux traffic-control kind says what ours mean, and
 *            Wireshark names it: OK permitted, SHOT blocked, STOLEN absorbed.
 * Ref        draft-ietf-opsawg-pcapng, enhanced packet block options
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "plane/replay/replay_private.h"

#define BUFFER_SIZE (256u * 1024)
#define COMMENT_MAX 65532u /* an option's length has 16 bits */

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_FLAGS = 2,
    OPTION_IF_NAME = 2,
    OPTION_USER_APPLICATION = 4,
    OPTION_VERDICT = 7,
    OPTION_IF_RESOLUTION = 9,
    OPTION_IF_OFFSET = 14,
};

struct wfp_replay_writer {
    int fd;
    int error;                       /* sticks */
    const struct wfp_replay *replay; /* NULL: another plane */
    uint32_t *interfaces;            /* by capture interface: the number in our file + 1 */
    uint32_t interface_capacity, interface_count;
    uint32_t foreign_numbers
        [2]; /* + 1: of interfaces for packets of drivers, without and with a link layer */
    uint32_t used;
    uint8_t buffer[BUFFER_SIZE];
};

static void
flush(struct wfp_replay_writer *writer)
{
    uint32_t done = 0;

    while (done < writer->used && writer->error == 0) {
        ssize_t n = write(writer->fd, writer->buffer + done, writer->used - done);

        if (n >= 0)
            done += (uint32_t)n;
        else if (errno != EINTR)
            writer->error = -WFP_ERR_IO;
    }
    writer->used = 0;
}

static void
put(struct wfp_replay_writer *writer, const void *bytes, uint32_t size)
{
    const uint8_t *p = bytes;

    while (size > 0) {
        uint32_t part = MIN(size, BUFFER_SIZE - writer->used);

        memcpy(writer->buffer + writer->used, p, part);
        writer->used += part;
        p += part;
        size -= part;
        if (writer->used == BUFFER_SIZE)
            flush(writer);
    }
}

static void
put32(struct wfp_replay_writer *writer, uint32_t value)
{
    put(writer, &value, sizeof(value));
}

static uint32_t
padded(uint32_t size)
{
    return (size + 3) & ~3u;
}

static void
put_padded(struct wfp_replay_writer *writer, const void *bytes, uint32_t size)
{
    static const uint8_t zeros[4];

    put(writer, bytes, size);
    put(writer, zeros, padded(size) - size);
}

static void
put_option(struct wfp_replay_writer *writer, uint16_t code, const void *value, uint32_t size)
{
    uint16_t head[2] = {code, (uint16_t)size};

    put(writer, head, sizeof(head));
    put_padded(writer, value, size);
}

static uint32_t
option_size(uint32_t size)
{
    return 4 + padded(size);
}

static void
put_section(struct wfp_replay_writer *writer)
{
    static const char application[] = "OpenWFP";
    static const uint16_t version[2] = {1, 0};
    uint64_t unknown_length = UINT64_MAX;
    uint32_t size = 28 + option_size(sizeof(application) - 1) + 4;

    put32(writer, BLOCK_SECTION);
    put32(writer, size);
    put32(writer, 0x1a2b3c4d);
    put(writer, version, sizeof(version));
    put(writer, &unknown_length, sizeof(unknown_length));
    put_option(writer, OPTION_USER_APPLICATION, application, sizeof(application) - 1);
    put32(writer, OPTION_END);
    put32(writer, size);
}

static void
put_interface(struct wfp_replay_writer *writer, const struct wfp_capture_interface *interface)
{
    uint16_t link_type[2] = {(uint16_t)interface->link_type, 0};
    uint32_t name = (uint32_t)strlen(interface->name);
    uint32_t size = 20 + (name ? option_size(name) : 0) + option_size(1) + option_size(8) + 4;

    put32(writer, BLOCK_INTERFACE);
    put32(writer, size);
    put(writer, link_type, sizeof(link_type));
    put32(writer, interface->snap_length);
    if (name)
        put_option(writer, OPTION_IF_NAME, interface->name, name);
    put_option(writer, OPTION_IF_RESOLUTION, &interface->resolution, 1);
    put_option(writer, OPTION_IF_OFFSET, &interface->offset_seconds, 8);
    put32(writer, OPTION_END);
    put32(writer, size);
}

/** The number in our file of a capture's interface; describes it at its first packet. */
static int
interface_number(struct wfp_replay_writer *writer, uint32_t index,
                 const struct wfp_capture_interface *interface, uint32_t *ret_number)
{
    if (index >= writer->interface_capacity) {
        uint32_t capacity = MAX(index + 1, writer->interface_capacity * 2);
        uint32_t *interfaces = realloc(writer->interfaces, capacity * sizeof(*interfaces));

        if (!interfaces)
            return -WFP_ERR_NO_MEMORY;
        memset(interfaces + writer->interface_capacity, 0,
               (capacity - writer->interface_capacity) * sizeof(*interfaces));
        writer->interfaces = interfaces;
        writer->interface_capacity = capacity;
    }
    if (writer->interfaces[index] == 0) {
        put_interface(writer, interface);
        writer->interfaces[index] = ++writer->interface_count;
    }
    *ret_number = writer->interfaces[index] - 1;
    return 0;
}

static void
put_packet(struct wfp_replay_writer *writer, uint32_t number,
           const struct wfp_capture_record *record, const struct wfp_decision *decision,
           const char *comment)
{
    static const struct {
        uint8_t kind; /* Linux traffic control */
        uint8_t action;
    } verdicts[] = {[WFP_PERMITTED] = {1, 0}, [WFP_BLOCKED] = {1, 2}, [WFP_ABSORBED] = {1, 4}};
    uint32_t comment_size = comment ? (uint32_t)MIN(strlen(comment), COMMENT_MAX) : 0;
    bool is_decided = decision->outcome != WFP_UNDECODED;
    uint8_t verdict[9] = {0};
    uint32_t flags = decision->direction == WFP_INBOUND    ? 1
                     : decision->direction == WFP_OUTBOUND ? 2
                                                           : 0;
    uint32_t size = 32 + padded(record->length) +
                    (is_decided ? option_size(4) + option_size(9) : 0) +
                    (comment_size ? option_size(comment_size) : 0) + 4;
    uint32_t body[] = {BLOCK_PACKET,
                       size,
                       number,
                       (uint32_t)(record->ticks >> 32),
                       (uint32_t)record->ticks,
                       record->length,
                       record->wire_length};

    put(writer, body, sizeof(body));
    put_padded(writer, record->data, record->length);
    if (is_decided) {
        verdict[0] = verdicts[decision->outcome].kind;
        verdict[1] = verdicts[decision->outcome].action; /* a little-endian 64-bit number */
        put_option(writer, OPTION_FLAGS, &flags, sizeof(flags));
        put_option(writer, OPTION_VERDICT, verdict, sizeof(verdict));
    }
    if (comment_size)
        put_option(writer, OPTION_COMMENT, comment, comment_size);
    put32(writer, OPTION_END);
    put32(writer, size);
}

/** Not the record that the replay has in hand, but a packet of a driver's own? */
static bool
is_foreign(const struct wfp_replay_writer *writer, const struct wfp_frame *frame)
{
    const struct wfp_capture_record *record = writer->replay ? &writer->replay->record : NULL;

    return !record || frame->data < record->data || frame->data > record->data + record->length;
}

static void
put_foreign(struct wfp_replay_writer *writer, const struct wfp_frame *frame,
            const struct wfp_decision *decision, const char *comment)
{
    static const struct wfp_capture_interface links[] = {
        {.link_type = WFP_LINK_RAW, .resolution = 7},
        {.link_type = WFP_LINK_ETHERNET, .resolution = 7},
    };
    uint32_t header = frame->mac ? (uint32_t)(frame->data - frame->mac) : 0;
    uint32_t *number = &writer->foreign_numbers[frame->mac != NULL];
    struct wfp_capture_record record = {
        .data = frame->data - header,
        .length = frame->length + header,
        .wire_length = MAX(frame->wire_length, frame->length) + header,
        .ticks = frame->time_100ns - WFP_CLOCK_UNIX_EPOCH,
    };

    if (*number == 0) {
        put_interface(writer, &links[frame->mac != NULL]);
        *number = ++writer->interface_count;
    }
    put_packet(writer, *number - 1, &record, decision, comment);
}

int
wfp_replay_writer_put(struct wfp_replay_writer *writer, const struct wfp_frame *frame,
                      const struct wfp_decision *decision, const char *comment)
{
    const struct wfp_capture_record *record;
    uint32_t number;
    int r;

    if (is_foreign(writer, frame)) {
        put_foreign(writer, frame, decision, comment);
        return writer->error;
    }
    record = &writer->replay->record;
    r = interface_number(writer, record->interface,
                         &writer->replay->capture->interfaces[record->interface], &number);
    if (r < 0)
        return writer->error = r;
    put_packet(writer, number, record, decision, comment);
    return writer->error;
}

/** Opening for writing would empty the very file that is being read. */
static bool
is_same_file(const struct wfp_plane *plane, const char *path)
{
    struct stat in, out;

    return plane->ops == &wfp_replay_ops && stat(path, &out) == 0 &&
           fstat(((const struct wfp_replay *)plane)->capture->fd, &in) == 0 &&
           in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

int
wfp_replay_writer_open(const char *path, struct wfp_plane *plane,
                       struct wfp_replay_writer **ret_writer, char error[256])
{
    struct wfp_replay_writer *writer;

    if (is_same_file(plane, path)) {
        snprintf(error, 256, "%s: is the capture being read; write to another file", path);
        return -WFP_ERR_IO;
    }
    writer = calloc(1, sizeof(*writer));
    if (!writer) {
        snprintf(error, 256, "%s: out of memory", path);
        return -WFP_ERR_NO_MEMORY;
    }
    writer->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (writer->fd < 0) {
        snprintf(error, 256, "%s: %s; name a file that can be written", path, strerror(errno));
        free(writer);
        return -WFP_ERR_IO;
    }
    if (plane->ops == &wfp_replay_ops)
        writer->replay = (const struct wfp_replay *)plane;
    put_section(writer);
    *ret_writer = writer;
    return 0;
}

int
wfp_replay_writer_close(struct wfp_replay_writer *writer)
{
    int r;

    if (!writer)
        return 0;
    flush(writer);
    r = writer->error;
    if (close(writer->fd) < 0 && r == 0)
        r = -WFP_ERR_IO;
    free(writer->interfaces);
    free(writer);
    return r;
}
