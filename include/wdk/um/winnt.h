/*
 * Security types of user mode. The kernel has the same ones from wdm.h; whoever comes first wins.
 * Ref: win32 winnt.
 */
#ifndef WDK_WINNT_H
#define WDK_WINNT_H

#include <ntdef.h>
#include <basetsd.h>
#include <guiddef.h>

#ifndef WDK_SE_H

typedef ULONG ACCESS_MASK, *PACCESS_MASK;
typedef PVOID PSECURITY_DESCRIPTOR;
typedef ULONG SECURITY_INFORMATION, *PSECURITY_INFORMATION;
typedef PVOID PSID;
typedef USHORT SECURITY_DESCRIPTOR_CONTROL, *PSECURITY_DESCRIPTOR_CONTROL;

#define DELETE                   (0x00010000)
#define READ_CONTROL             (0x00020000)
#define WRITE_DAC                (0x00040000)
#define WRITE_OWNER              (0x00080000)
#define SYNCHRONIZE              (0x00100000)
#define STANDARD_RIGHTS_REQUIRED (0x000F0000)
#define STANDARD_RIGHTS_READ     READ_CONTROL
#define STANDARD_RIGHTS_WRITE    READ_CONTROL
#define STANDARD_RIGHTS_EXECUTE  READ_CONTROL
#define GENERIC_READ             (0x80000000)
#define GENERIC_WRITE            (0x40000000)
#define GENERIC_EXECUTE          (0x20000000)
#define GENERIC_ALL              (0x10000000)

#define OWNER_SECURITY_INFORMATION (0x00000001)
#define GROUP_SECURITY_INFORMATION (0x00000002)
#define DACL_SECURITY_INFORMATION  (0x00000004)
#define SACL_SECURITY_INFORMATION  (0x00000008)

#define ACL_REVISION                 (2)
#define SECURITY_DESCRIPTOR_REVISION (1)
#define SID_REVISION                 (1)
#define SID_MAX_SUB_AUTHORITIES      (15)

typedef struct _ACL {
    UCHAR AclRevision;
    UCHAR Sbz1;
    USHORT AclSize;
    USHORT AceCount;
    USHORT Sbz2;
} ACL, *PACL;

typedef struct _SECURITY_DESCRIPTOR {
    UCHAR Revision;
    UCHAR Sbz1;
    SECURITY_DESCRIPTOR_CONTROL Control;
    PSID Owner;
    PSID Group;
    PACL Sacl;
    PACL Dacl;
} SECURITY_DESCRIPTOR, *PISECURITY_DESCRIPTOR;

typedef struct _SID_IDENTIFIER_AUTHORITY {
    UCHAR Value[6];
} SID_IDENTIFIER_AUTHORITY, *PSID_IDENTIFIER_AUTHORITY;

typedef struct _SID {
    UCHAR Revision;
    UCHAR SubAuthorityCount;
    SID_IDENTIFIER_AUTHORITY IdentifierAuthority;
    ULONG SubAuthority[1];
} SID, *PISID;

typedef struct _SID_AND_ATTRIBUTES {
    PSID Sid;
    ULONG Attributes;
} SID_AND_ATTRIBUTES, *PSID_AND_ATTRIBUTES;

#endif

#endif
