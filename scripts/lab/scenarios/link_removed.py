# SPDX-License-Identifier: Apache-2.0
"""The veth is deleted and nothing else: its IPv4 route goes without a word, only RTM_DELLINK tells of it.
The rule that names the address stays behind."""

from drainlab.events import parse_rfc3339
from . import at_least, found

SUMMARY = "a pod's link removed without its route and rules: only the link's end is announced"
SETTINGS = {"rate": 12.0, "release_by": "link"}


def mechanics(run):
    left = [pod for pod in run.ended if "rule_512" in pod.marks or "route" in pod.marks]
    return (at_least(1, run.failures("SC", 1500, 4500), "connections that failed after about 3 s")
            + [f"rule or route of {pod.name} was removed by itself" for pod in left])


def must_find(run):
    problems = found(run, "address_released", 5)
    for pod in run.ended:
        told = [e for e in run.output if e.get("drainsnoop.pod.phase") == "address_released"
                and e.get("event.name") == "drainsnoop.pod.phase" and e.get("k8s.pod.uid") == pod.uid]
        begin, end = pod.marks["link"]
        if len(told) != 1 or not begin <= parse_rfc3339(told[0]["time"]) <= end + 10**9:
            problems.append(f"the release of {pod.name} is told {len(told)} times, or not when its link went")
    return problems
