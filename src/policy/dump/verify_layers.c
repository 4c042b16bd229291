/*
 * Layers and fields: those of a dump against our tables for its build, which they tell.
 */
#include <stdlib.h>

#include "policy/dump/dump_internal.h"
#include "policy/dump/verify_internal.h"

const char *
wfp_verify_level_name(enum wfp_level level)
{
    static const char *const names[] = {
        [WFP_LEVEL_WIN7] = "6.1",       [WFP_LEVEL_WIN8] = "6.2",
        [WFP_LEVEL_WIN81] = "6.3",      [WFP_LEVEL_WIN10] = "10.0.10240",
        [WFP_LEVEL_RS3] = "10.0.16299", [WFP_LEVEL_FE] = "10.0.20348",
        [WFP_LEVEL_NI] = "10.0.22621",  [WFP_LEVEL_NEWEST] = "newer than 10.0.22621",
    };
    static_assert(ELEMENTSOF(names) == WFP_LEVEL_COUNT, "a name for each level");
    return names[level];
}

/*
 * A build may have the layers of one SDK and still the field lists of an older one: Windows 10 from
 * 10.0.19041 on has the layers of 10.0.20348 with the fields of 10.0.16299.
 */
struct build {
    enum wfp_level layers, fields;
};

static int
id_at(const struct wfp_layer *layer, struct build build)
{
    return build.layers < WFP_LEVEL_NEWEST          ? layer->ids[build.layers]
           : layer->field_counts[build.layers] >= 0 ? layer->id
                                                    : -1;
}

/*
 * Observed on 10.0.19041, which no SDK describes: where it is neither like the one before nor like
 * the one after.
 */
static bool
is_vibranium(struct build build)
{
    return build.fields == WFP_LEVEL_RS3 && build.layers > WFP_LEVEL_FE;
}

/* A layer newer than the build's field lists has the fields it began with. */
static int
field_count_at(const struct wfp_layer *layer, struct build build)
{
    if (layer->id == WFP_LAYER_INBOUND_RESERVED2 && is_vibranium(build))
        return 16;
    for (int level = build.fields; level <= (int)build.layers; level++)
        if (layer->field_counts[level] >= 0)
            return layer->field_counts[level];
    return -1;
}

/* Its layer for IPv6 connection policy delivered the types of the one for IPv4. */
static uint8_t
type_at(const struct wfp_layer *layer, const struct wfp_field *field, struct build build)
{
    return layer->id == WFP_LAYER_OUTBOUND_NETWORK_CONNECTION_POLICY_V6 &&
                   field->kind == WFP_FIELD_IP_ADDRESS && is_vibranium(build)
               ? WFP_UINT32
               : field->type;
}

static void
compare_fields(const struct wfp_layer *ours, const struct wfp_dump_layer *theirs,
               struct build build, char *text, size_t size)
{
    int count = field_count_at(ours, build);

    for (uint32_t i = 0; i < theirs->field_count && (int)i < count; i++) {
        const struct wfp_field *a = &ours->fields[i], *b = &theirs->fields[i];
        uint8_t type = type_at(ours, a, build);
        if (!wfp_guid_equal(&a->condition_key, &b->condition_key) || a->kind != b->kind ||
            type != b->type) {
            snprintf(text, size, "field %u is %s, kind %u, type %u here, %s, %u, %u there", i,
                     a->condition_name, a->kind, type, b->condition_name, b->kind, b->type);
            return;
        }
    }
    if ((int64_t)theirs->field_count != count)
        snprintf(text, size, "%d fields here, %u there", count, theirs->field_count);
}

/* Where a layer of the dump and ours differ: the first thing, in words; "" if nowhere. */
static void
compare_layer(const struct wfp_dump_layer *theirs, struct build build, char *text, size_t size)
{
    const struct wfp_layer *ours = wfp_layer_find_key(&theirs->key);
    struct wfp_guid universal = {0};

    *text = '\0';
    wfp_dump_name_find(WFP_DUMP_NAME_SUBLAYER, "FWPM_SUBLAYER_UNIVERSAL", &universal);
    if (!ours || id_at(ours, build) < 0)
        snprintf(text, size, "not in our table");
    else if (id_at(ours, build) != theirs->id)
        snprintf(text, size, "id %d here, %u there", id_at(ours, build), theirs->id);
    else if (ours->flags != theirs->flags)
        snprintf(text, size, "flags 0x%x here, 0x%x there", ours->flags, theirs->flags);
    else if (!wfp_guid_equal(&universal, &theirs->default_sublayer_key))
        snprintf(text, size, "another default sublayer");
    else
        compare_fields(ours, theirs, build, text, size);
}

static uint32_t
count_equal_layers(const struct wfp_dump *dump, struct build build)
{
    char text[200];
    uint32_t equal = 0;

    for (uint32_t i = 0; i < dump->layer_count; i++) {
        compare_layer(&dump->layers[i], build, text, sizeof(text));
        equal += *text == '\0';
    }
    return equal;
}

/* The build, newest first, that makes most layers equal. */
static struct build
find_build(const struct wfp_dump *dump, uint32_t *ret_equal)
{
    struct build best = {WFP_LEVEL_NEWEST, WFP_LEVEL_NEWEST};
    uint32_t most = count_equal_layers(dump, best);

    for (int layers = WFP_LEVEL_NEWEST; layers >= 0 && most < dump->layer_count; layers--)
        for (int fields = layers; fields >= 0; fields--) {
            struct build build = {(enum wfp_level)layers, (enum wfp_level)fields};
            uint32_t equal = count_equal_layers(dump, build);
            if (equal > most) {
                most = equal;
                best = build;
            }
        }
    *ret_equal = most;
    return best;
}

static bool
dump_has_layer(const struct wfp_dump *dump, const struct wfp_guid *key)
{
    for (uint32_t i = 0; i < dump->layer_count; i++)
        if (wfp_guid_equal(&dump->layers[i].key, key))
            return true;
    return false;
}

int
wfp_verify_layers(const struct wfp_dump *dump, struct wfp_verify_report *report)
{
    struct build build = find_build(dump, &report->layers_equal);
    char text[200];
    int r = 0;

    report->layers = dump->layer_count;
    report->level = build.fields;
    report->layer_level = build.layers;
    for (uint32_t i = 0; i < dump->layer_count && r == 0; i++) {
        compare_layer(&dump->layers[i], build, text, sizeof(text));
        if (*text)
            r = wfp_verify_note(report, "layer", dump->layers[i].line, "%s: %s",
                                dump->layers[i].key_name, text);
    }
    for (uint16_t id = 0; id < WFP_LAYER_COUNT && r == 0; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        if (layer && id_at(layer, build) >= 0 && !dump_has_layer(dump, &layer->key))
            r = wfp_verify_note(report, "layer", 0, "%s: ours only", layer->name);
    }
    return r;
}
