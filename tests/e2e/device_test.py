"""Devices: the same program in the driver's process and over a socket; `wfp device`; what goes wrong."""
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BUILD, DEMO, SANITIZED, SOURCE, WFP, main, wfp
from images_test import build_both

HERE = BUILD / "tests" / "e2e"
DRIVER = SOURCE / "tests" / "drivers" / "device.c"
ADD_ONE, REFUSE, HOLD = (f"0x22,{n},buffered,any" for n in ("0x800", "0x807", "0x804"))


def wait_for_socket(path, process):
    for _ in range(400):
        if path.exists():
            return
        if process.poll() is not None:
            break
        time.sleep(0.025)
    raise AssertionError(f"no socket at {path}: {process.communicate()}")


class Served:
    """A replay with a control socket; `with Served(images) as socket_path`."""

    def __init__(self, folder, *images, words=(), expected=0):
        self.socket = Path(folder) / f"{os.urandom(4).hex()}.sock"
        self.words = [WFP, "run", "-q", "--json", "--read", DEMO, "--control", self.socket, *words, *images]
        self.expected = expected

    def __enter__(self):
        self.process = subprocess.Popen(list(map(str, self.words)), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        try:
            wait_for_socket(self.socket, self.process)
        except AssertionError:
            self.process.kill()
            raise
        return self

    def device(self, *words):
        return wfp("device", *words, "--control", self.socket)

    def __exit__(self, *_):
        if self.process.poll() is None and self.socket.exists():
            self.device("wait")
        try:
            self.out, self.err = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
        if _[0] is None:
            if self.process.returncode != self.expected:
                raise AssertionError(f"exit code {self.process.returncode}: {self.err}")
            self.document = json.loads(self.out) if self.out else None


class Devices(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        # a .sys needs the GS base, which the sanitizer's runtime does not expect
        cls.images = build_both(cls.folder.name, DRIVER)[:1 if SANITIZED else 2]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_same_program_here_and_there(self):
        for image in self.images:
            local = subprocess.run([HERE / "device_local", image], capture_output=True, text=True, timeout=60)
            self.assertEqual(local.returncode, 0, local.stderr)
            simulated = subprocess.run([HERE / "device_sim", image], capture_output=True, text=True, timeout=60)
            self.assertEqual(simulated.returncode, 0, simulated.stderr)
            with Served(self.folder.name, image) as host:
                remote = subprocess.run([HERE / "device_remote", host.socket], capture_output=True, text=True,
                                        timeout=60)
                self.assertEqual(remote.returncode, 0, remote.stderr)
            self.assertEqual(host.document["findings"], [])
            self.assertFalse(host.socket.exists(), "the socket is removed")

    def test_the_library_needs_nothing_of_the_project(self):
        needed = subprocess.run(["readelf", "-d", HERE / "device_remote"], capture_output=True, text=True).stdout
        self.assertIn("libopenwfp-device.so.1", needed)
        names = subprocess.run(["nm", "-D", "--defined-only", BUILD / "src/client/libopenwfp-device.so"],
                               capture_output=True, text=True, check=True).stdout.split()
        functions = [n for n in names if n.startswith("openwfp_")]
        self.assertGreater(len(functions), 20)
        for name in functions:
            self.assertRegex(name, "@@OPENWFP_DEVICE_1$")

    def test_shell(self):
        out = Path(self.folder.name) / "out"
        with Served(self.folder.name, self.images[-1]) as host:
            listed = json.loads(host.device("list", "--json").stdout)
            self.assertEqual(listed, [{"name": "\\Device\\OpenWfpDevice", "driver": "device",
                                       "link": "\\\\.\\OpenWfpDevice", "type": 0x22, "open_files": 0}])
            self.assertIn("OpenWfpDevice", host.device("list").stdout)
            self.assertEqual(host.device("open", "OpenWfpDevice").returncode, 0)
            run = host.device("ioctl", "OpenWfpDevice", ADD_ONE, "--in", "00 41:ff")
            self.assertEqual(run.stdout, f"00000000  01 42 00{' ' * 41}.B.\n")
            run = host.device("ioctl", "\\\\.\\OpenWfpDevice", "0x222000", "--in", "0001", "--json")
            self.assertEqual(json.loads(run.stdout)["output"], "0102")
            (Path(self.folder.name) / "in").write_bytes(b"abc")
            run = host.device("ioctl", "OpenWfpDevice", ADD_ONE, "--in", f"@{self.folder.name}/in", "--out", out)
            self.assertEqual((run.returncode, out.read_bytes()), (0, b"bcd"))
            self.assertEqual(host.device("write", "OpenWfpDevice", "--in", "4142").stdout, "2 bytes written\n")

    def test_errors_have_symbol_and_number(self):
        with Served(self.folder.name, self.images[0]) as host:
            for words, code, says in (
                    (("open", "Nothing"), 1, "STATUS_OBJECT_NAME_NOT_FOUND 0xC0000034"),
                    (("open", "OpenWfpDevice\\closed"), 1, "STATUS_ACCESS_DENIED 0xC0000022"),
                    (("ioctl", "OpenWfpDevice", REFUSE), 1, "STATUS_ACCESS_DENIED 0xC0000022"),
                    (("read", "OpenWfpDevice"), 1, "STATUS_END_OF_FILE 0xC0000011"),
                    (("ioctl", "OpenWfpDevice", "x"), 2, "DEVICE,FUNCTION,METHOD,ACCESS"),
                    (("ioctl", "OpenWfpDevice", ADD_ONE, "--in", "0"), 2, "pairs of hex digits"),
                    (("read",), 2, "the name of one device"),
                    (("send",), 2, "list, open, ioctl")):
                run = host.device(*words)
                self.assertEqual(run.returncode, code, (words, run.stderr))
                self.assertIn(says, run.stderr)
                self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        for path, says in (("/nonexistent/s", "STATUS_OBJECT_NAME_NOT_FOUND"), ("/dev/null", "STATUS_CONNECTION_REFUSED"),
                           ("/" + "x" * 200, "STATUS_OBJECT_NAME_INVALID")):
            run = wfp("device", "list", "--control", path)
            self.assertEqual(run.returncode, 3)
            self.assertIn(says, run.stderr)

    def test_a_request_nobody_answers_times_out_in_the_captures_time(self):
        with Served(self.folder.name, self.images[0]) as host:
            run = host.device("ioctl", "OpenWfpDevice", HOLD, "--timeout", "0.001")
            self.assertEqual(run.returncode, 1)
            self.assertIn("STATUS_TIMEOUT", run.stderr)
            self.assertEqual(host.process.wait(timeout=30), 0)  # it rested, so the replay went through

    @unittest.skipIf(SANITIZED, "AddressSanitizer reports a native driver's fault itself")
    def test_a_fault_names_function_and_request(self):
        for image in self.images:
            with Served(self.folder.name, image, expected=1) as host:
                run = host.device("ioctl", "OpenWfpDevice", "0x22,0x808,buffered,any")
                self.assertEqual(run.returncode, 3, run.stderr)
                self.assertIn("STATUS_CONNECTION_DISCONNECTED 0xC000020C: the host has gone", run.stderr)
            self.assertIn("DRIVER_IRQL_NOT_LESS_OR_EQUAL 0x000000D1", host.err)
            self.assertRegex(host.err, r"at device\.s\w+\+0x[0-9a-f]+ \(Crash\+0x[0-9a-f]+\) \S*device\.c:\d+, IRQL 2")
            self.assertRegex(host.err, r"called from device\.s\w+\+0x[0-9a-f]+ \(OnControl\+0x")
            self.assertRegex(host.err, r"while handling ioctl 0x00222020 of process \d+")

    def test_a_program_that_dies_leaves_nothing(self):
        with Served(self.folder.name, self.images[0], words=("--clients", "2")) as host:
            child = subprocess.Popen([WFP, "device", "ioctl", "OpenWfpDevice", HOLD, "--control", host.socket],
                                     stderr=subprocess.DEVNULL)
            for _ in range(200):
                if json.loads(host.device("list", "--json").stdout)[0]["open_files"]:
                    break
                time.sleep(0.02)
            child.send_signal(signal.SIGKILL)
            child.wait()
            for _ in range(200):
                if not json.loads(host.device("list", "--json").stdout)[0]["open_files"]:
                    break
                time.sleep(0.02)
            else:
                self.fail("its file stays open")
            host.process.send_signal(signal.SIGTERM)
        self.assertEqual(host.document["findings"], [])

    def test_foreign_bytes_on_the_socket(self):
        header = struct.Struct("<IIQQiIQQQQQQq")
        with Served(self.folder.name, self.images[0]) as host:
            for message in (b"", b"x", bytes(2000), header.pack(99, *[0] * 12),
                            header.pack(1, 0, 0, 0, 0, 77, *[0] * 7),             # another version
                            header.pack(6, 2, 1, 0, 0, 0x222000, 0, 1, 0, 4, 0, 4, 0)):  # START before HELLO
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                    s.settimeout(10)
                    s.connect(str(host.socket))
                    if message:
                        s.send(message)
                        answer = s.recv(4096)
                        self.assertTrue(answer == b"" or answer[24:28] == b"\x59\0\0\xc0", answer)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:  # greets, then asks nonsense
                s.settimeout(10)
                s.connect(str(host.socket))
                s.send(header.pack(1, 0, 0, 0, 0, 1, *[0] * 7))
                s.recv(4096)
                s.send(header.pack(4, 0, 5, 0, 0, 0, *[0] * 7) + b"\\\\.\\OpenWfpDevice\0")
                done = header.unpack(s.recv(4096))
                self.assertEqual((done[2], done[4]), (5, 0), done)
                for file, address in ((done[6], 0x1000), (done[6], 0x6a0000000000 + (256 << 20) - 2), (7, 0)):
                    s.send(header.pack(6, 2, 6, 0, 0, 0x222000, 0, file, address, 4, address, 4, 0))
                    self.assertLess(header.unpack(s.recv(4096))[4], 0)
            self.assertEqual(host.device("open", "OpenWfpDevice").returncode, 0)

    def test_one_socket_one_server(self):
        with Served(self.folder.name, self.images[0]) as host:
            run = wfp("run", "--read", DEMO, "--control", host.socket, self.images[0])
            self.assertEqual(run.returncode, 3)
            self.assertIn("another 'wfp run' serves it", run.stderr)
            run = wfp("run", "--read", DEMO, "--control", self.images[0], self.images[0])
            self.assertEqual(run.returncode, 3)
            self.assertIn("is no socket", run.stderr)


if __name__ == "__main__":
    main()
