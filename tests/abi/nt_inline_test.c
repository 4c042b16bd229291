/*
 * What our headers compute themselves: lists, bounded strings, checked arithmetic, addresses, IRP stacks.
 * Expectations are the documented ones; drivers run the same text.
 */
#include <ntddk.h>
#include <ntintsafe.h>
#include <ntstrsafe.h>
#include <mstcpip.h>
#include <netiodef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
test_lists_keep_their_order(void **state)
{
    LIST_ENTRY head, other, entry[4];

    (void)state;
    InitializeListHead(&head);
    InitializeListHead(&other);
    assert_true(IsListEmpty(&head));
    InsertTailList(&head, &entry[1]);
    InsertHeadList(&head, &entry[0]);
    InsertTailList(&other, &entry[2]);
    InsertTailList(&other, &entry[3]);
    assert_false(RemoveEntryList(&entry[2]));
    InsertHeadList(&other, &entry[2]);
    AppendTailList(&head, &other);
    RemoveEntryListUnsafe(&other);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(RemoveHeadList(&head), &entry[i]);
    assert_ptr_equal(RemoveTailList(&head), &entry[3]);
    assert_true(IsListEmpty(&head));
}

static void
test_single_lists_are_stacks(void **state)
{
    SINGLE_LIST_ENTRY head = {NULL}, a, b;

    (void)state;
    PushEntryList(&head, &a);
    PushEntryList(&head, &b);
    assert_ptr_equal(PopEntryList(&head), &b);
    assert_ptr_equal(PopEntryList(&head), &a);
    assert_null(PopEntryList(&head));
}

static void
test_strings_are_cut_and_terminated(void **state)
{
    char text[4];
    WCHAR wide[4];
    size_t length;

    (void)state;
    assert_int_equal(RtlStringCchCopyA(text, 4, "abc"), STATUS_SUCCESS);
    assert_int_equal(RtlStringCchCopyA(text, 4, "abcd"), STATUS_BUFFER_OVERFLOW);
    assert_string_equal(text, "abc");
    assert_int_equal(RtlStringCchCopyA(text, 0, "a"), STATUS_INVALID_PARAMETER);
    assert_int_equal(RtlStringCchCopyNA(text, 4, "abcd", 2), STATUS_SUCCESS);
    assert_string_equal(text, "ab");
    assert_int_equal(RtlStringCchCatA(text, 4, "cd"), STATUS_BUFFER_OVERFLOW);
    assert_string_equal(text, "abc");
    assert_int_equal(RtlStringCbCopyW(wide, sizeof(wide), (const WCHAR *)u"wxyz"),
                     STATUS_BUFFER_OVERFLOW);
    assert_int_equal(RtlStringCbLengthW(wide, sizeof(wide), &length), STATUS_SUCCESS);
    assert_int_equal(length, 6);
    assert_int_equal(RtlStringCchLengthA("abcd", 4, &length), STATUS_INVALID_PARAMETER);
    assert_int_equal(length, 0);
}

static void
test_unicode_strings_are_not_terminated(void **state)
{
    WCHAR buffer[4] = {9, 9, 9, 9}, text[4] = {0};
    UNICODE_STRING string = {0, sizeof(buffer), buffer}, source;

    (void)state;
    assert_int_equal(RtlUnicodeStringInit(&source, (const WCHAR *)u"abc"), STATUS_SUCCESS);
    assert_int_equal(source.Length, 6);
    assert_int_equal(source.MaximumLength, 8);
    assert_int_equal(RtlUnicodeStringCopy(&string, &source), STATUS_SUCCESS);
    assert_int_equal(buffer[3], 9);
    assert_int_equal(RtlUnicodeStringCatString(&string, (const WCHAR *)u"de"),
                     STATUS_BUFFER_OVERFLOW);
    assert_int_equal(string.Length, 8);
    assert_int_equal(buffer[3], 'd');
    string.Length = 4; /* the rest of the buffer is not the string's */
    assert_int_equal(RtlStringCchCopyUnicodeString(text, 4, &string), STATUS_SUCCESS);
    assert_int_equal(text[1], 'b');
    assert_int_equal(text[2], 0);
    assert_int_equal(RtlStringCbCopyUnicodeString(text, 4, &string), STATUS_BUFFER_OVERFLOW);
}

static void
test_arithmetic_reports_overflow(void **state)
{
    SIZE_T size;
    ULONG narrow;
    USHORT small;

    (void)state;
    assert_int_equal(RtlSizeTMult(3, 4, &size), STATUS_SUCCESS);
    assert_int_equal(size, 12);
    assert_int_equal(RtlSizeTMult(MAXSIZE_T / 2, 3, &size), STATUS_INTEGER_OVERFLOW);
    assert_true(size == MAXSIZE_T);
    assert_int_equal(RtlULongPtrAdd(MAXULONG_PTR, 1, &size), STATUS_INTEGER_OVERFLOW);
    assert_int_equal(RtlULongSub(1, 2, &narrow), STATUS_INTEGER_OVERFLOW);
    assert_int_equal(RtlSizeTToULong(0x100000000ULL, &narrow), STATUS_INTEGER_OVERFLOW);
    assert_int_equal(RtlSizeTToULong(7, &narrow), STATUS_SUCCESS);
    assert_int_equal(narrow, 7);
    assert_int_equal(RtlULongToUShort(0x10000, &small), STATUS_INTEGER_OVERFLOW);
}

static IN_ADDR
v4(UCHAR a, UCHAR b, UCHAR c, UCHAR d)
{
    IN_ADDR address;

    address.S_un.S_un_b.s_b1 = a;
    address.S_un.S_un_b.s_b2 = b;
    address.S_un.S_un_b.s_b3 = c;
    address.S_un.S_un_b.s_b4 = d;
    return address;
}

static void
test_v4_addresses_tell_what_they_are(void **state)
{
    static const struct {
        UCHAR bytes[4];
        BOOLEAN rfc1918, loopback, link_local, multicast, mc_link_local, mc_admin_local,
            mc_site_local;
    } rows[] = {
        {{10, 1, 2, 3}, 1, 0, 0, 0, 0, 0, 0},      {{172, 16, 0, 1}, 1, 0, 0, 0, 0, 0, 0},
        {{172, 31, 255, 1}, 1, 0, 0, 0, 0, 0, 0},  {{172, 32, 0, 1}, 0, 0, 0, 0, 0, 0, 0},
        {{192, 168, 9, 9}, 1, 0, 0, 0, 0, 0, 0},   {{192, 169, 9, 9}, 0, 0, 0, 0, 0, 0, 0},
        {{127, 0, 0, 1}, 0, 1, 0, 0, 0, 0, 0},     {{169, 254, 1, 1}, 0, 0, 1, 0, 0, 0, 0},
        {{224, 0, 0, 5}, 0, 0, 0, 1, 1, 0, 0},     {{224, 0, 1, 5}, 0, 0, 0, 1, 0, 0, 0},
        {{239, 255, 1, 1}, 0, 0, 0, 1, 0, 1, 0},   {{239, 193, 1, 1}, 0, 0, 0, 1, 0, 0, 1},
        {{168, 63, 129, 16}, 0, 0, 0, 0, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        IN_ADDR a = v4(rows[i].bytes[0], rows[i].bytes[1], rows[i].bytes[2], rows[i].bytes[3]);

        assert_int_equal(IN4_IS_ADDR_RFC1918(&a), rows[i].rfc1918);
        assert_int_equal(IN4_IS_ADDR_LOOPBACK(&a), rows[i].loopback);
        assert_int_equal(IN4_IS_ADDR_LINKLOCAL(&a), rows[i].link_local);
        assert_int_equal(IN4_IS_ADDR_MULTICAST(&a), rows[i].multicast);
        assert_int_equal(IN4_IS_ADDR_MC_LINKLOCAL(&a), rows[i].mc_link_local);
        assert_int_equal(IN4_IS_ADDR_MC_ADMINLOCAL(&a), rows[i].mc_admin_local);
        assert_int_equal(IN4_IS_ADDR_MC_SITELOCAL(&a), rows[i].mc_site_local);
    }
}

static void
test_v6_addresses_tell_what_they_are(void **state)
{
    IN6_ADDR a = IN6ADDR_LOOPBACK_INIT;
    IN_ADDR inner = v4(1, 2, 3, 4);

    (void)state;
    assert_true(IN6_IS_ADDR_LOOPBACK(&a));
    assert_false(IN6_IS_ADDR_UNSPECIFIED(&a));
    IN6_SET_ADDR_V4MAPPED(&a, &inner);
    assert_true(IN6_IS_ADDR_V4MAPPED(&a));
    assert_true(IN4_ADDR_EQUAL(IN6_GET_ADDR_V4MAPPED(&a), &inner));
    a = (IN6_ADDR){{{0xfe, 0xbf}}};
    assert_true(IN6_IS_ADDR_LINKLOCAL(&a));
    assert_false(IN6_IS_ADDR_SITELOCAL(&a));
    a = (IN6_ADDR){{{0xfe, 0xc0}}};
    assert_true(IN6_IS_ADDR_SITELOCAL(&a));
    a = (IN6_ADDR){{{0xff, 0x0e}}};
    assert_true(IN6_IS_ADDR_MULTICAST(&a));
    assert_true(IN6_IS_ADDR_MC_GLOBAL(&a));
    assert_false(IN6_IS_ADDR_MC_LINKLOCAL(&a));
}

static void
test_socket_addresses_of_either_family(void **state)
{
    SOCKADDR_STORAGE storage;
    PSOCKADDR a = (PSOCKADDR)&storage;

    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(&storage, 0, sizeof(storage));
        storage.ss_family = i ? AF_INET6 : AF_INET;
        assert_true(INETADDR_ISANY(a));
        INETADDR_SETLOOPBACK(a);
        assert_int_equal(a->sa_family, i ? AF_INET6 : AF_INET);
        assert_true(INETADDR_ISLOOPBACK(a));
        INETADDR_SET_PORT(a, 0x1234);
        assert_int_equal(INETADDR_PORT(a), 0x1234);
    }
}

static void
test_header_fields_sit_on_the_wire(void **state)
{
    static const UCHAR bytes[40] = {0x45, 0xb9, 0, 20, 0, 1, 0x40, 0x00, 64, 6};
    IPV4_HEADER v4_header;
    IPV6_HEADER v6_header;

    (void)state;
    memcpy(&v4_header, bytes, sizeof(v4_header));
    assert_int_equal(v4_header.Version, 4);
    assert_int_equal(v4_header.HeaderLength, 5);
    assert_int_equal(v4_header.TypeOfService, 0xb9 >> 2);
    assert_int_equal(v4_header.EcnField, 1);
    assert_int_equal(v4_header.DontFragment, 1);
    assert_int_equal(v4_header.MoreFragments, 0);
    memcpy(&v6_header, bytes, sizeof(v6_header));
    v6_header.VersionClassFlow = RtlUlongByteSwap(0x60000000);
    assert_int_equal(v6_header.Version, 6);
}

static void
test_irp_stack_moves_down_and_up(void **state)
{
    struct {
        IRP irp;
        IO_STACK_LOCATION stack[2];
    } packet;
    PIRP irp = &packet.irp;

    (void)state;
    memset(&packet, 0, sizeof(packet));
    irp->StackCount = 2;
    irp->CurrentLocation = 3;
    irp->Tail.Overlay.CurrentStackLocation = packet.stack + 2;
    IoSetNextIrpStackLocation(irp);
    IoGetCurrentIrpStackLocation(irp)->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    IoMarkIrpPending(irp);
    IoCopyCurrentIrpStackLocationToNext(irp);
    assert_int_equal(packet.stack[0].MajorFunction, IRP_MJ_DEVICE_CONTROL);
    assert_int_equal(packet.stack[0].Control, 0);
    IoSetCompletionRoutine(irp, NULL, irp, TRUE, FALSE, TRUE);
    assert_int_equal(packet.stack[0].Control, SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_CANCEL);
    assert_int_equal(packet.stack[1].Control, SL_PENDING_RETURNED);
    IoSkipCurrentIrpStackLocation(irp);
    assert_int_equal(irp->CurrentLocation, 3);
    assert_ptr_equal(IoGetNextIrpStackLocation(irp), &packet.stack[1]);
}

static void
test_interlocked_results_are_the_documented_ones(void **state)
{
    LONG value = 5;
    PVOID pointer = &value;

    (void)state;
    assert_int_equal(InterlockedIncrement(&value), 6);      /* the new value */
    assert_int_equal(InterlockedExchangeAdd(&value, 4), 6); /* the old value */
    assert_int_equal(InterlockedAdd(&value, 1), 11);        /* the new value */
    assert_int_equal(InterlockedCompareExchange(&value, 1, 2), 11);
    assert_int_equal(InterlockedCompareExchange(&value, 1, 11), 11);
    assert_int_equal(InterlockedOr(&value, 6), 1);
    assert_int_equal(value, 7);
    assert_ptr_equal(InterlockedExchangePointer(&pointer, NULL), &value);
    assert_false(InterlockedBitTestAndSet(&value, 3));
    assert_true(InterlockedBitTestAndReset(&value, 3));
    assert_int_equal(value, 7);
}

static void
test_page_arithmetic(void **state)
{
    (void)state;
    assert_int_equal(ADDRESS_AND_SIZE_TO_SPAN_PAGES((PVOID)0x1fff, 2), 2);
    assert_int_equal(ADDRESS_AND_SIZE_TO_SPAN_PAGES((PVOID)0x1000, 0x1000), 1);
    assert_int_equal(BYTE_OFFSET((PVOID)0x1234), 0x234);
    assert_int_equal(ROUND_TO_PAGES(1), 0x1000);
    assert_int_equal(CTL_CODE(FILE_DEVICE_NETWORK, 0x800, METHOD_OUT_DIRECT, FILE_READ_ACCESS),
                     0x126002);
    assert_int_equal(METHOD_FROM_CTL_CODE(0x126002), METHOD_OUT_DIRECT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_keep_their_order),
        cmocka_unit_test(test_single_lists_are_stacks),
        cmocka_unit_test(test_strings_are_cut_and_terminated),
        cmocka_unit_test(test_unicode_strings_are_not_terminated),
        cmocka_unit_test(test_arithmetic_reports_overflow),
        cmocka_unit_test(test_v4_addresses_tell_what_they_are),
        cmocka_unit_test(test_v6_addresses_tell_what_they_are),
        cmocka_unit_test(test_socket_addresses_of_either_family),
        cmocka_unit_test(test_header_fields_sit_on_the_wire),
        cmocka_unit_test(test_irp_stack_moves_down_and_up),
        cmocka_unit_test(test_interlocked_results_are_the_documented_ones),
        cmocka_unit_test(test_page_arithmetic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
