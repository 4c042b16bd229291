/*
 * What the files of libopenwfp-device share.
 *
 * Model      device_client.c is the API and keeps the requests; a transport carries them: to a socket
 *            (device_socket.c) or to a kernel in this process (device_local.c).
 */
#ifndef WFP_CLIENT_DEVICE_PRIVATE_H
#define WFP_CLIENT_DEVICE_PRIVATE_H

#include <stdbool.h>

#include "openwfp/device.h"

/* Statuses that the library itself gives. */
#define DEVICE_INVALID_PARAMETER     ((int32_t)0xC000000D)
#define DEVICE_NO_MEMORY             ((int32_t)0xC0000017)
#define DEVICE_CONFLICTING_ADDRESSES ((int32_t)0xC0000018)
#define DEVICE_ACCESS_DENIED         ((int32_t)0xC0000022)
#define DEVICE_NAME_INVALID          ((int32_t)0xC0000033)
#define DEVICE_NAME_NOT_FOUND        ((int32_t)0xC0000034)
#define DEVICE_REVISION_MISMATCH     ((int32_t)0xC0000059)
#define DEVICE_NO_RESOURCES          ((int32_t)0xC000009A)
#define DEVICE_CONNECTION_REFUSED    ((int32_t)0xC0000236)

struct device_transport {
    int32_t (*open)(struct openwfp_host *host, const char *name, uint32_t access, void **ret_file);
    void (*close)(struct openwfp_host *host, void *file);
    /** On success the request's end comes through device_complete(). */
    int32_t (*start)(struct openwfp_host *host, struct openwfp_request *request,
                     const struct openwfp_io *io);
    void (*cancel)(struct openwfp_host *host, struct openwfp_request *request);
    /** The request is done: buffers back to the program. */
    void (*finish)(struct openwfp_host *host, struct openwfp_request *request);
    int32_t (*list)(struct openwfp_host *host,
                    void (*each)(void *context, const struct openwfp_device_info *info),
                    void *context);
    /** Take in at least one message. @return SUCCESS, TIMEOUT, END, GONE */
    int32_t (*receive)(struct openwfp_host *host, int64_t timeout_100ns);
    /** The host's time, for timeouts. */
    uint64_t (*now)(struct openwfp_host *host);
    void *(*alloc)(struct openwfp_host *host, size_t bytes);
    void (*free)(struct openwfp_host *host, void *memory);
    int (*fd)(const struct openwfp_host *host);
    void (*disconnect)(struct openwfp_host *host);
};

/** The first member of each transport's host. */
struct openwfp_host {
    const struct device_transport *transport;
    struct openwfp_request *requests; /* under way */
    uint64_t next_id;
    bool is_replay;
};

struct openwfp_device {
    struct openwfp_host *host;
    void *file;
};

struct openwfp_request {
    struct openwfp_request *next; /* under way */
    struct openwfp_host *host;
    void *file;
    uint64_t id;
    int refs; /* the program's and that of being under way */
    int32_t status;
    uint64_t information;
    openwfp_done *done;
    void *context;
    void *output;
    size_t output_bytes;
    void *shared_input, *shared_output; /* socket: copies that the driver sees */
    void *backend;                      /* local: its request */
};

/** A request ended; runs its callback. Unknown ids are ignored. */
void device_complete(struct openwfp_host *host, uint64_t id, int32_t status, uint64_t information);
/** Every request under way ends with @p status: the host is gone. */
void device_complete_all(struct openwfp_host *host, int32_t status);
/** Note the thread's last error. @return @p status */
int32_t device_error(int32_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));

int32_t device_socket_connect(const char *path, struct openwfp_host **ret_host);
int32_t device_local_connect(struct openwfp_host **ret_host);

/* --- device_memory.c: a heap inside the shared memory --- */

struct device_memory;
struct device_memory *device_memory_new(void *base, size_t size);
void device_memory_delete(struct device_memory *memory);
void *device_memory_alloc(struct device_memory *memory, size_t bytes);
void device_memory_free(struct device_memory *memory, void *p);
bool device_memory_contains(const struct device_memory *memory, const void *p, size_t bytes);

#endif
