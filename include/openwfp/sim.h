/*
 * Test a Windows callout driver without captures: a simulated machine, a peer, and what happens between.
 *
 *     struct wfp_sim *sim = wfp_sim_new(NULL);
 *
 *     wfp_sim_load(sim, "build/my_driver.so", "Addresses=203.0.113.0/24");
 *     struct wfp_sim_socket *client = wfp_sim_connect(sim, "10.0.0.4:50002", "168.63.129.16:80");
 *     wfp_sim_expect_layers(sim, "ALE_BIND_REDIRECT ALE_RESOURCE_ASSIGNMENT "
 *                                "ALE_CONNECT_REDIRECT ALE_AUTH_CONNECT "
 *                                "OUTBOUND_TRANSPORT OUTBOUND_IPPACKET, "
 *                                "INBOUND_IPPACKET INBOUND_TRANSPORT ALE_FLOW_ESTABLISHED, "
 *                                "OUTBOUND_TRANSPORT OUTBOUND_IPPACKET");
 *     wfp_sim_send(client, "GET / HTTP/1.0\r\n\r\n", WFP_SIM_TEXT);
 *     wfp_sim_expect_received(wfp_sim_peer(client), "GET / HTTP/1.0\r\n\r\n", WFP_SIM_TEXT);
 *     return wfp_sim_finish(sim);
 *
 * Model      One machine in this process: filter engine, BFE, TCP/IP stack and the Windows kernel that
 *            drivers see. Its sockets talk to peers over a network; each call is one event and returns
 *            when everything that comes of it has happened: packets there and back, timers, what
 *            drivers send. Time is virtual and moves only with packets' delay and wfp_sim_wait().
 *            Everything is written down: packets, the layers each met, in order, and who decided.
 *            The same calls give the same results, byte for byte.
 * Devices    The drivers' devices are reached through openwfp/device.h, at "local:".
 * Texts      An end is "10.0.0.4:50002" or "[fd00::4]:50002", without a port "10.0.0.4", "fd00::4".
 *            A layer goes by its name without FWPM_LAYER_, with or without _V4 or _V6.
 * Errors     What can't be done is said in one line on stderr and makes wfp_sim_finish() return 1, so a
 *            test may go on without looking. Functions that return sockets return NULL then, and take
 *            NULL.
 * Lifetime   One simulated machine at a time per process, on one thread. Sockets and recorded texts
 *            belong to it.
 */
#ifndef OPENWFP_SIM_H
#define OPENWFP_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef WFP_SIM_API
#define WFP_SIM_API
#endif

struct wfp_sim;
struct wfp_sim_socket;

/** A size: the data is a text, up to its NUL. */
#define WFP_SIM_TEXT SIZE_MAX

/* ---- the machine --------------------------------------------------------------------------- */

struct wfp_sim_options {
    const char
        *local; /* addresses and prefixes of the machine, by spaces; NULL: "10.0.0.0/8 fd00::/8" */
    uint64_t seed;     /* of everything that looks random; 0: 1 */
    uint64_t start;    /* FILETIME of the start; 0: 2025-01-01 */
    bool debug_print;  /* show what drivers print */
    bool no_verifier;  /* no findings about drivers */
    bool stub_missing; /* load drivers although functions they import are missing */
    bool
        frames; /* the link is Ethernet: packets come and go in frames, and the MAC layers see them */
    bool groups_fragments; /* fragments on their way through wait for their group */
    const char *subnets;   /* attached networks, by spaces; NULL: not known, so everyone is near */
};

/**
 * Switch a machine on. @param options  NULL: the defaults
 * @return NULL when it can't be done (memory, a wrong option, there is one already): said on stderr
 */
WFP_SIM_API struct wfp_sim *wfp_sim_new(const struct wfp_sim_options *options);
/**
 * Stop the drivers, last first, report their findings and what the test expected in vain, and switch
 * off.
 * @return 0, or 1 if there was any of that: an exit code for main()
 */
WFP_SIM_API int wfp_sim_finish(struct wfp_sim *sim);
/**
 * Load a driver (.so by wfp-cc, or .sys) and run its DriverEntry.
 *
 * @param params  values of its Parameters key, "Name=Value" by newlines, as --param has them; or NULL
 * @return 0 or -1
 */
WFP_SIM_API int wfp_sim_load(struct wfp_sim *sim, const char *path, const char *params);
/** Stop all drivers now, last first; what they left behind becomes findings. */
WFP_SIM_API void wfp_sim_unload(struct wfp_sim *sim);
/** Findings about drivers so far (different ones). */
WFP_SIM_API size_t wfp_sim_findings(struct wfp_sim *sim);

/**
 * A filter of the test's own.
 *
 * @param layer       as in "ALE_AUTH_CONNECT_V4"; with the version
 * @param action      "block" or "permit"
 * @param conditions  NULL, or "remote=1.2.3.0/24 port=80": local, remote (addresses or prefixes),
 *                    local_port, port (the remote one), protocol, by spaces
 * @return its id, 0 if it can't be added
 */
WFP_SIM_API uint64_t wfp_sim_filter(struct wfp_sim *sim, const char *layer, const char *action,
                                    const char *conditions);
WFP_SIM_API int wfp_sim_delete_filter(struct wfp_sim *sim, uint64_t id);

/**
 * Whose sockets the next ones are.
 * @param pid   0: unknown
 * @param path  "\\device\\harddiskvolume1\\app.exe", or NULL
 * @param user  a SID, "S-1-5-21-1-2-3-1001", or NULL
 */
WFP_SIM_API int wfp_sim_process(struct wfp_sim *sim, uint64_t pid, const char *path,
                                const char *user);

/* ---- network and time ----------------------------------------------------------------------- */

/** What happens to packets between the machine and its peers. All zero: nothing, and no delay. */
struct wfp_sim_network {
    uint32_t delay_ms;
    uint32_t jitter_ms;     /* up to so much more, each packet for itself */
    uint32_t loss_permille; /* with loss, retransmission timers run by themselves */
    uint32_t duplicate_permille;
    uint32_t reorder_permille; /* held back by 3 delays, at least 10 ms */
    uint16_t mss;              /* of connections made from now on; 0: 1460, IPv6 1440 */
    uint16_t fragment;         /* datagrams whose IP payload is longer go in pieces; 0: never */
    uint16_t mtu;              /* that callouts are told of what goes out; 0: 1500 */
};

WFP_SIM_API void wfp_sim_network(struct wfp_sim *sim, const struct wfp_sim_network *network);
/** Let time pass: timers of drivers and of TCP run, flows idle out. */
WFP_SIM_API void wfp_sim_wait(struct wfp_sim *sim, uint64_t ms);
/** FILETIME. */
WFP_SIM_API uint64_t wfp_sim_now(struct wfp_sim *sim);

/** How a remote end answers a SYN or a datagram; a port of 0 stands for all. */
enum wfp_sim_answer {
    WFP_SIM_ACCEPTS, /* the default; datagrams are taken, silently */
    WFP_SIM_REFUSES, /* an RST, or a port unreachable */
    WFP_SIM_SILENT,
};
WFP_SIM_API int wfp_sim_remote(struct wfp_sim *sim, const char *remote, enum wfp_sim_answer answer);

/* ---- TCP ------------------------------------------------------------------------------------ */

/** A socket of the machine connects. @return it, also when the connection was not made */
WFP_SIM_API struct wfp_sim_socket *wfp_sim_connect(struct wfp_sim *sim, const char *local,
                                                   const char *remote);
/** A bind or listen that a driver put off: it is decided when the driver completes it. */
#define WFP_SIM_WAITS 1
/** A socket of the machine is bound and listens. @return 0, -1 if a layer refused it, WFP_SIM_WAITS */
WFP_SIM_API int wfp_sim_listen(struct wfp_sim *sim, const char *local);
/** Is anything bound at @p local by now? It is where the program asked, wherever drivers moved it. */
WFP_SIM_API bool wfp_sim_is_bound(struct wfp_sim *sim, const char *local);
/** Stop listening, or give a datagram socket back. */
WFP_SIM_API int wfp_sim_unlisten(struct wfp_sim *sim, const char *local);
/**
 * A remote end connects to the machine, to whoever listens at @p local.
 * @return the machine's end, NULL (no error) if it was refused or nobody listens
 */
WFP_SIM_API struct wfp_sim_socket *wfp_sim_accept(struct wfp_sim *sim, const char *local,
                                                  const char *remote);
/** Both ends send their SYN at once. */
WFP_SIM_API struct wfp_sim_socket *wfp_sim_connect_both(struct wfp_sim *sim, const char *local,
                                                        const char *remote);
/**
 * The other end of a connection, and the way back. What a connection's functions do, they do for the
 * end they are given. NULL when there is none (yet).
 */
WFP_SIM_API struct wfp_sim_socket *wfp_sim_peer(struct wfp_sim_socket *socket);

WFP_SIM_API int wfp_sim_send(struct wfp_sim_socket *socket, const void *data, size_t size);
/** The last byte is urgent. */
WFP_SIM_API int wfp_sim_send_urgent(struct wfp_sim_socket *socket, const void *data, size_t size);
/** A FIN behind what was sent. */
WFP_SIM_API int wfp_sim_close(struct wfp_sim_socket *socket);
/** An RST. */
WFP_SIM_API int wfp_sim_reset(struct wfp_sim_socket *socket);
WFP_SIM_API int wfp_sim_keep_alive(struct wfp_sim_socket *socket);
/** What the end is ready to take from now on; 0 closes its window. */
WFP_SIM_API int wfp_sim_window(struct wfp_sim_socket *socket, uint16_t bytes);
/** All that this end has received so far. */
WFP_SIM_API const void *wfp_sim_received(struct wfp_sim_socket *socket, size_t *ret_size);
/** "connecting", "connected", "closed" (both ways), "finished" (the other end is), "reset", "blocked",
 *  "lost" (nobody answers). */
WFP_SIM_API const char *wfp_sim_state(struct wfp_sim_socket *socket);

/* ---- datagrams, ICMP, anything --------------------------------------------------------------- */

/** A datagram socket of the machine is bound. @return 0, -1 if a layer refused it, WFP_SIM_WAITS */
WFP_SIM_API int wfp_sim_bind(struct wfp_sim *sim, const char *local);
WFP_SIM_API int wfp_sim_udp_send(struct wfp_sim *sim, const char *local, const char *remote,
                                 const void *data, size_t size);
/**
 * The same with socket control data, as WSASendMsg gives it: headers of 16 bytes (length with the
 * header, 8 bytes; level and type, 4 each), their data, each at a multiple of 8.
 */
WFP_SIM_API int wfp_sim_udp_send_control(struct wfp_sim *sim, const char *local, const char *remote,
                                         const void *data, size_t size, const void *control,
                                         size_t control_size);
/** A datagram comes to whoever is bound at @p local, or has sent from there. */
WFP_SIM_API int wfp_sim_udp_receive(struct wfp_sim *sim, const char *local, const char *remote,
                                    const void *data, size_t size);
/** An echo request; the other end replies. @p id is of the request. */
WFP_SIM_API int wfp_sim_ping(struct wfp_sim *sim, const char *local, const char *remote,
                             uint16_t id);
/** An echo request comes in; the machine replies if it is let through. */
WFP_SIM_API int wfp_sim_pinged(struct wfp_sim *sim, const char *local, const char *remote,
                               uint16_t id);
/** Any ICMP message leaves, or comes in. @param rest  the header's second word, host order */
WFP_SIM_API int wfp_sim_icmp_send(struct wfp_sim *sim, const char *local, const char *remote,
                                  uint8_t type, uint8_t code, uint32_t rest, const void *data,
                                  size_t size);
WFP_SIM_API int wfp_sim_icmp_receive(struct wfp_sim *sim, const char *local, const char *remote,
                                     uint8_t type, uint8_t code, uint32_t rest, const void *data,
                                     size_t size);

enum wfp_sim_way { WFP_SIM_OUT, WFP_SIM_IN, WFP_SIM_FORWARD };
/** An IP packet as it is, malformed or not. WFP_SIM_FORWARD: it is on its way through. */
WFP_SIM_API int wfp_sim_raw(struct wfp_sim *sim, enum wfp_sim_way way, const void *bytes,
                            size_t size);
/** An Ethernet frame as it is, with IP in it or not; for machines with frames. */
WFP_SIM_API int wfp_sim_frame(struct wfp_sim *sim, enum wfp_sim_way way, const void *bytes,
                              size_t size);
/** A datagram on its way through the machine. */
WFP_SIM_API int wfp_sim_udp_forward(struct wfp_sim *sim, const char *source,
                                    const char *destination, const void *data, size_t size);

/* ---- what happened -------------------------------------------------------------------------- */

enum wfp_sim_outcome { WFP_SIM_PERMITTED, WFP_SIM_BLOCKED, WFP_SIM_ABSORBED, WFP_SIM_UNDECODED };

/** One indication. */
struct wfp_sim_layer {
    const char *name; /* "ALE_AUTH_CONNECT_V4" */
    bool blocked;
    uint64_t filter_id;  /* that decided; 0: none did */
    const char *filter;  /* its name, "" without one */
    uint32_t callout_id; /* 0: the filter had none */
    const char *driver;  /* whose callout, "" without one */
    size_t packet;       /* its index; SIZE_MAX: a socket's own event */
};

/** One packet that went through the layers, or tried. */
struct wfp_sim_packet {
    enum wfp_sim_way way;
    enum wfp_sim_outcome outcome;
    bool injected;        /* a driver sent it */
    bool resumed;         /* it waited for a driver */
    uint64_t time;        /* FILETIME */
    const uint8_t *bytes; /* from the IP header; as it left the layers, with drivers' changes */
    size_t size;
    const char *reason; /* why it could not be decoded, else "" */
};

/** Indications and packets since the start, or since wfp_sim_forget(). */
WFP_SIM_API size_t wfp_sim_layers(struct wfp_sim *sim);
WFP_SIM_API bool wfp_sim_layer(struct wfp_sim *sim, size_t index, struct wfp_sim_layer *ret_layer);
WFP_SIM_API size_t wfp_sim_packets(struct wfp_sim *sim);
WFP_SIM_API bool wfp_sim_packet(struct wfp_sim *sim, size_t index,
                                struct wfp_sim_packet *ret_packet);
WFP_SIM_API void wfp_sim_forget(struct wfp_sim *sim);
/**
 * What drivers printed so far (DbgPrint and the like), a line each, "driver: text".
 * @return a text of the machine's, until drivers run again
 */
WFP_SIM_API const char *wfp_sim_printed(struct wfp_sim *sim);
/** Print packets, layers and decisions since then, a line each, to stderr. */
WFP_SIM_API void wfp_sim_print(struct wfp_sim *sim);
/** Write all packets since the start that were on the wire, as a pcap file. @return 0 or -1 */
WFP_SIM_API int wfp_sim_save(struct wfp_sim *sim, const char *path);

/* ---- what should have happened ---------------------------------------------------------------- */

/*
 * Each compares, forgets what it compared, says on stderr where and how it differs, and returns
 * whether it is as expected. Texts are compared word by word; commas are white space.
 */

/** The layers in order: "INBOUND_IPPACKET INBOUND_TRANSPORT(block) INBOUND_TRANSPORT_DISCARD". */
#define wfp_sim_expect_layers(sim, text) wfp_sim_expect_layers_at(sim, text, __FILE__, __LINE__)
/**
 * The packets in order, blocked ones too: "out tcp S, in tcp SA, out tcp A, out tcp PA 18(block)".
 * Of each: out, in or fwd; protocol; TCP flags of F S R P A U; bytes of payload unless 0 (ICMP: type/
 * code); "+OFFSET" for a fragment; (block), (absorb), (undecoded); behind that (injected), (resumed).
 */
#define wfp_sim_expect_packets(sim, text) wfp_sim_expect_packets_at(sim, text, __FILE__, __LINE__)
/** All that an end has received. */
#define wfp_sim_expect_received(socket, data, size)                                                \
    wfp_sim_expect_received_at(socket, data, size, __FILE__, __LINE__)
/** An end's state. */
#define wfp_sim_expect_state(socket, state)                                                        \
    wfp_sim_expect_state_at(socket, state, __FILE__, __LINE__)
/** Anything else a test wants to hold. */
#define wfp_sim_expect(sim, condition)                                                             \
    wfp_sim_expect_at(sim, condition, #condition, __FILE__, __LINE__)

WFP_SIM_API bool wfp_sim_expect_layers_at(struct wfp_sim *sim, const char *text, const char *file,
                                          int line);
WFP_SIM_API bool wfp_sim_expect_packets_at(struct wfp_sim *sim, const char *text, const char *file,
                                           int line);
WFP_SIM_API bool wfp_sim_expect_received_at(struct wfp_sim_socket *socket, const void *data,
                                            size_t size, const char *file, int line);
WFP_SIM_API bool wfp_sim_expect_state_at(struct wfp_sim_socket *socket, const char *state,
                                         const char *file, int line);
WFP_SIM_API bool wfp_sim_expect_at(struct wfp_sim *sim, bool condition, const char *text,
                                   const char *file, int line);

#ifdef __cplusplus
}
#endif

#endif
