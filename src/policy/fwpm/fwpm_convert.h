/*
 * Windows' management structures to and from BFE's.
 *
 * Model      `wfp_fwpm_spec_*` borrow from the caller's structure; `wfp_fwpm_write_*` are writers for
 *            fwpm_arena.h and copy.
 */
#ifndef WFP_POLICY_FWPM_FWPM_CONVERT_H
#define WFP_POLICY_FWPM_FWPM_CONVERT_H

#include "policy/fwpm/fwpm_arena.h"
#include "policy/fwpm/fwpm_call.h"

struct wfp_object_spec wfp_fwpm_spec_common(const GUID *key, const FWPM_DISPLAY_DATA0 *display,
                                            UINT32 flags, const GUID *provider,
                                            const FWP_BYTE_BLOB *provider_data);
void wfp_fwpm_write_display(struct wfp_fwpm_arena *arena, FWPM_DISPLAY_DATA0 *out,
                            const uint16_t *name_utf16, const uint16_t *description_utf16);
/** A value and all it points to. */
void wfp_fwpm_write_value(struct wfp_fwpm_arena *arena, void *out, const struct wfp_value *value);
void wfp_fwpm_write_blob(struct wfp_fwpm_arena *arena, FWP_BYTE_BLOB *out,
                         const struct wfp_blob *blob);

wfp_fwpm_writer wfp_fwpm_write_provider, wfp_fwpm_write_context, wfp_fwpm_write_sublayer,
    wfp_fwpm_write_callout, wfp_fwpm_write_filter, wfp_fwpm_write_layer, wfp_fwpm_write_session,
    wfp_fwpm_write_event0, wfp_fwpm_write_event1, wfp_fwpm_write_event2, wfp_fwpm_write_event3;

/** FWPM_PROVIDER_CONTEXT (all versions have one layout) as callouts see it, or NULL. */
void *wfp_fwpm_render_context(const struct wfp_bfe_object *context);

/** A caller's descriptor, absolute or self-relative, as BFE takes it. */
struct wfp_fwpm_sd {
    struct wfp_bfe_sd *sd;
    struct wfp_blob blob;
};
/** @return 0, -WFP_ERR_INVALID_SECURITY_DESCR, -WFP_ERR_NO_MEMORY. NULL gives no descriptor. */
int wfp_fwpm_sd_init(struct wfp_fwpm_sd *sd, PSECURITY_DESCRIPTOR descriptor);
void wfp_fwpm_sd_fini(struct wfp_fwpm_sd *sd);
/** The blob for an add, NULL without a descriptor. */
const struct wfp_blob *wfp_fwpm_sd_blob(const struct wfp_fwpm_sd *sd);

/** A template as BFE takes it: borrows from the caller's. */
struct wfp_fwpm_selection {
    struct wfp_bfe_template template_;
    struct wfp_bfe_context_template context; /* nested in the template of filters */
};
/** Reads @p from, FWPM_*_ENUM_TEMPLATE0 of a kind, into @p out, which is zero. */
typedef void wfp_fwpm_template_reader(const void *from, struct wfp_fwpm_selection *out);

wfp_fwpm_template_reader wfp_fwpm_template_context, wfp_fwpm_template_sublayer,
    wfp_fwpm_template_callout, wfp_fwpm_template_filter, wfp_fwpm_template_event;

#endif
