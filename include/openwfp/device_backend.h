/*
 * For programs that run drivers in their own process: what answers "local:" of device.h.
 *
 * Not here   programs that only use devices need device.h alone
 */
#ifndef OPENWFP_DEVICE_BACKEND_H
#define OPENWFP_DEVICE_BACKEND_H

#include "openwfp/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a request's end is told; any thread, once. */
typedef void openwfp_backend_done(void *context, int32_t status, uint64_t information);

/** A kernel in this process. Every function is filled in. */
struct openwfp_backend {
    int is_replay; /* its time is a capture's */
    int32_t (*open)(const char *name, uint32_t access, void **ret_file);
    void (*close)(void *file);
    /** @return an error: nothing was started, @p done does not run. @p ret_request is referenced */
    int32_t (*start)(void *file, const struct openwfp_io *io, openwfp_backend_done *done,
                     void *context, void **ret_request);
    void (*cancel)(void *request);
    void (*unref)(void *request);
    void (*list)(void (*each)(void *context, const struct openwfp_device_info *info),
                 void *context);
    /** Its clock, 100 ns. */
    uint64_t (*now)(void);
    /**
     * Let the kernel work until it has nothing to do at this time; then, its time being virtual, go to
     * the next moment it has something to do, not beyond @p until (0: stay; UINT64_MAX: any).
     * @return 0 when there is none until then. Never waits for real time.
     */
    int (*settle)(uint64_t until_100ns);
};

/** Say who answers "local:" in this process; NULL: nobody. Before any openwfp_host_connect(). */
OPENWFP_API void openwfp_backend_set(const struct openwfp_backend *backend);

#ifdef __cplusplus
}
#endif

#endif
