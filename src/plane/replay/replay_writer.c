/*
 * A pcapng file with verdicts: records as they came, and on each what became of it.
 *
 * Model      Section header; interface blocks as interfaces are first used; what the capture held
 *            besides packets, in its place; one enhanced packet block per packet with its own options
 *            and ours: epb_flags (the direction that was decided), epb_verdict, comments, its process.
 * Choice     epb_verdict has no number for WFP. Its Linux traffic-control kind says what ours mean, and
 *            Wireshark names it: OK permitted, SHOT blocked, STOLEN absorbed. Verdicts and comments of
 *            an earlier run of ours are replaced.
 *            Processes are written as Darwin's captures have them, with a path for a name.
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
#include "base/utf16.h"
#include "plane/replay/pcapng_out.h"
#include "plane/replay/replay_private.h"

#define OPTION_MAX 65532u /* an option's length has 16 bits */
#define PROCESSES  1024u  /* remembered; one that is not is described again */
#define EARLIER    "wfp " /* how comments of ours begin */

/** A process block of ours, by what it says. */
struct described {
    uint64_t id;
    uint64_t hash;
    uint32_t number; /* + 1 */
};

struct wfp_replay_writer {
    struct wfp_replay *replay; /* NULL: another plane */
    uint32_t *interfaces;      /* by capture interface: the number in our file + 1 */
    uint32_t interface_capacity, interface_count;
    uint32_t foreign_numbers[2][2]; /* + 1: by is injected, has an Ethernet header */
    uint32_t process_count;
    uint64_t left_out; /* options that cannot be said in our byte order */
    struct described processes[PROCESSES];
    struct pcapng_out out;
};

/* ---- interfaces and what else a capture holds ---- */

/** The number in our file of a capture's interface; describes it at its first packet. */
static int
interface_number(struct wfp_replay_writer *writer, uint32_t index, uint32_t *ret_number)
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
        pcapng_out_interface(&writer->out, &writer->replay->capture->interfaces[index], "");
        writer->interfaces[index] = ++writer->interface_count;
    }
    *ret_number = writer->interfaces[index] - 1;
    return 0;
}

/** The interface of packets without a record: those a driver injected, or all of a live plane. */
static uint32_t
foreign_interface_number(struct wfp_replay_writer *writer, bool is_injected, bool has_mac)
{
    static const char *const names[] = {"wfp", "wfp-injected"};
    static const char *const descriptions[] = {"packets that went through",
                                               "packets that drivers sent or received"};
    struct wfp_capture_interface interface = {
        .link_type = has_mac ? WFP_LINK_ETHERNET : WFP_LINK_RAW, .resolution = 7};
    uint32_t *number = &writer->foreign_numbers[is_injected][has_mac];

    if (*number == 0) {
        snprintf(interface.name, sizeof(interface.name), "%s", names[is_injected]);
        pcapng_out_interface(&writer->out, &interface, descriptions[is_injected]);
        *number = ++writer->interface_count;
    }
    return *number - 1;
}

/** What came before the record in hand, and is no packet. */
static int
put_kept(struct wfp_replay_writer *writer)
{
    struct wfp_capture *capture = writer->replay ? writer->replay->capture : NULL;
    uint32_t type, length, number;
    int r;

    if (!capture || capture->kept.size == 0)
        return 0;
    for (uint32_t at = 0; at < capture->kept.size; at += length) {
        uint8_t *block = capture->kept.bytes + at;

        memcpy(&type, block, sizeof(type));
        memcpy(&length, block + 4, sizeof(length));
        if (type == PCAPNG_STATISTICS) {
            memcpy(&number, block + 8, sizeof(number));
            r = interface_number(writer, number, &number);
            if (r < 0)
                return r;
            memcpy(block + 8, &number, sizeof(number));
        }
        pcapng_out_put(&writer->out, block, length);
    }
    wfp_capture_forget(capture, true);
    return 0;
}

/* ---- processes ---- */

static uint64_t
hash_of(const uint16_t *path_utf16)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; path_utf16 && *path_utf16; path_utf16++)
        hash = (hash ^ *path_utf16) * 0x100000001b3u;
    return hash;
}

/** The process block of a frame's owner, written if it must be. @return number + 1, 0 without one */
static uint32_t
process_number(struct wfp_replay_writer *writer, const struct wfp_frame *frame)
{
    struct described wanted = {frame->process_id, hash_of(frame->process_path_utf16), 0}, *known;
    _cleanup_(freep) char *path = NULL;

    if (frame->process_id == 0)
        return 0;
    known = &writer->processes[(wanted.id ^ wanted.hash) % PROCESSES];
    if (known->number && known->id == wanted.id && known->hash == wanted.hash)
        return known->number;
    if (frame->process_path_utf16)
        path = wfp_utf16_to_utf8(frame->process_path_utf16,
                                 wfp_utf16_length(frame->process_path_utf16));
    pcapng_out_process(&writer->out, (uint32_t)frame->process_id, path ? path : "");
    wanted.number = ++writer->process_count;
    *known = wanted;
    return wanted.number;
}

/* ---- a packet's options ---- */

/** One more option of the record: into @p bytes where that is given. @return its size */
static uint32_t
copy_option(const struct wfp_capture_option *option, uint32_t width, bool is_swapped,
            uint8_t *bytes)
{
    uint32_t size = pcapng_out_option_size(option->length);
    uint16_t head[2] = {option->code, option->length};

    if (!bytes)
        return size;
    memset(bytes, 0, size);
    memcpy(bytes, head, sizeof(head));
    memcpy(bytes + 4, option->value, option->length);
    if (is_swapped && width == 4)
        *(uint32_t *)(void *)(bytes + 4) = __builtin_bswap32(*(uint32_t *)(void *)(bytes + 4));
    else if (is_swapped && width == 8)
        for (unsigned i = 0; i < 4; i++) {
            uint8_t byte = bytes[4 + i];
            bytes[4 + i] = bytes[11 - i];
            bytes[11 - i] = byte;
        }
    return size;
}

/** Options of the record that stay. @param bytes  room for them, or NULL to learn the size */
static uint32_t
keep_options(struct wfp_replay_writer *writer, const struct wfp_capture_record *record,
             uint8_t *bytes)
{
    /* The bytes of a number, 0 of a string of bytes, both of which can be said in our byte order. */
    static const struct {
        uint16_t code;
        uint8_t width;
    } known[] = {{PCAPNG_COMMENT, 0},
                 {PCAPNG_HASH, 0},
                 {PCAPNG_DROP_COUNT, 8},
                 {PCAPNG_PACKET_ID, 8},
                 {PCAPNG_QUEUE, 4}};
    const struct wfp_capture *capture = writer->replay ? writer->replay->capture : NULL;
    const uint8_t *at = record->options, *end = at + record->options_size;
    struct wfp_capture_option option;
    uint32_t size = 0;

    while (capture && at && wfp_capture_next_option(capture, &at, end, &option)) {
        size_t i = 0;

        if (option.code == PCAPNG_FLAGS || option.code == PCAPNG_VERDICT ||
            option.code == PCAPNG_PACKET_PROCESS)
            continue; /* we say these ourselves */
        if (option.code == PCAPNG_COMMENT && option.length >= strlen(EARLIER) &&
            memcmp(option.value, EARLIER, strlen(EARLIER)) == 0)
            continue;
        while (i < ELEMENTSOF(known) && known[i].code != option.code)
            i++;
        if (capture->is_swapped &&
            (i == ELEMENTSOF(known) || (known[i].width && known[i].width != option.length))) {
            writer->left_out += bytes != NULL;
            continue;
        }
        size += copy_option(&option, i < ELEMENTSOF(known) ? known[i].width : 0,
                            capture->is_swapped, bytes ? bytes + size : NULL);
    }
    return size;
}

static uint32_t
comment_size(const char *comment)
{
    return (uint32_t)MIN(strlen(comment), OPTION_MAX);
}

/* ---- a packet ---- */

/** What goes into a packet block besides the record. */
struct packet_out {
    uint32_t interface;
    uint32_t process; /* + 1 */
    const struct wfp_decision *decision;
    const char *const *comments;
};

static void
put_verdict(struct wfp_replay_writer *writer, const struct wfp_capture_record *record,
            const struct wfp_decision *decision)
{
    static const struct {
        uint8_t kind; /* Linux traffic control */
        uint8_t action;
    } verdicts[] = {[WFP_PERMITTED] = {1, 0}, [WFP_BLOCKED] = {1, 2}, [WFP_ABSORBED] = {1, 4}};
    uint32_t flags = (record->flags & ~3u) | (decision->direction == WFP_INBOUND    ? 1
                                              : decision->direction == WFP_OUTBOUND ? 2
                                                                                    : 0);
    uint8_t verdict[9] = {verdicts[decision->outcome].kind,
                          /* a little-endian 64-bit number */
                          verdicts[decision->outcome].action};

    pcapng_out_option(&writer->out, PCAPNG_FLAGS, &flags, sizeof(flags));
    pcapng_out_option(&writer->out, PCAPNG_VERDICT, verdict, sizeof(verdict));
}

static int
put_packet(struct wfp_replay_writer *writer, const struct wfp_capture_record *record,
           const struct packet_out *packet)
{
    bool is_decided = packet->decision->outcome != WFP_UNDECODED;
    uint32_t kept_size = keep_options(writer, record, NULL), number = packet->process - 1;
    _cleanup_(freep) uint8_t *kept = kept_size ? malloc(kept_size) : NULL;
    uint32_t size = 32 + pcapng_out_padded(record->length) + kept_size + 4;
    struct pcapng_out *out = &writer->out;

    if (kept_size && !kept)
        return -WFP_ERR_NO_MEMORY;
    if (kept)
        keep_options(writer, record, kept);
    if (is_decided)
        size += pcapng_out_option_size(4) + pcapng_out_option_size(9);
    else if (record->flags)
        size += pcapng_out_option_size(4);
    if (packet->process)
        size += pcapng_out_option_size(4);
    for (const char *const *comment = packet->comments; comment && *comment; comment++)
        size += pcapng_out_option_size(comment_size(*comment));
    uint32_t body[] = {PCAPNG_PACKET,           size,
                       packet->interface,       (uint32_t)(record->ticks >> 32),
                       (uint32_t)record->ticks, record->length,
                       record->wire_length};
    pcapng_out_put(out, body, sizeof(body));
    pcapng_out_put_padded(out, record->data, record->length);
    pcapng_out_put(out, kept, kept_size);
    if (is_decided)
        put_verdict(writer, record, packet->decision);
    else if (record->flags)
        pcapng_out_option(out, PCAPNG_FLAGS, &record->flags, 4);
    if (packet->process)
        pcapng_out_option(out, PCAPNG_PACKET_PROCESS, &number, 4);
    for (const char *const *comment = packet->comments; comment && *comment; comment++)
        pcapng_out_option(out, PCAPNG_COMMENT, *comment, comment_size(*comment));
    pcapng_out_end(out, size);
    return out->error;
}

/** Not the record that the replay has in hand, but a packet of a driver's own, or of a live plane? */
static bool
is_foreign(const struct wfp_replay_writer *writer, const struct wfp_frame *frame)
{
    const struct wfp_capture_record *record = writer->replay ? &writer->replay->record : NULL;

    return !record || frame->data < record->data || frame->data > record->data + record->length;
}

int
wfp_replay_writer_put(struct wfp_replay_writer *writer, const struct wfp_frame *frame,
                      const struct wfp_decision *decision, const char *const *comments)
{
    uint32_t header = frame->mac ? (uint32_t)(frame->data - frame->mac) : 0;
    struct wfp_capture_record foreign = {
        .data = frame->data - header,
        .length = frame->length + header,
        .wire_length = MAX(frame->wire_length, frame->length) + header,
        .ticks = frame->time_100ns - WFP_CLOCK_UNIX_EPOCH,
    };
    const struct wfp_capture_record *record = &foreign;
    struct packet_out packet = {.decision = decision, .comments = comments};
    int r = put_kept(writer);

    if (r == 0 && is_foreign(writer, frame)) {
        bool is_injected = frame->entry != WFP_ENTRY_WIRE && frame->entry != WFP_ENTRY_RESUMED;
        packet.interface = foreign_interface_number(writer, is_injected, frame->mac != NULL);
    } else if (r == 0) {
        record = &writer->replay->record;
        r = interface_number(writer, record->interface, &packet.interface);
    }
    if (r < 0)
        return writer->out.error = r;
    packet.process = process_number(writer, frame);
    return put_packet(writer, record, &packet);
}

/* ---- the file ---- */

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
    writer->out.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (writer->out.fd < 0) {
        snprintf(error, 256, "%s: %s; name a file that can be written", path, strerror(errno));
        free(writer);
        return -WFP_ERR_IO;
    }
    if (plane->ops == &wfp_replay_ops) {
        writer->replay = (struct wfp_replay *)plane;
        writer->replay->is_written = true;
    }
    pcapng_out_section(&writer->out);
    *ret_writer = writer;
    return 0;
}

int
wfp_replay_writer_close(struct wfp_replay_writer *writer, uint64_t *ret_left_out)
{
    int r;

    *ret_left_out = 0;
    if (!writer)
        return 0;
    r = put_kept(writer);
    pcapng_out_flush(&writer->out);
    if (r == 0)
        r = writer->out.error;
    if (close(writer->out.fd) < 0 && r == 0)
        r = -WFP_ERR_IO;
    *ret_left_out = writer->left_out;
    if (writer->replay)
        *ret_left_out += writer->replay->capture->kept.left_out;
    free(writer->interfaces);
    free(writer);
    return r;
}
