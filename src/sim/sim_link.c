/*
 * The way between two hosts: a binary heap by arrival. See sim_link.h.
 */
#include "sim/sim_link.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "sim/sim_random.h"

struct wfp_sim_link {
    struct wfp_sim_link_config config;
    uint64_t random;
    uint64_t order, lost, doubled;
    uint32_t count, capacity;
    struct wfp_sim_parcel *heap;
};

struct wfp_sim_link *
wfp_sim_link_new(const struct wfp_sim_link_config *config)
{
    struct wfp_sim_link *link = calloc(1, sizeof(*link));

    if (link)
        wfp_sim_link_configure(link, config);
    return link;
}

void
wfp_sim_link_free(struct wfp_sim_link *link)
{
    if (!link)
        return;
    for (uint32_t i = 0; i < link->count; i++)
        free(link->heap[i].data);
    free(link->heap);
    free(link);
}

void
wfp_sim_link_configure(struct wfp_sim_link *link, const struct wfp_sim_link_config *config)
{
    link->config = *config;
    if (config->seed)
        link->random = config->seed;
}

static bool
is_before(const struct wfp_sim_parcel *a, const struct wfp_sim_parcel *b)
{
    return a->time_100ns != b->time_100ns ? a->time_100ns < b->time_100ns : a->order < b->order;
}

static void
swap(struct wfp_sim_parcel *a, struct wfp_sim_parcel *b)
{
    struct wfp_sim_parcel other = *a;

    *a = *b;
    *b = other;
}

static int
push(struct wfp_sim_link *link, struct wfp_sim_parcel parcel)
{
    uint32_t i = link->count;

    if (i == link->capacity) {
        uint32_t capacity = i ? i * 2 : 64;
        struct wfp_sim_parcel *heap = realloc(link->heap, capacity * sizeof(*heap));

        if (!heap)
            return -WFP_ERR_NO_MEMORY;
        link->heap = heap;
        link->capacity = capacity;
    }
    link->heap[i] = parcel;
    link->count++;
    for (; i > 0 && is_before(&link->heap[i], &link->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&link->heap[i], &link->heap[(i - 1) / 2]);
    return 0;
}

static bool
happens(struct wfp_sim_link *link, uint32_t permille)
{
    return permille != 0 && wfp_sim_random_below(&link->random, 1000) < permille;
}

static uint64_t
arrival(struct wfp_sim_link *link, uint64_t now_100ns)
{
    const struct wfp_sim_link_config *config = &link->config;
    uint64_t time = now_100ns + config->delay_100ns;

    if (config->jitter_100ns)
        time += wfp_sim_random(&link->random) % (config->jitter_100ns + 1);
    if (happens(link, config->reorder_permille))
        time += config->reorder_100ns;
    return time;
}

int
wfp_sim_link_put(struct wfp_sim_link *link, uint64_t now_100ns, int tag, const uint8_t *data,
                 uint32_t length)
{
    uint32_t copies = 1;

    if (happens(link, link->config.loss_permille)) {
        link->lost++;
        return 0;
    }
    if (happens(link, link->config.duplicate_permille)) {
        link->doubled++;
        copies = 2;
    }
    while (copies-- > 0) {
        struct wfp_sim_parcel parcel = {.time_100ns = arrival(link, now_100ns),
                                        .order = link->order++,
                                        .tag = tag,
                                        .length = length,
                                        .data = malloc(length ? length : 1)};

        if (!parcel.data)
            return -WFP_ERR_NO_MEMORY;
        memcpy(parcel.data, data, length);
        if (push(link, parcel) < 0) {
            free(parcel.data);
            return -WFP_ERR_NO_MEMORY;
        }
    }
    return 0;
}

uint64_t
wfp_sim_link_next(const struct wfp_sim_link *link)
{
    return link->count ? link->heap[0].time_100ns : UINT64_MAX;
}

bool
wfp_sim_link_take(struct wfp_sim_link *link, struct wfp_sim_parcel *ret_parcel)
{
    uint32_t i = 0;

    if (link->count == 0)
        return false;
    *ret_parcel = link->heap[0];
    link->heap[0] = link->heap[--link->count];
    for (;;) {
        uint32_t child = 2 * i + 1;

        if (child + 1 < link->count && is_before(&link->heap[child + 1], &link->heap[child]))
            child++;
        if (child >= link->count || !is_before(&link->heap[child], &link->heap[i]))
            return true;
        swap(&link->heap[child], &link->heap[i]);
        i = child;
    }
}

uint64_t
wfp_sim_link_lost(const struct wfp_sim_link *link, uint64_t *ret_doubled)
{
    if (ret_doubled)
        *ret_doubled = link->doubled;
    return link->lost;
}
