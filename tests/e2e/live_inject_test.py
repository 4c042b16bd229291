"""Live: every packet is taken out and put back by a driver, in every way there is; HTTP does not notice.

The client's namespace runs the driver; one small page and a file that takes super-packets both ways.
"""
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import SANITIZED, SOURCE, WFP, WFP_CC, main
from live_test import BetweenNamespaces, demo

BIG = 400_000
FETCH = f"""
import urllib.request as u
data = bytes(i * 7 % 251 for i in range({BIG}))
assert u.urlopen("http://{demo.OTHER}/big", timeout=20).read() == data, "GET"
sent = u.urlopen(u.Request("http://{demo.OTHER}/", data=data), timeout=20).read()
assert sent == str(sum(data)).encode(), "POST"
print("same")
"""
FETCH_ONE = f"""
import time, urllib.request as u
start = time.monotonic()
got = u.urlopen("http://{demo.OTHER}/", timeout=8).read().decode()
print(got, time.monotonic() - start)
"""
SERVE = f"""
import http.server
data = bytes(i * 7 % 251 for i in range({BIG}))
class H(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(data if self.path == "/big" else b"up")
    def do_POST(self):
        self.answer(str(sum(self.rfile.read(int(self.headers["Content-Length"])))).encode())
http.server.ThreadingHTTPServer(("", 80), H).serve_forever()
"""


def build(folder, name, kind="so", **words):
    image = Path(folder) / f"{name}.{kind}"
    target = ["--target", "windows"] if kind == "sys" else []
    drivers = SOURCE / "tests" / "drivers"
    run = subprocess.run([WFP_CC, *target, f"-I{drivers}", *(f"-D{k}={v}" for k, v in words.items()), "-o", image,
                          drivers / f"{name}.c"],
                         capture_output=True, text=True, timeout=120)
    if run.returncode:
        raise AssertionError(run.stderr)
    return image


class Inject(BetweenNamespaces):
    def setUp(self):
        super().setUp()
        self.serve(SERVE)

    def fetch(self, namespace, name, code, **words):
        """Run a driver in a namespace, a client in its own. Returns (its output, report, messages)."""
        with tempfile.TemporaryDirectory() as folder:
            ready = Path(folder) / "ready"
            wfp = self.run_inside(namespace, WFP, "run", "-q", "--json", "--live", "--duration", "90",
                                  "--ready-file", ready, build(folder, name, **words),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
            fetched = subprocess.run(demo.inside(demo.CLIENT, sys.executable, "-c", code),
                                     capture_output=True, text=True, timeout=60)
            wfp.send_signal(signal.SIGTERM)
            out, said = wfp.communicate(timeout=30)
            detail = f"{fetched.stderr}\n{said}\n{out[:1500]}"
            report = json.loads(out)
            self.assertEqual(wfp.returncode, 0, detail)
            self.assertEqual(report["findings"], [])
            self.assertEqual(report["not_injected"], 0, detail)
            self.assertEqual(report["lost"], 0)
            return fetched.stdout, report, said, detail

    def check(self, way, copy):
        got, report, said, detail = self.fetch(demo.CLIENT, "reinject_live", FETCH, WAY=way, COPY=copy)
        self.assertEqual(got, "same\n", detail)
        self.assertGreater(report["injected"], 20)
        self.assertEqual(report["injected"], report["absorbed"])
        self.assertIn("taken some, failed 0, all completed, all seen again", said)

    def test_network_send(self):
        self.check(1, 0)

    def test_network_send_of_a_copy(self):
        self.check(1, 1)

    def test_transport_send(self):
        self.check(2, 0)

    def test_transport_send_of_a_copy(self):
        self.check(2, 1)

    def test_network_receive(self):
        self.check(3, 0)

    def test_network_receive_of_a_copy(self):
        self.check(3, 1)

    def test_transport_receive(self):
        self.check(4, 0)

    def test_transport_receive_of_a_copy(self):
        self.check(4, 1)

    def test_a_pended_connect_waits(self):
        # 300 ms: the SYN is held; 1500 ms: longer than it is held, and than the first repetition
        for wait in (300, 1500):
            got, report, said, detail = self.fetch(demo.CLIENT, "pend", FETCH_ONE, INBOUND=0, REFUSE=0, WAIT=wait)
            self.assertEqual(got.split()[0], "up", detail)
            self.assertGreaterEqual(float(got.split()[1]), wait / 1000, detail)
            self.assertRegex(said, "pended [1-9]")

    def test_a_pended_connect_is_refused(self):
        got, report, said, detail = self.fetch(demo.CLIENT, "pend", FETCH_ONE, INBOUND=0, REFUSE=1, WAIT=10)
        self.assertEqual(got, "", detail)
        self.assertRegex(said, "pended [1-9].*, again [1-9]")

    def test_a_pended_accept_waits(self):
        for kind in ("so",) if SANITIZED else ("so", "sys"):
            got, report, said, detail = self.fetch(demo.SERVER, "pend", FETCH_ONE, kind=kind, INBOUND=1, REFUSE=0, WAIT=300)
            self.assertEqual(got.split()[0], "up", detail)
            self.assertGreaterEqual(float(got.split()[1]), 0.3, detail)
            self.assertRegex(said, "pended 1, again 0, mine 1")


if __name__ == "__main__":
    main()
