# SPDX-License-Identifier: Apache-2.0
"""Two pods on the host's network, on ports of their own: both end, one after the other. The node's
address stays, and what is refused there afterwards is that pod's whose port it is, or nobody's."""

import subprocess

from drainlab.proc import Tool, in_netns, program
from . import at_least, found, milestones, no_verdict_but, ports_of

SUMMARY = "two pods on the host's network end: refused SYNs belong to the pod of the port"
SETTINGS = {"server": "gate", "lag": 2.5, "rate": 40.0}
FIRST, SECOND, NOBODYS = 8080, 9080, 7070


def play(lab):
    lab.kubernetes.create()         # an ordinary one beside them
    first = lab.kubernetes.create(deployment="edge", host=FIRST)
    second = lab.kubernetes.create(deployment="agent", host=SECOND)
    lab.start_clients()
    # The load balancer's address knocks at a port of the node that is no pod's.
    knocker = Tool(lab.cgroup.tools, in_netns(lab.network.lb, program("insider")), stdin=subprocess.PIPE)
    knocker.tell(f"add {lab.network.plan.node} {NOBODYS}")
    lab.kubernetes.delete(first)
    lab.sleep(1.5)
    lab.kubernetes.delete(second)
    lab.kubernetes.wait()
    lab.group.wait_drained()
    knocker.end()


def of(run, pod):
    return [d for d in run.by_cause("listener_closed") if d.get("k8s.pod.uid") == pod.uid]


def mechanics(run):
    problems = []
    for pod in run.ended:
        refused = [f for f in run.failures("SC", slowest=500) if f.pod and f.pod["uid"] == pod.uid]
        problems += at_least(10, refused, f"connections to port {pod.port} refused at once")
    return problems


def must_find(run):
    problems = found(run, "listener_closed", 20) + no_verdict_but(run, "dropped")
    for pod in run.ended:
        drops = of(run, pod)
        if ports_of(drops) != {pod.port}:
            problems.append(f"{pod.name} is said to have lost connections to {sorted(ports_of(drops))}, its port "
                            f"is {pod.port}")
        # What its server resets as it closes is known by its cgroup; what nobody listens for, by the port alone.
        refused = {d["drainsnoop.attribution.method"] for d in drops if d["network.io.direction"] == "receive"}
        if refused != {"port"}:
            problems.append(f"what is refused to {pod.name} is attributed by {sorted(refused)}")
        closed = [e["drainsnoop.pod.phase_port"] for e in milestones(run, pod, "listener_closed")]
        if sorted(closed) != [pod.port, pod.health_port]:
            problems.append(f"the ports of {pod.name} that are said to close: {closed}")
        for phase in ("address_released", "address_reused"):
            if milestones(run, pod, phase):
                problems.append(f"{pod.name} is said to be {phase}: the node's address")
    return problems
