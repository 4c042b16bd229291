"""The filter engine and BFE: classify beside a linear scan, transactions against their bounds."""
import subprocess

from peers import RUNS, bench, figure, row


def figures(build, program, *words):
    """{what: number} of one run of a program."""
    text = subprocess.run([build / "bench" / program, *words], check=True, capture_output=True,
                          text=True).stdout
    found = {}
    for line in text.splitlines():
        number, what = line.split(" ", 1)
        found[what.split(": ", 1)[-1]] = float(number)
    return found


@bench("classify-few")
def classify_few(build):
    runs = [figures(build, "engine_bench", "small") for _ in range(RUNS)]
    return figure("classify-few", [r["10 filters, none matches"] for r in runs], "ns", 100)


@bench("classify-10k")
def classify_many(build):
    runs = [figures(build, "engine_bench", "lookup", "10000") for _ in range(RUNS)]
    return row("classify-10k", [r["classify among 10000 filters"] for r in runs], "linear scan",
               [r["linear scan of as many rules"] for r in runs], "ns", 1.0)


@bench("commit-100k")
def commit_bulk(build):
    runs = [figures(build, "bfe_bench") for _ in range(RUNS)]
    return figure("commit-100k", [r["100000 filters in one transaction"] for r in runs], "ms", 2000)


@bench("memory-100k")
def memory_bulk(build):
    return figure("memory-100k", [figures(build, "bfe_bench")["a filter"] for _ in range(RUNS)],
                  "bytes", 400)


@bench("commit-one-of-100k")
def commit_one(build):
    runs = [figures(build, "bfe_bench") for _ in range(RUNS)]
    return figure("commit-one-of-100k", [r["single add, median"] for r in runs], "ms", 1)


@bench("worst-commit-of-100k")
def commit_one_worst(build):
    runs = [figures(build, "bfe_bench") for _ in range(RUNS)]
    return figure("worst-commit-of-100k", [r["single add, 999th of 1000"] for r in runs], "ms", 1)


@bench("delete-one-of-100k")
def delete_one(build):
    runs = [figures(build, "bfe_bench") for _ in range(RUNS)]
    return figure("delete-one-of-100k", [r["single delete, median"] for r in runs], "ms", 1)


@bench("flows")
def flow_table(build):
    """A million flows made and found: the slower of the two counts, per core."""
    runs = [figures(build, "flow_bench") for _ in range(RUNS)]
    peer = [figures(build, "flow_bench", "peer") for _ in range(RUNS)]
    slower = [min(r["flows made, million per second"], r["flows found, million per second"]) for r in runs]
    result = row("flows", slower, "liburcu's hash table, presized, of half the entry",
                 [min(p["flows made, million per second"], p["flows found, million per second"]) for p in peer],
                 "M/s", None)
    return result | {"bound": 3.0, "ok": result["ours"] >= 3.0}


@bench("memory-1m-flows")
def flow_memory(build):
    return figure("memory-1m-flows", [figures(build, "flow_bench")["MiB of a million idle flows"]], "MiB", 600)
