/*
 * Injection handles: whose packets are whose. A handle outlives every packet injected through it.
 *
 * Ref        windows-driver-docs network/packet-injection-functions
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/macros.h"
#include "nt/fwps/fwps_inject.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_finding.h"

static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static struct injection_handle *handles;

struct injection_handle *
nt_fwps_injection_handle_find(HANDLE handle)
{
    struct injection_handle *found;

    pthread_mutex_lock(&handles_lock);
    for (found = handles; found && found != handle; found = found->next)
        ;
    pthread_mutex_unlock(&handles_lock);
    return found;
}

static void
check_driver(struct nt_driver *driver)
{
    pthread_mutex_lock(&handles_lock);
    for (struct injection_handle *h = handles; h; h = h->next)
        if (h->owner == driver) {
            nt_finding_at(nt_driver_name(driver), h->site, NT_FINDING_HANDLE_LEAK,
                          "an injection handle was not destroyed");
            h->owner = NULL;
        }
    pthread_mutex_unlock(&handles_lock);
}

/**
 * Make an injection handle.
 *
 * @param addressFamily  AF_UNSPEC, AF_INET or AF_INET6; network handles need one of the latter two
 * @param flags          FWPS_INJECTION_TYPE_*; 0 means transport, stream and forward
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: = PASSIVE_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsinjectionhandlecreate0
 */
NTSTATUS NTAPI
FwpsInjectionHandleCreate0(ADDRESS_FAMILY addressFamily, UINT32 flags, HANDLE *injectionHandle)
{
    static bool checking;
    struct injection_handle *handle;

    nt_cpu_require_max("FwpsInjectionHandleCreate", NT_APC_LEVEL);
    if (!injectionHandle)
        return STATUS_INVALID_PARAMETER;
    if (addressFamily != FAMILY_UNSPECIFIED && addressFamily != FAMILY_V4 &&
        addressFamily != FAMILY_V6)
        return STATUS_INVALID_PARAMETER;
    if ((flags & FWPS_INJECTION_TYPE_NETWORK) && addressFamily == FAMILY_UNSPECIFIED)
        return STATUS_INVALID_PARAMETER;
    handle = calloc(1, sizeof(*handle));
    if (!handle)
        return STATUS_INSUFFICIENT_RESOURCES;
    handle->magic = HANDLE_MAGIC;
    handle->family = addressFamily;
    handle->types = flags ? flags
                          : FWPS_INJECTION_TYPE_TRANSPORT | FWPS_INJECTION_TYPE_STREAM |
                                FWPS_INJECTION_TYPE_FORWARD;
    handle->owner = nt_driver_current();
    handle->site = NT_CALLER;
    pthread_mutex_lock(&handles_lock);
    if (!checking)
        nt_driver_add_check(check_driver);
    checking = true;
    handle->next = handles;
    handles = handle;
    pthread_mutex_unlock(&handles_lock);
    *injectionHandle = handle;
    return STATUS_SUCCESS;
}

/*
 * Packets under way complete on the stack's thread. From that thread (a driver's unload) nobody
 * else would: what is queued completes here, unsent.
 */
static void
wait_for_completions(struct injection_handle *handle)
{
    LARGE_INTEGER a_while = {.QuadPart = -10000};

    for (int i = 0; i < 100 && atomic_load(&handle->outstanding); i++)
        KeDelayExecutionThread(KernelMode, FALSE, &a_while);
    if (atomic_load(&handle->outstanding))
        nt_fwps_abandon();
}

/**
 * Destroy a handle; packets still under way finish first.
 * @return STATUS_SUCCESS, STATUS_INVALID_HANDLE
 * IRQL: = PASSIVE_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsinjectionhandledestroy0
 */
NTSTATUS NTAPI
FwpsInjectionHandleDestroy0(HANDLE injectionHandle)
{
    struct injection_handle **at = &handles,
                            *handle = nt_fwps_injection_handle_find(injectionHandle);

    nt_cpu_require_max("FwpsInjectionHandleDestroy", NT_APC_LEVEL);
    if (handle) {
        handle->closing = true;
        wait_for_completions(handle);
    }
    handle = NULL;
    pthread_mutex_lock(&handles_lock);
    while (*at && *at != injectionHandle)
        at = &(*at)->next;
    if (*at) {
        handle = *at;
        *at = handle->next;
    }
    pthread_mutex_unlock(&handles_lock);
    if (!handle) {
        nt_finding(NT_FINDING_OBJECT_BAD,
                   "FwpsInjectionHandleDestroy: this is no injection handle");
        return STATUS_INVALID_HANDLE;
    }
    handle->magic = 0;
    free(handle);
    return STATUS_SUCCESS;
}

/**
 * Has this packet been injected, and by whom?
 *
 * @param injectionContext  receives the context given to the inject call; may be NULL
 * IRQL: <= DISPATCH_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsquerypacketinjectionstate0
 */
FWPS_PACKET_INJECTION_STATE NTAPI
FwpsQueryPacketInjectionState0(HANDLE injectionHandle, const NET_BUFFER_LIST *netBufferList,
                               HANDLE *injectionContext)
{
    struct nt_nbl *header = nt_nbl_find((NET_BUFFER_LIST *)(uintptr_t)netBufferList);

    if (injectionContext)
        *injectionContext = NULL;
    if (!header || header->injection_count == 0 || !nt_fwps_injection_handle_find(injectionHandle))
        return FWPS_PACKET_NOT_INJECTED;
    for (uint32_t i = 0; i < header->injection_count; i++) {
        if (header->injections[i].handle != injectionHandle)
            continue;
        if (injectionContext)
            *injectionContext = header->injections[i].context;
        return i == 0 ? FWPS_PACKET_INJECTED_BY_SELF : FWPS_PACKET_PREVIOUSLY_INJECTED_BY_SELF;
    }
    return FWPS_PACKET_INJECTED_BY_OTHER;
}
