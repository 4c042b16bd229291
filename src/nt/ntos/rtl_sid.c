/*
 * SIDs, access control lists and security descriptors: building and measuring them.
 *
 * Ref        kernel/security-descriptors; ntifs RtlCreateAcl and neighbours
 */
#include "nt/ntos/nt_wdk.h"

static const SID *
sid_of(PSID sid)
{
    return sid;
}

/** Bytes of a SID. IRQL: any. Ref: ntifs/nf-ntifs-rtllengthsid. */
ULONG NTAPI
RtlLengthSid(PSID Sid)
{
    return RtlLengthRequiredSid(sid_of(Sid)->SubAuthorityCount);
}

/** Bytes of a SID with so many sub-authorities. IRQL: any. Ref: ntifs. */
ULONG NTAPI
RtlLengthRequiredSid(ULONG SubAuthorityCount)
{
    return (ULONG)(offsetof(SID, SubAuthority) + SubAuthorityCount * sizeof(ULONG));
}

/** IRQL: any. Ref: ntifs/nf-ntifs-rtlvalidsid. */
BOOLEAN NTAPI
RtlValidSid(PSID Sid)
{
    return Sid && sid_of(Sid)->Revision == SID_REVISION &&
           sid_of(Sid)->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

/** IRQL: any. Ref: ntifs/nf-ntifs-rtlequalsid. */
BOOLEAN NTAPI
RtlEqualSid(PSID Sid1, PSID Sid2)
{
    return RtlLengthSid(Sid1) == RtlLengthSid(Sid2) && memcmp(Sid1, Sid2, RtlLengthSid(Sid1)) == 0;
}

/** @return STATUS_BUFFER_TOO_SMALL. IRQL: any. Ref: ntifs/nf-ntifs-rtlcopysid. */
NTSTATUS NTAPI
RtlCopySid(ULONG DestinationSidLength, PSID DestinationSid, PSID SourceSid)
{
    ULONG length = RtlLengthSid(SourceSid);

    if (length > DestinationSidLength)
        return STATUS_BUFFER_TOO_SMALL;
    memmove(DestinationSid, SourceSid, length);
    return STATUS_SUCCESS;
}

/** Sub-authorities are the caller's to fill. Ref: ntifs/nf-ntifs-rtlinitializesid. */
NTSTATUS NTAPI
RtlInitializeSid(PSID Sid, PSID_IDENTIFIER_AUTHORITY IdentifierAuthority, UCHAR SubAuthorityCount)
{
    PISID sid = Sid;

    if (SubAuthorityCount > SID_MAX_SUB_AUTHORITIES)
        return STATUS_INVALID_PARAMETER;
    sid->Revision = SID_REVISION;
    sid->SubAuthorityCount = SubAuthorityCount;
    sid->IdentifierAuthority = *IdentifierAuthority;
    return STATUS_SUCCESS;
}

/** IRQL: any. Ref: ntifs/nf-ntifs-rtlsubauthoritysid. */
PULONG NTAPI
RtlSubAuthoritySid(PSID Sid, ULONG SubAuthority)
{
    return &((PISID)Sid)->SubAuthority[SubAuthority];
}

/** IRQL: any. Ref: ntifs/nf-ntifs-rtlsubauthoritycountsid. */
PUCHAR NTAPI
RtlSubAuthorityCountSid(PSID Sid)
{
    return &((PISID)Sid)->SubAuthorityCount;
}

/* --- lists --- */

/** An empty list in a buffer. @return STATUS_BUFFER_TOO_SMALL, STATUS_INVALID_PARAMETER. Ref: ntifs. */
NTSTATUS NTAPI
RtlCreateAcl(PACL Acl, ULONG AclLength, ULONG AclRevision)
{
    if (AclLength < sizeof(*Acl))
        return STATUS_BUFFER_TOO_SMALL;
    if (AclRevision < MIN_ACL_REVISION || AclRevision > MAX_ACL_REVISION || AclLength > 0xFFFC)
        return STATUS_INVALID_PARAMETER;
    memset(Acl, 0, sizeof(*Acl));
    Acl->AclRevision = (UCHAR)AclRevision;
    Acl->AclSize = (USHORT)(AclLength & ~3u);
    return STATUS_SUCCESS;
}

/** Bytes in use. */
static ULONG
used(const ACL *acl)
{
    ULONG at = sizeof(*acl);
    for (USHORT i = 0; i < acl->AceCount && at + sizeof(ACE_HEADER) <= acl->AclSize; i++)
        at += ((const ACE_HEADER *)((const char *)acl + at))->AceSize;
    return at;
}

static NTSTATUS
add_allowed(PACL acl, ULONG revision, ULONG flags, ACCESS_MASK mask, PSID sid)
{
    ULONG size = (ULONG)offsetof(ACCESS_ALLOWED_ACE, SidStart), at = used(acl);

    if (!RtlValidSid(sid))
        return STATUS_INVALID_SID;
    if (revision < MIN_ACL_REVISION || revision > MAX_ACL_REVISION)
        return STATUS_REVISION_MISMATCH;
    size += RtlLengthSid(sid);
    if (at + size > acl->AclSize)
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    PACCESS_ALLOWED_ACE ace = (void *)((char *)acl + at);
    ace->Header = (ACE_HEADER){0 /* ACCESS_ALLOWED_ACE_TYPE */, (UCHAR)flags, (USHORT)size};
    ace->Mask = mask;
    memcpy(&ace->SidStart, sid, RtlLengthSid(sid));
    acl->AceCount++;
    acl->AclRevision = MAX(acl->AclRevision, (UCHAR)revision);
    return STATUS_SUCCESS;
}

/** @return STATUS_ALLOTTED_SPACE_EXCEEDED, STATUS_INVALID_SID. Ref: ntifs/nf-ntifs-rtladdaccessallowedace. */
NTSTATUS NTAPI
RtlAddAccessAllowedAce(PACL Acl, ULONG AceRevision, ACCESS_MASK AccessMask, PSID Sid)
{
    return add_allowed(Acl, AceRevision, 0, AccessMask, Sid);
}

/** With inheritance flags. Ref: ntifs/nf-ntifs-rtladdaccessallowedaceex. */
NTSTATUS NTAPI
RtlAddAccessAllowedAceEx(PACL Acl, ULONG AceRevision, ULONG AceFlags, ACCESS_MASK AccessMask,
                         PSID Sid)
{
    return add_allowed(Acl, AceRevision, AceFlags, AccessMask, Sid);
}

/* --- descriptors: absolute ones are built, self-relative ones also measured --- */

/** @return STATUS_UNKNOWN_REVISION. IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-rtlcreatesecuritydescriptor. */
NTSTATUS NTAPI
RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Revision)
{
    PISECURITY_DESCRIPTOR sd = SecurityDescriptor;

    if (Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    memset(sd, 0, sizeof(*sd));
    sd->Revision = SECURITY_DESCRIPTOR_REVISION;
    return STATUS_SUCCESS;
}

/** A NULL list that is present grants everything. Ref: wdm/nf-wdm-rtlsetdaclsecuritydescriptor. */
NTSTATUS NTAPI
RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, BOOLEAN DaclPresent,
                             PACL Dacl, BOOLEAN DaclDefaulted)
{
    PISECURITY_DESCRIPTOR sd = SecurityDescriptor;

    if (sd->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    if (sd->Control & SE_SELF_RELATIVE)
        return STATUS_INVALID_SECURITY_DESCR;
    sd->Control &= (USHORT) ~(SE_DACL_PRESENT | SE_DACL_DEFAULTED);
    sd->Dacl = NULL;
    if (DaclPresent) {
        sd->Control |= SE_DACL_PRESENT | (DaclDefaulted ? SE_DACL_DEFAULTED : 0);
        sd->Dacl = Dacl;
    }
    return STATUS_SUCCESS;
}

/** Ref: ntifs/nf-ntifs-rtlsetownersecuritydescriptor. */
NTSTATUS NTAPI
RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Owner,
                              BOOLEAN OwnerDefaulted)
{
    PISECURITY_DESCRIPTOR sd = SecurityDescriptor;

    if (sd->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    if (sd->Control & SE_SELF_RELATIVE)
        return STATUS_INVALID_SECURITY_DESCR;
    sd->Owner = Owner;
    sd->Control =
        (USHORT)((sd->Control & ~SE_OWNER_DEFAULTED) | (OwnerDefaulted ? SE_OWNER_DEFAULTED : 0));
    return STATUS_SUCCESS;
}

/** Ref: ntifs/nf-ntifs-rtlsetgroupsecuritydescriptor. */
NTSTATUS NTAPI
RtlSetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Group,
                              BOOLEAN GroupDefaulted)
{
    PISECURITY_DESCRIPTOR sd = SecurityDescriptor;

    if (sd->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    if (sd->Control & SE_SELF_RELATIVE)
        return STATUS_INVALID_SECURITY_DESCR;
    sd->Group = Group;
    sd->Control =
        (USHORT)((sd->Control & ~SE_GROUP_DEFAULTED) | (GroupDefaulted ? SE_GROUP_DEFAULTED : 0));
    return STATUS_SUCCESS;
}

struct relative { /* SECURITY_DESCRIPTOR_RELATIVE */
    UCHAR revision, sbz1;
    USHORT control;
    ULONG owner, group, sacl, dacl; /* offsets; 0 = none */
};

static void *
part(PSECURITY_DESCRIPTOR descriptor, ULONG offset)
{
    return offset ? (char *)descriptor + offset : NULL;
}

/** The parts of either form. */
static SECURITY_DESCRIPTOR
absolute(PSECURITY_DESCRIPTOR descriptor)
{
    PISECURITY_DESCRIPTOR sd = descriptor;
    const struct relative *relative = descriptor;

    if (!(sd->Control & SE_SELF_RELATIVE))
        return *sd;
    return (SECURITY_DESCRIPTOR){relative->revision,
                                 relative->sbz1,
                                 relative->control,
                                 part(descriptor, relative->owner),
                                 part(descriptor, relative->group),
                                 part(descriptor, relative->sacl),
                                 part(descriptor, relative->dacl)};
}

/** Ref: ntifs/nf-ntifs-rtlgetdaclsecuritydescriptor. */
NTSTATUS NTAPI
RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PBOOLEAN DaclPresent,
                             PACL *Dacl, PBOOLEAN DaclDefaulted)
{
    SECURITY_DESCRIPTOR sd = absolute(SecurityDescriptor);

    if (sd.Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *DaclPresent = (sd.Control & SE_DACL_PRESENT) != 0;
    if (*DaclPresent) {
        *Dacl = sd.Dacl;
        *DaclDefaulted = (sd.Control & SE_DACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}

/** @p Owner becomes NULL without one. Ref: ntifs/nf-ntifs-rtlgetownersecuritydescriptor. */
NTSTATUS NTAPI
RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID *Owner,
                              PBOOLEAN OwnerDefaulted)
{
    SECURITY_DESCRIPTOR sd = absolute(SecurityDescriptor);

    if (sd.Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *Owner = sd.Owner;
    *OwnerDefaulted = (sd.Control & SE_OWNER_DEFAULTED) != 0;
    return STATUS_SUCCESS;
}

static bool
valid_acl(const ACL *acl)
{
    return !acl || (acl->AclRevision >= MIN_ACL_REVISION && acl->AclRevision <= MAX_ACL_REVISION &&
                    acl->AclSize >= sizeof(*acl) && used(acl) <= acl->AclSize);
}

/** IRQL: any. Ref: wdm/nf-wdm-rtlvalidsecuritydescriptor. */
BOOLEAN NTAPI
RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    SECURITY_DESCRIPTOR sd = absolute(SecurityDescriptor);

    return sd.Revision == SECURITY_DESCRIPTOR_REVISION && (!sd.Owner || RtlValidSid(sd.Owner)) &&
           (!sd.Group || RtlValidSid(sd.Group)) &&
           (!(sd.Control & SE_DACL_PRESENT) || valid_acl(sd.Dacl)) &&
           (!(sd.Control & SE_SACL_PRESENT) || valid_acl(sd.Sacl));
}

/** Bytes with its parts. IRQL: any. Ref: wdm/nf-wdm-rtllengthsecuritydescriptor. */
ULONG NTAPI
RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    SECURITY_DESCRIPTOR sd = absolute(SecurityDescriptor);
    ULONG length = sd.Control & SE_SELF_RELATIVE ? (ULONG)sizeof(struct relative)
                                                 : (ULONG)sizeof(SECURITY_DESCRIPTOR);

    if (sd.Owner)
        length += ALIGN_UP(RtlLengthSid(sd.Owner), 4u);
    if (sd.Group)
        length += ALIGN_UP(RtlLengthSid(sd.Group), 4u);
    if ((sd.Control & SE_DACL_PRESENT) && sd.Dacl)
        length += ALIGN_UP(sd.Dacl->AclSize, 4u);
    if ((sd.Control & SE_SACL_PRESENT) && sd.Sacl)
        length += ALIGN_UP(sd.Sacl->AclSize, 4u);
    return length;
}

/** Generic rights become specific ones. IRQL: any. Ref: wdm/nf-wdm-rtlmapgenericmask. */
VOID NTAPI
RtlMapGenericMask(PACCESS_MASK AccessMask, const GENERIC_MAPPING *GenericMapping)
{
    ACCESS_MASK mask = *AccessMask;

    if (mask & GENERIC_READ)
        mask |= GenericMapping->GenericRead;
    if (mask & GENERIC_WRITE)
        mask |= GenericMapping->GenericWrite;
    if (mask & GENERIC_EXECUTE)
        mask |= GenericMapping->GenericExecute;
    if (mask & GENERIC_ALL)
        mask |= GenericMapping->GenericAll;
    *AccessMask =
        mask & (ACCESS_MASK) ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}

/** The rights of files. IRQL: PASSIVE_LEVEL. Ref: ntddk/nf-ntddk-iogetfileobjectgenericmapping. */
PGENERIC_MAPPING NTAPI
IoGetFileObjectGenericMapping(VOID)
{
    static GENERIC_MAPPING mapping = {0x00120089, 0x00120116, 0x001200A0, 0x001F01FF};
    return &mapping;
}

/* --- well-known SIDs and privileges --- */

#define SID1(name, authority, a)                                                                   \
    static struct {                                                                                \
        UCHAR revision, count, value[6];                                                           \
        ULONG sub[1];                                                                              \
    } name = {1, 1, {0, 0, 0, 0, 0, authority}, {a}}
#define SID2(name, authority, a, b)                                                                \
    static struct {                                                                                \
        UCHAR revision, count, value[6];                                                           \
        ULONG sub[2];                                                                              \
    } name = {1, 2, {0, 0, 0, 0, 0, authority}, {a, b}}
SID1(null_sid, 0, 0);
SID1(world, 1, 0);
SID1(local, 2, 0);
SID1(creator_owner, 3, 0);
SID1(creator_group, 3, 1);
SID1(dialup, 5, 1);
SID1(network, 5, 2);
SID1(batch, 5, 3);
SID1(interactive, 5, 4);
SID1(anonymous, 5, 7);
SID1(authenticated, 5, 11);
SID1(restricted, 5, 12);
SID1(local_system, 5, 18);
SID1(local_service, 5, 19);
SID1(network_service, 5, 20);
SID2(admins, 5, 32, 544);
SID2(users, 5, 32, 545);
SID2(guests, 5, 32, 546);
SID2(power_users, 5, 32, 547);
SID1(untrusted, 16, 0);
SID1(low, 16, 0x1000);
SID1(medium, 16, 0x2000);
SID1(high, 16, 0x3000);
SID1(system_level, 16, 0x4000);
SID1(owner_rights, 3, 4);
SID2(all_packages, 15, 2, 1);

static SE_EXPORTS exports = {
    .SeCreateTokenPrivilege = {2, 0},
    .SeAssignPrimaryTokenPrivilege = {3, 0},
    .SeLockMemoryPrivilege = {4, 0},
    .SeIncreaseQuotaPrivilege = {5, 0},
    .SeTcbPrivilege = {7, 0},
    .SeSecurityPrivilege = {8, 0},
    .SeTakeOwnershipPrivilege = {9, 0},
    .SeLoadDriverPrivilege = {10, 0},
    .SeSystemProfilePrivilege = {11, 0},
    .SeSystemtimePrivilege = {12, 0},
    .SeProfileSingleProcessPrivilege = {13, 0},
    .SeIncreaseBasePriorityPrivilege = {14, 0},
    .SeCreatePagefilePrivilege = {15, 0},
    .SeCreatePermanentPrivilege = {16, 0},
    .SeBackupPrivilege = {17, 0},
    .SeRestorePrivilege = {18, 0},
    .SeShutdownPrivilege = {19, 0},
    .SeDebugPrivilege = {20, 0},
    .SeAuditPrivilege = {21, 0},
    .SeSystemEnvironmentPrivilege = {22, 0},
    .SeChangeNotifyPrivilege = {23, 0},
    .SeRemoteShutdownPrivilege = {24, 0},
    .SeNullSid = &null_sid,
    .SeWorldSid = &world,
    .SeLocalSid = &local,
    .SeCreatorOwnerSid = &creator_owner,
    .SeCreatorGroupSid = &creator_group,
    .SeDialupSid = &dialup,
    .SeNetworkSid = &network,
    .SeBatchSid = &batch,
    .SeInteractiveSid = &interactive,
    .SeLocalSystemSid = &local_system,
    .SeAliasAdminsSid = &admins,
    .SeAliasUsersSid = &users,
    .SeAliasGuestsSid = &guests,
    .SeAliasPowerUsersSid = &power_users,
    .SeAuthenticatedUsersSid = &authenticated,
    .SeRestrictedSid = &restricted,
    .SeAnonymousLogonSid = &anonymous,
    .SeLocalServiceSid = &local_service,
    .SeNetworkServiceSid = &network_service,
    .SeImpersonatePrivilege = {29, 0},
    .SeCreateGlobalPrivilege = {30, 0},
    .SeUntrustedMandatorySid = &untrusted,
    .SeLowMandatorySid = &low,
    .SeMediumMandatorySid = &medium,
    .SeHighMandatorySid = &high,
    .SeSystemMandatorySid = &system_level,
    .SeOwnerRightsSid = &owner_rights,
    .SeAllAppPackagesSid = &all_packages,
};
PSE_EXPORTS SeExports = &exports;
