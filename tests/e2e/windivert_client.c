/*
 * A client of the WinDivert 2.2 driver's device, written from its documented protocol for tests.
 *
 * usage: windivert_client CONTROL LAYER FLAGS FILTER [VERDICT...]
 *
 *   CONTROL  the socket of wfp run --control
 *   LAYER    network, forward, flow, socket, reflect
 *   FLAGS    sniff,drop,recv-only,send-only,fragments or -
 *   FILTER   comparisons that all have to hold, e.g. "udp=1,udp.DstPort=53"; or true
 *   VERDICT  PORT:drop or PORT:ttl, by the remote port; everything else goes on unchanged
 *
 * One line per event on standard output. Ends when the replay does, or (live) when standard input ends.
 *
 * Model      open -> INITIALIZE (layer, priority, flags) -> STARTUP (filter object) -> RECV and SEND
 *            until the end -> SHUTDOWN -> RECV answers STATUS_PIPE_EMPTY -> close.
 * Ref        https://reqrypt.org/windivert-doc.html
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openwfp/device.h>

#define NETWORK_DEVICE 0x12
#define READ           1
#define BOTH           3
#define IOCTL_INIT     OPENWFP_IOCTL(NETWORK_DEVICE, 0x921, OPENWFP_METHOD_OUT_DIRECT, BOTH)
#define IOCTL_STARTUP  OPENWFP_IOCTL(NETWORK_DEVICE, 0x922, OPENWFP_METHOD_IN_DIRECT, BOTH)
#define IOCTL_RECV     OPENWFP_IOCTL(NETWORK_DEVICE, 0x923, OPENWFP_METHOD_OUT_DIRECT, READ)
#define IOCTL_SEND     OPENWFP_IOCTL(NETWORK_DEVICE, 0x924, OPENWFP_METHOD_IN_DIRECT, BOTH)
#define IOCTL_SHUTDOWN OPENWFP_IOCTL(NETWORK_DEVICE, 0x927, OPENWFP_METHOD_IN_DIRECT, BOTH)

#define PIPE_EMPTY   ((int32_t)0xC00000D9)
#define MAGIC_CLIENT 0x4C4C447669645724ull
#define MAGIC_DRIVER 0x5359537669645723ull
#define HIGHEST      30000u /* priorities go from -30000 to 30000 and are sent with this added */
#define ACCEPT       0x7FFE
#define REJECT       0x7FFF

enum layer { NETWORK, FORWARD, FLOW, SOCKET, REFLECT };

/* What each request begins with; its meaning depends on the code. */
union command {
    struct {
        uint64_t address, length_address;
    } recv;
    struct {
        uint64_t address, length;
    } send;
    struct {
        uint32_t layer, priority;
        uint64_t flags;
    } initialize;
    uint64_t startup_flags;
    uint32_t how;
};
_Static_assert(sizeof(union command) == 16, "the driver checks it");

struct version {
    uint64_t magic;
    uint32_t major, minor, bits, reserved32[3];
    uint64_t reserved64[4];
};

/* One comparison of a filter: 24 bytes. */
struct test {
    uint32_t field : 11, test : 5, success : 16;
    uint32_t failure : 16, negative : 1, reserved : 15;
    uint32_t argument[4];
};
_Static_assert(sizeof(struct test) == 24, "the driver checks it");

struct endpoint { /* of a flow or socket event */
    uint64_t id, parent;
    uint32_t process, local[4], remote[4];
    uint16_t local_port, remote_port;
    uint8_t protocol;
};

struct address {
    int64_t timestamp;
    uint32_t layer : 8, event : 8, sniffed : 1, outbound : 1, loopback : 1, impostor : 1, ipv6 : 1,
        ip_checksum : 1, tcp_checksum : 1, udp_checksum : 1, reserved1 : 8;
    uint32_t reserved2;
    union {
        struct {
            uint32_t interface, sub_interface;
        } network;
        struct endpoint endpoint;
        struct {
            int64_t opened;
            uint32_t process, layer;
            uint64_t flags;
            int16_t priority;
        } reflect;
        uint8_t bytes[64];
    };
};
_Static_assert(sizeof(struct address) == 80, "the driver checks it");

static const struct {
    const char *name;
    uint32_t field;
} fields[] = {
    {"zero", 0},         {"inbound", 1},      {"outbound", 2},     {"ip", 5},
    {"ipv6", 6},         {"icmp", 7},         {"tcp", 8},          {"udp", 9},
    {"icmpv6", 10},      {"ip.TTL", 18},      {"tcp.SrcPort", 38}, {"tcp.DstPort", 39},
    {"udp.SrcPort", 53}, {"udp.DstPort", 54}, {"loopback", 58},    {"localPort", 63},
    {"remotePort", 64},  {"protocol", 65},    {"event", 70},       {"length", 80},
};

static struct {
    uint16_t port;
    bool changes; /* the TTL; else the packet is dropped */
} verdicts[16];
static size_t verdict_count;

static int
fail(const char *what, int32_t status)
{
    fprintf(stderr, "windivert_client: %s: %s %s\n", what, openwfp_status_text(status),
            openwfp_host_error());
    return 1;
}

/* --- the filter --- */

static size_t
compile(char *text, struct test *tests)
{
    size_t count = 0;

    if (strcmp(text, "true") == 0) {
        tests[0] = (struct test){.field = 0, .success = ACCEPT, .failure = REJECT}; /* zero = 0 */
        return 1;
    }
    for (char *save, *part = strtok_r(text, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
        char *equals = strchr(part, '=');
        size_t i = 0;
        if (equals)
            *equals = 0;
        while (i < sizeof(fields) / sizeof(*fields) && strcmp(fields[i].name, part) != 0)
            i++;
        if (!equals || i == sizeof(fields) / sizeof(*fields)) {
            fprintf(stderr, "windivert_client: what is '%s'?\n", part);
            exit(2);
        }
        tests[count] = (struct test){.field = fields[i].field,
                                     .success = (count + 1) & 0x7FFF,
                                     .failure = REJECT,
                                     .argument = {(uint32_t)strtoul(equals + 1, NULL, 0)}};
        count++;
    }
    tests[count - 1].success = ACCEPT;
    return count;
}

/** What the driver shall install: both directions and versions, all events of the layer. */
static uint64_t
startup_flags(enum layer layer)
{
    static const uint64_t flags[] = {
        [NETWORK] = 0xF0, [FORWARD] = 0xF0, [FLOW] = 0x1F0, [SOCKET] = 0x3EF0, [REFLECT] = 0};
    return flags[layer];
}

/* --- events --- */

static void
print_endpoint(const struct address *address)
{
    static const char *const events[] = {"packet", "established", "deleted", "bind", "connect",
                                         "listen", "accept",      "close",   "open", "closed"};
    const struct endpoint *e = &address->endpoint;
    char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
    uint32_t l[4], r[4];

    for (int i = 0; i < 4; i++) { /* host order, the last word first */
        l[i] = htonl(e->local[3 - i]);
        r[i] = htonl(e->remote[3 - i]);
    }
    inet_ntop(address->ipv6 ? AF_INET6 : AF_INET, address->ipv6 ? l : &l[3], local, sizeof(local));
    inet_ntop(address->ipv6 ? AF_INET6 : AF_INET, address->ipv6 ? r : &r[3], remote,
              sizeof(remote));
    printf("%s %s%s %u %s:%u %s:%u%s\n", events[address->event % 10],
           address->outbound ? "out" : "in", address->loopback ? " loopback" : "", e->protocol,
           local, e->local_port, remote, e->remote_port, e->id ? "" : " without an endpoint");
}

/** Where the transport header begins. @return false: no IP packet with ports */
static bool
ports(const uint8_t *packet, size_t length, uint8_t *ret_protocol, uint16_t *ret_source,
      uint16_t *ret_destination)
{
    size_t header = length && packet[0] >> 4 == 6 ? 40 : (packet[0] & 15u) * 4u;

    *ret_protocol = packet[packet[0] >> 4 == 6 ? 6 : 9];
    *ret_source = *ret_destination = 0;
    if (length < header + 4 || (*ret_protocol != 6 && *ret_protocol != 17))
        return false;
    *ret_source = (uint16_t)(packet[header] << 8 | packet[header + 1]);
    *ret_destination = (uint16_t)(packet[header + 2] << 8 | packet[header + 3]);
    return true;
}

/** Print a packet and decide. @return false: it is dropped */
static bool
take_packet(struct address *address, uint8_t *packet, size_t length)
{
    uint16_t source, destination;
    uint8_t protocol;

    ports(packet, length, &protocol, &source, &destination);
    printf("packet %s%s%s %u %u>%u %zu", address->outbound ? "out" : "in",
           address->loopback ? " loopback" : "", address->impostor ? " impostor" : "", protocol,
           source, destination, length);
    for (size_t i = 0; i < verdict_count; i++) {
        if (verdicts[i].port != (address->outbound ? destination : source))
            continue;
        if (!verdicts[i].changes) {
            puts(" dropped");
            return false;
        }
        packet[packet[0] >> 4 == 6 ? 7 : 8] = 42;
        address->ip_checksum = 0; /* the driver works it out */
        puts(" changed");
        return true;
    }
    puts("");
    return true;
}

static void
take(struct openwfp_device *device, enum layer layer, bool sends, struct address *address,
     uint8_t *packet, size_t length)
{
    union command command = {.send = {(uint64_t)(uintptr_t)address, sizeof(*address)}};
    uint64_t sent = 0;

    if (layer == FLOW || layer == SOCKET) {
        print_endpoint(address);
        return;
    }
    if (layer == REFLECT) {
        printf("%s layer %u priority %d flags 0x%llx object %zu\n",
               address->event == 8 ? "open" : "closed", address->reflect.layer,
               address->reflect.priority, (unsigned long long)address->reflect.flags, length);
        return;
    }
    if (!take_packet(address, packet, length) || !sends)
        return;
    int32_t status = openwfp_device_ioctl(device, IOCTL_SEND, &command, sizeof(command), packet,
                                          length, -1, &sent);
    if (status < 0 || sent != length)
        fail("SEND", status);
}

/* --- a session --- */

static int32_t
start_up(struct openwfp_device *device, enum layer layer, uint64_t flags, const struct test *tests,
         size_t count)
{
    union command command = {.initialize = {layer, HIGHEST, flags}};
    struct version version = {.magic = MAGIC_CLIENT, .major = 2, .minor = 2, .bits = 64};

    int32_t status = openwfp_device_ioctl(device, IOCTL_INIT, &command, sizeof(command), &version,
                                          sizeof(version), -1, NULL);
    if (status < 0 || version.magic != MAGIC_DRIVER) {
        fail("INITIALIZE", status);
        return status < 0 ? status : (int32_t)0xC0000001;
    }
    fprintf(stderr, "driver %u.%u, %u bits\n", version.major, version.minor, version.bits);
    memset(&command, 0, sizeof(command));
    command.startup_flags = startup_flags(layer);
    status = openwfp_device_ioctl(device, IOCTL_STARTUP, &command, sizeof(command), (void *)tests,
                                  count * sizeof(*tests), -1, NULL);
    if (status < 0)
        fail("STARTUP", status);
    return status;
}

/** Live: until something completes or standard input ends. @return OPENWFP_END for the latter */
static int32_t
wait_live(struct openwfp_host *host, struct openwfp_request *request)
{
    while (openwfp_request_status(request, NULL) == OPENWFP_PENDING) {
        struct pollfd fds[2] = {{.fd = openwfp_host_fd(host), .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};
        int32_t status = openwfp_host_wait(host, 0);
        if (status != OPENWFP_TIMEOUT)
            continue;
        fflush(stdout);
        poll(fds, 2, -1);
        if (fds[1].revents)
            return OPENWFP_END;
    }
    return openwfp_request_status(request, NULL);
}

static int
receive(struct openwfp_host *host, struct openwfp_device *device, enum layer layer, bool sends)
{
    struct address *address = openwfp_host_alloc(host, sizeof(*address));
    uint32_t *length = openwfp_host_alloc(host, sizeof(*length));
    uint8_t packet[65536];
    bool ends = false;

    for (;;) {
        union command command = {
            .recv = {(uint64_t)(uintptr_t)address, (uint64_t)(uintptr_t)length}};
        const struct openwfp_io io = {.operation = OPENWFP_IO_CONTROL,
                                      .code = IOCTL_RECV,
                                      .input = &command,
                                      .input_bytes = sizeof(command),
                                      .output = packet,
                                      .output_bytes = sizeof(packet)};
        struct openwfp_request *request;
        uint64_t bytes = 0;
        *length = sizeof(*address);
        int32_t status = openwfp_device_start(device, &io, NULL, NULL, &request);
        if (status < 0)
            return fail("RECV", status);
        status = openwfp_host_is_replay(host) || ends ? openwfp_request_wait(request, -1, &bytes)
                                                      : wait_live(host, request);
        if (status == OPENWFP_END && !ends) {
            command = (union command){.how = 1};
            ends = true;
            status = openwfp_device_ioctl(device, IOCTL_SHUTDOWN, &command, sizeof(command), NULL,
                                          0, -1, NULL);
            if (status < 0)
                return fail("SHUTDOWN", status);
            status = openwfp_request_wait(request, -1, &bytes);
        }
        openwfp_request_status(request, &bytes);
        openwfp_request_free(request);
        if (status == PIPE_EMPTY)
            return 0;
        if (status < 0)
            return fail("RECV", status);
        take(device, layer, sends, address, packet, bytes);
    }
}

static bool
add_verdict(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (verdict_count == sizeof(verdicts) / sizeof(*verdicts) || port > 65535 ||
        (strcmp(end, ":drop") != 0 && strcmp(end, ":ttl") != 0))
        return false;
    verdicts[verdict_count].port = (uint16_t)port;
    verdicts[verdict_count++].changes = strcmp(end, ":ttl") == 0;
    return true;
}

static uint64_t
parse_flags(char *text)
{
    static const char *const names[] = {"sniff",     "drop", "recv-only",
                                        "send-only", "-",    "fragments"};
    uint64_t flags = 0;

    for (char *save, *part = strtok_r(text, ",", &save); part; part = strtok_r(NULL, ",", &save))
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
            if (i != 4 && strcmp(names[i], part) == 0)
                flags |= 1ull << i;
    return flags;
}

int
main(int argc, char **argv)
{
    static const char *const layers[] = {"network", "forward", "flow", "socket", "reflect"};
    struct test tests[32] = {0};
    struct openwfp_host *host;
    struct openwfp_device *device;
    int layer = -1;

    for (int i = 0; argc > 4 && i < 5; i++)
        if (strcmp(argv[2], layers[i]) == 0)
            layer = i;
    for (int i = 5; i < argc; i++)
        if (!add_verdict(argv[i]))
            layer = -1;
    if (layer < 0) {
        fprintf(stderr,
                "usage: windivert_client CONTROL LAYER FLAGS FILTER [PORT:drop|PORT:ttl]\n");
        return 2;
    }
    uint64_t flags = parse_flags(argv[3]);
    size_t count = compile(argv[4], tests);
    int32_t status = openwfp_host_connect(argv[1], &host);
    if (status < 0)
        return fail("connect", status);
    status = openwfp_device_open(host, "\\\\.\\WinDivert", OPENWFP_READ | OPENWFP_WRITE, &device);
    if (status < 0)
        return fail("open", status);
    int code = start_up(device, (enum layer)layer, flags, tests, count) < 0 ? 1 : 0;
    if (code == 0) {
        fprintf(stderr, "started\n");
        code = receive(host, device, (enum layer)layer, !(flags & 5));
    }
    openwfp_device_close(device);
    openwfp_host_close(host);
    return code;
}
