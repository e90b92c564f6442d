# SPDX-License-Identifier: Apache-2.0
"""`drainsnoop targets` and an agent at a real API server (scripts/kube-assets), each with the rights that the manifests
give its ServiceAccount and nothing more: the election, the ConfigMaps, the agent's verdict. No controller runs: the
test does what they would do to Deployment, ReplicaSets and EndpointSlice. AWS is a stand-in.

Everything happens in a network namespace of the test's own."""

import os
import signal
import subprocess
import unittest
import urllib.error

import netns
import real_api
import test_live
from elb_run import CLEAN
from fake_cluster import Shop
from handover_run import NAMESPACE, Base, Instance
from test_live import ROOT, wait_for

from drainlab.events import parse_rfc3339       # by the path that handover_run has set

PATHS = {"nodes": "/api/v1/nodes", "services": "/api/v1/namespaces/shop/services",
         "targetgroupbindings": "/apis/elbv2.k8s.aws/v1beta1/namespaces/shop/targetgroupbindings",
         "deployments": "/apis/apps/v1/namespaces/shop/deployments", "replicasets": "/apis/apps/v1/namespaces/shop/replicasets",
         "endpointslices": "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
         "pods": "/api/v1/namespaces/shop/pods"}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
    {"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]}]}}


class RealCluster:
    """The real API server, as Shop wants it."""

    def __init__(self, api):
        self.api = api

    def set(self, collection, obj):
        path = PATHS[collection]
        for name in ("uid", "generation"):
            obj["metadata"].pop(name, None)
        for reference in obj["metadata"].get("ownerReferences", ()):
            reference["uid"] = reference["uid"][:28] + "00000000"
        if collection in ("deployments", "replicasets"):
            hashed = obj["metadata"].get("labels", {}).get("pod-template-hash")
            labels = {"app": "web"} | ({"pod-template-hash": hashed} if hashed else {})
            obj["spec"] |= {"selector": {"matchLabels": labels},
                            "template": TEMPLATE | {"metadata": {"labels": labels}}}
        try:
            old = self.api.ask("GET", f"{path}/{obj['metadata']['name']}")
        except urllib.error.HTTPError:
            return self.api.ask("POST", path, obj)
        obj["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        if collection == "services":
            obj["spec"] |= {"clusterIP": old["spec"]["clusterIP"]}
        return self.api.ask("PUT", f"{path}/{obj['metadata']['name']}", obj)

    def get(self, collection, name, namespace):
        group = "/apis/coordination.k8s.io/v1" if collection == "leases" else "/api/v1"
        try:
            return self.api.ask("GET", f"{group}/namespaces/{namespace}/{collection}/{name}")
        except urllib.error.HTTPError:
            return None


@unittest.skipIf(os.geteuid(), "needs root")
@real_api.needs("cluster")
class RealApi(Base):
    def setUp(self):
        self.netns = netns.make("handover", self.addCleanup)
        super().setUp()

    def make_kube(self):
        self.api = real_api.Api(self.folder, self.netns)
        self.addCleanup(self.api.close)
        self.kubectl("apply", "-f", os.path.join(ROOT, "deploy/manifests/drainsnoop.yaml"))
        self.kubectl("create", "namespace", "shop")
        self.api.serve_bindings()
        kube = RealCluster(self.api)
        kube.url, kube.close = "", lambda: None
        return kube

    def kubectl(self, *args):
        done = self.api.kubectl(*args)
        self.assertEqual(done.returncode, 0, done.stderr)

    def config(self, part):
        """A kubeconfig of that part's ServiceAccount."""
        return self.api.kubeconfig(f"config-{part}", {"token": self.api.token(f"drainsnoop-{part}", NAMESPACE)})

    def targets(self, name):
        return Instance(self, name, "--kubeconfig", self.config("targets"), "--lease-duration", "5s", "--lease-renew", "3s",
                        "--lease-retry", "500ms", "--elb-addresses", api=None)

    def agent(self):
        self.output, self.errors = (os.path.join(self.folder, f"agent.{kind}") for kind in ("jsonl", "err"))
        with open(self.output, "wb") as out, open(self.errors, "wb") as errors:
            process = subprocess.Popen(
                [*netns.enter(self.netns), test_live.BINARY, "agent", "--kubeconfig", self.config("agent"), "--node", "node-1",
                 "--metrics-listen", "off", "--config-namespace", NAMESPACE, "--settle", "3s"], stdout=out, stderr=errors,
                env={**os.environ, **CLEAN})
        self.addCleanup(test_live.Live.end, self, process)
        return process

    said, lines = test_live.Live.said, test_live.Live.lines

    def of(self, name):
        return [line for line in self.lines() if line["event.name"] == name]

    def lease(self):
        return self.kube.get("leases", "drainsnoop-targets", NAMESPACE)["spec"]

    def test_from_a_rollout_to_a_verdict_and_a_takeover(self):
        pod = self.api.ask("POST", PATHS["pods"], {
            "metadata": {"name": "web-7c5d-p0000", "labels": {"app": "web", "pod-template-hash": "7c5d"}}, "spec": {
                "nodeName": "node-1", "terminationGracePeriodSeconds": 40, **TEMPLATE["spec"]}})
        uid = pod["metadata"]["uid"]
        self.api.ask("PATCH", PATHS["pods"] + "/web-7c5d-p0000/status", {"status": {
            "phase": "Running", "podIP": self.shop.address(0), "podIPs": [{"ip": self.shop.address(0)}],
            "conditions": [{"type": "Ready", "status": "True"}]}}, "application/merge-patch+json")
        self.shop.uid = lambda number: uid if not number else Shop.uid(number)
        self.shop.add(0, 1, 2, node="node-1")
        first = self.targets("targets-1")
        wait_for(lambda: "this instance leads" in first.said(), 60, "the first to lead: " + first.said())
        second, agent = self.targets("targets-2"), self.agent()
        wait_for(lambda: self.told("node-1", "drainsnoop.load_balancer.address"), 60, "the first ConfigMap: " + first.said())
        self.assertEqual(self.lease()["holderIdentity"].rpartition("_")[0], "targets-1")
        owners = self.kube.get("configmaps", "drainsnoop-targets-node-1", NAMESPACE)["metadata"]["ownerReferences"]
        self.assertEqual([(o["kind"], o["uid"]) for o in owners],
                         [("Node", self.api.ask("GET", "/api/v1/nodes/node-1")["metadata"]["uid"])])
        self.api.ask("DELETE", PATHS["pods"] + "/web-7c5d-p0000")
        self.roll(0)
        wait_for(lambda: len(self.asked()) >= 2, 60, "requests to AWS: " + first.said())
        # The leader dies; what comes next is the other's.
        first.kill()
        wait_for(lambda: "this instance leads" in second.said(), 30, "the takeover: " + second.said())
        self.assertEqual(self.lease()["leaseTransitions"], 1)
        before, after = self.deregister(0)
        wait_for(lambda: [e for e in self.of("drainsnoop.target.state") if e["drainsnoop.target.state"] == "draining"], 60,
                 "the drain at the agent: " + self.said() + second.said())
        self.api.ask("DELETE", PATHS["pods"] + "/web-7c5d-p0000", {"gracePeriodSeconds": 0})
        self.shop.remove(0)
        wait_for(lambda: self.of("drainsnoop.pod.verdict"), 90, "the verdict: " + self.said())
        verdict, = self.of("drainsnoop.pod.verdict")
        self.assertEqual((verdict["k8s.pod.uid"], verdict["drainsnoop.pod.trigger"], verdict["drainsnoop.verdict.code"]),
                         (uid, "rollout", "clean"))
        self.assertLessEqual(parse_rfc3339(verdict["drainsnoop.drain.not_before"]), before)
        self.assertGreaterEqual(parse_rfc3339(verdict["drainsnoop.drain.not_after"]), after)
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(60), 0, self.said())
        second.stop(self)
        self.assertEqual(self.lease().get("holderIdentity", ""), "")
        for said in (self.said(), first.said(), second.said()):
            self.assertNotIn("is missing", said)    # every right that they asked for is in the manifests


if __name__ == "__main__":
    unittest.main()
