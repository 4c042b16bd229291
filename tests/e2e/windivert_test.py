"""The signed WinDivert64.sys 2.2, unmodified, with a client of our own, over a capture: all its layers."""
import collections
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from device_test import HERE, wait_for_socket
from harness import DEMO, LOCAL, SANITIZED, SOURCE, WFP, main


def fetch():
    """Path of the driver; skips, loudly, where it cannot be fetched."""
    if SANITIZED:
        raise unittest.SkipTest("a .sys needs the GS base, which the sanitizer's runtime does not expect")
    run = subprocess.run([SOURCE / "tests" / "e2e" / "fetch-windivert", HERE], capture_output=True, text=True)
    if run.returncode == 77:
        raise unittest.SkipTest(run.stdout.strip())
    if run.returncode:
        raise AssertionError(run.stdout + run.stderr)
    return run.stdout.strip()


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.driver = fetch()
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)

    def divert(self, *clients, local=LOCAL, words=(), capture=DEMO):
        """Run a replay with clients (each a list of words). Returns (report, [lines of each client])."""
        path = Path(self.folder.name) / f"{os.urandom(4).hex()}.sock"
        wfp = subprocess.Popen([str(w) for w in (
            WFP, "run", "-q", "--json", "--read", capture, *local, "--control", path, "--clients", len(clients),
            *words, self.driver)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running = []
        try:
            wait_for_socket(path, wfp)
            for client in clients:
                process = subprocess.Popen([HERE / "windivert_client", path, *client], stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, text=True)
                running.append(process)
                said = ""
                while "started" not in said:
                    line = process.stderr.readline()
                    self.assertTrue(line, "the client ended early: " + said)
                    said += line
            lines = []
            for process in running:
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 0, err)
                lines.append(out.splitlines())
            out, err = wfp.communicate(timeout=60)
        finally:
            for process in [wfp, *running]:
                process.kill()
                process.communicate()
        self.assertEqual(wfp.returncode, 0, err)
        report = json.loads(out)
        self.assertEqual(report["findings"], [])
        return report, lines

    def test_network_layer_receives_and_sends_back(self):
        report, [lines] = self.divert(["network", "-", "true"])
        self.assertEqual(len(lines), report["packets"])
        self.assertEqual(report["absorbed"], report["packets"])
        self.assertEqual(report["injected"], report["packets"])
        self.assertTrue(all(line.startswith("packet ") for line in lines))

    def test_network_layer_drops_and_changes(self):
        out = Path(self.folder.name) / "out.pcapng"
        report, [lines] = self.divert(["network", "-", "outbound=1", "53:drop", "80:ttl"], words=["--write", out])
        verdicts = collections.Counter(line.split()[-1] for line in lines)
        self.assertGreater(verdicts["dropped"], 2)
        self.assertGreater(verdicts["changed"], 5)
        self.assertEqual(report["absorbed"], len(lines))
        self.assertEqual(report["injected"], len(lines) - verdicts["dropped"])
        changed = [p for p in ip_packets(out.read_bytes()) if p[0] >> 4 == 4 and p[8] == 42]
        self.assertEqual(len(changed), sum("changed" in line and " 6 " in line and int(line.split()[4]) != 60
                                           and int(line.split()[4]) != 100 for line in lines))
        for packet in changed:
            self.assertEqual(checksum(packet[:20]), 0)  # the driver worked it out

    def test_a_filter_is_the_drivers(self):
        _, [lines] = self.divert(["network", "-", "udp=1,outbound=1,udp.DstPort=53"])
        self.assertEqual([line.split()[1:4] for line in lines],
                         [["out", "17", f"{port}>53"] for port in (50000, 50003, 50005)])

    def test_sniffing_leaves_the_traffic_alone(self):
        report, [lines] = self.divert(["network", "sniff", "tcp=1"])
        self.assertGreater(len(lines), 10)
        self.assertEqual((report["absorbed"], report["injected"]), (0, 0))
        self.assertEqual(report["permitted"], report["packets"])

    def test_drop_needs_no_reader(self):
        report, [lines] = self.divert(["network", "drop", "udp=1"])
        self.assertEqual(lines, [])
        self.assertEqual(report["blocked"], 5)
        self.assertEqual(report["injected"], 0)

    def test_forward_layer(self):
        elsewhere = ["--local", "198.18.0.1"]
        plain, [none] = self.divert(["network", "-", "true"], local=elsewhere)
        report, [lines] = self.divert(["forward", "-", "true", "53:drop"], local=elsewhere)
        self.assertEqual(none, [])
        self.assertGreater(len(lines), 20)
        dropped = sum("dropped" in line for line in lines)
        self.assertGreater(dropped, 0)
        self.assertEqual(report["absorbed"], len(lines))
        self.assertEqual(report["injected"], len(lines) - dropped)
        self.assertEqual(report["packets"], plain["packets"])

    def test_flow_layer(self):
        report, [lines] = self.divert(["flow", "sniff,recv-only", "true"])
        established = [line.split(" ", 1)[1] for line in lines if line.startswith("established")]
        deleted = [line.split(" ", 1)[1] for line in lines if line.startswith("deleted")]
        self.assertIn("out 6 10.0.0.4:50001 203.0.113.10:80", established)
        self.assertIn("out 17 2001:db8::4:50005 2001:db8:bad::16:53", established)
        self.assertIn("out 6 10.0.0.4:50001 203.0.113.10:80", deleted)
        self.assertLessEqual(set(deleted), set(established))
        self.assertEqual(report["permitted"], report["packets"])

    def test_socket_layer(self):
        report, [lines] = self.divert(["socket", "sniff,recv-only", "tcp=1"])
        self.assertEqual([line.split()[0] for line in lines if ":50001 " in line],
                         ["bind", "connect", "close", "close"])
        self.assertFalse(any("without an endpoint" in line for line in lines))
        self.assertEqual(report["permitted"], report["packets"])

    def test_socket_layer_of_a_server(self):
        _, [lines] = self.divert(["socket", "sniff,recv-only", "tcp=1"], local=["--local", "203.0.113.10"])
        mine = [line.split()[0] for line in lines if "203.0.113.10:80" in line]
        self.assertEqual(mine[:3], ["bind", "listen", "accept"], lines)
        self.assertIn("close", mine)

    def test_socket_layer_refuses(self):
        report, [lines] = self.divert(["socket", "recv-only", "tcp=1,event=4"])
        self.assertTrue(lines and all(line.startswith("connect") for line in lines))
        self.assertGreater(report["blocked"], 10)

    def test_reflect_layer_sees_other_handles(self):
        _, [reflected, packets] = self.divert(["reflect", "sniff,recv-only", "true"], ["network", "sniff", "udp=1"])
        self.assertEqual(len(packets), 5)
        self.assertIn("open layer 0 priority 0 flags 0x1", "\n".join(reflected))
        self.assertIn("closed layer 0 priority 0 flags 0x1", "\n".join(reflected))

    def test_two_handles_in_turn(self):
        """Same priority: both see each packet, the later handle first; none sees one twice."""
        report, [first, second] = self.divert(["network", "-", "udp=1"], ["network", "-", "udp=1"])
        self.assertEqual((len(first), len(second)), (5, 5))
        self.assertEqual(report["injected"], 10)

    def test_the_same_again(self):
        def once():
            report, lines = self.divert(["network", "-", "true", "53:drop", "80:ttl"])
            report.pop("elapsed_s")
            return json.dumps(report), lines
        self.assertEqual(once(), once())


def checksum(header):
    total = sum(int.from_bytes(header[i:i + 2], "big") for i in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip_packets(data):
    """The packets of a pcapng written by wfp run, without their Ethernet headers."""
    at = 0
    while at < len(data):
        kind, length = (int.from_bytes(data[i:i + 4], "little") for i in (at, at + 4))
        if kind == 6:
            captured = int.from_bytes(data[at + 20:at + 24], "little")
            packet = data[at + 28:at + 28 + captured]
            yield packet[14:] if packet[12:14] in (b"\x08\0", b"\x86\xdd") else packet
        at += length


if __name__ == "__main__":
    main()
