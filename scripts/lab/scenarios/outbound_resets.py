# SPDX-License-Identifier: Apache-2.0
"""The pod's own outbound connections, among them some to the load balancer itself, are reset and cut
while it ends, also with data outstanding."""

from drainlab.pod import PORT
from drainlab.proc import Tool, in_netns, program
from . import counted_apart, found, same_advice

SUMMARY = "the pod's outbound connections are reset and cut while it ends: no drop, no arrival"
SETTINGS = {"linger": 3.0, "rate": 20.0}
SERVICE = 6379


def play(lab):
    plan = lab.network.plan
    for address in (plan.outside, plan.lb):
        lab.parts.append(Tool(lab.cgroup.tools, in_netns(lab.network.lb, program("talker", address, SERVICE))))
    pod = lab.kubernetes.create()
    lab.kubernetes.create()
    for address in (plan.outside, plan.lb):
        pod.add_container(f"chatter{len(pod.containers)}", program("chatter", address, SERVICE))
    lab.start_clients()
    lab.sleep(1.5)
    lab.kubernetes.delete(pod)


def mechanics(run):
    if not run.truth.failures:
        return ["no request failed"]
    return []


def must_find(run):
    problems = found(run, "listener_closed", 5) + same_advice(run)
    ports = {d.get(end + ".port") for d in run.truth.drops for end in ("source", "destination")}
    if SERVICE in ports:
        problems.append("an outbound connection is a drop")
    if any(PORT not in (d.get("source.port"), d.get("destination.port")) for d in run.truth.drops):
        problems.append("a drop on a port that is not served")
    if not counted_apart(run, "outbound"):
        problems.append("no outbound connection is counted")
    return problems
