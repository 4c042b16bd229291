/*
 * FWPM_CALLOUT_SET_OPTIONS_*: the built-in callouts by which filters without a driver set classify options.
 *
 * Model      The filter's provider context lists the options; BFE has put them beside the filter
 *            (core/model/filter.h). They are granted as a driver's are: each option to the first that
 *            sets it, in a classify that is an authorization. The callouts neither permit nor block.
 * Ref        win32 FWP/using-classify-options, FWP/built-in-callout-identifiers
 */
#include <string.h>

#include "base/macros.h"
#include "core/engine/callout.h"
#include "core/shims/redirect.h"
#include "core/shims/stack.h"

#define GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                              \
    {                                                                                              \
        a, b, c,                                                                                   \
        {                                                                                          \
            d0, d1, d2, d3, d4, d5, d6, d7                                                         \
        }                                                                                          \
    }
static const struct {
    const char *name;
    struct wfp_guid key;
} builtins[] = {
#define BUILTIN_PROVIDER(name, guid)
#define BUILTIN_SUBLAYER(name, guid, weight, provider)
#define BUILTIN_CALLOUT(name, guid, layer, layer_guid, flags) {#name, guid},
#include "core/model/builtins.def"
#undef BUILTIN_PROVIDER
#undef BUILTIN_SUBLAYER
#undef BUILTIN_CALLOUT
};

static void
classify(void *context, const struct wfp_indication *indication, struct wfp_filter *filter,
         uint64_t flow_context, struct wfp_classify_out *out)
{
    struct wfp_classify_slot *slot = indication->classify_context;
    const struct wfp_classify_options *options = filter->extra->options;

    out->action = WFP_ACTION_CONTINUE;
    if (!slot || !slot->takes_options || !options)
        return;
    for (unsigned i = 0; i < WFP_OPTION_COUNT; i++)
        if (options->set & ~slot->options.set & 1u << i)
            slot->options.values[i] = options->values[i];
    slot->options.set |= options->set;
}

int
wfp_stack_add_builtins(struct wfp_engine *engine)
{
    static const struct wfp_callout_ops ops = {.classify = classify};
    static const char prefix[] = "SET_OPTIONS_";
    uint32_t id;

    for (size_t i = 0; i < ELEMENTSOF(builtins); i++) {
        int r = 0;

        if (strncmp(builtins[i].name, prefix, sizeof(prefix) - 1) == 0)
            r = wfp_callout_register(engine, &builtins[i].key, 0, &ops, NULL, &id);
        if (r < 0)
            return r;
    }
    return 0;
}
