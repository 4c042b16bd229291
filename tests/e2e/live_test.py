"""Live between two namespaces: blocked and reachable as it should be, and no rule ever left behind.

    client namespace  c0 10.77.0.1 --veth-- s0 10.77.0.2  server namespace (168.63.129.16, 203.0.113.10)
"""
import importlib.machinery
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness import BLOCK_IP, BUILD, SOURCE, WFP, main

loader = importlib.machinery.SourceFileLoader("demo_live", str(SOURCE / "tools" / "demo-live"))
demo = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo_live", loader))
loader.exec_module(demo)


def rules_left():
    text = ""
    for words in (["nft", "list", "ruleset"], ["iptables-save"], ["ip6tables-save"],
                  ["iptables-legacy-save"], ["ip6tables-legacy-save"]):
        text += subprocess.run(demo.inside(demo.CLIENT, *words), capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if "openwfp" in line.lower() or "NFQUEUE" in line]


def why_not():
    if os.geteuid() != 0:
        return "needs root"
    probe = f"openwfp-p{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return None if made.returncode == 0 else f"no network namespaces here: {made.stderr.strip()}"


class BetweenNamespaces(unittest.TestCase):
    """A client's and a server's namespace; what is started inside ends with the test, and so do they."""

    def setUp(self):
        why = why_not()
        if why:
            self.skipTest(why)
        self.processes = []
        demo.build_network()
        self.addCleanup(self.stop)

    def serve(self, code):
        """Run a server in its namespace, until the client reaches it."""
        self.run_inside(demo.SERVER, sys.executable, "-c", code)
        for _ in range(200):
            if demo.reachable(demo.OTHER):
                return
        self.fail("the server does not come up")

    def run_inside(self, namespace, *words, **kwargs):
        process = subprocess.Popen(demo.inside(namespace, *map(str, words)), text=True, **kwargs)
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=20)
        demo.remove_network()


class Live(unittest.TestCase):
    def setUp(self):
        why = why_not()
        if why:
            self.skipTest(why)

    def start(self, folder):
        ready = Path(folder) / "ready"
        process = subprocess.Popen(demo.inside(demo.CLIENT, str(WFP), "run", "-q", "--live", "--duration", "60",
                                               "--ready-file", str(ready), str(BLOCK_IP)),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.assertTrue(demo.wait_for(ready, process, 30), "not ready in 30 s")
        return process

    def children(self, process):
        return subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True,
                              text=True).stdout.split()

    def test_the_demo(self):
        self.assertEqual(demo.main(str(BUILD), str(BLOCK_IP)), 0)

    def test_rules_go_when_the_worker_is_killed(self):
        demo.build_network()
        try:
            with tempfile.TemporaryDirectory() as folder:
                process = self.start(folder)
                self.assertTrue(rules_left())
                for pid in self.children(process):
                    os.kill(int(pid), signal.SIGKILL)
                self.assertEqual(process.wait(timeout=20), 1)
                self.assertIn("signal 9", process.stderr.read())
                self.assertEqual(rules_left(), [])
        finally:
            demo.remove_network()

    def test_rules_go_when_the_supervisor_is_killed(self):
        demo.build_network()
        try:
            with tempfile.TemporaryDirectory() as folder:
                process = self.start(folder)
                process.kill()
                process.wait(timeout=20)
                end = time.monotonic() + 20
                while rules_left() and time.monotonic() < end:
                    time.sleep(0.1)
                self.assertEqual(rules_left(), [])
        finally:
            demo.remove_network()


if __name__ == "__main__":
    main()
