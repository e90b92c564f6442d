# SPDX-License-Identifier: Apache-2.0
"""The chart with Helm: it lints, renders what values ask for, and refuses values that are wrong."""

import copy
import json
import os
import subprocess
import tempfile
import unittest

import deployed
import real_api
import yaml
from deployed import CHART, find, read

MONITORS = {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "grafanaDashboard": {"enabled": True}}


@real_api.needs("helm")
class Helm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.helm = os.path.join(real_api.assets("helm")[0], "helm")

    def run_helm(self, *args, values=None):
        """(status, standard output, standard error); values as a file, as users give them."""
        with tempfile.TemporaryDirectory() as folder:
            # Helm keeps its own state in the user's folders.
            environment = dict(os.environ, HELM_CACHE_HOME=folder, HELM_CONFIG_HOME=folder, HELM_DATA_HOME=folder)
            file = os.path.join(folder, "values.yaml")
            with open(file, "w", encoding="utf-8") as out:
                yaml.safe_dump(values or {}, out)
            done = subprocess.run([self.helm, *args, "--values", file], capture_output=True, text=True, check=False,
                                  env=environment, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def render(self, values=None, *args):
        status, out, err = self.run_helm("template", "drainsnoop", CHART, "--namespace", "drainsnoop", *args, values=values)
        self.assertEqual(status, 0, err)
        return deployed.objects(out)

    def agent(self, values=None):
        return find(self.render(values), "DaemonSet")["spec"]["template"]["spec"]

    def refused(self, values, word):
        status, out, err = self.run_helm("template", "drainsnoop", CHART, values=values)
        self.assertNotEqual(status, 0, f"{values} was taken")
        self.assertIn(word, out + err)

    def test_it_lints(self):
        for values in ({}, MONITORS, {"namespace": {"create": True}, "targets": {"enabled": False}}):
            status, out, err = self.run_helm("lint", "--strict", CHART, values=values)
            self.assertEqual(status, 0, out + err)
            self.assertNotIn("[WARNING]", out + err)

    def test_the_default_values_are_all_in_the_schema(self):
        """A value without a rule is one that is not checked."""
        schema = json.loads(read("deploy/helm/drainsnoop/values.schema.json"))
        values = deployed.objects(read("deploy/helm/drainsnoop/values.yaml"))[0]
        def walk(value, rule, path):
            if rule.get("$ref"):
                rule = schema["definitions"][rule["$ref"].split("/")[-1]]
            if isinstance(value, dict) and "properties" in rule:
                self.assertIs(rule["additionalProperties"], False, path)
                for key, inner in value.items():
                    self.assertIn(key, rule["properties"], path)
                    walk(inner, rule["properties"][key], f"{path}.{key}")
        walk(values, schema, "values")
        self.assertEqual(set(values) | {"global"}, set(schema["properties"]))

    def test_wrong_values_are_refused(self):
        for values, word in deployed.WRONG_VALUES:
            with self.subTest(values=values):
                self.refused(values, word)

    def test_the_image_is_said_in_each_way(self):
        digest = "sha256:" + "0123456789abcdef" * 4
        for image, wanted in (
                ({}, "ghcr.io/drainsnoop/drainsnoop:0.1.0"),
                ({"registry": "registry.example.com:5000", "repository": "team/drainsnoop", "tag": "1.2.3-rc.1"},
                 "registry.example.com:5000/team/drainsnoop:1.2.3-rc.1"),
                ({"registry": "", "tag": "x"}, "drainsnoop/drainsnoop:x"),
                ({"tag": "x", "digest": digest}, "ghcr.io/drainsnoop/drainsnoop@" + digest)):
            things = self.render({"image": image | {"pullPolicy": "Never", "pullSecrets": [{"name": "registry"}]}})
            for kind in ("DaemonSet", "Deployment"):
                pod = find(things, kind)["spec"]["template"]["spec"]
                self.assertEqual(pod["containers"][0]["image"], wanted)
                self.assertEqual(pod["containers"][0]["imagePullPolicy"], "Never")
                self.assertEqual(pod["imagePullSecrets"], [{"name": "registry"}])
            self.assertEqual(find(things, "Pod")["spec"]["containers"][0]["image"], wanted)

    def test_every_placement_value_reaches_its_pod(self):
        place = {"nodeSelector": {"kubernetes.io/os": "linux", "team": "shop"}, "priorityClassName": "system-node-critical",
                 "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "x", "effect": "NoSchedule"}],
                 "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
                 "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
                 "terminationGracePeriodSeconds": 20,
                 "extraEnv": [{"name": "X", "value": "z"}], "extraArgs": ["--verbose"],
                 "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
                 "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
                 "podLabels": {"a": "b"}, "podAnnotations": {"c": "d"}}
        default = deployed.objects(read("deploy/helm/drainsnoop/values.yaml"))[0]
        for part, kind in (("agent", "DaemonSet"), ("targets", "Deployment")):
            values = copy.deepcopy(place)
            values["affinity"]["nodeAffinity"] = None       # takes the default away
            template = find(self.render({part: values}), kind)["spec"]["template"]
            pod = template["spec"]
            for key in ("priorityClassName", "tolerations", "nodeSelector", "terminationGracePeriodSeconds"):
                self.assertEqual(pod[key], place[key], key)
            self.assertEqual(pod["affinity"], place["affinity"])
            self.assertEqual(pod["containers"][0]["resources"], place["resources"])
            self.assertEqual(pod["containers"][0]["args"][-1], "--verbose")
            self.assertIn({"name": "X", "value": "z"}, pod["containers"][0]["env"])
            self.assertEqual(pod["volumes"][-1], place["extraVolumes"][0])
            self.assertEqual(pod["containers"][0]["volumeMounts"][-1], place["extraVolumeMounts"][0])
            self.assertEqual(template["metadata"]["labels"]["a"], "b")
            self.assertEqual(template["metadata"]["annotations"]["c"], "d")
            self.assertNotEqual(default[part]["resources"], place["resources"])

    def test_old_kernels_and_old_runtimes(self):
        security = self.agent({"agent": {
            "capabilities": {"sysResource": True, "syslog": True}, "seccompProfile": {"type": "Unconfined"},
            "seLinuxOptions": {"type": "spc_t"}}})["containers"][0]["securityContext"]
        self.assertEqual(security["capabilities"], {"drop": ["ALL"], "add": ["BPF", "PERFMON", "SYS_RESOURCE", "SYSLOG"]})
        self.assertEqual(security["seccompProfile"], {"type": "Unconfined"})
        self.assertEqual(security["seLinuxOptions"], {"type": "spc_t"})

    def test_state_on_the_node_is_opt_in(self):
        self.assertNotIn("hostPath", json.dumps(self.render()))
        pod = self.agent({"state": {"hostPath": "/var/lib/drainsnoop"}})
        self.assertEqual(pod["volumes"], [{"name": "state", "hostPath": {"path": "/var/lib/drainsnoop",
                                                                         "type": "DirectoryOrCreate"}}])

    def test_arguments_of_the_agent(self):
        pod = self.agent({
            "cluster": "prod-eu1", "metrics": {"port": 9999, "address": "$(HOST_IP)", "labels": "namespace,workload,pod",
                                              "maxSeries": 50000},
            "agent": {"loadBalancerCidrs": ["10.0.1.0/24", "2001:db8::/64"], "redactPeers": True, "standalone": True,
                      "hostNetwork": False}})
        self.assertEqual(pod["containers"][0]["args"], [
            "agent", "--metrics-labels=namespace,workload,pod", "--metrics-max-series=50000", "--cluster=prod-eu1",
            "--lb=10.0.1.0/24", "--lb=2001:db8::/64", "--redact-peers", "--elb-addresses"])
        self.assertEqual(deployed.options(pod["containers"][0]), {
            "DRAINSNOOP_METRICS_LISTEN": "$(HOST_IP):9999", "DRAINSNOOP_STANDALONE": "true",
            "DRAINSNOOP_STATE": "/var/lib/drainsnoop/state"})
        names = [entry["name"] for entry in pod["containers"][0]["env"]]
        self.assertLess(names.index("HOST_IP"), names.index("DRAINSNOOP_METRICS_LISTEN"))    # else it is not put in
        self.assertEqual(pod["containers"][0]["ports"][0]["containerPort"], 9999)
        self.assertIs(pod["hostNetwork"], False)
        self.assertNotIn("host", pod["containers"][0]["livenessProbe"]["httpGet"])

    def test_probes_ask_where_it_listens(self):
        for address, host in (("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")):
            container = self.agent({"metrics": {"address": address}})["containers"][0]
            self.assertEqual(deployed.options(container)["DRAINSNOOP_METRICS_LISTEN"], f"{address}:9973")
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                self.assertEqual(container[probe]["httpGet"]["host"], host)

    def test_arguments_of_targets(self):
        values = {"cluster": "prod-eu1", "aws": {"addresses": False, "rate": 2.5, "region": "eu-central-1"},
                  "targets": {"replicas": 2}}
        things = self.render(values)
        deployment = find(things, "Deployment")["spec"]
        container = deployment["template"]["spec"]["containers"][0]
        self.assertEqual(container["args"], ["targets", "--cluster=prod-eu1", "--elb-rate=2.5"])
        self.assertEqual(deployed.options(container), {
            "AWS_REGION": "eu-central-1", "DRAINSNOOP_METRICS_LISTEN": ":9973", "DRAINSNOOP_LEASE": "drainsnoop-targets"})
        self.assertEqual(deployment["replicas"], 2)
        self.assertEqual(deployed.rights_given(things, "targets"), deployed.rights_told("targets"))

    def test_events_on_workloads_are_a_right_of_the_agent(self):
        things = self.render({"agent": {"eventsOnWorkloads": True}})
        container = find(things, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(deployed.options(container)["DRAINSNOOP_EVENTS_ON_WORKLOADS"], "true")
        more = deployed.rights_told("agent", optional=True)
        self.assertTrue(more)
        self.assertEqual(deployed.rights_given(things, "agent"), deployed.rights_told("agent") | more)

    def test_watching_all_pods_is_a_right_of_targets(self):
        things = self.render({"targets": {"watchPods": True}})
        container = find(things, "Deployment")["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(deployed.options(container)["DRAINSNOOP_WATCH_PODS"], "true")
        more = deployed.rights_told("targets", optional=True)
        self.assertEqual(deployed.rights_given(things, "targets"), deployed.rights_told("targets") | more)
        self.assertEqual(more, {deployed.Right("cluster", "", "pods", "", verb) for verb in ("list", "watch")})

    def test_a_secret_for_redaction_is_mounted_and_only_where_it_is_used(self):
        key = {"secretName": "redaction", "secretKey": "k"}
        pod = self.agent({"agent": {"redactPeers": True, "redactKey": key}})
        self.assertEqual(pod["containers"][0]["args"][-2:], ["--redact-peers", "--redact-key-file=/etc/drainsnoop/redact/key"])
        self.assertEqual(pod["volumes"][1], {"name": "redact-key", "secret": {
            "secretName": "redaction", "defaultMode": 0o400, "items": [{"key": "k", "path": "key"}]}})
        self.assertEqual(pod["containers"][0]["volumeMounts"][1],
                         {"name": "redact-key", "mountPath": "/etc/drainsnoop/redact", "readOnly": True})
        self.assertEqual(self.agent({"agent": {"redactKey": key}}), self.agent())

    def test_rights_that_are_not_needed_are_not_given(self):
        things = self.render({"targets": {"enabled": False}})
        self.assertEqual(deployed.rights_given(things, "agent"),
                         {deployed.Right("cluster", "", "pods", "", verb) for verb in ("list", "watch")})
        self.assertFalse([t for t in things if "targets" in t["metadata"]["name"]])
        things = self.render({"targets": {"podDisruptionBudgets": False}})
        self.assertNotIn("poddisruptionbudgets", {r.resource for r in deployed.rights_given(things, "targets")})
        things = self.render({"rbac": {"create": False}})
        self.assertFalse([t for t in things if "Role" in t["kind"]])

    def test_accounts_of_their_own(self):
        arn = "arn:aws:iam::123456789012:role/drainsnoop-targets"
        things = self.render({"targets": {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": arn}}},
                              "agent": {"serviceAccount": {"create": False, "name": "another"}}})
        account = find(things, "ServiceAccount")
        self.assertEqual(account["metadata"]["annotations"], {"eks.amazonaws.com/role-arn": arn})
        self.assertEqual(find(things, "DaemonSet")["spec"]["template"]["spec"]["serviceAccountName"], "another")
        subjects = [t["subjects"][0]["name"] for t in things if t["kind"].endswith("Binding")]
        self.assertEqual(sorted(subjects), ["another", "another", "drainsnoop-targets", "drainsnoop-targets"])

    def test_objects_of_operators_are_off_until_they_are_asked_for(self):
        kinds = {"PodMonitor", "PrometheusRule", "Namespace"}
        plain = self.render()
        self.assertFalse([t for t in plain if t["kind"] in kinds or "dashboard" in t["metadata"]["name"]])
        things = self.render({**MONITORS, "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}}})
        monitor = find(things, "PodMonitor")["spec"]
        self.assertEqual(monitor["podMetricsEndpoints"][0]["port"], "metrics")
        self.assertIs(monitor["podMetricsEndpoints"][0]["honorLabels"], True)
        for kind in ("DaemonSet", "Deployment"):
            labels = find(things, kind)["spec"]["template"]["metadata"]["labels"]
            self.assertLessEqual(monitor["selector"]["matchLabels"].items(), labels.items())
        rule = find(things, "PrometheusRule")
        self.assertEqual(rule["metadata"]["labels"]["release"], "prometheus")
        self.assertEqual(rule["spec"], deployed.objects(read("deploy/prometheus/drainsnoop.rules.yaml"))[0])
        dashboard = find(things, "ConfigMap")
        self.assertEqual(dashboard["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertEqual(json.loads(dashboard["data"]["drainsnoop.json"]),
                         json.loads(read("deploy/grafana/drainsnoop.json")))

    def test_helm_test_has_the_agents_own_rights(self):
        things = self.render({"agent": {"capabilities": {"syslog": True}}})
        doctor, agent = find(things, "Pod"), find(things, "DaemonSet")["spec"]["template"]["spec"]
        self.assertEqual(doctor["metadata"]["annotations"]["helm.sh/hook"], "test")
        self.assertEqual(doctor["spec"]["containers"][0]["args"], ["doctor"])
        for key in ("serviceAccountName", "hostNetwork", "tolerations", "affinity", "nodeSelector"):
            self.assertEqual(doctor["spec"][key], agent[key], key)
        self.assertEqual(doctor["spec"]["containers"][0]["securityContext"], agent["containers"][0]["securityContext"])
        self.assertNotEqual(doctor["metadata"]["labels"]["app.kubernetes.io/component"], "agent")

    def test_helm_test_looks_for_what_the_agent_needs(self):
        for values, args, region in (({}, ["doctor"], {}),
                                     ({"agent": {"standalone": True}, "aws": {"region": "eu-central-1"}},
                                      ["doctor", "--elb-addresses"], {"AWS_REGION": "eu-central-1"}),
                                     ({"agent": {"eventsOnWorkloads": True}, "metrics": {"port": 9999}}, ["doctor"], {})):
            things = self.render(values)
            doctor = find(things, "Pod")["spec"]["containers"][0]
            agent = deployed.options(find(things, "DaemonSet")["spec"]["template"]["spec"]["containers"][0])
            agent.pop("DRAINSNOOP_STATE")      # the volume is the agent's alone
            self.assertEqual(doctor["args"], args)
            self.assertEqual(deployed.options(doctor), agent | region)

    def test_helm_test_asks_for_no_right_that_is_not_given(self):
        known = json.loads(read("docs/doctor.schema.json"))["properties"]["checks"]["items"]["properties"]["check"]["enum"]
        argument = find(self.render({"targets": {"enabled": False}}), "Pod")["spec"]["containers"][0]["args"][-1]
        checks = set(argument.removeprefix("--check=").split(","))
        self.assertLessEqual(checks, set(known))
        self.assertEqual(set(known) - checks, {"cluster", "targets", "aws", "state"})

    def test_another_release_shares_no_name(self):
        status, out, err = self.run_helm("template", "second", CHART, "--namespace", "other")
        self.assertEqual(status, 0, err)
        names = {(t["kind"], t["metadata"]["name"]) for t in deployed.objects(out)}
        self.assertFalse(names & {(t["kind"], t["metadata"]["name"]) for t in self.render()})
        self.assertIn(("DaemonSet", "second-drainsnoop-agent"), names)

    def test_long_names_fit(self):
        status, out, err = self.run_helm("template", "r" * 53, CHART)
        self.assertEqual(status, 0, err)
        for thing in deployed.objects(out):
            self.assertLessEqual(len(thing["metadata"]["name"]), 58)    # Kubernetes adds "-" and five more

    def test_it_packs(self):
        """What is published: nothing outside of the chart's folder is needed."""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([self.helm, "package", CHART, "--destination", folder], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            packed, = os.listdir(folder)
            done = subprocess.run([self.helm, "template", "drainsnoop", os.path.join(folder, packed), "--namespace",
                                   "drainsnoop"], capture_output=True, text=True, check=True)
            self.assertEqual(deployed.objects(done.stdout), self.render())


if __name__ == "__main__":
    unittest.main()
