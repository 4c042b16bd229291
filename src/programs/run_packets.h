/*
 * Per-packet output of `wfp run`: the -v line and the comment in a written capture.
 */
#ifndef WFP_PROGRAMS_RUN_PACKETS_H
#define WFP_PROGRAMS_RUN_PACKETS_H

#include <stdio.h>

#include "programs/machine.h"

/** Names of filters and callouts by id, looked up once each. */
struct name_cache;

struct name_cache *name_cache_new(struct machine *machine);
void name_cache_free(struct name_cache *cache);
/** A filter's display name, "?" if it is gone; valid until the next call. */
const char *name_cache_filter(struct name_cache *cache, uint64_t id);

/**
 * "BLOCK at OUTBOUND_TRANSPORT_V4 by filter 70001 "block_ip outbound IPv4", callout 258 (block_ip)".
 * Returns @p text.
 */
const char *run_packets_describe(struct name_cache *cache, const struct wfp_decision *decision,
                                 char *text, size_t size);
/** The same as a comment in a capture, which also says if a driver made the packet. */
const char *run_packets_comment(struct name_cache *cache, const struct wfp_frame *frame,
                                const struct wfp_decision *decision, char *text, size_t size);
/** "<lead>OUTBOUND_TRANSPORT_V4 > OUTBOUND_IPPACKET_V4", "" if undecoded. Returns @p text. */
const char *run_packets_path(const char *lead, const struct wfp_decision *decision, char *text,
                             size_t size);
/** "<lead>4711 /usr/bin/curl", or "" where the owner is unknown. Returns @p text. */
const char *run_packets_process(const char *lead, const struct wfp_frame *frame, char *text,
                                size_t size);
/**
 * One -v line; in place of its number a packet that a driver sent has "driver", one that a driver
 * kept waiting "waited".
 * @param start_100ns  time of the first packet
 */
void run_packets_print(struct name_cache *cache, uint64_t number, const struct wfp_frame *frame,
                       uint64_t start_100ns, const struct wfp_decision *decision, FILE *out);

/** Note the packet in hand (NULL: none), for the report of a driver that faults over it. */
void run_packets_hold(uint64_t number, const struct wfp_frame *frame);
/** "packet 17, udp 10.0.0.4:53 > 10.0.0.1:53", or NULL. Context: also after a fault. */
const char *run_packets_held(void);

#endif
