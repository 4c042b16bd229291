"""The signed WinDivert64.sys 2.2, unmodified, deciding over real traffic between namespaces.

    client namespace                router namespace                 server namespace
    c0 10.77.0.1 ----- veth ----- r0 10.77.0.254
                                  r1 10.78.0.254 ----- veth ----- s0 10.78.0.2
                                                                  UDP 7001..7003: answers with the TTL it saw
                                                                  TCP 80: a file that takes super-packets
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness import WFP, main
from live_test import demo, why_not
from windivert_test import HERE, fetch

CLIENT, ROUTER, SERVER = (f"openwfp-{n}{os.getpid()}" for n in "crs")
BIG = 300_000
SERVE = f"""
import http.server, selectors, socket, threading
data = bytes(i * 7 % 251 for i in range({BIG}))
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", str(len(data))); self.end_headers()
        self.wfile.write(data)
    def log_message(self, *_): pass
threading.Thread(target=http.server.ThreadingHTTPServer(("", 80), H).serve_forever, daemon=True).start()
selector = selectors.DefaultSelector()
for port in (7001, 7002, 7003):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", port))
    s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
    selector.register(s, selectors.EVENT_READ)
while True:
    for key, _ in selector.select():
        text, ancillary, _, sender = key.fileobj.recvmsg(2000, 200)
        ttl = [int.from_bytes(v[:4], "little") for level, kind, v in ancillary if kind == 2][0]
        key.fileobj.sendto(text + b" %d" % ttl, sender)
"""
ASK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1.5)
for port in map(int, sys.argv[1:]):
    s.sendto(b"%d" % port, ("10.78.0.2", port))
    try: print(s.recv(2000).decode())
    except TimeoutError: print(port, "silence")
"""
FETCH = f"""
import urllib.request as u
data = bytes(i * 7 % 251 for i in range({BIG}))
print(u.urlopen("http://10.78.0.2/", timeout=20).read() == data)
"""


def build_network():
    sh = demo.sh
    for name in (CLIENT, ROUTER, SERVER):
        sh("ip", "netns", "add", name)
        sh("ip", "-n", name, "link", "set", "lo", "up")
    for a, b, a_name, b_name, net in ((CLIENT, ROUTER, "c0", "r0", "10.77.0"), (SERVER, ROUTER, "s0", "r1", "10.78.0")):
        sh("ip", "link", "add", a_name, "netns", a, "type", "veth", "peer", "name", b_name, "netns", b)
        sh("ip", "-n", a, "addr", "add", f"{net}.{1 if a == CLIENT else 2}/24", "dev", a_name)
        sh("ip", "-n", b, "addr", "add", f"{net}.254/24", "dev", b_name)
        for name, device in ((a, a_name), (b, b_name)):
            sh("ip", "-n", name, "link", "set", device, "up")
        sh("ip", "-n", a, "route", "add", "default", "via", f"{net}.254")
    sh(*demo.inside(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1"))


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        why = why_not()
        if why:
            raise unittest.SkipTest(why)
        cls.driver = fetch()
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.addClassCleanup(cls.remove_network)
        build_network()
        cls.server = subprocess.Popen(demo.inside(SERVER, sys.executable, "-c", SERVE))
        for _ in range(200):
            if cls.inside(CLIENT, ASK, 7001).startswith("7001 "):
                return
            time.sleep(0.05)
        raise AssertionError("the server does not come up")

    @classmethod
    def remove_network(cls):
        if hasattr(cls, "server"):
            cls.server.kill()
            cls.server.wait()
        for name in (CLIENT, ROUTER, SERVER):
            demo.sh("ip", "netns", "del", name, check=False)

    @staticmethod
    def inside(namespace, code, *words):
        return subprocess.run(demo.inside(namespace, sys.executable, "-c", code, *map(str, words)),
                              capture_output=True, text=True, timeout=60).stdout

    def divert(self, namespace, client, meanwhile, clients=1):
        """Run driver and client in a namespace, `meanwhile` beside them. Returns (its result, report, lines)."""
        path, ready = (Path(self.folder.name) / f"{os.urandom(4).hex()}.{n}" for n in ("sock", "ready"))
        wfp = subprocess.Popen(demo.inside(namespace, *map(str, (
            WFP, "run", "-q", "--json", "--live", "--duration", "90", "--ready-file", ready, "--control", path,
            self.driver))), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process = None
        try:
            self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
            process = subprocess.Popen([HERE / "windivert_client", path, *client], text=True, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            said = ""
            while "started" not in said:
                line = process.stderr.readline()
                self.assertTrue(line, "the client ended early: " + said)
                said += line
            result = meanwhile()
            out, err = process.communicate(timeout=30)  # closes its standard input: it ends
            self.assertEqual((process.returncode, err), (0, ""))
            after = self.inside(CLIENT, ASK, 7001, 7002)
            wfp.send_signal(signal.SIGTERM)
            report, said = wfp.communicate(timeout=30)
        finally:
            for p in (wfp, process):
                if p:
                    p.kill()
                    p.communicate()
        detail = f"{said}\n{report[:1500]}\n{out[:2000]}"
        self.assertEqual(wfp.returncode, 0, detail)
        report = json.loads(report)
        self.assertEqual(report["findings"], [], detail)
        self.assertEqual(report["not_injected"], 0, detail)
        self.assertEqual(after, "7001 63\n7002 63\n", "the client has gone, its filters with it")
        return result, report, out.splitlines(), detail

    def ask(self, *ports):
        return lambda: self.inside(CLIENT, ASK, *ports)

    def test_network_layer_passes_drops_and_changes(self):
        got, report, lines, detail = self.divert(CLIENT, ["network", "-", "udp=1", "7002:drop", "7003:ttl"],
                                                 self.ask(7001, 7002, 7003, 7001))
        self.assertEqual(got, "7001 63\n7002 silence\n7003 41\n7001 63\n", detail)
        self.assertEqual(sum(line.startswith("packet out") for line in lines), 4)
        self.assertEqual(sum(line.startswith("packet in") for line in lines), 3)
        self.assertEqual((report["absorbed"], report["injected"]), (7, 6), detail)

    def test_network_layer_carries_a_connection(self):
        got, report, lines, detail = self.divert(CLIENT, ["network", "-", "tcp=1", "80:ttl"],
                                                 lambda: self.inside(CLIENT, FETCH))
        self.assertEqual(got, "True\n", detail)
        self.assertGreater(len(lines), 10)

    def test_network_layer_of_the_server(self):
        got, report, lines, detail = self.divert(SERVER, ["network", "-", "udp=1,inbound=1"], self.ask(7001, 7003))
        self.assertEqual(got, "7001 63\n7003 63\n", detail)
        self.assertEqual([line.split()[1] for line in lines], ["in", "in"])

    def test_forward_layer_passes_drops_and_changes(self):
        got, report, lines, detail = self.divert(ROUTER, ["forward", "-", "udp=1", "7002:drop", "7003:ttl"],
                                                 self.ask(7001, 7002, 7003))
        self.assertEqual(got.splitlines()[:2], ["7001 63", "7002 silence"], detail)
        self.assertRegex(got.splitlines()[2], "7003 4[12]", detail)
        self.assertEqual(len(lines), 5, detail)

    def test_forward_layer_carries_a_connection(self):
        got, report, lines, detail = self.divert(ROUTER, ["forward", "-", "tcp=1"],
                                                 lambda: self.inside(CLIENT, FETCH))
        self.assertEqual(got, "True\n", detail)

    def test_flow_layer(self):
        got, report, lines, detail = self.divert(CLIENT, ["flow", "sniff,recv-only", "true"],
                                                 lambda: self.inside(CLIENT, FETCH) + self.inside(CLIENT, ASK, 7001))
        self.assertEqual(got, "True\n7001 63\n", detail)
        tcp = [line for line in lines if line.endswith("10.78.0.2:80")]
        self.assertEqual([line.split()[:3] for line in tcp], [["established", "out", "6"], ["deleted", "out", "6"]], detail)
        self.assertTrue(any(line.startswith("established out 17 10.77.0.1") for line in lines), detail)

    def test_socket_layer(self):
        got, report, lines, detail = self.divert(CLIENT, ["socket", "sniff,recv-only", "tcp=1"],
                                                 lambda: self.inside(CLIENT, FETCH))
        self.assertEqual(got, "True\n", detail)
        self.assertEqual([line.split()[0] for line in lines][:3], ["bind", "connect", "close"], detail)

    def test_socket_layer_of_the_server_refuses(self):
        got, report, lines, detail = self.divert(SERVER, ["socket", "recv-only", "event=6,remotePort=4000"],
                                                 self.ask(7001))
        self.assertEqual(got, "7001 63\n", detail)
        got, report, lines, detail = self.divert(CLIENT, ["socket", "recv-only", "event=4,udp=1,remotePort=7001"],
                                                 self.ask(7001, 7003))
        self.assertEqual(got, "7001 silence\n7003 63\n", detail)
        self.assertTrue(lines[0].startswith("connect out 17 10.77.0.1"), detail)


if __name__ == "__main__":
    main()
