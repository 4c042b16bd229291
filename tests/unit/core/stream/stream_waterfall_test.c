/*
 * What a STREAM callout is shown, and what becomes of its answers.
 */
#include "conversation.h"

static const struct setting live = {.start = {1000, 5000}};
static const struct setting looking = {.start = {1000, 5000}, .only_looks = true};
static const struct setting recorded = {.start = {1000, 5000}, .is_recorded = true};

static uint32_t
want_eight(struct wfp_stream_view *view, int way)
{
    if (view->length >= 8 || view->told)
        return WFP_ACTION_PERMIT;
    view->action = WFP_STREAM_ACTION_NEED_MORE_DATA;
    view->required = 8;
    return WFP_ACTION_NONE;
}

static uint32_t
want_eight_of_out(struct wfp_stream_view *view, int way)
{
    return way == OUT ? want_eight(view, way) : WFP_ACTION_PERMIT;
}

static void
test_the_ways_of_a_connection_wait_apart(void **state)
{
    begin(&live, want_eight_of_out);
    say(OUT, 1, 1, ACK, "say clou");
    assert_shown(0, OUT, "say clou");
    say(OUT, 9, 1, ACK, "dy");
    assert_shown(0, OUT, "dy");
    say(IN, 1, 9, ACK, "dy day"); /* while outbound bytes wait */
    assert_shown(0, IN, "dy day");
    say(OUT, 11, 7, ACK, " later");
    assert_shown(0, OUT, "dy later"); /* from the same place, all that is there now */
    assert_int_equal(talk.shown_count, 4);
    assert_text(OUT, "say cloudy later");
    assert_text(IN, "dy day");
    end();
}

static uint32_t
permit_three(struct wfp_stream_view *view, int way)
{
    view->enforced = 3;
    return WFP_ACTION_PERMIT;
}

static void
test_what_an_answer_leaves_is_shown_at_once(void **state)
{
    begin(&live, permit_three);
    say(OUT, 1, 1, ACK, "12345678");
    assert_int_equal(talk.shown_count, 3);
    assert_shown(2, OUT, "12345678");
    assert_shown(1, OUT, "45678");
    assert_shown(0, OUT, "78");
    assert_text(OUT, "12345678");
    assert_int_equal(counters()->split, 0); /* all was permitted: the packet itself went on */
    end();
}

static uint32_t
block_b(struct wfp_stream_view *view, int way)
{
    if (!view->length)
        return WFP_ACTION_PERMIT;
    view->enforced = 1;
    return view->bytes[0] == 'b' ? WFP_ACTION_BLOCK : WFP_ACTION_PERMIT;
}

static void
test_blocked_bytes_are_gone_for_good(void **state)
{
    begin(&live, block_b);
    say(OUT, 1, 1, ACK, "abcb");
    assert_text(OUT, "ac");
    assert_int_equal(counters()->blocked, 2);
    assert_int_equal(last_left(IN)->ack, 5); /* the sender's bytes are taken */
    say(OUT, 1, 1, ACK, "abcb");             /* it repeats itself */
    assert_text(OUT, "ac");
    end();
}

static uint32_t
enforce_too_much(struct wfp_stream_view *view, int way)
{
    view->enforced = view->length + 1000ull;
    return WFP_ACTION_PERMIT;
}

static void
test_an_answer_about_more_than_there_is_is_about_all(void **state)
{
    begin(&live, enforce_too_much);
    say(OUT, 1, 1, ACK, "abc");
    say(OUT, 4, 1, ACK, "def");
    assert_int_equal(talk.shown_count, 2);
    assert_shown(0, OUT, "def");
    assert_text(OUT, "abcdef");
    end();
}

static uint32_t
want_nothing(struct wfp_stream_view *view, int way)
{
    if (view->length >= 6 || view->told)
        return WFP_ACTION_PERMIT;
    view->action = WFP_STREAM_ACTION_NEED_MORE_DATA;
    return WFP_ACTION_NONE;
}

static void
test_wanting_more_of_nothing_waits_for_the_next_byte(void **state)
{
    begin(&live, want_nothing);
    say(OUT, 1, 1, ACK, "abc");
    assert_int_equal(talk.shown_count, 1);
    say(OUT, 4, 1, ACK, "d");
    assert_shown(0, OUT, "abcd");
    say(OUT, 5, 1, ACK, "ef");
    assert_shown(0, OUT, "abcdef");
    assert_text(OUT, "abcdef");
    end();
}

static uint32_t
want_additional(struct wfp_stream_view *view, int way)
{
    if (view->length >= 9 || view->told)
        return WFP_ACTION_PERMIT;
    view->action = WFP_STREAM_ACTION_NEED_MORE_DATA;
    view->required = 4; /* less than is there: additional ones */
    return WFP_ACTION_NONE;
}

static void
test_fewer_than_there_are_are_additional(void **state)
{
    begin(&live, want_additional);
    say(OUT, 1, 1, ACK, "12345");
    say(OUT, 6, 1, ACK, "678");
    assert_int_equal(talk.shown_count, 1);
    say(OUT, 9, 1, ACK, "9");
    assert_shown(0, OUT, "123456789");
    end();
}

static void
test_the_end_shows_what_was_held_and_then_itself(void **state)
{
    const struct setting *settings[] = {&live, &recorded};

    for (uint32_t i = 0; i < ELEMENTSOF(settings); i++) {
        begin(settings[i], want_eight);
        say(OUT, 1, 1, ACK, "abc");
        say(OUT, 4, 1, FIN, "");
        assert_shown(1, OUT, "abc");
        assert_int_equal(talk.shown[1].told, WFP_CLASSIFY_OUT_FLAG_NO_MORE_DATA);
        assert_int_equal(talk.shown[1].flags, WFP_STREAM_SEND);
        assert_int_equal(last_shown()->length, 0);
        assert_int_equal(last_shown()->told, WFP_CLASSIFY_OUT_FLAG_NO_MORE_DATA);
        assert_int_equal(last_shown()->flags, WFP_STREAM_SEND | WFP_STREAM_SEND_DISCONNECT);
        assert_text(OUT, "abc");
        assert_true(talk.fin[OUT]);
        end();
    }
}

static uint32_t
only_more(struct wfp_stream_view *view, int way)
{
    view->action = WFP_STREAM_ACTION_NEED_MORE_DATA;
    view->required = 100;
    return WFP_ACTION_NONE;
}

static void
test_who_wants_more_at_the_end_gets_what_there_is(void **state)
{
    begin(&live, only_more);
    say(OUT, 1, 1, ACK, "abc");
    say(OUT, 4, 1, FIN, "");
    assert_int_equal(talk.shown_count, 3);
    assert_text(OUT, "abc");
    assert_true(talk.fin[OUT]);
    end();
}

static void
test_a_fin_that_comes_early_waits_for_the_gap(void **state)
{
    const struct setting *settings[] = {&live, &recorded, &looking};

    for (uint32_t i = 0; i < ELEMENTSOF(settings); i++) {
        begin(settings[i], permit);
        say(OUT, 4, 1, FIN, "def");
        assert_int_equal(talk.shown_count, 0);
        say(OUT, 1, 1, ACK, "abc");
        assert_shown(2, OUT, "abc");
        assert_shown(1, OUT, "def");
        assert_int_equal(last_shown()->flags, WFP_STREAM_SEND | WFP_STREAM_SEND_DISCONNECT);
        if (!settings[i]->only_looks) {
            assert_text(OUT, "abcdef");
            assert_true(talk.fin[OUT]);
        }
        say(OUT, 4, 1, FIN, "def"); /* repeated */
        assert_int_equal(talk.shown_count, 3);
        end();
    }
}

static void
test_an_rst_shows_what_was_held_and_then_itself(void **state)
{
    const struct setting *settings[] = {&live, &recorded};

    for (uint32_t i = 0; i < ELEMENTSOF(settings); i++) {
        begin(settings[i], want_eight);
        say(IN, 1, 1, ACK, "abc");
        say(IN, 4, 1, WFP_TCP_RST | ACK, "");
        assert_shown(1, IN, "abc");
        assert_int_equal(last_shown()->length, 0);
        assert_int_equal(last_shown()->told, WFP_CLASSIFY_OUT_FLAG_NO_MORE_DATA);
        assert_int_equal(last_shown()->flags, WFP_STREAM_RECEIVE | WFP_STREAM_RECEIVE_ABORT);
        assert_true(talk.reset[IN]);
        end();
    }
}

static void
test_both_ends_close_at_once(void **state)
{
    begin(&live, block_b);
    say(OUT, 1, 1, ACK, "abc");
    say(IN, 1, 4, ACK, "xby");
    say(OUT, 4, 1, FIN, "");
    say(IN, 4, 3, FIN, ""); /* has the two bytes that were let through */
    assert_text(OUT, "ac");
    assert_text(IN, "xy");
    assert_true(talk.fin[OUT] && talk.fin[IN]);
    say(IN, 5, 4, ACK, "");
    say(OUT, 5, 4, ACK, "");
    assert_int_equal(last_left(OUT)->ack, 5); /* each end hears that its FIN arrived */
    assert_int_equal(last_left(IN)->ack, 5);
    assert_int_equal(talk.shown_count, 8);
    end();
}

static void
test_bytes_that_overlap_are_shown_once(void **state)
{
    const struct setting *settings[] = {&live, &recorded, &looking};

    for (uint32_t i = 0; i < ELEMENTSOF(settings); i++) {
        begin(settings[i], permit);
        say(OUT, 1, 1, ACK, "abcdef");
        say(OUT, 4, 1, ACK, "defghi"); /* half of it is new */
        assert_shown(0, OUT, "ghi");
        say(OUT, 1, 1, ACK, "ABCDEF"); /* other bytes than before */
        assert_int_equal(talk.shown_count, 2);
        say(OUT, 13, 1, ACK, "mno");
        say(OUT, 10, 1, ACK, "jklMNOpq"); /* over a piece that came before */
        assert_string_equal(talk.shown[2].bytes, "jklMNOpq");
        assert_int_equal(talk.shown_count, 3);
        end();
    }
}

static void
test_a_keep_alive_shows_nothing(void **state)
{
    begin(&live, permit);
    say(OUT, 1, 1, ACK, "abc");
    assert_int_equal(say(OUT, 3, 1, ACK, ""), WFP_PERMITTED);
    assert_int_equal(say(OUT, 3, 1, ACK, "c"), WFP_PERMITTED); /* with a byte of garbage, as some */
    assert_int_equal(talk.shown_count, 1);
    say(OUT, 4, 1, ACK, "d");
    assert_text(OUT, "abcd");
    end();
}

static void
test_urgent_data_say_so(void **state)
{
    begin(&live, permit);
    say(IN, 1, 1, ACK | URG, "!");
    assert_int_equal(last_shown()->flags, WFP_STREAM_RECEIVE | WFP_STREAM_RECEIVE_EXPEDITED);
    say(OUT, 1, 2, ACK | URG, "?");
    assert_int_equal(last_shown()->flags, WFP_STREAM_SEND | WFP_STREAM_SEND_EXPEDITED);
    say(IN, 2, 2, ACK | PSH, "x");
    assert_int_equal(last_shown()->flags, WFP_STREAM_RECEIVE | WFP_STREAM_RECEIVE_PUSH);
    end();
}

static uint32_t
inject_and_block(struct wfp_stream_view *view, int way)
{
    if (!view->length)
        return WFP_ACTION_PERMIT;
    inject(way, "new ");
    return WFP_ACTION_BLOCK;
}

static void
test_what_is_injected_is_not_shown_to_its_callout(void **state)
{
    begin(&live, inject_and_block);
    say(OUT, 1, 1, ACK, "old");
    say(IN, 1, 4, ACK, "old");
    assert_int_equal(talk.shown_count, 2);
    assert_text(OUT, "new ");
    assert_text(IN, "new ");
    assert_int_equal(talk.requests_done, 2);
    assert_int_equal(talk.requests_failed, 0);
    end();
}

static bool is_busy;

static uint32_t
defer_if_busy(struct wfp_stream_view *view, int way)
{
    if (!is_busy || way == OUT)
        return WFP_ACTION_PERMIT;
    view->action = WFP_STREAM_ACTION_DEFER;
    return WFP_ACTION_NONE;
}

static void
test_deferred_bytes_wait_unacknowledged(void **state)
{
    is_busy = true;
    begin(&live, defer_if_busy);
    say(IN, 1, 1, ACK, "abc");
    say(IN, 4, 1, ACK, "def");
    assert_int_equal(talk.shown_count, 1);
    assert_int_equal(last_left(OUT)->ack, 1);
    assert_int_equal(last_left(OUT)->window, 0);
    say(OUT, 1, 1, ACK, "out"); /* the other way goes on */
    assert_text(OUT, "out");
    is_busy = false;
    ask_stack(IN, NULL, 0, false, true);
    work();
    assert_shown(0, IN, "abcdef");
    assert_text(IN, "abcdef");
    assert_int_equal(last_left(OUT)->ack, 7);
    assert_int_equal(last_left(OUT)->window, 65535);
    end();
}

static uint32_t
defer_out(struct wfp_stream_view *view, int way)
{
    view->action = WFP_STREAM_ACTION_DEFER;
    return WFP_ACTION_NONE;
}

static void
test_outbound_bytes_cannot_be_deferred(void **state)
{
    begin(&live, defer_out);
    say(OUT, 1, 1, ACK, "abc");
    say(OUT, 4, 1, ACK, "def");
    assert_int_equal(talk.shown_count, 2);
    assert_text(OUT, "abcdef");
    ask_stack(OUT, NULL, 0, false, true); /* nothing to go on with */
    work();
    assert_int_equal(talk.requests_failed, 1);
    end();
}

static uint32_t
drop_at_x(struct wfp_stream_view *view, int way)
{
    if (view->length && view->bytes[0] == 'x')
        view->action = WFP_STREAM_ACTION_DROP_CONNECTION;
    return WFP_ACTION_PERMIT;
}

static void
test_a_dropped_connection_resets_both_ends(void **state)
{
    begin(&live, drop_at_x);
    say(OUT, 1, 1, ACK, "abc");
    assert_int_equal(say(OUT, 4, 1, ACK, "x"), WFP_BLOCKED);
    assert_true(talk.reset[OUT] && talk.reset[IN]);
    assert_int_equal(last_left(OUT)->sequence, 4);
    assert_int_equal(last_left(IN)->sequence, 1);
    assert_int_equal(counters()->dropped, 1);
    assert_text(OUT, "abc");
    end();
}

static uint32_t
allow(struct wfp_stream_view *view, int way)
{
    view->action = WFP_STREAM_ACTION_ALLOW_CONNECTION;
    return WFP_ACTION_NONE;
}

static void
test_an_allowed_connection_is_not_shown_again(void **state)
{
    begin(&live, allow);
    say(OUT, 1, 1, ACK, "abc");
    say(OUT, 4, 1, ACK, "def");
    say(IN, 1, 7, ACK, "ghi");
    assert_int_equal(talk.shown_count, 1);
    assert_text(OUT, "abcdef");
    assert_text(IN, "ghi");
    end();
}

static void
test_eight_megabytes_are_all_that_waits(void **state)
{
    static uint8_t some[32768];
    uint32_t sent = 0;

    begin(&recorded, only_more);
    memset(some, 'x', sizeof(some));
    for (; sent < WFP_STREAM_HELD_MAX; sent += sizeof(some)) {
        assert_int_equal(talk.next[OUT], 1);
        say_with(OUT, 1 + sent, 1, ACK, some, sizeof(some), NULL, 0);
    }
    assert_int_equal(last_shown()->length, WFP_STREAM_HELD_MAX);
    assert_int_equal(last_shown()->told, WFP_CLASSIFY_OUT_FLAG_BUFFER_LIMIT);
    assert_int_equal(talk.next[OUT], 1 + WFP_STREAM_HELD_MAX); /* no more can wait */
    say(OUT, 1 + sent, 1, ACK, "y");
    assert_shown(0, OUT, "y");
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_ways_of_a_connection_wait_apart),
        cmocka_unit_test(test_what_an_answer_leaves_is_shown_at_once),
        cmocka_unit_test(test_blocked_bytes_are_gone_for_good),
        cmocka_unit_test(test_an_answer_about_more_than_there_is_is_about_all),
        cmocka_unit_test(test_wanting_more_of_nothing_waits_for_the_next_byte),
        cmocka_unit_test(test_fewer_than_there_are_are_additional),
        cmocka_unit_test(test_the_end_shows_what_was_held_and_then_itself),
        cmocka_unit_test(test_who_wants_more_at_the_end_gets_what_there_is),
        cmocka_unit_test(test_a_fin_that_comes_early_waits_for_the_gap),
        cmocka_unit_test(test_an_rst_shows_what_was_held_and_then_itself),
        cmocka_unit_test(test_both_ends_close_at_once),
        cmocka_unit_test(test_bytes_that_overlap_are_shown_once),
        cmocka_unit_test(test_a_keep_alive_shows_nothing),
        cmocka_unit_test(test_urgent_data_say_so),
        cmocka_unit_test(test_what_is_injected_is_not_shown_to_its_callout),
        cmocka_unit_test(test_deferred_bytes_wait_unacknowledged),
        cmocka_unit_test(test_outbound_bytes_cannot_be_deferred),
        cmocka_unit_test(test_a_dropped_connection_resets_both_ends),
        cmocka_unit_test(test_an_allowed_connection_is_not_shown_again),
        cmocka_unit_test(test_eight_megabytes_are_all_that_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
