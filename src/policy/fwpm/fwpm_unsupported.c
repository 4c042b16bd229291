/*
 * Functions of fwpuclnt.dll that nothing stands behind: IPsec, IKE, system ports, virtual switches.
 *
 * Each logs its name and returns ERROR_CALL_NOT_IMPLEMENTED. The headers are not included: here a
 * function has no arguments, which its callers (who clean up themselves) cannot tell.
 */
#include <stdint.h>

#include "base/export.h"

#define ERROR_CALL_NOT_IMPLEMENTED 120u

#define UNSUPPORTED(name)                                                                          \
    uint32_t __attribute__((ms_abi)) name(void);                                                   \
    uint32_t __attribute__((ms_abi)) name(void)                                                    \
    {                                                                                              \
        wfp_export_stub_called("fwpuclnt.dll", #name);                                             \
        return ERROR_CALL_NOT_IMPLEMENTED;                                                         \
    }

UNSUPPORTED(FwpmConnectionSubscribe0)
UNSUPPORTED(FwpmConnectionUnsubscribe0)
UNSUPPORTED(FwpmConnectionPolicyAdd0)
UNSUPPORTED(FwpmConnectionPolicyDeleteByKey0)
UNSUPPORTED(FwpmSystemPortsGet0)
UNSUPPORTED(FwpmSystemPortsSubscribe0)
UNSUPPORTED(FwpmSystemPortsUnsubscribe0)
UNSUPPORTED(FwpmvSwitchEventSubscribe0)
UNSUPPORTED(FwpmvSwitchEventUnsubscribe0)
UNSUPPORTED(FwpmDynamicKeywordSubscribe0)
UNSUPPORTED(FwpmDynamicKeywordUnsubscribe0)
UNSUPPORTED(IPsecGetStatistics0)
UNSUPPORTED(IPsecGetStatistics1)
UNSUPPORTED(IPsecSaContextCreate0)
UNSUPPORTED(IPsecSaContextCreate1)
UNSUPPORTED(IPsecSaContextDeleteById0)
UNSUPPORTED(IPsecSaContextGetById0)
UNSUPPORTED(IPsecSaContextGetById1)
UNSUPPORTED(IPsecSaContextGetSpi0)
UNSUPPORTED(IPsecSaContextGetSpi1)
UNSUPPORTED(IPsecSaContextSetSpi0)
UNSUPPORTED(IPsecSaContextAddInbound0)
UNSUPPORTED(IPsecSaContextAddInbound1)
UNSUPPORTED(IPsecSaContextAddOutbound0)
UNSUPPORTED(IPsecSaContextAddOutbound1)
UNSUPPORTED(IPsecSaContextExpire0)
UNSUPPORTED(IPsecSaContextUpdate0)
UNSUPPORTED(IPsecSaContextCreateEnumHandle0)
UNSUPPORTED(IPsecSaContextEnum0)
UNSUPPORTED(IPsecSaContextEnum1)
UNSUPPORTED(IPsecSaContextDestroyEnumHandle0)
UNSUPPORTED(IPsecSaContextSubscribe0)
UNSUPPORTED(IPsecSaContextUnsubscribe0)
UNSUPPORTED(IPsecSaContextSubscriptionsGet0)
UNSUPPORTED(IPsecSaCreateEnumHandle0)
UNSUPPORTED(IPsecSaEnum0)
UNSUPPORTED(IPsecSaEnum1)
UNSUPPORTED(IPsecSaDestroyEnumHandle0)
UNSUPPORTED(IPsecSaDbGetSecurityInfo0)
UNSUPPORTED(IPsecSaDbSetSecurityInfo0)
UNSUPPORTED(IPsecDospGetStatistics0)
UNSUPPORTED(IPsecDospStateCreateEnumHandle0)
UNSUPPORTED(IPsecDospStateEnum0)
UNSUPPORTED(IPsecDospStateDestroyEnumHandle0)
UNSUPPORTED(IPsecDospGetSecurityInfo0)
UNSUPPORTED(IPsecDospSetSecurityInfo0)
UNSUPPORTED(IPsecKeyManagerAddAndRegister0)
UNSUPPORTED(IPsecKeyManagerUnregisterAndDelete0)
UNSUPPORTED(IPsecKeyManagersGet0)
UNSUPPORTED(IPsecKeyManagerGetSecurityInfoByKey0)
UNSUPPORTED(IPsecKeyManagerSetSecurityInfoByKey0)
UNSUPPORTED(IkeextGetStatistics0)
UNSUPPORTED(IkeextGetStatistics1)
UNSUPPORTED(IkeextSaDeleteById0)
UNSUPPORTED(IkeextSaGetById0)
UNSUPPORTED(IkeextSaGetById1)
UNSUPPORTED(IkeextSaGetById2)
UNSUPPORTED(IkeextSaCreateEnumHandle0)
UNSUPPORTED(IkeextSaEnum0)
UNSUPPORTED(IkeextSaEnum1)
UNSUPPORTED(IkeextSaEnum2)
UNSUPPORTED(IkeextSaDestroyEnumHandle0)
UNSUPPORTED(IkeextSaDbGetSecurityInfo0)
UNSUPPORTED(IkeextSaDbSetSecurityInfo0)
UNSUPPORTED(FwpmIPsecTunnelAdd0)
UNSUPPORTED(FwpmIPsecTunnelAdd1)
UNSUPPORTED(FwpmIPsecTunnelAdd2)
UNSUPPORTED(FwpmIPsecTunnelAdd3)
UNSUPPORTED(FwpmIPsecTunnelDeleteByKey0)
