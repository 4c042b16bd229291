"""Live: who owns a socket. Programs are told apart by application id, users by their SIDs; drivers see both."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import SOURCE, WFP, WFP_CC, main
from live_test import demo, why_not

PYTHON = os.path.realpath(sys.executable)
BLOCKED_UID, OTHER_UID = 12345, 23456
CONNECT = """
import os, socket, sys
uid = int(sys.argv[2])
if uid:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
s = socket.socket()
s.settimeout(2)
try:
    s.connect((sys.argv[1], 80))
    print("connected", os.getpid())
except OSError:
    print("refused", os.getpid())
"""
SERVE = """
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 80)); s.listen(64)
while True:
    s.accept()[0].close()
"""


class Owner(unittest.TestCase):
    def setUp(self):
        why = why_not()
        if why:
            self.skipTest(why)
        self.processes = []
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)
        self.other_program = self.folder / "another-program"
        shutil.copy(PYTHON, self.other_program)
        demo.build_network()
        self.addCleanup(self.stop)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=20)
        demo.remove_network()

    def run_inside(self, namespace, *words, **kwargs):
        process = subprocess.Popen(demo.inside(namespace, *map(str, words)), text=True, **kwargs)
        self.processes.append(process)
        return process

    def start(self, namespace, *more, driver="owner"):
        """wfp with a driver, by default the one which blocks the other program and BLOCKED_UID."""
        image, ready = self.folder / f"{driver}.so", self.folder / "ready"
        built = subprocess.run([WFP_CC, f'-DAPP="{self.other_program}"', f"-DBLOCKED_UID={BLOCKED_UID}",
                                f"-I{SOURCE / 'tests' / 'drivers'}", "-o", image,
                                SOURCE / "tests" / "drivers" / f"{driver}.c"], capture_output=True, text=True, timeout=120)
        self.assertEqual(built.returncode, 0, built.stderr)
        wfp = self.run_inside(namespace, WFP, "run", "-q", "--json", "--live", "--duration", "60", "--ready-file",
                              ready, *more, image, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
        return wfp

    def end(self, wfp):
        wfp.send_signal(signal.SIGTERM)
        out, said = wfp.communicate(timeout=30)
        self.assertEqual(wfp.returncode, 0, said)
        return out, said

    def connect(self, program, uid=0):
        """(connected or refused, pid) of a client. @p program is a Python, perhaps under another name."""
        run = subprocess.run(demo.inside(demo.CLIENT, str(program), "-c", CONNECT, demo.OTHER, str(uid)),
                             env=os.environ | {"PYTHONHOME": sys.prefix}, capture_output=True, text=True, timeout=30)
        self.assertEqual(run.returncode, 0, run.stderr)
        word, pid = run.stdout.split()
        return word, int(pid)

    def serve(self):
        server = self.run_inside(demo.SERVER, PYTHON, "-c", SERVE)
        for _ in range(200):
            if self.connect(PYTHON)[0] == "connected":
                return server
        self.fail("the server does not come up")

    def test_programs_and_users_are_told_apart(self):
        self.serve()
        written = self.folder / "written.pcapng"
        wfp = self.start(demo.CLIENT, "--write", written)
        root = self.connect(PYTHON)
        program = self.connect(self.other_program)
        user = self.connect(PYTHON, BLOCKED_UID)
        other_user = self.connect(PYTHON, OTHER_UID)
        _, said = self.end(wfp)
        self.assertEqual([root[0], program[0], user[0], other_user[0]],
                         ["connected", "refused", "refused", "connected"], said)
        for pid, sid in ((root[1], "S-1-5-18-0"), (other_user[1], f"S-1-22-1-{OTHER_UID}")):
            for layer in ("Connect", "Established"):  # the second from a later packet, the other way
                self.assertIn(f"{layer}: process {pid} {PYTHON} user {sid}\n", said)
        # the closure, which has no path, when the process is gone; a refused conversation has one, too
        for (_, pid), sid in ((root, "S-1-5-18-0"), (program, "S-1-5-18-0"), (user, f"S-1-22-1-{BLOCKED_UID}"),
                              (other_user, f"S-1-22-1-{OTHER_UID}")):
            self.assertIn(f"Closure: process {pid} (null) user {sid}\n", said)
        self.replay(written, root[1], program[1])

    def replay(self, written, permitted, blocked):
        """What was written has processes, so a replay tells programs apart as well; users it does not know."""
        run = subprocess.run([WFP, "run", "-q", "-v", "--read", written, "--local", "10.77.0.1", self.folder / "owner.so"],
                             capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn(f"Connect: process {permitted} {PYTHON} user S-1-0-0-0\n", run.stderr)
        lines = [line for line in run.stdout.splitlines() if f"process {blocked} {self.other_program}" in line]
        self.assertTrue(lines)
        for line in lines:
            self.assertIn('BLOCK at ALE_AUTH_CONNECT_V4 by filter', line)
            self.assertIn('"the program"', line)

    def test_tokens_are_the_owners(self):
        self.serve()
        wfp = self.start(demo.CLIENT, driver="token")
        self.assertEqual(self.connect(PYTHON)[0], "connected")
        self.assertEqual(self.connect(PYTHON, OTHER_UID)[0], "connected")
        _, said = self.end(wfp)
        for where in ("lent", "opened"):
            self.assertRegex(said, rf"{where}: S-1-5-18, \d+ groups, type 1, elevated 1, admin 1, modified 1\n")
            self.assertRegex(said, rf"{where}: S-1-22-1-{OTHER_UID}, \d+ groups, type 1, elevated 0, admin 0, modified 1\n")

    def test_what_goes_out_has_the_interfaces_mtu(self):
        self.serve()
        interface = subprocess.run(demo.inside(demo.CLIENT, "sh", "-c", "cat /sys/class/net/*/mtu"), capture_output=True,
                                   text=True, timeout=30)
        wfp = self.start(demo.CLIENT, driver="control")
        self.assertEqual(self.connect(PYTHON)[0], "connected")
        _, said = self.end(wfp)
        told = set(re.findall(r"Packet: mtu (\d+)\n", said))
        self.assertTrue(told and told <= set(interface.stdout.split()), (told, interface.stdout))
        self.assertNotIn("Arrival: mtu", said)

    def test_answers_to_multicast_from_near(self):
        """The interface's network is near: only the answer from elsewhere is authorized by itself."""
        wfp = self.start(demo.CLIENT, driver="set_options")
        asker = self.run_inside(demo.CLIENT, PYTHON, "-c", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.77.0.1", 5555)); s.settimeout(20)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.1"))
s.sendto(b"who", ("224.0.0.251", 1006)); print("asked", flush=True)
print(sorted(s.recvfrom(9)[1][0] for _ in range(2)))
""", stdout=subprocess.PIPE)
        self.assertEqual(asker.stdout.readline(), "asked\n")
        self.run_inside(demo.SERVER, PYTHON, "-c", f"""
import socket
for address in ("10.77.0.2", "{demo.OTHER}"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 77)); s.sendto(b"I", ("10.77.0.1", 5555))
""").wait(timeout=20)
        self.assertEqual(asker.communicate(timeout=30)[0], f"{sorted(['10.77.0.2', demo.OTHER])}\n")
        out, _ = self.end(wfp)
        self.assertEqual(json.loads(out)["layers"]["FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4"]["classified"], 1)

    def test_who_accepts(self):
        server = self.serve()
        wfp = self.start(demo.SERVER)
        self.assertEqual(self.connect(PYTHON)[0], "connected")
        _, said = self.end(wfp)
        # nsenter became the server: its pid is the process'
        self.assertIn(f"Accept: process {server.pid} {PYTHON} user S-1-5-18-0\n", said)

    def test_closed_ports_are_silent_where_a_filter_says_so(self):
        image, ready = self.folder / "stealth.so", self.folder / "ready"
        built = subprocess.run([WFP_CC, f"-I{SOURCE / 'tests' / 'drivers'}", "-o", image,
                                SOURCE / "tests" / "drivers" / "stealth.c"], capture_output=True, text=True, timeout=120)
        self.assertEqual(built.returncode, 0, built.stderr)
        self.serve()
        knock = f"""
import socket
def tcp(port):
    s = socket.socket(); s.settimeout(1)
    try:
        s.connect(("{demo.OTHER}", port)); return "open"
    except ConnectionRefusedError: return "refused"
    except TimeoutError: return "silent"
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(1); u.connect(("{demo.OTHER}", 9)); u.send(b"x")
try:
    u.recv(1)
except ConnectionRefusedError: udp = "refused"
except TimeoutError: udp = "silent"
print(tcp(80), tcp(81), udp)
"""
        def answers():
            return subprocess.run(demo.inside(demo.CLIENT, sys.executable, "-c", knock), capture_output=True, text=True,
                                  timeout=30).stdout.split()
        self.assertEqual(answers(), ["open", "refused", "refused"])
        wfp = self.run_inside(demo.SERVER, WFP, "run", "-q", "--json", "--live", "--duration", "60", "--ready-file", ready,
                              image, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(demo.wait_for(ready, wfp, 30), "not ready in 30 s")
        self.assertEqual(answers(), ["open", "silent", "silent"])
        self.end(wfp)

    def test_the_kernels_own_packets_have_no_owner(self):
        wfp = self.start(demo.SERVER)
        subprocess.run(demo.inside(demo.CLIENT, sys.executable, "-c", f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"to nobody", ("{demo.OTHER}", 9))
"""), check=True, timeout=20)
        _, said = self.end(wfp)
        lines = re.findall(r"Accept: .*", said)
        self.assertEqual(lines, ["Accept: process 0 (null) user S-1-0-0-0"], said)


if __name__ == "__main__":
    main()
