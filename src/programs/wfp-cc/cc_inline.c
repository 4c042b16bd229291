/*
 * Inline functions that other sources call.
 *
 * cl keeps one copy of an inline function in every object that calls it, even where it inlined all
 * calls, and the linker takes one; so a source may call an inline function that another one defines.
 * clang keeps a copy only where a call is left. The sources that may define what is missing are
 * compiled once more without inlining.
 */
#include <stdlib.h>
#include <string.h>

#include "programs/wfp-cc/cc_runtime.h"

/* The name in the source: `f` of f, `?f@@YAXXZ` and `?f@C@@QEAAXXZ`; 0 for others. */
static size_t
plain_name(const char *symbol, const char **ret_name)
{
    *ret_name = symbol + (*symbol == '?');
    return strcspn(*ret_name, "?@$");
}

static bool
has_word(const char *text, const char *word, size_t length)
{
    for (const char *p = text; (p = memmem(p, strlen(p), word, length)) != NULL; p += length)
        if (!wfp_cc_util_is_word(p[length]) && (p == text || !wfp_cc_util_is_word(p[-1])))
            return true;
    return false;
}

static bool
mentions_inline(const char *text)
{
    static const char *const words[] = {"inline", "__inline", "__forceinline", "FORCEINLINE",
                                        "INLINE"};
    for (size_t i = 0; i < ELEMENTSOF(words); i++)
        if (has_word(text, words[i], strlen(words[i])))
            return true;
    return false;
}

/* Names that nothing provides. */
static void
list_missing(struct wfp_cc *cc, struct wfp_cc_list *missing)
{
    struct wfp_cc_symbols symbols = {0};

    for (size_t i = 0; i < cc->objects.count; i++)
        (void)wfp_cc_symbols_read(&symbols, cc->objects.items[i]);
    for (size_t i = 0; i < symbols.undefined.count; i++) {
        struct wfp_cc_import import;
        const char *symbol = symbols.undefined.items[i];
        if (strncmp(symbol, "__imp_", 6) != 0 && !wfp_cc_symbols_find_export(symbol, &import))
            wfp_cc_util_add(missing, symbol);
    }
    wfp_cc_symbols_fini(&symbols);
}

int
wfp_cc_inline_keep(struct wfp_cc *cc)
{
    struct wfp_cc_list missing = {0};
    bool any = false;

    list_missing(cc, &missing);
    for (size_t i = 0; i < cc->sources.count && missing.count > 0; i++) {
        _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text text = {0};
        const char *contents = wfp_cc_overlay_contents(cc, cc->sources.items[i]), *name;
        if (wfp_cc_util_read(contents ? contents : cc->sources.items[i], &text) < 0 ||
            text.length == 0 || !mentions_inline(text.data))
            continue;
        for (size_t k = 0; k < missing.count && !cc->keeps_inline[i]; k++) {
            size_t length = plain_name(missing.items[k], &name);
            cc->keeps_inline[i] = length > 0 && has_word(text.data, name, length);
        }
        any |= cc->keeps_inline[i];
    }
    wfp_cc_util_clear(&missing);
    return any ? wfp_cc_compile_sources(cc) : WFP_CC_OK;
}
