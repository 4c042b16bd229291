/*
 * The include scan: makes sources that were written for another file system compile on this one.
 *
 * Windows ignores case in file names, separates folders by backslashes and compiles UTF-16. The
 * scan follows every #include from the sources on. Where a name exists in another case, the
 * compiler's file overlay gets an entry for the name as written; where a file is UTF-16, an
 * entry points to a UTF-8 copy, and where cl takes what clang does not, to a translated one; where
 * a header is made by a Windows tool (.tmh by tracepp, message headers by mc), a stand-in is
 * generated. Conditional includes are followed too: an entry too many is harmless.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/utf16.h"
#include "programs/wfp-cc/cc.h"

struct scan {
    struct wfp_cc *cc;
    struct wfp_cc_list visited;
    struct wfp_cc_list search;        /* folders for every include: -I, then include/wdk */
    struct wfp_cc_list chain;         /* folders of the files being read, innermost last */
    struct wfp_cc_list recoded;       /* pairs: canonical path of a translated file, its copy */
    struct wfp_cc_list wpp_functions; /* see cc_wpp.c */
    char *generated_dir;
    bool need_wpp, found_try;
};

static void scan_file(struct scan *scan, const char *path);

/* UTF-16 with a byte order mark, or little-endian ASCII text without one. */
static bool
is_utf16(const struct wfp_cc_text *text, bool *ret_swapped)
{
    const unsigned char *p = (const unsigned char *)text->data;
    if (text->length < 4 || text->length % 2 != 0)
        return false;
    *ret_swapped = p[0] == 0xFE && p[1] == 0xFF;
    if (*ret_swapped || (p[0] == 0xFF && p[1] == 0xFE))
        return true;
    return p[0] != 0 && p[1] == 0 && p[2] != 0 && p[3] == 0;
}

/* Replace UTF-16 text by UTF-8. @return whether it was UTF-16 */
static bool
decode(struct wfp_cc_text *text)
{
    bool swapped;
    if (!is_utf16(text, &swapped))
        return false;

    size_t units = text->length / 2;
    _cleanup_(freep) uint16_t *wide = calloc(units + 1, sizeof(*wide));
    if (!wide)
        return false;
    for (size_t i = 0; i < units; i++) {
        unsigned char a = (unsigned char)text->data[2 * i];
        unsigned char b = (unsigned char)text->data[2 * i + 1];
        wide[i] = (uint16_t)(swapped ? a << 8 | b : b << 8 | a);
    }
    size_t skip = wide[0] == 0xFEFF;
    _cleanup_(freep) char *narrow = wfp_utf16_to_utf8(wide + skip, units - skip);
    if (!narrow)
        return false;
    wfp_cc_util_free_text(text);
    wfp_cc_util_append(text, narrow, strlen(narrow));
    return true;
}

/* The cast at @p p, `& (TYPE)name` after one of "(,=": where the type begins and the `)` stands. */
static bool
is_cast_of_lvalue(const char *text, const char *p, const char **ret_type, const char **ret_close)
{
    const char *before = p;
    while (before > text && (before[-1] == ' ' || before[-1] == '\t'))
        before--;
    if (before == text || !strchr("(,=", before[-1]))
        return false;
    const char *open = p + 1 + strspn(p + 1, " \t");
    if (*open != '(')
        return false;
    const char *type = open + 1 + strspn(open + 1, " \t"), *end = type;
    while (wfp_cc_util_is_word(*end))
        end++;
    const char *close = end + strspn(end, " \t");
    if (end == type || *close != ')')
        return false;
    const char *operand = close + 1 + strspn(close + 1, " \t");
    if (!wfp_cc_util_is_word(*operand) || (*operand >= '0' && *operand <= '9'))
        return false;
    *ret_type = type;
    *ret_close = close;
    return true;
}

/*
 * cl lets a cast be an lvalue (C4213): `InterlockedIncrement(&(LONG)Context->Count)`. The C that
 * says the same is `(LONG *)&Context->Count`. In that place the original is always an error to
 * clang, so nothing valid changes its meaning.
 */
static bool
translate_casts(struct wfp_cc_text *text)
{
    struct wfp_cc_text out = {0};
    const char *done = text->data, *type, *close;
    for (const char *p = text->data; (p = strchr(p, '&')); p++) {
        if (!is_cast_of_lvalue(text->data, p, &type, &close))
            continue;
        wfp_cc_util_append(&out, done, (size_t)(p - done));
        wfp_cc_util_appendf(&out, "(%.*s *)&", (int)(close - type), type);
        done = close + 1;
    }
    if (!out.data)
        return false;
    wfp_cc_util_append(&out, done, strlen(done));
    wfp_cc_util_free_text(text);
    *text = out;
    return true;
}

/* Make the file readable for clang; where that changed it, the compiler gets a copy. */
static void
translate(struct scan *scan, const char *path, struct wfp_cc_text *text)
{
    bool changed = decode(text);
    changed |= translate_casts(text);
    if (!changed)
        return;
    _cleanup_(freep) char *copy = wfp_cc_util_format("%s/copy-%u-%s", scan->cc->work_dir,
                                                     scan->cc->copies++, wfp_cc_util_leaf(path));
    wfp_cc_util_write(copy, text->data, text->length);
    _cleanup_(freep) char *canonical = wfp_cc_util_canonical(path);
    wfp_cc_util_add(&scan->recoded, canonical);
    wfp_cc_util_add(&scan->recoded, copy);
    wfp_cc_overlay_add(scan->cc, path, copy, true);
}

/* The entry of @p folder that equals @p name but for case, or NULL. */
static char *
find_entry(const char *folder, const char *name, size_t length)
{
    DIR *dir = opendir(folder);
    char *found = NULL;
    if (!dir)
        return NULL;
    for (struct dirent *entry; !found && (entry = readdir(dir));)
        if (strlen(entry->d_name) == length && strncasecmp(entry->d_name, name, length) == 0)
            found = wfp_cc_util_format("%s/%s", folder, entry->d_name);
    closedir(dir);
    return found;
}

/* The file that Windows would open for @p name below @p folder, or NULL. */
static char *
find_below(const char *folder, const char *name)
{
    char *path = wfp_cc_util_format("%s/%s", folder, name);
    if (access(path, R_OK) == 0)
        return path;
    free(path);

    path = wfp_cc_util_format("%s", folder);
    for (const char *p = name; *p;) {
        size_t length = strcspn(p, "/");
        char *next = wfp_cc_util_format("%s/%.*s", path, (int)length, p);
        if (length > 0 && access(next, F_OK) != 0) {
            free(next);
            next = find_entry(path, p, length);
        }
        free(path);
        path = next;
        if (!path)
            return NULL;
        p += length;
        p += strspn(p, "/");
    }
    return path;
}

/* Found under a name in another case: let the compiler find it too. */
static void
found_include(struct scan *scan, const char *folder, const char *name, const char *path)
{
    _cleanup_(freep) char *asked = wfp_cc_util_format("%s/%s", folder, name);
    scan_file(scan, path); /* first: it may make a copy */
    if (access(asked, R_OK) == 0)
        return;
    _cleanup_(freep) char *canonical = wfp_cc_util_canonical(path);
    for (size_t i = 0; i < scan->recoded.count; i += 2)
        if (strcmp(scan->recoded.items[i], canonical) == 0) {
            wfp_cc_overlay_add(scan->cc, asked, scan->recoded.items[i + 1], true);
            return;
        }
    wfp_cc_overlay_add(scan->cc, asked, path, false);
}

static bool
try_folder(struct scan *scan, const char *folder, const char *name)
{
    _cleanup_(freep) char *path = find_below(folder, name);
    if (!path)
        return false;
    /* find_below accepts a folder of that name; a header is a file. */
    _cleanup_(freep) char *probe = wfp_cc_util_format("%s/.", path);
    if (access(probe, F_OK) == 0)
        return false;
    found_include(scan, folder, name, path);
    return true;
}

/* A header beside which `name.mc` or `name.man` stands: what mc would have made of it. */
static bool
generate_messages(struct scan *scan, const char *folder, const char *name)
{
    static const struct {
        const char *suffix;
        void (*make)(const char *text, struct wfp_cc_text *out);
    } kinds[] = {{".mc", wfp_cc_messages_header},
                 {".man", wfp_cc_messages_manifest_header},
                 {".xml", wfp_cc_messages_manifest_header}};
    for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
        _cleanup_(freep) char *source =
            wfp_cc_util_format("%.*s%s", (int)(strlen(name) - 2), name, kinds[i].suffix);
        _cleanup_(freep) char *path = find_below(folder, source);
        _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text text = {0}, header = {0};
        if (!path || wfp_cc_util_read(path, &text) < 0)
            continue;
        (void)decode(&text);
        kinds[i].make(text.data, &header);
        _cleanup_(freep) char *out = wfp_cc_util_format("%s/%s", scan->generated_dir, name);
        _cleanup_(freep) char *out_folder = wfp_cc_util_folder(out);
        wfp_cc_util_make_folders(out_folder);
        wfp_cc_util_write(out, header.data, header.length);
        return true;
    }
    return false;
}

/* No such file: is it one that a Windows tool would have made? */
static void
generate(struct scan *scan, const char *name)
{
    if (wfp_cc_util_ends(name, ".tmh")) {
        static const char text[] = "#include \"wfp_wpp.h\"\n";
        _cleanup_(freep) char *out = wfp_cc_util_format("%s/%s", scan->generated_dir, name);
        _cleanup_(freep) char *folder = wfp_cc_util_folder(out);
        wfp_cc_util_make_folders(folder);
        wfp_cc_util_write(out, text, sizeof(text) - 1);
        scan->need_wpp = true;
        return;
    }
    if (!wfp_cc_util_ends(name, ".h"))
        return;
    for (size_t i = scan->chain.count; i-- > 0;)
        if (generate_messages(scan, scan->chain.items[i], name))
            return;
    for (size_t i = 0; i < scan->search.count; i++)
        if (generate_messages(scan, scan->search.items[i], name))
            return;
}

static void
scan_include(struct scan *scan, const char *name, bool quoted)
{
    /* Like cl: the including file's folder, then those of the files that included it. */
    if (quoted)
        for (size_t i = scan->chain.count; i-- > 0;)
            if (try_folder(scan, scan->chain.items[i], name))
                return;
    for (size_t i = 0; i < scan->search.count; i++)
        if (try_folder(scan, scan->search.items[i], name))
            return;
    generate(scan, name);
}

static void
scan_text(struct scan *scan, const char *text)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* UTF-8's, before the first line */

    if (strncmp(text, mark, sizeof(mark) - 1) == 0)
        text += sizeof(mark) - 1;
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *p = line + strspn(line, " \t");
        if (*p != '#')
            continue;
        p++;
        p += strspn(p, " \t");
        if (strncmp(p, "include", 7) != 0)
            continue;
        p += 7;
        p += strspn(p, " \t");
        char end = *p == '"' ? '"' : *p == '<' ? '>' : '\0';
        if (!end)
            continue;
        p++;
        size_t length = strcspn(p, "\"<>\r\n");
        if (p[length] != end || length == 0)
            continue;
        _cleanup_(freep) char *name = wfp_cc_util_format("%.*s", (int)length, p);
        for (char *slash = name; (slash = strchr(slash, '\\'));)
            *slash = '/';
        scan_include(scan, name, end == '"');
    }
}

static void
scan_file(struct scan *scan, const char *path)
{
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text text = {0};
    _cleanup_(freep) char *canonical = wfp_cc_util_canonical(path);
    if (wfp_cc_util_has(&scan->visited, canonical))
        return;
    wfp_cc_util_add(&scan->visited, canonical);
    if (wfp_cc_util_read(path, &text) < 0)
        return;

    _cleanup_(freep) char *folder = wfp_cc_util_folder(path);
    translate(scan, path, &text);
    wfp_cc_wpp_collect(text.data, &scan->wpp_functions);
    if (strncmp(canonical, scan->cc->wdk_dir, strlen(scan->cc->wdk_dir)) != 0 &&
        (strstr(text.data, "__try") || strstr(text.data, "__except")))
        scan->found_try = true;
    wfp_cc_util_add(&scan->chain, folder);
    scan_text(scan, text.data);
    free(scan->chain.items[--scan->chain.count]);
    scan->chain.items[scan->chain.count] = NULL;
}

static void
write_results(struct scan *scan)
{
    wfp_cc_overlay_write(scan->cc);
    if (scan->need_wpp) {
        _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text header = {0};
        _cleanup_(freep) char *wpp = wfp_cc_util_format("%s/wfp_wpp.h", scan->generated_dir);
        wfp_cc_wpp_header(&scan->wpp_functions, &header);
        wfp_cc_util_write(wpp, header.data, header.length);
    }
}

/* Every file read, conditional includes too: a rebuild too many is harmless. */
static void
write_depfile(const struct scan *scan)
{
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text out = {0};
    wfp_cc_util_appendf(&out, "%s:", scan->cc->output);
    for (size_t i = 0; i < scan->visited.count; i++) {
        wfp_cc_util_append(&out, " \\\n ", 4);
        for (const char *p = scan->visited.items[i]; *p; p++) {
            if (*p == ' ' || *p == '#' || *p == '\\')
                wfp_cc_util_append(&out, "\\", 1);
            wfp_cc_util_append(&out, p, 1);
        }
    }
    wfp_cc_util_append(&out, "\n", 1);
    wfp_cc_util_write(scan->cc->depfile, out.data, out.length);
}

int
wfp_cc_scan_sources(struct wfp_cc *cc)
{
    static const char *const wdk[] = {"km", "shared", "um", "crt"};
    struct scan scan = {.cc = cc};

    scan.generated_dir = wfp_cc_util_format("%s/generated", cc->work_dir);
    wfp_cc_util_make_folders(scan.generated_dir);
    for (size_t i = 0; i < cc->include_dirs.count; i++)
        wfp_cc_util_add(&scan.search, cc->include_dirs.items[i]);
    for (size_t i = 0; i < ELEMENTSOF(wdk); i++)
        wfp_cc_util_addf(&scan.search, "%s/%s", cc->wdk_dir, wdk[i]);
    cc->keeps_inline = calloc(cc->sources.count, sizeof(*cc->keeps_inline));
    cc->uses_try = calloc(cc->sources.count, sizeof(*cc->uses_try));
    cc->crashed = calloc(cc->sources.count, sizeof(*cc->crashed));
    for (size_t i = 0; i < cc->sources.count; i++) {
        scan.found_try = false;
        scan_file(&scan, cc->sources.items[i]);
        if (cc->uses_try) /* a __try in a shared header is counted once: rare, and only a cost */
            cc->uses_try[i] = scan.found_try;
    }
    int r = cc->keeps_inline && cc->uses_try && cc->crashed ? WFP_CC_OK : WFP_CC_ENVIRONMENT;
    write_results(&scan);
    if (cc->depfile)
        write_depfile(&scan);

    wfp_cc_util_clear(&scan.visited);
    wfp_cc_util_clear(&scan.search);
    wfp_cc_util_clear(&scan.chain);
    wfp_cc_util_clear(&scan.recoded);
    wfp_cc_util_clear(&scan.wpp_functions);
    free(scan.generated_dir);
    return r;
}
