/*
 * Classify options: what a callout may say of the state that its permit makes.
 *
 * Ref        ddi fwpsk/nf-fwpsk-fwpsclassifyoptionset0; win32 FWP/ale-flow-customization
 */
#ifndef WFP_CORE_MODEL_CLASSIFY_OPTION_H
#define WFP_CORE_MODEL_CLASSIFY_OPTION_H

#include <stdbool.h>
#include <stdint.h>

/** FWP_CLASSIFY_OPTION_TYPE, as far as flows have them. */
enum wfp_classify_option {
    WFP_OPTION_MULTICAST_STATE,
    WFP_OPTION_LOOSE_SOURCE,
    WFP_OPTION_UNICAST_LIFETIME,   /* seconds */
    WFP_OPTION_MULTICAST_LIFETIME, /* seconds */
    WFP_OPTION_COUNT,
};
#define WFP_OPTION_NEAR   0u /* FWP_OPTION_VALUE_ALLOW_MULTICAST_STATE */
#define WFP_OPTION_DENY   1u /* FWP_OPTION_VALUE_DENY_MULTICAST_STATE */
#define WFP_OPTION_ENABLE 1u /* FWP_OPTION_VALUE_ENABLE_LOOSE_SOURCE */

struct wfp_classify_options {
    uint32_t set; /* bits of those that are set */
    uint32_t values[WFP_OPTION_COUNT];
};

/** Is @p value one that the option may have? */
static inline bool
wfp_classify_option_allows(enum wfp_classify_option option, uint32_t value)
{
    switch (option) {
    case WFP_OPTION_MULTICAST_STATE:
        return value <= 2; /* FWP_OPTION_VALUE_ALLOW_GLOBAL_MULTICAST_STATE */
    case WFP_OPTION_LOOSE_SOURCE:
        return value <= WFP_OPTION_ENABLE;
    default:
        return value > 0;
    }
}

#endif
