/*
 * Rebuilding a dump in our own BFE, kind by kind.
 */
#include "policy/dump/import.h"

#include <stdlib.h>
#include <string.h>

#include "policy/dump/dump_internal.h"

struct import {
    struct wfp_bfe_session *session;
    const struct wfp_dump *dump;
    wfp_import_refusal *on_refusal;
    void *context;
    struct wfp_import_result result;
    uint16_t next_sublayer_weight;
};

/* Booked as added, as there already, or as refused. Only a lack of memory ends the import. */
static int
book(struct import *import, int r, uint32_t *added, unsigned line, const char *kind,
     const struct wfp_guid *key)
{
    if (r == 0) {
        ++*added;
    } else if (r == -WFP_ERR_NO_MEMORY) {
        return r;
    } else {
        import->result.refused++;
        if (import->on_refusal)
            import->on_refusal(import->context, line, kind, key, r);
    }
    return 0;
}

static bool
exists(struct import *import, enum wfp_bfe_kind kind, const struct wfp_guid *key)
{
    struct wfp_bfe_object *object;

    if (wfp_bfe_object_get(import->session, kind, key, &object) < 0)
        return false;
    wfp_bfe_object_unref(object);
    return true;
}

static struct wfp_object_spec
spec_of(const struct wfp_dump_common *common, uint32_t settable_flags)
{
    static const uint16_t unnamed[] = {'-', 0};

    return (struct wfp_object_spec){
        .key = common->key,
        .name_utf16 = *common->name_utf16 ? common->name_utf16 : unnamed,
        .description_utf16 = *common->description_utf16 ? common->description_utf16 : NULL,
        .flags = common->flags & settable_flags,
        .provider_key = common->has_provider ? &common->provider_key : NULL,
        .provider_data = common->provider_data,
    };
}

static int
add_providers(struct import *import)
{
    int r = 0;

    for (uint32_t i = 0; i < import->dump->provider_count && r == 0; i++) {
        const struct wfp_dump_provider *provider = &import->dump->providers[i];
        const struct wfp_dump_common *common = &provider->common;
        struct wfp_provider_spec spec = {
            .common = spec_of(common, WFP_PROVIDER_FLAG_PERSISTENT),
            .service_name_utf16 = provider->service_name_utf16,
        };
        if (exists(import, WFP_BFE_PROVIDER, &common->key))
            import->result.already_there++;
        else
            r = book(import, wfp_bfe_provider_add(import->session, &spec, NULL),
                     &import->result.providers, common->line, "provider", &common->key);
    }
    return r;
}

static int
add_sublayers(struct import *import)
{
    int r = 0;

    for (uint32_t i = 0; i < import->dump->sublayer_count && r == 0; i++) {
        const struct wfp_dump_common *common = &import->dump->sublayers[i].common;
        struct wfp_sublayer_spec spec = {
            .common = spec_of(common, WFP_SUBLAYER_FLAG_PERSISTENT),
            .weight = import->dump->sublayers[i].weight,
        };
        if (exists(import, WFP_BFE_SUBLAYER, &common->key))
            import->result.already_there++;
        else
            r = book(import, wfp_bfe_sublayer_add(import->session, &spec, NULL),
                     &import->result.sublayers, common->line, "sublayer", &common->key);
    }
    return r;
}

static int
add_callouts(struct import *import)
{
    int r = 0;

    for (uint32_t i = 0; i < import->dump->callout_count && r == 0; i++) {
        const struct wfp_dump_common *common = &import->dump->callouts[i].common;
        struct wfp_callout_spec spec = {
            .common = spec_of(common,
                              WFP_CALLOUT_FLAG_PERSISTENT | WFP_CALLOUT_FLAG_USES_PROVIDER_CONTEXT),
            .layer_key = import->dump->callouts[i].layer_key,
        };
        if (exists(import, WFP_BFE_CALLOUT, &common->key))
            import->result.already_there++;
        else if (!wfp_layer_find_key(&spec.layer_key))
            import->result.aside++;
        else
            r = book(import, wfp_bfe_callout_add(import->session, &spec, NULL, NULL),
                     &import->result.callouts, common->line, "callout", &common->key);
    }
    return r;
}

/* FWP_CLASSIFY_OPTION_TYPE, in order. */
static const char *const classify_options[] = {
    "FWP_CLASSIFY_OPTION_MULTICAST_STATE",
    "FWP_CLASSIFY_OPTION_LOOSE_SOURCE_MAPPING",
    "FWP_CLASSIFY_OPTION_UNICAST_LIFETIME",
    "FWP_CLASSIFY_OPTION_MCAST_BCAST_LIFETIME",
    "FWP_CLASSIFY_OPTION_SECURE_SOCKET_SECURITY_FLAGS",
    "FWP_CLASSIFY_OPTION_SECURE_SOCKET_AUTHIP_MM_POLICY_KEY",
    "FWP_CLASSIFY_OPTION_SECURE_SOCKET_AUTHIP_QM_POLICY_KEY",
    "FWP_CLASSIFY_OPTION_LOCAL_ONLY_MAPPING",
};

static int
add_settings(struct import *import, const struct wfp_dump_context *context,
             struct wfp_context_spec *spec)
{
    _cleanup_(freep) struct wfp_context_setting *settings =
        calloc(MAX(context->setting_count, 1u), sizeof(*settings));

    if (!settings)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < context->setting_count; i++) {
        while (settings[i].type < ELEMENTSOF(classify_options) &&
               strcmp(classify_options[settings[i].type], context->settings[i].type) != 0)
            settings[i].type++;
        settings[i].value = context->settings[i].value;
    }
    spec->setting_count = context->setting_count;
    spec->settings = settings;
    return wfp_bfe_context_add(import->session, spec, NULL, NULL);
}

/* FWPM_PROVIDER_CONTEXT_TYPE, in order. */
static const char *const context_types[WFP_CONTEXT_TYPE_MAX] = {
    [WFP_CONTEXT_IPSEC_KEYING] = "FWPM_IPSEC_KEYING_CONTEXT",
    [WFP_CONTEXT_IPSEC_IKE_QM_TRANSPORT] = "FWPM_IPSEC_IKE_QM_TRANSPORT_CONTEXT",
    [WFP_CONTEXT_IPSEC_IKE_QM_TUNNEL] = "FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT",
    [WFP_CONTEXT_IPSEC_AUTHIP_QM_TRANSPORT] = "FWPM_IPSEC_AUTHIP_QM_TRANSPORT_CONTEXT",
    [WFP_CONTEXT_IPSEC_AUTHIP_QM_TUNNEL] = "FWPM_IPSEC_AUTHIP_QM_TUNNEL_CONTEXT",
    [WFP_CONTEXT_IPSEC_IKE_MM] = "FWPM_IPSEC_IKE_MM_CONTEXT",
    [WFP_CONTEXT_IPSEC_AUTHIP_MM] = "FWPM_IPSEC_AUTHIP_MM_CONTEXT",
    [WFP_CONTEXT_CLASSIFY_OPTIONS] = "FWPM_CLASSIFY_OPTIONS_CONTEXT",
    [WFP_CONTEXT_GENERAL] = "FWPM_GENERAL_CONTEXT",
    [WFP_CONTEXT_IPSEC_IKEV2_QM_TUNNEL] = "FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT",
    [WFP_CONTEXT_IPSEC_IKEV2_MM] = "FWPM_IPSEC_IKEV2_MM_CONTEXT",
    [WFP_CONTEXT_IPSEC_DOSP] = "FWPM_IPSEC_DOSP_CONTEXT",
    [WFP_CONTEXT_IPSEC_IKEV2_QM_TRANSPORT] = "FWPM_IPSEC_IKEV2_QM_TRANSPORT_CONTEXT",
    [WFP_CONTEXT_NETWORK_CONNECTION_POLICY] = "FWPM_NETWORK_CONNECTION_POLICY_CONTEXT",
};

/* A policy we do not read: its text stands for it. */
static int
add_opaque(struct import *import, const struct wfp_dump_context *context,
           struct wfp_context_spec *spec)
{
    int r;

    spec->payload = strdup(context->policy_xml ? context->policy_xml : "");
    spec->payload_free = free;
    if (!spec->payload)
        return -WFP_ERR_NO_MEMORY;
    r = wfp_bfe_context_add(import->session, spec, NULL, NULL);
    if (r < 0)
        free(spec->payload);
    return r;
}

static int
add_context(struct import *import, const struct wfp_dump_context *context)
{
    struct wfp_context_spec spec = {
        .common =
            spec_of(&context->common, WFP_CONTEXT_FLAG_PERSISTENT | WFP_CONTEXT_FLAG_DOWNLEVEL),
        .data = &context->data,
    };
    int r;

    while (spec.type < WFP_CONTEXT_TYPE_MAX && strcmp(context->type, context_types[spec.type]) != 0)
        spec.type++;
    if (exists(import, WFP_BFE_CONTEXT, &context->common.key)) {
        import->result.already_there++;
        return 0;
    }
    switch (spec.type) {
    case WFP_CONTEXT_TYPE_MAX:
        import->result.aside++;
        return 0;
    case WFP_CONTEXT_GENERAL:
        r = wfp_bfe_context_add(import->session, &spec, NULL, NULL);
        break;
    case WFP_CONTEXT_CLASSIFY_OPTIONS:
    case WFP_CONTEXT_NETWORK_CONNECTION_POLICY:
        r = add_settings(import, context, &spec);
        break;
    default:
        r = add_opaque(import, context, &spec);
        break;
    }
    return book(import, r, &import->result.contexts, context->common.line, "provider context",
                &context->common.key);
}

static int
add_contexts(struct import *import)
{
    int r = 0;

    for (uint32_t i = 0; i < import->dump->context_count && r == 0; i++)
        r = add_context(import, &import->dump->contexts[i]);
    return r;
}

/* ---- filters, and what a filters file leaves out ----------------------------------------- */

static const uint16_t made_up_name[] = {'m', 'a', 'd', 'e', ' ', 'u', 'p', 0};

static int
make_up_sublayer(struct import *import, const struct wfp_dump_filter *filter)
{
    struct wfp_sublayer_spec spec = {
        .common = {.key = filter->sublayer_key,
                   .name_utf16 = made_up_name,
                   .flags = WFP_SUBLAYER_FLAG_PERSISTENT},
        .weight = import->next_sublayer_weight,
    };

    if (wfp_guid_is_zero(&filter->sublayer_key) ||
        exists(import, WFP_BFE_SUBLAYER, &filter->sublayer_key))
        return 0;
    import->next_sublayer_weight -= 8;
    return book(import, wfp_bfe_sublayer_add(import->session, &spec, NULL), &import->result.made_up,
                filter->common.line, "sublayer", &filter->sublayer_key);
}

static int
make_up_callout(struct import *import, const struct wfp_dump_filter *filter)
{
    struct wfp_callout_spec spec = {
        .common = {.key = filter->callout_key,
                   .name_utf16 = made_up_name,
                   .flags = WFP_CALLOUT_FLAG_PERSISTENT},
        .layer_key = filter->layer_key,
    };

    if (!(filter->action & WFP_ACTION_FLAG_CALLOUT) ||
        exists(import, WFP_BFE_CALLOUT, &filter->callout_key))
        return 0;
    return book(import, wfp_bfe_callout_add(import->session, &spec, NULL, NULL),
                &import->result.made_up, filter->common.line, "callout", &filter->callout_key);
}

static int
make_up_context(struct import *import, const struct wfp_dump_filter *filter)
{
    static const struct wfp_blob nothing;
    struct wfp_context_spec spec = {
        .common = {.key = filter->provider_context_key,
                   .name_utf16 = made_up_name,
                   .flags = WFP_CONTEXT_FLAG_PERSISTENT},
        .type = WFP_CONTEXT_GENERAL,
        .data = &nothing,
    };

    if (!filter->has_provider_context ||
        exists(import, WFP_BFE_CONTEXT, &filter->provider_context_key))
        return 0;
    return book(import, wfp_bfe_context_add(import->session, &spec, NULL, NULL),
                &import->result.made_up, filter->common.line, "provider context",
                &filter->provider_context_key);
}

bool
wfp_import_is_aside(const struct wfp_dump_filter *filter)
{
    const struct wfp_layer *layer = wfp_layer_find_key(&filter->layer_key);

    for (uint32_t i = 0; layer && i < filter->condition_count; i++)
        if (wfp_layer_find_field(layer, &filter->conditions[i].field_key) < 0 ||
            filter->conditions[i].match >= WFP_MATCH_TYPE_MAX)
            return true;
    return !layer || !filter->action;
}

static int
add_filter(struct import *import, const struct wfp_dump_filter *filter)
{
    struct wfp_filter_spec spec = {
        .common = spec_of(&filter->common, ~(uint32_t)WFP_FILTER_FLAG_DISABLED),
        .layer_key = filter->layer_key,
        .sublayer_key = filter->sublayer_key,
        .weight = filter->weight,
        .condition_count = filter->condition_count,
        .conditions = filter->conditions,
        .action = filter->action,
        .callout_key = filter->callout_key,
        .raw_context = filter->raw_context,
        .provider_context_key = filter->provider_context_key,
    };
    int r;

    if (wfp_import_is_aside(filter)) {
        import->result.aside++;
        return 0;
    }
    r = make_up_sublayer(import, filter);
    if (r == 0)
        r = make_up_callout(import, filter);
    if (r == 0)
        r = make_up_context(import, filter);
    if (r < 0)
        return r;
    if (!filter->has_provider_context)
        spec.common.flags &= ~WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    return book(import, wfp_bfe_filter_add(import->session, &spec, NULL, NULL),
                &import->result.filters, filter->common.line, "filter", &filter->common.key);
}

static int
by_id(const void *a, const void *b)
{
    const struct wfp_dump_filter *x = *(const struct wfp_dump_filter *const *)a;
    const struct wfp_dump_filter *y = *(const struct wfp_dump_filter *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int
add_filters(struct import *import)
{
    uint32_t count = import->dump->filter_count;
    _cleanup_(freep) const struct wfp_dump_filter **order = calloc(MAX(count, 1u), sizeof(*order));
    int r = 0;

    if (!order)
        return -WFP_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        order[i] = &import->dump->filters[i];
    qsort(order, count, sizeof(*order), by_id);
    for (uint32_t i = 0; i < count && r == 0; i++)
        r = add_filter(import, order[i]);
    return r;
}

int
wfp_import_run(struct wfp_bfe_session *session, const struct wfp_dump *dump,
               wfp_import_refusal *on_refusal, void *context, struct wfp_import_result *ret_result)
{
    struct import import = {
        .session = session,
        .dump = dump,
        .on_refusal = on_refusal,
        .context = context,
        .next_sublayer_weight = 0x7000,
    };
    int r = wfp_bfe_txn_begin(session, 0);

    if (r < 0)
        return r;
    r = add_providers(&import);
    if (r == 0)
        r = add_contexts(&import);
    if (r == 0)
        r = add_sublayers(&import);
    if (r == 0)
        r = add_callouts(&import);
    if (r == 0)
        r = add_filters(&import);
    if (r < 0) {
        wfp_bfe_txn_abort(session);
        return r;
    }
    r = wfp_bfe_txn_commit(session);
    if (r == 0)
        *ret_result = import.result;
    return r;
}
