/*
 * The endpoint table: who is where, handles that name one socket for ever, growth, and taking away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "core/flow/endpoint.h"

#define TCP  6
#define UDP  17
#define ICMP 1

static struct wfp_flow_key
key_of(uint8_t version, uint8_t protocol, uint32_t address, uint16_t port)
{
    struct wfp_flow_key key = {.version = version, .protocol = protocol, .local_port = port};

    memcpy(key.local, &address, sizeof(address));
    return key;
}

static struct wfp_endpoint_table *
new_table(void)
{
    struct wfp_endpoint_table *table = wfp_endpoint_table_new();

    assert_non_null(table);
    return table;
}

static void
test_what_is_entered_is_found_by_its_local_end_alone(void **state)
{
    struct wfp_endpoint_table *table = new_table();
    struct wfp_flow_key key = key_of(4, UDP, 1, 53), other = key;
    uint32_t number = wfp_endpoint_create(table, &key);
    const struct wfp_endpoint *endpoint = wfp_endpoint_at(table, number);

    assert_int_not_equal(number, 0);
    assert_int_equal(endpoint->version, 4);
    assert_int_equal(endpoint->protocol, UDP);
    assert_int_equal(endpoint->local_port, 53);
    assert_memory_equal(endpoint->local, key.local, 16);
    other.remote[0] = 9;
    other.remote_port = 1000;
    assert_int_equal(wfp_endpoint_find(table, &other), number);
    other.local_port = 54;
    assert_int_equal(wfp_endpoint_find(table, &other), 0);
    other = key_of(4, TCP, 1, 53);
    assert_int_equal(wfp_endpoint_find(table, &other), 0);
    other = key_of(6, UDP, 1, 53);
    assert_int_equal(wfp_endpoint_find(table, &other), 0);
    other = key_of(4, UDP, 2, 53);
    assert_int_equal(wfp_endpoint_find(table, &other), 0);
    wfp_endpoint_table_free(table);
    wfp_endpoint_table_free(NULL);
}

static void
test_icmp_has_one_socket_whatever_the_type(void **state)
{
    struct wfp_endpoint_table *table = new_table();
    struct wfp_flow_key echo = key_of(4, ICMP, 1, 8), timestamp = key_of(4, ICMP, 1, 13);
    uint32_t number = wfp_endpoint_create(table, &echo);

    assert_int_equal(wfp_endpoint_find(table, &timestamp), number);
    assert_int_equal(wfp_endpoint_at(table, number)->local_port, 0);
    wfp_endpoint_table_free(table);
}

static void
test_who_takes_what_is_sent_there(void **state)
{
    struct wfp_endpoint_table *table = new_table();
    struct wfp_flow_key any4 = key_of(4, UDP, 0, 53), any6 = key_of(6, UDP, 0, 53);
    struct wfp_flow_key here4 = key_of(4, UDP, 1, 53), here6 = key_of(6, UDP, 1, 53);
    uint32_t all6 = wfp_endpoint_create(table, &any6), one, all;

    assert_int_equal(wfp_endpoint_find_taker(table, &here6), all6);
    assert_int_equal(wfp_endpoint_find_taker(table, &here4), 0);
    all = wfp_endpoint_create(table, &any4);
    assert_int_equal(wfp_endpoint_find_taker(table, &here4), all);
    one = wfp_endpoint_create(table, &here4);
    assert_int_equal(wfp_endpoint_find_taker(table, &here4), one); /* the nearest */
    here4.local_port = 54;
    assert_int_equal(wfp_endpoint_find_taker(table, &here4), 0);
    wfp_endpoint_table_free(table);
}

static void
test_a_handle_names_one_socket_for_ever(void **state)
{
    struct wfp_endpoint_table *table = new_table();
    struct wfp_flow_key key = key_of(4, UDP, 1, 53), other = key_of(4, UDP, 1, 54);
    uint32_t number = wfp_endpoint_create(table, &key);
    uint64_t handle = wfp_endpoint_at(table, number)->handle, next;

    assert_int_not_equal(handle, 0);
    assert_int_equal(wfp_endpoint_by_handle(table, handle), number);
    assert_int_equal(wfp_endpoint_by_handle(table, 0), 0);
    assert_int_equal(wfp_endpoint_by_handle(table, handle + 1), 0);    /* another place */
    assert_int_equal(wfp_endpoint_by_handle(table, UINT64_MAX), 0);    /* a place there is not */
    assert_int_equal(wfp_endpoint_by_handle(table, handle & 0xff), 0); /* a place alone */
    assert_int_equal(wfp_endpoint_by_handle(table, wfp_endpoint_of_connection(handle)), 0);
    wfp_endpoint_end(table, number);
    assert_int_equal(wfp_endpoint_by_handle(table, handle), 0);
    assert_int_equal(wfp_endpoint_create(table, &other), number); /* its place is used again */
    next = wfp_endpoint_at(table, number)->handle;
    assert_int_not_equal(next, handle);
    assert_int_equal(wfp_endpoint_by_handle(table, handle), 0);
    assert_int_equal(wfp_endpoint_by_handle(table, next), number);
    wfp_endpoint_table_free(table);
}

static void
test_all_are_met_once_in_a_walk(void **state)
{
    struct wfp_endpoint_table *table = new_table();
    uint32_t numbers[5], met = 0;

    assert_int_equal(wfp_endpoint_next(table, 0), 0);
    for (uint16_t i = 0; i < 5; i++) {
        struct wfp_flow_key key = key_of(4, UDP, 1, (uint16_t)(i + 1));

        numbers[i] = wfp_endpoint_create(table, &key);
    }
    wfp_endpoint_end(table, numbers[0]);
    wfp_endpoint_end(table, numbers[3]);
    for (uint32_t n = 0; (n = wfp_endpoint_next(table, n)) != 0; met++)
        assert_true(n == numbers[1] || n == numbers[2] || n == numbers[4]);
    assert_int_equal(met, 3);
    wfp_endpoint_table_free(table);
}

#define PORTS 700 /* more than the table begins with, ten times over */

/* Against a plain array: what is there, where, under which handle. */
static void
test_it_agrees_with_a_plain_list_while_it_grows_and_shrinks(void **state)
{
    struct wfp_endpoint_table *table = new_table();
    static uint32_t numbers[PORTS];
    static uint64_t handles[PORTS], last_handles[PORTS];
    uint64_t random = 12345;

    memset(numbers, 0, sizeof(numbers));
    memset(last_handles, 0, sizeof(last_handles));
    for (int i = 0; i < 40000; i++) {
        struct wfp_flow_key key;
        uint16_t port;

        random = random * 6364136223846793005u + 1442695040888963407u;
        port = (uint16_t)((random >> 33) % PORTS);
        key = key_of(port % 2 ? 6 : 4, port % 3 ? UDP : TCP, port % 5, port);
        assert_int_equal(wfp_endpoint_find(table, &key), numbers[port]);
        if (numbers[port]) {
            assert_int_equal(wfp_endpoint_by_handle(table, handles[port]), numbers[port]);
            assert_true(wfp_endpoint_at(table, numbers[port])->handle == handles[port]);
            wfp_endpoint_end(table, numbers[port]);
            last_handles[port] = handles[port];
            numbers[port] = 0;
        } else {
            numbers[port] = wfp_endpoint_create(table, &key);
            assert_int_not_equal(numbers[port], 0);
            handles[port] = wfp_endpoint_at(table, numbers[port])->handle;
        }
        assert_int_equal(wfp_endpoint_by_handle(table, last_handles[port]), 0);
    }
    wfp_endpoint_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_entered_is_found_by_its_local_end_alone),
        cmocka_unit_test(test_icmp_has_one_socket_whatever_the_type),
        cmocka_unit_test(test_who_takes_what_is_sent_there),
        cmocka_unit_test(test_a_handle_names_one_socket_for_ever),
        cmocka_unit_test(test_all_are_met_once_in_a_walk),
        cmocka_unit_test(test_it_agrees_with_a_plain_list_while_it_grows_and_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
