/*
 * The statically linked part of a driver that is not the driver's.
 */
#ifndef WFP_PROGRAMS_CC_RUNTIME_H
#define WFP_PROGRAMS_CC_RUNTIME_H

#include "programs/wfp-cc/cc.h"
#include "programs/wfp-cc/cc_symbols.h"

/** Read the driver's objects; refuses a driver without DriverEntry. @return enum wfp_cc_exit */
int wfp_cc_runtime_read_objects(struct wfp_cc *cc, struct wfp_cc_symbols *symbols,
                                struct wfp_cc_list *objects);
/** Compile what @p symbols lack and we have, adding to both. @return enum wfp_cc_exit */
int wfp_cc_runtime_add(struct wfp_cc *cc, struct wfp_cc_symbols *symbols,
                       struct wfp_cc_list *objects);

#endif
