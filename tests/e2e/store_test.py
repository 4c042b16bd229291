"""A policy store across processes: added by one, in force in the next, gone when deleted."""
import json
import tempfile
import unittest
from pathlib import Path

from harness import DEMO, LOCAL, main, wfp

BLOCK = ("--layer", "OUTBOUND_TRANSPORT_V4", "--action", "block", "--name", "no metadata")


class Store(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.store = str(Path(self.folder.name) / "policy.store")

    def tearDown(self):
        self.folder.cleanup()

    def add(self, *words):
        run = wfp("filter", "add", "--store", self.store, *words)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.strip()

    def replay(self):
        run = wfp("run", "--read", str(DEMO), *LOCAL, "--store", self.store, "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def filters(self):
        run = wfp("show", "filters", "--store", self.store, "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)["filters"]

    def test_a_filter_lives_until_it_is_deleted(self):
        key = self.add(*BLOCK, "IP_REMOTE_ADDRESS=168.63.129.16")
        document = self.replay()
        self.assertEqual(document["blocked"], 7)
        self.assertEqual([f["key"] for f in document["filters"]], [key])
        self.assertEqual(wfp("filter", "delete", "--store", self.store, key).returncode, 0)
        self.assertEqual(self.replay()["blocked"], 0)
        self.assertEqual(wfp("filter", "delete", "--store", self.store, key).returncode, 1)

    def test_conditions_as_words(self):
        self.add(*BLOCK, "IP_REMOTE_ADDRESS=168.63.0.0/16", "IP_REMOTE_PORT=1-1024", "IP_PROTOCOL=0x6",
                 "IP_PROTOCOL=17", "IP_LOCAL_PORT!=53", "--weight", "9", "--hard")
        (shown,) = self.filters()
        self.assertEqual([(c["field"], c["match"], c["value"]) for c in shown["conditions"]],
                         [("IP_REMOTE_ADDRESS", "EQUAL", "168.63.0.0/16"), ("IP_REMOTE_PORT", "RANGE", "1-1024"),
                          ("IP_PROTOCOL", "EQUAL", "6"), ("IP_PROTOCOL", "EQUAL", "17"),
                          ("IP_LOCAL_PORT", "NOT_EQUAL", "53")])
        self.assertTrue(shown["weight"].startswith("0x9"))
        self.assertEqual(self.replay()["blocked"], 6)

    def test_boot_time_filters_are_not_in_force_while_bfe_runs(self):
        self.add(*BLOCK, "IP_REMOTE_ADDRESS=168.63.129.16", "--boot-time")
        self.assertEqual(len(self.filters()), 1)
        self.assertEqual(self.replay()["blocked"], 0)

    def test_what_is_refused(self):
        store = ("--store", self.store)
        for code, text, words in (
                (2, "missing", ("add",)),
                (2, "--store", ("add", "--layer", "OUTBOUND_TRANSPORT_V4")),
                (2, "no layer", ("add", *store, "--layer", "NONE", "--action", "block")),
                (2, "no action", ("add", *store, "--layer", "STREAM_V4", "--action", "hope")),
                (2, "no field", ("add", *store, *BLOCK, "IP_REMOTE_PORTS=1")),
                (2, "no value", ("add", *store, *BLOCK, "IP_REMOTE_PORT=65536")),
                (2, "no value", ("add", *store, *BLOCK, "IP_REMOTE_ADDRESS=10.0.0.0/33")),
                (2, "FIELD=VALUE", ("add", *store, *BLOCK, "IP_REMOTE_PORT")),
                (2, "weight", ("add", *store, *BLOCK, "--weight", "16")),
                (1, "INVALID_RANGE", ("add", *store, *BLOCK, "IP_REMOTE_PORT=2-1")),
                (1, "DUPLICATE", ("add", *store, *BLOCK, "IP_PROTOCOL=6", "IP_REMOTE_PORT=1", "IP_PROTOCOL=17")),
                (2, "no key", ("delete", *store, "x")),
                (2, "is no", ("forget", *store)),
                (3, "/nonexistent", ("add", "--store", "/nonexistent/store", *BLOCK)),
                (3, "no policy store", ("add", "--store", str(DEMO), *BLOCK))):
            with self.subTest(words=words):
                run = wfp("filter", *words)
                self.assertEqual(run.returncode, code, run.stderr)
                self.assertIn(text, run.stderr)
        self.assertEqual(wfp("show", "filters", "--store", self.store + "x").returncode, 3)


if __name__ == "__main__":
    main()
