/*
 * IP helper: names of interfaces, and notice of changes, of which there are none.
 *
 * Model      An interface's LUID is its type and index, as callouts find it in IP_LOCAL_INTERFACE. What would tell of
 *            the host's addresses and routes are stubs.
 * Ref        windows-driver-docs network/ip-helper
 */
#include "nt/ntos/nt_wdk.h"

#include <netioapi.h>

#include "nt/ntos/ps_unheard.h"

#define INFINITE       0xffffffffu
#define NO_SUCH_PREFIX 255

/** IRQL: < DISPATCH_LEVEL. Ref: windows-driver-docs network/convertinterfaceluidtoindex. */
NETIO_STATUS NETIOAPI_API_
ConvertInterfaceLuidToIndex(const NET_LUID *InterfaceLuid, PNET_IFINDEX InterfaceIndex)
{
    if (!InterfaceLuid || !InterfaceIndex)
        return STATUS_INVALID_PARAMETER;
    *InterfaceIndex = (NET_IFINDEX)InterfaceLuid->Info.NetLuidIndex;
    return STATUS_SUCCESS;
}

/** Ref: windows-driver-docs network/convertinterfaceindextoluid. Gap: the type is not looked up. */
NETIO_STATUS NETIOAPI_API_
ConvertInterfaceIndexToLuid(NET_IFINDEX InterfaceIndex, PNET_LUID InterfaceLuid)
{
    if (!InterfaceLuid || InterfaceIndex == NET_IFINDEX_UNSPECIFIED)
        return STATUS_INVALID_PARAMETER;
    InterfaceLuid->Value = 0;
    InterfaceLuid->Info.NetLuidIndex = InterfaceIndex;
    InterfaceLuid->Info.IfType = IF_TYPE_ETHERNET_CSMACD;
    return STATUS_SUCCESS;
}

/* ---- notice ---- */

static NTSTATUS
add(const char *what, const void *callback, HANDLE *handle)
{
    *handle = NULL;
    if (!callback)
        return STATUS_INVALID_PARAMETER;
    return nt_ps_unheard_add(what, handle);
}

/**
 * Ask for notice of interfaces that change.
 *
 * @param InitialNotification  call back once at once, without a row
 * @param NotificationHandle   for CancelMibChangeNotify2
 * @return STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: windows-driver-docs network/notifyipinterfacechange. Gap: nothing changes.
 */
NETIO_STATUS NETIOAPI_API_
NotifyIpInterfaceChange(ADDRESS_FAMILY Family, PIPINTERFACE_CHANGE_CALLBACK Callback,
                        PVOID CallerContext, BOOLEAN InitialNotification,
                        HANDLE *NotificationHandle)
{
    NTSTATUS status = add("NotifyIpInterfaceChange", (const void *)Callback, NotificationHandle);

    if (NT_SUCCESS(status) && InitialNotification)
        NT_CALLBACK_VOID(nt_driver_current(), PASSIVE_LEVEL,
                         Callback(CallerContext, NULL, MibInitialNotification));
    return status;
}

/** As NotifyIpInterfaceChange, for addresses. Ref: windows-driver-docs network/notifyunicastipaddresschange. */
NETIO_STATUS NETIOAPI_API_
NotifyUnicastIpAddressChange(ADDRESS_FAMILY Family, PUNICAST_IPADDRESS_CHANGE_CALLBACK Callback,
                             PVOID CallerContext, BOOLEAN InitialNotification,
                             HANDLE *NotificationHandle)
{
    NTSTATUS status =
        add("NotifyUnicastIpAddressChange", (const void *)Callback, NotificationHandle);

    if (NT_SUCCESS(status) && InitialNotification)
        NT_CALLBACK_VOID(nt_driver_current(), PASSIVE_LEVEL,
                         Callback(CallerContext, NULL, MibInitialNotification));
    return status;
}

/** As NotifyIpInterfaceChange, for routes. Ref: windows-driver-docs network/notifyroutechange2. */
NETIO_STATUS NETIOAPI_API_
NotifyRouteChange2(ADDRESS_FAMILY Family, PIPFORWARD_CHANGE_CALLBACK Callback, PVOID CallerContext,
                   BOOLEAN InitialNotification, HANDLE *NotificationHandle)
{
    NTSTATUS status = add("NotifyRouteChange2", (const void *)Callback, NotificationHandle);

    if (NT_SUCCESS(status) && InitialNotification)
        NT_CALLBACK_VOID(nt_driver_current(), PASSIVE_LEVEL,
                         Callback(CallerContext, NULL, MibInitialNotification));
    return status;
}

/** @return STATUS_INVALID_PARAMETER. IRQL: PASSIVE_LEVEL. Ref: windows-driver-docs network/cancelmibchangenotify2. */
NETIO_STATUS NETIOAPI_API_
CancelMibChangeNotify2(HANDLE NotificationHandle)
{
    return nt_ps_unheard_remove(NotificationHandle, __func__);
}

/* ---- rows and tables ---- */

/** No table was handed out: only NULL can come. Ref: windows-driver-docs network/freemibtable. */
VOID NETIOAPI_API_
FreeMibTable(PVOID Memory)
{
    if (Memory)
        nt_finding(NT_FINDING_OBJECT_BAD, "FreeMibTable: %p is no table", Memory);
}

/** Ref: windows-driver-docs network/initializeunicastipaddressentry. */
VOID NETIOAPI_API_
InitializeUnicastIpAddressEntry(PMIB_UNICASTIPADDRESS_ROW Row)
{
    *Row = (MIB_UNICASTIPADDRESS_ROW){
        .PrefixOrigin = IpPrefixOriginUnchanged,
        .SuffixOrigin = IpSuffixOriginUnchanged,
        .ValidLifetime = INFINITE,
        .PreferredLifetime = INFINITE,
        .OnLinkPrefixLength = NO_SUCH_PREFIX,
    };
}

/** Ref: windows-driver-docs network/initializeipforwardentry. */
VOID NETIOAPI_API_
InitializeIpForwardEntry(PMIB_IPFORWARD_ROW2 Row)
{
    *Row = (MIB_IPFORWARD_ROW2){
        .SitePrefixLength = NO_SUCH_PREFIX,
        .ValidLifetime = INFINITE,
        .PreferredLifetime = INFINITE,
        .Metric = INFINITE,
        .Protocol = (NL_ROUTE_PROTOCOL)-1,
        .Loopback = TRUE,
        .AutoconfigureAddress = TRUE,
        .Publish = TRUE,
        .Immortal = TRUE,
    };
}

/** Ref: windows-driver-docs network/initializeipinterfaceentry. */
VOID NETIOAPI_API_
InitializeIpInterfaceEntry(PMIB_IPINTERFACE_ROW Row)
{
    memset(Row, 0xff,
           sizeof(*Row)); /* "unchanged" in every member that SetIpInterfaceEntry takes */
    Row->Family = AF_UNSPEC;
    Row->InterfaceLuid.Value = NET_IFLUID_UNSPECIFIED;
    Row->InterfaceIndex = NET_IFINDEX_UNSPECIFIED;
}
