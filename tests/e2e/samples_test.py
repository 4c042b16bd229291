"""The sample drivers over captures: what they decide, and that .so and .sys decide the same.

Byte for byte they are tested on the simulated machine (examples/sim); live in live_samples_test.py.
"""
import importlib.machinery
import importlib.util
import tempfile
import unittest
from pathlib import Path

from drivers_test import stable
from harness import BUILD, DEMO, LOCAL, SANITIZED, SOURCE, main, wfp
import json

loader = importlib.machinery.SourceFileLoader("make_capture", str(SOURCE / "tools" / "make-capture"))
capture = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_capture", loader))
loader.exec_module(capture)

KINDS = ["so"] if SANITIZED else ["so", "sys"]
SERVER = ["--local", "203.0.113.10", "--local", "168.63.129.16"]


def run(name, kind, *words, read=DEMO, local=LOCAL):
    params = [word for value in words for word in ("--param", value)]
    return wfp("run", "-q", "-d", "--json", "--read", read, *local, *params, BUILD / "drivers" / f"{name}.{kind}")


class Samples(unittest.TestCase):
    def decide(self, name, *params, **kwargs):
        """Both images. Returns (the document, what the driver printed)."""
        seen = []
        for kind in KINDS:
            done = run(name, kind, *params, **kwargs)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout[-2000:])
            document = json.loads(done.stdout)
            self.assertEqual(document["findings"], [])
            seen.append((stable(document), done.stderr))
        self.assertEqual(seen[0], seen[-1])
        return seen[0]

    def callouts(self, document):
        return [c["classified"] for c in document["drivers"][0]["callouts"]]

    def test_inspect_holds_and_lets_go(self):
        document, said = self.decide("inspect", "RemoteAddressToInspect=203.0.113.10")
        # 37 packets: 8 of one TCP connection and 6 ICMP ones are held, and each comes back once
        self.assertEqual((document["permitted"], document["absorbed"], document["injected"]), (23, 14, 14))
        self.assertEqual(self.callouts(document), [4, 0, 15, 12])
        self.assertIn("connect 10.0.0.4:50001 -> 203.0.113.10:80, protocol 6: permitted\n", said)
        self.assertIn("held 15: 15 permitted, 0 blocked", said)

    def test_inspect_blocks(self):
        document, said = self.decide("inspect", "RemoteAddressToInspect=203.0.113.10", "BlockTraffic=1")
        self.assertEqual((document["permitted"], document["injected"]), (23, 0))
        self.assertIn("connect 10.0.0.4:50001 -> 203.0.113.10:80, protocol 6: blocked\n", said)
        self.assertIn(" 0 permitted", said)

    def test_inspect_on_ipv6(self):
        document, said = self.decide("inspect", "RemoteAddressToInspect=2001:db8::10")
        self.assertEqual((document["permitted"], document["absorbed"], document["injected"]), (29, 8, 8))
        self.assertIn("connect [2001:db8::4]:50004 -> [2001:db8::10]:80, protocol 6: permitted\n", said)

    def test_inspect_at_a_server(self):
        document, said = self.decide("inspect", "RemoteAddressToInspect=10.0.0.4", local=SERVER)
        self.assertEqual(document["absorbed"], document["injected"])
        self.assertIn("accept 203.0.113.10:80 <- 10.0.0.4:50001, protocol 6: permitted\n", said)
        self.assertIn("accept 168.63.129.16:53 <- 10.0.0.4:50003, protocol 17: permitted\n", said)

    def test_inspect_says_what_it_needs(self):
        for kind in KINDS:
            done = run("inspect", kind)
            self.assertEqual(done.returncode, 1)
            self.assertIn("parameter RemoteAddressToInspect must be an IPv4 or IPv6 address, is ''", done.stderr)
            done = run("inspect", kind, "RemoteAddressToInspect=10.0.0.4", "BlockTraffic=sz:yes")
            self.assertEqual(done.returncode, 1)
            self.assertIn("parameter BlockTraffic must be a REG_DWORD", done.stderr)

    def test_datagram_proxy(self):
        with tempfile.TemporaryDirectory() as folder:
            p = capture.Pcap(Path(folder) / "dns.pcap")
            for n in range(3):
                p.out(capture.udp(capture.HOST, 50000 + n, capture.RESOLVER, 53, b"query"))
                p.back(capture.udp("9.9.9.9", 5353, capture.HOST, 50000 + n, b"answer"))
            p.back(capture.udp("9.9.9.9", 5353, capture.HOST, 40000, b"nobody asked"))
            p.file.close()
            document, said = self.decide("datagram_proxy", f"OriginalAddress={capture.RESOLVER}",
                                         "ProxyAddress=9.9.9.9", "ProxyPort=5353", read=Path(folder) / "dns.pcap")
        self.assertEqual((document["permitted"], document["absorbed"], document["injected"]), (1, 6, 6))
        self.assertIn("to the proxy 3, answers 3, lost 0", said)

    def test_datagram_proxy_refuses_a_mixture(self):
        for kind in KINDS:
            done = run("datagram_proxy", kind, "OriginalAddress=10.0.0.1", "ProxyAddress=::1")
            self.assertEqual(done.returncode, 1)
            self.assertIn("both addresses must be of one family, and ports from 1 to 65535", done.stderr)

    def test_connection_monitor(self):
        document, said = self.decide("connection_monitor")
        self.assertEqual(document["permitted"], 37)
        self.assertEqual(self.callouts(document), [6, 2, 14, 5, 10, 2])
        self.assertIn("10.0.0.4:50001 -> 203.0.113.10:80, protocol 6, process 0 (unknown): "
                      "sent 37 bytes in 4 packets, received 41 in 2\n", said)
        self.assertIn("[2001:db8::4]:50005 -> [2001:db8:bad::16]:53, protocol 17, process 0 (unknown): "
                      "sent 29 bytes in 1 packets, received 0 in 0\n", said)
        self.assertIn("8 connections\n", said)

    def test_all_together(self):
        """Four drivers on one machine; each leaves the others' packets to them."""
        for kind in KINDS:
            drivers = [BUILD / "drivers" / f"{n}.{kind}" for n in ("block_ip", "connection_monitor", "datagram_proxy",
                                                                   "inspect")]
            done = wfp("run", "-q", "--json", "--read", DEMO, *LOCAL, "--param",
                       "inspect:RemoteAddressToInspect=203.0.113.10", "--param",
                       f"datagram_proxy:OriginalAddress={capture.RESOLVER}", "--param",
                       "datagram_proxy:ProxyAddress=9.9.9.9", *drivers)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout[-2000:])
            document = json.loads(done.stdout)
            self.assertEqual(document["findings"], [])
            self.assertEqual(document["injected"], 15)


if __name__ == "__main__":
    main()
