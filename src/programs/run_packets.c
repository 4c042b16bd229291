/*
 * One packet in words: endpoints, verdict, the layers it met, the filter and callout that decided.
 */
#include "programs/run_packets.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "base/utf16.h"
#include "core/model/layer.h"
#include "nt/fwps/fwps_host.h"

#define CACHED 64 /* direct-mapped; a policy that decides has few filters */

struct name_cache {
    struct machine *machine;
    uint64_t ids[CACHED];
    char *names[CACHED];
};

struct name_cache *
name_cache_new(struct machine *machine)
{
    struct name_cache *cache = calloc(1, sizeof(*cache));
    if (cache)
        cache->machine = machine;
    return cache;
}

void
name_cache_free(struct name_cache *cache)
{
    if (!cache)
        return;
    for (int i = 0; i < CACHED; i++)
        free(cache->names[i]);
    free(cache);
}

const char *
name_cache_filter(struct name_cache *cache, uint64_t id)
{
    size_t slot = id % CACHED;
    struct wfp_filter *filter;

    if (cache->ids[slot] != id) {
        free(cache->names[slot]);
        cache->names[slot] = NULL;
        cache->ids[slot] = id;
        if (wfp_bfe_filter_get_by_id(cache->machine->session, id, &filter) == 0) {
            cache->names[slot] = machine_filter_name(filter);
            wfp_filter_unref(filter);
        }
    }
    return cache->names[slot] ? cache->names[slot] : "?";
}

static const char *
callout_driver(uint32_t id)
{
    struct nt_fwps_callout_info infos[64];
    size_t n = nt_fwps_list_callouts(infos, ELEMENTSOF(infos));

    for (size_t i = 0; i < MIN(n, ELEMENTSOF(infos)); i++)
        if (infos[i].id == id)
            return infos[i].driver;
    return "not registered";
}

static const char *const outcomes[] = {
    [WFP_PERMITTED] = "PERMIT",
    [WFP_BLOCKED] = "BLOCK",
    [WFP_ABSORBED] = "ABSORB",
    [WFP_UNDECODED] = "UNDECODED",
};

const char *
run_packets_describe(struct name_cache *cache, const struct wfp_decision *decision, char *text,
                     size_t size)
{
    const struct wfp_verdict *verdict = &decision->verdict;
    int n = snprintf(text, size, "%s", outcomes[decision->outcome]);

    if (decision->outcome == WFP_UNDECODED) {
        snprintf(text + n, size - (size_t)n, ": %s", wfp_undecodable_name(decision->reason));
        return text;
    }
    if (!verdict->filter_id) {
        snprintf(text + n, size - (size_t)n, ", no filter decided");
        return text;
    }
    n += snprintf(text + n, size - (size_t)n, " at %s by filter %" PRIu64 " \"%s\"",
                  wfp_layer_name(verdict->layer_id), verdict->filter_id,
                  name_cache_filter(cache, verdict->filter_id));
    if (verdict->callout_id && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, ", callout %u (%s)", verdict->callout_id,
                 callout_driver(verdict->callout_id));
    return text;
}

/** Who made the packet what it is: NULL for one of the plane's. */
static const char *
origin_of(const struct wfp_frame *frame)
{
    switch (frame->entry) {
    case WFP_ENTRY_WIRE:
        return NULL;
    case WFP_ENTRY_RESUMED:
        return "waited";
    default:
        return "driver";
    }
}

const char *
run_packets_comment(struct name_cache *cache, const struct wfp_frame *frame,
                    const struct wfp_decision *decision, char *text, size_t size)
{
    const char *origin = origin_of(frame);
    int n = snprintf(text, size, "wfp %s: ", origin ? origin : "verdict");

    run_packets_describe(cache, decision, text + n, size - (size_t)n);
    return text;
}

const char *
run_packets_path(const char *lead, const struct wfp_decision *decision, char *text, size_t size)
{
    size_t n = 0;

    text[0] = 0;
    if (decision->outcome == WFP_UNDECODED)
        return text;
    n = (size_t)snprintf(text, size, "%s", lead);
    for (uint32_t i = 0; i < decision->step_count && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s%s", i ? " > " : "",
                              wfp_layer_name(decision->steps[i].layer_id),
                              decision->steps[i].action == WFP_ACTION_BLOCK ? " (block)" : "");
    if (decision->steps_lost && n < size)
        snprintf(text + n, size - n, " > %u more", decision->steps_lost);
    return text;
}

const char *
run_packets_process(const char *lead, const struct wfp_frame *frame, char *text, size_t size)
{
    const uint16_t *path_utf16 = frame->process_path_utf16;
    _cleanup_(freep) char *path =
        path_utf16 ? wfp_utf16_to_utf8(path_utf16, wfp_utf16_length(path_utf16)) : NULL;

    text[0] = 0;
    if (frame->process_id)
        snprintf(text, size, "%s%" PRIu64 "%s%s", lead, frame->process_id, path ? " " : "",
                 path ? path : "");
    return text;
}

static const char *
protocol_name(uint8_t protocol, char text[16])
{
    static const struct {
        uint8_t protocol;
        const char *name;
    } names[] = {{1, "icmp"}, {6, "tcp"}, {17, "udp"}, {58, "icmp6"}};

    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (names[i].protocol == protocol)
            return names[i].name;
    snprintf(text, 16, "proto-%u", protocol);
    return text;
}

/* "tcp 10.0.0.4:50002 > 168.63.129.16:80" */
static void
describe_packet(const struct wfp_frame *frame, char *text, size_t size)
{
    struct wfp_packet packet = {
        .data = frame->data, .length = frame->length, .wire_length = frame->wire_length};
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], protocol[16];
    static const char *const form[2] = {"%s %s:%u > %s:%u", "%s [%s]:%u > [%s]:%u"};

    text[0] = 0;
    if (frame->link_reason != WFP_DECODED || wfp_packet_parse(&packet) != WFP_DECODED)
        return;
    int family = packet.version == 6 ? AF_INET6 : AF_INET;
    inet_ntop(family, packet.source, from, sizeof(from));
    inet_ntop(family, packet.destination, to, sizeof(to));
    snprintf(text, size, form[packet.version == 6], protocol_name(packet.protocol, protocol), from,
             packet.source_port, to, packet.destination_port);
}

void
run_packets_print(struct name_cache *cache, uint64_t number, const struct wfp_frame *frame,
                  uint64_t start_100ns, const struct wfp_decision *decision, FILE *out)
{
    static const char *const ways[] = {"out", "in", "fwd"};
    char packet[128], verdict[400], path[800], process[320], count[24];
    uint64_t since = frame->time_100ns > start_100ns ? frame->time_100ns - start_100ns : 0;
    const char *origin = origin_of(frame);

    describe_packet(frame, packet, sizeof(packet));
    snprintf(count, sizeof(count), "%" PRIu64, number);
    fprintf(out, "%6s %4" PRIu64 ".%06" PRIu64 " %-3s %-48s %s%s%s\n", origin ? origin : count,
            since / 10000000, since % 10000000 / 10,
            decision->outcome == WFP_UNDECODED ? "" : ways[decision->direction], packet,
            run_packets_describe(cache, decision, verdict, sizeof(verdict)),
            run_packets_path("; ", decision, path, sizeof(path)),
            run_packets_process("; process ", frame, process, sizeof(process)));
}

static struct {
    uint64_t number;
    const struct wfp_frame *frame;
} held;

void
run_packets_hold(uint64_t number, const struct wfp_frame *frame)
{
    held.number = number;
    held.frame = frame;
}

const char *
run_packets_held(void)
{
    static char text[192];
    char packet[128];

    if (!held.frame)
        return NULL;
    describe_packet(held.frame, packet, sizeof(packet));
    snprintf(text, sizeof(text), "packet %" PRIu64 "%s%s", held.number, packet[0] ? ", " : "",
             packet);
    return text;
}
