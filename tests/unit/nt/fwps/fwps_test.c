/*
 * The callout side without a stack: headers built, contexts on packets, contracts that are broken.
 */
#include "../ntos/nt_test.h"

#include "core/packet/bytes.h"
#include "core/packet/checksum.h"
#include "core/shims/pend.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ndis/ndis_nbl.h"

#define FAMILY_V4 2
#define FAMILY_V6 23

static NDIS_HANDLE pool;

static int
setup(void **state)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   .Size = sizeof(parameters)},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 1,
    };

    nt_finding_reset();
    wfp_log_set_sink(nt_test_mute, NULL);
    pool = NdisAllocateNetBufferListPool(NULL, &parameters);
    assert_non_null(pool);
    return 0;
}

static int
teardown(void **state)
{
    NdisFreeNetBufferListPool(pool);
    return 0;
}

static NET_BUFFER_LIST *
make_list(uint8_t *bytes, uint32_t length, MDL **ret_mdl)
{
    NET_BUFFER_LIST *list;

    *ret_mdl = NdisAllocateMdl(NULL, bytes, length);
    assert_non_null(*ret_mdl);
    assert_int_equal(FwpsAllocateNetBufferAndNetBufferList0(pool, 0, 0, *ret_mdl, 0, length, &list),
                     0);
    return list;
}

static NET_BUFFER_LIST *
clone_of(NET_BUFFER_LIST *list)
{
    NET_BUFFER_LIST *clone;

    assert_int_equal(FwpsAllocateCloneNetBufferList0(list, NULL, NULL, 0, &clone), 0);
    return clone;
}

/* The packet in a list, with its checksums found right. */
static uint32_t
read_packet(NET_BUFFER_LIST *list, uint8_t *bytes, uint32_t size, struct wfp_packet *packet)
{
    uint32_t length = (uint32_t)list->FirstNetBuffer->stDataLength;

    assert_true(length <= size);
    assert_int_equal(nt_nb_read(list->FirstNetBuffer, bytes, length), length);
    *packet = (struct wfp_packet){.data = bytes, .length = length, .wire_length = length};
    assert_int_equal(wfp_packet_parse(packet), WFP_DECODED);
    assert_true(wfp_checksum_ip_is_valid(packet));
    assert_true(wfp_checksum_transport_is_valid(packet));
    return length;
}

static const uint8_t udp[] = {0x0f, 0xa0, 0, 53, 0, 12, 0xde, 0xad, 'd', 'a', 't', 'a'};
static const UCHAR here[] = {10, 0, 0, 1}, there[] = {192, 0, 2, 9};

static NTSTATUS
build(NET_BUFFER_LIST *list, ULONG old_header, ADDRESS_FAMILY family, const UCHAR *from,
      const UCHAR *to)
{
    return FwpsConstructIpHeaderForTransportPacket0(list, old_header, family, from, to, 17, 0, NULL,
                                                    0, 0, NULL, 0, 0);
}

static void
test_a_header_is_put_before_transport_data(void **state)
{
    uint8_t original[sizeof(udp)], bytes[128];
    struct wfp_packet packet;
    MDL *mdl;

    memcpy(original, udp, sizeof(udp));
    NET_BUFFER_LIST *list = make_list(original, sizeof(original), &mdl), *clone = clone_of(list);
    assert_int_equal(build(clone, 0, FAMILY_V4, here, there), STATUS_SUCCESS);
    assert_int_equal(read_packet(clone, bytes, sizeof(bytes), &packet), 20 + sizeof(udp));
    assert_memory_equal(packet.source, here, 4);
    assert_memory_equal(packet.destination, there, 4);
    assert_int_equal(packet.destination_port, 53);
    assert_memory_equal(original, udp, sizeof(udp)); /* the clone's parent keeps its bytes */
    FwpsFreeCloneNetBufferList0(clone, 0);
    FwpsFreeNetBufferList0(list);
    NdisFreeMdl(mdl);
    assert_int_equal(nt_finding_count(), 0);
}

static void
test_an_old_header_is_written_anew(void **state)
{
    /* 24 bytes with an option; then again as IPv6, whose extension header goes */
    uint8_t v4[24 + sizeof(udp)] = {0x46, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0,
                                    1,    1, 1, 1, 2, 2, 2, 2, 1,  1,  1, 0};
    uint8_t v6[48 + sizeof(udp)] = {
        0x60, [6] = 60, [7] = 9, [40] = 17, [41] = 0, [42] = 1, [43] = 4};
    UCHAR from[16] = {0xfd, [15] = 1}, to[16] = {0xfd, [15] = 2};
    uint8_t bytes[128];
    struct wfp_packet packet;
    MDL *mdl;

    memcpy(v4 + 24, udp, sizeof(udp));
    NET_BUFFER_LIST *list = make_list(v4, sizeof(v4), &mdl), *clone = clone_of(list);
    assert_int_equal(build(clone, 24, FAMILY_V4, here, there), STATUS_SUCCESS);
    assert_int_equal(read_packet(clone, bytes, sizeof(bytes), &packet), sizeof(v4));
    assert_int_equal(bytes[8], 64);
    assert_memory_equal(bytes + 20, v4 + 20, 4);
    assert_memory_equal(packet.source, here, 4);
    FwpsFreeCloneNetBufferList0(clone, 0);
    FwpsFreeNetBufferList0(list);
    NdisFreeMdl(mdl);

    memcpy(v6 + 48, udp, sizeof(udp));
    list = make_list(v6, sizeof(v6), &mdl);
    clone = clone_of(list);
    assert_int_equal(build(clone, 48, FAMILY_V6, from, to), STATUS_SUCCESS);
    assert_int_equal(read_packet(clone, bytes, sizeof(bytes), &packet), 40 + sizeof(udp));
    assert_int_equal(bytes[6], 17);
    assert_memory_equal(packet.destination, to, 16);
    assert_int_equal(build(clone, 4000, FAMILY_V6, from, to), STATUS_INVALID_PARAMETER);
    FwpsFreeCloneNetBufferList0(clone, 0);
    FwpsFreeNetBufferList0(list);
    NdisFreeMdl(mdl);
}

static struct {
    unsigned count;
    int event;
    uint64_t context, tag;
    NET_BUFFER_LIST *list, *changed;
} heard;

static void NTAPI
hear(FWPS_NET_BUFFER_LIST_EVENT_TYPE0 event, NET_BUFFER_LIST *list, NET_BUFFER_LIST *changed,
     UINT16 layer, UINT64 context, UINT64 tag)
{
    heard.count++;
    heard.event = (int)event;
    heard.context = context;
    heard.tag = tag;
    heard.list = list;
    heard.changed = changed;
}

static void
test_contexts_follow_a_packet(void **state)
{
    uint64_t tag = FwpsNetBufferListGetTagForContext0(),
             other = FwpsNetBufferListGetTagForContext0();
    uint8_t bytes[sizeof(udp)];
    UINT64 got = 0;
    MDL *mdl;

    memcpy(bytes, udp, sizeof(udp));
    memset(&heard, 0, sizeof(heard));
    assert_true(tag && tag != other);
    NET_BUFFER_LIST *list = make_list(bytes, sizeof(bytes), &mdl), *clone;
    assert_int_equal(FwpsNetBufferListRetrieveContext0(list, tag, FALSE, 0, &got),
                     STATUS_NOT_FOUND);
    assert_int_equal(FwpsNetBufferListAssociateContext1(list, 4, 11, tag, NULL, NULL, hear, 0), 0);
    assert_int_equal(FwpsNetBufferListAssociateContext0(list, 4, 12, tag, NULL, NULL, hear, 0),
                     STATUS_OBJECT_NAME_EXISTS);
    assert_int_equal(FwpsNetBufferListAssociateContext0(list, 4, 22, other, NULL, NULL, hear, 0),
                     0);
    assert_int_equal(FwpsNetBufferListRetrieveContext0(list, tag, FALSE, 0, &got), 0);
    assert_int_equal(got, 11);

    clone = clone_of(list);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.event, FWPS_NET_BUFFER_LIST_CLONED_VIA_WFP_API);
    assert_ptr_equal(heard.changed, clone);
    assert_int_equal(FwpsNetBufferListRetrieveContext0(clone, tag, FALSE, 0, &got),
                     STATUS_NOT_FOUND);
    FwpsFreeCloneNetBufferList0(clone, 0);
    assert_int_equal(heard.count, 2);

    assert_int_equal(FwpsNetBufferListRemoveContext0(NULL, tag, 0), 0);
    assert_int_equal(heard.count, 3);
    assert_int_equal(heard.event, FWPS_NET_BUFFER_LIST_CONTEXT_REMOVED);
    assert_int_equal(heard.context, 11);
    assert_int_equal(FwpsNetBufferListRemoveContext0(list, tag, 0), STATUS_NOT_FOUND);
    FwpsFreeNetBufferList0(list);
    assert_int_equal(heard.count, 4);
    assert_int_equal(heard.event, FWPS_NET_BUFFER_LIST_EXIT_NETIO);
    assert_int_equal(heard.tag, other);
    NdisFreeMdl(mdl);
}

static void
test_a_pend_outside_of_classify_is_a_finding(void **state)
{
    struct wfp_pend_slot over = {.table = NULL};
    HANDLE context = NULL;

    assert_int_equal(FwpsPendOperation0(NULL, &context), STATUS_FWP_NULL_POINTER);
    assert_int_equal(FwpsPendOperation0(&over, NULL), STATUS_FWP_NULL_POINTER);
    assert_int_equal(FwpsPendOperation0(&over, &context), STATUS_FWP_INVALID_PARAMETER);
    assert_finding(PEND_BAD, 1);
    over.is_reauthorize = true;
    over.table = (struct wfp_pend_table *)&over; /* not looked at */
    assert_int_equal(FwpsPendOperation0(&over, &context), STATUS_FWP_CANNOT_PEND);
    FwpsCompleteOperation0(&over, NULL);
    assert_finding(PEND_BAD, 2);
}

static void
test_what_is_known_of_a_packets_past(void **state)
{
    FWPS_PACKET_LIST_INFORMATION0 information;
    uint8_t bytes[sizeof(udp)];
    MDL *mdl;

    memcpy(bytes, udp, sizeof(udp));
    NET_BUFFER_LIST *list = make_list(bytes, sizeof(bytes), &mdl);
    struct nt_nbl *header = nt_nbl_find(list);
    UINT32 all = FWPS_PACKET_LIST_INFORMATION_QUERY_ALL_INBOUND;
    assert_int_equal(FwpsGetPacketListSecurityInformation0(list, all, &information), 0);
    assert_int_equal(information.fwpInformation.isReinjected, 0);
    header->injection_count = 1;
    assert_int_equal(FwpsGetPacketListSecurityInformation0(list, all, &information), 0);
    assert_int_equal(information.fwpInformation.isReinjected, 1);
    assert_int_equal(information.ipsecInformation.flags, 0);
    assert_int_equal(FwpsGetPacketListSecurityInformation0(
                         list, FWPS_PACKET_LIST_INFORMATION_QUERY_IPSEC, &information),
                     STATUS_INVALID_PARAMETER);
    FwpsFreeNetBufferList0(list);
    NdisFreeMdl(mdl);
}

static void
test_redirect_handles_are_told_apart(void **state)
{
    const GUID provider = {1, 2, 3, {4}};
    HANDLE one, two;

    assert_int_equal(FwpsRedirectHandleCreate0(NULL, 0, &one), STATUS_FWP_NULL_POINTER);
    assert_int_equal(FwpsRedirectHandleCreate0(&provider, 1, &one), STATUS_INVALID_PARAMETER);
    assert_int_equal(FwpsRedirectHandleCreate0(&provider, 0, &one), STATUS_SUCCESS);
    assert_int_equal(FwpsRedirectHandleCreate0(&provider, 0, &two), STATUS_SUCCESS);
    assert_ptr_not_equal(one, two);
    FwpsRedirectHandleDestroy0(one);
    assert_finding(OBJECT_BAD, 0);
    FwpsRedirectHandleDestroy0(one);
    assert_finding(OBJECT_BAD, 1);
    FwpsRedirectHandleDestroy0(two);
    assert_finding(OBJECT_BAD, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_header_is_put_before_transport_data),
        TEST(test_an_old_header_is_written_anew),
        TEST(test_contexts_follow_a_packet),
        TEST(test_a_pend_outside_of_classify_is_a_finding),
        TEST(test_what_is_known_of_a_packets_past),
        TEST(test_redirect_handles_are_told_apart),
    };
    nt_ndis_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
