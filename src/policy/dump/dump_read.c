/*
 * Reading a dump: sections one item at a time, each item as a small tree.
 *
 * Model      <dump>                          put around the file's own root elements
 *              <wfpstate> or <wfpdiag>
 *                <layers>, <providers> ...   sections; those we do not know are skipped
 *                  <item>                    expanded, converted, dropped
 *            Counts are not believed: lists grow as items come.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlreader.h>

#include "base/status.h"
#include "policy/dump/dump_internal.h"

static const struct {
    const char *root, *section;
    int (*read)(struct wfp_dump_reader *, const xmlNode *);
} sections[] = {
    {"wfpstate", "layers", wfp_dump_read_layer},
    {"wfpstate", "providers", wfp_dump_read_provider},
    {"wfpstate", "subLayers", wfp_dump_read_sublayer},
    {"wfpstate", "providerContexts", wfp_dump_read_context},
    {"wfpdiag", "filters", wfp_dump_read_filter},
    {"wfpdiag", "providers", wfp_dump_read_provider},
};

/* A section without policy: its items are counted. */
static int
count_item(struct wfp_dump_reader *reader, const char *section)
{
    struct wfp_dump *dump = reader->dump;
    struct wfp_dump_section *found;

    for (uint32_t i = 0; i < dump->section_count; i++)
        if (strcmp(dump->sections[i].name, section) == 0) {
            dump->sections[i].items++;
            return 0;
        }
    found = GROW(reader, dump->sections, dump->section_count);
    found->name = wfp_dump_keep(reader, section);
    found->items = 1;
    return found->name ? 0 : wfp_dump_no_memory(reader);
}

/* The parser's first complaint is the one that helps. */
static void
on_xml_error(void *context, const xmlError *complaint)
{
    struct wfp_dump_error *error = context;
    const char *text = complaint->message ? complaint->message : "malformed XML";

    if (error->text[0] || complaint->level < XML_ERR_ERROR)
        return;
    error->line = complaint->line > 0 ? (unsigned)complaint->line : 0;
    snprintf(error->text, sizeof(error->text), "%.*s", (int)strcspn(text, "\n"), text);
}

static int
read_items(struct wfp_dump_reader *reader, xmlTextReader *xml, const char *root,
           const char *section)
{
    xmlNode *node;

    for (size_t i = 0; i < ELEMENTSOF(sections); i++) {
        if (strcmp(sections[i].root, root) != 0 || strcmp(sections[i].section, section) != 0)
            continue;
        node = xmlTextReaderExpand(xml);
        if (!node)
            return -WFP_ERR_INVALID_PARAMETER;
        return wfp_dump_item(reader, node, sections[i].read);
    }
    return strcmp(root, "wfpstate") == 0 &&
                   strcmp((const char *)xmlTextReaderConstName(xml), "item") == 0
               ? count_item(reader, section)
               : 0;
}

/*
 * Depths: 0 our own root, 1 the file's roots, 2 sections, 3 items. As our root comes first, no
 * document type, and so no entity, can follow.
 */
static int
read_all(struct wfp_dump_reader *reader, xmlTextReader *xml)
{
    char root[24] = "", section[48] = "";
    bool is_dump = false;
    int more = xmlTextReaderRead(xml), r;

    while (more == 1) {
        int depth = xmlTextReaderDepth(xml);
        const char *name = (const char *)xmlTextReaderConstName(xml);

        if (xmlTextReaderNodeType(xml) != XML_READER_TYPE_ELEMENT || depth == 0) {
            more = xmlTextReaderRead(xml);
        } else if (depth == 1) {
            snprintf(root, sizeof(root), "%s", name);
            if (strcmp(root, "wfpstate") == 0 || strcmp(root, "wfpdiag") == 0) {
                reader->dump->form = root[3] == 's' ? WFP_DUMP_STATE : WFP_DUMP_FILTERS;
                is_dump = true;
            }
            more = xmlTextReaderRead(xml);
        } else if (depth == 2) {
            snprintf(section, sizeof(section), "%s", name);
            more = xmlTextReaderRead(xml);
        } else {
            r = read_items(reader, xml, root, section);
            if (r < 0)
                return r;
            more = xmlTextReaderNext(xml);
        }
    }
    if (more < 0)
        return -WFP_ERR_INVALID_PARAMETER;
    if (!is_dump) {
        reader->error->line = 0;
        snprintf(reader->error->text, sizeof(reader->error->text),
                 "neither `netsh wfp show state` nor `netsh wfp show filters` wrote this");
        return -WFP_ERR_INVALID_PARAMETER;
    }
    return 0;
}

static int
read_text(struct wfp_dump_reader *reader, const struct wfp_dump_text *text)
{
    const int options = XML_PARSE_NONET | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES;
    xmlTextReader *xml;
    int r;

    if (text->size > INT32_MAX) {
        snprintf(reader->error->text, sizeof(reader->error->text), "the file is too large");
        return -WFP_ERR_INVALID_PARAMETER;
    }
    xml = xmlReaderForMemory(text->memory, (int)text->size, NULL, "UTF-8", options);
    if (!xml)
        return wfp_dump_no_memory(reader);
    xmlTextReaderSetStructuredErrorHandler(
        xml, (xmlStructuredErrorFunc)(void (*)(void))on_xml_error, reader->error);
    r = read_all(reader, xml);
    xmlFreeTextReader(xml);
    if (r < 0 && !reader->error->text[0])
        snprintf(reader->error->text, sizeof(reader->error->text), "malformed XML");
    return r;
}

static int
read_prepared(const struct wfp_dump_text *text, struct wfp_dump **ret_dump,
              struct wfp_dump_error *error)
{
    _cleanup_(wfp_dump_freep) struct wfp_dump *dump = calloc(1, sizeof(*dump));
    _cleanup_(freep) struct wfp_dump_reader *reader = calloc(1, sizeof(*reader));
    int r;

    if (dump)
        dump->arena = wfp_dump_arena_new();
    if (!dump || !dump->arena || !reader) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return -WFP_ERR_NO_MEMORY;
    }
    reader->dump = dump;
    reader->arena = dump->arena;
    reader->error = error;
    r = read_text(reader, text);
    if (r < 0)
        return r;
    *ret_dump = TAKE_PTR(dump);
    return 0;
}

int
wfp_dump_parse(const void *bytes, size_t size, struct wfp_dump **ret_dump,
               struct wfp_dump_error *ret_error)
{
    struct wfp_dump_text text;
    int r;

    *ret_error = (struct wfp_dump_error){0};
    r = wfp_dump_text_prepare(bytes, size, &text, ret_error);
    if (r < 0)
        return r;
    r = read_prepared(&text, ret_dump, ret_error);
    free(text.memory);
    return r;
}

int
wfp_dump_read(const char *path, struct wfp_dump **ret_dump, struct wfp_dump_error *ret_error)
{
    struct wfp_dump_text text;
    int r;

    *ret_error = (struct wfp_dump_error){0};
    r = wfp_dump_text_load(path, &text, ret_error);
    if (r < 0)
        return r;
    r = read_prepared(&text, ret_dump, ret_error);
    free(text.memory);
    return r;
}

void
wfp_dump_free(struct wfp_dump *dump)
{
    if (!dump)
        return;
    wfp_dump_arena_free(dump->arena);
    free(dump);
}
