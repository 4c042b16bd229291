/*
 * A socket's owner put together, and users made once each.
 */
#include "plane/owner/owner_find.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "base/utf16.h"
#include "core/model/user.h"
#include "plane/owner/process_find.h"
#include "plane/owner/socket_find.h"

#define USERS_MAX 4096u /* combinations of a user and its groups */

struct known_user {
    uint32_t uid, group_count;
    uint32_t *groups;
    struct wfp_user *user;
};

struct wfp_owner_finder {
    struct mnl_socket *diag;
    struct wfp_process_finder *processes;
    struct wfp_process process; /* the last one found */
    uint16_t *path_utf16;       /* of the last one found */
    uint32_t user_count;
    struct known_user users[USERS_MAX];
    struct wfp_owner_counters counters;
};

int
wfp_owner_finder_new(struct wfp_owner_finder **ret_finder, char error[256])
{
    _cleanup_(wfp_owner_finder_freep) struct wfp_owner_finder *finder = calloc(1, sizeof(*finder));

    if (!finder)
        return -WFP_ERR_NO_MEMORY;
    finder->diag = wfp_socket_find_open();
    if (!finder->diag) {
        snprintf(error, 256,
                 "sockets' owners: sock_diag: %s; enable CONFIG_INET_DIAG and CONFIG_INET_UDP_DIAG",
                 strerror(errno));
        return -WFP_ERR_NOT_SUPPORTED;
    }
    int r = wfp_process_finder_new("/proc", &finder->processes);
    if (r < 0) {
        snprintf(error, 256, "sockets' owners: /proc: %s; mount it", strerror(errno));
        return r == -WFP_ERR_IO ? -WFP_ERR_NOT_SUPPORTED : r;
    }
    *ret_finder = TAKE_PTR(finder);
    return 0;
}

void
wfp_owner_finder_free(struct wfp_owner_finder *finder)
{
    if (!finder)
        return;
    if (finder->diag)
        mnl_socket_close(finder->diag);
    wfp_process_finder_free(finder->processes);
    for (uint32_t i = 0; i < finder->user_count; i++) {
        free(finder->users[i].groups);
        wfp_user_free(finder->users[i].user);
    }
    free(finder->path_utf16);
    free(finder);
}

static const struct wfp_user *
make_user(struct wfp_owner_finder *finder, uint32_t uid, const uint32_t *groups, uint32_t count)
{
    struct known_user *known = &finder->users[finder->user_count];
    _cleanup_(freep) uint32_t *copy = NULL;

    if (finder->user_count == USERS_MAX) {
        wfp_log(WFP_LOG_WARNING, "more than %u users of sockets: others stay unknown", USERS_MAX);
        return NULL;
    }
    copy = malloc((count ? count : 1) * sizeof(*copy));
    if (!copy || wfp_user_from_linux(uid, groups, count, &known->user) < 0)
        return NULL;
    if (count)
        memcpy(copy, groups, count * sizeof(*copy));
    known->uid = uid;
    known->group_count = count;
    known->groups = TAKE_PTR(copy);
    finder->user_count++;
    return known->user;
}

static const struct wfp_user *
find_user(struct wfp_owner_finder *finder, uint32_t uid, const uint32_t *groups, uint32_t count)
{
    for (uint32_t i = 0; i < finder->user_count; i++) {
        const struct known_user *known = &finder->users[i];

        if (known->uid == uid && known->group_count == count &&
            (count == 0 || memcmp(known->groups, groups, count * sizeof(*groups)) == 0))
            return known->user;
    }
    return make_user(finder, uid, groups, count);
}

/** Fill in whose socket it is. */
static void
tell(struct wfp_owner_finder *finder, const struct wfp_socket_found *socket, uint64_t *ret_pid,
     const uint16_t **ret_path_utf16, const struct wfp_user **ret_user)
{
    struct wfp_process *process = &finder->process;

    if (!wfp_process_find(finder->processes, socket->inode, socket->uid, process)) {
        finder->counters.no_process++;
        *ret_user = find_user(finder, socket->uid, NULL, 0);
        return;
    }
    free(finder->path_utf16);
    finder->path_utf16 = process->path[0] ? wfp_utf16_from_utf8(process->path, NULL) : NULL;
    *ret_pid = process->id;
    *ret_path_utf16 = finder->path_utf16;
    *ret_user = find_user(finder, socket->uid, process->groups, process->group_count);
}

void
wfp_owner_find(void *context, struct wfp_packet *packet, bool is_inbound)
{
    struct wfp_owner_finder *finder = context;
    struct wfp_socket_found socket;

    finder->counters.asked++;
    if (!wfp_socket_find(finder->diag, packet, is_inbound, &socket)) {
        finder->counters.no_socket++;
        return;
    }
    tell(finder, &socket, &packet->process_id, &packet->process_path_utf16, &packet->user);
}

struct lister {
    wfp_stack_take_socket *take;
    void *context;
};

static void
take_waiting(void *context, const struct wfp_socket_waiting *waiting)
{
    const struct lister *lister = context;
    struct wfp_socket socket = {
        .version = waiting->version,
        .protocol = waiting->protocol,
        .local_port = waiting->local_port,
        .listens = waiting->protocol == WFP_PROTOCOL_TCP,
        .name = waiting->found.inode | (uint64_t)waiting->found.uid << 32,
    };

    memcpy(socket.local, waiting->local, sizeof(socket.local));
    lister->take(lister->context, &socket);
    if (!waiting->is_dual)
        return;
    socket.version = 4; /* Windows' programs have a socket for each */
    lister->take(lister->context, &socket);
}

void
wfp_owner_list_sockets(void *context, wfp_stack_take_socket *take, void *take_context)
{
    const struct wfp_owner_finder *finder = context;
    struct lister lister = {take, take_context};

    wfp_socket_list(finder->diag, take_waiting, &lister);
}

void
wfp_owner_tell(void *context, struct wfp_socket *socket)
{
    struct wfp_owner_finder *finder = context;
    struct wfp_socket_found found = {(uint32_t)socket->name, (uint32_t)(socket->name >> 32)};

    finder->counters.asked++;
    tell(finder, &found, &socket->process_id, &socket->process_path_utf16, &socket->user);
}

bool
wfp_owner_is_awaited(void *context, const struct wfp_packet *packet)
{
    const struct wfp_owner_finder *finder = context;

    return wfp_socket_exists(finder->diag, packet);
}

void
wfp_owner_finder_counters(const struct wfp_owner_finder *finder,
                          struct wfp_owner_counters *ret_counters)
{
    *ret_counters = finder->counters;
}
