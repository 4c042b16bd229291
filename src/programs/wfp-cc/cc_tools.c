/*
 * Where the compiler, the linker and our own headers are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "programs/wfp-cc/cc.h"

/* Newest first: later clangs know more of MSVC's dialect. */
static const char *const versions[] = {"-19", "-18", "-17", "-16", "", "-15", "-14"};

static char *
find_tool(const char *environment, const char *const names[], size_t name_count)
{
    const char *chosen = getenv(environment);
    if (chosen && *chosen)
        return wfp_cc_util_which(chosen);
    for (size_t v = 0; v < ELEMENTSOF(versions); v++)
        for (size_t n = 0; n < name_count; n++) {
            _cleanup_(freep) char *name = wfp_cc_util_format("%s%s", names[n], versions[v]);
            char *path = wfp_cc_util_which(name);
            if (path)
                return path;
        }
    return NULL;
}

/* First of the places where an installed or a just-built wfp-cc keeps @p leaf. */
static char *
find_data(const char *environment, const char *installed, const char *in_source)
{
    char self[4096];
    const char *chosen = getenv(environment);
    if (chosen && *chosen)
        return wfp_cc_util_canonical(chosen);
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = '\0';
    _cleanup_(freep) char *folder = wfp_cc_util_folder(self);
    char *candidates[] = {
        wfp_cc_util_format("%s/../%s", folder, in_source),
        wfp_cc_util_format("%s/../share/openwfp/%s", folder, installed),
        wfp_cc_util_format("%s/%s", WFP_CC_SOURCE_ROOT, in_source),
    };
    char *found = NULL;
    for (size_t i = 0; i < ELEMENTSOF(candidates); i++) {
        if (!found && access(candidates[i], R_OK) == 0)
            found = wfp_cc_util_canonical(candidates[i]);
        free(candidates[i]);
    }
    return found;
}

static unsigned
major_version(const char *clang)
{
    char *argv[] = {(char *)clang, (char *)"--version", NULL};
    _cleanup_(freep) char *line = wfp_cc_util_output(argv);
    const char *version = line ? strstr(line, "version ") : NULL;
    return version ? (unsigned)strtoul(version + 8, NULL, 10) : 0;
}

int
wfp_cc_tools_find(struct wfp_cc *cc)
{
    static const char *const clangs[] = {"clang"};
    static const char *const native_linkers[] = {"ld.lld"};
    static const char *const windows_linkers[] = {"lld-link"};

    cc->clang = find_tool("WFP_CC_CLANG", clangs, 1);
    cc->clang_major = cc->clang ? major_version(cc->clang) : 0;
    if (cc->clang_major < 14) {
        wfp_cc_util_error(
            "no clang 14 or later found; install it: apt-get install clang-19 lld-19");
        return WFP_CC_ENVIRONMENT;
    }
    if (cc->target == WFP_CC_WINDOWS)
        cc->linker = find_tool("WFP_CC_LINKER", windows_linkers, 1);
    else
        cc->linker = find_tool("WFP_CC_LINKER", native_linkers, 1);
    if (!cc->linker && cc->target == WFP_CC_NATIVE)
        cc->linker = wfp_cc_util_which("ld");
    if (!cc->linker) {
        wfp_cc_util_error("no %s found; install it: apt-get install lld-19",
                          cc->target == WFP_CC_WINDOWS ? "lld-link" : "ld.lld or ld");
        return WFP_CC_ENVIRONMENT;
    }
    cc->wdk_dir = find_data("WFP_CC_WDK_DIR", "include/wdk", "include/wdk");
    cc->runtime_dir = find_data("WFP_CC_RUNTIME_DIR", "wfp-cc", "src/programs/wfp-cc/runtime");
    if (!cc->wdk_dir || !cc->runtime_dir) {
        wfp_cc_util_error("our headers are missing; set WFP_CC_WDK_DIR to include/wdk and "
                          "WFP_CC_RUNTIME_DIR to wfp-cc's runtime folder");
        return WFP_CC_ENVIRONMENT;
    }
    return WFP_CC_OK;
}

char *
wfp_cc_tools_sanitizer_runtime(const struct wfp_cc *cc)
{
    char *argv[] = {cc->clang, (char *)"--print-file-name=libclang_rt.asan-x86_64.so", NULL};
    char *path = wfp_cc_util_output(argv);
    if (path && access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}
