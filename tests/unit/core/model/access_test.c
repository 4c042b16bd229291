/* Access checks of token conditions, and descriptors whose bytes do not hold together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <uchar.h>
#include <cmocka.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/model/access.h"
#include "core/model/condition.h"

#define ENABLED 0x4u
#define DENY    0x10u

enum { ALLOW, DENIED, INHERIT_ONLY = 0x08 };

/* A descriptor under construction. */
struct descriptor {
    uint8_t bytes[256];
    struct wfp_blob blob;
};

static uint8_t sids[8][12];

static uint8_t *
sid(uint32_t rid)
{
    static const uint8_t head[] = {1, 1, 0, 0, 0, 0, 0, 5};
    memcpy(sids[rid], head, sizeof(head));
    memcpy(sids[rid] + 8, &rid, sizeof(rid));
    return sids[rid];
}

static void
begin(struct descriptor *d)
{
    memset(d, 0, sizeof(*d));
    d->bytes[0] = 1;
    d->bytes[2] = 0x04; /* DACL present */
    d->bytes[3] = 0x80; /* self-relative */
    d->bytes[16] = 20;
    d->bytes[20] = 2;
    d->bytes[22] = 8;
    d->blob = (struct wfp_blob){28, d->bytes};
}

static void
ace(struct descriptor *d, uint8_t type, uint8_t flags, uint32_t mask, uint32_t rid)
{
    uint8_t *at = d->bytes + d->blob.size;

    at[0] = type;
    at[1] = flags;
    at[2] = 20;
    memcpy(at + 4, &mask, sizeof(mask));
    memcpy(at + 8, sid(rid), 12);
    d->bytes[22] = (uint8_t)(d->bytes[22] + 20);
    d->bytes[24]++;
    d->blob.size += 20;
}

static bool
admits(const struct descriptor *d, const struct wfp_token_information *token)
{
    struct wfp_value value = {.type = WFP_TOKEN_INFORMATION, .token = (void *)token};
    return wfp_access_check(&d->blob, &value);
}

static void
test_the_first_entry_that_speaks_of_the_token_decides(void **state)
{
    struct wfp_sid_and_attributes user1[] = {{sid(1), 0}, {sid(3), ENABLED}};
    struct wfp_sid_and_attributes user2[] = {{sid(2), 0}};
    const struct wfp_token_information one = {2, user1, 0, NULL}, two = {1, user2, 0, NULL};
    struct descriptor d;

    begin(&d);
    assert_false(admits(&d, &one)); /* an empty list admits no one */
    ace(&d, ALLOW, 0, 1, 1);
    assert_true(admits(&d, &one));
    assert_false(admits(&d, &two));
    begin(&d);
    ace(&d, DENIED, 0, 1, 3);
    ace(&d, ALLOW, 0, 1, 1);
    assert_false(admits(&d, &one)); /* by its group */
    begin(&d);
    ace(&d, ALLOW, 0, 1, 1);
    ace(&d, DENIED, 0, 1, 3);
    assert_true(admits(&d, &one)); /* order counts */
}

static void
test_rights_and_flags_of_entries(void **state)
{
    struct wfp_sid_and_attributes user[] = {{sid(1), 0}};
    const struct wfp_token_information token = {1, user, 0, NULL};
    struct descriptor d;

    begin(&d);
    ace(&d, ALLOW, 0, 2, 1);
    assert_false(admits(&d, &token)); /* another right */
    ace(&d, ALLOW, INHERIT_ONLY, 1, 1);
    assert_false(admits(&d, &token));
    ace(&d, ALLOW, 0, 0x10000000, 1); /* GENERIC_ALL */
    assert_true(admits(&d, &token));
}

static void
test_groups_count_when_enabled_or_only_to_deny(void **state)
{
    struct wfp_sid_and_attributes off[] = {{sid(1), 0}, {sid(3), 0}};
    struct wfp_sid_and_attributes deny_only[] = {{sid(1), 0}, {sid(3), DENY}};
    const struct wfp_token_information disabled = {2, off, 0, NULL},
                                       denying = {2, deny_only, 0, NULL};
    struct descriptor allow, deny;

    begin(&allow);
    ace(&allow, ALLOW, 0, 1, 3);
    assert_false(admits(&allow, &disabled));
    assert_false(admits(&allow, &denying));
    begin(&deny);
    ace(&deny, DENIED, 0, 1, 3);
    ace(&deny, ALLOW, 0, 1, 1);
    assert_true(admits(&deny, &disabled));
    assert_false(admits(&deny, &denying));
}

static void
test_a_restricted_token_needs_both_lists(void **state)
{
    struct wfp_sid_and_attributes user[] = {{sid(1), 0}}, limit[] = {{sid(4), ENABLED}};
    const struct wfp_token_information token = {1, user, 1, limit};
    struct descriptor d;

    begin(&d);
    ace(&d, ALLOW, 0, 1, 1);
    assert_false(admits(&d, &token));
    ace(&d, ALLOW, 0, 1, 4);
    assert_true(admits(&d, &token));
}

static void
test_no_dacl_admits_everyone(void **state)
{
    struct wfp_sid_and_attributes user[] = {{sid(1), 0}};
    const struct wfp_token_information token = {1, user, 0, NULL};
    struct descriptor d;

    begin(&d);
    d.bytes[2] = 0;
    assert_true(admits(&d, &token));
}

static void
test_broken_descriptors_are_refused(void **state)
{
    struct descriptor good, d;

    begin(&good);
    ace(&good, ALLOW, 0, 1, 1);
    ace(&good, DENIED, 0, 1, 2);
    assert_int_equal(wfp_access_descriptor_check(&good.blob), 0);
    for (uint32_t size = 0; size < good.blob.size; size++) { /* cut anywhere */
        d = good;
        d.blob = (struct wfp_blob){size, d.bytes};
        assert_int_equal(wfp_access_descriptor_check(&d.blob), -WFP_ERR_INVALID_SECURITY_DESCR);
    }
    d = good;
    d.blob.data = d.bytes;
    d.bytes[3] = 0; /* absolute */
    assert_int_equal(wfp_access_descriptor_check(&d.blob), -WFP_ERR_INVALID_SECURITY_DESCR);
    d.bytes[3] = 0x80;
    d.bytes[0] = 2; /* revision */
    assert_int_equal(wfp_access_descriptor_check(&d.blob), -WFP_ERR_INVALID_SECURITY_DESCR);
    d.bytes[0] = 1;
    d.bytes[24] = 3; /* more entries than there are */
    assert_int_equal(wfp_access_descriptor_check(&d.blob), -WFP_ERR_INVALID_SECURITY_DESCR);
    d.bytes[24] = 2;
    d.bytes[28 + 8 + 1] = 9; /* a SID longer than its entry */
    assert_int_equal(wfp_access_descriptor_check(&d.blob), -WFP_ERR_INVALID_SECURITY_DESCR);
    d.bytes[28 + 8 + 1] = 1;
    d.bytes[4] = 250; /* the owner's SID beyond the end */
    assert_int_equal(wfp_access_descriptor_check(&d.blob), -WFP_ERR_INVALID_SECURITY_DESCR);
    assert_int_equal(wfp_access_descriptor_check(&(struct wfp_blob){9, NULL}),
                     -WFP_ERR_NULL_POINTER);
}

/* Any byte of a descriptor or a token turned: never a read outside (the sanitizers watch). */
static void
test_turned_bytes_are_harmless(void **state)
{
    struct {
        void *hash, *restricted, *rest[9];
        uint32_t count, pad;
        void *list;
        struct wfp_sid_and_attributes sids[2];
        uint8_t sid[12];
    } token = {0}, turned;
    struct wfp_blob blob = {sizeof(turned), (uint8_t *)&turned};
    struct wfp_value value = {.type = WFP_TOKEN_ACCESS_INFORMATION, .blob = &blob};
    struct descriptor good, d;
    uint32_t admitted = 0;

    begin(&good);
    ace(&good, ALLOW, 0, 1, 1);
    memcpy(token.sid, sid(1), 12);
    token.count = 1;
    for (size_t i = 0; i < sizeof(token) * 255; i += 7) {
        turned = token;
        turned.sids[0].sid = turned.sid;
        turned.list = turned.sids;
        turned.hash = &turned.count;
        admitted += wfp_access_check(&good.blob, &value);
        ((uint8_t *)&turned)[i / 255] = (uint8_t)(((uint8_t *)&turned)[i / 255] + 1 + i % 255);
        (void)wfp_access_check(&good.blob, &value);
    }
    assert_true(admitted > 0);
    turned = token;
    turned.sids[0].sid = turned.sid;
    turned.list = turned.sids;
    turned.hash = &turned.count;
    for (uint32_t i = 0; i < good.blob.size * 255; i++) {
        uint8_t *exact = malloc(good.blob.size);

        memcpy(exact, good.bytes, good.blob.size);
        exact[i / 255] = (uint8_t)(exact[i / 255] + 1 + i % 255);
        d.blob = (struct wfp_blob){good.blob.size, exact};
        (void)wfp_access_descriptor_check(&d.blob);
        (void)wfp_access_check(&d.blob, &value);
        free(exact);
    }
}

static bool
strings(uint32_t match, const char16_t *value, const char16_t *operand)
{
    return wfp_condition_match(
        &(struct wfp_value){WFP_UNICODE_STRING, {.string_utf16 = (uint16_t *)value}}, match,
        &(struct wfp_value){WFP_UNICODE_STRING, {.string_utf16 = (uint16_t *)operand}});
}

/* No layer delivers strings, signed numbers or floats today; the comparison is ready for them. */
static void
test_types_that_no_layer_delivers_yet(void **state)
{
    int64_t low = -7, high = 3;

    assert_true(strings(WFP_MATCH_EQUAL_CASE_INSENSITIVE, u"Stra\u00e9ABC", u"stra\u00c9abc"));
    assert_false(strings(WFP_MATCH_EQUAL_CASE_INSENSITIVE, u"abc", u"abcd"));
    assert_false(strings(WFP_MATCH_EQUAL, u"abc", u"ABC"));
    assert_true(strings(WFP_MATCH_GREATER, u"abd", u"abc"));
    assert_true(strings(WFP_MATCH_PREFIX, u"evil.exe", u".exe"));
    assert_false(strings(WFP_MATCH_NOT_PREFIX, u"evil.exe", u".exe"));
    assert_true(wfp_condition_match(&(struct wfp_value){WFP_INT8, {.int8 = -1}}, WFP_MATCH_LESS,
                                    &(struct wfp_value){WFP_INT8, {.int8 = 0}}));
    assert_true(wfp_condition_match(&(struct wfp_value){WFP_INT64, {.int64 = &low}},
                                    WFP_MATCH_LESS_OR_EQUAL,
                                    &(struct wfp_value){WFP_INT64, {.int64 = &high}}));
    assert_true(wfp_condition_match(&(struct wfp_value){WFP_FLOAT, {.float32 = 1.5f}},
                                    WFP_MATCH_EQUAL,
                                    &(struct wfp_value){WFP_FLOAT, {.float32 = 1.5f}}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_entry_that_speaks_of_the_token_decides),
        cmocka_unit_test(test_rights_and_flags_of_entries),
        cmocka_unit_test(test_groups_count_when_enabled_or_only_to_deny),
        cmocka_unit_test(test_a_restricted_token_needs_both_lists),
        cmocka_unit_test(test_no_dacl_admits_everyone),
        cmocka_unit_test(test_broken_descriptors_are_refused),
        cmocka_unit_test(test_turned_bytes_are_harmless),
        cmocka_unit_test(test_types_that_no_layer_delivers_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
