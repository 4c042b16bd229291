/*
 * Users as lists of SIDs.
 *
 * Layout     one allocation; every part is 8-byte aligned:
 *
 *              struct wfp_user | ACCESS (88) | HASH (272) | PRIVILEGES (8) | SID_AND_ATTRIBUTES[n] | SIDs
 *                                `-- access blob: from here to the end --------------------------------'
 * Ref        win32 winnt/ns-winnt-token_access_information, winnt/ns-winnt-sid_and_attributes_hash;
 *            the authority 22 of Unix users and groups is Samba's
 */
#include "core/model/user.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "core/model/access.h"

#define GROUP_ATTRIBUTES 0x7u /* SE_GROUP_MANDATORY, _ENABLED_BY_DEFAULT, _ENABLED */

/** TOKEN_ACCESS_INFORMATION as it lies in memory on x64. */
struct access_information {
    void *sid_hash;
    void *restricted_sid_hash;
    void *privileges;
    uint64_t authentication_id;
    uint32_t token_type; /* TokenPrimary is 1 */
    uint32_t impersonation_level;
    uint32_t mandatory_policy;
    uint32_t flags;
    uint32_t app_container_number;
    void *package_sid;
    void *capabilities_hash;
    void *trust_level_sid;
    void *security_attributes;
};

static_assert(sizeof(struct access_information) == 88, "TOKEN_ACCESS_INFORMATION is 88 bytes");

/** SID_AND_ATTRIBUTES_HASH; all-zero hashes say nothing about who is in the list. */
struct sid_hash {
    uint32_t sid_count;
    struct wfp_sid_and_attributes *sids;
    uint64_t hash[32];
};

static_assert(sizeof(struct sid_hash) == 272, "SID_AND_ATTRIBUTES_HASH is 272 bytes");

/** TOKEN_PRIVILEGES without any. */
struct privileges {
    uint32_t count, reserved;
};

struct block {
    struct wfp_user user;
    struct access_information access;
    struct sid_hash hash;
    struct privileges privileges;
    struct wfp_sid_and_attributes sids[];
};

static uint32_t
aligned(uint32_t size)
{
    return (size + 7) & ~7u;
}

int
wfp_user_new(const void *const *sids, uint32_t sid_count, struct wfp_user **ret_user)
{
    size_t size = sizeof(struct block) + sid_count * sizeof(struct wfp_sid_and_attributes);
    static atomic_uint_fast64_t last_serial;
    struct block *block;
    uint8_t *place;

    if (sid_count == 0 || sid_count > WFP_USER_MAX_SIDS)
        return -WFP_ERR_INVALID_PARAMETER;
    for (uint32_t i = 0; i < sid_count; i++) {
        if (!wfp_access_sid_is_valid(sids[i]))
            return -WFP_ERR_INVALID_PARAMETER;
        size += aligned(wfp_value_sid_size(sids[i]));
    }
    block = calloc(1, size);
    if (!block)
        return -WFP_ERR_NO_MEMORY;
    place = (uint8_t *)(block->sids + sid_count);
    for (uint32_t i = 0; i < sid_count; i++) {
        uint32_t length = wfp_value_sid_size(sids[i]);

        memcpy(place, sids[i], length);
        block->sids[i] = (struct wfp_sid_and_attributes){place, i ? GROUP_ATTRIBUTES : 0};
        place += aligned(length);
    }
    block->hash.sid_count = sid_count;
    block->hash.sids = block->sids;
    block->access.sid_hash = &block->hash;
    block->access.privileges = &block->privileges;
    block->access.token_type = 1;
    block->user.token = (struct wfp_token_information){.sid_count = sid_count, .sids = block->sids};
    block->user.access = (struct wfp_blob){(uint32_t)(size - offsetof(struct block, access)),
                                           (uint8_t *)&block->access};
    block->user.serial = atomic_fetch_add_explicit(&last_serial, 1, memory_order_relaxed) + 1;
    *ret_user = &block->user;
    return 0;
}

/* ---- Linux users ---- */

/** A SID in the making, and the list it goes to. */
struct list {
    uint32_t count;
    const void *sids[WFP_USER_MAX_SIDS];
    uint8_t bytes[WFP_USER_MAX_SIDS][24];
};

static void
add(struct list *list, uint8_t authority, uint8_t sub_count, uint32_t first, uint32_t second)
{
    const uint32_t subs[2] = {first, second};

    if (list->count == WFP_USER_MAX_SIDS)
        return;
    uint8_t *sid = list->bytes[list->count];
    sid[0] = 1;
    sid[1] = sub_count;
    sid[7] = authority;
    memcpy(sid + 8, subs, 4u * sub_count);
    list->sids[list->count++] = sid;
}

int
wfp_user_from_linux(uint32_t uid, const uint32_t *groups, uint32_t group_count,
                    struct wfp_user **ret_user)
{
    struct list list = {0};

    if (uid == 0)
        add(&list, 5, 1, 18, 0); /* LocalSystem */
    add(&list, 22, 2, 1, uid);
    add(&list, 1, 1, 0, 0);  /* Everyone */
    add(&list, 5, 1, 11, 0); /* Authenticated Users */
    if (uid == 0)
        add(&list, 5, 2, 32, 544); /* Administrators */
    add(&list, 5, 2, 32, 545);     /* Users */
    for (uint32_t i = 0; i < group_count; i++)
        if (i == 0 || groups[i] != groups[0]) /* the primary one is often in the list again */
            add(&list, 22, 2, 2, groups[i]);
    return wfp_user_new(list.sids, list.count, ret_user);
}

void
wfp_user_free(struct wfp_user *user)
{
    free(user); /* the first member of its block */
}
