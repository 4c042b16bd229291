"""Live, when something is not as it should be: one line that says so, the documented exit code, counts."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness import BLOCK_IP, BUILD, WFP, main
from live_test import demo, rules_left, why_not

SEND = """
import socket, sys
sockets = []
for i in range(int(sys.argv[1])):
    if i % 100 == 0:  # what waits in a queue counts against its socket
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        s = sockets[-1]
    try:
        s.sendto(b"x" * 32, ("203.0.113.10", 9999))
    except OSError:
        pass  # dropped at the output hook
"""
COUNT = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
s.bind(("", 9999))
print("up", flush=True)
s.settimeout(float(sys.argv[1]))
n = 0
try:
    while True:
        s.recv(100)
        n += 1
except TimeoutError:
    print(n)
"""
# TCP segments whose header says that it is shorter than a header can be; and who hears them behind the input hook
BAD_SEGMENTS = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for i in range(5):
    s.sendto(bytes.fromhex("1234432100000001000000001002ffff00000000"), ("10.77.0.1", 0))
"""
HEAR = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
print("up", flush=True)
s.settimeout(2)
n = 0
try:
    while True:
        s.recv(100)
        n += 1
except TimeoutError:
    print(n)
"""


class Robust(unittest.TestCase):
    def setUp(self):
        why = why_not()
        if why:
            self.skipTest(why)
        self.processes = []
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        demo.build_network()
        self.addCleanup(self.stop)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=20)
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        demo.remove_network()

    def run_inside(self, namespace, *words, **kwargs):
        process = subprocess.Popen(demo.inside(namespace, *map(str, words)), text=True, **kwargs)
        self.processes.append(process)
        return process

    def command(self, *words):
        return [WFP, "run", "-q", "--json", "--live", "--duration", "60", *words, BLOCK_IP]

    def start(self, *words):
        ready = self.folder / f"ready{len(self.processes)}"
        wfp = self.run_inside(demo.CLIENT, *self.command("--ready-file", ready, *words), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
        return wfp

    def end(self, wfp, code=0):
        wfp.send_signal(signal.SIGTERM)
        out, said = wfp.communicate(timeout=30)
        self.assertEqual(wfp.returncode, code, said)
        return json.loads(out)

    def worker(self, wfp):
        return int(subprocess.run(["ps", "--ppid", str(wfp.pid), "-o", "pid="], capture_output=True,
                                  text=True).stdout)

    def refused(self, text, *words, **kwargs):
        run = subprocess.run(demo.inside(demo.CLIENT, *map(str, words)), capture_output=True, text=True, timeout=30,
                             **kwargs)
        self.assertEqual(run.returncode, 3, run.stderr)
        self.assertIn(text, run.stderr)
        self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)

    def rules(self):
        return [re.sub(r"packets \d+ bytes \d+|\[\d+:\d+\]", "", line) for line in rules_left()]

    def test_a_second_run_is_refused_and_the_first_goes_on(self):
        wfp = self.start()
        before = self.rules()
        self.refused(f"process {wfp.pid} decides already", *self.command("--queue", "7"))
        self.assertEqual(self.rules(), before)
        self.end(wfp)
        self.assertEqual(rules_left(), [])
        self.end(self.start())  # and the next may

    def test_somebody_elses_queue(self):
        other = self.run_inside(demo.CLIENT, BUILD / "bench" / "nfqueue_accept", 3, stdout=subprocess.PIPE)
        other.stdout.readline()
        self.refused("has another reader; choose another with --queue", *self.command("--queue", "3"))
        self.end(self.start("--queue", "4"))

    def test_without_privileges(self):
        self.refused("run as root", "setpriv", "--bounding-set", "-all", "--inh-caps", "-all", *self.command())

    def test_without_nft_and_iptables(self):
        self.refused("neither nft", "env", "PATH=/nonexistent", *self.command())

    def test_fail_closed_rules_do_not_bypass(self):
        for words, bypasses in ((["--fail-open"], True), (["--fail-closed"], False)):
            wfp = self.start(*words)
            queues = [line for line in rules_left() if re.search(r"NFQUEUE|queue num", line)]
            self.end(wfp)
            self.assertTrue(queues)
            self.assertEqual(["bypass" in line for line in queues], [bypasses] * len(queues))

    def overflow(self, *words):
        """The worker sleeps while the queue fills; returns (packets sent, packets that arrived, report)."""
        sent = 20000
        counter = self.run_inside(demo.SERVER, sys.executable, "-c", COUNT, "4", stdout=subprocess.PIPE)
        counter.stdout.readline()
        wfp = self.start(*words)
        worker = self.worker(wfp)
        os.kill(worker, signal.SIGSTOP)
        try:
            subprocess.run(demo.inside(demo.CLIENT, sys.executable, "-c", SEND, str(sent)), check=True, timeout=30)
        finally:
            os.kill(worker, signal.SIGCONT)
        arrived = int(counter.communicate(timeout=60)[0])
        return sent, arrived, self.end(wfp)

    def test_a_full_queue_lets_packets_pass_and_counts_them(self):
        sent, arrived, report = self.overflow("--fail-open")
        self.assertEqual(arrived, sent)
        self.assertGreater(report["passed_undecided"], 1000)
        self.assertEqual(report["lost"], 0)
        self.assertGreaterEqual(report["packets"] + report["passed_undecided"], sent)

    def test_a_full_queue_drops_packets_and_counts_them(self):
        sent, arrived, report = self.overflow("--fail-closed")
        self.assertLess(arrived, sent)
        self.assertEqual(report["passed_undecided"], 0)
        self.assertGreaterEqual(report["lost"], sent - arrived)

    def test_undecodable_packets_fail_as_asked(self):
        for words, heard in ((["--fail-open"], 5), (["--fail-closed"], 0)):
            wfp = self.start(*words)
            listener = self.run_inside(demo.CLIENT, sys.executable, "-c", HEAR, stdout=subprocess.PIPE)
            listener.stdout.readline()
            subprocess.run(demo.inside(demo.SERVER, sys.executable, "-c", BAD_SEGMENTS), check=True, timeout=20)
            got = int(listener.communicate(timeout=20)[0])
            report = self.end(wfp)
            self.assertEqual(sum(report["undecodable"].values()), 5, report["undecodable"])
            self.assertEqual(got, heard)

    def test_the_namespace_goes_away(self):
        wfp = self.start()
        demo.remove_network()
        time.sleep(0.3)
        self.assertIsNone(wfp.poll())
        self.end(wfp)


if __name__ == "__main__":
    main()
