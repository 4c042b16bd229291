/*
 * Segments that come before their turn, kept until the gap is filled.
 */
#include "core/stream/stream_private.h"

bool
wfp_stream_order_keep(struct wfp_stream *stream, int number, uint32_t sequence,
                      const uint8_t *bytes, uint32_t length)
{
    struct wfp_stream_way *way = &stream->ways[number];
    struct wfp_stream_piece **at = &way->ahead, *piece;
    uint32_t end = sequence + length, cut;

    /* What is there stays; the new one fills in what is missing around it. */
    while (*at && wfp_stream_after((*at)->sequence + (*at)->length, sequence) <= 0)
        at = &(*at)->next;
    if (*at && wfp_stream_after((*at)->sequence, sequence) <= 0) {
        cut = (*at)->sequence + (*at)->length - sequence;
        if (cut >= length)
            return true;
        return wfp_stream_order_keep(stream, number, sequence + cut, bytes + cut, length - cut);
    }
    cut = *at && wfp_stream_after(end, (*at)->sequence) > 0 ? end - (*at)->sequence : 0;
    if (cut && !wfp_stream_order_keep(stream, number, end - cut, bytes + length - cut, cut))
        return false;
    length -= cut;
    if (length == 0)
        return true;
    if (way->ahead_bytes + length > WFP_STREAM_AHEAD_MAX) {
        stream->table->counters.ahead_full++;
        return false;
    }
    piece = malloc(sizeof(*piece) + length);
    if (!piece)
        return false;
    piece->sequence = sequence;
    piece->length = length;
    memcpy(piece->bytes, bytes, length);
    piece->next = *at;
    *at = piece;
    way->ahead_bytes += length;
    return true;
}

void
wfp_stream_order_take(struct wfp_stream_run *run)
{
    struct wfp_stream_way *way = &run->stream->ways[run->way];
    struct wfp_stream_piece *piece;

    while ((piece = way->ahead) && wfp_stream_after(piece->sequence, way->next) <= 0) {
        uint32_t skip = way->next - piece->sequence;

        way->ahead = piece->next;
        way->ahead_bytes -= piece->length;
        if (skip < piece->length) {
            wfp_stream_feed(run, 0, piece->bytes + skip, piece->length - skip);
            way->next += piece->length - skip;
        }
        free(piece);
    }
}

void
wfp_stream_order_fini(struct wfp_stream_way *way)
{
    for (struct wfp_stream_piece *piece = way->ahead, *next; piece; piece = next) {
        next = piece->next;
        free(piece);
    }
    way->ahead = NULL;
    way->ahead_bytes = 0;
}
