"""The same driver as .so and as .sys; what it costs to load a .sys."""
import os
import re
import shutil
import subprocess

from bench_replay import replay
from peers import ROOT, bench, figure, output_of, paired, row

RUNS = 15

FUNCTIONS = 700  # make an image of a little over 100 KB


def large_driver(build):
    """A driver of about 100 KB, with imports, unwind data and relocations as real ones have them."""
    source, image = build / "bench-large.c", build / "bench-large.sys"
    if not image.exists():
        body = ["#include <ntddk.h>", "static volatile ULONG g;"]
        for i in range(FUNCTIONS):
            body.append(f"""__declspec(noinline) static NTSTATUS F{i}(PVOID p) {{
                PVOID m = ExAllocatePoolWithTag(NonPagedPool, {16 + i}, 'hcnB');
                if (!m) {{ DbgPrint("F{i}: no memory for %p\\n", p); return STATUS_NO_MEMORY; }}
                RtlFillMemory(m, {16 + i}, {i % 256}); g += {i}; ExFreePoolWithTag(m, 'hcnB');
                return STATUS_SUCCESS; }}""")
        table = ", ".join(f"F{i}" for i in range(FUNCTIONS))
        body.append(f"static NTSTATUS (*const all[])(PVOID) = {{{table}}};")
        body.append("""NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) {
            NTSTATUS s = STATUS_SUCCESS;
            for (ULONG i = 0; i < ARRAYSIZE(all) && NT_SUCCESS(s); i++) s = all[i](r);
            UNREFERENCED_PARAMETER(d); return s; }""")
        source.write_text("\n".join(body))
        subprocess.run([build / "wfp-cc", "--target", "windows", "-o", image, source], check=True)
    return image


def cpu_seconds(words):
    """User time of a command: what its instructions cost, whoever else uses the machine."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{words[0]}: status {status}")
    return usage.ru_utime


def instructions(words):
    """What callgrind counts: the same for the same input, on every machine."""
    run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *words],
                         capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", run.stderr)[1])


@bench("sys-vs-so")
def windows_image(build):
    ours, peer = paired(replay(build, build / "drivers" / "block_ip.sys"),
                        replay(build, build / "drivers" / "block_ip.so"), RUNS, cpu_seconds)
    return row("sys-vs-so", ours, "block_ip.so", peer, "s (user)", 1.05)


@bench("sys-vs-so-instructions")
def windows_image_instructions(build):
    if not shutil.which("valgrind"):
        return "valgrind is not installed"
    capture = build / "bench-short.pcap"
    if not capture.exists():
        subprocess.run([ROOT / "tools" / "make-capture", "bulk", capture, "20000"], check=True)
    counts = [instructions([build / "wfp", "run", "-q", "--read", capture, "--local", "10.0.0.4",
                            build / "drivers" / f"block_ip.{kind}"]) for kind in ("sys", "so")]
    return row("sys-vs-so-instructions", counts[:1], "block_ip.so", counts[1:], "instr.", 1.05)


@bench("load-driver")
def load_time(build):
    image = large_driver(build)
    times = output_of([build / "bench" / "load_bench", image, "25"])
    return figure("load-driver", times, f"ms, {image.stat().st_size // 1024} KB", 20)
