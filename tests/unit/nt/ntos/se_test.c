/* Tokens: whose they are, what they tell, how long their handles are good; access checks made with them. */
#include "nt_test.h"

#include <unistd.h>

#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_token.h"
#include "nt/ntos/nt_wdk.h"

static const uint8_t ann[] = {1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0, 0xe8, 3, 0, 0};
static const uint8_t staff[] = {1, 2, 0, 0, 0, 0, 0, 22, 2, 0, 0, 0, 50, 0, 0, 0};
static struct nt_token *token;

static int
setup(void **state)
{
    static const uint32_t groups[] = {50, 60};
    _cleanup_(wfp_user_freep) struct wfp_user *user = NULL;

    wfp_log_set_sink(nt_test_mute, NULL);
    nt_finding_reset();
    if (wfp_user_from_linux(1000, groups, 2, &user) < 0)
        return -1;
    token = nt_token_of_user(user);
    return token ? 0 : -1;
}

static void
test_users_of_the_same_sids_have_one_token(void **state)
{
    static const uint32_t groups[] = {50, 60}, fewer[] = {50};
    _cleanup_(wfp_user_freep) struct wfp_user *same = NULL, *other = NULL;

    assert_int_equal(wfp_user_from_linux(1000, groups, 2, &same), 0);
    assert_int_equal(wfp_user_from_linux(1000, fewer, 1, &other), 0);
    assert_ptr_equal(nt_token_of_user(same), token);
    assert_ptr_equal(nt_token_of_user(same), token);
    assert_ptr_not_equal(nt_token_of_user(other), token);
    assert_int_not_equal(nt_token_of_user(other)->modified_id, token->modified_id);
    assert_ptr_equal(nt_token_by_modified_id(token->modified_id), token);
    nt_token_unref(token);
    assert_null(nt_token_by_modified_id(1));
}

static void
test_every_class_fits_in_the_bytes_it_asks_for(void **state)
{
    static const TOKEN_INFORMATION_CLASS refused[] = {
        0,           TokenDefaultDacl,  TokenImpersonationLevel,    TokenLinkedToken, TokenLogonSid,
        TokenOrigin, MaxTokenInfoClass, (TOKEN_INFORMATION_CLASS)-1};
    HANDLE handle = nt_handle_new(token, TOKEN_QUERY | TOKEN_QUERY_SOURCE, NULL);
    unsigned known = 0;

    for (int class = 1; class < MaxTokenInfoClass; class ++) {
        _Alignas(8) UCHAR buffer[2048];
        ULONG needed = 0, again = 0;
        NTSTATUS status = ZwQueryInformationToken(handle, class, NULL, 0, &needed);

        if (status == STATUS_INVALID_INFO_CLASS)
            continue;
        known++;
        assert_int_equal(status, STATUS_BUFFER_TOO_SMALL);
        assert_in_range(needed, 1, sizeof(buffer) - 1);
        memset(buffer, 0xEE, sizeof(buffer));
        assert_int_equal(ZwQueryInformationToken(handle, class, buffer, needed - 1, &again),
                         STATUS_BUFFER_TOO_SMALL);
        assert_int_equal(buffer[0], 0xEE);
        assert_int_equal(ZwQueryInformationToken(handle, class, buffer, needed, &again), 0);
        assert_int_equal(again, needed);
        assert_int_equal(buffer[needed], 0xEE);
    }
    assert_int_equal(known, 24);
    for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
        ULONG needed;
        assert_int_equal(ZwQueryInformationToken(handle, refused[i], NULL, 0, &needed),
                         STATUS_INVALID_INFO_CLASS);
    }
    assert_int_equal(ZwClose(handle), 0);
}

static void *
ask(TOKEN_INFORMATION_CLASS class)
{
    void *answer = NULL;

    assert_int_equal(SeQueryInformationToken(token, class, &answer), 0);
    return answer;
}

static void
test_what_a_token_tells(void **state)
{
    TOKEN_USER *user = ask(TokenUser);
    TOKEN_GROUPS *groups = ask(TokenGroups);
    TOKEN_PRIMARY_GROUP *primary = ask(TokenPrimaryGroup);
    TOKEN_STATISTICS *statistics = ask(TokenStatistics);
    TOKEN_ACCESS_INFORMATION *access = ask(TokenAccessInformation);
    LUID logon;

    assert_true(RtlEqualSid(user->User.Sid, (PSID)ann));
    assert_int_equal(groups->GroupCount, 5); /* Everyone, Authenticated Users, Users, two gids */
    assert_true(RtlEqualSid(groups->Groups[0].Sid, SeExports->SeWorldSid));
    assert_int_equal(groups->Groups[0].Attributes, 7);
    assert_true(RtlEqualSid(primary->PrimaryGroup, (PSID)staff));
    assert_int_equal(statistics->TokenType, TokenPrimary);
    assert_int_equal(statistics->GroupCount, 5);
    assert_int_equal(SeQueryAuthenticationIdToken(token, &logon), 0);
    assert_memory_equal(&logon, &statistics->AuthenticationId, sizeof(logon));
    assert_int_equal(access->SidHash->SidCount, 6);
    assert_true(RtlEqualSid(access->SidHash->SidAttr[0].Sid, (PSID)ann));
    assert_true((char *)access->SidHash->SidAttr[5].Sid > (char *)access); /* in the copy */
    assert_int_equal((ULONG)(ULONG_PTR)ask(TokenIntegrityLevel), 0x2000);
    assert_int_equal((ULONG)(ULONG_PTR)ask(TokenSessionId), 0);
    assert_false(SeTokenIsAdmin(token));
    assert_false(SeTokenIsRestricted(token));
    ExFreePool(user);
    ExFreePool(groups);
    ExFreePool(primary);
    ExFreePool(statistics);
    ExFreePool(access);
}

static void
test_the_system_and_this_process(void **state)
{
    PACCESS_TOKEN system = PsReferencePrimaryToken(PsInitialSystemProcess), mine;
    struct nt_token *body = system;
    PEPROCESS process;
    HANDLE handle;
    ULONG id;

    assert_true(SeTokenIsAdmin(system));
    assert_int_equal(body->authentication_id, 0x3e7);
    assert_int_equal(SeQuerySessionIdToken(system, &id), 0);
    assert_int_equal(ZwOpenProcessTokenEx((HANDLE)-1, GENERIC_READ, OBJ_KERNEL_HANDLE, &handle), 0);
    assert_int_equal(nt_handle_access(handle), TOKEN_READ);
    assert_int_equal(ZwClose(handle), 0);
    assert_int_equal(ZwOpenThreadTokenEx((HANDLE)-2, GENERIC_READ, TRUE, 0, &handle),
                     STATUS_NO_TOKEN);
    PsDereferencePrimaryToken(system);
    assert_int_equal(PsLookupProcessByProcessId((HANDLE)(ULONG_PTR)getpid(), &process), 0);
    mine = PsReferencePrimaryToken(process);
    body = mine;
    assert_int_equal(((const SID *)body->user->token.sids[geteuid() ? 0 : 1].sid)->SubAuthority[1],
                     geteuid());
    PsDereferencePrimaryToken(mine);
    ObDereferenceObject(process);
    assert_finding(REFERENCE_BAD, 0);
}

static bool given;

static bool
is_given(void *handle)
{
    return given;
}

static void
test_a_lent_handle_is_not_the_drivers(void **state)
{
    ULONG needed;

    nt_handle_set_given(is_given);
    given = true;
    assert_int_equal(ZwQueryInformationToken(token->lent, TokenUser, NULL, 0, &needed),
                     STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(ZwQueryInformationToken(token->lent, TokenSource, NULL, 0, &needed),
                     STATUS_ACCESS_DENIED);
    assert_finding(HANDLE_LATE, 0);
    given = false;
    assert_int_equal(ZwQueryInformationToken(token->lent, TokenUser, NULL, 0, &needed),
                     STATUS_BUFFER_TOO_SMALL);
    assert_finding(HANDLE_LATE, 1);
    assert_int_equal(ZwClose(token->lent), STATUS_HANDLE_NOT_CLOSABLE);
    assert_finding(OBJECT_BAD, 1);
    nt_handle_set_given(NULL);
}

static void
test_one_reference_too_few_keeps_the_token(void **state)
{
    PsDereferencePrimaryToken(token);
    ObDereferenceObject(token);
    assert_finding(REFERENCE_BAD, 2);
    assert_int_equal(nt_object_type(token), NT_OBJECT_TOKEN);
    PsDereferencePrimaryToken((PVOID)ann);
    assert_finding(OBJECT_BAD, 1);
}

/** An ACE of the descriptor under test. */
struct entry {
    UCHAR type;
    ACCESS_MASK mask;
    const void *sid;
};

static NTSTATUS
check_access(const struct entry *entries, size_t count, ACCESS_MASK wanted,
             ACCESS_MASK *ret_granted)
{
    static GENERIC_MAPPING mapping = {0x1, 0x2, 0x4, 0x7};
    _Alignas(8) UCHAR bytes[512] = {0};
    SECURITY_DESCRIPTOR descriptor;
    PACL acl = (PACL)bytes;
    NTSTATUS status = 1;

    RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    assert_int_equal(RtlCreateAcl(acl, sizeof(bytes), ACL_REVISION), 0);
    for (size_t i = 0; i < count; i++) {
        ULONG at = sizeof(*acl);

        for (USHORT n = 0; n < acl->AceCount; n++)
            at += ((ACE_HEADER *)(bytes + at))->AceSize;
        assert_int_equal(
            RtlAddAccessAllowedAce(acl, ACL_REVISION, entries[i].mask, (PSID)entries[i].sid), 0);
        ((ACE_HEADER *)(bytes + at))->AceType = entries[i].type;
    }
    RtlSetDaclSecurityDescriptor(&descriptor, TRUE, entries ? acl : NULL, FALSE);
    *ret_granted = 0xEE;
    BOOLEAN is_allowed =
        SeAccessCheckFromState(&descriptor, (void *)token->user->access.data, NULL, wanted, 0, NULL,
                               &mapping, UserMode, ret_granted, &status);
    assert_int_equal(is_allowed, status == STATUS_SUCCESS);
    return status;
}

static void
test_access_is_checked_in_order(void **state)
{
    const struct entry allowed[] = {{0, 0x1, staff}, {0, 0x2, ann}},
                       denied_first[] = {{1, 0x2, staff}, {0, 0x7, ann}},
                       denied_last[] = {{0, 0x7, ann}, {1, 0x2, staff}},
                       system[] = {{0, 0x7, SeExports->SeLocalSystemSid}},
                       generic[] = {{0, GENERIC_ALL, SeExports->SeWorldSid}};
    ACCESS_MASK granted;

    assert_int_equal(check_access(allowed, 2, 0x3, &granted), 0);
    assert_int_equal(granted, 0x3);
    assert_int_equal(check_access(allowed, 2, 0x7, &granted), STATUS_ACCESS_DENIED);
    assert_int_equal(granted, 0);
    assert_int_equal(check_access(denied_first, 2, 0x2, &granted), STATUS_ACCESS_DENIED);
    assert_int_equal(check_access(denied_first, 2, 0x5, &granted), 0);
    assert_int_equal(check_access(denied_last, 2, 0x2, &granted), 0);
    assert_int_equal(check_access(denied_first, 2, 0x02000000 /* MAXIMUM_ALLOWED */, &granted), 0);
    assert_int_equal(granted, 0x5);
    assert_int_equal(check_access(system, 1, 0x1, &granted), STATUS_ACCESS_DENIED);
    assert_int_equal(check_access(generic, 1, GENERIC_WRITE, &granted), 0);
    assert_int_equal(granted, 0x2);
    assert_int_equal(check_access(system, 0, 0x1, &granted), STATUS_ACCESS_DENIED);
    assert_int_equal(check_access(NULL, 0, 0x1, &granted), 0);
}

static void
test_a_subject_is_the_system(void **state)
{
    static GENERIC_MAPPING mapping = {0x1, 0x2, 0x4, 0x7};
    SECURITY_SUBJECT_CONTEXT subject;
    SECURITY_DESCRIPTOR descriptor;
    ACCESS_MASK granted;
    NTSTATUS status;

    RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    RtlSetOwnerSecurityDescriptor(&descriptor, SeExports->SeLocalSystemSid, FALSE);
    RtlSetDaclSecurityDescriptor(&descriptor, TRUE, NULL, FALSE);
    SeCaptureSubjectContext(&subject);
    SeLockSubjectContext(&subject);
    assert_true(SeTokenIsAdmin(SeQuerySubjectContextToken(&subject)));
    assert_true(SeAccessCheck(&descriptor, &subject, TRUE, 0x4, 0, NULL, &mapping, UserMode,
                              &granted, &status));
    assert_true(
        SeAccessCheck(NULL, &subject, TRUE, 0x4, 0, NULL, &mapping, KernelMode, &granted, &status));
    assert_false(
        SeAccessCheck(NULL, &subject, TRUE, 0x4, 0, NULL, &mapping, UserMode, &granted, &status));
    assert_int_equal(status, STATUS_ACCESS_DENIED);
    SeUnlockSubjectContext(&subject);
    SeReleaseSubjectContext(&subject);
    assert_null(subject.PrimaryToken);
    assert_finding(REFERENCE_BAD, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_users_of_the_same_sids_have_one_token, setup),
        cmocka_unit_test_setup(test_every_class_fits_in_the_bytes_it_asks_for, setup),
        cmocka_unit_test_setup(test_what_a_token_tells, setup),
        cmocka_unit_test_setup(test_the_system_and_this_process, setup),
        cmocka_unit_test_setup(test_a_lent_handle_is_not_the_drivers, setup),
        cmocka_unit_test_setup(test_one_reference_too_few_keeps_the_token, setup),
        cmocka_unit_test_setup(test_access_is_checked_in_order, setup),
        cmocka_unit_test_setup(test_a_subject_is_the_system, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
