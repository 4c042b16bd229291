"""Live: a driver that writes to the packet it is shown, without a clone: its bytes arrive, at every layer, also in super-packets."""
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import WFP, main
from live_inject_test import build
from live_test import BetweenNamespaces, demo

UNITS = 60000
# answers say what came, and carry the mark themselves; it stands at even places, for the sums
SERVE = """
import socket, threading
def answer(data):
    return data.replace(b"ABCD", b"plain...").replace(b"CDAB", b"swapped.") + b"ABCD"
def datagrams():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", 7777))
    while True:
        data, peer = s.recvfrom(4096)
        s.sendto(answer(data), peer)
def serve(s):
    got = b""
    while True:
        some = s.recv(65536)
        if not some: break
        got += some
        if got.startswith(b"GET"):
            s.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nup")
            return s.close()
    s.sendall(answer(got) if len(got) < 100 else b"%d %d" % (len(got), got.count(b"CDAB....")))
    s.close()
threading.Thread(target=datagrams, daemon=True).start()
l = socket.create_server(("", 80), backlog=16)
while True:
    threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
"""
UDP = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(b"out ABCD", ("{demo.OTHER}", 7777))
print(s.recv(4096).decode())
"""
TCP = f"""
import socket
s = socket.create_connection(("{demo.OTHER}", 80), timeout=30)
s.sendall(DATA)
s.shutdown(socket.SHUT_WR)
got = b""
while True:
    some = s.recv(4096)
    if not some: break
    got += some
print(got.decode())
"""
SMALL, BIG = "DATA = b'out ABCD'\n", f"DATA = b'ABCD....' * {UNITS}\n"
OUT, IN = "out swapped.ABCD\n", "out plain...CDAB\n"


class InPlace(BetweenNamespaces):
    def setUp(self):
        super().setUp()
        self.serve(SERVE)

    def through(self, code, **words):
        """The client's output and the report."""
        with tempfile.TemporaryDirectory() as folder:
            ready = Path(folder) / "ready"
            wfp = self.run_inside(demo.CLIENT, WFP, "run", "-q", "--json", "--live", "--duration", "60",
                                  "--ready-file", ready, build(folder, "in_place", **words),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
            client = subprocess.run(demo.inside(demo.CLIENT, sys.executable, "-c", code),
                                    capture_output=True, text=True, timeout=60)
            wfp.send_signal(signal.SIGTERM)
            text, said = wfp.communicate(timeout=30)
            self.detail = f"{words}\n{client.stderr}\n{said}\n{text[:1200]}"
            return client.stdout, json.loads(text)

    def check(self, layer, code, want, **words):
        got, report = self.through(code, LAYER=f"FWPM_LAYER_{layer}", **words)
        self.assertEqual(got, want, self.detail)
        self.assertGreater(report["changed"], 0, self.detail)
        self.assertEqual([f["id"] for f in report["findings"]], ["changed-in-place"], self.detail)

    def test_datagrams(self):
        self.check("OUTBOUND_TRANSPORT_V4", UDP, OUT)
        self.check("OUTBOUND_IPPACKET_V4", UDP, OUT)
        self.check("INBOUND_TRANSPORT_V4", UDP, IN)
        self.check("INBOUND_IPPACKET_V4", UDP, IN)
        self.check("DATAGRAM_DATA_V4", UDP, "out swapped.CDAB\n")

    def test_segments(self):
        self.check("OUTBOUND_TRANSPORT_V4", SMALL + TCP, OUT)
        self.check("INBOUND_IPPACKET_V4", SMALL + TCP, IN)
        self.check("STREAM_V4", SMALL + TCP, "out swapped.CDAB\n", IS_STREAM=1)

    def test_super_packets(self):
        got, report = self.through(BIG + TCP, LAYER="FWPM_LAYER_OUTBOUND_TRANSPORT_V4")
        length, swapped = map(int, got.split())
        self.assertEqual(length, 8 * UNITS, self.detail)
        self.assertGreater(swapped, UNITS * 9 // 10, self.detail)  # but for those across two packets
        self.assertEqual(report["not_injected"], 0, self.detail)


if __name__ == "__main__":
    main()
