/*
 * What happened: every packet, and every layer it met, in order.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/model/layer.h"
#include "core/packet/bytes.h"
#include "nt/fwps/fwps_host.h"
#include "policy/bfe/bfe_query.h"
#include "programs/sim/sim_world.h"

static struct sim_indication *
layer_at(const struct wfp_sim *sim, size_t index)
{
    return (struct sim_indication *)sim->layers.items + index;
}

static struct wfp_sim_packet *
packet_at(const struct wfp_sim *sim, size_t index)
{
    return (struct wfp_sim_packet *)sim->packets.items + index;
}

void
sim_record_step(void *context, const struct wfp_packet *packet, const struct wfp_step *step)
{
    struct wfp_sim *sim = context;
    struct sim_indication *indication = sim_array_add(&sim->layers, sizeof(*indication));

    if (!indication) {
        sim_fail(sim, "out of memory");
        return;
    }
    indication->step = *step;
    indication->packet = packet && packet->data ? sim->current : SIM_NO_PACKET;
}

size_t
sim_record_begin(struct wfp_sim *sim, const struct wfp_frame *frame)
{
    struct wfp_sim_packet *packet = sim_array_add(&sim->packets, sizeof(*packet));
    size_t index = sim->packets.count - 1;

    if (!packet) {
        sim_fail(sim, "out of memory");
        return SIM_NO_PACKET;
    }
    packet->time = sim->now;
    packet->injected = frame->entry != WFP_ENTRY_WIRE && frame->entry != WFP_ENTRY_RESUMED;
    packet->resumed = frame->entry == WFP_ENTRY_RESUMED;
    packet->reason = "";
    /* The steps of one that waited came before it is known. */
    for (size_t i = sim->layers.count; packet->resumed && i-- > 0;) {
        if (layer_at(sim, i)->packet != SIM_RESUMING)
            break;
        layer_at(sim, i)->packet = index;
    }
    return index;
}

void
sim_record_end(struct wfp_sim *sim, size_t index, const struct wfp_frame *frame,
               const struct wfp_decision *decision)
{
    static const enum wfp_sim_outcome outcomes[] = {
        [WFP_PERMITTED] = WFP_SIM_PERMITTED,
        [WFP_BLOCKED] = WFP_SIM_BLOCKED,
        [WFP_ABSORBED] = WFP_SIM_ABSORBED,
        [WFP_UNDECODED] = WFP_SIM_UNDECODED,
    };
    struct wfp_sim_packet *packet;
    uint8_t *bytes;

    if (index == SIM_NO_PACKET)
        return;
    packet = packet_at(sim, index);
    bytes = malloc(frame->length ? frame->length : 1);
    if (!bytes) {
        sim_fail(sim, "out of memory");
        return;
    }
    memcpy(bytes, frame->data, frame->length);
    packet->bytes = bytes;
    packet->size = frame->length;
    packet->outcome = outcomes[decision->outcome];
    packet->way = decision->direction == WFP_OUTBOUND  ? WFP_SIM_OUT
                  : decision->direction == WFP_INBOUND ? WFP_SIM_IN
                                                       : WFP_SIM_FORWARD;
    if (decision->outcome == WFP_UNDECODED)
        packet->reason = wfp_undecodable_text(decision->reason);
}

void
sim_record_print(void *context, enum wfp_log_level level, const char *line)
{
    struct wfp_sim *sim = context;

    pthread_mutex_lock(&sim->print_lock);
    for (const char *c = line;; c++) {
        char *end = sim_array_add(&sim->printed, 1);

        if (end)
            *end = *c ? *c : '\n';
        if (!end || !*c)
            break;
    }
    pthread_mutex_unlock(&sim->print_lock);
    if (sim->options.debug_print || level <= WFP_LOG_WARNING)
        fprintf(stderr, "%s\n", line);
}

const char *
wfp_sim_printed(struct wfp_sim *sim)
{
    const char *text = "";

    pthread_mutex_lock(&sim->print_lock);
    if (sim_array_add(&sim->printed, 1)) {
        sim->printed.count--; /* the NUL stays behind the end */
        text = sim->printed.items;
    }
    pthread_mutex_unlock(&sim->print_lock);
    return text;
}

void
sim_records_free(struct wfp_sim *sim)
{
    for (size_t i = 0; i < sim->packets.count; i++)
        free((void *)(uintptr_t)packet_at(sim, i)->bytes);
    for (size_t i = 0; i < ELEMENTSOF(sim->names); i++)
        free(sim->names[i]);
    free(sim->packets.items);
    free(sim->printed.items);
    free(sim->layers.items);
}

/* ---- asked for ---- */

size_t
wfp_sim_layers(struct wfp_sim *sim)
{
    return sim->layers.count - sim->first_layer;
}

size_t
wfp_sim_packets(struct wfp_sim *sim)
{
    return sim->packets.count - sim->first_packet;
}

void
wfp_sim_forget(struct wfp_sim *sim)
{
    sim->first_layer = sim->layers.count;
    sim->first_packet = sim->packets.count;
}

static const char *
filter_name(struct wfp_sim *sim, uint64_t id)
{
    size_t slot = id % ELEMENTSOF(sim->names);
    struct wfp_filter *filter;

    if (id == 0)
        return "";
    if (sim->name_ids[slot] != id || !sim->names[slot]) {
        free(sim->names[slot]);
        sim->names[slot] = NULL;
        sim->name_ids[slot] = id;
        if (wfp_bfe_filter_get_by_id(sim->machine.session, id, &filter) == 0) {
            sim->names[slot] = machine_filter_name(filter);
            wfp_filter_unref(filter);
        }
    }
    return sim->names[slot] ? sim->names[slot] : "";
}

static const char *
callout_driver(uint32_t id)
{
    struct nt_fwps_callout_info infos[256];
    size_t count = id ? nt_fwps_list_callouts(infos, ELEMENTSOF(infos)) : 0;

    for (size_t i = 0; i < MIN(count, ELEMENTSOF(infos)); i++)
        if (infos[i].id == id)
            return infos[i].driver;
    return "";
}

bool
wfp_sim_layer(struct wfp_sim *sim, size_t index, struct wfp_sim_layer *ret_layer)
{
    const struct sim_indication *indication;

    if (index >= wfp_sim_layers(sim))
        return false;
    indication = layer_at(sim, sim->first_layer + index);
    *ret_layer = (struct wfp_sim_layer){
        .name = wfp_layer_name(indication->step.layer_id),
        .blocked = indication->step.action == WFP_ACTION_BLOCK,
        .filter_id = indication->step.filter_id,
        .filter = filter_name(sim, indication->step.filter_id),
        .callout_id = indication->step.callout_id,
        .driver = callout_driver(indication->step.callout_id),
        .packet = indication->packet < SIM_RESUMING && indication->packet >= sim->first_packet
                      ? indication->packet - sim->first_packet
                      : SIZE_MAX,
    };
    return true;
}

bool
wfp_sim_packet(struct wfp_sim *sim, size_t index, struct wfp_sim_packet *ret_packet)
{
    if (index >= wfp_sim_packets(sim))
        return false;
    *ret_packet = *packet_at(sim, sim->first_packet + index);
    return true;
}

/* ---- as text ---- */

static int
describe_protocol(const struct wfp_packet *packet, char *text, size_t size)
{
    static const char letters[] = "FSRPAU";
    uint32_t header = (uint32_t)packet->ip_header_size + packet->transport_header_size;
    int n;

    switch (packet->protocol) {
    case WFP_PROTOCOL_TCP:
        n = snprintf(text, size, "tcp ");
        for (int bit = 0; bit < 6; bit++)
            if (packet->data[packet->ip_header_size + 13] & 1u << bit)
                n += snprintf(text + n, size - (size_t)n, "%c", letters[bit]);
        break;
    case WFP_PROTOCOL_UDP:
        n = snprintf(text, size, "udp");
        break;
    case WFP_PROTOCOL_ICMP:
    case WFP_PROTOCOL_ICMPV6:
        return snprintf(text, size, "icmp %u/%u", packet->source_port, packet->destination_port);
    default:
        n = snprintf(text, size, "proto-%u", packet->protocol);
    }
    if (packet->total_length > header)
        n += snprintf(text + n, size - (size_t)n, " %u", packet->total_length - header);
    return n;
}

const char *
sim_record_packet_text(const struct wfp_sim_packet *record, char *text, size_t size)
{
    static const char *const ways[] = {"out", "in", "fwd"};
    static const char *const outcomes[] = {"", "(block)", "(absorb)", "(undecoded)"};
    struct wfp_packet packet = {.data = (uint8_t *)(uintptr_t)record->bytes,
                                .length = (uint32_t)record->size};
    int n = snprintf(text, size, "%s ", ways[record->way]);

    if (record->outcome == WFP_SIM_UNDECODED || wfp_packet_parse(&packet) != WFP_DECODED)
        n += snprintf(text + n, size - (size_t)n, "ip");
    else if (packet.is_fragment)
        n += snprintf(text + n, size - (size_t)n, "%s+%u",
                      packet.protocol == WFP_PROTOCOL_UDP ? "udp" : "ip", packet.fragment_offset);
    else
        n += describe_protocol(&packet, text + n, size - (size_t)n);
    snprintf(text + n, size - (size_t)n, "%s%s%s", outcomes[record->outcome],
             record->injected ? "(injected)" : "", record->resumed ? "(resumed)" : "");
    return text;
}

void
wfp_sim_print(struct wfp_sim *sim)
{
    size_t told = SIZE_MAX;
    struct wfp_sim_layer layer;
    char text[160];

    for (size_t i = 0; wfp_sim_layer(sim, i, &layer); i++) {
        if (layer.packet != told && layer.packet != SIZE_MAX)
            fprintf(stderr, "packet %zu: %s\n", layer.packet,
                    sim_record_packet_text(packet_at(sim, sim->first_packet + layer.packet), text,
                                           sizeof(text)));
        told = layer.packet;
        fprintf(stderr, "    %-34s %s", layer.name, layer.blocked ? "block" : "permit");
        if (layer.filter_id)
            fprintf(stderr, " by filter %" PRIu64 " \"%s\"", layer.filter_id, layer.filter);
        fprintf(stderr, "%s%s\n", *layer.driver ? ", callout of " : "", layer.driver);
    }
}

/* pcap: raw IP, microseconds */
static bool
write_packets(struct wfp_sim *sim, FILE *file)
{
    const uint32_t head[6] = {0xa1b2c3d4u, 2 | 4u << 16, 0, 0, 262144, 101};

    if (fwrite(head, sizeof(head), 1, file) != 1)
        return false;
    for (size_t i = 0; i < sim->packets.count; i++) {
        const struct wfp_sim_packet *packet = packet_at(sim, i);
        uint64_t us = (packet->time - 116444736000000000ull) / 10;
        const uint32_t record[4] = {(uint32_t)(us / 1000000), (uint32_t)(us % 1000000),
                                    (uint32_t)packet->size, (uint32_t)packet->size};

        if (packet->way != WFP_SIM_IN && packet->outcome != WFP_SIM_PERMITTED)
            continue; /* it never left */
        if (packet->way == WFP_SIM_IN && (packet->injected || packet->resumed))
            continue; /* it never came */
        if (fwrite(record, sizeof(record), 1, file) != 1 ||
            (packet->size && fwrite(packet->bytes, packet->size, 1, file) != 1))
            return false;
    }
    return true;
}

int
wfp_sim_save(struct wfp_sim *sim, const char *path)
{
    FILE *file = fopen(path, "wb");
    bool is_written = file && write_packets(sim, file);

    if (file && fclose(file) != 0)
        is_written = false;
    return is_written ? 0 : sim_fail(sim, "%s: can't be written", path);
}
