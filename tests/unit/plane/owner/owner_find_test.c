/* The owner of this test's own sockets, asked of the running kernel; skips where it cannot tell. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/status.h"
#include "base/utf16.h"
#include "core/model/user.h"
#include "plane/owner/owner_find.h"

static struct wfp_owner_finder *finder;

static int
setup(void **state)
{
    char error[256];

    if (wfp_owner_finder_new(&finder, error) < 0) {
        printf("SKIP: %s\n", error);
        exit(77);
    }
    return 0;
}

static int
teardown(void **state)
{
    wfp_owner_finder_free(finder);
    return 0;
}

struct socket_end {
    int fd;
    uint16_t port; /* host order */
};

/* A socket bound to loopback, or to any address if @p is_any. */
static struct socket_end
bound(int family, int type, bool is_any)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(is_any ? INADDR_ANY : INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_addr = is_any ? in6addr_any : in6addr_loopback};
    struct sockaddr *address = family == AF_INET ? (void *)&v4 : (void *)&v6;
    socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
    struct socket_end end = {socket(family, type, 0), 0};

    if (end.fd < 0 || bind(end.fd, address, size) < 0)
        skip(); /* no such family here */
    assert_int_equal(getsockname(end.fd, address, &size), 0);
    end.port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return end;
}

static struct wfp_packet
packet_between(uint8_t version, uint8_t protocol, uint16_t from, uint16_t to)
{
    static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};

    return (struct wfp_packet){.version = version,
                               .protocol = protocol,
                               .source = version == 4 ? v4 : v6,
                               .destination = version == 4 ? v4 : v6,
                               .source_port = from,
                               .destination_port = to};
}

static void
assert_mine(struct wfp_packet packet, bool is_inbound)
{
    char path[4096] = "";
    char *found;

    wfp_owner_find(finder, &packet, is_inbound);
    assert_int_equal(packet.process_id, getpid());
    assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
    found =
        wfp_utf16_to_utf8(packet.process_path_utf16, wfp_utf16_length(packet.process_path_utf16));
    assert_string_equal(found, path);
    free(found);
    assert_non_null(packet.user);
    assert_true(packet.user->token.sid_count > 3);
}

static void
assert_nobodys(struct wfp_packet packet, bool is_inbound)
{
    wfp_owner_find(finder, &packet, is_inbound);
    assert_int_equal(packet.process_id, 0);
    assert_null(packet.process_path_utf16);
    assert_null(packet.user);
}

static void
check_udp(int family, uint8_t version, bool is_any)
{
    struct socket_end end = bound(family, SOCK_DGRAM, is_any);

    assert_mine(packet_between(version, WFP_PROTOCOL_UDP, end.port, 9), false);
    assert_mine(packet_between(version, WFP_PROTOCOL_UDP, 9, end.port), true);
    struct wfp_packet inbound = packet_between(version, WFP_PROTOCOL_UDP, 9, end.port);
    assert_true(wfp_owner_is_awaited(finder, &inbound));
    close(end.fd);
    assert_false(wfp_owner_is_awaited(finder, &inbound));
    assert_nobodys(packet_between(version, WFP_PROTOCOL_UDP, end.port, 9), false);
}

static void
test_udp(void **state)
{
    check_udp(AF_INET, 4, false);
    check_udp(AF_INET, 4, true);
    check_udp(AF_INET6, 6, false);
    check_udp(AF_INET6, 4, true); /* dual stack */
}

static void
test_tcp_that_listens_and_is_connected_to(void **state)
{
    struct socket_end server = bound(AF_INET, SOCK_STREAM, true);
    struct socket_end client = bound(AF_INET, SOCK_STREAM, false);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(server.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    struct wfp_packet syn = packet_between(4, WFP_PROTOCOL_TCP, 9, server.port);
    assert_false(wfp_owner_is_awaited(finder, &syn)); /* bound, but it does not listen */
    assert_int_equal(listen(server.fd, 4), 0);
    assert_true(wfp_owner_is_awaited(finder, &syn));
    assert_mine(packet_between(4, WFP_PROTOCOL_TCP, 9, server.port), true);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_mine(packet_between(4, WFP_PROTOCOL_TCP, client.port, server.port), false);
    /* the other end is in nobody's hands until it is accepted: it is the listening socket's */
    assert_mine(packet_between(4, WFP_PROTOCOL_TCP, client.port, server.port), true);
    int accepted = accept(server.fd, NULL, NULL);
    close(server.fd);
    assert_mine(packet_between(4, WFP_PROTOCOL_TCP, client.port, server.port), true);
    close(accepted);
    close(client.fd);
}

struct listing {
    uint16_t port;
    unsigned count;
    struct wfp_socket socket;
};

static void
take_listed(void *context, const struct wfp_socket *socket)
{
    struct listing *listing = context;

    if (socket->local_port != listing->port)
        return;
    listing->count++;
    listing->socket = *socket;
}

static struct listing
listed(uint16_t port)
{
    struct listing listing = {.port = port};

    wfp_owner_list_sockets(finder, take_listed, &listing);
    return listing;
}

static void
test_sockets_that_wait_are_listed(void **state)
{
    struct socket_end server = bound(AF_INET, SOCK_STREAM, false);
    struct socket_end dual = bound(AF_INET6, SOCK_DGRAM, true);
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = 9, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct listing listing;

    assert_int_equal(listed(server.port).count, 0); /* bound, but it does not listen */
    assert_int_equal(listen(server.fd, 4), 0);
    listing = listed(server.port);
    assert_int_equal(listing.count, 1);
    assert_true(listing.socket.listens);
    assert_int_equal(listing.socket.version, 4);
    assert_int_equal(listing.socket.protocol, WFP_PROTOCOL_TCP);
    assert_int_equal(listing.socket.local[0], 127);
    wfp_owner_tell(finder, &listing.socket);
    assert_int_equal(listing.socket.process_id, getpid());
    assert_non_null(listing.socket.user);
    listing = listed(dual.port);
    assert_int_equal(listing.count, 2); /* as if they were two */
    assert_false(listing.socket.listens);
    assert_int_equal(listing.socket.version, 4);
    assert_int_equal(connect(dual.fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(listed(dual.port).count, 0); /* it waits for one peer only */
    close(server.fd);
    close(dual.fd);
    assert_int_equal(listed(server.port).count, 0);
}

static void
test_no_socket_is_nobody(void **state)
{
    struct wfp_owner_counters before, after;

    wfp_owner_finder_counters(finder, &before);
    assert_nobodys(packet_between(4, WFP_PROTOCOL_TCP, 1, 1), false);
    assert_nobodys(packet_between(4, 253, 0, 0), false);
    assert_nobodys(packet_between(4, WFP_PROTOCOL_ICMP, 8, 0), true);
    wfp_owner_finder_counters(finder, &after);
    assert_int_equal(after.asked - before.asked, 3);
    assert_int_equal(after.no_socket - before.no_socket, 3);
}

static void
test_users_are_made_once(void **state)
{
    struct socket_end end = bound(AF_INET, SOCK_DGRAM, false);
    struct wfp_packet a = packet_between(4, WFP_PROTOCOL_UDP, end.port, 9), b = a;

    wfp_owner_find(finder, &a, false);
    wfp_owner_find(finder, &b, false);
    assert_ptr_equal(a.user, b.user);
    close(end.fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_tcp_that_listens_and_is_connected_to),
        cmocka_unit_test(test_sockets_that_wait_are_listed),
        cmocka_unit_test(test_no_socket_is_nobody),
        cmocka_unit_test(test_users_are_made_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
