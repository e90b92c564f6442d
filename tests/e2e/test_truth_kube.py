# SPDX-License-Identifier: Apache-2.0
"""What the laboratory's real cluster takes from logs and from the API: pure, so that it is tested without one."""

import json
import os
import sys
import types
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from kubelab import cli, manifests, marks, metrics  # noqa: E402
from kubelab.controller import wanted  # noqa: E402
from kubelab.pod import prestop_of, requested_at  # noqa: E402

SECOND = 10**9
ONE, TWO = "a" * 64, "b" * 64


def audit(name, received, done, code=200):
    return json.dumps({"kind": "Event", "verb": "delete", "objectRef": {"resource": "pods", "name": name},
                       "requestReceivedTimestamp": received, "stageTimestamp": done,
                       "responseStatus": {"code": code}})


class Marks(unittest.TestCase):
    def test_the_first_granted_request_is_the_deletion(self):
        text = "\n".join([audit("web-1", "1970-01-01T00:00:01.500000Z", "1970-01-01T00:00:01.600000Z", 409),
                          audit("web-1", "1970-01-01T00:00:02.000001Z", "1970-01-01T00:00:02.010000Z"),
                          audit("web-1", "1970-01-01T00:00:09.000000Z", "1970-01-01T00:00:09.010000Z"),
                          '{"cut off'])
        self.assertEqual(marks.deletions(text), {"web-1": (2 * SECOND + 1000, 2 * SECOND + 10**7)})

    def test_the_runtime_tells_both_signals(self):
        line = 'time="1970-01-01T00:00:0{}.000000005Z" level=info msg="{} container \\"{}\\"{}"\n'
        text = "noise\n" + line.format(3, "Stop", ONE, " with signal terminated") \
            + line.format(4, "Stop", ONE, " with signal terminated") + line.format(5, "Kill", ONE, "")
        self.assertEqual(marks.signals(text), {ONE: {"sigterm": 3 * SECOND + 5, "sigkill": 5 * SECOND + 5}})

    def test_an_address_that_is_taken_away(self):
        lines = [{"command": "ADD", "namespace": "default", "pod": "web-1", "steps": [["route", 1, 2]]},
                 {"command": "DEL", "namespace": "default", "pod": "web-1",
                  "steps": [["rule_512", 10, 11], ["route", 12, 15], ["link", 16, 19]]}]
        found = marks.releases("\n".join(map(json.dumps, lines)))
        self.assertEqual(found[("default", "web-1")], {"rule_512": (10, 11), "route": (12, 15), "link": (16, 19)})

    def pod(self, t0=2 * SECOND):
        return types.SimpleNamespace(name="web-1", namespace="default", t0=t0, undeleted=False,
                                     exits={ONE: None, TWO: None}, marks={})

    def test_all_of_a_pod(self):
        released = {("default", "web-1"): {"rule_512": (10, 11), "route": (12, 15), "link": (16, 19)}}
        found = marks.of(self.pod(), {"web-1": (2 * SECOND + 1, 2 * SECOND + 9)},
                         {TWO: {"sigterm": 7}, ONE: {"sigterm": 8, "sigkill": 9}}, released)
        self.assertEqual(found, {"t0": (2 * SECOND + 1, 2 * SECOND + 9), "sigterm": (7, 7), "end_signal": (7, 7),
                                 "sigkill": (9, 9), "rule_512": (10, 11), "route": (12, 15), "released": (10, 19)})

    def test_t0_is_not_before_what_the_api_says(self):
        asked = {"web-1": (2 * SECOND - 1000, 2 * SECOND + 9)}
        self.assertEqual(marks.of(self.pod(), asked, {}, {}), {"t0": (2 * SECOND, 2 * SECOND + 9)})

    def test_t0_of_a_status_is_not_its_stamp(self):
        pod = self.pod(9 * SECOND)
        pod.undeleted = True
        self.assertEqual(marks.of(pod, {"web-1": (2 * SECOND, 2 * SECOND + 9)}, {}, {}),
                         {"t0": (2 * SECOND, 2 * SECOND + 9)})

    def test_what_nobody_told_is_said(self):
        pod = self.pod()
        pod.marks = {"t0": [1, 1], "exited": [2, 2]}
        said = marks.missing(pod)
        self.assertEqual([text.split(" of ")[1] for text in said], ["sigterm", "released", "deregistered"])


class Pods(unittest.TestCase):
    def test_t0_is_the_deletion_less_the_grace_period(self):
        thing = {"metadata": {"deletionTimestamp": "1970-01-01T00:01:05Z", "deletionGracePeriodSeconds": 30}}
        self.assertEqual(requested_at(thing), 35 * SECOND)
        self.assertIsNone(requested_at({"metadata": {}}))

    def test_prestop_of_a_manifest(self):
        def spec(prestop):
            return manifests.deployment(1, prestop, 30)["spec"]["template"]["spec"]
        self.assertEqual([prestop_of(spec(0)), prestop_of(spec(7))], [0, 7])


class Targets(unittest.TestCase):
    """Which pods the controller registers."""

    def ask(self, endpoint, ready="True", going=False):
        pod = {"metadata": {}, "status": {"conditions": [{"type": "ContainersReady", "status": ready}]}}
        if going:
            pod["metadata"]["deletionTimestamp"] = "1970-01-01T00:01:05Z"
        slices = {"s": {"endpoints": [{"conditions": endpoint, "targetRef": {"uid": "u"}}]}}
        return wanted(slices, {"u": pod})

    def test_ready_ones(self):
        self.assertEqual(self.ask({"ready": True}, "False"), {"u"})
        self.assertEqual(self.ask({}, "False"), {"u"})      # ready, if it does not say

    def test_those_that_only_the_gate_keeps(self):
        self.assertEqual(self.ask({"ready": False}), {"u"})
        self.assertEqual(self.ask({"ready": False}, "False"), set())

    def test_none_that_terminates(self):
        self.assertEqual(self.ask({"ready": True, "terminating": True}), set())
        self.assertEqual(self.ask({"ready": True}, going=True), set())

    def test_no_endpoints(self):
        self.assertEqual(wanted({"s": {"endpoints": None}}, {}), set())
        self.assertEqual(wanted({"s": {"endpoints": [{"targetRef": {"uid": "unknown"}}]}}, {}), set())


class Metrics(unittest.TestCase):
    """The counters of the agent's pod, set against its last line."""
    SAMPLE = 'drainsnoop_dropped_connections_total{{namespace="default",workload="{}",cause="{}",rollout="{}"}} {}\n'
    STOP = {"drainsnoop.verdict.drops": 5, "drainsnoop.verdict.drops_by.listener_closed": 3,
            "drainsnoop.verdict.drops_by.aborted_in_flight": 4}

    def problems(self, closed, **more):
        text = "drainsnoop_terminating_pods 0\n" + self.SAMPLE.format("web", "listener_closed", "true", closed) \
            + self.SAMPLE.format("api", "listener_closed", "true", 0) \
            + self.SAMPLE.format("web", "aborted_in_flight", "true", 2) \
            + self.SAMPLE.format("web", "aborted_in_flight", "false", 2)
        return metrics.problems(text, dict(self.STOP, **more))

    def test_they_are_the_same(self):
        self.assertEqual(self.problems(3), [])

    def test_one_more_or_less_is_told(self):
        self.assertEqual(len(self.problems(2)), 1)
        self.assertEqual(len(self.problems(4)), 1)
        self.assertEqual(len(self.problems(3, **{"drainsnoop.verdict.drops": 7})), 1)
        self.assertEqual(len(self.problems(3, **{"drainsnoop.verdict.drops_by.unknown": 1})), 1)

    def test_no_answer_is_told(self):
        self.assertIn("refused", metrics.problems("Connection refused", {"drainsnoop.verdict.drops": 0})[0])


class Advice(unittest.TestCase):
    def test_what_the_next_run_takes(self):
        result = {"advice": [{"code": "raise_prestop", "suggested": "6"}, {"code": "raise_grace", "suggested": "40"},
                             {"code": "raise_replicas", "suggested": "2"}]}
        self.assertEqual(cli.advised(result), {"prestop": 6.0, "grace": 40.0})
        self.assertEqual(cli.advised(None), {})


if __name__ == "__main__":
    unittest.main()
