/*
 * The callout side of fwpkclnt.sys: what joins drivers to the filter engine.
 *
 * Model      fwps_callout.c registers drivers' functions with core/engine and carries each classify
 *            to them; fwps_filter.c renders filters as FWPS_FILTER; fwps_nbl.c gives packets a
 *            NET_BUFFER_LIST; fwps_flow.c flow contexts; fwps_inject.c packets drivers send;
 *            fwps_stream.c bytes of streams, shown and injected.
 * Lifetime   One host per process, as there is one kernel: nt_fwps_init() once, before any driver.
 */
#ifndef WFP_NT_FWPS_HOST_H
#define WFP_NT_FWPS_HOST_H

#include <stddef.h>
#include <stdint.h>

struct wfp_engine;
struct wfp_flow_table;
struct wfp_frame;
struct wfp_packet;
struct wfp_stack;
struct wfp_stream_table;
struct wfp_user;

struct nt_fwps_config {
    struct wfp_engine *engine;
    struct wfp_flow_table *flows;     /* NULL: no flow contexts */
    struct wfp_stack *stack;          /* NULL: its endpoints can't be listed */
    struct wfp_stream_table *streams; /* NULL: nothing can be injected into streams */
    /** Something was injected from another thread: come and drain. May be NULL. Any thread, any IRQL. */
    void (*wake)(void *context);
    void *wake_context;
};

void nt_fwps_init(const struct nt_fwps_config *config);
/** Late joining: the stack is made after the drivers' host. */
void nt_fwps_set_flows(struct wfp_flow_table *flows);
void nt_fwps_set_stack(struct wfp_stack *stack);
void nt_fwps_set_streams(struct wfp_stream_table *streams);
/** Late joining, too: who is woken when something is injected. Before packets flow. */
void nt_fwps_set_wake(void (*wake)(void *context), void *context);
/** The stack is done with @p packet: its list goes, or keeps the bytes for whoever references it. */
void nt_fwps_packet_release(void *context, struct wfp_packet *packet);

/** The handle on a user's token that classifies are given; 0 when memory is out. No lock once met. */
uint64_t nt_fwps_token_of(const struct wfp_user *user);

/** Takes an injected packet through the stack, and out where it is permitted. */
typedef void nt_fwps_take(void *context, struct wfp_frame *frame);
/**
 * Hand every packet that drivers injected to @p take, in order, and complete it: exactly once.
 * Context: the stack's thread, not inside classify. @return how many
 */
unsigned nt_fwps_drain(nt_fwps_take *take, void *context);
/** The stack is going: what is still queued completes with STATUS_FWP_TCPIP_NOT_READY. */
void nt_fwps_abandon(void);

/** One registered callout, for reports. */
struct nt_fwps_callout_info {
    uint32_t id;
    const char *driver;
    const void *key; /* 16 bytes, GUID layout */
};
/** Fill up to @p room of them; @return how many there are. Also those unregistered since. */
size_t nt_fwps_list_callouts(struct nt_fwps_callout_info *infos, size_t room);

#endif
