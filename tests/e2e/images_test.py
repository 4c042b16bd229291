"""The same driver source as .so and as .sys: same results, same exceptions, same fault reports."""
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BUILD, DEMO, LOCAL, SANITIZED, SOURCE, WFP_CC, main, replay, wfp

DRIVERS = SOURCE / "tests" / "drivers"


def build_both(folder, source, *flags):
    """The source as a native and as a Windows image; fails the test if either does not build."""
    images = []
    for target, suffix in (("native", "so"), ("windows", "sys")):
        image = Path(folder) / f"{source.stem}.{suffix}"
        run = subprocess.run([WFP_CC, "--target", target, *flags, "-o", image, source], capture_output=True,
                             text=True, timeout=120)
        if run.returncode != 0:
            raise AssertionError(f"{target}: {run.stderr}")
        images.append(image)
    return images


def comparable(document):
    """Without what differs by nature: image kind and path, time."""
    document.pop("elapsed_s")
    for driver in document["drivers"]:
        driver.pop("image_kind")
        driver.pop("image")
    return json.dumps(document, sort_keys=True)


class Images(unittest.TestCase):
    def test_block_ip_decides_the_same(self):
        for words in ([], ["--param", "Addresses=203.0.113.0/24, 2001:db8::10"]):
            native = replay(DEMO, *LOCAL, *words, driver=BUILD / "drivers" / "block_ip.so")
            windows = replay(DEMO, *LOCAL, *words, driver=BUILD / "drivers" / "block_ip.sys")
            self.assertEqual(windows["drivers"][0]["image_kind"], "sys")
            self.assertGreater(windows["blocked"], 0)
            self.assertEqual(comparable(native), comparable(windows))

    def test_a_wdm_driver_decides_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            native, windows = build_both(folder, DRIVERS / "wdm_block.c")
            self.assertEqual(comparable(replay(DEMO, *LOCAL, driver=native)),
                             comparable(replay(DEMO, *LOCAL, driver=windows)))

    @unittest.skipIf(SANITIZED, "AddressSanitizer reports a native driver's fault itself")
    def test_exceptions_are_caught(self):
        with tempfile.TemporaryDirectory() as folder:
            for image in build_both(folder, DRIVERS / "seh.c"):
                run = wfp("run", "-d", "-q", "--read", DEMO, image)
                self.assertEqual(run.returncode, 0, run.stderr)
                for line in ("NULL: c0000005", "raised: c0000044", "order: 13", "leave: 11 10",
                             "raise order: 13, jumps: 5 7"):
                    self.assertIn(line, run.stderr, image)

    @unittest.skipIf(SANITIZED, "AddressSanitizer reports a native driver's fault itself")
    def test_a_fault_names_function_and_packet(self):
        with tempfile.TemporaryDirectory() as folder:
            for image in build_both(folder, DRIVERS / "faulty.c"):
                run = wfp("run", "-q", "--read", DEMO, *LOCAL, image)
                self.assertEqual(run.returncode, 1, run.stderr)
                first = run.stderr.splitlines()[0]
                self.assertIn("driver fault: faulty: DRIVER_IRQL_NOT_LESS_OR_EQUAL 0x000000D1:", first)
                self.assertIn("address 0x0 (a NULL pointer)", first)
                source = (DRIVERS / "faulty.c").read_text().splitlines()
                for word, function, mark in (("at", "CountPacket", "*gNothing +="),
                                             ("called from", "ClassifyPacket", "CountPacket(Values")):
                    number = 1 + next(i for i, line in enumerate(source) if mark in line)
                    self.assertRegex(run.stderr, rf"  {word} faulty\.s\w+\+0x[0-9a-f]+ "
                                                 rf"\({function}\+0x[0-9a-f]+\) \S*faulty\.c:{number}\b")
                self.assertRegex(run.stderr, r"while handling packet \d+, udp 10\.0\.0\.4:\d+ > .*:53")

    def test_what_is_no_driver_gets_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            cases = {"empty.sys": (b"", 1, "empty file"), "text.sys": (b"hello", 1, "neither"),
                     "dos.sys": (b"MZ" + bytes(62), 1, "no PE header")}
            sys = (BUILD / "drivers" / "block_ip.sys").read_bytes()
            pe = int.from_bytes(sys[0x3c:0x40], "little")
            sections = pe + 24 + int.from_bytes(sys[pe + 20:pe + 22], "little")

            def patched(offset, new):
                return sys[:offset] + new + sys[offset + len(new):]
            cases["short.sys"] = (sys[:1500], 1, "truncated")
            cases["arm.sys"] = (patched(pe + 4, b"\x64\xaa"), 1, "ARM64")
            cases["x86.sys"] = (patched(pe + 4, b"\x4c\x01"), 1, "a 32-bit x86 image; only x64 drivers run")
            cases["console.sys"] = (patched(pe + 24 + 68, b"\3\0"), 1, "a user-mode program")
            cases["overlap.sys"] = (patched(sections + 40 + 12, sys[sections + 12:sections + 16]), 1, "sections overlap")
            cases["packed.sys"] = (patched(sections, b"UPX0\0\0\0\0"), 1, "packed")
            for name, (data, code, says) in cases.items():
                path = Path(folder) / name
                path.write_bytes(data)
                run = wfp("run", "-q", "--read", DEMO, path)
                self.assertEqual(run.returncode, code, run.stderr)
                self.assertIn(says, run.stderr)
                self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
            missing = wfp("run", "-q", "--read", DEMO, Path(folder) / "absent.sys")
            self.assertEqual(missing.returncode, 3)

    def test_missing_imports_are_listed_all_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "foreign.sys"
            sys = (BUILD / "drivers" / "block_ip.sys").read_bytes()
            path.write_bytes(sys.replace(b"FwpmTransactionBegin0", b"FwpmTransactionBeginX", 1)
                             .replace(b"WdfVersionUnbind\0", b"WdfVersionUnbinX\0", 1))
            run = wfp("run", "-q", "--read", DEMO, path)
            self.assertEqual(run.returncode, 1)
            head, *lines = run.stderr.splitlines()
            self.assertRegex(head, r"imports missing: 2, present: \d\d+ \(--stub-missing loads it anyway\)")
            self.assertEqual(sorted(line.strip() for line in lines),
                             ["missing fwpkclnt.sys!FwpmTransactionBeginX", "missing wdfldr.sys!WdfVersionUnbinX"])


if __name__ == "__main__":
    main()
