# SPDX-License-Identifier: Apache-2.0
"""Prometheus' own programs: its linter, its tests of rules, and itself, scraping the agent while pods are rolled out."""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import metrics_server
from metrics_server import OPENMETRICS, ROOT, Server

sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))
sys.dont_write_bytecode = True

from drainlab import prometheus  # noqa: E402

RULES = os.path.join(ROOT, "deploy/prometheus/drainsnoop.rules.yaml")
DASHBOARD = os.path.join(ROOT, "deploy/grafana/drainsnoop.json")
RECORDINGS = ("rollout", "aborted_fin", "container_restarted", "backlog_overflow_ack", "drain_elb", "clean-ipv6", "batches")


def promtool(*args, text=None):
    """Standard output and errors of promtool, which must be content."""
    run = subprocess.run(["promtool", *args], input=text, capture_output=True, text=True, check=False, timeout=120)
    if run.returncode or "error" in run.stderr.lower():
        raise AssertionError(f"promtool {' '.join(args)}: status {run.returncode}\n{run.stdout}{run.stderr}")
    return run.stdout + run.stderr


def families():
    """The names of all samples that the sources define."""
    names = set()
    folder = os.path.join(ROOT, "user/sink")
    for file in os.listdir(folder):
        with open(os.path.join(folder, file), encoding="utf-8") as source:
            for name, kind in re.findall(r'FAMILY\(\w+,\s*"(\w+)",\s*(\w+)', source.read()):
                ends = {"COUNTER": ["_total"], "INFO": ["_info"], "HISTOGRAM": ["_bucket", "_sum", "_count"]}
                names.update(name + end for end in ends.get(kind, [""]))
    return names


def names_in(expression):
    """Metric names in a PromQL expression, by their first word."""
    return set(re.findall(r"\b(?:drainsnoop|process|kube)_\w+", re.sub(r'"[^"]*"', "", expression)))


class Exposition(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        metrics_server.build()

    def test_the_linter_has_no_complaint(self):
        for labels in ("namespace,workload", "namespace", "namespace,workload,pod"):
            for name in RECORDINGS:
                with self.subTest(labels=labels, name=name), Server(labels=labels) as server:
                    server.feed(metrics_server.recording(name))
                    server.end()
                    status, headers, text = server.get("/metrics")
                    self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
                    self.assertEqual(promtool("check", "metrics", text=text), "")
                    self.assertEqual('workload="' in text, labels != "namespace")
                    self.assertEqual('pod="' in text, "pod" in labels)

    def assert_sums(self, name, lines, **bounds):
        """The counters of that input are those of drainsnoop.stop in the golden output. Returns the text."""
        with Server(**bounds) as server:
            server.feed(lines)
            server.end()
            text = server.get("/metrics", OPENMETRICS)[2]
        with open(os.path.join(ROOT, "tests/golden", name + ".out"), encoding="utf-8") as out:
            stop = json.loads(out.readlines()[-1])
        by_cause, rollout = {}, 0
        for labels, count in re.findall(r'^drainsnoop_dropped_connections_total\{(.*?)\} (\d+)', text, re.MULTILINE):
            cause = re.search(r'cause="(\w+)"', labels).group(1)
            by_cause[cause] = by_cause.get(cause, 0) + int(count)
            rollout += int(count) if 'rollout="true"' in labels else 0
        self.assertEqual(rollout, stop["drainsnoop.verdict.drops"])
        prefix = "drainsnoop.verdict.drops_by."
        self.assertEqual({cause: count for cause, count in by_cause.items() if count},
                         {key.removeprefix(prefix): stop[key] for key in stop if key.startswith(prefix)})
        return text

    def test_counters_say_what_the_last_line_says(self):
        for name in RECORDINGS:
            with self.subTest(name=name):
                text = self.assert_sums(name, metrics_server.recording(name))
                self.assertIn("\ndrainsnoop_suppressed_events_total 0\n", text)

    def test_pods_have_counters_of_their_own(self):
        """Each has the drops of its lines; where there is room for a few only, the sums are the same."""
        for name in RECORDINGS:
            with self.subTest(name=name):
                lines = metrics_server.recording(name)
                text = self.assert_sums(name, lines, labels="namespace,workload,pod")
                with open(os.path.join(ROOT, "tests/golden", name + ".out"), encoding="utf-8") as out:
                    drops = [line for line in map(json.loads, out) if line["event.name"] == "drainsnoop.drop"]
                told = collections.Counter()
                for pod, count in re.findall(r'^drainsnoop_dropped_connections_total\{.*?pod="(.*?)".*?\} (\d+)', text,
                                             re.MULTILINE):
                    told[pod] += int(count)
                self.assertEqual(+told, collections.Counter(line["k8s.pod.name"] for line in drops))
                self.assertIn("\ndrainsnoop_metrics_overflow_events_total 0\n", text)
                text = self.assert_sums(name, lines, labels="namespace,workload,pod", max_series=30)
                self.assertLessEqual(int(re.search(r"^drainsnoop_metrics_series (\d+)", text, re.MULTILINE).group(1)), 30)

    def test_the_rate_limit_takes_nothing_from_them(self):
        """At one line a second most of a rollout's are folded."""
        lines = metrics_server.recording("rollout")
        limited = re.sub(rb'("drainsnoop.options.rate_limit"):\d+', rb"\1:1", lines[0])
        self.assertNotEqual(limited, lines[0])
        text = self.assert_sums("rollout", [limited, *lines[1:]])
        lines_out = int(re.search(r'event="drainsnoop.drop"\} (\d+)', text).group(1))
        suppressed = int(re.search(r"^drainsnoop_suppressed_events_total (\d+)", text, re.MULTILINE).group(1))
        self.assertGreater(suppressed, lines_out)


class Rules(unittest.TestCase):
    def test_the_rules_are_well_formed_and_do_what_their_tests_say(self):
        promtool("check", "rules", RULES)
        promtool("test", "rules", os.path.join(ROOT, "tests/e2e/prometheus/rules.test.yaml"))

    def test_each_alert_has_its_place_in_the_runbook(self):
        with open(RULES, encoding="utf-8") as file:
            rules = file.read()
        with open(os.path.join(ROOT, "docs/runbook.md"), encoding="utf-8") as file:
            runbook = file.read()
        alerts = re.findall(r"- alert: (\w+)", rules)
        urls = re.findall(r"runbook_url: \S+/runbook/([\w-]+)", rules)
        self.assertEqual(len(alerts), len(urls))
        for alert, place in zip(alerts, urls):
            self.assertIn(f"## {place}\n\n**{alert}", runbook)
        self.assertEqual(runbook.count("\n## "), len(alerts))

    def test_rules_and_dashboard_ask_for_metrics_that_there_are(self):
        known = families()
        with open(RULES, encoding="utf-8") as file:
            # From kube-state-metrics; and of alerts, whose names are no metrics.
            asked = names_in("\n".join(re.findall(r"expr:(.*?)(?:for|labels):", file.read(), re.DOTALL)))
        for expression in self.expressions():
            asked |= names_in(expression)
        self.assertGreater(len(asked), 10)
        self.assertEqual({name for name in asked - known if not name.startswith("kube_")}, set())

    @staticmethod
    def expressions():
        with open(DASHBOARD, encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        return [target["expr"] for panel in panels for target in panel.get("targets", [])]

    def test_the_dashboards_expressions_are_promql(self):
        rules = [{"record": f"panel:{i}", "expr": re.sub(r"\$__(rate_interval|range)", "5m", expression)}
                 for i, expression in enumerate(self.expressions())]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)
            file.flush()
            self.assertIn(f"{len(rules)} rules found", promtool("check", "rules", file.name))

    def test_the_dashboard_can_be_imported(self):
        with open(DASHBOARD, encoding="utf-8") as file:
            board = json.load(file)
        ids = [panel["id"] for panel in board["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        for panel in board["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            if panel["type"] != "row":
                self.assertEqual(panel["datasource"]["uid"], "${DS_PROMETHEUS}")
                self.assertTrue(panel["description"])
        self.assertEqual(board["templating"]["list"][0]["name"], "DS_PROMETHEUS")


@unittest.skipIf(os.geteuid(), "needs root")
class Rollout(unittest.TestCase):
    """The agent in the laboratory, a Prometheus beside it. The truth is the load balancer's and the clients'."""

    def test_the_query_gives_the_number_of_failed_requests(self):
        with tempfile.TemporaryDirectory() as folder:
            answers, runs = os.path.join(folder, "answers"), os.path.join(folder, "runs")
            done = subprocess.run(["scripts/lab/run", "rollout", "-q", "--json", runs, "--keep", folder, "--drainsnoop",
                                   "tests/e2e/prometheus/agent-in-laboratory"], cwd=ROOT, capture_output=True, text=True,
                                  env=dict(os.environ, ANSWERS=answers), check=False, timeout=600)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            with open(runs, encoding="utf-8") as file:
                run = json.load(file)[0]
            with open(answers, encoding="utf-8") as file:
                told = json.load(file)
            with open(os.path.join(folder, "rollout", "output.jsonl"), encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
        failed = run["failed"]
        self.assertGreater(failed, 20)
        self.assertEqual((run["recall"], run["precision"], run["unobservable"]), (1, 1, 0))
        self.assertEqual(prometheus.problems(told, failed, run["drops"], ("default", "web"), {"dropped": run["pods"]}), [])
        self.assertEqual({labels["verdict"] for labels, _ in told["verdicts"]}, {"clean", "dropped", "inconclusive"})
        self.assertEqual([n for _, n in told["lags"]], [run["pods"]])
        self.assertEqual([n for _, n in told["up"]], [1])
        self.assertEqual([(labels["namespace"], labels["workload"]) for labels, _ in told["alerts"]
                          if labels["alertstate"] == "firing"], [("default", "web")])
        # The exemplars are pods that did lose connections.
        uids = {e["labels"]["pod_uid"] for series in told["exemplars"] for e in series["exemplars"]}
        self.assertTrue(uids)
        self.assertLessEqual(uids, {line["k8s.pod.uid"] for line in lines if line["event.name"] == "drainsnoop.drop"})


if __name__ == "__main__":
    unittest.main()
