/*
 * Which addresses in a capture are this machine's?
 *
 * Choice     docs/decisions/0031-local-addresses-of-a-capture.md
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "plane/replay/replay_private.h"

#define PACKETS_SEEN 10000u
#define TABLE_SIZE   65536u /* more than twice the addresses that many packets can have */

/** How often an address was seen; open addressing, empty while version is 0. */
struct tally {
    uint8_t version;
    bool is_certain; /* the file says so */
    uint8_t address[16];
    uint32_t packets;
    uint32_t first_sent; /* the packet it first sent, UINT32_MAX never */
};

struct census {
    struct tally *table;
    uint32_t packets[2]; /* IPv4, IPv6 */
    bool has_hints;
    bool is_sample; /* the capture is longer than what was looked at */
};

static bool
is_unicast(uint8_t version, const uint8_t *address)
{
    static const uint8_t none[16];

    if (version == 4)
        return address[0] < 224 && address[0] != 127 && memcmp(address, none, 4) != 0;
    return address[0] != 0xff && memcmp(address, none, 15) != 0;
}

static struct tally *
tally_of(struct census *census, uint8_t version, const uint8_t *address)
{
    uint32_t size = version == 4 ? 4 : 16, hash = version;

    for (uint32_t i = 0; i < size; i++)
        hash = (hash ^ address[i]) * 16777619u;
    for (;; hash++) {
        struct tally *tally = &census->table[hash % TABLE_SIZE];

        if (tally->version == 0) {
            tally->version = version;
            tally->first_sent = UINT32_MAX;
            memcpy(tally->address, address, size);
            return tally;
        }
        if (tally->version == version && memcmp(tally->address, address, size) == 0)
            return tally;
    }
}

static void
count(struct census *census, const struct wfp_packet *packet, enum wfp_direction_hint hint,
      uint32_t number)
{
    const uint8_t *ends[] = {packet->source, packet->destination};

    census->packets[packet->version == 6]++;
    for (int i = 0; i < 2; i++) {
        struct tally *tally;

        if (!is_unicast(packet->version, ends[i]))
            continue;
        tally = tally_of(census, packet->version, ends[i]);
        tally->packets++;
        if (i == 0 && tally->first_sent == UINT32_MAX)
            tally->first_sent = number;
        if (hint == (i == 0 ? WFP_HINT_OUTBOUND : WFP_HINT_INBOUND))
            tally->is_certain = census->has_hints = true;
    }
}

static bool
is_better(const struct tally *a, const struct tally *b)
{
    if (!b || a->packets != b->packets)
        return !b || a->packets > b->packets;
    return a->first_sent < b->first_sent;
}

static void
add(struct wfp_replay_local *local, const struct tally *tally, const struct census *census)
{
    struct wfp_local_prefix *prefix;
    char address[INET6_ADDRSTRLEN], note[64];
    size_t used = strlen(local->text);

    inet_ntop(tally->version == 4 ? AF_INET : AF_INET6, tally->address, address, sizeof(address));
    if (tally->is_certain)
        snprintf(note, sizeof(note), "by packet direction");
    else
        snprintf(note, sizeof(note), "in %u of %s%u IPv%u packets", tally->packets,
                 census->is_sample ? "the first " : "", census->packets[tally->version == 6],
                 tally->version);
    snprintf(local->text + used, sizeof(local->text) - used, "%s%s (%s)", used ? ", " : "", address,
             note);
    prefix = &local->prefixes[local->count++];
    prefix->version = tally->version;
    prefix->prefix_length = tally->version == 4 ? 32 : 128;
    memcpy(prefix->addr, tally->address, 16);
}

static void
decide(struct census *census, struct wfp_replay_local *local)
{
    const struct tally *best[2] = {NULL, NULL};
    uint32_t more = 0;

    for (uint32_t i = 0; i < TABLE_SIZE; i++) {
        const struct tally *tally = &census->table[i];

        if (tally->version == 0)
            continue;
        if (tally->is_certain && local->count < WFP_REPLAY_LOCAL_MAX)
            add(local, tally, census);
        else if (tally->is_certain)
            more++;
        if (is_better(tally, best[tally->version == 6]))
            best[tally->version == 6] = tally;
    }
    if (more) {
        size_t used = strlen(local->text);

        /* Packets of those tell their direction themselves. */
        snprintf(local->text + used, sizeof(local->text) - used, ", and %u more", more);
    }
    for (int i = 0; i < 2 && !census->has_hints; i++)
        if (best[i])
            add(local, best[i], census);
    if (local->count == 0)
        snprintf(local->text, sizeof(local->text), "none found");
}

int
wfp_replay_infer_local(const char *path, struct wfp_replay_local *ret_local)
{
    _cleanup_(freep) struct tally *table = NULL;
    struct wfp_replay_local local = {0};
    struct census census = {0};
    struct wfp_plane *plane;
    struct wfp_frame frame = {0};
    char error[256];
    int r;

    if (strcmp(path, "-") == 0) {
        snprintf(local.text, sizeof(local.text),
                 "unknown (standard input can't be read twice; give --local)");
        *ret_local = local;
        return -WFP_ERR_NOT_SUPPORTED;
    }
    census.table = table = calloc(TABLE_SIZE, sizeof(*table));
    if (!table)
        return -WFP_ERR_NO_MEMORY;
    r = wfp_replay_open(path, &plane, error);
    if (r < 0)
        return r;
    wfp_capture_forget(((struct wfp_replay *)plane)->capture, false);
    for (uint32_t i = 0; wfp_replay_next((struct wfp_replay *)plane, &frame) > 0; i++) {
        struct wfp_packet packet = {
            .data = frame.data, .length = frame.length, .wire_length = frame.wire_length};

        census.is_sample = i == PACKETS_SEEN;
        if (census.is_sample)
            break;
        if (frame.link_reason == WFP_DECODED && wfp_packet_parse(&packet) == WFP_DECODED)
            count(&census, &packet, frame.hint, i);
    }
    plane->ops->close(plane);
    decide(&census, &local);
    *ret_local = local;
    return 0;
}
