"""Replay of a million packets with block_ip, beside a bare libpcap loop over the same file."""
import subprocess

from peers import ROOT, bench, figure, paired, peak_kib, row

PACKETS = 1_000_000


def bulk_capture(build):
    path = build / "bench-bulk.pcap"
    if not path.exists():
        subprocess.run([ROOT / "tools" / "make-capture", "bulk", path, str(PACKETS)], check=True)
    return path


def replay(build, driver):
    return [build / "wfp", "run", "-q", "--read", bulk_capture(build), "--local", "10.0.0.4", driver]


@bench("replay")
def replay_time(build):
    ours, peer = paired(replay(build, build / "drivers" / "block_ip.so"),
                        [build / "bench" / "pcap_loop", bulk_capture(build)])
    return row("replay", ours, "libpcap read loop", peer, "s", 4.0)


@bench("replay-memory")
def replay_memory(build):
    ours, peer = paired(replay(build, build / "drivers" / "block_ip.so"),
                        [build / "bench" / "pcap_loop", bulk_capture(build)],
                        measure=lambda words: peak_kib(build, words))
    over = [(a - b) / 1024 for a, b in zip(ours, peer)]
    return figure("replay-memory", over, "MiB over", 64)
