/*
 * Devices of a kernel in this very process: "local:".
 *
 * Model      The kernel completes on any thread; ends are queued and taken in by whoever waits.
 * Memory     Buffers are the driver's to see as they are; nothing is copied.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "client/device_private.h"
#include "openwfp/device_backend.h"

/** The end of a request, on its way to the thread that waits. */
struct end {
    struct end *next;
    struct local_host *host;
    uint64_t id;
    int32_t status;
    uint64_t information;
};

struct local_host {
    struct openwfp_host host;
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct end *first, **last;
    size_t under_way; /* in the kernel: this must not be freed before */
};

static const struct openwfp_backend *backend;

void
openwfp_backend_set(const struct openwfp_backend *new_backend)
{
    backend = new_backend;
}

static struct local_host *
of(struct openwfp_host *host)
{
    return (struct local_host *)host;
}

static int32_t
open_file(struct openwfp_host *host, const char *name, uint32_t access, void **ret_file)
{
    return backend->open(name, access, ret_file);
}

static void
close_file(struct openwfp_host *host, void *file)
{
    backend->close(file);
    while (host->transport->receive(host, 0) == OPENWFP_SUCCESS)
        ;
}

static void
ended(void *context, int32_t status, uint64_t information)
{
    struct end *end = context;
    struct local_host *host = end->host;

    end->status = status;
    end->information = information;
    pthread_mutex_lock(&host->lock);
    *host->last = end;
    host->last = &end->next;
    host->under_way--;
    pthread_cond_broadcast(&host->came);
    pthread_mutex_unlock(&host->lock);
}

static int32_t
start(struct openwfp_host *base, struct openwfp_request *request, const struct openwfp_io *io)
{
    struct local_host *host = of(base);
    struct end *end = calloc(1, sizeof(*end));

    if (!end)
        return device_error(DEVICE_NO_MEMORY, "out of memory");
    *end = (struct end){.host = host, .id = request->id};
    pthread_mutex_lock(&host->lock);
    host->under_way++;
    pthread_mutex_unlock(&host->lock);
    int32_t status = backend->start(request->file, io, ended, end, &request->backend);
    if (status < 0) {
        pthread_mutex_lock(&host->lock);
        host->under_way--;
        pthread_mutex_unlock(&host->lock);
        free(end);
    }
    return status;
}

static void
cancel(struct openwfp_host *host, struct openwfp_request *request)
{
    if (request->backend)
        backend->cancel(request->backend);
}

static void
finish(struct openwfp_host *host, struct openwfp_request *request)
{
    if (request->backend)
        backend->unref(request->backend);
    request->backend = NULL;
}

static int32_t
list(struct openwfp_host *host, void (*each)(void *context, const struct openwfp_device_info *info),
     void *context)
{
    backend->list(each, context);
    return OPENWFP_SUCCESS;
}

static struct end *
pop(struct local_host *host)
{
    pthread_mutex_lock(&host->lock);
    struct end *end = host->first;
    if (end) {
        host->first = end->next;
        if (!host->first)
            host->last = &host->first;
    }
    pthread_mutex_unlock(&host->lock);
    return end;
}

static int32_t
take_ends(struct local_host *host)
{
    int32_t status = OPENWFP_TIMEOUT;

    for (struct end *end; (end = pop(host)); free(end)) {
        device_complete(&host->host, end->id, end->status, end->information);
        status = OPENWFP_SUCCESS;
    }
    return status;
}

/** Real time: sleep until something ends. */
static void
sleep_until_end(struct local_host *host, int64_t timeout_100ns)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_100ns / 10000000;
    until.tv_nsec += timeout_100ns % 10000000 * 100;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&host->lock);
    int error = 0;
    while (!host->first && error == 0)
        error = timeout_100ns < 0 ? pthread_cond_wait(&host->came, &host->lock)
                                  : pthread_cond_timedwait(&host->came, &host->lock, &until);
    pthread_mutex_unlock(&host->lock);
}

/** Virtual time: it moves while we wait, from one thing the kernel does to the next. */
static int32_t
receive_virtual(struct local_host *host, int64_t timeout_100ns)
{
    uint64_t until = timeout_100ns == 0  ? 0
                     : timeout_100ns < 0 ? UINT64_MAX
                                         : backend->now() + (uint64_t)timeout_100ns;
    int32_t status;
    bool has_more;

    do {
        has_more = backend->settle(until);
        status = take_ends(host);
    } while (status == OPENWFP_TIMEOUT && has_more);
    return status == OPENWFP_TIMEOUT && timeout_100ns < 0 ? OPENWFP_END : status;
}

static int32_t
receive(struct openwfp_host *base, int64_t timeout_100ns)
{
    struct local_host *host = of(base);
    int32_t status = take_ends(host);

    if (status == OPENWFP_SUCCESS)
        return status;
    if (base->is_replay)
        return receive_virtual(host, timeout_100ns);
    if (timeout_100ns != 0)
        sleep_until_end(host, timeout_100ns);
    return take_ends(host);
}

static uint64_t
now(struct openwfp_host *host)
{
    return backend->now();
}

static void *
alloc_memory(struct openwfp_host *host, size_t bytes)
{
    size_t size = ALIGN_UP(MAX(bytes, (size_t)1), (size_t)64);
    void *memory = aligned_alloc(64, size);
    return memory ? memset(memory, 0, size) : NULL;
}

static void
free_memory(struct openwfp_host *host, void *memory)
{
    free(memory);
}

static int
get_fd(const struct openwfp_host *host)
{
    return -1;
}

static void
disconnect(struct openwfp_host *base)
{
    struct local_host *host = of(base);

    take_ends(host);
    if (host->under_way)
        return; /* a driver still has requests of ours: their ends need this */
    pthread_cond_destroy(&host->came);
    pthread_mutex_destroy(&host->lock);
    free(host);
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

int32_t
device_local_connect(struct openwfp_host **ret_host)
{
    pthread_condattr_t attributes;

    if (!backend)
        return device_error(DEVICE_NAME_NOT_FOUND,
                            "no driver runs in this process; name a socket instead of \"local:\"");
    struct local_host *host = calloc(1, sizeof(*host));
    if (!host)
        return device_error(DEVICE_NO_MEMORY, "out of memory");
    host->host.transport = &transport;
    host->host.is_replay = backend->is_replay;
    host->last = &host->first;
    pthread_mutex_init(&host->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&host->came, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret_host = &host->host;
    return OPENWFP_SUCCESS;
}
