/*
 * A user as Windows describes one, for ALE_USER_ID and tokens: SIDs, made from what the host knows.
 *
 * Model      One block of memory holds both faces of the user:
 *
 *              token    FWP_TOKEN_INFORMATION, for access checks (access.h)
 *              access   TOKEN_ACCESS_INFORMATION, what a value of type
 *                       FWP_TOKEN_ACCESS_INFORMATION_TYPE points to; its pointers stay inside it
 *
 *            The user's own SID is the first of the list, groups follow.
 * Lifetime   Immutable. Whoever fills in wfp_frame.user keeps it until the stack is gone.
 * Choice     docs/decisions/0024-linux-users-as-sids.md
 */
#ifndef WFP_CORE_MODEL_USER_H
#define WFP_CORE_MODEL_USER_H

#include "base/macros.h"
#include "core/model/value.h"

#define WFP_USER_MAX_SIDS 256

struct wfp_user {
    struct wfp_token_information token;
    struct wfp_blob access;
    uint64_t serial; /* no two users of this process had the same */
};

/**
 * The user of @p sid_count SIDs, its own first; they are copied.
 * @return 0, -WFP_ERR_INVALID_PARAMETER (none, too many, or not a SID), -WFP_ERR_NO_MEMORY
 */
int wfp_user_new(const void *const *sids, uint32_t sid_count, struct wfp_user **ret_user);
/**
 * The user of a Linux process: S-1-22-1-uid with groups S-1-22-2-gid, root also as LocalSystem and
 * an administrator, everyone also as Everyone, Authenticated Users and Users.
 *
 * @param groups  gids, the primary first; those beyond WFP_USER_MAX_SIDS are left out
 * @return as wfp_user_new()
 */
int wfp_user_from_linux(uint32_t uid, const uint32_t *groups, uint32_t group_count,
                        struct wfp_user **ret_user);
void wfp_user_free(struct wfp_user *user);
DEFINE_FREEP(struct wfp_user, wfp_user_free)

#endif
