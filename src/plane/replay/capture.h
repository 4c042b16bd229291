/*
 * Records of a capture file, one after another, through one buffer of bounded size.
 *
 * Model      A format (pcap, pcapng) turns bytes of the buffer into a record that points into it; the
 *            record is good until the next. Its bytes may be written, and those before it too: they
 *            belong to records already done.
 * Errors     End of file inside a record and nonsense lengths end the capture with one line in
 *            `error`; every record before was delivered.
 */
#ifndef WFP_PLANE_REPLAY_CAPTURE_H
#define WFP_PLANE_REPLAY_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

/* No capture tool writes larger records or blocks; a larger number is a corrupt file. */
#define WFP_CAPTURE_RECORD_MAX (1u << 24)

/** Of a packet's direction, from pcapng flags. */
enum wfp_capture_way { WFP_CAPTURE_WAY_UNKNOWN, WFP_CAPTURE_WAY_IN, WFP_CAPTURE_WAY_OUT };

/** A capture interface: pcapng has many, pcap one. */
struct wfp_capture_interface {
    uint32_t section;   /* pcapng sections number their interfaces anew */
    uint32_t link_type; /* LINKTYPE_* */
    uint32_t snap_length;
    uint64_t ticks_per_second;
    uint8_t resolution;     /* the same as pcapng codes it: a power of 10, or of 2 with bit 7 */
    int64_t offset_seconds; /* added to timestamps */
    char name[64];          /* UTF-8, "" unknown */
    uint8_t *options; /* pcapng: as in the file, without their end; NULL none or other order */
    uint32_t options_size;
};

/** A process a pcapng file describes, as Darwin's do and ours. */
struct wfp_capture_process {
    uint32_t id;
    uint16_t *
        name_utf16; /* a path as it is, other names in lower case as application ids are; or NULL */
};

/** Blocks that belong to a capture and are no packets: for whoever writes it anew. */
struct wfp_capture_kept {
    bool is_wanted;    /* whole blocks are kept, in this machine's byte order, until taken */
    uint64_t left_out; /* kinds that only those who know them may copy, and packets' such options */
    uint32_t size, capacity;
    uint8_t *bytes; /* interface statistics name the interface by its index in this capture */
};

struct wfp_capture_record {
    uint8_t *data; /* link layer */
    uint32_t length;
    uint32_t wire_length;
    uint32_t headroom;   /* bytes before data that may be written */
    uint32_t interface;  /* index into the capture's interfaces */
    uint64_t ticks;      /* as in the file */
    uint64_t time_100ns; /* since 1601 */
    enum wfp_capture_way way;
    bool link_broadcast;
    const struct wfp_capture_process *process; /* NULL unknown */
    uint32_t flags;                            /* pcapng's epb_flags; 0 none */
    const uint8_t *options;                    /* pcapng: raw, in the file's byte order */
    uint32_t options_size;
};

struct wfp_capture {
    int fd;
    uint8_t *buffer;
    uint32_t capacity, start, end; /* unread bytes are [start, end) */
    uint64_t offset;               /* in the file, of `start` */
    uint64_t size;                 /* of the file; 0 unknown */
    bool is_pcapng, is_swapped, at_end;
    uint32_t record_header; /* pcap: bytes before a packet's */
    uint64_t records;

    uint32_t section, section_first; /* pcapng: index of the section's interface 0 */
    uint32_t interface_count, interface_capacity;
    struct wfp_capture_interface *interfaces;
    uint32_t process_first; /* index of the section's process 0 */
    uint32_t process_count, process_capacity;
    struct wfp_capture_process *processes;
    struct wfp_capture_kept kept;
    char name[128]; /* of the file, for messages */
    char error[256];
};

/** @return 0 or -WFP_ERR_IO / -WFP_ERR_NO_MEMORY with a message in @p error (256 bytes) */
int wfp_capture_open(const char *path, struct wfp_capture **ret_capture, char *error);
void wfp_capture_close(struct wfp_capture *capture);
DEFINE_FREEP(struct wfp_capture, wfp_capture_close)

/** @return 1 with a record, 0 at the end, -WFP_ERR_IO with a message in capture->error */
int wfp_capture_next(struct wfp_capture *capture, struct wfp_capture_record *ret_record);

/* Between capture.c and the formats. */

/** Make @p size unread bytes available. @return 1, 0 if the file ends before, or an error */
int wfp_capture_need(struct wfp_capture *capture, uint32_t size);
static inline void
wfp_capture_skip(struct wfp_capture *capture, uint32_t size)
{
    capture->start += size;
    capture->offset += size;
}
/** End with "NAME: WHAT (record N at byte OFFSET)". @return -WFP_ERR_IO */
int wfp_capture_fail(struct wfp_capture *capture, const char *format, ...) _printf_(2, 3);
/** A zeroed interface of the current section, or NULL without memory. */
struct wfp_capture_interface *wfp_capture_add_interface(struct wfp_capture *capture);
/** 100 ns since 1601 of a timestamp on an interface. */
uint64_t wfp_capture_time(const struct wfp_capture_interface *interface, uint64_t ticks);

int wfp_capture_pcap_open(struct wfp_capture *capture);
int wfp_capture_pcap_next(struct wfp_capture *capture, struct wfp_capture_record *ret_record);
int wfp_capture_pcapng_open(struct wfp_capture *capture);
int wfp_capture_pcapng_next(struct wfp_capture *capture, struct wfp_capture_record *ret_record);

/** An option of pcapng: (code, length, value padded to 4 bytes). */
struct wfp_capture_option {
    uint16_t code, length;
    const uint8_t *value;
};
/** The options in [*at, end). @return false at their end or where they make no sense */
bool wfp_capture_next_option(const struct wfp_capture *capture, const uint8_t **at,
                             const uint8_t *end, struct wfp_capture_option *ret_option);
/**
 * A block that is no packet: keep it if somebody wants it and its kind may be copied.
 * @return 0 or -WFP_ERR_NO_MEMORY
 */
int wfp_capture_keep(struct wfp_capture *capture, uint32_t type, const uint8_t *block,
                     uint32_t length);
/** Forget what was kept; keep what comes from here on only if @p is_wanted. */
void wfp_capture_forget(struct wfp_capture *capture, bool is_wanted);

static inline uint32_t
wfp_capture_get32(const struct wfp_capture *capture, const uint8_t *bytes)
{
    uint32_t value;
    __builtin_memcpy(&value, bytes, sizeof(value));
    return capture->is_swapped ? __builtin_bswap32(value) : value;
}

static inline uint16_t
wfp_capture_get16(const struct wfp_capture *capture, const uint8_t *bytes)
{
    uint16_t value;
    __builtin_memcpy(&value, bytes, sizeof(value));
    return capture->is_swapped ? __builtin_bswap16(value) : value;
}

#endif
