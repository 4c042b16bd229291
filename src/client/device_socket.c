/*
 * Devices over a Unix socket; the messages are in device_wire.h.
 *
 * Model      Every message in may be the answer to a call that waits, the end of a request, or a sign
 *            of the replay's. take() sorts them out; a call waits by taking in until its answer came.
 * Memory     Buffers outside of the shared memory are copied in when a request starts and out when it
 *            is done.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "client/device_private.h"
#include "client/device_wire.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct socket_host {
    struct openwfp_host host;
    int fd;
    void *base;
    size_t size;
    bool owns_mapping; /* false when the server is this very process */
    struct device_memory *memory;
    uint64_t seen, rest, time_100ns;
    uint64_t awaited; /* id of the call that waits for an answer; 0 none */
    struct device_wire answer;
    bool is_gone;
    void (*each)(void *context, const struct openwfp_device_info *info);
    void *each_context;
};

enum sign { SIGN_NONE, SIGN_EVENT, SIGN_WOKEN, SIGN_END };

static struct socket_host *
of(struct openwfp_host *host)
{
    return (struct socket_host *)host;
}

static uint64_t
monotonic_100ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 10000000u + (uint64_t)t.tv_nsec / 100u;
}

/* --- messages --- */

static int32_t
gone(struct socket_host *host)
{
    host->is_gone = true;
    device_complete_all(&host->host, OPENWFP_GONE);
    return device_error(OPENWFP_GONE, "the host has gone; is 'wfp run' still running?");
}

static int32_t
put(struct socket_host *host, const struct device_wire *message)
{
    size_t length = offsetof(struct device_wire, text);

    if (host->is_gone)
        return OPENWFP_GONE;
    if (message->type == DEVICE_WIRE_OPEN)
        length += strlen(message->text) + 1;
    while (send(host->fd, message, length, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return gone(host);
    return OPENWFP_SUCCESS;
}

static void
tell_entry(struct socket_host *host, const struct device_wire *message)
{
    const char *text = message->text, *end = message->text + sizeof(message->text);
    const char *strings[3] = {"", "", ""};

    for (int i = 0; i < 3 && text < end; i++) {
        strings[i] = text;
        text += strnlen(text, (size_t)(end - text)) + 1;
    }
    const struct openwfp_device_info info = {strings[0], strings[1], strings[2], message->code,
                                             (uint32_t)message->information};
    if (host->each)
        host->each(host->each_context, &info);
}

/** What a message means to whoever waits. */
static enum sign
take(struct socket_host *host, const struct device_wire *message)
{
    switch (message->type) {
    case DEVICE_WIRE_DONE:
        if (message->id == host->awaited) {
            host->answer = *message;
            host->awaited = 0;
        } else {
            device_complete(&host->host, message->id, message->status, message->information);
        }
        return SIGN_EVENT;
    case DEVICE_WIRE_ENTRY:
        tell_entry(host, message);
        return SIGN_EVENT;
    case DEVICE_WIRE_WOKEN: /* of an earlier rest: it was not needed any more */
        return message->id == host->rest ? SIGN_WOKEN : SIGN_NONE;
    case DEVICE_WIRE_END:
        return message->id == host->rest ? SIGN_END : SIGN_NONE;
    default:
        return SIGN_NONE;
    }
}

/** @return length, 0 nothing there (only with MSG_DONTWAIT), -1 gone */
static ssize_t
get(struct socket_host *host, struct device_wire *message, int flags)
{
    ssize_t n;

    memset(message, 0, sizeof(*message));
    do
        n = recv(host->fd, message, sizeof(*message) - 1, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n < (ssize_t)offsetof(struct device_wire, text)) {
        gone(host);
        return -1;
    }
    host->seen++;
    host->time_100ns = message->time_100ns;
    return n;
}

/** In a replay: tell that there is nothing to do until something comes. */
static int32_t
rest(struct socket_host *host, int64_t timeout_100ns)
{
    const struct device_wire message = {.type = DEVICE_WIRE_REST,
                                        .id = ++host->rest,
                                        .information = host->seen,
                                        .offset = timeout_100ns};
    return put(host, &message);
}

static int32_t
receive(struct openwfp_host *base, int64_t timeout_100ns)
{
    struct socket_host *host = of(base);
    struct device_wire message;
    int32_t status = OPENWFP_TIMEOUT;
    ssize_t n;

    if (host->is_gone)
        return OPENWFP_GONE;
    while ((n = get(host, &message, MSG_DONTWAIT)) > 0)
        if (take(host, &message) == SIGN_EVENT)
            status = OPENWFP_SUCCESS;
    if (n < 0)
        return OPENWFP_GONE;
    if (status == OPENWFP_SUCCESS)
        return status;
    if (base->is_replay) {
        status = rest(host, timeout_100ns);
        if (status < 0)
            return status;
    }
    if (timeout_100ns == 0)
        return OPENWFP_TIMEOUT;
    uint64_t deadline = monotonic_100ns() + (uint64_t)timeout_100ns;
    for (;;) {
        struct pollfd pollfd = {.fd = host->fd, .events = POLLIN};
        if (!base->is_replay && timeout_100ns > 0) {
            uint64_t now = monotonic_100ns();
            int ms = deadline > now ? (int)MIN((deadline - now + 9999) / 10000, 1u << 30) : 0;
            if (poll(&pollfd, 1, ms) == 0)
                return OPENWFP_TIMEOUT;
        }
        if (get(host, &message, 0) < 0)
            return OPENWFP_GONE;
        switch (take(host, &message)) {
        case SIGN_EVENT:
            return OPENWFP_SUCCESS;
        case SIGN_WOKEN:
            return OPENWFP_TIMEOUT;
        case SIGN_END:
            return OPENWFP_END;
        case SIGN_NONE:
            break;
        }
    }
}

/** Send a message and wait for the DONE that answers it. */
static int32_t
call(struct socket_host *host, struct device_wire *message)
{
    message->id = host->awaited = ++host->host.next_id;
    int32_t status = put(host, message);
    while (status >= 0 && host->awaited) {
        status = receive(&host->host, -1);
        if (status == OPENWFP_END)
            status = OPENWFP_SUCCESS; /* an answer comes all the same */
    }
    host->awaited = 0;
    return status < 0 ? status : host->answer.status;
}

/* --- the transport --- */

static int32_t
open_file(struct openwfp_host *base, const char *name, uint32_t access, void **ret_file)
{
    struct device_wire message = {.type = DEVICE_WIRE_OPEN, .code = access};

    if (strlen(name) >= sizeof(message.text) - 1)
        return device_error(DEVICE_NAME_INVALID, "a device's name has at most %zu bytes",
                            sizeof(message.text) - 2);
    strcpy(message.text, name);
    int32_t status = call(of(base), &message);
    if (status >= 0)
        *ret_file = (void *)(uintptr_t)of(base)->answer.information;
    return status;
}

static void
close_file(struct openwfp_host *base, void *file)
{
    struct device_wire message = {.type = DEVICE_WIRE_CLOSE, .file = (uintptr_t)file};
    (void)call(of(base), &message);
}

/** Where the driver sees @p bytes at @p buffer: there, or in a copy. @return false: no room */
static bool
share(struct socket_host *host, const void *buffer, size_t bytes, void **ret_copy,
      uint64_t *ret_address)
{
    *ret_address = (uintptr_t)buffer;
    if (!bytes || device_memory_contains(host->memory, buffer, bytes))
        return true;
    *ret_copy = device_memory_alloc(host->memory, bytes);
    if (!*ret_copy)
        return false;
    memcpy(*ret_copy, buffer, bytes);
    *ret_address = (uintptr_t)*ret_copy;
    return true;
}

static void
unshare(struct socket_host *host, struct openwfp_request *request)
{
    if (request->shared_input)
        device_memory_free(host->memory, request->shared_input);
    if (request->shared_output)
        device_memory_free(host->memory, request->shared_output);
    request->shared_input = request->shared_output = NULL;
}

static int32_t
start(struct openwfp_host *base, struct openwfp_request *request, const struct openwfp_io *io)
{
    struct socket_host *host = of(base);
    struct device_wire message = {.type = DEVICE_WIRE_START,
                                  .operation = io->operation,
                                  .id = request->id,
                                  .code = io->code,
                                  .file = (uintptr_t)request->file,
                                  .input_bytes = io->input_bytes,
                                  .output_bytes = io->output_bytes,
                                  .offset = io->offset};

    if (!share(host, io->input, io->input_bytes, &request->shared_input, &message.input) ||
        !share(host, io->output, io->output_bytes, &request->shared_output, &message.output)) {
        unshare(host, request);
        return device_error(DEVICE_NO_RESOURCES,
                            "the shared memory (%zu MiB) is full; let some requests end first",
                            host->size >> 20);
    }
    int32_t status = put(host, &message);
    if (status < 0)
        unshare(host, request);
    return status;
}

static void
cancel(struct openwfp_host *base, struct openwfp_request *request)
{
    const struct device_wire message = {.type = DEVICE_WIRE_CANCEL, .id = request->id};
    (void)put(of(base), &message);
}

static void
finish(struct openwfp_host *base, struct openwfp_request *request)
{
    if (request->shared_output && request->output)
        memcpy(request->output, request->shared_output, request->output_bytes);
    unshare(of(base), request);
}

static int32_t
list(struct openwfp_host *base, void (*each)(void *context, const struct openwfp_device_info *info),
     void *context)
{
    struct socket_host *host = of(base);
    struct device_wire message = {.type = DEVICE_WIRE_LIST};

    host->each = each;
    host->each_context = context;
    int32_t status = call(host, &message);
    host->each = NULL;
    return status;
}

static uint64_t
now(struct openwfp_host *base)
{
    return base->is_replay ? of(base)->time_100ns : monotonic_100ns();
}

static void *
alloc_memory(struct openwfp_host *base, size_t bytes)
{
    return device_memory_alloc(of(base)->memory, bytes);
}

static void
free_memory(struct openwfp_host *base, void *memory)
{
    device_memory_free(of(base)->memory, memory);
}

static int
get_fd(const struct openwfp_host *base)
{
    return ((const struct socket_host *)base)->fd;
}

static void
disconnect(struct openwfp_host *base)
{
    struct socket_host *host = of(base);

    if (host->fd >= 0)
        close(host->fd);
    if (host->memory)
        device_memory_delete(host->memory);
    if (host->base && host->owns_mapping)
        munmap(host->base, host->size);
    free(host);
}

/* --- connecting --- */

/** The server's first answer, with the memory's descriptor. @return NTSTATUS */
static int32_t
get_welcome(struct socket_host *host, struct device_wire *message, int *ret_memory_fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec vector = {message, sizeof(*message)};
    struct msghdr header = {.msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};

    ssize_t n = recvmsg(host->fd, &header, MSG_CMSG_CLOEXEC);
    struct cmsghdr *attached = n > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    if (attached && attached->cmsg_type == SCM_RIGHTS)
        memcpy(ret_memory_fd, CMSG_DATA(attached), sizeof(int));
    if (n < (ssize_t)offsetof(struct device_wire, text) || message->type != DEVICE_WIRE_WELCOME)
        return device_error(OPENWFP_GONE, "the host hung up; its log says why");
    if (message->status < 0)
        return device_error(message->status,
                            "the host speaks version %u, this program %u: use the "
                            "libopenwfp-device that came with it",
                            message->code, DEVICE_WIRE_VERSION);
    if (*ret_memory_fd < 0)
        return device_error(OPENWFP_GONE, "the host sent no memory");
    host->seen++;
    host->time_100ns = message->time_100ns;
    host->host.is_replay = message->operation != 0;
    host->size = message->input_bytes;
    return OPENWFP_SUCCESS;
}

/** Map the memory where the server has it. @return false when that place is taken */
static bool
map(struct socket_host *host, uint64_t address, int memory_fd)
{
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);

    if (getsockopt(host->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
        peer.pid == getpid()) {
        host->base = (void *)(uintptr_t)address; /* mapped already */
        return true;
    }
    void *base = mmap((void *)(uintptr_t)address, host->size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, memory_fd, 0);
    if (base == MAP_FAILED)
        return false;
    if ((uint64_t)(uintptr_t)base != address) {
        munmap(base, host->size);
        return false;
    }
    host->base = base;
    host->owns_mapping = true;
    return true;
}

static int32_t
greet(struct socket_host *host)
{
    struct device_wire message = {.type = DEVICE_WIRE_HELLO, .code = DEVICE_WIRE_VERSION};
    int32_t status = put(host, &message);

    for (unsigned tries = 0; status >= 0 && tries < DEVICE_WIRE_SLOTS; tries++) {
        int memory_fd = -1;
        status = get_welcome(host, &message, &memory_fd);
        bool mapped = status >= 0 && map(host, message.input, memory_fd);
        if (memory_fd >= 0)
            close(memory_fd);
        if (mapped) {
            host->memory = device_memory_new(host->base, host->size);
            return host->memory ? OPENWFP_SUCCESS : DEVICE_NO_MEMORY;
        }
        if (status >= 0) {
            message = (struct device_wire){.type = DEVICE_WIRE_RETRY};
            status = put(host, &message);
        }
    }
    return status < 0
               ? status
               : device_error(DEVICE_CONFLICTING_ADDRESSES,
                              "no place in this program's memory for what it shares with the "
                              "host");
}

static const struct device_transport transport = {
    .open = open_file,
    .close = close_file,
    .start = start,
    .cancel = cancel,
    .finish = finish,
    .list = list,
    .receive = receive,
    .now = now,
    .alloc = alloc_memory,
    .free = free_memory,
    .fd = get_fd,
    .disconnect = disconnect,
};

static int32_t
explain(int error, const char *path)
{
    static const struct {
        int error;
        int32_t status;
        const char *text;
    } rows[] = {
        {ENOENT, DEVICE_NAME_NOT_FOUND, "there is no such socket; start 'wfp run --control'"},
        {ECONNREFUSED, DEVICE_CONNECTION_REFUSED,
         "nobody serves this socket; start 'wfp run --control'"},
        {EACCES, DEVICE_ACCESS_DENIED, "permission denied; it belongs to who started 'wfp run'"},
        {EPROTOTYPE, DEVICE_CONNECTION_REFUSED, "this socket is not one of 'wfp run --control'"},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++)
        if (rows[i].error == error)
            return device_error(rows[i].status, "%s: %s", path, rows[i].text);
    return device_error(DEVICE_CONNECTION_REFUSED, "%s: %s", path, strerror(error));
}

int32_t
device_socket_connect(const char *path, struct openwfp_host **ret_host)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        return device_error(DEVICE_NAME_INVALID, "%s: a socket's path has at most %zu bytes", path,
                            sizeof(address.sun_path) - 1);
    struct socket_host *host = calloc(1, sizeof(*host));
    if (!host)
        return device_error(DEVICE_NO_MEMORY, "out of memory");
    host->host.transport = &transport;
    strcpy(address.sun_path, path);
    host->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int32_t status = OPENWFP_SUCCESS;
    if (host->fd < 0 || connect(host->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        status = explain(errno, path);
    if (status >= 0)
        status = greet(host);
    if (status < 0) {
        disconnect(&host->host);
        return status;
    }
    *ret_host = &host->host;
    return OPENWFP_SUCCESS;
}
