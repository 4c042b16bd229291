/* The C runtime that drivers import: what fits, what does not, and the numbers everybody knows. */
#include "nt_test.h"

#include <errno.h>

#include "nt/ntos/nt_wdk.h"

#define TRUNCATE ((SIZE_T)-1)

int NTAPI nt_crt_rand(void);
void NTAPI nt_crt_srand(unsigned seed);
LONG NTAPI nt_crt_strtol(const char *s, char **end, int base);
ULONG NTAPI nt_crt_strtoul(const char *s, char **end, int base);
int NTAPI nt_crt_wtoi(const WCHAR *s);
ULONG NTAPI nt_crt_wcstoul(const WCHAR *s, WCHAR **end, int base);
int NTAPI nt_crt_itoa_s(int value, char *to, SIZE_T size, int radix);
WCHAR *NTAPI nt_crt_itow(int value, WCHAR *to, int radix);
char *NTAPI nt_crt_strtok_s(char *s, const char *delimiters, char **context);
int NTAPI nt_crt_strcpy_s(char *to, SIZE_T size, const char *from);
int NTAPI nt_crt_strncpy_s(char *to, SIZE_T size, const char *from, SIZE_T n);
int NTAPI nt_crt_strcat_s(char *to, SIZE_T size, const char *from);
int NTAPI nt_crt_wcscat_s(WCHAR *to, SIZE_T size, const WCHAR *from);
int NTAPI nt_crt_memcpy_s(void *to, SIZE_T size, const void *from, SIZE_T n);
int NTAPI nt_crt_sprintf_s(char *to, SIZE_T size, const char *format, ...);
int NTAPI nt_crt_snprintf_s(char *to, SIZE_T size, SIZE_T count, const char *format, ...);
char *NTAPI nt_crt_strrev(char *s);
WCHAR *NTAPI nt_crt_wcsupr(WCHAR *s);
SIZE_T NTAPI nt_crt_wcscspn(const WCHAR *s, const WCHAR *set);

static void
test_random_numbers_are_microsofts(void **state)
{
    nt_crt_srand(1);
    assert_int_equal(nt_crt_rand(), 41);
    assert_int_equal(nt_crt_rand(), 18467);
    nt_crt_srand(1);
    assert_int_equal(nt_crt_rand(), 41);
}

static void
test_numbers_have_32_bits(void **state)
{
    char *end;
    WCHAR *wide_end;
    const WCHAR *hex = u"0x1fz";

    assert_int_equal(nt_crt_strtol("  -17x", &end, 10), -17);
    assert_int_equal(*end, 'x');
    assert_int_equal(nt_crt_strtol("99999999999", NULL, 10), INT32_MAX);
    assert_int_equal(nt_crt_strtol("-99999999999", NULL, 10), INT32_MIN);
    assert_int_equal(nt_crt_strtoul("4294967295", NULL, 10), UINT32_MAX);
    assert_int_equal(nt_crt_strtoul("4294967296", NULL, 10), UINT32_MAX);
    assert_int_equal(nt_crt_strtoul("-1", NULL, 10), UINT32_MAX);
    const char *none = "  zz";
    assert_int_equal(nt_crt_strtoul(none, &end, 10), 0);
    assert_ptr_equal(end, none);
    assert_int_equal(nt_crt_wtoi(u"-12abc"), -12);
    assert_int_equal(nt_crt_wcstoul(hex, &wide_end, 0), 0x1f);
    assert_ptr_equal(wide_end, hex + 4);
}

static void
test_numbers_are_written_in_any_radix(void **state)
{
    char text[9];
    WCHAR wide[40];

    assert_int_equal(nt_crt_itoa_s(-255, text, sizeof(text), 10), 0);
    assert_string_equal(text, "-255");
    assert_int_equal(nt_crt_itoa_s(-1, text, sizeof(text), 16), 0);
    assert_string_equal(text, "ffffffff");
    assert_int_equal(nt_crt_itoa_s(123456789, text, sizeof(text), 10), ERANGE);
    assert_string_equal(text, "");
    assert_int_equal(nt_crt_itoa_s(1, text, sizeof(text), 37), EINVAL);
    assert_memory_equal(nt_crt_itow(5, wide, 2), u"101", 8);
}

static void
test_bounded_copies_leave_an_empty_string_or_what_fits(void **state)
{
    char text[6] = "?";
    WCHAR wide[6] = u"ab";

    assert_int_equal(nt_crt_strcpy_s(text, sizeof(text), "12345"), 0);
    assert_int_equal(nt_crt_strcpy_s(text, sizeof(text), "123456"), ERANGE);
    assert_string_equal(text, "");
    assert_int_equal(nt_crt_strncpy_s(text, sizeof(text), "123456", TRUNCATE), 80);
    assert_string_equal(text, "12345");
    assert_int_equal(nt_crt_strncpy_s(text, sizeof(text), "123456", 2), 0);
    assert_int_equal(nt_crt_strcat_s(text, sizeof(text), "345"), 0);
    assert_string_equal(text, "12345");
    assert_int_equal(nt_crt_strcpy_s(NULL, 3, "1"), EINVAL);
    assert_int_equal(nt_crt_wcscat_s(wide, 6, u"cde"), 0);
    assert_memory_equal(wide, u"abcde", 12);
    assert_int_equal(nt_crt_wcscat_s(wide, 6, u"f"), ERANGE);
    assert_int_equal(nt_crt_memcpy_s(text, 2, "abc", 3), ERANGE);
    assert_int_equal(text[0] | text[1], 0);
    assert_int_equal(nt_crt_memcpy_s(text, 3, "ab", 3), 0);
}

static void
test_bounded_printing(void **state)
{
    char text[5];

    assert_int_equal(nt_crt_sprintf_s(text, sizeof(text), "%d", 1234), 4);
    assert_int_equal(nt_crt_sprintf_s(text, sizeof(text), "%d", 12345), -1);
    assert_string_equal(text, "");
    assert_int_equal(nt_crt_snprintf_s(text, sizeof(text), TRUNCATE, "%d", 12345), -1);
    assert_string_equal(text, "1234");
    assert_int_equal(nt_crt_snprintf_s(text, sizeof(text), 2, "%d", 12345), -1);
    assert_string_equal(text, "12");
    assert_int_equal(nt_crt_snprintf_s(text, sizeof(text), 4, "%d", 123), 3);
}

static void
test_strings_in_place(void **state)
{
    char text[] = ",a,,bc,", odd[] = "abc";
    WCHAR wide[] = u"gr\u00fcn";
    char *context;

    assert_string_equal(nt_crt_strtok_s(text, ",", &context), "a");
    assert_string_equal(nt_crt_strtok_s(NULL, ",", &context), "bc");
    assert_null(nt_crt_strtok_s(NULL, ",", &context));
    assert_string_equal(nt_crt_strrev(odd), "cba");
    assert_memory_equal(nt_crt_wcsupr(wide), u"GR\u00dcN", 10);
    assert_int_equal(nt_crt_wcscspn(u"abc:d", u":;"), 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_numbers_are_microsofts),
        cmocka_unit_test(test_numbers_have_32_bits),
        cmocka_unit_test(test_numbers_are_written_in_any_radix),
        cmocka_unit_test(test_bounded_copies_leave_an_empty_string_or_what_fits),
        cmocka_unit_test(test_bounded_printing),
        cmocka_unit_test(test_strings_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
