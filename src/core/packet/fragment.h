/*
 * Fragments of datagrams, put together again.
 *
 * Model      A fixed number of datagrams are collected at a time, each in a buffer that is kept for the
 *            next one, so that nothing is allocated in the long run. A datagram is complete when every
 *            8-byte unit up to its last fragment is there.
 * Choice     An overlap that is not an exact repetition ends the datagram (RFC 5722, also for IPv4, as
 *            current stacks do). A datagram waits 60 seconds; when all places are taken the oldest goes.
 * Lifetime   The stack's thread.
 */
#ifndef WFP_CORE_PACKET_FRAGMENT_H
#define WFP_CORE_PACKET_FRAGMENT_H

#include "base/macros.h"
#include "core/packet/packet.h"

struct wfp_fragment_table;

/** What became of a fragment. */
enum wfp_fragment_result {
    WFP_FRAGMENT_HELD,
    WFP_FRAGMENT_COMPLETE,
    WFP_FRAGMENT_REFUSED, /* of a datagram that wfp_fragment_refuse() named */
    WFP_FRAGMENT_FAILED,  /* counted by reason */
};

struct wfp_fragment_counters {
    uint64_t fragments, completed;
    uint64_t contradicted; /* datagrams given up: fragments overlap or disagree on the end */
    uint64_t expired;      /* ... the rest didn't come in time */
    uint64_t crowded_out;  /* ... the place was needed for a newer one */
    uint64_t cut;          /* fragments the capture cut short: can't be put together */
    uint64_t no_memory;
};

/** Why a datagram was refused, as its caller likes to remember it. */
struct wfp_fragment_refusal {
    uint64_t filter_id;
    uint32_t callout_id;
    uint16_t layer_id;
};

/** @return NULL without memory */
struct wfp_fragment_table *wfp_fragment_table_new(void);
void wfp_fragment_table_free(struct wfp_fragment_table *table);
DEFINE_FREEP(struct wfp_fragment_table, wfp_fragment_table_free)

/**
 * Add a parsed fragment.
 *
 * @param ret_whole  COMPLETE: the datagram, parsed by the caller; its bytes are the table's, good
 *                   until the next call, and may be written, with 64 bytes before them. Everything
 *                   that is not in the bytes (time, interface, ...) is the fragment's.
 */
enum wfp_fragment_result wfp_fragment_add(struct wfp_fragment_table *table,
                                          const struct wfp_packet *fragment,
                                          struct wfp_packet *ret_whole);

/** The datagram of @p fragment is refused: so are its later fragments. */
void wfp_fragment_refuse(struct wfp_fragment_table *table, const struct wfp_packet *fragment,
                         const struct wfp_fragment_refusal *refusal);
/** Was the datagram of @p fragment refused? */
bool wfp_fragment_find_refusal(struct wfp_fragment_table *table, const struct wfp_packet *fragment,
                               struct wfp_fragment_refusal *ret_refusal);

const struct wfp_fragment_counters *wfp_fragment_counters(const struct wfp_fragment_table *table);

#endif
