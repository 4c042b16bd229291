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

/** The FWPS_FILTER of a filter, rendered once and kept with it; NULL when memory is out. */
FWPS_FILTER3 *nt_fwps_filter_view(struct wfp_filter *filter);
/** The list that carries the indication's packet, data starting where its layer says. */
NET_BUFFER_LIST *nt_fwps_packet_nbl(const struct wfp_indication *indication);
/** After a callout: put back what it moved and did not restore; a finding if it did. */
void nt_fwps_packet_check(const struct wfp_indication *indication, NET_BUFFER_LIST *nbl);

#endif
