# SPDX-License-Identifier: Apache-2.0
"""A node is a target before its kube-proxy has written a rule (row 8): its own stack answers with RST.

Nothing of it is for a pod's address: the load balancer's clients lose, no pod does.
"""

from . import at_least

SUMMARY = "instance targets: a node that joins has no rules yet; RST from the node itself, no drop"
SETTINGS = {"target": "instance", "reuse": "never", "nodes": 2, "targets": ("node2",), "rate": 20.0, "settle": 4.0}


def play(lab):
    lab.group.nodes["node"].stop_proxy()
    lab.kubernetes.create()
    lab.kubernetes.create(elsewhere=True)
    lab.start_clients()
    lab.group.add_node("node")
    lab.wait_for_requests(60)
    lab.group.nodes["node"].start_proxy(lab.group.endpoints())
    lab.wait_for_requests(30)


def mechanics(run):
    node = run.lab.network.plan.node
    refused = [f for f in run.failures("SC", slowest=500) if f.entry["address"] == node]
    return at_least(15, refused, "connections refused by the node itself")


def nothing(run):
    """Problems if anything at all is a drop, or a request was lost that a watched pod could have seen."""
    problems = [f"{len(run.truth.drops)} drops, expected none"] if run.truth.drops else []
    seen = [f for f in run.truth.failures if f.verdict != "unobservable"]
    return problems + ([f"{len(seen)} requests were lost in sight of a pod"] if seen else [])


must_find = nothing
