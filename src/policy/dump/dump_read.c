/*
 * Reading a dump: sections one item at a time, each item as a small tree.
 *
 * Model      <dump>                          put around the file's own root elements
 *              <wfpstate> or <wfpdiag>
 *                <layers>, <providers> ...   sections; those we do not know are skipped
 *                  <item>                    expanded, converted, dropped
 *            Counts are not believed: lists grow as items come.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlreader.h>

#include "base/log.h"
#include "base/status.h"
#include "base/utf16.h"
#include "core/model/filter.h"
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

static const char *
keep(struct wfp_dump_reader *reader, const char *text)
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
static int
child_number(struct wfp_dump_reader *reader, const xmlNode *node, const char *name, uint64_t most,
             uint64_t otherwise, uint64_t *ret_number)
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
    if (!(entry->name = keep(reader, name))) {
        *ret_error = wfp_dump_no_memory(reader);
        return NULL;
    }
    reader->name_count++;
    entry->kind = kind;
    if (kind <= WFP_DUMP_NAME_CONTEXT && wfp_dump_name_find(kind, name, &entry->guid) == 0)
        return entry;
    entry->guid = guid_of_unknown(name);
    reader->dump->unknown_names++;
    return entry;
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

static int
child_key(struct wfp_dump_reader *reader, const xmlNode *node, const char *name,
          enum wfp_dump_name kind, struct wfp_guid *ret_key)
{
    return wfp_dump_key(reader, wfp_dump_child(node, name), kind, ret_key);
}

/* Eight hexadecimal digits: how netsh prints a number that it has no name for. */
static bool
read_bits(const char *text, uint32_t *ret_bits)
{
    char *end;
    unsigned long bits = strtoul(text, &end, 16);

    if (end != text + 8 || *end)
        return false;
    *ret_bits = (uint32_t)bits;
    return true;
}

/* A list of names, or of eight hexadecimal digits for bits without one. */
static int
read_flags(struct wfp_dump_reader *reader, const xmlNode *node, uint32_t *ret_flags)
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
        if (wfp_dump_number_find(wfp_dump_flags, text, &value) < 0 && !read_bits(text, &value) &&
            !name_entry(reader, item, WFP_DUMP_NAME_CONTEXT + 1, text, &r))
            return r;
        *ret_flags |= value;
    }
    return 0;
}

/* ---- objects ----------------------------------------------------------------------------- */

static int
read_common(struct wfp_dump_reader *reader, const xmlNode *node, const char *key_name,
            enum wfp_dump_name kind, struct wfp_dump_common *common)
{
    const xmlNode *display = wfp_dump_child(node, "displayData");
    const xmlNode *name = display ? wfp_dump_child(display, "name") : NULL;
    const xmlNode *description = display ? wfp_dump_child(display, "description") : NULL;
    const xmlNode *key = wfp_dump_child(node, key_name);
    int r;

    common->line = (unsigned)xmlGetLineNo(node);
    if (!key || !key->children)
        return wfp_dump_fail(reader, node, "an object without <%s>", key_name);
    r = wfp_dump_key(reader, key, kind, &common->key);
    if (r == 0)
        r = wfp_dump_string(reader, name, &common->name_utf16);
    if (r == 0)
        r = wfp_dump_string(reader, description, &common->description_utf16);
    if (r == 0)
        r = read_flags(reader, node, &common->flags);
    if (r == 0)
        r = wfp_dump_blob(reader, wfp_dump_child(node, "providerData"), &common->provider_data);
    if (r == 0 && kind != WFP_DUMP_NAME_PROVIDER)
        r = child_key(reader, node, "providerKey", WFP_DUMP_NAME_PROVIDER, &common->provider_key);
    common->has_provider = !wfp_guid_is_zero(&common->provider_key);
    return r;
}

/* Room for one more; a list doubles, what it was stays in the arena until the end. */
static void *
grow(struct wfp_dump_reader *reader, void *list, uint32_t *count, size_t size)
{
    unsigned char *larger = list;

    if ((*count & (*count - 1)) == 0) { /* 0, 1, 2, 4, 8 ... are full */
        larger = wfp_dump_arena_alloc(reader->arena, size * (*count ? *count * 2 : 1));
        if (larger && *count)
            memcpy(larger, list, size * *count);
    }
    return larger;
}

#define GROW(reader, list, count)                                                                  \
    ({                                                                                             \
        void *grown_ = grow(reader, (list), &(count), sizeof(*(list)));                            \
        if (!grown_)                                                                               \
            return wfp_dump_no_memory(reader);                                                     \
        (list) = grown_;                                                                           \
        &(list)[(count)++];                                                                        \
    })

static int
read_provider(struct wfp_dump_reader *reader, const xmlNode *node)
{
    struct wfp_dump *dump = reader->dump;
    struct wfp_dump_provider *provider = GROW(reader, dump->providers, dump->provider_count);
    const xmlNode *service = wfp_dump_child(node, "serviceName");
    int r = read_common(reader, node, "providerKey", WFP_DUMP_NAME_PROVIDER, &provider->common);

    if (r == 0 && service && service->children)
        r = wfp_dump_string(reader, service, &provider->service_name_utf16);
    return r;
}

static int
read_sublayer(struct wfp_dump_reader *reader, const xmlNode *node)
{
    struct wfp_dump *dump = reader->dump;
    struct wfp_dump_sublayer *sublayer = GROW(reader, dump->sublayers, dump->sublayer_count);
    uint64_t weight = 0;
    int r = read_common(reader, node, "subLayerKey", WFP_DUMP_NAME_SUBLAYER, &sublayer->common);

    if (r == 0)
        r = child_number(reader, node, "weight", UINT16_MAX, 0, &weight);
    sublayer->weight = (uint16_t)weight;
    return r;
}

static int
read_callout(struct wfp_dump_reader *reader, const xmlNode *node)
{
    struct wfp_dump *dump = reader->dump;
    struct wfp_dump_callout *callout = GROW(reader, dump->callouts, dump->callout_count);
    uint64_t id = 0;
    int r = read_common(reader, node, "calloutKey", WFP_DUMP_NAME_CALLOUT, &callout->common);

    if (r == 0)
        r = child_key(reader, node, "applicableLayer", WFP_DUMP_NAME_LAYER, &callout->layer_key);
    if (r == 0)
        r = child_number(reader, node, "calloutId", UINT32_MAX, 0, &id);
    callout->id = (uint32_t)id;
    return r;
}

/* Options of a classify options context: <options><item><type/><value/></item></options>. */
static int
read_settings(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_dump_context *context)
{
    const xmlNode *list = wfp_dump_first_element(node);

    for (const xmlNode *item = list ? wfp_dump_first_element(list) : NULL; item;
         item = wfp_dump_next_element(item)) {
        const xmlNode *type = wfp_dump_child(item, "type"), *value = wfp_dump_child(item, "value");
        struct wfp_dump_setting *setting;
        const char *text;
        int r;

        if (!type || !value)
            return wfp_dump_fail(reader, item, "a setting without type or value");
        setting = GROW(reader, context->settings, context->setting_count);
        text = wfp_dump_node_text(reader, type);
        if (!text || !(setting->type = keep(reader, text)))
            return wfp_dump_no_memory(reader);
        r = wfp_dump_value(reader, value, &setting->value);
        if (r < 0)
            return r;
    }
    return 0;
}

static int
read_context(struct wfp_dump_reader *reader, const xmlNode *node)
{
    struct wfp_dump *dump = reader->dump;
    struct wfp_dump_context *context = GROW(reader, dump->contexts, dump->context_count);
    const xmlNode *type = wfp_dump_child(node, "type");
    const xmlNode *options = wfp_dump_child(node, "classifyOptions");
    const char *text;
    int r =
        read_common(reader, node, "providerContextKey", WFP_DUMP_NAME_CONTEXT, &context->common);

    if (r < 0)
        return r;
    text = type ? wfp_dump_node_text(reader, type) : "";
    if (!text || !(context->type = keep(reader, text)))
        return wfp_dump_no_memory(reader);
    r = wfp_dump_blob(reader, wfp_dump_child(node, "dataBuffer"), &context->data);
    if (r == 0)
        r = child_number(reader, node, "providerContextId", UINT64_MAX, 0, &context->id);
    if (r == 0 && options)
        r = read_settings(reader, options, context);
    return r;
}

static int
read_conditions(struct wfp_dump_reader *reader, const xmlNode *list, struct wfp_dump_filter *filter)
{
    for (const xmlNode *item = list ? wfp_dump_first_element(list) : NULL; item;
         item = wfp_dump_next_element(item)) {
        const xmlNode *match = wfp_dump_child(item, "matchType");
        const xmlNode *value = wfp_dump_child(item, "conditionValue");
        struct wfp_condition *condition;
        const char *text;
        int r;

        if (!match || !value)
            return wfp_dump_fail(reader, item, "a condition without match type or value");
        condition = GROW(reader, filter->conditions, filter->condition_count);
        text = wfp_dump_node_text(reader, match);
        if (!text)
            return wfp_dump_no_memory(reader);
        if (wfp_dump_number_find(wfp_dump_matches, text, &condition->match) < 0)
            return wfp_dump_fail(reader, match, "'%.60s' is no match type", text);
        r = child_key(reader, item, "fieldKey", WFP_DUMP_NAME_CONDITION, &condition->field_key);
        if (r == 0)
            r = wfp_dump_value(reader, value, &condition->value);
        if (r < 0)
            return r;
    }
    return 0;
}

static int
read_action(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_dump_filter *filter)
{
    const xmlNode *action = wfp_dump_child(node, "action");
    const xmlNode *type = action ? wfp_dump_child(action, "type") : NULL;
    const char *text;

    if (!type)
        return wfp_dump_fail(reader, node, "a filter without an action");
    text = wfp_dump_node_text(reader, type);
    if (!text)
        return wfp_dump_no_memory(reader);
    if (wfp_dump_number_find(wfp_dump_actions, text, &filter->action) < 0 &&
        !read_bits(text, &filter->action))
        return wfp_dump_fail(reader, type, "'%.60s' is no action", text);
    return wfp_dump_key(reader,
                        wfp_dump_first_element(action) == type ? wfp_dump_next_element(type)
                                                               : wfp_dump_first_element(action),
                        WFP_DUMP_NAME_CALLOUT, &filter->callout_key);
}

static int
read_weights(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_dump_filter *filter)
{
    const xmlNode *given = wfp_dump_child(node, "weight");
    const xmlNode *effective = wfp_dump_child(node, "effectiveWeight");
    struct wfp_value value;
    int r;

    if (!given || !effective)
        return wfp_dump_fail(reader, node, "a filter without weight or effectiveWeight");
    r = wfp_dump_value(reader, given, &filter->weight);
    if (r == 0)
        r = wfp_dump_value(reader, effective, &value);
    if (r < 0)
        return r;
    if (value.type != WFP_UINT64)
        return wfp_dump_fail(reader, effective, "an effective weight that is no FWP_UINT64");
    filter->effective_weight = *value.uint64;
    return 0;
}

static int
read_filter(struct wfp_dump_reader *reader, const xmlNode *node)
{
    struct wfp_dump *dump = reader->dump;
    struct wfp_dump_filter *filter = GROW(reader, dump->filters, dump->filter_count);
    const xmlNode *layer = wfp_dump_child(node, "layerKey");
    const xmlNode *context = wfp_dump_child(node, "providerContextKey");
    const char *text;
    int r = read_common(reader, node, "filterKey", WFP_DUMP_NAME_CONTEXT, &filter->common);

    if (r < 0)
        return r;
    text = layer ? wfp_dump_node_text(reader, layer) : "";
    if (!text || !(filter->layer_name = keep(reader, text)))
        return wfp_dump_no_memory(reader);
    if (!*text)
        return wfp_dump_fail(reader, node, "a filter without a layer");
    r = wfp_dump_key(reader, layer, WFP_DUMP_NAME_LAYER, &filter->layer_key);
    if (r == 0)
        r = child_key(reader, node, "subLayerKey", WFP_DUMP_NAME_SUBLAYER, &filter->sublayer_key);
    if (r == 0)
        r = read_weights(reader, node, filter);
    if (r == 0)
        r = read_conditions(reader, wfp_dump_child(node, "filterCondition"), filter);
    if (r == 0)
        r = read_action(reader, node, filter);
    if (r == 0)
        r = child_number(reader, node, "rawContext", UINT64_MAX, 0, &filter->raw_context);
    if (r == 0)
        r = child_number(reader, node, "filterId", UINT64_MAX, 0, &filter->id);
    if (r == 0)
        r = wfp_dump_key(reader, context, WFP_DUMP_NAME_CONTEXT, &filter->provider_context_key);
    filter->has_provider_context = !wfp_guid_is_zero(&filter->provider_context_key);
    return r;
}

static int
read_fields(struct wfp_dump_reader *reader, const xmlNode *list, struct wfp_dump_layer *layer)
{
    for (const xmlNode *item = list ? wfp_dump_first_element(list) : NULL; item;
         item = wfp_dump_next_element(item)) {
        const xmlNode *key = wfp_dump_child(item, "fieldKey"), *kind = wfp_dump_child(item, "type"),
                      *type = wfp_dump_child(item, "dataType");
        static const char prefix[] = "FWPM_CONDITION_";
        struct wfp_field *field;
        const char *text;
        uint32_t value;
        int r;

        if (!key || !kind || !type)
            return wfp_dump_fail(reader, item, "a field without key, type or data type");
        field = GROW(reader, layer->fields, layer->field_count);
        r = wfp_dump_key(reader, key, WFP_DUMP_NAME_CONDITION, &field->condition_key);
        if (r < 0)
            return r;
        text = wfp_dump_node_text(reader, key);
        if (!text || !(text = keep(reader, text)))
            return wfp_dump_no_memory(reader);
        if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
            text += sizeof(prefix) - 1;
        field->condition_name = text;
        if (!(text = wfp_dump_node_text(reader, kind)))
            return wfp_dump_no_memory(reader);
        if (wfp_dump_number_find(wfp_dump_kinds, text, &value) < 0)
            return wfp_dump_fail(reader, kind, "'%.60s' is no kind of field", text);
        field->kind = (uint8_t)value;
        if (!(text = wfp_dump_node_text(reader, type)))
            return wfp_dump_no_memory(reader);
        if (wfp_dump_number_find(wfp_dump_types, text, &value) < 0 || value > UINT8_MAX)
            return wfp_dump_fail(reader, type, "'%.60s' is no type of field", text);
        field->type = (uint8_t)value;
    }
    return 0;
}

static int
each(struct wfp_dump_reader *reader, const xmlNode *list,
     int (*read)(struct wfp_dump_reader *, const xmlNode *))
{
    int r = 0;

    for (const xmlNode *item = list ? wfp_dump_first_element(list) : NULL; item && r == 0;
         item = wfp_dump_next_element(item))
        r = read(reader, item);
    return r;
}

/* A layer, with the callouts and filters that a state file lists beneath it. */
static int
read_layer(struct wfp_dump_reader *reader, const xmlNode *node)
{
    struct wfp_dump *dump = reader->dump;
    const xmlNode *inner = wfp_dump_child(node, "layer"), *key, *display, *name;
    struct wfp_dump_layer *layer;
    const char *text;
    uint64_t id = 0;
    int r;

    if (!inner)
        return wfp_dump_fail(reader, node, "a layer without <layer>");
    layer = GROW(reader, dump->layers, dump->layer_count);
    layer->line = (unsigned)xmlGetLineNo(inner);
    key = wfp_dump_child(inner, "layerKey");
    display = wfp_dump_child(inner, "displayData");
    name = display ? wfp_dump_child(display, "name") : NULL;
    text = key ? wfp_dump_node_text(reader, key) : "";
    if (!text || !(layer->key_name = keep(reader, text)))
        return wfp_dump_no_memory(reader);
    if (!*text)
        return wfp_dump_fail(reader, inner, "a layer without a key");
    r = wfp_dump_key(reader, key, WFP_DUMP_NAME_LAYER, &layer->key);
    if (r == 0)
        r = wfp_dump_string(reader, name, &layer->name_utf16);
    if (r == 0)
        r = read_flags(reader, inner, &layer->flags);
    if (r == 0)
        r = child_key(reader, inner, "defaultSubLayerKey", WFP_DUMP_NAME_SUBLAYER,
                      &layer->default_sublayer_key);
    if (r == 0)
        r = child_number(reader, inner, "layerId", UINT16_MAX, UINT16_MAX, &id);
    layer->id = (uint16_t)id;
    if (r == 0)
        r = read_fields(reader, wfp_dump_child(inner, "field"), layer);
    if (r == 0)
        r = each(reader, wfp_dump_child(node, "callouts"), read_callout);
    if (r == 0)
        r = each(reader, wfp_dump_child(node, "filters"), read_filter);
    return r;
}

/* ---- the file ---------------------------------------------------------------------------- */

static const struct {
    const char *root, *section;
    int (*read)(struct wfp_dump_reader *, const xmlNode *);
} sections[] = {
    {"wfpstate", "layers", read_layer},       {"wfpstate", "providers", read_provider},
    {"wfpstate", "subLayers", read_sublayer}, {"wfpstate", "providerContexts", read_context},
    {"wfpdiag", "filters", read_filter},      {"wfpdiag", "providers", read_provider},
};

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
        return sections[i].read(reader, node);
    }
    return 0;
}

/*
 * Depths: 0 our own root, 1 the file's roots, 2 sections, 3 items. As our root comes first, no
 * document type, and so no entity, can follow.
 */
static int
read_all(struct wfp_dump_reader *reader, xmlTextReader *xml)
{
    char root[24] = "", section[24] = "";
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
    xml = xmlReaderForMemory(text->text, (int)text->size, NULL, "UTF-8", options);
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
