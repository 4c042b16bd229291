/*
 * What the ends of an edited stream see: numbers, acknowledgements, windows, options, repetitions.
 */
#include "conversation.h"

#define MSS_OPTION  2, 4, 5, 180 /* 1460 */
#define SECOND_HALF (SECOND / 2)

static const uint8_t plain_syn[] = {MSS_OPTION};
static const uint8_t sack_syn[] = {MSS_OPTION, 1, 1, 4, 2};
static const uint8_t time_syn[] = {MSS_OPTION, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0};
static const uint8_t scale_syn[] = {MSS_OPTION, 1, 3, 3, 7};

#define SETTING(options, ...)                                                                      \
    {                                                                                              \
        .start = {1000, 5000}, .syn_options = options, .syn_option_size = sizeof(options),         \
        __VA_ARGS__                                                                                \
    }
static const struct setting live = SETTING(plain_syn);
static const struct setting recorded = SETTING(plain_syn, .is_recorded = true);

/* ---- callouts ---- */

/* "b" is taken out, "L" becomes a long text, the rest goes by. */
static const char *insertion;

static uint32_t
edit(struct wfp_stream_view *view, int way)
{
    uint32_t i = 0;

    if (!view->length)
        return WFP_ACTION_PERMIT;
    while (i < view->length && view->bytes[i] != 'b' && view->bytes[i] != 'L')
        i++;
    view->enforced = i ? i : 1;
    if (i == 0 && view->bytes[0] == 'L')
        inject(way, insertion);
    return i ? WFP_ACTION_PERMIT : WFP_ACTION_BLOCK;
}

static uint32_t
block_all(struct wfp_stream_view *view, int way)
{
    return view->length ? WFP_ACTION_BLOCK : WFP_ACTION_PERMIT;
}

/* ---- numbers ---- */

/** What a receiver acknowledges: in a capture what it was sent there, live what the stack sent it. */
#define HAS(way, sent) (settings[i].is_recorded ? sent : talk.next[way])

static void
test_numbers_wrap_in_edited_streams(void **state)
{
    struct setting settings[] = {SETTING(plain_syn), SETTING(plain_syn, .is_recorded = true)};

    for (uint32_t i = 0; i < ELEMENTSOF(settings); i++)
        for (uint32_t before = 0; before < 40; before++) {
            settings[i].start[OUT] = 0u - before;
            settings[i].start[IN] = 0u - (before * 7 % 40);
            insertion = "longer";
            begin(&settings[i], edit);
            say(OUT, 1, 1, ACK, "abc");
            say(IN, 1, HAS(OUT, 4), ACK, "xLy");
            say(OUT, 4, HAS(IN, 4), ACK, "dbefL");
            say(IN, 4, HAS(OUT, 9), ACK, "bbz");
            say(OUT, 9, HAS(IN, 7), ACK, "g");
            say(OUT, 9, HAS(IN, 7), ACK, "g");
            say(IN, 7, HAS(OUT, 10), FIN, "");
            say(OUT, 10, HAS(IN, 8), FIN, "");
            assert_text(OUT, "acdeflongerg");
            assert_text(IN, "xlongeryz");
            end();
        }
}

static void
test_a_capture_is_written_with_numbers_that_agree(void **state)
{
    insertion = "longer";
    begin(&recorded, edit);
    say(OUT, 1, 1, ACK, "aLc"); /* 3 become 8 */
    say(IN, 1, 4, ACK, "");     /* all of it acknowledged */
    assert_int_equal(last_left(IN)->ack, 9);
    say(OUT, 4, 1, ACK, "plain");
    assert_int_equal(last_left(OUT)->sequence, 9);
    assert_false(last_left(OUT)->is_ours); /* the packet itself, with another number */
    say(IN, 1, 4, ACK, "");                /* an old one */
    assert_int_equal(last_left(IN)->ack, 9);
    say(IN, 1, 9, ACK, "answer");
    assert_int_equal(last_left(IN)->ack, 14);
    say(OUT, 1, 7, ACK, "aLc"); /* recorded again: gone */
    assert_text(OUT, "alongercplain");
    assert_int_equal(counters()->repeated, 1);
    end();
}

static void
test_sack_blocks_of_a_capture_speak_of_the_new_numbers(void **state)
{
    static const uint8_t block[] = {1, 1, 5, 10, 0, 0, 3, 0xe8 + 7, 0, 0, 3, 0xe8 + 12};
    struct setting setting = SETTING(sack_syn, .is_recorded = true);
    const struct left *left;

    insertion = "longer";
    begin(&setting, edit);
    say(OUT, 1, 1, ACK, "aLc");
    say(OUT, 4, 1, ACK, "def");
    say(OUT, 7, 1, ACK, "ghijk");
    /* the receiver lacks "def" and has what follows: 1007 to 1012 */
    say_with(IN, 1, 4, ACK, "", 0, block, sizeof(block));
    left = last_left(IN);
    assert_int_equal(left->ack, 9);
    assert_int_equal(wfp_bytes_get32(left->options + 4), 1012);
    assert_int_equal(wfp_bytes_get32(left->options + 8), 1017);
    end();
}

/* ---- live ends ---- */

static void
test_what_was_not_acknowledged_is_sent_again(void **state)
{
    uint32_t before;

    begin(&live, edit);
    say(OUT, 1, 1, ACK, "abc");
    before = count_left(OUT);
    pass_time(SECOND_HALF);
    assert_int_equal(count_left(OUT), before + 1);
    assert_int_equal(last_left(OUT)->sequence, 1);
    assert_int_equal(last_left(OUT)->length, 2);
    say(IN, 1, 3, ACK, "");
    before = count_left(OUT);
    pass_time(60 * SECOND);
    assert_int_equal(count_left(OUT), before);
    assert_int_equal(counters()->retransmits, 1);
    end();
}

static void
test_three_duplicates_send_at_once(void **state)
{
    static char text[6001];
    uint32_t before;

    memset(text, 'a', 6000);
    text[0] = 'b';
    begin(&live, edit);
    say(OUT, 1, 1, ACK, text);
    assert_int_equal(talk.next[OUT], 6000);
    before = count_left(OUT);
    for (int i = 0; i < 3; i++)
        say(IN, 1, 1, ACK, "");
    assert_int_equal(count_left(OUT), before + 1);
    assert_int_equal(last_left(OUT)->sequence, 1);
    assert_int_equal(last_left(OUT)->length, 1460);
    end();
}

static void
test_nobody_is_asked_for_ever(void **state)
{
    begin(&live, edit);
    say(OUT, 1, 1, ACK, "abc");
    for (int i = 0; i < 400 && !counters()->gave_up; i++)
        pass_time(SECOND);
    assert_int_equal(counters()->gave_up, 1);
    assert_true(talk.reset[IN] && talk.reset[OUT]);
    assert_int_equal(counters()->retransmits, 12);
    end();
}

static void
test_a_closed_window_is_probed_and_opens(void **state)
{
    begin(&live, edit);
    say(OUT, 1, 1, ACK, "b");
    talk.window[IN] = 0;
    say(IN, 1, 1, ACK, "");
    say(OUT, 2, 1, ACK, "hello");
    assert_int_equal(talk.next[OUT], 1); /* nothing may be sent */
    assert_int_equal(last_left(IN)->window, 0);
    pass_time(SECOND_HALF);
    assert_int_equal(last_left(OUT)->length, 1); /* a probe */
    assert_int_equal(talk.next[OUT], 2);
    talk.window[IN] = 65535;
    say(IN, 1, 2, ACK, "");
    assert_text(OUT, "hello"); /* the rest follows at once */
    assert_int_equal(last_left(OUT)->sequence, 2);
    end();
}

static void
test_the_window_offered_is_the_receivers(void **state)
{
    begin(&live, edit);
    say(OUT, 1, 1, ACK, "b");
    talk.window[IN] = 777;
    say(IN, 1, 1, ACK, "");
    say(OUT, 2, 1, ACK, "hello");
    assert_int_equal(last_left(IN)->window, 777);
    talk.window[IN] = 0;
    say(IN, 1, 6, ACK, "");
    assert_int_equal(last_left(IN)->window, 0);
    end();
}

static void
test_scaled_windows_count_as_many_bytes(void **state)
{
    static char text[5001];
    struct setting setting = SETTING(scale_syn);

    memset(text, 'a', 5000);
    text[0] = 'b';
    begin(&setting, edit);
    talk.window[IN] = 10; /* times 128 */
    say(IN, 1, 1, ACK, "");
    say(OUT, 1, 1, ACK, text);
    assert_int_equal(talk.next[OUT] - 1, 1280);
    end();
}

static void
test_a_gap_is_told_with_sack(void **state)
{
    struct setting setting = SETTING(sack_syn);
    const struct left *left;

    begin(&setting, edit);
    say(OUT, 1, 1, ACK, "bc");
    say(OUT, 6, 1, ACK, "fgh");
    say(OUT, 11, 1, ACK, "kl");
    left = last_left(IN);
    assert_int_equal(left->ack, 3);
    assert_int_equal(left->option_size, 20);
    assert_int_equal(wfp_bytes_get32(left->options + 4), 1006);
    assert_int_equal(wfp_bytes_get32(left->options + 8), 1009);
    assert_int_equal(wfp_bytes_get32(left->options + 12), 1011);
    assert_int_equal(wfp_bytes_get32(left->options + 16), 1013);
    say(OUT, 3, 1, ACK, "d");
    say(OUT, 4, 1, ACK, "ez");
    left = last_left(IN);
    assert_int_equal(left->ack, 9);
    assert_int_equal(left->option_size, 12);
    say(OUT, 9, 1, ACK, "ij");
    assert_text(OUT, "cdezfghijkl");
    assert_int_equal(last_left(IN)->ack, 13);
    assert_int_equal(last_left(IN)->option_size, 0);
    end();
}

static void
set_time(int way, uint32_t value, uint32_t echo)
{
    static const uint8_t head[] = {1, 1, 8, 10};

    memcpy(talk.options[way], head, 4);
    wfp_bytes_put32(talk.options[way] + 4, value);
    wfp_bytes_put32(talk.options[way] + 8, echo);
    talk.option_size[way] = 12;
}

static void
test_timestamps_of_edited_segments_are_the_ends_own(void **state)
{
    struct setting setting = SETTING(time_syn);

    begin(&setting, edit);
    set_time(OUT, 100, 7);
    say(OUT, 1, 1, ACK, "abc");
    assert_int_equal(last_left(OUT)->option_size, 12);
    assert_int_equal(wfp_bytes_get32(last_left(OUT)->options + 4), 100);
    assert_int_equal(wfp_bytes_get32(last_left(OUT)->options + 8), 1); /* of its SYN */
    set_time(IN, 200, 100);
    say(IN, 1, 3, ACK, "bz");
    assert_int_equal(wfp_bytes_get32(last_left(IN)->options + 4), 200);
    assert_int_equal(wfp_bytes_get32(last_left(IN)->options + 8), 100);
    assert_int_equal(wfp_bytes_get32(last_left(OUT)->options + 8), 200);
    end();
}

static void
test_a_super_packet_is_cut_to_the_mss(void **state)
{
    static uint8_t big[60001];
    struct setting setting = SETTING(time_syn);
    uint32_t longest = 0;

    memset(big, 'a', sizeof(big));
    begin(&setting, edit);
    set_time(OUT, 100, 1);
    say_with(OUT, 1, 1, ACK, big, 60000, talk.options[OUT], 12);
    assert_int_equal(last_left(OUT)->length, 60000); /* nothing to edit: as it came */
    assert_false(last_left(OUT)->is_ours);
    say_with(IN, 1, 60001, ACK, "", 0, (const uint8_t[]){1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 100},
             12);
    big[30000] = 'b';
    talk.left_count = 0;
    say_with(OUT, 60001, 1, ACK, big, 60000, talk.options[OUT], 12);
    for (uint32_t acked = 60001; talk.next[OUT] < 120000 && acked < talk.next[OUT];) {
        acked = talk.next[OUT];
        say(IN, 1, acked, ACK, "");
    }
    for (uint32_t i = 0; i < talk.left_count; i++)
        if (talk.left[i].way == OUT)
            longest = MAX(longest, talk.left[i].length);
    assert_int_equal(longest, 1448);
    assert_int_equal(talk.next[OUT], 120000); /* but for the one byte */
    end();
}

static void
test_huge_insertions_follow_the_receivers_pace(void **state)
{
    static char text[(2u << 20) + 1];
    uint32_t acked = 1, rounds = 0;

    memset(text, 'i', sizeof(text) - 1);
    insertion = text;
    begin(&live, edit);
    say(OUT, 1, 1, ACK, "xLy");
    assert_int_equal(last_left(IN)->ack, 4);
    assert_in_range(talk.next[OUT], 1460, 65536); /* a first window */
    while (acked != talk.next[OUT] && rounds++ < 10000) {
        acked = talk.next[OUT];
        say(IN, 1, acked, ACK, "");
    }
    assert_int_equal(talk.next[OUT], 1 + 2 + (2u << 20));
    assert_int_equal(talk.text[OUT][2u << 20], 'i');
    assert_int_equal(talk.text[OUT][(2u << 20) + 1], 'y');
    assert_int_equal(counters()->retransmits, 0);
    say(OUT, 4, 1, ACK, "more"); /* two numberings, far apart */
    say(IN, 1, talk.next[OUT], ACK, "reply");
    say(OUT, 8, 6, FIN, "");
    assert_int_equal(talk.next[OUT], 1 + 2 + (2u << 20) + 4 + 1);
    assert_text(IN, "reply");
    assert_true(talk.fin[OUT]);
    assert_int_equal(counters()->outside, 0);
    end();
}

static void
test_all_that_is_removed_is_acknowledged(void **state)
{
    static uint8_t big[50000];

    begin(&live, block_all);
    for (uint32_t i = 0; i < 40; i++) {
        say_with(OUT, 1 + i * 50000, 1, ACK, big, 50000, NULL, 0);
        assert_int_equal(last_left(IN)->ack, 1 + (i + 1) * 50000);
    }
    assert_int_equal(talk.next[OUT], 1);
    say(IN, 1, 1, ACK, "answer");
    assert_int_equal(talk.next[IN], 1); /* removed, too */
    say(OUT, 2000001, 7, FIN, "");
    assert_true(talk.fin[OUT]);
    assert_int_equal(last_left(OUT)->sequence, 1);
    assert_int_equal(last_left(IN)->ack,
                     2000001); /* the FIN is acknowledged when its receiver does */
    say(IN, 7, 2, ACK, "");
    assert_int_equal(last_left(IN)->ack, 2000002);
    end();
}

static void
test_ends_that_agree_again_talk_to_one_another(void **state)
{
    begin(&live, permit);
    say(OUT, 4, 1, ACK, "def"); /* ahead: the stack steps between */
    say(OUT, 1, 1, ACK, "abc");
    assert_int_equal(counters()->split, 1);
    say(IN, 1, 7, ACK, "");
    talk.left_count = 0;
    assert_int_equal(say(OUT, 7, 1, ACK, "ghi"), WFP_PERMITTED);
    assert_false(last_left(OUT)->is_ours);
    assert_text(OUT, "abcdefghi");
    end();
}

static void
test_a_keep_alive_of_an_edited_stream_is_answered_here(void **state)
{
    uint32_t before;

    begin(&live, edit);
    say(OUT, 1, 1, ACK, "abc");
    say(IN, 1, 3, ACK, "");
    before = count_left(OUT);
    say(OUT, 3, 1, ACK, "");
    assert_int_equal(last_left(IN)->ack, 4);
    assert_int_equal(count_left(OUT), before);
    say(OUT, 3, 1, ACK, "c");
    assert_int_equal(last_left(IN)->ack, 4);
    assert_int_equal(count_left(OUT), before);
    end();
}

static void
test_other_bytes_the_second_time_do_not_arrive(void **state)
{
    begin(&live, edit);
    say(OUT, 1, 1, ACK, "abc");
    say(OUT, 1, 1, ACK, "ABCd"); /* the receiver has "ac", once and for all; "d" is new */
    assert_text(OUT, "acd");
    end();
}

static void
test_an_rst_takes_the_numbers_of_its_receiver(void **state)
{
    begin(&live, edit);
    say(OUT, 1, 1, ACK, "abbbbc");
    say(OUT, 7, 1, WFP_TCP_RST | ACK, "");
    assert_true(talk.reset[OUT]);
    assert_int_equal(last_left(OUT)->sequence, 3);
    end();
    begin(&recorded, edit);
    say(OUT, 1, 1, ACK, "abbbbc");
    say(OUT, 7, 1, WFP_TCP_RST | ACK, "");
    assert_int_equal(last_left(OUT)->sequence, 3);
    end();
}

static void
test_a_reset_out_of_place_ends_nothing(void **state)
{
    static const uint32_t places[] = {2, 5, 4000, 70000, 0x40000000, 0xc0000000};

    for (uint32_t i = 0; i < ELEMENTSOF(places); i++)
        for (int edited = 0; edited < 2; edited++) {
            uint32_t shown;

            begin(&live, edited ? edit : permit);
            say(IN, 1, 1, ACK, "abc");
            say(OUT, 1, talk.next[IN], ACK, "");
            shown = talk.shown_count;
            say(IN, places[i], 1, WFP_TCP_RST, "");
            assert_int_equal(talk.shown_count, shown);
            assert_int_equal(talk.reset[IN],
                             !edited); /* an end knows, and says where it should be */
            if (edited)
                assert_int_equal(last_left(OUT)->ack, 4);
            assert_int_equal(counters()->outside, 1);
            say(IN, 4, 1, ACK, "dbe");
            assert_text(IN, edited ? "acde" : "abcdbe");
            say(IN, 7, 1, WFP_TCP_RST, "");
            assert_int_equal(last_shown()->flags, WFP_STREAM_RECEIVE | WFP_STREAM_RECEIVE_ABORT);
            assert_true(talk.reset[IN]);
            end();
        }
}

static void
test_bytes_outside_of_the_window_are_nobodys(void **state)
{
    static const uint32_t places[] = {70000, 0x40000000, 0x7fff0000, 0xc0000000};

    for (uint32_t i = 0; i < ELEMENTSOF(places); i++)
        for (int edited = 0; edited < 2; edited++) {
            begin(&live, edited ? edit : permit);
            say(IN, 1, 1, ACK, "abc");
            say(OUT, 1, talk.next[IN], ACK, "");
            talk.window[IN] = 0;
            say(IN, places[i], 1, FIN, "forged");
            talk.window[IN] = 65535;
            assert_shown(0, IN, edited ? "c" : "abc");
            say(IN, 4, 1, ACK, "dbe");
            assert_text(IN, edited ? "acde" : "abcdbe");
            assert_int_equal(counters()->outside, 1);
            assert_int_equal(counters()->split, edited);
            say(OUT, 1, talk.next[IN], ACK,
                "answer"); /* the window of the forged one is forgotten */
            assert_text(OUT, "answer");
            end();
        }
}

static void
test_an_acknowledgement_of_nothing_hides_nothing(void **state)
{
    begin(&live, edit);
    say(IN, 1, 60000, ACK, ""); /* the receiver claims what nobody sent */
    say(OUT, 1, 1, ACK, "axc");
    assert_shown(0, OUT, "axc");
    say(OUT, 4, 1, ACK, "dbe");
    assert_text(OUT, "axcde");
    end();
}

static void
test_what_went_another_way_is_not_waited_for(void **state)
{
    begin(&live, permit);
    say(OUT, 1, 1, ACK, "abc");
    say(IN, 1, 9, ACK, ""); /* has five bytes more */
    say(OUT, 9, 1, ACK, "ijk");
    assert_shown(0, OUT, "ijk");
    assert_int_equal(counters()->missing, 5);
    assert_int_equal(counters()->split, 0);
    say(OUT, 15, 1, ACK, "opq"); /* this time it is not known yet */
    assert_int_equal(talk.shown_count, 2);
    say(IN, 1, 18, ACK, "");
    assert_int_equal(talk.shown_count,
                     2); /* between the ends, what we did not send cannot have come */
    say(OUT, 12, 1, ACK, "lmn");
    assert_shown(0, OUT, "opq");
    end();
}

static void
test_windows_scale_only_if_both_ends_say_so(void **state)
{
    static char text[5001];
    struct setting setting = SETTING(plain_syn);

    memset(text, 'a', 5000);
    text[0] = 'b';
    begin(&setting, edit);
    end();
    setting.syn_options = scale_syn;
    setting.syn_option_size = sizeof(scale_syn);
    setting.server_is_plain = true;
    begin(&setting, edit);
    talk.window[OUT] = 10;
    say(OUT, 1, 1, ACK, "");
    say(IN, 1, 1, ACK, text);
    assert_int_equal(talk.next[IN] - 1, 10);
    end();
}

static void
test_a_super_packet_says_nothing_of_the_mss(void **state)
{
    static const uint8_t small_syn[] = {2, 4, 2, 24}; /* 536 */
    struct setting setting = SETTING(small_syn);
    static char text[1073];

    memset(text, 'a', 1072); /* two segments in one */
    begin(&setting, edit);
    say(OUT, 1, 1, ACK, text);
    say(IN, 1, 1073, ACK, "");
    text[0] = 'b';
    say(OUT, 1073, 1, ACK, text);
    assert_int_equal(last_left(OUT)->length, 535);
    end();
}

static void
test_a_closed_connection_still_answers_repetitions(void **state)
{
    begin(&live, edit);
    say(OUT, 1, 1, ACK, "abc");
    say(IN, 1, 3, ACK, "");
    say(OUT, 4, 1, FIN, "");
    say(IN, 1, 4, FIN, "");
    say(OUT, 5, 2, ACK, "");
    assert_true(talk.fin[OUT] && talk.fin[IN]);
    say(IN, 1, 4, FIN, ""); /* our last acknowledgement was lost */
    assert_int_equal(last_left(OUT)->ack, 2);
    assert_int_equal(last_left(OUT)->sequence, 4);
    say(OUT, 4, 1, FIN, "");
    assert_int_equal(last_left(IN)->ack, 5);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_wrap_in_edited_streams),
        cmocka_unit_test(test_a_capture_is_written_with_numbers_that_agree),
        cmocka_unit_test(test_sack_blocks_of_a_capture_speak_of_the_new_numbers),
        cmocka_unit_test(test_what_was_not_acknowledged_is_sent_again),
        cmocka_unit_test(test_three_duplicates_send_at_once),
        cmocka_unit_test(test_nobody_is_asked_for_ever),
        cmocka_unit_test(test_a_closed_window_is_probed_and_opens),
        cmocka_unit_test(test_the_window_offered_is_the_receivers),
        cmocka_unit_test(test_scaled_windows_count_as_many_bytes),
        cmocka_unit_test(test_a_gap_is_told_with_sack),
        cmocka_unit_test(test_timestamps_of_edited_segments_are_the_ends_own),
        cmocka_unit_test(test_a_super_packet_is_cut_to_the_mss),
        cmocka_unit_test(test_huge_insertions_follow_the_receivers_pace),
        cmocka_unit_test(test_all_that_is_removed_is_acknowledged),
        cmocka_unit_test(test_ends_that_agree_again_talk_to_one_another),
        cmocka_unit_test(test_a_keep_alive_of_an_edited_stream_is_answered_here),
        cmocka_unit_test(test_other_bytes_the_second_time_do_not_arrive),
        cmocka_unit_test(test_an_rst_takes_the_numbers_of_its_receiver),
        cmocka_unit_test(test_a_reset_out_of_place_ends_nothing),
        cmocka_unit_test(test_bytes_outside_of_the_window_are_nobodys),
        cmocka_unit_test(test_an_acknowledgement_of_nothing_hides_nothing),
        cmocka_unit_test(test_what_went_another_way_is_not_waited_for),
        cmocka_unit_test(test_windows_scale_only_if_both_ends_say_so),
        cmocka_unit_test(test_a_super_packet_says_nothing_of_the_mss),
        cmocka_unit_test(test_a_closed_connection_still_answers_repetitions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
