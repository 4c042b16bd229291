/*
 * Devices: how a program reaches what a driver offers (\\.\Name), as CreateFile, DeviceIoControl,
 * ReadFile, WriteFile and CancelIoEx do on Windows.
 *
 *     struct openwfp_host *host;
 *     struct openwfp_device *device;
 *     int32_t status = openwfp_host_connect(NULL, &host);
 *     if (status >= 0)
 *         status = openwfp_device_open(host, "\\\\.\\MyDriver", OPENWFP_READ | OPENWFP_WRITE, &device);
 *     if (status >= 0)
 *         status = openwfp_device_ioctl(device, code, in, in_bytes, out, out_bytes, -1, &returned);
 *     if (status < 0)
 *         fprintf(stderr, "%s: %s\n", openwfp_status_text(status), openwfp_host_error());
 *
 * Model      A host is where drivers run: `wfp run --control PATH`, reached over a Unix socket, or
 *            this very process ("local:"). A device is an open file of a driver. A request is one
 *            read, write or ioctl; any number may be under way, each may complete at once, later, or
 *            when it is cancelled. The same program works with both kinds of host.
 * Status     Every function answers with an NTSTATUS: negative is an error, the driver's or ours.
 * Memory     Buffers are any memory of the program's. Pointers inside a buffer (some drivers' ioctls
 *            carry them) mean something to the driver only when they lead to memory of
 *            openwfp_host_alloc(): it lies at the same address on both sides.
 * Time       Live, timeouts are real time. In a replay they are the capture's time, which stands
 *            still while the program works: when the program waits, the replay goes on. Nothing else
 *            is needed to take part in a replay deterministically.
 * Threads    A host and all that came from it belong to one thread at a time. Several hosts may be
 *            connected, each with its thread.
 * Link       -lopenwfp-device; the library needs nothing but libc.
 */
#ifndef OPENWFP_DEVICE_H
#define OPENWFP_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OPENWFP_API __attribute__((visibility("default")))

struct openwfp_host;
struct openwfp_device;
struct openwfp_request;

/* What a device is opened for: GENERIC_READ, GENERIC_WRITE. */
#define OPENWFP_READ  0x80000000u
#define OPENWFP_WRITE 0x40000000u

/* Statuses a program has to tell apart; all others are in ntstatus.h. */
#define OPENWFP_SUCCESS   ((int32_t)0x00000000)
#define OPENWFP_TIMEOUT   ((int32_t)0x00000102) /* nothing came in that time; not an error */
#define OPENWFP_PENDING   ((int32_t)0x00000103) /* under way */
#define OPENWFP_CANCELLED ((int32_t)0xC0000120)
#define OPENWFP_END       ((int32_t)0xC0000011) /* the source of packets has ended */
#define OPENWFP_GONE      ((int32_t)0xC000020C) /* the host has gone */

/* The transfer method: the low two bits of an ioctl's code. */
#define OPENWFP_METHOD_BUFFERED   0u
#define OPENWFP_METHOD_IN_DIRECT  1u
#define OPENWFP_METHOD_OUT_DIRECT 2u
#define OPENWFP_METHOD_NEITHER    3u
/** CTL_CODE: @p access 0 any, 1 read, 2 write, 3 both. */
#define OPENWFP_IOCTL(type, function, method, access)                                              \
    ((uint32_t)(type) << 16 | (uint32_t)(access) << 14 | (uint32_t)(function) << 2 |               \
     (uint32_t)(method))

enum openwfp_operation { OPENWFP_IO_READ, OPENWFP_IO_WRITE, OPENWFP_IO_CONTROL };

/** One request. */
struct openwfp_io {
    enum openwfp_operation operation;
    uint32_t code;     /* of an ioctl */
    const void *input; /* what a write or ioctl sends */
    size_t input_bytes;
    void *output; /* what a read or ioctl fills; a METHOD_IN_DIRECT driver reads it, too */
    size_t output_bytes;
    int64_t offset; /* of a read or write */
};

/** What openwfp_host_list() tells of a device. Strings live as long as the call. */
struct openwfp_device_info {
    const char *name;   /* "\\Device\\WinDivert"; "" for one without a name */
    const char *driver; /* service name */
    const char *link;   /* "\\.\\WinDivert", one of those that lead to it; "" none */
    uint32_t type;      /* FILE_DEVICE_* */
    uint32_t open_files;
};

/**
 * Reach a host.
 *
 * @param where  path of a socket; "local:" for the kernel in this process; NULL for the environment's
 *               OPENWFP_CONTROL, else /run/openwfp.sock
 * @param ret_host  on success; give it back with openwfp_host_close()
 * @return STATUS_OBJECT_NAME_NOT_FOUND nothing there, STATUS_CONNECTION_REFUSED nobody serves it,
 *         STATUS_ACCESS_DENIED, STATUS_REVISION_MISMATCH another version of the protocol,
 *         STATUS_CONFLICTING_ADDRESSES the shared memory's place is taken, STATUS_NO_MEMORY
 */
OPENWFP_API int32_t openwfp_host_connect(const char *where, struct openwfp_host **ret_host);

/** Leave: what is under way is cancelled, what is open is closed. NULL is fine. Frees memory of alloc. */
OPENWFP_API void openwfp_host_close(struct openwfp_host *host);

/** True in a replay: time is the capture's and waits for this program. */
OPENWFP_API int openwfp_host_is_replay(const struct openwfp_host *host);

/** Call @p each for every device there is, in the order of their creation. @return NTSTATUS */
OPENWFP_API int32_t openwfp_host_list(struct openwfp_host *host,
                                      void (*each)(void *context,
                                                   const struct openwfp_device_info *info),
                                      void *context);

/**
 * Memory that driver and program see at the same address, 64-byte aligned, zeroed.
 * @return NULL when there is none left. Free with openwfp_host_free().
 */
OPENWFP_API void *openwfp_host_alloc(struct openwfp_host *host, size_t bytes);
OPENWFP_API void openwfp_host_free(struct openwfp_host *host, void *memory);

/**
 * Take in completions and run their callbacks; wait for one if there is none.
 *
 * @param timeout_ms  0 don't wait, negative for ever
 * @return OPENWFP_SUCCESS something completed, OPENWFP_TIMEOUT, OPENWFP_END the capture is over and
 *         nothing more will come, OPENWFP_GONE
 */
OPENWFP_API int32_t openwfp_host_wait(struct openwfp_host *host, int timeout_ms);

/**
 * A descriptor for poll(): readable when openwfp_host_wait(host, 0) has something to take in. Before
 * a program sleeps in poll() it calls openwfp_host_wait(host, 0) until that says OPENWFP_TIMEOUT; this
 * is also what tells a replay that the program has nothing left to do. -1 for "local:".
 */
OPENWFP_API int openwfp_host_fd(const struct openwfp_host *host);

/**
 * Open a device: "\\.\Name", "\\?\Name", "\Device\Name", "\??\Name", a symbolic link or a device
 * interface's path; what follows the name ("\\.\Name\file") is the driver's to read.
 *
 * @param access  OPENWFP_READ, OPENWFP_WRITE, or any other access mask
 * @return what the driver's IRP_MJ_CREATE said, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_ACCESS_DENIED
 *         (an exclusive device that is open), STATUS_OBJECT_TYPE_MISMATCH the name is no device's
 */
OPENWFP_API int32_t openwfp_device_open(struct openwfp_host *host, const char *name,
                                        uint32_t access, struct openwfp_device **ret_device);

/** Close. What is under way on it is cancelled first and its callbacks run. NULL is fine. */
OPENWFP_API void openwfp_device_close(struct openwfp_device *device);

/** Called from within a function of this library, never from another thread. */
typedef void openwfp_done(void *context, int32_t status, uint64_t information);

/**
 * Start a request and come back at once.
 *
 * @param io       copied; the buffers it names must live until the request is done
 * @param done     may be NULL; runs once, in openwfp_host_wait() or another call that waits
 * @param ret_request  to wait for or to cancel; give it back with openwfp_request_free()
 * @return OPENWFP_PENDING, or an error: then nothing was started
 */
OPENWFP_API int32_t openwfp_device_start(struct openwfp_device *device, const struct openwfp_io *io,
                                         openwfp_done *done, void *context,
                                         struct openwfp_request **ret_request);

/** Ask the driver to give it up. It still completes: cancelled, or with whatever it had. */
OPENWFP_API void openwfp_request_cancel(struct openwfp_request *request);

/** @return OPENWFP_PENDING, or what it completed with. @param ret_information bytes; may be NULL */
OPENWFP_API int32_t openwfp_request_status(const struct openwfp_request *request,
                                           uint64_t *ret_information);

/**
 * Wait for one request; others that complete meanwhile are taken in, too.
 * @return what it completed with; OPENWFP_PENDING when the time was over, OPENWFP_END, OPENWFP_GONE
 */
OPENWFP_API int32_t openwfp_request_wait(struct openwfp_request *request, int timeout_ms,
                                         uint64_t *ret_information);

/** Give it back. One that is under way goes on; its callback still runs. NULL is fine. */
OPENWFP_API void openwfp_request_free(struct openwfp_request *request);

/**
 * Start a request and wait for it. When the time is over it is cancelled.
 *
 * @param timeout_ms       negative: for ever
 * @param ret_information  bytes transferred, as the driver says; may be NULL
 * @return what it completed with; OPENWFP_TIMEOUT when it was cancelled because time was over
 */
OPENWFP_API int32_t openwfp_device_send(struct openwfp_device *device, const struct openwfp_io *io,
                                        int timeout_ms, uint64_t *ret_information);
/** As openwfp_device_send(): DeviceIoControl. */
OPENWFP_API int32_t openwfp_device_ioctl(struct openwfp_device *device, uint32_t code,
                                         const void *input, size_t input_bytes, void *output,
                                         size_t output_bytes, int timeout_ms,
                                         uint64_t *ret_information);
/** As openwfp_device_send(): ReadFile. */
OPENWFP_API int32_t openwfp_device_read(struct openwfp_device *device, void *buffer, size_t bytes,
                                        int64_t offset, int timeout_ms, uint64_t *ret_information);
/** As openwfp_device_send(): WriteFile. */
OPENWFP_API int32_t openwfp_device_write(struct openwfp_device *device, const void *buffer,
                                         size_t bytes, int64_t offset, int timeout_ms,
                                         uint64_t *ret_information);

/** "STATUS_ACCESS_DENIED 0xC0000022". Overwritten by the thread's next call. */
OPENWFP_API const char *openwfp_status_text(int32_t status);

/** One line on the thread's last error of this library's own: object, rule, next step. "" for none. */
OPENWFP_API const char *openwfp_host_error(void);

#ifdef __cplusplus
}
#endif

#endif
