# SPDX-License-Identifier: Apache-2.0
"""A node is drained behind a NodePort, policy Local (row 10): its pods go, the balancer goes on sending.

First the stale rule sends to pods that end, then the rules drop what has no endpoint on the node, then
kube-proxy is gone too and the node itself resets. Only the first is for a pod; the rest is for the
node's own address, and no pod's loss.
"""

from drainlab.proc import now_ns, wait_for
from . import at_least, found, instance_cluster

SUMMARY = "instance targets, node drain: losses of its pods; DROP and RST at the NodePort are nobody's"
SETTINGS = {"target": "instance", "reuse": "never", "nodes": 2, "targets": ("node", "node2"), "policy": "Local",
            "rate": 20.0, "sync": 1.5, "linger": 2.0, "settle": 4.0, "grace": 6.0}


def play(lab):
    leaving = [lab.kubernetes.create() for _ in range(2)]
    lab.kubernetes.create(elsewhere=True)
    lab.start_clients()
    for pod in leaving:
        lab.kubernetes.delete(pod, "eviction")
    wait_for(lambda: all("deleted" in pod.marks for pod in leaving) or lab.errors, 30, "the end of the pods")
    lab.check()
    lab.dropped = [now_ns()]
    lab.sleep(1.5)
    lab.dropped.append(now_ns())
    lab.group.nodes["node"].stop_proxy()
    lab.sleep(1.5)
    lab.group.remove_node("node")


def at_the_node(run, term, slowest=1 << 62):
    node = run.lab.network.plan.node
    return [f for f in run.failures(term, slowest=slowest) if f.entry["address"] == node]


def mechanics(run):
    begin, end = run.lab.dropped
    # A SYN that is sent again after the rules are gone is reset then: seconds later all the same.
    dropped = [f for f in at_the_node(run, "") if begin < f.entry["accept_ns"] < end and f.entry["Ta"] > 500]
    reset = [f for f in at_the_node(run, "SC", 500) if f.entry["accept_ns"] > end]
    return (at_least(5, dropped, "connections that the rules dropped")
            + at_least(5, reset, "connections that the node itself reset"))


def must_find(run):
    problems = found(run, "listener_closed", 3) + instance_cluster.unknown_drain(run)
    others = {d["drainsnoop.drop.cause"] for d in run.truth.drops} - {"listener_closed"}
    return problems + ([f"drops {others} besides"] if others else [])
