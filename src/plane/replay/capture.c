/*
 * The buffer under a capture, and which format it is.
 */
#include "plane/replay/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"

/* Stays in the second-level cache, and is all the memory a capture takes. */
#define BUFFER_SIZE (128u * 1024)
/* Kept free before the unread bytes, so that the first record too has bytes before it. */
#define HEADROOM 256u

static int
open_file(struct wfp_capture *capture, const char *path, char *error)
{
    bool is_stdin = path[0] == '-' && path[1] == 0;
    struct stat status;

    snprintf(capture->name, sizeof(capture->name), "%s", is_stdin ? "standard input" : path);
    capture->fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (capture->fd < 0 || fstat(capture->fd, &status) < 0) {
        snprintf(error, 256, "%s: %s; give a pcap or pcapng file to read", capture->name,
                 strerror(errno));
        return -WFP_ERR_IO;
    }
    if (S_ISREG(status.st_mode)) {
        capture->size = (uint64_t)status.st_size;
        posix_fadvise(capture->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return 0;
}

/** The formats by their first bytes, and what people hand us instead. */
static int
find_format(struct wfp_capture *capture)
{
    static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    int r = wfp_capture_need(capture, 4);
    const uint8_t *head = capture->buffer + capture->start;
    uint32_t magic;

    if (r < 0)
        return r;
    if (r == 0)
        return wfp_capture_fail(capture, "%s; a capture begins with a header",
                                capture->end > capture->start ? "too short for a capture"
                                                              : "the file is empty");
    memcpy(&magic, head, sizeof(magic));
    if (magic == 0x0a0d0d0a) {
        capture->is_pcapng = true;
        return wfp_capture_pcapng_open(capture);
    }
    if (memcmp(head, gzip, sizeof(gzip)) == 0 || memcmp(head, zstd, sizeof(zstd)) == 0)
        return wfp_capture_fail(capture, "is compressed; unpack it first");
    return wfp_capture_pcap_open(capture);
}

int
wfp_capture_open(const char *path, struct wfp_capture **ret_capture, char *error)
{
    _cleanup_(wfp_capture_closep) struct wfp_capture *capture = calloc(1, sizeof(*capture));
    int r;

    if (capture) {
        capture->fd = -1;
        capture->capacity = BUFFER_SIZE;
        capture->kept.is_wanted = true; /* until it is known that nobody does */
        capture->start = capture->end = HEADROOM;
        capture->buffer = malloc(capture->capacity);
    }
    if (!capture || !capture->buffer) {
        snprintf(error, 256, "%s: out of memory", path);
        return -WFP_ERR_NO_MEMORY;
    }
    r = open_file(capture, path, error);
    if (r < 0)
        return r;
    r = find_format(capture);
    if (r < 0) {
        snprintf(error, 256, "%s", capture->error);
        return r;
    }
    *ret_capture = TAKE_PTR(capture);
    return 0;
}

void
wfp_capture_close(struct wfp_capture *capture)
{
    if (!capture)
        return;
    if (capture->fd >= 0)
        close(capture->fd);
    for (uint32_t i = 0; i < capture->interface_count; i++)
        free(capture->interfaces[i].options);
    free(capture->interfaces);
    for (uint32_t i = 0; i < capture->process_count; i++)
        free(capture->processes[i].name_utf16);
    free(capture->processes);
    free(capture->kept.bytes);
    free(capture->buffer);
    free(capture);
}

int
wfp_capture_next(struct wfp_capture *capture, struct wfp_capture_record *ret_record)
{
    int r = capture->is_pcapng ? wfp_capture_pcapng_next(capture, ret_record)
                               : wfp_capture_pcap_next(capture, ret_record);

    if (r > 0)
        capture->records++;
    return r;
}

int
wfp_capture_fail(struct wfp_capture *capture, const char *format, ...)
{
    char what[110];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    if (capture->records)
        snprintf(capture->error, sizeof(capture->error),
                 "%.60s: %s (byte %llu, after %llu packets, which count)", capture->name, what,
                 (unsigned long long)capture->offset, (unsigned long long)capture->records);
    else
        snprintf(capture->error, sizeof(capture->error), "%.80s: %s", capture->name, what);
    return -WFP_ERR_IO;
}

/** Move unread bytes to the front, in a larger buffer if @p size needs one. */
static int
make_room(struct wfp_capture *capture, uint32_t size)
{
    uint32_t unread = capture->end - capture->start;

    if (size > capture->capacity - HEADROOM) {
        uint32_t capacity = capture->capacity;
        uint8_t *buffer;

        while (size > capacity - HEADROOM)
            capacity *= 2;
        buffer = realloc(capture->buffer, capacity);
        if (!buffer)
            return wfp_capture_fail(capture, "out of memory for a record of %u bytes", size);
        capture->buffer = buffer;
        capture->capacity = capacity;
    }
    memmove(capture->buffer + HEADROOM, capture->buffer + capture->start, unread);
    capture->start = HEADROOM;
    capture->end = HEADROOM + unread;
    return 0;
}

int
wfp_capture_need(struct wfp_capture *capture, uint32_t size)
{
    if (LIKELY(capture->end - capture->start >= size))
        return 1;
    if (!capture->at_end && make_room(capture, size) < 0)
        return -WFP_ERR_IO;
    while (!capture->at_end && capture->end - capture->start < size) {
        ssize_t got =
            read(capture->fd, capture->buffer + capture->end, capture->capacity - capture->end);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return wfp_capture_fail(capture, "%s", strerror(errno));
        capture->at_end = got == 0;
        capture->end += (uint32_t)got;
    }
    return capture->end - capture->start >= size;
}

struct wfp_capture_interface *
wfp_capture_add_interface(struct wfp_capture *capture)
{
    struct wfp_capture_interface *interface;

    if (capture->interface_count == capture->interface_capacity) {
        uint32_t capacity = capture->interface_capacity ? capture->interface_capacity * 2 : 4;

        interface = realloc(capture->interfaces, capacity * sizeof(*interface));
        if (!interface)
            return NULL;
        capture->interfaces = interface;
        capture->interface_capacity = capacity;
    }
    interface = &capture->interfaces[capture->interface_count++];
    *interface = (struct wfp_capture_interface){
        .section = capture->section, .ticks_per_second = 1000000, .resolution = 6};
    return interface;
}

uint64_t
wfp_capture_time(const struct wfp_capture_interface *interface, uint64_t ticks)
{
    uint64_t rate = interface->ticks_per_second, time;

    if (rate == 1000000)
        time = ticks * 10;
    else if (rate == 1000000000)
        time = ticks / 100;
    else
        time = (uint64_t)((unsigned __int128)ticks * 10000000u / rate);
    return time + (uint64_t)interface->offset_seconds * 10000000u + WFP_CLOCK_UNIX_EPOCH;
}
