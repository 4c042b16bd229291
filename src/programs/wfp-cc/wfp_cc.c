/*
 * wfp-cc: compile a Windows callout driver, unchanged, to a native .so or to a .sys.
 *
 * Not here: finding tools (cc_tools.c), making Windows sources readable (cc_scan.c), compiling
 * (cc_compile.c), linking (cc_native.c, cc_windows.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "programs/wfp-cc/cc.h"

static const char usage[] =
    "usage: wfp-cc [--target native|windows] [--sanitize] -o OUT SRC... [compiler flags]\n"
    "\n"
    "  --target native    a .so for wfp run, with debug information (default)\n"
    "  --target windows   an x64 .sys\n"
    "  --sanitize         AddressSanitizer and UBSan in the driver; DBG=1 (native only)\n"
    "  --kmdf 1.N         framework version, 1.15 to 1.33 (default 1.15)\n"
    "  --depfile FILE     write what OUT depends on, in Make's form\n"
    "  --keep             keep the temporary folder and print its name\n"
    "  -v                 print every command\n"
    "\n"
    "Everything else goes to clang: -D, -I, -include, -O0 ... Environment: WFP_CC_CLANG,\n"
    "WFP_CC_LINKER, WFP_CC_WDK_DIR. Exit codes: 0 built, 1 the driver does not build, 2 usage,\n"
    "3 something is missing on this machine.\n";

/* clang's options whose value is the next word. */
static const char *const with_value[] = {"-D",       "-U",       "-I",         "-include",
                                         "-isystem", "-iquote",  "-idirafter", "-Xclang",
                                         "-mllvm",   "-imacros", "-x"};

static int
bad_usage(const char *what, const char *word)
{
    wfp_cc_util_error("%s%s%s", what, word ? ": " : "", word ? word : "");
    fprintf(stderr, "try wfp-cc --help\n");
    return WFP_CC_USAGE;
}

static bool
is_source(const char *word)
{
    static const char *const suffixes[] = {".c", ".cpp", ".cxx", ".cc"};
    for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
        if (wfp_cc_util_ends(word, suffixes[i]))
            return true;
    return false;
}

static int
take_flag(struct wfp_cc *cc, char **argv, int *i)
{
    const char *flag = argv[*i];
    wfp_cc_util_add(&cc->flags, flag);
    if (strncmp(flag, "-I", 2) == 0 && flag[2])
        wfp_cc_util_add(&cc->include_dirs, flag + 2);
    for (size_t k = 0; k < ELEMENTSOF(with_value); k++) {
        if (strcmp(flag, with_value[k]) != 0)
            continue;
        if (!argv[*i + 1])
            return bad_usage("a value is missing after", flag);
        const char *value = argv[++*i];
        wfp_cc_util_add(&cc->flags, value);
        if (strcmp(flag, "-I") == 0 || strcmp(flag, "-isystem") == 0 ||
            strcmp(flag, "-iquote") == 0)
            wfp_cc_util_add(&cc->include_dirs, value);
    }
    return WFP_CC_OK;
}

static int
parse_kmdf(struct wfp_cc *cc, const char *text)
{
    if (sscanf(text, "%u.%u", &cc->kmdf_major, &cc->kmdf_minor) != 2 || cc->kmdf_major != 1 ||
        cc->kmdf_minor < 15 || cc->kmdf_minor > 33)
        return bad_usage("--kmdf takes 1.15 to 1.33, not", text);
    return WFP_CC_OK;
}

/* Options with a value; @return -1 if @p argv[*i] is none of them. */
static int
take_option(struct wfp_cc *cc, char **argv, int *i)
{
    const char *word = argv[*i], *value = NULL;
    static const char *const names[] = {"--target", "-o", "--kmdf", "--depfile"};
    size_t k;

    for (k = 0; k < ELEMENTSOF(names); k++) {
        size_t length = strlen(names[k]);
        if (strcmp(word, names[k]) == 0) {
            value = argv[*i + 1];
            *i += value != NULL;
            break;
        }
        if (strncmp(word, names[k], length) == 0 && word[length] == '=') {
            value = word + length + 1;
            break;
        }
    }
    if (k == ELEMENTSOF(names))
        return -1;
    if (!value || !*value)
        return bad_usage("a value is missing after", names[k]);
    if (k == 1) {
        cc->output = value;
    } else if (k == 2) {
        return parse_kmdf(cc, value);
    } else if (k == 3) {
        cc->depfile = value;
    } else if (strcmp(value, "windows") == 0) {
        cc->target = WFP_CC_WINDOWS;
    } else if (strcmp(value, "native") == 0) {
        cc->target = WFP_CC_NATIVE;
    } else {
        return bad_usage("--target takes native or windows, not", value);
    }
    return WFP_CC_OK;
}

static int
parse_options(struct wfp_cc *cc, char **argv)
{
    for (int i = 1; argv[i]; i++) {
        int r = take_option(cc, argv, &i);
        if (r > 0)
            return r;
        if (r == 0)
            continue;
        if (strcmp(argv[i], "--sanitize") == 0)
            cc->sanitize = true;
        else if (strcmp(argv[i], "--keep") == 0)
            cc->keep = true;
        else if (strcmp(argv[i], "-v") == 0)
            cc->verbose = true;
        else if (argv[i][0] == '-' && argv[i][1] == '-')
            return bad_usage("unknown option", argv[i]);
        else if (argv[i][0] == '-')
            r = take_flag(cc, argv, &i);
        else if (is_source(argv[i]))
            wfp_cc_util_add(&cc->sources, argv[i]);
        else
            return bad_usage("not a .c or .cpp file", argv[i]);
        if (r > 0)
            return r;
    }
    if (cc->sources.count == 0)
        return bad_usage("no source files", NULL);
    if (!cc->output)
        return bad_usage("-o OUT is missing", NULL);
    if (cc->sanitize && cc->target == WFP_CC_WINDOWS)
        return bad_usage("--sanitize is for --target native", NULL);
    return WFP_CC_OK;
}

static int
check_sources(const struct wfp_cc *cc)
{
    for (size_t i = 0; i < cc->sources.count; i++)
        if (access(cc->sources.items[i], R_OK) != 0) {
            wfp_cc_util_error("cannot read %s", cc->sources.items[i]);
            return WFP_CC_ENVIRONMENT;
        }
    return WFP_CC_OK;
}

static int
make_work_dir(struct wfp_cc *cc)
{
    const char *base = getenv("TMPDIR");
    cc->work_dir = wfp_cc_util_format("%s/wfp-cc-XXXXXX", base && *base ? base : "/tmp");
    if (mkdtemp(cc->work_dir))
        return WFP_CC_OK;
    wfp_cc_util_error("cannot make a temporary folder %s", cc->work_dir);
    return WFP_CC_ENVIRONMENT;
}

static int
build(struct wfp_cc *cc)
{
    int r = wfp_cc_scan_sources(cc);
    if (r == 0)
        r = wfp_cc_compile_sources(cc);
    if (r == 0)
        r = wfp_cc_inline_keep(cc);
    if (r == 0)
        r = cc->target == WFP_CC_WINDOWS ? wfp_cc_windows_link(cc) : wfp_cc_native_link(cc);
    return r;
}

static void
fini(struct wfp_cc *cc)
{
    free(cc->clang);
    free(cc->linker);
    free(cc->wdk_dir);
    free(cc->runtime_dir);
    free(cc->work_dir);
    free(cc->uses_try);
    free(cc->crashed);
    free(cc->keeps_inline);
    wfp_cc_util_clear(&cc->sources);
    wfp_cc_util_clear(&cc->flags);
    wfp_cc_util_clear(&cc->include_dirs);
    wfp_cc_util_clear(&cc->objects);
    wfp_cc_util_clear(&cc->overlay.names);
    wfp_cc_util_clear(&cc->overlay.contents);
    wfp_cc_util_clear(&cc->overlay.external_name);
    wfp_cc_util_free_text(&cc->repairs);
}

int
main(int argc, char **argv)
{
    struct wfp_cc cc = {.target = WFP_CC_NATIVE, .kmdf_major = 1, .kmdf_minor = 15};

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return WFP_CC_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("wfp-cc " WFP_CC_VERSION);
        return WFP_CC_OK;
    }
    int r = parse_options(&cc, argv);
    if (r == 0)
        r = check_sources(&cc);
    if (r == 0)
        r = wfp_cc_tools_find(&cc);
    if (r == 0)
        r = make_work_dir(&cc);
    if (r == 0) {
        r = build(&cc);
        if (cc.keep)
            fprintf(stderr, "wfp-cc: kept %s\n", cc.work_dir);
        else
            wfp_cc_util_remove_tree(cc.work_dir);
    }
    fini(&cc);
    return r;
}
