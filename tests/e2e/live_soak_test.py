"""Live: thousands of short conversations under three drivers at once, and all of them come to their end.

    client namespace  c0 10.77.0.1 --veth-- s0 10.77.0.2  server namespace (203.0.113.10, 198.51.100.20)

    drivers at the client   redirect.c       connections for 203.0.113.10 go to 198.51.100.20:8081, decided by a work item
                            pend.c           every connect waits for a work item; of datagrams a clone is sent
                            reinject_live.c  every packet that leaves is taken out, copied and sent again
    drivers at the server   move_server.c    port 8090 is found at 8091
                            pend.c           every accept waits for a work item, its first packet is received again
                            reinject_live.c  every packet that arrives is taken out, cloned and received again
"""
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness import SANITIZED, WFP, main
from live_inject_test import build
from live_test import BetweenNamespaces, demo, rules_left

SECONDS = 12
ELSEWHERE = "198.51.100.20"
SERVER = f"""
import socket, threading
def tcp(port):
    s = socket.create_server(("{ELSEWHERE}", port), backlog=512)
    while True:
        c, _ = s.accept()
        threading.Thread(target=talk, args=(c,), daemon=True).start()
def talk(c):
    with c:
        while data := c.recv(65536):
            c.sendall(data)
def udp(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("{ELSEWHERE}", port))
    while True:
        data, peer = s.recvfrom(65536); s.sendto(data, peer)
threads = [threading.Thread(target=f, args=(port,)) for f in (tcp, udp) for port in (8081, 8090)]
for t in threads: t.start()
"""
# One line of JSON: how many conversations of each kind ended well, and what went wrong.
CLIENT = f"""
import collections, json, os, random, socket, sys, threading, time
end = time.monotonic() + {SECONDS}
good, bad = collections.Counter(), []
def run(name, converse, to):
    rng = random.Random(name)
    while time.monotonic() < end:
        try:
            converse(to, rng); good[name] += 1
        except Exception as e:
            bad.append(f"{{name}}: {{e!r}}")
def tcp(to, rng):
    data = os.urandom(rng.choice((1, 100, 1460, 5000, 40000)))
    with socket.create_connection(to, timeout=20) as s:
        s.sendall(data)
        got = b""
        while len(got) < len(data):
            part = s.recv(65536)
            if not part: break
            got += part
        assert got == data, (len(got), len(data))
def udp(to, rng):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20); s.connect(to)
        for i in range(rng.randint(1, 5)):
            data = os.urandom(rng.randint(1, 1400)); s.send(data)
            assert s.recv(65536) == data
jobs = [(name, udp if name.startswith("udp") else tcp, (to, port)) for name, to, port in json.loads(sys.argv[1])]
threads = [threading.Thread(target=run, args=job) for job in jobs]
for t in threads: t.start()
for t in threads: t.join()
print(json.dumps({{"good": good, "bad": bad}}))
"""


def counts(said, driver):
    """What a driver of ours said when it went."""
    line = next(line for line in said.splitlines() if f"{driver}: " in line)
    return {k.strip(): int(v) for k, v in re.findall(r"([a-z ]+?) (\d+)", line.split(f"{driver}: ", 1)[1])}


def resident_kib(pid):
    """Of a process and its children."""
    sizes = subprocess.run(["ps", "-o", "rss=", "-p", str(pid), "--ppid", str(pid)], capture_output=True, text=True).stdout
    return sum(map(int, sizes.split()))


class Soak(BetweenNamespaces):
    def setUp(self):
        super().setUp()
        demo.sh("ip", "-n", demo.SERVER, "addr", "add", f"{ELSEWHERE}/32", "dev", "lo")
        demo.sh("ip", "-n", demo.CLIENT, "route", "add", f"{ELSEWHERE}/32", "via", "10.77.0.2")
        self.run_inside(demo.SERVER, sys.executable, "-c", SERVER)
        time.sleep(1)

    def queued(self, namespace):
        """Packets that the kernel holds for a verdict: absorbed ones wait up to a second for what replaces them."""
        for _ in range(30):
            time.sleep(0.1)
            text = subprocess.run(demo.inside(namespace, "cat", "/proc/net/netfilter/nfnetlink_queue"),
                                  capture_output=True, text=True).stdout
            queued = [int(line.split()[2]) for line in text.splitlines()]
            if queued == [0]:
                break
        return queued

    def soak(self, namespace, jobs, ends_early=False, **drivers):
        """Drivers in a namespace, conversations from the client's. Returns (good ones by name, what drivers said)."""
        with tempfile.TemporaryDirectory() as folder:
            ready = Path(folder) / "ready"
            images = [build(folder, name, **words) for name, words in drivers.items()]
            wfp = self.run_inside(namespace, WFP, "run", "-q", "--json", "--live", "--duration", "90",
                                  "--ready-file", ready, *images, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
            client = self.run_inside(demo.CLIENT, sys.executable, "-c", CLIENT, json.dumps(jobs), stdout=subprocess.PIPE)
            time.sleep(SECONDS / 4)
            early = late = resident_kib(wfp.pid)
            queued = [0]
            if not ends_early:
                out, _ = client.communicate(timeout=90)
                late, queued = resident_kib(wfp.pid), self.queued(namespace)
            wfp.send_signal(signal.SIGTERM)
            document, said = wfp.communicate(timeout=30)
            if ends_early:
                self.assertIsNone(client.poll(), "the conversations are over before the run is")
                out, _ = client.communicate(timeout=90)
        self.detail = f"{out[:3000]}\n{said}\n{document[:3000]}\nresident {early} {late} KiB"
        result = json.loads(out)
        self.assertEqual(wfp.returncode, 0, self.detail)
        self.assertEqual(result["bad"], [], self.detail)
        self.assertEqual(queued, [0], self.detail)
        self.assertEqual(rules_left(), [], self.detail)
        document = json.loads(document)
        self.assertEqual((document["lost"], document["not_injected"], document["findings"]), (0, 0, []), self.detail)
        good = result["good"]
        self.assertGreaterEqual(min(good.values()), 20, self.detail)
        if not SANITIZED:  # what is remembered of a conversation that is over, for two minutes
            self.assertLess(late - early, 8192 + sum(good.values()), self.detail)
        self.assertRegex(said, "reinject_live: taken some, failed 0, all completed, all seen again")
        return good, said

    def check_asked(self, asked, good, names):
        """Each connection asks; datagrams from a port that was used before may belong to a conversation that is known."""
        tcp = sum(n for name, n in good.items() if name.startswith("tcp") and names in name)
        udp = sum(n for name, n in good.items() if name.startswith("udp") and names in name)
        self.assertTrue(tcp + udp / 2 <= asked <= tcp + udp, f"asked {asked}, {tcp} and {udp}\n{self.detail}")

    def test_redirected_pended_and_sent_again(self):
        asked = demo.OTHER
        jobs = [("tcp redirected", asked, 80), ("tcp redirected 2", asked, 81), ("tcp", ELSEWHERE, 8090),
                ("tcp 2", ELSEWHERE, 8090), ("udp redirected", asked, 5353), ("udp", ELSEWHERE, 8090)]
        good, said = self.soak(demo.CLIENT, jobs, redirect={"TO": "0xC6336414", "PORT": 8081, "HOW": 1, "WAIT": 0},
                               pend={"INBOUND": 0, "REFUSE": 0, "WAIT": 0}, reinject_live={"WAY": 1, "COPY": 1})
        redirect, pend = counts(said, "redirect"), counts(said, "pend")
        self.check_asked(redirect["asked"], good, "redirected")
        self.assertEqual((redirect["again"], redirect["straight"]), (0, 0), self.detail)
        self.assertEqual(redirect["told"], 2 * redirect["asked"], self.detail)  # before and after they were pended
        self.check_asked(pend["pended"], good, "")
        self.assertEqual((pend["again"], pend["sent"]), (pend["pended"], pend["completed"]), self.detail)

    def test_nobody_notices_when_it_ends(self):
        # what waits then is completed, sent again or decided
        jobs = [(f"{kind} {i}", ELSEWHERE, 8090) for kind in ("tcp", "udp") for i in range(4)]
        good, said = self.soak(demo.CLIENT, jobs, ends_early=True, pend={"INBOUND": 0, "REFUSE": 0, "WAIT": 5},
                               reinject_live={"WAY": 1, "COPY": 1})
        pend = counts(said, "pend")
        self.assertGreater(pend["pended"], 0, self.detail)
        self.assertEqual((pend["again"], pend["sent"]), (pend["pended"], pend["completed"]), self.detail)

    def test_moved_pended_and_received_again(self):
        jobs = [("tcp moved", ELSEWHERE, 8091), ("tcp moved 2", ELSEWHERE, 8091), ("tcp", ELSEWHERE, 8081),
                ("udp moved", ELSEWHERE, 8091), ("udp", ELSEWHERE, 8081)]
        good, said = self.soak(demo.SERVER, jobs, move_server={"FROM": 8090, "TO": 8091},
                               pend={"INBOUND": 1, "REFUSE": 0, "WAIT": 0}, reinject_live={"WAY": 3, "COPY": 0})
        moved, pend = counts(said, "move_server"), counts(said, "pend")
        self.assertEqual((moved["bound"], moved["listened"], moved["straight"]), (2, 1, 0), self.detail)
        self.check_asked(pend["pended"], good, "")
        self.assertEqual(pend["sent"], pend["completed"], self.detail)
        self.assertEqual(pend["mine"], pend["pended"], self.detail)


if __name__ == "__main__":
    main()
