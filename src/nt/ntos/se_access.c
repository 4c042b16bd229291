/*
 * Access checks over security descriptors, and whom they are made for.
 *
 * Model      Driver code runs in the system process on threads that impersonate nobody: a captured
 *            context holds LocalSystem's token. The check walks the DACL in order until every right
 *            that is wanted is granted or one is denied, as win32 tells it; the owner may always read
 *            the descriptor and write its DACL.
 * Gap        Mandatory labels, conditional and object ACEs are passed over. No privilege is used.
 * Ref        wdm/nf-wdm-seaccesscheck; win32 SecAuthZ/how-dacls-control-access-to-an-object
 */
#include "nt/ntos/nt_wdk.h"

#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_process.h"
#include "nt/ntos/nt_token.h"

#define ACE_ALLOWED      0
#define ACE_DENIED       1
#define ACE_INHERIT_ONLY 0x08
#define GROUP_ENABLED    0x4u
#define GROUP_DENY_ONLY  0x10u
#define READ_CONTROL_BIT 0x00020000u
#define WRITE_DAC_BIT    0x00040000u
#define MAXIMUM_BIT      0x02000000u
#define GENERIC_ALL_BIT  0x10000000u

/** Whose SIDs count: the user's first, then groups. */
struct subject {
    const SID_AND_ATTRIBUTES *sids;
    ULONG count;
};

/** A question and what is known of its answer. */
struct check {
    ACCESS_MASK wanted, granted, denied;
    bool is_maximum; /* whatever is allowed, besides what is wanted */
    const GENERIC_MAPPING *mapping;
};

static bool
holds(const struct subject *subject, PSID sid, bool denying)
{
    for (ULONG i = 0; i < subject->count; i++) {
        ULONG attributes = subject->sids[i].Attributes;

        if (!RtlEqualSid(subject->sids[i].Sid, sid))
            continue;
        if (attributes & GROUP_DENY_ONLY)
            return denying;
        if (i == 0 || attributes & GROUP_ENABLED)
            return true;
    }
    return false;
}

static void
take_ace(const ACCESS_ALLOWED_ACE *ace, const struct subject *subject, struct check *check)
{
    bool denies = ace->Header.AceType == ACE_DENIED;
    ACCESS_MASK mask = ace->Mask;

    if (ace->Header.AceType > ACE_DENIED || ace->Header.AceFlags & ACE_INHERIT_ONLY ||
        !holds(subject, (PSID)(ULONG_PTR)&ace->SidStart, denies))
        return;
    RtlMapGenericMask(&mask, check->mapping);
    if (denies)
        check->denied |= mask & ~check->granted;
    else
        check->granted |= mask & ~check->denied;
}

static void
walk(const ACL *acl, const struct subject *subject, struct check *check)
{
    const char *at = (const char *)(acl + 1), *end = (const char *)acl + acl->AclSize;

    for (USHORT i = 0; i < acl->AceCount && at + sizeof(ACCESS_ALLOWED_ACE) <= end; i++) {
        take_ace((const ACCESS_ALLOWED_ACE *)at, subject, check);
        at += ((const ACE_HEADER *)at)->AceSize;
    }
}

static void
consult(PSECURITY_DESCRIPTOR descriptor, const struct subject *subject, struct check *check)
{
    BOOLEAN is_present = FALSE, is_defaulted;
    PSID owner = NULL;
    PACL dacl = NULL;

    RtlGetDaclSecurityDescriptor(descriptor, &is_present, &dacl, &is_defaulted);
    RtlGetOwnerSecurityDescriptor(descriptor, &owner, &is_defaulted);
    if (owner && holds(subject, owner, false))
        check->granted |= READ_CONTROL_BIT | WRITE_DAC_BIT;
    if (!is_present || !dacl) /* everyone may do everything */
        check->granted |= check->is_maximum ? check->wanted | GENERIC_ALL_BIT : check->wanted;
    else
        walk(dacl, subject, check);
}

static BOOLEAN
decide(PSECURITY_DESCRIPTOR descriptor, const struct subject *subject, ACCESS_MASK desired,
       ACCESS_MASK previous, const GENERIC_MAPPING *mapping, KPROCESSOR_MODE mode,
       ACCESS_MASK *ret_granted, NTSTATUS *ret_status)
{
    struct check check = {.is_maximum = desired & MAXIMUM_BIT, .mapping = mapping};

    RtlMapGenericMask(&desired, mapping);
    check.wanted = desired & ~MAXIMUM_BIT & ~previous;
    *ret_status = STATUS_SUCCESS;
    if (mode == KernelMode) {
        *ret_granted = previous | (check.is_maximum ? mapping->GenericAll : 0) | check.wanted;
        return TRUE;
    }
    if (descriptor && RtlValidSecurityDescriptor(descriptor))
        consult(descriptor, subject, &check);
    if ((check.wanted & ~check.granted) || !(check.wanted | previous | check.granted)) {
        *ret_granted = 0;
        *ret_status = STATUS_ACCESS_DENIED;
        return FALSE;
    }
    *ret_granted = previous | (check.is_maximum ? check.granted : check.wanted);
    return TRUE;
}

/**
 * Would @p SubjectSecurityContext be granted @p DesiredAccess?
 *
 * @param AccessMode     KernelMode is granted everything
 * @param Privileges     NULL is written: none is used. May be NULL
 * @param GrantedAccess  receives what was granted, 0 when it was refused
 * @param AccessStatus   receives STATUS_SUCCESS or STATUS_ACCESS_DENIED
 * IRQL: PASSIVE_LEVEL. Ref: wdm/nf-wdm-seaccesscheck.
 */
BOOLEAN NTAPI
SeAccessCheck(PSECURITY_DESCRIPTOR SecurityDescriptor,
              PSECURITY_SUBJECT_CONTEXT SubjectSecurityContext, BOOLEAN SubjectContextLocked,
              ACCESS_MASK DesiredAccess, ACCESS_MASK PreviouslyGrantedAccess,
              PPRIVILEGE_SET *Privileges, PGENERIC_MAPPING GenericMapping,
              KPROCESSOR_MODE AccessMode, ACCESS_MASK *GrantedAccess, NTSTATUS *AccessStatus)
{
    const struct nt_token *token = SeQuerySubjectContextToken(SubjectSecurityContext);
    struct subject subject = {0};

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (Privileges)
        *Privileges = NULL;
    if (token)
        subject = (struct subject){(const SID_AND_ATTRIBUTES *)token->user->token.sids,
                                   token->user->token.sid_count};
    return decide(SecurityDescriptor, &subject, DesiredAccess, PreviouslyGrantedAccess,
                  GenericMapping, AccessMode, GrantedAccess, AccessStatus);
}

/**
 * The same for who is described, as values of type FWP_TOKEN_ACCESS_INFORMATION_TYPE do.
 * IRQL: <= DISPATCH_LEVEL. Ref: ntifs/nf-ntifs-seaccesscheckfromstate.
 */
BOOLEAN NTAPI
SeAccessCheckFromState(PSECURITY_DESCRIPTOR SecurityDescriptor,
                       PTOKEN_ACCESS_INFORMATION PrimaryTokenInformation,
                       PTOKEN_ACCESS_INFORMATION ClientTokenInformation, ACCESS_MASK DesiredAccess,
                       ACCESS_MASK PreviouslyGrantedAccess, PPRIVILEGE_SET *Privileges,
                       PGENERIC_MAPPING GenericMapping, KPROCESSOR_MODE AccessMode,
                       PACCESS_MASK GrantedAccess, NTSTATUS *AccessStatus)
{
    const TOKEN_ACCESS_INFORMATION *who =
        ClientTokenInformation ? ClientTokenInformation : PrimaryTokenInformation;
    struct subject subject = {who->SidHash->SidAttr, who->SidHash->SidCount};

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (Privileges)
        *Privileges = NULL;
    return decide(SecurityDescriptor, &subject, DesiredAccess, PreviouslyGrantedAccess,
                  GenericMapping, AccessMode, GrantedAccess, AccessStatus);
}

/** Free what an access check gave. NULL is fine. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-sefreeprivileges. */
VOID NTAPI
SeFreePrivileges(PPRIVILEGE_SET Privileges)
{
    if (Privileges)
        nt_pool_free(Privileges, 0);
}

/* ---- whom it is for ---- */

/** The thread's: the system process's token, referenced. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-secapturesubjectcontext. */
VOID NTAPI
SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    *SubjectContext = (SECURITY_SUBJECT_CONTEXT){
        .PrimaryToken = nt_token_of_process(nt_process_system()),
        .ProcessAuditId = (PVOID)(ULONG_PTR)nt_process_system()->id,
    };
}

/** IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-sereleasesubjectcontext. */
VOID NTAPI
SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (SubjectContext->PrimaryToken)
        PsDereferencePrimaryToken(SubjectContext->PrimaryToken);
    SubjectContext->PrimaryToken = NULL;
}

/** Tokens never change here. IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-selocksubjectcontext. */
VOID NTAPI
SeLockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
}

/** IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-seunlocksubjectcontext. */
VOID NTAPI
SeUnlockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
}

/**
 * Does the caller hold a privilege? Kernel mode and LocalSystem, in whose process drivers run, do.
 * IRQL: PASSIVE_LEVEL. Ref: ntddk/nf-ntddk-sesingleprivilegecheck.
 */
BOOLEAN NTAPI
SeSinglePrivilegeCheck(LUID PrivilegeValue, KPROCESSOR_MODE PreviousMode)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    return TRUE;
}
