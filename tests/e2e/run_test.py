"""`wfp run` over captures: counts, JSON contract, bad input and exit codes."""
import json
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BLOCK_IP, DEMO, LOCAL, SOURCE, WFP_CC, compile_driver, main, replay, wfp


def pcap(records, link=1):
    """A pcap file of (bytes, claimed length) records."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    return head + b"".join(struct.pack("<IIII", 1, n, len(data), length) + data
                           for n, (data, length) in enumerate(records))


class Replay(unittest.TestCase):
    def test_the_seed_story(self):
        """Every outbound packet to 168.63.129.16 is blocked, nothing else is."""
        before = replay(DEMO, *LOCAL, "--param", "Addresses=198.51.100.99")
        after = replay(DEMO, *LOCAL)
        self.assertEqual(before["blocked"], 0)
        self.assertEqual(after["packets"], before["packets"])
        # 5 of the TCP conversation, one DNS query, one echo request leave for the blocked address;
        # what belongs to a conversation that never came to be may share its fate
        self.assertGreaterEqual(after["blocked"], 7)
        self.assertEqual(after["permitted"] + after["blocked"], after["packets"])

    def test_document_has_what_the_contract_names(self):
        document = replay(DEMO, *LOCAL)
        for name in ("packets", "permitted", "blocked", "absorbed", "injected", "undecodable", "layers",
                     "drivers", "filters", "findings", "elapsed_s"):
            self.assertIn(name, document)
        driver = document["drivers"][0]
        self.assertEqual(driver["name"], "block_ip")
        self.assertEqual(driver["image_kind"], "so")
        for name in ("key", "id", "layer", "classified", "permit", "block"):
            self.assertIn(name, driver["callouts"][0])
        self.assertEqual(document["findings"], [])
        layer = document["layers"]["FWPM_LAYER_OUTBOUND_TRANSPORT_V4"]
        self.assertEqual(layer["block"], sum(f["blocked"] for f in document["filters"]
                                             if f["layer"] == "FWPM_LAYER_OUTBOUND_TRANSPORT_V4"))

    def test_events_name_what_was_blocked(self):
        document = replay(DEMO, *LOCAL, "--events")
        events = document["events"]
        self.assertEqual((events["seen"], events["lost"]), (document["blocked"], 0))
        for event in events["list"]:
            self.assertEqual(event["type"], "CLASSIFY_DROP")
            self.assertEqual(event["remoteAddr"], "168.63.129.16")
            self.assertEqual(document["layers"][event["layer"]]["block"], len(events["list"]))
            self.assertIn(event["filterId"], [f["id"] for f in document["filters"]])
        self.assertNotIn("events", replay(DEMO, *LOCAL))

    def test_conversations_fragments_and_what_was_given_up_are_counted(self):
        def ip(body, ident=0, fragment=0, protocol=17, source=b"\x01\x02\x03\x04"):
            return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, fragment, 64, protocol, 0,
                               source, b"\x0a\0\0\x04") + body
        datagram = struct.pack("!HHHH", 53, 1000, 32, 0) + b"x" * 24
        records = [ip(datagram, source=struct.pack("!I", 0x01000000 + n)) for n in range(20000)]
        records += [ip(datagram[:16], 1, 0x2000), ip(datagram[16:], 1, 2),      # whole
                    ip(datagram[:16], 2, 0x2000), ip(datagram[:16], 2, 0x2001),  # they overlap
                    ip(datagram[:16], 3, 0x2000)]                               # the rest never comes
        cut = [ip(datagram[:16], 4, 0x2000)[:30]]
        malformed = [b"", b"\x45", b"\x15" * 40, b"\x4f" + b"\0" * 30, ip(b"")[:12], ip(b"\0" * 4), ip(b"\0" * 3, protocol=6)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "many.pcap"
            path.write_bytes(pcap([(r, len(r)) for r in records + malformed] + [(r, 36) for r in cut], link=101))
            document = replay(path, "--local", "10.0.0.4")
            table = wfp("run", "-q", "--read", path, "--local", "10.0.0.4", BLOCK_IP).stdout
        self.assertEqual(document["packets"], len(records) + len(malformed) + len(cut))
        self.assertEqual(document["permitted"] + document["blocked"] + sum(document["undecodable"].values()),
                         document["packets"])
        self.assertEqual(sum(document["undecodable"].values()), len(malformed))
        flows, fragments = document["flows"], document["fragments"]
        self.assertEqual((flows["made"], flows["most"], flows["no_memory"]), (20001, 20001, 0))
        self.assertGreater(flows["bytes"], 20000 * 128)
        self.assertEqual({name: fragments[name] for name in ("seen", "datagrams", "contradicted", "cut")},
                         {"seen": 6, "datagrams": 1, "contradicted": 1, "cut": 1})
        self.assertIn("flows: 20001 made", table)
        self.assertIn("fragments: 6, 1 datagrams put together", table)
        self.assertIn("1 datagrams given up: fragments overlap or disagree", table)

    def test_prefixes_and_ipv6_from_the_registry(self):
        layers = replay(DEMO, *LOCAL, "--param", "Addresses=203.0.113.0/24, 2001:db8::10")["layers"]
        self.assertGreater(layers["FWPM_LAYER_OUTBOUND_TRANSPORT_V4"]["block"], 0)
        self.assertGreater(layers["FWPM_LAYER_OUTBOUND_TRANSPORT_V6"]["block"], 0)

    def test_same_input_same_bytes(self):
        def stable():
            document = replay(DEMO, *LOCAL)
            document.pop("elapsed_s")
            return json.dumps(document)
        self.assertEqual(stable(), stable())

    def test_verbose_names_verdict_layer_filter_and_callout(self):
        run = wfp("run", "-v", "--read", DEMO, *LOCAL, BLOCK_IP)
        line = next(l for l in run.stdout.splitlines() if "168.63.129.16:80" in l)
        self.assertIn("BLOCK at OUTBOUND_TRANSPORT_V4", line)
        self.assertIn("block_ip outbound IPv4", line)
        self.assertIn("callout", line)

    def test_debug_print_shows_what_the_driver_logs(self):
        run = wfp("run", "-d", "--read", DEMO, *LOCAL, BLOCK_IP)
        self.assertIn("10.0.0.4:50001 -> 203.0.113.10:80", run.stderr)
        self.assertNotIn("-> 168.63.129.16", run.stderr)

    def test_the_same_driver_twice(self):
        """The second finds its names taken, and says so."""
        with tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / "second.so"
            shutil.copy(BLOCK_IP, other)
            run = wfp("run", "-q", "--json", "--read", DEMO, *LOCAL, other, BLOCK_IP)
            self.assertEqual(run.returncode, 1)
            self.assertIn("DriverEntry failed", run.stderr)


class Show(unittest.TestCase):
    def test_what_is_built_in(self):
        run = wfp("show", "state", "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        document = json.loads(run.stdout)
        self.assertEqual(len(document["layers"]), 99)
        universal = [s for s in document["sublayers"] if s["name"] == "FWPM_SUBLAYER_UNIVERSAL"]
        self.assertEqual([s["weight"] for s in universal], [0x8000])
        self.assertEqual(document["filters"], [])

    def test_wrong_words(self):
        self.assertEqual(wfp("show").returncode, 2)
        self.assertEqual(wfp("show", "clouds").returncode, 2)
        self.assertEqual(wfp("show", "filters", "--from", "/nonexistent.xml").returncode, 3)


class WrittenCapture(unittest.TestCase):
    def test_wireshark_reads_the_story(self):
        if not shutil.which("tshark"):
            self.skipTest("tshark is not installed")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.pcapng"
            document = replay(DEMO, *LOCAL, "--write", out)
            rows = subprocess.run(["tshark", "-r", out, "-T", "fields", "-e", "frame.number", "-e", "frame.comment"],
                                  capture_output=True, text=True, check=True).stdout.splitlines()
            self.assertEqual(len(rows), document["packets"])
            self.assertEqual(sum("BLOCK" in r for r in rows), document["blocked"])
            self.assertTrue(all("path:" in r for r in rows))


class BadInput(unittest.TestCase):
    def refuse(self, code, text, *words):
        run = wfp(*words)
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertIn(text, run.stderr)
        self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)

    def test_usage(self):
        self.refuse(2, "there is no verb 'fly'", "fly")
        self.refuse(2, "--read FILE or --live", "run", BLOCK_IP)
        self.refuse(2, "exclude each other", "run", "--live", "--read", DEMO, BLOCK_IP)
        self.refuse(2, "at least one driver", "run", "--read", DEMO)
        self.refuse(2, "there is no option '--bogus'", "run", "--bogus")
        self.refuse(2, "option '--read' needs a value", "run", BLOCK_IP, "--read")
        self.refuse(2, "option '--quiet=yes' takes no value", "run", "--quiet=yes", BLOCK_IP)
        self.refuse(2, "there is no option '--bogus'", "device", "list", "--bogus")
        self.refuse(2, "--local '10.0.0.0/33'", "run", "--read", DEMO, "--local", "10.0.0.0/33", BLOCK_IP)
        self.refuse(2, "--process is for captures", "run", "--live", "--process", "System", BLOCK_IP)
        self.refuse(2, "--process needs", "run", "--read", DEMO, "--process", "", BLOCK_IP)
        self.refuse(2, "[DRIVER:]NAME=VALUE", "run", "--read", DEMO, "--param", "nonsense", BLOCK_IP)

    def test_unreadable_files(self):
        self.refuse(3, "/nonexistent.pcap", "run", "--read", "/nonexistent.pcap", BLOCK_IP)
        self.refuse(3, "/nonexistent.so", "run", "--read", DEMO, "/nonexistent.so")

    def test_files_that_are_no_images(self):
        self.refuse(1, "demo.pcap", "run", "--read", DEMO, DEMO)
        self.refuse(1, "libc", "run", "--read", DEMO, "/lib/x86_64-linux-gnu/libc.so.6")

    def test_not_a_capture(self):
        self.refuse(3, "README.md", "run", "--read", SOURCE / "README.md", BLOCK_IP)

    def test_truncated_capture_is_decided_as_far_as_it_goes(self):
        with tempfile.TemporaryDirectory() as folder:
            cut = Path(folder) / "cut.pcap"
            cut.write_bytes(DEMO.read_bytes()[:-10])
            run = wfp("run", "-q", "--json", "--read", cut, *LOCAL, BLOCK_IP)
            self.assertEqual(run.returncode, 3)
            document = json.loads(run.stdout)
            self.assertEqual(document["packets"], replay(DEMO, *LOCAL)["packets"] - 1)
            self.assertIn("cut.pcap", document["trouble"])

    def test_link_types_we_do_not_decode_are_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / "usb.pcap"
            other.write_bytes(pcap([(b"\0" * 64, 64)] * 3, link=189))
            self.assertEqual(sum(replay(other, *LOCAL)["undecodable"].values()), 3)
            table = wfp("run", "-q", "--read", other, *LOCAL, BLOCK_IP).stdout
            self.assertIn("undecodable: 3 LINK_TYPE (link type not decoded: 189, USB, Linux)", table)

    def test_hostile_packets_are_counted_by_reason(self):
        ether = b"\2" * 12 + b"\x08\x00"
        good = bytes.fromhex("4500001c00004000401100000a000004cb00710a0035003500080000")
        hostile = [good[:0], good[:5], b"\x43" + good[1:], b"\x4f" + good[1:], b"\x75" + good[1:],
                   good[:2] + b"\xff\xff" + good[4:], good[:2] + b"\0\5" + good[4:], good[:24]]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "hostile.pcap"
            path.write_bytes(pcap([(ether + p, len(ether + p)) for p in hostile + [good]]))
            document = replay(path, *LOCAL)
            self.assertEqual(document["packets"], len(hostile) + 1)
            self.assertEqual(document["permitted"] + document["blocked"] + sum(document["undecodable"].values()),
                             document["packets"])
            self.assertGreaterEqual(sum(document["undecodable"].values()), 5)


ENTRY_FAILS = """
#include <ntddk.h>
NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    void *kept = ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, 'fooL');
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    return kept ? STATUS_DEVICE_CONFIGURATION_ERROR : STATUS_NO_MEMORY;
}
"""


class BadDrivers(unittest.TestCase):
    def test_a_driver_that_does_not_build(self):
        with tempfile.TemporaryDirectory() as folder:
            run, image = compile_driver(folder, "broken", "#include <ntddk.h>\nint x = ;\n")
            self.assertEqual(run.returncode, 1)
            self.assertIn("broken.c:2", run.stderr)
            self.assertFalse(image.exists())

    def test_wfp_cc_usage(self):
        self.assertEqual(subprocess.run([WFP_CC], capture_output=True, text=True).returncode, 2)

    def test_a_driver_without_driver_entry(self):
        with tempfile.TemporaryDirectory() as folder:
            run, image = compile_driver(folder, "empty", "int unused = 1;\n")
            if run.returncode == 0:
                run = wfp("run", "--read", DEMO, image)
            self.assertEqual(run.returncode, 1)
            self.assertIn("DriverEntry", run.stderr)

    def test_a_driver_entry_that_fails_half_way(self):
        with tempfile.TemporaryDirectory() as folder:
            built, image = compile_driver(folder, "half", ENTRY_FAILS)
            self.assertEqual(built.returncode, 0, built.stderr)
            run = wfp("run", "--read", DEMO, image)
            self.assertEqual(run.returncode, 1)
            self.assertIn("0xc0000182", run.stderr.lower())


if __name__ == "__main__":
    main()
