# SPDX-License-Identifier: Apache-2.0
"""Results in the cluster: a pod goes, real connections are refused, and the workload gets an Event that tells it.
The API server is a stand-in; how many connections were refused the client knows."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest

import netns
import test_live_dual
from fake_cluster import FakeCluster
from fake_kube import make_pod, stamp
from test_live import BINARY, wait_for


@unittest.skipIf(os.geteuid(), "needs root")
class Results(unittest.TestCase):
    Dual = test_live_dual.Dual
    setUp, ip, inside, started, traffic = Dual.setUp, staticmethod(Dual.ip), Dual.inside, Dual.started, Dual.traffic
    lines, connect = Dual.lines, Dual.connect
    del Dual

    def roll(self, *args, denied=()):
        """A pod that goes, is asked twice more and refuses both; the API server afterwards."""
        with netns.inside(self.names["node"]):
            kube = FakeCluster()
        self.addCleanup(kube.close)
        kube.denied |= set(denied)
        kube.set("deployments", {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {
            "name": "web", "uid": "22222222-0000-4000-8000-000000000001"}})
        pod = make_pod("web-1", test_live_dual.POD[0])
        pod["status"]["podIPs"] = [{"ip": address} for address in test_live_dual.POD]
        kube.set("pods", pod)
        self.errors = os.path.join(self.folder, "errors")
        with open(self.output, "wb") as out, open(self.errors, "wb") as errors:
            self.agent = self.started(
                [*self.inside("node"), BINARY, "agent", "--kube-api", kube.url, "--node", "node-1", "--settle", "1s",
                 "--metrics-listen", "off", "--record", self.recording, *args], stdout=out, stderr=errors,
                env={**os.environ, "POD_NAME": "drainsnoop-agent-x"})
        server = self.started([*self.inside("pod"), sys.executable, "-c", test_live_dual.SERVER], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.assertEqual(server.stdout.readline(), b"listens\n")
        wait_for(lambda: self.lines("pod.state"), 60, "the pod")
        self.assertEqual(self.connect(), ["served", "served"])

        def terminate(obj):
            obj["metadata"].update(deletionTimestamp=stamp(time.time() + 30), deletionGracePeriodSeconds=30)
        kube.edit("pods", "web-1", terminate)
        wait_for(lambda: "terminating" in [e["drainsnoop.pod.phase"] for e in self.lines("pod.phase")], 60, "the phase")
        server.kill()
        server.wait()
        self.assertEqual(self.connect(), ["refused", "refused"])
        wait_for(lambda: len(self.lines("drop")) == 2, 60, "both drops")
        kube.take_away("pods", "web-1")
        wait_for(lambda: self.lines("pod.verdict"), 60, "the verdict")
        return kube

    def said(self):
        with open(self.errors, encoding="utf-8") as file:
            return file.read()

    def stop(self):
        self.agent.send_signal(signal.SIGTERM)
        self.assertEqual(self.agent.wait(60), 0)

    def test_an_event_on_the_workload(self):
        kube = self.roll("--events-on-workloads")
        wait_for(lambda: kube.of("events"), 90, "the Event")
        event, = kube.of("events")
        self.stop()
        self.assertEqual(event["involvedObject"], {
            "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web",
            "uid": "22222222-0000-4000-8000-000000000001"})
        self.assertEqual((event["reason"], event["type"]), ("ConnectionsDropped", "Warning"))
        self.assertIn("2 connections of the load balancer lost on node node-1 as 1 pod went away: listener_closed 2",
                      event["message"])
        self.assertEqual(event["reportingInstance"], "drainsnoop-agent-x")
        self.assertEqual(len(kube.writes("events")), 1)

    def test_without_the_rights(self):
        kube = self.roll("--events-on-workloads", denied=[("create", "events"), ("get", "deployments")])
        wait_for(lambda: "the right to create events is missing" in self.said(), 90, "the word of it")
        self.assertIn("the right to get deployments is missing", self.said())
        self.stop()
        self.assertEqual(kube.of("events"), [])
        self.assertNotIn("uid", json.loads(kube.writes("events")[0][5])["involvedObject"])

    def test_nothing_is_written_unless_it_is_asked_for(self):
        kube = self.roll()
        self.stop()
        self.assertEqual([call for call in kube.calls if call[1] not in ("list", "watch")], [])


if __name__ == "__main__":
    unittest.main()
