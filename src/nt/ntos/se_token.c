/*
 * Tokens as drivers ask about them.
 *
 * Model      A table row a class of information: what it needs at least, and how it is written. An
 *            answer is made twice, first to measure it. Pointers in it lead into it.
 * Gap        TokenDefaultDacl, TokenLinkedToken, TokenLogonSid and classes newer than the table are
 *            refused as unknown. Tokens hold no privileges.
 * Ref        ntifs/nf-ntifs-zwqueryinformationtoken, ntifs/nf-ntifs-sequeryinformationtoken
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_process.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_token.h"

#define ANSWER_TAG      0x6f546553 /* "SeTo" */
#define THIS_PROCESS    ((HANDLE)(LONG_PTR)-1)
#define THIS_THREAD     ((HANDLE)(LONG_PTR)-2)
#define INTEGRITY_LABEL 0x60u /* SE_GROUP_INTEGRITY, SE_GROUP_INTEGRITY_ENABLED */
#define NO_WRITE_UP     0x1u  /* TOKEN_MANDATORY_POLICY_NO_WRITE_UP */
#define UNIX_AUTHORITY  22
#define UNIX_GROUP      2 /* S-1-22-2-gid */
#define LEVEL_OF_SYSTEM 0x4000
#define LEVEL_OF_ADMINS 0x3000
#define LEVEL_OF_OTHERS 0x2000

static_assert(sizeof(SID_AND_ATTRIBUTES) == sizeof(struct wfp_sid_and_attributes), "one layout");

/* ---- answers ---- */

/** What is written so far; without a buffer only measured. */
struct answer {
    UCHAR *buffer;
    ULONG used;
};

/** Room for the next part, cleared; NULL while measuring. */
static void *
part(struct answer *answer, size_t size)
{
    ULONG at = ALIGN_UP(answer->used, 8u);

    answer->used = at + (ULONG)size;
    return answer->buffer ? memset(answer->buffer + at, 0, size) : NULL;
}

static PSID
put_sid(struct answer *answer, const void *sid)
{
    ULONG size = RtlLengthSid((PSID)(ULONG_PTR)sid);
    void *place = part(answer, size);

    return place ? memcpy(place, sid, size) : NULL;
}

static const struct wfp_sid_and_attributes *
sids_of(const struct nt_token *token)
{
    return token->user->token.sids;
}

static ULONG
count_of(const struct nt_token *token)
{
    return token->user->token.sid_count;
}

static bool
is_admin(const struct nt_token *token)
{
    return nt_token_has(token, SeExports->SeAliasAdminsSid);
}

static bool
is_system(const struct nt_token *token)
{
    return RtlEqualSid(sids_of(token)[0].sid, SeExports->SeLocalSystemSid);
}

static ULONG
integrity_of(const struct nt_token *token)
{
    return is_system(token) ? LEVEL_OF_SYSTEM : is_admin(token) ? LEVEL_OF_ADMINS : LEVEL_OF_OTHERS;
}

static LUID
luid(uint64_t number)
{
    return (LUID){(ULONG)number, (LONG)(number >> 32)};
}

static void
put_number(struct answer *answer, ULONG number)
{
    ULONG *place = part(answer, sizeof(*place));

    if (place)
        *place = number;
}

static void
put_user(const struct nt_token *token, struct answer *answer)
{
    TOKEN_USER *user = part(answer, sizeof(*user));
    PSID sid = put_sid(answer, sids_of(token)[0].sid);

    if (user)
        user->User.Sid = sid;
}

/** @param from  the first of the token's SIDs that is a group */
static void
put_list(const struct nt_token *token, ULONG from, struct answer *answer)
{
    ULONG count = count_of(token) - from;
    TOKEN_GROUPS *groups =
        part(answer, offsetof(TOKEN_GROUPS, Groups) + count * sizeof(SID_AND_ATTRIBUTES));

    if (groups)
        groups->GroupCount = count;
    for (ULONG i = 0; i < count; i++) {
        PSID sid = put_sid(answer, sids_of(token)[from + i].sid);

        if (groups)
            groups->Groups[i] = (SID_AND_ATTRIBUTES){sid, sids_of(token)[from + i].attributes};
    }
}

static void
put_groups(const struct nt_token *token, struct answer *answer)
{
    put_list(token, 1, answer);
}

static void
put_no_groups(const struct nt_token *token, struct answer *answer)
{
    put_list(token, count_of(token), answer);
}

static void
put_no_privileges(const struct nt_token *token, struct answer *answer)
{
    put_number(answer, 0);
}

/** What administrators make belongs to their group. */
static void
put_owner(const struct nt_token *token, struct answer *answer)
{
    TOKEN_OWNER *owner = part(answer, sizeof(*owner));
    PSID sid =
        put_sid(answer, is_admin(token) ? SeExports->SeAliasAdminsSid : sids_of(token)[0].sid);

    if (owner)
        owner->Owner = sid;
}

static void
put_primary_group(const struct nt_token *token, struct answer *answer)
{
    TOKEN_PRIMARY_GROUP *group = part(answer, sizeof(*group));
    const SID *found = sids_of(token)[0].sid;
    PSID sid;

    for (ULONG i = 1; i < count_of(token); i++) {
        const SID *one = sids_of(token)[i].sid;

        if (one->IdentifierAuthority.Value[5] == UNIX_AUTHORITY && one->SubAuthorityCount == 2 &&
            one->SubAuthority[0] == UNIX_GROUP) {
            found = one;
            break;
        }
    }
    sid = put_sid(answer, found);
    if (group)
        group->PrimaryGroup = sid;
}

static void
put_source(const struct nt_token *token, struct answer *answer)
{
    TOKEN_SOURCE *source = part(answer, sizeof(*source));

    if (!source)
        return;
    memcpy(source->SourceName, "OpenWFP", 8);
    source->SourceIdentifier = luid(token->id);
}

static void
put_statistics(const struct nt_token *token, struct answer *answer)
{
    TOKEN_STATISTICS *statistics = part(answer, sizeof(*statistics));

    if (!statistics)
        return;
    statistics->TokenId = luid(token->id);
    statistics->AuthenticationId = luid(token->authentication_id);
    statistics->ExpirationTime.QuadPart = MAXLONGLONG;
    statistics->TokenType = TokenPrimary;
    statistics->GroupCount = count_of(token) - 1;
    statistics->ModifiedId = luid(token->modified_id);
}

static void
put_type(const struct nt_token *token, struct answer *answer)
{
    put_number(answer, TokenPrimary);
}

static void
put_zero(const struct nt_token *token, struct answer *answer)
{
    put_number(answer, 0);
}

static void
put_elevation_type(const struct nt_token *token, struct answer *answer)
{
    put_number(answer, TokenElevationTypeDefault);
}

static void
put_elevation(const struct nt_token *token, struct answer *answer)
{
    put_number(answer, is_admin(token));
}

static void
put_mandatory_policy(const struct nt_token *token, struct answer *answer)
{
    put_number(answer, NO_WRITE_UP);
}

static void
put_integrity(const struct nt_token *token, struct answer *answer)
{
    TOKEN_MANDATORY_LABEL *label = part(answer, sizeof(*label));
    SID level = {SID_REVISION, 1, {{0, 0, 0, 0, 0, 16}}, {integrity_of(token)}};
    PSID sid = put_sid(answer, &level);

    if (label)
        label->Label = (SID_AND_ATTRIBUTES){sid, INTEGRITY_LABEL};
}

static void
put_no_container(const struct nt_token *token, struct answer *answer)
{
    part(answer, sizeof(TOKEN_APPCONTAINER_INFORMATION));
}

/** The block that values of ALE_USER_ID show, its pointers led into the copy. */
static void
put_access(const struct nt_token *token, struct answer *answer)
{
    const struct wfp_blob *from = &token->user->access;
    TOKEN_ACCESS_INFORMATION *access = part(answer, from->size);
    UCHAR *copy = (UCHAR *)access;

    if (!access)
        return;
    memcpy(copy, from->data, from->size);
#define LEAD(pointer) (void *)(copy + ((UCHAR *)(pointer)-from->data))
    access->SidHash = LEAD(access->SidHash);
    access->Privileges = LEAD(access->Privileges);
    access->SidHash->SidAttr = LEAD(access->SidHash->SidAttr);
    for (ULONG i = 0; i < access->SidHash->SidCount; i++)
        access->SidHash->SidAttr[i].Sid = LEAD(access->SidHash->SidAttr[i].Sid);
#undef LEAD
    access->AuthenticationId = luid(token->authentication_id);
}

typedef void put_information(const struct nt_token *token, struct answer *answer);

static put_information *const classes[] = {
    [TokenUser] = put_user,
    [TokenGroups] = put_groups,
    [TokenPrivileges] = put_no_privileges,
    [TokenOwner] = put_owner,
    [TokenPrimaryGroup] = put_primary_group,
    [TokenSource] = put_source,
    [TokenType] = put_type,
    [TokenStatistics] = put_statistics,
    [TokenRestrictedSids] = put_no_groups,
    [TokenSessionId] = put_zero,
    [TokenSandBoxInert] = put_zero,
    [TokenElevationType] = put_elevation_type,
    [TokenElevation] = put_elevation,
    [TokenHasRestrictions] = put_zero,
    [TokenAccessInformation] = put_access,
    [TokenVirtualizationAllowed] = put_zero,
    [TokenVirtualizationEnabled] = put_zero,
    [TokenIntegrityLevel] = put_integrity,
    [TokenUIAccess] = put_zero,
    [TokenMandatoryPolicy] = put_mandatory_policy,
    [TokenIsAppContainer] = put_zero,
    [TokenCapabilities] = put_no_groups,
    [TokenAppContainerSid] = put_no_container,
    [TokenAppContainerNumber] = put_zero,
};

/** @return NULL for a class that is not known, or that a primary token has not */
static put_information *
find_class(TOKEN_INFORMATION_CLASS class)
{
    return (unsigned)class < ELEMENTSOF(classes) ? classes[class] : NULL;
}

/* ---- by handle ---- */

/**
 * Information about a token.
 *
 * @param ReturnLength  receives the bytes written, or needed
 * @return STATUS_SUCCESS; STATUS_INVALID_HANDLE; STATUS_OBJECT_TYPE_MISMATCH; STATUS_ACCESS_DENIED
 *         without TOKEN_QUERY (TOKEN_QUERY_SOURCE for TokenSource); STATUS_INVALID_INFO_CLASS, also
 *         for TokenImpersonationLevel of a primary token; STATUS_BUFFER_TOO_SMALL
 * IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-zwqueryinformationtoken.
 */
NTSTATUS NTAPI
ZwQueryInformationToken(HANDLE TokenHandle, TOKEN_INFORMATION_CLASS TokenInformationClass,
                        PVOID TokenInformation, ULONG TokenInformationLength, PULONG ReturnLength)
{
    ULONG needs = TokenInformationClass == TokenSource ? TOKEN_QUERY_SOURCE : TOKEN_QUERY;
    _cleanup_(nt_object_unrefp) struct nt_token *token = NULL;
    put_information *put = find_class(TokenInformationClass);
    struct answer answer = {0};

    NT_IRQL_MAX(PASSIVE_LEVEL);
    NTSTATUS status = nt_handle_resolve(TokenHandle, NT_OBJECT_TOKEN, (void **)&token);
    if (!NT_SUCCESS(status))
        return status;
    if (!(nt_handle_access(TokenHandle) & needs))
        return STATUS_ACCESS_DENIED;
    if (!put)
        return STATUS_INVALID_INFO_CLASS;
    put(token, &answer);
    *ReturnLength = answer.used;
    if (answer.used > TokenInformationLength || !TokenInformation)
        return STATUS_BUFFER_TOO_SMALL;
    answer = (struct answer){TokenInformation, 0};
    put(token, &answer);
    return STATUS_SUCCESS;
}

/** The same from kernel mode. Ref: ntifs/nf-ntifs-ntqueryinformationtoken. */
NTSTATUS NTAPI
NtQueryInformationToken(HANDLE TokenHandle, TOKEN_INFORMATION_CLASS TokenInformationClass,
                        PVOID TokenInformation, ULONG TokenInformationLength, PULONG ReturnLength)
{
    return ZwQueryInformationToken(TokenHandle, TokenInformationClass, TokenInformation,
                                   TokenInformationLength, ReturnLength);
}

/**
 * A handle on a process's token; ZwClose closes it.
 *
 * @param HandleAttributes  OBJ_KERNEL_HANDLE, or 0: drivers run in the system process
 * @return STATUS_SUCCESS, STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH,
 *         STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-zwopenprocesstokenex.
 */
NTSTATUS NTAPI
ZwOpenProcessTokenEx(HANDLE ProcessHandle, ACCESS_MASK DesiredAccess, ULONG HandleAttributes,
                     PHANDLE TokenHandle)
{
    _cleanup_(nt_object_unrefp) struct nt_process *process = NULL;
    _cleanup_(nt_object_unrefp) struct nt_token *token = NULL;
    NTSTATUS status = STATUS_SUCCESS;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (HandleAttributes & (ULONG)~OBJ_KERNEL_HANDLE)
        return STATUS_INVALID_PARAMETER;
    if (ProcessHandle == THIS_PROCESS)
        process = nt_object_ref(nt_process_system());
    else
        status = nt_handle_resolve(ProcessHandle, NT_OBJECT_PROCESS, (void **)&process);
    if (!NT_SUCCESS(status))
        return status;
    token = nt_token_of_process(process);
    if (!token)
        return STATUS_INSUFFICIENT_RESOURCES;
    *TokenHandle = nt_handle_new(token, nt_token_rights(DesiredAccess), nt_driver_current());
    return *TokenHandle ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/** The same from kernel mode. Ref: ntifs/nf-ntifs-ntopenprocesstokenex. */
NTSTATUS NTAPI
NtOpenProcessTokenEx(HANDLE ProcessHandle, ACCESS_MASK DesiredAccess, ULONG HandleAttributes,
                     PHANDLE TokenHandle)
{
    return ZwOpenProcessTokenEx(ProcessHandle, DesiredAccess, HandleAttributes, TokenHandle);
}

/**
 * The token of a thread that impersonates a client: none does here.
 *
 * @return STATUS_NO_TOKEN; STATUS_INVALID_HANDLE; STATUS_OBJECT_TYPE_MISMATCH;
 *         STATUS_INVALID_PARAMETER
 * IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-zwopenthreadtokenex.
 */
NTSTATUS NTAPI
ZwOpenThreadTokenEx(HANDLE ThreadHandle, ACCESS_MASK DesiredAccess, BOOLEAN OpenAsSelf,
                    ULONG HandleAttributes, PHANDLE TokenHandle)
{
    _cleanup_(nt_object_unrefp) struct nt_thread *thread = NULL;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (HandleAttributes & (ULONG)~OBJ_KERNEL_HANDLE)
        return STATUS_INVALID_PARAMETER;
    if (ThreadHandle != THIS_THREAD) {
        NTSTATUS status = nt_handle_resolve(ThreadHandle, NT_OBJECT_THREAD, (void **)&thread);
        if (!NT_SUCCESS(status))
            return status;
    }
    return STATUS_NO_TOKEN;
}

/** The same from kernel mode. Ref: ntifs/nf-ntifs-ntopenthreadtokenex. */
NTSTATUS NTAPI
NtOpenThreadTokenEx(HANDLE ThreadHandle, ACCESS_MASK DesiredAccess, BOOLEAN OpenAsSelf,
                    ULONG HandleAttributes, PHANDLE TokenHandle)
{
    return ZwOpenThreadTokenEx(ThreadHandle, DesiredAccess, OpenAsSelf, HandleAttributes,
                               TokenHandle);
}

/* ---- by object ---- */

/** NULL and a finding for what is no token. */
static const struct nt_token *
token_of(PACCESS_TOKEN object, const char *function)
{
    if (nt_object_type(object) == NT_OBJECT_TOKEN)
        return object;
    nt_finding(NT_FINDING_OBJECT_BAD, "%s: this is no token", function);
    return NULL;
}

/**
 * Information about a token, in pool that the caller frees with ExFreePool.
 *
 * @param TokenInformation  receives its address; for TokenSessionId and TokenIntegrityLevel the value
 * @return STATUS_SUCCESS, STATUS_INVALID_INFO_CLASS, STATUS_INVALID_PARAMETER for what is no token,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-sequeryinformationtoken.
 */
NTSTATUS NTAPI
SeQueryInformationToken(PACCESS_TOKEN Token, TOKEN_INFORMATION_CLASS TokenInformationClass,
                        PVOID *TokenInformation)
{
    const struct nt_token *token = token_of(Token, "SeQueryInformationToken");
    put_information *put = find_class(TokenInformationClass);
    struct answer answer = {0};

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!token)
        return STATUS_INVALID_PARAMETER;
    if (!put)
        return STATUS_INVALID_INFO_CLASS;
    if (TokenInformationClass == TokenSessionId || TokenInformationClass == TokenIntegrityLevel) {
        *(ULONG *)TokenInformation =
            TokenInformationClass == TokenSessionId ? 0 : integrity_of(token);
        return STATUS_SUCCESS;
    }
    put(token, &answer);
    answer.buffer = nt_pool_allocate(answer.used, ANSWER_TAG, true, NT_CALLER);
    if (!answer.buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    *TokenInformation = answer.buffer;
    answer.used = 0;
    put(token, &answer);
    return STATUS_SUCCESS;
}

/** The logon session: 0x3e7 for LocalSystem, one of their own for others. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-sequeryauthenticationidtoken. */
NTSTATUS NTAPI
SeQueryAuthenticationIdToken(PACCESS_TOKEN Token, PLUID AuthenticationId)
{
    const struct nt_token *token = token_of(Token, "SeQueryAuthenticationIdToken");

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!token)
        return STATUS_INVALID_PARAMETER;
    *AuthenticationId = luid(token->authentication_id);
    return STATUS_SUCCESS;
}

/** Session 0: there are no others. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-sequerysessionidtoken. */
NTSTATUS NTAPI
SeQuerySessionIdToken(PACCESS_TOKEN Token, PULONG SessionId)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!token_of(Token, "SeQuerySessionIdToken"))
        return STATUS_INVALID_PARAMETER;
    *SessionId = 0;
    return STATUS_SUCCESS;
}

/** Is it a member of Administrators? IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-setokenisadmin. */
BOOLEAN NTAPI
SeTokenIsAdmin(PACCESS_TOKEN Token)
{
    const struct nt_token *token = token_of(Token, "SeTokenIsAdmin");

    NT_IRQL_MAX(PASSIVE_LEVEL);
    return token && is_admin(token);
}

/** No token of ours has restricting SIDs. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-setokenisrestricted. */
BOOLEAN NTAPI
SeTokenIsRestricted(PACCESS_TOKEN Token)
{
    const struct nt_token *token = token_of(Token, "SeTokenIsRestricted");

    NT_IRQL_MAX(PASSIVE_LEVEL);
    return token && token->user->token.restricted_sid_count != 0;
}

/** All are primary: nobody impersonates. IRQL: any. Ref: ntifs/nf-ntifs-setokentype. */
TOKEN_TYPE NTAPI
SeTokenType(PACCESS_TOKEN Token)
{
    token_of(Token, "SeTokenType");
    return TokenPrimary;
}

/* ---- by process and thread ---- */

/**
 * The token of a process, referenced: PsDereferencePrimaryToken lets go of it.
 *
 * A process of this machine has its effective user's, the system process LocalSystem's; one that
 * nothing is known of, as in a capture, the anonymous one.
 *
 * @return NULL when memory is out. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-psreferenceprimarytoken.
 */
PACCESS_TOKEN NTAPI
PsReferencePrimaryToken(PEPROCESS Process)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (nt_object_type(Process) != NT_OBJECT_PROCESS) {
        nt_finding(NT_FINDING_OBJECT_BAD, "PsReferencePrimaryToken: this is no process");
        return NULL;
    }
    return nt_token_of_process((struct nt_process *)Process);
}

/** IRQL: < DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-psdereferenceprimarytoken. */
VOID NTAPI
PsDereferencePrimaryToken(PACCESS_TOKEN PrimaryToken)
{
    NT_IRQL_MAX(APC_LEVEL);
    if (token_of(PrimaryToken, "PsDereferencePrimaryToken"))
        nt_token_unref(PrimaryToken);
}

/** No thread impersonates. @return NULL. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-psreferenceimpersonationtoken. */
PACCESS_TOKEN NTAPI
PsReferenceImpersonationToken(PETHREAD Thread, PBOOLEAN CopyOnOpen, PBOOLEAN EffectiveOnly,
                              PSECURITY_IMPERSONATION_LEVEL ImpersonationLevel)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return NULL;
}

/** NULL is fine. IRQL: < DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-psdereferenceimpersonationtoken. */
VOID NTAPI
PsDereferenceImpersonationToken(PACCESS_TOKEN ImpersonationToken)
{
    if (ImpersonationToken)
        PsDereferencePrimaryToken(ImpersonationToken);
}
