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

wfp_fwpm_writer wfp_fwpm_write_provider, wfp_fwpm_write_sublayer, wfp_fwpm_write_callout,
    wfp_fwpm_write_filter, wfp_fwpm_write_layer, wfp_fwpm_write_session;

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

/** Get one object by key (or, with NULL, by id) and write it. */
int wfp_fwpm_get(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, const GUID *key,
                 uint64_t id, wfp_fwpm_writer *write, size_t size, void *ret_struct);
/** The next page of an enumeration, written. */
int wfp_fwpm_enum(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, HANDLE handle,
                  UINT32 requested, wfp_fwpm_writer *write, size_t size, void *ret_entries,
                  UINT32 *ret_count);
/** Make the enumeration. */
int wfp_fwpm_enum_create(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                         const struct wfp_bfe_template *template_, HANDLE *ret_handle);

/* Templates of Windows; @p out borrows. NULL stays NULL. */
struct wfp_bfe_template *wfp_fwpm_template_callout(const FWPM_CALLOUT_ENUM_TEMPLATE0 *from,
                                                   struct wfp_bfe_template *out);
struct wfp_bfe_template *wfp_fwpm_template_sublayer(const FWPM_SUBLAYER_ENUM_TEMPLATE0 *from,
                                                    struct wfp_bfe_template *out);
struct wfp_bfe_template *wfp_fwpm_template_context(const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 *from,
                                                   struct wfp_bfe_template *out);
/** @p context  room for the nested template */
struct wfp_bfe_template *wfp_fwpm_template_filter(const FWPM_FILTER_ENUM_TEMPLATE0 *from,
                                                  struct wfp_bfe_template *out,
                                                  struct wfp_bfe_context_template *context);
struct wfp_bfe_template *wfp_fwpm_template_event(const FWPM_NET_EVENT_ENUM_TEMPLATE0 *from,
                                                 struct wfp_bfe_template *out);

#ifdef WFP_FWPM_USER
/**
 * BFE's callback takes our event, the program's takes Windows'. A joint carries the program's
 * callback and context; it is freed when no callback can come any more.
 */
struct wfp_fwpm_joint {
    void (*function)(void); /* the program's callback, of the family's type */
    void *context;
};

/** Subscribe, with @p deliver called on a struct wfp_fwpm_joint of @p function and @p context. */
DWORD wfp_fwpm_subscribe(HANDLE engineHandle, enum wfp_bfe_kind kind,
                         const struct wfp_bfe_template *template_, UINT32 flags,
                         wfp_bfe_change_callback *deliver, void *function, void *context,
                         HANDLE *ret_handle);
/** @param ret_entries  an array of any FWPM_*_SUBSCRIPTION0: they have one layout */
DWORD wfp_fwpm_get_subscriptions(HANDLE engineHandle, enum wfp_bfe_kind kind, void *ret_entries,
                                 UINT32 *ret_count);
#endif

#endif
