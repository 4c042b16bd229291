/*
 * What libopenwfp-device and `wfp run --control` say to one another: one message a datagram.
 *
 *     client                          server
 *     HELLO version            -->
 *                              <--    WELCOME base, size, is_replay + descriptor of the memory
 *     (RETRY: base is taken    -->    another WELCOME)
 *     OPEN name, access        -->
 *                              <--    DONE id, status, file
 *     START file, operation    -->
 *     CANCEL id                -->
 *                              <--    DONE id, status, information
 *     CLOSE file               -->    DONE
 *     LIST                     -->    ENTRY ..., DONE
 *     REST seen, timeout       -->    replay only: I have read `seen` messages and have nothing to do
 *                              <--    WOKEN id: that long has passed; END: the capture is over
 *
 * Memory     Buffers are not sent: they lie in memory that both map at the same address, and a message
 *            names them. The server takes addresses inside that memory only.
 */
#ifndef WFP_CLIENT_DEVICE_WIRE_H
#define WFP_CLIENT_DEVICE_WIRE_H

#include <stdint.h>

#define DEVICE_WIRE_VERSION     1u
#define DEVICE_WIRE_MEMORY      (256ull << 20)
#define DEVICE_WIRE_SLOTS       64u
#define DEVICE_WIRE_TEXT        1024u
#define DEVICE_WIRE_DEFAULT     "/run/openwfp.sock"
#define DEVICE_WIRE_ENVIRONMENT "OPENWFP_CONTROL"

enum device_wire_type {
    DEVICE_WIRE_HELLO = 1,
    DEVICE_WIRE_WELCOME,
    DEVICE_WIRE_RETRY,
    DEVICE_WIRE_OPEN,
    DEVICE_WIRE_CLOSE,
    DEVICE_WIRE_START,
    DEVICE_WIRE_CANCEL,
    DEVICE_WIRE_LIST,
    DEVICE_WIRE_REST,
    DEVICE_WIRE_DONE,
    DEVICE_WIRE_ENTRY,
    DEVICE_WIRE_WOKEN,
    DEVICE_WIRE_END,
};

struct device_wire {
    uint32_t type;
    uint32_t operation; /* START: enum openwfp_operation; WELCOME: is_replay */
    uint64_t id; /* chosen by the client; DONE repeats it. REST: counts up, WOKEN repeats it */
    uint64_t time_100ns; /* the server's clock, in what it sends */
    int32_t status;
    uint32_t code;        /* ioctl; OPEN: access; ENTRY: device type; HELLO, WELCOME: version */
    uint64_t information; /* DONE; OPEN's DONE: file; ENTRY: open files; REST: messages seen */
    uint64_t file;
    uint64_t input, input_bytes; /* WELCOME: the memory's base and size */
    uint64_t output, output_bytes;
    int64_t offset;              /* REST: timeout in 100 ns, negative for ever */
    char text[DEVICE_WIRE_TEXT]; /* sent as far as it is used. OPEN: name; ENTRY: three strings */
};

/** Where the memory of connection @p slot lies: high, where nothing else is put; then low. */
static inline uint64_t
device_wire_base(unsigned slot)
{
    return slot < DEVICE_WIRE_SLOTS / 2
               ? 0x6a0000000000ull + slot * (DEVICE_WIRE_MEMORY << 2)
               : 0x0b0000000000ull + (slot - DEVICE_WIRE_SLOTS / 2) * (DEVICE_WIRE_MEMORY << 2);
}

#endif
