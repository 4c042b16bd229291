/*
 * Who owns the sockets of this machine: process, program and user of a live packet.
 *
 * Model      packet --socket_find--> inode, uid --process_find--> pid, executable, groups --> owner
 * Lifetime   One thread's. Users it named live as long as it does, so it outlives the stack.
 * Choice     docs/decisions/0024-linux-users-as-sids.md
 */
#ifndef WFP_PLANE_OWNER_OWNER_FIND_H
#define WFP_PLANE_OWNER_OWNER_FIND_H

#include "base/macros.h"
#include "core/shims/stack.h"

struct wfp_owner_finder;

/** How often who was found, for the report. */
struct wfp_owner_counters {
    uint64_t asked;
    uint64_t no_socket;  /* gone, or the kernel's own */
    uint64_t no_process; /* its process was not to be seen; the user is known */
};

/**
 * @param error  256 bytes for one clear line
 * @return 0, -WFP_ERR_NOT_SUPPORTED (no sock_diag or no /proc), -WFP_ERR_NO_MEMORY
 */
int wfp_owner_finder_new(struct wfp_owner_finder **ret_finder, char error[256]);
void wfp_owner_finder_free(struct wfp_owner_finder *finder);
DEFINE_FREEP(struct wfp_owner_finder, wfp_owner_finder_free)

/** A wfp_stack_find_owner; @p finder is the context. */
void wfp_owner_find(void *finder, struct wfp_packet *packet, bool is_inbound);
/** The sockets that wait, named by inode and uid; @p finder is the context (stack.h, list_sockets). */
void wfp_owner_list_sockets(void *finder, wfp_stack_take_socket *take, void *take_context);
/** Whose the listed socket is; the path lives until the next question. */
void wfp_owner_tell(void *finder, struct wfp_socket *socket);
/** Does a socket of this machine wait for an inbound TCP or UDP packet? @p finder is the context. */
bool wfp_owner_is_awaited(void *finder, const struct wfp_packet *packet);
void wfp_owner_finder_counters(const struct wfp_owner_finder *finder,
                               struct wfp_owner_counters *ret_counters);

#endif
