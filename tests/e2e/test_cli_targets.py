# SPDX-License-Identifier: Apache-2.0
"""replay --targets: drains told afterwards, by files of every kind and in every state of disrepair."""

import gzip
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from test_cli import BINARY, recording

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web/0123456789abcdef"
POD = "10.77.1.66"


def call(stamp, message, pod=POD):
    """A line of the controller's log."""
    return json.dumps({"level": "info", "ts": f"2026-11-23T00:12:{stamp}Z", "msg": message, "arn": ARN,
                       "targets": [{"Id": pod, "AvailabilityZone": None, "Port": 8080}]}) + "\n"


BEGIN, END = call("33.150", "deRegistering targets"), call("33.250", "deRegistered targets")
# a stamp of milliseconds means the one that follows; clocks may be off by 50 ms
WANT = ["2026-11-23T00:12:33.100000000Z", "2026-11-23T00:12:33.301000000Z"]


class Targets(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        path = recording(self.folder)
        self.recording = os.path.join(self.folder, "untold.jsonl")
        with open(path, encoding="utf-8") as file, open(self.recording, "w", encoding="utf-8") as out:
            for line in file:       # who drains is told by --targets alone
                if '"drainsnoop.target.state":"draining"' not in line:
                    out.write(line)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as out:
            out.write(data.encode() if isinstance(data, str) else data)
        return path

    def replay(self, *paths, **kwargs):
        """Status, what was said, and the drain of the first verdict: lower bound, upper bound."""
        args = [arg for path in paths for arg in ("--targets", path)]
        done = subprocess.run([BINARY, "replay", self.recording, "-o", "json", *args], capture_output=True, text=True,
                              timeout=60, check=False, **kwargs)
        for event in map(json.loads, done.stdout.splitlines()):
            if event["event.name"] == "drainsnoop.pod.verdict":
                drain = [event.get("drainsnoop.drain.not_before"), event.get("drainsnoop.drain.not_after")]
                return done.returncode, done.stderr, drain
        return done.returncode, done.stderr, None

    def test_without_it_nobody_knows_when_the_drain_began(self):
        status, said, drain = self.replay()
        self.assertEqual((status, said), (0, ""))
        self.assertIsNone(drain[1])

    def test_plain_gzip_standard_input_and_a_pipe(self):
        text = BEGIN + END
        self.assertEqual(self.replay(self.write("a", text)), (0, "", WANT))
        self.assertEqual(self.replay(self.write("a.gz", gzip.compress(text.encode()))), (0, "", WANT))
        self.assertEqual(self.replay("-", input=text), (0, "", WANT))
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', os.path.join(self.folder, "a"), fifo]):
            self.assertEqual(self.replay(fifo), (0, "", WANT))

    def test_several_files_are_one_story(self):
        # each bound from a file of its own, and one that speaks of nothing
        wide = self.write("wide", call("32.900", "deRegistering targets") + call("33.250", "deRegistered targets"))
        csv = self.write("csv", f"2026-11-23T00:12:33.000Z,{POD},8080,healthy,shop-web\n")
        empty = self.write("empty", "")
        status, said, drain = self.replay(wide, csv, empty)
        self.assertEqual(status, 0)
        self.assertIn(f"{empty}: says nothing of any target", said)
        self.assertEqual(drain[1], WANT[1])
        self.assertEqual(self.replay(csv, empty, wide)[2], drain)

    def test_two_gzip_streams_are_one_file(self):
        data = gzip.compress((BEGIN + END[:40]).encode()) + gzip.compress(END[40:].encode())
        self.assertEqual(self.replay(self.write("a.gz", data)), (0, "", WANT))

    def test_broken_gzip_is_told_and_what_came_before_is_used(self):
        whole = gzip.compress((BEGIN + END).encode())
        for data, words in ((whole[:-3], f"byte {len(whole) - 3}: the gzip stream is cut off; get the whole file"),
                            (whole + b"garbage", "what stands behind the gzip stream is none")):
            path = self.write("a.gz", data)
            status, said, drain = self.replay(path)
            self.assertEqual((status, drain), (1, WANT))
            self.assertIn(f"drainsnoop: {path}: byte", said)
            self.assertIn(words, said)

    def test_bad_lines_cost_themselves_only(self):
        for bad, words in (("hello\n", "no format that is known"), ("a\0b\n", "a NUL character"),
                           ("x" * (10 << 20) + "\n", "longer than 1 MiB"), ('{"level":"in\n', "the end of the line")):
            path = self.write("a", BEGIN + bad + END)
            status, said, drain = self.replay(path)
            self.assertEqual((status, drain), (1, WANT), words)
            self.assertTrue(said.startswith(f"drainsnoop: {path}:2: "), said)
            self.assertIn(words, said)

    def test_a_missing_file_and_a_folder_end_it(self):
        missing = os.path.join(self.folder, "missing")
        for path, words in ((missing, "No such file"), (self.folder, "name a file, a FIFO or -")):
            status, said, drain = self.replay(self.write("a", BEGIN + END), path)
            self.assertEqual((status, drain), (1, None))
            self.assertIn(path, said)
            self.assertIn(words, said)
            self.assertEqual(said.count("\n"), 1)

    def test_the_runtimes_own_log_lines(self):
        """The file on the node: stamp, stream, whole or partial, text."""
        half = len(END) // 2
        lines = (f"2026-11-23T00:12:33.151000000Z stderr F {BEGIN}"
                 f"2026-11-23T00:12:33.200000000Z stderr F plain text\n"
                 f"2026-11-23T00:12:33.250500000Z stderr P {END[:half]}\n"
                 f"2026-11-23T00:12:33.250600000Z stdout F in between\n"
                 f"2026-11-23T00:12:33.250700000Z stderr F {END[half:]}")
        status, said, drain = self.replay(self.write("0.log", lines))
        self.assertEqual((status, said), (0, ""))
        self.assertEqual(drain, [WANT[0], "2026-11-23T00:12:33.300500001Z"])


if __name__ == "__main__":
    unittest.main()
