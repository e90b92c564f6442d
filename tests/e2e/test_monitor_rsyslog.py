# SPDX-License-Identifier: Apache-2.0
"""A log agent of others, rsyslog, follows the agent's container log: as many records arrive as were written, with
the attributes that they had. Plain lines and those of a container runtime (CRI), one file and rotated ones."""
import collections
import glob
import gzip
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(ROOT, "build/drainsnoop")
RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
RECORDINGS = ("rollout", "address_released_neigh-ipv6", "drain_elb", "no_healthy_target-ipv6", "lower_prestop")
WAIT_S = 120

# What somebody has to write into rsyslog's configuration. Keys with dots are one key each.
PLAIN = """
    action(type="mmjsonparse" cookie="" container="$!line")
    if $parsesuccess != "OK" then { action(type="omfile" file="%(folder)s/bad") stop }
"""
CRI = """
    set $.flag = field($msg, 32, 3);
    set $.text = re_extract($msg, "^[^ ]+ [^ ]+ [FP] (.*)", 0, 1, "");
    set $.wrong = parse_json($.text, "\\$!line");
    if $.wrong != 0 or $.flag != "F" then { action(type="omfile" file="%(folder)s/bad") stop }
"""
CONFIG = """
global(workDirectory="%(folder)s" maxMessageSize="16k")
main_queue(queue.type="Direct")
module(load="imfile")
module(load="mmjsonparse")
template(name="line" type="list") { property(name="$!line") constant(value="\\n") }
input(type="imfile" File="%(folder)s/logs/*.log" Tag="drainsnoop" ruleset="lines" addMetadata="off")
ruleset(name="lines") {
    %(parse)s
    action(type="omfile" file="%(folder)s/arrived" template="line")
}
"""


def replayed(recording):
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(recording)
        file.flush()
        run = subprocess.run([BINARY, "replay", "-o", "json", file.name], capture_output=True, check=False)
        if run.returncode:
            raise AssertionError(run.stderr.decode())
        return run.stdout.splitlines(True)


def tool_lines():
    """What the tool prints: whole runs, replayed."""
    lines = []
    for name in RECORDINGS:
        path = os.path.join(ROOT, "tests/golden", name + ".jsonl.gz")
        with gzip.open(path, "rb") as file:
            lines += replayed(file.read())
    return lines


def awkward_lines():
    """Lines of the tool with what a parser may stumble over: quotes, backslashes, all of UTF-8, long ones."""
    name = "a\\b\"c\t\x01 grüß € \U0001f40b {\"x\":1} # %s \\u0000 " + "ü" * 1000
    events = [{"event.name": "drainsnoop.start", "time": "2026-11-22T10:15:00Z", "drainsnoop.run.id": "8f3a61c2",
               "drainsnoop.version": "0.1.0"},
              {"event.name": "drainsnoop.pod.state", "time": "2026-11-22T10:15:01Z", "k8s.pod.uid": "u-1", "k8s.pod.name": name,
               "k8s.namespace.name": name, "drainsnoop.pod.addresses": "10.0.3.1", "drainsnoop.pod.phase": "ready",
               "drainsnoop.pod.prestop": name},
              {"event.name": "drainsnoop.tick", "time": "2026-11-22T10:15:02Z", "drainsnoop.final": True}]
    return replayed("".join(json.dumps(event) + "\n" for event in events).encode())


class Follow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lines = tool_lines() + awkward_lines()

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = os.path.join(self.folder, "logs", "0.log")
        os.mkdir(os.path.dirname(self.log))
        self.arrived = os.path.join(self.folder, "arrived")

    def start(self, parse):
        config = os.path.join(self.folder, "rsyslog.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG % {"folder": self.folder, "parse": parse % {"folder": self.folder}})
        checked = subprocess.run([RSYSLOGD, "-N1", "-f", config], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        with open(os.path.join(self.folder, "errors"), "wb") as errors:
            process = subprocess.Popen([RSYSLOGD, "-n", "-f", config, "-i", os.path.join(self.folder, "pid")],
                                       stdout=errors, stderr=errors)
        self.addCleanup(process.wait)
        self.addCleanup(process.send_signal, signal.SIGTERM)
        return process

    def append(self, lines):
        """As a container runtime does: one write a line."""
        with open(self.log, "ab", buffering=0) as file:
            for line in lines:
                file.write(line)

    def records(self):
        try:
            with open(self.arrived, "rb") as file:
                return file.read().count(b"\n")
        except FileNotFoundError:
            return 0

    def wait_for(self, count):
        end = time.monotonic() + WAIT_S
        while self.records() < count:
            bad = glob.glob(os.path.join(self.folder, "bad"))
            if bad:
                with open(bad[0], encoding="utf-8") as file:
                    self.fail("not parsed: " + file.read()[:3000])
            self.assertLess(time.monotonic(), end, f"{self.records()} of {count} records arrived")
            time.sleep(0.05)

    def assert_all_arrived(self, lines):
        self.wait_for(len(lines))
        with open(self.arrived, encoding="utf-8") as file:
            arrived = [json.loads(line) for line in file]
        self.assertEqual(len(arrived), len(lines))
        for got, line in zip(arrived, lines):
            self.assertEqual(got, json.loads(line))
        names = collections.Counter(record["event.name"] for record in arrived)
        for name in ("start", "drop", "pod.verdict", "advice", "target.state", "stop"):
            self.assertGreater(names["drainsnoop." + name], 0, name)

    def test_plain_lines(self):
        self.start(PLAIN)
        half = len(self.lines) // 2
        self.append(self.lines[:half])
        self.wait_for(half)
        self.append(self.lines[half:])
        self.assert_all_arrived(self.lines)

    @staticmethod
    def as_container_log(lines):
        """As containerd writes what the container wrote: time, stream, F for a whole line."""
        return [b"2026-11-22T10:15:%02d.%09dZ stdout F " % (i % 60, i) + line for i, line in enumerate(lines)]

    def test_container_log(self):
        self.assertLessEqual(max(map(len, self.lines)), 4096)
        self.assertGreater(max(map(len, self.lines)), 3800)
        self.start(CRI)
        self.append(self.as_container_log(self.lines))
        self.assert_all_arrived(self.lines)

    def test_a_rotated_container_log(self):
        """As the kubelet rotates: the file is renamed, and the runtime begins another one."""
        self.start(CRI)
        third = len(self.lines) // 3
        for part in range(4):
            lines = self.lines[part * third:(part + 1) * third]
            self.append(self.as_container_log(lines))
            self.wait_for(min(len(self.lines), (part + 1) * third))
            if part < 3:
                os.rename(self.log, f"{self.log}.2026112210150{part}")
        self.assert_all_arrived(self.lines)


if __name__ == "__main__":
    unittest.main()
