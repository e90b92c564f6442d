# SPDX-License-Identifier: Apache-2.0
"""--targets FILE --follow beside a running trace: files that grow, are rotated, cut and damaged; standard input.

Everything happens in a network namespace of the test's own, without any traffic."""

import gzip
import json
import os
import signal
import subprocess
import time
import unittest

import test_live
from test_live import BINARY, POD, wait_for

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef"
ADDRESS = POD["drainsnoop.pod.addresses"]


def stamp(ns):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns % 10**9:09d}Z"


def call(word, address=ADDRESS):
    """A line of the controller's log, as kubectl logs --timestamps prints it, now."""
    now = time.time_ns()
    return stamp(now) + " " + json.dumps({"level": "info", "ts": stamp(now)[:19] + "Z", "msg": f"{word} targets", "arn": ARN,
                                          "targets": [{"Id": address, "Port": 8080}]}) + "\n"


@unittest.skipIf(os.geteuid(), "needs root")
class Targets(unittest.TestCase):
    start, end, said = test_live.Live.start, test_live.Live.end, test_live.Live.said
    lines, names, append = test_live.Live.lines, test_live.Live.names, test_live.Live.append

    def setUp(self):
        test_live.Live.setUp(self)
        self.log = os.path.join(self.folder, "lbc.log")
        self.recording = os.path.join(self.folder, "recording.jsonl")
        self.write(self.log, "")

    def follow(self, *args, **kwargs):
        return self.start("--events", self.events, "--targets", self.log, "--follow", "--record", self.recording,
                          "--settle", "1s", *args, **kwargs)

    @staticmethod
    def write(path, text, mode="a"):
        with open(path, mode, encoding="utf-8") as file:
            file.write(text)

    def states(self, address=ADDRESS):
        return [e["drainsnoop.target.state"] for e in self.lines() if e["event.name"] == "drainsnoop.target.state"
                and e["drainsnoop.target.id"] == address]

    def wait_state(self, state, address=ADDRESS):
        wait_for(lambda: state in self.states(address), 60, f"{address} to be {state}")

    def stop(self, process):
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0, self.said())
        with open(self.output, "rb") as file:
            live = file.read()
        done = subprocess.run([BINARY, "replay", "-o", "json", self.recording], capture_output=True, timeout=60, check=True)
        self.assertEqual(done.stdout, live, "the recording does not say what the run said")

    def goes_away(self):
        """The pod's last events; its verdict."""
        for phase in ("terminating", "deleted"):
            self.append(dict(POD, **{"drainsnoop.pod.phase": phase}))
        wait_for(lambda: "drainsnoop.pod.verdict" in self.names(), 60, "the verdict")
        return next(e for e in self.lines() if e["event.name"] == "drainsnoop.pod.verdict")

    def test_a_log_grows_is_rotated_and_tells_the_drain(self):
        process = self.follow()
        self.append(POD)
        begin = call("registering")
        self.write(self.log, begin[:70])        # the writer is not done with the line
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        self.write(self.log, begin[70:] + call("registered"))
        self.wait_state("initial")
        os.rename(self.log, self.log + ".1")
        before = time.time_ns()
        self.write(self.log, call("deRegistering"))
        self.write(self.log, call("deRegistered"))
        after = time.time_ns()
        self.wait_state("draining")
        self.append({"event.name": "drainsnoop.target.state", "drainsnoop.target.id": ADDRESS, "drainsnoop.target.port": 8080,
                     "drainsnoop.target_group.name": "web", "drainsnoop.target.state": "unused"})
        verdict = self.goes_away()
        self.assertEqual(verdict["drainsnoop.drain.not_before_source"], "controller_log")
        self.assertEqual(verdict["drainsnoop.drain.not_after_source"], "controller_log")
        self.assertLessEqual(verdict["drainsnoop.drain.not_before"], stamp(before))
        self.assertGreaterEqual(verdict["drainsnoop.drain.not_after"], stamp(after - 10**9))
        self.stop(process)
        self.assertEqual(self.said(), "")

    def test_a_call_goes_on_in_the_rotated_file(self):
        process = self.follow()
        # what comes after the first line shows that it was read
        self.write(self.log, call("deRegistering") + call("registering", "10.99.0.7") + call("registered", "10.99.0.7"))
        self.wait_state("initial", "10.99.0.7")
        os.rename(self.log, self.log + ".1")
        self.write(self.log, call("deRegistered"))
        self.wait_state("draining")
        drain = next(e for e in self.lines() if e.get("drainsnoop.target.state") == "draining")
        self.assertIn("drainsnoop.not_before", drain, "the file that was rotated away is forgotten")
        self.stop(process)

    def test_a_file_is_cut_and_written_anew(self):
        process = self.follow()
        self.write(self.log, "# " + "-" * 4000 + "\n" + call("registering") + call("registered"))
        self.wait_state("initial")
        self.write(self.log, call("deRegistering") + call("deRegistered"), "w")     # shorter than before
        self.wait_state("draining")
        self.stop(process)

    def test_what_is_broken_is_said_with_its_line_and_the_rest_is_used(self):
        process = self.follow()
        self.write(self.log, call("registering") + "nonsense\n" + '{"level": "in\n' + call("registered"))
        self.wait_state("initial")
        self.write(self.log, '{"Records": [{"eventName":')      # never finished
        self.stop(process)
        said = self.said().splitlines()
        self.assertEqual(len(said), 3, said)
        self.assertIn(f"{self.log}:2: no format that is known", said[0])
        self.assertIn(f"{self.log}:3: ", said[1])
        self.assertIn(f"{self.log}:5: cut off: the end is missing", said[2])

    def test_a_growing_gzip_stream_and_standard_input_beside_it(self):
        trail = os.path.join(self.folder, "trail.json.gz")
        record = {"eventTime": stamp(time.time_ns())[:19] + "Z", "eventSource": "elasticloadbalancing.amazonaws.com",
                  "eventName": "DeregisterTargets", "requestParameters": {"targetGroupArn": ARN, "targets": [
                      {"id": "10.99.0.6", "port": 8080}]}}
        data = gzip.compress(json.dumps({"Records": [record]}).encode())
        with open(trail, "wb") as file:
            file.write(data[:len(data) // 2])
        process = self.follow("--targets", trail, "--targets", "-", stdin=subprocess.PIPE)
        process.stdin.write(f"{stamp(time.time_ns())},{ADDRESS},8080,healthy,web\n".encode())
        process.stdin.flush()
        self.wait_state("healthy")
        self.assertEqual(self.states("10.99.0.6"), [])
        with open(trail, "ab") as file:
            file.write(data[len(data) // 2:])
        self.wait_state("draining", "10.99.0.6")
        process.stdin.write(f"{stamp(time.time_ns())},{ADDRESS},8080,draining,web\n".encode())
        process.stdin.close()
        self.wait_state("draining")
        self.write(self.log, call("registering", "10.99.0.7") + call("registered", "10.99.0.7"))
        self.wait_state("initial", "10.99.0.7")      # the end of one is not the end of the others
        self.stop(process)
        self.assertEqual(self.said(), "")

    def test_a_gzip_stream_that_is_cut_off_is_said_at_the_end(self):
        trail = os.path.join(self.folder, "trail.json.gz")
        with open(trail, "wb") as file:
            file.write(gzip.compress(os.urandom(64).hex().encode())[:40])
        process = self.follow("--targets", trail)
        self.write(self.log, call("registering") + call("registered"))
        self.wait_state("initial")
        self.stop(process)
        self.assertIn(f"{trail}: byte 40: the gzip stream is cut off; get the whole file", self.said())
