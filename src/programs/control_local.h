/*
 * Devices for programs in the drivers' own process: what answers "local:" of openwfp/device.h.
 */
#ifndef WFP_PROGRAMS_CONTROL_LOCAL_H
#define WFP_PROGRAMS_CONTROL_LOCAL_H

#include <stdint.h>

/** Who moves packets and time besides the kernel; all may be NULL. */
struct control_local_world {
    /** Take up all that drivers sent and completed, time standing still. */
    void (*settle)(void *context);
    /** Let time pass until @p time_100ns (virtual clock). */
    void (*advance)(void *context, uint64_t time_100ns);
    void *context;
};

/**
 * From now on "local:" reaches the kernel of this process. After nt_host_init().
 * @param world  copied; NULL: there is only the kernel
 */
void control_local_enable(const struct control_local_world *world);
/** Nobody answers "local:" any more. */
void control_local_disable(void);

#endif
