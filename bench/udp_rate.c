/*
 * Traffic for the live benchmarks. `udp_rate send ADDR PORT SECONDS` floods small datagrams, bounded
 * in time; `udp_rate count PORT SECONDS` prints how many arrived per second, after a warm-up.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
flood(const char *address, int port, double seconds)
{
    static char payload[64];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct iovec vector = {payload, sizeof(payload)};
    struct mmsghdr messages[BATCH];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < BATCH; i++) {
        messages[i].msg_hdr.msg_iov = &vector;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        return perror("udp_rate"), 3;
    for (double end = now() + seconds; now() < end;)
        sendmmsg(fd, messages, BATCH, 0); /* a full queue drops: that is the point */
    return 0;
}

static int
count(int port, double seconds)
{
    static char buffers[BATCH][256];
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct timeval wait = {.tv_usec = 100000};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 32 << 20;
    unsigned long packets = 0;

    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
        return perror("udp_rate"), 3;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    double start = now() + 0.3, end = start + seconds;
    while (now() < end) {
        int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (n > 0 && now() > start)
            packets += (unsigned long)n;
    }
    printf("%.0f\n", (double)packets / seconds);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "send") == 0)
        return flood(argv[2], atoi(argv[3]), atof(argv[4]));
    if (argc == 4 && strcmp(argv[1], "count") == 0)
        return count(atoi(argv[2]), atof(argv[3]));
    fprintf(stderr, "usage: udp_rate send ADDR PORT SECONDS | udp_rate count PORT SECONDS\n");
    return 2;
}
