/*
 * The kinds of objects, a row each, and what programs and drivers do with all of them alike.
 *
 * Model      Get, delete, enumerate and subscribe are written once. A function of Windows names its
 *            kind; the kind's row says how the structure is written, how large it is and how a
 *            template is read. Versions of a structure with another layout are kinds of their own.
 * Not here   Add: what goes in differs too much. Security: fwpm_security.c.
 */
#ifndef WFP_POLICY_FWPM_FWPM_KIND_H
#define WFP_POLICY_FWPM_FWPM_KIND_H

#include "policy/fwpm/fwpm_convert.h"

enum wfp_fwpm_kind {
    WFP_FWPM_PROVIDER,
    WFP_FWPM_CONTEXT, /* all versions have one layout */
    WFP_FWPM_SUBLAYER,
    WFP_FWPM_CALLOUT,
    WFP_FWPM_FILTER,
    WFP_FWPM_LAYER,
    WFP_FWPM_SESSION,
    WFP_FWPM_CONNECTION,
    WFP_FWPM_EVENT0,
    WFP_FWPM_EVENT1,
    WFP_FWPM_EVENT2,
    WFP_FWPM_EVENT3, /* and FWPM_NET_EVENT4, FWPM_NET_EVENT5 */
    WFP_FWPM_KIND_COUNT,
};

/* A structure of Windows and its array come back in a `void *`: a pointer to the kind's own. */
FWPM_STATUS wfp_fwpm_get_by_key(HANDLE engineHandle, enum wfp_fwpm_kind kind, const GUID *key,
                                void *ret_struct);
FWPM_STATUS wfp_fwpm_get_by_id(HANDLE engineHandle, enum wfp_fwpm_kind kind, UINT64 id,
                               void *ret_struct);
FWPM_STATUS wfp_fwpm_delete_by_key(HANDLE engineHandle, enum wfp_fwpm_kind kind, const GUID *key);
FWPM_STATUS wfp_fwpm_delete_by_id(HANDLE engineHandle, enum wfp_fwpm_kind kind, UINT64 id);

/** @param template_  of the kind; NULL: all */
FWPM_STATUS wfp_fwpm_enum_create(HANDLE engineHandle, enum wfp_fwpm_kind kind,
                                 const void *template_, HANDLE *ret_handle);
FWPM_STATUS wfp_fwpm_enum(HANDLE engineHandle, enum wfp_fwpm_kind kind, HANDLE enumHandle,
                          UINT32 requested, void *ret_entries, UINT32 *ret_count);
FWPM_STATUS wfp_fwpm_enum_destroy(HANDLE engineHandle, enum wfp_fwpm_kind kind, HANDLE enumHandle);

/** What BFE takes in place of a template of Windows, which it borrows. NULL stays NULL. */
const struct wfp_bfe_template *wfp_fwpm_template(enum wfp_fwpm_kind kind, const void *template_,
                                                 struct wfp_fwpm_selection *selection);
enum wfp_bfe_kind wfp_fwpm_bfe_kind(enum wfp_fwpm_kind kind);

#ifdef WFP_FWPM_USER
/**
 * BFE's callback takes our event, the program's takes Windows'. A joint carries the program's
 * callback and context; it is freed when no callback can come any more.
 */
struct wfp_fwpm_joint {
    void (*function)(void); /* the program's callback, of the family's type */
    void *context;
};

/**
 * Subscribe, with @p deliver called on a struct wfp_fwpm_joint of @p function and @p context.
 *
 * @param subscription  any FWPM_*_SUBSCRIPTION0: they have one layout
 */
DWORD wfp_fwpm_subscribe(HANDLE engineHandle, enum wfp_fwpm_kind kind, const void *subscription,
                         wfp_bfe_change_callback *deliver, void *function, void *context,
                         HANDLE *ret_handle);
DWORD wfp_fwpm_unsubscribe(HANDLE engineHandle, HANDLE handle);
/** @param ret_entries  an array of any FWPM_*_SUBSCRIPTION0 */
DWORD wfp_fwpm_get_subscriptions(HANDLE engineHandle, enum wfp_fwpm_kind kind, void *ret_entries,
                                 UINT32 *ret_count);
#endif

#endif
