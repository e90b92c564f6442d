# SPDX-License-Identifier: Apache-2.0
"""A pod closes the port of its health checks long before the one that it serves on."""

from drainlab.events import parse_rfc3339
from . import at_least, found, milestones

SUMMARY = "the health checks' port closes seconds before the traffic's: each its own milestone"
SETTINGS = {"server": "gate", "prestop": 3.0, "lag": 5.0, "grace": 12.0, "linger": 4.0, "rate": 30.0}


def play(lab):
    for _ in range(2):
        lab.kubernetes.create()
    lab.start_clients()
    leaving = lab.kubernetes.running[0]
    lab.kubernetes.delete(leaving)
    lab.sleep(0.5)
    leaving.mark("health_closed", *leaving.tell("close 8081"))


def mechanics(run):
    served = [e for e in run.entries for pod in run.ended if e["address"] == pod.address and e["term"] == "----"
              and pod.marks["health_closed"][1] < e["sent_ns"] < pod.marks["end_signal"][0]]
    return (at_least(10, served, "requests served with the other port closed")
            + at_least(10, run.failures("SC", slowest=500), "connections refused at once"))


def must_find(run):
    problems = found(run, "listener_closed", 10)
    for pod in run.ended:
        ports = [e["drainsnoop.pod.phase_port"] for e in milestones(run, pod, "listener_closed")]
        if ports != [8081, 8080]:
            problems.append(f"the ports of {pod.name} are said to close in the order {ports}")
        exposed = run.verdict(pod).get("drainsnoop.exposed_from")
        if not exposed or parse_rfc3339(exposed) < pod.marks["end_signal"][0]:
            problems.append(f"{pod.name} is said to be exposed from {exposed}, while it still served")
    return problems
