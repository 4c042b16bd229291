"""Small drivers, as .so and as .sys: each loads, decides, unloads without a finding; both images agree."""
import json
import re
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BUILD, DEMO, LOCAL, SANITIZED, SOURCE, WFP_CC, main, wfp

DRIVERS = SOURCE / "tests" / "drivers"


def build(folder, name, kind, *flags, source=None):
    """@p source: one or a list, instead of NAME.c or NAME.cpp among the test drivers"""
    image = Path(folder) / f"{name}.{kind}"
    source = source or next(DRIVERS.glob(f"{name}.c*"))
    sources = source if isinstance(source, list) else [source]
    target = ["--target", "windows"] if kind == "sys" else []
    words = [WFP_CC, *target, f"-I{DRIVERS}", *flags, "-o", image, *sources]
    run = subprocess.run(words, capture_output=True, text=True, timeout=120)
    if run.returncode:
        raise AssertionError(run.stderr)
    return image


def ethernet_capture(folder):
    """ARP both ways, a tagged question and answer, LLDP, an untagged question and answer."""
    host, router, everyone = bytes.fromhex("020000000004"), bytes.fromhex("020000000001"), b"\xff" * 6
    here, there = bytes([10, 0, 0, 4]), bytes([10, 0, 0, 1])

    def arp(op, mac, ip, to_mac, to_ip):
        return struct.pack("!HHHBBH", 0x806, 1, 0x800, 6, 4, op) + mac + ip + to_mac + to_ip

    def udp(source, port, destination, to_port, payload):
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 1, 0, 64, 17, 0, source, destination)
        total = sum(struct.unpack("!10H", header))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        header = header[:10] + struct.pack("!H", total ^ 0xffff) + header[12:]
        return b"\x08\x00" + header + struct.pack("!HHHH", port, to_port, 8 + len(payload), 0) + payload

    question = udp(here, 4000, there, 53, b"question")
    answer = udp(there, 53, here, 4000, b"answer")
    frames = [everyone + host + arp(1, host, here, bytes(6), there),
              host + router + arp(2, router, there, host, here),
              router + host + b"\x81\x00\x00\x2a" + question,
              host + router + b"\x81\x00\x00\x2a" + answer,
              bytes.fromhex("0180c200000e") + router + b"\x88\xcc" + b"lldp" * 10,
              router + host + question,
              host + router + answer]
    path = Path(folder) / "frames.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + b"".join(
        struct.pack("<IIII", 1700000000, i * 1000, len(f), len(f)) + f for i, f in enumerate(frames)))
    return path


def server_capture(folder):
    """Two connections to 10.0.0.4:8080, by their handshakes."""
    def tcp(source, port, destination, to_port, flags):
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, source, destination)
        total = sum(struct.unpack("!10H", header))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        header = header[:10] + struct.pack("!H", total ^ 0xffff) + header[12:]
        return header + struct.pack("!HHIIBBHHH", port, to_port, 1, 1, 0x50, flags, 1024, 0, 0)

    here, there = bytes([10, 0, 0, 4]), bytes([192, 0, 2, 9])
    packets = [tcp(*ends, flags) for port in (4000, 4001) for ends, flags in (
        ((there, port, here, 8080), 2), ((here, 8080, there, port), 0x12), ((there, port, here, 8080), 0x10))]
    path = Path(folder) / "server.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101) + b"".join(
        struct.pack("<IIII", 1700000000, i * 1000, len(p), len(p)) + p for i, p in enumerate(packets)))
    return path


def decide(image, local=LOCAL, code=0, capture=DEMO):
    run = wfp("run", "-q", "--json", "--read", capture, *local, image)
    if run.returncode != code:
        raise AssertionError(f"exit code {run.returncode}\n{run.stderr}\n{run.stdout[-3000:]}")
    return json.loads(run.stdout), run.stderr


def stable(document):
    """Without what may differ between images: kind, path, time, what the compiler inlined where."""
    document = json.loads(json.dumps(document))
    document.pop("elapsed_s")
    for finding in document["findings"]:
        for part in ("file", "line", "function", "place"):
            finding.pop(part)
    for driver in document["drivers"]:
        driver.pop("image"), driver.pop("image_kind")
    return document


class Drivers(unittest.TestCase):
    def check_both(self, name, *flags, local=LOCAL, findings=(), source=None, capture=None):
        if SANITIZED:
            kinds = ["so"]  # a .sys needs the GS base, which the sanitizer's runtime does not expect
        else:
            kinds = ["so", "sys"]
        with tempfile.TemporaryDirectory() as folder:
            code = 1 if findings else 0
            read = capture(folder) if capture else DEMO
            found = [decide(build(folder, name, kind, *flags, source=source), local, code, read)
                     for kind in kinds]
            for document, _ in found:
                self.assertEqual([f["id"] for f in document["findings"]], list(findings))
            self.assertEqual(stable(found[0][0]), stable(found[-1][0]))
            return found[0]

    def test_stream_driver_sees_every_byte_whatever_it_does(self):
        said = "in 82, out 84, ends 4, replaced 0, deferred none, injected {}, failed 0"
        for action, injected in ((0, "none"), (1, "none"), (2, "some"), (5, "none")):
            _, messages = self.check_both("stream_edit", f"-DACT={action}", local=["--local", "10.0.0.4"])
            self.assertIn(said.format(injected), messages)
            self.assertNotIn("no list", messages)
            self.assertNotIn("more is to come", messages)

    def test_tutorial_driver_blocks_its_address(self):
        document, _ = self.check_both("tutorial")
        self.assertEqual(document["blocked"], 7)

    def test_wdm_driver_with_conditions_and_a_version_0_callout(self):
        document, said = self.check_both("wdm_block")
        self.assertEqual(document["blocked"], 2)  # two DNS queries leave
        self.assertEqual(document["drivers"][0]["callouts"][0]["classified"], 2)
        self.assertNotIn("do not balance", said)

    def test_reinjected_clones_come_back_once(self):
        document, said = self.check_both("reinject")
        self.assertEqual(document["injected"], 16)
        self.assertEqual(document["absorbed"], 16)
        self.assertIn("completed 16, not injected 16, by self 16, other 0", said)

    def test_pended_connects_go_on_when_they_are_completed(self):
        document, said = self.check_both("pend", "-DINBOUND=0", "-DREFUSE=0", "-DWAIT=0")
        self.assertEqual((document["absorbed"], document["permitted"], document["injected"]), (6, 31, 4))
        self.assertIn("pended 6, again 6, mine 0, could not pend again 6, sent 4, completed 4", said)

    def redirected(self, *flags, **kwargs):
        document, said = self.check_both("redirect", *flags, **kwargs)
        words = said[said.find("asked "):]
        return document, {k.strip(): int(v) for k, v in re.findall(r"([a-z ]+) (\d+)", words)}

    def test_redirected_connections_are_told_of_at_auth_connect(self):
        for flags in ([], ["-DHOW=1"], ["-DHOW=2"], ["-DTO=0xc6336401"], ["-DLOCAL=0x0a000007"]):
            document, counts = self.redirected(*flags)
            self.assertEqual((counts["asked"], counts["told"], counts["straight"]), (2, 2, 0), flags)
            for name in ("by self", "context", "original", "pid", "elsewhere"):
                self.assertEqual(counts[name], 2, (flags, name))
            self.assertEqual(document["blocked"], 2 if "HOW" in str(flags) else 0)  # the absorbed ones

    def test_a_redirection_may_be_refused_later(self):
        document, counts = self.redirected("-DHOW=3")
        self.assertEqual((counts["told"], document["absorbed"]), (0, 2))
        self.assertEqual(document["blocked"], 9)

    def test_written_captures_show_where_redirected_packets_went(self):
        with tempfile.TemporaryDirectory() as folder:
            written = [Path(folder) / name for name in ("once.pcapng", "twice.pcapng")]
            image = build(folder, "redirect", "so")
            for path in written:
                run = wfp("run", "-q", "--json", "--read", DEMO, *LOCAL, "--write", path, image)
                self.assertEqual(run.returncode, 0, run.stderr)
            data = written[0].read_bytes()
            self.assertEqual(data, written[1].read_bytes())
        server, proxy, client = (bytes(map(int, a.split("."))) for a in ("203.0.113.10", "127.0.0.1", "10.0.0.4"))
        self.assertEqual(data.count(client + server) + data.count(server + client), 0)
        tcp = data.count(client + proxy + bytes.fromhex("c3511f90")), data.count(proxy + client + bytes.fromhex("1f90c351"))
        self.assertEqual(tcp, (5, 3))  # 50001 > 8080 and back

    def simulated(self, what, name, *flags):
        with tempfile.TemporaryDirectory() as folder:
            image = build(folder, name, "so", *flags)
            run = subprocess.run([BUILD / "tests" / "e2e" / "redirect_sim", what, image], capture_output=True, text=True,
                                 timeout=60)
            self.assertEqual(run.returncode, 0, run.stderr)

    def test_redirection_on_the_simulated_machine(self):
        self.simulated("connect", "redirect")
        self.simulated("moved", "move_server")

    def test_a_server_in_a_capture_is_shown_where_it_was_moved(self):
        document, said = self.check_both("move_server", "-DFROM=8080", "-DTO=7000", capture=server_capture)
        self.assertIn("bound 1, listened 1, accepted 2, straight 0", said)
        self.assertEqual(document["blocked"], 0)

    def test_what_breaks_the_redirect_rules_has_a_name(self):
        for flags, findings in ((["-DBAD=1"], ["layer-data-not-applied"]),
                                (["-DBAD=2"], ["classify-handle-leak"]),
                                (["-DHOW=1", "-DBAD=3"], ["bad-pend"]),
                                (["-DBAD=4"], ["bad-object", "bad-object"]),
                                (["-DBAD=5"], ["redirect-refused"]),
                                (["-DHOW=1", "-DBAD=6"], ["pend-leak"]),
                                (["-DBAD=7"], [])):
            document, _ = self.redirected(*flags, findings=findings)

    def frames(self, *flags):
        """A replay of frames with ARP, a tag and LLDP among them. Returns (report, counts per layer, totals)."""
        document, said = self.check_both("mac", *flags, capture=ethernet_capture, local=["--local", "10.0.0.4"])
        layers = [tuple(map(int, found)) for found in re.findall(
            r"\d: frames (\d+), right (\d+), arp (\d+), tagged (\d+), own (\d+)", said)]
        return document, layers, re.search(r"taken.*", said)[0]

    def test_frames_are_seen_at_the_mac_layers(self):
        document, layers, _ = self.frames()
        # inbound native and Ethernet, outbound Ethernet and native; the own address is known from the second on
        self.assertEqual(layers, [(4, 4, 0, 0, 0), (4, 4, 1, 1, 3), (3, 3, 1, 1, 2), (3, 3, 0, 0, 0)])
        self.assertEqual((document["permitted"], sum(document["undecodable"].values())), (7, 0))

    def test_a_frame_without_ip_is_blocked(self):
        document, _, _ = self.frames("-DBLOCK=0x0806")
        self.assertEqual((document["permitted"], document["blocked"]), (6, 1))

    def test_frames_taken_out_come_back_once(self):
        document, layers, totals = self.frames("-DREINJECT=1")
        self.assertEqual(totals, "taken 7, mine 7, completed 7, failed 0")
        self.assertEqual((document["absorbed"], document["injected"]), (7, 7))

    def test_what_breaks_the_rules_of_packets_has_a_name(self):
        source = (DRIVERS / "breaks.c").read_text().splitlines()
        for what, finding, absorbed, call in ((1, "nbl-freed", 0, "FwpsInjectNetworkSendAsync"),
                                              (2, "nbl-freed", 0, "FwpsFreeCloneNetBufferList"),
                                              (3, "unbalanced-reference", 0, "FwpsDereferenceNetBufferList"),
                                              (4, "inject-loop", 1, "FwpsInjectNetworkSendAsync"),
                                              (5, "nbl-freed", 1, "FwpsFreeCloneNetBufferList"),
                                              (6, "bad-object", 0, "FwpsFreeNetBufferList")):
            kinds = ["so"] if SANITIZED else ["so", "sys"]
            with tempfile.TemporaryDirectory() as folder:
                for kind in kinds:
                    document, said = decide(build(folder, "breaks", kind, f"-DWHAT={what}"), code=1)
                    self.assertEqual([f["id"] for f in document["findings"]], [finding], what)
                    self.assertIn(f"{call}(", source[document["findings"][0]["line"] - 1], (what, kind))
                    self.assertEqual((document["absorbed"], document["permitted"]), (absorbed, 37 - absorbed), what)
                    self.assertNotIn("a freed list was injected", said)
                    if what == 4:
                        self.assertIn("last by breaks: protocol 17, 10.0.0.4 port 50000 to 192.0.2.53 port 53",
                                      document["findings"][0]["message"])

    def test_what_breaks_the_rules_of_streams_has_a_name(self):
        with tempfile.TemporaryDirectory() as folder:
            for what, finding, message in (
                    (1, "bad-stream-answer", "countBytesEnforced is more than was shown"),
                    (2, "bad-stream-answer", "NEED_MORE_DATA, but countBytesRequired is 0"),
                    (3, "bad-stream-answer", "streamAction is no FWPS_STREAM_ACTION_TYPE"),
                    (4, "bad-stream-answer", "DEFER of outbound data"),
                    (5, "bad-stream-answer", "NEED_MORE_DATA, but classifyOut said that there is no more"),
                    (6, "bad-stream-answer", "DROP_CONNECTION by an inspection callout"),
                    (7, "bad-stream-answer", "neither streamAction nor actionType is set"),
                    (8, "bad-stream-answer", "FwpsStreamContinue is called from inside classify"),
                    (9, "nbl-freed", "freed"), (10, "bad-object", ""), (11, "nbl-leak", ""),
                    (12, "changed-in-place", "data are changed in place at STREAM_V4"),
                    (13, "bad-object", "dataLength")):
                document, said = decide(build(folder, "breaks_stream", "so", f"-DWHAT={what}"), code=1)
                self.assertTrue(document["findings"], what)
                for found in document["findings"]:
                    self.assertEqual(found["id"], finding, what)
                    self.assertIn(message, found["message"], what)
                    self.assertEqual((found["driver"], found["file"][-15:]), ("breaks_stream", "breaks_stream.c"))
                # what is held for more data goes on in the stack's own segments
                self.assertEqual(document["permitted"] + document["absorbed"], 37, what)
                self.assertEqual(document["blocked"], document["absorbed"], what)
                self.assertEqual(document["absorbed"] > 0, what == 2, what)
                self.assertNotIn("breaks_stream: injected", said)

    def test_an_operation_that_is_completed_twice_is_a_finding(self):
        document, _ = self.check_both("pend", "-DINBOUND=0", "-DREFUSE=0", "-DWAIT=0", "-DTWICE", findings=["bad-pend"])
        self.assertEqual((document["absorbed"], document["permitted"]), (6, 31))

    def test_pended_connects_may_be_refused_later(self):
        document, said = self.check_both("pend", "-DINBOUND=0", "-DREFUSE=1", "-DWAIT=0")
        # IPv6 has 9; 6 answers come in as conversations of their own, which 2 later requests then join
        self.assertEqual(document["permitted"], 17)
        self.assertEqual(document["layers"]["FWPM_LAYER_ALE_AUTH_CONNECT_V4"]["permit"], 0)
        self.assertNotIn("again 0", said)

    def test_pended_accepts_end_with_the_injected_packet(self):
        document, said = self.check_both("pend", "-DINBOUND=1", "-DREFUSE=0", "-DWAIT=0",
                                         local=["--local", "203.0.113.10", "--local", "168.63.129.16"])
        self.assertEqual((document["absorbed"], document["injected"]), (5, 5))
        self.assertIn("pended 5, again 0, mine 5, could not pend again 0, sent 5, completed 5", said)

    def test_an_operation_that_is_never_completed_is_a_finding(self):
        with tempfile.TemporaryDirectory() as folder:
            image = build(folder, "pend", "so", "-DINBOUND=0", "-DREFUSE=0", "-DWAIT=0", "-DFORGET")
            run = wfp("run", "-q", "--json", "--read", DEMO, *LOCAL, image)
        document = json.loads(run.stdout)
        self.assertNotEqual(run.returncode, 0)
        self.assertEqual([f["id"] for f in document["findings"]], ["pend-leak"])
        self.assertEqual(document["findings"][0]["driver"], "pend")

    def test_a_worker_thread_completes_and_injects(self):
        document, said = self.check_both("worker")
        self.assertEqual((document["absorbed"], document["permitted"], document["injected"]), (28, 9, 28))
        self.assertIn("connects 6, accepts 0, packets 24, again 6, mine 28, sent 28, completed 28, late 0", said)
        document, said = self.check_both("worker", local=["--local", "168.63.129.16"])
        self.assertEqual((document["absorbed"], document["permitted"], document["injected"]), (12, 25, 12))
        self.assertIn("connects 0, accepts 3, packets 9, again 0, mine 15, sent 12, completed 12, late 0", said)

    def test_the_stack_serves_a_thread_that_an_unload_waits_for(self):
        document, said = self.check_both("worker", "-DHOLD")
        self.assertEqual((document["absorbed"], document["permitted"], document["injected"]), (28, 9, 18))
        self.assertIn("connects 6, accepts 0, packets 14, again 6, mine 18, sent 18, completed 18, late 0, left 0",
                      said)

    def test_driver_code_that_does_not_return_is_a_finding(self):
        with tempfile.TemporaryDirectory() as folder:
            for flag, findings in (("THREAD", ["thread-busy", "wait-forever"]), ("UNLOAD", ["wait-forever"])):
                with self.subTest(flag):
                    image = build(folder, "stuck", "so", f"-D{flag}")
                    run = wfp("run", "-q", "--json", "--stop-timeout", "0.5", "--read", DEMO, *LOCAL, image)
                    self.assertEqual(run.returncode, 1)
                    document = json.loads(run.stdout)
                    self.assertEqual([f["id"] for f in document["findings"]], findings)
                    self.assertEqual(document["permitted"], 37)

    def test_a_signal_ends_a_run_that_is_ending(self):
        with tempfile.TemporaryDirectory() as folder:
            image = build(folder, "stuck", "so", "-DUNLOAD")
            run = subprocess.Popen([BUILD / "wfp", "run", "-d", "--stop-timeout", "1000", "--read", DEMO, *LOCAL, image],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for line in run.stderr:
                if "turning" in line:
                    run.terminate()
                    break
            self.assertEqual(run.wait(timeout=60), 1)
            run.stderr.close()

    def test_flow_contexts_go_exactly_once(self):
        document, said = self.check_both("flow_context")
        established, transport = document["drivers"][0]["callouts"]
        self.assertEqual((established["classified"], transport["classified"]), (6, 16))
        # Two SYNs leave before their connections are established: no context yet.
        self.assertIn("associated 6, deleted 6, of them 2 by the end of their flow, packets 14 and 2", said)

    def test_cpp_driver(self):
        document, said = self.check_both("cpp_block")
        self.assertEqual(document["blocked"], 4)
        self.assertIn("cpp_block: blocked 4", said)

    def test_careless_utf16_source_with_traces(self):
        with tempfile.TemporaryDirectory() as folder:
            text = (DRIVERS / "careless.c").read_text(encoding="utf-8").replace("\n", "\r\n")
            source = Path(folder) / "careless.c"
            source.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
            (Path(folder) / "parts").mkdir()
            (Path(folder) / "parts" / "common.h").write_bytes((DRIVERS / "common.h").read_bytes())
            document, said = self.check_both("careless", source=source)
        self.assertEqual(document["drivers"][0]["callouts"][0]["classified"], 16)
        self.assertIn("DriverEntry started with 0x00000000 for \\Registry\\Machine", said)
        self.assertIn("grün: 16, 2 bytes each", said)

    def test_what_cl_accepts_and_clang_refuses(self):
        folder = DRIVERS / "dialect"
        _, said = self.check_both("dialect", source=sorted(folder.glob("*.c")) + sorted(folder.glob("*.cpp")))
        self.assertIn("b9 1, cache 7, 10 20, rand 41 18467 6334, -12-BEEF, 34, 2 -1 8 9, 76", said)

    @unittest.skipIf(SANITIZED, "a .sys needs the GS base, which the sanitizer's runtime does not expect")
    def test_every_driver_decides_the_same_on_every_capture(self):
        """Ours and the tests', over the demo, many short flows, and with other addresses as this machine's."""
        flags = {"pend.c": ["-DINBOUND=0", "-DREFUSE=0", "-DWAIT=10"], "reinject_live.c": ["-DWAY=1", "-DCOPY=1"]}
        other = {"careless.c": "another test lays its includes out", "stuck.c": "it never ends",
                 "faulty.c": "it ends in a fault report: images_test compares those"}
        with tempfile.TemporaryDirectory() as folder:
            bulk = Path(folder) / "bulk.pcap"
            subprocess.run([SOURCE / "tools" / "make-capture", "bulk", bulk, "3000"], check=True)
            worlds = [(DEMO, LOCAL), (bulk, LOCAL), (DEMO, ["--local", "203.0.113.10"]), (DEMO, ["--local", "198.18.0.1"])]
            sources = [p for p in DRIVERS.glob("*.c*") if p.name not in other] + [SOURCE / "drivers/block_ip/block_ip.c"]
            self.assertGreater(len(sources), 9)
            for source in sources:
                images = [build(folder, source.stem, kind, *flags.get(source.name, []), source=source) for kind in ("so", "sys")]
                for capture, local in worlds:
                    with self.subTest(driver=source.name, capture=capture.name, local=local):
                        found = [wfp("run", "-q", "--json", "--read", capture, *local, image) for image in images]
                        self.assertEqual(found[0].returncode, found[1].returncode, found[0].stderr + found[1].stderr)
                        native, windows = (json.dumps(stable(json.loads(run.stdout))) for run in found)
                        self.assertEqual(native, windows)

    def test_tutorials(self):
        cases = (
            ("packet_bytes.c", 0, "16 packets, 838 bytes, 16 parts, 0 differ"),
            ("connections.c", 0, "seen 6, printed 6, ticks 2"),
            ("queue_thread.c", 0, "a83f8110=7 c0000235=1 cb00710a=8 | queued 16, taken 16, 2023-11, 61"),
            ("conditions.c", 4, "5 filters, 5 deleted"),
            ("minifilter.c", 2, "contexts 3, kernel 10, network 7, volumes 0, again c000000d"),
        )
        for name, blocked, text in cases:
            with self.subTest(name):
                document, said = self.check_both(Path(name).stem, source=DRIVERS / "tutorials" / name)
                self.assertEqual(document["blocked"], blocked)
                self.assertIn(text, said)

    def test_framework_tutorial_in_cpp(self):
        params = ["--param", "Ports=80,443"]
        document, said = self.check_both("framework", local=[*LOCAL, *params],
                                         source=DRIVERS / "tutorials" / "framework.cpp")
        self.assertEqual(document["blocked"], 16)  # a refused conversation has no other packets either
        self.assertIn("ports 2, blocked 2, ticks 3, items 3", said)

    def test_the_program_named_on_the_command_line(self):
        """Conversations of a capture that names no processes belong to it, and to an administrator."""
        app = r'-DAPP="\\device\\harddiskvolume1\\dir\\app.exe"'
        for path, blocked, said in ((r"C:\Dir\App.exe", True, r"process 4096 \device\harddiskvolume1\dir\app.exe user S-1-5-18"),
                                    ("System", False, "process 4 System user S-1-5-18")):
            with self.subTest(path):
                document, messages = self.check_both("owner", app, local=[*LOCAL, "--process", path])
                self.assertIn(said, messages)
                self.assertEqual(document["blocked"] > 0, blocked)
        document, messages = self.check_both("owner", app)
        self.assertIn("process 0  user", messages.replace("(null)", ""))
        self.assertEqual(document["blocked"], 0)

    def test_modules_meet_in_the_registrar(self):
        _, said = self.check_both("registrar")
        self.assertIn("sum 8, attached 1, detached 2, cleaned 2", said)
        self.check_both("registrar", "-DFORGET", findings=["handle-leak"])

    def test_what_a_driver_leaves_is_found(self):
        self.check_both("leaves")
        for flag, finding in (("CALLOUT", "callout-leak"), ("DEVICE", "device-leak")):
            with self.subTest(flag):
                document, _ = self.check_both("leaves", f"-DLEAVE_{flag}", findings=[finding])
                self.assertEqual(Path(document["findings"][0]["file"]), DRIVERS / "common.h")

    def test_what_a_driver_leaves_has_a_line(self):
        source = (DRIVERS / "leaves.c").read_text().splitlines()
        for flag, finding, function in (
                ("POOL", "pool-leak", "Classify"), ("CLONE", "nbl-leak", "Classify"), ("MDL", "pool-leak", "Classify"),
                ("IRQL", "irql-changed", "Classify"), ("POOLS", "nbl-leak", "LeaveMore"), ("TIMER", "timer-leak", "LeaveMore"),
                ("INJECTION", "handle-leak", "LeaveMore"), ("CALLBACK", "callback-leak", "LeaveMore"),
                ("LINK", "symlink-leak", "LeaveMore"), ("HANDLE", "handle-leak", "LeaveMore")):
            line = 1 + next(i for i, text in enumerate(source) if text.endswith(f"/* {flag} */"))
            kinds = ["so"] if SANITIZED else ["so", "sys"]
            for kind in kinds:
                with self.subTest(flag, kind=kind), tempfile.TemporaryDirectory() as folder:
                    document, _ = decide(build(folder, "leaves", kind, f"-DLEAVE_{flag}"), code=1)
                    self.assertEqual(
                        [(f["id"], f["line"], f["function"], Path(f["file"])) for f in document["findings"]],
                        [(finding, line, function, DRIVERS / "leaves.c")])
                    self.assertRegex(document["findings"][0]["place"], rf"^leaves\.{kind}\+0x[0-9a-f]+$")

    def test_block_ip_so_and_sys_agree(self):
        if SANITIZED:
            self.skipTest("a .sys does not run under the sanitizer")
        a, b = (decide(BUILD / "drivers" / f"block_ip.{kind}")[0] for kind in ("so", "sys"))
        self.assertEqual(stable(a), stable(b))
        self.assertEqual((a["drivers"][0]["image_kind"], b["drivers"][0]["image_kind"]), ("so", "sys"))


if __name__ == "__main__":
    main()
