"""Per layer, what a driver is shown: every field and the metadata, held against the tables and a golden file.

A capture with every kind of packet and event goes past a driver that writes down what it sees (record.c). Each
layer that the tables say is indicated must be met; each field has its documented type, or is one of those that
unknown.def names; what the first packets show is in tests/golden/layer-values.ok, to be read and compared.
    OPENWFP_ACCEPT=1 writes that file anew.
"""
import importlib.machinery
import importlib.util
import ipaddress
import os
import re
import struct
import tempfile
import unittest
from pathlib import Path

from drivers_test import build
from harness import SANITIZED, SOURCE, main, wfp

loader = importlib.machinery.SourceFileLoader("gen_layer_values", str(SOURCE / "tools" / "gen-layer-values"))
tables = importlib.util.module_from_spec(importlib.util.spec_from_loader("gen_layer_values", loader))
loader.exec_module(tables)

GOLDEN = SOURCE / "tests" / "golden" / "layer-values.ok"
HOST, ROUTER = bytes.fromhex("020000000004"), bytes.fromhex("020000000001")
SYN, ACK, RST, FIN = 2, 16, 4, 1
TYPES = {"UINT8": 1, "UINT16": 2, "UINT32": 3, "UINT64": 4, "BYTE_ARRAY16": 11, "BYTE_BLOB": 12, "SID": 13,
         "TOKEN_ACCESS_INFORMATION": 16, "BYTE_ARRAY6": 18}


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ip(source, destination, protocol, upper, fragment=0):
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if a.version == 4:
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(upper), 7, fragment, 64, protocol, 0, a.packed, b.packed)
        return b"\x08\x00" + header[:10] + struct.pack("!H", checksum(header)) + header[12:] + upper
    if fragment:
        upper = struct.pack("!BBHI", protocol, 0, (fragment & 0x1fff) << 3 | fragment >> 13, 7) + upper
        protocol = 44
    return b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(upper), protocol, 64) + a.packed + b.packed + upper


def tcp(source, port, destination, to_port, flags, sequence=1, acknowledged=1):
    return ip(source, destination, 6, struct.pack("!HHIIBBHHH", port, to_port, sequence, acknowledged, 0x50, flags,
                                                  1000, 0, 0))


def udp(source, port, destination, to_port, payload=b"data"):
    return ip(source, destination, 17, struct.pack("!HHHH", port, to_port, 8 + len(payload), 0) + payload)


def icmp(source, destination, kind, code=0, rest=bytes([0, 9, 0, 1])):
    version = ipaddress.ip_address(source).version
    return ip(source, destination, 1 if version == 4 else 58, struct.pack("!BBH", kind, code, 0) + rest)


def conversation(here, there, third, router, blocked, layer_of):
    """What one version shows: every layer of it, and a block at each with a _DISCARD twin."""
    v4 = "." in here
    echo, reply, unreachable = (8, 0, 3) if v4 else (128, 129, 1)
    quoted_out = bytes(4) + udp(here, 4000, there, 53)[2:]
    quoted_in = bytes(4) + udp(there, 53, here, 4001)[2:]
    yield "out", tcp(here, 50001, there, 80, SYN)
    yield "in", tcp(there, 80, here, 50001, SYN | ACK)
    yield "out", tcp(here, 50001, there, 80, ACK)
    yield "in", tcp(there, 80, here, 50001, RST | ACK)
    yield "in", tcp(there, 4444, here, 22, SYN)
    yield "out", tcp(here, 22, there, 4444, SYN | ACK)
    yield "in", tcp(there, 4444, here, 22, ACK)
    yield "out", udp(here, 4000, there, 53)
    yield "in", udp(there, 53, here, 4000)
    yield "in", udp(there, 5353, here, 5300)
    yield "out", icmp(here, there, echo)
    yield "in", icmp(there, here, reply)
    yield "in", icmp(there, here, unreachable, 3, quoted_out)
    yield "out", icmp(here, there, unreachable, 3, quoted_in)
    yield "in", udp(third, 1, router, 2)
    datagram = struct.pack("!HHHH", 700, 701, 8 + 24, 0) + b"fragmented" * 2 + b"data"
    yield "in", ip(there, here, 17, datagram[:16], 0x2000)
    yield "in", ip(there, here, 17, datagram[16:], 2)
    for family in ("INBOUND_IPPACKET", "INBOUND_TRANSPORT", "ALE_AUTH_RECV_ACCEPT", "DATAGRAM_DATA",
                   "ALE_FLOW_ESTABLISHED"):
        yield "in", udp(blocked(layer_of(family)), 9, here, 5301)
    for family in ("OUTBOUND_IPPACKET", "OUTBOUND_TRANSPORT", "ALE_AUTH_CONNECT"):
        yield "out", udp(here, 4002, blocked(layer_of(family)), 9)
    yield "in", icmp(blocked(layer_of("INBOUND_ICMP_ERROR")), here, unreachable, 3, quoted_out)
    yield "out", icmp(here, blocked(layer_of("OUTBOUND_ICMP_ERROR")), unreachable, 3, quoted_in)
    yield "in", udp(third, 1, blocked(layer_of("IPFORWARD")), 2)
    yield "out", udp(here, 7000 + layer_of("ALE_RESOURCE_ASSIGNMENT"), there, 9)
    yield "in", tcp(there, 4445, here, 7000 + layer_of("ALE_AUTH_LISTEN"), SYN)


def capture(folder, layers):
    def layer_of(version):
        return lambda family: layers[f"{family}_V{version}"]
    packets = list(conversation("10.0.0.4", "203.0.113.10", "198.51.100.1", "203.0.113.9",
                                lambda n: f"192.0.2.{n}", layer_of(4)))
    packets += conversation("fe80::4", "fe80::10", "2001:db8:7::1", "2001:db8:9::1",
                            lambda n: str(ipaddress.ip_address("2001:db8::c000") + n), layer_of(6))
    path = Path(folder) / "all.pcap"
    data = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    for i, (way, packet) in enumerate(packets):
        frame = (ROUTER + HOST if way == "out" else HOST + ROUTER) + packet
        data += struct.pack("<IIII", 1700000000, i * 1000, len(frame), len(frame)) + frame
    path.write_bytes(data)
    return path


def record(kind, layers):
    """[(layer id, {field: (type, text)}, {flag: text}, data)] in order."""
    with tempfile.TemporaryDirectory() as folder:
        image = build(folder, "record", kind)
        run = wfp("run", "-q", "--json", "--read", capture(folder, layers), "--local", "10.0.0.4",
                  "--local", "fe80::4", image)
    if run.returncode:
        raise AssertionError(run.stderr[-3000:] + run.stdout[-2000:])
    found, fields, flags, data = [], {}, {}, None
    for words in re.findall(r"record: ([FMDL]) (.*)", run.stderr):
        letter, rest = words[0], words[1].split()
        if letter == "F":
            fields[int(rest[1])] = (int(rest[2]), rest[3])
        elif letter == "M":
            flags[rest[1]] = " ".join(rest[2:])
        elif letter == "D":
            data = " ".join(rest[1:])
        else:
            found.append((int(rest[0]), fields, flags, data))
            fields, flags, data = {}, {}, None
    return found


def readable(name, kind, text):
    if kind == 3 and "ADDRESS" in name and "TYPE" not in name:
        return str(ipaddress.ip_address(int(text)))
    if kind == 11:
        return str(ipaddress.ip_address(bytes.fromhex(text)))
    if "INTERFACE" in name and kind == 4:
        return hex(int(text))
    return text


class LayerValues(unittest.TestCase):
    def test_the_page_is_current(self):
        self.assertEqual(tables.PAGE.read_text(), tables.page())

    @classmethod
    def setUpClass(cls):
        cls.layers, cls.fields, cls.metadata, cls.reasons = tables.load()
        cls.names = {number: name for name, number in cls.layers.items()}
        cls.found = record("so", cls.layers)

    def expected_layers(self):
        others = {"STREAM"}  # not this driver's: layer data of another kind
        return {name for name in tables.kernel_layers(self.layers)
                if not tables.silent(name, self.reasons) and not any(name.startswith(o) for o in others)}

    def test_every_layer_of_the_table_is_indicated(self):
        self.assertEqual(self.expected_layers() - {self.names[layer] for layer, *_ in self.found}, set())

    def test_types_are_as_documented_and_only_the_unknown_is_empty(self):
        given = {}
        for layer, fields, _, _ in self.found:
            name = self.names[layer]
            self.assertEqual(len(fields), len(self.fields[name]), name)
            for index, field, kind in self.fields[name]:
                got = fields[index][0]
                if got:
                    self.assertEqual(got, TYPES[kind], f"{name} {field}")
                    self.assertNotIn(field, self.reasons["UNKNOWN"], name)
                    given.setdefault(name, set()).add(field)
                else:
                    self.assertTrue(field in self.reasons["UNKNOWN"] or field in self.reasons["SOMETIMES"],
                                    f"{name} {field} is empty, and no row says why")
        for name, fields in given.items():  # what is always there, is
            for _, field, _ in self.fields[name]:
                self.assertTrue(field in fields or field in self.reasons["UNKNOWN"] or
                                field in self.reasons["SOMETIMES"], f"{name} {field}")

    def test_metadata_are_those_of_the_layer(self):
        for layer, _, flags, _ in self.found:
            name = self.names[layer]
            allowed = set(self.metadata.get(tables.family(name), []))
            if name.endswith("_DISCARD"):
                allowed.add("DISCARD_REASON")
                self.assertEqual(flags.get("DISCARD_REASON"), "policy", name)
            if name == "INBOUND_MAC_FRAME_ETHERNET":
                allowed.add("ETHERNET_MAC_HEADER_SIZE")
                self.assertIn("ETHERNET_MAC_HEADER_SIZE", flags)
            self.assertEqual(set(flags) - allowed, set(), name)
            self.assertEqual(set(flags) & set(self.reasons["UNKNOWN_METADATA"]), set(), name)
            self.assertNotIn("NOT THERE", flags.values(), name)
            for flag in allowed - set(flags) - {"DISCARD_REASON", "ETHERNET_MAC_HEADER_SIZE"}:
                self.assertTrue(flag in self.reasons["SOMETIMES_METADATA"] or flag in self.reasons["UNKNOWN_METADATA"],
                                f"{name} {flag} is missing, and no row says why")

    def text(self, found):
        lines = []
        for layer, fields, flags, data in sorted(found, key=lambda row: row[0]):
            name = self.names[layer]
            lines.append(name)
            lines += [f"  {field} = {readable(field, *fields[index])}" for index, field, _ in self.fields[name]
                      if fields[index][0]]
            lines += [f"  {flag}: {value}" for flag, value in flags.items()]
            lines.append(f"  data: {data}")
        return "\n".join(lines) + "\n"

    def test_values_are_the_golden_ones(self):
        text = self.text(self.found)
        if os.environ.get("OPENWFP_ACCEPT"):
            GOLDEN.write_text(text)
        self.maxDiff = 4000
        self.assertEqual(text.splitlines(), GOLDEN.read_text().splitlines())

    @unittest.skipIf(SANITIZED, "a .sys needs the GS base, which the sanitizer's runtime does not expect")
    def test_a_windows_image_sees_the_same(self):
        self.assertEqual(self.text(record("sys", self.layers)), self.text(self.found))


if __name__ == "__main__":
    main()
