/* Checked arithmetic: what fits goes through, what does not is all ones and an error. */
#include <intsafe.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_conversions_notice_what_does_not_fit(void **state)
{
    (void)state;
    ULONG_PTR pointer;
    assert_int_equal(ULongLongToULongPtr(~0ULL, &pointer), S_OK);
    assert_int_equal(pointer, ~0ULL);
    ULONG u;
    assert_int_equal(SizeTToULong((SIZE_T)1 << 32, &u), INTSAFE_E_ARITHMETIC_OVERFLOW);
    assert_int_equal(u, 0xFFFFFFFFu);
    assert_int_equal(LongLongToULong(-1, &u), INTSAFE_E_ARITHMETIC_OVERFLOW);
    USHORT s;
    assert_int_equal(ULongToUShort(65535, &s), S_OK);
    assert_int_equal(s, 65535);
    assert_int_equal(ULongToUShort(65536, &s), INTSAFE_E_ARITHMETIC_OVERFLOW);
}

static void
test_arithmetic_notices_overflow(void **state)
{
    (void)state;
    ULONG u;
    assert_int_equal(ULongAdd(1, 2, &u), S_OK);
    assert_int_equal(u, 3);
    assert_int_equal(ULongAdd(0xFFFFFFFFu, 1, &u), INTSAFE_E_ARITHMETIC_OVERFLOW);
    assert_int_equal(ULongSub(1, 2, &u), INTSAFE_E_ARITHMETIC_OVERFLOW);
    SIZE_T size;
    assert_int_equal(SizeTMult((SIZE_T)1 << 63, 2, &size), INTSAFE_E_ARITHMETIC_OVERFLOW);
    assert_int_equal(SizeTMult(6, 7, &size), S_OK);
    assert_int_equal(size, 42);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversions_notice_what_does_not_fit),
        cmocka_unit_test(test_arithmetic_notices_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
