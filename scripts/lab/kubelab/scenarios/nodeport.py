# SPDX-License-Identifier: Apache-2.0
"""A rollout behind a NodePort: the load balancer sends to the node, and the real kube-proxy (nftables) from there."""

from scenarios import at_least, found
from scenarios.instance_cluster import mechanics, unknown_drain

from . import rolling

SUMMARY = "instance targets, the real kube-proxy: what it sends on is named by the pod, nobody tells a drain"
# It writes its rules at most once in sync seconds: a pod that has just come keeps it from telling one that goes.
SETTINGS = {"target": "instance", "reuse": "never", "pods": 3, "rate": 60.0, "sync": 3.0, "grace": 30.0}
FAMILIES = ("ipv4", "ipv6")
AGENT = "process"   # with the laboratory's word on the target group
play = rolling
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def must_find(run):
    return found(run, "listener_closed", 1) + at_least(1, run.ended, "pods that ended") + unknown_drain(run)
