/*
 * Run-time side of the filtering platform as programs see it: endpoints and tokens.
 *
 * Ref: win32 FWP, fwpsu.
 */
#ifndef WDK_FWPSU_H
#define WDK_FWPSU_H

#include <windows.h>

#include "fwpstypes.h"
#include "fwps_layers_generated.h"

struct _ACL;

#ifdef __cplusplus
extern "C" {
#endif

DWORD NTAPI FwpsAleEndpointGetById0(HANDLE engineHandle, UINT64 endpointId,
                                    FWPS_ALE_ENDPOINT_PROPERTIES0 **properties);
DWORD NTAPI FwpsAleEndpointCreateEnumHandle0(HANDLE engineHandle,
                                             const FWPS_ALE_ENDPOINT_ENUM_TEMPLATE0 *enumTemplate,
                                             HANDLE *enumHandle);
DWORD NTAPI FwpsAleEndpointEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 FWPS_ALE_ENDPOINT_PROPERTIES0 ***entries,
                                 UINT32 *numEntriesReturned);
DWORD NTAPI FwpsAleEndpointDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD NTAPI FwpsAleEndpointGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                            struct _SID **sidOwner, struct _SID **sidGroup,
                                            struct _ACL **dacl, struct _ACL **sacl,
                                            PSECURITY_DESCRIPTOR *securityDescriptor);
DWORD NTAPI FwpsAleEndpointSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                            const struct _SID *sidOwner,
                                            const struct _SID *sidGroup, const struct _ACL *dacl,
                                            const struct _ACL *sacl);
DWORD NTAPI FwpsOpenToken0(HANDLE engineHandle, LUID modifiedId, DWORD desiredAccess,
                           HANDLE *accessToken);

#ifdef __cplusplus
}
#endif

#endif
