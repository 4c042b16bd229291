/*
 * The policy store: a file with the persistent objects and boot-time filters of a BFE.
 *
 * Model      One SQLite database. store_schema.c makes it and brings older ones up to date; store_load.c
 *            reads it into a held BFE; store.c writes each transaction's changes as one of its own.
 *            Keys, weights as given and conditions are kept; run-time ids are made anew each time.
 * Lifetime   One process at a time: the file is locked while it is open. Open it before BFE starts,
 *            close it after BFE is gone.
 * Gap        IPsec policies, which only imports hold, are not kept: committing one as persistent is
 *            NOT_SUPPORTED.
 * Ref        win32 FWP/object-management, "Object Lifetimes"; docs/decisions/0080
 */
#ifndef WFP_POLICY_STORE_STORE_H
#define WFP_POLICY_STORE_STORE_H

#include "policy/bfe/bfe.h"

struct wfp_store;

#define WFP_STORE_ERROR_SIZE 256

/** Is the service of a provider one that starts by itself? Filters of others are disabled. */
typedef bool wfp_store_is_auto_start(void *context, const uint16_t *service_name_utf16);

struct wfp_store_counts {
    uint32_t objects, filters; /* loaded, boot-time ones included */
    uint32_t boot_time, disabled;
    uint32_t refused; /* by BFE: an object of another build, say; it stays in the file */
};

/**
 * Open or make the file.
 *
 * @param error  WFP_STORE_ERROR_SIZE bytes: what is wrong, with the next step
 * @return 0, -WFP_ERR_IO, -WFP_ERR_IN_USE (another process has it), -WFP_ERR_NOT_SUPPORTED (a newer
 *         OpenWFP wrote it), -WFP_ERR_INVALID_PARAMETER (no policy store)
 */
int wfp_store_open(const char *path, struct wfp_store **ret_store, char *error);
/** BFE must be gone. */
void wfp_store_close(struct wfp_store *store);
DEFINE_FREEP(struct wfp_store, wfp_store_close)

/**
 * Boot: hold @p bfe, load what is kept (boot-time filters are in force then), start it, and keep its
 * persistent changes from here on.
 *
 * @param is_auto_start  NULL: every service starts
 * @return 0, -WFP_ERR_IO, -WFP_ERR_NO_MEMORY
 */
int wfp_store_boot(struct wfp_store *store, struct wfp_bfe *bfe,
                   wfp_store_is_auto_start *is_auto_start, void *context,
                   struct wfp_store_counts *ret_counts);
/** The first half of it: held, loaded, not started. */
int wfp_store_load(struct wfp_store *store, struct wfp_bfe *bfe,
                   wfp_store_is_auto_start *is_auto_start, void *context,
                   struct wfp_store_counts *ret_counts);

#endif
