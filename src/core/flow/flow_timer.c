/*
 * When flows end by themselves.
 *
 * Model      A wheel of one-second slots holds every flow at the second its idle time would run out
 *            as of when it was put there. Packets only write `last_100ns`; a flow found alive when
 *            its slot comes up moves to its new second. So a packet costs nothing here and a flow
 *            is looked at once per idle time. wfp_flow_find() checks the exact time itself.
 * Choice     60 s for UDP, ICMP and other protocols and 4 s for outbound multicast are documented.
 *            A TCP flow lives as long as its connection; for one whose end is never seen we take
 *            Windows' keep-alive time of 2 hours, for one that is never answered 30 s (SYN retries
 *            give up after 21 s), and a closed or refused one is remembered for 2 minutes, so that
 *            stragglers don't look like a new conversation.
 */
#include <string.h>

#include "core/flow/flow_private.h"

#define SECOND 10000000ull

uint64_t
wfp_flow_timer_idle_100ns(const struct wfp_flow *flow)
{
    static const uint64_t tcp_idle[] = {
        [WFP_FLOW_NEW] = 30 * SECOND,
        [WFP_FLOW_ESTABLISHED] = 7200 * SECOND,
        [WFP_FLOW_CLOSED] = 120 * SECOND,
        [WFP_FLOW_BLOCKED] = 120 * SECOND,
    };

    if (flow->key.protocol == 6)
        return tcp_idle[flow->state];
    if (UNLIKELY(flow->has_lifetime))
        return flow->lifetime.seconds * SECOND;
    return flow->is_multicast && flow->outbound ? 4 * SECOND : 60 * SECOND;
}

void
wfp_flow_set_lifetime(struct wfp_flow_table *table, struct wfp_flow *flow, uint32_t seconds)
{
    if (flow->key.protocol == 6)
        return;
    flow->has_lifetime = true;
    flow->lifetime.seconds = seconds;
    wfp_flow_timer_stop(table, flow);
    wfp_flow_timer_start(table, flow);
}

void
wfp_flow_timer_start(struct wfp_flow_table *table, struct wfp_flow *flow)
{
    uint64_t second = (flow->last_100ns + wfp_flow_timer_idle_100ns(flow)) / SECOND;
    uint32_t slot, head;

    if (table->wheel_second == 0)
        table->wheel_second = flow->last_100ns / SECOND;
    if (second < table->wheel_second)
        second = table->wheel_second;
    slot = (uint32_t)(second % WFP_FLOW_WHEEL);
    head = table->wheel[slot];
    flow->timer_slot = (uint16_t)slot;
    flow->timer_next = head;
    flow->timer_previous = WFP_FLOW_NONE;
    if (head != WFP_FLOW_NONE)
        wfp_flow_at(table, head)->timer_previous = flow->index;
    table->wheel[slot] = flow->index;
}

void
wfp_flow_timer_stop(struct wfp_flow_table *table, struct wfp_flow *flow)
{
    if (flow->timer_previous != WFP_FLOW_NONE)
        wfp_flow_at(table, flow->timer_previous)->timer_next = flow->timer_next;
    else
        table->wheel[flow->timer_slot] = flow->timer_next;
    if (flow->timer_next != WFP_FLOW_NONE)
        wfp_flow_at(table, flow->timer_next)->timer_previous = flow->timer_previous;
}

static void
run_slot(struct wfp_flow_table *table, uint32_t slot, uint64_t now_100ns)
{
    uint32_t index = table->wheel[slot];

    /* Detach the slot first: flows may return to this very slot a turn later. */
    table->wheel[slot] = WFP_FLOW_NONE;
    while (index != WFP_FLOW_NONE) {
        struct wfp_flow *flow = wfp_flow_at(table, index);

        index = flow->timer_next;
        if (index != WFP_FLOW_NONE)
            wfp_flow_at(table, index)->timer_previous = WFP_FLOW_NONE;
        wfp_flow_timer_start(table, flow);
        if (flow->last_100ns + wfp_flow_timer_idle_100ns(flow) <= now_100ns)
            wfp_flow_end(table, flow);
    }
}

static void
end_aborted(struct wfp_flow_table *table)
{
    for (;;) {
        struct wfp_flow *flow = NULL;
        uint32_t count;

        pthread_mutex_lock(&table->lock);
        count = atomic_load(&table->aborted_count);
        if (count > 0) {
            flow = wfp_flow_context_owner_locked(table, table->aborted[count - 1]);
            atomic_store(&table->aborted_count, count - 1);
        }
        pthread_mutex_unlock(&table->lock);
        if (count == 0)
            return;
        if (flow) {
            memset(&flow->blocked, 0, sizeof(flow->blocked)); /* by no filter */
            flow->has_lifetime = false;
            wfp_flow_set_state(table, flow, WFP_FLOW_BLOCKED);
        }
    }
}

void
wfp_flow_advance(struct wfp_flow_table *table, uint64_t now_100ns)
{
    uint64_t second = now_100ns / SECOND;

    if (UNLIKELY(atomic_load_explicit(&table->aborted_count, memory_order_relaxed)))
        end_aborted(table);
    if (now_100ns > table->now_100ns)
        table->now_100ns = now_100ns;
    if (table->count == 0) {
        table->wheel_second = second;
        return;
    }
    if (table->wheel_second == 0 || second <= table->wheel_second)
        return;
    /* After a leap every slot is due once; a turn of the wheel looks at all of them. */
    if (second - table->wheel_second > WFP_FLOW_WHEEL)
        table->wheel_second = second - WFP_FLOW_WHEEL;
    while (table->wheel_second < second) {
        uint32_t slot = (uint32_t)(table->wheel_second % WFP_FLOW_WHEEL);

        table->wheel_second++;
        if (table->wheel[slot] != WFP_FLOW_NONE)
            run_slot(table, slot, now_100ns);
    }
}
