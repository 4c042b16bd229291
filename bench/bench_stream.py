"""Stream inspection of a capture: a driver sees every byte of one TCP connection in order, beside a libpcap loop."""
import struct
import subprocess

from peers import ROOT, bench, figure, paired, row

PACKETS, PAYLOAD = 300_000, 1448


def tcp(source, sequence, acknowledgement, flags, payload=b""):
    ends = (50001, 80) if source else (80, 50001)
    addresses = bytes([10, 0, 0, 4]), bytes([203, 0, 113, 10])
    header = struct.pack(">HHIIBBHHH", *ends, sequence, acknowledgement, 0x50, flags, 64240, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0x4000, 64, 6, 0)
    return bytes(12) + b"\x08\0" + ip + b"".join(addresses if source else addresses[::-1]) + header + payload


def stream_capture(build):
    """A download: the handshake, then full segments, acknowledged every other one."""
    path = build / "bench-stream.pcap"
    if path.exists():
        return path
    payload, sequence, time = bytes(range(256)) * 5 + bytes(PAYLOAD - 1280), 1001, 0
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))

        def put(packet):
            nonlocal time
            time += 10
            file.write(struct.pack("<IIII", 1_700_000_000 + time // 1_000_000, time % 1_000_000, len(packet),
                                   len(packet)) + packet)

        put(tcp(True, 500, 0, 2))
        put(tcp(False, 1000, 501, 18))
        put(tcp(True, 501, 1001, 16))
        for i in range(PACKETS):
            put(tcp(False, sequence, 501, 24, payload))
            sequence += PAYLOAD
            if i % 2:
                put(tcp(True, 501, sequence, 16))
    return path


def commands(build):
    driver = build / "bench-stream.so"
    subprocess.run([build / "wfp-cc", f"-I{ROOT / 'tests/drivers'}", "-DACT=5", "-o", driver,
                    ROOT / "tests/drivers/stream_edit.c"], check=True)
    return ([build / "wfp", "run", "-q", "--read", stream_capture(build), "--local", "10.0.0.4", driver],
            [build / "bench" / "pcap_loop", stream_capture(build)])


@bench("stream")
def stream_time(build):
    ours, peer = paired(*commands(build))
    return row("stream", ours, "libpcap read loop", peer, "s", None)


@bench("stream-rate")
def stream_rate(build):
    ours, _ = paired(*commands(build))
    return figure("stream-rate", [PACKETS * PAYLOAD * 8 / 1e9 / seconds for seconds in ours], "Gbit/s", 5, at_most=False)
