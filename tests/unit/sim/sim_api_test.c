/*
 * libopenwfp-sim: what it says when things are not as expected, and that a run can be repeated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openwfp/sim.h>

static void
test_what_was_expected_in_vain_fails_the_run(void **state)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    struct wfp_sim_socket *client = wfp_sim_connect(sim, "10.0.0.4:1", "192.0.2.1:80");

    assert_false(wfp_sim_expect_layers(sim, "ALE_AUTH_CONNECT"));
    assert_false(wfp_sim_expect_packets(sim, "out tcp S(block)"));
    assert_true(wfp_sim_expect_packets(sim, "")); /* compared is forgotten */
    assert_false(wfp_sim_expect_received(client, "x", 1));
    assert_false(wfp_sim_expect_state(client, "reset"));
    assert_false(wfp_sim_expect_state(NULL, "connected"));
    assert_int_equal(wfp_sim_finish(sim), 1);
    assert_int_equal(wfp_sim_finish(NULL), 1);
}

static void
test_what_cannot_be_done_is_said_and_fails_the_run(void **state)
{
    static const char *const bad[] = {"10.0.0.4:x", "10.0.0.4:70000", "nonsense", "[fd00::4", ""};
    struct wfp_sim *sim = wfp_sim_new(NULL);

    assert_null(wfp_sim_new(NULL)); /* one at a time */
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_null(wfp_sim_connect(sim, bad[i], "192.0.2.1:80"));
    assert_null(wfp_sim_connect(sim, "10.0.0.4:1", "[fd00::4]:1"));
    assert_int_equal(wfp_sim_load(sim, "no/such/driver.so", NULL), -1);
    assert_int_equal(wfp_sim_filter(sim, "NO_SUCH_LAYER", "block", NULL), 0);
    assert_int_equal(wfp_sim_filter(sim, "ALE_AUTH_CONNECT_V4", "perhaps", NULL), 0);
    assert_int_equal(wfp_sim_filter(sim, "ALE_AUTH_CONNECT_V4", "block", "colour=red"), 0);
    assert_int_equal(wfp_sim_filter(sim, "ALE_AUTH_CONNECT_V4", "block", "remote=fd00::/8"), 0);
    assert_int_equal(wfp_sim_process(sim, 1, NULL, "root"), -1);
    assert_int_equal(wfp_sim_send(NULL, "x", 1), -1);
    assert_int_equal(wfp_sim_finish(sim), 1);
    assert_null(wfp_sim_new(&(struct wfp_sim_options){.local = "10.0.0.0/33"}));
}

static void
test_filters_and_their_decisions_are_told(void **state)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    uint64_t id = wfp_sim_filter(sim, "ALE_AUTH_CONNECT_V4", "block",
                                 "remote=192.0.2.0/24 port=80 protocol=6");
    struct wfp_sim_packet packet;
    struct wfp_sim_layer layer;

    assert_int_not_equal(id, 0);
    assert_int_equal(wfp_sim_process(sim, 42, "\\device\\app.exe", "S-1-5-21-1-2-3-1001"), 0);
    wfp_sim_expect_state(wfp_sim_connect(sim, "10.0.0.4:1", "192.0.2.1:81"), "connected");
    wfp_sim_forget(sim);
    wfp_sim_expect_state(wfp_sim_connect(sim, "10.0.0.4:2", "192.0.2.1:80"), "blocked");
    for (size_t i = 0; wfp_sim_layer(sim, i, &layer); i++)
        if (strcmp(layer.name, "ALE_AUTH_CONNECT_V4") == 0)
            break;
    assert_string_equal(layer.name, "ALE_AUTH_CONNECT_V4");
    assert_true(layer.blocked);
    assert_true(layer.filter_id == id);
    assert_string_equal(layer.filter, "test filter");
    assert_string_equal(layer.driver, "");
    assert_true(wfp_sim_packet(sim, 0, &packet));
    assert_false(wfp_sim_packet(sim, 1, &packet));
    assert_int_equal(packet.outcome, WFP_SIM_BLOCKED);
    assert_int_equal(packet.size, 44);
    assert_int_equal(wfp_sim_delete_filter(sim, id), 0);
    wfp_sim_expect_state(wfp_sim_connect(sim, "10.0.0.4:3", "192.0.2.1:80"), "connected");
    assert_int_equal(wfp_sim_finish(sim), 0);
}

/** A conversation under loss; the packets as one text. */
static char *
run_once(uint64_t seed)
{
    struct wfp_sim *sim = wfp_sim_new(&(struct wfp_sim_options){.seed = seed});
    struct wfp_sim_packet packet;
    struct wfp_sim_socket *client;
    char *text = calloc(1, 1 << 20), data[5000];
    size_t n = 0;

    memset(data, 'x', sizeof(data));
    wfp_sim_network(sim, &(struct wfp_sim_network){.delay_ms = 10,
                                                   .jitter_ms = 5,
                                                   .loss_permille = 100,
                                                   .duplicate_permille = 50,
                                                   .reorder_permille = 50,
                                                   .mss = 200});
    client = wfp_sim_connect(sim, "10.0.0.4:1", "192.0.2.1:80");
    wfp_sim_send(client, data, sizeof(data));
    wfp_sim_expect_received(wfp_sim_peer(client), data, sizeof(data));
    wfp_sim_close(client);
    wfp_sim_close(wfp_sim_peer(client));
    wfp_sim_expect_state(client, "closed");
    for (size_t i = 0; wfp_sim_packet(sim, i, &packet); i++)
        n += (size_t)sprintf(text + n, "%llu %d %zu %d\n", (unsigned long long)packet.time,
                             packet.way, packet.size, packet.bytes[packet.size - 1]);
    assert_int_equal(wfp_sim_finish(sim), 0);
    return text;
}

static void
test_the_same_seed_gives_the_same_run(void **state)
{
    char *a = run_once(7), *b = run_once(7), *c = run_once(8);

    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    free(a);
    free(b);
    free(c);
}

static void
test_a_capture_of_it_can_be_kept(void **state)
{
    struct wfp_sim *sim = wfp_sim_new(NULL);
    char path[] = "/tmp/openwfp-sim-XXXXXX";
    uint32_t magic = 0;
    FILE *file;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    wfp_sim_ping(sim, "10.0.0.4", "192.0.2.1", 1);
    assert_true(wfp_sim_expect_packets(sim, "out icmp 8/0, in icmp 0/0"));
    assert_int_equal(wfp_sim_save(sim, path), 0);
    file = fdopen(fd, "rb");
    assert_int_equal(fread(&magic, 4, 1, file), 1);
    fseek(file, 0, SEEK_END);
    assert_int_equal(magic, 0xa1b2c3d4u);
    assert_int_equal(ftell(file), 24 + 2 * (16 + 36));
    fclose(file);
    remove(path);
    assert_int_equal(wfp_sim_finish(sim), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_expected_in_vain_fails_the_run),
        cmocka_unit_test(test_what_cannot_be_done_is_said_and_fails_the_run),
        cmocka_unit_test(test_filters_and_their_decisions_are_told),
        cmocka_unit_test(test_the_same_seed_gives_the_same_run),
        cmocka_unit_test(test_a_capture_of_it_can_be_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
