/*
 * ALE endpoints: drivers list the sockets that the stack knows of.
 *
 * Model      The sockets belong to the stack's thread. A snapshot is made there: at once when the caller
 *            is on it (also inside classify), else it is asked for and waited for. An enumeration is one
 *            snapshot, made with its handle, of what its template lets through.
 *
 *              endpointId  what FWPS_METADATA_FIELD_TRANSPORT_ENDPOINT_HANDLE says in classifies
 *
 * Not here   FwpsAleEndpointGet/SetSecurityInfo0: policy/fwpm/fwpm_security.c. Drivers pass every check.
 * Ref        ddi fwpsk/nf-fwpsk-fwpsaleendpointenum0
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/packet/bytes.h"
#include "core/shims/stack.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ntos/nt_cpu.h"
#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"

/* The template's conditions, taken apart. A prefix length of -1: any address. */
struct subnet {
    int prefix_length;
    uint8_t version;
    uint8_t address[16]; /* network order */
};

struct template
{
    struct subnet local, remote;
    int protocol, local_port, remote_port; /* -1: any */
    uint64_t id;                           /* 0: any */
};

struct snapshot {
    FWPS_ALE_ENDPOINT_PROPERTIES0 *items; /* appId.data is malloced */
    uint32_t count, capacity;
    bool has_failed; /* no memory */
    struct template template;
    struct nt_dispatcher done;
};

struct enumeration {
    struct enumeration *next;
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
    uint32_t given;
    struct snapshot snapshot;
};

static pthread_mutex_t enumerations_lock = PTHREAD_MUTEX_INITIALIZER;
static struct enumeration *enumerations;

/* ---- templates ---- */

static bool
is_within(const struct subnet *subnet, uint8_t version, const uint8_t *address)
{
    int whole = subnet->prefix_length / 8, rest = subnet->prefix_length % 8;

    if (subnet->prefix_length < 0)
        return true;
    return subnet->version == version && memcmp(subnet->address, address, (size_t)whole) == 0 &&
           (!rest || (subnet->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

static bool
is_wanted(const struct template *template, const struct wfp_stack_endpoint *endpoint)
{
    return (!template->id || template->id == endpoint->handle) &&
           (template->protocol < 0 || template->protocol == endpoint->protocol) &&
           (template->local_port < 0 || template->local_port == endpoint->local_port) &&
           (template->remote_port < 0 || template->remote_port == endpoint->remote_port) &&
           is_within(&template->local, endpoint->version, endpoint->local) &&
           is_within(&template->remote, endpoint->version, endpoint->remote);
}

static bool
take_subnet(const FWP_CONDITION_VALUE0 *value, struct subnet *subnet)
{
    *subnet = (struct subnet){.prefix_length = -1, .version = 4};
    switch (value->type) {
    case FWP_EMPTY:
        return true;
    case FWP_UINT32:
        wfp_bytes_put32(subnet->address, value->uint32);
        subnet->prefix_length = 32;
        return true;
    case FWP_V4_ADDR_MASK:
        if (!value->v4AddrMask || (~value->v4AddrMask->mask & (~value->v4AddrMask->mask + 1)) != 0)
            return false; /* a mask with holes is no subnet */
        wfp_bytes_put32(subnet->address, value->v4AddrMask->addr);
        subnet->prefix_length = __builtin_popcount(value->v4AddrMask->mask);
        return true;
    case FWP_V6_ADDR_MASK:
        if (!value->v6AddrMask || value->v6AddrMask->prefixLength > 128)
            return false;
        subnet->version = 6;
        memcpy(subnet->address, value->v6AddrMask->addr, 16);
        subnet->prefix_length = value->v6AddrMask->prefixLength;
        return true;
    case FWP_BYTE_ARRAY16_TYPE:
        if (!value->byteArray16)
            return false;
        subnet->version = 6;
        memcpy(subnet->address, value->byteArray16->byteArray16, 16);
        subnet->prefix_length = 128;
        return true;
    default:
        return false;
    }
}

static bool
take_number(const FWP_CONDITION_VALUE0 *value, FWP_DATA_TYPE type, int *ret_number)
{
    *ret_number = -1;
    if (value->type == FWP_EMPTY)
        return true;
    if (value->type != type)
        return false;
    *ret_number = type == FWP_UINT8 ? value->uint8 : value->uint16;
    return true;
}

static bool
take_template(const FWPS_ALE_ENDPOINT_ENUM_TEMPLATE0 *from, struct template *template)
{
    static const FWPS_ALE_ENDPOINT_ENUM_TEMPLATE0 any; /* FWP_EMPTY is 0 */

    if (!from)
        from = &any;
    template->id = 0;
    return take_subnet(&from->localSubNet, &template->local) &&
           take_subnet(&from->remoteSubNet, &template->remote) &&
           take_number(&from->ipProtocol, FWP_UINT8, &template->protocol) &&
           take_number(&from->localPort, FWP_UINT16, &template->local_port) &&
           take_number(&from->remotePort, FWP_UINT16, &template->remote_port);
}

/* ---- snapshots ---- */

static void
set_address(UINT32 *v4, UINT8 *v6, uint8_t version, const uint8_t *address)
{
    if (version == 4)
        *v4 = wfp_bytes_get32(address);
    else
        memcpy(v6, address, 16);
}

static bool
set_app_id(FWPS_ALE_ENDPOINT_PROPERTIES0 *properties, const uint16_t *path)
{
    uint32_t units = 0;

    if (!path)
        return true;
    while (path[units])
        units++;
    properties->appId.size = (units + 1) * (uint32_t)sizeof(*path);
    properties->appId.data = malloc(properties->appId.size);
    if (!properties->appId.data)
        return false;
    memcpy(properties->appId.data, path, properties->appId.size);
    return true;
}

static void
add_endpoint(void *context, const struct wfp_stack_endpoint *endpoint)
{
    struct snapshot *snapshot = context;
    FWPS_ALE_ENDPOINT_PROPERTIES0 *item;

    if (snapshot->has_failed || !is_wanted(&snapshot->template, endpoint))
        return;
    if (snapshot->count == snapshot->capacity) {
        uint32_t capacity = snapshot->capacity ? snapshot->capacity * 2 : 64;

        item = realloc(snapshot->items, capacity * sizeof(*item));
        if (!item) {
            snapshot->has_failed = true;
            return;
        }
        snapshot->items = item;
        snapshot->capacity = capacity;
    }
    item = &snapshot->items[snapshot->count];
    *item = (FWPS_ALE_ENDPOINT_PROPERTIES0){
        .endpointId = endpoint->handle,
        .ipVersion = endpoint->version == 4 ? FWP_IP_VERSION_V4 : FWP_IP_VERSION_V6,
        .ipProtocol = endpoint->protocol,
        .localPort = endpoint->local_port,
        .remotePort = endpoint->remote_port,
    };
    if (endpoint->user)
        item->localTokenModifiedId = nt_fwps_token_modified_id(endpoint->user);
    set_address(&item->localV4Address, item->localV6Address, endpoint->version, endpoint->local);
    set_address(&item->remoteV4Address, item->remoteV6Address, endpoint->version, endpoint->remote);
    snapshot->has_failed = !set_app_id(item, endpoint->path_utf16);
    snapshot->count += !snapshot->has_failed;
}

static void
make_snapshot(void *context)
{
    struct snapshot *snapshot = context;

    if (nt_fwps.stack)
        wfp_stack_endpoints(nt_fwps.stack, add_endpoint, snapshot);
}

static void
make_snapshot_and_tell(void *context)
{
    struct snapshot *snapshot = context;

    make_snapshot(snapshot);
    nt_dispatcher_set(&snapshot->done, 1);
}

static void
free_snapshot(struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->count; i++)
        free(snapshot->items[i].appId.data);
    free(snapshot->items);
}

/** Fill @p snapshot by its template, on the stack's thread, whoever asks. */
static NTSTATUS
take_snapshot(struct snapshot *snapshot)
{
    struct nt_dispatcher *done = &snapshot->done;
    bool is_stack = true;

    if (!nt_fwps.stack || !nt_dispatcher_has_service(&is_stack) || is_stack) {
        make_snapshot(snapshot);
    } else {
        nt_dispatcher_init(done, NT_NOTIFICATION_EVENT, 0);
        if (wfp_stack_ask(nt_fwps.stack, make_snapshot_and_tell, snapshot) < 0)
            return STATUS_INSUFFICIENT_RESOURCES;
        nt_fwps_wake();
        nt_dispatcher_wait(1, &done, false, NULL);
    }
    return snapshot->has_failed ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

/* ---- what drivers get ---- */

/** Pointers, structures and application ids in one allocation, as FwpmFreeMemory0 wants it. */
static FWPS_ALE_ENDPOINT_PROPERTIES0 **
render(const FWPS_ALE_ENDPOINT_PROPERTIES0 *items, uint32_t count)
{
    size_t size = count * (sizeof(void *) + sizeof(*items));
    FWPS_ALE_ENDPOINT_PROPERTIES0 **pointers, *copies;
    uint8_t *bytes;

    for (uint32_t i = 0; i < count; i++)
        size += items[i].appId.size;
    pointers = malloc(size ? size : 1);
    if (!pointers)
        return NULL;
    copies = (FWPS_ALE_ENDPOINT_PROPERTIES0 *)(pointers + count);
    bytes = (uint8_t *)(copies + count);
    for (uint32_t i = 0; i < count; i++) {
        pointers[i] = &copies[i];
        copies[i] = items[i];
        if (!items[i].appId.size)
            continue;
        copies[i].appId.data = memcpy(bytes, items[i].appId.data, items[i].appId.size);
        bytes += items[i].appId.size;
    }
    return pointers;
}

/**
 * One socket.
 *
 * @param engineHandle  of FwpmEngineOpen0; not looked at but for NULL
 * @param endpointId    the transport endpoint handle of its classifies
 * @param properties    receives an allocation that FwpmFreeMemory0 frees
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_FWP_NOT_FOUND,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: = PASSIVE_LEVEL outside of classifyFn. Ref: ddi fwpsk/nf-fwpsk-fwpsaleendpointgetbyid0.
 * Gap: the IPsec members are 0.
 */
NTSTATUS NTAPI
FwpsAleEndpointGetById0(HANDLE engineHandle, UINT64 endpointId,
                        FWPS_ALE_ENDPOINT_PROPERTIES0 **properties)
{
    struct snapshot snapshot = {0};
    FWPS_ALE_ENDPOINT_PROPERTIES0 *found;
    NTSTATUS status;

    if (!engineHandle || !properties)
        return STATUS_FWP_NULL_POINTER;
    if (!endpointId)
        return STATUS_FWP_NOT_FOUND;
    take_template(NULL, &snapshot.template);
    snapshot.template.id = endpointId;
    status = take_snapshot(&snapshot);
    if (status == STATUS_SUCCESS && snapshot.count == 0)
        status = STATUS_FWP_NOT_FOUND;
    if (status == STATUS_SUCCESS) {
        found = malloc(sizeof(*found) + snapshot.items[0].appId.size);
        if (found) {
            *found = snapshot.items[0];
            if (found->appId.size)
                found->appId.data =
                    memcpy(found + 1, snapshot.items[0].appId.data, found->appId.size);
            *properties = found;
        } else {
            status = STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    free_snapshot(&snapshot);
    return status;
}

static void
check_driver(struct nt_driver *driver)
{
    pthread_mutex_lock(&enumerations_lock);
    for (struct enumeration **at = &enumerations; *at;) {
        struct enumeration *enumeration = *at;
        if (enumeration->owner != driver) {
            at = &enumeration->next;
            continue;
        }
        *at = enumeration->next;
        nt_finding_at(nt_driver_name(driver), enumeration->site, NT_FINDING_HANDLE_LEAK,
                      "an enumeration of endpoints was not destroyed");
        free_snapshot(&enumeration->snapshot);
        free(enumeration);
    }
    pthread_mutex_unlock(&enumerations_lock);
}

/**
 * Begin an enumeration of sockets: as they are now.
 *
 * @param engineHandle  of FwpmEngineOpen0; not looked at but for NULL
 * @param enumTemplate  copied; NULL: all. Members of type FWP_EMPTY let everything through; subnets
 *                      are FWP_V4_ADDR_MASK, FWP_UINT32 (host order), FWP_V6_ADDR_MASK or
 *                      FWP_BYTE_ARRAY16_TYPE, the protocol FWP_UINT8, ports FWP_UINT16 (host order)
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_FWP_TYPE_MISMATCH,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: = PASSIVE_LEVEL outside of classifyFn.
 * Ref: ddi fwpsk/nf-fwpsk-fwpsaleendpointcreateenumhandle0
 */
NTSTATUS NTAPI
FwpsAleEndpointCreateEnumHandle0(HANDLE engineHandle,
                                 const FWPS_ALE_ENDPOINT_ENUM_TEMPLATE0 *enumTemplate,
                                 HANDLE *enumHandle)
{
    static bool checking;
    struct enumeration *enumeration;
    NTSTATUS status;

    if (!engineHandle || !enumHandle)
        return STATUS_FWP_NULL_POINTER;
    enumeration = calloc(1, sizeof(*enumeration));
    if (!enumeration)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = take_template(enumTemplate, &enumeration->snapshot.template)
                 ? take_snapshot(&enumeration->snapshot)
                 : STATUS_FWP_TYPE_MISMATCH;
    if (status != STATUS_SUCCESS) {
        free_snapshot(&enumeration->snapshot);
        free(enumeration);
        return status;
    }
    enumeration->owner = nt_driver_current();
    enumeration->site = NT_CALLER;
    pthread_mutex_lock(&enumerations_lock);
    if (!checking)
        nt_driver_add_check(check_driver);
    checking = true;
    enumeration->next = enumerations;
    enumerations = enumeration;
    pthread_mutex_unlock(&enumerations_lock);
    *enumHandle = enumeration;
    return STATUS_SUCCESS;
}

/* Ours, or NULL and a finding. */
static struct enumeration *
find(HANDLE handle, const char *function, bool removes)
{
    struct enumeration **at, *found;

    pthread_mutex_lock(&enumerations_lock);
    for (at = &enumerations; *at && *at != handle; at = &(*at)->next)
        ;
    found = *at;
    if (found && removes)
        *at = found->next;
    pthread_mutex_unlock(&enumerations_lock);
    if (!found)
        nt_finding(NT_FINDING_OBJECT_BAD, "%s: this is no enumeration of endpoints", function);
    return found;
}

/**
 * The next sockets of an enumeration. Not from two threads at a time.
 *
 * @param entries             receives an array that FwpmFreeMemory0 frees
 * @param numEntriesReturned  fewer than asked for when there are no more; 0 at the end
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_INVALID_HANDLE,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: = PASSIVE_LEVEL outside of classifyFn. Ref: ddi fwpsk/nf-fwpsk-fwpsaleendpointenum0.
 * Gap: the IPsec members are 0.
 */
NTSTATUS NTAPI
FwpsAleEndpointEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                     FWPS_ALE_ENDPOINT_PROPERTIES0 ***entries, UINT32 *numEntriesReturned)
{
    struct enumeration *enumeration;
    uint32_t count;

    if (!engineHandle || !entries || !numEntriesReturned)
        return STATUS_FWP_NULL_POINTER;
    enumeration = find(enumHandle, "FwpsAleEndpointEnum", false);
    if (!enumeration)
        return STATUS_INVALID_HANDLE;
    count = MIN(numEntriesRequested, enumeration->snapshot.count - enumeration->given);
    *entries = render(enumeration->snapshot.items + enumeration->given, count);
    if (!*entries)
        return STATUS_INSUFFICIENT_RESOURCES;
    enumeration->given += count;
    *numEntriesReturned = count;
    return STATUS_SUCCESS;
}

/** End an enumeration. IRQL: = PASSIVE_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsaleendpointdestroyenumhandle0 */
NTSTATUS NTAPI
FwpsAleEndpointDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    struct enumeration *enumeration;

    if (!engineHandle)
        return STATUS_FWP_NULL_POINTER;
    enumeration = find(enumHandle, "FwpsAleEndpointDestroyEnumHandle", true);
    if (!enumeration)
        return STATUS_INVALID_HANDLE;
    free_snapshot(&enumeration->snapshot);
    free(enumeration);
    return STATUS_SUCCESS;
}
