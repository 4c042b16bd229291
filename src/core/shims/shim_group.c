/*
 * Fragment groups: the fragments of a datagram that passes through wait for each other, if so configured.
 *
 * Model      Each fragment is shown at IPFORWARD as it arrives; then it is held. The one that completes
 *            its datagram has the group shown, as a chain in the order of the datagram
 *            (IS_FRAGMENT_GROUP). A permit lets all go on, this one at once and the held ones right after
 *            it, in the order they came; a block takes all.
 *
 *              held --completed--> released --wfp_stack_resume()--> gone
 *               `-- waited a minute, or there is no room: dropped
 *
 * Choice     docs/decisions/0076-fragment-groups.md
 * Not here   which fragments make a datagram: core/packet/fragment.c, which is asked with a copy.
 * Ref        windows-driver-docs network/wfp-layer-requirements-and-restrictions (Forwarding Layer)
 */
#include <stdlib.h>
#include <string.h>

#include "core/packet/fragment.h"
#include "core/shims/shim.h"

#define WAIT_100NS 600000000u /* as long as the datagrams of fragment.c wait */
#define ROOM_BYTES (4u << 20)

struct held {
    struct held *next;
    struct wfp_frame frame;
    struct wfp_packet packet; /* for the time of the group's indication */
    struct wfp_verdict verdict;
    enum wfp_outcome outcome;
    uint8_t bytes[];
};

struct wfp_group_table {
    struct wfp_fragment_table *fragments; /* the stack's */
    struct held *held, *released;         /* oldest first */
    size_t held_bytes;
};

void
wfp_group_table_free(struct wfp_group_table *table)
{
    struct held *lists[2];

    if (!table)
        return;
    lists[0] = table->held;
    lists[1] = table->released;
    for (int i = 0; i < 2; i++)
        for (struct held *held = lists[i], *next; held; held = next) {
            next = held->next;
            free(held);
        }
    free(table);
}

struct wfp_group_table *
wfp_group_table_new(struct wfp_fragment_table *fragments)
{
    struct wfp_group_table *table = calloc(1, sizeof(*table));

    if (table)
        table->fragments = fragments;
    return table;
}

static void
append(struct held **list, struct held *held)
{
    while (*list)
        list = &(*list)->next;
    held->next = NULL;
    *list = held;
}

static struct held *
remove_at(struct wfp_group_table *table, struct held **at)
{
    struct held *held = *at;

    *at = held->next;
    table->held_bytes -= sizeof(*held) + held->frame.length;
    return held;
}

/** What waited too long, or is the oldest where there is no room for @p length more. */
static void
make_room(struct wfp_group_table *table, uint64_t now_100ns, uint32_t length)
{
    while (table->held && (table->held_bytes + sizeof(struct held) + length > ROOM_BYTES ||
                           now_100ns > table->held->frame.time_100ns + WAIT_100NS))
        free(remove_at(table, &table->held));
}

/** A copy of the packet, its headers' pointers led into it. @return false without memory */
static bool
hold(struct wfp_group_table *table, const struct wfp_shim *shim)
{
    const struct wfp_packet *packet = shim->packet;
    struct held *held;

    make_room(table, packet->time_100ns, packet->length);
    held = malloc(sizeof(*held) + packet->length);
    if (!held)
        return false;
    memcpy(held->bytes, packet->data, packet->length);
    held->frame = (struct wfp_frame){
        .data = held->bytes,
        .length = packet->length,
        .wire_length = packet->length,
        .hint = WFP_HINT_FORWARD,
        .time_100ns = packet->time_100ns,
        .interface_index = packet->interface_index,
        .interface_type = packet->interface_type,
        .forward_interface_index = shim->frame ? shim->frame->forward_interface_index : 0,
        .link_broadcast = packet->link_broadcast,
        .modified = packet->modified,
        .entry = WFP_ENTRY_RESUMED,
        .plane_id = packet->plane_id,
    };
    held->packet = *packet;
    held->packet.data = held->bytes;
    held->packet.headroom = 0;
    held->packet.source = held->bytes + (packet->source - packet->data);
    held->packet.destination = held->bytes + (packet->destination - packet->data);
    held->packet.adapter = NULL;
    held->packet.modified = false;
    table->held_bytes += sizeof(*held) + packet->length;
    append(&table->held, held);
    return true;
}

static bool
is_of_group(const struct wfp_packet *a, const struct wfp_packet *b)
{
    size_t size = a->version == 4 ? 4 : 16;

    return a->version == b->version && a->fragment_id == b->fragment_id &&
           (a->version == 6 || a->protocol == b->protocol) &&
           memcmp(a->source, b->source, size) == 0 &&
           memcmp(a->destination, b->destination, size) == 0;
}

/** Take the group's other fragments from the held ones. */
static struct held *
gather(struct wfp_group_table *table, const struct wfp_packet *packet)
{
    struct held *group = NULL;

    for (struct held **at = &table->held; *at;)
        if (is_of_group(&(*at)->packet, packet))
            append(&group, remove_at(table, at));
        else
            at = &(*at)->next;
    return group;
}

/** By the offset in the datagram; of equals, the older first. @return the new first */
static struct wfp_packet *
insert(struct wfp_packet *first, struct wfp_packet *packet)
{
    struct wfp_packet **at = &first;

    while (*at && (*at)->fragment_offset <= packet->fragment_offset)
        at = &(*at)->next_fragment;
    packet->next_fragment = *at;
    *at = packet;
    return first;
}

static bool
indicate_group(struct wfp_shim *shim, struct held *group)
{
    struct wfp_packet *packet = shim->packet, *first = NULL;
    bool passed;

    for (struct held *held = group; held; held = held->next)
        first = insert(first, &held->packet);
    shim->packet = insert(first, packet);
    shim->is_ready = false;
    passed = wfp_shim_forward(shim, WFP_CONDITION_IS_FRAGMENT_GROUP);
    shim->packet = packet;
    shim->is_ready = false;
    packet->next_fragment = NULL;
    return passed;
}

static void
release(struct wfp_shim *shim, struct held *group, bool passed)
{
    for (struct held *held = group, *next; held; held = next) {
        struct wfp_packet *packet = &held->packet;

        next = held->next;
        if (packet->modified && packet->data != held->bytes)
            memcpy(held->bytes, packet->data, MIN(packet->length, held->frame.length));
        held->frame.modified |= packet->modified;
        wfp_stack_release(shim->stack, packet);
        held->verdict = shim->decision->verdict;
        held->outcome = passed ? WFP_PERMITTED : shim->decision->outcome;
        append(&shim->groups->released, held);
    }
}

static void
give_up(struct wfp_group_table *table, const struct wfp_packet *packet)
{
    for (struct held *held = gather(table, packet), *next; held; held = next) {
        next = held->next;
        free(held);
    }
}

bool
wfp_shim_group(struct wfp_shim *shim)
{
    struct wfp_group_table *table = shim->groups;
    struct wfp_packet *packet = shim->packet, whole;
    struct held *group;
    bool passed;

    if (LIKELY(!table) || !packet->is_fragment || packet->total_length < packet->wire_length)
        return true; /* what a capture cut has no group */
    switch (wfp_fragment_add(table->fragments, packet, &whole)) {
    case WFP_FRAGMENT_COMPLETE:
        group = gather(table, packet);
        passed = indicate_group(shim, group);
        release(shim, group, passed);
        return passed;
    case WFP_FRAGMENT_HELD:
        if (hold(table, shim))
            break;
        /* fall through */
    default:
        give_up(table, packet);
    }
    shim->decision->outcome = WFP_ABSORBED;
    return false;
}

struct wfp_frame *
wfp_group_take(struct wfp_group_table *table, struct wfp_decision *ret_decision)
{
    struct held *held = table ? table->released : NULL;

    if (!held)
        return NULL;
    table->released = held->next;
    memset(ret_decision, 0, sizeof(*ret_decision));
    ret_decision->outcome = held->outcome;
    ret_decision->direction = WFP_FORWARD;
    ret_decision->verdict = held->verdict;
    return &held->frame;
}

void
wfp_group_drop(struct wfp_frame *frame)
{
    free(CONTAINER_OF(frame, struct held, frame));
}
