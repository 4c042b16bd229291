"""Same input, same bytes out (decision D6): each run twice, the second one pinned to a processor that others use."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import BUILD, DEMO, LOCAL, SANITIZED, SOURCE, WFP, WFP_CC, main

sys.path.append(str(SOURCE / "tools"))
DRIVERS = SOURCE / "tests" / "drivers"
CAPTURES = sorted(p for p in (SOURCE / "examples").rglob("*") if p.suffix in (".pcap", ".pcapng"))
SAMPLES = ["block_ip", "connection_monitor", "datagram_proxy", "inspect"]
PARAMS = ["--param", "inspect:RemoteAddressToInspect=203.0.113.10", "--param", "datagram_proxy:OriginalAddress=192.0.2.53",
          "--param", "datagram_proxy:ProxyAddress=9.9.9.9"]
# What has threads, timers and injections of its own, and what is left or done wrong.
TEST_DRIVERS = [("worker", ()), ("pend", ("-DINBOUND=0", "-DREFUSE=0", "-DWAIT=0")), ("reinject", ()),
                ("transport_pass", ()), ("flow_context", ()), ("redirect", ()), ("every_layer", ()), ("mac", ()),
                ("stream_edit", ("-DACT=2",)), ("registrar", ()), ("wdm_block", ())]
FAULTY = [("breaks", (f"-DWHAT={n}",)) for n in range(1, 7)] + \
         [("leaves", (f"-DLEAVE_{what}",)) for what in ("POOL", "CLONE", "TIMER", "CALLOUT", "DEVICE", "HANDLE")] + \
         [("redirect", (f"-DBAD={n}",)) for n in (1, 2, 4, 5)]


class Load:
    """Programs that want all the time there is, on the processor of a run and its neighbour."""

    def __enter__(self):
        self.busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]

    def __exit__(self, *_):
        for process in self.busy:
            process.kill()
            process.wait()


def run(folder, words, pinned):
    """Returns everything that a run says and writes, without the time it took."""
    written = Path(folder) / "written.pcapng"
    written.unlink(missing_ok=True)
    processor = min(os.sched_getaffinity(0))
    done = subprocess.run([WFP, "run", "-q", "-v", "-d", "--events", "--json", "--write", written, *map(str, words)],
                          capture_output=True, text=True, errors="replace", timeout=120,
                          preexec_fn=(lambda: os.sched_setaffinity(0, {processor})) if pinned else None)
    if done.returncode not in (0, 1):
        raise AssertionError(f"exit code {done.returncode}\n{done.stderr[-3000:]}")
    document = json.loads(done.stdout)
    del document["elapsed_s"]
    return document, done.stderr.splitlines(), written.read_bytes()


class Repeat(unittest.TestCase):
    def setUp(self):
        self.maxDiff = 2000
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def build(self, name, flags):
        number = len(os.listdir(self.folder.name)) + 2
        image = Path(self.folder.name) / f"{name}{number}.so"
        source = next(DRIVERS.glob(f"{name}.c*"))
        made = subprocess.run([WFP_CC, f"-I{DRIVERS}", f"-DSUBLAYER={number}", *flags, "-o", image, source], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(made.returncode, 0, made.stderr)
        return image

    def twice(self, *words):
        first = run(self.folder.name, words, False)
        with Load():
            second = run(self.folder.name, words, True)
        for one, other in zip(first, second):
            self.assertEqual(one, other)
        return first

    def test_samples_together(self):
        self.assertTrue(CAPTURES)
        for capture in CAPTURES:
            for kind in ["so"] if SANITIZED else ["so", "sys"]:
                with self.subTest(capture.name, kind=kind):
                    images = [BUILD / "drivers" / f"{name}.{kind}" for name in SAMPLES]
                    document, _, _ = self.twice("--read", capture, *LOCAL, *PARAMS, *images)
                    self.assertGreater(document["injected"], 0)

    def test_a_longer_capture(self):
        capture = Path(self.folder.name) / "bulk.pcap"
        subprocess.run([SOURCE / "tools" / "make-capture", "bulk", capture, "3000"], check=True)
        document, _, _ = self.twice("--read", capture, *LOCAL, *PARAMS,
                                    *[BUILD / "drivers" / f"{name}.so" for name in SAMPLES])
        self.assertEqual(document["packets"], 3000)

    def test_drivers_with_threads_together(self):
        images = [self.build(*row) for row in TEST_DRIVERS]
        for some in (images[:4], images[4:8], images[8:], images):
            with self.subTest([image.stem for image in some]):
                self.twice("--read", DEMO, *LOCAL, *some)

    def test_findings(self):
        for name, flags in FAULTY:
            with self.subTest(name, flags=flags):
                document, _, _ = self.twice("--read", DEMO, *LOCAL, self.build(name, flags))
                self.assertTrue(document["findings"])


if __name__ == "__main__":
    main()
