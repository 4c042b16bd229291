/*
 * What the files of the fwps room share.
 */
#ifndef WFP_NT_FWPS_INTERNAL_H
#define WFP_NT_FWPS_INTERNAL_H

#include <ntddk.h>
#include <ndis.h>
#include <fwpsk.h>

#include "core/engine/engine.h"
#include "core/packet/packet.h"
#include "nt/fwps/fwps_host.h"

extern struct nt_fwps_config nt_fwps;

/** What this thread is asking a driver's classifyFn about; NULL outside. */
extern _Thread_local const struct wfp_indication *nt_fwps_classified;

/** Whose classifyFn this thread called last: what is found after it is that driver's, there. */
const char *nt_fwps_asked_driver(void);
uintptr_t nt_fwps_asked_site(void);
#define NT_FWPS_FINDING(id, ...)                                                                   \
    nt_finding_at(nt_fwps_asked_driver(), nt_fwps_asked_site(), id, __VA_ARGS__)

/** Something waits for the stack's thread: whatever it waits in, it comes. Any thread, any IRQL. */
void nt_fwps_wake(void);
/** The FWPS_FILTER of a filter, rendered once and kept with it; NULL when memory is out. */
FWPS_FILTER3 *nt_fwps_filter_view(struct wfp_filter *filter);
/** The list that carries the indication's packet, data starting where its layer says. */
NET_BUFFER_LIST *nt_fwps_packet_nbl(const struct wfp_indication *indication);
/** A fragment group: link its packets' lists behind @p first, and take them apart after the callout. */
void nt_fwps_group_link(const struct wfp_indication *indication, NET_BUFFER_LIST *first);
void nt_fwps_group_check(const struct wfp_indication *indication, NET_BUFFER_LIST *first,
                         const struct wfp_classify_out *out);
/** FwpsFreeNetBufferList0 of a reassembled list. */
void nt_fwps_group_free(NET_BUFFER_LIST *nbl);
struct nt_nbl;
/** A packet's list of its own making: owns @p bytes (malloced), with the history of @p from. */
struct nt_nbl *nt_fwps_nbl_adopt(uint8_t *bytes, uint32_t length, const struct nt_nbl *from);
/** What goes into wfp_frame.adapter for an adopted list. */
void *nt_fwps_nbl_adapter(struct nt_nbl *header);
/** A list over @p bytes for the time of a classify; a driver that keeps it gets a copy. NULL without
 *  memory; given back with nt_fwps_nbl_drop(). */
NET_BUFFER_LIST *nt_fwps_nbl_lend(const uint8_t *bytes, uint32_t length);
/** Give up an adopted list that no packet took. */
void nt_fwps_nbl_drop(struct nt_nbl *header);
/** The IP header of the packet that a list was cloned from, and its size; NULL without one. */
const uint8_t *nt_fwps_nbl_origin(const struct nt_nbl *header, uint32_t *ret_length);
/** The plane's name of the packet a list was cloned from; 0 without one. */
uint64_t nt_fwps_nbl_plane_id(const struct nt_nbl *header);
/** The list goes: its contexts hear of @p event (FWPS_NET_BUFFER_LIST_*) and end. */
void nt_fwps_contexts_end(struct nt_nbl *header, int event);
/** A driver cloned the list: its contexts hear of it. */
void nt_fwps_contexts_cloned(struct nt_nbl *original, struct nt_nbl *clone);
/** After a callout: put back what it moved and did not restore, and note bytes that it changed in
 *  place; findings if it did. */
void nt_fwps_packet_check(const struct wfp_indication *indication, NET_BUFFER_LIST *nbl,
                          const struct wfp_classify_out *out);
/** After a callout that was shown a lent list. @return true if it changed the bytes (a finding) */
bool nt_fwps_nbl_returned(struct nt_nbl *header, uint16_t layer_id);
/** Once, at start: drivers that get at a packet's bytes are noticed. */
void nt_fwps_nbl_init(void);

struct wfp_user;
/** The LUID by which FwpsOpenToken finds a user's token; 0 when memory is out. */
uint64_t nt_fwps_token_modified_id(const struct wfp_user *user);
/** Tokens' handles are good inside the classify that was given them. */
void nt_fwps_token_init(void);

struct wfp_stream_view;

/** What a callout at a STREAM layer is handed as layerData. */
struct nt_fwps_stream_call {
    FWPS_STREAM_CALLOUT_IO_PACKET0 packet;
    FWPS_STREAM_DATA0 data;
};
/** @return false without memory. Between begin and end this thread is inside a stream's classify. */
bool nt_fwps_stream_begin(const struct wfp_stream_view *view, struct nt_fwps_stream_call *call);
/** Take the answer over; what breaks the contract is a finding. */
void nt_fwps_stream_end(const struct wfp_indication *indication, struct nt_fwps_stream_call *call,
                        const struct wfp_filter *filter, const struct wfp_classify_out *out);

#endif
