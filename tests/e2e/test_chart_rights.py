# SPDX-License-Identifier: Apache-2.0
"""The manifests at a real API server (scripts/kube-assets): it takes every object, Pod Security Admission lets the pods
in by the namespace's label and not without, and the service accounts may do what docs/security.md says and nothing more.

Everything happens in a network namespace of the test's own."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import deployed
import netns
import real_api
from deployed import ACCOUNTS, CHART, MANIFEST, NAMESPACE, find

# What every account that is logged in may do, by the roles that Kubernetes itself makes.
EVERYBODY = {("authorization.k8s.io", "selfsubjectaccessreviews"), ("authorization.k8s.io", "selfsubjectrulesreviews"),
             ("authentication.k8s.io", "selfsubjectreviews")}
HELM = os.path.join(real_api.assets("helm")[0] or "", "helm")
OPERATORS = {"PodMonitor", "PrometheusRule"}        # kinds that a cluster without their operator does not know


@unittest.skipIf(os.geteuid(), "needs root")
@real_api.needs("cluster")
class RealApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.netns = netns.make("chart", cls.addClassCleanup)
        cls.api = real_api.Api(cls.folder, cls.netns)
        cls.addClassCleanup(cls.api.close)
        cls().kubectl("apply", "-f", MANIFEST)

    def kubectl(self, *args, ok=True, **options):
        """What it printed, as the administrator; with ok=False what it complained of."""
        done = self.api.kubectl(*args, **options)
        if (done.returncode == 0) != ok:
            raise AssertionError(f"kubectl {' '.join(args)}: status {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout if ok else done.stderr

    def test_it_takes_the_manifests(self):
        """They were applied for real, then as kustomize has them; nothing in them is unknown to it."""
        count = len(deployed.objects(deployed.read("deploy/manifests/drainsnoop.yaml")))
        for source in (["-f", MANIFEST], ["-k", os.path.dirname(MANIFEST)]):
            said = self.kubectl("apply", "--dry-run=server", "--validate=strict", *source)
            self.assertEqual(said.count("unchanged"), count, said)

    @real_api.needs("helm")
    def test_it_takes_what_the_chart_gives_by_other_values(self):
        on = "enabled=true"
        for settings in (
                ("agent.capabilities.syslog=true", "agent.capabilities.sysResource=true", "agent.seccompProfile.type=Unconfined",
                 "agent.hostNetwork=false", "state.hostPath=/var/lib/drainsnoop", "cluster=c",
                 "agent.priorityClassName=system-node-critical", "targets.updateStrategy.type=Recreate",
                 "targets.updateStrategy.rollingUpdate=null",
                 "agent.eventsOnWorkloads=true", "aws.region=eu-central-1", "aws.rate=2", "agent.redactPeers=true",
                 "agent.redactKey.secretName=redaction", "targets.replicas=2"),
                ("targets.enabled=false", "agent.standalone=true", "metrics.address=127.0.0.1", "rbac.create=false"),
                (f"podMonitor.{on}", f"prometheusRule.{on}", f"grafanaDashboard.{on}", "fullnameOverride=x",
                 "agent.updateStrategy.type=OnDelete", "agent.updateStrategy.rollingUpdate=null")):
            with self.subTest(settings=settings):
                rendered = subprocess.run(
                    [HELM, "template", "another", CHART, "--namespace", NAMESPACE,
                     *[word for setting in settings for word in ("--set", setting)]],
                    capture_output=True, text=True, check=True).stdout
                things = deployed.objects(rendered)
                known = [t for t in things if t["kind"] not in OPERATORS]
                said = self.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-",
                                    text="\n".join(json.dumps(t) + "\n---" for t in known))
                self.assertEqual(said.count("created (server dry run)"), len(known), said)

    def helm(self, *args):
        """What it printed, as the administrator."""
        folder = os.path.join(self.folder, "helm")
        environment = dict(os.environ, HELM_CACHE_HOME=folder, HELM_CONFIG_HOME=folder, HELM_DATA_HOME=folder,
                           KUBECONFIG=os.devnull)
        done = subprocess.run([
            *netns.enter(self.netns), HELM, "--kube-apiserver", real_api.URL, "--kube-token", real_api.ADMIN,
            "--kube-insecure-skip-tls-verify", "--namespace", "mine", *args],
            capture_output=True, text=True, check=False, timeout=120, env=environment)
        self.assertEqual(done.returncode, 0, f"helm {args}: {done.stdout}{done.stderr}")
        return done.stdout

    @real_api.needs("helm")
    def test_it_is_installed_upgraded_and_removed(self):
        said = self.helm("install", "mine", CHART, "--create-namespace")
        label = "kubectl label --overwrite namespace mine pod-security.kubernetes.io/enforce=privileged"
        self.assertIn(label, said)
        self.assertIn("docs/aws.md", said)
        self.kubectl(*label.split()[1:])
        said = self.helm("upgrade", "mine", CHART, "--reset-then-reuse-values", "--set", "agent.capabilities.syslog=true",
                         "--set-string", r"targets.serviceAccount.annotations.eks\.amazonaws\.com/role-arn=arn:aws:iam::123456789012:role/x")
        self.assertNotIn("kubectl label", said)
        self.assertNotIn("docs/aws.md", said)
        agent = json.loads(self.kubectl("get", "daemonset", "mine-drainsnoop-agent", "-n", "mine", "-o", "json"))
        security = agent["spec"]["template"]["spec"]["containers"][0]["securityContext"]
        self.assertEqual(security["capabilities"]["add"], ["BPF", "PERFMON", "SYSLOG"])
        # The commands of the notes work as they are.
        selector = re.search(r"logs -l (\S+)", said).group(1)
        self.assertEqual(self.kubectl("get", "daemonset", "-n", "mine", "-l", selector, "-o", "name").strip(),
                         "daemonset.apps/mine-drainsnoop-agent")
        self.helm("uninstall", "mine")
        kinds = "daemonsets,deployments,roles,rolebindings,clusterroles,clusterrolebindings"
        self.assertNotIn("mine-", self.kubectl("get", kinds, "-n", "mine", "-o", "name"))

    def pod_of(self, kind):
        """The pod that a controller would make of that object."""
        things = deployed.objects(deployed.read("deploy/manifests/drainsnoop.yaml"))
        template = find(things, kind)["spec"]["template"]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] | {"name": "one"}, "spec": template["spec"]}

    def admits(self, namespace, pod):
        self.kubectl("create", "--dry-run=server", "-n", namespace, "-f", "-", text=json.dumps(pod))

    def test_pod_security_admission(self):
        for level in ("baseline", "restricted"):
            self.kubectl("create", "namespace", level)
            self.kubectl("label", "namespace", level, f"pod-security.kubernetes.io/enforce={level}")
        agent, targets = self.pod_of("DaemonSet"), self.pod_of("Deployment")
        self.admits(NAMESPACE, agent)
        self.admits(NAMESPACE, targets)
        self.admits("restricted", targets)
        said = self.kubectl("create", "--dry-run=server", "-n", "baseline", "-f", "-", text=json.dumps(agent), ok=False)
        self.assertIn('violates PodSecurity "baseline', said)
        for reason in ("host namespaces", "BPF", "PERFMON"):
            self.assertIn(reason, said)
        self.assertNotIn("privileged (", said)

    def rules(self, part, namespace):
        """What the API server says that an account may do in a namespace: (group, resource, name, verb) ..."""
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
                  "spec": {"namespace": namespace}}
        out = self.kubectl("create", "--validate=false", "-f", "-", "-o", "json", "--as",
                           f"system:serviceaccount:{NAMESPACE}:{ACCOUNTS[part]}", text=json.dumps(review))
        status = json.loads(out)["status"]
        self.assertIs(status["incomplete"], False)
        for rule in status["nonResourceRules"]:
            self.assertEqual(rule["verbs"], ["get"])
        return {(right.group, right.resource, right.name, right.verb)
                for right in deployed.expand("", status["resourceRules"])
                if (right.group, right.resource) not in EVERYBODY}

    def test_the_accounts_may_do_what_the_document_says_and_nothing_more(self):
        for part in ACCOUNTS:
            with self.subTest(part):
                told = deployed.rights_told(part)
                self.assertEqual(self.rules(part, "default"), {r[1:] for r in told if r.where == "cluster"})
                self.assertEqual(self.rules(part, NAMESPACE), {r[1:] for r in told})

    def test_kubectl_auth_can_i(self):
        """The same question as a person asks it, verb by verb; cluster means in all namespaces."""
        self.api.serve_bindings()
        for part, account in ACCOUNTS.items():
            for right in sorted(deployed.rights_told(part)):
                if right.group == "eks.amazonaws.com":
                    continue    # kubectl asks of kinds that the cluster has
                what = f"{right.resource}.{right.group}".rstrip(".") + (f"/{right.name}" if right.name else "")
                where = ["--all-namespaces"] if right.where == "cluster" else ["-n", NAMESPACE]
                self.can_i(account, True, right.verb, what, *where)
            for verb, what in (("get", "secrets"), ("list", "secrets"), ("create", "pods"), ("delete", "pods"),
                               ("patch", "deployments.apps"), ("create", "events"), ("get", "pods/log"), ("create", "pods/exec"),
                               ("create", "serviceaccounts/token"), ("impersonate", "users"), ("list", "nodes"),
                               ("update", "leases.coordination.k8s.io")):
                self.can_i(account, False, verb, what, "-n", NAMESPACE)
            self.can_i(account, False, "list", "configmaps", "-n", "default")

    def can_i(self, account, wanted, verb, what, *where):
        said = self.api.kubectl("auth", "can-i", verb, what, *where, "--as",
                                f"system:serviceaccount:{NAMESPACE}:{account}")
        self.assertEqual(said.stdout.strip().split(" ")[0], "yes" if wanted else "no",
                         f"{account} {verb} {what} {where}: {said.stdout}{said.stderr}")

    def test_the_agents_token_lists_pods_and_no_secrets(self):
        """Not only asked for: done, with a token as its pod gets it."""
        token = self.api.token(ACCOUNTS["agent"], NAMESPACE)

        def get(path, ok=True):
            return self.kubectl("get", "--raw", path, token=token, ok=ok)
        self.assertIn("PodList", get("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1"))
        self.assertIn("ConfigMapList", get(f"/api/v1/namespaces/{NAMESPACE}/configmaps?fieldSelector=metadata.name%3Dx"))
        for path in (f"/api/v1/namespaces/{NAMESPACE}/secrets", "/api/v1/nodes", "/api/v1/namespaces/default/configmaps"):
            self.assertIn("(Forbidden)", get(path, ok=False))


if __name__ == "__main__":
    unittest.main()
