/*
 * Peer of the replay benchmark: read every packet of a capture with libpcap, and touch it.
 */
#include <pcap/pcap.h>
#include <stdio.h>

struct totals {
    unsigned long packets, bytes, sum;
};

static void
count(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct totals *totals = (struct totals *)user;
    totals->packets++;
    totals->bytes += header->caplen;
    totals->sum += header->caplen ? data[header->caplen / 2] : 0;
}

int
main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    struct totals totals = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: pcap_loop FILE\n");
        return 2;
    }
    pcap_t *pcap = pcap_open_offline(argv[1], error);
    if (!pcap) {
        fprintf(stderr, "pcap_loop: %s\n", error);
        return 3;
    }
    pcap_loop(pcap, -1, count, (u_char *)&totals);
    pcap_close(pcap);
    printf("%lu packets %lu bytes sum %lu\n", totals.packets, totals.bytes, totals.sum);
    return 0;
}
