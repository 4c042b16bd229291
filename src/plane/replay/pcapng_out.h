/*
 * Writing pcapng: bytes through one buffer, options, section and interface blocks.
 *
 * Model      A block is put part by part; its length is known before. The first failure sticks in
 *            `error` and what follows goes nowhere.
 */
#ifndef WFP_PLANE_REPLAY_PCAPNG_OUT_H
#define WFP_PLANE_REPLAY_PCAPNG_OUT_H

#include "plane/replay/capture.h"

#define PCAPNG_BUFFER_SIZE (256u * 1024)

enum pcapng_block {
    PCAPNG_SECTION = 0x0a0d0d0a,
    PCAPNG_INTERFACE = 1,
    PCAPNG_STATISTICS = 5,
    PCAPNG_PACKET = 6,
};
#define PCAPNG_PROCESS 0x80000001u /* Darwin's */

enum pcapng_option {
    PCAPNG_END = 0,
    PCAPNG_COMMENT = 1,
    PCAPNG_FLAGS = 2,
    PCAPNG_IF_NAME = 2,
    PCAPNG_IF_DESCRIPTION = 3,
    PCAPNG_PROCESS_NAME = 2,
    PCAPNG_HASH = 3,
    PCAPNG_DROP_COUNT = 4,
    PCAPNG_USER_APPLICATION = 4,
    PCAPNG_PACKET_ID = 5,
    PCAPNG_QUEUE = 6,
    PCAPNG_VERDICT = 7,
    PCAPNG_IF_RESOLUTION = 9,
    PCAPNG_IF_OFFSET = 14,
    PCAPNG_PACKET_PROCESS = 32769, /* Darwin's: the number of a process block */
};

struct pcapng_out {
    int fd;
    int error; /* sticks */
    uint32_t used;
    uint8_t buffer[PCAPNG_BUFFER_SIZE];
};

void pcapng_out_flush(struct pcapng_out *out);
void pcapng_out_put(struct pcapng_out *out, const void *bytes, uint32_t size);
void pcapng_out_put32(struct pcapng_out *out, uint32_t value);
/** Bytes, and zeros up to a multiple of four. */
void pcapng_out_put_padded(struct pcapng_out *out, const void *bytes, uint32_t size);
void pcapng_out_option(struct pcapng_out *out, uint16_t code, const void *value, uint32_t size);
/** The end of a block of @p size bytes: the end of its options and its length. */
void pcapng_out_end(struct pcapng_out *out, uint32_t size);

static inline uint32_t
pcapng_out_padded(uint32_t size)
{
    return (size + 3) & ~3u;
}

/** What an option takes. */
static inline uint32_t
pcapng_out_option_size(uint32_t size)
{
    return 4 + pcapng_out_padded(size);
}

/* Whole blocks. */

void pcapng_out_section(struct pcapng_out *out);
void pcapng_out_interface(struct pcapng_out *out, const struct wfp_capture_interface *interface,
                          const char *description);
void pcapng_out_process(struct pcapng_out *out, uint32_t id, const char *name);

#endif
