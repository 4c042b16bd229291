/*
 * Access tokens: what a user's processes may, as drivers ask it of handles and objects.
 *
 * Model      One token for each list of SIDs that was met, made the first time and kept: those who are
 *            in it are the users of this machine (core/model/user.h), so there are few. It is the
 *            primary token of all processes of that user.
 * Lifetime   The table's own reference is never dropped; what is one too many is a finding.
 * Choice     docs/decisions/0073-tokens.md
 */
#ifndef WFP_NT_TOKEN_H
#define WFP_NT_TOKEN_H

#include <stdint.h>

#include "core/model/user.h"

struct nt_process;

/** The body of an NT_OBJECT_TOKEN; opaque PACCESS_TOKEN for drivers. Immutable. */
struct nt_token {
    struct wfp_user *user;
    uint64_t id, modified_id, authentication_id; /* LUIDs */
    void *lent;                                  /* the handle that classifies are given */
    struct nt_token *next;
};

/** Borrowed, lives for ever; NULL: no memory. Any thread, any IRQL; no lock for a user met before. */
struct nt_token *nt_token_of_user(const struct wfp_user *user);
/** The primary token, referenced; anonymous for a process that nothing is known of. NULL: no memory. */
struct nt_token *nt_token_of_process(const struct nt_process *process);
/** Referenced, or NULL. */
struct nt_token *nt_token_by_modified_id(uint64_t modified_id);
/** Drop a reference that someone took. @return references left */
long nt_token_unref(struct nt_token *token);

/** TOKEN_* rights for what a caller wants: generic ones mapped, MAXIMUM_ALLOWED made all. */
uint32_t nt_token_rights(uint32_t wanted);
/** Is @p sid among those that count for a token that grants? */
bool nt_token_has(const struct nt_token *token, const void *sid);

#endif
