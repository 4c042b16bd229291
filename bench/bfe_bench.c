/*
 * What a policy of many filters costs from the caller's side: through BFE, engine included.
 *
 * Usage   bfe_bench [FILTERS]   one transaction, then single adds and deletes; a number
 *         and what it is per line
 *         bfe_bench rules FILE  a ClassBench rule set in one transaction: bytes a filter
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe.h"

#define LAYER   WFP_LAYER_ALE_AUTH_CONNECT_V4
#define SINGLES 30000 /* so that what grows does so while they are timed */

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double
resident(void)
{
    unsigned long size, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void
must(int r, const char *what)
{
    if (r >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, wfp_status_name(r));
    exit(3);
}

/* A blocked address, as a list of them makes. */
static uint64_t
add_filter(struct wfp_bfe_session *session, uint32_t i)
{
    static const uint16_t name[] = {'b', 'l', 'o', 'c', 'k', 0};
    const struct wfp_layer *layer = wfp_layer_find_id(LAYER);
    struct wfp_condition condition = {
        .field_key = layer->fields[WFP_FIELD_ALE_AUTH_CONNECT_V4_IP_REMOTE_ADDRESS].condition_key,
        .match = WFP_MATCH_EQUAL,
        .value = {.type = WFP_UINT32, .uint32 = i * 2654435761u},
    };
    struct wfp_filter_spec spec = {
        .common = {.name_utf16 = name},
        .layer_key = layer->key,
        .weight = {.type = WFP_EMPTY},
        .condition_count = 1,
        .conditions = &condition,
        .action = WFP_ACTION_BLOCK,
    };

    uint64_t id;

    must(wfp_bfe_filter_add(session, &spec, NULL, &id), "filter add");
    return id;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
print_times(double times[SINGLES], const char *what)
{
    qsort(times, SINGLES, sizeof(times[0]), by_value);
    printf("%.4f ms: single %s, median\n%.4f ms: single %s, 999th of 1000\n"
           "%.4f ms: single %s, worst of %d\n",
           times[SINGLES / 2], what, times[SINGLES - SINGLES / 1000], what, times[SINGLES - 1],
           what, SINGLES);
}

/* ---- rule sets: up to five conditions a filter ---- */

static void
add_condition(struct wfp_condition *conditions, uint32_t *count, int field, uint32_t match,
              struct wfp_value value)
{
    const struct wfp_layer *layer = wfp_layer_find_id(WFP_LAYER_OUTBOUND_TRANSPORT_V4);

    conditions[(*count)++] = (struct wfp_condition){
        .field_key = layer->fields[field].condition_key, .match = match, .value = value};
}

/* A ClassBench rule: addresses, ports and protocol, each unless it is any. */
struct rule {
    unsigned from[4], from_bits, to[4], to_bits, from_low, from_high, to_low, to_high;
    unsigned protocol, protocol_mask;
};

static bool
read_rule(FILE *file, struct rule *r)
{
    return fscanf(file, " @%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x%*[^\n]", &r->from[0],
                  &r->from[1], &r->from[2], &r->from[3], &r->from_bits, &r->to[0], &r->to[1],
                  &r->to[2], &r->to[3], &r->to_bits, &r->from_low, &r->from_high, &r->to_low,
                  &r->to_high, &r->protocol, &r->protocol_mask) == 16;
}

static struct wfp_v4_mask
network(const unsigned addr[4], unsigned bits)
{
    return (struct wfp_v4_mask){addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3],
                                bits ? UINT32_MAX << (32 - bits) : 0};
}

#define FIELD(name) WFP_FIELD_OUTBOUND_TRANSPORT_V4_##name

/* @return its conditions */
static uint32_t
add_rule(struct wfp_bfe_session *session, const struct rule *rule, uint64_t weight)
{
    static const uint16_t name[] = {'r', 'u', 'l', 'e', 0};
    struct wfp_v4_mask networks[2] = {network(rule->from, rule->from_bits),
                                      network(rule->to, rule->to_bits)};
    unsigned ports[2][2] = {{rule->from_low, rule->from_high}, {rule->to_low, rule->to_high}};
    struct wfp_range ranges[2];
    struct wfp_condition conditions[5];
    uint32_t count = 0;

    for (int i = 0; i < 2; i++)
        if (networks[i].mask_host)
            add_condition(conditions, &count,
                          i ? FIELD(IP_REMOTE_ADDRESS) : FIELD(IP_LOCAL_ADDRESS), WFP_MATCH_EQUAL,
                          (struct wfp_value){WFP_V4_ADDR_MASK, {.v4_mask = &networks[i]}});
    for (int i = 0; i < 2; i++) {
        int field = i ? FIELD(IP_REMOTE_PORT) : FIELD(IP_LOCAL_PORT);

        ranges[i] = (struct wfp_range){{WFP_UINT16, {.uint16 = (uint16_t)ports[i][0]}},
                                       {WFP_UINT16, {.uint16 = (uint16_t)ports[i][1]}}};
        if (ports[i][0] == ports[i][1])
            add_condition(conditions, &count, field, WFP_MATCH_EQUAL, ranges[i].low);
        else if (ports[i][0] || ports[i][1] != 65535)
            add_condition(conditions, &count, field, WFP_MATCH_RANGE,
                          (struct wfp_value){WFP_RANGE, {.range = &ranges[i]}});
    }
    if (rule->protocol_mask)
        add_condition(conditions, &count, FIELD(IP_PROTOCOL), WFP_MATCH_EQUAL,
                      (struct wfp_value){WFP_UINT8, {.uint8 = (uint8_t)rule->protocol}});
    must(
        wfp_bfe_filter_add(session,
                           &(struct wfp_filter_spec){
                               .common = {.name_utf16 = name},
                               .layer_key = wfp_layer_find_id(WFP_LAYER_OUTBOUND_TRANSPORT_V4)->key,
                               .weight = {.type = WFP_UINT64, .uint64 = &weight},
                               .condition_count = count,
                               .conditions = conditions,
                               .action = WFP_ACTION_PERMIT,
                           },
                           NULL, NULL),
        "filter add");
    return count;
}

static void
run_rules(struct wfp_bfe_session *session, const char *path)
{
    FILE *file = fopen(path, "r");
    uint32_t count = 0, conditions = 0;
    struct rule rule;
    double before = resident(), start = now();

    if (!file) {
        perror(path);
        exit(3);
    }
    must(wfp_bfe_txn_begin(session, 0), "begin");
    for (; read_rule(file, &rule); count++)
        conditions += add_rule(session, &rule, UINT32_MAX - count);
    must(wfp_bfe_txn_commit(session), "commit");
    printf("%.1f ms: %u rules in one transaction\n", (now() - start) * 1e3, count);
    fclose(file);
    malloc_trim(0);
    printf("%.2f conditions: a rule\n%.0f bytes: a rule\n", (double)conditions / count,
           (resident() - before) / count);
}

int
main(int argc, char **argv)
{
    bool is_rules = argc > 2 && strcmp(argv[1], "rules") == 0;
    uint32_t count = argc > 1 && !is_rules ? (uint32_t)atoi(argv[1]) : 100000;
    struct wfp_bfe_session *session;
    struct wfp_engine *engine;
    struct wfp_bfe *bfe;
    double start, before;
    static double times[SINGLES];
    static uint64_t ids[SINGLES];

    must(wfp_engine_new(&engine), "engine");
    must(wfp_bfe_new(engine, &bfe), "bfe");
    must(wfp_bfe_session_open(bfe, NULL, &session), "session");
    if (is_rules) {
        run_rules(session, argv[2]);
        return 0;
    }
    before = resident();
    start = now();
    must(wfp_bfe_txn_begin(session, 0), "begin");
    for (uint32_t i = 0; i < count; i++)
        add_filter(session, i);
    must(wfp_bfe_txn_commit(session), "commit");
    printf("%.1f ms: %u filters in one transaction\n", (now() - start) * 1e3, count);
    malloc_trim(0);
    printf("%.0f bytes: a filter\n", (resident() - before) / count);
    for (uint32_t i = 0; i < SINGLES; i++) {
        start = now();
        ids[i] = add_filter(session, count + i);
        times[i] = (now() - start) * 1e3;
    }
    print_times(times, "add");
    for (uint32_t i = 0; i < SINGLES; i++) {
        start = now();
        must(wfp_bfe_delete_by_id(session, WFP_BFE_FILTER, ids[i]), "filter delete");
        times[i] = (now() - start) * 1e3;
    }
    print_times(times, "delete");
    must(wfp_bfe_session_close(session), "close");
    wfp_bfe_free(bfe);
    wfp_engine_free(engine);
    return 0;
}
