/*
 * WPP software tracing: stand-ins for the .tmh headers that tracepp generates on Windows.
 *
 * A driver includes "driver.tmh" and calls trace functions which a comment block configures:
 *
 *     // begin_wpp config
 *     // FUNC TraceEvents(LEVEL, FLAGS, MSG, ...);
 *     // end_wpp
 *
 * Each becomes a macro that sends MSG and its arguments to the debug log (runtime/wpp_log.c);
 * LEVEL and FLAGS are names that only tracepp knows, so they are kept as text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/wfp-cc/cc.h"

/* WPP's own function, and what templates configure on the command line of tracepp. */
static const char *const default_functions[] = {
    "DoTraceMessage(FLAGS, MSG, ...)",
    "DoTraceLevelMessage(LEVEL, FLAGS, MSG, ...)",
    "TraceEvents(LEVEL, FLAGS, MSG, ...)",
};

static const char preamble[] =
    "#pragma once\n"
    "#pragma clang system_header\n"
    "#ifdef __cplusplus\n"
    "extern \"C\" {\n"
    "#endif\n"
    "void wfp_wpp_log(const char *function, const char *level, const char *format, ...);\n"
    "#ifdef __cplusplus\n"
    "}\n"
    "#endif\n"
    "#define WPP_INIT_TRACING(...) ((void)0)\n"
    "#define WPP_CLEANUP(...) ((void)0)\n"
    "#define WPP_LEVEL_ENABLED(...) 1\n"
    "#define WPP_FLAG_ENABLED(...) 1\n"
    "#define WPP_LEVEL_FLAGS_ENABLED_ALL 1\n"
    "#ifndef WPP_RECORDER_INITIALIZE\n"
    "#define RECORDER_CONFIGURE_PARAMS_INIT(...) ((void)0)\n"
    "#define WppRecorderConfigure(...) ((void)0)\n"
    "#define WppRecorderIsDefaultLogAvailable() 0\n"
    "#endif\n";

void
wfp_cc_wpp_collect(const char *text, struct wfp_cc_list *functions)
{
    for (const char *block = text; (block = strstr(block, "begin_wpp config"));) {
        const char *end = strstr(block, "end_wpp");
        if (!end)
            end = block + strlen(block);
        for (const char *p = block; (p = strstr(p, "FUNC ")) && p < end;) {
            const char *name = p + 5 + strspn(p + 5, " \t");
            size_t length = strcspn(name, " \t({\r\n");
            const char *open = name + strcspn(name, "(\r\n");
            const char *close = open + strcspn(open, ")\r\n");
            if (length > 0 && *open == '(' && *close == ')')
                wfp_cc_util_addf(functions, "%.*s%.*s", (int)length, name, (int)(close - open + 1),
                                 open);
            p = name;
        }
        block = end;
    }
}

/* `Name(LEVEL, FLAGS, MSG, ...)` to a macro. Parameters are renamed: only their place matters. */
static void
define_function(const char *signature, struct wfp_cc_text *out)
{
    const char *open = strchr(signature, '(');
    int name_length = (int)(open - signature);
    bool have_level = false, have_message = false, have_rest = false;
    char parameters[512] = "";
    size_t used = 0;
    unsigned index = 0;

    for (const char *p = open + 1; *p && *p != ')';) {
        p += strspn(p, " \t,");
        size_t length = strcspn(p, " \t,)");
        if (length == 0)
            break;
        const char *renamed = NULL;
        char plain[16];
        if (length == 3 && strncmp(p, "...", 3) == 0) {
            renamed = "...";
            have_rest = true;
        } else if (length == 3 && strncmp(p, "MSG", 3) == 0) {
            renamed = "wpp_message";
            have_message = true;
        } else if (!have_level && length >= 5 && strncmp(p, "LEVEL", 5) == 0) {
            renamed = "wpp_level";
            have_level = true;
        } else {
            snprintf(plain, sizeof(plain), "wpp_%u", index);
            renamed = plain;
        }
        int n = snprintf(parameters + used, sizeof(parameters) - used, "%s%s", index ? ", " : "",
                         renamed);
        if (n < 0 || used + (size_t)n >= sizeof(parameters))
            return;
        used += (size_t)n;
        index++;
        p += length;
    }
    wfp_cc_util_appendf(out, "#undef %.*s\n#define %.*s(%s) ", name_length, signature, name_length,
                        signature, parameters);
    if (!have_message)
        wfp_cc_util_appendf(out, "((void)0)\n");
    else
        wfp_cc_util_appendf(out, "wfp_wpp_log(__FUNCTION__, %s, wpp_message%s)\n",
                            have_level ? "#wpp_level" : "\"\"", have_rest ? ", ##__VA_ARGS__" : "");
}

/* Whether a list already configures the name of @p signature. */
static bool
configured(const struct wfp_cc_list *functions, const char *signature)
{
    size_t length = strcspn(signature, "(") + 1;
    for (size_t i = 0; i < functions->count; i++)
        if (strncmp(functions->items[i], signature, length) == 0)
            return true;
    return false;
}

void
wfp_cc_wpp_header(const struct wfp_cc_list *functions, struct wfp_cc_text *out)
{
    wfp_cc_util_append(out, preamble, sizeof(preamble) - 1);
    for (size_t i = 0; i < functions->count; i++)
        define_function(functions->items[i], out);
    for (size_t i = 0; i < ELEMENTSOF(default_functions); i++) {
        if (configured(functions, default_functions[i]))
            continue;
        /* The driver may have a function or macro of its own under such a name. */
        wfp_cc_util_appendf(out, "#ifndef %.*s\n", (int)strcspn(default_functions[i], "("),
                            default_functions[i]);
        define_function(default_functions[i], out);
        wfp_cc_util_appendf(out, "#endif\n");
    }
}
