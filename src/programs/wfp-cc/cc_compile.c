/*
 * Source to object: clang as a Windows compiler.
 *
 * A native object is ELF by container alone: the target windows-msvc-elf has the Windows x64
 * calling convention, LLP64 types, 16-bit wchar_t and MSVC's dialect, so structures and calls agree
 * with a .sys of the same source. See docs/decisions for why.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "programs/wfp-cc/cc.h"

#define MAX_REPAIR_ROUNDS 16

/* Both targets: MSVC's dialect, and what its optimizer does not assume. */
static const char *const dialect[] = {
    "-fms-extensions",
    "-fms-compatibility",
    "-fms-compatibility-version=19.40",
    "-nostdlibinc",
    "-fno-strict-aliasing",
    "-fno-delete-null-pointer-checks",
    "-fcommon",
    "-mcx16",
    "-fno-omit-frame-pointer",
    "-fno-crash-diagnostics",
};

static const char *const native_target[] = {
    "--target=x86_64-pc-windows-msvc-elf",
    "-Xclang",
    "-mrelocation-model",
    "-Xclang",
    "pic",
    "-Xclang",
    "-pic-level",
    "-Xclang",
    "2",
    "-g",
    "-gdwarf-4",
    "-fasynchronous-unwind-tables",
    "-fno-stack-protector",
    "-fno-optimize-sibling-calls", /* findings name the line that called */
};

static const char *const windows_target[] = {
    "--target=x86_64-pc-windows-msvc", "-g", "-gcodeview", "-fno-optimize-sibling-calls",
    "-fstack-protector-strong",
};

/* What a WDK project defines; the flags of the command line come later and win. */
static const char *const definitions[] = {
    "-D_WIN64=1",      "-D_AMD64_=1",
    "-DAMD64=1",       "-D_KERNEL_MODE=1",
    "-DSTD_CALL=1",    "-DCONDITION_HANDLING=1",
    "-DWIN32=100",     "-D_NT1X_=100",
    "-DWINNT=1",       "-D_WIN32_WINNT=0x0A00",
    "-DWINVER=0x0A00", "-DWIN32_LEAN_AND_MEAN=1",
    "-DWFP_CC=1",      "-Dregister=",
};

#define NTDDI_VERSION_DEFINITION "-DNTDDI_VERSION=0x0A00000C" /* sdkddkver.h's own choice */

/* MSVC accepts silently, or as a warning, what clang makes an error or noise. */
static const char *const warnings[] = {
    "-Wno-unknown-pragmas",
    "-Wno-ignored-pragmas",
    "-Wno-ignored-attributes",
    "-Wno-pragma-pack",
    "-Wno-microsoft",
    "-Wno-nonportable-include-path",
    "-Wno-comment",
    "-Wno-invalid-source-encoding",
    "-Wno-macro-redefined",
    "-Wno-switch",
    "-Wno-missing-braces",
    "-Wno-unused",
    "-Wno-extra-tokens",
    "-Wno-ignored-pragma-intrinsic",
    "-Wno-multichar",
    "-Wno-four-char-constants",
    "-Wno-deprecated-declarations",
    "-Wno-writable-strings",
    "-Wno-invalid-token-paste",
    "-Wno-visibility",
    "-Wno-backslash-newline-escape",
    "-Wno-unused-command-line-argument",
    "-Wno-pointer-sign",
    "-Wno-enum-conversion",
    "-Wno-unused-value",
    "-Wno-parentheses",
    "-Wno-c++11-narrowing",
    "-Wno-unknown-warning-option",
    "-Wno-missing-declarations",
    "-Wno-implicit-exception-spec-mismatch",
    "-Wno-error=int-conversion",
    "-Wno-error=incompatible-function-pointer-types",
    "-Wno-error=implicit-function-declaration",
    "-Wno-error=incompatible-pointer-types",
    "-Wno-error=implicit-int",
    "-Wno-error=return-mismatch", /* C4098; before clang 19 it goes by the next name */
    "-Wno-error=return-type",
};

static const char *const sanitizers[] = {
    "-fsanitize=address,undefined",
    "-fno-sanitize=alignment,function,vptr",
    "-fsanitize-address-use-after-return=never",
    "-mllvm",
    "-asan-mapping-offset=0x7fff8000",
    "-DDBG=1",
};

static void
add_all(struct wfp_cc_list *list, const char *const items[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        wfp_cc_util_add(list, items[i]);
}

static void
add_target(const struct wfp_cc *cc, struct wfp_cc_list *argv)
{
    if (cc->target == WFP_CC_WINDOWS)
        add_all(argv, windows_target, ELEMENTSOF(windows_target));
    else
        add_all(argv, native_target, ELEMENTSOF(native_target));
    add_all(argv, dialect, ELEMENTSOF(dialect));
}

static void
add_sanitizers(const struct wfp_cc *cc, struct wfp_cc_list *argv)
{
    add_all(argv, sanitizers, ELEMENTSOF(sanitizers));
    if (cc->clang_major >= 17) /* global variables one by one: no linker-made section bounds */
        wfp_cc_util_add(argv, "-fno-sanitize-address-globals-dead-stripping");
}

static bool
is_cplusplus(const char *source)
{
    return !wfp_cc_util_ends(source, ".c");
}

/* Does the command line define @p name? */
static bool
defines(const struct wfp_cc *cc, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < cc->flags.count; i++) {
        const char *flag = cc->flags.items[i];
        const char *at = strncmp(flag, "-D", 2) != 0 ? NULL
                         : flag[2]                   ? flag + 2
                                                     : cc->flags.items[i + 1];
        if (at && strncmp(at, name, length) == 0 && (at[length] == '=' || at[length] == 0))
            return true;
    }
    return false;
}

static void
build_command(const struct wfp_cc *cc, size_t index, const char *object, struct wfp_cc_list *argv)
{
    static const char *const wdk[] = {"km", "shared", "um", "crt"};
    const char *source = cc->sources.items[index];

    wfp_cc_util_add(argv, cc->clang);
    add_target(cc, argv);
    if (is_cplusplus(source)) {
        static const char *const cplusplus[] = {
            "-x", "c++", "-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"};
        add_all(argv, cplusplus, ELEMENTSOF(cplusplus));
    } else {
        static const char *const c[] = {"-x", "c", "-std=gnu17"};
        add_all(argv, c, ELEMENTSOF(c));
    }
    wfp_cc_util_add(argv, "-O2");
    add_all(argv, definitions, ELEMENTSOF(definitions));
    if (!defines(cc, "_WIN32_WINNT")) /* NTDDI_VERSION follows from that */
        wfp_cc_util_add(argv, NTDDI_VERSION_DEFINITION);
    wfp_cc_util_addf(argv, "-DKMDF_VERSION_MAJOR=%u", cc->kmdf_major);
    wfp_cc_util_addf(argv, "-DKMDF_VERSION_MINOR=%u", cc->kmdf_minor);
    if (cc->sanitize)
        add_sanitizers(cc, argv);
    else
        wfp_cc_util_add(argv, "-fwrapv");
    add_all(argv, warnings, ELEMENTSOF(warnings));
    wfp_cc_util_add(argv, "-ivfsoverlay");
    wfp_cc_util_addf(argv, "%s/overlay.yaml", cc->work_dir);
    if (cc->repairs.length > 0) {
        wfp_cc_util_add(argv, "-include");
        wfp_cc_util_addf(argv, "%s/repairs.h", cc->work_dir);
    }
    for (size_t i = 0; i < cc->flags.count; i++)
        wfp_cc_util_add(argv, cc->flags.items[i]);
    /* In a .sys: catch a fault inside __try, not only in what it calls. */
    if (cc->target == WFP_CC_WINDOWS && cc->uses_try[index] && !cc->crashed[index])
        wfp_cc_util_add(argv, "-fasync-exceptions");
    if (cc->target == WFP_CC_WINDOWS)
        wfp_cc_util_add(argv, "-Werror=jump-seh-finally");
    /* Native __try is setjmp under wdk's excpt.h: locals must live in memory. */
    if (cc->target == WFP_CC_NATIVE && cc->uses_try[index])
        wfp_cc_util_add(argv, "-O0");
    if (cc->keeps_inline[index])
        wfp_cc_util_add(argv, "-fno-inline");
    wfp_cc_util_addf(argv, "-I%s/generated", cc->work_dir);
    for (size_t i = 0; i < ELEMENTSOF(wdk); i++) {
        wfp_cc_util_add(argv, "-isystem");
        wfp_cc_util_addf(argv, "%s/%s", cc->wdk_dir, wdk[i]);
    }
    wfp_cc_util_add(argv, "-c");
    wfp_cc_util_add(argv, source);
    wfp_cc_util_add(argv, "-o");
    wfp_cc_util_add(argv, object);
}

static void
print_command(const struct wfp_cc_list *argv)
{
    for (size_t i = 0; i < argv->count; i++)
        fprintf(stderr, "%s%s", argv->items[i], i + 1 < argv->count ? " " : "\n");
}

struct job {
    int pid, code;
    char *log;
};

static void
finish_job(struct job *job)
{
    int status = 0;
    while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
        ;
    job->pid = 0;
    job->code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void
print_log(const struct job *job)
{
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text text = {0};
    if (wfp_cc_util_read(job->log, &text) == 0 && text.length > 0)
        fwrite(text.data, 1, text.length, stderr);
}

static void
start_job(struct wfp_cc *cc, size_t i, struct job *job)
{
    struct wfp_cc_list argv = {0};

    build_command(cc, i, cc->objects.items[i], &argv);
    if (cc->verbose)
        print_command(&argv);
    job->pid = wfp_cc_util_start(argv.items, job->log);
    wfp_cc_util_clear(&argv);
}

/* Compile what has no object yet, as many at a time as there are processors. */
static void
run_jobs(struct wfp_cc *cc, struct job *jobs)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t width = processors > 0 ? (size_t)processors : 1, oldest = 0;

    for (size_t i = 0, running = 0; i < cc->sources.count; i++) {
        if (jobs[i].code == 0)
            continue;
        for (; running >= width; oldest++)
            if (jobs[oldest].pid) {
                finish_job(&jobs[oldest]);
                running--;
            }
        start_job(cc, i, &jobs[i]);
        running++;
    }
    for (; oldest < cc->sources.count; oldest++)
        if (jobs[oldest].pid)
            finish_job(&jobs[oldest]);
}

/*
 * clang itself falls over -fasync-exceptions where a C++ function jumps by goto (seen from 14 to 19).
 * @return whether @p log of source @p index tells that, and compiling without makes sense
 */
static bool
note_crash(struct wfp_cc *cc, size_t index, const char *log)
{
    if (cc->target != WFP_CC_WINDOWS || !cc->uses_try[index] || cc->crashed[index] ||
        !strstr(log, "frontend command failed"))
        return false;
    cc->crashed[index] = true;
    fprintf(stderr,
            "wfp-cc: warning: %s: the compiler crashes on its __try in C++; compiled so that __try "
            "handles what called functions raise, not a fault in the block itself\n",
            cc->sources.items[index]);
    return true;
}

/* @return whether some source that failed may compile now */
static bool
repair(struct wfp_cc *cc, const struct job *jobs)
{
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text all = {0};
    bool again = false;

    for (size_t i = 0; i < cc->sources.count; i++) {
        _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text text = {0};
        if (jobs[i].code == 0 || wfp_cc_util_read(jobs[i].log, &text) < 0 || text.length == 0)
            continue;
        again |= note_crash(cc, i, text.data);
        wfp_cc_util_append(&all, text.data, text.length);
    }
    again |= all.data && wfp_cc_repair_sources(cc, all.data);
    return again;
}

int
wfp_cc_compile_sources(struct wfp_cc *cc)
{
    struct job *jobs = calloc(cc->sources.count, sizeof(*jobs));
    size_t failed = 0;
    bool again = cc->objects.count > 0;
    if (!jobs)
        return WFP_CC_ENVIRONMENT;

    for (size_t i = 0; i < cc->sources.count; i++) {
        if (!again)
            wfp_cc_util_addf(&cc->objects, "%s/%zu-%s.o", cc->work_dir, i,
                             wfp_cc_util_leaf(cc->sources.items[i]));
        jobs[i].log = wfp_cc_util_format("%s/%zu.log", cc->work_dir, i);
        jobs[i].code = again && !cc->keeps_inline[i] ? 0 : -1;
    }
    run_jobs(cc, jobs);
    for (int round = 0; round < MAX_REPAIR_ROUNDS && repair(cc, jobs); round++)
        run_jobs(cc, jobs);
    for (size_t i = 0; i < cc->sources.count; i++) {
        if (!again || jobs[i].code != 0)
            print_log(&jobs[i]);
        failed += jobs[i].code != 0;
        free(jobs[i].log);
    }
    free(jobs);
    if (failed == 0)
        return WFP_CC_OK;
    wfp_cc_util_error("%zu of %zu source files failed to compile; %s was not made", failed,
                      cc->sources.count, cc->output);
    return WFP_CC_FAILED;
}

int
wfp_cc_compile_own(struct wfp_cc *cc, const char *source, const char *object,
                   const struct wfp_cc_list *extra)
{
    struct wfp_cc_list argv = {0};
    wfp_cc_util_add(&argv, cc->clang);
    add_target(cc, &argv);
    wfp_cc_util_add(&argv, "-O2");
    wfp_cc_util_add(&argv, "-fno-builtin");
    wfp_cc_util_add(&argv, "-Wno-unused-command-line-argument");
    for (size_t i = 0; extra && i < extra->count; i++)
        wfp_cc_util_add(&argv, extra->items[i]);
    wfp_cc_util_add(&argv, "-c");
    wfp_cc_util_add(&argv, source);
    wfp_cc_util_add(&argv, "-o");
    wfp_cc_util_add(&argv, object);
    if (cc->verbose)
        print_command(&argv);
    int r = wfp_cc_util_run(argv.items);
    wfp_cc_util_clear(&argv);
    if (r == 0)
        return WFP_CC_OK;
    wfp_cc_util_error("cannot compile our own %s", source);
    return WFP_CC_ENVIRONMENT;
}
