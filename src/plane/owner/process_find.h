/*
 * Which process holds a socket: /proc/PID/fd, with memories that make the common case short.
 *
 * Lifetime   One thread's. Memory is bounded whatever the number of processes and sockets.
 */
#ifndef WFP_PLANE_OWNER_PROCESS_FIND_H
#define WFP_PLANE_OWNER_PROCESS_FIND_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

#define WFP_PROCESS_MAX_GROUPS 256

struct wfp_process_finder;

struct wfp_process {
    uint32_t id;
    char path[PATH_MAX]; /* of its executable; "" unknown */
    uint32_t group_count;
    uint32_t groups[WFP_PROCESS_MAX_GROUPS]; /* the primary first; none where it runs as others */
};

/**
 * @param proc  "/proc", or a folder of the same shape for tests
 * @return 0, -WFP_ERR_IO (no such folder), -WFP_ERR_NO_MEMORY
 */
int wfp_process_finder_new(const char *proc, struct wfp_process_finder **ret_finder);
void wfp_process_finder_free(struct wfp_process_finder *finder);
DEFINE_FREEP(struct wfp_process_finder, wfp_process_finder_free)

/**
 * The process that holds a socket; of several, one whose parent does not. Sockets that
 * init (1) opened for a service are the service's, once it runs.
 *
 * @param uid  the socket's: groups are told only for a process that runs as that user
 * @return false where none is found; asking again within a second is answered from memory
 */
bool wfp_process_find(struct wfp_process_finder *finder, uint32_t inode, uint32_t uid,
                      struct wfp_process *ret_process);

#endif
