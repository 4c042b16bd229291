/* Security descriptors from text: bytes as Windows has them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/model/access.h"
#include "policy/dump/dump_internal.h"

static int
parse(const char *text, struct wfp_dump_arena *arena, struct wfp_blob *descriptor, bool *partial)
{
    *partial = false;
    return wfp_dump_sddl_parse(text, arena, descriptor, partial);
}

static void
test_bytes(void **state)
{
    struct wfp_dump_arena *arena = wfp_dump_arena_new();
    static const uint8_t expected[] = {
        1, 0, 0x04, 0x80, 20,   0, 0,    0, 0,  0, 0, 0,
        0, 0, 0,    0,    32,   0, 0,    0,              /* header */
        1, 1, 0,    0,    0,    0, 0,    5, 18, 0, 0, 0, /* SYSTEM */
        2, 0, 28,   0,    1,    0, 0,    0,              /* DACL */
        0, 4, 20,   0,    0x01, 0, 0x02, 0, 1,  1, 0, 0,
        0, 0, 0,    1,    0,    0, 0,    0, /* NP, CC RC, Everyone */
    };
    struct wfp_blob descriptor;
    bool partial;

    assert_int_equal(parse("O:SYD:(A;NP;CCRC;;;WD)", arena, &descriptor, &partial), 0);
    assert_int_equal(descriptor.size, sizeof(expected));
    assert_memory_equal(descriptor.data, expected, sizeof(expected));
    assert_false(partial);
    wfp_dump_arena_free(arena);
}

static void
test_forms(void **state)
{
    static const struct {
        const char *text;
        bool is_partial;
    } rows[] = {
        {"D:", false},
        {"D:(A;;0x1;;;S-1-1-0)", false},
        {"D:PAI(A;;CC;;;AN)(D;OICI;GA;;;BA)S:NO_ACCESS_CONTROL", false},
        {"D:NO_ACCESS_CONTROL", false},
        {"O:LSG:S-1-5-21-1-2-3-4D:(A;;CC;;;S-1-15-3-4294967295)", false},
        {"O:SYG:SYD:(XA;;CC;;;WD;(WIN://SYSAPPID Contains \"a;b)(c\"))(A;;CC;;;AC)", false},
        {"D:(XA;;CC;;;WD;(@User.x == 1 && Exists y))", true},
    };
    struct wfp_dump_arena *arena = wfp_dump_arena_new();

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        struct wfp_blob descriptor;
        bool partial;
        int r = parse(rows[i].text, arena, &descriptor, &partial);
        if (r < 0 || partial != rows[i].is_partial)
            print_error("%s\n", rows[i].text);
        assert_int_equal(r, 0);
        assert_int_equal(partial, rows[i].is_partial);
        assert_int_equal(wfp_access_descriptor_check(&descriptor), 0);
    }
    wfp_dump_arena_free(arena);
}

static void
test_what_is_refused(void **state)
{
    static const char *const rows[] = {
        "D",
        "Q:(A;;CC;;;WD)",
        "D:(A;;CC;;;WD",
        "D:(A;;CC;;WD)",
        "D:(Z;;CC;;;WD)",
        "D:(A;;CX;;;WD)",
        "D:(A;QQ;CC;;;WD)",
        "D:(A;;CC;;;ZZ)",
        "O:S-1-",
        "O:S-2-5-18",
        "O:S-1-5-4294967296",
        "D:(A;;0x100000000;;;WD)",
        "O:S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
    };
    struct wfp_dump_arena *arena = wfp_dump_arena_new();

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        struct wfp_blob descriptor;
        bool partial;
        int r = parse(rows[i], arena, &descriptor, &partial);
        if (r == 0)
            print_error("%s\n", rows[i]);
        assert_int_equal(r, -WFP_ERR_INVALID_PARAMETER);
    }
    wfp_dump_arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
