/*
 * What a program may do with a device, in one function that knows nothing of where the driver runs:
 * device_local.c calls it in the driver's process, main() below over a socket.
 */
#include "device_program.h"

#include <stdio.h>
#include <string.h>

#define CODE(function, method) OPENWFP_IOCTL(0x22, function, method, 0)
#define ADD_ONE                CODE(0x800, OPENWFP_METHOD_BUFFERED)
#define SUM                    CODE(0x801, OPENWFP_METHOD_IN_DIRECT)
#define FILL                   CODE(0x802, OPENWFP_METHOD_OUT_DIRECT)
#define FOLLOW                 CODE(0x803, OPENWFP_METHOD_NEITHER)
#define HOLD                   CODE(0x804, OPENWFP_METHOD_BUFFERED)
#define RELEASE                CODE(0x805, OPENWFP_METHOD_BUFFERED)
#define COUNT_LATER            CODE(0x806, OPENWFP_METHOD_BUFFERED)
#define REFUSE                 CODE(0x807, OPENWFP_METHOD_BUFFERED)

#define ACCESS_VIOLATION       ((int32_t)0xC0000005)
#define ACCESS_DENIED          ((int32_t)0xC0000022)
#define NAME_NOT_FOUND         ((int32_t)0xC0000034)
#define INVALID_DEVICE_REQUEST ((int32_t)0xC0000010)
#define NO_MORE_ENTRIES        ((int32_t)0x8000001A)

static int failures;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __func__, __LINE__, #condition);                \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static void
expect_status(const char *what, int32_t status, int32_t expected)
{
    if (status == expected)
        return;
    fprintf(stderr, "%s: %s, expected %08x; %s\n", what, openwfp_status_text(status),
            (unsigned)expected, openwfp_host_error());
    failures++;
}

static void
opening(struct openwfp_host *host)
{
    struct openwfp_device *device;

    expect_status("no such", openwfp_device_open(host, "\\\\.\\Nothing", 0, &device),
                  NAME_NOT_FOUND);
    expect_status("refused", openwfp_device_open(host, "\\\\.\\OpenWfpDevice\\closed", 0, &device),
                  ACCESS_DENIED);
    static const char *const names[] = {"\\\\.\\openwfpdevice", "\\??\\OpenWfpDevice",
                                        "\\Device\\OpenWfpDevice", "\\\\?\\OpenWfpDevice\\more"};
    for (int i = 0; i < 4; i++) {
        int32_t status = openwfp_device_open(host, names[i], OPENWFP_READ, &device);
        expect_status(names[i], status, OPENWFP_SUCCESS);
        if (status >= 0)
            openwfp_device_close(device);
    }
}

static void
note_device(void *context, const struct openwfp_device_info *info)
{
    if (strcmp(info->name, "\\Device\\OpenWfpDevice") == 0 && strcmp(info->driver, "device") == 0 &&
        strcmp(info->link, "\\\\.\\OpenWfpDevice") == 0 && info->type == 0x22)
        *(int *)context += (int)info->open_files;
}

static void
listing(struct openwfp_host *host)
{
    struct openwfp_device *device;
    int open_files = 0;

    expect_status("open", openwfp_device_open(host, "\\\\.\\OpenWfpDevice", 0, &device), 0);
    expect_status("list", openwfp_host_list(host, note_device, &open_files), 0);
    EXPECT(open_files == 1);
    openwfp_device_close(device);
}

static void
transfer_methods(struct openwfp_host *host, struct openwfp_device *device)
{
    unsigned char in[] = {1, 2, 255}, out[300];
    uint64_t information = 0;
    uint32_t sum;

    memset(out, 0xEE, sizeof(out));
    expect_status("ADD_ONE",
                  openwfp_device_ioctl(device, ADD_ONE, in, 3, out, 10, -1, &information), 0);
    EXPECT(information == 3 && memcmp(out, "\2\3\0", 3) == 0 && out[3] == 0xEE);

    memset(out, 2, sizeof(out));
    expect_status("SUM", openwfp_device_ioctl(device, SUM, NULL, 0, out, 300, -1, &information), 0);
    memcpy(&sum, out, sizeof(sum));
    EXPECT(information == 300 && sum == 600 && out[4] == 2);

    expect_status("FILL", openwfp_device_ioctl(device, FILL, in, 1, out, 300, -1, &information), 0);
    EXPECT(information == 300 && out[0] == 1 && out[299] == 1);

    char *shared = openwfp_host_alloc(host, 6);
    EXPECT(shared && shared[0] == 0);
    if (shared) {
        uint64_t words[2] = {(uint64_t)(uintptr_t)shared, 5};
        memcpy(shared, "abcde", 6);
        expect_status(
            "FOLLOW",
            openwfp_device_ioctl(device, FOLLOW, words, sizeof(words), NULL, 0, -1, &information),
            0);
        EXPECT(information == 5 && strcmp(shared, "edcba") == 0);
        if (openwfp_host_fd(host) >= 0) { /* other memory of ours means nothing over there */
            words[0] = (uint64_t)(uintptr_t)in;
            expect_status(
                "FOLLOW elsewhere",
                openwfp_device_ioctl(device, FOLLOW, words, sizeof(words), NULL, 0, -1, NULL),
                ACCESS_VIOLATION);
        }
        openwfp_host_free(host, shared);
    }
    expect_status("REFUSE", openwfp_device_ioctl(device, REFUSE, NULL, 0, NULL, 0, -1, NULL),
                  ACCESS_DENIED);
    expect_status("unknown",
                  openwfp_device_ioctl(device, CODE(0x900, 0), NULL, 0, NULL, 0, -1, NULL),
                  INVALID_DEVICE_REQUEST);
    EXPECT(strcmp(openwfp_status_text(ACCESS_DENIED), "STATUS_ACCESS_DENIED 0xC0000022") == 0);
}

static void
reading_and_writing(struct openwfp_device *device)
{
    char back[16] = "";
    uint64_t information;

    expect_status("read nothing", openwfp_device_read(device, back, sizeof(back), 0, -1, NULL),
                  OPENWFP_END);
    expect_status("write", openwfp_device_write(device, "callout", 7, 0, -1, &information), 0);
    EXPECT(information == 7);
    expect_status("read", openwfp_device_read(device, back, sizeof(back), 4, -1, &information), 0);
    EXPECT(information == 3 && memcmp(back, "out", 3) == 0);
}

struct outcome {
    int32_t status;
    uint64_t information;
    int times;
};

static void
on_done(void *context, int32_t status, uint64_t information)
{
    struct outcome *outcome = context;
    outcome->status = status;
    outcome->information = information;
    outcome->times++;
}

static void
asynchronous(struct openwfp_host *host, struct openwfp_device *device)
{
    char out[2][16] = {"", ""};
    struct outcome outcomes[2] = {{0}, {0}};
    struct openwfp_request *requests[2] = {NULL, NULL};
    uint64_t information = 0;

    for (int i = 0; i < 2; i++) {
        const struct openwfp_io io = {
            .operation = OPENWFP_IO_CONTROL, .code = HOLD, .output = out[i], .output_bytes = 16};
        expect_status("HOLD",
                      openwfp_device_start(device, &io, on_done, &outcomes[i], &requests[i]),
                      OPENWFP_PENDING);
    }
    expect_status("nothing yet", openwfp_host_wait(host, 20), OPENWFP_TIMEOUT);
    expect_status("RELEASE", openwfp_device_ioctl(device, RELEASE, "now", 4, NULL, 0, -1, NULL), 0);
    expect_status("first", openwfp_request_wait(requests[0], -1, &information), 0);
    EXPECT(information == 4 && strcmp(out[0], "now") == 0 && outcomes[0].times == 1);
    expect_status("second", openwfp_request_status(requests[1], NULL), OPENWFP_PENDING);
    openwfp_request_cancel(requests[1]);
    expect_status("cancelled", openwfp_request_wait(requests[1], -1, NULL), OPENWFP_CANCELLED);
    EXPECT(outcomes[1].times == 1 && outcomes[1].status == OPENWFP_CANCELLED);
    openwfp_request_free(requests[0]);
    openwfp_request_free(requests[1]);
    expect_status("none left", openwfp_device_ioctl(device, RELEASE, "", 1, NULL, 0, -1, NULL),
                  NO_MORE_ENTRIES);
    expect_status("late", openwfp_device_ioctl(device, HOLD, NULL, 0, out[0], 16, 30, NULL),
                  OPENWFP_TIMEOUT);
}

/* Answers that come from a worker's thread and from a timer. */
static void
later(struct openwfp_device *device)
{
    uint32_t before = 0, after = 0;
    unsigned char by_timer = 1;

    expect_status("work item",
                  openwfp_device_ioctl(device, COUNT_LATER, NULL, 0, &before, 4, -1, NULL), 0);
    expect_status(
        "timer", openwfp_device_ioctl(device, COUNT_LATER, &by_timer, 1, &after, 4, 5000, NULL), 0);
    EXPECT(before > 0 && after == before + 1);
}

static void
closing_cancels(struct openwfp_host *host)
{
    struct outcome outcome = {0};
    struct openwfp_device *device;
    char out[16];
    const struct openwfp_io io = {
        .operation = OPENWFP_IO_CONTROL, .code = HOLD, .output = out, .output_bytes = 16};

    expect_status("open", openwfp_device_open(host, "\\\\.\\OpenWfpDevice", 0, &device), 0);
    expect_status("HOLD", openwfp_device_start(device, &io, on_done, &outcome, NULL),
                  OPENWFP_PENDING);
    openwfp_device_close(device);
    EXPECT(outcome.times == 1 && outcome.status == OPENWFP_CANCELLED);
}

int
device_program(struct openwfp_host *host)
{
    struct openwfp_device *device;

    opening(host);
    listing(host);
    int32_t status =
        openwfp_device_open(host, "\\\\.\\OpenWfpDevice", OPENWFP_READ | OPENWFP_WRITE, &device);
    expect_status("open", status, OPENWFP_SUCCESS);
    if (status < 0)
        return failures;
    transfer_methods(host, device);
    reading_and_writing(device);
    asynchronous(host, device);
    later(device);
    closing_cancels(host);
    openwfp_device_close(device);
    return failures;
}

#ifndef NO_MAIN
int
main(int argc, char **argv)
{
    struct openwfp_host *host;
    int32_t status = openwfp_host_connect(argc > 1 ? argv[1] : NULL, &host);

    if (status < 0) {
        fprintf(stderr, "%s: %s\n", openwfp_status_text(status), openwfp_host_error());
        return 1;
    }
    int result = device_program(host);
    openwfp_host_close(host);
    return result != 0;
}
#endif
