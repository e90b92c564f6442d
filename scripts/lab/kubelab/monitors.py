# SPDX-License-Identifier: Apache-2.0
"""Programs of others beside drainsnoop in the cluster, as its users have them: a Prometheus that scrapes its pods, and
a log agent (rsyslog) that follows the file in which the node's runtime keeps what the agent writes."""

import collections
import contextlib
import http.client
import json
import os
import shutil

from drainlab import prometheus, report
from drainlab.proc import LabError, Tool, in_netns, wait_for

from . import images
from .api import connect_in
from .manifests import NAMESPACE, NAME
from .pod import condition
from .release import COMPONENT, NAMESPACE as OURS

PORT_NAME = "metrics"   # of the manifests, and of the chart's PodMonitor
WAIT = 60               # s, for what is written to arrive
CONFIG = os.path.join(images.ROOT, "deploy/pipelines/rsyslog.conf")
PACKAGES = {"prometheus": "prometheus", "rsyslogd": "rsyslog"}


def need(program):
    if not shutil.which(program):
        raise LabError(f"missing: {PACKAGES[program]}; scripts/deps kube installs it")


def endpoints(pods):
    """[(address:port, {label: value})]: what the PodMonitor has a Prometheus scrape of these pods. Pure."""
    found = []
    for pod in pods:
        address = pod["status"]["podIP"]
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", []):
                if port.get("name") == PORT_NAME:
                    where = f"[{address}]" if ":" in address else address
                    found.append((f"{where}:{port['containerPort']}",
                                  {"pod": pod["metadata"]["name"], "node": pod["spec"]["nodeName"]}))
    return found


class Scraper:
    """A Prometheus on the node. told: what it knew when the agent ended."""

    def __init__(self, lab):
        need("prometheus")
        self.netns, self.told = lab.network.node, None
        api, folder = lab.control_plane.api("admin"), os.path.join(lab.folder, "prometheus")
        os.mkdir(folder)

        def there():
            pods = api.get(f"/api/v1/namespaces/{OURS}/pods")["items"]
            components = {pod["metadata"]["labels"][COMPONENT] for pod in pods}
            whole = components == {"agent", "targets"} and all(condition(pod, "Ready") == "True" for pod in pods)
            return endpoints(pods) if whole else []
        targets = wait_for(there, WAIT, "drainsnoop's pods to be ready", 0.2)
        with open(os.path.join(folder, "log"), "wb") as log:
            self.tool = Tool(lab.cgroup.tools, in_netns(self.netns, prometheus.command(folder, targets)),
                             stdout=log, stderr=log)
        self.prometheus = prometheus.Prometheus(self._get, len(targets))

    def _get(self, path):
        conn = http.client.HTTPConnection("127.0.0.1", prometheus.PORT)
        conn.sock = connect_in(self.netns, ("127.0.0.1", prometheus.PORT), 10)
        try:
            conn.request("GET", path)
            answer = conn.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                raise OSError(f"Prometheus: {answer.status} {text}")
            return text
        finally:
            conn.close()

    def last_look(self):
        self.prometheus.wait_scrapes(3)
        self.told = self.prometheus.answers()

    def problems(self, run):
        """Where its answers are not what the truth's table has: drops that were set against each failed request."""
        causes = report.count_by(run.truth.drops)
        verdicts = collections.Counter(run.verdict(pod).get("drainsnoop.verdict.code") for pod in run.ended)
        return prometheus.problems(self.told, sum(causes.values()), causes, (NAMESPACE, NAME), verdicts)

    def end(self):
        self.tool.end()


def differences(arrived, written):
    """Where records are not what was written: each line, in order, with all of its attributes. Pure."""
    found = []
    if len(arrived) != len(written):
        found.append(f"{len(arrived)} records arrived at the log agent, {len(written)} lines were written")
    other = [number for number, (a, w) in enumerate(zip(arrived, written), 1) if a != w]
    if other:
        found.append(f"{len(other)} records are not the lines that were written, first of them number {other[0]}")
    # Each run numbers its lines: one that nobody read would be missed here.
    last = {}
    for record in arrived:
        run, seq = record["drainsnoop.run.id"], record["drainsnoop.seq"]
        if seq != last.get(run, -1) + 1:
            found.append(f"after line {last.get(run)} of run {run} line {seq} arrived")
        last[run] = seq
    return found


class LogAgent:
    """rsyslog on the node with the configuration that drainsnoop comes with, its folders the run's."""

    def __init__(self, lab):
        need("rsyslogd")
        self.folder = os.path.join(lab.folder, "rsyslog")
        os.makedirs(os.path.join(self.folder, "lib", "rsyslog"))
        os.mkdir(os.path.join(self.folder, "log"))
        with open(CONFIG, encoding="utf-8") as file:
            text = file.read()
        for path, own in (("/var/log/pods/", os.path.join(lab.node.folder, "pod-logs/")), ("/var/", self.folder + "/")):
            text = text.replace(f'"{path}', f'"{own}')
        config = os.path.join(self.folder, "rsyslog.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        with open(self._path("errors"), "wb") as log:
            self.tool = Tool(lab.cgroup.tools, ["rsyslogd", "-n", "-f", config, "-i", os.path.join(self.folder, "pid")],
                             stdout=log, stderr=log)

    def _path(self, name):
        return os.path.join(self.folder, "log", name)

    def _arrived(self, runs):
        """The records of these runs: those of the agent, without those of drainsnoop targets."""
        if not os.path.exists(self._path("drainsnoop.jsonl")):
            return []
        with open(self._path("drainsnoop.jsonl"), encoding="utf-8") as file:
            records = [json.loads(line) for line in file if line.endswith("\n")]
        return [record for record in records if record.get("drainsnoop.run.id") in runs]

    def problems(self, written):
        """Where what arrived is not what was written. It reads a file to its end, also when that is gone by then."""
        runs = {line["drainsnoop.run.id"] for line in written}
        with contextlib.suppress(LabError):     # what is missing is told below
            wait_for(lambda: len(self._arrived(runs)) >= len(written), WAIT, "the log agent to have every line", 0.2)
        found = differences(self._arrived(runs), written)
        if os.path.exists(self._path("drainsnoop-unread.log")):
            found.append("the log agent could not read something: see rsyslog/log/drainsnoop-unread.log")
        return found

    def end(self):
        self.tool.end()
