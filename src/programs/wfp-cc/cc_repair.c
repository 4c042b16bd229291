/*
 * What cl takes and clang refuses, repaired by what clang says about it.
 *
 * Model      A source that failed is looked at by its diagnostics. Where one is known, the token it
 *            points to is renamed in a copy of the file, which the overlay puts in its place, and
 *            the source is compiled again. Positions hold: a rename moves nothing on other lines.
 *
 *              member of anonymous struct redeclares 'X'   cl: the first one is meant
 *              conflicting types for 'X' (C)               cl: warning C4028, parameters differ; the
 *                                                          definition keeps its symbol by a pragma
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/wfp-cc/cc.h"

static const struct {
    const char *text;
    bool keeps_symbol;
} known[] = {
    {"member of anonymous struct redeclares '", false},
    {"conflicting types for '", true},
};

/* "PATH:LINE:COLUMN: error: TEXT'NAME'..." */
struct place {
    char *path;
    unsigned line, column;
    char *name;
    bool keeps_symbol;
};

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
        if ((size_t)(end - text) <= n || strncmp(text, known[i].text, n) != 0)
            continue;
        const char *quote = memchr(text + n, '\'', (size_t)(end - text) - n);
        if (!quote)
            return false;
        *ret_place = (struct place){
            .path = wfp_cc_util_format("%.*s", (int)(at - line), line),
            .line = numbers[0],
            .column = numbers[1],
            .name = wfp_cc_util_format("%.*s", (int)(quote - text - (ptrdiff_t)n), text + n),
            .keeps_symbol = known[i].keeps_symbol,
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
    return strncmp(text, place->name, length) == 0 && !wfp_cc_util_is_word(text[length]) ? text
                                                                                         : NULL;
}

static bool
rename_token(struct wfp_cc *cc, const struct place *place)
{
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text text = {0}, out = {0};
    const char *path = wfp_cc_overlay_contents(cc, place->path);
    char *token;

    if (strncmp(place->path, cc->wdk_dir, strlen(cc->wdk_dir)) == 0 ||
        wfp_cc_util_read(path ? path : place->path, &text) < 0 ||
        !(token = find_token(text.data, place)))
        return false;
    size_t before = (size_t)(token - text.data), length = strlen(place->name);
    unsigned n = ++cc->repair_count;
    wfp_cc_util_append(&out, text.data, before);
    wfp_cc_util_appendf(&out, "%s__%u", place->name, n);
    wfp_cc_util_append(&out, token + length, text.length - before - length);
    wfp_cc_overlay_replace(cc, place->path, &out);
    if (place->keeps_symbol)
        wfp_cc_util_appendf(&cc->repairs, "#pragma redefine_extname %s__%u %s\n", place->name, n,
                            place->name);
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
                repaired |= rename_token(cc, &place);
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
