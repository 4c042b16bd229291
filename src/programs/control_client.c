/*
 * A client of `wfp run --control`; see control_client.h.
 *
 * Locks      client->lock guards what drivers' threads touch: the queue out and the requests. It is a
 *            leaf: no driver code runs under it.
 */
#include "programs/control_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "client/device_wire.h"
#include "nt/ntos/nt_device.h"
#include "openwfp/device.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define MAX_FILES                1024u
#define STATUS_INVALID_HANDLE    ((int32_t)0xC0000008)
#define STATUS_INVALID_PARAMETER ((int32_t)0xC000000D)
#define STATUS_NO_MEMORY         ((int32_t)0xC0000017)
#define STATUS_REVISION_MISMATCH ((int32_t)0xC0000059)
#define STATUS_TOO_MANY_FILES    ((int32_t)0xC000011F)

/** One under way. References: the one who started it, its end, and who cancels it now. */
struct request {
    struct request *next;
    struct control_client *client;
    struct nt_device_request *request;
    struct nt_device_file *file;
    uint64_t id;
    unsigned refs; /* under the client's lock */
};

/** A message that waits for room in the socket. */
struct outgoing {
    struct outgoing *next;
    size_t length;
    struct device_wire message;
};

struct control_client {
    int fd, wake_fd; /* live: the queue has something the socket did not take */
    pid_t process;
    bool is_replay, has_greeted;
    void *base;
    int memory_fd;
    unsigned next_slot;
    struct nt_device_file *files[MAX_FILES];

    pthread_mutex_t lock;
    struct outgoing *first, **last;
    struct request *requests;
    uint64_t sent;

    /* replay */
    uint64_t rest_id, rest_seen, rest_due_100ns;
    bool is_resting;
    unsigned ends; /* told in a row */
};

/* What driver code works on in this thread, for its fault report. */
static __thread struct {
    const char *what; /* NULL: nothing of a program's */
    uint32_t code;
    pid_t process;
} in_hand;

const char *
control_client_held(void)
{
    static __thread char text[96];

    if (!in_hand.what)
        return NULL;
    if (in_hand.code)
        snprintf(text, sizeof(text), "%s 0x%08X of process %d", in_hand.what, in_hand.code,
                 (int)in_hand.process);
    else
        snprintf(text, sizeof(text), "%s of process %d", in_hand.what, (int)in_hand.process);
    return text;
}

static void
hold(const struct control_client *client, const char *what, uint32_t code)
{
    in_hand.what = what;
    in_hand.code = code;
    in_hand.process = client->process;
}

/* --- out --- */

/** Send what the socket takes. @return false: some is left */
static bool
flush_locked(struct control_client *client)
{
    while (client->first) {
        struct outgoing *out = client->first;
        if (send(client->fd, &out->message, out->length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                return false;
            /* gone: read() will notice; what is left goes with the client */
            return true;
        }
        client->first = out->next;
        if (!client->first)
            client->last = &client->first;
        free(out);
    }
    return true;
}

static void
put(struct control_client *client, const struct device_wire *message, size_t text_length)
{
    struct outgoing *out = malloc(sizeof(*out));
    uint64_t once = 1;

    if (!out) { /* an answer that is lost leaves the program waiting for ever: hang up instead */
        control_client_hang_up(client);
        return;
    }
    out->next = NULL;
    out->length = offsetof(struct device_wire, text) + text_length;
    out->message = *message;
    pthread_mutex_lock(&client->lock);
    out->message.time_100ns = wfp_clock_now();
    *client->last = out;
    client->last = &out->next;
    client->sent++;
    bool all_sent = flush_locked(client);
    pthread_mutex_unlock(&client->lock);
    if (!all_sent && write(client->wake_fd, &once, sizeof(once)) < 0)
        return; /* it is awake */
}

static void
put_done(struct control_client *client, uint64_t id, int32_t status, uint64_t information)
{
    const struct device_wire message = {
        .type = DEVICE_WIRE_DONE, .id = id, .status = status, .information = information};
    put(client, &message, 0);
}

/* --- requests --- */

static void
dispose(struct request *request)
{
    nt_device_unref(request->request);
    free(request);
}

static void
unref(struct request *request)
{
    struct control_client *client = request->client;

    pthread_mutex_lock(&client->lock);
    bool is_last = --request->refs == 0;
    pthread_mutex_unlock(&client->lock);
    if (is_last)
        dispose(request);
}

static void
request_done(void *context, int32_t status, uint64_t information)
{
    struct request *request = context;
    struct control_client *client = request->client;

    put_done(client, request->id, status, information);
    /* the last look at the client: once its list is empty it may be freed */
    pthread_mutex_lock(&client->lock);
    struct request **p = &client->requests;
    while (*p && *p != request)
        p = &(*p)->next;
    if (*p)
        *p = request->next;
    bool is_last = --request->refs == 0;
    pthread_mutex_unlock(&client->lock);
    if (is_last)
        dispose(request);
}

static struct nt_device_file *
file_of(const struct control_client *client, uint64_t number)
{
    return number >= 1 && number <= MAX_FILES ? client->files[number - 1] : NULL;
}

/** An address in the client's memory, or NULL with *@p ok false. */
static void *
address_of(const struct control_client *client, uint64_t address, uint64_t bytes, bool *ok)
{
    uint64_t offset = address - (uint64_t)(uintptr_t)client->base;

    if (bytes == 0)
        return NULL;
    if (offset >= DEVICE_WIRE_MEMORY || bytes > DEVICE_WIRE_MEMORY - offset)
        *ok = false;
    return (void *)(uintptr_t)address;
}

static int32_t
start_request(struct control_client *client, const struct device_wire *message)
{
    static const enum nt_device_operation operations[] = {
        [OPENWFP_IO_READ] = NT_DEVICE_READ,
        [OPENWFP_IO_WRITE] = NT_DEVICE_WRITE,
        [OPENWFP_IO_CONTROL] = NT_DEVICE_IOCTL,
    };
    static const char *const names[] = {[OPENWFP_IO_READ] = "a read",
                                        [OPENWFP_IO_WRITE] = "a write",
                                        [OPENWFP_IO_CONTROL] = "ioctl"};
    struct nt_device_file *file = file_of(client, message->file);
    bool ok = message->operation < ELEMENTSOF(operations);

    if (!file)
        return STATUS_INVALID_HANDLE;
    const struct nt_device_io io = {
        .operation = ok ? operations[message->operation] : NT_DEVICE_READ,
        .code = message->code,
        .input = address_of(client, message->input, message->input_bytes, &ok),
        .input_bytes = message->input_bytes,
        .output = address_of(client, message->output, message->output_bytes, &ok),
        .output_bytes = message->output_bytes,
        .offset = message->offset,
    };
    struct request *request = ok ? calloc(1, sizeof(*request)) : NULL;
    if (!request)
        return ok ? STATUS_NO_MEMORY : STATUS_INVALID_PARAMETER;
    *request = (struct request){.client = client, .file = file, .id = message->id, .refs = 2};
    pthread_mutex_lock(&client->lock);
    request->next = client->requests;
    client->requests = request;
    pthread_mutex_unlock(&client->lock);
    hold(client, names[message->operation], io.operation == NT_DEVICE_IOCTL ? io.code : 0);
    int32_t status = nt_device_start(file, &io, request_done, request, &request->request);
    in_hand.what = NULL;
    bool was_started = request->request != NULL;
    if (!was_started)
        request_done(request, status, 0);
    unref(request);
    return 0;
}

/** Cancel the requests of @p file (NULL: all), or the one called @p id (0: any), oldest first. */
static void
cancel(struct control_client *client, struct nt_device_file *file, uint64_t id)
{
    size_t room = 0, count = 0;

    pthread_mutex_lock(&client->lock);
    for (struct request *r = client->requests; r; r = r->next)
        room++;
    _cleanup_(freep) struct request **chosen = calloc(MAX(room, (size_t)1), sizeof(*chosen));
    for (struct request *r = client->requests; r && chosen; r = r->next)
        if (r->request && (!file || r->file == file) && (!id || r->id == id)) {
            r->refs++;
            chosen[count++] = r;
        }
    pthread_mutex_unlock(&client->lock);
    while (count-- > 0) { /* the list has the newest first */
        nt_device_cancel(chosen[count]->request);
        unref(chosen[count]);
    }
}

/* --- files --- */

static void
open_file(struct control_client *client, struct device_wire *message)
{
    uint64_t number = 1;

    message->text[sizeof(message->text) - 1] = 0;
    while (number <= MAX_FILES && client->files[number - 1])
        number++;
    if (number > MAX_FILES) {
        put_done(client, message->id, STATUS_TOO_MANY_FILES, 0);
        return;
    }
    hold(client, "an open", 0);
    int32_t status = nt_device_open(message->text, message->code, (uint64_t)client->process,
                                    &client->files[number - 1]);
    in_hand.what = NULL;
    if (status >= 0)
        nt_device_set_memory(client->files[number - 1], client->base, DEVICE_WIRE_MEMORY);
    put_done(client, message->id, status, status < 0 ? 0 : number);
}

static void
close_file(struct control_client *client, uint64_t number)
{
    struct nt_device_file *file = file_of(client, number);

    if (!file)
        return;
    client->files[number - 1] = NULL;
    cancel(client, file, 0);
    hold(client, "a close", 0);
    nt_device_close(file);
    in_hand.what = NULL;
}

static void
list_one(void *context, const struct nt_device_entry *entry)
{
    struct control_client *client = context;
    struct device_wire message = {
        .type = DEVICE_WIRE_ENTRY, .code = entry->type, .information = entry->open_files};
    const char *link = entry->link;
    bool is_dos = strncmp(link, "\\??\\", 4) == 0;
    int n = snprintf(message.text, sizeof(message.text), "%s%c%s%c%s%s", entry->name, 0,
                     entry->driver, 0, is_dos ? "\\\\.\\" : "", is_dos ? link + 4 : link);

    if (n > 0 && (size_t)n < sizeof(message.text))
        put(client, &message, (size_t)n + 1);
}

/* --- greeting --- */

/** Memory both sides see: a sparse file of this process, mapped at a fixed place. */
static int32_t
share_memory(struct control_client *client)
{
    if (client->memory_fd < 0)
        client->memory_fd = memfd_create("openwfp-device", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (client->memory_fd < 0 || ftruncate(client->memory_fd, (off_t)DEVICE_WIRE_MEMORY) < 0)
        return STATUS_NO_MEMORY;
    for (; client->next_slot < DEVICE_WIRE_SLOTS; client->next_slot++) {
        void *wanted = (void *)(uintptr_t)device_wire_base(client->next_slot);
        void *base = mmap(wanted, DEVICE_WIRE_MEMORY, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, client->memory_fd, 0);
        if (base == MAP_FAILED)
            continue;
        if (base == wanted) {
            client->base = base;
            client->next_slot++;
            return 0;
        }
        munmap(base, DEVICE_WIRE_MEMORY);
    }
    return STATUS_NO_MEMORY;
}

static void
welcome(struct control_client *client, int32_t status)
{
    struct device_wire message = {
        .type = DEVICE_WIRE_WELCOME,
        .operation = client->is_replay,
        .status = status,
        .code = DEVICE_WIRE_VERSION,
        .time_100ns = wfp_clock_now(),
        .input = (uintptr_t)client->base,
        .input_bytes = DEVICE_WIRE_MEMORY,
    };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec vector = {&message, offsetof(struct device_wire, text)};
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};

    if (status >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &client->memory_fd, sizeof(int));
    }
    if (sendmsg(client->fd, &header, MSG_NOSIGNAL) < 0 || status < 0)
        control_client_hang_up(client);
    client->sent++;
}

static void
greet(struct control_client *client, const struct device_wire *message)
{
    int32_t status = 0;

    if (message->type == DEVICE_WIRE_HELLO && message->code != DEVICE_WIRE_VERSION)
        status = STATUS_REVISION_MISMATCH;
    if (client->base)
        munmap(client->base, DEVICE_WIRE_MEMORY);
    client->base = NULL;
    if (status >= 0)
        status = share_memory(client);
    client->has_greeted = status >= 0;
    welcome(client, status);
}

/* --- in --- */

static void
note_rest(struct control_client *client, const struct device_wire *message)
{
    client->rest_id = message->id;
    client->rest_seen = message->information;
    client->rest_due_100ns = message->offset > 0 ? wfp_clock_now() + (uint64_t)message->offset : 0;
    client->is_resting = true;
}

static void
handle(struct control_client *client, struct device_wire *message)
{
    int32_t status = 0;

    if (message->type != DEVICE_WIRE_REST) {
        client->is_resting = false;
        client->ends = 0;
    }
    if (!client->has_greeted && message->type != DEVICE_WIRE_HELLO) {
        control_client_hang_up(client);
        return;
    }
    switch (message->type) {
    case DEVICE_WIRE_HELLO:
    case DEVICE_WIRE_RETRY:
        /* only before anything is open: a driver may have addresses in the memory */
        if (!client->requests && !client->files[0])
            greet(client, message);
        break;
    case DEVICE_WIRE_OPEN:
        open_file(client, message);
        break;
    case DEVICE_WIRE_CLOSE:
        close_file(client, message->file);
        put_done(client, message->id, 0, 0);
        break;
    case DEVICE_WIRE_START:
        status = start_request(client, message);
        if (status < 0)
            put_done(client, message->id, status, 0);
        break;
    case DEVICE_WIRE_CANCEL:
        if (message->id)
            cancel(client, NULL, message->id);
        break;
    case DEVICE_WIRE_LIST:
        nt_device_list(list_one, client);
        put_done(client, message->id, 0, 0);
        break;
    case DEVICE_WIRE_REST:
        note_rest(client, message);
        break;
    default:
        wfp_log(WFP_LOG_WARNING, "process %d: message %u of the control socket is unknown; hung up",
                (int)client->process, message->type);
        control_client_hang_up(client);
    }
}

/** Wait for a message, sending meanwhile what there is room for. @return false: time is over */
static bool
wait_readable(struct control_client *client, int timeout_ms)
{
    for (;;) {
        pthread_mutex_lock(&client->lock);
        bool all_sent = flush_locked(client);
        pthread_mutex_unlock(&client->lock);
        struct pollfd fds[2] = {
            {.fd = client->fd, .events = (short)(POLLIN | (all_sent ? 0 : POLLOUT))},
            {.fd = client->wake_fd, .events = POLLIN},
        };
        int n = poll(fds, 2, timeout_ms);
        if (n == 0)
            return false;
        if (n > 0 && (fds[0].revents & ~POLLOUT))
            return true;
        uint64_t times;
        if (n > 0 && fds[1].revents && read(client->wake_fd, &times, sizeof(times)) < 0)
            continue; /* somebody else read it: there is one reader, so this does not happen */
    }
}

int
control_client_read(struct control_client *client, int timeout_ms)
{
    struct device_wire message;
    ssize_t n;

    if (!wait_readable(client, timeout_ms))
        return 0;
    memset(&message, 0, sizeof(message));
    do
        n = recv(client->fd, &message, sizeof(message) - 1, 0);
    while (n < 0 && errno == EINTR);
    if (n < (ssize_t)offsetof(struct device_wire, text))
        return -1;
    handle(client, &message);
    return 1;
}

/* --- replay --- */

bool
control_client_is_at_rest(struct control_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool at_rest = client->is_resting && client->rest_seen == client->sent;
    pthread_mutex_unlock(&client->lock);
    return at_rest;
}

uint64_t
control_client_due(struct control_client *client)
{
    return control_client_is_at_rest(client) ? client->rest_due_100ns : 0;
}

static void
answer_rest(struct control_client *client, enum device_wire_type type)
{
    const struct device_wire message = {.type = type, .id = client->rest_id};

    client->is_resting = false;
    put(client, &message, 0);
}

void
control_client_wake(struct control_client *client)
{
    answer_rest(client, DEVICE_WIRE_WOKEN);
}

unsigned
control_client_end(struct control_client *client)
{
    answer_rest(client, DEVICE_WIRE_END);
    return ++client->ends;
}

/* --- life --- */

struct control_client *
control_client_new(int fd, bool is_replay)
{
    struct control_client *client = calloc(1, sizeof(*client));
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);

    if (!client) {
        close(fd);
        return NULL;
    }
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    client->fd = fd;
    client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    client->process = peer.pid;
    client->is_replay = is_replay;
    client->memory_fd = -1;
    client->last = &client->first;
    pthread_mutex_init(&client->lock, NULL);
    return client;
}

void
control_client_leave(struct control_client *client)
{
    cancel(client, NULL, 0);
    for (uint64_t number = 1; number <= MAX_FILES; number++)
        close_file(client, number);
}

bool
control_client_is_idle(struct control_client *client)
{
    pthread_mutex_lock(&client->lock);
    bool is_idle = client->requests == NULL;
    pthread_mutex_unlock(&client->lock);
    return is_idle;
}

void
control_client_hang_up(struct control_client *client)
{
    shutdown(client->fd, SHUT_RDWR);
}

int
control_client_fd(const struct control_client *client)
{
    return client->fd;
}

pid_t
control_client_process(const struct control_client *client)
{
    return client->process;
}

void
control_client_free(struct control_client *client)
{
    for (struct outgoing *out = client->first, *next; out; out = next) {
        next = out->next;
        free(out);
    }
    if (client->base)
        munmap(client->base, DEVICE_WIRE_MEMORY);
    if (client->memory_fd >= 0)
        close(client->memory_fd);
    if (client->wake_fd >= 0)
        close(client->wake_fd);
    close(client->fd);
    pthread_mutex_destroy(&client->lock);
    free(client);
}
