/*
 * Page: win32 FWP/access-control. A row per rule; callers are tokens, as a service would see them.
 */
#include "management.h"

#define ADMINISTRATORS                                                                             \
    {                                                                                              \
        1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0                                         \
    }
#define OPERATORS                                                                                  \
    {                                                                                              \
        1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x2C, 2, 0, 0                                         \
    }
#define NOBODY                                                                                     \
    {                                                                                              \
        1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0                                            \
    }

static UINT8 administrators[] = ADMINISTRATORS, operators[] = OPERATORS, nobody[] = NOBODY;

static struct wfp_bfe_session *
open_as(struct world *w, void *sid)
{
    struct wfp_sid_and_attributes user = {.sid = sid};
    struct wfp_token_information token = {.sid_count = 1, .sids = &user};
    struct wfp_session_spec spec = {.txn_wait_timeout_ms = 20, .token = &token};
    struct wfp_bfe_session *session = NULL;

    assert_int_equal(wfp_bfe_session_open(w->bfe, &spec, &session), 0);
    return session;
}

static const uint16_t name[] = {'n', 0};

static int
add_sublayer_as(struct wfp_bfe_session *session, const struct wfp_guid *provider)
{
    struct wfp_sublayer_spec spec = {.common = {.name_utf16 = name, .provider_key = provider}};

    memcpy(&spec.common.key, &sublayer_key, sizeof(GUID));
    return wfp_bfe_sublayer_add(session, &spec, NULL);
}

static void
everyone_may_open_only(void **state)
{
    struct world *w = *state;
    struct wfp_bfe_session *session = open_as(w, nobody);
    struct wfp_bfe_object *object;
    uint64_t handle;
    uint32_t value;

    GIVES(-WFP_ERR_ACCESS_DENIED, add_sublayer_as(session, NULL));
    GIVES(-WFP_ERR_ACCESS_DENIED,
          wfp_bfe_object_get(session, WFP_BFE_SUBLAYER, &wfp_bfe_default_sublayer, &object));
    GIVES(-WFP_ERR_ACCESS_DENIED, wfp_bfe_enum_create(session, WFP_BFE_FILTER, NULL, &handle));
    GIVES(-WFP_ERR_ACCESS_DENIED, wfp_bfe_txn_begin(session, 0));
    GIVES(-WFP_ERR_ACCESS_DENIED, wfp_bfe_txn_begin(session, WFP_TXN_FLAG_READ_ONLY));
    GIVES(-WFP_ERR_ACCESS_DENIED,
          wfp_bfe_option_get(session, WFP_BFE_OPTION_COLLECT_NET_EVENTS, &value));
    GIVES(0, wfp_bfe_session_close(session));
}

static void
administrators_may_everything(void **state)
{
    struct world *w = *state;
    struct wfp_bfe_session *session = open_as(w, administrators);
    struct wfp_value zero = {.type = WFP_UINT32};
    uint64_t handle;

    GIVES(0, wfp_bfe_txn_begin(session, 0));
    GIVES(0, add_sublayer_as(session, NULL));
    GIVES(0, wfp_bfe_txn_commit(session));
    GIVES(0, wfp_bfe_enum_create(session, WFP_BFE_SUBLAYER, NULL, &handle));
    GIVES(0, wfp_bfe_option_set(session, WFP_BFE_OPTION_COLLECT_NET_EVENTS, &zero));
    GIVES(0,
          wfp_bfe_delete_by_key(session, WFP_BFE_SUBLAYER, (const struct wfp_guid *)&sublayer_key));
    GIVES(0, wfp_bfe_session_close(session));
}

static void
operators_may_read_write_execute(void **state)
{
    struct world *w = *state;
    struct wfp_bfe_session *session = open_as(w, operators);
    struct wfp_bfe_sd_parts parts = {.owner = operators};
    uint64_t handle;

    GIVES(0, add_sublayer_as(session, NULL));
    GIVES(0, wfp_bfe_enum_create(session, WFP_BFE_SUBLAYER, NULL, &handle));
    /* generic write has no WRITE_OWNER */
    GIVES(-WFP_ERR_ACCESS_DENIED,
          wfp_bfe_security_set(session, WFP_BFE_SUBLAYER, (const struct wfp_guid *)&sublayer_key,
                               WFP_SECURITY_OWNER, &parts));
    GIVES(0, wfp_bfe_session_close(session));
}

/* A DACL of one entry. */
static const void *
one_entry(UINT8 acl[28], UINT8 type, UINT32 mask, const UINT8 sid[16])
{
    memset(acl, 0, 28 + 4);
    acl[0] = 2;
    acl[2] = 8 + 24;
    acl[4] = 1;
    acl[8] = type;
    acl[10] = 24;
    memcpy(acl + 12, &mask, sizeof(mask));
    memcpy(acl + 16, sid, 16);
    return acl;
}

static void
object_grants_what_container_does_not(void **state)
{
    struct world *w = *state;
    struct wfp_bfe_session *session = open_as(w, nobody);
    struct wfp_bfe_object *object = NULL;
    UINT8 acl[32];
    struct _ACL *dacl = (struct _ACL *)(uintptr_t)one_entry(acl, 0, FWPM_ACTRL_READ, nobody);

    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 0));
    GIVES(-WFP_ERR_ACCESS_DENIED,
          wfp_bfe_object_get(session, WFP_BFE_SUBLAYER, (const struct wfp_guid *)&sublayer_key,
                             &object));
    GIVES(0,
          FwpmSubLayerSetSecurityInfoByKey0(w->session, &sublayer_key, 4, NULL, NULL, dacl, NULL));
    GIVES(0, wfp_bfe_object_get(session, WFP_BFE_SUBLAYER, (const struct wfp_guid *)&sublayer_key,
                                &object));
    wfp_bfe_object_unref(object);
    GIVES(-WFP_ERR_ACCESS_DENIED,
          wfp_bfe_delete_by_key(session, WFP_BFE_SUBLAYER, (const struct wfp_guid *)&sublayer_key));
    GIVES(0, wfp_bfe_session_close(session));
}

static void
denial_comes_first(void **state)
{
    struct world *w = *state;
    struct wfp_bfe_session *session = open_as(w, operators);
    UINT8 acl[32];
    struct _ACL *dacl = (struct _ACL *)(uintptr_t)one_entry(acl, 1, DELETE, operators);

    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 0));
    GIVES(0,
          FwpmSubLayerSetSecurityInfoByKey0(w->session, &sublayer_key, 4, NULL, NULL, dacl, NULL));
    /* the engine's DACL, further out, would grant it */
    GIVES(-WFP_ERR_ACCESS_DENIED,
          wfp_bfe_delete_by_key(session, WFP_BFE_SUBLAYER, (const struct wfp_guid *)&sublayer_key));
    GIVES(0, FwpmSubLayerDeleteByKey0(w->session, &sublayer_key));
    GIVES(0, wfp_bfe_session_close(session));
}

static void
link_needs_add_link(void **state)
{
    struct world *w = *state;
    struct wfp_bfe_session *session = open_as(w, operators);
    UINT8 acl[32];
    struct _ACL *dacl = (struct _ACL *)(uintptr_t)one_entry(acl, 1, FWPM_ACTRL_ADD_LINK, operators);

    GIVES(0, add_provider(w->session, &provider_key, 0));
    GIVES(0,
          FwpmProviderSetSecurityInfoByKey0(w->session, &provider_key, 4, NULL, NULL, dacl, NULL));
    REFUSED(w, -WFP_ERR_ACCESS_DENIED,
            add_sublayer_as(session, (const struct wfp_guid *)&provider_key));
    GIVES(0, add_sublayer_as(session, NULL));
    GIVES(0, wfp_bfe_session_close(session));
}

static void
enumerations_show_what_may_be_read(void **state)
{
    struct world *w = *state;
    struct wfp_bfe_session *session = open_as(w, operators);
    UINT8 acl[32];
    struct _ACL *dacl = (struct _ACL *)(uintptr_t)one_entry(acl, 1, FWPM_ACTRL_READ, operators);
    uint32_t all = wfp_bfe_count(w->bfe, WFP_BFE_SUBLAYER), count;
    uint64_t handle;
    void **items;

    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 0));
    GIVES(0,
          FwpmSubLayerSetSecurityInfoByKey0(w->session, &sublayer_key, 4, NULL, NULL, dacl, NULL));
    GIVES(0, wfp_bfe_enum_create(session, WFP_BFE_SUBLAYER, NULL, &handle));
    GIVES(0, wfp_bfe_enum_next(session, WFP_BFE_SUBLAYER, handle, 1000, &items, &count));
    assert_int_equal(count, all); /* the new one is not among them */
    wfp_bfe_enum_free(WFP_BFE_SUBLAYER, items, count);
    GIVES(0, wfp_bfe_session_close(session));
}

static void
null_key_is_the_container(void **state)
{
    struct world *w = *state;
    struct wfp_bfe_session *session = open_as(w, nobody);
    UINT8 acl[32];
    struct _ACL *dacl = (struct _ACL *)(uintptr_t)one_entry(acl, 0, FWPM_ACTRL_ADD, nobody);

    GIVES(0, FwpmSubLayerSetSecurityInfoByKey0(w->session, NULL, 4, NULL, NULL, dacl, NULL));
    GIVES(0, add_sublayer_as(session, NULL));
    GIVES(-WFP_ERR_ACCESS_DENIED,
          wfp_bfe_delete_by_key(session, WFP_BFE_SUBLAYER, (const struct wfp_guid *)&sublayer_key));
    GIVES(0, wfp_bfe_session_close(session));
}

static void
administrators_always_open(void **state)
{
    struct world *w = *state;
    UINT8 acl[32];
    struct _ACL *dacl = (struct _ACL *)(uintptr_t)one_entry(acl, 1, FWPM_ACTRL_OPEN, nobody);
    struct wfp_sid_and_attributes user = {.sid = nobody};
    struct wfp_token_information token = {.sid_count = 1, .sids = &user};
    struct wfp_session_spec spec = {.token = &token};
    struct wfp_bfe_session *session = NULL;

    GIVES(0, FwpmEngineSetSecurityInfo0(w->session, 4, NULL, NULL, dacl, NULL));
    GIVES(-WFP_ERR_ACCESS_DENIED, wfp_bfe_session_open(w->bfe, &spec, &session));
    session = open_as(w, administrators);
    GIVES(-WFP_ERR_ACCESS_DENIED, add_sublayer_as(session, NULL)); /* open, and no more */
    GIVES(0, wfp_bfe_session_close(session));
}

static void
kernel_callers_skip_checks(void **state)
{
    struct world *w = *state;
    struct wfp_session_spec spec = {.kernel = true};
    struct wfp_bfe_session *session = NULL;
    UINT8 acl[8] = {2, 0, 8, 0}; /* empty: no one may anything */

    GIVES(0, FwpmEngineSetSecurityInfo0(w->session, 4, NULL, NULL, (struct _ACL *)acl, NULL));
    GIVES(0, wfp_bfe_session_open(w->bfe, &spec, &session));
    GIVES(0, add_sublayer_as(session, NULL));
    GIVES(0, wfp_bfe_session_close(session));
}

static void
dynamic_session_secures_its_own_only(void **state)
{
    struct world *w = *state;
    HANDLE session = open_session(FWPM_SESSION_FLAG_DYNAMIC);
    UINT8 acl[32];
    struct _ACL *dacl = (struct _ACL *)(uintptr_t)one_entry(acl, 0, FWPM_ACTRL_READ, nobody);

    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 0));
    GIVES(0, add_sublayer(session, &other_key, 0, 0));
    REFUSED(w, DYNAMIC_SESSION_IN_PROGRESS,
            FwpmSubLayerSetSecurityInfoByKey0(session, &sublayer_key, 4, NULL, NULL, dacl, NULL));
    GIVES(0, FwpmSubLayerSetSecurityInfoByKey0(session, &other_key, 4, NULL, NULL, dacl, NULL));
}

static void
parts_not_named_stay(void **state)
{
    struct world *w = *state;
    struct _SID *owner = NULL, *group = NULL;
    struct _ACL *dacl = NULL;
    PSECURITY_DESCRIPTOR sd = NULL;

    GIVES(0, add_sublayer(w->session, &sublayer_key, 0, 0));
    GIVES(0, FwpmSubLayerSetSecurityInfoByKey0(w->session, &sublayer_key, 1,
                                               (struct _SID *)operators, NULL, NULL, NULL));
    GIVES(0, FwpmSubLayerGetSecurityInfoByKey0(w->session, &sublayer_key, 1 | 2 | 4, &owner, &group,
                                               &dacl, NULL, &sd));
    assert_memory_equal(owner, operators, sizeof(operators));
    assert_memory_equal(group, administrators, sizeof(administrators));
    assert_int_equal(((UINT8 *)dacl)[4], 8); /* the default's eight entries */
    FwpmFreeMemory0(&sd);
}

int
main(void)
{
    const struct CMUnitTest rows[] = {
        ROW("everyone may open, and no more", everyone_may_open_only),
        ROW("Administrators may everything", administrators_may_everything),
        ROW("operators may read, write and execute", operators_may_read_write_execute),
        ROW("an object may grant what its container does not",
            object_grants_what_container_does_not),
        ROW("an object's denial comes before inherited grants", denial_comes_first),
        ROW("a reference needs ADD_LINK", link_needs_add_link),
        ROW("enumerations show what may be read", enumerations_show_what_may_be_read),
        ROW("a NULL key means the container", null_key_is_the_container),
        ROW("Administrators can always open", administrators_always_open),
        ROW("kernel-mode callers skip all checks", kernel_callers_skip_checks),
        ROW("a dynamic session sets security of its own objects only",
            dynamic_session_secures_its_own_only),
        ROW("parts that are not named stay", parts_not_named_stay),
    };
    return RUN(rows);
}
