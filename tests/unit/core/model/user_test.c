/* Users made of SIDs: both faces say the same, and Linux ids become the SIDs the decision names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/status.h"
#include "core/model/access.h"
#include "core/model/user.h"

#define SID(authority, count, ...)                                                                 \
    {                                                                                              \
        1, count, 0, 0, 0, 0, 0, authority, __VA_ARGS__                                            \
    }

static const uint8_t everyone[] = SID(1, 1, 0, 0, 0, 0);
static const uint8_t local_system[] = SID(5, 1, 18, 0, 0, 0);
static const uint8_t administrators[] = SID(5, 2, 32, 0, 0, 0, 0x20, 2, 0, 0);
static const uint8_t uid_0[] = SID(22, 2, 1, 0, 0, 0, 0, 0, 0, 0);
static const uint8_t uid_1000[] = SID(22, 2, 1, 0, 0, 0, 0xe8, 3, 0, 0);
static const uint8_t gid_1000[] = SID(22, 2, 2, 0, 0, 0, 0xe8, 3, 0, 0);
static const uint8_t gid_27[] = SID(22, 2, 2, 0, 0, 0, 27, 0, 0, 0);

/* Does a descriptor that admits only @p sid admit the user, by both faces? */
static bool
is_admitted(const struct wfp_user *user, const uint8_t *sid)
{
    uint8_t bytes[20 + 8 + 8 + 16] = {1, 0, 0x04, 0x80};
    uint8_t size = (uint8_t)wfp_value_sid_size(sid);
    uint8_t acl[8] = {2, 0, (uint8_t)(16 + size), 0, 1}, ace[8] = {0, 0, (uint8_t)(8 + size), 0, 1};
    struct wfp_blob descriptor = {36u + size, bytes};
    struct wfp_value token = {.type = WFP_TOKEN_INFORMATION, .token = (void *)&user->token};
    struct wfp_value access = {.type = WFP_TOKEN_ACCESS_INFORMATION,
                               .blob = (struct wfp_blob *)&user->access};

    bytes[16] = 20;
    memcpy(bytes + 20, acl, 8);
    memcpy(bytes + 28, ace, 8);
    memcpy(bytes + 36, sid, size);
    assert_int_equal(wfp_access_descriptor_check(&descriptor), 0);
    assert_int_equal(wfp_access_check(&descriptor, &token), wfp_access_check(&descriptor, &access));
    return wfp_access_check(&descriptor, &token);
}

static void
test_a_linux_user_is_its_uid_and_its_groups(void **state)
{
    static const uint32_t groups[] = {1000, 1000, 27};
    _cleanup_(wfp_user_freep) struct wfp_user *user = NULL;

    assert_int_equal(wfp_user_from_linux(1000, groups, 3, &user), 0);
    assert_memory_equal(user->token.sids[0].sid, uid_1000, sizeof(uid_1000));
    assert_true(is_admitted(user, uid_1000));
    assert_true(is_admitted(user, gid_1000));
    assert_true(is_admitted(user, gid_27));
    assert_true(is_admitted(user, everyone));
    assert_false(is_admitted(user, uid_0));
    assert_false(is_admitted(user, local_system));
    assert_false(is_admitted(user, administrators));
}

static void
test_root_is_local_system_too(void **state)
{
    _cleanup_(wfp_user_freep) struct wfp_user *user = NULL;

    assert_int_equal(wfp_user_from_linux(0, NULL, 0, &user), 0);
    assert_memory_equal(user->token.sids[0].sid, local_system, sizeof(local_system));
    assert_true(is_admitted(user, uid_0));
    assert_true(is_admitted(user, administrators));
    assert_false(is_admitted(user, uid_1000));
}

static void
test_more_groups_than_fit_are_left_out(void **state)
{
    uint32_t groups[2 * WFP_USER_MAX_SIDS];
    _cleanup_(wfp_user_freep) struct wfp_user *user = NULL;

    for (uint32_t i = 0; i < 2 * WFP_USER_MAX_SIDS; i++)
        groups[i] = 5000 + i;
    groups[0] = 27;
    assert_int_equal(wfp_user_from_linux(1000, groups, 2 * WFP_USER_MAX_SIDS, &user), 0);
    assert_int_equal(user->token.sid_count, WFP_USER_MAX_SIDS);
    assert_true(is_admitted(user, gid_27));
}

static void
test_no_sids_and_bad_sids_are_refused(void **state)
{
    static const uint8_t bad[] = SID(5, 200, 18, 0, 0, 0);
    const void *sids[] = {bad};
    struct wfp_user *user = NULL;

    assert_int_equal(wfp_user_new(sids, 0, &user), -WFP_ERR_INVALID_PARAMETER);
    assert_int_equal(wfp_user_new(sids, 1, &user), -WFP_ERR_INVALID_PARAMETER);
    assert_null(user);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_linux_user_is_its_uid_and_its_groups),
        cmocka_unit_test(test_root_is_local_system_too),
        cmocka_unit_test(test_more_groups_than_fit_are_left_out),
        cmocka_unit_test(test_no_sids_and_bad_sids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
