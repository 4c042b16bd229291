/*
 * The table of redirected connections, found by what the application uses and by what is on the wire.
 */
#include <stdlib.h>
#include <string.h>

#include "core/shims/redirect.h"

#define FIRST_BUCKETS 256u

#define FRAGMENTED       256u               /* datagrams on their way at once */
#define REASSEMBLY_100NS (60ull * 10000000) /* RFC 8200: then nobody waits for the rest */

struct fragmented {
    uint8_t version, protocol;
    uint8_t source[16], destination[16];
    uint32_t id;
    uint64_t time_100ns;
    struct wfp_ends to;
};

struct wfp_redirect_table {
    uint32_t fragmented_count; /* ever */
    struct fragmented fragmented[FRAGMENTED];
    uint32_t count, mask;
    struct wfp_redirection **app, **wire;
    struct wfp_redirection *closing, **closing_end; /* in order of their time */
};

static int
new_buckets(uint32_t count, struct wfp_redirection ***ret_app, struct wfp_redirection ***ret_wire)
{
    *ret_app = calloc(count, sizeof(**ret_app));
    *ret_wire = calloc(count, sizeof(**ret_wire));
    if (*ret_app && *ret_wire)
        return 0;
    free(*ret_app);
    free(*ret_wire);
    return -1;
}

struct wfp_redirect_table *
wfp_redirect_table_new(void)
{
    struct wfp_redirect_table *table = calloc(1, sizeof(*table));

    if (!table || new_buckets(FIRST_BUCKETS, &table->app, &table->wire) < 0) {
        free(table);
        return NULL;
    }
    table->mask = FIRST_BUCKETS - 1;
    table->closing_end = &table->closing;
    return table;
}

void
wfp_redirect_table_free(struct wfp_redirect_table *table)
{
    if (!table)
        return;
    for (uint32_t i = 0; i <= table->mask; i++)
        while (table->app[i])
            wfp_redirection_remove(table, table->app[i]);
    free(table->app);
    free(table->wire);
    free(table);
}

uint32_t
wfp_redirect_table_count(const struct wfp_redirect_table *table)
{
    return table->count;
}

static bool
same(const struct wfp_flow_key *a, const struct wfp_flow_key *b)
{
    return memcmp(a->words, b->words, sizeof(a->words)) == 0;
}

struct wfp_redirection *
wfp_redirection_of_app(const struct wfp_redirect_table *table, const struct wfp_flow_key *key,
                       uint32_t hash)
{
    struct wfp_redirection *found = table->app[hash & table->mask];

    while (found && (found->app_hash != hash || !same(&found->app, key)))
        found = found->next_app;
    return found;
}

struct wfp_redirection *
wfp_redirection_of_wire(const struct wfp_redirect_table *table, const struct wfp_flow_key *key,
                        uint32_t hash)
{
    struct wfp_redirection *found = table->wire[hash & table->mask];

    while (found && (found->wire_hash != hash || !same(&found->wire, key)))
        found = found->next_wire;
    return found;
}

static void
put(struct wfp_redirect_table *table, struct wfp_redirection *redirection)
{
    struct wfp_redirection **app = &table->app[redirection->app_hash & table->mask];
    struct wfp_redirection **wire = &table->wire[redirection->wire_hash & table->mask];

    redirection->next_app = *app;
    *app = redirection;
    redirection->next_wire = *wire;
    *wire = redirection;
}

/** Without memory the chains just get longer. */
static void
grow(struct wfp_redirect_table *table)
{
    struct wfp_redirection **old_app = table->app, **old_wire = table->wire;
    uint32_t old_count = table->mask + 1;

    if (new_buckets(old_count * 2, &table->app, &table->wire) < 0) {
        table->app = old_app;
        table->wire = old_wire;
        return;
    }
    table->mask = old_count * 2 - 1;
    for (uint32_t i = 0; i < old_count; i++)
        for (struct wfp_redirection *r = old_app[i], *next; r; r = next) {
            next = r->next_app;
            put(table, r);
        }
    free(old_app);
    free(old_wire);
}

struct wfp_redirection *
wfp_redirection_enter(struct wfp_redirect_table *table, const struct wfp_redirection *redirection)
{
    struct wfp_redirection *entered = malloc(sizeof(*entered));

    if (!entered)
        return NULL;
    *entered = *redirection;
    if (table->count > table->mask)
        grow(table);
    put(table, entered);
    table->count++;
    return entered;
}

static void
stop_closing(struct wfp_redirect_table *table, struct wfp_redirection *redirection)
{
    struct wfp_redirection **at = &table->closing;

    if (redirection->gone_100ns == 0)
        return;
    while (*at != redirection)
        at = &(*at)->next_closing;
    *at = redirection->next_closing;
    if (!*at)
        table->closing_end = at;
}

void
wfp_redirection_remove(struct wfp_redirect_table *table, struct wfp_redirection *redirection)
{
    struct wfp_redirection **app = &table->app[redirection->app_hash & table->mask];
    struct wfp_redirection **wire = &table->wire[redirection->wire_hash & table->mask];

    while (*app != redirection)
        app = &(*app)->next_app;
    *app = redirection->next_app;
    while (*wire != redirection)
        wire = &(*wire)->next_wire;
    *wire = redirection->next_wire;
    stop_closing(table, redirection);
    table->count--;
    wfp_redirect_unref(redirection->bind);
    wfp_redirect_unref(redirection->connect);
    free(redirection);
}

void
wfp_redirection_close(struct wfp_redirect_table *table, struct wfp_redirection *redirection,
                      uint64_t gone_100ns)
{
    if (gone_100ns == 0) {
        wfp_redirection_remove(table, redirection);
        return;
    }
    if (redirection->gone_100ns)
        return;
    redirection->gone_100ns = gone_100ns;
    redirection->next_closing = NULL;
    *table->closing_end = redirection;
    table->closing_end = &redirection->next_closing;
}

void
wfp_redirection_keep(struct wfp_redirect_table *table, struct wfp_redirection *redirection)
{
    stop_closing(table, redirection);
    redirection->gone_100ns = 0;
}

void
wfp_redirection_note_fragment(struct wfp_redirect_table *table, const struct wfp_packet *first,
                              const struct wfp_ends *from, const struct wfp_ends *to)
{
    struct fragmented *fragmented = &table->fragmented[table->fragmented_count++ % FRAGMENTED];

    *fragmented = (struct fragmented){.version = first->version,
                                      .protocol = first->protocol,
                                      .id = first->fragment_id,
                                      .time_100ns = first->time_100ns,
                                      .to = *to};
    memcpy(fragmented->source, from->source, 16);
    memcpy(fragmented->destination, from->destination, 16);
}

const struct wfp_ends *
wfp_redirection_of_fragment(const struct wfp_redirect_table *table, const struct wfp_packet *later)
{
    uint32_t size = later->version == 4 ? 4 : 16;

    for (uint32_t i = 0; i < MIN(table->fragmented_count, FRAGMENTED); i++) {
        const struct fragmented *fragmented =
            &table->fragmented[(table->fragmented_count - 1 - i) % FRAGMENTED];

        if (fragmented->id == later->fragment_id && fragmented->version == later->version &&
            fragmented->protocol == later->protocol &&
            memcmp(fragmented->source, later->source, size) == 0 &&
            memcmp(fragmented->destination, later->destination, size) == 0 &&
            later->time_100ns - fragmented->time_100ns < REASSEMBLY_100NS)
            return &fragmented->to;
    }
    return NULL;
}

void
wfp_redirect_table_advance(struct wfp_redirect_table *table, uint64_t now_100ns)
{
    while (table->closing && table->closing->gone_100ns <= now_100ns)
        wfp_redirection_remove(table, table->closing);
}
