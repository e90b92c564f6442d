# SPDX-License-Identifier: Apache-2.0
"""The live run as a process: how it starts, follows its inputs, ends, and what it leaves behind.

Everything happens in a network namespace of the test's own, without any traffic."""

import datetime
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import netns

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(ROOT, "build/drainsnoop")
BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"
POD = {"event.name": "drainsnoop.pod.state", "k8s.pod.uid": "6f2a1c1e-0000-4000-8000-000000000001",
       "k8s.pod.name": "web-1", "k8s.namespace.name": "shop", "drainsnoop.pod.addresses": "10.99.0.5",
       "drainsnoop.pod.phase": "ready"}


def wait_for(condition, timeout=60, what="a condition"):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(0.05)


def links():
    """The BPF links of this machine, by their ids; None where another's went while it looked."""
    done = subprocess.run([BPFTOOL, "-j", "link", "show"], capture_output=True, text=True, check=False)
    try:
        return {link["id"] for link in json.loads(done.stdout or "[]")}
    except ValueError:
        return None


def links_of(process):
    """Those that a process holds."""
    found = set()
    for path in glob.glob(f"/proc/{process.pid}/fdinfo/*"):
        with open(path, encoding="ascii") as file:
            found |= {int(line.split()[1]) for line in file if line.startswith("link_id:")}
    return found


@unittest.skipIf(os.geteuid(), "needs root")
class Live(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.netns = netns.make("live", self.addCleanup)
        self.events = os.path.join(self.folder, "events.jsonl")
        with open(self.events, "w", encoding="utf-8"):
            pass
        self.errors = os.path.join(self.folder, "errors")
        self.output = os.path.join(self.folder, "output")
        self.count = 0

    def start(self, *args, stdin=None, stdout=None):
        """Starts a trace in the namespace and waits for its first line."""
        out = stdout or open(self.output, "wb")
        with open(self.errors, "wb") as errors:
            process = subprocess.Popen([*netns.enter(self.netns), BINARY, "trace", "-o", "json", *args], stdout=out,
                                       stderr=errors, stdin=stdin or subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        if not stdout:
            out.close()
            wait_for(lambda: self.names() or process.poll() is not None, 60, "the first line")
            self.assertIn(process.poll(), (None, 0), self.said())
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def said(self):
        with open(self.errors, encoding="utf-8", errors="replace") as file:
            return file.read()

    def lines(self):
        with open(self.output, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def names(self):
        return [line["event.name"] for line in self.lines()]

    def append(self, *events):
        with open(self.events, "a", encoding="utf-8") as file:
            for event in events:
                file.write(event if isinstance(event, str) else json.dumps(event) + "\n")

    def test_ctrl_c_ends_with_0_and_a_last_line(self):
        process = self.start()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(self.names()[0], "drainsnoop.start")
        self.assertEqual(self.names()[-1], "drainsnoop.stop")

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_the_first_line_is_of_the_moment_when_all_was_attached(self):
        """strace, which makes that take its time, says when the last program was."""
        calls = os.path.join(self.folder, "calls")
        with open(self.output, "wb") as out:
            subprocess.run([*netns.enter(self.netns), "strace", "-D", "-f", "-qq", "-ttt", "-e",
                            "trace=bpf,write", "-o", calls, BINARY, "trace", "-o", "json", "--duration", "1s"],
                           stdout=out, check=True, timeout=120)
        first, before = self.lines()[0], []
        with open(calls, encoding="utf-8", errors="replace") as file:
            for line in file:
                if " write(1, " in line:
                    break
                attached = re.match(r"\d+ +(\d+\.\d+) bpf\((?:BPF_RAW_TRACEPOINT_OPEN|BPF_LINK_CREATE)\b.* = \d+$", line)
                if attached:
                    before.append(float(attached.group(1)))
        self.assertGreaterEqual(len(before), len(first["drainsnoop.probes.attached"].split(",")))
        self.assertGreaterEqual(datetime.datetime.fromisoformat(first["time"][:26] + "+00:00").timestamp(), before[-1])

    def test_duration_ends_by_itself(self):
        self.assertEqual(self.start("--duration", "1s").wait(60), 0)

    def test_events_file_is_followed_and_a_malformed_line_named(self):
        process = self.start("--events", self.events)
        self.append(POD)
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        self.append('{"event.name":"drainsnoop.pod.state",\n', dict(POD, **{"k8s.pod.name": "web-2"}))
        wait_for(lambda: self.names().count("drainsnoop.pod.state") == 2, 60, "the line after the bad one")
        self.append('{"event.name":"drainsnoop.po')
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)
        said = self.said()
        self.assertIn(f"{self.events}:2: byte ", said)
        self.assertIn(f"{self.events}:4: ", said)

    def test_fifo_serves_one_writer_after_another(self):
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        process = self.start("--events", fifo)
        for number in (1, 2):
            with open(fifo, "w", encoding="utf-8") as file:
                file.write(json.dumps(dict(POD, **{"k8s.pod.name": f"web-{number}"})) + "\n")
            wait_for(lambda n=number: self.names().count("drainsnoop.pod.state") == n, 60, "a pod from the FIFO")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)

    def test_standard_input(self):
        process = self.start("--events", "-", stdin=subprocess.PIPE)
        process.stdin.write((json.dumps(POD) + "\n").encode())
        process.stdin.close()
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)

    def test_unreadable_events_file(self):
        process = subprocess.run([BINARY, "--events", os.path.join(self.folder, "absent")], capture_output=True,
                                 text=True, timeout=60, check=False)
        self.assertEqual(process.returncode, 1)
        self.assertIn("absent", process.stderr)

    def test_netns_that_is_none(self):
        done = subprocess.run([BINARY, "--netns", "/run/netns/no-such"], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/run/netns/no-such", done.stderr)

    def test_reader_that_goes_away_ends_the_run_quietly(self):
        read, write = os.pipe()
        process = self.start("--events", self.events, stdout=write)
        os.close(write)
        with os.fdopen(read, encoding="utf-8") as reader:
            self.assertIn("drainsnoop.start", reader.readline())
        self.append(POD, POD)
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(self.said(), "")

    def test_recording_replays_to_the_same_bytes(self):
        recording = os.path.join(self.folder, "recording.jsonl")
        process = self.start("--events", self.events, "--record", recording, "--settle", "1s")
        self.append(POD)
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        self.append(dict(POD, **{"drainsnoop.pod.phase": "terminating"}),
                    dict(POD, **{"drainsnoop.pod.phase": "deleted"}))
        wait_for(lambda: "drainsnoop.pod.verdict" in self.names(), 60, "the verdict")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0)
        with open(self.output, "rb") as file:
            live = file.read()
        replayed = subprocess.run([BINARY, "replay", "-o", "json", recording], capture_output=True, timeout=60,
                                  check=True)
        self.assertEqual(replayed.stdout, live)

    def test_full_disk_under_record_is_said_and_the_run_goes_on(self):
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        recording = os.path.join(disk, "recording.jsonl")
        process = self.start("--events", self.events, "--record", recording)
        self.append(*(dict(POD, **{"k8s.pod.name": f"web-{n}"}) for n in range(2000)))
        wait_for(lambda: "No space left" in self.said(), 60, "the complaint")
        self.append(dict(POD, **{"k8s.pod.name": "the-last"}))
        wait_for(lambda: any(e.get("k8s.pod.name") == "the-last" for e in self.lines()), 60, "the run going on")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 1)
        self.assertRegex(self.said(), r"\d+ lines of the recording .* are lost")
        with open(recording, encoding="utf-8") as file:
            for line in file:
                json.loads(line)        # whole lines only

    def test_nothing_stays_attached_after_kill_9(self):
        process = self.start("--tap", "always")
        held = links_of(process)
        self.assertTrue(held, "it holds no BPF link")
        wait_for(lambda: held <= (links() or set()), 60, "all of them to be shown")
        process.kill()
        process.wait()
        wait_for(lambda: (now := links()) is not None and not held & now, 60, "the links to go")

    def test_without_events_or_pods_host_routes_are_the_pods(self):
        for command in ("link add pod0 type veth peer name pod1", "link set pod0 up", "link set pod1 up"):
            subprocess.run(["ip", "-n", self.netns, *command.split()], check=True)
        process = self.start()
        subprocess.run(["ip", "-n", self.netns, "route", "add", "10.99.0.7/32", "dev", "pod0"], check=True)
        wait_for(lambda: any(e.get("drainsnoop.pod.addresses") == "10.99.0.7" for e in self.lines()), 60, "the pod")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)


if __name__ == "__main__":
    unittest.main()
