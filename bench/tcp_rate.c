/*
 * TCP traffic for the live benchmarks. `tcp_rate send ADDR PORT SECONDS` sends as much as it can,
 * bounded in time; `tcp_rate receive PORT SECONDS` says "ready", takes one connection and prints the
 * Gbit a second that arrived after a warm-up.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (1 << 20)

static char buffer[CHUNK];

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
send_all(const char *address, int port, double seconds)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        return perror("tcp_rate"), 3;
    for (double end = now() + seconds; now() < end;)
        if (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) < 0)
            break; /* the receiver has seen enough */
    return 0;
}

static int
receive(int port, double seconds)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    unsigned long bytes = 0;
    ssize_t n;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (listener < 0 || bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 ||
        listen(listener, 1) < 0)
        return perror("tcp_rate"), 3;
    puts("ready");
    fflush(stdout);
    int fd = accept(listener, NULL, NULL);
    double start = now() + 0.3, end = start + seconds;
    while (now() < end && (n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
        if (now() > start)
            bytes += (unsigned long)n;
    printf("%.3f\n", (double)bytes * 8 / seconds / 1e9);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "send") == 0)
        return send_all(argv[2], atoi(argv[3]), atof(argv[4]));
    if (argc == 4 && strcmp(argv[1], "receive") == 0)
        return receive(atoi(argv[2]), atof(argv[3]));
    fprintf(stderr, "usage: tcp_rate send ADDR PORT SECONDS | tcp_rate receive PORT SECONDS\n");
    return 2;
}
