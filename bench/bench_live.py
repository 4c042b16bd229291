"""Live: UDP packets a second that leave through block_ip, beside a minimal accept-all NFQUEUE loop.

    sender namespace (queue at OUTPUT, one consumer)  --veth-->  receiver namespace (counts)

Both consumers run under the same rules, sender and receiver; runs alternate.
"""
import os
import subprocess
import tempfile
import time
from pathlib import Path

from peers import RUNS, bench, row

SENDER, RECEIVER = f"openwfp-bs{os.getpid()}", f"openwfp-br{os.getpid()}"
PORT, SECONDS = 9999, 2


def sh(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True)


def inside(namespace, *words):
    return ["nsenter", f"--net=/run/netns/{namespace}", *map(str, words)]


class Network:
    def __enter__(self):
        for name in (SENDER, RECEIVER):
            sh("ip", "netns", "add", name)
        sh("ip", "link", "add", "b0", "netns", SENDER, "type", "veth", "peer", "name", "b1", "netns", RECEIVER)
        for name, device, address in ((SENDER, "b0", "10.78.0.1/24"), (RECEIVER, "b1", "10.78.0.2/24")):
            sh("ip", "-n", name, "addr", "add", address, "dev", device)
            sh("ip", "-n", name, "link", "set", device, "up")
            sh("ip", "-n", name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for name in (SENDER, RECEIVER):
            sh("ip", "netns", "del", name, check=False)


def rules(add):
    for hook in ("INPUT", "OUTPUT"):
        if add:
            sh(*inside(SENDER, "iptables", "-w", "5", "-t", "mangle", "-A", hook, "-j", "NFQUEUE",
                       "--queue-num", "0"))
        else:
            sh(*inside(SENDER, "iptables", "-w", "5", "-t", "mangle", "-F", hook), check=False)


def traffic(build):
    rate = build / "bench" / "udp_rate"
    receiver = subprocess.Popen(inside(RECEIVER, rate, "count", PORT, SECONDS), stdout=subprocess.PIPE, text=True)
    sender = subprocess.Popen(inside(SENDER, rate, "send", "10.78.0.2", PORT, SECONDS + 1))
    figure = float(receiver.communicate(timeout=60)[0])
    sender.wait(timeout=60)
    return figure


def with_peer(build):
    peer = subprocess.Popen(inside(SENDER, build / "bench" / "nfqueue_accept", 0), stdout=subprocess.PIPE, text=True)
    peer.stdout.readline()
    rules(True)
    try:
        return traffic(build)
    finally:
        rules(False)
        peer.terminate()
        peer.wait(timeout=10)


def with_driver(build, driver):
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready"
        wfp = subprocess.Popen(inside(SENDER, build / "wfp", "run", "-q", "--live", "--fail-closed", "--duration",
                                      "30", "--ready-file", ready, driver), stdout=subprocess.DEVNULL)
        try:
            for _ in range(500):
                if ready.exists():
                    break
                time.sleep(0.02)
            else:
                raise RuntimeError("wfp run --live did not get ready")
            return traffic(build)
        finally:
            wfp.terminate()
            wfp.wait(timeout=30)


@bench("live-udp")
def live_udp(build):
    if os.geteuid() != 0:
        return "needs root for network namespaces and NFQUEUE"
    with Network():
        ours, peer = [], []
        for _ in range(RUNS):
            peer.append(with_peer(build))
            ours.append(with_driver(build, build / "drivers" / "block_ip.so"))
    return row("live-udp", ours, "NFQUEUE accept-all loop", peer, "packet/s", 0.6, at_most=False)
