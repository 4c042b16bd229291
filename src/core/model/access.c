/*
 * Access check over self-relative descriptors.
 *
 * Layout     SECURITY_DESCRIPTOR_RELATIVE: revision, sbz1, control u16, owner, group, sacl, dacl as
 *            u32 offsets. ACL: revision, sbz1, size u16, count u16, sbz2 u16, then ACEs: type,
 *            flags, size u16, mask u32, SID.
 * Gap        Conditional (callback) and object ACEs are skipped when they allow and honoured as
 *            plain denials when they deny; integrity labels and app containers are not modelled.
 */
#include "core/model/access.h"

#include <string.h>

#include "base/status.h"

#define SE_DACL_PRESENT   0x0004u
#define SE_SELF_RELATIVE  0x8000u
#define DESCRIPTOR_HEADER 20u
#define ACL_HEADER        8u
#define ACE_HEADER        8u
#define ACE_ALLOWED       0u
#define ACE_DENIED        1u
#define ACE_INHERIT_ONLY  0x08u
#define GENERIC_ALL       0x10000000u
#define SE_GROUP_ENABLED  0x4u
#define SE_GROUP_DENY     0x10u

bool
wfp_access_sid_is_valid(const void *sid)
{
    const uint8_t *bytes = sid;
    return bytes[0] == 1 && bytes[1] <= 15;
}

static uint16_t
get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t
get32(const uint8_t *at)
{
    return (uint32_t)get16(at) | (uint32_t)get16(at + 2) << 16;
}

static bool
sid_fits(const uint8_t *sid, uint32_t room)
{
    return room >= 8 && wfp_access_sid_is_valid(sid) && wfp_value_sid_size(sid) <= room;
}

/* The DACL inside a checked or unchecked descriptor; false when its bytes do not hold together. */
static bool
find_dacl(const struct wfp_blob *descriptor, const uint8_t **ret_dacl)
{
    const uint8_t *data = descriptor->data;
    uint32_t offset;
    uint16_t control;

    if (descriptor->size < DESCRIPTOR_HEADER || !data || data[0] != 1)
        return false;
    control = get16(data + 2);
    if (!(control & SE_SELF_RELATIVE))
        return false;
    *ret_dacl = NULL;
    offset = get32(data + 16);
    if (!(control & SE_DACL_PRESENT) || !offset)
        return true;
    if (offset > descriptor->size - ACL_HEADER)
        return false;
    if (get16(data + offset + 2) < ACL_HEADER ||
        get16(data + offset + 2) > descriptor->size - offset)
        return false;
    *ret_dacl = data + offset;
    return true;
}

static bool
ace_is_whole(const uint8_t *ace, uint32_t room)
{
    uint32_t size;

    if (room < ACE_HEADER)
        return false;
    size = get16(ace + 2);
    if (size < ACE_HEADER || size > room)
        return false;
    return ace[0] > ACE_DENIED || sid_fits(ace + ACE_HEADER, size - ACE_HEADER);
}

int
wfp_access_descriptor_check(const struct wfp_blob *descriptor)
{
    const uint8_t *data, *dacl;
    uint32_t room;

    if (descriptor->size && !descriptor->data)
        return -WFP_ERR_NULL_POINTER;
    if (!find_dacl(descriptor, &dacl))
        return -WFP_ERR_INVALID_SECURITY_DESCR;
    data = descriptor->data;
    for (uint32_t at = 4; at <= 8; at += 4) { /* owner, group */
        uint32_t offset = get32(data + at);
        if (offset &&
            (offset > descriptor->size || !sid_fits(data + offset, descriptor->size - offset)))
            return -WFP_ERR_INVALID_SECURITY_DESCR;
    }
    if (!dacl)
        return 0;
    room = get16(dacl + 2) - ACL_HEADER;
    const uint8_t *ace = dacl + ACL_HEADER;
    for (uint32_t i = get16(dacl + 4); i > 0; i--) {
        if (!ace_is_whole(ace, room))
            return -WFP_ERR_INVALID_SECURITY_DESCR;
        room -= get16(ace + 2);
        ace += get16(ace + 2);
    }
    return 0;
}

/* A list of SIDs of a token: an array of pointers with attributes. */
struct sid_list {
    const struct wfp_sid_and_attributes *sids;
    uint32_t count;
    const uint8_t *low, *high; /* where the SIDs must lie; NULL: anywhere */
};

static bool
list_has(const struct sid_list *list, const uint8_t *sid, uint32_t size, bool denying)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const uint8_t *mine = list->sids[i].sid;
        uint32_t attributes = list->sids[i].attributes;

        if (!mine || (list->low && (mine < list->low || mine >= list->high ||
                                    !sid_fits(mine, (uint32_t)(list->high - mine)))))
            continue;
        if (wfp_value_sid_size(mine) != size || memcmp(mine, sid, size) != 0)
            continue;
        /* The user comes first, with no attributes; groups count when enabled, or only to deny. */
        if (i == 0 || attributes & SE_GROUP_ENABLED)
            return denying || !(attributes & SE_GROUP_DENY);
        if (denying && attributes & SE_GROUP_DENY)
            return true;
    }
    return false;
}

static bool
dacl_admits(const uint8_t *dacl, const struct sid_list *list)
{
    uint32_t room = get16(dacl + 2) - ACL_HEADER;
    const uint8_t *ace = dacl + ACL_HEADER;

    for (uint32_t i = get16(dacl + 4); i > 0 && ace_is_whole(ace, room); i--) {
        uint32_t size = get16(ace + 2), mask = get32(ace + 4);
        if (ace[0] <= ACE_DENIED && !(ace[1] & ACE_INHERIT_ONLY) &&
            mask & (WFP_ACCESS_MATCH_FILTER | GENERIC_ALL) &&
            list_has(list, ace + ACE_HEADER, wfp_value_sid_size(ace + ACE_HEADER),
                     ace[0] == ACE_DENIED))
            return ace[0] == ACE_ALLOWED;
        room -= size;
        ace += size;
    }
    return false;
}

/* TOKEN_ACCESS_INFORMATION, x64: two pointers to {count, pointer to SIDs, hash}, then the rest. */
static bool
blob_list(const struct wfp_blob *blob, uint32_t offset, struct sid_list *ret_list)
{
    const uint8_t *low = blob->data, *high = blob->data + blob->size, *hash, *sids;
    uint32_t count;

    if (blob->size < offset + 8)
        return false;
    memcpy(&hash, blob->data + offset, sizeof(hash));
    memset(ret_list, 0, sizeof(*ret_list));
    if (!hash)
        return true;
    if (hash < low || hash > high - 16 || blob->size < 16 || (uintptr_t)hash % 8)
        return false;
    count = get32(hash);
    memcpy(&sids, hash + 8, sizeof(sids));
    if (count && (sids < low || sids > high || (uintptr_t)sids % 8 ||
                  count > (size_t)(high - sids) / sizeof(struct wfp_sid_and_attributes)))
        return false;
    *ret_list = (struct sid_list){(const void *)sids, count, low, high};
    return true;
}

const void *
wfp_access_user_sid(const struct wfp_value *token)
{
    struct sid_list list = {0};
    const uint8_t *sid;

    if (token->type == WFP_TOKEN_INFORMATION && token->token) {
        const struct wfp_token_information *info = token->token;
        list = (struct sid_list){info->sids, info->sid_count, NULL, NULL};
    } else if (token->type == WFP_TOKEN_ACCESS_INFORMATION && token->blob && token->blob->data) {
        if (!blob_list(token->blob, 0, &list))
            return NULL;
    }
    if (!list.count)
        return NULL;
    sid = list.sids[0].sid;
    if (!sid || (list.low && (sid < list.low || sid >= list.high ||
                              !sid_fits(sid, (uint32_t)(list.high - sid)))))
        return NULL;
    return wfp_access_sid_is_valid(sid) ? sid : NULL;
}

bool
wfp_access_check(const struct wfp_blob *descriptor, const struct wfp_value *token)
{
    struct sid_list groups, restricted;
    const uint8_t *dacl;

    if (!find_dacl(descriptor, &dacl))
        return false;
    if (token->type == WFP_TOKEN_INFORMATION) {
        const struct wfp_token_information *info = token->token;
        groups = (struct sid_list){info->sids, info->sid_count, NULL, NULL};
        restricted =
            (struct sid_list){info->restricted_sids, info->restricted_sid_count, NULL, NULL};
    } else if (token->type == WFP_TOKEN_ACCESS_INFORMATION) {
        if (!token->blob->data || !blob_list(token->blob, 0, &groups) ||
            !blob_list(token->blob, 8, &restricted))
            return false;
    } else {
        return false;
    }
    if (!dacl)
        return true;
    return dacl_admits(dacl, &groups) && (!restricted.count || dacl_admits(dacl, &restricted));
}
