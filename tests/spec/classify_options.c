/*
 * ALE flow customization: what a callout's classify options do to the flow that its permit makes.
 *
 * The same by filters alone, whose provider contexts hold the options.
 *
 * Ref        win32 FWP/ale-flow-customization, FWP/using-classify-options;
 *            ddi fwpsk/nf-fwpsk-fwpsclassifyoptionset0
 */
#include <stdio.h>
#include <string.h>

#include <openwfp/sim.h>

#define OUT_NEW                                                                                    \
    "ALE_BIND_REDIRECT ALE_RESOURCE_ASSIGNMENT ALE_CONNECT_REDIRECT ALE_AUTH_CONNECT "             \
    "ALE_FLOW_ESTABLISHED DATAGRAM_DATA OUTBOUND_TRANSPORT OUTBOUND_IPPACKET"
#define IN_KNOWN "INBOUND_IPPACKET INBOUND_TRANSPORT DATAGRAM_DATA"
#define IN_NEW                                                                                     \
    "INBOUND_IPPACKET INBOUND_TRANSPORT ALE_AUTH_RECV_ACCEPT ALE_FLOW_ESTABLISHED DATAGRAM_DATA"
#define CLOSED "ALE_ENDPOINT_CLOSURE ALE_RESOURCE_RELEASE"

static struct wfp_sim *sim;

static void
send_to(const char *local, const char *remote, const char *layers)
{
    wfp_sim_udp_send(sim, local, remote, "query", WFP_SIM_TEXT);
    wfp_sim_expect_layers(sim, layers);
}

static void
answer(const char *local, const char *remote, const char *layers)
{
    wfp_sim_udp_receive(sim, local, remote, "answer", WFP_SIM_TEXT);
    wfp_sim_expect_layers(sim, layers);
}

static void
wait_for(uint64_t ms, const char *layers)
{
    wfp_sim_wait(sim, ms);
    wfp_sim_expect_layers(sim, layers);
}

static void
check_lifetimes(void)
{
    send_to("10.0.0.1:1", "192.0.2.1:1001", OUT_NEW); /* 5 s, for each packet anew */
    wait_for(4000, "");
    answer("10.0.0.1:1", "192.0.2.1:1001", IN_KNOWN);
    wait_for(4000, "");
    wait_for(3000, CLOSED);
    send_to("10.0.0.1:4", "224.0.0.251:1004", OUT_NEW); /* 10 s instead of 4 */
    wait_for(9000, "");
    answer("10.0.0.1:4", "192.0.2.9:77", IN_KNOWN);
    wait_for(3000, CLOSED);
}

static void
check_answers(void)
{
    send_to("10.0.0.1:2", "192.0.2.1:1002", OUT_NEW);
    answer("10.0.0.1:2", "192.0.2.9:77", IN_KNOWN);
    send_to("10.0.0.1:5", "192.0.2.1:1005", OUT_NEW); /* nothing was set: a flow of its own */
    answer("10.0.0.1:5", "192.0.2.9:77", IN_NEW);
    send_to("10.0.0.1:3", "224.0.0.251:1003", OUT_NEW);
    answer("10.0.0.1:3", "192.0.2.9:77", IN_NEW);
    send_to("10.0.0.1:6", "224.0.0.251:1006", OUT_NEW);
    answer("10.0.0.1:6", "192.0.2.9:77", IN_KNOWN); /* near, or anyone */
}

/** What is sent to a group may be answered by who is near, if that is all that is allowed. */
static void
check_near(void)
{
    send_to("10.0.0.1:7", "224.0.0.251:1006", OUT_NEW);
    answer("10.0.0.1:7", "192.0.2.9:77", IN_KNOWN);
    answer("10.0.0.1:7", "169.254.3.4:77", IN_KNOWN);
    answer("10.0.0.1:7", "198.51.100.9:77", IN_NEW);
    send_to("10.0.0.1:8", "224.0.0.251:1009", OUT_NEW); /* nothing was said: anyone */
    answer("10.0.0.1:8", "198.51.100.9:77", IN_KNOWN);
}

static int
by_a_callout(const char *image)
{
    sim = wfp_sim_new(NULL);
    if (!sim || wfp_sim_load(sim, image, NULL) < 0)
        return 1;
    wfp_sim_forget(sim);
    check_lifetimes();
    check_answers();
    wfp_sim_unload(sim);
    wfp_sim_expect(sim, strstr(wfp_sim_printed(sim), "set 4, set twice 4, refused 24") != NULL);
    if (!strstr(wfp_sim_printed(sim), "refused 24"))
        fprintf(stderr, "%s", wfp_sim_printed(sim));
    return wfp_sim_finish(sim);
}

/** The other version, and flows that begin at RECV_ACCEPT. */
static void
check_other_layers(void)
{
    wfp_sim_bind(sim, "10.0.0.1:20");
    wfp_sim_bind(sim, "[fd00::1]:20");
    wfp_sim_forget(sim);
    answer("10.0.0.1:20", "192.0.2.1:1001", IN_NEW); /* 5 s, then it is new again */
    wfp_sim_wait(sim, 4000);
    answer("10.0.0.1:20", "192.0.2.1:1001", IN_KNOWN);
    wfp_sim_wait(sim, 7000);
    answer("10.0.0.1:20", "192.0.2.1:1001", IN_NEW);
    answer("[fd00::1]:20", "[2001:db8::1]:1001", IN_NEW);
    wfp_sim_wait(sim, 7000);
    answer("[fd00::1]:20", "[2001:db8::1]:1001", IN_NEW);
    send_to("[fd00::1]:21", "[2001:db8::1]:1002", OUT_NEW);
    answer("[fd00::1]:21", "[2001:db8::9]:77", IN_KNOWN);
}

static int
by_filters_alone(const char *image)
{
    sim = wfp_sim_new(&(struct wfp_sim_options){.subnets = "10.0.0.0/8 192.0.2.0/24"});
    if (!sim || wfp_sim_load(sim, image, NULL) < 0)
        return 1;
    wfp_sim_expect(sim, strstr(wfp_sim_printed(sim), "options: 0x00000000") != NULL);
    wfp_sim_forget(sim);
    check_lifetimes();
    check_answers();
    check_near();
    send_to("10.0.0.1:9", "192.0.2.1:1007", OUT_NEW); /* odd options change nothing */
    wfp_sim_wait(sim, 15000);
    wfp_sim_forget(sim); /* other sockets closed */
    answer("10.0.0.1:9", "192.0.2.1:1007", IN_KNOWN);
    check_other_layers();
    return wfp_sim_finish(sim);
}

int
main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    return by_a_callout(argv[1]) || by_filters_alone(argv[2]);
}
