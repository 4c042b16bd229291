/* The rules' text, word by word: not every kernel can take them, so what is fed is held here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plane/nfqueue/nfqueue.h"

static void
test_nft_fail_open(void **state)
{
    const struct wfp_nfqueue_rules rules = {.queue = 7, .fail_open = true};
    char text[WFP_NFQUEUE_RULES_SIZE];

    wfp_nfqueue_rules_text(&rules, WFP_NFQUEUE_NFT, text);
    assert_string_equal(text,
                        "table inet openwfp {\n"
                        "chain input { type filter hook input priority mangle; policy accept; "
                        "meta mark 0x4f574652 accept; counter queue num 7 bypass; }\n"
                        "chain output { type filter hook output priority mangle; policy accept; "
                        "meta mark 0x4f574653 accept; meta mark 0x4f574652 accept; "
                        "counter queue num 7 bypass; }\n"
                        "chain forward { type filter hook forward priority mangle; policy accept; "
                        "counter queue num 7 bypass; }\n"
                        "}\n");
}

static void
test_xtables_fail_closed(void **state)
{
    const struct wfp_nfqueue_rules rules = {.queue = 0, .fail_open = false};
    char text[WFP_NFQUEUE_RULES_SIZE];

    wfp_nfqueue_rules_text(&rules, WFP_NFQUEUE_XTABLES, text);
    assert_string_equal(text, "*mangle\n"
                              ":OPENWFP-INPUT - [0:0]\n"
                              ":OPENWFP-OUTPUT - [0:0]\n"
                              ":OPENWFP-FORWARD - [0:0]\n"
                              "-A OPENWFP-INPUT -m mark --mark 0x4f574652 -j RETURN\n"
                              "-A OPENWFP-INPUT -j NFQUEUE --queue-num 0\n"
                              "-I INPUT 1 -j OPENWFP-INPUT\n"
                              "-A OPENWFP-OUTPUT -m mark --mark 0x4f574653 -j RETURN\n"
                              "-A OPENWFP-OUTPUT -m mark --mark 0x4f574652 -j RETURN\n"
                              "-A OPENWFP-OUTPUT -j NFQUEUE --queue-num 0\n"
                              "-I OUTPUT 1 -j OPENWFP-OUTPUT\n"
                              "-A OPENWFP-FORWARD -j NFQUEUE --queue-num 0\n"
                              "-I FORWARD 1 -j OPENWFP-FORWARD\n"
                              "COMMIT\n");
}

static void
test_xtables_fail_open_bypasses(void **state)
{
    const struct wfp_nfqueue_rules rules = {.queue = 65535, .fail_open = true};
    char text[WFP_NFQUEUE_RULES_SIZE];
    unsigned count = 0;

    wfp_nfqueue_rules_text(&rules, WFP_NFQUEUE_XTABLES, text);
    for (const char *at = text; (at = strstr(at, "--queue-num 65535 --queue-bypass\n")); at++)
        count++;
    assert_int_equal(count, 3);
}

static void
test_no_backend_no_rules(void **state)
{
    const struct wfp_nfqueue_rules rules = {.queue = 1};
    char text[WFP_NFQUEUE_RULES_SIZE] = "x";

    wfp_nfqueue_rules_text(&rules, WFP_NFQUEUE_NONE, text);
    assert_string_equal(text, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nft_fail_open),
        cmocka_unit_test(test_xtables_fail_closed),
        cmocka_unit_test(test_xtables_fail_open_bypasses),
        cmocka_unit_test(test_no_backend_no_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
