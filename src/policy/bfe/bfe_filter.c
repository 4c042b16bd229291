/*
 * Adding filters: every field checked, references resolved, weight computed.
 *
 * Ref        win32 fwpmtypes/ns-fwpmtypes-fwpm_filter0, fwpmu/nf-fwpmu-fwpmfilteradd0
 */
#include "base/utf16.h"
#include "core/model/weight.h"
#include "policy/bfe/bfe_internal.h"

/* What a caller may set: DISABLED is only ever returned. The last are Windows' own, kept as given. */
#define SETTABLE_FLAGS                                                                             \
    (WFP_FILTER_FLAG_PERSISTENT | WFP_FILTER_FLAG_BOOTTIME |                                       \
     WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT | WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT |                   \
     WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED | WFP_FILTER_FLAG_INDEXED | 0x3F80u)

static int
check_action(const struct wfp_filter_spec *spec)
{
    switch (spec->action) {
    case WFP_ACTION_BLOCK:
    case WFP_ACTION_PERMIT:
    case WFP_ACTION_CALLOUT_TERMINATING:
    case WFP_ACTION_CALLOUT_INSPECTION:
    case WFP_ACTION_CALLOUT_UNKNOWN:
        return 0;
    default:
        return -WFP_ERR_INVALID_ACTION_TYPE;
    }
}

static int
check_flags(const struct wfp_filter_spec *spec)
{
    uint32_t flags = spec->common.flags;

    if ((flags & WFP_FILTER_FLAG_BOOTTIME) && (flags & WFP_FILTER_FLAG_PERSISTENT))
        return -WFP_ERR_INVALID_FLAGS;
    if ((flags & WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED) &&
        spec->action != WFP_ACTION_CALLOUT_TERMINATING &&
        spec->action != WFP_ACTION_CALLOUT_UNKNOWN)
        return -WFP_ERR_INVALID_FLAGS;
    return 0;
}

static int
check_weight(const struct wfp_value *weight)
{
    switch (weight->type) {
    case WFP_EMPTY:
        return 0;
    case WFP_UINT8:
        return weight->uint8 <= 15 ? 0 : -WFP_ERR_INVALID_WEIGHT;
    case WFP_UINT64:
        return weight->uint64 ? 0 : -WFP_ERR_NULL_POINTER;
    default:
        return -WFP_ERR_INVALID_WEIGHT;
    }
}

static size_t
text_size(const uint16_t *text_utf16)
{
    return text_utf16 ? 2 * (wfp_utf16_length(text_utf16) + 1) : 0;
}

static bool
has_context(const struct wfp_filter_spec *spec)
{
    return spec->common.flags & WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
}

static bool
has_extra(const struct wfp_filter_spec *spec)
{
    return spec->common.description_utf16 || spec->common.provider_key ||
           spec->common.provider_data.size || has_context(spec) || spec->raw_context ||
           !wfp_guid_is_zero(&spec->callout_key);
}

/* Bytes of all conditions packed; 0 if one of them cannot be. */
static size_t
packed_size(const struct wfp_filter_spec *spec)
{
    size_t size = 0;

    for (uint32_t i = 0; i < spec->condition_count; i++) {
        size_t one = wfp_condition_pack_size(&spec->conditions[i]);
        if (!one)
            return 0;
        size += one;
    }
    return size;
}

static size_t
conditions_size(const struct wfp_filter_spec *spec)
{
    size_t size = packed_size(spec);

    if (size)
        return ALIGN_UP(size, 8);
    size = (size_t)spec->condition_count * sizeof(struct wfp_condition);
    for (uint32_t i = 0; i < spec->condition_count; i++)
        size += wfp_value_pack_size(&spec->conditions[i].value);
    return size;
}

/* Bytes behind the filter: everything it points to, each part rounded up to 8. */
static size_t
extra_size(const struct wfp_filter_spec *spec)
{
    const struct wfp_object_spec *common = &spec->common;
    size_t size = conditions_size(spec);

    size += ALIGN_UP(text_size(common->name_utf16), 8);
    size += ALIGN_UP(text_size(common->description_utf16), 8);
    if (common->provider_data.size)
        size += sizeof(struct wfp_blob) + ALIGN_UP((size_t)common->provider_data.size, 8);
    if (has_extra(spec))
        size += sizeof(struct wfp_filter_extra);
    return size + sizeof(struct wfp_guid) * ((common->provider_key != NULL) + has_context(spec) +
                                             !wfp_guid_is_zero(&spec->callout_key));
}

static void *
carve(uint8_t **place, const void *bytes, size_t size)
{
    void *copy = *place;

    if (!size)
        return NULL;
    memcpy(copy, bytes, size);
    *place += ALIGN_UP(size, 8);
    return copy;
}

static const struct wfp_blob *
carve_blob(uint8_t **place, const struct wfp_blob *blob)
{
    struct wfp_blob *copy = blob->size ? carve(place, blob, sizeof(*blob)) : NULL;

    if (copy)
        copy->data = carve(place, blob->data, blob->size);
    return copy;
}

static void
carve_conditions(struct wfp_filter *filter, const struct wfp_filter_spec *spec,
                 const struct wfp_layer *layer, uint8_t **place)
{
    uint8_t *packed = *place;

    filter->condition_count = spec->condition_count;
    if (packed_size(spec)) {
        filter->is_packed = true;
        filter->packed_conditions = packed;
        for (uint32_t i = 0; i < spec->condition_count; i++)
            packed = wfp_condition_pack(
                &spec->conditions[i],
                (uint32_t)wfp_layer_find_field(layer, &spec->conditions[i].field_key), packed);
        *place += ALIGN_UP((size_t)(packed - *place), 8);
        return;
    }
    filter->conditions =
        carve(place, spec->conditions, spec->condition_count * sizeof(struct wfp_condition));
    for (uint32_t i = 0; i < spec->condition_count; i++)
        wfp_value_pack(&spec->conditions[i].value, &filter->conditions[i].value, place);
}

/* Copy everything the spec points to behind the filter; extra_size() made the room. */
static void
fill_extra(struct wfp_filter *filter, const struct wfp_filter_spec *spec,
           const struct wfp_layer *layer, uint8_t *place)
{
    const struct wfp_object_spec *common = &spec->common;
    struct wfp_filter_extra *extra;

    carve_conditions(filter, spec, layer, &place);
    filter->name_utf16 = carve(&place, common->name_utf16, text_size(common->name_utf16));
    if (!has_extra(spec))
        return;
    extra = carve(&place, &wfp_filter_no_extra, sizeof(*extra));
    filter->extra = extra;
    extra->raw_context = spec->raw_context;
    extra->provider_key =
        carve(&place, common->provider_key, common->provider_key ? sizeof(struct wfp_guid) : 0);
    if (!wfp_guid_is_zero(&spec->callout_key))
        extra->callout_key = carve(&place, &spec->callout_key, sizeof(struct wfp_guid));
    if (has_context(spec))
        extra->provider_context_key =
            carve(&place, &spec->provider_context_key, sizeof(struct wfp_guid));
    extra->provider_data = carve_blob(&place, &common->provider_data);
    extra->description_utf16 =
        carve(&place, common->description_utf16, text_size(common->description_utf16));
}

static int
build(const struct wfp_filter_spec *spec, const struct wfp_layer *layer,
      struct wfp_filter **ret_filter)
{
    _cleanup_(wfp_filter_unrefp) struct wfp_filter *filter = NULL;
    uint8_t *extra;
    int r;

    filter = wfp_filter_new_block(extra_size(spec), &extra);
    if (!filter)
        return -WFP_ERR_NO_MEMORY;
    fill_extra(filter, spec, layer, extra);
    filter->key = spec->common.key;
    if (wfp_guid_is_zero(&filter->key))
        wfp_guid_generate(&filter->key);
    filter->flags = spec->common.flags;
    filter->layer_id = layer->id;
    filter->sublayer_key = spec->sublayer_key;
    if (wfp_guid_is_zero(&filter->sublayer_key))
        filter->sublayer_key = wfp_bfe_default_sublayer;
    filter->action = spec->action;
    if (!has_context(spec))
        filter->context = spec->raw_context;
    filter->weight_type = (uint8_t)spec->weight.type;
    r = wfp_weight_of(layer, &spec->weight, spec->conditions, spec->condition_count,
                      &filter->weight);
    if (r < 0)
        return r;
    *ret_filter = TAKE_PTR(filter);
    return 0;
}

/* Filters with a provider context have an extra of their own. */
static struct wfp_filter_extra *
extra_of(const struct wfp_filter *filter)
{
    assert(filter->extra != &wfp_filter_no_extra);
    return (struct wfp_filter_extra *)(uintptr_t)filter->extra;
}

/* The callout wants the provider context itself. */
static int
render_context(struct wfp_bfe *bfe, struct wfp_filter *filter, const struct wfp_bfe_object *context)
{
    struct wfp_filter_extra *extra = extra_of(filter);

    if (!bfe->render_context)
        return 0;
    extra->provider_context_view = bfe->render_context(context);
    return extra->provider_context_view ? 0 : -WFP_ERR_NO_MEMORY;
}

/* The built-in callouts that set classify options find them beside the filter. Others than flows have, or
 * values they can't have, are passed over. */
static int
take_options(struct wfp_filter *filter, const struct wfp_bfe_object *context)
{
    struct wfp_classify_options *options;

    if (context->context_type != WFP_CONTEXT_CLASSIFY_OPTIONS)
        return 0;
    options = calloc(1, sizeof(*options));
    if (!options)
        return -WFP_ERR_NO_MEMORY;
    extra_of(filter)->options = options;
    for (uint32_t i = 0; i < context->setting_count; i++) {
        const struct wfp_context_setting *setting = &context->settings[i];

        if (setting->type >= WFP_OPTION_COUNT || setting->value.type != WFP_UINT32 ||
            !wfp_classify_option_allows(setting->type, setting->value.uint32))
            continue;
        options->set |= 1u << setting->type;
        options->values[setting->type] = setting->value.uint32;
    }
    return 0;
}

/* Ids and weights of what the filter points to; all of it must be there. */
static int
resolve(struct wfp_bfe *bfe, struct wfp_filter *filter)
{
    const struct wfp_bfe_entry *callout = NULL;
    int r;
    const struct wfp_bfe_entry *sublayer =
        wfp_bfe_table_find_key(&bfe->tables[WFP_BFE_SUBLAYER], &filter->sublayer_key);

    if (!sublayer)
        return -WFP_ERR_SUBLAYER_NOT_FOUND;
    filter->sublayer_weight = sublayer->object->weight;
    if (filter->action & WFP_ACTION_FLAG_CALLOUT) {
        if (filter->extra->callout_key)
            callout =
                wfp_bfe_table_find_key(&bfe->tables[WFP_BFE_CALLOUT], filter->extra->callout_key);
        if (!callout)
            return -WFP_ERR_CALLOUT_NOT_FOUND;
        if (!wfp_guid_equal(&callout->object->layer_key, &wfp_layer_find_id(filter->layer_id)->key))
            return -WFP_ERR_INCOMPATIBLE_LAYER;
        filter->callout_id = (uint32_t)callout->object->id;
    }
    if (filter->flags & WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT) {
        const struct wfp_bfe_entry *context = wfp_bfe_table_find_key(
            &bfe->tables[WFP_BFE_CONTEXT], filter->extra->provider_context_key);
        if (!context)
            return -WFP_ERR_PROVIDER_CONTEXT_NOT_FOUND;
        filter->context = context->object->id;
        extra_of(filter)->raw_context = context->object->id;
        r = take_options(filter, context->object);
        if (r < 0)
            return r;
        if (callout && (callout->object->flags & WFP_CALLOUT_FLAG_USES_PROVIDER_CONTEXT))
            return render_context(bfe, filter, context->object);
    }
    return 0;
}

static int
check(const struct wfp_bfe *bfe, const struct wfp_filter_spec *spec,
      const struct wfp_layer **ret_layer)
{
    const struct wfp_layer *layer;
    int r = wfp_bfe_object_check(&spec->common,
                                 SETTABLE_FLAGS | (bfe->is_held ? WFP_FILTER_FLAG_DISABLED : 0));

    if (r == 0)
        r = check_action(spec);
    if (r == 0)
        r = check_flags(spec);
    if (r == 0)
        r = check_weight(&spec->weight);
    if (r < 0)
        return r;
    layer = wfp_layer_find_key(&spec->layer_key);
    if (!layer)
        return -WFP_ERR_LAYER_NOT_FOUND;
    if ((spec->common.flags & WFP_FILTER_FLAG_BOOTTIME) && !layer->is_kernel_mode)
        return -WFP_ERR_INCOMPATIBLE_LAYER;
    *ret_layer = layer;
    return wfp_bfe_condition_check_all(layer, spec->condition_count, spec->conditions);
}

static int
add(struct wfp_bfe_session *session, struct wfp_filter *filter, const struct wfp_blob *sd,
    uint64_t *ret_id)
{
    struct wfp_bfe *bfe = session->bfe;
    bool persistent = filter->flags & (WFP_FILTER_FLAG_PERSISTENT | WFP_FILTER_FLAG_BOOTTIME);
    int r = resolve(bfe, filter);

    if (r < 0)
        return r;
    filter->id = ++bfe->tables[WFP_BFE_FILTER].next_id;
    r = wfp_bfe_object_join(session, WFP_BFE_FILTER, filter, persistent, sd);
    if (r == 0)
        *ret_id = filter->id;
    return r;
}

int
wfp_bfe_filter_add(struct wfp_bfe_session *session, const struct wfp_filter_spec *spec,
                   const struct wfp_blob *sd, uint64_t *ret_id)
{
    _cleanup_(wfp_filter_unrefp) struct wfp_filter *filter = NULL;
    const struct wfp_layer *layer;
    uint32_t savepoint;
    uint64_t id = 0;
    int r;

    if (!spec)
        return -WFP_ERR_NULL_POINTER;
    if (!session)
        return -WFP_ERR_INVALID_HANDLE;
    r = check(session->bfe, spec, &layer);
    if (r == 0)
        r = build(spec, layer, &filter);
    if (r == 0)
        r = wfp_bfe_call_begin(session, true, &savepoint);
    if (r < 0)
        return r;
    r = add(session, filter, sd, &id);
    if (r == 0)
        TAKE_PTR(filter);
    r = wfp_bfe_call_end(session, savepoint, r);
    if (r == 0 && ret_id)
        *ret_id = id;
    return r;
}
