/*
 * An engine for shim tests: it records what it is asked and blocks where it is told.
 */
#ifndef WFP_TESTS_SHIMS_ENGINE_MOCK_H
#define WFP_TESTS_SHIMS_ENGINE_MOCK_H

#include "core/engine/classify_list.h"
#include "core/engine/engine.h"
#include "core/flow/flow.h"
#include "core/model/layer.h"
#include "core/model/metadata.h"
#include "core/packet/packet.h"
#include "core/shims/stack.h"

/** One classify, copied. */
struct seen {
    uint16_t layer_id;
    uint16_t value_count;
    struct wfp_value values[WFP_FIELD_MAX];
    uint64_t uint64s[WFP_FIELD_MAX];
    uint8_t arrays[WFP_FIELD_MAX][16];
    struct wfp_metadata metadata;
    bool has_packet;
    uint32_t data_offset;
    uint64_t flow_id;
};

static struct engine_mock {
    struct wfp_engine_layers layers; /* first, as the engine's; a filter where they are watched */
    struct seen seen[64];
    uint32_t count;
    int block_layer; /* -1 none */
    bool absorb;
    uint64_t epoch[WFP_LAYER_COUNT];
    void (*hook)(const struct wfp_indication *indication, struct wfp_verdict *verdict); /* or NULL */
} mock;

static inline void
mock_watch(uint16_t layer, bool watch)
{
    atomic_store(&mock.layers.filters[layer], watch);
}

/* Layers that most drivers leave alone: watched where a test says so. */
static inline void
mock_watch_redirects(bool watch)
{
    for (uint16_t layer = WFP_LAYER_ALE_CONNECT_REDIRECT_V4;
         layer <= WFP_LAYER_ALE_BIND_REDIRECT_V6; layer++)
        mock_watch(layer, watch);
}

static inline void
mock_reset(void)
{
    mock = (struct engine_mock){.block_layer = -1};
    for (uint16_t layer = 0; layer < WFP_LAYER_COUNT; layer++)
        mock_watch(layer, true);
    mock_watch(WFP_LAYER_STREAM_V4, false); /* tests have to ask for these */
    mock_watch(WFP_LAYER_STREAM_V6, false);
    mock_watch(WFP_LAYER_STREAM_PACKET_V4, false);
    mock_watch(WFP_LAYER_STREAM_PACKET_V6, false);
    mock_watch_redirects(false);
}

/* Streams ask filter by filter; their tests have a real engine. */
uint32_t
wfp_classify_list(struct wfp_engine *engine, const struct wfp_indication *indication,
                  struct wfp_classify_match *matches, uint32_t room)
{
    return 0;
}

enum wfp_answer
wfp_classify_ask(struct wfp_engine *engine, const struct wfp_indication *indication,
                 const struct wfp_classify_match *match, struct wfp_classify_out *out)
{
    return WFP_ANSWER_NONE;
}

uint32_t
wfp_classify_callout_flags(struct wfp_engine *engine, uint32_t callout_id)
{
    return 0;
}

void
wfp_classify_count(struct wfp_engine *engine, uint16_t layer_id,
                   const struct wfp_classify_match *blocked_by)
{
}

uint64_t
wfp_engine_layer_epoch(struct wfp_engine *engine, uint16_t layer_id)
{
    return mock.epoch[layer_id];
}

void
wfp_classify(struct wfp_engine *engine, const struct wfp_indication *indication,
             struct wfp_verdict *ret_verdict)
{
    bool block = indication->layer_id == mock.block_layer;

    if (mock.count < ELEMENTSOF(mock.seen)) {
        struct seen *seen = &mock.seen[mock.count++];

        memset(seen, 0, sizeof(*seen));
        seen->layer_id = indication->layer_id;
        seen->value_count = indication->value_count;
        for (uint32_t i = 0; i < indication->value_count; i++) {
            seen->values[i] = indication->values[i];
            if (indication->values[i].type == WFP_UINT64)
                seen->uint64s[i] = *indication->values[i].uint64;
            if (indication->values[i].type == WFP_BYTE_ARRAY16)
                memcpy(seen->arrays[i], indication->values[i].array16, 16);
        }
        seen->metadata = *indication->metadata;
        seen->has_packet = indication->packet != NULL;
        seen->data_offset = indication->layer_data_offset;
        seen->flow_id = indication->flow ? indication->flow->id : 0;
    }
    *ret_verdict = (struct wfp_verdict){
        .action = block ? WFP_ACTION_BLOCK : WFP_ACTION_PERMIT,
        .decided = block,
        .absorb = block && mock.absorb,
        .filter_id = block ? 77 : 0,
        .layer_id = indication->layer_id,
    };
    if (mock.hook)
        mock.hook(indication, ret_verdict);
}

int
wfp_callout_flow_claim(struct wfp_engine *engine, uint32_t id)
{
    return 0;
}

void
wfp_callout_flow_delete(struct wfp_engine *engine, uint32_t id, uint16_t layer_id,
                        uint64_t flow_context)
{
}

#endif
