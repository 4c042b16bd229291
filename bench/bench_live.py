"""Live: packets that go through a driver, beside a minimal accept-all NFQUEUE loop.

    sender namespace (queue at OUTPUT, one consumer)  --veth-->  receiver namespace (counts)

Both consumers run under the same rules, sender and receiver; runs alternate. UDP floods small datagrams;
TCP sends as much as it can, in super-packets.
"""
import os
import subprocess
import tempfile
import time
from pathlib import Path

from peers import ROOT, RUNS, bench, row

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


def udp(build):
    """Datagrams a second that arrive."""
    rate = build / "bench" / "udp_rate"
    receiver = subprocess.Popen(inside(RECEIVER, rate, "count", PORT, SECONDS), stdout=subprocess.PIPE, text=True)
    sender = subprocess.Popen(inside(SENDER, rate, "send", "10.78.0.2", PORT, SECONDS + 1))
    figure = float(receiver.communicate(timeout=60)[0])
    sender.wait(timeout=60)
    return figure


def tcp(build):
    """Gbit a second that arrive over one connection."""
    rate = build / "bench" / "tcp_rate"
    receiver = subprocess.Popen(inside(RECEIVER, rate, "receive", PORT, SECONDS), stdout=subprocess.PIPE, text=True)
    receiver.stdout.readline()
    sender = subprocess.Popen(inside(SENDER, rate, "send", "10.78.0.2", PORT, SECONDS + 1))
    figure = float(receiver.communicate(timeout=60)[0])
    sender.wait(timeout=60)
    return figure


def with_peer(build, traffic):
    peer = subprocess.Popen(inside(SENDER, build / "bench" / "nfqueue_accept", 0), stdout=subprocess.PIPE, text=True)
    peer.stdout.readline()
    rules(True)
    try:
        return traffic(build)
    finally:
        rules(False)
        peer.terminate()
        peer.wait(timeout=10)


def with_driver(build, driver, traffic):
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


def pass_through(build):
    """A driver that inspects every packet at the transport layers and lets it pass."""
    image = build / "bench-transport-pass.so"
    subprocess.run([build / "wfp-cc", "-o", image, ROOT / "tests" / "drivers" / "transport_pass.c"], check=True)
    return image


def beside_the_loop(build, name, driver, traffic, unit, bound):
    if os.geteuid() != 0:
        return "needs root for network namespaces and NFQUEUE"
    with Network():
        ours, peer = [], []
        for _ in range(RUNS):
            peer.append(with_peer(build, traffic))
            ours.append(with_driver(build, driver, traffic))
    return row(name, ours, "NFQUEUE accept-all loop", peer, unit, bound, at_most=False)


@bench("live-udp")
def live_udp(build):
    return beside_the_loop(build, "live-udp", build / "drivers" / "block_ip.so", udp, "packet/s", 0.6)


@bench("live-udp-pass")
def live_udp_pass(build):
    return beside_the_loop(build, "live-udp-pass", pass_through(build), udp, "packet/s", 0.7)


@bench("live-tcp-pass")
def live_tcp_pass(build):
    return beside_the_loop(build, "live-tcp-pass", pass_through(build), tcp, "Gbit/s", 0.7)
