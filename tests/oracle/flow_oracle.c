/*
 * The flow table beside a plain list: what lives, for how long, and what is told of its end.
 *
 * Model      Random packets, closings and leaps of time go to both. The plain twin knows a flow's last
 *            packet and its state's patience, and looks at every entry; it has no hash, no wheel, no
 *            slabs. Both must agree on each lookup, and at the end every flow that lived has been told
 *            to end exactly once.
 * Run        flow_oracle [SEED [STEPS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine.h"
#include "core/flow/endpoint.h"
#include "core/flow/flow.h"

#define SECOND    10000000ull
#define PLAIN_MAX 256

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "seed %llu, step %u: %s\n", (unsigned long long)seed, step,    \
                            #condition),                                                           \
                    abort()))

struct plain {
    bool is_used;
    struct wfp_flow_key key;
    enum wfp_flow_state state;
    bool is_group;
    uint64_t id, last;
};

static struct plain plain[PLAIN_MAX];
static uint64_t seed = 1, random_state;
static uint32_t step, born, ended;
static uint64_t last_ended;

static uint32_t
roll(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % bound;
}

static uint64_t
patience(const struct plain *p)
{
    if (p->key.protocol != 6)
        return p->is_group ? 4 * SECOND : 60 * SECOND;
    switch (p->state) {
    case WFP_FLOW_NEW:
        return 30 * SECOND;
    case WFP_FLOW_ESTABLISHED:
        return 7200 * SECOND;
    default:
        return 120 * SECOND;
    }
}

static struct plain *
plain_find(const struct wfp_flow_key *key, uint64_t now)
{
    for (uint32_t i = 0; i < PLAIN_MAX; i++) {
        struct plain *p = &plain[i];

        if (!p->is_used || memcmp(&p->key, key, sizeof(*key)) != 0)
            continue;
        if (now < p->last + patience(p))
            return p;
        p->is_used = false; /* looking for it ends it */
    }
    return NULL;
}

static uint32_t
plain_count(uint64_t now)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < PLAIN_MAX; i++)
        count += plain[i].is_used && now < plain[i].last + patience(&plain[i]);
    return count;
}

static void
on_end(void *context, struct wfp_flow *flow)
{
    last_ended = flow->id;
    ended += flow->id != 0;
}

static void
create(struct wfp_flow_table *table, const struct wfp_flow_key *key, uint64_t now)
{
    uint64_t next = wfp_flow_next_id(table);
    struct plain *p = NULL;
    struct wfp_flow *flow;

    for (uint32_t i = 0; i < PLAIN_MAX && !p; i++)
        if (!plain[i].is_used)
            p = &plain[i];
    if (!p)
        return;
    CHECK(wfp_flow_create(table, key, wfp_flow_hash(table, key), now, &flow) == 0);
    CHECK(flow->id == next);
    flow->outbound = flow->is_multicast = key->protocol != 6 && roll(4) == 0;
    wfp_flow_set_state(table, flow, WFP_FLOW_NEW); /* as establish() does: the wheel hears of it */
    *p = (struct plain){.is_used = true,
                        .key = *key,
                        .state = WFP_FLOW_NEW,
                        .is_group = flow->is_multicast,
                        .id = flow->id,
                        .last = now};
    born++;
}

/** One packet of a random conversation, with a random consequence. */
static void
packet(struct wfp_flow_table *table, uint64_t now)
{
    struct wfp_flow_key key = {.version = 4, .protocol = roll(2) ? 6 : 17, .local_port = 1};
    uint32_t number = roll(40);
    struct wfp_flow *flow;
    struct plain *p;

    memcpy(key.remote, &number, sizeof(number));
    flow = wfp_flow_find(table, &key, wfp_flow_hash(table, &key), now);
    p = plain_find(&key, now);
    CHECK((flow != NULL) == (p != NULL));
    if (!flow) {
        create(table, &key, now);
        return;
    }
    CHECK(flow->state == p->state);
    CHECK(flow->id == (p->state >= WFP_FLOW_CLOSED ? 0 : p->id));
    CHECK(flow->last_100ns == p->last);
    switch (roll(12)) {
    case 0:
        last_ended = 0;
        wfp_flow_end(table, flow);
        CHECK(last_ended == (p->state >= WFP_FLOW_CLOSED ? 0 : p->id));
        p->is_used = false;
        break;
    case 1:
    case 2:
        wfp_flow_touch(flow, now);
        p->last = now;
        if (p->state < WFP_FLOW_CLOSED) {
            p->state = (enum wfp_flow_state)(p->state + 1 + roll(2));
            wfp_flow_set_state(table, flow, p->state);
        }
        break;
    default:
        wfp_flow_touch(flow, now);
        p->last = now;
    }
}

static void
compare_flows(uint32_t steps)
{
    struct wfp_flow_table *table;
    struct wfp_engine *engine;
    uint64_t now = 1000 * SECOND;

    CHECK(wfp_engine_new(&engine) == 0 && wfp_flow_table_new(engine, &table) == 0);
    wfp_flow_table_on_end(table, on_end, NULL);
    for (step = 0; step < steps; step++) {
        packet(table, now);
        if (roll(8) == 0)
            now += roll(3 * SECOND);
        if (roll(500) == 0)
            now += roll(100) * SECOND;
        if (roll(20000) == 0)
            now += roll(20000) * SECOND; /* more than a turn of the wheel */
        if (roll(4) == 0)
            wfp_flow_advance(table, now);
        if (roll(64) == 0) {
            /* Up to the second that is not over, nothing idle is left. */
            uint64_t whole = now / SECOND * SECOND;

            wfp_flow_advance(table, now);
            CHECK(wfp_flow_count(table) >= plain_count(now));
            CHECK(wfp_flow_count(table) <= plain_count(whole - 1));
            for (uint32_t i = 0; i < PLAIN_MAX; i++)
                if (plain[i].is_used && whole - 1 >= plain[i].last + patience(&plain[i]))
                    plain[i].is_used = false;
        }
    }
    wfp_flow_table_free(table);
    wfp_engine_free(engine);
    CHECK(ended == born);
}

#define MANY 120000u

/** Many flows beside a flag for each: the index grows, fills and empties while it is looked through. */
static void
compare_many(void)
{
    static bool lives[MANY];
    struct wfp_flow_table *table;
    struct wfp_engine *engine;
    uint64_t now = 1000 * SECOND;
    uint32_t live = 0, seen = 0;

    CHECK(wfp_engine_new(&engine) == 0 && wfp_flow_table_new(engine, &table) == 0);
    for (step = 0; step < 10 * MANY; step++) {
        /* Grows up to a number that grows, shrinks again, grows on. */
        uint32_t bound = 1 + (step < 5 * MANY ? step / 5 : MANY - 1), number = roll(bound);
        struct wfp_flow_key key = {.version = 6, .protocol = 6};
        struct wfp_flow *flow;
        uint32_t hash;

        memcpy(key.remote, &number, sizeof(number));
        /* Some share all of their hash: more than a line holds. */
        hash = number % 5000 == 0 ? 7 : wfp_flow_hash(table, &key);
        flow = wfp_flow_find(table, &key, hash, now);
        CHECK((flow != NULL) == lives[number]);
        if (flow)
            CHECK(memcmp(flow->key.remote, &number, sizeof(number)) == 0);
        if (!flow && roll(8) != 0) {
            CHECK(wfp_flow_create(table, &key, hash, now, &flow) == 0);
            lives[number] = true;
            live++;
        } else if (flow && roll(step / MANY % 3 == 2 ? 2 : 12) == 0) {
            wfp_flow_end(table, flow);
            lives[number] = false;
            live--;
        }
    }
    CHECK(wfp_flow_count(table) == live);
    for (struct wfp_flow *flow = wfp_flow_next(table, NULL); flow;
         flow = wfp_flow_next(table, flow))
        seen++;
    CHECK(seen == live);
    wfp_flow_table_free(table);
    wfp_engine_free(engine);
}

/** Endpoints: find, create and end beside a flag per port. */
static void
compare_endpoints(uint32_t steps)
{
    struct wfp_endpoint_table *table = wfp_endpoint_table_new();
    static uint32_t numbers[3000];
    uint32_t live = 0, seen = 0;

    CHECK(table != NULL);
    for (step = 0; step < steps; step++) {
        struct wfp_flow_key key = {.version = 6, .protocol = 17};
        uint32_t port = roll(3000), number;

        key.local_port = (uint16_t)port;
        key.remote_port = (uint16_t)roll(65536); /* no part of an endpoint */
        number = wfp_endpoint_find(table, &key);
        CHECK(number == numbers[port]);
        if (!number) {
            numbers[port] = wfp_endpoint_create(table, &key);
            CHECK(numbers[port] != 0);
            CHECK(wfp_endpoint_at(table, numbers[port])->local_port == port);
            live++;
        } else if (roll(3) == 0) {
            wfp_endpoint_end(table, number);
            numbers[port] = 0;
            live--;
        }
    }
    for (uint32_t number = 0; (number = wfp_endpoint_next(table, number)) != 0;)
        seen++;
    CHECK(seen == live);
    wfp_endpoint_table_free(table);
}

int
main(int argc, char **argv)
{
    uint32_t steps = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 60000;

    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    random_state = seed;
    compare_flows(steps);
    compare_many();
    compare_endpoints(steps);
    printf("seed %llu: %u steps, %u flows\n", (unsigned long long)seed, steps, born);
    return 0;
}
