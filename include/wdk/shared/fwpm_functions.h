/*
 * Management functions that drivers and programs share. Drivers get NTSTATUS, programs a Windows
 * error code in a DWORD: FWPM_STATUS is the one or the other (fwpmk.h, fwpmu.h).
 *
 * Ref: win32 FWP functions (fwpmu) and ddi fwpmk.
 */
#ifndef FWPM_STATUS
#error "include fwpmk.h or fwpmu.h"
#endif

#ifndef WDK_FWPM_FUNCTIONS_H
#define WDK_FWPM_FUNCTIONS_H

struct _SEC_WINNT_AUTH_IDENTITY_W;
struct _ACL;

#ifdef __cplusplus
extern "C" {
#endif

/* ---- memory ---- */

void NTAPI FwpmFreeMemory0(void **p);

/* ---- engine and sessions ---- */

FWPM_STATUS NTAPI FwpmEngineOpen0(const WCHAR *serverName, UINT32 authnService,
                                  struct _SEC_WINNT_AUTH_IDENTITY_W *authIdentity,
                                  const FWPM_SESSION0 *session, HANDLE *engineHandle);
FWPM_STATUS NTAPI FwpmEngineClose0(HANDLE engineHandle);
FWPM_STATUS NTAPI FwpmEngineGetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option,
                                       FWP_VALUE0 **value);
FWPM_STATUS NTAPI FwpmEngineSetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option,
                                       const FWP_VALUE0 *newValue);
FWPM_STATUS NTAPI FwpmEngineGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                             struct _SID **sidOwner, struct _SID **sidGroup,
                                             struct _ACL **dacl, struct _ACL **sacl,
                                             PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmEngineSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                             const struct _SID *sidOwner,
                                             const struct _SID *sidGroup, const struct _ACL *dacl,
                                             const struct _ACL *sacl);
FWPM_STATUS NTAPI FwpmSessionCreateEnumHandle0(HANDLE engineHandle,
                                               const FWPM_SESSION_ENUM_TEMPLATE0 *enumTemplate,
                                               HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmSessionEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                   UINT32 numEntriesRequested, FWPM_SESSION0 ***entries,
                                   UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmSessionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);

/* ---- transactions ---- */

FWPM_STATUS NTAPI FwpmTransactionBegin0(HANDLE engineHandle, UINT32 flags);
FWPM_STATUS NTAPI FwpmTransactionCommit0(HANDLE engineHandle);
FWPM_STATUS NTAPI FwpmTransactionAbort0(HANDLE engineHandle);

/* ---- providers ---- */

FWPM_STATUS NTAPI FwpmProviderAdd0(HANDLE engineHandle, const FWPM_PROVIDER0 *provider,
                                   PSECURITY_DESCRIPTOR sd);
FWPM_STATUS NTAPI FwpmProviderDeleteByKey0(HANDLE engineHandle, const GUID *key);
FWPM_STATUS NTAPI FwpmProviderGetByKey0(HANDLE engineHandle, const GUID *key,
                                        FWPM_PROVIDER0 **provider);
FWPM_STATUS NTAPI FwpmProviderCreateEnumHandle0(HANDLE engineHandle,
                                                const FWPM_PROVIDER_ENUM_TEMPLATE0 *enumTemplate,
                                                HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmProviderEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                    UINT32 numEntriesRequested, FWPM_PROVIDER0 ***entries,
                                    UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmProviderDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
FWPM_STATUS NTAPI FwpmProviderGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                    SECURITY_INFORMATION securityInfo,
                                                    struct _SID **sidOwner, struct _SID **sidGroup,
                                                    struct _ACL **dacl, struct _ACL **sacl,
                                                    PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmProviderSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                    SECURITY_INFORMATION securityInfo,
                                                    const struct _SID *sidOwner,
                                                    const struct _SID *sidGroup,
                                                    const struct _ACL *dacl,
                                                    const struct _ACL *sacl);

/* ---- provider contexts ---- */

FWPM_STATUS NTAPI FwpmProviderContextAdd0(HANDLE engineHandle,
                                          const FWPM_PROVIDER_CONTEXT0 *providerContext,
                                          PSECURITY_DESCRIPTOR sd, UINT64 *id);
FWPM_STATUS NTAPI FwpmProviderContextAdd1(HANDLE engineHandle,
                                          const FWPM_PROVIDER_CONTEXT1 *providerContext,
                                          PSECURITY_DESCRIPTOR sd, UINT64 *id);
FWPM_STATUS NTAPI FwpmProviderContextAdd2(HANDLE engineHandle,
                                          const FWPM_PROVIDER_CONTEXT2 *providerContext,
                                          PSECURITY_DESCRIPTOR sd, UINT64 *id);
FWPM_STATUS NTAPI FwpmProviderContextAdd3(HANDLE engineHandle,
                                          const FWPM_PROVIDER_CONTEXT3 *providerContext,
                                          PSECURITY_DESCRIPTOR sd, UINT64 *id);
FWPM_STATUS NTAPI FwpmProviderContextDeleteById0(HANDLE engineHandle, UINT64 id);
FWPM_STATUS NTAPI FwpmProviderContextDeleteByKey0(HANDLE engineHandle, const GUID *key);
FWPM_STATUS NTAPI FwpmProviderContextGetById0(HANDLE engineHandle, UINT64 id,
                                              FWPM_PROVIDER_CONTEXT0 **providerContext);
FWPM_STATUS NTAPI FwpmProviderContextGetById1(HANDLE engineHandle, UINT64 id,
                                              FWPM_PROVIDER_CONTEXT1 **providerContext);
FWPM_STATUS NTAPI FwpmProviderContextGetById2(HANDLE engineHandle, UINT64 id,
                                              FWPM_PROVIDER_CONTEXT2 **providerContext);
FWPM_STATUS NTAPI FwpmProviderContextGetById3(HANDLE engineHandle, UINT64 id,
                                              FWPM_PROVIDER_CONTEXT3 **providerContext);
FWPM_STATUS NTAPI FwpmProviderContextGetByKey0(HANDLE engineHandle, const GUID *key,
                                               FWPM_PROVIDER_CONTEXT0 **providerContext);
FWPM_STATUS NTAPI FwpmProviderContextGetByKey1(HANDLE engineHandle, const GUID *key,
                                               FWPM_PROVIDER_CONTEXT1 **providerContext);
FWPM_STATUS NTAPI FwpmProviderContextGetByKey2(HANDLE engineHandle, const GUID *key,
                                               FWPM_PROVIDER_CONTEXT2 **providerContext);
FWPM_STATUS NTAPI FwpmProviderContextGetByKey3(HANDLE engineHandle, const GUID *key,
                                               FWPM_PROVIDER_CONTEXT3 **providerContext);
FWPM_STATUS NTAPI FwpmProviderContextCreateEnumHandle0(
    HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
    HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmProviderContextEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                           UINT32 numEntriesRequested,
                                           FWPM_PROVIDER_CONTEXT0 ***entries,
                                           UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmProviderContextEnum1(HANDLE engineHandle, HANDLE enumHandle,
                                           UINT32 numEntriesRequested,
                                           FWPM_PROVIDER_CONTEXT1 ***entries,
                                           UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmProviderContextEnum2(HANDLE engineHandle, HANDLE enumHandle,
                                           UINT32 numEntriesRequested,
                                           FWPM_PROVIDER_CONTEXT2 ***entries,
                                           UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmProviderContextEnum3(HANDLE engineHandle, HANDLE enumHandle,
                                           UINT32 numEntriesRequested,
                                           FWPM_PROVIDER_CONTEXT3 ***entries,
                                           UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmProviderContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
FWPM_STATUS NTAPI FwpmProviderContextGetSecurityInfoByKey0(
    HANDLE engineHandle, const GUID *key, SECURITY_INFORMATION securityInfo, struct _SID **sidOwner,
    struct _SID **sidGroup, struct _ACL **dacl, struct _ACL **sacl,
    PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmProviderContextSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                           SECURITY_INFORMATION securityInfo,
                                                           const struct _SID *sidOwner,
                                                           const struct _SID *sidGroup,
                                                           const struct _ACL *dacl,
                                                           const struct _ACL *sacl);

/* ---- sublayers ---- */

FWPM_STATUS NTAPI FwpmSubLayerAdd0(HANDLE engineHandle, const FWPM_SUBLAYER0 *subLayer,
                                   PSECURITY_DESCRIPTOR sd);
FWPM_STATUS NTAPI FwpmSubLayerDeleteByKey0(HANDLE engineHandle, const GUID *key);
FWPM_STATUS NTAPI FwpmSubLayerGetByKey0(HANDLE engineHandle, const GUID *key,
                                        FWPM_SUBLAYER0 **subLayer);
FWPM_STATUS NTAPI FwpmSubLayerCreateEnumHandle0(HANDLE engineHandle,
                                                const FWPM_SUBLAYER_ENUM_TEMPLATE0 *enumTemplate,
                                                HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmSubLayerEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                    UINT32 numEntriesRequested, FWPM_SUBLAYER0 ***entries,
                                    UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmSubLayerDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
FWPM_STATUS NTAPI FwpmSubLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                    SECURITY_INFORMATION securityInfo,
                                                    struct _SID **sidOwner, struct _SID **sidGroup,
                                                    struct _ACL **dacl, struct _ACL **sacl,
                                                    PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmSubLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                    SECURITY_INFORMATION securityInfo,
                                                    const struct _SID *sidOwner,
                                                    const struct _SID *sidGroup,
                                                    const struct _ACL *dacl,
                                                    const struct _ACL *sacl);

/* ---- layers ---- */

FWPM_STATUS NTAPI FwpmLayerGetById0(HANDLE engineHandle, UINT16 id, FWPM_LAYER0 **layer);
FWPM_STATUS NTAPI FwpmLayerGetByKey0(HANDLE engineHandle, const GUID *key, FWPM_LAYER0 **layer);
FWPM_STATUS NTAPI FwpmLayerCreateEnumHandle0(HANDLE engineHandle,
                                             const FWPM_LAYER_ENUM_TEMPLATE0 *enumTemplate,
                                             HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmLayerEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 FWPM_LAYER0 ***entries, UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmLayerDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
FWPM_STATUS NTAPI FwpmLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                 SECURITY_INFORMATION securityInfo,
                                                 struct _SID **sidOwner, struct _SID **sidGroup,
                                                 struct _ACL **dacl, struct _ACL **sacl,
                                                 PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                 SECURITY_INFORMATION securityInfo,
                                                 const struct _SID *sidOwner,
                                                 const struct _SID *sidGroup,
                                                 const struct _ACL *dacl, const struct _ACL *sacl);

/* ---- callouts ---- */

FWPM_STATUS NTAPI FwpmCalloutAdd0(HANDLE engineHandle, const FWPM_CALLOUT0 *callout,
                                  PSECURITY_DESCRIPTOR sd, UINT32 *id);
FWPM_STATUS NTAPI FwpmCalloutDeleteById0(HANDLE engineHandle, UINT32 id);
FWPM_STATUS NTAPI FwpmCalloutDeleteByKey0(HANDLE engineHandle, const GUID *key);
FWPM_STATUS NTAPI FwpmCalloutGetById0(HANDLE engineHandle, UINT32 id, FWPM_CALLOUT0 **callout);
FWPM_STATUS NTAPI FwpmCalloutGetByKey0(HANDLE engineHandle, const GUID *key,
                                       FWPM_CALLOUT0 **callout);
FWPM_STATUS NTAPI FwpmCalloutCreateEnumHandle0(HANDLE engineHandle,
                                               const FWPM_CALLOUT_ENUM_TEMPLATE0 *enumTemplate,
                                               HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmCalloutEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                   UINT32 numEntriesRequested, FWPM_CALLOUT0 ***entries,
                                   UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmCalloutDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
FWPM_STATUS NTAPI FwpmCalloutGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                   SECURITY_INFORMATION securityInfo,
                                                   struct _SID **sidOwner, struct _SID **sidGroup,
                                                   struct _ACL **dacl, struct _ACL **sacl,
                                                   PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmCalloutSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                   SECURITY_INFORMATION securityInfo,
                                                   const struct _SID *sidOwner,
                                                   const struct _SID *sidGroup,
                                                   const struct _ACL *dacl,
                                                   const struct _ACL *sacl);

/* ---- filters ---- */

FWPM_STATUS NTAPI FwpmFilterAdd0(HANDLE engineHandle, const FWPM_FILTER0 *filter,
                                 PSECURITY_DESCRIPTOR sd, UINT64 *id);
FWPM_STATUS NTAPI FwpmFilterDeleteById0(HANDLE engineHandle, UINT64 id);
FWPM_STATUS NTAPI FwpmFilterDeleteByKey0(HANDLE engineHandle, const GUID *key);
FWPM_STATUS NTAPI FwpmFilterGetById0(HANDLE engineHandle, UINT64 id, FWPM_FILTER0 **filter);
FWPM_STATUS NTAPI FwpmFilterGetByKey0(HANDLE engineHandle, const GUID *key, FWPM_FILTER0 **filter);
FWPM_STATUS NTAPI FwpmFilterCreateEnumHandle0(HANDLE engineHandle,
                                              const FWPM_FILTER_ENUM_TEMPLATE0 *enumTemplate,
                                              HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmFilterEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                  UINT32 numEntriesRequested, FWPM_FILTER0 ***entries,
                                  UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmFilterDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
FWPM_STATUS NTAPI FwpmFilterGetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                  SECURITY_INFORMATION securityInfo,
                                                  struct _SID **sidOwner, struct _SID **sidGroup,
                                                  struct _ACL **dacl, struct _ACL **sacl,
                                                  PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmFilterSetSecurityInfoByKey0(HANDLE engineHandle, const GUID *key,
                                                  SECURITY_INFORMATION securityInfo,
                                                  const struct _SID *sidOwner,
                                                  const struct _SID *sidGroup,
                                                  const struct _ACL *dacl, const struct _ACL *sacl);

/* ---- IPsec tunnels ---- */

FWPM_STATUS NTAPI FwpmIPsecTunnelAdd0(HANDLE engineHandle, UINT32 flags,
                                      const FWPM_PROVIDER_CONTEXT0 *mainModePolicy,
                                      const FWPM_PROVIDER_CONTEXT0 *tunnelPolicy,
                                      UINT32 numFilterConditions,
                                      const FWPM_FILTER_CONDITION0 *filterConditions,
                                      PSECURITY_DESCRIPTOR sd);
FWPM_STATUS NTAPI FwpmIPsecTunnelAdd1(HANDLE engineHandle, UINT32 flags,
                                      const FWPM_PROVIDER_CONTEXT1 *mainModePolicy,
                                      const FWPM_PROVIDER_CONTEXT1 *tunnelPolicy,
                                      const GUID *keyModKey, UINT32 numFilterConditions,
                                      const FWPM_FILTER_CONDITION0 *filterConditions,
                                      PSECURITY_DESCRIPTOR sd);
FWPM_STATUS NTAPI FwpmIPsecTunnelAdd2(HANDLE engineHandle, UINT32 flags,
                                      const FWPM_PROVIDER_CONTEXT2 *mainModePolicy,
                                      const FWPM_PROVIDER_CONTEXT2 *tunnelPolicy,
                                      const GUID *keyModKey, UINT32 numFilterConditions,
                                      const FWPM_FILTER_CONDITION0 *filterConditions,
                                      PSECURITY_DESCRIPTOR sd);
FWPM_STATUS NTAPI FwpmIPsecTunnelAdd3(HANDLE engineHandle, UINT32 flags,
                                      const FWPM_PROVIDER_CONTEXT3 *mainModePolicy,
                                      const FWPM_PROVIDER_CONTEXT3 *tunnelPolicy,
                                      const GUID *keyModKey, UINT32 numFilterConditions,
                                      const FWPM_FILTER_CONDITION0 *filterConditions,
                                      PSECURITY_DESCRIPTOR sd);
FWPM_STATUS NTAPI FwpmIPsecTunnelDeleteByKey0(HANDLE engineHandle, const GUID *key);

/* ---- net events ---- */

FWPM_STATUS NTAPI FwpmNetEventCreateEnumHandle0(HANDLE engineHandle,
                                                const FWPM_NET_EVENT_ENUM_TEMPLATE0 *enumTemplate,
                                                HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmNetEventEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                    UINT32 numEntriesRequested, FWPM_NET_EVENT0 ***entries,
                                    UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmNetEventEnum1(HANDLE engineHandle, HANDLE enumHandle,
                                    UINT32 numEntriesRequested, FWPM_NET_EVENT1 ***entries,
                                    UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmNetEventEnum2(HANDLE engineHandle, HANDLE enumHandle,
                                    UINT32 numEntriesRequested, FWPM_NET_EVENT2 ***entries,
                                    UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmNetEventEnum3(HANDLE engineHandle, HANDLE enumHandle,
                                    UINT32 numEntriesRequested, FWPM_NET_EVENT3 ***entries,
                                    UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmNetEventEnum4(HANDLE engineHandle, HANDLE enumHandle,
                                    UINT32 numEntriesRequested, FWPM_NET_EVENT4 ***entries,
                                    UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmNetEventEnum5(HANDLE engineHandle, HANDLE enumHandle,
                                    UINT32 numEntriesRequested, FWPM_NET_EVENT5 ***entries,
                                    UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmNetEventDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
FWPM_STATUS NTAPI FwpmNetEventsGetSecurityInfo0(HANDLE engineHandle,
                                                SECURITY_INFORMATION securityInfo,
                                                struct _SID **sidOwner, struct _SID **sidGroup,
                                                struct _ACL **dacl, struct _ACL **sacl,
                                                PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmNetEventsSetSecurityInfo0(HANDLE engineHandle,
                                                SECURITY_INFORMATION securityInfo,
                                                const struct _SID *sidOwner,
                                                const struct _SID *sidGroup,
                                                const struct _ACL *dacl, const struct _ACL *sacl);

/* ---- connections ---- */

FWPM_STATUS NTAPI FwpmConnectionGetById0(HANDLE engineHandle, UINT64 id,
                                         FWPM_CONNECTION0 **connection);
FWPM_STATUS NTAPI FwpmConnectionCreateEnumHandle0(
    HANDLE engineHandle, const FWPM_CONNECTION_ENUM_TEMPLATE0 *enumTemplate, HANDLE *enumHandle);
FWPM_STATUS NTAPI FwpmConnectionEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                      UINT32 numEntriesRequested, FWPM_CONNECTION0 ***entries,
                                      UINT32 *numEntriesReturned);
FWPM_STATUS NTAPI FwpmConnectionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
FWPM_STATUS NTAPI FwpmConnectionGetSecurityInfo0(HANDLE engineHandle,
                                                 SECURITY_INFORMATION securityInfo,
                                                 struct _SID **sidOwner, struct _SID **sidGroup,
                                                 struct _ACL **dacl, struct _ACL **sacl,
                                                 PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmConnectionSetSecurityInfo0(HANDLE engineHandle,
                                                 SECURITY_INFORMATION securityInfo,
                                                 const struct _SID *sidOwner,
                                                 const struct _SID *sidGroup,
                                                 const struct _ACL *dacl, const struct _ACL *sacl);

/* ---- virtual switch events ---- */

FWPM_STATUS NTAPI FwpmvSwitchEventsGetSecurityInfo0(HANDLE engineHandle,
                                                    SECURITY_INFORMATION securityInfo,
                                                    struct _SID **sidOwner, struct _SID **sidGroup,
                                                    struct _ACL **dacl, struct _ACL **sacl,
                                                    PSECURITY_DESCRIPTOR *securityDescriptor);
FWPM_STATUS NTAPI FwpmvSwitchEventsSetSecurityInfo0(
    HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const struct _SID *sidOwner,
    const struct _SID *sidGroup, const struct _ACL *dacl, const struct _ACL *sacl);

#ifdef __cplusplus
}
#endif

#endif
