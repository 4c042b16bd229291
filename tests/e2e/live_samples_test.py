"""The sample drivers live, between two namespaces, with real clients: HTTP, UDP, DNS.

    client namespace  c0 10.77.0.1 --veth-- s0 10.77.0.2  server namespace
    fd77::1                                 fd77::2        168.63.129.16, 203.0.113.10

The driver runs in one of them. Servers answer with what they were asked, and by whom.
"""
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import BUILD, SANITIZED, WFP, main
from live_test import BetweenNamespaces, demo

KINDS = ["so"] if SANITIZED else ["so", "sys"]
BIG = 300_000

SERVE = f"""
import http.server, socket, threading
def echo(family, address, port):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((address, port))
    while True:
        data, sender = s.recvfrom(65535)
        s.sendto(address.encode() + b" " + str(port).encode() + b" got " + data, sender)
for family, address, port in ((socket.AF_INET, "{demo.OTHER}", 53), (socket.AF_INET, "{demo.BLOCKED}", 5353),
                              (socket.AF_INET6, "fd77::2", 53), (socket.AF_INET6, "fd77::3", 53)):
    threading.Thread(target=echo, args=(family, address, port), daemon=True).start()
def echo_stream(connection):
    while True:
        data = connection.recv(65536)
        if not data:
            break
        connection.sendall(data)
    connection.close()
def serve_streams():
    listener = socket.create_server(("", 7))
    while True:
        threading.Thread(target=echo_stream, args=(listener.accept()[0],), daemon=True).start()
threading.Thread(target=serve_streams, daemon=True).start()
data = bytes(i * 7 % 251 for i in range({BIG}))
class H(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(data if self.path == "/big" else b"up")
    def do_POST(self):
        self.answer(str(sum(self.rfile.read(int(self.headers["Content-Length"])))).encode())
class S(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
S(("::", 80), H).serve_forever()
"""

FETCH = """
import time, urllib.request as u
start = time.monotonic()
try:
    print(u.urlopen("http://%s/", timeout=%d).read().decode(), time.monotonic() - start)
except Exception as e:
    print("failed", e)
"""

FETCH_BIG = f"""
import urllib.request as u
data = bytes(i * 7 %% 251 for i in range({BIG}))
assert u.urlopen("http://%s/big", timeout=20).read() == data, "GET"
sent = u.urlopen(u.Request("http://%s/", data=data), timeout=20).read()
assert sent == str(sum(data)).encode(), "POST"
print("same")
"""

ASK = """
import socket
s = socket.socket(socket.%s, socket.SOCK_DGRAM)
s.settimeout(8)
for n in range(20):
    s.sendto(b"%%d" %% n, ("%s", 53))
    data, sender = s.recvfrom(65535)
    print(sender[0], sender[1], data.decode())
"""


POST = """
import urllib.request as u
text = (b"a cat, a ca, " * 20000)[:200000]
sent = u.urlopen(u.Request("http://%s/", data=text), timeout=30).read()
assert sent == str(sum(text.replace(b"cat", b"dog"))).encode(), sent
print("same")
"""

# what goes there is edited, so that nothing is left to edit on the way back
ECHO = """
import socket, threading
s = socket.create_connection(("%s", 7), timeout=30)
text = (b"a cat, a ca, catcat " * 4000)[:-5]
def send():
    for n in range(0, len(text), 997):
        s.sendall(text[n:n + 997])
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
back = b""
while True:
    data = s.recv(65536)
    if not data:
        break
    back += data
wanted = text.replace(b"cat", b"%s")
assert back == wanted, (len(back), len(wanted))
print("same")
"""


class Samples(BetweenNamespaces):
    def setUp(self):
        super().setUp()
        for name, device, addresses in ((demo.CLIENT, "c0", ["fd77::1"]), (demo.SERVER, "s0", ["fd77::2", "fd77::3"])):
            for address in addresses:
                demo.sh("ip", "-n", name, "addr", "add", f"{address}/64", "dev", device, "nodad")
        self.serve(SERVE)

    def load(self, namespace, name, kind, *params):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        ready = Path(folder.name) / "ready"
        self.control = Path(folder.name) / "control"
        words = [word for value in params for word in ("--param", value)]
        for process in self.processes[1:]:  # of an earlier kind, that failed
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=20)
        wfp = self.run_inside(namespace, WFP, "run", "-q", "-d", "--json", "--live", "--duration", "90", "--ready-file",
                         ready, "--control", self.control, *words, BUILD / "drivers" / f"{name}.{kind}",
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if not demo.wait_for(ready, wfp, 30):
            self.fail(f"not ready in 30 s: {wfp.communicate(timeout=10)}")
        return wfp

    def unload(self, wfp):
        """Returns (report, what the driver printed)."""
        wfp.send_signal(signal.SIGTERM)
        out, said = wfp.communicate(timeout=30)
        self.assertEqual(wfp.returncode, 0, said + out[:1500])
        report = json.loads(out)
        self.assertEqual(report["findings"], [])
        self.assertEqual(report["not_injected"], 0, said)
        return report, said

    def client(self, code, namespace=None):
        done = subprocess.run(demo.inside(namespace or demo.CLIENT, sys.executable, "-c", code), capture_output=True,
                              text=True, timeout=80)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    # ---- inspect

    def test_inspect_holds_a_connect_and_everything_after(self):
        for kind in KINDS:
            with self.subTest(kind):
                wfp = self.load(demo.CLIENT, "inspect", kind, f"RemoteAddressToInspect={demo.OTHER}",
                                "DecisionDelay=400")
                got = self.client(FETCH % (demo.OTHER, 10)).split()
                self.assertEqual(got[0], "up")
                self.assertGreaterEqual(float(got[1]), 0.4)
                self.assertEqual(self.client(FETCH_BIG % (demo.OTHER, demo.OTHER)), "same\n")
                # the first datagram is held with its conversation, and still arrives
                self.assertEqual(self.client(ASK % ("AF_INET", demo.OTHER)).splitlines(),
                                 [f"{demo.OTHER} 53 {demo.OTHER} 53 got {n}" for n in range(20)])
                # others do not wait
                self.assertEqual(self.client(FETCH % (demo.BLOCKED, 10)).split()[0], "up")
                report, said = self.unload(wfp)
                self.assertGreater(report["injected"], 40)
                self.assertRegex(said, rf"connect 10.77.0.1:\d+ -> {demo.OTHER}:80, protocol 6: permitted")

    def test_inspect_blocks(self):
        for kind in KINDS:
            with self.subTest(kind):
                wfp = self.load(demo.CLIENT, "inspect", kind, f"RemoteAddressToInspect={demo.OTHER}", "BlockTraffic=1")
                self.assertIn("failed", self.client(FETCH % (demo.OTHER, 3)))
                self.assertIn("up", self.client(FETCH % (demo.BLOCKED, 10)))
                self.unload(wfp)

    def test_inspect_at_the_server(self):
        wfp = self.load(demo.SERVER, "inspect", "so", "RemoteAddressToInspect=10.77.0.1", "DecisionDelay=300")
        got = self.client(FETCH % (demo.OTHER, 10)).split()
        self.assertEqual(got[0], "up")
        self.assertGreaterEqual(float(got[1]), 0.3)
        self.assertEqual(self.client(FETCH_BIG % (demo.OTHER, demo.OTHER)), "same\n")
        report, said = self.unload(wfp)
        self.assertRegex(said, rf"accept {demo.OTHER}:80 <- 10.77.0.1:\d+, protocol 6: permitted")

    def test_inspect_on_ipv6(self):
        wfp = self.load(demo.CLIENT, "inspect", "so", "RemoteAddressToInspect=fd77::2", "DecisionDelay=200")
        got = self.client(FETCH % ("[fd77::2]", 10)).split()
        self.assertEqual(got[0], "up")
        self.assertGreaterEqual(float(got[1]), 0.2)
        self.assertEqual(self.client(FETCH_BIG % ("[fd77::2]", "[fd77::2]")), "same\n")
        self.unload(wfp)

    # ---- datagram_proxy

    def test_datagrams_go_to_the_proxy(self):
        for kind in KINDS:
            with self.subTest(kind):
                wfp = self.load(demo.CLIENT, "datagram_proxy", kind, f"OriginalAddress={demo.OTHER}",
                                f"ProxyAddress={demo.BLOCKED}", "ProxyPort=5353")
                # the proxy answered, and the client believes that it was whom it asked
                self.assertEqual(self.client(ASK % ("AF_INET", demo.OTHER)).splitlines(),
                                 [f"{demo.OTHER} 53 {demo.BLOCKED} 5353 got {n}" for n in range(20)])
                report, said = self.unload(wfp)
                self.assertIn("to the proxy 20, answers 20, lost 0", said)

    def test_datagrams_on_ipv6(self):
        wfp = self.load(demo.CLIENT, "datagram_proxy", "so", "OriginalAddress=fd77::2", "ProxyAddress=fd77::3")
        self.assertEqual(self.client(ASK % ("AF_INET6", "fd77::2")).splitlines(),
                         [f"fd77::2 53 fd77::3 53 got {n}" for n in range(20)])
        report, said = self.unload(wfp)
        self.assertIn("to the proxy 20, answers 20, lost 0", said)

    # ---- connection_monitor

    def table(self):
        """As a Windows program reads it: CTL_CODE(FILE_DEVICE_NETWORK, 0x800, METHOD_BUFFERED, FILE_READ_ACCESS)."""
        done = subprocess.run([WFP, "device", "ioctl", "--control", self.control, "--json", "--access", "read",
                               "--out-bytes", "65536", "ConnectionMonitor", "0x12,0x800,buffered,read"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        data = bytes.fromhex(json.loads(done.stdout)["output"])
        count, total = struct.unpack_from("<II", data)
        rows = []
        for n in range(count):
            row = struct.unpack_from("<BBBBHH16s16sQQQQQ128s", data, 8 + n * 208)
            program = row[13].decode("utf-16-le").split("\0")[0]
            rows.append({"protocol": row[1], "inbound": row[2], "local_port": row[4], "remote_port": row[5],
                         "remote": ".".join(map(str, row[7][:4])), "process": row[8], "sent": row[9],
                         "received": row[10], "program": program})
        self.assertEqual(total, count)
        return rows

    def test_connections_are_monitored(self):
        for kind in KINDS:
            with self.subTest(kind):
                wfp = self.load(demo.CLIENT, "connection_monitor", kind)
                self.assertEqual(self.client(FETCH_BIG % (demo.OTHER, demo.OTHER)), "same\n")
                held = self.run_inside(demo.CLIENT, sys.executable, "-c",
                                  f"import socket; s = socket.create_connection(('{demo.OTHER}', 80)); "
                                  "s.sendall(b'GET / HTTP/1.1\\r\\n'); print('sent', flush=True); input()",
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                self.assertEqual(held.stdout.readline(), "sent\n")
                end = time.monotonic() + 10
                rows = []
                while not rows and time.monotonic() < end:
                    rows = [r for r in self.table() if r["process"] == held.pid and r["sent"] == 16]
                self.assertEqual(len(rows), 1)
                self.assertEqual((rows[0]["protocol"], rows[0]["inbound"], rows[0]["remote"], rows[0]["remote_port"]),
                                 (6, 0, demo.OTHER, 80))
                self.assertTrue(os.path.realpath(sys.executable).endswith(rows[0]["program"].split("/")[-1]))
                held.communicate("\n", timeout=20)
                report, said = self.unload(wfp)
                self.assertRegex(said, rf"-> {demo.OTHER}:80, protocol 6, process \d+ [^:]+: sent \d+ bytes in \d+ "
                                       rf"packets, received {BIG}\d* in|received 3\d\d\d\d\d in")

    # ---- stream_edit

    def test_streams_are_edited(self):
        for kind in KINDS:
            for out_of_band in (0, 1):
                with self.subTest(kind=kind, out_of_band=out_of_band):
                    wfp = self.load(demo.CLIENT, "stream_edit", kind, "StringToFind=cat", "StringToReplace=dog",
                                    f"OutOfBand={out_of_band}")
                    self.assertEqual(self.client(POST % demo.OTHER), "same\n")
                    report, said = self.unload(wfp)
                    self.assertRegex(said, r"replaced [1-9]\d*, lost 0")

    def test_streams_grow_and_shrink(self):
        for replacement, out_of_band in (("elephant", 0), ("elephant", 1), ("c", 0), ("c", 1)):
            with self.subTest(replacement=replacement, out_of_band=out_of_band):
                wfp = self.load(demo.CLIENT, "stream_edit", "so", "StringToFind=cat",
                                f"StringToReplace={replacement}", "Port=7", f"OutOfBand={out_of_band}")
                self.assertEqual(self.client(ECHO % (demo.OTHER, replacement)), "same\n")
                report, said = self.unload(wfp)
                self.assertRegex(said, r"replaced [1-9]\d*, lost 0")

    def test_streams_are_put_off(self):
        """Received data wait for the worker now and then; the sender waits with them."""
        for kind, pause_after in zip(KINDS * 2, (1000, 100000)):
            with self.subTest(kind=kind, pause_after=pause_after):
                wfp = self.load(demo.SERVER, "stream_edit", kind, "StringToFind=cat", "StringToReplace=mouse", "Port=7",
                                "OutOfBand=1", f"PauseAfter={pause_after}")
                self.assertEqual(self.client(ECHO % (demo.OTHER, "mouse")), "same\n")
                report, said = self.unload(wfp)
                self.assertRegex(said, r"replaced [1-9]\d*, lost 0, paused " + ("[1-9]" if pause_after == 1000 else "0"))


if __name__ == "__main__":
    main()
