/* Rtl and friends: strings, numbers, printf, AVL tables (against a plain array), SIDs, time, bit maps. */
#include "nt_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "nt/ntos/nt_format.h"
#include "nt/ntos/nt_wdk.h"

static int
setup(void **state)
{
    wfp_log_set_sink(nt_test_mute, NULL);
    nt_finding_reset();
    return 0;
}

static UNICODE_STRING
u(const WCHAR *text)
{
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, text);
    return string;
}

static void
test_counted_strings_never_overrun(void **state)
{
    WCHAR buffer[8] = {0};
    UNICODE_STRING to = {0, 8, buffer}, from = u(u"abcdef"), empty = {0, 0, NULL};

    RtlCopyUnicodeString(&to, &from);
    assert_int_equal(to.Length, 8); /* cut, no room for a terminator */
    assert_memory_equal(buffer, u"abcd\0", 10);
    to.Length = 2;
    assert_int_equal(RtlAppendUnicodeToString(&to, u"xyz\x00"), 0);
    assert_memory_equal(buffer, u"axyz", 8);
    assert_int_equal(RtlAppendUnicodeToString(&to, u"1"), STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(to.Length, 8);
    RtlCopyUnicodeString(&to, NULL);
    assert_int_equal(to.Length, 0);
    assert_true(RtlEqualUnicodeString(&to, &empty, FALSE));
    RtlInitUnicodeString(&to, NULL);
    assert_int_equal(to.MaximumLength, 0);
}

static void
test_comparison_and_case(void **state)
{
    UNICODE_STRING a = u(u"\\Device\\\u00c4pfel"), b = u(u"\\DEVICE\\\u00e4PFEL"),
                   p = u(u"\\device"), e = u(u"FEL"), lower;

    assert_true(RtlEqualUnicodeString(&a, &b, TRUE));
    assert_false(RtlEqualUnicodeString(&a, &b, FALSE));
    assert_true(RtlPrefixUnicodeString(&p, &a, TRUE));
    assert_false(RtlPrefixUnicodeString(&p, &a, FALSE));
    assert_true(RtlSuffixUnicodeString(&e, &b, FALSE));
    assert_true(RtlCompareUnicodeString(&p, &a, TRUE) < 0);
    assert_int_equal(RtlDowncaseUnicodeString(&lower, &b, TRUE), 0);
    assert_memory_equal(lower.Buffer, u"\\device\\\u00e4pfel", lower.Length);
    RtlFreeUnicodeString(&lower);
    assert_int_equal(RtlUpcaseUnicodeChar(0x0131), 0x0131); /* dotless i keeps its own */
}

static void
test_numbers_and_guids(void **state)
{
    WCHAR buffer[40];
    UNICODE_STRING s = {0, sizeof(buffer), buffer};
    ULONG value;
    LONG64 big;
    PWSTR end;
    GUID guid;

    assert_int_equal(RtlIntegerToUnicodeString(0xBEEF, 16, &s), 0);
    assert_memory_equal(buffer, u"BEEF", 10);
    assert_int_equal(RtlIntegerToUnicodeString(1, 7, &s), STATUS_INVALID_PARAMETER);
    s.MaximumLength = 4;
    assert_int_equal(RtlIntegerToUnicodeString(123, 10, &s), STATUS_BUFFER_OVERFLOW);
    s = u(u" -0x1Fz");
    assert_int_equal(RtlUnicodeStringToInteger(&s, 0, &value), 0);
    assert_int_equal((LONG)value, -31);
    s = u(u"123abc");
    assert_int_equal(RtlUnicodeStringToInt64(&s, 10, &big, &end), 0);
    assert_int_equal(big, 123);
    assert_int_equal(*end, 'a');
    s = u(u"{C86FD1BF-21CD-497E-A0BB-17425C885C58}");
    assert_int_equal(RtlGUIDFromString(&s, &guid), 0);
    assert_int_equal(guid.Data1, 0xC86FD1BF);
    UNICODE_STRING again;
    assert_int_equal(RtlStringFromGUID(&guid, &again), 0);
    assert_true(RtlEqualUnicodeString(&s, &again, FALSE));
    RtlFreeUnicodeString(&again);
    s = u(u"C86FD1BF-21CD-497E-A0BB-17425C885C58");
    assert_int_equal(RtlGUIDFromString(&s, &guid), STATUS_INVALID_PARAMETER);
}

static NTSTATUS NTAPI
format(char *out, size_t room, const char *text, ...)
{
    __builtin_ms_va_list arguments;
    bool truncated;

    __builtin_ms_va_start(arguments, text);
    size_t n = nt_format(false, out, room - 1, text, arguments, &truncated);
    out[n] = 0;
    __builtin_ms_va_end(arguments);
    return truncated;
}

static void
test_printf_speaks_microsoft(void **state)
{
    UNICODE_STRING wide = {6, 6, (PWCH)u"\u20acbc"};
    ANSI_STRING narrow = {2, 2, (PCHAR) "xyz"};
    char out[200];

#define F(expected, ...)                                                                           \
    do {                                                                                           \
        assert_false(format(out, sizeof(out), __VA_ARGS__));                                       \
        assert_string_equal(out, expected);                                                        \
    } while (0)
    F("[\u20acbc][xy]", "[%wZ][%Z]", &wide, &narrow);
    F("ab|ab|ab|ab", "%s|%S|%ws|%ls", "ab", u"ab", u"ab", u"ab");
    F("-5 4294967291 fffffffb", "%d %u %x", -5, -5, -5);
    F("-5 18446744073709551611", "%I64d %I64u", -5LL, -5LL);
    F("-5 00ff ff 0xff", "%ld %04x %hx %#x", -5, 255, 0x100ff, 255);
    F("00000000DEADBEEF", "%p", (void *)0xDEADBEEF);
    F("   42|42   |00042|+42", "%5d|%-5d|%05d|%+d", 42, 42, 42, 42);
    F("abc  |   ab", "%-5.3s|%5.*s", "abcdef", 2, "abcdef");
    F("(null) x%", "%s %c%%", (char *)NULL, 'x');
    F("1.50 255 0377", "%.2f %i %#o", 1.5, 255, 255);
    assert_true(format(out, 4, "%s", "abcdef"));
    assert_string_equal(out, "abc");
}

struct item {
    int key;
};
static int allocated;

static RTL_GENERIC_COMPARE_RESULTS NTAPI
compare(PRTL_AVL_TABLE table, PVOID a, PVOID b)
{
    int x = ((struct item *)a)->key, y = ((struct item *)b)->key;
    return x < y ? GenericLessThan : x > y ? GenericGreaterThan : GenericEqual;
}

static PVOID NTAPI
allocate(PRTL_AVL_TABLE table, CLONG size)
{
    allocated++;
    return malloc(size);
}

static VOID NTAPI
release(PRTL_AVL_TABLE table, PVOID buffer)
{
    allocated--;
    free(buffer);
}

static int
check_balance(RTL_BALANCED_LINKS *node)
{
    if (!node)
        return 0;
    int left = check_balance(node->LeftChild), right = check_balance(node->RightChild);
    assert_int_equal(node->Balance, right - left);
    assert_true(abs(right - left) <= 1);
    if (node->LeftChild)
        assert_ptr_equal(node->LeftChild->Parent, node);
    if (node->RightChild)
        assert_ptr_equal(node->RightChild->Parent, node);
    return 1 + MAX(left, right);
}

static void
test_avl_tables_agree_with_a_plain_array(void **state)
{
    RTL_AVL_TABLE table;
    bool present[200] = {0};
    unsigned seed = 12345;
    BOOLEAN new;

    RtlInitializeGenericTableAvl(&table, compare, allocate, release, NULL);
    for (int step = 0; step < 6000; step++) {
        struct item item = {(int)(rand_r(&seed) % 200)};
        if (rand_r(&seed) % 2) {
            struct item *at = RtlInsertElementGenericTableAvl(&table, &item, sizeof(item), &new);
            assert_int_equal(at->key, item.key);
            assert_int_equal(new, !present[item.key]);
            present[item.key] = true;
        } else {
            assert_int_equal(RtlDeleteElementGenericTableAvl(&table, &item), present[item.key]);
            present[item.key] = false;
        }
        if (step % 50)
            continue;
        assert_int_equal(check_balance(table.BalancedRoot.RightChild), table.DepthOfTree);
        ULONG n = 0;
        struct item *at = RtlEnumerateGenericTableAvl(&table, TRUE);
        for (int key = 0; key < 200; key++) {
            struct item wanted = {key};
            assert_int_equal(RtlLookupElementGenericTableAvl(&table, &wanted) != NULL,
                             present[key]);
            if (!present[key])
                continue;
            assert_int_equal(at->key, key);
            assert_ptr_equal(RtlGetElementGenericTableAvl(&table, n++), at);
            at = RtlEnumerateGenericTableAvl(&table, FALSE);
        }
        assert_null(at);
        assert_null(RtlGetElementGenericTableAvl(&table, n));
        assert_int_equal(RtlNumberGenericTableElementsAvl(&table), n);
        assert_int_equal(allocated, n);
    }
    while (!RtlIsGenericTableEmptyAvl(&table)) /* the usual way to empty one */
        RtlDeleteElementGenericTableAvl(&table, RtlGetElementGenericTableAvl(&table, 0));
    assert_int_equal(allocated, 0);
    assert_int_equal(table.DepthOfTree, 0);
}

static void
test_sids_and_lists_are_built_and_measured(void **state)
{
    unsigned char buffer[68], list[64];
    SECURITY_DESCRIPTOR sd;
    PACL acl = (PACL)list;

    assert_true(RtlValidSid(SeExports->SeAliasAdminsSid));
    assert_int_equal(RtlLengthSid(SeExports->SeAliasAdminsSid), 16);
    assert_int_equal(RtlCopySid(15, buffer, SeExports->SeAliasAdminsSid), STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(RtlCopySid(68, buffer, SeExports->SeAliasAdminsSid), 0);
    assert_true(RtlEqualSid(buffer, SeExports->SeAliasAdminsSid));
    assert_int_equal(RtlCreateAcl(acl, 4, ACL_REVISION), STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(RtlCreateAcl(acl, sizeof(list), ACL_REVISION), 0);
    assert_int_equal(RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_ALL, buffer), 0);
    assert_int_equal(RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_READ, buffer), 0);
    assert_int_equal(RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_READ, buffer),
                     STATUS_ALLOTTED_SPACE_EXCEEDED);
    assert_int_equal(acl->AceCount, 2);
    assert_int_equal(RtlCreateSecurityDescriptor(&sd, 2), STATUS_UNKNOWN_REVISION);
    assert_int_equal(RtlCreateSecurityDescriptor(&sd, 1), 0);
    assert_int_equal(RtlSetDaclSecurityDescriptor(&sd, TRUE, acl, FALSE), 0);
    assert_true(RtlValidSecurityDescriptor(&sd));
    assert_int_equal(RtlLengthSecurityDescriptor(&sd), sizeof(sd) + sizeof(list));
}

static void
test_time_goes_both_ways(void **state)
{
    LARGE_INTEGER time = {.QuadPart = WFP_CLOCK_UNIX_EPOCH + 951782400ull * 10000000}, back;
    TIME_FIELDS fields;
    ULONG seconds;

    RtlTimeToTimeFields(&time, &fields);
    assert_int_equal(fields.Year, 2000);
    assert_int_equal(fields.Month, 2);
    assert_int_equal(fields.Day, 29);
    assert_int_equal(fields.Weekday, 2); /* a Tuesday */
    assert_true(RtlTimeFieldsToTime(&fields, &back));
    assert_int_equal(back.QuadPart, time.QuadPart);
    fields.Year = 1900;
    assert_false(RtlTimeFieldsToTime(&fields, &back));
    assert_true(RtlTimeToSecondsSince1970(&time, &seconds));
    assert_int_equal(seconds, 951782400);
    for (LONGLONG day = 0; day < 800 * 366; day += 17) {
        time.QuadPart = day * 864000000000ll + 12345;
        RtlTimeToTimeFields(&time, &fields);
        assert_true(RtlTimeFieldsToTime(&fields, &back));
        assert_int_equal(back.QuadPart, time.QuadPart / 10000 * 10000);
    }
}

static void
test_bit_maps(void **state)
{
    ULONG words[2] = {0};
    RTL_BITMAP map;

    RtlInitializeBitMap(&map, words, 40);
    RtlSetBits(&map, 3, 30);
    assert_true(RtlAreBitsSet(&map, 3, 30));
    assert_false(RtlAreBitsSet(&map, 3, 31));
    assert_int_equal(RtlNumberOfSetBits(&map), 30);
    assert_int_equal(RtlFindClearBitsAndSet(&map, 7, 0), 33);
    assert_int_equal(RtlFindClearBits(&map, 1, 10), 0);
    assert_int_equal(RtlFindClearBits(&map, 4, 0), 0xFFFFFFFF);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
    static const struct CMUnitTest tests[] = {
        T(test_counted_strings_never_overrun),
        T(test_comparison_and_case),
        T(test_numbers_and_guids),
        T(test_printf_speaks_microsoft),
        T(test_avl_tables_agree_with_a_plain_array),
        T(test_sids_and_lists_are_built_and_measured),
        T(test_time_goes_both_ways),
        T(test_bit_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
