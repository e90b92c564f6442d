# SPDX-License-Identifier: Apache-2.0
"""For tests of --elb: a run of drainsnoop in a network namespace of the test's own, on whose loopback a fake AWS
answers. What the fake was asked and what was done to its targets is the truth; Kubernetes is told by events."""

import json
import os
import sys
import time
import unittest
from unittest import mock

import test_live
from test_live import ROOT, wait_for

sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from drainlab.events import parse_rfc3339, rfc3339      # noqa: E402
from drainlab.fakeaws import FakeAws                    # noqa: E402

PORT = 8080
# Nothing of the machine's own is looked at.
CLEAN = {name: "" for name in os.environ if name.startswith("AWS_")} | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nowhere"}


def address(number):
    return f"10.99.{number // 250}.{number % 250 + 1}"


def uid(number):
    return f"6f2a1c1e-0000-4000-8000-{number:012d}"


def pod(number, phase="ready", **keys):
    return {"event.name": "drainsnoop.pod.state", "k8s.pod.uid": uid(number), "k8s.pod.name": f"web-{number}",
            "k8s.namespace.name": "shop", "drainsnoop.pod.addresses": address(number), "drainsnoop.pod.phase": phase,
            "drainsnoop.pod.ports": str(PORT), **keys}


def target(group, number, state="healthy"):
    """As whoever watches the cluster tells it: this pod is a target of that group."""
    return {"event.name": "drainsnoop.target.state", "drainsnoop.target.id": address(number),
            "drainsnoop.target.port": PORT, "drainsnoop.target_group.arn": group.arn, "drainsnoop.target.state": state,
            "drainsnoop.target_group.name": group.name, "drainsnoop.target_group.target_type": "ip",
            "drainsnoop.target_group.deregistration_delay_s": int(group.delay)}


@unittest.skipIf(os.geteuid(), "needs root")
class ElbRun(unittest.TestCase):
    end, said, lines = test_live.Live.end, test_live.Live.said, test_live.Live.lines
    names = test_live.Live.names
    ahead = 0       # s, AWS's clock before this host's

    def setUp(self):
        test_live.Live.setUp(self)
        self.process = None
        self.anew()

    def anew(self):
        """Another account, another run: nothing of the one before is left."""
        if self.process:
            self.end(self.process)
            self.aws.close()
        self.aws = FakeAws(clock=lambda: time.time() + self.ahead)
        self.addCleanup(self.aws.close)
        self.url = self.aws.listen(netns=f"/run/netns/{self.netns}")
        self.key = self.aws.keys.issue(lifetime=3600)
        self.recording = os.path.join(self.folder, "recording.jsonl")
        with open(self.events, "w", encoding="utf-8"):
            pass

    def begin(self, *args, **environment):
        """Starts a trace that may ask the fake."""
        environment = {**CLEAN, "AWS_ENDPOINT_URL": self.url, **self.key.environment(), **environment}
        with mock.patch.dict(os.environ, environment):
            self.process = test_live.Live.start(self, "--events", self.events, "--record", self.recording, *args)
        return self.process

    def append(self, *events):
        now = rfc3339(time.time_ns())
        test_live.Live.append(self, *({"time": now, **event} for event in events))

    def asked(self, action="DescribeTargetHealth", since=0):
        return self.aws.asked(action, since)

    def wait_asked(self, count, action="DescribeTargetHealth", since=0, timeout=60):
        wait_for(lambda: len(self.asked(action, since)) >= count, timeout, f"{count} {action}")
        return self.asked(action, since)

    def recorded(self, name):
        """The recorded lines of that name."""
        with open(self.recording, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return [line for line in lines if line["event.name"] == name]

    def told(self, number, state):
        """The lines that the poller told of a pod's target."""
        return [line for line in self.lines() if line["event.name"] == "drainsnoop.target.state"
                and line["drainsnoop.target.id"] == address(number) and line["drainsnoop.target.state"] == state
                and line.get("drainsnoop.target.source") == "describe_target_health"]

    def wait_told(self, number, state, timeout=60):
        wait_for(lambda: self.told(number, state), timeout, f"{address(number)} to be told as {state}; {self.said()}")
        return self.told(number, state)[0]

    def deregister(self, group, number):
        """(moment before, moment after) the call."""
        before = time.time_ns()
        group.deregister(address(number), PORT)
        return before, time.time_ns()

    def assert_drain_is_found(self, group, number, timeout=60):
        """Deregisters a target: what is told of that holds the moment of the call. Returns the interval."""
        before, after = self.deregister(group, number)
        lo, hi = self.interval(self.wait_told(number, "draining", timeout))
        self.assertLessEqual(lo, before)
        self.assertGreaterEqual(hi, after)
        return lo, hi

    def interval(self, line):
        return parse_rfc3339(line["drainsnoop.not_before"]), parse_rfc3339(line["drainsnoop.not_after"])

    def stop(self):
        """Ctrl-C, and all that was said: no secret in it."""
        self.process.send_signal(2)
        self.assertEqual(self.process.wait(60), 0, self.said())
        kept = self.said()
        for path in (self.output, self.recording):
            with open(path, encoding="utf-8") as file:
                kept += file.read()
        for key in self.aws.keys.known.values():
            for secret in (key.secret, key.token):
                self.assertNotIn(secret or "no secret", kept)
        return self.lines()[-1]
