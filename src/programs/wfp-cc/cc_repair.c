/*
 * What cl takes and clang refuses, repaired by what clang says about it.
 *
 * Model      A source that failed is looked at by its diagnostics. Where one is known, the token it
 *            points to is changed in a copy of the file, which the overlay puts in its place, and
 *            the source is compiled again. Positions hold: a repair moves nothing on other lines.
 *
 *              member of anonymous struct redeclares 'X'   cl: the first one is meant
 *              conflicting types for 'X' (C)               cl: warning C4028, parameters differ; the
 *                                                          definition keeps its symbol by a pragma
 *              assignment to cast is illegal               cl: C4213; `(T)x = y` becomes
 *                                                          `*(T *)&x = y`
 *              too many arguments to function call (C)     cl: warning C4020; left out
 *              typedef redefinition ... (stdint's names)   Windows' headers leave them to the driver; its own
 *                                                          definition, of the same size, is renamed
 *              use of empty enum (C)                       cl: fine; it gets a member
 *              jump out of __finally block (.sys)          cl: leaves the function (C4532), clang only
 *                                                          the block; as nothing else leaves the
 *                                                          __try, the block is put behind it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/wfp-cc/cc.h"

enum kind { RENAME, RENAME_KEEPING_SYMBOL, CAST, EXCESS, EMPTY_ENUM, FINALLY, TYPEDEF };

static const struct {
    const char *text;
    enum kind kind;
} known[] = {
    {"member of anonymous struct redeclares '", RENAME},
    {"conflicting types for '", RENAME_KEEPING_SYMBOL},
    {"assignment to cast is illegal", CAST},
    {"too many arguments to function call", EXCESS},
    {"use of empty enum", EMPTY_ENUM},
    {"typedef redefinition with different types", TYPEDEF},
    {"jump out of __finally block has undefined behavior", FINALLY},
};

/* "PATH:LINE:COLUMN: error: TEXT", or "...: TEXT'NAME'..." */
struct place {
    char *path;
    unsigned line, column;
    enum kind kind;
    char *name; /* "(" of a cast, "" of an argument */
};

static bool
names_token(enum kind kind)
{
    return kind == RENAME || kind == RENAME_KEEPING_SYMBOL;
}

static bool
parse(const char *line, size_t length, struct place *ret_place)
{
    static const char error[] = ": error: ";
    const char *at = memmem(line, length, error, sizeof(error) - 1);
    unsigned numbers[2] = {0};

    if (!at)
        return false;
    const char *text = at + sizeof(error) - 1, *end = line + length;
    for (int i = 1; i >= 0; i--) {
        const char *digits = at;
        while (digits > line && digits[-1] >= '0' && digits[-1] <= '9')
            digits--;
        if (digits == at || digits == line || digits[-1] != ':')
            return false;
        numbers[i] = (unsigned)strtoul(digits, NULL, 10);
        at = digits - 1;
    }
    for (size_t i = 0; i < ELEMENTSOF(known); i++) {
        size_t n = strlen(known[i].text);
        if ((size_t)(end - text) < n || strncmp(text, known[i].text, n) != 0)
            continue;
        const char *quote = memchr(text + n, '\'', (size_t)(end - text) - n);
        if (!quote && names_token(known[i].kind))
            return false;
        *ret_place = (struct place){
            .path = wfp_cc_util_format("%.*s", (int)(at - line), line),
            .line = numbers[0],
            .column = numbers[1],
            .kind = known[i].kind,
            .name = names_token(known[i].kind)
                        ? wfp_cc_util_format("%.*s", (int)(quote - text - (ptrdiff_t)n), text + n)
                        : wfp_cc_util_format(known[i].kind == CAST ? "(" : ""),
        };
        return true;
    }
    return false;
}

/* The token at @p place, when it is the one that the diagnostic names. */
static char *
find_token(char *text, const struct place *place)
{
    for (unsigned line = 1; line < place->line; line++) {
        text = strchr(text, '\n');
        if (!text)
            return NULL;
        text++;
    }
    if (strcspn(text, "\n") < place->column)
        return NULL;
    text += place->column - 1;
    size_t length = strlen(place->name);
    if (strncmp(text, place->name, length) != 0)
        return NULL;
    return !names_token(place->kind) || !wfp_cc_util_is_word(text[length]) ? text : NULL;
}

static void
rename_token(struct wfp_cc *cc, const struct place *place, const char *token,
             struct wfp_cc_text *out)
{
    unsigned n = ++cc->repair_count;

    wfp_cc_util_appendf(out, "%s__%u%s", place->name, n, token + strlen(place->name));
    if (place->kind == RENAME_KEEPING_SYMBOL)
        wfp_cc_util_appendf(&cc->repairs, "#pragma redefine_extname %s__%u %s\n", place->name, n,
                            place->name);
}

/* The cast at @p token ends at its closing parenthesis. */
static bool
rewrite_cast(const char *token, struct wfp_cc_text *out)
{
    size_t inside = strcspn(token + 1, "()");

    if (token[1 + inside] != ')')
        return false;
    wfp_cc_util_appendf(out, "*(%.*s *)&%s", (int)inside, token + 1, token + inside + 2);
    return true;
}

/* The end of the literal that begins at @p quote, or NULL. */
static const char *
literal_end(const char *quote)
{
    const char *p = quote + 1;

    while (*p && *p != *quote && *p != '\n')
        p += *p == '\\' && p[1] ? 2 : 1;
    return *p == *quote ? p : NULL;
}

/* The argument at @p token and those behind it, with the comma before them, up to the call's end. */
static bool
drop_arguments(const char *token, struct wfp_cc_text *out)
{
    int depth = 0;
    size_t before = out->length;

    while (before > 0 && (out->data[before - 1] == ' ' || out->data[before - 1] == '\t'))
        before--;
    if (before == 0 || (out->data[before - 1] != ',' && out->data[before - 1] != '('))
        return false;
    for (const char *p = token; p && *p && *p != '\n'; p++) {
        if (*p == '"' || *p == '\'') {
            p = literal_end(p);
            if (!p)
                return false;
        }
        depth += (*p == '(') - (*p == ')');
        if (depth >= 0)
            continue;
        out->length = before - (out->data[before - 1] == ',');
        wfp_cc_util_append(out, p, strlen(p));
        return true;
    }
    return false;
}

/* Where the block begins that is open at @p end, or NULL. */
static char *
block_begin(char *text, const char *end)
{
    int depth = 0;

    while (end-- > text) {
        depth += (*end == '}') - (*end == '{');
        if (depth < 0)
            return text + (end - text);
    }
    return NULL;
}

/* The end of @p text without white space. */
static const char *
trimmed(const char *text, const char *end)
{
    while (end > text && strchr(" \t\r\n", end[-1]))
        end--;
    return end;
}

/* The end of the comment that begins at @p text, or @p text: none does. */
static const char *
comment_end(const char *text)
{
    if (text[0] != '/' || (text[1] != '/' && text[1] != '*'))
        return text;
    const char *end = strstr(text + 2, text[1] == '/' ? "\n" : "*/");
    return end ? end : text + strlen(text);
}

/* May control leave the block whose `}` is at @p close other than by its end or __leave? */
static bool
is_left_early(char *text, const char *close)
{
    static const char *const leaving[] = {"return", "goto", "break", "continue"};
    const char *open = block_begin(text, close);

    for (const char *p = open; p && p < close; p++) {
        p = comment_end(p);
        for (size_t i = 0; i < ELEMENTSOF(leaving) && p < close; i++) {
            size_t n = strlen(leaving[i]);
            if (strncmp(p, leaving[i], n) == 0 && !wfp_cc_util_is_word(p[n]) &&
                !wfp_cc_util_is_word(p[-1]))
                return true;
        }
    }
    return !open;
}

/* `__try { A } __finally { B }` around @p token becomes `__try { A } __except (0) {} { B }`. */
static bool
rewrite_finally(const char *token, struct wfp_cc_text *out)
{
    static const char word[] = "__finally", instead[] = "__except (0) {}";
    size_t length = sizeof(word) - 1;
    char *at = out->data + out->length;

    while ((at = block_begin(out->data, at)) != NULL) {
        const char *end = trimmed(out->data, at);
        if ((size_t)(end - out->data) < length || strncmp(end - length, word, length) != 0)
            continue;
        const char *close = trimmed(out->data, end - length);
        if (close == out->data || close[-1] != '}' || is_left_early(out->data, close - 1))
            return false;
        _cleanup_(freep) char *rest = wfp_cc_util_format("%s", end);
        out->length = (size_t)(end - out->data) - length;
        wfp_cc_util_append(out, instead, sizeof(instead) - 1);
        wfp_cc_util_appendf(out, "%s%s", rest, token);
        return true;
    }
    return false;
}

/* The driver's own uint32_t and the like at @p token. */
static bool
rename_integer_type(struct wfp_cc *cc, const char *token, struct wfp_cc_text *out)
{
    static const char *const types[] = {"int8_t",   "int16_t",  "int32_t",  "int64_t",
                                        "uint8_t",  "uint16_t", "uint32_t", "uint64_t",
                                        "intptr_t", "uintptr_t"};
    for (size_t i = 0; i < ELEMENTSOF(types); i++) {
        size_t n = strlen(types[i]);
        if (strncmp(token, types[i], n) != 0 || wfp_cc_util_is_word(token[n]))
            continue;
        wfp_cc_util_appendf(out, "%s__%u%s", types[i], ++cc->repair_count, token + n);
        return true;
    }
    return false;
}

static bool
repair_token(struct wfp_cc *cc, const struct place *place, const char *token,
             struct wfp_cc_text *out)
{
    switch (place->kind) {
    case CAST:
        return rewrite_cast(token, out);
    case EXCESS:
        return drop_arguments(token, out);
    case FINALLY:
        return rewrite_finally(token, out);
    case TYPEDEF:
        return rename_integer_type(cc, token, out);
    case EMPTY_ENUM:
        wfp_cc_util_appendf(out, "wfp_cc_empty__%u %s", ++cc->repair_count, token);
        return true;
    default:
        rename_token(cc, place, token, out);
        return true;
    }
}

static bool
repair_place(struct wfp_cc *cc, const struct place *place)
{
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text text = {0}, out = {0};
    const char *path = wfp_cc_overlay_contents(cc, place->path);
    char *token;

    if (strncmp(place->path, cc->wdk_dir, strlen(cc->wdk_dir)) == 0 ||
        wfp_cc_util_read(path ? path : place->path, &text) < 0 ||
        !(token = find_token(text.data, place)))
        return false;
    wfp_cc_util_append(&out, text.data, (size_t)(token - text.data));
    if (!repair_token(cc, place, token, &out))
        return false;
    wfp_cc_overlay_replace(cc, place->path, &out);
    return true;
}

/* One repair a line and round: the columns behind it are off until the next one. */
bool
wfp_cc_repair_sources(struct wfp_cc *cc, const char *log)
{
    struct place last = {0}, place;
    bool repaired = false;

    for (const char *line = log; *line;) {
        size_t length = strcspn(line, "\n");
        if (parse(line, length, &place)) {
            if (!last.path || last.line != place.line || strcmp(last.path, place.path) != 0)
                repaired |= repair_place(cc, &place);
            free(last.path);
            free(last.name);
            last = place;
        }
        line += length + (line[length] == '\n');
    }
    free(last.path);
    free(last.name);
    if (repaired) {
        _cleanup_(freep) char *header = wfp_cc_util_format("%s/repairs.h", cc->work_dir);
        wfp_cc_util_write(header, cc->repairs.data ? cc->repairs.data : "", cc->repairs.length);
        wfp_cc_overlay_write(cc);
    }
    return repaired;
}
