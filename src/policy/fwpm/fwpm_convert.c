/*
 * Windows' management structures to and from BFE's: display data, values, filters and the rest.
 *
 * Model      FWP_VALUE0 and struct wfp_value (and what they point to) have one layout, so that values
 *            and conditions are borrowed as they are on the way in. On the way out all is copied into
 *            one allocation.
 */
#include "policy/fwpm/fwpm_convert.h"

#include "base/utf16.h"
#include "core/model/layer.h"

static_assert(sizeof(GUID) == sizeof(struct wfp_guid), "one layout");
static_assert(sizeof(FWP_VALUE0) == sizeof(struct wfp_value), "one layout");
static_assert(sizeof(FWP_CONDITION_VALUE0) == sizeof(struct wfp_value), "one layout");
static_assert(offsetof(FWP_VALUE0, uint64) == offsetof(struct wfp_value, uint64), "one layout");
static_assert(sizeof(FWPM_FILTER_CONDITION0) == sizeof(struct wfp_condition), "one layout");
static_assert(offsetof(FWPM_FILTER_CONDITION0, conditionValue) ==
                  offsetof(struct wfp_condition, value),
              "one layout");
static_assert(sizeof(FWP_RANGE0) == sizeof(struct wfp_range), "one layout");
static_assert(sizeof(FWP_BYTE_BLOB) == sizeof(struct wfp_blob), "one layout");
static_assert(sizeof(FWP_V4_ADDR_AND_MASK) == sizeof(struct wfp_v4_mask), "one layout");
static_assert(sizeof(FWP_V6_ADDR_AND_MASK) == sizeof(struct wfp_v6_mask), "one layout");
static_assert(sizeof(FWPM_FILTER0) <= WFP_FWPM_STRUCT_MAX, "fits the scratch space");

struct wfp_object_spec
wfp_fwpm_spec_common(const GUID *key, const FWPM_DISPLAY_DATA0 *display, UINT32 flags,
                     const GUID *provider, const FWP_BYTE_BLOB *provider_data)
{
    return (struct wfp_object_spec){
        .key = *wfp_fwpm_key(key),
        .name_utf16 = (const uint16_t *)display->name,
        .description_utf16 = (const uint16_t *)display->description,
        .flags = flags,
        .provider_key = wfp_fwpm_key(provider),
        .provider_data = {.size = provider_data->size, .data = provider_data->data},
    };
}

void
wfp_fwpm_write_display(struct wfp_fwpm_arena *arena, FWPM_DISPLAY_DATA0 *out,
                       const uint16_t *name_utf16, const uint16_t *description_utf16)
{
    out->name = (WCHAR *)wfp_fwpm_arena_string(arena, name_utf16);
    out->description = (WCHAR *)wfp_fwpm_arena_string(arena, description_utf16);
}

void
wfp_fwpm_write_blob(struct wfp_fwpm_arena *arena, FWP_BYTE_BLOB *out, const struct wfp_blob *blob)
{
    out->size = blob->size;
    out->data = wfp_fwpm_arena_copy(arena, blob->size ? blob->data : NULL, blob->size);
}

static void
write_key(struct wfp_fwpm_arena *arena, GUID *out, const struct wfp_guid *key)
{
    (void)arena;
    memcpy(out, key, sizeof(*out));
}

static GUID *
write_provider_key(struct wfp_fwpm_arena *arena, const struct wfp_bfe_object *object)
{
    return object->has_provider ? wfp_fwpm_arena_copy(arena, &object->provider_key, sizeof(GUID))
                                : NULL;
}

void
wfp_fwpm_write_value(struct wfp_fwpm_arena *arena, void *out, const struct wfp_value *value)
{
    size_t size = wfp_value_pack_size(value);
    uint8_t *place = wfp_fwpm_arena_take(arena, size);

    if (place || !size)
        wfp_value_pack(value, out, &place);
}

void
wfp_fwpm_write_provider(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_object *object = item;
    FWPM_PROVIDER0 *out = out_;

    write_key(arena, &out->providerKey, &object->key);
    wfp_fwpm_write_display(arena, &out->displayData, object->name_utf16, object->description_utf16);
    out->flags = object->flags;
    wfp_fwpm_write_blob(arena, &out->providerData, &object->provider_data);
    out->serviceName = (WCHAR *)wfp_fwpm_arena_string(arena, object->service_name_utf16);
}

void
wfp_fwpm_write_sublayer(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_object *object = item;
    FWPM_SUBLAYER0 *out = out_;

    write_key(arena, &out->subLayerKey, &object->key);
    wfp_fwpm_write_display(arena, &out->displayData, object->name_utf16, object->description_utf16);
    out->flags = object->flags;
    out->providerKey = write_provider_key(arena, object);
    wfp_fwpm_write_blob(arena, &out->providerData, &object->provider_data);
    out->weight = object->weight;
}

void
wfp_fwpm_write_callout(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_object *object = item;
    FWPM_CALLOUT0 *out = out_;

    write_key(arena, &out->calloutKey, &object->key);
    wfp_fwpm_write_display(arena, &out->displayData, object->name_utf16, object->description_utf16);
    out->flags = object->flags;
    if (wfp_fwpm_bfe() && wfp_bfe_callout_is_registered(wfp_fwpm_bfe(), (uint32_t)object->id))
        out->flags |= FWPM_CALLOUT_FLAG_REGISTERED;
    out->providerKey = write_provider_key(arena, object);
    wfp_fwpm_write_blob(arena, &out->providerData, &object->provider_data);
    write_key(arena, &out->applicableLayer, &object->layer_key);
    out->calloutId = (UINT32)object->id;
}

static void
write_conditions(struct wfp_fwpm_arena *arena, FWPM_FILTER0 *out, const struct wfp_filter *filter)
{
    struct wfp_condition scratch = {0},
                         *conditions =
                             wfp_fwpm_arena_take(arena, filter->condition_count * sizeof(scratch));
    struct wfp_filter_walk walk = wfp_filter_walk(filter);

    out->numFilterConditions = filter->condition_count;
    out->filterCondition = (FWPM_FILTER_CONDITION0 *)conditions;
    for (uint32_t i = 0; i < filter->condition_count; i++) {
        struct wfp_condition *condition = conditions ? &conditions[i] : &scratch;
        const struct wfp_condition *from = wfp_filter_next(&walk);
        *condition = *from;
        wfp_fwpm_write_value(arena, &condition->value, &from->value);
    }
}

/* As the adder gave it: nothing, a range of 2^60, or the whole number. */
static void
write_given_weight(struct wfp_fwpm_arena *arena, FWP_VALUE0 *out, const struct wfp_filter *filter)
{
    uint64_t weight = filter->weight;
    struct wfp_value given = {.type = filter->weight_type};

    if (given.type == WFP_UINT8)
        given.uint8 = (uint8_t)(weight >> 60);
    else if (given.type == WFP_UINT64)
        given.uint64 = &weight;
    wfp_fwpm_write_value(arena, out, &given);
}

void
wfp_fwpm_write_filter(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_filter *filter = item;
    uint64_t weight = filter->weight;
    struct wfp_value effective = {.type = WFP_UINT64, .uint64 = &weight};
    FWPM_FILTER0 *out = out_;

    write_key(arena, &out->filterKey, &filter->key);
    wfp_fwpm_write_display(arena, &out->displayData, filter->name_utf16,
                           filter->extra->description_utf16);
    out->flags = filter->flags;
    out->providerKey = wfp_fwpm_arena_copy(arena, filter->extra->provider_key, sizeof(GUID));
    if (filter->extra->provider_data)
        wfp_fwpm_write_blob(arena, &out->providerData, filter->extra->provider_data);
    write_key(arena, &out->layerKey, &wfp_layer_find_id(filter->layer_id)->key);
    write_key(arena, &out->subLayerKey, &filter->sublayer_key);
    write_given_weight(arena, &out->weight, filter);
    write_conditions(arena, out, filter);
    out->action.type = filter->action;
    if (filter->extra->callout_key)
        write_key(arena, &out->action.calloutKey, filter->extra->callout_key);
    if (filter->extra->provider_context_key)
        write_key(arena, &out->providerContextKey, filter->extra->provider_context_key);
    else
        out->rawContext = filter->extra->raw_context;
    out->filterId = filter->id;
    wfp_fwpm_write_value(arena, &out->effectiveWeight, &effective);
}

void
wfp_fwpm_write_layer(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_layer *layer = item;
    FWPM_FIELD0 scratch = {0}, *fields;
    FWPM_LAYER0 *out = out_;
    _cleanup_(freep) uint16_t *name_utf16 = wfp_utf16_from_utf8(layer->name, NULL);
    static const uint16_t no_name[] = {0};

    write_key(arena, &out->layerKey, &layer->key);
    wfp_fwpm_write_display(arena, &out->displayData, name_utf16 ? name_utf16 : no_name, NULL);
    out->flags = layer->flags;
    out->numFields = layer->field_count;
    out->field = fields = wfp_fwpm_arena_take(arena, layer->field_count * sizeof(*fields));
    for (uint16_t i = 0; i < layer->field_count; i++) {
        FWPM_FIELD0 *field = fields ? &fields[i] : &scratch;
        field->fieldKey = wfp_fwpm_arena_copy(arena, &layer->fields[i].condition_key, sizeof(GUID));
        field->type = layer->fields[i].kind;
        field->dataType = layer->fields[i].type;
    }
    write_key(arena, &out->defaultSubLayerKey, &wfp_bfe_default_sublayer);
    out->layerId = layer->id;
}

void
wfp_fwpm_write_session(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_session_info *info = item;
    FWPM_SESSION0 *out = out_;

    write_key(arena, &out->sessionKey, &info->key);
    wfp_fwpm_write_display(arena, &out->displayData, info->name_utf16, info->description_utf16);
    out->flags = info->flags;
    out->txnWaitTimeoutInMSec = info->txn_wait_timeout_ms;
    out->processId = info->process_id;
    out->sid = wfp_fwpm_arena_copy(arena, info->sid, wfp_value_sid_size(info->sid));
    out->username = (WCHAR *)wfp_fwpm_arena_string(arena, info->user_name_utf16);
    out->kernelMode = info->kernel;
}

/* ---- security descriptors ---------------------------------------------------------------- */

#define SELF_RELATIVE 0x8000u

/* SECURITY_DESCRIPTOR in its absolute form, x64. */
struct absolute_sd {
    uint8_t revision, sbz1;
    uint16_t control;
    const void *owner, *group, *sacl, *dacl;
};

int
wfp_fwpm_sd_init(struct wfp_fwpm_sd *sd, PSECURITY_DESCRIPTOR descriptor)
{
    const struct absolute_sd *absolute = descriptor;
    struct wfp_bfe_sd_parts parts;
    int r;

    memset(sd, 0, sizeof(*sd));
    if (!descriptor)
        return 0;
    if (absolute->revision != 1)
        return -WFP_ERR_INVALID_SECURITY_DESCR;
    if (absolute->control & SELF_RELATIVE)
        wfp_bfe_descriptor_split(descriptor, &parts);
    else
        parts = (struct wfp_bfe_sd_parts){.owner = absolute->owner,
                                          .group = absolute->group,
                                          .dacl = absolute->dacl,
                                          .sacl = absolute->sacl,
                                          .control = absolute->control};
    r = wfp_bfe_descriptor_join(&parts, &sd->sd);
    if (r < 0)
        return r;
    sd->blob = (struct wfp_blob){.size = sd->sd->size, .data = sd->sd->bytes};
    return 0;
}

void
wfp_fwpm_sd_fini(struct wfp_fwpm_sd *sd)
{
    wfp_bfe_sd_unref(sd->sd);
}

const struct wfp_blob *
wfp_fwpm_sd_blob(const struct wfp_fwpm_sd *sd)
{
    return sd->sd ? &sd->blob : NULL;
}

/* ---- templates --------------------------------------------------------------------------- */

void
wfp_fwpm_template_callout(const void *from_, struct wfp_fwpm_selection *out)
{
    const FWPM_CALLOUT_ENUM_TEMPLATE0 *from = from_;

    out->template_.provider_key = wfp_fwpm_key(from->providerKey);
    out->template_.layer_key = wfp_fwpm_key(&from->layerKey);
}

void
wfp_fwpm_template_sublayer(const void *from_, struct wfp_fwpm_selection *out)
{
    const FWPM_SUBLAYER_ENUM_TEMPLATE0 *from = from_;

    out->template_.provider_key = wfp_fwpm_key(from->providerKey);
}

void
wfp_fwpm_template_context(const void *from_, struct wfp_fwpm_selection *out)
{
    const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 *from = from_;

    out->template_.provider_key = wfp_fwpm_key(from->providerKey);
    out->template_.context_type = from->providerContextType;
}

void
wfp_fwpm_template_filter(const void *from_, struct wfp_fwpm_selection *out)
{
    const FWPM_FILTER_ENUM_TEMPLATE0 *from = from_;

    out->template_ = (struct wfp_bfe_template){
        .provider_key = wfp_fwpm_key(from->providerKey),
        .layer_key = wfp_fwpm_key(&from->layerKey),
        .enum_type = from->enumType,
        .flags = from->flags,
        .condition_count = from->numFilterConditions,
        .conditions = (const struct wfp_condition *)from->filterCondition,
        .action_mask = from->actionMask,
        .callout_key = wfp_fwpm_key(from->calloutKey),
    };
    if (from->providerContextTemplate) {
        out->context.provider_key = wfp_fwpm_key(from->providerContextTemplate->providerKey);
        out->context.type = from->providerContextTemplate->providerContextType;
        out->template_.context = &out->context;
    }
}

static uint64_t
time_from(FILETIME time)
{
    return (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

void
wfp_fwpm_template_event(const void *from_, struct wfp_fwpm_selection *out)
{
    const FWPM_NET_EVENT_ENUM_TEMPLATE0 *from = from_;

    out->template_.start_100ns = time_from(from->startTime);
    out->template_.end_100ns = time_from(from->endTime);
    out->template_.condition_count = from->numFilterConditions;
    out->template_.conditions = (const struct wfp_condition *)from->filterCondition;
}
