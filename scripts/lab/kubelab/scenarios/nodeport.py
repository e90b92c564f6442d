# SPDX-License-Identifier: Apache-2.0
"""A rollout behind a NodePort: the load balancer sends to the node, and the real kube-proxy (nftables) from there."""

from scenarios import at_least, found
from scenarios.instance_cluster import mechanics, unknown_drain

from . import rolling, triggered

SUMMARY = "instance targets, the real kube-proxy: what it sends on is named by the pod, nobody tells a drain"
# It writes its rules at most once in sync seconds: a pod that has just come keeps it from telling one that goes.
SETTINGS = {"target": "instance", "reuse": "never", "pods": 3, "rate": 60.0, "sync": 3.0, "grace": 30.0}
FAMILIES = ("ipv4", "ipv6")
__all__ = ["FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]
play = rolling


def handed_over(run):
    """Problems unless drainsnoop targets told the agent of the binding's group and node port, and asked AWS what the
    group is, but for no state: a node's says nothing of a pod."""
    group, calls = run.lab.group, run.lab.account.fake.asked("DescribeTargetHealth")
    lines = [line for line in run.output if line["event.name"] == "drainsnoop.target.state"]
    wanted = {"target.port": group.port, "target_group.arn": group.arn,
              "target_group.target_type": "instance", "target_group.deregistration_delay_s": int(group.delay),
              "target_group.health_check_port": group.health_port, "load_balancer.type": group.type}
    said = {key: lines[-1].get("drainsnoop." + key) for key in wanted} if lines else {}
    problems = [] if said == wanted else [f"the agent was told {said}, not {wanted}"]
    return problems + [f"AWS was asked {len(calls)} times for the health of nodes"] * bool(calls)


def must_find(run):
    problems = found(run, "listener_closed", 1) + at_least(1, run.ended, "pods that ended") + unknown_drain(run)
    groups = {drop.get("drainsnoop.target_group.name") for drop in run.truth.drops}
    if groups != {run.lab.group.name}:
        problems.append(f"the drops name the target groups {groups}")
    if run.lab.agent == "daemonset":
        problems += handed_over(run) + triggered(run, "rollout")
    return problems
