# SPDX-License-Identifier: Apache-2.0
"""What the agent's pod counts, as Prometheus would scrape it, set against its own last line."""

import re
import subprocess
import sys

from drainlab.proc import in_netns

PORT = 9973     # of deploy/manifests
READ = f"""
import urllib.request
with urllib.request.urlopen("http://127.0.0.1:{PORT}/metrics", timeout=20) as answer:
    print(answer.read().decode())
"""


def read(netns):
    """The text of /metrics, asked for on the node. What goes wrong is told in place of it."""
    run = subprocess.run(in_netns(netns, [sys.executable, "-c", READ]), capture_output=True, text=True, check=False,
                         timeout=60)
    return run.stdout or run.stderr


def drops_by(text):
    """{cause: connections}, and those of them for which a rollout is to blame."""
    causes, rollout = {}, 0
    for labels, count in re.findall(r"^drainsnoop_dropped_connections_total\{(.*?)\} (\d+)$", text, re.MULTILINE):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if int(count):
            causes[labels["cause"]] = causes.get(labels["cause"], 0) + int(count)
        if labels["rollout"] == "true":
            rollout += int(count)
    return causes, rollout


def problems(text, stop):
    """Where the counters are not what the last line says, which the run sets against the truth."""
    prefix = "drainsnoop.verdict.drops_by."
    causes, rollout = drops_by(text)
    wanted = {key[len(prefix):]: count for key, count in stop.items() if key.startswith(prefix)}
    if "drainsnoop_terminating_pods " not in text:
        return [f"/metrics of the agent's pod: {text.strip()[-300:]}"]
    if causes != wanted or rollout != stop.get("drainsnoop.verdict.drops"):
        return [f"/metrics of the agent's pod say {causes}, {rollout} of them a rollout's; its last line {wanted}, "
                f"{stop.get('drainsnoop.verdict.drops')}"]
    return []
