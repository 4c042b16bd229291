/*
 * Putting fragments together.
 *
 * Layout     A place's buffer: 64 bytes of room, the header of the first fragment (up to HEADER_MAX),
 *            right-aligned to the payload, then the payload at fixed distance from the start:
 *
 *               |room ....| header |payload ...............|
 *                                  ^ PAYLOAD_AT
 */
#include "core/packet/fragment.h"

#include <string.h>

#include "core/packet/bytes.h"
#include "core/packet/checksum.h"

#define PLACES      64u
#define ROOM        64u
#define HEADER_MAX  1024u /* IPv6 extension headers before the fragment header */
#define PAYLOAD_AT  (ROOM + HEADER_MAX)
#define PAYLOAD_MAX 65536u
#define UNITS       (PAYLOAD_MAX / 8)
#define WAIT_100NS  600000000ull

struct key {
    uint8_t source[16], destination[16];
    uint32_t id;
    uint8_t version, protocol; /* the protocol counts for IPv4 only */
    uint8_t zero[2];
};

struct place {
    bool is_used, is_refused;
    struct key key;
    struct wfp_fragment_refusal refusal;
    uint64_t since_100ns;
    uint32_t header_size;  /* 0 until the first fragment is there */
    uint32_t payload_size; /* 0 until the last one is */
    uint32_t units;        /* received */
    uint32_t highest;      /* byte after the highest received */
    uint64_t received[UNITS / 64];
    uint8_t *buffer; /* kept from datagram to datagram */
};

struct wfp_fragment_table {
    struct place places[PLACES];
    struct wfp_fragment_counters counters;
};

struct wfp_fragment_table *
wfp_fragment_table_new(void)
{
    return calloc(1, sizeof(struct wfp_fragment_table));
}

void
wfp_fragment_table_free(struct wfp_fragment_table *table)
{
    if (!table)
        return;
    for (uint32_t i = 0; i < PLACES; i++)
        free(table->places[i].buffer);
    free(table);
}

const struct wfp_fragment_counters *
wfp_fragment_counters(const struct wfp_fragment_table *table)
{
    return &table->counters;
}

static struct key
key_of(const struct wfp_packet *fragment)
{
    uint32_t size = fragment->version == 4 ? 4 : 16;
    struct key key = {.id = fragment->fragment_id, .version = fragment->version};

    memcpy(key.source, fragment->source, size);
    memcpy(key.destination, fragment->destination, size);
    if (fragment->version == 4)
        key.protocol = fragment->protocol;
    return key;
}

/** The place of a datagram, or NULL. Those that waited too long are given up on the way. */
static struct place *
find(struct wfp_fragment_table *table, const struct key *key, uint64_t now_100ns)
{
    struct place *found = NULL;

    for (uint32_t i = 0; i < PLACES; i++) {
        struct place *place = &table->places[i];

        if (!place->is_used)
            continue;
        if (now_100ns > place->since_100ns + WAIT_100NS) {
            table->counters.expired += !place->is_refused;
            place->is_used = false;
        } else if (memcmp(&place->key, key, sizeof(*key)) == 0) {
            found = place;
        }
    }
    return found;
}

/** A place for a new datagram: a free one, or that of the oldest. */
static struct place *
take(struct wfp_fragment_table *table, const struct key *key, uint64_t now_100ns)
{
    struct place *place = &table->places[0];
    uint8_t *buffer;

    for (uint32_t i = 0; i < PLACES && place->is_used; i++)
        if (!table->places[i].is_used || table->places[i].since_100ns < place->since_100ns)
            place = &table->places[i];
    if (place->is_used)
        table->counters.crowded_out += !place->is_refused;
    buffer = place->buffer;
    memset(place, 0, sizeof(*place));
    place->buffer = buffer;
    place->is_used = true;
    place->key = *key;
    place->since_100ns = now_100ns;
    return place;
}

/** Mark the units of [offset, offset + size). @return how many were marked before */
static uint32_t
mark(struct place *place, uint32_t offset, uint32_t size)
{
    uint32_t before = 0;

    for (uint32_t unit = offset / 8; unit < (offset + size + 7) / 8; unit++) {
        uint64_t bit = 1ull << unit % 64;

        before += (place->received[unit / 64] & bit) != 0;
        place->units += !(place->received[unit / 64] & bit);
        place->received[unit / 64] |= bit;
    }
    return before;
}

/** Keep the first fragment's header as that of a whole datagram. */
static bool
set_header(struct place *place, const struct wfp_packet *fragment)
{
    uint32_t size = fragment->version == 4 ? fragment->ip_header_size : fragment->fragment_header;
    uint8_t *header = place->buffer + PAYLOAD_AT - size;

    if (size > HEADER_MAX)
        return false;
    memcpy(header, fragment->data, size);
    place->header_size = size;
    if (fragment->version == 4) {
        wfp_bytes_put16(header + 6, wfp_bytes_get16(header + 6) & 0x4000);
    } else {
        /* The header before names what the fragment header named. */
        header[fragment->fragment_named_by] = fragment->data[fragment->fragment_header];
    }
    return true;
}

/** Put the fragment in its place. @return false when the datagram must be given up */
static bool
store(struct place *place, const struct wfp_packet *fragment)
{
    uint32_t start =
        fragment->version == 4 ? fragment->ip_header_size : (uint32_t)fragment->fragment_header + 8;
    uint32_t size = fragment->total_length - start, offset = fragment->fragment_offset;
    uint8_t *at = place->buffer + PAYLOAD_AT + offset;
    uint32_t units = (size + 7) / 8, before;
    bool is_beyond_end = place->payload_size && offset + size > place->payload_size;

    if (size == 0 || offset + size > PAYLOAD_MAX - 1 || is_beyond_end)
        return false;
    before = mark(place, offset, size);
    if (before != 0) /* the same again is a retransmission; anything else tries to confuse */
        return before == units && memcmp(at, fragment->data + start, size) == 0;
    memcpy(at, fragment->data + start, size);
    place->highest = MAX(place->highest, offset + size);
    if (!fragment->more_fragments) {
        if (place->highest > offset + size)
            return false;
        place->payload_size = offset + size;
    }
    return offset != 0 || set_header(place, fragment);
}

static void
make_whole(struct place *place, const struct wfp_packet *fragment, struct wfp_packet *ret_whole)
{
    uint8_t *header = place->buffer + PAYLOAD_AT - place->header_size;
    uint32_t length = place->header_size + place->payload_size;

    *ret_whole = *fragment;
    ret_whole->data = header;
    ret_whole->length = ret_whole->wire_length = length;
    ret_whole->headroom = PAYLOAD_AT - place->header_size;
    ret_whole->adapter = NULL;
    ret_whole->modified = false;
    if (fragment->version == 4) {
        wfp_bytes_put16(header + 2, (uint16_t)length);
        wfp_bytes_put16(header + 10, 0);
        wfp_bytes_put16(header + 10,
                        wfp_checksum_fold(wfp_checksum_add(0, header, place->header_size)));
    } else {
        wfp_bytes_put16(header + 4, (uint16_t)(length - 40));
    }
}

enum wfp_fragment_result
wfp_fragment_add(struct wfp_fragment_table *table, const struct wfp_packet *fragment,
                 struct wfp_packet *ret_whole)
{
    struct key key = key_of(fragment);
    struct place *place = find(table, &key, fragment->time_100ns);

    table->counters.fragments++;
    if (place && place->is_refused)
        return WFP_FRAGMENT_REFUSED;
    if (fragment->total_length < fragment->wire_length) {
        table->counters.cut++;
        return WFP_FRAGMENT_FAILED;
    }
    if (!place)
        place = take(table, &key, fragment->time_100ns);
    if (!place->buffer)
        place->buffer = malloc(PAYLOAD_AT + PAYLOAD_MAX);
    if (!place->buffer) {
        table->counters.no_memory++;
        place->is_used = false;
        return WFP_FRAGMENT_FAILED;
    }
    if (!store(place, fragment)) {
        table->counters.contradicted++;
        place->is_used = false;
        return WFP_FRAGMENT_FAILED;
    }
    if (!place->header_size || !place->payload_size ||
        place->units != (place->payload_size + 7) / 8)
        return WFP_FRAGMENT_HELD;
    place->is_used = false;
    if (place->header_size + place->payload_size > 65535) {
        table->counters.contradicted++; /* no such datagram was ever sent whole */
        return WFP_FRAGMENT_FAILED;
    }
    table->counters.completed++;
    make_whole(place, fragment, ret_whole);
    return WFP_FRAGMENT_COMPLETE;
}

void
wfp_fragment_refuse(struct wfp_fragment_table *table, const struct wfp_packet *fragment,
                    const struct wfp_fragment_refusal *refusal)
{
    struct key key = key_of(fragment);
    struct place *place = find(table, &key, fragment->time_100ns);

    if (!place)
        place = take(table, &key, fragment->time_100ns);
    place->is_refused = true;
    place->refusal = *refusal;
}

bool
wfp_fragment_find_refusal(struct wfp_fragment_table *table, const struct wfp_packet *fragment,
                          struct wfp_fragment_refusal *ret_refusal)
{
    struct key key = key_of(fragment);
    struct place *place = find(table, &key, fragment->time_100ns);

    if (!place || !place->is_refused)
        return false;
    *ret_refusal = place->refusal;
    return true;
}
