# SPDX-License-Identifier: Apache-2.0
"""`drainsnoop targets` and `drainsnoop agent` at a real API server (scripts/kube-assets), as the plain manifests run them:
with the manifests' arguments, users and capabilities, the tokens of their service accounts and the rights of these.
What the API server's audit log says of them is held against docs/security.md: nothing was refused, and nothing is
granted that is not used.

In a network namespace of the test's own; AWS is the laboratory's."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.error

import deployed
import netns
import real_api
from deployed import ACCOUNTS, NAMESPACE, ROOT, Right, find, read
from elb_run import CLEAN
from fake_cluster import Shop
from test_live import BINARY, wait_for

sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from drainlab.fakeaws import FakeAws            # noqa: E402

# As the manifests have it (test_chart_manifests compares): users and capabilities.
PRIVILEGES = {
    "agent": ("--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all"),
    "targets": ("--reuid", "65532", "--regid", "65532", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")}
# Granted, and not used by what happens here: nobody else writes a ConfigMap, so that it had to be read again; no node
# goes; there is no EKS Auto Mode, so its bindings are listed and found to be none.
NOT_HERE = {"targets": {Right("own namespace", "", "configmaps", "", "get"),
                        Right("own namespace", "", "configmaps", "", "delete"),
                        Right("cluster", "eks.amazonaws.com", "targetgroupbindings", "", "watch")},
            "agent": set()}
# What `drainsnoop doctor` asks of itself; everybody who is logged in may.
ASKED = {Right("cluster", "authorization.k8s.io", "selfsubjectaccessreviews", "", "create"),
         Right("cluster", "authentication.k8s.io", "selfsubjectreviews", "", "create")}


class Cluster:
    """What fake_cluster.Shop wants of a cluster, at a real API server."""

    GROUPS = {"nodes": "/api/v1", "services": "/api/v1", "endpointslices": "/apis/discovery.k8s.io/v1",
              "deployments": "/apis/apps/v1", "replicasets": "/apis/apps/v1",
              "targetgroupbindings": "/apis/elbv2.k8s.aws/v1beta1"}
    TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}

    def __init__(self, api):
        self.api = api

    def path(self, collection, name=""):
        where = "" if collection == "nodes" else "/namespaces/shop"
        return f"{self.GROUPS[collection]}{where}/{collection}" + (f"/{name}" if name else "")

    def get(self, path):
        try:
            return self.api.ask("GET", path)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 404:
                    raise
        return None

    def set(self, collection, thing):
        """Makes it, or makes it so. UIDs are the API server's; of what it must have besides, the least."""
        thing = json.loads(json.dumps(thing))
        meta, status = thing["metadata"], thing.pop("status", None)
        meta.pop("uid", None)
        for ref in meta.get("ownerReferences", ()):
            ref["uid"] = self.get(self.path(ref["kind"].lower() + "s", ref["name"]))["metadata"]["uid"]
        if collection in ("deployments", "replicasets"):
            thing["spec"] |= {"selector": {"matchLabels": {"app": "web"}}, "template": self.TEMPLATE}
        path = self.path(collection, meta["name"])
        old = self.get(path)
        if old:
            meta["resourceVersion"] = old["metadata"]["resourceVersion"]
            made = self.api.ask("PUT", path, thing)
        else:
            made = self.api.ask("POST", self.path(collection), thing)
        if status:
            self.api.ask("PUT", path + "/status", made | {"status": status})


@unittest.skipIf(os.geteuid(), "needs root")
@real_api.needs("cluster")
class Installed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)        # targets is another user
        self.binary = shutil.copy(BINARY, os.path.join(self.folder, "drainsnoop"))
        os.mkdir(os.path.join(self.folder, "state"))
        self.netns = netns.make("deployed", self.addCleanup)
        self.audit = os.path.join(self.folder, "audit.jsonl")
        policy = os.path.join(self.folder, "policy.json")
        with open(policy, "w", encoding="ascii") as file:
            json.dump({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [
                {"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]}, file)
        self.api = real_api.Api(self.folder, self.netns, "--audit-policy-file", policy, "--audit-log-path", self.audit,
                       "--audit-log-mode", "blocking-strict")
        self.addCleanup(self.api.close)
        self.cluster = Cluster(self.api)
        self.things = deployed.objects(read("deploy/manifests/drainsnoop.yaml"))
        self.apply()

    def apply(self):
        """The manifests but their workloads, which nobody would run here, and the kind TargetGroupBinding."""
        folders = {"Namespace": "/api/v1/namespaces", "ServiceAccount": f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"}
        for thing in self.things:
            kind = thing["kind"]
            if kind.startswith("ClusterRole"):
                folders[kind] = f"/apis/rbac.authorization.k8s.io/v1/{kind.lower()}s"
            elif kind.startswith("Role"):
                folders[kind] = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/{kind.lower()}s"
            if kind in folders:
                self.api.ask("POST", folders[kind], thing)
        self.api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        self.api.serve_bindings()

    def kubeconfig(self, part):
        """Of the service account of that part."""
        return self.api.kubeconfig(f"{part}.config", {"token": self.api.token(ACCOUNTS[part], NAMESPACE)})

    def command(self, part, *arguments):
        """drainsnoop as that part's pod runs it, with its service account."""
        return [*netns.enter(self.netns), "setpriv", *PRIVILEGES[part], "--no-new-privs", self.binary,
                *arguments, "--kubeconfig", self.kubeconfig(part)]

    @staticmethod
    def environment(part, **more):
        return {"PATH": os.environ["PATH"], **CLEAN, "NODE_NAME": "node-1", "POD_NAMESPACE": NAMESPACE,
                "POD_NAME": ACCOUNTS[part] + "-x", "HOST_IP": "10.0.0.1", **more}

    def start(self, part, kind, **environment):
        """What the manifests run; (process, file of what it says)."""
        arguments = self.container(kind)["args"]
        said = os.path.join(self.folder, f"{part}.err")
        with open(os.path.join(self.folder, f"{part}.jsonl"), "wb") as out, open(said, "wb") as errors:
            process = subprocess.Popen(self.command(part, *arguments), stdout=out, stderr=errors, stdin=subprocess.DEVNULL,
                                       env=self.environment(part, **self.options(kind), **environment))
        self.addCleanup(self.end, process)
        return process, said

    def container(self, kind):
        return find(self.things, kind)["spec"]["template"]["spec"]["containers"][0]

    def options(self, kind):
        """What the container's environment says to the program, with the volume where it is here."""
        found = {name: value.replace("/var/lib/drainsnoop", os.path.join(self.folder, "state"))
                 for name, value in deployed.options(self.container(kind)).items()}
        if kind == "Deployment":
            found["DRAINSNOOP_METRICS_LISTEN"] = ":9974"    # here they share one network
        return found

    def doctor(self, part, kind, **environment):
        """What `drainsnoop doctor` finds in that container, by check."""
        done = subprocess.run(self.command(part, "doctor", "--for", part, "-o", "json"), capture_output=True, text=True,
                              check=False, timeout=120, env=self.environment(part, **self.options(kind), **environment))
        return {check["check"]: check for check in json.loads(done.stdout)["checks"]}

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def handed(self, name, **keys):
        """The lines in node-1's ConfigMap."""
        found = self.cluster.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/drainsnoop-targets-node-1")
        lines = [json.loads(line) for line in found["data"]["events.jsonl"].splitlines()] if found else []
        return [line for line in lines if line["event.name"] == name and keys.items() <= line.items()]

    def used(self, part):
        """The rights that an account used, and what was refused, of the audit log."""
        used, refused = set(), set()
        with open(self.audit, encoding="utf-8") as file:
            for event in map(json.loads, file):
                ref = event.get("objectRef", {})
                if event["user"]["username"] != f"system:serviceaccount:{NAMESPACE}:{ACCOUNTS[part]}" or not ref:
                    continue
                own = ref.get("namespace") == NAMESPACE
                name = ref.get("name", "") if ref["resource"] == "leases" and event["verb"] != "create" else ""
                right = Right("own namespace" if own else "cluster", ref.get("apiGroup", ""), ref["resource"], name,
                              event["verb"])
                used.add(right)
                if event.get("responseStatus", {}).get("code") in (401, 403):
                    refused.add(right)
        return used, refused

    def test_a_rollout_with_the_rights_of_the_manifests(self):
        aws = FakeAws()
        self.addCleanup(aws.close)
        url = aws.listen(netns=f"/run/netns/{self.netns}")
        group = aws.elb.add_group("web", delay=3, port=8080)
        aws.elb.add_load_balancer("shop", ["10.99.200.1"], [group])
        shop = Shop(self.cluster, group, nodes=("node-1",))
        shop.add(0, 1)
        targets, said = self.start("targets", "Deployment", AWS_ENDPOINT_URL=url,
                                   **aws.keys.issue(lifetime=3600).environment())
        agent, agent_said = self.start("agent", "DaemonSet")

        def wait_handed(name, **keys):
            try:
                wait_for(lambda: self.handed(name, **keys) or targets.poll() is not None, 90, f"{name} {keys}")
            except AssertionError as error:
                self.fail(f"{error}; handed are {self.handed(name)}; {read(said)}")
            self.assertIsNone(targets.poll(), read(said))

        wait_handed("drainsnoop.load_balancer.address")
        shop.deployment(replicas=2, revision=2)
        shop.replica_set("9f8e", revision=2, desired=1)
        shop.replica_set("7c5d", revision=1, desired=1, present=2)
        shop.terminate(0)
        wait_handed("drainsnoop.pod.state", **{"k8s.pod.uid": shop.uid(0), "drainsnoop.pod.trigger": "rollout"})
        group.deregister(shop.address(0), shop.port)
        wait_handed("drainsnoop.target.state", **{"drainsnoop.target.state": "draining"})
        wait_for(lambda: Right("own namespace", "", "configmaps", "", "watch") in self.used("agent")[0], 60,
                 "the agent's watch of its ConfigMap")
        node = self.cluster.get("/api/v1/nodes/node-1")["metadata"]
        page = self.cluster.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/drainsnoop-targets-node-1")
        self.assertEqual(page["metadata"]["ownerReferences"][0]["uid"], node["uid"])
        found = self.doctor("agent", "DaemonSet")
        for check in ("privileges", "probes", "cluster", "targets", "state", "metrics"):
            self.assertEqual(found[check]["status"], "ok", found[check])
        found = self.doctor("targets", "Deployment", AWS_ENDPOINT_URL=url, AWS_REGION="eu-central-1",
                            **aws.keys.issue(lifetime=3600).environment())
        for check in ("cluster", "targets", "aws", "metrics"):
            self.assertEqual(found[check]["status"], "ok", found[check])
        self.assertIn("leads, Lease drainsnoop-targets was renewed", found["targets"]["text"])
        for process in (targets, agent):
            process.terminate()
        self.assertEqual(targets.wait(60), 0, read(said))
        self.assertEqual(agent.wait(60), 0, read(agent_said))
        lease = self.cluster.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/drainsnoop-targets")
        self.assertFalse(lease["spec"].get("holderIdentity"))
        for part in ACCOUNTS:
            used, refused = self.used(part)
            with self.subTest(part):
                self.assertEqual(refused, set())
                self.assertEqual(deployed.rights_told(part) - used, NOT_HERE[part])
                self.assertEqual(used - deployed.rights_told(part) - ASKED, set())


if __name__ == "__main__":
    unittest.main()
