/*
 * The link of the simulated machine: Ethernet, where a test asks for it.
 *
 * Model      Packets between the machine and its peers get a header on their way through the stack: the
 *            machine's card is 02-00-00-00-00-01, whatever is behind the link 02-00-00-00-00-02; groups
 *            have the addresses that IP gives them. What stays on the machine has no frames, as loopback
 *            has none on Windows.
 */
#include <string.h>

#include "core/packet/bytes.h"
#include "core/packet/ethernet.h"
#include "programs/sim/sim_world.h"

static const uint8_t own_card[6] = {2, 0, 0, 0, 0, 1}, other_card[6] = {2, 0, 0, 0, 0, 2};

/** The link address of a group, or @p card. */
static void
set_destination(uint8_t *header, const uint8_t *ip, const uint8_t *card)
{
    static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint8_t *to = ip + (ip[0] >> 4 == 4 ? 16 : 24);

    memcpy(header, card, 6);
    if (ip[0] >> 4 == 6 && to[0] == 0xff) { /* RFC 2464 */
        memset(header, 0x33, 2);
        memcpy(header + 2, to + 12, 4);
    } else if (ip[0] >> 4 == 4 && memcmp(to, everyone, 4) == 0) {
        memcpy(header, everyone, 6);
    } else if (ip[0] >> 4 == 4 && (to[0] & 0xf0) == 0xe0) { /* RFC 1112 */
        memcpy(header, (uint8_t[]){1, 0, 0x5e, to[1] & 0x7f, to[2], to[3]}, 6);
    }
}

void
sim_frame_wrap(struct wfp_sim *sim, struct wfp_frame *frame)
{
    bool is_sent = frame->hint == WFP_HINT_OUTBOUND;
    uint8_t version = frame->length ? frame->data[0] >> 4 : 0, *header = sim->frame;

    if (!sim->options.frames || frame->mac || frame->hint == WFP_HINT_NONE ||
        frame->length < (version == 4 ? 20u : 40u) || frame->length > WFP_SIM_PACKET_MAX)
        return;
    set_destination(header, frame->data, is_sent ? other_card : own_card);
    memcpy(header + 6, is_sent ? own_card : other_card, 6);
    wfp_bytes_put16(header + 12, version == 4 ? 0x0800 : 0x86dd);
    memcpy(header + SIM_LINK_HEADER, frame->data, frame->length);
    frame->mac = header;
    frame->data = header + SIM_LINK_HEADER;
}

int
wfp_sim_frame(struct wfp_sim *sim, enum wfp_sim_way way, const void *bytes, size_t size)
{
    struct wfp_frame frame = {.mac = sim->frame,
                              .hint = way == WFP_SIM_OUT  ? WFP_HINT_OUTBOUND
                                      : way == WFP_SIM_IN ? WFP_HINT_INBOUND
                                                          : WFP_HINT_FORWARD};
    struct wfp_ethernet ethernet;

    if (!sim->options.frames)
        return sim_fail(sim, "the machine has no Ethernet link: wfp_sim_options.frames");
    if (size > sizeof(sim->frame))
        return sim_fail(sim, "%zu bytes: a frame has at most %zu", size, sizeof(sim->frame));
    if (!wfp_ethernet_parse(bytes, (uint32_t)size, &ethernet))
        return sim_fail(sim, "%zu bytes: an Ethernet header has 14", size);
    memcpy(sim->frame, bytes, size);
    frame.data = sim->frame + ethernet.header_size;
    frame.length = (uint32_t)size - ethernet.header_size;
    if (ethernet.ether_type != 0x0800 && ethernet.ether_type != 0x86dd)
        frame.link_reason = WFP_UNDECODABLE_NOT_IP;
    sim_take_frame(sim, &frame);
    sim_settle(sim);
    return 0;
}
