"""What every benchmark shares: the register, paired runs, medians, the row of bench.json."""
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

RUNS = 5
BENCHES = []
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Bench:
    name: str
    run: Callable


def bench(name):
    """Mark a function (build folder -> row, or a string: why it was skipped) as a benchmark."""
    def add(function):
        BENCHES.append(Bench(name, function))
        return function
    return add


def row(name, ours, peer_name, peer, unit, bound=None, at_most=True):
    """Medians and their ratio ours/peer; the bound is the most (or the least) the ratio may be."""
    a, b = statistics.median(ours), statistics.median(peer)
    ratio = a / b if b else None
    ok = None if bound is None or ratio is None else ratio <= bound if at_most else ratio >= bound
    return {"name": name, "ours": a, "peer_name": peer_name, "peer": b, "ratio": ratio, "unit": unit,
            "runs": min(len(ours), len(peer)), "bound": bound, "ok": ok}


def figure(name, values, unit, bound, at_most=True):
    """A figure that has a bound but no peer (bytes, counts)."""
    a = statistics.median(values)
    ok = None if bound is None else a <= bound if at_most else a >= bound
    return {"name": name, "ours": a, "peer_name": "none: an absolute bound", "peer": None, "ratio": None,
            "unit": unit, "runs": len(values), "bound": bound, "ok": ok}


def measure(words):
    """Run a command to its end. Returns seconds of wall time."""
    start = time.perf_counter()
    run = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    elapsed = time.perf_counter() - start
    if run.returncode != 0:
        raise RuntimeError(f"{words[0]}: exit code {run.returncode}: {run.stderr.decode(errors='replace')[:400]}")
    return elapsed


def peak_kib(build, words):
    """Peak resident memory of a command, in KiB."""
    return output_of([build / "bench" / "peak_rss", *words])[0]


def paired(ours, peer, runs=RUNS, measure=measure):
    """Alternate two commands; returns two lists of what was measured."""
    measure(ours), measure(peer)  # caches warm for both
    a, b = [], []
    for _ in range(runs):
        b.append(measure(peer))
        a.append(measure(ours))
    return a, b


def output_of(words):
    """What a benchmark program printed: one number per line."""
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return [float(line.split()[0]) for line in text.splitlines() if line.strip()]
