/*
 * One run of wfp-cc, as its steps see it.
 *
 *     options -> tools -> scan (names, encodings, generated headers) -> compile -> link -> OUT
 *
 * Steps print their own diagnostics and return an exit code (enum wfp_cc_exit).
 */
#ifndef WFP_PROGRAMS_CC_H
#define WFP_PROGRAMS_CC_H

#include "programs/wfp-cc/cc_util.h"

enum wfp_cc_target { WFP_CC_NATIVE, WFP_CC_WINDOWS };

/** Side by side: a name, the file it stands for, "true" when messages show that file's name. */
struct wfp_cc_overlay {
    struct wfp_cc_list names, contents, external_name;
};

struct wfp_cc {
    /* options */
    enum wfp_cc_target target;
    bool sanitize, verbose, keep;
    const char *output;
    const char *depfile; /* Make's form, or NULL */
    unsigned kmdf_major, kmdf_minor;
    struct wfp_cc_list sources;
    struct wfp_cc_list flags;        /* passed to the compiler as they are */
    struct wfp_cc_list include_dirs; /* -I of the flags, for the scan */

    /* tools */
    char *clang, *linker, *objcopy;
    unsigned clang_major;
    char *wdk_dir;     /* include/wdk */
    char *runtime_dir; /* our entry stubs and compiler support, as sources */

    /* work */
    char *work_dir;
    struct wfp_cc_overlay overlay;
    unsigned copies;            /* translated or repaired files in work_dir */
    unsigned repair_count;      /* see cc_repair.c */
    struct wfp_cc_text repairs; /* of repairs.h, included first everywhere */
    struct wfp_cc_list objects;
    bool *keeps_inline; /* by source: another source calls what is inline here; see cc_inline.c */
    bool *uses_try;     /* by source: has __try, which costs optimisation in a native image */
    bool *crashed;      /* by source: the compiler fell over its __try */
};

/** Find clang, a linker, our headers; says how to install what is missing. */
int wfp_cc_tools_find(struct wfp_cc *cc);
/** The -resource-dir's library folder for sanitizer runtimes, or NULL. */
char *wfp_cc_tools_sanitizer_runtime(const struct wfp_cc *cc);

/** Read the sources and what they include; leave an overlay and generated headers in work_dir. */
int wfp_cc_scan_sources(struct wfp_cc *cc);

/** Let @p name stand for @p contents; @p as_written keeps the name in messages. The first one counts. */
void wfp_cc_overlay_add(struct wfp_cc *cc, const char *name, const char *contents, bool as_written);
/** What @p name stands for, or NULL: itself. */
const char *wfp_cc_overlay_contents(const struct wfp_cc *cc, const char *name);
/** Let @p name, and every other name of its file, stand for a copy that holds @p text. */
void wfp_cc_overlay_replace(struct wfp_cc *cc, const char *name, const struct wfp_cc_text *text);
/** Write it for the compiler. */
void wfp_cc_overlay_write(struct wfp_cc *cc);

/** Repair what @p log complains of where that is known. @return whether compiling again makes sense */
bool wfp_cc_repair_sources(struct wfp_cc *cc, const char *log);

/** Header text for the message file (.mc) in @p text. */
void wfp_cc_messages_header(const char *text, struct wfp_cc_text *out);
/** Header text for the event manifest (.man) in @p text. */
void wfp_cc_messages_manifest_header(const char *text, struct wfp_cc_text *out);

/** Remember the trace functions that a source's begin_wpp block configures. */
void wfp_cc_wpp_collect(const char *text, struct wfp_cc_list *functions);
/** Text of the header behind every .tmh stand-in. */
void wfp_cc_wpp_header(const struct wfp_cc_list *functions, struct wfp_cc_text *out);

/** Compile every source into cc->objects; called again, those that must keep inline functions. */
int wfp_cc_compile_sources(struct wfp_cc *cc);
/** Find inline functions that other sources call, and compile again what defines them. */
int wfp_cc_inline_keep(struct wfp_cc *cc);
/** Compile one file of ours (runtime or generated), without the WDK headers' options. */
int wfp_cc_compile_own(struct wfp_cc *cc, const char *source, const char *object,
                       const struct wfp_cc_list *extra);

/** Link cc->objects to a native .so. */
int wfp_cc_native_link(struct wfp_cc *cc);
/** Link cc->objects to a .sys. */
int wfp_cc_windows_link(struct wfp_cc *cc);

#endif
