/*
 * The flow table by itself: a million conversations made and found again, beside liburcu's hash table.
 *
 * Prints "NUMBER what" per line. As the stack does it: a packet hashes its key and looks it up; a first
 * one makes the flow. Times are of the processor, per core. Keys are visited in another random order each round, so that caches don't help.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu.h>
#include <urcu/rculfhash.h>

#include "core/engine/engine.h"
#include "core/flow/flow.h"

#define SECOND 10000000ull
#define ROUNDS 3

static uint32_t flow_count = 1000000;
static struct wfp_flow_key *keys;
static uint64_t random_state = 1;

static uint64_t
next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double
now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
shuffle(void)
{
    for (uint32_t i = flow_count - 1; i > 0; i--) {
        uint32_t k = (uint32_t)(next_random() % (i + 1));
        struct wfp_flow_key other = keys[i];

        keys[i] = keys[k];
        keys[k] = other;
    }
}

static void
make_keys(void)
{
    keys = calloc(flow_count, sizeof(*keys));
    for (uint32_t i = 0; i < flow_count; i++) {
        uint32_t remote = i * 2654435761u; /* each another */

        memcpy(keys[i].remote, &remote, 4);
        keys[i].local[0] = 10;
        keys[i].local_port = 443;
        keys[i].remote_port = (uint16_t)(1024 + next_random() % 60000);
        keys[i].version = 4;
        keys[i].protocol = 6;
    }
    shuffle();
}

static void
say(const char *what, double operations, double seconds)
{
    printf("%.3f %s\n", operations / seconds / 1e6, what);
}

static void
run_ours(void)
{
    struct wfp_engine *engine;
    struct wfp_flow_table *table;
    struct wfp_flow *flow;
    uint64_t now = 1000 * SECOND, found = 0;
    double start, worst = 0, last;

    if (wfp_engine_new(&engine) < 0 || wfp_flow_table_new(engine, &table) < 0)
        exit(3);
    start = now_s();
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct wfp_flow_key *key = &keys[i];
        uint32_t hash = wfp_flow_hash(table, key);

        if (wfp_flow_find(table, key, hash, now) || wfp_flow_create(table, key, hash, now, &flow))
            exit(1);
        now += 10;
    }
    say("flows made, million per second", flow_count, now_s() - start);
    printf("%.1f MiB of a million idle flows\n", (double)wfp_flow_memory(table) / (1 << 20));
    for (int round = 0; round < ROUNDS; round++) {
        shuffle();
        start = now_s();
        for (uint32_t i = 0; i < flow_count; i++) {
            const struct wfp_flow_key *key = &keys[i];

            flow = wfp_flow_find(table, key, wfp_flow_hash(table, key), now);
            if (!flow)
                exit(1);
            wfp_flow_touch(flow, now);
            found += flow->auth_epoch == 0;
        }
        if (round == ROUNDS - 1)
            say("flows found, million per second", flow_count, now_s() - start);
    }
    /* An end and a beginning, the table staying full. */
    start = now_s();
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct wfp_flow_key *key = &keys[i];
        uint32_t hash = wfp_flow_hash(table, key);

        wfp_flow_end(table, wfp_flow_find(table, key, hash, now));
        if (wfp_flow_create(table, key, hash, now, &flow))
            exit(1);
    }
    say("flows ended and made again, million per second", flow_count, now_s() - start);
    wfp_flow_table_free(table);
    if (wfp_flow_table_new(engine, &table) < 0)
        exit(3);
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct wfp_flow_key *key = &keys[i];

        last = now_s();
        if (wfp_flow_create(table, key, wfp_flow_hash(table, key), now, &flow))
            exit(1);
        last = now_s() - last;
        worst = last > worst ? last : worst;
    }
    printf("%.1f slowest of a million flows made, microseconds\n", worst * 1e6);
    wfp_flow_table_free(table);
    wfp_engine_free(engine);
    if (found != (uint64_t)ROUNDS * flow_count)
        exit(1);
}

struct peer_flow {
    struct wfp_flow_key key;
    struct cds_lfht_node node;
    uint64_t last, epoch;
};

static int
matches(struct cds_lfht_node *node, const void *key)
{
    return memcmp(&caa_container_of(node, struct peer_flow, node)->key, key,
                  sizeof(struct wfp_flow_key)) == 0;
}

static void
run_peer(void)
{
    struct cds_lfht *table = cds_lfht_new(1u << 20, 1u << 20, 0, 0, NULL) /* it need not grow */;
    struct wfp_engine *engine;
    struct wfp_flow_table *ours; /* for the same hash */
    struct peer_flow *flows = calloc(flow_count, sizeof(*flows));
    struct cds_lfht_iter iter;
    double start = now_s();

    if (wfp_engine_new(&engine) < 0 || wfp_flow_table_new(engine, &ours) < 0)
        exit(3);
    rcu_register_thread();
    for (uint32_t i = 0; i < flow_count; i++) {
        struct peer_flow *flow = &flows[i];
        uint32_t hash = wfp_flow_hash(ours, &keys[i]);

        rcu_read_lock();
        flow->key = keys[i];
        cds_lfht_add_unique(table, hash, matches, &flow->key, &flow->node);
        rcu_read_unlock();
    }
    say("flows made, million per second", flow_count, now_s() - start);
    shuffle();
    start = now_s();
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct wfp_flow_key *key = &keys[i];

        rcu_read_lock();
        cds_lfht_lookup(table, wfp_flow_hash(ours, key), matches, key, &iter);
        if (!cds_lfht_iter_get_node(&iter))
            exit(1);
        caa_container_of(cds_lfht_iter_get_node(&iter), struct peer_flow, node)->last = i;
        rcu_read_unlock();
    }
    say("flows found, million per second", flow_count, now_s() - start);
    fflush(stdout);
    _Exit(0); /* the peer's own way out takes longer than all of this */
}

int
main(int argc, char **argv)
{
    make_keys();
    if (argc > 1 && strcmp(argv[1], "peer") == 0)
        run_peer();
    else
        run_ours();
    return 0;
}
