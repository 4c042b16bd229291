/*
 * Objects to a Windows .sys. (next)
 */
#include "programs/wfp-cc/cc.h"

int
wfp_cc_windows_link(struct wfp_cc *cc)
{
    wfp_cc_util_error("--target windows is not there yet");
    return WFP_CC_USAGE;
}
