/*
 * Redirects as objects: what was asked for, what callouts made of it, who may write what.
 */
#include "core/shims/redirect.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "core/model/metadata.h"
#include "core/packet/bytes.h"

/* ws2def.h's families, and where SOCKADDR_IN and SOCKADDR_IN6 keep their parts. */
#define FAMILY_V4     2u
#define FAMILY_V6     23u
#define SOCKADDR_PORT 2
#define SOCKADDR_V4   4
#define SOCKADDR_V6   8
#define SOCKADDR_USED 28

void
wfp_sockaddr_set(struct wfp_sockaddr *sockaddr, uint8_t version, const uint8_t *address,
                 uint16_t port)
{
    uint16_t family = version == 4 ? FAMILY_V4 : FAMILY_V6;

    memset(sockaddr, 0, sizeof(*sockaddr));
    memcpy(sockaddr->bytes, &family, sizeof(family));
    wfp_bytes_put16(sockaddr->bytes + SOCKADDR_PORT, port);
    memcpy(sockaddr->bytes + (version == 4 ? SOCKADDR_V4 : SOCKADDR_V6), address,
           version == 4 ? 4 : 16);
}

static uint16_t
family_of(const struct wfp_sockaddr *sockaddr)
{
    uint16_t family;

    memcpy(&family, sockaddr->bytes, sizeof(family));
    return family;
}

const uint8_t *
wfp_sockaddr_address(const struct wfp_sockaddr *sockaddr, uint16_t *ret_port)
{
    *ret_port = wfp_bytes_get16(sockaddr->bytes + SOCKADDR_PORT);
    return sockaddr->bytes + (family_of(sockaddr) == FAMILY_V4 ? SOCKADDR_V4 : SOCKADDR_V6);
}

static bool
is_loopback(const struct wfp_sockaddr *sockaddr)
{
    static const uint8_t one[16] = {[15] = 1};

    return family_of(sockaddr) == FAMILY_V4 ? sockaddr->bytes[SOCKADDR_V4] == 127
                                            : memcmp(sockaddr->bytes + SOCKADDR_V6, one, 16) == 0;
}

static bool
is_same_place(const struct wfp_sockaddr *a, const struct wfp_sockaddr *b)
{
    bool is_v4 = family_of(a) == FAMILY_V4;

    return family_of(a) == family_of(b) &&
           memcmp(a->bytes + (is_v4 ? SOCKADDR_V4 : SOCKADDR_V6),
                  b->bytes + (is_v4 ? SOCKADDR_V4 : SOCKADDR_V6), is_v4 ? 4 : 16) == 0;
}

int
wfp_redirect_of_slot(struct wfp_classify_slot *slot, struct wfp_redirect **ret_redirect)
{
    if (!slot->is_writable)
        return -WFP_ERR_NOT_SUPPORTED;
    if (!slot->redirect) {
        struct wfp_redirect *redirect = calloc(1, sizeof(*redirect));

        if (!redirect)
            return -WFP_ERR_NO_MEMORY;
        redirect->magic = WFP_REDIRECT_MAGIC;
        atomic_init(&redirect->references, 1);
        redirect->is_bind = slot->is_bind;
        redirect->original = slot->request;
        slot->redirect = redirect;
    }
    wfp_redirect_ref(slot->redirect);
    *ret_redirect = slot->redirect;
    return 0;
}

void
wfp_redirect_ref(struct wfp_redirect *redirect)
{
    atomic_fetch_add(&redirect->references, 1);
}

/** A context is handed on from version to version: it goes once. */
static bool
is_first_with_context(const struct wfp_redirect *redirect,
                      const struct wfp_redirect_version *version)
{
    const struct wfp_redirect_version *v = redirect->versions;

    while (v != version && (v->number == 0 || v->request.connect.local_redirect_context !=
                                                  version->request.connect.local_redirect_context))
        v = v->older;
    return v == version;
}

void
wfp_redirect_unref(struct wfp_redirect *redirect)
{
    struct wfp_redirect_version *version;

    if (!redirect || atomic_fetch_sub(&redirect->references, 1) != 1)
        return;
    for (version = redirect->versions; version && !redirect->is_bind; version = version->older)
        if (redirect->free_context && version->number &&
            version->request.connect.local_redirect_context &&
            is_first_with_context(redirect, version))
            redirect->free_context(version->request.connect.local_redirect_context);
    while ((version = redirect->versions) != NULL) {
        redirect->versions = version->older;
        free(version);
    }
    redirect->magic = 0;
    free(redirect);
}

union wfp_request *
wfp_redirect_write(struct wfp_redirect *redirect, uint64_t filter_id)
{
    struct wfp_redirect_version *version = calloc(1, sizeof(*version)),
                                *current = redirect->current;

    if (!version)
        return NULL;
    version->request = current ? current->request : redirect->original;
    if (redirect->is_bind) {
        version->request.bind.previous = current ? &current->request.bind : NULL;
        version->request.bind.modifier_filter_id = filter_id;
    } else {
        version->request.connect.previous = current ? &current->request.connect : NULL;
        version->request.connect.modifier_filter_id = filter_id;
    }
    version->older = redirect->versions;
    redirect->versions = version;
    return &version->request;
}

/** The local end may change here, too: the pages deny it, a product in wide use does it. */
static int
check_connect(const struct wfp_redirect *redirect, const struct wfp_connect_request *request)
{
    const struct wfp_connect_request *original = &redirect->original.connect;
    bool is_local =
        is_loopback(&request->remote) || is_same_place(&request->remote, &original->local);

    if (family_of(&request->remote) != family_of(&original->remote) ||
        family_of(&request->local) != family_of(&original->local))
        return -WFP_ERR_INVALID_PARAMETER;
    if (memcmp(&request->remote, &original->remote, SOCKADDR_USED) == 0 || !is_local)
        return 0;
    return request->local_redirect_target_pid && request->local_redirect_handle
               ? 0
               : -WFP_ERR_ACCESS_DENIED;
}

int
wfp_redirect_apply(struct wfp_redirect *redirect, union wfp_request *request,
                   bool reauthorize_if_modified, struct wfp_classify_slot *slot)
{
    struct wfp_redirect_version *version = redirect->versions;
    int r;

    while (version && &version->request != request)
        version = version->older;
    if (!version || version->number)
        return -WFP_ERR_NOT_FOUND;
    if (redirect->is_bind)
        r = family_of(&request->bind.local) == family_of(&redirect->original.bind.local)
                ? 0
                : -WFP_ERR_INVALID_PARAMETER;
    else
        r = check_connect(redirect, &request->connect);
    version->number = ++redirect->applied; /* applied, if only to be refused: its writer is done */
    if (r < 0)
        return r;
    version->reauthorize_if_modified = reauthorize_if_modified;
    redirect->current = version;
    if (slot && slot->metadata && !redirect->is_bind) {
        slot->metadata->redirect_records = redirect;
        slot->metadata->present |= WFP_METADATA_REDIRECT_RECORD_HANDLE;
    }
    return 0;
}

bool
wfp_redirect_wants_reauthorization(const struct wfp_redirect *redirect)
{
    for (const struct wfp_redirect_version *v = redirect->versions; v; v = v->older)
        if (v->reauthorize_if_modified && redirect->current && v != redirect->current &&
            v->number < redirect->current->number)
            return true;
    return false;
}
