/*
 * Devices for programs in the drivers' own process: what answers "local:" of openwfp/device.h.
 */
#ifndef WFP_PROGRAMS_CONTROL_LOCAL_H
#define WFP_PROGRAMS_CONTROL_LOCAL_H

/** From now on "local:" reaches the kernel of this process. After nt_host_init(). */
void control_local_enable(void);
/** Nobody answers "local:" any more. */
void control_local_disable(void);

#endif
