"""Live: real clients and servers through a driver that lets everything pass; they must not notice.

    client c0 10.79.1.1 --veth-- r0 10.79.1.254  router  r1 10.79.2.254 --veth-- s0 10.79.2.2 server
              fd79:1::1          fd79:1::fe              fd79:2::fe               fd79:2::2

wfp runs in the client's namespace (it sends and receives) or in the router's (it forwards, behind NAT or not).
The link to the server takes 1400 bytes, the other 1500: somebody has to be told.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import SOURCE, WFP, WFP_CC, main
from live_test import demo, why_not

NAMES = CLIENT, ROUTER, SERVER = [f"openwfp-t{x}{os.getpid()}" for x in "crs"]
V4, V6 = "10.79.2.2", "fd79:2::2"
BIG = 3_000_000

SERVE = f"""
import http.server, socket, socketserver, ssl, sys, threading
data = bytes(i * 7 % 251 for i in range({BIG}))
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words): pass
    def answer(self, body):
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.answer(data)
    def do_POST(self): self.answer(str(sum(self.rfile.read(int(self.headers["Content-Length"])))).encode())
class S(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
class Echo(socketserver.BaseRequestHandler):
    def handle(self): self.request[1].sendto(self.request[0][::-1], self.client_address)
class U(socketserver.ThreadingUDPServer):
    address_family = socket.AF_INET6
    max_packet_size = 65535
tls = S(("::", 443), H)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
tls.socket = context.wrap_socket(tls.socket, server_side=True)
for server in (S(("::", 80), H), tls, U(("::", 53), Echo)):
    threading.Thread(target=server.serve_forever).start()
print("up", flush=True)
"""

# Each prints "ok" or raises. argv: the server's address.
CLIENTS = {
    "http": f"""
import sys, urllib.request as u
host = sys.argv[1] if "." in sys.argv[1] else "[" + sys.argv[1] + "]"
data = bytes(i * 7 % 251 for i in range({BIG}))
assert u.urlopen(f"http://{{host}}/", timeout=20).read() == data
assert u.urlopen(u.Request(f"http://{{host}}/", data=data), timeout=20).read() == str(sum(data)).encode()
print("ok")
""",
    "tls": f"""
import ssl, sys, urllib.request as u
host = sys.argv[1] if "." in sys.argv[1] else "[" + sys.argv[1] + "]"
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
data = bytes(i * 7 % 251 for i in range({BIG}))
assert u.urlopen(f"https://{{host}}/", timeout=20, context=context).read() == data
print("ok")
""",
    # as DNS does: small, of EDNS's size, and in fragments
    "udp": """
import os, socket, sys
family = socket.AF_INET if "." in sys.argv[1] else socket.AF_INET6
for i, size in enumerate([12, 64, 512, 1232, 1372, 1400, 1472, 4000, 20000, 60000] * 5):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.setsockopt(socket.IPPROTO_IP if family == socket.AF_INET else socket.IPPROTO_IPV6, 10 if family == socket.AF_INET else 23, 0)
    query = os.urandom(size)
    for attempt in range(3):
        s.sendto(query, (sys.argv[1], 53))
        try:
            assert s.recv(65535) == query[::-1], size
            break
        except socket.timeout:
            assert attempt < 2, f"no answer to {size} bytes"
    s.close()
print("ok")
""",
    "refused": """
import errno, socket, sys
family = socket.AF_INET if "." in sys.argv[1] else socket.AF_INET6
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((sys.argv[1], 9))
s.send(b"x")
try:
    s.recv(10)
except ConnectionRefusedError:
    print("ok")
t = socket.socket(family)
assert t.connect_ex((sys.argv[1], 9)) == errno.ECONNREFUSED
""",
}

FRAGMENTS = """
import socket, sys
data = bytes(i % 251 for i in range(1300))
def ask(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: fragments may be made
    s.settimeout(3)
    s.connect((sys.argv[1], port))
    s.send(data)
    try:
        return s.recv(65535) == data[::-1]
    except TimeoutError:
        return "blocked"
    except ConnectionRefusedError:
        return "passed"
print(53, ask(53))
print(54, ask(54))
"""


def sh(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True)


class Traffic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.processes = []
        why = why_not()
        if why:
            raise unittest.SkipTest(why)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.addClassCleanup(cls.stop)
        cls.build_network()
        cls.serve()

    @classmethod
    def build_network(cls):
        for name in NAMES:
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        sh("ip", "link", "add", "c0", "netns", CLIENT, "type", "veth", "peer", "name", "r0", "netns", ROUTER)
        sh("ip", "link", "add", "s0", "mtu", "1400", "netns", SERVER, "type", "veth",
           "peer", "name", "r1", "mtu", "1400", "netns", ROUTER)
        for name, device, *addresses in ((CLIENT, "c0", "10.79.1.1/24", "fd79:1::1/64"),
                                         (ROUTER, "r0", "10.79.1.254/24", "fd79:1::fe/64"),
                                         (ROUTER, "r1", "10.79.2.254/24", "fd79:2::fe/64"),
                                         (SERVER, "s0", f"{V4}/24", f"{V6}/64")):
            for address in addresses:
                sh("ip", "-n", name, "addr", "add", address, "dev", device, *["nodad"] * (":" in address))
            sh("ip", "-n", name, "link", "set", device, "up")
        for name, net in ((CLIENT, 1), (SERVER, 2)):
            sh("ip", "-n", name, "route", "add", "default", "via", f"10.79.{net}.254")
            sh("ip", "-n", name, "route", "add", "default", "via", f"fd79:{net}::fe")
        sh(*demo.inside(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"))

    @classmethod
    def serve(cls):
        pem = cls.folder / "server.pem"
        sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=openwfp test",
           "-keyout", cls.folder / "key", "-out", cls.folder / "certificate")
        pem.write_text((cls.folder / "key").read_text() + (cls.folder / "certificate").read_text())
        server = subprocess.Popen(demo.inside(SERVER, sys.executable, "-c", SERVE, str(pem)), stdout=subprocess.PIPE,
                                  text=True)
        cls.processes.append(server)
        assert server.stdout.readline() == "up\n"

    @classmethod
    def stop(cls):
        for process in cls.processes:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=20)
            if process.stdout:
                process.stdout.close()
        for name in NAMES:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def start(self, namespace, driver="transport_pass", define="FORWARD", *options):
        image, ready = self.folder / f"{driver}.so", self.folder / f"ready{len(self.processes)}"
        if not image.exists():
            sh(WFP_CC, f"-D{define}", "-o", image, SOURCE / "tests" / "drivers" / f"{driver}.c")
        wfp = subprocess.Popen(demo.inside(namespace, str(WFP), "run", "-q", "--json", "--live", "--fail-closed", "--busy-poll", "50",
                                           "--duration", "120", "--ready-file", str(ready), *options, str(image)),
                               stdout=subprocess.PIPE, text=True)
        self.processes.append(wfp)
        self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
        return wfp

    def client(self, *words):
        run = subprocess.run(demo.inside(CLIENT, *map(str, words)), capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 0, f"{words[0]} {words[-1]}\n{run.stderr[-1500:]}")
        return run.stdout

    def use(self, wfp, with_v6=True):
        """Every client once, over each IP version; wfp decides meanwhile. Returns its report."""
        for address in (V4, V6) if with_v6 else (V4,):
            for name, code in CLIENTS.items():
                with self.subTest(client=name, address=address):
                    self.assertEqual(self.client(sys.executable, "-c", code, address), "ok\n")
            if shutil.which("ping"):
                with self.subTest(client="ping", address=address):
                    self.client("ping", "-c", 2, "-W", 5, "-i", 0.2, "-s", 5000, address)
            if shutil.which("curl"):
                with self.subTest(client="curl", address=address):
                    host = address if "." in address else f"[{address}]"
                    got = self.client("curl", "-sk", "--max-time", 20, "-o", self.folder / "got", "-w", "%{http_code}",
                                      f"https://{host}/")
                    self.assertEqual(got, "200")
                    self.assertEqual((self.folder / "got").stat().st_size, BIG)
        wfp.send_signal(signal.SIGTERM)
        out = wfp.communicate(timeout=30)[0]
        self.assertEqual(wfp.returncode, 0, out[-2000:])
        report = json.loads(out)
        self.assertEqual(report["lost"], 0)
        # what a stream takes over goes on in segments of the stack's own: absorbed, not refused
        self.assertEqual(report["blocked"], report["absorbed"] if report["streams"].get("split") else 0)
        self.assertEqual(report["undecodable"], {})
        return report

    def test_at_the_client(self):
        layers = self.use(self.start(CLIENT))["layers"]
        for layer in ("OUTBOUND_TRANSPORT_V4", "INBOUND_TRANSPORT_V4", "OUTBOUND_TRANSPORT_V6", "INBOUND_TRANSPORT_V6"):
            self.assertGreater(layers[f"FWPM_LAYER_{layer}"]["classified"], 100, layer)

    def test_through_streams(self):
        """Every TCP byte goes by a callout at STREAM, which lets it pass: TLS and the rest are none the wiser."""
        report = self.use(self.start(CLIENT, "stream_edit", "ACT=0"))
        for layer in ("STREAM_V4", "STREAM_V6"):
            self.assertGreater(report["layers"][f"FWPM_LAYER_{layer}"]["classified"], 100, layer)
        self.assertGreater(report["streams"]["watched"], 8)
        self.assertEqual([report["streams"][name] for name in ("removed", "dropped", "gave_up")], [0, 0, 0])

    def test_at_a_router(self):
        layers = self.use(self.start(ROUTER))["layers"]
        for layer in ("IPFORWARD_V4", "IPFORWARD_V6"):
            self.assertGreater(layers[f"FWPM_LAYER_{layer}"]["classified"], 100, layer)

    def test_a_routers_fragment_groups(self):
        """Fragments wait for each other at the router: as they are or reassembled they reach the server, or none does."""
        route = ["ip", "-n", CLIENT, "route"]
        sh(*route, "add", f"{V4}/32", "via", "10.79.1.254", "mtu", "600")
        self.addCleanup(sh, *route, "del", f"{V4}/32")
        wfp = self.start(ROUTER, "group", "BAD=0", "--group-fragments")
        self.assertEqual(self.client(sys.executable, "-c", FRAGMENTS, V4), "53 True\n54 blocked\n")
        if shutil.which("ping"):
            self.client("ping", "-c", 2, "-W", 5, "-i", 0.2, "-M", "dont", "-s", 1200, V4)
        wfp.send_signal(signal.SIGTERM)
        report = json.loads(wfp.communicate(timeout=30)[0])
        self.assertEqual(wfp.returncode, 0, report)
        self.assertEqual([report["injected"], report["lost"]], [1, 0])
        self.assertEqual(report["blocked"] - report["absorbed"], 1)
        self.assertGreaterEqual(report["absorbed"], 4)  # two of three fragments waited, each time

    def test_at_a_router_that_translates(self):
        rule = ["POSTROUTING", "-o", "r1", "-j", "MASQUERADE"]
        added = subprocess.run(demo.inside(ROUTER, "iptables", "-w", "5", "-t", "nat", "-A", *rule), capture_output=True,
                               text=True)
        if added.returncode != 0:
            self.skipTest(f"no NAT here: {added.stderr.strip()}")
        self.addCleanup(sh, *demo.inside(ROUTER, "iptables", "-w", "5", "-t", "nat", "-D", *rule))
        self.use(self.start(ROUTER), with_v6=False)


if __name__ == "__main__":
    main()
