/*
 * The compiler's file overlay: which file it reads when it opens a name.
 *
 * Model      Three lists side by side: names, what they stand for, and whether diagnostics and debug
 *            information keep the name (a translated copy) or say the file (another case of it).
 */
#include <stdlib.h>
#include <string.h>

#include "programs/wfp-cc/cc.h"

static void
append_json(struct wfp_cc_text *out, const char *text)
{
    wfp_cc_util_append(out, "\"", 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            wfp_cc_util_append(out, "\\", 1);
        wfp_cc_util_append(out, text, 1);
    }
    wfp_cc_util_append(out, "\"", 1);
}

static size_t
find(const struct wfp_cc_overlay *overlay, const char *canonical)
{
    size_t i = 0;
    while (i < overlay->names.count && strcmp(overlay->names.items[i], canonical) != 0)
        i++;
    return i;
}

void
wfp_cc_overlay_add(struct wfp_cc *cc, const char *name, const char *contents, bool as_written)
{
    struct wfp_cc_overlay *overlay = &cc->overlay;
    _cleanup_(freep) char *canonical = wfp_cc_util_canonical(name);
    _cleanup_(freep) char *absolute = wfp_cc_util_canonical(contents);

    if (find(overlay, canonical) < overlay->names.count)
        return;
    wfp_cc_util_add(&overlay->names, canonical);
    wfp_cc_util_add(&overlay->contents, absolute);
    wfp_cc_util_add(&overlay->external_name, as_written ? "false" : "true");
}

const char *
wfp_cc_overlay_contents(const struct wfp_cc *cc, const char *name)
{
    const struct wfp_cc_overlay *overlay = &cc->overlay;
    _cleanup_(freep) char *canonical = wfp_cc_util_canonical(name);
    size_t i = find(overlay, canonical);

    return i < overlay->names.count ? overlay->contents.items[i] : NULL;
}

static void
set(struct wfp_cc_list *list, size_t i, const char *text)
{
    free(list->items[i]);
    list->items[i] = wfp_cc_util_format("%s", text);
}

void
wfp_cc_overlay_replace(struct wfp_cc *cc, const char *name, const struct wfp_cc_text *text)
{
    struct wfp_cc_overlay *overlay = &cc->overlay;
    _cleanup_(freep) char *canonical = wfp_cc_util_canonical(name);
    const char *contents = wfp_cc_overlay_contents(cc, name);
    _cleanup_(freep) char *old = wfp_cc_util_format("%s", contents ? contents : canonical);
    _cleanup_(freep) char *copy =
        wfp_cc_util_format("%s/copy-%u-%s", cc->work_dir, cc->copies++, wfp_cc_util_leaf(name));
    _cleanup_(freep) char *absolute = wfp_cc_util_canonical(copy);

    wfp_cc_util_write(copy, text->data, text->length);
    for (size_t i = 0; i < overlay->names.count; i++)
        if (strcmp(overlay->contents.items[i], old) == 0) {
            set(&overlay->contents, i, absolute);
            set(&overlay->external_name, i, "false");
        }
    wfp_cc_overlay_add(cc, name, copy, true);
}

void
wfp_cc_overlay_write(struct wfp_cc *cc)
{
    struct wfp_cc_overlay *overlay = &cc->overlay;
    _cleanup_(wfp_cc_util_free_text) struct wfp_cc_text out = {0};
    _cleanup_(freep) char *path = wfp_cc_util_format("%s/overlay.yaml", cc->work_dir);

    wfp_cc_util_appendf(&out, "{\"version\": 0, \"case-sensitive\": \"true\", \"roots\": [");
    for (size_t i = 0; i < overlay->names.count; i++) {
        wfp_cc_util_appendf(&out, "%s\n    {\"type\": \"file\", \"name\": ", i ? "," : "");
        append_json(&out, overlay->names.items[i]);
        wfp_cc_util_appendf(&out, ", \"use-external-name\": %s, \"external-contents\": ",
                            overlay->external_name.items[i]);
        append_json(&out, overlay->contents.items[i]);
        wfp_cc_util_appendf(&out, "}");
    }
    wfp_cc_util_appendf(&out, "\n]}\n");
    wfp_cc_util_write(path, out.data, out.length);
}
