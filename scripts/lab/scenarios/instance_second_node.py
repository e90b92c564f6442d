# SPDX-License-Identifier: Apache-2.0
"""The balancer sends to another node, which forwards to the pods of this one (row 7, over a second node).

What reaches a pod comes from the other node's address; nothing of it was ever for this node's NodePort.
"""

from . import at_least, found, instance_cluster

SUMMARY = "instance targets over a second node: the pods see that node's address"
SETTINGS = {**instance_cluster.SETTINGS, "nodes": 2, "targets": ("node2",)}


def mechanics(run):
    sources = instance_cluster.sources(run)
    return at_least(8, run.failures("SC", slowest=500), "connections refused at once") + (
        [] if sources == {run.lab.network.plan.other} else [f"lost connections came from {sources}"])


def must_find(run):
    return found(run, "listener_closed", 8) + instance_cluster.unknown_drain(run)
