"""Live: streams through drivers that pass, edit, hold, defer or drop them; clients get what an editor would make.

The client's namespace runs the driver. The server's text has needles at all places of segments.
"""
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import WFP, main
from live_inject_test import build
from live_test import BetweenNamespaces, demo

TEXT = """
import random
random.seed(7)
text = b"".join(random.choice([b"needle", b"need", b"quite ", b"another line of text\\n", b"qq"]) for _ in range(40000))
"""
SERVE = TEXT + """
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def do_GET(self):
        self.answer(text if self.path == "/text" else b"up")
    def do_POST(self):
        sent = self.rfile.read()
        self.answer(str(len(sent)).encode() + b" " + str(sum(sent)).encode())
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("", 80), H).serve_forever()
"""
# an HTTP/1.0 answer has no length; the request's end is its FIN, so that a body of any length can be sent
GET = TEXT + f"""
import urllib.request as u
got = u.urlopen("http://{demo.OTHER}/text", timeout=60).read()
print("same" if got == EDIT(text) else "differs: %d bytes, not %d" % (len(got), len(EDIT(text))))
"""
POST = TEXT + f"""
import socket
s = socket.create_connection(("{demo.OTHER}", 80), timeout=60)
s.sendall(b"POST / HTTP/1.0\\r\\n\\r\\n" + text)
s.shutdown(socket.SHUT_WR)
got = b""
while True:
    some = s.recv(65536)
    if not some: break
    got += some
want = EDIT(text)
print("same" if got.endswith(b"\\r\\n\\r\\n%d %d" % (len(want), sum(want))) else "differs: %r" % got[-80:])
"""
PASS = "EDIT = lambda t: t\n"
INLINE = "EDIT = lambda t: t.replace(b'needle', b'haystack!')\n"
CAPITAL = "EDIT = lambda t: t.replace(b'q', b'Q')\n"


class Streams(BetweenNamespaces):
    def setUp(self):
        super().setUp()
        self.serve(SERVE)

    def through(self, namespace, action, *commands, findings=()):
        """Run a driver in a namespace and commands in the client's. Returns (their outputs, report, messages)."""
        with tempfile.TemporaryDirectory() as folder:
            ready = Path(folder) / "ready"
            wfp = self.run_inside(namespace, WFP, "run", "-q", "--json", "--live", "--duration", "110",
                                  "--ready-file", ready, build(folder, "stream_edit", ACT=action),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
            runs = [subprocess.run(demo.inside(demo.CLIENT, *command), capture_output=True, text=True, timeout=100)
                    for command in commands]
            wfp.send_signal(signal.SIGTERM)
            out, said = wfp.communicate(timeout=30)
            detail = "".join(run.stdout + run.stderr for run in runs) + f"\n{said}\n{out[:1500]}"
            report = json.loads(out)
            self.assertEqual([f["id"] for f in report["findings"]], list(findings), detail)
            self.assertEqual(report["not_injected"], 0, detail)
            self.assertEqual(report["lost"], 0, detail)
            return runs, report, said, detail

    def check(self, namespace, action, edit, message):
        commands = [[sys.executable, "-c", edit + code] for code in (GET, POST)]
        runs, report, said, detail = self.through(namespace, action, *commands)
        self.assertEqual([run.stdout for run in runs], ["same\n", "same\n"], detail)
        self.assertRegex(said, message)
        return said

    def test_pass_through(self):
        self.check(demo.CLIENT, 0, PASS, "replaced 0, deferred none, injected none")

    def test_inspection(self):
        self.check(demo.CLIENT, 5, PASS, "ends 4, replaced 0")

    def test_inline_edit_at_the_client(self):
        self.check(demo.CLIENT, 1, INLINE, "injected some, failed 0")

    def test_inline_edit_at_the_server(self):
        self.check(demo.SERVER, 1, INLINE, "injected some, failed 0")

    def test_out_of_band_edit(self):
        self.check(demo.CLIENT, 2, CAPITAL, "injected some, failed 0")

    def test_out_of_band_edit_at_the_server(self):
        self.check(demo.SERVER, 2, CAPITAL, "injected some, failed 0")

    def test_wanting_more(self):
        self.check(demo.CLIENT, 3, PASS, "injected none")

    def test_deferring(self):
        self.check(demo.CLIENT, 6, PASS, "deferred some")

    def test_drop(self):
        runs, _, _, detail = self.through(demo.CLIENT, 4, [sys.executable, "-c", PASS + GET])
        self.assertRegex(runs[0].stderr, "reset by peer|IncompleteRead", detail)

    def test_curl(self):
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        runs, _, _, detail = self.through(demo.CLIENT, 1, ["curl", "-sS", f"http://{demo.OTHER}/text"])
        self.assertEqual(runs[0].returncode, 0, detail)
        self.assertIn("haystack!", runs[0].stdout)
        self.assertNotIn("needle", runs[0].stdout)

    def test_iperf3_through_pass_through(self):
        if not shutil.which("iperf3"):
            self.skipTest("iperf3 is not installed")
        self.run_inside(demo.SERVER, "iperf3", "-s", "-1", stdout=subprocess.DEVNULL)
        runs, report, said, detail = self.through(demo.CLIENT, 0, ["iperf3", "-c", demo.OTHER, "-t", "3", "--json"])
        self.assertEqual(runs[0].returncode, 0, detail)
        self.assertGreater(json.loads(runs[0].stdout)["end"]["sum_received"]["bytes"], 1 << 20, detail)
        self.assertEqual(report["injected"], 0)


main()
