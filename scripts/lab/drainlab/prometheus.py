# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus that scrapes drainsnoop each second: how it is started, what is asked of it when a run ends, and
what the answers have to be.

Who runs it says how its HTTP API is reached: get(path) gives the text of an answer, or raises OSError.
"""

import json
import os
import time
import urllib.parse

from .proc import wait_for

PORT = 9090
WAIT = 60       # s, for some scrapes
RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../deploy/prometheus/drainsnoop.rules.yaml")
DROPS = "drainsnoop_dropped_connections_total"
QUERIES = {
    # What the counters of rollouts say at last, and by how much they rose while somebody looked.
    "drops": f'sum(last_over_time({DROPS}{{rollout="true"}}[1h]))',
    "risen": f'sum(last_over_time({DROPS}{{rollout="true"}}[1h]) - min_over_time({DROPS}{{rollout="true"}}[1h]))',
    "increase": f'sum(increase({DROPS}{{rollout="true"}}[1h]))',
    "by_cause": f"sum by (cause) (last_over_time({DROPS}[1h])) > 0",
    "by_workload": f"sum by (namespace, workload) (last_over_time({DROPS}[1h])) > 0",
    "verdicts": "sum by (verdict) (last_over_time(drainsnoop_drained_pods_total[1h]))",
    "lags": "last_over_time(drainsnoop_deregistration_lag_seconds_count[1h])",
    "lost": "sum(last_over_time(drainsnoop_lost_events_total[1h]))",
    "alerts": 'max by (alertname, alertstate, namespace, workload) (max_over_time(ALERTS[1h]))',
    "up": "min_over_time(up[1h])",
}


def command(folder, targets):
    """The command line of a Prometheus that keeps its data in the folder, with the rules that drainsnoop comes with.
    targets: [(address:port, {label: value})]"""
    config = os.path.join(folder, "prometheus.yaml")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                   "rule_files": [os.path.realpath(RULES)],
                   "scrape_configs": [{"job_name": "drainsnoop", "honor_labels": True, "static_configs": [
                       {"targets": [address], "labels": labels} for address, labels in targets]}]}, file)
    return ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={os.path.join(folder, 'tsdb')}",
            f"--web.listen-address=127.0.0.1:{PORT}", "--enable-feature=exemplar-storage"]


class Prometheus:
    """One that runs, with so many targets."""

    def __init__(self, get, targets=1):
        self.get, self.targets = get, targets

    def ask(self, path, **query):
        return json.loads(self.get(f"/api/v1/{path}?{urllib.parse.urlencode(query)}"))["data"]

    def query(self, expression):
        """[[labels, value]]"""
        return [[one["metric"], float(one["value"][1])] for one in self.ask("query", query=expression)["result"]]

    def scrapes(self):
        """How many went well of that target of which the fewest did; 0 while Prometheus is not there yet."""
        try:
            found = [value for _, value in self.query("count_over_time((up == 1)[1h:1s])")]
        except (OSError, ValueError, KeyError):
            return 0
        return min(found) if len(found) == self.targets else 0

    def wait_scrapes(self, count):
        wanted = self.scrapes() + count
        wait_for(lambda: self.scrapes() >= wanted, WAIT, "Prometheus to scrape drainsnoop", 0.1)

    def answers(self):
        found = {name: self.query(expression) for name, expression in QUERIES.items()}
        now = time.time()
        found["exemplars"] = self.ask("query_exemplars", query=DROPS, start=now - 3600, end=now + 60)
        return found


def problems(told, drops, causes, workload, verdicts):
    """Where the answers are not what the truth says: how many drops there were, {cause: drops}, the (namespace, name)
    whose they were, {verdict: pods}. Pure."""
    said = {"drops": told["drops"], "risen": told["risen"], "lost": told["lost"],
            "by_cause": {labels["cause"]: count for labels, count in told["by_cause"]},
            "by_workload": {(labels["namespace"], labels["workload"]): count for labels, count in told["by_workload"]},
            "verdicts": {labels["verdict"]: count for labels, count in told["verdicts"] if count},
            "up": {value for _, value in told["up"]}}
    # Born at 0: all of it is a rise.
    wanted = {"drops": [[{}, drops]], "risen": [[{}, drops]], "lost": [[{}, 0]], "by_cause": causes,
              "by_workload": {workload: drops}, "verdicts": verdicts, "up": {1}}
    found = [f"Prometheus, asked for {name}, says {said[name]}; the truth is {value}"
             for name, value in wanted.items() if said[name] != value]
    if not told["increase"] or told["increase"][0][1] < drops:
        found.append(f"Prometheus, asked for the increase, says {told['increase']}; the truth is {drops} drops")
    return found
