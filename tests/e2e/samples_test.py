"""The sample drivers over captures: what they decide, and that .so and .sys decide the same.

Byte for byte they are tested on the simulated machine (examples/sim); live in live_samples_test.py.
"""
import importlib.machinery
import importlib.util
import json
import random
import struct
import tempfile
import unittest
from pathlib import Path

from drivers_test import stable
from harness import BUILD, DEMO, LOCAL, SANITIZED, SOURCE, main, wfp

loader = importlib.machinery.SourceFileLoader("make_capture", str(SOURCE / "tools" / "make-capture"))
capture = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_capture", loader))
loader.exec_module(capture)

KINDS = ["so"] if SANITIZED else ["so", "sys"]
SERVER = ["--local", "203.0.113.10", "--local", "168.63.129.16"]


def run(name, kind, *words, read=DEMO, local=LOCAL):
    params = [word for value in words for word in ("--param", value)]
    return wfp("run", "-q", "-d", "--json", "--read", read, *local, *params, BUILD / "drivers" / f"{name}.{kind}")


def written(path):
    """The permitted IP packets of a pcapng that wfp run wrote."""
    data, at = Path(path).read_bytes(), 0
    while at < len(data):
        kind, length, _, _, _, captured = struct.unpack_from("<IIIIII", data, at)
        if kind == 6 and b"PERMIT" in data[at + 28 + captured:at + length]:
            packet = data[at + 28:at + 28 + captured]
            # what a driver sends has no frame around it
            yield packet[14:] if packet[12:14] in (b"\x08\0", b"\x86\xdd") else packet
        at += length


def stream(packets, source_port, start):
    """What one end of an IPv4 connection sent, put together by sequence numbers from @p start on."""
    text = {}
    for p in packets:
        head = (p[0] & 15) * 4
        if p[9] == 6 and struct.unpack_from("!H", p, head)[0] == source_port:
            sequence = struct.unpack_from("!I", p, head + 4)[0]
            payload = p[head + (p[head + 12] >> 4) * 4:int.from_bytes(p[2:4], "big")]
            text.update({sequence + n: byte for n, byte in enumerate(payload)})
    return bytes(text[n] for n in range(start, start + len(text)))


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

    def check_stream_edit(self, out_of_band, pause_after, rng):
        """A conversation, cut at random, equals what a plain substitution makes of it."""
        words = ["cat", "ca", "c", "catcat", "cacat", " ", "dog", "atc"]
        texts = [b"", b""]
        with tempfile.TemporaryDirectory() as folder:
            p, host, server = capture.Pcap(Path(folder) / "in.pcap"), capture.HOST, capture.OTHER
            at = [1000, 9000]
            p.out(capture.tcp(host, 50001, server, 80, capture.SYN, at[0], 0))
            p.back(capture.tcp(server, 80, host, 50001, capture.SYN | capture.ACK, at[1], at[0] + 1))
            at = [at[0] + 1, at[1] + 1]
            p.out(capture.tcp(host, 50001, server, 80, capture.ACK, *at))
            for n in range(60):
                way = rng.randrange(2)
                data = "".join(rng.choice(words) for _ in range(rng.randrange(1, 6)))[:rng.randrange(1, 9)].encode()
                flags = capture.PSH | capture.ACK | (capture.FIN if n >= 58 else 0)
                way = n - 58 if n >= 58 else way
                if way == 0:
                    p.out(capture.tcp(host, 50001, server, 80, flags, at[0], at[1], data))
                else:
                    p.back(capture.tcp(server, 80, host, 50001, flags, at[1], at[0], data))
                at[way] += len(data) + (n >= 58)
                texts[way] += data
            p.file.close()
            found = []
            for kind in KINDS:
                out = Path(folder) / f"{kind}.pcapng"
                done = wfp("run", "-q", "-d", "--read", Path(folder) / "in.pcap", *LOCAL, "--write", out, "--param",
                           "StringToFind=cat", "--param", "StringToReplace=mouse", "--param",
                           f"OutOfBand={out_of_band}", "--param", f"PauseAfter={pause_after}",
                           BUILD / "drivers" / f"stream_edit.{kind}")
                self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
                count = sum(text.count(b"cat") for text in texts)
                self.assertIn(f"replaced {count}, lost 0", done.stderr)
                self.assertRegex(done.stderr, r"paused [1-9]" if pause_after else "paused 0")
                self.assertRegex(done.stdout, "streams: 1, 1 taken over.*\n  [0-9]+ bytes removed\n  [0-9]+ bytes sent in\n")
                packets = list(written(out))
                for port, start, text in ((50001, 1001, texts[0]), (80, 9001, texts[1])):
                    self.assertEqual(stream(packets, port, start), text.replace(b"cat", b"mouse"))
                found.append(packets)
            self.assertEqual(found[0], found[-1])

    def test_stream_edit(self):
        for out_of_band, pause_after in ((0, 0), (1, 0), (1, 1), (1, 20)):
            for seed in range(4):
                with self.subTest(out_of_band=out_of_band, pause_after=pause_after, seed=seed):
                    self.check_stream_edit(out_of_band, pause_after, random.Random(seed))

    def test_stream_edit_says_what_it_needs(self):
        for kind in KINDS:
            done = run("stream_edit", kind)
            self.assertEqual(done.returncode, 1)
            self.assertIn("parameter StringToFind is missing", done.stderr)
            done = run("stream_edit", kind, "StringToFind=cat", "PauseAfter=9")
            self.assertEqual(done.returncode, 1)
            self.assertIn("parameter PauseAfter needs OutOfBand 1", done.stderr)

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
