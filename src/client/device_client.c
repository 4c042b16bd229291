/*
 * The API of device.h over a transport: requests, their ends, waiting.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/ntstatus_name.h"
#include "client/device_private.h"
#include "client/device_wire.h"

static __thread char last_error[512];

int32_t
device_error(int32_t status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(last_error, sizeof(last_error), format, arguments);
    va_end(arguments);
    return status;
}

const char *
openwfp_host_error(void)
{
    return last_error;
}

const char *
openwfp_status_text(int32_t status)
{
    static __thread char text[80];

    snprintf(text, sizeof(text), "%s 0x%08X", wfp_ntstatus_name(status), (uint32_t)status);
    return text;
}

/* --- hosts --- */

int32_t
openwfp_host_connect(const char *where, struct openwfp_host **ret_host)
{
    last_error[0] = 0;
    if (!where)
        where = getenv(DEVICE_WIRE_ENVIRONMENT);
    if (!where || !*where)
        where = DEVICE_WIRE_DEFAULT;
    if (strcmp(where, "local:") == 0)
        return device_local_connect(ret_host);
    return device_socket_connect(where, ret_host);
}

void
openwfp_host_close(struct openwfp_host *host)
{
    if (!host)
        return;
    for (struct openwfp_request *request = host->requests; request; request = request->next)
        host->transport->cancel(host, request);
    while (host->requests && host->transport->receive(host, 0) == OPENWFP_SUCCESS)
        ;
    device_complete_all(host, OPENWFP_CANCELLED);
    host->transport->disconnect(host);
}

int
openwfp_host_is_replay(const struct openwfp_host *host)
{
    return host->is_replay;
}

int32_t
openwfp_host_list(struct openwfp_host *host,
                  void (*each)(void *context, const struct openwfp_device_info *info),
                  void *context)
{
    return host->transport->list(host, each, context);
}

void *
openwfp_host_alloc(struct openwfp_host *host, size_t bytes)
{
    return host->transport->alloc(host, bytes);
}

void
openwfp_host_free(struct openwfp_host *host, void *memory)
{
    if (memory)
        host->transport->free(host, memory);
}

int
openwfp_host_fd(const struct openwfp_host *host)
{
    return host->transport->fd(host);
}

int32_t
openwfp_host_wait(struct openwfp_host *host, int timeout_ms)
{
    return host->transport->receive(host, timeout_ms < 0 ? -1 : timeout_ms * 10000ll);
}

/* --- requests --- */

static void
unref(struct openwfp_request *request)
{
    if (--request->refs == 0)
        free(request);
}

static void
complete(struct openwfp_request *request, int32_t status, uint64_t information)
{
    request->status = status;
    request->information = information;
    request->host->transport->finish(request->host, request);
    if (request->done)
        request->done(request->context, status, information);
    unref(request);
}

static void
forget(struct openwfp_host *host, struct openwfp_request *request)
{
    struct openwfp_request **p = &host->requests;

    while (*p && *p != request)
        p = &(*p)->next;
    if (*p)
        *p = request->next;
}

void
device_complete(struct openwfp_host *host, uint64_t id, int32_t status, uint64_t information)
{
    for (struct openwfp_request *request = host->requests; request; request = request->next)
        if (request->id == id) {
            forget(host, request);
            complete(request, status, information);
            return;
        }
}

void
device_complete_all(struct openwfp_host *host, int32_t status)
{
    while (host->requests)
        device_complete(host, host->requests->id, status, 0);
}

int32_t
openwfp_device_start(struct openwfp_device *device, const struct openwfp_io *io, openwfp_done *done,
                     void *context, struct openwfp_request **ret_request)
{
    struct openwfp_host *host = device->host;

    last_error[0] = 0;
    if (io->operation > OPENWFP_IO_CONTROL || io->input_bytes > INT32_MAX ||
        io->output_bytes > INT32_MAX)
        return device_error(DEVICE_INVALID_PARAMETER, "a request of an unknown kind or over 2 GiB");
    struct openwfp_request *request = calloc(1, sizeof(*request));
    if (!request)
        return device_error(DEVICE_NO_MEMORY, "out of memory");
    *request = (struct openwfp_request){.host = host,
                                        .file = device->file,
                                        .id = ++host->next_id,
                                        .refs = 1,
                                        .status = OPENWFP_PENDING,
                                        .done = done,
                                        .context = context,
                                        .output = io->output,
                                        .output_bytes = io->output_bytes};
    int32_t status = host->transport->start(host, request, io);
    if (status < 0) {
        free(request);
        return status;
    }
    struct openwfp_request **last = &host->requests;
    while (*last)
        last = &(*last)->next;
    *last = request;
    request->refs++; /* the program's */
    if (ret_request)
        *ret_request = request;
    else
        unref(request);
    return OPENWFP_PENDING;
}

void
openwfp_request_cancel(struct openwfp_request *request)
{
    if (request->status == OPENWFP_PENDING)
        request->host->transport->cancel(request->host, request);
}

int32_t
openwfp_request_status(const struct openwfp_request *request, uint64_t *ret_information)
{
    if (ret_information)
        *ret_information = request->information;
    return request->status;
}

int32_t
openwfp_request_wait(struct openwfp_request *request, int timeout_ms, uint64_t *ret_information)
{
    struct openwfp_host *host = request->host;
    uint64_t deadline = host->transport->now(host) + (uint64_t)MAX(timeout_ms, 0) * 10000u;

    while (request->status == OPENWFP_PENDING) {
        uint64_t now = host->transport->now(host);
        int64_t left = timeout_ms < 0 ? -1 : deadline > now ? (int64_t)(deadline - now) : 0;
        int32_t status = host->transport->receive(host, left);
        if (request->status != OPENWFP_PENDING)
            break;
        if (status < 0)
            return status;
        if (status == OPENWFP_TIMEOUT)
            return OPENWFP_PENDING;
    }
    return openwfp_request_status(request, ret_information);
}

void
openwfp_request_free(struct openwfp_request *request)
{
    if (request)
        unref(request);
}

/* --- devices --- */

int32_t
openwfp_device_open(struct openwfp_host *host, const char *name, uint32_t access,
                    struct openwfp_device **ret_device)
{
    struct openwfp_device *device = calloc(1, sizeof(*device));

    last_error[0] = 0;
    if (!device)
        return device_error(DEVICE_NO_MEMORY, "out of memory");
    device->host = host;
    int32_t status = host->transport->open(host, name, access, &device->file);
    if (status < 0) {
        free(device);
        return status;
    }
    *ret_device = device;
    return OPENWFP_SUCCESS;
}

/** Cancel what is under way on a file and wait until it has ended. */
static void
cancel_requests(struct openwfp_device *device)
{
    struct openwfp_host *host = device->host;

    for (struct openwfp_request *request = host->requests; request; request = request->next)
        if (request->file == device->file)
            host->transport->cancel(host, request);
}

void
openwfp_device_close(struct openwfp_device *device)
{
    if (!device)
        return;
    cancel_requests(device);
    device->host->transport->close(device->host, device->file);
    free(device);
}

int32_t
openwfp_device_send(struct openwfp_device *device, const struct openwfp_io *io, int timeout_ms,
                    uint64_t *ret_information)
{
    struct openwfp_request *request;
    int32_t status = openwfp_device_start(device, io, NULL, NULL, &request);

    if (status < 0)
        return status;
    status = openwfp_request_wait(request, timeout_ms, ret_information);
    bool was_late = status == OPENWFP_PENDING;
    if (was_late || status == OPENWFP_END) {
        openwfp_request_cancel(request);
        int32_t after = openwfp_request_wait(request, -1, ret_information);
        if (after != OPENWFP_CANCELLED && after != OPENWFP_END)
            status = after;
        else if (was_late)
            status = OPENWFP_TIMEOUT;
    }
    openwfp_request_free(request);
    return status;
}

int32_t
openwfp_device_ioctl(struct openwfp_device *device, uint32_t code, const void *input,
                     size_t input_bytes, void *output, size_t output_bytes, int timeout_ms,
                     uint64_t *ret_information)
{
    const struct openwfp_io io = {.operation = OPENWFP_IO_CONTROL,
                                  .code = code,
                                  .input = input,
                                  .input_bytes = input_bytes,
                                  .output = output,
                                  .output_bytes = output_bytes};
    return openwfp_device_send(device, &io, timeout_ms, ret_information);
}

int32_t
openwfp_device_read(struct openwfp_device *device, void *buffer, size_t bytes, int64_t offset,
                    int timeout_ms, uint64_t *ret_information)
{
    const struct openwfp_io io = {
        .operation = OPENWFP_IO_READ, .output = buffer, .output_bytes = bytes, .offset = offset};
    return openwfp_device_send(device, &io, timeout_ms, ret_information);
}

int32_t
openwfp_device_write(struct openwfp_device *device, const void *buffer, size_t bytes,
                     int64_t offset, int timeout_ms, uint64_t *ret_information)
{
    const struct openwfp_io io = {
        .operation = OPENWFP_IO_WRITE, .input = buffer, .input_bytes = bytes, .offset = offset};
    return openwfp_device_send(device, &io, timeout_ms, ret_information);
}
