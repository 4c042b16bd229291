"""No classify path allocates after warm-up: twice the packets of the same flows, the same allocations."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BLOCK_IP, BUILD, SANITIZED, SOURCE, WFP, main

COUNTER = BUILD / "tests" / "e2e" / "libcount_allocations.so"


def allocations(folder, packets):
    capture, out = Path(folder) / f"{packets}.pcap", Path(folder) / "count"
    subprocess.run([SOURCE / "tools" / "make-capture", "bulk", capture, str(packets)], check=True)
    subprocess.run([WFP, "run", "-q", "--read", capture, "--local", "10.0.0.4", BLOCK_IP], check=True,
                   stdout=subprocess.DEVNULL, timeout=120,
                   env=os.environ | {"LD_PRELOAD": str(COUNTER), "COUNT_ALLOCATIONS_TO": str(out)})
    return int(out.read_text())


class Classify(unittest.TestCase):
    def test_twice_the_packets_same_allocations(self):
        if SANITIZED:
            self.skipTest("the sanitizer owns malloc")
        with tempfile.TemporaryDirectory() as folder:
            few, many = allocations(folder, 100_000), allocations(folder, 200_000)
            self.assertGreater(few, 100)  # the counter counts
            self.assertEqual(few, many)


if __name__ == "__main__":
    main()
