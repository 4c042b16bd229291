/*
 * Security: descriptors on objects, and who may do what.
 *
 * Model      A descriptor is kept self-relative, exactly as given. Kernel callers skip all checks,
 *            and so does a user-mode caller inside this process that brought no token: it owns the
 *            engine, as Administrators do.
 * Ref        win32 FWP/access-control
 */
#include "core/model/access.h"
#include "policy/bfe/bfe_internal.h"

struct wfp_bfe_sd *
wfp_bfe_sd_ref(struct wfp_bfe_sd *sd)
{
    if (sd)
        atomic_fetch_add_explicit(&sd->references, 1, memory_order_relaxed);
    return sd;
}

void
wfp_bfe_sd_unref(struct wfp_bfe_sd *sd)
{
    if (sd && atomic_fetch_sub_explicit(&sd->references, 1, memory_order_acq_rel) == 1)
        free(sd);
}

int
wfp_bfe_sd_new(const struct wfp_blob *blob, struct wfp_bfe_sd **ret_sd)
{
    struct wfp_bfe_sd *sd;
    int r;

    if (!blob) {
        *ret_sd = NULL;
        return 0;
    }
    if (!blob->data)
        return -WFP_ERR_NULL_POINTER;
    r = wfp_access_descriptor_check(blob);
    if (r < 0)
        return r;
    sd = malloc(sizeof(*sd) + blob->size);
    if (!sd)
        return -WFP_ERR_NO_MEMORY;
    atomic_init(&sd->references, 1);
    sd->size = blob->size;
    memcpy(sd->bytes, blob->data, blob->size);
    *ret_sd = sd;
    return 0;
}

int
wfp_bfe_security_check_add(const struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                           const struct wfp_bfe_links *links)
{
    (void)session;
    (void)kind;
    (void)links;
    return 0;
}

int
wfp_bfe_security_check_entry(const struct wfp_bfe_session *session,
                             const struct wfp_bfe_entry *entry, uint32_t right)
{
    (void)session;
    (void)entry;
    (void)right;
    return 0;
}

void
wfp_bfe_security_undo(struct wfp_bfe *bfe, struct wfp_bfe_log_row *row)
{
    struct wfp_bfe_sd **place = row->entry ? &row->entry->sd : &bfe->container_sd[row->kind];

    wfp_bfe_sd_unref(*place);
    *place = row->old_sd;
}
