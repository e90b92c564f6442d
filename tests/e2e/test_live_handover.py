# SPDX-License-Identifier: Apache-2.0
"""`drainsnoop targets` against a stand-in of the API server (fake_cluster.py) and one of AWS: what it asks, whom it
hands what, what it says, and what it does when either is not well. The truth is what was done to the two."""

import json
import os
import re
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from unittest import mock

import test_live
from elb_run import CLEAN
from handover_run import NAMESPACE, Base
from test_live import wait_for

from drainlab.events import parse_rfc3339       # by the path that handover_run has set

LABEL = {"app.kubernetes.io/managed-by": "drainsnoop-targets"}
QUICK = ("--lease-duration", "3s", "--lease-renew", "2s", "--lease-retry", "300ms")


class Watcher(Base):
    def test_a_rollout(self):
        self.shop.add(0, 1, 2)
        run = self.lead()
        time.sleep(2)
        self.assertEqual(self.asked(), [], "asked for the health of targets while no pod goes")
        self.roll(0)
        pod = self.wait_told(run, "node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        self.assertEqual(pod["k8s.pod.uid"], self.shop.uid(0))
        self.assertEqual(pod["k8s.namespace.name"], "shop")
        self.assertEqual(pod["drainsnoop.pod.ports"], "8080")
        wait_for(lambda: len(self.asked()) >= 2, 60, "two requests")
        before, after = self.deregister(0)
        drain = self.wait_told(run, "node-1", "drainsnoop.target.state", drainsnoop__target__state="draining")
        lo, hi = parse_rfc3339(drain["drainsnoop.not_before"]), parse_rfc3339(drain["drainsnoop.not_after"])
        self.assertLessEqual(lo, before)
        self.assertGreaterEqual(hi, after)
        self.assertLess(hi - lo, 5 * 10**9)
        self.assertEqual(drain["drainsnoop.target.source"], "describe_target_health")
        self.assertEqual(drain["drainsnoop.target_group.arn"], self.group.arn)
        self.assertEqual(drain["drainsnoop.target_group.deregistration_delay_s"], 3)
        self.assertEqual(drain["k8s.pod.uid"], self.shop.uid(0))
        self.assertEqual(drain["drainsnoop.clock.error_ms"], 50)
        self.wait_told(run, "node-1", "drainsnoop.target.state", drainsnoop__target__state="unused")
        count = len(self.asked())
        time.sleep(4)
        self.assertLessEqual(len(self.asked()), count + 1, "goes on asking for a target that is gone")
        # Only the pods that go, only on their node; the same lines on standard output.
        self.assertEqual({value for entry in self.asked() for name, value in entry["params"].items() if name.endswith(".Id")},
                         {self.shop.address(0)})
        self.assertFalse([line for line in self.page("node-2") or () if line["event.name"] == "drainsnoop.target.state"
                          and line["drainsnoop.target.state"] == "draining"])
        self.assertTrue(run.lines("drainsnoop.target.state", drainsnoop__target__state="draining"))
        # Of pods that stay nothing is said there.
        self.assertEqual({line["k8s.pod.uid"] for line in run.lines() if "k8s.pod.uid" in line}, {self.shop.uid(0)})
        run.stop(self)
        self.assertEqual([call for call in self.kube.calls if call[4] >= 400 and call[4] != 404], [])

    def test_the_object(self):
        self.shop.add(0, 1, 2)
        run = self.lead("--cluster", "prod")
        self.roll(0, 1)
        self.wait_told(run, "node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        self.wait_told(run, "node-2", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        for number, node in enumerate(self.shop.nodes):
            found = self.kube.get("configmaps", f"drainsnoop-targets-{node}", NAMESPACE)
            self.assertEqual(found["metadata"]["labels"] | LABEL, found["metadata"]["labels"])
            self.assertEqual(found["metadata"]["annotations"]["drainsnoop.dev/node"], node)
            self.assertEqual(found["metadata"]["ownerReferences"], [{
                "apiVersion": "v1", "kind": "Node", "name": node, "uid": f"11111111-0000-4000-8000-{number:012d}"}])
            self.assertTrue(abs(parse_rfc3339(found["data"]["written_at"]) - time.time_ns()) < 60 * 10**9)
        run.stop(self)
        self.assertTrue(all(line["k8s.cluster.name"] == "prod" for line in run.lines()))

    def test_at_most_one_write_a_second(self):
        self.group.delay = 60       # no drain ends between two requests
        self.shop.add(*range(16), node="node-1")
        run = self.lead()
        self.roll(*range(16))
        for number in range(16):
            self.deregister(number)
            time.sleep(0.4)
        wait_for(lambda: len({line["drainsnoop.target.id"] for line in self.told(
            "node-1", "drainsnoop.target.state", drainsnoop__target__state="draining")}) == 16, 60, "16 drains")
        run.stop(self)
        moments = [call[0] for call in self.kube.writes("configmaps") if call[4] < 300]
        gaps = [b - a for a, b in zip(moments, moments[1:])]
        self.assertGreater(len(moments), 2)
        self.assertGreater(min(gaps), 0.8, moments)     # asked when it was sent, noted when it was answered

    def test_addresses_of_the_load_balancer(self):
        self.shop.add(0, 1, 2)
        run = self.lead("--elb-addresses")
        for node in self.shop.nodes:
            wait_for(lambda n=node: {line["drainsnoop.address"] for line in self.told(n, "drainsnoop.load_balancer.address")}
                     == set(self.balancer.addresses), 60, f"the addresses for {node}: {run.said()}")
        self.assertEqual(self.asked(), [])      # nobody goes
        run.stop(self)
        self.assertEqual(len(run.lines("drainsnoop.load_balancer.address")), 2)

    def test_what_is_over_is_taken_away(self):
        """An object that an earlier leader left, of pods that ended long ago."""
        old = json.dumps({"time": "2026-01-01T00:00:00Z", "event.name": "drainsnoop.pod.state", "k8s.pod.uid": self.shop.uid(99),
                          "k8s.pod.name": "old", "drainsnoop.pod.trigger": "rollout"})
        for name, annotations in (("node-9", {"drainsnoop.dev/node": "node-9"}), ("foreign", {})):
            self.kube.set("configmaps", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {
                "name": f"drainsnoop-targets-{name}", "namespace": NAMESPACE, "labels": LABEL, "annotations": annotations},
                "data": {"events.jsonl": old + "\n"}})
        run = self.lead()
        wait_for(lambda: not self.kube.get("configmaps", "drainsnoop-targets-node-9", NAMESPACE), 60, "the old one to go")
        self.assertTrue(self.kube.get("configmaps", "drainsnoop-targets-foreign", NAMESPACE))   # none of ours
        run.stop(self)

    def test_what_an_earlier_leader_left_stays(self):
        self.shop.add(0, 1, 2)
        run = self.lead()
        self.roll(0)
        wait_for(self.asked, 60, "a request")
        self.deregister(0)
        self.wait_told(run, "node-1", "drainsnoop.target.state", drainsnoop__target__state="draining")
        before = self.page("node-1")
        run.kill()
        self.kube.take_away("leases", "drainsnoop-targets", NAMESPACE)
        run = self.run_targets(name="targets-2")
        wait_for(lambda: "leads" in run.said(), 60, "another to lead")
        self.shop.terminate(2)
        self.wait_told(run, "node-1", "drainsnoop.pod.state", k8s__pod__uid=self.shop.uid(2))
        drains = [line for line in before if line.get("drainsnoop.target.state") == "draining"]
        now = self.page("node-1")
        for line in drains:
            self.assertIn(line, now)
        run.stop(self)

    def test_no_binding_kind_in_the_cluster(self):
        self.kube.known.discard(("apis/elbv2.k8s.aws/v1beta1", "targetgroupbindings"))
        run = self.run_targets()
        wait_for(lambda: any(call[2] == "endpointslices" for call in self.kube.calls), 60, "the rest to be followed")
        time.sleep(1)
        run.stop(self)
        self.assertNotIn("cannot be asked", run.said())

    def test_metrics_and_readiness(self):
        self.shop.add(0, 1, 2)
        run = self.lead("--metrics-listen", "127.0.0.1:19973")

        def get(page):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:19973/{page}", timeout=10) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()
        wait_for(lambda: get("readyz")[0] == 200, 60, "readiness")
        self.assertEqual(get("healthz")[0], 200)
        self.roll(0)
        wait_for(lambda: 'drainsnoop_targets{target_group="web",state="healthy"} 1' in get("metrics")[1], 60, "a target")
        wait_for(lambda: 'drainsnoop_handover_writes_total{result="ok"} 0' not in get("metrics")[1], 60, "a write")
        text = get("metrics")[1]
        self.assertIn("drainsnoop_leader 1", text)
        self.assertRegex(text, r'drainsnoop_aws_requests_total\{service="elasticloadbalancing",'
                               r'operation="DescribeTargetHealth",code="ok"\} [1-9]')
        self.assertRegex(text, r'drainsnoop_aws_request_duration_seconds_count\{service="elasticloadbalancing",'
                               r'operation="DescribeTargetHealth"\} [1-9]')
        self.assertRegex(text, r'drainsnoop_target_refresh_timestamp_seconds\{target_group="web"\} 1[0-9]{9}')
        self.assertRegex(text, r'drainsnoop_handover_writes_total\{result="ok"\} [1-9]')
        run.stop(self)


class Faults(Base):
    def setUp(self):
        super().setUp()
        self.shop.add(0, 1, 2)

    def test_somebody_else_writes_the_object(self):
        run = self.lead()
        self.roll(0)
        self.wait_told(run, "node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        self.kube.edit("configmaps", "drainsnoop-targets-node-1", lambda obj: obj["data"].update({"events.jsonl": ""}), NAMESPACE)
        self.deregister(0)
        self.wait_told(run, "node-1", "drainsnoop.target.state", drainsnoop__target__state="draining")
        self.assertTrue(self.told("node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout"))
        self.assertTrue(self.kube.writes("configmaps", 409))
        run.stop(self)

    def test_somebody_takes_the_object_away(self):
        run = self.lead()
        self.roll(0)
        self.wait_told(run, "node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        self.kube.take_away("configmaps", "drainsnoop-targets-node-1", NAMESPACE)
        self.deregister(0)
        self.wait_told(run, "node-1", "drainsnoop.target.state", drainsnoop__target__state="draining")
        run.stop(self)

    def test_missing_rights_are_said_once_and_awaited(self):
        self.kube.denied |= {("create", "configmaps"), ("get", "nodes")}
        run = self.lead()
        self.roll(0)
        wait_for(lambda: "the right to create configmaps in namespace drainsnoop is missing" in run.said(), 60, run.said())
        self.assertIn("the right to get nodes is missing", run.said())
        self.deregister(0)
        wait_for(lambda: run.lines("drainsnoop.target.state", drainsnoop__target__state="draining"), 60, "the drain on stdout")
        time.sleep(2)
        self.assertEqual(run.said().count("is missing"), 2, run.said())
        self.assertLessEqual(len(self.kube.writes("configmaps")), 2)    # each node's, at once; then a minute
        run.stop(self)

    def test_without_the_right_to_get_nodes_it_has_no_owner(self):
        self.kube.denied.add(("get", "nodes"))
        run = self.lead()
        self.roll(0)
        self.wait_told(run, "node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        self.assertFalse(self.kube.get("configmaps", "drainsnoop-targets-node-1", NAMESPACE)["metadata"].get("ownerReferences"))
        run.stop(self)

    def test_an_api_server_that_throttles_or_fails(self):
        self.kube.fail("create configmaps", 429, "too many requests", times=2, Retry_After="2")
        self.kube.fail("create configmaps", 500, "etcd is not well", times=2)
        run = self.lead()
        self.roll(0)
        self.wait_told(run, "node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        # Those of both nodes are under way at once; the next one waits.
        moments = [call[0] for call in self.kube.writes("configmaps")]
        self.assertGreaterEqual(moments[2] - moments[0], 1.9, moments)
        self.assertIn("the API server answers 429 to create a ConfigMap: too many requests", run.said())
        self.assertIn("can be written again", run.said())
        run.stop(self)

    def test_the_lease_may_not_be_read(self):
        self.kube.denied.add(("get", "leases"))
        run = self.run_targets()
        wait_for(lambda: "the right to get, create and update leases in namespace drainsnoop is missing" in run.said(), 60,
                 run.said())
        self.kube.denied.clear()
        self.wait_watches(run)
        run.stop(self)

    def test_aws_does_not_answer(self):
        run = self.lead()
        self.aws.close()
        self.roll(0)
        self.wait_told(run, "node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        wait_for(lambda: "is not answered by AWS" in run.said(), 60, run.said())
        self.assertNotIn("--elb:", run.said())
        run.stop(self)

    def test_pods_that_are_watched(self):
        """A readiness gate names the binding of a pod that no EndpointSlice names yet, and nobody's name tells its owner."""
        run = self.lead("--watch-pods")
        self.kube.set("pods", {"kind": "Pod", "apiVersion": "v1", "metadata": {
            "name": "early", "namespace": "shop", "uid": self.shop.uid(9), "labels": {"app": "web"}, "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7c5d", "uid": "x", "controller": True}]},
            "spec": {"nodeName": "node-1", "containers": [{"name": "web"}],
                     "readinessGates": [{"conditionType": "target-health.elbv2.k8s.aws/k8s-shop-web-1a2b3c"}]},
            "status": {"phase": "Running", "podIP": self.shop.address(9)}})
        pod = self.wait_told(run, "node-1", "drainsnoop.pod.state", k8s__pod__uid=self.shop.uid(9), k8s__deployment__name="web")
        self.assertEqual(pod["drainsnoop.pod.ports"], "8080")
        self.kube.take_away("pods", "early")
        run.stop(self)

    def test_a_budget_that_lets_no_pod_be_evicted(self):
        def budget(name, app, allowed, healthy):
            self.kube.set("poddisruptionbudgets", {
                "kind": "PodDisruptionBudget", "apiVersion": "policy/v1", "metadata": {"name": name},
                "spec": {"selector": {"matchLabels": {"app": app}}},
                "status": {"disruptionsAllowed": allowed, "currentHealthy": 3, "desiredHealthy": healthy, "expectedPods": 3}})
        self.shop.add(0, 1, 2)
        budget("elsewhere", "api", 0, 3)
        budget("web", "web", 1, 2)
        run = self.lead()
        wait_for(lambda: self.page("node-1"), 60, "the pods to be told")
        self.assertNotIn("PodDisruptionBudget", run.said())
        budget("web", "web", 0, 3)
        wait_for(lambda: "PodDisruptionBudget web of namespace shop lets no pod be evicted (3 of 3 must be healthy)"
                 in run.said(), 60, run.said())
        run.stop(self)
        self.assertNotIn("elsewhere", run.said())

    def test_a_new_leader_leaves_what_it_finds(self):
        """Lines of pods that are there are old: until the pods are known, their objects are not taken away."""
        self.shop.add(0, 1, 2)
        run = self.lead()
        self.wait_told(run, "node-1", "drainsnoop.pod.state", k8s__pod__uid=self.shop.uid(2))
        run.stop(self)
        self.kube.edit("configmaps", "drainsnoop-targets-node-1", lambda found: found["data"].update(
            {"events.jsonl": re.sub(r'"time":"20\d\d', '"time":"2020', found["data"]["events.jsonl"])}), NAMESPACE)
        self.assertTrue(all(line["time"].startswith("2020") for line in self.page("node-1")))
        self.kube.denied.add(("list", "endpointslices"))
        other = self.run_targets(name="targets-2")
        wait_for(lambda: "endpointslices" in other.said(), 60, other.said())
        until = time.time() + 13        # what is not urgent is written after ten seconds
        while time.time() < until:
            self.assertTrue(self.page("node-1"), "taken away, or empty")
            time.sleep(0.5)
        self.kube.denied.clear()
        other.stop(self)

    def test_nobody_reads_its_lines(self):
        read, write = os.pipe()
        with mock.patch.dict(os.environ, {**CLEAN, "AWS_ENDPOINT_URL": self.url, **self.key.environment()}):
            process = subprocess.Popen([test_live.BINARY, "targets", "--kube-api", self.kube.url, "--metrics-listen", "off",
                                        "--config-namespace", NAMESPACE], stdout=write, stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        os.close(write)
        wait_for(lambda: any(c[2] == "endpointslices" for c in self.kube.calls), 60, "the cluster to be read")
        os.close(read)
        self.roll(0)
        self.assertEqual(process.wait(60), 1)
        self.assertEqual(self.holder(), "")

    def holder(self):
        return self.kube.get("leases", "drainsnoop-targets", NAMESPACE)["spec"]["holderIdentity"]


class Election(Base):
    def setUp(self):
        super().setUp()
        self.shop.add(0, 1, 2)

    def holder(self):
        lease = self.kube.get("leases", "drainsnoop-targets", NAMESPACE)
        return lease["spec"]["holderIdentity"] if lease else ""

    def leader_of(self, *runs):
        """The run that has the lease, and the others."""
        wait_for(lambda: any("this instance leads" in run.said() for run in runs), 60, "a leader")
        names = {"targets-1": runs[0], "targets-2": runs[1]}
        leader = names[self.holder().rpartition("_")[0]]
        return leader, next(run for run in runs if run is not leader)

    def test_exactly_one_leads_and_another_takes_over(self):
        runs = [self.run_targets(*QUICK, name=f"targets-{n}") for n in (1, 2)]
        leader, other = self.leader_of(*runs)
        self.wait_watches(leader)
        self.roll(0)
        self.wait_told(leader, "node-1", "drainsnoop.pod.state", drainsnoop__pod__trigger="rollout")
        wait_for(self.asked, 60, "a request")
        self.assertNotIn("this instance leads", other.said())
        self.assertFalse(other.lines("drainsnoop.pod.state"))
        leader.kill()
        died = time.time()
        wait_for(lambda: "this instance leads" in other.said(), 30, "the other to take over")
        took = time.time() - died
        self.assertGreater(took, 0.5)
        self.assertLess(took, 3 + 0.36 + 2)     # the lease, a try, and what a busy machine takes
        self.deregister(0)
        self.wait_told(other, "node-1", "drainsnoop.target.state", drainsnoop__target__state="draining")
        self.assertEqual(self.kube.get("leases", "drainsnoop-targets", NAMESPACE)["spec"]["leaseTransitions"], 1)
        other.stop(self)

    def test_sigterm_gives_the_lease_back(self):
        runs = [self.run_targets(name=f"targets-{n}") for n in (1, 2)]
        leader, other = self.leader_of(*runs)
        leader.stop(self)
        self.assertEqual(self.kube.get("leases", "drainsnoop-targets", NAMESPACE)["spec"]["leaseDurationSeconds"],
                         1 if not self.holder() else 15)
        wait_for(lambda: "this instance leads" in other.said(), 8, "the other to take over: well before 15 s")
        other.stop(self)
        self.assertEqual(self.holder(), "")

    def test_who_cannot_renew_stops_at_once(self):
        """The API server stands still for longer than the lease lasts: no request to AWS, no write after that."""
        run = self.lead(*QUICK)
        self.roll(0)
        wait_for(lambda: len(self.asked()) >= 2, 60, "requests")
        self.kube.stopped = True
        wait_for(lambda: "does not lead any more" in run.said(), 30, "the end of leading")
        since = time.time_ns()
        time.sleep(3)
        self.assertEqual(self.asked(since=since + 10**8), [])
        self.kube.stopped = False
        wait_for(lambda: run.said().count("this instance leads") == 2, 30, "to lead again")
        wait_for(lambda: self.asked(since=since), 60, "requests again: the pod still goes")
        run.stop(self)

    def test_somebody_takes_the_lease(self):
        run = self.lead(*QUICK)
        self.kube.edit("leases", "drainsnoop-targets", lambda lease: lease["spec"].update(
            holderIdentity="a human", leaseDurationSeconds=3600), NAMESPACE)
        wait_for(lambda: "does not lead any more" in run.said(), 30, "the end of leading")
        run.stop(self)
        self.assertEqual(self.holder(), "a human")


class Vanished(Base):
    """The clock cannot be hurried: what is due after two minutes is a matter of the unit tests, but for once."""

    @unittest.skipUnless(os.environ.get("DS_TEST_LONG"), "takes two minutes: scripts/test --long, or DS_TEST_LONG=1")
    def test_a_pod_whose_agent_is_gone(self):
        for node in self.shop.nodes:
            self.shop.agent(node)
        self.shop.add(0, 1, 2)
        run = self.lead()
        wait_for(lambda: any(call[1:3] == ("list", "pods") for call in self.kube.calls), 60, "the agents to be known")
        self.roll(0, 1)
        wait_for(self.asked, 60, "a request")
        self.kube.take_away("pods", "drainsnoop-agent-node-1", NAMESPACE)
        for number in (0, 1):
            self.deregister(number)
            self.shop.remove(number)
        wait_for(lambda: run.lines("drainsnoop.pod.verdict"), 200, "a verdict")
        time.sleep(3)
        verdict, = run.lines("drainsnoop.pod.verdict")
        self.assertEqual(verdict["drainsnoop.verdict.code"], "inconclusive")
        self.assertEqual(verdict["drainsnoop.verdict.reason"], "observation_cut")
        self.assertEqual(verdict["k8s.pod.uid"], self.shop.uid(0))
        run.stop(self)


if __name__ == "__main__":
    unittest.main()
