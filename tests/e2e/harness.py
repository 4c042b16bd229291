"""What the end-to-end tests share: where things are, how to run wfp, how to skip with a reason."""
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("OPENWFP_BUILD", "build")).resolve()
SOURCE = Path(__file__).resolve().parent.parent.parent
WFP, WFP_CC = BUILD / "wfp", BUILD / "wfp-cc"
BLOCK_IP = BUILD / "drivers" / "block_ip.so"
DEMO = SOURCE / "examples" / "captures" / "demo.pcap"
LOCAL = ["--local", "10.0.0.4", "--local", "2001:db8::4"]
SANITIZED = "__asan_init" in subprocess.run(["nm", "-D", WFP], capture_output=True, text=True).stdout


def wfp(*words, timeout=120, **kwargs):
    return subprocess.run([WFP, *map(str, words)], capture_output=True, text=True, timeout=timeout,
                          errors="replace", **kwargs)


def replay(capture, *words, driver=BLOCK_IP):
    """A replay's JSON document; the exit code must be 0."""
    run = wfp("run", "-q", "--json", "--read", capture, *words, driver)
    if run.returncode != 0:
        raise AssertionError(f"exit code {run.returncode}\n{run.stderr}\n{run.stdout[:2000]}")
    return json.loads(run.stdout)


def compile_driver(folder, name, text, *flags):
    """wfp-cc on a source text. Returns (completed process, image path)."""
    source, image = Path(folder) / f"{name}.c", Path(folder) / f"{name}.so"
    source.write_text(text)
    run = subprocess.run([WFP_CC, *flags, "-o", image, source], capture_output=True, text=True, timeout=120)
    return run, image


def main():
    """Run the module's tests; exit code 77 (skipped) when every one of them skipped."""
    program = unittest.main(module="__main__", argv=sys.argv[:1], exit=False, verbosity=1)
    result = program.result
    for test, reason in result.skipped:
        print(f"SKIP {test.id()}: {reason}")
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun == len(result.skipped) else 0)
