# SPDX-License-Identifier: Apache-2.0
"""The snippets for log pipelines, as files: what they name must exist. Of the collectors rsyslog is run, where it is
installed, and Vector's language, where its interpreter is on the PATH (cargo install vrl)."""

import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import deployed
from deployed import ROOT, read
from test_chart_manifests import BINARY
from test_live import wait_for

FOLDER = "deploy/pipelines"
RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:" + os.environ["PATH"])
# Keys of an event line; those of the collectors' own have other beginnings.
KEY = re.compile(r"(?<![\w./-])(?:k8s|drainsnoop|event|network|source|destination|cloud)(?:\.[a-z_]+)+\b(?!\.\*|/)")
COLLECTORS = {"drainsnoop.dropped", "drainsnoop.db", "drainsnoop.targets", "drainsnoop.output", "drainsnoop.receiver"}


def trimmed(stamp):
    """An RFC 3339 time without the zeros that say nothing."""
    return re.sub(r"\.?0*Z$", "Z", stamp)


def rollout():
    """The lines of a rollout that was recorded."""
    with gzip.open(os.path.join(ROOT, "tests/golden/rollout.jsonl.gz")) as file:
        recording = file.read()
    lines = subprocess.run([BINARY, "replay", "-o", "json", "-"], input=recording, capture_output=True,
                           check=True).stdout.decode().splitlines()
    if len(lines) < 100:
        raise AssertionError(f"{len(lines)} lines only")
    return lines


class Pipelines(unittest.TestCase):
    def files(self):
        return sorted(os.listdir(os.path.join(ROOT, FOLDER)))

    def test_there_is_one_for_each_collector(self):
        self.assertEqual(self.files(), ["alloy.alloy", "fluent-bit.yaml", "otel-collector.yaml", "rsyslog.conf",
                                        "vector.yaml"])

    def test_each_says_what_it_does_and_what_was_tested(self):
        for name in self.files():
            head = read(f"{FOLDER}/{name}").split("\n\n")[0]
            self.assertRegex(head, r"(?m)^(#|//) Tested: ", name)
            self.assertRegex(head, r"Not\s+(#|//)? *run: ", name)

    def test_keys_that_they_name_are_keys_of_events(self):
        known = subprocess.run([BINARY, "schema", "--markdown"], capture_output=True, text=True, check=True).stdout
        for name in self.files():
            found = set(KEY.findall(read(f"{FOLDER}/{name}"))) - COLLECTORS
            for key in found:
                self.assertIn(f"`{key}`", known, name)
        for key in ("time", "level", "message", "event.name", "k8s.pod.name", "k8s.namespace.name"):
            self.assertIn(f"`{key}`", known)

    def test_paths_are_those_of_the_manifests(self):
        """Files of the kubelet bear namespace, pod and container: /var/log/pods/NS_POD_UID/CONTAINER/N.log."""
        things = deployed.objects(read("deploy/manifests/drainsnoop.yaml"))
        for kind in ("DaemonSet", "Deployment"):
            thing = deployed.find(things, kind)
            name, namespace = thing["metadata"]["name"], thing["metadata"]["namespace"]
            container = thing["spec"]["template"]["spec"]["containers"][0]["name"]
            self.assertIn(f"/var/log/pods/{namespace}_{name}-*/{container}/*.log", read(f"{FOLDER}/otel-collector.yaml"))
            self.assertIn(f"/var/log/pods/{namespace}_{name}-*/{container}/*.log", read(f"{FOLDER}/rsyslog.conf"))
            self.assertIn(f"/var/log/containers/{name}-*_{namespace}_{container}-*.log", read(f"{FOLDER}/fluent-bit.yaml"))

    def test_yaml_is_read_and_its_parts_fit_together(self):
        otel = deployed.objects(read(f"{FOLDER}/otel-collector.yaml"))[0]
        for pipeline in otel["service"]["pipelines"].values():
            for kind, names in pipeline.items():
                self.assertLessEqual(set(names), set(otel[kind]))
        vector = deployed.objects(read(f"{FOLDER}/vector.yaml"))[0]
        made = set(vector["sources"]) | set(vector["transforms"])
        for step in list(vector["transforms"].values()) + list(vector["sinks"].values()):
            self.assertLessEqual(set(step["inputs"]), made)
        fluent = deployed.objects(read(f"{FOLDER}/fluent-bit.yaml"))[0]
        self.assertEqual(fluent["pipeline"]["filters"][-1]["parser"], fluent["parsers"][0]["name"])

    @unittest.skipUnless(shutil.which("vrl"), "no vrl on the PATH (cargo install vrl), Vector's language")
    def test_vectors_program_keeps_every_key_of_every_line(self):
        lines = rollout()
        kubernetes = {"pod_name": "drainsnoop-agent-x", "pod_node_name": "node-1"}
        program = deployed.objects(read(f"{FOLDER}/vector.yaml"))[0]["transforms"]["drainsnoop_events"]["source"]
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("program", program + "\nencode_json(.)\n"), ("input", "".join(
                    json.dumps({"stream": "stdout", "message": line, "kubernetes": kubernetes}) + "\n" for line in lines))):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run(["vrl", "--program", os.path.join(folder, "program"), "--input",
                                   os.path.join(folder, "input")], capture_output=True, text=True, check=True)
        got = [json.loads(json.loads(line)) for line in done.stdout.splitlines()]
        self.assertEqual(len(got), len(lines))
        for event, line in zip(got, lines):
            wanted = json.loads(line)
            self.assertEqual(trimmed(event.pop("timestamp")), trimmed(wanted["time"]))
            self.assertEqual(event.pop("severity"), wanted["level"])
            self.assertEqual(event.pop("writer"), {"pod": "drainsnoop-agent-x", "node": "node-1"})
            self.assertEqual(event, wanted)

    @unittest.skipUnless(RSYSLOGD, "no rsyslogd here; scripts/deps test installs it")
    def test_rsyslog_keeps_every_key_of_every_line(self):
        lines = rollout()
        with tempfile.TemporaryDirectory() as folder:
            pods = [f"{folder}/log/pods/drainsnoop_drainsnoop-agent-x7k2p_0c1/agent",
                    f"{folder}/log/pods/drainsnoop_drainsnoop-targets-5d-2b_1d2/targets"]
            for pod in [*pods, f"{folder}/lib/rsyslog"]:
                os.makedirs(pod)
            config = os.path.join(folder, "rsyslog.conf")
            with open(config, "w", encoding="utf-8") as file:
                file.write(read(f"{FOLDER}/rsyslog.conf").replace('"/var/', f'"{folder}/'))
            for number, pod in enumerate(pods):
                with open(f"{pod}/0.log", "w", encoding="utf-8") as file:
                    for line in lines[number::2]:
                        file.write(f"2026-11-22T10:15:00.000000001Z stderr F said for people\n"
                                   f"2026-11-22T10:15:00.000000002Z stdout F {line}\n")
            with open(os.path.join(folder, "errors"), "wb") as errors:
                process = subprocess.Popen([RSYSLOGD, "-n", "-f", config, "-i", os.path.join(folder, "pid")],
                                           stdout=errors, stderr=errors)
            try:
                arrived = f"{folder}/log/drainsnoop.jsonl"
                wait_for(lambda: os.path.exists(arrived) and read(arrived).count("\n") >= len(lines), 60, "all lines")
            finally:
                process.terminate()
                process.wait(30)
            got = {json.dumps(json.loads(line), sort_keys=True) for line in read(arrived).splitlines()}
            self.assertEqual(read(arrived).count("\n"), len(lines))
            self.assertEqual(got, {json.dumps(json.loads(line), sort_keys=True) for line in lines})
            self.assertFalse(os.path.exists(f"{folder}/log/drainsnoop-unread.log"))

    def test_alloys_blocks_fit_together(self):
        text = read(f"{FOLDER}/alloy.alloy")
        made = {".".join(block) for block in re.findall(r'(?m)^([\w.]+) "(\w+)" \{$', text)}
        named = set(re.findall(r"(?:= |\[)((?:discovery|local|loki)\.[\w.]+)\.(?:targets|output|receiver)\b", text))
        self.assertTrue(named)
        self.assertLessEqual(named, made)
        self.assertEqual(text.count("{"), text.count("}"))


if __name__ == "__main__":
    unittest.main()
