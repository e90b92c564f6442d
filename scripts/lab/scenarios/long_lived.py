# SPDX-License-Identifier: Apache-2.0
"""WebSocket-like and HTTP/2-like connections, older and quieter than the grace period, cut at the end
(scenario 29)."""

from drainlab.pod import PORT
from drainlab.proc import Tool, in_netns, program
from . import advised, advises, at_least, counted_apart, no_verdict_but

SUMMARY = "connections that no grace period can outlast: not drops, and no reason to raise it"
SETTINGS = {"server": "patient", "grace": 5.0, "prestop": 3.0, "lag": 1.5, "rate": 10.0}
CONNECTIONS = 6     # of each kind


def play(lab):
    pod = lab.kubernetes.create()
    tool = Tool(lab.cgroup.tools, in_netns(lab.network.lb, program(
        "streams", lab.network.plan.lb, pod.address, PORT, CONNECTIONS)))
    lab.parts.append(tool)
    lab.start_clients()
    lab.kubernetes.create()
    lab.sleep(lab.settings.grace + 1.5)     # quiet for that long: older than the grace period at T0
    lab.kubernetes.delete(pod)


def cut(run):
    """Connections that were open and quiet when the pod ended, and were closed by it."""
    for pod in run.ended:
        for way, flow in run.flows.items():
            if way.address != pod.address:
                continue
            last = flow.last_payload(0, 1 << 63)
            ends = [p for p in flow.packets if not p.to_pod and p.flags & 5]
            if ends and last and ends[0].at - last > run.lab.settings.grace * 10**9:
                if flow.lost(0, 1 << 63):
                    yield flow


def mechanics(run):
    problems = [f"{len(run.truth.failures)} requests failed"] if run.truth.failures else []
    return problems + at_least(2 * CONNECTIONS, list(cut(run)), "quiet connections cut at the end")


def must_find(run):
    problems = no_verdict_but(run, "clean") + advises(
        run, "limit_connection_age", object="Deployment/default/web", suggested="GOAWAY",
        evidence=f"{2 * CONNECTIONS} connections")
    if counted_apart(run, "long_lived") != 2 * CONNECTIONS:
        problems.append(f"{counted_apart(run, 'long_lived')} connections are long_lived, not {2 * CONNECTIONS}")
    if advised(run, "raise_grace") is not None:
        problems.append(f"a grace period of {advised(run, 'raise_grace')} s is advised")
    return problems
