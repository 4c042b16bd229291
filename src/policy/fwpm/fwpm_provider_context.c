/*
 * Provider contexts: data that filters hand to callouts.
 *
 * Ref        win32 FWP/provider-context-management
 */
#include "policy/fwpm/fwpm_kind.h"

/* All versions have one layout: the newer ones only add members to the union of pointers. */
static_assert(sizeof(FWPM_PROVIDER_CONTEXT0) == sizeof(FWPM_PROVIDER_CONTEXT3), "one layout");
static_assert(offsetof(FWPM_PROVIDER_CONTEXT0, dataBuffer) ==
                  offsetof(FWPM_PROVIDER_CONTEXT3, dataBuffer),
              "one layout");
static_assert(sizeof(FWPM_CLASSIFY_OPTION0) == sizeof(struct wfp_context_setting), "one layout");
static_assert(sizeof(FWPM_NETWORK_CONNECTION_POLICY_SETTING0) == sizeof(struct wfp_context_setting),
              "one layout");

/* The types each version of the functions knows. */
static const uint8_t newest_type[] = {FWPM_GENERAL_CONTEXT, FWPM_IPSEC_DOSP_CONTEXT,
                                      FWPM_IPSEC_IKEV2_QM_TRANSPORT_CONTEXT,
                                      FWPM_NETWORK_CONNECTION_POLICY_CONTEXT};

static int
fill_payload(const FWPM_PROVIDER_CONTEXT3 *context, struct wfp_context_spec *spec)
{
    switch (context->type) {
    case FWPM_GENERAL_CONTEXT:
        spec->data = (const struct wfp_blob *)context->dataBuffer;
        return 0;
    case FWPM_CLASSIFY_OPTIONS_CONTEXT:
        if (!context->classifyOptions)
            return -WFP_ERR_NULL_POINTER;
        spec->setting_count = context->classifyOptions->numOptions;
        spec->settings = (const struct wfp_context_setting *)context->classifyOptions->options;
        return 0;
    case FWPM_NETWORK_CONNECTION_POLICY_CONTEXT:
        if (!context->networkConnectionPolicy)
            return -WFP_ERR_NULL_POINTER;
        spec->setting_count = context->networkConnectionPolicy->numSettings;
        spec->settings =
            (const struct wfp_context_setting *)context->networkConnectionPolicy->settings;
        return 0;
    default:
        return -WFP_ERR_NOT_SUPPORTED; /* IPsec policies: nothing here would ever use them */
    }
}

static FWPM_STATUS
add_context(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT3 *context, int version,
            PSECURITY_DESCRIPTOR sd, UINT64 *id)
{
    _cleanup_(wfp_fwpm_sd_fini) struct wfp_fwpm_sd security = {0};
    struct wfp_context_spec spec = {0};
    OPEN_SESSION(session, engineHandle);
    int r;

    if (!context)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    if ((uint32_t)context->type > newest_type[version])
        return wfp_fwpm_status(-WFP_ERR_INVALID_ENUMERATOR);
    spec.common =
        wfp_fwpm_spec_common(&context->providerContextKey, &context->displayData, context->flags,
                             context->providerKey, &context->providerData);
    spec.type = context->type;
    r = fill_payload(context, &spec);
    if (r == 0)
        r = wfp_fwpm_sd_init(&security, sd);
    if (r == 0)
        r = wfp_bfe_context_add(session, &spec, wfp_fwpm_sd_blob(&security), (uint64_t *)id);
    return wfp_fwpm_status(r);
}

/* Classify options and connection policies alike: a count and an array of typed values. */
static void *
write_settings(struct wfp_fwpm_arena *arena, const struct wfp_bfe_object *object)
{
    FWPM_CLASSIFY_OPTIONS0 scratch_list = {0}, *list = wfp_fwpm_arena_take(arena, sizeof(*list));
    struct wfp_context_setting scratch = {0}, *settings = wfp_fwpm_arena_take(
                                                  arena, object->setting_count * sizeof(scratch));
    FWPM_CLASSIFY_OPTIONS0 *out = list ? list : &scratch_list;

    out->numOptions = object->setting_count;
    out->options = (FWPM_CLASSIFY_OPTION0 *)settings;
    for (uint32_t i = 0; i < object->setting_count; i++) {
        struct wfp_context_setting *setting = settings ? &settings[i] : &scratch;
        setting->type = object->settings[i].type;
        wfp_fwpm_write_value(arena, &setting->value, &object->settings[i].value);
    }
    return list;
}

void
wfp_fwpm_write_context(struct wfp_fwpm_arena *arena, void *out_, const void *item)
{
    const struct wfp_bfe_object *object = item;
    FWPM_PROVIDER_CONTEXT3 *out = out_;

    memcpy(&out->providerContextKey, &object->key, sizeof(GUID));
    wfp_fwpm_write_display(arena, &out->displayData, object->name_utf16, object->description_utf16);
    out->flags = object->flags;
    if (object->has_provider)
        out->providerKey = wfp_fwpm_arena_copy(arena, &object->provider_key, sizeof(GUID));
    wfp_fwpm_write_blob(arena, &out->providerData, &object->provider_data);
    out->type = (FWPM_PROVIDER_CONTEXT_TYPE)object->context_type;
    if (object->context_type == WFP_CONTEXT_GENERAL) {
        FWP_BYTE_BLOB scratch, *blob = wfp_fwpm_arena_take(arena, sizeof(*blob));
        wfp_fwpm_write_blob(arena, blob ? blob : &scratch, &object->context_data);
        out->dataBuffer = blob;
    } else if (object->setting_count) {
        out->classifyOptions = write_settings(arena, object);
    }
    out->providerContextId = object->id;
}

void *
wfp_fwpm_render_context(const struct wfp_bfe_object *context)
{
    void *rendered = NULL;

    if (wfp_fwpm_arena_build(wfp_fwpm_write_context, context, sizeof(FWPM_PROVIDER_CONTEXT3),
                             &rendered) < 0)
        return NULL;
    return rendered;
}

/**
 * Add a provider context.
 *
 * @param sd  absolute or self-relative; NULL: inherited
 * @param id  receives the run-time id; may be NULL
 *
 * Gap: the IPsec types are refused (NOT_SUPPORTED).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextadd0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextAdd0(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT0 *providerContext,
                        PSECURITY_DESCRIPTOR sd, UINT64 *id)
{
    return add_context(engineHandle, (const FWPM_PROVIDER_CONTEXT3 *)providerContext, 0, sd, id);
}

/**
 * Add a provider context.
 *
 * @param sd  absolute or self-relative; NULL: inherited
 * @param id  receives the run-time id; may be NULL
 *
 * Gap: the IPsec types are refused (NOT_SUPPORTED).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextadd1.
 */
FWPM_STATUS NTAPI
FwpmProviderContextAdd1(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT1 *providerContext,
                        PSECURITY_DESCRIPTOR sd, UINT64 *id)
{
    return add_context(engineHandle, (const FWPM_PROVIDER_CONTEXT3 *)providerContext, 1, sd, id);
}

/**
 * Add a provider context.
 *
 * @param sd  absolute or self-relative; NULL: inherited
 * @param id  receives the run-time id; may be NULL
 *
 * Gap: the IPsec types are refused (NOT_SUPPORTED).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextadd2.
 */
FWPM_STATUS NTAPI
FwpmProviderContextAdd2(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT2 *providerContext,
                        PSECURITY_DESCRIPTOR sd, UINT64 *id)
{
    return add_context(engineHandle, (const FWPM_PROVIDER_CONTEXT3 *)providerContext, 2, sd, id);
}

/**
 * Add a provider context.
 *
 * @param sd  absolute or self-relative; NULL: inherited
 * @param id  receives the run-time id; may be NULL
 *
 * Gap: the IPsec types are refused (NOT_SUPPORTED).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextadd3.
 */
FWPM_STATUS NTAPI
FwpmProviderContextAdd3(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT3 *providerContext,
                        PSECURITY_DESCRIPTOR sd, UINT64 *id)
{
    return add_context(engineHandle, (const FWPM_PROVIDER_CONTEXT3 *)providerContext, 3, sd, id);
}

/**
 * Delete by run-time id.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextdeletebyid0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextDeleteById0(HANDLE engineHandle, UINT64 id)
{
    return wfp_fwpm_delete_by_id(engineHandle, WFP_FWPM_CONTEXT, id);
}

/**
 * Delete by key.
 *
 * Fails while another object refers to it (IN_USE) and for what is built in (BUILTIN_OBJECT).
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextdeletebykey0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextDeleteByKey0(HANDLE engineHandle, const GUID *key)
{
    return wfp_fwpm_delete_by_key(engineHandle, WFP_FWPM_CONTEXT, key);
}

/**
 * Retrieve by run-time id.
 *
 * @param providerContext  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetbyid0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetById0(HANDLE engineHandle, UINT64 id,
                            FWPM_PROVIDER_CONTEXT0 **providerContext)
{
    return wfp_fwpm_get_by_id(engineHandle, WFP_FWPM_CONTEXT, id, providerContext);
}

/**
 * Retrieve by key.
 *
 * @param providerContext  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetbykey0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetByKey0(HANDLE engineHandle, const GUID *key,
                             FWPM_PROVIDER_CONTEXT0 **providerContext)
{
    return wfp_fwpm_get_by_key(engineHandle, WFP_FWPM_CONTEXT, key, providerContext);
}

/**
 * Retrieve by run-time id.
 *
 * @param providerContext  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetbyid1.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetById1(HANDLE engineHandle, UINT64 id,
                            FWPM_PROVIDER_CONTEXT1 **providerContext)
{
    return wfp_fwpm_get_by_id(engineHandle, WFP_FWPM_CONTEXT, id, providerContext);
}

/**
 * Retrieve by key.
 *
 * @param providerContext  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetbykey1.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetByKey1(HANDLE engineHandle, const GUID *key,
                             FWPM_PROVIDER_CONTEXT1 **providerContext)
{
    return wfp_fwpm_get_by_key(engineHandle, WFP_FWPM_CONTEXT, key, providerContext);
}

/**
 * Retrieve by run-time id.
 *
 * @param providerContext  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetbyid2.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetById2(HANDLE engineHandle, UINT64 id,
                            FWPM_PROVIDER_CONTEXT2 **providerContext)
{
    return wfp_fwpm_get_by_id(engineHandle, WFP_FWPM_CONTEXT, id, providerContext);
}

/**
 * Retrieve by key.
 *
 * @param providerContext  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetbykey2.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetByKey2(HANDLE engineHandle, const GUID *key,
                             FWPM_PROVIDER_CONTEXT2 **providerContext)
{
    return wfp_fwpm_get_by_key(engineHandle, WFP_FWPM_CONTEXT, key, providerContext);
}

/**
 * Retrieve by run-time id.
 *
 * @param providerContext  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetbyid3.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetById3(HANDLE engineHandle, UINT64 id,
                            FWPM_PROVIDER_CONTEXT3 **providerContext)
{
    return wfp_fwpm_get_by_id(engineHandle, WFP_FWPM_CONTEXT, id, providerContext);
}

/**
 * Retrieve by key.
 *
 * @param providerContext  one allocation, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextgetbykey3.
 */
FWPM_STATUS NTAPI
FwpmProviderContextGetByKey3(HANDLE engineHandle, const GUID *key,
                             FWPM_PROVIDER_CONTEXT3 **providerContext)
{
    return wfp_fwpm_get_by_key(engineHandle, WFP_FWPM_CONTEXT, key, providerContext);
}

/**
 * Take a snapshot of the provider contexts to enumerate.
 *
 * @param enumTemplate  which ones; NULL for all
 * @param enumHandle  destroy it with FwpmProviderContextDestroyEnumHandle0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextcreateenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextCreateEnumHandle0(HANDLE engineHandle,
                                     const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
                                     HANDLE *enumHandle)
{
    return wfp_fwpm_enum_create(engineHandle, WFP_FWPM_CONTEXT, enumTemplate, enumHandle);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextenum0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                         FWPM_PROVIDER_CONTEXT0 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_CONTEXT, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextenum1.
 */
FWPM_STATUS NTAPI
FwpmProviderContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                         FWPM_PROVIDER_CONTEXT1 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_CONTEXT, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextenum2.
 */
FWPM_STATUS NTAPI
FwpmProviderContextEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                         FWPM_PROVIDER_CONTEXT2 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_CONTEXT, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * The next page of the snapshot; fewer than requested at its end.
 *
 * @param entries  one allocation for all, free it with FwpmFreeMemory0
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextenum3.
 */
FWPM_STATUS NTAPI
FwpmProviderContextEnum3(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                         FWPM_PROVIDER_CONTEXT3 ***entries, UINT32 *numEntriesReturned)
{
    return wfp_fwpm_enum(engineHandle, WFP_FWPM_CONTEXT, enumHandle, numEntriesRequested, entries,
                         numEntriesReturned);
}

/**
 * Free the snapshot.
 *
 * IRQL: PASSIVE_LEVEL.
 * Ref: win32 fwpmu/nf-fwpmu-fwpmprovidercontextdestroyenumhandle0.
 */
FWPM_STATUS NTAPI
FwpmProviderContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    return wfp_fwpm_enum_destroy(engineHandle, WFP_FWPM_CONTEXT, enumHandle);
}
