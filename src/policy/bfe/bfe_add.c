/*
 * Adding providers, provider contexts, sublayers and callouts.
 *
 * Ref        win32 FWP/object-management; fwpmu/nf-fwpmu-fwpm{provider,sublayer,callout}add0
 */
#include "policy/bfe/bfe_internal.h"

/* Put a finished object into the policy as one call; takes it over on success. */
static int
add_as_call(struct wfp_bfe_session *session, struct wfp_bfe_object **object, bool persistent,
            const struct wfp_blob *sd, int (*resolve)(struct wfp_bfe *, struct wfp_bfe_object *))
{
    uint32_t savepoint;
    int r = wfp_bfe_call_begin(session, true, &savepoint);

    if (r < 0)
        return r;
    r = resolve ? resolve(session->bfe, *object) : 0;
    if (r == 0) {
        if (!(*object)->id)
            (*object)->id = ++session->bfe->tables[(*object)->kind].next_id;
        r = wfp_bfe_object_join(session, (*object)->kind, *object, persistent, sd);
    }
    if (r == 0)
        TAKE_PTR(*object);
    return wfp_bfe_call_end(session, savepoint, r);
}

int
wfp_bfe_provider_add(struct wfp_bfe_session *session, const struct wfp_provider_spec *spec,
                     const struct wfp_blob *sd)
{
    _cleanup_(wfp_bfe_object_unrefp) struct wfp_bfe_object *object = NULL;
    struct wfp_object_spec common;
    int r;

    if (!spec)
        return -WFP_ERR_NULL_POINTER;
    common = spec->common;
    common.provider_key = NULL;
    r = wfp_bfe_object_check(
        &common, WFP_PROVIDER_FLAG_PERSISTENT |
                     (session && session->bfe->is_held ? WFP_PROVIDER_FLAG_DISABLED : 0));
    if (r == 0 && spec->service_name_utf16)
        r = wfp_bfe_check_string(spec->service_name_utf16);
    if (r == 0)
        r = wfp_bfe_object_new(WFP_BFE_PROVIDER, &common, spec->service_name_utf16, &object);
    if (r < 0)
        return r;
    return add_as_call(session, &object, common.flags & WFP_PROVIDER_FLAG_PERSISTENT, sd, NULL);
}

/*
 * Weights are unique: a clash moves the newcomer up to the next free one, and at the top end down.
 * Observed on running systems: weight 0 asked for, 10 given where 0 to 9 were taken.
 */
static int
find_weight(struct wfp_bfe *bfe, struct wfp_bfe_object *sublayer)
{
    for (int32_t step = 1, weight = sublayer->weight;; weight += step) {
        if (weight > UINT16_MAX) {
            step = -1;
            weight = sublayer->weight;
        }
        if (weight < 0)
            return -WFP_ERR_TOO_MANY_SUBLAYERS;
        if (!(bfe->sublayer_weights[weight / 64] & 1ull << (weight % 64))) {
            sublayer->weight = (uint16_t)weight;
            return 0;
        }
    }
}

int
wfp_bfe_sublayer_add(struct wfp_bfe_session *session, const struct wfp_sublayer_spec *spec,
                     const struct wfp_blob *sd)
{
    _cleanup_(wfp_bfe_object_unrefp) struct wfp_bfe_object *object = NULL;
    int r;

    if (!spec)
        return -WFP_ERR_NULL_POINTER;
    r = wfp_bfe_object_check(&spec->common, WFP_SUBLAYER_FLAG_PERSISTENT);
    if (r == 0)
        r = wfp_bfe_object_new(WFP_BFE_SUBLAYER, &spec->common, NULL, &object);
    if (r < 0)
        return r;
    object->weight = spec->weight;
    return add_as_call(session, &object, spec->common.flags & WFP_SUBLAYER_FLAG_PERSISTENT, sd,
                       find_weight);
}

bool
wfp_bfe_callout_is_registered(struct wfp_bfe *bfe, uint32_t callout_id)
{
    return wfp_callout_is_registered(bfe->engine, callout_id);
}

static int
find_callout_id(struct wfp_bfe *bfe, struct wfp_bfe_object *callout)
{
    callout->id = wfp_callout_id(bfe->engine, &callout->key);
    return callout->id ? 0 : -WFP_ERR_NO_MEMORY;
}

int
wfp_bfe_callout_add(struct wfp_bfe_session *session, const struct wfp_callout_spec *spec,
                    const struct wfp_blob *sd, uint32_t *ret_id)
{
    _cleanup_(wfp_bfe_object_unrefp) struct wfp_bfe_object *object = NULL;
    _cleanup_(wfp_bfe_object_unrefp) struct wfp_bfe_object *mine = NULL;
    int r;

    if (!spec)
        return -WFP_ERR_NULL_POINTER;
    r = wfp_bfe_object_check(&spec->common,
                             WFP_CALLOUT_FLAG_PERSISTENT | WFP_CALLOUT_FLAG_USES_PROVIDER_CONTEXT);
    if (r < 0)
        return r;
    if (!wfp_layer_find_key(&spec->layer_key))
        return -WFP_ERR_LAYER_NOT_FOUND;
    r = wfp_bfe_object_new(WFP_BFE_CALLOUT, &spec->common, NULL, &object);
    if (r < 0)
        return r;
    object->layer_key = spec->layer_key;
    mine = wfp_bfe_object_ref(object);
    r = add_as_call(session, &object, spec->common.flags & WFP_CALLOUT_FLAG_PERSISTENT, sd,
                    find_callout_id);
    if (r == 0 && ret_id)
        *ret_id = (uint32_t)mine->id;
    return r;
}

static int
copy_settings(struct wfp_bfe_object *object, const struct wfp_context_spec *spec)
{
    if (!spec->setting_count)
        return -WFP_ERR_ZERO_LENGTH_ARRAY;
    if (!spec->settings)
        return -WFP_ERR_NULL_POINTER;
    object->settings = calloc(spec->setting_count, sizeof(*object->settings));
    if (!object->settings)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < spec->setting_count; i++) {
        int r = wfp_value_copy(&spec->settings[i].value, &object->settings[i].value);
        if (r < 0)
            return r;
        object->settings[i].type = spec->settings[i].type;
        object->setting_count++;
    }
    return 0;
}

static int
copy_payload(struct wfp_bfe_object *object, const struct wfp_context_spec *spec)
{
    object->context_type = spec->type;
    switch (spec->type) {
    case WFP_CONTEXT_GENERAL:
        if (!spec->data || (spec->data->size && !spec->data->data))
            return -WFP_ERR_NULL_POINTER;
        object->context_data.data = malloc(MAX(spec->data->size, 1u));
        if (!object->context_data.data)
            return -WFP_ERR_NO_MEMORY;
        if (spec->data->size)
            memcpy(object->context_data.data, spec->data->data, spec->data->size);
        object->context_data.size = spec->data->size;
        return 0;
    case WFP_CONTEXT_CLASSIFY_OPTIONS:
    case WFP_CONTEXT_NETWORK_CONNECTION_POLICY:
        return copy_settings(object, spec);
    default:
        return spec->payload ? 0 : -WFP_ERR_NULL_POINTER;
    }
}

int
wfp_bfe_context_add(struct wfp_bfe_session *session, const struct wfp_context_spec *spec,
                    const struct wfp_blob *sd, uint64_t *ret_id)
{
    _cleanup_(wfp_bfe_object_unrefp) struct wfp_bfe_object *object = NULL;
    _cleanup_(wfp_bfe_object_unrefp) struct wfp_bfe_object *mine = NULL;
    int r;

    if (!spec)
        return -WFP_ERR_NULL_POINTER;
    r = wfp_bfe_object_check(&spec->common,
                             WFP_CONTEXT_FLAG_PERSISTENT | WFP_CONTEXT_FLAG_DOWNLEVEL);
    if (r < 0)
        return r;
    if (spec->type >= WFP_CONTEXT_TYPE_MAX)
        return -WFP_ERR_INVALID_ENUMERATOR;
    r = wfp_bfe_object_new(WFP_BFE_CONTEXT, &spec->common, NULL, &object);
    if (r == 0)
        r = copy_payload(object, spec);
    if (r < 0)
        return r;
    object->context_payload = spec->payload;
    object->payload_free = spec->payload_free;
    mine = wfp_bfe_object_ref(object);
    r = add_as_call(session, &object, spec->common.flags & WFP_CONTEXT_FLAG_PERSISTENT, sd, NULL);
    if (r < 0)
        mine->context_payload = NULL; /* still the caller's */
    else if (ret_id)
        *ret_id = mine->id;
    return r;
}
