# SPDX-License-Identifier: Apache-2.0
"""A rolling update behind a NodePort, policy Cluster (row 7): the node's rules know of it some time later.

What reaches a pod comes from the node's own address: the rules masquerade. So do the kubelet's probes.
"""

from . import at_least, found

SUMMARY = "instance targets, policy Cluster: rolling update; the pods see the node's own address"
SETTINGS = {"target": "instance", "reuse": "never", "pods": 2, "rate": 30.0, "sync": 1.5, "linger": 2.0,
            "settle": 4.0, "grace": 6.0}


def sources(run):
    """The addresses from which the pods saw the connections come that were lost."""
    return {f.entry["source"] for f in run.truth.failures if f.entry and "via" in f.entry and "why" not in f.entry}


def mechanics(run):
    return at_least(8, run.failures("SC", slowest=500), "connections refused at once") + (
        [] if sources(run) == {run.lab.network.plan.node} else [f"lost connections came from {sources(run)}"])


def unknown_drain(run):
    """Problems if a drain is told for a pod: nodes are registered, pods are not."""
    problems = [f"a drop says {d.get('drainsnoop.drain.relation')}" for d in run.truth.drops
                if d.get("drainsnoop.drain.relation") != "unknown"]
    return problems + [f"the verdict on {pod.name} has a drain" for pod in run.ended
                       if any(key.startswith("drainsnoop.drain.") for key in run.verdict(pod))]


def must_find(run):
    return found(run, "listener_closed", 8) + unknown_drain(run)
