/*
 * Lightweight filter drivers: registered, and then nothing is attached.
 *
 * Model      There is no adapter whose stack a filter could join, so FilterAttach is never called and
 *            what a filter module would call stays a stub. A driver that is a filter and has callouts,
 *            too, runs with its callouts.
 * Ref        windows-driver-docs network/registering-a-filter-driver
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

struct filter_driver {
    struct filter_driver *next;
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
};

static pthread_mutex_t filters_lock = PTHREAD_MUTEX_INITIALIZER;
static struct filter_driver *filters;

/** Take @p handle, or the first of @p owner when it is NULL, out of the list. */
static struct filter_driver *
take(const void *handle, const struct nt_driver *owner)
{
    struct filter_driver *found = NULL;

    pthread_mutex_lock(&filters_lock);
    for (struct filter_driver **at = &filters; *at && !found; at = &(*at)->next)
        if (handle ? *at == handle : (*at)->owner == owner) {
            found = *at;
            *at = found->next;
            break;
        }
    pthread_mutex_unlock(&filters_lock);
    return found;
}

static void
check_driver(struct nt_driver *driver)
{
    struct filter_driver *left;

    while ((left = take(NULL, driver)) != NULL) {
        nt_finding_at(nt_driver_name(driver), left->site, NT_FINDING_HANDLE_LEAK,
                      "NdisFDeregisterFilterDriver was not called");
        free(left);
    }
}

static bool
is_complete(const NDIS_FILTER_DRIVER_CHARACTERISTICS *c)
{
    return c->Header.Type == NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS &&
           c->Header.Size >= NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_1 &&
           c->AttachHandler && c->DetachHandler && c->RestartHandler && c->PauseHandler &&
           c->UniqueName.Length && c->ServiceName.Length;
}

/**
 * Register the FilterXxx functions.
 *
 * @param NdisFilterDriverHandle  for NdisFDeregisterFilterDriver
 * @return NDIS_STATUS_SUCCESS, BAD_VERSION, BAD_CHARACTERISTICS, INVALID_PARAMETER, RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: ddi ndis/nf-ndis-ndisfregisterfilterdriver. Gap: nothing is attached.
 */
NDIS_STATUS NTAPI
NdisFRegisterFilterDriver(PDRIVER_OBJECT DriverObject, NDIS_HANDLE FilterDriverContext,
                          PNDIS_FILTER_DRIVER_CHARACTERISTICS FilterDriverCharacteristics,
                          PNDIS_HANDLE NdisFilterDriverHandle)
{
    static bool checking;
    struct filter_driver *filter;

    nt_cpu_require_max("NdisFRegisterFilterDriver", NT_PASSIVE_LEVEL);
    if (!DriverObject || !FilterDriverCharacteristics || !NdisFilterDriverHandle)
        return NDIS_STATUS_INVALID_PARAMETER;
    *NdisFilterDriverHandle = NULL;
    if (FilterDriverCharacteristics->MajorNdisVersion != 6)
        return NDIS_STATUS_BAD_VERSION;
    if (!is_complete(FilterDriverCharacteristics))
        return NDIS_STATUS_BAD_CHARACTERISTICS;
    filter = calloc(1, sizeof(*filter));
    if (!filter)
        return NDIS_STATUS_RESOURCES;
    filter->owner = nt_driver_current();
    filter->site = NT_CALLER;
    pthread_mutex_lock(&filters_lock);
    if (!checking)
        nt_driver_add_check(check_driver);
    checking = true;
    filter->next = filters;
    filters = filter;
    pthread_mutex_unlock(&filters_lock);
    wfp_log(WFP_LOG_INFO, "%s: an NDIS filter driver; OpenWFP has no adapters to attach it to",
            nt_driver_name(filter->owner));
    *NdisFilterDriverHandle = filter;
    return NDIS_STATUS_SUCCESS;
}

/** IRQL: PASSIVE_LEVEL. Ref: ddi ndis/nf-ndis-ndisfderegisterfilterdriver */
VOID NTAPI
NdisFDeregisterFilterDriver(NDIS_HANDLE NdisFilterDriverHandle)
{
    struct filter_driver *filter =
        NdisFilterDriverHandle ? take(NdisFilterDriverHandle, NULL) : NULL;

    if (!filter)
        nt_finding(NT_FINDING_OBJECT_BAD, "NdisFDeregisterFilterDriver: this is no filter driver");
    free(filter);
}

/** Copy the items whose bits are in @p mask. */
static void
copy_info(NET_BUFFER_LIST *to, const NET_BUFFER_LIST *from, uint64_t mask)
{
    for (unsigned i = 0; i < MaxNetBufferListInfo; i++)
        if (mask >> i & 1)
            to->NetBufferListInfo[i] = from->NetBufferListInfo[i];
}

#define ITEM(name) (1ull << (name))
#define BOTH_WAYS                                                                                  \
    (ITEM(TcpIpChecksumNetBufferListInfo) | ITEM(IPsecOffloadV1NetBufferListInfo) |                \
     ITEM(Ieee8021QNetBufferListInfo) | ITEM(MediaSpecificInformation) |                           \
     ITEM(IPsecOffloadV2TunnelNetBufferListInfo) | ITEM(IPsecOffloadV2HeaderNetBufferListInfo) |   \
     ITEM(VirtualSubnetInfo) | ITEM(NetBufferListFilteringInfo))

/** Copy what describes a packet that is sent. Ref: ddi nblapi/nf-nblapi-ndiscopysendnetbufferlistinfo */
VOID NTAPI
NdisCopySendNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList, PNET_BUFFER_LIST SrcNetBufferList)
{
    copy_info(DestNetBufferList, SrcNetBufferList,
              BOTH_WAYS | ITEM(TcpLargeSendNetBufferListInfo) | ITEM(NetBufferListCancelId) |
                  ITEM(NetBufferListProtocolId));
}

/** Of one that was received. Ref: ddi nblapi/nf-nblapi-ndiscopyreceivenetbufferlistinfo */
VOID NTAPI
NdisCopyReceiveNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList,
                                 PNET_BUFFER_LIST SrcNetBufferList)
{
    copy_info(DestNetBufferList, SrcNetBufferList,
              BOTH_WAYS | ITEM(TcpReceiveNoPush) | ITEM(NetBufferListFrameType) |
                  ITEM(NetBufferListHashValue) | ITEM(NetBufferListHashInfo));
}
