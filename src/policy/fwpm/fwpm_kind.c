/*
 * The table of kinds; get, delete and enumerate for all of them.
 *
 * Ref        win32 FWP/object-management
 */
#include "policy/fwpm/fwpm_kind.h"

struct kind {
    enum wfp_bfe_kind bfe;
    size_t size; /* of the structure */
    wfp_fwpm_writer *write;
    wfp_fwpm_template_reader *read_template; /* NULL: templates of the kind have no members yet */
};

static const struct kind kinds[] = {
    [WFP_FWPM_PROVIDER] = {WFP_BFE_PROVIDER, sizeof(FWPM_PROVIDER0), wfp_fwpm_write_provider, NULL},
    [WFP_FWPM_CONTEXT] = {WFP_BFE_CONTEXT, sizeof(FWPM_PROVIDER_CONTEXT3), wfp_fwpm_write_context,
                          wfp_fwpm_template_context},
    [WFP_FWPM_SUBLAYER] = {WFP_BFE_SUBLAYER, sizeof(FWPM_SUBLAYER0), wfp_fwpm_write_sublayer,
                           wfp_fwpm_template_sublayer},
    [WFP_FWPM_CALLOUT] = {WFP_BFE_CALLOUT, sizeof(FWPM_CALLOUT0), wfp_fwpm_write_callout,
                          wfp_fwpm_template_callout},
    [WFP_FWPM_FILTER] = {WFP_BFE_FILTER, sizeof(FWPM_FILTER0), wfp_fwpm_write_filter,
                         wfp_fwpm_template_filter},
    [WFP_FWPM_LAYER] = {WFP_BFE_LAYER, sizeof(FWPM_LAYER0), wfp_fwpm_write_layer, NULL},
    [WFP_FWPM_SESSION] = {WFP_BFE_SESSION, sizeof(FWPM_SESSION0), wfp_fwpm_write_session, NULL},
    /* No writer: there are none to write. */
    [WFP_FWPM_CONNECTION] = {WFP_BFE_CONNECTION, sizeof(FWPM_CONNECTION0), NULL, NULL},
    [WFP_FWPM_EVENT0] = {WFP_BFE_EVENT, sizeof(FWPM_NET_EVENT0), wfp_fwpm_write_event0,
                         wfp_fwpm_template_event},
    [WFP_FWPM_EVENT1] = {WFP_BFE_EVENT, sizeof(FWPM_NET_EVENT1), wfp_fwpm_write_event1,
                         wfp_fwpm_template_event},
    [WFP_FWPM_EVENT2] = {WFP_BFE_EVENT, sizeof(FWPM_NET_EVENT2), wfp_fwpm_write_event2,
                         wfp_fwpm_template_event},
    [WFP_FWPM_EVENT3] = {WFP_BFE_EVENT, sizeof(FWPM_NET_EVENT3), wfp_fwpm_write_event3,
                         wfp_fwpm_template_event},
};
static_assert(ELEMENTSOF(kinds) == WFP_FWPM_KIND_COUNT, "a row for each kind");

enum wfp_bfe_kind
wfp_fwpm_bfe_kind(enum wfp_fwpm_kind kind)
{
    return kinds[kind].bfe;
}

const struct wfp_bfe_template *
wfp_fwpm_template(enum wfp_fwpm_kind kind, const void *template_,
                  struct wfp_fwpm_selection *selection)
{
    if (!template_ || !kinds[kind].read_template)
        return NULL;
    *selection = (struct wfp_fwpm_selection){0};
    kinds[kind].read_template(template_, selection);
    return &selection->template_;
}

/* ---- one object -------------------------------------------------------------------------- */

static int
get_item(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, const GUID *key, uint64_t id,
         void **ret_item)
{
    if (kind == WFP_BFE_FILTER)
        return key ? wfp_bfe_filter_get(session, wfp_fwpm_key(key), (struct wfp_filter **)ret_item)
                   : wfp_bfe_filter_get_by_id(session, id, (struct wfp_filter **)ret_item);
    return key ? wfp_bfe_object_get(session, kind, wfp_fwpm_key(key),
                                    (struct wfp_bfe_object **)ret_item)
               : wfp_bfe_object_get_by_id(session, kind, id, (struct wfp_bfe_object **)ret_item);
}

/* By key or, with NULL, by id. */
static FWPM_STATUS
get(HANDLE engineHandle, const struct kind *kind, const GUID *key, uint64_t id, void *ret_struct)
{
    OPEN_SESSION(session, engineHandle);
    void *item = NULL;
    int r;

    if (!ret_struct)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    r = get_item(session, kind->bfe, key, id, &item);
    if (r < 0)
        return wfp_fwpm_status(r);
    r = wfp_fwpm_arena_build(kind->write, item, kind->size, ret_struct);
    if (kind->bfe == WFP_BFE_FILTER)
        wfp_filter_unref(item);
    else
        wfp_bfe_object_unref(item);
    return wfp_fwpm_status(r);
}

FWPM_STATUS
wfp_fwpm_get_by_key(HANDLE engineHandle, enum wfp_fwpm_kind kind, const GUID *key, void *ret_struct)
{
    if (!key)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    return get(engineHandle, &kinds[kind], key, 0, ret_struct);
}

FWPM_STATUS
wfp_fwpm_get_by_id(HANDLE engineHandle, enum wfp_fwpm_kind kind, UINT64 id, void *ret_struct)
{
    return get(engineHandle, &kinds[kind], NULL, id, ret_struct);
}

FWPM_STATUS
wfp_fwpm_delete_by_key(HANDLE engineHandle, enum wfp_fwpm_kind kind, const GUID *key)
{
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(wfp_bfe_delete_by_key(session, kinds[kind].bfe, wfp_fwpm_key(key)));
}

FWPM_STATUS
wfp_fwpm_delete_by_id(HANDLE engineHandle, enum wfp_fwpm_kind kind, UINT64 id)
{
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(wfp_bfe_delete_by_id(session, kinds[kind].bfe, id));
}

/* ---- enumerations ------------------------------------------------------------------------ */

FWPM_STATUS
wfp_fwpm_enum_create(HANDLE engineHandle, enum wfp_fwpm_kind kind, const void *template_,
                     HANDLE *ret_handle)
{
    OPEN_SESSION(session, engineHandle);
    struct wfp_fwpm_selection selection;
    uint64_t handle;
    int r;

    if (!ret_handle)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    r = wfp_bfe_enum_create(session, kinds[kind].bfe,
                            wfp_fwpm_template(kind, template_, &selection), &handle);
    if (r == 0)
        *ret_handle = wfp_fwpm_handle(handle);
    return wfp_fwpm_status(r);
}

FWPM_STATUS
wfp_fwpm_enum(HANDLE engineHandle, enum wfp_fwpm_kind kind_, HANDLE enumHandle, UINT32 requested,
              void *ret_entries, UINT32 *ret_count)
{
    const struct kind *kind = &kinds[kind_];
    OPEN_SESSION(session, engineHandle);
    uint32_t count = 0;
    void **items = NULL;
    int r;

    if (!ret_entries || !ret_count)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    r = wfp_bfe_enum_next(session, kind->bfe, wfp_fwpm_number(enumHandle), requested, &items,
                          &count);
    if (r < 0)
        return wfp_fwpm_status(r);
    r = wfp_fwpm_arena_build_array(kind->write, items, count, kind->size, ret_entries);
    wfp_bfe_enum_free(kind->bfe, items, count);
    if (r < 0) /* not delivered: the next call gives them again */
        wfp_bfe_enum_rewind(session, kind->bfe, wfp_fwpm_number(enumHandle), count);
    else
        *ret_count = count;
    return wfp_fwpm_status(r);
}

FWPM_STATUS
wfp_fwpm_enum_destroy(HANDLE engineHandle, enum wfp_fwpm_kind kind, HANDLE enumHandle)
{
    OPEN_SESSION(session, engineHandle);

    return wfp_fwpm_status(
        wfp_bfe_enum_destroy(session, kinds[kind].bfe, wfp_fwpm_number(enumHandle)));
}
