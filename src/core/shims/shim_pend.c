/*
 * The table of pended authorizations (pend.h).
 *
 * Lifetime   A pend is made in a classify, entered under its conversation's key when that classify is
 *            over, and freed by the stack's thread after completion. Only the list of completed ones
 *            is shared with other threads.
 */
#include "core/shims/pend.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "core/shims/shim.h"

#define BUCKETS 1024

struct wfp_pend {
    struct wfp_pend *next; /* in the bucket */
    struct wfp_pend *next_completed;
    struct wfp_pend_table *table;
    struct wfp_flow_key key;
    uint32_t hash;
    bool is_entered;
    enum wfp_pend_stage stage;
    struct wfp_frame frame; /* data and path are its own; data NULL: only the conversation waits */
    bool is_outbound;
    bool is_tcp;
    struct wfp_verdict verdict; /* what those who wait meanwhile are told */
    wfp_pend_taken_up *taken_up;
    void *taken_up_context;
    uint32_t answer;                     /* WFP_ACTION_*, 0: ask again */
    struct wfp_redirect *bind, *connect; /* what was redirected before, or is being */
    struct wfp_closure closure;          /* stage CLOSURE */
    bool is_opening;                     /* of a socket, without a packet */
    struct wfp_opening opening;
};

struct wfp_pend_table {
    uint32_t count;
    struct wfp_pend *buckets[BUCKETS];
    pthread_mutex_t lock;
    struct wfp_pend *completed, **completed_end;
};

struct wfp_pend_table *
wfp_pend_table_new(void)
{
    struct wfp_pend_table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    pthread_mutex_init(&table->lock, NULL);
    table->completed_end = &table->completed;
    return table;
}

static void
remove_entered(struct wfp_pend *pend)
{
    struct wfp_pend **at = &pend->table->buckets[pend->hash % BUCKETS];

    if (!pend->is_entered)
        return;
    while (*at != pend)
        at = &(*at)->next;
    *at = pend->next;
    pend->table->count--;
}

void
wfp_pend_free(struct wfp_pend *pend)
{
    if (!pend)
        return;
    remove_entered(pend);
    wfp_redirect_unref(pend->bind);
    wfp_redirect_unref(pend->connect);
    if (pend->taken_up)
        pend->taken_up(pend->taken_up_context);
    free(pend->frame.data);
    free((void *)(uintptr_t)pend->frame.process_path_utf16);
    free(pend);
}

void
wfp_pend_table_free(struct wfp_pend_table *table)
{
    struct wfp_pend *pend;

    if (!table)
        return;
    while ((pend = wfp_pend_take_completed(table)) != NULL)
        wfp_pend_free(pend);
    for (uint32_t i = 0; i < BUCKETS; i++)
        while (table->buckets[i])
            wfp_pend_free(table->buckets[i]);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

int
wfp_pend_begin(struct wfp_pend_slot *slot, struct wfp_pend **ret_pend)
{
    struct wfp_pend *pend;

    if (!slot->table)
        return -WFP_ERR_INVALID_PARAMETER;
    if (slot->is_reauthorize || slot->pend)
        return -WFP_ERR_NOT_SUPPORTED;
    pend = calloc(1, sizeof(*pend));
    if (!pend)
        return -WFP_ERR_NO_MEMORY;
    pend->table = slot->table;
    *ret_pend = slot->pend = pend;
    return 0;
}

void
wfp_pend_complete(struct wfp_pend *pend, wfp_pend_taken_up *taken_up, void *context)
{
    struct wfp_pend_table *table = pend->table;

    pend->taken_up = taken_up;
    pend->taken_up_context = context;
    pthread_mutex_lock(&table->lock);
    *table->completed_end = pend;
    table->completed_end = &pend->next_completed;
    pthread_mutex_unlock(&table->lock);
}

int
wfp_shim_pend_ask(struct wfp_pend_table *table, wfp_pend_taken_up *answer, void *context)
{
    struct wfp_pend_slot slot = {.table = table};
    struct wfp_pend *pend;
    int r = table ? wfp_pend_begin(&slot, &pend) : -WFP_ERR_NOT_SUPPORTED;

    if (r == 0)
        wfp_pend_complete(pend, answer, context);
    return r;
}

void
wfp_pend_answer(struct wfp_pend *pend, uint32_t action)
{
    pend->answer = action;
}

bool
wfp_pend_has_completed(const struct wfp_pend_table *table)
{
    return __atomic_load_n(&table->completed, __ATOMIC_RELAXED) != NULL;
}

struct wfp_pend *
wfp_pend_take_completed(struct wfp_pend_table *table)
{
    struct wfp_pend *pend;

    if (!wfp_pend_has_completed(table))
        return NULL;
    pthread_mutex_lock(&table->lock);
    pend = table->completed;
    if (pend) {
        table->completed = pend->next_completed;
        if (!table->completed)
            table->completed_end = &table->completed;
    }
    pthread_mutex_unlock(&table->lock);
    return pend;
}

struct wfp_frame *
wfp_pend_frame(struct wfp_pend *pend, enum wfp_pend_stage *ret_stage, bool *ret_outbound)
{
    *ret_stage = pend->stage;
    *ret_outbound = pend->is_outbound;
    return pend->frame.data ? &pend->frame : NULL;
}

static uint16_t *
copy_path(const uint16_t *path)
{
    size_t units = 0;
    uint16_t *copy;

    if (!path)
        return NULL;
    while (path[units])
        units++;
    copy = malloc((units + 1) * sizeof(*copy));
    if (copy)
        memcpy(copy, path, (units + 1) * sizeof(*copy));
    return copy;
}

/** The packet as a frame that the stack can take up again. Without memory it is lost, as on a wire. */
static void
keep_packet(struct wfp_pend *pend, const struct wfp_packet *packet)
{
    struct wfp_frame *frame = &pend->frame;

    *frame = (struct wfp_frame){
        .length = packet->length,
        .wire_length = packet->wire_length,
        .hint = pend->is_outbound ? WFP_HINT_OUTBOUND : WFP_HINT_INBOUND,
        .time_100ns = packet->time_100ns,
        .interface_index = packet->interface_index,
        .interface_type = packet->interface_type,
        .link_broadcast = packet->link_broadcast,
        .process_id = packet->process_id,
        .process_path_utf16 = copy_path(packet->process_path_utf16),
        .user = packet->user,
        .path_mtu = packet->path_mtu,
        .entry = WFP_ENTRY_RESUMED,
        .plane_id = packet->plane_id,
    };
    frame->data = malloc(packet->length ? packet->length : 1);
    if (frame->data)
        memcpy(frame->data, packet->data, packet->length);
}

/** A packet that waits before it is decided where it goes keeps the ends the application gave it. */
static void
restore_ends(struct wfp_shim *shim, struct wfp_frame *frame)
{
    struct wfp_packet packet = {
        .data = frame->data, .length = frame->length, .wire_length = frame->wire_length};

    if (frame->data && shim->redirect.is_changed && wfp_packet_parse(&packet) == WFP_DECODED)
        wfp_packet_readdress(&packet, &shim->redirect.app);
}

/** The classify is over and was pended: remember the conversation and what waits. */
static void
enter(struct wfp_shim *shim, enum wfp_pend_stage stage)
{
    struct wfp_pend *pend = shim->slot.pend, **bucket;

    pend->stage = stage;
    pend->key = shim->plan.key;
    pend->hash = shim->plan.hash;
    pend->is_outbound = !shim->is_inbound;
    pend->is_tcp = shim->packet->protocol == WFP_PROTOCOL_TCP;
    pend->verdict = shim->decision->verdict;
    if (shim->opening) { /* under a key that no packet has */
        pend->is_opening = true;
        pend->opening = *shim->opening;
        pend->key = (struct wfp_flow_key){0};
        pend->hash = 0;
    } else if (stage != WFP_PEND_AUTHORIZE || shim->plan.outbound)
        keep_packet(pend, shim->packet);
    if (stage < WFP_PEND_AUTHORIZE) {
        restore_ends(shim, &pend->frame);
        pend->bind = TAKE_PTR(shim->redirect.bind);
        if (stage == WFP_PEND_BIND_REDIRECT)
            pend->bind = TAKE_PTR(shim->classify_slot.redirect);
        if (stage == WFP_PEND_CONNECT_REDIRECT)
            pend->connect = TAKE_PTR(shim->classify_slot.redirect);
    }
    bucket = &pend->table->buckets[pend->hash % BUCKETS];
    pend->next = *bucket;
    *bucket = pend;
    pend->is_entered = true;
    pend->table->count++;
}

bool
wfp_shim_indicate_pendable(struct wfp_shim *shim, uint16_t layer_id, uint32_t flags,
                           bool with_packet, enum wfp_pend_stage stage)
{
    bool permitted;

    if (!shim->pends || !wfp_shim_is_watched(shim, layer_id))
        return wfp_shim_indicate(shim, layer_id, flags, with_packet);
    wfp_shim_prepare(shim);
    shim->slot = (struct wfp_pend_slot){.table = shim->pends,
                                        .is_reauthorize = flags & WFP_CONDITION_IS_REAUTHORIZE};
    shim->metadata.completion_handle = &shim->slot;
    shim->available |= WFP_METADATA_COMPLETION_HANDLE;
    permitted = wfp_shim_indicate(shim, layer_id, flags, with_packet);
    shim->available &= ~WFP_METADATA_COMPLETION_HANDLE;
    shim->metadata.completion_handle = NULL;
    shim->slot.table = NULL;
    if (!shim->slot.pend)
        return permitted;
    enter(shim, stage);
    shim->is_pended = true;
    shim->decision->outcome = WFP_ABSORBED; /* also when the callout forgot to say so */
    return false;
}

/** Entered under a key that no packet has, so that the table knows of it: nothing waits for it. */
static void
enter_closure(struct wfp_shim *aside, const struct wfp_closure *closure)
{
    struct wfp_pend *pend = aside->slot.pend;

    pend->stage = WFP_PEND_CLOSURE;
    pend->closure = *closure;
    pend->closure.owner = wfp_owner_share(aside->owners, closure->owner);
    pend->next = pend->table->buckets[0];
    pend->table->buckets[0] = pend;
    pend->is_entered = true;
    pend->table->count++;
}

bool
wfp_shim_indicate_closure(struct wfp_shim *aside, uint16_t layer_id,
                          const struct wfp_closure *closure, bool is_again)
{
    if (!wfp_shim_is_watched(aside, layer_id))
        return true;
    wfp_shim_ale_prepare(aside, is_again ? WFP_REAUTHORIZE_CLASSIFY_COMPLETION : 0);
    aside->slot = (struct wfp_pend_slot){.table = aside->closures, .is_reauthorize = is_again};
    aside->classify_slot.pend = &aside->slot;
    wfp_shim_indicate(aside, layer_id, is_again ? WFP_CONDITION_IS_REAUTHORIZE : 0, false);
    aside->classify_slot.pend = NULL;
    aside->slot.table = NULL;
    if (!aside->slot.pend)
        return true;
    enter_closure(aside, closure);
    return false;
}

const struct wfp_opening *
wfp_pend_opening(const struct wfp_pend *pend)
{
    return pend->is_opening ? &pend->opening : NULL;
}

const struct wfp_closure *
wfp_pend_closure(const struct wfp_pend *pend, uint32_t *ret_answer)
{
    *ret_answer = pend->answer;
    return &pend->closure;
}

uint32_t
wfp_shim_pend_take(struct wfp_shim *shim, struct wfp_pend *pend)
{
    shim->redirect.bind = TAKE_PTR(pend->bind);
    shim->redirect.connect = TAKE_PTR(pend->connect);
    if (pend->answer == WFP_ACTION_BLOCK)
        shim->decision->verdict = pend->verdict;
    return pend->answer;
}

/** Injected packets are how a driver ends the wait of a recv/accept: they don't wait. */
bool
wfp_shim_pend_finds(const struct wfp_shim *shim)
{
    const struct wfp_flow_key *key = &shim->plan.key;

    if (LIKELY(!shim->pends || shim->pends->count == 0) || shim->resumed || shim->is_injected)
        return false;
    for (struct wfp_pend *pend = shim->pends->buckets[shim->plan.hash % BUCKETS]; pend;
         pend = pend->next)
        if (memcmp(pend->key.words, key->words, sizeof(key->words)) == 0) {
            shim->decision->verdict = pend->verdict;
            return true;
        }
    return false;
}

bool
wfp_shim_pend_wait(struct wfp_shim *shim)
{
    const struct wfp_verdict verdict = shim->decision->verdict;

    wfp_shim_refuse(shim, verdict.layer_id, verdict.filter_id, verdict.callout_id);
    shim->decision->outcome = WFP_ABSORBED;
    shim->is_pended = true;
    return false;
}
