/*
 * The way between two hosts: packets take time, get lost, doubled and out of order.
 *
 * Model      A queue of packets ordered by arrival. What happens to a packet is drawn from the link's
 *            seed when it is put in, so the same packets and the same seed meet the same fate.
 * Lifetime   Packets are copied in; the taker owns what it takes out.
 */
#ifndef WFP_SIM_LINK_H
#define WFP_SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

/** Chances are of 1000. All zero: a perfect wire with no delay. */
struct wfp_sim_link_config {
    uint64_t delay_100ns;
    uint64_t jitter_100ns; /* 0 .. jitter more, drawn per packet: reorders by itself */
    uint32_t loss_permille;
    uint32_t duplicate_permille;
    uint32_t reorder_permille; /* such a packet is held back for reorder_100ns more */
    uint64_t reorder_100ns;
    uint64_t seed;
};

struct wfp_sim_parcel {
    uint64_t time_100ns; /* of arrival */
    uint64_t order;
    int tag; /* the sender's word: which way, to whom */
    uint32_t length;
    uint8_t *data;
};

struct wfp_sim_link;

/** @return NULL without memory */
struct wfp_sim_link *wfp_sim_link_new(const struct wfp_sim_link_config *config);
void wfp_sim_link_free(struct wfp_sim_link *link);
DEFINE_FREEP(struct wfp_sim_link, wfp_sim_link_free)

/** For packets put in from now on; the seed starts over unless it is 0. */
void wfp_sim_link_configure(struct wfp_sim_link *link, const struct wfp_sim_link_config *config);
/** @return 0 (also when the packet is lost on the way) or -WFP_ERR_NO_MEMORY */
int wfp_sim_link_put(struct wfp_sim_link *link, uint64_t now_100ns, int tag, const uint8_t *data,
                     uint32_t length);
/** When the next packet arrives; UINT64_MAX when none is on its way. */
uint64_t wfp_sim_link_next(const struct wfp_sim_link *link);
/** Take the next packet out, whatever the time. @return false if there is none; free its data */
bool wfp_sim_link_take(struct wfp_sim_link *link, struct wfp_sim_parcel *ret_parcel);
/** Packets lost so far, and doubled. */
uint64_t wfp_sim_link_lost(const struct wfp_sim_link *link, uint64_t *ret_doubled);

#endif
