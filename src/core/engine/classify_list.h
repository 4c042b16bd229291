/*
 * Classify in pieces, for the stream layers: there a filter decides about bytes, not about an event.
 *
 * Model      wfp_classify_list() says which filters match, in the order they are asked; the caller
 *            asks them one by one and draws its own conclusions.
 * Lifetime   Matches are good inside the epoch they were listed in, and later as long as the layer's
 *            epoch number has not changed and the caller holds references to the filters.
 */
#ifndef WFP_CORE_ENGINE_CLASSIFY_LIST_H
#define WFP_CORE_ENGINE_CLASSIFY_LIST_H

#include "core/engine/engine.h"

struct wfp_slot;

struct wfp_classify_match {
    struct wfp_filter *filter;
    struct wfp_slot *slot; /* its counters */
};

enum wfp_answer {
    WFP_ANSWER_GIVEN,
    WFP_ANSWER_NONE,         /* a callout for flows with a context, and this one has none */
    WFP_ANSWER_UNREGISTERED, /* no code behind the callout */
};

/**
 * List the filters of the indication's layer that match it, by sublayer and weight.
 * @return how many; only the first @p room are written. Context: inside an epoch.
 */
uint32_t wfp_classify_list(struct wfp_engine *engine, const struct wfp_indication *indication,
                           struct wfp_classify_match *matches, uint32_t room);
/** Ask a match's callout. @param out  pre-filled. Context: inside an epoch. */
enum wfp_answer wfp_classify_ask(struct wfp_engine *engine, const struct wfp_indication *indication,
                                 const struct wfp_classify_match *match,
                                 struct wfp_classify_out *out);
/** WFP_CALLOUT_FLAG_* of a registered callout; 0 otherwise. Context: inside an epoch. */
uint32_t wfp_classify_callout_flags(struct wfp_engine *engine, uint32_t callout_id);
/** Count one classify of the layer. @param blocked_by  NULL: it was permitted */
void wfp_classify_count(struct wfp_engine *engine, uint16_t layer_id,
                        const struct wfp_classify_match *blocked_by);

#endif
