/*
 * The live plane: packets of this network namespace through NFQUEUE.
 *
 * Model      nfqueue_rules.c puts jumps to the queue at the INPUT, OUTPUT and FORWARD hooks;
 *            nfqueue.c receives in batches and answers in batches. The hook tells the direction.
 * Lifetime   Rules are owned by a supervisor process (programs/run_live.c), so that they go away
 *            also when the process that decides is killed.
 * Not here   what a packet means: core/shims.
 */
#ifndef WFP_PLANE_NFQUEUE_NFQUEUE_H
#define WFP_PLANE_NFQUEUE_NFQUEUE_H

#include "plane/plane.h"

struct wfp_nfqueue_config {
    uint16_t queue;        /* queue number */
    uint32_t length;       /* packets the kernel may hold; 0 means 8192 */
    bool fail_open;        /* what the kernel does when its queue is full */
    uint32_t busy_poll_us; /* after a packet look for the next that long before sleeping; 0 never */
};

/** Why a packet that a driver injected did not go on. */
enum wfp_nfqueue_inject_reason {
    WFP_NFQUEUE_INJECT_UNDECODABLE, /* no IP packet */
    WFP_NFQUEUE_INJECT_NO_SOCKET,   /* needs CAP_NET_RAW and CAP_NET_ADMIN */
    WFP_NFQUEUE_INJECT_NO_ROUTE,
    WFP_NFQUEUE_INJECT_TOO_LONG, /* larger than the path takes, and no TCP segment */
    WFP_NFQUEUE_INJECT_REFUSED,  /* by the kernel, for another reason */
    WFP_NFQUEUE_INJECT_REASONS,
};
/** One line for people. */
const char *wfp_nfqueue_inject_reason_text(enum wfp_nfqueue_inject_reason reason);

/*
 * Marks of packets that we send: rules of ours let them pass. A packet that is sent carries SEND
 * past the output hook only, so that one to ourselves is still decided when it comes in; one that
 * is received carries RECEIVE past both hooks.
 */
#define WFP_NFQUEUE_MARK_SEND    0x4F574653u
#define WFP_NFQUEUE_MARK_RECEIVE 0x4F574652u

/** Packets the kernel did not hand over, for the report: nothing is lost without a count. */
struct wfp_nfqueue_losses {
    uint64_t received;   /* not a loss: packets that came to us */
    uint64_t cut;        /* dropped: a driver changed one that was not shown whole */
    uint64_t queue_full; /* the kernel's queue was full */
    uint64_t not_copied; /* could not be copied to us */
    uint64_t overruns;   /* receive buffer overruns reported to us */
    uint64_t not_injected[WFP_NFQUEUE_INJECT_REASONS];
};

/**
 * Bind the queue.
 *
 * @param error  256 bytes for one clear line: object, rule, next step
 * @return 0, -WFP_ERR_ACCESS_DENIED without privileges, -WFP_ERR_NOT_SUPPORTED without the kernel
 *         feature, -WFP_ERR_IN_USE when the queue has another reader
 */
int wfp_nfqueue_open(const struct wfp_nfqueue_config *config, struct wfp_plane **ret_plane,
                     char error[256]);
void wfp_nfqueue_losses(struct wfp_plane *plane, struct wfp_nfqueue_losses *ret_losses);

struct wfp_local_prefix;
/** The networks that interfaces are attached to now. @return how many; those beyond @p room are left out */
uint32_t wfp_nfqueue_subnets(struct wfp_local_prefix *prefixes, uint32_t room);

/** Which machinery carries the rules; chosen at run time by what the kernel accepts. */
enum wfp_nfqueue_backend { WFP_NFQUEUE_NONE, WFP_NFQUEUE_NFT, WFP_NFQUEUE_XTABLES };

struct wfp_nfqueue_rules {
    uint16_t queue;
    bool fail_open; /* packets pass while nobody reads the queue */
};

#define WFP_NFQUEUE_RULES_SIZE 2048

/** What is fed to nft(8), or to iptables-restore(8) and its IPv6 twin. */
void wfp_nfqueue_rules_text(const struct wfp_nfqueue_rules *rules, enum wfp_nfqueue_backend backend,
                            char ret_text[WFP_NFQUEUE_RULES_SIZE]);
/** How many packets our rules have led to the queue, by their own count. */
uint64_t wfp_nfqueue_rules_matched(enum wfp_nfqueue_backend backend);
/**
 * Put the rules in, all or none; leftovers of a killed run are removed first.
 * @return 0 with the backend that took them, or an error and one clear line in @p error
 */
int wfp_nfqueue_rules_install(const struct wfp_nfqueue_rules *rules,
                              enum wfp_nfqueue_backend *ret_backend, char error[256]);
/** Take out every rule of ours, whoever put it in. Harmless when there is none. */
void wfp_nfqueue_rules_remove(void);
const char *wfp_nfqueue_backend_name(enum wfp_nfqueue_backend backend);

#endif
