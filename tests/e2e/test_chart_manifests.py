# SPDX-License-Identifier: Apache-2.0
"""The plain manifests, the IAM policy and the snippets for pipelines, as files: against docs/security.md, the code
and what nobody may change by oversight. Needs neither Helm nor a cluster."""

import json
import os
import re
import subprocess
import unittest

import jsonschema

import deployed
from deployed import ROOT, find, read, table

BINARY = os.environ.get("DRAINSNOOP", os.path.join(ROOT, "build/drainsnoop"))
KINDS = {"Namespace": 1, "ServiceAccount": 2, "ClusterRole": 2, "ClusterRoleBinding": 2, "Role": 2, "RoleBinding": 2,
         "DaemonSet": 1, "Deployment": 1}
CLUSTER_WIDE = ("Namespace", "ClusterRole", "ClusterRoleBinding")


def options_of(command):
    """The long options of a command."""
    said = subprocess.run([BINARY, command, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    return set(re.findall(r"--([a-z][a-z0-9-]+)", said))


def option_of(variable):
    """Whose variable it is, DRAINSNOOP_LEASE: --lease."""
    return variable.removeprefix("DRAINSNOOP_").lower().replace("_", "-")


class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = read("deploy/manifests/drainsnoop.yaml")
        cls.things = deployed.objects(cls.text)
        cls.agent = find(cls.things, "DaemonSet")["spec"]["template"]["spec"]
        cls.targets = find(cls.things, "Deployment")["spec"]["template"]["spec"]

    def test_they_are_what_the_chart_gives(self):
        done = subprocess.run([os.path.join(ROOT, "scripts/manifests"), "--check"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_kinds_are_these_and_live_in_their_namespace(self):
        count = {kind: sum(t["kind"] == kind for t in self.things) for kind in {t["kind"] for t in self.things}}
        self.assertEqual(count, KINDS)
        for thing in self.things:
            meta = thing["metadata"]
            with self.subTest(kind=thing["kind"], name=meta["name"]):
                self.assertEqual(meta.get("namespace"), None if thing["kind"] in CLUSTER_WIDE else deployed.NAMESPACE)
                self.assertEqual(meta["labels"]["app.kubernetes.io/name"], "drainsnoop")
                self.assertEqual(meta["labels"]["app.kubernetes.io/instance"], "drainsnoop")

    def test_names_that_the_program_and_the_plugin_rely_on(self):
        for kind, part in (("DaemonSet", "agent"), ("Deployment", "targets")):
            spec = find(self.things, kind, deployed.ACCOUNTS[part])["spec"]
            pod = spec["template"]
            self.assertEqual(pod["spec"]["serviceAccountName"], deployed.ACCOUNTS[part])
            self.assertEqual(pod["metadata"]["labels"]["app.kubernetes.io/component"], part)
            self.assertEqual([c["name"] for c in pod["spec"]["containers"]], [part])
            self.assertEqual(pod["spec"]["containers"][0]["ports"],
                             [{"name": "metrics", "containerPort": 9973, "protocol": "TCP"}])
            self.assertLessEqual(spec["selector"]["matchLabels"].items(), pod["metadata"]["labels"].items())
            names = {e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"] for e in pod["spec"]["containers"][0]["env"]
                     if "valueFrom" in e}
            self.assertEqual(names, {"NODE_NAME": "spec.nodeName", "POD_NAMESPACE": "metadata.namespace",
                                     "POD_NAME": "metadata.name", "HOST_IP": "status.hostIP"})
        self.assertEqual(deployed.options(self.agent["containers"][0]), {
            "DRAINSNOOP_METRICS_LISTEN": ":9973", "DRAINSNOOP_STATE": "/var/lib/drainsnoop/state"})
        self.assertEqual(deployed.options(self.targets["containers"][0]), {
            "DRAINSNOOP_METRICS_LISTEN": ":9973", "DRAINSNOOP_LEASE": "drainsnoop-targets"})

    def test_the_agent_has_two_capabilities_and_each_says_why(self):
        container = self.agent["containers"][0]
        self.assertEqual(container["securityContext"], {
            "runAsUser": 0, "runAsGroup": 0, "privileged": False, "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"], "add": ["BPF", "PERFMON"]},
            "seccompProfile": {"type": "RuntimeDefault"}})
        for capability in container["securityContext"]["capabilities"]["add"]:
            self.assertRegex(self.text, rf"(?m)^ *# .+\n *- {capability}$")
        told = " ".join(row[0] for row in table(read("docs/security.md"), "The agent on the node"))
        self.assertEqual(set(re.findall(r"CAP_(\w+)", told)), {"BPF", "PERFMON", "SYS_RESOURCE", "SYSLOG"})

    def test_the_agent_reaches_nothing_else_of_the_node(self):
        self.assertIs(self.agent["hostNetwork"], True)
        for key in ("hostPID", "hostIPC", "initContainers", "shareProcessNamespace", "securityContext"):
            self.assertNotIn(key, self.agent)
        self.assertEqual(self.agent["volumes"], [{"name": "state", "emptyDir": {"sizeLimit": "64Mi"}}])
        self.assertEqual(self.agent["containers"][0]["volumeMounts"],
                         [{"name": "state", "mountPath": "/var/lib/drainsnoop"}])

    def test_the_agent_is_on_every_node_that_it_can_run_on(self):
        self.assertEqual(self.agent["tolerations"], [{"operator": "Exists"}])
        self.assertEqual(self.agent["nodeSelector"], {"kubernetes.io/os": "linux"})
        self.assertIn("fargate", json.dumps(self.agent["affinity"]))
        self.assertEqual(find(self.things, "DaemonSet")["spec"]["updateStrategy"]["rollingUpdate"],
                         {"maxUnavailable": "10%"})
        self.assertNotIn("cpu", self.agent["containers"][0]["resources"]["limits"])

    def test_targets_is_nobody(self):
        for key in ("hostNetwork", "hostPID", "hostIPC", "volumes", "initContainers"):
            self.assertNotIn(key, self.targets)
        self.assertEqual(self.targets["securityContext"], {
            "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"}})
        self.assertEqual(self.targets["containers"][0]["securityContext"], {
            "privileged": False, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]}})

    def test_both_are_probed_and_bounded(self):
        for spec in (self.agent, self.targets):
            container = spec["containers"][0]
            for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
                self.assertEqual(container[probe]["httpGet"], {"path": path, "port": "metrics"})
            self.assertIn("memory", container["resources"]["limits"])
            self.assertIs(spec["enableServiceLinks"], False)

    def test_the_namespace_lets_the_agent_in(self):
        labels = find(self.things, "Namespace")["metadata"]["labels"]
        self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "privileged")

    def test_rights_are_those_of_the_document(self):
        for part in deployed.ACCOUNTS:
            with self.subTest(part):
                given, told = deployed.rights_given(self.things, part), deployed.rights_told(part)
                self.assertEqual(sorted(given - told), [], "given, but not in docs/security.md")
                self.assertEqual(sorted(told - given), [], "in docs/security.md, but not given")

    def test_doctor_asks_for_the_same(self):
        """The table of `drainsnoop doctor`."""
        text = re.sub(r"\bBINDINGS\b", '"targetgroupbindings"', read("user/doctor/rights.c"))
        asked = {part: set() for part in deployed.ACCOUNTS}
        for macro, who, words, scope, thing in re.findall(
                r'(?m)^\t(FOLLOW|MAY)\((AGENT|TARGETS), ((?:"[\w.-]*", )+)(ALL|OWN), \w+, (\w+),', text):
            words = re.findall(r'"([\w.-]*)"', words)
            verbs = ["list", "watch"] if macro == "FOLLOW" else [words.pop(0)]
            group, resource = words
            name = deployed.ACCOUNTS["targets"] if thing == "LEASE" else ""
            asked[who.lower()] |= {deployed.Right("cluster" if scope == "ALL" else "own namespace", group, resource, name, verb)
                                   for verb in verbs}
        for part, rights in asked.items():
            with self.subTest(part):
                rights -= deployed.rights_told(part, optional=True)
                self.assertEqual(sorted(rights - deployed.rights_told(part)), [], "asked for, but not given")
                self.assertEqual(sorted(deployed.rights_told(part) - rights), [], "given, but not asked for")

    def test_rights_are_never_too_many(self):
        for part in deployed.ACCOUNTS:
            for right in deployed.rights_given(self.things, part):
                self.assertNotIn("*", right)
                self.assertNotIn(right.resource, ("secrets", "serviceaccounts", "pods/exec", "pods/log", "roles",
                                                  "clusterroles", "nodes/proxy"))
                if right.where == "cluster":
                    self.assertIn(right.verb, ("get", "list", "watch"), right)
        self.assertEqual({r.verb for r in deployed.rights_given(self.things, "agent")}, {"get", "list", "watch"})

    def test_tokens_are_for_these_pods_only(self):
        for account in (t for t in self.things if t["kind"] == "ServiceAccount"):
            self.assertIs(account["automountServiceAccountToken"], False)
        self.assertIs(self.agent["automountServiceAccountToken"], True)
        self.assertIs(self.targets["automountServiceAccountToken"], True)

    def test_the_version_is_the_programs(self):
        version = re.search(r"^VERSION := (\S+)$", read("Makefile"), re.MULTILINE).group(1)
        for spec in (self.agent, self.targets):
            self.assertEqual(spec["containers"][0]["image"], f"ghcr.io/drainsnoop/drainsnoop:{version}")
        chart = deployed.objects(read("deploy/helm/drainsnoop/Chart.yaml"))[0]
        self.assertEqual((chart["version"], chart["appVersion"]), (version, version))

    def test_the_programs_have_these_options(self):
        for spec in (self.agent, self.targets):
            command, *arguments = spec["containers"][0]["args"]
            arguments += map(option_of, deployed.options(spec["containers"][0]))
            with self.subTest(command):
                known = options_of(command)
                for argument in arguments:
                    self.assertIn(argument.removeprefix("--").split("=")[0], known)

    def test_the_programs_have_every_option_of_the_chart(self):
        folder = os.path.join(deployed.CHART, "templates")
        text = {name: read(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith((".yaml", ".tpl"))}
        for command, name in (("agent", "agent-daemonset.yaml"), ("targets", "targets-deployment.yaml")):
            with self.subTest(command):
                known = options_of(command)
                wanted = re.findall(r"(?m)^ *- (?:\{\{ printf \")?--([a-z-]+)", text[name] + text["_pod.tpl"])
                wanted += map(option_of, re.findall(r"DRAINSNOOP_\w+", text[name]))
                if command == "agent":
                    wanted += map(option_of, re.findall(r"DRAINSNOOP_\w+", text["_pod.tpl"]))
                self.assertGreater(len(wanted), 3)
                self.assertEqual([option for option in wanted if option not in known], [])

    def test_kustomize_finds_them(self):
        base = deployed.objects(read("deploy/manifests/kustomization.yaml"))[0]
        self.assertEqual(base["resources"], ["drainsnoop.yaml"])


class Documents(unittest.TestCase):
    """What the pages say of the chart."""

    def values(self):
        """Every path of the values, "agent.seccompProfile.type", and those that lead there."""
        paths = set()

        def walk(value, path):
            paths.add(path)
            if isinstance(value, dict):
                for key, inner in value.items():
                    walk(inner, f"{path}.{key}" if path else key)
        walk(deployed.objects(read("deploy/helm/drainsnoop/values.yaml"))[0], "")
        return paths

    def test_values_that_are_named_exist(self):
        known, found = self.values(), 0
        tops = "|".join(sorted(path for path in known if path and "." not in path))
        for page in ("docs/kubernetes.md", "docs/security.md", "docs/aws.md", "README.md",
                     "deploy/helm/drainsnoop/templates/NOTES.txt", "deploy/helm/drainsnoop/values.yaml"):
            text = read(page)
            spans = re.findall(r"`([^`\n]+)`", text) if page.endswith(".md") else [text]
            spans += re.findall(r"--set (\S+)=", text)
            for span in spans:
                for name in re.findall(rf"(?<![\w.$/-])((?:{tops})(?:\.[A-Za-z]+)+)(?![\w/])", span):
                    found += 1
                    self.assertIn(name, known, f"{page}: {span}")
        self.assertGreater(found, 30)

    def test_the_defaults_that_are_told_are_so(self):
        values = deployed.objects(read("deploy/helm/drainsnoop/values.yaml"))[0]
        for names, default, _ in table(read("docs/kubernetes.md"), "Values"):
            for name in re.findall(r"`([\w.]+)`", names):
                value = values
                for key in name.split("."):
                    value = value[key]
                if default in ("true", "false"):
                    self.assertIs(value, default == "true", name)
                elif default == "none":
                    self.assertIn(value, ("", [], {}), name)


class Schema(unittest.TestCase):
    """values.schema.json, by a validator that is not Helm's."""

    def setUp(self):
        self.schema = json.loads(read("deploy/helm/drainsnoop/values.schema.json"))
        self.validator = jsonschema.Draft7Validator(self.schema)

    def test_it_is_a_schema_and_takes_the_default_values(self):
        jsonschema.Draft7Validator.check_schema(self.schema)
        values = deployed.objects(read("deploy/helm/drainsnoop/values.yaml"))[0]
        self.assertEqual([error.message for error in self.validator.iter_errors(values)], [])

    def test_regions_of_every_partition_are_taken(self):
        """Those that the unit test of the program has."""
        regions = re.findall(r'dns_suffix\("([a-z0-9-]+-[a-z]+-\d)"', read("tests/unit/test_aws_region.c"))
        self.assertIn("eusc-de-east-1", regions)
        for region in [*regions, ""]:
            self.assertEqual([e.message for e in self.validator.iter_errors({"aws": {"region": region}})], [], region)

    def test_wrong_values_are_refused(self):
        for values, word in deployed.WRONG_VALUES:
            with self.subTest(values=values):
                errors = [f"{error.json_path} {error.message}" for error in self.validator.iter_errors(values)]
                self.assertTrue(errors)
                self.assertIn(word, " ".join(errors))


class Policy(unittest.TestCase):
    def setUp(self):
        statements = json.loads(read("deploy/iam/policy.json"))["Statement"]
        self.allowed = set()
        for statement in statements:
            self.assertEqual((statement["Effect"], statement["Resource"]), ("Allow", "*"))
            actions = statement["Action"]
            self.allowed |= set([actions] if isinstance(actions, str) else actions)

    def test_actions_are_those_that_the_poller_asks(self):
        """Its requests are one table (elb_plan.h); that of addresses goes to EC2."""
        asked = re.findall(r'X\((\w+), "(Describe\w+)"\)', read("user/source/elb/elb_plan.h"))
        self.assertGreaterEqual(len(asked), 5)
        self.assertEqual(self.allowed, {("ec2:" if kind == "ADDRESSES" else "elasticloadbalancing:") + action
                                        for kind, action in asked})
        sent = set(re.findall(r'(?:begin\(form, "|Action=)([A-Z]\w+)', read("user/source/elb/elb_query.c")))
        self.assertEqual(sent, {action for _, action in asked})

    def test_the_document_says_why(self):
        rows = table(read("docs/security.md"), "Rights in AWS")
        self.assertEqual({row[0] for row in rows}, self.allowed)
        for row in rows:
            self.assertTrue(all(row), row)


if __name__ == "__main__":
    unittest.main()
