/*
 * Who may do what: access checks, and getting and setting descriptors.
 *
 * Model      An object inherits from the container of its kind, the container from the engine: a check
 *            walks the three DACLs in this order, explicit entries first, until every right asked for
 *            is granted or one is denied. A protected DACL ends the walk.
 *            Kernel callers skip all checks, and so does a caller of this process that brought no
 *            token: it owns the engine, as Administrators do. Owners always may read and write the
 *            DACL; Administrators may always open. SACLs are kept and ignored.
 * Ref        win32 FWP/access-control
 */
#include "policy/bfe/bfe_security.h"

#include "core/model/access.h"

#define DACL_PRESENT     0x0004u
#define DACL_PROTECTED   0x1000u
#define ACE_ALLOWED      0u
#define ACE_DENIED       1u
#define ACE_INHERIT_ONLY 0x08u
#define GROUP_ENABLED    0x4u
#define GROUP_DENY_ONLY  0x10u

#define STANDARD_RIGHTS 0x000F0000u
#define ALL_RIGHTS      (STANDARD_RIGHTS | 0x7FFu)
#define READ_RIGHTS                                                                                \
    (WFP_ACTRL_READ_CONTROL | WFP_ACTRL_BEGIN_READ_TXN | WFP_ACTRL_CLASSIFY | WFP_ACTRL_OPEN |     \
     WFP_ACTRL_READ | WFP_ACTRL_READ_STATS)
#define EXECUTE_RIGHTS (WFP_ACTRL_READ_CONTROL | WFP_ACTRL_ENUM | WFP_ACTRL_SUBSCRIBE)
#define WRITE_RIGHTS                                                                               \
    (WFP_ACTRL_READ_CONTROL | WFP_ACTRL_DELETE | WFP_ACTRL_ADD | WFP_ACTRL_ADD_LINK |              \
     WFP_ACTRL_BEGIN_WRITE_TXN | WFP_ACTRL_WRITE)

static const uint8_t everyone[] = {1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
static const uint8_t administrators[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};

static uint32_t
map_generic(uint32_t mask)
{
    uint32_t rights = mask & ALL_RIGHTS;

    rights |= mask & 0x80000000u ? READ_RIGHTS : 0;
    rights |= mask & 0x40000000u ? WRITE_RIGHTS : 0;
    rights |= mask & 0x20000000u ? EXECUTE_RIGHTS : 0;
    rights |= mask & WFP_ACTRL_GENERIC_ALL ? ALL_RIGHTS : 0;
    return rights;
}

static bool
sid_equal(const uint8_t *a, const uint8_t *b)
{
    return a[1] == b[1] && memcmp(a, b, wfp_value_sid_size(a)) == 0;
}

/* Does the caller hold @p sid? Deny-only groups count for denials only. */
static bool
holds(const struct wfp_token_information *token, const uint8_t *sid, bool denying)
{
    if (sid_equal(sid, everyone))
        return true;
    for (uint32_t i = 0; i < token->sid_count; i++) {
        uint32_t attributes = token->sids[i].attributes;
        if (!sid_equal(token->sids[i].sid, sid))
            continue;
        if (i == 0 || (attributes & GROUP_ENABLED))
            return denying || !(attributes & GROUP_DENY_ONLY);
        return denying && (attributes & GROUP_DENY_ONLY);
    }
    return false;
}

/* Take from *wanted what the DACL grants. @return false when one of them is denied */
static bool
walk(const uint8_t *dacl, const struct wfp_token_information *token, uint32_t *wanted)
{
    const uint8_t *ace = dacl + 8;

    for (uint32_t i = dacl[4] | dacl[5] << 8; i > 0 && *wanted; i--) {
        uint32_t size = ace[2] | ace[3] << 8, mask;
        if (ace[0] <= ACE_DENIED && !(ace[1] & ACE_INHERIT_ONLY) &&
            holds(token, ace + 8, ace[0] == ACE_DENIED)) {
            memcpy(&mask, ace + 4, sizeof(mask));
            mask = map_generic(mask);
            if (ace[0] == ACE_DENIED && (mask & *wanted))
                return false;
            if (ace[0] == ACE_ALLOWED)
                *wanted &= ~mask;
        }
        ace += size;
    }
    return true;
}

static int
check(const struct wfp_bfe_session *session, const struct wfp_bfe_sd *const chain[3],
      uint32_t wanted)
{
    const struct wfp_token_information *token = session->token;

    if (session->kernel || !token)
        return 0;
    for (int i = 0; i < 3 && wanted; i++) {
        struct wfp_bfe_sd_parts parts;
        if (!chain[i])
            continue;
        wfp_bfe_descriptor_split(chain[i]->bytes, &parts);
        if (parts.owner && holds(token, parts.owner, false))
            wanted &= ~(WFP_ACTRL_READ_CONTROL | WFP_ACTRL_WRITE_DAC);
        if ((parts.control & DACL_PRESENT) && !parts.dacl)
            return 0; /* a null DACL admits everyone */
        if (parts.dacl && !walk(parts.dacl, token, &wanted))
            return -WFP_ERR_ACCESS_DENIED;
        if (parts.control & DACL_PROTECTED)
            break;
    }
    return wanted ? -WFP_ERR_ACCESS_DENIED : 0;
}

int
wfp_bfe_security_check_engine(const struct wfp_bfe_session *session, uint32_t right)
{
    const struct wfp_bfe_sd *chain[3] = {session->bfe->container_sd[WFP_BFE_KIND_COUNT]};

    if (session->token && right == WFP_ACTRL_OPEN && holds(session->token, administrators, false))
        return 0;
    return check(session, chain, right);
}

int
wfp_bfe_security_check_container(const struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                                 uint32_t right)
{
    const struct wfp_bfe_sd *chain[3] = {session->bfe->container_sd[kind],
                                         session->bfe->container_sd[WFP_BFE_KIND_COUNT]};
    return check(session, chain, right);
}

int
wfp_bfe_security_check_entry(const struct wfp_bfe_session *session,
                             const struct wfp_bfe_entry *entry, uint32_t right)
{
    const struct wfp_bfe_sd *chain[3] = {entry->sd, session->bfe->container_sd[entry->kind],
                                         session->bfe->container_sd[WFP_BFE_KIND_COUNT]};
    return check(session, chain, right);
}

static int
check_link(const struct wfp_bfe_session *session, const struct wfp_bfe_entry *link)
{
    return link ? wfp_bfe_security_check_entry(session, link, WFP_ACTRL_ADD_LINK) : 0;
}

int
wfp_bfe_security_check_add(const struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                           const struct wfp_bfe_links *links)
{
    int r = wfp_bfe_security_check_container(session, kind, WFP_ACTRL_ADD);

    if (r == 0)
        r = check_link(session, links->provider);
    if (r == 0)
        r = check_link(session, links->sublayer);
    if (r == 0)
        r = check_link(session, links->callout);
    if (r == 0)
        r = check_link(session, links->context);
    if (r == 0 && (kind == WFP_BFE_FILTER || kind == WFP_BFE_CALLOUT))
        r = wfp_bfe_security_check_container(session, WFP_BFE_LAYER, WFP_ACTRL_ADD_LINK);
    return r;
}

void
wfp_bfe_security_undo(struct wfp_bfe *bfe, struct wfp_bfe_log_row *row)
{
    struct wfp_bfe_sd **place = row->entry ? &row->entry->sd : &bfe->container_sd[row->kind];

    wfp_bfe_sd_unref(*place);
    *place = row->old_sd;
}

/* ---- get and set --------------------------------------------------------------------------- */

/*
 * Where the descriptor of an object or container is kept. Layers share their container's.
 * @param ret_entry  NULL for a container
 */
static int
find_place(struct wfp_bfe *bfe, enum wfp_bfe_kind kind, const struct wfp_guid *key,
           struct wfp_bfe_entry **ret_entry, struct wfp_bfe_sd ***ret_place)
{
    bool is_container = !key || wfp_guid_is_zero(key);

    if (kind > WFP_BFE_KIND_COUNT)
        return -WFP_ERR_INVALID_PARAMETER;
    *ret_entry = NULL;
    *ret_place = &bfe->container_sd[kind];
    if (is_container || kind > WFP_BFE_LAYER)
        return 0;
    if (kind == WFP_BFE_LAYER)
        return wfp_layer_find_key(key) ? 0 : -WFP_ERR_LAYER_NOT_FOUND;
    *ret_entry = wfp_bfe_table_find_key(&bfe->tables[kind], key);
    if (!*ret_entry)
        return wfp_bfe_not_found(kind);
    *ret_place = &(*ret_entry)->sd;
    return 0;
}

static int
check_place(const struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
            const struct wfp_bfe_entry *entry, uint32_t right)
{
    if (entry)
        return wfp_bfe_security_check_entry(session, entry, right);
    return kind == WFP_BFE_KIND_COUNT ? wfp_bfe_security_check_engine(session, right)
                                      : wfp_bfe_security_check_container(session, kind, right);
}

/* What is in force: the object's own, its container's or the engine's. */
static const struct wfp_bfe_sd *
effective(const struct wfp_bfe *bfe, enum wfp_bfe_kind kind, const struct wfp_bfe_entry *entry)
{
    if (entry && entry->sd)
        return entry->sd;
    return bfe->container_sd[kind] ? bfe->container_sd[kind]
                                   : bfe->container_sd[WFP_BFE_KIND_COUNT];
}

static void
merge(struct wfp_bfe_sd_parts *base, const struct wfp_bfe_sd_parts *with, uint32_t parts)
{
    if (parts & WFP_SECURITY_OWNER)
        base->owner = with->owner;
    if (parts & WFP_SECURITY_GROUP)
        base->group = with->group;
    if (parts & WFP_SECURITY_SACL)
        base->sacl = with->sacl;
    if (parts & WFP_SECURITY_DACL) {
        base->dacl = with->dacl;
        base->control = (uint16_t)((base->control & ~(DACL_PRESENT | DACL_PROTECTED)) |
                                   (with->control & DACL_PROTECTED) | DACL_PRESENT);
    }
}

static int
get_locked(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, const struct wfp_guid *key,
           uint32_t parts, struct wfp_bfe_sd **ret_sd)
{
    struct wfp_bfe_sd_parts all, wanted = {0};
    struct wfp_bfe_entry *entry;
    struct wfp_bfe_sd **place;
    int r = find_place(session->bfe, kind, key, &entry, &place);

    if (r == 0)
        r = check_place(session, kind, entry, WFP_ACTRL_READ_CONTROL);
    if (r < 0)
        return r;
    wfp_bfe_descriptor_split(effective(session->bfe, kind, entry)->bytes, &all);
    if (!(parts & WFP_SECURITY_DACL))
        all.control &= (uint16_t)~DACL_PRESENT;
    wanted.control = all.control;
    merge(&wanted, &all, parts & ~WFP_SECURITY_DACL);
    if (parts & WFP_SECURITY_DACL)
        wanted.dacl = all.dacl;
    return wfp_bfe_descriptor_join(&wanted, ret_sd);
}

int
wfp_bfe_security_get(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                     const struct wfp_guid *key, uint32_t parts, struct wfp_bfe_sd **ret_sd)
{
    uint32_t savepoint;
    int r;

    if (!ret_sd)
        return -WFP_ERR_NULL_POINTER;
    r = wfp_bfe_call_begin(session, false, &savepoint);
    if (r < 0)
        return r;
    r = get_locked(session, kind, key, parts, ret_sd);
    return wfp_bfe_call_end(session, savepoint, r);
}

static uint32_t
rights_to_set(uint32_t parts)
{
    uint32_t rights = parts & (WFP_SECURITY_OWNER | WFP_SECURITY_GROUP) ? WFP_ACTRL_WRITE_OWNER : 0;
    return parts & WFP_SECURITY_DACL ? rights | WFP_ACTRL_WRITE_DAC : rights;
}

static int
check_parts(const struct wfp_bfe_sd_parts *sd, uint32_t parts)
{
    if ((parts & WFP_SECURITY_OWNER) && (!sd->owner || !wfp_access_sid_is_valid(sd->owner)))
        return -WFP_ERR_INVALID_PARAMETER;
    if ((parts & WFP_SECURITY_GROUP) && (!sd->group || !wfp_access_sid_is_valid(sd->group)))
        return -WFP_ERR_INVALID_PARAMETER;
    return 0;
}

static int
set_locked(struct wfp_bfe_session *session, enum wfp_bfe_kind kind, const struct wfp_guid *key,
           uint32_t parts, const struct wfp_bfe_sd_parts *sd)
{
    _cleanup_(wfp_bfe_sd_unrefp) struct wfp_bfe_sd *joined = NULL;
    struct wfp_bfe_sd_parts merged;
    struct wfp_bfe_entry *entry;
    struct wfp_bfe_sd **place;
    struct wfp_blob blob;
    int r = find_place(session->bfe, kind, key, &entry, &place);

    if (r < 0)
        return r;
    if (session->dynamic && (!entry || entry->session != session->serial))
        return -WFP_ERR_DYNAMIC_SESSION_IN_PROGRESS;
    r = check_place(session, kind, entry, rights_to_set(parts));
    if (r == 0)
        r = wfp_bfe_log_reserve(session);
    if (r < 0)
        return r;
    wfp_bfe_descriptor_split(effective(session->bfe, kind, entry)->bytes, &merged);
    merge(&merged, sd, parts);
    r = wfp_bfe_descriptor_join(&merged, &joined);
    if (r < 0)
        return r;
    blob = (struct wfp_blob){joined->size, joined->bytes};
    r = wfp_access_descriptor_check(&blob);
    if (r < 0)
        return r;
    session->log.rows[session->log.count++] = (struct wfp_bfe_log_row){
        .entry = entry, .old_sd = *place, .change = WFP_BFE_CHANGE_SD, .kind = (uint8_t)kind};
    *place = TAKE_PTR(joined);
    return 0;
}

int
wfp_bfe_security_set(struct wfp_bfe_session *session, enum wfp_bfe_kind kind,
                     const struct wfp_guid *key, uint32_t parts, const struct wfp_bfe_sd_parts *sd)
{
    uint32_t savepoint;
    int r;

    if (!sd)
        return -WFP_ERR_NULL_POINTER;
    r = check_parts(sd, parts);
    if (r < 0)
        return r;
    r = wfp_bfe_call_begin(session, true, &savepoint);
    if (r == -WFP_ERR_INCOMPATIBLE_TXN)
        r = -WFP_ERR_TXN_IN_PROGRESS; /* in any explicit transaction, whatever its kind */
    if (r < 0)
        return r;
    r = session->is_explicit ? -WFP_ERR_TXN_IN_PROGRESS : set_locked(session, kind, key, parts, sd);
    return wfp_bfe_call_end(session, savepoint, r);
}
