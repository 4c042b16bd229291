/*
 * The table of tokens; see nt_token.h.
 *
 * Model      Users are found by their serial number, in chains that only grow, so that a classify looks
 *            one up without a lock. Several users of the same SIDs lead to one token.
 */
#include "nt/ntos/nt_token.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_process.h"

#define BUCKETS       64
#define FIRST_LUID    0x10000 /* smaller ones are known to everyone */
#define SYSTEM_LUID   0x3e7
#define ANONYMOUS     0x3e6
#define ALL_RIGHTS    0xF01FFu
#define READ_RIGHTS   0x20008u /* READ_CONTROL, TOKEN_QUERY */
#define WRITE_RIGHTS  0x200E0u /* READ_CONTROL, TOKEN_ADJUST_PRIVILEGES, _GROUPS, _DEFAULT */
#define LENT_RIGHTS   0xEu     /* TOKEN_DUPLICATE, _IMPERSONATE, _QUERY */
#define GROUP_ENABLED 0x4u

struct known {
    struct known *next;
    uint64_t serial;
    struct nt_token *token;
};

static _Atomic(struct known *) buckets[BUCKETS];
static pthread_mutex_t tokens_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nt_token *tokens;
static uint64_t last_luid = FIRST_LUID;

static const uint8_t local_system[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
static const uint8_t anonymous[] = {1, 1, 0, 0, 0, 0, 0, 5, 7, 0, 0, 0};

static bool
equals(const void *a, const void *b)
{
    uint32_t size = wfp_value_sid_size(a);

    return size == wfp_value_sid_size(b) && memcmp(a, b, size) == 0;
}

static bool
is_same(const struct wfp_token_information *a, const struct wfp_token_information *b)
{
    if (a->sid_count != b->sid_count)
        return false;
    for (uint32_t i = 0; i < a->sid_count; i++)
        if (!equals(a->sids[i].sid, b->sids[i].sid))
            return false;
    return true;
}

static uint64_t
logon_of(const void *sid)
{
    if (equals(sid, local_system))
        return SYSTEM_LUID;
    return equals(sid, anonymous) ? ANONYMOUS : ++last_luid;
}

static void
destroy(void *body)
{
    wfp_user_free(((struct nt_token *)body)->user);
}

static struct nt_token *
make_locked(const struct wfp_token_information *who)
{
    _cleanup_(nt_object_unrefp) struct nt_token *token =
        nt_object_new(NT_OBJECT_TOKEN, sizeof(*token), NULL, destroy);
    const void *sids[WFP_USER_MAX_SIDS];

    if (!token)
        return NULL;
    for (uint32_t i = 0; i < who->sid_count; i++)
        sids[i] = who->sids[i].sid;
    if (wfp_user_new(sids, who->sid_count, &token->user) < 0)
        return NULL;
    token->lent = nt_handle_lend(token, LENT_RIGHTS);
    if (!token->lent)
        return NULL;
    token->id = ++last_luid;
    token->modified_id = ++last_luid;
    token->authentication_id = logon_of(sids[0]);
    token->next = tokens;
    tokens = token;
    return TAKE_PTR(token);
}

static struct nt_token *
find_or_make_locked(const struct wfp_token_information *who)
{
    for (struct nt_token *token = tokens; token; token = token->next)
        if (is_same(&token->user->token, who))
            return token;
    return make_locked(who);
}

static struct nt_token *
find(uint64_t serial)
{
    struct known *known = atomic_load_explicit(&buckets[serial % BUCKETS], memory_order_acquire);

    while (known && known->serial != serial)
        known = known->next;
    return known ? known->token : NULL;
}

/** A user is met for the first time. */
static struct nt_token *
meet(const struct wfp_user *user)
{
    _Atomic(struct known *) *bucket = &buckets[user->serial % BUCKETS];
    struct nt_token *token;
    struct known *known;

    pthread_mutex_lock(&tokens_lock);
    token = find(user->serial);
    known = token ? NULL : malloc(sizeof(*known));
    if (known) {
        token = find_or_make_locked(&user->token);
        *known = (struct known){*bucket, user->serial, token};
        if (token)
            atomic_store_explicit(bucket, known, memory_order_release);
        else
            free(known);
    }
    pthread_mutex_unlock(&tokens_lock);
    return token;
}

struct nt_token *
nt_token_of_user(const struct wfp_user *user)
{
    struct nt_token *token = find(user->serial);

    return LIKELY(token) ? token : meet(user);
}

/** The numbers of a line of /proc/PID/status. @return how many there are */
static uint32_t
read_numbers(const char *line, uint32_t *numbers, uint32_t room)
{
    uint32_t count = 0;
    char *end;

    for (; count < room; line = end) {
        unsigned long number = strtoul(line, &end, 10);

        if (end == line)
            break;
        numbers[count++] = (uint32_t)number;
    }
    return count;
}

/** Who runs a Linux process: its effective user. @return NULL when it is gone */
static struct wfp_user *
user_of_process(uint64_t id)
{
    uint32_t ids[4], uid = 0, groups[WFP_USER_MAX_SIDS], count = 1;
    struct wfp_user *user = NULL;
    bool has_uid = false;
    char path[40], line[4096];

    snprintf(path, sizeof(path), "/proc/%llu/status", (unsigned long long)id);
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, "Uid:", 4) == 0 && read_numbers(line + 4, ids, 4) == 4) {
            uid = ids[1];
            has_uid = true;
        } else if (strncmp(line, "Gid:", 4) == 0 && read_numbers(line + 4, ids, 4) == 4) {
            groups[0] = ids[1];
        } else if (strncmp(line, "Groups:", 7) == 0) {
            count += read_numbers(line + 7, groups + 1, WFP_USER_MAX_SIDS - 1);
            break;
        }
    }
    fclose(file);
    if (!has_uid || wfp_user_from_linux(uid, groups, count, &user) < 0)
        return NULL;
    return user;
}

struct nt_token *
nt_token_of_process(const struct nt_process *process)
{
    static const void *const nobody[] = {anonymous};
    _cleanup_(wfp_user_freep) struct wfp_user *user = NULL;
    struct nt_token *token = NULL;
    int r = 0;

    if (process == nt_process_system())
        r = wfp_user_from_linux(0, NULL, 0, &user);
    else if (!wfp_clock_is_virtual()) /* this machine's processes have no part in a capture */
        user = user_of_process(process->id);
    if (r == 0 && !user)
        r = wfp_user_new(nobody, 1, &user);
    if (r < 0)
        return NULL;
    pthread_mutex_lock(&tokens_lock);
    token = find_or_make_locked(&user->token);
    if (token)
        nt_object_ref(token);
    pthread_mutex_unlock(&tokens_lock);
    return token;
}

struct nt_token *
nt_token_by_modified_id(uint64_t modified_id)
{
    struct nt_token *token;

    pthread_mutex_lock(&tokens_lock);
    for (token = tokens; token && token->modified_id != modified_id; token = token->next)
        ;
    if (token)
        nt_object_ref(token);
    pthread_mutex_unlock(&tokens_lock);
    return token;
}

long
nt_token_unref(struct nt_token *token)
{
    /* The table holds one, the handle that is lent another. */
    if (nt_object_refs(token) <= 2) {
        nt_finding(NT_FINDING_REFERENCE_BAD, "a token was dereferenced more often than referenced");
        return nt_object_refs(token);
    }
    return nt_object_unref(token);
}

uint32_t
nt_token_rights(uint32_t wanted)
{
    uint32_t rights = wanted & ALL_RIGHTS;

    if (wanted & 0x80000000u)
        rights |= READ_RIGHTS;
    if (wanted & 0x40000000u)
        rights |= WRITE_RIGHTS;
    if (wanted & 0x20000000u)
        rights |= 0x20000u;   /* READ_CONTROL */
    if (wanted & 0x12000000u) /* GENERIC_ALL, MAXIMUM_ALLOWED */
        rights |= ALL_RIGHTS;
    return rights;
}

bool
nt_token_has(const struct nt_token *token, const void *sid)
{
    const struct wfp_token_information *who = &token->user->token;

    for (uint32_t i = 0; i < who->sid_count; i++)
        if ((i == 0 || who->sids[i].attributes & GROUP_ENABLED) && equals(who->sids[i].sid, sid))
            return true;
    return false;
}
