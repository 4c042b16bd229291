"""Whose socket it is: the finder of live runs beside a walk over every process' descriptors."""
from peers import bench, row, subprocess


@bench("socket-owner")
def socket_owner(build):
    """A socket just made by one of a hundred processes, the first that is asked about of it."""
    text = subprocess.run([build / "bench" / "owner_bench", "100", "200"], check=True, capture_output=True, text=True).stdout
    pairs = [tuple(map(float, line.split())) for line in text.splitlines()]
    return row("socket-owner", [ours for ours, _ in pairs], "walk over /proc/*/fd", [walk for _, walk in pairs], "us", 0.33)
