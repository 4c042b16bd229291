/*
 * Nodes of a dump: walking them, their text, numbers, bytes, keys and flags; and failing with their
 * line.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/utf16.h"
#include "policy/dump/dump_internal.h"

/* ---- failing, and walking a tree --------------------------------------------------------- */

int
wfp_dump_fail(struct wfp_dump_reader *reader, const xmlNode *node, const char *format, ...)
{
    va_list arguments;

    reader->error->line = (unsigned)xmlGetLineNo(node);
    va_start(arguments, format);
    vsnprintf(reader->error->text, sizeof(reader->error->text), format, arguments);
    va_end(arguments);
    return -WFP_ERR_INVALID_PARAMETER;
}

int
wfp_dump_no_memory(struct wfp_dump_reader *reader)
{
    reader->error->line = 0;
    snprintf(reader->error->text, sizeof(reader->error->text), "out of memory");
    return -WFP_ERR_NO_MEMORY;
}

void *
wfp_dump_grow(struct wfp_dump_reader *reader, void *list, uint32_t *count, size_t size)
{
    unsigned char *larger = list;

    if ((*count & (*count - 1)) == 0) { /* 0, 1, 2, 4, 8 ... are full; the old stays in the arena */
        larger = wfp_dump_arena_alloc(reader->arena, size * (*count ? *count * 2 : 1));
        if (larger && *count)
            memcpy(larger, list, size * *count);
    }
    return larger;
}

static int
add_note(struct wfp_dump_reader *reader, unsigned line, bool is_left_out, const char *text)
{
    struct wfp_dump *dump = reader->dump;
    const char *kept = wfp_dump_keep(reader, text);

    if (!kept)
        return wfp_dump_no_memory(reader);
    *GROW(reader, dump->notes, dump->note_count) = (struct wfp_dump_note){line, is_left_out, kept};
    return 0;
}

int
wfp_dump_note(struct wfp_dump_reader *reader, const xmlNode *node, const char *format, ...)
{
    char text[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return add_note(reader, (unsigned)xmlGetLineNo(node), false, text);
}

int
wfp_dump_item(struct wfp_dump_reader *reader, const xmlNode *node,
              int (*read)(struct wfp_dump_reader *, const xmlNode *))
{
    struct wfp_dump *dump = reader->dump, before = *dump;
    int r = read(reader, node);

    if (r != -WFP_ERR_INVALID_PARAMETER)
        return r;
    dump->layer_count = before.layer_count; /* it added itself at most */
    dump->provider_count = before.provider_count;
    dump->sublayer_count = before.sublayer_count;
    dump->callout_count = before.callout_count;
    dump->context_count = before.context_count;
    dump->filter_count = before.filter_count;
    r = add_note(reader, reader->error->line, true, reader->error->text);
    if (r == 0)
        *reader->error = (struct wfp_dump_error){0};
    return r;
}

int
wfp_dump_enumerator(struct wfp_dump_reader *reader, const xmlNode *node,
                    const struct wfp_dump_number *table, uint32_t otherwise, uint32_t *ret_value)
{
    const char *text = wfp_dump_node_text(reader, node);

    if (!text)
        return wfp_dump_no_memory(reader);
    if (wfp_dump_number_find(table, text, ret_value) == 0 || wfp_dump_bits(text, ret_value))
        return 0;
    *ret_value = otherwise;
    return wfp_dump_note(reader, node, "<%.40s> '%.60s' is not known", (const char *)node->name,
                         text);
}

static const xmlNode *
element_from(const xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

xmlNode *
wfp_dump_first_element(const xmlNode *node)
{
    return (xmlNode *)(uintptr_t)element_from(node->children);
}

xmlNode *
wfp_dump_next_element(const xmlNode *node)
{
    return (xmlNode *)(uintptr_t)element_from(node->next);
}

static bool
is_named(const xmlNode *node, const char *name)
{
    return strcmp((const char *)node->name, name) == 0;
}

xmlNode *
wfp_dump_child(const xmlNode *node, const char *name)
{
    xmlNode *child = wfp_dump_first_element(node);
    while (child && !is_named(child, name))
        child = wfp_dump_next_element(child);
    return child;
}

const char *
wfp_dump_node_text(struct wfp_dump_reader *reader, const xmlNode *node)
{
    const xmlNode *child = node->children;
    xmlChar *content;
    char *copy;
    size_t size;

    if (!child)
        return "";
    if (child->type == XML_TEXT_NODE && !child->next)
        return child->content ? (const char *)child->content : "";
    content = xmlNodeGetContent(node); /* entities and CDATA cut text into several nodes */
    if (!content)
        return NULL;
    size = strlen((const char *)content) + 1;
    copy = wfp_dump_arena_alloc(reader->arena, size);
    if (copy)
        memcpy(copy, content, size);
    xmlFree(content);
    return copy;
}

/* ---- simple contents --------------------------------------------------------------------- */

const char *
wfp_dump_keep(struct wfp_dump_reader *reader, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = wfp_dump_arena_alloc(reader->arena, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

int
wfp_dump_string(struct wfp_dump_reader *reader, const xmlNode *node,
                const uint16_t **ret_string_utf16)
{
    static const uint16_t empty[1];
    const char *text = node ? wfp_dump_node_text(reader, node) : "";
    uint16_t *string, *copy;
    size_t length;

    if (text && !*text) {
        *ret_string_utf16 = empty;
        return 0;
    }
    string = text ? wfp_utf16_from_utf8(text, &length) : NULL;
    copy = string ? wfp_dump_arena_alloc(reader->arena, (length + 1) * sizeof(*string)) : NULL;
    if (copy)
        memcpy(copy, string, length * sizeof(*string));
    free(string);
    if (!copy)
        return wfp_dump_no_memory(reader);
    *ret_string_utf16 = copy;
    return 0;
}

int
wfp_dump_number(struct wfp_dump_reader *reader, const xmlNode *node, uint64_t most,
                uint64_t *ret_number)
{
    const char *text = wfp_dump_node_text(reader, node), *at = text;
    unsigned base = 10;
    uint64_t number = 0;

    if (!text)
        return wfp_dump_no_memory(reader);
    if (at[0] == '0' && at[1] == 'x') {
        base = 16;
        at += 2;
    }
    if (!*at)
        return wfp_dump_fail(reader, node, "<%.40s> holds no number", (const char *)node->name);
    for (; *at; at++) {
        unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
                         : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a' + 10)
                                                    : 16;
        if (digit >= base)
            return wfp_dump_fail(reader, node, "'%.40s' is no number", text);
        if (digit > most || number > (most - digit) / base)
            return wfp_dump_fail(reader, node, "%.40s is too large", text);
        number = number * base + digit;
    }
    *ret_number = number;
    return 0;
}

/* The number in a child; absent means @p otherwise. */
int
wfp_dump_child_number(struct wfp_dump_reader *reader, const xmlNode *node, const char *name,
                      uint64_t most, uint64_t otherwise, uint64_t *ret_number)
{
    const xmlNode *child = wfp_dump_child(node, name);

    *ret_number = otherwise;
    if (!child || !child->children)
        return 0;
    return wfp_dump_number(reader, child, most, ret_number);
}

int
wfp_dump_blob(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_blob *ret_blob)
{
    const xmlNode *data = node ? wfp_dump_child(node, "data") : NULL;
    const char *text = data ? wfp_dump_node_text(reader, data) : "";
    size_t length = text ? strlen(text) : 0;
    uint8_t *bytes;

    *ret_blob = (struct wfp_blob){0, NULL};
    if (!text)
        return wfp_dump_no_memory(reader);
    if (length == 0)
        return 0;
    if (length % 2 || length / 2 > UINT32_MAX)
        return wfp_dump_fail(reader, data, "an odd number of hexadecimal digits");
    bytes = wfp_dump_arena_alloc(reader->arena, length / 2);
    if (!bytes)
        return wfp_dump_no_memory(reader);
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit > 15)
            return wfp_dump_fail(reader, data, "data that is not hexadecimal");
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | digit);
    }
    *ret_blob = (struct wfp_blob){(uint32_t)(length / 2), bytes};
    return 0;
}

/* ---- names ------------------------------------------------------------------------------- */

static uint64_t
hash_name(const char *name, uint64_t seed)
{
    uint64_t hash = 0xcbf29ce484222325u ^ seed;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return hash;
}

/* A GUID for a name we do not know: the same each time, and marked as a hash (version 8). */
static struct wfp_guid
guid_of_unknown(const char *name)
{
    uint64_t high = hash_name(name, 0), low = hash_name(name, 0x9e3779b97f4a7c15u);
    struct wfp_guid guid;

    memcpy(&guid, &high, 8);
    memcpy(guid.data4, &low, 8);
    guid.data3 = (uint16_t)((guid.data3 & 0x0fff) | 0x8000);
    guid.data4[0] = (uint8_t)((guid.data4[0] & 0x3f) | 0x80);
    return guid;
}

/* The entry of a name; made when it is new. NULL, with the error noted, when that cannot be. */
static struct wfp_dump_name_entry *
name_entry(struct wfp_dump_reader *reader, const xmlNode *node, uint8_t kind, const char *name,
           int *ret_error)
{
    size_t at = (hash_name(name, kind) >> 20) % WFP_DUMP_NAME_SLOTS;
    struct wfp_dump_name_entry *entry;

    for (;; at = (at + 1) % WFP_DUMP_NAME_SLOTS) {
        entry = &reader->names[at];
        if (!entry->name)
            break;
        if (entry->kind == kind && strcmp(entry->name, name) == 0)
            return entry;
    }
    if (reader->name_count >= WFP_DUMP_NAME_SLOTS / 2) {
        *ret_error = wfp_dump_fail(reader, node, "too many different names");
        return NULL;
    }
    if (!(entry->name = wfp_dump_keep(reader, name))) {
        *ret_error = wfp_dump_no_memory(reader);
        return NULL;
    }
    reader->name_count++;
    entry->kind = kind;
    if (kind <= WFP_DUMP_NAME_CONTEXT && wfp_dump_name_find(kind, name, &entry->guid) == 0)
        return entry;
    entry->guid = guid_of_unknown(name);
    reader->dump->unknown_names++;
    *ret_error = wfp_dump_note(reader, node, "the name %.100s is not known", name);
    return *ret_error < 0 ? NULL : entry;
}

int
wfp_dump_key(struct wfp_dump_reader *reader, const xmlNode *node, enum wfp_dump_name kind,
             struct wfp_guid *ret_key)
{
    const char *text = node ? wfp_dump_node_text(reader, node) : "";
    struct wfp_dump_name_entry *entry;
    int r = 0;

    memset(ret_key, 0, sizeof(*ret_key));
    if (!text)
        return wfp_dump_no_memory(reader);
    if (!*text)
        return 0;
    if (*text == '{') {
        if (wfp_guid_parse(text, ret_key) < 0)
            return wfp_dump_fail(reader, node, "'%.60s' is no GUID", text);
        return 0;
    }
    entry = name_entry(reader, node, (uint8_t)kind, text, &r);
    if (!entry)
        return r;
    *ret_key = entry->guid;
    return 0;
}

int
wfp_dump_child_key(struct wfp_dump_reader *reader, const xmlNode *node, const char *name,
                   enum wfp_dump_name kind, struct wfp_guid *ret_key)
{
    return wfp_dump_key(reader, wfp_dump_child(node, name), kind, ret_key);
}

/* Eight hexadecimal digits: how netsh prints a number that it has no name for. */
bool
wfp_dump_bits(const char *text, uint32_t *ret_bits)
{
    char *end;
    unsigned long bits = strtoul(text, &end, 16);

    if (end != text + 8 || *end)
        return false;
    *ret_bits = (uint32_t)bits;
    return true;
}

/* A list of names, or of eight hexadecimal digits for bits without one. */
int
wfp_dump_flags(struct wfp_dump_reader *reader, const xmlNode *node, uint32_t *ret_flags)
{
    const xmlNode *list = wfp_dump_child(node, "flags");

    *ret_flags = 0;
    for (const xmlNode *item = list ? wfp_dump_first_element(list) : NULL; item;
         item = wfp_dump_next_element(item)) {
        const char *text = wfp_dump_node_text(reader, item);
        uint32_t value = 0;
        int r = 0;

        if (!text)
            return wfp_dump_no_memory(reader);
        if (wfp_dump_number_find(wfp_dump_flag_names, text, &value) < 0 &&
            !wfp_dump_bits(text, &value) &&
            !name_entry(reader, item, WFP_DUMP_NAME_CONTEXT + 1, text, &r))
            return r;
        *ret_flags |= value;
    }
    return 0;
}
