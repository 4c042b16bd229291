/*
 * What a classify and a commit cost.
 *
 * Every line is a number, what it is, and of what.
 *
 * Usage   engine_bench small               ns per classify at a layer with few filters
 *         engine_bench lookup [FILTERS]    five-tuple filters: ns per classify, and of a linear scan
 *         engine_bench bulk [FILTERS]      one big transaction, then single adds and deletes
 *         engine_bench rules RULES HEADERS [EXPECT]
 *                                          a ClassBench rule set: lookups a second; answers are
 *                                          checked
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/status.h"
#include "core/engine/engine.h"
#include "core/model/layer.h"

#define LAYER       WFP_LAYER_OUTBOUND_TRANSPORT_V4
#define FIELD(name) WFP_FIELD_OUTBOUND_TRANSPORT_V4_##name

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void
must(int r, const char *what)
{
    if (r >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, wfp_status_name(r));
    exit(3);
}

static struct wfp_filter *
filter_new(uint64_t id, uint64_t weight, uint32_t action, uint32_t conditions)
{
    struct wfp_filter *filter = wfp_filter_new();

    if (!filter)
        must(-WFP_ERR_NO_MEMORY, "filter");
    filter->id = id;
    filter->layer_id = LAYER;
    filter->sublayer_weight = 0x8000;
    filter->weight = weight;
    filter->action = action;
    filter->conditions = calloc(conditions ? conditions : 1, sizeof(filter->conditions[0]));
    return filter;
}

static void
add(struct wfp_filter *filter, int field, uint32_t match, struct wfp_value value)
{
    struct wfp_condition *condition = &filter->conditions[filter->condition_count++];

    condition->field_key = wfp_layer_find_id(LAYER)->fields[field].condition_key;
    condition->match = match;
    must(wfp_value_copy(&value, &condition->value), "condition");
}

struct header {
    uint32_t source, destination;
    uint16_t source_port, destination_port;
    uint8_t protocol;
};

static void
values_of(const struct header *header, struct wfp_value values[WFP_FIELD_MAX])
{
    values[FIELD(IP_PROTOCOL)] = (struct wfp_value){.type = WFP_UINT8, .uint8 = header->protocol};
    values[FIELD(IP_LOCAL_ADDRESS)] =
        (struct wfp_value){.type = WFP_UINT32, .uint32 = header->source};
    values[FIELD(IP_REMOTE_ADDRESS)] =
        (struct wfp_value){.type = WFP_UINT32, .uint32 = header->destination};
    values[FIELD(IP_LOCAL_PORT)] =
        (struct wfp_value){.type = WFP_UINT16, .uint16 = header->source_port};
    values[FIELD(IP_REMOTE_PORT)] =
        (struct wfp_value){.type = WFP_UINT16, .uint16 = header->destination_port};
}

static struct wfp_engine *engine;
static struct wfp_value values[WFP_FIELD_MAX];
static struct wfp_indication indication = {.layer_id = LAYER, .values = values};

static double
ns_per_classify(uint32_t times)
{
    double best = 1e9;

    for (int run = 0; run < 5; run++) {
        struct wfp_verdict verdict;
        double start = now();
        for (uint32_t i = 0; i < times; i++)
            wfp_classify(engine, &indication, &verdict);
        best = MIN(best, (now() - start) / times * 1e9);
    }
    return best;
}

static void
empty_callout(void *context, const struct wfp_indication *about, struct wfp_filter *filter,
              uint64_t flow_context, struct wfp_classify_out *out)
{
    out->action = WFP_ACTION_PERMIT;
}

static void
run_small(void)
{
    static const uint32_t counts[] = {0, 1, 2, 5, 10, 20, 50, 100};
    static const struct wfp_callout_ops ops = {.classify = empty_callout};
    struct header header = {0x0a000001, 0xA83F8110, 50000, 443, 6};
    struct wfp_filter *filters[128];
    uint32_t callout_id;

    values_of(&header, values);
    for (size_t c = 0; c < ELEMENTSOF(counts); c++) {
        for (uint32_t i = 0; i < counts[c]; i++) {
            filters[i] = filter_new(i + 1, 1000 - i, WFP_ACTION_BLOCK, 2);
            add(filters[i], FIELD(IP_REMOTE_ADDRESS), WFP_MATCH_EQUAL,
                (struct wfp_value){WFP_UINT32, {.uint32 = 0xA83F8110 + i + (i + 1 < counts[c])}});
            add(filters[i], FIELD(IP_REMOTE_PORT), WFP_MATCH_EQUAL,
                (struct wfp_value){WFP_UINT16, {.uint16 = (uint16_t)(443 + i)}});
        }
        must(wfp_engine_commit(engine, &(struct wfp_policy){filters, counts[c]}), "commit");
        printf("%.1f ns: %u filters, none matches\n", ns_per_classify(2000000), counts[c]);
        for (uint32_t i = 0; i < counts[c]; i++)
            wfp_filter_unref(filters[i]);
    }
    filters[0] = filter_new(1, 1, WFP_ACTION_PERMIT, 0);
    must(wfp_engine_commit(engine, &(struct wfp_policy){filters, 1}), "commit");
    printf("%.1f ns: 1 filter, permits\n", ns_per_classify(2000000));
    filters[1] = filter_new(2, 2, WFP_ACTION_CALLOUT_TERMINATING, 0);
    must(wfp_callout_register(engine, &(struct wfp_guid){1, 2, 3, {4}}, 0, &ops, NULL, &callout_id),
         "register");
    filters[1]->callout_id = callout_id;
    must(wfp_engine_commit(engine, &(struct wfp_policy){filters + 1, 1}), "commit");
    printf("%.1f ns: 1 filter, empty callout\n", ns_per_classify(2000000));
    wfp_filter_unref(filters[0]);
    wfp_filter_unref(filters[1]);
}

/* A five-tuple rule as a linear scan has it. */
struct linear_rule {
    uint32_t source, source_mask, destination, destination_mask;
    uint16_t port_low, port_high;
    uint8_t protocol, protocol_mask;
};

static uint64_t chance_state = 1;

static uint32_t
chance(void)
{
    uint64_t z = (chance_state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)((z ^ z >> 27) >> 16);
}

/* Most rules are specific in one address at least, some have ranges of ports. */
static struct linear_rule
random_rule(void)
{
    static const uint8_t lengths[] = {0, 8, 16, 20, 24, 24, 28, 32, 32, 32};
    uint32_t a = lengths[chance() % ELEMENTSOF(lengths)], b = lengths[1 + chance() % 9];
    struct linear_rule rule = {.source_mask = a ? UINT32_MAX << (32 - a) : 0,
                               .destination_mask = UINT32_MAX << (32 - b)};

    rule.source = chance() & rule.source_mask;
    rule.destination = chance() & rule.destination_mask;
    rule.port_high = 65535;
    if (chance() % 3)
        rule.port_low = rule.port_high = (uint16_t)(chance() % 1024);
    else if (chance() % 4 == 0)
        rule.port_low = 1024;
    if (chance() % 4) {
        rule.protocol = chance() % 2 ? 6 : 17;
        rule.protocol_mask = 0xff;
    }
    return rule;
}

static struct wfp_filter *
filter_of(const struct linear_rule *rule, uint32_t i)
{
    struct wfp_filter *filter = filter_new(i + 1, UINT32_MAX - i, WFP_ACTION_PERMIT, 4);
    struct wfp_v4_mask from = {rule->source, rule->source_mask};
    struct wfp_v4_mask to = {rule->destination, rule->destination_mask};
    struct wfp_range ports = {{WFP_UINT16, {.uint16 = rule->port_low}},
                              {WFP_UINT16, {.uint16 = rule->port_high}}};

    if (from.mask_host)
        add(filter, FIELD(IP_LOCAL_ADDRESS), WFP_MATCH_EQUAL,
            (struct wfp_value){WFP_V4_ADDR_MASK, {.v4_mask = &from}});
    add(filter, FIELD(IP_REMOTE_ADDRESS), WFP_MATCH_EQUAL,
        (struct wfp_value){WFP_V4_ADDR_MASK, {.v4_mask = &to}});
    if (rule->port_low == rule->port_high)
        add(filter, FIELD(IP_REMOTE_PORT), WFP_MATCH_EQUAL, ports.low);
    else if (rule->port_low)
        add(filter, FIELD(IP_REMOTE_PORT), WFP_MATCH_RANGE,
            (struct wfp_value){WFP_RANGE, {.range = &ports}});
    if (rule->protocol_mask)
        add(filter, FIELD(IP_PROTOCOL), WFP_MATCH_EQUAL,
            (struct wfp_value){WFP_UINT8, {.uint8 = rule->protocol}});
    return filter;
}

/* A header inside a rule picked at random. */
static struct header
header_in(const struct linear_rule *rule)
{
    return (struct header){
        .source = rule->source | (chance() & ~rule->source_mask),
        .destination = rule->destination | (chance() & ~rule->destination_mask),
        .source_port = (uint16_t)chance(),
        .destination_port = (uint16_t)(rule->port_low +
                                       chance() % (uint32_t)(rule->port_high - rule->port_low + 1)),
        .protocol = rule->protocol_mask ? rule->protocol : 6,
    };
}

static uint32_t
scan(const struct linear_rule *rules, uint32_t count, const struct header *header)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct linear_rule *rule = &rules[i];
        if ((header->source & rule->source_mask) == rule->source &&
            (header->destination & rule->destination_mask) == rule->destination &&
            header->destination_port >= rule->port_low &&
            header->destination_port <= rule->port_high &&
            (header->protocol & rule->protocol_mask) == rule->protocol)
            return i + 1;
    }
    return 0;
}

#define HEADERS 20000u

static void
run_lookup(uint32_t count)
{
    struct linear_rule *rules = calloc(count, sizeof(rules[0]));
    struct wfp_filter **filters = calloc(count, sizeof(filters[0]));
    struct header *headers = calloc(HEADERS, sizeof(headers[0]));
    uint32_t *answers = calloc(HEADERS, sizeof(answers[0])), wrong = 0;
    double start, ours = 1e9, linear;
    struct wfp_verdict verdict;

    for (uint32_t i = 0; i < count; i++) {
        rules[i] = random_rule();
        filters[i] = filter_of(&rules[i], i);
    }
    must(wfp_engine_commit(engine, &(struct wfp_policy){filters, count}), "commit");
    for (uint32_t i = 0; i < HEADERS; i++)
        headers[i] = header_in(&rules[chance() % count]);
    start = now();
    for (uint32_t i = 0; i < HEADERS; i++)
        answers[i] = scan(rules, count, &headers[i]);
    linear = now() - start;
    for (int run = 0; run < 5; run++) {
        start = now();
        for (uint32_t i = 0; i < HEADERS; i++) {
            values_of(&headers[i], values);
            wfp_classify(engine, &indication, &verdict);
            wrong += verdict.filter_id != answers[i];
        }
        ours = MIN(ours, now() - start);
    }
    printf("%.1f ns: classify among %u filters\n%.1f ns: linear scan of as many rules\n",
           ours / HEADERS * 1e9, count, linear / HEADERS * 1e9);
    if (wrong) {
        fprintf(stderr, "%u answers differ from the scan's\n", wrong);
        exit(1);
    }
    for (uint32_t i = 0; i < count; i++)
        wfp_filter_unref(filters[i]);
    free(rules);
    free(filters);
    free(headers);
    free(answers);
}

static uint64_t
resident(void)
{
    unsigned long size, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct wfp_filter *
five_tuple(uint32_t i)
{
    struct wfp_filter *filter = filter_new(i + 1, 1000000 - i, WFP_ACTION_BLOCK, 3);

    add(filter, FIELD(IP_REMOTE_ADDRESS), WFP_MATCH_EQUAL,
        (struct wfp_value){WFP_UINT32, {.uint32 = i * 2654435761u}});
    add(filter, FIELD(IP_PROTOCOL), WFP_MATCH_EQUAL, (struct wfp_value){WFP_UINT8, {.uint8 = 6}});
    add(filter, FIELD(IP_REMOTE_PORT), WFP_MATCH_EQUAL,
        (struct wfp_value){WFP_UINT16, {.uint16 = (uint16_t)i}});
    return filter;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
run_bulk(uint32_t count)
{
    struct wfp_filter **filters = calloc(count + 1000, sizeof(filters[0]));
    uint64_t before = resident(), made;
    double start, times[1000], worst = 0;

    for (uint32_t i = 0; i < count; i++)
        filters[i] = five_tuple(i);
    made = resident();
    start = now();
    must(wfp_engine_commit(engine, &(struct wfp_policy){filters, count}), "commit");
    printf("%.1f ms: %u filters in one commit\n", (now() - start) * 1e3, count);
    malloc_trim(0);
    printf("%.0f bytes: a filter's object\n%.0f bytes: the engine's part of a filter\n",
           (double)(made - before) / count, ((double)resident() - (double)made) / count);
    for (uint32_t i = 0; i < 1000; i++) {
        filters[count + i] = five_tuple(count + i);
        start = now();
        must(wfp_engine_commit_delta(engine, &filters[count + i], 1, NULL, 0), "add");
        times[i] = (now() - start) * 1e3;
        worst = MAX(worst, times[i]);
    }
    qsort(times, 1000, sizeof(times[0]), by_value);
    printf("%.4f ms: single add, median\n%.4f ms: single add, 99th of 100\n%.4f ms: single add, "
           "worst of 1000\n",
           times[500], times[990], worst);
    for (uint32_t i = 0; i < 1000; i++) {
        start = now();
        must(wfp_engine_commit_delta(engine, NULL, 0, &filters[i * 7], 1), "delete");
        times[i] = (now() - start) * 1e3;
    }
    qsort(times, 1000, sizeof(times[0]), by_value);
    printf("%.4f ms: single delete, median\n", times[500]);
    for (uint32_t i = 0; i < count + 1000; i++)
        wfp_filter_unref(filters[i]);
    free(filters);
}

static uint32_t
read_rules(const char *path, struct wfp_filter ***ret_filters)
{
    FILE *file = fopen(path, "r");
    struct wfp_filter **filters = NULL;
    uint32_t count = 0, room = 0;
    unsigned a[4], b[4], a_bits, b_bits, low, high, to_low, to_high, protocol, mask;

    if (!file) {
        perror(path);
        exit(3);
    }
    while (fscanf(file, " @%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x%*[^\n]", &a[0],
                  &a[1], &a[2], &a[3], &a_bits, &b[0], &b[1], &b[2], &b[3], &b_bits, &low, &high,
                  &to_low, &to_high, &protocol, &mask) == 16) {
        struct wfp_filter *filter;
        struct wfp_v4_mask from = {a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3],
                                   a_bits ? UINT32_MAX << (32 - a_bits) : 0};
        struct wfp_v4_mask to = {b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3],
                                 b_bits ? UINT32_MAX << (32 - b_bits) : 0};
        unsigned ranges[2][2] = {{low, high}, {to_low, to_high}};
        int ports[2] = {FIELD(IP_LOCAL_PORT), FIELD(IP_REMOTE_PORT)};

        if (count == room) {
            room = room ? 2 * room : 1024;
            filters = realloc(filters, room * sizeof(filters[0]));
        }
        filter = filters[count] = filter_new(count + 1, UINT32_MAX - count, WFP_ACTION_PERMIT, 5);
        count++;
        if (from.mask_host)
            add(filter, FIELD(IP_LOCAL_ADDRESS), WFP_MATCH_EQUAL,
                (struct wfp_value){WFP_V4_ADDR_MASK, {.v4_mask = &from}});
        if (to.mask_host)
            add(filter, FIELD(IP_REMOTE_ADDRESS), WFP_MATCH_EQUAL,
                (struct wfp_value){WFP_V4_ADDR_MASK, {.v4_mask = &to}});
        for (int i = 0; i < 2; i++) {
            struct wfp_range range = {{WFP_UINT16, {.uint16 = (uint16_t)ranges[i][0]}},
                                      {WFP_UINT16, {.uint16 = (uint16_t)ranges[i][1]}}};
            if (ranges[i][0] == ranges[i][1])
                add(filter, ports[i], WFP_MATCH_EQUAL, range.low);
            else if (ranges[i][0] != 0 || ranges[i][1] != 65535)
                add(filter, ports[i], WFP_MATCH_RANGE,
                    (struct wfp_value){WFP_RANGE, {.range = &range}});
        }
        if (mask)
            add(filter, FIELD(IP_PROTOCOL), WFP_MATCH_EQUAL,
                (struct wfp_value){WFP_UINT8, {.uint8 = (uint8_t)protocol}});
    }
    fclose(file);
    *ret_filters = filters;
    return count;
}

static uint32_t
read_headers(const char *path, struct header **ret_headers)
{
    FILE *file = fopen(path, "r");
    struct header *headers = calloc(500000, sizeof(headers[0]));
    uint32_t count = 0, source, destination, from, to, protocol;

    if (!file) {
        perror(path);
        exit(3);
    }
    while (count < 500000 &&
           fscanf(file, "%u %u %u %u %u%*[^\n]", &source, &destination, &from, &to, &protocol) == 5)
        headers[count++] =
            (struct header){source, destination, (uint16_t)from, (uint16_t)to, (uint8_t)protocol};
    fclose(file);
    *ret_headers = headers;
    return count;
}

static uint64_t seen_count, seen_sum;

/* Never decides, so that every match is seen. */
static void
watching_callout(void *context, const struct wfp_indication *about, struct wfp_filter *filter,
                 uint64_t flow_context, struct wfp_classify_out *out)
{
    seen_count++;
    seen_sum += filter->id - 1;
    out->action = WFP_ACTION_CONTINUE;
}

static void
check_answers(const char *path, struct wfp_filter **filters, uint32_t count,
              const struct header *headers, uint32_t header_count)
{
    static const struct wfp_callout_ops ops = {.classify = watching_callout};
    FILE *file = fopen(path, "r");
    long first, matches, sum, *firsts = calloc(header_count, sizeof(firsts[0]));
    uint32_t callout_id, checked = 0, wrong = 0;
    struct wfp_verdict verdict;

    if (!file) {
        perror(path);
        exit(3);
    }
    for (uint32_t i = 0; i < header_count; i++) {
        values_of(&headers[i], values);
        wfp_classify(engine, &indication, &verdict);
        firsts[i] = (long)verdict.filter_id - 1;
    }
    must(wfp_callout_register(engine, &(struct wfp_guid){9, 2, 3, {4}}, 0, &ops, NULL, &callout_id),
         "register");
    for (uint32_t i = 0; i < count; i++) {
        filters[i]->action = WFP_ACTION_CALLOUT_INSPECTION;
        filters[i]->callout_id = callout_id;
    }
    must(wfp_engine_commit(engine, &(struct wfp_policy){0}), "commit");
    must(wfp_engine_commit(engine, &(struct wfp_policy){filters, count}), "commit");
    while (checked < header_count && fscanf(file, "%ld %ld %ld", &first, &matches, &sum) == 3) {
        values_of(&headers[checked], values);
        seen_count = seen_sum = 0;
        wfp_classify(engine, &indication, &verdict);
        wrong += firsts[checked] != first || (long)seen_count != matches || (long)seen_sum != sum;
        checked++;
    }
    double start = now();
    for (uint32_t i = 0; i < header_count; i++) {
        values_of(&headers[i], values);
        wfp_classify(engine, &indication, &verdict);
    }
    printf("%.2f million a second: all matches\n", header_count / (now() - start) / 1e6);
    printf("%u answers wrong, of %u checked\n", wrong, checked);
    fclose(file);
    free(firsts);
    if (wrong)
        exit(1);
}

static void
run_rules(const char *rules, const char *trace, const char *expect)
{
    struct wfp_filter **filters;
    struct header *headers;
    uint32_t count = read_rules(rules, &filters), header_count = read_headers(trace, &headers);
    struct wfp_verdict verdict;
    double start = now(), best = 1e9;
    uint64_t before = resident();

    must(wfp_engine_commit(engine, &(struct wfp_policy){filters, count}), "commit");
    printf("%u rules: commit %.0f ms, %.0f bytes a rule\n", count, (now() - start) * 1e3,
           ((double)resident() - (double)before) / count);
    for (int run = 0; run < 5; run++) {
        start = now();
        for (uint32_t i = 0; i < header_count; i++) {
            values_of(&headers[i], values);
            wfp_classify(engine, &indication, &verdict);
        }
        best = MIN(best, now() - start);
    }
    printf("%.2f million a second: first match (%.0f ns)\n", header_count / best / 1e6,
           best / header_count * 1e9);
    if (expect)
        check_answers(expect, filters, count, headers, header_count);
    for (uint32_t i = 0; i < count; i++)
        wfp_filter_unref(filters[i]);
    free(filters);
    free(headers);
}

int
main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    must(wfp_engine_new(&engine), "engine");
    wfp_engine_thread_enter(engine);
    indication.value_count = wfp_layer_find_id(LAYER)->field_count;
    if (!strcmp(mode, "small")) {
        run_small();
    } else if (!strcmp(mode, "lookup")) {
        run_lookup(argc > 2 ? (uint32_t)atoi(argv[2]) : 10000);
    } else if (!strcmp(mode, "bulk")) {
        run_bulk(argc > 2 ? (uint32_t)atoi(argv[2]) : 100000);
    } else if (!strcmp(mode, "rules") && argc > 3) {
        run_rules(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
    } else {
        fprintf(stderr, "usage: engine_bench small | lookup [FILTERS] | bulk [FILTERS] | rules "
                        "RULES HEADERS [EXPECT]\n");
        return 2;
    }
    wfp_engine_thread_leave(engine);
    wfp_engine_free(engine);
    return 0;
}
