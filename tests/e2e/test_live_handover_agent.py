# SPDX-License-Identifier: Apache-2.0
"""From a pod's deletion to the agent's verdict: `drainsnoop targets` and `drainsnoop agent` in one network namespace,
joined by nothing but the API server's stand-in and AWS's."""

import json
import os
import signal
import subprocess
import time
import unittest

import netns
import test_live
from elb_run import CLEAN
from fake_cluster import FakeCluster, owner
from fake_kube import make_pod, stamp
from handover_run import NAMESPACE, Base
from test_live import wait_for

from drainlab.events import parse_rfc3339       # by the path that handover_run has set


@unittest.skipIf(os.geteuid(), "needs root")
class Chain(Base):
    """From the pod's deletion to the agent's verdict, by nothing but the API server and AWS."""

    def setUp(self):
        self.netns = netns.make("handover", self.addCleanup)
        super().setUp()

    def make_kube(self):
        with netns.inside(self.netns):
            return FakeCluster()

    def agent(self, *args):
        self.output = os.path.join(self.folder, "agent.jsonl")
        self.errors = os.path.join(self.folder, "agent.err")
        with open(self.output, "wb") as out, open(self.errors, "wb") as errors:
            process = subprocess.Popen(
                [*netns.enter(self.netns), test_live.BINARY, "agent", "--kube-api", self.kube.url, "--node", "node-1", "--metrics-listen",
                 "off", "--config-namespace", NAMESPACE, "--settle", "3s", "-v", *args], stdout=out, stderr=errors,
                env={**os.environ, **CLEAN})
        self.addCleanup(test_live.Live.end, self, process)
        wait_for(lambda: self.lines() or process.poll() is not None, 60, "the agent's first line")
        self.assertIsNone(process.poll(), self.said())
        return process

    said, lines = test_live.Live.said, test_live.Live.lines

    def of(self, name, **keys):
        return [line for line in self.lines() if line["event.name"] == name and all(
            line.get(key.replace("__", ".")) == value for key, value in keys.items())]

    def ready(self, *numbers):
        self.shop.add(*numbers, node="node-1")
        for number in numbers:
            pod = make_pod(f"web-7c5d-p{number:04d}", self.shop.address(number), uid=self.shop.uid(number))
            pod["metadata"]["labels"]["pod-template-hash"] = "7c5d"
            pod["metadata"]["ownerReferences"] = owner("ReplicaSet", "web-7c5d", "33333333-0000-4000-8000-000000007c5d")
            self.kube.set("pods", pod)

    def end_pod(self, number):
        """What a rollout does to a pod, and the load balancer controller to its target."""
        def function(pod):
            pod["metadata"]["deletionTimestamp"] = stamp(time.time() + 30)
            pod["metadata"]["deletionGracePeriodSeconds"] = 30
        self.kube.edit("pods", f"web-7c5d-p{number:04d}", function)
        self.roll(number)
        wait_for(lambda: len(self.asked()) >= 2, 60, "requests to AWS")
        before, after = self.deregister(number)
        return before, after

    def take_pod(self, number):
        self.kube.take_away("pods", f"web-7c5d-p{number:04d}")
        self.shop.remove(number)

    def stop_agent(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0, self.said())

    def test_a_pod_that_went_before_the_agent_came(self):
        """It has no state, and the API knows no such pod any more: whose address it was is handed over."""
        self.ready(0)
        targets = self.lead()
        self.end_pod(0)
        self.take_pod(0)
        self.wait_told(targets, "node-1", "drainsnoop.pod.state", k8s__pod__uid=self.shop.uid(0), drainsnoop__pod__phase="deleted")
        agent = self.agent()
        wait_for(lambda: self.of("drainsnoop.pod.phase", k8s__pod__uid=self.shop.uid(0)), 60, "the pod: " + self.said())
        pod = self.of("drainsnoop.pod.state", k8s__pod__uid=self.shop.uid(0))[-1]
        self.assertEqual(pod["drainsnoop.pod.addresses"], self.shop.address(0))
        self.assertEqual(pod["drainsnoop.pod.t0_source"], "endpoint_slice")
        self.assertEqual(pod["drainsnoop.pod.trigger"], "rollout")
        self.stop_agent(agent)
        self.assertEqual(self.of("drainsnoop.pod.verdict"), [])     # that is not its to say
        targets.stop(self)

    def test_a_verdict_has_its_target_its_drain_and_its_trigger(self):
        self.ready(0, 1)
        recording = os.path.join(self.folder, "recording.jsonl")
        run, process = self.lead("--elb-addresses"), self.agent("--record", recording)
        wait_for(lambda: len(self.of("drainsnoop.pod.state", drainsnoop__pod__phase="ready")) == 2, 60, "the pods; " + self.said())
        before, after = self.end_pod(0)
        wait_for(lambda: self.of("drainsnoop.target.state", drainsnoop__target__state="draining"), 60, "the drain; " + self.said())
        self.take_pod(0)
        wait_for(lambda: self.of("drainsnoop.pod.verdict"), 90, "the verdict; " + self.said())
        verdict, = self.of("drainsnoop.pod.verdict")
        self.assertEqual(verdict["k8s.pod.uid"], self.shop.uid(0))
        self.assertEqual(verdict["drainsnoop.pod.trigger"], "rollout")
        self.assertEqual(verdict["drainsnoop.verdict.code"], "clean")
        self.assertNotIn("drainsnoop.verdict.reason", verdict)      # a target is known
        self.assertEqual(verdict["drainsnoop.target_group.deregistration_delay_s"], 3)
        self.assertLessEqual(parse_rfc3339(verdict["drainsnoop.drain.not_before"]), before)
        self.assertGreaterEqual(parse_rfc3339(verdict["drainsnoop.drain.not_after"]), after)
        self.assertEqual(verdict["drainsnoop.drain.not_after_source"], "describe_target_health")
        drain = self.of("drainsnoop.target.state", drainsnoop__target__state="draining")
        self.assertEqual(len(drain), 1)     # whatever was written how often
        self.assertEqual(drain[0]["drainsnoop.target_group.name"], "web")
        self.stop_agent(process)
        run.stop(self)
        with open(recording, encoding="utf-8") as file:
            recorded = [json.loads(line) for line in file]
        self.assertEqual({line["drainsnoop.address"] for line in recorded
                          if line["event.name"] == "drainsnoop.load_balancer.address"}, set(self.balancer.addresses))
        self.assertEqual(self.lines()[-1]["drainsnoop.lost.events"], 0)
        # The agent asks for its own pods and its own ConfigMap, and for nothing else.
        self.assertNotIn("bad", self.said())

    def test_an_agent_that_comes_later_reads_what_there_is(self):
        self.ready(0, 1)
        run = self.lead()
        self.end_pod(0)
        self.wait_told(run, "node-1", "drainsnoop.target.state", drainsnoop__target__state="draining")
        process = self.agent()
        wait_for(lambda: self.of("drainsnoop.target.state", drainsnoop__target__state="draining"), 60, "the drain; " + self.said())
        self.take_pod(0)
        wait_for(lambda: self.of("drainsnoop.pod.verdict"), 90, "the verdict; " + self.said())
        self.assertEqual(self.of("drainsnoop.pod.verdict")[0]["drainsnoop.pod.trigger"], "rollout")
        self.stop_agent(process)
        run.stop(self)

    def test_lines_that_are_none(self):
        process = self.agent()
        self.ready(0)
        self.kube.set("configmaps", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {
            "name": "drainsnoop-targets-node-1", "namespace": NAMESPACE}, "data": {"events.jsonl": "\n".join((
                "what is this", json.dumps({"event.name": "drainsnoop.tick", "drainsnoop.final": True}),
                json.dumps({"event.name": "drainsnoop.pod.state", "k8s.pod.uid": self.shop.uid(0), "k8s.pod.name": "web-7c5d-p0000",
                            "k8s.namespace.name": "shop", "drainsnoop.pod.trigger": "scale_in"})))}})
        wait_for(lambda: self.of("drainsnoop.pod.state", drainsnoop__pod__trigger="scale_in"), 60, "the line that is one")
        self.assertIn("line 1: byte 0: ", self.said())
        self.assertEqual(self.said().count("hands over to this node"), 1)
        self.stop_agent(process)

    def test_a_missing_right_is_said_and_the_rest_goes_on(self):
        self.kube.denied |= {("list", "configmaps"), ("watch", "configmaps")}
        process = self.agent()
        self.ready(0)
        wait_for(lambda: self.of("drainsnoop.pod.state", drainsnoop__pod__phase="ready"), 60, "the pod")
        wait_for(lambda: "the right to list and watch configmaps in namespace drainsnoop" in self.said(), 60, self.said())
        time.sleep(2)
        self.assertEqual(self.said().count("the right to list"), 1)
        self.stop_agent(process)

    def test_an_object_of_half_a_megabyte(self):
        process = self.agent()
        self.ready(0)
        line = {"event.name": "drainsnoop.target.state", "drainsnoop.target.id": "10.99.9.9", "drainsnoop.target.port": 1,
                "drainsnoop.target.state": "healthy", "drainsnoop.target.state_reason": "\"" * 150}
        text = "\n".join(json.dumps(line | {"drainsnoop.target.port": port}) for port in range(1, 901))
        self.assertLess(len(text), 512 << 10)
        self.assertGreater(len(json.dumps(text)), 600 << 10)
        self.kube.set("configmaps", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {
            "name": "drainsnoop-targets-node-1", "namespace": NAMESPACE}, "data": {"events.jsonl": text}})
        wait_for(lambda: len(self.of("drainsnoop.target.state")) == 900, 60, "900 lines; " + self.said())
        self.stop_agent(process)


if __name__ == "__main__":
    unittest.main()
