/*
 * The replay plane: packets from a capture file, verdicts into another.
 *
 * Model      capture.c reads records of pcap and pcapng files (capture_pcap.c, capture_pcapng.c),
 *            link.c finds the IP packet in them, replay.c hands frames to the handler. The writer
 *            (replay_writer.c) keeps records as they came and adds what became of them.
 *            infer.c guesses which addresses are this machine's.
 * Choice     We read files ourselves: libpcap tells nothing of a packet's direction, comments and
 *            process, and its loop costs more than a whole decision may. Tests hold the reader
 *            against libpcap, record by record.
 * Ref        pcapng and pcap drafts of the IETF opsawg group
 */
#ifndef WFP_PLANE_REPLAY_REPLAY_H
#define WFP_PLANE_REPLAY_REPLAY_H

#include "plane/plane.h"

/**
 * Open a capture; "-" is standard input.
 *
 * @param error  256 bytes for one clear line: object, rule, next step
 * @return 0, -WFP_ERR_IO (unreadable, or not a capture), -WFP_ERR_NO_MEMORY
 */
int wfp_replay_open(const char *path, struct wfp_plane **ret_plane, char error[256]);
/** Time of the first packet, 100 ns since 1601; for an empty capture the epoch of Unix. */
uint64_t wfp_replay_first_time(struct wfp_plane *plane);
/** How far the replay is. @p ret_total is 0 where the size isn't known (a pipe). */
void wfp_replay_progress(struct wfp_plane *plane, uint64_t *ret_done_bytes,
                         uint64_t *ret_total_bytes);

/** The first link type met that is not decoded, as text for people: "105, IEEE 802.11"; "" none. */
const char *wfp_replay_odd_link(struct wfp_plane *plane, char text[64]);

#define WFP_REPLAY_LOCAL_MAX 32

/** The addresses taken for this machine's. */
struct wfp_replay_local {
    uint32_t count;
    struct wfp_local_prefix prefixes[WFP_REPLAY_LOCAL_MAX];
    char text[256]; /* "10.0.0.4 (in 1204 of 1204 IPv4 packets)": for the report */
};

/**
 * Guess the local addresses from the first 10,000 packets.
 *
 * Packets whose direction the file tells (Linux cooked captures, pcapng packet flags) name them for
 * certain. Else it is, for IPv4 and IPv6 each, the unicast address that most packets come from or
 * go to; of equals, the one that sent first.
 *
 * @return 0 (with count 0 where nothing was found), or as wfp_replay_open(); -WFP_ERR_NOT_SUPPORTED
 *         for standard input, which can't be read twice (`text` then says so)
 */
int wfp_replay_infer_local(const char *path, struct wfp_replay_local *ret_local);

struct wfp_replay_writer;

/**
 * Begin a pcapng file that will hold the packets of @p plane, each with its verdict.
 * A replay's records keep their link layer, interface and time; other planes' packets are raw IP.
 * @return 0, or -WFP_ERR_IO / -WFP_ERR_NO_MEMORY with one line in @p error
 */
int wfp_replay_writer_open(const char *path, struct wfp_plane *plane,
                           struct wfp_replay_writer **ret_writer, char error[256]);
/**
 * Add the packet that the plane's handler has in hand, or one that a driver injected (raw IP).
 * @param comments  UTF-8, up to a NULL: become the packet's, after those it has; may be NULL. They
 *                  begin with "wfp ": those of an earlier run do too, and are left out
 * @return 0, -WFP_ERR_IO, -WFP_ERR_NO_MEMORY
 */
int wfp_replay_writer_put(struct wfp_replay_writer *writer, const struct wfp_frame *frame,
                          const struct wfp_decision *decision, const char *const *comments);
/**
 * Finish and close.
 * @param ret_left_out  blocks and options of the capture that could not be copied
 * @return 0, or -WFP_ERR_IO when not everything reached the file
 */
int wfp_replay_writer_close(struct wfp_replay_writer *writer, uint64_t *ret_left_out);

#endif
