/*
 * What a policy of many filters costs from the caller's side: through BFE, engine included.
 *
 * Usage   bfe_bench [FILTERS]   one transaction, then single adds and deletes; a number
 *         and what it is per line
 */
#include <malloc.h>
#include <stdio.h>
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

int
main(int argc, char **argv)
{
    uint32_t count = argc > 1 ? (uint32_t)atoi(argv[1]) : 100000;
    struct wfp_bfe_session *session;
    struct wfp_engine *engine;
    struct wfp_bfe *bfe;
    double start, before;
    static double times[SINGLES];
    static uint64_t ids[SINGLES];

    must(wfp_engine_new(&engine), "engine");
    must(wfp_bfe_new(engine, &bfe), "bfe");
    must(wfp_bfe_session_open(bfe, NULL, &session), "session");
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
