/*
 * What a WDK build links in statically: entry stubs, compiler support, constants of small
 * libraries.
 *
 * A runtime source is compiled when an object lacks a symbol that it defines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/wfp-cc/cc.h"
#include "programs/wfp-cc/cc_runtime.h"

enum { NATIVE = 1, WINDOWS = 2, BOTH = 3 };

static const struct {
    const char *prefix; /* of the undefined symbol */
    const char *file;
    unsigned targets;
    bool needs_wdk; /* compiled like a driver, with the headers */
} providers[] = {
    {"WdfFunctions", "kmdf_entry.c", BOTH, false},
    {"WdfDriverGlobals", "kmdf_entry.c", BOTH, false},
    {"wfp_wpp_log", "wpp_log.c", BOTH, false},
    {"SDDL_DEVOBJ_", "wdmsec.c", BOTH, false},
    {"in6addr_", "in6addr.c", BOTH, false},
    {"in4addr_", "in6addr.c", BOTH, false},
    {"FWPM_", "guids.c", BOTH, true},
    {"GUID_", "guids.c", BOTH, true},
    {"mem", "memory.c", BOTH, false},
    {"_fltused", "memory.c", BOTH, false},
    {"__chkstk", "chkstk.S", BOTH, false},
    {"_purecall", "memory.c", BOTH, false},
    {"atexit", "memory.c", BOTH, false},
    {"__CxxFrameHandler3", "cxx_handler.c", WINDOWS, false},
};

static int
compile(struct wfp_cc *cc, const char *file, bool needs_wdk, struct wfp_cc_symbols *symbols,
        struct wfp_cc_list *objects)
{
    static const char *const wdk[] = {"km", "shared", "um", "crt"};
    struct wfp_cc_list extra = {0};
    _cleanup_(freep) char *source = wfp_cc_util_format("%s/%s", cc->runtime_dir, file);
    _cleanup_(freep) char *object = wfp_cc_util_format("%s/runtime-%s.o", cc->work_dir, file);

    if (wfp_cc_util_has(objects, object))
        return WFP_CC_OK;
    wfp_cc_util_addf(&extra, "-DKMDF_MINOR=%u", cc->kmdf_minor);
    for (size_t i = 0; i < symbols->undefined.count; i++)
        if (strncmp(symbols->undefined.items[i], "WdfFunctions", 12) == 0)
            wfp_cc_util_addf(&extra, "-DWDF_FUNCTIONS=%s", symbols->undefined.items[i]);
    for (size_t i = 0; needs_wdk && i < ELEMENTSOF(wdk); i++) {
        wfp_cc_util_add(&extra, "-isystem");
        wfp_cc_util_addf(&extra, "%s/%s", cc->wdk_dir, wdk[i]);
    }
    if (needs_wdk) {
        wfp_cc_util_add(&extra, "-fdata-sections");
        wfp_cc_util_add(&extra, "-D_AMD64_=1");
        wfp_cc_util_add(&extra, "-DNDIS_SUPPORT_NDIS6=1");
    }
    int r = wfp_cc_compile_own(cc, source, object, &extra);
    wfp_cc_util_clear(&extra);
    if (r != 0)
        return r;
    wfp_cc_util_add(objects, object);
    bool constructors;
    (void)wfp_cc_symbols_prepare(object, &constructors);
    (void)wfp_cc_symbols_read(symbols, object);
    return WFP_CC_OK;
}

int
wfp_cc_runtime_read_objects(struct wfp_cc *cc, struct wfp_cc_symbols *symbols,
                            struct wfp_cc_list *objects)
{
    for (size_t i = 0; i < cc->objects.count; i++) {
        bool constructors = false;
        if (wfp_cc_symbols_prepare(cc->objects.items[i], &constructors) < 0 ||
            wfp_cc_symbols_read(symbols, cc->objects.items[i]) < 0) {
            wfp_cc_util_error("%s is not an object file", cc->objects.items[i]);
            return WFP_CC_FAILED;
        }
        if (constructors)
            fprintf(stderr,
                    "wfp-cc: warning: %s: objects with constructors at file scope; a kernel image "
                    "never runs them\n",
                    cc->sources.items[i]);
        wfp_cc_util_add(objects, cc->objects.items[i]);
    }
    if (wfp_cc_util_has(&symbols->defined, "DriverEntry"))
        return WFP_CC_OK;
    wfp_cc_util_error(
        "no source defines DriverEntry (in C++ it must be extern \"C\"); %s was not made",
        cc->output);
    return WFP_CC_FAILED;
}

int
wfp_cc_runtime_add(struct wfp_cc *cc, struct wfp_cc_symbols *symbols, struct wfp_cc_list *objects)
{
    unsigned target = cc->target == WFP_CC_WINDOWS ? WINDOWS : NATIVE;
    size_t before;
    do { /* a runtime object may need another one */
        before = objects->count;
        for (size_t i = 0; i < symbols->undefined.count; i++)
            for (size_t k = 0; k < ELEMENTSOF(providers); k++) {
                const char *prefix = providers[k].prefix;
                if (!(providers[k].targets & target) || i >= symbols->undefined.count ||
                    strncmp(symbols->undefined.items[i], prefix, strlen(prefix)) != 0)
                    continue;
                int r = compile(cc, providers[k].file, providers[k].needs_wdk, symbols, objects);
                if (r != 0)
                    return r;
            }
    } while (objects->count != before);
    return WFP_CC_OK;
}
