/*
 * Management of the filtering platform from a program: policy, subscriptions, IPsec objects.
 *
 * Functions return a Windows error code. Those that Windows exports without public documentation
 * are not declared. Ref: win32 FWP, fwpmu.
 */
#ifndef WDK_FWPMU_H
#define WDK_FWPMU_H

#include <windows.h>
#include <rpcdce.h>

#include "fwpmtypes.h"
#include "fwpm_generated.h"
#include "fwp_guids_generated.h"

#define FWPM_STATUS DWORD
#include "fwpm_functions.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- changes of objects ---- */

typedef void(NTAPI *FWPM_PROVIDER_CHANGE_CALLBACK0)(void *context,
                                                    const FWPM_PROVIDER_CHANGE0 *change);
DWORD NTAPI FwpmProviderSubscribeChanges0(HANDLE engineHandle,
                                          const FWPM_PROVIDER_SUBSCRIPTION0 *subscription,
                                          FWPM_PROVIDER_CHANGE_CALLBACK0 callback, void *context,
                                          HANDLE *changeHandle);
DWORD NTAPI FwpmProviderUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD NTAPI FwpmProviderSubscriptionsGet0(HANDLE engineHandle,
                                          FWPM_PROVIDER_SUBSCRIPTION0 ***entries,
                                          UINT32 *numEntries);

typedef void(NTAPI *FWPM_PROVIDER_CONTEXT_CHANGE_CALLBACK0)(
    void *context, const FWPM_PROVIDER_CONTEXT_CHANGE0 *change);
DWORD NTAPI FwpmProviderContextSubscribeChanges0(
    HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0 *subscription,
    FWPM_PROVIDER_CONTEXT_CHANGE_CALLBACK0 callback, void *context, HANDLE *changeHandle);
DWORD NTAPI FwpmProviderContextUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD NTAPI FwpmProviderContextSubscriptionsGet0(HANDLE engineHandle,
                                                 FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0 ***entries,
                                                 UINT32 *numEntries);

typedef void(NTAPI *FWPM_SUBLAYER_CHANGE_CALLBACK0)(void *context,
                                                    const FWPM_SUBLAYER_CHANGE0 *change);
DWORD NTAPI FwpmSubLayerSubscribeChanges0(HANDLE engineHandle,
                                          const FWPM_SUBLAYER_SUBSCRIPTION0 *subscription,
                                          FWPM_SUBLAYER_CHANGE_CALLBACK0 callback, void *context,
                                          HANDLE *changeHandle);
DWORD NTAPI FwpmSubLayerUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD NTAPI FwpmSubLayerSubscriptionsGet0(HANDLE engineHandle,
                                          FWPM_SUBLAYER_SUBSCRIPTION0 ***entries,
                                          UINT32 *numEntries);

typedef void(NTAPI *FWPM_CALLOUT_CHANGE_CALLBACK0)(void *context,
                                                   const FWPM_CALLOUT_CHANGE0 *change);
DWORD NTAPI FwpmCalloutSubscribeChanges0(HANDLE engineHandle,
                                         const FWPM_CALLOUT_SUBSCRIPTION0 *subscription,
                                         FWPM_CALLOUT_CHANGE_CALLBACK0 callback, void *context,
                                         HANDLE *changeHandle);
DWORD NTAPI FwpmCalloutUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD NTAPI FwpmCalloutSubscriptionsGet0(HANDLE engineHandle, FWPM_CALLOUT_SUBSCRIPTION0 ***entries,
                                         UINT32 *numEntries);

typedef void(NTAPI *FWPM_FILTER_CHANGE_CALLBACK0)(void *context, const FWPM_FILTER_CHANGE0 *change);
DWORD NTAPI FwpmFilterSubscribeChanges0(HANDLE engineHandle,
                                        const FWPM_FILTER_SUBSCRIPTION0 *subscription,
                                        FWPM_FILTER_CHANGE_CALLBACK0 callback, void *context,
                                        HANDLE *changeHandle);
DWORD NTAPI FwpmFilterUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD NTAPI FwpmFilterSubscriptionsGet0(HANDLE engineHandle, FWPM_FILTER_SUBSCRIPTION0 ***entries,
                                        UINT32 *numEntries);

/* ---- net events ---- */

typedef void(NTAPI *FWPM_NET_EVENT_CALLBACK0)(void *context, const FWPM_NET_EVENT1 *event);
typedef void(NTAPI *FWPM_NET_EVENT_CALLBACK1)(void *context, const FWPM_NET_EVENT2 *event);
typedef void(NTAPI *FWPM_NET_EVENT_CALLBACK2)(void *context, const FWPM_NET_EVENT3 *event);
typedef void(NTAPI *FWPM_NET_EVENT_CALLBACK3)(void *context, const FWPM_NET_EVENT4 *event);
typedef void(NTAPI *FWPM_NET_EVENT_CALLBACK4)(void *context, const FWPM_NET_EVENT5 *event);
DWORD NTAPI FwpmNetEventSubscribe0(HANDLE engineHandle,
                                   const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                   FWPM_NET_EVENT_CALLBACK0 callback, void *context,
                                   HANDLE *eventsHandle);
DWORD NTAPI FwpmNetEventSubscribe1(HANDLE engineHandle,
                                   const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                   FWPM_NET_EVENT_CALLBACK1 callback, void *context,
                                   HANDLE *eventsHandle);
DWORD NTAPI FwpmNetEventSubscribe2(HANDLE engineHandle,
                                   const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                   FWPM_NET_EVENT_CALLBACK2 callback, void *context,
                                   HANDLE *eventsHandle);
DWORD NTAPI FwpmNetEventSubscribe3(HANDLE engineHandle,
                                   const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                   FWPM_NET_EVENT_CALLBACK3 callback, void *context,
                                   HANDLE *eventsHandle);
DWORD NTAPI FwpmNetEventSubscribe4(HANDLE engineHandle,
                                   const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                   FWPM_NET_EVENT_CALLBACK4 callback, void *context,
                                   HANDLE *eventsHandle);
DWORD NTAPI FwpmNetEventUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
DWORD NTAPI FwpmNetEventSubscriptionsGet0(HANDLE engineHandle,
                                          FWPM_NET_EVENT_SUBSCRIPTION0 ***entries,
                                          UINT32 *numEntries);

/* ---- connections, system ports, virtual switch, dynamic keywords ---- */

typedef void(NTAPI *FWPM_CONNECTION_CALLBACK0)(void *context, FWPM_CONNECTION_EVENT_TYPE eventType,
                                               const FWPM_CONNECTION0 *connection);
DWORD NTAPI FwpmConnectionSubscribe0(HANDLE engineHandle,
                                     const FWPM_CONNECTION_SUBSCRIPTION0 *subscription,
                                     FWPM_CONNECTION_CALLBACK0 callback, void *context,
                                     HANDLE *eventsHandle);
DWORD NTAPI FwpmConnectionUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
DWORD NTAPI FwpmConnectionPolicyAdd0(HANDLE engineHandle,
                                     const FWPM_PROVIDER_CONTEXT3 *connectionPolicy,
                                     FWP_IP_VERSION ipVersion, UINT64 weight,
                                     UINT32 numFilterConditions,
                                     const FWPM_FILTER_CONDITION0 *filterConditions,
                                     PSECURITY_DESCRIPTOR sd);
DWORD NTAPI FwpmConnectionPolicyDeleteByKey0(HANDLE engineHandle, const GUID *key);

typedef void(NTAPI *FWPM_SYSTEM_PORTS_CALLBACK0)(void *context, const FWPM_SYSTEM_PORTS0 *sysPorts);
DWORD NTAPI FwpmSystemPortsGet0(HANDLE engineHandle, FWPM_SYSTEM_PORTS0 **sysPorts);
DWORD NTAPI FwpmSystemPortsSubscribe0(HANDLE engineHandle, void *reserved,
                                      FWPM_SYSTEM_PORTS_CALLBACK0 callback, void *context,
                                      HANDLE *sysPortsHandle);
DWORD NTAPI FwpmSystemPortsUnsubscribe0(HANDLE engineHandle, HANDLE sysPortsHandle);

typedef DWORD(NTAPI *FWPM_VSWITCH_EVENT_CALLBACK0)(void *context,
                                                   const FWPM_VSWITCH_EVENT0 *vSwitchEvent);
DWORD NTAPI FwpmvSwitchEventSubscribe0(HANDLE engineHandle,
                                       const FWPM_VSWITCH_EVENT_SUBSCRIPTION0 *subscription,
                                       FWPM_VSWITCH_EVENT_CALLBACK0 callback, void *context,
                                       HANDLE *subscriptionHandle);
DWORD NTAPI FwpmvSwitchEventUnsubscribe0(HANDLE engineHandle, HANDLE subscriptionHandle);

typedef void(NTAPI *FWPM_DYNAMIC_KEYWORD_CALLBACK0)(void *notification, void *context);
DWORD NTAPI FwpmDynamicKeywordSubscribe0(DWORD flags, FWPM_DYNAMIC_KEYWORD_CALLBACK0 callback,
                                         void *context, HANDLE *subscriptionHandle);
DWORD NTAPI FwpmDynamicKeywordUnsubscribe0(HANDLE subscriptionHandle);

/* ---- application identifiers ---- */

DWORD NTAPI FwpmGetAppIdFromFileName0(PCWSTR fileName, FWP_BYTE_BLOB **appId);

/* ---- IPsec ---- */

DWORD NTAPI IPsecGetStatistics0(HANDLE engineHandle, IPSEC_STATISTICS0 *ipsecStatistics);
DWORD NTAPI IPsecGetStatistics1(HANDLE engineHandle, IPSEC_STATISTICS1 *ipsecStatistics);
DWORD NTAPI IPsecSaContextCreate0(HANDLE engineHandle, const IPSEC_TRAFFIC0 *outboundTraffic,
                                  UINT64 *inboundFilterId, UINT64 *id);
DWORD NTAPI IPsecSaContextCreate1(HANDLE engineHandle, const IPSEC_TRAFFIC1 *outboundTraffic,
                                  const IPSEC_VIRTUAL_IF_TUNNEL_INFO0 *virtualIfTunnelInfo,
                                  UINT64 *inboundFilterId, UINT64 *id);
DWORD NTAPI IPsecSaContextDeleteById0(HANDLE engineHandle, UINT64 id);
DWORD NTAPI IPsecSaContextGetById0(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT0 **saContext);
DWORD NTAPI IPsecSaContextGetById1(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT1 **saContext);
DWORD NTAPI IPsecSaContextGetSpi0(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI0 *getSpi,
                                  IPSEC_SA_SPI *inboundSpi);
DWORD NTAPI IPsecSaContextGetSpi1(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI1 *getSpi,
                                  IPSEC_SA_SPI *inboundSpi);
DWORD NTAPI IPsecSaContextSetSpi0(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI1 *getSpi,
                                  IPSEC_SA_SPI inboundSpi);
DWORD NTAPI IPsecSaContextAddInbound0(HANDLE engineHandle, UINT64 id,
                                      const IPSEC_SA_BUNDLE0 *inboundBundle);
DWORD NTAPI IPsecSaContextAddInbound1(HANDLE engineHandle, UINT64 id,
                                      const IPSEC_SA_BUNDLE1 *inboundBundle);
DWORD NTAPI IPsecSaContextAddOutbound0(HANDLE engineHandle, UINT64 id,
                                       const IPSEC_SA_BUNDLE0 *outboundBundle);
DWORD NTAPI IPsecSaContextAddOutbound1(HANDLE engineHandle, UINT64 id,
                                       const IPSEC_SA_BUNDLE1 *outboundBundle);
DWORD NTAPI IPsecSaContextExpire0(HANDLE engineHandle, UINT64 id);
DWORD NTAPI IPsecSaContextUpdate0(HANDLE engineHandle, UINT64 flags,
                                  const IPSEC_SA_CONTEXT1 *newValues);
DWORD NTAPI IPsecSaContextCreateEnumHandle0(HANDLE engineHandle,
                                            const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
                                            HANDLE *enumHandle);
DWORD NTAPI IPsecSaContextEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                IPSEC_SA_CONTEXT0 ***entries, UINT32 *numEntriesReturned);
DWORD NTAPI IPsecSaContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                IPSEC_SA_CONTEXT1 ***entries, UINT32 *numEntriesReturned);
DWORD NTAPI IPsecSaContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
typedef void(NTAPI *IPSEC_SA_CONTEXT_CALLBACK0)(void *context,
                                                const IPSEC_SA_CONTEXT_CHANGE0 *change);
DWORD NTAPI IPsecSaContextSubscribe0(HANDLE engineHandle,
                                     const IPSEC_SA_CONTEXT_SUBSCRIPTION0 *subscription,
                                     IPSEC_SA_CONTEXT_CALLBACK0 callback, void *context,
                                     HANDLE *eventsHandle);
DWORD NTAPI IPsecSaContextUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
DWORD NTAPI IPsecSaContextSubscriptionsGet0(HANDLE engineHandle,
                                            IPSEC_SA_CONTEXT_SUBSCRIPTION0 ***entries,
                                            UINT32 *numEntries);
DWORD NTAPI IPsecSaCreateEnumHandle0(HANDLE engineHandle,
                                     const IPSEC_SA_ENUM_TEMPLATE0 *enumTemplate,
                                     HANDLE *enumHandle);
DWORD NTAPI IPsecSaEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                         IPSEC_SA_DETAILS0 ***entries, UINT32 *numEntriesReturned);
DWORD NTAPI IPsecSaEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                         IPSEC_SA_DETAILS1 ***entries, UINT32 *numEntriesReturned);
DWORD NTAPI IPsecSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD NTAPI IPsecSaDbGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                      struct _SID **sidOwner, struct _SID **sidGroup,
                                      struct _ACL **dacl, struct _ACL **sacl,
                                      PSECURITY_DESCRIPTOR *securityDescriptor);
DWORD NTAPI IPsecSaDbSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                      const struct _SID *sidOwner, const struct _SID *sidGroup,
                                      const struct _ACL *dacl, const struct _ACL *sacl);

DWORD NTAPI IPsecDospGetStatistics0(HANDLE engineHandle, IPSEC_DOSP_STATISTICS0 *idpStatistics);
DWORD NTAPI IPsecDospStateCreateEnumHandle0(HANDLE engineHandle,
                                            const IPSEC_DOSP_STATE_ENUM_TEMPLATE0 *enumTemplate,
                                            HANDLE *enumHandle);
DWORD NTAPI IPsecDospStateEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                IPSEC_DOSP_STATE0 ***entries, UINT32 *numEntries);
DWORD NTAPI IPsecDospStateDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD NTAPI IPsecDospGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                      struct _SID **sidOwner, struct _SID **sidGroup,
                                      struct _ACL **dacl, struct _ACL **sacl,
                                      PSECURITY_DESCRIPTOR *securityDescriptor);
DWORD NTAPI IPsecDospSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                      const struct _SID *sidOwner, const struct _SID *sidGroup,
                                      const struct _ACL *dacl, const struct _ACL *sacl);

typedef void(NTAPI *IPSEC_KEY_MANAGER_KEY_DICTATION_CHECK0)(const IKEEXT_TRAFFIC0 *ikeTraffic,
                                                            BOOL *willDictateKey, UINT32 *weight);
typedef DWORD(NTAPI *IPSEC_KEY_MANAGER_DICTATE_KEY0)(IPSEC_SA_DETAILS1 *inboundSaDetails,
                                                     IPSEC_SA_DETAILS1 *outboundSaDetails,
                                                     BOOL *keyingModuleGenKey);
typedef void(NTAPI *IPSEC_KEY_MANAGER_NOTIFY_KEY0)(const IPSEC_SA_DETAILS1 *inboundSa,
                                                   const IPSEC_SA_DETAILS1 *outboundSa);

typedef struct _IPSEC_KEY_MANAGER_CALLBACKS0 {
    GUID reserved;
    UINT32 flags;
    IPSEC_KEY_MANAGER_KEY_DICTATION_CHECK0 keyDictationCheck;
    IPSEC_KEY_MANAGER_DICTATE_KEY0 keyDictation;
    IPSEC_KEY_MANAGER_NOTIFY_KEY0 keyNotify;
} IPSEC_KEY_MANAGER_CALLBACKS0;

DWORD NTAPI IPsecKeyManagerAddAndRegister0(HANDLE engineHandle,
                                           const IPSEC_KEY_MANAGER0 *keyManager,
                                           const IPSEC_KEY_MANAGER_CALLBACKS0 *keyManagerCallbacks,
                                           HANDLE *keyMgmtHandle);
DWORD NTAPI IPsecKeyManagerUnregisterAndDelete0(HANDLE engineHandle, HANDLE keyMgmtHandle);
DWORD NTAPI IPsecKeyManagersGet0(HANDLE engineHandle, IPSEC_KEY_MANAGER0 ***entries,
                                 UINT32 *numEntries);
DWORD NTAPI IPsecKeyManagerGetSecurityInfoByKey0(HANDLE engineHandle, const void *reserved,
                                                 SECURITY_INFORMATION securityInfo,
                                                 struct _SID **sidOwner, struct _SID **sidGroup,
                                                 struct _ACL **dacl, struct _ACL **sacl,
                                                 PSECURITY_DESCRIPTOR *securityDescriptor);
DWORD NTAPI IPsecKeyManagerSetSecurityInfoByKey0(HANDLE engineHandle, const void *reserved,
                                                 SECURITY_INFORMATION securityInfo,
                                                 const struct _SID *sidOwner,
                                                 const struct _SID *sidGroup,
                                                 const struct _ACL *dacl, const struct _ACL *sacl);

/* ---- keying modules ---- */

DWORD NTAPI IkeextGetStatistics0(HANDLE engineHandle, IKEEXT_STATISTICS0 *ikeextStatistics);
DWORD NTAPI IkeextGetStatistics1(HANDLE engineHandle, IKEEXT_STATISTICS1 *ikeextStatistics);
DWORD NTAPI IkeextSaDeleteById0(HANDLE engineHandle, UINT64 id);
DWORD NTAPI IkeextSaGetById0(HANDLE engineHandle, UINT64 id, IKEEXT_SA_DETAILS0 **sa);
DWORD NTAPI IkeextSaGetById1(HANDLE engineHandle, UINT64 id, GUID *saLookupContext,
                             IKEEXT_SA_DETAILS1 **sa);
DWORD NTAPI IkeextSaGetById2(HANDLE engineHandle, UINT64 id, GUID *saLookupContext,
                             IKEEXT_SA_DETAILS2 **sa);
DWORD NTAPI IkeextSaCreateEnumHandle0(HANDLE engineHandle,
                                      const IKEEXT_SA_ENUM_TEMPLATE0 *enumTemplate,
                                      HANDLE *enumHandle);
DWORD NTAPI IkeextSaEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                          IKEEXT_SA_DETAILS0 ***entries, UINT32 *numEntriesReturned);
DWORD NTAPI IkeextSaEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                          IKEEXT_SA_DETAILS1 ***entries, UINT32 *numEntriesReturned);
DWORD NTAPI IkeextSaEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                          IKEEXT_SA_DETAILS2 ***entries, UINT32 *numEntriesReturned);
DWORD NTAPI IkeextSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD NTAPI IkeextSaDbGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                       struct _SID **sidOwner, struct _SID **sidGroup,
                                       struct _ACL **dacl, struct _ACL **sacl,
                                       PSECURITY_DESCRIPTOR *securityDescriptor);
DWORD NTAPI IkeextSaDbSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo,
                                       const struct _SID *sidOwner, const struct _SID *sidGroup,
                                       const struct _ACL *dacl, const struct _ACL *sacl);

#ifdef __cplusplus
}
#endif

#endif
