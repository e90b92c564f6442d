# SPDX-License-Identifier: Apache-2.0
"""--state: a run that is ended or killed, and the next one that goes on from its state file.

Everything happens in a network namespace of the test's own, without any traffic."""

import json
import os
import signal
import subprocess
import time
import unittest

import netns
import test_live
from test_live import BINARY, POD, wait_for

TARGET = {"event.name": "drainsnoop.target.state", "drainsnoop.target.id": "10.99.0.5", "drainsnoop.target.port": 8080,
          "drainsnoop.target_group.name": "web", "drainsnoop.target.state": "healthy"}
UID = POD["k8s.pod.uid"]


@unittest.skipIf(os.geteuid(), "needs root")
class State(unittest.TestCase):
    start, end, said = test_live.Live.start, test_live.Live.end, test_live.Live.said
    lines, names = test_live.Live.lines, test_live.Live.names

    def setUp(self):
        test_live.Live.setUp(self)
        self.state = os.path.join(self.folder, "state", "drainsnoop.state")
        os.mkdir(os.path.dirname(self.state))

    def append(self, *events):
        """Events with their time: what is read again must be known again."""
        for event in events:
            now = time.time_ns()
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + f".{now % 10**9:09d}Z"
            test_live.Live.append(self, dict(event, time=stamp))

    def run_with_state(self, *args):
        """A run; its recording has a name of its own."""
        self.count += 1
        self.recording = os.path.join(self.folder, f"recording-{self.count}.jsonl")
        return self.start("--state", self.state, "--record", self.recording, "--settle", "1s", *args)

    def saved(self):
        """The lines of the state file, [] without one."""
        try:
            with open(self.state, encoding="utf-8") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []

    def wait_saved(self, condition, what):
        wait_for(lambda: any(condition(line) for line in self.saved()), 60, what)

    def stop(self, process):
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0, self.said())

    def replayed(self):
        """Asserts that the recording says what the run said."""
        with open(self.output, "rb") as file:
            live = file.read()
        done = subprocess.run([BINARY, "replay", "-o", "json", self.recording], capture_output=True, timeout=60,
                              check=True)
        self.assertEqual(done.stdout, live)

    def restored(self):
        return [e for e in self.lines() if e["event.name"] == "drainsnoop.pod.state" and e.get("drainsnoop.restored")]

    def losses(self):
        with open(self.recording, encoding="utf-8") as file:
            return [e for e in map(json.loads, file) if e["event.name"] == "drainsnoop.loss"
                    and not e.get("drainsnoop.restored")]

    def other_files(self):
        return sorted(set(os.listdir(os.path.dirname(self.state))) - {"drainsnoop.state"})

    def test_first_run_makes_a_state_and_the_next_knows_the_pod(self):
        process = self.run_with_state("--events", self.events)
        self.append(POD, TARGET)
        wait_for(lambda: "drainsnoop.target.state" in self.names(), 60, "the target")
        self.stop(process)
        self.assertFalse(self.restored())
        self.assertEqual(self.saved()[0]["drainsnoop.state.version"], 1)
        process = self.run_with_state()     # nobody else tells it of the pod
        self.stop(process)
        self.assertEqual([e["k8s.pod.uid"] for e in self.restored()], [UID])
        self.assertEqual(self.said(), "")
        self.replayed()
        gap = self.losses()
        self.assertEqual([e["drainsnoop.loss.stage"] for e in gap], ["restart"])
        self.assertNotIn("drainsnoop.loss.count", gap[0])
        self.assertLessEqual(gap[0]["drainsnoop.not_before"], gap[0]["drainsnoop.not_after"])
        self.assertEqual(self.lines()[-1]["drainsnoop.lost.events"], 0)
        self.assertEqual(self.other_files(), [])

    def test_killed_while_a_pod_goes_away(self):
        process = self.run_with_state("--events", self.events)
        self.append(POD, TARGET)
        wait_for(lambda: "drainsnoop.target.state" in self.names(), 60, "the target")
        self.append(dict(POD, **{"drainsnoop.pod.phase": "terminating"}))
        self.wait_saved(lambda e: e.get("drainsnoop.pod.phase") == "terminating", "the state to know that it goes")
        process.kill()
        process.wait()
        time.sleep(1.2)
        process = self.run_with_state("--events", self.events)  # the file is read from its beginning again
        self.append(dict(POD, **{"drainsnoop.pod.phase": "deleted"}), dict(TARGET, **{"drainsnoop.target.state": "unused"}))
        wait_for(lambda: "drainsnoop.pod.verdict" in self.names(), 60, "the verdict")
        self.stop(process)
        verdicts = [e for e in self.lines() if e["event.name"] == "drainsnoop.pod.verdict"]
        self.assertEqual([e["drainsnoop.verdict.code"] for e in verdicts], ["inconclusive"])
        self.assertEqual(verdicts[0]["drainsnoop.verdict.reason"], "restart_gap")
        self.assertGreaterEqual(verdicts[0]["drainsnoop.not_observed_ms"], 1200)
        self.assertEqual(verdicts[0]["drainsnoop.lost.events"], 0)
        phases = [e["drainsnoop.pod.phase"] for e in self.lines() if e["event.name"] == "drainsnoop.pod.phase"]
        self.assertEqual(phases, ["deleted"])
        self.replayed()
        process = self.run_with_state("--events", self.events)
        time.sleep(3)
        self.stop(process)
        self.assertNotIn("drainsnoop.pod.verdict", self.names(), "a second verdict")
        self.replayed()

    def test_ended_while_a_pod_goes_away(self):
        process = self.run_with_state("--events", self.events)
        self.append(POD, dict(POD, **{"drainsnoop.pod.phase": "terminating"}))
        wait_for(lambda: self.names().count("drainsnoop.pod.phase") == 2, 60, "the phase")
        self.stop(process)
        self.assertIn("observation_cut", [e.get("drainsnoop.verdict.reason") for e in self.lines()])
        process = self.run_with_state()
        self.stop(process)
        verdict = next(e for e in self.lines() if e["event.name"] == "drainsnoop.pod.verdict")
        self.assertEqual(verdict["drainsnoop.verdict.reason"], "restart_gap")
        self.replayed()

    def test_damaged_files_are_set_aside_and_never_stop_the_start(self):
        process = self.run_with_state("--events", self.events)
        self.append(POD)
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        self.stop(process)
        with open(self.state, "rb") as file:
            good = file.read()
        damages = [b"", b"\0" * 5000, good[:len(good) // 2], good[:-1], good.replace(b"web-1", b"web-2"),
                   good.replace(b'version":1', b'version":2'), os.urandom(70000)]
        for number, data in enumerate(damages, 1):
            with open(self.state, "wb") as file:
                file.write(data)
            self.stop(self.run_with_state())
            said = self.said().splitlines()
            self.assertEqual(len(said), 1, said)
            self.assertIn(f"kept as {self.state}.damaged-{number}", said[0])
            self.assertFalse(self.restored())
            self.assertFalse(self.losses())
            with open(f"{self.state}.damaged-{number}", "rb") as file:
                self.assertEqual(file.read(), data)
            self.assertTrue(self.saved(), "no new state")

    def test_state_of_another_boot_keeps_pods(self):
        process = self.run_with_state("--events", self.events)
        self.append(POD)
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        self.stop(process)
        # Only the program can make a checksum: a boot id of its own, in a mount namespace of its own.
        fake = os.path.join(self.folder, "boot_id")
        with open(fake, "w", encoding="ascii") as file:
            file.write("00000000-1111-4222-8333-444444444444\n")
        other = f"mount --bind {fake} /proc/sys/kernel/random/boot_id && exec {BINARY} trace -v -d 1s -o json " \
                f"--state {self.state}"
        done = subprocess.run(["unshare", "-m", *netns.enter(self.netns), "sh", "-c", other], capture_output=True,
                              text=True, timeout=60, check=True)
        self.assertIn("another boot", done.stderr)
        self.assertIn(UID, done.stdout)

    def test_folder_that_does_not_exist_is_said_and_the_run_goes_on(self):
        self.state = os.path.join(self.folder, "absent", "state")
        process = self.run_with_state("--events", self.events)
        self.append(POD)
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 1)
        said = self.said().splitlines()
        self.assertEqual(len(said), 1, said)
        self.assertIn(self.state, said[0])

    def test_state_that_is_a_folder(self):
        os.mkdir(self.state)
        process = self.run_with_state()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 1)
        self.assertIn("Is a directory", self.said())
