/*
 * Items of a dump to objects.
 */
#include <string.h>

#include "base/status.h"
#include "policy/dump/dump_internal.h"

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
        r = wfp_dump_flags(reader, node, &common->flags);
    if (r == 0)
        r = wfp_dump_blob(reader, wfp_dump_child(node, "providerData"), &common->provider_data);
    if (r == 0 && kind != WFP_DUMP_NAME_PROVIDER)
        r = wfp_dump_child_key(reader, node, "providerKey", WFP_DUMP_NAME_PROVIDER,
                               &common->provider_key);
    common->has_provider = !wfp_guid_is_zero(&common->provider_key);
    return r;
}

int
wfp_dump_read_provider(struct wfp_dump_reader *reader, const xmlNode *node)
{
    struct wfp_dump *dump = reader->dump;
    struct wfp_dump_provider *provider = GROW(reader, dump->providers, dump->provider_count);
    const xmlNode *service = wfp_dump_child(node, "serviceName");
    int r = read_common(reader, node, "providerKey", WFP_DUMP_NAME_PROVIDER, &provider->common);

    if (r == 0 && service && service->children)
        r = wfp_dump_string(reader, service, &provider->service_name_utf16);
    return r;
}

int
wfp_dump_read_sublayer(struct wfp_dump_reader *reader, const xmlNode *node)
{
    struct wfp_dump *dump = reader->dump;
    struct wfp_dump_sublayer *sublayer = GROW(reader, dump->sublayers, dump->sublayer_count);
    uint64_t weight = 0;
    int r = read_common(reader, node, "subLayerKey", WFP_DUMP_NAME_SUBLAYER, &sublayer->common);

    if (r == 0)
        r = wfp_dump_child_number(reader, node, "weight", UINT16_MAX, 0, &weight);
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
        r = wfp_dump_child_key(reader, node, "applicableLayer", WFP_DUMP_NAME_LAYER,
                               &callout->layer_key);
    if (r == 0)
        r = wfp_dump_child_number(reader, node, "calloutId", UINT32_MAX, 0, &id);
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
        if (!text || !(setting->type = wfp_dump_keep(reader, text)))
            return wfp_dump_no_memory(reader);
        r = wfp_dump_value(reader, value, &setting->value);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The policy of an IPsec context, as it stands there: we know of it, but not what it says. */
static int
keep_policy(struct wfp_dump_reader *reader, const xmlNode *type, struct wfp_dump_context *context)
{
    static const char prefix[] = "FWPM_IPSEC_";
    const xmlNode *policy = type ? wfp_dump_next_element(type) : NULL;
    xmlBuffer *buffer;

    if (!policy || strncmp(context->type, prefix, sizeof(prefix) - 1) != 0)
        return 0;
    buffer = xmlBufferCreate();
    if (buffer && xmlNodeDump(buffer, policy->doc, (xmlNode *)(uintptr_t)policy, 0, 0) > 0)
        context->policy_xml = wfp_dump_keep(reader, (const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return context->policy_xml ? 0 : wfp_dump_no_memory(reader);
}

int
wfp_dump_read_context(struct wfp_dump_reader *reader, const xmlNode *node)
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
    if (!text || !(context->type = wfp_dump_keep(reader, text)))
        return wfp_dump_no_memory(reader);
    r = wfp_dump_blob(reader, wfp_dump_child(node, "dataBuffer"), &context->data);
    if (r == 0)
        r = wfp_dump_child_number(reader, node, "providerContextId", UINT64_MAX, 0, &context->id);
    if (r == 0 && options)
        r = read_settings(reader, options, context);
    return r < 0 ? r : keep_policy(reader, type, context);
}

static int
read_conditions(struct wfp_dump_reader *reader, const xmlNode *list, struct wfp_dump_filter *filter)
{
    for (const xmlNode *item = list ? wfp_dump_first_element(list) : NULL; item;
         item = wfp_dump_next_element(item)) {
        const xmlNode *match = wfp_dump_child(item, "matchType");
        const xmlNode *value = wfp_dump_child(item, "conditionValue");
        struct wfp_condition *condition;
        int r;

        if (!match || !value)
            return wfp_dump_fail(reader, item, "a condition without match type or value");
        condition = GROW(reader, filter->conditions, filter->condition_count);
        r = wfp_dump_enumerator(reader, match, wfp_dump_matches, UINT32_MAX, &condition->match);
        if (r < 0)
            return r;
        r = wfp_dump_child_key(reader, item, "fieldKey", WFP_DUMP_NAME_CONDITION,
                               &condition->field_key);
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
    int r;

    if (!type)
        return wfp_dump_fail(reader, node, "a filter without an action");
    r = wfp_dump_enumerator(reader, type, wfp_dump_actions, 0, &filter->action);
    if (r < 0)
        return r;
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

    if (!given)
        return wfp_dump_fail(reader, node, "a filter without a weight");
    r = wfp_dump_value(reader, given, &filter->weight);
    if (r == 0 && !effective)
        return wfp_dump_note(reader, node, "a filter without effectiveWeight");
    if (r == 0)
        r = wfp_dump_value(reader, effective, &value);
    if (r < 0)
        return r;
    if (value.type != WFP_UINT64)
        return wfp_dump_fail(reader, effective, "an effective weight that is no FWP_UINT64");
    filter->effective_weight = *value.uint64;
    filter->has_effective_weight = true;
    return 0;
}

int
wfp_dump_read_filter(struct wfp_dump_reader *reader, const xmlNode *node)
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
    if (!text || !(filter->layer_name = wfp_dump_keep(reader, text)))
        return wfp_dump_no_memory(reader);
    if (!*text)
        return wfp_dump_fail(reader, node, "a filter without a layer");
    r = wfp_dump_key(reader, layer, WFP_DUMP_NAME_LAYER, &filter->layer_key);
    if (r == 0)
        r = wfp_dump_child_key(reader, node, "subLayerKey", WFP_DUMP_NAME_SUBLAYER,
                               &filter->sublayer_key);
    if (r == 0)
        r = read_weights(reader, node, filter);
    if (r == 0)
        r = read_conditions(reader, wfp_dump_child(node, "filterCondition"), filter);
    if (r == 0)
        r = read_action(reader, node, filter);
    if (r == 0)
        r = wfp_dump_child_number(reader, node, "rawContext", UINT64_MAX, 0, &filter->raw_context);
    if (r == 0)
        r = wfp_dump_child_number(reader, node, "filterId", UINT64_MAX, 0, &filter->id);
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
        uint32_t value = 0;
        int r;

        if (!key || !kind || !type)
            return wfp_dump_fail(reader, item, "a field without key, type or data type");
        field = GROW(reader, layer->fields, layer->field_count);
        r = wfp_dump_key(reader, key, WFP_DUMP_NAME_CONDITION, &field->condition_key);
        if (r < 0)
            return r;
        text = wfp_dump_node_text(reader, key);
        if (!text || !(text = wfp_dump_keep(reader, text)))
            return wfp_dump_no_memory(reader);
        if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
            text += sizeof(prefix) - 1;
        field->condition_name =
            wfp_dump_condition_name(wfp_layer_find_key(&layer->key), &field->condition_key, text);
        r = wfp_dump_enumerator(reader, kind, wfp_dump_kinds, WFP_FIELD_RAW_DATA, &value);
        field->kind = (uint8_t)value;
        if (r == 0)
            r = wfp_dump_enumerator(reader, type, wfp_dump_types, WFP_EMPTY, &value);
        if (r < 0)
            return r;
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
        r = wfp_dump_item(reader, item, read);
    return r;
}

static int
read_layer(struct wfp_dump_reader *reader, const xmlNode *inner)
{
    struct wfp_dump *dump = reader->dump;
    const xmlNode *key, *display, *name;
    struct wfp_dump_layer *layer;
    const char *text;
    uint64_t id = 0;
    int r;

    layer = GROW(reader, dump->layers, dump->layer_count);
    layer->line = (unsigned)xmlGetLineNo(inner);
    key = wfp_dump_child(inner, "layerKey");
    display = wfp_dump_child(inner, "displayData");
    name = display ? wfp_dump_child(display, "name") : NULL;
    text = key ? wfp_dump_node_text(reader, key) : "";
    if (!text || !(layer->key_name = wfp_dump_keep(reader, text)))
        return wfp_dump_no_memory(reader);
    if (!*text)
        return wfp_dump_fail(reader, inner, "a layer without a key");
    r = wfp_dump_key(reader, key, WFP_DUMP_NAME_LAYER, &layer->key);
    if (r == 0)
        r = wfp_dump_string(reader, name, &layer->name_utf16);
    if (r == 0)
        r = wfp_dump_flags(reader, inner, &layer->flags);
    if (r == 0)
        r = wfp_dump_child_key(reader, inner, "defaultSubLayerKey", WFP_DUMP_NAME_SUBLAYER,
                               &layer->default_sublayer_key);
    if (r == 0)
        r = wfp_dump_child_number(reader, inner, "layerId", UINT16_MAX, UINT16_MAX, &id);
    layer->id = (uint16_t)id;
    if (r == 0)
        r = read_fields(reader, wfp_dump_child(inner, "field"), layer);
    return r;
}

/* A layer, with the callouts and filters that a state file lists beneath it. */
int
wfp_dump_read_layer(struct wfp_dump_reader *reader, const xmlNode *node)
{
    const xmlNode *inner = wfp_dump_child(node, "layer");
    int r = inner ? wfp_dump_item(reader, inner, read_layer)
                  : wfp_dump_note(reader, node, "a layer without <layer>");

    if (r == 0)
        r = each(reader, wfp_dump_child(node, "callouts"), read_callout);
    if (r == 0)
        r = each(reader, wfp_dump_child(node, "filters"), wfp_dump_read_filter);
    return r;
}
