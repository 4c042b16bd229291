/*
 * Self-relative security descriptors: take apart, put together, and the engine's default.
 *
 * Layout     Revision, sbz1, control u16, then u32 offsets of owner, group, SACL, DACL.
 *            ACL: revision, sbz1, size u16, count u16, sbz2 u16, ACEs. ACE: type, flags, size u16,
 *            mask u32, SID.
 * Not here   Who may do what with them: bfe_security.c. Validity: core/model/access.h.
 * Ref        win32 FWP/access-control; SecAuthZ/security-descriptors
 */
#include "policy/bfe/bfe_security.h"

#include "core/model/access.h"

#define DACL_PRESENT  0x0004u
#define SACL_PRESENT  0x0010u
#define SELF_RELATIVE 0x8000u
#define HEADER_SIZE   20u

static uint16_t
get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t
get32(const uint8_t *bytes)
{
    return get16(bytes) | (uint32_t)get16(bytes + 2) << 16;
}

static void
put16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void
put32(uint8_t *bytes, uint32_t value)
{
    put16(bytes, value);
    put16(bytes + 2, value >> 16);
}

void
wfp_bfe_descriptor_split(const uint8_t *sd, struct wfp_bfe_sd_parts *ret_parts)
{
    uint16_t control = get16(sd + 2);
    uint32_t owner = get32(sd + 4), group = get32(sd + 8), sacl = get32(sd + 12),
             dacl = get32(sd + 16);

    memset(ret_parts, 0, sizeof(*ret_parts));
    ret_parts->control = control;
    ret_parts->owner = owner ? sd + owner : NULL;
    ret_parts->group = group ? sd + group : NULL;
    ret_parts->sacl = (control & SACL_PRESENT) && sacl ? sd + sacl : NULL;
    ret_parts->dacl = (control & DACL_PRESENT) && dacl ? sd + dacl : NULL;
}

static uint32_t
acl_size(const void *acl)
{
    return acl ? get16((const uint8_t *)acl + 2) : 0;
}

static uint32_t
sid_size(const void *sid)
{
    return sid ? wfp_value_sid_size(sid) : 0;
}

static uint32_t
put_part(uint8_t *sd, uint32_t field, uint32_t place, const void *part, uint32_t size)
{
    if (!size)
        return place;
    put32(sd + field, place);
    memcpy(sd + place, part, size);
    return place + ALIGN_UP(size, 4);
}

int
wfp_bfe_descriptor_join(const struct wfp_bfe_sd_parts *parts, struct wfp_bfe_sd **ret_sd)
{
    uint32_t size = HEADER_SIZE + ALIGN_UP(sid_size(parts->owner), 4) +
                    ALIGN_UP(sid_size(parts->group), 4) + ALIGN_UP(acl_size(parts->sacl), 4) +
                    ALIGN_UP(acl_size(parts->dacl), 4);
    struct wfp_bfe_sd *sd = calloc(1, sizeof(*sd) + size);
    uint32_t place = HEADER_SIZE;
    uint16_t control;

    if (!sd)
        return -WFP_ERR_NO_MEMORY;
    atomic_init(&sd->references, 1);
    sd->size = size;
    sd->bytes[0] = 1;
    control = (uint16_t)(parts->control | SELF_RELATIVE);
    control = (uint16_t)(parts->sacl ? control | SACL_PRESENT : control & ~SACL_PRESENT);
    control = (uint16_t)(parts->dacl ? control | DACL_PRESENT : control);
    put16(sd->bytes + 2, control);
    place = put_part(sd->bytes, 4, place, parts->owner, sid_size(parts->owner));
    place = put_part(sd->bytes, 8, place, parts->group, sid_size(parts->group));
    place = put_part(sd->bytes, 12, place, parts->sacl, acl_size(parts->sacl));
    put_part(sd->bytes, 16, place, parts->dacl, acl_size(parts->dacl));
    *ret_sd = sd;
    return 0;
}

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

/* ---- the default --------------------------------------------------------------------------- */

#define MAX_SUBAUTHORITIES 6

struct principal {
    uint8_t authority; /* last byte of the identifier authority */
    uint8_t count;
    uint32_t subauthorities[MAX_SUBAUTHORITIES];
    uint32_t mask;
};

/* A service's SID is S-1-5-80 and the SHA-1 of its upper-case name in UTF-16. */
static const struct principal default_dacl[] = {
    /* Administrators */
    {5, 2, {32, 544}, WFP_ACTRL_GENERIC_ALL},
    /* Network Configuration Operators */
    {5, 2, {32, 556}, WFP_ACTRL_GENERIC_RWX},
    /* MpsSvc, NapAgent, PolicyAgent, RpcSs, WdiServiceHost */
    {5, 6, {80, 3088073201, 1464728630, 1879813800, 1107566885, 823218052}, WFP_ACTRL_GENERIC_RWX},
    {5, 6, {80, 2006800713, 1441093265, 249754844, 3404434343, 1444102779}, WFP_ACTRL_GENERIC_RWX},
    {5, 6, {80, 3044542841, 3639452079, 4096941652, 1606687743, 1256249853}, WFP_ACTRL_GENERIC_RWX},
    {5, 6, {80, 979556362, 403687129, 3954533659, 2335141334, 1547273080}, WFP_ACTRL_GENERIC_RWX},
    {5, 6, {80, 3139157870, 2983391045, 3678747466, 658725712, 1809340420}, WFP_ACTRL_GENERIC_RWX},
    /* Everyone */
    {1, 1, {0}, WFP_ACTRL_OPEN | WFP_ACTRL_CLASSIFY},
};

static uint32_t
put_sid(uint8_t *place, const struct principal *principal)
{
    memset(place, 0, 8);
    place[0] = 1;
    place[1] = principal->count;
    place[7] = principal->authority;
    for (uint32_t i = 0; i < principal->count; i++)
        put32(place + 8 + 4 * i, principal->subauthorities[i]);
    return 8u + 4u * principal->count;
}

int
wfp_bfe_descriptor_default(struct wfp_bfe_sd **ret_sd)
{
    static const struct principal administrators = {5, 2, {32, 544}, 0};
    uint8_t owner[8 + 4 * MAX_SUBAUTHORITIES];
    uint8_t dacl[8 + ELEMENTSOF(default_dacl) * (16 + 4 * MAX_SUBAUTHORITIES)] = {2};
    struct wfp_bfe_sd_parts parts = {.owner = owner, .group = owner, .dacl = dacl};
    uint32_t place = 8;

    put_sid(owner, &administrators);
    for (size_t i = 0; i < ELEMENTSOF(default_dacl); i++) {
        uint32_t size = 8 + put_sid(dacl + place + 8, &default_dacl[i]);
        put16(dacl + place + 2, size);
        put32(dacl + place + 4, default_dacl[i].mask);
        place += size;
    }
    put16(dacl + 2, place);
    put16(dacl + 4, ELEMENTSOF(default_dacl));
    return wfp_bfe_descriptor_join(&parts, ret_sd);
}
