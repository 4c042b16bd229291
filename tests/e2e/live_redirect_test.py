"""Live: connections for 203.0.113.10:80 arrive elsewhere, answers come back as if from there.

    client namespace  c0 10.77.0.1 --veth-- s0 10.77.0.2  server namespace (203.0.113.10, 198.51.100.20)
    proxy on 127.0.0.1:8080                               another web server on 198.51.100.20:8081
"""
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import BUILD, SANITIZED, WFP, main
from live_inject_test import BIG, FETCH, FETCH_ONE, SERVE, build, demo
from live_test import why_not

ELSEWHERE = "198.51.100.20"
# Says who asked, and answers as the proxy or the other server: not as 203.0.113.10 would.
def other_server(name, address, port):
    return SERVE.replace('b"up"', f'b"{name}-for-" + self.client_address[0].encode()') \
                .replace('("", 80)', f'("{address}", {port})')


IPV6 = "import http.server, socket; http.server.ThreadingHTTPServer.address_family = socket.AF_INET6\n"
UDP_SERVER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], int(sys.argv[2])))
while True:
    data, peer = s.recvfrom(2048); s.sendto(b"from " + sys.argv[1].encode() + b": " + data, peer)
"""
UDP_CLIENT = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("{demo.OTHER}", 5353)); s.settimeout(8)
for word in (b"one", b"two"):
    s.send(word); print(s.recv(100).decode())
"""

# Of a server that was moved: argv has where it is, and where it was. What it answers, from whom, and who is there else.
ASK_TCP = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=8) as s:
    print(s.recv(100).decode()); print("peer %s:%d" % s.getpeername()[:2])
try:
    print(socket.create_connection((sys.argv[3], int(sys.argv[4])), timeout=8))
except ConnectionRefusedError:
    print("refused")
"""
DUAL = "create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6, dualstack_ipv6=True)"
ASK_UDP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(8)
s.sendto(b"one", (sys.argv[1], int(sys.argv[2])))
data, peer = s.recvfrom(100); print(data.decode()); print("peer %s:%d" % peer)
s.connect((sys.argv[3], int(sys.argv[4]))); s.send(b"two")
try:
    print(s.recv(100))
except ConnectionRefusedError:
    print("refused")
"""
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
while True:
    data, peer = s.recvfrom(65536); s.sendto(data, peer)
"""
ECHO_CLIENT = """
import os, socket
family = socket.AF_INET6 if ":" in "{asked}" else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM); s.connect(("{asked}", {port})); s.settimeout(8)
said = []
for size in (1400, 4000, 60000):
    data = os.urandom(size); s.send(data); said.append(f"{{'same' if s.recv(65536) == data else 'other'}} {{size}}")
print(", ".join(said))
"""
TCP_SERVER = """
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    c, peer = s.accept(); c.sendall(b"from " + peer[0].encode()); c.close()
"""


class Redirect(unittest.TestCase):
    def setUp(self):
        why = why_not()
        if why:
            self.skipTest(why)
        self.processes = []
        demo.build_network()
        self.addCleanup(self.stop)
        demo.sh("ip", "-n", demo.CLIENT, "link", "set", "lo", "up")
        demo.sh("ip", "-n", demo.SERVER, "addr", "add", f"{ELSEWHERE}/32", "dev", "lo")
        demo.sh("ip", "-n", demo.CLIENT, "route", "add", f"{ELSEWHERE}/32", "via", "10.77.0.2")
        self.serve(demo.SERVER, SERVE.replace('("", 80)', f'("{demo.OTHER}", 80)'))
        self.serve(demo.SERVER, other_server("elsewhere", ELSEWHERE, 8081))
        self.serve(demo.CLIENT, other_server("proxy", "127.0.0.1", 8080))
        for _ in range(200):
            if demo.reachable(demo.OTHER):
                return
        self.fail("the server does not come up")

    def run_inside(self, namespace, *words, **kwargs):
        process = subprocess.Popen(demo.inside(namespace, *map(str, words)), text=True, **kwargs)
        self.processes.append(process)
        return process

    def serve(self, namespace, code, *words):
        self.run_inside(namespace, sys.executable, "-c", code, *words)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=20)
        demo.remove_network()

    def fetch(self, code, kind="so", beside=(), driver="redirect", **words):
        """Run the redirecting driver and a client beside it. Returns (the client's output, the driver's counts)."""
        with tempfile.TemporaryDirectory() as folder:
            ready = Path(folder) / "ready"
            image = build(folder, driver, kind=kind, **words)
            wfp = self.run_inside(demo.CLIENT, WFP, "run", "-q", "--json", "--live", "--duration", "60",
                                  "--ready-file", ready, image, *beside, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
            client = subprocess.run(demo.inside(demo.CLIENT, sys.executable, "-c", code),
                                    capture_output=True, text=True, timeout=50)
            wfp.send_signal(signal.SIGTERM)
            out, said = wfp.communicate(timeout=30)
            self.detail = f"{client.stderr}\n{said}\n{out[:3000]}"
            self.assertEqual(wfp.returncode, 0, self.detail)
            counts = {k: int(v) for k, v in re.findall(r"([a-z ]+?) (\d+)(?:,|$)", said.split(f"{driver}: ")[-1].strip())}
            return client.stdout.split("\n"), {k.strip(): v for k, v in counts.items()}

    def check_told(self, counts):
        self.assertGreaterEqual(counts["told"], 1, self.detail)
        for name in ("by self", "context", "original", "pid", "elsewhere"):
            self.assertEqual(counts[name], counts["told"], self.detail)
        self.assertEqual(counts["straight"], 0, self.detail)

    def test_to_a_proxy_on_this_machine(self):
        for kind in ("so",) if SANITIZED else ("so", "sys"):
            got, counts = self.fetch(FETCH_ONE, kind=kind, TO="0x7f000001", PORT=8080)
            self.assertEqual(got[0].split()[0], "proxy-for-10.77.0.1", self.detail)
            self.check_told(counts)

    def test_to_another_host(self):
        got, counts = self.fetch(FETCH_ONE, TO="0xC6336414", PORT=8081)
        self.assertEqual(got[0].split()[0], "elsewhere-for-10.77.0.1", self.detail)
        self.check_told(counts)

    def test_much_data_both_ways(self):
        # super-packets leave and arrive: their segments are sent in their place
        for to, port in (("0x7f000001", 8080), ("0xC6336414", 8081)):
            got, counts = self.fetch(FETCH, TO=to, PORT=port)
            self.assertEqual(got[0], "same", self.detail)

    def test_streams_are_edited_on_their_way_to_the_proxy(self):
        edit = ["--param", "StringToFind=proxy", "--param", "StringToReplace=other", "--param", "Port=0",
                BUILD / "drivers" / "stream_edit.so"]
        got, counts = self.fetch(FETCH_ONE, beside=edit, TO="0x7f000001", PORT=8080)
        self.assertEqual(got[0].split()[0], "other-for-10.77.0.1", self.detail)
        self.check_told(counts)

    def test_a_pended_connect_waits_and_arrives_elsewhere(self):
        for how in (1, 2):
            got, counts = self.fetch(FETCH_ONE, TO="0x7f000001", PORT=8080, HOW=how, WAIT=400)
            self.assertEqual(got[0].split()[0], "proxy-for-10.77.0.1", self.detail)
            self.assertGreaterEqual(float(got[0].split()[1]), 0.4, self.detail)
            self.check_told(counts)

    def test_a_pended_connect_is_refused(self):
        got, counts = self.fetch(FETCH_ONE, TO="0x7f000001", PORT=8080, HOW=3, WAIT=10)
        self.assertEqual(got, [""], self.detail)
        self.assertEqual(counts["told"], 0, self.detail)

    def test_datagrams_and_their_answers(self):
        self.serve(demo.SERVER, UDP_SERVER, ELSEWHERE, 5353)
        got, counts = self.fetch(UDP_CLIENT, TO="0xC6336414", PORT=5353)
        self.assertEqual(got[:2], [f"from {ELSEWHERE}: one", f"from {ELSEWHERE}: two"], self.detail)
        self.assertEqual(counts["asked"], 1, self.detail)
        self.check_told(counts)

    def test_long_datagrams_and_their_answers(self):
        # in fragments on the wire; IPv6 ones come in as fragments, too
        here, far = self.add_ipv6()
        for driver, asked, elsewhere, port, flags in (
                ("redirect", demo.OTHER, ELSEWHERE, 5353, {"TO": "0xC6336414", "PORT": 5353}),
                ("redirect6", here, far, 8081, {"DISTANT": 1})):
            self.serve(demo.SERVER, ECHO, elsewhere, port)
            code = ECHO_CLIENT.format(asked=asked, port=5353)
            got, counts = self.fetch(code, driver=driver, **flags)
            self.assertEqual(got[0], "same 1400, same 4000, same 60000", self.detail)
            self.assertEqual(counts["asked"], 1, self.detail)

    def test_long_datagrams_to_a_server_that_was_moved(self):
        _, far = self.add_ipv6()
        for address in (ELSEWHERE, far):
            self.serve(demo.SERVER, ECHO, address, 5353)
            got, said = self.ask_server(ECHO_CLIENT.format(asked=address, port=7000), FROM=5353, TO=7000)
            self.assertEqual(got[0], "same 1400, same 4000, same 60000", self.detail)
            self.assertIn("accepted 1, straight 0", said, self.detail)

    def test_a_refusal_reaches_who_asked(self):
        code = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("{demo.OTHER}", 5353)); s.settimeout(8)
s.send(b"to nobody")
try:
    print(s.recv(100))
except ConnectionRefusedError:
    print("refused")
"""
        got, counts = self.fetch(code, TO="0xC6336414", PORT=5399)
        self.assertEqual(got[0], "refused", self.detail)

    def test_sockets_bound_to_another_address(self):
        demo.sh("ip", "-n", demo.CLIENT, "addr", "add", "10.77.0.9/24", "dev", "c0")
        got, counts = self.fetch(FETCH_ONE, TO="0xC6336414", PORT=8081, LOCAL="0x0A4D0009")
        self.assertEqual(got[0].split()[0], "elsewhere-for-10.77.0.9", self.detail)
        self.assertGreaterEqual(counts["bound"], 1, self.detail)

    def ask_server(self, code, *words, **flags):
        """The driver and a server beside it in one namespace, who asks in the other. Returns (output, said)."""
        with tempfile.TemporaryDirectory() as folder:
            ready = Path(folder) / "ready"
            image = build(folder, "move_server", **flags)
            wfp = self.run_inside(demo.SERVER, WFP, "run", "-q", "--json", "--live", "--duration", "60",
                                  "--ready-file", ready, image, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
            client = subprocess.run(demo.inside(demo.CLIENT, sys.executable, "-c", code, *map(str, words)),
                                    capture_output=True, text=True, timeout=50)
            wfp.send_signal(signal.SIGTERM)
            out, said = wfp.communicate(timeout=30)
            self.detail = f"{client.stderr}\n{said}\n{out[:3000]}"
            self.assertEqual(wfp.returncode, 0, self.detail)
            return client.stdout.split("\n"), said

    def test_a_tcp_server_is_found_where_it_was_moved(self):
        self.serve(demo.SERVER, TCP_SERVER, "0.0.0.0", 8090)
        for flags, moved in (({"TO": 7000}, "10.77.0.2"), ({"TO": 7000, "ADDRESS": "0xC6336414"}, ELSEWHERE)):
            got, said = self.ask_server(ASK_TCP, moved, 7000, demo.OTHER, 8090, FROM=8090, **flags)
            self.assertEqual(got[:3], ["from 10.77.0.1", f"peer {moved}:7000", "refused"], self.detail)
            self.assertIn("bound 1, listened 1, accepted 1, straight 0", said)

    def test_a_dual_stack_server_is_found_by_both_versions(self):
        self.add_ipv6()
        self.serve(demo.SERVER, TCP_SERVER.replace("create_server((sys.argv[1], int(sys.argv[2])))", DUAL), "::", 8090)
        got, said = self.ask_server(ASK_TCP, "10.77.0.2", 7000, "2001:db8:77::2", 8090, FROM=8090, TO=7000)
        self.assertEqual(got[:3], ["from ::ffff:10.77.0.1", "peer 10.77.0.2:7000", "refused"], self.detail)
        self.assertIn("bound 2, listened 1, accepted 1, straight 0", said)
        got, said = self.ask_server(ASK_TCP, "2001:db8:77::2", 7000, "10.77.0.2", 8090, FROM=8090, TO=7000)
        self.assertEqual(got[:3], ["from 2001:db8:77::1", "peer 2001:db8:77::2:7000", "refused"], self.detail)
        self.assertIn("bound 2, listened 1, accepted 1, straight 0", said)

    def test_a_udp_server_is_found_where_it_was_moved(self):
        self.serve(demo.SERVER, UDP_SERVER, ELSEWHERE, 5353)
        got, said = self.ask_server(ASK_UDP, ELSEWHERE, 7000, ELSEWHERE, 5353, FROM=5353, TO=7000)
        self.assertEqual(got[:3], [f"from {ELSEWHERE}: one", f"peer {ELSEWHERE}:7000", "refused"], self.detail)
        self.assertIn("bound 1, listened 0, accepted 1, straight 0", said)

    def add_ipv6(self):
        """Addresses between the namespaces. Returns those of the server: which is asked for, and the other."""
        here, far = "2001:db8:113::10", "2001:db8:100::20"
        for namespace, device, address in ((demo.CLIENT, "c0", "2001:db8:77::1"), (demo.SERVER, "s0", "2001:db8:77::2")):
            demo.sh("ip", "-n", namespace, "addr", "add", f"{address}/64", "dev", device, "nodad")
        for address in (here, far):
            demo.sh("ip", "-n", demo.SERVER, "addr", "add", f"{address}/128", "dev", "lo", "nodad")
            demo.sh("ip", "-n", demo.CLIENT, "route", "add", f"{address}/128", "via", "2001:db8:77::2")
        return here, far

    def test_ipv6(self):
        here, far = self.add_ipv6()
        self.serve(demo.SERVER, IPV6 + other_server("elsewhere", far, 8081))
        self.serve(demo.CLIENT, IPV6 + other_server("proxy", "::1", 8080))
        fetch = FETCH_ONE.replace(demo.OTHER, f"[{here}]")
        for name, words in (("proxy", {}), ("elsewhere", {"DISTANT": 1})):
            got, counts = self.fetch(fetch, driver="redirect6", **words)
            self.assertEqual(got[0].split()[0], f"{name}-for-2001:db8:77::1", self.detail)
            self.assertEqual(set(counts.values()), {1}, self.detail)


if __name__ == "__main__":
    main()
