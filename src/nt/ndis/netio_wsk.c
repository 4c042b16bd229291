/*
 * Winsock Kernel clients: registered, and then there is no provider.
 *
 * Model      A driver that keeps a connection of its own beside its callouts registers and runs; capturing the
 *            provider says that it is missing (a stub), as sockets of drivers are not part of OpenWFP.
 * Ref        windows-driver-docs network/registering-a-winsock-kernel-application
 */
#include "nt/ntos/nt_wdk.h"

#include <wsk.h>

/** @return STATUS_SUCCESS. IRQL: PASSIVE_LEVEL. Ref: ddi wsk/nf-wsk-wskregister. */
NTSTATUS WSKAPI
WskRegister(PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    *WskRegistration = (WSK_REGISTRATION){.ReservedRegistrationContext = WskClientNpi};
    return STATUS_SUCCESS;
}

/** IRQL: PASSIVE_LEVEL. Ref: ddi wsk/nf-wsk-wskderegister. */
VOID WSKAPI
WskDeregister(PWSK_REGISTRATION WskRegistration)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    WskRegistration->ReservedRegistrationContext = NULL;
}

/** Nothing was captured. IRQL: <= DISPATCH_LEVEL. Ref: ddi wsk/nf-wsk-wskreleaseprovidernpi. */
VOID WSKAPI
WskReleaseProviderNPI(PWSK_REGISTRATION WskRegistration)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
}
