# SPDX-License-Identifier: Apache-2.0
"""A rolling update behind a NodePort, policy Local (row 7): the pods see the load balancer's own address."""

from . import at_least, found, instance_cluster

SUMMARY = "instance targets, policy Local: rolling update; the pods see the balancer's address"
SETTINGS = {**instance_cluster.SETTINGS, "policy": "Local"}


def mechanics(run):
    sources = instance_cluster.sources(run)
    return at_least(8, run.failures("SC", slowest=500), "connections refused at once") + (
        [] if sources == {run.lab.network.plan.lb} else [f"lost connections came from {sources}"])


def must_find(run):
    unsure = [d for d in run.by_cause("listener_closed") if d["drainsnoop.drop.confidence"] != "high"]
    return found(run, "listener_closed", 8) + instance_cluster.unknown_drain(run) + (
        [f"{len(unsure)} drops are not sure, though the balancer's address is seen"] if unsure else [])
