"""Drivers that write to the packet they are shown, without a clone: the changed bytes are what goes on, and a finding."""
import json
import struct
import tempfile
import unittest
from pathlib import Path

from drivers_test import build
from harness import SANITIZED, main, wfp

HERE, THERE, FAR = bytes([10, 0, 0, 4]), bytes([192, 0, 2, 9]), bytes([198, 51, 100, 7])
HOST, ROUTER = bytes.fromhex("020000000004"), bytes.fromhex("020000000001")


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def packet(source, destination, protocol, transport, at):
    """An IPv4 packet with right sums; @p at: where the transport's is."""
    pseudo = source + destination + struct.pack("!BBH", 0, protocol, len(transport))
    transport = transport[:at] + struct.pack("!H", checksum(pseudo + transport)) + transport[at + 2:]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(transport), 1, 0, 64, protocol, 0, source, destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + transport


def udp(source, port, destination, to_port, payload):
    return packet(source, destination, 17, struct.pack("!HHHH", port, to_port, 8 + len(payload), 0) + payload, 6)


def tcp(source, port, destination, to_port, sequence, ack, flags, payload=b""):
    return packet(source, destination, 6,
                  struct.pack("!HHIIBBHHH", port, to_port, sequence, ack, 0x50, flags, 8192, 0, 0) + payload, 16)


def out(payload, *words):
    return ROUTER + HOST + b"\x08\x00" + tcp(HERE, 4000, THERE, 80, *words, payload)


def back(payload, *words):
    return HOST + ROUTER + b"\x08\x00" + tcp(THERE, 80, HERE, 4000, *words, payload)


FRAMES = [
    ROUTER + HOST + b"\x08\x00" + udp(HERE, 5000, THERE, 53, b"out ABCD"),
    HOST + ROUTER + b"\x08\x00" + udp(THERE, 53, HERE, 5000, b"in  ABCD"),
    HOST + ROUTER + b"\x08\x00" + udp(THERE, 7, FAR, 7, b"far ABCD"),
    out(b"", 100, 0, 2), back(b"", 500, 101, 18), out(b"", 101, 501, 16),
    out(b"tcp ABCD", 101, 501, 24), back(b"tcp ABCD", 501, 109, 24),
]


def capture(folder):
    path = Path(folder) / "in.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + b"".join(
        struct.pack("<IIII", 1700000000, i * 1000, len(f), len(f)) + f for i, f in enumerate(FRAMES)))
    return path


def written(path):
    """The packets of a pcapng, in order."""
    data, at, packets = Path(path).read_bytes(), 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 6:
            length, = struct.unpack_from("<I", data, at + 20)
            packets.append(data[at + 28:at + 28 + length])
        at += size
    return packets


def is_right(frame):
    """Is the transport's checksum right?"""
    ip = frame[14:]
    pseudo = ip[12:20] + struct.pack("!BBH", 0, ip[9], len(ip) - 20)
    return checksum(pseudo + ip[20:]) == 0


class InPlace(unittest.TestCase):
    def run_driver(self, layer, how, kind="so", *flags):
        """Returns (frames as written, the report)."""
        with tempfile.TemporaryDirectory() as folder:
            image = build(folder, "in_place", kind, f"-DLAYER=FWPM_LAYER_{layer}", f"-DHOW={how}", *flags)
            to = Path(folder) / "out.pcapng"
            run = wfp("run", "-q", "--json", "--read", capture(folder), "--local", "10.0.0.4", "--write", to, image)
            self.assertIn(run.returncode, (0, 1), run.stderr)
            document = json.loads(run.stdout)
            self.assertEqual(run.returncode, 1 if document["findings"] else 0)
            return written(to), document

    def check(self, layer, numbers, *flags, how=0, kinds=("so", "sys")):
        """The frames of these numbers are changed, and only they; sums stay right."""
        for kind in kinds[:1] if SANITIZED else kinds:
            frames, document = self.run_driver(layer, how, kind, *flags)
            expected = [f.replace(b"ABCD", b"CDAB") if i in numbers else f for i, f in enumerate(FRAMES)]
            self.assertEqual(frames, expected, layer)
            self.assertTrue(all(is_right(f) for f in frames))
            self.assertEqual((document["changed"], document["permitted"]), (len(numbers), len(FRAMES)))
            self.assertEqual([f["id"] for f in document["findings"]], ["changed-in-place"])
            self.assertEqual(document["findings"][0]["message"], f"data are changed in place at {layer}")
            self.assertEqual(document["findings"][0]["count"], len(numbers))

    def test_every_packet_layer(self):
        self.check("OUTBOUND_TRANSPORT_V4", [0, 6])
        self.check("INBOUND_TRANSPORT_V4", [1, 7], kinds=["so"])
        self.check("OUTBOUND_IPPACKET_V4", [0, 6], kinds=["so"])
        self.check("INBOUND_IPPACKET_V4", [1, 7], kinds=["so"])
        self.check("DATAGRAM_DATA_V4", [0, 1], kinds=["so"])
        self.check("STREAM_PACKET_V4", [6, 7], kinds=["so"])
        self.check("IPFORWARD_V4", [2], kinds=["so"])

    def test_frames_of_the_link(self):
        self.check("INBOUND_MAC_FRAME_ETHERNET", [1, 2, 7], kinds=["so"])
        self.check("OUTBOUND_MAC_FRAME_ETHERNET", [0, 6], kinds=["so"])

    def test_stream_data_get_the_sum_of_the_tcp_below(self):
        self.check("STREAM_V4", [6, 7], "-DIS_STREAM=1")
        frames, document = self.run_driver("STREAM_V4", 3, "so", "-DIS_STREAM=1")
        self.assertEqual([f for f in frames if b"aBCD" in f], [frames[6], frames[7]])
        self.assertTrue(is_right(frames[6]) and is_right(frames[7]))

    def test_every_way_to_the_bytes(self):
        self.check("OUTBOUND_TRANSPORT_V4", [0, 6], how=1)
        self.check("OUTBOUND_TRANSPORT_V4", [0, 6], how=5)

    def test_a_wrong_sum_stays_wrong(self):
        frames, document = self.run_driver("OUTBOUND_TRANSPORT_V4", 3)
        self.assertEqual([i for i, f in enumerate(frames) if not is_right(f)], [0, 6])
        self.assertEqual(document["changed"], 2)

    def test_who_looks_or_puts_back_changed_nothing(self):
        for how in (2, 4):
            frames, document = self.run_driver("OUTBOUND_TRANSPORT_V4", how)
            self.assertEqual((frames, document["changed"], document["findings"]), (FRAMES, 0, []))

    def test_what_is_blocked_does_not_count(self):
        _, document = self.run_driver("OUTBOUND_TRANSPORT_V4", 6)
        self.assertEqual((document["changed"], document["findings"]), (0, []))


if __name__ == "__main__":
    main()
