/*
 * Small dumps of our own making, written as netsh writes them: a state file with one layer and one
 * of each object, and a filters file. The pieces can be changed one by one.
 */
#ifndef DUMP_FIXTURE_H
#define DUMP_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/model/layer.h"

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"

#define FILTER_KEY   "{11111111-2222-3333-4444-555555555555}"
#define SUBLAYER_KEY "{aaaaaaaa-0000-0000-0000-000000000001}"

/* What differs between the filters of a fixture. */
struct fixture_filter {
    const char *key, *layer, *weight, *conditions, *action;
    unsigned long long id, effective;
};

#define EMPTY_WEIGHT "<type>FWP_EMPTY</type>"
#define PORT_CONDITION(number)                                                                     \
    "<item>\n<fieldKey>FWPM_CONDITION_IP_LOCAL_PORT</fieldKey>\n"                                  \
    "<matchType>FWP_MATCH_EQUAL</matchType>\n<conditionValue>\n<type>FWP_UINT16</type>\n"          \
    "<uint16>" number "</uint16>\n</conditionValue>\n</item>\n"

static _unused_ void
fixture_write_filter(FILE *out, const struct fixture_filter *filter)
{
    fprintf(out,
            "<item>\n<filterKey>%s</filterKey>\n<displayData>\n<name>D\xC3\xA9mo</name>\n"
            "<description>a &amp; b</description>\n</displayData>\n<flags numItems=\"2\">\n"
            "<item>FWPM_FILTER_FLAG_PERSISTENT</item>\n<item>00000300</item>\n</flags>\n"
            "<providerKey/>\n<providerData>\n<data>0aFF</data>\n<asString>..</asString>\n"
            "</providerData>\n<layerKey>%s</layerKey>\n<subLayerKey>%s</subLayerKey>\n"
            "<weight>\n%s\n</weight>\n<filterCondition numItems=\"9\">\n%s</filterCondition>\n"
            "<action>\n<type>%s</type>\n<filterType/>\n</action>\n<rawContext>7</rawContext>\n"
            "<reserved/>\n<filterId>%llu</filterId>\n<effectiveWeight>\n<type>FWP_UINT64</type>\n"
            "<uint64>%llu</uint64>\n</effectiveWeight>\n</item>\n",
            filter->key, filter->layer, SUBLAYER_KEY, filter->weight, filter->conditions,
            filter->action, filter->id, filter->effective);
}

static _unused_ void
fixture_write_fields(FILE *out, const struct wfp_layer *layer, int count)
{
    static const char *const kinds[] = {"RAW_DATA", "IP_ADDRESS", "FLAGS"};
    static const char *const types[] = {
        [WFP_UINT8] = "UINT8",
        [WFP_UINT16] = "UINT16",
        [WFP_UINT32] = "UINT32",
        [WFP_UINT64] = "UINT64",
        [WFP_BYTE_ARRAY16] = "BYTE_ARRAY16_TYPE",
        [WFP_BYTE_BLOB] = "BYTE_BLOB_TYPE",
        [WFP_SID] = "SID",
        [WFP_TOKEN_ACCESS_INFORMATION] = "TOKEN_ACCESS_INFORMATION_TYPE",
    };

    for (int i = 0; i < count; i++)
        fprintf(out,
                "<item>\n<fieldKey>FWPM_CONDITION_%s</fieldKey>\n<type>FWPM_FIELD_%s</type>\n"
                "<dataType>FWP_%s</dataType>\n</item>\n",
                layer->fields[i].condition_name, kinds[layer->fields[i].kind],
                types[layer->fields[i].type]);
}

/* One layer with the fields of a build, the filters in it, and one of each other object. */
static _unused_ __attribute__((noinline)) char *
fixture_state(const char *layer_name, enum wfp_level level, const struct fixture_filter *filters,
              size_t count)
{
    const struct wfp_layer *layer = wfp_layer_find_name(layer_name);
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fprintf(out,
            DECLARATION
            "<wfpstate>\n<timeStamp>2024-01-01T00:00:00.000Z</timeStamp>\n"
            "<sessions numItems=\"1\">\n<item><x>1</x></item>\n</sessions>\n"
            "<layers numItems=\"1\">\n<item>\n<layer>\n<layerKey>FWPM_LAYER_%s</layerKey>\n"
            "<displayData>\n<name>Couche</name>\n<description/>\n</displayData>\n"
            "<flags numItems=\"3\">\n<item>FWPM_LAYER_FLAG_KERNEL</item>\n"
            "<item>FWPM_LAYER_FLAG_BUILTIN</item>\n"
            "<item>FWPM_LAYER_FLAG_CLASSIFY_MOSTLY</item>\n</flags>\n<field>\n",
            layer->name);
    fixture_write_fields(out, layer, layer->field_counts[level]);
    fprintf(out,
            "</field>\n<defaultSubLayerKey>FWPM_SUBLAYER_UNIVERSAL</defaultSubLayerKey>\n"
            "<layerId>%d</layerId>\n</layer>\n<callouts numItems=\"1\">\n<item>\n"
            "<calloutKey>{cccccccc-0000-0000-0000-000000000001}</calloutKey>\n"
            "<displayData><name>c</name><description/></displayData>\n<flags/>\n<providerKey/>\n"
            "<providerData/>\n<applicableLayer>FWPM_LAYER_%s</applicableLayer>\n"
            "<calloutId>300</calloutId>\n</item>\n</callouts>\n<filters>\n",
            layer->id, layer->name);
    for (size_t i = 0; i < count; i++)
        fixture_write_filter(out, &filters[i]);
    fprintf(out, "</filters>\n</item>\n</layers>\n"
                 "<providers>\n<item>\n<providerKey>{bbbbbbbb-0000-0000-0000-000000000001}"
                 "</providerKey>\n<displayData><name>p</name><description/></displayData>\n"
                 "<flags numItems=\"1\"><item>FWPM_PROVIDER_FLAG_PERSISTENT</item></flags>\n"
                 "<providerData/>\n<serviceName>svc</serviceName>\n</item>\n</providers>\n"
                 "<providerContexts>\n<item>\n<providerContextKey>"
                 "{dddddddd-0000-0000-0000-000000000001}</providerContextKey>\n"
                 "<displayData><name>x</name><description/></displayData>\n<flags/>\n"
                 "<providerKey/>\n<providerData/>\n<type>FWPM_GENERAL_CONTEXT</type>\n"
                 "<dataBuffer>\n<data>0102</data>\n<asString>..</asString>\n</dataBuffer>\n"
                 "<providerContextId>5</providerContextId>\n</item>\n</providerContexts>\n"
                 "<subLayers>\n<item>\n<subLayerKey>" SUBLAYER_KEY "</subLayerKey>\n"
                 "<displayData><name>s</name><description/></displayData>\n"
                 "<flags numItems=\"1\"><item>FWPM_SUBLAYER_FLAG_PERSISTENT</item></flags>\n"
                 "<providerKey/>\n<providerData/>\n<weight>4711</weight>\n</item>\n</subLayers>\n"
                 "</wfpstate>\n<firewallState>\n<anything>1</anything>\n</firewallState>\n");
    fclose(out);
    return text;
}

static _unused_ __attribute__((noinline)) char *
fixture_filters(const struct fixture_filter *filters, size_t count)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fprintf(out, DECLARATION "<wfpdiag>\n<filters>\n");
    for (size_t i = 0; i < count; i++)
        fixture_write_filter(out, &filters[i]);
    fprintf(out, "</filters>\n</wfpdiag>\n");
    fclose(out);
    return text;
}

#endif
